/* test_culprit_together.c - two that make it grow, with the share of each. */
#include "culprit_fixture.h"

#include "../../src/core/culprit_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Who makes the machine grow, when the actors are the store and two clients? */
static void rank_two_clients(const struct fixture *f, struct culprit_ranking *out_ranking)
{
    const struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                          known_as(f, 1, TARGET_CLIENT, "fax"),
                                          known_as(f, 2, TARGET_CLIENT, "bes")};
    const struct culprit_question question = about(f, METRIC_COMMIT);
    culprit_rank(&f->growers, &question, known, 3, out_ranking);
}

static void test_two_are_named_together_with_their_shares(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 30 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.5},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 4 * MIB}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_ranking ranking;
    rank_two_clients(f, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_false(ranking.either);
    assert_string_equal(ranking.items[0].image, "BESAgent.exe"); /* the larger share */
    assert_string_equal(ranking.items[1].image, "Fax.exe");
    assert_true(culprit_is_named(&ranking, 0) && culprit_is_named(&ranking, 1));
    assert_false(culprit_is_named(&ranking, 2));
    assert_true(fabs(ranking.items[0].share - 60 / 94.0) < 0.06);
    assert_true(fabs(ranking.items[1].share - 30 / 94.0) < 0.06);
    assert_true(ranking.together_low <= 90 / 94.0 && 90 / 94.0 <= ranking.together_high);
    assert_non_null(
        strstr(ranking.words, "Nearly certainly BESAgent.exe (pid 108, the client \"bes\") with about 6"));
    assert_non_null(strstr(ranking.words, " and Fax.exe (pid 104, the client \"fax\") with about 3"));
    assert_non_null(strstr(ranking.words, " % together: they grew "));
    assert_non_null(strstr(ranking.words, "of the growth."));
}

/* Of two that are named together one was started in the middle. */
static void test_of_two_each_is_told_with_its_time(void **state)
{
    struct fixture *f = *state;
    enum { HOURS = 14, MIDDLE = FROM + 6 * POLLS_A_HOUR };
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 30 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe", .bytes = 90 * MIB, .handles = 600, .bytes_leaked = 40 * MIB}};
    double before = 0;
    for (int poll = 0; poll < FROM + HOURS * POLLS_A_HOUR; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        struct process *agent = &f->observation->processes[2];
        if (poll == MIDDLE)
            before = agent->private_bytes - 90 * MIB;
        if (poll >= MIDDLE) {
            agent->id.created_100ns += (uint64_t)(MIDDLE + 3 * POLLS_A_HOUR) * POLL_MS * 10000;
            agent->private_bytes -= before;
            f->observation->host.commit_bytes -= before;
        }
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 1, TARGET_CLIENT, "fax"),
                                    known_as(f, 2, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_non_null(strstr(ranking.words, "MiB in the same 13 h 40 min and "));
    assert_non_null(strstr(ranking.words, "MiB in the last "));
}

/* Whose doubt it is: two processes may have one image. */
static void test_a_doubt_says_whose_it_is(void **state)
{
    (void)state;
    struct culprit_ranking ranking = {.metric = METRIC_PRIVATE_BYTES,
                                      .count = 2,
                                      .together = 2,
                                      .together_confidence = CULPRIT_LIKELY,
                                      .explained = NAN,
                                      .together_share = NAN};
    for (size_t i = 0; i < 2; i++) {
        ranking.items[i] = (struct culprit){.process = {i ? 2004 : 2000, 1},
                                            .process_count = 1,
                                            .image = "agent.exe",
                                            .share = NAN,
                                            .in_step = 0.9,
                                            .doubts = 1u << CULPRIT_DOUBT_LATER};
    }
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words,
                           "; but agent.exe (pid 2000) began later; but agent.exe (pid 2004) began later."));
    text_copy(ranking.items[1].image, sizeof ranking.items[1].image, "fax.exe");
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, "; but agent.exe began later; but fax.exe began later."));
}

/* Who took more of the machine's growth may be the victim of who took less: the words say so. */
static void test_a_part_is_told_as_a_part(void **state)
{
    (void)state;
    struct culprit_ranking ranking = {
        .metric = METRIC_COMMIT, .count = 2, .explained = 1, .together_share = NAN};
    ranking.items[0] = (struct culprit){.process_count = 1,
                                        .image = "archive.exe",
                                        .share = 0.33,
                                        .share_low = 0.2,
                                        .share_high = 0.47,
                                        .confidence = CULPRIT_NEARLY_CERTAIN};
    ranking.items[1] = (struct culprit){.process_count = 1,
                                        .image = "store.exe",
                                        .watched = true,
                                        .kind = TARGET_STORE,
                                        .share = 0.67,
                                        .confidence = CULPRIT_POSSIBLE};
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(
        strstr(ranking.words, "A part of it: Nearly certainly an unregistered process archive.exe"));
    assert_non_null(strstr(ranking.words, "33 % (20 to 47 %) of the growth. A larger part, 67 %, is that of "
                                          "store.exe, which a client may make grow."));
    ranking.items[1].confidence = CULPRIT_NOBODY;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, "A larger part, 67 %, is that of store.exe, which a client may"));
    ranking.items[1].watched = false;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_null(strstr(ranking.words, "A larger part"));
    ranking.items[1].confidence = CULPRIT_POSSIBLE;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, " is that of store.exe, possibly a cause, too."));
    ranking.items[0].share = 0.8;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_int_equal(strncmp(ranking.words, "Nearly certainly an", strlen("Nearly certainly an")), 0);
}

/* Under pressure the store gives its cache back: what two leak is more than the machine grows by. */
static void test_no_part_is_more_than_all_of_it(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 1200 * MIB, .handles = 4000, .bytes_leaked = -42 * MIB},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 34 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.5}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_ranking ranking;
    rank_two_clients(f, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_true(ranking.items[0].share > 1 && ranking.together_low > 1);
    assert_non_null(
        strstr(ranking.words, "BESAgent.exe (pid 108, the client \"bes\") with all of it and Fax.exe"));
    assert_non_null(strstr(ranking.words, ", together all of the growth and what others gave back."));
    assert_null(strstr(ranking.words, " 100 %"));
}

/* Two clients' objects lie in the store, which has `part` of its growth from the first of them. */
static void live_with_two(struct fixture *f, double own_burst, double part)
{
    const double total = 120;
    for (int poll = 0; poll < FROM + 9 * POLLS_A_HOUR; poll++) {
        const struct actor clients[] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
                                        {.image = "archive.exe",
                                         .bytes = 90 * MIB,
                                         .handles = 600,
                                         .handles_leaked = 240 * part,
                                         .with_burst = 0.9,
                                         .own_burst = own_burst},
                                        {.image = "fax.exe",
                                         .bytes = 30 * MIB,
                                         .handles = 300,
                                         .handles_leaked = 300 * (1 - part),
                                         .with_burst = 0.9,
                                         .own_burst = own_burst},
                                        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
        play_poll(f, clients, ARRAY_COUNT(clients), poll);
        double hours = poll > FROM ? (double)(poll - FROM) / POLLS_A_HOUR : 0, fed = 0;
        for (size_t i = 1; i <= 2; i++)
            fed += (i == 1 ? part : 1 - part) *
                   (0.9 * (own_burst * f->its_calls[i] + (1 - own_burst) * f->calls) + 0.1 * hours);
        f->observation->processes[0].private_bytes += total * fed * MIB;
        f->observation->processes[0].handle_count += floor(240 * fed);
        growers_push(&f->growers, f->observation);
    }
}

static void ask_about_the_store(struct fixture *f, struct culprit_ranking *out_ranking)
{
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive"),
                                    known_as(f, 2, TARGET_CLIENT, "fax")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, known, 3, out_ranking);
}

static void test_two_clients_are_named_together_for_the_store(void **state)
{
    struct fixture *f = *state;
    live_with_two(f, 1, 0.6);
    struct culprit_ranking ranking;
    ask_about_the_store(f, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_false(ranking.either);
    assert_string_equal(ranking.items[0].image, "archive.exe");
    assert_string_equal(ranking.items[1].image, "fax.exe");
    assert_true(fabs(ranking.items[0].share - 0.6) < 0.1);
    assert_true(fabs(ranking.items[1].share - 0.4) < 0.1);
    assert_non_null(strstr(ranking.words, "archive.exe (pid 104, the client \"archive\") with about "));
    assert_non_null(strstr(ranking.words, " together: they grew "));
}

static void test_two_that_move_alike_are_not_told_apart(void **state)
{
    struct fixture *f = *state;
    live_with_two(f, 0, 0.5); /* one rhythm */
    struct culprit_ranking ranking;
    ask_about_the_store(f, &ranking);
    assert_null(first_by_itself(&ranking)); /* neither is accused by itself */
    assert_int_equal(ranking.together, 2);
    assert_true(ranking.either);
    assert_true(culprit_is_named(&ranking, 0) && culprit_is_named(&ranking, 1));
    assert_true(isnan(ranking.together_share));
    assert_non_null(strstr(ranking.words, "or both: they grew "));
    assert_non_null(strstr(ranking.words, "cannot be told apart"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, culprit_setup, culprit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_two_are_named_together_with_their_shares),
        TEST(test_of_two_each_is_told_with_its_time),
        cmocka_unit_test(test_a_doubt_says_whose_it_is),
        cmocka_unit_test(test_a_part_is_told_as_a_part),
        TEST(test_no_part_is_more_than_all_of_it),
        TEST(test_two_clients_are_named_together_for_the_store),
        TEST(test_two_that_move_alike_are_not_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

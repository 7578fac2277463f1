/* test_culprit_program.c - several processes of one program: one suspect when together they explain it better. */
#include "culprit_fixture.h"

#include "storewatch/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AGENTS = 6, BESIDE_MAX = 18 };

/* The store, a client that runs as several processes whose leak shows in it, and others that rest. */
static void make_agents(struct actor actors[1 + AGENTS + BESIDE_MAX])
{
    actors[0] = (struct actor){.image = "store.exe",
                               .bytes = 800 * MIB,
                               .handles = 4000,
                               .bytes_leaked = 90 * MIB,
                               .handles_leaked = 60,
                               .with_burst = 0.9};
    for (size_t i = 1; i <= AGENTS + BESIDE_MAX; i++)
        actors[i] = (struct actor){.image = "svchost.exe", .bytes = 20 * MIB, .handles = 500};
    for (size_t i = 1; i <= AGENTS; i++)
        actors[i] = (struct actor){.image = i % 2 ? "BESAgent.exe" : "besagent.exe",
                                   .bytes = 60 * MIB,
                                   .handles = 400,
                                   .handles_leaked = 10,
                                   .with_burst = 0.9,
                                   .own_burst = 0.6};
}

/* `store`: its place; the agents come next. */
static void rank_agents(struct fixture *f, size_t store, struct culprit_ranking *out)
{
    struct culprit_known known[AGENTS + 1] = {known_as(f, store, TARGET_STORE, "MSExchangeIS")};
    for (size_t i = 0; i < AGENTS; i++)
        known[1 + i] = known_as(f, store + 1 + i, TARGET_CLIENT, "bes");
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    question.process = f->observation->processes[store].id;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), out);
}

/* A client that runs as several processes: each is in step with a part of it only, none stands out. */
static void test_the_processes_of_one_client_are_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    struct culprit_ranking ranking;
    make_agents(actors);
    play(f, actors, ARRAY_COUNT(actors), FROM + 8 * POLLS_A_HOUR);
    rank_agents(f, 0, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process_count, AGENTS);
    assert_string_equal(first->target, "bes");
    assert_string_equal(first->service, "ArchiveSvc"); /* known_as */
    assert_true(fabs(first->bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, "ertainly 6 processes "));
    assert_non_null(strstr(ranking.words, " and others, the client \"bes\"): they grew "));
    for (size_t i = 1; i < ranking.count; i++) /* none of them has a place of its own beside it */
        assert_false(text_equal_nocase(ranking.items[i].image, "besagent.exe"));

    struct config config;
    culprit_config(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->has_incident = alert->has_ranking = true;
    alert->ranking = ranking;
    alert->incident.target_kind = TARGET_STORE;
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms = INT64_MAX;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 2);
    assert_non_null(strstr(alert->todo[0], "gent.exe (6 processes, pid "));
    free(alert);
}

/* The onset of one of them agrees a little better by chance: that is no reason to name it, or two of them. */
static void test_the_processes_of_one_client_stay_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    make_agents(actors);
    for (size_t i = 1; i <= AGENTS; i++) {
        actors[i].handles_leaked = 7;
        actors[i].own_burst = 0.3;
    }
    f->random = random_seeded(2);
    for (int poll = 0; poll < FROM + 13 * POLLS_A_HOUR; poll++) {
        struct culprit_ranking ranking;
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
        if (poll < FROM + 8 * POLLS_A_HOUR || poll % POLLS_A_HOUR != 0)
            continue;
        rank_agents(f, 0, &ranking);
        assert_int_equal(ranking.together, 0);
        assert_int_equal(ranking.items[0].process_count, AGENTS);
    }
}

/* Where few others run, it is still one program that grows, and not everybody. */
static void test_the_processes_of_one_client_are_no_load(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    struct culprit_ranking ranking;
    make_agents(actors);
    play(f, actors, 1 + AGENTS + 8, FROM + 8 * POLLS_A_HOUR);
    rank_agents(f, 0, &ranking);
    assert_false(ranking.with_load);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process_count, AGENTS);
}

/* However many others grow a little. */
static void test_the_processes_of_one_client_are_seen_behind_others(void **state)
{
    struct fixture *f = *state;
    static const char *const images[] = {"a.exe", "b.exe", "c.exe", "d.exe",
                                         "e.exe", "f.exe", "g.exe", "h.exe"};
    struct actor actors[ARRAY_COUNT(images) + 1 + AGENTS + BESIDE_MAX];
    struct actor *agents = actors + ARRAY_COUNT(images);
    make_agents(agents);
    for (size_t i = 0; i < ARRAY_COUNT(images); i++)
        actors[i] =
            (struct actor){.image = images[i], .bytes = 50 * MIB, .handles = 500, .bytes_leaked = 0.1 * MIB};
    play(f, actors, ARRAY_COUNT(actors), FROM + 8 * POLLS_A_HOUR);
    struct culprit_ranking ranking;
    rank_agents(f, ARRAY_COUNT(images), &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process_count, AGENTS);
}

/* The store rests, and so many MiB an hour go to the five worker processes of a web server. */
static void rank_workers(struct fixture *f, const double mib[5], struct culprit_ranking *out)
{
    struct actor actors[21] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000}};
    for (size_t i = 1; i < ARRAY_COUNT(actors); i++)
        actors[i] = (struct actor){.image = "svchost.exe", .bytes = 20 * MIB, .handles = 500};
    for (int i = 0; i < 5; i++)
        actors[1 + i] = (struct actor){.image = "w3wp.exe",
                                       .bytes = 60 * MIB,
                                       .handles = 400,
                                       .bytes_leaked = mib[i] * MIB,
                                       .with_burst = 0.9,
                                       .own_burst = 0.6};
    f->calls = 0;
    memset(f->its_calls, 0, sizeof f->its_calls);
    memset(&f->growers, 0, sizeof f->growers);
    growers_init(&f->growers, 15000, 4 * MS_PER_HOUR);
    play(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_COMMIT);
    culprit_rank(&f->growers, &question, &known, 1, out);
}

/* Of a sum: each has a fifth. And of several that do not grow, or hardly, one is that one. */
static void test_the_processes_of_a_program_have_their_share_together(void **state)
{
    static const struct {
        double mib[5];
        size_t named;
    } cases[] = {{{18, 18, 18, 18, 18}, 5}, {{90, 0, 0, 0, 0}, 1}, {{90, 3, 3, 3, 3}, 1}};
    for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
        struct culprit_ranking ranking;
        rank_workers(*state, cases[c].mib, &ranking);
        const struct culprit *first = first_by_itself(&ranking);
        assert_non_null(first);
        assert_int_equal(first->process_count, cases[c].named);
        assert_true(first->share_high >= (c == 2 ? 0.88 : 1) && first->share_low > 0.7);
        assert_non_null(strstr(ranking.words, cases[c].named == 5
                                                  ? "5 unregistered processes w3wp.exe (pid "
                                                  : "an unregistered process w3wp.exe (pid 104): it"));
        assert_true(ranking.explained < 1.2); /* nothing was counted twice */
    }
}

/* Two of five are not the program. */
static void test_a_few_of_a_program_are_named_by_themselves(void **state)
{
    struct culprit_ranking ranking;
    rank_workers(*state, (const double[5]){45, 45, 0, 0, 0}, &ranking);
    assert_int_equal(ranking.together, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(ranking.items[i].image, "w3wp.exe");
        assert_int_equal(ranking.items[i].process_count, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, culprit_setup, culprit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_processes_of_one_client_are_one),
        TEST(test_the_processes_of_one_client_stay_one),
        TEST(test_the_processes_of_one_client_are_no_load),
        TEST(test_the_processes_of_one_client_are_seen_behind_others),
        TEST(test_the_processes_of_a_program_have_their_share_together),
        TEST(test_a_few_of_a_program_are_named_by_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

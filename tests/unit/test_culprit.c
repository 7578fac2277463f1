/* test_culprit.c - who is named for a growth, how surely and in which words, when one process makes it grow or nobody does; onsets, and
 * who has ended. The figures over many machines are bench_culprit's. */
#include "culprit_fixture.h"

#include "storewatch/advice.h"

#include "../../src/core/culprit_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- onset ---- */

static void test_an_onset_is_found_with_an_interval_that_holds_it(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    int held = 0, runs = 200;
    for (int run = 0; run < runs; run++) {
        double t[80], v[80], at = 20 + 30 * random_uniform(&random);
        for (int i = 0; i < 80; i++) {
            t[i] = i;
            v[i] = 100 + random_normal(&random) + 0.5 * fmax(0, i - at);
        }
        struct culprit_onset onset = culprit_onset_find(t, v, 80);
        assert_true(onset.known);
        held += onset.low <= at && at <= onset.high;
    }
    assert_in_range(held, runs * 88 / 100, runs);
    double t[40], flat[40], straight[40];
    for (int i = 0; i < 40; i++) {
        t[i] = i;
        flat[i] = 5;
        straight[i] = i;
    }
    assert_false(culprit_onset_find(t, flat, 40).known);
    assert_false(culprit_onset_find(t, straight, 40).known); /* it grew before it was seen */
}

/* ---- rankings ---- */

static void test_a_client_is_named_with_its_share(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.7},
        {.image = "inetinfo.exe", .bytes = 200 * MIB, .handles = 900},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 6 * MIB}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->confidence, CULPRIT_NEARLY_CERTAIN);
    assert_string_equal(first->image, "BESAgent.exe");
    assert_string_equal(first->service, "ArchiveSvc");
    double truth = 60.0 / 66.0;
    assert_true(first->share_low <= truth && truth <= first->share_high);
    assert_true(first->share_high - first->share_low < 0.4);
    assert_true(fabs(first->slope_per_hour[GROWER_BYTES] / MIB - 60) < 12);
    assert_true(ranking.explained > 0.8 && ranking.explained < 1.2);
    assert_true(ranking.pool_share < 0.05);
    assert_non_null(
        strstr(ranking.words, "Nearly certainly BESAgent.exe (pid 104, the client \"bes\"): it grew "));
    assert_int_equal(ranking.items[1].confidence, CULPRIT_NOBODY);
}

static void test_an_unregistered_process_is_named_as_such(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "foo.exe", .bytes = 40 * MIB, .handles = 200, .bytes_leaked = 200 * MIB}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 5 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_false(ranking.items[0].watched);
    assert_non_null(strstr(ranking.words, "an unregistered process foo.exe (pid 104): it grew "));
}

static void test_a_share_in_words(void **state)
{
    (void)state;
    static const struct {
        double share, low, high;
        const char *words;
    } cases[] = {{0.6, 0.45, 0.75, "60 % (45 to 75 %)"},
                 {0.05, -0.1, 0.2, "5 % (0 to 20 %)"},
                 {0.95, 0.8, 1.1, "95 % (80 to 100 %)"},
                 {1.2, 1.1, 1.3, "all of it"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct culprit culprit = {
            .share = cases[i].share, .share_low = cases[i].low, .share_high = cases[i].high};
        char words[64];
        struct text text = text_on(words, sizeof words);
        text_add_culprit_share(&text, &culprit);
        assert_string_equal(words, cases[i].words);
    }
}

/* The store takes memory for its cache while there is some: alone it is possibly the cause of the machine's growth, and
 * likely once its own verdict says so, but never more. */
static void test_the_store_may_grow_by_its_cache(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000, .bytes_leaked = 200 * MIB},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    const struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    known.state[GROWER_BYTES] = VERDICT_BOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_string_equal(ranking.items[0].image, "store.exe");
    assert_int_equal(ranking.items[0].confidence, CULPRIT_POSSIBLE);
    known.state[GROWER_BYTES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_int_equal(ranking.items[0].confidence, CULPRIT_LIKELY);
}

/* KB 898782's kind: calls of a client, and the store's bytes and handles grow. */
static void live_with_objects(struct fixture *f, double handles_an_hour, double mib_an_hour)
{
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = mib_an_hour * MIB,
         .handles_leaked = 60,
         .with_burst = 0.9},
        {.image = "archive.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .handles_leaked = handles_an_hour,
         .with_burst = 0.9},
        {.image = "fax.exe", .bytes = 30 * MIB, .handles = 300, .handles_leaked = 20},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    play(f, actors, ARRAY_COUNT(actors), FROM + 7 * POLLS_A_HOUR);
}

static void test_a_client_is_named_for_the_growth_of_the_store(void **state)
{
    struct fixture *f = *state;
    live_with_objects(f, 60, 90);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive"),
                                    known_as(f, 2, TARGET_CLIENT, "fax")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 3, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "archive.exe");
    assert_true(isnan(first->share)); /* what the store holds is accounted to nobody */
    assert_true(first->in_step > 0.5);
    assert_true(fabs(first->bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, "in step with it"));
    assert_true(first->growth[GROWER_HANDLES] ==
                round(first->growth[GROWER_HANDLES])); /* there are no parts of one */
    for (size_t i = 1; i < ranking.count; i++)
        assert_true(ranking.items[i].confidence < CULPRIT_LIKELY);
    for (size_t i = 0; i < ranking.count; i++)
        assert_string_not_equal(ranking.items[i].image, "store.exe");

    known[1].lacks_fix = true; /* what the DLL's version says counts too */
    struct culprit_ranking surer;
    culprit_rank(&f->growers, &question, known, 3, &surer);
    assert_true(surer.items[0].score > ranking.items[0].score);
    known[1].lacks_fix = false; /* and that it leaks by its own verdict */
    known[1].state[GROWER_HANDLES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, known, 3, &surer);
    assert_true(surer.items[0].score > ranking.items[0].score);
}

/* A quarter of the growth, of which the kernel's pools have the rest. */
static void test_who_leaks_by_its_own_verdict_needs_less(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .bytes_leaked = 30 * MIB},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    for (int poll = 0; poll < FROM + 6 * POLLS_A_HOUR; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        f->observation->host.commit_bytes += poll > FROM ? 90 * MIB * (poll - FROM) / POLLS_A_HOUR : 0;
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_as(f, 1, TARGET_CLIENT, "archive");
    const struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_null(first_by_itself(&ranking));
    known.state[GROWER_BYTES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_string_equal(ranking.items[0].image, "archive.exe");
}

/* A client that was started in the middle (nothing is known of the one before it) has done what the last half shows,
 * and is measured by that. */
static void test_one_that_was_started_in_the_middle_is_measured_since_then(void **state)
{
    struct fixture *f = *state;
    enum { HOURS = 14, MIDDLE = FROM + 7 * POLLS_A_HOUR };
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = 90 * MIB,
         .handles_leaked = 60,
         .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 60, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    double before = 0;
    for (int poll = 0; poll < FROM + HOURS * POLLS_A_HOUR; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        struct process *archive = &f->observation->processes[1];
        if (poll == MIDDLE)
            before = archive->handle_count - 600;
        if (poll >= MIDDLE) {
            archive->id.created_100ns += (uint64_t)(MIDDLE + 3 * POLLS_A_HOUR) * POLL_MS * 10000;
            archive->handle_count -= before;
        } else {
            f->observation->processes[1] = f->observation->processes[--f->observation->process_count];
        }
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_true(ranking.count > 0);
    assert_string_equal(ranking.items[0].image, "archive.exe");
    assert_true(fabs(ranking.items[0].bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, " handles in the last "));
}

/* The nonpaged pool takes `a_handle` bytes for each handle, and a driver `driver_mib` an hour. The actor
 * `store` is the Information Store. */
static void live_with_pool_of(struct fixture *f, size_t store, double handles_leaked, double a_handle,
                              double driver_mib, struct culprit_ranking *out_ranking)
{
    const struct actor actors[] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
                                   {.image = "foo.exe",
                                    .bytes = 40 * MIB,
                                    .handles = 300,
                                    .handles_leaked = handles_leaked,
                                    .with_burst = 0.8},
                                   {.image = "inetinfo.exe", .bytes = 200 * MIB, .handles = 900}};
    for (int poll = 0; poll < FROM + 7 * POLLS_A_HOUR; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        double all = 0;
        for (size_t i = 0; i < f->observation->process_count; i++)
            all += f->observation->processes[i].handle_count;
        f->observation->host.nonpaged_pool_bytes += a_handle * all;
        if (poll > FROM)
            f->observation->host.nonpaged_pool_bytes += driver_mib * MIB * (poll - FROM) / POLLS_A_HOUR;
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_as(f, store, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_NONPAGED_POOL);
    culprit_rank(&f->growers, &question, &known, 1, out_ranking);
}

static void live_with_pool(struct fixture *f, double handles_leaked, double a_handle, double driver_mib,
                           struct culprit_ranking *out_ranking)
{
    live_with_pool_of(f, 0, handles_leaked, a_handle, driver_mib, out_ranking);
}

/* It makes up the store's growth, but of the pools it is a part as all others. */
static void test_the_store_can_hold_the_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool_of(f, 1, 3000, 700, 0, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(first_by_itself(&ranking)->kind, TARGET_STORE);
}

static void test_who_holds_handles_is_named_for_the_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 3000, 700, 0, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "foo.exe");
    assert_true(isnan(first->share));
    assert_true(fabs(first->bytes_a_handle - 700) < 70);
    assert_int_equal(first->doubts, 0);
    assert_non_null(strstr(ranking.words, "an unregistered process foo.exe (pid 104): it grew "));
    assert_non_null(strstr(ranking.words, " B for each handle."));
    assert_null(strstr(ranking.words, "unknown"));
}

static void advise_on_pool(const struct culprit_ranking *ranking, const char *advice)
{
    struct config config;
    culprit_config(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    *alert =
        (struct alert){.kind = ALERT_OPENED, .has_incident = true, .has_ranking = true, .ranking = *ranking};
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_NONPAGED_POOL;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 1);
    if (strncmp(alert->todo[0], advice, strlen(advice)) != 0)
        fail_msg("%s", alert->todo[0]);
    free(alert);
}

static void test_nobody_is_named_for_a_driver_s_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 0, 700, 20, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_non_null(strstr(ranking.words, "Nobody stands out"));
    if (ranking.count)
        assert_non_null(strstr(ranking.words, ": it grew "));
    assert_non_null(strstr(ranking.words,
                           "Who holds it is unknown: what drivers take of the pool belongs to no process"));
    /* Nobody is sent to look for what was looked for. */
    advise_on_pool(&ranking,
                   "No process has opened handles that could hold it, so it is a driver's, as likely as not: "
                   "poolmon of the Windows support tools shows whose tag grows.");
    ranking.left_out = 20; /* among these there may be one */
    advise_on_pool(&ranking, "Find the program whose handles grow ");
}

static void test_few_handles_do_not_hold_a_driver_s_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 30, 700, 20, &ranking); /* 20 MiB an hour beside 30 handles */
    assert_null(first_by_itself(&ranking));
    assert_true(ranking.count > 0);
    assert_string_equal(ranking.items[0].image, "foo.exe");
    assert_true(ranking.items[0].doubts & (1u << CULPRIT_DOUBT_FEW_HANDLES));
    assert_non_null(strstr(ranking.words, "has too few handles for it"));
    assert_non_null(strstr(ranking.words, "Who holds it is unknown"));
}

static void test_nobody_is_named_for_a_cache(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < FROM + 10 * POLLS_A_HOUR; poll++) {
        double filled = poll > FROM ? 1 - exp(-(poll - FROM) / (3.0 * POLLS_A_HOUR)) : 0;
        const struct actor actors[] = {
            {.image = "store.exe", .bytes = 800 * MIB + 600 * MIB * filled, .handles = 4000},
            {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600},
            {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_true(ranking.items[0].doubts & (1u << CULPRIT_DOUBT_LEVELS_OFF));
    assert_non_null(strstr(ranking.words, "levels off"));
    question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_null(first_by_itself(&ranking));
}

static void test_nobody_is_named_for_load(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < FROM + 6 * POLLS_A_HOUR; poll++) {
        double load = poll > FROM ? (double)(poll - FROM) / (6 * POLLS_A_HOUR) : 0;
        static const char *const images[] = {"store.exe",   "mad.exe",    "lsass.exe",    "w3wp.exe",
                                             "svchost.exe", "emsmta.exe", "inetinfo.exe", "services.exe",
                                             "av.exe",      "dns.exe"};
        struct actor actors[ARRAY_COUNT(images)];
        for (size_t i = 0; i < ARRAY_COUNT(actors); i++)
            actors[i] = (struct actor){.image = images[i],
                                       .bytes = (i ? 40 + 25 * (double)i : 700) * MIB *
                                                (1 + (0.2 + 0.02 * (double)i) * load),
                                       .handles = 500 * (1 + 0.1 * load)};
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    for (enum metric metric = METRIC_PRIVATE_BYTES; metric <= METRIC_COMMIT;
         metric = metric == METRIC_PRIVATE_BYTES ? METRIC_COMMIT : METRIC_COUNT) {
        struct culprit_question question = about(f, metric);
        struct culprit_ranking ranking;
        culprit_rank(&f->growers, &question, known, 2, &ranking);
        assert_true(ranking.with_load);
        assert_null(first_by_itself(&ranking));
        assert_non_null(strstr(ranking.words, "it may be the load"));
    }
}

static void test_too_short_a_past_names_nobody(void **state)
{
    struct fixture *f = *state;
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
    assert_non_null(strstr(ranking.words, "Nobody can be named yet"));
    const struct actor actor = {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000};
    play(f, &actor, 1, FROM + 2 * POLLS_A_HOUR); /* flat */
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
    assert_non_null(strstr(ranking.words, "Nobody"));
    question.metric = METRIC_PRIVATE_BYTES;
    question.process = (struct process_id){4711, 1}; /* it has no row */
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
}

/* ---- who has ended ---- */

/* The store grows in the rhythm of the calls of a client that has ended, or was recycled. */
static struct culprit_known known_of_pid(uint32_t pid, int begins)
{
    struct culprit_known known = {.kind = TARGET_CLIENT, .target = "archive", .service = "ArchiveSvc"};
    const int64_t born_ms = BOOT_UTC_MS + (begins ? begins * POLL_MS : -3 * MS_PER_HOUR);
    known.process = (struct process_id){pid, process_created_100ns(born_ms)};
    return known;
}

enum { ENDS = FROM + 10 * POLLS_A_HOUR };

/* Nobody else has to be restarted: what it made the store hold is there still. */
static void test_one_that_has_ended_is_named_for_the_store(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    actors[1].ends = ENDS;
    struct culprit_ranking ranking;
    for (int poll = 0; poll < ENDS + 20; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_of_pid(104, 0);
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process.pid, 104);
    assert_true(culprit_is_gone(first));
    assert_non_null(
        strstr(ranking.words, "archive.exe (pid 104, the client \"archive\", which has ended): it grew "));
    assert_non_null(strstr(ranking.words, " and ended 19 min ago, "));
    /* What it had of the machine's commit was given back. */
    question.metric = METRIC_COMMIT;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    for (size_t i = 0; i < ranking.count; i++)
        assert_int_not_equal(ranking.items[i].process.pid, 104);
}

static void test_nobody_is_named_for_what_goes_on_after_its_end(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    actors[1].ends = ENDS;
    play(f, actors, ARRAY_COUNT(actors), ENDS + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_of_pid(104, 0);
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process.pid, 104);
    assert_non_null(strstr(ranking.words, "; but it ended, and the growth went on."));
}

/* That it goes on says nothing against one whose successor may be what goes on, and is too young to be asked. */
static void test_a_young_successor_does_not_acquit(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1]};
    actors[1].ends = ENDS;
    actors[3].begins = ENDS + 2;
    play(f, actors, ARRAY_COUNT(actors), ENDS + 60);
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, actors[3].begins)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    if (!first || first->process.pid != 104 || first->doubts)
        fail_msg("%s", ranking.words);
}

/* The next one only fills its caches: its restart was what had to be done, and need not be done again. */
static void test_the_next_one_is_not_blamed_for_its_warm_up(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1]};
    enum { BEGINS = ENDS + 5 };
    actors[1].ends = f->halts = ENDS;
    actors[3].begins = BEGINS;
    actors[3].handles_leaked = 0;
    for (int poll = 0; poll < BEGINS + 120; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        if (poll >= BEGINS)
            f->observation->processes[2].handle_count -= floor(400 * exp((BEGINS - poll) / 15.0));
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, BEGINS)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    if (first->process.pid != 104 || !culprit_is_gone(first))
        fail_msg("%s", ranking.words);
}

static void test_those_of_one_client_that_was_recycled_are_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1],
                             with_archive[1]};
    actors[1].ends = FROM + 5 * POLLS_A_HOUR;
    actors[3].begins = FROM + 5 * POLLS_A_HOUR + 10;
    actors[3].ends = ENDS;
    actors[4].begins = ENDS + 10;
    play(f, actors, ARRAY_COUNT(actors), ENDS + 5 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, actors[3].begins),
                                    known_of_pid(116, actors[4].begins)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process.pid, 116);
    assert_int_equal(first->process_count, 3);
    assert_false(culprit_is_gone(first));
    assert_non_null(
        strstr(ranking.words,
               " 3 processes archive.exe (pid 116 and 2 before it, the client \"archive\"): they grew 2"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, culprit_setup, culprit_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_onset_is_found_with_an_interval_that_holds_it),
        TEST(test_one_that_has_ended_is_named_for_the_store),
        TEST(test_nobody_is_named_for_what_goes_on_after_its_end),
        TEST(test_those_of_one_client_that_was_recycled_are_one),
        TEST(test_a_young_successor_does_not_acquit),
        TEST(test_the_next_one_is_not_blamed_for_its_warm_up),
        TEST(test_a_client_is_named_with_its_share),
        TEST(test_an_unregistered_process_is_named_as_such),
        cmocka_unit_test(test_a_share_in_words),
        TEST(test_the_store_may_grow_by_its_cache),
        TEST(test_a_client_is_named_for_the_growth_of_the_store),
        TEST(test_who_leaks_by_its_own_verdict_needs_less),
        TEST(test_one_that_was_started_in_the_middle_is_measured_since_then),
        TEST(test_who_holds_handles_is_named_for_the_pool),
        TEST(test_the_store_can_hold_the_pool),
        TEST(test_nobody_is_named_for_a_driver_s_pool),
        TEST(test_few_handles_do_not_hold_a_driver_s_pool),
        TEST(test_nobody_is_named_for_a_cache),
        TEST(test_nobody_is_named_for_load),
        TEST(test_too_short_a_past_names_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

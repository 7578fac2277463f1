/* test_space.c - the address space of 32-bit processes: what a walk adds up to, the levels of event 9582 and
 * their hysteresis, what is told once, which end is named, and that unknown is never zero. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/status_view.h"
#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- what a walk adds up to ---- */

static void test_only_whole_granules_count(void **state)
{
    (void)state;
    struct space space = {.limit_bytes = 2 * GIB};
    space_add_free(&space, 0, 65536);                              /* the null page's granule, as it is met */
    space_add_free(&space, 0x30000, 4096);                         /* too small */
    space_add_free(&space, 0x41000, 65536);                        /* lies across two granules: holds none */
    space_add_free(&space, 0x51000, 3 * 65536);                    /* holds two */
    space_add_free(&space, 0x7ff00000, UINT64_C(0x200000));        /* reaches beyond the limit */
    space_add_free(&space, UINT64_C(0x80000000), UINT64_C(65536)); /* lies beyond it */
    space_add_free(&space, 0x1000000, UINT64_MAX);                 /* a size that cannot be */
    assert_true(space.block_count == 4);
    assert_true(space.largest_bytes == 2 * GIB - 0x1000000);
    assert_true(space.free_bytes == 65536 + 2 * 65536 + 0x100000 + (2 * GIB - 0x1000000));
}

static void test_levels_have_hysteresis(void **state)
{
    (void)state;
    static const struct {
        double largest;
        enum space_level expected;
    } steps[] = {
        {40 * MIB, SPACE_FINE},    {32 * MIB, SPACE_FINE},    {31.9 * MIB, SPACE_WARNING},
        {33 * MIB, SPACE_WARNING}, {47 * MIB, SPACE_WARNING}, {48 * MIB, SPACE_FINE},
        {20 * MIB, SPACE_WARNING}, {16 * MIB, SPACE_WARNING}, {15 * MIB, SPACE_ERROR},
        {17 * MIB, SPACE_ERROR},   {24 * MIB, SPACE_WARNING}, {15 * MIB, SPACE_ERROR},
        {100 * MIB, SPACE_FINE},   {0, SPACE_ERROR},
    };
    enum space_level level = SPACE_FINE;
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        level = space_level_of(steps[i].largest, level);
        assert_int_equal(level, steps[i].expected);
    }
}

static void test_the_words(void **state)
{
    (void)state;
    char storage[256];
    struct text text = text_on(storage, sizeof storage);
    struct space space = {2 * GIB, 213 * MIB, 48 * MIB, 1204};
    text_add_space(&text, &space);
    assert_string_equal(storage, "largest free block 48.0 MiB, 213 MiB free in 1,204 blocks of 2.00 GiB");
}

/* ---- through the agent ---- */

struct fixture {
    struct os os;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent *agent;
    struct fake_program *store, *archive;
};

static void start(struct fixture *f)
{
    struct agent_options options = {.data_dir = f->dir};
    assert_int_equal(agent_new(&f->os, &f->config, &options, &f->agent, NULL), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    f->os.log_events = true;
    f->store = fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    f->archive = fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    f->archive->space = (struct space){2 * GIB, 1.5 * GIB, 700 * MIB, 100};
    config_default(&f->config);
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 50 * MS_PER_MINUTE; /* without a first day */
    f->config.client_count = 1;
    f->config.clients[0] = (struct config_client){.name = "archive", .service = "ArchiveSvc"};
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    fake_deinit(&f->os);
    drive_folder_remove(f->dir);
    free(f);
    return 0;
}

static void run_for(struct fixture *f, int64_t ms)
{
    for (int64_t end_ms = f->os.world.mono_ms + ms; f->os.world.mono_ms < end_ms;) {
        fake_advance(&f->os, f->config.interval_ms);
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
}

static unsigned told(const struct fixture *f, const char *words)
{
    unsigned count = 0;
    for (const char *at = f->os.log_storage; (at = strstr(at, words)) != NULL; at++)
        count++;
    return count;
}

static struct watched *item_of(struct fixture *f, const char *target)
{
    struct watch *watch = &f->agent->engine->watch;
    for (size_t i = 0; i < watch->count; i++)
        if (text_equal_nocase(watch->items[i].target, target) && watch->items[i].present)
            return &watch->items[i];
    return NULL;
}

static void test_it_is_walked_seldom_and_a_64_bit_one_once(void **state)
{
    struct fixture *f = *state;
    run_for(f, MS_PER_HOUR);
    /* store.exe is a 64-bit program: asked once. archive.exe every 20 polls of 15 s. */
    assert_in_range(f->os.space_walks, 1 + 11, 1 + 13);
    const struct watched *store = item_of(f, "MSExchangeIS"), *archive = item_of(f, "archive");
    assert_false(store->space.known);
    assert_null(store->detectors[METRIC_ADDRESS_SPACE]);
    assert_true(archive->now[METRIC_ADDRESS_SPACE] == 0.5 * GIB);
    assert_true(archive->now[METRIC_OUTSIDE_LARGEST] == 2 * GIB - 700 * MIB);
    assert_true(archive->now[METRIC_FREE_BLOCKS] == 100);
}

static void test_dear_walks_are_rarer(void **state)
{
    struct fixture *f = *state;
    f->os.space_cost_ms = 1000; /* at most a thousandth of a processor */
    run_for(f, 3 * MS_PER_HOUR);
    assert_in_range(f->os.space_walks, 1 + 9, 1 + 12);
}

/* On a busy machine a walk waits for its turn: that costs nobody anything, and is no reason to look away for
 * long. */
static void test_waiting_is_no_cost(void **state)
{
    struct fixture *f = *state;
    f->os.space_cost_ms = 1000;
    f->os.world.tells_cpu = true;
    f->os.space_cpu_ms = 20;
    run_for(f, MS_PER_HOUR);
    assert_in_range(f->os.space_walks, 1 + 11, 1 + 13);
    f->os.space_walks = 0;
    f->os.space_cpu_ms = 900; /* every 15 minutes */
    run_for(f, 3 * MS_PER_HOUR);
    assert_in_range(f->os.space_walks, 10, 14);
    f->os.space_walks = 0;
    f->os.space_cpu_ms = 1e6; /* what the rest of storewatch used meanwhile is no cost of a walk */
    run_for(f, 3 * MS_PER_HOUR);
    assert_in_range(f->os.space_walks, 9, 12);
}

static void test_what_cannot_be_read_is_said_and_is_not_zero(void **state)
{
    struct fixture *f = *state;
    run_for(f, 20 * MS_PER_MINUTE);
    f->archive->closed = true;
    run_for(f, 20 * MS_PER_MINUTE);
    const struct watched *archive = item_of(f, "archive");
    assert_false(reading_known(archive->now[METRIC_ADDRESS_SPACE]));
    assert_false(reading_known(archive->now[METRIC_FREE_BLOCKS]));
    char *json = agent_status_json(f->agent);
    struct buffer view = {0};
    assert_true(status_view_text(json, &view) >= 0);
    assert_non_null(strstr(view.data, "address space not read: process"));
    assert_non_null(
        strstr(view.data, "largest free block 700 MiB, 1.50 GiB free in 100 blocks of 2.00 GiB, read "));
    buffer_deinit(&view);
    free(json);
    char *metrics = agent_metrics_text(f->agent);
    assert_null(strstr(metrics, "storewatch_address_space_free_bytes{"));
    free(metrics);
}

static void test_metrics_and_status_hold_it(void **state)
{
    struct fixture *f = *state;
    run_for(f, 20 * MS_PER_MINUTE);
    char *metrics = agent_metrics_text(f->agent);
    assert_non_null(strstr(metrics, "storewatch_address_space_largest_block_bytes{target=\"archive\","
                                    "image=\"archive.exe\",pid="));
    assert_non_null(strstr(metrics, "} 734003200\n"));
    free(metrics);
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"largest_block\": 734003200"));
    assert_non_null(strstr(json, "\"metric\": \"outside largest block\""));
    free(json);
}

static void test_each_crossing_is_told_once_also_over_a_restart_of_storewatch(void **state)
{
    struct fixture *f = *state;
    run_for(f, 20 * MS_PER_MINUTE);
    f->archive->space.largest_bytes = 31 * MIB;
    run_for(f, 2 * MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_LOW"), 1);
    assert_int_equal(told(f, "mail [storewatch] EX1: ArchiveSvc: little address space in one piece"), 1);
    agent_free(f->agent);
    start(f);
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_LOW"), 1);
    f->archive->space.largest_bytes = 15 * MIB;
    run_for(f, MS_PER_HOUR);
    f->archive->space.largest_bytes = 17 * MIB;
    run_for(f, MS_PER_HOUR);
    f->archive->space.largest_bytes = 15 * MIB;
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_CRITICAL"), 1);
    assert_int_equal(told(f, "mail [storewatch] EX1: URGENT: ArchiveSvc"), 1);
    f->archive->space.largest_bytes = 30 * MIB; /* better, not well */
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_"), 2);
    f->archive->space.largest_bytes = 300 * MIB;
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_BACK"), 1);
    f->archive->space.largest_bytes = 31 * MIB;
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event SPACE_LOW"), 2);
}

static const struct incident *only_incident(struct fixture *f)
{
    const struct incident *found = NULL;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (f->agent->engine->incidents[i].incident.id) {
            assert_null(found);
            found = &f->agent->engine->incidents[i].incident;
        }
    assert_non_null(found);
    return found;
}

/* Of its memory and, by as much, of its address space, after three hours without. */
static void leak_for_8_hours(struct fixture *f)
{
    run_for(f, 3 * MS_PER_HOUR);
    fake_grow(&f->os, f->archive, FAKE_LEAK);
    f->archive->bytes_per_hour = 60 * MIB;
    f->archive->space_lost_per_hour = 60 * MIB;
    run_for(f, 8 * MS_PER_HOUR);
}

/* One leak, one incident; its end is the nearest one, the largest free block's. */
static void test_a_leak_names_the_nearest_end(void **state)
{
    struct fixture *f = *state;
    leak_for_8_hours(f);
    const struct incident *incident = only_incident(f);
    assert_int_equal(incident->metric, METRIC_PRIVATE_BYTES);
    assert_string_equal(incident->limit_name, "largest free block of 16 MiB");
    assert_non_null(strstr(incident->reason, "grows "));
    assert_null(strstr(incident->reason, "reaches")); /* that were another end, hours later */
    /* Of 700 MiB that were left at the program's birth, 60 MiB an hour are lost; 16 MiB are the end. */
    double hours = (700.0 - 16) / 60 - 11;
    double left_h = (double)(incident->exhaustion_utc_ms - f->os.world.utc_ms) / (double)MS_PER_HOUR;
    assert_true(fabs(left_h - hours) < 0.35);
    double limit_mib = incident->limit / MIB;
    assert_true(limit_mib > incident->level_now / MIB &&
                limit_mib < incident->level_now / MIB + 60 * left_h * 1.2);
}

static enum verdict_state state_of_archive(struct fixture *f)
{
    return detector_state(item_of(f, "archive")->detectors[METRIC_PRIVATE_BYTES]);
}

/* Fast against the address space, not against the machine: after a restart of storewatch the history is
 * judged against the same end. */
static void test_an_end_that_is_near_outlives_storewatch(void **state)
{
    struct fixture *f = *state;
    run_for(f, 5 * MS_PER_HOUR);
    fake_grow(&f->os, f->archive, FAKE_LEAK);
    f->archive->bytes_per_hour = 300 * MIB;
    while (state_of_archive(f) != VERDICT_UNBOUNDED && f->os.world.mono_ms < 10 * MS_PER_HOUR) {
        run_for(f, f->config.interval_ms);
        f->archive->space.free_bytes = 1.9 * GIB - item_of(f, "archive")->now[METRIC_PRIVATE_BYTES];
    }
    assert_int_equal(state_of_archive(f), VERDICT_UNBOUNDED);
    agent_free(f->agent);
    start(f);
    run_for(f, f->config.interval_ms);
    assert_int_equal(state_of_archive(f), VERDICT_UNBOUNDED);
}

/* Reserved memory does not show in private bytes: then the address space is told itself, once: whichever of
 * its free total and its largest free block is the first to be known to end, the other is the same loss. */
static void test_space_that_memory_does_not_explain_is_told(void **state)
{
    struct fixture *f = *state;
    run_for(f, 3 * MS_PER_HOUR);
    f->archive->space_lost_per_hour = 60 * MIB;
    run_for(f, 9 * MS_PER_HOUR);
    const struct incident *incident = only_incident(f);
    assert_true(incident->metric == METRIC_ADDRESS_SPACE || incident->metric == METRIC_OUTSIDE_LARGEST);
    assert_int_equal(told(f, "event OPENED"), 1);
    assert_non_null(strstr(f->os.log_storage, "archive.exe"));
}

/* What is lost and given back is over: the next loss, however much later, is given the same time to be
 * explained. */
static void test_space_that_is_given_back_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    run_for(f, 3 * MS_PER_HOUR);
    const struct space before = f->archive->space;
    f->archive->space_lost_per_hour = 60 * MIB;
    while (!item_of(f, "archive")->space_unexplained_mono_ms && f->os.world.mono_ms < 20 * MS_PER_HOUR)
        run_for(f, f->config.interval_ms);
    assert_true(item_of(f, "archive")->space_unexplained_mono_ms > 0);
    f->archive->space_lost_per_hour = 0;
    f->archive->space = before;
    run_for(f, 4 * MS_PER_HOUR);
    assert_int_equal(told(f, "event OPENED"), 0);
    assert_int_equal(item_of(f, "archive")->space_unexplained_mono_ms, 0);
}

/* When the growth of the one incident began, as it is said of what stands at its end. */
static int64_t onset_at_end(struct fixture *f)
{
    struct engine *engine = f->agent->engine;
    struct step step = {.engine = engine,
                        .clock = {.mono_ms = f->os.world.mono_ms, .utc_ms = f->os.world.utc_ms}};
    struct verdict verdict = {.state = VERDICT_BOUNDED};
    struct open_incident *open = engine_incident_by_id(engine, only_incident(f)->id);
    assert_true(step_stands_at_end(&step, item_of(f, "archive"), open, &verdict));
    return verdict.onset_ms;
}

/* Its memory grows no further because no block is left to grow into: that is no recovery, and the leak is told as the one
 * incident that it is until there is a block again. */
static void test_no_block_left_is_no_recovery(void **state)
{
    struct fixture *f = *state;
    leak_for_8_hours(f);
    fake_halt(&f->os, f->archive);
    f->archive->space = (struct space){2 * GIB, 400 * MIB, 12 * MIB, 100};
    f->archive->space_lost_per_hour = 0;
    run_for(f, 40 * MS_PER_HOUR);
    assert_int_equal(told(f, "event RECOVERED"), 0);
    assert_int_equal(told(f, "event OPENED"), 1);
    assert_true(told(f, "mail [storewatch] EX1: URGENT: at its limit: archive.exe private bytes now") >= 5);
    const struct incident *incident = only_incident(f);
    assert_int_equal(incident->metric, METRIC_PRIVATE_BYTES);
    assert_true(incident->exhaustion_early_utc_ms <= f->os.world.utc_ms);
    const int64_t onset_ms = onset_at_end(f);
    f->os.world.utc_ms += 5 * MS_PER_HOUR; /* somebody sets the clock */
    run_for(f, MS_PER_HOUR);
    assert_true(onset_at_end(f) == onset_ms);
    f->archive->space.largest_bytes = 200 * MIB;
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event RECOVERED"), 1);
}

/* Restarted as a 64-bit program: its incident does not wait for a reading that will never come. */
static void test_a_64_bit_successor_ends_it(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.mode = MODE_ACT;
    run_for(f, 3 * MS_PER_HOUR);
    f->archive->space_lost_per_hour = 60 * MIB;
    while (told(f, "event OPENED") == 0 && f->os.world.mono_ms < 20 * MS_PER_HOUR)
        run_for(f, f->config.interval_ms);
    f->archive->space.limit_bytes = 0;
    run_for(f, MS_PER_HOUR);
    assert_int_equal(told(f, "event ENDED"), 1);
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        assert_int_equal(f->agent->engine->incidents[i].incident.id, 0);
}

static void test_the_mail_says_it(void **state)
{
    (void)state;
    struct alert alert = {.kind = ALERT_OPENED,
                          .utc_ms = INT64_C(1763781245123),
                          .has_incident = true,
                          .has_space = true,
                          .space = {2 * GIB, 213 * MIB, 48 * MIB, 1204},
                          .key = "i1-1"};
    text_copy(alert.host_name, sizeof alert.host_name, "EX1");
    struct incident *incident = &alert.incident;
    incident->id = 1;
    incident->target_kind = TARGET_CLIENT;
    text_copy(incident->image, sizeof incident->image, "archive.exe");
    incident->metric = METRIC_PRIVATE_BYTES;
    incident->level_now = 1.7 * GIB;
    incident->limit = 1.9 * GIB;
    incident->slope_per_hour = 60 * MIB;
    incident->exhaustion_utc_ms = alert.utc_ms + 7 * MS_PER_HOUR / 2;
    incident->exhaustion_early_utc_ms = alert.utc_ms + 3 * MS_PER_HOUR;
    incident->exhaustion_late_utc_ms = alert.utc_ms + 4 * MS_PER_HOUR;
    static const struct {
        const char *limit_name, *words;
    } cases[] = {
        {SPACE_LIMIT_NAME, "the end of its 2.00 GiB address space (largest free block now 48.0 MiB)"},
        {SPACE_BLOCK_LIMIT_NAME, "its largest free block, now 48.0 MiB, is down to 16 MiB then"},
        {"system commit limit", "largest free block 48.0 MiB, 213 MiB free in 1,204 blocks of 2.00 GiB"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        text_copy(incident->limit_name, sizeof incident->limit_name, cases[i].limit_name);
        struct mail mail;
        assert_int_equal(report_mail(&alert, "", &mail), STATUS_OK);
        char flat[16384]; /* without the breaks of lines */
        size_t length = 0;
        for (const char *at = mail.plain; *at && length + 1 < sizeof flat; at++) {
            bool space = *at == ' ' || *at == '\n' || *at == '\r';
            if (!space || (length && flat[length - 1] != ' '))
                flat[length++] = space ? ' ' : *at;
        }
        flat[length] = '\0';
        assert_non_null(strstr(flat, cases[i].words));
        mail_deinit(&mail);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_whole_granules_count),
        cmocka_unit_test(test_levels_have_hysteresis),
        cmocka_unit_test(test_the_words),
        cmocka_unit_test(test_the_mail_says_it),
        TEST(test_it_is_walked_seldom_and_a_64_bit_one_once),
        TEST(test_dear_walks_are_rarer),
        TEST(test_waiting_is_no_cost),
        TEST(test_what_cannot_be_read_is_said_and_is_not_zero),
        TEST(test_metrics_and_status_hold_it),
        TEST(test_each_crossing_is_told_once_also_over_a_restart_of_storewatch),
        TEST(test_a_leak_names_the_nearest_end),
        TEST(test_an_end_that_is_near_outlives_storewatch),
        TEST(test_space_that_memory_does_not_explain_is_told),
        TEST(test_space_that_is_given_back_leaves_nothing_behind),
        TEST(test_no_block_left_is_no_recovery),
        TEST(test_a_64_bit_successor_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

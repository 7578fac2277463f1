/* test_agent_lessons.c - what a life of storewatch takes over from the history: the past of what runs, and what taught that has
 * ended. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A process fills its cache for an hour, and storewatch is restarted in the middle: the hour stays an hour. */
static void test_a_warm_up_outlives_a_restart(void **state)
{
    struct fixture *f = *state;
    const int hour = (int)(MS_PER_HOUR / f->config.interval_ms);
    f->config.warm_up_ms = MS_PER_HOUR;
    live(f);
    leak(f);
    poll_often(f, hour * 2 / 3);
    live(f);
    poll_often(f, hour / 4);
    assert_false(did(f, "stop MSExchangeIS"));
    poll_often(f, hour);
    assert_true(did(f, "stop MSExchangeIS"));
}

/* Polls from the birth of a process that leaks until it is told, after an earlier one leaked: in the same life
 * of storewatch or, with `lives`, in the next. The process ends before or, with `meanwhile`, while storewatch
 * does not run. */
static int polls_to_the_second_leak(bool lives, bool meanwhile)
{
    void *state = NULL;
    setup_acting(&state);
    struct fixture *f = state;
    f->agent->engine->config.mode = f->config.mode = MODE_ALERT;
    leak_until_mailed(f);
    if (!meanwhile) {
        world_person_stops(&f->os.world, "MSExchangeIS");
        poll_often(f, 4);
    }
    if (lives) {
        die(f);
        if (meanwhile)
            world_person_stops(&f->os.world, "MSExchangeIS");
        live(f);
        poll_often(f, 4);
    }
    world_person_starts(&f->os.world, "MSExchangeIS");
    text_clear(&f->os.log);
    int count = 0;
    for (; !did(f, "mail [storewatch] EX1: store.exe private bytes") && count < 2000; count++)
        poll_often(f, 1);
    teardown(&state);
    return count;
}

static void test_what_an_incarnation_taught_outlives_storewatch(void **state)
{
    (void)state;
    const int in_one_life = polls_to_the_second_leak(false, false);
    assert_int_equal(polls_to_the_second_leak(true, false), in_one_life);
    assert_int_equal(polls_to_the_second_leak(true, true), in_one_life);
}

/* What a program's incarnations that have ended taught of its memory; NULL = nothing. */
static const struct verdict_settings *taught(struct fixture *f, const char *target)
{
    const struct watch *watch = &f->agent->engine->watch;
    for (size_t i = 0; i < watch->learned_count; i++)
        if (watch->learned[i].metric == METRIC_PRIVATE_BYTES && !strcmp(watch->learned[i].target, target))
            return &watch->learned[i].settings;
    return NULL;
}

static bool is_leaky(struct fixture *f, const char *target)
{
    assert_non_null(taught(f, target));
    return taught(f, target)->learned_leak;
}

static void live_again(struct fixture *f)
{
    live(f);
    poll_often(f, 1);
}

/* Half a day without growth, five hours of it, and the end. */
static void live_and_grow_as_store(struct fixture *f)
{
    struct fake_program *store = fake_program_find(&f->os, "MSExchangeIS");
    const int hour = (int)(MS_PER_HOUR / f->config.interval_ms);
    poll_often(f, 12 * hour);
    fake_grow(&f->os, store, FAKE_LEAK);
    store->bytes_per_hour = 2e8;
    poll_often(f, 5 * hour);
    world_person_stops(&f->os.world, "MSExchangeIS");
    poll_often(f, 4);
}

/* A rise that would be one to twice the level soon, but not to the end of the memory: no leak while it was
 * looked at, and none when it is read again. */
static void test_a_rise_far_from_the_limit_is_no_leak_in_the_next_life_either(void **state)
{
    struct fixture *f = *state;
    f->os.host.commit_limit_bytes = 64e9;
    live_and_grow_as_store(f);
    assert_false(is_leaky(f, "MSExchangeIS"));
    live_again(f);
    assert_false(is_leaky(f, "MSExchangeIS"));
}

/* One that was told, because its own address space ended soon, was a leak when it is read again, too: not a level that
 * did no harm, where the next process may go. */
static void test_a_leak_that_was_told_is_one_in_the_next_life_too(void **state)
{
    struct fixture *f = *state;
    struct fake_program *store = fake_program_find(&f->os, "MSExchangeIS");
    f->os.host.commit_limit_bytes = 64e9;
    f->agent->engine->config.mode = f->config.mode = MODE_ALERT;
    store->space.limit_bytes = 2147483648.0;
    store->closed = true; /* the end is known, the walks that would show more are refused */
    live_again(f);
    live_and_grow_as_store(f);
    assert_true(is_leaky(f, "MSExchangeIS"));
    live_again(f);
    assert_true(is_leaky(f, "MSExchangeIS"));
}

static struct fake_program *run_bes(struct fixture *f, double leaks_bytes_per_hour)
{
    struct fake_program *program = fake_add_program(&f->os, "bes.exe", 1e8, true);
    fake_grow(&f->os, program, FAKE_LEAK);
    program->bytes_per_hour = leaks_bytes_per_hour;
    return program;
}

/* Of one that is gone at the end, as storewatch knows by then. */
static void live_as_bes(struct fixture *f, double leaks_bytes_per_hour, int polls)
{
    struct fake_program *program = run_bes(f, leaks_bytes_per_hour);
    poll_often(f, polls);
    fake_program_run(&f->os, program, false);
    poll_often(f, 4);
}

static void watch_bes(struct fixture *f)
{
    struct config_client *client = &f->config.clients[f->config.client_count++];
    snprintf(client->name, sizeof client->name, "bes");
    snprintf(client->image, sizeof client->image, "bes.exe");
    f->config.mode = MODE_ALERT;
    live_again(f);
}

/* Two processes of one image: the one that began first leaks, and ends last. */
static void test_the_last_one_that_ended_tells_whether_it_leaked(void **state)
{
    struct fixture *f = *state;
    watch_bes(f);
    struct fake_program *leaks = run_bes(f, 1e9);
    poll_often(f, 10);
    struct fake_program *healthy = run_bes(f, 0);
    poll_often(f, 400);
    fake_program_run(&f->os, healthy, false);
    poll_often(f, 400);
    fake_program_run(&f->os, leaks, false);
    poll_often(f, 4);
    assert_true(is_leaky(f, "bes"));
    live_again(f);
    assert_true(is_leaky(f, "bes"));
}

/* A night of updates: three that end at once do not make what the one before them taught unknown. */
static void test_those_that_end_at_once_teach_nothing(void **state)
{
    struct fixture *f = *state;
    watch_bes(f);
    live_as_bes(f, 1e9, 400);
    for (int i = 0; i < 3; i++)
        live_as_bes(f, 0, 10);
    assert_true(is_leaky(f, "bes"));
    live_again(f);
    assert_true(is_leaky(f, "bes"));
}

/* One that leaked, then one that did not. Where the time ends before both were read nothing is known of them: the
 * first alone would have the third suspected. */
static void test_half_a_lesson_is_none(void **state)
{
    struct fixture *f = *state;
    watch_bes(f);
    poll_often(f, 400);
    world_person_stops(&f->os.world, "MSExchangeIS"); /* what it taught is read first */
    for (int i = 0; i < 2; i++)
        live_as_bes(f, i == 0 ? 1e9 : 0, 400);
    bool known = false, unknown = false;
    for (int64_t read_ms = 5000; read_ms > 0; read_ms -= read_ms > 100 ? 50 : 20) {
        f->os.world.mono_read_ms = read_ms;
        live_again(f);
        known |= taught(f, "bes") != NULL;
        unknown |= taught(f, "bes") == NULL;
        assert_true(!taught(f, "bes") || !is_leaky(f, "bes"));
    }
    assert_true(known && unknown);
}

/* One runs while another of its image leaks and ends; then it leaks itself. */
static int polls_to_the_leak_of_the_older(bool lives)
{
    void *state = NULL;
    setup_acting(&state);
    struct fixture *f = state;
    watch_bes(f);
    struct fake_program *older = run_bes(f, 0);
    poll_often(f, 10);
    struct fake_program *younger = run_bes(f, 1e9);
    poll_often(f, 400);
    fake_program_run(&f->os, younger, false);
    poll_often(f, 200);
    assert_true(is_leaky(f, "bes"));
    if (lives)
        live_again(f);
    fake_grow(&f->os, older, FAKE_LEAK);
    older->bytes_per_hour = 1e9;
    text_clear(&f->os.log);
    int count = lives ? 1 : 0;
    for (; !did(f, "mail [storewatch] EX1: bes.exe private bytes") && count < 4000; count++)
        poll_often(f, 1);
    teardown(&state);
    return count;
}

static void test_who_ran_already_is_not_suspected_for_what_ended_since(void **state)
{
    (void)state;
    assert_int_equal(polls_to_the_leak_of_the_older(true), polls_to_the_leak_of_the_older(false));
}

/* The name of its service is longer than the history keeps. */
static void test_a_store_with_a_long_name_teaches_too(void **state)
{
    struct fixture *f = *state;
    memset(f->config.store_service, 'S', TARGET_NAME_MAX + 10);
    fake_add_service(&f->os, f->config.store_service, "store.exe", 1e9);
    live_again(f);
    poll_often(f, 400);
    world_person_stops(&f->os.world, f->config.store_service);
    poll_often(f, 4);
    char target[TARGET_NAME_MAX];
    text_copy(target, sizeof target, f->config.store_service);
    assert_non_null(taught(f, target));
    live_again(f);
    assert_non_null(taught(f, target));
}

/* Programs come and go: who was seen long ago gives way, while storewatch runs and in its next life. */
static void test_there_is_room_for_what_the_latest_programs_taught(void **state)
{
    struct fixture *f = *state;
    watch_bes(f);
    const struct verdict_settings settings = {.min_window_ms = MS_PER_HOUR, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    for (int i = 0; i < LEARNED_MAX + 10; i++) {
        char name[32];
        snprintf(name, sizeof name, "old%d.exe", i);
        watch_learn(&f->agent->engine->watch, name, METRIC_HANDLES, detector, f->os.world.utc_ms);
        const struct store_series_key key = {
            .target_kind = TARGET_DISCOVERED, .process = {1, 1}, .metric = METRIC_HANDLES};
        struct pending_sample *sample = &f->agent->pending->samples[f->agent->pending->sample_count++];
        *sample = (struct pending_sample){.key = key, .utc_ms = f->os.world.utc_ms, .value = 1};
        text_copy(sample->key.target, sizeof sample->key.target, name);
        f->agent->pending_dirty = true;
        poll_often(f, 1);
    }
    detector_free(detector);
    live_as_bes(f, 0, 400);
    assert_non_null(taught(f, "bes"));
    live_again(f);
    assert_non_null(taught(f, "bes"));
}

/* The pools went down with the machine, not by themselves: how far is forgotten at a boot. */
static void test_a_boot_begins_a_life_of_the_machine(void **state)
{
    struct fixture *f = *state;
    poll_often(f, 100);
    die(f);
    world_reboot(&f->os.world);
    live(f);
    poll_often(f, 20);
    const struct watched *machine = watch_find(&f->agent->engine->watch, (struct process_id){0});
    assert_non_null(machine);
    struct verdict verdict;
    detector_verdict(machine->detectors[METRIC_COMMIT], &verdict);
    assert_in_range(verdict.sample_count, 15, 25);
}

/* The machine grows, and that is in the file. */
static void let_the_machine_grow(struct fixture *f)
{
    const struct incident grows = {.id = 1,
                                   .target_kind = TARGET_HOST,
                                   .target = "host",
                                   .metric = METRIC_COMMIT,
                                   .state = INCIDENT_OPEN,
                                   .opened_utc_ms = f->os.world.utc_ms,
                                   .told_utc_ms = f->os.world.utc_ms,
                                   .exhaustion_utc_ms = INT64_MAX,
                                   .exhaustion_early_utc_ms = INT64_MAX,
                                   .exhaustion_late_utc_ms = INT64_MAX};
    agent_put_incident(f->agent, f->agent->pending, &grows);
    f->agent->pending_dirty = true;
    poll_often(f, 1);
}

/* The clock is set beyond the begin of the machine's growth, and storewatch is started again: the machine was
 * not. (Then it is.) */
static void test_a_clock_that_is_set_is_no_boot(void **state)
{
    struct fixture *f = *state;
    poll_often(f, 10);
    let_the_machine_grow(f);
    f->os.world.utc_ms += 5 * MS_PER_HOUR;
    for (int life = 0; life < 3; life++) {
        poll_often(f, 3);
        live(f);
    }
    poll_often(f, 3);
    assert_false(did(f, "started anew"));
    die(f);
    world_reboot(&f->os.world);
    live(f);
    poll_often(f, 3);
    assert_true(did(f, "started anew"));
}

/* After a boot the file opens late, and storewatch is killed before the next look tells what the boot has ended:
 * the life after that tells it. */
static void test_a_boot_is_told_though_the_file_opened_late(void **state)
{
    struct fixture *f = *state;
    char away[DRIVE_FOLDER_MAX + 8];
    snprintf(away, sizeof away, "%s.away", f->dir);
    poll_often(f, 10);
    let_the_machine_grow(f);
    die(f);
    world_reboot(&f->os.world);
    assert_int_equal(rename(f->dir, away), 0);
    live(f);
    poll_often(f, 3);
    assert_int_equal(rename(away, f->dir), 0);
    fake_advance(&f->os, MS_PER_MINUTE);
    agent_wake(f->agent);
    while (drive_lane(f->agent, LANE_STORE))
        continue;
    assert_non_null(f->agent->store);
    assert_false(did(f, "started anew"));
    live(f);
    poll_often(f, 3);
    assert_true(did(f, "started anew"));
}

/* The clock was a day ahead for a while and was put right: that while is lacking, and nothing else. */
static void test_a_clock_that_was_wrong_costs_no_history(void **state)
{
    struct fixture *f = *state;
    poll_often(f, 40);
    f->os.world.utc_ms += MS_PER_DAY;
    poll_often(f, 10);
    f->os.world.utc_ms -= MS_PER_DAY;
    poll_often(f, 30);
    live(f);
    drive_lanes(f->agent);
    for (size_t i = 0; i < f->agent->engine->watch.count; i++) {
        struct watched *item = &f->agent->engine->watch.items[i];
        struct verdict verdict;
        detector_verdict(item->detectors[item->kind == TARGET_HOST ? METRIC_COMMIT : METRIC_HANDLES],
                         &verdict);
        assert_in_range(verdict.sample_count, 65, 71);
    }
    assert_in_range(f->agent->engine->growers.slot, 1, 100);
}

/* Of more processes than are compared the small one that is watched is one, and has its past. */
static void test_who_is_watched_and_small_keeps_its_past(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < GROWERS_MAX; i++)
        fake_add_program(&f->os, "large.exe", 1e8, true);
    fake_program_find(&f->os, "ArchiveSvc")->base_bytes = 1e6;
    f->config.clients[0] = (struct config_client){.name = "archive", .service = "ArchiveSvc"};
    f->config.client_count = 1;
    for (int life = 0; life < 2; life++) {
        live(f);
        poll_often(f, 40);
    }
    const struct growers *growers = &f->agent->engine->growers;
    const struct grower *row = NULL;
    for (size_t i = 0; i < growers->count; i++)
        if (text_equal_nocase(growers->rows[i].image, "archive.exe"))
            row = &growers->rows[i];
    assert_non_null(row);
    const struct growers_window window = growers_window_from(growers, growers->origin_mono_ms);
    size_t known = 0;
    for (size_t i = 0; i < window.count; i++)
        known += isnan(growers_value(row, &window, GROWER_HANDLES, i)) ? 0 : 1;
    assert_true(known > window.count * 3 / 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_warm_up_outlives_a_restart),
        cmocka_unit_test(test_what_an_incarnation_taught_outlives_storewatch),
        TEST(test_a_rise_far_from_the_limit_is_no_leak_in_the_next_life_either),
        TEST(test_the_last_one_that_ended_tells_whether_it_leaked),
        TEST(test_those_that_end_at_once_teach_nothing),
        TEST(test_a_leak_that_was_told_is_one_in_the_next_life_too),
        TEST(test_half_a_lesson_is_none),
        cmocka_unit_test(test_who_ran_already_is_not_suspected_for_what_ended_since),
        TEST(test_a_store_with_a_long_name_teaches_too),
        TEST(test_there_is_room_for_what_the_latest_programs_taught),
        TEST(test_a_boot_begins_a_life_of_the_machine),
        TEST(test_a_clock_that_is_set_is_no_boot),
        TEST(test_a_boot_is_told_though_the_file_opened_late),
        TEST(test_a_clock_that_was_wrong_costs_no_history),
        TEST(test_who_is_watched_and_small_keeps_its_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

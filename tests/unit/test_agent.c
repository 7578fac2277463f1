/* test_agent.c - the portable edge against the fake OS: write-ahead order, a failing disk, stopping, and that
 * a steady poll allocates nothing and the agent does not grow over 10,000 polls. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"
#include "storewatch/control.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/aside.h"
#include "../../src/app/own_files.h"
#include "../../src/app/status_view.h"

#include <sqlite3.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Of the sanitizer's run-time; gcc 12 ships the functions without their header. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
size_t __sanitizer_get_current_allocated_bytes(void);

struct fixture {
    struct os os;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent *agent;
    struct agent_options options;
};

static bool counting;
static size_t allocations;

static void on_malloc(const volatile void *pointer, size_t size)
{
    (void)pointer;
    (void)size;
    allocations += counting;
}

static void on_free(const volatile void *pointer)
{
    (void)pointer;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    world_need(&f->os.world, "ArchiveSvc", "MSExchangeIS");
    config_default(&f->config);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 10 * MS_PER_MINUTE;
    f->config.verify_ms = MS_PER_MINUTE;
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    f->options = (struct agent_options){.data_dir = f->dir};
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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

static void poll(struct fixture *f)
{
    fake_advance(&f->os, f->config.interval_ms);
    agent_poll(f->agent);
}

/* With all that is to be done done at once. */
static void poll_often(struct fixture *f, int polls)
{
    for (int i = 0; i < polls; i++) {
        poll(f);
        drive_lanes(f->agent);
    }
}

static void leak(struct fixture *f)
{
    struct fake_program *store = fake_program_find(&f->os, "MSExchangeIS");
    fake_grow(&f->os, store, FAKE_LEAK);
    store->bytes_per_hour = 2e9;
}

static bool did(const struct fixture *f, const char *deed)
{
    return strstr(f->os.log_storage, deed) != NULL;
}

static void leak_until_mailed(struct fixture *f)
{
    leak(f);
    while (!did(f, "mail"))
        poll_often(f, 1);
}

static size_t times_done(const struct fixture *f, const char *deed)
{
    size_t count = 0;
    for (const char *at = f->os.log_storage; (at = strstr(at, deed)) != NULL; at += strlen(deed))
        count++;
    return count;
}

static char *ask(struct fixture *f, const char *line)
{
    return control_answer(f->agent, line, strlen(line));
}

static void assert_answer(struct fixture *f, const char *line, const char *wanted)
{
    char *answer = ask(f, line);
    if (!strstr(answer, wanted))
        fail_msg("%s -> %s, not %s", line, answer, wanted);
    free(answer);
}

static void test_nothing_leaves_before_its_records_are_committed(void **state)
{
    struct fixture *f = *state;
    leak(f);
    for (int i = 0; i < 400; i++) { /* the leak is seen within that time, but the store's lane stands still */
        poll(f);
        while (drive_lane(f->agent, LANE_LOOK) || drive_lane(f->agent, LANE_CONTROL) ||
               drive_lane(f->agent, LANE_MAIL) || drive_lane(f->agent, LANE_EVENT))
            ;
    }
    assert_false(did(f, "mail"));
    assert_false(did(f, "stop"));
    poll_often(f, 40);
    assert_true(did(f, "mail"));
    assert_true(did(f, "stop MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
}

static void test_a_slot_whose_look_is_late_is_missed(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll(f);
    struct job *job = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(job);
    poll(f); /* waits for the look that is under way */
    poll(f); /* missed */
    job_run(job);
    agent_job_done(f->agent, job);
    drive_lanes(f->agent);
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"missed_polls\": 1"));
    free(json);
}

static void test_a_clock_that_is_set_is_told_of(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll(f);
    drive_lanes(f->agent);
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"jumps\": 0,\n  \"last_jump_at\": null,\n  \"last_jump_ms\": null"));
    free(json);
    f->os.world.utc_ms += 2 * MS_PER_SECOND; /* bent, not set */
    poll(f);
    drive_lanes(f->agent);
    f->os.world.utc_ms -= MS_PER_HOUR;
    poll(f);
    drive_lanes(f->agent);
    poll(f);
    drive_lanes(f->agent);
    json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"jumps\": 1,"));
    assert_non_null(strstr(json, "\"last_jump_ms\": -3600000.0"));
    struct buffer view = {0};
    status_view_text(json, &view);
    assert_non_null(strstr(view.data, "clock      set back by 1 h at 20"));
    buffer_deinit(&view);
    free(json);
}

static void put(struct fixture *f, enum alert_kind kind)
{
    struct alert *alert = calloc(1, sizeof *alert);
    assert_non_null(alert);
    alert->kind = kind;
    agent_put_alert(f->agent, alert);
    free(alert);
}

/* How many mails of the kind wait to be saved. */
static size_t waiting(const struct fixture *f, enum alert_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->agent->pending->mail_count; i++)
        count += f->agent->pending->mails[i].kind == kind;
    return count;
}

/* A disk that takes nothing: each transition has its mail for as long as there is a repetition to drop. */
static void test_repetitions_are_dropped_first(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    put(f, ALERT_RECOVERED);
    put(f, ALERT_REMINDER);
    for (int i = 0; i < TRANSACTION_MAILS_MAX - 2; i++)
        put(f, ALERT_OPENED);
    assert_int_equal(f->agent->pending->mail_count, TRANSACTION_MAILS_MAX);
    put(f, ALERT_ESCALATED);
    assert_int_equal(waiting(f, ALERT_REMINDER), 0);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 1);
    put(f, ALERT_REMINDER); /* worth less than all that wait */
    assert_int_equal(waiting(f, ALERT_REMINDER), 0);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 1);
    put(f, ALERT_ESCALATED);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 0);
    assert_int_equal(waiting(f, ALERT_OPENED), TRANSACTION_MAILS_MAX - 2);
    assert_int_equal(waiting(f, ALERT_ESCALATED), 2);
    assert_int_equal(f->agent->mails_dropped, 3);
}

static void save_restart(struct fixture *f, int64_t id, enum restart_phase phase)
{
    actions_clear(f->agent->actions);
    f->agent->actions->save_restart = true;
    f->agent->actions->restart = (struct restart_journal){
        .id = id, .phase = phase, .ended_utc_ms = f->os.world.utc_ms, .plan.count = 1};
    text_copy(f->agent->actions->restart.plan.services[0].name, SERVICE_NAME_MAX, "ArchiveSvc");
    agent_take_actions(f->agent);
}

/* One restart ends and the next begins while the disk is slow: the end of the first is on the disk too, else
 * it would go on at the next start. */
static void test_the_end_of_a_restart_is_saved_with_the_next(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    save_restart(f, 1, RESTART_VERIFYING);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job); /* it hangs in the disk */
    save_restart(f, 1, RESTART_ENDED);
    save_restart(f, 2, RESTART_STOPPING);
    save_restart(f, 2, RESTART_STARTING);
    job->status = STATUS_FULL; /* and then fails: what it had is put back */
    agent_job_done(f->agent, job);
    fake_advance(&f->os, 10 * MS_PER_MINUTE);
    drive_lanes(f->agent);
    struct restart_journal *journals = calloc(4, sizeof *journals);
    size_t count = 0;
    assert_int_equal(store_get_restarts(f->agent->store, journals, 4, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(journals[0].phase, RESTART_STARTING);
    assert_int_equal(journals[1].id, 1);
    assert_int_equal(journals[1].phase, RESTART_ENDED);
    free(journals);
}

/* Incidents come and go while the disk takes nothing, but for the first, which stays open. */
static void save_incidents(struct fixture *f, int64_t count)
{
    actions_clear(f->agent->actions);
    f->agent->actions->incident_count = 1;
    for (int64_t id = 1; id <= count; id++) {
        f->agent->actions->incidents[0] =
            (struct incident){.id = id,
                              .target = "archive",
                              .state = id == 1 ? INCIDENT_OPEN : INCIDENT_CLOSED,
                              .opened_utc_ms = f->os.world.utc_ms,
                              .closed_utc_ms = id == 1 ? 0 : f->os.world.utc_ms};
        agent_take_actions(f->agent);
        if (id != count / 2)
            continue;
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        job->status = STATUS_FULL;
        agent_job_done(f->agent, job);
    }
}

/* What of them is in the file once the disk works, newest first. */
static size_t saved_incidents(struct fixture *f, struct incident *out_incidents, size_t capacity)
{
    size_t count = 0;
    fake_advance(&f->os, 10 * MS_PER_MINUTE);
    drive_lanes(f->agent);
    assert_false(f->agent->store_failing);
    assert_int_equal(store_get_incidents(f->agent->store, false, out_incidents, capacity, &count, NULL),
                     STATUS_OK);
    return count;
}

static void test_all_incidents_of_a_bad_time_are_saved(void **state)
{
    struct fixture *f = *state;
    struct incident *incidents = calloc(200, sizeof *incidents);
    drive_lanes(f->agent);
    save_incidents(f, 150);
    assert_int_equal(saved_incidents(f, incidents, 200), 150);
    assert_int_equal(f->agent->incidents_dropped, 0);
    free(incidents);
}

/* There is a bound: what is open is kept, of the others the newest, and ops are told that some are not. */
static void test_incidents_that_find_no_room_are_told_of(void **state)
{
    struct fixture *f = *state;
    struct incident *incidents = calloc(1000, sizeof *incidents);
    drive_lanes(f->agent);
    save_incidents(f, 1000);
    size_t told = 0;
    for (size_t i = 0; i < f->agent->event_count; i++)
        told += strstr(f->agent->events[i].text, "will be missing") != NULL;
    assert_int_equal(told, 1);
    const size_t count = saved_incidents(f, incidents, 1000);
    assert_int_equal(count, TRANSACTION_INCIDENTS_MAX);
    assert_int_equal(incidents[0].id, 1000);
    assert_int_equal(incidents[count - 2].id, 1000 - (int64_t)count + 2);
    assert_int_equal(incidents[count - 1].id, 1);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"incidents_dropped\": %zu", 1000 - count);
    assert_answer(f, "{\"request\": \"status\"}", wanted);
    free(incidents);
}

static void test_stop_saves_and_is_quiet(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    poll_often(f, 5);
    agent_stop(f->agent, false);
    assert_false(agent_is_quiet(f->agent));
    drive_lanes(f->agent);
    assert_true(agent_is_quiet(f->agent));
    assert_true(did(f, "event STOPPED"));
    assert_null(agent_take_job(f->agent, LANE_LOOK));
}

/* A disk that takes nothing gets one more try, and does not hold the end. */
static void test_a_stop_does_not_wait_for_a_failing_disk(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    for (int failing = 0; failing < 2; failing++) { /* already, when it is asked to stop */
        poll(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        if (failing) { /* the try of the poll; a moment later it is asked to stop */
            job->status = STATUS_FULL;
            agent_job_done(f->agent, job);
            assert_null(agent_take_job(f->agent, LANE_STORE));
            agent_stop(f->agent, false);
            job = agent_take_job(f->agent, LANE_STORE);
            assert_non_null(job);
        }
        job->status = STATUS_FULL;
        agent_job_done(f->agent, job);
        drive_lane(f->agent, LANE_EVENT);
    }
    assert_null(agent_take_job(f->agent, LANE_STORE));
    assert_true(agent_is_quiet(f->agent));
}

static void test_bad_requests_say_what_is_allowed(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    assert_answer(f, "{}", "a request is wanted");
    assert_answer(f, "{\"request\": 3}", "a request is wanted");
    assert_answer(f, "{\"request\": \"dance\"}", "status, maintenance, restart");
    assert_answer(f, "{\"request\": \"maintenance\"}", "for_ms");
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": -1, \"reason\": \"x\"}", "for_ms");
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 9999999999, \"reason\": \"x\"}", "30 days");
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 1000}", "reason");
    assert_answer(f, "{\"request\": \"restart\", \"reason\": \"x\"}", "service");
    assert_answer(f, "{\"request\": \"restart\", \"service\": \"Nobody\", \"reason\": \"x\"}", "\"version\"");
}

static void test_maintenance_holds_restarts_and_survives(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 7200000, \"reason\": \"new disks\"}",
                  "new disks");
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance_saved\": false"); /* not yet on the disk */
    leak(f);
    poll_often(f, 100);
    assert_true(did(f, "mail"));
    agent_free(f->agent); /* as a crash */
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll_often(f, 100);
    assert_answer(f, "{\"request\": \"status\"}", "new disks");
    assert_false(did(f, "stop"));
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance_saved\": true");
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 0}", "\"maintenance\": null");
    poll_often(f, 60);
    assert_true(did(f, "stop MSExchangeIS"));
}

/* A process fills its cache for an hour, and storewatch is restarted in the middle: the hour stays an hour. */
static void test_a_warm_up_outlives_a_restart(void **state)
{
    struct fixture *f = *state;
    const int hour = (int)(MS_PER_HOUR / f->config.interval_ms);
    f->config.warm_up_ms = MS_PER_HOUR;
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    leak(f);
    poll_often(f, hour * 2 / 3);
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
    setup(&state);
    struct fixture *f = state;
    f->agent->engine->config.mode = f->config.mode = MODE_ALERT;
    leak_until_mailed(f);
    if (!meanwhile) {
        world_person_stops(&f->os.world, "MSExchangeIS");
        poll_often(f, 4);
    }
    if (lives) {
        agent_free(f->agent);
        if (meanwhile)
            world_person_stops(&f->os.world, "MSExchangeIS");
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
    setup(&state);
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
    agent_free(f->agent);
    world_reboot(&f->os.world);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll_often(f, 20);
    for (size_t i = 0; i < f->agent->engine->watch.count; i++) {
        struct watched *item = &f->agent->engine->watch.items[i];
        struct verdict verdict;
        if (item->kind != TARGET_HOST)
            continue;
        detector_verdict(item->detectors[METRIC_COMMIT], &verdict);
        assert_in_range(verdict.sample_count, 15, 25);
    }
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
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    }
    poll_often(f, 3);
    assert_false(did(f, "started anew"));
    agent_free(f->agent);
    world_reboot(&f->os.world);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
    agent_free(f->agent);
    world_reboot(&f->os.world);
    assert_int_equal(rename(f->dir, away), 0);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll_often(f, 3);
    assert_int_equal(rename(away, f->dir), 0);
    fake_advance(&f->os, MS_PER_MINUTE);
    agent_wake(f->agent);
    while (drive_lane(f->agent, LANE_STORE))
        continue;
    assert_non_null(f->agent->store);
    assert_false(did(f, "started anew"));
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
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

/* A stop that waits for its commit is decided anew when maintenance is switched on meanwhile. */
static void test_maintenance_withdraws_a_stop_that_waits(void **state)
{
    struct fixture *f = *state;
    leak(f);
    for (int i = 0; i < 400 && f->agent->request.kind != ENGINE_STOP_SERVICE; i++) {
        poll(f);
        while (drive_lane(f->agent, LANE_LOOK) || drive_lane(f->agent, LANE_STORE) ||
               (f->agent->request.kind != ENGINE_STOP_SERVICE && drive_lane(f->agent, LANE_CONTROL)) ||
               drive_lane(f->agent, LANE_EVENT))
            if (f->agent->request.kind == ENGINE_STOP_SERVICE)
                break;
    }
    assert_int_equal(f->agent->request.kind, ENGINE_STOP_SERVICE);
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 7200000, \"reason\": \"new disks\"}",
                  "new disks");
    poll_often(f, 10);
    assert_false(did(f, "stop MSExchangeIS"));
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
}

/* The disk, or the service manager, hangs at the start: that leaves as a mail all the same. */
static void test_a_start_that_hangs_is_mailed(void **state)
{
    struct fixture *f = *state;
    struct job *job = agent_take_job(f->agent, LANE_LOOK);
    assert_int_equal(job->kind, JOB_OPEN);
    for (int i = 0; i < 10; i++)
        poll(f);
    assert_int_equal(f->agent->pending->mail_count, 1);
    assert_non_null(strstr(f->agent->pending->mails[0].mail.plain, "or the opening"));
    const char subject[] = "mail [storewatch] EX1: storewatch cannot read the counters";
    assert_true(drive_lane(f->agent, LANE_MAIL));
    assert_true(did(f, subject));
    job_run(job);
    agent_job_done(f->agent, job);
    poll_often(f, 10);
    assert_null(strstr(strstr(f->os.log_storage, subject) + 1, subject)); /* once */
}

static const char BLIND[] = "mail [storewatch] EX1: storewatch cannot read the counters";
static const char SIGHT_BACK[] = "mail [storewatch] EX1: storewatch reads the counters again";

/* A machine that is short of memory can be read now and then only: that is one blindness, told once a
 * reminder. It is over when it has been over for as long (an hour at the most); then the next one is news at once. */
static void test_sight_that_comes_and_goes_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.reminder_ms = 30 * MS_PER_MINUTE;
    drive_lanes(f->agent);
    for (int i = 0; i < 23; i++) { /* forty minutes */
        f->os.world.processes_unreadable = true;
        poll_often(f, 5);
        assert_true(f->agent->engine->blind);
        f->os.world.processes_unreadable = false;
        poll_often(f, 2);
        assert_false(f->agent->engine->blind);
    }
    assert_int_equal(times_done(f, BLIND), 2);
    assert_int_equal(times_done(f, SIGHT_BACK), 0);
    poll_often(f, 122);
    assert_int_equal(times_done(f, SIGHT_BACK), 1);
    f->os.world.processes_unreadable = true;
    poll_often(f, 6);
    assert_int_equal(times_done(f, BLIND), 3);
}

/* The service manager answers, but only after a minute and a half each time. */
static void test_looks_that_last_long_are_told_once(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.reminder_ms = 30 * MS_PER_MINUTE;
    drive_lanes(f->agent);
    for (int i = 0; i < 27; i++) { /* forty minutes */
        struct job *look = NULL;
        for (int slot = 0; slot < 6; slot++) {
            poll(f);
            look = look ? look : agent_take_job(f->agent, LANE_LOOK);
        }
        job_run(look);
        agent_job_done(f->agent, look);
        while (drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_MAIL))
            ;
    }
    assert_int_equal(times_done(f, BLIND), 2);
    assert_int_equal(times_done(f, SIGHT_BACK), 0);
    poll_often(f, 122);
    assert_int_equal(times_done(f, SIGHT_BACK), 1);
}

/* One look is taken and comes back six slots later. */
static void look_for_long(struct fixture *f)
{
    struct job *look = NULL;
    for (int slot = 0; slot < 6; slot++) {
        poll(f);
        look = look ? look : agent_take_job(f->agent, LANE_LOOK);
    }
    job_run(look);
    agent_job_done(f->agent, look);
    drive_lanes(f->agent);
}

/* A look hangs while what needs the target stops, and when it comes back it has not seen the processes: in all that
 * time a backup may have begun. */
static void test_a_look_that_hung_and_saw_nothing_stops_no_target(void **state)
{
    struct fixture *f = *state;
    world_get(&f->os.world, "ArchiveSvc")->stop_latency_ms = 4 * MS_PER_MINUTE;
    leak(f);
    while (!did(f, "stop ArchiveSvc"))
        poll_often(f, 1);
    poll(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(look);
    for (int slot = 0; slot < 20; slot++) {
        poll(f);
        drive_lanes(f->agent);
    }
    f->os.world.processes_unreadable = true;
    job_run(look);
    agent_job_done(f->agent, look);
    drive_lanes(f->agent);
    assert_false(did(f, "stop MSExchangeIS"));
    f->os.world.processes_unreadable = false;
    poll_often(f, 20);
    assert_true(world_runs(&f->os.world, "ArchiveSvc"));
}

/* The same of a look that saw them and comes back five minutes later: what it shows is five minutes old. */
static void test_a_look_that_hung_stops_no_target(void **state)
{
    struct fixture *f = *state;
    struct fake_program *tool = fake_add_program(&f->os, "eseutil.exe", 2e7, false);
    struct world_service *dependent = world_get(&f->os.world, "ArchiveSvc");
    dependent->stop_latency_ms = 20 * MS_PER_SECOND;
    leak(f);
    while (!did(f, "stop ArchiveSvc"))
        poll_often(f, 1);
    poll(f);
    poll(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(look);
    job_run(look);
    assert_int_equal(dependent->state, SERVICE_STATE_STOPPED);
    fake_program_run(&f->os, tool, true);
    for (int slot = 0; slot < 20; slot++) {
        poll(f);
        drive_lanes(f->agent);
    }
    agent_job_done(f->agent, look);
    drive_lanes(f->agent);
    poll_often(f, 20);
    assert_false(did(f, "stop MSExchangeIS"));
    assert_true(world_runs(&f->os.world, "ArchiveSvc"));
}

/* What ops were told last is that storewatch sees nothing, of both kinds. It is started again, by a crash as by
 * a person: that is not told anew, its end is, and only once. */
static void test_sight_that_was_lost_before_a_restart_is_told_to_be_back(void **state)
{
    struct fixture *f = *state;
    f->config.reminder_ms = 30 * MS_PER_MINUTE;
    f->agent->engine->config.reminder_ms = f->config.reminder_ms;
    drive_lanes(f->agent);
    f->os.world.processes_unreadable = true;
    poll_often(f, 6);
    look_for_long(f);
    assert_int_equal(times_done(f, BLIND), 2);
    for (int life = 0; life < 3; life++) {
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        poll_often(f, 10);
        assert_int_equal(times_done(f, BLIND), 2);
    }
    f->os.world.processes_unreadable = false;
    poll_often(f, 10);
    assert_int_equal(times_done(f, SIGHT_BACK), 0);
    poll_often(f, 122);
    assert_int_equal(times_done(f, SIGHT_BACK), 2);
    agent_free(f->agent);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll_often(f, 130);
    assert_int_equal(times_done(f, SIGHT_BACK), 2);
}

static int nagios(struct fixture *f)
{
    struct buffer view = {0};
    char *json = agent_status_json(f->agent);
    int code = status_view_nagios(json, &view);
    free(json);
    buffer_deinit(&view);
    return code;
}

/* A monitoring system is not told that all is well before the first look, nor while one hangs. */
static void test_the_status_is_unknown_while_a_look_hangs(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(nagios(f), 3);
    drive_lanes(f->agent);
    poll_often(f, 1);
    assert_int_equal(nagios(f), 0);
    poll(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    for (int i = 0; i < 6; i++)
        poll(f);
    assert_int_equal(nagios(f), 3);
    job_run(look);
    agent_job_done(f->agent, look);
    assert_int_equal(nagios(f), 0);
}

/* A file that somebody holds keeps the search for ever: told once, and again when it hangs once more. */
static void test_a_search_that_hangs_is_told(void **state)
{
    struct fixture *f = *state;
    const char subject[] = "mail [storewatch] EX1: the search for MAPI clients hangs";
    for (int times = 0; times < 2; times++) {
        struct job *job = NULL;
        for (int i = 0; i < 60 && !job; i++) {
            poll(f);
            drive_lane(f->agent, LANE_LOOK);
            job = agent_take_job(f->agent, LANE_MODULES);
        }
        assert_non_null(job);
        text_clear(&f->os.log);
        for (int i = 0; i < 50; i++) {
            poll(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, subject));
        assert_null(strstr(strstr(f->os.log_storage, subject) + 1, subject));
        job_run(job);
        agent_job_done(f->agent, job);
    }
}

static void test_a_restart_by_hand_keeps_to_the_preflight(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    f->config.mode = MODE_ALERT;
    poll_often(f, 3);
    const char *request = "{\"request\": \"restart\", \"service\": \"MSExchangeIS\", \"reason\": \"patch\"}";
    struct fake_program *backup = fake_add_program(&f->os, "eseutil.exe", 1e6, true);
    poll(f);
    drive_lanes(f->agent);
    assert_answer(f, request, "\"version\"");
    drive_lanes(f->agent);
    assert_answer(f, "{\"request\": \"status\"}", "eseutil.exe is running");
    assert_false(did(f, "stop"));
    fake_program_run(&f->os, backup, false);
    poll(f);
    drive_lanes(f->agent);
    assert_answer(f, request, "\"version\"");
    poll_often(f, 60);
    assert_true(did(f, "start MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
    assert_answer(f, "{\"request\": \"status\"}", "\"outcome\": \"succeeded\"");
}

/* What `report` shows of it later: the machine's name and the open incident, although nobody asked. */
static void test_the_status_is_kept_with_the_history(void **state)
{
    struct fixture *f = *state;
    leak(f);
    poll_often(f, 400);
    char path[128], *kept = malloc(STORE_STATUS_BYTES_MAX);
    assert_non_null(kept);
    store_path(path, sizeof path, f->dir);
    struct store *store = NULL;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    assert_int_equal(store_get_setting(store, STORE_SETTING_STATUS, kept, STORE_STATUS_BYTES_MAX, NULL),
                     STATUS_OK);
    store_close(store);
    assert_non_null(strstr(kept, "\"host\": \"EX1\""));
    assert_non_null(strstr(kept, "\"reason\": \"grows "));
    free(kept);
}

/* While the history is read back its series belong to the worker: an answer does not look at them. */
static void test_a_status_does_not_touch_what_is_being_opened(void **state)
{
    struct fixture *f = *state;
    struct job *open = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(open);
    job_run(open);
    assert_true(f->agent->engine->watch.count > 0);
    assert_answer(f, "{\"request\": \"status\"}", "\"watched\": []");
    agent_job_done(f->agent, open);
    assert_answer(f, "{\"request\": \"status\"}", "store.exe");
}

static void test_control_lines(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    char *answer = ask(f, "{\"request\": \"status\"}\r\n");
    assert_non_null(strstr(answer, "\"watched\""));
    free(answer);
    answer = ask(f, "format c:\n");
    assert_non_null(strstr(answer, "\"error\""));
    free(answer);
    answer = ask(f, "");
    assert_non_null(strstr(answer, "\"error\""));
    free(answer);
}

/* No data directory: sampling and telling go on, nothing is restarted, and the file is opened as soon as it
 * can. */
static void test_a_store_that_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(rmdir(f->dir), 0);
    drive_lanes(f->agent);
    assert_true(did(f, "mail [storewatch] EX1"));
    leak(f);
    poll_often(f, 200);
    assert_true(did(f, "private bytes"));
    assert_false(did(f, "stop"));
    assert_int_equal(mkdir(f->dir, 0700), 0);
    poll_often(f, 60);
    assert_true(did(f, "stop MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"store_error\": null"));
    free(json);
}

/* The file cannot be opened at the start, and what has an incident in it gets another one. When it is opened
 * after all, that growth has one open incident, and nobody is told that it has ended. */
static void test_a_file_that_opens_late_leaves_one_incident_open(void **state)
{
    struct fixture *f = *state;
    char away[DRIVE_FOLDER_MAX + 8], path[DRIVE_FOLDER_MAX + 16];
    snprintf(away, sizeof away, "%s.away", f->dir);
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    agent_free(f->agent);
    f->config.mode = MODE_ALERT;
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    leak_until_mailed(f);
    agent_free(f->agent);
    assert_int_equal(rename(f->dir, away), 0);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll_often(f, 100);
    const int64_t id = f->agent->engine->incidents[0].incident.id;
    assert_true(id > 1);
    assert_int_equal(rename(away, f->dir), 0);
    poll_often(f, 60);
    assert_false(f->agent->store_failing);
    struct store *store = NULL;
    struct incident incidents[4];
    size_t count = 0;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    assert_int_equal(store_get_incidents(store, false, incidents, 4, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(incidents[0].id, id);
    assert_int_equal(incidents[0].state, INCIDENT_OPEN);
    assert_int_equal(incidents[1].state, INCIDENT_CLOSED);
    assert_non_null(strstr(incidents[1].reason, "goes on as incident"));
    store_close(store);
    assert_false(did(f, "has ended") || did(f, "recovered"));
}

/* What storewatch was in the middle of is in that file. Once it has been read in this life, that is known. */
static void test_a_store_that_cannot_be_read_is_told_with_what_it_may_hold(void **state)
{
    struct fixture *f = *state;
    for (int known = 0; known < 2; known++) {
        if (known)
            drive_lanes(f->agent);
        agent_tell_store_failing(f->agent, "the disk fails");
        struct job *job = agent_take_job(f->agent, LANE_EVENT);
        assert_non_null(job);
        const char *told = NULL;
        for (size_t i = 0; i < job->event_count; i++)
            if (job->events[i].kind == ALERT_STORE_FAILING)
                told = job->events[i].text;
        assert_non_null(told);
        assert_non_null(strstr(told, "the disk fails"));
        assert_int_equal(strstr(told, "See that all of them run.") != NULL, !known);
        job_run(job);
        agent_job_done(f->agent, job);
        f->agent->store_told = false;
    }
}

/* The next commit finds it. Lends the job, for what is left to close. */
static struct job *find_the_file_damaged(struct fixture *f)
{
    poll(f);
    drive_lane(f->agent, LANE_LOOK);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job);
    job->status = STATUS_CORRUPT;
    agent_job_done(f->agent, job);
    return job;
}

/* A file found damaged while in use is closed, set aside by the next opening, and the new one takes all that
 * is open. (SQLite works from its cache and its log: damage on the disk shows when it shows, so the finding
 * is put into the job here.) */
static void test_a_store_that_breaks_while_in_use(void **state)
{
    struct fixture *f = *state;
    leak_until_mailed(f);
    find_the_file_damaged(f);
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": \"");
    assert_int_equal(truncate(path, 5000), 0); /* within the pages: closing it cannot make it whole again */
    poll_often(f, 10);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
    struct store *store = NULL;
    struct incident incidents[4];
    size_t count = 0;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    assert_int_equal(store_get_incidents(store, false, incidents, 4, &count, NULL), STATUS_OK);
    assert_int_equal(count, 1);
    store_close(store);
}

/* Damage where only the mails lie: commits succeed, and no mail would ever leave again. */
static void test_a_mail_that_cannot_be_read_back_is_damage(void **state)
{
    struct fixture *f = *state;
    leak_until_mailed(f);
    poll_often(f, 5);
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE outbox SET kind = 'none', state = 'pending', plain = 'x'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    f->agent->mail_may_wait = true;
    poll_often(f, 40);
    assert_true(did(f, "was set aside"));
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
}

/* The volume went away and came back: no commit on the old handles will ever work again, the disk does. */
static void test_a_store_whose_handles_are_dead_is_opened_again(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    for (int64_t ms = 0;; ms += f->config.interval_ms) {
        poll(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        if (job->kind == JOB_REOPEN) {
            assert_true(ms >= MS_PER_MINUTE);
            job_run(job);
            agent_job_done(f->agent, job);
            break;
        }
        assert_true(ms <= 2 * MS_PER_MINUTE);
        job->status = STATUS_IO;
        agent_job_done(f->agent, job);
    }
    drive_lanes(f->agent);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
}

/* A full disk is no reason: its oldest history has to go, and that is done on the handles there are. */
static void test_a_full_disk_is_not_opened_again(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    for (int64_t ms = 0; ms <= 5 * MS_PER_MINUTE; ms += f->config.interval_ms) {
        poll(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        assert_int_equal(job->kind, JOB_COMMIT);
        job->status = STATUS_FULL;
        agent_job_done(f->agent, job);
    }
}

/* With an interval of an hour a hanging commit is found out all the same: a start may be waiting for it. */
static void test_a_commit_that_hangs_is_found_out_between_polls(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll(f);
    drive_lane(f->agent, LANE_LOOK);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job);
    fake_advance(&f->os, 9 * MS_PER_SECOND);
    agent_wake(f->agent);
    assert_false(f->agent->store_failing);
    fake_advance(&f->os, 2 * MS_PER_SECOND);
    agent_wake(f->agent);
    assert_true(f->agent->store_failing);
    job_run(job);
    agent_job_done(f->agent, job);
}

/* By so many polls, but with polls of a second not by five seconds already. */
static void test_a_look_is_overdue_after_half_a_minute(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    f->agent->engine->config.interval_ms = MS_PER_SECOND;
    poll(f);
    assert_non_null(agent_take_job(f->agent, LANE_LOOK));
    fake_advance(&f->os, 29 * MS_PER_SECOND);
    agent_poll(f->agent);
    assert_false(f->agent->look_overdue);
    fake_advance(&f->os, 2 * MS_PER_SECOND);
    agent_poll(f->agent);
    assert_true(f->agent->look_overdue);
}

/* The store crashes while it grows and nothing starts it again: mail is down, and the mail says so first. */
static void test_a_service_that_is_down_with_its_process_is_urgent(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.mode = MODE_ALERT;
    leak_until_mailed(f);
    world_kill(&f->os.world, "MSExchangeIS", 1067);
    poll_often(f, 4);
    assert_true(did(f, "mail [storewatch] EX1: URGENT: store.exe has ended, MSExchangeIS is STOPPED"));
}

static const struct incident *incident_of(const struct fixture *f, const char *target)
{
    const struct open_incident *incidents = f->agent->engine->incidents;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (incidents[i].incident.id && strcmp(incidents[i].incident.target, target) == 0)
            return &incidents[i].incident;
    fail_msg("no incident of %s is open", target);
    return NULL;
}

/* The new process stands higher than the old one, and does not grow: rate and end were the old one's. */
static void test_a_restart_that_does_not_help_foresees_nothing(void **state)
{
    struct fixture *f = *state;
    struct fake_program *store = fake_program_find(&f->os, "MSExchangeIS");
    f->os.host.commit_limit_bytes = 6.5e9;
    leak(f);
    while (!did(f, "stop MSExchangeIS"))
        poll_often(f, 1);
    assert_true(incident_of(f, "MSExchangeIS")->escalated);
    fake_grow(&f->os, store, FAKE_FLAT);
    store->base_bytes = 3e9;
    poll_often(f, 20);
    assert_true(
        did(f, "mail [storewatch] EX1: no better after the restart: store.exe private bytes now 2.7"));
    const struct incident *incident = incident_of(f, "MSExchangeIS");
    assert_false(incident->escalated);
    assert_true(isnan(incident->slope_per_hour) && incident->exhaustion_utc_ms == INT64_MAX);
    assert_non_null(strstr(incident->reason, "the new process stands at 2.7"));
}

/* Nobody reaches this one: ops are told, and why. */
static void test_without_a_control_pipe_ops_are_told(void **state)
{
    struct fixture *f = *state;
    agent_tell_no_control(f->agent, "address already in use");
    assert_non_null(strstr(f->agent->pending->mails[0].mail.plain, "address already in use"));
    poll(f);
    drive_lanes(f->agent);
    assert_true(did(f, "mail [storewatch] EX1: commands do not reach storewatch"));
}

static void polls(struct fixture *f, int count)
{
    poll_often(f, count);
}

static size_t times(const struct fixture *f, const char *deed)
{
    size_t count = 0;
    for (const char *at = f->os.log_storage; (at = strstr(at, deed)); at++)
        count++;
    return count;
}

static void test_a_metrics_file_that_cannot_be_written_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    text_copy(f->agent->engine->config.metrics_textfile, CONFIG_STRING_MAX, "C:\\m\\storewatch.prom");
    polls(f, 3);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
    f->os.world.refuse_file_code = 3;
    polls(f, 20);
    assert_int_equal(times(f, "event METRICS_FAILING"), 1);
    assert_answer(f, "{\"request\": \"status\"}",
                  "\"metrics_error\": \"C:\\\\m\\\\storewatch.prom: code 3\"");
    f->os.world.refuse_file_code = 0;
    polls(f, 3);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
    f->os.world.refuse_file_code = 3; /* it comes and goes: not an event each time */
    polls(f, 3);
    assert_int_equal(times(f, "event METRICS_FAILING"), 1);
}

static void test_the_end_of_a_maintenance_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, f->os.world.utc_ms + MS_PER_MINUTE, "disks", NULL),
                     STATUS_OK);
    polls(f, 3);
    assert_int_equal(times(f, "event MAINTENANCE_OFF"), 0);
    poll(f);
    assert_int_equal(f->agent->event_count, 1);
    assert_non_null(strstr(f->agent->events[0].text, "It ran out at "));
    polls(f, 3);
    assert_int_equal(times(f, "event MAINTENANCE_OFF"), 1);
    for (int life = 0; life < 2; life++) { /* nor is it told in the next life */
        polls(f, 3);
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        drive_lanes(f->agent);
    }
    assert_int_equal(times(f, "event MAINTENANCE_OFF"), 1);
}

/* It ran out by the clock in a life that had not seen it begin: whether the clock was right is not known. */
static void test_a_maintenance_of_an_earlier_life_goes_by_the_clock(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, f->os.world.utc_ms + MS_PER_MINUTE, "disks", NULL),
                     STATUS_OK);
    polls(f, 1);
    for (int life = 0; life < 2; life++) {
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        drive_lanes(f->agent);
        polls(f, 5);
        assert_int_equal(times(f, "event MAINTENANCE_OFF"), 1);
    }
    f->os.world.utc_ms -= MS_PER_HOUR; /* it is in force again */
    polls(f, 3);
    assert_int_equal(times(f, "event MAINTENANCE_ON"), 2);
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": {");
    f->os.world.utc_ms += MS_PER_HOUR;
    polls(f, 3);
    assert_int_equal(times(f, "event MAINTENANCE_OFF"), 2);
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": null");
}

static void poll_after(struct fixture *f, int64_t ms)
{
    fake_advance(&f->os, ms);
    poll_often(f, 2);
}

/* What a person asked for is a time that passes, not one of a clock: set back by a year, it holds restarts for no
 * year; set ahead, it frees none too early. The next life knows the end as the clock shows it now. */
static void test_a_clock_that_is_set_makes_a_maintenance_no_longer_and_no_shorter(void **state)
{
    static const int64_t jumps_ms[] = {-366 * MS_PER_DAY, 3 * MS_PER_HOUR};
    struct fixture *f = *state;
    f->os.log_events = true;
    poll_often(f, 2);
    for (size_t i = 0; i < ARRAY_COUNT(jumps_ms); i++) {
        assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 7200000, \"reason\": \"disks\"}",
                      "\"disks\"");
        poll_after(f, 30 * MS_PER_MINUTE);
        f->os.world.utc_ms += jumps_ms[i];
        poll_after(f, 30 * MS_PER_MINUTE);
        assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": {");
        assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), i);
        if (i == 0) {
            agent_free(f->agent);
            assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
            poll_after(f, 30 * MS_PER_MINUTE);
            assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": {");
        }
        poll_after(f, 90 * MS_PER_MINUTE);
        assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": null");
        assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), i + 1);
    }
    f->os.world.utc_ms -= 366 * MS_PER_DAY; /* its time has passed all the same */
    poll_after(f, MS_PER_MINUTE);
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": null");
}

/* It ends while storewatch does not run. */
static void test_the_end_of_a_maintenance_is_told_at_the_next_start(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, f->os.world.utc_ms + MS_PER_HOUR, "disks", NULL), STATUS_OK);
    polls(f, 3);
    agent_free(f->agent);
    fake_advance(&f->os, 2 * MS_PER_HOUR);
    for (int life = 0; life < 2; life++) {
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        drive_lanes(f->agent);
        polls(f, 3);
        assert_int_equal(times(f, "event MAINTENANCE_OFF"), 1);
        if (life == 0)
            agent_free(f->agent);
    }
}

/* By hand, so that there is no incident. */
static void test_a_service_that_stays_down_is_critical(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    polls(f, 1);
    world_get(&f->os.world, "ArchiveSvc")->fail_start_count = 40;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "a test", NULL), STATUS_OK);
    drive_lanes(f->agent);
    polls(f, 40);
    assert_true(did(f, "start ArchiveSvc"));
    char *json = agent_status_json(f->agent);
    struct buffer view = {0};
    assert_int_equal(status_view_nagios(json, &view), 2);
    assert_non_null(
        strstr(view.data, "CRITICAL - A SERVICE IS DOWN, restart of ArchiveSvc under way: ArchiveSvc: "));
    buffer_deinit(&view);
    free(json);
}

static void test_events_that_cannot_be_written_stand_in_status(void **state)
{
    struct fixture *f = *state;
    f->os.events_closed = true;
    polls(f, 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": \"event STARTED: code 5\"");
    f->os.events_closed = false;
    polls(f, 3); /* nothing is to be told: it is not known to work again */
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": \"event STARTED: code 5\"");
    assert_int_equal(agent_maintenance(f->agent, 0, "", NULL), STATUS_OK);
    polls(f, 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": null");
}

static void write_config(const char *path, const char *json)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(json, file);
    assert_int_equal(fclose(file), 0);
}

/* A collector would go on reading its last values. */
static void test_a_metrics_file_that_is_named_no_more_is_removed(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/storewatch.json", f->dir);
    agent_free(f->agent);
    f->options.config_path = path;
    text_copy(f->config.metrics_textfile, sizeof f->config.metrics_textfile, "/m/one.prom");
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    polls(f, 2);
    char *text = agent_metrics_text(f->agent);
    assert_memory_equal(text, METRICS_BEGIN, strlen(METRICS_BEGIN));
    free(text);
    write_config(path, "{\"version\": 1, \"metrics_textfile\": \"/m/one.prom\"}");
    agent_reload(f->agent);
    drive_lanes(f->agent);
    assert_false(did(f, "remove")); /* it is named still */
    write_config(path, "{\"version\": 1, \"metrics_textfile\": \"/m/two.prom\"}");
    agent_reload(f->agent);
    drive_lanes(f->agent);
    assert_int_equal(times(f, "remove /m/one.prom"), 1);
    write_config(path, "{\"version\": 1, \"metrics_textfile\": null}");
    f->os.log_events = true;
    f->os.world.refuse_file_code = 32;
    agent_reload(f->agent);
    drive_lanes(f->agent);
    polls(f, 3);
    assert_int_equal(times(f, "remove /m/two.prom"), 1);
    assert_int_equal(times(f, "event METRICS_FAILING"), 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
}

/* The journal of a restart is in the data directory: with another one the next start knows of nothing. */
static void test_another_data_directory_waits_for_the_end_of_a_restart(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/storewatch.json", f->dir);
    agent_free(f->agent);
    f->options.config_path = path;
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    polls(f, 2);
    write_config(path, "{\"version\": 1, \"data_dir\": \"/elsewhere\"}");
    for (int restarting = 0; restarting < 2; restarting++) {
        agent_reload(f->agent);
        assert_true(drive_lane(f->agent, LANE_CONFIG));
        const char *told = f->agent->events[f->agent->event_count - 1].text;
        assert_non_null(strstr(told, "taken over at the next start of the service, not now"));
        assert_int_equal(strstr(told, "A restart of ArchiveSvc is under way") != NULL, restarting);
        f->agent->engine->restart.journal.phase = RESTART_STOPPING;
        text_copy(f->agent->engine->restart.journal.target, SERVICE_NAME_MAX, "ArchiveSvc");
    }
}

/* Stopped, it says so, and nothing that would look current; the file stays, so that its age can be told. */
static void test_a_metrics_file_says_that_the_service_was_stopped(void **state)
{
    struct fixture *f = *state;
    text_copy(f->agent->engine->config.metrics_textfile, CONFIG_STRING_MAX, "/m/one.prom");
    polls(f, 2);
    char *text = agent_metrics_text(f->agent);
    assert_non_null(strstr(text, "\nstorewatch_up 1\n"));
    assert_non_null(strstr(text, "\nstorewatch_value{"));
    free(text);
    agent_stop(f->agent, false);
    struct job *job = agent_take_job(f->agent, LANE_EVENT);
    assert_non_null(job);
    assert_string_equal(job->metrics_path, "/m/one.prom");
    assert_memory_equal(job->metrics, METRICS_BEGIN, strlen(METRICS_BEGIN));
    assert_non_null(strstr(job->metrics, "\nstorewatch_up 0\n# EOF\n"));
    assert_null(strstr(job->metrics, "storewatch_value"));
    job_run(job);
    agent_job_done(f->agent, job);
    drive_lanes(f->agent);
    assert_true(agent_is_quiet(f->agent));
}

/* What forbids a restart is not lost with the file, neither now nor in the next life. */
static void test_a_maintenance_outlives_a_damaged_file(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    const int64_t until_utc_ms = f->os.world.utc_ms + 4 * MS_PER_HOUR;
    assert_int_equal(agent_maintenance(f->agent, until_utc_ms, "patches", NULL), STATUS_OK);
    drive_lanes(f->agent);
    struct job *job = find_the_file_damaged(f);
    store_close(job->broken);
    job->broken = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_int_equal(truncate(path, 5000), 0);
    for (int life = 0; life < 2; life++) {
        for (int i = 0; i < 10; i++) {
            poll(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, "was set aside"));
        assert_int_equal(f->agent->engine->maintenance_until_utc_ms, until_utc_ms);
        assert_string_equal(f->agent->maintenance_reason, "patches");
        agent_free(f->agent);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    }
}

/* Killed just after a damaged file was set aside: the next life tells it, and none after that one. */
static void test_a_file_set_aside_is_told_once(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    for (int life = 0; life < 4; life++) {
        agent_free(f->agent);
        if (life == 0)
            assert_int_equal(truncate(path, 5000), 0);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        assert_true(drive_lane(f->agent, LANE_LOOK)); /* opens it */
        if (life > 0)
            drive_lanes(f->agent);
        const char *mail = strstr(f->os.log_storage, "was set aside");
        assert_int_equal(mail != NULL, life > 0);
        assert_true(!mail || !strstr(mail + 1, "was set aside"));
        poll(f);
    }
}

/* A disk that spoils each file within seconds: what it does is told, and does not come to a file and a mail each few
 * seconds. */
static void test_files_are_set_aside_ten_minutes_apart(void **state)
{
    struct fixture *f = *state;
    char path[128];
    drive_lanes(f->agent);
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    const int64_t begun_ms = f->os.world.mono_ms;
    while (f->os.world.mono_ms - begun_ms < MS_PER_HOUR) {
        poll(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        if (job && job->kind == JOB_COMMIT) {
            job->status = STATUS_CORRUPT;
        } else if (job) {
            assert_int_equal(truncate(path, 5000), 0);
            job_run(job);
        }
        if (job)
            agent_job_done(f->agent, job);
        drive_lane(f->agent, LANE_EVENT);
        drive_lane(f->agent, LANE_MAIL);
    }
    assert_in_range(times(f, "was set aside"), 5, 7);
}

static size_t set_aside_count(const char *dir, const char *largest)
{
    struct file_entry files[64];
    size_t count = 0, found = 0;
    bool has_largest = false;
    os_file_list(NULL, dir, STORE_FILE_NAME ".bad-", files, ARRAY_COUNT(files), &count, NULL);
    for (size_t i = 0; i < count; i++) {
        found += own_files_is_aside(files[i].name);
        has_largest |= strcmp(files[i].name, largest) == 0;
    }
    assert_true(has_largest);
    return found;
}

/* A disk that spoils the file again and again: what is set aside does not fill it. Those with most in them stay,
 * and the one that is told of. */
static void test_what_is_set_aside_is_bounded(void **state)
{
    struct fixture *f = *state;
    char path[128], large[] = STORE_FILE_NAME ".bad-20200101T000000";
    drive_lanes(f->agent);
    snprintf(path, sizeof path, "%s/%s-wal", f->dir, large);
    write_config(path, "x");
    snprintf(path, sizeof path, "%s/%s.mine", f->dir, large); /* a person's copy */
    write_config(path, "x");
    snprintf(path, sizeof path, "%s/%s", f->dir, large);
    write_config(path, "x");
    assert_int_equal(truncate(path, 100 * 1000 * 1000), 0);
    snprintf(path, sizeof path, "%s/" STORE_FILE_NAME, f->dir);
    for (size_t life = 1; life < 12; life++) {
        agent_free(f->agent);
        assert_int_equal(truncate(path, 5000), 0);
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        assert_true(drive_lane(f->agent, LANE_LOOK));
        const struct event_line *event = &f->agent->events[f->agent->event_count - 1];
        assert_int_equal(event->kind, ALERT_STORE_SET_ASIDE);
        const char *told = strstr(event->text, "The old file is kept as ");
        assert_non_null(told);
        told += strlen("The old file is kept as ");
        char kept[200];
        snprintf(kept, sizeof kept, "%.*s", (int)strcspn(told, " ") - 1, told);
        assert_int_equal(access(kept, F_OK), 0);
        const size_t others = life < ASIDE_KEPT_MAX ? life : ASIDE_KEPT_MAX;
        assert_int_equal(set_aside_count(f->dir, large), others + 1);
        assert_int_equal(strstr(told, "Of those set aside before, 1 was removed") != NULL,
                         life > ASIDE_KEPT_MAX);
        drive_lanes(f->agent);
    }
    snprintf(path, sizeof path, "%s/%s-wal", f->dir, large);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/%s.mine", f->dir, large);
    assert_int_equal(access(path, F_OK), 0);
}

/* The store's own work is SQLite's; everything else of a steady poll must live on what was allocated before.
 */
static void test_a_steady_poll_allocates_nothing_and_nothing_grows(void **state)
{
    struct fixture *f = *state;
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    for (int i = 0; i < 10000;
         i++) { /* incarnations, and SQLite's page cache, which is bounded, until it is full */
        poll(f);
        drive_lanes(f->agent);
    }
    size_t before = __sanitizer_get_current_allocated_bytes();
    allocations = 0;
    for (int i = 0; i < 10000; i++) {
        counting = true;
        poll(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        counting = false;
        if (job)
            job_run(job);
        counting = true;
        if (job)
            agent_job_done(f->agent, job);
        assert_null(agent_take_job(f->agent, LANE_CONTROL));
        counting = false;
        drive_lanes(f->agent);
    }
    assert_int_equal(allocations, 0);
    assert_true(__sanitizer_get_current_allocated_bytes() <
                before + 20 * 1000); /* 2 bytes a poll would show */
    assert_false(did(f, "mail"));
}

/* An event log that hangs holds neither a new configuration back nor what it says. */
static void test_a_hung_event_log_does_not_hold_a_reload_back(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/storewatch.json", f->dir);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("{\"version\": 1, \"sampling\": {\"interval\": \"42s\"}}", file);
    assert_int_equal(fclose(file), 0);
    agent_free(f->agent);
    f->options.config_path = path;
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
    poll(f);
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, 0, "", NULL), STATUS_OK); /* there is an event to write */
    struct job *hung = agent_take_job(f->agent, LANE_EVENT);
    assert_non_null(hung);
    agent_reload(f->agent);
    drive_lanes(f->agent);
    assert_int_equal(agent_interval_ms(f->agent), 42 * MS_PER_SECOND);
    job_run(hung);
    agent_job_done(f->agent, hung);
    drive_lanes(f->agent);
    assert_true(agent_is_quiet(f->agent));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void test_what_users_may_change_is_told_once(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    f->options.config_path = "C:\\x\\storewatch.json";
    text_copy(f->os.unsafe_access, sizeof f->os.unsafe_access,
              "C:\\x\\storewatch.json may be changed by Users");
    for (int start = 0; start < 3; start++) { /* a service that is started again and again */
        assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
        f->os.log_events = true;
        text_clear(&f->os.log);
        for (int i = 0; i < 5; i++) {
            poll(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, "ordinary users may change")); /* the event, each time */
        assert_int_equal(f->os.mails_delivered, 1);
        if (start < 2)
            agent_free(f->agent);
    }
    /* What is new is mailed, also without a reload; what is mended is not. */
    text_copy(f->os.unsafe_access, sizeof f->os.unsafe_access, "files in C:\\x may be replaced by Everyone");
    fake_advance(&f->os, 24 * MS_PER_HOUR);
    poll_often(f, 5);
    assert_int_equal(f->os.mails_delivered, 2);
    f->os.unsafe_access[0] = '\0';
    fake_advance(&f->os, 24 * MS_PER_HOUR);
    poll_often(f, 5);
    assert_int_equal(f->os.mails_delivered, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_leaves_before_its_records_are_committed),
        TEST(test_a_clock_that_is_set_is_told_of),
        TEST(test_a_slot_whose_look_is_late_is_missed),
        TEST(test_stop_saves_and_is_quiet),
        TEST(test_a_stop_does_not_wait_for_a_failing_disk),
        TEST(test_the_status_is_kept_with_the_history),
        TEST(test_a_status_does_not_touch_what_is_being_opened),
        TEST(test_control_lines),
        TEST(test_bad_requests_say_what_is_allowed),
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
        TEST(test_maintenance_holds_restarts_and_survives),
        TEST(test_who_is_watched_and_small_keeps_its_past),
        TEST(test_maintenance_withdraws_a_stop_that_waits),
        TEST(test_a_start_that_hangs_is_mailed),
        TEST(test_sight_that_comes_and_goes_is_told_once),
        TEST(test_looks_that_last_long_are_told_once),
        TEST(test_a_look_that_hung_and_saw_nothing_stops_no_target),
        TEST(test_a_look_that_hung_stops_no_target),
        TEST(test_sight_that_was_lost_before_a_restart_is_told_to_be_back),
        TEST(test_the_status_is_unknown_while_a_look_hangs),
        TEST(test_a_search_that_hangs_is_told),
        TEST(test_a_restart_by_hand_keeps_to_the_preflight),
        TEST(test_a_hung_event_log_does_not_hold_a_reload_back),
        TEST(test_what_users_may_change_is_told_once),
        TEST(test_repetitions_are_dropped_first),
        TEST(test_the_end_of_a_restart_is_saved_with_the_next),
        TEST(test_all_incidents_of_a_bad_time_are_saved),
        TEST(test_incidents_that_find_no_room_are_told_of),
        TEST(test_a_store_that_cannot_be_opened),
        TEST(test_a_file_that_opens_late_leaves_one_incident_open),
        TEST(test_a_store_that_cannot_be_read_is_told_with_what_it_may_hold),
        TEST(test_a_store_that_breaks_while_in_use),
        TEST(test_a_mail_that_cannot_be_read_back_is_damage),
        TEST(test_files_are_set_aside_ten_minutes_apart),
        TEST(test_a_store_whose_handles_are_dead_is_opened_again),
        TEST(test_a_full_disk_is_not_opened_again),
        TEST(test_a_commit_that_hangs_is_found_out_between_polls),
        TEST(test_a_look_is_overdue_after_half_a_minute),
        TEST(test_without_a_control_pipe_ops_are_told),
        TEST(test_a_service_that_is_down_with_its_process_is_urgent),
        TEST(test_a_restart_that_does_not_help_foresees_nothing),
        TEST(test_a_file_set_aside_is_told_once),
        TEST(test_what_is_set_aside_is_bounded),
        TEST(test_a_metrics_file_that_cannot_be_written_is_told_once),
        TEST(test_the_end_of_a_maintenance_is_told_once),
        TEST(test_a_maintenance_of_an_earlier_life_goes_by_the_clock),
        TEST(test_a_clock_that_is_set_makes_a_maintenance_no_longer_and_no_shorter),
        TEST(test_the_end_of_a_maintenance_is_told_at_the_next_start),
        TEST(test_a_service_that_stays_down_is_critical),
        TEST(test_events_that_cannot_be_written_stand_in_status),
        TEST(test_a_metrics_file_that_is_named_no_more_is_removed),
        TEST(test_a_metrics_file_says_that_the_service_was_stopped),
        TEST(test_another_data_directory_waits_for_the_end_of_a_restart),
        TEST(test_a_maintenance_outlives_a_damaged_file),
        TEST(test_a_steady_poll_allocates_nothing_and_nothing_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_agent.c - the portable edge against the fake OS: stopping, reloading, what a person asks for, and that a steady poll allocates
 * nothing and the agent does not grow over 10,000 polls. Its parts: test_agent_*.c, test_maintenance.c, test_mails.c. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/status_view.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Of the sanitizer's run-time; gcc 12 ships the functions without their header. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));
size_t __sanitizer_get_current_allocated_bytes(void);

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

static void test_a_clock_that_is_set_is_told_of(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll_once(f);
    drive_lanes(f->agent);
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"jumps\": 0,\n  \"last_jump_at\": null,\n  \"last_jump_ms\": null"));
    free(json);
    f->os.world.utc_ms += 2 * MS_PER_SECOND; /* bent, not set */
    poll_once(f);
    drive_lanes(f->agent);
    f->os.world.utc_ms -= MS_PER_HOUR;
    poll_once(f);
    drive_lanes(f->agent);
    poll_once(f);
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
        poll_once(f);
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

/* The disk, or the service manager, hangs at the start: that leaves as a mail all the same. */
static void test_a_start_that_hangs_is_mailed(void **state)
{
    struct fixture *f = *state;
    struct job *job = agent_take_job(f->agent, LANE_LOOK);
    assert_int_equal(job->kind, JOB_OPEN);
    for (int i = 0; i < 10; i++)
        poll_once(f);
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

static void test_a_restart_by_hand_keeps_to_the_preflight(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    f->config.mode = MODE_ALERT;
    poll_often(f, 3);
    const char *request = "{\"request\": \"restart\", \"service\": \"MSExchangeIS\", \"reason\": \"patch\"}";
    struct fake_program *backup = fake_add_program(&f->os, "eseutil.exe", 1e6, true);
    poll_once(f);
    drive_lanes(f->agent);
    assert_answer(f, request, "\"version\"");
    drive_lanes(f->agent);
    assert_answer(f, "{\"request\": \"status\"}", "eseutil.exe is running");
    assert_false(did(f, "stop"));
    fake_program_run(&f->os, backup, false);
    poll_once(f);
    drive_lanes(f->agent);
    assert_answer(f, request, "\"version\"");
    poll_often(f, 60);
    assert_true(did(f, "start MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
    assert_answer(f, "{\"request\": \"status\"}", "\"outcome\": \"succeeded\"");
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
    poll_once(f);
    drive_lanes(f->agent);
    assert_true(did(f, "mail [storewatch] EX1: commands do not reach storewatch"));
}

/* The journal of a restart is in the data directory: with another one the next start knows of nothing. */
static void test_another_data_directory_waits_for_the_end_of_a_restart(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/storewatch.json", f->dir);
    die(f);
    f->options.config_path = path;
    live(f);
    poll_often(f, 2);
    write_file(path, "{\"version\": 1, \"data_dir\": \"/elsewhere\"}");
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

/* The store's own work is SQLite's; everything else of a steady poll must live on what was allocated before.
 */
static void test_a_steady_poll_allocates_nothing_and_nothing_grows(void **state)
{
    struct fixture *f = *state;
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
    for (int i = 0; i < 10000;
         i++) { /* incarnations, and SQLite's page cache, which is bounded, until it is full */
        poll_once(f);
        drive_lanes(f->agent);
    }
    size_t before = __sanitizer_get_current_allocated_bytes();
    allocations = 0;
    for (int i = 0; i < 10000; i++) {
        counting = true;
        poll_once(f);
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
    die(f);
    f->options.config_path = path;
    live(f);
    poll_once(f);
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

static void test_what_users_may_change_is_told_once(void **state)
{
    struct fixture *f = *state;
    die(f);
    f->options.config_path = "C:\\x\\storewatch.json";
    text_copy(f->os.unsafe_access, sizeof f->os.unsafe_access,
              "C:\\x\\storewatch.json may be changed by Users");
    for (int start = 0; start < 3; start++) { /* a service that is started again and again */
        live(f);
        f->os.log_events = true;
        text_clear(&f->os.log);
        for (int i = 0; i < 5; i++) {
            poll_once(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, "ordinary users may change")); /* the event, each time */
        assert_int_equal(f->os.mails_delivered, 1);
        if (start < 2)
            die(f);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_clock_that_is_set_is_told_of),
        TEST(test_stop_saves_and_is_quiet),
        TEST(test_a_stop_does_not_wait_for_a_failing_disk),
        TEST(test_a_start_that_hangs_is_mailed),
        TEST(test_a_restart_by_hand_keeps_to_the_preflight),
        TEST(test_a_hung_event_log_does_not_hold_a_reload_back),
        TEST(test_what_users_may_change_is_told_once),
        TEST(test_without_a_control_pipe_ops_are_told),
        TEST(test_a_service_that_is_down_with_its_process_is_urgent),
        TEST(test_a_restart_that_does_not_help_foresees_nothing),
        TEST(test_another_data_directory_waits_for_the_end_of_a_restart),
        TEST(test_a_steady_poll_allocates_nothing_and_nothing_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

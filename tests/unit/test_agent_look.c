/* test_agent_look.c - looks at the machine that are late, hang or see nothing, and what is told and stopped meanwhile. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_slot_whose_look_is_late_is_missed(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll_once(f);
    struct job *job = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(job);
    poll_once(f); /* waits for the look that is under way */
    poll_once(f); /* missed */
    job_run(job);
    agent_job_done(f->agent, job);
    drive_lanes(f->agent);
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"missed_polls\": 1"));
    free(json);
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

/* One look is taken and comes back six slots later. */
static void look_for_six_slots(struct fixture *f)
{
    struct job *look = NULL;
    for (int slot = 0; slot < 6; slot++) {
        poll_once(f);
        look = look ? look : agent_take_job(f->agent, LANE_LOOK);
    }
    job_run(look);
    agent_job_done(f->agent, look);
}

/* The service manager answers, but only after a minute and a half each time. */
static void test_looks_that_last_long_are_told_once(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.reminder_ms = 30 * MS_PER_MINUTE;
    drive_lanes(f->agent);
    for (int i = 0; i < 27; i++) { /* forty minutes */
        look_for_six_slots(f);
        while (drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_MAIL))
            ;
    }
    assert_int_equal(times_done(f, BLIND), 2);
    assert_int_equal(times_done(f, SIGHT_BACK), 0);
    poll_often(f, 122);
    assert_int_equal(times_done(f, SIGHT_BACK), 1);
}

static void look_for_long(struct fixture *f)
{
    look_for_six_slots(f);
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
    poll_once(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(look);
    for (int slot = 0; slot < 20; slot++) {
        poll_once(f);
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
    poll_once(f);
    poll_once(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    assert_non_null(look);
    job_run(look);
    assert_int_equal(dependent->state, SERVICE_STATE_STOPPED);
    fake_program_run(&f->os, tool, true);
    for (int slot = 0; slot < 20; slot++) {
        poll_once(f);
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
        live(f);
        poll_often(f, 10);
        assert_int_equal(times_done(f, BLIND), 2);
    }
    f->os.world.processes_unreadable = false;
    poll_often(f, 10);
    assert_int_equal(times_done(f, SIGHT_BACK), 0);
    poll_often(f, 122);
    assert_int_equal(times_done(f, SIGHT_BACK), 2);
    live(f);
    poll_often(f, 130);
    assert_int_equal(times_done(f, SIGHT_BACK), 2);
}

/* A file that somebody holds keeps the search for ever: told once, and again when it hangs once more. */
static void test_a_search_that_hangs_is_told(void **state)
{
    struct fixture *f = *state;
    const char subject[] = "mail [storewatch] EX1: the search for MAPI clients hangs";
    for (int times = 0; times < 2; times++) {
        struct job *job = NULL;
        for (int i = 0; i < 60 && !job; i++) {
            poll_once(f);
            drive_lane(f->agent, LANE_LOOK);
            job = agent_take_job(f->agent, LANE_MODULES);
        }
        assert_non_null(job);
        text_clear(&f->os.log);
        for (int i = 0; i < 50; i++) {
            poll_once(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, subject));
        assert_null(strstr(strstr(f->os.log_storage, subject) + 1, subject));
        job_run(job);
        agent_job_done(f->agent, job);
    }
}

/* By so many polls, but with polls of a second not by five seconds already. */
static void test_a_look_is_overdue_after_half_a_minute(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    f->agent->engine->config.interval_ms = MS_PER_SECOND;
    poll_once(f);
    assert_non_null(agent_take_job(f->agent, LANE_LOOK));
    fake_advance(&f->os, 29 * MS_PER_SECOND);
    agent_poll(f->agent);
    assert_false(f->agent->look_overdue);
    fake_advance(&f->os, 2 * MS_PER_SECOND);
    agent_poll(f->agent);
    assert_true(f->agent->look_overdue);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_slot_whose_look_is_late_is_missed),
        TEST(test_sight_that_comes_and_goes_is_told_once),
        TEST(test_looks_that_last_long_are_told_once),
        TEST(test_a_look_that_hung_and_saw_nothing_stops_no_target),
        TEST(test_a_look_that_hung_stops_no_target),
        TEST(test_sight_that_was_lost_before_a_restart_is_told_to_be_back),
        TEST(test_a_search_that_hangs_is_told),
        TEST(test_a_look_is_overdue_after_half_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

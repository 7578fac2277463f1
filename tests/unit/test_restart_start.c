/* test_restart_start.c - the way up: all that was stopped is started, until it runs for `verify`, a person takes it
 * over, or ops know that it is down. */
#include "restart_run.h"

#include "storewatch/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Two services that do not come up: each is told of. */
static void test_each_that_is_down_is_told(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    world_get(&run.world, "T")->start_latency_ms = 50 * MS_PER_MINUTE;
    world_get(&run.world, "T")->checkpoint_every_ms = 5000;
    world_get(&run.world, "A")->fail_start_count = UINT32_MAX;
    run_to_phase(RESTART_STARTING);
    run_for(2 * MS_PER_HOUR);
    assert_int_equal(run.down_count, 2);
    assert_string_equal(run.restart.down_service, "A");
    assert_true(world_runs(&run.world, "T") && world_runs(&run.world, "B"));
    run_crash(); /* who was told is not in the journal: once again */
    run_for(MS_PER_HOUR);
    assert_int_equal(run.down_count, 3);
}

/* All runs before the machine sleeps and when it wakes up again: that it stays so has been watched for less. */
static void test_time_that_nobody_saw_verifies_nothing(void **state)
{
    (void)state;
    for (int in_a_look = 0; in_a_look < 2; in_a_look++) {
        run_begin("T A>T");
        run_to_phase(RESTART_VERIFYING);
        run_for(4 * MS_PER_MINUTE);
        if (in_a_look) {
            run.look_takes_ms = MS_PER_HOUR;
            run_step();
            run.look_takes_ms = 0;
        } else {
            world_advance(&run.world, MS_PER_HOUR);
        }
        run_for(5 * MS_PER_MINUTE);
        assert_int_equal(run.restart.journal.phase, RESTART_VERIFYING);
        run_for(2 * MS_PER_MINUTE);
        assert_int_equal(run.restart.journal.phase, RESTART_ENDED);
    }
}

/* Each look takes so long that much of the time is seen by none: the watch takes longer, and ends. */
static void test_slow_looks_verify_in_the_end(void **state)
{
    (void)state;
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    run.look_takes_ms = 90 * MS_PER_SECOND;
    run_for(20 * MS_PER_MINUTE);
    assert_int_equal(run.restart.journal.phase, RESTART_VERIFYING);
    run_for(20 * MS_PER_MINUTE);
    assert_int_equal(run.restart.journal.phase, RESTART_ENDED);
    assert_int_equal(run.restart.journal.outcome, RESTART_SUCCEEDED);
}

static void test_start_fails_then_works(void **state)
{
    (void)state;
    run_begin("T A>T");
    world_get(&run.world, "T")->refuse_start_code = 230; /* as right after a stop on NT 5.2 */
    world_get(&run.world, "T")->refuse_start_count = 1;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T (230); start T; start A; succeeded");
    assert_int_equal(run.down_count, 0);

    /* Three failures: ops know, once; it goes on, with doubling pauses. */
    run_begin("T A>T");
    world_get(&run.world, "T")->fail_start_count = 5;
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop T; start T; start T; start T; DOWN T; start T; start T; start T; "
                        "start A; UP AGAIN; succeeded");
    assert_non_null(strstr(planned("T")->note, "stopped again right after its start, exit code 1067"));
}

static void test_start_backoff(void **state)
{
    (void)state;
    run_begin("T");
    world_get(&run.world, "T")->refuse_start_code = 1455; /* not enough memory: may heal */
    world_get(&run.world, "T")->refuse_start_count = 1000000;
    run_to_phase(RESTART_STARTING);
    int64_t last_ms = run.world.mono_ms, wanted_ms = 2000; /* the first two starts were 1 s apart */
    uint32_t left = world_get(&run.world, "T")->refuse_start_count;
    for (int i = 0; i < 14; i++) {
        while (world_get(&run.world, "T")->refuse_start_count == left) {
            run_step();
            world_advance(&run.world, run.step_ms);
        }
        left = world_get(&run.world, "T")->refuse_start_count;
        const int64_t at_ms = run.world.mono_ms - run.step_ms;
        if (i > 0) {
            assert_in_range(at_ms - last_ms, wanted_ms, wanted_ms + run.step_ms);
            wanted_ms = wanted_ms * 2 < RESTART_BACKOFF_LAST_MS ? wanted_ms * 2 : RESTART_BACKOFF_LAST_MS;
        }
        last_ms = at_ms;
    }
    assert_int_equal(wanted_ms, RESTART_BACKOFF_LAST_MS);
    run_for(1000);
    assert_non_null(strstr(run.restart.waiting_for, "T: start refused: error 1455; started again in "));
    assert_int_equal(run.down_count, 1);
    /* Killed meanwhile: it is not told again, and tries at once. */
    run_crash();
    run_for(2000);
    assert_int_equal(world_get(&run.world, "T")->refuse_start_count, left - 1 - 1);
    assert_int_equal(run.down_count, 1);
    world_get(&run.world, "T")->refuse_start_count = 0;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_SUCCEEDED);
    assert_true(run.news & RESTART_NEWS_UP_AGAIN);
}

static void test_start_fails_for_good(void **state)
{
    (void)state;
    static const uint32_t hard[] = {2, 3, 1069};
    for (size_t i = 0; i < ARRAY_COUNT(hard); i++) {
        run_begin("T A>T B>T C>B");
        world_get(&run.world, "B")->refuse_start_code = hard[i];
        world_get(&run.world, "B")->refuse_start_count = 3;
        run_to_phase(RESTART_STARTING);
        run_for(5000);
        char wanted[128];
        struct text text = text_on(wanted, sizeof(wanted));
        /* At the first refusal ops know; A does not wait for B, C does. */
        text_add(&text, "stop A; stop C; stop B; stop T; start T; start B (%u); DOWN B; ", (unsigned)hard[i]);
        assert_memory_equal(run.log.data, wanted, strlen(wanted));
        assert_true(world_runs(&run.world, "A"));
        assert_false(world_runs(&run.world, "C"));
        run_to_end();
        assert_int_equal(run.down_count, 1);
        assert_true(run.news & RESTART_NEWS_UP_AGAIN);
        assert_true(world_runs(&run.world, "C"));
    }
}

static void test_slow_start(void **state)
{
    (void)state;
    /* Log replay: slow is not failed. Asked once; told when it takes longer than start_timeout; still waited
     * for. */
    run_begin("T A>T");
    world_get(&run.world, "T")->start_latency_ms = 50 * MS_PER_MINUTE;
    world_get(&run.world, "T")->checkpoint_every_ms = 5000;
    run_to_phase(RESTART_STARTING);
    run_for(25 * MS_PER_MINUTE);
    assert_int_equal(run.down_count, 0);
    assert_non_null(strstr(run.restart.waiting_for, "T: start pending, checkpoint "));
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; DOWN T; start A; UP AGAIN; succeeded");

    /* A dependent that hangs in its start holds the others only for start_timeout. */
    run_begin("T A>T B>T");
    world_get(&run.world, "B")->hangs_in_start = true;
    run_to_phase(RESTART_STARTING);
    run_for(29 * MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A; stop B; stop T; start T; start B");
    run_for(5 * MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A; stop B; stop T; start T; start B; DOWN B; start A");
    assert_non_null(strstr(run.restart.waiting_for, "B: start pending, hung? no sign of progress"));
    assert_non_null(strstr(run.restart.waiting_for, "longer than allowed"));
}

/* A person turns a dependency round while both are stopped: neither waits for the other. */
static void test_target_needs_its_dependent(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    run_for(3 * MS_PER_SECOND);
    assert_string_equal(run.log.data, "stop A; stop B; stop T");
    world_need_no_more(&run.world, "A", "T");
    world_need(&run.world, "T", "A");
    run_for(MS_PER_MINUTE);
    assert_true(world_runs(&run.world, "T"));
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_SUCCEEDED);
    assert_true(world_runs(&run.world, "A"));
    assert_true(world_runs(&run.world, "B"));
}

/* All run again but C and what needs it. */
static void run_until_c_is_refused(const char *spec)
{
    run_begin(spec);
    run_to_phase(RESTART_STARTING);
    world_get(&run.world, "C")->refuse_start_code = 1455;
    world_get(&run.world, "C")->refuse_start_count = 1000;
    run_for(20 * MS_PER_SECOND);
    assert_true(world_runs(&run.world, "B"));
}

static void test_person_stops_after(void **state)
{
    (void)state;
    run_begin("T A>T B>T C>B");
    run_to_phase(RESTART_VERIFYING);
    world_person_stops(&run.world, "B"); /* and C, which needs it */
    run_for(5 * MS_PER_SECOND);
    assert_non_null(strstr(run.restart.waiting_for, "is a person at work?"));
    run_to_end();
    assert_true(run.news & RESTART_NEWS_GAVE_UP);
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);
    assert_int_equal(world_get(&run.world, "B")->started_count, 1); /* by us before, and not again */
    assert_int_equal(world_get(&run.world, "C")->started_count, 1);
    assert_non_null(strstr(planned("B")->note, "stopped cleanly after it ran again, not by storewatch"));
    assert_int_equal(run.down_count, 0);

    /* Stopped by a person before what needs it was started: starting that would start B behind the person's
     * back. */
    run_begin("T A>T B>T C>B");
    run_to_phase(RESTART_STARTING);
    world_get(&run.world, "C")->refuse_start_code = 1455;
    world_get(&run.world, "C")->refuse_start_count = 6;
    run_for(20 * MS_PER_SECOND);
    assert_true(world_runs(&run.world, "B"));
    assert_false(world_runs(&run.world, "C"));
    world_person_stops(&run.world, "B");
    run_to_end();
    assert_int_equal(world_get(&run.world, "B")->started_count, 1);
    assert_non_null(strstr(planned("C")->note, "needs B, which is left as it is"));
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);

    /* Likewise behind one that cannot be read, and that the start of the next would start, too. Found by the random
     * worlds (seed 175). */
    run_until_c_is_refused("T B>T C>B D>C");
    world_get(&run.world, "C")->unreadable = true;
    world_get(&run.world, "C")->refuse_start_count = 0;
    world_person_stops(&run.world, "B");
    run_for(MS_PER_MINUTE);
    assert_int_equal(world_get(&run.world, "B")->started_count, 1);
    assert_int_equal(world_get(&run.world, "B")->state, SERVICE_STATE_STOPPED);
    assert_non_null(strstr(planned("D")->note, "needs B, which is left as it is"));
    world_get(&run.world, "C")->unreadable = false;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);

    /* Nor while that one itself cannot be read any more. */
    run_until_c_is_refused("T B>T C>B");
    world_person_stops(&run.world, "B");
    run_for(2 * MS_PER_SECOND);
    world_get(&run.world, "C")->refuse_start_count = 0;
    world_get(&run.world, "B")->unreadable = true;
    run_for(MS_PER_MINUTE);
    assert_int_equal(world_get(&run.world, "B")->state, SERVICE_STATE_STOPPED);
    world_get(&run.world, "B")->unreadable = false;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);

    /* A person's own restart takes less than RESTART_SETTLE_MS: nothing to conclude. */
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    world_person_stops(&run.world, "A");
    run_for(4 * MS_PER_SECOND);
    world_person_starts(&run.world, "A");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; succeeded");

    /* Stopped by a person, then started and crashed while nobody looked: that is no person's stop any more.
     */
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    world_person_stops(&run.world, "A");
    run_for(4 * MS_PER_SECOND);
    world_get(&run.world, "A")->win32_exit_code = 1067;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; start A; succeeded");

    /* A person who changes his mind is not held to it. */
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    world_person_stops(&run.world, "A");
    run_for(60 * MS_PER_SECOND);
    assert_int_equal(planned("A")->start, STEP_GIVEN_UP);
    world_person_starts(&run.world, "A");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; GAVE UP; succeeded");
}

/* The service manager stops nobody whom a running service needs: such a one has ended by itself. */
static void test_ends_cleanly_while_verifying(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    run_to_phase(RESTART_VERIFYING);
    world_kill(&run.world, "T", 0);
    run_for(5 * MS_PER_SECOND);
    assert_non_null(strstr(run.restart.waiting_for, "is a person at work?"));
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop T; start T; start B; start A; start T; succeeded");
    assert_string_equal(
        planned("T")->note,
        "ended without an error after it ran again; nobody stopped it: A, which needs it, runs");

    /* What was read of that long ago is read again: a person may have changed it, and stopped the service. */
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    run.restart.graph_old = true;
    world_kill(&run.world, "T", 0);
    run_for(MS_PER_MINUTE);
    assert_true(run.restart.graph_wanted);
    assert_int_equal(planned("T")->start, STEP_REACHED);
    world_need_no_more(&run.world, "A", "T");
    run.restart.graph_old = false;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; GAVE UP; handed over");

    /* Neither does one tell that has stopped with it, or cannot be seen. */
    for (int i = 0; i < 2; i++) {
        run_begin("T A>T");
        run_to_phase(RESTART_VERIFYING);
        world_kill(&run.world, "T", 0);
        if (i == 0)
            world_kill(&run.world, "A", 0);
        else
            world_get(&run.world, "A")->unreadable = true;
        run_for(MS_PER_MINUTE);
        assert_int_equal(planned("T")->start, STEP_GIVEN_UP);
    }
}

static void test_crash_while_verifying(void **state)
{
    (void)state;
    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    run_for(5 * MS_PER_MINUTE);
    const int64_t died_ms = run.world.mono_ms;
    world_kill(&run.world, "A", 1067);
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; start A; succeeded");
    assert_true(run.world.mono_ms - died_ms >= run.config.verify_ms); /* the watch began anew */
    assert_non_null(strstr(planned("A")->note, "ended after it ran again, exit code 1067"));

    run_begin("T A>T");
    run_to_phase(RESTART_VERIFYING);
    world_get(&run.world, "A")->service_exit_code = 42;
    world_kill(&run.world, "A", 1066);
    run_step();
    assert_non_null(strstr(planned("A")->note, "exit code 1066 (its own: 42)"));

    /* One that keeps dying is told of, and tried less and less often. */
    run_begin("T A>T");
    world_get(&run.world, "A")->dies_after_ms = 1500;
    world_get(&run.world, "A")->dies_count = 8;
    run_to_end();
    assert_int_equal(run.down_count, 1);
    assert_int_equal(world_get(&run.world, "A")->started_count, 9);
    assert_true(run.news & RESTART_NEWS_UP_AGAIN);

    /* Also when the SCM's failure action starts it again faster than we can look. */
    run_begin("T A>T");
    world_get(&run.world, "A")->recovers = true;
    world_get(&run.world, "A")->start_latency_ms = 10;
    run_to_phase(RESTART_VERIFYING);
    for (int i = 0; i < 3; i++) {
        run_for(5 * MS_PER_SECOND);
        world_kill(&run.world, "A", 1067);
        world_advance(&run.world, 500);
    }
    const int64_t last_ms = run.world.mono_ms;
    run_to_end();
    assert_int_equal(run.down_count, 1);
    assert_int_equal(world_get(&run.world, "A")->started_count, 1);
    assert_true(run.world.mono_ms - last_ms >= run.config.verify_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_that_is_down_is_told),
        cmocka_unit_test(test_time_that_nobody_saw_verifies_nothing),
        cmocka_unit_test(test_slow_looks_verify_in_the_end),
        cmocka_unit_test(test_start_fails_then_works),
        cmocka_unit_test(test_start_backoff),
        cmocka_unit_test(test_start_fails_for_good),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_target_needs_its_dependent),
        cmocka_unit_test(test_person_stops_after),
        cmocka_unit_test(test_ends_cleanly_while_verifying),
        cmocka_unit_test(test_crash_while_verifying),
    };
    return cmocka_run_group_tests(tests, run_set_up, run_tear_down);
}

/* test_maintenance.c - while it lasts nothing is restarted; how long it lasts, whatever becomes of storewatch and the clock. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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
    die(f); /* as a crash */
    live(f);
    poll_often(f, 100);
    assert_answer(f, "{\"request\": \"status\"}", "new disks");
    assert_false(did(f, "stop"));
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance_saved\": true");
    assert_answer(f, "{\"request\": \"maintenance\", \"for_ms\": 0}", "\"maintenance\": null");
    poll_often(f, 60);
    assert_true(did(f, "stop MSExchangeIS"));
}

/* A stop that waits for its commit is decided anew when maintenance is switched on meanwhile. */
static void test_maintenance_withdraws_a_stop_that_waits(void **state)
{
    struct fixture *f = *state;
    leak(f);
    for (int i = 0; i < 400 && f->agent->request.kind != ENGINE_STOP_SERVICE; i++) {
        poll_once(f);
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

static void test_the_end_of_a_maintenance_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, f->os.world.utc_ms + MS_PER_MINUTE, "disks", NULL),
                     STATUS_OK);
    poll_often(f, 3);
    assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 0);
    poll_once(f);
    assert_int_equal(f->agent->event_count, 1);
    assert_non_null(strstr(f->agent->events[0].text, "It ran out at "));
    poll_often(f, 3);
    assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 1);
    for (int life = 0; life < 2; life++) { /* nor is it told in the next life */
        poll_often(f, 3);
        live(f);
        drive_lanes(f->agent);
    }
    assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 1);
}

/* It ran out by the clock in a life that had not seen it begin: whether the clock was right is not known. */
static void test_a_maintenance_of_an_earlier_life_goes_by_the_clock(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    drive_lanes(f->agent);
    assert_int_equal(agent_maintenance(f->agent, f->os.world.utc_ms + MS_PER_MINUTE, "disks", NULL),
                     STATUS_OK);
    poll_often(f, 1);
    for (int life = 0; life < 2; life++) {
        live(f);
        drive_lanes(f->agent);
        poll_often(f, 5);
        assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 1);
    }
    f->os.world.utc_ms -= MS_PER_HOUR; /* it is in force again */
    poll_often(f, 3);
    assert_int_equal(times_done(f, "event MAINTENANCE_ON"), 2);
    assert_answer(f, "{\"request\": \"status\"}", "\"maintenance\": {");
    f->os.world.utc_ms += MS_PER_HOUR;
    poll_often(f, 3);
    assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 2);
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
            live(f);
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
    poll_often(f, 3);
    die(f);
    fake_advance(&f->os, 2 * MS_PER_HOUR);
    for (int life = 0; life < 2; life++) {
        live(f);
        drive_lanes(f->agent);
        poll_often(f, 3);
        assert_int_equal(times_done(f, "event MAINTENANCE_OFF"), 1);
        if (life == 0)
            die(f);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_maintenance_holds_restarts_and_survives),
        TEST(test_maintenance_withdraws_a_stop_that_waits),
        TEST(test_the_end_of_a_maintenance_is_told_once),
        TEST(test_a_maintenance_of_an_earlier_life_goes_by_the_clock),
        TEST(test_a_clock_that_is_set_makes_a_maintenance_no_longer_and_no_shorter),
        TEST(test_the_end_of_a_maintenance_is_told_at_the_next_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

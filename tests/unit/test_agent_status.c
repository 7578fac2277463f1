/* test_agent_status.c - what the agent answers on the control pipe, and what its metrics file says. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/status_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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
    poll_once(f);
    struct job *look = agent_take_job(f->agent, LANE_LOOK);
    for (int i = 0; i < 6; i++)
        poll_once(f);
    assert_int_equal(nagios(f), 3);
    job_run(look);
    agent_job_done(f->agent, look);
    assert_int_equal(nagios(f), 0);
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

static void test_a_metrics_file_that_cannot_be_written_is_told_once(void **state)
{
    struct fixture *f = *state;
    f->os.log_events = true;
    text_copy(f->agent->engine->config.metrics_textfile, CONFIG_STRING_MAX, "C:\\m\\storewatch.prom");
    poll_often(f, 3);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
    f->os.world.refuse_file_code = 3;
    poll_often(f, 20);
    assert_int_equal(times_done(f, "event METRICS_FAILING"), 1);
    assert_answer(f, "{\"request\": \"status\"}",
                  "\"metrics_error\": \"C:\\\\m\\\\storewatch.prom: code 3\"");
    f->os.world.refuse_file_code = 0;
    poll_often(f, 3);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
    f->os.world.refuse_file_code = 3; /* it comes and goes: not an event each time */
    poll_often(f, 3);
    assert_int_equal(times_done(f, "event METRICS_FAILING"), 1);
}

/* By hand, so that there is no incident. */
static void test_a_service_that_stays_down_is_critical(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll_often(f, 1);
    world_get(&f->os.world, "ArchiveSvc")->fail_start_count = 40;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "a test", NULL), STATUS_OK);
    drive_lanes(f->agent);
    poll_often(f, 40);
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
    poll_often(f, 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": \"event STARTED: code 5\"");
    f->os.events_closed = false;
    poll_often(f, 3); /* nothing is to be told: it is not known to work again */
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": \"event STARTED: code 5\"");
    assert_int_equal(agent_maintenance(f->agent, 0, "", NULL), STATUS_OK);
    poll_often(f, 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"event_error\": null");
}

/* A collector would go on reading its last values. */
static void test_a_metrics_file_that_is_named_no_more_is_removed(void **state)
{
    struct fixture *f = *state;
    char path[96];
    snprintf(path, sizeof path, "%s/storewatch.json", f->dir);
    die(f);
    f->options.config_path = path;
    text_copy(f->config.metrics_textfile, sizeof f->config.metrics_textfile, "/m/one.prom");
    live(f);
    poll_often(f, 2);
    char *text = agent_metrics_text(f->agent);
    assert_memory_equal(text, METRICS_BEGIN, strlen(METRICS_BEGIN));
    free(text);
    write_file(path, "{\"version\": 1, \"metrics_textfile\": \"/m/one.prom\"}");
    agent_reload(f->agent);
    drive_lanes(f->agent);
    assert_false(did(f, "remove")); /* it is named still */
    write_file(path, "{\"version\": 1, \"metrics_textfile\": \"/m/two.prom\"}");
    agent_reload(f->agent);
    drive_lanes(f->agent);
    assert_int_equal(times_done(f, "remove /m/one.prom"), 1);
    write_file(path, "{\"version\": 1, \"metrics_textfile\": null}");
    f->os.log_events = true;
    f->os.world.refuse_file_code = 32;
    agent_reload(f->agent);
    drive_lanes(f->agent);
    poll_often(f, 3);
    assert_int_equal(times_done(f, "remove /m/two.prom"), 1);
    assert_int_equal(times_done(f, "event METRICS_FAILING"), 1);
    assert_answer(f, "{\"request\": \"status\"}", "\"metrics_error\": null");
}

/* Stopped, it says so, and nothing that would look current; the file stays, so that its age can be told. */
static void test_a_metrics_file_says_that_the_service_was_stopped(void **state)
{
    struct fixture *f = *state;
    text_copy(f->agent->engine->config.metrics_textfile, CONFIG_STRING_MAX, "/m/one.prom");
    poll_often(f, 2);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_status_is_kept_with_the_history),
        TEST(test_a_status_does_not_touch_what_is_being_opened),
        TEST(test_control_lines),
        TEST(test_bad_requests_say_what_is_allowed),
        TEST(test_the_status_is_unknown_while_a_look_hangs),
        TEST(test_a_metrics_file_that_cannot_be_written_is_told_once),
        TEST(test_a_service_that_stays_down_is_critical),
        TEST(test_events_that_cannot_be_written_stand_in_status),
        TEST(test_a_metrics_file_that_is_named_no_more_is_removed),
        TEST(test_a_metrics_file_says_that_the_service_was_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_doctor.c - what `doctor` says of the clock, the history and the running service. What it finds of MAPI
 * clients is in test_discovery.c. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/store.h"

#include "../../src/app/doctor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW INT64_C(1795352400000) /* Sunday 2026-11-22T13:00:00Z */

struct fixture {
    struct os os;
    char dir[DRIVE_FOLDER_MAX];
    struct doctor *doctor;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    f->os.world.utc_ms = NOW;
    f->os.weekday = 6;
    fake_add_service(&f->os, "W32Time", "svchost.exe", 5e6);
    drive_folder_make(f->dir);
    f->doctor = doctor_new(&f->os);
    assert_int_equal(os_observe(&f->os, f->doctor->observation, NULL), STATUS_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < f->doctor->line_count; i++) /* whatever it found: also what to do about it */
        assert_true(f->doctor->lines[i].level == DOCTOR_OK || f->doctor->lines[i].todo[0]);
    doctor_free(f->doctor);
    fake_deinit(&f->os);
    drive_folder_remove(f->dir);
    free(f);
    return 0;
}

/* A history of one series with a sample every 15 s of the last hour before `newest_utc_ms`. */
static void write_history(const struct fixture *f, int64_t newest_utc_ms)
{
    const struct store_series_key key = {.target_kind = TARGET_STORE,
                                         .target = "MSExchangeIS",
                                         .image = "store.exe",
                                         .process = {4, 7},
                                         .metric = METRIC_PRIVATE_BYTES};
    char path[128];
    struct store *store = NULL;
    struct err err = {0};
    store_path(path, sizeof path, f->dir);
    assert_int_equal(store_open(path, newest_utc_ms, &store, &err), STATUS_OK);
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    for (int64_t t_ms = newest_utc_ms - MS_PER_HOUR; t_ms <= newest_utc_ms; t_ms += 15 * MS_PER_SECOND)
        assert_int_equal(store_put_sample(store, &key, t_ms, 1e9, &err), STATUS_OK);
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    store_close(store);
}

static void answer(struct fixture *f, const char *status)
{
    json_decref(f->doctor->status);
    f->doctor->status = json_loads(status, 0, NULL);
    assert_non_null(f->doctor->status);
}

/* All lines so far, as they are shown; and from here on anew. */
static const char *said(struct fixture *f)
{
    static char words[8192];
    struct buffer out = {0};
    doctor_text(f->doctor, &out);
    text_copy(words, sizeof words, out.data);
    buffer_deinit(&out);
    f->doctor->line_count = 0;
    return words;
}

static void assert_says(const char *words, const char *wanted)
{
    if (!strstr(words, wanted))
        fail_msg("no \"%s\" in:\n%s", wanted, words);
}

static void the_history_and_its_newest_sample(void **state)
{
    struct fixture *f = *state;
    doctor_check_history(f->doctor, f->dir);
    assert_says(said(f), "ok       history       there is no ");
    answer(f, "{\"self\": {\"polls\": 3}}");
    doctor_check_history(f->doctor, f->dir);
    assert_says(said(f), "although the service runs\n"); /* and writes nothing */

    write_history(f, NOW - 20 * MS_PER_SECOND);
    doctor_check_history(f->doctor, f->dir);
    assert_int_equal(f->doctor->newest_utc_ms, NOW - 20 * MS_PER_SECOND);
    assert_says(said(f), "holds 1 series, the newest sample is 20 s old\n");
    f->os.world.utc_ms = f->doctor->newest_utc_ms + 20 * MS_PER_MINUTE;
    f->doctor->series_count = 0;
    doctor_check_history(f->doctor, f->dir);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    assert_says(said(f), "the newest sample is 20 min old, although the service runs\n");
    f->doctor->config.interval_ms = 100; /* a sample may be some minutes old, however often is looked */
    f->os.world.utc_ms = f->doctor->newest_utc_ms + 4 * MS_PER_MINUTE;
    f->doctor->series_count = 0;
    doctor_check_history(f->doctor, f->dir);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
    f->doctor->line_count = 0;
    f->os.world.utc_ms = f->doctor->newest_utc_ms + 20 * MS_PER_MINUTE;
    answer(f, "{}");
    json_decref(f->doctor->status);
    f->doctor->status = NULL; /* one that does not run may be as old as it likes */
    f->doctor->series_count = 0;
    doctor_check_history(f->doctor, f->dir);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
}

static void a_history_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    char path[128];
    store_path(path, sizeof path, f->dir);
    FILE *file = fopen(path, "wb");
    fputs("this is no history", file);
    fclose(file);
    doctor_check_history(f->doctor, f->dir);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    assert_int_equal(f->doctor->newest_utc_ms, 0);
    assert_says(said(f), "-> At its next start the service sets it aside "); /* no scanner holds it */
}

static void a_plausible_clock(void **state)
{
    struct fixture *f = *state;
    const struct doctor_time time = {.type = "NT5DS", .server = "time.windows.com,0x9"};
    write_history(f, NOW);
    doctor_check_history(f->doctor, f->dir);
    answer(f, "{\"clock\": {\"jumps\": 0, \"last_jump_at\": null, \"last_jump_ms\": null}}");
    doctor_check_clock(f->doctor, &time);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
    const char *words = said(f);
    assert_says(words, "it is 2026-11-22 13:00:00 UTC, here Sunday ");
    assert_says(words, "Windows Time (W32Time) runs and follows the domain;");
    const struct doctor_time asks = {.type = "NTP", .server = "time.windows.com,0x9"};
    doctor_check_clock(f->doctor, &asks);
    assert_says(said(f), "follows time.windows.com,0x9;");
    const struct doctor_time unknown = {0};
    doctor_check_clock(f->doctor, &unknown);
    assert_says(said(f), "follows a source that its registry key does not tell;");
}

static void a_clock_that_nobody_set(void **state)
{
    struct fixture *f = *state;
    const struct doctor_time time = {0};
    f->os.world.utc_ms = INT64_C(1072915200000);
    doctor_check_clock(f->doctor, &time);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_FAILED);
    assert_says(said(f), "the clock says 2004-01-01 00:00:00 UTC, which is before storewatch was made\n");
}

static void a_history_ahead_of_the_clock(void **state)
{
    struct fixture *f = *state;
    const struct doctor_time time = {.type = "NT5DS"};
    write_history(f, NOW + 3 * MS_PER_HOUR);
    doctor_check_history(f->doctor, f->dir);
    assert_says(said(f), "the newest sample is ahead of the clock\n");
    doctor_check_clock(f->doctor, &time);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    assert_says(said(f), "newest sample is of 2026-11-22 16:00:00 UTC, 3 h ahead of the clock");
}

static void a_clock_that_jumped(void **state)
{
    struct fixture *f = *state;
    const struct doctor_time time = {.type = "NT5DS"};
    answer(f, "{\"clock\": {\"jumps\": 1, \"last_jump_at\": \"2026-11-22T12:00:00Z\", \"last_jump_ms\": "
              "-3600000}}");
    doctor_check_clock(f->doctor, &time);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    assert_says(said(f), "was set 1 time since the service was started, the last time back by 1 h "
                         "(2026-11-22T12:00:00Z)\n");
    answer(f, "{\"clock\": {\"jumps\": 2, \"last_jump_at\": null, \"last_jump_ms\": 90000}}");
    doctor_check_clock(f->doctor, &time);
    assert_says(said(f), "was set 2 times since the service was started, the last time forward by ");
}

static void a_clock_that_nobody_keeps(void **state)
{
    struct fixture *f = *state;
    const struct doctor_time nobody = {.type = "NoSync"};
    doctor_check_clock(f->doctor, &nobody);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    assert_says(said(f), "told to follow nobody (NoSync)\n");
    struct service *service = &f->doctor->observation->services[0];
    assert_string_equal(service->name, "W32Time");
    service->state = SERVICE_STATE_STOPPED;
    doctor_check_clock(f->doctor, &nobody);
    assert_says(said(f), "does not run: it does not keep the clock right\n");
    f->doctor->observation->service_count = 0;
    doctor_check_clock(f->doctor, &nobody);
    assert_says(said(f), "there is no Windows Time (W32Time) here");
    f->doctor->observation->services_known =
        false; /* unknown is nothing to warn of here: it has its own line */
    doctor_check_clock(f->doctor, &nobody);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
}

static void what_is_told_twice_is_one_line(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++)
        doctor_add(f->doctor, DOCTOR_WARNING, "account", "Do it.", "nobody may stop %s", "ArchiveSvc");
    assert_int_equal(f->doctor->line_count, 1);
    doctor_add(f->doctor, DOCTOR_FAILED, "account", "Do it.", "nobody may stop %s", "ArchiveSvc");
    assert_int_equal(f->doctor->line_count, 2);
}

static void how_the_service_gets_on(void **state)
{
    struct fixture *f = *state;
    doctor_check_polls(f->doctor); /* it does not run */
    assert_int_equal(f->doctor->line_count, 0);
    answer(f, "{\"self\": {\"polls\": 1, \"failed_polls\": 0, \"missed_polls\": 0, \"last_look_ms\": 12, "
              "\"cpu_ms\": 31.25}, \"store_error\": null, \"look_error\": null}");
    doctor_check_polls(f->doctor);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
    assert_says(said(f),
                "1 poll since the service was started, 0 failed, 0 missed; the last one took 12 ms, all of "
                "storewatch 31.2 ms of CPU a poll\n");
    answer(
        f,
        "{\"self\": {\"polls\": 9800, \"failed_polls\": 0, \"missed_polls\": 1200, \"last_look_ms\": null, "
        "\"cpu_ms\": null}}");
    doctor_check_polls(f->doctor);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    const char *words = said(f);
    assert_says(words, "9,800 polls since the service was started, 0 failed, 1,200 missed\n");
    assert_says(words, "\n0 ok, 1 warning, 0 failed\n");
    answer(f, "{\"self\": {\"polls\": 40, \"failed_polls\": 2, \"missed_polls\": 0}}"); /* just started */
    doctor_check_polls(f->doctor);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_OK);
    f->doctor->line_count = 0;
    answer(f, "{\"self\": {\"polls\": 9, \"failed_polls\": 0, \"missed_polls\": 0}, \"store_error\": \"the "
              "disk is full\", \"look_error\": \"access denied\", \"event_error\": \"the log is full\", "
              "\"metrics_error\": \"no such folder\"}");
    doctor_check_polls(f->doctor);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_FAILED);
    words = said(f);
    assert_says(words, "cannot write its history and so restarts nothing: the disk is full\n");
    assert_says(words, "latest look failed, at least in part: access denied\n");
    assert_says(words, "latest events were not written: the log is full\n");
    assert_says(words, "cannot keep the metrics file up: no such folder\n");
    answer(f, "{\"self\": {\"polls\": 0, \"failed_polls\": 0, \"missed_polls\": 0}}");
    doctor_check_polls(f->doctor);
    assert_says(said(f), "has not looked at the machine yet\n");
    answer(f, "{\"self\": {\"polls\": 9}}"); /* of another version, perhaps */
    doctor_check_polls(f->doctor);
    assert_int_equal(doctor_worst(f->doctor), DOCTOR_WARNING);
    words = said(f);
    assert_says(words, "the service's answer does not tell of its polls\n");
    assert_null(strstr(words, "nan"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_history_and_its_newest_sample, setup, teardown),
        cmocka_unit_test_setup_teardown(a_history_that_cannot_be_read, setup, teardown),
        cmocka_unit_test_setup_teardown(a_plausible_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_nobody_set, setup, teardown),
        cmocka_unit_test_setup_teardown(a_history_ahead_of_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_jumped, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_nobody_keeps, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_twice_is_one_line, setup, teardown),
        cmocka_unit_test_setup_teardown(how_the_service_gets_on, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

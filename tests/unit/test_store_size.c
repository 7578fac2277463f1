/* test_store_size.c - how large the file becomes: 20 series at 15 s for 400 days, the figure stated in
 * store.h; and the log beside it.
 *
 * The year is told with the rows that thinning would leave of it - one an hour, then one in 5 minutes, then
 * all -, which fills each tier with as many rows as the real one would have, in seconds instead of an hour.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../src/store/store_internal.h"

#include "storewatch/store.h"
#include "storewatch/units.h"
#include "vfs_fault.h"

#define PATH "/disk/storewatch.db"
#define BEGIN INT64_C(1795305600000) /* 2026-11-22T00:00:00Z */
#define SERIES 20
#define STATED_BYTES (INT64_C(18) * 1024 * 1024)
#define STATED_LOG_BYTES (INT64_C(4) * 1024 * 1024)

static void maintain(struct store *store, int64_t utc_ms)
{
    struct err err = {0};
    do {
        if (store_maintain(store, utc_ms, &err) != STATUS_OK)
            fail_msg("%s: %s", err.operation, err.text);
    } while (store->work_left);
}

static int64_t sample(struct store *store, int64_t from_utc_ms, int64_t to_utc_ms, int64_t every_ms)
{
    struct err err = {0};
    int64_t utc_ms = from_utc_ms;
    uint32_t noise = 1;
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    for (int64_t poll = 0; utc_ms < to_utc_ms; utc_ms += every_ms, poll++) {
        for (uint32_t i = 0; i < SERIES; i++) {
            const struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                                 .target = "archive",
                                                 .image = "archive.exe",
                                                 .process = {i / 2 + 1, 7},
                                                 .metric = (enum metric)(i % 2)};
            noise = noise * 1664525U + 1013904223U;
            const double value = i % 2 == 0 ? 1.2e9 + (noise >> 8) * 4096.0 / 256.0 : 500 + (noise >> 24);
            if (store_put_sample(store, &key, utc_ms, value, &err) != STATUS_OK)
                fail_msg("%s: %s", err.operation, err.text);
        }
        if (poll % 500 == 499) {
            assert_int_equal(store_commit(store, &err), STATUS_OK);
            maintain(store, utc_ms);
            assert_int_equal(store_begin(store, &err), STATUS_OK);
        }
    }
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    maintain(store, utc_ms);
    return utc_ms;
}

static void twenty_series_for_400_days(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct err err = {0};
    vfs_fault_install();
    assert_int_equal(store_open(PATH, BEGIN, &store, &err), STATUS_OK);
    int64_t now = sample(store, BEGIN, BEGIN + STORE_HOURS_MS - STORE_MINUTES_MS, MS_PER_HOUR);
    now = sample(store, now, now + STORE_MINUTES_MS - STORE_RAW_MS, 5 * MS_PER_MINUTE);
    now = sample(store, now, now + STORE_RAW_MS, 15 * MS_PER_SECOND);

    /* Nothing was forgotten before its time: every tier has all of its rows. */
    struct store_cursor *cursor = NULL;
    struct store_point point;
    uint64_t hours = 0, minutes = 0, raw = 0;
    assert_int_equal(store_samples_begin(store, 0, 0, INT64_MAX, &cursor, &err), STATUS_OK);
    int64_t last = 0;
    while (store_points_next(cursor, &point, &err) == STATUS_OK) {
        assert_true(point.point.t_ms >= last);
        last = point.point.t_ms;
        hours += point.width_ms == MS_PER_HOUR;
        minutes += point.width_ms == 5 * MS_PER_MINUTE;
        raw += point.width_ms == 0;
    }
    store_cursor_free(cursor);
    assert_true(hours >= SERIES * 365 * 24);
    assert_true(minutes >= SERIES * 33 * 24 * 12);
    assert_true(raw >= SERIES * 48 * 240);
    store_close(store);
    const int64_t bytes = vfs_fault_file_bytes(PATH);
    print_message("%d hourly, %d 5-minute, %d raw rows: %.1f MiB\n", (int)hours, (int)minutes, (int)raw,
                  (double)bytes / 1048576.0);
    assert_true(bytes <= STATED_BYTES);
    assert_true(STATED_BYTES <= STORE_HISTORY_BYTES / 3); /* so that three times as many still fit */
    vfs_fault_uninstall();
}

/* Somebody else's tool that stays in the middle of its reading keeps the log from being used again. When it has
 * gone, the room is given back to the disk. */
static void a_foreign_reader_leaves_no_large_log(void **state)
{
    (void)state;
    struct store *store = NULL;
    sqlite3 *foreign = NULL;
    struct err err = {0};
    vfs_fault_install();
    assert_int_equal(store_open(PATH, BEGIN, &store, &err), STATUS_OK);
    int64_t now = sample(store, BEGIN, BEGIN + MS_PER_HOUR, 15 * MS_PER_SECOND);
    assert_int_equal(sqlite3_open(PATH, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN; SELECT count(*) FROM sample", NULL, NULL, NULL),
                     SQLITE_OK);
    while (vfs_fault_file_bytes(PATH "-wal") <= 2 * STATED_LOG_BYTES)
        now = sample(store, now, now + MS_PER_HOUR, 15 * MS_PER_SECOND);
    assert_int_equal(sqlite3_close(foreign), SQLITE_OK);
    for (int hours = 0; hours < 2; hours++)
        now = sample(store, now, now + MS_PER_HOUR, 15 * MS_PER_SECOND);
    assert_true(vfs_fault_file_bytes(PATH "-wal") <= STATED_LOG_BYTES);
    store_close(store);
    vfs_fault_uninstall();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(twenty_series_for_400_days),
                                       cmocka_unit_test(a_foreign_reader_leaves_no_large_log)};
    return cmocka_run_group_tests_name("store_size", tests, NULL, NULL);
}

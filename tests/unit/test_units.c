/* test_units.c - tables of exact words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "storewatch/units.h"

#define TIB (1024.0 * GIB)

static void unit_names(void **state)
{
    (void)state;
    assert_string_equal(unit_name(UNIT_BYTES), "bytes");
    assert_string_equal(unit_name(UNIT_HANDLES), "handles");
    assert_string_equal(unit_name(UNIT_OTHER), "other");
}

static void durations_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        int64_t ms;
    } cases[] = {
        {"500ms", STATUS_OK, 500},
        {"15s", STATUS_OK, 15000},
        {"10m", STATUS_OK, 600000},
        {"4h", STATUS_OK, 14400000},
        {"2d", STATUS_OK, 172800000},
        {"0s", STATUS_OK, 0},
        {"007s", STATUS_OK, 7000},
        {"9223372036854775807ms", STATUS_OK, INT64_MAX},
        {"9223372036854775808ms", STATUS_FULL, -1},
        {"106751991167d", STATUS_OK, INT64_C(106751991167) * MS_PER_DAY},
        {"106751991168d", STATUS_FULL, -1},
        {"99999999999999999999999999s", STATUS_FULL, -1},
        {"99999999999999999999999999x", STATUS_INVALID, -1},
        {"", STATUS_INVALID, -1},
        {"15", STATUS_INVALID, -1},
        {"s", STATUS_INVALID, -1},
        {"1.5h", STATUS_INVALID, -1},
        {"15 s", STATUS_INVALID, -1},
        {" 15s", STATUS_INVALID, -1},
        {"-15s", STATUS_INVALID, -1},
        {"+15s", STATUS_INVALID, -1},
        {"15S", STATUS_INVALID, -1},
        {"15sec", STATUS_INVALID, -1},
        {"1h30m", STATUS_INVALID, -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(cases[i].text, &ms), cases[i].status);
        assert_true(ms == cases[i].ms);
    }
}

static void sizes_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        double bytes;
    } cases[] = {
        {"4096", STATUS_OK, 4096},
        {"64KiB", STATUS_OK, 65536},
        {"1.5GiB", STATUS_OK, 1610612736},
        {"2TiB", STATUS_OK, 2 * TIB},
        {"64MiB", STATUS_OK, 64 * MIB},
        {"1KB", STATUS_OK, 1000},
        {"1.25MB", STATUS_OK, 1250000},
        {"3GB", STATUS_OK, 3e9},
        {"0.1", STATUS_OK, 0.1},
        {"0", STATUS_OK, 0},
        {"999999999999999", STATUS_OK, 999999999999999.0},
        {"1000000000000000", STATUS_INVALID, -1},
        {"0.0000000000000001", STATUS_INVALID, -1},
        {"", STATUS_INVALID, -1},
        {"GiB", STATUS_INVALID, -1},
        {"1.GiB", STATUS_INVALID, -1},
        {".5GiB", STATUS_INVALID, -1},
        {"1,5GiB", STATUS_INVALID, -1},
        {"1 GiB", STATUS_INVALID, -1},
        {"1gib", STATUS_INVALID, -1},
        {"1G", STATUS_INVALID, -1},
        {"-1", STATUS_INVALID, -1},
        {"1e3", STATUS_INVALID, -1},
        {"nan", STATUS_INVALID, -1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        double bytes = -1;
        assert_int_equal(size_parse(cases[i].text, &bytes), cases[i].status);
        assert_true(bytes == cases[i].bytes);
    }
}

static void quantities_in_words(void **state)
{
    (void)state;
    static const struct {
        enum unit unit;
        double value;
        const char *words;
    } cases[] = {
        {UNIT_BYTES, 0, "0 B"},
        {UNIT_BYTES, -0.0, "0 B"},
        {UNIT_BYTES, 1, "1 B"},
        {UNIT_BYTES, 0.25, "0.25 B"},
        {UNIT_BYTES, 999, "999 B"},
        {UNIT_BYTES, 1000, "0.977 KiB"},
        {UNIT_BYTES, 1024, "1.00 KiB"},
        {UNIT_BYTES, 999.4 * KIB, "999 KiB"},
        {UNIT_BYTES, 999.6 * KIB, "0.976 MiB"},
        {UNIT_BYTES, 1023.9 * KIB, "1.00 MiB"},
        {UNIT_BYTES, 9.994 * MIB, "9.99 MiB"},
        {UNIT_BYTES, 9.996 * MIB, "10.0 MiB"},
        {UNIT_BYTES, 14.2 * MIB, "14.2 MiB"},
        {UNIT_BYTES, 99.96 * MIB, "100 MiB"},
        {UNIT_BYTES, 1.5 * GIB, "1.50 GiB"},
        {UNIT_BYTES, 1.21 * GIB, "1.21 GiB"},
        {UNIT_BYTES, -14.2 * MIB, "-14.2 MiB"},
        {UNIT_BYTES, 3 * TIB, "3.00 TiB"},
        {UNIT_BYTES, 1024 * 1024 * TIB, "1.00 EiB"},
        {UNIT_BYTES, NAN, "unknown"},
        {UNIT_BYTES, INFINITY, "unlimited"},
        {UNIT_HANDLES, 12480, "12,480 handles"},
        {UNIT_HANDLES, 1, "1 handle"},
        {UNIT_HANDLES, 0, "0 handles"},
        {UNIT_HANDLES, 999, "999 handles"},
        {UNIT_HANDLES, 1000, "1,000 handles"},
        {UNIT_HANDLES, 1234567, "1,234,567 handles"},
        {UNIT_HANDLES, -1234, "-1,234 handles"},
        {UNIT_HANDLES, 0.5, "0.50 handles"},
        {UNIT_HANDLES, 1234.56, "1,235 handles"},
        {UNIT_HANDLES, NAN, "unknown"},
        {UNIT_OTHER, 3.2, "3.2"},
        {UNIT_OTHER, 0, "0"},
        {UNIT_OTHER, -0.0, "0"},
        {UNIT_OTHER, -3.25, "-3.25"},
        {UNIT_OTHER, 9999, "9999"},
        {UNIT_OTHER, 9999.7, "10,000"},
        {UNIT_OTHER, 1234567.8, "1,234,568"},
        {UNIT_OTHER, 0.000012345, "1.234e-05"},
        {UNIT_OTHER, 1e300, "1e+300"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_quantity(&text, cases[i].unit, cases[i].value);
        assert_string_equal(storage, cases[i].words);
    }
}

static void rates_in_words(void **state)
{
    (void)state;
    static const struct {
        enum unit unit;
        double per_hour;
        const char *words;
    } cases[] = {
        {UNIT_BYTES, 14.2 * MIB, "14.2 MiB/h"},
        {UNIT_BYTES, -14.2 * MIB, "-14.2 MiB/h"},
        {UNIT_BYTES, 0, "0 B/h"},
        {UNIT_BYTES, 1 * MIB, "1.00 MiB/h"},
        {UNIT_BYTES, 0.5 * MIB, "12.0 MiB/day"},
        {UNIT_BYTES, 36 * GIB, "614 MiB/min"},
        {UNIT_BYTES, 3600 * GIB, "1.00 GiB/s"},
        {UNIT_BYTES, NAN, "unknown"},
        {UNIT_BYTES, INFINITY, "unknown"},
        {UNIT_HANDLES, 320, "320 handles/h"},
        {UNIT_HANDLES, 15600, "15,600 handles/h"},
        {UNIT_HANDLES, 0.5, "12 handles/day"},
        {UNIT_HANDLES, 120000, "2,000 handles/min"},
        {UNIT_HANDLES, 36e6, "10,000 handles/s"},
        {UNIT_OTHER, 3.2, "3.2/h"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_rate(&text, cases[i].unit, cases[i].per_hour);
        assert_string_equal(storage, cases[i].words);
    }
}

static void rate_intervals_share_one_scale(void **state)
{
    (void)state;
    static const struct {
        enum unit unit;
        double per_hour, low, high;
        const char *words;
    } cases[] = {
        {UNIT_BYTES, 14.2 * MIB, 13.8 * MIB, 14.6 * MIB, "14.2 MiB/h (13.8 to 14.6)"},
        {UNIT_BYTES, 990 * MIB, 900 * MIB, 1100 * MIB, "990 MiB/h (900 to 1,100)"},
        {UNIT_BYTES, 2 * MIB, -1 * MIB, 5 * MIB, "2.00 MiB/h (-1.00 to 5.00)"},
        {UNIT_BYTES, 0, -3 * MIB, 3 * MIB, "0.00 MiB/h (-3.00 to 3.00)"},
        {UNIT_BYTES, 0, 0, 0, "0.00 B/h (0.00 to 0.00)"},
        /* what is next to nothing beside the others has their decimals, too */
        {UNIT_BYTES, -0.000291 * GIB, -1.86 * GIB, 0.24 * GIB, "0.00 GiB/h (-1.86 to 0.24)"},
        {UNIT_BYTES, 14.2 * MIB, 10, 20 * MIB, "14.2 MiB/h (0.0 to 20.0)"},
        {UNIT_OTHER, 0.0001, 0.00005, 0.0002, "0.0024/day (0.0012 to 0.0048)"},
        {UNIT_BYTES, 2 * MIB, NAN, 5 * MIB, "2.00 MiB/h (interval unknown)"},
        {UNIT_BYTES, NAN, 0, 0, "unknown"},
        {UNIT_HANDLES, 320, 300, 340, "320 handles/h (300 to 340)"},
        {UNIT_HANDLES, 1, 0.5, 1.5, "1.00 handles/h (0.50 to 1.50)"},
        {UNIT_OTHER, 3.25, 3.0, 3.5, "3.25/h (3.00 to 3.50)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[80];
        struct text text = text_on(storage, sizeof(storage));
        text_add_rate_interval(&text, cases[i].unit, cases[i].per_hour, cases[i].low, cases[i].high);
        assert_string_equal(storage, cases[i].words);
    }
}

static void durations_in_words(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *words, *config;
    } cases[] = {
        {0, "0 ms", "0s"},
        {250, "250 ms", "250ms"},
        {1000, "1 s", "1s"},
        {1500, "1.5 s", "1500ms"},
        {9960, "10 s", "9960ms"},
        {45000, "45 s", "45s"},
        {59600, "1 min", "59600ms"},
        {60000, "1 min", "1m"},
        {90000, "1 min 30 s", "90s"},
        {3599600, "1 h", "3599600ms"},
        {INT64_C(14400000), "4 h", "4h"},
        {134 * MS_PER_MINUTE, "2 h 14 min", "134m"},
        {134 * MS_PER_MINUTE + 29999, "2 h 14 min", "8069999ms"},
        {134 * MS_PER_MINUTE + 30000, "2 h 15 min", "8070s"},
        {MS_PER_DAY - 1, "1 d", "86399999ms"},
        {76 * MS_PER_HOUR, "3 d 4 h", "76h"},
        {48 * MS_PER_HOUR, "2 d", "2d"},
        {1234 * MS_PER_DAY, "1,234 d", "1234d"},
        {3653 * MS_PER_DAY - 1, "3,652 d", "315619199999ms"},
        {3653 * MS_PER_DAY, "10 years", "3653d"},
        {23304 * MS_PER_DAY, "64 years", "23304d"},
        {-1, "unknown", "-1ms"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration(&text, cases[i].ms);
        assert_string_equal(storage, cases[i].words);
        text_clear(&text);
        text_add_duration_config(&text, cases[i].ms);
        assert_string_equal(storage, cases[i].config);
        int64_t back = -1;
        assert_int_equal(duration_parse(storage, &back), cases[i].ms < 0 ? STATUS_INVALID : STATUS_OK);
        assert_true(back == cases[i].ms);
    }
}

static void sizes_of_the_configuration(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *config;
    } cases[] = {{0, "0"},           {1000, "1000"},      {65536, "64KiB"},
                 {65537, "65537"},   {64 * MIB, "64MiB"}, {1536 * MIB, "1536MiB"},
                 {16 * TIB, "16TiB"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        double back = -1;
        text_add_size_config(&text, cases[i].bytes);
        assert_string_equal(storage, cases[i].config);
        assert_int_equal(size_parse(storage, &back), STATUS_OK);
        assert_true(back == cases[i].bytes);
    }
}

/* Every day of 1,200 years, written and read back, and held against the C library's calendar. */
static void days_and_dates_agree(void **state)
{
    (void)state;
    int64_t day = days_from_civil(1600, 1, 1);
    assert_true(days_from_civil(1970, 1, 1) == 0);
    assert_true(days_from_civil(2000, 3, 1) == 11017);
    const int64_t last = days_from_civil(2800, 1, 1);
    assert_true(last - day == 1200 * 365 + 291);
    for (; day < last; day++) {
        char storage[40];
        struct text text = text_on(storage, sizeof(storage));
        text_add_time_utc(&text, day * MS_PER_DAY);
        const time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        char expected[40];
        assert_true(strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        assert_string_equal(storage, expected);
        int64_t back = 0;
        assert_int_equal(time_parse_iso(storage, &back), STATUS_OK);
        assert_true(back == day * MS_PER_DAY);
    }
}

static void times_in_words(void **state)
{
    (void)state;
    static const struct {
        int64_t utc_ms;
        const char *iso, *human;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z", "1970-01-01 00:00:00 UTC"},
        {250, "1970-01-01T00:00:00.250Z", "1970-01-01 00:00:00 UTC"},
        {-1, "1969-12-31T23:59:59.999Z", "1969-12-31 23:59:59 UTC"},
        {INT64_C(1795317245000), "2026-11-22T03:14:05Z", "2026-11-22 03:14:05 UTC"},
        {INT64_C(1709164799999), "2024-02-28T23:59:59.999Z", "2024-02-28 23:59:59 UTC"},
        {INT64_MAX, "292278994-08-17T07:12:55.807Z", "292278994-08-17 07:12:55 UTC"},
        {INT64_MIN, "-292275055-05-16T16:47:04.192Z", "-292275055-05-16 16:47:04 UTC"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_time_utc(&text, cases[i].utc_ms);
        assert_string_equal(storage, cases[i].iso);
        text_clear(&text);
        text_add_time_human(&text, cases[i].utc_ms);
        assert_string_equal(storage, cases[i].human);
    }
}

static void iso_times_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        int64_t utc_ms;
    } cases[] = {
        {"2026-11-22T03:14:05Z", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-22T03:14:05", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-22 03:14:05", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-22t03:14:05z", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-22T03:14:05.25Z", STATUS_OK, INT64_C(1795317245250)},
        {"2026-11-22T03:14:05,2509999Z", STATUS_OK, INT64_C(1795317245250)},
        {"2026-11-22T05:14:05+02:00", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-21T21:44:05-0530", STATUS_OK, INT64_C(1795317245000)},
        {"2026-11-22T05:14:05.5+02", STATUS_OK, INT64_C(1795317245500)},
        {"2024-02-29T00:00:00Z", STATUS_OK, INT64_C(1709164800000)},
        {"2000-02-29T00:00:00Z", STATUS_OK, INT64_C(951782400000)},
        {"1969-12-31T23:59:59.999Z", STATUS_OK, -1},
        {"2026-02-29T00:00:00Z", STATUS_INVALID, 7},
        {"1900-02-29T00:00:00Z", STATUS_INVALID, 7},
        {"2026-04-31T00:00:00Z", STATUS_INVALID, 7},
        {"2026-13-01T00:00:00Z", STATUS_INVALID, 7},
        {"2026-00-01T00:00:00Z", STATUS_INVALID, 7},
        {"2026-01-00T00:00:00Z", STATUS_INVALID, 7},
        {"2026-01-01T24:00:00Z", STATUS_INVALID, 7},
        {"2026-01-01T00:60:00Z", STATUS_INVALID, 7},
        {"2026-01-01T00:00:60Z", STATUS_INVALID, 7},
        {"2026-11-22T03:14Z", STATUS_OK, INT64_C(1795317240000)},
        {"2026-11-22T05:14+02:00", STATUS_OK, INT64_C(1795317240000)},
        {"2026-11-22", STATUS_OK, INT64_C(1795305600000)},
        {"20261122T031405Z", STATUS_OK, INT64_C(1795317245000)},
        {"20261122T0314", STATUS_OK, INT64_C(1795317240000)},
        {"20261122", STATUS_OK, INT64_C(1795305600000)},
        {"2026-1122", STATUS_INVALID, 7},
        {"2026-11-22Z", STATUS_INVALID, 7},
        {"2026-11-22T", STATUS_INVALID, 7},
        {"2026-11-22T03", STATUS_INVALID, 7},
        {"2026-11-22T03:14:", STATUS_INVALID, 7},
        {"2026-11-22T03:1405", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00.Z", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00ZZ", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00+2", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00+24:00", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00+02:60", STATUS_INVALID, 7},
        {"2026-01-01T00:00:00+02:", STATUS_INVALID, 7},
        {"2026-1-01T00:00:00Z", STATUS_INVALID, 7},
        {"26-01-01T00:00:00Z", STATUS_INVALID, 7},
        {" 2026-01-01T00:00:00Z", STATUS_INVALID, 7},
        {"", STATUS_INVALID, 7},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t utc_ms = 7;
        assert_int_equal(time_parse_iso(cases[i].text, &utc_ms), cases[i].status);
        assert_true(utc_ms == cases[i].utc_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unit_names),           cmocka_unit_test(durations_parse),
        cmocka_unit_test(sizes_parse),          cmocka_unit_test(quantities_in_words),
        cmocka_unit_test(rates_in_words),       cmocka_unit_test(rate_intervals_share_one_scale),
        cmocka_unit_test(durations_in_words),   cmocka_unit_test(sizes_of_the_configuration),
        cmocka_unit_test(days_and_dates_agree), cmocka_unit_test(times_in_words),
        cmocka_unit_test(iso_times_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

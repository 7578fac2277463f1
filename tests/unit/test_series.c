/* test_series.c - bounded history: every sample counted once at every level, gaps stay gaps, the window is
 * covered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#include "generate.h"
#include "storewatch/series.h"

static struct series *series_new(void)
{
    struct series *series = malloc(sizeof *series);
    assert_non_null(series);
    series_init(series);
    return series;
}

static void seed_samples_are_readable_before_the_period_is_known(void **state)
{
    (void)state;
    struct series *series = series_new();
    struct series_bucket out[SERIES_RING];
    int64_t width;
    assert_int_equal(series_window(series, 0, out, &width), 0);
    for (int i = 0; i < 3; i++)
        assert_true(series_push(series, 1000 + 15 * i, i));
    assert_int_equal(series_window(series, 0, out, &width), 3);
    assert_int_equal(width, 15);
    assert_true(out[2].mean > 1.99 && out[2].mean < 2.01);
    assert_int_equal(series->period_ms, 0);
    free(series);
}

static void time_must_advance_and_values_be_finite(void **state)
{
    (void)state;
    struct series *series = series_new();
    assert_true(series_push(series, 10, 1));
    assert_false(series_push(series, 10, 2));
    assert_false(series_push(series, 9, 2));
    assert_false(series_push(series, 11, NAN));
    assert_false(series_push(series, 11, INFINITY));
    assert_int_equal(series->sample_count, 1);
    free(series);
}

static void one_late_sample_does_not_spoil_the_period(void **state)
{
    (void)state;
    struct series *series = series_new();
    int64_t t = 0;
    for (int i = 0; i < 10; i++)
        series_push(series, t += i == 3 ? 90000 : i == 5 ? 20 : 15000, 1);
    assert_int_equal(series->period_ms, 15000);
    free(series);
}

/* A finer unit is one that the longest of the dense intervals still fills. */
static void the_longest_of_dense_intervals_is_the_new_unit(void **state)
{
    (void)state;
    struct series *series = series_new();
    int64_t t = 0;
    for (int i = 0; i < 20; i++)
        series_push(series, t += 16000, 1);
    assert_int_equal(series->period_ms, 16000);
    for (int i = 0; i < SERIES_DENSE; i++)
        series_push(series, t += i % 2 == 0 ? 3000 : 1000, 1);
    assert_int_equal(series->period_ms, 4000);
    free(series);
}

/* The bucket that is still open is told of in the middle of what it has seen. */
static void the_open_bucket_stands_where_its_samples_are(void **state)
{
    (void)state;
    struct series *series = series_new();
    struct series_bucket out[SERIES_RING];
    int64_t width;
    for (int i = 0; i < 400; i++)
        series_push(series, 1000 * i, i);
    const size_t count = series_window(series, 0, out, &width);
    assert_int_equal(width, 4000);
    assert_int_equal(out[count - 1].t_ms, 396000 + (399000 - 396000) / 2);
    assert_int_equal(out[count - 2].t_ms, 392000 + 4000 / 2);
    free(series);
}

/* Every window holds each of its samples once, with its extremes; coarse or fine. */
static void windows_lose_nothing(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    struct series *series = series_new();
    int64_t t = 12345;
    uint64_t pushed = 0;
    double sum = 0, highest = 0;
    for (int i = 0; i < 40000; i++) {
        /* jitter, and now and then a gap of up to 5,000 periods */
        t += 900 + (int64_t)(200 * random_uniform(&random));
        if (random_uniform(&random) < 0.001)
            t += (int64_t)(5e6 * random_uniform(&random));
        const double value = random_uniform(&random);
        assert_true(series_push(series, t, value));
        pushed++;
        sum += value;
        highest = value > highest ? value : highest;
        if (i % 97 != 0 || i < 8)
            continue;
        struct series_bucket out[SERIES_RING];
        int64_t width;
        const size_t count = series_window(series, 0, out, &width);
        uint64_t seen = 0;
        double total = 0, top = 0;
        for (size_t k = 0; k < count; k++) {
            seen += out[k].count;
            total += out[k].mean * out[k].count;
            top = out[k].high > top ? out[k].high : top;
            assert_true(out[k].low <= out[k].mean && out[k].mean <= out[k].high);
            if (k > 0)
                assert_true(out[k].t_ms > out[k - 1].t_ms);
        }
        assert_int_equal(seen, pushed);
        assert_true(fabs(total - sum) < 1e-6 * sum);
        assert_true(top >= highest && top <= highest);
    }
    free(series);
}

static void recent_windows_are_finer(void **state)
{
    (void)state;
    struct series *series = series_new();
    for (int64_t i = 0; i < 2200000; i++) /* 13 months at 15 s */
        series_push(series, i * 15000, (double)i);
    struct series_bucket out[SERIES_RING];
    int64_t width;
    const int64_t now = series->last_ms;
    static const int64_t back_h[] = {1, 12, 24 * 7, 24 * 30, 24 * 365};
    for (size_t k = 0; k < ARRAY_COUNT(back_h); k++) {
        const size_t count = series_window(series, now - back_h[k] * 3600000, out, &width);
        if (k > 0)
            assert_true(count >= SERIES_RING / SERIES_FACTOR - 1);
        assert_true(width * SERIES_RING >= back_h[k] * 3600000 - width);
        assert_true(out[0].t_ms - width <= now - back_h[k] * 3600000 + width);
    }
    free(series);
}

static void a_gap_stays_a_gap(void **state)
{
    (void)state;
    struct series *series = series_new();
    for (int64_t i = 0; i < 20; i++)
        series_push(series, i * 1000, 1);
    for (int64_t i = 60; i < 80; i++)
        series_push(series, i * 1000, 2);
    struct series_bucket out[SERIES_RING];
    int64_t width;
    const size_t count = series_window(series, 0, out, &width);
    assert_int_equal(count, 40);
    assert_true(out[20].t_ms - out[19].t_ms >= 40000);
    free(series);
}

/* What the history file gives back: an hour, then five minutes, then 15 s apart. The unit of time is that of
 * the present, and nothing is lost or moved on the way. */
static void samples_that_come_denser_make_the_unit_finer(void **state)
{
    (void)state;
    static const struct {
        int64_t period_ms;
        int count;
    } tiers[] = {{3600000, 600}, {300000, 9504}, {15000, 11520}};
    struct series *series = series_new();
    int64_t t = 1000;
    uint64_t pushed = 0;
    for (size_t k = 0; k < 3; k++)
        for (int i = 0; i < tiers[k].count; i++, pushed++) {
            t += tiers[k].period_ms;
            assert_true(series_push(series, t, (double)t));
        }
    assert_true(series->period_ms >= 15000 && series->period_ms < 60000);
    struct series_bucket out[SERIES_RING];
    for (int days = 1; days <= 16; days *= 4) {
        int64_t width;
        const size_t count = series_window(series, t - days * INT64_C(86400000), out, &width);
        assert_true(count >= SERIES_RING / SERIES_FACTOR - 1);
        for (size_t i = 0; i < count; i++) /* each value is its own time */
            assert_true(fabs(out[i].mean - (double)out[i].t_ms) <= (double)width);
    }
    int64_t width;
    uint64_t seen = 0;
    const size_t count = series_window(series, 0, out, &width);
    for (size_t i = 0; i < count; i++)
        seen += out[i].count;
    assert_int_equal(seen, pushed);
    assert_true(series_window(series, t - 600000, out, &width) >= 10);
    free(series);
}

/* Soon after the samples came denser, a window that begins before that has all samples, coarse as they were;
 * one that begins later has the fine ones. */
static void no_sample_is_lost_where_the_unit_becomes_finer(void **state)
{
    (void)state;
    enum { HOUR = 3600000, DENSE = HOUR / 16 };
    struct series *series = series_new();
    int64_t t = 0;
    for (int i = 0; i < 400; i++, t += HOUR)
        assert_true(series_push(series, t, i));
    const int64_t change_ms = t;
    for (int i = 0; i < 40; i++, t += DENSE)
        assert_true(series_push(series, t, 400 + i / 16.0));
    struct series_bucket out[SERIES_RING];
    int64_t width;
    uint64_t seen = 0;
    const size_t count = series_window(series, change_ms - 8 * HOUR, out, &width);
    for (size_t i = 0; i < count; i++)
        seen += out[i].count;
    assert_int_equal(seen, 8 + 40);
    assert_true(out[0].t_ms < change_ms - 7 * HOUR);
    assert_int_equal(series_window(series, t - 20 * DENSE, out, &width), 20);
    assert_int_equal(width, DENSE);
    free(series);
}

static void a_few_quick_samples_change_no_unit(void **state)
{
    (void)state;
    struct series *series = series_new();
    int64_t t = 0;
    for (int i = 0; i < 400; i++)
        series_push(series, t += i >= 20 && i % 20 < SERIES_DENSE - 1 ? 1000 : 16000, 1);
    assert_int_equal(series->period_ms, 16000);
    free(series);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_that_come_denser_make_the_unit_finer),
        cmocka_unit_test(no_sample_is_lost_where_the_unit_becomes_finer),
        cmocka_unit_test(a_few_quick_samples_change_no_unit),
        cmocka_unit_test(seed_samples_are_readable_before_the_period_is_known),
        cmocka_unit_test(time_must_advance_and_values_be_finite),
        cmocka_unit_test(one_late_sample_does_not_spoil_the_period),
        cmocka_unit_test(the_longest_of_dense_intervals_is_the_new_unit),
        cmocka_unit_test(the_open_bucket_stands_where_its_samples_are),
        cmocka_unit_test(windows_lose_nothing),
        cmocka_unit_test(recent_windows_are_finer),
        cmocka_unit_test(a_gap_stays_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_trend.c - the estimators against their definitions by brute force, and against known distributions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "generate.h"
#include "storewatch/trend.h"

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum kind { SMOOTH, QUANTISED_VALUES, TWO_VALUES, CONSTANT, STRAIGHT, JITTERED, DRIFTING, OUTLIERS, KINDS };

static void points_make(enum kind kind, size_t n, struct random *random, double *t, double *v)
{
    double drift = 0;
    for (size_t i = 0; i < n; i++) {
        const double noise = random_normal(random);
        drift = 0.98 * drift + noise;
        t[i] = (double)i * 15 + (kind == JITTERED ? 5 * random_uniform(random) : 0);
        v[i] = kind == CONSTANT           ? 1e9
               : kind == STRAIGHT         ? 1e9 + 1000 * t[i]
               : kind == QUANTISED_VALUES ? floor(3 * random_uniform(random) + (double)i / (double)n)
               : kind == TWO_VALUES       ? (random_uniform(random) < 0.1 ? 41 : 40)
               : kind == DRIFTING         ? 1e9 + 1e6 * drift
               : kind == OUTLIERS         ? 1e9 + 1e6 * noise * (random_uniform(random) < 0.05 ? 1e6 : 1)
                                          : 1e9 + 1e6 * noise + 10 * t[i];
    }
}

static void assert_near(double got, double want)
{
    assert_true(fabs(got - want) <= 1e-9 * (1 + fabs(want)));
}

/* Slope and both ends of the interval are the slopes of their ranks among all, by brute force. */
static void the_interval_is_made_of_the_right_ranks(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    for (int kind = SMOOTH; kind < KINDS; kind++) {
        for (size_t n = 4; n <= 1300; n = n * 3 / 2 + 1) {
            double *t = malloc(n * sizeof *t), *v = malloc(n * sizeof *v),
                   *all = malloc(n * n / 2 * sizeof *all);
            union trend_word *scratch = malloc(TREND_SCRATCH_WORDS(n) * sizeof *scratch);
            assert_true(t != NULL && v != NULL && all != NULL && scratch != NULL);
            for (size_t run = 0; run < 1 + 400 / n; run++) {
                points_make((enum kind)kind, n, &random, t, v);
                size_t pairs = 0;
                for (size_t i = 0; i < n; i++)
                    for (size_t j = i + 1; j < n; j++)
                        all[pairs++] = (v[j] - v[i]) / (t[j] - t[i]);
                qsort(all, pairs, sizeof *all, compare);
                struct trend_slope got;
                assert_int_equal(trend_slope(t, v, n, run % 2 == 0 ? 95 : 60, scratch, &got), STATUS_OK);
                const double m = (double)n;
                const double spread = trend_student_quantile(run % 2 == 0 ? 95 : 60, got.effective_n - 1) *
                                      sqrt(m * (m - 1) * (2 * m + 5) / 18 * (m / got.effective_n));
                assert_near(got.low, all[(size_t)fmax(((double)pairs - spread) / 2, 0)]);
                assert_near(got.high,
                            all[(size_t)ceil(fmin(((double)pairs + spread) / 2, (double)pairs - 1))]);
                assert_near(got.slope,
                            pairs % 2 == 1 ? all[pairs / 2] : (all[pairs / 2] + all[pairs / 2 - 1]) / 2);
            }
            free(t);
            free(v);
            free(all);
            free(scratch);
        }
    }
}

static void values_that_overflow_are_refused(void **state)
{
    (void)state;
    const double t[5] = {0, 1, 2, 3, 4}, v[5] = {-1e308, 1e308, 0, 1e308, -1e308};
    const double tiny[5] = {0, 1e-310, 0, 2e-310, 1e-310};
    union trend_word scratch[TREND_SCRATCH_WORDS(5)];
    struct trend_slope slope = {.slope = 42};
    assert_int_equal(trend_slope(t, v, 5, 95, scratch, &slope), STATUS_INVALID);
    assert_true(slope.slope > 41);
    assert_int_equal(trend_slope(t, tiny, 5, 95, scratch, &slope), STATUS_OK);
    assert_true(fabs(slope.slope) < 1e-300);
}

static void quantiles_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_true(fabs(trend_normal_quantile(95) - 1.959964) < 1e-5);
    assert_true(fabs(trend_normal_quantile(99) - 2.575829) < 1e-5);
    static const double table[][3] = {{1, 95, 12.7062}, {2, 95, 4.3027},  {3, 95, 3.1824},  {5, 99, 4.0321},
                                      {10, 95, 2.2281}, {30, 99, 2.7500}, {100, 90, 1.6602}};
    for (size_t i = 0; i < ARRAY_COUNT(table); i++)
        assert_true(fabs(trend_student_quantile(table[i][1], table[i][0]) - table[i][2]) <
                    5e-3 * table[i][2]);
}

static void wrong_input_is_refused(void **state)
{
    (void)state;
    double t[5] = {0, 1, 2, 2, 4}, v[5] = {0, 1, 2, 3, 4};
    union trend_word scratch[TREND_SCRATCH_WORDS(5)];
    struct trend_slope slope = {.slope = 42};
    assert_int_equal(trend_slope(t, v, 5, 95, scratch, &slope), STATUS_INVALID);
    t[3] = 3;
    assert_int_equal(trend_slope(t, v, 3, 95, scratch, &slope), STATUS_INVALID);
    assert_int_equal(trend_slope(t, v, 5, 100, scratch, &slope), STATUS_INVALID);
    assert_true(slope.slope > 41);
    assert_int_equal(trend_slope(t, v, 5, 95, scratch, &slope), STATUS_OK);
    assert_true(fabs(slope.slope - 1) < 1e-12);
}

/* The stated 95 % interval holds the true slope in 90-99 % of AR(1) series, whatever the autocorrelation. */
static void slope_intervals_cover(void **state)
{
    (void)state;
    static const double phis[] = {0, 0.3, 0.6, 0.9, 0.97};
    enum { N = 200, RUNS = 400 };
    for (size_t p = 0; p < ARRAY_COUNT(phis); p++) {
        struct random random = random_seeded(100 + p);
        int covered = 0;
        for (int run = 0; run < RUNS; run++) {
            double t[N], v[N];
            double noise = random_normal(&random) / sqrt(1 - phis[p] * phis[p]);
            for (size_t i = 0; i < N; i++) {
                t[i] = (double)i;
                v[i] = 0.05 * t[i] + noise;
                noise = phis[p] * noise + random_normal(&random);
            }
            union trend_word scratch[TREND_SCRATCH_WORDS(N)];
            struct trend_slope slope;
            assert_int_equal(trend_slope(t, v, N, 95, scratch, &slope), STATUS_OK);
            covered += slope.low <= 0.05 && 0.05 <= slope.high;
        }
        print_message("phi %.2f: %.1f %% covered\n", phis[p], 100.0 * covered / RUNS);
        assert_in_range(covered, RUNS * 90 / 100, RUNS * 995 / 1000);
    }
}

static void shapes_are_told_apart(void **state)
{
    (void)state;
    double t[40], line[40], curve[40], stairs[40], level, tau;
    for (size_t i = 0; i < 40; i++) {
        t[i] = (double)i;
        line[i] = 3 * t[i];
        curve[i] = 100 * (1 - exp(-t[i] / 10));
        stairs[i] = i < 10 ? 0 : i < 25 ? 7 : 9;
    }
    assert_true(trend_line_residue(t, line, 40) < 1e-6);
    assert_true(trend_line_residue(t, curve, 40) > 1000);
    double step[40];
    for (size_t i = 0; i < 40; i++)
        step[i] = line[i] + (i < 15 ? 0 : 50);
    assert_true(trend_step_residue(t, step, 40, 15) < 1e-6 && trend_step_residue(t, step, 40, 16) > 100);
    for (size_t i = 0; i < 40; i++)
        step[i] = 7 + (i > 15 ? 3 * (t[i] - t[15]) : 0);
    assert_true(trend_hinge_residue(t, step, 40, 15) < 1e-6 && trend_hinge_residue(t, step, 40, 17) > 1);
    assert_true(trend_saturating_residue(t, curve, 40, &level, &tau) < 10);
    assert_true(fabs(level - 100) < 3 && fabs(tau - 10) < 2);
    /* In x of -1 to 1 about the middle at 19.5: 3 t is 58.5 + 58.5 x, and 0.1 (t - 19.5)^2 is 38.025 x^2. */
    struct trend_parabola bent;
    trend_parabola(t, line, 40, &bent);
    assert_true(fabs(bent.level - 58.5) < 1e-9 && fabs(bent.slope - 58.5) < 1e-9 && fabs(bent.bend) < 1e-9 &&
                bent.residue < 1e-15);
    for (size_t i = 0; i < 40; i++)
        line[i] += 0.1 * (t[i] - 19.5) * (t[i] - 19.5);
    trend_parabola(t, line, 40, &bent);
    assert_true(fabs(bent.level - 58.5) < 1e-9 && fabs(bent.slope - 58.5) < 1e-9 &&
                fabs(bent.bend - 38.025) < 1e-9 && bent.residue < 1e-15);
    assert_true(fabs(bent.line_slope - 58.5) < 1e-9 && fabs(bent.middle - 19.5) < 1e-12 &&
                fabs(bent.half - 19.5) < 1e-12);
    trend_parabola(t, curve, 40, &bent);
    assert_true(bent.bend < 0 && bent.residue > 1 && bent.residue < trend_line_residue(t, curve, 40));
    /* A cubic leaves nothing of a flank u^2 (3 - 2 u), and what the parabola leaves of something even. */
    double flank[40];
    for (size_t i = 0; i < 40; i++)
        flank[i] = 500 + 80 * (t[i] / 39) * (t[i] / 39) * (3 - 2 * t[i] / 39);
    assert_true(trend_cubic_residue(t, flank, 40) < 1e-9 && trend_line_residue(t, flank, 40) > 100);
    for (size_t i = 0; i < 40; i++)
        flank[i] = fabs(t[i] - 19.5);
    trend_parabola(t, flank, 40, &bent);
    assert_true(bent.residue > 1 && fabs(trend_cubic_residue(t, flank, 40) - bent.residue) < 1e-9);
    size_t at[TREND_STAIRS_JUMPS_MAX];
    assert_true(trend_stairs_residue(stairs, 40, 3, at) < 1e-6);
    assert_int_equal(at[0], 10);
    assert_int_equal(at[1], 25);
    assert_true(trend_stairs_residue(stairs, 40, 1, at) > 1);
    assert_int_equal(at[0], 10);
}

static void medians_and_ranks(void **state)
{
    (void)state;
    double odd[] = {5, 1, 4, 2, 3}, even[] = {4, 1, 3, 2}, same[] = {2, 2, 2, 2};
    assert_true(fabs(trend_median(odd, 5) - 3) < 1e-12);
    assert_true(fabs(trend_median(even, 4) - 2.5) < 1e-12);
    assert_true(fabs(trend_rank(same, 4, 2) - 2) < 1e-12);
    assert_true(isnan(trend_median(odd, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_made_of_the_right_ranks),
        cmocka_unit_test(values_that_overflow_are_refused),
        cmocka_unit_test(quantiles_are_those_of_the_tables),
        cmocka_unit_test(wrong_input_is_refused),
        cmocka_unit_test(slope_intervals_cover),
        cmocka_unit_test(shapes_are_told_apart),
        cmocka_unit_test(medians_and_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* verdict_tables.c - how good is the verdict? Seeded families of our own (tests/support/generate.h), so that
 * it needs no recordings: found and false alarms by family and amplitude, delay, forecast of the exhaustion
 * time, and how often the slope's interval holds the truth. `make bench-verdict` runs it; tests/bench/verdict
 * adds the recorded corpora. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "generate.h"
#include "storewatch/trend.h"
#include "storewatch/verdict.h"

#define N 1500
#define SEEDS 20

static const double amplitudes[] = {0.1, 0.3, 1, 3};

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct detector *detector_for(double confidence_pct)
{
    const struct verdict_settings settings = {
        .unit = UNIT_BYTES, .confidence_pct = confidence_pct, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    if (detector == NULL)
        exit(3);
    return detector;
}

static void families(void)
{
    printf("%d series of %d samples a cell. Leaks: found after the onset, median delay in %% of onset to "
           "end; healthy "
           "ones: false alarms.\n%-16s",
           SEEDS, N, "family");
    for (size_t k = 0; k < ARRAY_COUNT(amplitudes); k++)
        printf(" %11s x%-4g", "growth", amplitudes[k]);
    putchar('\n');
    int found_all = 0, leaks_all = 0, false_all = 0, healthy_all = 0;
    for (int family = 0; family < FAMILY_COUNT; family++) {
        const bool leaks = family_leaks((enum family)family);
        printf("%-16s", family_name((enum family)family));
        for (size_t k = 0; k < ARRAY_COUNT(amplitudes); k++) {
            int hits = 0, early = 0;
            double delay[SEEDS];
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                static double value[N];
                size_t onset;
                generate_series((enum family)family, seed, amplitudes[k], value, N, &onset);
                struct detector *detector = detector_for(99);
                size_t at = N;
                for (size_t i = 0; i < N && at == N; i++)
                    if (detector_push(detector, 15000 * (int64_t)i, value[i]) == VERDICT_UNBOUNDED)
                        at = i;
                detector_free(detector);
                if (at == N)
                    continue;
                if (leaks && at < onset)
                    early++;
                else
                    delay[hits++] = leaks ? 100 * (double)(at - onset) / (double)(N - onset) : 0;
            }
            if (leaks) {
                qsort(delay, (size_t)hits, sizeof *delay, compare);
                printf(" %3d %% %3.0f %%%s    ", 100 * hits / SEEDS, hits > 0 ? delay[hits / 2] : NAN,
                       early > 0 ? "!" : " ");
                found_all += hits;
                false_all += early;
                leaks_all += SEEDS;
            } else {
                printf(" %3d %% false    ", 100 * hits / SEEDS);
                false_all += hits;
                healthy_all += SEEDS;
            }
        }
        putchar('\n');
    }
    const double precision = (double)found_all / (found_all + false_all),
                 recall = (double)found_all / leaks_all;
    printf("all: recall %.3f, false %d of %d healthy, precision %.3f, F1 %.3f\n\n", recall, false_all,
           healthy_all, precision, 2 * precision * recall / (precision + recall));
}

/* The limit is where the leak stands at the end of the record. The verdict is asked at shares of onset to
 * exhaustion. */
static void forecasts(void)
{
    static const double shares[] = {0.25, 0.5, 0.75};
    static const enum family kinds[] = {FAMILY_LINEAR,       FAMILY_LINEAR_NOISE, FAMILY_FROM_BIRTH,
                                        FAMILY_STAIRS,       FAMILY_OFFICE_HOURS, FAMILY_CYCLE_LEAK,
                                        FAMILY_RISING_FLOOR, FAMILY_HANDLES,      FAMILY_GAPS,
                                        FAMILY_INTERMITTENT, FAMILY_ACCELERATING, FAMILY_TWO_RATES};
    printf(
        "Forecast of the exhaustion (growth x1, 90 %% interval): asked at 25, 50, 75 %% of onset to "
        "exhaustion, of those "
        "found by then:\nmedian error in %% of onset to exhaustion, share of intervals that hold it\n%-16s",
        "family");
    for (size_t k = 0; k < ARRAY_COUNT(shares); k++)
        printf("    at %2.0f %%: found error covered", 100 * shares[k]);
    putchar('\n');
    for (size_t family = 0; family < ARRAY_COUNT(kinds); family++) {
        printf("%-16s", family_name(kinds[family]));
        for (size_t k = 0; k < ARRAY_COUNT(shares); k++) {
            int count = 0, covered = 0;
            double error[SEEDS];
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                static double value[N];
                size_t onset;
                generate_series(kinds[family], seed, 1, value, N, &onset);
                struct detector *detector = detector_for(90);
                const double scale = kinds[family] == FAMILY_HANDLES ? 1e-6 : 1;
                detector_set_limit(
                    detector, (struct verdict_limit){.value = 2 * GENERATE_LEVEL * scale, .name = "end"});
                const size_t ask = onset + (size_t)((double)(N - onset) * shares[k]);
                for (size_t i = 0; i <= ask; i++)
                    detector_push(detector, 15000 * (int64_t)i, value[i]);
                struct verdict verdict;
                detector_verdict(detector, &verdict);
                detector_free(detector);
                if (verdict.state != VERDICT_UNBOUNDED || verdict.exhaustion_ms == INT64_MAX)
                    continue;
                const int64_t truth = 15000 * (int64_t)(N - 1);
                error[count++] =
                    100 * fabs((double)(verdict.exhaustion_ms - truth)) / (15000.0 * (double)(N - onset));
                covered += verdict.exhaustion_early_ms <= truth && truth <= verdict.exhaustion_late_ms;
            }
            qsort(error, (size_t)count, sizeof *error, compare);
            printf("    %8d %% %5.1f %% %5.0f %%", 100 * count / SEEDS, count > 0 ? error[count / 2] : NAN,
                   count > 0 ? 100.0 * covered / count : NAN);
        }
        putchar('\n');
    }
    putchar('\n');
}

static void coverage(void)
{
    enum { POINTS = 200, RUNS = 2000 };
    printf("Slope interval on AR(1) noise and a known slope, n = %d, %d runs: share of 95 %% intervals that "
           "hold it\n",
           POINTS, RUNS);
    static const double phis[] = {0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.97};
    for (size_t p = 0; p < ARRAY_COUNT(phis); p++) {
        struct random random = random_seeded(9000 + p);
        int covered = 0;
        for (int run = 0; run < RUNS; run++) {
            double t[POINTS], v[POINTS];
            union trend_word scratch[TREND_SCRATCH_WORDS(POINTS)];
            double noise = random_normal(&random) / sqrt(1 - phis[p] * phis[p]);
            for (size_t i = 0; i < POINTS; i++) {
                t[i] = (double)i;
                v[i] = 0.05 * t[i] + noise;
                noise = phis[p] * noise + random_normal(&random);
            }
            struct trend_slope slope;
            if (trend_slope(t, v, POINTS, 95, scratch, &slope) == STATUS_OK)
                covered += slope.low <= 0.05 && 0.05 <= slope.high;
        }
        printf("  phi %.2f  %5.1f %%\n", phis[p], 100.0 * covered / RUNS);
    }
}

int main(void)
{
    families();
    forecasts();
    coverage();
    return 0;
}

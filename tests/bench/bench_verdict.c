/* bench_verdict.c - what the verdict costs: Theil-Sen beside scipy's, the online detector by sample, and how
 * both grow with n. Medians of several runs; exit code 1 when a goal is missed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "generate.h"
#include "storewatch/series.h"
#include "storewatch/trend.h"
#include "storewatch/verdict.h"

#define RUNS 9

static int missed;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void goal(bool met, const char *text)
{
    printf("  %-6s %s\n", met ? "met" : "MISSED", text);
    missed |= !met;
}

static double slope_ms(size_t n)
{
    double *t = malloc(n * sizeof *t), *v = malloc(n * sizeof *v);
    void *scratch = malloc(TREND_SCRATCH_WORDS(n) * sizeof(union trend_word));
    if (t == NULL || v == NULL || scratch == NULL)
        exit(3);
    struct random random = random_seeded(n);
    double took[RUNS];
    for (int run = 0; run < RUNS; run++) {
        for (size_t i = 0; i < n; i++) {
            t[i] = 15.0 * (double)i;
            v[i] = 1e9 + 1e6 * random_normal(&random) + 100 * t[i];
        }
        struct trend_slope slope;
        const double begin = now_ms();
        if (trend_slope(t, v, n, 99, scratch, &slope) != STATUS_OK)
            exit(3);
        took[run] = now_ms() - begin;
    }
    free(t);
    free(v);
    free(scratch);
    qsort(took, RUNS, sizeof *took, compare);
    return took[RUNS / 2];
}

/* The same in scipy, when it is there; NAN otherwise. */
static void scipy(void)
{
    fflush(stdout);
    const int status = system("/usr/bin/python3 - <<'PY' 2>/dev/null\n"
                              "import time, resource, numpy, scipy.stats\n"
                              "n = 2880\n"
                              "t = numpy.arange(n) * 15.0\n"
                              "v = 1e9 + 1e6 * numpy.random.default_rng(1).normal(size=n) + 100 * t\n"
                              "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                              "runs = []\n"
                              "for i in range(3):\n"
                              "    begin = time.process_time(); scipy.stats.theilslopes(v, t, 0.99); "
                              "runs.append(time.process_time() - begin)\n"
                              "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
                              "print(f'  scipy.stats.theilslopes n = 2880: {1000 * sorted(runs)[1]:.0f} ms, "
                              "{(after - before) / 1024:.0f} MiB extra')\n"
                              "PY");
    if (status != 0)
        puts("  scipy is not there: no comparison");
}

static double online_us(enum family family, size_t n)
{
    double *value = malloc(n * sizeof *value);
    if (value == NULL)
        exit(3);
    size_t onset;
    generate_series(family, 1, 1, value, n, &onset);
    double took[RUNS];
    for (int run = 0; run < RUNS; run++) {
        const struct verdict_settings settings = {.confidence_pct = 99, .learned_plateau = NAN};
        struct detector *detector = detector_new(&settings);
        if (detector == NULL)
            exit(3);
        const double begin = now_ms();
        for (size_t i = 0; i < n; i++)
            detector_push(detector, 15000 * (int64_t)i, value[i]);
        took[run] = (now_ms() - begin) * 1000 / (double)n;
        detector_free(detector);
    }
    free(value);
    qsort(took, RUNS, sizeof *took, compare);
    return took[RUNS / 2];
}

int main(void)
{
    printf("Theil-Sen slope with interval (exact):\n");
    double first = 0, last = 0;
    for (size_t n = 720; n <= 46080; n *= 4) {
        const double ms = slope_ms(n), unit = ms * 1e6 / ((double)n * log2((double)n));
        printf("  n = %5zu: %8.3f ms, %7zu bytes extra, %5.2f ns per n log2 n\n", n, ms,
               TREND_SCRATCH_WORDS(n) * sizeof(union trend_word), unit);
        first = n == 720 ? unit : first;
        last = unit;
    }
    const double ms = slope_ms(2880);
    scipy();
    goal(ms < 1, "n = 2880 in under 1 ms");
    goal(TREND_SCRATCH_WORDS(2880) * sizeof(union trend_word) < 64 * 1024, "n = 2880 in under 64 KiB extra");
    goal(last < 3 * first,
         "grows as n log n (the cost per n log n stays within a factor of 3 over a factor of 64)");

    printf("Online verdict, CPU microseconds a sample, amortised:\n");
    static const enum family families[] = {FAMILY_FLAT, FAMILY_CYCLE, FAMILY_SAWTOOTH, FAMILY_LINEAR,
                                           FAMILY_OFFICE_HOURS};
    double worst_month = 0;
    for (size_t k = 0; k < ARRAY_COUNT(families); k++) {
        printf("  %-14s", family_name(families[k]));
        for (size_t n = 2700; n <= 172800; n *= 4) {
            const double us = online_us(families[k], n);
            printf("  n = %6zu: %5.2f", n, us);
            if (n == 172800 && us > worst_month)
                worst_month = us;
        }
        putchar('\n');
    }
    printf("  a month at 15 s (172,800 samples): %.0f ms at worst\n", worst_month * 172.8);
    goal(worst_month <= 1, "at most 1 microsecond a sample");
    goal(worst_month * 172.8 <= 150, "a month in at most 150 ms");
    printf("  a detector is at most %d bytes, allocated once\n", DETECTOR_BYTES_MAX);
    return missed;
}

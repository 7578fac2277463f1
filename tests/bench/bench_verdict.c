/* bench_verdict.c - what the verdict costs: Theil-Sen beside scipy's, the online detector by sample, and how
 * both grow with n. Medians of several runs; exit code 1 when a goal is missed. */
#include <malloc.h>
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

enum noise { WHITE, DRIFTING, COUNTS };

static double slope_ms(enum noise noise, size_t n)
{
    double *t = malloc(n * sizeof *t), *v = malloc(n * sizeof *v);
    union trend_word *scratch = malloc(TREND_SCRATCH_WORDS(n) * sizeof *scratch);
    if (t == NULL || v == NULL || scratch == NULL)
        exit(3);
    struct random random = random_seeded(n);
    double took[RUNS];
    for (int run = 0; run < RUNS; run++) {
        double drift = 0;
        for (size_t i = 0; i < n; i++) {
            t[i] = 15.0 * (double)i;
            drift = 0.97 * drift + random_normal(&random);
            v[i] = noise == WHITE      ? 1e9 + 1e6 * random_normal(&random) + 100 * t[i]
                   : noise == DRIFTING ? 1e9 + 1e6 * drift + 100 * t[i]
                                       : floor(500 + 3 * random_uniform(&random));
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

/* CPU time of a sample, in microseconds: the median of some runs. */
static double online_us(enum family family, size_t n, int runs)
{
    double *value = malloc(n * sizeof *value), took[RUNS];
    if (value == NULL)
        exit(3);
    size_t onset;
    generate_series(family, 1, 1, value, n, &onset);
    for (int run = 0; run < runs; run++) {
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
    qsort(took, (size_t)runs, sizeof *took, compare);
    return took[runs / 2];
}

#define SHORT 2700   /* half a day at 15 s */
#define MONTH 172800 /* 30 days */
#define MONTHS_13 2280960

int main(void)
{
    static const char *const noises[] = {"white noise", "AR(1), phi 0.97", "counts, many equal"};
    printf("Theil-Sen slope with interval (exact), CPU ms:\n");
    double growth = 0, at_2880 = 0;
    for (int noise = WHITE; noise <= COUNTS; noise++) {
        double first = 0, last = 0;
        printf("  %-18s", noises[noise]);
        for (size_t n = 720; n <= 46080; n *= 4) {
            const double ms = slope_ms((enum noise)noise, n);
            last = ms * 1e6 / ((double)n * log2((double)n));
            first = n == 720 ? last : first;
            printf("  n = %5zu: %7.3f (%4.1f ns per n log2 n)", n, ms, last);
            if (n == 2880 && ms > at_2880)
                at_2880 = ms;
        }
        putchar('\n');
        growth = fmax(growth, last / first);
    }
    const size_t extra = TREND_SCRATCH_WORDS(2880) * sizeof(union trend_word);
    printf("  n = 2880: %zu bytes extra\n", extra);
    scipy();
    goal(at_2880 < 1, "n = 2880 in under 1 ms, whatever the noise");
    goal(extra < 64 * 1024, "n = 2880 in under 64 KiB extra");
    goal(growth < 2, "grows as n log n: the cost per n log n less than doubles over a factor of 64");

    printf("Online verdict, CPU microseconds a sample, amortised:\n");
    static const enum family families[] = {FAMILY_FLAT, FAMILY_CYCLE, FAMILY_SAWTOOTH, FAMILY_LINEAR,
                                           FAMILY_OFFICE_HOURS};
    double worst_short = 0, worst_month = 0, worst_long = 0;
    for (size_t k = 0; k < ARRAY_COUNT(families); k++) {
        const double half_day = online_us(families[k], SHORT, RUNS),
                     month = online_us(families[k], MONTH, RUNS), year = online_us(families[k], MONTHS_13, 1);
        printf("  %-14s  half a day: %5.2f   30 days: %5.2f   13 months: %5.2f\n", family_name(families[k]),
               half_day, month, year);
        worst_short = fmax(worst_short, half_day);
        worst_month = fmax(worst_month, month);
        worst_long = fmax(worst_long, year);
    }
    struct detector *detector =
        detector_new(&(struct verdict_settings){.confidence_pct = 99, .learned_plateau = NAN});
    if (detector == NULL)
        exit(3);
    const size_t bytes = malloc_usable_size(detector);
    detector_free(detector);
    printf("  half a day of 15 s samples: %.0f ms in all; 30 days: %.0f ms; a detector: %zu bytes, allocated "
           "once\n",
           worst_short * SHORT / 1000, worst_month * MONTH / 1000, bytes);
    goal(worst_long <= 1 && worst_month <= 1,
         "at most 1 microsecond a sample over 30 days and over 13 months");
    goal(worst_month * MONTH / 1000 <= 150, "30 days in at most 150 ms");
    goal(bytes <= 64 * 1024, "a detector in at most 64 KiB");
    return missed;
}

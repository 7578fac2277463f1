/* verdict_tables - how good is the verdict on seeded families of our own (tests/support/generate.h)? It needs
 * no recordings: found and false alarms by family and amplitude beside the rules of baselines.h, leaks that
 * reach a limit in minutes, leaks that end, forecasts, and how often the slope's interval holds the truth.
 * `make bench-verdict` runs it; tests/bench/verdict adds the recorded corpora. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baselines.h"
#include "generate.h"
#include "parallel.h"
#include "storewatch/trend.h"
#include "storewatch/verdict.h"

#define N 1500
#define SEEDS 20
#define PERIOD_MS 15000

static const double amplitudes[] = {0.1, 0.3, 1, 3};
#define AMPLITUDES ARRAY_COUNT(amplitudes)
#define SHOWN 2 /* the amplitude whose baselines and reasons are shown */

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *value, size_t n)
{
    qsort(value, n, sizeof *value, compare);
    return n > 0 ? value[n / 2] : NAN;
}

static struct detector *detector_for(enum unit unit, double confidence_pct)
{
    const struct verdict_settings settings = {
        .unit = unit, .confidence_pct = confidence_pct, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    if (detector == NULL)
        exit(3);
    return detector;
}

static enum unit unit_of(enum family family)
{
    return family_counts(family) ? UNIT_HANDLES : UNIT_BYTES;
}

/* ---- families ---- */

struct outcome {
    bool found, false_alarm; /* between onset and end; before the onset, or on a healthy series */
    double delay_pct;        /* of the first one found */
    bool baseline_found[BASELINE_COUNT], baseline_false[BASELINE_COUNT];
    char reason[VERDICT_REASON_MAX]; /* at the first alarm, else at the end */
};

static void judge(enum family family, double amplitude, uint64_t seed, bool baselines, struct outcome *out)
{
    static double value[N], time[N], known[N];
    const bool leaks = family_leaks(family);
    size_t onset, count = 0;
    generate_series(family, seed, amplitude, value, N, &onset);
    struct detector *detector = detector_for(unit_of(family), 99);
    struct verdict verdict;
    enum verdict_state was = VERDICT_LEARNING;
    size_t alarms = 0;
    for (size_t i = 0; i < N; i++) {
        const enum verdict_state now = detector_push(detector, PERIOD_MS * (int64_t)i, value[i]);
        if (now == VERDICT_UNBOUNDED && was != now) {
            if (alarms++ == 0) {
                detector_verdict(detector, &verdict);
                memcpy(out->reason, verdict.reason, sizeof out->reason);
            }
            if (!leaks || i < onset)
                out->false_alarm = true;
            else if (!out->found)
                out->delay_pct = 100 * (double)(i - onset) / (double)(N - onset);
            out->found |= leaks && i >= onset;
        }
        was = now;
    }
    if (alarms == 0) {
        detector_verdict(detector, &verdict);
        memcpy(out->reason, verdict.reason, sizeof out->reason);
    }
    detector_free(detector);
    for (size_t i = 0; i < N && baselines; i++)
        if (!isnan(value[i])) {
            time[count] = 15.0 * (double)i;
            known[count++] = value[i];
        }
    for (int k = 0; k < BASELINE_COUNT && baselines; k++) {
        double at[BASELINE_ALARMS_MAX];
        const size_t raised = baseline_alarms((enum baseline)k, time, known, count, NAN, at);
        for (size_t i = 0; i < raised; i++) {
            const bool right = leaks && at[i] >= 15.0 * (double)onset;
            out->baseline_found[k] |= right;
            out->baseline_false[k] |= !right;
        }
    }
}

typedef struct outcome outcomes[FAMILY_COUNT][AMPLITUDES][SEEDS];

static void judge_job(void *shared, size_t job)
{
    outcomes *all = shared;
    const size_t family = job / (AMPLITUDES * SEEDS), a = job / SEEDS % AMPLITUDES, seed = job % SEEDS;
    judge((enum family)family, amplitudes[a], seed + 1, a == SHOWN, &(*all)[family][a][seed]);
}

static double f1(double found, double leaks, double false_alarms)
{
    const double precision = found / fmax(1, found + false_alarms), recall = found / leaks;
    return 2 * precision * recall / fmax(1e-9, precision + recall);
}

static void families(void)
{
    const outcomes *all = parallel_do(sizeof(outcomes), FAMILY_COUNT * AMPLITUDES * SEEDS, judge_job);
    printf("== Our own families: %d series of %d samples a cell, growth in parts of the level. Leaks: found, "
           "median delay in %% of onset to end, ! an alarm before; healthy: false alarms\n%-16s",
           SEEDS, N, "");
    for (size_t a = 0; a < AMPLITUDES; a++)
        printf(" %10s x%-4g", "growth", amplitudes[a]);
    printf("  at x%g:", amplitudes[SHOWN]);
    for (int k = 0; k < BASELINE_COUNT; k++)
        printf(" %10s", baseline_name((enum baseline)k));
    putchar('\n');
    double found[AMPLITUDES + 1] = {0}, wrong[AMPLITUDES + 1] = {0}, leaks = 0, healthy = 0;
    double baseline_found[BASELINE_COUNT] = {0}, baseline_wrong[BASELINE_COUNT] = {0};
    for (int family = 0; family < FAMILY_COUNT; family++) {
        const bool leak = family_leaks((enum family)family);
        leaks += leak ? SEEDS : 0;
        healthy += leak ? 0 : SEEDS;
        printf("%-16s", family_name((enum family)family));
        for (size_t a = 0; a < AMPLITUDES; a++) {
            const struct outcome *cell = (*all)[family][a];
            size_t hits = 0, misses = 0;
            double delay[SEEDS];
            for (size_t s = 0; s < SEEDS; s++) {
                if (cell[s].found)
                    delay[hits++] = cell[s].delay_pct;
                misses += cell[s].false_alarm;
            }
            found[a] += (double)hits;
            wrong[a] += (double)misses;
            if (leak)
                printf(" %3zu %% %4.0f %%%-5s", 100 * hits / SEEDS, median(delay, hits),
                       misses > 0 ? "!" : "");
            else
                printf(" %3zu %% false    ", 100 * misses / SEEDS);
        }
        printf("        ");
        for (int k = 0; k < BASELINE_COUNT; k++) {
            size_t hits = 0, misses = 0;
            for (size_t s = 0; s < SEEDS; s++) {
                hits += (*all)[family][SHOWN][s].baseline_found[k];
                misses += (*all)[family][SHOWN][s].baseline_false[k];
            }
            baseline_found[k] += (double)hits;
            baseline_wrong[k] += (double)misses;
            printf(" %5zu %%%-4s", 100 * (leak ? hits : misses) / SEEDS,
                   leak ? misses > 0 ? " !" : "" : " f");
        }
        putchar('\n');
    }
    printf("%-16s", "F1");
    for (size_t a = 0; a < AMPLITUDES; a++)
        printf(" %10.3f      ", f1(found[a], leaks, wrong[a]));
    printf("        ");
    for (int k = 0; k < BASELINE_COUNT; k++)
        printf(" %10.3f", f1(baseline_found[k], leaks, baseline_wrong[k]));
    printf("\n(%.0f leaks and %.0f healthy series in each column)\n\nWhat it says (growth x%g, seed 1), at "
           "the alarm, else at the end:\n",
           leaks, healthy, amplitudes[SHOWN]);
    for (int family = 0; family < FAMILY_COUNT; family++)
        printf("%-16s %s\n", family_name((enum family)family), (*all)[family][SHOWN][0].reason);
}

/* ---- minutes to exhaustion; leaks that end ---- */

/* A healthy day at 15 s, then a straight rise to the limit in minutes: the absolute guard has to speak. */
static void fast(void)
{
    enum { HEALTHY = 5760, RUNS = 20 };
    static const int minutes[] = {2, 5, 10, 20, 40};
    printf("\nA limit reached in minutes after a healthy day (from half of it, %d runs): alarms before it is "
           "reached, median time left\n",
           RUNS);
    for (size_t k = 0; k < ARRAY_COUNT(minutes); k++) {
        const int rise = minutes[k] * 4;
        double left[RUNS];
        size_t found = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++) {
            struct random random = random_seeded(seed);
            struct detector *detector = detector_for(UNIT_BYTES, 99);
            detector_set_limit(detector,
                               (struct verdict_limit){.value = 2 * GENERATE_LEVEL, .name = "limit"});
            for (int i = 0; i < HEALTHY + rise; i++) {
                const double growth = i > HEALTHY ? (double)(i - HEALTHY) / rise : 0;
                const double v = GENERATE_LEVEL * (1 + growth + 0.01 * random_normal(&random));
                if (detector_push(detector, PERIOD_MS * (int64_t)i, v) == VERDICT_UNBOUNDED) {
                    left[found++] = (HEALTHY + rise - i) * 0.25;
                    break;
                }
            }
            detector_free(detector);
        }
        printf("  in %2d min: %3zu %% told, with %.1f min left\n", minutes[k], 100 * found / RUNS,
               median(left, found));
    }
}

/* A straight leak, found, that ends: how long until the verdict is `bounded` again, and does it stay so? */
static void fixed(void)
{
    enum { ONSET = 500, END = 1100, LENGTH = 2400, RUNS = 20 };
    static const struct {
        const char *what;
        double after;
    } kinds[] = {
        {"stops and stays where it is", 1}, {"half of it is given back", 0.5}, {"all is given back", 0}};
    printf("\nA leak that ends (%d runs): cleared, median time to it in %% of the leak's duration, alarms "
           "after\n",
           RUNS);
    for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
        double took[RUNS];
        size_t cleared = 0, again = 0, raised = 0;
        for (uint64_t seed = 1; seed <= RUNS; seed++) {
            struct random random = random_seeded(100 + seed);
            struct detector *detector = detector_for(UNIT_BYTES, 99);
            enum verdict_state was = VERDICT_LEARNING;
            bool clear = false;
            for (int i = 0; i < LENGTH; i++) {
                const double growth = i < ONSET ? 0
                                      : i < END ? (double)(i - ONSET) / (END - ONSET)
                                                : kinds[k].after;
                const double v = GENERATE_LEVEL * (1 + growth + 0.01 * random_normal(&random));
                const enum verdict_state now = detector_push(detector, PERIOD_MS * (int64_t)i, v);
                raised += now == VERDICT_UNBOUNDED && was != now && i < END;
                again += now == VERDICT_UNBOUNDED && was != now && i >= END;
                if (i >= END && now == VERDICT_BOUNDED && was == VERDICT_UNBOUNDED && !clear) {
                    clear = true;
                    took[cleared++] = 100.0 * (i - END) / (END - ONSET);
                }
                was = now;
            }
            detector_free(detector);
        }
        printf("  %-28s %2zu of %2zu found are cleared, after %3.0f %%; %zu alarms after the end\n",
               kinds[k].what, cleared, raised, median(took, cleared), again);
    }
}

/* ---- forecasts ---- */

/* The limit is where the leak stands at the end of the record, without noise; it is reached when that level
 * first reaches it (teeth and cycles on the leak do so earlier). The verdict is asked at shares of onset to
 * exhaustion. */
static size_t reached_at(enum family family, uint64_t seed, double limit)
{
    size_t i = 0;
    while (i < N - 1 && generate_level(family, seed, 1, (double)i / (N - 1)) < limit * (1 - 1e-9))
        i++;
    return i;
}

static bool forecasts(void)
{
    static const double shares[] = {0.25, 0.5, 0.75};
    enum { SHARES = ARRAY_COUNT(shares) };
    static double pooled[SHARES][FAMILY_COUNT * SEEDS];
    size_t pooled_count[SHARES] = {0}, pooled_covered[SHARES] = {0}, asked = 0;
    printf(
        "\nForecast of the exhaustion (growth x1, 90 %% interval), asked at 25, 50, 75 %% of onset to "
        "exhaustion, of those found by then:\nmedian error in %% of onset to exhaustion, share of intervals "
        "that hold it\n%-16s",
        "");
    for (size_t k = 0; k < SHARES; k++)
        printf("    at %2.0f %%: found   error covered", 100 * shares[k]);
    putchar('\n');
    for (int family = 0; family < FAMILY_COUNT; family++) {
        if (!family_leaks((enum family)family) || family == FAMILY_RESET) /* it never gets there */
            continue;
        printf("%-16s", family_name((enum family)family));
        asked += SEEDS;
        for (size_t k = 0; k < SHARES; k++) {
            size_t count = 0, covered = 0;
            double error[SEEDS];
            for (uint64_t seed = 1; seed <= SEEDS; seed++) {
                static double value[N];
                size_t onset;
                generate_series((enum family)family, seed, 1, value, N, &onset);
                struct detector *detector = detector_for(unit_of((enum family)family), 90);
                const double limit = generate_level((enum family)family, seed, 1, 1);
                detector_set_limit(detector, (struct verdict_limit){.value = limit, .name = "end"});
                const size_t end = reached_at((enum family)family, seed, limit);
                const size_t ask = onset + (size_t)((double)(end - onset) * shares[k]);
                for (size_t i = 0; i <= ask; i++)
                    detector_push(detector, PERIOD_MS * (int64_t)i, value[i]);
                struct verdict verdict;
                detector_verdict(detector, &verdict);
                detector_free(detector);
                if (verdict.state != VERDICT_UNBOUNDED)
                    continue;
                const int64_t truth = PERIOD_MS * (int64_t)end;
                /* "Not foreseeable" counts as wrong, and as far off as can be. */
                error[count] = verdict.exhaustion_ms == INT64_MAX
                                   ? HUGE_VAL
                                   : 100 * fabs((double)(verdict.exhaustion_ms - truth)) /
                                         ((double)PERIOD_MS * (double)(end - onset));
                pooled[k][pooled_count[k]++] = error[count++];
                covered += verdict.exhaustion_early_ms <= truth && truth <= verdict.exhaustion_late_ms;
            }
            pooled_covered[k] += covered;
            printf("    %14zu %% %5.1f %% %5.0f %%", 100 * count / SEEDS, median(error, count),
                   count > 0 ? 100.0 * (double)covered / (double)count : NAN);
        }
        putchar('\n');
    }
    printf("%-16s", "all");
    double error[SHARES], share[SHARES];
    for (size_t k = 0; k < SHARES; k++) {
        error[k] = median(pooled[k], pooled_count[k]);
        share[k] = 100.0 * (double)pooled_covered[k] / (double)pooled_count[k];
        printf("    %14zu %% %5.1f %% %5.0f %%", 100 * pooled_count[k] / asked, error[k], share[k]);
    }
    const bool close = error[1] <= 20, honest = share[0] >= 85 && share[1] >= 85 && share[2] >= 85;
    printf(
        "\n  %-6s forecast: median error of at most 20 %% at half way\n  %-6s forecast: the 90 %% interval "
        "holds the truth in 85 %% at each\n",
        close ? "met" : "MISSED", honest ? "met" : "MISSED");
    return close && honest;
}

/* ---- intervals of the slope ---- */

static bool coverage(void)
{
    enum { POINTS = 200, RUNS = 2000 };
    printf(
        "\nSlope interval on AR(1) noise and a known slope, n = %d, %d runs: share of 95 %% intervals that "
        "hold it\n ",
        POINTS, RUNS);
    static const double phis[] = {0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 0.97};
    bool good = true;
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
        const double share = 100.0 * covered / RUNS;
        printf(" phi %.2f: %.1f %% ", phis[p], share);
        good = good && share >= 90 && share <= 99;
    }
    printf("\n  %-6s slope: the 95 %% interval covers 90 to 99 %%\n", good ? "met" : "MISSED");
    return good;
}

int main(void)
{
    families();
    fast();
    fixed();
    const bool forecast = forecasts(), interval = coverage();
    return forecast && interval ? 0 : 1;
}

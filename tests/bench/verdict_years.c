/* verdict_years - what the service would have said of eight weeks of made-up servers (tests/support/server.h), with the
 * times and minimums of its default settings and the limit known: false alarms a process-year, and leaks that use up
 * the room that is left in one, three and ten days, beneath what each day does. Beside it the rules of baselines.h on
 * the means of quarters of an hour. `make bench-verdict` runs it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "baselines.h"
#include "parallel.h"
#include "server.h"
#include "storewatch/verdict.h"

#define SEEDS 20
#define WEEKS 8
#define SAMPLES ((size_t)(WEEKS * 7 * MS_PER_DAY / SERVER_STEP_MS))
#define QUARTER ((size_t)(15 * MS_PER_MINUTE / SERVER_STEP_MS))
#define HOUR ((size_t)(MS_PER_HOUR / SERVER_STEP_MS))
#define POINTS (SAMPLES / QUARTER)
#define HELD_PCT 85 /* of the ends, by 90 % intervals */
#define LEAK_FROM 4 /* weeks and up to two more */

/* Leaks, of which one without any; those with the load have the rate as a mean of the week, so they may end earlier. */
static const struct rate {
    double days_to_end;
    bool with_load;
} rates[] = {{INFINITY, false}, {1, false}, {3, false}, {10, false}, {3, true}, {10, true}};
#define RATES ARRAY_COUNT(rates)

struct outcome {
    size_t samples, false_alarms; /* before a leak */
    bool told;                    /* before its end, */
    bool stays;                   /* and then, too */
    size_t tellings;              /* of the leak */
    double used;                  /* of the room that was left when the leak began, when it was told */
    struct foresight {
        double error;      /* of the end that was foreseen, in what was left of the time */
        bool held;         /* by the interval of that */
    } when_told, half_way; /* and when half of the time was gone that was left when it was told */
    size_t baseline_false[BASELINE_COUNT];
    bool baseline_told[BASELINE_COUNT];
};
typedef struct outcome outcomes[SERVER_KINDS][RATES][SEEDS];

struct record {
    double time[POINTS], value[POINTS]; /* for the baselines: s */
    size_t count;
};

/* What was foreseen of the end, at most each hour. */
struct outlook {
    int64_t at_ms, early_ms, end_ms, late_ms;
};

static struct outlook outlook_now(const struct detector *detector)
{
    struct verdict v;
    detector_verdict(detector, &v);
    return (struct outlook){v.at_ms, v.exhaustion_early_ms, v.exhaustion_ms, v.exhaustion_late_ms};
}

static struct foresight foresight_of(const struct outlook *outlook, int64_t end_ms)
{
    const double left_ms = (double)(end_ms - outlook->at_ms);
    return (struct foresight){.error = fabs((double)(outlook->end_ms - end_ms) / left_ms),
                              .held = outlook->early_ms <= end_ms && end_ms <= outlook->late_ms};
}

/* Of handles the limit is so far that programs fail long before it. */
static double end_of(enum server_kind kind)
{
    return kind == SERVER_COUNT ? 100e3 : server_limit(kind);
}

static void baselines_judge(enum server_kind kind, const struct record *record, double leak_s,
                            struct outcome *out)
{
    for (int k = 0; k < BASELINE_COUNT; k++) {
        double at[BASELINE_ALARMS_MAX];
        const size_t raised =
            baseline_alarms((enum baseline)k, record->time, record->value, record->count, end_of(kind), at);
        for (size_t i = 0; i < raised; i++) {
            out->baseline_told[k] |= at[i] >= leak_s;
            out->baseline_false[k] += at[i] < leak_s;
        }
    }
}

static void judge(enum server_kind kind, const struct rate *rate, uint64_t seed, struct outcome *out)
{
    static struct record record;
    static struct outlook outlooks[SAMPLES / HOUR + 1];
    size_t outlook_count = 0;
    struct server server;
    struct verdict_settings settings = server_settings(kind);
    struct detector *detector = server_detector(kind, &settings);
    enum verdict_state was = VERDICT_LEARNING;
    server_begin(&server, kind, seed);
    const size_t leak_at = (LEAK_FROM * 7 + seed * 37 % 14) * (SAMPLES / (WEEKS * 7));
    double sum = 0, level = 0, end = INFINITY, per_hour = 0;
    size_t i = 0;
    record.count = 0;
    for (; i < SAMPLES; i++) {
        bool born;
        const bool leaks = isfinite(rate->days_to_end) && i >= leak_at;
        if (leaks && i == leak_at) {
            end = end_of(kind);
            per_hour = (end - level) / (rate->days_to_end * 24);
            server_leak(&server, per_hour, rate->with_load);
            server.lives_hours = INFINITY; /* whoever restarts it in time has no need of us */
        }
        level = server_next(&server, &born);
        if (leaks && level >= end)
            break;
        if (born) {
            detector_learned(detector, &settings);
            detector_free(detector);
            detector = server_detector(kind, &settings);
            was = VERDICT_LEARNING;
        }
        const enum verdict_state now = detector_push(detector, (int64_t)i * SERVER_STEP_MS, level);
        const bool alarm = now == VERDICT_UNBOUNDED && now != was;
        was = now;
        out->samples += !leaks;
        out->false_alarms += alarm && !leaks;
        out->tellings += alarm && leaks;
        out->stays = now == VERDICT_UNBOUNDED;
        if (alarm && leaks && !out->told) {
            out->told = true;
            outlooks[outlook_count++] = outlook_now(detector);
            out->used = server.leaked / (per_hour * rate->days_to_end * 24);
        } else if (out->told && out->stays && i % HOUR == 0)
            outlooks[outlook_count++] = outlook_now(detector);
        sum += level;
        if ((i + 1) % QUARTER == 0) {
            record.time[record.count] = (double)i * SERVER_STEP_MS / 1000;
            record.value[record.count++] = sum / (double)QUARTER;
            sum = 0;
        }
    }
    detector_free(detector);
    if (out->told) {
        const int64_t end_ms = (int64_t)i * SERVER_STEP_MS;
        size_t half = 0;
        while (half + 1 < outlook_count && outlooks[half].at_ms < (outlooks[0].at_ms + end_ms) / 2)
            half++;
        out->when_told = foresight_of(&outlooks[0], end_ms);
        out->half_way = foresight_of(&outlooks[half], end_ms);
    }
    const double leak_s = isfinite(rate->days_to_end) ? (double)leak_at * SERVER_STEP_MS / 1000 : INFINITY;
    baselines_judge(kind, &record, leak_s, out);
}

static void judge_job(void *shared, size_t job)
{
    outcomes *all = shared;
    const size_t kind = job / (RATES * SEEDS), rate = job / SEEDS % RATES, seed = job % SEEDS;
    judge((enum server_kind)kind, &rates[rate], seed + 1, &(*all)[kind][rate][seed]);
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of the leaks that were told. */
struct foresights {
    double errors[SERVER_KINDS * RATES * SEEDS]; /* % */
    size_t count, held;
};

static void foresights_add(struct foresights *all, const struct foresight *one)
{
    all->errors[all->count++] = 100 * one->error;
    all->held += one->held;
}

static double foresights_median(struct foresights *all)
{
    qsort(all->errors, all->count, sizeof *all->errors, compare);
    return all->count > 0 ? all->errors[all->count / 2] : NAN;
}

/* Returns how many were told. */
static size_t show_leaks(enum server_kind kind, const struct outcome seeds[SEEDS], const struct rate *rate)
{
    static struct foresights ends;
    double used[SEEDS];
    size_t told = 0, stay = 0, tellings = 0, baseline[BASELINE_COUNT] = {0};
    ends.count = ends.held = 0;
    for (size_t i = 0; i < SEEDS; i++) {
        stay += seeds[i].told && seeds[i].stays;
        tellings += seeds[i].tellings;
        if (seeds[i].told) {
            foresights_add(&ends, &seeds[i].when_told);
            used[told++] = 100 * seeds[i].used;
        }
        for (int k = 0; k < BASELINE_COUNT; k++)
            baseline[k] += seeds[i].baseline_told[k];
    }
    qsort(used, told, sizeof *used, compare);
    printf("    leak that ends in %2.0f d%s: told %2zu of %d, at its end %zu, %zu times", rate->days_to_end,
           rate->with_load ? " with the load" : "", told, SEEDS, stay, tellings);
    if (told > 0)
        printf(", when %2.0f %% of the room was used (9 of 10: %2.0f %%)", used[told / 2],
               used[told * 9 / 10]);
    if (told > 0 && kind != SERVER_COUNT) /* (that ends before its limit) */
        printf("; the end was foreseen within %.0f %%, the interval held it in %zu", foresights_median(&ends),
               ends.held);
    printf("  ");
    for (int k = 0; k < BASELINE_COUNT; k++)
        printf("  %s %zu", baseline_name((enum baseline)k), baseline[k]);
    printf("\n");
    return told;
}

/* The ends of all leaks at an even rate, or of those with the load. Returns whether the intervals hold what they should. */
static bool show_foresight(const outcomes *all, bool with_load)
{
    static struct foresights when_told, half_way;
    when_told.count = when_told.held = half_way.count = half_way.held = 0;
    for (int kind = 0; kind < SERVER_KINDS; kind++)
        for (size_t r = 1; r < RATES; r++)
            for (size_t i = 0; i < SEEDS; i++) {
                const struct outcome *o = &(*all)[kind][r][i];
                if (!o->told || kind == SERVER_COUNT || rates[r].with_load != with_load)
                    continue;
                foresights_add(&when_told, &o->when_told);
                foresights_add(&half_way, &o->half_way);
            }
    printf("  the end of leaks %s: when told, foreseen within %.0f %%, held by the 90 %% interval in %zu of "
           "%zu; half "
           "way from there within %.0f %%, in %zu\n",
           with_load ? "with the load" : "at an even rate", foresights_median(&when_told), when_told.held,
           when_told.count, foresights_median(&half_way), half_way.held);
    const size_t least = (HELD_PCT * when_told.count + 99) / 100;
    return when_told.held >= least && half_way.held >= least;
}

static int goal(bool met, const char *text)
{
    printf("  goal %s: %s\n", met ? "met" : "MISSED", text);
    return met ? 0 : 1;
}

int main(void)
{
    const outcomes *all = parallel_do(sizeof(outcomes), SERVER_KINDS * RATES * SEEDS, judge_job);
    const double year = 365.25 * (double)MS_PER_DAY / SERVER_STEP_MS;
    printf("Eight weeks of made-up servers, the service's default settings, %d seeds each. False alarms a "
           "process-year are of "
           "all weeks without a leak.\n",
           SEEDS);
    double years = 0, alarms = 0;
    size_t told = 0;
    for (int kind = 0; kind < SERVER_KINDS; kind++) {
        double seen = 0, raised = 0, baseline[BASELINE_COUNT] = {0};
        for (size_t r = 0; r < RATES; r++)
            for (size_t i = 0; i < SEEDS; i++) {
                const struct outcome *o = &(*all)[kind][r][i];
                seen += (double)o->samples / year;
                raised += (double)o->false_alarms;
                for (int k = 0; k < BASELINE_COUNT; k++)
                    baseline[k] += (double)o->baseline_false[k];
            }
        years += seen;
        alarms += raised;
        printf("  %s\n    false alarms a year: %.2f (%.0f in %.1f years)  ",
               server_text((enum server_kind)kind), raised / seen, raised, seen);
        for (int k = 0; k < BASELINE_COUNT; k++)
            printf("  %s %.1f", baseline_name((enum baseline)k), baseline[k] / seen);
        printf("\n");
        for (size_t r = 1; r < RATES; r++)
            told += show_leaks((enum server_kind)kind, (*all)[kind][r], &rates[r]);
    }
    const size_t leaks = SERVER_KINDS * (RATES - 1) * SEEDS;
    printf("  in all: %.2f false alarms a process-year; told before their end: %zu of %zu leaks\n",
           alarms / years, told, leaks);
    const bool even_held = show_foresight(all, false), load_held = show_foresight(all, true);
    return goal(alarms / years <= 1, "at most one false alarm a process-year") |
           goal(20 * told >= 19 * leaks, "19 leaks of 20 told before their end") |
           goal(even_held && load_held, "the 90 % interval holds 85 % of the ends of each, at both times");
}

/* baselines.c - see baselines.h. */
#include "baselines.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/trend.h"

#define EVALUATIONS 100
#define SAMPLES_MIN 30
#define IN_A_ROW 3
#define BINS 200
#define HORIZON 7 /* times the time seen */
#define PREDICT_SAMPLES 60
#define PREDICT_AHEAD 240

const char *baseline_name(enum baseline baseline)
{
    static const char *const names[] = {
#define BASELINE_NAME(name, text) text,
        BASELINE_LIST(BASELINE_NAME)
#undef BASELINE_NAME
    };
    return baseline < BASELINE_COUNT ? names[baseline] : "?";
}

static double mean_of(const double *value, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += value[i];
    return sum / (double)n;
}

static double median_of(const double *value, size_t n)
{
    double *copy = malloc(n * sizeof *copy);
    if (copy == NULL)
        abort();
    memcpy(copy, value, n * sizeof *copy);
    const double median = trend_median(copy, n);
    free(copy);
    return median;
}

struct line {
    double rate, end, r2;
};

static struct line line_through(const double *time, const double *value, size_t n)
{
    const double mean_t = mean_of(time, n), mean_v = mean_of(value, n);
    double tt = 0, tv = 0, vv = 0, rest = 0;
    for (size_t i = 0; i < n; i++) {
        const double t = time[i] - mean_t, v = value[i] - mean_v;
        tt += t * t;
        tv += t * v;
        vv += v * v;
    }
    if (!(tt > 0))
        return (struct line){0, mean_v, 0};
    const double rate = tv / tt;
    for (size_t i = 0; i < n; i++) {
        const double r = value[i] - mean_v - rate * (time[i] - mean_t);
        rest += r * r;
    }
    return (struct line){rate, mean_v + rate * (time[n - 1] - mean_t), vv > 0 ? 1 - rest / vv : 0};
}

/* At most BINS points: means of the times, medians of the values. */
static size_t binned(const double *time, const double *value, size_t n, double *out_t, double *out_v)
{
    if (n <= BINS) {
        memcpy(out_t, time, n * sizeof *time);
        memcpy(out_v, value, n * sizeof *value);
        return n;
    }
    for (size_t i = 0; i < BINS; i++) {
        const size_t a = (size_t)((double)i * ((double)n / BINS));
        const size_t b = i + 1 == BINS ? n : (size_t)((double)(i + 1) * ((double)n / BINS));
        out_t[i] = mean_of(time + a, b - a);
        out_v[i] = median_of(value + a, b - a);
    }
    return BINS;
}

/* The rank of each value; equal ones by place. */
static void ranks_of(const double *value, size_t n, double *out_rank)
{
    for (size_t i = 0; i < n; i++) {
        size_t rank = 0;
        for (size_t j = 0; j < n; j++)
            rank += value[j] < value[i] || (j < i && !(value[i] < value[j]));
        out_rank[i] = (double)rank;
    }
}

static bool mann_kendall_sen(const double *t, const double *v, size_t n, double limit, double seen)
{
    static double slope[BINS * (BINS - 1) / 2];
    double s = 0, rank[BINS] = {0}, rest[BINS];
    size_t pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            s += (v[j] > v[i]) - (v[j] < v[i]);
    const double m = (double)n, plain = m * (m - 1) * (2 * m + 5) / 18;
    if (s <= 0 || (s - 1) / sqrt(plain) <= 2.326) /* the correction only widens */
        return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            slope[pairs++] = (v[j] - v[i]) / (t[j] - t[i]);
    const double rate = trend_median(slope, pairs);
    for (size_t i = 0; i < n; i++)
        rest[i] = v[i] - rate * t[i];
    ranks_of(rest, n, rank);
    double square = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        rank[i] -= (m - 1) / 2;
        square += rank[i] * rank[i];
    }
    for (size_t lag = 1; lag < n / 2; lag++) {
        double cross = 0;
        for (size_t i = lag; i < n; i++)
            cross += rank[i - lag] * rank[i];
        const double k = (double)lag, correlation = cross / square;
        if (fabs(correlation) > 1.645 / sqrt(m))
            sum += (m - k) * (m - k - 1) * (m - k - 2) * correlation;
    }
    const double inflation = fmax(1, 1 + 2 / (m * (m - 1) * (m - 2)) * sum);
    const double level = median_of(v + n - 5, 5);
    return (s - 1) / sqrt(plain * inflation) > 2.326 && rate > 0 && (limit - level) / rate < HORIZON * seen;
}

static bool backward_regression(const double *t, const double *v, size_t n, double limit, double seen)
{
    const size_t tenth = n / 10;
    const double most = (double)n, least = (double)(tenth > 20 ? tenth : 20);
    for (int k = 0; k < 15; k++) {
        const size_t w = k == 14 ? (size_t)least : (size_t)(most + k * ((least - most) / 14));
        const struct line line = line_through(t + n - w, v + n - w, w);
        if (line.r2 > 0.8 && line.rate > 0 && (limit - line.end) / line.rate < HORIZON * seen)
            return true;
    }
    return false;
}

static bool is_raised(enum baseline baseline, const double *time, const double *value, size_t n, double limit)
{
    if (baseline == BASELINE_STATIC)
        return value[n - 1] >= 0.9 * limit;
    if (baseline == BASELINE_PREDICT) {
        const size_t w = n < PREDICT_SAMPLES ? n : PREDICT_SAMPLES;
        double step[PREDICT_SAMPLES];
        for (size_t i = 1; i < w; i++)
            step[i - 1] = time[n - w + i] - time[n - w + i - 1];
        const struct line line = line_through(time + n - w, value + n - w, w);
        return line.rate > 0 && line.end + line.rate * PREDICT_AHEAD * trend_median(step, w - 1) > limit;
    }
    double t[BINS], v[BINS];
    const double seen = time[n - 1] - time[0];
    const size_t bins = binned(time, value, n, t, v);
    return baseline == BASELINE_MKSEN ? mann_kendall_sen(t, v, bins, limit, seen)
                                      : backward_regression(t, v, bins, limit, seen);
}

size_t baseline_alarms(enum baseline baseline, const double *time, const double *value, size_t n,
                       double limit, double out_alarms[BASELINE_ALARMS_MAX])
{
    if (n < SAMPLES_MIN)
        return 0;
    if (isnan(limit))
        limit = 2 * median_of(value, n >= 10 ? n / 10 : 1);
    size_t alarms = 0, last = 0;
    int on = 0, off = 0;
    bool armed = true;
    const double step = (double)(n - SAMPLES_MIN) / (EVALUATIONS - 1);
    for (int k = 0; k < EVALUATIONS; k++) {
        const size_t end = k == EVALUATIONS - 1 ? n : (size_t)(k * step + SAMPLES_MIN);
        if (end == last)
            continue;
        last = end;
        if (is_raised(baseline, time, value, end, limit)) {
            on++;
            off = 0;
            if (on >= IN_A_ROW && armed) {
                out_alarms[alarms++] = time[end - 1];
                armed = false;
            }
        } else {
            on = 0;
            off++;
            armed = armed || off >= IN_A_ROW;
        }
    }
    return alarms;
}

/* verdict_views.c - a window in blocks, and the ways to look at them: plain, without excursions, without its
 * cycle. */
#include "verdict_internal.h"

#include <string.h>

/* Growth that excursions interrupt is judged on the line that most of it lies on. */
#define LINE_DISTANCE 4 /* an excursion is farther from it than 4 sigma, */
#define LINE_KEPT 0.7   /* and at least this share is none; half of each third, half of the latest */

#define PERIOD_LIKENESS 0.6 /* autocorrelation one period apart */
#define PERIODS_MIN 5       /* seen, for a cycle to be known: three alike are chance often enough */

size_t judge_blocks(const struct detector *d, const struct series_bucket *point, size_t count,
                    int64_t from_ms, struct block block[BLOCKS_MAX])
{
    if (count == 0)
        return 0;
    const size_t group = (count + BLOCKS_MAX - 1) / BLOCKS_MAX;
    const size_t wanted = count / group;
    const double span = (double)(d->last_ms - from_ms) + 1;
    size_t number[SERIES_RING]; /* of the block that the point is in */
    for (size_t i = 0; i < count; i++)
        number[i] = point[i].t_ms < from_ms /* the first bucket may have begun before */
                        ? 0
                        : (size_t)((double)(point[i].t_ms - from_ms) / span * (double)wanted);
    size_t made = 0, i = 0;
    while (i < count) {
        const size_t which = number[i];
        double middle[SERIES_RING], t = 0, floor = point[i].low;
        size_t n = 0;
        while (i < count && number[i] == which) {
            middle[n++] = point[i].mean;
            t += detector_seconds(d, point[i].t_ms);
            if (point[i].low < floor)
                floor = point[i].low;
            i++;
        }
        if (made < BLOCKS_MAX)
            block[made++] =
                (struct block){.t = t / (double)n, .middle = trend_median(middle, n), .floor = floor};
    }
    return made;
}

void view_make(const struct block *block, size_t n, size_t group, struct view *view)
{
    view->n = 0;
    view->floors = group > 1;
    for (size_t i = 0; i < n; i += group) {
        const size_t end = i + group < n ? i + group : n;
        double t = 0, middle = 0, floor = block[i].floor;
        for (size_t j = i; j < end; j++) {
            t += block[j].t / (double)(end - i);
            middle += block[j].middle / (double)(end - i);
            floor = block[j].floor < floor ? block[j].floor : floor;
        }
        view->t[view->n] = t;
        view->value[view->n] = group == 1 ? middle : floor;
        view->other[view->n++] = group == 1 ? floor : middle;
    }
}

void view_floors(const struct block *block, size_t n, struct view *view)
{
    view->n = n;
    view->floors = true;
    for (size_t i = 0; i < n; i++) {
        view->t[i] = block[i].t;
        view->value[i] = block[i].floor;
        view->other[i] = block[i].middle;
    }
}

static double mean_of(const double *value, size_t n)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += value[i] / (double)n;
    return mean;
}

double values_squares(const double *value, size_t n)
{
    const double mean = mean_of(value, n);
    double total = 0;
    for (size_t i = 0; i < n; i++)
        total += (value[i] - mean) * (value[i] - mean);
    return total;
}

double values_width(double *value, size_t n, size_t tail)
{
    return trend_rank(value, n, n - 1 - tail) - trend_rank(value, n, tail);
}

void values_range(double *value, size_t n, double *out_middle, double *out_high)
{
    *out_high = n > 0 ? trend_rank(value, n, n - 1 - n / 20) : NAN;
    *out_middle = n > 0 ? trend_rank(value, n, n / 2) : NAN;
}

void values_products(const double *time, const double *value, size_t n, double *tt, double *tv)
{
    const double mean_t = mean_of(time, n), mean_v = mean_of(value, n);
    for (size_t i = 0; i < n; i++) {
        *tt += (time[i] - mean_t) * (time[i] - mean_t);
        *tv += (time[i] - mean_t) * (value[i] - mean_v);
    }
}

size_t values_period(const double *v, size_t n, size_t lag_max)
{
    const double mean = mean_of(v, n), total = values_squares(v, n);
    double best = PERIOD_LIKENESS;
    size_t period = 0;
    for (size_t lag = 3; lag <= lag_max; lag++) {
        double cross = 0, between = 0;
        for (size_t i = lag; i < n; i++)
            cross += (v[i] - mean) * (v[i - lag] - mean);
        for (size_t i = lag; i < n; i++)
            between += (v[i] - mean) * (v[i - lag / 2] - mean);
        cross *= (double)n / (double)(n - lag);
        if (between < 0.2 * total && cross > best * total) {
            best = cross / total;
            period = lag;
        }
    }
    return period;
}

bool view_on_line(const struct view *view, size_t s, struct view *out)
{
    double slope[BLOCKS_MAX * BLOCKS_MAX / 8], rest[BLOCKS_MAX], copy[BLOCKS_MAX];
    const size_t m = view->n - s;
    const double *t = view->t + s, *v = view->value + s;
    size_t pairs = 0, rising = 0;
    for (size_t i = 0; i < m; i += 2)
        for (size_t j = i + 2; j < m; j += 2) {
            slope[pairs] = (v[j] - v[i]) / (t[j] - t[i]);
            rising += slope[pairs++] > 0;
        }
    if (pairs == 0 || 2 * rising < pairs) /* most do not rise: the median neither */
        return false;
    const double rate = trend_median(slope, pairs);
    if (!(rate > 0))
        return false;
    for (size_t i = 0; i < m; i++)
        copy[i] = rest[i] = v[i] - rate * t[i];
    const double origin = trend_median(copy, m);
    for (size_t i = 0; i < m; i++)
        copy[i] = fabs(rest[i] - origin);
    const double bound = LINE_DISTANCE * 1.4826 * trend_median(copy, m);
    size_t kept[3] = {0}, recent = 0;
    size_t last = m, count = 0;
    *out = (struct view){.floors = view->floors, .n = m};
    memcpy(out->t, t, m * sizeof *t);
    for (size_t i = 0; i < m; i++) {
        if (fabs(rest[i] - origin) > bound)
            continue;
        kept[i * 3 / m]++;
        count++;
        recent += i + m / 8 >= m;
        out->value[i] = v[i];
        out->other[i] = view->other[s + i];
        for (size_t j = last == m ? 0 : last + 1; j < i; j++) { /* between what was kept: straight */
            const double part = last == m ? 1 : (t[j] - t[last]) / (t[i] - t[last]);
            const size_t from = last == m ? i : last;
            out->value[j] = out->value[from] + part * (v[i] - out->value[from]);
            out->other[j] = out->other[from] + part * (out->other[i] - out->other[from]);
        }
        last = i;
    }
    for (size_t j = last + 1; last < m && j < m; j++) {
        out->value[j] = out->value[last];
        out->other[j] = out->other[last];
    }
    if ((double)count < LINE_KEPT * (double)m || 2 * recent < m / 8)
        return false;
    for (size_t k = 0; k < 3; k++)
        if (6 * kept[k] < m)
            return false;
    return true;
}

bool view_without_cycle(const struct view *fine, struct view *out, double *out_swing)
{
    const size_t n = fine->n;
    const double mean_t = mean_of(fine->t, n), mean_v = mean_of(fine->value, n);
    double tt = 0, tv = 0, rest[BLOCKS_MAX];
    values_products(fine->t, fine->value, n, &tt, &tv);
    for (size_t i = 0; i < n; i++)
        rest[i] = fine->value[i] - mean_v - tv / tt * (fine->t[i] - mean_t);
    const size_t period = values_period(rest, n, n / PERIODS_MIN);
    if (period == 0)
        return false;
    *out_swing = trend_rank(rest, n, n - 1 - n / 10) - trend_rank(rest, n, n / 10);
    *out = (struct view){.n = n - period + 1};
    for (size_t i = 0; i < out->n; i++) {
        out->other[i] = fine->other[i];
        for (size_t j = i; j < i + period; j++) {
            out->t[i] += fine->t[j] / (double)period;
            out->value[i] += fine->value[j] / (double)period;
            out->other[i] = fmin(out->other[i], fine->other[j]);
        }
    }
    return true;
}

/* verdict_clauses.c - is what a window shows growth without bound? The chain of clauses that verdict.c tells
 * of, each with its argument. */
#include "verdict_internal.h"

#include <string.h>

/* ---- constants of the judgement: each with its argument ---- */

#define VIEWS 2 /* medians; floors of pairs of blocks */

/* Clause 1. A rise that comes back (a wave, a busy spell) has a flank of a quarter of its period: seen for
 * half of the life it is the trend of that life. A leak that begins late is told when it has become half of
 * what there is, or as soon as it is urgent. (With each source of the recordings left out in turn, the others
 * choose a little more than half.) */
#define CONFIRM_LIFE 0.50
#define CONFIRM_FIRST 0.2 /* from here on it may be confirming */
/* Growth in the first eighth of the life is perhaps a warm-up; without a min_window the number of samples is
 * the only measure of what "long" is for this program: people sample so that a warm-up shows as some hundred
 * samples. */
#define BIRTH_SHARE 0.125
#define BIRTH_SAMPLES 400
#define LIFE_SAMPLES 250  /* growth from a level that was held before needs less, */
#define URGENT_SAMPLES 90 /* urgent growth still less, */
#define HELD_SAMPLES 36   /* if that level was held for so many samples */

/* Clause 2. */
#define LEVEL_SHARE 0.01 /* of the level: less would need 100 times the time seen to double it */
#define SCATTER_FACTOR                                                                                       \
    2.2               /* growth against the 10-90 % range of the residuals (2.56 sigma): 5.6 sigma, and ... */
#define EVIDENCE 3000 /* ... factor times samples: an effect seen in few samples has to be plainer */
#define RANGE_FACTOR                                                                                         \
    0.5 /* new territory: above the 95 % level before the onset by half the width of that range */
#define GAP_SHARE 0.3 /* floors: growth against the usual distance of the medians from the floor */

/* Clause 3; of a straight line the first and the last two fifths are 0.4, the last sixth is 0.17 of the
 * growth. */
#define FIRST_SHARE 0.15 /* the first two fifths: exp() over 2.5 time constants has 0.154 */
#define LAST_SHARE 0.25  /* the last two fifths, */
#define LAST_PART 0.7    /* and against the first two */
#define END_SHARE 0.09   /* the last sixth: half of straight */
#define PART_NOISE 0.1   /* tolerances of the parts, in scatter */
#define RECENT 0.6       /* the last quarter of the active phase, of its straight share */

/* Clauses 4 to 6. */
#define PRIOR_RATE 0.6 /* a rate of more than this before the onset is the same growth */
#define OTHER_SHARE 0.4
#define STAIRS_JUMPS TREND_STAIRS_JUMPS_MAX
#define STAIRS_WITHIN 0.5 /* steps that explain more: unless half of the growth is within them, */
#define STAIRS_SURE 0.2   /* and in any case when hardly any is */
#define AICC_MARGIN 2     /* a bent curve has to explain the growth better than a straight line by this */

/* Growth that excursions interrupt is judged on the line that most of it lies on. */
#define LINE_DISTANCE 4   /* an excursion is farther from it than 4 sigma, */
#define LINE_KEPT 0.7     /* and at least this share is none; half of each third, half of the latest */
#define LINE_LIFE 0.6     /* it has gone on for this share of the life, */
#define LINE_SAMPLES 1000 /* which has this many samples: what looks away has to look longer, */
#define LINE_LEVEL 0.05   /* and it is this large against the level */

/* What is urgent has to be unmistakable. */
#define STRICT_PART 0.8   /* each sixth within 20 % of straight */
#define STRICT_SCATTER 40 /* growth against scatter */
#define STRICT_PRIOR 0.25 /* a sharp onset: the flank of a hump has none */
#define STRICT_RANGE 3    /* growth against the range before */

/* Shapes, and cycles. */
#define SETTLED_FACTOR 4    /* rise before, over the 10-90 % range since */
#define PERIOD_LIKENESS 0.6 /* autocorrelation one period apart */
#define PERIODS_MIN 3       /* seen, for a cycle to be known */
#define STAIRS_LEAVE 0.25   /* of what a line leaves: with less, the steps explain all there is */
#define SWING_SHARE 0.6     /* growth against the swing of the cycle */

/* Cuts the points into at most BLOCKS_MAX blocks of equal duration; empty ones are left out. */
size_t judge_blocks(const struct detector *d, const struct series_sample *point, size_t count,
                    int64_t from_ms, struct block block[BLOCKS_MAX])
{
    if (count == 0)
        return 0;
    const size_t group = (count + BLOCKS_MAX - 1) / BLOCKS_MAX;
    const size_t wanted = count / group;
    const double span = (double)(d->last_ms - from_ms) + 1;
    size_t made = 0, i = 0;
    while (i < count) {
        const size_t which = (size_t)((double)(point[i].t_ms - from_ms) / span * (double)wanted);
        double middle[SERIES_RING], t = 0, floor = point[i].low;
        size_t n = 0;
        while (i < count && (size_t)((double)(point[i].t_ms - from_ms) / span * (double)wanted) == which) {
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

/* One way to look at the blocks: their medians, or the floors of pairs of them. */
struct view {
    bool floors;
    size_t n;
    double t[BLOCKS_MAX], value[BLOCKS_MAX], other[BLOCKS_MAX];
};

static void view_make(const struct block *block, size_t n, size_t group, struct view *view)
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

static double median_of(const double *value, size_t from, size_t to)
{
    double v[BLOCKS_MAX];
    memcpy(v, value + from, (to - from) * sizeof *v);
    return trend_median(v, to - from);
}

/* Medians of the six sixths of values s..n. */
static void sixths(const double *value, size_t s, size_t n, double e[6])
{
    for (size_t k = 0; k < 6; k++) {
        const size_t from = s + (n - s) * k / 6;
        size_t to = s + (n - s) * (k + 1) / 6;
        if (to == from)
            to = from + 1;
        e[k] = median_of(value, from, to);
    }
}

/* Rise of the floor from the first third to the last, scaled to the whole: of each third the second lowest
 * block, so that one dip does not count, and a whole tooth of a saw that shows at all fits in. */
static double floor_growth(const double *floor, size_t s, size_t n)
{
    double level[2];
    for (size_t k = 0; k < 2; k++) {
        const size_t from = s + (n - s) * 2 * k / 3, count = (n - s) / 3;
        double v[BLOCKS_MAX];
        memcpy(v, floor + from, count * sizeof *v);
        level[k] = trend_rank(v, count, count > 2 ? 1 : 0);
    }
    return (level[1] - level[0]) * 1.5;
}

/* Growth per second over `reach` seconds before block s: the median of the rises over a quarter of that time,
 * so that a step within it does not count as growth. Minus infinity when too little is known. */
static double rate_before(const double *t, const double *v, size_t s, double reach)
{
    size_t p = s;
    while (p > 0 && t[p - 1] >= t[s] - reach)
        p--;
    const size_t lag = (s - p + 3) / 4;
    double rate[BLOCKS_MAX];
    size_t n = 0;
    for (size_t i = p; i + lag < s; i++)
        rate[n++] = (v[i + lag] - v[i]) / (t[i + lag] - t[i]);
    return n > 0 ? trend_median(rate, n) : -HUGE_VAL;
}

/* 10-90 % range (for normal residuals) about the straight line, or about the parabola when that is convex:
 * growth that accelerates is not scatter, growth that slows down is. From the 20-80 % range: a fifth may be
 * excursions. */
static double scatter_about_curve(const double *time, const double *value, size_t n)
{
    struct trend_parabola curve;
    trend_parabola(time, value, n, &curve);
    const double bend = curve.bend > 0 ? curve.bend : 0;
    const double slope = curve.bend > 0 ? curve.slope : curve.line_slope;
    double residual[BLOCKS_MAX];
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - curve.middle) / curve.half;
        residual[i] = value[i] - value[0] - slope * x - bend * x * x;
    }
    return 1.5 * (trend_rank(residual, n, n - 1 - n / 5) - trend_rank(residual, n, n / 5));
}

/* The later half of the growth bends down (a parabola explains it better than a line does), and has come down
 * to less than the average rate of the whole: what turns around slows down first. */
static bool bends_down(const double *time, const double *value, size_t n, double growth)
{
    const size_t half = n / 2, m = n - half;
    struct trend_parabola curve;
    trend_parabola(time + half, value + half, m, &curve);
    if ((curve.slope + 2 * curve.bend) / curve.half >= growth / (time[n - 1] - time[0]))
        return false;
    const double least = 1e-6 * growth * growth;
    return trend_aicc(curve.residue, least, m, 4) <
           trend_aicc(trend_line_residue(time + half, value + half, m), least, m, 3) - AICC_MARGIN;
}

/* At most three steps explain the values from block s on: they do so better than a straight line does, and
 * between the steps the level keeps. (Growth that excursions chop into pieces looks like stairs too, but each
 * piece of it grows.) */
static bool stairs_explain(const struct view *fine, bool floors, size_t s, double growth)
{
    const size_t m = fine->n - s, jumps = STAIRS_JUMPS;
    if (m <= 2 * jumps + 4)
        return false;
    const double *value = (floors ? fine->other : fine->value) + s, *t = fine->t + s;
    const double least = 1e-6 * growth * growth;
    size_t at[TREND_STAIRS_JUMPS_MAX];
    const double line = trend_aicc(trend_line_residue(t, value, m), least, m, 3);
    const double stairs = trend_aicc(trend_stairs_residue(value, m, jumps, at), least, m, 2 * jumps + 2);
    double tt = 0, tv = 0;
    for (size_t k = 0; k <= jumps; k++) {
        const size_t from = k == 0 ? 0 : at[k - 1], to = k == jumps ? m : at[k];
        double mean_t = 0, mean_v = 0;
        for (size_t i = from; i < to; i++) {
            mean_t += t[i] / (double)(to - from);
            mean_v += value[i] / (double)(to - from);
        }
        for (size_t i = from; i < to; i++) {
            tt += (t[i] - mean_t) * (t[i] - mean_t);
            tv += (t[i] - mean_t) * (value[i] - mean_v);
        }
    }
    const double within = tt > 0 ? tv / tt * (t[m - 1] - t[0]) / growth : 0;
    return within < STAIRS_SURE || (stairs < line && within < STAIRS_WITHIN);
}

static enum clause onset_test(const struct detector *d, const struct context *context,
                              const struct view *view, size_t s, struct finding *f)
{
    const size_t n = view->n, m = n - s;
    const double *t = view->t, *v = view->value;
    const double life = context->life_s;
    const double duration = t[n - 1] - t[s];
    const double before = t[s] - t[0] + context->window_begin_s; /* of the life, without growth */
    double e[6];
    e[0] = median_of(v, s, s + m / 6);
    e[5] = median_of(v, s + m * 5 / 6, n);
    const double growth = (e[5] - e[0]) * 1.2;
    f->onset_ms = d->series.origin_ms + (int64_t)(t[s] * 1000);
    f->onset_level = e[0] - growth * 0.1;
    f->growth = growth;
    f->level = e[5] + growth * 0.1;
    f->plateau = NAN;
    if (!(growth > 0))
        return CLAUSE_FLAT;
    if (growth < LEVEL_SHARE * fabs(e[0]))
        return CLAUSE_LEVEL;
    const double headroom = isnan(d->limit.value) ? fabs(f->onset_level) : d->limit.value - f->onset_level;
    bool strict = headroom > 0 && growth >= CONFIRM_HEADROOM * headroom;
    if (context->short_window && !strict)
        return CLAUSE_TIME;
    sixths(v, s, n, e);
    /* Clause 3. Of a straight line the first and the last two fifths are each 0.4. */
    const double scatter = scatter_about_curve(t + s, v + s, m), noise = PART_NOISE * scatter;
    const double first = e[2] - e[0], middle = e[3] - e[2], last = e[5] - e[3];
    if (first < FIRST_SHARE * growth || last < LAST_SHARE * growth || middle < -0.05 * growth - noise ||
        last < LAST_PART * first - noise || e[5] - e[4] < END_SHARE * growth - noise)
        return CLAUSE_PARTS;
    for (size_t k = 0; k < 5; k++) {
        const double part = (e[k + 1] - e[k]) * 6 / growth; /* 1 for a straight line */
        strict = strict && part > STRICT_PART && part < 2 - STRICT_PART;
    }
    /* The active phase: the time that the last three fifths of the growth took. Its last quarter must still
     * grow. */
    size_t active = 0;
    for (size_t i = s; i < n; i++)
        active += v[i] > f->onset_level + 0.4 * growth;
    const size_t quarter = (active + 2) / 4 > 0 ? (active + 2) / 4 : 1;
    const double expected = 0.6 * growth * (double)quarter / (double)(active > 0 ? active : 1);
    const double tail = median_of(v, n - quarter, n) - median_of(v, n - 2 * quarter, n - quarter);
    if (tail < RECENT * expected - noise)
        return CLAUSE_PARTS;
    /* Clause 2: scatter. */
    const double factor =
        d->settings.min_window_ms > 0 ? SCATTER_FACTOR : fmax(SCATTER_FACTOR, EVIDENCE / context->samples);
    if (growth < (context->short_window ? STRICT_SCATTER : factor) * scatter)
        return CLAUSE_SCATTER;
    strict = strict && growth > STRICT_SCATTER * scatter;
    const bool from_birth = before < BIRTH_SHARE * life;
    if (!from_birth) {
        double prior[BLOCKS_MAX];
        memcpy(prior, v, s * sizeof *prior);
        f->range_high = s > 0 ? trend_rank(prior, s, s - 1 - s / 20) : v[0];
        f->range_low = s > 0 ? trend_rank(prior, s, s / 2) : v[0];
        if (context->high > f->range_high) {
            f->range_high = context->high;
            f->range_low = context->usual;
        }
        if (e[5] < f->range_high + 2 * RANGE_FACTOR * (f->range_high - f->range_low))
            return CLAUSE_RANGE;
        /* What is urgent has seen little: where the life has been before and come back from is no news. */
        if (context->short_window && e[5] < context->record)
            return CLAUSE_RANGE;
        /* Clause 4: the rate over a third of the duration before the onset, and over as long as it lasted. */
        const double rate = growth / duration;
        const double near = rate_before(t, v, s, duration / 3), far = rate_before(t, v, s, duration);
        if (near > PRIOR_RATE * rate || far > PRIOR_RATE * rate)
            return CLAUSE_PRIOR;
        strict =
            strict && near < STRICT_PRIOR * rate && growth >= STRICT_RANGE * (f->range_high - f->range_low);
    } else {
        f->range_high = f->range_low = e[0];
        strict = false;
    }
    const bool urgent = strict;
    if (context->short_window && !urgent)
        return CLAUSE_TIME;
    /* Clause 1. */
    f->hold = CLAUSE_GROWS;
    f->urgent = urgent;
    f->floors = view->floors;
    f->smooth = context->smooth;
    const double held = before / (life > 0 ? life : 1) * context->samples;
    const double needed = (from_birth || held < HELD_SAMPLES ? BIRTH_SAMPLES
                           : urgent                          ? URGENT_SAMPLES
                                                             : LIFE_SAMPLES) *
                          detector_hurry(d);
    const double learned_s = (double)d->settings.learned_warm_up_ms / 1000;
    if (!d->settings.learned_leak && life < 2 * learned_s && f->level < d->settings.learned_plateau)
        f->hold = CLAUSE_BIRTH; /* on its way to where it always goes */
    else if (duration < CONFIRM_LIFE * detector_hurry(d) * life && !urgent)
        f->hold = CLAUSE_TIME;
    else if (d->settings.min_window_ms == 0 && context->samples < needed)
        f->hold = CLAUSE_BIRTH;
    else if (duration * 1000 < (double)d->settings.min_window_ms)
        f->hold = CLAUSE_TIME;
    if (duration < CONFIRM_FIRST * life && !urgent)
        return CLAUSE_TIME;
    if (growth < d->settings.min_growth)
        return CLAUSE_MINIMUM;
    /* Clause 6. */
    double gap[BLOCKS_MAX];
    for (size_t i = s; i < n; i++)
        gap[i - s] = fabs(view->other[i] - v[i]);
    if (view->floors && growth < GAP_SHARE * trend_median(gap, m))
        return CLAUSE_SCATTER;
    sixths(view->other, s, n, e);
    if ((view->floors ? (e[5] - e[0]) * 1.2 : floor_growth(view->other, s, n)) < OTHER_SHARE * growth)
        return CLAUSE_FLOOR;
    /* Clause 5. */
    const double least = 1e-6 * growth * growth;
    const double line = trend_aicc(trend_line_residue(t + s, v + s, m), least, m, 3);
    double level, tau;
    const double saturating =
        trend_aicc(trend_saturating_residue(t + s, v + s, m, &level, &tau), least, m, 4);
    if (saturating < line - AICC_MARGIN && tau < duration && level > v[s]) {
        f->plateau = level;
        return CLAUSE_SATURATING;
    }
    const struct view *fine = context->fine;
    const size_t from = context->smooth ? s : s * (view->floors ? 2 : 1);
    if (stairs_explain(fine, view->floors && !context->smooth, from, growth))
        return CLAUSE_STAIRS;
    /* Clause 7. It may be a hump near its top, or a breath: no reason to drop it, one to wait. */
    if (f->hold == CLAUSE_GROWS && bends_down(fine->t + from, fine->value + from, fine->n - from, growth))
        f->hold = CLAUSE_BENDS;
    return CLAUSE_GROWS;
}

/* The lag in blocks after which the values repeat: their autocorrelation is high there and was lost in
 * between. At most lag_max; 0 when there is none. */
static size_t period_of(const double *v, size_t n, size_t lag_max)
{
    double mean = 0, total = 0, best = PERIOD_LIKENESS;
    size_t period = 0;
    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        total += (v[i] - mean) * (v[i] - mean);
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

enum shape judge_shape(const struct block *block, size_t n, const struct finding *f)
{
    double v[BLOCKS_MAX] = {0}, t[BLOCKS_MAX] = {0}, copy[BLOCKS_MAX] = {0}, e[6];
    for (size_t i = 0; i < n; i++) {
        copy[i] = v[i] = block[i].middle;
        t[i] = block[i].t;
    }
    sixths(v, 0, n, e);
    const double range = trend_rank(copy, n, n - 1 - n / 20) - trend_rank(copy, n, n / 20);
    const double level = fabs(e[5]);
    if (range <= LEVEL_SHARE * level)
        return SHAPE_FLAT;
    double mean = 0, total = 0;
    for (size_t i = 0; i < n; i++)
        mean += v[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        total += (v[i] - mean) * (v[i] - mean);
    size_t at[TREND_STAIRS_JUMPS_MAX];
    if (trend_stairs_residue(v, n, 1, at) < 0.1 * total)
        return SHAPE_STEP;
    /* Settled: the last two thirds keep within a fraction of the rise that led there. */
    const size_t settled = n / 3, rest = n - settled;
    memcpy(copy, v + settled, rest * sizeof *copy);
    const double width = trend_rank(copy, rest, rest - 1 - rest / 10) - trend_rank(copy, rest, rest / 10);
    if (median_of(v, settled, n) - v[0] > SETTLED_FACTOR * fmax(width, LEVEL_SHARE * level))
        return SHAPE_PLATEAU;
    const double rise = e[5] - e[0];
    double plateau, tau;
    if (rise > 0.4 * range && trend_saturating_residue(t, v, n, &plateau, &tau) < 0.3 * total &&
        tau < 0.7 * (t[n - 1] - t[0]))
        return e[5] - e[3] < 0.1 * rise ? SHAPE_PLATEAU : SHAPE_WARM_UP;
    if (rise < -0.6 * range && trend_line_residue(t, v, n) < 0.4 * total)
        return SHAPE_SHRINKING;
    if (period_of(v, n, n / 2) > 0)
        return SHAPE_PERIODIC;
    if (f->growth > 0.6 * range && f->clause != CLAUSE_PARTS)
        return SHAPE_GROWTH;
    return SHAPE_NOISY;
}

/* How promising the onset's failure is, for the reason: a later clause is closer to growth. */
static bool finding_better(const struct finding *a, const struct finding *b)
{
    return a->clause > b->clause || (a->clause == b->clause && a->clause == CLAUSE_GROWS &&
                                     b->hold != CLAUSE_GROWS && a->hold == CLAUSE_GROWS);
}

/* Line of Theil and Sen through every other point; values near it are kept, those far from it are excursions.
 * Returns false when too many are. */
static bool view_on_line(const struct view *view, size_t s, struct view *out)
{
    double slope[BLOCKS_MAX * BLOCKS_MAX / 8], rest[BLOCKS_MAX], copy[BLOCKS_MAX];
    const size_t m = view->n - s;
    const double *t = view->t + s, *v = view->value + s;
    size_t pairs = 0;
    for (size_t i = 0; i < m; i += 2)
        for (size_t j = i + 2; j < m; j += 2)
            slope[pairs++] = (v[j] - v[i]) / (t[j] - t[i]);
    if (pairs == 0)
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

/* Values that repeat (day and night) on top of whatever else they do: each is replaced by the mean of the
 * period around it, which has every phase once; the other value is the lowest of that period, so that minima
 * of the same phase are compared. Returns false when nothing repeats often enough to be known. */
static bool view_without_cycle(const struct view *fine, struct view *out, double *out_swing)
{
    const size_t n = fine->n;
    double mean_t = 0, mean_v = 0, tt = 0, tv = 0, rest[BLOCKS_MAX];
    for (size_t i = 0; i < n; i++) {
        mean_t += fine->t[i] / (double)n;
        mean_v += fine->value[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        tt += (fine->t[i] - mean_t) * (fine->t[i] - mean_t);
        tv += (fine->t[i] - mean_t) * (fine->value[i] - mean_v);
    }
    for (size_t i = 0; i < n; i++)
        rest[i] = fine->value[i] - mean_v - tv / tt * (fine->t[i] - mean_t);
    const size_t period = period_of(rest, n, n / PERIODS_MIN);
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

/* Growth that excursions interrupt: most of what was seen since soon after the begin lies on one line, and
 * what lies on it passes every clause. */
static void line_judge(const struct detector *d, struct context *context, const struct view *fine,
                       const struct view *floors, struct finding *best)
{
    static const size_t starts[] = {16, 6, 3};
    for (size_t k = 0; k < 3; k++)
        for (size_t which = 0; which < 2; which++) {
            const struct view *view = which == 0 ? fine : floors;
            struct view on_line;
            if (!view_on_line(view, view->n / starts[k], &on_line))
                continue;
            if (on_line.t[on_line.n - 1] - on_line.t[0] < LINE_LIFE * context->life_s)
                continue;
            struct finding f = {0};
            context->fine = &on_line;
            context->smooth = true;
            f.clause = onset_test(d, context, &on_line, 0, &f);
            context->smooth = false;
            if (f.clause == CLAUSE_GROWS && f.growth >= LINE_LEVEL * fabs(f.onset_level)) {
                *best = f;
                return;
            }
        }
}

/* The most promising onset of a view, when it is more so than the best so far. */
static void onsets_judge(const struct detector *d, const struct context *context, const struct view *view,
                         struct finding *best)
{
    for (size_t s = 0; s + BLOCKS_MIN <= view->n; s++) {
        struct finding f = {0};
        f.clause = onset_test(d, context, view, s, &f);
        if (best->clause == CLAUSE_LEARNING || finding_better(&f, best))
            *best = f;
        if (f.clause == CLAUSE_GROWS && f.hold == CLAUSE_GROWS)
            break;
    }
}

/* The most promising onset in the window that begins at begin_ms. */
struct finding judge_window(const struct detector *d, struct context *context, const struct block *block,
                            size_t n, int64_t begin_ms)
{
    struct finding best = {.clause = CLAUSE_LEARNING, .onset_ms = begin_ms, .plateau = NAN};
    struct view fine;
    view_make(block, n, 1, &fine);
    context->fine = &fine;
    for (size_t group = 1; group <= VIEWS && best.clause != CLAUSE_GROWS; group++) {
        struct view view;
        view_make(block, n, group, &view);
        onsets_judge(d, context, &view, &best);
    }
    struct view level;
    double swing;
    if (best.clause != CLAUSE_GROWS && !context->short_window && n >= BLOCKS_MAX / 2 &&
        view_without_cycle(&fine, &level, &swing)) {
        struct finding f = {.clause = CLAUSE_LEARNING};
        context->fine = &level;
        context->smooth = true;
        onsets_judge(d, context, &level, &f);
        context->smooth = false;
        /* Means over a period make ramps of steps, and of taller teeth a rise: what they were made of
         * decides. */
        if (f.clause == CLAUSE_GROWS && f.growth >= SWING_SHARE * swing &&
            trend_stairs_residue(fine.value, n, STAIRS_JUMPS, NULL) >
                STAIRS_LEAVE * trend_line_residue(fine.t, fine.value, n) &&
            floor_growth(fine.other, 0, n) >= OTHER_SHARE * f.growth)
            best = f;
    }
    if (best.clause != CLAUSE_GROWS && !context->short_window && context->samples >= LINE_SAMPLES) {
        struct view floors;
        view_make(block, n, 1, &floors);
        floors.floors = true;
        for (size_t i = 0; i < n; i++) {
            floors.value[i] = block[i].floor;
            floors.other[i] = block[i].middle;
        }
        line_judge(d, context, &fine, &floors, &best);
    }
    context->fine = NULL;
    return best;
}

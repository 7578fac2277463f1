/* verdict_forecast.c - the line through what happens now, what may come, and when the limit is reached. */
#include "verdict_internal.h"

#define HALVES_SHARE 0.4 /* of the residue: two lines for the two halves are better than one */
#define ACCELERATES 1.3  /* rate of the later half over that of the whole: 1.5 for a parabola */
#define KINK_SHARE 2     /* a parabola that leaves less than this times what two lines leave */
#define PIECE_POINTS 12  /* of a last piece */
#define BEND_EARLY 2     /* it may bend twice as much as it did */
#define BEND_MAX 4       /* of a rate in half a segment: more would extrapolate noise */
#define NOISE_AHEAD                                                                                          \
    1.5 /* of the distance that nearly all points kept from the line: stairs lie half a step off it, and     \
            the limit is met by a whole one */
#define BEND_PARTS 3 /* cuts tried in the first quarter of a segment, */
#define BEND_NARROWS                                                                                         \
    3 /* and how much narrower the interval must get: a quarter fewer points widen it by half */

/* The onset is known to a block, so the segment may begin with a piece of the level before it. That bend
 * makes the residuals of an otherwise clean line one long wave, and its interval as wide as the wave is long.
 * Where leaving out the beginning narrows the interval out of all proportion to the points that go, it was a
 * bend. Returns where the line begins, and puts it into d->slope. */
static size_t segment_without_bend(struct detector *d, const double *t, const double *v, size_t n,
                                   union trend_word *scratch)
{
    size_t first = 0;
    for (size_t part = 1; part <= BEND_PARTS; part++) {
        const size_t cut = n * part / (4 * BEND_PARTS);
        struct trend_slope line;
        if (n - cut < TREND_POINTS_MIN ||
            trend_slope(t + cut, v + cut, n - cut, d->settings.confidence_pct, scratch, &line) != STATUS_OK ||
            (line.high - line.low) * BEND_NARROWS >= d->slope.high - d->slope.low)
            continue;
        d->slope = line;
        first = cut;
    }
    return first;
}

/* Squared residue of two lines that part at point `cut`. */
static double two_lines_residue(const double *t, const double *v, size_t n, size_t cut)
{
    return trend_line_residue(t, v, cut) + trend_line_residue(t + cut, v + cut, n - cut);
}

/* Where the last of two straight pieces begins, when two explain the segment far better than one: 0 when not.
 */
static size_t segment_last_piece(const double *t, const double *v, size_t n)
{
    double best = HALVES_SHARE * trend_line_residue(t, v, n);
    size_t at = 0;
    for (size_t eighth = 4; eighth < 8; eighth++) {
        const size_t cut = n * eighth / 8;
        if (n - cut < PIECE_POINTS)
            break;
        const double residue = two_lines_residue(t, v, n, cut);
        if (residue < best) {
            best = residue;
            at = cut;
        }
    }
    return at;
}

/* What the line goes through, and from which point on. */
struct segment {
    double t[SERIES_RING], v[SERIES_RING];
    size_t n, first;
};

static struct segment segment_points(const struct detector *d, const struct series_bucket *point,
                                     size_t count, const struct block *block, size_t blocks, int64_t from_ms)
{
    struct segment s = {.n = 0};
    if (d->state != VERDICT_UNBOUNDED) { /* nobody acts on it: the medians of the blocks will do */
        for (; s.n < blocks; s.n++) {
            s.t[s.n] = block[s.n].t;
            s.v[s.n] = block[s.n].middle;
        }
        return s;
    }
    for (size_t i = 0; i < count; i++)
        if (point[i].t_ms >= from_ms && (s.n == 0 || detector_seconds(d, point[i].t_ms) > s.t[s.n - 1])) {
            s.t[s.n] = detector_seconds(d, point[i].t_ms);
            s.v[s.n++] = point[i].mean;
        }
    return s;
}

/* When two straight pieces explain it far better, the last piece is what goes on from here; when a curve does
 * as well as they, its rate goes on rising. */
static void segment_line(struct detector *d, struct segment *s, union trend_word *scratch)
{
    const double *t = s->t, *v = s->v, confidence = d->settings.confidence_pct;
    const size_t n = s->n;
    d->accelerates = false;
    d->bend = 1;
    d->slope_known = trend_slope(t, v, n, confidence, scratch, &d->slope) == STATUS_OK;
    const double whole = d->slope.slope;
    struct trend_slope one, two;
    if (d->state != VERDICT_UNBOUNDED || !d->slope_known)
        return;
    const size_t cut = segment_last_piece(t, v, n);
    if (cut > 0 && trend_slope(t + cut, v + cut, n - cut, confidence, scratch, &two) == STATUS_OK &&
        two.slope > 0) {
        d->accelerates = two.slope > ACCELERATES * whole;
        d->slope = two;
        s->first = cut;
        /* Rates that rise along the whole curve go on rising; a kink between two lines says no such thing. */
        struct trend_parabola curve;
        trend_parabola(t, v, n, &curve);
        if (d->accelerates && curve.residue < KINK_SHARE * two_lines_residue(t, v, n, cut) &&
            trend_slope(t, v, n / 2, confidence, scratch, &one) == STATUS_OK &&
            trend_slope(t + n / 2, v + n / 2, n - n / 2, confidence, scratch, &two) == STATUS_OK &&
            one.slope > 0 && two.slope > one.slope) {
            d->bend = fmin(two.slope / one.slope, BEND_MAX);
            d->bend_s = (t[n - 1] - t[0]) / 2;
        }
    }
    if (s->first == 0)
        s->first = segment_without_bend(d, t, v, n, scratch);
}

/* What may come: the rates of the segment's halves bound the rate as well as its interval does (a rate that
 * varied will vary), and the residuals bound where the line ends. */
static void segment_bounds(struct detector *d, const struct segment *s, union trend_word *scratch)
{
    const double *t = s->t + s->first, *v = s->v + s->first, confidence = d->settings.confidence_pct;
    const size_t n = s->n - s->first, half = n / 2;
    struct trend_slope one, two;
    d->rate_low = d->slope.low;
    d->rate_high = d->slope.high;
    if (trend_slope(t, v, half, confidence, scratch, &one) == STATUS_OK &&
        trend_slope(t + half, v + half, n - half, confidence, scratch, &two) == STATUS_OK) {
        d->rate_low = fmin(d->rate_low, fmin(one.slope, two.slope));
        d->rate_high = fmax(d->rate_high, fmax(one.slope, two.slope));
    }
    if (d->bend > 1) { /* the rate now is that of the middle of the piece, and what it has grown by since */
        const double now = pow(d->bend, (t[n - 1] - t[0]) / 2 / d->bend_s);
        d->slope_now = d->slope.slope * now;
        d->rate_high = fmax(d->rate_high, d->slope_now);
    } else {
        d->slope_now = d->slope.slope;
    }
    double residual[SERIES_RING];
    for (size_t i = 0; i < n; i++)
        residual[i] = fabs(v[i] - d->slope.intercept - d->slope.slope * t[i]);
    d->line_noise = NOISE_AHEAD * trend_rank(residual, n, n * 49 / 50);
}

/* The straight line through what has happened since from_ms, for rate, forecast and chart. */
void forecast_segment(struct detector *d, const struct series_bucket *point, size_t count,
                      const struct block *block, size_t blocks, int64_t from_ms)
{
    union trend_word scratch[TREND_SCRATCH_WORDS(SERIES_RING)];
    struct segment segment = segment_points(d, point, count, block, blocks, from_ms);
    segment_line(d, &segment, scratch);
    d->fit_from_ms =
        segment.n > 0 ? d->series.origin_ms + (int64_t)(segment.t[segment.first] * 1000) : d->last_ms;
    if (d->slope_known)
        segment_bounds(d, &segment, scratch);
}

/* When the limit is reached from `level` at a rate that grows by the factor `bend` in each bend_s. */
static int64_t time_of_reach(const struct detector *d, double level, double rate, double bend)
{
    const double left = d->limit.value - level;
    if (left <= 0)
        return d->last_ms;
    if (!(rate > 0) || isnan(left))
        return INT64_MAX;
    double wait_s = left / rate;
    if (bend > 1) {
        const double growth = log(bend) / d->bend_s;
        wait_s = log1p(left * growth / rate) / growth;
    }
    if (wait_s <= 0)
        return d->last_ms;
    const double room_s = (double)(TIME_ISO_LAST_MS - d->skipped_ms - d->last_ms) / 1000;
    return wait_s < room_s ? d->last_ms + (int64_t)(wait_s * 1000) : INT64_MAX;
}

/* When the limit is reached, and within which times: of a verdict that knows its line. */
void forecast_reach(const struct detector *d, struct verdict *v)
{
    v->exhaustion_ms = time_of_reach(d, v->fit_to, d->slope_now, d->bend);
    v->exhaustion_early_ms =
        time_of_reach(d, v->fit_to + d->line_noise, d->rate_high, pow(d->bend, BEND_EARLY));
    v->exhaustion_late_ms = time_of_reach(d, v->fit_to - d->line_noise, d->rate_low, 1);
    if (v->exhaustion_late_ms < v->exhaustion_ms)
        v->exhaustion_late_ms = v->exhaustion_ms;
    if (v->exhaustion_early_ms > v->exhaustion_ms)
        v->exhaustion_early_ms = v->exhaustion_ms;
}

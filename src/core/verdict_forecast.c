/* verdict_forecast.c - the line through what happens now, what may come, and when the limit is reached. */
#include "verdict_internal.h"

#include <string.h>

#define HALVES_SHARE 0.4 /* of the residue: two lines for the two halves are better than one */
#define ACCELERATES 1.3  /* rate of the later half over that of the whole: 1.5 for a parabola */
#define KINK_SHARE 2     /* a parabola that leaves less than this times what two lines leave */
#define PIECE_PARTS 32   /* it may begin at each of them in the later half */
#define PIECE_POINTS 16  /* of a last piece */
#define BEND_EARLY 2     /* it may bend twice as much as it did, */
/* and for as many times the duration of the segment; then it grows at the rate it has come to. */
#define BEND_LASTS 1
#define BEND_MAX 4 /* of a rate in half a segment: more would extrapolate noise */
/* Of the distance that nearly all points kept from the line: stairs lie half a step off it, and the limit is met by a
 * whole one. */
#define NOISE_AHEAD 1.5
#define TURN_PERIODS 40   /* of the shortest recent part that is looked at */
#define TURN_RATE 3       /* times the rate before it: less shows soon enough in the whole line */
#define TURN_EXPLAINS 0.5 /* of what a curve leaves */
#define TURN_THIRD 0.3    /* of the rise between the first and the last third, at least: 0.5 is straight */
#define REST_MS (3 * MS_PER_DAY) /* a weekend, from Friday's evening on, */
#define REST_PARTS 8 /* of which a working day is a seventh: less of growth says little of its rate */
#define PRESENT_PERIODS 8
#define LEVEL_POINTS 3   /* on either side of a silence or a step, whose median is the level there */
#define STEP_LEAVES 0.25 /* of what one line leaves: a step in it explains the rest, */
#define STEP_NO_TURN 1.5 /* and leaves no more than this times what two lines do */
#define NO_ROOM 0.98     /* of the limit */
#define DAYS_AHEAD_MS (14 * MS_PER_DAY) /* are looked at half hour by half hour */
#define BEND_PARTS 3                    /* cuts tried in the first quarter of a segment, */
/* And how much narrower the interval must get: a quarter fewer points widen it by half. */
#define BEND_NARROWS 3

/* The time of a point, which has seconds (detector_seconds). */
static int64_t time_of(const struct detector *d, double seconds)
{
    return d->series.origin_ms + (int64_t)(seconds * 1000);
}

/* The onset is known to a block, so the segment may begin with a piece of the level before it. That bend
 * makes the residuals of an otherwise clean line one long wave, and its interval as wide as the wave is long.
 * Where leaving out the beginning narrows the interval out of all proportion to the points that go, it was a
 * bend: true, and *rest is the line of the points from `cut` on. `line`: that of all points. */
static bool bends_before(const double *t, const double *v, size_t n, size_t cut, double confidence,
                         union trend_word *scratch, const struct trend_slope *line, struct trend_slope *rest)
{
    return n - cut >= TREND_POINTS_MIN &&
           trend_slope(t + cut, v + cut, n - cut, confidence, scratch, rest) == STATUS_OK &&
           (rest->high - rest->low) * BEND_NARROWS < line->high - line->low;
}

/* Returns where the line begins, and puts it into *line, which was that of all points. */
static size_t line_without_bend(const double *t, const double *v, size_t n, double confidence,
                                union trend_word *scratch, struct trend_slope *line)
{
    size_t first = 0;
    for (size_t part = 1; part <= BEND_PARTS; part++) {
        const size_t cut = n * part / (4 * BEND_PARTS);
        struct trend_slope rest;
        if (bends_before(t, v, n, cut, confidence, scratch, line, &rest)) {
            *line = rest;
            first = cut;
        }
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
    for (size_t part = PIECE_PARTS / 2; part < PIECE_PARTS; part++) {
        const size_t cut = n * part / PIECE_PARTS;
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
    double width[SERIES_RING]; /* highest sample less the lowest */
    double moved[SERIES_RING]; /* what the value was moved by (close_silences) */
    size_t n, first;
    bool piece; /* the line is of the last of two straight pieces */
};

static double median_from(const double *value, size_t from, size_t n)
{
    double copy[SERIES_RING];
    memcpy(copy, value + from, n * sizeof *copy);
    return trend_median(copy, n);
}

static double level_before(const double *value, size_t i)
{
    const size_t n = i < LEVEL_POINTS ? i : LEVEL_POINTS;
    return median_from(value, i - n, n);
}

static double level_from(const double *value, size_t i, size_t n)
{
    return median_from(value, i, n - i < LEVEL_POINTS ? n - i : LEVEL_POINTS);
}

/* What lies before point i is moved to where the growth would have to come from, at the rate that it had there. */
static void bridge(struct segment *s, size_t i)
{
    const double level = level_before(s->v, i), t = level_before(s->t, i);
    const double rate = i > 2 * LEVEL_POINTS ? (level - s->v[i / 2]) / (t - s->t[i / 2]) : 0;
    const double foreseen = fmax(rate, 0) * (level_from(s->t, i, s->n) - t);
    const double jump = level_from(s->v, i, s->n) - level - foreseen;
    for (size_t j = 0; j < i; j++) {
        s->v[j] += jump;
        s->moved[j] += jump;
    }
}

/* Nobody has seen how long a growth went on in a silence that was cut short, nor how far: the line is of what
 * was seen on either side of it. */
static void close_silences(const struct detector *d, struct segment *s)
{
    for (size_t k = 0; k < d->silence_count; k++) {
        const struct silence *silence = &d->silences[k];
        const double middle = detector_seconds(d, (silence->from_ms + silence->at_ms) / 2);
        size_t i = 0;
        while (i < s->n && s->t[i] < middle)
            i++;
        if (i > 0 && i < s->n)
            bridge(s, i);
    }
}

static void segment_drop(struct segment *s, size_t i)
{
    double *const lists[] = {s->t, s->v, s->width, s->moved};
    s->n--;
    for (size_t k = 0; k < ARRAY_COUNT(lists); k++)
        memmove(lists[k] + i, lists[k] + i + 1, (s->n - i) * sizeof *lists[k]);
}

static size_t best_step(const struct segment *s)
{
    double least = HUGE_VAL;
    size_t best = 1;
    for (size_t at = 1; at < s->n; at++) {
        const double residue = trend_step_residue(s->t, s->v, s->n, at);
        if (residue < least) {
            least = residue;
            best = at;
        }
    }
    return best;
}

/* A level that moved at once (a cache gave way, a database was mounted), while the growth went on as before, is
 * no part of its rate, and no scatter about its line either. Stairs have more than one step; growth that turns
 * up has another slope as well. */
static void close_step(struct segment *s)
{
    if (s->n < PIECE_POINTS)
        return;
    size_t at = best_step(s);
    if (trend_step_residue(s->t, s->v, s->n, at) > STEP_LEAVES * trend_line_residue(s->t, s->v, s->n))
        return;
    struct segment closed = *s;
    if (at > LEVEL_POINTS && s->n - at > LEVEL_POINTS) { /* it lies within one of the points beside it */
        segment_drop(&closed, at);
        segment_drop(&closed, --at);
    }
    const bool falls = level_from(closed.v, at, closed.n) < level_before(closed.v, at);
    if (!falls && trend_step_residue(closed.t, closed.v, closed.n, at) >
                      STEP_NO_TURN * two_lines_residue(closed.t, closed.v, closed.n, at))
        return;
    bridge(&closed, at);
    *s = closed;
}

/* What the days alone add to the level between two times seen, of growth that was told; 0 where they are not known. */
static double swing_between(const struct detector *d, int64_t from_ms, int64_t to_ms)
{
    return d->state == VERDICT_UNBOUNDED && detector_has_days(d)
               ? days_swing(&d->days, detector_clock(d, from_ms), detector_clock(d, to_ms))
               : 0;
}

/* Of the bucket, as far as it reaches back to the one before. What stands at its limit swings no more. */
static double swing_of(const struct detector *d, const struct series_bucket *point, size_t i)
{
    if (point[i].mean >= NO_ROOM * d->limit.value)
        return 0;
    const int64_t width_ms = i > 0 ? point[i].t_ms - point[i - 1].t_ms : 0;
    const int64_t half_ms = (width_ms < MS_PER_DAY ? width_ms : MS_PER_DAY) / 2;
    return swing_between(d, point[i].t_ms - half_ms, point[i].t_ms + half_ms);
}

double forecast_swing_now(const struct detector *d)
{
    return d->last_value >= NO_ROOM * d->limit.value ? 0 : swing_between(d, d->last_ms, d->last_ms);
}

static struct segment segment_of(const struct detector *d, const struct series_bucket *point, size_t count,
                                 int64_t from_ms)
{
    struct segment s = {.n = 0};
    for (size_t i = 0; i < count; i++)
        if (point[i].t_ms >= from_ms && (s.n == 0 || detector_seconds(d, point[i].t_ms) > s.t[s.n - 1])) {
            s.t[s.n] = detector_seconds(d, point[i].t_ms);
            s.width[s.n] = point[i].high - point[i].low;
            s.v[s.n++] = point[i].mean - swing_of(d, point, i);
        }
    close_silences(d, &s);
    return s;
}

/* The finest samples there are of the time since then. */
static struct segment segment_since(const struct detector *d, int64_t from_ms)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, from_ms, point, &width_ms);
    return segment_of(d, point, count, from_ms);
}

static struct segment segment_points(const struct detector *d, const struct series_bucket *point,
                                     size_t count, const struct block *block, size_t blocks, int64_t from_ms)
{
    if (d->state == VERDICT_UNBOUNDED)
        return segment_of(d, point, count, from_ms);
    struct segment s = {.n = 0};
    for (; s.n < blocks; s.n++) { /* nobody acts on it: the medians of the blocks will do */
        s.t[s.n] = block[s.n].t;
        s.v[s.n] = block[s.n].middle;
    }
    return s;
}

/* When two straight pieces explain it far better, the last piece is what goes on from here; when a curve does
 * as well as they, its rate goes on rising. */
static void segment_line(struct detector *d, struct segment *s, bool repeats, union trend_word *scratch)
{
    const double *t = s->t, *v = s->v, confidence = d->settings.confidence_pct;
    const size_t n = s->n;
    d->accelerates = false;
    d->bend = 1;
    d->slope_known = trend_slope(t, v, n, confidence, scratch, &d->slope) == STATUS_OK;
    const double whole = d->slope.slope;
    struct trend_slope one, two;
    if (d->state != VERDICT_UNBOUNDED || !d->slope_known || repeats)
        return;
    const size_t cut = segment_last_piece(t, v, n);
    if (cut > 0 && trend_slope(t + cut, v + cut, n - cut, confidence, scratch, &two) == STATUS_OK &&
        two.slope > 0 && !(d->finding.smooth && two.slope > whole)) { /* (the day's rise, of what repeats) */
        d->accelerates = two.slope > ACCELERATES * whole;
        d->slope = two;
        s->first = cut;
        s->piece = true;
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
        s->first = line_without_bend(t, v, n, confidence, scratch, &d->slope);
}

/* The distance from the line that what comes will keep, by what nearly all points kept. */
static double noise_about(const struct trend_slope *line, const double *t, const double *v, size_t n)
{
    double residual[SERIES_RING];
    for (size_t i = 0; i < n; i++)
        residual[i] = fabs(v[i] - line->intercept - line->slope * t[i]);
    return NOISE_AHEAD * trend_rank(residual, n, n * 49 / 50);
}

/* Where the residuals hang together the interval may reach from the lowest to the highest slope between any two
 * points, and of those the extreme ones are of neighbours: a single step would be a rate. Points that say something of
 * their own are n / effective_n apart; no rate was seen that none of these pairs had. */
static void narrow_to_seen(struct trend_slope *slope, const double *t, const double *v, size_t n)
{
    const size_t apart = slope->effective_n >= 1 ? (size_t)((double)n / slope->effective_n) : n;
    double lowest = slope->slope, highest = lowest;
    for (size_t i = 0; i + apart < n; i++)
        for (size_t j = i + apart; j < n; j++) {
            const double rate = (v[j] - v[i]) / (t[j] - t[i]);
            lowest = fmin(lowest, rate);
            highest = fmax(highest, rate);
        }
    slope->low = fmax(slope->low, lowest);
    slope->high = fmin(slope->high, highest);
}

/* What may come: the rates of the segment's halves bound the rate as well as its interval does (a rate that
 * varied will vary), and the residuals bound where the line ends. */
static void segment_bounds(struct detector *d, const struct segment *s, union trend_word *scratch)
{
    const double *t = s->t + s->first, *v = s->v + s->first, confidence = d->settings.confidence_pct;
    const size_t n = s->n - s->first, half = n / 2;
    struct trend_slope one, two;
    narrow_to_seen(&d->slope, t, v, n);
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
    d->line_noise = noise_about(&d->slope, t, v, n);
    /* (Of what lies between the samples of a point the line itself has a part.) */
    const double rises = fabs(d->slope.slope) * (t[n - 1] - t[0]) / (double)(n - 1);
    d->sample_noise = d->line_noise + fmax(median_from(s->width, s->first, n) - rises, 0) / 2;
}

double forecast_line(const struct detector *d, int64_t t_ms)
{
    return d->slope.intercept + d->slope.slope * detector_seconds(d, t_ms);
}

double forecast_now(const struct detector *d)
{
    return forecast_line(d, d->last_ms) + d->lead;
}

/* Each third of a recent part rises: a step rises in one place. */
static bool rises_throughout(const double level[3])
{
    const double rise = level[2] - level[0], middle = (level[1] - level[0]) / rise;
    return rise > 0 && middle > TURN_THIRD && middle < 1 - TURN_THIRD;
}

/* What came before the part ends here: the turn may lie before it, by less than its length. */
static double end_before(const struct segment *part)
{
    return 2 * part->t[0] - part->t[part->n - 1];
}

/* The lines of a recent part and of what came before it. */
struct turn {
    struct trend_slope before, recent;
    double noise; /* of the points about the line before, or more where more is known */
    bool up;
};

/* The line of what came before the part. False when that is too little. */
static bool line_before(const struct segment *s, const struct segment *part, double confidence,
                        union trend_word *scratch, struct turn *turn)
{
    const double until = end_before(part);
    size_t n = 0;
    while (n < s->n && s->t[n] < until)
        n++;
    if (n < PIECE_POINTS || trend_slope(s->t, s->v, n, confidence, scratch, &turn->before) != STATUS_OK)
        return false;
    const size_t first = line_without_bend(s->t, s->v, n, confidence, scratch, &turn->before);
    turn->noise = fmax(turn->noise, noise_about(&turn->before, s->t + first, s->v + first, n - first));
    return true;
}

/* It rises clearly slower, if at all, also where a level that fell at once is left out. */
static bool rises_slower(const struct segment *part, double confidence, union trend_word *scratch,
                         const struct turn *turn)
{
    if (!(turn->before.low > 0) || turn->recent.high * TURN_RATE >= turn->before.slope)
        return false;
    struct segment closed = *part;
    close_step(&closed);
    struct trend_slope line;
    return trend_slope(closed.t, closed.v, closed.n, confidence, scratch, &line) == STATUS_OK &&
           line.high * TURN_RATE < turn->before.slope;
}

/* The part has left the line of what came before it well behind, and rises clearly faster; or it has stayed well
 * below that line, and rises clearly slower. What repeats keeps within the noise of a line that has seen it. */
static bool turns(const struct segment *s, const struct segment *part, double confidence,
                  union trend_word *scratch, struct turn *turn)
{
    if (part->n < PIECE_POINTS || !line_before(s, part, confidence, scratch, turn) ||
        trend_slope(part->t, part->v, part->n, confidence, scratch, &turn->recent) != STATUS_OK)
        return false;
    const size_t third = part->n / 3;
    double level[3];
    for (size_t k = 0; k < 3; k++)
        level[k] = median_from(part->v, part->n * k / 3, third);
    const double t = median_from(part->t, part->n * 2 / 3, third);
    const double off = level[2] - turn->before.intercept - turn->before.slope * t;
    turn->up = off > 0;
    if (!turn->up)
        return off < -turn->noise && rises_slower(part, confidence, scratch, turn);
    const double rise =
        (level[2] - level[0]) * 3 / 2; /* from begin to end: those are from middle to middle */
    return off > turn->noise && rise > turn->noise && rises_throughout(level) &&
           turn->recent.low > TURN_RATE * fmax(turn->before.slope, 0);
}

/* The line before and that of the part explain the points far better than a curve through all of them does: its
 * rate does not go on rising. (What lies between them may belong to either.) */
static bool is_no_curve(const struct segment *s, const struct segment *part, const struct turn *turn)
{
    const double from = part->t[0], until = end_before(part);
    struct trend_parabola curve;
    trend_parabola(s->t, s->v, s->n, &curve);
    double lines = 0, bent = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (s->t[i] >= until && s->t[i] < from)
            continue;
        const struct trend_slope *line = s->t[i] < until ? &turn->before : &turn->recent;
        const double off_line = s->v[i] - line->intercept - line->slope * s->t[i];
        const double off_curve = trend_parabola_rest(&curve, s->t[i], s->v[i]);
        lines += off_line * off_line;
        bent += off_curve * off_curve;
    }
    return lines < TURN_EXPLAINS * bent;
}

/* What a growth does now need not be what it did for days, and the days' line has points too far apart to show
 * it: its recent quarter, eighth, ... in finer samples. The longest of them that has turned is then the segment:
 * true. *noise: what the points keep from their line, as far as it is known; and now is. */
static bool segment_turn(struct detector *d, struct segment *s, double *noise, union trend_word *scratch)
{
    const double confidence = d->settings.confidence_pct;
    const int64_t least_ms = TURN_PERIODS * d->series.period_ms;
    const int64_t begin_ms = time_of(d, s->t[0]);
    for (int64_t span_ms = (d->last_ms - begin_ms) / 4; span_ms >= least_ms; span_ms /= 2) {
        const struct segment part = segment_since(d, d->last_ms - span_ms);
        struct turn turn = {.noise = *noise};
        if (!turns(s, &part, confidence, scratch, &turn) || (d->bend > 1 && !is_no_curve(s, &part, &turn)))
            continue;
        *noise = turn.noise;
        d->turned = true;
        d->accelerates = turn.up;
        d->bend = 1;
        d->rate_before = turn.before.slope;
        d->slope = turn.recent;
        *s = part;
        s->first = turn.up ? line_without_bend(s->t, s->v, s->n, confidence, scratch, &d->slope) : 0;
        return true;
    }
    return false;
}

/* What has slowed down or stopped may go on: that is looked for from there on. What repeats has been seen before
 * that, if at all. */
static void segment_follow(struct detector *d, struct segment *s, const struct segment *whole,
                           union trend_word *scratch)
{
    struct segment recent = *whole;
    struct turn known = {.noise = 0};
    if (segment_turn(d, &recent, &known.noise, scratch)) {
        *s = recent;
    } else if (s->piece && !d->accelerates) {
        recent = segment_since(d, time_of(d, s->t[s->first]));
        line_before(whole, &recent, d->settings.confidence_pct, scratch, &known);
    } else {
        return;
    }
    if (!d->accelerates && segment_turn(d, &recent, &known.noise, scratch))
        *s = recent;
}

void forecast_present(struct detector *d)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count =
        series_window(&d->series, d->last_ms - PRESENT_PERIODS * d->series.period_ms, point, &width_ms);
    double off[SERIES_RING];
    for (size_t i = 0; i < count; i++)
        off[i] = point[i].mean - swing_of(d, point, i) - forecast_line(d, point[i].t_ms);
    const double lead = trend_median(off, count);
    d->lead = d->slope_known && fabs(lead) > d->sample_noise ? lead : 0;
    /* The median of the present lags behind what is steep, and behind a step. */
    const double now = forecast_now(d) + forecast_swing_now(d);
    d->level_of_line = d->slope_known && fabs(now - d->value) > d->sample_noise;
    if (d->level_of_line || d->turned)
        d->value = now;
}

int64_t forecast_begin(const struct detector *d)
{
    union trend_word scratch[TREND_SCRATCH_WORDS(SERIES_RING)];
    const double confidence = d->settings.confidence_pct;
    const struct segment all = segment_since(d, d->onset_ms);
    struct trend_slope line, rest;
    size_t cut = 0;
    while (cut < all.n && all.t[cut] < detector_seconds(d, d->told_onset_ms))
        cut++;
    const bool bend = cut > 0 && trend_slope(all.t, all.v, all.n, confidence, scratch, &line) == STATUS_OK &&
                      bends_before(all.t, all.v, all.n, cut, confidence, scratch, &line, &rest);
    return bend ? d->told_onset_ms : d->onset_ms;
}

/* The straight line through what has happened since from_ms, for rate, forecast and chart. */
void forecast_segment(struct detector *d, const struct series_bucket *point, size_t count,
                      const struct block *block, size_t blocks, int64_t from_ms)
{
    union trend_word scratch[TREND_SCRATCH_WORDS(SERIES_RING)];
    struct segment whole = segment_points(d, point, count, block, blocks, from_ms), segment = whole;
    const bool told = d->state == VERDICT_UNBOUNDED;
    if (told && detector_has_days(d))
        ahead_learn(d);
    const bool repeats = told && ahead_repeats(d);
    if (told)
        close_step(&segment);
    segment_line(d, &segment, repeats, scratch);
    d->turned = false;
    if (told && d->slope_known && !repeats)
        segment_follow(d, &segment, &whole, scratch);
    d->fit_from_ms = segment.n > 0 ? time_of(d, segment.t[segment.first]) : d->last_ms;
    d->lead = 0;
    d->fit_moved = segment.n > 0 ? segment.moved[segment.first] : 0;
    if (d->slope_known)
        segment_bounds(d, &segment, scratch);
}

/* When the limit is reached from `level` at a rate that grows by the factor `bend` in each bend_s, for as long as that
 * was seen. */
static int64_t time_of_reach(const struct detector *d, double level, double rate, double bend)
{
    const double left = d->limit.value - level;
    if (left <= 0)
        return d->last_ms;
    if (!(rate > 0) || isnan(left))
        return INT64_MAX;
    double wait_s = left / rate;
    if (bend > 1) {
        const double growth = log(bend) / d->bend_s, bends_s = BEND_LASTS * 2 * d->bend_s;
        const double end_rate = rate * exp(growth * bends_s), bent = (end_rate - rate) / growth;
        wait_s = left < bent ? log1p(left * growth / rate) / growth : bends_s + (left - bent) / end_rate;
    }
    const double room_s = (double)(TIME_ISO_LAST_MS - d->skipped_ms - d->last_ms) / 1000;
    return wait_s < room_s ? d->last_ms + (int64_t)(wait_s * 1000) : INT64_MAX;
}

/* Likewise, of what swings as the week before it did: at its next hour that is high enough, which is none before the
 * week's highest would be there. */
static int64_t time_of_reach_in_days(const struct detector *d, double level, double rate, double bend)
{
    if (!detector_has_days(d))
        return time_of_reach(d, level, rate, bend);
    const int64_t first_ms = time_of_reach(d, level + (d->days.week_peak - d->days.week_mean), rate, bend);
    if (first_ms == INT64_MAX)
        return INT64_MAX;
    int64_t at_ms = first_ms - (first_ms - d->last_ms) % DAYS_SLOT_MS;
    for (; at_ms - d->last_ms < DAYS_AHEAD_MS; at_ms += DAYS_SLOT_MS) {
        const int64_t reach_ms = time_of_reach(d, level + swing_between(d, at_ms, at_ms), rate, bend);
        if (reach_ms < at_ms + DAYS_SLOT_MS)
            return reach_ms > at_ms ? reach_ms : at_ms;
    }
    return first_ms;
}

static bool hardly_grows(const struct detector *d, const struct verdict *v)
{
    return !d->accelerates && verdict_hardly_grows(v);
}

enum pace forecast_pace(const struct detector *d, const struct verdict *v)
{
    const bool hardly = hardly_grows(d, v);
    return d->used_up || (hardly && detector_is_at_limit(d)) ? PACE_AT_LIMIT
           : hardly                                          ? PACE_HARDLY
                                                             : PACE_GROWS;
}

/* What the growth may do from now on: go on by its days, or by its line. */
struct course {
    double share;      /* of what its days gain, */
    double rate, bend; /* or its rate, per second, and the factor by which that grows */
};

/* From `off` above the present level. */
static int64_t course_end(const struct detector *d, bool repeats, const struct course *course, double off)
{
    return repeats ? ahead_reach(d, course->share, off)
                   : time_of_reach_in_days(d, forecast_now(d) + off, course->rate, course->bend);
}

/* Likewise, when the level may be off by what it did in as long a time before, or by noise that is more. */
static int64_t course_end_off(const struct detector *d, bool repeats, const struct course *course,
                              const float wander[WANDER_SCALES], double noise)
{
    int64_t end_ms = 0;
    for (size_t scale = 0; scale < WANDER_SCALES; scale++) {
        const int64_t within_ms = DAYS_SLOT_MS << scale;
        const double wanders = (double)wander[scale];
        end_ms = course_end(d, repeats, course, fabs(wanders) > fabs(noise) ? wanders : noise);
        if (end_ms <= d->last_ms + within_ms) /* less would do, if that came at once */
            return scale > 0 && end_ms < d->last_ms + within_ms / 2 ? d->last_ms + within_ms / 2 : end_ms;
    }
    return end_ms;
}

/* What has slowed down or stopped may go on as before at any time, as long as it may be a weekend that it rests for: its
 * mean rate before the line, per second; 0 for none. */
static double rate_resumed(const struct detector *d)
{
    const int64_t before_ms = d->fit_from_ms - d->onset_ms, rests_ms = d->last_ms - d->fit_from_ms;
    if (!detector_has_days(d) || rests_ms >= REST_MS || before_ms < rests_ms / REST_PARTS)
        return 0;
    return (forecast_line(d, d->fit_from_ms) - d->onset_level) * 1000 / (double)before_ms;
}

/* When the limit is reached, and within which times: of a verdict that knows its line. */
void forecast_reach(const struct detector *d, enum pace pace, struct verdict *v)
{
    if (pace == PACE_AT_LIMIT) {
        verdict_stands_at_end(v); /* the line is of before */
        return;
    }
    const bool repeats = ahead_repeats(d);
    const double varies = repeats ? ahead_varies(d) : 0;
    const double samples = d->sample_noise - d->line_noise, noise = repeats ? 0 : d->line_noise;
    /* Of what hardly grows any more the end would be in years, or never, as the noise has it. */
    const struct course middle = {1, pace == PACE_HARDLY ? 0 : d->slope_now, d->bend},
                        fast = {1 + varies, fmax(d->rate_high, rate_resumed(d)), pow(d->bend, BEND_EARLY)},
                        slow = {1 - varies, d->rate_low, 1};
    v->exhaustion_ms = course_end(d, repeats, &middle, 0);
    v->exhaustion_early_ms = course_end_off(d, repeats, &fast, d->ahead.up, noise + samples);
    v->exhaustion_late_ms = course_end_off(d, repeats, &slow, d->ahead.down, -noise);
    if (v->exhaustion_late_ms < v->exhaustion_ms)
        v->exhaustion_late_ms = v->exhaustion_ms;
    if (detector_has_days(d))
        v->exhaustion_late_ms = ahead_rested(d, repeats, v->exhaustion_late_ms);
    if (v->exhaustion_early_ms > v->exhaustion_ms)
        v->exhaustion_early_ms = v->exhaustion_ms;
}

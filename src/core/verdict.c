/* verdict.c - see verdict.h.
 *
 * The judgement is a chain of clauses; growth is `unbounded` only when all of them hold, and the first that
 * fails gives the reason. None of the constants is fitted to recordings: each is argued where it is defined.
 *
 * The life of the incarnation is cut into some 32-48 blocks of equal length (so everything is relative to the
 * time seen), each with its median level and its floor. For every block at which the growth may have begun
 * ("onset"):
 *   1. time      it has gone on for a third of the life, or of the time the present rate needs to fill the
 * headroom (to the limit, or to twice the level when none is known), whichever is shorter: a confirmation
 * that is proportional to what is at stake;
 *   2. effect    it is large against the level, against the scatter about the line and against the range that
 * the series showed before, and it is new territory;
 *   3. spread    every part of it grew, the last no less than the first (a plateau approached slows down);
 *   4. onset     it was not growing at that rate before (else the onset lies further back);
 *   5. shape     a straight line explains it better than levelling off does, and better than at most three
 * steps;
 *   6. floor     the floor rises too: a sawtooth that grows taller is not a leak.
 * Then the finding has to last (hysteresis) before the state changes, and to stop for long before it changes
 * back. */
#include "storewatch/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "storewatch/series.h"
#include "storewatch/trend.h"

const char *verdict_state_name(enum verdict_state state)
{
    static const char *const names[] = {"learning", "bounded", "unbounded"};
    return (size_t)state < ARRAY_COUNT(names) ? names[state] : "unknown";
}

const char *shape_name(enum shape shape)
{
    switch (shape) {
#define SHAPE_CASE(name, text)                                                                               \
    case SHAPE_##name:                                                                                       \
        return text;
        SHAPE_LIST(SHAPE_CASE)
#undef SHAPE_CASE
    }
    return "unknown";
}

/* ---- constants of the judgement ---- */

#define BLOCKS_MAX 48
#define BLOCKS_MIN 8       /* of a growth: below, its thirds have no medians */
#define SAMPLES_MIN 30     /* of a life: below, nothing is said */
#define CONFIRM_SHARE 0.34 /* clause 1: of the life or of the time to exhaustion */
#define BIRTH_SHARE                                                                                          \
    0.125 /* an onset in the first eighth of the life is growth from birth: perhaps a warm-up */
#define BIRTH_SAMPLES 400 /* ... which is believed after so many samples, when no min_window says how long   \
                           */
#define LIFE_SAMPLES 120  /* likewise for growth from a level that was held for */
#define HELD_SAMPLES 36   /* at least so many samples */
#define LEVEL_SHARE                                                                                          \
    0.01 /* clause 2: growth below 1 % of the level would need 100 times the time seen to double */
#define SCATTER_FACTOR 2.5 /* clause 2: growth against the 10-90 % range of the residuals */
#define RANGE_FACTOR 0.5   /* clause 2: how far above the range seen before the onset, in ranges */
#define LAST_PART 0.6      /* clause 3: growth of the last part over that of the first */
#define PRIOR_RATE 0.6     /* clause 4 */
#define LAST_SHARE 0.08    /* the finding must have lasted for this share of the growth */
#define STALL_SHARE 0.5    /* no new height for this share of the growth's duration clears */
#define GUARD_SHARE 0.9    /* the absolute guard: of the limit */
#define EVALUATE_SHARE 64  /* evaluations are spaced by 1/64 of the life */

enum clause {
    CLAUSE_LEARNING,
    CLAUSE_FLAT,
    CLAUSE_TIME,
    CLAUSE_BIRTH,
    CLAUSE_LEVEL,
    CLAUSE_SCATTER,
    CLAUSE_RANGE,
    CLAUSE_PARTS,
    CLAUSE_PRIOR,
    CLAUSE_SATURATING,
    CLAUSE_STAIRS,
    CLAUSE_FLOOR,
    CLAUSE_MINIMUM,
    CLAUSE_CONFIRMING,
    CLAUSE_GROWS,
    CLAUSE_GUARD,
};

struct block {
    double t, middle, floor; /* t in seconds from the origin */
};

/* What an evaluation found. */
struct finding {
    enum clause clause; /* GROWS, or the clause that failed for the most promising onset */
    int64_t onset_ms;
    double onset_level, growth, level;
    double range_low, range_high; /* of the level before the onset */
    double plateau;               /* where a saturating curve heads; NAN */
};

struct detector {
    struct verdict_settings settings;
    struct verdict_limit limit;
    struct series series;
    uint64_t unknown_count, sample_count;
    int64_t first_ms, last_ms;
    int64_t next_evaluation_ms;
    enum verdict_state state;
    int64_t since_ms;
    enum shape shape;
    struct finding finding; /* the latest */
    bool confirming;
    int64_t confirming_since_ms;
    /* While unbounded: */
    int64_t onset_ms;
    double onset_level, peak;
    int64_t peak_ms;
    bool by_guard;
    /* The line of the present segment, per second. */
    struct trend_slope slope;
    bool slope_known;
    int64_t fit_from_ms;
    double value;
    size_t change_count;
    int64_t change_ms[VERDICT_CHANGES_MAX];
};

_Static_assert(sizeof(struct detector) <= DETECTOR_BYTES_MAX, "a detector keeps within its bound");

struct detector *detector_new(const struct verdict_settings *settings)
{
    struct detector *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->settings = *settings;
    d->limit = (struct verdict_limit){.value = NAN, .name = NULL};
    series_init(&d->series);
    d->value = NAN;
    d->finding.plateau = NAN;
    return d;
}

void detector_free(struct detector *d)
{
    free(d);
}

void detector_set_limit(struct detector *d, struct verdict_limit limit)
{
    d->limit = limit;
}

static double seconds(const struct detector *d, int64_t t_ms)
{
    return (double)(t_ms - d->series.origin_ms) / 1000;
}

/* Cuts the points into at most BLOCKS_MAX blocks of equal duration; empty ones are left out. */
static size_t blocks_make(const struct detector *d, const struct series_sample *point, size_t count,
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
            t += seconds(d, point[i].t_ms);
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

static double median_of(const struct block *block, size_t from, size_t to, bool floors)
{
    double v[BLOCKS_MAX];
    size_t n = 0;
    for (size_t i = from; i < to; i++)
        v[n++] = floors ? block[i].floor : block[i].middle;
    return trend_median(v, n);
}

/* Medians of the six sixths of blocks s..n. */
static void sixths(const struct block *block, size_t s, size_t n, bool floors, double e[6])
{
    for (size_t k = 0; k < 6; k++) {
        const size_t from = s + (n - s) * k / 6;
        size_t to = s + (n - s) * (k + 1) / 6;
        if (to == from)
            to = from + 1;
        e[k] = median_of(block, from, to, floors);
    }
}

static enum clause onset_test(const struct detector *d, const struct block *block, size_t s, size_t n,
                              struct finding *f)
{
    const double life = block[n - 1].t - block[0].t;
    const double duration = block[n - 1].t - block[s].t;
    double e[6];
    sixths(block, s, n, false, e);
    const double growth = (e[5] - e[0]) * 1.2;
    f->onset_ms = d->series.origin_ms + (int64_t)(block[s].t * 1000);
    f->onset_level = e[0] - growth * 0.1;
    f->growth = growth;
    f->level = e[5] + growth * 0.1;
    f->plateau = NAN;
    if (!(growth > 0))
        return CLAUSE_FLAT;
    if (growth < LEVEL_SHARE * fabs(e[0]))
        return CLAUSE_LEVEL;
    /* Clause 3. Of a straight line the first and the last two fifths are each 0.4. */
    const double first = e[2] - e[0], middle = e[3] - e[2], last = e[5] - e[3];
    if (first < 0.15 * growth || last < 0.25 * growth || middle < -0.05 * growth || last < LAST_PART * first)
        return CLAUSE_PARTS;
    /* Clause 2: scatter. */
    double residual[BLOCKS_MAX];
    for (size_t i = s; i < n; i++)
        residual[i - s] = block[i].middle - (f->onset_level + growth * (block[i].t - block[s].t) /
                                                                  (duration > 0 ? duration : 1));
    const size_t m = n - s;
    const double scatter = trend_rank(residual, m, m - 1 - m / 10) - trend_rank(residual, m, m / 10);
    if (growth < SCATTER_FACTOR * scatter)
        return CLAUSE_SCATTER;
    const bool from_birth = s < 2 || (block[s].t - block[0].t) < BIRTH_SHARE * life;
    if (!from_birth) {
        double before[BLOCKS_MAX];
        for (size_t i = 0; i < s; i++)
            before[i] = block[i].middle;
        f->range_high = trend_rank(before, s, s - 1 - s / 20);
        f->range_low = trend_rank(before, s, s / 20);
        if (e[5] < f->range_high + RANGE_FACTOR * (f->range_high - f->range_low))
            return CLAUSE_RANGE;
        /* Clause 4: the rate over a third of the duration before the onset. */
        const double reach = block[s].t - duration / 3;
        size_t p = s;
        while (p > 0 && block[p - 1].t >= reach)
            p--;
        if (s - p >= 2) {
            const size_t half = p + (s - p) / 2;
            const double rise = median_of(block, half, s, false) - median_of(block, p, half, false);
            const double rate = rise / ((block[s - 1].t - block[p].t) / 2 + 1e-9);
            if (rate > PRIOR_RATE * growth / duration)
                return CLAUSE_PRIOR;
        }
    } else {
        f->range_high = f->range_low = e[0];
    }
    /* Clause 1. */
    const double headroom = isnan(d->limit.value) ? fabs(f->onset_level) : d->limit.value - f->onset_level;
    double needed = life;
    if (headroom > 0 && headroom / growth * duration < needed)
        needed = headroom / growth * duration;
    if (duration < CONFIRM_SHARE * needed)
        return CLAUSE_TIME;
    if (d->settings.min_window_ms == 0) {
        const double held = (block[s].t - block[0].t) / (life > 0 ? life : 1) * (double)d->sample_count;
        if ((double)d->sample_count < (from_birth || held < HELD_SAMPLES ? BIRTH_SAMPLES : LIFE_SAMPLES))
            return CLAUSE_BIRTH;
    }
    if (duration * 1000 < (double)d->settings.min_window_ms)
        return CLAUSE_TIME;
    if (growth < d->settings.min_growth)
        return CLAUSE_MINIMUM;
    /* Clause 6. */
    sixths(block, s, n, true, e);
    if ((e[5] - e[0]) * 1.2 < 0.4 * growth)
        return CLAUSE_FLOOR;
    /* Clause 5. */
    double t[BLOCKS_MAX], v[BLOCKS_MAX];
    for (size_t i = s; i < n; i++) {
        t[i - s] = block[i].t;
        v[i - s] = block[i].middle;
    }
    const double least = 1e-6 * growth * growth;
    const double line = trend_aicc(trend_line_residue(t, v, m), least, m, 3);
    double level, tau;
    const double saturating = trend_aicc(trend_saturating_residue(t, v, m, &level, &tau), least, m, 4);
    if (saturating < line - 2 && tau < duration && level > v[0]) {
        f->plateau = level;
        return CLAUSE_SATURATING;
    }
    const size_t jumps = TREND_STAIRS_JUMPS_MAX;
    if (m > 2 * jumps + 4 &&
        trend_aicc(trend_stairs_residue(v, m, jumps, NULL), least, m, 2 * jumps + 2) < line)
        return CLAUSE_STAIRS;
    return CLAUSE_GROWS;
}

/* The straight line through what has happened since from_ms, for rate, forecast and chart. */
static void segment_fit(struct detector *d, const struct series_sample *point, size_t count, int64_t from_ms)
{
    double t[SERIES_RING], v[SERIES_RING];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (point[i].t_ms >= from_ms && (n == 0 || seconds(d, point[i].t_ms) > t[n - 1])) {
            t[n] = seconds(d, point[i].t_ms);
            v[n++] = point[i].mean;
        }
    double scratch[SERIES_RING * 4];
    _Static_assert(sizeof scratch >= SERIES_RING * 23 + 64, "enough for trend_slope");
    d->slope_known = trend_slope(t, v, n, d->settings.confidence_pct, scratch, &d->slope) == STATUS_OK;
    d->fit_from_ms = n > 0 ? d->series.origin_ms + (int64_t)(t[0] * 1000) : d->last_ms;
}

static enum shape shape_find(const struct block *block, size_t n, const struct finding *f)
{
    double v[BLOCKS_MAX], t[BLOCKS_MAX], copy[BLOCKS_MAX], e[6];
    for (size_t i = 0; i < n; i++) {
        copy[i] = v[i] = block[i].middle;
        t[i] = block[i].t;
    }
    sixths(block, 0, n, false, e);
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
    const double rise = e[5] - e[0];
    double plateau, tau;
    if (rise > 0.4 * range && trend_saturating_residue(t, v, n, &plateau, &tau) < 0.3 * total &&
        tau < 0.7 * (t[n - 1] - t[0]))
        return e[5] - e[3] < 0.1 * rise ? SHAPE_PLATEAU : SHAPE_WARM_UP;
    if (rise < -0.6 * range && trend_line_residue(t, v, n) < 0.4 * total)
        return SHAPE_SHRINKING;
    /* Periodic: the blocks repeat after some lag that fits in at least twice. */
    double best = 0;
    for (size_t lag = 3; lag <= n / 2; lag++) {
        double cross = 0;
        for (size_t i = lag; i < n; i++)
            cross += (v[i] - mean) * (v[i - lag] - mean);
        cross *= (double)n / (double)(n - lag);
        double before = 0; /* it has to have lost the resemblance in between */
        for (size_t i = lag / 2; i < n; i++)
            before += (v[i] - mean) * (v[i - lag / 2] - mean);
        if (before < 0.2 * total && cross / total > best)
            best = cross / total;
    }
    if (best > 0.6)
        return SHAPE_PERIODIC;
    if (f->growth > 0.6 * range && f->clause != CLAUSE_PARTS)
        return SHAPE_GROWTH;
    return SHAPE_NOISY;
}

static void change_remember(struct detector *d, int64_t t_ms)
{
    if (d->change_count == VERDICT_CHANGES_MAX) {
        memmove(d->change_ms, d->change_ms + 1, (VERDICT_CHANGES_MAX - 1) * sizeof d->change_ms[0]);
        d->change_count--;
    }
    d->change_ms[d->change_count++] = t_ms;
}

static void state_enter(struct detector *d, enum verdict_state state)
{
    d->state = state;
    d->since_ms = d->last_ms;
}

/* How promising the onset's failure is, for the reason: a later clause is closer to growth. */
static bool finding_better(const struct finding *a, const struct finding *b)
{
    return a->clause > b->clause;
}

static void evaluate(struct detector *d)
{
    struct series_sample point[SERIES_RING];
    struct block block[BLOCKS_MAX];
    const int64_t from_ms = d->first_ms + d->settings.warm_up_ms;
    int64_t width_ms;
    const size_t count = series_window(&d->series, from_ms, point, &width_ms);
    const int64_t begin_ms = from_ms > d->first_ms ? from_ms : d->first_ms;
    const size_t n = blocks_make(d, point, count, begin_ms, block);
    if (n < BLOCKS_MIN + 2 || d->sample_count < SAMPLES_MIN ||
        d->last_ms - begin_ms < d->settings.min_window_ms)
        return;

    struct finding best = {.clause = CLAUSE_FLAT, .onset_ms = begin_ms, .plateau = NAN};
    for (size_t s = 0; s + BLOCKS_MIN <= n; s++) {
        struct finding f = {0};
        f.clause = onset_test(d, block, s, n, &f);
        if (s == 0 || finding_better(&f, &best))
            best = f;
        if (f.clause == CLAUSE_GROWS)
            break;
    }
    d->finding = best;
    d->value = block[n - 1].middle;
    if (d->state == VERDICT_LEARNING)
        state_enter(d, VERDICT_BOUNDED);

    if (d->state == VERDICT_BOUNDED) {
        const bool guard = !isnan(d->limit.value) && best.clause >= CLAUSE_TIME &&
                           best.level >= GUARD_SHARE * d->limit.value && best.growth >= 0.25 * d->limit.value;
        if (best.clause == CLAUSE_GROWS || guard) {
            if (!d->confirming) {
                d->confirming = true;
                d->confirming_since_ms = d->last_ms;
            }
            const double lasted = (double)(d->last_ms - d->confirming_since_ms);
            if (guard || lasted >= LAST_SHARE * (double)(d->last_ms - best.onset_ms)) {
                state_enter(d, VERDICT_UNBOUNDED);
                change_remember(d, best.onset_ms);
                d->by_guard = guard && best.clause != CLAUSE_GROWS;
                d->onset_ms = best.onset_ms;
                d->onset_level = best.onset_level;
                d->peak = best.level;
                d->peak_ms = d->last_ms;
            }
        } else {
            d->confirming = false;
        }
    } else {
        /* Cleared when the growth was given back, or has stopped for half as long as it lasted. */
        const double now = median_of(block, n - 2, n, false);
        const double growth = d->peak - d->onset_level;
        if (now > d->peak + 0.02 * growth) {
            d->peak = now;
            d->peak_ms = d->last_ms;
        }
        const double stalled = (double)(d->last_ms - d->peak_ms);
        if (now < d->onset_level + 0.5 * growth ||
            stalled > STALL_SHARE * (double)(d->peak_ms - d->onset_ms)) {
            change_remember(d, d->peak_ms);
            d->confirming = false;
            state_enter(d, VERDICT_BOUNDED);
        }
    }
    segment_fit(d, point, count, d->state == VERDICT_UNBOUNDED ? d->onset_ms : begin_ms);
    if (d->state == VERDICT_UNBOUNDED)
        d->shape = SHAPE_GROWTH;
    else
        d->shape = shape_find(block, n, &best);
}

enum verdict_state detector_push(struct detector *d, int64_t t_ms, double value)
{
    if (d->sample_count + d->unknown_count > 0 && t_ms <= d->last_ms)
        return d->state;
    d->last_ms = t_ms;
    if (!isfinite(value)) {
        d->unknown_count++;
        return d->state;
    }
    if (d->sample_count == 0) {
        d->first_ms = t_ms;
        d->since_ms = t_ms;
    }
    d->sample_count++;
    series_push(&d->series, t_ms, value);
    if (d->sample_count <= SERIES_SEED || t_ms < d->next_evaluation_ms)
        return d->state;
    int64_t spacing = (t_ms - d->first_ms) / EVALUATE_SHARE;
    if (spacing < d->series.period_ms)
        spacing = d->series.period_ms;
    d->next_evaluation_ms = t_ms + spacing - d->series.period_ms / 2;
    evaluate(d);
    return d->state;
}

/* ---- words ---- */

static void reason_write(const struct detector *d, struct verdict *v)
{
    struct text text = text_on(v->reason, sizeof v->reason);
    const struct finding *f = &d->finding;
    const enum unit unit = d->settings.unit;
    if (d->state == VERDICT_LEARNING) {
        text_add(&text, "learning: ");
        text_add_duration(&text, d->sample_count > 0 ? d->last_ms - d->first_ms : 0);
        text_add(&text, " and %llu samples seen so far", (unsigned long long)d->sample_count);
        return;
    }
    if (d->state == VERDICT_UNBOUNDED) {
        text_add(&text, "grows ");
        text_add_rate_interval(&text, unit, v->slope_per_hour, v->slope_low_per_hour, v->slope_high_per_hour);
        text_add(&text, " for ");
        text_add_duration(&text, d->last_ms - d->onset_ms);
        text_add(&text, ", by ");
        text_add_quantity(&text, unit, v->growth);
        if (d->by_guard)
            text_add(&text, ", and is close to its limit");
        else
            text_add(&text, ", in each part of that time, straight rather than levelling off");
        if (v->exhaustion_ms != INT64_MAX) {
            text_add(&text, "; reaches ");
            text_add_quantity(&text, unit, v->limit);
            text_add(&text, " in ");
            text_add_duration(&text, v->exhaustion_ms - v->at_ms);
        }
        return;
    }
    text_add(&text, "%s at ", shape_name(d->shape));
    text_add_quantity(&text, unit, d->value);
    text_add(&text, ": ");
    switch (f->clause) {
    case CLAUSE_FLAT:
    case CLAUSE_LEARNING:
        text_add(&text, "no growth");
        break;
    case CLAUSE_LEVEL:
    case CLAUSE_MINIMUM:
        text_add(&text, "growth of ");
        text_add_quantity(&text, unit, f->growth);
        text_add(&text, " is too small to matter");
        break;
    case CLAUSE_PARTS:
        text_add(&text, "no growth that went on through every part of the time seen");
        break;
    case CLAUSE_SCATTER:
        text_add(&text, "growth of ");
        text_add_quantity(&text, unit, f->growth);
        text_add(&text, " is within the usual scatter");
        break;
    case CLAUSE_RANGE:
        text_add(&text, "within the range seen before, up to ");
        text_add_quantity(&text, unit, f->range_high);
        break;
    case CLAUSE_PRIOR:
    case CLAUSE_SATURATING:
        text_add(&text, "levelling off");
        if (!isnan(f->plateau) && f->plateau > f->level) {
            text_add(&text, " towards ");
            text_add_quantity(&text, unit, f->plateau);
        }
        break;
    case CLAUSE_STAIRS:
        text_add(&text, "rose in a few steps, not steadily");
        break;
    case CLAUSE_FLOOR:
        text_add(&text, "the lowest values do not rise");
        break;
    case CLAUSE_TIME:
    case CLAUSE_BIRTH:
    case CLAUSE_CONFIRMING:
    case CLAUSE_GROWS:
    case CLAUSE_GUARD:
        text_add(&text, "grows by ");
        text_add_quantity(&text, unit, f->growth);
        text_add(&text, " since ");
        text_add_duration(&text, d->last_ms - f->onset_ms);
        text_add(&text, ", too short to tell yet");
        break;
    }
}

static int64_t time_of_reach(const struct detector *d, double slope_per_s)
{
    if (!(slope_per_s > 0) || isnan(d->limit.value))
        return INT64_MAX;
    const double ms = (d->limit.value - d->value) / slope_per_s * 1000;
    if (ms <= 0)
        return d->last_ms;
    return ms < 4e15 ? d->last_ms + (int64_t)ms : INT64_MAX;
}

void detector_verdict(const struct detector *d, struct verdict *v)
{
    *v = (struct verdict){.state = d->state,
                          .shape = d->shape,
                          .at_ms = d->last_ms,
                          .since_ms = d->since_ms,
                          .onset_ms = d->state == VERDICT_UNBOUNDED ? d->onset_ms : d->fit_from_ms,
                          .value = d->value,
                          .slope_per_hour = NAN,
                          .slope_low_per_hour = NAN,
                          .slope_high_per_hour = NAN,
                          .growth = NAN,
                          .limit = d->limit.value,
                          .limit_name = d->limit.name,
                          .exhaustion_ms = INT64_MAX,
                          .exhaustion_early_ms = INT64_MAX,
                          .exhaustion_late_ms = INT64_MAX,
                          .fit_from_ms = d->fit_from_ms,
                          .fit_from = NAN,
                          .fit_to = NAN,
                          .sample_count = d->sample_count,
                          .unknown_count = d->unknown_count};
    v->change_count = d->change_count;
    memcpy(v->change_ms, d->change_ms, sizeof v->change_ms);
    if (d->slope_known) {
        v->slope_per_hour = d->slope.slope * 3600;
        v->slope_low_per_hour = d->slope.low * 3600;
        v->slope_high_per_hour = d->slope.high * 3600;
        v->fit_from = d->slope.intercept + d->slope.slope * seconds(d, d->fit_from_ms);
        v->fit_to = d->slope.intercept + d->slope.slope * seconds(d, d->last_ms);
        v->growth = v->fit_to - v->fit_from;
        if (d->state == VERDICT_UNBOUNDED) {
            v->exhaustion_ms = time_of_reach(d, d->slope.slope);
            v->exhaustion_early_ms = time_of_reach(d, d->slope.high);
            v->exhaustion_late_ms = time_of_reach(d, d->slope.low);
        }
    }
    reason_write(d, v);
}

void detector_learned(const struct detector *d, struct verdict_settings *settings)
{
    settings->learned_leak = d->state == VERDICT_UNBOUNDED;
    if (d->state == VERDICT_BOUNDED) {
        settings->learned_plateau = d->value;
        settings->learned_warm_up_ms = d->settings.warm_up_ms;
    }
}

size_t detector_points(const struct detector *d, struct series_point *out_points, size_t capacity)
{
    struct series_sample point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->first_ms, point, &width_ms);
    const size_t group = capacity == 0 ? 0 : (count + capacity - 1) / capacity;
    size_t made = 0;
    for (size_t i = 0; group > 0 && i < count; i += group) {
        struct series_point p = {.t_ms = point[i].t_ms, .low = point[i].low, .high = point[i].high};
        double sum = 0, weight = 0;
        for (size_t j = i; j < count && j < i + group; j++) {
            p.low = point[j].low < p.low ? point[j].low : p.low;
            p.high = point[j].high > p.high ? point[j].high : p.high;
            sum += point[j].mean * point[j].count;
            weight += point[j].count;
        }
        p.mean = sum / weight;
        out_points[made++] = p;
    }
    return made;
}

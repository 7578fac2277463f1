/* verdict.c - see verdict.h.
 *
 * The judgement is a chain of clauses. Growth is `unbounded` only when all of them hold, and the one that
 * fails gives the reason. The life of the incarnation (its last two weeks, when it is longer: people's
 * longest cycle is the week) is cut into up to 48 blocks of equal length, so that everything is relative to
 * the time seen; each has its median level and its floor. Two views are judged: the medians, and the floors
 * of pairs of blocks, which excursions (a busy hour, the teeth of a saw) do not reach. For every block at
 * which the growth may have begun (the onset):
 *   1. time      it has gone on for nearly half of the life; less is only enough when it is urgent: so
 * straight, sharp and large against the headroom that the time to wait is measured by the time that is left;
 *   2. effect    it is large against the level, against the scatter about its own curve - the more so the
 * fewer samples speak for it - and it is new territory: above the range shown before the onset;
 *   3. spread    every part of it grew, the last parts no less than the first: what approaches a plateau
 * slows down;
 *   4. onset     it did not grow at that rate before (else the onset lies further back);
 *   5. shape     a straight line explains it better than levelling off does, and better than at most three
 * steps do;
 *   6. floor     the floor rises too: a sawtooth that grows taller is not a leak.
 * Growth that passes is taken as a forecast, and the state changes only when what comes after has obeyed it:
 * a test on data that had no part in raising the suspicion, so that looking again and again costs no false
 * alarms. The present state ends when the growth has stopped for half as long as it lasted, or was given
 * back.
 *
 * Evaluations are spaced by 1/64 of the life, so their number grows with its logarithm; between them a push
 * costs a bucket update and a comparison or two. */
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

/* ---- constants of the judgement: each with its argument ---- */

/* Blocks: enough for sixths of half a life to have medians of several blocks, few enough that each averages
 * noise. */
#define BLOCKS_MAX 48
#define BLOCKS_MIN 8   /* of a growth: below, its sixths are single blocks */
#define SAMPLES_MIN 30 /* of a life: below, nothing is said */
#define VIEWS 2        /* medians; floors of pairs of blocks */
#define LIFE_MAX_MS (14 * MS_PER_DAY)

/* Clause 1. A rise that comes back (a wave, a busy spell) has a flank of a quarter of its period: seen for
 * nearly half of the life it is the trend of that life. Half itself would never be reached by a leak that
 * begins half way. */
#define CONFIRM_LIFE 0.44
#define CONFIRM_FIRST 0.2 /* from here on it may be confirming */
/* Urgent: it has taken so much of the headroom (to the limit, or to twice the level when none is known): with
 * URGENT_LAST of confirmation some two thirds of the time to exhaustion are left to act in. */
#define CONFIRM_HEADROOM 0.22
/* Growth in the first eighth of the life is perhaps a warm-up; without a min_window the number of samples is
 * the only measure of what "long" is for this program: people sample so that a warm-up shows as some hundred
 * samples. */
#define BIRTH_SHARE 0.125
#define BIRTH_SAMPLES 400
#define LIFE_SAMPLES 250  /* growth from a level that was held before needs less, */
#define URGENT_SAMPLES 90 /* urgent growth still less, */
#define HELD_SAMPLES 36   /* if that level was held for so many samples */
#define LEARNED_SHARE 0.5 /* of all these when the last incarnation leaked: the prior odds are even */

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
#define SATURATING_MARGIN 2 /* of AICc */

/* What is urgent has to be unmistakable. */
#define STRICT_PART 0.8   /* each sixth within 20 % of straight */
#define STRICT_SCATTER 40 /* growth against scatter */
#define STRICT_PRIOR 0.25 /* a sharp onset: the flank of a hump has none */
#define STRICT_RANGE 3    /* growth against the range before */

/* Confirmation, clearing, guard. */
#define CONFIRM_SHARE 0.12   /* a forecast has to be obeyed for this share of the growth's duration, */
#define URGENT_LAST 0.3      /* an urgent one, which has seen less, for this one, */
#define VERIFY 0.6           /* by this part of the growth foreseen */
#define STALL_SHARE 0.5      /* no new height for this share of the growth's duration clears, */
#define RELEASE_SHARE 0.5    /* and so does giving back this share of the growth */
#define GUARD_SHARE 0.9      /* the absolute guard: so near the limit, */
#define GUARD_BELOW 0.75     /* in one rise from a life below this, */
#define GUARD_RISES 4        /* of so many samples in a row: a step to a new level has one */
#define PLATEAU_REACHED 0.95 /* of the plateau ends a warm-up, for the next incarnation */
#define HALVES_SHARE 0.4     /* of the residue: two lines for the two halves are better than one */
#define ACCELERATES 1.3      /* rate of the later half over that of the whole: 1.5 for a parabola */
#define BEND_MAX 4           /* of a rate in half a segment: more would extrapolate noise */
#define SETTLED_FACTOR 4     /* rise before, over the 10-90 % range since */
#define BEND_PARTS 3         /* cuts tried in the first quarter of a segment, */
#define BEND_NARROWS                                                                                         \
    3 /* and how much narrower the interval must get: a quarter fewer points widen it by half */
#define EVALUATE_SHARE 64
#define SILENCE_SHARE 16   /* a silence counts as time seen up to this share of the life, */
#define SILENCE_PERIODS 20 /* or so many periods if that is more */
#define SILENCES_MAX 16
#define DESCRIBE_EVERY 4 /* the line's interval costs more than the judgement: not at each evaluation */

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
    CLAUSE_GROWS,
    CLAUSE_GUARD,
};

struct block {
    double t, middle, floor; /* t in seconds from the origin */
};

/* What an evaluation found. */
struct finding {
    enum clause hold;   /* GROWS, or what an alarm still has to wait for */
    enum clause clause; /* GROWS, or the clause that failed for the most promising onset */
    int64_t onset_ms;
    double onset_level, growth, level;
    double rate; /* of the active phase, per second */
    bool urgent, floors;
    double range_low, range_high; /* of the level before the onset */
    double plateau;               /* where a saturating curve heads; NAN */
};

/* A growth found, waiting to be confirmed by what comes after it. */
struct forecast {
    int64_t lasted_ms; /* time it has been found for, less the time it was not; 0 = none */
    int64_t at_ms;     /* when it was made */
    double level, rate_per_ms;
};

/* A silence that was cut short: from at_ms on, the clock is skipped_ms ahead of the time seen. */
struct silence {
    int64_t at_ms, skipped_ms;
};

/* All times in here are times *seen*: what passes while nothing is read (storewatch stopped, the machine
 * asleep, the clock set) teaches nothing of the shape, and must not make the growth after it look short
 * against a long life. So a long silence is cut short on the way in, and put back on the way out
 * (detector_verdict, detector_points). */
struct detector {
    struct verdict_settings settings;
    int64_t pushed_ms; /* latest time pushed, by the clock */
    int64_t known_ms;  /* time seen, of the latest known sample */
    int64_t skipped_ms;
    size_t silence_count;
    struct silence silences[SILENCES_MAX];
    struct verdict_limit limit;
    struct series series;
    uint64_t unknown_count, sample_count;
    int64_t first_ms, last_ms;
    int64_t next_evaluation_ms;
    enum verdict_state state;
    int64_t since_ms;
    enum shape shape;
    struct finding finding; /* the latest */
    unsigned undescribed;   /* evaluations since shape and line were last determined */
    int64_t evaluated_ms, urgent_evaluated_ms, next_urgent_ms;
    struct forecast steady, urgent; /* being confirmed, by the whole life and by its recent parts */
    double last_value;
    unsigned rises;     /* in a row, above GUARD_BELOW of the limit */
    double usual, high; /* level of the first two thirds of the life: median and 95 % */
    /* While unbounded: */
    int64_t onset_ms;
    double onset_level, peak;
    int64_t peak_ms;
    bool by_guard;
    /* The line of the present segment, per second. */
    struct trend_slope slope;
    bool slope_known, accelerates;
    double rate_low, rate_high;  /* what may come, per second */
    double bend, half_segment_s; /* the rate grows by the factor `bend` in that time */
    double line_noise;           /* distance from the line that nine of ten points keep */
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
    const double middle = (time[0] + time[n - 1]) / 2, half = (time[n - 1] - time[0]) / 2;
    double v0 = 0, x1 = 0, x2 = 0, x3 = 0, x4 = 0, v1 = 0, v2 = 0;
    const double m = (double)n;
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - middle) / half, v = value[i] - value[0];
        x1 += x;
        x2 += x * x;
        x3 += x * x * x;
        x4 += x * x * x * x;
        v0 += v;
        v1 += v * x;
        v2 += v * x * x;
    }
    /* Normal equations with x and x^2 centred. */
    const double s11 = x2 - x1 * x1 / m, s12 = x3 - x1 * x2 / m, s22 = x4 - x2 * x2 / m;
    const double s1v = v1 - x1 * v0 / m, s2v = v2 - x2 * v0 / m;
    const double determinant = s11 * s22 - s12 * s12;
    double bend = determinant > 0 ? (s11 * s2v - s12 * s1v) / determinant : 0;
    if (bend < 0)
        bend = 0;
    const double rate = s11 > 0 ? (s1v - bend * s12) / s11 : 0;
    double residual[BLOCKS_MAX];
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - middle) / half;
        residual[i] = value[i] - value[0] - rate * x - bend * x * x;
    }
    return 1.5 * (trend_rank(residual, n, n - 1 - n / 5) - trend_rank(residual, n, n / 5));
}

/* What a window is judged in. */
struct context {
    double life_s;         /* seen so far, without the warm-up */
    double window_begin_s; /* begin of the window after the begin of that life */
    double samples;        /* seen in that life, about */
    double last_value;
    unsigned rises;          /* in a row, above GUARD_BELOW of the limit */
    double usual, high;      /* median and 95 % level of the life before the window; NAN for none */
    bool short_window;       /* only what is urgent counts */
    const struct view *fine; /* the medians of all blocks */
};

/* Whoever leaked before is believed sooner. */
static double hurry(const struct detector *d)
{
    return d->settings.learned_leak ? LEARNED_SHARE : 1;
}

/* At most three steps explain the medians from block s on better than a straight line does. */
static bool stairs_explain(const struct view *fine, bool floors, size_t s, double growth)
{
    const size_t m = fine->n - s, jumps = STAIRS_JUMPS;
    if (m <= 2 * jumps + 4)
        return false;
    const double *value = floors ? fine->other : fine->value;
    const double least = 1e-6 * growth * growth;
    const double line = trend_aicc(trend_line_residue(fine->t + s, value + s, m), least, m, 3);
    return trend_aicc(trend_stairs_residue(value + s, m, jumps, NULL), least, m, 2 * jumps + 2) < line;
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
    sixths(v, s, n, e);
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
    f->rate = 0.6 * growth / (duration * (double)(active > 0 ? active : 1) / (double)m);
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
    const double held = before / (life > 0 ? life : 1) * context->samples;
    const double needed = (from_birth || held < HELD_SAMPLES ? BIRTH_SAMPLES
                           : urgent                          ? URGENT_SAMPLES
                                                             : LIFE_SAMPLES) *
                          hurry(d);
    const double learned_s = (double)d->settings.learned_warm_up_ms / 1000;
    if (!d->settings.learned_leak && life < 2 * learned_s && f->level < d->settings.learned_plateau)
        f->hold = CLAUSE_BIRTH; /* on its way to where it always goes */
    else if (duration < CONFIRM_LIFE * hurry(d) * life && !urgent)
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
    if (saturating < line - SATURATING_MARGIN && tau < duration && level > v[s]) {
        f->plateau = level;
        return CLAUSE_SATURATING;
    }
    if (stairs_explain(context->fine, view->floors, s * (view->floors ? 2 : 1), growth))
        return CLAUSE_STAIRS;
    return CLAUSE_GROWS;
}

/* The straight line through what has happened since from_ms, for rate, forecast and chart. When the rate of
 * the later half cannot be that of the whole (their intervals part), the later half is what goes on from
 * here. */
/* The onset is known to a block, so the segment may begin with a piece of the level before it. That bend
 * makes the residuals of an otherwise clean line one long wave, and its interval as wide as the wave is long.
 * Where leaving out the beginning narrows the interval out of all proportion to the points that go, it was a
 * bend. Returns where the line begins, and puts it into d->slope. */
static size_t segment_without_bend(struct detector *d, const double *t, const double *v, size_t n,
                                   double *scratch)
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

static void segment_fit(struct detector *d, const struct series_sample *point, size_t count, int64_t from_ms)
{
    double t[SERIES_RING] = {0}, v[SERIES_RING] = {0}, scratch[SERIES_RING * 4];
    _Static_assert(sizeof scratch >= SERIES_RING * 23 + 64, "enough for trend_slope");
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (point[i].t_ms >= from_ms && (n == 0 || seconds(d, point[i].t_ms) > t[n - 1])) {
            t[n] = seconds(d, point[i].t_ms);
            v[n++] = point[i].mean;
        }
    const double confidence = d->settings.confidence_pct;
    size_t first = 0;
    d->accelerates = false;
    d->slope_known = trend_slope(t, v, n, confidence, scratch, &d->slope) == STATUS_OK;
    struct trend_slope later;
    const size_t half = n / 2;
    if (d->state == VERDICT_UNBOUNDED && half >= TREND_POINTS_MIN &&
        trend_line_residue(t, v, half) + trend_line_residue(t + half, v + half, n - half) <
            HALVES_SHARE * trend_line_residue(t, v, n) &&
        trend_slope(t + half, v + half, n - half, confidence, scratch, &later) == STATUS_OK &&
        later.slope > 0) {
        d->accelerates = later.slope > ACCELERATES * d->slope.slope;
        d->slope = later;
        first = half;
    }
    if (d->state == VERDICT_UNBOUNDED && d->slope_known && first == 0)
        first = segment_without_bend(d, t, v, n, scratch);
    d->fit_from_ms = n > 0 ? d->series.origin_ms + (int64_t)(t[first] * 1000) : d->last_ms;
    if (!d->slope_known)
        return;
    /* What may come: the rates of the segment's halves bound the rate as well as its interval does (a rate
     * that varied will vary), and the residuals bound where the line ends. */
    d->rate_low = d->slope.low;
    d->rate_high = d->slope.high;
    d->bend = 1;
    const size_t middle = first + (n - first) / 2;
    struct trend_slope one, two;
    if (trend_slope(t + first, v + first, middle - first, confidence, scratch, &one) == STATUS_OK &&
        trend_slope(t + middle, v + middle, n - middle, confidence, scratch, &two) == STATUS_OK) {
        d->rate_low = fmin(d->rate_low, fmin(one.slope, two.slope));
        d->rate_high = fmax(d->rate_high, fmax(one.slope, two.slope));
        if (d->accelerates && one.slope > 0 && two.slope > one.slope)
            d->bend = fmin(two.slope / one.slope, BEND_MAX);
    }
    double residual[SERIES_RING];
    for (size_t i = first; i < n; i++)
        residual[i - first] = fabs(v[i] - d->slope.intercept - d->slope.slope * t[i]);
    d->line_noise = trend_rank(residual, n - first, (n - first) * 9 / 10);
    d->half_segment_s = (t[n - 1] - t[first]) / 2;
}

static enum shape shape_find(const struct block *block, size_t n, const struct finding *f)
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
    return a->clause > b->clause || (a->clause == b->clause && a->clause == CLAUSE_GROWS &&
                                     b->hold != CLAUSE_GROWS && a->hold == CLAUSE_GROWS);
}

/* The most promising onset in the window that begins at begin_ms. */
static struct finding window_judge(const struct detector *d, struct context *context,
                                   const struct block *block, size_t n, int64_t begin_ms)
{
    struct finding best = {.clause = CLAUSE_FLAT, .onset_ms = begin_ms, .plateau = NAN};
    struct view fine;
    view_make(block, n, 1, &fine);
    context->fine = &fine;
    for (size_t group = 1; group <= VIEWS && best.clause != CLAUSE_GROWS; group++) {
        struct view view;
        view_make(block, n, group, &view);
        for (size_t s = 0; s + BLOCKS_MIN <= view.n; s++) {
            struct finding f = {0};
            f.clause = onset_test(d, context, &view, s, &f);
            if ((s == 0 && group == 1) || finding_better(&f, &best))
                best = f;
            if (f.clause == CLAUSE_GROWS && f.hold == CLAUSE_GROWS)
                break;
        }
    }
    context->fine = NULL;
    return best;
}

static void unbounded_enter(struct detector *d, const struct finding *f, bool by_guard)
{
    state_enter(d, VERDICT_UNBOUNDED);
    change_remember(d, f->onset_ms);
    d->by_guard = by_guard;
    d->finding = *f;
    d->onset_ms = f->onset_ms;
    d->onset_level = f->onset_level;
    d->peak = f->level;
    d->peak_ms = d->last_ms;
    d->steady.lasted_ms = d->urgent.lasted_ms = 0;
}

static int64_t begin_of_life(const struct detector *d)
{
    const int64_t begin_ms = d->first_ms + d->settings.warm_up_ms;
    return d->last_ms - begin_ms > LIFE_MAX_MS ? d->last_ms - LIFE_MAX_MS : begin_ms;
}

/* Line and shape, for words, charts and forecast. */
static void describe(struct detector *d, const struct series_sample *point, size_t count,
                     const struct block *block, size_t n, int64_t from_ms)
{
    d->undescribed = 0;
    segment_fit(d, point, count, from_ms);
    if (d->state != VERDICT_UNBOUNDED)
        d->shape = shape_find(block, n, &d->finding);
    else
        d->shape = d->accelerates      ? SHAPE_ACCELERATING
                   : d->finding.floors ? SHAPE_RISING_FLOOR
                                       : SHAPE_GROWTH;
}

static double level_of(const struct series_sample *point, size_t from, size_t to)
{
    double v[SERIES_RING];
    for (size_t i = from; i < to; i++)
        v[i - from] = point[i].mean;
    return trend_median(v, to - from);
}

/* While unbounded: cleared when the growth was given back, or has stopped for half as long as it lasted. */
static void watch_growth(struct detector *d)
{
    struct series_sample point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->onset_ms, point, &width_ms);
    if (count < 2)
        return;
    const size_t tail = count / 24 + 2 < count ? count / 24 + 2 : count;
    const double now = level_of(point, count - tail, count);
    const double growth = d->peak - d->onset_level;
    if (now > d->peak + 0.02 * growth) {
        d->peak = now;
        d->peak_ms = d->last_ms;
    }
    d->value = now;
    const double stalled = (double)(d->last_ms - d->peak_ms);
    if (now < d->onset_level + RELEASE_SHARE * growth ||
        stalled > STALL_SHARE * (double)(d->peak_ms - d->onset_ms)) {
        change_remember(d, d->peak_ms);
        state_enter(d, VERDICT_BOUNDED);
        d->next_evaluation_ms = d->last_ms;
        d->undescribed = DESCRIBE_EVERY;
        return;
    }
    if (++d->undescribed >= DESCRIBE_EVERY)
        describe(d, point, count, NULL, 0, d->onset_ms);
}

/* Growth that was found is taken as a forecast, and an alarm waits until what came after has obeyed it: for a
 * share of the growth's duration, and by at least VERIFY of the growth foreseen. A curve that bends, a step,
 * a chance rise do not; a leak does. A forecast that failed is replaced by the present one. */
static bool forecast_holds(struct detector *d, struct forecast *forecast, const struct finding *f,
                           int64_t since_ms, const struct series_sample *point, size_t count)
{
    if (f->clause != CLAUSE_GROWS) {
        forecast->lasted_ms -= since_ms;
        if (forecast->lasted_ms < 0)
            forecast->lasted_ms = 0;
        return false;
    }
    const double duration_ms = (double)(d->last_ms - f->onset_ms);
    const double share = (f->urgent ? URGENT_LAST : CONFIRM_SHARE) * hurry(d);
    const bool fresh = forecast->lasted_ms == 0;
    forecast->lasted_ms += since_ms > 0 ? since_ms : 1;
    if (!fresh) {
        if (f->hold != CLAUSE_GROWS || (double)forecast->lasted_ms < share * duration_ms)
            return false;
        const double elapsed_ms = (double)(d->last_ms - forecast->at_ms);
        size_t from = count;
        while (from > 0 && (double)(d->last_ms - point[from - 1].t_ms) <= elapsed_ms / 3)
            from--;
        if (from == count)
            return false;
        const double rise = level_of(point, from, count) - forecast->level;
        if (rise >= VERIFY * forecast->rate_per_ms * elapsed_ms * 5 / 6)
            return true;
    }
    *forecast = (struct forecast){
        .at_ms = d->last_ms, .level = f->level, .rate_per_ms = f->growth / duration_ms, .lasted_ms = 1};
    return false;
}

static void evaluate(struct detector *d)
{
    struct series_sample point[SERIES_RING];
    struct block block[BLOCKS_MAX];
    const int64_t begin_ms = begin_of_life(d);
    int64_t width_ms;
    const size_t count = series_window(&d->series, begin_ms, point, &width_ms);
    const size_t n = blocks_make(d, point, count, begin_ms, block);
    if (n < BLOCKS_MIN + 2 || d->sample_count < SAMPLES_MIN ||
        d->last_ms - begin_ms < d->settings.min_window_ms)
        return;
    const double life_s = (double)(d->last_ms - begin_ms) / 1000;
    struct context context = {
        .life_s = life_s, .samples = life_s * 1000 / (double)d->series.period_ms, .usual = NAN, .high = NAN};
    if (context.samples > (double)d->sample_count)
        context.samples = (double)d->sample_count;
    if (begin_ms > d->first_ms + d->settings.warm_up_ms) {
        struct series_sample older[SERIES_RING];
        const size_t all = series_window(&d->series, d->first_ms + d->settings.warm_up_ms, older, &width_ms);
        size_t k = 0;
        double v[SERIES_RING];
        while (k < all && older[k].t_ms < begin_ms) {
            v[k] = older[k].mean;
            k++;
        }
        if (k > 0) {
            context.usual = trend_rank(v, k, k / 2);
            context.high = trend_rank(v, k, k - 1 - k / 20);
        }
    }
    const struct finding best = window_judge(d, &context, block, n, begin_ms);
    const int64_t since_ms = d->last_ms - d->evaluated_ms;
    d->finding = best;
    d->evaluated_ms = d->last_ms;
    d->value = block[n - 1].middle;
    double middle[BLOCKS_MAX];
    const size_t older_blocks = n * 2 / 3;
    for (size_t i = 0; i < older_blocks; i++)
        middle[i] = block[i].middle;
    d->usual = trend_rank(middle, older_blocks, older_blocks / 2);
    d->high = trend_rank(middle, older_blocks, older_blocks - 1 - older_blocks / 20);
    if (d->state == VERDICT_LEARNING)
        state_enter(d, VERDICT_BOUNDED);
    if (forecast_holds(d, &d->steady, &best, since_ms, point, count))
        unbounded_enter(d, &best, false);
    if (d->state == VERDICT_UNBOUNDED || ++d->undescribed >= DESCRIBE_EVERY)
        describe(d, point, count, block, n, d->state == VERDICT_UNBOUNDED ? d->onset_ms : begin_ms);
}

/* The recent quarter, sixteenth, ... of the life, in finer blocks: growth that fills its headroom long before
 * the life has doubled cannot wait for clause 1. Only called while the value is far above the usual level. */
static void evaluate_urgent(struct detector *d)
{
    const int64_t begin_ms = begin_of_life(d);
    const int64_t life_ms = d->last_ms - begin_ms;
    int64_t window_ms = life_ms / 3;
    const int64_t since_ms = d->last_ms - d->urgent_evaluated_ms;
    d->urgent_evaluated_ms = d->last_ms;
    bool grows = false;
    for (; window_ms >= 40 * d->series.period_ms && !grows; window_ms /= 3) {
        struct series_sample point[SERIES_RING];
        struct block block[BLOCKS_MAX];
        int64_t width_ms;
        const int64_t from_ms = d->last_ms - window_ms;
        const size_t count = series_window(&d->series, from_ms, point, &width_ms);
        const size_t n = blocks_make(d, point, count, from_ms - width_ms, block);
        if (n < BLOCKS_MIN + 4)
            return;
        struct context context = {.life_s = (double)life_ms / 1000,
                                  .window_begin_s = (double)(from_ms - begin_ms) / 1000,
                                  .samples = (double)d->sample_count,
                                  .usual = d->usual,
                                  .high = d->high,
                                  .short_window = true};
        const struct finding best = window_judge(d, &context, block, n, from_ms);
        if (best.clause != CLAUSE_GROWS)
            continue;
        grows = true;
        if (forecast_holds(d, &d->urgent, &best, since_ms, point, count)) {
            unbounded_enter(d, &best, false);
            describe(d, point, count, block, n, d->onset_ms);
            return;
        }
    }
    if (!grows)
        d->urgent.lasted_ms = 0;
}

static void guard_speak(struct detector *d, double value)
{
    struct series_sample point[SERIES_RING];
    int64_t width_ms;
    const int64_t from_ms = d->last_ms - 40 * d->series.period_ms;
    const size_t count = series_window(&d->series, from_ms, point, &width_ms);
    size_t first = count;
    while (first > 0 && point[first - 1].mean > d->high)
        first--;
    const struct finding f = {.clause = CLAUSE_GUARD,
                              .onset_ms = first < count ? point[first].t_ms : from_ms,
                              .onset_level = d->high,
                              .growth = value - d->high,
                              .level = value,
                              .plateau = NAN};
    unbounded_enter(d, &f, true);
    describe(d, point, count, NULL, 0, f.onset_ms);
}

static int64_t spacing(const struct detector *d, int64_t span_ms)
{
    const int64_t wanted = span_ms / EVALUATE_SHARE;
    return (wanted > d->series.period_ms ? wanted : d->series.period_ms) - d->series.period_ms / 2;
}

/* The time seen at `t_ms` by the clock. */
static int64_t time_seen(const struct detector *d, int64_t t_ms)
{
    int64_t bound_ms = (d->known_ms - d->first_ms) / SILENCE_SHARE;
    if (bound_ms < SILENCE_PERIODS * d->series.period_ms)
        bound_ms = SILENCE_PERIODS * d->series.period_ms;
    const int64_t seen_ms = t_ms - d->skipped_ms;
    const bool cut = d->series.period_ms > 0 && seen_ms - d->known_ms > bound_ms;
    return cut ? d->known_ms + bound_ms : seen_ms;
}

/* The clock at a time seen. Of more than SILENCES_MAX silences the oldest are forgotten: times before them
 * come out late by what they skipped. */
static int64_t time_by_clock(const struct detector *d, int64_t seen_ms)
{
    if (seen_ms == INT64_MAX)
        return INT64_MAX;
    int64_t skipped_ms = 0;
    for (size_t i = 0; i < d->silence_count && d->silences[i].at_ms <= seen_ms; i++)
        skipped_ms = d->silences[i].skipped_ms;
    return seen_ms + skipped_ms;
}

static void silence_remember(struct detector *d, int64_t at_ms)
{
    if (d->silence_count == SILENCES_MAX)
        memmove(d->silences, d->silences + 1, sizeof d->silences[0] * --d->silence_count);
    d->silences[d->silence_count++] = (struct silence){at_ms, d->skipped_ms};
}

enum verdict_state detector_push(struct detector *d, int64_t clock_ms, double value)
{
    if (d->sample_count + d->unknown_count > 0 && clock_ms <= d->pushed_ms)
        return d->state;
    d->pushed_ms = clock_ms;
    const int64_t t_ms = d->sample_count > 0 ? time_seen(d, clock_ms) : clock_ms;
    d->last_ms = t_ms;
    if (!isfinite(value)) {
        d->unknown_count++;
        return d->state;
    }
    if (d->sample_count == 0) {
        d->first_ms = t_ms;
        d->since_ms = t_ms;
    }
    if (t_ms + d->skipped_ms < clock_ms) {
        d->skipped_ms = clock_ms - t_ms;
        silence_remember(d, t_ms);
    }
    d->known_ms = t_ms;
    d->sample_count++;
    series_push(&d->series, t_ms, value);
    if (d->series.period_ms == 0 || t_ms < d->first_ms + d->settings.warm_up_ms)
        return d->state;
    /* The absolute guard: a level never seen comes near the limit in one rise. No time to look at its shape.
     */
    if (d->state == VERDICT_BOUNDED && value >= GUARD_BELOW * d->limit.value &&
        d->high < GUARD_BELOW * d->limit.value) {
        d->rises = value > d->last_value ? d->rises + 1 : 0;
        if (d->rises >= GUARD_RISES && value >= GUARD_SHARE * d->limit.value)
            guard_speak(d, value);
    } else {
        d->rises = 0;
    }
    d->last_value = value;
    if (d->state == VERDICT_UNBOUNDED) {
        if (t_ms >= d->next_evaluation_ms) {
            d->next_evaluation_ms = t_ms + spacing(d, t_ms - d->onset_ms);
            watch_growth(d);
        }
        return d->state;
    }
    if (t_ms >= d->next_evaluation_ms) {
        d->next_evaluation_ms = t_ms + spacing(d, t_ms - begin_of_life(d));
        evaluate(d);
    }
    if (d->state == VERDICT_BOUNDED && t_ms >= d->next_urgent_ms) {
        const double headroom = isnan(d->limit.value) ? fabs(d->usual) : d->limit.value - d->usual;
        if (value - d->usual >= CONFIRM_HEADROOM * headroom) {
            d->next_urgent_ms = t_ms + spacing(d, (t_ms - begin_of_life(d)) / 9);
            evaluate_urgent(d);
        }
    }
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
        if (v->slope_low_per_hour > 0) {
            text_add(&text, "grows ");
            text_add_rate_interval(&text, unit, v->slope_per_hour, v->slope_low_per_hour,
                                   v->slope_high_per_hour);
        } else { /* swings make the interval too wide to be of use */
            text_add(&text, "grows about ");
            text_add_rate(&text, unit, v->slope_per_hour);
        }
        text_add(&text, " for ");
        text_add_duration(&text, d->last_ms - d->onset_ms);
        text_add(&text, ", by ");
        text_add_quantity(&text, unit, v->growth);
        if (d->by_guard)
            text_add(&text, ", in one rise from a level it never left before");
        else if (d->accelerates)
            text_add(&text, ", faster and faster");
        else if (f->urgent)
            text_add(&text, ", straight, and fast against what is left");
        else if (d->shape == SHAPE_RISING_FLOOR)
            text_add(&text, ", the lowest values too, straight rather than levelling off");
        else
            text_add(&text, ", in each third of that time, straight rather than levelling off");
        if (v->exhaustion_ms != INT64_MAX) {
            text_add(&text, "; reaches ");
            text_add_quantity(&text, unit, v->limit);
            text_add(&text, " in ");
            text_add_duration(&text, v->exhaustion_early_ms - v->at_ms);
            if (v->exhaustion_late_ms == INT64_MAX) {
                text_add(&text, " or later");
            } else {
                text_add(&text, " to ");
                text_add_duration(&text, v->exhaustion_late_ms - v->at_ms);
            }
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
        text_add(&text, "%s",
                 d->shape == SHAPE_PLATEAU    ? "grew and levelled off"
                 : d->shape == SHAPE_PERIODIC ? "what it takes it gives back, again and again"
                 : d->shape == SHAPE_STEP     ? "one step, and level before and since"
                                              : "no growth that went on through every part of the time seen");
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
        if (!isnan(f->plateau) && f->plateau > f->onset_level) {
            const double way = (d->value - f->onset_level) / (f->plateau - f->onset_level);
            text_add(&text, ", %.0f %% of the way to ", 100 * fmin(fmax(way, 0), 1));
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

/* When the limit is reached from `level` at a rate that grows by the factor `bend` in each half_segment_s. */
static int64_t time_of_reach(const struct detector *d, double level, double rate, double bend)
{
    const double left = d->limit.value - level;
    if (!(rate > 0) || isnan(left))
        return INT64_MAX;
    double wait_s = left / rate;
    if (bend > 1) {
        const double growth = log(bend) / d->half_segment_s;
        wait_s = log1p(left * growth / (rate * sqrt(bend))) / growth;
    }
    if (wait_s <= 0)
        return d->last_ms;
    return wait_s < 4e12 ? d->last_ms + (int64_t)(wait_s * 1000) : INT64_MAX;
}

enum verdict_state detector_state(const struct detector *d)
{
    return d->state;
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
        v->growth = d->state == VERDICT_UNBOUNDED ? d->peak - d->onset_level : v->fit_to - v->fit_from;
        if (d->state == VERDICT_UNBOUNDED) {
            v->exhaustion_ms = time_of_reach(d, v->fit_to, d->slope.slope, d->bend);
            v->exhaustion_early_ms = time_of_reach(d, v->fit_to + d->line_noise, d->rate_high, d->bend);
            v->exhaustion_late_ms = time_of_reach(d, v->fit_to - d->line_noise, d->rate_low, 1);
            if (v->exhaustion_late_ms < v->exhaustion_ms)
                v->exhaustion_late_ms = v->exhaustion_ms;
            if (v->exhaustion_early_ms > v->exhaustion_ms)
                v->exhaustion_early_ms = v->exhaustion_ms;
        }
    }
    reason_write(d, v);
    int64_t *const times[] = {&v->at_ms,
                              &v->since_ms,
                              &v->onset_ms,
                              &v->fit_from_ms,
                              &v->exhaustion_ms,
                              &v->exhaustion_early_ms,
                              &v->exhaustion_late_ms};
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        *times[i] = time_by_clock(d, *times[i]);
    for (size_t i = 0; i < v->change_count; i++)
        v->change_ms[i] = time_by_clock(d, v->change_ms[i]);
}

void detector_learned(const struct detector *d, struct verdict_settings *settings)
{
    settings->learned_leak = d->state == VERDICT_UNBOUNDED;
    if (d->state != VERDICT_BOUNDED)
        return;
    struct series_sample point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->first_ms, point, &width_ms);
    size_t i = 0;
    while (i + 1 < count && point[i].mean < PLATEAU_REACHED * d->usual)
        i++;
    settings->learned_plateau = d->usual;
    settings->learned_warm_up_ms = count > 0 ? point[i].t_ms - d->first_ms : 0;
}

size_t detector_points(const struct detector *d, struct series_point *out_points, size_t capacity)
{
    struct series_sample point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->first_ms, point, &width_ms);
    const size_t group = capacity == 0 ? 0 : (count + capacity - 1) / capacity;
    size_t made = 0;
    for (size_t i = 0; group > 0 && i < count; i += group) {
        struct series_point p = {
            .t_ms = time_by_clock(d, point[i].t_ms), .low = point[i].low, .high = point[i].high};
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

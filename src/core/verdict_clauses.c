/* verdict_clauses.c - is what a window shows growth without bound? The chain of clauses that verdict.c tells
 * of, each with its argument. */
#include "verdict_internal.h"

#include <string.h>

/* ---- constants of the judgement: each with its argument ---- */

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
#define BIRTH_SAMPLES 300
#define HELD_SAMPLES 24   /* From a level that was held for so many samples */
#define LIFE_SAMPLES 250  /* growth needs less. What is plainer needs fewer: */
#define FAR_OUT 12        /* of more than so many times half of the range before, in proportion, */
#define URGENT_SAMPLES 70 /* down to these, which are enough when it is urgent */
/* What the growth has outlasted is no held level, but perhaps a pause of the warm-up: a program that idles until
 * its first load comes. (The onset that is found may lie two fifths of the growth's duration before the true one:
 * FIRST_SHARE.) */
#define OUTLASTED 0.6

/* In a first day nobody has seen what each day does, nor whether caches that are filled from the start come to an
 * end. There the time to wait is measured by the time that is left: told is what has taken half of the headroom,
 * so that it has lasted as long as the rest will; where no limit is known, what has come to thrice its level.
 * (Without a min_window the samples are what there is.) */
#define FIRST_DAY_HEADROOM 0.5
#define FIRST_DAY_TIMES 2 /* the level it began at */
/* And the night after it: by default IIS ends its workers after 29 hours. */
#define FIRST_DAY_MS (30 * MS_PER_HOUR)

/* Where an earlier incarnation has been without harm is harmless: */
#define USUAL_BEYOND 0.2                /* and some more, of the growth: no two lives are alike; */
#define USUAL_BELOW 0.75                /* of the limit: nearer it nothing is; */
#define USUAL_LIFE_MS (14 * MS_PER_DAY) /* after such a life what is urgent is no warm-up */

/* Clause 2. */
#define LEVEL_SHARE 0.01 /* of the level: less would need 100 times the time seen to double it */
/* Growth against the 10-90 % range of the residuals (2.56 sigma): 5.6 sigma, */
#define SCATTER_FACTOR 2.2
/* and factor times samples: an effect seen in few samples has to be plainer. */
#define EVIDENCE 3600
/* New territory: above the 95 % level before the onset by half the width of that range. */
#define RANGE_FACTOR 0.5
/* Growth without a held level before it has no range and no past to be compared with, so it has to matter by
 * itself: a twentieth, as for growth along a line. */
#define LEVEL_BIRTH LINE_LEVEL
/* What came down by so much on its own may go up by as much again, and its next swing may be larger: a swing
 * is what the growth is half of, at most. */
#define FALL_FACTOR 2
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

/* Growth that excursions interrupt is judged on the line that most of it lies on (view_on_line): */
#define LINE_LIFE 0.6     /* it has gone on for this share of the life, */
#define LINE_SAMPLES 1000 /* which has this many samples: what looks away has to look longer, */
#define LINE_LEVEL 0.05   /* and it is this large against the level */

/* What is urgent has to be unmistakable. */
#define STRICT_PART 0.8   /* each sixth within 20 % of straight */
#define STRICT_SCATTER 40 /* growth against scatter; */
#define STRICT_LINE 15    /* this is enough where what scatters is noise: no curve is better than the line */
#define STRICT_PRIOR 0.25 /* a sharp onset: the flank of a hump has none */
#define STRICT_RANGE 3    /* growth against the range before */

/* Bytes that a program of which nothing else is known has to have before its growth says anything. A collector
 * of garbage lets a small heap grow, in a straight line, to a least size before it looks at it for the first
 * time: Go's to 4 MiB (runtime/mgcpacer.go, defaultHeapMinimum). The runtime itself takes as much again. */
#define FIRST_COLLECTION (8.0 * 1024 * 1024)

/* Nor is anything urgent that a program takes of its first 256 MiB, where no limit is known: a limit below that is
 * none that people give to a server program, and one that has just started doubles many times. */
#define LEAST_LIMIT (256.0 * 1024 * 1024)

/* Shapes, and cycles. */
#define SETTLED_FACTOR 4  /* rise before, over the 10-90 % range since */
#define STAIRS_LEAVE 0.25 /* of what a line leaves: with less, the steps explain all there is */
#define SWING_SHARE 0.6   /* growth against the swing of the cycle */

static double median_of(const double *value, size_t from, size_t to)
{
    double v[BLOCKS_MAX];
    memcpy(v, value + from, (to - from) * sizeof *v);
    return trend_median(v, to - from);
}

/* Median of the k-th sixth of the values; of one value at least. */
static double sixth(const double *value, size_t n, size_t k)
{
    const size_t from = n * k / 6, to = n * (k + 1) / 6;
    return median_of(value, from, to == from ? from + 1 : to);
}

/* Rise of the floor from the first third to the last, scaled to the whole: of each third the second lowest
 * block, so that one dip does not count, and a whole tooth of a saw that shows at all fits in. */
static double floor_growth(const double *floor, size_t n)
{
    double level[2];
    for (size_t k = 0; k < 2; k++) {
        const size_t from = n * 2 * k / 3, count = n / 3;
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
    return 1.5 * values_width(residual, n, n / 5);
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
        values_products(t + from, value + from, to - from, &tt, &tv);
    }
    const double within = tt > 0 ? tv / tt * (t[m - 1] - t[0]) / growth : 0;
    return within < STAIRS_SURE || (stairs < line && within < STAIRS_WITHIN);
}

/* ---- the clauses ---- */

/* Growth of a view from one of its blocks on, and what the clauses find out about it on their way. */
struct onset {
    const struct detector *detector;
    const struct context *context;
    const struct view *view;
    size_t s, m;         /* the block, and how many there are from it on */
    const double *t, *v; /* of those */
    double duration;     /* of the growth, s */
    double before;       /* of the life without growth, s */
    bool from_birth;     /* there is hardly such a life */
    double level[6];     /* of the sixths of the growth */
    double growth;       /* from its begin to its end */
    double scatter;      /* about its own curve */
    double noise;        /* tolerance of its parts */
    double rate;         /* per second, */
    double near;         /* and just before the onset */
    struct finding *found;
};

/* A clause answers CLAUSE_GROWS when it holds, else what failed. */
typedef enum clause clause_fn(struct onset *o);

static struct onset onset_at(const struct detector *d, const struct context *context, const struct view *view,
                             size_t s, struct finding *found)
{
    const double *t = view->t;
    struct onset o = {.detector = d,
                      .context = context,
                      .view = view,
                      .s = s,
                      .m = view->n - s,
                      .t = t + s,
                      .v = view->value + s,
                      .duration = t[view->n - 1] - t[s],
                      .before = t[s] - t[0] + context->window_begin_s,
                      .found = found};
    o.from_birth = o.before < BIRTH_SHARE * context->life_s;
    o.level[0] = sixth(o.v, o.m, 0);
    o.level[5] = sixth(o.v, o.m, 5);
    o.growth = (o.level[5] - o.level[0]) * 1.2; /* the ends are a twelfth beyond the middles of the sixths */
    found->onset_ms = d->series.origin_ms + (int64_t)(t[s] * 1000);
    found->onset_level = o.level[0] - o.growth * 0.1;
    found->growth = o.growth;
    found->level = o.level[5] + o.growth * 0.1;
    found->plateau = NAN;
    return o;
}

/* Clause 2, against the level. */
static enum clause clause_level(struct onset *o)
{
    if (!(o->growth > 0))
        return CLAUSE_FLAT;
    const double share = o->from_birth && !o->context->short_window ? LEVEL_BIRTH : LEVEL_SHARE;
    return o->growth < share * fabs(o->level[0]) ? CLAUSE_LEVEL : CLAUSE_GROWS;
}

static double headroom_of(const struct onset *o)
{
    return detector_headroom(o->detector, o->found->onset_level);
}

/* Growth of so much has lasted as long as the rest will. */
static double half_of_headroom(const struct onset *o)
{
    const double level = o->found->onset_level;
    const double half = FIRST_DAY_HEADROOM * (o->detector->limit.value - level); /* NAN: no limit is known */
    return detector_is_open(o->detector, level) ? fmin(half, FIRST_DAY_TIMES * fabs(level)) : half;
}

/* So large against what is left that waiting costs. Where no limit is known, twice the level is one (of bytes
 * LEAST_LIMIT, where that is more). That makes an alarm of a straight steep rise with the load, too; but of the 49
 * leaks of the recordings 47 are told so, 46 when three times the level is the limit, 43 with four times, 34 when
 * nothing is urgent without a limit, and later all of them. */
static bool takes_headroom(const struct onset *o)
{
    double headroom = headroom_of(o);
    if (isnan(o->detector->limit.value) && o->detector->settings.unit == UNIT_BYTES)
        headroom = fmax(headroom, LEAST_LIMIT - o->found->onset_level);
    return headroom > 0 && o->growth >= CONFIRM_HEADROOM * headroom;
}

/* Clause 1, what is known of it at once: a short window is only looked at for what is urgent. That has seen little:
 * where the life has been before and come back from is no news. */
static enum clause clause_short(struct onset *o)
{
    const struct context *context = o->context;
    return context->short_window && (o->level[5] < context->record || !takes_headroom(o)) ? CLAUSE_TIME
                                                                                          : CLAUSE_GROWS;
}

/* Clause 3. Every part grew, the last ones no less than the first: of a straight line the first and the last
 * two fifths are each 0.4. */
static enum clause clause_parts(struct onset *o)
{
    double *e = o->level;
    e[2] = sixth(o->v, o->m, 2);
    e[3] = sixth(o->v, o->m, 3);
    const double first = e[2] - e[0], middle = e[3] - e[2], last = e[5] - e[3];
    /* Most fail here, whatever the scatter is. */
    if (first < FIRST_SHARE * o->growth || last < LAST_SHARE * o->growth)
        return CLAUSE_PARTS;
    e[1] = sixth(o->v, o->m, 1);
    e[4] = sixth(o->v, o->m, 4);
    o->scatter = scatter_about_curve(o->t, o->v, o->m);
    o->noise = PART_NOISE * o->scatter;
    return middle < -0.05 * o->growth - o->noise || last < LAST_PART * first - o->noise ||
                   e[5] - e[4] < END_SHARE * o->growth - o->noise
               ? CLAUSE_PARTS
               : CLAUSE_GROWS;
}

/* Clause 3, the end. The active phase is the time that the last three fifths of the growth took; its last
 * quarter must still grow. */
static enum clause clause_recent(struct onset *o)
{
    const size_t n = o->m;
    size_t active = 0;
    for (size_t i = 0; i < n; i++)
        active += o->v[i] > o->found->onset_level + 0.4 * o->growth;
    const size_t quarter = (active + 2) / 4 > 0 ? (active + 2) / 4 : 1;
    const double expected = 0.6 * o->growth * (double)quarter / (double)(active > 0 ? active : 1);
    const double tail = median_of(o->v, n - quarter, n) - median_of(o->v, n - 2 * quarter, n - quarter);
    return tail < RECENT * expected - o->noise ? CLAUSE_PARTS : CLAUSE_GROWS;
}

/* Clause 2, against the scatter, the more so the fewer samples speak for it (with a min_window in the
 * settings the service has said what is long enough). */
static enum clause clause_scatter(struct onset *o)
{
    const bool strict = o->context->short_window && !o->context->daily;
    if (o->growth < (strict ? STRICT_LINE : SCATTER_FACTOR) * o->scatter)
        return CLAUSE_SCATTER;
    const bool few = !strict && o->detector->settings.min_window_ms == 0 &&
                     o->growth * o->context->samples < EVIDENCE * o->scatter;
    return few ? CLAUSE_FEW : CLAUSE_GROWS;
}

/* Clause 2, new territory: above what was shown before the onset. */
static enum clause clause_range(struct onset *o)
{
    struct finding *f = o->found;
    f->range_high = f->range_middle = o->level[0];
    if (o->from_birth)
        return CLAUSE_GROWS;
    double prior[BLOCKS_MAX];
    const size_t n = o->s > 0 ? o->s : 1; /* of the growth's own begin when nothing was before */
    memcpy(prior, o->view->value, n * sizeof *prior);
    values_range(prior, n, &f->range_middle, &f->range_high);
    if (o->context->high > f->range_high) {
        f->range_high = o->context->high;
        f->range_middle = o->context->usual;
    }
    return o->level[5] < f->range_high + 2 * RANGE_FACTOR * (f->range_high - f->range_middle) ? CLAUSE_RANGE
                                                                                              : CLAUSE_GROWS;
}

static double largest_fall(const double *value, size_t n)
{
    double high = -HUGE_VAL, fall = 0;
    for (size_t i = 0; i < n; i++) {
        high = fmax(high, value[i]);
        fall = fmax(fall, high - value[i]);
    }
    return fall;
}

/* Clause 2, against the swings of the life before: what was given back by itself. (What a leak gave back that
 * was told is no swing.) A short window is held against the highest level of that life instead. */
static enum clause clause_fall(struct onset *o)
{
    const struct detector *d = o->detector;
    const bool leaked = d->change_count > 0 && detector_seconds(d, d->held_ms) > o->view->t[0];
    if (o->context->short_window || leaked)
        return CLAUSE_GROWS;
    o->found->fall = largest_fall(o->view->value, o->s + 2); /* the onset is known to a block */
    return o->growth < FALL_FACTOR * o->found->fall ? CLAUSE_FALL : CLAUSE_GROWS;
}

/* Clause 4. It did not grow so before, over a third of its duration and over as long as it lasted. */
static enum clause clause_prior(struct onset *o)
{
    if (o->from_birth)
        return CLAUSE_GROWS;
    o->rate = o->growth / o->duration;
    o->near = rate_before(o->view->t, o->view->value, o->s, o->duration / 3);
    const double far = rate_before(o->view->t, o->view->value, o->s, o->duration);
    return fmax(o->near, far) > PRIOR_RATE * o->rate ? CLAUSE_PRIOR : CLAUSE_GROWS;
}

/* Neither a parabola nor a cubic explains the growth better than its line does, nor even about as well: what
 * scatters about the line is noise and not the line's own curve. */
static bool is_straight(const struct onset *o)
{
    const double least = 1e-6 * o->growth * o->growth;
    struct trend_parabola parabola;
    trend_parabola(o->t, o->v, o->m, &parabola);
    const double line = trend_aicc(trend_line_residue(o->t, o->v, o->m), least, o->m, 3);
    return line < trend_aicc(parabola.residue, least, o->m, 4) - AICC_MARGIN &&
           line < trend_aicc(trend_cubic_residue(o->t, o->v, o->m), least, o->m, 5) - AICC_MARGIN;
}

/* Straight in each sixth, far out of the scatter and of the range before, from a sharp onset. */
static bool is_unmistakable(const struct onset *o)
{
    for (size_t k = 0; k < 5; k++) {
        const double part = (o->level[k + 1] - o->level[k]) * 6 / o->growth; /* 1 for a straight line */
        if (!(part > STRICT_PART && part < 2 - STRICT_PART))
            return false;
    }
    return o->near < STRICT_PRIOR * o->rate && (o->growth > STRICT_SCATTER * o->scatter ||
                                                (o->growth > STRICT_LINE * o->scatter && is_straight(o)));
}

/* Days differ, so no growth against them is that straight. It has lasted through a whole one instead: what comes with
 * the load has gone home with it by then. Or it has taken half of the headroom, and lasted as long as the rest will. */
static bool outlasts_a_day(const struct onset *o)
{
    return o->duration * 1000 >= MS_PER_DAY || o->growth >= half_of_headroom(o);
}

/* Urgent is what takes much of the headroom, leads far out of the range before, and is no swing. A warm-up is all that
 * too, so never from birth. */
static bool is_urgent(const struct onset *o)
{
    const struct finding *f = o->found;
    return !o->from_birth && takes_headroom(o) &&
           o->growth >= STRICT_RANGE * (f->range_high - f->range_middle) &&
           (o->context->daily ? outlasts_a_day(o) : is_unmistakable(o));
}

/* Samples of a life that growth in it needs. */
static double samples_needed(const struct onset *o)
{
    const struct finding *f = o->found;
    const double life = o->context->life_s > 0 ? o->context->life_s : 1;
    const double held = o->before / life * o->context->samples;
    if (o->from_birth || held < HELD_SAMPLES)
        return BIRTH_SAMPLES;
    if (o->before < OUTLASTED * o->duration && !takes_headroom(o))
        return LIFE_SAMPLES;
    if (f->urgent)
        return URGENT_SAMPLES;
    const double share = FAR_OUT * (f->range_high - f->range_middle) / o->growth;
    return fmax(URGENT_SAMPLES, fmin(share, 1) * LIFE_SAMPLES);
}

/* Growth of which nothing is known yet but that it rises, and which can wait: in the first day, or while an earlier
 * incarnation was still on its way to its usual level. Half as long when that one leaked. */
static bool may_warm_up(const struct onset *o)
{
    const struct verdict_settings *settings = &o->detector->settings;
    const double life_ms = o->context->life_s * 1000, hurry = detector_hurry(o->detector);
    if (o->found->urgent || settings->min_window_ms < VERDICT_DAYS_WINDOW_MS ||
        (life_ms >= hurry * FIRST_DAY_MS && life_ms >= hurry * (double)settings->learned_warm_up_ms))
        return false;
    return o->growth < hurry * half_of_headroom(o);
}

/* Where an earlier incarnation of the program has been without harm this one may go, too, while its caches fill and
 * with the load of its first working day. Only what is beyond that is growth. (A cache of all that was ever seen fills
 * for months, but not fast.) */
static bool is_usual(const struct onset *o)
{
    const struct verdict_settings *settings = &o->detector->settings;
    if (o->found->urgent && o->context->life_s * 1000 >= USUAL_LIFE_MS)
        return false;
    const double level = o->found->level, beyond = fmax(settings->min_growth, USUAL_BEYOND * o->growth);
    return level < settings->learned_plateau + beyond && !(level >= USUAL_BELOW * o->detector->limit.value);
}

/* Clause 1. What an alarm still has to wait for; what has only just begun is not followed at all. */
static enum clause clause_time(struct onset *o)
{
    const struct verdict_settings *settings = &o->detector->settings;
    struct finding *f = o->found;
    const double life = o->context->life_s, hurry = detector_hurry(o->detector);
    f->urgent = is_urgent(o);
    f->floors = o->view->floors;
    f->daily = o->context->daily;
    f->smooth = o->context->smooth || f->daily;
    if (o->context->short_window && !f->urgent)
        return CLAUSE_TIME;
    f->hold = CLAUSE_GROWS;
    if (is_usual(o))
        f->hold = CLAUSE_USUAL;
    else if (o->duration < CONFIRM_LIFE * hurry * life && !f->urgent)
        f->hold = CLAUSE_TIME;
    else if (settings->min_window_ms == 0 && o->context->samples < samples_needed(o) * hurry)
        f->hold = CLAUSE_BIRTH;
    else if (o->duration * 1000 < (double)settings->min_window_ms)
        f->hold = CLAUSE_TIME;
    else if (may_warm_up(o))
        f->hold = CLAUSE_BIRTH;
    return o->duration < CONFIRM_FIRST * life && !f->urgent ? CLAUSE_TIME : CLAUSE_GROWS;
}

/* The setting of the service, on top of all; and what is true of every program. */
static enum clause clause_minimum(struct onset *o)
{
    const struct verdict_settings *settings = &o->detector->settings;
    const bool small =
        settings->unit == UNIT_BYTES && isnan(o->detector->limit.value) && o->found->level < FIRST_COLLECTION;
    return small || o->growth < settings->min_growth ? CLAUSE_MINIMUM : CLAUSE_GROWS;
}

/* Clause 6. The floor rises too; and where the floor is what is looked at, the medians, and by something
 * against their usual distance from it. */
static enum clause clause_floor(struct onset *o)
{
    const size_t n = o->m;
    const double *other = o->view->other + o->s;
    if (!o->view->floors)
        return floor_growth(other, n) < OTHER_SHARE * o->growth ? CLAUSE_FLOOR : CLAUSE_GROWS;
    double gap[BLOCKS_MAX];
    for (size_t i = 0; i < n; i++)
        gap[i] = fabs(other[i] - o->v[i]);
    if (o->growth < GAP_SHARE * trend_median(gap, n))
        return CLAUSE_SCATTER;
    const double rise = (sixth(other, n, 5) - sixth(other, n, 0)) * 1.2;
    return rise < OTHER_SHARE * o->growth ? CLAUSE_FLOOR : CLAUSE_GROWS;
}

/* Clause 5, against levelling off. */
static enum clause clause_saturating(struct onset *o)
{
    const double least = 1e-6 * o->growth * o->growth;
    const double line = trend_aicc(trend_line_residue(o->t, o->v, o->m), least, o->m, 3);
    double level, tau;
    const double saturating =
        trend_aicc(trend_saturating_residue(o->t, o->v, o->m, &level, &tau), least, o->m, 4);
    if (!(saturating < line - AICC_MARGIN && tau < o->duration && level > o->v[0]))
        return CLAUSE_GROWS;
    o->found->plateau = level;
    return CLAUSE_SATURATING;
}

/* The same onset among the blocks of the finest view: floors are of pairs of them. */
static size_t fine_onset(const struct onset *o)
{
    return o->view->floors && !o->context->smooth ? 2 * o->s : o->s;
}

/* Clause 5, against steps. */
static enum clause clause_stairs(struct onset *o)
{
    const bool floors = o->view->floors && !o->context->smooth;
    return stairs_explain(o->context->fine, floors, fine_onset(o), o->growth) ? CLAUSE_STAIRS : CLAUSE_GROWS;
}

/* Clause 7. It may be a hump near its top, or a breath: no reason to drop it, one to wait. */
static enum clause clause_now(struct onset *o)
{
    const struct view *fine = o->context->fine;
    const size_t from = fine_onset(o);
    if (o->found->hold == CLAUSE_GROWS &&
        bends_down(fine->t + from, fine->value + from, fine->n - from, o->growth))
        o->found->hold = CLAUSE_BENDS;
    return CLAUSE_GROWS;
}

/* All clauses for one onset: cheap ones before dear ones, and each after those whose findings it uses (the
 * scatter comes from the parts; what is urgent, which `time` decides, needs range and prior; `now` may add to
 * what `time` waits for). How promising a failure is, enum clause says, not this order. */
static enum clause onset_test(const struct detector *d, const struct context *context,
                              const struct view *view, size_t s, struct finding *found)
{
    static clause_fn *const chain[] = {
        clause_level, clause_short,      clause_parts,  clause_recent, clause_scatter,
        clause_range, clause_fall,       clause_prior,  clause_time,   clause_minimum,
        clause_floor, clause_saturating, clause_stairs, clause_now,
    };
    struct onset o = onset_at(d, context, view, s, found);
    enum clause result = CLAUSE_GROWS;
    for (size_t i = 0; i < ARRAY_COUNT(chain) && result == CLAUSE_GROWS; i++)
        result = chain[i](&o);
    return result;
}

enum shape judge_shape(const struct block *block, size_t n, const struct finding *f)
{
    double v[BLOCKS_MAX] = {0}, t[BLOCKS_MAX] = {0}, copy[BLOCKS_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        copy[i] = v[i] = block[i].middle;
        t[i] = block[i].t;
    }
    const double first = sixth(v, n, 0), last = sixth(v, n, 5);
    const double range = values_width(copy, n, n / 20);
    const double level = fabs(last);
    if (range <= LEVEL_SHARE * level)
        return SHAPE_FLAT;
    const double total = values_squares(v, n);
    size_t at[TREND_STAIRS_JUMPS_MAX];
    if (trend_stairs_residue(v, n, 1, at) < 0.1 * total)
        return SHAPE_STEP;
    /* Settled: the last two thirds keep within a fraction of the rise that led there. */
    const size_t settled = n / 3, rest = n - settled;
    memcpy(copy, v + settled, rest * sizeof *copy);
    const double width = values_width(copy, rest, rest / 10);
    if (median_of(v, settled, n) - v[0] > SETTLED_FACTOR * fmax(width, LEVEL_SHARE * level))
        return SHAPE_PLATEAU;
    const double rise = last - first;
    double plateau, tau;
    if (rise > 0.4 * range && trend_saturating_residue(t, v, n, &plateau, &tau) < 0.3 * total &&
        tau < 0.7 * (t[n - 1] - t[0]))
        return last - sixth(v, n, 3) < 0.1 * rise ? SHAPE_PLATEAU : SHAPE_WARM_UP;
    if (rise < -0.6 * range && trend_line_residue(t, v, n) < 0.4 * total)
        return SHAPE_SHRINKING;
    if (values_period(v, n, n / 2) > 0)
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
    onsets_judge(d, context, &fine, &best);
    if (best.clause != CLAUSE_GROWS) {
        struct view pairs;
        view_make(block, n, 2, &pairs);
        onsets_judge(d, context, &pairs, &best);
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
            floor_growth(fine.other, n) >= OTHER_SHARE * f.growth)
            best = f;
    }
    if (best.clause != CLAUSE_GROWS && !context->short_window && context->samples >= LINE_SAMPLES) {
        struct view floors;
        view_floors(block, n, &floors);
        line_judge(d, context, &fine, &floors, &best);
    }
    context->fine = NULL;
    return best;
}

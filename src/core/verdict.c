/* verdict.c - see verdict.h.
 *
 * The judgement is a chain of clauses. Growth is `unbounded` only when all of them hold, and the one that
 * fails gives the reason. The life of the incarnation (its last two weeks, when it is longer: people's
 * longest cycle is the week; of samples more than 5 minutes apart, the last 4032; and twice the least window,
 * at least) is cut into up to 48 blocks of equal length, so that everything is relative to the time seen;
 * each has its median level and its floor. Several views of them are judged: the medians; the floors of pairs
 * of blocks, which excursions (a busy hour, the teeth of a saw) do not reach; where something repeats, the
 * means of whole periods, which compare like phase with like; and in a long life what lies on one robust
 * line, when most of it does: excursions that come back do not interrupt a leak. The service, which knows days, also
 * holds each half hour against that time of the days before (verdict_days.c). For every block at which the
 * growth may have begun (the onset):
 *   1. time      it has gone on for half of the life; less is only enough when it is urgent: so straight,
 *                sharp and large against the headroom that the time to wait is measured by the time that is
 *                left; or, against the days before, it has lasted through one. The service also waits for a first
 *                day, or until half of the headroom is gone. Where an earlier incarnation of the program has been
 *                without harm this one may go, too;
 *   2. effect    it is large against the level - the more so when no level was held before -, against the
 *                scatter about its own curve - the more so the fewer samples speak for it -, and against what
 *                the life before came down by on its own, and it is new territory: above the range shown
 *                before the onset. Without a limit bytes have to be more than a heap has before its first
 *                collection;
 *   3. spread    every part of it grew, the last parts no less than the first: what approaches a plateau
 *                slows down;
 *   4. onset     it did not grow at that rate before (else the onset lies further back);
 *   5. shape     a straight line explains it better than levelling off does, and better than at most three
 *                steps do, or it grows between the steps too;
 *   6. floor     the floor rises too: a sawtooth that grows taller is not a leak;
 *   7. now       its later half does not bend down: what turns around slows down first. It may also be a
 *                breath, so this only waits.
 * Growth that passes is taken as a forecast, and the state changes only when what comes after has obeyed it
 * and it passes again: a test on data that had no part in raising the suspicion, so that looking again and
 * again costs no false alarms. In between noise may fail a clause now and then: ten clauses of which each
 * errs in one look of twenty agree in six of ten. The present state ends when the growth has stopped (or
 * crawls) for half as long as it lasted - and for a day, in the service -, or was given back; what gave back a
 * part and grows on from there has not stopped, nor has what stands at its limit. Until then what it does now
 * is watched as closely as if it had just begun: samples that leave its line are looked at at once, a recent
 * part that is several times as fast, or slow, has a line and an end of its own, and a step is no part of the
 * rate (verdict_forecast.c). What rests by night or by day is foreseen by its days instead (verdict_ahead.c).
 *
 * Evaluations are spaced by 1/64 of the life, so their number grows with its logarithm; between them a push
 * costs a bucket update and a comparison or two. */
#include "verdict_internal.h"

#include <stdlib.h>
#include <string.h>

/* Lives, evaluations, and what an alarm waits for. */
#define SAMPLES_MIN 30 /* of a life: below, nothing is said */
#define LIFE_MAX_MS (14 * MS_PER_DAY)
#define LIFE_MAX_SAMPLES 4032     /* of 5 min: who samples more rarely has more time in mind */
#define CONFIRM_SHARE 0.16        /* a forecast has to be obeyed for this share of the growth's duration, */
#define CONFIRM_LEAST 0.08        /* or, where samples are the measure of time, for half of it, */
#define CONFIRM_SAMPLES 100       /* if these are so many: as many as the whole share of 625, */
#define URGENT_LAST 0.3           /* an urgent one, which has seen less, for this one, */
#define VERIFY 0.5                /* by this part of the growth foreseen */
#define HEIGHT_SHARE 0.02         /* of the growth makes a new height, */
#define CRAWL_SHARE 0.2           /* when it came at this share of the usual rate at least; */
#define STALL_SHARE 0.5           /* no new height for this share of the growth's duration clears, */
#define STALL_SMOOTH 0.75         /* (for this one where heights are known late), */
#define STALL_LEAST_MS MS_PER_DAY /* and, where days are known, that: a leak with the load pauses by night, */
#define LOWER_SHARE 0.5           /* unless for this share of the time since then */
#define LOWER_RATE 0.5            /* it grew on, by this share of its rate, from a lower level; */
#define RELEASE_SHARE 0.5         /* and so does giving back this share of the growth */
#define FELL_SLOTS 3              /* half hours, in which what days hide is seen to be given back */
#define STANDS_SHARE 0.5 /* of what was left is taken, and none of it given back: it is over after a week */
#define STANDS_LEAST_MS (7 * MS_PER_DAY)
#define USED_UP 0.95        /* of what was left up to the limit is taken: it stands there */
#define TAIL_NOW (1.0 / 24) /* of the growth's duration is what is called its present level, */
#define TAIL_HELD (1.0 / 4) /* a level that was held, */
#define TAIL_SMOOTH 0.4     /* and one without what repeats */
#define GUARD_SHARE 0.9     /* the absolute guard: so near the limit, */
#define GUARD_BELOW 0.75    /* in one rise from a life below this, */
#define GUARD_PERIODS 40    /* what is soon */
#define GUARD_RISES 4       /* of so many samples in a row: a step to a new level has one; */
#define GUARD_CLIMB 0.01    /* of the limit is a step of a climb, */
#define GUARD_CLIMBED 0.12  /* and this one, nearly all of the way, what it has to come by */
#define GUARD_POINTS 16     /* show whether it goes on: */
#define GUARD_GROWN 0.09    /* of the limit between the first and the last quarter of them, */
#define GUARD_EACH 0.5      /* this share of an even rise in each, */
#define GUARD_LAST 0.7      /* and this one in the last: what heads for a plateau there has 0.55 */
#define DAILY_WINDOW_MS (30 * MS_PER_HOUR) /* a day's growth, and the hours before it that show its begin */
#define STRAYS 4                           /* samples in a row off the line, */
#define STRAY_PAUSE 2        /* periods: twice as many after the first look because of that, and so on */
#define FALL_LOOKS 8         /* so many looks more while it falls */
#define PLATEAU_REACHED 0.95 /* of the usual level ends a warm-up, for the next incarnation */
/* A shorter life has not seen what a week does: of the lives before it, more holds. */
#define LESSON_MS (7 * MS_PER_DAY)
#define HINGE_POINTS 16  /* are needed to tell when in them the growth began, */
#define HINGE_LEAVES 0.5 /* by a level and a line that leave less than this share of what a line does */
#define EVALUATE_SHARE 64
#define SILENCE_SHARE 16   /* a silence counts as time seen up to this share of the life, */
#define SILENCE_PERIODS 20 /* or so many periods if that is more, */
#define SILENCE_FACTOR 2   /* or so much more than the shortest of the latest intervals */
#define DESCRIBE_EVERY 4   /* the line's interval costs more than the judgement: not at each evaluation */

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

_Static_assert(sizeof(struct detector) <= DETECTOR_BYTES_MAX, "a detector keeps within its bound");

struct detector *detector_new(const struct verdict_settings *settings)
{
    struct detector *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    d->settings = *settings;
    d->limit = (struct verdict_limit){.value = NAN, .name = NULL};
    series_init(&d->series);
    days_init(&d->days);
    d->value = NAN;
    d->harmless = NAN;
    d->finding.plateau = NAN;
    d->undescribed = DESCRIBE_EVERY;                       /* the first evaluation is described */
    d->next_evaluation_ms = d->next_urgent_ms = INT64_MIN; /* times before 1970 are times, too */
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

void detector_set_settings(struct detector *d, const struct verdict_settings *settings)
{
    if (d->sample_count + d->unknown_count == 0)
        d->settings = *settings;
}

bool detector_has_days(const struct detector *d)
{
    return d->settings.min_window_ms >= VERDICT_DAYS_WINDOW_MS;
}

double detector_seconds(const struct detector *d, int64_t t_ms)
{
    return (double)(t_ms - d->series.origin_ms) / 1000;
}

bool detector_is_open(const struct detector *d, double level)
{
    const double left = d->limit.value - level;
    return isnan(left) || (d->settings.unit == UNIT_HANDLES && left > fabs(level));
}

double detector_headroom(const struct detector *d, double level)
{
    return detector_is_open(d, level) ? fabs(level) : d->limit.value - level;
}

/* Whoever leaked before is believed sooner. */
double detector_hurry(const struct detector *d)
{
    return d->settings.learned_leak ? LEARNED_SHARE : 1;
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

/* The line's begin may lie below all that was seen since: nothing began there. */
static double seen_from(const struct detector *d, double onset_level)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->onset_ms, point, &width_ms);
    double lowest = INFINITY;
    for (size_t i = 0; i < count; i++)
        lowest = fmin(lowest, point[i].mean);
    return isfinite(lowest) ? fmax(lowest, onset_level) : onset_level;
}

/* The onset that the clauses find is the earliest that passes: up to two fifths of its time may be of the level
 * before (FIRST_SHARE). People look for what happened when it began. Where a level and a line from there on
 * explain what was seen far better than a line does, and better than a curve, it began between the two. */
static int64_t begin_of_growth(const struct detector *d, int64_t onset_ms)
{
    struct series_bucket point[SERIES_RING];
    double t[SERIES_RING], v[SERIES_RING];
    int64_t width_ms;
    const size_t n = series_window(&d->series, onset_ms, point, &width_ms);
    for (size_t i = 0; i < n; i++) {
        t[i] = detector_seconds(d, point[i].t_ms);
        v[i] = point[i].mean;
    }
    if (n < HINGE_POINTS)
        return onset_ms;
    struct trend_parabola curve;
    trend_parabola(t, v, n, &curve);
    double least = fmin(HINGE_LEAVES * trend_line_residue(t, v, n), curve.residue);
    for (size_t at = 1; at < n / 2; at++) {
        const double residue = trend_hinge_residue(t, v, n, at);
        if (residue < least) {
            least = residue;
            onset_ms = point[at].t_ms;
        }
    }
    return onset_ms;
}

/* Above the same hours of the week before it began, on top of d->onset_level. NAN: unknown. */
static double above_week(const struct detector *d, int64_t from_ms)
{
    return d->onset_level + days_above_week(&d->days, detector_clock(d, from_ms));
}

/* Growth that was found by the days is followed by them, too: nights and weekends give nothing back. */
static void hold_against_week(struct detector *d, const struct finding *f)
{
    d->onset_level = d->told_from = d->usual;
    const double height =
        above_week(d, d->last_ms - (int64_t)(TAIL_HELD * (double)(d->last_ms - f->onset_ms)));
    if (!isnan(height))
        d->peak = d->held = d->height = height;
}

static void unbounded_enter(struct detector *d, const struct finding *f)
{
    if (detector_has_days(d)) { /* (first: what begins below is of what the days leave) */
        days_keep_week(&d->days, detector_clock(d, d->since_ms), detector_clock(d, f->onset_ms), d->usual);
        ahead_begin(d, f->onset_ms);
    }
    state_enter(d, VERDICT_UNBOUNDED);
    d->told_onset_ms = f->clause == CLAUSE_GUARD ? f->onset_ms : begin_of_growth(d, f->onset_ms);
    change_remember(d, d->told_onset_ms);
    d->used_up = d->stalled = false;
    d->level_of_line = false;
    d->finding = *f;
    d->harmless = fmin(d->harmless, fmax(f->daily ? d->high : f->onset_level, f->range_high));
    d->onset_ms = f->onset_ms;
    d->onset_level = f->onset_level;
    d->told_from = seen_from(d, f->onset_level);
    d->line_from_ms = forecast_begin(d);
    d->peak = d->held = d->height = f->level;
    if (f->daily)
        hold_against_week(d, f);
    d->held_ms = d->last_ms;
    d->next_evaluation_ms = d->last_ms;
    d->steady.made = d->urgent.made = false;
    memset(d->daily, 0, sizeof d->daily);
    d->strays = 0;
    d->stray_side = 0;
    d->stray_look_ms = d->last_ms;
    d->stray_pause_ms = STRAY_PAUSE * d->series.period_ms;
}

static int64_t begin_of_life(const struct detector *d)
{
    const int64_t begin_ms = d->first_ms + d->settings.warm_up_ms;
    const int64_t seen_ms = LIFE_MAX_SAMPLES * d->series.period_ms;
    int64_t most_ms = seen_ms > LIFE_MAX_MS ? seen_ms : LIFE_MAX_MS;
    if (most_ms < 2 * d->settings.min_window_ms) /* growth fills half of a life, or is never told */
        most_ms = 2 * d->settings.min_window_ms;
    return d->last_ms - begin_ms > most_ms ? d->last_ms - most_ms : begin_ms;
}

static int64_t spacing(const struct detector *d, int64_t span_ms)
{
    const int64_t wanted = span_ms / EVALUATE_SHARE;
    return (wanted > d->series.period_ms ? wanted : d->series.period_ms) - d->series.period_ms / 2;
}

/* Line and shape, for words, charts and forecast. */
static void describe(struct detector *d, const struct series_bucket *point, size_t count,
                     const struct block *block, size_t n, int64_t from_ms)
{
    d->undescribed = 0;
    forecast_segment(d, point, count, block, n, from_ms);
    if (d->state != VERDICT_UNBOUNDED)
        d->shape = judge_shape(block, n, &d->finding);
    else
        d->shape = d->accelerates      ? SHAPE_ACCELERATING
                   : d->finding.floors ? SHAPE_RISING_FLOOR
                                       : SHAPE_GROWTH;
}

static double level_of(const struct series_bucket *point, size_t from, size_t to)
{
    double v[SERIES_RING];
    for (size_t i = from; i < to; i++)
        v[i - from] = point[i].mean;
    return trend_median(v, to - from);
}

/* The first of the last `share` of the points. */
static size_t begin_of_tail(size_t count, double share)
{
    const size_t tail = (size_t)((double)count * share) + 2;
    return tail < count ? count - tail : 0;
}

/* The first point of the present level: of before a silence it is no more. */
static size_t begin_of_present(const struct detector *d, const struct series_bucket *point, size_t count)
{
    size_t from = begin_of_tail(count, TAIL_NOW);
    if (d->silence_count > 0)
        while (from + 1 < count && point[from].t_ms < d->silences[d->silence_count - 1].at_ms)
            from++;
    return from;
}

/* The lowest from a point on, but for one dip. */
static double floor_of(const struct series_bucket *point, size_t from, size_t to)
{
    double v[SERIES_RING];
    for (size_t i = from; i < to; i++)
        v[i - from] = point[i].low;
    return trend_rank(v, to - from, to - from > 2 ? 1 : 0);
}

/* Until its latest height. Within a day what comes with the load, or with a job, rests: less is no measure of a rate. */
static double lasted_until_held(const struct detector *d)
{
    const double lasted_ms = (double)(d->held_ms - d->onset_ms);
    return detector_has_days(d) ? fmax(lasted_ms, MS_PER_DAY) : lasted_ms;
}

/* How far the growth has come, looked at as it was found. A new height counts when it was held for longer
 * than an excursion lasts (a nightly job). What was found with a cycle or excursions left out is smaller than
 * they are: two whole periods of them are looked at, of which each is at most a fifth of the life. */
static void note_height(struct detector *d, const struct series_bucket *point, size_t count)
{
    const bool daily = d->finding.daily, smooth = d->finding.smooth, floors = d->finding.floors && !smooth;
    const double growth = d->held - d->onset_level, lasted_ms = lasted_until_held(d);
    const size_t from = begin_of_tail(count, smooth && !daily ? TAIL_SMOOTH : TAIL_HELD);
    /* A median is that of the middle, a floor that of the begin. */
    const int64_t at_ms = point[floors ? from : from + (count - from) / 2].t_ms;
    const double level = daily    ? above_week(d, point[from].t_ms)
                         : floors ? floor_of(point, from, count)
                                  : level_of(point, from, count);
    if (isnan(level)) /* no half hour of that time is known */
        return;
    const double crawl = lasted_ms > 0 ? CRAWL_SHARE * growth * (double)(at_ms - d->held_ms) / lasted_ms : 0;
    if (at_ms > d->held_ms && level > d->held + fmax(HEIGHT_SHARE * growth, crawl)) {
        d->held = level;
        d->held_ms = at_ms;
    }
    d->height = smooth || floors ? level : d->value;
    d->peak = fmax(d->peak, d->height);
}

/* Below this level the growth was given back. An excursion that ends comes back to what was held before it. A
 * level without what repeats is late by a fifth of the growth: half of it may be no more than that, so there
 * it is the begin. */
static double release_level(const struct detector *d)
{
    if (d->finding.smooth)
        return d->onset_level;
    /* (A short window may begin within the growth: what is given back comes down to what was usual before.) */
    const double from = d->finding.urgent ? fmin(d->onset_level, d->high) : d->onset_level;
    return fmin(d->held, from + RELEASE_SHARE * (d->peak - from));
}

/* What swings by more than a part of the growth is held against the week before it, by its latest hour and a half. */
static bool fell_beneath_week(const struct detector *d)
{
    const int64_t from_ms = detector_clock(d, d->last_ms) - FELL_SLOTS * DAYS_SLOT_MS;
    return d->days.week_known &&
           days_above_week(&d->days, from_ms) < RELEASE_SHARE * (d->peak - d->onset_level);
}

bool detector_fell(const struct detector *d)
{
    if (d->state != VERDICT_UNBOUNDED)
        return false;
    return d->finding.smooth ? fell_beneath_week(d) : d->last_value < release_level(d);
}

/* Of the growth up to its latest height, per ms. */
static double rate_until_held(const struct detector *d)
{
    return (d->held - d->onset_level) / lasted_until_held(d);
}

/* A part was given back, and it has grown on from there ever since: at half of its rate at least, for most of the
 * time without a new height. (A tooth of a saw comes down again before it is one.) */
static bool goes_on_lower(const struct detector *d, const struct series_bucket *point, size_t count)
{
    if (d->finding.smooth) /* the lowest is the trough of what repeats */
        return false;
    size_t lowest = count - 1;
    for (size_t i = count - 1; i > 0 && point[i].t_ms > d->held_ms; i--)
        if (point[i].mean < point[lowest].mean)
            lowest = i;
    const double since_ms = (double)(d->last_ms - point[lowest].t_ms);
    return since_ms > LOWER_SHARE * (double)(d->last_ms - d->held_ms) &&
           d->value - point[lowest].mean > LOWER_RATE * rate_until_held(d) * since_ms;
}

/* After a pause it goes on, above all that it held, and does not crawl: by the line of what came since, or with the
 * pause. */
static bool goes_on_higher(const struct detector *d)
{
    const double crawl = CRAWL_SHARE * rate_until_held(d), above = d->value - d->held;
    return above > HEIGHT_SHARE * (d->held - d->onset_level) &&
           ((d->slope_known && d->fit_from_ms >= d->held_ms && d->slope.slope / 1000 > crawl) ||
            above > crawl * (double)(d->last_ms - d->held_ms));
}

static bool has_stalled(const struct detector *d, const struct series_bucket *point, size_t count)
{
    const double share = d->finding.smooth ? STALL_SMOOTH : STALL_SHARE;
    return (double)(d->last_ms - d->held_ms) > share * (double)(d->held_ms - d->onset_ms) &&
           !goes_on_lower(d, point, count) && !goes_on_higher(d);
}

/* (What began above the limit was not stopped by it. NAN: there is none.) */
bool detector_is_at_limit(const struct detector *d)
{
    const double left = d->limit.value - d->onset_level;
    return left > 0 && d->value - d->onset_level >= USED_UP * left;
}

/* It has stopped for so long that it is over, or it is what each night does: nobody knows. */
static bool is_in_doubt(const struct detector *d)
{
    return d->stalled && !d->used_up;
}

/* A pause of so long ends a growth, at least. What errors leak comes by chance, and so do its pauses: where much of the
 * room is gone and nothing came back, nobody should be told that all is well because of one. */
static int64_t stall_least_ms(const struct detector *d)
{
    const double left = d->limit.value - d->onset_level, growth = d->held - d->onset_level;
    const bool stands =
        left > 0 && growth >= STANDS_SHARE * left && d->height >= d->held - HEIGHT_SHARE * growth;
    return !detector_has_days(d) ? 0 : stands ? STANDS_LEAST_MS : STALL_LEAST_MS;
}

/* While unbounded: cleared when the growth was given back, or has stopped for half as long as it lasted. What has
 * stopped at its limit has not stopped by itself. */
static void watch_growth(struct detector *d)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->onset_ms, point, &width_ms);
    if (count < 2)
        return;
    d->value = level_of(point, begin_of_present(d, point, count), count);
    note_height(d, point, count);
    const bool stalled = has_stalled(d, point, count);
    if (stalled != d->stalled)
        d->undescribed = DESCRIBE_EVERY;
    d->stalled = stalled;
    d->used_up = stalled && detector_is_at_limit(d);
    const bool over = is_in_doubt(d) && d->last_ms - d->held_ms > stall_least_ms(d);
    if (d->height < release_level(d) || over) {
        change_remember(d, d->held_ms);
        state_enter(d, VERDICT_BOUNDED);
        d->next_evaluation_ms = d->last_ms;
        d->undescribed = DESCRIBE_EVERY;
        return;
    }
    /* Being given back: no line is, and it is soon seen. (What each day does is far below that each night.) */
    if (!d->finding.daily && point[count - 1].mean < release_level(d)) {
        d->next_evaluation_ms = d->last_ms + spacing(d, (d->last_ms - d->onset_ms) / FALL_LOOKS);
        return;
    }
    if (++d->undescribed >= DESCRIBE_EVERY)
        describe(d, point, count, NULL, 0, is_in_doubt(d) ? d->held_ms : d->line_from_ms);
    forecast_present(d);
    const int64_t turned_ms = d->last_ms + spacing(d, d->last_ms - d->fit_from_ms);
    if (d->turned && turned_ms < d->next_evaluation_ms) /* what turned is watched as if it began there */
        d->next_evaluation_ms = turned_ms;
}

/* A told growth leaves the line it was told with: four samples in a row are further off it, on one side, than
 * samples are. Then it is looked at at once: what grows faster now ends sooner. When it goes on, each such
 * look is after twice the pause, so that they are few beside the usual ones. */
static bool leaves_line(struct detector *d, double value)
{
    if (!d->slope_known)
        return false;
    const double off = value - forecast_swing_now(d) - forecast_now(d);
    const int side = off > d->sample_noise ? 1 : off < -d->sample_noise ? -1 : 0;
    d->strays = side != 0 && side == d->stray_side ? d->strays + 1 : 0;
    d->stray_side = side;
    if (d->strays + 1 < STRAYS || d->last_ms < d->stray_look_ms)
        return false;
    d->stray_pause_ms *= 2;
    d->stray_look_ms = d->last_ms + d->stray_pause_ms;
    return true;
}

/* What has risen since the forecast was made, as of the last third of that time. What excursions or a cycle
 * hide in the samples is compared where they are left out. NAN: nothing was seen of it. */
static double forecast_rise(const struct detector *d, const struct forecast *forecast,
                            const struct finding *f, const struct series_bucket *point, size_t count)
{
    if ((f->smooth && forecast->smooth) || (f->floors && forecast->floors))
        return f->level - forecast->level;
    const int64_t third_ms = (d->last_ms - forecast->at_ms) / 3;
    size_t from = count;
    while (from > 0 && d->last_ms - point[from - 1].t_ms <= third_ms)
        from--;
    return from < count ? level_of(point, from, count) - forecast->level : NAN;
}

/* By the latest sample; blocks are late to see it. (What is smooth swings by as much.) */
static bool was_given_back(const struct detector *d, const struct finding *f)
{
    return !f->smooth && d->last_value < f->onset_level + RELEASE_SHARE * (f->level - f->onset_level);
}

/* How long what comes after a forecast has to obey it, at most. */
static double longest_to_confirm(const struct detector *d, const struct finding *f, double duration_ms)
{
    return (f->urgent && !f->daily ? URGENT_LAST : CONFIRM_SHARE) * detector_hurry(d) * duration_ms;
}

/* And at least. Of a growth of many samples that share is many, too, and shows a chance, a bend or a step sooner; of few
 * it is all there is. (The service has said in hours what is long.) */
static double least_to_confirm(const struct detector *d, const struct finding *f, double duration_ms)
{
    const double longest_ms = longest_to_confirm(d, f, duration_ms);
    if (f->urgent || d->settings.min_window_ms > 0)
        return longest_ms;
    const double samples_ms = CONFIRM_SAMPLES * (double)d->series.period_ms;
    return fmin(longest_ms, fmax(samples_ms, CONFIRM_LEAST * detector_hurry(d) * duration_ms));
}

/* Growth that was found is taken as a forecast, and an alarm waits until what came after has obeyed it: for a
 * share of the growth's duration, and by at least VERIFY of the growth foreseen. A curve that bends, a step,
 * a chance rise do not; a leak does. The forecast stands until then, whatever the noise makes of the clauses
 * meanwhile. One that failed all the time, or was made before this growth began, is replaced by the present one. */
static bool forecast_holds(const struct detector *d, struct forecast *forecast, const struct finding *f,
                           const struct series_bucket *point, size_t count)
{
    if (f->clause != CLAUSE_GROWS || was_given_back(d, f))
        return false;
    const double duration_ms = (double)(d->last_ms - f->onset_ms);
    const double elapsed_ms = (double)(d->last_ms - forecast->at_ms);
    if (forecast->made && forecast->at_ms >= f->onset_ms) {
        if (f->hold != CLAUSE_GROWS || elapsed_ms < least_to_confirm(d, f, duration_ms))
            return false;
        const double rise = forecast_rise(d, forecast, f, point, count);
        if (isnan(rise))
            return false;
        if (rise >= VERIFY * forecast->rate_per_ms * elapsed_ms * 5 / 6) /* of that third, the middle */
            return true;
        if (elapsed_ms < longest_to_confirm(d, f, duration_ms))
            return false;
    }
    *forecast = (struct forecast){.made = true,
                                  .smooth = f->smooth,
                                  .floors = f->floors,
                                  .at_ms = d->last_ms,
                                  .level = f->level,
                                  .rate_per_ms = f->growth / duration_ms};
    return false;
}

/* What was shown before the window, which begins within a longer life. NAN: nothing was. */
static void range_before(const struct detector *d, int64_t begin_ms, double *out_usual, double *out_high)
{
    struct series_bucket point[SERIES_RING];
    const int64_t born_ms = d->first_ms + d->settings.warm_up_ms;
    int64_t width_ms;
    const size_t count = begin_ms > born_ms ? series_window(&d->series, born_ms, point, &width_ms) : 0;
    double v[SERIES_RING];
    size_t n = 0;
    for (; n < count && point[n].t_ms < begin_ms; n++)
        v[n] = point[n].mean;
    values_range(v, n, out_usual, out_high);
}

static void evaluate(struct detector *d)
{
    struct series_bucket point[SERIES_RING];
    struct block block[BLOCKS_MAX];
    const int64_t begin_ms = begin_of_life(d);
    int64_t width_ms;
    const size_t count = series_window(&d->series, begin_ms, point, &width_ms);
    const size_t n = judge_blocks(d, point, count, begin_ms, block);
    if (n < BLOCKS_MIN + 2 || d->sample_count < SAMPLES_MIN ||
        d->last_ms - begin_ms < d->settings.min_window_ms)
        return;
    const double life_s = (double)(d->last_ms - begin_ms) / 1000;
    const double periods = life_s * 1000 / (double)d->series.period_ms;
    struct context context = {.life_s = life_s, .samples = fmin(periods, (double)d->sample_count)};
    range_before(d, begin_ms, &context.usual, &context.high);
    const struct finding best = judge_window(d, &context, block, n, begin_ms);
    d->finding = best;
    d->value = block[n - 1].middle;
    double middle[BLOCKS_MAX];
    const size_t older_blocks = n * 2 / 3;
    for (size_t i = 0; i < older_blocks; i++)
        middle[i] = block[i].middle;
    values_range(middle, older_blocks, &d->usual, &d->high);
    if (d->state == VERDICT_LEARNING)
        state_enter(d, VERDICT_BOUNDED);
    const double held = detector_has_days(d) ? days_held(&d->days) : NAN;
    d->harmless = fmax(d->harmless, isnan(held) ? d->value : held);
    if (forecast_holds(d, &d->steady, &best, point, count))
        unbounded_enter(d, &best);
    if (d->state == VERDICT_UNBOUNDED || ++d->undescribed >= DESCRIBE_EVERY)
        describe(d, point, count, block, n, d->state == VERDICT_UNBOUNDED ? d->line_from_ms : begin_ms);
}

/* What a recent part of the life is judged in, but for what the life before it shows. */
static struct context context_of_recent(const struct detector *d, int64_t from_ms)
{
    const int64_t begin_ms = begin_of_life(d);
    return (struct context){.life_s = (double)(d->last_ms - begin_ms) / 1000,
                            .window_begin_s = (double)(from_ms - begin_ms) / 1000,
                            .samples = (double)d->sample_count,
                            .short_window = true};
}

/* How high the level came in a bucket. In a wide one its mean is well below that, and its highest sample is perhaps
 * a single spike. */
static double peak_of(const struct series_bucket *bucket)
{
    return fmin(bucket->high, bucket->mean + (bucket->mean - bucket->low));
}

/* The recent third, ninth, ... of the life, in finer blocks: growth that fills its headroom long before
 * the life has doubled cannot wait for clause 1. Only called while the value is far above the usual level. */
static void evaluate_urgent(struct detector *d)
{
    const int64_t begin_ms = begin_of_life(d);
    const int64_t life_ms = d->last_ms - begin_ms;
    int64_t window_ms = life_ms / 3;
    bool grows = false;
    struct series_bucket life[SERIES_RING];
    int64_t life_width_ms;
    const size_t seen = series_window(&d->series, begin_ms, life, &life_width_ms);
    for (; window_ms >= 40 * d->series.period_ms && !grows; window_ms /= 3) {
        struct series_bucket point[SERIES_RING];
        struct block block[BLOCKS_MAX];
        int64_t width_ms;
        const int64_t from_ms = d->last_ms - window_ms;
        const size_t count = series_window(&d->series, from_ms, point, &width_ms);
        const size_t n = judge_blocks(d, point, count, from_ms - width_ms, block);
        if (n < BLOCKS_MIN + 4)
            return;
        double record = -HUGE_VAL;
        for (size_t i = 0; i < seen && life[i].t_ms < from_ms; i++)
            record = fmax(record, peak_of(&life[i]));
        struct context context = context_of_recent(d, from_ms);
        context.usual = d->usual;
        context.high = d->high;
        context.record = record;
        const struct finding best = judge_window(d, &context, block, n, from_ms);
        if (best.clause != CLAUSE_GROWS)
            continue;
        grows = true;
        if (forecast_holds(d, &d->urgent, &best, point, count)) {
            unbounded_enter(d, &best);
            d->value = block[n - 1].middle;
            describe(d, point, count, block, n, d->line_from_ms);
            return;
        }
    }
    if (!grows)
        d->urgent.made = false;
}

/* The recent third and ninth of the life, held against what the days before did at that time: the first of them that
 * grows. */
static struct finding judge_days(const struct detector *d, enum against against)
{
    struct finding best = {.clause = CLAUSE_LEARNING};
    for (int64_t window_ms = (d->last_ms - begin_of_life(d)) / 3;
         window_ms >= DAILY_WINDOW_MS && best.clause != CLAUSE_GROWS; window_ms /= 3) {
        struct block block[BLOCKS_MAX];
        const int64_t from_ms = d->last_ms - window_ms;
        struct context context = context_of_recent(d, from_ms);
        context.daily = true;
        const size_t n = days_blocks(d, against, from_ms, &context, block);
        if (n < BLOCKS_MIN + 4)
            continue;
        best = judge_window(d, &context, block, n, from_ms);
    }
    return best;
}

/* Of growth that was not found in the blocks of its own points. */
static void unbounded_begin(struct detector *d, const struct finding *f)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    unbounded_enter(d, f);
    const size_t count = series_window(&d->series, f->onset_ms, point, &width_ms);
    d->value = level_of(point, begin_of_present(d, point, count), count);
    describe(d, point, count, NULL, 0, d->line_from_ms);
}

/* Growth that the swing of the days hides from the views of evaluate_urgent. */
static void evaluate_days(struct detector *d)
{
    for (enum against against = 0; against < AGAINST_COUNT; against++) {
        const struct finding best = judge_days(d, against);
        if (forecast_holds(d, &d->daily[against], &best, NULL, 0)) {
            unbounded_begin(d, &best);
            return;
        }
    }
}

/* The level was usual up to here: when the rise began, as far as the finest samples tell. */
static int64_t begin_of_rise(const struct detector *d)
{
    struct series_bucket point[SERIES_RING];
    const int64_t begin_ms = begin_of_life(d);
    int64_t width_ms, span_ms = GUARD_PERIODS * d->series.period_ms, onset_ms = d->last_ms - span_ms;
    for (bool seen = false; !seen && onset_ms > begin_ms; span_ms *= 3) {
        const size_t count = series_window(&d->series, d->last_ms - span_ms, point, &width_ms);
        size_t first = count;
        while (first > 0 && point[first - 1].mean > d->high)
            first--;
        onset_ms = first < count ? point[first].t_ms : d->last_ms - span_ms;
        seen = first > 0;
    }
    return onset_ms > begin_ms ? onset_ms : begin_ms;
}

static void guard_speak(struct detector *d, double value)
{
    const struct finding f = {.clause = CLAUSE_GUARD,
                              .onset_ms = begin_of_rise(d),
                              .onset_level = d->high,
                              .growth = value - d->high,
                              .level = value,
                              .plateau = NAN};
    unbounded_begin(d, &f);
    d->value = value;
}

/* Since it came near the limit it has risen all the way, in each quarter of that time, and does not slow down. */
static bool rises_on(const struct detector *d)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t n = series_window(&d->series, d->near_since_ms, point, &width_ms);
    if (n < GUARD_POINTS)
        return false;
    double level[4];
    for (size_t k = 0; k < ARRAY_COUNT(level); k++)
        level[k] = level_of(point, n * k / 4, n * (k + 1) / 4);
    const double third = (level[3] - level[0]) / 3;
    return 3 * third >= GUARD_GROWN * d->limit.value && level[1] - level[0] >= GUARD_EACH * third &&
           level[2] - level[1] >= GUARD_EACH * third && level[3] - level[2] >= GUARD_LAST * third;
}

/* Follows how the level came near the limit. False: it is not near, or its growth is told. */
static bool guard_follow(struct detector *d, double value)
{
    const double limit = d->limit.value;
    if (!(value >= GUARD_BELOW * limit)) {
        d->came_back_from = fmax(d->came_back_from, d->near_peak);
        d->near_peak = 0;
        d->near = false;
        return false;
    }
    d->near_peak = fmax(d->near_peak, value); /* also of a growth that is told */
    if (d->state == VERDICT_UNBOUNDED) {
        d->near = false;
        return false;
    }
    if (!d->near) {
        d->near = true;
        d->near_since_ms = d->last_ms;
        d->near_from = value;
        d->rises = d->climbs = 0;
    }
    if (!(value > d->last_value))
        d->rises = 0;
    else if (d->rises++ == 0)
        d->risen_from = d->last_value;
    if (value < d->climbed - GUARD_CLIMB * limit) /* it comes down again */
        d->climbs = 0;
    if (d->climbs == 0 || value >= d->climbed + GUARD_CLIMB * limit) {
        d->climbs++;
        d->climbed = value;
    }
    return true;
}

/* The absolute guard: a level never seen comes near the limit in one rise, with no time to look at its shape.
 * The rise goes on from each sample to the next; or noise hides that, and it climbs in several steps while the
 * shape is not looked at, or rises for long enough to see that it goes on. A step to a new level has one, and
 * from there the noise rises by little. A level that it came back from before (a nightly job, the teeth of a
 * saw) has been seen. */
static bool guard_sees(const struct detector *d, double value)
{
    const double limit = d->limit.value;
    const bool never_seen = d->state == VERDICT_BOUNDED && d->high < GUARD_BELOW * limit &&
                            value > d->came_back_from + GUARD_CLIMB * limit;
    const bool in_a_row = d->rises >= GUARD_RISES && d->risen_from < GUARD_BELOW * limit;
    const bool before_a_look = d->last_ms - d->near_since_ms <= spacing(d, d->last_ms - begin_of_life(d));
    const bool in_steps =
        d->climbs >= GUARD_RISES && value - d->near_from >= GUARD_CLIMBED * limit && before_a_look;
    return never_seen && value >= GUARD_SHARE * limit && (in_a_row || in_steps || rises_on(d));
}

static int64_t shortest_interval_ms(const struct detector *d)
{
    int64_t shortest_ms = d->interval_ms[0];
    for (size_t i = 1; i < SILENCE_INTERVALS; i++)
        if (d->interval_ms[i] < shortest_ms)
            shortest_ms = d->interval_ms[i];
    return shortest_ms;
}

/* The time seen at `t_ms` by the clock. */
static int64_t time_seen(const struct detector *d, int64_t t_ms)
{
    int64_t bound_ms = (d->known_ms - d->first_ms) / SILENCE_SHARE;
    if (bound_ms < SILENCE_PERIODS * d->series.period_ms)
        bound_ms = SILENCE_PERIODS * d->series.period_ms;
    if (bound_ms < SILENCE_FACTOR * shortest_interval_ms(d))
        bound_ms = SILENCE_FACTOR * shortest_interval_ms(d);
    const int64_t seen_ms = t_ms - d->skipped_ms;
    const bool cut = d->series.period_ms > 0 && seen_ms - d->known_ms > bound_ms;
    return cut ? d->known_ms + bound_ms : seen_ms;
}

/* The clock at a time seen. Of more than SILENCES_MAX silences the oldest are forgotten: times before them
 * come out late by what they skipped. */
int64_t detector_clock(const struct detector *d, int64_t seen_ms)
{
    if (seen_ms == INT64_MAX)
        return INT64_MAX;
    int64_t skipped_ms = 0;
    for (size_t i = 0; i < d->silence_count && d->silences[i].at_ms <= seen_ms; i++)
        skipped_ms = d->silences[i].skipped_ms;
    return seen_ms + skipped_ms;
}

int64_t detector_seen(const struct detector *d, int64_t clock_ms)
{
    int64_t skipped_ms = 0;
    size_t i = 0;
    for (; i < d->silence_count && d->silences[i].at_ms + d->silences[i].skipped_ms <= clock_ms; i++)
        skipped_ms = d->silences[i].skipped_ms;
    const int64_t seen_ms = clock_ms - skipped_ms;
    return i < d->silence_count && seen_ms > d->silences[i].at_ms ? d->silences[i].at_ms : seen_ms;
}

static void silence_remember(struct detector *d, int64_t at_ms)
{
    if (d->silence_count == SILENCES_MAX)
        memmove(d->silences, d->silences + 1, sizeof d->silences[0] * --d->silence_count);
    d->silences[d->silence_count++] = (struct silence){d->known_ms, at_ms, d->skipped_ms};
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
        d->known_ms = t_ms;
    }
    d->interval_ms[d->sample_count % SILENCE_INTERVALS] = clock_ms - d->known_ms - d->skipped_ms;
    if (t_ms + d->skipped_ms < clock_ms) {
        d->skipped_ms = clock_ms - t_ms;
        silence_remember(d, t_ms);
    }
    d->known_ms = t_ms;
    d->sample_count++;
    series_push(&d->series, t_ms, value);
    if (detector_has_days(d) && days_push(&d->days, clock_ms, value) && d->state == VERDICT_BOUNDED)
        d->harmless = fmax(d->harmless, days_held(&d->days));
    if (d->series.period_ms == 0 || t_ms < d->first_ms + d->settings.warm_up_ms)
        return d->state;
    if (guard_follow(d, value) && guard_sees(d, value))
        guard_speak(d, value);
    d->last_value = value;
    if (d->state == VERDICT_UNBOUNDED) {
        const bool strays = leaves_line(d, value), due = t_ms >= d->next_evaluation_ms;
        if (strays)
            d->undescribed = DESCRIBE_EVERY;
        if (due) {
            d->next_evaluation_ms = t_ms + spacing(d, t_ms - d->onset_ms);
            d->stray_pause_ms = STRAY_PAUSE * d->series.period_ms;
        }
        if (due || strays)
            watch_growth(d);
        return d->state;
    }
    if (t_ms >= d->next_evaluation_ms) {
        evaluate(d);
        d->next_evaluation_ms = t_ms + spacing(d, t_ms - begin_of_life(d));
    }
    if (d->state == VERDICT_BOUNDED && t_ms >= d->next_urgent_ms) {
        if (value - d->usual >= CONFIRM_HEADROOM * detector_headroom(d, d->usual)) {
            d->next_urgent_ms = t_ms + spacing(d, (t_ms - begin_of_life(d)) / 9);
            evaluate_urgent(d);
            if (d->state == VERDICT_BOUNDED && detector_has_days(d))
                evaluate_days(d);
        }
    }
    return d->state;
}

enum verdict_state detector_settle(struct detector *d)
{
    if (d->series.period_ms == 0 || d->known_ms < d->first_ms + d->settings.warm_up_ms)
        return d->state;
    if (d->state != VERDICT_UNBOUNDED) {
        /* Nobody was told by now, so it cannot end in an alarm: then it stays as it was. */
        const struct detector before = *d;
        d->undescribed = DESCRIBE_EVERY;
        evaluate(d);
        if (d->state == VERDICT_UNBOUNDED)
            *d = before;
    }
    d->undescribed = DESCRIBE_EVERY;
    if (d->state == VERDICT_UNBOUNDED)
        watch_growth(d);
    return d->state;
}

enum verdict_state detector_state(const struct detector *d)
{
    return d->state;
}

void detector_learned(const struct detector *d, struct verdict_settings *settings)
{
    if (d->state == VERDICT_LEARNING || (d->state == VERDICT_UNBOUNDED && is_in_doubt(d)))
        return;
    settings->learned_leak = d->state == VERDICT_UNBOUNDED;
    if (settings->learned_leak) { /* up to where the growth began, it had been without harm, too */
        settings->learned_plateau = fmax(settings->learned_plateau, d->harmless);
        return;
    }
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->first_ms, point, &width_ms);
    size_t i = 0;
    while (i + 1 < count && point[i].mean < PLATEAU_REACHED * d->usual)
        i++;
    /* (What took longer was moved there, or crept.) */
    const int64_t reached_ms = count > 0 ? point[i].t_ms - d->first_ms : 0;
    const int64_t warm_up_ms = reached_ms < LIFE_MAX_MS ? reached_ms : LIFE_MAX_MS;
    const bool whole = d->last_ms - d->first_ms >= LESSON_MS;
    if (whole || !(settings->learned_plateau > d->harmless))
        settings->learned_plateau = d->harmless;
    if (whole || settings->learned_warm_up_ms < warm_up_ms)
        settings->learned_warm_up_ms = warm_up_ms;
}

size_t detector_points(const struct detector *d, struct series_point *out_points, size_t capacity)
{
    struct series_bucket point[SERIES_RING];
    int64_t width_ms;
    const size_t count = series_window(&d->series, d->first_ms, point, &width_ms);
    const size_t group = capacity == 0 ? 0 : (count + capacity - 1) / capacity;
    size_t made = 0;
    for (size_t i = 0; group > 0 && i < count; i += group) {
        struct series_point p = {
            .t_ms = detector_clock(d, point[i].t_ms), .low = point[i].low, .high = point[i].high};
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

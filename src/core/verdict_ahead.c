/* verdict_ahead.c - what the days ahead will bring. The limit is not met by a line: the level wanders about it, as it
 * did before the growth, and by more in a day than in an hour. And what leaks with the load leaks by day: its line goes
 * through nights and weekends that the end does not wait for, or waits for twice as long. Where a growth rests for a
 * third of each day, its own days are repeated instead (the seasonal naive forecast with drift: Hyndman and
 * Athanasopoulos, Forecasting, 5.2). Of the service only, which knows days. */
#include "verdict_internal.h"

#define WANDER_QUANTILE 0.05 /* on either side: of a 90 % interval */
#define WANDER_PAIRS 48      /* of half hours so far apart, that are needed */
#define QUIET_SLOTS 16       /* a third of a day, in which */
#define QUIET_SCALE 4        /* (1 << that half hours) */
#define QUIET_SHARE 0.1      /* less of the day's growth comes: by an even rate it would be a third */
#define DAY_PARTS 12         /* of a day, which are compared */
#define ALIKE 0.5            /* their correlation, */
#define ALIKE_LOAD 0.7       /* and that of a single day with the load */
#define BEGINS_SHARE 0.1     /* of the growth, is past its begin: the onset that is found may lie before it */
#define FADES 0.6            /* of what a day counts, when it is a day older */
#define SEEN_SHARE 0.5       /* of a day's growth is due by then: it shows what the day is */
#define DAY_VARIES 0.7       /* of one day's growth may be chance, of the mean of n days that by sqrt(n) */
#define KEEPS_SHARE 0.5      /* off by so much of a day's growth it is another growth than it was */
#define GOES_ON 0.05         /* of the time it has gone on for, it will still: in nineteen cases of twenty */
#define LATEST_SLOTS 4       /* whose median is the level now */
#define LOOP_WEEKS 2         /* are looked at half hour by half hour, those before are skipped */

static double week_at(const struct days *days, int64_t slot)
{
    return (double)days->week[days_place(slot, WEEK_SLOTS)];
}

/* Above that time of the week before the growth. NAN: unknown. */
static double above_at(const struct detector *d, int64_t slot)
{
    return days_level(&d->days, slot) - week_at(&d->days, slot);
}

/* ---- the week before ---- */

static void learn_wander(struct detector *d, int64_t before)
{
    struct ahead *ahead = &d->ahead;
    double odd[WEEK_SLOTS], up = 0, down = 0;
    for (size_t i = 0; i < WEEK_SLOTS; i++)
        odd[i] = days_odd(&d->days, before - WEEK_SLOTS + (int64_t)i, before);
    for (size_t scale = 0; scale < WANDER_SCALES; scale++) {
        double change[WEEK_SLOTS];
        const size_t apart = (size_t)1 << scale;
        size_t n = 0;
        for (size_t i = 0; i + apart < WEEK_SLOTS; i++) {
            change[n] = odd[i + apart] - odd[i];
            n += (size_t)!isnan(change[n]);
        }
        if (n >= WANDER_PAIRS) {
            const size_t tail = (size_t)((double)n * WANDER_QUANTILE);
            up = fmax(up, trend_rank(change, n, n - 1 - tail));
            down = fmin(down, trend_rank(change, n, tail));
        }
        ahead->up[scale] = (float)up;
        ahead->down[scale] = (float)down;
    }
}

void ahead_begin(struct detector *d, int64_t onset_ms)
{
    d->ahead.repeats = false;
    learn_wander(d, days_slot(detector_clock(d, onset_ms)));
}

/* ---- the days of the growth ---- */

/* Without what a single half hour does. */
static double smooth_at(const struct detector *d, int64_t slot)
{
    double level[3];
    size_t n = 0;
    for (int64_t i = slot - 1; i <= slot + 1; i++) {
        level[n] = above_at(d, i);
        n += (size_t)!isnan(level[n]);
    }
    return n > 0 ? trend_median(level, n) : NAN;
}

/* The growth has begun by then, if not before. */
static int64_t first_slot(const struct detector *d)
{
    const int64_t end = d->days.head, oldest = end - (DAYS_KEPT - 1) * DAYS_SLOTS;
    int64_t slot = days_slot(detector_clock(d, d->onset_ms)) + 1;
    slot = slot > oldest ? slot : oldest;
    while (slot < end && isnan(smooth_at(d, slot)))
        slot++;
    const double from = smooth_at(d, slot), past = from + BEGINS_SHARE * (smooth_at(d, end - 1) - from);
    while (slot < end && !(smooth_at(d, slot) >= past))
        slot++;
    return slot;
}

/* What it grew by in each half hour since it began; NAN: unknown. */
struct grown {
    int64_t from, until;
    double by[DAYS_KEPT * DAYS_SLOTS];
};

static struct grown grown_since(const struct detector *d, int64_t from)
{
    struct grown grown = {.from = from, .until = d->days.head};
    for (int64_t slot = from; slot < grown.until; slot++)
        grown.by[slot - from] = smooth_at(d, slot) - smooth_at(d, slot - 1);
    return grown;
}

/* The mean growth of each half hour between those two, of days of rest or of the others; a day counts FADES as much as
 * the one after it. Returns how many days it is the mean of; 0 when some time of day was not seen. */
static double learn_gain_of(const struct detector *d, const struct grown *grown, int64_t from, int64_t until,
                            bool rest, float gain[DAYS_SLOTS])
{
    double sum[DAYS_SLOTS] = {0}, weight[DAYS_SLOTS] = {0}, all = 0, squares = 0;
    for (int64_t slot = from; slot < until; slot++) {
        const double by = grown->by[slot - grown->from];
        if (days_rests(&d->days, slot) != rest || isnan(by))
            continue;
        const double w = pow(FADES, (double)((until - 1 - slot) / DAYS_SLOTS));
        sum[days_place(slot, DAYS_SLOTS)] += w * by;
        weight[days_place(slot, DAYS_SLOTS)] += w;
        all += w;
        squares += w * w;
    }
    bool whole = true;
    for (size_t i = 0; i < DAYS_SLOTS; i++) {
        whole = whole && weight[i] > 0;
        gain[i] = whole ? (float)(sum[i] / weight[i]) : 0;
    }
    return whole ? all * all / squares / DAYS_SLOTS : 0;
}

static double learn_gain(const struct detector *d, const struct grown *grown, bool rest,
                         float gain[DAYS_SLOTS])
{
    return learn_gain_of(d, grown, grown->from, grown->until, rest, gain);
}

/* Of the third of the day with the least growth. */
static double quiet_gain(const float gain[DAYS_SLOTS])
{
    double least = HUGE_VAL;
    for (size_t from = 0; from < DAYS_SLOTS; from++) {
        double sum = 0;
        for (size_t i = from; i < from + QUIET_SLOTS; i++)
            sum += (double)gain[i % DAYS_SLOTS];
        least = fmin(least, sum);
    }
    return least;
}

static double gain_of_day(const float gain[DAYS_SLOTS])
{
    double sum = 0;
    for (size_t i = 0; i < DAYS_SLOTS; i++)
        sum += (double)gain[i];
    return sum;
}

/* Of the days of the week that it has seen most of, those of rest are by its own growth: against the mean of all. */
static void see_rests(struct detector *d, const struct grown *grown)
{
    struct ahead *ahead = &d->ahead;
    double due[7] = {0}, came[7] = {0};
    const unsigned before = d->days.rest_days;
    d->days.rest_days = 0;
    const double days = learn_gain(d, grown, false, ahead->gain[0]), day = gain_of_day(ahead->gain[0]);
    d->days.rest_days = before;
    for (int64_t slot = grown->from; days > 0 && slot < grown->until; slot++) {
        const size_t which = days_place(slot, WEEK_SLOTS) / DAYS_SLOTS;
        const double by = grown->by[slot - grown->from];
        due[which] += isnan(by) ? 0 : (double)ahead->gain[0][days_place(slot, DAYS_SLOTS)];
        came[which] += isnan(by) ? 0 : by;
    }
    for (size_t which = 0; which < 7; which++)
        if (due[which] > SEEN_SHARE * day) {
            const unsigned bit = 1u << which;
            d->days.rest_days &= ~bit;
            d->days.rest_days |= came[which] < DAYS_REST_SHARE * due[which] ? bit : 0;
        }
}

/* How alike two days are, from -1 to 1: the correlation of their parts. */
static double likeness(const float one[DAYS_SLOTS], const float other[DAYS_SLOTS])
{
    double part[2][DAY_PARTS] = {0}, squares = 0, product = 0;
    for (size_t i = 0; i < DAYS_SLOTS; i++) {
        part[0][i * DAY_PARTS / DAYS_SLOTS] += (double)one[i];
        part[1][i * DAY_PARTS / DAYS_SLOTS] += (double)other[i];
    }
    values_products(part[0], part[1], DAY_PARTS, &squares, &product);
    const double scale = sqrt(squares * values_squares(part[1], DAY_PARTS));
    return scale > 0 ? product / scale : 0;
}

/* A pause may come once. The growth rests by day or by night when its latest working day is like those before it, or
 * like what the load did in the week before. */
static bool is_daily(const struct detector *d, const struct grown *grown)
{
    float latest[DAYS_SLOTS], earlier[DAYS_SLOTS], load[DAYS_SLOTS] = {0};
    for (int64_t cut = grown->until - DAYS_SLOTS; cut >= grown->from; cut -= DAYS_SLOTS) {
        if (learn_gain_of(d, grown, cut, grown->until, false, latest) == 0)
            continue;
        if (learn_gain_of(d, grown, grown->from, cut, false, earlier) > 0 &&
            likeness(latest, earlier) > ALIKE)
            return true;
        break;
    }
    for (int64_t slot = d->days.head; slot < d->days.head + WEEK_SLOTS; slot++)
        if (!days_rests(&d->days, slot))
            load[days_place(slot, DAYS_SLOTS)] = (float)week_at(&d->days, slot);
    return likeness(d->ahead.gain[0], load) > ALIKE_LOAD;
}

/* An even growth that wanders as the level did before would not have come by so little in that time. */
static bool rests_clearly(const struct detector *d, double day, double quiet)
{
    const double even = day * QUIET_SLOTS / DAYS_SLOTS;
    return even + (double)d->ahead.down[QUIET_SCALE] > quiet;
}

void ahead_learn(struct detector *d)
{
    struct ahead *ahead = &d->ahead;
    const struct grown grown = grown_since(d, first_slot(d));
    see_rests(d, &grown);
    ahead->days = learn_gain(d, &grown, false, ahead->gain[0]);
    if (ahead->days == 0) { /* it has seen no working day yet: each is as any other */
        d->days.rest_days = 0;
        ahead->days = learn_gain(d, &grown, false, ahead->gain[0]);
    }
    const double day = gain_of_day(ahead->gain[0]), quiet = quiet_gain(ahead->gain[0]);
    ahead->repeats = ahead->days > 0 && day > 0 && quiet < QUIET_SHARE * day &&
                     rests_clearly(d, day, quiet) && is_daily(d, &grown);
    if (learn_gain(d, &grown, true, ahead->gain[1]) == 0)
        for (size_t i = 0; i < DAYS_SLOTS; i++) /* a day of rest is like a night */
            ahead->gain[1][i] = (float)(fmax(quiet, 0) / QUIET_SLOTS);
}

/* ---- what comes ---- */

static double gain_at(const struct detector *d, int64_t slot)
{
    return (double)d->ahead.gain[days_rests(&d->days, slot)][days_place(slot, DAYS_SLOTS)];
}

static double gain_between(const struct detector *d, int64_t from, int64_t until)
{
    double sum = 0;
    for (int64_t slot = from; slot < until; slot++)
        sum += gain_at(d, slot);
    return sum;
}

/* The level at the end of the open half hour, without what the week before did, as the LATEST_SLOTS half hours from `from` on
 * foretell it. NAN: none of them is known. */
static double foretold(const struct detector *d, int64_t from)
{
    double level[LATEST_SLOTS];
    size_t n = 0;
    for (int64_t slot = from; slot < from + LATEST_SLOTS; slot++) {
        level[n] = above_at(d, slot) + gain_between(d, slot + 1, d->days.head + 1);
        n += (size_t)!isnan(level[n]);
    }
    return n > 0 ? trend_median(level, n) : NAN;
}

bool ahead_repeats(const struct detector *d)
{
    if (!d->ahead.repeats)
        return false;
    const int64_t from = d->days.head - LATEST_SLOTS;
    const double off = foretold(d, from) - foretold(d, from - DAYS_SLOTS);
    return fabs(off) <= KEEPS_SHARE * gain_of_day(d->ahead.gain[0]); /* NAN: no */
}

double ahead_rate(const struct detector *d)
{
    return gain_of_day(d->ahead.gain[0]) / (MS_PER_DAY / 1000);
}

double ahead_varies(const struct detector *d)
{
    return DAY_VARIES / sqrt(d->ahead.days);
}

static int64_t later(int64_t end_ms, int64_t by_ms)
{
    return by_ms < TIME_ISO_LAST_MS - end_ms ? end_ms + by_ms : INT64_MAX;
}

/* In which hours of the day it rests is unknown until its line has been seen for a day: in all others, perhaps, and on days of
 * rest. But a rest does not begin at once (Gott, Nature 363:315, 1993: what has lasted for a time goes on for a 19th of
 * it). */
static int64_t after_nights(const struct detector *d, int64_t end_ms)
{
    const int64_t seen_ms = d->last_ms - d->fit_from_ms, still_ms = (int64_t)(GOES_ON * (double)seen_ms);
    const int64_t grows_ms = seen_ms + still_ms, night_ms = MS_PER_DAY - grows_ms;
    if (grows_ms <= 0 || night_ms <= 0 || end_ms - d->last_ms <= still_ms)
        return end_ms;
    int64_t rests_ms = (1 + (end_ms - d->last_ms - still_ms) / grows_ms) * night_ms;
    for (int64_t day = 1; day <= LOOP_WEEKS * 7 && day * MS_PER_DAY <= end_ms + rests_ms - d->last_ms; day++)
        rests_ms += days_rests(&d->days, d->days.head + day * DAYS_SLOTS) ? MS_PER_DAY : 0;
    return later(end_ms, rests_ms);
}

/* What rests by night may do so over a weekend, too, until a week of it was seen. */
static int64_t after_weekend(const struct detector *d, int64_t end_ms)
{
    const bool unseen = d->days.rest_days == 0 && d->last_ms - d->onset_ms < 7 * MS_PER_DAY;
    return unseen && end_ms - d->last_ms > MS_PER_DAY / 2 ? later(end_ms, 2 * MS_PER_DAY) : end_ms;
}

int64_t ahead_rested(const struct detector *d, bool repeats, int64_t end_ms)
{
    if (end_ms == INT64_MAX)
        return end_ms;
    return repeats ? after_weekend(d, end_ms) : after_nights(d, end_ms);
}

/* The level now, likewise. What came sooner than by the days before comes no second time: it is not above all that was
 * seen of late. */
static double level_now(const struct detector *d)
{
    const int64_t head = d->days.head, from = head - LATEST_SLOTS;
    double highest = d->last_value - week_at(&d->days, head);
    for (int64_t slot = from; slot < head; slot++)
        highest = fmax(highest, above_at(d, slot));
    return fmin(foretold(d, from), highest);
}

int64_t ahead_reach(const struct detector *d, double share, double above)
{
    const double week = share * gain_between(d, 0, WEEK_SLOTS);
    double level = level_now(d) + above;
    const double weeks = (d->limit.value - d->days.week_peak - level) / week;
    if (!(week > 0) || isnan(weeks) || weeks * (7.0 * MS_PER_DAY) > (double)(TIME_ISO_LAST_MS - d->pushed_ms))
        return INT64_MAX;
    const int64_t skipped = weeks > 1 ? (int64_t)weeks : 0;
    int64_t slot = d->days.head + skipped * WEEK_SLOTS;
    level += week * (double)skipped;
    for (const int64_t end = slot + LOOP_WEEKS * WEEK_SLOTS;
         slot < end && level + week_at(&d->days, slot) < d->limit.value; slot++)
        level += share * gain_at(d, slot + 1);
    const int64_t ahead_ms = (slot - days_slot(detector_clock(d, d->last_ms))) * DAYS_SLOT_MS;
    const int64_t least_ms =
        d->last_value < d->limit.value ? MS_PER_MINUTE : 0; /* it has not been reached yet */
    return d->last_ms + (ahead_ms > least_ms ? ahead_ms : least_ms);
}

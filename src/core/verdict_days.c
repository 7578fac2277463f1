/* verdict_days.c - growth against what each day does. The days of a server are alike: it works by day, jobs run by
 * night, and it swings by more than what a leak adds in a day. Held against the same time of the days before, what a
 * leak adds is there by day and by night, and what the load adds goes home in the evening. There are two ways to hold
 * it so, because each is blind to something. The highest of a week's days at that time is what no usual day
 * exceeds, but a weekend is below it. A week ago the day was of the same kind, but it may have been an odd one. */
#include "verdict_internal.h"

#define DAYS_NEEDED 2 /* have to be known at a time of day, at least */
#define HELD_SLOTS 4  /* a level that lasts as long is held */
#define RING (DAYS_KEPT * DAYS_SLOTS)

void days_init(struct days *days)
{
    days->head = INT64_MIN;
    for (size_t i = 0; i < RING; i++)
        days->level[i] = NAN;
}

/* Numbers of half hours go through 0 where times of before 1970 are pushed. */
int64_t days_slot(int64_t clock_ms)
{
    return clock_ms / DAYS_SLOT_MS - (clock_ms % DAYS_SLOT_MS < 0);
}

size_t days_place(int64_t slot, int64_t places)
{
    const int64_t rest = slot % places;
    return (size_t)(rest < 0 ? rest + places : rest);
}

bool days_push(struct days *days, int64_t clock_ms, double value)
{
    const int64_t slot = days_slot(clock_ms);
    const bool ended = slot != days->head;
    if (ended) {
        if (days->count > 0)
            days->level[days_place(days->head, RING)] = (float)(days->sum / days->count);
        const int64_t first = days->head == INT64_MIN || slot - days->head > RING ? slot - RING : days->head;
        for (int64_t i = first + 1; i <= slot; i++)
            days->level[days_place(i, RING)] = NAN;
        days->head = slot;
        days->sum = 0;
        days->count = 0;
    }
    days->sum += value;
    days->count++;
    return ended;
}

/* The day of the week as one bit. */
static unsigned weekday_bit(int64_t slot)
{
    return 1u << days_place(slot, WEEK_SLOTS) / DAYS_SLOTS;
}

bool days_rests(const struct days *days, int64_t slot)
{
    return (days->rest_days & weekday_bit(slot)) != 0;
}

double days_level(const struct days *days, int64_t slot)
{
    return slot < days->head && slot > days->head - RING ? (double)days->level[days_place(slot, RING)] : NAN;
}

double days_held(const struct days *days)
{
    double lowest = HUGE_VAL;
    for (int64_t slot = days->head - HELD_SLOTS; slot < days->head; slot++) {
        if (isnan(days_level(days, slot)))
            return NAN;
        lowest = fmin(lowest, days_level(days, slot));
    }
    return lowest;
}

/* Likewise, of the time since the last growth that was told, which was no usual one. */
static double usual_level(const struct days *days, int64_t slot)
{
    return slot >= days->quiet_from ? days_level(days, slot) : NAN;
}

/* How far that day of the week swings in the week before slot `before`, without a tenth of it on either side: its load.
 * 0: little is known of it. */
static double swing_of_day(const struct days *days, unsigned weekday, int64_t before)
{
    double level[DAYS_SLOTS];
    size_t n = 0;
    for (int64_t slot = before - WEEK_SLOTS; slot < before; slot++)
        if (weekday_bit(slot) == weekday) {
            level[n] = usual_level(days, slot);
            n += (size_t)!isnan(level[n]);
        }
    return n > DAYS_SLOTS / 2 ? values_width(level, n, n / 10) : 0;
}

/* The days of rest of that week: they swing by less than DAYS_REST_SHARE of what its days do. */
static unsigned rests_before(const struct days *days, int64_t before)
{
    double swing[7], copy[7];
    for (unsigned i = 0; i < 7; i++)
        copy[i] = swing[i] = swing_of_day(days, 1u << i, before);
    const double usual = trend_median(copy, 7);
    unsigned rest_days = 0;
    for (unsigned i = 0; i < 7; i++)
        if (swing[i] > 0 && swing[i] < DAYS_REST_SHARE * usual)
            rest_days |= 1u << i;
    return rest_days;
}

/* What days of rest, or the others, had at that time of day in the week before slot `before`. NAN: none is known. */
static double usual_of_days(const struct days *days, int64_t slot, int64_t before, bool rest)
{
    double level[7];
    size_t n = 0;
    for (int64_t then = before - 1 - (int64_t)days_place(before - 1 - slot, DAYS_SLOTS);
         then >= before - WEEK_SLOTS; then -= DAYS_SLOTS) {
        level[n] = usual_level(days, then);
        n += (size_t)(days_rests(days, then) == rest && !isnan(level[n]));
    }
    return n > 0 ? trend_median(level, n) : NAN;
}

static double usual_at(const struct days *days, int64_t slot, int64_t before)
{
    const double level = usual_of_days(days, slot, before, days_rests(days, slot));
    return isnan(level) ? usual_of_days(days, slot, before, !days_rests(days, slot)) : level;
}

double days_odd(const struct days *days, int64_t slot, int64_t before)
{
    return usual_level(days, slot) - usual_at(days, slot, before);
}

void days_keep_week(struct days *days, int64_t from_clock_ms, int64_t before_clock_ms, double usual)
{
    const int64_t before = days_slot(before_clock_ms);
    days->quiet_from = days_slot(from_clock_ms);
    double known[WEEK_SLOTS];
    size_t n = 0;
    for (int64_t slot = before - WEEK_SLOTS; slot < before; slot++) {
        known[n] = usual_level(days, slot);
        n += (size_t)!isnan(known[n]);
    }
    days->week_known = n >= DAYS_SLOTS;
    const double middle = days->week_known ? trend_median(known, n) : usual;
    days->rest_days = rests_before(days, before);
    for (int64_t slot = before - WEEK_SLOTS; slot < before; slot++) {
        double level = usual_level(days, slot);
        if (isnan(level))
            level = usual_at(days, slot, before);
        days->week[days_place(slot, WEEK_SLOTS)] =
            (float)(isnan(level) || !days->week_known ? middle : level);
    }
    double sum = 0;
    days->week_peak = -HUGE_VAL;
    for (size_t i = 0; i < WEEK_SLOTS; i++) {
        sum += (double)days->week[i];
        days->week_peak = fmax(days->week_peak, (double)days->week[i]);
    }
    days->week_mean = sum / WEEK_SLOTS;
}

double days_swing(const struct days *days, int64_t from_clock_ms, int64_t to_clock_ms)
{
    const int64_t from = days_slot(from_clock_ms), to = days_slot(to_clock_ms);
    double sum = 0;
    for (int64_t slot = from; slot <= to; slot++)
        sum += (double)days->week[days_place(slot, WEEK_SLOTS)];
    return sum / (double)(to - from + 1) - days->week_mean;
}

double days_above_week(const struct days *days, int64_t from_clock_ms)
{
    double above[RING];
    size_t n = 0;
    const int64_t oldest = days->head - RING + 1, from = days_slot(from_clock_ms);
    for (int64_t slot = from > oldest ? from : oldest; slot < days->head; slot++) {
        above[n] = days_level(days, slot) - (double)days->week[days_place(slot, WEEK_SLOTS)];
        n += (size_t)!isnan(above[n]);
    }
    return n > 0 ? trend_median(above, n) : NAN;
}

/* The highest of that time of day in the week before slot `before`. NAN: too few of those days are known. */
static double highest_of_days(const struct days *days, int64_t slot, int64_t before)
{
    double highest = NAN;
    size_t known = 0;
    for (int64_t then = slot; then >= before - WEEK_SLOTS; then -= DAYS_SLOTS)
        if (then < before && !isnan(days_level(days, then))) {
            highest = fmax(highest, days_level(days, then));
            known++;
        }
    return known >= DAYS_NEEDED ? highest : NAN;
}

/* How far a half hour is above those of before slot `before` that it is held against. NAN: unknown. */
static double above_then(const struct days *days, enum against against, int64_t slot, int64_t before)
{
    const double now = days_level(days, slot);
    return now - (against == AGAINST_DAYS ? highest_of_days(days, slot, before)
                                          : days_level(days, slot - WEEK_SLOTS));
}

size_t days_blocks(const struct detector *d, enum against against, int64_t from_ms, struct context *context,
                   struct block block[BLOCKS_MAX])
{
    const struct days *days = &d->days;
    const int64_t begin = days_slot(detector_clock(d, from_ms));
    double above[RING], t[RING];
    size_t n = 0;
    for (int64_t slot = days->head - RING + 1; slot < begin; slot++) {
        above[n] = above_then(days, against, slot, slot);
        n += (size_t)!isnan(above[n]);
    }
    if (n < DAYS_SLOTS)
        return 0;
    values_range(above, n, &context->usual, &context->high);
    context->usual += d->usual;
    context->high += d->usual;
    context->record = context->high;
    n = 0;
    for (int64_t slot = begin; slot < days->head; slot++) {
        above[n] = d->usual + above_then(days, against, slot, begin);
        t[n] = detector_seconds(d, detector_seen(d, slot * DAYS_SLOT_MS + DAYS_SLOT_MS / 2));
        n += (size_t)!isnan(above[n]);
    }
    const size_t group = (n + BLOCKS_MAX - 1) / BLOCKS_MAX;
    size_t made = 0;
    for (size_t i = 0; i < n && i + group <= n; i += group) {
        double floor = above[i];
        for (size_t j = i; j < i + group; j++)
            floor = fmin(floor, above[j]);
        block[made++] =
            (struct block){.t = t[i + group / 2], .middle = trend_median(above + i, group), .floor = floor};
    }
    return made;
}

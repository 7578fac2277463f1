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
static int64_t slot_of(int64_t clock_ms)
{
    return clock_ms / DAYS_SLOT_MS - (clock_ms % DAYS_SLOT_MS < 0);
}

static size_t place_of(int64_t slot, int64_t places)
{
    const int64_t rest = slot % places;
    return (size_t)(rest < 0 ? rest + places : rest);
}

bool days_push(struct days *days, int64_t clock_ms, double value)
{
    const int64_t slot = slot_of(clock_ms);
    const bool ended = slot != days->head;
    if (ended) {
        if (days->count > 0)
            days->level[place_of(days->head, RING)] = (float)(days->sum / days->count);
        const int64_t first = days->head == INT64_MIN || slot - days->head > RING ? slot - RING : days->head;
        for (int64_t i = first + 1; i <= slot; i++)
            days->level[place_of(i, RING)] = NAN;
        days->head = slot;
        days->sum = 0;
        days->count = 0;
    }
    days->sum += value;
    days->count++;
    return ended;
}

/* NAN: unknown. The open half hour is not yet. */
static double level_at(const struct days *days, int64_t slot)
{
    return slot < days->head && slot > days->head - RING ? (double)days->level[place_of(slot, RING)] : NAN;
}

double days_held(const struct days *days)
{
    double lowest = HUGE_VAL;
    for (int64_t slot = days->head - HELD_SLOTS; slot < days->head; slot++) {
        if (isnan(level_at(days, slot)))
            return NAN;
        lowest = fmin(lowest, level_at(days, slot));
    }
    return lowest;
}

void days_keep_week(struct days *days, int64_t before_clock_ms, double usual)
{
    const int64_t before = slot_of(before_clock_ms);
    for (int64_t slot = before - WEEK_SLOTS; slot < before; slot++) {
        const double level = level_at(days, slot);
        days->week[place_of(slot, WEEK_SLOTS)] = (float)(isnan(level) ? usual : level);
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
    const int64_t from = slot_of(from_clock_ms), to = slot_of(to_clock_ms);
    double sum = 0;
    for (int64_t slot = from; slot <= to; slot++)
        sum += (double)days->week[place_of(slot, WEEK_SLOTS)];
    return sum / (double)(to - from + 1) - days->week_mean;
}

double days_above_week(const struct days *days, int64_t from_clock_ms)
{
    double above[RING];
    size_t n = 0;
    const int64_t oldest = days->head - RING + 1, from = slot_of(from_clock_ms);
    for (int64_t slot = from > oldest ? from : oldest; slot < days->head; slot++) {
        above[n] = level_at(days, slot) - (double)days->week[place_of(slot, WEEK_SLOTS)];
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
        if (then < before && !isnan(level_at(days, then))) {
            highest = fmax(highest, level_at(days, then));
            known++;
        }
    return known >= DAYS_NEEDED ? highest : NAN;
}

/* How far a half hour is above those of before slot `before` that it is held against. NAN: unknown. */
static double above_then(const struct days *days, enum against against, int64_t slot, int64_t before)
{
    const double now = level_at(days, slot);
    return now - (against == AGAINST_DAYS ? highest_of_days(days, slot, before)
                                          : level_at(days, slot - WEEK_SLOTS));
}

size_t days_blocks(const struct detector *d, enum against against, int64_t from_ms, struct context *context,
                   struct block block[BLOCKS_MAX])
{
    const struct days *days = &d->days;
    const int64_t begin = slot_of(detector_clock(d, from_ms));
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

/* series.c - see series.h. Samples go to level 0; a bucket that is closed is added to the open bucket of the
 * next level, so that a push costs 1 + 1/4 + 1/16 + ... bucket updates. What the open buckets of the finer
 * levels hold has therefore not reached the coarser ones yet: a reader adds it. */
#include "storewatch/series.h"

#include <string.h>

void series_init(struct series *series)
{
    memset(series, 0, sizeof *series);
    for (size_t k = 0; k < SERIES_LEVELS; k++)
        series->level[k].head = -1;
}

static void bucket_add(struct series_tally *into, const struct series_tally *from)
{
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    if (from->low < into->low)
        into->low = from->low;
    if (from->high > into->high)
        into->high = from->high;
    into->sum += from->sum;
    into->count = into->count > UINT32_MAX - from->count ? UINT32_MAX : into->count + from->count;
}

/* Opens bucket `number` of a level, closing the open one into the next level, and emptying those skipped. */
static void level_advance(struct series *series, size_t k, int64_t number)
{
    struct series_level *level = &series->level[k];
    if (level->head >= 0) {
        const struct series_tally closed = level->ring[level->head % SERIES_RING];
        if (k + 1 < SERIES_LEVELS && closed.count > 0) {
            struct series_level *next = &series->level[k + 1];
            const int64_t parent = level->head / SERIES_FACTOR;
            if (parent != next->head)
                level_advance(series, k + 1, parent);
            bucket_add(&next->ring[next->head % SERIES_RING], &closed);
        }
    }
    int64_t clear_from = level->head + 1;
    if (number - clear_from >= SERIES_RING)
        clear_from = number - SERIES_RING + 1;
    for (int64_t b = clear_from; b <= number; b++)
        level->ring[b % SERIES_RING].count = 0;
    level->head = number;
}

static void bucket_sample(struct series *series, int64_t t_ms, double value)
{
    struct series_level *level = &series->level[0];
    const int64_t number = (t_ms - series->origin_ms) / level->width_ms;
    if (number != level->head)
        level_advance(series, 0, number);
    const struct series_tally one = {.low = value, .high = value, .sum = value, .count = 1};
    bucket_add(&level->ring[number % SERIES_RING], &one);
}

/* Each level's, from the period. */
static void widths_set(struct series *series)
{
    int64_t width = series->period_ms;
    for (size_t k = 0; k < SERIES_LEVELS; k++) {
        series->level[k].width_ms = width;
        width = width > INT64_MAX / SERIES_FACTOR ? INT64_MAX : width * SERIES_FACTOR;
    }
}

/* The samples come denser now: what has been seen moves to coarser levels, and finer ones begin, on the same
 * grid. The coarsest, which reach back for ages, are given up for them. */
static void period_refine(struct series *series, int64_t longest_ms)
{
    size_t finer = 0;
    while (finer < SERIES_LEVELS / 2 && series->period_ms % SERIES_FACTOR == 0 &&
           series->period_ms / SERIES_FACTOR >= longest_ms) {
        series->period_ms /= SERIES_FACTOR;
        finer++;
    }
    if (finer == 0)
        return;
    memmove(series->level + finer, series->level, (SERIES_LEVELS - finer) * sizeof series->level[0]);
    memset(series->level, 0, finer * sizeof series->level[0]);
    for (size_t k = 0; k < finer; k++)
        series->level[k].head = -1;
    series->fine_levels += finer;
    if (series->fine_levels > SERIES_LEVELS - 1)
        series->fine_levels = SERIES_LEVELS - 1;
    series->fine_from_ms = series->last_ms;
    widths_set(series);
}

/* A history that is given back is coarse further back (an hour, five minutes), and what is learned from its
 * begin is no measure of what comes now. */
static void density_note(struct series *series, int64_t interval_ms)
{
    if (interval_ms > series->period_ms / SERIES_FACTOR) {
        series->dense_count = 0;
        series->dense_longest_ms = 0;
        return;
    }
    if (interval_ms > series->dense_longest_ms)
        series->dense_longest_ms = interval_ms;
    if (++series->dense_count < SERIES_DENSE)
        return;
    period_refine(series, series->dense_longest_ms);
    series->dense_count = 0;
    series->dense_longest_ms = 0;
}

/* The median interval of the first samples: a late or doubled one among them does not matter. */
static void period_learn(struct series *series)
{
    int64_t interval[SERIES_SEED - 1];
    for (size_t i = 0; i + 1 < SERIES_SEED; i++) {
        const int64_t d = series->seed_ms[i + 1] - series->seed_ms[i];
        size_t j = i;
        for (; j > 0 && interval[j - 1] > d; j--)
            interval[j] = interval[j - 1];
        interval[j] = d;
    }
    series->period_ms = interval[(SERIES_SEED - 1) / 2];
    widths_set(series);
    for (size_t i = 0; i < SERIES_SEED; i++)
        bucket_sample(series, series->seed_ms[i], series->seed_value[i]);
}

bool series_push(struct series *series, int64_t t_ms, double value)
{
    if (!isfinite(value) || (series->sample_count > 0 && t_ms <= series->last_ms))
        return false;
    if (series->sample_count == 0)
        series->origin_ms = t_ms;
    if (series->period_ms > 0)
        density_note(series, t_ms - series->last_ms);
    series->last_ms = t_ms;
    series->sample_count++;
    if (series->period_ms > 0) {
        bucket_sample(series, t_ms, value);
        return true;
    }
    series->seed_ms[series->seed_count] = t_ms;
    series->seed_value[series->seed_count++] = value;
    if (series->seed_count == SERIES_SEED)
        period_learn(series);
    return true;
}

size_t series_window(const struct series *series, int64_t from_ms, struct series_bucket out[SERIES_RING],
                     int64_t *out_width_ms)
{
    size_t count = 0;
    if (series->period_ms == 0) {
        for (size_t i = 0; i < series->seed_count; i++)
            if (series->seed_ms[i] >= from_ms)
                out[count++] = (struct series_bucket){.t_ms = series->seed_ms[i],
                                                      .low = series->seed_value[i],
                                                      .mean = series->seed_value[i],
                                                      .high = series->seed_value[i],
                                                      .count = 1};
        *out_width_ms = count > 1 ? (series->seed_ms[series->seed_count - 1] - series->seed_ms[0]) /
                                        (int64_t)(series->seed_count - 1)
                                  : 1;
        return count;
    }
    int64_t offset = from_ms - series->origin_ms;
    if (offset < 0)
        offset = 0;
    const int64_t now = series->last_ms - series->origin_ms;
    size_t k = from_ms <= series->fine_from_ms ? series->fine_levels : 0;
    while (k + 1 < SERIES_LEVELS &&
           now / series->level[k].width_ms - offset / series->level[k].width_ms >= SERIES_RING)
        k++;
    const int64_t width = series->level[k].width_ms;
    const int64_t last = now / width;
    /* What the open bucket of each finer level holds back belongs to the bucket of this level that contains
     * it: the current one, or after a gap an earlier one. */
    int64_t held_number[SERIES_LEVELS];
    int64_t scale = 1;
    for (size_t j = k; j-- > 0;) {
        scale *= SERIES_FACTOR;
        held_number[j] = series->level[j].head < 0 ? -1 : series->level[j].head / scale;
    }
    int64_t first = offset / width;
    if (first < last - SERIES_RING + 1)
        first = last - SERIES_RING + 1;
    const struct series_level *level = &series->level[k];
    for (int64_t b = first; b <= last; b++) {
        struct series_tally bucket = {0};
        if (b <= level->head && b > level->head - SERIES_RING)
            bucket = level->ring[b % SERIES_RING];
        for (size_t j = 0; j < k; j++)
            if (held_number[j] == b)
                bucket_add(&bucket, &series->level[j].ring[series->level[j].head % SERIES_RING]);
        if (bucket.count == 0)
            continue;
        const int64_t start = series->origin_ms + b * width;
        const int64_t filled = b == last ? series->last_ms - start : width;
        out[count++] = (struct series_bucket){.t_ms = start + filled / 2,
                                              .low = bucket.low,
                                              .mean = bucket.sum / (double)bucket.count,
                                              .high = bucket.high,
                                              .count = bucket.count};
    }
    *out_width_ms = width;
    return count;
}

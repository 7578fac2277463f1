/* series.h - the history of one metric of one process incarnation, in bounded memory.
 *
 * Fine for the recent past, coarser further back: level 0 keeps the last SERIES_RING buckets of about one
 * sampling period each, every further level the last SERIES_RING buckets of SERIES_FACTOR times that width.
 * So the finest level that still covers a window answers with SERIES_RING / SERIES_FACTOR to SERIES_RING
 * points, whatever the window, and the whole holds SERIES_RING * SERIES_FACTOR^(SERIES_LEVELS-1) sampling
 * periods: 12.5 million, six years at 15 s. What is older is forgotten. The unit of time is learned from the
 * first samples, so that a series at 100 ms and one at 5 min are treated alike; and again when they come four
 * times as densely as that for a while.
 *
 * A bucket is [start, start + width) and holds count, lowest, highest and sum of its samples. One without
 * samples is a gap and stays one: nothing is interpolated. Time is the caller's (milliseconds of a monotonic
 * clock). */
#ifndef STOREWATCH_SERIES_H
#define STOREWATCH_SERIES_H

#include "storewatch/base.h"

#define SERIES_RING 192
#define SERIES_FACTOR 4
#define SERIES_LEVELS 9
#define SERIES_SEED 8   /* samples held back until the sampling period is known */
#define SERIES_DENSE 16 /* so many dense intervals in a row, and it is a shorter one */

/* What the samples of one bucket come to. */
struct series_tally {
    double low, high, sum;
    uint32_t count; /* 0 = gap; saturates */
};

struct series_level {
    int64_t width_ms;
    int64_t head; /* number of the open bucket, counted from the origin; -1 = nothing yet */
    struct series_tally ring[SERIES_RING]; /* bucket b is in slot b % SERIES_RING */
};

struct series {
    int64_t origin_ms; /* time of the first sample; bucket 0 of each level begins here */
    int64_t last_ms;   /* time of the last sample accepted */
    uint64_t sample_count;
    int64_t period_ms;        /* learned sampling period; 0 = not yet */
    size_t dense_count;       /* intervals in a row that are at most a quarter of it, */
    int64_t dense_longest_ms; /* and the longest of them */
    size_t fine_levels;       /* the finest levels, so many, begin */
    int64_t fine_from_ms;     /* with the first sample after this time: the density was learned again then */
    size_t seed_count;
    int64_t seed_ms[SERIES_SEED];
    double seed_value[SERIES_SEED];
    struct series_level level[SERIES_LEVELS];
};

/* Makes it empty. */
void series_init(struct series *series);

/* Takes one known sample. Returns false and ignores it when t_ms is not after the last one or value is not
 * finite. */
bool series_push(struct series *series, int64_t t_ms, double value);

/* One bucket of the history, as the estimators read it; and what a chart shows of one or more of them. */
struct series_bucket {
    int64_t t_ms; /* middle of the bucket (of its filled part when it is still open) */
    double low, mean, high;
    uint32_t count;
};
struct series_point {
    int64_t t_ms;
    double low, mean, high;
};

/* The buckets that overlap [from_ms, now], oldest first, from the finest level that reaches back that far (or
 * the coarsest there is). Gaps are left out. Returns the count, at most SERIES_RING, and the width of the
 * buckets, at least 1. While the sampling period is not known each sample is a bucket, as wide as they are apart
 * in the mean. */
size_t series_window(const struct series *series, int64_t from_ms, struct series_bucket out[SERIES_RING],
                     int64_t *out_width_ms);

#endif

/* growers.h - the recent past of every process of the machine on one common grid of time, in bounded memory:
 * what the ranking of culprits (culprit.h) compares.
 *
 * The detectors follow who is watched, each on a grid of its own from its own birth. Shares, lead and lag
 * want the opposite: everybody, registered or not, over the same window in the same slots. So each process
 * has a row with its private bytes and handles, and the machine one with commit and pools; a slot holds the
 * mean of the polls in it. GROWERS_LEVELS rings, each GROWERS_FACTOR times coarser than the one before: with
 * slots of 5 min (a 48th of the default min_window) they reach 8 h, 32 h, 5 days and 21 days back.
 *
 * At most GROWERS_MAX processes are followed. When there are more, those with the fewest private bytes are
 * left out: who is small cannot have grown by much, and who grows becomes large and is let in. But a MAPI client
 * may hold megabytes in the store for each of its handles, and stay small: who is watched is kept. A push
 * allocates nothing and costs a comparison and four additions a row; the rings move once a slot.
 *
 * What a client made the store hold stays there when the client ends. So the rows of GROWERS_ENDED_MAX that have
 * ended are left, and know nothing since; of those that were watched before others, and the latest. */
#ifndef STOREWATCH_GROWERS_H
#define STOREWATCH_GROWERS_H

#include "storewatch/sample.h"

#define GROWERS_MAX 96
#define GROWERS_ENDED_MAX 16
#define GROWERS_SLOTS 96
#define GROWERS_FACTOR 4
#define GROWERS_LEVELS 4
#define GROWERS_KEPT_MAX 64   /* less than GROWERS_MAX */
#define GROWERS_PER_WINDOW 48 /* slots in a min_window */

/* The columns of a row. The machine's rows use them for commit and for the pools. */
enum grower_column { GROWER_BYTES, GROWER_HANDLES, GROWER_COLUMNS };

struct grower {
    struct process_id process;
    char image[PROCESS_IMAGE_MAX];
    int64_t born_mono_ms;  /* by its creation time; the machine's: 0 */
    int64_t ended_mono_ms; /* when it was missed first; INT64_MAX = it is there */
    bool is_kept;          /* at the latest slot */
    size_t seen_at;        /* where it was in the latest observation: the next look begins there */
    double sum[GROWER_COLUMNS];
    uint32_t count[GROWER_COLUMNS];
    float value[GROWERS_LEVELS][GROWERS_SLOTS][GROWER_COLUMNS]; /* NAN = not known */
};

struct growers {
    int64_t slot_ms;
    int64_t origin_mono_ms;
    int64_t looked_mono_ms; /* the latest look of the grid */
    int64_t slot;           /* the open one, counted from the origin; -1 = nothing yet */
    size_t left_out;        /* processes without a row at the latest slot */
    size_t kept_count;      /* of those that have one however small they are */
    struct process_id kept[GROWERS_KEPT_MAX];
    struct grower commit; /* GROWER_BYTES: system commit */
    struct grower pools;  /* the two columns: paged and nonpaged pool */
    size_t count;
    struct grower rows[GROWERS_MAX];
    size_t ended_count; /* in no order; a later one takes the place of one of these */
    struct grower ended[GROWERS_ENDED_MAX];
};

/* Makes it empty, with slots for this sampling interval and verdict window. Does nothing when it has such
 * slots already: a configuration that changes something else keeps the past. */
void growers_init(struct growers *growers, int64_t interval_ms, int64_t min_window_ms);

/* Who gets a row at the next slot however small it is; those of an earlier call do not any more. */
void growers_keep(struct growers *growers, const struct process_id *processes, size_t count);

/* And this one with them, as long as there is room; once it has a row it keeps it for a slot longer. */
void growers_keep_also(struct growers *growers, struct process_id process);

/* A look between those of the grid: who has ended. */
void growers_follow_ends(struct growers *growers, const struct observation *observation);

/* One look of the poll grid, and who has ended by then. What could not be read leaves a gap. */
void growers_push(struct growers *growers, const struct observation *observation);

/* Before the first push: slots from from_mono_ms on (which may be long before the clock began), but no more
 * than the coarsest ring holds, and rows of those who are there now. They are filled by growers_past_*. */
void growers_begin_at(struct growers *growers, const struct observation *observation, int64_t from_mono_ms);

/* Likewise: the row of a watched one that ended before. The latest ones find room. */
void growers_begin_ended(struct growers *growers, struct process_id process, const char *image,
                         int64_t born_mono_ms, int64_t ended_mono_ms);

/* What a history knows of one column of a row, told in the order of time. */
struct growers_past {
    struct grower *row; /* growers->commit, ->pools, one of ->rows or of ->ended */
    enum grower_column column;
    int64_t number[GROWERS_LEVELS]; /* of the slot that is being filled */
    double sum[GROWERS_LEVELS];
    uint32_t count[GROWERS_LEVELS]; /* 0: none is */
};
/* What is unknown, from before the begin or from the slot that is open now is left out. */
void growers_past_add(const struct growers *growers, struct growers_past *past, int64_t mono_ms,
                      reading value);
void growers_past_end(const struct growers *growers, struct growers_past *past);

/* Lends; NULL when there is no row of it. */
const struct grower *growers_find(const struct growers *growers, struct process_id process);

/* The slots that are looked at: the finest level that reaches back to from_mono_ms, without the open slot. */
struct growers_window {
    size_t level;
    int64_t first; /* number of the first slot at that level */
    size_t count;  /* at most GROWERS_SLOTS */
    int64_t width_ms;
};
struct growers_window growers_window_from(const struct growers *growers, int64_t from_mono_ms);
/* The middle of slot i of the window. */
int64_t growers_time(const struct growers *growers, const struct growers_window *window, size_t i);
/* NAN = not known, or not yet born. */
double growers_value(const struct grower *grower, const struct growers_window *window,
                     enum grower_column column, size_t i);
/* The highest known value of slots that ended before this time, at any level; NAN = none. */
double growers_highest_before(const struct growers *growers, const struct grower *grower,
                              enum grower_column column, int64_t before_mono_ms);

#endif

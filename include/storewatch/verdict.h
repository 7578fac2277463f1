/* verdict.h - is this growth unbounded? The one question storewatch exists to answer.
 *
 * A `detector` follows one metric of one process incarnation (or of the host) online: it is given samples in
 * the order of time, at any spacing, and can be asked at any moment. No later sample informs an earlier
 * answer. It is free of scale: it judges growth against the series' own range, noise and the time it has
 * seen; the absolute minimums in the settings are extra conditions for the service and are 0 for `analyze`.
 * One minimum is of programs, not of settings: less than 8 MiB say nothing while no limit is known, because a
 * heap of that size was perhaps never collected.
 * Memory is bounded (DETECTOR_BYTES_MAX) and allocated in detector_new only: a push allocates nothing. */
#ifndef STOREWATCH_VERDICT_H
#define STOREWATCH_VERDICT_H

#include "storewatch/sample.h"
#include "storewatch/series.h"
#include "storewatch/units.h"

#define DETECTOR_BYTES_MAX (64 * 1024)
#define VERDICT_REASON_MAX 320
#define VERDICT_CHANGES_MAX 16
/* With a min_window of so much or more a life has days: growth waits for the first one, unless half of the headroom is
 * gone, and is held against the days before. (Less is of a trial.) */
#define VERDICT_DAYS_WINDOW_MS MS_PER_HOUR

enum verdict_state { VERDICT_LEARNING, VERDICT_BOUNDED, VERDICT_UNBOUNDED };

/* What was seen, for people and for `analyze --json`. */
#define SHAPE_LIST(X)                                                                                        \
    X(UNKNOWN, "unknown")                                                                                    \
    X(FLAT, "flat")                                                                                          \
    X(WARM_UP, "warm-up")                                                                                    \
    X(PLATEAU, "plateau")                                                                                    \
    X(PERIODIC, "periodic")                                                                                  \
    X(SAWTOOTH, "sawtooth")                                                                                  \
    X(STEP, "step")                                                                                          \
    X(NOISY, "noisy")                                                                                        \
    X(SHRINKING, "shrinking")                                                                                \
    X(GROWTH, "growth")                                                                                      \
    X(ACCELERATING, "accelerating growth")                                                                   \
    X(RISING_FLOOR, "sawtooth on a rising floor")

enum shape {
#define SHAPE_ENUM(name, text) SHAPE_##name,
    SHAPE_LIST(SHAPE_ENUM)
#undef SHAPE_ENUM
};

const char *verdict_state_name(enum verdict_state state); /* "learning" "bounded" "unbounded" */
const char *shape_name(enum shape shape);

struct verdict_settings {
    enum unit unit;        /* for the wording of the reason; and bytes have that minimum */
    int64_t warm_up_ms;    /* of the incarnation's life: no verdict is based on it */
    int64_t min_window_ms; /* growth must have been seen for at least this long before `unbounded`; 0 =
                              scale-free */
    double confidence_pct; /* of the slope interval, 50 < x < 100 */
    /* Absolute growth (bytes or handles) below which nothing is `unbounded`; 0 for analyze. */
    double min_growth;
    /* What earlier incarnations of the same program taught: the plateau up to which they went without harm (NAN:
     * nothing), how long it took to reach the usual level (0: nothing), and whether the last one was leaking at
     * its end. Only hastens or delays. */
    double learned_plateau;
    int64_t learned_warm_up_ms;
    bool learned_leak;
};

/* The limit that exhaustion is projected against and what it is (static text: "address space"). */
struct verdict_limit {
    double value; /* in the metric's unit; NAN = no limit known: then no exhaustion time */
    const char *name;
};

/* Growth at less than this share of its mean rate since it began: it has all but stopped. */
#define VERDICT_HARDLY 0.1

struct verdict {
    enum verdict_state state;
    enum shape shape;
    int64_t at_ms;    /* time of the last sample seen */
    int64_t known_ms; /* and of the last that was known, which all of this is of */
    int64_t since_ms; /* when the present state was entered */
    /* Estimated begin of the growth (or of the present level); meaningful once not learning. */
    int64_t onset_ms;
    double value; /* smoothed present level; NAN if nothing is known */
    double slope_per_hour, slope_low_per_hour,
        slope_high_per_hour; /* of the present segment; NAN if unknown */
    double growth;           /* since onset, in the metric's unit */
    double onset_level;      /* what unbounded growth began at; NAN in another state */
    /* Unbounded still, but the latest sample lies where the growth counts as given back: the level follows
     * after a part of the growth's duration, and the verdict with it. */
    bool given_back;
    double limit; /* as given; NAN = none */
    const char *limit_name;
    int64_t exhaustion_ms, exhaustion_early_ms, exhaustion_late_ms; /* times; INT64_MAX = not foreseeable */
    /* The fitted line of the present segment, for charts: from (fit_from_ms, fit_from) to (at_ms, fit_to). */
    int64_t fit_from_ms;
    double fit_from, fit_to;
    size_t change_count; /* change points kept, oldest first, at most VERDICT_CHANGES_MAX */
    int64_t change_ms[VERDICT_CHANGES_MAX];
    uint64_t sample_count, unknown_count;
    char reason[VERDICT_REASON_MAX]; /* plain words: what was seen and which clause decided */
    size_t reach_at; /* where in it the words about the end begin, which come last; its length without any */
};

struct detector;

/* NULL without memory. Settings are copied. */
struct detector *detector_new(const struct verdict_settings *settings);
void detector_free(struct detector *detector);

/* Others than it began with, for a history that is taken over. Ignored once there was a sample. */
void detector_set_settings(struct detector *detector, const struct verdict_settings *settings);

/* One sample. t_ms must not run backwards (an equal or earlier one is ignored); NAN counts as unknown and
 * makes a gap. Amortised O(1) to O(log n); some pushes evaluate the verdict and cost more. Returns the state
 * now, so that a caller sees each rise at the sample that caused it. */
enum verdict_state detector_push(struct detector *detector, int64_t t_ms, double value);

/* Judges once more as of the last sample, outside the usual spacing of evaluations: for a caller that has no
 * more samples to give (the end of a file). It may clear, but not raise: an alarm is the business of a push.
 * Returns the state now. */
enum verdict_state detector_settle(struct detector *detector);

/* The absolute guard: near exhaustion growth must be told at once. Also sets what exhaustion is projected to.
 */
void detector_set_limit(struct detector *detector, struct verdict_limit limit);

/* The state as of the last sample. */
enum verdict_state detector_state(const struct detector *detector);
/* The verdict as of the last sample, with words: a few microseconds of formatting. */
void detector_verdict(const struct detector *detector, struct verdict *out_verdict);
/* The mean rate of growth since the onset; NAN if unknown. */
double verdict_mean_per_hour(const struct verdict *verdict);
/* Has it all but stopped? False where a rate is unknown. */
bool verdict_hardly_grows(const struct verdict *verdict);
/* Makes it say that the end that was foreseen has come, and that nothing grows there. */
void verdict_stands_at_end(struct verdict *verdict);
/* Was the limit reached before the last sample, as far as is known? Then no end is ahead. */
bool verdict_limit_reached(const struct verdict *verdict);

/* What an incarnation that ends teaches the next: fills the learned_... members of *settings, leaves the
 * rest. */
void detector_learned(const struct detector *detector, struct verdict_settings *settings);

/* The kept history of the detector for charts: up to `capacity` points, oldest first: the time
 * in the middle of a bucket, its lowest, mean and highest value. Returns the count. A gap shows as a missing
 * bucket. */
size_t detector_points(const struct detector *detector, struct series_point *out_points, size_t capacity);

#endif

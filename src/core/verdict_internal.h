/* verdict_internal.h - what verdict.c (the detector: when it looks, and its state), verdict_clauses.c (the
 * judgement), verdict_views.c and verdict_days.c (what it looks at), verdict_forecast.c (line and forecast),
 * verdict_ahead.c (what the days ahead bring) and verdict_words.c (the answer) share. */
#ifndef STOREWATCH_VERDICT_INTERNAL_H
#define STOREWATCH_VERDICT_INTERNAL_H

#include "storewatch/series.h"
#include "storewatch/trend.h"
#include "storewatch/verdict.h"

/* Blocks: enough for sixths of half a life to have medians of several blocks, few enough that each averages
 * noise. */
#define BLOCKS_MAX 48
#define BLOCKS_MIN 8 /* of a growth: below, its sixths are single blocks */
#define SILENCES_MAX 16
/* In a row that are alike: samples come more rarely now, and that is no silence. */
#define SILENCE_INTERVALS 3
/* Of the time that growth has to be seen for, when the last incarnation leaked: the prior odds are even. */
#define LEARNED_SHARE 0.5
/* Urgent: it has taken so much of the headroom (to the limit, or to twice the level when none is known): with
 * URGENT_LAST of confirmation some two thirds of the time to exhaustion are left to act in. */
#define CONFIRM_HEADROOM 0.22

enum clause {
    CLAUSE_LEARNING,
    CLAUSE_FLAT,
    CLAUSE_TIME,
    CLAUSE_BIRTH,
    CLAUSE_LEVEL,
    CLAUSE_SCATTER,
    CLAUSE_RANGE,
    CLAUSE_PARTS,
    CLAUSE_FEW,
    CLAUSE_FALL,
    CLAUSE_PRIOR,
    CLAUSE_SATURATING,
    CLAUSE_STAIRS,
    CLAUSE_FLOOR,
    CLAUSE_BENDS, /* only ever a reason to wait, */
    CLAUSE_USUAL, /* and this one: an earlier incarnation was there without harm */
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
    bool urgent, floors;
    bool smooth; /* found in a view without excursions or cycle */
    bool daily;  /* (without a cycle, too) against what the days before did at that time */
    double range_middle, range_high; /* of the level before the onset: its median, and nearly its highest */
    double fall;                     /* the largest before the onset */
    double plateau;                  /* where a saturating curve heads; NAN */
};

/* A growth found, waiting to be confirmed by what comes after it. */
struct forecast {
    bool made;
    bool smooth, floors; /* of the finding */
    int64_t at_ms;
    double level, rate_per_ms;
};

/* A silence that was cut short, from the last sample before it on: from at_ms on, that of the next one, the
 * clock is skipped_ms ahead of the time seen. */
struct silence {
    int64_t from_ms, at_ms, skipped_ms;
};

/* What each day does: the means of half hours, by the clock, which no silence shifts. */
#define DAYS_SLOT_MS (30 * MS_PER_MINUTE)
#define DAYS_SLOTS 48 /* of a day */
#define DAYS_KEPT 15  /* two weeks, of each time of day, and the day that goes on */
#define WEEK_SLOTS (7 * DAYS_SLOTS)
#define DAYS_REST_SHARE 0.4 /* a day with less of what days do is one of rest */
struct days {
    int64_t head; /* number of the half hour that is open; INT64_MIN: none yet */
    double sum;
    uint32_t count;
    float level[DAYS_KEPT * DAYS_SLOTS]; /* half hour h is in h % their number; NAN: nothing is known of it */
    float week[WEEK_SLOTS];      /* and what the week before a growth had (days_keep_week), likewise */
    int64_t quiet_from;          /* half hours before this one are not of it */
    bool week_known;             /* a day of it at least: else it is flat */
    double week_mean, week_peak; /* of that week */
    unsigned rest_days;          /* of it: a bit each */
};

/* What the days ahead will bring of a growth that was told (verdict_ahead.c). */
#define WANDER_SCALES 9 /* 1, 2, 4, ... half hours: up to five days */
struct ahead {
    float up[WANDER_SCALES], down[WANDER_SCALES]; /* what the level did in such a time before: 95 and 5 % */
    bool repeats;              /* the growth rests for a part of each day: its own days are the forecast, */
    double days;               /* so many of them, */
    float gain[2][DAYS_SLOTS]; /* which add this in each half hour of a working day, and of a day of rest */
};

/* What a half hour is held against: the highest of the days before at that time, or the one a week before. */
enum against { AGAINST_DAYS, AGAINST_WEEK, AGAINST_COUNT };

/* All times in here are times *seen*: what passes while nothing is read (storewatch stopped, the machine
 * asleep, the clock set) teaches nothing of the shape, and must not make the growth after it look short
 * against a long life. So a long silence is cut short on the way in, and put back on the way out
 * (detector_verdict, detector_points). */
struct detector {
    struct verdict_settings settings;
    int64_t pushed_ms; /* latest time pushed, by the clock */
    int64_t known_ms;  /* time seen, of the latest known sample */
    int64_t skipped_ms;
    int64_t interval_ms[SILENCE_INTERVALS]; /* the latest between known samples, by the clock */
    size_t silence_count;
    struct silence silences[SILENCES_MAX];
    struct verdict_limit limit;
    struct series series;
    struct days days;
    struct ahead ahead;
    uint64_t unknown_count, sample_count;
    int64_t first_ms, last_ms;
    int64_t next_evaluation_ms;
    enum verdict_state state;
    int64_t since_ms;
    enum shape shape;
    struct finding finding; /* the latest */
    unsigned undescribed;   /* evaluations since shape and line were last determined */
    int64_t next_urgent_ms;
    /* Being confirmed: of the whole life, of its recent parts, and of those against what the days before did. */
    struct forecast steady, urgent, daily[AGAINST_COUNT];
    double last_value;
    bool near; /* it is above GUARD_BELOW of the limit and not told, */
    int64_t near_since_ms;
    double near_from;      /* at first with this value; */
    double near_peak;      /* its highest since it came above that, told or not, */
    double came_back_from; /* and the highest of those that went below again */
    unsigned rises;        /* in a row there, */
    double risen_from;     /* from this value */
    unsigned climbs;       /* steps of a climb there, */
    double climbed;        /* the latest to this value */
    double usual, high;    /* level of the first two thirds of the life: median and 95 % */
    double harmless;       /* the highest level that was held before growth that was told; NAN for none */
    /* While unbounded: */
    int64_t onset_ms;
    double onset_level;
    int64_t told_onset_ms; /* when it is said to have begun, */
    double told_from;      /* and at which level; */
    int64_t line_from_ms;  /* its line begins there, or at the onset of the finding */
    double height, peak;   /* of the growth, looked at as it was found: now, and the highest */
    double held;           /* the highest that was, since held_ms */
    int64_t held_ms;
    bool stalled; /* it has stopped for so long that it is cleared, unless it may be what each night does, */
    bool used_up; /* or it stands at its limit */
    /* The line of the present segment, per second. */
    struct trend_slope slope;
    bool slope_known, accelerates;
    double rate_low, rate_high; /* what may come, per second */
    double bend, bend_s;        /* the rate grows by the factor `bend` in that time */
    double slope_now;           /* the rate at the end of the segment */
    double line_noise;          /* distance from the line that what comes keeps, */
    double sample_noise;        /* and single samples */
    double lead;                /* the present level is off the line by so much; 0 while it keeps to it */
    bool level_of_line;         /* d->value is the line's: the median of the present lags behind it */
    bool turned;                /* the line is of the recent part of a growth: faster, or clearly slower; */
    double rate_before;         /* and this was the rate before that part */
    double fit_moved;           /* of the line at its begin: what silences since then are moved by */
    int stray_side;  /* the latest samples are above (1) or below (-1) the line; 0: they keep to it */
    unsigned strays; /* so many in a row */
    int64_t stray_look_ms, stray_pause_ms; /* the next look because of that, and the pause after it */
    int64_t fit_from_ms;
    double value;
    size_t change_count;
    int64_t change_ms[VERDICT_CHANGES_MAX];
};

/* One way to look at the blocks: their medians, or the floors of pairs of them. */
struct view {
    bool floors;
    size_t n;
    double t[BLOCKS_MAX], value[BLOCKS_MAX];
    double other[BLOCKS_MAX]; /* the floors where the medians are the values, and the reverse */
};

/* What a window is judged in. */
struct context {
    double life_s;           /* seen so far, without the warm-up */
    double window_begin_s;   /* begin of the window after the begin of that life */
    double samples;          /* seen in that life, about */
    double usual, high;      /* median and 95 % level of the life before the window; NAN for none */
    double record;           /* in a short window: highest level of the life before it */
    bool short_window;       /* only what is urgent counts */
    bool daily;              /* of a window that is held against the days before */
    bool smooth;             /* steps are looked for in the view itself, which is `fine` */
    const struct view *fine; /* the medians of all blocks */
};

/* verdict.c */
double detector_seconds(const struct detector *d, int64_t t_ms);
/* The service's life has days; what `analyze` is given, perhaps not. */
bool detector_has_days(const struct detector *d);
int64_t detector_clock(const struct detector *d, int64_t seen_ms);
/* And the time seen at a clock's time; of a silence, which was cut short, not after its end. */
int64_t detector_seen(const struct detector *d, int64_t clock_ms);
/* No limit is known, or of handles one that is far from this level: the system's is millions, and programs fail long
 * before it. */
bool detector_is_open(const struct detector *d, double level);
/* From that level to the limit; the level itself where that is open. */
double detector_headroom(const struct detector *d, double level);
double detector_hurry(const struct detector *d);
/* Was the growth that was told given back, by the latest sample? */
bool detector_fell(const struct detector *d);
/* Has it taken what was left up to the limit? */
bool detector_is_at_limit(const struct detector *d);

/* verdict_views.c */
/* Cuts the points into at most BLOCKS_MAX blocks of equal duration; empty ones are left out. */
size_t judge_blocks(const struct detector *d, const struct series_bucket *point, size_t count,
                    int64_t from_ms, struct block block[BLOCKS_MAX]);
/* Medians of the blocks for a group of 1, else the floors of groups of so many. */
void view_make(const struct block *block, size_t n, size_t group, struct view *view);
/* The floor of each block. */
void view_floors(const struct block *block, size_t n, struct view *view);
/* Line of Theil and Sen through every other point; values near it are kept, those far from it are excursions.
 * Returns false when too many are. */
bool view_on_line(const struct view *view, size_t s, struct view *out);
/* Values that repeat (day and night) on top of whatever else they do: each is replaced by the mean of the
 * period around it, which has every phase once; the other value is the lowest of that period, so that minima
 * of the same phase are compared. Returns false when nothing repeats often enough to be known. */
bool view_without_cycle(const struct view *fine, struct view *out, double *out_swing);
/* The lag in blocks after which the values repeat: their autocorrelation is high there and was lost in
 * between. At most lag_max; 0 when there is none. */
size_t values_period(const double *v, size_t n, size_t lag_max);
/* Sum of the squared distances from the mean. */
double values_squares(const double *value, size_t n);
/* How far they reach without so many of them at either end. Permutes them. */
double values_width(double *value, size_t n, size_t tail);
/* Their median and 95 % level; NAN for none. Permutes them. */
void values_range(double *value, size_t n, double *out_middle, double *out_high);
/* Adds the sums of (time - its mean)^2 and of (time - its mean) (value - its mean): of several pieces, tv /
 * tt is the slope that they have in common. */
void values_products(const double *time, const double *value, size_t n, double *tt, double *tv);

/* verdict_days.c */
void days_init(struct days *days);
/* The number of the half hour; and its place in so many that are used in turn. */
int64_t days_slot(int64_t clock_ms);
size_t days_place(int64_t slot, int64_t places);
/* Is its day one of rest, by the week that is kept, or by what is seen since? */
bool days_rests(const struct days *days, int64_t slot);
/* NAN: unknown. The open half hour is not yet. */
double days_level(const struct days *days, int64_t slot);
/* Returns whether a half hour has ended with it. */
bool days_push(struct days *days, int64_t clock_ms, double value);
/* The level that was held for the last two hours: the lowest of their half hours; NAN when that is unknown. */
double days_held(const struct days *days);
/* The week between these two times is what a growth, which began at the second, is held against as long as it is told;
 * at the first one the last growth had ended. A half hour of which nothing is known gets what is usual at that time of
 * day; `usual`, where less than a day is known. */
void days_keep_week(struct days *days, int64_t from_clock_ms, int64_t before_clock_ms, double usual);
/* How far a half hour of that week, which ends before slot `before`, is above what is usual at that time of day: the
 * median of its days of rest, or of the others. NAN: unknown. */
double days_odd(const struct days *days, int64_t slot, int64_t before);
/* What that week was above its own mean in these hours; the end is not before the begin. */
double days_swing(const struct days *days, int64_t from_clock_ms, int64_t to_clock_ms);
/* The median of what the half hours from that time on are above that week; NAN when none of them is known. */
double days_above_week(const struct days *days, int64_t from_clock_ms);
/* The window that begins at that time seen, in blocks of what it is above the days before, on top of d->usual.
 * *context gets what was usual of that before the window. Returns the count; 0 when too few days are known. */
size_t days_blocks(const struct detector *d, enum against against, int64_t from_ms, struct context *context,
                   struct block block[BLOCKS_MAX]);

/* verdict_ahead.c: of a detector that has days */
/* Of growth that has just been told, and days_keep_week of the week before it. */
void ahead_begin(struct detector *d, int64_t onset_ms);
/* From its days, as far as there are. */
void ahead_learn(struct detector *d);
/* Does it repeat its days, and did it so up to now? */
bool ahead_repeats(const struct detector *d);
/* Of what does: the mean rate of its working days, per second, and the share of it that may be chance. */
double ahead_rate(const struct detector *d);
double ahead_varies(const struct detector *d);
/* When that end comes, foreseen by the line or by the days, if the growth also rests in those hours of a day and days of
 * a week that it has not been seen in. */
int64_t ahead_rested(const struct detector *d, bool repeats, int64_t end_ms);
/* When the limit is reached by that share of its gains, from the present level and so much above it. INT64_MAX: never. */
int64_t ahead_reach(const struct detector *d, double share, double above);

/* verdict_clauses.c */
struct finding judge_window(const struct detector *d, struct context *context, const struct block *block,
                            size_t n, int64_t begin_ms);
enum shape judge_shape(const struct block *block, size_t n, const struct finding *f);

/* verdict_forecast.c */
/* What the day alone adds to the latest sample, of growth that was told; 0 where days are not known. */
double forecast_swing_now(const struct detector *d);
/* Where the line of a growth that has just been found begins: where it is told to begin, when what the segment has
 * before that is a bend, and leaving it out narrows the line's interval out of all proportion to the points that
 * go. Else it is the first of its swings, and the line needs both sides of them. */
int64_t forecast_begin(const struct detector *d);
void forecast_segment(struct detector *d, const struct series_bucket *point, size_t count,
                      const struct block *block, size_t blocks, int64_t from_ms);
/* The line at that time. */
double forecast_line(const struct detector *d, int64_t t_ms);
/* Sees whether the present level, of the latest samples, is further off the line than samples are. */
void forecast_present(struct detector *d);
/* The line at the time of the latest sample, or where the present level was seen to be off it. */
double forecast_now(const struct detector *d);
/* What growth that was told does now: of a verdict that knows rate and growth. */
enum pace { PACE_GROWS, PACE_HARDLY, PACE_AT_LIMIT };
enum pace forecast_pace(const struct detector *d, const struct verdict *v);
void forecast_reach(const struct detector *d, enum pace pace, struct verdict *v);

#endif

/* culprit_internal.h - what culprit.c, culprit_evidence.c, culprit_together.c and culprit_words.c share. */
#ifndef STOREWATCH_CULPRIT_INTERNAL_H
#define STOREWATCH_CULPRIT_INTERNAL_H

#include "storewatch/culprit.h"
#include "storewatch/trend.h"

#define CULPRIT_SIGMAS 1.96 /* half a 95 % interval */
/* Since the onset: fewer slots have no slope, shape or correlation to speak of. */
#define CULPRIT_POINTS_MIN 8
#define CULPRIT_BLOCKS_MAX 48
/* What a curve leaves over hangs together - calls come by day and stop at night -, and so the points are worth fewer; how
 * much so cannot be told well, and counts up to this autocorrelation only. */
#define CULPRIT_HANGS_MAX 0.9

/* A share below a third is not what an administrator would act on first, and the largest of many that grow a
 * little has a fifth or a quarter; two culprits have a half each. */
#define CULPRIT_MATERIAL_SHARE 0.35
/* Nothing is known better than that: rounding of slots, processes that came and went. */
#define CULPRIT_SHARE_SIGMA_MIN 0.07
/* Under load everybody moves in step, and what cannot hold the pool is in step for some other reason. */
#define CULPRIT_LOAD_STEP_ODDS_MAX 10.0
/* So many are named together at most. */
#define CULPRIT_SET_MAX 3

/* Where a flat line begins to rise, in the times given; the interval is that of 95 %. Not known when it rises
 * from the first point on, or falls. */
struct culprit_onset {
    bool known;
    double at, low, high;
};

/* One column of one row over the window: known points only. */
struct culprit_curve {
    size_t n;
    double t[GROWERS_SLOTS], v[GROWERS_SLOTS]; /* seconds since the window's begin */
};

/* So many programs of which several processes grow are looked at. */
#define CULPRIT_PROGRAMS_MAX 8

#define CULPRIT_ROWS_MAX (GROWERS_MAX + GROWERS_ENDED_MAX)

struct suspect;
/* The processes of one program that grow, added up (culprit_program.c). */
struct culprit_program {
    struct grower sum;   /* a row like theirs */
    size_t count, ended; /* so many of them, of which so many have ended */
    const struct suspect *first;
    const struct grower *rows[CULPRIT_ROWS_MAX];
    struct culprit_known known; /* of all of them */
    bool is_known;
};

struct culprit_work {
    const struct growers *growers;
    const struct culprit_question *question;
    struct growers_window window;
    size_t onset;                     /* first slot of the growth */
    const struct grower *whole;       /* what grows: the machine or the store's row */
    enum grower_column column;        /* and which column of it */
    struct culprit_curve whole_curve; /* over all of the window */
    struct trend_slope whole_slope;   /* since the onset */
    struct culprit_onset whole_onset;
    const struct grower *rows[CULPRIT_ROWS_MAX]; /* everybody who is compared: those who are there, */
    size_t row_count, present_count;             /* so many, then who has ended */
    double common[CULPRIT_BLOCKS_MAX];           /* sum over all rows of the ranks of their increments */
    size_t block_slots, blocks;                  /* since the onset */
    double load_growth[GROWER_COLUMNS];          /* usual relative growth of those that grow */
    bool with_load;
    struct culprit_program *programs; /* CULPRIT_PROGRAMS_MAX; lent */
    size_t program_count;
};

/* What is asked about: a sum, or what the kernel's pools hold; else the store. */
static inline bool culprit_of_commit(const struct culprit_work *work)
{
    return work->whole == &work->growers->commit;
}
static inline bool culprit_of_pools(const struct culprit_work *work)
{
    return work->whole == &work->growers->pools;
}
static inline bool culprit_of_store(const struct culprit_work *work)
{
    return !culprit_of_commit(work) && !culprit_of_pools(work);
}
static inline bool culprit_has_ended(const struct grower *row)
{
    return row->ended_mono_ms != INT64_MAX;
}

struct culprit_step {
    double r; /* NAN = nothing to compare */
    double z;
    int lag;                       /* in blocks, positive: the process first */
    unsigned tried;                /* lags and columns */
    double p;                      /* of the best one, times the number tried */
    enum grower_column own, whole; /* the columns that agree best */
};

/* One process that may be it, or those of one program together. */
struct suspect {
    const struct grower *row;
    struct process_id process;             /* of several the one that grew most */
    const struct culprit_program *program; /* NULL = it is one process */
    const struct culprit_known *known;
    double rise[GROWER_COLUMNS], level[GROWER_COLUMNS]; /* since the onset; level at its begin */
    struct trend_slope slope[GROWER_COLUMNS];
    bool grows[GROWER_COLUMNS]; /* surely: the interval lies above 0 */
    double share, sigma;        /* NAN = not known */
    struct culprit_onset onset;
    struct culprit_step step;
    unsigned doubts;
    double kept;            /* what the doubts leave of a score */
    double odds, step_odds; /* of what is accounted to nobody: all of them, and those of being in step */
    double score;
};

/* How many points so many residuals that hang together are worth. */
double culprit_worth(const double *rest, size_t n);
/* Times increase; at most GROWERS_SLOTS points. */
struct culprit_onset culprit_onset_find(const double *t, const double *v, size_t n);
/* Does one that was begun in the middle of the growth leak itself? It rises once it is warm, and what grows has gone on
 * since it began: else it is the one before it that is to be blamed. */
bool culprit_leaks_on(const struct culprit_work *work, const struct grower *row);
/* How much denser this onset and that of the whole agree than one thrown into the window by chance would. */
double culprit_onset_odds(const struct culprit_work *work, const struct culprit_onset *own, bool *out_later);
/* Cuts the growth into blocks and sums up what everybody does from one to the next. */
void culprit_blocks_make(struct culprit_work *work);
/* A leak in the store may show in its bytes or its handles, and in those of the client. */
struct culprit_step culprit_in_step(const struct culprit_work *work, const struct grower *row);
double culprit_step_odds(const struct culprit_step *found);
/* The same evidence once the whole growth and this process have been freed of what another one explains: of
 * two that move alike only one needs to be the cause. */
double culprit_step_odds_beside(const struct culprit_work *work, const struct suspect *suspect,
                                const struct suspect *beside);

/* Into a list of at most `capacity` in the order of stands_before; who has no place any more falls off. */
void culprit_insert(struct suspect *suspect,
                    bool (*stands_before)(const struct suspect *, const struct suspect *),
                    struct suspect **list, size_t capacity, size_t *count);

bool culprit_same_program(const struct suspect *a, const struct suspect *b);
void culprit_programs_make(struct culprit_work *work, const struct suspect *suspects, size_t count);
/* Is it the program that grows, or only a few of its processes? */
bool culprit_program_grows(const struct culprit_program *program, const struct suspect *suspects,
                           size_t count);
/* Does this program, scored as `whole`, take the place of its processes? They are no suspects then. */
bool culprit_program_stands(const struct culprit_program *program, struct suspect *whole,
                            struct suspect *suspects, size_t count);

/* The whole's share of these, slot by slot, is taken away: how far what is left of their bytes wanders is how
 * well the share is known, as a part of the whole's rise. */
double culprit_share_sigma(const struct culprit_work *work, const struct suspect *const *members,
                           size_t count, double share, double whole_rise);
/* Raises the scores of those that explain the growth together (of a sum). */
void culprit_together_share(const struct culprit_work *work, double whole_rise, struct suspect *suspects,
                            size_t count);
/* Makes scores of odds (of what is accounted to nobody): nobody, each alone, each pair. *out_either: the
 * probability that it is one of the best two, or both. */
void culprit_together_odds(const struct culprit_work *work, struct suspect *suspects, size_t count,
                           double *out_either);
/* Which of those listed, best first, are named together; these come first then, the larger share first. */
void culprit_together_name(const struct culprit_work *work, double either, double whole_rise,
                           struct suspect *listed[CULPRITS_LISTED], struct culprit_ranking *ranking);
enum culprit_confidence culprit_confidence_of(double score);
double culprit_normal_below(double z);

enum culprit_outcome { CULPRIT_RANKED, CULPRIT_TOO_SHORT, CULPRIT_NO_GROWTH };
/* Fills ranking->words. */
void culprit_add_words(struct culprit_ranking *ranking, enum culprit_outcome outcome);

#endif

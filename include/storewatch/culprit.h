/* culprit.h - who makes it grow? A ranking of the processes, registered or not, for the growth of the
 * machine's commit, of its pools, or of the Information Store.
 *
 * Two questions, because the evidence differs:
 *
 * Commit is a sum: what a process has of it is known. So each process' share is its rise over the window
 * against that of the whole (medians at both ends), and its interval comes from how far the process, less its
 * share of the whole, wandered on the way: a leak grows in the rhythm of the calls, and slot by slot that
 * rhythm is in both, so it cancels, while it makes the interval of a straight line useless (Theil-Sen's,
 * widened for autocorrelation, held 0 for most simulated leaks). The rate an hour is Theil-Sen's. The score
 * is the probability that the share is a material one (MATERIAL_SHARE), times what speaks against it being a
 * leak (below).
 *
 * What a client makes the store (or the kernel's pools) hold is accounted to nobody. There it takes
 * evidence, weighed as odds (I. J. Good 1950, "weight of evidence"):
 *   prior      few processes make the store grow; a MAPI client more likely than another program;
 *   onset      of both, each as a broken line with the interval of its likelihood profile: how much denser
 *              the agreement is than by chance within the window. Who begins clearly later is no cause
 *              (cause precedes effect: C. W. J. Granger 1969);
 *   in step    rank correlation of the increments from block to block at lags around 0 - increments, because
 *              any two growing levels correlate (G. U. Yule 1926) - with what all other processes have in
 *              common taken out (partial correlation). Its p-value, times the lags tried, makes a bound on
 *              the odds, -1 / (e p ln p) (T. Sellke, M. J. Bayarri, J. O. Berger 2001);
 *   verdict    its own detector has found it to grow without bound; its DLL lacks a known fix.
 *
 * Several processes of one program that grow are one suspect when together they explain it better than the
 * best of them does (culprit_program.c).
 *
 * More than one: the few largest shares of a sum that together are most of it need only a part each; and of
 * what is accounted to nobody, pairs are hypotheses too, the second one by what it is in step with once the
 * first has been taken out (culprit_together.c).
 *
 * One that has ended gave back what it had of a sum, but not what it made the store hold: there it is a suspect,
 * and of one program those count together that came one after the other. When the growth went on after its end,
 * it was another one.
 *
 * What does not explain growth, in both: a curve that levels off (warm-up, a cache on the way to its bound),
 * a level that was there before the growth began (load that comes back each day), growth of the size that
 * everybody shows at the time (load), a process that has only just started; and of the pools, fewer new
 * handles than could hold it. What drivers take of the pools is seen in no process: then nobody is named.
 *
 * Everything here is pure; nothing allocates. A ranking costs some milliseconds: once a slot, not at each
 * poll. How often the words are right is measured by tests/bench/bench_culprit.c. */
#ifndef STOREWATCH_CULPRIT_H
#define STOREWATCH_CULPRIT_H

#include "storewatch/growers.h"
#include "storewatch/incident.h"
#include "storewatch/watch.h"

/* What a new handle and its object hold of the kernel's pools, in bytes: up to this much is usual. */
#define POOL_A_HANDLE_USUAL KIB

/* What is asked. */
struct culprit_question {
    enum metric metric;        /* what grows */
    struct process_id process; /* whose; pid 0 = the machine's */
    int64_t onset_mono_ms;     /* since when, by the verdict */
    int64_t warm_up_ms;        /* a process younger than this has only just started */
};

/* What is known beyond the readings about some of the processes: those that are watched. */
struct culprit_known {
    struct process_id process;
    enum target_kind kind;
    char target[TARGET_NAME_MAX];
    char service[SERVICE_NAME_MAX];           /* what its restart restarts; "" = nothing */
    enum verdict_state state[GROWER_COLUMNS]; /* of private bytes and handles */
    enum shape shape[GROWER_COLUMNS];
    bool lacks_fix; /* has a DLL loaded that lacks the fix of KB 898782 */
};
#define CULPRIT_KNOWN_MAX (WATCHED_MAX + GROWERS_ENDED_MAX)

/* What was known of those that the growers keep after their end, at the place that they have there. */
struct culprit_ended {
    struct culprit_known items[GROWERS_ENDED_MAX];
};

/* After a look and before the watch forgets who is gone. */
void culprit_note_ended(struct culprit_ended *ended, const struct growers *growers,
                        const struct watch *watch);
/* What the watch knows of those that are present, and what it knew of those that have ended. Returns how many. */
size_t culprit_known_of(const struct watch *watch, const struct culprit_ended *ended,
                        struct culprit_known out_known[CULPRIT_KNOWN_MAX]);

/* The words for a score. At CULPRIT_LIKELY and above the ladder may act on it. */
enum culprit_confidence { CULPRIT_NOBODY, CULPRIT_POSSIBLE, CULPRIT_LIKELY, CULPRIT_NEARLY_CERTAIN };
const char *culprit_confidence_name(enum culprit_confidence confidence); /* "nearly certain" */
/* The lowest score for each. */
#define CULPRIT_SCORE_POSSIBLE 0.25
#define CULPRIT_SCORE_LIKELY 0.66
#define CULPRIT_SCORE_NEARLY_CERTAIN 0.92

/* What speaks against a process, though it grew: bits. */
#define CULPRIT_DOUBT_LIST(X)                                                                                \
    X(LEVELS_OFF, "levels off")                                                                              \
    X(WAS_THERE, "was as large before")                                                                      \
    X(LOAD, "everybody grew")                                                                                \
    X(NEW, "has only just started")                                                                          \
    X(LATER, "began later")                                                                                  \
    X(FEW_HANDLES, "has too few handles for it")                                                             \
    X(OUTLIVED, "ended, and the growth went on")
enum culprit_doubt {
#define CULPRIT_DOUBT_ENUM(name, text) CULPRIT_DOUBT_##name,
    CULPRIT_DOUBT_LIST(CULPRIT_DOUBT_ENUM)
#undef CULPRIT_DOUBT_ENUM
        CULPRIT_DOUBT_COUNT
};
const char *culprit_doubt_name(enum culprit_doubt doubt);

struct culprit {
    struct process_id process; /* of several the one that grew most, of those that are there if one is */
    size_t process_count;      /* of one program, which are meant together; 1 = it alone */
    size_t ended_count;        /* so many of them have ended */
    int64_t ended_ms;          /* when all have: so long ago the last of them */
    char image[PROCESS_IMAGE_MAX];
    bool watched;                   /* then kind, target and service say as what */
    enum target_kind kind;          /* of one that is not: TARGET_DISCOVERED */
    char target[TARGET_NAME_MAX];   /* "" = not watched */
    char service[SERVICE_NAME_MAX]; /* what its restart restarts; "" = nothing */
    int64_t seen_ms;                /* so long of the growth: less when it was started in the middle */
    double growth[GROWER_COLUMNS];  /* meanwhile: bytes, handles; NAN = not known */
    double slope_per_hour[GROWER_COLUMNS];
    /* Of the growth: 1 = all of it. Of what is accounted to nobody (the store's, the pools') only those named
     * together have one, by a regression of the growth on theirs; NAN = not known. */
    double share, share_low, share_high;
    /* It began so long before the growth asked about (negative: after it), with an interval. All three
     * INT64_MIN: no onset could be told. */
    int64_t lead_ms, lead_low_ms, lead_high_ms;
    double in_step;        /* partial rank correlation of the increments; NAN = not known */
    double bytes_a_handle; /* the growth asked about (in bytes) for each handle of it; NAN */
    double handles_a_mib;  /* of its own growth; NAN */
    unsigned doubts;       /* bits 1 << enum culprit_doubt */
    double score;          /* 0 to 1 */
    enum culprit_confidence confidence;
};

#define CULPRITS_LISTED 5
#define CULPRIT_WORDS_MAX 640

/* Plain data. count 0 and from_mono_ms 0: nobody was asked yet.
 *
 * The first `together` of the items are named together, the larger share first (0: each by itself). Either
 * all of them are at least likely, and then the confidence is that of the last; or `either`, of what is
 * accounted to nobody: one of them or all, and they move too much alike to be told apart. */
struct culprit_ranking {
    enum metric metric;
    int64_t from_mono_ms, to_mono_ms; /* the window of the growth */
    double growth;                    /* in it, in the metric's unit; NAN = not known */
    double explained;                 /* share of all processes together, of commit only; NAN */
    double pool_share;                /* share of the kernel's pools, of commit only; NAN */
    bool with_load;                   /* many processes grew at the time */
    bool compared;                    /* all that are followed were: that there are no items is an answer */
    size_t left_out;                  /* processes that are not followed */
    size_t count;                     /* best first */
    struct culprit items[CULPRITS_LISTED];
    size_t together;
    bool either;
    double together_share, together_low, together_high; /* of the growth; NAN = not known */
    enum culprit_confidence together_confidence;
    char words[CULPRIT_WORDS_MAX]; /* who, how surely, why: one or two sentences with full stop */
};

/* The ranking as of the latest closed slot. `known` are facts about processes, in any order. With too short
 * a past it lists nobody and says so. */
void culprit_rank(const struct growers *growers, const struct culprit_question *question,
                  const struct culprit_known *known, size_t known_count, struct culprit_ranking *out_ranking);

/* Is there an items[i], and is it at least `likely`, by itself or as one of those named together? */
bool culprit_is_named(const struct culprit_ranking *ranking, size_t i);
/* How surely one of those named is: by itself, else with the others. */
enum culprit_confidence culprit_how_surely(const struct culprit_ranking *ranking,
                                           const struct culprit *named);
/* How sure those are who are named. There must be items. */
enum culprit_confidence culprit_named_confidence(const struct culprit_ranking *ranking);

/* Does who is named first, alone, account for less than half of it? False where shares are not known. */
bool culprit_is_part(const struct culprit_ranking *ranking);
/* Is there none of them any more? */
bool culprit_is_gone(const struct culprit *culprit);
/* Appends "pid 3012", of several "pid 3012 and others", of one after the other "pid 3012 and 2 before it". */
void text_add_culprit_pids(struct text *text, const struct culprit *culprit);
/* Appends "BESAgent.exe (pid 3012, the client \"bes\")" or "an unregistered process foo.exe (pid 4711)"; of
 * several "6 processes BESAgent.exe (pid 3012 and others, the client \"bes\")"; of those that are gone with
 * ", which has ended" in the brackets. */
void text_add_culprit(struct text *text, const struct culprit *culprit);
/* Appends "87 % (81 to 92 %)", "all of it" when the others shrank. The share must be known. */
void text_add_culprit_share(struct text *text, const struct culprit *culprit);

#endif

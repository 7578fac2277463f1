/* engine.h - the whole behaviour as one function of time and observations. The only core file that knows the
 * others. It never blocks, allocates (apart from new incarnations), logs or reads a clock.
 *
 *     loop:  look at the machine -> engine_step -> carry out *actions
 *            -> engine_told(what came of the request)
 *
 * Actions are complete: what must be saved, what must be told, and at most one request to the SCM. The edge
 * saves first, then tells, then does (write-ahead: nothing leaves the process before what explains it is on
 * disk). */
#ifndef STOREWATCH_ENGINE_H
#define STOREWATCH_ENGINE_H

#include "storewatch/alert.h"
#include "storewatch/config.h"
#include "storewatch/culprit.h"
#include "storewatch/policy.h"
#include "storewatch/restart.h"
#include "storewatch/watch.h"

#define ACTIONS_ALERTS_MAX 24 /* a step; a transition that finds no room waits for the next step */
/* An alert has room for the story and for what follows from it. */
#define STORY_LINES_MAX (ALERT_LINES_MAX - 4)

enum engine_request_kind {
    ENGINE_NOTHING,
    ENGINE_READ_GRAPH,
    ENGINE_STOP_SERVICE,
    ENGINE_START_SERVICE,
    ENGINE_TERMINATE_PROCESS,
    /* Not to the SCM: evidence about the process that is about to be stopped. Its answer may come when the
     * engine waits for it no more; then it is ignored. */
    ENGINE_GATHER_EVIDENCE
};

struct engine_request {
    enum engine_request_kind kind;
    char service[SERVICE_NAME_MAX];
    int64_t restart_id;        /* of ENGINE_GATHER_EVIDENCE */
    struct process_id process; /* ENGINE_TERMINATE_PROCESS: this one and no other, which runs the service */
    int64_t decided_mono_ms;   /* when the look began that it rests on: nothing is stopped or ended later than
                                  RESTART_FRESH_MS after this */
};

enum evidence_state { EVIDENCE_NONE, EVIDENCE_WANTED, EVIDENCE_ASKED };

struct actions {
    size_t alert_count;
    struct alert alerts[ACTIONS_ALERTS_MAX];
    size_t incident_count; /* to save */
    struct incident incidents[INCIDENTS_MAX];
    bool save_restart;
    struct restart_journal restart;
    bool save_budget;  /* engine->budget */
    bool save_stopped; /* engine->stopped: which they are */
    struct engine_request request;
};
void actions_clear(struct actions *actions);

/* The attempts to restart a service for a rung that were turned back before it was stopped, or for which no
 * plan could be made: how many, when the last one ended, and what stood in its way. */
struct turned_back {
    char service[SERVICE_NAME_MAX];
    uint32_t count;
    uint32_t called_off; /* besides those: policy.h, POLICY_CALL_OFFS_MAX */
    int64_t mono_ms;
    char why[160];
};

/* A restart that was due and could not be begun: of which service, and why. */
struct refused_restart {
    char service[SERVICE_NAME_MAX]; /* "" = the latest one that was due was begun */
    char why[256];
};

/* So many clients are restarted for one growth of the store at the most. */
#define TURNS_MAX 8

#define ENGINE_WHO_MAX 200

/* An incident while it is open, with what need not survive. */
struct open_incident {
    struct incident incident; /* id 0 = free slot */
    int64_t clock_moved_ms;   /* so far was the clock set meanwhile, in this life of storewatch */
    int64_t told_mono_ms;     /* reminders are counted on the monotonic clock */
    int64_t told_end_mono_ms; /* the end that was told then; INT64_MAX = none */
    bool hardly_grows;        /* by the latest verdict */
    bool restart_untold;      /* a restart for it was carried through, and no mail has said what came of it */
    bool pause_told;         /* the latest reminder said so, and that nothing is foreseen (incident_pauses) */
    int64_t bounded_mono_ms; /* since when the verdict is `bounded`; 0 = it is not */
    double bounded_level;    /* and the level then */
    int64_t alone_mono_ms;   /* since when its process is gone without a successor; 0 = it is not */
    bool given_back; /* nothing is told of the growth, or done for it, until its end or going on is seen */
    bool seen_unbounded; /* by the present detector; false after a restart of storewatch until it is again */
    uint32_t held_told;  /* bit (1 << enum check): ops know that this check holds the restart back */
    /* Of the machine's and the store's growth: who makes it grow, asked once a slot of the growers. */
    bool ranked;
    int64_t ranked_slot;
    struct culprit_ranking ranking;
    char who[ENGINE_WHO_MAX]; /* who was named last, and how surely; "" = nobody was */
    bool named_one_ended;     /* before it was named or since; by whatever end */
    /* When and at which level the restart of a client for the store's growth was over, or one that was named
     * for it had ended; 0 = there was none. */
    int64_t client_tried_mono_ms;
    double client_tried_level;
    struct refused_restart refused;
    struct turned_back attempts[RUNG_COUNT]; /* policy.h: POLICY_ATTEMPTS_MAX; read from the journals again */
    bool of_earlier_boot;                    /* the machine's growth, told before it was started anew */
    bool began_before_boot;                  /* likewise of a process: it has ended with the boot */
    bool remembers;                          /* what the journals say of attempts and turns is known */
    bool unplanned;                          /* the latest plan for it could not be made */
    bool restarted;                          /* a restart for it was carried through, */
    bool outlived;                           /* and its process has not ended with its service */
    /* Rungs of which a restart was carried through, or that were tried before the incident began: one that is
     * called off or turned back later (of the store's next suspect) does not free them again. */
    uint32_t rungs_settled;
    /* Of the store's growth: the services of the clients that had their turn. Read from the journals again.
     */
    size_t turn_count;
    char turns[TURNS_MAX][SERVICE_NAME_MAX];
};

/* Which rungs a target's latest incidents had tried, those that were closed within the minimum interval
 * between two restarts: growth that is back within that time goes on up the ladder instead of round the same
 * rung. */
#define LADDER_MEMORY_MAX 32
struct ladder_memory {
    char target[TARGET_NAME_MAX];
    uint32_t rungs_tried;
    int64_t mono_ms;
};

/* An incident that ended with its service STOPPED, as ops were told: they are told when it runs again, and has
 * for actions.verify. One more, and the oldest is forgotten. */
#define TOLD_STOPPED_MAX 8
struct told_stopped {
    struct incident incident; /* id 0 = free */
    int64_t clock_moved_ms;   /* as in open_incident */
    int64_t runs_mono_ms;     /* since when it is seen to run; 0 = it is not */
};

/* What ops were told of storewatch's own sight. One that comes and goes is lost, and told of once a reminder;
 * it is back when it has not been lost for as long (an hour at the most). So what they were told last is
 * true, and the next loss is told at once. */
struct sight {
    bool told_lost; /* at told_mono_ms */
    int64_t told_mono_ms;
    bool steady; /* not lost, since steady_mono_ms */
    int64_t steady_mono_ms;
};
/* It is lost (still), or is there. Returns whether that is to be told now; what is told is noted with
 * sight_told. */
bool sight_lost(struct sight *sight, int64_t mono_ms, int64_t reminder_ms);
bool sight_seen(struct sight *sight, int64_t mono_ms, int64_t reminder_ms);
void sight_told(struct sight *sight, bool lost, int64_t mono_ms);

/* The daily mail: when it was due and told. */
struct engine_digest {
    bool has_minute_before, told;
    int minute_before; /* minute of the local day at the step before */
    int64_t told_mono_ms;
};

struct engine {
    struct config config;
    char host_name[64];
    bool dry_run;
    bool journal_writable;            /* told by the edge */
    bool boot_goes_on;                /* told by the edge: what is restored was saved in this boot */
    int64_t maintenance_until_utc_ms; /* told by the edge; 0 = none */
    bool maintenance_passes;          /* likewise: asked for in this life, so it moves with the clock */

    struct watch watch;
    struct growers growers;
    struct culprit_ended ended;
    struct open_incident incidents[INCIDENTS_MAX];
    size_t incidents_end; /* slots from here on were never used */
    int64_t last_incident_id;
    /* Since when the machine's growth is `unbounded` and no process explains it; 0 = it is not. */
    int64_t unexplained_mono_ms[METRIC_COUNT];
    int64_t explained_mono_ms[METRIC_COUNT]; /* when processes last explained it; 0 = never */
    reading explained_lowest[METRIC_COUNT];  /* its lowest level since; unknown = they never did */
    struct told_stopped stopped[TOLD_STOPPED_MAX];
    size_t ladder_memory_count;
    struct ladder_memory ladder_memory[LADDER_MEMORY_MAX];

    /* The latest restart that was handed over: what a person took over is STEP_GIVEN_UP in it until ops are told that
     * it runs again, and has for actions.verify. id 0 = none. */
    struct restart_journal handed_over;
    int64_t taken_runs_mono_ms; /* since when one of these is seen to run; 0 = none is */

    struct restart restart; /* phase IDLE or ENDED: none goes on */
    int64_t last_restart_id;
    bool deciding;                 /* the graph has been asked for, to begin the restart in `wanted` */
    struct restart_journal wanted; /* incident, rung, reason and target of it */
    bool by_hand;                  /* the restart that is wanted or goes on was asked for by a person */
    int64_t not_before_mono_ms;    /* a plan that was refused is not asked for again at each poll */
    int64_t down_told_mono_ms;     /* when it was last told that a service of the restart is down */
    bool graph_wanted;             /* the restart needs a fresh look at the configuration */
    bool resumed; /* after a start of storewatch nothing was asked for yet: the pre-flight is due again */
    struct service_graph graph;   /* the latest one read; owned */
    int64_t graph_told_mono_ms;   /* the latest answer to that question, also that it could not be read */
    struct engine_request out;    /* the request that is being carried out */
    enum evidence_state evidence; /* of the restart that goes on, before its first stop */
    int64_t evidence_until_mono_ms, evidence_done_mono_ms;
    size_t story_count; /* of the latest restart, a sentence a line */
    char story[STORY_LINES_MAX][ALERT_LINE_MAX];
    char refused[256];    /* why the latest restart by hand was not begun; "" = it was, or there was none */
    char called_off[256]; /* why the latest restart was called off before it touched anything; "" = it was not
                           */

    struct budget_entry budget[BUDGET_ENTRIES_MAX];
    size_t budget_count;
    bool file_known;         /* what the history file had saved has been taken over */
    int64_t stepped_mono_ms; /* of the latest step; 0 = none yet */
    int64_t shift_ms;        /* the wall clock against the monotonic one, then */
    int64_t budget_saved_mono_ms;

    struct engine_digest digest;

    uint64_t look_count, failed_look_count, failed_in_row;
    bool blind;           /* now */
    int64_t seen_mono_ms; /* when the latest look began that saw the processes */
    bool unseen;          /* that was long ago, when the latest look was done */
    struct sight sight;
};

/* A new engine with nothing watched. Heap; NULL without memory. Free with engine_free. */
struct engine *engine_new(const struct config *config, const char *host_name);
void engine_free(struct engine *engine);

/* Takes a new configuration over. Incidents and histories go on; targets no longer named are dropped. */
void engine_configure(struct engine *engine, const struct config *config);

/* ---- what was saved, before the first step ---- */
/* Newest first, closed ones too: they tell which rungs were tried lately. */
void engine_restore_incidents(struct engine *engine, const struct incident *incidents, size_t count,
                              int64_t last_id, struct clock clock);
/* The open incident that took the place of this one of the file, which was opened late: it is of the same
 * growth. 0 = none did. */
int64_t engine_goes_on_as(struct engine *engine, const struct incident *incident);
/* `journals` newest first; one that has not ended is resumed. */
void engine_restore_restarts(struct engine *engine, const struct restart_journal *journals, size_t count,
                             int64_t mono_ms);
void engine_restore_budget(struct engine *engine, const struct budget_entry *entries, size_t count,
                           int64_t mono_ms);
/* Who was named for an open incident, as open_incident.who has it. */
void engine_restore_who(struct engine *engine, int64_t incident_id, const char *who);

/* Which of the incidents that have ended were told as STOPPED, and were not seen to run since. */
void engine_restore_stopped(struct engine *engine, const struct incident *incidents, size_t count,
                            const int64_t ids[TOLD_STOPPED_MAX]);

/* Each of the five may be called again, in this order, when a history file is opened later on: what the
 * engine knows already wins, also that an incident or a restart has ended. */

/* Who is watched has a row of the growers, however small: of the small ones only these can make the store grow.
 * Each sample does that; ask for it before the growers are told a past that the history has. */
void engine_keep_watched(struct engine *engine);

/* ---- running ---- */

/* The clock may have been set since it was followed last; each step does that first. */
void engine_follow_clock(struct engine *engine, struct clock clock);

/* One look. `sample_due`: this look is a slot of the poll grid and goes into the series (looks in between
 * only drive a restart). *out_actions is overwritten. */
void engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                 bool sample_due, struct actions *out_actions);

/* What came of the request of the last actions. `graph` is for ENGINE_READ_GRAPH: the engine takes it over
 * (and empties the caller's). `observation` is the latest look. *out_actions is overwritten. */
void engine_told(struct engine *engine, const struct engine_request *request, enum status status,
                 const struct err *err, struct service_graph *graph, const struct observation *observation,
                 struct clock clock, struct actions *out_actions);

/* A restart by hand. BUSY when one goes on. Actions as from a step. */
enum status engine_restart_by_hand(struct engine *engine, const char *service, const char *reason,
                                   struct actions *out_actions, struct err *err);

/* How long a restart may wait for evidence, before it begins to stop anything: half a minute and, for a dump,
 * actions.dump.time; never longer than half of what is left until the early bound of the exhaustion, nor than
 * the window that is open now. 0 = not at all. */
int64_t engine_evidence_budget_ms(const struct config *config, struct clock clock,
                                  int64_t exhaustion_early_utc_ms);

/* How soon the machine should be looked at again between the slots of the poll grid: ms, or INT64_MAX. */
int64_t engine_look_every_ms(const struct engine *engine);
bool engine_restarting(const struct engine *engine);

#endif

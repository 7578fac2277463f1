/* restart.h - the controlled restart: a plan made from the live service configuration, and the state machine
 * that carries it out. It never sleeps and never calls: it is shown the machine, asks for one action at a
 * time and is told what came of it.
 *
 *   stop dependents (those that nobody needs any more first) -> stop the target -> start the target
 *   -> start what ran before, in reverse order -> verify
 *
 * Rules: only services that ran when the plan was made are stopped and started; exactly that set runs again
 * at the end. A stop is slow, not hung, while its checkpoint, or its process' CPU time or I/O count, moves,
 * up to stop_timeout. When a stop fails or times out, everything already stopped is started again. Nothing is
 * terminated, with one exception (config.on_hang, restart_may_terminate): the process of a registered
 * client's service that is stop pending by our stop for longer than stop_timeout and whose checkpoint, CPU
 * time and I/O count stand still. It is tried at most once a service and life of storewatch. A start that
 * fails is tried again with doubling back-off (RESTART_BACKOFF_FIRST_MS to _LAST_MS) until it succeeds or a
 * person changed the service (disabled, deleted, or stopped it after it ran). What ends by itself without an error
 * looks as if a person stopped it, and is left so, unless a service that needs it runs.
 *
 * How a caller drives it:
 *   begin or resume; then for each fresh observation:
 *     while restart_nothing_stopped(): the pre-flight again; if it says no, restart_abandon
 *     restart_step; if the news has RESTART_NEWS_STEP, save the journal *before* carrying the request out
 *     carry the request out (if the journal could not be saved: do not, and tell STATUS_BUSY)
 *     restart_told with the answer; the next observation that counts is one that began after it
 * Killed anywhere in between, restart_resume with the journal as last saved goes on: what is decided rests on
 * the journal and on what the machine shows, never on the volatile members. */
#ifndef STOREWATCH_RESTART_H
#define STOREWATCH_RESTART_H

#include "storewatch/config.h"
#include "storewatch/sample.h"

/* ---- the live configuration ---- */

enum service_start_type { START_BOOT, START_SYSTEM, START_AUTO, START_DEMAND, START_DISABLED, START_UNKNOWN };

struct service_node {
    char name[SERVICE_NAME_MAX];
    enum service_state state;
    enum service_start_type start_type;
};

/* node `from` needs node `to` (indices into nodes). */
struct service_edge {
    uint16_t from, to;
};

struct service_graph {
    size_t node_count, edge_count;
    struct service_node *nodes; /* heap, owned */
    struct service_edge *edges; /* heap, owned */
};
void service_graph_deinit(struct service_graph *graph);
/* "running", "stop pending", ...; never NULL. */
const char *service_state_text(enum service_state state);

/* ---- the plan ---- */

#define RESTART_SERVICES_MAX 64
/* The service that storewatch is (win32.h): never in a plan. Stopped, it could start nothing again. */
#define RESTART_OWN_SERVICE "storewatch"
#define RESTART_BACKOFF_FIRST_MS MS_PER_SECOND
#define RESTART_BACKOFF_LAST_MS (10 * MS_PER_MINUTE)
/* A service that is started again by somebody each time it was stopped is stopped this often, then not any
 * more. */
#define RESTART_STOP_ROUNDS_MAX 3
/* Failed starts of one service after which ops are told. */
#define RESTART_ATTEMPTS_QUIET 3
/* A service that stopped cleanly after it ran was stopped by a person if it stays so this long: a restart by
 * hand or a system shutdown shows itself within that time. */
#define RESTART_SETTLE_MS (10 * MS_PER_SECOND)

enum restart_step_state {
    STEP_WAITING, /* not yet touched in this phase */
    STEP_ASKED,   /* the action was asked for and may be in effect; waiting for the state */
    STEP_REACHED, /* the state was reached */
    STEP_GIVEN_UP /* left as it is: a person disabled, deleted or, perhaps, stopped it; or it needs such a one. See
                     note */
};

struct restart_service {
    char name[SERVICE_NAME_MAX];
    bool is_target;
    /* Its process when the plan was made; pid 0 = unknown. Of one that somebody started again after it was stopped,
     * or just before, so that the stop may have hit the new one, the pid alone of that one. */
    struct process_id process;
    enum restart_step_state stop, start;
    char note[128]; /* what went wrong last, for people; "" = nothing */
};

struct restart_plan {
    size_t count; /* target last: stop in this order, start in the reverse */
    struct restart_service services[RESTART_SERVICES_MAX];
};
/* The service of that name, lent; NULL: it is not in the plan. */
const struct restart_service *restart_plan_find(const struct restart_plan *plan, const char *name);

/* The transitive closure of the *active* dependents of `target`, in stop order: those that nobody in the plan
 * needs any more first, equals by name. Active is everything but stopped and absent. A dependent that is
 * itself stopped is not looked behind: starting what needs it would start it too, and it did not run. States
 * come from the observation where it knows the service, else from the graph; processes from the observation
 * alone. Errors: NOT_FOUND (no such service), INVALID (a dependency cycle; the text names it), FULL (more than
 * RESTART_SERVICES_MAX), BUSY (a service of the plan is in a pending state or its state is unknown; the text
 * names it), REFUSED (the target does not run, or a service of the plan takes no stop control, or is disabled,
 * so that it could not be started again, or is storewatch itself). */
enum status restart_plan_make(const struct service_graph *graph, const struct observation *observation,
                              const char *target, struct restart_plan *out_plan, struct err *err);

/* ---- the state machine ---- */

/* Whose process may be ended when its stop hangs: only that of a registered client's service, when
 * actions.on_hang is "terminate_client", and only the process that the plan named, by pid and creation time.
 * Never the Information Store's, its children's, that of a process with other services, or that of a
 * dependent that is not a registered client. Judged by this look: what it does not show forbids it.
 * *out_why (>= 96 bytes): the reason when it may not. */
bool restart_may_terminate(const struct config *config, const struct observation *observation,
                           const struct restart_service *service, char *out_why, size_t why_capacity);
/* For `plan` and `status`: "if ArchiveSvc hangs: its process 1234 is terminated after 20 min", or "waits" and
 * why. Appends. */
void restart_add_hang_words(struct text *text, const struct config *config,
                            const struct observation *observation, const struct restart_service *service);

enum restart_phase {
    RESTART_IDLE,
    RESTART_STOPPING,  /* towards everything of the plan stopped */
    RESTART_STARTING,  /* towards everything of the plan running again */
    RESTART_VERIFYING, /* all runs; must stay so for verify_ms, target in a new process */
    RESTART_ENDED
};
/* "idle" "stopping" "starting" "verifying" "ended" */
const char *restart_phase_name(enum restart_phase phase);

enum restart_outcome {
    RESTART_OUTCOME_NONE,
    RESTART_SUCCEEDED, /* everything runs again, the target anew; also when it stopped after we turned back */
    RESTART_RESTORED,  /* the stop did not work; what was stopped runs again, the target was not restarted */
    RESTART_HANDED_OVER, /* something was left as it is: STEP_GIVEN_UP */
    RESTART_CALLED_OFF   /* while it was untouched: by restart_abandon, or a person has stopped or deleted the
                            target */
};
/* "none" "succeeded" "restored" "handed over" "called off" */
const char *restart_outcome_name(enum restart_outcome outcome);

#define RESTART_REASON_MAX 256

/* What must survive a crash at any moment; plain data. */
struct restart_journal {
    int64_t id;          /* 1, 2, ...; 0 = none */
    int64_t incident_id; /* 0 = by hand */
    enum rung rung;
    char reason[RESTART_REASON_MAX];
    char target[SERVICE_NAME_MAX];
    enum restart_phase phase;
    enum restart_outcome outcome;
    bool stop_failed; /* on the way back: starting again what had been stopped, not a restart any more */
    bool told_down;   /* SERVICE_DOWN was told, of any of its services */
    int64_t begun_utc_ms, ended_utc_ms;
    struct restart_plan plan;
};

enum restart_request_kind { REQUEST_NONE, REQUEST_STOP, REQUEST_START, REQUEST_TERMINATE };
struct restart_request {
    enum restart_request_kind kind;
    char service[SERVICE_NAME_MAX];
    struct process_id process; /* REQUEST_TERMINATE: this one and no other */
};

enum restart_sign { SIGN_STATE, SIGN_CHECKPOINT, SIGN_CPU, SIGN_IO };

/* The signs of life that a pending service gives, as they were last seen. */
struct restart_signs {
    enum service_state state;
    uint32_t checkpoint;
    reading cpu_ms, io_count; /* the last known ones: a reading that fails and comes back is no sign */
    enum restart_sign moved;  /* which of them moved last, */
    int64_t moved_mono_ms;    /* and when */
};

/* A stop of ours that does not end. */
struct restart_hang {
    bool pending;    /* since since_mono_ms, as far as was seen */
    bool terminated; /* the end of its process is asked for, or was; tried once only */
    int64_t since_mono_ms;
    int64_t seen_mono_ms; /* the begin of the latest look that showed whether it is pending */
};

/* What is known about one service of the plan since restart_begin or _resume; rebuilt by looking. With the way up
 * the first three go on, all else begins anew. */
struct restart_watch {
    struct restart_signs signs;
    struct restart_hang hang;
    bool told_down; /* SERVICE_DOWN was told of it, in this life of storewatch */

    bool timed;        /* the wait for its state has begun, at since_mono_ms */
    bool accepted;     /* the latest stop control was accepted */
    bool refused;      /* it was refused, and the note says why */
    bool in_effect;    /* a stop of ours is, or may be, in effect */
    bool met;          /* a look after the answer to it has shown the process of the plan */
    bool ended;        /* its process was ended, at ended_mono_ms: the SCM is about to notice */
    bool unstarted;    /* the latest start was refused with refusal_code; nothing was seen of it since */
    bool settling;     /* it stopped cleanly after it ran, at stopped_mono_ms: was it a person? */
    bool needed;       /* since then each look has shown a service running that needs it */
    uint32_t rounds;   /* how often it was stopped by us and started again by somebody */
    uint32_t attempts; /* starts that failed */
    uint32_t refusal_code;
    int64_t since_mono_ms;
    int64_t ended_mono_ms;
    int64_t stopped_mono_ms;
    int64_t retry_mono_ms;    /* is not asked before this */
    int64_t backoff_ms;       /* the next one; 0 = RESTART_BACKOFF_FIRST_MS */
    struct process_id ran_as; /* the process it runs in since it was started again */
};

struct restart {
    struct restart_journal journal;
    const struct config *config; /* lent: as it is at each step, for its timeouts and restart_may_terminate */
    /* Told by the caller before each step: "" = a hung client's process may be ended now, else what forbids
     * it. */
    char terminate_held[160];
    /* Volatile, rebuilt by restart_resume. */
    int64_t verify_mono_ms;      /* when everything was first seen running; later by what nobody saw since */
    int64_t verify_seen_mono_ms; /* the begin of the latest look that was counted */
    int64_t told_mono_ms;        /* the last answer: a look that began before it is stale */
    bool asked;                  /* a request is out and restart_told has not been called */
    int64_t asked_mono_ms;
    struct restart_request request; /* the one that is out, or was last */
    bool held;                      /* by the caller, before each step: nothing can be asked for now */
    bool graph_old;                 /* likewise: the graph was read RESTART_FRESH_MS before the look */
    bool graph_wanted;              /* by the latest step: nothing is stopped before it is read again */
    bool stop_denied;               /* a stop was refused for good: turn back */
    unsigned news;                  /* found in restart_told, returned by the next step */
    /* watches[i] is about plan.services[i] */
    struct restart_watch watches[RESTART_SERVICES_MAX];
    char down_service[SERVICE_NAME_MAX];     /* whom the latest RESTART_NEWS_DOWN was about */
    char given_up_service[SERVICE_NAME_MAX]; /* whom RESTART_NEWS_GAVE_UP was, first */
    char up_service[SERVICE_NAME_MAX]; /* whom RESTART_NEWS_UP_AGAIN was; "" = told down before a crash */
    /* For `status`: "MSExchangeIS: stop pending, checkpoint 7, wait hint 30 s, CPU time moved 12 s ago, 18
     * min left". */
    char waiting_for[256];
    char if_hangs[384]; /* and what is done when that hangs; "" = no stop is waited for */
};

/* Things worth telling that happened in a step; a set of bits. */
enum restart_news {
    RESTART_NEWS_STEP = 1 << 0, /* the journal changed: save it before carrying a request out */
    RESTART_NEWS_DOWN = 1 << 1, /* start failed or took too long, or a stop hangs: ops must know (once of each
                                service, and again after a crash of ours) */
    RESTART_NEWS_UP_AGAIN = 1 << 2, /* after NEWS_DOWN, with NEWS_ENDED: what was told down and no person took
                                       over runs and stayed so for verify */
    RESTART_NEWS_GAVE_UP = 1 << 3,  /* a service is left as it is: its start is GIVEN_UP, see its note */
    RESTART_NEWS_ENDED = 1 << 4,
    RESTART_NEWS_TERMINATE = 1 << 5 /* the request ends a process: the service's note says why */
};

/* Begins the plan. The configuration is lent for as long as the restart goes on. The caller has saved the
 * journal before it carries out the first request. */
void restart_begin(struct restart *restart, const struct config *config,
                   const struct restart_journal *journal, int64_t mono_ms);
/* Goes on with a journal found after a crash or reboot: looks at the real state at the next step. While still
 * stopping, a target that has a new process already (reboot, a person) is not stopped again. For a plan that
 * has lost its end (its file was damaged) nothing is stopped any more: what is known of it is brought up. */
void restart_resume(struct restart *restart, const struct config *config,
                    const struct restart_journal *journal, int64_t mono_ms);

/* Was nothing of the plan stopped, nor can it be by what was asked for? A stop that was refused touches
 * nothing.
 */
bool restart_plan_untouched(const struct restart_plan *plan);
/* The same of one that is still on its way down: the caller's pre-flight may call it off for free. */
bool restart_untouched(const struct restart *restart);
/* Is nothing out, and was no stop accepted or seen to work yet (one that failed without a word may work yet)?
 * Then what comes is a first stop, and has to pass the pre-flight. */
bool restart_nothing_stopped(const struct restart *restart);
/* Is the target still up and not asked to stop, and no request out? Then it need not go down. */
bool restart_target_waits(const struct restart *restart);
/* The first service, in start order, of which RESTART_NEWS_DOWN was said in this life and that is still to be
 * brought up; NULL = none. */
const char *restart_service_down(const struct restart *restart);
/* What the target's note begins with then. */
#define RESTART_NOTE_CALLED_OFF "called off: "
/* In the note of one that is given up, though perhaps nobody has touched it, and of one that needs such a one. */
#define RESTART_NOTE_STOPPED_CLEANLY "stopped cleanly after it ran again, not by storewatch"
#define RESTART_NOTE_NEED_LEFT "which is left as it is"
/* Calls it off, `why` for people. Untouched: ended at once (RESTART_CALLED_OFF). While stopping: what was
 * stopped is started again (stop_failed). Later there is nothing to call off: everything is being started
 * already. Returns news bits.
 */
unsigned restart_abandon(struct restart *restart, const char *why, int64_t utc_ms);

/* One step with a fresh look. Returns news bits and fills *out_request (kind NONE while waiting). While a
 * request is out (restart_told not yet called) it asks for nothing. Nothing is decided on an observation
 * without services, on one that began (observation->mono_ms) before the last answer, or while the system
 * shuts down. `graph` may be NULL: then a dependent that somebody starts meanwhile cannot be found (its stop
 * is refused until stop_timeout, and the restart turns back) and a disabled service is only seen by the
 * refusal of its start. Give one that is read again after each refused request, and whenever a step leaves
 * graph_wanted: what is disabled since it was read could be stopped and not started again. */
unsigned restart_step(struct restart *restart, const struct observation *observation,
                      const struct service_graph *graph, int64_t mono_ms, int64_t utc_ms,
                      struct restart_request *out_request);

/* A stop, or the end of a process, rests on one look. A second lies between the begin of that and the deed;
 * when the look itself, the disk or the service manager hold it up for longer than this, the process may have
 * begun to move again, a veto process to run, or a person to work on it: it is not done, and decided anew.
 * The service manager itself grants 30 s for an answer. */
#define RESTART_FRESH_MS (30 * MS_PER_SECOND)
#define RESTART_TOO_LATE 1460  /* Windows: ERROR_TIMEOUT */
#define RESTART_WITHDRAWN 1223 /* Windows: ERROR_CANCELLED */
/* Windows: ERROR_DEPENDENT_SERVICES_RUNNING, "a stop control has been sent to a service that other running
 * services are dependent on". */
#define RESTART_DEPENDENTS_RUNNING 1051

/* What came of the request. `code` is the raw Windows code of a failure (1051, 1058, 1060, 1069, 230, ...).
 * BUSY with code RESTART_TOO_LATE = nothing was done, because it came to that only RESTART_FRESH_MS after it
 * was decided: it is decided anew, the end of a process with all its patience. The same with
 * RESTART_WITHDRAWN: what it was decided on has changed meanwhile (maintenance, another configuration). Any
 * other BUSY = the journal could not be written, so nothing was done: it may be decided again once it can. A
 * process that was to be ended: OK = it has ended; NOT_FOUND = it had ended before; TIMEOUT = it was told to
 * end and is still there. An answer to a request that is not out is ignored. */
void restart_told(struct restart *restart, const struct restart_request *request, enum status status,
                  uint32_t code, int64_t mono_ms);

/* ---- the budget ---- */

#define BUDGET_ENTRIES_MAX CONFIG_BUDGET_MAX

/* One restart that counts; an id below 0 stands for one of a budget that was lost and counts as spent. The
 * budget counts the running time storewatch has observed since the restart began, not wall-clock time:
 * setting the clock frees nothing. The engine keeps the ages; the edge saves them. */
struct budget_entry {
    int64_t restart_id;
    char service[SERVICE_NAME_MAX];
    int64_t age_ms;
};

#endif

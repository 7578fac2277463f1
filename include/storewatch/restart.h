/* restart.h - the controlled restart: a plan made from the live service configuration, and the state machine
 * that carries it out. It never sleeps and never calls: it is shown the machine, asks for one action at a time
 * and is told what came of it.
 *
 *   stop dependents (those that nobody needs any more first) -> stop the target -> start the target
 *   -> start what ran before, in reverse order -> verify
 *
 * Rules: only services that ran when the plan was made are stopped and started; exactly that set runs again at
 * the end. A stop is slow, not hung, while its checkpoint, or its process' CPU time or I/O count, moves, up to
 * stop_timeout. Nothing is ever killed. When a stop fails or times out, everything already stopped is started
 * again. A start that fails is tried again with doubling back-off (RESTART_BACKOFF_FIRST_MS to _LAST_MS) until
 * it succeeds or a person changed the service (disabled, deleted, or stopped it after it ran). */
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

/* ---- the plan ---- */

#define RESTART_SERVICES_MAX 64
#define RESTART_BACKOFF_FIRST_MS 1000
#define RESTART_BACKOFF_LAST_MS (10 * 60 * 1000)

enum restart_step_state {
    STEP_WAITING, /* not yet touched in this phase */
    STEP_ASKED,   /* the action was asked for and accepted; waiting for the state */
    STEP_REACHED, /* the state was reached */
    STEP_GIVEN_UP /* a person took over (disabled, deleted, stopped by hand), see note */
};

struct restart_service {
    char name[SERVICE_NAME_MAX];
    bool is_target;
    struct process_id process; /* its process when the plan was made; pid 0 = unknown */
    enum restart_step_state stop, start;
    char note[128]; /* what went wrong last, for people; "" = nothing */
};

struct restart_plan {
    size_t count; /* target last: stop in this order, start in the reverse */
    struct restart_service services[RESTART_SERVICES_MAX];
};

/* The transitive closure of the *active* dependents of `target`, in stop order. States and pids come from the
 * observation where it knows the service, else from the graph. Errors: NOT_FOUND (no such service), INVALID (a
 * dependency cycle; the text names it), FULL (more than RESTART_SERVICES_MAX), BUSY (a service of the plan is
 * in a pending state; the text names it), REFUSED (the target does not run). */
enum status restart_plan_make(const struct service_graph *graph, const struct observation *observation, const char *target,
                              struct restart_plan *out_plan, struct err *err);

/* ---- the state machine ---- */

enum restart_phase {
    RESTART_IDLE,
    RESTART_STOPPING,  /* towards everything of the plan stopped */
    RESTART_STARTING,  /* towards everything of the plan running again */
    RESTART_VERIFYING, /* all runs; must stay so for verify_ms, target in a new process */
    RESTART_ENDED
};
const char *restart_phase_name(enum restart_phase phase);

enum restart_outcome {
    RESTART_OUTCOME_NONE,
    RESTART_SUCCEEDED,
    RESTART_RESTORED,  /* the stop did not work; what was stopped runs again, the target was not restarted */
    RESTART_HANDED_OVER /* something stays down because a person took over */
};
const char *restart_outcome_name(enum restart_outcome outcome);

/* What must survive a crash at any moment; plain data. */
struct restart_journal {
    int64_t id; /* 1, 2, ...; 0 = none */
    int64_t incident_id; /* 0 = by hand */
    enum rung rung;
    char reason[256];
    char target[SERVICE_NAME_MAX];
    enum restart_phase phase;
    enum restart_outcome outcome;
    bool stop_failed; /* on the way back: starting again what had been stopped, not a restart any more */
    bool told_down;   /* SERVICE_DOWN was told */
    int64_t begun_utc_ms, ended_utc_ms;
    struct restart_plan plan;
};

struct restart {
    struct restart_journal journal;
    int64_t stop_timeout_ms, start_timeout_ms, verify_ms;
    /* Volatile, rebuilt by restart_resume. */
    int64_t phase_mono_ms;    /* when the phase began */
    int64_t step_mono_ms;     /* when the present service was first asked */
    int64_t progress_mono_ms; /* when it last moved */
    int64_t retry_mono_ms;    /* not before this */
    int64_t backoff_ms;
    uint32_t seen_checkpoint;
    double seen_cpu_ms, seen_io_count;
    uint32_t attempts;
    bool asked; /* a request is out and restart_told has not been called */
    char waiting_for[192]; /* for `status`: "MSExchangeIS: stop pending, checkpoint 7, moved 12 s ago, 18 min left" */
};

enum restart_request_kind { REQUEST_NONE, REQUEST_STOP, REQUEST_START };
struct restart_request {
    enum restart_request_kind kind;
    char service[SERVICE_NAME_MAX];
};

/* Things worth telling that happened in a step; a set of bits. */
enum restart_news {
    RESTART_NEWS_STEP = 1 << 0,    /* a service reached its state, or the phase changed: journal must be saved */
    RESTART_NEWS_DOWN = 1 << 1,    /* start failed or took too long: ops must know (once) */
    RESTART_NEWS_UP_AGAIN = 1 << 2, /* after NEWS_DOWN: everything runs */
    RESTART_NEWS_GAVE_UP = 1 << 3, /* a person took over a service */
    RESTART_NEWS_ENDED = 1 << 4
};

/* Begins the plan. The caller has saved the journal before it carries out the first request. */
void restart_begin(struct restart *restart, const struct config *config, const struct restart_journal *journal, int64_t mono_ms);
/* Goes on with a journal found after a crash or reboot: looks at the real state at the next step. While still
 * stopping, a target that has a new process already (reboot, a person) is not stopped again. */
void restart_resume(struct restart *restart, const struct config *config, const struct restart_journal *journal, int64_t mono_ms);

/* One step with a fresh look. Returns news bits and fills *out_request (kind NONE while waiting). While a request
 * is out (restart_told not yet called) it asks for nothing. An observation without services changes nothing.
 * `graph` may be NULL; when given it tells start types (disabled / deleted while we try to start). */
unsigned restart_step(struct restart *restart, const struct observation *observation, const struct service_graph *graph,
                      int64_t mono_ms, int64_t utc_ms, struct restart_request *out_request);

/* What came of the request. `code` is the raw Windows code of a failure (1051, 1058, 1060, 1069, 230, ...). */
void restart_told(struct restart *restart, const struct restart_request *request, enum status status, uint32_t code, int64_t mono_ms);

/* ---- the budget ---- */

#define BUDGET_ENTRIES_MAX 64

/* One restart that counts. The budget counts the running time storewatch has observed since the restart began, not
 * wall-clock time: setting the clock frees nothing. The engine keeps the ages; the edge saves them. */
struct budget_entry {
    int64_t restart_id;
    char service[SERVICE_NAME_MAX];
    int64_t age_ms;
};

#endif

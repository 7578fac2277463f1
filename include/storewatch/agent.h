/* agent.h - the portable edge: looks at the machine through os.h, steps the engine, carries its actions out
 * and feeds the results back. Runs unchanged against the fake OS.
 *
 * Everything that may block is a `job`, run by whoever drives the agent on a worker thread, one job a lane:
 *
 *     driver: agent_poll (at each slot of the grid), agent_wake (when agent_next_wake_mono_ms has come)
 *             for each idle lane: job = agent_take_job(lane); on a worker: job_run(job);
 *             then: agent_job_done(job)
 *
 * All agent_ functions are called on one thread; job_run touches nothing but its job and what the job lends
 * it. Write-ahead: a mail or an SCM request made in a step leaves only after the step's records are
 * committed. The exception is a start after the journal failed: bringing services back never waits for a full
 * disk. */
#ifndef STOREWATCH_AGENT_H
#define STOREWATCH_AGENT_H

#include "storewatch/config.h"
#include "storewatch/os.h"

/* LOOK: at the machine. STORE: the SQLite file. CONTROL: the SCM. MAIL: relays. EVENT: event log, files.
 * CONFIG: reads the configuration again. MODULES: into other processes, for MAPI clients and address spaces.
 * EVIDENCE: what is gathered before a restart. */
#define LANE_LIST(X)                                                                                         \
    X(LOOK, "look")                                                                                          \
    X(STORE, "store")                                                                                        \
    X(CONTROL, "control")                                                                                    \
    X(MAIL, "mail")                                                                                          \
    X(EVENT, "event")                                                                                        \
    X(CONFIG, "configuration")                                                                               \
    X(MODULES, "modules")                                                                                    \
    X(EVIDENCE, "evidence")
enum lane {
#define LANE_ENUM(name, text) LANE_##name,
    LANE_LIST(LANE_ENUM)
#undef LANE_ENUM
        LANE_COUNT
};

/* Each metrics file of ours begins so. One that begins otherwise is never removed. */
#define METRICS_BEGIN "# TYPE storewatch_"

struct job;
struct agent;

struct agent_options {
    const char *config_path; /* for reloads and for messages; may be NULL: then a reload is refused */
    const char *data_dir;    /* where the history file is; exists */
    bool dry_run;
};

/* Heap; options are copied. NO_MEMORY. The os is borrowed and must outlive the agent. */
enum status agent_new(struct os *os, const struct config *config, const struct agent_options *options,
                      struct agent **out_agent, struct err *err);
/* No job may be running; one that was taken and not run, or run and not told, may be. NULL is fine. */
void agent_free(struct agent *agent);

/* One slot of the poll grid. A slot whose predecessor's look is still under way is missed: a gap. */
void agent_poll(struct agent *agent);
/* Something besides the grid is due (a look during a restart, a mail to try again). */
void agent_wake(struct agent *agent);
/* The driver has no way in for commands: ops are told, with the reason. */
void agent_tell_no_control(struct agent *agent, const char *why);
/* When agent_wake should be called next; INT64_MAX = not needed. Monotonic clock of os.h. */
int64_t agent_next_wake_mono_ms(const struct agent *agent);

/* The job that is ready in this lane, or NULL. It is lent until agent_job_done; the lane is busy until then.
 */
struct job *agent_take_job(struct agent *agent, enum lane lane);
void job_run(struct job *job); /* [worker] may block */
void agent_job_done(struct agent *agent, struct job *job);

/* Reads the configuration again (in a job); a bad one is refused, the old one stays, ops are told. */
void agent_reload(struct agent *agent);
/* Maintenance: nothing is restarted until then; 0 ends it. Survives storewatch. INVALID when it lies more
 * than MAINTENANCE_MAX_MS ahead. */
#define MAINTENANCE_MAX_MS (30 * MS_PER_DAY)
enum status agent_maintenance(struct agent *agent, int64_t until_utc_ms, const char *reason, struct err *err);
/* A controlled restart asked for by a person. It begins when the plan is made and the pre-flight passes; how
 * it goes is in the status. BUSY while another one goes on. */
enum status agent_restart(struct agent *agent, const char *service, const char *reason, struct err *err);
/* The interval in force, for the driver's grid; a reload may change it. */
int64_t agent_interval_ms(const struct agent *agent);

/* The service stops or the system shuts down: no new restart, no new look; what is to be saved is saved by
 * the jobs still to come. Go on driving the lanes until agent_is_quiet or a deadline of the driver's choice.
 */
void agent_stop(struct agent *agent, bool os_shutdown);
bool agent_is_quiet(const struct agent *agent);

/* The wall clock as the agent sees it. */
int64_t agent_utc_ms(const struct agent *agent);
/* The answer to `status --json`: one JSON object, heap text owned by the caller; NULL without memory. */
char *agent_status_json(struct agent *agent);

#endif

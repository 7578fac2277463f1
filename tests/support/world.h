/* world.h - a small simulated Windows: services with dependencies, latencies, moods and faults, and people.
 *
 * Deterministic: time only moves in world_advance, and nothing in it is random (a test that wants chance
 * brings its own, world_random). The SCM behaves as the real one: a stop is refused while an active service
 * needs this one, a start first starts what is needed, a service goes through its pending states with
 * checkpoint and wait hint, a service not started since the boot has exit code 1077. Functions that stand for
 * an SCM call return the raw Windows code, 0 = accepted. */
#ifndef STOREWATCH_TESTS_WORLD_H
#define STOREWATCH_TESTS_WORLD_H

#include "storewatch/restart.h"
#include "storewatch/sample.h"

#define WORLD_SERVICES_MAX 80
#define WORLD_NEEDS_MAX 16

struct world_service {
    char name[SERVICE_NAME_MAX];
    enum service_start_type start_type;
    bool exists;
    bool marked_for_delete; /* as after DeleteService while it runs: gone once it is stopped */
    size_t need_count;
    size_t needs[WORLD_NEEDS_MAX];

    /* how it behaves */
    int64_t start_latency_ms, stop_latency_ms;
    int64_t pause_latency_ms;    /* to be paused, and to go on */
    int64_t checkpoint_every_ms; /* while pending; 0 = its checkpoint does not move */
    uint32_t wait_hint_ms;
    bool works_while_pending; /* its CPU time and I/O count move then */
    bool accepts_stop;
    bool ignores_stop;       /* accepts the control and goes on running */
    int64_t stops_late_ms;   /* accepts the control and begins to stop so much later */
    bool dies_before_stop;   /* when a stop is on its way, and is started again: that hits the new process */
    bool hangs_in_stop;      /* stays stop pending until world_unhang */
    bool hangs_in_start;     /* stays start pending until world_unhang */
    bool hidden_process;     /* it is in no list of processes: it has ended, and the SCM does not know yet */
    uint32_t terminate_code; /* its process cannot be ended: this code; 0 = it can */
    bool dies_in_stop;       /* its process ends with 1067 instead of stopping */
    uint32_t refuse_stop_code; /* refuses that many stops with this code */
    uint32_t refuse_stop_count;
    uint32_t refuse_start_code; /* likewise starts */
    uint32_t refuse_start_count;
    uint32_t refused_exit_code; /* it began then, and ended with this; 0 = it did not begin */
    uint32_t refused_own_exit_code;
    uint32_t lost_start_code;  /* it starts, and the answer is this code; 0 = the answer comes */
    uint32_t fail_start_count; /* so many starts are accepted and end in STOPPED with exit code 1067 */
    int64_t dies_after_ms;     /* after it reached RUNNING; 0 = never */
    uint32_t dies_count;       /* so many times */
    bool ends_cleanly;         /* with exit code 0 then, as one that has nothing to do */
    bool recovers;             /* the SCM's failure action starts it again when it dies, */
    int64_t recovers_after_ms; /* so much later; likewise the SCM after a boot (delayed start) */
    int shares_process_of;     /* index + 1 of the service whose process hosts it; 0 = a process of its own */

    /* what it is doing */
    enum service_state state;
    uint32_t pid, last_pid;
    uint64_t created_100ns;
    uint32_t checkpoint;
    uint32_t win32_exit_code, service_exit_code;
    int64_t pending_since_ms, running_since_ms;
    int64_t stop_due_ms, start_due_ms; /* when it stops late, the SCM starts it by itself; 0 = it does not */
    double cpu_ms, io_count;
    bool unreadable; /* its state cannot be read: UNKNOWN in observations */

    /* what happened, for the test's own checks */
    uint32_t started_count, stopped_count; /* by world_start and world_stop: calls that were accepted */
    bool person_stopped, person_disabled, person_deleted; /* a person did, and it was not undone since */
};

struct world {
    int64_t mono_ms, utc_ms;
    int64_t mono_read_ms; /* passes whenever the monotonic clock is read */
    uint32_t next_pid;
    bool reuse_pids; /* a service that starts again gets the pid it had */
    bool enforce;    /* dependencies are enforced at start and stop; false = as under Wine */
    bool services_unreadable, processes_unreadable, shutting_down;
    bool tells_cpu; /* what storewatch itself has used of the processor, so far */
    double cpu_ms;
    uint32_t refuse_file_code; /* no file is replaced or removed: this code; 0 = they are */
    size_t count;
    struct world_service services[WORLD_SERVICES_MAX];
};

void world_init(struct world *world);
/* A running service with a process of its own: starts in 500 ms, stops in 300 ms. Lends. */
struct world_service *world_add(struct world *world, const char *name);
struct world_service *world_get(struct world *world, const char *name); /* NULL when there is none */
void world_need(struct world *world, const char *dependent, const char *needed);
void world_need_no_more(struct world *world, const char *dependent, const char *needed);
/* Puts it into a state at once, without what leads there. */
void world_put(struct world *world, const char *name, enum service_state state);

void world_advance(struct world *world, int64_t ms);

/* The SCM calls. */
uint32_t world_stop(struct world *world, const char *name);
uint32_t world_start(struct world *world, const char *name);
/* What os.h makes of a code. */
enum status world_status(uint32_t code);

/* Ends the process, with all services in it: 87 when there is no such process. */
uint32_t world_terminate(struct world *world, struct process_id process);

/* People and accidents. */
/* And first, as services.msc does, what needs it. */
void world_person_stops(struct world *world, const char *name);
void world_person_starts(struct world *world, const char *name);
void world_person_pauses(struct world *world, const char *name);    /* one that runs */
void world_person_continues(struct world *world, const char *name); /* one that is paused */
void world_person_disables(struct world *world, const char *name);
void world_person_enables(struct world *world, const char *name);
void world_person_deletes(struct world *world, const char *name);
void world_person_installs(struct world *world, const char *name); /* again, one that was deleted; stopped */
void world_kill(struct world *world, const char *name, uint32_t exit_code); /* its process ends now */
void world_unhang(struct world *world, const char *name);
/* All processes end; the clock since boot begins anew; services of start type AUTO come up as after a boot.
 */
void world_reboot(struct world *world);

/* What storewatch sees. */
void world_observe(const struct world *world, struct observation *out_observation);
void world_graph(const struct world *world, struct service_graph *out_graph);
bool world_runs(const struct world *world, const char *name); /* RUNNING or PAUSED */

/* Chance for tests: splitmix64. */
uint64_t world_random(uint64_t *state);
/* Uniform in [0, bound). */
uint32_t world_random_below(uint64_t *state, uint32_t bound);

#endif

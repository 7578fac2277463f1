/* sim.h - the deterministic simulation: one world, what may go wrong in it, and the judge.
 *
 *   machine.c draws a world from a seed, and is the operating system: os.h, mailer.h, the disk
 *   faults.c  what goes wrong, when, and how it is mended
 *   verdicts.c what the detectors say: drawn, in most worlds
 *   judge.c   the invariants R1-R8 of HACKING.md; what each check looks at is said at its top
 *   main.c    plays worlds, and tells of those that break something
 *   sim.c     drives the agent through simulated time: jobs take long, storewatch is killed, the machine
 *             boots
 *
 * "true time" runs through reboots and is moved by nothing; the machine's own clocks are storewatch's
 * business. */
#ifndef STOREWATCH_TESTS_SIM_H
#define STOREWATCH_TESTS_SIM_H

#include "storewatch/agent.h"
#include "storewatch/store.h"

#include "../../src/app/agent_internal.h" /* the judge looks into the agent, it changes nothing */
#include "seam.h"
#include "vfs_fault.h"

#define SIM_SERVICES_MAX 16
#define SIM_FAULTS_MAX 20
#define SIM_RELAYS 2

/* ---- the machine ---- */

enum growth { GROWTH_FLAT, GROWTH_LEAK, GROWTH_PLATEAU, GROWTH_SAW };

/* How the memory of a service's process behaves. */
struct program {
    char image[PROCESS_IMAGE_MAX];
    enum growth growth;
    bool mended_by_restart; /* only the incarnation that began to leak leaks */
    double base_bytes, bytes_per_hour, top_bytes;
    int64_t tau_ms;
    int64_t from_ms, born_ms; /* true time */
    uint64_t born_100ns;
};

struct os {
    struct world world;
    int64_t boot_ms;                        /* true time at which the machine's monotonic clock was 0 */
    uint32_t ever_needed[SIM_SERVICES_MAX]; /* bits (1 << service): directly, now or before */
    struct program programs[SIM_SERVICES_MAX];
    struct host host;
    bool host_unreadable, graph_unreadable, cluster, veto_runs, pid_reused, lists_cut;
    enum relay_mood relays[SIM_RELAYS];
    uint64_t noise;
};

#define SIM_STORE_PATH "/sim/" STORE_FILE_NAME

/* ---- what goes wrong ---- */

#define FAULT_LIST(X)                                                                                        \
    X(KILL_NOW, "storewatch is killed")                                                                      \
    X(KILL_AT_JOB, "storewatch is killed at a job")                                                          \
    X(KILL_IN_COMMIT, "storewatch is killed in a commit")                                                    \
    X(POWER_CUT, "the power fails")                                                                          \
    X(POWER_CUT_IN_COMMIT, "the power fails in a commit")                                                    \
    X(REBOOT, "the system is shut down and boots")                                                           \
    X(STOP_STOREWATCH, "storewatch is stopped and started")                                                  \
    X(AT_START, "storewatch is killed, and spoken to while it starts")                                       \
    X(RELOAD, "the configuration is reloaded")                                                               \
    X(MAINTENANCE, "maintenance is switched on")                                                             \
    X(BY_HAND, "a person asks for a restart")                                                                \
    X(CLOCK_JUMP, "the clock is set")                                                                        \
    X(STANDS_STILL, "the machine stands still")                                                              \
    X(PERSON_STOPS, "a person stops a service")                                                              \
    X(PERSON_STOPS_SLOWLY, "a person stops a service, and waits for it")                                     \
    X(PERSON_RESTARTS, "a person restarts a service")                                                        \
    X(SETUP, "a setup disables and stops services, and puts them back")                                      \
    X(ANOTHER_STARTS, "another tool starts what is stopped")                                                 \
    X(PERSON_STARTS, "a person starts a service")                                                            \
    X(PERSON_PAUSES, "a person pauses services")                                                             \
    X(PERSON_DISABLES, "a person disables a service")                                                        \
    X(PERSON_DELETES, "a person deletes a service")                                                          \
    X(PERSON_REWIRES, "a person changes who needs whom")                                                     \
    X(SERVICE_DIES, "a service's process ends")                                                              \
    X(DIES_AFTER_START, "a service dies soon after its starts")                                              \
    X(ENDS_AFTER_START, "a service ends by itself soon after its starts")                                    \
    X(STOP_HANGS, "a stop hangs")                                                                            \
    X(CLIENT_HANGS, "a client's stop hangs, and its process stands still")                                   \
    X(NOT_ENDED, "a process cannot be ended")                                                                \
    X(PID_REUSED, "the number of a process that is to be ended goes to another one")                         \
    X(START_HANGS, "a start hangs")                                                                          \
    X(STOP_REFUSED, "stops are refused")                                                                     \
    X(START_REFUSED, "starts are refused")                                                                   \
    X(START_FAILS, "starts fail")                                                                            \
    X(START_ANSWER_LOST, "starts work, and the answer is an error")                                          \
    X(STOP_IGNORED, "stops are ignored")                                                                     \
    X(STOP_LATE, "a stop is accepted and begins late")                                                       \
    X(STOP_DIES, "a service's process ends in its stop")                                                     \
    X(NO_STOP_ACCEPTED, "a service takes no stop control")                                                   \
    X(STATE_UNREADABLE, "a service's state cannot be read")                                                  \
    X(SERVICES_UNREADABLE, "services cannot be read")                                                        \
    X(PROCESSES_UNREADABLE, "processes cannot be read")                                                      \
    X(LISTS_CUT, "there are more services and processes than are read")                                      \
    X(HOST_UNREADABLE, "the host's counters cannot be read")                                                 \
    X(GRAPH_UNREADABLE, "the service configuration cannot be read")                                          \
    X(VETO, "a veto process runs")                                                                           \
    X(CLUSTER, "this is a cluster node")                                                                     \
    X(RELAY, "a relay fails")                                                                                \
    X(DISK_FULL, "the disk is full")                                                                         \
    X(DISK_FAILS, "the disk fails")                                                                          \
    X(SLOW_LOOK, "looks are slow")                                                                           \
    X(SLOW_STORE, "the disk is slow")                                                                        \
    X(SLOW_CONTROL, "the service manager is slow")                                                           \
    X(SLOW_MAIL, "relays are slow")                                                                          \
    X(SLOW_EVENT, "the event log is slow")                                                                   \
    X(ANOTHER_LEAKS, "another service leaks")                                                                \
    X(FILE_DAMAGED, "storewatch is killed, and its file is damaged")

enum fault_kind {
#define FAULT_ENUM(name, text) FAULT_##name,
    FAULT_LIST(FAULT_ENUM)
#undef FAULT_ENUM
        FAULT_KIND_COUNT
};

struct fault {
    enum fault_kind kind;
    unsigned restart_nth; /* 0 = at a time of its own, else so long after the n-th restart has begun */
    int64_t at_ms, for_ms;
    enum service_state when; /* PENDING: not before the service is in this state; else at any time */
    size_t service;
    bool in_plan; /* one of the restart that goes on then, instead of `service` */
    uint64_t random;
    bool begun, over;
    int64_t until_ms;
    bool person_undoes; /* starts or enables it again */
    uint32_t ran;       /* bits (1 << service): whom a person, a setup or a tool is at work on, and who ran */
    bool stopped;       /* they were all seen down since */
};

/* ---- the judge's notebook ---- */

#define JUDGE_KEYS_MAX 4096
#define JUDGE_RESTARTS_MAX 256

struct judge_service {
    bool owed;                      /* storewatch stopped it: it must run again, and stay so for `verify` */
    bool person;                    /* a person took it over since */
    int64_t run_since_ms;           /* true time; -1 = it does not run */
    int64_t down_seen_ms;           /* how long storewatch, alive and seeing, has known it down */
    int64_t alone_ms;               /* and nothing else that it had stopped, */
    enum restart_phase alone_phase; /* in this phase */
    int64_t alone_limit_ms;         /* as it was last */
    int64_t asked_ms;               /* true time at which it was last asked to start */
    int64_t pause_ms;               /* not again before that is over, */
    uint64_t asked_in;              /* in this life of storewatch, */
    int64_t asked_for;              /* for this restart */
    bool stops_late;                /* it accepted a stop that has not begun */
    bool hands_off; /* a person stopped it, at hands_off_ms, after storewatch had seen it run again */
    int64_t hands_off_ms;
    int64_t wanted_ms; /* true time at which the start that was asked for last was decided on */
    int64_t idle_ms;   /* how long it could have been asked to start, and was not */
};

/* What a look showed: its decisions are judged by that. */
struct judge_look {
    bool services_known, processes_known, shutting_down, veto, cluster;
    int64_t sighted_ms; /* true time of the latest look that saw the processes */
    enum service_state states[SIM_SERVICES_MAX];
    uint32_t pids[SIM_SERVICES_MAX];
    uint64_t created[SIM_SERVICES_MAX];
};

struct judge_restart {
    int64_t id, begun_utc_ms;
    int64_t begun_ms; /* true time */
    bool stop_sent, by_hand;
    bool target_asked; /* the stop of its target was asked for */
    uint64_t asked_in; /* the life of storewatch that asked for a stop last */
    uint32_t ran;      /* bit (1 << service): it was active when the restart began, or since */
    uint32_t unclear;  /* likewise: the answer to its stop does not tell whether it arrived */
    uint32_t budget_max;
    int64_t per_ms, min_interval_ms; /* in force when it asked for its first stop */
};

struct judge_key {
    char key[MAIL_KEY_MAX];
    unsigned delivered;
    int replaces; /* so many, says the latest of them */
    bool refused, from_memory;
};

struct judge {
    char invariant[4];
    char failure[600];
    struct judge_service services[SIM_SERVICES_MAX];
    int64_t asked_mono_ms; /* the stop, or the end of a process, that was asked for last, */
    char asked_service[SERVICE_NAME_MAX];
    int64_t start_mono_ms; /* the start that was asked for last, */
    char start_service[SERVICE_NAME_MAX];
    struct judge_look look_run, look_seen, look_asked;
    bool disk_was_bad;           /* when the look that is under way, or was the last, did its work */
    int64_t seen_ms;             /* true time of the latest look that saw the services */
    const char *forbidden_asked; /* what of R4 would have forbidden to end a process then; NULL = nothing */
    size_t restart_count;
    struct judge_restart restarts[JUDGE_RESTARTS_MAX];
    size_t key_count;
    struct judge_key keys[JUDGE_KEYS_MAX];
    unsigned duplicates, duplicates_allowed;
    uint64_t replaced; /* mails that another stands for */
    uint64_t dropped;  /* mails for which there was no room, as storewatch counted them */
    int64_t maintenance_until_utc_ms,
        maintenance_until_ms;                  /* by the wall clock and in true time: both must hold */
    int64_t life_begun_ms, store_failing_told; /* of this life */
    uint64_t downs_told, downs_mailed;         /* events and mails of this life that a service is down */
    int64_t down_told_ms;                      /* true time since when one of the latter is due */
    bool set_aside;                            /* a file was */
    bool budget_lost;                          /* with it, at that true time */
    int64_t budget_lost_ms;
    bool hopeless;                       /* the restart that goes on at the end cannot end */
    uint64_t polls, polls_while_looking; /* of this life of storewatch */
    uint64_t checks;
};

/* ---- the simulation ---- */

struct lane_state {
    struct job *job;
    bool ran;
    int64_t run_ms, done_ms; /* true time */
};

struct settings { /* of the configuration, as the judge knows it */
    bool act, on_cluster_act, windows, on_hang_terminate;
    bool archive_named, client_rung; /* the client is registered; "restart_client" is in the ladder, */
    bool bes_served;                 /* and the other client's service is named */
    int window_from, window_to;      /* minutes of the day */
    int64_t interval_ms, min_window_ms, verify_ms, stop_timeout_ms, start_timeout_ms, per_ms, min_interval_ms,
        urgent_ms, reminder_ms;
    uint32_t budget_max, mails_per_hour;
    double limit_bytes; /* 0 = none */
};

enum machine { MACHINE_RUNS, MACHINE_CRASHED };

struct sim {
    uint64_t seed;
    uint64_t dropped;  /* bits of faults that are left out (to shrink a failure) */
    bool calm;         /* nothing goes wrong: storewatch must do its work */
    bool computed;     /* the real detectors; else verdicts.c */
    uint32_t whims_in; /* of so many samples one begins a whim; 0 = none ever */
    uint64_t detectors;
    bool dry_run;
    struct os os;
    struct settings settings;
    uint64_t latency; /* stream of chances */
    size_t fault_count;
    struct fault faults[SIM_FAULTS_MAX];
    int64_t heal_ms; /* true time at which everything is mended */
    bool healed;
    int64_t end_utc_ms;     /* of the last life: its wall clock when it was asked to stop */
    int64_t disk_mended_ms; /* true time; 0 = it has never failed */
    bool unreadable;        /* the file's head is damaged */
    bool damaged;           /* so was the file: it may be set aside, and what was in it be lost */

    struct agent *agent;
    struct lane_state lanes[LANE_COUNT];
    int64_t slow_ms[LANE_COUNT]; /* jobs take up to so long */
    int64_t next_slot_ms;        /* true time */
    int64_t start_ms;            /* when storewatch is started again */
    bool stopping;
    int64_t stop_until_ms;
    bool boot_after;          /* the stop is a shutdown of the system */
    int64_t hold_for_ms;      /* maintenance, once a stop waits for its commit; 0 = none */
    int kill_lane, kill_when; /* at the next job of the lane (-1: none) before (0) or after (1) it */
    uint64_t kill_change;     /* in the next commit, instead of its n-th change of the disk (0: none) */
    bool kill_cuts_power;
    uint64_t at_start; /* what is asked of the next storewatch before it has opened its file; 0 = nothing */
    unsigned restarts_seen;
    int64_t restart_began_ms[JUDGE_RESTARTS_MAX];
    char config_path[64];

    struct judge judge;
    char *story; /* heap */
    size_t story_length, story_capacity;
    const struct play_hooks *hooks;
    bool may_fail; /* memory, the disk and the seam may fail without a fault of faults.c (tests/torture) */
    uint64_t injected[FAULT_KIND_COUNT];
    uint64_t lives, mails, stops, starts, terminations, looks;
};

extern struct sim *sim; /* mailer_send and the store's rename have no context: there is one world at a time */

int64_t true_ms(void);
void story(const char *format, ...) PRINTF_LIKE(1, 2);

/* machine.c */
void world_draw(void);
void draw_budget(uint64_t *random);
void draw_timeouts(uint64_t *random);
bool config_write(void);                                   /* of sim->settings, to sim->config_path */
size_t service_index(const char *name);                    /* SIZE_MAX when there is none */
bool service_needs(size_t dependent, size_t needed);       /* directly or not; each needs itself */
bool service_ever_needed(size_t dependent, size_t needed); /* likewise, or did before a person changed that */
void machine_stands_still(int64_t ms);
void machine_advance(int64_t ms);
void machine_boot(void);
void growth_begin(size_t service, bool mended_by_restart, double factor);
const char *
target_service(size_t index); /* the services that storewatch may restart by its configuration; NULL */

/* faults.c */
const char *fault_name(enum fault_kind kind);
void maintenance_begin(int64_t for_ms);
void faults_draw(void);
void faults_step(void);
int64_t faults_next_ms(void);
void faults_heal(void);

/* judge.c, judge_mail.c */
static inline struct judge *judge(void)
{
    return &sim->judge;
}
void judge_fail(const char *invariant, const char *format, ...) PRINTF_LIKE(2, 3);
bool judge_failed(void);
void judge_world(int64_t elapsed_ms); /* after time has passed */
void judge_look_run(const struct observation *observation);
void judge_job_done(enum lane lane);
void judge_polled(bool looking);
void judge_life_begins(void);
void judge_life_ends(void);
void judge_taken(const struct job *job); /* the moment a lane takes it */
void judge_stop(const char *name);       /* the moment a stop control takes effect, before it does */
void judge_stopped(const char *name, uint32_t code);
void judge_start(const char *name);
void judge_terminate(const char *name, struct process_id id); /* before it takes effect */
void judge_person(const char *name);
void judge_stood_still(int64_t ms);
void judge_set_aside(void);
void judge_event(enum alert_kind kind);
void judge_mail(const char *message, bool refused);
void judge_mail_is_put_off(const char *message);
void judge_mail_is_cut_off(const struct job *job);
void judge_follow_news(void); /* after time has passed */
bool judge_disk_is_bad(void);
bool judge_hopeless(void);
void judge_end(void);
void judge_file(void);

/* sim.c */
/* What else happens in a world; each may be NULL. */
struct play_hooks {
    void (*begun)(void);  /* it is drawn, storewatch does not run yet */
    void (*moment)(void); /* at each moment */
    void (*healed)(void); /* instead of mending the disk */
    void (*ends)(void);   /* the judge has his last word next */
};
void play(uint64_t seed, uint64_t dropped, const char *config_path); /* to its end or its first failure */
void play_with(uint64_t seed, uint64_t dropped, const char *config_path, const struct play_hooks *hooks);
void storewatch_kill(bool power, enum vfs_survival survival, int64_t down_ms);
void storewatch_stop(bool shutdown, int64_t down_ms);

#endif

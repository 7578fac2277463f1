/* agent_internal.h - what agent*.c (decide on the loop), agent_jobs.c (does, on workers) and agent_status.c
 * share. */
#ifndef STOREWATCH_AGENT_INTERNAL_H
#define STOREWATCH_AGENT_INTERNAL_H

#include "storewatch/agent.h"
#include "storewatch/engine.h"
#include "storewatch/mailer.h"
#include "storewatch/report.h"
#include "storewatch/store.h"

#include "culprit_record.h"
#include "discovery.h"
#include "evidence.h"

#define AGENT_PATH_MAX 768
/* New incarnations whose address-space limit one look asks for. */
#define LIMITS_PER_LOOK 8
/* Address spaces that one job walks; the others wait for the next. */
#define SPACES_PER_JOB 8
/* Samples that wait for the store: three polls of a full watch (those of the address spaces, three more each, come at one
 * poll in twenty). When it is slower than that, the oldest go. */
#define TRANSACTION_SAMPLES_MAX (3 * (WATCHED_MAX * 2 + 3) + WATCHED_MAX * 3)
/* Mails that wait for the store. When there are more, reminders go first, then what only informs. */
#define TRANSACTION_MAILS_MAX (4 * ACTIONS_ALERTS_MAX)
/* One that has ended, and the next. */
#define TRANSACTION_RESTARTS_MAX 2
#define EVENTS_MAX (2 * ACTIONS_ALERTS_MAX)
/* Alerts whose mail could not be written for want of memory; of more, the same go first. */
#define UNWRITTEN_MAX ACTIONS_ALERTS_MAX
#define UNSAFE_ACCESS_MAX 1024
/* Incidents whose mails wait, or must not: all that are open, and as many that have ended since. With more, a
 * round ends early. */
#define MAIL_INCIDENTS_MAX (2 * INCIDENTS_MAX)

struct pending_sample {
    struct store_series_key key;
    int64_t utc_ms;
    double value;
};

struct pending_mail {
    struct mail mail; /* owned */
    enum alert_kind kind;
    int64_t incident_id, utc_ms;
    /* Of one that leaves from memory: how often it was tried, and in which round last; 0 = not yet. */
    uint32_t attempts;
    uint64_t tried_round;
    int64_t refused_utc_ms; /* as in outbox_entry */
    bool lets_pass;
    bool done; /* it left, or was given up, while it is being saved: what came of it is saved behind it */
};

/* What came of sending one mail that is in the file. */
struct mail_outcome {
    char key[MAIL_KEY_MAX];
    enum mail_state state;
    uint32_t attempts;
    int64_t refused_utc_ms, replaces_before_utc_ms; /* as in outbox_entry */
    bool lets_pass; /* it is pending still, and later mails of its incident wait behind it no more */
    char answer[256];
};

/* While the disk fails none is loaded from the file, so there are seldom two; but of a commit that does not
 * return each mail leaves from memory. */
#define TRANSACTION_OUTCOMES_MAX (TRANSACTION_MAILS_MAX + 4)

/* Incidents that wait for the store: so many find room without memory for more; and at the most. */
#define TRANSACTION_INCIDENTS_FIRST INCIDENTS_MAX
#define TRANSACTION_INCIDENTS_MAX 256

/* Of what storewatch may lose sight: what the looks could not read, and looks that do not return. */
enum { SIGHT_OF_LOOKS, SIGHT_IN_TIME, SIGHT_COUNT };

/* Records that are committed together. `pending` is filled on the loop, `flying` is being committed. */
struct transaction {
    size_t sample_count;
    struct pending_sample samples[TRANSACTION_SAMPLES_MAX];
    size_t incident_count, incident_capacity;
    struct incident *incidents; /* owned: all open ones, and closed ones */
    size_t restart_count;
    struct restart_journal restarts[TRANSACTION_RESTARTS_MAX];
    bool has_budget;
    size_t budget_count;
    struct budget_entry budget[BUDGET_ENTRIES_MAX];
    size_t mail_count;
    struct pending_mail mails[TRANSACTION_MAILS_MAX];
    size_t outcome_count;
    struct mail_outcome outcomes[TRANSACTION_OUTCOMES_MAX];
    bool has_maintenance;
    int64_t maintenance_until_utc_ms;
    char maintenance_reason[ALERT_LINE_MAX];
    bool has_stopped;
    int64_t stopped_ids[TOLD_STOPPED_MAX]; /* of engine->stopped; 0 = free */
    bool has_sight;
    int64_t blind_utc_ms[SIGHT_COUNT]; /* when ops were told that it is lost; 0 = that it is there */
    int64_t boot_utc_ms; /* when the machine was started, as the clock has it now; 0 = as saved before */
    bool set_aside_told;
    char *snapshot;                  /* owned: the status as JSON, for `report`; NULL = none */
    char *culprits[CULPRIT_RECORDS]; /* owned, at culprit_record_slot(); NULL = none */
};

#define RESTORED_INCIDENTS_MAX 512
#define RESTORED_RESTARTS_MAX 16

/* What a history file says of the time before this start. */
struct restored {
    int64_t last_incident_id;
    size_t incident_count, restart_count, budget_count;
    struct incident incidents[RESTORED_INCIDENTS_MAX]; /* the open ones first */
    struct restart_journal restarts[RESTORED_RESTARTS_MAX];
    struct budget_entry budget[BUDGET_ENTRIES_MAX];
    int64_t maintenance_until_utc_ms;
    char maintenance_reason[ALERT_LINE_MAX];
    int64_t stopped_ids[TOLD_STOPPED_MAX];   /* as in the transaction */
    int64_t blind_utc_ms[SIGHT_COUNT];       /* likewise */
    int64_t boot_utc_ms;                     /* likewise; 0 = it is not known */
    char set_aside[STORE_SET_ASIDE_MAX];     /* not told yet; "" = nothing was */
    char who[INCIDENTS_MAX][ENGINE_WHO_MAX]; /* of the open ones: who was named; "" = nobody */
};

enum job_kind {
    JOB_OPEN,
    JOB_REOPEN,
    JOB_LOOK,
    JOB_COMMIT,
    JOB_CONTROL,
    JOB_MAIL,
    JOB_EVENTS,
    JOB_RELOAD,
    JOB_ACCESS,
    JOB_MODULES,
    JOB_SPACES,
    JOB_EVIDENCE
};

struct limit_question {
    struct process_id process;
    double bytes; /* NAN = none or unknown */
};

/* A walk through a process' address space, and what came of it. */
struct space_question {
    struct process_id process;
    enum status status;
    struct space space;
    char why[160];
    int64_t ended_mono_ms, cost_ms;
};

struct event_line {
    enum alert_kind kind;
    char text[REPORT_EVENT_MAX];
};

/* The latest events, for `status`: when, what, and the text's first line. */
#define RECENT_EVENTS_MAX 64
struct recent_event {
    int64_t utc_ms;
    enum alert_kind kind;
    char text[ALERT_LINE_MAX];
};

/* One a lane, allocated with the agent. Which members count depends on `kind`. */
struct job {
    enum lane lane;
    enum job_kind kind;
    bool busy;
    struct agent *agent; /* only for what the job is lent: os, store, paths */
    enum status status;
    struct err err;

    /* JOB_OPEN, JOB_LOOK */
    struct observation *observation;
    bool sample_due;
    size_t limit_count;
    struct limit_question limits[LIMITS_PER_LOOK];

    /* JOB_OPEN, JOB_REOPEN */
    struct store *broken;      /* to be closed first; NULL = none */
    struct store *opened;      /* owned until the agent takes it; NULL = it could not be opened */
    struct restored *restored; /* heap, likewise */

    /* JOB_COMMIT */
    struct transaction *transaction;
    uint64_t sequence;
    bool maintain, load_mail, load_failed;
    int64_t after_id;
    bool mail_found;
    struct outbox_entry entry; /* owned while mail_found */
    struct err after_commit;   /* what failed then: upkeep, or reading the next mail */
    size_t mails_pending;

    /* JOB_CONTROL */
    struct engine_request request;
    struct service_graph graph; /* owned until the engine takes it */

    /* JOB_MAIL */
    struct outbox_entry sending; /* owned */
    struct config *config;       /* recipients and relays as they were when the job began */
    bool relay_answered; /* a relay said no, or nothing to the content: it may be this mail's own trouble */
    struct mail_outcome outcome;

    /* JOB_EVENTS */
    size_t event_count;
    struct event_line *events;            /* EVENTS_MAX */
    char *metrics;                        /* heap text for the metrics file, or NULL */
    char metrics_path[CONFIG_STRING_MAX]; /* "" = none is written */
    char metrics_gone[CONFIG_STRING_MAX]; /* to be removed first; "" = none */
    struct err metrics_err, gone_err;

    /* JOB_MODULES */
    struct discovery *discovery; /* the agent's, lent while the job is busy */
    struct process *processes;   /* owned: whom to look into */
    size_t process_count, process_capacity;
    bool again;
    int64_t took_ms;

    /* JOB_SPACES */
    size_t space_count;
    struct space_question spaces[SPACES_PER_JOB];

    /* JOB_EVIDENCE, with `request` */
    struct evidence_task evidence; /* owns its summary */

    /* JOB_RELOAD: of its time only; NULL without memory */
    struct config *loaded;
    struct config_findings *findings;

    /* JOB_ACCESS */
    char unsafe_access[UNSAFE_ACCESS_MAX];
};

struct agent {
    struct os *os;
    struct store *store; /* of the STORE lane once JOB_OPEN is done */
    struct engine *engine;
    struct config *mail_config; /* a copy for the MAIL lane */
    char config_path[AGENT_PATH_MAX], data_dir[AGENT_PATH_MAX], store_path[AGENT_PATH_MAX];
    struct os_facts facts;

    bool opened, stopping;
    struct job jobs[LANE_COUNT];

    /* looks */
    struct observation *observations[2]; /* the latest one and the one being filled */
    size_t latest;
    bool look_due, look_is_sample;
    int64_t looked_mono_ms, look_begun_mono_ms;
    bool looked; /* the next two are known */
    int64_t look_took_ms;
    int64_t clock_shift_ms;  /* the wall clock against the monotonic one, as of the latest look */
    int64_t boot_put_utc_ms; /* what was saved of that, or is about to be; 0 = nothing in this life */
    uint64_t clock_jumps;
    int64_t clock_jump_utc_ms, clock_jump_ms; /* the latest one: when, by the clock after it, and how far */
    bool look_overdue;                        /* it has not returned for long */
    struct sight look_sight;                  /* what ops know of that */
    struct sight sight_put[SIGHT_COUNT];      /* what was saved, or is about to be, of both kinds of sight */
    int64_t modules_begun_mono_ms;            /* of the MODULES lane's latest job */
    bool modules_overdue;                     /* it has not returned for long, and ops know */
    uint64_t missed_slots;
    char look_error[ERR_TEXT_MAX]; /* of the latest look; "" = everything could be read */

    /* engine */
    struct actions *actions;
    char maintenance_reason[ALERT_LINE_MAX];
    bool maintenance_on;            /* what ops were told last */
    int64_t maintenance_put_utc_ms; /* its end as it was saved, or is about to be */
    struct engine_request request;  /* waits for its step's records */
    uint64_t request_after;         /* committed sequence it waits for */

    /* store */
    struct transaction *pending, *flying;
    bool pending_dirty;
    struct alert *own;       /* room for an alert of the agent's own */
    struct alert *unwritten; /* UNWRITTEN_MAX: told again when there is memory, in order */
    size_t unwritten_count;
    uint64_t pending_sequence;   /* number the pending transaction will have */
    uint64_t committed_sequence; /* of the latest commit */
    int64_t store_retry_mono_ms, store_begun_mono_ms;
    int64_t maintained_mono_ms;
    bool snapshot_due;        /* the status is to be kept with the history: what it told of has changed */
    int64_t snapshot_mono_ms; /* of the latest one; 0 = none */
    bool store_failing;       /* since store_failing_mono_ms */
    int64_t store_failing_mono_ms;
    int64_t set_aside_mono_ms; /* when a file was set aside in this life; 0 = none was */
    bool store_told;           /* ops were told that it fails, at store_told_mono_ms */
    int64_t store_told_mono_ms;
    char store_error[ERR_TEXT_MAX];
    uint64_t samples_dropped, incidents_dropped;
    bool incidents_told;       /* that some are, since the latest commit */
    int64_t saved_incident_id; /* none after this one is in the file */

    /* mail */
    bool mail_ready; /* `next_mail` holds one to send */
    struct outbox_entry next_mail;
    uint64_t mail_round;   /* of tries, from 1 on */
    int64_t mail_after_id; /* in this round mails up to here were tried */
    int64_t mail_retry_mono_ms, mail_backoff_ms;
    bool mail_may_wait; /* the outbox may hold mails */
    size_t mails_pending;
    /* With a mail that is to be tried again: later ones wait behind it. */
    int64_t held_incidents[MAIL_INCIDENTS_MAX];
    size_t held_count;
    /* An error was queued: the round begins anew at once, and the cap holds back no mail of its incident,
     * because it would have to wait behind that one. Until the outbox is empty. */
    bool mail_hurry;
    int64_t hurried_incidents[MAIL_INCIDENTS_MAX];
    size_t hurried_count;
    int64_t sent_mono_ms[1024]; /* ring: when mails were sent, for the hourly cap */
    size_t sent_next;
    uint64_t mails_sent, mails_dead, mails_dropped;
    char mail_answer[256];

    /* evidence: where the latest is, and what it lacks; of which restart */
    int64_t evidence_restart_id; /* 0 = none was gathered since the start */
    char evidence[ERR_TEXT_MAX]; /* sentences, a line each */

    /* events */
    size_t event_count;
    struct event_line *events; /* EVENTS_MAX, filled on the loop */
    uint64_t events_dropped;
    char event_error[ERR_TEXT_MAX];                /* of the latest events; "" = they were written */
    struct recent_event recent[RECENT_EVENTS_MAX]; /* a ring */
    size_t recent_next;
    bool metrics_due;
    char metrics_error[ERR_TEXT_MAX]; /* of the latest metrics file; "" = it was written */
    bool metrics_told;                /* ops were told that it fails, at metrics_told_mono_ms */
    int64_t metrics_told_mono_ms;
    char metrics_gone[CONFIG_STRING_MAX]; /* no longer named by the configuration; "" = none */
    bool reload_due;

    /* who may change what storewatch does */
    bool access_due;
    int64_t access_mono_ms;                /* when it was asked last */
    char unsafe_access[UNSAFE_ACCESS_MAX]; /* what was told of it last; "" = nothing */

    /* the search for MAPI clients */
    struct discovery *discovery; /* of the MODULES lane while its job is busy */
    bool search_due, searched;
    int64_t searched_mono_ms; /* when the latest search through all processes began */
    uint64_t population;      /* who ran at the latest search */
    struct agent_search {     /* what came of it, for `status` */
        int64_t took_ms;
        size_t looked, closed, waiting, left_out;
    } search;
};

/* agent.c */
struct clock agent_clock_now(const struct agent *agent);
void agent_take_actions(struct agent *agent);
void agent_tell_engine(struct agent *agent, enum status status, const struct err *err,
                       struct service_graph *graph);

/* agent_records.c */
void agent_put_samples(struct agent *agent, int64_t utc_ms);
/* Room for so many incidents. False without memory: then it is as it was. */
bool transaction_set_capacity(struct transaction *transaction, size_t capacity);
/* Where there is no room for another one, one that has ended goes; ops are told so. */
void agent_put_incident(struct agent *agent, struct transaction *transaction,
                        const struct incident *incident);
void agent_put_culprits(struct agent *agent, int64_t incident_id);
void transaction_put_restart(struct transaction *transaction, const struct restart_journal *journal);
void transaction_put_outcome(struct transaction *transaction, const struct mail_outcome *outcome);
/* The same of one that is being saved: the STORE lane reads it, so only what that does not look at changes. */
void transaction_note_outcome(struct transaction *flying, const struct mail_outcome *outcome);
void agent_drop_a_mail(struct agent *agent, struct transaction *older, struct transaction *newer);
void agent_put_alert(struct agent *agent, const struct alert *alert);
/* Writes the mails that could not be written, as far as there is memory now. */
void agent_write_mails(struct agent *agent);
void agent_tell(struct agent *agent, enum alert_kind kind, const char *text);
void agent_tell_once(struct agent *agent, enum alert_kind kind, const char *text);
void transaction_put_budget(struct transaction *transaction, const struct engine *engine);
void transaction_put_stopped(struct transaction *transaction, const struct engine *engine);

/* agent_look.c */
void agent_take_look_job(struct agent *agent, struct job *job);
bool agent_take_modules_job(struct agent *agent, struct job *job);
void agent_modules_done(struct agent *agent, struct job *job);
bool agent_take_spaces_job(struct agent *agent, struct job *job);
void agent_spaces_done(struct agent *agent, struct job *job);
void agent_look_done(struct agent *agent, struct job *job);

/* agent_evidence.c */
bool agent_take_evidence_job(struct agent *agent, struct job *job);
void agent_evidence_done(struct agent *agent, struct job *job);
void job_evidence(struct job *job);

/* agent_store.c */
void agent_tell_store_failing(struct agent *agent, const char *text);
void agent_open_done(struct agent *agent, struct job *job);
void agent_reopen_done(struct agent *agent, struct job *job);
/* What the agent knows of a maintenance goes into the pending transaction. One whose end was told is saved
 * without its reason, so that the next life does not tell it again. */
void agent_put_maintenance(struct agent *agent);
/* What ops were told of storewatch's sight goes into the transaction of that mail, when it is another thing than
 * before: the next life has to tell that sight is back. */
void agent_follow_sight(struct agent *agent);
/* When the machine was started goes with the clock when that is set: the next life knows by it whether this is the
 * same boot. */
void agent_follow_boot(struct agent *agent);
void agent_take_commit_job(struct agent *agent, struct job *job);
bool agent_needs_journal(enum engine_request_kind kind);
void agent_answer_without_journal(struct agent *agent);
void agent_commit_done(struct agent *agent, struct job *job);

/* agent_mail.c */
void agent_hurry_mail(struct agent *agent, int64_t incident_id);
/* The next mail to be loaded is the first of the outbox behind this one. */
int64_t agent_next_mail_after(struct agent *agent);
bool agent_wants_a_mail(const struct agent *agent, int64_t mono_ms);
void agent_take_loaded_mail(struct agent *agent, struct job *job);
bool agent_take_mail_job(struct agent *agent, struct job *job);
void agent_mail_done(struct agent *agent, struct job *job);
void agent_end_mail_round(struct agent *agent);

/* agent_jobs.c */
/* Names of settings in the store. */
#define SETTING_MAINTENANCE_UNTIL "maintenance_until_utc_ms"
#define SETTING_MAINTENANCE_REASON "maintenance_reason"
#define SETTING_BOOT "boot_utc_ms"
#define SETTING_STOPPED "told_stopped" /* ids of incidents, with a blank behind each */

void job_open(struct job *job);
void job_reopen(struct job *job);
void job_look(struct job *job);
void job_commit(struct job *job);
void job_control(struct job *job);
void job_mail(struct job *job);
void job_events(struct job *job);
void job_reload(struct job *job);
void job_modules(struct job *job);
void job_access(struct job *job);
void job_spaces(struct job *job);

/* agent_lessons.c */
bool agent_has_ended(const struct observation *observation, struct process_id id);
/* Before the first look, of what has ended by then. */
void agent_learn_from_history(struct agent *agent, struct store *store,
                              const struct observation *observation);

/* agent_status.c: OpenMetrics text, heap, owned by the caller. */
char *agent_metrics_text(struct agent *agent);

#endif

/* agent.c - see agent.h. What happens on the loop: nothing here blocks.
 *
 * Invariants: `pending` takes every record of a step before anything of that step leaves; it becomes `flying`
 * while the STORE lane commits it, and comes back in front of what was added meanwhile when the commit fails.
 * A lane's job is touched by the loop only while it is not busy. */
#include "agent_internal.h"

#include "storewatch/advice.h"

#include <stdlib.h>
#include <string.h>

/* A commit takes milliseconds; a disk that needs longer than this is not working. */
#define STORE_HANG_MS (10 * MS_PER_SECOND)
/* A look that takes longer than so many polls, and at least so long, is told. */
#define LOOK_OVERDUE_POLLS 5
#define LOOK_OVERDUE_MIN_MS (30 * MS_PER_SECOND)
/* A search stops by itself after seconds, a walk takes one at the most. */
#define MODULES_OVERDUE_MS (10 * MS_PER_MINUTE)
/* Who may change the configuration is asked at the start, at each reload, and so often. */
#define ACCESS_EVERY_MS (24 * MS_PER_HOUR)

struct clock agent_clock_now(const struct agent *agent)
{
    struct clock clock = {.mono_ms = os_mono_ms(agent->os), .utc_ms = os_utc_ms(agent->os)};
    os_local_time(agent->os, clock.utc_ms, &clock.weekday, &clock.minute_of_day);
    return clock;
}

/* ---- making and freeing ---- */

static void transaction_free(struct transaction *transaction)
{
    for (size_t i = 0; transaction && i < transaction->mail_count; i++)
        mail_deinit(&transaction->mails[i].mail);
    for (size_t i = 0; transaction && i < CULPRIT_RECORDS; i++)
        free(transaction->culprits[i]);
    if (transaction) {
        free(transaction->snapshot);
        free(transaction->incidents);
    }
    free(transaction);
}

/* NULL without memory. */
static struct transaction *transaction_new(void)
{
    struct transaction *transaction = calloc(1, sizeof *transaction);
    if (!transaction)
        return NULL;
    transaction->incident_capacity = TRANSACTION_INCIDENTS_FIRST;
    transaction->incidents = calloc(transaction->incident_capacity, sizeof transaction->incidents[0]);
    if (transaction->incidents)
        return transaction;
    transaction_free(transaction);
    return NULL;
}

static enum status allocate(struct agent *agent)
{
    bool ok = (agent->actions = calloc(1, sizeof *agent->actions)) && (agent->pending = transaction_new()) &&
              (agent->flying = transaction_new()) &&
              (agent->mail_config = calloc(1, sizeof *agent->mail_config)) &&
              (agent->discovery = calloc(1, sizeof *agent->discovery)) &&
              (agent->events = calloc(EVENTS_MAX, sizeof *agent->events)) &&
              (agent->own = calloc(1, sizeof *agent->own)) &&
              (agent->unwritten = calloc(UNWRITTEN_MAX, sizeof *agent->unwritten)) &&
              (agent->jobs[LANE_EVENT].events = calloc(EVENTS_MAX, sizeof *agent->events)) &&
              (agent->observations[0] = observation_new()) && (agent->observations[1] = observation_new());
    return ok ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status agent_new(struct os *os, const struct config *config, const struct agent_options *options,
                      struct agent **out_agent, struct err *err)
{
    struct agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return err_set(err, STATUS_NO_MEMORY, "agent_new", 0, "no memory to start");
    agent->os = os;
    os_facts_get(os, &agent->facts);
    agent->engine = engine_new(config, agent->facts.host_name);
    if (!agent->engine || allocate(agent) != STATUS_OK) {
        agent_free(agent);
        return err_set(err, STATUS_NO_MEMORY, "agent_new", 0, "no memory to start");
    }
    agent->engine->dry_run = options->dry_run;
    *agent->mail_config = *config;
    text_copy(agent->config_path, sizeof agent->config_path,
              options->config_path ? options->config_path : "");
    text_copy(agent->data_dir, sizeof agent->data_dir, options->data_dir);
    store_path(agent->store_path, sizeof agent->store_path, options->data_dir);
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        agent->jobs[lane].lane = (enum lane)lane;
        agent->jobs[lane].agent = agent;
    }
    agent->pending_sequence = 1;
    agent->mail_round = 1;
    agent->look_due = true; /* the first one opens the store */
    *out_agent = agent;
    return STATUS_OK;
}

void agent_free(struct agent *agent)
{
    if (!agent)
        return;
    store_close(agent->store);
    engine_free(agent->engine);
    transaction_free(agent->pending);
    transaction_free(agent->flying);
    if (agent->mail_ready)
        outbox_entry_deinit(&agent->next_mail);
    /* What a job owned that was taken and never reported done. */
    if (agent->jobs[LANE_MAIL].busy)
        outbox_entry_deinit(&agent->jobs[LANE_MAIL].sending);
    if (agent->jobs[LANE_STORE].mail_found)
        outbox_entry_deinit(&agent->jobs[LANE_STORE].entry);
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        store_close(agent->jobs[lane].broken);
        store_close(agent->jobs[lane].opened);
        free(agent->jobs[lane].restored);
    }
    free(agent->jobs[LANE_EVENT].metrics);
    service_graph_deinit(&agent->jobs[LANE_CONTROL].graph);
    free(agent->jobs[LANE_EVENT].events);
    free(agent->jobs[LANE_CONFIG].loaded);
    free(agent->jobs[LANE_CONFIG].findings);
    free(agent->events);
    free(agent->own);
    free(agent->unwritten);
    free(agent->mail_config);
    free(agent->discovery);
    free(agent->jobs[LANE_MODULES].processes);
    evidence_task_deinit(&agent->jobs[LANE_EVIDENCE].evidence);
    free(agent->actions);
    observation_free(agent->observations[0]);
    observation_free(agent->observations[1]);
    free(agent);
}

/* ---- the engine's actions ---- */

void agent_take_actions(struct agent *agent)
{
    const struct actions *actions = agent->actions;
    struct transaction *pending = agent->pending;
    for (size_t i = 0; i < actions->incident_count; i++) {
        agent_put_incident(agent, pending, &actions->incidents[i]);
        agent_put_culprits(agent, actions->incidents[i].id);
    }
    if (actions->save_restart)
        transaction_put_restart(pending, &actions->restart);
    if (actions->save_budget)
        transaction_put_budget(pending, agent->engine);
    if (actions->save_stopped)
        transaction_put_stopped(pending, agent->engine);
    for (size_t i = 0; i < actions->alert_count; i++)
        agent_put_alert(agent, &actions->alerts[i]);
    agent->pending_dirty |=
        actions->incident_count || actions->save_restart || actions->save_budget || actions->save_stopped;
    agent->snapshot_due |= actions->incident_count > 0;
    if (actions->request.kind != ENGINE_NOTHING) {
        agent->request = actions->request;
        agent->request_after = agent->pending_dirty ? agent->pending_sequence : agent->pending_sequence - 1;
    }
}

void agent_tell_engine(struct agent *agent, enum status status, const struct err *err,
                       struct service_graph *graph)
{
    struct engine_request request = agent->request;
    agent->request.kind = ENGINE_NOTHING;
    engine_told(agent->engine, &request, status, err, graph, agent->observations[agent->latest],
                agent_clock_now(agent), agent->actions);
    agent_take_actions(agent);
}

/* ---- control, events, configuration ---- */

/* What a stop, or the end of a process, was decided on has changed while it waited for its commit: it is
 * decided anew. */
static void withdraw_stop(struct agent *agent)
{
    const enum engine_request_kind kind = agent->request.kind;
    if (agent->jobs[LANE_CONTROL].busy || (kind != ENGINE_STOP_SERVICE && kind != ENGINE_TERMINATE_PROCESS))
        return;
    struct err err = {0};
    err_set(&err, STATUS_BUSY, "restart", RESTART_WITHDRAWN, "what it was decided on has changed meanwhile");
    agent_tell_engine(agent, STATUS_BUSY, &err, NULL);
}

static bool take_control_job(struct agent *agent, struct job *job)
{
    if (agent->request.kind == ENGINE_NOTHING || agent->request.kind == ENGINE_GATHER_EVIDENCE ||
        agent->stopping)
        return false;
    bool committed = agent->committed_sequence >= agent->request_after;
    bool may_go_unsaved = agent->store_failing && !agent_needs_journal(agent->request.kind);
    if (!committed && !may_go_unsaved) {
        if (agent->store_failing)
            agent_answer_without_journal(agent);
        return false;
    }
    job->kind = JOB_CONTROL;
    job->request = agent->request;
    return true;
}

static bool take_event_job(struct agent *agent, struct job *job)
{
    if (agent->event_count == 0 && !agent->metrics_due && !agent->metrics_gone[0])
        return false;
    struct event_line *empty = job->events;
    job->kind = JOB_EVENTS;
    job->events = agent->events;
    job->event_count = agent->event_count;
    agent->events = empty;
    agent->event_count = 0;
    job->metrics = agent->metrics_due ? agent_metrics_text(agent) : NULL;
    text_copy(job->metrics_path, sizeof job->metrics_path,
              job->metrics ? agent->engine->config.metrics_textfile : "");
    text_copy(job->metrics_gone, sizeof job->metrics_gone, agent->metrics_gone);
    job->metrics_err = job->gone_err = (struct err){0};
    agent->metrics_due = false;
    agent->metrics_gone[0] = '\0';
    return true;
}

/* Once a reminder, not at each poll. */
static void tell_metrics_failing(struct agent *agent, const char *why)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    if (agent->metrics_told && mono_ms - agent->metrics_told_mono_ms < agent->engine->config.reminder_ms)
        return;
    agent->metrics_told = true;
    agent->metrics_told_mono_ms = mono_ms;
    agent_tell(agent, ALERT_METRICS_FAILING, why);
}

/* An event that could not be written cannot be told by one: `status` shows it. */
static void events_done(struct agent *agent, const struct job *job)
{
    if (job->event_count > 0)
        text_copy(agent->event_error, sizeof agent->event_error, job->err.text);
    /* One that begins otherwise is somebody else's, and stays. */
    if (job->gone_err.status != STATUS_OK && job->gone_err.status != STATUS_REFUSED)
        agent_tell(agent, ALERT_METRICS_FAILING, job->gone_err.text);
    if (!job->metrics_path[0] || strcmp(job->metrics_path, agent->engine->config.metrics_textfile) != 0)
        return; /* the file was another one when the job began */
    text_copy(agent->metrics_error, sizeof agent->metrics_error, job->metrics_err.text);
    if (agent->metrics_error[0])
        tell_metrics_failing(agent, agent->metrics_error);
}

/* A collector would go on reading the last values of a file that is written no more. */
static void change_metrics_file(struct agent *agent, const char *path)
{
    const char *before = agent->engine->config.metrics_textfile;
    if (strcmp(before, path) == 0)
        return;
    if (!agent->metrics_gone[0]) /* else what was named in between was never written */
        text_copy(agent->metrics_gone, sizeof agent->metrics_gone, before);
    agent->metrics_error[0] = '\0';
    agent->metrics_told = false;
}

static bool take_config_job(struct agent *agent, struct job *job)
{
    if (!agent->opened || agent->stopping) /* until opened JOB_OPEN has the engine */
        return false;
    if (agent->reload_due) {
        agent->reload_due = false;
        job->kind = JOB_RELOAD;
        return true;
    }
    if (!agent->access_due || !agent->config_path[0])
        return false;
    agent->access_due = false;
    agent->access_mono_ms = os_mono_ms(agent->os);
    job->kind = JOB_ACCESS;
    return true;
}

static void say_findings(struct text *text, const char *path, const struct config_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].warning)
            continue;
        text_add(text, "%s", text->length ? "\n" : "");
        config_finding_format(text, path, &findings->items[i]);
    }
    text_tell_cut(text);
}

/* The journal of a restart lies in it. */
static void keep_data_dir(const struct agent *agent, struct config *loaded, struct text *told)
{
    const struct config *in_force = &agent->engine->config;
    if (strcmp(loaded->data_dir, in_force->data_dir) == 0)
        return;
    text_copy(loaded->data_dir, sizeof loaded->data_dir, in_force->data_dir);
    text_add(told, "data_dir is taken over at the next start of the service, not now. ");
    if (engine_restarting(agent->engine))
        text_add(told,
                 "A restart of %s is under way: start the service anew only when it has ended, or nobody "
                 "brings up what is stopped. ",
                 agent->engine->restart.journal.target);
}

static void take_over(struct agent *agent, struct job *job)
{
    char storage[1024];
    struct text text = text_on(storage, sizeof storage);
    if (job->status != STATUS_OK) {
        if (job->findings)
            say_findings(&text, agent->config_path, job->findings);
        if (text.length == 0)
            text_add(&text, "%s", job->err.text);
        agent_tell(agent, ALERT_CONFIG_REFUSED, storage);
        return;
    }
    keep_data_dir(agent, job->loaded, &text);
    change_metrics_file(agent, job->loaded->metrics_textfile);
    engine_configure(agent->engine, job->loaded);
    withdraw_stop(agent);
    if (!agent->jobs[LANE_MAIL].busy)
        *agent->mail_config = *job->loaded;
    agent->mail_retry_mono_ms = 0; /* perhaps it was the relay that was mended */
    agent->mail_backoff_ms = 0;
    text_add(&text, "%s is in force.", agent->config_path);
    agent_tell(agent, ALERT_CONFIG_RELOADED, storage);
    agent->access_due = true;
}

static void reload_done(struct agent *agent, struct job *job)
{
    take_over(agent, job);
    free(job->loaded);
    free(job->findings);
    job->loaded = NULL;
    job->findings = NULL;
}

/* Who may write the configuration decides which services are restarted. */
static void access_done(struct agent *agent, const struct job *job)
{
    if (strcmp(agent->unsafe_access, job->unsafe_access) == 0)
        return;
    text_copy(agent->unsafe_access, sizeof agent->unsafe_access, job->unsafe_access);
    if (agent->unsafe_access[0])
        agent_tell_once(agent, ALERT_CONFIG_UNSAFE, agent->unsafe_access);
}

/* ---- asked for by a person ---- */

/* `when` leads to the time that was set; NULL = a person has ended it. */
static void tell_maintenance(struct agent *agent, const char *when)
{
    char storage[ALERT_LINE_MAX * 2];
    struct text text = text_on(storage, sizeof storage);
    if (when) {
        text_add(&text, "%s", when);
        text_add_time_human(&text, agent->engine->maintenance_until_utc_ms);
        text_add(&text, "%s%s", agent->maintenance_reason[0] ? ": " : ".", agent->maintenance_reason);
    }
    agent_tell(agent, agent->maintenance_on ? ALERT_MAINTENANCE_ON : ALERT_MAINTENANCE_OFF, storage);
}

enum status agent_maintenance(struct agent *agent, int64_t until_utc_ms, const char *reason, struct err *err)
{
    int64_t utc_ms = os_utc_ms(agent->os);
    if (until_utc_ms > utc_ms + MAINTENANCE_MAX_MS)
        return err_set(err, STATUS_INVALID, "maintenance", 0, "maintenance lasts 30 days at the most");
    if (agent->opened) /* until then JOB_OPEN has the rest of the engine */
        engine_follow_clock(agent->engine, agent_clock_now(agent));
    agent->engine->maintenance_until_utc_ms = until_utc_ms;
    agent->engine->maintenance_passes = true;
    text_copy(agent->maintenance_reason, sizeof agent->maintenance_reason, reason);
    agent->maintenance_on = until_utc_ms > utc_ms;
    agent_put_maintenance(agent);
    if (agent->maintenance_on)
        withdraw_stop(agent);
    tell_maintenance(agent, agent->maintenance_on ? "Until " : NULL);
    return STATUS_OK;
}

enum status agent_restart(struct agent *agent, const char *service, const char *reason, struct err *err)
{
    /* Evidence that waits for its lane is left behind by a restart that was called off: nobody waits for it. */
    const bool asked =
        agent->request.kind != ENGINE_NOTHING && agent->engine->out.kind == agent->request.kind;
    if (agent->stopping || !agent->opened || asked)
        return err_set(err, STATUS_BUSY, "restart", 0, "storewatch is busy: try again in a moment");
    enum status status = engine_restart_by_hand(agent->engine, service, reason, agent->actions, err);
    if (!status)
        agent_take_actions(agent);
    return status;
}

void agent_reload(struct agent *agent)
{
    agent->reload_due = true;
}

int64_t agent_utc_ms(const struct agent *agent)
{
    return os_utc_ms(agent->os);
}

int64_t agent_interval_ms(const struct agent *agent)
{
    return agent->engine->config.interval_ms;
}

/* ---- the slots of the grid ---- */

/* A look that does not return (a hung SCM) is blindness like one that fails, and is told alike. */
static void watch_over_look(struct agent *agent)
{
    if (!agent->jobs[LANE_LOOK].busy)
        return;
    int64_t bound_ms = LOOK_OVERDUE_POLLS * agent_interval_ms(agent);
    if (bound_ms < LOOK_OVERDUE_MIN_MS)
        bound_ms = LOOK_OVERDUE_MIN_MS;
    const int64_t mono_ms = os_mono_ms(agent->os);
    int64_t since_ms = mono_ms - agent->look_begun_mono_ms;
    if (since_ms < bound_ms)
        return;
    agent->look_overdue = true;
    if (!sight_lost(&agent->look_sight, mono_ms, agent->engine->config.reminder_ms))
        return;
    sight_told(&agent->look_sight, true, mono_ms);
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    if (agent->opened) {
        text_add(&text, "A look at the processes and services has not returned for ");
        text_add_duration(&text, since_ms);
        text_add(&text, ": the service control manager may hang.");
    } else {
        text_add(&text, "The first look at the processes and services, or the opening of the history file, "
                        "has not returned for ");
        text_add_duration(&text, since_ms);
        text_add(&text, ": the service control manager or the disk may hang. A restart that was under way "
                        "goes on only after that: see that all services run.");
    }
    agent_tell(agent, ALERT_BLIND, storage);
}

/* A file that is held by somebody, or a process that stands still, can keep the search for ever. The other
 * lanes go on. */
static void watch_over_modules(struct agent *agent)
{
    int64_t since_ms = os_mono_ms(agent->os) - agent->modules_begun_mono_ms;
    if (!agent->jobs[LANE_MODULES].busy || agent->modules_overdue || since_ms < MODULES_OVERDUE_MS)
        return;
    agent->modules_overdue = true;
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    text_add(&text, "The search for MAPI clients, or a walk through an address space, has not returned for ");
    text_add_duration(&text, since_ms);
    text_add(&text, ": no new clients are found, and no address space is read.");
    agent_tell(agent, ALERT_SEARCH_HANGS, storage);
}

/* A commit that does not return (a hung disk) is a history file that cannot be written: services are started
 * and mails sent all the same. When it does return, everything is as it was. */
static void watch_over_commit(struct agent *agent)
{
    if (agent->jobs[LANE_STORE].busy && !agent->store_failing &&
        os_mono_ms(agent->os) - agent->store_begun_mono_ms >= STORE_HANG_MS) {
        agent_tell_store_failing(agent, "the disk has not answered for 10 s");
        agent_answer_without_journal(agent);
    }
}

/* Its time is over, perhaps while storewatch did not run: that is told once. One of an earlier life is in force
 * again when the clock is set back later: whether it was wrong then, or is now, nobody knows. */
static void watch_over_maintenance(struct agent *agent)
{
    struct engine *engine = agent->engine;
    if (!agent->opened)
        return;
    engine_follow_clock(engine, agent_clock_now(agent));
    const bool on = engine->maintenance_until_utc_ms > os_utc_ms(agent->os);
    if (on != agent->maintenance_on) {
        agent->maintenance_on = on;
        tell_maintenance(agent, on ? "The clock was set back: again until " : "It ran out at ");
        if (engine->maintenance_passes) /* and will not come again */
            engine->maintenance_until_utc_ms = 0;
        agent_put_maintenance(agent);
    } else if (engine->maintenance_until_utc_ms != agent->maintenance_put_utc_ms) {
        agent_put_maintenance(agent);
    }
}

void agent_poll(struct agent *agent)
{
    if (agent->stopping)
        return;
    watch_over_maintenance(agent);
    agent_write_mails(agent);
    watch_over_look(agent);
    agent_follow_sight(agent);
    watch_over_modules(agent);
    watch_over_commit(agent);
    agent->access_due |= os_mono_ms(agent->os) - agent->access_mono_ms >= ACCESS_EVERY_MS;
    if (agent->look_due && agent->look_is_sample)
        agent->missed_slots++;
    agent->look_due = true;
    agent->look_is_sample = true;
}

/* ---- lanes ---- */

static bool take_store_job(struct agent *agent, struct job *job)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    bool retry_later = agent->store_failing && mono_ms < agent->store_retry_mono_ms;
    if (!agent->opened || retry_later || (!agent->store && agent->stopping))
        return false;
    agent->store_begun_mono_ms = mono_ms;
    if (!agent->store) {
        job->kind = JOB_REOPEN;
        return true;
    }
    if (!agent->pending_dirty && !agent_wants_a_mail(agent, mono_ms))
        return false;
    agent_take_commit_job(agent, job);
    return true;
}

struct job *agent_take_job(struct agent *agent, enum lane lane)
{
    struct job *job = &agent->jobs[lane];
    if (job->busy)
        return NULL;
    bool ready = false;
    switch (lane) {
    case LANE_LOOK:
        ready = agent->look_due && !agent->stopping;
        if (ready)
            agent_take_look_job(agent, job);
        break;
    case LANE_STORE:
        ready = take_store_job(agent, job);
        break;
    case LANE_CONTROL:
        ready = take_control_job(agent, job);
        break;
    case LANE_MAIL:
        ready = agent_take_mail_job(agent, job);
        break;
    case LANE_EVENT:
        ready = take_event_job(agent, job);
        break;
    case LANE_CONFIG:
        ready = take_config_job(agent, job);
        break;
    case LANE_MODULES:
        ready = agent_take_modules_job(agent, job) || agent_take_spaces_job(agent, job);
        if (ready)
            agent->modules_begun_mono_ms = os_mono_ms(agent->os);
        break;
    case LANE_EVIDENCE:
        ready = agent_take_evidence_job(agent, job);
        break;
    case LANE_COUNT:
        break;
    }
    if (!ready)
        return NULL;
    job->busy = true;
    job->status = STATUS_OK;
    job->err = (struct err){0};
    return job;
}

void job_run(struct job *job)
{
    switch (job->kind) {
    case JOB_OPEN:
        job_open(job);
        break;
    case JOB_REOPEN:
        job_reopen(job);
        break;
    case JOB_LOOK:
        job_look(job);
        break;
    case JOB_COMMIT:
        job_commit(job);
        break;
    case JOB_CONTROL:
        job_control(job);
        break;
    case JOB_MAIL:
        job_mail(job);
        break;
    case JOB_EVENTS:
        job_events(job);
        break;
    case JOB_RELOAD:
        job_reload(job);
        break;
    case JOB_MODULES:
        job_modules(job);
        break;
    case JOB_ACCESS:
        job_access(job);
        break;
    case JOB_SPACES:
        job_spaces(job);
        break;
    case JOB_EVIDENCE:
        job_evidence(job);
        break;
    }
}

void agent_job_done(struct agent *agent, struct job *job)
{
    job->busy = false;
    if (job->lane == LANE_MODULES)
        agent->modules_overdue = false;
    switch (job->kind) {
    case JOB_OPEN:
        agent_open_done(agent, job);
        break;
    case JOB_REOPEN:
        agent_reopen_done(agent, job);
        break;
    case JOB_LOOK:
        agent_look_done(agent, job);
        break;
    case JOB_COMMIT:
        agent_commit_done(agent, job);
        break;
    case JOB_CONTROL:
        agent_tell_engine(agent, job->status, &job->err, &job->graph);
        service_graph_deinit(&job->graph);
        break;
    case JOB_MAIL:
        agent_mail_done(agent, job);
        if (!agent->stopping)
            *agent->mail_config = agent->engine->config;
        break;
    case JOB_EVENTS:
        events_done(agent, job);
        break;
    case JOB_RELOAD:
        reload_done(agent, job);
        break;
    case JOB_MODULES:
        agent_modules_done(agent, job);
        break;
    case JOB_ACCESS:
        access_done(agent, job);
        break;
    case JOB_SPACES:
        agent_spaces_done(agent, job);
        break;
    case JOB_EVIDENCE:
        agent_evidence_done(agent, job);
        break;
    }
}

/* ---- waking and stopping ---- */

int64_t agent_next_wake_mono_ms(const struct agent *agent)
{
    int64_t wake = INT64_MAX;
    int64_t every_ms = engine_look_every_ms(agent->engine);
    int64_t mono_ms = os_mono_ms(agent->os);
    bool look_is_coming = agent->look_due || agent->jobs[LANE_LOOK].busy || agent->stopping;
    if (every_ms != INT64_MAX && !look_is_coming)
        wake = smaller(wake, agent->looked_mono_ms + every_ms);
    /* What is overdue waits for a lane that is busy: its end wakes the driver anyway. */
    if (agent->mail_may_wait && agent->mail_retry_mono_ms > mono_ms)
        wake = smaller(wake, agent->mail_retry_mono_ms);
    if (agent->store_failing && agent->store_retry_mono_ms > mono_ms)
        wake = smaller(wake, agent->store_retry_mono_ms);
    return wake;
}

void agent_wake(struct agent *agent)
{
    int64_t every_ms = engine_look_every_ms(agent->engine);
    if (every_ms != INT64_MAX && os_mono_ms(agent->os) >= agent->looked_mono_ms + every_ms)
        agent->look_due = true;
    if (!agent->stopping)
        watch_over_commit(agent); /* a start waits for it, and the next poll may be an hour away */
}

void agent_tell_no_control(struct agent *agent, const char *why)
{
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    text_add(&text,
             "The control pipe cannot be opened: %s. Another storewatch may run on this machine, or another "
             "program may hold its name. This one watches and acts; \"status\", \"restart\" and "
             "\"maintenance\" do not reach it.",
             why);
    agent_tell(agent, ALERT_NO_CONTROL, storage);
}

void agent_stop(struct agent *agent, bool os_shutdown)
{
    if (agent->stopping)
        return;
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    text_add(&text, "%s.", os_shutdown ? "The system shuts down" : "The service was asked to stop");
    if (engine_restarting(agent->engine))
        text_add(&text, " A restart of %s is under way (%s); the next start of storewatch goes on with it.",
                 agent->engine->restart.journal.target,
                 restart_phase_name(agent->engine->restart.journal.phase));
    agent_tell(agent, ALERT_STOPPED, storage);
    if (agent->store) /* else what was saved before has not been read yet, and would be overwritten */
        transaction_put_budget(agent->pending, agent->engine);
    agent->pending_dirty = true;
    agent->store_retry_mono_ms = 0; /* a disk that fails gets one more try, now */
    agent->metrics_due = agent->engine->config.metrics_textfile[0] != '\0';
    agent->stopping = true;
}

bool agent_is_quiet(const struct agent *agent)
{
    for (size_t lane = 0; lane < LANE_COUNT; lane++)
        if (agent->jobs[lane].busy && lane != LANE_MAIL && lane != LANE_CONTROL && lane != LANE_MODULES &&
            lane != LANE_EVIDENCE && lane != LANE_CONFIG)
            return false;
    bool saved = !agent->pending_dirty || agent->store_failing || !agent->store;
    return saved && agent->event_count == 0 && !agent->metrics_due && !agent->metrics_gone[0];
}

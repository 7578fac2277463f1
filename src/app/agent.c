/* agent.c - see agent.h. What happens on the loop: nothing here blocks.
 *
 * Invariants: `pending` takes every record of a step before anything of that step leaves; it becomes `flying`
 * while the STORE lane commits it, and comes back in front of what was added meanwhile when the commit fails.
 * A lane's job is touched by the loop only while it is not busy. */
#include "agent_internal.h"

#include "storewatch/advice.h"

#include <stdlib.h>
#include <string.h>

#define STORE_RETRY_MS (5 * MS_PER_SECOND)
/* A commit takes milliseconds; a disk that needs longer than this is not working. */
#define STORE_HANG_MS (10 * MS_PER_SECOND)
/* A look that takes longer than so many polls, and at least so long, is told. */
#define LOOK_OVERDUE_POLLS 5
#define LOOK_OVERDUE_MIN_MS (30 * MS_PER_SECOND)
#define STORE_MAINTAIN_MS (2 * MS_PER_MINUTE)
#define MAIL_BACKOFF_FIRST_MS (5 * MS_PER_SECOND)
#define MAIL_BACKOFF_LAST_MS (10 * MS_PER_MINUTE)

static struct clock clock_now(const struct agent *agent)
{
    struct clock clock = {.mono_ms = os_mono_ms(agent->os), .utc_ms = os_utc_ms(agent->os)};
    os_local_time(agent->os, clock.utc_ms, &clock.weekday, &clock.minute_of_day);
    return clock;
}

/* ---- making and freeing ---- */

static enum status allocate(struct agent *agent)
{
    bool ok = (agent->actions = calloc(1, sizeof *agent->actions)) &&
              (agent->pending = calloc(1, sizeof *agent->pending)) &&
              (agent->flying = calloc(1, sizeof *agent->flying)) &&
              (agent->mail_config = calloc(1, sizeof *agent->mail_config)) &&
              (agent->discovery = calloc(1, sizeof *agent->discovery)) &&
              (agent->events = calloc(EVENTS_MAX, sizeof *agent->events)) &&
              (agent->jobs[LANE_EVENT].events = calloc(EVENTS_MAX, sizeof *agent->events)) &&
              (agent->jobs[LANE_EVENT].loaded = calloc(1, sizeof(struct config))) &&
              (agent->jobs[LANE_EVENT].findings = calloc(1, sizeof(struct config_findings))) &&
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
    agent->look_due = true; /* the first one opens the store */
    *out_agent = agent;
    return STATUS_OK;
}

static void transaction_deinit(struct transaction *transaction)
{
    for (size_t i = 0; transaction && i < transaction->mail_count; i++)
        mail_deinit(&transaction->mails[i].mail);
    free(transaction);
}

void agent_free(struct agent *agent)
{
    if (!agent)
        return;
    store_close(agent->store);
    engine_free(agent->engine);
    transaction_deinit(agent->pending);
    transaction_deinit(agent->flying);
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
    free(agent->jobs[LANE_EVENT].loaded);
    free(agent->jobs[LANE_EVENT].findings);
    free(agent->events);
    free(agent->mail_config);
    free(agent->discovery);
    free(agent->jobs[LANE_MODULES].processes);
    free(agent->actions);
    observation_free(agent->observations[0]);
    observation_free(agent->observations[1]);
    free(agent);
}

/* ---- records ---- */

static void put_sample(struct agent *agent, const struct watched *item, enum metric metric, int64_t utc_ms)
{
    struct transaction *pending = agent->pending;
    if (pending->sample_count == TRANSACTION_SAMPLES_MAX) {
        size_t dropped = TRANSACTION_SAMPLES_MAX / 4;
        memmove(pending->samples, pending->samples + dropped,
                (TRANSACTION_SAMPLES_MAX - dropped) * sizeof pending->samples[0]);
        pending->sample_count -= dropped;
        agent->samples_dropped += dropped;
    }
    struct pending_sample *sample = &pending->samples[pending->sample_count++];
    sample->key.target_kind = item->kind;
    text_copy(sample->key.target, sizeof sample->key.target, item->target);
    text_copy(sample->key.image, sizeof sample->key.image, item->image);
    sample->key.process = item->process;
    sample->key.metric = metric;
    sample->utc_ms = utc_ms;
    sample->value = item->now[metric];
    agent->pending_dirty = true;
}

static void put_samples(struct agent *agent, int64_t utc_ms)
{
    const struct watch *watch = &agent->engine->watch;
    for (size_t i = 0; i < watch->count; i++)
        for (size_t m = 0; m < METRIC_COUNT; m++)
            if (watch->items[i].present && watch->items[i].detectors[m])
                put_sample(agent, &watch->items[i], (enum metric)m, utc_ms);
}

static void put_incident(struct transaction *transaction, const struct incident *incident)
{
    for (size_t i = 0; i < transaction->incident_count; i++)
        if (transaction->incidents[i].id == incident->id) {
            transaction->incidents[i] = *incident;
            return;
        }
    if (transaction->incident_count < ARRAY_COUNT(transaction->incidents))
        transaction->incidents[transaction->incident_count++] = *incident;
}

/* The event log does not take them: the oldest that only informs goes, else the oldest. */
static void drop_an_event(struct agent *agent)
{
    size_t victim = 0;
    for (size_t i = 0; i < agent->event_count; i++)
        if (alert_wording_get(agent->events[i].kind)->severity == SEVERITY_INFORMATION) {
            victim = i;
            break;
        }
    agent->events_dropped++;
    agent->event_count--;
    memmove(agent->events + victim, agent->events + victim + 1,
            (agent->event_count - victim) * sizeof agent->events[0]);
}

static void put_event(struct agent *agent, const struct alert *alert)
{
    if (agent->event_count == EVENTS_MAX)
        drop_an_event(agent);
    struct event_line *line = &agent->events[agent->event_count++];
    line->kind = alert->kind;
    struct text text = text_on(line->text, sizeof line->text);
    report_event(alert, &text);
    struct recent_event *recent = &agent->recent[agent->recent_next++ % RECENT_EVENTS_MAX];
    recent->utc_ms = alert->utc_ms;
    recent->kind = alert->kind;
    /* Progress says it in its own words; the first line of the others says it all. */
    struct text words = text_on(recent->text, sizeof recent->text);
    const char *said = alert->kind == ALERT_RESTART_PROGRESS ? alert->text : line->text;
    text_add(&words, "%.*s", (int)strcspn(said, "\n"), said);
}

/* Neither the store nor a relay has taken anything for long: what repeats or informs goes first, else the
 * oldest. */
static void drop_a_mail(struct agent *agent, struct transaction *from)
{
    size_t victim = 0;
    for (size_t i = 0; i < from->mail_count; i++)
        if (from->mails[i].kind == ALERT_REMINDER ||
            alert_wording_get(from->mails[i].kind)->severity == SEVERITY_INFORMATION) {
            victim = i;
            break;
        }
    mail_deinit(&from->mails[victim].mail);
    agent->mails_dropped++;
    from->mail_count--;
    memmove(from->mails + victim, from->mails + victim + 1,
            (from->mail_count - victim) * sizeof from->mails[0]);
}

static bool mail_configured(const struct config *config)
{
    return config->recipient_count > 0 && config->relay_count > 0;
}

static void put_alert(struct agent *agent, const struct alert *alert)
{
    put_event(agent, alert);
    struct transaction *pending = agent->pending;
    if (!alert_wording_get(alert->kind)->mailed || !mail_configured(&agent->engine->config))
        return;
    if (pending->mail_count == TRANSACTION_MAILS_MAX)
        drop_a_mail(agent, pending);
    struct pending_mail *queued = &pending->mails[pending->mail_count];
    if (report_mail(alert, agent->engine->config.subject_prefix, &queued->mail) != STATUS_OK)
        return; /* without memory for a mail the event still tells */
    pending->mail_count++;
    queued->kind = alert->kind;
    queued->incident_id = alert->has_incident ? alert->incident.id : 0;
    queued->utc_ms = alert->utc_ms;
    agent->pending_dirty = true;
    agent->mail_may_wait = true;
}

/* An alert of the agent's own: about itself, not about the machine. */
static void tell(struct agent *agent, enum alert_kind kind, const char *text)
{
    struct alert *alert = calloc(1, sizeof *alert);
    if (!alert)
        return;
    alert->kind = kind;
    alert->utc_ms = os_utc_ms(agent->os);
    text_copy(alert->host_name, sizeof alert->host_name, agent->facts.host_name);
    text_copy(alert->text, sizeof alert->text, text);
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld", alert_wording_get(kind)->name, (long long)alert->utc_ms);
    advice_add(alert, &agent->engine->config, false);
    put_alert(agent, alert);
    free(alert);
}

static void put_budget(struct transaction *transaction, const struct engine *engine)
{
    transaction->has_budget = true;
    transaction->budget_count = engine->budget_count;
    memcpy(transaction->budget, engine->budget, engine->budget_count * sizeof engine->budget[0]);
}

/* ---- the engine's actions ---- */

static void take_actions(struct agent *agent)
{
    const struct actions *actions = agent->actions;
    struct transaction *pending = agent->pending;
    for (size_t i = 0; i < actions->incident_count; i++)
        put_incident(pending, &actions->incidents[i]);
    if (actions->save_restart) {
        pending->has_restart = true;
        pending->restart = actions->restart;
    }
    if (actions->save_budget)
        put_budget(pending, agent->engine);
    for (size_t i = 0; i < actions->alert_count; i++)
        put_alert(agent, &actions->alerts[i]);
    agent->pending_dirty |= actions->incident_count || actions->save_restart || actions->save_budget;
    if (actions->request.kind != ENGINE_NOTHING) {
        agent->request = actions->request;
        agent->request_after = agent->pending_dirty ? agent->pending_sequence : agent->pending_sequence - 1;
    }
}

static void engine_is_told(struct agent *agent, enum status status, const struct err *err,
                           struct service_graph *graph)
{
    struct engine_request request = agent->request;
    agent->request.kind = ENGINE_NOTHING;
    engine_told(agent->engine, &request, status, err, graph, agent->observations[agent->latest],
                clock_now(agent), agent->actions);
    take_actions(agent);
}

/* ---- looks ---- */

static void take_look_job(struct agent *agent, struct job *job)
{
    agent->look_begun_mono_ms = os_mono_ms(agent->os);
    agent->look_due = false;
    job->kind = agent->opened ? JOB_LOOK : JOB_OPEN;
    job->observation = agent->observations[1 - agent->latest];
    job->sample_due = agent->look_is_sample && agent->opened;
    agent->look_is_sample = false;
    job->limit_count = 0;
    for (size_t i = 0; i < agent->engine->watch.count && job->limit_count < LIMITS_PER_LOOK; i++)
        if (agent->engine->watch.items[i].address_limit_wanted)
            job->limits[job->limit_count++] =
                (struct limit_question){agent->engine->watch.items[i].process, NAN};
}

static void take_limits(struct agent *agent, const struct job *job)
{
    for (size_t i = 0; i < job->limit_count; i++) {
        struct watched *item = watch_find(&agent->engine->watch, job->limits[i].process);
        if (!item)
            continue;
        item->address_limit_wanted = false;
        item->address_limit_bytes = job->limits[i].bytes;
    }
}

/* ---- the search for MAPI clients ---- */

/* 40 slots: 10 minutes with the default interval, and never more seldom. */
#define SEARCH_EVERY_SLOTS 40
#define SEARCH_EVERY_MAX_MS (10 * MS_PER_MINUTE)

/* Changes when a process comes or goes, whatever their order. */
static uint64_t population_of(const struct observation *observation)
{
    uint64_t sum = observation->process_count;
    for (size_t i = 0; i < observation->process_count; i++) {
        const struct process_id *id = &observation->processes[i].id;
        sum += (id->created_100ns ^ id->pid) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return sum;
}

static bool search_all_due(const struct agent *agent)
{
    int64_t every_ms = SEARCH_EVERY_SLOTS * agent->engine->config.interval_ms;
    every_ms = every_ms < SEARCH_EVERY_MAX_MS ? every_ms : SEARCH_EVERY_MAX_MS;
    return !agent->searched || os_mono_ms(agent->os) - agent->searched_mono_ms >= every_ms;
}

static void see_whether_to_search(struct agent *agent)
{
    const struct observation *observation = agent->observations[agent->latest];
    if (observation->processes_known)
        agent->search_due = agent->search.waiting > 0 || search_all_due(agent) ||
                            population_of(observation) != agent->population;
}

/* Grows and stays: a steady search allocates nothing. */
static bool room_for_processes(struct job *job, size_t count)
{
    if (count <= job->process_capacity)
        return true;
    struct process *larger = realloc(job->processes, (count + 32) * sizeof *larger);
    if (!larger)
        return false;
    job->processes = larger;
    job->process_capacity = count + 32;
    return true;
}

/* Who is not registered counts only with discover_clients; what the registered ones have loaded always. */
static bool take_modules_job(struct agent *agent, struct job *job)
{
    const struct observation *observation = agent->observations[agent->latest];
    if (!agent->search_due || agent->stopping)
        return false;
    agent->search_due = false;
    if (!room_for_processes(job, observation->process_count))
        return false; /* the next slot tries again */
    job->process_count = 0;
    for (size_t i = 0; i < observation->process_count; i++)
        if (agent->engine->config.discover_clients ||
            watch_find(&agent->engine->watch, observation->processes[i].id))
            job->processes[job->process_count++] = observation->processes[i];
    job->kind = JOB_MODULES;
    job->discovery = agent->discovery;
    job->again = search_all_due(agent);
    if (job->again)
        agent->searched_mono_ms = os_mono_ms(agent->os);
    agent->searched = true;
    agent->population = population_of(observation);
    return true;
}

static void modules_done(struct agent *agent, struct job *job)
{
    const struct discovery *discovery = agent->discovery;
    agent->search = (struct agent_search){.took_ms = job->took_ms,
                                          .looked = discovery->looked_count,
                                          .closed = discovery->closed_count,
                                          .waiting = discovery->waiting,
                                          .left_out = discovery->left_out};
    watch_set_found(&agent->engine->watch, discovery->found, discovery->found_count);
}

static void look_done(struct agent *agent, struct job *job)
{
    agent->latest = 1 - agent->latest;
    agent->looked_mono_ms = job->observation->mono_ms;
    if (agent->look_overdue) {
        agent->look_overdue = false;
        tell(agent, ALERT_SIGHT_BACK, "The look has returned.");
    }
    take_limits(agent, job);
    text_copy(agent->look_error, sizeof agent->look_error,
              job->err.text); /* a look in part may succeed and say so */
    if (agent->stopping)
        return;
    agent->engine->journal_writable = !agent->store_failing && agent->store;
    engine_step(agent->engine, job->observation, clock_now(agent), job->sample_due, agent->actions);
    if (job->sample_due) {
        put_samples(agent, job->observation->utc_ms);
        see_whether_to_search(agent);
    }
    take_actions(agent);
    agent->metrics_due |= job->sample_due && agent->engine->config.metrics_textfile[0];
}

/* A disk that takes one commit and refuses the next is told of once a reminder, not at each failure. */
static void tell_store_failing(struct agent *agent, const char *text)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    bool told_lately =
        agent->store_told && mono_ms - agent->store_told_mono_ms < agent->engine->config.reminder_ms;
    agent->store_failing = true;
    agent->engine->journal_writable = false;
    agent->store_retry_mono_ms = mono_ms + STORE_RETRY_MS;
    text_copy(agent->store_error, sizeof agent->store_error, text);
    if (told_lately)
        return;
    agent->store_told = true;
    agent->store_told_mono_ms = mono_ms;
    tell(agent, ALERT_STORE_FAILING, text);
}

/* What was saved goes into the engine; without it, the ids of new incidents must not meet those in a file
 * that may still be opened later: they begin at the time of day in seconds. */
static void take_store(struct agent *agent, struct job *job)
{
    if (job->set_aside[0]) {
        char storage[1024];
        struct text line = text_on(storage, sizeof storage);
        text_add(&line, "The old file is kept as %s.", job->set_aside);
        if (job->opened)
            text_add(&line, " %s", store_set_aside_reason_get(job->opened));
        tell(agent, ALERT_STORE_SET_ASIDE, storage);
        job->set_aside[0] = '\0';
    }
    if (!job->opened) {
        if (agent->engine->last_incident_id == 0)
            agent->engine->last_incident_id = os_utc_ms(agent->os) / MS_PER_SECOND;
        tell_store_failing(agent, job->err.text);
        return;
    }
    agent->store = job->opened;
    job->opened = NULL;
    const struct restored *restored = job->restored;
    struct clock clock = clock_now(agent);
    engine_restore_incidents(agent->engine, restored->incidents, restored->incident_count,
                             restored->last_incident_id, clock);
    engine_restore_restarts(agent->engine, restored->restarts, restored->restart_count, clock.mono_ms);
    engine_restore_budget(agent->engine, restored->budget, restored->budget_count);
    if (!agent->pending->has_maintenance) { /* else a person was faster than the disk */
        agent->engine->maintenance_until_utc_ms = restored->maintenance_until_utc_ms;
        text_copy(agent->maintenance_reason, sizeof agent->maintenance_reason, restored->maintenance_reason);
    }
    free(job->restored);
    job->restored = NULL;
    agent->mail_may_wait = true;
}

static void open_done(struct agent *agent, struct job *job)
{
    agent->opened = true;
    agent->latest = 1 - agent->latest;
    const struct config *config = &agent->engine->config;
    char storage[1024];
    struct text line = text_on(storage, sizeof storage);
    text_add(&line, "Watching %s and %zu registered client%s every ", config->store_service,
             config->client_count, config->client_count == 1 ? "" : "s");
    text_add_duration(&line, config->interval_ms);
    text_add(&line, ", mode \"%s\"%s, version %s, on %s.", config->mode == MODE_ACT ? "act" : "alert",
             agent->engine->dry_run ? " (dry run)" : "", STOREWATCH_VERSION, agent->facts.os_text);
    tell(agent, ALERT_STARTED, storage);
    take_store(agent, job);
    if (agent->store && job->status != STATUS_OK) /* open, but its samples could not be read back */
        tell_store_failing(agent, job->err.text);
}

/* A file that was opened later than the engine began knows less than the engine: all that must survive goes
 * in. */
static void put_everything(struct agent *agent)
{
    const struct engine *engine = agent->engine;
    struct transaction *pending = agent->pending;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id)
            put_incident(pending, &engine->incidents[i].incident);
    if (engine_restarting(engine)) {
        pending->has_restart = true;
        pending->restart = engine->restart.journal;
    }
    put_budget(pending, engine);
    agent->pending_dirty = true;
}

static void reopen_done(struct agent *agent, struct job *job)
{
    take_store(agent, job);
    if (!agent->store)
        return;
    put_everything(agent);
    agent->store_failing = false;
    agent->store_error[0] = '\0';
}

/* ---- the store ---- */

/* Is the MAIL lane free for a mail that may lie in the outbox? */
static bool wants_a_mail(const struct agent *agent, int64_t mono_ms)
{
    return agent->mail_may_wait && !agent->mail_ready && !agent->jobs[LANE_MAIL].busy &&
           mono_ms >= agent->mail_retry_mono_ms && !agent->stopping;
}

static void take_commit_job(struct agent *agent, struct job *job)
{
    struct transaction *empty = agent->flying;
    agent->flying = agent->pending;
    agent->pending = empty;
    agent->pending_dirty = false;
    int64_t mono_ms = os_mono_ms(agent->os);
    job->kind = JOB_COMMIT;
    job->transaction = agent->flying;
    job->sequence = agent->pending_sequence++;
    job->maintain = mono_ms - agent->maintained_mono_ms >= STORE_MAINTAIN_MS;
    if (job->maintain)
        agent->maintained_mono_ms = mono_ms;
    job->load_mail = wants_a_mail(agent, mono_ms);
    job->after_id = agent->mail_after_id;
    job->mail_found = false;
}

static void transaction_clear(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->mail_count; i++)
        mail_deinit(&transaction->mails[i].mail);
    transaction->sample_count = transaction->incident_count = transaction->mail_count = 0;
    transaction->has_restart = transaction->has_budget = transaction->has_maintenance = false;
    transaction->outcome.outbox_id = 0;
}

/* What could not be committed goes in front of what came meanwhile: the newer record of the same thing wins.
 */
static void transaction_put_back(struct agent *agent)
{
    struct transaction *older = agent->flying, *newer = agent->pending;
    for (size_t i = 0; i < newer->incident_count; i++)
        put_incident(older, &newer->incidents[i]);
    if (newer->has_restart) {
        older->has_restart = true;
        older->restart = newer->restart;
    }
    if (newer->has_budget) {
        older->has_budget = true;
        older->budget_count = newer->budget_count;
        memcpy(older->budget, newer->budget, sizeof newer->budget);
    }
    if (newer->has_maintenance) {
        older->has_maintenance = true;
        older->maintenance_until_utc_ms = newer->maintenance_until_utc_ms;
        memcpy(older->maintenance_reason, newer->maintenance_reason, sizeof newer->maintenance_reason);
    }
    if (newer->outcome.outbox_id)
        older->outcome = newer->outcome;
    while (older->mail_count + newer->mail_count > TRANSACTION_MAILS_MAX)
        drop_a_mail(agent, older->mail_count ? older : newer);
    memcpy(older->mails + older->mail_count, newer->mails, newer->mail_count * sizeof newer->mails[0]);
    older->mail_count += newer->mail_count;
    newer->mail_count = 0; /* they belong to `older` now */
    /* Samples are the first thing to go when the disk is full. */
    agent->samples_dropped += older->sample_count;
    memcpy(older->samples, newer->samples, newer->sample_count * sizeof newer->samples[0]);
    older->sample_count = newer->sample_count;
    transaction_clear(newer);
    agent->pending = older;
    agent->flying = newer;
    agent->pending_dirty = true;
}

/* Without a journal nothing is stopped; what is down is brought up all the same. */
static void answer_without_journal(struct agent *agent)
{
    if (agent->request.kind == ENGINE_STOP_SERVICE && agent->request_after > agent->committed_sequence) {
        struct err err = {0};
        err_set(&err, STATUS_BUSY, "journal", 0, "the restart journal cannot be written: %s",
                agent->store_error);
        engine_is_told(agent, STATUS_BUSY, &err, NULL);
    }
}

/* A file found damaged while it is in use is opened anew, which sets it aside; the id of new incidents goes
 * on. */
static void commit_failed(struct agent *agent, const struct job *job)
{
    if (job->status == STATUS_CORRUPT) {
        agent->jobs[LANE_STORE].broken = agent->store;
        agent->store = NULL;
    }
    transaction_put_back(agent);
    tell_store_failing(agent, job->err.text);
    answer_without_journal(agent);
}

static bool incident_is_held(const struct agent *agent, int64_t incident_id)
{
    for (size_t i = 0; incident_id && i < agent->held_count; i++)
        if (agent->held_incidents[i] == incident_id)
            return true;
    return false;
}

/* A round over the outbox ends with something left in it: the next begins when the back-off has passed. */
static void end_mail_round(struct agent *agent)
{
    agent->mail_after_id = 0;
    agent->held_count = 0;
    agent->mail_may_wait = true;
    agent->mail_backoff_ms = agent->mail_backoff_ms ? agent->mail_backoff_ms * 2 : MAIL_BACKOFF_FIRST_MS;
    if (agent->mail_backoff_ms > MAIL_BACKOFF_LAST_MS)
        agent->mail_backoff_ms = MAIL_BACKOFF_LAST_MS;
    agent->mail_retry_mono_ms = os_mono_ms(agent->os) + agent->mail_backoff_ms;
}

static void take_loaded_mail(struct agent *agent, struct job *job)
{
    agent->mails_pending = job->mails_pending;
    if (!job->mail_found) {
        if (agent->held_count > 0) {
            end_mail_round(agent);
            return;
        }
        agent->mail_after_id = 0;
        agent->mail_may_wait = agent->pending->mail_count > 0;
        return;
    }
    job->mail_found = false;
    if (incident_is_held(agent, job->entry.incident_id)) {
        agent->mail_after_id = job->entry.id; /* its incident has an earlier mail to be tried again: order */
        outbox_entry_deinit(&job->entry);
        return;
    }
    agent->next_mail = job->entry;
    agent->mail_ready = true;
}

static void commit_done(struct agent *agent, struct job *job)
{
    if (job->status != STATUS_OK) {
        commit_failed(agent, job);
        return;
    }
    if (agent->store_failing)
        agent->store_error[0] = '\0';
    agent->store_failing = false;
    agent->committed_sequence = job->sequence;
    transaction_clear(agent->flying);
    if (job->load_mail)
        take_loaded_mail(agent, job);
}

/* ---- mail ---- */

/* The cap of mails an hour never delays an error: it exists against floods, not against news. */
static bool cap_allows(const struct agent *agent, enum severity severity)
{
    uint32_t max = agent->engine->config.max_per_hour;
    if (severity == SEVERITY_ERROR || max == 0)
        return true;
    size_t ring = ARRAY_COUNT(agent->sent_mono_ms);
    int64_t hour_ago = os_mono_ms(agent->os) - MS_PER_HOUR;
    uint32_t sent = 0;
    for (size_t i = 0; i < ring; i++)
        sent += agent->sent_mono_ms[i] != 0 && agent->sent_mono_ms[i] > hour_ago;
    return sent < max && sent < ring;
}

/* While the history file cannot be written, mails leave from memory: news of a full disk must not wait for
 * it. */
static bool take_mail_from_memory(struct agent *agent)
{
    struct transaction *pending = agent->pending;
    if (!agent->store_failing || pending->mail_count == 0 ||
        os_mono_ms(agent->os) < agent->mail_retry_mono_ms)
        return false;
    struct pending_mail *first = &pending->mails[0];
    if (!cap_allows(agent, alert_wording_get(first->kind)->severity))
        return false; /* taken out, it would be in no transaction and lost with the process */
    agent->next_mail = (struct outbox_entry){.incident_id = first->incident_id,
                                             .kind = first->kind,
                                             .severity = alert_wording_get(first->kind)->severity,
                                             .queued_utc_ms = first->utc_ms,
                                             .mail = first->mail};
    pending->mail_count--;
    memmove(pending->mails, pending->mails + 1, pending->mail_count * sizeof pending->mails[0]);
    agent->mail_ready = true;
    return true;
}

/* Behind a mail that the cap holds back there may be an error, which it does not hold back. Later mails of
 * the same incident wait behind it: order. */
static void pass_over_mail(struct agent *agent)
{
    if (agent->next_mail.id == 0)
        return; /* from memory: tried again at the next look */
    if (agent->held_count < ARRAY_COUNT(agent->held_incidents))
        agent->held_incidents[agent->held_count++] = agent->next_mail.incident_id;
    agent->mail_after_id = agent->next_mail.id;
    agent->mail_may_wait = true;
    outbox_entry_deinit(&agent->next_mail);
    agent->mail_ready = false;
}

static bool take_mail_job(struct agent *agent, struct job *job)
{
    if (agent->stopping || (!agent->mail_ready && !take_mail_from_memory(agent)))
        return false;
    if (!cap_allows(agent, agent->next_mail.severity)) {
        pass_over_mail(agent);
        return false;
    }
    job->kind = JOB_MAIL;
    job->sending = agent->next_mail;
    job->config = agent->mail_config;
    agent->mail_ready = false;
    return true;
}

/* A mail from memory that could not be sent goes back to the front of the queue. */
static void put_mail_back(struct agent *agent, struct job *job)
{
    struct transaction *pending = agent->pending;
    if (pending->mail_count == TRANSACTION_MAILS_MAX) {
        outbox_entry_deinit(&job->sending);
        return;
    }
    memmove(pending->mails + 1, pending->mails, pending->mail_count * sizeof pending->mails[0]);
    pending->mails[0] = (struct pending_mail){job->sending.mail, job->sending.kind, job->sending.incident_id,
                                              job->sending.queued_utc_ms};
    pending->mail_count++;
}

static void mail_done(struct agent *agent, struct job *job)
{
    const struct mail_outcome *outcome = &job->outcome;
    bool from_memory = job->sending.id == 0;
    text_copy(agent->mail_answer, sizeof agent->mail_answer, outcome->answer);
    if (outcome->state == MAIL_PENDING && from_memory) {
        put_mail_back(agent, job);
        end_mail_round(agent);
        return;
    }
    if (!from_memory) {
        agent->pending->outcome = *outcome;
        agent->pending_dirty = true;
    }
    agent->mail_may_wait = true;
    if (outcome->state == MAIL_PENDING) {
        agent->mail_after_id = job->sending.id;
        if (job->relay_answered && agent->held_count < ARRAY_COUNT(agent->held_incidents))
            agent->held_incidents[agent->held_count++] = job->sending.incident_id;
        else
            end_mail_round(agent); /* no relay can be reached: the others need not be tried either */
    } else {
        agent->mail_after_id = job->sending.id;
        agent->mail_backoff_ms = 0;
        agent->mails_sent += outcome->state == MAIL_SENT;
        agent->mails_dead += outcome->state == MAIL_DEAD;
        agent->sent_mono_ms[agent->sent_next++ % ARRAY_COUNT(agent->sent_mono_ms)] = os_mono_ms(agent->os);
    }
    outbox_entry_deinit(&job->sending);
}

/* ---- control and events ---- */

static bool take_control_job(struct agent *agent, struct job *job)
{
    if (agent->request.kind == ENGINE_NOTHING || agent->stopping)
        return false;
    bool committed = agent->committed_sequence >= agent->request_after;
    bool may_go_unsaved = agent->store_failing && agent->request.kind != ENGINE_STOP_SERVICE;
    if (!committed && !may_go_unsaved) {
        if (agent->store_failing)
            answer_without_journal(agent);
        return false;
    }
    job->kind = JOB_CONTROL;
    job->request = agent->request;
    return true;
}

static bool take_event_job(struct agent *agent, struct job *job)
{
    if (agent->reload_due && agent->opened && !agent->stopping) { /* until then JOB_OPEN has the engine */
        agent->reload_due = false;
        job->kind = JOB_RELOAD;
        return true;
    }
    if (agent->event_count == 0 && !agent->metrics_due)
        return false;
    struct event_line *empty = job->events;
    job->kind = JOB_EVENTS;
    job->events = agent->events;
    job->event_count = agent->event_count;
    agent->events = empty;
    agent->event_count = 0;
    job->metrics = agent->metrics_due ? agent_metrics_text(agent) : NULL;
    text_copy(job->metrics_path, sizeof job->metrics_path, agent->engine->config.metrics_textfile);
    agent->metrics_due = false;
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
}

static void reload_done(struct agent *agent, struct job *job)
{
    char storage[1024];
    struct text text = text_on(storage, sizeof storage);
    if (job->status != STATUS_OK) {
        say_findings(&text, agent->config_path, job->findings);
        if (text.length == 0)
            text_add(&text, "%s", job->err.text);
        tell(agent, ALERT_CONFIG_REFUSED, storage);
        return;
    }
    if (strcmp(job->loaded->data_dir, agent->engine->config.data_dir) != 0)
        text_add(&text, "data_dir is taken over at the next start of the service, not now. ");
    engine_configure(agent->engine, job->loaded);
    if (!agent->jobs[LANE_MAIL].busy)
        *agent->mail_config = *job->loaded;
    agent->mail_retry_mono_ms = 0; /* perhaps it was the relay that was mended */
    agent->mail_backoff_ms = 0;
    text_add(&text, "%s is in force.", agent->config_path);
    tell(agent, ALERT_CONFIG_RELOADED, storage);
}

/* ---- asked for by a person ---- */

enum status agent_maintenance(struct agent *agent, int64_t until_utc_ms, const char *reason, struct err *err)
{
    int64_t utc_ms = os_utc_ms(agent->os);
    if (until_utc_ms > utc_ms + MAINTENANCE_MAX_MS)
        return err_set(err, STATUS_INVALID, "maintenance", 0, "maintenance lasts 30 days at the most");
    struct transaction *pending = agent->pending;
    agent->engine->maintenance_until_utc_ms = until_utc_ms;
    text_copy(agent->maintenance_reason, sizeof agent->maintenance_reason, reason);
    pending->has_maintenance = true;
    pending->maintenance_until_utc_ms = until_utc_ms;
    text_copy(pending->maintenance_reason, sizeof pending->maintenance_reason, reason);
    agent->pending_dirty = true;
    char storage[ALERT_LINE_MAX * 2];
    struct text text = text_on(storage, sizeof storage);
    if (until_utc_ms > utc_ms) {
        text_add(&text, "Until ");
        text_add_time_human(&text, until_utc_ms);
        text_add(&text, ": %s", reason);
    }
    tell(agent, until_utc_ms > utc_ms ? ALERT_MAINTENANCE_ON : ALERT_MAINTENANCE_OFF, storage);
    return STATUS_OK;
}

enum status agent_restart(struct agent *agent, const char *service, const char *reason, struct err *err)
{
    if (agent->stopping || !agent->opened || agent->request.kind != ENGINE_NOTHING)
        return err_set(err, STATUS_BUSY, "restart", 0, "storewatch is busy: try again in a moment");
    enum status status = engine_restart_by_hand(agent->engine, service, reason, agent->actions, err);
    if (!status)
        take_actions(agent);
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

/* A look that does not return (a hung SCM) is blindness like one that fails, and is told once. */
static void watch_over_look(struct agent *agent)
{
    if (!agent->jobs[LANE_LOOK].busy || agent->look_overdue)
        return;
    int64_t bound_ms = LOOK_OVERDUE_POLLS * agent_interval_ms(agent);
    if (bound_ms < LOOK_OVERDUE_MIN_MS)
        bound_ms = LOOK_OVERDUE_MIN_MS;
    int64_t since_ms = os_mono_ms(agent->os) - agent->look_begun_mono_ms;
    if (since_ms < bound_ms)
        return;
    agent->look_overdue = true;
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    text_add(&text, "A look at the processes and services has not returned for ");
    text_add_duration(&text, since_ms);
    text_add(&text, ": the service control manager may hang.");
    tell(agent, ALERT_BLIND, storage);
}

/* A commit that does not return (a hung disk) is a history file that cannot be written: services are started
 * and mails sent all the same. When it does return, everything is as it was. */
static void watch_over_commit(struct agent *agent)
{
    if (agent->jobs[LANE_STORE].busy && !agent->store_failing &&
        os_mono_ms(agent->os) - agent->store_begun_mono_ms >= STORE_HANG_MS) {
        tell_store_failing(agent, "the disk has not answered for 10 s");
        answer_without_journal(agent);
    }
}

void agent_poll(struct agent *agent)
{
    if (agent->stopping)
        return;
    watch_over_look(agent);
    watch_over_commit(agent);
    if (agent->look_due && agent->look_is_sample)
        agent->missed_slots++;
    agent->look_due = true;
    agent->look_is_sample = true;
}

/* ---- lanes ---- */

static bool take_store_job(struct agent *agent, struct job *job)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    bool retry_later = agent->store_failing && mono_ms < agent->store_retry_mono_ms && !agent->stopping;
    if (!agent->opened || retry_later || (!agent->store && agent->stopping))
        return false;
    agent->store_begun_mono_ms = mono_ms;
    if (!agent->store) {
        job->kind = JOB_REOPEN;
        return true;
    }
    if (!agent->pending_dirty && !wants_a_mail(agent, mono_ms))
        return false;
    take_commit_job(agent, job);
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
            take_look_job(agent, job);
        break;
    case LANE_STORE:
        ready = take_store_job(agent, job);
        break;
    case LANE_CONTROL:
        ready = take_control_job(agent, job);
        break;
    case LANE_MAIL:
        ready = take_mail_job(agent, job);
        break;
    case LANE_EVENT:
        ready = take_event_job(agent, job);
        break;
    case LANE_MODULES:
        ready = take_modules_job(agent, job);
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
    }
}

void agent_job_done(struct agent *agent, struct job *job)
{
    job->busy = false;
    switch (job->kind) {
    case JOB_OPEN:
        open_done(agent, job);
        break;
    case JOB_REOPEN:
        reopen_done(agent, job);
        break;
    case JOB_LOOK:
        look_done(agent, job);
        break;
    case JOB_COMMIT:
        commit_done(agent, job);
        break;
    case JOB_CONTROL:
        engine_is_told(agent, job->status, &job->err, &job->graph);
        service_graph_deinit(&job->graph);
        break;
    case JOB_MAIL:
        mail_done(agent, job);
        if (!agent->stopping)
            *agent->mail_config = agent->engine->config;
        break;
    case JOB_EVENTS:
        break;
    case JOB_RELOAD:
        reload_done(agent, job);
        break;
    case JOB_MODULES:
        modules_done(agent, job);
        break;
    }
}

/* ---- waking and stopping ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t agent_next_wake_mono_ms(const struct agent *agent)
{
    int64_t wake = INT64_MAX;
    int64_t every_ms = engine_look_every_ms(agent->engine);
    int64_t mono_ms = os_mono_ms(agent->os);
    bool look_is_coming = agent->look_due || agent->jobs[LANE_LOOK].busy || agent->stopping;
    if (every_ms != INT64_MAX && !look_is_coming)
        wake = earlier(wake, agent->looked_mono_ms + every_ms);
    /* What is overdue waits for a lane that is busy: its end wakes the driver anyway. */
    if (agent->mail_may_wait && agent->mail_retry_mono_ms > mono_ms)
        wake = earlier(wake, agent->mail_retry_mono_ms);
    if (agent->store_failing && agent->store_retry_mono_ms > mono_ms)
        wake = earlier(wake, agent->store_retry_mono_ms);
    return wake;
}

void agent_wake(struct agent *agent)
{
    int64_t every_ms = engine_look_every_ms(agent->engine);
    if (every_ms != INT64_MAX && os_mono_ms(agent->os) >= agent->looked_mono_ms + every_ms)
        agent->look_due = true;
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
    tell(agent, ALERT_STOPPED, storage);
    if (agent->store) /* else what was saved before has not been read yet, and would be overwritten */
        put_budget(agent->pending, agent->engine);
    agent->pending_dirty = true;
    agent->stopping = true;
}

bool agent_is_quiet(const struct agent *agent)
{
    for (size_t lane = 0; lane < LANE_COUNT; lane++)
        if (agent->jobs[lane].busy && lane != LANE_MAIL && lane != LANE_CONTROL && lane != LANE_MODULES)
            return false;
    bool saved = !agent->pending_dirty || agent->store_failing || !agent->store;
    return saved && agent->event_count == 0;
}

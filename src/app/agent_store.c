/* agent_store.c - the history file: opened, taken over, committed to, lost and opened again. See agent.c for
 * the invariants. */
#include "agent_internal.h"

#include <stdlib.h>
#include <string.h>

#define STORE_RETRY_MS (5 * MS_PER_SECOND)
#define STORE_REOPEN_MS (1 * MS_PER_MINUTE)
/* A disk that spoils each file within seconds is not given one, and ops no mail, each few seconds. */
#define SET_ASIDE_APART_MS (10 * MS_PER_MINUTE)
/* The clock drifts while storewatch does not run; a boot moves it by all the time that the machine ran. */
#define SAME_BOOT_MS (1 * MS_PER_MINUTE)
/* So far is the clock bent before that is saved. */
#define BOOT_MOVED_MS (5 * MS_PER_SECOND)
/* A status is kept at most this often. */
#define SNAPSHOT_APART_MS (5 * MS_PER_MINUTE)
#define STORE_MAINTAIN_MS (2 * MS_PER_MINUTE)

/* A disk that takes one commit and refuses the next is told of once a reminder, not at each failure. */
void agent_tell_store_failing(struct agent *agent, const char *text)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    bool told_lately =
        agent->store_told && mono_ms - agent->store_told_mono_ms < agent->engine->config.reminder_ms;
    if (!agent->store_failing)
        agent->store_failing_mono_ms = mono_ms;
    agent->store_failing = true;
    agent->engine->journal_writable = false;
    agent->store_retry_mono_ms = mono_ms + STORE_RETRY_MS;
    const int64_t apart_mono_ms = agent->set_aside_mono_ms + SET_ASIDE_APART_MS;
    if (!agent->store && agent->set_aside_mono_ms && agent->store_retry_mono_ms < apart_mono_ms)
        agent->store_retry_mono_ms = apart_mono_ms;
    text_copy(agent->store_error, sizeof agent->store_error, text);
    if (told_lately)
        return;
    agent->store_told = true;
    agent->store_told_mono_ms = mono_ms;
    char storage[ALERT_LINE_MAX * 2];
    struct text words = text_on(storage, sizeof storage);
    text_add(&words, "%s", text);
    if (!agent->engine->file_known)
        text_add(&words, ". What storewatch was doing when it last ended is in that file too: if it was a "
                         "restart, services may be stopped. See that all of them run.");
    agent_tell(agent, ALERT_STORE_FAILING, storage);
}

/* The same growth has an incident already that was opened while there was no file: the one of the file would
 * stay open there for ever. Nobody is told: nothing has ended. */
static void close_replaced(struct agent *agent, const struct restored *restored, int64_t utc_ms)
{
    for (size_t i = 0; i < restored->incident_count; i++) {
        struct incident incident = restored->incidents[i];
        const int64_t id = engine_goes_on_as(agent->engine, &incident);
        if (incident.state == INCIDENT_CLOSED || !id)
            continue;
        incident.state = INCIDENT_CLOSED;
        incident.closed_utc_ms = utc_ms;
        struct text reason = text_on(incident.reason, sizeof incident.reason);
        text_add(&reason, "goes on as incident %lld", (long long)id);
        agent_put_incident(agent, agent->pending, &incident);
        agent->pending_dirty = true;
    }
}

static struct sight *sight_get(struct agent *agent, size_t which)
{
    return which == SIGHT_OF_LOOKS ? &agent->engine->sight : &agent->look_sight;
}

static void put_sight(struct agent *agent)
{
    const struct clock clock = agent_clock_now(agent);
    for (size_t i = 0; i < SIGHT_COUNT; i++) {
        const struct sight *sight = sight_get(agent, i);
        agent->pending->blind_utc_ms[i] =
            sight->told_lost ? clock.utc_ms - (clock.mono_ms - sight->told_mono_ms) : 0;
        agent->sight_put[i] = *sight;
    }
    agent->pending->has_sight = agent->pending_dirty = true;
}

/* What was told in this life wins. As long ago as the clock says; one that was set back makes it now. */
static void restore_sight(struct agent *agent, const struct restored *restored, struct clock clock)
{
    for (size_t i = 0; i < SIGHT_COUNT; i++) {
        const int64_t ago_ms = clock.utc_ms - restored->blind_utc_ms[i];
        struct sight *sight = sight_get(agent, i);
        if (restored->blind_utc_ms[i] && sight->told_mono_ms == 0)
            sight_told(sight, true, clock.mono_ms - (ago_ms > 0 ? ago_ms : 0));
    }
    put_sight(agent);
}

void agent_follow_sight(struct agent *agent)
{
    bool is_new = false;
    for (size_t i = 0; i < SIGHT_COUNT; i++) {
        const struct sight *now = sight_get(agent, i), *put = &agent->sight_put[i];
        is_new |= now->told_lost != put->told_lost || now->told_mono_ms != put->told_mono_ms;
    }
    if (is_new)
        put_sight(agent);
}

/* What a boot has ended, but could not be told yet, is to be known as that in the next life, too. */
static bool something_ends_with_boot(const struct engine *engine)
{
    for (size_t i = 0; i < engine->incidents_end; i++)
        if (engine->incidents[i].incident.id && engine->incidents[i].of_earlier_boot)
            return true;
    return false;
}

void agent_follow_boot(struct agent *agent)
{
    const int64_t boot_utc_ms = agent->clock_shift_ms;
    const bool is_saved =
        agent->boot_put_utc_ms && llabs(boot_utc_ms - agent->boot_put_utc_ms) < BOOT_MOVED_MS;
    if (is_saved || something_ends_with_boot(agent->engine))
        return;
    agent->pending->boot_utc_ms = agent->boot_put_utc_ms = boot_utc_ms;
    agent->pending_dirty = true;
}

/* What was saved goes into the engine; without it, the ids of new incidents must not meet those in a file
 * that may still be opened later: they begin at the time of day in seconds. */
static void take_store(struct agent *agent, struct job *job)
{
    if (!job->opened) {
        if (agent->engine->last_incident_id == 0)
            agent->engine->last_incident_id = os_utc_ms(agent->os) / MS_PER_SECOND;
        agent_tell_store_failing(agent, job->err.text);
        return;
    }
    agent->store = job->opened;
    job->opened = NULL;
    const struct restored *restored = job->restored;
    if (restored->last_incident_id > agent->saved_incident_id)
        agent->saved_incident_id = restored->last_incident_id;
    /* Of a maintenance what a person said while there was no file wins, or what the engine knows already. */
    if (!agent->pending->has_maintenance && !agent->engine->file_known) {
        agent->engine->maintenance_until_utc_ms = restored->maintenance_until_utc_ms;
        agent->maintenance_put_utc_ms = restored->maintenance_until_utc_ms;
        text_copy(agent->maintenance_reason, sizeof agent->maintenance_reason, restored->maintenance_reason);
        agent->maintenance_on = restored->maintenance_reason[0] != '\0';
    }
    struct clock clock = agent_clock_now(agent);
    if (!agent->engine->file_known)
        restore_sight(agent, restored, clock);
    agent->engine->boot_goes_on =
        restored->boot_utc_ms && llabs(clock.utc_ms - clock.mono_ms - restored->boot_utc_ms) < SAME_BOOT_MS;
    engine_restore_incidents(agent->engine, restored->incidents, restored->incident_count,
                             restored->last_incident_id, clock);
    if (!agent->engine->file_known) {
        engine_restore_stopped(agent->engine, restored->incidents, restored->incident_count,
                               restored->stopped_ids);
        close_replaced(agent, restored, clock.utc_ms);
    }
    engine_restore_restarts(agent->engine, restored->restarts, restored->restart_count, clock.mono_ms);
    engine_restore_budget(agent->engine, restored->budget, restored->budget_count, clock.mono_ms);
    for (size_t i = 0; i < INCIDENTS_MAX && i < restored->incident_count; i++)
        engine_restore_who(agent->engine, restored->incidents[i].id, restored->who[i]);
    if (restored->set_aside[0]) { /* told and noted as told in one transaction */
        agent->set_aside_mono_ms = clock.mono_ms;
        agent_tell_once(agent, ALERT_STORE_SET_ASIDE, restored->set_aside);
        agent->pending->set_aside_told = agent->pending_dirty = true;
    }
    free(job->restored);
    job->restored = NULL;
    agent->mail_may_wait = true;
}

void agent_open_done(struct agent *agent, struct job *job)
{
    agent->opened = agent->access_due = true;
    agent->latest = 1 - agent->latest;
    const struct config *config = &agent->engine->config;
    char storage[1024];
    struct text line = text_on(storage, sizeof storage);
    text_add(&line, "Watching %s and %zu registered client%s every ", config->store_service,
             config->client_count, config->client_count == 1 ? "" : "s");
    text_add_duration(&line, config->interval_ms);
    text_add(&line, ", mode \"%s\"%s, version %s, on %s.", config->mode == MODE_ACT ? "act" : "alert",
             agent->engine->dry_run ? " (dry run)" : "", STOREWATCH_VERSION, agent->facts.os_text);
    agent_tell(agent, ALERT_STARTED, storage);
    take_store(agent, job);
    if (agent->store && job->status != STATUS_OK) /* open, but its samples could not be read back */
        agent_tell_store_failing(agent, job->err.text);
}

void agent_put_maintenance(struct agent *agent)
{
    struct transaction *pending = agent->pending;
    pending->has_maintenance = true;
    pending->maintenance_until_utc_ms = agent->engine->maintenance_until_utc_ms;
    agent->maintenance_put_utc_ms = pending->maintenance_until_utc_ms;
    text_copy(pending->maintenance_reason, sizeof pending->maintenance_reason,
              agent->maintenance_on ? agent->maintenance_reason : "");
    agent->pending_dirty = true;
}

/* A file that was opened later than the engine began knows less than the engine: all that must survive goes
 * in. */
static void put_everything(struct agent *agent)
{
    const struct engine *engine = agent->engine;
    struct transaction *pending = agent->pending;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id) {
            agent_put_incident(agent, pending, &engine->incidents[i].incident);
            agent_put_culprits(agent, engine->incidents[i].incident.id);
        }
    if (engine_restarting(engine))
        transaction_put_restart(pending, &engine->restart.journal);
    transaction_put_budget(pending, engine);
    transaction_put_stopped(pending, engine);
    agent_put_maintenance(agent);
    put_sight(agent);
    /* The next look does, when it has told what the boot has ended. */
    pending->boot_utc_ms = agent->boot_put_utc_ms = 0;
}

void agent_reopen_done(struct agent *agent, struct job *job)
{
    take_store(agent, job);
    if (!agent->store)
        return;
    put_everything(agent);
    agent->store_failing = false;
    agent->store_error[0] = '\0';
}

/* ---- the store ---- */

/* For `report`: what only the running service knows. Without memory for it the next one will do. */
static void put_snapshot(struct agent *agent, int64_t mono_ms)
{
    bool too_soon = agent->snapshot_mono_ms && mono_ms - agent->snapshot_mono_ms < SNAPSHOT_APART_MS;
    if (!agent->snapshot_due || too_soon)
        return;
    agent->snapshot_due = false;
    agent->snapshot_mono_ms = mono_ms;
    free(agent->pending->snapshot);
    agent->pending->snapshot = agent_status_json(agent);
    if (agent->pending->snapshot && strlen(agent->pending->snapshot) >= STORE_STATUS_BYTES_MAX) {
        free(agent->pending->snapshot);
        agent->pending->snapshot = NULL;
    }
}

void agent_take_commit_job(struct agent *agent, struct job *job)
{
    int64_t mono_ms = os_mono_ms(agent->os);
    put_snapshot(agent, mono_ms);
    struct transaction *empty = agent->flying;
    agent->flying = agent->pending;
    agent->pending = empty;
    agent->pending_dirty = false;
    job->kind = JOB_COMMIT;
    job->transaction = agent->flying;
    job->sequence = agent->pending_sequence++;
    job->maintain = mono_ms - agent->maintained_mono_ms >= STORE_MAINTAIN_MS;
    if (job->maintain)
        agent->maintained_mono_ms = mono_ms;
    job->load_mail = agent_wants_a_mail(agent, mono_ms);
    job->after_id = job->load_mail ? agent_next_mail_after(agent) : 0;
    job->mail_found = job->load_failed = false;
    job->after_commit = (struct err){0};
}

static void transaction_clear(struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->mail_count; i++)
        mail_deinit(&transaction->mails[i].mail);
    transaction->sample_count = transaction->incident_count = transaction->mail_count = 0;
    transaction_set_capacity(transaction,
                             TRANSACTION_INCIDENTS_FIRST); /* what a bad time took is given back */
    transaction->restart_count = 0;
    transaction->has_budget = transaction->has_maintenance = transaction->set_aside_told = false;
    transaction->has_sight = transaction->has_stopped = false;
    transaction->boot_utc_ms = 0;
    transaction->outcome_count = 0;
    free(transaction->snapshot);
    transaction->snapshot = NULL;
    for (size_t i = 0; i < CULPRIT_RECORDS; i++) {
        free(transaction->culprits[i]);
        transaction->culprits[i] = NULL;
    }
}

/* What could not be committed goes in front of what came meanwhile: the newer record of the same thing wins.
 */
static void transaction_put_back(struct agent *agent)
{
    struct transaction *older = agent->flying, *newer = agent->pending;
    for (size_t i = 0; i < newer->incident_count; i++)
        agent_put_incident(agent, older, &newer->incidents[i]);
    for (size_t i = 0; i < newer->restart_count; i++)
        transaction_put_restart(older, &newer->restarts[i]);
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
    if (newer->has_stopped) {
        older->has_stopped = true;
        memcpy(older->stopped_ids, newer->stopped_ids, sizeof newer->stopped_ids);
    }
    if (newer->has_sight) {
        older->has_sight = true;
        memcpy(older->blind_utc_ms, newer->blind_utc_ms, sizeof newer->blind_utc_ms);
    }
    if (newer->boot_utc_ms)
        older->boot_utc_ms = newer->boot_utc_ms;
    older->set_aside_told |= newer->set_aside_told;
    if (newer->snapshot) {
        free(older->snapshot);
        older->snapshot = newer->snapshot;
        newer->snapshot = NULL;
    }
    for (size_t i = 0; i < CULPRIT_RECORDS; i++)
        if (newer->culprits[i]) {
            free(older->culprits[i]);
            older->culprits[i] = newer->culprits[i];
            newer->culprits[i] = NULL;
        }
    /* Of a mail that was being saved: it is in no file yet. */
    for (size_t i = 0; i < newer->outcome_count; i++)
        transaction_put_outcome(older, &newer->outcomes[i]);
    while (older->mail_count + newer->mail_count > TRANSACTION_MAILS_MAX)
        agent_drop_a_mail(agent, older, newer);
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

bool agent_needs_journal(enum engine_request_kind kind)
{
    return kind == ENGINE_STOP_SERVICE || kind == ENGINE_TERMINATE_PROCESS || kind == ENGINE_GATHER_EVIDENCE;
}

/* Without a journal nothing is stopped, no process ended, and nothing gathered that comes before a stop; what
 * is down is brought up all the same. */
void agent_answer_without_journal(struct agent *agent)
{
    if (agent_needs_journal(agent->request.kind) && agent->request_after > agent->committed_sequence) {
        struct err err = {0};
        err_set(&err, STATUS_BUSY, "journal", 0, "the restart journal cannot be written: %s",
                agent->store_error);
        agent_tell_engine(agent, STATUS_BUSY, &err, NULL);
    }
}

static void lose_store(struct agent *agent)
{
    agent->jobs[LANE_STORE].broken = agent->store;
    agent->store = NULL;
}

/* A file found damaged while it is in use is opened anew, which sets it aside; the id of new incidents goes
 * on. So is one that has failed for a minute, but not for want of room: a volume that went away and came back
 * leaves handles that never work again. */
static void commit_failed(struct agent *agent, const struct job *job)
{
    const bool fails_for_long =
        agent->store_failing && os_mono_ms(agent->os) - agent->store_failing_mono_ms >= STORE_REOPEN_MS;
    if (job->status == STATUS_CORRUPT || (fails_for_long && job->status != STATUS_FULL))
        lose_store(agent);
    transaction_put_back(agent);
    agent_tell_store_failing(agent, job->err.text);
    agent_answer_without_journal(agent);
}

static void note_saved_incidents(struct agent *agent, const struct transaction *saved)
{
    for (size_t i = 0; i < saved->incident_count; i++)
        if (saved->incidents[i].id > agent->saved_incident_id)
            agent->saved_incident_id = saved->incidents[i].id;
}

void agent_commit_done(struct agent *agent, struct job *job)
{
    if (job->status != STATUS_OK) {
        commit_failed(agent, job);
        return;
    }
    if (agent->store_failing)
        agent->store_error[0] = '\0';
    agent->store_failing = false;
    agent->committed_sequence = job->sequence;
    agent->incidents_told = false;
    note_saved_incidents(agent, agent->flying);
    transaction_clear(agent->flying);
    if (job->load_mail)
        agent_take_loaded_mail(agent, job);
    if (job->after_commit.status ==
        STATUS_CORRUPT) { /* where no record has to be written, but all are read */
        lose_store(agent);
        agent_tell_store_failing(agent, job->after_commit.text);
    }
}

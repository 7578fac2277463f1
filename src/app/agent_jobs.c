/* agent_jobs.c - what the agent's jobs do on a worker. They may block; they touch their job and what it
 * lends: the os, the store (STORE lane, and JOB_OPEN before that lane has begun), and in JOB_OPEN the engine,
 * which the loop does not use until the job is done. */
#include "agent_internal.h"

#include "aside.h"
#include "json_values.h"

#include <stdlib.h>
#include <string.h>

/* ---- open ---- */

/* The open incidents must all come; the recent ones only tell which rungs were tried. */
static enum status load_incidents(struct store *store, struct restored *out, struct err *err)
{
    size_t count = 0;
    enum status status = store_last_incident_id(store, &out->last_incident_id, err);
    if (!status)
        status = store_get_incidents(store, true, out->incidents, INCIDENTS_MAX, &out->incident_count, err);
    if (!status)
        status = store_get_incidents(store, false, out->incidents + out->incident_count,
                                     RESTORED_INCIDENTS_MAX - INCIDENTS_MAX, &count, err);
    for (size_t i = out->incident_count, end = i + count; !status && i < end; i++)
        if (out->incidents[i].state == INCIDENT_CLOSED)
            out->incidents[out->incident_count++] = out->incidents[i];
    return status;
}

/* What cannot be read here costs a name, and nothing else. */
static void load_who(struct store *store, struct restored *out)
{
    for (size_t i = 0; i < INCIDENTS_MAX && i < out->incident_count; i++) {
        if (out->incidents[i].state == INCIDENT_CLOSED)
            continue;
        json_t *record = culprit_record_read(store, out->incidents[i].id);
        text_copy(out->who[i], sizeof out->who[i], json_words_get(record, "named", ""));
        json_decref(record);
    }
}

/* A setting that was never made reads as "". */
static enum status load_setting(struct store *store, const char *name, char *out_value, size_t capacity,
                                struct err *err)
{
    enum status status = store_get_setting(store, name, out_value, capacity, err);
    if (status != STATUS_NOT_FOUND)
        return status;
    out_value[0] = '\0';
    if (err)
        *err = (struct err){0};
    return STATUS_OK;
}

/* 0 when it was never made. */
static enum status load_time(struct store *store, const char *name, int64_t *out_utc_ms, struct err *err)
{
    char value[32];
    enum status status = load_setting(store, name, value, sizeof value, err);
    if (!status)
        *out_utc_ms = strtoll(value, NULL, 10);
    return status;
}

static const char *const sight_settings[SIGHT_COUNT] = {
    [SIGHT_OF_LOOKS] = "blind_utc_ms", [SIGHT_IN_TIME] = "look_overdue_utc_ms"};

static enum status load_maintenance(struct store *store, struct restored *out, struct err *err)
{
    enum status status = load_time(store, SETTING_MAINTENANCE_UNTIL, &out->maintenance_until_utc_ms, err);
    if (!status)
        status = load_setting(store, SETTING_MAINTENANCE_REASON, out->maintenance_reason,
                              sizeof out->maintenance_reason, err);
    return status;
}

/* When ops were told that it is lost; 0 = they were not, or that it is back. */
static enum status load_sight(struct store *store, struct restored *out, struct err *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < SIGHT_COUNT; i++)
        status = load_time(store, sight_settings[i], &out->blind_utc_ms[i], err);
    return status;
}

static enum status load_stopped(struct store *store, struct restored *out, struct err *err)
{
    char value[TOLD_STOPPED_MAX * 24];
    enum status status = load_setting(store, SETTING_STOPPED, value, sizeof value, err);
    char *at = value;
    for (size_t i = 0; !status && i < TOLD_STOPPED_MAX; i++)
        out->stopped_ids[i] = strtoll(at, &at, 10); /* 0 at its end */
    return status;
}

static enum status load_restored(struct store *store, struct restored **out_restored, struct err *err)
{
    struct restored *restored = calloc(1, sizeof *restored);
    if (!restored)
        return err_set(err, STATUS_NO_MEMORY, "restore", 0, "no memory for what was saved");
    enum status status = load_incidents(store, restored, err);
    if (!status)
        load_who(store, restored);
    if (!status)
        status = store_get_restarts(store, restored->restarts, RESTORED_RESTARTS_MAX,
                                    &restored->restart_count, err);
    if (!status)
        status = store_get_budget(store, restored->budget, BUDGET_ENTRIES_MAX, &restored->budget_count, err);
    if (!status)
        status = load_maintenance(store, restored, err);
    if (!status)
        status = load_sight(store, restored, err);
    if (!status)
        status = load_stopped(store, restored, err);
    if (!status)
        status = load_time(store, SETTING_BOOT, &restored->boot_utc_ms, err);
    if (!status)
        status = load_setting(store, STORE_SETTING_SET_ASIDE, restored->set_aside, sizeof restored->set_aside,
                              err);
    if (status)
        free(restored);
    else
        *out_restored = restored;
    return status;
}

/* Where the past of a series goes. */
struct past {
    struct watched *item;       /* NULL: nobody watches it (yet) */
    struct detector *detector;  /* NULL: it has none */
    struct growers_past grower; /* row NULL: it is not compared with others */
    double latest;              /* known value; NAN = there was none */
};

/* What is of the future was written under a clock that has been set back since. */
static enum status replay_series(struct store *store, int64_t series_id, const struct growers *growers,
                                 struct past *past, const struct observation *observation, struct err *err)
{
    const int64_t shift_ms = observation->utc_ms - observation->mono_ms;
    /* A boot begins a new life of the machine, too: what went down with the old one came not down by itself. */
    const bool of_host = past->item && past->item->kind == TARGET_HOST;
    struct store_cursor *cursor = NULL;
    enum status status = store_samples_begin(store, series_id, INT64_MIN, observation->utc_ms, &cursor, err);
    struct series_point point;
    while (!status && (status = store_samples_next(cursor, &point, err)) == STATUS_OK) {
        if (past->detector && (!of_host || point.t_ms >= shift_ms))
            detector_push(past->detector, point.t_ms - shift_ms, point.mean);
        if (past->grower.row)
            growers_past_add(growers, &past->grower, point.t_ms - shift_ms, point.mean);
        if (!isnan(point.mean))
            past->latest = point.mean;
    }
    if (past->grower.row)
        growers_past_end(growers, &past->grower);
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* A client that was found by a search is small as likely as not, and will be found again: its row is wanted until then.
 * One that has ended may have made the store grow. */
static void expect_client(struct growers *growers, const struct store_series_key *key, int64_t last_utc_ms,
                          const struct observation *observation)
{
    const int64_t shift_ms = observation->utc_ms - observation->mono_ms;
    if (key->target_kind != TARGET_CLIENT && key->target_kind != TARGET_DISCOVERED)
        return;
    if (agent_has_ended(observation, key->process))
        growers_begin_ended(growers, key->process, key->image,
                            process_created_utc_ms(key->process) - shift_ms, last_utc_ms - shift_ms);
    else
        growers_keep_also(growers, key->process);
}

/* Those who are compared begin where the history does. */
static enum status begin_growers(struct growers *growers, struct store *store,
                                 const struct observation *observation, struct err *err)
{
    const bool is_new = growers->slot < 0 && observation->processes_known;
    int64_t earliest_utc_ms = INT64_MAX, id, first_utc_ms, last_utc_ms;
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    enum status status = store_series_begin(store, &cursor, err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK) {
        if (first_utc_ms < earliest_utc_ms)
            earliest_utc_ms = first_utc_ms;
        if (is_new && last_utc_ms <= observation->utc_ms)
            expect_client(growers, &key, last_utc_ms, observation);
    }
    store_cursor_free(cursor);
    if (earliest_utc_ms < observation->utc_ms)
        growers_begin_at(growers, observation, earliest_utc_ms - observation->utc_ms + observation->mono_ms);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* With what is known of one that has ended. */
static struct grower *process_row(struct engine *engine, const struct store_series_key *key)
{
    struct growers *growers = &engine->growers;
    for (size_t i = 0; i < growers->count; i++)
        if (process_id_equal(growers->rows[i].process, key->process))
            return &growers->rows[i];
    for (size_t i = 0; i < growers->ended_count; i++) {
        if (!process_id_equal(growers->ended[i].process, key->process))
            continue;
        const struct config_client *client = watch_client(&engine->config, key->target);
        struct culprit_known *known = &engine->ended.items[i];
        *known = (struct culprit_known){.process = key->process, .kind = key->target_kind};
        text_copy(known->target, sizeof known->target, key->target);
        text_copy(known->service, sizeof known->service,
                  client && key->target_kind == TARGET_CLIENT ? client->service : "");
        return &growers->ended[i];
    }
    return NULL;
}

static struct grower *grower_row(struct engine *engine, const struct store_series_key *key)
{
    switch (key->metric) {
    case METRIC_COMMIT:
        return &engine->growers.commit;
    case METRIC_PAGED_POOL:
    case METRIC_NONPAGED_POOL:
        return &engine->growers.pools;
    case METRIC_PRIVATE_BYTES:
    case METRIC_HANDLES:
        return process_row(engine, key);
    default:
        return NULL;
    }
}

/* What the settings say of the age, and of who ended before, goes by the begin of the series; of one that was
 * registered while it ran, by that of the first of its two. */
static struct past past_of(struct agent *agent, const struct store_series_key *key, int64_t first_utc_ms)
{
    struct watch *watch = &agent->engine->watch;
    bool second = key->metric == METRIC_HANDLES || key->metric == METRIC_NONPAGED_POOL;
    struct past past = {
        .item = watch_find(watch, key->process),
        .grower = {.row = grower_row(agent->engine, key), .column = second ? GROWER_HANDLES : GROWER_BYTES},
        .latest = NAN};
    const struct config *config = &agent->engine->config;
    if (past.item)
        past.detector = watch_begin_detector(watch, config, past.item, key->metric, first_utc_ms);
    if (past.detector) {
        const struct watch_series series = {past.item->kind, past.item->target, key->process, key->metric,
                                            first_utc_ms};
        const struct verdict_settings settings = watch_settings_then(watch, config, &series, first_utc_ms);
        detector_set_settings(past.detector, &settings);
    }
    return past;
}

/* NAN = none, or it cannot be told. */
static double address_limit(struct os *os, struct process_id process)
{
    double bytes = NAN;
    return os_process_address_limit(os, process, &bytes, NULL) == STATUS_OK ? bytes : (double)NAN;
}

/* What comes from the history is judged against the ends that the looks will go on with. */
static void ask_address_limits(struct os *os, struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->items[i].address_limit_wanted)
            watch->items[i].address_limit_bytes = address_limit(os, watch->items[i].process);
}

/* The incarnations that still run get their history back, so that a restart of storewatch costs no window,
 * and they are compared with each other over the time before it. */
static enum status restore_history(struct agent *agent, struct store *store,
                                   const struct observation *observation, struct err *err)
{
    struct watch *watch = &agent->engine->watch;
    agent_learn_from_history(agent, store, observation); /* detectors begin with it */
    watch_look(watch, &agent->engine->config, observation);
    ask_address_limits(agent->os, watch);
    watch_set_limits(watch, &agent->engine->config, observation);
    engine_keep_watched(agent->engine);
    struct store_cursor *cursor = NULL;
    enum status status = begin_growers(&agent->engine->growers, store, observation, err);
    if (!status)
        status = store_series_begin(store, &cursor, err);
    int64_t id, first_utc_ms, last_utc_ms;
    struct store_series_key key;
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK) {
        if (first_utc_ms >= observation->utc_ms)
            continue;
        struct past past = past_of(agent, &key, first_utc_ms);
        if (past.detector || past.grower.row)
            status = replay_series(store, id, &agent->engine->growers, &past, observation, err);
        if (past.item && key.metric == METRIC_OUTSIDE_LARGEST)
            past.item->space.restored_outside_bytes = past.latest;
    }
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void bound_set_aside(const struct agent *agent, char told[STORE_SET_ASIDE_MAX])
{
    const size_t length = strlen(told);
    const size_t removed = aside_forget(agent->os, agent->data_dir, agent->store_path, told);
    struct text more = text_on(told + length, STORE_SET_ASIDE_MAX - length);
    if (removed > 0)
        text_add(&more, ". Of those set aside before, %zu %s removed: the %d largest are kept", removed,
                 removed == 1 ? "was" : "were", ASIDE_KEPT_MAX);
}

static void open_store(struct job *job)
{
    struct agent *agent = job->agent;
    job->status = store_open(agent->store_path, os_utc_ms(agent->os), &job->opened, &job->err);
    if (!job->status)
        job->status = load_restored(job->opened, &job->restored, &job->err);
    if (job->status) {
        store_close(job->opened);
        job->opened = NULL;
        return;
    }
    if (job->restored->set_aside[0])
        bound_set_aside(agent, job->restored->set_aside);
}

void job_open(struct job *job)
{
    struct agent *agent = job->agent;
    /* A look that fails is told by the looks that follow; here only the history would be without its owners.
     */
    os_observe(agent->os, job->observation, NULL);
    open_store(job);
    if (!job->status)
        job->status = restore_history(agent, job->opened, job->observation, &job->err);
}

void job_reopen(struct job *job)
{
    store_close(job->broken);
    job->broken = NULL;
    open_store(job);
}

/* ---- look ---- */

void job_look(struct job *job)
{
    struct os *os = job->agent->os;
    job->status = os_observe(os, job->observation, &job->err);
    for (size_t i = 0; i < job->limit_count; i++)
        job->limits[i].bytes = address_limit(os, job->limits[i].process);
}

/* ---- commit ---- */

static enum status write_time(struct store *store, const char *setting, int64_t utc_ms, struct err *err)
{
    char value[32];
    struct text text = text_on(value, sizeof value);
    text_add(&text, "%lld", (long long)utc_ms);
    return store_put_setting(store, setting, value, err);
}

static enum status write_maintenance(struct store *store, const struct transaction *transaction,
                                     struct err *err)
{
    enum status status =
        write_time(store, SETTING_MAINTENANCE_UNTIL, transaction->maintenance_until_utc_ms, err);
    return status
               ? status
               : store_put_setting(store, SETTING_MAINTENANCE_REASON, transaction->maintenance_reason, err);
}

static enum status write_outcome(struct store *store, const struct mail_outcome *outcome, int64_t utc_ms,
                                 struct err *err)
{
    struct err why = {0};
    enum status status = STATUS_OK;
    if (outcome->state == MAIL_SENT && outcome->replaces_before_utc_ms)
        status = store_replace_mails(store, outcome->key, outcome->replaces_before_utc_ms, utc_ms, &why);
    if (!status)
        status = store_set_mail(store, outcome->key, outcome->state, outcome->attempts, outcome->answer,
                                outcome->state == MAIL_PENDING ? outcome->refused_utc_ms : utc_ms, &why);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND) /* lost with a damaged file, or never saved */
        return STATUS_OK;
    return err_set(err, status, why.operation, why.code, "%s", why.text);
}

static enum status write_stopped(struct store *store, const struct transaction *transaction, struct err *err)
{
    char value[TOLD_STOPPED_MAX * 24];
    struct text text = text_on(value, sizeof value);
    for (size_t i = 0; i < TOLD_STOPPED_MAX; i++)
        if (transaction->stopped_ids[i])
            text_add(&text, "%lld ", (long long)transaction->stopped_ids[i]);
    return store_put_setting(store, SETTING_STOPPED, value, err);
}

static enum status write_transaction(struct store *store, const struct transaction *transaction,
                                     int64_t utc_ms, struct err *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < transaction->sample_count; i++) {
        const struct pending_sample *sample = &transaction->samples[i];
        status = store_put_sample(store, &sample->key, sample->utc_ms, sample->value, err);
    }
    for (size_t i = 0; !status && i < transaction->incident_count; i++)
        status = store_put_incident(store, &transaction->incidents[i], err);
    for (size_t i = 0; !status && i < transaction->restart_count; i++)
        status = store_put_restart(store, &transaction->restarts[i], err);
    if (!status && transaction->has_budget)
        status = store_put_budget(store, transaction->budget, transaction->budget_count, err);
    for (size_t i = 0; !status && i < transaction->mail_count; i++) {
        const struct pending_mail *mail = &transaction->mails[i];
        status = store_put_mail(store, &mail->mail, mail->kind, mail->incident_id, mail->utc_ms, err);
    }
    if (!status && transaction->has_maintenance)
        status = write_maintenance(store, transaction, err);
    for (size_t i = 0; !status && transaction->has_sight && i < SIGHT_COUNT; i++)
        status = write_time(store, sight_settings[i], transaction->blind_utc_ms[i], err);
    if (!status && transaction->has_stopped)
        status = write_stopped(store, transaction, err);
    if (!status && transaction->boot_utc_ms)
        status = write_time(store, SETTING_BOOT, transaction->boot_utc_ms, err);
    if (!status && transaction->set_aside_told)
        status = store_put_setting(store, STORE_SETTING_SET_ASIDE, "", err);
    if (!status && transaction->snapshot)
        status = store_put_setting(store, STORE_SETTING_STATUS, transaction->snapshot, err);
    for (size_t i = 0; !status && i < CULPRIT_RECORDS; i++) {
        char name[CULPRIT_RECORD_NAME_MAX];
        culprit_record_name(i, name);
        if (transaction->culprits[i])
            status = store_put_setting(store, name, transaction->culprits[i], err);
    }
    for (size_t i = 0; !status && i < transaction->outcome_count; i++)
        status = write_outcome(store, &transaction->outcomes[i], utc_ms, err);
    return status;
}

void job_commit(struct job *job)
{
    struct store *store = job->agent->store;
    int64_t utc_ms = os_utc_ms(job->agent->os);
    job->status = store_begin(store, &job->err);
    if (!job->status)
        job->status = write_transaction(store, job->transaction, utc_ms, &job->err);
    if (!job->status)
        job->status = store_commit(store, &job->err);
    if (job->status) {
        store_rollback(store);
        return;
    }
    /* Upkeep and the next mail come after the commit: their failure is no failure of the records. */
    if (job->maintain)
        store_maintain(store, utc_ms, &job->after_commit);
    if (job->load_mail) {
        enum status found = store_next_mail(store, job->after_id, utc_ms, &job->entry, &job->after_commit);
        job->mail_found = found == STATUS_OK;
        job->load_failed = found != STATUS_OK && found != STATUS_NOT_FOUND;
        job->load_failed |= store_count_mails(store, MAIL_PENDING, 0, &job->mails_pending, NULL) != STATUS_OK;
    }
}

/* ---- control ---- */

/* The journal is on the disk now; how long that took is what counts. */
static enum status check_fresh(struct os *os, const struct engine_request *request, struct err *err)
{
    int64_t age_ms = os_mono_ms(os) - request->decided_mono_ms;
    if (age_ms <= RESTART_FRESH_MS)
        return STATUS_OK;
    return err_set(err, STATUS_BUSY, "restart", RESTART_TOO_LATE,
                   "service %s: that rests on a look of %lld s ago", request->service,
                   (long long)(age_ms / MS_PER_SECOND));
}

void job_control(struct job *job)
{
    struct os *os = job->agent->os;
    switch (job->request.kind) {
    case ENGINE_READ_GRAPH:
        job->status = os_service_graph(os, &job->graph, &job->err);
        break;
    case ENGINE_STOP_SERVICE:
        job->status = check_fresh(os, &job->request, &job->err);
        if (!job->status)
            job->status = os_service_stop(os, job->request.service, &job->err);
        break;
    case ENGINE_START_SERVICE:
        job->status = os_service_start(os, job->request.service, &job->err);
        break;
    case ENGINE_TERMINATE_PROCESS:
        job->status = check_fresh(os, &job->request, &job->err);
        if (!job->status)
            job->status = os_process_terminate(os, job->request.service, job->request.process, &job->err);
        break;
    case ENGINE_GATHER_EVIDENCE: /* of another lane */
    case ENGINE_NOTHING:
        break;
    }
}

/* ---- mail ---- */

/* A mail that a relay answered, or did not answer when it had all of it, is still to be sent. It may be the mail
 * (a filter defers it, a narrow line swallows what is long): after so many attempts (half an hour, or some minutes
 * where others are taken) what its incident has to say next waits behind it no more.
 * Where one relay refuses it for good, and another cannot be asked, it may be that relay: so the mail itself is
 * kept for the other one, and given up a day after it was first refused only. */
#define BLOCKING_ATTEMPTS 10
#define REFUSED_KEPT_MS MS_PER_DAY

/* `refused`: by how many of the relays, all of which were tried. Where the clock was set back behind the first
 * refusal the day begins anew. */
static void judge_failure(struct mail_outcome *outcome, bool answered, size_t refused, size_t relay_count,
                          int64_t utc_ms)
{
    const bool often = outcome->attempts >= BLOCKING_ATTEMPTS;
    if (refused > 0 && (outcome->refused_utc_ms == 0 || outcome->refused_utc_ms > utc_ms))
        outcome->refused_utc_ms = utc_ms;
    const bool long_ago = utc_ms - outcome->refused_utc_ms >= REFUSED_KEPT_MS;
    if (refused > 0 && (refused == relay_count || (often && long_ago)))
        outcome->state = MAIL_DEAD;
    else
        outcome->lets_pass = answered && often;
}

/* Each relay in turn until one takes it, also behind one that refuses it for good: that may be the mail, or a
 * relay that does not relay for us ("550 5.7.1 Unable to relay"), which the next one does. It is given up at
 * once when all refuse. */
void job_mail(struct job *job)
{
    const struct config *config = job->config;
    struct outbox_entry *entry = &job->sending;
    job->relay_answered = false;
    job->outcome = (struct mail_outcome){.state = MAIL_PENDING,
                                         .attempts = entry->attempts + 1,
                                         .refused_utc_ms = entry->refused_utc_ms,
                                         .replaces_before_utc_ms = entry->replaces_before_utc_ms};
    text_copy(job->outcome.key, sizeof job->outcome.key, entry->mail.key);
    struct text answer = text_on(job->outcome.answer, sizeof job->outcome.answer);

    const char *to[CONFIG_RECIPIENTS_MAX];
    for (size_t i = 0; i < config->recipient_count; i++)
        to[i] = config->mail_to[i];
    char *message = NULL;
    enum status made = report_message(&entry->mail, config->mail_from, to, config->recipient_count,
                                      job->agent->facts.host_name, entry->queued_utc_ms,
                                      os_utc_ms(job->agent->os), &message);
    if (made != STATUS_OK) {
        text_add(&answer, "the message could not be built: %s", status_text(made));
        return;
    }
    size_t refused = 0;
    for (size_t i = 0; i < config->relay_count && job->outcome.state == MAIL_PENDING; i++) {
        struct mailer_request request = {.relay = &config->relays[i],
                                         .from = config->mail_from,
                                         .to = to,
                                         .to_count = config->recipient_count,
                                         .message = message,
                                         .helo = job->agent->facts.host_name};
        struct mailer_result result = {0};
        struct err err = {0};
        mailer_send(&request, &result, &err);
        text_add(&answer, "%s%s: %s", answer.length ? "; " : "", config->relays[i].host,
                 result.answer[0] ? result.answer : err.text);
        if (result.outcome == MAILER_SENT)
            job->outcome.state = MAIL_SENT;
        refused += result.outcome == MAILER_REFUSED;
        job->relay_answered |= result.smtp_code >= 400 || result.swallowed;
    }
    if (job->outcome.state == MAIL_PENDING)
        judge_failure(&job->outcome, job->relay_answered, refused, config->relay_count,
                      os_utc_ms(job->agent->os));
    free(message);
}

/* ---- events and files ---- */

void job_events(struct job *job)
{
    struct agent *agent = job->agent;
    for (size_t i = 0; i < job->event_count; i++) {
        const struct alert_wording *wording = alert_wording_get(job->events[i].kind);
        enum status status =
            os_event_write(agent->os, job->events[i].kind, wording->severity, job->events[i].text, &job->err);
        job->status = job->status ? job->status : status;
    }
    if (job->metrics_gone[0])
        os_file_remove(agent->os, job->metrics_gone, METRICS_BEGIN, &job->gone_err);
    if (job->metrics)
        os_file_replace(agent->os, job->metrics_path, job->metrics, strlen(job->metrics), &job->metrics_err);
    free(job->metrics);
    job->metrics = NULL;
}

void job_reload(struct job *job)
{
    struct agent *agent = job->agent;
    if (agent->config_path[0] == '\0') {
        job->status =
            err_set(&job->err, STATUS_INVALID, "reload", 0, "storewatch runs without a configuration file");
        return;
    }
    job->loaded = calloc(1, sizeof *job->loaded);
    job->findings = calloc(1, sizeof *job->findings);
    if (!job->loaded || !job->findings) {
        job->status = err_set(&job->err, STATUS_NO_MEMORY, "reload", 0,
                              "no memory to read the configuration: the one in force stays");
        return;
    }
    job->status = config_load(agent->config_path, job->loaded, job->findings, &job->err);
}

void job_access(struct job *job)
{
    struct agent *agent = job->agent;
    os_unsafe_access(agent->os, agent->config_path, agent->data_dir, job->unsafe_access,
                     sizeof job->unsafe_access);
}

/* ---- address spaces ---- */

/* What a walk cost: the time that storewatch used the processor meanwhile. On a busy machine most of the time
 * it took is waiting, which costs nobody anything. Where the system does not tell, all of it counts. */
static int64_t cost_of(int64_t took_ms, const struct os_self *before, const struct os_self *after)
{
    double used_ms = after->cpu_ms - before->cpu_ms;
    return used_ms >= 0 && used_ms < (double)took_ms ? (int64_t)ceil(used_ms) : took_ms;
}

void job_spaces(struct job *job)
{
    struct os *os = job->agent->os;
    for (size_t i = 0; i < job->space_count; i++) {
        struct space_question *asked = &job->spaces[i];
        struct err err = {0};
        struct os_self before, after;
        int64_t begun_ms = os_mono_ms(os);
        os_self_get(os, &before);
        asked->status = os_process_space(os, asked->process, &asked->space, &err);
        os_self_get(os, &after);
        asked->ended_mono_ms = os_mono_ms(os);
        asked->cost_ms = cost_of(asked->ended_mono_ms - begun_ms, &before, &after);
        text_copy(asked->why, sizeof asked->why, err.text);
    }
}

/* ---- modules ---- */

void job_modules(struct job *job)
{
    struct os *os = job->agent->os;
    int64_t begun_ms = os_mono_ms(os);
    discovery_scan(job->discovery, os, job->processes, job->process_count, job->again, DISCOVERY_BUDGET_MS);
    job->took_ms = os_mono_ms(os) - begun_ms;
}

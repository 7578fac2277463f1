/* incidents.c - incidents, the restart journal and its budget, settings: written after each transition, read
 * once after a start and by the commands that show history. */
#include "store_internal.h"

#include <string.h>

/* ---- incidents ---- */

enum status store_put_incident(struct store *store, const struct incident *incident, struct err *err)
{
    const enum status status = store_writable(store, err);
    if (status != STATUS_OK)
        return status;
    struct query put = query_on(store, STATEMENT_INCIDENT_PUT);
    query_bind_integer(&put, incident->id);
    query_bind_word(&put, &words_target_kind, (int)incident->target_kind);
    query_bind_text(&put, incident->target);
    query_bind_text(&put, incident->service);
    query_bind_text(&put, incident->image);
    query_bind_integer(&put, incident->process.pid);
    query_bind_integer(&put, (int64_t)incident->process.created_100ns);
    query_bind_word(&put, &words_metric, (int)incident->metric);
    query_bind_word(&put, &words_incident_state, (int)incident->state);
    query_bind_integer(&put, incident->escalated);
    query_bind_integer(&put, incident->told_count);
    query_bind_integer(&put, incident->rungs_tried);
    query_bind_integer(&put, incident->onset_utc_ms);
    query_bind_integer(&put, incident->opened_utc_ms);
    query_bind_integer(&put, incident->told_utc_ms);
    query_bind_integer(&put, incident->recovering_utc_ms);
    query_bind_integer(&put, incident->closed_utc_ms);
    query_bind_real(&put, incident->level_at_onset);
    query_bind_real(&put, incident->level_at_open);
    query_bind_real(&put, incident->level_now);
    query_bind_real(&put, incident->slope_per_hour);
    query_bind_real(&put, incident->slope_low_per_hour);
    query_bind_real(&put, incident->slope_high_per_hour);
    query_bind_real(&put, incident->limit);
    query_bind_text(&put, incident->limit_name);
    query_bind_foreseen(&put, incident->exhaustion_utc_ms);
    query_bind_foreseen(&put, incident->exhaustion_early_utc_ms);
    query_bind_foreseen(&put, incident->exhaustion_late_utc_ms);
    query_bind_text(&put, incident->reason);
    query_bind_text(&put, incident->held_because);
    return query_run(store, &put, "put incident", err);
}

static void read_incident(struct query *query, struct incident *out_incident)
{
    struct incident *incident = out_incident;
    memset(incident, 0, sizeof(*incident));
    incident->id = query_integer(query);
    incident->target_kind = (enum target_kind)query_word(query, &words_target_kind);
    query_text(query, incident->target, sizeof(incident->target));
    query_text(query, incident->service, sizeof(incident->service));
    query_text(query, incident->image, sizeof(incident->image));
    incident->process.pid = query_uint32(query);
    incident->process.created_100ns = (uint64_t)query_integer(query);
    incident->metric = (enum metric)query_word(query, &words_metric);
    incident->state = (enum incident_state)query_word(query, &words_incident_state);
    incident->escalated = query_bool(query);
    incident->told_count = query_uint32(query);
    incident->rungs_tried = query_uint32(query);
    incident->onset_utc_ms = query_integer(query);
    incident->opened_utc_ms = query_integer(query);
    incident->told_utc_ms = query_integer(query);
    incident->recovering_utc_ms = query_integer(query);
    incident->closed_utc_ms = query_integer(query);
    incident->level_at_onset = query_real(query);
    incident->level_at_open = query_real(query);
    incident->level_now = query_real(query);
    incident->slope_per_hour = query_real(query);
    incident->slope_low_per_hour = query_real(query);
    incident->slope_high_per_hour = query_real(query);
    incident->limit = query_real(query);
    query_text(query, incident->limit_name, sizeof(incident->limit_name));
    incident->exhaustion_utc_ms = query_foreseen(query);
    incident->exhaustion_early_utc_ms = query_foreseen(query);
    incident->exhaustion_late_utc_ms = query_foreseen(query);
    query_text(query, incident->reason, sizeof(incident->reason));
    query_text(query, incident->held_because, sizeof(incident->held_because));
}

enum status store_get_incidents(struct store *store, bool only_open, struct incident *out_incidents,
                                size_t capacity, size_t *out_count, struct err *err)
{
    struct query query = query_on(store, only_open ? STATEMENT_INCIDENTS_OPEN : STATEMENT_INCIDENTS_GET);
    query_bind_integer(&query, (int64_t)capacity);
    size_t count = 0;
    enum status status = STATUS_OK;
    while (count < capacity && (status = query_step(store, &query, "get incidents", err)) == STATUS_OK) {
        read_incident(&query, &out_incidents[count++]);
        status = query_understood(store, &query, "get incidents", err);
        if (status != STATUS_OK)
            break;
    }
    return query_list_end(&query, status, count, out_count);
}

enum status store_last_incident_id(struct store *store, int64_t *out_id, struct err *err)
{
    struct query query = query_on(store, STATEMENT_INCIDENT_LAST);
    const enum status status = query_step(store, &query, "last incident", err);
    if (status == STATUS_OK)
        *out_id = query_integer(&query); /* NULL, when there is none, reads as 0 */
    query_done(&query);
    return status;
}

/* ---- restarts ---- */

static enum status put_service(struct store *store, int64_t restart_id, size_t position,
                               const struct restart_service *service, struct err *err)
{
    struct query put = query_on(store, STATEMENT_RESTART_SERVICE_PUT);
    query_bind_text(&put, service->name);
    query_bind_integer(&put, service->is_target);
    query_bind_integer(&put, service->process.pid);
    query_bind_integer(&put, (int64_t)service->process.created_100ns);
    query_bind_word(&put, &words_restart_step, (int)service->stop);
    query_bind_word(&put, &words_restart_step, (int)service->start);
    query_bind_text(&put, service->note);
    query_bind_integer(&put, restart_id);
    query_bind_integer(&put, (int64_t)position);
    return query_run(store, &put, "put restart", err);
}

static enum status put_restart(struct store *store, const struct restart_journal *journal, struct err *err)
{
    struct query put = query_on(store, STATEMENT_RESTART_PUT);
    query_bind_integer(&put, journal->id);
    query_bind_integer(&put, journal->incident_id);
    query_bind_word(&put, &words_rung, (int)journal->rung);
    query_bind_text(&put, journal->reason);
    query_bind_text(&put, journal->target);
    query_bind_word(&put, &words_restart_phase, (int)journal->phase);
    query_bind_word(&put, &words_restart_outcome, (int)journal->outcome);
    query_bind_integer(&put, journal->stop_failed);
    query_bind_integer(&put, journal->told_down);
    query_bind_integer(&put, journal->begun_utc_ms);
    query_bind_integer(&put, journal->ended_utc_ms);
    /* Replacing the restart removes its services, which refer to it; all are written anew. */
    enum status status = query_run(store, &put, "put restart", err);
    for (size_t i = 0; status == STATUS_OK && i < journal->plan.count; i++)
        status = put_service(store, journal->id, i, &journal->plan.services[i], err);
    return status;
}

enum status store_put_restart(struct store *store, const struct restart_journal *journal, struct err *err)
{
    if (journal->plan.count > RESTART_SERVICES_MAX) {
        return err_set(err, STATUS_INVALID, "put restart", 0, "a plan of more than %d services",
                       RESTART_SERVICES_MAX);
    }
    const enum status status = group_begin(store, "put restart", err);
    return status != STATUS_OK ? status
                               : group_end(store, put_restart(store, journal, err), "put restart", err);
}

static enum status get_services(struct store *store, struct restart_journal *journal, struct err *err)
{
    struct query query = query_on(store, STATEMENT_RESTART_SERVICES_GET);
    query_bind_integer(&query, journal->id);
    query_bind_integer(&query, RESTART_SERVICES_MAX);
    enum status status = STATUS_OK;
    while (journal->plan.count < RESTART_SERVICES_MAX &&
           (status = query_step(store, &query, "get restarts", err)) == STATUS_OK) {
        struct restart_service *service = &journal->plan.services[journal->plan.count++];
        query_text(&query, service->name, sizeof(service->name));
        service->is_target = query_bool(&query);
        service->process.pid = query_uint32(&query);
        service->process.created_100ns = (uint64_t)query_integer(&query);
        service->stop = (enum restart_step_state)query_word(&query, &words_restart_step);
        service->start = (enum restart_step_state)query_word(&query, &words_restart_step);
        query_text(&query, service->note, sizeof(service->note));
        status = query_understood(store, &query, "get restarts", err);
        if (status != STATUS_OK)
            break;
    }
    query_done(&query);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status store_get_restarts(struct store *store, struct restart_journal *out_journals, size_t capacity,
                               size_t *out_count, struct err *err)
{
    struct query query = query_on(store, STATEMENT_RESTARTS_GET);
    query_bind_integer(&query, (int64_t)capacity);
    size_t count = 0;
    enum status status = STATUS_OK;
    while (count < capacity && (status = query_step(store, &query, "get restarts", err)) == STATUS_OK) {
        struct restart_journal *journal = &out_journals[count++];
        memset(journal, 0, sizeof(*journal));
        journal->id = query_integer(&query);
        journal->incident_id = query_integer(&query);
        journal->rung = (enum rung)query_word(&query, &words_rung);
        query_text(&query, journal->reason, sizeof(journal->reason));
        query_text(&query, journal->target, sizeof(journal->target));
        journal->phase = (enum restart_phase)query_word(&query, &words_restart_phase);
        journal->outcome = (enum restart_outcome)query_word(&query, &words_restart_outcome);
        journal->stop_failed = query_bool(&query);
        journal->told_down = query_bool(&query);
        journal->begun_utc_ms = query_integer(&query);
        journal->ended_utc_ms = query_integer(&query);
        status = query_understood(store, &query, "get restarts", err);
        if (status == STATUS_OK)
            status = get_services(store, journal, err);
        if (status != STATUS_OK)
            break;
    }
    return query_list_end(&query, status, count, out_count);
}

/* ---- budget ---- */

static enum status put_budget(struct store *store, const struct budget_entry *entries, size_t count,
                              struct err *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct query put = query_on(store, STATEMENT_BUDGET_PUT);
        query_bind_integer(&put, (int64_t)i);
        query_bind_integer(&put, entries[i].restart_id);
        query_bind_text(&put, entries[i].service);
        query_bind_integer(&put, entries[i].age_ms);
        status = query_run(store, &put, "put budget", err);
    }
    if (status == STATUS_OK) {
        struct query cut = query_on(store, STATEMENT_BUDGET_CUT);
        query_bind_integer(&cut, (int64_t)count);
        status = query_run(store, &cut, "put budget", err);
    }
    return status;
}

enum status store_put_budget(struct store *store, const struct budget_entry *entries, size_t count,
                             struct err *err)
{
    if (count > BUDGET_ENTRIES_MAX)
        return err_set(err, STATUS_INVALID, "put budget", 0, "more than %d entries", BUDGET_ENTRIES_MAX);
    const enum status status = group_begin(store, "put budget", err);
    return status != STATUS_OK ? status
                               : group_end(store, put_budget(store, entries, count, err), "put budget", err);
}

enum status store_get_budget(struct store *store, struct budget_entry *out_entries, size_t capacity,
                             size_t *out_count, struct err *err)
{
    struct query query = query_on(store, STATEMENT_BUDGET_GET);
    query_bind_integer(&query, (int64_t)capacity);
    size_t count = 0;
    enum status status = STATUS_OK;
    while (count < capacity && (status = query_step(store, &query, "get budget", err)) == STATUS_OK) {
        struct budget_entry *entry = &out_entries[count++];
        memset(entry, 0, sizeof(*entry));
        entry->restart_id = query_integer(&query);
        query_text(&query, entry->service, sizeof(entry->service));
        entry->age_ms = query_integer(&query);
    }
    return query_list_end(&query, status, count, out_count);
}

/* ---- settings ---- */

enum status store_put_setting(struct store *store, const char *name, const char *value, struct err *err)
{
    const enum status status = store_writable(store, err);
    if (status != STATUS_OK)
        return status;
    struct query put = query_on(store, STATEMENT_SETTING_PUT);
    query_bind_text(&put, name);
    query_bind_text(&put, value);
    return query_run(store, &put, "put setting", err);
}

enum status store_get_setting(struct store *store, const char *name, char *out_value, size_t capacity,
                              struct err *err)
{
    struct query query = query_on(store, STATEMENT_SETTING_GET);
    query_bind_text(&query, name);
    enum status status = query_step(store, &query, "get setting", err);
    if (status == STATUS_OK)
        query_text(&query, out_value, capacity);
    else if (status == STATUS_NOT_FOUND)
        err_set(err, status, "get setting", 0, "%s: the setting \"%s\" was never made", store->path, name);
    query_done(&query);
    return status;
}

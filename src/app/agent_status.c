/* agent_status.c - what `status` shows and what the metrics file holds: the agent's present state as JSON and
 * as OpenMetrics text. Only reads. */
#include "agent_internal.h"

#include "storewatch/advice.h"
#include "culprit_record.h"
#include "json_values.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

static json_t *metric_json(const struct watched *item, enum metric metric, int64_t shift_ms)
{
    struct verdict verdict;
    detector_verdict(item->detectors[metric], &verdict);
    int64_t exhaustion = verdict.exhaustion_ms == INT64_MAX ? INT64_MAX : verdict.exhaustion_ms + shift_ms;
    return json_pack("{s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o}", "metric",
                     metric_name(metric), "unit", unit_name(metric_unit(metric)), "now",
                     json_number(item->now[metric]), "verdict", verdict_state_name(verdict.state), "shape",
                     shape_name(verdict.shape), "slope_per_hour", json_number(verdict.slope_per_hour),
                     "slope_low", json_number(verdict.slope_low_per_hour), "slope_high",
                     json_number(verdict.slope_high_per_hour), "limit", json_number(verdict.limit),
                     "limit_name", verdict.limit_name ? json_words(verdict.limit_name) : json_null(),
                     "exhaustion_at", json_time(exhaustion), "samples", (json_int_t)verdict.sample_count,
                     "unknown", (json_int_t)verdict.unknown_count, "reason", json_words(verdict.reason));
}

static json_t *dlls_json(const struct found_client *found)
{
    json_t *list = json_array();
    for (size_t i = 0; found && i < found->dlls.count; i++) {
        const struct loaded_dll *dll = &found->dlls.items[i];
        char storage[DLL_TEXT_MAX];
        struct text text = text_on(storage, sizeof storage);
        struct defect_finding finding;
        defect_judge(dll, &finding);
        text_add_defect(&text, found->image, dll, &finding);
        json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:s, s:o}", "path", json_words(dll->path),
                                              "loaded", json_version(&dll->loaded), "on_disk",
                                              json_version(&dll->on_disk), "kb898782",
                                              fix_state_name(finding.fix), "text", json_words(storage)));
    }
    return list;
}

static json_t *client_line_json(const struct agent *agent, const struct watched *item)
{
    if (item->kind != TARGET_DISCOVERED)
        return json_null();
    const struct service *service =
        observation_service_of(agent->observations[agent->latest], item->process.pid);
    char storage[512];
    struct text text = text_on(storage, sizeof storage);
    text_add_client_line(&text, item->image, service ? service->name : "");
    return json_words(storage);
}

/* null: no limit (a 64-bit process), or not asked yet. Without numbers `why` says why. */
static json_t *space_json(const struct watched *item, int64_t shift_ms)
{
    static const char *const levels[] = {"fine", "warning", "error"};
    const struct watched_space *space = &item->space;
    double known = space->known ? 1.0 : (double)NAN;
    if (!space->asked || space->status == STATUS_UNSUPPORTED)
        return json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "limit",
                     json_number(space->now.limit_bytes * known), "free",
                     json_number(space->now.free_bytes * known), "largest_block",
                     json_number(space->now.largest_bytes * known), "free_blocks",
                     json_number(space->now.block_count * known), "read_at",
                     json_time(space->known ? space->read_mono_ms + shift_ms : 0), "level",
                     space->known ? json_string(levels[space->level]) : json_null(), "why",
                     json_words_or_null(space->why));
}

static json_t *watched_json(const struct agent *agent, const struct watched *item, int64_t shift_ms)
{
    const struct found_client *found = watch_found(&agent->engine->watch, item->process);
    json_t *metrics = json_array();
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (item->detectors[m])
            json_array_append_new(metrics, metric_json(item, (enum metric)m, shift_ms));
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
                     target_kind_name(item->kind), "target", json_words(item->target), "service",
                     json_words(item->service), "image", json_words(item->image), "pid",
                     (json_int_t)item->process.pid, "address_space_limit",
                     json_number(item->address_limit_bytes), "address_space", space_json(item, shift_ms),
                     "how", found ? json_words(found->how) : json_null(), "client",
                     client_line_json(agent, item), "dlls", dlls_json(found), "metrics", metrics);
}

static json_t *watched_list_json(const struct agent *agent, int64_t shift_ms)
{
    json_t *list = json_array();
    /* Until opened JOB_OPEN has the watch. */
    for (size_t i = 0; agent->opened && i < agent->engine->watch.count; i++)
        if (agent->engine->watch.items[i].present)
            json_array_append_new(list, watched_json(agent, &agent->engine->watch.items[i], shift_ms));
    return list;
}

static json_t *incidents_json(const struct agent *agent, int64_t shift_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct open_incident *open = &agent->engine->incidents[i];
        const struct incident *incident = &open->incident;
        if (incident->id == 0)
            continue;
        json_array_append_new(
            list, json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                            (json_int_t)incident->id, "target", json_words(incident->target), "metric",
                            metric_name(incident->metric), "state", incident_state_name(incident->state),
                            "opened_at", json_time(incident->opened_utc_ms), "slope_per_hour",
                            json_number(incident->slope_per_hour), "level", json_number(incident->level_now),
                            "exhaustion_at", json_time(incident->exhaustion_utc_ms), "reason",
                            json_words(incident->reason), "held_because",
                            json_words_or_null(incident->held_because), "culprits",
                            open->ranked ? culprit_ranking_json(&open->ranking, shift_ms) : json_null()));
    }
    return list;
}

/* The restart that goes on, or the latest one since storewatch was started. */
static json_t *restart_json(const struct agent *agent)
{
    const struct restart *restart = &agent->engine->restart;
    const struct restart_journal *journal = &restart->journal;
    if (journal->id == 0)
        return json_null();
    bool goes_on = engine_restarting(agent->engine);
    json_t *services = json_array();
    for (size_t i = 0; i < journal->plan.count; i++)
        json_array_append_new(services, json_words(journal->plan.services[i].name));
    const char *evidence = agent->evidence_restart_id == journal->id ? agent->evidence : "";
    return json_pack("{s:I, s:o, s:b, s:s, s:b, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
                     (json_int_t)journal->id, "target", json_words(journal->target), "under_way", goes_on,
                     "phase", restart_phase_name(journal->phase), "told_down", journal->told_down, "evidence",
                     json_words_or_null(evidence), "outcome", restart_outcome_name(journal->outcome),
                     "reason", json_words(journal->reason), "begun_at", json_time(journal->begun_utc_ms),
                     "ended_at", json_time(journal->ended_utc_ms), "waiting_for",
                     goes_on ? json_words(restart->waiting_for) : json_null(), "if_hangs",
                     goes_on ? json_words_or_null(restart->if_hangs) : json_null(), "called_off",
                     json_words_or_null(agent->engine->called_off), "services", services);
}

/* Oldest first. */
static json_t *events_json(const struct agent *agent)
{
    json_t *list = json_array();
    size_t count = agent->recent_next < RECENT_EVENTS_MAX ? agent->recent_next : RECENT_EVENTS_MAX;
    for (size_t i = agent->recent_next - count; i < agent->recent_next; i++) {
        const struct recent_event *event = &agent->recent[i % RECENT_EVENTS_MAX];
        json_array_append_new(list, json_pack("{s:o, s:i, s:s, s:o}", "at", json_time(event->utc_ms), "id",
                                              (int)alert_wording_get(event->kind)->event_id, "kind",
                                              alert_wording_get(event->kind)->name, "text",
                                              json_words(event->text)));
    }
    return list;
}

static json_t *maintenance_json(const struct agent *agent)
{
    int64_t until_utc_ms = agent->engine->maintenance_until_utc_ms;
    if (until_utc_ms <= os_utc_ms(agent->os))
        return json_null();
    return json_pack("{s:o, s:o}", "until", json_time(until_utc_ms), "reason",
                     json_words(agent->maintenance_reason));
}

static json_t *budget_json(const struct agent *agent)
{
    const struct engine *engine = agent->engine;
    bool known;
    uint32_t spent = policy_spent(&engine->config, engine->budget, engine->budget_count, &known);
    return json_pack("{s:I, s:I, s:I}", "spent", (json_int_t)spent, "max",
                     (json_int_t)engine->config.budget_max, "per_ms",
                     (json_int_t)engine->config.budget_per_ms);
}

static json_t *host_json(const struct agent *agent)
{
    const struct observation *observation = agent->observations[agent->latest];
    const struct host *host = &observation->host;
    double known = observation->host_known ? 1.0 : (double)NAN;
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "commit_bytes", json_number(host->commit_bytes * known),
                     "commit_limit_bytes", json_number(host->commit_limit_bytes * known), "available_bytes",
                     json_number(host->available_bytes * known), "paged_pool_bytes",
                     json_number(host->paged_pool_bytes * known), "nonpaged_pool_bytes",
                     json_number(host->nonpaged_pool_bytes * known));
}

static json_t *self_json(const struct agent *agent)
{
    struct os_self self;
    os_self_get(agent->os, &self);
    const struct engine *engine = agent->engine;
    return json_pack("{s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:I, s:I}", "private_bytes",
                     json_number(self.private_bytes), "handles", json_number(self.handle_count), "cpu_ms",
                     json_number(self.cpu_ms), "polls", (json_int_t)engine->look_count, "failed_polls",
                     (json_int_t)engine->failed_look_count, "missed_polls", (json_int_t)agent->missed_slots,
                     "last_look_ms", json_number(agent->looked ? (double)agent->look_took_ms : NAN),
                     "samples_dropped", (json_int_t)agent->samples_dropped, "incidents_dropped",
                     (json_int_t)agent->incidents_dropped);
}

/* What the wall clock did since storewatch was started. */
static json_t *clock_json(const struct agent *agent)
{
    return json_pack("{s:I, s:o, s:o}", "jumps", (json_int_t)agent->clock_jumps, "last_jump_at",
                     json_time(agent->clock_jump_utc_ms), "last_jump_ms",
                     json_number(agent->clock_jumps ? (double)agent->clock_jump_ms : NAN));
}

static json_t *search_json(const struct agent *agent)
{
    const struct agent_search *search = &agent->search;
    if (!agent->searched)
        return json_null();
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "took_ms", (json_int_t)search->took_ms, "looked_into",
                     (json_int_t)search->looked, "closed", (json_int_t)search->closed, "waiting",
                     (json_int_t)search->waiting, "left_out", (json_int_t)search->left_out);
}

static json_t *mail_json(const struct agent *agent)
{
    return json_pack("{s:I, s:I, s:I, s:o}", "sent", (json_int_t)agent->mails_sent, "dead",
                     (json_int_t)agent->mails_dead, "pending",
                     (json_int_t)agent->mails_pending + (json_int_t)agent->pending->mail_count, "last_answer",
                     agent->mail_answer[0] ? json_words(agent->mail_answer) : json_null());
}

/* Also before the first look, and while one hangs: then nobody knows either. */
static bool is_blind(const struct agent *agent)
{
    return !agent->opened || agent->look_overdue || agent->engine->blind;
}

char *agent_status_json(struct agent *agent)
{
    int64_t utc_ms = os_utc_ms(agent->os);
    int64_t shift_ms = utc_ms - os_mono_ms(agent->os);
    const struct engine *engine = agent->engine;
    json_t *root = json_pack(
        "{s:i, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", 1,
        "storewatch", STOREWATCH_VERSION, "host", json_words(agent->facts.host_name), "at", json_time(utc_ms),
        "mode", engine->config.mode == MODE_ACT ? "act" : "alert", "dry_run", engine->dry_run, "config",
        json_words(agent->config_path), "data_dir", json_words(agent->data_dir), "blind", is_blind(agent),
        "look_error", json_words_or_null(agent->look_error), "store_error",
        agent->store_failing ? json_words(agent->store_error) : json_null(), "watched",
        watched_list_json(agent, shift_ms), "incidents", incidents_json(agent, shift_ms), "restart",
        restart_json(agent), "budget", budget_json(agent), "machine", host_json(agent), "self",
        self_json(agent));
    if (root) {
        json_object_set_new(root, "event_error", json_words_or_null(agent->event_error));
        json_object_set_new(root, "metrics_error", json_words_or_null(agent->metrics_error));
        json_object_set_new(root, "mail", mail_json(agent));
        json_object_set_new(root, "search", search_json(agent));
        json_object_set_new(root, "clock", clock_json(agent));
        json_object_set_new(root, "maintenance", maintenance_json(agent));
        /* Until then it holds, but would not survive a crash of storewatch. */
        json_object_set_new(
            root, "maintenance_saved",
            json_boolean(!agent->pending->has_maintenance && !agent->flying->has_maintenance));
        json_object_set_new(root, "events", events_json(agent));
        json_object_set_new(root, "deciding", json_boolean(engine->deciding));
        json_object_set_new(root, "refused", json_words_or_null(engine->refused));
    }
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(root);
    return text;
}

/* ---- OpenMetrics ---- */

/* Label values escape backslash, quote and line feed (OpenMetrics 1.0, "ABNF"). */
static void add_label(struct buffer *out, const char *name, const char *value)
{
    buffer_add(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\\' || *value == '"')
            buffer_add_bytes(out, "\\", 1);
        if (*value == '\n')
            buffer_add_bytes(out, "\\n", 2);
        else
            buffer_add_bytes(out, value, 1);
    }
    buffer_add_bytes(out, "\"", 1);
}

static void add_item_labels(struct buffer *out, const struct watched *item, enum metric metric)
{
    buffer_add(out, "{");
    add_label(out, "target", item->target);
    buffer_add(out, ",");
    add_label(out, "image", item->image);
    buffer_add(out, ",pid=\"%u\",metric=\"%s\"} ", item->process.pid, metric_name(metric));
}

enum family { FAMILY_VALUE, FAMILY_UNBOUNDED, FAMILY_SLOPE, FAMILY_COUNT };

static void add_family(struct buffer *out, const struct agent *agent, enum family family)
{
    static const char *const names[FAMILY_COUNT] = {"storewatch_value", "storewatch_unbounded",
                                                    "storewatch_slope_per_hour"};
    static const char *const helps[FAMILY_COUNT] = {
        "Latest reading, in the metric's unit.", "1 while the verdict is unbounded.",
        "Growth of the present segment per hour, in the metric's unit."};
    buffer_add(out, "# TYPE %s gauge\n# HELP %s %s\n", names[family], names[family], helps[family]);
    for (size_t i = 0; i < agent->engine->watch.count; i++) {
        const struct watched *item = &agent->engine->watch.items[i];
        for (size_t m = 0; m < METRIC_COUNT; m++) {
            if (!item->present || !item->detectors[m])
                continue;
            struct verdict verdict;
            detector_verdict(item->detectors[m], &verdict);
            double value = family == FAMILY_VALUE   ? item->now[m]
                           : family == FAMILY_SLOPE ? verdict.slope_per_hour
                                                    : verdict.state == VERDICT_UNBOUNDED;
            if (!isfinite(value))
                continue; /* an unknown value is an absent one */
            buffer_add(out, "%s", names[family]);
            add_item_labels(out, item, (enum metric)m);
            buffer_add(out, "%.17g\n", value);
        }
    }
}

enum space_family { SPACE_FREE, SPACE_LARGEST, SPACE_LIMIT, SPACE_BLOCKS, SPACE_FAMILY_COUNT };

/* As they are: what the metrics "address space" and "outside largest block" tell from below. */
static void add_space_family(struct buffer *out, const struct agent *agent, enum space_family family)
{
    static const char *const names[SPACE_FAMILY_COUNT] = {
        "storewatch_address_space_free_bytes", "storewatch_address_space_largest_block_bytes",
        "storewatch_address_space_limit_bytes", "storewatch_address_space_free_blocks"};
    static const char *const helps[SPACE_FAMILY_COUNT] = {
        "What a process can still reserve (32-bit ones).",
        "In one piece; Exchange warns below 32 MiB (event 9582).", "What it could use in all.",
        "Pieces that what is free lies in."};
    buffer_add(out, "# TYPE %s gauge\n# HELP %s %s\n", names[family], names[family], helps[family]);
    for (size_t i = 0; i < agent->engine->watch.count; i++) {
        const struct watched *item = &agent->engine->watch.items[i];
        const struct space *space = &item->space.now;
        if (!item->present || !item->space.known || item->space.status != STATUS_OK)
            continue; /* an unknown value is an absent one */
        double values[SPACE_FAMILY_COUNT] = {space->free_bytes, space->largest_bytes, space->limit_bytes,
                                             space->block_count};
        buffer_add(out, "%s{", names[family]);
        add_label(out, "target", item->target);
        buffer_add(out, ",");
        add_label(out, "image", item->image);
        buffer_add(out, ",pid=\"%u\"} %.17g\n", item->process.pid, values[family]);
    }
}

/* Stopped, nothing but that is told: last readings would look current, and their alerts go on. */
char *agent_metrics_text(struct agent *agent)
{
    struct buffer out = {0};
    buffer_add(&out, "# TYPE storewatch_up gauge\n# HELP storewatch_up 0 once the service was stopped.\n");
    buffer_add(&out, "storewatch_up %d\n", !agent->stopping);
    for (int family = 0; !agent->stopping && family < SPACE_FAMILY_COUNT; family++)
        add_space_family(&out, agent, (enum space_family)family);
    for (int family = 0; !agent->stopping && family < FAMILY_COUNT; family++)
        add_family(&out, agent, (enum family)family);
    buffer_add(&out, "# EOF\n");
    if (out.failed) {
        buffer_deinit(&out);
        return NULL;
    }
    return buffer_take(&out);
}

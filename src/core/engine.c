/* engine.c - see engine.h. One step, in the order of the data:
 *
 *     sight      could the machine be read?
 *     watch      who is there, new samples into the detectors
 *     incidents  open, remind, escalate, clear, end
 *     restart    the one that goes on takes its next step; incidents it served are resolved
 *     decision   an open incident may begin a restart: rung, pre-flight, plan, pre-flight again
 *
 * Invariants: at most one request is out and at most one restart goes on. Every transition of an incident
 * puts it into actions->incidents in the same step as the alert that tells it, so that both are saved
 * together. */
#include "engine_internal.h"

#include "storewatch/advice.h"

#include <stdlib.h>
#include <string.h>

/* This many looks in a row must fail before ops are told: one failure may be a passing lack of memory. */
#define BLIND_AFTER_LOOKS 5
/* Sight that was lost is back after so long, or a reminder if that is shorter. */
#define SIGHT_STEADY_MS MS_PER_HOUR
/* While a restart goes on its services are looked at this often, or at each poll if that is more often. */
#define RESTART_LOOK_MS 1000

void actions_clear(struct actions *actions)
{
    actions->alert_count = 0;
    actions->incident_count = 0;
    actions->save_restart = false;
    actions->save_budget = actions->save_stopped = false;
    actions->request.kind = ENGINE_NOTHING;
}

struct engine *engine_new(const struct config *config, const char *host_name)
{
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return NULL;
    engine->config = *config;
    text_copy(engine->host_name, sizeof engine->host_name, host_name);
    engine->journal_writable = true;
    for (size_t m = 0; m < METRIC_COUNT; m++)
        engine->explained_lowest[m] = READING_UNKNOWN;
    growers_init(&engine->growers, config->interval_ms, config->min_window_ms);
    engine->restart.journal.phase = RESTART_IDLE;
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    watch_deinit(&engine->watch);
    service_graph_deinit(&engine->graph);
    free(engine);
}

bool engine_restarting(const struct engine *engine)
{
    enum restart_phase phase = engine->restart.journal.phase;
    return phase != RESTART_IDLE && phase != RESTART_ENDED;
}

int64_t engine_look_every_ms(const struct engine *engine)
{
    if (!engine_restarting(engine) && !engine->deciding)
        return INT64_MAX;
    return smaller(engine->config.interval_ms, RESTART_LOOK_MS);
}

/* ---- sight ---- */

bool sight_lost(struct sight *sight, int64_t mono_ms, int64_t reminder_ms)
{
    sight->steady = false;
    return !sight->told_lost || mono_ms - sight->told_mono_ms >= reminder_ms;
}

bool sight_seen(struct sight *sight, int64_t mono_ms, int64_t reminder_ms)
{
    if (!sight->steady)
        sight->steady_mono_ms = mono_ms;
    sight->steady = true;
    return sight->told_lost && mono_ms - sight->steady_mono_ms >= smaller(reminder_ms, SIGHT_STEADY_MS);
}

void sight_told(struct sight *sight, bool lost, int64_t mono_ms)
{
    sight->told_lost = lost;
    sight->told_mono_ms = mono_ms;
}

static void tell_sight_back(struct step *step)
{
    struct alert *alert = step_alert_begin(step, ALERT_SIGHT_BACK);
    if (!alert)
        return;
    sight_told(&step->engine->sight, false, step->clock.mono_ms);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "They could be read all the time since ");
    text_add_time_human(&text,
                        step->clock.utc_ms - (step->clock.mono_ms - step->engine->sight.steady_mono_ms));
    text_add(&text, ".");
}

/* For as long as several looks take: also when there were fewer, because one hung. */
static void follow_processes(struct step *step)
{
    struct engine *engine = step->engine;
    const int64_t interval_ms = engine->config.interval_ms;
    if (step->observation->processes_known)
        engine->seen_mono_ms = step->observation->mono_ms;
    engine->unseen = step->clock.mono_ms - engine->seen_mono_ms >=
                     BLIND_AFTER_LOOKS * (interval_ms > RESTART_LOOK_MS ? interval_ms : RESTART_LOOK_MS);
}

static void follow_sight(struct step *step)
{
    struct engine *engine = step->engine;
    const struct observation *observation = step->observation;
    const int64_t mono_ms = step->clock.mono_ms, reminder_ms = engine->config.reminder_ms;
    follow_processes(step);
    engine->look_count++;
    if (observation->processes_known && observation->services_known) {
        engine->failed_in_row = 0;
        engine->blind = false;
        if (sight_seen(&engine->sight, mono_ms, reminder_ms))
            tell_sight_back(step);
        return;
    }
    const bool is_news = sight_lost(&engine->sight, mono_ms, reminder_ms);
    engine->failed_look_count++;
    engine->failed_in_row++;
    engine->blind |= engine->failed_in_row >= BLIND_AFTER_LOOKS;
    if (!engine->blind || !is_news)
        return;
    struct alert *alert = step_alert_begin(step, ALERT_BLIND);
    if (!alert)
        return;
    sight_told(&engine->sight, true, mono_ms);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "%llu looks in a row failed: %s could not be read.",
             (unsigned long long)engine->failed_in_row,
             observation->processes_known ? "the services" : "the processes");
    advice_add(alert, &engine->config, false);
}

/* ---- the entries ---- */

/* Returns whether there was something to age. */
static bool age_budget_until(struct engine *engine, int64_t mono_ms)
{
    const bool ages =
        engine->stepped_mono_ms && mono_ms > engine->stepped_mono_ms && engine->budget_count > 0;
    if (ages)
        policy_age_budget(engine->budget, &engine->budget_count, mono_ms - engine->stepped_mono_ms);
    engine->stepped_mono_ms = mono_ms;
    return ages;
}

static void age_budget(struct step *step)
{
    struct engine *engine = step->engine;
    if (age_budget_until(engine, step->clock.mono_ms) &&
        step->clock.mono_ms - engine->budget_saved_mono_ms >= MS_PER_MINUTE) {
        step->actions->save_budget = true;
        engine->budget_saved_mono_ms = step->clock.mono_ms;
    }
}

/* So much more than the clock is bent by between two steps: then it was set. */
#define CLOCK_SET_MS (5 * MS_PER_SECOND)

/* What a person asked for in this life is a time that passes. */
static void follow_maintenance(struct engine *engine, int64_t before_utc_ms, int64_t moved_ms)
{
    if (engine->maintenance_passes && engine->maintenance_until_utc_ms > before_utc_ms &&
        llabs(moved_ms) >= CLOCK_SET_MS)
        engine->maintenance_until_utc_ms += moved_ms;
}

/* The clock was set: what was foreseen is as far off as before (verdicts say it anew, but not at each look),
 * and what has been, as long ago. That is noted beside the incident: the history, and the keys of its mails,
 * have when it opened as the clock showed it then. */
void engine_follow_clock(struct engine *engine, struct clock clock)
{
    int64_t shift_ms = clock_shift_ms(clock);
    int64_t moved_ms = engine->stepped_mono_ms ? shift_ms - engine->shift_ms : 0;
    engine->shift_ms = shift_ms;
    follow_maintenance(engine, clock.utc_ms - moved_ms, moved_ms);
    for (size_t i = 0; i < TOLD_STOPPED_MAX; i++)
        engine->stopped[i].clock_moved_ms += moved_ms;
    for (size_t i = 0; moved_ms && i < INCIDENTS_MAX; i++) {
        struct incident *incident = &engine->incidents[i].incident;
        engine->incidents[i].clock_moved_ms += moved_ms;
        int64_t *const times[] = {&incident->exhaustion_utc_ms, &incident->exhaustion_early_utc_ms,
                                  &incident->exhaustion_late_utc_ms};
        for (size_t t = 0; t < ARRAY_COUNT(times); t++)
            if (*times[t] != INT64_MAX)
                *times[t] += moved_ms;
    }
}

_Static_assert(WATCHED_MAX <= GROWERS_KEPT_MAX && GROWERS_KEPT_MAX < GROWERS_MAX, "all have room");

void engine_keep_watched(struct engine *engine)
{
    struct process_id watched[WATCHED_MAX];
    size_t count = 0;
    for (size_t i = 0; i < engine->watch.count; i++)
        if (engine->watch.items[i].present && engine->watch.items[i].kind != TARGET_HOST)
            watched[count++] = engine->watch.items[i].process;
    growers_keep(&engine->growers, watched, count);
}

void engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                 bool sample_due, struct actions *out_actions)
{
    struct step step = {engine, observation, clock, out_actions};
    actions_clear(out_actions);
    engine_follow_clock(engine, clock);
    age_budget(&step);
    if (sample_due)
        follow_sight(&step);
    watch_look(&engine->watch, &engine->config, observation);
    if (sample_due) {
        watch_push(&engine->watch, &engine->config, observation);
        engine_keep_watched(engine);
        growers_push(&engine->growers, observation);
    } else {
        growers_follow_ends(&engine->growers, observation);
    }
    culprit_note_ended(&engine->ended, &engine->growers, &engine->watch);
    step_adopt_registered(&step);
    step_follow_unnamed(&step);
    if (observation->processes_known)
        step_follow_gone(&step);
    if (sample_due) {
        step_follow_incidents(&step);
        step_follow_spaces(&step);
        step_follow_stopped(&step);
        step_follow_digest(&step);
    }
    step_follow_restart(&step);
    if (sample_due && observation->processes_known)
        step_decide(&step);
    if (sample_due)
        step_follow_handed_over(&step);
    engine_mark_needed(engine);
    watch_forget_gone(&engine->watch);
}

void engine_told(struct engine *engine, const struct engine_request *request, enum status status,
                 const struct err *err, struct service_graph *graph, const struct observation *observation,
                 struct clock clock, struct actions *out_actions)
{
    struct step step = {engine, observation, clock, out_actions};
    actions_clear(out_actions);
    engine_follow_clock(engine, clock);
    age_budget(&step); /* the restart that may begin here is not as old as the latest look */
    if (request->kind == ENGINE_GATHER_EVIDENCE) {
        step_evidence_told(&step, request, status, err);
        step_follow_restart(&step);
        return;
    }
    engine->out.kind = ENGINE_NOTHING;
    if (request->kind == ENGINE_READ_GRAPH) {
        if (status == STATUS_OK) {
            service_graph_deinit(&engine->graph);
            engine->graph = *graph;
            memset(graph, 0, sizeof *graph);
        }
        engine->graph_told_mono_ms = clock.mono_ms;
        if (engine_restarting(engine)) /* that took time, too: what comes next rests on a look after it */
            engine->restart.told_mono_ms = clock.mono_ms;
        if (engine->deciding) {
            engine->deciding = false;
            if (status == STATUS_OK)
                step_decide_with_graph(&step);
            else
                step_refuse_plan(&step, CHECK_PLAN, err ? err->text : status_text(status));
        }
    } else {
        struct restart_request told = {.kind = request->kind == ENGINE_STOP_SERVICE    ? REQUEST_STOP
                                               : request->kind == ENGINE_START_SERVICE ? REQUEST_START
                                                                                       : REQUEST_TERMINATE};
        text_copy(told.service, sizeof told.service, request->service);
        uint32_t code = err ? err->code : 0;
        restart_told(&engine->restart, &told, status, code, clock.mono_ms);
        if (told.kind == REQUEST_TERMINATE)
            step_tell_terminated(&step, request->service);
        /* Somebody started a dependent meanwhile, or changed the service: look at the configuration again. */
        engine->graph_wanted =
            status != STATUS_OK && (told.kind == REQUEST_START || code == RESTART_DEPENDENTS_RUNNING);
    }
    step_follow_restart(&step);
}

enum status engine_restart_by_hand(struct engine *engine, const char *service, const char *reason,
                                   struct actions *out_actions, struct err *err)
{
    if (engine_restarting(engine) || engine->deciding || engine->out.kind != ENGINE_NOTHING)
        return err_set(err, STATUS_BUSY, "restart", 0, "a restart of %s is already under way",
                       engine_restarting(engine) ? engine->restart.journal.target : engine->wanted.target);
    actions_clear(out_actions);
    engine->wanted = (struct restart_journal){.rung = RUNG_ALERT};
    text_copy(engine->wanted.target, sizeof engine->wanted.target, service);
    text_copy(engine->wanted.reason, sizeof engine->wanted.reason, reason);
    engine->refused[0] = '\0';
    engine->deciding = true;
    engine->by_hand = true;
    engine->out.kind = ENGINE_READ_GRAPH;
    engine->out.service[0] = '\0';
    out_actions->request = engine->out;
    return STATUS_OK;
}

void engine_configure(struct engine *engine, const struct config *config)
{
    engine->digest.told &= engine->config.digest_minute == config->digest_minute; /* moved, it begins anew */
    engine->config = *config;
    growers_init(&engine->growers, config->interval_ms, config->min_window_ms);
    watch_drop_unnamed(&engine->watch, config);
}

void engine_restore_incidents(struct engine *engine, const struct incident *incidents, size_t count,
                              int64_t last_id, struct clock clock)
{
    const int64_t known_id = engine->file_known ? engine->last_incident_id : 0;
    if (last_id > engine->last_incident_id)
        engine->last_incident_id = last_id;
    for (size_t i = 0; i < count; i++) {
        const struct incident *incident = &incidents[i];
        if (incident->id <= known_id)
            continue; /* open still, or closed since */
        if (incident->state == INCIDENT_CLOSED) {
            int64_t ago_ms = clock.utc_ms - incident->closed_utc_ms;
            if (ago_ms >= 0)
                engine_remember_ladder(engine, incident, clock.mono_ms - ago_ms);
            continue;
        }
        bool known = engine_incident_of(engine, incident->process, incident->target, incident->metric);
        struct open_incident *open = known ? NULL : engine_free_slot(engine);
        if (!open)
            continue;
        int64_t ago_ms = clock.utc_ms - incident->told_utc_ms;
        int64_t boot_utc_ms = clock_shift_ms(clock);
        *open = (struct open_incident){
            .incident = *incident,
            .of_earlier_boot = !engine->boot_goes_on && incident->target_kind == TARGET_HOST &&
                               incident->opened_utc_ms < boot_utc_ms,
            .began_before_boot = !engine->boot_goes_on && incident->target_kind != TARGET_HOST &&
                                 process_created_utc_ms(incident->process) < boot_utc_ms,
            .told_end_mono_ms = incident_end_mono_ms(incident, boot_utc_ms),
            .told_mono_ms = clock.mono_ms - (ago_ms > 0 ? ago_ms : 0)};
    }
}

int64_t engine_goes_on_as(struct engine *engine, const struct incident *incident)
{
    const struct open_incident *open =
        engine_incident_of(engine, incident->process, incident->target, incident->metric);
    return open && open->incident.id != incident->id ? open->incident.id : 0;
}

/* What goes on already comes before what was about to be decided. */
static void drop_decision(struct engine *engine)
{
    if (engine->deciding && engine->by_hand) {
        struct text refused = text_on(engine->refused, sizeof engine->refused);
        text_add(&refused, "a restart of %s is already under way", engine->restart.journal.target);
    }
    engine->deciding = false;
}

void engine_restore_restarts(struct engine *engine, const struct restart_journal *journals, size_t count,
                             int64_t mono_ms)
{
    const int64_t known_id = engine->file_known ? engine->last_restart_id : 0;
    engine_restore_attempts(engine, journals, count, mono_ms);
    for (size_t i = 0; i < count; i++) {
        if (journals[i].id > engine->last_restart_id)
            engine->last_restart_id = journals[i].id;
        if (journals[i].outcome == RESTART_HANDED_OVER && journals[i].id > engine->handed_over.id)
            engine->handed_over = journals[i];
        if (journals[i].phase == RESTART_IDLE || journals[i].phase == RESTART_ENDED ||
            journals[i].id <= known_id || engine_restarting(engine))
            continue;
        restart_resume(&engine->restart, &engine->config, &journals[i], mono_ms);
        drop_decision(engine);
        engine->by_hand = journals[i].incident_id == 0;
        engine->graph_wanted = true;
        engine->resumed = true;
        text_copy(engine->story[0], ALERT_LINE_MAX,
                  "storewatch itself was restarted in the middle of this restart and goes on.");
        engine->story_count = 1;
    }
}

void engine_restore_budget(struct engine *engine, const struct budget_entry *entries, size_t count,
                           int64_t mono_ms)
{
    if (engine->stepped_mono_ms) /* what comes with the file is not older by the time since the latest step */
        age_budget_until(engine, mono_ms);
    for (size_t i = 0; i < count && engine->budget_count < BUDGET_ENTRIES_MAX; i++) {
        if (entries[i].restart_id > engine->last_restart_id)
            engine->last_restart_id = entries[i].restart_id;
        bool known = engine->file_known; /* what was taken out since, or lost on the disk only, stays out */
        for (size_t k = 0; k < engine->budget_count; k++)
            known |= engine->budget[k].restart_id == entries[i].restart_id;
        if (!known)
            engine->budget[engine->budget_count++] = entries[i];
    }
    engine->file_known = true;
}

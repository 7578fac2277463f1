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
#include "storewatch/engine.h"

#include "storewatch/advice.h"

#include <stdlib.h>
#include <string.h>

/* This many looks in a row must fail before ops are told: one failure may be a passing lack of memory. */
#define BLIND_AFTER_LOOKS 5
/* While a restart goes on its services are looked at this often, or at each poll if that is more often. */
#define RESTART_LOOK_MS 1000
/* After a refused plan the next attempt waits this many polls, but at most RETRY_DECISION_MS. */
#define RETRY_DECISION_POLLS 10
#define RETRY_DECISION_MS MS_PER_MINUTE
/* Reserve for the alerts of a restart when many incidents open in one step. */
#define ALERTS_RESERVED 8

struct step {
    struct engine *engine;
    const struct observation *observation;
    struct clock clock;
    struct actions *actions;
};

void actions_clear(struct actions *actions)
{
    actions->alert_count = 0;
    actions->incident_count = 0;
    actions->save_restart = false;
    actions->save_budget = false;
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
    return engine->config.interval_ms < RESTART_LOOK_MS ? engine->config.interval_ms : RESTART_LOOK_MS;
}

/* ---- saving and telling ---- */

static void save_incident(struct step *step, const struct incident *incident)
{
    struct actions *actions = step->actions;
    for (size_t i = 0; i < actions->incident_count; i++)
        if (actions->incidents[i].id == incident->id) {
            actions->incidents[i] = *incident;
            return;
        }
    if (actions->incident_count < INCIDENTS_MAX)
        actions->incidents[actions->incident_count++] = *incident;
}

static bool room_to_tell(const struct step *step)
{
    return step->actions->alert_count < ACTIONS_ALERTS_MAX - ALERTS_RESERVED;
}

static struct alert *alert_begin(struct step *step, enum alert_kind kind)
{
    struct actions *actions = step->actions;
    if (actions->alert_count == ACTIONS_ALERTS_MAX)
        return NULL;
    struct alert *alert = &actions->alerts[actions->alert_count++];
    memset(alert, 0, sizeof *alert);
    alert->kind = kind;
    alert->utc_ms = step->clock.utc_ms;
    text_copy(alert->host_name, sizeof alert->host_name, step->engine->host_name);
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld", alert_wording_get(kind)->name, (long long)step->clock.utc_ms);
    return alert;
}

static size_t add_points(struct alert *alert, const struct watched *item, enum metric metric, size_t capacity,
                         int64_t shift_ms)
{
    if (!item || !item->detectors[metric])
        return 0;
    struct series_point *points = alert->points + alert->point_count;
    size_t count = detector_points(item->detectors[metric], points, capacity);
    for (size_t i = 0; i < count; i++)
        points[i].t_ms += shift_ms;
    alert->point_count += count;
    return count;
}

/* The incarnation that took the place of the incident's; NULL while there is none. */
static struct watched *successor(struct engine *engine, const struct incident *incident)
{
    for (size_t i = 0; i < engine->watch.count; i++) {
        struct watched *item = &engine->watch.items[i];
        if (item->present && item->kind == incident->target_kind &&
            text_equal_nocase(item->target, incident->target) &&
            text_equal_nocase(item->image, incident->image) &&
            item->process.created_100ns > incident->process.created_100ns)
            return item;
    }
    return NULL;
}

/* The growth, and after a restart what came of it, in one chart. */
static void add_chart(struct step *step, struct alert *alert, const struct incident *incident)
{
    int64_t shift_ms = step->clock.utc_ms - step->clock.mono_ms;
    struct watched *item = watch_find(&step->engine->watch, incident->process);
    struct watched *next = item && !item->present ? successor(step->engine, incident) : NULL;
    add_points(alert, item, incident->metric, next ? ALERT_POINTS_MAX * 3 / 4 : ALERT_POINTS_MAX, shift_ms);
    add_points(alert, next, incident->metric, ALERT_POINTS_MAX - alert->point_count, shift_ms);
    if (!item || !item->detectors[incident->metric])
        return;
    struct verdict verdict;
    detector_verdict(item->detectors[incident->metric], &verdict);
    if (verdict.state != VERDICT_UNBOUNDED)
        return;
    alert->has_fit = true;
    alert->fit_from_utc_ms = verdict.fit_from_ms + shift_ms;
    alert->fit_to_utc_ms = verdict.at_ms + shift_ms;
    alert->fit_from = verdict.fit_from;
    alert->fit_to = verdict.fit_to;
}

/* What is known of the growing program. */
static void add_program(struct step *step, struct alert *alert, const struct incident *incident)
{
    const struct found_client *found = watch_found(&step->engine->watch, incident->process);
    if (found)
        alert->dlls = found->dlls;
    const struct service *service = observation_service_of(step->observation, incident->process.pid);
    if (service && incident->target_kind == TARGET_DISCOVERED)
        text_copy(alert->hosted_by, sizeof alert->hosted_by, service->name);
}

/* Begins an alert about an incident. Each mailed one is a telling of its own: its number makes the mail's
 * key. */
static struct alert *alert_incident(struct step *step, enum alert_kind kind, struct open_incident *open)
{
    struct alert *alert = alert_begin(step, kind);
    if (!alert)
        return NULL;
    struct incident *incident = &open->incident;
    if (alert_wording_get(kind)->mailed) {
        incident->told_count++;
        incident->told_utc_ms = step->clock.utc_ms;
        open->told_mono_ms = step->clock.mono_ms;
    }
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "i%lld-%u", (long long)incident->id, incident->told_count);
    alert->has_incident = true;
    alert->incident = *incident;
    add_chart(step, alert, incident);
    add_program(step, alert, incident);
    save_incident(step, incident);
    return alert;
}

static void add_story(const struct engine *engine, struct alert *alert)
{
    for (size_t i = 0; i < engine->story_count; i++)
        alert_add_done(alert, "%s", engine->story[i]);
}

/* ---- sight ---- */

static void follow_sight(struct step *step)
{
    struct engine *engine = step->engine;
    const struct observation *observation = step->observation;
    engine->look_count++;
    if (observation->processes_known && observation->services_known) {
        engine->failed_in_row = 0;
        if (engine->blind && alert_begin(step, ALERT_SIGHT_BACK))
            engine->blind = false;
        return;
    }
    engine->failed_look_count++;
    engine->failed_in_row++;
    if (engine->blind || engine->failed_in_row < BLIND_AFTER_LOOKS)
        return;
    struct alert *alert = alert_begin(step, ALERT_BLIND);
    if (!alert)
        return;
    engine->blind = true;
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "%llu looks in a row failed: %s could not be read.",
             (unsigned long long)engine->failed_in_row,
             observation->processes_known ? "the services" : "the processes");
    advice_add(alert, &engine->config, false);
}

/* ---- incidents ---- */

static struct open_incident *incident_find(struct engine *engine, const struct watched *item,
                                           enum metric metric)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        if (open->incident.id && open->incident.metric == metric &&
            process_id_equal(open->incident.process, item->process) &&
            text_equal_nocase(open->incident.target, item->target))
            return open;
    }
    return NULL;
}

static struct open_incident *free_slot(struct engine *engine)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id == 0)
            return &engine->incidents[i];
    return NULL;
}

static struct open_incident *incident_by_id(struct engine *engine, int64_t id)
{
    for (size_t i = 0; id && i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id == id)
            return &engine->incidents[i];
    return NULL;
}

static struct ladder_memory *ladder_memory_find(struct engine *engine, const char *target)
{
    for (size_t i = 0; i < engine->ladder_memory_count; i++)
        if (text_equal_nocase(engine->ladder_memory[i].target, target))
            return &engine->ladder_memory[i];
    return NULL;
}

static void ladder_remember(struct engine *engine, const struct incident *incident, int64_t mono_ms)
{
    struct ladder_memory *memory = ladder_memory_find(engine, incident->target);
    if (!memory) {
        if (engine->ladder_memory_count == LADDER_MEMORY_MAX)
            return;
        memory = &engine->ladder_memory[engine->ladder_memory_count++];
        text_copy(memory->target, sizeof memory->target, incident->target);
    }
    memory->rungs_tried = incident->rungs_tried;
    memory->mono_ms = mono_ms;
}

/* Closes with the alert that tells why, and frees the slot. NULL when there was no room: then nothing
 * changed. */
static struct alert *incident_close(struct step *step, struct open_incident *open, enum alert_kind kind)
{
    struct incident *incident = &open->incident;
    int64_t was_closed = incident->closed_utc_ms;
    enum incident_state was = incident->state;
    incident->state = INCIDENT_CLOSED;
    incident->closed_utc_ms = step->clock.utc_ms;
    struct alert *alert = alert_incident(step, kind, open);
    if (!alert) {
        incident->state = was;
        incident->closed_utc_ms = was_closed;
        return NULL;
    }
    ladder_remember(step->engine, incident, step->clock.mono_ms);
    memset(open, 0, sizeof *open);
    return alert;
}

static bool process_incident_open(const struct engine *engine)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *incident = &engine->incidents[i].incident;
        if (incident->id && incident->target_kind != TARGET_HOST)
            return true;
    }
    return false;
}

static bool near_exhaustion(const struct step *step, const struct incident *incident)
{
    return incident->exhaustion_early_utc_ms != INT64_MAX &&
           incident->exhaustion_early_utc_ms - step->clock.utc_ms < step->engine->config.urgent_before_ms;
}

static bool consider(struct step *step, struct open_incident *open, struct restart_journal *out_wanted,
                     enum check *out_failed);

/* The sentence about what storewatch itself does next. Returns whether it acts. */
static bool say_what_happens(struct step *step, struct alert *alert, struct open_incident *open)
{
    struct restart_journal wanted;
    enum check failed = CHECK_COUNT;
    bool acts = consider(step, open, &wanted, &failed);
    if (failed != CHECK_COUNT)
        open->held_told |= 1u << failed;
    if (engine_restarting(step->engine))
        alert_add_done(alert, "A controlled restart of %s is under way.",
                       step->engine->restart.journal.target);
    else if (acts)
        alert_add_done(alert, "storewatch restarts %s now (rung \"%s\").", wanted.target,
                       rung_name(wanted.rung));
    else
        alert_add_done(alert, "storewatch restarts nothing now: %s.", open->incident.held_because);
    alert->incident = open->incident;
    return acts;
}

/* One mail for one leak: a process that grows explains the machine's growth, and its verdict may come a
 * little later than the machine's. So the machine's growth is told only when it has stayed unexplained for
 * half a window, or when it is urgent. */
static bool is_explained(struct step *step, enum metric metric, const struct verdict *verdict)
{
    struct engine *engine = step->engine;
    int64_t *since_ms = &engine->unexplained_mono_ms[metric];
    if (process_incident_open(engine) || engine_restarting(engine)) {
        *since_ms = 0;
        engine->explained_mono_ms = step->clock.mono_ms;
        return true;
    }
    if (*since_ms == 0)
        *since_ms = step->clock.mono_ms;
    bool urgent = verdict->exhaustion_early_ms != INT64_MAX &&
                  verdict->exhaustion_early_ms - step->clock.mono_ms < engine->config.urgent_before_ms;
    /* Just after a process' growth was ended, the machine's verdict is still about that. */
    int64_t patience_ms = engine->config.min_window_ms / 2;
    bool fresh = engine->explained_mono_ms && step->clock.mono_ms - engine->explained_mono_ms < patience_ms;
    return (fresh || !urgent) && step->clock.mono_ms - *since_ms < patience_ms;
}

static void incident_open(struct step *step, struct watched *item, enum metric metric,
                          const struct verdict *verdict)
{
    struct engine *engine = step->engine;
    if (item->kind == TARGET_HOST && is_explained(step, metric, verdict))
        return;
    struct open_incident *open = free_slot(engine);
    if (!open || !room_to_tell(step))
        return; /* the verdict stays unbounded: the next step tries again */
    memset(open, 0, sizeof *open);
    struct incident *incident = &open->incident;
    incident->id = ++engine->last_incident_id;
    incident->target_kind = item->kind;
    text_copy(incident->target, sizeof incident->target, item->target);
    text_copy(incident->service, sizeof incident->service, item->service);
    text_copy(incident->image, sizeof incident->image, item->image);
    incident->process = item->process;
    incident->metric = metric;
    incident->state = INCIDENT_OPEN;
    int64_t shift_ms = step->clock.utc_ms - step->clock.mono_ms;
    incident_update(incident, verdict, shift_ms);
    incident->onset_utc_ms = verdict->onset_ms + shift_ms;
    incident->opened_utc_ms = step->clock.utc_ms;
    incident->level_at_open = verdict->value;
    incident->level_at_onset = verdict->value - verdict->growth;
    incident->rungs_tried = 1u << RUNG_ALERT;
    incident->escalated = near_exhaustion(step, incident);
    struct ladder_memory *memory = ladder_memory_find(engine, incident->target);
    bool again = memory && step->clock.mono_ms - memory->mono_ms < engine->config.budget_min_interval_ms &&
                 memory->rungs_tried & ~(1u << RUNG_ALERT);
    if (again)
        incident->rungs_tried |= memory->rungs_tried;
    open->seen_unbounded = true;

    struct alert *alert = alert_incident(step, ALERT_OPENED, open);
    if (!alert)
        return;
    if (again)
        alert_add_done(
            alert, "The growth is back soon after a restart: the rungs tried before are not tried again.");
    bool acts = say_what_happens(step, alert, open);
    save_incident(step, incident);
    advice_add(alert, &engine->config, acts);
}

static void incident_tell_again(struct step *step, struct open_incident *open, enum alert_kind kind)
{
    if (!room_to_tell(step))
        return;
    if (kind == ALERT_ESCALATED)
        open->incident.escalated = true;
    struct alert *alert = alert_incident(step, kind, open);
    if (!alert)
        return;
    if (open->incident.rungs_tried & ~(1u << RUNG_ALERT))
        add_story(step->engine, alert);
    bool acts = say_what_happens(step, alert, open);
    save_incident(step, &open->incident);
    advice_add(alert, &step->engine->config, acts);
}

static void incident_grows_on(struct step *step, struct open_incident *open, const struct verdict *verdict)
{
    open->seen_unbounded = true;
    open->bounded_mono_ms = 0;
    incident_update(&open->incident, verdict, step->clock.utc_ms - step->clock.mono_ms);
    if (!open->incident.escalated && near_exhaustion(step, &open->incident))
        incident_tell_again(step, open, ALERT_ESCALATED);
    else if (step->clock.mono_ms - open->told_mono_ms >= step->engine->config.reminder_ms)
        incident_tell_again(step, open, ALERT_REMINDER);
}

/* The detector has hysteresis of its own. But one that was rebuilt after a restart of storewatch and has not
 * seen the growth itself must say `bounded` for as long as a verdict takes before it is believed. */
static void incident_may_clear(struct step *step, struct open_incident *open, const struct verdict *verdict)
{
    if (open->bounded_mono_ms == 0)
        open->bounded_mono_ms = step->clock.mono_ms;
    open->incident.level_now = verdict->value;
    bool believed = open->seen_unbounded ||
                    step->clock.mono_ms - open->bounded_mono_ms >= step->engine->config.min_window_ms;
    if (!believed || !room_to_tell(step))
        return;
    text_copy(open->incident.reason, sizeof open->incident.reason, verdict->reason);
    struct alert *alert = incident_close(step, open, ALERT_RECOVERED);
    if (alert)
        alert_add_done(alert, "The growth stopped by itself: %s.", verdict->reason);
}

static void follow_item(struct step *step, struct watched *item, enum metric metric)
{
    if (!item->present || !item->detectors[metric])
        return;
    struct open_incident *open = incident_find(step->engine, item, metric);
    struct verdict verdict;
    detector_verdict(item->detectors[metric], &verdict);
    if (!open) {
        if (verdict.state == VERDICT_UNBOUNDED)
            incident_open(step, item, metric, &verdict);
        else if (item->kind == TARGET_HOST)
            step->engine->unexplained_mono_ms[metric] = 0;
        return;
    }
    if (open->incident.state != INCIDENT_OPEN)
        return;
    if (verdict.state == VERDICT_UNBOUNDED)
        incident_grows_on(step, open, &verdict);
    else if (verdict.state == VERDICT_BOUNDED)
        incident_may_clear(step, open, &verdict);
    else
        open->bounded_mono_ms = 0;
}

/* Does the restart that goes on end this incident's process? It may be the process of a service of the plan,
 * its child (Store.Worker), or a program of another name that comes and goes with the service (a client by
 * image). */
static bool in_running_plan(const struct engine *engine, const struct incident *incident)
{
    const struct restart_plan *plan = &engine->restart.journal.plan;
    for (size_t i = 0; engine_restarting(engine) && i < plan->count; i++)
        if (process_id_equal(plan->services[i].process, incident->process) ||
            (incident->service[0] && text_equal_nocase(plan->services[i].name, incident->service)))
            return true;
    return false;
}

/* Not watched, but there: after a restart of storewatch while the services cannot be read yet, or one that is
 * not registered and is found a little later. What runs has not ended. */
static bool not_found_yet(const struct step *step, const struct incident *incident)
{
    const struct process *process = observation_process(step->observation, incident->process.pid);
    return process && process_id_equal(process->id, incident->process);
}

/* A discovered program that has been registered meanwhile: its incident goes on as that of the client, and
 * the ladder is open to it. */
static void adopt_registered(struct step *step)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct incident *incident = &step->engine->incidents[i].incident;
        const struct watched *item = incident->id && incident->target_kind == TARGET_DISCOVERED
                                         ? watch_find(&step->engine->watch, incident->process)
                                         : NULL;
        if (!item || item->kind == TARGET_DISCOVERED)
            continue;
        incident->target_kind = item->kind;
        text_copy(incident->target, sizeof incident->target, item->target);
        text_copy(incident->service, sizeof incident->service, item->service);
        save_incident(step, incident);
    }
}

/* The process of an open incident is gone: by our restart, or by itself. */
static void follow_gone(struct step *step)
{
    struct engine *engine = step->engine;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        struct incident *incident = &open->incident;
        if (!incident->id || incident->state != INCIDENT_OPEN || incident->target_kind == TARGET_HOST)
            continue;
        struct watched *item = watch_find(&engine->watch, incident->process);
        if ((item && item->present) || (!item && not_found_yet(step, incident)))
            continue;
        if (in_running_plan(engine, incident)) {
            incident->state = INCIDENT_RECOVERING;
            incident->recovering_utc_ms = step->clock.utc_ms;
            save_incident(step, incident);
            continue;
        }
        if (!room_to_tell(step))
            return;
        struct alert *alert = incident_close(step, open, ALERT_ENDED);
        if (alert)
            alert_add_done(alert, "The process ended without storewatch: a crash, or a person restarted it.");
    }
}

/* A new configuration may have dropped a target: its incidents end, whatever its process does. */
static void follow_unnamed(struct step *step)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &step->engine->incidents[i];
        if (!open->incident.id ||
            watch_names(&step->engine->config, open->incident.target_kind, open->incident.target) ||
            !room_to_tell(step))
            continue;
        struct alert *alert = incident_close(step, open, ALERT_UNWATCHED);
        if (alert)
            alert_add_done(alert, "It is no longer named in the configuration and is watched no more.");
    }
}

/* The process is gone and no other has taken its place: a client may take its time to come up, or a person
 * keeps it down. That is an end, not a recovery. */
static void resolve_without_successor(struct step *step, struct open_incident *open)
{
    if (open->alone_mono_ms == 0)
        open->alone_mono_ms = step->clock.mono_ms;
    bool given_up = step->engine->restart.journal.outcome == RESTART_HANDED_OVER;
    if ((!given_up && step->clock.mono_ms - open->alone_mono_ms < step->engine->config.verify_ms) ||
        !room_to_tell(step))
        return;
    struct alert *alert = incident_close(step, open, ALERT_ENDED);
    if (!alert)
        return;
    add_story(step->engine, alert);
    alert_add_done(alert, "No new process has taken its place.");
}

/* After a restart: is the new incarnation smaller than the old one was when the incident opened? */
static void resolve_recovering(struct step *step, struct open_incident *open)
{
    struct engine *engine = step->engine;
    struct incident *incident = &open->incident;
    struct watched *old = watch_find(&engine->watch, incident->process);
    struct watched *next = successor(engine, incident);
    if (old && old->present) {
        incident->state = INCIDENT_OPEN; /* it was not restarted after all */
        save_incident(step, incident);
        return;
    }
    if (!next) {
        resolve_without_successor(step, open);
        return;
    }
    reading level = next->now[incident->metric];
    if (!reading_known(level) || !room_to_tell(step))
        return; /* unknown is not healthy: wait for a reading */
    incident->level_now = level;
    if (level < incident->level_at_open) {
        struct alert *alert = incident_close(step, open, ALERT_RECOVERED);
        if (!alert)
            return;
        add_story(engine, alert);
        advice_add(alert, &engine->config, false);
        return;
    }
    incident->process = next->process;
    incident->state = INCIDENT_OPEN;
    open->seen_unbounded = false;
    struct alert *alert = alert_incident(step, ALERT_REMINDER, open);
    if (!alert)
        return;
    add_story(engine, alert);
    alert_add_done(alert, "The restart did not bring the level down: the next rung of the ladder is due.");
    advice_add(alert, &engine->config, false);
}

static void follow_incidents(struct step *step)
{
    struct engine *engine = step->engine;
    for (size_t i = 0; i < engine->watch.count; i++)
        for (size_t m = 0; m < METRIC_COUNT; m++)
            follow_item(step, &engine->watch.items[i], (enum metric)m);
    for (size_t i = 0; i < INCIDENTS_MAX && !engine_restarting(engine); i++)
        if (engine->incidents[i].incident.id && engine->incidents[i].incident.state == INCIDENT_RECOVERING)
            resolve_recovering(step, &engine->incidents[i]);
}

static void mark_needed(struct engine *engine)
{
    for (size_t i = 0; i < engine->watch.count; i++) {
        struct watched *item = &engine->watch.items[i];
        item->needed = false;
        for (size_t m = 0; m < METRIC_COUNT; m++)
            item->needed |= incident_find(engine, item, (enum metric)m) != NULL;
    }
}

/* ---- the restart that goes on ---- */

/* A sentence for the mails and an event for the log. */
static void tell_story(struct step *step, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell_story(struct step *step, const char *format, ...)
{
    struct engine *engine = step->engine;
    char sentence_storage[ALERT_LINE_MAX];
    struct text sentence = text_on(sentence_storage, sizeof sentence_storage);
    va_list args;
    va_start(args, format);
    text_add_v(&sentence, format, args);
    va_end(args);
    if (engine->story_count < STORY_LINES_MAX) {
        struct text line = text_on(engine->story[engine->story_count++], ALERT_LINE_MAX);
        text_add_time_human(&line, step->clock.utc_ms);
        text_add(&line, ": %s", sentence_storage);
    }
    struct alert *alert = alert_begin(step, ALERT_RESTART_PROGRESS);
    if (alert)
        text_copy(alert->text, sizeof alert->text, sentence_storage);
    if (alert)
        text_copy(alert->service, sizeof alert->service, engine->restart.journal.target);
}

static void tell_steps(struct step *step, const struct restart_journal *before)
{
    const struct restart_journal *after = &step->engine->restart.journal;
    for (size_t i = 0; i < after->plan.count; i++) {
        const struct restart_service *now = &after->plan.services[i];
        /* The plan may have grown in the middle (a dependent that somebody started meanwhile): match by name.
         */
        const struct restart_service *was = NULL;
        for (size_t j = 0; j < before->plan.count && !was; j++)
            if (text_equal_nocase(before->plan.services[j].name, now->name))
                was = &before->plan.services[j];
        if (now->stop == STEP_REACHED && (!was || was->stop != STEP_REACHED))
            tell_story(step, "%s is stopped", now->name);
        if (now->start == STEP_REACHED && (!was || was->start != STEP_REACHED))
            tell_story(step, "%s runs", now->name);
        if (now->start == STEP_GIVEN_UP && (!was || was->start != STEP_GIVEN_UP))
            tell_story(step, "%s is left as it is: %s", now->name, now->note);
    }
}

static const char *down_notes(const struct engine *engine, char *storage, size_t capacity)
{
    struct text text = text_on(storage, capacity);
    const struct restart_plan *plan = &engine->restart.journal.plan;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->services[i].start != STEP_REACHED && plan->services[i].note[0])
            text_add(&text, "%s%s: %s", text.length ? "; " : "", plan->services[i].name,
                     plan->services[i].note);
    if (text.length == 0)
        text_add(&text, "%s", engine->restart.waiting_for);
    return storage;
}

/* The service that an alert about the restart is about: the one that is down or was given up, else the
 * target. */
static const char *service_in_question(const struct restart_journal *journal, enum alert_kind kind)
{
    for (size_t i = journal->plan.count; i-- > 0;) {
        const struct restart_service *service = &journal->plan.services[i];
        if ((kind == ALERT_SERVICE_DOWN && service->start != STEP_REACHED) ||
            (kind == ALERT_GAVE_UP && service->start == STEP_GIVEN_UP))
            return service->name;
    }
    return journal->target;
}

/* An alert about the restart, in its incident's thread when it has one that is still open. */
static struct alert *alert_restart(struct step *step, enum alert_kind kind)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    struct open_incident *open = incident_by_id(engine, journal->incident_id);
    struct alert *alert = open ? alert_incident(step, kind, open) : alert_begin(step, kind);
    if (!alert)
        return NULL;
    if (!open) {
        struct text key = text_on(alert->key, sizeof alert->key);
        text_add(&key, "r%lld-%s-%lld", (long long)journal->id, alert_wording_get(kind)->name,
                 (long long)step->clock.utc_ms);
    }
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "Restart %lld of %s (%s).", (long long)journal->id, journal->target, journal->reason);
    text_copy(alert->service, sizeof alert->service, service_in_question(journal, kind));
    return alert;
}

static void tell_news(struct step *step, unsigned news)
{
    struct engine *engine = step->engine;
    static const struct {
        unsigned bit;
        enum alert_kind kind;
    } table[] = {
        {RESTART_NEWS_DOWN, ALERT_SERVICE_DOWN},
        {RESTART_NEWS_GAVE_UP, ALERT_GAVE_UP},
        {RESTART_NEWS_UP_AGAIN, ALERT_SERVICE_UP_AGAIN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        if (!(news & table[i].bit))
            continue;
        struct alert *alert = alert_restart(step, table[i].kind);
        if (!alert)
            continue;
        add_story(engine, alert);
        char notes[ALERT_LINE_MAX];
        if (table[i].kind != ALERT_SERVICE_UP_AGAIN)
            alert_add_done(alert, "%s", down_notes(engine, notes, sizeof notes));
        advice_add(alert, &engine->config, false);
    }
}

static void tell_verifying(struct step *step)
{
    tell_story(step, "everything that ran before runs again; watching that it stays so");
    struct alert *alert = alert_restart(step, ALERT_RESTART_DONE);
    if (alert)
        add_story(step->engine, alert);
}

static void tell_end(struct step *step)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    if (journal->outcome == RESTART_RESTORED) {
        struct alert *alert = alert_restart(step, ALERT_RESTART_ABANDONED);
        if (!alert)
            return;
        add_story(engine, alert);
        char notes[ALERT_LINE_MAX];
        if (engine->called_off[0])
            alert_add_done(alert, "It was called off before anything was stopped: %s.", engine->called_off);
        else
            alert_add_done(alert,
                           "The stop did not work, so everything that had been stopped was started again. %s",
                           down_notes(engine, notes, sizeof notes));
        advice_add(alert, &engine->config, false);
        return;
    }
    tell_story(step, "the restart of %s has ended: %s", journal->target,
               restart_outcome_name(journal->outcome));
}

static void ask(struct step *step, enum engine_request_kind kind, const char *service)
{
    step->engine->out.kind = kind;
    text_copy(step->engine->out.service, sizeof step->engine->out.service, service);
    step->actions->request = step->engine->out;
}

static void facts_for(const struct engine *engine, int64_t exhaustion_early_utc_ms,
                      struct policy_facts *facts)
{
    *facts = (struct policy_facts){
        .by_hand = engine->by_hand,
        .dry_run = engine->dry_run,
        .journal_writable = engine->journal_writable,
        .maintenance_until_utc_ms = engine->maintenance_until_utc_ms,
        .budget = engine->budget,
        .budget_count = engine->budget_count,
        .exhaustion_early_utc_ms = exhaustion_early_utc_ms,
    };
}

static int64_t retry_after_ms(const struct engine *engine)
{
    int64_t polls_ms = RETRY_DECISION_POLLS * engine->config.interval_ms;
    return polls_ms < RETRY_DECISION_MS ? polls_ms : RETRY_DECISION_MS;
}

/* The pre-flight once more just before the first stop: the world may have changed since the plan was made, or
 * while storewatch itself was away in the middle of the stops. This restart is in the budget already, so the
 * budget as it was without it counts. Returns news bits. */
static unsigned call_off(struct step *step)
{
    struct engine *engine = step->engine;
    const bool untouched = restart_untouched(&engine->restart);
    const bool stopping_again = engine->resumed && engine->restart.journal.phase == RESTART_STOPPING;
    if (!untouched && !stopping_again)
        return 0;
    struct open_incident *open = incident_by_id(engine, engine->restart.journal.incident_id);
    struct policy_facts facts;
    facts_for(engine, open ? open->incident.exhaustion_early_utc_ms : INT64_MAX, &facts);
    facts.plan = &engine->restart.journal.plan;
    struct budget_entry others[BUDGET_ENTRIES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < engine->budget_count; i++)
        if (engine->budget[i].restart_id != engine->restart.journal.id)
            others[count++] = engine->budget[i];
    facts.budget = others;
    facts.budget_count = count;
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    if (preflight.passed)
        return 0;
    char reason[sizeof engine->called_off];
    struct text why = text_on(reason, sizeof reason);
    text_add(&why, "%s: %s", check_name(preflight.first_failed),
             preflight.results[preflight.first_failed].text);
    engine->resumed = false;
    if (!untouched) { /* something may be down: it counts, and is started again */
        tell_story(step, "called off: %s", reason);
        return restart_abandon(&engine->restart, reason, step->clock.utc_ms);
    }
    text_copy(engine->called_off, sizeof engine->called_off, reason);
    memcpy(engine->budget, others, count * sizeof others[0]);
    engine->budget_count = count;
    step->actions->save_budget = true;
    engine->not_before_mono_ms = step->clock.mono_ms + retry_after_ms(engine);
    if (open) { /* nothing was touched: the rung has not been tried */
        open->incident.rungs_tried &= ~(1u << engine->restart.journal.rung);
        save_incident(step, &open->incident);
    }
    return restart_abandon(&engine->restart, engine->called_off, step->clock.utc_ms);
}

static void follow_restart(struct step *step)
{
    struct engine *engine = step->engine;
    /* While a stop or start is out the machine asks for nothing, but its clocks and words go on: a call that
     * hangs in the SCM is a service that hangs. */
    if (!engine_restarting(engine) || engine->out.kind == ENGINE_READ_GRAPH)
        return;
    if (engine->graph_wanted && engine->out.kind == ENGINE_NOTHING) {
        engine->graph_wanted = false;
        ask(step, ENGINE_READ_GRAPH, "");
        return;
    }
    struct restart_journal before = engine->restart.journal;
    struct restart_request request = {0};
    unsigned news = call_off(step);
    if (!(news & RESTART_NEWS_ENDED))
        news |= restart_step(&engine->restart, step->observation,
                             engine->graph.node_count ? &engine->graph : NULL, step->clock.mono_ms,
                             step->clock.utc_ms, &request);
    tell_steps(step, &before);
    if (engine->restart.journal.phase == RESTART_VERIFYING && before.phase != RESTART_VERIFYING)
        tell_verifying(step);
    tell_news(step, news);
    if (news & RESTART_NEWS_ENDED)
        tell_end(step);
    if (news) {
        step->actions->save_restart = true;
        step->actions->restart = engine->restart.journal;
    }
    if (request.kind != REQUEST_NONE) {
        engine->resumed = false;
        ask(step, request.kind == REQUEST_STOP ? ENGINE_STOP_SERVICE : ENGINE_START_SERVICE, request.service);
    }
}

/* ---- the decision to begin one ---- */

/* Would a restart for this incident be allowed now? If not, incident.held_because says why, and *out_failed
 * which check holds it back, if it is one. *out_wanted is the restart that is due, held back or not. */
static bool consider(struct step *step, struct open_incident *open, struct restart_journal *out_wanted,
                     enum check *out_failed)
{
    struct engine *engine = step->engine;
    struct incident *incident = &open->incident;
    struct incident all[INCIDENTS_MAX];
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        all[i] = engine->incidents[i].incident;
    const char *service = "";
    enum rung rung = policy_next_rung(&engine->config, incident, all, INCIDENTS_MAX, &service,
                                      incident->held_because, sizeof incident->held_because);
    if (rung == RUNG_ALERT)
        return false;
    *out_wanted = (struct restart_journal){.incident_id = incident->id, .rung = rung};
    text_copy(out_wanted->target, sizeof out_wanted->target, service);
    struct text reason = text_on(out_wanted->reason, sizeof out_wanted->reason);
    text_add(&reason, "%s of %s: %s", metric_name(incident->metric), incident->target, incident->reason);
    struct policy_facts facts;
    facts_for(engine, incident->exhaustion_early_utc_ms, &facts);
    facts.by_hand = false;
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    if (!preflight.passed) {
        *out_failed = preflight.first_failed;
        struct text text = text_on(incident->held_because, sizeof incident->held_because);
        text_add(&text, "%s: %s", check_name(preflight.first_failed),
                 preflight.results[preflight.first_failed].text);
        return false;
    }
    incident->held_because[0] = '\0';
    return true;
}

/* Some checks hold a restart back by the administrator's own choice, told when the incident opened. The
 * others are news to ops: each is told once an incident. */
static void tell_held(struct step *step, struct open_incident *open, const char *service, enum check failed)
{
    bool own_choice = failed == CHECK_MODE || failed == CHECK_DRY_RUN || failed == CHECK_MAINTENANCE ||
                      failed == CHECK_WINDOW || failed == CHECK_INTERVAL || failed == CHECK_SHUTDOWN;
    if (own_choice || open->held_told & (1u << failed) || !room_to_tell(step))
        return;
    struct alert *alert = alert_incident(step, ALERT_RESTART_HELD, open);
    if (!alert)
        return;
    text_copy(alert->service, sizeof alert->service, service);
    open->held_told |= 1u << failed;
    alert_add_done(alert, "storewatch would restart now, but: %s.", open->incident.held_because);
    advice_add(alert, &step->engine->config, false);
}

/* The most urgent incident that may begin a restart asks for a look at the live service configuration. */
static void decide(struct step *step)
{
    struct engine *engine = step->engine;
    if (engine_restarting(engine) || engine->deciding || engine->out.kind != ENGINE_NOTHING ||
        step->clock.mono_ms < engine->not_before_mono_ms)
        return;
    int64_t soonest_ms = INT64_MAX;
    bool found = false;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        /* Only what is seen to grow right now is acted on, not what grew before storewatch was restarted. */
        if (!open->incident.id || open->incident.state != INCIDENT_OPEN || !open->seen_unbounded ||
            open->bounded_mono_ms)
            continue;
        struct restart_journal wanted;
        enum check failed = CHECK_COUNT;
        if (!consider(step, open, &wanted, &failed)) {
            if (failed != CHECK_COUNT)
                tell_held(step, open, wanted.target, failed);
            continue;
        }
        if (found && open->incident.exhaustion_early_utc_ms >= soonest_ms)
            continue;
        found = true;
        soonest_ms = open->incident.exhaustion_early_utc_ms;
        engine->wanted = wanted;
    }
    if (!found)
        return;
    engine->deciding = true;
    engine->by_hand = false;
    ask(step, ENGINE_READ_GRAPH, "");
}

/* While the configuration was being read the incident may have ended or cleared, or a reload may have changed
 * the ladder: then the decision is dropped, and the next step decides anew. */
static bool still_wanted(struct step *step, struct open_incident *open)
{
    if (!open || open->incident.state != INCIDENT_OPEN || open->bounded_mono_ms)
        return false;
    struct restart_journal wanted;
    enum check failed;
    if (!consider(step, open, &wanted, &failed))
        return false;
    return wanted.rung == step->engine->wanted.rung &&
           text_equal_nocase(wanted.target, step->engine->wanted.target);
}

static void refuse_plan(struct step *step, enum check failed, const char *why)
{
    struct engine *engine = step->engine;
    engine->not_before_mono_ms = step->clock.mono_ms + retry_after_ms(engine);
    struct open_incident *open = incident_by_id(engine, engine->wanted.incident_id);
    if (!open && !engine->by_hand)
        return; /* it has ended meanwhile */
    if (open) {
        struct text text = text_on(open->incident.held_because, sizeof open->incident.held_because);
        text_add(&text, "%s: %s", check_name(failed), why);
        tell_held(step, open, engine->wanted.target, failed);
        return;
    }
    struct text refused = text_on(engine->refused, sizeof engine->refused);
    text_add(&refused, "%s: %s", check_name(failed), why);
    /* The person who asked is told at the prompt; the log keeps it. */
    struct alert *alert = alert_begin(step, ALERT_RESTART_PROGRESS);
    if (!alert)
        return;
    text_copy(alert->service, sizeof alert->service, engine->wanted.target);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "The restart of %s asked for by hand was not begun: %s: %s.", engine->wanted.target,
             check_name(failed), why);
}

static void begin_restart(struct step *step, const struct restart_plan *plan)
{
    struct engine *engine = step->engine;
    struct restart_journal *journal = &engine->wanted;
    journal->id = ++engine->last_restart_id;
    journal->begun_utc_ms = step->clock.utc_ms;
    journal->plan = *plan;
    restart_begin(&engine->restart, &engine->config, journal, step->clock.mono_ms);
    engine->story_count = 0;
    engine->called_off[0] = '\0';
    engine->graph_wanted = engine->resumed = false;

    if (engine->budget_count == BUDGET_ENTRIES_MAX) /* more than any budget needs: the oldest is the first */
        memmove(engine->budget, engine->budget + 1, sizeof engine->budget[0] * --engine->budget_count);
    struct budget_entry *entry = &engine->budget[engine->budget_count++];
    *entry = (struct budget_entry){.restart_id = journal->id};
    text_copy(entry->service, sizeof entry->service, journal->target);
    step->actions->save_budget = true;
    step->actions->save_restart = true;
    step->actions->restart = engine->restart.journal;

    struct open_incident *open = incident_by_id(engine, journal->incident_id);
    if (open) {
        open->incident.rungs_tried |= 1u << journal->rung;
        save_incident(step, &open->incident);
    }
    struct alert *alert = alert_restart(step, ALERT_RESTART_BEGUN);
    if (alert)
        for (size_t i = 0; i < plan->count; i++)
            alert_add_done(alert, "stop %zu of %zu: %s", i + 1, plan->count, plan->services[i].name);
    tell_story(step, "restart of %s begun", journal->target);
}

/* The configuration has been read: plan, and the whole pre-flight once more just before the first stop. */
static void decide_with_graph(struct step *step)
{
    struct engine *engine = step->engine;
    struct restart_plan *plan = &engine->wanted.plan;
    struct err plan_error = {0};
    struct open_incident *open = incident_by_id(engine, engine->wanted.incident_id);
    if (!engine->by_hand && !still_wanted(step, open))
        return;
    struct policy_facts facts;
    facts_for(engine, open ? open->incident.exhaustion_early_utc_ms : INT64_MAX, &facts);
    enum status made =
        restart_plan_make(&engine->graph, step->observation, engine->wanted.target, plan, &plan_error);
    facts.plan = made == STATUS_OK ? plan : NULL;
    facts.plan_error = &plan_error;
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    /* A service that does not exist, or that no plan can be made for, does not become restartable by waiting:
     * the rung does not apply, and the ladder goes on. */
    if (open && (made == STATUS_NOT_FOUND || made == STATUS_INVALID || made == STATUS_FULL)) {
        open->incident.rungs_tried |= 1u << engine->wanted.rung;
        save_incident(step, &open->incident);
    }
    if (!preflight.passed) {
        refuse_plan(step, preflight.first_failed, preflight.results[preflight.first_failed].text);
        return;
    }
    struct restart_plan copy = *plan;
    begin_restart(step, &copy);
}

/* ---- the entries ---- */

static void age_budget(struct step *step)
{
    struct engine *engine = step->engine;
    if (engine->stepped_mono_ms && step->clock.mono_ms > engine->stepped_mono_ms && engine->budget_count) {
        policy_age_budget(&engine->config, engine->budget, &engine->budget_count,
                          step->clock.mono_ms - engine->stepped_mono_ms);
        if (step->clock.mono_ms - engine->budget_saved_mono_ms >= MS_PER_MINUTE) {
            step->actions->save_budget = true;
            engine->budget_saved_mono_ms = step->clock.mono_ms;
        }
    }
    engine->stepped_mono_ms = step->clock.mono_ms;
}

void engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                 bool sample_due, struct actions *out_actions)
{
    struct step step = {engine, observation, clock, out_actions};
    actions_clear(out_actions);
    age_budget(&step);
    if (sample_due)
        follow_sight(&step);
    watch_look(&engine->watch, &engine->config, observation);
    if (sample_due)
        watch_push(&engine->watch, &engine->config, observation);
    adopt_registered(&step);
    follow_unnamed(&step);
    if (observation->processes_known)
        follow_gone(&step);
    if (sample_due)
        follow_incidents(&step);
    follow_restart(&step);
    if (sample_due && observation->processes_known)
        decide(&step);
    mark_needed(engine);
    watch_forget_gone(&engine->watch);
}

/* Windows: "a stop control has been sent to a service that other running services are dependent on". */
#define ERROR_DEPENDENT_SERVICES_RUNNING 1051u

void engine_told(struct engine *engine, const struct engine_request *request, enum status status,
                 const struct err *err, struct service_graph *graph, const struct observation *observation,
                 struct clock clock, struct actions *out_actions)
{
    struct step step = {engine, observation, clock, out_actions};
    actions_clear(out_actions);
    age_budget(&step); /* the restart that may begin here is not as old as the latest look */
    engine->out.kind = ENGINE_NOTHING;
    if (request->kind == ENGINE_READ_GRAPH) {
        if (status == STATUS_OK) {
            service_graph_deinit(&engine->graph);
            engine->graph = *graph;
            memset(graph, 0, sizeof *graph);
        }
        if (engine->deciding) {
            engine->deciding = false;
            if (status == STATUS_OK)
                decide_with_graph(&step);
            else
                refuse_plan(&step, CHECK_PLAN, err ? err->text : status_text(status));
        }
    } else {
        struct restart_request told = {.kind = request->kind == ENGINE_STOP_SERVICE ? REQUEST_STOP
                                                                                    : REQUEST_START};
        text_copy(told.service, sizeof told.service, request->service);
        uint32_t code = err ? err->code : 0;
        restart_told(&engine->restart, &told, status, code, clock.mono_ms);
        /* Somebody started a dependent meanwhile, or changed the service: look at the configuration again. */
        engine->graph_wanted =
            status != STATUS_OK && (told.kind == REQUEST_START || code == ERROR_DEPENDENT_SERVICES_RUNNING);
    }
    follow_restart(&step);
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
    engine->config = *config;
    engine->restart.stop_timeout_ms = config->stop_timeout_ms;
    engine->restart.start_timeout_ms = config->start_timeout_ms;
    engine->restart.verify_ms = config->verify_ms;
    watch_drop_unnamed(&engine->watch, config);
}

static bool is_open_already(const struct engine *engine, const struct incident *incident)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *open = &engine->incidents[i].incident;
        if (open->id && open->metric == incident->metric &&
            process_id_equal(open->process, incident->process) &&
            text_equal_nocase(open->target, incident->target))
            return true;
    }
    return false;
}

void engine_restore_incidents(struct engine *engine, const struct incident *incidents, size_t count,
                              int64_t last_id, struct clock clock)
{
    if (last_id > engine->last_incident_id)
        engine->last_incident_id = last_id;
    for (size_t i = 0; i < count; i++) {
        const struct incident *incident = &incidents[i];
        if (incident->state == INCIDENT_CLOSED) {
            int64_t ago_ms = clock.utc_ms - incident->closed_utc_ms;
            if (ago_ms >= 0 && !ladder_memory_find(engine, incident->target))
                ladder_remember(engine, incident, clock.mono_ms - ago_ms);
            continue;
        }
        struct open_incident *open = is_open_already(engine, incident) ? NULL : free_slot(engine);
        if (!open)
            continue;
        int64_t ago_ms = clock.utc_ms - incident->told_utc_ms;
        *open = (struct open_incident){.incident = *incident,
                                       .told_mono_ms = clock.mono_ms - (ago_ms > 0 ? ago_ms : 0)};
    }
}

void engine_restore_restarts(struct engine *engine, const struct restart_journal *journals, size_t count,
                             int64_t mono_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (journals[i].id > engine->last_restart_id)
            engine->last_restart_id = journals[i].id;
        if (journals[i].phase == RESTART_IDLE || journals[i].phase == RESTART_ENDED ||
            engine_restarting(engine))
            continue;
        restart_resume(&engine->restart, &engine->config, &journals[i], mono_ms);
        engine->by_hand = journals[i].incident_id == 0;
        engine->graph_wanted = true;
        engine->resumed = true;
        text_copy(engine->story[0], ALERT_LINE_MAX,
                  "storewatch itself was restarted in the middle of this restart and goes on.");
        engine->story_count = 1;
    }
}

void engine_restore_budget(struct engine *engine, const struct budget_entry *entries, size_t count)
{
    for (size_t i = 0; i < count && engine->budget_count < BUDGET_ENTRIES_MAX; i++) {
        bool known = false;
        for (size_t k = 0; k < engine->budget_count; k++)
            known |= engine->budget[k].restart_id == entries[i].restart_id;
        if (!known)
            engine->budget[engine->budget_count++] = entries[i];
    }
}

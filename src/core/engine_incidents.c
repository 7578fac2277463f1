/* engine_incidents.c - open, remind, escalate, clear, end: what verdicts and the coming and going of
 * processes do to incidents. See engine.h. */
#include "engine_internal.h"

#include "storewatch/advice.h"

#include <stdlib.h>
#include <string.h>

/* Of the machine's growth: what processes must take of it to explain it. The rest is noise, load, and what
 * the two fits differ in. */
#define EXPLAINED_SHARE 0.5
/* Less than this part of the time that was told last is left: that is told at once. */
#define FAR_SOONER 4
/* The machine's end is also that of a process that takes what is left, when that one's is no further off than this. */
#define SAME_END 1.1
/* An end so many times further off than what is urgent is not near any more. */
#define FAR_AGAIN 2
/* What was told to end within this (or within a reminder, if that is shorter) is at hand: that it does still sooner
 * is no news that anybody could use. */
#define AT_HAND_MS (10 * MS_PER_MINUTE)

/* `target` NULL: whatever it is called. */
static bool is_about(const struct open_incident *open, struct process_id process, const char *target)
{
    return open->incident.id && process_id_equal(open->incident.process, process) &&
           (!target || text_equal_nocase(open->incident.target, target));
}

struct open_incident *engine_incident_of(struct engine *engine, struct process_id process, const char *target,
                                         enum metric metric)
{
    for (size_t i = 0; i < engine->incidents_end; i++) { /* asked for each series at each poll */
        struct open_incident *open = &engine->incidents[i];
        if (open->incident.metric == metric && is_about(open, process, target))
            return open;
    }
    return NULL;
}

struct open_incident *engine_free_slot(struct engine *engine)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id == 0) {
            if (engine->incidents_end <= i)
                engine->incidents_end = i + 1;
            return &engine->incidents[i];
        }
    return NULL;
}

struct open_incident *engine_incident_by_id(struct engine *engine, int64_t id)
{
    for (size_t i = 0; id && i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id == id)
            return &engine->incidents[i];
    return NULL;
}

struct ladder_memory *engine_ladder_memory(struct engine *engine, const char *target)
{
    for (size_t i = 0; i < engine->ladder_memory_count; i++)
        if (text_equal_nocase(engine->ladder_memory[i].target, target))
            return &engine->ladder_memory[i];
    return NULL;
}

void engine_remember_ladder(struct engine *engine, const struct incident *incident, int64_t mono_ms)
{
    if (!(incident->rungs_tried & ~(1u << RUNG_ALERT)))
        return; /* another of the target may have tried something: its handles, beside its memory */
    struct ladder_memory *memory = engine_ladder_memory(engine, incident->target);
    if (memory && llabs(mono_ms - memory->mono_ms) < engine->config.budget_min_interval_ms) {
        memory->rungs_tried |= incident->rungs_tried;
        memory->mono_ms = mono_ms > memory->mono_ms ? mono_ms : memory->mono_ms;
        return;
    }
    if (memory && mono_ms < memory->mono_ms)
        return;
    if (!memory && engine->ladder_memory_count < LADDER_MEMORY_MAX)
        memory = &engine->ladder_memory[engine->ladder_memory_count++];
    if (!memory) { /* the oldest goes */
        memory = engine->ladder_memory;
        for (size_t i = 1; i < LADDER_MEMORY_MAX; i++)
            if (engine->ladder_memory[i].mono_ms < memory->mono_ms)
                memory = &engine->ladder_memory[i];
        if (mono_ms < memory->mono_ms)
            return;
    }
    text_copy(memory->target, sizeof memory->target, incident->target);
    memory->rungs_tried = incident->rungs_tried;
    memory->mono_ms = mono_ms;
}

static void say_who_was_named(struct alert *alert, const struct open_incident *open)
{
    if (open->who[0])
        alert_add_done(alert, "Named for it: %s.", open->who);
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
    struct alert *alert = step_alert_incident(step, kind, open);
    if (!alert) {
        incident->state = was;
        incident->closed_utc_ms = was_closed;
        return NULL;
    }
    if (open->who[0]) { /* the ranking ends with the incident; its history keeps who was named */
        struct text reason = {.data = incident->reason,
                              .capacity = sizeof incident->reason,
                              .length = strlen(incident->reason)};
        text_add(&reason, ". It was %s", open->who);
        say_who_was_named(alert, open);
        text_copy(alert->incident.reason, sizeof alert->incident.reason, incident->reason);
        step_save_incident(step, incident);
    }
    engine_remember_ladder(step->engine, incident, step->clock.mono_ms);
    memset(open, 0, sizeof *open);
    return alert;
}

/* What the growth of this incident takes of the machine's metric, per hour in its unit. NAN: it is unknown. */
static double taken_per_hour(const struct incident *incident, enum metric metric)
{
    if (incident->metric == METRIC_PRIVATE_BYTES)
        return metric == METRIC_COMMIT ? incident->slope_per_hour : 0;
    if (incident->metric == METRIC_HANDLES) /* commit has the pools in it */
        return incident->slope_per_hour * POOL_A_HANDLE_USUAL;
    return 0;
}

/* What the machine grows by. While it hardly does, that is noise, and what it has grown by so far stands for it. */
static double rate_of_machine(const struct verdict *verdict)
{
    return verdict_hardly_grows(verdict) ? verdict_mean_per_hour(verdict) : verdict->slope_per_hour;
}

/* Do the processes that are known to grow take as much as makes at least half of the machine's growth? A rate
 * that is unknown explains nothing, and none explains what is unknown. */
static bool processes_take_it(const struct engine *engine, enum metric metric, const struct verdict *verdict)
{
    double taken = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *incident = &engine->incidents[i].incident;
        double per_hour = incident->id && incident->target_kind != TARGET_HOST
                              ? taken_per_hour(incident, metric)
                              : (double)NAN;
        if (per_hour > 0)
            taken += per_hour;
    }
    return taken > 0 && taken >= EXPLAINED_SHARE * rate_of_machine(verdict);
}

static bool near_exhaustion(const struct step *step, const struct incident *incident)
{
    return policy_is_urgent(&step->engine->config, step->clock, incident->exhaustion_early_utc_ms);
}

bool step_is_urgent(const struct step *step, const struct verdict *verdict)
{
    return verdict->exhaustion_early_ms != INT64_MAX &&
           verdict->exhaustion_early_ms - step->clock.mono_ms < step->engine->config.urgent_before_ms;
}

/* The service of the latest restart whose stopping ends this incident's process: it may be the service's own
 * process, its child (Store.Worker), or a program of another name that comes and goes with the service (a client
 * by image). NULL: none. */
static const struct restart_service *service_of_plan(const struct engine *engine,
                                                     const struct incident *incident)
{
    const struct restart_plan *plan = &engine->restart.journal.plan;
    for (size_t i = 0; i < plan->count; i++)
        if (process_id_equal(plan->services[i].process, incident->process) ||
            (incident->service[0] && text_equal_nocase(plan->services[i].name, incident->service)))
            return &plan->services[i];
    return NULL;
}

/* While it goes on. */
static const struct restart_service *service_of_running_plan(const struct engine *engine,
                                                             const struct incident *incident)
{
    return engine_restarting(engine) ? service_of_plan(engine, incident) : NULL;
}

/* Is the latest restart for this incident, or does it end its process, too? */
static bool in_plan(const struct engine *engine, const struct incident *incident)
{
    return engine->restart.journal.incident_id == incident->id || service_of_plan(engine, incident) != NULL;
}

/* What the latest restart did is no news of an incident that it was not for. */
static bool add_own_story(const struct engine *engine, const struct incident *incident, struct alert *alert)
{
    const bool own = in_plan(engine, incident);
    if (own)
        engine_add_story(engine, alert);
    return own && engine->story_count > 0;
}

static bool in_running_plan(const struct engine *engine, const struct incident *incident)
{
    return engine_restarting(engine) && in_plan(engine, incident);
}

/* Its stop is asked for: what it does until it has ended says nothing of its growth. (The new process, once it
 * runs, is another matter.) */
static bool is_being_stopped(const struct engine *engine, const struct incident *incident)
{
    const struct restart_service *service = service_of_running_plan(engine, incident);
    return service != NULL && service->stop != STEP_WAITING && service->start != STEP_REACHED;
}

/* The service that hangs in a stop of ours, as ops were told. NULL: none. */
static const struct service *hung_service(const struct step *step)
{
    const struct restart *restart = &step->engine->restart;
    const struct service *down = engine_restarting(step->engine) && restart->journal.told_down
                                     ? step_service(step, restart->down_service)
                                     : NULL;
    return down != NULL && down->state == SERVICE_STATE_STOP_PENDING ? down : NULL;
}

/* A restart that is due goes on being refused for as long as what stood in its way last does. */
static bool is_refused(const struct open_incident *open, const struct restart_journal *wanted)
{
    return text_equal_nocase(open->refused.service, wanted->target);
}

/* Is a restart for it begun in this step, when nothing else is under way? */
static bool is_acted_on(struct step *step, struct open_incident *open, struct restart_journal *out_wanted,
                        enum check *out_failed)
{
    if (!step_consider(step, open, out_wanted, out_failed))
        return false;
    if (!is_refused(open, out_wanted))
        return true;
    text_copy(open->incident.held_because, sizeof open->incident.held_because, open->refused.why);
    return false;
}

/* A leaking client comes before the store, and the store's end makes it urgent, too (policy_next_rung,
 * engine_deadline_utc_ms): what is said of the store rests on what is decided of the client now. */
static bool is_client_acted_on(struct step *step, const struct open_incident *store,
                               struct restart_journal *out_wanted)
{
    bool acts = false;
    for (size_t i = 0; store->incident.target_kind == TARGET_STORE && i < INCIDENTS_MAX; i++) {
        struct open_incident *client = &step->engine->incidents[i];
        struct restart_journal wanted;
        enum check failed;
        if (client->incident.target_kind != TARGET_CLIENT || !engine_grows_now(client) ||
            !is_acted_on(step, client, &wanted, &failed) || acts)
            continue;
        *out_wanted = wanted;
        acts = true;
    }
    return acts;
}

/* The sentence about what storewatch itself does next. Returns whether it acts. */
static bool say_what_happens(struct step *step, struct alert *alert, struct open_incident *open)
{
    struct restart_journal wanted, first;
    enum check failed = CHECK_COUNT;
    const bool client_acts = is_client_acted_on(step, open, &first);
    bool acts = is_acted_on(step, open, &wanted, &failed);
    if (!acts && client_acts) {
        wanted = first;
        acts = true;
    }
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
    const struct service *hung = hung_service(step);
    if (!in_running_plan(step->engine, &open->incident))
        return acts;
    if (hung) {
        text_copy(alert->service, sizeof alert->service, hung->name);
        alert->service_state = hung->state;
    }
    return true;
}

/* One mail for one leak: a process that grows fast enough explains the machine's growth, and its verdict may
 * come a little later than the machine's. So the machine's growth is told only when it has stayed unexplained
 * for half a window, or when it is urgent. The machine's verdict comes later, too, when the growth of a process
 * ends: what was explained and has not grown since by what counts as growth stays explained. */
static bool is_explained(struct step *step, enum metric metric, reading now, const struct verdict *verdict)
{
    struct engine *engine = step->engine;
    reading *lowest = &engine->explained_lowest[metric];
    int64_t *since_ms = &engine->unexplained_mono_ms[metric];
    int64_t *explained_ms = &engine->explained_mono_ms[metric];
    const int64_t patience_ms = engine->config.min_window_ms / 2;
    bool urgent = step_is_urgent(step, verdict);
    bool taken = processes_take_it(engine, metric, verdict);
    if (taken)
        *explained_ms = step->clock.mono_ms;
    /* Just after a process' growth was ended, the machine's verdict is still about that. */
    bool fresh = *explained_ms && step->clock.mono_ms - *explained_ms < patience_ms;
    if (fresh || now < *lowest)
        *lowest = now;
    bool grew_since = !(now < *lowest + engine->config.min_growth_bytes);
    if (taken || verdict->given_back || ((engine_restarting(engine) || !grew_since) && !urgent)) {
        *since_ms = 0;
        return true;
    }
    if (*since_ms == 0)
        *since_ms = step->clock.mono_ms;
    return (fresh || !urgent) && step->clock.mono_ms - *since_ms < patience_ms;
}

/* What is said of it from now on is of this verdict. */
static void take_verdict(const struct step *step, struct open_incident *open, const struct verdict *verdict)
{
    incident_update(&open->incident, verdict, clock_shift_ms(step->clock));
    open->hardly_grows = verdict_hardly_grows(verdict);
}

static void incident_open(struct step *step, struct watched *item, enum metric metric,
                          const struct verdict *verdict)
{
    struct engine *engine = step->engine;
    if (incident_is_far(verdict) ||
        (item->kind == TARGET_HOST ? is_explained(step, metric, item->now[metric], verdict)
                                   : verdict->given_back))
        return;
    if (step_space_is_explained(step, item, metric, verdict))
        return;
    struct open_incident *open = engine_free_slot(engine);
    if (!open || !step_room_to_tell(step))
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
    int64_t shift_ms = clock_shift_ms(step->clock);
    take_verdict(step, open, verdict);
    step_name_nearest_end(step, incident, verdict);
    incident->onset_utc_ms = verdict->onset_ms + shift_ms;
    incident->opened_utc_ms = step->clock.utc_ms;
    incident->level_at_open = verdict->value;
    incident->level_at_onset = verdict->onset_level;
    incident->rungs_tried = 1u << RUNG_ALERT;
    incident->escalated = near_exhaustion(step, incident);
    struct ladder_memory *memory = engine_ladder_memory(engine, incident->target);
    bool again = memory && step->clock.mono_ms - memory->mono_ms < engine->config.budget_min_interval_ms &&
                 memory->rungs_tried & ~(1u << RUNG_ALERT);
    if (again)
        incident->rungs_tried |= open->rungs_settled = memory->rungs_tried;
    open->seen_unbounded = open->remembers = true;
    step_rank(step, open, verdict->onset_ms);
    step_follow_tried_client(step, open);

    struct alert *alert = step_alert_incident(step, ALERT_OPENED, open);
    if (!alert)
        return;
    if (again)
        alert_add_done(
            alert, "The growth is back soon after a restart: the rungs tried before are not tried again.");
    bool acts = say_what_happens(step, alert, open);
    step_save_incident(step, incident);
    advice_add(alert, &engine->config, acts);
}

/* There is more to grow into, or it grows more slowly: it is urgent no more, and is told when it is again. That is asked
 * with a reminder only: an end that comes and goes is no mail each time. */
static bool is_far_again(const struct step *step, const struct incident *incident)
{
    const int64_t early_utc_ms = incident->exhaustion_early_utc_ms;
    return early_utc_ms == INT64_MAX ||
           early_utc_ms - step->clock.utc_ms > FAR_AGAIN * step->engine->config.urgent_before_ms;
}

/* The end is so much nearer than what was told last that nobody who goes by that is ready for it. (Time that
 * just passes changes nothing; after each such mail the next has to be as much nearer again.) Where no end was told,
 * because it hardly grew, one stands for that which is so far off that nobody is told of it. As alert.sooner_than_ms. */
static int64_t ends_far_sooner_than_ms(const struct step *step, const struct open_incident *open)
{
    const int64_t end_mono_ms = incident_end_mono_ms(&open->incident, clock_shift_ms(step->clock));
    const bool was_told = open->told_end_mono_ms != INT64_MAX;
    const int64_t told_left_ms = was_told ? open->told_end_mono_ms - step->clock.mono_ms : INCIDENT_FAR_MS;
    const bool at_hand = told_left_ms <= smaller(AT_HAND_MS, step->engine->config.reminder_ms);
    const bool sooner =
        end_mono_ms != INT64_MAX && !at_hand && end_mono_ms - step->clock.mono_ms < told_left_ms / FAR_SOONER;
    return !sooner ? 0 : was_told ? told_left_ms : INT64_MAX;
}

static void incident_tell_again(struct step *step, struct open_incident *open, enum alert_kind kind)
{
    if (!step_room_to_tell(step))
        return;
    open->incident.escalated =
        kind == ALERT_ESCALATED || (open->incident.escalated && !is_far_again(step, &open->incident));
    const int64_t sooner_than_ms = ends_far_sooner_than_ms(step, open);
    struct alert *alert = step_alert_incident(step, kind, open);
    if (!alert)
        return;
    alert->sooner_than_ms = sooner_than_ms;
    open->pause_told = kind == ALERT_REMINDER && incident_pauses(&open->incident, open->hardly_grows);
    if (open->pause_told)
        say_who_was_named(alert, open);
    if (open->incident.rungs_tried & ~(1u << RUNG_ALERT))
        add_own_story(step->engine, &open->incident, alert);
    bool acts = say_what_happens(step, alert, open);
    step_save_incident(step, &open->incident);
    advice_add(alert, &step->engine->config, acts);
}

/* That it pauses is news, and so is what came of a restart; once it was told there is nothing to remind of until it goes on. */
static bool reminder_is_due(const struct step *step, const struct open_incident *open)
{
    const struct config *config = &step->engine->config;
    const int64_t since_ms = step->clock.mono_ms - open->told_mono_ms;
    const bool pauses = incident_pauses(&open->incident, open->hardly_grows);
    if (pauses || open->restart_untold)
        return !(pauses && open->pause_told) && since_ms >= config->reminder_ms;
    return since_ms >= policy_reminder_wait_ms(config, step->clock, open->incident.exhaustion_early_utc_ms);
}

/* The machine's growth was told before that of the process which makes it, or for another that has ended since. While
 * a process has an incident of its own and takes the machine to its end, the reminders of that one are of both. */
static bool is_told_with_a_process(const struct step *step, const struct open_incident *open,
                                   const struct verdict *verdict)
{
    const struct incident *of_host = &open->incident;
    if (of_host->target_kind != TARGET_HOST || !processes_take_it(step->engine, of_host->metric, verdict))
        return false;
    const double left_ms = SAME_END * (double)(of_host->exhaustion_utc_ms - step->clock.utc_ms);
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *incident = &step->engine->incidents[i].incident;
        if (incident->id && incident->target_kind != TARGET_HOST &&
            taken_per_hour(incident, of_host->metric) > 0 &&
            (double)(incident->exhaustion_utc_ms - step->clock.utc_ms) <= left_ms)
            return true;
    }
    return false;
}

static void incident_grows_on(struct step *step, struct open_incident *open, const struct verdict *verdict)
{
    open->seen_unbounded = true;
    open->bounded_mono_ms = 0;
    if (!is_being_stopped(step->engine, &open->incident) || hung_service(step) != NULL) {
        take_verdict(step, open, verdict);
        step_name_nearest_end(step, &open->incident, verdict);
    }
    step_rank(step, open, verdict->onset_ms);
    step_follow_tried_client(step, open);
    open->given_back = verdict->given_back;
    if (open->given_back)
        return; /* what would be told has just changed; that it is over, or goes on, is seen soon */
    if (is_told_with_a_process(step, open, verdict))
        open->told_mono_ms = step->clock.mono_ms;
    if (!open->incident.escalated && near_exhaustion(step, &open->incident))
        incident_tell_again(step, open, ALERT_ESCALATED);
    else if (reminder_is_due(step, open) || ends_far_sooner_than_ms(step, open))
        incident_tell_again(step, open, ALERT_REMINDER);
}

static bool is_called_growth(const struct verdict *verdict)
{
    return verdict->shape == SHAPE_GROWTH || verdict->shape == SHAPE_ACCELERATING ||
           verdict->shape == SHAPE_RISING_FLOOR;
}

bool engine_growth_is_over(const struct engine *engine, struct open_incident *open,
                           const struct verdict *verdict, int64_t mono_ms)
{
    const struct config *config = &engine->config;
    bool bytes = metric_unit(open->incident.metric) == UNIT_BYTES;
    double least = bytes ? config->min_growth_bytes : config->min_handles;
    bool rises = open->bounded_mono_ms && verdict->value >= open->bounded_level + least;
    if (!open->seen_unbounded && (is_called_growth(verdict) || rises)) {
        open->bounded_mono_ms = 0; /* the detector only cannot tell yet how: that is no end */
        return false;
    }
    if (open->bounded_mono_ms == 0) {
        open->bounded_mono_ms = mono_ms;
        open->bounded_level = verdict->value;
    }
    open->incident.level_now = verdict->value;
    return open->seen_unbounded || mono_ms - open->bounded_mono_ms >= config->min_window_ms;
}

static void incident_may_clear(struct step *step, struct open_incident *open, reading now,
                               const struct verdict *verdict)
{
    if (!engine_growth_is_over(step->engine, open, verdict, step->clock.mono_ms) || !step_room_to_tell(step))
        return;
    if (reading_known(now)) /* the verdict's level comes after what was given back at once */
        open->incident.level_now = now;
    bool restarted = open->restarted, grows = is_called_growth(verdict);
    /* After a fall a verdict that still calls the past "growth" says nothing about the end. */
    const char *why = restarted ? "no growth since the restart"
                      : !grows  ? verdict->reason
                      : open->incident.level_now < open->incident.level_at_open ? "it has fallen back"
                                                                                : "it grows no further";
    text_copy(open->incident.reason, sizeof open->incident.reason, why);
    struct alert *alert = incident_close(step, open, ALERT_RECOVERED);
    if (!alert)
        return;
    if (!restarted || !add_own_story(step->engine, &alert->incident, alert))
        alert_add_done(alert,
                       restarted || grows ? "The growth has ended: %s." : "The growth stopped by itself: %s.",
                       why);
    advice_add(alert, &step->engine->config, false);
}

static void follow_item(struct step *step, struct watched *item, enum metric metric)
{
    if (!item->present || !item->detectors[metric])
        return;
    struct open_incident *open = engine_incident_of(step->engine, item->process, item->target, metric);
    bool unbounded = detector_state(item->detectors[metric]) == VERDICT_UNBOUNDED;
    if (!open && !unbounded && item->kind == TARGET_HOST) {
        step->engine->unexplained_mono_ms[metric] = 0;
        step->engine->explained_lowest[metric] = READING_UNKNOWN;
    }
    if (open ? open->incident.state != INCIDENT_OPEN : !unbounded)
        return; /* the usual case: no words are made */
    struct verdict verdict;
    detector_verdict(item->detectors[metric], &verdict);
    if (!open) {
        incident_open(step, item, metric, &verdict);
        return;
    }
    if (verdict.state == VERDICT_UNBOUNDED || step_stands_at_end(step, item, open, &verdict))
        incident_grows_on(step, open, &verdict);
    else if (verdict.state == VERDICT_BOUNDED && !is_being_stopped(step->engine, &open->incident))
        incident_may_clear(step, open, item->now[metric], &verdict);
    else
        open->bounded_mono_ms = 0;
}

/* Mail may be down with the process that ended: is its service? In maintenance that is meant, and soon after a
 * boot its turn to start has not come yet. */
static void note_service_state(const struct step *step, struct alert *alert)
{
    const struct service *service = step_service(step, alert->incident.service);
    if (!service || service->win32_exit_code == SERVICE_NEVER_STARTED ||
        step->engine->maintenance_until_utc_ms > step->clock.utc_ms)
        return;
    text_copy(alert->service, sizeof alert->service, alert->incident.service);
    alert->service_state = service->state;
    if (service->state == SERVICE_STATE_STOPPED)
        engine_note_stopped(step->engine, alert, step->actions);
    advice_add(alert, &step->engine->config, false);
}

/* Not watched, but there: after a restart of storewatch while the services cannot be read yet, or one that is
 * not registered and is found a little later. What runs has not ended. */
static bool not_found_yet(const struct step *step, const struct incident *incident)
{
    const struct process *process = observation_process(step->observation, incident->process.pid);
    return process ? process_id_equal(process->id, incident->process) : step->observation->processes_cut;
}

/* What the configuration says of a program since it was read again: one that was discovered has been
 * registered, and its incident goes on as that of the client, with the ladder open to it; or a client has
 * another service now, or none, or another name. A restart that goes on ends as it was begun. */
void step_adopt_registered(struct step *step)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &step->engine->incidents[i];
        struct incident *incident = &open->incident;
        const struct watched *item =
            incident->id ? watch_find(&step->engine->watch, incident->process) : NULL;
        if (!item || item->kind == TARGET_DISCOVERED || item->kind == TARGET_HOST)
            continue;
        const bool same_service =
            item->kind == incident->target_kind && text_equal_nocase(item->service, incident->service);
        if (same_service ? text_equal_nocase(item->target, incident->target)
                         : in_running_plan(step->engine, incident))
            continue;
        /* What was tried of the old service, was not of this. */
        if (incident->target_kind == TARGET_CLIENT && !same_service) {
            incident->rungs_tried &= ~(1u << RUNG_RESTART_CLIENT);
            open->rungs_settled &= ~(1u << RUNG_RESTART_CLIENT);
            open->attempts[RUNG_RESTART_CLIENT] = (struct turned_back){0};
        }
        incident->target_kind = item->kind;
        text_copy(incident->target, sizeof incident->target, item->target);
        text_copy(incident->service, sizeof incident->service, item->service);
        open->outlived &= same_service;
        step_save_incident(step, incident);
    }
}

/* What the machine had lost it has back when it was started anew. */
static void end_with_boot(struct step *step, struct open_incident *open)
{
    if (open->of_earlier_boot && step_room_to_tell(step))
        incident_close(step, open, ALERT_ENDED);
}

/* The process of an open incident is gone: by our restart, or by itself. */
void step_follow_gone(struct step *step)
{
    struct engine *engine = step->engine;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        struct incident *incident = &open->incident;
        if (!incident->id || incident->state != INCIDENT_OPEN)
            continue;
        if (incident->target_kind == TARGET_HOST) {
            end_with_boot(step, open);
            continue;
        }
        struct watched *item = watch_find(&engine->watch, incident->process);
        if ((item && item->present) || (!item && not_found_yet(step, incident)))
            continue;
        if (service_of_running_plan(engine, incident)) {
            incident->state = INCIDENT_RECOVERING;
            incident->recovering_utc_ms = step->clock.utc_ms;
            step_save_incident(step, incident);
            continue;
        }
        if (!step_room_to_tell(step))
            return;
        const bool with_boot = open->began_before_boot;
        struct alert *alert = incident_close(step, open, ALERT_ENDED);
        if (!alert)
            continue;
        if (with_boot)
            alert_add_done(alert, "The machine was started anew, and the process has ended with that.");
        else
            alert_add_done(
                alert,
                "The process ended without storewatch: a crash, or a person stopped or restarted it%s.",
                alert->cluster_node ? ", or the cluster moved its group" : "");
        note_service_state(step, alert);
        if (with_boot && alert->service_state != SERVICE_STATE_STOPPED)
            alert->todo_count = 0;
    }
}

/* Does the configuration still name what grew? A client that is only named otherwise keeps its incident until
 * the restart that goes on for it has ended. */
static bool is_named(const struct engine *engine, const struct incident *incident)
{
    return watch_names(&engine->config, incident->target_kind, incident->target, incident->image,
                       incident->service) ||
           (incident->target_kind == TARGET_CLIENT && in_running_plan(engine, incident) &&
            watch_client(&engine->config, incident->target));
}

/* A new configuration may have dropped a target: its incidents end, whatever its process does. */
void step_follow_unnamed(struct step *step)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &step->engine->incidents[i];
        if (!open->incident.id || is_named(step->engine, &open->incident) || !step_room_to_tell(step))
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
    const bool given_up = engine_gave_up(step->engine, open->incident.service);
    if ((!given_up && step->clock.mono_ms - open->alone_mono_ms < step->engine->config.verify_ms) ||
        !step_room_to_tell(step))
        return;
    struct alert *alert = incident_close(step, open, ALERT_ENDED);
    if (!alert)
        return;
    engine_add_story(step->engine, alert);
    alert_add_done(alert, "No new process has taken its place.");
    if (given_up)
        alert_add_todo(
            alert,
            "Do what the alert before this one says, unless that was meant: storewatch does not start "
            "%s any more.",
            alert->incident.service);
    else
        note_service_state(step, alert);
}

/* The incident goes on as that of the process that took the place of the one that grew. Rate, limit and end
 * were those of the old one; nobody has been told yet of the new one's. */
static void goes_on_in(const struct step *step, struct open_incident *open, const struct watched *next)
{
    struct incident *incident = &open->incident;
    struct verdict verdict;
    detector_verdict(next->detectors[incident->metric], &verdict);
    take_verdict(step, open, &verdict);
    incident->level_now = next->now[incident->metric];
    struct text reason = text_on(incident->reason, sizeof incident->reason);
    text_add(&reason, "the new process stands at ");
    text_add_quantity(&reason, metric_unit(incident->metric), incident->level_now);
    text_add(&reason, "; %s", verdict.reason);
    incident->process = next->process;
    incident->state = INCIDENT_OPEN;
    incident->escalated = open->seen_unbounded = open->given_back = open->outlived = false;
    open->bounded_mono_ms = 0;
    open->held_told = 0;
}

/* The restart did not help. A rung is told as due when it could be taken now, as soon as the growth is seen to
 * go on. */
static void say_it_did_not_help(struct step *step, struct alert *alert, struct open_incident *open)
{
    struct restart_journal wanted;
    enum check failed;
    if (step_consider(step, open, &wanted, &failed) && !is_refused(open, &wanted)) {
        alert_add_done(alert, "The restart did not bring the level down: the rung \"%s\" is due.",
                       rung_name(wanted.rung));
        return;
    }
    alert_add_done(alert, "The restart did not bring the level down.");
    if (open->incident.held_because[0])
        alert_add_done(alert, "storewatch restarts nothing now: %s.", open->incident.held_because);
}

/* After a restart: is the new incarnation smaller than the old one was when the incident opened? */
static void resolve_recovering(struct step *step, struct open_incident *open)
{
    struct engine *engine = step->engine;
    struct incident *incident = &open->incident;
    struct watched *old = watch_find(&engine->watch, incident->process);
    struct watched *next = engine_successor(engine, incident);
    if (next || (old && old->present))
        open->alone_mono_ms = 0;
    if (old && old->present) {
        incident->state = INCIDENT_OPEN; /* it was not restarted after all */
        step_save_incident(step, incident);
        return;
    }
    if (!next) {
        resolve_without_successor(step, open);
        return;
    }
    if (metric_of_space(incident->metric) && next->space.asked && next->space.status == STATUS_UNSUPPORTED &&
        step_room_to_tell(step)) {
        struct alert *alert = incident_close(step, open, ALERT_ENDED);
        if (alert)
            alert_add_done(alert, "The new process is a 64-bit one: its address space has no such end.");
        return;
    }
    reading level = next->now[incident->metric];
    if (!reading_known(level) || !next->detectors[incident->metric] || !step_room_to_tell(step))
        return; /* unknown is not healthy: wait for a reading */
    if (level < incident->level_at_open) {
        incident->level_now = level;
        text_copy(incident->reason, sizeof incident->reason, "a new process has taken its place");
        struct alert *alert = incident_close(step, open, ALERT_RECOVERED);
        if (!alert)
            return;
        engine_add_story(engine, alert);
        advice_add(alert, &engine->config, false);
        return;
    }
    goes_on_in(step, open, next);
    struct alert *alert = step_alert_incident(step, ALERT_REMINDER, open);
    if (!alert)
        return;
    engine_add_story(engine, alert);
    say_it_did_not_help(step, alert, open);
    step_save_incident(step, incident);
    advice_add(alert, &engine->config, false);
}

void step_follow_incidents(struct step *step)
{
    struct engine *engine = step->engine;
    for (size_t i = 0; i < engine->watch.count; i++)
        for (size_t m = 0; m < METRIC_COUNT; m++)
            follow_item(step, &engine->watch.items[i], (enum metric)m);
    for (size_t i = 0; i < INCIDENTS_MAX && !engine_restarting(engine); i++)
        if (engine->incidents[i].incident.id && engine->incidents[i].incident.state == INCIDENT_RECOVERING)
            resolve_recovering(step, &engine->incidents[i]);
}

void engine_mark_needed(struct engine *engine)
{
    for (size_t i = 0; i < engine->watch.count; i++) {
        struct watched *item = &engine->watch.items[i];
        item->needed = false;
        for (size_t k = 0; k < engine->incidents_end; k++)
            item->needed |= is_about(&engine->incidents[k], item->process, item->target);
    }
}

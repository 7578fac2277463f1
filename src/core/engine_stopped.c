/* engine_stopped.c - who was told that an incident ended with its service STOPPED, or that a person took a service over
 * from a restart, was woken by it: that it runs again is told, too, once. See engine.h: told_stopped, handed_over. */
#include "engine_internal.h"

#include <string.h>

static struct told_stopped *put(struct engine *engine, const struct incident *incident)
{
    struct told_stopped *place = &engine->stopped[0];
    for (size_t i = 1; i < TOLD_STOPPED_MAX; i++)
        if (engine->stopped[i].incident.id < place->incident.id)
            place = &engine->stopped[i];
    *place = (struct told_stopped){.incident = *incident};
    return place;
}

/* Of several incidents of one service the latest tells of it. */
static void forget_service(struct engine *engine, const char *service)
{
    for (size_t i = 0; i < TOLD_STOPPED_MAX; i++)
        if (text_equal_nocase(engine->stopped[i].incident.service, service))
            engine->stopped[i].incident.id = 0;
}

void engine_note_stopped(struct engine *engine, const struct alert *alert, struct actions *actions)
{
    forget_service(engine, alert->incident.service);
    put(engine, &alert->incident)->clock_moved_ms = alert->clock_moved_ms;
    actions->save_stopped = true;
}

void engine_restore_stopped(struct engine *engine, const struct incident *incidents, size_t count,
                            const int64_t ids[TOLD_STOPPED_MAX])
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < TOLD_STOPPED_MAX; k++)
            if (ids[k] == incidents[i].id && incidents[i].state == INCIDENT_CLOSED)
                put(engine, &incidents[i]);
}

/* Since when this life of storewatch has seen it run: it may have been started before that. */
static void add_since(const struct step *step, struct text *text, int64_t runs_mono_ms)
{
    text_add(text, ". It was started, not by storewatch, and has been seen to run since ");
    text_add_time_human(text, runs_mono_ms + clock_shift_ms(step->clock));
    text_add(text, ".");
}

static void tell_runs_again(struct step *step, struct told_stopped *stopped)
{
    struct open_incident open = {.incident = stopped->incident, .clock_moved_ms = stopped->clock_moved_ms};
    const int64_t told_utc_ms = stopped->incident.told_utc_ms + stopped->clock_moved_ms;
    struct alert *alert = step_alert_incident(step, ALERT_SERVICE_UP_AGAIN, &open);
    if (!alert)
        return;
    text_copy(alert->service, sizeof alert->service, open.incident.service);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "It was STOPPED when its process ended, as was told ");
    text_add_time_human(&text, told_utc_ms);
    add_since(step, &text, stopped->runs_mono_ms);
    stopped->incident.id = 0;
    step->actions->save_stopped = true;
}

void step_follow_stopped(struct step *step)
{
    struct engine *engine = step->engine;
    const int64_t mono_ms = step->clock.mono_ms;
    for (size_t i = 0; i < TOLD_STOPPED_MAX; i++) {
        struct told_stopped *stopped = &engine->stopped[i];
        const struct service *service =
            stopped->incident.id ? step_service(step, stopped->incident.service) : NULL;
        if (!service)
            continue; /* or it cannot be seen now */
        if (service->state != SERVICE_STATE_RUNNING)
            stopped->runs_mono_ms = 0;
        else if (!stopped->runs_mono_ms)
            stopped->runs_mono_ms = mono_ms;
        if (stopped->runs_mono_ms && mono_ms - stopped->runs_mono_ms >= engine->config.verify_ms &&
            step_room_to_tell(step))
            tell_runs_again(step, stopped);
    }
}

bool engine_gave_up(const struct engine *engine, const char *service)
{
    const struct restart_service *planned = restart_plan_find(&engine->handed_over.plan, service);
    return planned && planned->start == STEP_GIVEN_UP;
}

static bool runs(const struct step *step, const struct restart_service *taken)
{
    const struct service *service = step_service(step, taken->name);
    return service && service->state == SERVICE_STATE_RUNNING;
}

/* The latest in the order of stops that runs: the target, when it does. NULL: none that was taken over. */
static const struct restart_service *runs_again(const struct step *step)
{
    const struct restart_plan *plan = &step->engine->handed_over.plan;
    for (size_t i = plan->count; i-- > 0;)
        if (plan->services[i].start == STEP_GIVEN_UP && runs(step, &plan->services[i]))
            return &plan->services[i];
    return NULL;
}

static void tell_taken_runs_again(struct step *step, const struct restart_service *again)
{
    struct restart_journal *journal = &step->engine->handed_over;
    struct alert *alert = step_alert_of_restart(step, ALERT_SERVICE_UP_AGAIN, journal, again->name);
    if (!alert)
        return;
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "It was left as it was by the restart that ended ");
    text_add_time_human(&text, journal->ended_utc_ms);
    text_add(&text, ", as was told");
    add_since(step, &text, step->engine->taken_runs_mono_ms);
    char down_storage[ALERT_LINE_MAX / 2] = "";
    struct text down = text_on(down_storage, sizeof down_storage);
    for (size_t i = 0; i < journal->plan.count; i++) {
        struct restart_service *taken = &journal->plan.services[i];
        if (taken->start != STEP_GIVEN_UP)
            continue;
        const bool too = runs(step, taken);
        if (taken != again)
            text_add(&text, " %s, which was left as it was, too, %s.", taken->name,
                     too ? "runs" : "does not run");
        if (too)
            taken->start = STEP_REACHED;
        else if (step_service(step, taken->name)) /* else it was deleted */
            text_add(&down, "%s%s", down.length ? ", " : "", taken->name);
    }
    if (down.length)
        alert_add_todo(
            alert,
            "Start %s (services.msc; what is disabled has to be enabled first), unless that is meant "
            "to stay stopped: storewatch does not start it any more.",
            down_storage);
    step->engine->taken_runs_mono_ms = 0;
    step->actions->save_restart = true;
    step->actions->restart = *journal;
}

void step_follow_handed_over(struct step *step)
{
    struct engine *engine = step->engine;
    if (!engine->handed_over.id || !step->observation->services_known)
        return;
    const struct restart_service *again = runs_again(step);
    if (!again || engine_restarting(engine))
        engine->taken_runs_mono_ms = 0;
    else if (!engine->taken_runs_mono_ms)
        engine->taken_runs_mono_ms = step->clock.mono_ms;
    else if (step->clock.mono_ms - engine->taken_runs_mono_ms >= engine->config.verify_ms &&
             !step->actions->save_restart && step_room_to_tell(step))
        tell_taken_runs_again(step, again);
}

/* engine_attempts.c - what a restart that has ended leaves behind. One that was turned back before its target
 * was stopped is no used rung: it is attempted again, later and not for ever (policy.h: POLICY_ATTEMPTS_MAX).
 * One that was carried through uses its rung for good, and a suspect of the store has had its turn. */
#include "engine_internal.h"

#include <string.h>

static bool was_called_off(const struct restart_plan *plan)
{
    return plan->count > 0 && strncmp(plan->services[plan->count - 1].note, RESTART_NOTE_CALLED_OFF,
                                      strlen(RESTART_NOTE_CALLED_OFF)) == 0;
}

/* The service that stood in the way and its note: the first in stop order that was not stopped, or the target
 * when that was kept up on purpose. */
static void add_obstacle(struct text *text, const struct restart_plan *plan)
{
    if (was_called_off(plan)) {
        const struct restart_service *target = &plan->services[plan->count - 1];
        text_add(text, "%s: %s", target->name, target->note);
        return;
    }
    for (size_t i = 0; i < plan->count; i++)
        if (plan->services[i].stop != STEP_REACHED && plan->services[i].note[0]) {
            text_add(text, "%s: %s", plan->services[i].name, plan->services[i].note);
            return;
        }
    text_add(text, "no reason is known");
}

/* Takes a restart that disturbed nobody out of the budget. */
static void leave_budget(struct engine *engine, int64_t restart_id)
{
    size_t kept = 0;
    for (size_t i = 0; i < engine->budget_count; i++)
        if (engine->budget[i].restart_id != restart_id)
            engine->budget[kept++] = engine->budget[i];
    engine->budget_count = kept;
}

/* Does everything of the plan run as it did when the restart began? */
static bool nobody_was_disturbed(const struct step *step, const struct restart_plan *plan)
{
    bool undisturbed = restart_plan_untouched(plan);
    for (size_t i = 0; undisturbed && i < plan->count; i++) {
        const struct service *service = observation_service(step->observation, plan->services[i].name);
        undisturbed =
            service && (service->state == SERVICE_STATE_RUNNING || service->state == SERVICE_STATE_PAUSED);
    }
    return undisturbed;
}

bool engine_had_turn(const struct open_incident *open, const char *service)
{
    for (size_t i = 0; i < open->turn_count; i++)
        if (text_equal_nocase(open->turns[i], service))
            return true;
    return open->turn_count == TURNS_MAX;
}

void engine_end_turn(struct open_incident *open, const char *service)
{
    if (!engine_had_turn(open, service))
        text_copy(open->turns[open->turn_count++], SERVICE_NAME_MAX, service);
}

bool engine_turned_back_or_called_off(const struct restart_journal *journal)
{
    return journal->outcome == RESTART_RESTORED || journal->outcome == RESTART_CALLED_OFF;
}

static void settle(struct open_incident *open, const struct restart_journal *journal)
{
    open->restarted = open->restart_untold = true;
    open->rungs_settled |= 1u << journal->rung;
    if (journal->rung == RUNG_RESTART_CLIENT)
        engine_end_turn(open, journal->target);
}

static void free_rung(struct open_incident *open, enum rung rung)
{
    open->incident.rungs_tried &= ~(1u << rung & ~open->rungs_settled);
}

/* Those of another service are forgotten. */
static struct turned_back *attempts_of(struct open_incident *open, enum rung rung, const char *service)
{
    struct turned_back *attempts = &open->attempts[rung];
    if (!text_equal_nocase(attempts->service, service))
        *attempts = (struct turned_back){0};
    text_copy(attempts->service, sizeof attempts->service, service);
    return attempts;
}

void engine_count_attempt(struct open_incident *open, enum rung rung, const char *service, const char *why,
                          int64_t mono_ms)
{
    struct turned_back *attempts = attempts_of(open, rung, service);
    text_copy(attempts->why, sizeof attempts->why, why);
    attempts->mono_ms = mono_ms;
    bool last = ++attempts->count >= POLICY_ATTEMPTS_MAX;
    bool suspect = open->incident.target_kind == TARGET_STORE && rung == RUNG_RESTART_CLIENT;
    if (last && suspect)
        engine_end_turn(open, service);
    if (last && !suspect)
        open->incident.rungs_tried |= 1u << rung;
    else
        free_rung(open, rung);
}

static void count_turned_back(struct open_incident *open, const struct restart_journal *journal,
                              int64_t mono_ms)
{
    char storage[sizeof open->attempts[0].why];
    struct text why = text_on(storage, sizeof storage);
    add_obstacle(&why, &journal->plan);
    engine_count_attempt(open, journal->rung, journal->target, storage, mono_ms);
}

/* Few of them change nothing; the wait of an attempt before them goes on. */
static void count_called_off(struct open_incident *open, const struct restart_journal *journal,
                             int64_t mono_ms)
{
    struct turned_back *attempts = attempts_of(open, journal->rung, journal->target);
    if (++attempts->called_off < POLICY_CALL_OFFS_MAX)
        return;
    struct text why = text_on(attempts->why, sizeof attempts->why);
    add_obstacle(&why, &journal->plan);
    attempts->mono_ms = mono_ms;
}

void step_settle_attempt(struct step *step)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    struct open_incident *open = engine_incident_by_id(engine, journal->incident_id);
    if (!engine_turned_back_or_called_off(journal)) {
        if (!open)
            return;
        settle(open, journal);
        open->outlived = journal->outcome == RESTART_SUCCEEDED && open->incident.state == INCIDENT_OPEN &&
                         open->incident.target_kind == TARGET_CLIENT &&
                         text_equal_nocase(open->incident.service, journal->target);
        return;
    }
    bool called_off = journal->outcome == RESTART_CALLED_OFF;
    if (called_off || nobody_was_disturbed(step, &journal->plan)) {
        leave_budget(engine, journal->id);
        step->actions->save_budget = true;
    }
    engine->not_before_mono_ms = step->clock.mono_ms + policy_soonest_retry_ms(&engine->config);
    if (!open)
        return;
    if (called_off) {
        free_rung(open, journal->rung);
        count_called_off(open, journal, step->clock.mono_ms);
    } else {
        count_turned_back(open, journal, step->clock.mono_ms);
    }
    step_save_incident(step, &open->incident);
}

void step_add_attempt_words(const struct step *step, struct alert *alert)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    char why[ALERT_LINE_MAX];
    struct text text = text_on(why, sizeof why);
    add_obstacle(&text, &journal->plan);
    if (restart_plan_untouched(&journal->plan))
        alert_add_done(alert, "The stop did not work, and nothing was stopped. %s.", why);
    else
        alert_add_done(alert, "%s, so everything that had been stopped was started again. %s.",
                       was_called_off(&journal->plan) ? "It was called off" : "The stop did not work", why);
    const struct open_incident *open = engine_incident_by_id(engine, journal->incident_id);
    if (!open)
        return;
    const struct turned_back *attempts = &open->attempts[journal->rung];
    if (attempts->count >= POLICY_ATTEMPTS_MAX) {
        alert_add_done(alert, "That was attempt %u of %d: %s is not tried again for this incident.",
                       attempts->count, POLICY_ATTEMPTS_MAX, journal->target);
        return;
    }
    char wait[40];
    struct text duration = text_on(wait, sizeof wait);
    text_add_duration(&duration, policy_attempt_wait_ms(&engine->config, step->clock,
                                                        engine_deadline_utc_ms(engine, open, journal->rung)));
    alert_add_done(
        alert, "That was attempt %u of %d to take the rung \"%s\": the next is made in %s at the earliest.",
        attempts->count, POLICY_ATTEMPTS_MAX, rung_name(journal->rung), wait);
}

struct policy_attempts step_attempts(const struct step *step, const struct open_incident *open,
                                     enum rung rung, const char *service)
{
    const struct turned_back *attempts = &open->attempts[rung];
    if (!text_equal_nocase(attempts->service, service))
        return (struct policy_attempts){0};
    return (struct policy_attempts){.count = attempts->count,
                                    .called_off = attempts->called_off,
                                    .age_ms = step->clock.mono_ms - attempts->mono_ms,
                                    .why = attempts->why};
}

struct incident step_as_the_ladder_sees(const struct open_incident *other, bool store_is_urgent)
{
    struct incident seen = other->incident;
    const bool grows_now = other->seen_unbounded && !other->bounded_mono_ms;
    if (store_is_urgent && (other->attempts[RUNG_RESTART_CLIENT].count > 0 || other->unplanned || !grows_now))
        seen.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    return seen;
}

/* Those carried through, and a rung that is used though nothing under way uses it: that one was tried for the
 * incident before, or often enough. */
static void restore_settled(const struct engine *engine, struct open_incident *open,
                            const struct restart_journal *journals, size_t count)
{
    uint32_t under_way = 0;
    const struct restart_journal *own = &engine->restart.journal;
    if (engine_restarting(engine) && own->incident_id == open->incident.id)
        under_way |= 1u << own->rung;
    for (size_t j = 0; j < count; j++) {
        if (journals[j].incident_id != open->incident.id)
            continue;
        if (journals[j].phase != RESTART_ENDED)
            under_way |= 1u << journals[j].rung;
        else if (!engine_turned_back_or_called_off(&journals[j]))
            settle(open, &journals[j]);
    }
    open->rungs_settled |= open->incident.rungs_tried & ~under_way;
}

/* The wait begins anew with a life of storewatch: the journal's times are wall clock, which may have been
 * set. */
void engine_restore_attempts(struct engine *engine, const struct restart_journal *journals, size_t count,
                             int64_t mono_ms)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        if (!open->incident.id || open->remembers)
            continue;
        open->remembers = true;
        restore_settled(engine, open, journals, count);
        for (size_t j = count; j-- > 0;) { /* the oldest first */
            const bool own = journals[j].incident_id == open->incident.id;
            if (own && journals[j].outcome == RESTART_RESTORED)
                count_turned_back(open, &journals[j], mono_ms);
            else if (own && journals[j].outcome == RESTART_CALLED_OFF)
                count_called_off(open, &journals[j], mono_ms);
        }
    }
}

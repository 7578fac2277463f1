/* engine_restart.c - the restart that goes on takes its next step, and is told of. See engine.h. */
#include "engine_internal.h"

#include "storewatch/advice.h"

#include <string.h>

/* ---- what is told ---- */

/* A sentence for the mails and an event for the log. */
static struct alert *tell_story_v(struct step *step, enum alert_kind kind, const char *format, va_list args)
{
    struct engine *engine = step->engine;
    char sentence_storage[ALERT_LINE_MAX];
    struct text sentence = text_on(sentence_storage, sizeof sentence_storage);
    text_add_v(&sentence, format, args);
    if (engine->story_count == STORY_LINES_MAX) { /* how it began, where the evidence is, and how it stands */
        memmove(engine->story[2], engine->story[3], sizeof engine->story[0] * (engine->story_count - 3));
        engine->story_count--;
    }
    struct text line = text_on(engine->story[engine->story_count++], ALERT_LINE_MAX);
    text_add_time_human(&line, step->clock.utc_ms);
    text_add(&line, ": %s", sentence_storage);
    struct alert *alert = step_alert_begin(step, kind);
    if (alert)
        text_copy(alert->text, sizeof alert->text, sentence_storage);
    if (alert)
        text_copy(alert->service, sizeof alert->service, engine->restart.journal.target);
    return alert;
}

void step_tell_story(struct step *step, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell_story_v(step, ALERT_RESTART_PROGRESS, format, args);
    va_end(args);
}

/* A process is about to be ended: that has an event of its own. */
static void tell_termination(struct step *step, const char *service, const char *format, ...)
    PRINTF_LIKE(3, 4);
static void tell_termination(struct step *step, const char *service, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct alert *alert = tell_story_v(step, ALERT_TERMINATED, format, args);
    va_end(args);
    if (alert)
        text_copy(alert->service, sizeof alert->service, service);
}

static void tell_steps(struct step *step, const struct restart_journal *before)
{
    const struct restart_journal *after = &step->engine->restart.journal;
    for (size_t i = 0; i < after->plan.count; i++) {
        const struct restart_service *now = &after->plan.services[i];
        /* The plan may have grown in the middle (a dependent that somebody started meanwhile): match by name.
         */
        const struct restart_service *was = restart_plan_find(&before->plan, now->name);
        if (now->stop == STEP_REACHED && (!was || was->stop != STEP_REACHED))
            step_tell_story(step, "%s is stopped", now->name);
        if (now->start == STEP_REACHED && (!was || was->start != STEP_REACHED))
            step_tell_story(step, "%s runs", now->name);
        if (now->start == STEP_GIVEN_UP && (!was || was->start != STEP_GIVEN_UP))
            step_tell_story(step, "%s is left as it is: %s", now->name, now->note);
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

/* The service that an alert about the restart is about: the one that is down, runs again or was given up,
 * else the target. */
static const char *service_in_question(const struct restart *restart, enum alert_kind kind)
{
    if (kind == ALERT_SERVICE_DOWN)
        return restart->down_service;
    if (kind == ALERT_SERVICE_UP_AGAIN)
        return restart->up_service;
    if (kind == ALERT_GAVE_UP)
        return restart->given_up_service;
    return restart->journal.target;
}

/* As this look shows it; a list that was cut, or could not be read, says nothing of who is missing in it. */
static enum service_state state_of(const struct step *step, const char *name)
{
    const struct service *service = step_service(step, name);
    if (service)
        return service->state;
    const bool complete = step->observation->services_known && !step->observation->services_cut;
    return complete ? SERVICE_STATE_ABSENT : SERVICE_STATE_UNKNOWN;
}

struct alert *step_alert_of_restart(struct step *step, enum alert_kind kind,
                                    const struct restart_journal *journal, const char *service)
{
    struct open_incident *open = engine_incident_by_id(step->engine, journal->incident_id);
    struct alert *alert = open ? step_alert_incident(step, kind, open) : step_alert_begin(step, kind);
    if (!alert)
        return NULL;
    if (!open) {
        struct text key = text_on(alert->key, sizeof alert->key);
        text_add(&key, "r%lld-%s-%lld", (long long)journal->id, alert_wording_get(kind)->name,
                 (long long)step->clock.utc_ms);
    }
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "Restart %lld of %s (%s).", (long long)journal->id, journal->target, journal->reason);
    text_copy(alert->service, sizeof alert->service, service);
    return alert;
}

struct alert *step_alert_restart(struct step *step, enum alert_kind kind)
{
    const struct restart *restart = &step->engine->restart;
    struct alert *alert =
        step_alert_of_restart(step, kind, &restart->journal, service_in_question(restart, kind));
    const bool may_be_down =
        kind == ALERT_SERVICE_DOWN || kind == ALERT_GAVE_UP || kind == ALERT_RESTART_ABANDONED;
    if (alert && may_be_down)
        alert->service_state = state_of(step, alert->service);
    return alert;
}

/* It is down still, and nobody else will say so: again each reminder. Returns news bits. */
static unsigned remind_of_down(const struct step *step)
{
    struct engine *engine = step->engine;
    const char *down = restart_service_down(&engine->restart);
    if (!down || step->clock.mono_ms - engine->down_told_mono_ms < engine->config.reminder_ms)
        return 0;
    text_copy(engine->restart.down_service, sizeof engine->restart.down_service, down);
    return RESTART_NEWS_DOWN;
}

/* The journal's own words about a service of the plan. */
static const char *note_of(const struct engine *engine, const char *service)
{
    const struct restart_service *planned = restart_plan_find(&engine->restart.journal.plan, service);
    return planned ? planned->note : "";
}

static enum given_up why_given_up(const char *note)
{
    if (strstr(note, RESTART_NOTE_STOPPED_CLEANLY))
        return GIVEN_UP_PERHAPS_BY_ITSELF;
    return strstr(note, RESTART_NOTE_NEED_LEFT) ? GIVEN_UP_WITH_NEED : GIVEN_UP_CHANGED;
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
        struct alert *alert = step_alert_restart(step, table[i].kind);
        if (!alert)
            continue;
        if (table[i].kind == ALERT_SERVICE_DOWN)
            engine->down_told_mono_ms = step->clock.mono_ms;
        if (table[i].kind == ALERT_GAVE_UP)
            alert->given_up = why_given_up(note_of(engine, alert->service));
        engine_add_story(engine, alert);
        char notes[ALERT_LINE_MAX];
        if (table[i].kind != ALERT_SERVICE_UP_AGAIN)
            alert_add_done(alert, "%s", down_notes(engine, notes, sizeof notes));
        advice_add(alert, &engine->config, false);
    }
}

static void tell_verifying(struct step *step)
{
    const struct restart_plan *plan = &step->engine->restart.journal.plan;
    char storage[ALERT_LINE_MAX / 2] = "";
    struct text left = text_on(storage, sizeof storage);
    for (size_t i = 0; i < plan->count; i++)
        if (plan->services[i].start == STEP_GIVEN_UP)
            text_add(&left, "%s%s", left.length ? ", " : " except ", plan->services[i].name);
    step_tell_story(step, "everything that ran before runs again%s; watching that it stays so", storage);
    struct alert *alert = step_alert_restart(step, ALERT_RESTART_DONE);
    if (alert)
        engine_add_story(step->engine, alert);
}

/* By the machine itself, without the pre-flight: somebody else has dealt with the target. */
static void explain_called_off(const struct step *step)
{
    struct engine *engine = step->engine;
    const char *target = engine->restart.journal.target;
    struct text why = text_on(engine->called_off, sizeof engine->called_off);
    if (state_of(step, target) == SERVICE_STATE_ABSENT)
        text_add(&why, "%s was deleted, not by storewatch: there is nothing to restart", target);
    else
        text_add(&why, "%s was stopped, not by storewatch", target);
}

static void tell_end(struct step *step)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    if (engine_turned_back_or_called_off(journal)) {
        struct alert *alert = step_alert_restart(step, ALERT_RESTART_ABANDONED);
        if (!alert)
            return;
        engine_add_story(engine, alert);
        if (journal->outcome == RESTART_CALLED_OFF)
            alert_add_done(alert, "It was called off before anything was stopped: %s.", engine->called_off);
        else
            step_add_attempt_words(step, alert);
        advice_add(alert, &engine->config, false);
        return;
    }
    step_tell_story(step, "the restart of %s has ended: %s", journal->target,
                    restart_outcome_name(journal->outcome));
}

/* ---- the next step ---- */

void step_ask(struct step *step, enum engine_request_kind kind, const char *service)
{
    step->engine->out = (struct engine_request){.kind = kind};
    text_copy(step->engine->out.service, sizeof step->engine->out.service, service);
    step->actions->request = step->engine->out;
}

/* Why a restart that has not reached its target yet is not wanted any more; NULL = it is. What a person asked
 * for is. */
static const char *unwanted(const struct engine *engine, const struct open_incident *open)
{
    const struct restart_journal *journal = &engine->restart.journal;
    if (journal->incident_id == 0)
        return NULL;
    if (!open)
        return "the growth that it was for has ended";
    if (!policy_knows_rung(&engine->config, journal->rung, journal->target))
        return "it is not a restart of the configuration any more";
    return policy_plan_forbidden(&engine->config, journal->rung, &journal->plan);
}

/* The budget as it was when the restart that goes on began, without it. */
static size_t budget_when_begun(const struct engine *engine, struct budget_entry *out_entries)
{
    size_t count = 0;
    int64_t since_ms = 0;
    for (size_t i = 0; i < engine->budget_count; i++)
        if (engine->budget[i].restart_id == engine->restart.journal.id)
            since_ms = engine->budget[i].age_ms;
        else
            out_entries[count++] = engine->budget[i];
    for (size_t i = 0; i < count; i++)
        out_entries[i].age_ms -= since_ms;
    return count;
}

/* What needs the target stops, or has stopped: while the target itself is up, a choice that was made or a tool
 * that began meanwhile keeps it up, and so does that nothing wants it any more. Returns news bits. */
static unsigned turn_back_if_forbidden(struct step *step)
{
    struct engine *engine = step->engine;
    if (!restart_target_waits(&engine->restart))
        return 0;
    struct policy_facts facts;
    engine_policy_facts(engine, INT64_MAX, &facts);
    char why[256];
    const char *not_wanted =
        unwanted(engine, engine_incident_by_id(engine, engine->restart.journal.incident_id));
    if (not_wanted)
        text_copy(why, sizeof why, not_wanted);
    else if (policy_may_go_on(&engine->config, step->observation, step->clock, &facts, why, sizeof why))
        return 0;
    step_tell_story(step, "called off: %s", why);
    return restart_abandon(&engine->restart, why, step->clock.utc_ms);
}

/* Nothing was stopped, and nothing is while this look does not see what runs. A machine that is short of
 * memory, and needs the restart most, is not seen at each look: the next one may tell. */
static bool waits_for_sight(const struct engine *engine, const struct preflight *preflight)
{
    return !preflight->passed && preflight->first_failed == CHECK_SIGHT && !engine->blind &&
           !engine->unseen && restart_nothing_stopped(&engine->restart);
}

/* The pre-flight once more just before the first stop: the world may have changed since the plan was made, or
 * while storewatch itself was away in the middle of the stops. Returns news bits; *out_waits: nothing is
 * decided in this step. */
static unsigned call_off_if_forbidden(struct step *step, bool *out_waits)
{
    struct engine *engine = step->engine;
    const bool untouched = restart_untouched(&engine->restart);
    const bool stopping_again = engine->resumed && engine->restart.journal.phase == RESTART_STOPPING;
    if (!untouched && !stopping_again && !restart_nothing_stopped(&engine->restart))
        return turn_back_if_forbidden(step);
    struct open_incident *open = engine_incident_by_id(engine, engine->restart.journal.incident_id);
    struct policy_facts facts;
    engine_policy_facts(engine, engine_deadline_utc_ms(engine, open, engine->restart.journal.rung), &facts);
    facts.plan = &engine->restart.journal.plan;
    struct budget_entry others[BUDGET_ENTRIES_MAX];
    facts.budget = others;
    facts.budget_count = budget_when_begun(engine, others);
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    const char *not_wanted = unwanted(engine, open);
    *out_waits = !not_wanted && waits_for_sight(engine, &preflight);
    if (*out_waits || (preflight.passed && !not_wanted))
        return 0;
    char reason[sizeof engine->called_off];
    struct text why = text_on(reason, sizeof reason);
    if (not_wanted)
        text_add(&why, "%s", not_wanted);
    else
        text_add(&why, "%s: %s", check_name(preflight.first_failed),
                 preflight.results[preflight.first_failed].text);
    engine->resumed = false;
    if (!untouched) { /* something may be down: it counts, and is started again */
        step_tell_story(step, "called off: %s", reason);
        return restart_abandon(&engine->restart, reason, step->clock.utc_ms);
    }
    text_copy(engine->called_off, sizeof engine->called_off, reason);
    return restart_abandon(&engine->restart, engine->called_off, step->clock.utc_ms);
}

void step_tell_terminated(struct step *step, const char *service)
{
    step_tell_story(step, "%s %s", service, note_of(step->engine, service));
}

static void hold_or_allow_termination(struct step *step)
{
    struct engine *engine = step->engine;
    struct policy_facts facts;
    engine_policy_facts(engine, INT64_MAX, &facts);
    policy_may_terminate(&engine->config, step->observation, step->clock, &facts,
                         engine->restart.terminate_held, sizeof engine->restart.terminate_held);
}

/* What the machine asks for becomes the request to the service manager. It is as old as what it rests on: the
 * begin of the look, which may have been held up itself. */
static void pass_on(struct step *step, const struct restart_request *request)
{
    static const enum engine_request_kind kinds[] = {
        [REQUEST_STOP] = ENGINE_STOP_SERVICE,
        [REQUEST_START] = ENGINE_START_SERVICE,
        [REQUEST_TERMINATE] = ENGINE_TERMINATE_PROCESS,
    };
    step->engine->resumed = false;
    step_ask(step, kinds[request->kind], request->service);
    step->engine->out.process = step->actions->request.process = request->process;
    step->engine->out.decided_mono_ms = step->actions->request.decided_mono_ms = step->observation->mono_ms;
}

void step_follow_restart(struct step *step)
{
    struct engine *engine = step->engine;
    if (!engine_restarting(engine))
        return;
    /* While a request is out the machine asks for nothing, but its clocks and words go on: a call that hangs
     * in the SCM is a service that hangs, and what is down meanwhile is told of. */
    const bool reads_graph = engine->out.kind == ENGINE_READ_GRAPH;
    engine->restart.held = reads_graph;
    /* Against the look that is decided on: looks that take long are no reason to read it for ever. */
    engine->restart.graph_old = step->observation->mono_ms - engine->graph_told_mono_ms > RESTART_FRESH_MS;
    if (engine->graph_wanted && engine->out.kind == ENGINE_NOTHING) {
        engine->graph_wanted = false;
        step_ask(step, ENGINE_READ_GRAPH, "");
        return;
    }
    struct restart_journal before = engine->restart.journal;
    struct restart_request request = {0};
    bool waits = false;
    unsigned news = reads_graph ? 0 : call_off_if_forbidden(step, &waits);
    if (waits) {
        text_copy(engine->restart.waiting_for, sizeof engine->restart.waiting_for,
                  "services or processes cannot be read; nothing is stopped before they can");
        return;
    }
    if (news & RESTART_NEWS_ENDED)
        step_drop_evidence(step);
    else if (news == 0 && step_waits_for_evidence(step))
        return;
    hold_or_allow_termination(step);
    if (!(news & RESTART_NEWS_ENDED))
        news |= restart_step(&engine->restart, step->observation,
                             engine->graph.node_count ? &engine->graph : NULL, step->clock.mono_ms,
                             step->clock.utc_ms, &request);
    if (!(news & RESTART_NEWS_DOWN))
        news |= remind_of_down(step);
    tell_steps(step, &before);
    if (engine->restart.journal.phase == RESTART_VERIFYING && before.phase != RESTART_VERIFYING)
        tell_verifying(step);
    if (news & RESTART_NEWS_TERMINATE)
        tell_termination(step, request.service, "%s %s", request.service, note_of(engine, request.service));
    tell_news(step, news);
    if (news & RESTART_NEWS_ENDED) {
        if (engine->restart.journal.outcome == RESTART_CALLED_OFF && !engine->called_off[0])
            explain_called_off(step);
        step_settle_attempt(step);
        tell_end(step);
        if (engine->restart.journal.outcome == RESTART_HANDED_OVER) {
            engine->handed_over = engine->restart.journal;
            engine->taken_runs_mono_ms = 0;
        }
    }
    if (news) {
        step->actions->save_restart = true;
        step->actions->restart = engine->restart.journal;
    }
    if (request.kind != REQUEST_NONE)
        pass_on(step, &request);
    else if (engine->restart.graph_wanted && engine_restarting(engine))
        step_ask(step, ENGINE_READ_GRAPH, "");
}

/* engine_restart.c - the restart that goes on takes its next step; and the decision to begin one: rung,
 * pre-flight, plan, pre-flight again. See engine.h. */
#include "engine_internal.h"

#include "storewatch/advice.h"

#include <string.h>

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
        const struct restart_service *was = NULL;
        for (size_t j = 0; j < before->plan.count && !was; j++)
            if (text_equal_nocase(before->plan.services[j].name, now->name))
                was = &before->plan.services[j];
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

/* An alert about the restart, in its incident's thread when it has one that is still open. */
static struct alert *alert_restart(struct step *step, enum alert_kind kind)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    struct open_incident *open = engine_incident_by_id(engine, journal->incident_id);
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
    text_copy(alert->service, sizeof alert->service, service_in_question(&engine->restart, kind));
    const bool may_be_down = kind == ALERT_SERVICE_DOWN || kind == ALERT_RESTART_ABANDONED;
    if (may_be_down)
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
        if (table[i].kind == ALERT_SERVICE_DOWN)
            engine->down_told_mono_ms = step->clock.mono_ms;
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
    struct alert *alert = alert_restart(step, ALERT_RESTART_DONE);
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
        struct alert *alert = alert_restart(step, ALERT_RESTART_ABANDONED);
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

static void ask(struct step *step, enum engine_request_kind kind, const char *service)
{
    step->engine->out = (struct engine_request){.kind = kind};
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
        .blind = engine->blind || engine->unseen,
        .maintenance_until_utc_ms = engine->maintenance_until_utc_ms,
        .budget = engine->budget,
        .budget_count = engine->budget_count,
        .exhaustion_early_utc_ms = exhaustion_early_utc_ms,
    };
}

int64_t engine_deadline_utc_ms(const struct engine *engine, const struct open_incident *open, enum rung rung)
{
    int64_t deadline_ms = open ? open->incident.exhaustion_early_utc_ms : INT64_MAX;
    for (size_t i = 0; open && rung == RUNG_RESTART_CLIENT && i < INCIDENTS_MAX; i++) {
        const struct open_incident *store = &engine->incidents[i];
        if (store->incident.id && store->incident.target_kind == TARGET_STORE && store->seen_unbounded &&
            !store->bounded_mono_ms && store->incident.exhaustion_early_utc_ms < deadline_ms)
            deadline_ms = store->incident.exhaustion_early_utc_ms;
    }
    return deadline_ms;
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
    facts_for(engine, INT64_MAX, &facts);
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
    facts_for(engine, engine_deadline_utc_ms(engine, open, engine->restart.journal.rung), &facts);
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

/* The journal's own words about a service of the plan. */
static const char *note_of(const struct engine *engine, const char *service)
{
    const struct restart_plan *plan = &engine->restart.journal.plan;
    for (size_t i = 0; i < plan->count; i++)
        if (text_equal_nocase(plan->services[i].name, service))
            return plan->services[i].note;
    return "";
}

void step_tell_terminated(struct step *step, const char *service)
{
    step_tell_story(step, "%s %s", service, note_of(step->engine, service));
}

static void hold_or_allow_termination(struct step *step)
{
    struct engine *engine = step->engine;
    struct policy_facts facts;
    facts_for(engine, INT64_MAX, &facts);
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
    ask(step, kinds[request->kind], request->service);
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
        ask(step, ENGINE_READ_GRAPH, "");
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
    }
    if (news) {
        step->actions->save_restart = true;
        step->actions->restart = engine->restart.journal;
    }
    if (request.kind != REQUEST_NONE)
        pass_on(step, &request);
    else if (engine->restart.graph_wanted && engine_restarting(engine))
        ask(step, ENGINE_READ_GRAPH, "");
}

/* ---- the decision to begin one ---- */

/* Would a restart for this incident be allowed now? If not, incident.held_because says why, and *out_failed
 * which check holds it back, if it is one. *out_wanted is the restart that is due, held back or not. */
bool step_consider(struct step *step, struct open_incident *open, struct restart_journal *out_wanted,
                   enum check *out_failed)
{
    struct engine *engine = step->engine;
    struct incident *incident = &open->incident;
    bool store_is_urgent = incident->target_kind == TARGET_STORE &&
                           policy_is_urgent(&engine->config, step->clock, incident->exhaustion_early_utc_ms);
    struct incident seen = step_as_the_ladder_sees(open, store_is_urgent);
    struct incident all[INCIDENTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id)
            all[count++] = step_as_the_ladder_sees(&engine->incidents[i], store_is_urgent);
    const char *service = "";
    struct policy_suspect suspect = step_suspect(step, open);
    enum rung rung = policy_next_rung(&engine->config, &seen, all, count, &suspect, &service,
                                      incident->held_because, sizeof incident->held_because);
    if (rung == RUNG_ALERT)
        return false;
    *out_wanted = (struct restart_journal){.incident_id = incident->id, .rung = rung};
    text_copy(out_wanted->target, sizeof out_wanted->target, service);
    struct text reason = text_on(out_wanted->reason, sizeof out_wanted->reason);
    const bool is_of_suspect = rung == RUNG_RESTART_CLIENT && incident->target_kind == TARGET_STORE;
    if (is_of_suspect)
        text_add(&reason, "%s is %s to make %s of %s grow: ", suspect.target, suspect.surely,
                 metric_name(incident->metric), incident->target);
    else
        text_add(&reason, "%s of %s: ", metric_name(incident->metric), incident->target);
    text_add(&reason, "%s", incident->reason);
    struct policy_facts facts;
    facts_for(engine, engine_deadline_utc_ms(engine, open, rung), &facts);
    facts.by_hand = false;
    facts.attempts = step_attempts(step, open, rung, service);
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    if (!preflight.passed) {
        *out_failed = preflight.first_failed;
        struct text text = text_on(incident->held_because, sizeof incident->held_because);
        if (is_of_suspect) /* as policy_next_rung says it of one that leaks by its own verdict */
            text_add(&text, "the suspected client %s comes first, and waits: ", suspect.target);
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
    if (own_choice || open->held_told & (1u << failed) || !step_room_to_tell(step))
        return;
    struct alert *alert = step_alert_incident(step, ALERT_RESTART_HELD, open);
    if (!alert)
        return;
    text_copy(alert->service, sizeof alert->service, service);
    open->held_told |= 1u << failed;
    alert_add_done(alert, "storewatch would restart now, but: %s.", open->incident.held_because);
    advice_add(alert, &step->engine->config, false);
}

bool engine_grows_now(const struct open_incident *open)
{
    return open->incident.id && open->seen_unbounded && open->incident.state == INCIDENT_OPEN &&
           !open->bounded_mono_ms && !open->given_back;
}

/* The most urgent incident that may begin a restart asks for a look at the live service configuration. */
void step_decide(struct step *step)
{
    struct engine *engine = step->engine;
    if (engine_restarting(engine) || engine->deciding || engine->out.kind != ENGINE_NOTHING ||
        step->clock.mono_ms < engine->not_before_mono_ms)
        return;
    int64_t soonest_ms = INT64_MAX;
    bool found = false, unplanned = false;
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        struct open_incident *open = &engine->incidents[i];
        if (!engine_grows_now(open))
            continue;
        struct restart_journal wanted;
        enum check failed = CHECK_COUNT;
        if (!step_consider(step, open, &wanted, &failed)) {
            if (failed != CHECK_COUNT)
                tell_held(step, open, wanted.target, failed);
            continue;
        }
        /* The soonest end; but one that no plan could be made for keeps no other waiting. */
        bool sooner = unplanned || open->incident.exhaustion_early_utc_ms < soonest_ms;
        if (found && (open->unplanned || !sooner))
            continue;
        found = true;
        unplanned = open->unplanned;
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
    if (!open || !engine_grows_now(open))
        return false;
    struct restart_journal wanted;
    enum check failed;
    if (!step_consider(step, open, &wanted, &failed))
        return false;
    return wanted.rung == step->engine->wanted.rung &&
           text_equal_nocase(wanted.target, step->engine->wanted.target);
}

void step_refuse_plan(struct step *step, enum check failed, const char *why)
{
    struct engine *engine = step->engine;
    engine->not_before_mono_ms = step->clock.mono_ms + policy_soonest_retry_ms(&engine->config);
    struct open_incident *open = engine_incident_by_id(engine, engine->wanted.incident_id);
    if (!open && !engine->by_hand)
        return; /* it has ended meanwhile */
    if (open) {
        struct text text = text_on(open->incident.held_because, sizeof open->incident.held_because);
        text_add(&text, "%s: %s", check_name(failed), why);
        text_copy(open->refused.service, sizeof open->refused.service, engine->wanted.target);
        text_copy(open->refused.why, sizeof open->refused.why, open->incident.held_because);
        tell_held(step, open, engine->wanted.target, failed);
        return;
    }
    struct text refused = text_on(engine->refused, sizeof engine->refused);
    text_add(&refused, "%s: %s", check_name(failed), why);
    /* The person who asked is told at the prompt; the log keeps it. */
    struct alert *alert = step_alert_begin(step, ALERT_RESTART_PROGRESS);
    if (!alert)
        return;
    text_copy(alert->service, sizeof alert->service, engine->wanted.target);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "The restart of %s asked for by hand was not begun: %s: %s.", engine->wanted.target,
             check_name(failed), why);
}

/* As engine->wanted says. */
static void begin_restart(struct step *step)
{
    struct engine *engine = step->engine;
    struct restart_journal *journal = &engine->wanted;
    journal->id = ++engine->last_restart_id;
    journal->begun_utc_ms = step->clock.utc_ms;
    restart_begin(&engine->restart, &engine->config, journal, step->clock.mono_ms);
    engine->story_count = 0;
    engine->called_off[0] = '\0';
    engine->graph_wanted = engine->resumed = false;
    engine->evidence = EVIDENCE_WANTED;

    struct budget_entry entry = {.restart_id = journal->id};
    text_copy(entry.service, sizeof entry.service, journal->target);
    policy_put_budget(engine->budget, &engine->budget_count, &entry);
    step->actions->save_budget = true;
    step->actions->save_restart = true;
    step->actions->restart = engine->restart.journal;

    struct open_incident *open = engine_incident_by_id(engine, journal->incident_id);
    if (open) {
        open->refused.service[0] = '\0';
        open->incident.rungs_tried |= 1u << journal->rung;
        step_save_incident(step, &open->incident);
    }
    struct alert *alert = alert_restart(step, ALERT_RESTART_BEGUN);
    if (alert)
        for (size_t i = 0; i < journal->plan.count; i++)
            alert_add_done(alert, "stop %zu of %zu: %s", i + 1, journal->plan.count,
                           journal->plan.services[i].name);
    step_tell_story(step, "restart of %s begun", journal->target);
}

/* The configuration has been read: plan, and the whole pre-flight once more just before the first stop. */
void step_decide_with_graph(struct step *step)
{
    struct engine *engine = step->engine;
    struct restart_plan *plan = &engine->wanted.plan;
    struct err plan_error = {0};
    struct open_incident *open = engine_incident_by_id(engine, engine->wanted.incident_id);
    if (!engine->by_hand && !still_wanted(step, open))
        return;
    struct policy_facts facts;
    facts_for(engine, engine_deadline_utc_ms(engine, open, engine->wanted.rung), &facts);
    enum status made =
        restart_plan_make(&engine->graph, step->observation, engine->wanted.target, plan, &plan_error);
    const char *forbidden =
        made == STATUS_OK ? policy_plan_forbidden(&engine->config, engine->wanted.rung, plan) : NULL;
    if (forbidden)
        made = err_set(&plan_error, STATUS_INVALID, "plan", 0, "%s: %s", engine->wanted.target, forbidden);
    facts.plan = made == STATUS_OK ? plan : NULL;
    facts.plan_error = &plan_error;
    struct preflight preflight;
    policy_preflight(&engine->config, step->observation, step->clock, &facts, &preflight);
    /* A service that does not exist, or that no plan can or may be made for, does not become restartable by
     * waiting: the rung does not apply, and the ladder goes on; of the store's suspects only this one is
     * passed over. */
    if (open && (made == STATUS_NOT_FOUND || made == STATUS_INVALID || made == STATUS_FULL)) {
        if (open->incident.target_kind == TARGET_STORE && engine->wanted.rung == RUNG_RESTART_CLIENT)
            engine_end_turn(open, engine->wanted.target);
        else
            open->incident.rungs_tried |= 1u << engine->wanted.rung;
        step_save_incident(step, &open->incident);
    }
    if (open)
        open->unplanned = made != STATUS_OK;
    if (open && made == STATUS_REFUSED && preflight.first_failed == CHECK_PLAN) {
        engine_count_attempt(open, engine->wanted.rung, engine->wanted.target, plan_error.text,
                             step->clock.mono_ms);
        step_save_incident(step, &open->incident);
    }
    if (!preflight.passed) {
        step_refuse_plan(step, preflight.first_failed, preflight.results[preflight.first_failed].text);
        return;
    }
    begin_restart(step);
}

/* engine_decide.c - the decision to begin a restart: rung, pre-flight, plan, pre-flight again. See engine.h. */
#include "engine_internal.h"

#include "storewatch/advice.h"

void engine_policy_facts(const struct engine *engine, int64_t exhaustion_early_utc_ms,
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
    engine_policy_facts(engine, engine_deadline_utc_ms(engine, open, rung), &facts);
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
    step_ask(step, ENGINE_READ_GRAPH, "");
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
    struct alert *alert = step_alert_restart(step, ALERT_RESTART_BEGUN);
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
    engine_policy_facts(engine, engine_deadline_utc_ms(engine, open, engine->wanted.rung), &facts);
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

/* test_decision.c - which restart is begun: who goes first, who waits for whom, what a restart that cannot be
 * planned comes to, and what of it all is told and remembered. */
#include "world.h"

#include "storewatch/report.h"

#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT_TRIED (1u << RUNG_RESTART_CLIENT)

struct fixture {
    struct world world;
    struct engine *engine;
    struct observation *observation;
    struct actions actions;
    struct step step;
    size_t held_count; /* RESTART_HELD told */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    static const char *const services[] = {"MSExchangeIS", "ArchiveSvc", "FaxSvc"};
    world_init(&f->world);
    for (size_t i = 0; i < ARRAY_COUNT(services); i++)
        world_add(&f->world, services[i]);
    struct config config;
    config_default(&config);
    config.mode = MODE_ACT;
    config.window_count = 0;
    config.ladder_count = 3;
    config.ladder[1] = RUNG_RESTART_CLIENT;
    config.ladder[2] = RUNG_RESTART_STORE;
    config.client_count = 2;
    for (size_t i = 0; i < config.client_count; i++) {
        text_copy(config.clients[i].name, sizeof config.clients[i].name, services[i + 1]);
        text_copy(config.clients[i].service, sizeof config.clients[i].service, services[i + 1]);
    }
    f->engine = engine_new(&config, "EX1");
    f->observation = observation_new();
    f->step = (struct step){f->engine, f->observation, {MS_PER_DAY, 9 * MS_PER_DAY, 0, 600}, &f->actions};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    engine_free(f->engine);
    observation_free(f->observation);
    free(f);
    return 0;
}

/* Its end is so far off; 0 = not foreseeable. */
static struct open_incident *grows(struct fixture *f, enum target_kind kind, const char *service,
                                   int64_t left_ms)
{
    struct open_incident *open = engine_free_slot(f->engine);
    const struct world_service *runs = world_get(&f->world, service);
    open->incident = (struct incident){
        .process = {runs->pid, runs->created_100ns},
        .id = ++f->engine->last_incident_id,
        .target_kind = kind,
        .state = INCIDENT_OPEN,
        .rungs_tried = 1u << RUNG_ALERT,
        .exhaustion_early_utc_ms = left_ms ? f->step.clock.utc_ms + left_ms : INT64_MAX,
    };
    text_copy(open->incident.target, sizeof open->incident.target, service);
    text_copy(open->incident.service, sizeof open->incident.service, service);
    open->seen_unbounded = true;
    return open;
}

static void pass(struct fixture *f, int64_t ms)
{
    f->step.clock.mono_ms += ms;
    f->step.clock.utc_ms += ms;
}

/* Decides, with a fresh look and graph. Returns whose restart was wanted; "" = nobody's. */
static const char *decide(struct fixture *f)
{
    world_observe(&f->world, f->observation);
    actions_clear(&f->actions);
    f->engine->wanted.target[0] = '\0';
    step_decide(&f->step);
    if (f->engine->deciding) {
        f->engine->deciding = false;
        f->engine->out.kind = ENGINE_NOTHING;
        service_graph_deinit(&f->engine->graph);
        world_graph(&f->world, &f->engine->graph);
        step_decide_with_graph(&f->step);
    }
    for (size_t i = 0; i < f->actions.alert_count; i++)
        f->held_count += f->actions.alerts[i].kind == ALERT_RESTART_HELD;
    pass(f, 2 * MS_PER_MINUTE);
    return f->engine->wanted.target;
}

/* It runs and is disabled: only a person can change that. Three times an hour apart, then its rung is used.
 */
static void test_a_disabled_client_is_three_attempts(void **state)
{
    struct fixture *f = *state;
    struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    grows(f, TARGET_STORE, "MSExchangeIS", 0);
    world_person_disables(&f->world, "ArchiveSvc");
    for (uint32_t times = 1; times <= POLICY_ATTEMPTS_MAX; times++) {
        assert_string_equal(decide(f), "ArchiveSvc");
        assert_false(engine_restarting(f->engine));
        assert_int_equal(client->attempts[RUNG_RESTART_CLIENT].count, times);
        assert_non_null(strstr(client->attempts[RUNG_RESTART_CLIENT].why, "is disabled"));
        if (times == POLICY_ATTEMPTS_MAX)
            break;
        assert_false(client->incident.rungs_tried & CLIENT_TRIED);
        assert_string_equal(decide(f), ""); /* not within the hour */
        pass(f, MS_PER_HOUR);
    }
    assert_true(client->incident.rungs_tried & CLIENT_TRIED);
    assert_int_equal(f->held_count, 1);
    assert_string_equal(decide(f), "MSExchangeIS");
    assert_true(engine_restarting(f->engine));
}

/* More need it than a restart can stop: that does not pass, so the ladder goes on at once. */
static void test_a_client_that_too_many_need_is_passed_over(void **state)
{
    struct fixture *f = *state;
    struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    grows(f, TARGET_STORE, "MSExchangeIS", 0);
    for (size_t i = 0; i < RESTART_SERVICES_MAX; i++) {
        char name[16];
        struct text text = text_on(name, sizeof name);
        text_add(&text, "Needs%02zu", i);
        world_add(&f->world, name);
        world_need(&f->world, name, "ArchiveSvc");
    }
    assert_string_equal(decide(f), "ArchiveSvc");
    assert_false(engine_restarting(f->engine));
    assert_true(client->incident.rungs_tried & CLIENT_TRIED);
    pass(f, MS_PER_HOUR);
    assert_string_equal(decide(f), "MSExchangeIS");
    assert_true(engine_restarting(f->engine));
}

static void test_only_a_store_that_grows_hurries_its_client(void **state)
{
    struct fixture *f = *state;
    const struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 9 * MS_PER_HOUR);
    const int64_t own_ms = client->incident.exhaustion_early_utc_ms;
    struct open_incident *store = grows(f, TARGET_STORE, "MSExchangeIS", MS_PER_HOUR);
    const int64_t its_ms = store->incident.exhaustion_early_utc_ms;
    assert_true(engine_deadline_utc_ms(f->engine, client, RUNG_RESTART_CLIENT) == its_ms);
    assert_true(engine_deadline_utc_ms(f->engine, store, RUNG_RESTART_STORE) == its_ms);
    assert_true(engine_deadline_utc_ms(f->engine, client, RUNG_RESTART_STORE) == own_ms);
    assert_true(engine_deadline_utc_ms(f->engine, NULL, RUNG_RESTART_CLIENT) == INT64_MAX);
    store->bounded_mono_ms = 1; /* it seems to have stopped */
    assert_true(engine_deadline_utc_ms(f->engine, client, RUNG_RESTART_CLIENT) == own_ms);
    store->bounded_mono_ms = 0;
    store->seen_unbounded = false; /* or was not seen to grow since storewatch was restarted */
    assert_true(engine_deadline_utc_ms(f->engine, client, RUNG_RESTART_CLIENT) == own_ms);
}

/* The Information Store needs the client, so a restart of the client is one of the store: only where the
 * ladder has that, too. A person may. */
static void test_a_client_that_the_store_needs(void **state)
{
    struct fixture *f = *state;
    struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    world_need(&f->world, "MSExchangeIS", "ArchiveSvc");
    f->engine->config.ladder_count = 2;
    assert_string_equal(decide(f), "ArchiveSvc");
    assert_false(engine_restarting(f->engine));
    assert_int_equal(f->held_count, 1);
    assert_non_null(strstr(client->refused.why, "the Information Store needs it"));
    assert_string_equal(decide(f), ""); /* there is no rung that applies */
    assert_int_equal(engine_restart_by_hand(f->engine, "ArchiveSvc", "", &f->actions, NULL), STATUS_OK);
    f->engine->out.kind = ENGINE_NOTHING;
    step_decide_with_graph(&f->step);
    assert_true(engine_restarting(f->engine));
}

static void test_a_client_that_the_store_needs_with_the_store_in_the_ladder(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    world_need(&f->world, "MSExchangeIS", "ArchiveSvc");
    assert_string_equal(decide(f), "ArchiveSvc");
    assert_true(engine_restarting(f->engine));
    /* That is taken back before anything was stopped. */
    f->engine->config.ladder_count = 2;
    f->engine->evidence = EVIDENCE_NONE;
    pass(f, MS_PER_SECOND);
    f->world.mono_ms = f->step.clock.mono_ms;
    world_observe(&f->world, f->observation);
    actions_clear(&f->actions);
    step_follow_restart(&f->step);
    assert_int_equal(f->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_non_null(strstr(f->engine->called_off, "the Information Store needs it"));
}

/* A service that somebody stops or starts just now is asked after again soon, however often. */
static void test_a_pending_client_is_no_attempt(void **state)
{
    struct fixture *f = *state;
    struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    struct open_incident *store = grows(f, TARGET_STORE, "MSExchangeIS", 0);
    world_put(&f->world, "ArchiveSvc", SERVICE_STATE_STOP_PENDING);
    for (int times = 0; times < 10; times++)
        assert_string_equal(decide(f), "ArchiveSvc");
    assert_int_equal(client->attempts[RUNG_RESTART_CLIENT].count, 0);
    /* The store waits for it, but not into its own end. */
    store->incident.exhaustion_early_utc_ms = f->step.clock.utc_ms + f->engine->config.urgent_before_ms / 2;
    assert_string_equal(decide(f), "MSExchangeIS");
    assert_true(engine_restarting(f->engine));
}

/* The one whose end is nearest cannot be planned: the other is restarted all the same. */
static void test_a_pending_client_keeps_no_other_waiting(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 10 * MS_PER_HOUR);
    grows(f, TARGET_CLIENT, "FaxSvc", 0);
    world_put(&f->world, "ArchiveSvc", SERVICE_STATE_STOP_PENDING);
    assert_string_equal(decide(f), "ArchiveSvc");
    assert_string_equal(decide(f), "FaxSvc");
    assert_true(engine_restarting(f->engine));
}

/* The store's end is near, and it waits for its client: then that one is urgent, too. */
static void test_a_client_has_no_more_time_than_the_store(void **state)
{
    struct fixture *f = *state;
    f->engine->config.window_count = 1;
    f->engine->config.windows[0] = (struct config_window){0x7f, 60, 120}; /* it is 10:00 */
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    assert_string_equal(decide(f), "");
    struct open_incident *store = grows(f, TARGET_STORE, "MSExchangeIS", MS_PER_DAY);
    assert_string_equal(decide(f), "");
    store->incident.exhaustion_early_utc_ms = f->step.clock.utc_ms + f->engine->config.urgent_before_ms / 2;
    assert_string_equal(decide(f), "ArchiveSvc");
    assert_true(engine_restarting(f->engine));
}

/* It grew before storewatch was killed, or has stopped, and nobody restarts it: with its end near the store
 * waits for it no longer. */
static void test_an_urgent_store_does_not_wait_for_a_client_that_does_not_grow(void **state)
{
    struct fixture *f = *state;
    struct open_incident *client = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    client->seen_unbounded = false;
    struct open_incident *store = grows(f, TARGET_STORE, "MSExchangeIS", MS_PER_DAY);
    assert_string_equal(decide(f), "");
    store->incident.exhaustion_early_utc_ms = f->step.clock.utc_ms + f->engine->config.urgent_before_ms / 2;
    assert_string_equal(decide(f), "MSExchangeIS");
    assert_true(engine_restarting(f->engine));
}

/* A file that is opened between two steps, an hour apart: what it knows is not an hour older for that. */
static void test_what_comes_with_the_file_is_not_aged_by_the_step(void **state)
{
    struct fixture *f = *state;
    world_observe(&f->world, f->observation);
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    pass(f, 59 * MS_PER_MINUTE);
    const struct budget_entry spent = {.restart_id = -1};
    engine_restore_budget(f->engine, &spent, 1, f->step.clock.mono_ms);
    pass(f, MS_PER_MINUTE);
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_int_equal(f->engine->budget_count, 1);
    assert_int_equal(f->engine->budget[0].age_ms, MS_PER_MINUTE);
}

/* A reload before the first stop makes the budget smaller: what counts is how far apart the restarts began,
 * not how long ago the one before was by then. */
static void test_the_budget_of_a_reload_holds_from_the_begin(void **state)
{
    struct fixture *f = *state;
    f->engine->config.budget_min_interval_ms = 0;
    f->engine->budget[f->engine->budget_count++] =
        (struct budget_entry){.restart_id = 1, .age_ms = 59 * MS_PER_MINUTE};
    f->engine->last_restart_id = 1;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    world_observe(&f->world, f->observation);
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_string_equal(decide(f), "ArchiveSvc"); /* passes two minutes */
    assert_true(engine_restarting(f->engine));
    f->engine->config.budget_max = 1;
    f->engine->config.budget_per_ms = MS_PER_HOUR;
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_int_equal(f->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_non_null(strstr(f->engine->called_off, "budget"));
}

/* Killed after the alert; the growth goes on, slower, and looks like a step: that is no recovery. Found by
 * the crash sweep on a busy machine. */
static void test_what_still_rises_has_not_recovered(void **state)
{
    struct fixture *f = *state;
    const double mib = 1024.0 * 1024.0, least = f->engine->config.min_growth_bytes;
    struct open_incident *open = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    struct verdict verdict = {.state = VERDICT_BOUNDED, .shape = SHAPE_STEP, .value = 200 * mib};
    int64_t mono_ms = f->step.clock.mono_ms;
    assert_true(engine_growth_is_over(f->engine, open, &verdict, mono_ms)); /* seen by this detector */
    open->seen_unbounded = false;
    open->bounded_mono_ms = 0;
    for (int hour = 0; hour < 24; hour++) {
        assert_false(engine_growth_is_over(f->engine, open, &verdict, mono_ms));
        verdict.value += least / 2;
        mono_ms += MS_PER_HOUR;
    }
    assert_false(engine_growth_is_over(f->engine, open, &verdict, mono_ms));
    mono_ms += f->engine->config.min_window_ms;
    verdict.value += least / 4;
    assert_true(engine_growth_is_over(f->engine, open, &verdict, mono_ms));
}

/* Half of a large plan comes up in one look: what is mailed has room all the same, and the story tells how it
 * began, where its evidence is and how it stands. */
static void test_a_long_story_has_room_for_its_end(void **state)
{
    struct fixture *f = *state;
    actions_clear(&f->actions);
    for (int i = 0; i < 100; i++)
        step_tell_story(&f->step, "line %d", i);
    assert_non_null(step_alert_begin(&f->step, ALERT_SERVICE_DOWN));
    struct alert alert = {0};
    engine_add_story(f->engine, &alert);
    size_t told = alert.done_count;
    assert_non_null(strstr(alert.done[0], "line 0"));
    assert_non_null(strstr(alert.done[1], "line 1")); /* where the evidence is */
    assert_non_null(strstr(alert.done[2], "line 82"));
    assert_non_null(strstr(alert.done[told - 1], "line 99"));
    alert_add_done(&alert, "why");
    assert_int_equal(alert.done_count, told + 1);
}

/* The machine grows at this rate from a level on, and what is known of its processes stays as it is: after how
 * many hours is that told? 0 = not within `hours`. */
static int machine_told_from(struct fixture *f, double base, enum metric metric, double per_hour,
                             double limit, int hours)
{
    f->engine->config.mode = MODE_ALERT;
    for (int minute = 0; minute < 60 * hours; minute++) {
        pass(f, MS_PER_MINUTE);
        world_observe(&f->world, f->observation);
        f->observation->mono_ms = f->step.clock.mono_ms;
        f->observation->utc_ms = f->step.clock.utc_ms;
        for (size_t i = 0; i < f->observation->process_count; i++)
            f->observation->processes[i].private_bytes = f->observation->processes[i].handle_count = NAN;
        double level = base + per_hour * minute / 60;
        f->observation->host_known = true;
        f->observation->host =
            (struct host){.commit_bytes = metric == METRIC_COMMIT ? level : base,
                          .commit_limit_bytes = limit,
                          .available_bytes = 1e9,
                          .physical_bytes = 4e9,
                          .paged_pool_bytes = metric == METRIC_PAGED_POOL ? level : base,
                          .nonpaged_pool_bytes = metric == METRIC_NONPAGED_POOL ? level : base};
        actions_clear(&f->actions);
        watch_look(&f->engine->watch, &f->engine->config, f->observation);
        watch_push(&f->engine->watch, &f->engine->config, f->observation);
        step_follow_incidents(&f->step);
        for (size_t i = 0; i < f->actions.alert_count; i++)
            if (f->actions.alerts[i].kind == ALERT_OPENED) {
                assert_int_equal(f->actions.alerts[i].incident.target_kind, TARGET_HOST);
                assert_int_equal(f->actions.alerts[i].incident.metric, metric);
                return minute / 60 + 1;
            }
    }
    return 0;
}

static int machine_told_after(struct fixture *f, enum metric metric, double per_hour, double limit, int hours)
{
    return machine_told_from(f, 1e9, metric, per_hour, limit, hours);
}

/* A client's incident is open for months, as its end is years off. What the machine loses beside that is
 * told. */
static void test_a_slow_leak_hides_no_fast_one(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident.slope_per_hour = 10e6 / 24;
    assert_in_range(machine_told_after(f, METRIC_COMMIT, 1e9, 60e9, 36), 30, 34);
}

static void test_no_memory_of_a_process_hides_a_driver(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident.slope_per_hour = 1e9;
    assert_in_range(machine_told_after(f, METRIC_NONPAGED_POOL, 100e6, 60e9, 30), 12, 28);
}

/* Unknown is not zero, and no explanation either. */
static void test_an_unknown_rate_hides_nothing(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident.slope_per_hour = NAN;
    assert_in_range(machine_told_after(f, METRIC_COMMIT, 1e9, 60e9, 36), 30, 34);
}

/* Two processes leak what the machine loses, one of them what its handles hold: no mail beside theirs. */
static void test_one_leak_is_one_mail(void **state)
{
    struct fixture *f = *state;
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident.slope_per_hour = 0.3e9;
    grows(f, TARGET_CLIENT, "FaxSvc", 0)->incident.slope_per_hour = 0.3e9;
    assert_int_equal(machine_told_after(f, METRIC_COMMIT, 1e9, 60e9, 30), 0);
}

/* What made the machine grow stops, and its rate is that of its end. That is no growth of the machine: nothing
 * is told of it before it has grown since. */
static void test_a_leak_that_stops_is_no_other_one(void **state)
{
    struct fixture *f = *state;
    struct incident *incident = &grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident;
    incident->slope_per_hour = 1e9;
    assert_int_equal(machine_told_after(f, METRIC_COMMIT, 1e9, 200e9, 36), 0);
    incident->slope_per_hour = 1e3;
    assert_int_equal(machine_told_from(f, 37e9, METRIC_COMMIT, 0, 200e9, 6), 0);
    assert_in_range(machine_told_from(f, 37e9, METRIC_COMMIT, 1e9, 200e9, 6), 2, 4);
}

static void test_handles_explain_what_they_can_hold(void **state)
{
    struct fixture *f = *state;
    struct incident *incident = &grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident;
    incident->metric = METRIC_HANDLES;
    incident->slope_per_hour = 60e3;
    assert_int_equal(machine_told_after(f, METRIC_NONPAGED_POOL, 100e6, 60e9, 30), 0);
}

static void test_handles_explain_no_more_than_they_can_hold(void **state)
{
    struct fixture *f = *state;
    struct incident *incident = &grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident;
    incident->metric = METRIC_HANDLES;
    incident->slope_per_hour = 1e3; /* 100 KB for each */
    assert_in_range(machine_told_after(f, METRIC_NONPAGED_POOL, 100e6, 60e9, 30), 12, 28);
}

/* A restart explains what the machine does as long as it goes on, but not into the machine's end. */
static void test_a_restart_hides_nothing_urgent(void **state)
{
    struct fixture *f = *state;
    f->engine->restart.journal.phase = RESTART_STOPPING;
    assert_in_range(machine_told_after(f, METRIC_COMMIT, 1e9, 16e9, 24), 12, 15);
}

/* More targets than are remembered: the latest are. */
static void test_the_oldest_ladder_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct incident incident = {.rungs_tried = CLIENT_TRIED};
    for (int64_t i = 0; i <= LADDER_MEMORY_MAX; i++) {
        struct text target = text_on(incident.target, sizeof incident.target);
        text_add(&target, "target %d", (int)i);
        engine_remember_ladder(f->engine, &incident, 1000 + i);
    }
    assert_non_null(engine_ladder_memory(f->engine, "target 32"));
    assert_null(engine_ladder_memory(f->engine, "target 0"));
    assert_non_null(engine_ladder_memory(f->engine, "target 1"));
    text_copy(incident.target, sizeof incident.target, "older than all");
    engine_remember_ladder(f->engine, &incident, 999);
    assert_null(engine_ladder_memory(f->engine, "older than all"));
}

/* It grows and its process ends, with its service stopped and this exit code. Lends what is told. */
static const struct alert *ends_with(struct fixture *f, uint32_t exit_code)
{
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    world_put(&f->world, "ArchiveSvc", SERVICE_STATE_STOPPED);
    world_get(&f->world, "ArchiveSvc")->win32_exit_code = exit_code;
    world_observe(&f->world, f->observation);
    actions_clear(&f->actions);
    step_follow_gone(&f->step);
    assert_int_equal(f->actions.alert_count, 1);
    assert_int_equal(f->actions.alerts[0].kind, ALERT_ENDED);
    return &f->actions.alerts[0];
}

/* A client by its image with two processes. The service's own one leaks and is restarted; the other began
 * later than that and has nothing to do with it. */
static void test_who_ran_beside_it_is_no_successor(void **state)
{
    struct fixture *f = *state;
    struct watch *watch = &f->engine->watch;
    struct incident *incident = &grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident;
    for (size_t i = 0; i < 2; i++) {
        struct watched *item = &watch->items[watch->count++];
        item->kind = TARGET_CLIENT;
        text_copy(item->target, sizeof item->target, incident->target);
        item->process = incident->process;
        item->process.created_100ns += i;
        item->first_seen_mono_ms = (int64_t)(1 + i) * MS_PER_HOUR;
        item->present = true;
    }
    struct watched *old = &watch->items[0], *beside = &watch->items[1];
    assert_null(engine_successor(f->engine, incident));
    old->present = false;
    old->gone_mono_ms = 3 * MS_PER_HOUR;
    assert_null(engine_successor(f->engine, incident));
    beside->first_seen_mono_ms = old->gone_mono_ms; /* of the same look */
    assert_ptr_equal(engine_successor(f->engine, incident), beside);
}

/* The first look after a boot: who grew is gone, and its service has not been started yet. Nobody is asked to
 * start it. */
static void test_a_boot_leaves_no_service_down(void **state)
{
    const struct alert *alert = ends_with(*state, SERVICE_NEVER_STARTED);
    assert_string_equal(alert->service, "");
    assert_int_equal(alert->service_state, SERVICE_STATE_UNKNOWN);
}

/* A process that began before the boot has ended with it: nobody has to look for a crash. */
static void test_a_boot_is_no_crash(void **state)
{
    struct fixture *f = *state;
    const int64_t boot_utc_ms = f->step.clock.utc_ms - f->step.clock.mono_ms;
    struct incident saved[2] = {{.id = 1}, {.id = 2}};
    for (int i = 0; i < 2; i++) { /* the second began after it, and crashed */
        saved[i].target_kind = TARGET_CLIENT;
        text_copy(saved[i].target, sizeof saved[i].target, "archive");
        text_copy(saved[i].service, sizeof saved[i].service, "ArchiveSvc");
        saved[i].process = (struct process_id){
            77 + (uint32_t)i, process_created_100ns(boot_utc_ms + (2 * i - 1) * MS_PER_MINUTE)};
        saved[i].opened_utc_ms = boot_utc_ms + (2 * i - 1) * MS_PER_MINUTE / 2;
        saved[i].level_now = saved[i].level_at_open = 1e9;
    }
    engine_restore_incidents(f->engine, saved, ARRAY_COUNT(saved), 2, f->step.clock);
    world_observe(&f->world, f->observation);
    actions_clear(&f->actions);
    step_follow_gone(&f->step);
    assert_int_equal(f->actions.alert_count, 2);
    const struct alert *boot = &f->actions.alerts[0], *crash = &f->actions.alerts[1];
    assert_int_equal(boot->kind, ALERT_ENDED);
    assert_non_null(strstr(boot->done[0], "The machine was started anew"));
    assert_int_equal(boot->todo_count, 0);
    assert_non_null(strstr(crash->done[0], "a crash, or a person stopped or restarted it"));
    assert_int_equal(crash->todo_count, 1);
}

/* What the machine lost before it was started anew, it has back. */
static void test_a_boot_ends_what_the_machine_lost(void **state)
{
    struct fixture *f = *state;
    const int64_t boot_utc_ms = f->step.clock.utc_ms - f->step.clock.mono_ms;
    struct incident saved[] = {
        {.id = 2, .metric = METRIC_PAGED_POOL, .opened_utc_ms = boot_utc_ms + MS_PER_HOUR},
        {.id = 1, .metric = METRIC_COMMIT, .opened_utc_ms = boot_utc_ms - MS_PER_HOUR}};
    for (size_t i = 0; i < ARRAY_COUNT(saved); i++) {
        saved[i].target_kind = TARGET_HOST;
        text_copy(saved[i].target, sizeof saved[i].target, "host");
        saved[i].level_now = saved[i].level_at_open = 1e9;
        saved[i].slope_per_hour = 200 * 1024.0 * 1024.0;
        saved[i].exhaustion_utc_ms = f->step.clock.utc_ms + MS_PER_HOUR;
    }
    engine_restore_incidents(f->engine, saved, ARRAY_COUNT(saved), 2, f->step.clock);
    world_observe(&f->world, f->observation);
    engine_step(f->engine, f->observation, f->step.clock, true, &f->actions);
    assert_null(engine_incident_by_id(f->engine, 1));
    assert_non_null(engine_incident_by_id(f->engine, 2));
    assert_int_equal(f->actions.alert_count, 1);
    assert_int_equal(f->actions.alerts[0].kind, ALERT_ENDED);
    assert_int_equal(f->actions.alerts[0].todo_count, 0);
    struct mail mail;
    assert_int_equal(report_mail(&f->actions.alerts[0], "", &mail), STATUS_OK);
    assert_non_null(strstr(mail.subject, "EX1: started anew (system commit +200 MiB/h)"));
    assert_int_equal(strncmp(mail.plain, "EX1 was started anew, and with that the growth of its", 53), 0);
    mail_deinit(&mail);
}

static void test_a_crash_tells_of_its_service(void **state)
{
    const struct alert *alert = ends_with(*state, 1067);
    assert_string_equal(alert->service, "ArchiveSvc");
    assert_int_equal(alert->service_state, SERVICE_STATE_STOPPED);
}

/* The store crashes while a client is restarted for its growth: that is no part of the plan. */
static void test_a_crash_beside_its_restart_is_a_crash(void **state)
{
    struct fixture *f = *state;
    const struct open_incident *store = grows(f, TARGET_STORE, "MSExchangeIS", 0);
    struct restart_journal *journal = &f->engine->restart.journal;
    *journal = (struct restart_journal){.incident_id = store->incident.id, .phase = RESTART_STOPPING};
    journal->plan.count = 1;
    text_copy(journal->plan.services[0].name, sizeof journal->plan.services[0].name, "ArchiveSvc");
    world_put(&f->world, "MSExchangeIS", SERVICE_STATE_STOPPED);
    world_observe(&f->world, f->observation);
    actions_clear(&f->actions);
    step_follow_gone(&f->step);
    assert_int_equal(f->actions.alert_count, 1);
    assert_int_equal(f->actions.alerts[0].kind, ALERT_ENDED);
    assert_int_equal(f->actions.alerts[0].service_state, SERVICE_STATE_STOPPED);
}

/* The clock is set between two verdicts: an end that is far stays far. */
static void test_a_set_clock_brings_no_end_nearer(void **state)
{
    struct fixture *f = *state;
    struct open_incident *open = grows(f, TARGET_STORE, "MSExchangeIS", 20 * MS_PER_HOUR);
    open->incident.exhaustion_utc_ms = open->incident.exhaustion_late_utc_ms = INT64_MAX;
    world_observe(&f->world, f->observation);
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    pass(f, MS_PER_SECOND);
    f->step.clock.utc_ms += 19 * MS_PER_HOUR;
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_int_equal(open->incident.exhaustion_early_utc_ms - f->step.clock.utc_ms,
                     20 * MS_PER_HOUR - MS_PER_SECOND);
    assert_true(open->incident.exhaustion_utc_ms == INT64_MAX);
}

static void assert_mail_says(struct fixture *f, struct open_incident *open, enum alert_kind kind,
                             const char *words)
{
    struct mail mail;
    const struct alert *alert = step_alert_incident(&f->step, kind, open);
    assert_int_equal(report_mail(alert, "", &mail), STATUS_OK);
    assert_non_null(strstr(mail.plain, words));
    mail_deinit(&mail);
}

/* The clock is set back by eight hours while it grows: it has grown for as long as it has. */
static void test_a_set_clock_makes_no_growth_younger(void **state)
{
    struct fixture *f = *state;
    struct open_incident *open = grows(f, TARGET_STORE, "MSExchangeIS", 0);
    open->incident.onset_utc_ms = f->step.clock.utc_ms - 12 * MS_PER_HOUR;
    open->incident.opened_utc_ms = f->step.clock.utc_ms;
    world_observe(&f->world, f->observation);
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    pass(f, 4 * MS_PER_HOUR);
    f->step.clock.utc_ms -= 8 * MS_PER_HOUR;
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_mail_says(f, open, ALERT_REMINDER, ", 16 h ago");
    assert_mail_says(f, open, ALERT_RECOVERED, " 4 h since the alert of ");
}

/* The history file is found damaged and opened anew. What has ended, but not in the file yet, stays so. */
static void test_what_has_ended_does_not_come_back_with_the_file(void **state)
{
    struct fixture *f = *state;
    engine_restore_budget(f->engine, NULL, 0, f->step.clock.mono_ms); /* of the start */
    struct open_incident *open = grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    assert_string_equal(decide(f), "ArchiveSvc");
    const struct incident incident_in_file = open->incident;
    const struct restart_journal journal_in_file = f->engine->restart.journal;
    const struct budget_entry budget_in_file = f->engine->budget[0];
    f->engine->config.mode = MODE_ALERT;
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_false(engine_restarting(f->engine));
    *open = (struct open_incident){0};
    engine_restore_incidents(f->engine, &incident_in_file, 1, incident_in_file.id, f->step.clock);
    engine_restore_restarts(f->engine, &journal_in_file, 1, f->step.clock.mono_ms);
    assert_false(engine_restarting(f->engine));
    engine_restore_budget(f->engine, &budget_in_file, 1, f->step.clock.mono_ms);
    assert_null(engine_incident_by_id(f->engine, incident_in_file.id));
    assert_int_equal(f->engine->budget_count, 0);
}

/* A person asks for a restart while the history file cannot be opened. It is opened before the decision is
 * made, and knows of a restart that has to be finished first. */
static void test_a_restart_in_the_file_comes_before_one_that_is_wanted(void **state)
{
    struct fixture *f = *state;
    struct restart_journal journal = {
        .id = 7, .phase = RESTART_STARTING, .rung = RUNG_RESTART_CLIENT, .plan.count = 1};
    struct restart_service *service = &journal.plan.services[0];
    text_copy(journal.target, sizeof journal.target, "FaxSvc");
    text_copy(service->name, sizeof service->name, "FaxSvc");
    service->is_target = true;
    service->stop = STEP_REACHED;
    world_put(&f->world, "FaxSvc", SERVICE_STATE_STOPPED);
    assert_int_equal(engine_restart_by_hand(f->engine, "ArchiveSvc", "why not", &f->actions, NULL),
                     STATUS_OK);
    struct engine_request request = f->actions.request;
    engine_restore_restarts(f->engine, &journal, 1, f->step.clock.mono_ms);
    pass(f, MS_PER_SECOND);
    world_observe(&f->world, f->observation);
    struct service_graph graph = {0};
    world_graph(&f->world, &graph);
    engine_told(f->engine, &request, STATUS_OK, NULL, &graph, f->observation, f->step.clock, &f->actions);
    service_graph_deinit(&graph);
    assert_int_equal(f->engine->restart.journal.id, 7);
    assert_string_equal(f->engine->restart.journal.target, "FaxSvc");
    assert_true(engine_restarting(f->engine));
    assert_non_null(strstr(f->engine->refused, "FaxSvc"));
    engine_step(f->engine, f->observation, f->step.clock, false, &f->actions);
    assert_int_equal(engine_restart_by_hand(f->engine, "ArchiveSvc", "", &f->actions, NULL), STATUS_BUSY);
}

/* Its memory and its handles leaked, and one restart ended both. When the memory leaks again soon, the rung
 * that its incident had tried is not tried again, whichever of the two was closed last, and whoever
 * remembers. */
static void test_the_ladder_is_remembered_of_all_incidents_of_a_target(void **state)
{
    struct fixture *f = *state;
    const int64_t mono_ms = f->step.clock.mono_ms, utc_ms = f->step.clock.utc_ms;
    struct incident closed[] = {
        {.id = 3, .rungs_tried = 1u << RUNG_ALERT, .closed_utc_ms = utc_ms - 2},
        {.id = 2, .rungs_tried = 1u << RUNG_ALERT | CLIENT_TRIED, .closed_utc_ms = utc_ms - 1},
        {.id = 1, .rungs_tried = 1u << RUNG_ALERT | 1u << RUNG_RESTART_STORE, .closed_utc_ms = utc_ms - 3},
        {.id = 0, .rungs_tried = 1u << RUNG_COUNT, .closed_utc_ms = utc_ms - MS_PER_DAY},
    };
    for (size_t i = 0; i < ARRAY_COUNT(closed); i++) {
        closed[i].state = INCIDENT_CLOSED;
        text_copy(closed[i].target, sizeof closed[i].target, "ArchiveSvc");
    }
    const uint32_t tried = CLIENT_TRIED | 1u << RUNG_RESTART_STORE;
    engine_restore_incidents(f->engine, closed, ARRAY_COUNT(closed), 3, f->step.clock);
    const struct ladder_memory *memory = engine_ladder_memory(f->engine, "ArchiveSvc");
    assert_non_null(memory);
    assert_int_equal(memory->rungs_tried & ~(1u << RUNG_ALERT), tried);
    assert_int_equal(memory->mono_ms, mono_ms - 1);

    f->engine->ladder_memory_count = 0;
    for (size_t i = ARRAY_COUNT(closed); i-- > 0;)
        engine_remember_ladder(f->engine, &closed[i], mono_ms + closed[i].closed_utc_ms - utc_ms);
    assert_int_equal(memory->rungs_tried & ~(1u << RUNG_ALERT), tried);
    assert_int_equal(memory->mono_ms, mono_ms - 1);
}

/* The key of the digest that is told when this minute of the day comes. */
static void tell_digest(struct fixture *f, int64_t utc_ms, int minute_of_day, char out_key[64])
{
    f->engine->config.digest_minute = minute_of_day;
    f->step.clock.utc_ms = utc_ms - MS_PER_MINUTE;
    f->step.clock.minute_of_day = minute_of_day - 1;
    actions_clear(&f->actions);
    step_follow_digest(&f->step);
    f->step.clock.utc_ms = utc_ms;
    f->step.clock.mono_ms += 20 * MS_PER_HOUR;
    f->step.clock.minute_of_day = minute_of_day;
    step_follow_digest(&f->step);
    assert_int_equal(f->actions.alert_count, 1);
    text_copy(out_key, 64, f->actions.alerts[0].key);
}

/* One a day, as people count days: in Sydney half past ten is half past midnight UTC, and after the clocks
 * went forward an hour before that, on the same day UTC. A clock that is set back within a day makes no
 * second one. */
static void test_the_digest_is_of_the_local_day(void **state)
{
    struct fixture *f = *state;
    char before[64], after[64], again[64];
    const int64_t midnight_utc_ms = 20000 * MS_PER_DAY;
    tell_digest(f, midnight_utc_ms + 30 * MS_PER_MINUTE, 630, before);
    tell_digest(f, midnight_utc_ms + MS_PER_DAY - 30 * MS_PER_MINUTE, 630, after);
    assert_string_not_equal(before, after);
    tell_digest(f, midnight_utc_ms + MS_PER_DAY - 90 * MS_PER_MINUTE, 570, again);
    assert_string_equal(after, again);
}

/* However many incidents are open, each is told in a whole line, or counted. */
static void test_a_digest_cuts_no_incident(void **state)
{
    struct fixture *f = *state;
    char key[64], last[128];
    for (size_t open = 1; open <= 12; open++) {
        struct incident *incident = &grows(f, TARGET_CLIENT, "ArchiveSvc", 0)->incident;
        memset(incident->reason, 'r', 150);
        text_copy(incident->reason + 150, sizeof incident->reason - 150, " END");
        tell_digest(f, (20000 + (int64_t)open) * MS_PER_DAY, 600, key);
        const char *text = f->actions.alerts[0].text;
        size_t told = 0;
        for (const char *at = text; (at = strstr(at, "\nIncident ")); at++, told++)
            assert_memory_equal(strchr(at + 1, 'r'), "rivate bytes of ArchiveSvc, r", 29);
        struct text words = text_on(last, sizeof last);
        text_add(&words, "\n... and %zu more: \"storewatch status\" shows all.", open - told);
        if (told == open)
            text_copy(last, sizeof last, "r END");
        assert_true(told >= 4 || told == open);
        assert_string_equal(text + strlen(text) - strlen(last), last);
    }
}

/* Who reads only the digest learns whom to restart. */
static void test_a_digest_names_the_culprit(void **state)
{
    struct fixture *f = *state;
    char key[64];
    struct open_incident *open = grows(f, TARGET_STORE, "MSExchangeIS", 0);
    text_copy(open->who, sizeof open->who, "bes.exe (pid 8, the client \"bes\"), likely");
    tell_digest(f, 20000 * MS_PER_DAY, 600, key);
    assert_non_null(
        strstr(f->actions.alerts[0].text, ". Named for it: bes.exe (pid 8, the client \"bes\"), likely"));
}

/* A digest of what is open does not end in "What to do now: Nothing". */
static void test_a_digest_says_where_to_look(void **state)
{
    struct fixture *f = *state;
    char key[64];
    tell_digest(f, 20000 * MS_PER_DAY, 600, key);
    assert_int_equal(f->actions.alerts[0].todo_count, 0);
    grows(f, TARGET_CLIENT, "ArchiveSvc", 0);
    f->engine->look_count = 172800;
    tell_digest(f, 20001 * MS_PER_DAY, 600, key);
    assert_int_equal(f->actions.alerts[0].todo_count, 1);
    assert_non_null(strstr(f->actions.alerts[0].todo[0], "Do what the latest alert of it says. "));
    assert_non_null(
        strstr(f->actions.alerts[0].text, " 172,80")); /* looks: nobody reads 172800 at a glance */
    f->engine->blind = true;
    tell_digest(f, 20002 * MS_PER_DAY, 600, key);
    assert_non_null(strstr(f->actions.alerts[0].todo[0], "Do what the latest alert of each of these says. "));
}

/* Its minute passes in a step that has told so much that there is no room: the next step tells it. */
static void test_a_digest_waits_for_room(void **state)
{
    struct fixture *f = *state;
    f->engine->config.digest_minute = 600;
    f->step.clock.minute_of_day = 599;
    actions_clear(&f->actions);
    step_follow_digest(&f->step);
    f->step.clock.minute_of_day = 600;
    f->actions.alert_count = ACTIONS_ALERTS_MAX;
    step_follow_digest(&f->step);
    actions_clear(&f->actions);
    f->step.clock.minute_of_day = 601;
    step_follow_digest(&f->step);
    assert_int_equal(f->actions.alert_count, 1);
    assert_int_equal(f->actions.alerts[0].kind, ALERT_DIGEST);
}

/* From the evening to the morning: the next morning has one, however few hours that are. */
static void test_a_digest_that_is_moved_leaves_out_no_morning(void **state)
{
    struct fixture *f = *state;
    struct config moved = f->engine->config;
    char key[64];
    tell_digest(f, 20000 * MS_PER_DAY, 20 * 60, key);
    moved.digest_minute = 7 * 60;
    engine_configure(f->engine, &moved);
    actions_clear(&f->actions);
    for (int hour = 1; hour <= 11; hour++) {
        f->step.clock.utc_ms += MS_PER_HOUR;
        f->step.clock.mono_ms += MS_PER_HOUR;
        f->step.clock.minute_of_day = (20 + hour) % 24 * 60;
        step_follow_digest(&f->step);
    }
    assert_int_equal(f->actions.alert_count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_disabled_client_is_three_attempts),
        TEST(test_a_client_that_too_many_need_is_passed_over),
        TEST(test_only_a_store_that_grows_hurries_its_client),
        TEST(test_a_client_that_the_store_needs),
        TEST(test_a_client_that_the_store_needs_with_the_store_in_the_ladder),
        TEST(test_a_pending_client_is_no_attempt),
        TEST(test_a_pending_client_keeps_no_other_waiting),
        TEST(test_a_client_has_no_more_time_than_the_store),
        TEST(test_an_urgent_store_does_not_wait_for_a_client_that_does_not_grow),
        TEST(test_what_comes_with_the_file_is_not_aged_by_the_step),
        TEST(test_the_budget_of_a_reload_holds_from_the_begin),
        TEST(test_what_still_rises_has_not_recovered),
        TEST(test_a_long_story_has_room_for_its_end),
        TEST(test_a_slow_leak_hides_no_fast_one),
        TEST(test_no_memory_of_a_process_hides_a_driver),
        TEST(test_an_unknown_rate_hides_nothing),
        TEST(test_one_leak_is_one_mail),
        TEST(test_a_leak_that_stops_is_no_other_one),
        TEST(test_handles_explain_what_they_can_hold),
        TEST(test_handles_explain_no_more_than_they_can_hold),
        TEST(test_a_restart_hides_nothing_urgent),
        TEST(test_the_oldest_ladder_is_forgotten),
        TEST(test_who_ran_beside_it_is_no_successor),
        TEST(test_a_boot_leaves_no_service_down),
        TEST(test_a_boot_is_no_crash),
        TEST(test_a_boot_ends_what_the_machine_lost),
        TEST(test_a_crash_tells_of_its_service),
        TEST(test_a_crash_beside_its_restart_is_a_crash),
        TEST(test_a_set_clock_brings_no_end_nearer),
        TEST(test_a_set_clock_makes_no_growth_younger),
        TEST(test_what_has_ended_does_not_come_back_with_the_file),
        TEST(test_a_restart_in_the_file_comes_before_one_that_is_wanted),
        TEST(test_the_ladder_is_remembered_of_all_incidents_of_a_target),
        TEST(test_the_digest_is_of_the_local_day),
        TEST(test_a_digest_waits_for_room),
        TEST(test_a_digest_that_is_moved_leaves_out_no_morning),
        TEST(test_a_digest_cuts_no_incident),
        TEST(test_a_digest_names_the_culprit),
        TEST(test_a_digest_says_where_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_attempts.c - a restart that was turned back before its target was stopped: the rung is free again, the
 * next attempt waits, there are three, and storewatch remembers them when it is killed. */
#include "agent_fixture.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"
#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CLIENT_TRIED (1u << RUNG_RESTART_CLIENT)

/* The client leaks and refuses to be stopped; a neighbour needs it. */
static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_acts(f);
    fake_add_service(&f->os, "MailSweeper", "sweeper.exe", 6e7);
    f->config.stop_timeout_ms = MS_PER_MINUTE;
    f->config.ladder_count = 3;
    f->config.ladder[1] = RUNG_RESTART_CLIENT;
    f->config.ladder[2] = RUNG_RESTART_STORE;
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "archive");
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "ArchiveSvc");
    struct fake_program *client = fake_program_find(&f->os, "ArchiveSvc");
    fake_grow(&f->os, client, FAKE_LEAK);
    client->bytes_per_hour = 1e8;
    struct world_service *service = world_get(&f->os.world, "ArchiveSvc");
    service->refuse_stop_code = 1061;
    service->refuse_stop_count = 1000000;
    live(f);
    *state = f;
    return 0;
}

static struct open_incident *incident(struct fixture *f)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (f->agent->engine->incidents[i].incident.id)
            return &f->agent->engine->incidents[i];
    return NULL;
}

static uint32_t turned_back(struct fixture *f)
{
    const struct open_incident *open = incident(f);
    return open ? open->attempts[RUNG_RESTART_CLIENT].count : 0;
}

static void run_until_turned_back(struct fixture *f, uint32_t times)
{
    for (int i = 0; i < 24 * 60 && (turned_back(f) < times || engine_restarting(f->agent->engine)); i++)
        run_by_seconds(f, MS_PER_MINUTE);
    assert_int_equal(turned_back(f), times);
}

static void test_a_refused_stop_uses_neither_rung_nor_budget(void **state)
{
    struct fixture *f = *state;
    run_until_turned_back(f, 1);
    const struct incident *told = &incident(f)->incident;
    assert_false(told->rungs_tried & CLIENT_TRIED);
    assert_int_equal(f->agent->engine->budget_count, 0);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_RESTORED);
    run_by_seconds(f, 5 * MS_PER_MINUTE);
    assert_non_null(strstr(told->held_because, "minimum interval: attempt 1 of 3 was turned back"));
    assert_non_null(strstr(told->held_because, "ArchiveSvc: "));
    assert_int_equal(turned_back(f), 1); /* not at once */
    /* What stood in the way has gone: the same rung, within the hour. The store was never touched. */
    world_get(&f->os.world, "ArchiveSvc")->refuse_stop_count = 0;
    run_by_seconds(f, 50 * MS_PER_MINUTE);
    assert_false(did(f, "stop ArchiveSvc\n"));
    run_by_seconds(f, 20 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc\n"));
    assert_true(did(f, "start ArchiveSvc"));
    assert_false(did(f, "MSExchangeIS"));
    assert_int_equal(f->agent->engine->budget_count, 1);
}

static void open_without_the_store(struct fixture *f)
{
    f->config.ladder_count = 2;
    live(f);
}

static void test_three_attempts_and_no_more(void **state)
{
    struct fixture *f = *state;
    open_without_the_store(f);
    run_until_turned_back(f, 2);
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    run_until_turned_back(f, 3);
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    int64_t restarts = f->agent->engine->last_restart_id;
    run_by_seconds(f, 10 * MS_PER_HOUR);
    assert_int_equal(f->agent->engine->last_restart_id, restarts);
    assert_non_null(strstr(incident(f)->incident.held_because, "every rung"));
}

/* Its rung is used, but nothing was ever restarted: when the growth ends, that was not because of a restart.
 */
static void test_what_was_never_restarted_did_not_end_by_that(void **state)
{
    struct fixture *f = *state;
    open_without_the_store(f);
    run_until_turned_back(f, 3);
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    struct fake_program *client = fake_program_find(&f->os, "ArchiveSvc");
    client->base_bytes = 1.5e8;
    fake_grow(&f->os, client, FAKE_FLAT);
    for (int i = 0; i < 24 && incident(f); i++)
        run_by_seconds(f, MS_PER_HOUR);
    assert_null(incident(f));
    struct incident closed;
    size_t count = 0;
    assert_int_equal(store_get_incidents(f->agent->store, false, &closed, 1, &count, NULL), STATUS_OK);
    assert_int_equal(closed.state, INCIDENT_CLOSED);
    assert_null(strstr(closed.reason, "restart"));
}

static void test_an_attempt_that_stopped_a_neighbour_counts(void **state)
{
    struct fixture *f = *state;
    world_need(&f->os.world, "MailSweeper", "ArchiveSvc");
    run_until_turned_back(f, 1);
    assert_true(did(f, "stop MailSweeper"));
    assert_true(did(f, "start MailSweeper"));
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    assert_int_equal(f->agent->engine->budget_count, 1);
    /* The minimum interval is four hours, so long it waits. */
    run_by_seconds(f, 3 * MS_PER_HOUR);
    assert_int_equal(turned_back(f), 1);
    assert_non_null(strstr(incident(f)->incident.held_because, "at least 4 h must lie between two"));
    run_by_seconds(f, 90 * MS_PER_MINUTE);
    assert_int_equal(turned_back(f), 2);
}

static void test_a_kill_forgets_no_attempt(void **state)
{
    struct fixture *f = *state;
    for (uint32_t times = 1; times <= POLICY_ATTEMPTS_MAX; times++) {
        run_until_turned_back(f, times);
        die(f); /* without a stop */
        live(f);
        drive_lanes(f->agent);
        assert_int_equal(turned_back(f), times);
        const char *why = incident(f)->attempts[RUNG_RESTART_CLIENT].why;
        assert_non_null(strstr(why, "ArchiveSvc: "));
    }
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
}

/* Until a restart has begun and waits for its evidence. */
static void run_until_begun(struct fixture *f)
{
    for (int i = 0; i < 24 * 60 && !engine_restarting(f->agent->engine); i++) {
        fake_advance(&f->os, 15 * MS_PER_SECOND);
        agent_poll(f->agent);
        while (drive_lane(f->agent, LANE_LOOK) || drive_lane(f->agent, LANE_STORE) ||
               drive_lane(f->agent, LANE_CONTROL))
            ;
    }
    assert_true(engine_restarting(f->agent->engine));
}

/* What the pre-flight called off while nothing was touched was no attempt. */
static void test_called_off_is_no_attempt(void **state)
{
    struct fixture *f = *state;
    run_until_begun(f);
    f->os.cluster = true;
    run_by_seconds(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_int_equal(turned_back(f), 0);
    assert_int_equal(f->agent->engine->budget_count, 0);
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    live(f);
    drive_lanes(f->agent);
    assert_int_equal(turned_back(f), 0);
}

/* What forbids it comes whenever a restart waits for its evidence, and goes again. */
static void run_and_call_off(struct fixture *f, int64_t ms)
{
    for (; ms > 0; ms -= 15 * MS_PER_SECOND) {
        f->os.cluster = engine_restarting(f->agent->engine);
        run_by_seconds(f, 15 * MS_PER_SECOND);
    }
}

/* The third time it waits like an attempt; a kill does not forget that, and the rung stays free. */
static void test_called_off_again_and_again_waits(void **state)
{
    struct fixture *f = *state;
    f->os.evidence = EVIDENCE_HANGS;
    run_until_begun(f);
    run_and_call_off(f, 50 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->last_restart_id, 3);
    assert_non_null(strstr(incident(f)->incident.held_because, "called off 3 times"));
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    run_and_call_off(f, 30 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->last_restart_id, 4);
    live(f);
    run_and_call_off(f, 40 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->last_restart_id, 4);
    assert_int_equal(turned_back(f), 0);
}

static void assert_called_off(struct fixture *f, const char *why)
{
    run_by_seconds(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_non_null(strstr(f->agent->engine->called_off, why));
    assert_false(did(f, "stop ArchiveSvc"));
    assert_int_equal(f->agent->engine->budget_count, 0);
}

/* A reload before the first stop: the client, or its rung, is not named any more. */
static void test_called_off_by_a_reload(void **state)
{
    struct fixture *f = *state;
    run_until_begun(f);
    f->config.ladder_count = 2;
    f->config.ladder[1] = RUNG_RESTART_STORE;
    engine_configure(f->agent->engine, &f->config);
    assert_called_off(f, "not a restart of the configuration");
    run_by_seconds(f, 6 * MS_PER_HOUR);
    assert_false(did(f, "stop ArchiveSvc"));
}

/* A reload names another service for the client that grows, or none: a restart that was about to begin is
 * called off, once, and what comes next is about the new one. */
static void test_a_reload_names_another_service(void **state)
{
    struct fixture *f = *state;
    text_copy(f->config.clients[0].image, PROCESS_IMAGE_MAX, "archive.exe");
    engine_configure(f->agent->engine, &f->config);
    run_until_begun(f);
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "MailSweeper");
    engine_configure(f->agent->engine, &f->config);
    assert_called_off(f, "not a restart of the configuration");
    const int64_t id = f->agent->engine->restart.journal.id;
    assert_string_equal(incident(f)->incident.service, "MailSweeper");
    run_until_begun(f);
    assert_int_equal(f->agent->engine->restart.journal.id, id + 1);
    assert_string_equal(f->agent->engine->restart.journal.target, "MailSweeper");
}

/* The service named before was restarted in vain: that is no attempt of the one that is named now. */
static void test_another_service_has_its_own_attempts(void **state)
{
    struct fixture *f = *state;
    text_copy(f->config.clients[0].image, PROCESS_IMAGE_MAX, "archive.exe");
    engine_configure(f->agent->engine, &f->config);
    run_until_turned_back(f, 1);
    incident(f)->incident.rungs_tried |= CLIENT_TRIED;
    incident(f)->rungs_settled |= CLIENT_TRIED;
    run_by_seconds(f, MS_PER_MINUTE);
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "MailSweeper");
    engine_configure(f->agent->engine, &f->config);
    run_by_seconds(f, MS_PER_MINUTE);
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    assert_int_equal(turned_back(f), 0);
}

/* In the middle of a restart by hand another service is named: that the process ends is still our doing. */
static void test_a_reload_in_the_middle_of_a_restart(void **state)
{
    struct fixture *f = *state;
    text_copy(f->config.clients[0].image, PROCESS_IMAGE_MAX, "archive.exe");
    engine_configure(f->agent->engine, &f->config);
    run_until_turned_back(f, 1);
    struct world_service *service = world_get(&f->os.world, "ArchiveSvc");
    service->refuse_stop_count = 0;
    service->stop_latency_ms = 30 * MS_PER_SECOND;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "by hand", NULL), STATUS_OK);
    run_by_seconds(f, 15 * MS_PER_SECOND);
    assert_true(did(f, "stop ArchiveSvc\n"));
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "MailSweeper");
    engine_configure(f->agent->engine, &f->config);
    for (int i = 0; i < 8 && incident(f) && incident(f)->incident.state == INCIDENT_OPEN; i++)
        run_by_seconds(f, 15 * MS_PER_SECOND);
    assert_non_null(incident(f));
    assert_int_equal(incident(f)->incident.state, INCIDENT_RECOVERING);
}

static void test_called_off_when_the_growth_has_ended(void **state)
{
    struct fixture *f = *state;
    run_until_begun(f);
    f->config.client_count = 0;
    engine_configure(f->agent->engine, &f->config); /* watched no more: its incident is closed */
    assert_called_off(f, "has ended");
    assert_null(incident(f));
}

static void test_a_person_is_not_made_to_wait(void **state)
{
    struct fixture *f = *state;
    run_until_turned_back(f, 1);
    world_get(&f->os.world, "ArchiveSvc")->refuse_stop_count = 0;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "by hand", NULL), STATUS_OK);
    run_by_seconds(f, 2 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc\n"));
}

static void test_a_store_near_its_end_does_not_wait_for_it(void **state)
{
    (void)state;
    static struct open_incident client;
    client =
        (struct open_incident){.incident = {.id = 1, .target_kind = TARGET_CLIENT}, .seen_unbounded = true};
    assert_false(step_as_the_ladder_sees(&client, true).rungs_tried & CLIENT_TRIED);
    client.attempts[RUNG_RESTART_CLIENT].count = 1;
    assert_false(step_as_the_ladder_sees(&client, false).rungs_tried & CLIENT_TRIED);
    assert_true(step_as_the_ladder_sees(&client, true).rungs_tried & CLIENT_TRIED);
    assert_false(client.incident.rungs_tried & CLIENT_TRIED);
}

/* ---- the store's suspects ---- */

/* An engine with an incident of the store of which two clients are suspected together. */
struct suspects {
    struct engine *engine;
    struct open_incident *open;
    struct observation observation;
    struct actions actions;
    struct step step;
};

static void suspect_add(struct open_incident *open, const char *target, const char *service, uint32_t pid)
{
    struct culprit *culprit = &open->ranking.items[open->ranking.count++];
    *culprit = (struct culprit){.process = {pid, 1}, .watched = true, .kind = TARGET_CLIENT};
    text_copy(culprit->target, sizeof culprit->target, target);
    text_copy(culprit->service, sizeof culprit->service, service);
    culprit->confidence = CULPRIT_LIKELY;
    open->ranking.together = open->ranking.count;
}

static int setup_suspects(void **state)
{
    struct suspects *s = calloc(1, sizeof *s);
    struct config config;
    config_default(&config);
    config.mode = MODE_ACT;
    config.window_count = 0;
    config.ladder_count = 3;
    config.ladder[1] = RUNG_RESTART_CLIENT;
    config.ladder[2] = RUNG_RESTART_STORE;
    s->engine = engine_new(&config, "EX1");
    s->open = &s->engine->incidents[0];
    s->open->incident = (struct incident){.id = 7,
                                          .target_kind = TARGET_STORE,
                                          .metric = METRIC_PRIVATE_BYTES,
                                          .state = INCIDENT_OPEN,
                                          .opened_utc_ms = MS_PER_HOUR,
                                          .exhaustion_early_utc_ms = INT64_MAX,
                                          .rungs_tried = 1u << RUNG_ALERT};
    s->open->ranked = s->open->seen_unbounded = true;
    suspect_add(s->open, "archive", "ArchiveSvc", 104);
    suspect_add(s->open, "fax", "FaxSvc", 105);
    s->observation.services_known = s->observation.processes_known = true;
    s->step =
        (struct step){s->engine, &s->observation, {2 * MS_PER_DAY, 9 * MS_PER_DAY, 0, 600}, &s->actions};
    *state = s;
    return 0;
}

static int teardown_suspects(void **state)
{
    struct suspects *s = *state;
    engine_free(s->engine);
    free(s);
    return 0;
}

static void restart_ends(struct suspects *s, const char *target, enum restart_outcome outcome)
{
    struct restart_journal *journal = &s->engine->restart.journal;
    *journal = (struct restart_journal){.id = journal->id + 1,
                                        .incident_id = 7,
                                        .rung = RUNG_RESTART_CLIENT,
                                        .phase = RESTART_ENDED,
                                        .outcome = outcome};
    text_copy(journal->target, sizeof journal->target, target);
    journal->plan.count = 1;
    text_copy(journal->plan.services[0].name, SERVICE_NAME_MAX, target);
    s->open->incident.rungs_tried |= CLIENT_TRIED;
    step_settle_attempt(&s->step);
}

static const char *next_suspect(struct suspects *s)
{
    return step_suspect(&s->step, s->open).service;
}

/* The second suspect's restart is called off or turned back: that does not give the first its turn again. */
static void test_a_turn_is_had_once(void **state)
{
    struct suspects *s = *state;
    assert_string_equal(next_suspect(s), "ArchiveSvc");
    /* In a process that other services share, it stays the same; or the clock was set back: it looks older.
     */
    restart_ends(s, "ArchiveSvc", RESTART_SUCCEEDED);
    assert_string_equal(next_suspect(s), "FaxSvc");
    for (int times = 0; times < 5; times++) {
        restart_ends(s, "FaxSvc", RESTART_CALLED_OFF);
        assert_true(s->open->incident.rungs_tried & CLIENT_TRIED);
        assert_string_equal(next_suspect(s), "FaxSvc");
        assert_true(step_suspect(&s->step, s->open).another);
    }
    restart_ends(s, "FaxSvc", RESTART_RESTORED);
    assert_true(s->open->incident.rungs_tried & CLIENT_TRIED);
    assert_string_equal(next_suspect(s), "FaxSvc");
    /* With the end near the store does not wait for what was turned back. */
    s->open->incident.exhaustion_early_utc_ms = s->step.clock.utc_ms + MS_PER_MINUTE;
    assert_false(step_suspect(&s->step, s->open).another);
    s->open->incident.exhaustion_early_utc_ms = INT64_MAX;
    assert_true(step_suspect(&s->step, s->open).another);
    restart_ends(s, "FaxSvc", RESTART_SUCCEEDED);
    assert_string_equal(next_suspect(s), "");
    assert_false(step_suspect(&s->step, s->open).another);
}

/* Each suspect has his own three attempts, and then the next has his turn; a kill changes nothing of it. */
static void test_attempts_are_those_of_one_service(void **state)
{
    struct suspects *s = *state;
    struct restart_journal journals[POLICY_ATTEMPTS_MAX + 1];
    for (size_t i = POLICY_ATTEMPTS_MAX; i > 0; i--) {
        assert_string_equal(next_suspect(s), "ArchiveSvc");
        restart_ends(s, "ArchiveSvc", RESTART_RESTORED);
        assert_false(s->open->incident.rungs_tried & CLIENT_TRIED);
        journals[i] = s->engine->restart.journal;
    }
    for (int killed = 0; killed < 2; killed++) {
        assert_string_equal(next_suspect(s), "FaxSvc");
        assert_int_equal(step_attempts(&s->step, s->open, RUNG_RESTART_CLIENT, "FaxSvc").count, 0);
        enum check failed = CHECK_COUNT;
        assert_true(step_consider(&s->step, s->open, &s->engine->wanted, &failed));
        assert_string_equal(s->engine->wanted.target, "FaxSvc");
        *s->open = (struct open_incident){
            .incident = s->open->incident, .ranking = s->open->ranking, .ranked = true};
        engine_restore_restarts(s->engine, journals + 1, POLICY_ATTEMPTS_MAX, s->step.clock.mono_ms);
    }
    restart_ends(s, "FaxSvc", RESTART_RESTORED);
    assert_int_equal(step_attempts(&s->step, s->open, RUNG_RESTART_CLIENT, "FaxSvc").count, 1);
    assert_int_equal(step_attempts(&s->step, s->open, RUNG_RESTART_CLIENT, "ArchiveSvc").count, 0);
    assert_string_equal(next_suspect(s), "FaxSvc");
}

/* Killed in between: the journals tell who had a turn. */
static void test_a_kill_forgets_no_turn(void **state)
{
    struct suspects *s = *state;
    restart_ends(s, "ArchiveSvc", RESTART_SUCCEEDED);
    struct restart_journal journals[2];
    journals[1] = s->engine->restart.journal;
    struct open_incident again = {.incident = s->open->incident, .ranking = s->open->ranking, .ranked = true};
    *s->open = again;
    engine_restore_restarts(s->engine, journals + 1, 1, s->step.clock.mono_ms);
    assert_string_equal(next_suspect(s), "FaxSvc");
    restart_ends(s, "FaxSvc", RESTART_CALLED_OFF);
    journals[0] = s->engine->restart.journal;
    *s->open =
        (struct open_incident){.incident = s->open->incident, .ranking = s->open->ranking, .ranked = true};
    engine_restore_restarts(s->engine, journals, 2, s->step.clock.mono_ms);
    restart_ends(s, "FaxSvc", RESTART_CALLED_OFF);
    assert_true(s->open->incident.rungs_tried & CLIENT_TRIED);
    assert_string_equal(next_suspect(s), "FaxSvc");
    /* One that was under way when the kill came had not tried its rung yet. */
    again.incident.rungs_tried |= CLIENT_TRIED;
    *s->open = again;
    journals[0].phase = RESTART_STOPPING;
    journals[0].outcome = RESTART_OUTCOME_NONE;
    engine_restore_restarts(s->engine, journals, 1, s->step.clock.mono_ms);
    restart_ends(s, "FaxSvc", RESTART_CALLED_OFF);
    assert_false(s->open->incident.rungs_tried & CLIENT_TRIED);
}

/* No plan can be made for a suspect: the next has its turn, and then the store. */
static void test_a_suspect_without_a_plan_is_passed_over(void **state)
{
    struct suspects *s = *state;
    const char *const wanted[] = {"ArchiveSvc", "FaxSvc", s->engine->config.store_service};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        enum check failed = CHECK_COUNT;
        assert_true(step_consider(&s->step, s->open, &s->engine->wanted, &failed));
        assert_string_equal(s->engine->wanted.target, wanted[i]);
        s->actions.alert_count = 0;
        step_decide_with_graph(&s->step); /* an empty one: no such service */
        assert_false(engine_restarting(s->engine));
        /* Nobody was restarted: there is nothing to wait for. */
        step_follow_tried_client(&s->step, s->open);
        assert_false(step_suspect(&s->step, s->open).proof_awaited);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_refused_stop_uses_neither_rung_nor_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_attempts_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_never_restarted_did_not_end_by_that, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_attempt_that_stopped_a_neighbour_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_kill_forgets_no_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_is_no_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_again_and_again_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_by_a_reload, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reload_names_another_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_service_has_its_own_attempts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reload_in_the_middle_of_a_restart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_when_the_growth_has_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_person_is_not_made_to_wait, setup, teardown),
        cmocka_unit_test(test_a_store_near_its_end_does_not_wait_for_it),
        cmocka_unit_test_setup_teardown(test_a_turn_is_had_once, setup_suspects, teardown_suspects),
        cmocka_unit_test_setup_teardown(test_attempts_are_those_of_one_service, setup_suspects,
                                        teardown_suspects),
        cmocka_unit_test_setup_teardown(test_a_kill_forgets_no_turn, setup_suspects, teardown_suspects),
        cmocka_unit_test_setup_teardown(test_a_suspect_without_a_plan_is_passed_over, setup_suspects,
                                        teardown_suspects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_attempts.c - a restart that was turned back before its target was stopped: the rung is free again, the
 * next attempt waits, there are three, and storewatch remembers them when it is killed. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"
#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define CLIENT_TRIED (1u << RUNG_RESTART_CLIENT)

struct fixture {
    struct os os;
    struct config config;
    char dir[64];
    struct agent *agent;
    struct agent_options options;
};

static void open_agent(struct fixture *f)
{
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
}

/* The client leaks and refuses to be stopped; a neighbour needs it. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    fake_add_service(&f->os, "MailSweeper", "sweeper.exe", 6e7);
    config_default(&f->config);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 10 * MS_PER_MINUTE;
    f->config.stop_timeout_ms = f->config.verify_ms = MS_PER_MINUTE;
    f->config.ladder_count = 3;
    f->config.ladder[1] = RUNG_RESTART_CLIENT;
    f->config.ladder[2] = RUNG_RESTART_STORE;
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "archive");
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "ArchiveSvc");
    fake_mail(&f->config);
    text_copy(f->dir, sizeof f->dir, "/dev/shm/storewatch-attempts-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->options = (struct agent_options){.data_dir = f->dir};
    struct fake_program *client = fake_program_find(&f->os, "ArchiveSvc");
    fake_grow(&f->os, client, FAKE_LEAK);
    client->bytes_per_hour = 1e8;
    struct world_service *service = world_get(&f->os.world, "ArchiveSvc");
    service->refuse_stop_code = 1061;
    service->refuse_stop_count = 1000000;
    open_agent(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    fake_deinit(&f->os);
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* In a restart storewatch looks every second. */
static void run(struct fixture *f, int64_t ms)
{
    int64_t end_ms = f->os.world.mono_ms + ms;
    while (f->os.world.mono_ms < end_ms) {
        for (int i = 0; i < 15; i++) {
            fake_advance(&f->os, MS_PER_SECOND);
            agent_wake(f->agent);
            drive_lanes(f->agent);
        }
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
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
        run(f, MS_PER_MINUTE);
    assert_int_equal(turned_back(f), times);
}

static bool did(const struct fixture *f, const char *deed)
{
    return strstr(f->os.log_storage, deed) != NULL;
}

static void test_a_refused_stop_uses_neither_rung_nor_budget(void **state)
{
    struct fixture *f = *state;
    run_until_turned_back(f, 1);
    const struct incident *told = &incident(f)->incident;
    assert_false(told->rungs_tried & CLIENT_TRIED);
    assert_int_equal(f->agent->engine->budget_count, 0);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_RESTORED);
    run(f, 5 * MS_PER_MINUTE);
    assert_non_null(strstr(told->held_because, "minimum interval: attempt 1 of 3 was turned back"));
    assert_non_null(strstr(told->held_because, "ArchiveSvc: "));
    assert_int_equal(turned_back(f), 1); /* not at once */
    /* What stood in the way has gone: the same rung, within the hour. The store was never touched. */
    world_get(&f->os.world, "ArchiveSvc")->refuse_stop_count = 0;
    run(f, 50 * MS_PER_MINUTE);
    assert_false(did(f, "stop ArchiveSvc\n"));
    run(f, 20 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc\n"));
    assert_true(did(f, "start ArchiveSvc"));
    assert_false(did(f, "MSExchangeIS"));
    assert_int_equal(f->agent->engine->budget_count, 1);
}

static void test_three_attempts_and_no_more(void **state)
{
    struct fixture *f = *state;
    f->config.ladder_count = 2; /* without the store */
    agent_free(f->agent);
    open_agent(f);
    run_until_turned_back(f, 2);
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    run_until_turned_back(f, 3);
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    int64_t restarts = f->agent->engine->last_restart_id;
    run(f, 10 * MS_PER_HOUR);
    assert_int_equal(f->agent->engine->last_restart_id, restarts);
    assert_non_null(strstr(incident(f)->incident.held_because, "every rung"));
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
    run(f, 3 * MS_PER_HOUR);
    assert_int_equal(turned_back(f), 1);
    assert_non_null(strstr(incident(f)->incident.held_because, "at least 4 h must lie between two"));
    run(f, 90 * MS_PER_MINUTE);
    assert_int_equal(turned_back(f), 2);
}

static void test_a_kill_forgets_no_attempt(void **state)
{
    struct fixture *f = *state;
    for (uint32_t times = 1; times <= POLICY_ATTEMPTS_MAX; times++) {
        run_until_turned_back(f, times);
        agent_free(f->agent); /* without a stop */
        open_agent(f);
        drive_lanes(f->agent);
        assert_int_equal(turned_back(f), times);
        const char *why = incident(f)->attempts[RUNG_RESTART_CLIENT].why;
        assert_non_null(strstr(why, "ArchiveSvc: "));
    }
    assert_true(incident(f)->incident.rungs_tried & CLIENT_TRIED);
}

/* What the pre-flight called off while nothing was touched was no attempt. */
static void test_called_off_is_no_attempt(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 24 * 60 && !engine_restarting(f->agent->engine); i++) {
        fake_advance(&f->os, 15 * MS_PER_SECOND);
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
    assert_true(engine_restarting(f->agent->engine));
    f->os.cluster = true;
    run(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_int_equal(turned_back(f), 0);
    assert_int_equal(f->agent->engine->budget_count, 0);
    assert_false(incident(f)->incident.rungs_tried & CLIENT_TRIED);
    agent_free(f->agent);
    open_agent(f);
    drive_lanes(f->agent);
    assert_int_equal(turned_back(f), 0);
}

static void test_a_person_is_not_made_to_wait(void **state)
{
    struct fixture *f = *state;
    run_until_turned_back(f, 1);
    world_get(&f->os.world, "ArchiveSvc")->refuse_stop_count = 0;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "by hand", NULL), STATUS_OK);
    run(f, 2 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc\n"));
}

static void test_a_store_near_its_end_does_not_wait_for_it(void **state)
{
    (void)state;
    static struct open_incident client;
    client = (struct open_incident){.incident = {.id = 1, .target_kind = TARGET_CLIENT}};
    assert_false(step_as_the_ladder_sees(&client, true).rungs_tried & CLIENT_TRIED);
    client.attempts[RUNG_RESTART_CLIENT].count = 1;
    assert_false(step_as_the_ladder_sees(&client, false).rungs_tried & CLIENT_TRIED);
    assert_true(step_as_the_ladder_sees(&client, true).rungs_tried & CLIENT_TRIED);
    assert_false(client.incident.rungs_tried & CLIENT_TRIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_refused_stop_uses_neither_rung_nor_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(test_three_attempts_and_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_attempt_that_stopped_a_neighbour_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_kill_forgets_no_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_called_off_is_no_attempt, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_person_is_not_made_to_wait, setup, teardown),
        cmocka_unit_test(test_a_store_near_its_end_does_not_wait_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

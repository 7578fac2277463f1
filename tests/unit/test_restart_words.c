/* test_restart_words.c - what the administrator reads of a restart that does not go as planned, in the mail
 * and in `status`: each path of it has its words. The paths themselves are in test_restart*.c. */
#include "agent_fixture.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

/* No relay can be reached: the mails stay in the outbox, where they can be read. */
static int setup(void **state)
{
    struct fixture *f = fixture_new();
    fixture_acts(f);
    fake_add_service(&f->os, "MailSweeper", "sweeper.exe", 6e7);
    world_need(&f->os.world, "MailSweeper", "ArchiveSvc");
    f->config.stop_timeout_ms = MS_PER_MINUTE;
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "archive");
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "ArchiveSvc");
    f->os.relays[0] = RELAY_UNREACHABLE;
    live(f);
    *state = f;
    return 0;
}

static struct world_service *service(struct fixture *f, const char *name)
{
    return world_get(&f->os.world, name);
}

static void restart(struct fixture *f, const char *name)
{
    run_by_seconds(f, MS_PER_MINUTE); /* it has seen the machine */
    assert_int_equal(agent_restart(f->agent, name, "a test", NULL), STATUS_OK);
}

/* Until this has been done to the world. */
static void run_until(struct fixture *f, const char *deed)
{
    for (int i = 0; i < 600 && !strstr(f->os.log_storage, deed); i++) {
        fake_advance(&f->os, MS_PER_SECOND);
        agent_wake(f->agent);
        drive_lanes(f->agent);
    }
    assert_non_null(strstr(f->os.log_storage, deed));
}

/* The mail whose subject has `subject` in it says this. */
static void assert_mailed(const struct fixture *f, const char *subject, const char *words)
{
    char path[128], *all = NULL;
    snprintf(path, sizeof path, "%s/" STORE_FILE_NAME, f->dir);
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db,
                                        "SELECT group_concat(plain, '\n') FROM outbox WHERE"
                                        " subject LIKE '%' || ? || '%'",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(statement, 1, subject, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const char *plain = (const char *)sqlite3_column_text(statement, 0);
    if (!plain)
        fail_msg("no mail with \"%s\" in its subject", subject);
    /* Lines of the mail are folded. */
    all = calloc(1, strlen(plain) + 1);
    size_t length = 0;
    for (const char *c = plain; *c; c++)
        if ((*c != '\n' && *c != '\r' && *c != ' ') || (length > 0 && all[length - 1] != ' '))
            all[length++] = *c == '\n' || *c == '\r' ? ' ' : *c;
    if (!strstr(all, words))
        fail_msg("\"%s\" is not in:\n%s", words, plain);
    free(all);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void assert_status(const struct fixture *f, const char *words)
{
    char *status = agent_status_json(f->agent);
    if (!strstr(status, words))
        fail_msg("\"%s\" is not in:\n%s", words, status);
    free(status);
}

static void test_logon_failure(void **state)
{
    struct fixture *f = *state;
    service(f, "ArchiveSvc")->refuse_start_code = 1069;
    service(f, "ArchiveSvc")->refuse_start_count = 1000000;
    restart(f, "ArchiveSvc");
    run_by_seconds(f, MS_PER_MINUTE);
    /* Waiting does not heal a password: told at the first refusal. */
    assert_mailed(f, "URGENT: ArchiveSvc is DOWN after a restart",
                  "ArchiveSvc: start refused: logon failure, see its account and password (1069)");
    assert_status(f, "ArchiveSvc: start refused: logon failure, see its account and password (1069); started "
                     "again in ");
    assert_false(world_runs(&f->os.world, "MailSweeper")); /* it needs the other */
    service(f, "ArchiveSvc")->refuse_start_count = 0;      /* a person has set the password */
    run_by_seconds(f, 10 * MS_PER_MINUTE);
    assert_true(world_runs(&f->os.world, "ArchiveSvc") && world_runs(&f->os.world, "MailSweeper"));
    assert_mailed(f, "ArchiveSvc runs again", "ArchiveSvc runs");
}

/* The service ends while the service manager waits for it: that one knows only that no answer came, the service why. */
static void test_start_timed_out(void **state)
{
    struct fixture *f = *state;
    struct world_service *archive = service(f, "ArchiveSvc");
    archive->refuse_start_code = 1053;
    archive->refuse_start_count = 1000000;
    archive->refused_exit_code = 1066;
    archive->refused_own_exit_code = 42;
    restart(f, "ArchiveSvc");
    run_by_seconds(f, MS_PER_MINUTE);
    assert_mailed(
        f, "URGENT: ArchiveSvc is DOWN after a restart",
        "ArchiveSvc: start refused: it did not answer in time (1053), exit code 1066 (its own: 42)");
    assert_status(f, "it did not answer in time (1053), exit code 1066 (its own: 42); started again in ");
}

/* The start is accepted and the service ends at once. */
static void test_start_that_ends_at_once(void **state)
{
    struct fixture *f = *state;
    service(f, "ArchiveSvc")->fail_start_count = 1000000;
    restart(f, "ArchiveSvc");
    run_by_seconds(f, 2 * MS_PER_MINUTE);
    assert_mailed(f, "URGENT: ArchiveSvc is DOWN after a restart",
                  "ArchiveSvc: stopped again right after its start, exit code 1067: its process ended "
                  "unexpectedly");
}

/* Somebody holds it up with a service that storewatch does not find. */
static void test_dependents_running(void **state)
{
    struct fixture *f = *state;
    service(f, "ArchiveSvc")->refuse_stop_code = 1051;
    service(f, "ArchiveSvc")->refuse_stop_count = 1000000;
    restart(f, "ArchiveSvc");
    run_by_seconds(f, 5 * MS_PER_MINUTE);
    assert_mailed(f, "restart of ArchiveSvc abandoned, nothing is down",
                  "The stop did not work, so everything that had been stopped was started again. ArchiveSvc: "
                  "could not be asked to stop after 1 min: stop refused: services that need it are running "
                  "(1051).");
    assert_status(f, "restored");
    assert_true(world_runs(&f->os.world, "MailSweeper"));
}

/* Nothing was stopped, and the incident says when it is tried again. */
static void test_refused_for_an_incident(void **state)
{
    struct fixture *f = *state;
    service(f, "MailSweeper")->refuse_stop_code = 5;
    service(f, "MailSweeper")->refuse_stop_count = 1000000;
    struct fake_program *client = fake_program_find(&f->os, "ArchiveSvc");
    fake_grow(&f->os, client, FAKE_LEAK);
    client->bytes_per_hour = 1e8;
    const struct restart_journal *journal = &f->agent->engine->restart.journal;
    for (int i = 0; i < 600 && journal->outcome == RESTART_OUTCOME_NONE; i++)
        run_by_seconds(f, MS_PER_MINUTE);
    run_by_seconds(f, MS_PER_MINUTE);
    assert_mailed(f, "restart of ArchiveSvc abandoned, nothing is down",
                  "The stop did not work, and nothing was stopped. MailSweeper: stop refused: access denied "
                  "(5).");
    assert_mailed(
        f, "restart of ArchiveSvc abandoned, nothing is down",
        "That was attempt 1 of 3 to take the rung \"restart_client\": the next is made in 1 h at the "
        "earliest.");
    assert_status(f, "minimum interval: attempt 1 of 3 was turned back, the next is made in ");
    assert_status(f, "MailSweeper: stop refused: access denied (5)");
}

static void test_dies_instead_of_stopping(void **state)
{
    struct fixture *f = *state;
    service(f, "ArchiveSvc")->dies_in_stop = true;
    restart(f, "ArchiveSvc");
    run_by_seconds(f, 3 * MS_PER_MINUTE);
    assert_status(f, "ArchiveSvc is stopped");
    assert_status(f, "ArchiveSvc runs");
    assert_status(f, "the restart of ArchiveSvc has ended: succeeded");
    assert_true(world_runs(&f->os.world, "ArchiveSvc") && world_runs(&f->os.world, "MailSweeper"));
}

static void test_deleted_half_way(void **state)
{
    struct fixture *f = *state;
    restart(f, "ArchiveSvc");
    run_until(f, "stop MailSweeper");
    world_person_deletes(&f->os.world, "MailSweeper");
    run_by_seconds(f, 3 * MS_PER_MINUTE);
    assert_mailed(f, "MailSweeper",
                  "MailSweeper is left as it is: deleted: there is nothing to start any more");
    assert_mailed(f, "MailSweeper", "install MailSweeper again");
    assert_status(f, "the restart of ArchiveSvc has ended: handed over");
    assert_true(world_runs(&f->os.world, "ArchiveSvc"));
}

/* Between the plan and the first stop: nobody took anything over, and nothing is down. */
static void test_deleted_before_the_first_stop(void **state)
{
    struct fixture *f = *state;
    restart(f, "ArchiveSvc");
    while (!engine_restarting(f->agent->engine)) /* reads the services' configuration, and plans */
        assert_true(drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_CONTROL));
    assert_true(restart_untouched(&f->agent->engine->restart));
    world_kill(&f->os.world, "ArchiveSvc", 0);
    world_person_deletes(&f->os.world, "ArchiveSvc");
    run_by_seconds(f, 3 * MS_PER_MINUTE);
    assert_mailed(
        f, "restart of ArchiveSvc abandoned, it is DELETED, not by storewatch",
        "It was called off before anything was stopped: ArchiveSvc was deleted, not by storewatch: there "
        "is nothing to restart.");
    assert_mailed(f, "restart of ArchiveSvc abandoned", "take it out of the configuration and reload");
    assert_status(f, "\"outcome\": \"called off\"");
    assert_true(world_runs(&f->os.world, "MailSweeper"));
    assert_int_equal(f->agent->engine->budget_count, 0);
}

static void test_disabled_half_way(void **state)
{
    struct fixture *f = *state;
    /* After its stop: a person's wish, and it is not started again. */
    restart(f, "ArchiveSvc");
    run_until(f, "stop MailSweeper");
    world_person_disables(&f->os.world, "MailSweeper");
    run_by_seconds(f, 3 * MS_PER_MINUTE);
    assert_mailed(f, "MailSweeper", "MailSweeper: start refused: it is disabled (1058)");
    assert_mailed(f, "MailSweeper", "everything that ran before runs again except MailSweeper; watching");
    assert_status(f, "the restart of ArchiveSvc has ended: handed over");
    assert_true(world_runs(&f->os.world, "ArchiveSvc"));
}

static void test_what_is_waited_for(void **state)
{
    struct fixture *f = *state;
    service(f, "ArchiveSvc")->hangs_in_stop = true;
    service(f, "ArchiveSvc")->wait_hint_ms = 30000;
    service(f, "ArchiveSvc")->checkpoint_every_ms = 5000;
    restart(f, "ArchiveSvc");
    run_until(f, "stop ArchiveSvc");
    run_by_seconds(f, 30 * MS_PER_SECOND);
    assert_status(f, "ArchiveSvc: stop pending, checkpoint ");
    assert_status(f, ", wait hint 30 s, checkpoint moved ");
    assert_status(f, " s left");
    service(f, "ArchiveSvc")->checkpoint_every_ms = 0;
    run_by_seconds(f, 90 * MS_PER_SECOND);
    assert_mailed(f, "URGENT: ArchiveSvc is DOWN, it hangs in its stop",
                  "ArchiveSvc: did not stop after 1 min, state \"stop pending\"");
    assert_mailed(f, "URGENT: ArchiveSvc is DOWN, it hangs in its stop", "end its process in Task Manager");
    assert_status(f, "ArchiveSvc: stop pending, ");
    assert_status(f, "hung? no sign of progress for ");
}

/* The restart goes on until this is asked for, and then the service manager, or the disk, holds it up for so
 * long that what it was decided on is old. */
static void hold_up(struct fixture *f, enum engine_request_kind kind)
{
    for (int i = 0; i < 600 && f->agent->request.kind != kind; i++) {
        fake_advance(&f->os, MS_PER_SECOND);
        agent_wake(f->agent);
        while (drive_lane(f->agent, LANE_LOOK) ||
               (f->agent->request.kind != kind &&
                (drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_CONTROL) ||
                 drive_lane(f->agent, LANE_EVIDENCE) || drive_lane(f->agent, LANE_EVENT))))
            ;
    }
    assert_int_equal(f->agent->request.kind, kind);
    fake_advance(&f->os, RESTART_FRESH_MS + MS_PER_SECOND);
}

static void test_termination_that_comes_too_late(void **state)
{
    struct fixture *f = *state;
    f->config.on_hang = HANG_TERMINATE_CLIENT;
    live(f);
    service(f, "ArchiveSvc")->hangs_in_stop = true;
    restart(f, "ArchiveSvc");
    hold_up(f, ENGINE_TERMINATE_PROCESS);
    run_by_seconds(f, 30 * MS_PER_SECOND);
    assert_null(strstr(f->os.log_storage, "terminate the process"));
    assert_status(f, "was not terminated: it came to that only long after it was decided");
    run_by_seconds(f, 2 * MS_PER_MINUTE); /* it hangs still, a minute more is enough */
    assert_non_null(strstr(f->os.log_storage, "terminate the process of ArchiveSvc"));
    assert_true(world_runs(&f->os.world, "ArchiveSvc") && world_runs(&f->os.world, "MailSweeper"));
}

/* Meanwhile a backup has begun: the first stop is not made any more, and the pre-flight has its say. */
static void test_stop_that_comes_too_late(void **state)
{
    struct fixture *f = *state;
    restart(f, "ArchiveSvc");
    hold_up(f, ENGINE_STOP_SERVICE);
    fake_add_program(&f->os, "eseutil.exe", 1e7, true);
    run_by_seconds(f, 30 * MS_PER_SECOND);
    assert_null(strstr(f->os.log_storage, "stop "));
    assert_false(engine_restarting(f->agent->engine));
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_non_null(strstr(f->agent->engine->called_off, "eseutil.exe is running"));
}

/* When nothing has changed it is decided anew, and goes on. */
static void test_stop_that_is_decided_anew(void **state)
{
    struct fixture *f = *state;
    restart(f, "ArchiveSvc");
    hold_up(f, ENGINE_STOP_SERVICE);
    drive_lanes(f->agent);
    fake_advance(&f->os, MS_PER_SECOND / 2);
    agent_poll(f->agent);
    drive_lanes(f->agent);
    assert_status(f, "stop refused: it came to that only long after it was decided (1460)");
    run_until(f, "stop ArchiveSvc\n");
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(restart_phase_name(RESTART_IDLE), "idle");
    assert_string_equal(restart_phase_name(RESTART_ENDED), "ended");
    assert_string_equal(restart_phase_name((enum restart_phase)99), "unknown");
    assert_string_equal(restart_outcome_name(RESTART_OUTCOME_NONE), "none");
    assert_string_equal(restart_outcome_name(RESTART_HANDED_OVER), "handed over");
    assert_string_equal(restart_outcome_name((enum restart_outcome)99), "unknown");
    assert_string_equal(service_state_text(SERVICE_STATE_UNKNOWN), "unknown");
    assert_string_equal(service_state_text(SERVICE_STATE_PAUSED), "paused");
    assert_string_equal(service_state_text(SERVICE_STATE_ABSENT), "not installed");
    assert_string_equal(service_state_text((enum service_state)99), "unknown");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        TEST(test_logon_failure),
        TEST(test_start_timed_out),
        TEST(test_start_that_ends_at_once),
        TEST(test_dependents_running),
        TEST(test_refused_for_an_incident),
        TEST(test_dies_instead_of_stopping),
        TEST(test_deleted_half_way),
        TEST(test_deleted_before_the_first_stop),
        TEST(test_disabled_half_way),
        TEST(test_what_is_waited_for),
        TEST(test_termination_that_comes_too_late),
        TEST(test_stop_that_comes_too_late),
        TEST(test_stop_that_is_decided_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

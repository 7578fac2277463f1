/* test_agent_store.c - write-ahead order, what is kept while the disk takes nothing, and a history file that opens late, breaks or
 * is lost. */
#include "agent_fixture.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/aside.h"
#include "../../src/app/own_files.h"

#include <sqlite3.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_nothing_leaves_before_its_records_are_committed(void **state)
{
    struct fixture *f = *state;
    leak(f);
    for (int i = 0; i < 400; i++) { /* the leak is seen within that time, but the store's lane stands still */
        poll_once(f);
        while (drive_lane(f->agent, LANE_LOOK) || drive_lane(f->agent, LANE_CONTROL) ||
               drive_lane(f->agent, LANE_MAIL) || drive_lane(f->agent, LANE_EVENT))
            ;
    }
    assert_false(did(f, "mail"));
    assert_false(did(f, "stop"));
    poll_often(f, 40);
    assert_true(did(f, "mail"));
    assert_true(did(f, "stop MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
}

static void put(struct fixture *f, enum alert_kind kind)
{
    struct alert *alert = calloc(1, sizeof *alert);
    assert_non_null(alert);
    alert->kind = kind;
    agent_put_alert(f->agent, alert);
    free(alert);
}

/* How many mails of the kind wait to be saved. */
static size_t waiting(const struct fixture *f, enum alert_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->agent->pending->mail_count; i++)
        count += f->agent->pending->mails[i].kind == kind;
    return count;
}

/* A disk that takes nothing: each transition has its mail for as long as there is a repetition to drop. */
static void test_repetitions_are_dropped_first(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    put(f, ALERT_RECOVERED);
    put(f, ALERT_REMINDER);
    for (int i = 0; i < TRANSACTION_MAILS_MAX - 2; i++)
        put(f, ALERT_OPENED);
    assert_int_equal(f->agent->pending->mail_count, TRANSACTION_MAILS_MAX);
    put(f, ALERT_ESCALATED);
    assert_int_equal(waiting(f, ALERT_REMINDER), 0);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 1);
    put(f, ALERT_REMINDER); /* worth less than all that wait */
    assert_int_equal(waiting(f, ALERT_REMINDER), 0);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 1);
    put(f, ALERT_ESCALATED);
    assert_int_equal(waiting(f, ALERT_RECOVERED), 0);
    assert_int_equal(waiting(f, ALERT_OPENED), TRANSACTION_MAILS_MAX - 2);
    assert_int_equal(waiting(f, ALERT_ESCALATED), 2);
    assert_int_equal(f->agent->mails_dropped, 3);
}

static void save_restart(struct fixture *f, int64_t id, enum restart_phase phase)
{
    actions_clear(f->agent->actions);
    f->agent->actions->save_restart = true;
    f->agent->actions->restart = (struct restart_journal){
        .id = id, .phase = phase, .ended_utc_ms = f->os.world.utc_ms, .plan.count = 1};
    text_copy(f->agent->actions->restart.plan.services[0].name, SERVICE_NAME_MAX, "ArchiveSvc");
    agent_take_actions(f->agent);
}

/* One restart ends and the next begins while the disk is slow: the end of the first is on the disk too, else
 * it would go on at the next start. */
static void test_the_end_of_a_restart_is_saved_with_the_next(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    save_restart(f, 1, RESTART_VERIFYING);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job); /* it hangs in the disk */
    save_restart(f, 1, RESTART_ENDED);
    save_restart(f, 2, RESTART_STOPPING);
    save_restart(f, 2, RESTART_STARTING);
    job->status = STATUS_FULL; /* and then fails: what it had is put back */
    agent_job_done(f->agent, job);
    fake_advance(&f->os, 10 * MS_PER_MINUTE);
    drive_lanes(f->agent);
    struct restart_journal *journals = calloc(4, sizeof *journals);
    size_t count = 0;
    assert_int_equal(store_get_restarts(f->agent->store, journals, 4, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(journals[0].phase, RESTART_STARTING);
    assert_int_equal(journals[1].id, 1);
    assert_int_equal(journals[1].phase, RESTART_ENDED);
    free(journals);
}

/* Incidents come and go while the disk takes nothing, but for the first, which stays open. */
static void save_incidents(struct fixture *f, int64_t count)
{
    actions_clear(f->agent->actions);
    f->agent->actions->incident_count = 1;
    for (int64_t id = 1; id <= count; id++) {
        f->agent->actions->incidents[0] =
            (struct incident){.id = id,
                              .target = "archive",
                              .state = id == 1 ? INCIDENT_OPEN : INCIDENT_CLOSED,
                              .opened_utc_ms = f->os.world.utc_ms,
                              .closed_utc_ms = id == 1 ? 0 : f->os.world.utc_ms};
        agent_take_actions(f->agent);
        if (id != count / 2)
            continue;
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        job->status = STATUS_FULL;
        agent_job_done(f->agent, job);
    }
}

/* What of them is in the file once the disk works, newest first. */
static size_t saved_incidents(struct fixture *f, struct incident *out_incidents, size_t capacity)
{
    size_t count = 0;
    fake_advance(&f->os, 10 * MS_PER_MINUTE);
    drive_lanes(f->agent);
    assert_false(f->agent->store_failing);
    assert_int_equal(store_get_incidents(f->agent->store, false, out_incidents, capacity, &count, NULL),
                     STATUS_OK);
    return count;
}

static void test_all_incidents_of_a_bad_time_are_saved(void **state)
{
    struct fixture *f = *state;
    struct incident *incidents = calloc(200, sizeof *incidents);
    drive_lanes(f->agent);
    save_incidents(f, 150);
    assert_int_equal(saved_incidents(f, incidents, 200), 150);
    assert_int_equal(f->agent->incidents_dropped, 0);
    free(incidents);
}

/* There is a bound: what is open is kept, of the others the newest, and ops are told that some are not. */
static void test_incidents_that_find_no_room_are_told_of(void **state)
{
    struct fixture *f = *state;
    struct incident *incidents = calloc(1000, sizeof *incidents);
    drive_lanes(f->agent);
    save_incidents(f, 1000);
    size_t told = 0;
    for (size_t i = 0; i < f->agent->event_count; i++)
        told += strstr(f->agent->events[i].text, "will be missing") != NULL;
    assert_int_equal(told, 1);
    const size_t count = saved_incidents(f, incidents, 1000);
    assert_int_equal(count, TRANSACTION_INCIDENTS_MAX);
    assert_int_equal(incidents[0].id, 1000);
    assert_int_equal(incidents[count - 2].id, 1000 - (int64_t)count + 2);
    assert_int_equal(incidents[count - 1].id, 1);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"incidents_dropped\": %zu", 1000 - count);
    assert_answer(f, "{\"request\": \"status\"}", wanted);
    free(incidents);
}

/* No data directory: sampling and telling go on, nothing is restarted, and the file is opened as soon as it
 * can. */
static void test_a_store_that_cannot_be_opened(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(rmdir(f->dir), 0);
    drive_lanes(f->agent);
    assert_true(did(f, "mail [storewatch] EX1"));
    leak(f);
    poll_often(f, 200);
    assert_true(did(f, "private bytes"));
    assert_false(did(f, "stop"));
    assert_int_equal(mkdir(f->dir, 0700), 0);
    poll_often(f, 60);
    assert_true(did(f, "stop MSExchangeIS"));
    assert_true(did(f, "start ArchiveSvc"));
    char *json = agent_status_json(f->agent);
    assert_non_null(strstr(json, "\"store_error\": null"));
    free(json);
}

#define KEPT_MAX 4

/* Those of the file, the newest first. Returns how many. */
static size_t read_incidents(const struct fixture *f, struct incident incidents[KEPT_MAX])
{
    char path[DRIVE_FOLDER_MAX + 16];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    struct store *store = NULL;
    size_t count = 0;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    assert_int_equal(store_get_incidents(store, false, incidents, KEPT_MAX, &count, NULL), STATUS_OK);
    store_close(store);
    return count;
}

/* The file cannot be opened at the start, and what has an incident in it gets another one. When it is opened
 * after all, that growth has one open incident, and nobody is told that it has ended. */
static void test_a_file_that_opens_late_leaves_one_incident_open(void **state)
{
    struct fixture *f = *state;
    char away[DRIVE_FOLDER_MAX + 8];
    snprintf(away, sizeof away, "%s.away", f->dir);
    die(f);
    f->config.mode = MODE_ALERT;
    live(f);
    leak_until_mailed(f);
    die(f);
    assert_int_equal(rename(f->dir, away), 0);
    live(f);
    poll_often(f, 100);
    const int64_t id = f->agent->engine->incidents[0].incident.id;
    assert_true(id > 1);
    assert_int_equal(rename(away, f->dir), 0);
    poll_often(f, 60);
    assert_false(f->agent->store_failing);
    struct incident incidents[KEPT_MAX];
    assert_int_equal(read_incidents(f, incidents), 2);
    assert_int_equal(incidents[0].id, id);
    assert_int_equal(incidents[0].state, INCIDENT_OPEN);
    assert_int_equal(incidents[1].state, INCIDENT_CLOSED);
    assert_non_null(strstr(incidents[1].reason, "goes on as incident"));
    assert_false(did(f, "has ended") || did(f, "recovered"));
}

/* What storewatch was in the middle of is in that file. Once it has been read in this life, that is known. */
static void test_a_store_that_cannot_be_read_is_told_with_what_it_may_hold(void **state)
{
    struct fixture *f = *state;
    for (int known = 0; known < 2; known++) {
        if (known)
            drive_lanes(f->agent);
        agent_tell_store_failing(f->agent, "the disk fails");
        struct job *job = agent_take_job(f->agent, LANE_EVENT);
        assert_non_null(job);
        const char *told = NULL;
        for (size_t i = 0; i < job->event_count; i++)
            if (job->events[i].kind == ALERT_STORE_FAILING)
                told = job->events[i].text;
        assert_non_null(told);
        assert_non_null(strstr(told, "the disk fails"));
        assert_int_equal(strstr(told, "See that all of them run.") != NULL, !known);
        job_run(job);
        agent_job_done(f->agent, job);
        f->agent->store_told = false;
    }
}

/* The next commit finds it. Lends the job, for what is left to close. */
static struct job *find_the_file_damaged(struct fixture *f)
{
    poll_once(f);
    drive_lane(f->agent, LANE_LOOK);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job);
    job->status = STATUS_CORRUPT;
    agent_job_done(f->agent, job);
    return job;
}

/* A file found damaged while in use is closed, set aside by the next opening, and the new one takes all that
 * is open. (SQLite works from its cache and its log: damage on the disk shows when it shows, so the finding
 * is put into the job here.) */
static void test_a_store_that_breaks_while_in_use(void **state)
{
    struct fixture *f = *state;
    leak_until_mailed(f);
    find_the_file_damaged(f);
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": \"");
    assert_int_equal(truncate(path, 5000), 0); /* within the pages: closing it cannot make it whole again */
    poll_often(f, 10);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
    struct incident incidents[KEPT_MAX];
    assert_int_equal(read_incidents(f, incidents), 1);
}

/* Damage where only the mails lie: commits succeed, and no mail would ever leave again. */
static void test_a_mail_that_cannot_be_read_back_is_damage(void **state)
{
    struct fixture *f = *state;
    leak_until_mailed(f);
    poll_often(f, 5);
    char path[128];
    sqlite3 *db = NULL;
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "UPDATE outbox SET kind = 'none', state = 'pending', plain = 'x'", NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    f->agent->mail_may_wait = true;
    poll_often(f, 40);
    assert_true(did(f, "was set aside"));
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
}

/* The volume went away and came back: no commit on the old handles will ever work again, the disk does. */
static void test_a_store_whose_handles_are_dead_is_opened_again(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    for (int64_t ms = 0;; ms += f->config.interval_ms) {
        poll_once(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        if (job->kind == JOB_REOPEN) {
            assert_true(ms >= MS_PER_MINUTE);
            job_run(job);
            agent_job_done(f->agent, job);
            break;
        }
        assert_true(ms <= 2 * MS_PER_MINUTE);
        job->status = STATUS_IO;
        agent_job_done(f->agent, job);
    }
    drive_lanes(f->agent);
    assert_answer(f, "{\"request\": \"status\"}", "\"store_error\": null");
}

/* A full disk is no reason: its oldest history has to go, and that is done on the handles there are. */
static void test_a_full_disk_is_not_opened_again(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    for (int64_t ms = 0; ms <= 5 * MS_PER_MINUTE; ms += f->config.interval_ms) {
        poll_once(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        assert_non_null(job);
        assert_int_equal(job->kind, JOB_COMMIT);
        job->status = STATUS_FULL;
        agent_job_done(f->agent, job);
    }
}

/* With an interval of an hour a hanging commit is found out all the same: a start may be waiting for it. */
static void test_a_commit_that_hangs_is_found_out_between_polls(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    poll_once(f);
    drive_lane(f->agent, LANE_LOOK);
    struct job *job = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(job);
    fake_advance(&f->os, 9 * MS_PER_SECOND);
    agent_wake(f->agent);
    assert_false(f->agent->store_failing);
    fake_advance(&f->os, 2 * MS_PER_SECOND);
    agent_wake(f->agent);
    assert_true(f->agent->store_failing);
    job_run(job);
    agent_job_done(f->agent, job);
}

/* What forbids a restart is not lost with the file, neither now nor in the next life. */
static void test_a_maintenance_outlives_a_damaged_file(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    const int64_t until_utc_ms = f->os.world.utc_ms + 4 * MS_PER_HOUR;
    assert_int_equal(agent_maintenance(f->agent, until_utc_ms, "patches", NULL), STATUS_OK);
    drive_lanes(f->agent);
    struct job *job = find_the_file_damaged(f);
    store_close(job->broken);
    job->broken = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    assert_int_equal(truncate(path, 5000), 0);
    for (int life = 0; life < 2; life++) {
        for (int i = 0; i < 10; i++) {
            poll_once(f);
            drive_lanes(f->agent);
        }
        assert_true(did(f, "was set aside"));
        assert_int_equal(f->agent->engine->maintenance_until_utc_ms, until_utc_ms);
        assert_string_equal(f->agent->maintenance_reason, "patches");
        live(f);
    }
}

/* Killed just after a damaged file was set aside: the next life tells it, and none after that one. */
static void test_a_file_set_aside_is_told_once(void **state)
{
    struct fixture *f = *state;
    drive_lanes(f->agent);
    char path[128];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    for (int life = 0; life < 4; life++) {
        die(f);
        if (life == 0)
            assert_int_equal(truncate(path, 5000), 0);
        live(f);
        assert_true(drive_lane(f->agent, LANE_LOOK)); /* opens it */
        if (life > 0)
            drive_lanes(f->agent);
        const char *mail = strstr(f->os.log_storage, "was set aside");
        assert_int_equal(mail != NULL, life > 0);
        assert_true(!mail || !strstr(mail + 1, "was set aside"));
        poll_once(f);
    }
}

/* A disk that spoils each file within seconds: what it does is told, and does not come to a file and a mail each few
 * seconds. */
static void test_files_are_set_aside_ten_minutes_apart(void **state)
{
    struct fixture *f = *state;
    char path[128];
    drive_lanes(f->agent);
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    const int64_t begun_ms = f->os.world.mono_ms;
    while (f->os.world.mono_ms - begun_ms < MS_PER_HOUR) {
        poll_once(f);
        drive_lane(f->agent, LANE_LOOK);
        struct job *job = agent_take_job(f->agent, LANE_STORE);
        if (job && job->kind == JOB_COMMIT) {
            job->status = STATUS_CORRUPT;
        } else if (job) {
            assert_int_equal(truncate(path, 5000), 0);
            job_run(job);
        }
        if (job)
            agent_job_done(f->agent, job);
        drive_lane(f->agent, LANE_EVENT);
        drive_lane(f->agent, LANE_MAIL);
    }
    assert_in_range(times_done(f, "was set aside"), 5, 7);
}

static size_t set_aside_count(const char *dir, const char *largest)
{
    struct file_entry files[64];
    size_t count = 0, found = 0;
    bool has_largest = false;
    os_file_list(NULL, dir, STORE_FILE_NAME ".bad-", files, ARRAY_COUNT(files), &count, NULL);
    for (size_t i = 0; i < count; i++) {
        found += own_files_is_aside(files[i].name);
        has_largest |= strcmp(files[i].name, largest) == 0;
    }
    assert_true(has_largest);
    return found;
}

/* A disk that spoils the file again and again: what is set aside does not fill it. Those with most in them stay,
 * and the one that is told of. */
static void test_what_is_set_aside_is_bounded(void **state)
{
    struct fixture *f = *state;
    char path[128], large[] = STORE_FILE_NAME ".bad-20200101T000000";
    drive_lanes(f->agent);
    snprintf(path, sizeof path, "%s/%s-wal", f->dir, large);
    write_file(path, "x");
    snprintf(path, sizeof path, "%s/%s.mine", f->dir, large); /* a person's copy */
    write_file(path, "x");
    snprintf(path, sizeof path, "%s/%s", f->dir, large);
    write_file(path, "x");
    assert_int_equal(truncate(path, 100 * 1000 * 1000), 0);
    snprintf(path, sizeof path, "%s/" STORE_FILE_NAME, f->dir);
    for (size_t life = 1; life < 12; life++) {
        die(f);
        assert_int_equal(truncate(path, 5000), 0);
        live(f);
        assert_true(drive_lane(f->agent, LANE_LOOK));
        const struct event_line *event = &f->agent->events[f->agent->event_count - 1];
        assert_int_equal(event->kind, ALERT_STORE_SET_ASIDE);
        const char *told = strstr(event->text, "The old file is kept as ");
        assert_non_null(told);
        told += strlen("The old file is kept as ");
        char kept[200];
        snprintf(kept, sizeof kept, "%.*s", (int)strcspn(told, " ") - 1, told);
        assert_int_equal(access(kept, F_OK), 0);
        const size_t others = life < ASIDE_KEPT_MAX ? life : ASIDE_KEPT_MAX;
        assert_int_equal(set_aside_count(f->dir, large), others + 1);
        assert_int_equal(strstr(told, "Of those set aside before, 1 was removed") != NULL,
                         life > ASIDE_KEPT_MAX);
        drive_lanes(f->agent);
    }
    snprintf(path, sizeof path, "%s/%s-wal", f->dir, large);
    assert_int_equal(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/%s.mine", f->dir, large);
    assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_acting, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_leaves_before_its_records_are_committed),
        TEST(test_repetitions_are_dropped_first),
        TEST(test_the_end_of_a_restart_is_saved_with_the_next),
        TEST(test_all_incidents_of_a_bad_time_are_saved),
        TEST(test_incidents_that_find_no_room_are_told_of),
        TEST(test_a_store_that_cannot_be_opened),
        TEST(test_a_file_that_opens_late_leaves_one_incident_open),
        TEST(test_a_store_that_cannot_be_read_is_told_with_what_it_may_hold),
        TEST(test_a_store_that_breaks_while_in_use),
        TEST(test_a_mail_that_cannot_be_read_back_is_damage),
        TEST(test_files_are_set_aside_ten_minutes_apart),
        TEST(test_a_store_whose_handles_are_dead_is_opened_again),
        TEST(test_a_full_disk_is_not_opened_again),
        TEST(test_a_commit_that_hangs_is_found_out_between_polls),
        TEST(test_a_file_set_aside_is_told_once),
        TEST(test_what_is_set_aside_is_bounded),
        TEST(test_a_maintenance_outlives_a_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_evidence.c - what is gathered before a restart: it comes before the first stop and after the journal,
 * holds what it says, keeps its bounds of number, disk and time, and never holds a restart up for longer than
 * it may wait. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct os os;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent *agent;
    bool hang; /* evidence is taken and never done */
    struct job *hung;
};

static void start(struct fixture *f)
{
    struct agent_options options = {.data_dir = f->dir};
    assert_int_equal(agent_new(&f->os, &f->config, &options, &f->agent, NULL), STATUS_OK);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    f->os.log_events = true;
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    struct fake_program *archive = fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    archive->dlls.count = 1;
    text_copy(archive->dlls.items[0].path, DLL_PATH_MAX, "C:\\Odd \"name\"\\Emsmdb32.dll");
    archive->dlls.items[0].loaded = (struct file_version){true, {6, 5, 7226, 0}};
    config_default(&f->config);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = MS_PER_HOUR;
    f->config.verify_ms = MS_PER_MINUTE;
    f->config.budget_max = 20;
    f->config.budget_min_interval_ms = 0;
    f->config.client_count = 1;
    f->config.clients[0] = (struct config_client){.name = "archive", .service = "ArchiveSvc"};
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    fake_deinit(&f->os);
    drive_folder_remove(f->dir);
    free(f);
    return 0;
}

static void pump(struct fixture *f)
{
    bool any = true;
    while (any) {
        any = false;
        for (size_t lane = 0; lane < LANE_COUNT; lane++) {
            struct job *job = agent_take_job(f->agent, (enum lane)lane);
            if (!job)
                continue;
            any = true;
            if (lane == LANE_EVIDENCE && f->hang) {
                f->hung = job;
                continue;
            }
            job_run(job);
            agent_job_done(f->agent, job);
        }
    }
}

/* In steps of a second, as a restart is followed. */
static void run_for(struct fixture *f, int64_t ms)
{
    int64_t next_ms = f->os.world.mono_ms;
    for (int64_t end_ms = next_ms + ms; f->os.world.mono_ms < end_ms;) {
        if (f->os.world.mono_ms >= next_ms) {
            next_ms += f->config.interval_ms;
            agent_poll(f->agent);
        } else {
            agent_wake(f->agent);
        }
        pump(f);
        fake_advance(&f->os, 1000);
    }
}

static void restart_by_hand(struct fixture *f)
{
    struct err err = {0};
    enum status status = agent_restart(f->agent, "ArchiveSvc", "a test", &err);
    if (status)
        fail_msg("%s", err.text);
    pump(f);
}

static bool did(const struct fixture *f, const char *words)
{
    return strstr(f->os.log_storage, words) != NULL;
}

/* In the story of the restart, which events and mails tell. */
static bool told(const struct fixture *f, const char *words)
{
    bool found = false;
    for (size_t i = 0; i < RECENT_EVENTS_MAX; i++)
        found |= strstr(f->agent->recent[i].text, words) != NULL;
    return found;
}

/* The folder is this fixture's. */
static bool told_where(const struct fixture *f)
{
    char words[DRIVE_FOLDER_MAX + 32];
    snprintf(words, sizeof words, "evidence is in %s/", f->dir);
    return told(f, words);
}

static bool holds(const struct fixture *f, const char *path_end, const char *words)
{
    const struct fake_file *file = fake_file_find(&f->os, path_end);
    return file && file->bytes.data && strstr(file->bytes.data, words);
}

static void test_the_bundle(void **state)
{
    struct fixture *f = *state;
    run_for(f, 10 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc"));
    assert_true(did(f, "start ArchiveSvc"));
    uint32_t pid = 0;
    assert_true(told_where(f));
    const struct fake_file *summary = fake_file_find(&f->os, "-restart-1/summary.txt");
    assert_non_null(summary);
    assert_non_null(strstr(summary->path, "/evidence/"));
    assert_true(holds(f, "/summary.txt", "evidence before restart 1 of ArchiveSvc on EX1"));
    assert_true(holds(f, "/summary.txt", "why: a test\nrung: by hand\n"));
    assert_non_null(strstr(summary->bytes.data, "stop 1 of 1: ArchiveSvc, pid "));
    sscanf(strstr(summary->bytes.data, "ArchiveSvc, pid "), "ArchiveSvc, pid %u", &pid);
    assert_true(holds(f, "/summary.txt", "private bytes")); /* every verdict */
    assert_true(holds(f, "/summary.txt", "everything was gathered"));
    char *status = agent_status_json(f->agent), where[DRIVE_FOLDER_MAX + 48];
    snprintf(where, sizeof where, "\"evidence\": \"evidence is in %s/", f->dir);
    assert_non_null(strstr(status, where));
    free(status);
    char name[64];
    snprintf(name, sizeof name, "/modules-%u.csv", pid);
    assert_true(
        holds(f, name, "base,version,path\n0x400000,6.5.7226.0,\"C:\\Odd \"\"name\"\"\\Emsmdb32.dll\"\n"));
    snprintf(name, sizeof name, "/handles-%u.csv", pid);
    assert_true(holds(f, name, "type,number,count\n\"Key\",19,300\n\"unknown\",7,7\n\"total\",,307\n"));
    assert_true(holds(f, "/samples.csv", "timestamp,target,image,pid,metric,low,mean,high"));
    assert_true(holds(f, "/samples.csv", ",\"archive\",\"archive.exe\","));
    assert_true(holds(f, "/samples.csv", ",\"MSExchangeIS\",\"store.exe\","));
    assert_int_equal(f->os.dumps, 0); /* none is configured */
}

static void test_only_the_last_day_of_samples(void **state)
{
    struct fixture *f = *state;
    f->config.interval_ms = 5 * MS_PER_MINUTE;
    agent_free(f->agent);
    start(f);
    for (int i = 0; i < 30 * 12; i++) { /* 30 hours */
        agent_poll(f->agent);
        pump(f);
        fake_advance(&f->os, f->config.interval_ms);
    }
    restart_by_hand(f);
    const struct fake_file *samples = fake_file_find(&f->os, "/samples.csv");
    assert_non_null(samples);
    unsigned rows = 0;
    for (const char *at = samples->bytes.data; (at = strstr(at, "\"archive\"")); at++)
        rows += strstr(at, "\"private bytes\"") && strcspn(at, "\n") > (size_t)(strstr(at, "\"private") - at);
    assert_in_range(rows, 24 * 12 - 2, 24 * 12 + 2);
}

static void test_a_dump_of_the_process_that_is_stopped(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_kind = DUMP_FULL;
    f->os.dump_cost_ms = 90 * MS_PER_SECOND;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->os.dumps, 1);
    assert_true(holds(f, ".dmp", "full"));
    assert_non_null(strstr(fake_file_find(&f->os, ".dmp")->path, "/archive.exe-"));
    assert_true(did(f, "stop ArchiveSvc"));
}

/* What fails is said, in the event and in the mail; the restart goes on. */
static void test_what_could_not_be_gathered_is_said(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_kind = DUMP_MINI;
    fake_program_find(&f->os, "ArchiveSvc")->closed = true;
    f->os.dump_cost_ms = 10 * MS_PER_MINUTE;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 5 * MS_PER_MINUTE);
    assert_true(did(f, "stop ArchiveSvc"));
    assert_true(holds(f, "/summary.txt", "not gathered: modules of archive.exe: process"));
    assert_true(holds(f, "/summary.txt", "; dump: it was not done in time"));
    assert_true(told(f, "not gathered: modules of archive.exe"));
    assert_null(fake_file_find(&f->os, ".dmp"));
    bool in_story = false; /* which the mails hold */
    for (size_t i = 0; i < f->agent->engine->story_count; i++)
        in_story |= strstr(f->agent->engine->story[i], "not gathered: modules") != NULL;
    assert_true(in_story);
}

static void test_no_evidence_at_all_holds_nothing_up(void **state)
{
    struct fixture *f = *state;
    f->os.evidence = EVIDENCE_FAILS;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 30 * MS_PER_SECOND);
    assert_true(told(f, "no evidence: access denied"));
    assert_true(did(f, "start ArchiveSvc"));
}

static void test_no_dump_on_a_cluster_node(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_kind = DUMP_FULL;
    f->agent->engine->config.act_on_cluster = true;
    f->os.cluster = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, MS_PER_MINUTE);
    assert_int_equal(f->os.dumps, 0);
    assert_true(told(f, "not gathered: dump: refused on a cluster node"));
    assert_true(holds(f, "/summary.txt", "not gathered: dump"));
    assert_true(did(f, "stop ArchiveSvc"));
}

static void test_so_many_are_kept(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_keep = 2;
    text_copy(f->os.folders[f->os.folder_count++], 300, "/elsewhere");
    run_for(f, 2 * MS_PER_MINUTE);
    for (int i = 0; i < 4; i++) {
        restart_by_hand(f);
        run_for(f, 3 * MS_PER_MINUTE);
    }
    assert_null(fake_file_find(&f->os, "-restart-1/summary.txt"));
    assert_null(fake_file_find(&f->os, "-restart-2/summary.txt"));
    assert_non_null(fake_file_find(&f->os, "-restart-3/summary.txt"));
    assert_non_null(fake_file_find(&f->os, "-restart-4/summary.txt"));
    f->os.unremovable = "-restart-3"; /* a person looks at it just now */
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_non_null(fake_file_find(&f->os, "-restart-3/summary.txt"));
    assert_non_null(fake_file_find(&f->os, "-restart-5/summary.txt"));
    assert_true(told(f, "not gathered: the removal of old evidence: "));
}

/* A folder that somebody else has put there is left alone. */
static void test_only_our_own_are_removed(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_keep = 1;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    char kept[300];
    snprintf(kept, sizeof kept, "%s/evidence/for the vendor", f->dir);
    text_copy(f->os.folders[f->os.folder_count++], 300, kept);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_null(fake_file_find(&f->os, "-restart-1/summary.txt"));
    assert_string_equal(f->os.folders[1], kept);
}

/* The clock was years ahead and has been put right: what was gathered since is not the oldest. */
static void test_those_of_the_future_are_removed_first(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_keep = 2;
    for (int i = 1; i <= 2; i++)
        snprintf(f->os.folders[f->os.folder_count++], sizeof f->os.folders[0],
                 "%s/evidence/20991231T23595%dZ-restart-1", f->dir, i);
    run_for(f, 2 * MS_PER_MINUTE);
    for (int i = 0; i < 2; i++) {
        restart_by_hand(f);
        run_for(f, 3 * MS_PER_MINUTE);
    }
    assert_non_null(fake_file_find(&f->os, "-restart-1/summary.txt"));
    assert_non_null(fake_file_find(&f->os, "-restart-2/summary.txt"));
    for (size_t i = 0; i < f->os.folder_count; i++)
        assert_null(strstr(f->os.folders[i], "20991231"));
}

static void test_a_summary_without_its_end_is_evidence(void **state)
{
    struct fixture *f = *state;
    run_for(f, 2 * MS_PER_HOUR);
    f->os.disk_free_bytes = 256 * MIB + 70 * 1024; /* the samples take more */
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_true(told_where(f));
    assert_true(told(f, "not gathered: the end of summary.txt: only 2"));
    assert_false(told(f, "no evidence"));
    assert_true(holds(f, "-restart-1/summary.txt", "why: a test"));
    assert_true(holds(f, "-restart-1/summary.txt", "\nthe gathering goes on; where this line stays "));
    assert_false(holds(f, "-restart-1/summary.txt", "everything was gathered"));
    assert_non_null(fake_file_find(&f->os, "-restart-1/samples.csv"));
}

static void test_it_never_fills_the_disk(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.dump_kind = DUMP_FULL;
    f->os.disk_free_bytes = 10 * GIB + 30 * MIB; /* min_free and less than the dump */
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_true(told(f, "not gathered: dump: not enough disk space"));
    assert_non_null(fake_file_find(&f->os, "-restart-1/samples.csv"));
    f->os.disk_free_bytes = 255 * MIB; /* the history needs that */
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_null(fake_file_find(&f->os, "-restart-2/summary.txt"));
    assert_true(told(f, "no evidence: only 255 MiB are free on the disk of "));
    f->os.disk_free_bytes = 256.3 * MIB; /* it becomes less while the samples are written */
    run_for(f, MS_PER_HOUR);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_true(f->os.disk_free_bytes > 0);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
}

static void test_one_that_hangs_is_waited_for_so_long(void **state)
{
    struct fixture *f = *state;
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    assert_non_null(f->hung);
    run_for(f, 20 * MS_PER_SECOND);
    assert_false(did(f, "stop ArchiveSvc"));
    char *status = agent_status_json(f->agent);
    assert_non_null(strstr(status, "evidence is gathered before the first stop"));
    free(status);
    run_for(f, 20 * MS_PER_SECOND);
    assert_true(told(f, "the evidence took too long"));
    assert_true(did(f, "stop ArchiveSvc"));
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
    /* It comes in the end: nothing is made of it, and the lane is free for the next. */
    size_t story = f->agent->engine->story_count;
    job_run(f->hung);
    agent_job_done(f->agent, f->hung);
    assert_int_equal(f->agent->engine->story_count, story);
    f->hang = false;
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_non_null(fake_file_find(&f->os, "-restart-2/summary.txt"));
}

/* What the world has become meanwhile counts, not what it was when the plan was made. */
static void test_the_preflight_goes_on_meanwhile(void **state)
{
    struct fixture *f = *state;
    fake_add_program(&f->os, "eseutil.exe", 1e7, false);
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 5 * MS_PER_SECOND);
    fake_program_run(&f->os, fake_program_find(&f->os, "eseutil.exe"), true);
    run_for(f, 5 * MS_PER_SECOND);
    assert_true(did(f, "RESTART_ABANDONED"));
    assert_false(engine_restarting(f->agent->engine));
    assert_int_equal(f->agent->engine->out.kind, ENGINE_NOTHING);
    job_run(f->hung);
    agent_job_done(f->agent, f->hung);
    run_for(f, MS_PER_MINUTE);
    assert_false(did(f, "stop ArchiveSvc"));
}

/* The lane is held by what hangs still when the next restart is called off: a person may restart all the
 * same. */
static void test_what_is_waited_for_no_more_is_in_nobody_s_way(void **state)
{
    struct fixture *f = *state;
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
    restart_by_hand(f);
    run_for(f, 5 * MS_PER_SECOND);
    const int64_t utc_ms = f->os.world.utc_ms;
    assert_int_equal(agent_maintenance(f->agent, utc_ms + MS_PER_MINUTE, "new disks", NULL), STATUS_OK);
    run_for(f, 5 * MS_PER_SECOND);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.id, 3);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
    job_run(f->hung);
    agent_job_done(f->agent, f->hung);
}

/* What was gathered for the restart before is no evidence of this one: that waits for its own. */
static void test_an_answer_that_is_late_is_not_of_the_next_restart(void **state)
{
    struct fixture *f = *state;
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
    restart_by_hand(f);
    run_for(f, 5 * MS_PER_SECOND);
    assert_int_equal(f->agent->engine->evidence, EVIDENCE_ASKED);
    const size_t story = f->agent->engine->story_count;
    struct job *late = f->hung;
    job_run(late);
    agent_job_done(f->agent, late);
    assert_int_equal(f->agent->engine->evidence, EVIDENCE_ASKED);
    assert_int_equal(f->agent->engine->story_count, story);
}

/* A machine that is short of memory cannot be read at each look. That calls nothing off, and nothing is stopped
 * unseen; only when no look sees it any more, it does. */
static void test_a_look_that_fails_meanwhile(void **state)
{
    struct fixture *f = *state;
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    for (int i = 0; i < 18; i++) {
        bool *unreadable = i % 2 ? &f->os.world.processes_unreadable : &f->os.world.services_unreadable;
        *unreadable = i % 4 >= 2 || i >= 14;
        run_for(f, 2 * MS_PER_SECOND);
        *unreadable = i >= 14;
    }
    assert_false(did(f, "stop ArchiveSvc"));
    assert_false(did(f, "RESTART_ABANDONED"));
    assert_non_null(strstr(f->agent->engine->restart.waiting_for, "cannot be read"));
    f->os.world.processes_unreadable = f->os.world.services_unreadable = false;
    run_for(f, 10 * MS_PER_SECOND);
    assert_true(did(f, "stop ArchiveSvc"));
    run_for(f, 3 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
    job_run(f->hung);
    agent_job_done(f->agent, f->hung);
    restart_by_hand(f);
    f->os.world.processes_unreadable = true;
    run_for(f, 2 * MS_PER_MINUTE);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    job_run(f->hung);
    agent_job_done(f->agent, f->hung);
}

/* Killed while it is gathered: the next start goes on with the restart, without evidence. */
static void test_a_kill_meanwhile(void **state)
{
    struct fixture *f = *state;
    f->hang = true;
    run_for(f, 2 * MS_PER_MINUTE);
    restart_by_hand(f);
    assert_non_null(f->hung);
    agent_free(f->agent);
    f->hung = NULL;
    start(f);
    run_for(f, 3 * MS_PER_MINUTE);
    assert_null(f->hung);
    assert_true(did(f, "stop ArchiveSvc"));
    assert_true(did(f, "start ArchiveSvc"));
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_SUCCEEDED);
}

static void test_how_long_a_restart_may_wait(void **state)
{
    (void)state;
    struct config config;
    config_default(&config);
    config.window_count = 0;
    struct clock clock = {.utc_ms = INT64_C(1763781245000), .weekday = 2, .minute_of_day = 3 * 60};
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 30 * 1000);
    config.dump_kind = DUMP_FULL;
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 150 * 1000);
    /* At most half of what is left. */
    assert_int_equal(engine_evidence_budget_ms(&config, clock, clock.utc_ms + 100 * 1000), 50 * 1000);
    assert_int_equal(engine_evidence_budget_ms(&config, clock, clock.utc_ms + 9 * 1000), 0);
    assert_int_equal(engine_evidence_budget_ms(&config, clock, clock.utc_ms - 1), 0);
    /* Never past the end of the window that is open. */
    config.window_count = 1;
    config.windows[0] = (struct config_window){.days = 0x7F, .from_minute = 60, .to_minute = 300};
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 150 * 1000);
    clock.minute_of_day = 298;
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 60 * 1000);
    clock.minute_of_day = 299;
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 0);
    /* Outside it is urgent, or a person asked. */
    clock.minute_of_day = 600;
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 150 * 1000);
    clock.weekday = 6;
    clock.minute_of_day = 1439; /* over midnight and the week's end */
    config.windows[0] = (struct config_window){.days = 0x7F, .from_minute = 1380, .to_minute = 60};
    assert_int_equal(engine_evidence_budget_ms(&config, clock, INT64_MAX), 150 * 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_bundle),
        TEST(test_only_the_last_day_of_samples),
        TEST(test_a_dump_of_the_process_that_is_stopped),
        TEST(test_what_could_not_be_gathered_is_said),
        TEST(test_no_evidence_at_all_holds_nothing_up),
        TEST(test_no_dump_on_a_cluster_node),
        TEST(test_so_many_are_kept),
        TEST(test_only_our_own_are_removed),
        TEST(test_those_of_the_future_are_removed_first),
        TEST(test_a_summary_without_its_end_is_evidence),
        TEST(test_it_never_fills_the_disk),
        TEST(test_one_that_hangs_is_waited_for_so_long),
        TEST(test_an_answer_that_is_late_is_not_of_the_next_restart),
        TEST(test_a_look_that_fails_meanwhile),
        TEST(test_what_is_waited_for_no_more_is_in_nobody_s_way),
        TEST(test_the_preflight_goes_on_meanwhile),
        TEST(test_a_kill_meanwhile),
        cmocka_unit_test(test_how_long_a_restart_may_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_tellings.c - what is told while a restart is held back, is under way or has ended, and what the reader
 * is asked to do: through the agent, on a simulated Windows. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"
#include "storewatch/report.h"

#include "../../src/app/agent_internal.h"
#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct os os;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent *agent;
    struct alert told[ALERT_KIND_COUNT]; /* the latest of each kind */
    struct text services;                /* "KIND SERVICE\n" of what was told of a restart, in order */
    char services_storage[1024];
};

/* The store and a client; what grows, and what needs the store, is up to the test. */
static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    config_default(&f->config);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 10 * MS_PER_MINUTE;
    f->config.reminder_ms = 30 * MS_PER_MINUTE;
    f->config.verify_ms = MS_PER_MINUTE;
    f->config.ladder_count = 3;
    f->config.ladder[1] = RUNG_RESTART_CLIENT;
    f->config.ladder[2] = RUNG_RESTART_STORE;
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "archive");
    text_copy(f->config.clients[0].service, sizeof f->config.clients[0].service, "ArchiveSvc");
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    const struct agent_options options = {.data_dir = f->dir};
    assert_int_equal(agent_new(&f->os, &f->config, &options, &f->agent, NULL), STATUS_OK);
    f->services = text_on(f->services_storage, sizeof f->services_storage);
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

static void collect(struct fixture *f)
{
    const struct actions *actions = f->agent->actions;
    for (size_t i = 0; i < actions->alert_count; i++) {
        const struct alert *alert = &actions->alerts[i];
        struct alert *told = &f->told[alert->kind];
        if (strcmp(told->key, alert->key) == 0 || alert->kind == ALERT_RESTART_PROGRESS)
            continue; /* still the actions of the same step */
        *told = *alert;
        text_add(&f->services, "%s %s\n", alert_wording_get(alert->kind)->name, alert->service);
    }
}

static void drive(struct fixture *f)
{
    bool any = true;
    while (any) {
        any = false;
        for (size_t lane = 0; lane < LANE_COUNT; lane++) {
            if (lane == LANE_EVIDENCE && f->os.evidence == EVIDENCE_HANGS)
                continue;
            any |= drive_lane(f->agent, (enum lane)lane);
            collect(f);
        }
    }
}

/* In a restart storewatch looks every second. */
static void run(struct fixture *f, int64_t ms)
{
    const int64_t end_ms = f->os.world.mono_ms + ms;
    while (f->os.world.mono_ms < end_ms) {
        for (int second = 0; second < 15; second++) {
            fake_advance(&f->os, MS_PER_SECOND);
            agent_wake(f->agent);
            drive(f);
        }
        agent_poll(f->agent);
        drive(f);
    }
}

/* While no restart goes on there is nothing between the polls. */
static void run_polls(struct fixture *f, int64_t ms)
{
    const int64_t end_ms = f->os.world.mono_ms + ms;
    while (f->os.world.mono_ms < end_ms) {
        fake_advance(&f->os, 15 * MS_PER_SECOND);
        agent_poll(f->agent);
        drive(f);
    }
}

static bool is_told(const struct fixture *f, enum alert_kind kind)
{
    return f->told[kind].key[0] != '\0';
}

static size_t count_told(const struct fixture *f, const char *kind)
{
    size_t count = 0;
    for (const char *at = f->services_storage; (at = strstr(at, kind)) != NULL; at++)
        count++;
    return count;
}

static const struct alert *run_until_told(struct fixture *f, enum alert_kind kind)
{
    for (int poll = 0; poll < 5 * 60 * 4 && !is_told(f, kind); poll++)
        run(f, 15 * MS_PER_SECOND);
    assert_true(is_told(f, kind));
    return &f->told[kind];
}

static void leak(struct fixture *f, const char *service, double bytes_per_hour)
{
    struct fake_program *program = fake_program_find(&f->os, service);
    fake_grow(&f->os, program, FAKE_LEAK);
    program->bytes_per_hour = bytes_per_hour;
}

/* A service that needs the store and refuses so many starts. */
static void add_dependent(struct fixture *f, const char *service, uint32_t refuse_start_count)
{
    char image[PROCESS_IMAGE_MAX];
    struct text text = text_on(image, sizeof image);
    text_add(&text, "%s.exe", service);
    fake_add_service(&f->os, service, image, 5e7);
    world_need(&f->os.world, service, "MSExchangeIS");
    world_get(&f->os.world, service)->refuse_start_code = 1069;
    world_get(&f->os.world, service)->refuse_start_count = refuse_start_count;
}

static bool says(const char lines[][ALERT_LINE_MAX], size_t count, const char *words)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(lines[i], words))
            return true;
    return false;
}

static void assert_done(const struct alert *alert, const char *words)
{
    assert_true(says(alert->done, alert->done_count, words));
}

static void assert_todo(const struct alert *alert, const char *words)
{
    assert_true(says(alert->todo, alert->todo_count, words));
}

/* ---- what cannot be begun ---- */

/* A dependent hangs in a stop of somebody else's: no plan can be made, for however long. What is said then is
 * what to do by hand. */
static void test_what_cannot_be_planned_is_not_announced(void **state)
{
    struct fixture *f = *state;
    add_dependent(f, "LME-NOTES", 0);
    world_get(&f->os.world, "LME-NOTES")->hangs_in_stop = true;
    (void)world_stop(&f->os.world, "LME-NOTES");
    leak(f, "MSExchangeIS", 1e9);
    run_until_told(f, ALERT_RESTART_HELD);
    const struct alert *alert = run_until_told(f, ALERT_REMINDER);
    assert_done(alert, "storewatch restarts nothing now: plan: ");
    assert_done(alert, "LME-NOTES");
    assert_todo(alert, "Restart MSExchangeIS");
}

/* ---- an end that comes nearer ---- */

/* A slow leak was told with weeks to go, and the next reminder is a day off. When it turns fast the new end is
 * told soon, and once. */
static void test_an_end_far_sooner_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.mode = MODE_ALERT;
    f->agent->engine->config.reminder_ms = MS_PER_DAY;
    f->os.host.commit_limit_bytes = 4e10;
    leak(f, "MSExchangeIS", 6e7);
    run_until_told(f, ALERT_OPENED);
    run_polls(f, 10 * MS_PER_HOUR);
    assert_false(is_told(f, ALERT_REMINDER));
    struct fake_program *program = fake_program_find(&f->os, "MSExchangeIS");
    program->base_bytes +=
        program->bytes_per_hour * (double)(f->os.world.mono_ms - program->grows_from_mono_ms) / MS_PER_HOUR;
    leak(f, "MSExchangeIS", 2e9);
    run_polls(f, 2 * MS_PER_HOUR);
    assert_true(is_told(f, ALERT_REMINDER));
    const struct alert *told = &f->told[ALERT_REMINDER];
    assert_true(told->incident.exhaustion_utc_ms - told->utc_ms < 24 * MS_PER_HOUR);
    assert_int_equal(count_told(f, "REMINDER"), 1);
}

/* The store's growth is told, goes on for a day, and stops. */
static const struct open_incident *leak_that_stops(struct fixture *f)
{
    f->agent->engine->config.mode = MODE_ALERT;
    f->os.host.commit_limit_bytes = 4e10;
    leak(f, "MSExchangeIS", 3e8);
    run_until_told(f, ALERT_OPENED);
    run_polls(f, 28 * MS_PER_HOUR);
    fake_halt(&f->os, fake_program_find(&f->os, "MSExchangeIS"));
    return &f->agent->engine->incidents[0];
}

/* A leak that paused was told with no end; when it goes on, that it has one again is told soon. */
static void test_an_end_after_none_is_told_at_once(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.reminder_ms = 8 * MS_PER_HOUR;
    const struct open_incident *open = leak_that_stops(f);
    for (int hour = 0; hour < 12 && open->told_end_mono_ms != INT64_MAX; hour++)
        run_polls(f, MS_PER_HOUR);
    assert_true(open->told_end_mono_ms == INT64_MAX);
    const unsigned told_count = open->incident.told_count;
    leak(f, "MSExchangeIS", 3e8);
    run_polls(f, 4 * MS_PER_HOUR);
    assert_int_equal(open->incident.told_count, told_count + 1);
    assert_true(open->told_end_mono_ms - f->os.world.mono_ms < 7 * MS_PER_DAY);
}

/* That it hardly grows any more is told once: there is nothing to remind of, until it goes on. */
static void test_a_pause_is_told_once(void **state)
{
    struct fixture *f = *state;
    const struct open_incident *open = leak_that_stops(f);
    for (int hour = 0; hour < 6 && !open->pause_told; hour++)
        run_polls(f, MS_PER_HOUR);
    assert_true(open->pause_told);
    assert_int_equal(f->told[ALERT_REMINDER].todo_count, 1); /* no restart is asked for by a date */
    assert_todo(&f->told[ALERT_REMINDER], "Nothing at once.");
    const unsigned told_count = open->incident.told_count;
    run_polls(f, 4 * MS_PER_HOUR);
    assert_int_equal(open->incident.told_count, told_count);
    leak(f, "MSExchangeIS", 3e9); /* 10 h from the end */
    run_polls(f, 5 * MS_PER_HOUR);
    assert_in_range(open->incident.told_count, told_count + 5, told_count + 10);
}

/* The end that was told passes while the service takes its time to stop: that is no news at each look. */
static void test_an_end_that_has_passed_is_not_told_again_and_again(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.reminder_ms = MS_PER_DAY;
    f->os.host.commit_limit_bytes = 3e9;
    world_get(&f->os.world, "ArchiveSvc")->stop_latency_ms = 19 * MS_PER_MINUTE;
    leak(f, "ArchiveSvc", 2e9);
    run_until_told(f, ALERT_RESTART_BEGUN);
    run(f, 18 * MS_PER_MINUTE);
    const struct incident *incident = &f->told[ALERT_OPENED].incident;
    assert_true(incident->exhaustion_utc_ms < f->os.world.utc_ms);
    assert_true(count_told(f, "REMINDER") + count_told(f, "ESCALATED") <= 1);
}

/* What is at hand comes still sooner, as two leaks share what is left: nobody can use a mail of that. */
static void test_what_is_at_hand_is_not_told_again_as_sooner(void **state)
{
    struct fixture *f = *state;
    f->config.mode = MODE_ALERT;
    f->config.reminder_ms = 4 * MS_PER_HOUR;
    f->config.limit_private_bytes = 1.5e9;
    engine_configure(f->agent->engine, &f->config);
    leak(f, "ArchiveSvc", 4e8);
    run_until_told(f, ALERT_ESCALATED);
    struct open_incident *open = &f->agent->engine->incidents[0];
    const unsigned told_count = open->incident.told_count;
    open->told_end_mono_ms = f->os.world.mono_ms + 9 * MS_PER_MINUTE; /* as a mail just said */
    f->config.limit_private_bytes = open->incident.level_now + 1e7;
    engine_configure(f->agent->engine, &f->config);
    run_polls(f, 5 * MS_PER_MINUTE);
    assert_int_equal(open->incident.told_count, told_count);
}

/* ---- what cannot be read ---- */

static void assert_mail_says(const struct alert *alert, const char *subject, const char *words)
{
    struct mail mail = {0};
    assert_int_equal(report_mail(alert, "", &mail), STATUS_OK);
    assert_non_null(strstr(mail.subject, subject));
    assert_non_null(strstr(mail.plain, words));
    mail_deinit(&mail);
}

/* While the counters cannot be read nobody sees it grow: its reminders say of when their numbers are. */
static void test_what_cannot_be_read_is_not_said_to_grow_now(void **state)
{
    struct fixture *f = *state;
    f->config.mode = MODE_ALERT;
    f->config.limit_private_bytes = 1.8e9; /* near enough for a reminder each half hour */
    engine_configure(f->agent->engine, &f->config);
    leak(f, "ArchiveSvc", 3e8);
    run_until_told(f, ALERT_OPENED);
    run_polls(f, MS_PER_HOUR);
    assert_mail_says(&f->told[ALERT_REMINDER], "still growing: ", "archive.exe on EX1 still grows: ");
    const int64_t read_utc_ms = f->os.world.utc_ms;
    f->os.world.processes_unreadable = true;
    run_polls(f, MS_PER_HOUR);
    const struct alert *alert = &f->told[ALERT_REMINDER];
    assert_int_equal(alert->read_utc_ms, read_utc_ms);
    assert_mail_says(alert, "last seen growing: ", "B when it was last read, ");
    f->os.world.processes_unreadable = false;
    run_polls(f, MS_PER_HOUR);
    assert_int_equal(alert->read_utc_ms, 0);
}

/* ---- who comes first ---- */

/* A leaking client is restarted before the store, and for the store's sake when that is near its end: the mail about
 * the store says so, and not what kept the client waiting until then. */
static void test_the_store_s_mail_says_that_the_client_is_restarted(void **state)
{
    struct fixture *f = *state;
    struct config *config = &f->agent->engine->config;
    f->os.host.commit_limit_bytes = 2e10;
    config->limit_private_bytes = 6e9;
    config->window_count = 1; /* none opens in days */
    config->windows[0] = (struct config_window){
        .days = (uint8_t)(1u << (f->os.weekday + 4) % 7), .from_minute = 60, .to_minute = 300};
    leak(f, "ArchiveSvc", 5e7);
    run_until_told(f, ALERT_OPENED);
    leak(f, "MSExchangeIS", 6e8);
    const struct alert *alert = &f->told[ALERT_ESCALATED];
    for (int poll = 0; poll < 24 * 60 * 4 && !is_told(f, ALERT_ESCALATED); poll++)
        run_polls(f, 15 * MS_PER_SECOND);
    assert_int_equal(alert->incident.target_kind, TARGET_STORE);
    assert_true(is_told(f, ALERT_RESTART_BEGUN));
    assert_string_equal(f->told[ALERT_RESTART_BEGUN].service, "ArchiveSvc");
    assert_done(alert, "storewatch restarts ArchiveSvc now (rung \"restart_client\").");
    assert_false(says(alert->done, alert->done_count, "restarts nothing now"));
    assert_todo(alert, "Nothing at once: storewatch acts.");
}

/* ---- an end that has just come ---- */

/* What grew for hours is given back at once, and the level of the verdict comes after that. Until the end is
 * seen nobody is told that it grows on, nothing is restarted for it, and then the level is the one of now. */
static void test_what_was_given_back_grows_no_more(void **state)
{
    struct fixture *f = *state;
    struct config *config = &f->agent->engine->config;
    config->mode = MODE_ALERT;
    leak(f, "ArchiveSvc", 3e8);
    run_until_told(f, ALERT_OPENED);
    run_polls(f, 20 * MS_PER_HOUR);
    fake_grow(&f->os, fake_program_find(&f->os, "ArchiveSvc"), FAKE_FLAT);
    const size_t reminders = count_told(f, "REMINDER");
    config->reminder_ms = 5 * MS_PER_MINUTE;
    config->mode = MODE_ACT;
    for (int poll = 0; poll < 2 * 60 * 4 && !is_told(f, ALERT_RECOVERED); poll++)
        run_polls(f, 15 * MS_PER_SECOND);
    assert_int_equal(count_told(f, "REMINDER"), reminders);
    assert_false(is_told(f, ALERT_RESTART_BEGUN));
    assert_true(is_told(f, ALERT_RECOVERED));
    assert_done(&f->told[ALERT_RECOVERED], "it has fallen back");
    assert_true(f->told[ALERT_RECOVERED].incident.level_now < 1.6e8);
}

/* A growth that stops of its own holds what it took: that is no reason to do nothing about it. */
static void test_what_stopped_by_itself_may_grow_again(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.mode = MODE_ALERT;
    leak(f, "ArchiveSvc", 3e8);
    run_until_told(f, ALERT_OPENED);
    run_polls(f, 4 * MS_PER_HOUR);
    fake_halt(&f->os, fake_program_find(&f->os, "ArchiveSvc"));
    for (int hour = 0; hour < 24 && !is_told(f, ALERT_RECOVERED); hour++)
        run_polls(f, MS_PER_HOUR);
    assert_true(is_told(f, ALERT_RECOVERED));
    assert_todo(&f->told[ALERT_RECOVERED],
                "Nothing at once. What it took it still has, and it may grow again");
    assert_todo(&f->told[ALERT_RECOVERED], "Emsmdb32.dll");
}

/* ---- where a restart does harm ---- */

static void test_a_cluster_has_its_own_way(void **state)
{
    struct fixture *f = *state;
    f->os.cluster = true;
    leak(f, "MSExchangeIS", 1e9);
    const struct alert *alert = run_until_told(f, ALERT_OPENED);
    assert_todo(alert, "Take the cluster's resource of MSExchangeIS offline and online again");
    assert_todo(alert, "Cluster Administrator");
    assert_false(says(alert->todo, alert->todo_count, "Restart MSExchangeIS"));
}

/* Its group has moved: it is stopped here, and who starts it here by hand does harm. */
static void test_what_a_cluster_moved_is_not_to_be_started_here(void **state)
{
    struct fixture *f = *state;
    f->os.cluster = true;
    leak(f, "MSExchangeIS", 1e9);
    run_until_told(f, ALERT_OPENED);
    world_person_stops(&f->os.world, "MSExchangeIS");
    const struct alert *alert = run_until_told(f, ALERT_ENDED);
    assert_done(alert, "or the cluster moved its group");
    assert_todo(alert, "See whether its group is online on another node");
    assert_false(says(alert->todo, alert->todo_count, "services.msc"));
    assert_mail_says(alert, "URGENT: store.exe has ended, MSExchangeIS is STOPPED on this node",
                     "STOPPED on this node.");
}

static void test_a_backup_comes_first(void **state)
{
    struct fixture *f = *state;
    fake_add_program(&f->os, "eseutil.exe", 2e7, true);
    leak(f, "MSExchangeIS", 1e9);
    const struct alert *alert = run_until_told(f, ALERT_OPENED);
    assert_todo(alert, "When eseutil.exe has ended, restart MSExchangeIS");
    assert_false(says(alert->todo, alert->todo_count, "Restart MSExchangeIS"));
    /* which storewatch is about to do, too: two at a time would do harm */
    assert_todo(alert, "storewatch does that itself then, unless something else holds it back: look at "
                       "\"storewatch status\"");
}

/* ---- which service ---- */

static void test_what_was_down_runs_again(void **state)
{
    struct fixture *f = *state;
    add_dependent(f, "LME-NOTES", 5);
    leak(f, "MSExchangeIS", 1e9);
    assert_string_equal(run_until_told(f, ALERT_SERVICE_DOWN)->service, "LME-NOTES");
    assert_string_equal(run_until_told(f, ALERT_SERVICE_UP_AGAIN)->service, "LME-NOTES");
}

/* LME-NOTES refuses every start, FaxSvc so many; both are told down, and a person takes the first one over. */
static void take_one_of_two_over(struct fixture *f, uint32_t refused_starts_of_fax)
{
    add_dependent(f, "LME-NOTES", 1000000);
    add_dependent(f, "FaxSvc", refused_starts_of_fax);
    leak(f, "MSExchangeIS", 1e9);
    run_until_told(f, ALERT_SERVICE_DOWN);
    run(f, 10 * MS_PER_MINUTE);
    world_person_disables(&f->os.world, "LME-NOTES");
}

/* Two are down; a person takes one over, and the other runs again. */
static void test_what_runs_again_is_told_beside_what_was_given_up(void **state)
{
    struct fixture *f = *state;
    take_one_of_two_over(f, 12);
    assert_string_equal(run_until_told(f, ALERT_SERVICE_UP_AGAIN)->service, "FaxSvc");
    assert_non_null(strstr(f->services_storage, "SERVICE_DOWN FaxSvc\n"));
    assert_non_null(strstr(f->services_storage, "SERVICE_DOWN LME-NOTES\n"));
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_HANDED_OVER);
}

/* Nothing that was told down runs: nothing is told up. */
static void test_each_that_is_given_up_is_named(void **state)
{
    struct fixture *f = *state;
    take_one_of_two_over(f, 1000000);
    assert_string_equal(run_until_told(f, ALERT_GAVE_UP)->service, "LME-NOTES");
    world_person_disables(&f->os.world, "FaxSvc");
    run(f, 15 * MS_PER_MINUTE);
    assert_string_equal(f->told[ALERT_GAVE_UP].service, "FaxSvc");
    assert_false(engine_restarting(f->agent->engine));
    assert_false(is_told(f, ALERT_SERVICE_UP_AGAIN));
}

/* Nobody can tell whether a person stopped it: so nobody is blamed. */
static void test_what_ends_by_itself_is_nobodys_doing(void **state)
{
    struct fixture *f = *state;
    leak(f, "ArchiveSvc", 1e8);
    run_until_told(f, ALERT_RESTART_DONE);
    world_kill(&f->os.world, "ArchiveSvc", 0);
    const struct alert *alert = run_until_told(f, ALERT_GAVE_UP);
    assert_mail_says(
        alert, "URGENT: ArchiveSvc is STOPPED after a restart, by a person or by itself, and is left so",
        "ArchiveSvc on EX1 is STOPPED: it ran again, and stopped without an error. Whether a person stopped "
        "it or");
    struct mail mail = {0};
    assert_int_equal(report_mail(alert, "", &mail), STATUS_OK);
    assert_null(strstr(mail.html, "a person changed"));
    mail_deinit(&mail);
    assert_done(alert, "ArchiveSvc: stopped cleanly after it ran again, not by storewatch");
    assert_todo(alert, "start ArchiveSvc by hand");
}

/* Nobody has touched it: it is what it needs that is left as it is. */
static void test_who_needs_what_was_given_up_is_nobodys_doing_either(void **state)
{
    struct fixture *f = *state;
    add_dependent(f, "LME-NOTES", 0);
    world_get(&f->os.world, "LME-NOTES")->start_latency_ms = 40 * MS_PER_SECOND;
    leak(f, "MSExchangeIS", 1e9);
    run_until_told(f, ALERT_RESTART_BEGUN);
    while (world_get(&f->os.world, "LME-NOTES")->state != SERVICE_STATE_START_PENDING)
        run(f, MS_PER_SECOND);
    world_kill(&f->os.world, "MSExchangeIS", 0);
    assert_string_equal(run_until_told(f, ALERT_GAVE_UP)->service, "MSExchangeIS");
    world_kill(&f->os.world, "LME-NOTES", 1);
    run(f, MS_PER_MINUTE);
    const struct alert *alert = &f->told[ALERT_GAVE_UP];
    assert_string_equal(alert->service, "LME-NOTES");
    assert_mail_says(alert,
                     "URGENT: storewatch stopped trying to start LME-NOTES: what it needs is left as it is",
                     "storewatch stopped trying to start LME-NOTES on EX1: what it needs is left as it is.");
}

/* Some of what was left as it was runs again, and some does not: who reads that has something to do. */
static void test_what_runs_again_is_not_all_that_was_given_up(void **state)
{
    struct fixture *f = *state;
    take_one_of_two_over(f, 1000000);
    run_until_told(f, ALERT_GAVE_UP);
    world_person_disables(&f->os.world, "FaxSvc");
    run(f, 15 * MS_PER_MINUTE);
    assert_false(engine_restarting(f->agent->engine));
    world_get(&f->os.world, "LME-NOTES")->refuse_start_count = 0;
    world_person_enables(&f->os.world, "LME-NOTES");
    world_person_starts(&f->os.world, "LME-NOTES");
    const struct alert *alert = run_until_told(f, ALERT_SERVICE_UP_AGAIN);
    assert_string_equal(alert->service, "LME-NOTES");
    assert_todo(alert, "Start FaxSvc (services.msc");
}

/* ---- a person was first ---- */

/* While the evidence is gathered a person stops the client: that is no attempt of storewatch's, and what is
 * down is said. */
static void test_a_person_stops_it_before_storewatch_does(void **state)
{
    struct fixture *f = *state;
    f->os.evidence = EVIDENCE_HANGS;
    leak(f, "ArchiveSvc", 1e8);
    run_until_told(f, ALERT_RESTART_BEGUN);
    world_person_stops(&f->os.world, "ArchiveSvc");
    const struct alert *alert = run_until_told(f, ALERT_RESTART_ABANDONED);
    assert_int_equal(f->agent->engine->restart.journal.outcome, RESTART_CALLED_OFF);
    assert_done(alert, "It was called off before anything was stopped: ArchiveSvc was stopped");
    assert_int_equal(alert->service_state, SERVICE_STATE_STOPPED);
    assert_todo(alert, "Start ArchiveSvc");
    assert_int_equal(f->agent->engine->budget_count, 0);
    assert_false(is_told(f, ALERT_GAVE_UP));
    alert = run_until_told(f, ALERT_ENDED);
    assert_int_equal(alert->service_state, SERVICE_STATE_STOPPED);
    assert_todo(alert, "Start ArchiveSvc");
}

/* ---- after a restart that did not help ---- */

/* By hand, and the new process is larger than the old one; then this mode. */
static const struct alert *restart_without_effect(struct fixture *f, enum config_mode mode)
{
    f->agent->engine->config.mode = MODE_ALERT;
    f->agent->engine->config.budget_min_interval_ms = 0;
    leak(f, "ArchiveSvc", 1e8);
    run_until_told(f, ALERT_OPENED);
    fake_program_find(&f->os, "ArchiveSvc")->base_bytes = 1e9;
    assert_int_equal(agent_restart(f->agent, "ArchiveSvc", "by hand", NULL), STATUS_OK);
    run(f, 15 * MS_PER_SECOND);
    assert_true(engine_restarting(f->agent->engine));
    f->agent->engine->config.mode = mode;
    const struct alert *alert = run_until_told(f, ALERT_REMINDER);
    assert_done(alert, "The restart did not bring the level down");
    return alert;
}

static void assert_not_done(const struct alert *alert, const char *words)
{
    assert_false(says(alert->done, alert->done_count, words));
}

static void test_no_rung_is_due_in_mode_alert(void **state)
{
    const struct alert *alert = restart_without_effect(*state, MODE_ALERT);
    assert_not_done(alert, "is due");
    assert_done(alert, "storewatch restarts nothing now: mode: ");
}

static void test_a_rung_is_due_when_it_may_be_taken(void **state)
{
    assert_done(restart_without_effect(*state, MODE_ACT), "the rung \"restart_client\" is due");
}

/* The restart of a client did not end its program. What a later one did, of another service, is no news of that leak. */
static void test_the_story_of_a_restart_is_told_where_it_belongs(void **state)
{
    struct fixture *f = *state;
    f->config.ladder_count = 2;
    f->config.limit_private_bytes = 2e9;
    text_copy(f->config.clients[0].image, sizeof f->config.clients[0].image, "agent.exe");
    engine_configure(f->agent->engine, &f->config);
    struct fake_program *agent = fake_add_program(&f->os, "agent.exe", 1e8, true);
    fake_grow(&f->os, agent, FAKE_LEAK);
    agent->bytes_per_hour = 1e8;
    run_until_told(f, ALERT_RESTART_DONE);
    const struct alert *alert = run_until_told(f, ALERT_REMINDER);
    assert_done(alert, "restart of ArchiveSvc begun");
    assert_todo(alert, "Restart the program agent.exe");
    assert_todo(alert, "It has not ended with the restart of ArchiveSvc");
    assert_int_equal(agent_restart(f->agent, "MSExchangeIS", "by hand", NULL), STATUS_OK);
    run(f, 5 * MS_PER_MINUTE);
    assert_false(engine_restarting(f->agent->engine));
    f->told[ALERT_REMINDER].key[0] = '\0';
    alert = run_until_told(f, ALERT_REMINDER);
    assert_string_equal(alert->incident.image, "agent.exe");
    assert_not_done(alert, "MSExchangeIS");
}

/* There is more to grow into (a larger pagefile, another limit): it is urgent no more, and once more when that ends. */
static void test_what_is_far_again_is_urgent_once_more_later(void **state)
{
    struct fixture *f = *state;
    f->config.mode = MODE_ALERT;
    f->config.urgent_before_ms = MS_PER_HOUR;
    f->config.limit_private_bytes = 1.5e8 + 4e8;
    engine_configure(f->agent->engine, &f->config);
    leak(f, "ArchiveSvc", 1e8);
    run_until_told(f, ALERT_ESCALATED);
    f->config.limit_private_bytes += 4e8;
    engine_configure(f->agent->engine, &f->config);
    f->told[ALERT_REMINDER].key[0] = f->told[ALERT_ESCALATED].key[0] = '\0';
    const struct alert *alert = run_until_told(f, ALERT_REMINDER);
    assert_mail_says(alert, "EX1: still growing: archive.exe", "before ");
    alert = run_until_told(f, ALERT_ESCALATED);
    assert_mail_says(alert, "EX1: URGENT: archive.exe", "now, at the latest before ");
}

/* ---- the configuration is read again ---- */

/* The client has another name: the leak goes on being watched, and nobody is told that it is not. */
static void test_a_client_that_is_renamed_is_watched_on(void **state)
{
    struct fixture *f = *state;
    f->config.mode = MODE_ALERT;
    f->config.limit_private_bytes = 5e9;
    engine_configure(f->agent->engine, &f->config);
    leak(f, "ArchiveSvc", 1e9);
    run_until_told(f, ALERT_OPENED);
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "mail archive");
    engine_configure(f->agent->engine, &f->config);
    run_polls(f, MS_PER_HOUR);
    assert_string_equal(f->told[ALERT_UNWATCHED].key, "");
    assert_string_equal(f->told[ALERT_REMINDER].incident.target, "mail archive");
    assert_int_equal(f->told[ALERT_REMINDER].incident.id, f->told[ALERT_OPENED].incident.id);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_cannot_be_planned_is_not_announced),
        TEST(test_an_end_far_sooner_is_told_at_once),
        TEST(test_an_end_after_none_is_told_at_once),
        TEST(test_a_pause_is_told_once),
        TEST(test_what_is_at_hand_is_not_told_again_as_sooner),
        TEST(test_an_end_that_has_passed_is_not_told_again_and_again),
        TEST(test_what_cannot_be_read_is_not_said_to_grow_now),
        TEST(test_the_store_s_mail_says_that_the_client_is_restarted),
        TEST(test_what_was_given_back_grows_no_more),
        TEST(test_what_stopped_by_itself_may_grow_again),
        TEST(test_a_cluster_has_its_own_way),
        TEST(test_what_a_cluster_moved_is_not_to_be_started_here),
        TEST(test_a_backup_comes_first),
        TEST(test_what_was_down_runs_again),
        TEST(test_what_runs_again_is_told_beside_what_was_given_up),
        TEST(test_each_that_is_given_up_is_named),
        TEST(test_who_needs_what_was_given_up_is_nobodys_doing_either),
        TEST(test_what_runs_again_is_not_all_that_was_given_up),
        TEST(test_what_ends_by_itself_is_nobodys_doing),
        TEST(test_a_person_stops_it_before_storewatch_does),
        TEST(test_no_rung_is_due_in_mode_alert),
        TEST(test_a_rung_is_due_when_it_may_be_taken),
        TEST(test_the_story_of_a_restart_is_told_where_it_belongs),
        TEST(test_what_is_far_again_is_urgent_once_more_later),
        TEST(test_a_client_that_is_renamed_is_watched_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

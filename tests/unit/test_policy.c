/* test_policy.c - each check of the pre-flight, the ladder, the budget's clock, the windows. */
#include "storewatch/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct config config;
    struct observation *observation;
    struct clock clock;
    struct policy_facts facts;
    struct budget_entry budget[4];
    struct preflight preflight;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    config_default(&f->config);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->observation = observation_new();
    f->observation->processes_known = f->observation->services_known = true;
    f->clock = (struct clock){
        .mono_ms = MS_PER_DAY, .utc_ms = INT64_C(1767225600000), .weekday = 2, .minute_of_day = 600};
    f->facts = (struct policy_facts){
        .journal_writable = true, .budget = f->budget, .exhaustion_early_utc_ms = INT64_MAX};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    observation_free(f->observation);
    free(f);
    return 0;
}

static void judge(struct fixture *f)
{
    policy_preflight(&f->config, f->observation, f->clock, &f->facts, &f->preflight);
}

static void assert_held_by(struct fixture *f, enum check check, const char *word)
{
    judge(f);
    assert_false(f->preflight.passed);
    assert_string_equal(check_name(f->preflight.first_failed), check_name(check));
    assert_non_null(strstr(f->preflight.results[check].text, word));
}

static void test_all_clear_passes(void **state)
{
    struct fixture *f = *state;
    judge(f);
    assert_true(f->preflight.passed);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        assert_true(f->preflight.results[i].passed);
        assert_true(strlen(f->preflight.results[i].text) > 0); /* a check that passed says why, too */
    }
}

static void test_mode_alert_holds(void **state)
{
    struct fixture *f = *state;
    f->config.mode = MODE_ALERT;
    assert_held_by(f, CHECK_MODE, "only tells");
    f->facts.by_hand = true;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_dry_run_holds_also_by_hand(void **state)
{
    struct fixture *f = *state;
    f->facts.dry_run = f->facts.by_hand = true;
    assert_held_by(f, CHECK_DRY_RUN, "--dry-run");
}

static void test_maintenance_holds_until_its_end(void **state)
{
    struct fixture *f = *state;
    f->facts.maintenance_until_utc_ms = f->clock.utc_ms + 1;
    assert_held_by(f, CHECK_MAINTENANCE, "on until");
    f->facts.maintenance_until_utc_ms = f->clock.utc_ms;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_shutdown_and_cluster_and_blindness_hold(void **state)
{
    struct fixture *f = *state;
    f->observation->os_shutting_down = true;
    assert_held_by(f, CHECK_SHUTDOWN, "shutting down");
    f->observation->os_shutting_down = false;
    f->observation->cluster_node = true;
    assert_held_by(f, CHECK_CLUSTER, "cluster node");
    f->config.act_on_cluster = true;
    judge(f);
    assert_true(f->preflight.passed);
    f->observation->services_known = false;
    assert_held_by(f, CHECK_SIGHT, "cannot be read");
}

static void test_veto_process_holds_and_is_named(void **state)
{
    struct fixture *f = *state;
    text_copy(f->observation->processes[0].image, PROCESS_IMAGE_MAX, "ESEUTIL.EXE");
    f->observation->process_count = 1;
    assert_held_by(f, CHECK_VETO, "eseutil.exe is running");
    text_copy(f->config.veto_processes[0], PROCESS_IMAGE_MAX, "eseutil"); /* as clients may be named, too */
    assert_held_by(f, CHECK_VETO, "eseutil is running");
    f->observation->process_count = 0;
    judge(f);
    assert_true(f->preflight.passed);
    f->observation->processes_cut = true; /* it may be among the others */
    assert_held_by(f, CHECK_VETO, "more processes");
    f->config.veto_count = 0;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_spent_budget_holds_until_the_oldest_is_old_enough(void **state)
{
    struct fixture *f = *state;
    f->config.budget_max = 2;
    f->config.budget_per_ms = 24 * MS_PER_HOUR;
    f->config.budget_min_interval_ms = MS_PER_HOUR;
    f->budget[0].age_ms = 24 * MS_PER_HOUR - 1;
    f->budget[1].age_ms = 2 * MS_PER_HOUR;
    f->facts.budget_count = 2;
    assert_held_by(f, CHECK_BUDGET, "2 of 2");
    f->budget[0].age_ms = 24 * MS_PER_HOUR;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_minimum_interval_counts_from_the_youngest(void **state)
{
    struct fixture *f = *state;
    f->config.budget_max = 9;
    f->config.budget_min_interval_ms = 4 * MS_PER_HOUR;
    f->budget[0].age_ms = 9 * MS_PER_HOUR;
    f->budget[1].age_ms = 4 * MS_PER_HOUR - 1;
    f->facts.budget_count = 2;
    assert_held_by(f, CHECK_INTERVAL, "at least 4 h");
    f->budget[1].age_ms++;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_an_attempt_waits_after_one_that_was_turned_back(void **state)
{
    struct fixture *f = *state;
    f->config.interval_ms = 15 * MS_PER_SECOND;
    f->config.budget_min_interval_ms = 4 * MS_PER_HOUR;
    f->facts.attempts =
        (struct policy_attempts){.count = 2, .age_ms = MS_PER_HOUR - 1, .why = "X: access denied (5)"};
    assert_held_by(f, CHECK_INTERVAL, "attempt 2 of 3 was turned back");
    assert_non_null(strstr(f->preflight.results[CHECK_INTERVAL].text, "X: access denied (5)"));
    f->facts.by_hand = true; /* a person does not wait */
    judge(f);
    assert_true(f->preflight.passed);
    f->facts.by_hand = false;
    f->facts.attempts.age_ms = MS_PER_HOUR;
    judge(f);
    assert_true(f->preflight.passed);
    /* Near the end half of what is left, but never at once; a short minimum interval is long enough. */
    int64_t now = f->clock.utc_ms;
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, INT64_MAX), MS_PER_HOUR);
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, now + 40 * MS_PER_MINUTE),
                     20 * MS_PER_MINUTE);
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, now + MS_PER_MINUTE), MS_PER_MINUTE);
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, now - MS_PER_HOUR), MS_PER_MINUTE);
    f->config.budget_min_interval_ms = 10 * MS_PER_MINUTE;
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, INT64_MAX), 10 * MS_PER_MINUTE);
    f->config.budget_min_interval_ms = 0;
    f->config.interval_ms = MS_PER_SECOND;
    assert_int_equal(policy_attempt_wait_ms(&f->config, f->clock, INT64_MAX), 10 * MS_PER_SECOND);
}

/* As often as is configured while the end is near; else a tenth of the time that is left, once a day at least. */
static void test_what_ends_later_is_reminded_of_less_often(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t reminder_ms, left_ms, wait_ms;
    } cases[] = {
        {4 * MS_PER_HOUR, -MS_PER_HOUR, 4 * MS_PER_HOUR},
        {4 * MS_PER_HOUR, 40 * MS_PER_HOUR, 4 * MS_PER_HOUR},
        {4 * MS_PER_HOUR, 50 * MS_PER_HOUR, 5 * MS_PER_HOUR},
        {MS_PER_MINUTE, 3 * MS_PER_HOUR, 18 * MS_PER_MINUTE},
        {MS_PER_MINUTE, 119 * MS_PER_MINUTE, MS_PER_MINUTE}, /* urgent */
        {4 * MS_PER_HOUR, 412 * MS_PER_DAY, MS_PER_DAY},
        {4 * MS_PER_HOUR, INT64_MAX, MS_PER_DAY},
        {48 * MS_PER_HOUR, 412 * MS_PER_DAY, 48 * MS_PER_HOUR},
        {48 * MS_PER_HOUR, INT64_MAX, 48 * MS_PER_HOUR},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        f->config.reminder_ms = cases[i].reminder_ms;
        const bool foreseen = cases[i].left_ms != INT64_MAX;
        const int64_t early_utc_ms = foreseen ? f->clock.utc_ms + cases[i].left_ms : INT64_MAX;
        assert_int_equal(policy_reminder_wait_ms(&f->config, f->clock, early_utc_ms), cases[i].wait_ms);
    }
}

static void test_window_holds_unless_urgent(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] = (struct config_window){.days = 0x7f, .from_minute = 60, .to_minute = 300};
    assert_held_by(f, CHECK_WINDOW, "in 15 h, Thursday 01:00"); /* from Wednesday 10:00 */
    f->config.urgent_before_ms = 2 * MS_PER_HOUR;
    f->facts.exhaustion_early_utc_ms = f->clock.utc_ms + 2 * MS_PER_HOUR - 1;
    judge(f);
    assert_true(f->preflight.passed);
    f->facts.exhaustion_early_utc_ms = f->clock.utc_ms + 2 * MS_PER_HOUR;
    assert_held_by(f, CHECK_WINDOW, "outside");
    f->clock.minute_of_day = 60;
    judge(f);
    assert_true(f->preflight.passed);
}

static void test_the_last_window_before_exhaustion_is_chosen(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] = (struct config_window){.days = 0x7f, .from_minute = 60, .to_minute = 300};
    f->config.urgent_before_ms = 2 * MS_PER_HOUR;
    int64_t now = f->clock.utc_ms; /* Wednesday 10:00 */
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, INT64_MAX), 15 * 60);
    /* One minute before the window of the second night is too late for it by then. */
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 41 * MS_PER_HOUR - 60000),
                     15 * 60);
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 41 * MS_PER_HOUR), 39 * 60);
    /* Not more than a week ahead. */
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 100 * MS_PER_DAY),
                     15 * 60 + 6 * 1440);
    /* Inside a window: now, unless a later one does as well. */
    f->clock.minute_of_day = 120;
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 20 * MS_PER_HOUR), 0);
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 26 * MS_PER_HOUR), 23 * 60);
    f->facts.exhaustion_early_utc_ms = now + 26 * MS_PER_HOUR;
    assert_held_by(f, CHECK_WINDOW, "Thursday 01:00 local time");
    /* None opens in time. */
    f->clock.minute_of_day = 600;
    f->facts.exhaustion_early_utc_ms = now + 10 * MS_PER_HOUR;
    assert_held_by(f, CHECK_WINDOW,
                   "Thursday 01:00 local time, which is too late to be counted on before the projected "
                   "exhaustion: it comes outside the windows then");
    f->clock.minute_of_day = 120;
    /* A week and more away no window is named: it would be another one at each poll. */
    f->facts.exhaustion_early_utc_ms = now + 7 * MS_PER_DAY + 2 * MS_PER_HOUR;
    assert_held_by(f, CHECK_WINDOW,
                   "not needed yet, though one is open; the restart is planned in 6 d 23 h, Wednesday 01:00 "
                   "local time, the last window");
    f->facts.exhaustion_early_utc_ms = now + 37 * MS_PER_DAY;
    assert_held_by(f, CHECK_WINDOW,
                   "not needed yet, though one is open; more than 7 d are left until the projected "
                   "exhaustion: the restart is "
                   "planned once fewer are, for the last window to be counted on before it");
}

/* With urgent_before 0 s nothing comes outside the windows before the projected exhaustion, and that is what is
 * said. */
static void test_the_windows_before_all(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] = (struct config_window){.days = 0x7f, .from_minute = 60, .to_minute = 300};
    f->config.urgent_before_ms = 0;
    f->facts.exhaustion_early_utc_ms = f->clock.utc_ms + 10 * MS_PER_HOUR;
    assert_held_by(f, CHECK_WINDOW,
                   "Thursday 01:00 local time, which is too late to be counted on before the projected "
                   "exhaustion; none comes outside the windows before that");
    f->facts.exhaustion_early_utc_ms = f->clock.utc_ms;
    assert_held_by(f, CHECK_WINDOW, "none comes outside the windows before that");
    f->facts.exhaustion_early_utc_ms = f->clock.utc_ms - 1;
    judge(f);
    assert_true(f->preflight.passed);
    assert_string_equal(
        f->preflight.results[CHECK_WINDOW].text,
        "outside the windows; the restart is planned in 15 h, Thursday 01:00 local time, which is "
        "too late to be counted on before the projected exhaustion; but that may have come");
}

static void test_weekend_windows_are_found_across_the_week(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] =
        (struct config_window){.days = 0x60, .from_minute = 0, .to_minute = 0}; /* Sat, Sun, all day */
    f->config.urgent_before_ms = 0;
    f->clock.weekday = 6; /* Sunday 10:00: open now */
    int64_t now = f->clock.utc_ms;
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 5 * MS_PER_DAY), 0);
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, now + 6 * MS_PER_DAY),
                     5 * 1440 + 14 * 60);
}

static void test_minutes_to_window_crosses_the_week(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] =
        (struct config_window){.days = 0x01, .from_minute = 30, .to_minute = 60}; /* Monday */
    assert_int_equal(policy_minutes_to_window(&f->config, 0, 30), 0);
    assert_int_equal(policy_minutes_to_window(&f->config, 0, 59), 0);
    assert_int_equal(policy_minutes_to_window(&f->config, 0, 60), 7 * 1440 - 30);
    assert_int_equal(policy_minutes_to_window(&f->config, 6, 1439), 31);
}

/* As a walk from minute to minute finds it. */
static void test_minutes_to_window_by_walking(void **state)
{
    struct fixture *f = *state;
    const struct config_window windows[] = {
        {.days = 0x11, .from_minute = 22 * 60, .to_minute = 4 * 60}, /* over midnight */
        {.days = 0x04, .from_minute = 600, .to_minute = 600},        /* the whole day */
        {.days = 0x60, .from_minute = 0, .to_minute = 1440},
        {.days = 0x08, .from_minute = 1439, .to_minute = 1},
    };
    for (size_t only = 0; only <= ARRAY_COUNT(windows); only++) {
        f->config.window_count = only < ARRAY_COUNT(windows) ? 1 : ARRAY_COUNT(windows);
        memcpy(f->config.windows, windows, sizeof windows);
        f->config.windows[0] = windows[only % ARRAY_COUNT(windows)];
        int64_t ahead = 0;
        for (int minute = 2 * 7 * 1440; minute-- > 0; ahead++) {
            int weekday = minute / 1440 % 7;
            if (config_window_open(&f->config, weekday, minute % 1440))
                ahead = 0;
            if (minute < 7 * 1440)
                assert_int_equal(policy_minutes_to_window(&f->config, weekday, minute % 1440), ahead);
        }
    }
}

static void test_journal_and_plan_hold(void **state)
{
    struct fixture *f = *state;
    f->facts.journal_writable = false;
    assert_held_by(f, CHECK_JOURNAL, "cannot be written");
    f->facts.journal_writable = true;
    struct err error = {.status = STATUS_BUSY, .text = "ArchiveSvc is stop pending"};
    f->facts.plan_error = &error;
    assert_held_by(f, CHECK_PLAN, "ArchiveSvc is stop pending");
}

/* ---- the ladder ---- */

static struct incident incident_of(enum target_kind kind, const char *service)
{
    struct incident incident = {.id = 1, .target_kind = kind, .rungs_tried = 1u << RUNG_ALERT};
    text_copy(incident.service, sizeof incident.service, service);
    text_copy(incident.target, sizeof incident.target, "target");
    return incident;
}

/* What the ranking of culprits says; each test that sets it sets it back. */
static const struct policy_suspect no_suspect = {.target = "", .service = ""};
static struct policy_suspect suspect = {.target = "", .service = ""};

static enum rung next_rung(struct fixture *f, const struct incident *incident, const struct incident *others,
                           size_t count, const char **out_service)
{
    static char why[200];
    *out_service = NULL;
    return policy_next_rung(&f->config, incident, others, count, &suspect, out_service, why, sizeof why);
}

static void test_ladder_of_a_client(void **state)
{
    struct fixture *f = *state;
    const char *service;
    struct incident client = incident_of(TARGET_CLIENT, "ArchiveSvc");
    assert_int_equal(next_rung(f, &client, NULL, 0, &service), RUNG_RESTART_CLIENT);
    assert_string_equal(service, "ArchiveSvc");
    client.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    assert_int_equal(next_rung(f, &client, NULL, 0, &service), RUNG_RESTART_STORE);
    assert_string_equal(service, "MSExchangeIS");
    client.rungs_tried |= 1u << RUNG_RESTART_STORE;
    assert_int_equal(next_rung(f, &client, NULL, 0, &service), RUNG_ALERT);
}

static void test_a_client_without_service_skips_its_rung(void **state)
{
    struct fixture *f = *state;
    const char *service;
    struct incident client = incident_of(TARGET_CLIENT, "");
    assert_int_equal(next_rung(f, &client, NULL, 0, &service), RUNG_RESTART_STORE);
    f->config.ladder_count = 2; /* alert, restart_client */
    assert_int_equal(next_rung(f, &client, NULL, 0, &service), RUNG_ALERT);
}

static void test_the_store_waits_for_its_leaking_client(void **state)
{
    struct fixture *f = *state;
    const char *service;
    struct incident store = incident_of(TARGET_STORE, "MSExchangeIS");
    struct incident client = incident_of(TARGET_CLIENT, "ArchiveSvc");
    assert_int_equal(next_rung(f, &store, &client, 1, &service), RUNG_ALERT);
    client.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    assert_int_equal(next_rung(f, &store, &client, 1, &service), RUNG_RESTART_STORE);
    client.rungs_tried = 1u << RUNG_ALERT;
    client.state = INCIDENT_CLOSED;
    assert_int_equal(next_rung(f, &store, &client, 1, &service), RUNG_RESTART_STORE);
}

static void test_the_store_s_suspected_client_is_restarted_first(void **state)
{
    struct fixture *f = *state;
    const char *service;
    struct incident store = incident_of(TARGET_STORE, "MSExchangeIS");
    struct incident client = incident_of(TARGET_CLIENT, "ArchiveSvc");
    suspect = (struct policy_suspect){.target = "archive", .service = "ArchiveSvc"};
    assert_int_equal(next_rung(f, &store, NULL, 0, &service), RUNG_RESTART_CLIENT);
    assert_string_equal(service, "ArchiveSvc");
    /* It has been restarted for its own growth already, and that did not help the store. */
    client.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    assert_int_equal(next_rung(f, &store, &client, 1, &service), RUNG_RESTART_STORE);
    client.state = INCIDENT_CLOSED; /* that was another time */
    assert_int_equal(next_rung(f, &store, &client, 1, &service), RUNG_RESTART_CLIENT);
    /* After its restart the store waits for what comes of it, and is restarted when it goes on. */
    store.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    suspect.proof_awaited = true;
    assert_int_equal(next_rung(f, &store, NULL, 0, &service), RUNG_ALERT);
    suspect.proof_awaited = false;
    assert_int_equal(next_rung(f, &store, NULL, 0, &service), RUNG_RESTART_STORE);
    /* The second of two culprits is cheaper than the store too, and has its turn. */
    suspect.another = true;
    assert_int_equal(next_rung(f, &store, NULL, 0, &service), RUNG_RESTART_CLIENT);
    assert_string_equal(service, "ArchiveSvc");
    suspect.another = false;
    /* Without that rung in the ladder no suspicion restarts a client. */
    store.rungs_tried = 1u << RUNG_ALERT;
    f->config.ladder[1] = RUNG_RESTART_STORE;
    f->config.ladder_count = 2;
    assert_int_equal(next_rung(f, &store, NULL, 0, &service), RUNG_RESTART_STORE);
    /* And a client's own incident is not about the suspect. */
    config_default(&f->config);
    struct incident other = incident_of(TARGET_CLIENT, "FaxSvc");
    assert_int_equal(next_rung(f, &other, NULL, 0, &service), RUNG_RESTART_CLIENT);
    assert_string_equal(service, "FaxSvc");
    suspect = no_suspect;
}

static void test_the_host_and_discovered_programs_are_never_restarted(void **state)
{
    struct fixture *f = *state;
    const char *service;
    struct incident host = incident_of(TARGET_HOST, ""), found = incident_of(TARGET_DISCOVERED, "Svc");
    assert_int_equal(next_rung(f, &host, NULL, 0, &service), RUNG_ALERT);
    assert_int_equal(next_rung(f, &found, NULL, 0, &service), RUNG_ALERT);
}

static void test_budget_ages_and_forgets_only_what_no_configuration_needs(void **state)
{
    struct fixture *f = *state;
    size_t count = 2;
    f->budget[0] = (struct budget_entry){.restart_id = 1, .age_ms = CONFIG_BUDGET_MAX_MS - MS_PER_HOUR};
    f->budget[1] = (struct budget_entry){.restart_id = 2, .age_ms = 0};
    policy_age_budget(f->budget, &count, MS_PER_HOUR - 1);
    assert_int_equal(count, 2);
    policy_age_budget(f->budget, &count, 1);
    assert_int_equal(count, 1);
    assert_int_equal(f->budget[0].restart_id, 2);
    assert_int_equal(f->budget[0].age_ms, MS_PER_HOUR);
}

/* A reload makes the period longer: what was restarted under the shorter one still counts. */
static void test_budget_outlives_a_reload(void **state)
{
    struct fixture *f = *state;
    f->config.budget_max = 1;
    f->config.budget_per_ms = f->config.budget_min_interval_ms = MS_PER_HOUR;
    f->budget[0] = (struct budget_entry){.restart_id = 1};
    f->facts.budget = f->budget;
    f->facts.budget_count = 1;
    policy_age_budget(f->budget, &f->facts.budget_count, 3 * MS_PER_HOUR);
    judge(f);
    assert_true(f->preflight.passed);
    f->config.budget_per_ms = MS_PER_DAY;
    assert_held_by(f, CHECK_BUDGET, "1 of 1 restarts in the last");
}

/* Who is woken wants to know whether it has room again in time. */
static void test_a_spent_budget_says_when_it_has_room(void **state)
{
    struct fixture *f = *state;
    f->config.budget_max = 2;
    f->config.budget_per_ms = MS_PER_DAY;
    f->budget[0] = (struct budget_entry){.restart_id = 1, .age_ms = 23 * MS_PER_HOUR};
    f->budget[1] = (struct budget_entry){.restart_id = 2, .age_ms = 20 * MS_PER_HOUR};
    f->budget[2] = (struct budget_entry){.restart_id = 3, .age_ms = 5 * MS_PER_HOUR};
    f->facts.budget = f->budget;
    f->facts.budget_count = 3;
    assert_held_by(
        f, CHECK_BUDGET,
        "3 of 2 restarts in the last 1 d: the budget is spent; the next restart is possible in 4 h");
    f->facts.budget_count = 2;
    assert_held_by(
        f, CHECK_BUDGET,
        "2 of 2 restarts in the last 1 d: the budget is spent; the next restart is possible in 1 h");
}

/* The file that knew it is gone: no more restarts than the configuration allows are said to have been. */
static void test_budget_that_was_lost_is_spent(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(f->budget); i++)
        f->budget[i] = (struct budget_entry){.restart_id = -1 - (int64_t)i};
    f->facts.budget_count = ARRAY_COUNT(f->budget);
    assert_held_by(f, CHECK_BUDGET, ": the budget is spent, or counts so");
    bool known = true; /* more than there can have been is not said */
    assert_int_equal(policy_spent(&f->config, f->budget, f->facts.budget_count, &known),
                     f->config.budget_max);
    assert_false(known);
    assert_non_null(strstr(f->preflight.results[CHECK_INTERVAL].text, "is not known"));
    policy_age_budget(f->budget, &f->facts.budget_count, MS_PER_DAY);
    judge(f);
    assert_true(f->preflight.passed);
}

/* Where there is no room the oldest goes, wherever it stands. */
static void test_budget_is_bounded(void **state)
{
    (void)state;
    struct budget_entry entries[BUDGET_ENTRIES_MAX];
    size_t count = 0;
    for (int64_t id = 1; id <= BUDGET_ENTRIES_MAX; id++) {
        struct budget_entry entry = {.restart_id = id, .age_ms = id == 7 ? 1000 : id};
        policy_put_budget(entries, &count, &entry);
    }
    assert_int_equal(count, BUDGET_ENTRIES_MAX);
    struct budget_entry next = {.restart_id = 100};
    policy_put_budget(entries, &count, &next);
    assert_int_equal(count, BUDGET_ENTRIES_MAX);
    assert_int_equal(entries[6].restart_id, 100);
}

static void assert_reason(const char *why, const char *held)
{
    if (!held[0])
        assert_string_equal(why, "");
    else if (!strstr(why, held))
        fail_msg("\"%s\" is not in \"%s\"", held, why);
}

static void assert_termination(struct fixture *f, const char *held)
{
    char why[160] = "as before";
    assert_int_equal(policy_may_terminate(&f->config, f->observation, f->clock, &f->facts, why, sizeof why),
                     !held[0]);
    assert_reason(why, held);
}

static void assert_goes_on(struct fixture *f, const char *held)
{
    char why[256] = "?";
    assert_int_equal(policy_may_go_on(&f->config, f->observation, f->clock, &f->facts, why, sizeof why),
                     !held[0]);
    assert_reason(why, held);
}

/* The target is up still, what needs it stops: what was chosen or began meanwhile keeps it up, what was paid
 * or cannot be seen at the moment does not, until that goes on. */
static void test_what_turns_back_before_the_target_stops(void **state)
{
    struct fixture *f = *state;
    f->config.window_count = 1;
    f->config.windows[0] = (struct config_window){.days = 1, .from_minute = 10, .to_minute = 20};
    f->config.budget_max = 1;
    f->budget[0] = (struct budget_entry){.restart_id = 1};
    f->facts.budget_count = 1;
    f->facts.journal_writable = false;
    f->observation->processes_known = false;
    assert_goes_on(f, "");
    f->facts.blind = true;
    assert_goes_on(f, "veto processes: the processes cannot be read, one of these may be running");
    const size_t vetoes = f->config.veto_count;
    f->config.veto_count = 0;
    assert_goes_on(f, "");
    f->config.veto_count = vetoes;
    f->facts.blind = false;
    f->observation->processes_known = true;
    text_copy(f->observation->processes[0].image, PROCESS_IMAGE_MAX, "ESEUTIL.EXE");
    f->observation->process_count = 1;
    assert_goes_on(f, "veto processes: eseutil.exe is running");
    f->observation->process_count = 0;
    f->facts.maintenance_until_utc_ms = f->clock.utc_ms + 1;
    assert_goes_on(f, "maintenance");
    f->facts.maintenance_until_utc_ms = 0;
    f->config.mode = MODE_ALERT;
    assert_goes_on(f, "mode");
    f->facts.by_hand = true;
    assert_goes_on(f, "");
}

/* A hung client's process: everything that forbids a stop forbids its end, but the restart has begun already.
 */
static void test_what_forbids_to_end_a_process(void **state)
{
    struct fixture *f = *state;
    assert_termination(f, "");
    f->config.window_count = 1; /* it is closed: the restart began while it was open */
    f->config.windows[0] = (struct config_window){.days = 1, .from_minute = 10, .to_minute = 20};
    f->config.budget_max = 1;
    f->budget[0] = (struct budget_entry){.restart_id = 1};
    f->facts.budget_count = 1; /* spent, by this very restart */
    assert_termination(f, "");
    f->facts.journal_writable = false;
    assert_termination(f, "restart journal: cannot be written");
    f->facts.journal_writable = true;
    f->observation->processes_known = false;
    assert_termination(f, "sight of the services");
    f->observation->processes_known = true;
    text_copy(f->observation->processes[0].image, PROCESS_IMAGE_MAX, "ESEUTIL.EXE");
    f->observation->process_count = 1;
    assert_termination(f, "veto processes: eseutil.exe is running");
    f->observation->process_count = 0;
    f->observation->cluster_node = true;
    assert_termination(f, "cluster");
    f->observation->cluster_node = false;
    f->observation->os_shutting_down = true;
    assert_termination(f, "system shutdown");
    f->observation->os_shutting_down = false;
    f->facts.maintenance_until_utc_ms = f->clock.utc_ms + 1;
    assert_termination(f, "maintenance: on until");
    f->facts.maintenance_until_utc_ms = 0;
    f->facts.dry_run = true;
    assert_termination(f, "dry run");
    f->facts.dry_run = false;
    f->config.mode = MODE_ALERT;
    f->facts.by_hand = true; /* a person may restart in mode "alert"; nothing is ended then */
    assert_termination(f, "mode: \"alert\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* from = to is the whole day, whatever the hour: it opens at midnight, for the plan too. */
static void test_a_whole_day_opens_at_midnight(void **state)
{
    struct fixture *f = *state; /* Wednesday, 10:00 */
    f->config.window_count = 1;
    f->config.windows[0] = (struct config_window){1 << 5, 180, 180};
    const int64_t midnight_min = 3 * 1440 - 600;
    assert_int_equal(policy_minutes_to_window(&f->config, 2, 600), midnight_min);
    const int64_t early_utc_ms =
        f->clock.utc_ms + f->config.urgent_before_ms + (midnight_min + 720) * MS_PER_MINUTE;
    assert_int_equal(policy_minutes_to_restart(&f->config, f->clock, early_utc_ms), midnight_min);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_all_clear_passes),
        TEST(test_mode_alert_holds),
        TEST(test_dry_run_holds_also_by_hand),
        TEST(test_maintenance_holds_until_its_end),
        TEST(test_shutdown_and_cluster_and_blindness_hold),
        TEST(test_veto_process_holds_and_is_named),
        TEST(test_spent_budget_holds_until_the_oldest_is_old_enough),
        TEST(test_minimum_interval_counts_from_the_youngest),
        TEST(test_an_attempt_waits_after_one_that_was_turned_back),
        TEST(test_what_ends_later_is_reminded_of_less_often),
        TEST(test_window_holds_unless_urgent),
        TEST(test_the_last_window_before_exhaustion_is_chosen),
        TEST(test_the_windows_before_all),
        TEST(test_weekend_windows_are_found_across_the_week),
        TEST(test_minutes_to_window_crosses_the_week),
        TEST(test_minutes_to_window_by_walking),
        TEST(test_journal_and_plan_hold),
        TEST(test_ladder_of_a_client),
        TEST(test_a_client_without_service_skips_its_rung),
        TEST(test_the_store_waits_for_its_leaking_client),
        TEST(test_the_store_s_suspected_client_is_restarted_first),
        TEST(test_the_host_and_discovered_programs_are_never_restarted),
        TEST(test_what_turns_back_before_the_target_stops),
        TEST(test_what_forbids_to_end_a_process),
        TEST(test_budget_ages_and_forgets_only_what_no_configuration_needs),
        TEST(test_budget_outlives_a_reload),
        TEST(test_a_spent_budget_says_when_it_has_room),
        TEST(test_budget_that_was_lost_is_spent),
        TEST(test_budget_is_bounded),
        TEST(test_a_whole_day_opens_at_midnight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

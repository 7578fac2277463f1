/* test_store.c - what is put into the store comes out again: every member, in the right order, after
 * reopening. On a disk in memory (vfs_fault). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/store/store_internal.h"

#include "storewatch/store.h"
#include "storewatch/units.h"
#include "vfs_fault.h"

#include <sqlite3.h>

#define PATH "/disk/storewatch.db"
#define NOON INT64_C(1795348800000) /* 2026-11-22T12:00:00Z */

static void assert_nothing_set_aside(struct store *store)
{
    char told[STORE_SET_ASIDE_MAX];
    assert_int_equal(store_get_setting(store, STORE_SETTING_SET_ASIDE, told, sizeof(told), NULL),
                     STATUS_NOT_FOUND);
}

static int set_up(void **state)
{
    struct store *store = NULL;
    struct err why = {0};
    vfs_fault_install();
    assert_int_equal(store_open(PATH, NOON, &store, &why), STATUS_OK);
    assert_nothing_set_aside(store);
    *state = store;
    return 0;
}

static int tear_down(void **state)
{
    store_close(*state);
    vfs_fault_uninstall();
    return 0;
}

static struct store *reopen(void **state)
{
    struct store *store = NULL;
    struct err why = {0};
    store_close(*state);
    *state = NULL;
    if (store_open(PATH, NOON, &store, &why) != STATUS_OK)
        fail_msg("%s", why.text);
    assert_nothing_set_aside(store);
    *state = store;
    return store;
}

#define OK(call)                                                                                             \
    do {                                                                                                     \
        struct err err = {0};                                                                                \
        if ((call) != STATUS_OK)                                                                             \
            fail_msg("%s: %s: %s", #call, err.operation ? err.operation : "", err.text);                     \
    } while (0)

/* ---- round trips ---- */

/* Zeroed and then set member by member, so that structs can be compared as bytes, padding included. */
static void fill_incident(struct incident *incident, int64_t id)
{
    memset(incident, 0, sizeof(*incident));
    incident->id = id;
    incident->target_kind = TARGET_DISCOVERED;
    strcpy(incident->target, "archive \"quoted\" 'x' \xC3\xBC");
    strcpy(incident->service, "ArchiveSvc");
    strcpy(incident->image, "archive.exe");
    incident->process.pid = UINT32_MAX;
    incident->process.created_100ns = UINT64_C(134000000000000001);
    incident->metric = METRIC_NONPAGED_POOL;
    incident->state = INCIDENT_RECOVERING;
    incident->escalated = true;
    incident->told_count = 4000000001U;
    incident->rungs_tried = 7;
    incident->onset_utc_ms = NOON + 1;
    incident->opened_utc_ms = NOON + 2;
    incident->told_utc_ms = NOON + 3;
    incident->recovering_utc_ms = NOON + 4;
    incident->closed_utc_ms = NOON + 5;
    incident->level_at_onset = 1.5;
    incident->level_at_open = 2.0;
    incident->level_now = 9007199254740991.0;
    incident->slope_per_hour = -0.1;
    incident->slope_low_per_hour = 1e-300;
    incident->slope_high_per_hour = 1e300;
    incident->limit = 4294967296.0;
    strcpy(incident->limit_name, "address space");
    incident->exhaustion_utc_ms = NOON + 6;
    incident->exhaustion_early_utc_ms = NOON + 7;
    incident->exhaustion_late_utc_ms = INT64_MAX;
    strcpy(incident->reason, "grows");
    strcpy(incident->held_because, "outside of the window");
}

static void incident_round_trip(void **state)
{
    /* A member more: store it (incidents.c, a migration), fill it above, and change this number. */
    assert_int_equal(sizeof(struct incident), 1184);
    struct incident put, got;
    size_t count = 0;
    int64_t last = -1;
    OK(store_last_incident_id(*state, &last, &err));
    assert_int_equal(last, 0);
    fill_incident(&put, 12);
    OK(store_put_incident(*state, &put, &err));
    struct store *store = reopen(state);
    OK(store_get_incidents(store, false, &got, 1, &count, &err));
    assert_int_equal(count, 1);
    assert_memory_equal(&got, &put, sizeof(put));
    OK(store_last_incident_id(store, &last, &err));
    assert_int_equal(last, 12);
    /* Its table may be lost with a damaged page: the numbers of others name it still. */
    struct restart_journal restart = {.id = 1, .incident_id = 40};
    OK(store_put_restart(store, &restart, &err));
    OK(store_last_incident_id(store, &last, &err));
    assert_int_equal(last, 40);
}

static void incident_unknown_numbers_stay_unknown(void **state)
{
    struct incident put, got;
    size_t count = 0;
    fill_incident(&put, 1);
    put.level_at_onset = put.level_at_open = put.level_now = NAN;
    put.slope_per_hour = put.slope_low_per_hour = put.slope_high_per_hour = put.limit = NAN;
    put.exhaustion_utc_ms = put.exhaustion_early_utc_ms = INT64_MAX;
    OK(store_put_incident(*state, &put, &err));
    OK(store_get_incidents(*state, false, &got, 1, &count, &err));
    const double numbers[] = {got.level_at_onset, got.level_at_open,      got.level_now,
                              got.slope_per_hour, got.slope_low_per_hour, got.slope_high_per_hour,
                              got.limit};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        assert_true(isnan(numbers[i]));
    assert_true(got.exhaustion_utc_ms == INT64_MAX && got.exhaustion_early_utc_ms == INT64_MAX);
}

static void incident_enums(void **state)
{
    struct incident put, got;
    size_t count = 0;
    for (int kind = TARGET_STORE; kind <= TARGET_HOST; kind++) {
        for (int metric = 0; metric < METRIC_COUNT; metric++) {
            for (int phase = INCIDENT_OPEN; phase <= INCIDENT_CLOSED; phase++) {
                fill_incident(&put, 3);
                put.target_kind = (enum target_kind)kind;
                put.metric = (enum metric)metric;
                put.state = (enum incident_state)phase;
                OK(store_put_incident(*state, &put, &err));
                OK(store_get_incidents(*state, false, &got, 1, &count, &err));
                assert_memory_equal(&got, &put, sizeof(put));
            }
        }
    }
    struct err why = {0};
    put.state = (enum incident_state)99; /* never stored as something it is not */
    assert_int_equal(store_put_incident(*state, &put, &why), STATUS_INVALID);
}

static void incidents_newest_first_and_open(void **state)
{
    struct incident put, got[8];
    size_t count = 0;
    for (int64_t id = 1; id <= 5; id++) {
        fill_incident(&put, id);
        put.state = id % 2 == 0 ? INCIDENT_CLOSED : INCIDENT_OPEN;
        OK(store_put_incident(*state, &put, &err));
    }
    OK(store_get_incidents(*state, false, got, 8, &count, &err));
    assert_int_equal(count, 5);
    assert_int_equal(got[0].id, 5);
    assert_int_equal(got[4].id, 1);
    OK(store_get_incidents(*state, true, got, 8, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(got[0].id, 5);
    assert_int_equal(got[1].id, 3);
    OK(store_get_incidents(*state, true, got, 2, &count, &err));
    assert_int_equal(count, 2);
    OK(store_get_incidents(*state, true, got, 0, &count, &err));
    assert_int_equal(count, 0);
}

static void fill_restart(struct restart_journal *journal, int64_t id, size_t services)
{
    memset(journal, 0, sizeof(*journal));
    journal->id = id;
    journal->incident_id = 12;
    journal->rung = RUNG_RESTART_STORE;
    strcpy(journal->reason, "grows");
    strcpy(journal->target, "MSExchangeIS");
    journal->phase = RESTART_STARTING;
    journal->outcome = RESTART_RESTORED;
    journal->stop_failed = true;
    journal->told_down = true;
    journal->begun_utc_ms = NOON + 1;
    journal->ended_utc_ms = NOON + 2;
    journal->plan.count = services;
    for (size_t i = 0; i < services; i++) {
        struct restart_service *service = &journal->plan.services[i];
        snprintf(service->name, sizeof(service->name), "Service%zu", i);
        service->is_target = i + 1 == services;
        service->process.pid = 1000 + (uint32_t)i;
        service->process.created_100ns = UINT64_C(134000000000000000) + i;
        service->stop = (enum restart_step_state)(i % 4);
        service->start = (enum restart_step_state)((i + 1) % 4);
        snprintf(service->note, sizeof(service->note), "note %zu", i);
    }
}

static void restart_round_trip(void **state)
{
    assert_int_equal(sizeof(struct restart_service), 416); /* see incident_round_trip */
    assert_int_equal(sizeof(struct restart_journal) - sizeof(struct restart_plan), 568);
    static struct restart_journal put, got[3];
    size_t count = 0;
    fill_restart(&put, 7, RESTART_SERVICES_MAX);
    OK(store_put_restart(*state, &put, &err));
    struct store *store = reopen(state);
    OK(store_get_restarts(store, got, 3, &count, &err));
    assert_int_equal(count, 1);
    assert_memory_equal(&got[0], &put, sizeof(put));
    fill_restart(&put, 7, 2); /* again, with a shorter plan */
    put.phase = RESTART_VERIFYING;
    OK(store_put_restart(store, &put, &err));
    OK(store_get_restarts(store, got, 3, &count, &err));
    assert_int_equal(count, 1);
    assert_memory_equal(&got[0], &put, sizeof(put));
    put.plan.count = RESTART_SERVICES_MAX + 1;
    struct err why = {0};
    assert_int_equal(store_put_restart(store, &put, &why), STATUS_INVALID);
}

static void restarts_unfinished_first(void **state)
{
    static struct restart_journal put, got[4];
    size_t count = 0;
    for (int64_t id = 1; id <= 5; id++) {
        fill_restart(&put, id, 1);
        put.phase = id == 2 ? RESTART_STOPPING : RESTART_ENDED;
        OK(store_put_restart(*state, &put, &err));
    }
    OK(store_get_restarts(*state, got, 3, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(got[0].id, 2);
    assert_int_equal(got[1].id, 5);
    assert_int_equal(got[2].id, 4);
}

static void budget_round_trip(void **state)
{
    static struct budget_entry put[BUDGET_ENTRIES_MAX], got[BUDGET_ENTRIES_MAX];
    size_t count = 9;
    OK(store_get_budget(*state, got, ARRAY_COUNT(got), &count, &err));
    assert_int_equal(count, 0);
    for (size_t i = 0; i < ARRAY_COUNT(put); i++) {
        put[i].restart_id = 100 + (int64_t)i;
        snprintf(put[i].service, sizeof(put[i].service), "Service%zu", i);
        put[i].age_ms = INT64_C(10000000000) + (int64_t)i;
    }
    OK(store_put_budget(*state, put, ARRAY_COUNT(put), &err));
    struct store *store = reopen(state);
    OK(store_get_budget(store, got, ARRAY_COUNT(got), &count, &err));
    assert_int_equal(count, ARRAY_COUNT(put));
    assert_memory_equal(got, put, sizeof(put));
    OK(store_put_budget(store, put + 3, 2, &err)); /* what is not given any more is gone */
    OK(store_get_budget(store, got, ARRAY_COUNT(got), &count, &err));
    assert_int_equal(count, 2);
    assert_memory_equal(got, put + 3, 2 * sizeof(put[0]));
    OK(store_put_budget(store, NULL, 0, &err));
    OK(store_get_budget(store, got, ARRAY_COUNT(got), &count, &err));
    assert_int_equal(count, 0);
    struct err why = {0};
    assert_int_equal(store_put_budget(store, put, BUDGET_ENTRIES_MAX + 1, &why), STATUS_INVALID);
}

static void settings(void **state)
{
    char value[32] = "untouched";
    struct err why = {0};
    assert_int_equal(store_get_setting(*state, "maintenance_until", value, sizeof(value), &why),
                     STATUS_NOT_FOUND);
    assert_string_equal(value, "untouched");
    assert_non_null(strstr(why.text, "maintenance_until"));
    OK(store_put_setting(*state, "maintenance_until", "1", &err));
    OK(store_put_setting(*state, "maintenance_until", "2", &err));
    OK(store_put_setting(*state, "clean_stop", "", &err));
    struct store *store = reopen(state);
    OK(store_get_setting(store, "maintenance_until", value, sizeof(value), &err));
    assert_string_equal(value, "2");
    OK(store_get_setting(store, "clean_stop", value, sizeof(value), &err));
    assert_string_equal(value, "");
}

/* ---- outbox ---- */

static void put_mail(struct store *store, const char *key, int64_t incident_id, int64_t utc_ms)
{
    struct mail mail = {.plain = (char *)(uintptr_t) "plain\r\n", .html = (char *)(uintptr_t) "<p>html</p>"};
    strcpy(mail.key, key);
    snprintf(mail.subject, sizeof(mail.subject), "subject of %s", key);
    OK(store_put_mail(store, &mail, ALERT_ESCALATED, incident_id, utc_ms, &err));
}

static void mail_round_trip(void **state)
{
    struct outbox_entry entry = {0};
    struct err why = {0};
    assert_int_equal(store_next_mail(*state, 0, 0, &entry, &why), STATUS_NOT_FOUND);
    assert_int_equal(why.status, STATUS_OK); /* an empty outbox is no failure */
    put_mail(*state, "i12-3", 12, NOON);
    struct store *store = reopen(state);
    OK(store_next_mail(store, 0, 0, &entry, &err));
    assert_int_equal(entry.incident_id, 12);
    assert_int_equal(entry.kind, ALERT_ESCALATED);
    assert_int_equal(entry.severity, SEVERITY_ERROR);
    assert_int_equal(entry.queued_utc_ms, NOON);
    assert_int_equal(entry.done_utc_ms, 0);
    assert_int_equal(entry.state, MAIL_PENDING);
    assert_int_equal(entry.attempts, 0);
    assert_string_equal(entry.last_answer, "");
    assert_string_equal(entry.mail.key, "i12-3");
    assert_string_equal(entry.mail.subject, "subject of i12-3");
    assert_string_equal(entry.mail.plain, "plain\r\n");
    assert_string_equal(entry.mail.html, "<p>html</p>");
    outbox_entry_deinit(&entry);

    OK(store_set_mail(store, "i12-3", MAIL_PENDING, 1, "451 try later", NOON + 1, &err));
    OK(store_next_mail(store, 0, 0, &entry, &err));
    assert_int_equal(entry.attempts, 1);
    assert_string_equal(entry.last_answer, "451 try later");
    assert_int_equal(entry.done_utc_ms, 0);
    assert_int_equal(entry.refused_utc_ms, NOON + 1);
    assert_string_equal(entry.mail.html, "<p>html</p>");
    outbox_entry_deinit(&entry);

    char long_answer[1000];
    memset(long_answer, 'x', sizeof(long_answer) - 1);
    long_answer[sizeof(long_answer) - 1] = '\0';
    OK(store_set_mail(store, "i12-3", MAIL_SENT, 2, long_answer, NOON + 2, &err));
    assert_int_equal(store_next_mail(store, 0, 0, &entry, NULL), STATUS_NOT_FOUND);
    size_t count = 0;
    OK(store_get_mails(store, &entry, 1, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(entry.state, MAIL_SENT);
    assert_int_equal(entry.done_utc_ms, NOON + 2);
    assert_int_equal(strlen(entry.last_answer), sizeof(entry.last_answer) - 1);
    assert_null(entry.mail.plain);
    outbox_entry_deinit(&entry);
    assert_int_equal(store_set_mail(store, "i12-4", MAIL_SENT, 2, "", NOON, &why), STATUS_NOT_FOUND);
}

static void mail_without_a_body(void **state)
{
    struct mail mail = {.key = "k"};
    struct outbox_entry entry = {0};
    OK(store_put_mail(*state, &mail, ALERT_TEST, 0, NOON, &err));
    OK(store_next_mail(*state, 0, 0, &entry, &err));
    assert_null(entry.mail.plain);
    assert_null(entry.mail.html);
    assert_int_equal(entry.severity, SEVERITY_INFORMATION);
    outbox_entry_deinit(&entry);
}

static void mail_key_is_queued_once(void **state)
{
    put_mail(*state, "i1-1", 1, NOON);
    put_mail(*state, "i1-1", 1, NOON + 5);
    struct outbox_entry entries[4];
    size_t count = 0;
    OK(store_get_mails(*state, entries, 4, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(entries[0].queued_utc_ms, NOON);
    OK(store_set_mail(*state, "i1-1", MAIL_SENT, 1, "250 ok", NOON + 6, &err));
    put_mail(*state, "i1-1", 1, NOON + 7); /* sent already: not again */
    OK(store_count_mails(*state, MAIL_PENDING, 0, &count, &err));
    assert_int_equal(count, 0);
}

static void mails_in_order(void **state)
{
    for (int i = 0; i < 5; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        put_mail(*state, key, 0, NOON - i); /* the order is that of queueing, whatever the clock said */
    }
    int64_t after = 0;
    for (int i = 0; i < 5; i++) {
        struct outbox_entry entry;
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        OK(store_next_mail(*state, after, 0, &entry, &err));
        assert_string_equal(entry.mail.key, key);
        after = entry.id;
        outbox_entry_deinit(&entry);
    }
    struct outbox_entry entry;
    assert_int_equal(store_next_mail(*state, after, 0, &entry, NULL), STATUS_NOT_FOUND);
}

static void put_kind(struct store *store, const char *key, enum alert_kind kind, int64_t incident_id,
                     int64_t utc_ms)
{
    struct mail mail = {.plain = (char *)(uintptr_t) "plain"};
    strcpy(mail.key, key);
    snprintf(mail.subject, sizeof(mail.subject), "subject of %s", key);
    OK(store_put_mail(store, &mail, kind, incident_id, utc_ms, &err));
}

/* The keys of what is to be sent at that time, in their order, each with what it stands for. */
static void assert_waiting(struct store *store, int64_t utc_ms, const char *expected)
{
    char storage[2048];
    struct text text = text_on(storage, sizeof(storage));
    struct outbox_entry entry = {0};
    for (int64_t after = 0; store_next_mail(store, after, utc_ms, &entry, NULL) == STATUS_OK;
         after = entry.id) {
        text_add(&text, "%s (%zu)\n%s", entry.mail.key, entry.mail.earlier_count,
                 entry.mail.earlier != NULL ? entry.mail.earlier : "");
        assert_true((entry.replaces_before_utc_ms != 0) == (entry.mail.earlier != NULL));
        outbox_entry_deinit(&entry);
    }
    assert_string_equal(storage, expected);
}

/* After a long wait the later mail says it anew, and what was over before is no news: but nothing is lost. */
static void a_late_mail_stands_for_those_before(void **state)
{
    struct store *store = *state;
    put_kind(store, "i1-1", ALERT_OPENED, 1, NOON);
    put_kind(store, "i2-1", ALERT_OPENED, 2, NOON);
    put_kind(store, "D-1", ALERT_DIGEST, 0, NOON);
    put_kind(store, "i1-2", ALERT_SERVICE_DOWN, 1, NOON + 1);
    put_kind(store, "i1-3", ALERT_ESCALATED, 1, NOON + 2);
    put_kind(store, "B-1", ALERT_BLIND, 0, NOON + 3);
    put_kind(store, "D-2", ALERT_DIGEST, 0, NOON + 4);
    put_kind(store, "i2-2", ALERT_ENDED, 2, NOON + 5);
    put_kind(store, "i2-3", ALERT_SERVICE_UP_AGAIN, 2, NOON + 6);
    put_kind(store, "i1-4", ALERT_RECOVERED, 1, NOON + MS_PER_HOUR);
    assert_waiting(store, NOON + MS_PER_HOUR, /* not long yet */
                   "i1-1 (0)\ni2-1 (0)\nD-1 (0)\ni1-2 (0)\ni1-3 (0)\nB-1 (0)\nD-2 (0)\ni2-2 (0)\n"
                   "i2-3 (0)\ni1-4 (0)\n");
    const int64_t late = NOON + MS_PER_HOUR + 10;
    assert_waiting(
        store, late,
        "i1-2 (0)\nB-1 (0)\n"
        "D-2 (1)\n2026-11-22 12:00:00 UTC  subject of D-1\n"
        "i2-3 (2)\n2026-11-22 12:00:00 UTC  subject of i2-1\n2026-11-22 12:00:00 UTC  subject of i2-2\n"
        "i1-4 (2)\n2026-11-22 12:00:00 UTC  subject of i1-1\n2026-11-22 12:00:00 UTC  subject of i1-3\n");

    /* What came too late to be named waits on, and so does all when it is given up. */
    OK(store_replace_mails(store, "i1-4", NOON + 1, late, &err));
    OK(store_set_mail(store, "i1-4", MAIL_SENT, 1, "250 ok", late, &err));
    OK(store_set_mail(store, "i2-3", MAIL_DEAD, 1, "550 no", late, &err));
    assert_waiting(store, late,
                   "i1-2 (0)\ni1-3 (0)\nB-1 (0)\n"
                   "D-2 (1)\n2026-11-22 12:00:00 UTC  subject of D-1\n"
                   "i2-2 (1)\n2026-11-22 12:00:00 UTC  subject of i2-1\n");
    struct outbox_entry entries[16];
    size_t count = 0;
    OK(store_get_mails(store, entries, ARRAY_COUNT(entries), &count, &err));
    assert_int_equal(count, 10);
    assert_string_equal(entries[9].mail.key, "i1-1");
    assert_int_equal(entries[9].state, MAIL_REPLACED);
    assert_int_equal(entries[9].done_utc_ms, late);
    assert_string_equal(entries[9].last_answer, "told by the later mail i1-4");
}

/* Of many the first are named, and the rest counted. */
static void a_late_mail_names_not_all(void **state)
{
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof(key), "i1-%d", i + 1);
        put_kind(*state, key, ALERT_REMINDER, 1, NOON + i);
    }
    struct outbox_entry entry = {0};
    OK(store_next_mail(*state, 0, NOON + MS_PER_DAY, &entry, &err));
    assert_string_equal(entry.mail.key, "i1-40");
    assert_int_equal(entry.mail.earlier_count, 39);
    assert_non_null(strstr(entry.mail.earlier,
                           "subject of i1-24\n... and 15 more: \"storewatch history\" lists them.\n"));
    outbox_entry_deinit(&entry);
}

static void mails_counted(void **state)
{
    for (int i = 0; i < 6; i++) {
        char key[16];
        snprintf(key, sizeof(key), "k%d", i);
        put_mail(*state, key, 0, NOON + i);
        if (i < 4)
            OK(store_set_mail(*state, key, i < 3 ? MAIL_SENT : MAIL_DEAD, 1, "", NOON + 100 + i, &err));
    }
    static const struct {
        enum mail_state state;
        int64_t since;
        size_t count;
    } cases[] = {
        {MAIL_PENDING, 0, 2},       {MAIL_PENDING, NOON + 5, 1}, {MAIL_PENDING, NOON + 6, 0},
        {MAIL_SENT, 0, 3},          {MAIL_SENT, NOON + 101, 2},  {MAIL_DEAD, 0, 1},
        {MAIL_DEAD, NOON + 104, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        size_t count = 99;
        OK(store_count_mails(*state, cases[i].state, cases[i].since, &count, &err));
        assert_int_equal(count, cases[i].count);
    }
}

/* Neither too many mails nor one that is too long may hold the transaction up that they belong to. */
static void mails_are_bounded(void **state)
{
    struct mail mail = {0};
    struct outbox_entry entry;
    size_t count = 0;
    OK(store_begin(*state, &err));
    for (int i = 0; i < STORE_PENDING_MAX; i++) {
        snprintf(mail.key, sizeof(mail.key), "k%d", i);
        OK(store_put_mail(*state, &mail, ALERT_TEST, 0, NOON, &err));
    }
    OK(store_commit(*state, &err));
    OK(store_put_mail(*state, &mail, ALERT_TEST, 0, NOON, &err)); /* known: nobody has to go */
    OK(store_count_mails(*state, MAIL_DEAD, 0, &count, &err));
    assert_int_equal(count, 0);

    strcpy(mail.key, "one more");
    char *body = malloc(STORE_MAIL_BYTES_MAX + 2);
    memset(body, 'x', STORE_MAIL_BYTES_MAX - 1);
    strcpy(body + STORE_MAIL_BYTES_MAX - 1, "\xC3\xBC"); /* does not fit as a whole */
    mail.plain = body;
    mail.html = (char *)(uintptr_t) "<p>";
    OK(store_put_mail(*state, &mail, ALERT_TEST, 0, NOON + 1, &err));
    free(body);
    OK(store_count_mails(*state, MAIL_PENDING, 0, &count, &err));
    assert_int_equal(count, STORE_PENDING_MAX);
    OK(store_next_mail(*state, 0, 0, &entry, &err));
    assert_string_equal(entry.mail.key, "k1"); /* k0 had waited longest */
    outbox_entry_deinit(&entry);
    OK(store_next_mail(*state, STORE_PENDING_MAX, 0, &entry, &err));
    assert_string_equal(entry.mail.key, "one more");
    assert_int_equal(strlen(entry.mail.plain), STORE_MAIL_BYTES_MAX - 1);
    assert_null(entry.mail.html);
    outbox_entry_deinit(&entry);
    OK(store_count_mails(*state, MAIL_DEAD, NOON + 1, &count, &err));
    assert_int_equal(count, 1);
}

/* ---- samples ---- */

static struct store_series_key key_of(const char *target, uint32_t pid, enum metric metric)
{
    struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                   .image = "client.exe",
                                   .process = {pid, pid * UINT64_C(1000)},
                                   .metric = metric};
    strcpy(key.target, target);
    return key;
}

/* The id of the n-th series, and its key. */
static int64_t series_at(struct store *store, size_t n, struct store_series_key *out_key, int64_t *out_first,
                         int64_t *out_last)
{
    struct store_cursor *cursor = NULL;
    int64_t id = 0, first = 0, last = 0;
    struct store_series_key key;
    OK(store_series_begin(store, &cursor, &err));
    for (size_t i = 0; i <= n; i++)
        OK(store_series_next(cursor, &id, &key, &first, &last, &err));
    store_cursor_free(cursor);
    if (out_key != NULL)
        *out_key = key;
    if (out_first != NULL) {
        *out_first = first;
        *out_last = last;
    }
    return id;
}

static size_t read_points(struct store *store, int64_t series_id, int64_t from, int64_t to,
                          struct store_point *points, size_t capacity)
{
    struct store_cursor *cursor = NULL;
    size_t count = 0;
    enum status status = STATUS_OK;
    OK(store_samples_begin(store, series_id, from, to, &cursor, &err));
    while (count < capacity && (status = store_points_next(cursor, &points[count], NULL)) == STATUS_OK)
        count++;
    if (count < capacity)
        assert_int_equal(status, STATUS_NOT_FOUND);
    store_cursor_free(cursor);
    return count;
}

static void samples_round_trip(void **state)
{
    const struct store_series_key a = key_of("archive", 1, METRIC_PRIVATE_BYTES);
    const struct store_series_key b = key_of("archive", 1, METRIC_HANDLES);
    struct store_series_key host = {.target_kind = TARGET_HOST, .target = "host", .metric = METRIC_COMMIT};
    host.process.created_100ns = 0;
    OK(store_put_sample(*state, &a, NOON, 12345678.0, &err));
    OK(store_put_sample(*state, &b, NOON, NAN, &err));
    OK(store_put_sample(*state, &a, NOON + 15000, 12345678.25, &err));
    OK(store_put_sample(*state, &host, NOON + 15000, 9007199254740991.0, &err));
    OK(store_put_sample(*state, &a, NOON + 30000, 0.0, &err));
    struct store *store = reopen(state);
    OK(store_put_sample(store, &b, NOON + 45000, 7.0, &err)); /* the same series after a start */

    struct store_series_key key;
    int64_t first = 0, last = 0;
    const int64_t id_a = series_at(store, 0, &key, &first, &last);
    assert_string_equal(key.target, "archive");
    assert_string_equal(key.image, "client.exe");
    assert_true(process_id_equal(key.process, a.process));
    assert_int_equal(key.metric, METRIC_PRIVATE_BYTES);
    assert_int_equal(key.target_kind, TARGET_CLIENT);
    assert_int_equal(first, NOON);
    assert_int_equal(last, NOON + 30000);
    const int64_t id_b = series_at(store, 1, NULL, &first, &last);
    assert_int_equal(last, NOON + 45000);
    series_at(store, 2, &key, NULL, NULL);
    assert_string_equal(key.target, "host");
    assert_string_equal(key.image, "");
    assert_int_equal(key.process.pid, 0);

    struct store_point points[8];
    assert_int_equal(read_points(store, id_a, INT64_MIN, INT64_MAX, points, 8), 3);
    assert_true(points[0].point.t_ms == NOON && points[0].point.mean == 12345678.0 &&
                points[0].width_ms == 0);
    assert_true(points[1].point.low == 12345678.25 && points[1].point.high == 12345678.25);
    assert_true(points[2].point.mean == 0.0 && points[2].known_count == 1 && points[2].unknown_count == 0);
    assert_int_equal(read_points(store, id_b, INT64_MIN, INT64_MAX, points, 8), 2);
    assert_true(isnan(points[0].point.mean) && isnan(points[0].point.low) && points[0].unknown_count == 1);
    assert_int_equal(read_points(store, id_a, NOON + 15000, NOON + 15000, points, 8),
                     1); /* both ends belong to it */
    assert_int_equal(read_points(store, 0, INT64_MIN, INT64_MAX, points, 8), 6);
    for (size_t i = 1; i < 6; i++) {
        assert_true(points[i].point.t_ms > points[i - 1].point.t_ms ||
                    (points[i].point.t_ms == points[i - 1].point.t_ms &&
                     points[i].series_id > points[i - 1].series_id));
    }
    struct store_cursor *cursor = NULL;
    assert_int_equal(store_samples_begin(store, 99, 0, 1, &cursor, NULL), STATUS_NOT_FOUND);
}

static void many_series_and_many_samples(void **state)
{
    enum { SERIES = 700, ROUNDS = 3 }; /* more than are cached, and more than a batch */
    for (int round = 0; round < ROUNDS; round++) {
        OK(store_begin(*state, &err));
        for (uint32_t i = 0; i < SERIES; i++) {
            const struct store_series_key key = key_of("t", i + 1, METRIC_HANDLES);
            OK(store_put_sample(*state, &key, NOON + round * 1000, i, &err));
        }
        OK(store_commit(*state, &err));
    }
    struct store_cursor *cursor = NULL;
    int64_t id, first, last;
    struct store_series_key key;
    size_t count = 0;
    OK(store_series_begin(*state, &cursor, &err));
    while (store_series_next(cursor, &id, &key, &first, &last, NULL) == STATUS_OK) {
        count++;
        assert_int_equal(key.process.pid, count);
        assert_int_equal(last - first, (ROUNDS - 1) * 1000);
    }
    store_cursor_free(cursor);
    assert_int_equal(count, SERIES);
    static struct store_point points[SERIES * ROUNDS + 1];
    assert_int_equal(read_points(*state, 0, 0, INT64_MAX, points, ARRAY_COUNT(points)), SERIES * ROUNDS);
    for (size_t i = 0; i < SERIES * ROUNDS; i++) {
        assert_int_equal(points[i].series_id, 1 + i % SERIES);
        assert_true(points[i].point.mean == (double)(i % SERIES));
    }
}

static void maintain_all(struct store *store, int64_t utc_ms)
{
    do {
        OK(store_maintain(store, utc_ms, &err));
    } while (store->work_left);
}

/* Samples every minute for three days, then a day later: the first days are 5-minute rollups, no sample is
 * lost. */
static void raw_becomes_rollups(void **state)
{
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    const struct store_series_key other = key_of("b", 2, METRIC_HANDLES);
    enum { MINUTES = 3 * 24 * 60 };
    OK(store_begin(*state, &err));
    for (int i = 0; i < MINUTES; i++) {
        OK(store_put_sample(*state, &key, NOON + i * MS_PER_MINUTE, i % 7 == 0 ? (double)NAN : i, &err));
        OK(store_put_sample(*state, &other, NOON + i * MS_PER_MINUTE, -i, &err));
    }
    OK(store_commit(*state, &err));
    const int64_t now = NOON + MINUTES * MS_PER_MINUTE;
    maintain_all(*state, now);

    static struct store_point points[MINUTES];
    const size_t count = read_points(*state, 1, 0, INT64_MAX, points, ARRAY_COUNT(points));
    uint64_t known = 0, unknown = 0;
    for (size_t i = 0; i < count; i++) {
        const struct store_point *point = &points[i];
        known += point->known_count;
        unknown += point->unknown_count;
        if (i > 0) /* in order, without overlap */
            assert_true(point->point.t_ms >= points[i - 1].point.t_ms + points[i - 1].width_ms);
        if (point->point.t_ms + MS_PER_MINUTE * 5 <= now - STORE_RAW_MS) {
            assert_int_equal(point->width_ms, 5 * MS_PER_MINUTE);
            double low = INFINITY, high = -INFINITY, sum = 0;
            const int from = (int)((point->point.t_ms - NOON) / MS_PER_MINUTE);
            for (int m = from; m < from + 5; m++) {
                if (m % 7 != 0) {
                    low = m < low ? m : low;
                    high = m > high ? m : high;
                    sum += m;
                }
            }
            assert_true(point->point.low == low && point->point.high == high);
            assert_true(fabs(point->point.mean - sum / point->known_count) < 1e-9);
        } else {
            assert_int_equal(point->width_ms, 0);
        }
    }
    assert_int_equal(known + unknown, MINUTES);
    assert_int_equal(unknown, (MINUTES + 6) / 7);
    assert_int_equal(count, MINUTES - 24 * 60 + 24 * 12);
}

static void rollups_become_hourly_and_are_forgotten(void **state)
{
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    struct store_point points[64];
    for (int i = 0; i < 120; i++) /* two hours, the second one unknown but for one sample */
        OK(store_put_sample(*state, &key, NOON + i * MS_PER_MINUTE, i > 60 ? (double)NAN : i, &err));
    maintain_all(*state, NOON + STORE_RAW_MS + 2 * MS_PER_HOUR);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 64), 24);
    maintain_all(*state, NOON + STORE_MINUTES_MS + 2 * MS_PER_HOUR);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 64), 2);
    assert_true(points[0].point.t_ms == NOON && points[0].width_ms == MS_PER_HOUR);
    assert_true(points[0].point.low == 0 && points[0].point.mean == 29.5 && points[0].point.high == 59);
    assert_true(points[0].known_count == 60 && points[0].unknown_count == 0);
    assert_true(points[1].point.mean == 60 && points[1].known_count == 1 && points[1].unknown_count == 59);
    maintain_all(*state, NOON + STORE_HOURS_MS + MS_PER_HOUR);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 64), 1);
    maintain_all(*state, NOON + STORE_HOURS_MS + 2 * MS_PER_DAY); /* nothing is left of it */
    struct store_cursor *cursor = NULL;
    int64_t id, first, last;
    struct store_series_key got;
    OK(store_series_begin(*state, &cursor, &err));
    assert_int_equal(store_series_next(cursor, &id, &got, &first, &last, NULL), STATUS_NOT_FOUND);
    store_cursor_free(cursor);
    OK(store_put_sample(*state, &key, NOON + STORE_HOURS_MS + 2 * MS_PER_DAY, 1.0,
                        &err)); /* and it begins anew */
    assert_int_equal(read_points(*state, series_at(*state, 0, NULL, NULL, NULL), 0, INT64_MAX, points, 64),
                     1);
}

/* A bucket in which nothing was known is a point that knows nothing, not 0. */
/* A program that ends soon and is started again each minute, beside one that goes on. */
static void put_starts(struct store *store, int starts, int64_t from_utc_ms)
{
    const struct store_series_key steady = key_of("steady", 1, METRIC_PRIVATE_BYTES);
    OK(store_begin(store, &err));
    for (int i = 0; i < starts; i++) {
        const uint32_t pid = (uint32_t)(from_utc_ms / MS_PER_MINUTE) + (uint32_t)i;
        const struct store_series_key key = key_of("again", pid, METRIC_PRIVATE_BYTES);
        for (int64_t ms = 0; ms < MS_PER_MINUTE; ms += 15 * MS_PER_SECOND) {
            const int64_t utc_ms = from_utc_ms + i * MS_PER_MINUTE + ms;
            OK(store_put_sample(store, &steady, utc_ms, 7, &err));
            OK(store_put_sample(store, &key, utc_ms, i, &err));
        }
    }
    OK(store_commit(store, &err));
}

/* What a list of the series costs does not hang on how many have ended; the last sample of those that go on
 * is exact all the same. */
static void series_that_ended_cost_little(void **state)
{
    struct store *store = *state;
    enum { STARTS = 1200 };
    put_starts(store, STARTS, NOON);
    sqlite3_stmt *statement = query_on(store, STATEMENT_SERIES_NEXT).statement;
    sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 1);
    int64_t first = 0, last = 0;
    struct store_series_key key;
    series_at(store, STARTS, &key, &first, &last);
    assert_int_equal(key.process.pid, NOON / MS_PER_MINUTE + STARTS - 1);
    assert_int_equal(last - first, 45 * MS_PER_SECOND);
    assert_in_range(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0), 1, 2000000);
    series_at(store, 0, &key, &first, &last);
    assert_string_equal(key.target, "steady");
    assert_int_equal(last - NOON, STARTS * MS_PER_MINUTE - 15 * MS_PER_SECOND);
    series_at(store, 1, &key, &first, &last); /* ended 20 hours ago */
    assert_int_equal(first, NOON);
    assert_in_range(last, NOON, NOON + MS_PER_HOUR);
}

static int64_t count_of(struct store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    const int64_t count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

/* The file has reached its target: those that lived shortly go first, with all there is of them, and only then
 * is everybody's history kept for less long. */
static void under_pressure_short_lives_go_first(void **state)
{
    struct store *store = *state;
    enum { STARTS = 300 };
    const int64_t now = NOON + 5 * MS_PER_DAY;
    put_starts(store, STARTS, NOON);
    put_starts(store, 1, now - MS_PER_HOUR);
    maintain_all(store, now);
    const int64_t steady_rows = count_of(store, "SELECT count(*) FROM sample_5min WHERE series = 1");
    assert_int_equal(count_of(store, "SELECT count(*) FROM series"), STARTS + 2);
    assert_int_equal(sqlite3_exec(store->db, "CREATE TABLE filler AS SELECT zeroblob(70000000) AS bytes",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    for (int i = 0; i < STARTS / 64 + 1; i++) {
        OK(store_maintain(store, now, &err));
        assert_int_equal(store->keep_permille, 1000);
    }
    /* The steady one, and the one that lived lately. */
    assert_int_equal(count_of(store, "SELECT count(*) FROM series"), 2);
    assert_int_equal(count_of(store, "SELECT count(*) FROM sample_5min WHERE series NOT IN"
                                     " (SELECT id FROM series)"),
                     0);
    assert_int_equal(count_of(store, "SELECT count(*) FROM sample_5min WHERE series = 1"), steady_rows);
    OK(store_maintain(store, now, &err));
    const uint32_t kept_permille = store->keep_permille;
    assert_true(kept_permille < 1000);
    /* Below the target, but not by much: it neither goes on nor back, which would be to and fro. */
    char sql[120];
    snprintf(sql, sizeof(sql), "DROP TABLE filler; CREATE TABLE filler AS SELECT zeroblob(%lld) AS bytes",
             (long long)(STORE_HISTORY_BYTES / 100 * 85));
    assert_int_equal(sqlite3_exec(store->db, sql, NULL, NULL, NULL), SQLITE_OK);
    maintain_all(store, now);
    assert_int_equal(store->keep_permille, kept_permille);
    assert_int_equal(sqlite3_exec(store->db, "DROP TABLE filler", NULL, NULL, NULL), SQLITE_OK);
    maintain_all(store, now);
    assert_true(store->keep_permille > kept_permille);
}

static void unknown_bucket(void **state)
{
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    struct store_point points[8];
    for (int i = 0; i < 10; i++)
        OK(store_put_sample(*state, &key, NOON + i * MS_PER_MINUTE, NAN, &err));
    maintain_all(*state, NOON + STORE_RAW_MS + MS_PER_HOUR);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 8), 2);
    assert_true(isnan(points[0].point.mean) && points[0].known_count == 0 && points[0].unknown_count == 5);
    maintain_all(*state, NOON + STORE_MINUTES_MS + MS_PER_HOUR);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 8), 1);
    assert_true(isnan(points[0].point.low) && points[0].known_count == 0 && points[0].unknown_count == 10);
}

/* The clock was set back: late samples join the bucket that exists. */
static void late_samples_merge(void **state)
{
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    const int64_t now = NOON + STORE_RAW_MS + MS_PER_HOUR;
    struct store_point points[8];
    OK(store_put_sample(*state, &key, NOON, 10.0, &err));
    OK(store_put_sample(*state, &key, NOON + 1000, NAN, &err));
    maintain_all(*state, now);
    OK(store_put_sample(*state, &key, NOON + 2000, 40.0, &err));
    OK(store_put_sample(*state, &key, NOON + 3000, 10.0, &err));
    OK(store_put_sample(*state, &key, NOON - MS_PER_DAY, 1.0, &err)); /* earlier than the series began */
    maintain_all(*state, now);
    assert_int_equal(read_points(*state, 1, 0, INT64_MAX, points, 8), 2);
    assert_true(points[1].point.low == 10 && points[1].point.mean == 20 && points[1].point.high == 40);
    assert_true(points[1].known_count == 3 && points[1].unknown_count == 1);
    int64_t first = 0, last = 0;
    series_at(*state, 0, NULL, &first, &last);
    assert_int_equal(first, NOON - MS_PER_DAY);
}

/* A cursor neither blocks the writer nor gives a time twice when it is thinned under it. */
static void cursor_while_thinning(void **state)
{
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    enum { SAMPLES = 2000 };
    OK(store_begin(*state, &err));
    for (int i = 0; i < SAMPLES; i++)
        OK(store_put_sample(*state, &key, NOON + i * MS_PER_MINUTE, i, &err));
    OK(store_commit(*state, &err));
    struct store *reader = NULL;
    struct store_cursor *cursor = NULL;
    struct store_point point;
    OK(store_open_readonly(PATH, &reader, &err));
    OK(store_samples_begin(reader, 1, 0, INT64_MAX, &cursor, &err));
    int64_t last = 0;
    size_t count = 0;
    while (store_points_next(cursor, &point, NULL) == STATUS_OK) {
        assert_true(point.point.t_ms > last);
        last = point.point.t_ms;
        if (count++ == 100)
            maintain_all(*state, NOON + STORE_RAW_MS + 1000 * MS_PER_MINUTE);
    }
    assert_int_equal(last, NOON + (SAMPLES - 1) * MS_PER_MINUTE);
    store_cursor_free(cursor);
    struct err why = {0};
    assert_int_equal(store_put_setting(reader, "a", "b", &why), STATUS_DENIED);
    store_close(reader);
}

static void done_things_are_forgotten(void **state)
{
    struct incident incident;
    static struct restart_journal journal, journals[8];
    for (int64_t id = 1; id <= 4;
         id++) { /* 1: closed long ago; 2: still open; 3: closed lately; 4: the newest */
        fill_incident(&incident, id);
        incident.state = id == 2 ? INCIDENT_OPEN : INCIDENT_CLOSED;
        incident.closed_utc_ms = id == 3 ? NOON : 1;
        OK(store_put_incident(*state, &incident, &err));
        fill_restart(&journal, id, 2);
        journal.phase = id == 2 ? RESTART_STARTING : RESTART_ENDED;
        journal.ended_utc_ms = id == 3 ? NOON : 1;
        OK(store_put_restart(*state, &journal, &err));
        char key[16];
        snprintf(key, sizeof(key), "k%d", (int)id);
        put_mail(*state, key, id, 1);
        if (id != 2)
            OK(store_set_mail(*state, key, MAIL_SENT, 1, "", id == 3 ? NOON : 1, &err));
    }
    maintain_all(*state, NOON);
    struct incident incidents[8];
    struct outbox_entry entries[8];
    size_t count = 0;
    OK(store_get_incidents(*state, false, incidents, 8, &count, &err));
    assert_int_equal(count, 3); /* the newest stays: the next id goes on from it */
    assert_int_equal(incidents[2].id, 2);
    OK(store_get_restarts(*state, journals, 8, &count, &err));
    assert_int_equal(count, 3);
    assert_int_equal(journals[0].id, 2);
    OK(store_get_mails(*state, entries, 8, &count, &err));
    assert_int_equal(count, 2);
    assert_int_equal(entries[1].id, 2);
    put_mail(*state, "k9", 9, NOON);
    OK(store_get_mails(*state, entries, 1, &count, &err));
    assert_int_equal(entries[0].id, 5); /* an id is never used again */
}

/* Ids may lie far apart: they begin at the time of day where the file could not be read. How many incidents
 * there are decides how many are too many. */
static void few_incidents_are_kept(void **state)
{
    static const int64_t ids[] = {1, 2, INT64_C(1800000000)};
    struct incident incident, incidents[8];
    static struct restart_journal journal, journals[8];
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        fill_incident(&incident, ids[i]);
        incident.state = INCIDENT_CLOSED;
        incident.closed_utc_ms = NOON;
        OK(store_put_incident(*state, &incident, &err));
        fill_restart(&journal, ids[i], 2);
        journal.phase = RESTART_ENDED;
        journal.ended_utc_ms = NOON;
        OK(store_put_restart(*state, &journal, &err));
    }
    maintain_all(*state, NOON);
    size_t count = 0;
    OK(store_get_incidents(*state, false, incidents, 8, &count, &err));
    assert_int_equal(count, ARRAY_COUNT(ids));
    OK(store_get_restarts(*state, journals, 8, &count, &err));
    assert_int_equal(count, ARRAY_COUNT(ids));
}

/* ---- transactions ---- */

static void transactions(void **state)
{
    struct store *store = *state;
    const struct store_series_key key = key_of("a", 1, METRIC_HANDLES);
    struct err why = {0};
    char value[8];
    assert_int_equal(store_commit(store, &why), STATUS_INVALID);
    store_rollback(store); /* harmless */
    OK(store_begin(store, &err));
    assert_int_equal(store_begin(store, NULL), STATUS_INVALID);
    assert_int_equal(store_maintain(store, NOON, NULL), STATUS_INVALID);
    OK(store_put_setting(store, "a", "1", &err));
    OK(store_put_sample(store, &key, NOON, 1.0, &err));
    store_rollback(store);
    assert_int_equal(store_get_setting(store, "a", value, sizeof(value), NULL), STATUS_NOT_FOUND);
    /* The series was taken back with it; the store must not believe that it is still there. */
    OK(store_put_sample(store, &key, NOON, 2.0, &err));
    struct store_point point;
    assert_int_equal(read_points(store, series_at(store, 0, NULL, NULL, NULL), 0, INT64_MAX, &point, 1), 1);
    assert_true(point.point.mean == 2.0);
    OK(store_begin(store, &err));
    OK(store_put_setting(store, "a", "2", &err));
    store_close(store); /* without a commit */
    *state = NULL;
    OK(store_open(PATH, NOON, (struct store **)state, &err));
    assert_int_equal(store_get_setting(*state, "a", value, sizeof(value), NULL), STATUS_NOT_FOUND);
}

/* A reader sees what was committed, also while the writer is in the middle of something. */
static void reading_while_writing(void **state)
{
    struct store *reader = NULL;
    char value[8];
    OK(store_put_setting(*state, "a", "1", &err));
    OK(store_begin(*state, &err));
    OK(store_put_setting(*state, "a", "2", &err));
    OK(store_open_readonly(PATH, &reader, &err));
    OK(store_get_setting(reader, "a", value, sizeof(value), &err));
    assert_string_equal(value, "1");
    OK(store_commit(*state, &err));
    OK(store_get_setting(reader, "a", value, sizeof(value), &err));
    assert_string_equal(value, "2");
    store_close(reader);
}

static void second_writer_is_busy(void **state)
{
    struct store *second = NULL;
    struct err why = {0};
    OK(store_open(PATH, NOON, &second, &err));
    OK(store_begin(*state, &err));
    assert_int_equal(store_put_setting(second, "a", "1", &why), STATUS_BUSY);
    store_rollback(*state);
    OK(store_put_setting(second, "a", "1", &err));
    store_close(second);
}

static void paths(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"/var/lib/x", "/var/lib/x/" STORE_FILE_NAME},
        {"/var/lib/x/", "/var/lib/x/" STORE_FILE_NAME},
        {"C:\\Data", "C:\\Data\\" STORE_FILE_NAME},
        {"C:\\", "C:\\" STORE_FILE_NAME},
        {"", STORE_FILE_NAME},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char path[128];
        store_path(path, sizeof(path), cases[i][0]);
        assert_string_equal(path, cases[i][1]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(incident_round_trip),
        TEST(incident_unknown_numbers_stay_unknown),
        TEST(incident_enums),
        TEST(incidents_newest_first_and_open),
        TEST(restart_round_trip),
        TEST(restarts_unfinished_first),
        TEST(budget_round_trip),
        TEST(settings),
        TEST(mail_round_trip),
        TEST(mail_without_a_body),
        TEST(mail_key_is_queued_once),
        TEST(mails_in_order),
        TEST(a_late_mail_stands_for_those_before),
        TEST(a_late_mail_names_not_all),
        TEST(mails_counted),
        TEST(mails_are_bounded),
        TEST(samples_round_trip),
        TEST(many_series_and_many_samples),
        TEST(raw_becomes_rollups),
        TEST(rollups_become_hourly_and_are_forgotten),
        TEST(series_that_ended_cost_little),
        TEST(under_pressure_short_lives_go_first),
        TEST(unknown_bucket),
        TEST(late_samples_merge),
        TEST(cursor_while_thinning),
        TEST(done_things_are_forgotten),
        TEST(few_incidents_are_kept),
        TEST(transactions),
        TEST(reading_while_writing),
        TEST(second_writer_is_busy),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

/* test_store_crash.c - the store under everything that can happen to it: killed, power cut, a disk that
 * fails, is full, or has no memory left. After each it opens again, nothing that was acknowledged is missing,
 * and nothing is there by halves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "storewatch/store.h"
#include "storewatch/units.h"
#include "vfs_fault.h"

#include <sqlite3.h>

#define PATH "/disk/storewatch.db"
#define NOON INT64_C(1795348800000)
#define SERIES 3
#define ROUND_MS (25 * MS_PER_HOUR) /* between two rounds: samples are thinned at the fourth */

/* ---- the story: round after round, everything in it says which round it was ---- */

static struct store_series_key series_key(uint32_t i)
{
    struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                   .target = "archive",
                                   .image = "archive.exe",
                                   .process = {100 + i, 1},
                                   .metric = METRIC_HANDLES};
    return key;
}

static enum status write_round(struct store *store, int round, struct err *err)
{
    const int64_t utc_ms = NOON + round * ROUND_MS;
    enum status status = store_begin(store, err);
    for (uint32_t i = 0; status == STATUS_OK && i < SERIES; i++) {
        const struct store_series_key key = series_key(i);
        status = store_put_sample(store, &key, utc_ms, round, err);
    }
    if (status == STATUS_OK) {
        struct incident incident = {.id = 1, .target = "archive", .told_count = (uint32_t)round};
        status = store_put_incident(store, &incident, err);
    }
    if (status == STATUS_OK) {
        static struct restart_journal journal;
        memset(&journal, 0, sizeof(journal));
        journal.id = 1;
        journal.incident_id = round;
        journal.phase = RESTART_STOPPING;
        journal.plan.count = 1 + (size_t)round % 4;
        for (size_t i = 0; i < journal.plan.count; i++) {
            snprintf(journal.plan.services[i].name, SERVICE_NAME_MAX, "S%zu", i);
            journal.plan.services[i].process.pid = (uint32_t)round;
        }
        status = store_put_restart(store, &journal, err);
    }
    if (status == STATUS_OK) {
        const struct budget_entry entries[2] = {{1, "S0", round}, {2, "S1", round}};
        status = store_put_budget(store, entries, 2, err);
    }
    if (status == STATUS_OK) {
        static char body[3000]; /* overflow pages too */
        memset(body, 'a' + round % 26, sizeof(body) - 1);
        struct mail mail = {.plain = body, .html = body};
        snprintf(mail.key, sizeof(mail.key), "i1-%d", round);
        status = store_put_mail(store, &mail, ALERT_REMINDER, 1, utc_ms, err);
    }
    if (status == STATUS_OK && round > 2) /* an earlier mail was delivered */
        status = store_set_mail(store, "i1-1", MAIL_SENT, 1, "250 ok", utc_ms, err);
    if (status == STATUS_OK) {
        char value[16];
        snprintf(value, sizeof(value), "%d", round);
        status = store_put_setting(store, "round", value, err);
    }
    if (status == STATUS_OK)
        return store_commit(store, err);
    store_rollback(store);
    return status;
}

/* What round is there? Fails the test unless all of it is. On a full disk history may have been forgotten. */
static int read_round(struct store *store, bool forgetful)
{
    struct err err = {0};
    char value[16] = "0";
    enum status status = store_get_setting(store, "round", value, sizeof(value), &err);
    assert_true(status == STATUS_OK || status == STATUS_NOT_FOUND);
    const int round = atoi(value);
    struct incident incident;
    static struct restart_journal journal;
    struct budget_entry entries[4];
    size_t count = 0;
    assert_int_equal(store_get_incidents(store, false, &incident, 1, &count, &err), STATUS_OK);
    assert_int_equal(count, round > 0);
    assert_true(round == 0 || incident.told_count == (uint32_t)round);
    assert_int_equal(store_get_restarts(store, &journal, 1, &count, &err), STATUS_OK);
    assert_int_equal(count, round > 0);
    if (round > 0) {
        assert_int_equal(journal.incident_id, round);
        assert_int_equal(journal.plan.count, 1 + round % 4);
        assert_int_equal(journal.plan.services[journal.plan.count - 1].process.pid, round);
    }
    assert_int_equal(store_get_budget(store, entries, 4, &count, &err), STATUS_OK);
    assert_int_equal(count, round > 0 ? 2 : 0);
    assert_true(round == 0 || (entries[0].age_ms == round && entries[1].age_ms == round));
    size_t pending = 0, sent = 0;
    assert_int_equal(store_count_mails(store, MAIL_PENDING, 0, &pending, &err), STATUS_OK);
    assert_int_equal(store_count_mails(store, MAIL_SENT, 0, &sent, &err), STATUS_OK);
    assert_int_equal(sent, round > 2);
    assert_int_equal(pending + sent, round);
    /* Every sample of every round is in exactly one tier. */
    struct store_cursor *cursor = NULL;
    struct store_point point;
    uint64_t samples = 0;
    int last = 0;
    assert_int_equal(store_samples_begin(store, 0, 0, INT64_MAX, &cursor, &err), STATUS_OK);
    while ((status = store_points_next(cursor, &point, &err)) == STATUS_OK) {
        samples += point.known_count;
        last = (int)point.point.high;
    }
    assert_int_equal(status, STATUS_NOT_FOUND);
    store_cursor_free(cursor);
    assert_true(forgetful || (samples == (uint64_t)round * SERIES && last == round));
    return round;
}

static struct store *open_sound(const char *path)
{
    struct store *store = NULL;
    struct err err = {0};
    if (store_open(path, NOON, &store, &err) != STATUS_OK)
        fail_msg("%s: %s", err.operation, err.text);
    char told[STORE_SET_ASIDE_MAX];
    if (store_get_setting(store, STORE_SETTING_SET_ASIDE, told, sizeof(told), NULL) != STATUS_NOT_FOUND)
        fail_msg("was set aside: %s", told);
    return store;
}

/* Tells the story from the round after the last one, whatever fails on the way. Returns the last acknowledged
 * round; rounds that failed are tried again, so none is left out. */
static int tell(struct store *store, int round, int rounds, int tries)
{
    for (; rounds > 0 && tries > 0; tries--) {
        if (write_round(store, round + 1, NULL) == STATUS_OK) {
            round++;
            rounds--;
        }
        if (round % 2 == 0)
            store_maintain(store, NOON + round * ROUND_MS, NULL);
    }
    return round;
}

static int on_disk(void **state)
{
    (void)state;
    vfs_fault_install();
    return 0;
}

static int off_disk(void **state)
{
    (void)state;
    vfs_fault_uninstall();
    return 0;
}

/* ---- power ---- */

#define ROUNDS 4

/* Opens, tells, closes; the power may go at any point. Returns the last acknowledged round. */
static int tell_until_dark(int *tried)
{
    struct store *store = NULL;
    int round = 0;
    *tried = 0;
    if (store_open(PATH, NOON, &store, NULL) == STATUS_OK) {
        round = tell(store, 0, ROUNDS, ROUNDS);
        *tried = round < ROUNDS ? round + 1 : ROUNDS;
    }
    store_close(store);
    return round;
}

static void power_cut_anywhere(void **state)
{
    (void)state;
    int tried = 0;
    assert_int_equal(tell_until_dark(&tried), ROUNDS);
    const uint64_t changes = vfs_fault_count(VFS_MASK_CHANGES);
    assert_true(changes > 100);
    uint64_t cuts = 0, found_more = 0;
    for (uint64_t at = 1; at <= changes; at++) {
        for (unsigned way = (unsigned)(at % 3); way < 4; way += 3) { /* VFS_KEEP_RANDOM twice as often */
            vfs_fault_uninstall();
            vfs_fault_install();
            vfs_fault_arm_power_cut(VFS_MASK_CHANGES, at);
            const int acknowledged = tell_until_dark(&tried);
            assert_true(vfs_fault_struck());
            vfs_fault_power_on(way == 0   ? VFS_KEEP_ALL
                               : way == 1 ? VFS_LOSE_ALL
                                          : VFS_KEEP_RANDOM,
                               at * 4 + way);
            struct store *store = open_sound(PATH);
            const int round = read_round(store, false);
            if (round < acknowledged || round > tried) {
                fail_msg("cut at change %d, way %u: %d acknowledged, %d found", (int)at, way, acknowledged,
                         round);
            }
            found_more += round > acknowledged;
            cuts++;
            assert_int_equal(tell(store, round, 3, 3), round + 3); /* and it goes on */
            assert_int_equal(read_round(store, false), round + 3);
            store_close(store);
        }
    }
    print_message("%d power cuts, %d times the transaction in flight was found done\n", (int)cuts,
                  (int)found_more);
}

/* ---- failing calls ---- */

static void fail_anywhere(unsigned mask, int code, bool once)
{
    for (uint64_t at = 1;; at += once ? 1 : 4) {
        vfs_fault_uninstall();
        vfs_fault_install();
        vfs_fault_arm(mask, at, code, once);
        struct store *store = NULL;
        struct err err = {0};
        int round = 0;
        int tries = 2;
        /* What fails once works the second time. */
        while (store_open(PATH, NOON, &store, &err) != STATUS_OK && --tries > 0)
            assert_true(err.status != STATUS_OK && err.text[0] != '\0');
        if (store != NULL)
            round = tell(store, 0, ROUNDS, once ? ROUNDS + 2 : ROUNDS);
        if (once && round != ROUNDS)
            fail_msg("code %d at operation %d: only %d rounds", code, (int)at, round);
        const bool struck = vfs_fault_struck();
        store_close(store);
        vfs_fault_disarm();
        store = open_sound(PATH);
        const int found = read_round(store, code == SQLITE_FULL);
        if (found < round || found > round + 1)
            fail_msg("code %d at operation %d: %d acknowledged, %d found", code, (int)at, round, found);
        assert_int_equal(tell(store, found, 2, 2), found + 2);
        store_close(store);
        if (!struck) {
            assert_true(at > 1); /* some operation failed */
            break;
        }
    }
}

static void writes_fail(void **state)
{
    (void)state;
    fail_anywhere(VFS_MASK(VFS_WRITE), SQLITE_IOERR_WRITE, true);
    fail_anywhere(VFS_MASK(VFS_WRITE), SQLITE_IOERR_WRITE, false);
}

static void disk_full_at_any_write(void **state)
{
    (void)state;
    fail_anywhere(VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_TRUNCATE), SQLITE_FULL, true);
    fail_anywhere(VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_TRUNCATE), SQLITE_FULL, false);
}

static void syncs_fail(void **state)
{
    (void)state;
    fail_anywhere(VFS_MASK(VFS_SYNC), SQLITE_IOERR_FSYNC, true);
    fail_anywhere(VFS_MASK(VFS_SYNC), SQLITE_IOERR_FSYNC, false);
}

static void other_calls_fail(void **state)
{
    (void)state;
    fail_anywhere(VFS_MASK(VFS_SHM), SQLITE_IOERR_SHMMAP, true);
    fail_anywhere(VFS_MASK(VFS_SHM), SQLITE_BUSY, true);
    fail_anywhere(VFS_MASK(VFS_LOCK), SQLITE_BUSY, true);
    fail_anywhere(VFS_MASK(VFS_SIZE), SQLITE_IOERR_FSTAT, true);
    fail_anywhere(VFS_MASK(VFS_TRUNCATE), SQLITE_IOERR_TRUNCATE, true);
    fail_anywhere(VFS_MASK(VFS_OPEN), SQLITE_IOERR, true);
}

/* SQLite undoes the whole transaction when a statement of it fails in a certain way. What a caller who did
 * not notice sends after that must not be kept as if it were the whole. */
static void undone_behind_the_back(void **state)
{
    (void)state;
    enum { INCIDENTS = 3000 }; /* more than the cache holds */
    struct store *store = open_sound(PATH);
    struct err err = {0};
    struct incident incident = {.target = "archive"};
    char value[8];
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    for (incident.id = 1; incident.id <= INCIDENTS; incident.id++) {
        memset(incident.reason, 'x', sizeof(incident.reason) - 1);
        assert_int_equal(store_put_incident(store, &incident, &err), STATUS_OK);
    }
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    assert_int_equal(store_put_setting(store, "before", "1", &err), STATUS_OK);
    vfs_fault_arm(VFS_MASK(VFS_READ), 1, SQLITE_IOERR_READ, true);
    for (incident.id = 1; incident.id < INCIDENTS && !vfs_fault_struck(); incident.id += 100) {
        const enum status status = store_put_incident(store, &incident, NULL);
        assert_int_equal(status, vfs_fault_struck() ? STATUS_IO : STATUS_OK);
    }
    assert_true(vfs_fault_struck());
    vfs_fault_disarm();
    assert_int_equal(store_put_setting(store, "after", "1", &err), STATUS_IO);
    assert_non_null(strstr(err.text, "undone"));
    const struct budget_entry entry = {1, "S", 1};
    assert_int_equal(store_put_budget(store, &entry, 1, NULL), STATUS_IO);
    assert_int_equal(store_commit(store, NULL), STATUS_IO);
    assert_int_equal(store_get_setting(store, "before", value, sizeof(value), NULL), STATUS_NOT_FOUND);
    assert_int_equal(store_get_setting(store, "after", value, sizeof(value), NULL), STATUS_NOT_FOUND);
    err = (struct err){0};
    assert_int_equal(store_begin(store, &err), STATUS_OK); /* and the next one works */
    assert_int_equal(store_put_setting(store, "after", "2", &err), STATUS_OK);
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    store_close(store);
}

/* ---- memory ---- */

static sqlite3_mem_methods real_memory;
static int64_t memory_left = INT64_MAX;

static bool memory_there(void)
{
    return memory_left > 0 ? (memory_left--, true) : false;
}

static void *scarce_malloc(int bytes)
{
    return memory_there() ? real_memory.xMalloc(bytes) : NULL;
}

static void *scarce_realloc(void *block, int bytes)
{
    return memory_there() ? real_memory.xRealloc(block, bytes) : NULL;
}

/* From the n-th allocation on there is none, for every n until the story needs no more. */
static void no_memory_anywhere(void **state)
{
    (void)state;
    for (int64_t at = 0;; at += 1 + at / 50) {
        vfs_fault_uninstall();
        vfs_fault_install();
        memory_left = at;
        struct store *store = NULL;
        struct err err = {0};
        int round = 0;
        if (store_open(PATH, NOON, &store, &err) == STATUS_OK)
            round = tell(store, 0, ROUNDS, ROUNDS);
        else
            assert_int_equal(err.status, STATUS_NO_MEMORY);
        const bool enough = memory_left > 0;
        store_close(store);
        memory_left = INT64_MAX;
        store = open_sound(PATH);
        assert_int_equal(read_round(store, false), round);
        store_close(store);
        if (enough) {
            assert_int_equal(round, ROUNDS);
            assert_true(at > 10); /* it was scarce before */
            break;
        }
    }
}

/* ---- a full disk ---- */

/* The disk has no byte left for the rest of the story: samples are put at the usual pace, and the journal
 * with them. What must be written is written at the second try at the latest, and only history is forgotten.
 */
static void full_disk_keeps_the_journal(void **state)
{
    (void)state;
    struct store *store = open_sound(PATH);
    enum { MANY = 20, BEFORE = 5000, AFTER = 1500 };
    struct err err = {0};
    const int64_t step_ms = 15000;
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    for (int i = 0; i < BEFORE * MANY; i++) {
        const struct store_series_key key = series_key((uint32_t)(i % MANY));
        assert_int_equal(store_put_sample(store, &key, NOON + i / MANY * step_ms, i, &err), STATUS_OK);
    }
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    assert_int_equal(store_maintain(store, NOON + BEFORE * step_ms, &err), STATUS_OK);
    const int64_t quota = vfs_fault_used_bytes();
    vfs_fault_set_quota(quota);
    int failures = 0;
    for (int i = 0; i < AFTER; i++) {
        const int64_t utc_ms = NOON + (BEFORE + i) * step_ms;
        for (int attempt = 1;; attempt++) {
            enum status status = store_begin(store, NULL);
            for (uint32_t s = 0; status == STATUS_OK && s < MANY; s++) {
                const struct store_series_key key = series_key(s);
                status = store_put_sample(store, &key, utc_ms, i, NULL);
            }
            static struct restart_journal journal;
            memset(&journal, 0, sizeof(journal));
            journal.id = 1 + i / 3; /* a new one from time to time, so that they take place too */
            journal.incident_id = i;
            journal.plan.count = RESTART_SERVICES_MAX;
            if (status == STATUS_OK)
                status = store_put_restart(store, &journal, NULL);
            status = status == STATUS_OK ? store_commit(store, NULL) : status;
            if (status == STATUS_OK)
                break;
            assert_int_equal(status, STATUS_FULL);
            store_rollback(store);
            failures++;
            if (attempt == 2)
                fail_msg("transaction %d was refused twice", i);
        }
        if (i % 20 == 0)
            store_maintain(store, utc_ms, NULL);
    }
    assert_true(vfs_fault_refusals() > 0); /* the disk was full indeed */
    assert_true(vfs_fault_used_bytes() <= quota);
    vfs_fault_set_quota(0);
    store_close(store);
    store = open_sound(PATH);
    static struct restart_journal journals[AFTER / 3 + 1];
    size_t count = 0;
    assert_int_equal(store_get_restarts(store, journals, ARRAY_COUNT(journals), &count, &err), STATUS_OK);
    assert_int_equal(count, AFTER / 3);
    assert_int_equal(journals[0].incident_id, AFTER - 1);
    assert_int_equal(journals[0].plan.count, RESTART_SERVICES_MAX);
    /* Forgotten was what had to be, not everything. */
    struct store_cursor *cursor = NULL;
    struct store_point point;
    uint64_t samples = 0, points = 0;
    assert_int_equal(store_samples_begin(store, 0, 0, INT64_MAX, &cursor, &err), STATUS_OK);
    while (store_points_next(cursor, &point, &err) == STATUS_OK) {
        samples += point.known_count;
        points++;
    }
    store_cursor_free(cursor);
    assert_true(points < samples / 2 && samples > (BEFORE + AFTER) * MANY / 2);
    store_close(store);
    print_message("%d of %d samples kept in %d points; ", (int)samples, (BEFORE + AFTER) * MANY, (int)points);
    print_message("the disk refused %d times, %d of %d transactions\n", (int)vfs_fault_refusals(), failures,
                  AFTER);
}

/* ---- a killed process, on a real file ---- */

static void killed_anywhere(void **state)
{
    (void)state;
    char folder[] = "/tmp/storewatch-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/storewatch.db", folder);
    srand(20261122);
    int kills = 0, killed_in_the_middle = 0;
    for (; kills < 40; kills++) {
        int pipes[2];
        assert_int_equal(pipe(pipes), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct store *store = NULL;
            char value[16] = "0";
            if (store_open(path, NOON, &store, NULL) != STATUS_OK)
                _exit(1);
            store_get_setting(store, "round", value, sizeof(value), NULL);
            for (int round = atoi(value) + 1;; round++) {
                if (write_round(store, round, NULL) != STATUS_OK ||
                    write(pipes[1], &round, sizeof(round)) != sizeof(round))
                    _exit(2);
                if (round % 2 == 0)
                    store_maintain(store, NOON + round * ROUND_MS, NULL);
            }
        }
        close(pipes[1]);
        int acknowledged = -1, next = 0;
        assert_int_equal(read(pipes[0], &acknowledged, sizeof(acknowledged)), sizeof(acknowledged));
        nanosleep(&(struct timespec){.tv_nsec = rand() % 15000000},
                  NULL); /* not a wait: the moment of the kill */
        kill(child, SIGKILL);
        int ended = 0;
        assert_int_equal(waitpid(child, &ended, 0), child);
        assert_true(WIFSIGNALED(ended));
        while (read(pipes[0], &next, sizeof(next)) == sizeof(next))
            acknowledged = next;
        close(pipes[0]);
        struct store *reader = NULL;
        struct err err = {0};
        assert_int_equal(store_open_readonly(path, &reader, &err),
                         STATUS_OK); /* the log is there, its owner is not */
        /* A fast machine gets so far that the first rounds are forgotten. */
        const bool forgetful = acknowledged > 300;
        const int found = read_round(reader, forgetful);
        store_close(reader);
        if (found != acknowledged && found != acknowledged + 1)
            fail_msg("%d acknowledged, %d found", acknowledged, found);
        killed_in_the_middle += found != acknowledged;
        struct store *store = open_sound(path);
        assert_int_equal(read_round(store, forgetful), found);
        store_close(store);
    }
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* closing left nothing else behind */
    print_message("%d kills, %d between commit and acknowledgement\n", kills, killed_in_the_middle);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, on_disk, off_disk)

int main(void)
{
    /* Before SQLite is used for the first time. */
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        return 1;
    sqlite3_mem_methods scarce = real_memory;
    scarce.xMalloc = scarce_malloc;
    scarce.xRealloc = scarce_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &scarce) != SQLITE_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        TEST(power_cut_anywhere),
        TEST(writes_fail),
        TEST(disk_full_at_any_write),
        TEST(syncs_fail),
        TEST(other_calls_fail),
        TEST(undone_behind_the_back),
        TEST(no_memory_anywhere),
        TEST(full_disk_keeps_the_journal),
        cmocka_unit_test(killed_anywhere),
    };
    return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}

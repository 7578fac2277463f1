/* test_store_open.c - files that are not what they should be: damaged anywhere, another program's, from the
 * future, unreadable. Opening never fails for their sake, never hangs, and loses as little as it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storewatch/store.h"
#include "storewatch/units.h"
#include "vfs_fault.h"

#include <sqlite3.h>

#define PATH "/disk/storewatch.db"
#define NOON INT64_C(1795348800000) /* 2026-11-22T12:00:00Z */
#define ASIDE PATH ".bad-20261122T120000"

/* The store's own, which renames on the real disk, unless the test works on the one in memory. */
static bool in_memory;
static int renames_left; /* then the power fails; below 0: it does not */
static bool log_held;    /* another program has the log of PATH open: it can be neither renamed nor removed */
static int refusals;     /* of what is to be called PATH: a scanner has it open; below 0: for ever */
static char set_aside[600]; /* where the latest open_store put the old file; "" = it did not */
bool set_aside_rename(const char *from, const char *to);
bool set_aside_rename(const char *from, const char *to)
{
    const char *bad = strstr(to, ".bad-");
    if (bad != NULL && strstr(bad, "-wal") == NULL && strstr(bad, "-shm") == NULL)
        snprintf(set_aside, sizeof(set_aside), "%s", to);
    if (!in_memory)
        return rename(from, to) == 0;
    if (refusals != 0 && strcmp(to, PATH) == 0) {
        refusals -= refusals > 0;
        return false;
    }
    if (log_held && strcmp(from, PATH "-wal") == 0)
        return false;
    const bool done = renames_left != 0 && vfs_fault_rename(from, to);
    if (done && renames_left > 0 && --renames_left == 0)
        vfs_fault_power_cut();
    return done;
}

static int on_disk(void **state)
{
    (void)state;
    in_memory = true;
    renames_left = -1;
    refusals = 0;
    log_held = false;
    vfs_fault_install();
    return 0;
}

static int off_disk(void **state)
{
    (void)state;
    vfs_fault_uninstall();
    in_memory = false;
    return 0;
}

static struct store *open_store(const char *path)
{
    struct store *store = NULL;
    struct err err = {0};
    set_aside[0] = '\0';
    if (store_open(path, NOON, &store, &err) != STATUS_OK)
        fail_msg("%s: %s", err.operation, err.text);
    return store;
}

/* What ops are to be told of an old file; "" = nothing. */
static const char *told(struct store *store)
{
    static char text[STORE_SET_ASIDE_MAX];
    text[0] = '\0';
    store_get_setting(store, STORE_SETTING_SET_ASIDE, text, sizeof(text), NULL);
    return text;
}

/* A file with something in every table, and many pages of samples. */
static void fill(const char *path, int polls)
{
    struct err err = {0};
    struct store *store = open_store(path);
    assert_string_equal(set_aside, "");
    assert_int_equal(store_begin(store, &err), STATUS_OK);
    for (int i = 0; i < polls; i++) {
        const struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                             .target = "archive",
                                             .image = "archive.exe",
                                             .process = {1, 2},
                                             .metric = METRIC_HANDLES};
        assert_int_equal(store_put_sample(store, &key, NOON - (polls - i) * MS_PER_MINUTE, i, &err),
                         STATUS_OK);
    }
    struct incident incident = {.id = 1, .target = "archive", .told_count = 3};
    assert_int_equal(store_put_incident(store, &incident, &err), STATUS_OK);
    static struct restart_journal journal = {.id = 5, .phase = RESTART_STOPPING};
    journal.plan.count = 2;
    strcpy(journal.plan.services[1].name, "MSExchangeIS");
    assert_int_equal(store_put_restart(store, &journal, &err), STATUS_OK);
    const struct budget_entry budget = {5, "MSExchangeIS", 77};
    assert_int_equal(store_put_budget(store, &budget, 1, &err), STATUS_OK);
    struct mail mail = {.key = "i1-3", .plain = (char *)(uintptr_t) "body"};
    assert_int_equal(store_put_mail(store, &mail, ALERT_OPENED, 1, NOON, &err), STATUS_OK);
    assert_int_equal(store_put_setting(store, "clean_stop", "1", &err), STATUS_OK);
    assert_int_equal(store_commit(store, &err), STATUS_OK);
    assert_int_equal(store_maintain(store, NOON, &err), STATUS_OK);
    store_close(store);
}

/* Is all but the samples there? */
static bool is_filled(struct store *store)
{
    struct incident incident;
    static struct restart_journal journal;
    struct budget_entry budget;
    struct outbox_entry entry = {0};
    char value[8];
    size_t incidents = 0, restarts = 0, entries = 0;
    const bool there =
        store_get_incidents(store, true, &incident, 1, &incidents, NULL) == STATUS_OK && incidents == 1 &&
        incident.told_count == 3 && store_get_restarts(store, &journal, 1, &restarts, NULL) == STATUS_OK &&
        restarts == 1 && journal.plan.count == 2 &&
        strcmp(journal.plan.services[1].name, "MSExchangeIS") == 0 &&
        store_get_budget(store, &budget, 1, &entries, NULL) == STATUS_OK && entries == 1 &&
        budget.age_ms == 77 &&
        store_get_setting(store, "clean_stop", value, sizeof(value), NULL) == STATUS_OK &&
        store_next_mail(store, 0, 0, &entry, NULL) == STATUS_OK && strcmp(entry.mail.key, "i1-3") == 0;
    outbox_entry_deinit(&entry);
    return there;
}

static void works(struct store *store)
{
    struct err err = {0};
    char value[8];
    if (store_begin(store, &err) != STATUS_OK ||
        store_put_setting(store, "works", "yes", &err) != STATUS_OK ||
        store_commit(store, &err) != STATUS_OK || store_maintain(store, NOON, &err) != STATUS_OK ||
        store_get_setting(store, "works", value, sizeof(value), &err) != STATUS_OK)
        fail_msg("%s: %s", err.operation, err.text);
}

/* Runs statements on the file behind the store's back. */
static void tamper(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* ---- damage ---- */

/* One byte wrong, at every place of the pages that rule the others and at many of the rest. */
static void damaged_anywhere(void **state)
{
    (void)state;
    fill(PATH, 1200);
    const int64_t size = vfs_fault_file_bytes(PATH);
    assert_true(size > 16 * 4096);
    unsigned set_aside_count = 0, saved = 0, tried = 0, noticed = 0;
    for (int64_t offset = 0; offset < size; offset += offset < 100         ? 1
                                                      : offset < 4096      ? 7
                                                      : offset % 4096 < 12 ? 1
                                                                           : 389) {
        vfs_fault_uninstall();
        vfs_fault_install();
        fill(PATH, 1200);
        if (!vfs_fault_flip(PATH, offset, (unsigned char)(1 << (offset % 8))))
            break;
        struct store *store = open_store(PATH);
        tried++;
        if (set_aside[0] != '\0') {
            set_aside_count++;
            assert_string_equal(set_aside, ASIDE);
            assert_true(told(store)[0] != '\0');
            assert_true(vfs_fault_file_bytes(ASIDE) > 0);
            saved += is_filled(store);
        }
        works(store);
        /* Damage that no check can see - another number in a sample - must still not make reading fail. */
        struct store_cursor *cursor = NULL;
        struct store_point point;
        enum status status = STATUS_OK;
        assert_int_equal(store_samples_begin(store, 0, INT64_MIN, INT64_MAX, &cursor, NULL), STATUS_OK);
        while ((status = store_points_next(cursor, &point, NULL)) == STATUS_OK) {
        }
        noticed += status != STATUS_NOT_FOUND;
        store_cursor_free(cursor);
        store_close(store);
    }
    print_message("%u places: %u set aside, of which %u with everything but the samples saved\n", tried,
                  set_aside_count, saved);
    assert_true(tried > 300 && set_aside_count > tried / 4 && saved > set_aside_count / 8);
    assert_int_equal(noticed, 0);
}

static void cut_short(void **state)
{
    (void)state;
    fill(PATH, 3000);
    /* Half of the file is missing. */
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_file *file = malloc((size_t)vfs->szOsFile);
    assert_int_equal(vfs->xOpen(vfs, PATH, file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, NULL),
                     SQLITE_OK);
    assert_int_equal(file->pMethods->xTruncate(file, vfs_fault_file_bytes(PATH) / 2), SQLITE_OK);
    file->pMethods->xClose(file);
    free(file);
    struct store *store = open_store(PATH);
    assert_string_equal(set_aside, ASIDE);
    works(store);
    store_close(store);
}

/* The damage is in the samples, which are nearly all of a file: the rest is carried over. */
static void what_is_sound_is_saved(void **state)
{
    (void)state;
    fill(PATH, 30000);
    assert_true(vfs_fault_flip(PATH, vfs_fault_file_bytes(PATH) - 3 * 4096 + 1, 0xFF));
    struct store *store = open_store(PATH);
    assert_string_equal(set_aside, ASIDE);
    assert_true(is_filled(store));
    assert_non_null(strstr(told(store), "carried over"));
    works(store);
    store_close(store);
    store = open_store(PATH);
    assert_string_equal(set_aside, "");
    assert_non_null(strstr(told(store), ASIDE)); /* until somebody has told it */
    assert_true(is_filled(store));
    store_close(store);
}

/* The disk cannot read a part of it. */
static void unreadable(void **state)
{
    (void)state;
    fill(PATH, 3000);
    vfs_fault_arm(VFS_MASK(VFS_READ), 10, SQLITE_IOERR_READ, true);
    struct store *store = open_store(PATH);
    assert_true(vfs_fault_struck());
    assert_string_equal(set_aside, ASIDE);
    works(store);
    store_close(store);
}

/* Its head: not an SQLite file any more. */
static void spoil(void)
{
    for (int64_t i = 0; i < 16; i++)
        vfs_fault_flip(PATH, i, 0x20);
}

/* ---- not ours, or not for us ---- */

/* One that was lost is spent, whatever the configuration allows, and that is told. */
static void assert_budget(struct store *store, bool lost)
{
    struct budget_entry entries[BUDGET_ENTRIES_MAX];
    size_t count = 0;
    assert_int_equal(store_get_budget(store, entries, BUDGET_ENTRIES_MAX, &count, NULL), STATUS_OK);
    assert_int_equal(strstr(told(store), "counts as spent") != NULL, lost);
    assert_int_equal(count == BUDGET_ENTRIES_MAX, lost);
    for (size_t i = 0; lost && i < count; i++) {
        assert_int_equal(entries[i].restart_id, -1 - (int64_t)i);
        assert_int_equal(entries[i].age_ms, 0);
    }
}

static void not_a_database(void **state)
{
    (void)state;
    fill(PATH, 10);
    spoil();
    struct store *store = open_store(PATH);
    assert_string_equal(set_aside, ASIDE);
    assert_non_null(strstr(told(store), "not a database"));
    assert_false(is_filled(store));
    assert_budget(store, true);
    works(store);
    store_close(store);
}

static void from_the_future_or_elsewhere(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *reason;
        bool saved, budget_lost;
    } cases[] = {
        {"PRAGMA user_version = 2", "newer", false, true},
        {"PRAGMA user_version = 0", "damaged", false, true},
        {"PRAGMA user_version = -3", "damaged", false, true},
        {"PRAGMA application_id = 7", "another program", false, true},
        {"DROP TABLE budget", "budget", false, true},
        {"DROP TABLE sample", "sample", true, false},
        {"ALTER TABLE incident DROP COLUMN reason", "reason", false, false},
        {"UPDATE incident SET state = 'unheard of'", "unheard of", false, false},
        {"UPDATE restart_service SET stop = 'x' WHERE position = 1", "not known", false, false},
        {"UPDATE series SET metric = 'x'", "not known", true, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        vfs_fault_uninstall();
        vfs_fault_install();
        fill(PATH, 10);
        tamper(PATH, cases[i].sql);
        struct store *store = open_store(PATH);
        if (strcmp(set_aside, ASIDE) != 0 || strstr(told(store), cases[i].reason) == NULL ||
            is_filled(store) != cases[i].saved)
            fail_msg("%s: \"%s\", %s", cases[i].sql, set_aside, told(store));
        assert_budget(store, cases[i].budget_lost);
        works(store);
        store_close(store);
    }
}

/* storewatch or the machine dies while a new file takes the place of a damaged one: whatever is found then,
 * what ops must be told is in it, and no budget has become free. */
static void killed_while_it_is_replaced(void **state)
{
    (void)state;
    bool struck = true;
    uint64_t nth = 1;
    for (; struck; nth++) {
        for (enum vfs_survival survival = VFS_KEEP_ALL; struck && survival <= VFS_KEEP_RANDOM; survival++) {
            vfs_fault_uninstall();
            vfs_fault_install();
            fill(PATH, 10);
            spoil();
            struct store *store = NULL;
            vfs_fault_arm_power_cut(VFS_MASK_CHANGES, nth);
            const enum status status = store_open(PATH, NOON, &store, NULL);
            struck = vfs_fault_struck();
            assert_true(status == STATUS_OK || struck);
            store_close(status == STATUS_OK ? store : NULL);
            vfs_fault_power_on(survival, nth);
            vfs_fault_disarm();
            store = open_store(PATH);
            assert_non_null(strstr(told(store), ASIDE));
            assert_budget(store, true);
            works(store);
            store_close(store);
        }
    }
    assert_true(nth > 10);
}

/* The log of another file, which was killed before it could write it back. */
static void leave_a_log(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open("/disk/other", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; CREATE TABLE t(x);"
                                  " INSERT INTO t VALUES(zeroblob(100000));",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    vfs_fault_power_cut();
    sqlite3_close(db);
    vfs_fault_power_on(VFS_KEEP_ALL, 1);
    assert_true(vfs_fault_rename("/disk/other-wal", path));
}

/* And between the two renamings, when there is no file of the name at all, but what it had not written back.
 */
static void killed_between_the_names(void **state)
{
    (void)state;
    fill(PATH, 10);
    spoil();
    struct store *store = NULL;
    renames_left = 1;
    assert_int_equal(store_open(PATH, NOON, &store, NULL), STATUS_DENIED);
    vfs_fault_power_on(VFS_LOSE_ALL, 1);
    renames_left = -1;
    assert_int_equal(vfs_fault_file_bytes(PATH), 0);
    leave_a_log(PATH "-wal");
    store = open_store(PATH);
    assert_string_equal(set_aside, "");
    assert_non_null(strstr(told(store), ASIDE));
    assert_budget(store, true);
    works(store);
    store_close(store);
}

/* Memory, room or a lock is missing for a moment while a damaged file is replaced: what could have been saved
 * is not lost by that. */
static void nothing_is_lost_for_another_reason(void **state)
{
    (void)state;
    static const struct {
        unsigned mask;
        int code, system_code;
    } cases[] = {
        {VFS_MASK(VFS_OPEN), SQLITE_CANTOPEN, EMFILE},
        {VFS_MASK(VFS_READ), SQLITE_IOERR_READ, ENOMEM},
        {VFS_MASK(VFS_READ) | VFS_MASK(VFS_SHM), SQLITE_IOERR_NOMEM, 0},
        {VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_SIZE), SQLITE_FULL, 0},
        {VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_SYNC), SQLITE_IOERR_WRITE, 0},
        {VFS_MASK(VFS_LOCK), SQLITE_BUSY, 0},
        {VFS_MASK(VFS_LOCK) | VFS_MASK(VFS_SHM), SQLITE_IOERR_LOCK, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bool struck = true;
        uint64_t nth = 1;
        for (; struck; nth++) {
            vfs_fault_uninstall();
            vfs_fault_install();
            fill(PATH, 10);
            tamper(PATH, "DROP TABLE sample");
            struct store *store = NULL;
            vfs_fault_arm(cases[i].mask, nth, cases[i].code, true);
            vfs_fault_system_code(cases[i].system_code);
            enum status status = store_open(PATH, NOON, &store, NULL);
            struck = vfs_fault_struck();
            vfs_fault_disarm();
            if (status != STATUS_OK)
                store = open_store(PATH);
            if (!is_filled(store) || strstr(told(store), ASIDE) == NULL)
                fail_msg("case %zu, operation %llu: %s", i, (unsigned long long)nth, told(store));
            store_close(store);
        }
        assert_true(nth > 2); /* the last one struck nothing */
    }
}

/* SQLite's allocator, of which one large request fails: those are of the bodies of mails. */
#define LARGE_BYTES 5000
static sqlite3_mem_methods memory;
static uint64_t requests, request_that_fails; /* 0: none */

static bool request_fails(int bytes)
{
    return bytes >= LARGE_BYTES && ++requests == request_that_fails;
}

static void *allocate(int bytes)
{
    return request_fails(bytes) ? NULL : memory.xMalloc(bytes);
}

static void *reallocate(void *block, int bytes)
{
    return request_fails(bytes) ? NULL : memory.xRealloc(block, bytes);
}

static void no_mail_is_emptied_without_memory(void **state)
{
    (void)state;
    bool struck = true;
    for (uint64_t nth = 1; struck; nth++) {
        vfs_fault_uninstall();
        vfs_fault_install();
        fill(PATH, 10);
        tamper(PATH, "UPDATE outbox SET plain = hex(zeroblob(4000)); DROP TABLE sample");
        struct store *store = NULL;
        requests = 0;
        request_that_fails = nth;
        const enum status status = store_open(PATH, NOON, &store, NULL);
        struck = requests >= nth;
        request_that_fails = 0;
        if (status != STATUS_OK)
            store = open_store(PATH);
        struct outbox_entry entry = {0};
        assert_int_equal(store_next_mail(store, 0, 0, &entry, NULL), STATUS_OK);
        assert_true(entry.mail.plain != NULL && strlen(entry.mail.plain) == 8000);
        outbox_entry_deinit(&entry);
        store_close(store);
    }
}

/* Another program has the new file open, as scanners do: no other file may take its place meanwhile, which
 * would know nothing of what was saved. */
static void new_one_is_held(void **state)
{
    (void)state;
    struct store *store = NULL;
    fill(PATH, 10);
    spoil();
    refusals = 3;
    store = open_store(PATH);
    assert_string_equal(set_aside, ASIDE);
    assert_int_equal(refusals, 0);
    store_close(store);

    vfs_fault_uninstall();
    vfs_fault_install();
    fill(PATH, 10);
    spoil();
    refusals = -1;
    for (int i = 0; i < 3; i++) {
        struct err err = {0};
        assert_int_equal(store_open(PATH, NOON, &store, &err), STATUS_DENIED);
        assert_non_null(strstr(err.text, PATH));
    }
    refusals = 0;
    store = open_store(PATH);
    assert_non_null(strstr(told(store), ASIDE));
    assert_budget(store, true);
    works(store);
    store_close(store);
}

static int (*delete_file)(sqlite3_vfs *vfs, const char *path, int sync);
static int delete_unless_held(sqlite3_vfs *vfs, const char *path, int sync)
{
    return log_held && strcmp(path, PATH "-wal") == 0 ? SQLITE_IOERR_DELETE : delete_file(vfs, path, sync);
}

/* Nor may the new one get its name as long as the old one's log is there, which would be written into it. */
static void old_log_is_held(void **state)
{
    (void)state;
    struct store *store = NULL;
    for (int killed = 0; killed < 2; killed++) {
        vfs_fault_uninstall();
        vfs_fault_install();
        sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
        delete_file = vfs->xDelete;
        vfs->xDelete = delete_unless_held;
        fill(PATH, 10);
        spoil();
        if (killed) {
            renames_left = 1;
            assert_int_equal(store_open(PATH, NOON, &store, NULL), STATUS_DENIED);
            vfs_fault_power_on(VFS_LOSE_ALL, 1);
            renames_left = -1;
        }
        leave_a_log(PATH "-wal");
        log_held = true;
        struct err err = {0};
        assert_int_equal(store_open(PATH, NOON, &store, &err), STATUS_DENIED);
        assert_non_null(strstr(err.text, PATH "-wal"));
        log_held = false;
        store = open_store(PATH);
        assert_non_null(strstr(told(store), ASIDE));
        assert_budget(store, true);
        works(store);
        store_close(store);
    }
}

static void names_do_not_collide(void **state)
{
    (void)state;
    static const char *const names[] = {ASIDE, ASIDE "-2", ASIDE "-3"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        fill(PATH, 10);
        tamper(PATH, "PRAGMA user_version = 9");
        store_close(open_store(PATH));
        assert_string_equal(set_aside, names[i]);
        tamper(
            PATH,
            "DROP TABLE setting; DROP TABLE incident; PRAGMA user_version = 0; PRAGMA application_id = 0;");
        vfs_fault_rename(PATH, "/disk/gone");
    }
}

/* What is not the file's fault leaves the file alone. */
static void innocent_files_stay(void **state)
{
    (void)state;
    fill(PATH, 10);
    static const struct {
        unsigned mask;
        int code;
        enum status status;
        int system_code;
    } cases[] = {
        {VFS_MASK(VFS_OPEN), SQLITE_CANTOPEN, STATUS_BUSY, EMFILE},
        {VFS_MASK(VFS_OPEN), SQLITE_CANTOPEN, STATUS_BUSY, ENOMEM},
        {VFS_MASK(VFS_READ), SQLITE_IOERR_READ, STATUS_BUSY, ENOMEM},
        {VFS_MASK(VFS_READ) | VFS_MASK(VFS_SHM), SQLITE_IOERR_NOMEM, STATUS_NO_MEMORY, 0},
        {VFS_MASK(VFS_LOCK), SQLITE_BUSY, STATUS_BUSY, 0},
        {VFS_MASK(VFS_SHM), SQLITE_IOERR_SHMSIZE, STATUS_IO, 0},
        {VFS_MASK(VFS_LOCK), SQLITE_IOERR_LOCK, STATUS_IO, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct store *store = NULL;
        struct err err = {0};
        vfs_fault_arm(cases[i].mask, 1, cases[i].code, false);
        vfs_fault_system_code(cases[i].system_code);
        assert_int_equal(store_open(PATH, NOON, &store, &err), cases[i].status);
        assert_string_equal(set_aside, "");
        assert_non_null(strstr(err.text, PATH));
        vfs_fault_disarm();
        store = open_store(PATH);
        assert_string_equal(set_aside, "");
        assert_true(is_filled(store));
        store_close(store);
    }
}

/* ---- on the real disk ---- */

static void real_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/storewatch-test-XXXXXX", path[80], aside[600], wal[700];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/storew\xC3\xA4tch.db", folder);
    struct store *store = NULL;
    struct err err = {0};
    assert_int_equal(store_open_readonly(path, &store, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "there is no such file"));
    err = (struct err){0}; /* what cannot be looked at is not missing */
    assert_int_equal(symlink(path, path), 0);
    assert_int_equal(store_open_readonly(path, &store, &err), STATUS_IO);
    assert_non_null(strstr(err.text, "cannot be opened: "));
    assert_int_equal(unlink(path), 0);
    err = (struct err){0};
    assert_int_equal(store_open("/tmp/there/is/no/such/folder/x.db", NOON, &store, &err), STATUS_IO);
    assert_true(err.code != 0);

    FILE *file = fopen(path, "wb"); /* empty: a new one */
    assert_non_null(file);
    fclose(file);
    err = (struct err){0};
    assert_int_equal(store_open_readonly(path, &store, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, ": the file is empty"));
    fill(path, 3000);
    file = fopen(path, "r+b");
    assert_non_null(file);
    fwrite("this is not a database file at all", 1, 34, file);
    fclose(file);
    snprintf(wal, sizeof(wal), "%s-wal", path); /* a log that was left over does not harm the new one */
    file = fopen(wal, "wb");
    assert_non_null(file);
    fwrite("x", 1, 1, file);
    fclose(file);
    store = open_store(path);
    snprintf(aside, sizeof(aside), "%s.bad-20261122T120000", path);
    assert_string_equal(set_aside, aside);
    works(store);

    struct store *reader = NULL;
    char value[8];
    assert_int_equal(store_open_readonly(path, &reader, &err), STATUS_OK);
    assert_int_equal(store_get_setting(reader, "works", value, sizeof(value), &err), STATUS_OK);
    store_close(reader);
    store_close(store);
    assert_int_equal(store_open_readonly(path, &reader, &err), STATUS_OK); /* also when no service runs */
    assert_int_equal(store_get_setting(reader, "works", value, sizeof(value), &err), STATUS_OK);
    store_close(reader);
    err = (struct err){0};
    assert_int_equal(store_open_readonly(aside, &reader, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, aside)); /* which file, and what is the matter with it */
    assert_non_null(strstr(err.text, ": file is not a database"));
    store_close(open_store(path));
    assert_string_equal(set_aside, "");

    /* As in a folder that may not be written to: what stands in the log's way is told. */
    assert_int_equal(mkdir(wal, 0700), 0);
    err = (struct err){0};
    assert_int_equal(store_open_readonly(path, &reader, &err), STATUS_IO);
    assert_non_null(strstr(err.text, "may this folder be written to?"));
    assert_int_equal(rmdir(wal), 0);

    /* Something that is no file at all is moved out of the way like a bad one. */
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    store = open_store(path);
    snprintf(aside, sizeof(aside), "%s.bad-20261122T120000-2", path);
    assert_string_equal(set_aside, aside);
    works(store);
    store_close(store);
    char remove[800];
    snprintf(remove, sizeof(remove), "rm -r '%s'", folder);
    assert_int_equal(system(remove), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, on_disk, off_disk)

int main(void)
{
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory), SQLITE_OK);
    sqlite3_mem_methods failing = memory;
    failing.xMalloc = allocate;
    failing.xRealloc = reallocate;
    assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &failing), SQLITE_OK);
    const struct CMUnitTest tests[] = {
        TEST(damaged_anywhere),
        TEST(cut_short),
        TEST(what_is_sound_is_saved),
        TEST(unreadable),
        TEST(not_a_database),
        TEST(from_the_future_or_elsewhere),
        TEST(killed_while_it_is_replaced),
        TEST(killed_between_the_names),
        TEST(nothing_is_lost_for_another_reason),
        TEST(no_mail_is_emptied_without_memory),
        TEST(new_one_is_held),
        TEST(old_log_is_held),
        TEST(names_do_not_collide),
        TEST(innocent_files_stay),
        cmocka_unit_test(real_files),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}

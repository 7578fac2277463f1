/* store.c - opening and closing the file, and what happens to one that cannot be used.
 *
 * A file that is damaged, unreadable, another program's, or of a newer schema is renamed (with its -wal and
 * -shm) and a new one takes its place; what can still be read of its incidents, restarts, budget, outbox and
 * settings is carried over, so that damage in the samples, which are nearly all of the file, costs only
 * samples. A failure that is not the file's - no memory, a full disk, a lock - never sets it aside.
 *
 * A full disk: what is in the file already is the reserve. The log is made RESERVE_LOG_BYTES long beforehand
 * and the file RESERVE_FILE_BYTES longer than it is, so that a transaction that forgets history can be
 * written when no other byte can; the pages it frees take the journal. */
#include "store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSY_TIMEOUT_MS 2000
#define CACHE_KIB 128
#define CHECKPOINT_PAGES 256 /* half of the log's reserve: written back before that is used up */
#define RESERVE_CHUNK_BYTES (1024 * 1024)
#define RESERVE_LOG_BYTES (2 * 1024 * 1024)
#define LOG_BYTES_MAX (4 * 1024 * 1024) /* what a reader that stayed has made it grow by is given back */
#define RESERVE_FILE_BYTES (1024 * 1024)
#define SET_ASIDE_NAMES_MAX 100 /* in one second */
#define RENAME_TRIES 10         /* each after RENAME_PAUSE_MS: a reader or a scanner may have it open */
#define RENAME_PAUSE_MS 200
#define NEW_SUFFIX ".new"
#define ASIDE_NAME_MAX 596 /* of a file set aside, its companions' suffixes not counted */

static const char *const statements[STATEMENT_COUNT] = {
#define STATEMENT_SQL(name, sql) [STATEMENT_##name] = (sql),
    STATEMENT_LIST(STATEMENT_SQL)
#undef STATEMENT_SQL
};

static bool file_exists(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    int exists = 0;
    return vfs != NULL && vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK && exists;
}

static enum status connect(struct store *store, int flags, struct err *err)
{
    int code = sqlite3_open_v2(store->path, &store->db, flags, NULL);
    if (code != SQLITE_OK) {
        if (store->db == NULL)
            return err_set(err, STATUS_NO_MEMORY, "open", (uint32_t)code, "%s: out of memory", store->path);
        return store_fail(store, err, "open", sqlite3_extended_errcode(store->db));
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_TIMEOUT_MS);
    /* A damaged file must not be able to make SQLite do things. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return STATUS_OK;
}

static enum status execute(struct store *store, const char *sql, struct err *err)
{
    const int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? STATUS_OK : store_fail(store, err, sql, code);
}

static enum status prepare_all(struct store *store, struct err *err)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        const int code = sqlite3_prepare_v3(store->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
                                            &store->statements[i], NULL);
        if (code == SQLITE_ERROR) { /* a table or column that should be there is not */
            return err_set(err, STATUS_CORRUPT, "prepare", (uint32_t)code, "%s: %s", store->path,
                           sqlite3_errmsg(store->db));
        }
        if (code != SQLITE_OK)
            return store_fail(store, err, "prepare", code);
    }
    return STATUS_OK;
}

/* Asks for the write-ahead log; CORRUPT files are noticed here first. */
static enum status use_log(struct store *store, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    enum status status = STATUS_OK;
    if (code != SQLITE_ROW) {
        status = store_fail(store, err, "journal_mode", code);
    } else if (strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0) {
        status =
            sqlite3_db_readonly(store->db, "main") == 1
                ? err_set(err, STATUS_DENIED, "journal_mode", 0, "%s: the file is read-only", store->path)
                : err_set(err, STATUS_SYSTEM, "journal_mode", 0,
                          "%s: the disk does not allow a write-ahead log (is it a network drive?)",
                          store->path);
    }
    sqlite3_finalize(statement);
    return status;
}

static void disconnect(struct store *store)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
    sqlite3_close(store->db);
    store->db = NULL;
}

static enum status open_once(struct store *store, struct err *err)
{
    enum status status = connect(store, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
    if (status == STATUS_OK) /* before the first table, and before the log writes the first page */
        status = execute(store, "PRAGMA auto_vacuum = INCREMENTAL", err);
    if (status == STATUS_OK)
        status = use_log(store, err);
    if (status == STATUS_OK) {
        char settings[280];
        snprintf(settings, sizeof(settings),
                 "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
                 " PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = %d; PRAGMA max_page_count = %d;"
                 " PRAGMA journal_size_limit = %d;",
                 CACHE_KIB, CHECKPOINT_PAGES, (int)(STORE_BYTES_MAX / STORE_PAGE_BYTES), LOG_BYTES_MAX);
        status = execute(store, settings, err);
    }
    if (status == STATUS_OK)
        status = schema_prepare(store->db, err);
    if (status == STATUS_OK)
        status = schema_verify(store->db, err);
    if (status == STATUS_OK)
        status = prepare_all(store, err);
    if (status == STATUS_OK)
        store_make_room(store);
    else
        disconnect(store);
    return status;
}

/* Makes a file at least `bytes` long if the disk lets it; its length is then a multiple of
 * RESERVE_CHUNK_BYTES. */
static void extend(sqlite3_file *file, sqlite3_int64 bytes)
{
    sqlite3_int64 length = 0;
    if (file->pMethods->xFileSize(file, &length) == SQLITE_OK && length < bytes) {
        int chunk = RESERVE_CHUNK_BYTES;
        file->pMethods->xFileControl(file, SQLITE_FCNTL_CHUNK_SIZE, &chunk);
        file->pMethods->xFileControl(file, SQLITE_FCNTL_SIZE_HINT, &bytes);
    }
}

bool store_reserve(struct store *store, int64_t page_count, int64_t free_count)
{
    sqlite3_file *file = NULL;
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK &&
        file != NULL && file->pMethods != NULL)
        extend(file, RESERVE_LOG_BYTES);
    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file == NULL || file->pMethods == NULL)
        return true;
    /* What can still be written without growing: the length, less the pages in use. */
    const int64_t used = (page_count - free_count) * STORE_PAGE_BYTES;
    sqlite3_int64 length = 0;
    if (file->pMethods->xFileSize(file, &length) == SQLITE_OK && length - used < RESERVE_FILE_BYTES / 2)
        extend(file, page_count * STORE_PAGE_BYTES + RESERVE_FILE_BYTES);
    /* A length that cannot be read is no sign of a full disk. */
    return file->pMethods->xFileSize(file, &length) != SQLITE_OK || length - used >= RESERVE_FILE_BYTES / 2;
}

static const char *const companions[] = {"-wal", "-shm"};

/* PATH.bad-YYYYMMDDTHHMMSS, or with a number behind it where that is taken. */
static enum status find_aside_name(const char *path, int64_t utc_ms, char out_name[ASIDE_NAME_MAX],
                                   struct err *err)
{
    char stamp[40];
    struct text time = text_on(stamp, sizeof(stamp));
    text_add_time_utc(&time, utc_ms / 1000 * 1000);
    size_t kept = 0;
    for (size_t i = 0; stamp[i] != '\0'; i++)
        if ((stamp[i] >= '0' && stamp[i] <= '9') || stamp[i] == 'T')
            stamp[kept++] = stamp[i];
    stamp[kept] = '\0';
    for (int attempt = 1; attempt <= SET_ASIDE_NAMES_MAX; attempt++) {
        struct text text = text_on(out_name, ASIDE_NAME_MAX);
        text_add(&text, "%s.bad-%s", path, stamp);
        if (attempt > 1)
            text_add(&text, "-%d", attempt);
        if (!text.truncated && !file_exists(out_name))
            return STATUS_OK;
    }
    return err_set(err, STATUS_FULL, "set aside", 0, "%s: no name is free to set it aside", path);
}

static bool rename_patiently(const char *from, const char *to)
{
    int tries = 1;
    while (!set_aside_rename(from, to)) {
        if (tries++ == RENAME_TRIES)
            return false;
        sqlite3_sleep(RENAME_PAUSE_MS);
    }
    return true;
}

/* A new file of this name must not find the log of the one before, which would be written into it. */
static enum status check_log_gone(const char *path, struct err *err)
{
    char log[STORE_PATH_MAX + 16];
    snprintf(log, sizeof(log), "%s%s", path, companions[0]);
    return file_exists(log) ? err_set(err, STATUS_DENIED, "set aside", 0, "%s cannot be removed", log)
                            : STATUS_OK;
}

/* Renames the file and its companions. The file goes first: without it, SQLite throws a left-over log away,
 * while a file without its log could pass for a sound one that lost its end. */
static enum status set_aside(const char *path, const char *name, const char *why, struct err *err)
{
    if (!rename_patiently(path, name)) {
        return err_set(err, STATUS_DENIED, "set aside", 0, "%s cannot be used (%s) and not be renamed to %s",
                       path, why, name);
    }
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    for (size_t i = 0; i < ARRAY_COUNT(companions); i++) {
        char from[STORE_PATH_MAX + 8], to[ASIDE_NAME_MAX + 8];
        snprintf(from, sizeof(from), "%s%s", path, companions[i]);
        snprintf(to, sizeof(to), "%s%s", name, companions[i]);
        if (!set_aside_rename(from, to)) /* mostly because there is none */
            vfs->xDelete(vfs, from, 0);
    }
    return check_log_gone(path, err);
}

/* With its companions, also when they are all there is. */
static void remove_file(const char *path)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    vfs->xDelete(vfs, path, 0);
    for (size_t i = 0; i < ARRAY_COUNT(companions); i++) {
        char name[STORE_PATH_MAX + 16];
        snprintf(name, sizeof(name), "%s%s", path, companions[i]);
        vfs->xDelete(vfs, name, 0);
    }
}

/* Fills the new file, and writes all of it to its place. */
static enum status fill_new(struct store *store, const char *old_path, const char *aside, const char *why,
                            struct err *err)
{
    char storage[STORE_SET_ASIDE_MAX];
    struct text note = text_on(storage, sizeof(storage));
    text_add(&note, "The old file is kept as %s. %s", aside, why);
    enum status status = schema_salvage(store->db, old_path, &note, err);
    if (status == STATUS_OK)
        status = store_put_setting(store, STORE_SETTING_SET_ASIDE, storage, err);
    if (status == STATUS_OK) {
        const int code = sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        status = code == SQLITE_OK ? STATUS_OK : store_fail(store, err, "checkpoint", code);
    }
    return status;
}

static enum status take_place(const char *new_path, const char *path, struct err *err)
{
    return rename_patiently(new_path, path)
               ? STATUS_OK
               : err_set(err, STATUS_DENIED, "set aside", 0, "%s cannot be renamed to %s", new_path, path);
}

/* A new file takes the place of one that cannot be used. It is complete - with what could be saved, and with
 * what ops must be told - before the old one is renamed, and gets its name at once afterwards, or when the
 * store is opened next: killed anywhere, one of them is there. */
static enum status replace(struct store *store, const char *why, int64_t utc_ms, struct err *err)
{
    char aside[ASIDE_NAME_MAX], path[STORE_PATH_MAX], new_path[STORE_PATH_MAX + sizeof(NEW_SUFFIX)];
    text_copy(path, sizeof(path), store->path);
    snprintf(new_path, sizeof(new_path), "%s" NEW_SUFFIX, path);
    enum status status = find_aside_name(path, utc_ms, aside, err);
    if (status != STATUS_OK)
        return status;
    remove_file(new_path); /* of one that was killed before it was complete */
    status = check_log_gone(new_path, err);
    if (status != STATUS_OK)
        return status;
    text_copy(store->path, sizeof(store->path), new_path);
    status = open_once(store, err);
    if (status == STATUS_OK) {
        status = fill_new(store, path, aside, why, err);
        disconnect(store);
    }
    text_copy(store->path, sizeof(store->path), path);
    if (status == STATUS_OK)
        status = set_aside(path, aside, why, err);
    if (status == STATUS_OK)
        status = take_place(new_path, path, err);
    return status == STATUS_OK ? open_once(store, err) : status;
}

/* The new file of one that was killed between the two renamings, or could not do the second. The old one's
 * log may lie there still, and would be written into it. Nothing else is opened before it has its place: an
 * empty file would know nothing of what was saved. */
static enum status adopt_new(const char *path, struct err *err)
{
    char new_path[STORE_PATH_MAX + sizeof(NEW_SUFFIX)];
    snprintf(new_path, sizeof(new_path), "%s" NEW_SUFFIX, path);
    if (file_exists(path) || !file_exists(new_path))
        return STATUS_OK;
    remove_file(path);
    const enum status status = check_log_gone(path, err);
    return status == STATUS_OK ? take_place(new_path, path, err) : status;
}

static enum status check_path(const char *path, struct err *err)
{
    const size_t longest = STORE_PATH_MAX - sizeof(NEW_SUFFIX);
    return strlen(path) <= longest ? STATUS_OK
                                   : err_set(err, STATUS_INVALID, "store_open", 0,
                                             "the path is longer than %zu bytes: %s", longest, path);
}

/* NULL without memory. */
static struct store *store_new(const char *path)
{
    struct store *store = calloc(1, sizeof(*store));
    if (store != NULL) {
        text_copy(store->path, sizeof(store->path), path);
        store->keep_permille = 1000;
    }
    return store;
}

enum status store_open(const char *path, int64_t utc_ms, struct store **out_store, struct err *err)
{
    enum status status = check_path(path, err);
    if (status != STATUS_OK)
        return status;
    struct store *store = store_new(path);
    if (store == NULL)
        return err_set(err, STATUS_NO_MEMORY, "store_open", 0, "%s: out of memory", path);
    store->latest_utc_ms = utc_ms;
    struct err why = {0};
    status = adopt_new(path, &why);
    if (status == STATUS_OK)
        status = open_once(store, &why);
    if (status != STATUS_OK && store_file_unusable(&why) && file_exists(path)) {
        const struct err unusable = why;
        why = (struct err){0};
        status = replace(store, unusable.text, utc_ms, &why);
    }
    if (status != STATUS_OK) {
        err_set(err, status, why.operation, why.code, "%s", why.text);
        free(store);
        return status;
    }
    *out_store = store;
    return STATUS_OK;
}

/* SQLite does not see a file that is empty, nor one in a folder that this account may not look into. */
static enum status tell_missing(const char *path, struct err *err)
{
    FILE *file = fopen(path, "rb");
    const int code = file == NULL ? errno : 0;
    if (file != NULL)
        fclose(file);
    if (code == 0 || code == ENOENT || code == ENOTDIR) {
        return err_set(err, STATUS_NOT_FOUND, "store_open", 0, "%s: %s", path,
                       code == 0 ? "the file is empty" : "there is no such file");
    }
    return err_set_open(err, path, code);
}

enum status store_open_readonly(const char *path, struct store **out_store, struct err *err)
{
    if (!file_exists(path))
        return tell_missing(path, err);
    enum status status = check_path(path, err);
    if (status != STATUS_OK)
        return status;
    struct store *store = store_new(path);
    if (store == NULL)
        return err_set(err, STATUS_NO_MEMORY, "store_open", 0, "%s: out of memory", path);
    status = connect(store, SQLITE_OPEN_READONLY, err);
    if (status == STATUS_OK)
        status = execute(store, "PRAGMA cell_size_check = ON; PRAGMA query_only = ON", err);
    if (status == STATUS_OK) {
        struct err why = {0}; /* which says nothing of the file's name */
        status = schema_check(store->db, &why);
        if (status != STATUS_OK) {
            /* Mostly a copy on a disk that is read-only: a write-ahead log is opened, too, or made. */
            err_set(err, status, why.operation, why.code, "%s: %s%s", path, why.text,
                    (why.code & 0xFF) == SQLITE_CANTOPEN
                        ? " (its -wal and -shm could not be made or opened beside it: may this folder be "
                          "written to? A copy in one that may can be read)"
                        : "");
        }
    }
    if (status == STATUS_OK)
        status = prepare_all(store, err);
    if (status != STATUS_OK) {
        store_close(store);
        return status;
    }
    *out_store = store;
    return STATUS_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->db != NULL) {
        store_rollback(store);
        disconnect(store);
    }
    free(store);
}

void store_path(char *out_path, size_t capacity, const char *data_dir)
{
    const size_t length = strlen(data_dir);
    const char *separator = strchr(data_dir, '\\') != NULL ? "\\" : "/";
    if (length == 0 || data_dir[length - 1] == '/' || data_dir[length - 1] == '\\')
        separator = "";
    struct text text = text_on(out_path, capacity);
    text_add(&text, "%s%s%s", data_dir, separator, STORE_FILE_NAME);
}

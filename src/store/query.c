/* query.c - using prepared statements: binding, stepping, reading, and what a failure means. */
#include "store_internal.h"

#include <string.h>

enum status store_status(int code)
{
    if (code == SQLITE_IOERR_NOMEM)
        return STATUS_NO_MEMORY;
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STATUS_OK;
    case SQLITE_NOMEM:
        return STATUS_NO_MEMORY;
    case SQLITE_FULL:
        return STATUS_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return STATUS_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STATUS_CORRUPT;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        return STATUS_DENIED;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return STATUS_IO;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
        return STATUS_INVALID;
    default:
        return STATUS_SYSTEM;
    }
}

/* A file that is open keeps the code of its own last failure; the thread's may be another one by now. */
static bool failure_passes(sqlite3 *db, int code)
{
    int of_file = 0;
    if ((code & 0xFF) != SQLITE_CANTOPEN && code != SQLITE_IOERR_READ)
        return false;
    if (code == SQLITE_IOERR_READ)
        sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &of_file);
    return open_failure_passes(sqlite3_system_errno(db)) || open_failure_passes(of_file);
}

enum status store_status_of(sqlite3 *db, int code)
{
    return failure_passes(db, code) ? STATUS_BUSY : store_status(code);
}

bool store_file_unusable(const struct err *err)
{
    switch (err->code) {
    case SQLITE_IOERR_READ:
        return err->status != STATUS_BUSY;
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_CANTOPEN_ISDIR:
        return true;
    default:
        return err->status == STATUS_CORRUPT || err->status == STATUS_UNSUPPORTED ||
               err->status == STATUS_DENIED || err->status == STATUS_INVALID ||
               err->code == SQLITE_ERROR || /* "unsupported file format" and its like */
               ((err->code & 0xFF) == SQLITE_CANTOPEN && err->status != STATUS_BUSY);
    }
}

enum status store_fail(struct store *store, struct err *err, const char *operation, int code)
{
    const enum status status = store_status_of(store->db, code);
    if (status == STATUS_FULL)
        store->disk_full = true; /* store_maintain makes room */
    return err_set(err, status, operation, (uint32_t)code, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

struct query query_on(struct store *store, enum statement statement)
{
    return (struct query){.statement = store->statements[statement], .code = SQLITE_OK};
}

/* Keeps the first failure of the binds; query_step reports it. */
static void bound(struct query *query, int code)
{
    if (query->code == SQLITE_OK)
        query->code = code;
}

void query_bind_integer(struct query *query, int64_t value)
{
    bound(query, sqlite3_bind_int64(query->statement, ++query->bound, value));
}

void query_bind_real(struct query *query, double value)
{
    query->bound++;
    bound(query, isnan(value) ? sqlite3_bind_null(query->statement, query->bound)
                              : sqlite3_bind_double(query->statement, query->bound, value));
}

void query_bind_foreseen(struct query *query, int64_t utc_ms)
{
    query->bound++;
    bound(query, utc_ms == INT64_MAX ? sqlite3_bind_null(query->statement, query->bound)
                                     : sqlite3_bind_int64(query->statement, query->bound, utc_ms));
}

void query_bind_text(struct query *query, const char *value)
{
    query->bound++;
    bound(query, value == NULL ? sqlite3_bind_null(query->statement, query->bound)
                               : sqlite3_bind_text(query->statement, query->bound, value, -1, SQLITE_STATIC));
}

void query_bind_text_cut(struct query *query, const char *value, size_t bytes_max)
{
    size_t length = value != NULL ? strlen(value) : 0;
    if (length > bytes_max) {
        length = bytes_max;
        while (length > 0 && ((unsigned char)value[length] & 0xC0U) == 0x80U) /* not within a character */
            length--;
    }
    query->bound++;
    bound(query, value == NULL
                     ? sqlite3_bind_null(query->statement, query->bound)
                     : sqlite3_bind_text(query->statement, query->bound, value, (int)length, SQLITE_STATIC));
}

enum status query_step(struct store *store, struct query *query, const char *operation, struct err *err)
{
    query->column = 0;
    query->strange = false;
    const int code = query->code != SQLITE_OK ? query->code : sqlite3_step(query->statement);
    if (code == SQLITE_ROW)
        return STATUS_OK;
    return code == SQLITE_DONE ? STATUS_NOT_FOUND : store_fail(store, err, operation, code);
}

void query_done(struct query *query)
{
    sqlite3_reset(query->statement); /* repeats the failure of the step, which was told already */
    sqlite3_clear_bindings(query->statement);
}

enum status query_run(struct store *store, struct query *query, const char *operation, struct err *err)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK) /* some statements answer with rows that nobody wants */
        status = query_step(store, query, operation, err);
    query_done(query);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status query_run_plain(struct store *store, enum statement statement, const char *operation,
                            struct err *err)
{
    struct query query = query_on(store, statement);
    return query_run(store, &query, operation, err);
}

/* No number that we write is larger. One that is was written by a bad disk or by somebody else, and must not
 * let the sum or the difference of two overflow. */
#define NUMBER_MAX (INT64_C(1) << 61)

static int64_t integer_at(const struct query *query, int column)
{
    const int64_t value = sqlite3_column_int64(query->statement, column);
    return value > NUMBER_MAX ? NUMBER_MAX : value < -NUMBER_MAX ? -NUMBER_MAX : value;
}

int64_t query_integer(struct query *query)
{
    return integer_at(query, query->column++);
}

uint32_t query_uint32(struct query *query)
{
    const int64_t value = query_integer(query);
    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

bool query_bool(struct query *query)
{
    return query_integer(query) != 0;
}

double query_real(struct query *query)
{
    const int column = query->column++;
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL
               ? NAN
               : sqlite3_column_double(query->statement, column);
}

int64_t query_foreseen(struct query *query)
{
    const int column = query->column++;
    return sqlite3_column_type(query->statement, column) == SQLITE_NULL ? INT64_MAX
                                                                        : integer_at(query, column);
}

void query_text(struct query *query, char *out_text, size_t capacity)
{
    const char *value = (const char *)sqlite3_column_text(query->statement, query->column++);
    text_copy(out_text, capacity, value != NULL ? value : "");
}

enum status query_understood(struct store *store, const struct query *query, const char *operation,
                             struct err *err)
{
    return query->strange
               ? err_set(err, STATUS_CORRUPT, operation, 0, "%s: a word in it is not known", store->path)
               : STATUS_OK;
}

enum status query_list_end(struct query *query, enum status status, size_t count, size_t *out_count)
{
    query_done(query);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return status;
    *out_count = count;
    return STATUS_OK;
}

/* ---- transactions ---- */

void store_forget_cache(struct store *store)
{
    memset(store->series, 0, sizeof(store->series)); /* what was added may have been taken back */
}

enum status store_writable(struct store *store, struct err *err)
{
    if (store->begun && sqlite3_get_autocommit(store->db)) {
        return err_set(err, STATUS_IO, "transaction", 0,
                       "%s: the transaction was undone after an earlier failure; nothing of it is kept",
                       store->path);
    }
    return STATUS_OK;
}

enum status store_begin(struct store *store, struct err *err)
{
    if (store->begun)
        return err_set(err, STATUS_INVALID, "store_begin", 0, "%s: a transaction is going on", store->path);
    store_make_room(store);
    const enum status status = query_run_plain(store, STATEMENT_BEGIN, "begin", err);
    store->begun = status == STATUS_OK;
    return status;
}

enum status store_commit(struct store *store, struct err *err)
{
    if (!store->begun)
        return err_set(err, STATUS_INVALID, "store_commit", 0, "%s: no transaction is going on", store->path);
    enum status status = store_writable(store, err);
    if (status == STATUS_OK)
        status = query_run_plain(store, STATEMENT_COMMIT, "commit", err);
    if (status == STATUS_OK) {
        store->begun = false;
        store->disk_full = false;
    } else {
        store_rollback(store);
    }
    return status;
}

void store_rollback(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        query_run_plain(store, STATEMENT_ROLLBACK, "rollback", NULL);
    if (store->begun)
        store_forget_cache(store);
    store->begun = false;
}

enum status group_begin(struct store *store, const char *operation, struct err *err)
{
    const enum status status = store_writable(store, err);
    return status != STATUS_OK
               ? status
               : query_run_plain(store, store->begun ? STATEMENT_GROUP_BEGIN : STATEMENT_BEGIN, operation,
                                 err);
}

enum status group_end(struct store *store, enum status status, const char *operation, struct err *err)
{
    if (status == STATUS_OK) {
        status =
            query_run_plain(store, store->begun ? STATEMENT_GROUP_COMMIT : STATEMENT_COMMIT, operation, err);
    }
    if (status == STATUS_OK)
        return status;
    if (!sqlite3_get_autocommit(store->db)) {
        if (store->begun) {
            query_run_plain(store, STATEMENT_GROUP_ROLLBACK, operation, NULL);
            query_run_plain(store, STATEMENT_GROUP_COMMIT, operation, NULL);
        } else {
            query_run_plain(store, STATEMENT_ROLLBACK, operation, NULL);
        }
    }
    store_forget_cache(store);
    return status;
}

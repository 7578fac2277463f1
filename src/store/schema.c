/* schema.c - the tables, how an older file becomes a newer one, whether a file is sound, and what can be
 * saved out of one that is not.
 *
 * Samples are keyed by time first: a poll's samples share a page, so a commit writes few pages however many
 * series there are, and forgetting the oldest is cutting at one end. They have no foreign key to series,
 * because a check would need an index by series as large as the samples themselves; store_maintain forgets a
 * series after the last of its samples.
 *
 * Times are utc_ms. NULL is unknown or, for an exhaustion time, not foreseeable. outbox.done_utc_ms of a
 * pending mail is when a relay first refused it (0 = none has): it may be done with that, a day later. */
#include "store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ROLLUP_COLUMNS                                                                                       \
    "(utc_ms INTEGER NOT NULL, series INTEGER NOT NULL, low REAL, mean REAL, high REAL,"                     \
    " count INTEGER NOT NULL, unknown INTEGER NOT NULL, PRIMARY KEY(utc_ms, series)) STRICT, WITHOUT ROWID;"

/* migrations[n] makes version n + 1 out of version n. Released ones never change. */
static const char *const migrations[STORE_SCHEMA_VERSION] = {
    "CREATE TABLE series(id INTEGER PRIMARY KEY AUTOINCREMENT, target_kind TEXT NOT NULL, target TEXT NOT "
    "NULL,"
    " image TEXT NOT NULL, pid INTEGER NOT NULL, created_100ns INTEGER NOT NULL, metric TEXT NOT NULL,"
    " first_utc_ms INTEGER NOT NULL, last_utc_ms INTEGER NOT NULL,"
    " UNIQUE(target, metric, pid, created_100ns, image, target_kind)) STRICT;"
    "CREATE INDEX series_by_last ON series(last_utc_ms);"
    "CREATE TABLE sample(utc_ms INTEGER NOT NULL, series INTEGER NOT NULL, value REAL,"
    " PRIMARY KEY(utc_ms, series)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE sample_5min" ROLLUP_COLUMNS "CREATE TABLE sample_hour" ROLLUP_COLUMNS
    "CREATE TABLE incident(id INTEGER PRIMARY KEY, target_kind TEXT NOT NULL, target TEXT NOT NULL,"
    " service TEXT NOT NULL, image TEXT NOT NULL, pid INTEGER NOT NULL, created_100ns INTEGER NOT NULL,"
    " metric TEXT NOT NULL, state TEXT NOT NULL, escalated INTEGER NOT NULL, told_count INTEGER NOT NULL,"
    " rungs_tried INTEGER NOT NULL, onset_utc_ms INTEGER NOT NULL, opened_utc_ms INTEGER NOT NULL,"
    " told_utc_ms INTEGER NOT NULL, recovering_utc_ms INTEGER NOT NULL, closed_utc_ms INTEGER NOT NULL,"
    " level_at_onset REAL, level_at_open REAL, level_now REAL, slope_per_hour REAL, slope_low_per_hour REAL,"
    " slope_high_per_hour REAL, level_limit REAL, limit_name TEXT NOT NULL, exhaustion_utc_ms INTEGER,"
    " exhaustion_early_utc_ms INTEGER, exhaustion_late_utc_ms INTEGER, reason TEXT NOT NULL,"
    " held_because TEXT NOT NULL) STRICT;"
    "CREATE INDEX incident_open ON incident(id) WHERE state <> 'closed';"
    "CREATE TABLE restart(id INTEGER PRIMARY KEY, incident_id INTEGER NOT NULL, rung TEXT NOT NULL,"
    " reason TEXT NOT NULL, target TEXT NOT NULL, phase TEXT NOT NULL, outcome TEXT NOT NULL,"
    " stop_failed INTEGER NOT NULL, told_down INTEGER NOT NULL, begun_utc_ms INTEGER NOT NULL,"
    " ended_utc_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE restart_service(restart INTEGER NOT NULL REFERENCES restart(id) ON DELETE CASCADE,"
    " position INTEGER NOT NULL, name TEXT NOT NULL, is_target INTEGER NOT NULL, pid INTEGER NOT NULL,"
    " created_100ns INTEGER NOT NULL, stop TEXT NOT NULL, start TEXT NOT NULL, note TEXT NOT NULL,"
    " PRIMARY KEY(restart, position)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE budget(position INTEGER PRIMARY KEY, restart_id INTEGER NOT NULL, service TEXT NOT NULL,"
    " age_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,"
    " incident_id INTEGER NOT NULL, kind TEXT NOT NULL, queued_utc_ms INTEGER NOT NULL,"
    " done_utc_ms INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, last_answer TEXT NOT "
    "NULL,"
    " subject TEXT NOT NULL, plain TEXT, html TEXT) STRICT;"
    "CREATE INDEX outbox_pending ON outbox(id) WHERE state = 'pending';"
    "CREATE INDEX outbox_done ON outbox(state, done_utc_ms);"
    "CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
};

/* Everything that is not history, parents before children. */
static const char *const kept_tables[] = {"setting",         "incident", "restart",
                                          "restart_service", "budget",   "outbox"};

static enum status fail(sqlite3 *db, struct err *err, const char *operation, int code)
{
    const enum status status = db != NULL ? store_status_of(db, code) : store_status(code);
    return err_set(err, status, operation, (uint32_t)code, "%s",
                   db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

static int execute(sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* The first value of the first row; a statement without rows gives NOT_FOUND. */
static enum status read_number(sqlite3 *db, const char *sql, int64_t *out_value, struct err *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    enum status status = STATUS_OK;
    if (code == SQLITE_ROW)
        *out_value = sqlite3_column_int64(statement, 0);
    else if (code == SQLITE_DONE)
        status = STATUS_NOT_FOUND;
    else
        status = fail(db, err, sql, code);
    sqlite3_finalize(statement);
    return status;
}

/* 0 = empty file; otherwise the version of a file that is ours. */
static enum status read_version(sqlite3 *db, int64_t *out_version, struct err *err)
{
    int64_t version = 0, application = 0, tables = 0;
    enum status status = read_number(db, "PRAGMA user_version", &version, err);
    if (status == STATUS_OK)
        status = read_number(db, "PRAGMA application_id", &application, err);
    if (status == STATUS_OK)
        status = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err);
    if (status != STATUS_OK)
        return status;
    if (version == 0 && application == 0 && tables == 0) {
        *out_version = 0;
        return STATUS_OK;
    }
    if (application != STORE_APPLICATION_ID)
        return err_set(err, STATUS_CORRUPT, "schema", 0, "an SQLite file of another program");
    if (version < 1)
        return err_set(err, STATUS_CORRUPT, "schema", 0, "schema version %" PRId64 " is damaged", version);
    if (version > STORE_SCHEMA_VERSION) {
        return err_set(err, STATUS_UNSUPPORTED, "schema", 0,
                       "schema version %" PRId64 " is newer than this storewatch, which knows up to %d",
                       version, STORE_SCHEMA_VERSION);
    }
    *out_version = version;
    return STATUS_OK;
}

enum status schema_check(sqlite3 *db, struct err *err)
{
    int64_t version = 0;
    enum status status = read_version(db, &version, err);
    if (status == STATUS_OK && version != STORE_SCHEMA_VERSION) {
        status = err_set(err, STATUS_UNSUPPORTED, "schema", 0,
                         "schema version %" PRId64
                         " is older than this storewatch; its service brings it up to %d when"
                         " it starts",
                         version, STORE_SCHEMA_VERSION);
    }
    return status;
}

enum status schema_prepare(sqlite3 *db, struct err *err)
{
    int64_t version = 0;
    enum status status = read_version(db, &version, err);
    if (status != STATUS_OK || version == STORE_SCHEMA_VERSION)
        return status;
    int code = execute(db, "BEGIN IMMEDIATE");
    for (; code == SQLITE_OK && version < STORE_SCHEMA_VERSION; version++)
        code = execute(db, migrations[version]);
    if (code == SQLITE_OK) {
        char pragmas[96];
        snprintf(pragmas, sizeof(pragmas), "PRAGMA user_version = %d; PRAGMA application_id = %d;",
                 STORE_SCHEMA_VERSION, STORE_APPLICATION_ID);
        code = execute(db, pragmas);
    }
    if (code == SQLITE_OK)
        code = execute(db, "COMMIT");
    if (code != SQLITE_OK) {
        status = fail(db, err, "making the tables", sqlite3_extended_errcode(db));
        execute(db, "ROLLBACK");
    }
    return status;
}

static const struct {
    const char *table, *column;
    const struct vocabulary *words;
} worded[] = {
    {"series", "target_kind", &words_target_kind},
    {"series", "metric", &words_metric},
    {"incident", "target_kind", &words_target_kind},
    {"incident", "metric", &words_metric},
    {"incident", "state", &words_incident_state},
    {"restart", "rung", &words_rung},
    {"restart", "phase", &words_restart_phase},
    {"restart", "outcome", &words_restart_outcome},
    {"restart_service", "stop", &words_restart_step},
    {"restart_service", "start", &words_restart_step},
    {"outbox", "kind", &words_alert_kind},
    {"outbox", "state", &words_mail_state},
};

/* Are all words of a column known? */
static enum status verify_words(sqlite3 *db, size_t index, struct err *err)
{
    char sql[96];
    snprintf(sql, sizeof(sql), "SELECT DISTINCT %s FROM %s", worded[index].column, worded[index].table);
    struct query query = {0};
    int code = sqlite3_prepare_v2(db, sql, -1, &query.statement, NULL);
    if (code == SQLITE_OK) {
        while (!query.strange && (code = sqlite3_step(query.statement)) == SQLITE_ROW) {
            query.column = 0;
            query_word(&query, worded[index].words);
        }
    }
    enum status status = STATUS_OK;
    if (query.strange) {
        status = err_set(err, STATUS_CORRUPT, "integrity check", 0,
                         "%s.%s holds a word that is not known: \"%.40s\"", worded[index].table,
                         worded[index].column, (const char *)sqlite3_column_text(query.statement, 0));
    } else if (code != SQLITE_DONE) {
        status = fail(db, err, "integrity check", code);
    }
    sqlite3_finalize(query.statement);
    return status;
}

enum status schema_verify(sqlite3 *db, struct err *err)
{
    /* The whole file is read, every page once: bounded because the file is (STORE_BYTES_MAX). Only the small
     * tables have indexes to compare, so this costs what quick_check costs. */
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    enum status status = STATUS_OK;
    if (code != SQLITE_ROW) {
        status = code == SQLITE_DONE ? STATUS_CORRUPT : fail(db, err, "integrity check", code);
    } else {
        const char *answer = (const char *)sqlite3_column_text(statement, 0);
        if (answer == NULL || strcmp(answer, "ok") != 0) {
            char line[200]; /* several lines for SQLite; one for an alert */
            text_copy(line, sizeof(line), answer != NULL ? answer : "no answer");
            for (char *newline = line; (newline = strchr(newline, '\n')) != NULL;)
                *newline = ' ';
            status = err_set(err, STATUS_CORRUPT, "integrity check", 0, "%s", line);
        }
    }
    sqlite3_finalize(statement);
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(worded); i++)
        status = verify_words(db, i, err);
    return status;
}

/* A failure to read the old file. When it is the file's, what can be had of it has been had: OK. */
static enum status read_as_far_as(sqlite3 *old, const char *operation, int code, struct err *err)
{
    struct err why = {0};
    if (code == SQLITE_DONE || fail(old, &why, operation, code) == STATUS_OK || store_file_unusable(&why))
        return STATUS_OK;
    return err_set(err, why.status, operation, why.code, "%s", why.text);
}

/* A row is taken, or refused by the types and keys of the new table, or cannot be written: only that is a
 * failure. */
static enum status copy_row(sqlite3 *db, sqlite3_stmt *into, sqlite3_stmt *from, bool *out_taken,
                            struct err *err)
{
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && i < sqlite3_column_count(from); i++)
        code = sqlite3_bind_value(into, i + 1, sqlite3_column_value(from, i));
    code = code == SQLITE_OK ? sqlite3_step(into) : code;
    *out_taken = code == SQLITE_DONE && sqlite3_changes(db) > 0;
    const enum status status = store_status(code) == STATUS_OK || store_status(code) == STATUS_INVALID
                                   ? STATUS_OK
                                   : fail(db, err, "carry over", code);
    sqlite3_reset(into);
    return status;
}

/* Copies rows until the first that cannot be read. *out_all: none was lost. */
static enum status copy_table(sqlite3 *db, sqlite3 *old, const char *table, int *out_copied, bool *out_all,
                              struct err *err)
{
    char sql[160];
    sqlite3_stmt *from = NULL, *into = NULL;
    enum status status = STATUS_OK;
    bool refused = false;
    *out_copied = 0;
    *out_all = false;
    snprintf(sql, sizeof(sql), "SELECT * FROM %s", table);
    int code = sqlite3_prepare_v2(old, sql, -1, &from, NULL);
    if (code != SQLITE_OK) {
        status = read_as_far_as(old, "carry over", code, err);
        goto done;
    }
    const int columns = sqlite3_column_count(from);
    struct text insert = text_on(sql, sizeof(sql));
    text_add(&insert, "INSERT OR IGNORE INTO %s VALUES(", table);
    for (int i = 0; i < columns; i++)
        text_add(&insert, i == 0 ? "?" : ",?");
    text_add(&insert, ")");
    code = insert.truncated ? SQLITE_ERROR : sqlite3_prepare_v2(db, sql, -1, &into, NULL);
    if (code != SQLITE_OK) { /* ERROR: the old table has other columns */
        status = code == SQLITE_ERROR ? STATUS_OK : fail(db, err, "carry over", code);
        goto done;
    }
    while (status == STATUS_OK && (code = sqlite3_step(from)) == SQLITE_ROW) {
        bool taken = false;
        status = copy_row(db, into, from, &taken, err);
        *out_copied += taken;
        refused = refused || !taken;
    }
    if (status == STATUS_OK)
        status = read_as_far_as(old, "carry over", code, err);
    *out_all = status == STATUS_OK && code == SQLITE_DONE && !refused;
done:
    sqlite3_finalize(from);
    sqlite3_finalize(into);
    return status;
}

/* How often was restarted before is lost with the budget, and that nothing may be with a maintenance. So that
 * a disk that spoils the file again and again does not free it again and again, the budget counts as spent,
 * whatever the configuration allows. */
static enum status spend_budget(sqlite3 *db, struct text *report, struct err *err)
{
    char sql[240];
    snprintf(sql, sizeof(sql),
             "INSERT OR REPLACE INTO budget WITH RECURSIVE n(i) AS"
             " (VALUES(0) UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, -1 - i, '', 0 FROM n",
             BUDGET_ENTRIES_MAX - 1);
    const int code = execute(db, sql);
    text_add(report, "; the budget of restarts is not known and counts as spent");
    return code == SQLITE_OK ? STATUS_OK : fail(db, err, "spend the budget", code);
}

/* Are the words of this table known (after copying what may be damaged)? CORRUPT: not all. */
static enum status table_understand(sqlite3 *db, const char *table, struct err *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(worded); i++)
        if (strcmp(worded[i].table, table) == 0)
            status = verify_words(db, i, err);
    return status;
}

/* One table, in a transaction of its own: one that cannot be kept does not take the others with it. */
static enum status salvage_table(sqlite3 *db, sqlite3 *old, const char *table, struct text *report,
                                 bool *out_all, struct err *err)
{
    int copied = 0, code = execute(db, "BEGIN IMMEDIATE");
    struct err why = {0};
    if (code != SQLITE_OK)
        return fail(db, err, "carry over", code);
    enum status status = copy_table(db, old, table, &copied, out_all, &why);
    if (status == STATUS_OK)
        status = table_understand(db, table, &why);
    if (status == STATUS_OK) {
        code = execute(db, "COMMIT");
        status = code == SQLITE_OK ? STATUS_OK : fail(db, &why, "carry over", code);
    }
    if (status == STATUS_OK && copied > 0)
        text_add(report, "; carried over from %s: %d", table, copied);
    if (status == STATUS_OK)
        return STATUS_OK;
    execute(db, "ROLLBACK");
    *out_all = false;
    return status == STATUS_CORRUPT ? STATUS_OK
                                    : err_set(err, status, why.operation, why.code, "%s", why.text);
}

enum status schema_salvage(sqlite3 *db, const char *path, struct text *report, struct err *err)
{
    sqlite3 *old = NULL;
    int64_t version = 0;
    struct err why = {0};
    size_t restraints = 0; /* of a maintenance and of the budget: what is wholly known */
    enum status status = STATUS_OK;
    const int code = sqlite3_open_v2(path, &old, SQLITE_OPEN_READONLY, NULL);
    if (old != NULL) /* which failure is the file's, only the extended codes tell */
        sqlite3_extended_result_codes(old, 1);
    if (code != SQLITE_OK)
        fail(old, &why, "carry over", old != NULL ? sqlite3_extended_errcode(old) : code);
    else
        read_version(old, &version, &why);
    if (why.status != STATUS_OK && !store_file_unusable(&why)) {
        status = err_set(err, why.status, why.operation, why.code, "%s", why.text);
        goto done;
    }
    if (why.status != STATUS_OK || version != STORE_SCHEMA_VERSION)
        text_add(report, "; nothing could be carried over");
    for (size_t i = 0; version == STORE_SCHEMA_VERSION && status == STATUS_OK && i < ARRAY_COUNT(kept_tables);
         i++) {
        bool all = false;
        status = salvage_table(db, old, kept_tables[i], report, &all, err);
        restraints +=
            all && (strcmp(kept_tables[i], "budget") == 0 || strcmp(kept_tables[i], "setting") == 0);
    }
done:
    sqlite3_close(old);
    if (status != STATUS_OK)
        return status;
    return restraints == 2 ? STATUS_OK : spend_budget(db, report, err);
}

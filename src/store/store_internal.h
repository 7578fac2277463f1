/* store_internal.h - what the files of src/store share: the connection, its statements, words for enums.
 *
 * Rules that hold everywhere in here:
 * - A statement is reset and its bindings are cleared before the function that stepped it returns, so no read
 *   transaction outlives a call and the write-ahead log can always be reset.
 * - What consists of several statements is one group: a savepoint inside a transaction, a transaction
 *   otherwise.
 * - SQLite ends a transaction by itself after some failures (disk full, I/O). Whatever the caller still sends
 *   must not then be committed piece by piece: store_writable refuses until store_rollback was called. */
#ifndef STOREWATCH_STORE_INTERNAL_H
#define STOREWATCH_STORE_INTERNAL_H

#include "storewatch/store.h"

#include <sqlite3.h>

#define STORE_PATH_MAX 560
#define STORE_PAGE_BYTES 4096

/* Prepared once when the store is opened: a write prepares nothing and allocates nothing of ours. */
#define STATEMENT_LIST(X)                                                                                    \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                              \
    X(COMMIT, "COMMIT")                                                                                      \
    X(ROLLBACK, "ROLLBACK")                                                                                  \
    X(GROUP_BEGIN, "SAVEPOINT part")                                                                         \
    X(GROUP_COMMIT, "RELEASE part")                                                                          \
    X(GROUP_ROLLBACK, "ROLLBACK TO part")                                                                    \
    X(PAGE_COUNT, "PRAGMA page_count")                                                                       \
    X(FREE_COUNT, "PRAGMA freelist_count")                                                                   \
    /* samples */                                                                                            \
    X(SERIES_FIND, "SELECT id, first_utc_ms, last_utc_ms FROM series WHERE target = ? AND metric = ?"        \
                   " AND pid = ? AND created_100ns = ? AND image = ? AND target_kind = ?")                   \
    X(SERIES_ADD, "INSERT INTO series(target, metric, pid, created_100ns, image, target_kind, first_utc_ms," \
                  " last_utc_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?)")                                            \
    X(SERIES_TOUCH, "UPDATE series SET first_utc_ms = min(first_utc_ms, ?1), last_utc_ms = max(last_utc_ms," \
                    " ?1) WHERE id = ?2")                                                                    \
    X(SAMPLE_PUT, "INSERT OR REPLACE INTO sample(utc_ms, series, value) VALUES(?, ?, ?)")                    \
    X(SERIES_LIFE, "SELECT first_utc_ms, last_utc_ms FROM series WHERE id = ?")                              \
    /* The last sample is not looked for where it would take long: of a series that ended hours ago. */      \
    X(SERIES_NEXT, "SELECT id, target_kind, target, image, pid, created_100ns, metric, first_utc_ms,"        \
                   " coalesce(CASE WHEN s.last_utc_ms >= (SELECT max(last_utc_ms) FROM series) - 10800000"   \
                   " THEN (SELECT utc_ms FROM sample WHERE utc_ms BETWEEN s.last_utc_ms AND"                 \
                   " s.last_utc_ms + 2 * 3600000 AND series = s.id ORDER BY utc_ms DESC LIMIT 1) END,"       \
                   " s.last_utc_ms) FROM series AS s WHERE id > ? ORDER BY id LIMIT ?")                      \
    X(POINTS_NEXT,                                                                                           \
      "SELECT utc_ms AS t, series AS s, 3600000, low, mean, high, count, unknown FROM sample_hour"           \
      " WHERE utc_ms >= ?1 AND (utc_ms > ?1 OR series > ?2) AND utc_ms <= ?3 AND (?4 = 0 OR series = ?4)"    \
      " UNION ALL "                                                                                          \
      "SELECT utc_ms, series, 300000, low, mean, high, count, unknown FROM sample_5min"                      \
      " WHERE utc_ms >= ?1 AND (utc_ms > ?1 OR series > ?2) AND utc_ms <= ?3 AND (?4 = 0 OR series = ?4)"    \
      " UNION ALL "                                                                                          \
      "SELECT utc_ms, series, 0, value, value, value, value IS NOT NULL, value IS NULL FROM sample"          \
      " WHERE utc_ms >= ?1 AND (utc_ms > ?1 OR series > ?2) AND utc_ms <= ?3 AND (?4 = 0 OR series = ?4)"    \
      " ORDER BY t, s LIMIT ?5")                                                                             \
    /* thinning: the oldest row, the row a bounded number of rows further on, and the piece between them */  \
    X(RAW_OLDEST, "SELECT utc_ms FROM sample ORDER BY utc_ms LIMIT 1 OFFSET ?")                              \
    X(RAW_ROLL,                                                                                              \
      "INSERT INTO sample_5min(utc_ms, series, low, mean, high, count, unknown)"                             \
      " SELECT utc_ms / 300000 * 300000, series, min(value), avg(value), max(value), count(value),"          \
      " count(*) - count(value) FROM sample WHERE utc_ms < ? GROUP BY 1, 2" MERGE_ROLLUP)                    \
    X(RAW_LAST, "UPDATE series SET last_utc_ms = rolled.last FROM (SELECT series, max(utc_ms) AS last FROM"  \
                " sample WHERE utc_ms < ? GROUP BY series) AS rolled WHERE series.id = rolled.series AND"    \
                " rolled.last > series.last_utc_ms")                                                         \
    X(RAW_FORGET, "DELETE FROM sample WHERE utc_ms < ?")                                                     \
    X(MINUTES_OLDEST, "SELECT utc_ms FROM sample_5min ORDER BY utc_ms LIMIT 1 OFFSET ?")                     \
    X(MINUTES_ROLL,                                                                                          \
      "INSERT INTO sample_hour(utc_ms, series, low, mean, high, count, unknown)"                             \
      " SELECT utc_ms / 3600000 * 3600000, series, min(low), sum(mean * count) / sum(count),"                \
      " max(high), sum(count), sum(unknown) FROM sample_5min WHERE utc_ms < ? GROUP BY 1, 2" MERGE_ROLLUP)   \
    X(MINUTES_FORGET, "DELETE FROM sample_5min WHERE utc_ms < ?")                                            \
    X(HOURS_OLDEST, "SELECT utc_ms FROM sample_hour ORDER BY utc_ms LIMIT 1 OFFSET ?")                       \
    X(HOURS_FORGET, "DELETE FROM sample_hour WHERE utc_ms < ?")                                              \
    X(SERIES_FORGET,                                                                                         \
      "DELETE FROM series WHERE id IN (SELECT id FROM series WHERE last_utc_ms < ?1 LIMIT ?2)")              \
    /* The oldest of those that lived for an hour at the most, and all there is of one. */                   \
    X(SERIES_SHORT, "SELECT id, first_utc_ms, last_utc_ms FROM series WHERE last_utc_ms < ?1 AND"            \
                    " last_utc_ms - first_utc_ms <= 3600000 ORDER BY last_utc_ms LIMIT ?2")                  \
    X(RAW_FORGET_OF, "DELETE FROM sample WHERE utc_ms BETWEEN ?1 AND ?2 AND series = ?3")                    \
    X(MINUTES_FORGET_OF, "DELETE FROM sample_5min WHERE utc_ms BETWEEN ?1 AND ?2 AND series = ?3")           \
    X(HOURS_FORGET_OF, "DELETE FROM sample_hour WHERE utc_ms BETWEEN ?1 AND ?2 AND series = ?3")             \
    X(SERIES_FORGET_ONE, "DELETE FROM series WHERE id = ?")                                                  \
    /* The newest incident and restart stay for ever: their ids are where the next ones go on. */            \
    X(INCIDENTS_FORGET,                                                                                      \
      "DELETE FROM incident WHERE id IN (SELECT id FROM incident WHERE state = 'closed' AND"                 \
      " id < (SELECT max(id) FROM incident) AND (closed_utc_ms < ?1 OR id <="                                \
      " (SELECT id FROM incident ORDER BY id DESC LIMIT 1 OFFSET ?3)) ORDER BY id LIMIT ?2)")                \
    X(RESTARTS_FORGET,                                                                                       \
      "DELETE FROM restart WHERE id IN (SELECT id FROM restart WHERE phase = 'ended' AND"                    \
      " id < (SELECT max(id) FROM restart) AND (ended_utc_ms < ?1 OR id <="                                  \
      " (SELECT id FROM restart ORDER BY id DESC LIMIT 1 OFFSET ?3)) ORDER BY id LIMIT ?2)")                 \
    X(MAILS_FORGET, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE state <> 'pending' AND"     \
                    " (done_utc_ms < ?1 OR id <= (SELECT max(id) FROM outbox) - ?3) ORDER BY id LIMIT ?2)")  \
    X(MAIL_BODIES_FORGET,                                                                                    \
      "UPDATE outbox SET plain = NULL, html = NULL WHERE id IN (SELECT id FROM outbox"                       \
      " WHERE state = 'dead' AND plain IS NOT NULL ORDER BY id DESC LIMIT ?1 OFFSET ?2)")                    \
    X(VACUUM_SOME, "PRAGMA incremental_vacuum(64)")                                                          \
    /* incidents */                                                                                          \
    X(INCIDENT_PUT,                                                                                          \
      "INSERT OR REPLACE INTO incident(" INCIDENT_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?,"              \
      " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                                     \
    X(INCIDENTS_GET, "SELECT " INCIDENT_COLUMNS " FROM incident ORDER BY id DESC LIMIT ?")                   \
    X(INCIDENTS_OPEN, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE state <> 'closed' ORDER BY id DESC"   \
                      " LIMIT ?")                                                                            \
    X(INCIDENT_LAST, "SELECT max(id) FROM (SELECT max(id) AS id FROM incident UNION ALL "                    \
                     "SELECT max(incident_id) FROM restart UNION ALL SELECT max(incident_id) FROM outbox)")  \
    /* restarts */                                                                                           \
    X(RESTART_PUT,                                                                                           \
      "INSERT OR REPLACE INTO restart(" RESTART_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"             \
      " ?)")                                                                                                 \
    X(RESTART_SERVICE_PUT, "INSERT INTO restart_service(" RESTART_SERVICE_COLUMNS ", restart, position)"     \
                           " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)")                                             \
    X(RESTARTS_GET, "SELECT " RESTART_COLUMNS " FROM restart ORDER BY phase = 'ended', id DESC LIMIT ?")     \
    X(RESTART_SERVICES_GET, "SELECT " RESTART_SERVICE_COLUMNS " FROM restart_service WHERE restart = ?"      \
                            " ORDER BY position LIMIT ?")                                                    \
    X(BUDGET_PUT, "INSERT OR REPLACE INTO budget(position, restart_id, service, age_ms) VALUES(?, ?, ?, ?)") \
    X(BUDGET_CUT, "DELETE FROM budget WHERE position >= ?")                                                  \
    X(BUDGET_GET, "SELECT restart_id, service, age_ms FROM budget ORDER BY position LIMIT ?")                \
    /* outbox */                                                                                             \
    X(MAIL_PENDING_COUNT, "SELECT count(*) FROM outbox WHERE state = 'pending'")                             \
    X(MAIL_GIVE_UP, "UPDATE outbox SET state = 'dead', last_answer = ?1, done_utc_ms = ?2 WHERE id IN"       \
                    " (SELECT id FROM outbox WHERE state = 'pending' ORDER BY id LIMIT ?3)")                 \
    X(MAIL_PUT, "INSERT INTO outbox(key, incident_id, kind, queued_utc_ms, done_utc_ms, state, attempts,"    \
                " last_answer, subject, plain, html) VALUES(?, ?, ?, ?, 0, 'pending', 0, '', ?, ?, ?)"       \
                " ON CONFLICT(key) DO NOTHING")                                                              \
    X(MAIL_NEXT,                                                                                             \
      "SELECT " MAIL_COLUMNS ", plain, html FROM outbox INDEXED BY outbox_pending" /* else all bodies */     \
      " WHERE state = 'pending' AND id > ?1 AND NOT (queued_utc_ms < ?2 AND " MAIL_SAID_ANEW                 \
      ")) ORDER BY id LIMIT 1") /* would be sorted */                                                        \
    X(MAILS_STOOD_FOR,                                                                                       \
      "SELECT queued_utc_ms, subject FROM outbox INDEXED BY outbox_pending WHERE " MAIL_STOOD_FOR            \
      " ORDER BY id")                                                                                        \
    X(MAILS_REPLACE,                                                                                         \
      "UPDATE outbox SET state = 'replaced', last_answer = ?3, done_utc_ms = ?4,"                            \
      " plain = NULL, html = NULL WHERE id IN (SELECT id FROM outbox WHERE " MAIL_STOOD_FOR ")")             \
    X(MAIL_SET, "UPDATE outbox SET state = ?1, attempts = ?2, last_answer = ?3, done_utc_ms = ?4,"           \
                " plain = iif(?1 = 'sent', NULL, plain), html = iif(?1 = 'sent', NULL, html)"                \
                " WHERE key = ?5")                                                                           \
    X(MAILS_QUEUED, "SELECT count(*) FROM outbox WHERE state = 'pending' AND queued_utc_ms >= ?2"            \
                    " AND ?1 = 'pending'")                                                                   \
    X(MAILS_DONE, "SELECT count(*) FROM outbox WHERE state = ?1 AND done_utc_ms >= ?2")                      \
    X(MAILS_GET, "SELECT " MAIL_COLUMNS " FROM outbox ORDER BY id DESC LIMIT ?")                             \
    /* settings */                                                                                           \
    X(SETTING_PUT, "INSERT OR REPLACE INTO setting(name, value) VALUES(?, ?)")                               \
    X(SETTING_GET, "SELECT value FROM setting WHERE name = ?")

/* Does a later pending mail of its incident say what this one said? Of a restart, and of a service that is down,
 * each says something else: they are told one by one. */
#define MAIL_SAID_ANEW                                                                                       \
    "EXISTS(SELECT 1 FROM outbox AS later INDEXED BY outbox_pending WHERE later.state = 'pending'"           \
    " AND later.id > outbox.id AND later.incident_id = outbox.incident_id AND CASE later.kind"               \
    " WHEN 'DIGEST' THEN outbox.kind = 'DIGEST' WHEN 'SERVICE_UP_AGAIN' THEN outbox.kind = 'ENDED'"          \
    " ELSE later.kind IN ('REMINDER', 'ESCALATED', 'RECOVERED', 'ENDED', 'UNWATCHED')"                       \
    " AND outbox.kind IN ('OPENED', 'REMINDER', 'ESCALATED', 'RESTART_HELD') END"
/* ?1: the mail's key; ?2: those stand behind it that were queued before that. */
#define MAIL_STOOD_FOR                                                                                       \
    "state = 'pending' AND id < (SELECT id FROM outbox WHERE key = ?1) AND queued_utc_ms < ?2"               \
    " AND incident_id = (SELECT incident_id FROM outbox WHERE key = ?1)"                                     \
    " AND " MAIL_SAID_ANEW " AND later.id <= (SELECT id FROM outbox WHERE key = ?1))"

/* A late sample (the clock was set back) lands in a bucket that exists already: the two become one. */
#define MERGE_ROLLUP                                                                                         \
    " ON CONFLICT(utc_ms, series) DO UPDATE SET"                                                             \
    " mean = CASE WHEN mean IS NULL THEN excluded.mean WHEN excluded.mean IS NULL THEN mean ELSE"            \
    " (mean * count + excluded.mean * excluded.count) / (count + excluded.count) END,"                       \
    " low = min(coalesce(low, excluded.low), coalesce(excluded.low, low)),"                                  \
    " high = max(coalesce(high, excluded.high), coalesce(excluded.high, high)),"                             \
    " count = count + excluded.count, unknown = unknown + excluded.unknown"

#define INCIDENT_COLUMNS                                                                                     \
    "id, target_kind, target, service, image, pid, created_100ns, metric, state, escalated, told_count,"     \
    " rungs_tried, onset_utc_ms, opened_utc_ms, told_utc_ms, recovering_utc_ms, closed_utc_ms,"              \
    " level_at_onset, level_at_open, level_now, slope_per_hour, slope_low_per_hour, slope_high_per_hour,"    \
    " level_limit, limit_name, exhaustion_utc_ms, exhaustion_early_utc_ms, exhaustion_late_utc_ms, reason,"  \
    " held_because"
#define RESTART_COLUMNS                                                                                      \
    "id, incident_id, rung, reason, target, phase, outcome, stop_failed, told_down, begun_utc_ms,"           \
    " ended_utc_ms"
#define RESTART_SERVICE_COLUMNS "name, is_target, pid, created_100ns, stop, start, note"
#define MAIL_COLUMNS                                                                                         \
    "id, key, incident_id, kind, queued_utc_ms, done_utc_ms, state, attempts, last_answer, subject"

enum statement {
#define STATEMENT_ENUM(name, sql) STATEMENT_##name,
    STATEMENT_LIST(STATEMENT_ENUM)
#undef STATEMENT_ENUM
        STATEMENT_COUNT
};

#define TOUCH_MS MS_PER_HOUR /* how far series.last_utc_ms may lag behind */

/* Series already looked up, so that a steady put is one INSERT. Four ways a set, the least recently used
 * goes. */
#define SERIES_SETS 128
#define SERIES_WAYS 4
struct cached_series {
    int64_t id; /* 0 = empty */
    struct store_series_key key;
    int64_t first_utc_ms, last_utc_ms; /* as in the file */
    uint64_t used;
};

struct store {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char path[STORE_PATH_MAX];
    bool begun;             /* between store_begin and store_commit */
    bool disk_full;         /* the last write met a full disk */
    bool reserve_short;     /* at the last look, see store_reserve */
    bool work_left;         /* the last store_maintain stopped at its bound */
    int64_t latest_utc_ms;  /* the clock as last told */
    uint32_t keep_permille; /* of the nominal ages of history; below 1000 under pressure */
    uint64_t use_count;
    struct cached_series series[SERIES_SETS][SERIES_WAYS];
};

/* ---- failures, and what may be written (query.c; store_reserve: store.c) ---- */

/* Says what SQLite said; a full disk is remembered for store_maintain. `code` is the result of the call on
 * the line before; returns the status it means. */
enum status store_fail(struct store *store, struct err *err, const char *operation, int code);
enum status store_status(int code);
/* The same of what a connection has just failed with: BUSY when a file cannot be opened or read only for the
 * moment. */
enum status store_status_of(sqlite3 *db, int code);
/* Does a failure to open or read a file with this code of the system (sqlite3_system_errno) pass by itself:
 * somebody holds it, or memory or handles are missing? (open_failure.windows.c and .posix.c) */
bool open_failure_passes(int system_code);
/* Does this failure say that the file itself cannot be used (and not that memory, room or a lock is missing)?
 * Its code is SQLite's extended one. */
bool store_file_unusable(const struct err *err);
/* May something be written now? Refuses when SQLite has ended the transaction behind the caller's back. */
enum status store_writable(struct store *store, struct err *err);
void store_forget_cache(struct store *store);
/* Makes file and log longer than they need to be, so that history can be forgotten on a full disk. False when
 * less than half of that reserve is left and the disk gives no more. */
bool store_reserve(struct store *store, int64_t page_count, int64_t free_count);
/* Before a transaction: forgets the oldest history when the disk is full or the file has reached
 * STORE_SAMPLES_BYTES_MAX. What cannot be done now is met again by the transaction (maintain.c). */
void store_make_room(struct store *store);

/* ---- one use of a prepared statement: bind in the order of parameters, step, read in the order of columns
 * ---- */

struct query {
    sqlite3_stmt *statement;
    int bound, column;
    int code;     /* first failure of a bind */
    bool strange; /* a word was read that nobody knows: the row is corrupt */
};
struct query query_on(struct store *store, enum statement statement);
void query_bind_integer(struct query *query, int64_t value);
void query_bind_real(struct query *query, double value);       /* NAN becomes NULL */
void query_bind_foreseen(struct query *query, int64_t utc_ms); /* INT64_MAX becomes NULL */
void query_bind_text(struct query *query, const char *value);  /* borrowed until query_done; NULL is NULL */
/* At most bytes_max of it, cut between characters. */
void query_bind_text_cut(struct query *query, const char *value, size_t bytes_max);
/* Steps a statement of which no row is wanted, and makes it ready for its next use. */
enum status query_run(struct store *store, struct query *query, const char *operation, struct err *err);
enum status query_run_plain(struct store *store, enum statement statement, const char *operation,
                            struct err *err);
/* The next row: OK, NOT_FOUND after the last (writes no error), or the failure. query_done must follow. */
enum status query_step(struct store *store, struct query *query, const char *operation, struct err *err);
void query_done(struct query *query);
int64_t query_integer(struct query *query);
uint32_t query_uint32(struct query *query); /* outside of its range: the nearest value */
bool query_bool(struct query *query);
double query_real(struct query *query);
int64_t query_foreseen(struct query *query);
void query_text(struct query *query, char *out_text, size_t capacity);
/* After a row was read: CORRUPT when a word in it was strange. */
enum status query_understood(struct store *store, const struct query *query, const char *operation,
                             struct err *err);

/* Ends a query of which `count` rows were wanted or are all there are: *out_count is set unless `status` is a
 * failure. */
enum status query_list_end(struct query *query, enum status status, size_t count, size_t *out_count);

/* ---- groups: all of several statements or none ---- */

enum status group_begin(struct store *store, const char *operation, struct err *err);
/* Ends the group: keeps it when `status` is OK, else takes it back. Returns `status`, or why it could not be
 * kept. */
enum status group_end(struct store *store, enum status status, const char *operation, struct err *err);

/* ---- enums are words in the file, so that it can be read with any SQLite tool (words.c) ---- */

struct vocabulary {
    const char *const *words;
    int count;
};
extern const struct vocabulary words_target_kind, words_metric, words_incident_state, words_rung,
    words_restart_phase, words_restart_outcome, words_restart_step, words_alert_kind, words_mail_state;
/* The word of a value of the enum; outside of it NULL, which is refused by NOT NULL. */
void query_bind_word(struct query *query, const struct vocabulary *words, int value);
/* Sets query->strange and returns 0 when nobody knows the word. */
int query_word(struct query *query, const struct vocabulary *words);

/* ---- schema.c ---- */

#define STORE_SCHEMA_VERSION 1
/* 'sWch': tells our files from other programs' SQLite files (PRAGMA application_id). */
#define STORE_APPLICATION_ID 0x73576368

/* A new or older file is brought to STORE_SCHEMA_VERSION; one that cannot be used is CORRUPT. */
enum status schema_prepare(sqlite3 *db, struct err *err);
/* The same checks without changing anything. */
enum status schema_check(sqlite3 *db, struct err *err);
/* Every page, every constraint, every word. CORRUPT says what is wrong. */
enum status schema_verify(sqlite3 *db, struct err *err);
/* Copies the small tables - all but the samples - out of the file at `path` as far as they can be read; what
 * came of it is added to the report. Fails when something else than that file (memory, room, a lock) kept it
 * from saving what there is, or from making the budget safe. */
enum status schema_salvage(sqlite3 *db, const char *path, struct text *report, struct err *err);

/* ---- set_aside.c ---- */

/* Renames a file; both names UTF-8, absolute or relative. False when the system refused. */
bool set_aside_rename(const char *from, const char *to);

#endif

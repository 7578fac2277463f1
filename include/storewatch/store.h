/* store.h - what must survive: samples, incidents, the restart journal, the budget, the outbox, in one SQLite
 * file (WAL, synchronous=FULL). All functions may block on the disk and are called from one worker job at a
 * time.
 *
 * Schema versioned with PRAGMA user_version. A file that cannot be used (corrupt, unreadable, newer schema)
 * is set aside as NAME.bad-YYYYMMDDTHHMMSS with its -wal and -shm and a new one, made as NAME.new, takes its
 * place: never fatal, and told to ops (STORE_SETTING_SET_ASIDE). What can still be read of it, other than
 * samples, is carried over; a budget that cannot be read counts as spent (restart ids below 0). Writes
 * belonging together are put between store_begin and store_commit: after a crash all or none of them is
 * there.
 *
 * Failures a caller can act on, of every function that writes:
 *   BUSY     another process held the file for 2 s: try again later
 *   FULL     the disk or the file's bound is reached: roll back and try again; the next store_begin forgets
 *            the oldest history first, so that journal, incidents and mails find room
 *   CORRUPT  close and open again: opening sets the file aside
 *   IO       the disk failed; NO_MEMORY; DENIED
 * SQLite undoes the whole transaction after some failures; every further write of it is then refused until
 * store_rollback or store_commit (which fails) has been called, so half of it is never kept. A commit that
 * failed is undone - unless the machine stops before the next one succeeds: then it may be found done.
 *
 * Bounds: STORE_BYTES_MAX for the file, 4 MiB for the log beside it - while another program stays in the middle
 * of reading the file the log grows beyond that, and is cut back when it has gone. */
#ifndef STOREWATCH_STORE_H
#define STOREWATCH_STORE_H

#include "storewatch/incident.h"
#include "storewatch/report.h"
#include "storewatch/restart.h"

struct store;

/* 20 series at 15 s fill less than 18 MiB in 400 days (tests/unit/test_store_size.c measures it). Beyond
 * STORE_HISTORY_BYTES series that ended and lived for an hour at the most are forgotten; then history is
 * thinned earlier than its ages say, step by step; at STORE_SAMPLES_BYTES_MAX at once. What is left up to
 * STORE_BYTES_MAX is for incidents, restarts and mails, each bounded by number. */
#define STORE_HISTORY_BYTES (INT64_C(64) * 1024 * 1024)
#define STORE_SAMPLES_BYTES_MAX (INT64_C(80) * 1024 * 1024)
#define STORE_BYTES_MAX (INT64_C(160) * 1024 * 1024)
#define STORE_INCIDENTS_MAX 5000         /* closed ones beyond are forgotten, the oldest first */
#define STORE_RESTARTS_MAX 2000          /* ended ones, likewise */
#define STORE_MAILS_MAX 10000            /* sent and dead ones, likewise; sent ones keep no body */
#define STORE_DEAD_BODIES_MAX 200        /* dead ones that keep their body */
#define STORE_PENDING_MAX 500            /* undelivered mails; one more, and the oldest becomes dead */
#define STORE_MAIL_BYTES_MAX (96 * 1024) /* of both bodies together; beyond, the HTML part is left out */

/* DATA_DIR and the file's name; the separator is the one DATA_DIR uses. */
void store_path(char *out_path, size_t capacity, const char *data_dir);

/* Opens or creates. An old file that cannot be used is set aside, with a name made from utc_ms
 * (STORE_SETTING_SET_ASIDE). */
enum status store_open(const char *path, int64_t utc_ms, struct store **out_store, struct err *err);
/* Read-only, for `history` and `report` while the service runs. NOT_FOUND when there is no file. */
enum status store_open_readonly(const char *path, struct store **out_store, struct err *err);
void store_close(struct store *store); /* checkpoints; NULL is fine */

enum status store_begin(struct store *store, struct err *err);
enum status store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store); /* harmless when nothing is begun */

/* ---- samples ---- */

/* Who a sample belongs to: one metric of one incarnation. */
struct store_series_key {
    enum target_kind target_kind;
    char target[TARGET_NAME_MAX];
    char image[PROCESS_IMAGE_MAX];
    struct process_id process;
    enum metric metric;
};
/* Appends a sample. value NAN = unknown, stored as such. Series are created on first use and cached. */
enum status store_put_sample(struct store *store, const struct store_series_key *key, int64_t utc_ms,
                             double value, struct err *err);

/* Thins and forgets: raw samples are kept STORE_RAW_MS, then 5-minute rollups STORE_MINUTES_MS, then hourly
 * ones STORE_HOURS_MS. Also forgets closed incidents, ended restarts and sent mails older than
 * STORE_HOURS_MS. Does a bounded piece of work a call (at most ~20 ms); call it every few minutes. */
#define STORE_RAW_MS (2 * MS_PER_DAY)
#define STORE_MINUTES_MS (35 * MS_PER_DAY)
#define STORE_HOURS_MS (400 * MS_PER_DAY)
enum status store_maintain(struct store *store, int64_t utc_ms, struct err *err);

/* Cursor over the series, then over one series' samples (rollups first, then raw, in the order of time):
 *
 *     struct store_cursor *c;
 *     store_series_begin(store, &c, err);
 *     while (store_series_next(c, &id, &key, &first, &last, err) == STATUS_OK)
 *         ...
 *     store_cursor_free(c);
 *
 * *_next return OK, or NOT_FOUND at the end, or the failure. A cursor holds no lock between calls: reading
 * may take as long as it likes. From and to are inclusive; series_id 0 means all series, in the order of time
 * and then of series. The `last` of a series that ended hours before the newest may lag by an hour as long as
 * there are raw samples of it. */
struct store_cursor;
enum status store_series_begin(struct store *store, struct store_cursor **out_cursor, struct err *err);
enum status store_series_next(struct store_cursor *cursor, int64_t *out_series_id,
                              struct store_series_key *out_key, int64_t *out_first_utc_ms,
                              int64_t *out_last_utc_ms, struct err *err);
enum status store_samples_begin(struct store *store, int64_t series_id, int64_t from_utc_ms,
                                int64_t to_utc_ms, struct store_cursor **out_cursor, struct err *err);
/* A raw sample has low == mean == high; unknown: NAN. */
enum status store_samples_next(struct store_cursor *cursor, struct series_point *out_point, struct err *err);
/* The same with what it stands for: point.t_ms is the begin of the bucket. */
struct store_point {
    int64_t series_id;
    struct series_point point;
    int64_t width_ms;                    /* 0 = a raw sample, else the bucket's width */
    uint32_t known_count, unknown_count; /* samples in it */
};
enum status store_points_next(struct store_cursor *cursor, struct store_point *out_point, struct err *err);
void store_cursor_free(struct store_cursor *cursor);

/* ---- incidents ---- */

/* Inserts or replaces by id. */
enum status store_put_incident(struct store *store, const struct incident *incident, struct err *err);
/* Up to `capacity`, newest first; only_open: not yet closed. */
enum status store_get_incidents(struct store *store, bool only_open, struct incident *out_incidents,
                                size_t capacity, size_t *out_count, struct err *err);
enum status store_last_incident_id(struct store *store, int64_t *out_id, struct err *err);

/* ---- restarts: journal and budget ---- */

/* Inserts or replaces by id, with all services of the plan. */
enum status store_put_restart(struct store *store, const struct restart_journal *journal, struct err *err);
/* Newest first. The one that has not ended (phase != RESTART_ENDED), if any, is always among the first. */
enum status store_get_restarts(struct store *store, struct restart_journal *out_journals, size_t capacity,
                               size_t *out_count, struct err *err);

/* All entries at once (restart.h: struct budget_entry). */
enum status store_put_budget(struct store *store, const struct budget_entry *entries, size_t count,
                             struct err *err);
enum status store_get_budget(struct store *store, struct budget_entry *out_entries, size_t capacity,
                             size_t *out_count, struct err *err);

/* ---- outbox ---- */

/* REPLACED: a later mail that was sent stands for it, and names it. */
enum mail_state { MAIL_PENDING, MAIL_SENT, MAIL_DEAD, MAIL_REPLACED };

struct outbox_entry {
    int64_t id;          /* order of queueing */
    int64_t incident_id; /* 0 = none */
    enum alert_kind kind;
    enum severity severity; /* mail_severity */
    int64_t queued_utc_ms, done_utc_ms;
    int64_t refused_utc_ms; /* of a pending one: when a relay first refused it; 0 = none has */
    int64_t
        replaces_before_utc_ms; /* it stands for what was queued before that (mail.earlier); 0 = for none */
    enum mail_state state;
    uint32_t attempts;
    char last_answer[256]; /* the last relay's words */
    struct mail mail;      /* owned by the entry: outbox_entry_deinit */
};
void outbox_entry_deinit(struct outbox_entry *entry);

/* Queues; a key that is already there is OK and changes nothing (idempotent). Never refuses for its own
 * bounds: see STORE_MAIL_BYTES_MAX and STORE_PENDING_MAX. */
enum status store_put_mail(struct store *store, const struct mail *mail, enum alert_kind kind,
                           int64_t incident_id, int64_t utc_ms, struct err *err);
/* The oldest pending mail with id > after_id for which no later one stands; NOT_FOUND when there is none. Of an
 * incident's mails that have waited for MAIL_LATE_MS at utc_ms a later one stands for those that it says anew: how
 * the growth was, for how it is or that it has ended; that the process had ended with its service, for that this
 * runs again; so does a daily digest for the one before. */
enum status store_next_mail(struct store *store, int64_t after_id, int64_t utc_ms,
                            struct outbox_entry *out_entry, struct err *err);
/* The mail with that key, pending still, is about to be noted as sent: what it stands for is REPLACED with it. */
enum status store_replace_mails(struct store *store, const char *key, int64_t before_utc_ms, int64_t utc_ms,
                                struct err *err);
/* Notes what came of an attempt: utc_ms is when it was done, of a pending one when a relay first refused it (0 =
 * none has). A sent mail loses its body. NOT_FOUND when there is no such mail. (By its
 * key: a file that has taken the place of a damaged one may give its id to another.) */
enum status store_set_mail(struct store *store, const char *key, enum mail_state state, uint32_t attempts,
                           const char *answer, int64_t utc_ms, struct err *err);
/* Mails that came into `state` at since_utc_ms or later (pending: that were queued). */
enum status store_count_mails(struct store *store, enum mail_state state, int64_t since_utc_ms,
                              size_t *out_count, struct err *err);
/* History, newest first, without the bodies. */
enum status store_get_mails(struct store *store, struct outbox_entry *out_entries, size_t capacity,
                            size_t *out_count, struct err *err);

/* ---- small settings that survive ("maintenance_until_utc_ms", "maintenance_reason", "culprits-0") ---- */
#define STORE_SETTING_STATUS "status" /* the latest kept answer of `status --json` */
/* That an old file was set aside, where it is, why, and what was carried over, for people. It is there from
 * the new file's begin on; whoever has told it sets it to "". */
#define STORE_SETTING_SET_ASIDE "set_aside"
#define STORE_SET_ASIDE_MAX 1024
#define STORE_STATUS_BYTES_MAX (512 * 1024)
enum status store_put_setting(struct store *store, const char *name, const char *value, struct err *err);
/* NOT_FOUND when it was never set. */
enum status store_get_setting(struct store *store, const char *name, char *out_value, size_t capacity,
                              struct err *err);

#endif

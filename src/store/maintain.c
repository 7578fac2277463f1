/* maintain.c - thinning and forgetting, in bounded pieces, and how the file keeps its bound.
 *
 * The oldest raw samples become 5-minute rollups, the oldest of these hourly ones, the oldest of these are
 * forgotten. Each piece is one transaction of at most PIECE_ROWS rows: the new rows and the removal of the
 * old ones are there together or not at all, so a time is never in two tiers and never lost between them.
 *
 * Under pressure (the file at its target, or a full disk) `keep_permille` shortens all three ages by the same
 * share, so the oldest of each tier goes first and the picture stays even; when there is room again it goes
 * back. At the target series that lived for an hour at the most go before that: a program that is started
 * again and again takes nobody else's history. Incidents, restarts and mails are never thinned for room; each
 * has its own bound by number. */
#include "store_internal.h"

#define FIVE_MINUTES_MS (5 * MS_PER_MINUTE)
#define PIECE_ROWS 4096
#define PIECES_MAX 2   /* of each tier a call */
#define FORGET_ROWS 64 /* incidents, restarts, mails a call */
#define FORGET_SERIES 512
#define FORGET_SHORT 64 /* series that lived shortly, a call */
#define KEEP_DOWN_PERMILLE 50
#define KEEP_UP_PERMILLE 20
#define RELIEF_PAGES 192 /* free pages to be made on a full disk: more than store_reserve asks for */
/* Free pages kept for the next writes; what is beyond is given back to the disk. */
#define VACUUM_FREE_PAGES 512

static enum status read_number(struct store *store, enum statement statement, int64_t *out_value,
                               struct err *err)
{
    struct query query = query_on(store, statement);
    const enum status status = query_step(store, &query, "read size", err);
    if (status == STATUS_OK)
        *out_value = query_integer(&query);
    query_done(&query);
    return status;
}

static enum status read_pages(struct store *store, int64_t *out_count, int64_t *out_free, struct err *err)
{
    const enum status status = read_number(store, STATEMENT_PAGE_COUNT, out_count, err);
    return status == STATUS_OK ? read_number(store, STATEMENT_FREE_COUNT, out_free, err) : status;
}

static int64_t floor_to(int64_t value, int64_t step)
{
    return value - (value % step + step) % step;
}

/* Moves or removes what is older than the cutoff, at most PIECE_ROWS rows. *out_more: there is more of it. */
static enum status thin_piece(struct store *store, enum statement oldest, const enum statement *steps,
                              size_t step_count, int64_t cutoff_utc_ms, bool *out_more, struct err *err)
{
    int64_t first_utc_ms = 0, end_utc_ms = 0;
    struct query query = query_on(store, oldest);
    query_bind_integer(&query, 0);
    enum status status = query_step(store, &query, "thin", err);
    if (status == STATUS_OK)
        first_utc_ms = query_integer(&query);
    query_done(&query);
    if (status != STATUS_OK || first_utc_ms >= cutoff_utc_ms) {
        *out_more = false;
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    query = query_on(store, oldest);
    query_bind_integer(&query, PIECE_ROWS);
    status = query_step(store, &query, "thin", err);
    if (status == STATUS_OK) {
        end_utc_ms = query_integer(&query);
        end_utc_ms =
            end_utc_ms > first_utc_ms ? end_utc_ms : first_utc_ms + 1; /* many series in one instant */
    } else if (status == STATUS_NOT_FOUND) {
        end_utc_ms = cutoff_utc_ms;
        status = STATUS_OK;
    }
    query_done(&query);
    *out_more = end_utc_ms < cutoff_utc_ms;
    end_utc_ms = *out_more ? end_utc_ms : cutoff_utc_ms;
    for (size_t i = 0; status == STATUS_OK && i < step_count; i++) {
        struct query piece = query_on(store, steps[i]);
        query_bind_integer(&piece, end_utc_ms);
        status = query_run(store, &piece, "thin", err);
    }
    return status;
}

static enum status thin(struct store *store, enum statement oldest, const enum statement *steps,
                        size_t step_count, int64_t cutoff_utc_ms, struct err *err)
{
    bool more = true;
    enum status status = STATUS_OK;
    for (int piece = 0; status == STATUS_OK && more && piece < PIECES_MAX; piece++) {
        status = group_begin(store, "thin", err);
        if (status == STATUS_OK) {
            status = group_end(store, thin_piece(store, oldest, steps, step_count, cutoff_utc_ms, &more, err),
                               "thin", err);
        }
    }
    store->work_left = store->work_left || (status == STATUS_OK && more);
    return status;
}

/* What is older is thinned. With nothing to be kept even times ahead of the clock go: it may have been set
 * back. */
static int64_t cutoff(const struct store *store, int64_t utc_ms, int64_t age_ms, int64_t bucket_ms)
{
    return store->keep_permille == 0
               ? INT64_MAX
               : floor_to(utc_ms - age_ms / 1000 * (int64_t)store->keep_permille, bucket_ms);
}

static enum status forget(struct store *store, enum statement statement, int64_t cutoff_utc_ms,
                          int64_t keep_count, struct err *err)
{
    struct query query = query_on(store, statement);
    query_bind_integer(&query, cutoff_utc_ms);
    query_bind_integer(&query, FORGET_ROWS);
    query_bind_integer(&query, keep_count);
    return query_run(store, &query, "forget", err);
}

/* Incidents, restarts and mails that are done with. */
static enum status forget_done(struct store *store, int64_t cutoff_utc_ms, struct err *err)
{
    enum status status = forget(store, STATEMENT_INCIDENTS_FORGET, cutoff_utc_ms, STORE_INCIDENTS_MAX, err);
    if (status == STATUS_OK)
        status = forget(store, STATEMENT_RESTARTS_FORGET, cutoff_utc_ms, STORE_RESTARTS_MAX, err);
    if (status == STATUS_OK)
        status = forget(store, STATEMENT_MAILS_FORGET, cutoff_utc_ms, STORE_MAILS_MAX, err);
    if (status == STATUS_OK) {
        struct query query = query_on(store, STATEMENT_MAIL_BODIES_FORGET);
        query_bind_integer(&query, FORGET_ROWS);
        query_bind_integer(&query, STORE_DEAD_BODIES_MAX);
        status = query_run(store, &query, "forget", err);
    }
    return status;
}

/* Series without samples. Their last time may lag (samples.c), hence the day. */
static enum status forget_series(struct store *store, int64_t utc_ms, struct err *err)
{
    struct query query = query_on(store, STATEMENT_SERIES_FORGET);
    query_bind_integer(&query, utc_ms - STORE_HOURS_MS / 1000 * (int64_t)store->keep_permille - MS_PER_DAY);
    query_bind_integer(&query, FORGET_SERIES);
    const enum status status = query_run(store, &query, "forget", err);
    if (status == STATUS_OK && sqlite3_changes(store->db) > 0)
        store_forget_cache(store);
    return status;
}

struct short_series {
    int64_t id, first_utc_ms, last_utc_ms;
};

static enum status forget_short(struct store *store, const struct short_series *series, struct err *err)
{
    static const enum statement tiers[] = {STATEMENT_RAW_FORGET_OF, STATEMENT_MINUTES_FORGET_OF,
                                           STATEMENT_HOURS_FORGET_OF};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(tiers); i++) {
        struct query query = query_on(store, tiers[i]);
        query_bind_integer(&query, series->first_utc_ms - MS_PER_HOUR); /* its bucket begins earlier */
        query_bind_integer(&query, series->last_utc_ms + TOUCH_MS);
        query_bind_integer(&query, series->id);
        status = query_run(store, &query, "forget", err);
    }
    if (status == STATUS_OK) {
        struct query query = query_on(store, STATEMENT_SERIES_FORGET_ONE);
        query_bind_integer(&query, series->id);
        status = query_run(store, &query, "forget", err);
    }
    return status;
}

/* Of those whose raw samples have become rollups, at most FORGET_SHORT. */
static enum status forget_shorts(struct store *store, int64_t utc_ms, size_t *out_count, struct err *err)
{
    struct short_series found[FORGET_SHORT];
    size_t count = 0;
    struct query query = query_on(store, STATEMENT_SERIES_SHORT);
    query_bind_integer(&query, utc_ms - STORE_RAW_MS - TOUCH_MS);
    query_bind_integer(&query, FORGET_SHORT);
    enum status status = STATUS_OK;
    while (count < FORGET_SHORT && (status = query_step(store, &query, "forget", err)) == STATUS_OK) {
        struct short_series *series = &found[count++];
        series->id = query_integer(&query);
        series->first_utc_ms = query_integer(&query);
        series->last_utc_ms = query_integer(&query);
    }
    status = query_list_end(&query, status, count, out_count);
    for (size_t i = 0; status == STATUS_OK && i < count; i++)
        status = forget_short(store, &found[i], err);
    if (count > 0)
        store_forget_cache(store);
    return status;
}

static void keep_less(struct store *store)
{
    store->keep_permille =
        store->keep_permille > KEEP_DOWN_PERMILLE ? store->keep_permille - KEEP_DOWN_PERMILLE : 0;
}

/* One round over the three tiers, the coarsest first. */
static enum status thin_tiers(struct store *store, int64_t utc_ms, struct err *err)
{
    static const enum statement forget_hours[] = {STATEMENT_HOURS_FORGET};
    static const enum statement roll_minutes[] = {STATEMENT_MINUTES_ROLL, STATEMENT_MINUTES_FORGET};
    static const enum statement roll_raw[] = {STATEMENT_RAW_ROLL, STATEMENT_RAW_LAST, STATEMENT_RAW_FORGET};
    store->work_left = false;
    enum status status = thin(store, STATEMENT_HOURS_OLDEST, forget_hours, ARRAY_COUNT(forget_hours),
                              cutoff(store, utc_ms, STORE_HOURS_MS, MS_PER_HOUR), err);
    if (status == STATUS_OK && !store->work_left)
        status = forget_series(store, utc_ms, err);
    if (status == STATUS_OK) {
        status = thin(store, STATEMENT_MINUTES_OLDEST, roll_minutes, ARRAY_COUNT(roll_minutes),
                      cutoff(store, utc_ms, STORE_MINUTES_MS, MS_PER_HOUR), err);
    }
    if (status == STATUS_OK) {
        status = thin(store, STATEMENT_RAW_OLDEST, roll_raw, ARRAY_COUNT(roll_raw),
                      cutoff(store, utc_ms, STORE_RAW_MS, FIVE_MINUTES_MS), err);
    }
    return status;
}

/* Adjusts how much of the nominal ages is kept, gently: while a shortening has not had its effect, not again.
 */
static enum status feel_pressure(struct store *store, int64_t utc_ms, int64_t used_bytes, struct err *err)
{
    enum status status = STATUS_OK;
    if (used_bytes > STORE_HISTORY_BYTES && !store->work_left) {
        size_t forgotten = 0;
        status = group_begin(store, "forget", err);
        if (status == STATUS_OK)
            status = group_end(store, forget_shorts(store, utc_ms, &forgotten, err), "forget", err);
        if (forgotten == 0)
            keep_less(store);
    } else if (used_bytes < STORE_HISTORY_BYTES / 4 * 3 && store->keep_permille < 1000) {
        store->keep_permille += KEEP_UP_PERMILLE;
    }
    return status;
}

/* Keeps less and less until RELIEF_PAGES are free or nothing is left to forget. */
static enum status relieve(struct store *store, struct err *err)
{
    /* The log is used again from its begin, in the space that it has. */
    sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    int64_t free_pages = 0;
    enum status status;
    do {
        keep_less(store);
        status = thin_tiers(store, store->latest_utc_ms, err);
        if (status == STATUS_OK)
            status = read_number(store, STATEMENT_FREE_COUNT, &free_pages, err);
    } while (status == STATUS_OK && free_pages < RELIEF_PAGES &&
             (store->keep_permille > 0 || store->work_left));
    store->disk_full = store->disk_full && status != STATUS_OK;
    return status;
}

void store_make_room(struct store *store)
{
    int64_t pages = 0, free_pages = 0;
    if (read_pages(store, &pages, &free_pages, NULL) != STATUS_OK)
        return;
    /* Twice in a row: a single failure to make the file longer costs no history. */
    const bool was_short = store->reserve_short;
    store->reserve_short = !store_reserve(store, pages, free_pages);
    if ((was_short && store->reserve_short) || store->disk_full ||
        (pages - free_pages) * STORE_PAGE_BYTES >= STORE_SAMPLES_BYTES_MAX)
        relieve(store, NULL);
}

enum status store_maintain(struct store *store, int64_t utc_ms, struct err *err)
{
    if (store->begun) {
        return err_set(err, STATUS_INVALID, "store_maintain", 0, "%s: a transaction is going on",
                       store->path);
    }
    store->latest_utc_ms = utc_ms;
    store_make_room(store);
    int64_t pages = 0, free_pages = 0;
    enum status status = read_pages(store, &pages, &free_pages, err);
    if (status == STATUS_OK)
        status = feel_pressure(store, utc_ms, (pages - free_pages) * STORE_PAGE_BYTES, err);
    if (status == STATUS_OK)
        status = thin_tiers(store, utc_ms, err);
    if (status == STATUS_OK) {
        status = group_begin(store, "forget", err);
        if (status == STATUS_OK)
            status = group_end(store, forget_done(store, utc_ms - STORE_HOURS_MS, err), "forget", err);
    }
    if (status == STATUS_OK && free_pages > VACUUM_FREE_PAGES)
        status = query_run_plain(store, STATEMENT_VACUUM_SOME, "give space back", err);
    return status;
}

/* samples.c - series and their samples: appending, and reading in pieces.
 *
 * A reader must never hold the log back: a cursor reads a batch, ends its read transaction, and goes on after
 * the last point it has given. What store_maintain thins in between is met again as a rollup that begins
 * earlier than that point, and is not given twice. */
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

#define SERIES_BATCH 16
#define POINT_BATCH 256

/* ---- writing ---- */

static uint32_t hash_bytes(uint32_t hash, const void *bytes, size_t count)
{
    for (const unsigned char *byte = bytes; count > 0; count--, byte++)
        hash = (hash ^ *byte) * UINT32_C(16777619); /* FNV-1a */
    return hash;
}

static size_t series_set(const struct store_series_key *key)
{
    uint32_t hash = UINT32_C(2166136261);
    hash = hash_bytes(hash, key->target, strlen(key->target));
    hash = hash_bytes(hash, key->image, strlen(key->image));
    hash = hash_bytes(hash, &key->process.pid, sizeof(key->process.pid));
    hash = hash_bytes(hash, &key->process.created_100ns, sizeof(key->process.created_100ns));
    hash = hash_bytes(hash, &key->metric, sizeof(key->metric));
    return (hash ^ hash >> 16) % SERIES_SETS;
}

static bool key_equal(const struct store_series_key *a, const struct store_series_key *b)
{
    return process_id_equal(a->process, b->process) && a->metric == b->metric &&
           a->target_kind == b->target_kind && strcmp(a->target, b->target) == 0 &&
           strcmp(a->image, b->image) == 0;
}

/* Binds what tells a series from others, in the order of SERIES_FIND and SERIES_ADD. */
static void bind_key(struct query *query, const struct store_series_key *key)
{
    query_bind_text(query, key->target);
    query_bind_word(query, &words_metric, (int)key->metric);
    query_bind_integer(query, key->process.pid);
    query_bind_integer(query, (int64_t)key->process.created_100ns);
    query_bind_text(query, key->image);
    query_bind_word(query, &words_target_kind, (int)key->target_kind);
}

/* Finds or adds the series in the file. */
static enum status load_series(struct store *store, const struct store_series_key *key, int64_t utc_ms,
                               struct cached_series *out_series, struct err *err)
{
    struct query find = query_on(store, STATEMENT_SERIES_FIND);
    bind_key(&find, key);
    enum status status = query_step(store, &find, "find series", err);
    if (status == STATUS_OK) {
        out_series->id = query_integer(&find);
        out_series->first_utc_ms = query_integer(&find);
        out_series->last_utc_ms = query_integer(&find);
    }
    query_done(&find);
    if (status == STATUS_NOT_FOUND) {
        struct query add = query_on(store, STATEMENT_SERIES_ADD);
        bind_key(&add, key);
        query_bind_integer(&add, utc_ms);
        query_bind_integer(&add, utc_ms);
        status = query_run(store, &add, "add series", err);
        out_series->id = sqlite3_last_insert_rowid(store->db);
        out_series->first_utc_ms = out_series->last_utc_ms = utc_ms;
    }
    return status;
}

static enum status find_series(struct store *store, const struct store_series_key *key, int64_t utc_ms,
                               struct cached_series **out_series, struct err *err)
{
    struct cached_series *ways = store->series[series_set(key)];
    struct cached_series *oldest = &ways[0];
    store->use_count++;
    for (size_t i = 0; i < SERIES_WAYS; i++) {
        if (ways[i].id != 0 && key_equal(&ways[i].key, key)) {
            ways[i].used = store->use_count;
            *out_series = &ways[i];
            return STATUS_OK;
        }
        if (ways[i].used < oldest->used)
            oldest = &ways[i];
    }
    struct cached_series loaded = {.key = *key, .used = store->use_count};
    const enum status status = load_series(store, key, utc_ms, &loaded, err);
    if (status == STATUS_OK) {
        *oldest = loaded;
        *out_series = oldest;
    }
    return status;
}

enum status store_put_sample(struct store *store, const struct store_series_key *key, int64_t utc_ms,
                             double value, struct err *err)
{
    enum status status = store_writable(store, err);
    store->latest_utc_ms = utc_ms;
    struct cached_series *series = NULL;
    if (status == STATUS_OK)
        status = find_series(store, key, utc_ms, &series, err);
    if (status == STATUS_OK && (utc_ms < series->first_utc_ms || utc_ms > series->last_utc_ms + TOUCH_MS)) {
        struct query touch = query_on(store, STATEMENT_SERIES_TOUCH);
        query_bind_integer(&touch, utc_ms);
        query_bind_integer(&touch, series->id);
        status = query_run(store, &touch, "touch series", err);
        if (status == STATUS_OK) {
            series->first_utc_ms = utc_ms < series->first_utc_ms ? utc_ms : series->first_utc_ms;
            series->last_utc_ms = utc_ms > series->last_utc_ms ? utc_ms : series->last_utc_ms;
        }
    }
    if (status == STATUS_OK) {
        struct query put = query_on(store, STATEMENT_SAMPLE_PUT);
        query_bind_integer(&put, utc_ms);
        query_bind_integer(&put, series->id);
        query_bind_real(&put, value);
        status = query_run(store, &put, "put sample", err);
    }
    return status;
}

/* ---- reading ---- */

struct series_row {
    int64_t id, first_utc_ms, last_utc_ms;
    struct store_series_key key;
};

struct store_cursor {
    struct store *store;
    size_t capacity, count, next; /* of the batch; a batch that was not full was the last */
    bool begun;
    int64_t series_id; /* 0 = all */
    int64_t to_utc_ms;
    int64_t after_id;                      /* series: last one given */
    int64_t after_utc_ms, after_series_id; /* points: last one given */
    union {
        struct series_row series[SERIES_BATCH];
        struct store_point points[POINT_BATCH];
    } batch;
};

/* NULL without memory. */
static struct store_cursor *cursor_new(struct store *store, size_t capacity)
{
    struct store_cursor *cursor = calloc(1, sizeof(*cursor));
    if (cursor != NULL) {
        cursor->store = store;
        cursor->capacity = capacity;
    }
    return cursor;
}

void store_cursor_free(struct store_cursor *cursor)
{
    free(cursor);
}

/* Is there a row to give, after reading the next batch if need be? */
static enum status cursor_advance(struct store_cursor *cursor,
                                  enum status (*read)(struct store_cursor *, struct err *), struct err *err)
{
    if (cursor->next < cursor->count)
        return STATUS_OK;
    if (cursor->begun && cursor->count < cursor->capacity)
        return STATUS_NOT_FOUND;
    cursor->begun = true;
    cursor->next = cursor->count = 0;
    const enum status status = read(cursor, err);
    return status == STATUS_OK && cursor->count == 0 ? STATUS_NOT_FOUND : status;
}

static enum status read_series(struct store_cursor *cursor, struct err *err)
{
    struct store *store = cursor->store;
    struct query query = query_on(store, STATEMENT_SERIES_NEXT);
    query_bind_integer(&query, cursor->after_id);
    query_bind_integer(&query, (int64_t)cursor->capacity);
    enum status status;
    while ((status = query_step(store, &query, "read series", err)) == STATUS_OK) {
        struct series_row *row = &cursor->batch.series[cursor->count];
        memset(row, 0, sizeof(*row));
        row->id = query_integer(&query);
        row->key.target_kind = (enum target_kind)query_word(&query, &words_target_kind);
        query_text(&query, row->key.target, sizeof(row->key.target));
        query_text(&query, row->key.image, sizeof(row->key.image));
        row->key.process.pid = query_uint32(&query);
        row->key.process.created_100ns = (uint64_t)query_integer(&query);
        row->key.metric = (enum metric)query_word(&query, &words_metric);
        row->first_utc_ms = query_integer(&query);
        row->last_utc_ms = query_integer(&query);
        status = query_understood(store, &query, "read series", err);
        if (status != STATUS_OK)
            break;
        cursor->after_id = row->id;
        cursor->count++;
    }
    query_done(&query);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status store_series_begin(struct store *store, struct store_cursor **out_cursor, struct err *err)
{
    struct store_cursor *cursor = cursor_new(store, SERIES_BATCH);
    if (cursor == NULL)
        return err_set(err, STATUS_NO_MEMORY, "read series", 0, "%s: out of memory", store->path);
    *out_cursor = cursor;
    return STATUS_OK;
}

enum status store_series_next(struct store_cursor *cursor, int64_t *out_series_id,
                              struct store_series_key *out_key, int64_t *out_first_utc_ms,
                              int64_t *out_last_utc_ms, struct err *err)
{
    const enum status status = cursor_advance(cursor, read_series, err);
    if (status != STATUS_OK)
        return status;
    const struct series_row *row = &cursor->batch.series[cursor->next++];
    *out_series_id = row->id;
    *out_key = row->key;
    *out_first_utc_ms = row->first_utc_ms;
    *out_last_utc_ms = row->last_utc_ms;
    return STATUS_OK;
}

static enum status read_points(struct store_cursor *cursor, struct err *err)
{
    struct store *store = cursor->store;
    struct query query = query_on(store, STATEMENT_POINTS_NEXT);
    query_bind_integer(&query, cursor->after_utc_ms);
    query_bind_integer(&query, cursor->after_series_id);
    query_bind_integer(&query, cursor->to_utc_ms);
    query_bind_integer(&query, cursor->series_id);
    query_bind_integer(&query, (int64_t)cursor->capacity);
    enum status status;
    while ((status = query_step(store, &query, "read samples", err)) == STATUS_OK) {
        struct store_point *point = &cursor->batch.points[cursor->count];
        point->point.t_ms = query_integer(&query);
        point->series_id = query_integer(&query);
        point->width_ms = query_integer(&query);
        point->point.low = query_real(&query);
        point->point.mean = query_real(&query);
        point->point.high = query_real(&query);
        point->known_count = query_uint32(&query);
        point->unknown_count = query_uint32(&query);
        cursor->after_utc_ms = point->point.t_ms;
        cursor->after_series_id = point->series_id;
        cursor->count++;
    }
    query_done(&query);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status store_samples_begin(struct store *store, int64_t series_id, int64_t from_utc_ms,
                                int64_t to_utc_ms, struct store_cursor **out_cursor, struct err *err)
{
    if (series_id !=
        0) { /* rows are in the order of time: outside of the series' life there is nothing to look through */
        struct query query = query_on(store, STATEMENT_SERIES_LIFE);
        query_bind_integer(&query, series_id);
        enum status status = query_step(store, &query, "read samples", err);
        if (status == STATUS_OK) {
            const int64_t first_utc_ms =
                query_integer(&query) - MS_PER_HOUR; /* the bucket it lies in begins earlier */
            const int64_t last_utc_ms = query_integer(&query) + TOUCH_MS;
            from_utc_ms = from_utc_ms > first_utc_ms ? from_utc_ms : first_utc_ms;
            to_utc_ms = to_utc_ms < last_utc_ms ? to_utc_ms : last_utc_ms;
        }
        query_done(&query);
        if (status != STATUS_OK) {
            return status == STATUS_NOT_FOUND
                       ? err_set(err, status, "read samples", 0, "%s: there is no such series", store->path)
                       : status;
        }
    }
    struct store_cursor *cursor = cursor_new(store, POINT_BATCH);
    if (cursor == NULL)
        return err_set(err, STATUS_NO_MEMORY, "read samples", 0, "%s: out of memory", store->path);
    cursor->series_id = series_id;
    cursor->after_utc_ms = from_utc_ms;
    cursor->after_series_id = 0; /* ids begin at 1: nothing at from_utc_ms itself is skipped */
    cursor->to_utc_ms = to_utc_ms;
    *out_cursor = cursor;
    return STATUS_OK;
}

enum status store_points_next(struct store_cursor *cursor, struct store_point *out_point, struct err *err)
{
    const enum status status = cursor_advance(cursor, read_points, err);
    if (status == STATUS_OK)
        *out_point = cursor->batch.points[cursor->next++];
    return status;
}

enum status store_samples_next(struct store_cursor *cursor, struct series_point *out_point, struct err *err)
{
    struct store_point point;
    const enum status status = store_points_next(cursor, &point, err);
    if (status == STATUS_OK)
        *out_point = point.point;
    return status;
}

/* history_data.c - see history_data.h. */
#include "history_data.h"

#include "storewatch/cli.h"

#include <stdlib.h>
#include <string.h>

/* A directory that is named may come from anywhere: then only a configuration that is named too counts. */
static int find_data_dir(struct config *config, const char *config_path, const char *data_dir, char *out_dir,
                         size_t capacity)
{
    config_default(config);
    if (!data_dir || config_path) {
        int code = cli_load_config(config_path, config);
        if (code != EXIT_FINE)
            return code;
    }
    if (data_dir)
        text_copy(out_dir, capacity, data_dir);
    else if (!cli_history_dir(config_path, config, out_dir, capacity))
        return cli_fail("the configuration names no data_dir; name the directory with --data DIR");
    return EXIT_FINE;
}

enum status history_read_series(struct store *store, struct history_series **out_items, size_t *out_count,
                                struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct history_series *items = NULL, row;
    size_t count = 0, capacity = 0;
    enum status status = store_series_begin(store, &cursor, err);
    while (!status && (status = store_series_next(cursor, &row.id, &row.key, &row.first_utc_ms,
                                                  &row.last_utc_ms, err)) == STATUS_OK) {
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            struct history_series *larger = realloc(items, capacity * sizeof *larger);
            if (!larger) {
                status = err_set(err, STATUS_NO_MEMORY, "history", 0, "no memory for the list of series");
                break;
            }
            items = larger;
        }
        items[count++] = row;
    }
    store_cursor_free(cursor);
    if (status != STATUS_NOT_FOUND) {
        free(items);
        return status;
    }
    *out_items = items;
    *out_count = count;
    return STATUS_OK;
}

enum status history_newest(struct store *store, const struct history_series *items, size_t count,
                           int64_t until_utc_ms, int64_t *out_utc_ms, struct err *err)
{
    int64_t newest_utc_ms = 0;
    struct store_cursor *cursor = NULL;
    struct series_point point;
    for (size_t i = 0; i < count; i++)
        if (items[i].last_utc_ms <= until_utc_ms && items[i].last_utc_ms > newest_utc_ms)
            newest_utc_ms = items[i].last_utc_ms;
    if (newest_utc_ms == 0) {
        *out_utc_ms = 0;
        return STATUS_OK;
    }
    enum status status = store_samples_begin(store, 0, newest_utc_ms, until_utc_ms, &cursor, err);
    while (!status && (status = store_samples_next(cursor, &point, err)) == STATUS_OK)
        newest_utc_ms = point.t_ms > newest_utc_ms ? point.t_ms : newest_utc_ms;
    store_cursor_free(cursor);
    if (status != STATUS_NOT_FOUND)
        return status;
    *out_utc_ms = newest_utc_ms;
    return STATUS_OK;
}

static enum status no_memory(struct err *err)
{
    return err_set(err, STATUS_NO_MEMORY, "history", 0, "no memory for the history");
}

/* A restart takes 27 KiB, and there are few in most files: room for all there may be would be 65 MiB, on a
 * machine that perhaps has none left. */
static enum status load_restarts(struct history *history, struct err *err)
{
    enum status status = STATUS_OK;
    for (size_t room = 64; !status; room *= 2) {
        room = room < HISTORY_RESTARTS_MAX ? room : HISTORY_RESTARTS_MAX;
        free(history->restarts);
        history->restarts = calloc(room, sizeof *history->restarts);
        if (!history->restarts)
            return no_memory(err);
        status = store_get_restarts(history->store, history->restarts, room, &history->restart_count, err);
        if (history->restart_count < room || room == HISTORY_RESTARTS_MAX)
            break;
    }
    return status;
}

static enum status load(struct history *history, struct err *err)
{
    history->incidents = calloc(HISTORY_INCIDENTS_MAX, sizeof *history->incidents);
    history->mails = calloc(HISTORY_MAILS_MAX, sizeof *history->mails);
    if (!history->incidents || !history->mails)
        return no_memory(err);
    enum status status = store_get_incidents(history->store, false, history->incidents, HISTORY_INCIDENTS_MAX,
                                             &history->incident_count, err);
    if (!status)
        status = load_restarts(history, err);
    if (!status)
        status =
            store_get_mails(history->store, history->mails, HISTORY_MAILS_MAX, &history->mail_count, err);
    if (!status)
        status = history_read_series(history->store, &history->series, &history->series_count, err);
    return status;
}

int history_open(struct history *out_history, const char *config_path, const char *data_dir)
{
    char dir[1024];
    memset(out_history, 0, sizeof *out_history);
    out_history->config = calloc(1, sizeof *out_history->config);
    if (!out_history->config)
        return cli_fail("out of memory");
    int code = find_data_dir(out_history->config, config_path, data_dir, dir, sizeof dir);
    if (code != EXIT_FINE) {
        history_close(out_history);
        return code;
    }
    store_path(out_history->path, sizeof out_history->path, dir);
    struct err err = {0};
    enum status status = store_open_readonly(out_history->path, &out_history->store, &err);
    if (!status)
        status = load(out_history, &err);
    if (!status)
        return EXIT_FINE;
    history_close(out_history);
    return cli_fail("%s", err.text);
}

void history_close(struct history *history)
{
    for (size_t i = 0; i < history->mail_count; i++)
        outbox_entry_deinit(&history->mails[i]);
    free(history->incidents);
    free(history->restarts);
    free(history->mails);
    free(history->series);
    free(history->config);
    store_close(history->store);
    memset(history, 0, sizeof *history);
}

void history_add_csv_row(struct buffer *out, const struct store_series_key *key,
                         const struct store_point *row)
{
    const struct series_point *point = &row->point;
    char time[40];
    struct text text = text_on(time, sizeof time);
    text_add_time_utc(&text, point->t_ms);
    buffer_add(out, "%s,", time);
    buffer_add_csv(out, key->target);
    buffer_add(out, ",");
    buffer_add_csv(out, key->image);
    buffer_add(out, ",%u,", key->process.pid);
    buffer_add_csv(out, metric_name(key->metric));
    if (reading_known(point->mean))
        buffer_add(out, ",%.17g,%.17g,%.17g", point->low, point->mean, point->high);
    else
        buffer_add(out, ",,,");
    buffer_add(out, ",%lld,%u,%u\n", (long long)row->width_ms, row->known_count, row->unknown_count);
}

const char *history_mail_state(enum mail_state state)
{
    static const char *const names[] = {"pending", "sent", "given up", "replaced"};
    return names[state];
}

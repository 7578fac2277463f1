/* history_data.c - see history_data.h. */
#include "history_data.h"

#include "storewatch/cli.h"

#include <stdlib.h>
#include <string.h>

static int find_data_dir(const char *config_path, const char *data_dir, char *out_dir, size_t capacity)
{
    if (data_dir) {
        text_copy(out_dir, capacity, data_dir);
        return EXIT_FINE;
    }
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return cli_fail("out of memory");
    int code = cli_load_config(config_path, config);
    if (code == EXIT_FINE && !cli_data_dir(config, out_dir, capacity))
        code = cli_fail("the configuration names no data_dir; name the directory with --data DIR");
    free(config);
    return code;
}

static enum status load(struct history *history, struct err *err)
{
    history->incidents = calloc(HISTORY_INCIDENTS_MAX, sizeof *history->incidents);
    history->restarts = calloc(HISTORY_RESTARTS_MAX, sizeof *history->restarts);
    history->mails = calloc(HISTORY_MAILS_MAX, sizeof *history->mails);
    if (!history->incidents || !history->restarts || !history->mails)
        return err_set(err, STATUS_NO_MEMORY, "history", 0, "no memory for the history");
    enum status status = store_get_incidents(history->store, false, history->incidents, HISTORY_INCIDENTS_MAX,
                                             &history->incident_count, err);
    if (!status)
        status = store_get_restarts(history->store, history->restarts, HISTORY_RESTARTS_MAX,
                                    &history->restart_count, err);
    if (!status)
        status =
            store_get_mails(history->store, history->mails, HISTORY_MAILS_MAX, &history->mail_count, err);
    return status;
}

int history_open(struct history *out_history, const char *config_path, const char *data_dir)
{
    char dir[1024];
    memset(out_history, 0, sizeof *out_history);
    int code = find_data_dir(config_path, data_dir, dir, sizeof dir);
    if (code != EXIT_FINE)
        return code;
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

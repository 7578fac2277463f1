/* history.c - `history`: what was watched, incidents, restarts and mails for people or as JSON, samples as
 * CSV. */
#include "culprit_record.h"
#include "history_data.h"
#include "json_values.h"

#include "storewatch/cli.h"
#include "storewatch/perfmon.h"
#include "storewatch/units.h"

#include <jansson.h>

#include <stdio.h>

/* ---- for people ---- */

static const char *time_text(char *storage, size_t capacity, int64_t utc_ms)
{
    struct text text = text_on(storage, capacity);
    if (utc_ms <= 0)
        text_add(&text, "-");
    else
        text_add_time_human(&text, utc_ms);
    return storage;
}

/* The machine as a whole has none. */
static void print_process(const char *image, uint32_t pid)
{
    if (pid)
        printf(" (%s, pid %u)", image, (unsigned)pid);
}

static void print_incidents(const struct history *history)
{
    char opened[40], closed[40], rate[96];
    printf("\nincidents: %zu\n", history->incident_count);
    for (size_t i = 0; i < history->incident_count; i++) {
        const struct incident *incident = &history->incidents[i];
        struct text text = text_on(rate, sizeof rate);
        text_add_rate_interval(&text, metric_unit(incident->metric), incident->slope_per_hour,
                               incident->slope_low_per_hour, incident->slope_high_per_hour);
        printf("  %lld  %s to %s  %s  %s of %s", (long long)incident->id,
               time_text(opened, sizeof opened, incident->opened_utc_ms),
               time_text(closed, sizeof closed, incident->closed_utc_ms),
               incident_state_name(incident->state), metric_name(incident->metric), incident->target);
        print_process(incident->image, incident->process.pid);
        printf(", %s\n      %s\n", rate, incident->reason);
    }
}

static void print_restarts(const struct history *history)
{
    char begun[40], ended[40];
    printf("\nrestarts: %zu\n", history->restart_count);
    for (size_t i = 0; i < history->restart_count; i++) {
        const struct restart_journal *restart = &history->restarts[i];
        const bool has_ended = restart->phase == RESTART_ENDED;
        printf("  %lld  %s to %s  %s, %s%s%s\n      %s\n", (long long)restart->id,
               time_text(begun, sizeof begun, restart->begun_utc_ms),
               time_text(ended, sizeof ended, restart->ended_utc_ms), restart->target,
               restart_phase_name(restart->phase), has_ended ? ", " : "",
               has_ended ? restart_outcome_name(restart->outcome) : "", restart->reason);
        for (size_t s = 0; s < restart->plan.count; s++)
            printf("      %zu. %s%s%s\n", s + 1, restart->plan.services[s].name,
                   restart->plan.services[s].note[0] ? ": " : "", restart->plan.services[s].note);
    }
}

static void print_mails(const struct history *history)
{
    char queued[40];
    printf("\nmails: %zu\n", history->mail_count);
    for (size_t i = 0; i < history->mail_count; i++) {
        const struct outbox_entry *mail = &history->mails[i];
        printf("  %s  %-7s  %s%s%s\n", time_text(queued, sizeof queued, mail->queued_utc_ms),
               history_mail_state(mail->state), mail->mail.subject, mail->last_answer[0] ? "\n      " : "",
               mail->last_answer);
    }
}

/* The value of a series at its end, and when that was: what is noted with the series may be an hour old. */
static enum status read_latest(struct store *store, int64_t series_id, int64_t *last_utc_ms,
                               double *out_value, struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct series_point point;
    *out_value = NAN;
    enum status status =
        store_samples_begin(store, series_id, *last_utc_ms - MS_PER_HOUR, INT64_MAX, &cursor, err);
    while (!status && (status = store_samples_next(cursor, &point, err)) == STATUS_OK) {
        *out_value = point.mean;
        *last_utc_ms = point.t_ms > *last_utc_ms ? point.t_ms : *last_utc_ms;
    }
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status print_series(struct store *store, struct err *err)
{
    char from[40], to[40], value[64];
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    int64_t id, first_utc_ms, last_utc_ms;
    size_t count = 0;
    puts("watched:");
    enum status status = store_series_begin(store, &cursor, err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK) {
        double latest;
        status = read_latest(store, id, &last_utc_ms, &latest, err);
        if (status)
            break;
        struct text text = text_on(value, sizeof value);
        text_add_quantity(&text, metric_unit(key.metric), latest);
        printf("  %s to %s  %s of %s", time_text(from, sizeof from, first_utc_ms),
               time_text(to, sizeof to, last_utc_ms), metric_name(key.metric), key.target);
        print_process(key.image, key.process.pid);
        printf(", at the end %s\n", value);
        count++;
    }
    store_cursor_free(cursor);
    if (status == STATUS_NOT_FOUND && count == 0)
        puts("  nothing yet");
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static int print_text(struct history *history)
{
    struct err err = {0};
    if (print_series(history->store, &err) != STATUS_OK)
        return cli_fail("%s", err.text);
    print_incidents(history);
    print_restarts(history);
    print_mails(history);
    return EXIT_FINE;
}

/* ---- JSON ---- */

static json_t *incident_json(struct store *store, const struct incident *incident)
{
    json_t *record = culprit_record_read(store, incident->id);
    json_t *culprits = json_incref(json_object_get(record, "culprits"));
    json_decref(record);
    return json_pack(
        "{s:I, s:s, s:o, s:o, s:o, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
        "id", (json_int_t)incident->id, "kind", target_kind_name(incident->target_kind), "target",
        json_words(incident->target), "service", json_words(incident->service), "image",
        json_words(incident->image), "pid", (json_int_t)incident->process.pid, "metric",
        metric_name(incident->metric), "state", incident_state_name(incident->state), "onset_at",
        json_time(incident->onset_utc_ms), "opened_at", json_time(incident->opened_utc_ms), "closed_at",
        json_time(incident->closed_utc_ms), "level_at_open", json_number(incident->level_at_open),
        "level_last", json_number(incident->level_now), "slope_per_hour",
        json_number(incident->slope_per_hour), "slope_low", json_number(incident->slope_low_per_hour),
        "slope_high", json_number(incident->slope_high_per_hour), "exhaustion_at",
        json_time(incident->exhaustion_utc_ms), "reason", json_words(incident->reason), "culprits",
        culprits ? culprits : json_null());
}

static json_t *restart_json(const struct restart_journal *restart)
{
    json_t *services = json_array();
    for (size_t i = 0; i < restart->plan.count; i++)
        json_array_append_new(services, json_words(restart->plan.services[i].name));
    return json_pack("{s:I, s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "id", (json_int_t)restart->id,
                     "incident_id", (json_int_t)restart->incident_id, "target", json_words(restart->target),
                     "rung", rung_name(restart->rung), "phase", restart_phase_name(restart->phase), "outcome",
                     restart_outcome_name(restart->outcome), "begun_at", json_time(restart->begun_utc_ms),
                     "ended_at", json_time(restart->ended_utc_ms), "reason", json_words(restart->reason),
                     "services", services);
}

static json_t *mail_json(const struct outbox_entry *mail)
{
    return json_pack("{s:I, s:I, s:s, s:o, s:s, s:o, s:o, s:I, s:o}", "id", (json_int_t)mail->id,
                     "incident_id", (json_int_t)mail->incident_id, "kind",
                     alert_wording_get(mail->kind)->name, "subject", json_words(mail->mail.subject), "state",
                     history_mail_state(mail->state), "queued_at", json_time(mail->queued_utc_ms), "done_at",
                     json_time(mail->done_utc_ms), "attempts", (json_int_t)mail->attempts, "last_answer",
                     json_words(mail->last_answer));
}

static enum status series_json(struct store *store, json_t *list, struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    int64_t id, first_utc_ms, last_utc_ms;
    enum status status = store_series_begin(store, &cursor, err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK) {
        double latest;
        status = read_latest(store, id, &last_utc_ms, &latest, err);
        json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:I, s:s, s:o, s:o}", "kind",
                                              target_kind_name(key.target_kind), "target",
                                              json_words(key.target), "image", json_words(key.image), "pid",
                                              (json_int_t)key.process.pid, "metric", metric_name(key.metric),
                                              "from", json_time(first_utc_ms), "to", json_time(last_utc_ms)));
    }
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static int print_json(struct history *history)
{
    json_t *series = json_array(), *incidents = json_array(), *restarts = json_array(), *mails = json_array();
    struct err err = {0};
    enum status status = series_json(history->store, series, &err);
    for (size_t i = 0; i < history->incident_count; i++)
        json_array_append_new(incidents, incident_json(history->store, &history->incidents[i]));
    for (size_t i = 0; i < history->restart_count; i++)
        json_array_append_new(restarts, restart_json(&history->restarts[i]));
    for (size_t i = 0; i < history->mail_count; i++)
        json_array_append_new(mails, mail_json(&history->mails[i]));
    json_t *root = json_pack("{s:i, s:o, s:o, s:o, s:o}", "version", 1, "series", series, "incidents",
                             incidents, "restarts", restarts, "mails", mails);
    if (!root)
        return cli_fail("out of memory");
    if (!status) {
        json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
        putchar('\n');
    }
    json_decref(root);
    return status ? cli_fail("%s", err.text) : EXIT_FINE;
}

/* ---- CSV ---- */

static enum status print_samples(struct store *store, int64_t series_id, const struct store_series_key *key,
                                 struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct store_point row;
    struct buffer line = {0};
    enum status status = store_samples_begin(store, series_id, INT64_MIN, INT64_MAX, &cursor, err);
    while (!status && (status = store_points_next(cursor, &row, err)) == STATUS_OK) {
        line.length = 0;
        history_add_csv_row(&line, key, &row);
        if (line.failed)
            status = err_set(err, STATUS_NO_MEMORY, "history", 0, "out of memory");
        else
            fputs(line.data, stdout);
    }
    buffer_deinit(&line);
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static int print_csv(struct history *history)
{
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    struct err err = {0};
    int64_t id, first_utc_ms, last_utc_ms;
    puts(PERFMON_HISTORY_HEADER);
    enum status status = store_series_begin(history->store, &cursor, &err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, &err)) == STATUS_OK)
        status = print_samples(history->store, id, &key, &err);
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? EXIT_FINE : cli_fail("%s", err.text);
}

int history_run(int argc, char **argv)
{
    const char *config_path = NULL, *data_dir = NULL;
    bool as_csv = false, as_json = false;
    const struct cli_option options[] = {{"--config", &config_path, NULL},
                                         {"--data", &data_dir, NULL},
                                         {"--csv", NULL, &as_csv},
                                         {"--json", NULL, &as_json}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    if (as_csv && as_json) {
        fputs("storewatch history: --csv or --json, not both\n", stderr);
        return EXIT_USAGE;
    }
    struct history history;
    int code = history_open(&history, config_path, data_dir);
    if (code != EXIT_FINE)
        return code;
    if (as_json)
        code = print_json(&history);
    else if (as_csv)
        code = print_csv(&history);
    else
        code = print_text(&history);
    history_close(&history);
    return code;
}

/* report_command.c - `report`: the history as a page of charts, or a short table. The verdicts are made anew
 * from the stored samples, so that the page shows what a detector says of just these. */
#include "history_data.h"
#include "report_tables.h"

#include "storewatch/cli.h"
#include "storewatch/report.h"
#include "storewatch/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USAGE                                                                                                \
    "report [--html FILE] [--days N] [--config FILE | --data DIR]\n"                                         \
    "  --html FILE  a page with charts; without it, a table\n"                                               \
    "  --days N     how far back from the latest sample (default 7)"
#define DAYS_DEFAULT 7
#define DAYS_MAX 400
#define POINTS_MAX 600
#define PAGE_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct reporter {
    struct history history;
    int64_t from_utc_ms, now_utc_ms;
    struct buffer page;
    bool as_page;
    size_t series_count, unbounded_count;
};

/* ---- one series ---- */

static bool mark_add(struct report_mark *marks, size_t *count, int64_t utc_ms, enum severity severity,
                     const char *text)
{
    if (*count == REPORT_MARKS_MAX || utc_ms <= 0)
        return false;
    marks[*count].utc_ms = utc_ms;
    marks[*count].severity = severity;
    text_copy(marks[*count].text, sizeof marks[*count].text, text);
    (*count)++;
    return true;
}

/* Incidents of this series' target and restarts that touched it. */
static size_t marks_for(const struct reporter *reporter, const struct store_series_key *key,
                        struct report_mark *marks)
{
    size_t count = 0;
    const struct history *history = &reporter->history;
    for (size_t i = 0; i < history->incident_count; i++) {
        const struct incident *incident = &history->incidents[i];
        if (incident->metric != key->metric || !process_id_equal(incident->process, key->process))
            continue;
        mark_add(marks, &count, incident->opened_utc_ms, SEVERITY_WARNING, "incident opened");
        mark_add(marks, &count, incident->closed_utc_ms, SEVERITY_INFORMATION, "incident closed");
    }
    for (size_t i = 0; i < history->restart_count; i++) {
        const struct restart_journal *restart = &history->restarts[i];
        bool touches = false;
        for (size_t s = 0; s < restart->plan.count; s++)
            touches |= process_id_equal(restart->plan.services[s].process, key->process);
        char text[96];
        struct text words = text_on(text, sizeof text);
        text_add(&words, "restart of %s", restart->target);
        if (touches)
            mark_add(marks, &count, restart->begun_utc_ms, SEVERITY_WARNING, text);
    }
    return count;
}

/* Buckets of equal length: lowest, mean of the means, highest. */
struct thinner {
    int64_t from_ms, bucket_ms;
    size_t count;
    uint64_t in_bucket;
    struct series_point points[POINTS_MAX + 1];
};

static void thin(struct thinner *thinner, const struct series_point *point)
{
    if (!reading_known(point->mean))
        return;
    int64_t start_ms =
        thinner->from_ms + (point->t_ms - thinner->from_ms) / thinner->bucket_ms * thinner->bucket_ms;
    struct series_point *last = thinner->count ? &thinner->points[thinner->count - 1] : NULL;
    if (!last || last->t_ms != start_ms) {
        if (thinner->count > POINTS_MAX)
            return;
        last = &thinner->points[thinner->count++];
        *last = *point;
        last->t_ms = start_ms;
        thinner->in_bucket = 1;
        return;
    }
    last->low = point->low < last->low ? point->low : last->low;
    last->high = point->high > last->high ? point->high : last->high;
    last->mean += (point->mean - last->mean) / (double)++thinner->in_bucket;
}

static void show_series(struct reporter *reporter, const struct store_series_key *key,
                        const struct thinner *thinner, const struct verdict *verdict)
{
    char title[192];
    struct text text = text_on(title, sizeof title);
    if (key->process.pid)
        text_add(&text, "%s (%s, pid %u): %s", key->target, key->image, key->process.pid,
                 metric_name(key->metric));
    else
        text_add(&text, "%s: %s", key->target, metric_name(key->metric));
    reporter->series_count++;
    reporter->unbounded_count += verdict->state == VERDICT_UNBOUNDED;
    if (!reporter->as_page) {
        printf("%-9s  %s\n           %s\n", verdict_state_name(verdict->state), title, verdict->reason);
        return;
    }
    static struct report_mark marks[REPORT_MARKS_MAX];
    struct report_series series = {.title = title,
                                   .subtitle = "",
                                   .unit = metric_unit(key->metric),
                                   .points = thinner->points,
                                   .point_count = thinner->count,
                                   .verdict = verdict,
                                   .marks = marks,
                                   .mark_count = marks_for(reporter, key, marks)};
    report_page_series(&reporter->page, &series);
}

static enum status read_series(struct reporter *reporter, int64_t id, const struct store_series_key *key,
                               int64_t first_utc_ms, int64_t last_utc_ms, struct err *err)
{
    int64_t from_ms = first_utc_ms > reporter->from_utc_ms ? first_utc_ms : reporter->from_utc_ms;
    struct verdict_settings settings = {
        .unit = metric_unit(key->metric), .confidence_pct = 95, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    struct thinner *thinner = calloc(1, sizeof *thinner);
    struct store_cursor *cursor = NULL;
    enum status status;
    if (!detector || !thinner) {
        status = err_set(err, STATUS_NO_MEMORY, "report", 0, "no memory for a chart");
        goto done;
    }
    status = store_samples_begin(reporter->history.store, id, from_ms, last_utc_ms, &cursor, err);
    if (!status) {
        thinner->from_ms = from_ms;
        thinner->bucket_ms = (last_utc_ms - from_ms) / POINTS_MAX + 1;
        struct series_point point;
        while ((status = store_samples_next(cursor, &point, err)) == STATUS_OK) {
            thin(thinner, &point);
            detector_push(detector, point.t_ms, point.mean);
        }
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (!status && thinner->count) {
        struct verdict verdict;
        detector_verdict(detector, &verdict);
        show_series(reporter, key, thinner, &verdict);
    }
done:
    store_cursor_free(cursor);
    detector_free(detector);
    free(thinner);
    return status;
}

/* What somebody looks for first comes first. */
enum rank { RANK_OPEN_INCIDENT, RANK_INCIDENT, RANK_PROCESS, RANK_HOST, RANK_COUNT };

static enum rank rank_of(const struct reporter *reporter, const struct store_series_key *key)
{
    enum rank rank = key->process.pid ? RANK_PROCESS : RANK_HOST;
    for (size_t i = 0; i < reporter->history.incident_count; i++) {
        const struct incident *incident = &reporter->history.incidents[i];
        if (incident->metric != key->metric || !process_id_equal(incident->process, key->process))
            continue;
        if (incident->state != INCIDENT_CLOSED)
            return RANK_OPEN_INCIDENT;
        rank = RANK_INCIDENT;
    }
    return rank;
}

static enum status read_all_series(struct reporter *reporter, struct err *err)
{
    enum status status = STATUS_OK;
    for (int rank = 0; !status && rank < RANK_COUNT; rank++) {
        struct store_cursor *cursor = NULL;
        struct store_series_key key;
        int64_t id, first_utc_ms, last_utc_ms;
        status = store_series_begin(reporter->history.store, &cursor, err);
        while (!status &&
               (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK)
            if (last_utc_ms >= reporter->from_utc_ms && (int)rank_of(reporter, &key) == rank)
                status = read_series(reporter, id, &key, first_utc_ms, last_utc_ms, err);
        store_cursor_free(cursor);
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    return status;
}

/* How far the record reaches: "the last days" are those of the file, which may be a copy of an older one.
 * What was written under a clock that ran ahead does not count. */
static enum status find_end(struct reporter *reporter, int64_t now_utc_ms, int64_t *out_end_utc_ms,
                            struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    int64_t id, first_utc_ms, last_utc_ms, end_utc_ms = 0;
    enum status status = store_series_begin(reporter->history.store, &cursor, err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK)
        if (last_utc_ms <= now_utc_ms && last_utc_ms > end_utc_ms)
            end_utc_ms = last_utc_ms;
    store_cursor_free(cursor);
    *out_end_utc_ms = end_utc_ms ? end_utc_ms : now_utc_ms;
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static void add_summary(struct text *text, const struct reporter *reporter)
{
    const struct history *history = &reporter->history;
    text_add(text,
             "%zu series, %zu of which grow%s without bound at the end; %zu incident%s and %zu restart%s on "
             "record",
             reporter->series_count, reporter->unbounded_count, reporter->unbounded_count == 1 ? "s" : "",
             history->incident_count, history->incident_count == 1 ? "" : "s", history->restart_count,
             history->restart_count == 1 ? "" : "s");
}

static enum status make_page(struct reporter *reporter, struct err *err)
{
    struct buffer charts = {.limit = PAGE_BYTES_MAX};
    reporter->page = charts;
    enum status status = read_all_series(reporter, err);
    charts = reporter->page;
    reporter->page = (struct buffer){.limit = PAGE_BYTES_MAX};
    char summary[256];
    struct text text = text_on(summary, sizeof summary);
    add_summary(&text, reporter);
    json_t *kept = report_status(&reporter->history);
    const char *host = json_string_value(json_object_get(kept, "host"));
    report_page_begin(&reporter->page, "storewatch: history", host ? host : "", reporter->now_utc_ms,
                      summary);
    report_tables_add(&reporter->page, &reporter->history, kept);
    json_decref(kept);
    buffer_add_bytes(&reporter->page, charts.data ? charts.data : "", charts.length);
    report_mails_add(&reporter->page, &reporter->history);
    report_page_end(&reporter->page);
    reporter->page.failed |= charts.failed;
    buffer_deinit(&charts);
    if (!status && reporter->page.failed)
        status = err_set(err, STATUS_NO_MEMORY, "report", 0, "no memory for the page");
    return status;
}

static int run(struct reporter *reporter, const char *html)
{
    struct err err = {0};
    reporter->as_page = html != NULL;
    if (!html) {
        enum status status = read_all_series(reporter, &err);
        if (status)
            return cli_fail("%s", err.text);
        char summary[256];
        struct text text = text_on(summary, sizeof summary);
        add_summary(&text, reporter);
        puts(summary);
        return EXIT_FINE;
    }
    if (make_page(reporter, &err) != STATUS_OK)
        return cli_fail("%s", err.text);
    const struct buffer *parts[] = {&reporter->page};
    int code = cli_write_file(html, parts, ARRAY_COUNT(parts));
    if (code == EXIT_FINE)
        printf("%s: %zu charts\n", html, reporter->series_count);
    return code;
}

int report_run(int argc, char **argv)
{
    const char *config_path = NULL, *data_dir = NULL, *html = NULL, *days_text = NULL;
    const struct cli_option options[] = {{"--config", &config_path, NULL},
                                         {"--data", &data_dir, NULL},
                                         {"--html", &html, NULL},
                                         {"--days", &days_text, NULL}};
    if (!cli_parse(argc, argv, USAGE, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    char *end = NULL;
    long days = days_text ? strtol(days_text, &end, 10) : DAYS_DEFAULT;
    if (days < 1 || days > DAYS_MAX || (end && *end)) {
        fprintf(stderr, "storewatch report: --days takes a whole number from 1 to %d\n", DAYS_MAX);
        return EXIT_USAGE;
    }
    struct reporter *reporter = calloc(1, sizeof *reporter);
    if (!reporter)
        return cli_fail("out of memory");
    int code = history_open(&reporter->history, config_path, data_dir);
    if (code == EXIT_FINE) {
        struct err err = {0};
        int64_t end_utc_ms = 0;
        reporter->now_utc_ms = (int64_t)time(NULL) * MS_PER_SECOND;
        if (find_end(reporter, reporter->now_utc_ms, &end_utc_ms, &err) != STATUS_OK) {
            code = cli_fail("%s", err.text);
        } else {
            reporter->from_utc_ms = end_utc_ms - days * MS_PER_DAY;
            code = run(reporter, html);
        }
        history_close(&reporter->history);
    }
    buffer_deinit(&reporter->page);
    free(reporter);
    return code;
}

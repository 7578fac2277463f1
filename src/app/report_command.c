/* report_command.c - `report`: the history as a page of charts, or a short table. The verdicts are made anew
 * from the stored samples, as the service makes them. */
#include "history_data.h"
#include "json_values.h"
#include "report_tables.h"

#include "storewatch/cli.h"
#include "storewatch/report.h"
#include "storewatch/units.h"
#include "storewatch/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAYS_DEFAULT 7
#define DAYS_MAX 400
#define POINTS_MAX 600
#define SUMMARY_MAX 2048
#define NAMES_MAX 8 /* in one sentence of the summary */
#define PAGE_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* What a series that has been read teaches the next one of its target. */
struct lesson {
    bool taught;
    struct verdict_settings settings;
};

struct reporter {
    struct history history;
    json_t *kept;                                /* status that the service kept; NULL = none */
    int64_t from_utc_ms, end_utc_ms, now_utc_ms; /* the end is the newest sample */
    int64_t first_utc_ms;                        /* of the samples in that time */
    struct lesson *lessons;                      /* one for each series of the history */
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

/* Every restart while there were samples: what it ended may be another's growth. Where there is no room for
 * all, the latest; the caller sorts them by their times. */
static void mark_restarts(const struct history *history, int64_t from_utc_ms, int64_t to_utc_ms,
                          struct report_mark *marks, size_t *count)
{
    for (size_t i = 0; i < history->restart_count; i++) {
        const struct restart_journal *restart = &history->restarts[i];
        char text[96];
        struct text words = text_on(text, sizeof text);
        text_add(&words, "restart of %s: %s", restart->target, report_restart_result(restart));
        if (restart->begun_utc_ms >= from_utc_ms && restart->begun_utc_ms <= to_utc_ms)
            mark_add(marks, count, restart->begun_utc_ms, SEVERITY_WARNING, text);
    }
}

static int compare_marks(const void *a, const void *b)
{
    const int64_t first = ((const struct report_mark *)a)->utc_ms;
    const int64_t second = ((const struct report_mark *)b)->utc_ms;
    return first < second ? -1 : first > second;
}

/* Incidents of this series, and restarts. */
static size_t marks_for(const struct reporter *reporter, const struct store_series_key *key,
                        int64_t from_utc_ms, int64_t to_utc_ms, struct report_mark *marks)
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
    mark_restarts(history, from_utc_ms, to_utc_ms, marks, &count);
    qsort(marks, count, sizeof *marks, compare_marks);
    return count;
}

/* Buckets of equal length: lowest, mean of the means, highest. */
struct thinner {
    int64_t from_ms, bucket_ms;
    int64_t first_ms, last_ms; /* of what is known */
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
    thinner->first_ms = last ? thinner->first_ms : point->t_ms;
    thinner->last_ms = point->t_ms;
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

/* A process without a sample for so long before the end of the record is no longer there, or not watched. */
#define ENDED_MIN_MS (10 * MS_PER_MINUTE)
#define ENDED_POLLS 20

/* Another process of the target began when this one was not seen any more. */
static bool has_successor(const struct reporter *reporter, const struct history_series *series,
                          int64_t last_ms)
{
    const struct history_series *all = reporter->history.series;
    for (size_t i = 0; i < reporter->history.series_count; i++)
        if (all[i].first_utc_ms > last_ms && all[i].key.metric == series->key.metric &&
            text_equal_nocase(all[i].key.target, series->key.target))
            return true;
    return false;
}

static bool has_ended(const struct reporter *reporter, const struct history_series *series, int64_t last_ms)
{
    if (series->key.process.pid && has_successor(reporter, series, last_ms))
        return true;
    const int64_t polls_ms = ENDED_POLLS * reporter->history.config->interval_ms;
    return series->key.process.pid &&
           reporter->end_utc_ms - last_ms > (polls_ms > ENDED_MIN_MS ? polls_ms : ENDED_MIN_MS);
}

/* What it grows towards, from the status that the service kept. Lends its words from there. */
static struct verdict_limit limit_of(const struct reporter *reporter, const struct store_series_key *key)
{
    size_t i, m;
    const json_t *item, *metric;
    struct verdict_limit limit = {NAN, NULL};
    json_array_foreach(json_object_get(reporter->kept, "watched"), i, item)
    {
        if (json_integer_value(json_object_get(item, "pid")) != (json_int_t)key->process.pid ||
            !text_equal_nocase(json_words_get(item, "target", ""), key->target))
            continue;
        json_array_foreach(json_object_get(item, "metrics"), m, metric)
        {
            const json_t *value = json_object_get(metric, "limit");
            if (strcmp(json_words_get(metric, "metric", ""), metric_name(key->metric)) == 0 &&
                json_is_number(value))
                limit = (struct verdict_limit){json_number_value(value),
                                               json_words_get(metric, "limit_name", "limit")};
        }
    }
    return limit;
}

/* What the latest incarnation before this one taught, as watch.c hands it on. The list has them in the order
 * in which they were first seen. */
static void learn_from(const struct reporter *reporter, const struct history_series *series,
                       struct verdict_settings *settings)
{
    const struct history_series *all = reporter->history.series;
    for (size_t i = (size_t)(series - all); i > 0; i--) {
        const struct lesson *lesson = &reporter->lessons[i - 1];
        if (!lesson->taught || all[i - 1].key.metric != series->key.metric ||
            !text_equal_nocase(all[i - 1].key.target, series->key.target))
            continue;
        settings->learned_plateau = lesson->settings.learned_plateau;
        settings->learned_warm_up_ms = lesson->settings.learned_warm_up_ms;
        settings->learned_leak = lesson->settings.learned_leak;
        return;
    }
}

static void show_series(struct reporter *reporter, struct buffer *out, const struct store_series_key *key,
                        const struct thinner *thinner, const struct verdict *verdict, bool ended)
{
    char title[192];
    struct text text = text_on(title, sizeof title);
    if (key->process.pid)
        text_add(&text, "%s (%s, pid %u): %s", key->target, key->image, key->process.pid,
                 metric_name(key->metric));
    else
        text_add(&text, "%s: %s", key->target, metric_name(key->metric));
    reporter->series_count++;
    reporter->unbounded_count += verdict->state == VERDICT_UNBOUNDED && !ended;
    if (!reporter->as_page) {
        buffer_add(out, "%-9s  %s%s\n           %s\n", verdict_state_name(verdict->state), title,
                   ended ? " (has ended)" : "", verdict->reason);
        return;
    }
    static struct report_mark marks[REPORT_MARKS_MAX];
    /* what ended it began by then: of older samples one stands for an hour */
    const int64_t to_utc_ms = ended ? thinner->last_ms + MS_PER_HOUR : INT64_MAX;
    const size_t mark_count = marks_for(reporter, key, thinner->from_ms, to_utc_ms, marks);
    struct report_series series = {.title = title,
                                   .subtitle =
                                       ended ? "This process has ended; the verdict is that at its end." : "",
                                   .unit = metric_unit(key->metric),
                                   .points = thinner->points,
                                   .point_count = thinner->count,
                                   .from_ms = thinner->first_ms,
                                   .to_ms = thinner->last_ms,
                                   .verdict = verdict,
                                   .ended = ended,
                                   .marks = marks,
                                   .mark_count = mark_count};
    report_page_series(out, &series);
}

/* Judged as the service judges: with its settings, and towards the same limit. */
static enum status read_series(struct reporter *reporter, const struct history_series *series,
                               struct buffer *out, struct err *err)
{
    const struct store_series_key *key = &series->key;
    int64_t from_ms =
        series->first_utc_ms > reporter->from_utc_ms ? series->first_utc_ms : reporter->from_utc_ms;
    int64_t last_ms = 0;
    struct verdict_settings settings =
        watch_settings(reporter->history.config, key->target_kind, key->process, key->metric, from_ms);
    struct verdict_limit limit = limit_of(reporter, key);
    if (key->process.pid)
        learn_from(reporter, series, &settings);
    struct detector *detector = detector_new(&settings);
    struct thinner *thinner = calloc(1, sizeof *thinner);
    struct store_cursor *cursor = NULL;
    enum status status;
    if (!detector || !thinner) {
        status = err_set(err, STATUS_NO_MEMORY, "report", 0, "no memory for a chart");
        goto done;
    }
    if (!isnan(limit.value))
        detector_set_limit(detector, limit);
    status =
        store_samples_begin(reporter->history.store, series->id, from_ms, reporter->end_utc_ms, &cursor, err);
    if (!status) {
        thinner->from_ms = from_ms;
        thinner->bucket_ms = (reporter->end_utc_ms - from_ms) / POINTS_MAX + 1;
        struct series_point point;
        while ((status = store_samples_next(cursor, &point, err)) == STATUS_OK) {
            thin(thinner, &point);
            detector_push(detector, point.t_ms, point.mean);
            last_ms = point.t_ms;
        }
        status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    if (!status && thinner->count) {
        struct verdict verdict;
        struct lesson *lesson = &reporter->lessons[series - reporter->history.series];
        *lesson = (struct lesson){true, settings};
        detector_learned(detector, &lesson->settings);
        detector_verdict(detector, &verdict);
        show_series(reporter, out, key, thinner, &verdict, has_ended(reporter, series, last_ms));
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

/* In the order in which they were first seen, as each teaches the next one of its target; shown in the order
 * of their ranks. */
static enum status read_all_series(struct reporter *reporter, struct buffer *out, struct err *err)
{
    const struct history *history = &reporter->history;
    struct buffer shown[RANK_COUNT];
    enum status status = STATUS_OK;
    for (int rank = 0; rank < RANK_COUNT; rank++)
        shown[rank] = (struct buffer){.limit = PAGE_BYTES_MAX};
    for (size_t i = 0; !status && i < history->series_count; i++)
        if (history->series[i].last_utc_ms + MS_PER_HOUR >= reporter->from_utc_ms &&
            history->series[i].first_utc_ms <= reporter->end_utc_ms)
            status = read_series(reporter, &history->series[i],
                                 &shown[rank_of(reporter, &history->series[i].key)], err);
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        buffer_add_bytes(out, shown[rank].data ? shown[rank].data : "", shown[rank].length);
        out->failed |= shown[rank].failed;
        buffer_deinit(&shown[rank]);
    }
    return status;
}

/* Of the tables and the timeline: what lies in the time that the report is about. */
static void leave_out_earlier(struct reporter *reporter)
{
    struct history *history = &reporter->history;
    size_t incidents = 0, restarts = 0, mails = 0;
    for (size_t i = 0; i < history->incident_count; i++)
        if (history->incidents[i].state != INCIDENT_CLOSED ||
            history->incidents[i].closed_utc_ms >= reporter->from_utc_ms)
            history->incidents[incidents++] = history->incidents[i];
    for (size_t i = 0; i < history->restart_count; i++)
        if (history->restarts[i].begun_utc_ms >= reporter->from_utc_ms)
            history->restarts[restarts++] = history->restarts[i];
    for (size_t i = 0; i < history->mail_count; i++)
        if (history->mails[i].queued_utc_ms >= reporter->from_utc_ms)
            history->mails[mails++] = history->mails[i];
    history->incident_count = incidents;
    history->restart_count = restarts;
    history->mail_count = mails;
}

/* "2 incidents, 1 open." "No incident." */
static void add_count(struct text *text, size_t count, const char *what, size_t part, const char *which)
{
    if (count == 0)
        text_add(text, "No %s.", what);
    else if (part == 0)
        text_add(text, "%zu %s%s, none %s.", count, what, count == 1 ? "" : "s", which);
    else
        text_add(text, "%zu %s%s, %zu %s.", count, what, count == 1 ? "" : "s", part, which);
}

/* Who is at the limit, each by name; of the others who comes to it first. */
static void add_ends(struct text *text, const struct history *history, int64_t end_utc_ms)
{
    const struct incident *nearest = NULL;
    size_t reached = 0;
    for (const struct incident *incident = NULL;
         (incident = report_next_to_end(history, incident)) != NULL;) {
        char name[160];
        report_name_growth(incident, name, sizeof name);
        const bool is_there = incident->exhaustion_utc_ms != INT64_MAX && incident_limit_reached(incident);
        if (is_there && reached++ < NAMES_MAX)
            text_add(text, "%s%s", reached > 1 ? ", " : "\nThe limit is reached: ", name);
        else if (!is_there && !nearest)
            nearest = incident;
    }
    if (reached > NAMES_MAX)
        text_add(text, " and %zu more", reached - NAMES_MAX);
    text_add(text, reached ? "." : "");
    if (nearest && nearest->exhaustion_utc_ms != INT64_MAX) {
        char name[160];
        report_name_growth(nearest, name, sizeof name);
        text_add(text, "\nThe nearest end: ");
        text_add_time_foreseen(text, nearest->exhaustion_utc_ms, end_utc_ms);
        text_add(text, ", %s.", name);
    }
}

/* Whoever reads only this knows how it stands. */
static void add_summary(struct text *text, const struct reporter *reporter)
{
    const struct history *history = &reporter->history;
    char from[40], to[40];
    struct text from_text = text_on(from, sizeof from), to_text = text_on(to, sizeof to);
    size_t open = 0, succeeded = 0;
    for (size_t i = 0; i < history->incident_count; i++)
        open += history->incidents[i].state != INCIDENT_CLOSED;
    for (size_t i = 0; i < history->restart_count; i++)
        succeeded +=
            history->restarts[i].phase == RESTART_ENDED && history->restarts[i].outcome == RESTART_SUCCEEDED;
    text_add_time_human(&from_text, reporter->first_utc_ms);
    text_add_time_human(&to_text, reporter->end_utc_ms);
    text_add(text, "%.10s to %.10s. At the end ", from, to);
    if (reporter->unbounded_count)
        text_add(text, "%zu of %zu series grow%s without bound.", reporter->unbounded_count,
                 reporter->series_count, reporter->unbounded_count == 1 ? "s" : "");
    else
        text_add(text, "nothing grows without bound (%zu series).", reporter->series_count);
    text_add(text, "\n");
    add_count(text, history->incident_count, "incident", open, "open");
    text_add(text, " ");
    add_count(text, history->restart_count, "controlled restart", succeeded, "successful");
    add_ends(text, history, reporter->end_utc_ms);
    report_summary_add(text, history, reporter->kept);
}

static size_t make_spans(const struct history *history, struct report_span **out_spans)
{
    struct report_span *spans = calloc(history->incident_count + 1, sizeof *spans);
    size_t count = 0;
    for (size_t i = history->incident_count; spans && i-- > 0;) { /* each with all later ones of its name */
        struct report_span span = {.onset_utc_ms = history->incidents[i].onset_utc_ms,
                                   .opened_utc_ms = history->incidents[i].opened_utc_ms,
                                   .end_utc_ms = history->incidents[i].state == INCIDENT_CLOSED
                                                     ? history->incidents[i].closed_utc_ms
                                                     : INT64_MAX};
        report_name_growth(&history->incidents[i], span.name, sizeof span.name);
        size_t place = count;
        while (place > 0 && strcmp(spans[place - 1].name, span.name) != 0)
            place--;
        place = place ? place : count;
        memmove(&spans[place + 1], &spans[place], (count - place) * sizeof *spans);
        spans[place] = span;
        count++;
    }
    *out_spans = spans;
    return count;
}

static void add_timeline(struct reporter *reporter)
{
    static struct report_mark marks[REPORT_MARKS_MAX];
    struct report_span *spans = NULL;
    const size_t span_count = make_spans(&reporter->history, &spans);
    struct report_timeline timeline = {.from_utc_ms = reporter->first_utc_ms,
                                       .to_utc_ms = reporter->end_utc_ms,
                                       .spans = spans,
                                       .span_count = span_count,
                                       .marks = marks};
    mark_restarts(&reporter->history, reporter->from_utc_ms, INT64_MAX, marks, &timeline.mark_count);
    qsort(marks, timeline.mark_count, sizeof *marks, compare_marks);
    report_page_timeline(&reporter->page, &timeline);
    reporter->page.failed |= !spans;
    free(spans);
}

static enum status make_page(struct reporter *reporter, struct err *err)
{
    struct buffer charts = {.limit = PAGE_BYTES_MAX};
    enum status status = read_all_series(reporter, &charts, err);
    reporter->page = (struct buffer){.limit = PAGE_BYTES_MAX};
    char summary[SUMMARY_MAX], title[128];
    struct text text = text_on(summary, sizeof summary);
    add_summary(&text, reporter);
    const char *host = json_string_value(json_object_get(reporter->kept, "host"));
    text = text_on(title, sizeof title);
    text_add(&text, host ? "Memory report of %s" : "Memory report", host);
    report_page_begin(&reporter->page, title, "", reporter->now_utc_ms, summary);
    add_timeline(reporter);
    report_tables_add(&reporter->page, &reporter->history, reporter->kept, reporter->end_utc_ms);
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
        reporter->page = (struct buffer){.limit = PAGE_BYTES_MAX};
        enum status status = read_all_series(reporter, &reporter->page, &err);
        if (status)
            return cli_fail("%s", err.text);
        if (reporter->page.failed)
            return cli_fail("no memory for the table");
        if (reporter->page.length)
            fputs(reporter->page.data, stdout);
        char summary[SUMMARY_MAX];
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
        printf("%s: %zu chart%s\n", html, reporter->series_count, reporter->series_count == 1 ? "" : "s");
    return code;
}

/* "The last days" are those of the file, which may be a copy of an older one. */
static enum status span_set(struct reporter *reporter, long days, struct err *err)
{
    const struct history *history = &reporter->history;
    reporter->now_utc_ms = (int64_t)time(NULL) * MS_PER_SECOND;
    enum status status = history_newest(history->store, history->series, history->series_count,
                                        reporter->now_utc_ms, &reporter->end_utc_ms, err);
    if (status)
        return status;
    if (!reporter->end_utc_ms)
        reporter->end_utc_ms = reporter->now_utc_ms;
    reporter->from_utc_ms = reporter->end_utc_ms - days * MS_PER_DAY;
    reporter->first_utc_ms = reporter->end_utc_ms;
    for (size_t i = 0; i < history->series_count; i++)
        if (history->series[i].first_utc_ms < reporter->first_utc_ms)
            reporter->first_utc_ms = history->series[i].first_utc_ms;
    if (reporter->first_utc_ms < reporter->from_utc_ms)
        reporter->first_utc_ms = reporter->from_utc_ms;
    return STATUS_OK;
}

int report_run(int argc, char **argv)
{
    const char *config_path = NULL, *data_dir = NULL, *html = NULL, *days_text = NULL;
    const struct cli_option options[] = {{"--config", &config_path, NULL},
                                         {"--data", &data_dir, NULL},
                                         {"--html", &html, NULL},
                                         {"--days", &days_text, NULL}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    char *end = NULL;
    long days = days_text ? strtol(days_text, &end, 10) : DAYS_DEFAULT;
    if (days < 1 || days > DAYS_MAX || (end && *end)) {
        fprintf(stderr, "storewatch report: --days takes a whole number from 1 to %d\n", DAYS_MAX);
        return EXIT_USAGE;
    }
    if (!cli_may_write_page(argv[0], html, NULL, 0))
        return EXIT_USAGE;
    struct reporter *reporter = calloc(1, sizeof *reporter);
    if (!reporter)
        return cli_fail("out of memory");
    int code = history_open(&reporter->history, config_path, data_dir);
    if (code == EXIT_FINE) {
        struct err err = {0};
        if (span_set(reporter, days, &err) != STATUS_OK) {
            code = cli_fail("%s", err.text);
        } else {
            leave_out_earlier(reporter);
            reporter->kept = report_status(&reporter->history);
            reporter->lessons = calloc(reporter->history.series_count + 1, sizeof *reporter->lessons);
            code = reporter->lessons ? run(reporter, html) : cli_fail("out of memory");
            free(reporter->lessons);
            json_decref(reporter->kept);
        }
        history_close(&reporter->history);
    }
    buffer_deinit(&reporter->page);
    free(reporter);
    return code;
}

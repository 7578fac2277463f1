/* analyze.c - `analyze`: the verdict on recorded counters, as an online run would have given it.
 *
 * Each column of each file (of `history --csv`: each series) has a detector of its own, and each value is
 * pushed in the order of time: what is reported as `detected_at` rests on no later sample. Files are read one
 * after the other as streams; memory is one detector a column of the file at hand (at most
 * PERFMON_COLUMNS_MAX of DETECTOR_BYTES_MAX) and a result a series, whatever their length. A file that is
 * malformed is reported and left out as a whole; the others go on.
 *
 * Perfmon calls a process as it called the one that ended before. Where the log has its ID Process, another one
 * begins with a detector of its own, as in the service: what the old one held, it never gave back. */
#include "json_values.h"

#include "storewatch/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "storewatch/perfmon.h"
#include "storewatch/report.h"
#include "storewatch/verdict.h"

/* Values kept to be pushed column by column: a detector stays in the cache. */
#define BATCH_CELLS ((size_t)65536)
#define BATCH_ROWS_MAX ((size_t)1024)
#define ALARMS_MAX ((size_t)4096)
#define CHART_POINTS ((size_t)1200)
#define PAGE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define CELL_MAX 96
#define HOST_NAME_BYTES 64
/* In a history a process is gone at the end when its rows end so much before those of others. */
#define GONE_AFTER_MS (10 * MS_PER_MINUTE)

struct options {
    bool json;
    const char *html;
    double limit; /* NAN = none */
};

/* What is reported of one series. */
struct result {
    const char *file; /* lent by the list of files */
    char *name;       /* owned */
    enum unit unit;
    bool of_process;
    uint64_t sample_count, unknown_count; /* rows, and those of them without a value */
    int64_t from_ms, to_ms;               /* of the rows; meaningless without any */
    int64_t apart_ms;                     /* of the last two; 0 = there were none */
    struct verdict verdict;
    int64_t known_ms;      /* of the latest value; meaningless without any */
    double latest;         /* that value; NAN = there was none */
    uint64_t missing_rows; /* since then */
    bool ended;            /* it is a counter of a process that was gone at the end */
    double pid;            /* of the process that the verdict is about; NAN = there was no other before it */
    int64_t since_ms;      /* its first row */
    int64_t *alarms;       /* owned; times of each rise to unbounded, the first ALARMS_MAX */
    size_t alarm_count, alarm_capacity;
};

/* In the order of the table and the page. */
enum rank { RANK_LEAKING, RANK_HAS_LEAKED, RANK_TOO_SHORT, RANK_FINE, RANK_COUNT };

struct analysis {
    const struct options *options;
    bool limit_holds; /* for some column */
    struct result *results;
    size_t result_count, result_capacity;
    struct buffer charts[RANK_COUNT];
};

#define NO_COLUMN SIZE_MAX

/* A column while its file is being read. */
struct track {
    struct detector *detector;
    enum verdict_state state;
    struct verdict_settings settings; /* of its detector */
    struct verdict_limit limit;
    size_t pid_column; /* where the log has the process of this counter; NO_COLUMN = nowhere */
    double pid;        /* the latest known; NAN = none yet */
};

/* False without memory: then there is nothing to deinit. */
static bool result_init(struct result *result, const char *path, const struct perfmon_column *column)
{
    const size_t size = strlen(column->name) + 1;
    char *name = malloc(size);
    if (name == NULL)
        return false;
    memcpy(name, column->name, size);
    *result = (struct result){.file = path,
                              .name = name,
                              .unit = column->unit,
                              .of_process = column->of_process,
                              .latest = NAN,
                              .pid = NAN};
    return true;
}

static void result_deinit(struct result *result)
{
    free(result->name);
    free(result->alarms);
}

/* Room for `count` more elements of `size` bytes; the block doubles. NULL without memory. */
static void *grown(void *block, size_t used, size_t count, size_t size, size_t *capacity)
{
    size_t wanted = *capacity > 0 ? *capacity : 8;
    while (wanted < used + count)
        wanted *= 2;
    if (wanted == *capacity)
        return block;
    void *bigger = realloc(block, wanted * size);
    *capacity = bigger != NULL ? wanted : *capacity;
    return bigger;
}

static bool add_alarm(struct result *result, int64_t utc_ms)
{
    if (result->alarm_count == ALARMS_MAX)
        return true; /* a detector that flaps as often has been told of often enough */
    int64_t *alarms = grown(result->alarms, result->alarm_count, 1, sizeof(*alarms), &result->alarm_capacity);
    if (alarms == NULL)
        return false;
    result->alarms = alarms;
    result->alarms[result->alarm_count++] = utc_ms;
    return true;
}

/* ---- one file ---- */

/* Rows waiting to be pushed; values[row * columns + column]. */
struct batch {
    size_t rows, rows_max;
    int64_t *times;
    double *values;
};

static bool begin_detector(struct track *track)
{
    struct detector *detector = detector_new(&track->settings);
    if (detector == NULL)
        return false;
    detector_set_limit(detector, track->limit);
    detector_free(track->detector);
    track->detector = detector;
    track->state = VERDICT_LEARNING;
    return true;
}

/* The counter is of another process from this row on? Then that one begins anew, with what the old one taught
 * (watch.c). False without memory. */
static bool follow_process(struct track *track, struct result *result, int64_t utc_ms, double pid)
{
    const bool known = reading_known(pid) && pid >= 1; /* 0: nobody's, of _Total and Idle */
    const bool other = known && reading_known(track->pid) && pid != track->pid;
    track->pid = known ? pid : track->pid;
    if (!other)
        return true;
    result->pid = pid;
    result->since_ms = utc_ms;
    detector_learned(track->detector, &track->settings);
    return begin_detector(track);
}

static bool push_batch(struct batch *batch, struct track *tracks, struct result *results, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        struct track *track = &tracks[c];
        struct result *result = &results[c];
        for (size_t r = 0; r < batch->rows; r++) {
            const double value = batch->values[r * columns + c];
            if (track->pid_column != NO_COLUMN &&
                !follow_process(track, result, batch->times[r],
                                batch->values[r * columns + track->pid_column]))
                return false;
            const enum verdict_state state = detector_push(track->detector, batch->times[r], value);
            if (state == VERDICT_UNBOUNDED && track->state != VERDICT_UNBOUNDED &&
                !add_alarm(result, batch->times[r]))
                return false;
            track->state = state;
            result->unknown_count += !reading_known(value);
            result->known_ms = reading_known(value) ? batch->times[r] : result->known_ms;
            result->latest = reading_known(value) ? value : result->latest;
            result->missing_rows = reading_known(value) ? 0 : result->missing_rows + 1;
        }
        if (batch->rows > 0) {
            const int64_t before_ms = batch->rows > 1 ? batch->times[batch->rows - 2] : result->to_ms;
            result->from_ms = result->sample_count == 0 ? batch->times[0] : result->from_ms;
            result->to_ms = batch->times[batch->rows - 1];
            result->apart_ms = batch->rows > 1 || result->sample_count > 0 ? result->to_ms - before_ms : 0;
            result->sample_count += batch->rows;
        }
    }
    batch->rows = 0;
    return true;
}

static enum status push_rows(struct perfmon *reader, struct track *tracks, struct result *results,
                             const char *path, struct err *err)
{
    const size_t columns = perfmon_column_count(reader);
    struct batch batch = {.rows_max = BATCH_CELLS / columns};
    batch.rows_max = batch.rows_max < 1                ? 1
                     : batch.rows_max > BATCH_ROWS_MAX ? BATCH_ROWS_MAX
                                                       : batch.rows_max;
    batch.times = malloc(batch.rows_max * sizeof(*batch.times));
    batch.values = malloc(batch.rows_max * columns * sizeof(*batch.values));
    bool has_memory = batch.times != NULL && batch.values != NULL;
    enum status status = STATUS_OK;
    while (has_memory && status == STATUS_OK) {
        const double *values;
        status = perfmon_next(reader, &batch.times[batch.rows], &values, err);
        if (status == STATUS_OK) {
            memcpy(&batch.values[batch.rows * columns], values, columns * sizeof(*values));
            batch.rows++;
        }
        if (batch.rows == batch.rows_max || status == STATUS_NOT_FOUND)
            has_memory = push_batch(&batch, tracks, results, columns);
    }
    free(batch.times);
    free(batch.values);
    if (!has_memory)
        return err_set(err, STATUS_NO_MEMORY, "analyze", 0, "%s: out of memory", path);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Does --limit hold for this column? A history's series are read as columns one after the other: all of them
 * are one file, which has bytes. */
static bool limit_holds(const struct perfmon *reader, enum unit unit)
{
    bool has_bytes = perfmon_is_history(reader);
    for (size_t i = 0; i < perfmon_column_count(reader); i++)
        has_bytes = has_bytes || perfmon_column_get(reader, i)->unit == UNIT_BYTES;
    return unit == (has_bytes ? UNIT_BYTES : UNIT_OTHER);
}

/* The column with the ID Process of the same instance: "\\EX1\Process(store#1)\..." up to the counter. */
static size_t pid_column_for(const struct perfmon *reader, const char *name)
{
    struct perfmon_process process;
    if (!perfmon_split_process(name, &process))
        return NO_COLUMN;
    const size_t length = (size_t)(process.counter - name);
    for (size_t i = 0; i < perfmon_column_count(reader); i++) {
        const char *other = perfmon_column_get(reader, i)->name;
        if (strncmp(other, name, length) == 0 && text_equal_nocase(other + length, "ID Process"))
            return i;
    }
    return NO_COLUMN;
}

/* False without memory. */
static bool track_init(struct track *track, const struct perfmon *reader, const struct perfmon_column *column,
                       double limit)
{
    struct config defaults;
    config_default(&defaults);
    *track = (struct track){
        /* Free of scale: none of the absolute minimums of the configuration. */
        .settings = {.unit = column->unit, .confidence_pct = defaults.confidence_pct, .learned_plateau = NAN},
        .limit = {limit_holds(reader, column->unit) ? limit : NAN, "the given limit"},
        .pid_column = pid_column_for(reader, column->name),
        .pid = NAN,
    };
    return begin_detector(track);
}

/* The same counter of another instance of the same program? */
static bool is_sibling(const char *name, const char *other)
{
    struct perfmon_process a, b;
    if (!perfmon_split_process(name, &a) || !perfmon_split_process(other, &b))
        return false;
    const size_t length = (size_t)(a.instance - name) + perfmon_base_length(a.instance, a.instance_length);
    return (size_t)(b.instance - other) + perfmon_base_length(b.instance, b.instance_length) == length &&
           strncmp(name, other, length) == 0 && text_equal_nocase(a.counter, b.counter);
}

/* The column that is of the process of this one from later on: when "store" ends, perfmon calls "store#1" so.
 * NO_COLUMN = none, as far as the log tells. */
static size_t renamed_to(const struct track *tracks, const struct result *results, size_t columns, size_t c)
{
    for (size_t i = 0; i < columns && results[c].missing_rows > 0; i++)
        if (i != c && reading_known(results[i].pid) && tracks[i].pid == tracks[c].pid &&
            results[i].since_ms > results[c].known_ms && is_sibling(results[c].name, results[i].name))
            return i;
    return NO_COLUMN;
}

/* What is seen of a process under its new name: does that outweigh the growth that was told under the old one? A
 * leak that stops is cleared after half of its duration. */
static bool outweighs(const struct result *renamed, const struct result *result)
{
    const int64_t grew_ms = result->known_ms - result->verdict.onset_ms;
    return renamed->verdict.state == VERDICT_UNBOUNDED || renamed->missing_rows >= PERFMON_GONE_AFTER_ROWS ||
           renamed->known_ms - renamed->since_ms > grew_ms / 2;
}

/* Which process of several the verdict is about, and what became of it: what has ended reaches nothing.
 * `renamed` is the result of the column that it is in now; NULL = none. */
static void tell_process(struct result *result, const struct result *renamed, int64_t history_end_ms)
{
    struct verdict *verdict = &result->verdict;
    const int64_t gone_ms = 3 * result->apart_ms > GONE_AFTER_MS ? 3 * result->apart_ms : GONE_AFTER_MS;
    const bool any = result->missing_rows < result->sample_count;
    const bool silent = any && (result->missing_rows >= PERFMON_GONE_AFTER_ROWS ||
                                (history_end_ms != INT64_MIN && history_end_ms - result->to_ms > gone_ms));
    result->ended = silent && result->of_process && (renamed == NULL || outweighs(renamed, result));
    if (result->ended) {
        verdict->reason[verdict->reach_at] = '\0';
        verdict->exhaustion_ms = verdict->exhaustion_early_ms = verdict->exhaustion_late_ms = INT64_MAX;
    }
    const size_t length = strlen(verdict->reason);
    struct text text = text_on(verdict->reason + length, sizeof(verdict->reason) - length);
    if (reading_known(result->pid)) {
        text_add(&text, "; pid %.0f since ", result->pid);
        text_add_time_human(&text, result->since_ms);
    }
    struct perfmon_process process;
    if (silent && renamed != NULL && perfmon_split_process(renamed->name, &process)) {
        text_add(&text, "; it goes on as %.*s since ", (int)process.instance_length, process.instance);
        text_add_time_human(&text, renamed->since_ms);
    } else if (silent) {
        text_add(&text, result->of_process ? "; it has ended, last seen " : "; no value since ");
        text_add_time_human(&text, result->known_ms);
    }
}

static enum rank rank_of(const struct result *result)
{
    return result->verdict.state == VERDICT_UNBOUNDED && !result->ended ? RANK_LEAKING
           : result->alarm_count > 0                                    ? RANK_HAS_LEAKED
           : result->verdict.state == VERDICT_LEARNING                  ? RANK_TOO_SHORT
                                                                        : RANK_FINE;
}

/* What fails here shows in the buffer's `failed`. */
static void add_chart(struct analysis *analysis, const struct result *result, const struct detector *detector)
{
    struct buffer *charts = &analysis->charts[rank_of(result)];
    struct series_point *points = malloc(CHART_POINTS * sizeof(*points));
    if (points == NULL) {
        charts->failed = true;
        return;
    }
    struct report_mark marks[REPORT_MARKS_MAX];
    const size_t mark_count = result->alarm_count < REPORT_MARKS_MAX ? result->alarm_count : REPORT_MARKS_MAX;
    for (size_t i = 0; i < mark_count; i++) {
        marks[i] = (struct report_mark){.utc_ms = result->alarms[i], .severity = SEVERITY_ERROR};
        text_copy(marks[i].text, sizeof(marks[i].text), "unbounded growth detected");
    }
    const struct report_series series = {
        .title = result->name,
        .subtitle = result->file,
        .unit = result->unit,
        .points = points,
        .point_count = detector_points(detector, points, CHART_POINTS),
        .from_ms = reading_known(result->pid) ? result->since_ms : result->from_ms,
        .to_ms = result->known_ms,
        .verdict = &result->verdict,
        .marks = marks,
        .mark_count = mark_count,
        .ended = result->ended,
    };
    report_page_series(charts, &series);
    free(points);
}

/* Takes them over, with what they own; false without memory. */
static bool take_results(struct analysis *analysis, const struct result *results, size_t count)
{
    struct result *all =
        grown(analysis->results, analysis->result_count, count, sizeof(*all), &analysis->result_capacity);
    if (all == NULL)
        return false;
    analysis->results = all;
    memcpy(&all[analysis->result_count], results, count * sizeof(*results));
    analysis->result_count += count;
    return true;
}

/* Analyses the columns of one section (of all files but the history's: of the whole file) and adds their
 * results; on an error none. */
static enum status analyze_section(struct analysis *analysis, const char *path, struct perfmon *reader,
                                   int64_t history_end_ms, struct err *err)
{
    const size_t columns = perfmon_column_count(reader);
    size_t owned = 0; /* of the results */
    enum status status = STATUS_NO_MEMORY;
    struct track *tracks = calloc(columns, sizeof(*tracks));
    struct result *results = calloc(columns, sizeof(*results));
    if (tracks == NULL || results == NULL)
        goto done;
    for (; owned < columns; owned++) {
        const struct perfmon_column *column = perfmon_column_get(reader, owned);
        analysis->limit_holds |= limit_holds(reader, column->unit);
        if (!track_init(&tracks[owned], reader, column, analysis->options->limit) ||
            !result_init(&results[owned], path, column))
            goto done;
    }
    status = push_rows(reader, tracks, results, path, err);
    for (size_t i = 0; i < columns && status == STATUS_OK; i++) {
        /* The verdict as of now; the alarms stay those that were told while the samples came. */
        detector_settle(tracks[i].detector);
        detector_verdict(tracks[i].detector, &results[i].verdict);
    }
    for (size_t i = 0; i < columns && status == STATUS_OK; i++) {
        const size_t renamed = renamed_to(tracks, results, columns, i);
        tell_process(&results[i], renamed != NO_COLUMN ? &results[renamed] : NULL, history_end_ms);
        if (analysis->options->html != NULL)
            add_chart(analysis, &results[i], tracks[i].detector);
    }
    if (status == STATUS_OK && take_results(analysis, results, columns))
        owned = 0;
    else if (status == STATUS_OK)
        status = STATUS_NO_MEMORY;
done:
    if (status == STATUS_NO_MEMORY)
        err_set(err, status, "analyze", 0, "%s: out of memory", path);
    for (size_t i = 0; i < owned; i++)
        result_deinit(&results[i]);
    for (size_t i = 0; tracks != NULL && i < columns; i++)
        detector_free(tracks[i].detector);
    free(results);
    free(tracks);
    return status;
}

/* When the latest of a history's series ends, which stand there one after the other. */
static enum status find_history_end(const char *path, int64_t *out_utc_ms, struct err *err)
{
    struct perfmon *reader = NULL;
    int64_t utc_ms;
    const double *values;
    enum status status = perfmon_open(path, &reader, err);
    if (status != STATUS_OK)
        return status;
    do {
        while ((status = perfmon_next(reader, &utc_ms, &values, err)) == STATUS_OK)
            *out_utc_ms = utc_ms > *out_utc_ms ? utc_ms : *out_utc_ms;
    } while (status == STATUS_NOT_FOUND && (status = perfmon_next_section(reader, err)) == STATUS_OK);
    perfmon_close(reader);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status analyze_file(struct analysis *analysis, const char *path, struct err *err)
{
    struct perfmon *reader = NULL;
    const size_t results_before = analysis->result_count;
    size_t charts_before[RANK_COUNT];
    for (int rank = 0; rank < RANK_COUNT; rank++)
        charts_before[rank] = analysis->charts[rank].length;
    enum status status = perfmon_open(path, &reader, err);
    if (status != STATUS_OK)
        return status;
    int64_t history_end_ms = INT64_MIN; /* not known */
    if (perfmon_is_history(reader) && perfmon_is_rereadable(reader))
        status = find_history_end(path, &history_end_ms, err);
    while (status == STATUS_OK) {
        status = analyze_section(analysis, path, reader, history_end_ms, err);
        status = status == STATUS_OK ? perfmon_next_section(reader, err) : status;
    }
    if (status == STATUS_NOT_FOUND) {
        cli_say_left_out(path, reader);
        status = STATUS_OK;
    } else {
        while (analysis->result_count > results_before)
            result_deinit(&analysis->results[--analysis->result_count]);
        for (int rank = 0; rank < RANK_COUNT; rank++)
            analysis->charts[rank].length = charts_before[rank];
    }
    perfmon_close(reader);
    return status;
}

/* ---- answers ---- */

static size_t count_rank(const struct analysis *analysis, enum rank wanted)
{
    size_t count = 0;
    for (size_t i = 0; i < analysis->result_count; i++)
        count += rank_of(&analysis->results[i]) == wanted;
    return count;
}

/* Rows, but not one value: nobody could read that counter. */
static size_t count_unread(const struct analysis *analysis)
{
    size_t count = 0;
    for (size_t i = 0; i < analysis->result_count; i++) {
        const struct result *result = &analysis->results[i];
        count += result->sample_count > 0 && result->unknown_count == result->sample_count;
    }
    return count;
}

/* One line that says it all. */
static void add_summary(struct text *text, const struct analysis *analysis)
{
    const size_t all = analysis->result_count;
    const size_t leaking = count_rank(analysis, RANK_LEAKING);
    const size_t leaked = count_rank(analysis, RANK_HAS_LEAKED);
    const size_t unread = count_unread(analysis);
    const size_t learning = count_rank(analysis, RANK_TOO_SHORT) - unread;
    if (all == 0) {
        text_add(text, "No series could be read.");
        return;
    }
    if (leaking + leaked == 0)
        text_add(text, "No unbounded growth in %u series.", (unsigned)all);
    if (leaking > 0) {
        text_add(text, "%u of %u series grow%s without bound.", (unsigned)leaking, (unsigned)all,
                 leaking == 1 ? "s" : "");
    }
    if (leaked > 0) {
        text_add(text, "%s%u %s for a time, and %s ended.", leaking > 0 ? " " : "", (unsigned)leaked,
                 leaking > 0 ? "more did so" : "series grew without bound", leaked == 1 ? "it" : "they");
    }
    if (learning > 0)
        text_add(text, " %u %s too short for a verdict.", (unsigned)learning, learning == 1 ? "is" : "are");
    if (unread > 0)
        text_add(text, " %u %s no value at all.", (unsigned)unread, unread == 1 ? "has" : "have");
}

/* What a line of the table says before the name; the words of one verdict. */
enum { CELL_VERDICT, CELL_NOW, CELL_RATE, CELL_DETECTED, CELL_EXHAUSTION, CELL_COUNT };

struct table_row {
    char cells[CELL_COUNT][CELL_MAX];
};

static void fill_row(const struct result *result, struct table_row *row)
{
    const struct verdict *verdict = &result->verdict;
    struct text cells[CELL_COUNT];
    for (size_t i = 0; i < CELL_COUNT; i++)
        cells[i] = text_on(row->cells[i], CELL_MAX);
    text_add(&cells[CELL_VERDICT], "%s",
             verdict->state == VERDICT_UNBOUNDED ? "UNBOUNDED" : verdict_state_name(verdict->state));
    /* A level takes some samples; unknown is only what nobody could read. */
    text_add_quantity(&cells[CELL_NOW], result->unit,
                      isfinite(verdict->value) ? verdict->value : result->latest);
    text_add_rate_interval(&cells[CELL_RATE], result->unit, verdict->slope_per_hour,
                           verdict->slope_low_per_hour, verdict->slope_high_per_hour);
    if (result->alarm_count > 0)
        text_add_time_human(&cells[CELL_DETECTED], result->alarms[0]);
    if (verdict_limit_reached(verdict))
        text_add(&cells[CELL_EXHAUSTION], "already");
    else if (verdict->exhaustion_ms != INT64_MAX)
        text_add_time_human(&cells[CELL_EXHAUSTION], verdict->exhaustion_ms);
}

static void print_table(const struct analysis *analysis, size_t file_count)
{
    static const struct table_row heading = {{"verdict", "now", "rate", "detected", "limit reached"}};
    struct table_row row;
    size_t widths[CELL_COUNT] = {0};
    for (size_t i = 0; i < analysis->result_count; i++) {
        fill_row(&analysis->results[i], &row);
        for (size_t c = 0; c < CELL_COUNT; c++) {
            const size_t width = strlen(row.cells[c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t c = 0; c < CELL_COUNT; c++) { /* a column without any entry is left out */
        const size_t width = strlen(heading.cells[c]);
        widths[c] = widths[c] > 0 && widths[c] < width ? width : widths[c];
    }
    for (int wanted = -1; wanted < RANK_COUNT && analysis->result_count > 0; wanted++) {
        for (size_t i = 0; i < analysis->result_count; i++) {
            const struct result *result = &analysis->results[i];
            if (wanted >= 0 && (int)rank_of(result) != wanted)
                continue;
            fill_row(result, &row);
            for (size_t c = 0; c < CELL_COUNT; c++)
                if (widths[c] > 0)
                    printf("%-*s  ", (int)widths[c], wanted < 0 ? heading.cells[c] : row.cells[c]);
            if (wanted < 0) {
                printf("series\n");
                break;
            }
            printf("%s%s%s\n    %s\n", file_count > 1 ? result->file : "", file_count > 1 ? ": " : "",
                   result->name, result->verdict.reason);
        }
    }
    char storage[512];
    struct text summary = text_on(storage, sizeof(storage));
    add_summary(&summary, analysis);
    printf("%s%s\n", analysis->result_count > 0 ? "\n" : "", storage);
}

/* A recording's times are as it has them: 0 and earlier ones are times, too. */
static json_t *recorded_time(int64_t utc_ms)
{
    char storage[64];
    struct text text = text_on(storage, sizeof(storage));
    text_add_time_utc(&text, utc_ms);
    return json_string(storage);
}

/* A path as given, or with '?' for what is not UTF-8. */
static json_t *json_path(const char *path)
{
    json_t *value = json_string(path);
    if (value == NULL) {
        char storage[1024];
        text_copy(storage, sizeof(storage), path);
        for (char *p = storage; *p != '\0'; p++)
            *p = (unsigned char)*p < 0x80 ? *p : '?';
        value = json_string(storage);
    }
    return value;
}

static json_t *json_result(const struct result *result)
{
    const struct verdict *verdict = &result->verdict;
    const bool has_rows = result->sample_count > 0;
    json_t *alarms = json_array();
    for (size_t i = 0; i < result->alarm_count; i++)
        json_array_append_new(alarms, recorded_time(result->alarms[i]));
    return json_pack(
        "{so ss ss sI sI so so ss so so ss so so so so ss}", "file", json_path(result->file), "name",
        result->name, "unit", unit_name(result->unit), "samples", (json_int_t)result->sample_count, "unknown",
        (json_int_t)result->unknown_count, "from", has_rows ? recorded_time(result->from_ms) : json_null(),
        "to", has_rows ? recorded_time(result->to_ms) : json_null(), "verdict",
        verdict_state_name(verdict->state), "detected_at",
        result->alarm_count > 0 ? recorded_time(result->alarms[0]) : json_null(), "alarms", alarms, "shape",
        shape_name(verdict->shape), "slope_per_hour", json_number(verdict->slope_per_hour), "slope_low",
        json_number(verdict->slope_low_per_hour), "slope_high", json_number(verdict->slope_high_per_hour),
        "exhaustion_at",
        verdict->exhaustion_ms != INT64_MAX ? recorded_time(verdict->exhaustion_ms) : json_null(), "reason",
        verdict->reason);
}

static bool print_json(const struct analysis *analysis)
{
    json_t *series = json_array();
    bool good = series != NULL;
    for (size_t i = 0; good && i < analysis->result_count; i++)
        good = json_array_append_new(series, json_result(&analysis->results[i])) == 0;
    json_t *root = json_pack("{si so}", "version", 1, "series", series);
    good = good && root != NULL;
    /* What cannot be written is told where each command ends. */
    good = good && (json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(12)) == 0 || ferror(stdout));
    json_decref(root);
    printf("\n");
    return good;
}

/* "EX1" of "\\\\EX1\\Process(store)\\..."; "" = the name tells none. */
static void copy_machine(const char *name, char *out_machine, size_t capacity)
{
    struct text text = text_on(out_machine, capacity);
    if (strncmp(name, "\\\\", 2) == 0)
        text_add_bytes(&text, name + 2, strcspn(name + 2, "\\"));
}

/* The machine of all perfmon logs; "" when they are of several. */
static void copy_host_name(const struct analysis *analysis, char *out_name, size_t capacity)
{
    copy_machine(analysis->result_count > 0 ? analysis->results[0].name : "", out_name, capacity);
    for (size_t i = 1; i < analysis->result_count; i++) {
        char other[HOST_NAME_BYTES];
        copy_machine(analysis->results[i].name, other, sizeof(other));
        if (other[0] != '\0' && !text_equal_nocase(other, out_name))
            out_name[0] = '\0';
    }
}

static bool write_page(struct analysis *analysis)
{
    const char *path = analysis->options->html;
    char host_name[HOST_NAME_BYTES];
    char storage[512];
    struct text summary = text_on(storage, sizeof(storage));
    copy_host_name(analysis, host_name, sizeof(host_name));
    add_summary(&summary, analysis);
    struct buffer head = {0};
    struct buffer tail = {0};
    report_page_begin(&head, "storewatch analyze", host_name, (int64_t)time(NULL) * MS_PER_SECOND, storage);
    report_page_end(&tail);
    const struct buffer *parts[RANK_COUNT + 2] = {[0] = &head, [RANK_COUNT + 1] = &tail};
    bool good = !head.failed && !tail.failed;
    for (int rank = 0; rank < RANK_COUNT; rank++) {
        parts[1 + rank] = &analysis->charts[rank];
        good = good && !analysis->charts[rank].failed;
    }
    if (good)
        good = cli_write_file(path, parts, ARRAY_COUNT(parts)) == EXIT_FINE;
    else
        cli_fail("%s: not written: out of memory, or too many series for one page", path);
    buffer_deinit(&head);
    buffer_deinit(&tail);
    return good;
}

static bool read_options(int argc, char **argv, struct options *options, const char **files,
                         size_t *out_count)
{
    const char *limit = NULL;
    const struct cli_option known[] = {
        {"--json", NULL, &options->json}, {"--html", &options->html, NULL}, {"--limit", &limit, NULL}};
    if (!cli_parse(argc, argv, known, ARRAY_COUNT(known), files, (size_t)argc, out_count))
        return false;
    if (*out_count == 0) {
        cli_wrong_use(argv[0], "name at least one file");
        return false;
    }
    options->limit = NAN;
    if (limit != NULL && (size_parse(limit, &options->limit) != STATUS_OK || !(options->limit > 0.0))) {
        fprintf(stderr,
                "storewatch analyze: --limit: \"%s\" is not a size; it must be like 2GiB, 512MiB or 4096\n",
                limit);
        return false;
    }
    return true;
}

static int worst(int a, int b)
{
    return a > b ? a : b;
}

int analyze_run(int argc, char **argv)
{
    struct options options = {0};
    struct analysis analysis = {.options = &options};
    struct cli_files files = {0};
    for (int rank = 0; rank < RANK_COUNT; rank++)
        analysis.charts[rank].limit = PAGE_BYTES_MAX;
    size_t named_count = 0;
    int code = EXIT_USAGE;
    const char **named = calloc((size_t)argc, sizeof(*named));
    if (named == NULL)
        return cli_fail("out of memory");
    if (!read_options(argc, argv, &options, named, &named_count))
        goto done;
    if (!cli_files_find(&files, named, named_count)) {
        code = cli_fail("out of memory");
        goto done;
    }
    if (!cli_may_write_page(argv[0], options.html, (const char *const *)files.paths, files.count))
        goto done;
    code = EXIT_FINE;
    for (size_t i = 0; i < files.count; i++) {
        struct err err = {0};
        const enum status status = analyze_file(&analysis, files.paths[i], &err);
        if (status != STATUS_OK) {
            fprintf(stderr, "%s\n", err.text);
            code = worst(code, status == STATUS_INVALID ? EXIT_USAGE : EXIT_COULD_NOT);
        }
    }
    if (reading_known(options.limit) && analysis.result_count > 0 && !analysis.limit_holds) {
        fputs("storewatch analyze: --limit: no column is in bytes or of unknown unit, so it holds for none\n",
              stderr);
    }
    if (count_rank(&analysis, RANK_LEAKING) + count_rank(&analysis, RANK_HAS_LEAKED) > 0)
        code = worst(code, EXIT_FOUND);
    if (options.json) {
        if (!print_json(&analysis))
            code = cli_fail("out of memory");
    } else {
        print_table(&analysis, files.count);
    }
    if (options.html != NULL && !write_page(&analysis))
        code = EXIT_COULD_NOT;
done:
    for (size_t i = 0; i < analysis.result_count; i++)
        result_deinit(&analysis.results[i]);
    free(analysis.results);
    for (int rank = 0; rank < RANK_COUNT; rank++)
        buffer_deinit(&analysis.charts[rank]);
    cli_files_deinit(&files);
    free(named);
    return code;
}

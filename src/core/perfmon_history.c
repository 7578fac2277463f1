/* perfmon_history.c - samples as `history --csv` and the evidence of a restart have them: a line each, one
 * series after the other. Each series is a section of one column. */
#include "perfmon_internal.h"

#include "storewatch/incident.h"

#include <stdlib.h>
#include <string.h>

/* The columns, by their place in PERFMON_HISTORY_HEADER. */
enum { AT, TARGET, IMAGE, PID, METRIC, LOW, MEAN, HIGH, WIDTH, KNOWN, UNKNOWN, FIELD_COUNT };

bool perfmon_history_is_header(const char *line)
{
    static const char header[] = PERFMON_HISTORY_HEADER "\n";
    return strncmp(line, header, sizeof(header) - 1) == 0;
}

/* All of them, which lie in the line then. */
static enum status take_fields(struct perfmon *reader, char *line, char *fields[FIELD_COUNT], struct err *err)
{
    const char *complaint = NULL;
    char *next = line;
    size_t count = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        fields[i] = line;
    while (next != NULL && count < FIELD_COUNT && complaint == NULL) {
        char *field = perfmon_take_field(next, &next, &complaint);
        fields[count++] = field != NULL ? field : line;
    }
    if (complaint == NULL && count == FIELD_COUNT && next == NULL)
        return STATUS_OK;
    if (perfmon_is_unfinished(reader))
        return STATUS_NOT_FOUND;
    return complaint != NULL
               ? perfmon_malformed(reader, err, "%s", complaint)
               : perfmon_malformed(reader, err, "a row of the history has %d fields", FIELD_COUNT);
}

/* Reads the next row ahead. NOT_FOUND at the end of the file. */
static enum status read_row(struct perfmon *reader, struct perfmon_history_row *row, struct err *err)
{
    char *line, *fields[FIELD_COUNT];
    enum status status = perfmon_next_line(reader, &line, err);
    if (status == STATUS_OK)
        status = take_fields(reader, line, fields, err);
    if (status == STATUS_OK)
        status = perfmon_read_time(reader, fields[AT], &row->utc_ms, err);
    if (status == STATUS_OK && !perfmon_parse_value(reader, fields[MEAN], &row->value))
        status = perfmon_not_a_number(reader, MEAN - 1, "mean", fields[MEAN], err);
    if (status != STATUS_OK)
        return status;
    struct text name = text_on(row->name, sizeof(row->name));
    text_add(&name, "%s of %s", fields[METRIC], fields[TARGET]);
    row->of_process = fields[IMAGE][0] != '\0';
    if (row->of_process)
        text_add(&name, " (%s, pid %s)", fields[IMAGE], fields[PID]);
    row->unit = UNIT_OTHER;
    for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
        if (strcmp(fields[METRIC], metric_name(metric)) == 0)
            row->unit = metric_unit(metric);
    return STATUS_OK;
}

/* The row that was read ahead is the first of the section. */
static enum status begin_section(struct perfmon *reader, struct err *err)
{
    struct perfmon_column *column = &reader->columns[0];
    char *name = perfmon_copy_name(reader->row.name, 0);
    if (name == NULL)
        return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
    free(column->name);
    *column =
        (struct perfmon_column){.name = name, .unit = reader->row.unit, .of_process = reader->row.of_process};
    reader->last_ms = INT64_MIN;
    reader->begins_section = false;
    return STATUS_OK;
}

enum status perfmon_history_begin(struct perfmon *reader, struct err *err)
{
    const enum status status = read_row(reader, &reader->row, err);
    if (status == STATUS_NOT_FOUND)
        return perfmon_malformed(reader, err, "there is no sample in this history");
    reader->has_row = status == STATUS_OK;
    reader->column_count = 1;
    return status == STATUS_OK ? begin_section(reader, err) : status;
}

enum status perfmon_history_next(struct perfmon *reader, int64_t *out_utc_ms, struct err *err)
{
    if (!reader->has_row) {
        struct perfmon_history_row row;
        const enum status status = read_row(reader, &row, err);
        if (status != STATUS_OK)
            return status;
        /* A clock that was set back further than a log's may begins a new one. */
        reader->begins_section =
            strcmp(row.name, reader->row.name) != 0 || row.utc_ms < reader->last_ms - PERFMON_FALL_BACK_MS;
        reader->row = row;
        reader->has_row = true;
    }
    if (reader->begins_section)
        return STATUS_NOT_FOUND;
    reader->has_row = false;
    *out_utc_ms = reader->row.utc_ms;
    reader->values[0] = reader->row.value;
    return STATUS_OK;
}

enum status perfmon_next_section(struct perfmon *reader, struct err *err)
{
    return reader->begins_section ? begin_section(reader, err) : STATUS_NOT_FOUND;
}

bool perfmon_is_history(const struct perfmon *reader)
{
    return reader->is_history;
}

/* perfmon.h - recorded counters, read as a stream: perfmon's PDH-CSV 4.0 and plain CSV.
 *
 * Input (design.md, "analyze"): PDH-CSV (`"(PDH-CSV 4.0) (...)(0)","\\HOST\Process(store)\Private Bytes",...`, times
 * MM/DD/YYYY HH:MM:SS.mmm, `" "` for a missing value) or CSV whose first column is `timestamp` (ISO 8601 or Unix
 * seconds). LF or CRLF, quoted or not, UTF-8 with or without BOM. PDH times are the recorder's local time; the
 * header's bias, e.g. "(W. Europe Standard Time)(-60)", minutes to add to local time to get UTC, is applied.
 * Memory is bounded by the header row and one data row; it does not grow with the file. */
#ifndef STOREWATCH_PERFMON_H
#define STOREWATCH_PERFMON_H

#include "storewatch/sample.h"
#include "storewatch/units.h"

#define PERFMON_COLUMNS_MAX 8192
#define PERFMON_LINE_MAX (4 * 1024 * 1024)

struct perfmon_column {
    char *name;     /* as in the header, unquoted; owned by the reader */
    enum unit unit; /* from the name: "Private Bytes" "Working Set" "Virtual Bytes" "bytes" -> bytes; ... */
};

struct perfmon;

/* Opens and reads the header. err names file:line and what is wrong. Free with perfmon_close. */
enum status perfmon_open(const char *path, struct perfmon **out_reader, struct err *err);
void perfmon_close(struct perfmon *reader);

size_t perfmon_column_count(const struct perfmon *reader); /* without the time column */
const struct perfmon_column *perfmon_column_get(const struct perfmon *reader, size_t index);

/* The next row: its time and one value a column (READING_UNKNOWN where missing). *out_values lends an array of
 * perfmon_column_count() doubles, valid until the next call. NOT_FOUND at the end; INVALID with file:line for a
 * malformed row (reading can not go on after that). */
enum status perfmon_next(struct perfmon *reader, int64_t *out_utc_ms, const double **out_values, struct err *err);

#endif

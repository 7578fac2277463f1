/* perfmon.h - recorded counters, read as a stream: perfmon's PDH-CSV 4.0 and plain CSV.
 *
 * Input: PDH-CSV (`"(PDH-CSV 4.0) (...)(0)","\\HOST\Process(store)\Private Bytes",...`, times MM/DD/YYYY
 * HH:MM:SS.mmm, `" "` for a missing value) or CSV whose first column is `timestamp` (ISO 8601 or Unix
 * seconds). LF, CRLF, what text written as text twice ends in (CR CR LF) or CR, quoted or not, UTF-8 with
 * or without BOM. Empty rows, also those of commas that spreadsheets make, are passed over. PDH times are the
 * recorder's local time; the header's bias, e.g. "(W. Europe Standard Time)(-60)", minutes to add to local time
 * to get UTC, is applied. Where it has none, as typeperf's, they are taken as UTC, and that is told
 * (perfmon_lacks_zone).
 * Memory is bounded by the header row and one data row; it does not grow with the file.
 *
 * What real logs do, and what is made of it:
 * - Local time falls back by an hour in autumn. A PDH row whose time lies 30 to 60 minutes before the row
 *   above (or less, at night, where rows are 30 to 60 minutes apart) begins that second hour: it and all later
 *   rows are taken an hour later. Of rows further apart it cannot be told. (In spring an hour is missing: that
 *   is a gap; times after it are an hour late.)
 * - The clock is set back by up to an hour, or a row is there twice: rows that are not later than the one
 *   before are skipped and counted (perfmon_skipped_count). Further back than that is an error: logs were
 *   joined in the wrong order.
 * - Logs that were joined have a header before the rows of each: with the same columns the next one goes on.
 *   What `copy` puts at the end of what it joins (Ctrl-Z), and the mark of a UTF-8 file before its header, are
 *   no part of a row.
 * - A recorder that still writes leaves its last row unfinished: a last row without its newline from which
 *   something is missing is left out and told of (perfmon_unfinished_line). So are the NUL bytes that a
 *   machine which went down leaves at the end of a log.
 * - typeperf says at its end that it ends, in the language of the machine: lines that begin with a letter are
 *   left out of PDH-CSV and told of (perfmon_words_after), after each log of those that were joined; a row after
 *   them makes them a mistake.
 * - Missing values are empty, blank, "NaN" or what the C run-time of Windows prints for it ("-1.#IND").
 *   Everything else that is not a decimal number of at most 1e100 is an error.
 * - A decimal comma ("1,5", quoted) is understood in PDH-CSV, which has no thousands separators, and refused
 *   in plain CSV, where it might be one. So it is in PDH-CSV where a spreadsheet seems to have put one in:
 *   "1,234" of bytes or handles.
 * - Names that are not UTF-8 (logs in the ANSI code page) are read as Windows-1252. UTF-16 is refused and says
 *   so.
 *
 * A third input is what `history --csv` writes and the evidence of a restart has: one series after the other,
 * told by its header. It is read as sections of one column each (perfmon_next_section). */
#ifndef STOREWATCH_PERFMON_H
#define STOREWATCH_PERFMON_H

#include "storewatch/sample.h"
#include "storewatch/units.h"

#define PERFMON_COLUMNS_MAX 8192
#define PERFMON_HISTORY_HEADER                                                                               \
    "timestamp,target,image,pid,metric,low,mean,high,width_ms,known_count,unknown_count"
#define PERFMON_LINE_MAX (4 * 1024 * 1024)

struct perfmon_column {
    char *name;      /* as in the header, unquoted; owned by the reader */
    enum unit unit;  /* perfmon_unit(name) */
    bool of_process; /* and not of the machine, as far as its name tells */
};

/* The unit that a column's name tells, without case: "Private Bytes" "Working Set" "Virtual Bytes" "bytes"
 * "Commit Limit" are bytes (but not with "MBytes", "Megabytes", the word "MB" or their like, nor a counter
 * that begins with "%"), "Handle Count" "handles" are handles, everything else is other. */
enum unit perfmon_unit(const char *name);

/* What a name such as "\\EX1\Process(store#1)\Private Bytes" says; both lie in the name. */
struct perfmon_process {
    const char *instance; /* instance_length bytes */
    size_t instance_length;
    const char *counter;
};

/* False when it is no counter of a process. Without case; the machine may be missing. */
bool perfmon_split_process(const char *name, struct perfmon_process *out_process);
/* Of an instance's name of `length` bytes, those of the program's: "store#1" is the second instance of "store". */
size_t perfmon_base_length(const char *instance, size_t length);

/* A process whose counters are missing in so many rows has ended. */
#define PERFMON_GONE_AFTER_ROWS 3

struct perfmon;

/* Opens and reads the header, and of a history the first row. Errors: NOT_FOUND, DENIED and IO (its code is
 * errno), NO_MEMORY, INVALID (it is no such file: err names file:line and what is wrong). Free with
 * perfmon_close, for which NULL is fine. */
enum status perfmon_open(const char *path, struct perfmon **out_reader, struct err *err);
void perfmon_close(struct perfmon *reader);

size_t perfmon_column_count(const struct perfmon *reader); /* without the time column */
const struct perfmon_column *perfmon_column_get(const struct perfmon *reader, size_t index);

/* The next row: its time and one value a column (READING_UNKNOWN where missing, and where bytes or handles
 * are negative: some recorders write -1 for a counter that could not be read). *out_values lends an array of
 * perfmon_column_count() doubles, valid until the next call. NOT_FOUND at the end; INVALID with file:line for
 * a malformed row, IO, NO_MEMORY (reading cannot go on after these). */
enum status perfmon_next(struct perfmon *reader, int64_t *out_utc_ms, const double **out_values,
                         struct err *err);

bool perfmon_is_history(const struct perfmon *reader);
/* Can the file be opened once more and read from its begin? Not so a pipe. */
bool perfmon_is_rereadable(const struct perfmon *reader);
/* After perfmon_next's NOT_FOUND: is there another section? Then perfmon_column_get tells its series and
 * perfmon_next its rows. NOT_FOUND when there is none, which is so after the rows of any other file. */
enum status perfmon_next_section(struct perfmon *reader, struct err *err);

/* How far the recorder's local time is ahead of UTC, as of the latest row. False: the file does not tell. */
bool perfmon_local_ahead(const struct perfmon *reader, int64_t *out_ms);

/* Local times that are taken as UTC, because a header does not tell the zone? */
bool perfmon_lacks_zone(const struct perfmon *reader);

/* Rows skipped so far because their time was not later than that of the row before. */
uint64_t perfmon_skipped_count(const struct perfmon *reader);

/* After the end: what the recorder said last after its rows, which was left out, and its line. NULL: nothing. */
const char *perfmon_words_after(const struct perfmon *reader, uint64_t *out_line);

/* After the end: the line of a last row that is not complete and was left out; 0 = none. */
uint64_t perfmon_unfinished_line(const struct perfmon *reader);

#endif

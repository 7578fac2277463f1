/* perfmon.c - recorded counters, read as a stream.
 *
 * Speed matters here: a month of a hundred counters is half a gigabyte. So the file is read in large blocks,
 * a line is found with memchr and parsed where it lies, and a value in the usual form - digits, a point,
 * digits - is converted by one division: a mantissa of at most 2^53 and a power of ten of at most 10^22 are
 * both exact doubles, so their quotient is the correctly rounded value (Clinger, "How to read floating point
 * numbers accurately", PLDI 1990, section 3). Whatever looks different goes the slow way, which also knows
 * how to complain.
 *
 * Invariant: the line being parsed ends in '\n' (a missing one is added, a CR before it is overwritten), so
 * scans need no other bound. */
#include "storewatch/perfmon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES ((size_t)256 * 1024)
#define FIELD_MAX 64 /* bytes with NUL of a value or a time; longer ones are neither */
#define EXACT_MANTISSA_MAX (UINT64_C(1) << 53)
#define EXACT_POWER_MAX 22
#define MANTISSA_DIGITS_MAX 19 /* what always fits 64 bits */
#define UNIX_SECONDS_MAX 1e11  /* the year 5138; more are milliseconds by mistake */
#define FALL_BACK_MS MS_PER_HOUR

struct perfmon {
    FILE *file;
    char *path;
    char *buffer; /* `capacity` bytes and one more, for a '\n' that is missing at the end */
    size_t capacity, begin, end;
    bool at_end;              /* of the file: what is in the buffer is all there is */
    bool is_cut_short;        /* the line being parsed had no newline */
    uint64_t unfinished_line; /* 0 = none */
    uint64_t line;
    bool is_pdh;
    int64_t bias_ms; /* from local time to UTC; autumn adds an hour */
    int64_t last_ms; /* of the row before; INT64_MIN = none yet */
    uint64_t skipped_count;
    size_t column_count;
    struct perfmon_column *columns;
    double *values;
};

/* ---- lines ---- */

PRINTF_LIKE(3, 4)
static enum status malformed(const struct perfmon *reader, struct err *err, const char *format, ...)
{
    char storage[ERR_TEXT_MAX];
    struct text text = text_on(storage, sizeof(storage));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
    return err_set(err, STATUS_INVALID, "read", 0, "%s:%" PRIu64 ": %s", reader->path, reader->line, storage);
}

/* Brings more of the file into the buffer; the unfinished line moves to its front. */
static enum status refill(struct perfmon *reader, struct err *err)
{
    const size_t rest = reader->end - reader->begin;
    if (rest > 0) {
        memmove(reader->buffer, reader->buffer + reader->begin, rest);
    }
    reader->begin = 0;
    reader->end = rest;
    if (reader->capacity - rest < READ_BYTES) {
        if (rest >= PERFMON_LINE_MAX) {
            reader->line++;
            return malformed(reader, err, "the line is longer than %d MiB: is this a CSV file?",
                             PERFMON_LINE_MAX / (1024 * 1024));
        }
        const size_t capacity = rest * 2 + READ_BYTES;
        char *buffer = realloc(reader->buffer, capacity + 1);
        if (buffer == NULL) {
            return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
        }
        reader->buffer = buffer;
        reader->capacity = capacity;
    }
    errno = 0;
    const size_t got = fread(reader->buffer + rest, 1, reader->capacity - rest, reader->file);
    const int code = errno;
    if (got == 0 && ferror(reader->file)) {
        return err_set(err, STATUS_IO, "read", (uint32_t)code, "%s: cannot be read: %s", reader->path,
                       strerror(code));
    }
    reader->end += got;
    reader->at_end = got == 0;
    return STATUS_OK;
}

/* The next line that is not empty; it ends in '\n'. NOT_FOUND at the end of the file. */
static enum status next_line(struct perfmon *reader, char **out_line, struct err *err)
{
    size_t searched = 0;
    for (;;) {
        char *line = reader->buffer + reader->begin;
        const size_t there = reader->end - reader->begin;
        char *newline = there > searched ? memchr(line + searched, '\n', there - searched) : NULL;
        if (newline == NULL && !reader->at_end) {
            searched = there;
            const enum status status = refill(reader, err);
            if (status != STATUS_OK) {
                return status;
            }
            continue;
        }
        if (newline == NULL) {
            if (there == 0) {
                return STATUS_NOT_FOUND;
            }
            reader->is_cut_short = true;
            newline = line + there;
            *newline = '\n';
            reader->end++; /* into the spare byte: `begin` may not pass `end` */
        }
        reader->begin = (size_t)(newline - reader->buffer) + 1;
        reader->line++;
        searched = 0;
        if (newline > line && newline[-1] == '\r') {
            newline[-1] = '\n';
        }
        if (*line != '\n') {
            *out_line = line;
            return STATUS_OK;
        }
    }
}

/* ---- fields ---- */

static const char not_closed[] = "a quote is not closed before the end of the line";

/* Takes one field out of the line, in place: unquoted, "" as ", NUL-terminated, blanks at both ends gone.
 * *out_next is after its comma, or NULL when the line ended with it. NULL with a complaint when a quote is
 * wrong. */
static char *take_field(char *p, char **out_next, const char **out_complaint)
{
    static const char nul[] = "a NUL byte: this is not a text file";
    char *begin = p;
    char *write = p;
    if (*p == '"') {
        begin = write = ++p;
        for (;; p++) {
            if (*p == '\n' || *p == '\0') {
                *out_complaint = *p == '\0' ? nul : not_closed;
                return NULL;
            }
            if (*p == '"' && *++p != '"') {
                break;
            }
            *write++ = *p;
        }
        while (*p == ' ') {
            p++;
        }
        if (*p != ',' && *p != '\n') {
            *out_complaint = "a closing quote is followed by something else than a comma";
            return NULL;
        }
    } else {
        while (*p != ',' && *p != '\n' && *p != '\0') {
            p++;
        }
        if (*p == '\0') {
            *out_complaint = nul;
            return NULL;
        }
        write = p;
    }
    *out_next = *p == ',' ? p + 1 : NULL;
    while (write > begin && write[-1] == ' ') {
        write--;
    }
    *write = '\0';
    return begin + strspn(begin, " ");
}

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* Is it a decimal number, all of it? A decimal comma is made a point when that is allowed. */
static bool is_number(char *text, bool comma_allowed)
{
    char *p = text + (*text == '-' || *text == '+');
    char *point = NULL;
    size_t digits = 0;
    for (; is_digit(*p); p++) {
        digits++;
    }
    if (*p == '.' || (*p == ',' && comma_allowed)) {
        point = p++;
        for (; is_digit(*p); p++) {
            digits++;
        }
    }
    if (digits > 0 && (*p == 'e' || *p == 'E')) {
        p += 1 + (p[1] == '-' || p[1] == '+');
        if (!is_digit(*p)) {
            return false;
        }
        while (is_digit(*p)) {
            p++;
        }
    }
    if (digits == 0 || *p != '\0') {
        return false;
    }
    if (point != NULL) {
        *point = '.';
    }
    return true;
}

static bool is_missing(const char *text)
{
    const char *plain = text + (*text == '-');
    return *text == '\0' || text_equal_nocase(plain, "nan") || strncmp(plain, "1.#", 3) == 0;
}

/* A value in any form. */
static enum status read_value(const struct perfmon *reader, size_t column, char *text, double *out_value,
                              struct err *err)
{
    if (is_missing(text)) {
        *out_value = READING_UNKNOWN;
        return STATUS_OK;
    }
    if (strlen(text) < FIELD_MAX && is_number(text, reader->is_pdh)) {
        const double value = strtod(text, NULL);
        if (isfinite(value)) {
            *out_value = value;
            return STATUS_OK;
        }
    }
    char storage[FIELD_MAX];
    const bool whole = text_copy(storage, sizeof(storage), text);
    return malformed(reader, err, "column %u (\"%.100s\"): \"%s%s\" is not a number%s", (unsigned)column + 2,
                     reader->columns[column].name, storage, whole ? "" : "...",
                     strchr(text, ',') != NULL ? "; write it without separators and with a decimal point"
                                               : "");
}

/* ---- times ---- */

static bool take_number(const char **p, size_t digits_min, size_t digits_max, int *out_number)
{
    int number = 0;
    size_t digits = 0;
    for (; digits < digits_max && is_digit(**p); digits++, (*p)++) {
        number = number * 10 + (**p - '0');
    }
    *out_number = number;
    return digits >= digits_min;
}

static bool take_char(const char **p, char wanted)
{
    const bool found = **p == wanted;
    *p += found;
    return found;
}

/* "MM/DD/YYYY HH:MM:SS.mmm"; seconds and milliseconds may be missing. False when it is no such time. */
static bool parse_pdh_time(const char *text, int64_t *out_local_ms)
{
    int month, day, year, hour, minute;
    const char *p = text;
    if (!take_number(&p, 1, 2, &month) || !take_char(&p, '/') || !take_number(&p, 1, 2, &day) ||
        !take_char(&p, '/') || !take_number(&p, 4, 4, &year) || !take_char(&p, ' ') ||
        !take_number(&p, 1, 2, &hour) || !take_char(&p, ':') || !take_number(&p, 2, 2, &minute)) {
        return false;
    }
    /* The rest is as in ISO 8601, which also knows the calendar. */
    char iso[FIELD_MAX];
    struct text text_iso = text_on(iso, sizeof(iso));
    text_add(&text_iso, "%04d-%02d-%02dT%02d:%02d%s", year, month, day, hour, minute, *p == '\0' ? ":00" : p);
    return strspn(p, ":.0123456789") == strlen(p) && time_parse_iso(iso, out_local_ms) == STATUS_OK;
}

static enum status read_time(const struct perfmon *reader, char *text, int64_t *out_utc_ms, struct err *err)
{
    int64_t ms;
    if (reader->is_pdh) {
        if (!parse_pdh_time(text, &ms)) {
            return malformed(reader, err, "\"%.40s\" is not a time of the form MM/DD/YYYY HH:MM:SS.mmm",
                             text);
        }
        *out_utc_ms = ms + reader->bias_ms;
        return STATUS_OK;
    }
    if (strlen(text) < FIELD_MAX && is_number(text, false)) {
        const double seconds = strtod(text, NULL);
        if (!(fabs(seconds) <= UNIX_SECONDS_MAX)) {
            return malformed(reader, err, "the time %.40s is out of range; it must be in seconds since 1970",
                             text);
        }
        *out_utc_ms = (int64_t)floor(seconds * 1000.0 + 0.5);
        return STATUS_OK;
    }
    if (time_parse_iso(text, out_utc_ms) != STATUS_OK) {
        return malformed(
            reader, err,
            "\"%.40s\" is not a time; it must be like 2026-11-22T03:14:05Z, or seconds since 1970", text);
    }
    return STATUS_OK;
}

/* ---- header ---- */

static bool contains_nocase(const char *text, const char *lower_word)
{
    for (; *text != '\0'; text++) {
        size_t i = 0;
        while (lower_word[i] != '\0' &&
               (text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]) == lower_word[i]) {
            i++;
        }
        if (lower_word[i] == '\0') {
            return true;
        }
    }
    return false;
}

enum unit perfmon_unit(const char *name)
{
    const char *slash = strrchr(name, '\\');
    const char *counter = slash != NULL ? slash + 1 : name;
    if (counter[0] == '%' || contains_nocase(counter, "kbytes") || contains_nocase(counter, "mbytes") ||
        contains_nocase(counter, "gbytes")) {
        return UNIT_OTHER;
    }
    if (contains_nocase(name, "bytes") || contains_nocase(name, "working set") ||
        contains_nocase(counter, "commit limit")) {
        return UNIT_BYTES;
    }
    return contains_nocase(name, "handle count") || contains_nocase(name, "handles") ? UNIT_HANDLES
                                                                                     : UNIT_OTHER;
}

/* The length of the UTF-8 character at p, or 0 when there is none. */
static size_t utf8_length(const unsigned char *p)
{
    const size_t length = p[0] < 0x80   ? 1
                          : p[0] < 0xC2 ? 0
                          : p[0] < 0xE0 ? 2
                          : p[0] < 0xF0 ? 3
                          : p[0] < 0xF5 ? 4
                                        : 0;
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0U) != 0x80U) {
            return 0;
        }
    }
    const bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    const bool outside = (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F);
    return length > 1 && (overlong || outside) ? 0 : length;
}

/* A heap copy in UTF-8: as it is when it is that, else read as Latin-1. NULL without memory. */
static char *copy_name(const char *name, size_t column)
{
    struct buffer copy = {0};
    bool is_utf8 = true;
    for (const unsigned char *p = (const unsigned char *)name; is_utf8 && *p != '\0';) {
        const size_t length = utf8_length(p);
        is_utf8 = length > 0;
        p += length;
    }
    if (name[0] == '\0') {
        buffer_add(&copy, "(column %u)", (unsigned)column + 2);
    }
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0'; p++) {
        if (is_utf8 || *p < 0x80) {
            buffer_add_bytes(&copy, (const char *)p, 1);
        } else {
            const char two[] = {(char)(0xC0 | *p >> 6), (char)(0x80 | (*p & 0x3F))};
            buffer_add_bytes(&copy, two, sizeof(two));
        }
    }
    return buffer_take(&copy);
}

/* The bias in "(PDH-CSV 4.0) (W. Europe Standard Time)(-60)"; typeperf writes none. */
static int64_t parse_bias_ms(const char *header)
{
    const char *open = strrchr(header, '(');
    char *end;
    const long minutes = open != NULL ? strtol(open + 1, &end, 10) : 0;
    const bool good = open != NULL && end != open + 1 && *end == ')' && minutes >= -1440 && minutes <= 1440;
    return good ? minutes * MS_PER_MINUTE : 0;
}

/* What the file is when it is no text at all. */
static const char *foreign_format(const unsigned char *bytes, size_t count)
{
    if (count >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF) ||
                       bytes[0] == 0 || bytes[1] == 0)) {
        return "the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI";
    }
    if (count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        return "the file is compressed with gzip: unpack it first";
    }
    if (count >= 4 && memcmp(bytes, "PK\3\4", 4) == 0) {
        return "the file is a workbook or an archive: save it as CSV";
    }
    return NULL;
}

static enum status read_header(struct perfmon *reader, struct err *err)
{
    enum status status = refill(reader, err);
    if (status != STATUS_OK) {
        return status;
    }
    const char *foreign = foreign_format((const unsigned char *)reader->buffer, reader->end);
    if (foreign != NULL) {
        reader->line = 1;
        return malformed(reader, err, "%s", foreign);
    }
    if (reader->end >= 3 && memcmp(reader->buffer, "\xEF\xBB\xBF", 3) == 0) {
        reader->begin = 3;
    }
    char *line;
    status = next_line(reader, &line, err);
    if (status == STATUS_NOT_FOUND) {
        reader->line = 1;
        return malformed(reader, err, "the file is empty");
    }
    if (status != STATUS_OK) {
        return status;
    }
    size_t columns = 0; /* an upper bound: commas within quotes count too */
    for (const char *q = line; *q != '\n'; q++) {
        columns += *q == ',';
    }
    const char *complaint = NULL;
    char *p;
    char *name = take_field(line, &p, &complaint);
    if (name == NULL) {
        return malformed(reader, err, "%s", complaint);
    }
    reader->is_pdh = strncmp(name, "(PDH-CSV", 8) == 0;
    if (!reader->is_pdh && !text_equal_nocase(name, "timestamp")) {
        for (char *c = name; *c != '\0'; c++) { /* it may be anything, and goes to a console */
            *c = *c < ' ' || *c > '~' ? '?' : *c;
        }
        return malformed(
            reader, err,
            "the first column is \"%.60s\"; it must be \"timestamp\" or \"(PDH-CSV 4.0) ...\", columns "
            "parted by commas (a binary log becomes CSV with: relog LOG.blg -f csv -o LOG.csv)",
            name);
    }
    reader->bias_ms = reader->is_pdh ? parse_bias_ms(name) : 0;
    if (p == NULL || columns == 0) {
        return malformed(reader, err, "there is no column beside the time");
    }
    if (columns > PERFMON_COLUMNS_MAX) {
        return malformed(reader, err, "there are more than %d columns", PERFMON_COLUMNS_MAX);
    }
    reader->columns = calloc(columns, sizeof(*reader->columns));
    reader->values = calloc(columns, sizeof(*reader->values));
    if (reader->columns == NULL || reader->values == NULL) {
        return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
    }
    while (p != NULL) {
        name = take_field(p, &p, &complaint);
        if (name == NULL) {
            return malformed(reader, err, "%s", complaint);
        }
        struct perfmon_column *column = &reader->columns[reader->column_count];
        column->name = copy_name(name, reader->column_count);
        if (column->name == NULL) {
            return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
        }
        column->unit = perfmon_unit(column->name);
        reader->column_count++;
    }
    return STATUS_OK;
}

/* ---- the reader ---- */

enum status perfmon_open(const char *path, struct perfmon **out_reader, struct err *err)
{
    enum status status = STATUS_NO_MEMORY;
    struct perfmon *reader = calloc(1, sizeof(*reader));
    if (reader == NULL) {
        return err_set(err, status, "open", 0, "%s: out of memory", path);
    }
    reader->last_ms = INT64_MIN;
    reader->path = malloc(strlen(path) + 1);
    if (reader->path == NULL) {
        err_set(err, status, "open", 0, "%s: out of memory", path);
        goto done;
    }
    memcpy(reader->path, path, strlen(path) + 1);
    reader->file = fopen(path, "rb");
    if (reader->file == NULL) {
        const int code = errno;
        status = err_set(err,
                         code == ENOENT   ? STATUS_NOT_FOUND
                         : code == EACCES ? STATUS_DENIED
                                          : STATUS_IO,
                         "open", (uint32_t)code, "%s: cannot be opened: %s", path, strerror(code));
        goto done;
    }
    (void)setvbuf(reader->file, NULL, _IONBF, 0); /* the blocks are large already */
    status = read_header(reader, err);
done:
    if (status != STATUS_OK) {
        perfmon_close(reader);
        return status;
    }
    *out_reader = reader;
    return STATUS_OK;
}

void perfmon_close(struct perfmon *reader)
{
    if (reader == NULL) {
        return;
    }
    for (size_t i = 0; i < reader->column_count; i++) {
        free(reader->columns[i].name);
    }
    free(reader->columns);
    free(reader->values);
    free(reader->buffer);
    free(reader->path);
    if (reader->file != NULL) {
        fclose(reader->file);
    }
    free(reader);
}

size_t perfmon_column_count(const struct perfmon *reader)
{
    return reader->column_count;
}

const struct perfmon_column *perfmon_column_get(const struct perfmon *reader, size_t index)
{
    return &reader->columns[index];
}

uint64_t perfmon_skipped_count(const struct perfmon *reader)
{
    return reader->skipped_count;
}

uint64_t perfmon_unfinished_line(const struct perfmon *reader)
{
    return reader->unfinished_line;
}

/* The usual form of a value - [-]digits[.digits], quoted or not - followed by a comma or the end of the line.
 * Returns the byte after the value and its quote, or NULL when it has any other form. */
static inline char *read_plain_value(char *p, double *out_value)
{
    static const double powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const bool quoted = *p == '"';
    p += quoted;
    const bool negative = *p == '-';
    p += negative;
    const char *digits = p;
    uint64_t mantissa = 0;
    for (; is_digit(*p); p++) {
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    }
    ptrdiff_t count = p - digits;
    ptrdiff_t decimals = 0;
    if (*p == '.') {
        digits = ++p;
        for (; is_digit(*p); p++) {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        }
        decimals = p - digits;
        count += decimals;
    }
    if (count == 0 || count > MANTISSA_DIGITS_MAX || mantissa > EXACT_MANTISSA_MAX || (quoted && *p != '"')) {
        return NULL;
    }
    p += quoted;
    if (*p != ',' && *p != '\n') {
        return NULL;
    }
    const double value = (double)mantissa / powers[decimals];
    *out_value = negative ? -value : value;
    return p;
}

/* Is this row, of which a part is missing, the last one of a log that is still being written? */
static bool is_unfinished(struct perfmon *reader)
{
    if (!reader->is_cut_short || reader->last_ms == INT64_MIN) {
        return false;
    }
    reader->unfinished_line = reader->line;
    return true;
}

/* NOT_FOUND: the row is not finished yet. */
static enum status read_values(struct perfmon *reader, char *p, struct err *err)
{
    size_t count = 0;
    while (p != NULL && count < reader->column_count) {
        char *after = read_plain_value(p, &reader->values[count]);
        if (after != NULL) {
            p = *after == ',' ? after + 1 : NULL;
        } else {
            const char *complaint = NULL;
            char *field = take_field(p, &p, &complaint);
            if (field == NULL) {
                return complaint == not_closed && is_unfinished(reader)
                           ? STATUS_NOT_FOUND
                           : malformed(reader, err, "%s", complaint);
            }
            const enum status status = read_value(reader, count, field, &reader->values[count], err);
            if (status != STATUS_OK) {
                return status;
            }
        }
        count++;
    }
    if (count < reader->column_count && is_unfinished(reader)) {
        return STATUS_NOT_FOUND;
    }
    if (count < reader->column_count) {
        return malformed(reader, err, "the row has %u values, the header has %u columns%s", (unsigned)count,
                         (unsigned)reader->column_count,
                         reader->is_cut_short ? "; was the recording cut off?" : "");
    }
    return p == NULL ? STATUS_OK
                     : malformed(reader, err, "the row has more values than the header has columns (%u)",
                                 (unsigned)reader->column_count);
}

/* Decides what a row that is not later than the one before means: the hour that autumn repeats, a clock that
 * was set back a little, or a mistake. */
static enum status place_in_time(struct perfmon *reader, int64_t *utc_ms, bool *out_skip, struct err *err)
{
    const int64_t back_ms = reader->last_ms == INT64_MIN ? -1 : reader->last_ms - *utc_ms;
    *out_skip = false;
    if (back_ms > FALL_BACK_MS) {
        char storage[80];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration(&text, back_ms);
        return malformed(
            reader, err,
            "the time is %s before that of the row above: were several logs joined in the wrong order?",
            storage);
    }
    if (reader->is_pdh && back_ms > FALL_BACK_MS / 2 && back_ms < FALL_BACK_MS) {
        reader->bias_ms += FALL_BACK_MS;
        *utc_ms += FALL_BACK_MS;
    } else if (back_ms >= 0) {
        *out_skip = true;
        reader->skipped_count++;
        return STATUS_OK;
    }
    reader->last_ms = *utc_ms;
    return STATUS_OK;
}

/* A counter that could not be read is logged as -1 by some recorders. Bytes and handles are never negative.
 */
static void forget_impossible(struct perfmon *reader)
{
    for (size_t i = 0; i < reader->column_count; i++) {
        if (reader->values[i] < 0 && reader->columns[i].unit != UNIT_OTHER) {
            reader->values[i] = READING_UNKNOWN;
        }
    }
}

enum status perfmon_next(struct perfmon *reader, int64_t *out_utc_ms, const double **out_values,
                         struct err *err)
{
    bool skip = true;
    int64_t utc_ms = 0;
    while (skip) {
        char *line;
        enum status status = next_line(reader, &line, err);
        if (status != STATUS_OK) {
            return status;
        }
        const char *complaint = NULL;
        char *p;
        char *time = take_field(line, &p, &complaint);
        if ((time == NULL ? complaint == not_closed : p == NULL) && is_unfinished(reader)) {
            return STATUS_NOT_FOUND;
        }
        if (time == NULL) {
            return malformed(reader, err, "%s", complaint);
        }
        status = read_time(reader, time, &utc_ms, err);
        if (status == STATUS_OK) {
            status = read_values(reader, p, err);
        }
        if (status == STATUS_OK) {
            status = place_in_time(reader, &utc_ms, &skip, err);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    forget_impossible(reader);
    *out_utc_ms = utc_ms;
    *out_values = reader->values;
    return STATUS_OK;
}

/* perfmon.c - recorded counters, read as a stream.
 *
 * Speed matters here: a month of a hundred counters is half a gigabyte. So the file is read in large blocks,
 * a line is found with memchr and parsed where it lies, and a value in the usual form - digits, a point,
 * digits - is converted by one division: a mantissa of at most 2^53 and a power of ten of at most 10^22 are
 * both exact doubles, so their quotient is the correctly rounded value (Clinger, "How to read floating point
 * numbers accurately", PLDI 1990, section 3). Whatever looks different goes the slow way, which also knows
 * how to complain (perfmon_fields.c). */
#include "perfmon_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MANTISSA_MAX (UINT64_C(1) << 53)
#define EXACT_POWER_MAX 22
#define NIGHT_HOURS 4          /* from midnight: when clocks are set back */
#define MANTISSA_DIGITS_MAX 19 /* what always fits 64 bits */
#define PDH_HEADING "(PDH-CSV"
#define PLAIN_HEADING "timestamp"
#define BINARY_LOG_HINT "a binary log becomes CSV with: relog LOG.blg -f csv -o LOG.csv"

/* ---- header ---- */

/* Where the word first stands, without case; NULL: nowhere. */
static const char *find_nocase(const char *text, const char *word)
{
    while (*text != '\0' && !text_begins_nocase(text, word))
        text++;
    return *text != '\0' ? text : NULL;
}

static bool contains_nocase(const char *text, const char *word)
{
    return find_nocase(text, word) != NULL;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The short ones as words only: "(MB)", "_gib", but not the "mb" in "number". */
static bool names_a_multiple(const char *counter)
{
    static const char *const parts[] = {"kbytes", "mbytes", "gbytes", "kilobytes", "megabytes", "gigabytes"};
    static const char *const words[] = {"kb", "mb", "gb", "kib", "mib", "gib"};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        if (contains_nocase(counter, parts[i]))
            return true;
    for (const char *word = counter; *word != '\0'; word++) {
        const bool begins = is_letter(word[0]) && (word == counter || !is_letter(word[-1]));
        for (size_t i = 0; begins && i < ARRAY_COUNT(words); i++)
            if (text_begins_nocase(word, words[i]) && !is_letter(word[strlen(words[i])]))
                return true;
    }
    return false;
}

enum unit perfmon_unit(const char *name)
{
    const char *slash = strrchr(name, '\\');
    const char *counter = slash != NULL ? slash + 1 : name;
    if (counter[0] == '%' || names_a_multiple(counter))
        return UNIT_OTHER;
    if (contains_nocase(counter, "bytes") || contains_nocase(counter, "working set") ||
        contains_nocase(counter, "commit limit"))
        return UNIT_BYTES;
    return contains_nocase(counter, "handle count") || contains_nocase(counter, "handles") ? UNIT_HANDLES
                                                                                           : UNIT_OTHER;
}

bool perfmon_split_process(const char *name, struct perfmon_process *out_process)
{
    static const char object[] = "Process(";
    const char *found = find_nocase(name, object);
    const char *instance = found != NULL ? found + strlen(object) : "";
    const char *end = strstr(instance, ")\\");
    if (end == NULL || end == instance)
        return false;
    *out_process = (struct perfmon_process){
        .instance = instance, .instance_length = (size_t)(end - instance), .counter = end + 2};
    return true;
}

size_t perfmon_base_length(const char *instance, size_t length)
{
    size_t after_hash = length;
    while (after_hash > 0 && instance[after_hash - 1] != '#')
        after_hash--;
    return after_hash > 0 ? after_hash - 1 : length;
}

/* The bias in "(PDH-CSV 4.0) (W. Europe Standard Time)(-60)". False when there is none: typeperf writes none. */
static bool parse_bias(const char *header, int64_t *out_ms)
{
    const char *open = strrchr(header, '(');
    char *end;
    const long minutes = open != NULL ? strtol(open + 1, &end, 10) : 0;
    const bool good = open != NULL && end != open + 1 && *end == ')' && minutes >= -1440 && minutes <= 1440;
    *out_ms = good ? minutes * MS_PER_MINUTE : 0;
    return good;
}

/* From the heading of the time. */
static void take_zone(struct perfmon *reader, const char *heading)
{
    reader->bias_ms = 0;
    if (reader->is_pdh && !parse_bias(heading, &reader->bias_ms))
        reader->lacks_zone = true;
}

static bool is_ascii_text(unsigned char byte)
{
    return (byte >= ' ' && byte <= '~') || byte == '\r' || byte == '\n' || byte == '\t';
}

/* With its mark, or the first two characters are ASCII, the low byte of each before or after its high one. */
static bool is_utf16(const unsigned char *bytes, size_t count)
{
    if (count >= 2 && ((bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF)))
        return true;
    for (size_t low = 0; low < 2; low++) {
        const size_t high = 1 - low;
        if (count >= 4 && bytes[high] == 0 && bytes[2 + high] == 0 && is_ascii_text(bytes[low]) &&
            is_ascii_text(bytes[2 + low]))
            return true;
    }
    return false;
}

/* What the file is when it is no text at all. */
static const char *foreign_format(const unsigned char *bytes, size_t count)
{
    if (is_utf16(bytes, count))
        return "the file is UTF-16 (\"Unicode\"): save it as UTF-8 or ANSI";
    if (count >= 2 && (bytes[0] == 0 || bytes[1] == 0)) /* a .blg begins with the size of its buffers */
        return "the file is binary (" BINARY_LOG_HINT ")";
    if (count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return "the file is compressed with gzip: unpack it first";
    if (count >= 4 && memcmp(bytes, "PK\3\4", 4) == 0)
        return "the file is a workbook or an archive: save it as CSV";
    return NULL;
}

/* Excel's "CSV (Macintosh)" ends its lines in CR alone. One at the end of what is there may have its LF behind. */
static char line_end_of(const char *bytes, size_t count)
{
    const char *cr = memchr(bytes, '\r', count);
    return cr != NULL && cr + 1 < bytes + count && memchr(bytes, '\n', count) == NULL ? '\r' : '\n';
}

/* A file in UTF-8 may begin with a mark; joined to another, that stands before its header. */
static size_t mark_length(const char *text, size_t length)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const size_t bytes = sizeof(mark) - 1;
    return length >= bytes && memcmp(text, mark, bytes) == 0 ? bytes : 0;
}

static enum status refuse_heading(const struct perfmon *reader, char *name, struct err *err)
{
    for (char *c = name; *c != '\0'; c++) /* it may be anything, and goes to a console */
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    return perfmon_malformed(
        reader, err,
        "the first column is \"%.60s\"; it must be \"timestamp\" or \"(PDH-CSV 4.0) ...\", columns "
        "parted by commas (" BINARY_LOG_HINT ")",
        name);
}

/* What follows the heading of the time. There is room for all of them. */
static enum status take_columns(struct perfmon *reader, char *p, struct err *err)
{
    while (p != NULL) {
        const char *complaint = NULL;
        const char *name = perfmon_take_field(p, &p, &complaint);
        if (name == NULL)
            return perfmon_malformed(reader, err, "%s", complaint);
        struct perfmon_column *column = &reader->columns[reader->column_count];
        column->name = perfmon_copy_name(name, reader->column_count);
        if (column->name == NULL)
            return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
        struct perfmon_process process;
        column->unit = perfmon_unit(column->name);
        column->of_process = perfmon_split_process(column->name, &process);
        reader->column_count++;
    }
    return STATUS_OK;
}

static enum status take_header(struct perfmon *reader, char *line, struct err *err)
{
    reader->is_history = perfmon_history_is_header(line);
    size_t columns = 0; /* an upper bound: commas within quotes count too */
    for (const char *q = line; *q != '\n'; q++)
        columns += *q == ',';
    const char *complaint = NULL;
    char *p;
    char *name = perfmon_take_field(line, &p, &complaint);
    if (name == NULL)
        return perfmon_malformed(reader, err, "%s", complaint);
    reader->is_pdh = strncmp(name, PDH_HEADING, sizeof(PDH_HEADING) - 1) == 0;
    if (!reader->is_pdh && !text_equal_nocase(name, PLAIN_HEADING))
        return refuse_heading(reader, name, err);
    take_zone(reader, name);
    if (p == NULL || columns == 0) {
        return perfmon_malformed(reader, err,
                                 "there is no column beside the time; columns must be parted by commas");
    }
    if (columns > PERFMON_COLUMNS_MAX)
        return perfmon_malformed(reader, err, "there are more than %d columns", PERFMON_COLUMNS_MAX);
    reader->columns = calloc(columns, sizeof(*reader->columns));
    reader->values = calloc(columns, sizeof(*reader->values));
    if (reader->columns == NULL || reader->values == NULL)
        return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
    return reader->is_history ? perfmon_history_begin(reader, err) : take_columns(reader, p, err);
}

static enum status read_header(struct perfmon *reader, struct err *err)
{
    enum status status = perfmon_refill(reader, err);
    if (status != STATUS_OK)
        return status;
    const char *foreign = foreign_format((const unsigned char *)reader->buffer, reader->end);
    if (foreign != NULL) {
        reader->line = 1;
        return perfmon_malformed(reader, err, "%s", foreign);
    }
    reader->begin = mark_length(reader->buffer, reader->end);
    reader->line_end = line_end_of(reader->buffer, reader->end);
    char *line;
    status = perfmon_next_line(reader, &line, err);
    if (status == STATUS_NOT_FOUND) {
        reader->line = 1;
        return perfmon_malformed(reader, err, "the file is empty");
    }
    return status == STATUS_OK ? take_header(reader, line, err) : status;
}

/* ---- the reader ---- */

enum status perfmon_open(const char *path, struct perfmon **out_reader, struct err *err)
{
    enum status status = STATUS_NO_MEMORY;
    struct perfmon *reader = calloc(1, sizeof(*reader));
    if (reader == NULL)
        return err_set(err, status, "open", 0, "%s: out of memory", path);
    reader->last_ms = INT64_MIN;
    reader->path = malloc(strlen(path) + 1);
    if (reader->path == NULL) {
        err_set(err, status, "open", 0, "%s: out of memory", path);
        goto done;
    }
    memcpy(reader->path, path, strlen(path) + 1);
    reader->file = fopen(path, "rb");
    if (reader->file == NULL) {
        status = err_set_open(err, path, errno);
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
    if (reader == NULL)
        return;
    for (size_t i = 0; i < reader->column_count; i++)
        free(reader->columns[i].name);
    free(reader->columns);
    free(reader->values);
    free(reader->buffer);
    free(reader->path);
    if (reader->file != NULL)
        fclose(reader->file);
    free(reader);
}

bool perfmon_is_rereadable(const struct perfmon *reader)
{
    return fseek(reader->file, 0, SEEK_CUR) == 0;
}

size_t perfmon_column_count(const struct perfmon *reader)
{
    return reader->column_count;
}

const struct perfmon_column *perfmon_column_get(const struct perfmon *reader, size_t index)
{
    return &reader->columns[index];
}

bool perfmon_local_ahead(const struct perfmon *reader, int64_t *out_ms)
{
    if (reader->is_pdh)
        *out_ms = -reader->bias_ms;
    return reader->is_pdh;
}

bool perfmon_lacks_zone(const struct perfmon *reader)
{
    return reader->lacks_zone;
}

uint64_t perfmon_skipped_count(const struct perfmon *reader)
{
    return reader->skipped_count;
}

const char *perfmon_words_after(const struct perfmon *reader, uint64_t *out_line)
{
    *out_line = reader->words_line;
    return reader->words_line > 0 ? reader->words : NULL;
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
    for (; perfmon_is_digit(*p); p++)
        mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    ptrdiff_t count = p - digits;
    ptrdiff_t decimals = 0;
    if (*p == '.') {
        digits = ++p;
        for (; perfmon_is_digit(*p); p++)
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        decimals = p - digits;
        count += decimals;
    }
    if (count == 0 || count > MANTISSA_DIGITS_MAX || mantissa > EXACT_MANTISSA_MAX || (quoted && *p != '"'))
        return NULL;
    p += quoted;
    if (*p != ',' && *p != '\n')
        return NULL;
    const double value = (double)mantissa / powers[decimals];
    *out_value = negative ? -value : value;
    return p;
}

/* NOT_FOUND: the row is not finished yet. */
static enum status read_values(struct perfmon *reader, char *p, struct err *err)
{
    size_t count = 0;
    while (p != NULL && count < reader->column_count) {
        char *after = read_plain_value(p, &reader->values[count]);
        if (after != NULL) {
            p = *after == ',' ? after + 1 : NULL;
            count++;
            continue;
        }
        const bool quoted = *p == '"';
        const char *complaint = NULL;
        char *field = perfmon_take_field(p, &p, &complaint);
        if (field == NULL) {
            return complaint == perfmon_not_closed && perfmon_is_unfinished(reader)
                       ? STATUS_NOT_FOUND
                       : perfmon_malformed(reader, err, "%s", complaint);
        }
        if ((reader->columns[count].unit != UNIT_OTHER && perfmon_may_be_grouped(field)) ||
            !perfmon_parse_value(reader, field, &reader->values[count])) {
            return !quoted && p == NULL && perfmon_is_unfinished(reader)
                       ? STATUS_NOT_FOUND
                       : perfmon_not_a_number(reader, count, reader->columns[count].name, field, err);
        }
        count++;
    }
    if (count < reader->column_count && perfmon_is_unfinished(reader))
        return STATUS_NOT_FOUND;
    if (count < reader->column_count) {
        return perfmon_malformed(reader, err, "the row has %u values, the header has %u columns",
                                 (unsigned)count, (unsigned)reader->column_count);
    }
    return p == NULL
               ? STATUS_OK
               : perfmon_malformed(reader, err, "the row has more values than the header has columns (%u)",
                                   (unsigned)reader->column_count);
}

static bool is_time_heading(const struct perfmon *reader, const char *field)
{
    return reader->is_pdh ? strncmp(field, PDH_HEADING, sizeof(PDH_HEADING) - 1) == 0
                          : text_equal_nocase(field, PLAIN_HEADING);
}

/* The header of a log that was joined to the one before: with the same columns it goes on, in the local time
 * that this header tells. `p` is after the heading of the time. */
static enum status take_header_again(struct perfmon *reader, const char *heading, char *p, struct err *err)
{
    size_t count = 0;
    bool same = true;
    const char *complaint = NULL;
    while (same && p != NULL) {
        const char *field = perfmon_take_field(p, &p, &complaint);
        char *name = field != NULL ? perfmon_copy_name(field, count) : NULL;
        if (field != NULL && name == NULL)
            return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
        same = name != NULL && count < reader->column_count && strcmp(name, reader->columns[count].name) == 0;
        free(name);
        count++;
    }
    if (!same || count < reader->column_count) {
        return perfmon_is_unfinished(reader)
                   ? STATUS_NOT_FOUND
                   : perfmon_malformed(reader, err,
                                       "a header again, with other columns than the first: put each log "
                                       "into a file of its own");
    }
    take_zone(reader, heading);
    return STATUS_OK;
}

/* Words, where a row or a header should stand? Remembers the first since the latest row. */
static bool takes_words(struct perfmon *reader, char *line)
{
    const unsigned char first = (unsigned char)*line | 0x20U; /* lower case, of an ASCII letter */
    if (!reader->is_pdh || !((first >= 'a' && first <= 'z') || first >= 0x80U))
        return false;
    if (!reader->is_after_words) {
        size_t length = strcspn(line, "\n");
        while (length > 0 && line[length - 1] == ' ')
            length--;
        line[length] = '\0';
        struct text words = text_on(reader->words, sizeof(reader->words));
        text_add_clean(&words, line);
        text_tell_cut(&words);
        reader->words_line = reader->line;
        reader->is_after_words = true;
    }
    return true;
}

/* NOT_FOUND at the end, and for a last row that is not finished yet. */
static enum status read_row(struct perfmon *reader, int64_t *out_utc_ms, struct err *err)
{
    for (;;) {
        char *line, *p;
        enum status status = perfmon_next_line(reader, &line, err);
        if (status != STATUS_OK)
            return status;
        line += mark_length(line, reader->end - (size_t)(line - reader->buffer));
        if (line[strspn(line, ",")] == '\n') /* a spreadsheet's empty row has its commas */
            continue;
        if (takes_words(reader, line))
            continue;
        const char *complaint = NULL;
        char *time = perfmon_take_field(line, &p, &complaint);
        const bool is_heading = time != NULL && is_time_heading(reader, time);
        if (reader->is_after_words && !is_heading) { /* they ended no log */
            reader->line = reader->words_line;
            return perfmon_read_time(reader, reader->words, out_utc_ms, err);
        }
        if ((time == NULL ? complaint == perfmon_not_closed : p == NULL) && perfmon_is_unfinished(reader))
            return STATUS_NOT_FOUND;
        if (time == NULL)
            return perfmon_malformed(reader, err, "%s", complaint);
        if (is_heading) {
            status = take_header_again(reader, time, p, err);
            if (status != STATUS_OK)
                return status;
            reader->is_after_words = false;
            continue;
        }
        status = perfmon_read_time(reader, time, out_utc_ms, err);
        return status == STATUS_OK ? read_values(reader, p, err) : status;
    }
}

/* Does the local clock show an hour for the second time? It does when the row lies 30 to 60 minutes before the
 * one above; less when rows are so far apart, and then only at night, when clocks are set back. Rows that are
 * further apart than an hour never go back: there the hour is lost. */
static bool is_repeated_hour(const struct perfmon *reader, int64_t utc_ms, int64_t back_ms)
{
    if (!reader->is_pdh || back_ms < 0 || back_ms >= PERFMON_FALL_BACK_MS)
        return false;
    if (back_ms > PERFMON_FALL_BACK_MS / 2)
        return true;
    const int64_t local_ms = (utc_ms - reader->bias_ms) % MS_PER_DAY;
    const int64_t hour = (local_ms + MS_PER_DAY) % MS_PER_DAY / MS_PER_HOUR;
    const int64_t off_ms = PERFMON_FALL_BACK_MS - back_ms - reader->apart_ms;
    return hour < NIGHT_HOURS && off_ms <= reader->apart_ms / 4 && off_ms >= -reader->apart_ms / 4;
}

/* Decides what a row that is not later than the one before means: the hour that autumn repeats, a clock that
 * was set back a little, or a mistake. */
static enum status place_in_time(struct perfmon *reader, int64_t *utc_ms, bool *out_skip, struct err *err)
{
    const int64_t back_ms = reader->last_ms == INT64_MIN ? -1 : reader->last_ms - *utc_ms;
    *out_skip = false;
    if (back_ms > PERFMON_FALL_BACK_MS) {
        char storage[80];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration(&text, back_ms);
        return perfmon_malformed(
            reader, err,
            "the time is %s before that of the row above: were several logs joined in the wrong order?",
            storage);
    }
    if (is_repeated_hour(reader, *utc_ms, back_ms)) {
        reader->bias_ms += PERFMON_FALL_BACK_MS;
        *utc_ms += PERFMON_FALL_BACK_MS;
    } else if (back_ms >= 0) {
        *out_skip = true;
        reader->skipped_count++;
        return STATUS_OK;
    }
    if (reader->last_ms != INT64_MIN)
        reader->apart_ms = *utc_ms - reader->last_ms;
    reader->last_ms = *utc_ms;
    return STATUS_OK;
}

/* A counter that could not be read is logged as -1 by some recorders. Bytes and handles are never negative.
 */
static void forget_impossible(struct perfmon *reader)
{
    for (size_t i = 0; i < reader->column_count; i++)
        if (reader->values[i] < 0 && reader->columns[i].unit != UNIT_OTHER)
            reader->values[i] = READING_UNKNOWN;
}

enum status perfmon_next(struct perfmon *reader, int64_t *out_utc_ms, const double **out_values,
                         struct err *err)
{
    bool skip = true;
    int64_t utc_ms = 0;
    while (skip) {
        enum status status =
            reader->is_history ? perfmon_history_next(reader, &utc_ms, err) : read_row(reader, &utc_ms, err);
        if (status == STATUS_OK)
            status = place_in_time(reader, &utc_ms, &skip, err);
        if (status != STATUS_OK)
            return status;
    }
    forget_impossible(reader);
    *out_utc_ms = utc_ms;
    *out_values = reader->values;
    return STATUS_OK;
}

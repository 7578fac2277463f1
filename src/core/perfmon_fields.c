/* perfmon_fields.c - lines, fields, values, times and names of a counter log. */
#include "perfmon_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define READ_BYTES ((size_t)256 * 1024)
#define FIELD_MAX 64       /* bytes with NUL of a value or a time; longer ones are neither */
#define NAME_MAX_SHOWN 101 /* likewise of a column's name in a message */
#define END_OF_TEXT '\x1A' /* `copy a.csv+b.csv all.csv` puts one at the end of what it makes */
#define VALUE_MAX 1e100  /* more is no reading of anything; sums and slopes of what is less never overflow */
#define VALUE_MIN 1e-100 /* and what is less than this is none */
#define UNIX_SECONDS_MAX 1e11 /* the year 5138; more are milliseconds by mistake */

/* ---- lines ---- */

enum status perfmon_malformed(const struct perfmon *reader, struct err *err, const char *format, ...)
{
    char storage[ERR_TEXT_MAX];
    struct text text = text_on(storage, sizeof(storage));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
    return err_set(err, STATUS_INVALID, "read", 0, "%s:%" PRIu64 ": %s", reader->path, reader->line, storage);
}

enum status perfmon_refill(struct perfmon *reader, struct err *err)
{
    const size_t rest = reader->end - reader->begin;
    if (rest > 0)
        memmove(reader->buffer, reader->buffer + reader->begin, rest);
    reader->begin = 0;
    reader->end = rest;
    if (reader->capacity - rest < READ_BYTES) {
        if (rest >= PERFMON_LINE_MAX) {
            reader->line++;
            return perfmon_malformed(reader, err, "the line is longer than %d MiB: is this a CSV file?",
                                     PERFMON_LINE_MAX / (1024 * 1024));
        }
        const size_t capacity = rest * 2 + READ_BYTES;
        char *buffer = realloc(reader->buffer, capacity + 1);
        if (buffer == NULL)
            return err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", reader->path);
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

enum status perfmon_next_line(struct perfmon *reader, char **out_line, struct err *err)
{
    size_t searched = 0;
    for (;;) {
        char *line = reader->buffer + reader->begin;
        const size_t there = reader->end - reader->begin;
        char *newline = there > searched ? memchr(line + searched, reader->line_end, there - searched) : NULL;
        if (newline == NULL && !reader->at_end) {
            searched = there;
            const enum status status = perfmon_refill(reader, err);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        if (newline == NULL) {
            size_t left = there;
            while (left > 0 && line[left - 1] == '\0') /* what a machine that went down leaves of a log */
                left--;
            if (left < there)
                reader->unfinished_line = reader->line + 1;
            while (left > 0 && line[left - 1] == END_OF_TEXT)
                left--;
            reader->end -= there - left;
            if (left == 0)
                return STATUS_NOT_FOUND;
            reader->is_cut_short = true;
            newline = line + left;
            reader->end++; /* into the spare byte: `begin` may not pass `end` */
        }
        *newline = '\n';
        reader->begin = (size_t)(newline - reader->buffer) + 1;
        reader->line++;
        searched = 0;
        for (char *end = newline; end > line && end[-1] == '\r'; end--)
            end[-1] = '\n';
        if (*line != '\n') {
            *out_line = line;
            return STATUS_OK;
        }
    }
}

bool perfmon_is_unfinished(struct perfmon *reader)
{
    if (reader->is_cut_short)
        reader->unfinished_line = reader->line;
    return reader->is_cut_short;
}

/* ---- fields ---- */

const char perfmon_not_closed[] = "a quote is not closed before the end of the line";

char *perfmon_take_field(char *p, char **out_next, const char **out_complaint)
{
    static const char nul[] = "a NUL byte: this is not a text file";
    char *begin = p;
    char *write = p;
    if (*p == '"') {
        begin = write = ++p;
        for (;; p++) {
            if (*p == '\n' || *p == '\0') {
                *out_complaint = *p == '\0' ? nul : perfmon_not_closed;
                return NULL;
            }
            if (*p == '"' && *++p != '"')
                break;
            *write++ = *p;
        }
        while (*p == ' ')
            p++;
        if (*p != ',' && *p != '\n') {
            *out_complaint =
                *p == ';'    ? "a closing quote is followed by a semicolon; columns must be parted by commas"
                : *p == '\t' ? "a closing quote is followed by a tab; columns must be parted by commas"
                             : "a closing quote is followed by something else than a comma";
            return NULL;
        }
    } else {
        while (*p != ',' && *p != '\n' && *p != '\0')
            p++;
        if (*p == '\0') {
            *out_complaint = nul;
            return NULL;
        }
        write = p;
    }
    *out_next = *p == ',' ? p + 1 : NULL;
    while (write > begin && write[-1] == ' ')
        write--;
    *write = '\0';
    return begin + strspn(begin, " ");
}

/* Is it a decimal number, all of it? A decimal comma is made a point when that is allowed. */
static bool is_number(char *text, bool comma_allowed)
{
    char *p = text + (*text == '-' || *text == '+');
    char *point = NULL;
    size_t digits = 0;
    for (; perfmon_is_digit(*p); p++)
        digits++;
    if (*p == '.' || (*p == ',' && comma_allowed)) {
        point = p++;
        for (; perfmon_is_digit(*p); p++)
            digits++;
    }
    if (digits > 0 && (*p == 'e' || *p == 'E')) {
        p += 1 + (p[1] == '-' || p[1] == '+');
        if (!perfmon_is_digit(*p))
            return false;
        while (perfmon_is_digit(*p))
            p++;
    }
    if (digits == 0 || *p != '\0')
        return false;
    if (point != NULL)
        *point = '.';
    return true;
}

static bool is_missing(const char *text)
{
    const char *plain = text + (*text == '-');
    return *text == '\0' || text_equal_nocase(plain, "nan") || strncmp(plain, "1.#", 3) == 0;
}

bool perfmon_parse_value(const struct perfmon *reader, char *text, double *out_value)
{
    if (is_missing(text)) {
        *out_value = READING_UNKNOWN;
        return true;
    }
    const bool is_decimal = strlen(text) < FIELD_MAX && is_number(text, reader->is_pdh);
    const double value = is_decimal ? strtod(text, NULL) : NAN;
    const bool good = fabs(value) <= VALUE_MAX;
    if (good)
        *out_value = fabs(value) < VALUE_MIN ? 0.0 : value;
    return good;
}

bool perfmon_may_be_grouped(const char *text)
{
    static const char digits[] = "0123456789";
    const char *p = text + (*text == '-');
    const size_t whole = strspn(p, digits);
    return whole >= 1 && whole <= 3 && *p != '0' && p[whole] == ',' && strspn(p + whole + 1, digits) == 3 &&
           p[whole + 4] == '\0';
}

/* A field as a message may quote it: what is in a log may be anything, and goes to a console. */
static const char *quotable(const char *field, char *storage, size_t capacity)
{
    struct text text = text_on(storage, capacity);
    text_add_clean(&text, field);
    text_tell_cut(&text);
    return storage;
}

enum status perfmon_not_a_number(const struct perfmon *reader, size_t column, const char *name,
                                 const char *text, struct err *err)
{
    char storage[FIELD_MAX], name_storage[NAME_MAX_SHOWN];
    return perfmon_malformed(
        reader, err, "column %u (\"%s\"): \"%s\" is not a number%s", (unsigned)column + 2,
        quotable(name, name_storage, sizeof(name_storage)), quotable(text, storage, sizeof(storage)),
        strchr(text, ',') != NULL ? "; write it without separators and with a decimal point" : "");
}

/* ---- times ---- */

static bool take_number(const char **p, size_t digits_min, size_t digits_max, int *out_number)
{
    int number = 0;
    size_t digits = 0;
    for (; digits < digits_max && perfmon_is_digit(**p); digits++, (*p)++)
        number = number * 10 + (**p - '0');
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
        !take_number(&p, 1, 2, &hour) || !take_char(&p, ':') || !take_number(&p, 2, 2, &minute))
        return false;
    /* The rest is as in ISO 8601, which also knows the calendar. */
    char iso[FIELD_MAX];
    struct text text_iso = text_on(iso, sizeof(iso));
    text_add(&text_iso, "%04d-%02d-%02dT%02d:%02d%s", year, month, day, hour, minute, *p == '\0' ? ":00" : p);
    return strspn(p, ":.0123456789") == strlen(p) && time_parse_iso(iso, out_local_ms) == STATUS_OK;
}

enum status perfmon_read_time(const struct perfmon *reader, char *text, int64_t *out_utc_ms, struct err *err)
{
    int64_t ms;
    char storage[FIELD_MAX];
    if (reader->is_pdh) {
        if (!parse_pdh_time(text, &ms)) {
            return perfmon_malformed(reader, err, "\"%s\" is not a time of the form MM/DD/YYYY HH:MM:SS.mmm",
                                     quotable(text, storage, sizeof(storage)));
        }
        *out_utc_ms = ms + reader->bias_ms;
        return STATUS_OK;
    }
    if (strlen(text) < FIELD_MAX && is_number(text, false)) {
        const double seconds = strtod(text, NULL);
        if (!(fabs(seconds) <= UNIX_SECONDS_MAX)) {
            return perfmon_malformed(reader, err,
                                     "the time %s is out of range; it must be in seconds since 1970",
                                     quotable(text, storage, sizeof(storage)));
        }
        *out_utc_ms = (int64_t)floor(seconds * 1000.0 + 0.5);
        return STATUS_OK;
    }
    if (time_parse_iso(text, out_utc_ms) != STATUS_OK) {
        return perfmon_malformed(
            reader, err, "\"%s\" is not a time; it must be like 2026-11-22T03:14:05Z, or seconds since 1970",
            quotable(text, storage, sizeof(storage)));
    }
    return STATUS_OK;
}

/* ---- names ---- */

/* What Windows-1252, the ANSI code page of the West, has where Latin-1 has control characters; 0 = nothing. */
static const uint16_t windows_1252[0x20] = {0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                            0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017D, 0,
                                            0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                            0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

/* One of 0x80 to 0xFFFF. */
static void add_character(struct buffer *out, unsigned code)
{
    const char last = (char)(0x80 | (code & 0x3F));
    const char two[] = {(char)(0xC0 | code >> 6), last};
    const char three[] = {(char)(0xE0 | code >> 12), (char)(0x80 | (code >> 6 & 0x3F)), last};
    buffer_add_bytes(out, code < 0x800 ? two : three, code < 0x800 ? sizeof(two) : sizeof(three));
}

/* Names go to a console, where control characters do things: those of ASCII and those of Latin-1 (from 0x80
 * on), with which a terminal begins a command as with Escape. */
char *perfmon_copy_name(const char *name, size_t column)
{
    struct buffer copy = {0};
    bool is_utf8 = true;
    for (const char *p = name; is_utf8 && *p != '\0'; p += utf8_length(p))
        is_utf8 = utf8_length(p) > 0;
    if (name[0] == '\0')
        buffer_add(&copy, "(column %u)", (unsigned)column + 2);
    for (const unsigned char *p = (const unsigned char *)name; *p != '\0';) {
        const size_t length = is_utf8 ? utf8_length((const char *)p) : 1;
        const unsigned code = *p >= 0x80 && *p < 0xA0 ? windows_1252[*p - 0x80] : *p;
        const bool is_control = length == 2 ? p[0] == 0xC2 && p[1] < 0xA0 : code < ' ' || code == 0x7F;
        if (is_control)
            buffer_add_bytes(&copy, "?", 1);
        else if (is_utf8 || code < 0x80)
            buffer_add_bytes(&copy, (const char *)p, length);
        else
            add_character(&copy, code);
        p += length;
    }
    return buffer_take(&copy);
}

/* perfmon_internal.h - what the files of the reader share.
 *
 * Invariant: the line being parsed ends in '\n' (a missing one is added, each CR before it is overwritten), so
 * scans need no other bound. */
#ifndef STOREWATCH_PERFMON_INTERNAL_H
#define STOREWATCH_PERFMON_INTERNAL_H

#include "storewatch/perfmon.h"

#include <stdio.h>

#define PERFMON_FALL_BACK_MS MS_PER_HOUR
#define PERFMON_WORDS_MAX 64
#define PERFMON_SERIES_NAME_MAX 400 /* bytes with NUL of what a series of the history is called */

struct perfmon_history_row {
    char name[PERFMON_SERIES_NAME_MAX]; /* of its series */
    enum unit unit;
    bool of_process;
    int64_t utc_ms;
    double value;
};

struct perfmon {
    FILE *file;
    char *path;
    char *buffer; /* `capacity` bytes and one more, for a '\n' that is missing at the end */
    size_t capacity, begin, end;
    char line_end;            /* '\n', or '\r' in a file without any */
    bool at_end;              /* of the file: what is in the buffer is all there is */
    bool is_cut_short;        /* the line being parsed had no newline */
    uint64_t unfinished_line; /* 0 = none */
    uint64_t line;
    uint64_t words_line; /* where words of the recorder follow the rows; 0 = nowhere */
    bool is_after_words; /* no row and no header has come since */
    char words[PERFMON_WORDS_MAX];
    bool is_pdh;
    bool lacks_zone;  /* local times of which some header does not tell the zone */
    int64_t bias_ms;  /* from local time to UTC; autumn adds an hour */
    int64_t last_ms;  /* of the row before; INT64_MIN = none yet */
    int64_t apart_ms; /* of the last two rows; 0 = there were none yet */
    uint64_t skipped_count;
    size_t column_count;
    struct perfmon_column *columns;
    double *values;
    bool is_history;
    struct perfmon_history_row row; /* of the history: read, and not handed out yet */
    bool has_row, begins_section;   /* is there one, and is it of another series than the rows before? */
};

static inline bool perfmon_is_digit(char c)
{
    return (unsigned char)(c - '0') <= 9;
}

/* ---- perfmon_fields.c ---- */

/* INVALID: "FILE:LINE: " and the text. */
PRINTF_LIKE(3, 4)
enum status perfmon_malformed(const struct perfmon *reader, struct err *err, const char *format, ...);

/* Brings more of the file into the buffer; the unfinished line moves to its front. */
enum status perfmon_refill(struct perfmon *reader, struct err *err);
/* The next line that is not empty. NOT_FOUND at the end of the file. */
enum status perfmon_next_line(struct perfmon *reader, char **out_line, struct err *err);
/* Has the line at hand, of which a part is missing, no end because the recorder still writes it? Remembers
 * it. */
bool perfmon_is_unfinished(struct perfmon *reader);

extern const char perfmon_not_closed[]; /* the complaint about a quote that is not closed */
/* Takes one field out of the line, in place: unquoted, "" as ", NUL-terminated, blanks at both ends gone.
 * *out_next is after its comma, or NULL when the line ended with it. NULL with a complaint when a quote is
 * wrong. */
char *perfmon_take_field(char *p, char **out_next, const char **out_complaint);
/* A value in any form; false when it is none. */
bool perfmon_parse_value(const struct perfmon *reader, char *text, double *out_value);
/* "1,234": of bytes and handles, of which there are no thousandths, more likely a thousand than one and a bit. */
bool perfmon_may_be_grouped(const char *text);
enum status perfmon_not_a_number(const struct perfmon *reader, size_t column, const char *name,
                                 const char *text, struct err *err);
enum status perfmon_read_time(const struct perfmon *reader, char *text, int64_t *out_utc_ms, struct err *err);
/* A heap copy in UTF-8: as it is when it is that, else read as Windows-1252. NULL without
 * memory. */
char *perfmon_copy_name(const char *name, size_t column);

/* ---- perfmon_history.c ---- */

bool perfmon_history_is_header(const char *line);
/* After the header: reads the first row and names its series. INVALID when there is none. */
enum status perfmon_history_begin(struct perfmon *reader, struct err *err);
/* The next row of the section; its value is in values[0]. NOT_FOUND at the section's end. */
enum status perfmon_history_next(struct perfmon *reader, int64_t *out_utc_ms, struct err *err);

#endif

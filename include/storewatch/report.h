/* report.h - numbers into mails and pages. Computes text only: no file, no clock, no log.
 *
 * The mail has a plain part and an HTML part that Outlook 2003 shows: tables, inline styles, no images, no
 * script, no external reference. The HTML report is one self-contained page with inline SVG, readable on a
 * phone, in print and in dark mode. Every text that comes from outside is escaped; header fields cannot be
 * injected. */
#ifndef STOREWATCH_REPORT_H
#define STOREWATCH_REPORT_H

#include "storewatch/alert.h"
#include "storewatch/verdict.h"

#define MAIL_KEY_MAX 64
#define MAIL_SUBJECT_MAX 256

/* A mail ready to be queued. plain and html are heap texts, owned: mail_deinit.
 *
 * The key is the alert's and says what the headers of the message need, so that nothing else has to be
 * stored:
 *     "i12-3.REMINDER.1763781245123"    incident 12, its third telling, the kind, when it was opened (utc_ms)
 *     "i12-3.REMINDER-urgent.1763..."   one that is an error, though its kind is none; "-calm": one that only informs
 *     "CONFIG_REFUSED-1763781245123"    any other: the kind and what makes it unique
 * The same alert always has the same key and Message-ID; an incident's mails refer to its first one. */
struct mail {
    char key[MAIL_KEY_MAX];
    char subject[MAIL_SUBJECT_MAX]; /* UTF-8, one line */
    char *plain, *html;
    char *earlier; /* what it stands for because it could not be sent, a line each; NULL = nothing */
    size_t earlier_count;
};
void mail_deinit(struct mail *mail);
/* As its key has it, else that of its kind: growth near its end, or a service that is down with its process, is
 * urgent by what is known of it; growth whose end is more than REPORT_CALM_MS away only informs. */
enum severity mail_severity(const struct mail *mail, enum alert_kind kind);
/* Nobody is woken for what ends later than this. */
#define REPORT_CALM_MS (30 * MS_PER_DAY)

/* Renders an alert, every kind. Subject: host, process, rate, time left, as in
 * "[storewatch] EX1: BESAgent.exe private bytes +14.2 MiB/h, 5 h 10 min left". NO_MEMORY only. */
enum status report_mail(const struct alert *alert, const char *subject_prefix, struct mail *out_mail);
/* The event's text, plain: what it is, what is to be done and what was done, then the facts of the mail. What
 * would be longer than this (with the NUL) is cut at the end of a line or sentence, and says so. */
#define REPORT_EVENT_MAX 1536
void report_event(const struct alert *alert, struct text *text);

/* The RFC 5322 message as put on the wire: CRLF, ASCII only, multipart/alternative in quoted-printable, Date,
 * Message-ID from key and host, In-Reply-To and References to the incident's first mail, Auto-Submitted,
 * Importance for errors and for growth that is no hurry, X-Storewatch-Key, -Host, -Kind, -Incident, -Replaces (so many earlier
 * ones). date_utc_ms is when the alert was raised; where it is sent MAIL_LATE_MS later, or stands for earlier ones, that
 * is said before all.
 * from and to are "local@domain" or "Name <local@domain>". Heap text in *out_message, owned by the caller.
 * Errors: INVALID (an address that cannot be one, no recipient), NO_MEMORY. */
enum status report_message(const struct mail *mail, const char *from, const char *const *to, size_t to_count,
                           const char *host_name, int64_t date_utc_ms, int64_t sent_utc_ms,
                           char **out_message);
#define MAIL_LATE_MS MS_PER_HOUR

/* The bare "local@domain" of such a mailbox, as the SMTP envelope wants it. INVALID when it is none
 * (config_is_mail_address) or does not fit. */
enum status mail_address_get(const char *mailbox, char *out_address, size_t capacity);

/* ---- the HTML report ---- */

#define REPORT_MARKS_MAX 64

/* A vertical mark in a chart: an incident opened or closed, a restart, a detection. */
struct report_mark {
    int64_t utc_ms;
    char text[96];
    enum severity severity;
};

/* One chart: borrowed arrays. Times in utc_ms; the verdict's times too. */
struct report_series {
    const char *title;    /* "store.exe (pid 1234): private bytes" or the column's name */
    const char *subtitle; /* file, or since when; may be "" */
    enum unit unit;
    const struct series_point *points;
    size_t point_count;
    const struct verdict *verdict; /* NULL: none */
    const struct report_mark *marks;
    size_t mark_count;
    bool ended; /* what it was of is no longer there: nothing is foreseen */
    /* Of the samples that are in the points, which are buckets; both 0: as the points. */
    int64_t from_ms, to_ms;
};

/* An incident as a bar: since when it grew, as far as is known later, and how long the incident was open. */
struct report_span {
    char name[160];                                  /* what grew; those of one name share a row */
    int64_t onset_utc_ms, opened_utc_ms, end_utc_ms; /* the end: INT64_MAX = still open */
};

/* Borrowed arrays. Spans of one name follow each other; marks are in the order of their times. */
struct report_timeline {
    int64_t from_utc_ms, to_utc_ms;
    const struct report_span *spans;
    size_t span_count;
    const struct report_mark *marks; /* the restarts */
    size_t mark_count;
};

/* A table of words: a heading, an optional note below it, rows of `column_count` cells. All texts are
 * borrowed and escaped; a cell of more than one line is shown as lines. On a phone each cell stands on a line
 * of its own behind its column's name. */
#define REPORT_COLUMNS_MAX 8
struct report_table {
    struct buffer *page;
    const char *const *columns;
    size_t column_count;
    size_t word_column; /* shown in the colour of the row's severity; SIZE_MAX = none */
    size_t row_count;
};

/* A page is written in order: begin, any number of charts (each section self-contained, so memory stays
 * bounded by one chart), tables, end. All append to `page`; check page->failed at the end. */
void report_page_begin(struct buffer *page, const char *title, const char *host_name, int64_t utc_ms,
                       const char *summary);
void report_page_series(struct buffer *page, const struct report_series *series);
/* "What happened"; nothing when nothing did. */
void report_page_timeline(struct buffer *page, const struct report_timeline *timeline);
void report_table_begin(struct report_table *table, struct buffer *page, const char *heading,
                        const char *note, const char *const *columns, size_t column_count,
                        size_t word_column);
void report_table_row(struct report_table *table, const char *const *cells, enum severity severity);
/* Says `none` (or "None.", when it is NULL) instead of an empty table. */
void report_table_end(struct report_table *table, const char *none);
void report_page_end(struct buffer *page);

/* Appends text with & < > " ' escaped. */
void report_add_escaped(struct buffer *page, const char *text);

#endif

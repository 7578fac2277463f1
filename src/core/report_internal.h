/* report_internal.h - what the mail, the message and the page share: words, clean text, the shape of a chart.
 */
#ifndef STOREWATCH_REPORT_INTERNAL_H
#define STOREWATCH_REPORT_INTERNAL_H

#include "storewatch/report.h"

/* A short text by value, so that numbers can be put into a sentence where they stand: words_rate(...).s */
struct words {
    char s[160];
};
struct words words_quantity(enum unit unit, double value);
struct words words_level(enum unit unit, double value);
struct words words_rate(enum unit unit, double per_hour);
struct words words_rate_interval(enum unit unit, double per_hour, double low, double high);
struct words words_share(double part); /* "86 %"; nothing is 0 % or 100 % that is not */
struct words words_duration(int64_t ms);
struct words words_left(int64_t ms);     /* of a forecast: "52 min", seconds in the last minutes only */
struct words words_time(int64_t utc_ms); /* "2026-11-22 03:14:05 UTC" */
struct words words_foreseen(int64_t utc_ms, int64_t now_utc_ms);
/* The time of day, as exact as `span_ms` (what is shown beside it) asks for: "03:14:05", "03:14", "11-22
 * 03:14". */
struct words words_clock(int64_t utc_ms, int64_t span_ms);

const char *report_severity_class(enum severity severity); /* "information" "warning" "error" */

/* The next character of a NUL-terminated text: the bytes it takes (at least 1, 0 at the end). *out_valid is
 * false for bytes that are not UTF-8 and for control characters other than tab and line feed: show
 * REPORT_REPLACEMENT. */
size_t report_character(const char *text, bool *out_valid);
#define REPORT_REPLACEMENT "\xEF\xBF\xBD"

/* Appends text from outside as part of one line: control characters and line ends become spaces, bytes that
 * are not UTF-8 the replacement character. */
void report_add_line(struct text *text, const char *from_outside);

/* Appends the first line with & < > " ' escaped; returns what follows it. */
const char *report_add_escaped_line(struct buffer *page, const char *lines);

/* Is there a gap in the history between points[i] and points[i + 1]? There is when a value is unknown, or
 * when the distance is nearly twice what is usual on both sides: series are kept finer for the recent past.
 */
bool report_gap_after(const struct series_point *points, size_t count, size_t i);

/* The history as `slot_count` equal slots of time for charts made of bars: the mean of the points in the
 * slot, or between two points the line that joins them; NAN in a gap. False when there are less than two
 * points. */
bool report_slots(const struct series_point *points, size_t count, double *out_slots, size_t slot_count);

/* A value axis with round marks: from `low` to `high`, both marks, a mark each `step`. */
struct report_axis {
    double low, high, step;
    double divisor; /* what labels are divided by */
    int decimals;
    const char *word; /* "GiB"; may be "" */
};
/* Covers low..high (finite, low <= high) with at most mark_count + 1 steps. Begins at 0 when that costs no
 * more than half of the height; never shows less than 2 % of the value from bottom to top, so that noise
 * looks like noise. */
struct report_axis report_axis_make(enum unit unit, double low, double high, int mark_count);
struct words report_axis_label(const struct report_axis *axis, double value);

/* ---- pieces of the page's figures ---- */

/* A time as a percentage of the width of a figure from from_ms to to_ms, which lie apart. */
double report_percent(int64_t from_ms, int64_t to_ms, int64_t t_ms);
/* Time marks below `bottom` (CSS pixels); they take REPORT_TIME_AXIS_HEIGHT. */
#define REPORT_TIME_AXIS_HEIGHT 38
void report_add_time_axis(struct buffer *page, int64_t from_ms, int64_t to_ms, int bottom);
/* Numbered lines from above the figure, where they take REPORT_MARK_ROWS rows, down to `bottom`; those that
 * lie outside are left to the list. */
#define REPORT_MARK_ROWS 2
#define REPORT_MARK_ROW_HEIGHT 20
void report_add_marks(struct buffer *page, int64_t from_ms, int64_t to_ms, const struct report_mark *marks,
                      size_t count, int bottom);
/* What the numbers stand for. */
void report_add_mark_list(struct buffer *page, const struct report_mark *marks, size_t count);
/* One entry of the key below a figure: a sample of the look `class_name` and what it means. */
void report_add_key_item(struct buffer *page, bool shown, const char *class_name, const char *path,
                         const char *words);
#define REPORT_KEY_LINE "M0 6h22"
#define REPORT_KEY_AREA "M0 1h22v10h-22z"
/* The chart of a series with its key; false when there is nothing to draw. */
bool report_add_figure(struct buffer *page, const struct report_series *series);

/* What a mail's key says (see mail_key). */
struct report_key {
    bool has_kind;
    enum alert_kind kind;
    enum severity severity;    /* with has_kind */
    int64_t incident_id;       /* 0 = none */
    char first[MAIL_KEY_MAX];  /* key of the incident's first mail as far as its Message-ID goes; "" = no
                                  thread */
    char unique[MAIL_KEY_MAX]; /* what the Message-ID is made of */
};
struct report_key report_key_parse(const char *key);
/* What follows the kind in a key: "" where the severity is that of the kind. */
const char *report_key_mark(enum alert_kind kind, enum severity severity);

#endif

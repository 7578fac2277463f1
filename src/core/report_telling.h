/* report_telling.h - an alert prepared for telling: its words, which the plain text, the HTML part, the
 * subject and the event are made of. */
#ifndef STOREWATCH_REPORT_TELLING_H
#define STOREWATCH_REPORT_TELLING_H

#include "report_internal.h"

#define REPORT_FACTS_MAX 12
#define REPORT_FACT_MAX 768
/* Of a line from outside, cleaned: each byte may become a replacement character. */
#define REPORT_LINE_MAX (3 * sizeof(((struct alert *)0)->text))

struct report_fact {
    const char *label;
    char value[REPORT_FACT_MAX];
};

/* An alert prepared for telling. Texts from outside are clean, one line each. */
struct report_telling {
    const struct alert *alert;
    const struct incident *incident; /* NULL = none */
    const struct alert_wording *wording;
    char host[128], image[128], target[128];
    char service[2 * SERVICE_NAME_MAX]; /* "" = unknown */
    const char *metric;                 /* "private bytes" */
    enum unit unit;
    char rate[96]; /* "+14.2 MiB/h"; handles without the word: "+320/h" */
    char left[96]; /* "5 h 10 min left", "limit reached"; "" = not foreseeable */
    char lead[REPORT_FACT_MAX];
    bool lead_is_headline;  /* no need to say the headline beside it */
    enum severity severity; /* of the mail: an error is told as URGENT where that is not the kind's own */
    const char *rest;       /* the alert's text but for what the lead says */
    size_t fact_count;
    struct report_fact facts[REPORT_FACTS_MAX];
};

void report_telling_init(struct report_telling *telling, const struct alert *alert);
/* Appends what it is about, without the prefix. */
void report_add_subject(struct text *text, const struct report_telling *telling);

/* Kinds in which something still grows, so that rate and time left are what matters. */
bool report_is_growing(const struct report_telling *telling);
/* Does it tell of growth, and had that begun by then? */
bool report_grows_at(const struct report_telling *telling, int64_t utc_ms);
/* Kinds that tell how an incident ended. */
bool report_is_over(const struct report_telling *telling);

/* A text from outside as one clean line. */
void report_clean(char *out, size_t capacity, const char *from_outside);
/* Takes the first line that is not empty off `lines`, cleaned. Returns the rest; NULL when there is none. */
const char *report_next_line(const char *lines, char *out_line, size_t capacity);
/* The heading of the list alert.done. */
const char *report_done_heading(const struct alert *alert);

/* The HTML part (report_mail_html.c), heap text owned by the caller; NULL without memory. */
char *report_mail_html(const struct report_telling *telling);
/* Appends such a part with lines before all else; NULL = none. */
void report_html_with_notice(struct buffer *out, const char *html, const char *notice);

#endif

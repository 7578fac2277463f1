/* report_mail.c - an alert in words: subject, plain text, HTML part, event text.
 *
 * Written for somebody who is woken by it: the subject and the first line say which machine, which process,
 * how fast and how long; then the facts, what was done, what to do, and a chart. The same facts make all four
 * texts.
 *
 * The HTML part is what both Outlook 2003 (Internet Explorer 6) and Word-based Outlooks draw: nested tables
 * with width, height and bgcolor attributes, inline styles, nothing positioned, no image, no script, no
 * reference. The chart's columns are table cells of a given height; a conditional comment gives those
 * clients, which know no max-width, their 600 pixels. */
#include "report_culprit.h"
#include "report_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_MAX 12
#define FACT_MAX 768
#define PLAIN_WIDTH 76
#define PLAIN_LABEL_WIDTH 10
#define PLAIN_SLOTS 10
#define PLAIN_BAR 36
#define HTML_SLOTS 48
#define HTML_CHART_HEIGHT 110
#define EVENT_MAX 1024

/* ---- what is talked about ---- */

struct fact {
    const char *label;
    char value[FACT_MAX];
};

/* An alert prepared for telling. Texts from outside are clean, one line each. */
struct telling {
    const struct alert *alert;
    const struct incident *incident; /* NULL = none */
    const struct alert_wording *wording;
    char host[128], image[128], target[128];
    char service[2 * SERVICE_NAME_MAX]; /* "" = unknown */
    const char *metric;                 /* "private bytes" */
    enum unit unit;
    char rate[96]; /* "+14.2 MiB/h"; handles without the word: "+320/h" */
    char left[96]; /* "5 h 10 min left", "limit reached"; "" = not foreseeable */
    char lead[FACT_MAX];
    bool lead_is_headline; /* no need to say the headline beside it */
    size_t fact_count;
    struct fact facts[FACTS_MAX];
};

static void clean(char *out, size_t capacity, const char *from_outside)
{
    struct text text = text_on(out, capacity);
    report_add_line(&text, from_outside);
}

static struct text fact_begin(struct telling *telling, const char *label)
{
    struct fact *fact =
        &telling->facts[telling->fact_count < FACTS_MAX ? telling->fact_count++ : FACTS_MAX - 1];
    fact->label = label;
    return text_on(fact->value, sizeof(fact->value));
}

static bool is_foreseeable(int64_t utc_ms)
{
    return utc_ms > 0 && utc_ms != INT64_MAX;
}

/* Kinds in which something still grows, so that rate and time left are what matters. */
static bool is_growing(const struct telling *telling)
{
    static const enum alert_kind kinds[] = {ALERT_OPENED, ALERT_REMINDER, ALERT_ESCALATED, ALERT_RESTART_HELD,
                                            ALERT_RESTART_ABANDONED};
    bool growing = false;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        growing = growing || telling->alert->kind == kinds[i];
    }
    return growing && telling->incident != NULL;
}

/* Kinds that tell how an incident ended. */
static bool is_over(const struct telling *telling)
{
    const enum alert_kind kind = telling->alert->kind;
    return (kind == ALERT_RECOVERED || kind == ALERT_ENDED || kind == ALERT_UNWATCHED) &&
           telling->incident != NULL;
}

static void tell_rate(struct telling *telling)
{
    static const char handles[] = " handles";
    const double per_hour = telling->incident->slope_per_hour;
    struct words words = words_rate(telling->unit, per_hour);
    char *word = strstr(words.s, handles); /* "handles +320 handles/h" says it twice */
    if (telling->unit == UNIT_HANDLES && word != NULL) {
        memmove(word, word + strlen(handles), strlen(word + strlen(handles)) + 1);
    }
    struct text text = text_on(telling->rate, sizeof(telling->rate));
    text_add(&text, "%s%s", isnan(per_hour) ? "rate " : per_hour > 0.0 ? "+" : "", words.s);
}

static void tell_left(struct telling *telling)
{
    const int64_t left_ms = telling->incident->exhaustion_utc_ms - telling->alert->utc_ms;
    struct text text = text_on(telling->left, sizeof(telling->left));
    if (!is_foreseeable(telling->incident->exhaustion_utc_ms)) {
        return;
    }
    if (left_ms <= 0) {
        text_add(&text, "limit reached");
    } else {
        text_add(&text, "%s left", words_duration(left_ms).s);
    }
}

/* ---- the first line ---- */

/* "BESAgent.exe on EX1", "EX1 as a whole" */
static void add_who(struct text *text, const struct telling *telling)
{
    if (telling->image[0] != '\0') {
        text_add(text, "%s on %s", telling->image, telling->host);
    } else {
        text_add(text, "%s as a whole", telling->host);
    }
}

static void add_growth(struct text *text, const struct telling *telling)
{
    text_add(text, "%s %s", telling->metric, telling->rate);
    text_add(text, telling->left[0] != '\0' ? ", %s" : ", no end foreseeable", telling->left);
}

static void tell_lead(struct telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    const char *host = telling->host;
    const char *service = telling->service[0] != '\0' ? telling->service : "a service";
    const char *down = telling->service[0] != '\0' ? telling->service : "A service"; /* begins a sentence */
    struct text text = text_on(telling->lead, sizeof(telling->lead));
    switch (alert->kind) {
    case ALERT_OPENED:
    case ALERT_REMINDER:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, alert->kind == ALERT_OPENED ? " grows without bound: " : " still grows: ");
            add_growth(&text, telling);
            text_add(&text, ".");
        }
        break;
    case ALERT_ESCALATED:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, " is near exhaustion: ");
            add_growth(&text, telling);
            text_add(&text, ".");
        }
        break;
    case ALERT_RECOVERED:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, " has recovered");
            if (!isnan(incident->level_now)) {
                text_add(&text, ": %s now %s", telling->metric,
                         words_quantity(telling->unit, incident->level_now).s);
            }
            text_add(&text, ".");
        }
        break;
    case ALERT_ENDED:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, " has ended (pid %" PRIu32 "), and with it the growth of its %s.",
                     incident->process.pid, telling->metric);
        }
        break;
    case ALERT_UNWATCHED:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, " is no longer watched; its %s may go on growing.", telling->metric);
        }
        break;
    case ALERT_RESTART_BEGUN:
        text_add(&text, "A controlled restart of %s on %s has begun.", service, host);
        break;
    case ALERT_RESTART_PROGRESS:
        text_add(&text, "The controlled restart of %s on %s goes on.", service, host);
        break;
    case ALERT_RESTART_DONE:
        text_add(&text, "The controlled restart of %s on %s is done and being verified.", service, host);
        break;
    case ALERT_RESTART_ABANDONED:
        text_add(&text, "The controlled restart of %s on %s was abandoned; nothing is down.", service, host);
        break;
    case ALERT_RESTART_HELD:
        if (incident != NULL) {
            add_who(&text, telling);
            text_add(&text, " needs a restart, which is held back.");
        } else {
            text_add(&text, "The restart of %s on %s is held back.", service, host);
        }
        break;
    case ALERT_SERVICE_DOWN:
        text_add(&text, "%s on %s is DOWN after a restart; storewatch keeps trying to start it.", down, host);
        break;
    case ALERT_SERVICE_UP_AGAIN:
        text_add(&text, "%s on %s runs again.", down, host);
        break;
    case ALERT_GAVE_UP:
        text_add(&text, "storewatch stopped trying to start %s on %s: a person changed the service.", service,
                 host);
        break;
    case ALERT_SPACE_LOW:
    case ALERT_SPACE_CRITICAL:
    case ALERT_SPACE_BACK:
        text_add(&text, "%s on %s: %s.", service, host, telling->wording->headline);
        break;
    case ALERT_TERMINATED:
        text_add(&text, "%s on %s hangs in its stop; its process is terminated.", service, host);
        break;
    case ALERT_TEST:
        text_add(&text, "This is a test alert from storewatch on %s. Nothing is wrong.", host);
        break;
    default:
        break;
    }
    if (text.length == 0) { /* no incident to speak of: the headline of the wording table says it */
        telling->lead_is_headline = true;
        text_add(&text, "%s: %s.", host, telling->wording->headline);
    }
}

/* ---- facts ---- */

static void fact_what(struct telling *telling)
{
    const struct incident *incident = telling->incident;
    struct text text = fact_begin(telling, "What");
    text_add(&text, "%s of ", telling->metric);
    if (incident->target_kind == TARGET_HOST) {
        text_add(&text, "the whole machine");
        return;
    }
    text_add(&text, "%s, pid %" PRIu32, telling->image, incident->process.pid);
    switch (incident->target_kind) {
    case TARGET_STORE:
        text_add(&text, ", of the Information Store");
        break;
    case TARGET_CLIENT:
        text_add(&text, ", of the MAPI client \"%s\"", telling->target);
        break;
    default:
        text_add(&text, ", which has MAPI loaded and is not in the configuration");
        break;
    }
    if (incident->service[0] != '\0') {
        char service[sizeof(telling->service)];
        clean(service, sizeof(service), incident->service);
        text_add(&text, " (service %s)", service);
    } else {
        text_add(&text, " (no service to restart)");
    }
}

/* Which end that is, where it is one of the address space. */
static void add_which_end(struct text *text, const struct alert *alert)
{
    const struct space *space = &alert->space;
    if (!alert->has_space) {
        return;
    }
    if (strcmp(alert->incident.limit_name, SPACE_LIMIT_NAME) == 0) {
        text_add(text, ": the end of its %s address space (largest free block now %s)",
                 words_quantity(UNIT_BYTES, space->limit_bytes).s,
                 words_quantity(UNIT_BYTES, space->largest_bytes).s);
    } else if (strcmp(alert->incident.limit_name, SPACE_BLOCK_LIMIT_NAME) == 0) {
        text_add(text, ": its largest free block, now %s, is down to 16 MiB then",
                 words_quantity(UNIT_BYTES, space->largest_bytes).s);
    }
}

static void facts_of_growth(struct telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    struct text text = fact_begin(telling, "Grows");
    const double slope = incident->slope_per_hour;
    if (isnan(slope)) {
        text_add(&text, "rate unknown");
    } else {
        text_add(&text, "%s%s", slope > 0.0 ? "+" : "",
                 words_rate_interval(telling->unit, slope, incident->slope_low_per_hour,
                                     incident->slope_high_per_hour)
                     .s);
    }
    if (incident->onset_utc_ms > 0) {
        text = fact_begin(telling, "Since");
        text_add(&text, "%s", words_time(incident->onset_utc_ms).s);
        if (alert->utc_ms > incident->onset_utc_ms) {
            text_add(&text, ", %s ago", words_duration(alert->utc_ms - incident->onset_utc_ms).s);
        }
    }
    text = fact_begin(telling, "Level");
    text_add(&text, "%s now", words_quantity(telling->unit, incident->level_now).s);
    if (!isnan(incident->level_at_onset)) {
        text_add(&text, ", %s when it began", words_quantity(telling->unit, incident->level_at_onset).s);
    }
    if (!isnan(incident->limit) && incident->limit > 0.0) {
        text = fact_begin(telling, "Limit");
        text_add(&text, "%s", words_quantity(telling->unit, incident->limit).s);
        if (incident->limit_name[0] != '\0') {
            char name[sizeof(incident->limit_name) * 2];
            clean(name, sizeof(name), incident->limit_name);
            text_add(&text, " (%s)", name);
        }
        if (incident->level_now >= 0.0) {
            text_add(&text, ", %.0f %% of it used", 100.0 * incident->level_now / incident->limit);
        }
    }
    text = fact_begin(telling, "Ends");
    if (!is_foreseeable(incident->exhaustion_utc_ms)) {
        text_add(&text, isnan(incident->limit) ? "not foreseeable: no limit is known" : "not foreseeable");
        return;
    }
    if (incident->exhaustion_utc_ms > alert->utc_ms) {
        text_add(&text, "in %s, ", words_duration(incident->exhaustion_utc_ms - alert->utc_ms).s);
    }
    text_add(&text, "%s", words_time(incident->exhaustion_utc_ms).s);
    const bool early = is_foreseeable(incident->exhaustion_early_utc_ms);
    if (early && is_foreseeable(incident->exhaustion_late_utc_ms)) {
        text_add(&text, " (between %.19s and %s)", words_time(incident->exhaustion_early_utc_ms).s,
                 words_time(incident->exhaustion_late_utc_ms).s);
    } else if (early) {
        text_add(&text, " (not before %s)", words_time(incident->exhaustion_early_utc_ms).s);
    }
    add_which_end(&text, alert);
}

static void fact_space(struct telling *telling)
{
    if (!telling->alert->has_space) {
        return;
    }
    struct text text = fact_begin(telling, "Address space");
    text_add_space(&text, &telling->alert->space);
}

static void facts_of_end(struct telling *telling)
{
    const struct incident *incident = telling->incident;
    struct text text = fact_begin(telling, "Level");
    text_add(&text, "%s at the alert", words_quantity(telling->unit, incident->level_at_open).s);
    if (!isnan(incident->level_now)) {
        text_add(&text, telling->alert->kind == ALERT_RECOVERED ? ", %s now" : ", %s last",
                 words_quantity(telling->unit, incident->level_now).s);
    }
    if (incident->opened_utc_ms > 0) {
        const int64_t end_ms = incident->closed_utc_ms > 0 ? incident->closed_utc_ms : telling->alert->utc_ms;
        text = fact_begin(telling, "Lasted");
        text_add(&text, "%s, alert of %s",
                 words_duration(end_ms > incident->opened_utc_ms ? end_ms - incident->opened_utc_ms : 0).s,
                 words_time(incident->opened_utc_ms).s);
    }
}

static void tell_facts(struct telling *telling)
{
    const struct incident *incident = telling->incident;
    if (incident == NULL) {
        return;
    }
    fact_what(telling);
    if (is_growing(telling)) {
        facts_of_growth(telling);
        fact_space(telling);
    } else if (is_over(telling)) {
        facts_of_end(telling);
    } else {
        return; /* of a restart: why it was begun is in the alert's text */
    }
    if (telling->alert->has_ranking && is_growing(telling)) {
        struct text text = fact_begin(telling, "Who");
        report_add_line(&text, telling->alert->ranking.words);
    }
    if (incident->reason[0] != '\0') {
        struct text text = fact_begin(telling, "Why");
        report_add_line(&text, incident->reason);
    }
}

static void telling_init(struct telling *telling, const struct alert *alert)
{
    *telling = (struct telling){
        .alert = alert,
        .incident = alert->has_incident ? &alert->incident : NULL,
        .wording = alert_wording_get(alert->kind),
    };
    const struct incident *incident = telling->incident;
    clean(telling->host, sizeof(telling->host),
          alert->host_name[0] != '\0' ? alert->host_name : "this machine");
    clean(telling->service, sizeof(telling->service), alert->service);
    if (incident != NULL) {
        const bool host = incident->target_kind == TARGET_HOST;
        clean(telling->target, sizeof(telling->target), incident->target);
        clean(telling->image, sizeof(telling->image),
              host                         ? ""
              : incident->image[0] != '\0' ? incident->image
                                           : incident->target);
        telling->metric = metric_name(incident->metric);
        telling->unit = metric_unit(incident->metric);
        tell_rate(telling);
        tell_left(telling);
    }
    tell_lead(telling);
    tell_facts(telling);
}

/* ---- lines of an alert ---- */

/* Takes the first line that is not empty off `lines`, cleaned. Returns the rest; NULL when there is none. */
static const char *next_line(const char *lines, char *out_line, size_t capacity)
{
    while (*lines == '\n' || *lines == '\r') {
        lines++;
    }
    if (*lines == '\0') {
        return NULL;
    }
    const size_t length = strcspn(lines, "\n");
    char raw[sizeof(((struct alert *)0)->text)];
    struct text part = text_on(raw, sizeof(raw));
    text_add_bytes(&part, lines, length);
    clean(out_line, capacity, raw);
    return lines + length;
}

static const char *done_heading(const struct alert *alert)
{
    return alert->kind == ALERT_DIGEST ? "What is watched" : "What was done";
}

/* ---- the subject ---- */

static void add_subject(struct text *text, const struct telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    const char *service = telling->service[0] != '\0' ? telling->service : "a service";
    char what[192];   /* "BESAgent.exe private bytes" */
    char growth[320]; /* "BESAgent.exe private bytes +14.2 MiB/h, 5 h 10 min left" */
    struct text what_text = text_on(what, sizeof(what));
    struct text growth_text = text_on(growth, sizeof(growth));
    text_add(text, "%s: ", telling->host);
    if (incident != NULL) {
        text_add(&what_text, "%s%s%s", telling->image, telling->image[0] != '\0' ? " " : "", telling->metric);
        text_add(&growth_text, "%s %s, %s", what, telling->rate,
                 telling->left[0] != '\0' ? telling->left : "no end foreseeable");
    }
    switch (alert->kind) {
    case ALERT_OPENED:
        text_add(text, "%s", incident != NULL ? growth : telling->wording->headline);
        return;
    case ALERT_REMINDER:
        text_add(text, "still growing%s%s", incident != NULL ? ": " : "", growth);
        return;
    case ALERT_ESCALATED:
        text_add(text, "URGENT, exhaustion is near%s%s", incident != NULL ? ": " : "", growth);
        return;
    case ALERT_RECOVERED:
        text_add(text, "recovered");
        if (incident != NULL) {
            text_add(text, ": %s", what);
            if (!isnan(incident->level_now)) {
                text_add(text, " now %s", words_quantity(telling->unit, incident->level_now).s);
            }
        }
        return;
    case ALERT_ENDED:
        text_add(text, "%s", incident != NULL ? telling->image : telling->wording->headline);
        if (incident != NULL) {
            text_add(text, " has ended (pid %" PRIu32 ", %s %s)", incident->process.pid, telling->metric,
                     telling->rate);
        }
        return;
    case ALERT_UNWATCHED:
        text_add(text, "%s%s%s", telling->wording->headline, incident != NULL ? ": " : "", what);
        return;
    case ALERT_RESTART_BEGUN:
        text_add(text, "controlled restart of %s begun", service);
        break;
    case ALERT_RESTART_PROGRESS:
        text_add(text, "controlled restart of %s goes on", service);
        break;
    case ALERT_RESTART_DONE:
        text_add(text, "controlled restart of %s done, verifying", service);
        break;
    case ALERT_RESTART_ABANDONED:
        text_add(text, "restart of %s abandoned, nothing is down", service);
        break;
    case ALERT_RESTART_HELD:
        text_add(text, "restart of %s held back", service);
        break;
    case ALERT_SERVICE_DOWN:
        text_add(text, "URGENT: %s is DOWN after a restart, storewatch keeps trying", service);
        return;
    case ALERT_SERVICE_UP_AGAIN:
        text_add(text, "%s runs again", service);
        return;
    case ALERT_GAVE_UP:
        text_add(text, "URGENT: storewatch stopped trying to start %s: a person changed it", service);
        return;
    case ALERT_TERMINATED:
        text_add(text, "hung process of %s terminated", service);
        return;
    case ALERT_DIGEST:
        if (next_line(alert->text, growth, sizeof(growth)) != NULL)
            text_add(text, "%s (%s)", growth, telling->wording->headline);
        else
            text_add(text, "%s", telling->wording->headline);
        return;
    case ALERT_SPACE_LOW:
    case ALERT_SPACE_CRITICAL:
    case ALERT_SPACE_BACK:
        text_add(text, "%s%s: %s", alert->kind == ALERT_SPACE_CRITICAL ? "URGENT: " : "", service,
                 telling->wording->headline);
        return;
    default:
        text_add(text, "%s", telling->wording->headline);
        return;
    }
    if (incident != NULL) { /* the restart kinds: what it is about */
        text_add(text, " (%s %s%s%s)", what, telling->rate, telling->left[0] != '\0' ? ", " : "",
                 telling->left);
    }
}

/* ---- plain text ---- */

/* Words in lines of PLAIN_WIDTH characters; the first begins at `column`, the others at `indent`. A word that
 * is longer gets a line of its own: a path stays in one piece. */
static void add_wrapped(struct buffer *out, size_t column, size_t indent, const char *words)
{
    bool first = true;
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");
        size_t shown = 0; /* characters, not bytes */
        for (size_t i = 0; i < length; i++) {
            shown += ((unsigned char)words[i] & 0xC0U) != 0x80U ? 1 : 0;
        }
        if (length > 0) {
            if (!first && column + 1 + shown > PLAIN_WIDTH) {
                buffer_add(out, "\n%*s", (int)indent, "");
                column = indent;
            } else if (!first) {
                buffer_add(out, " ");
                column++;
            }
            buffer_add_bytes(out, words, length);
            column += shown;
            first = false;
        }
        words += length + strspn(words + length, " ");
    }
    buffer_add(out, "\n");
}

#define TEXT_LINE_MAX                                                                                        \
    (3 * sizeof(((struct alert *)0)->text)) /* each byte may become a replacement character */

static void add_plain_chart(struct buffer *out, const struct telling *telling)
{
    const struct alert *alert = telling->alert;
    double slots[PLAIN_SLOTS];
    if ((!is_growing(telling) && !is_over(telling)) ||
        !report_slots(alert->points, alert->point_count, slots, PLAIN_SLOTS)) {
        return;
    }
    const int64_t from_ms = alert->points[0].t_ms;
    const int64_t span_ms = alert->points[alert->point_count - 1].t_ms - from_ms;
    double top = 0.0;
    for (size_t i = 0; i < PLAIN_SLOTS; i++) {
        top = slots[i] > top ? slots[i] : top;
    }
    bool judged_shown = false;
    buffer_add(out, "\nHistory of the %s (times are UTC)\n", telling->metric);
    for (size_t i = 0; i < PLAIN_SLOTS; i++) {
        const int64_t middle_ms = from_ms + (int64_t)((double)span_ms * ((double)i + 0.5) / PLAIN_SLOTS);
        const struct words value = words_quantity(telling->unit, slots[i]);
        buffer_add(out, "  %s  %14s  ", words_clock(middle_ms, span_ms).s,
                   isnan(slots[i]) ? "not known" : value.s);
        const bool judged = alert->has_fit && middle_ms >= alert->fit_from_utc_ms;
        const int length = top > 0.0 && slots[i] > 0.0 ? (int)lround(slots[i] / top * PLAIN_BAR) : 0;
        for (int k = 0; k < length; k++) {
            buffer_add(out, judged ? "#" : "-");
        }
        judged_shown = judged_shown || judged;
        buffer_add(out, "\n");
    }
    if (judged_shown) {
        buffer_add(out, "  (# since the growth began)\n");
    }
}

static char *plain_text(const struct telling *telling)
{
    const struct alert *alert = telling->alert;
    struct buffer out = {0};
    char line[TEXT_LINE_MAX];
    buffer_add(&out, "%s\n", telling->lead); /* one line, however long: previews show it */
    const char *rest = alert->text;
    for (bool first = true; (rest = next_line(rest, line, sizeof(line))) != NULL; first = false) {
        buffer_add(&out, first ? "\n" : "");
        add_wrapped(&out, 0, 2, line);
    }
    for (size_t i = 0; i < telling->fact_count; i++) {
        buffer_add(&out, "%s%-*s ", i == 0 ? "\n" : "", PLAIN_LABEL_WIDTH, telling->facts[i].label);
        add_wrapped(&out, PLAIN_LABEL_WIDTH + 1, PLAIN_LABEL_WIDTH + 1, telling->facts[i].value);
    }
    if (alert->has_ranking && is_growing(telling)) {
        report_culprits_plain(&out, &alert->ranking);
    }
    for (size_t i = 0; i < alert->done_count; i++) {
        if (i == 0) {
            buffer_add(&out, "\n%s\n", done_heading(alert));
        }
        clean(line, sizeof(line), alert->done[i]);
        buffer_add(&out, "  - ");
        add_wrapped(&out, 4, 4, line);
    }
    buffer_add(&out, "\nWhat to do now\n");
    for (size_t i = 0; i < alert->todo_count; i++) {
        clean(line, sizeof(line), alert->todo[i]);
        buffer_add(&out, "  %u. ", (unsigned)i + 1);
        add_wrapped(&out, 5, 5, line);
    }
    if (alert->todo_count == 0) {
        buffer_add(&out, "  Nothing.\n");
    }
    add_plain_chart(&out, telling);
    buffer_add(&out, "\n-- \nstorewatch on %s, %s", telling->host, words_time(alert->utc_ms).s);
    if (telling->incident != NULL) {
        buffer_add(&out, ", incident %" PRId64, telling->incident->id);
    }
    buffer_add(&out, "\n");
    return buffer_take(&out);
}

/* ---- HTML ---- */

#define FONT "font-family:'Segoe UI',Tahoma,Arial,sans-serif;"
#define TABLE "<table width=\"100%%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\">"
#define SMALL "style=\"" FONT "font-size:12px;line-height:16px;color:#5a6270\""
#define CELL_EXACT "font-size:1px;line-height:1px;mso-line-height-rule:exactly"

struct colours {
    const char *strong, *pale;
};
static const struct colours colours_quiet = {"#6b7686", "#d6dce4"};

static struct colours colours_of(const struct telling *telling)
{
    static const struct colours error = {"#b3261e", "#f4c9c5"};
    static const struct colours warning = {"#b25e09", "#f6d9b8"};
    static const struct colours good = {"#1b7344", "#bfe3cd"};
    static const struct colours neutral = {"#1f5fa8", "#c5daf2"};
    switch (telling->wording->severity) {
    case SEVERITY_ERROR:
        return error;
    case SEVERITY_WARNING:
        return warning;
    case SEVERITY_INFORMATION:
        break;
    }
    return telling->alert->kind == ALERT_RECOVERED || telling->alert->kind == ALERT_SERVICE_UP_AGAIN ||
                   telling->alert->kind == ALERT_SIGHT_BACK
               ? good
               : neutral;
}

static void add_heading(struct buffer *out, const char *heading)
{
    buffer_add(out,
               "<tr><td style=\"" FONT
               "font-size:13px;line-height:18px;font-weight:bold;color:#3a414c;padding:18px 0 4px 0\">"
               "%s</td></tr>\n",
               heading);
}

static void add_number_cell(struct buffer *out, const char *label, const char *value, const char *colour)
{
    buffer_add(out,
               "<td width=\"33%%\" valign=\"top\" bgcolor=\"#f5f6f8\" style=\"" FONT
               "padding:10px 6px 10px 12px;"
               "font-size:12px;line-height:16px;color:#5a6270\">%s<br><b "
               "style=\"font-size:17px;line-height:24px;color:%s\">",
               label, colour);
    report_add_escaped(out, value);
    buffer_add(out, "</b></td>\n");
}

/* Rate, time left and level, side by side. */
static void add_numbers(struct buffer *out, const struct telling *telling, struct colours colours)
{
    if (!is_growing(telling)) {
        return;
    }
    static const char ink[] = "#1a1d21";
    static const char suffix[] = " left";
    char left[sizeof(telling->left)];
    text_copy(left, sizeof(left), telling->left[0] != '\0' ? telling->left : "unknown");
    char *end = strstr(left, suffix);
    if (end != NULL) {
        *end = '\0'; /* the label says so */
    }
    buffer_add(out, "<tr><td style=\"padding:14px 0 0 0\">" TABLE "<tr>\n");
    add_number_cell(out, "grows by", telling->rate, ink);
    add_number_cell(out, "time left", left, colours.strong);
    add_number_cell(out, telling->metric, words_quantity(telling->unit, telling->incident->level_now).s, ink);
    buffer_add(out, "</tr></table></td></tr>\n");
}

/* How much of the limit is used, as a bar. */
static void add_usage(struct buffer *out, const struct telling *telling, struct colours colours)
{
    if (!is_growing(telling)) {
        return;
    }
    const struct incident *incident = telling->incident;
    const double part = incident->level_now / incident->limit;
    if (!(part >= 0.0) || !(incident->limit > 0.0)) {
        return; /* one of them is unknown */
    }
    const int used = part >= 1.0 ? 100 : part < 0.01 ? 1 : (int)(part * 100.0);
    buffer_add(out,
               "<tr><td style=\"padding:12px 0 0 0\">" TABLE "<tr>"
               "<td width=\"%d%%\" height=\"10\" bgcolor=\"%s\" style=\"height:10px;" CELL_EXACT
               "\">&nbsp;</td>",
               used, colours.strong);
    if (used < 100) {
        buffer_add(out,
                   "<td width=\"%d%%\" height=\"10\" bgcolor=\"#e6e9ee\" style=\"height:10px;" CELL_EXACT
                   "\">&nbsp;</td>",
                   100 - used);
    }
    buffer_add(out, "</tr></table></td></tr>\n<tr><td " SMALL ">%.0f %% of %s used", 100.0 * part,
               words_quantity(telling->unit, incident->limit).s);
    if (incident->limit_name[0] != '\0') {
        buffer_add(out, ": ");
        report_add_escaped(out, incident->limit_name);
    }
    buffer_add(out, "</td></tr>\n");
}

static void add_facts(struct buffer *out, const struct telling *telling)
{
    for (size_t i = 0; i < telling->fact_count; i++) {
        const struct fact *fact = &telling->facts[i];
        buffer_add(out, i == 0 ? "<tr><td style=\"padding:14px 0 0 0\">" TABLE "\n" : "");
        buffer_add(out,
                   "<tr><td width=\"76\" valign=\"top\" style=\"" FONT
                   "font-size:13px;line-height:19px;color:#5a6270;"
                   "padding:3px 8px 3px 0\">%s</td><td valign=\"top\" style=\"" FONT
                   "font-size:13px;line-height:19px;color:#1a1d21;padding:3px 0 3px 0\">",
                   fact->label);
        report_add_escaped(out, fact->value);
        buffer_add(out, "</td></tr>\n");
    }
    buffer_add(out, telling->fact_count > 0 ? "</table></td></tr>\n" : "");
}

static void add_lines(struct buffer *out, const char lines[][ALERT_LINE_MAX], size_t count, bool numbered)
{
    buffer_add(out, "<tr><td>" TABLE "\n");
    for (size_t i = 0; i < count; i++) {
        buffer_add(out, "<tr><td width=\"20\" valign=\"top\" style=\"" FONT
                        "font-size:14px;line-height:20px;color:#1a1d21\">");
        if (numbered) {
            buffer_add(out, "%u.", (unsigned)i + 1);
        } else {
            buffer_add(out, "&#8226;");
        }
        buffer_add(out, "</td><td valign=\"top\" style=\"" FONT
                        "font-size:14px;line-height:20px;color:#1a1d21;padding:0 0 3px 0\">");
        report_add_escaped(out, lines[i]);
        buffer_add(out, "</td></tr>\n");
    }
    buffer_add(out, "</table></td></tr>\n");
}

/* One column of the chart: a pale cell with a strong one on top. Its height is in the markup, since neither
 * Word nor Internet Explorer 6 draws a percentage of a height. */
static void add_column(struct buffer *out, int height, struct colours colours)
{
    buffer_add(out, "<td width=\"2%%\" height=\"%d\" valign=\"bottom\" style=\"" CELL_EXACT "\">",
               HTML_CHART_HEIGHT);
    if (height > 0) {
        buffer_add(out,
                   TABLE "<tr><td height=\"3\" bgcolor=\"%s\" style=\"height:3px;" CELL_EXACT
                         "\">&nbsp;</td></tr>",
                   colours.strong);
        if (height > 3) {
            buffer_add(out,
                       "<tr><td height=\"%d\" bgcolor=\"%s\" style=\"height:%dpx;" CELL_EXACT
                       "\">&nbsp;</td></tr>",
                       height - 3, colours.pale, height - 3);
        }
        buffer_add(out, "</table>");
    } else {
        buffer_add(out, "&nbsp;");
    }
    buffer_add(out, "</td>\n");
}

static void add_html_chart(struct buffer *out, const struct telling *telling, struct colours colours)
{
    const struct alert *alert = telling->alert;
    double slots[HTML_SLOTS];
    if ((!is_growing(telling) && !is_over(telling)) ||
        !report_slots(alert->points, alert->point_count, slots, HTML_SLOTS)) {
        return;
    }
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < HTML_SLOTS; i++) {
        low = fmin(low, slots[i]);
        high = fmax(high, slots[i]);
    }
    if (!isfinite(low) || !isfinite(high)) {
        return; /* nothing known in it */
    }
    const struct report_axis axis = report_axis_make(telling->unit, low, high, 4);
    const int64_t from_ms = alert->points[0].t_ms;
    const int64_t span_ms = alert->points[alert->point_count - 1].t_ms - from_ms;
    char heading[256];
    struct text text = text_on(heading, sizeof(heading));
    text_add(&text, "History of the %s, %s", telling->metric, report_axis_label(&axis, axis.low).s);
    text_add(&text, " to %s", report_axis_label(&axis, axis.high).s);
    add_heading(out, heading);
    buffer_add(out, "<tr><td style=\"border-top:1px solid #d6dce4;border-bottom:1px solid #6b7686\">"
                    "<table width=\"100%%\" border=\"0\" cellspacing=\"1\" cellpadding=\"0\" "
                    "style=\"table-layout:fixed\"><tr>\n");
    for (size_t i = 0; i < HTML_SLOTS; i++) {
        const int64_t middle_ms = from_ms + (int64_t)((double)span_ms * ((double)i + 0.5) / HTML_SLOTS);
        const bool judged = alert->has_fit && middle_ms >= alert->fit_from_utc_ms && is_growing(telling);
        const double part = (slots[i] - axis.low) / (axis.high - axis.low);
        const int height = isnan(part) ? 0 : 3 + (int)lround(part * (HTML_CHART_HEIGHT - 3));
        add_column(out, height, judged ? colours : colours_quiet);
    }
    buffer_add(out, "</tr></table></td></tr>\n<tr><td>" TABLE "<tr><td " SMALL ">%s UTC</td>",
               words_clock(from_ms, span_ms).s);
    buffer_add(out, "<td align=\"right\" valign=\"top\" " SMALL ">%s UTC</td></tr></table></td></tr>\n",
               words_clock(from_ms + span_ms, span_ms).s);
}

static char *html_text(const struct telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct colours colours = colours_of(telling);
    struct buffer out = {0};
    char line[TEXT_LINE_MAX];
    buffer_add(&out,
               "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n<html lang=\"en\"><head>"
               "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "
               "content=\"light\"><title>");
    report_add_escaped(&out, telling->lead);
    buffer_add(
        &out,
        "</title></head>\n<body bgcolor=\"#ffffff\" style=\"margin:0;padding:0;background-color:#ffffff\">\n"
        "<!--[if mso | IE]><table width=\"600\" border=\"0\" cellspacing=\"0\" "
        "cellpadding=\"0\"><tr><td><![endif]-->\n"
        "<table width=\"100%%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\" bgcolor=\"#ffffff\" "
        "style=\"max-width:600px;background-color:#ffffff\">\n");
    buffer_add(&out,
               "<tr><td height=\"6\" bgcolor=\"%s\" style=\"height:6px;" CELL_EXACT "\">&nbsp;</td></tr>\n"
               "<tr><td style=\"padding:16px 16px 20px 16px\">" TABLE "\n"
               "<tr><td style=\"" FONT "font-size:12px;line-height:16px;font-weight:bold;color:%s\">",
               colours.strong, colours.strong);
    report_add_escaped(&out, telling->host);
    if (!telling->lead_is_headline) {
        buffer_add(&out, " &#183; %s", telling->wording->headline);
    }
    buffer_add(&out, "</td></tr>\n<tr><td style=\"" FONT
                     "font-size:19px;line-height:26px;font-weight:bold;color:#1a1d21;padding:2px 0 0 0\">");
    report_add_escaped(&out, telling->lead);
    buffer_add(&out, "</td></tr>\n");
    for (const char *rest = alert->text; (rest = next_line(rest, line, sizeof(line))) != NULL;) {
        buffer_add(&out, "<tr><td style=\"" FONT
                         "font-size:14px;line-height:20px;color:#1a1d21;padding:8px 0 0 0\">");
        report_add_escaped(&out, line);
        buffer_add(&out, "</td></tr>\n");
    }
    add_numbers(&out, telling, colours);
    add_usage(&out, telling, colours);
    add_facts(&out, telling);
    if (alert->has_ranking && is_growing(telling) && report_culprits_shown(&alert->ranking) > 0) {
        add_heading(&out, "Who grew in the same time");
        report_culprits_html(&out, &alert->ranking);
    }
    if (alert->done_count > 0) {
        add_heading(&out, done_heading(alert));
        add_lines(&out, alert->done, alert->done_count, false);
    }
    add_heading(&out, "What to do now");
    if (alert->todo_count > 0) {
        add_lines(&out, alert->todo, alert->todo_count, true);
    } else {
        buffer_add(&out, "<tr><td style=\"" FONT
                         "font-size:14px;line-height:20px;color:#1a1d21\">Nothing.</td></tr>\n");
    }
    add_html_chart(&out, telling, colours);
    buffer_add(&out, "<tr><td style=\"" FONT
                     "font-size:12px;line-height:16px;color:#5a6270;padding:20px 0 0 0\">storewatch on ");
    report_add_escaped(&out, telling->host);
    buffer_add(&out, ", %s", words_time(alert->utc_ms).s);
    if (telling->incident != NULL) {
        buffer_add(&out, ", incident %" PRId64, telling->incident->id);
    }
    buffer_add(&out, "</td></tr>\n</table></td></tr>\n</table>\n<!--[if mso | "
                     "IE]></td></tr></table><![endif]-->\n</body></html>\n");
    return buffer_take(&out);
}

/* ---- all together ---- */

static void mail_key(const struct alert *alert, char *out_key, size_t capacity)
{
    struct text key = text_on(out_key, capacity);
    const char *kind = alert_wording_get(alert->kind)->name;
    const size_t length = strlen(kind);
    if (alert->has_incident && alert->key[0] == 'i') {
        text_add(&key, "%s.%s.%" PRId64, alert->key, kind, alert->incident.opened_utc_ms);
    } else if (strncmp(alert->key, kind, length) == 0 && alert->key[length] == '-') {
        text_add(&key, "%s", alert->key);
    } else {
        text_add(&key, "%s-%s", kind, alert->key);
    }
}

enum status report_mail(const struct alert *alert, const char *subject_prefix, struct mail *out_mail)
{
    struct telling telling;
    telling_init(&telling, alert);
    struct mail mail = {0};
    struct text subject = text_on(mail.subject, sizeof(mail.subject));
    if (subject_prefix[0] != '\0') {
        report_add_line(&subject, subject_prefix);
        text_add(&subject, " ");
    }
    add_subject(&subject, &telling);
    mail_key(alert, mail.key, sizeof(mail.key));
    mail.plain = plain_text(&telling);
    mail.html = html_text(&telling);
    if (mail.plain == NULL || mail.html == NULL) {
        mail_deinit(&mail);
        return STATUS_NO_MEMORY;
    }
    *out_mail = mail;
    return STATUS_OK;
}

void report_event(const struct alert *alert, struct text *text)
{
    char storage[EVENT_MAX];
    char line[TEXT_LINE_MAX];
    struct text event = text_on(storage, sizeof(storage));
    struct telling telling;
    telling_init(&telling, alert);
    text_add(&event, "%s\n", telling.lead);
    for (const char *rest = alert->text; (rest = next_line(rest, line, sizeof(line))) != NULL;) {
        text_add(&event, "%s\n", line);
    }
    for (size_t i = 0; i < telling.fact_count; i++) {
        text_add(&event, "%s: %s\n", telling.facts[i].label, telling.facts[i].value);
    }
    for (size_t i = 0; i < alert->done_count; i++) {
        clean(line, sizeof(line), alert->done[i]);
        text_add(&event, "%s: %s\n", alert->kind == ALERT_DIGEST ? "Watched" : "Done", line);
    }
    for (size_t i = 0; i < alert->todo_count; i++) {
        clean(line, sizeof(line), alert->todo[i]);
        text_add(&event, "To do: %s\n", line);
    }
    if (event.length > 0 && event.data[event.length - 1] == '\n') {
        event.data[--event.length] = '\0';
    }
    text_add_bytes(text, event.data, event.length);
}

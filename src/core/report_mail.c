/* report_mail.c - an alert as a mail and as an event: the same facts (report_telling.c) make all of its
 * texts. What was done and what to do follow the facts, and a chart ends it. */
#include "report_culprit.h"
#include "report_telling.h"

#include <inttypes.h>
#include <string.h>

#define PLAIN_WIDTH 76
#define PLAIN_LABEL_WIDTH 10
#define PLAIN_SLOTS 10
#define PLAIN_BAR 36
#define LAST_ROW_TOLERANCE 0.25 /* of the longest bar, between the last row and the last value */

/* ---- plain text ---- */

/* Words in lines of PLAIN_WIDTH characters; the first begins at `column`, the others at `indent`. A word that
 * is longer gets a line of its own: a path stays in one piece. */
static void add_wrapped(struct buffer *out, size_t column, size_t indent, const char *words)
{
    bool first = true;
    while (*words != '\0') {
        const size_t length = strcspn(words, " ");
        size_t shown = 0; /* characters, not bytes */
        for (size_t i = 0; i < length; i++)
            shown += ((unsigned char)words[i] & 0xC0U) != 0x80U ? 1 : 0;
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

static void add_plain_row(struct buffer *out, const struct report_telling *telling, const char *clock,
                          double value, double top, bool grows)
{
    const struct words words = words_quantity(telling->unit, value);
    buffer_add(out, "  %s  %14s  ", clock, isnan(value) ? "not known" : words.s);
    const int length = top > 0.0 && value > 0.0 ? (int)lround(value / top * PLAIN_BAR) : 0;
    for (int k = 0; k < length; k++)
        buffer_add(out, grows ? "#" : "-");
    buffer_add(out, "\n");
}

static void add_plain_chart(struct buffer *out, const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    double slots[PLAIN_SLOTS];
    if ((!report_is_growing(telling) && !report_is_over(telling)) ||
        !report_slots(alert->points, alert->point_count, slots, PLAIN_SLOTS))
        return;
    const int64_t from_ms = alert->points[0].t_ms;
    const struct series_point *last = &alert->points[alert->point_count - 1];
    const int64_t span_ms = last->t_ms - from_ms;
    double top = 0.0;
    for (size_t i = 0; i < PLAIN_SLOTS; i++)
        top = slots[i] > top ? slots[i] : top;
    /* What rises or falls within the last row is not lost in its mean. */
    const bool turns = fabs(last->mean - slots[PLAIN_SLOTS - 1]) > LAST_ROW_TOLERANCE * fmax(top, last->mean);
    top = turns ? fmax(top, last->mean) : top;
    bool growth_shown = false;
    buffer_add(out, "\nHistory of the %s (times are UTC)\n", telling->metric);
    for (size_t i = 0; i < PLAIN_SLOTS; i++) {
        const int64_t middle_ms = from_ms + (int64_t)((double)span_ms * ((double)i + 0.5) / PLAIN_SLOTS);
        const bool grows = report_grows_at(telling, middle_ms);
        add_plain_row(out, telling, words_clock(middle_ms, span_ms).s, slots[i], top, grows);
        growth_shown = growth_shown || grows;
    }
    if (turns) {
        const bool grows = report_grows_at(telling, last->t_ms);
        add_plain_row(out, telling, words_clock(last->t_ms, span_ms).s, last->mean, top, grows);
        growth_shown = growth_shown || grows;
    }
    if (growth_shown)
        buffer_add(out, "  (# since the growth began)\n");
}

static char *plain_text(const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    struct buffer out = {0};
    char line[REPORT_LINE_MAX];
    buffer_add(&out, "%s\n", telling->lead); /* one line, however long: previews show it */
    const char *rest = telling->rest;
    for (bool first = true; (rest = report_next_line(rest, line, sizeof(line))) != NULL; first = false) {
        buffer_add(&out, first ? "\n" : "");
        add_wrapped(&out, 0, 2, line);
    }
    for (size_t i = 0; i < telling->fact_count; i++) {
        buffer_add(&out, "%s%-*s ", i == 0 ? "\n" : "", PLAIN_LABEL_WIDTH, telling->facts[i].label);
        add_wrapped(&out, PLAIN_LABEL_WIDTH + 1, PLAIN_LABEL_WIDTH + 1, telling->facts[i].value);
    }
    if (alert->has_ranking && report_is_growing(telling))
        report_culprits_plain(&out, &alert->ranking);
    for (size_t i = 0; i < alert->done_count; i++) {
        if (i == 0)
            buffer_add(&out, "\n%s\n", report_done_heading(alert));
        report_clean(line, sizeof(line), alert->done[i]);
        buffer_add(&out, "  - ");
        add_wrapped(&out, 4, 4, line);
    }
    buffer_add(&out, "\nWhat to do now\n");
    for (size_t i = 0; i < alert->todo_count; i++) {
        report_clean(line, sizeof(line), alert->todo[i]);
        buffer_add(&out, "  %u. ", (unsigned)i + 1);
        add_wrapped(&out, 5, 5, line);
    }
    if (alert->todo_count == 0)
        buffer_add(&out, "  Nothing.\n");
    add_plain_chart(&out, telling);
    buffer_add(&out, "\n-- \nstorewatch on %s, %s", telling->host, words_time(alert->utc_ms).s);
    if (telling->incident != NULL)
        buffer_add(&out, ", incident %" PRId64, telling->incident->id);
    buffer_add(&out, "\n");
    return buffer_take(&out);
}

/* ---- all together ---- */

static void mail_key(const struct report_telling *telling, char *out_key, size_t capacity)
{
    const struct alert *alert = telling->alert;
    struct text key = text_on(out_key, capacity);
    const char *kind = alert_wording_get(alert->kind)->name;
    const size_t length = strlen(kind);
    if (alert->has_incident && alert->key[0] == 'i') {
        text_add(&key, "%s.%s%s.%" PRId64, alert->key, kind, report_key_mark(alert->kind, telling->severity),
                 alert->incident.opened_utc_ms);
    } else if (strncmp(alert->key, kind, length) == 0 && alert->key[length] == '-') {
        text_add(&key, "%s", alert->key);
    } else {
        text_add(&key, "%s-%s", kind, alert->key);
    }
}

enum status report_mail(const struct alert *alert, const char *subject_prefix, struct mail *out_mail)
{
    struct report_telling telling;
    report_telling_init(&telling, alert);
    struct mail mail = {0};
    struct text subject = text_on(mail.subject, sizeof(mail.subject));
    if (subject_prefix[0] != '\0') {
        report_add_line(&subject, subject_prefix);
        text_add(&subject, " ");
    }
    report_add_subject(&subject, &telling);
    text_tell_cut(&subject);
    mail_key(&telling, mail.key, sizeof(mail.key));
    mail.plain = plain_text(&telling);
    mail.html = report_mail_html(&telling);
    if (mail.plain == NULL || mail.html == NULL) {
        mail_deinit(&mail);
        return STATUS_NO_MEMORY;
    }
    *out_mail = mail;
    return STATUS_OK;
}

/* ---- the event ---- */

struct event_text {
    char storage[REPORT_EVENT_MAX];
    struct text text;
    const char *cut; /* the words for it, with '\n' before */
    bool full;
};

/* Up to where the line may be cut so that it is at most `most` bytes: the end of a sentence, 0 = none. */
static size_t sentences_within(const char *line, size_t most)
{
    size_t end = 0;
    for (size_t i = 0; line[i] != '\0' && i < most; i++)
        if (line[i] == '.' && (line[i + 1] == ' ' || line[i + 1] == '\0'))
            end = i + 1;
    return end;
}

/* A line, or what of its sentences there is room for; nothing follows the cut. */
static void event_add(struct event_text *event, const char *label, const char *line)
{
    if (event->full)
        return;
    const char *colon = label[0] != '\0' ? ": " : "", *next = event->text.length > 0 ? "\n" : "";
    const size_t begin = strlen(next) + strlen(label) + strlen(colon);
    const size_t room = sizeof(event->storage) - 1 - event->text.length - strlen(event->cut);
    size_t length = strlen(line);
    if (begin + length > room) {
        length = room > begin ? sentences_within(line, room - begin) : 0;
        event->full = true;
    }
    if (length > 0)
        text_add(&event->text, "%s%s%s%.*s", next, label, colon, (int)length, line);
    if (event->full)
        text_add(&event->text, "%s", event->cut);
}

/* The first lines count: what it is, what to do, what was done. The facts follow, and what does not fit is
 * the end of these. */
void report_event(const struct alert *alert, struct text *text)
{
    char line[REPORT_LINE_MAX];
    struct event_text event = {.cut = alert_wording_get(alert->kind)->mailed
                                          ? "\n(Cut here: the mail has all of it.)"
                                          : "\n(Cut here.)"};
    event.text = text_on(event.storage, sizeof(event.storage));
    struct report_telling telling;
    report_telling_init(&telling, alert);
    event_add(&event, "", telling.lead);
    for (const char *rest = telling.rest; (rest = report_next_line(rest, line, sizeof(line))) != NULL;)
        event_add(&event, "", line);
    for (size_t i = 0; i < alert->todo_count; i++) {
        report_clean(line, sizeof(line), alert->todo[i]);
        event_add(&event, "To do", line);
    }
    for (size_t i = 0; i < alert->done_count; i++) {
        report_clean(line, sizeof(line), alert->done[i]);
        event_add(&event, alert->kind == ALERT_DIGEST ? "Watched" : "Done", line);
    }
    for (size_t i = 0; i < telling.fact_count; i++)
        event_add(&event, telling.facts[i].label, telling.facts[i].value);
    text_add_bytes(text, event.text.data, event.text.length);
}

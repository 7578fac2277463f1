/* report_tables.c - see report_tables.h. What is open and when it ends comes first, then who the MAPI clients
 * are and what they have loaded, then what happened. */
#include "culprit_record.h"
#include "json_values.h"
#include "report_tables.h"

#include "storewatch/culprit.h"
#include "storewatch/report.h"
#include "storewatch/units.h"

#include <stdlib.h>
#include <string.h>

#define CELL_MAX 640
#define COLUMNS(names) names, ARRAY_COUNT(names)

/* The cells of the row that is being made. */
struct row {
    size_t count;
    char cells[REPORT_COLUMNS_MAX][CELL_MAX];
};

static struct text cell(struct row *row)
{
    return text_on(row->cells[row->count++], CELL_MAX);
}

static void cell_words(struct row *row, const char *words)
{
    struct text text = cell(row);
    text_add(&text, "%s", words);
}

static void cell_time(struct row *row, int64_t utc_ms)
{
    struct text text = cell(row);
    text_add_time_human(&text, utc_ms);
}

static void cell_lasted(struct row *row, int64_t from_utc_ms, int64_t to_utc_ms)
{
    struct text text = cell(row);
    if (to_utc_ms == 0)
        text_add(&text, "not ended");
    else if (to_utc_ms < from_utc_ms)
        text_add(&text, "unknown"); /* the clock was set back meanwhile */
    else
        text_add_duration(&text, to_utc_ms - from_utc_ms);
}

static void row_end(struct row *row, struct report_table *table, enum severity severity)
{
    const char *cells[REPORT_COLUMNS_MAX];
    for (size_t i = 0; i < row->count; i++)
        cells[i] = row->cells[i];
    report_table_row(table, cells, severity);
    row->count = 0;
}

void report_name_growth(const struct incident *incident, char *out_name, size_t capacity)
{
    struct text text = text_on(out_name, capacity);
    text_add(&text, "%s of ", metric_name(incident->metric));
    if (incident->target_kind == TARGET_HOST)
        text_add(&text, "the machine");
    else if (text_equal_nocase(incident->image, incident->target)) /* a discovered one */
        text_add(&text, "%s", incident->image);
    else
        text_add(&text, "%s (%s)", incident->image, incident->target);
}

const char *report_restart_result(const struct restart_journal *restart)
{
    return restart->phase == RESTART_ENDED ? restart_outcome_name(restart->outcome)
                                           : restart_phase_name(restart->phase);
}

/* "private bytes of store.exe (MSExchangeIS)", and its process */
static void add_subject(struct text *text, const struct incident *incident)
{
    char name[160];
    report_name_growth(incident, name, sizeof name);
    text_add(text, "%s", name);
    if (incident->target_kind != TARGET_HOST)
        text_add(text, "\npid %u", (unsigned)incident->process.pid);
}

/* ---- what is open, and when it ends ---- */

static void add_foreseen(struct text *text, int64_t utc_ms, int64_t now_utc_ms)
{
    if (utc_ms == INT64_MAX)
        text_add(text, "not foreseeable");
    else
        text_add_time_foreseen(text, utc_ms, now_utc_ms);
}

static void forecast_row(struct row *row, const struct incident *incident, int64_t now_utc_ms)
{
    enum unit unit = metric_unit(incident->metric);
    struct text text = cell(row);
    add_subject(&text, incident);
    text = cell(row);
    text_add_quantity(&text, unit, incident->level_now);
    text = cell(row);
    text_add_rate_interval(&text, unit, incident->slope_per_hour, incident->slope_low_per_hour,
                           incident->slope_high_per_hour);
    text = cell(row);
    if (reading_known(incident->limit)) {
        text_add_quantity(&text, unit, incident->limit);
        text_add(&text, "\n%s", incident->limit_name);
    } else {
        text_add(&text, "none is known");
    }
    text = cell(row);
    if (incident_limit_reached(incident))
        text_add(&text, "the limit is reached");
    else
        add_foreseen(&text, incident->exhaustion_utc_ms, now_utc_ms);
    if (!incident_limit_reached(incident) && incident->exhaustion_early_utc_ms != INT64_MAX) {
        const bool ever = incident->exhaustion_late_utc_ms == INT64_MAX;
        text_add(&text, ever ? "\nnot before " : "\nfrom ");
        add_foreseen(&text, incident->exhaustion_early_utc_ms, now_utc_ms);
        if (!ever) {
            text_add(&text, "\nto ");
            add_foreseen(&text, incident->exhaustion_late_utc_ms, now_utc_ms);
        }
    }
    cell_words(row, incident->held_because[0] ? incident->held_because : "nothing");
}

/* Earlier to end; of two that end at the same time (or never, as far as can be seen) the one that stands
 * first. */
static bool ends_before(const struct incident *a, const struct incident *b)
{
    return a->exhaustion_utc_ms != b->exhaustion_utc_ms ? a->exhaustion_utc_ms < b->exhaustion_utc_ms : a < b;
}

const struct incident *report_next_to_end(const struct history *history, const struct incident *incident)
{
    const struct incident *next = NULL;
    for (size_t i = 0; i < history->incident_count; i++) {
        const struct incident *candidate = &history->incidents[i];
        if (candidate->state != INCIDENT_CLOSED && (!incident || ends_before(incident, candidate)) &&
            (!next || ends_before(candidate, next)))
            next = candidate;
    }
    return next;
}

static void add_forecasts(struct buffer *page, const struct history *history, int64_t now_utc_ms,
                          struct row *row)
{
    static const char *const columns[] = {"what grows", "level now", "rate (interval)",
                                          "limit",      "ends",      "holds a restart back"};
    struct report_table table;
    report_table_begin(&table, page, "Open incidents, and when they end", "", COLUMNS(columns), 0);
    for (const struct incident *incident = NULL;
         (incident = report_next_to_end(history, incident)) != NULL;) {
        forecast_row(row, incident, now_utc_ms);
        row_end(row, &table, incident->escalated ? SEVERITY_ERROR : SEVERITY_WARNING);
    }
    report_table_end(&table, "None was open when the record ends.");
}

/* ---- the clients and their DLLs ---- */

static void dll_row(struct row *row, const json_t *client, const json_t *dll)
{
    struct text text = cell(row);
    text_add(&text, "%s", json_words_get(client, "image", "unknown"));
    text_add(&text, "\npid %d", (int)json_integer_value(json_object_get(client, "pid")));
    cell_words(row, json_words_get(client, "how", "unknown"));
    text = cell(row);
    const char *path = json_words_get(dll, "path", "unknown");
    text_add(&text, "%s\n%s", path_file_name(path), path);
    cell_words(row, json_words_get(dll, "loaded", "unknown"));
    cell_words(row, json_words_get(dll, "on_disk", "unknown"));
    cell_words(row, json_words_get(dll, "kb898782", "unknown"));
}

static enum fix_state fix_of(const json_t *dll)
{
    static const enum fix_state known[] = {FIX_MISSING, FIX_PRESENT, FIX_NOT_APPLICABLE};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (strcmp(json_words_get(dll, "kb898782", ""), fix_state_name(known[i])) == 0)
            return known[i];
    return FIX_UNKNOWN;
}

static void dll_rows(struct row *row, struct report_table *table, const json_t *status, enum fix_state fix,
                     enum severity severity)
{
    const json_t *watched = json_object_get(status, "watched");
    for (size_t i = 0; i < json_array_size(watched); i++) {
        const json_t *client = json_array_get(watched, i), *dlls = json_object_get(client, "dlls");
        for (size_t d = 0; d < json_array_size(dlls); d++) {
            const json_t *dll = json_array_get(dlls, d);
            if (fix_of(dll) != fix)
                continue;
            dll_row(row, client, dll);
            row_end(row, table, severity);
        }
    }
}

static void add_dlls(struct buffer *page, const json_t *status, struct row *row)
{
    static const char *const columns[] = {"program",        "found because it", "DLL",
                                          "version loaded", "version on disk",  "fix of KB 898782"};
    char note[160], at[40];
    int64_t at_utc_ms = 0;
    struct text text = text_on(at, sizeof at);
    if (time_parse_iso(json_words_get(status, "at", ""), &at_utc_ms) == STATUS_OK)
        text_add_time_human(&text, at_utc_ms);
    else
        text_add(&text, "an unknown time");
    text = text_on(note, sizeof note);
    text_add(&text,
             "What was loaded at %s. A fix that is on disk only takes effect when the program is restarted.",
             at);
    struct report_table table;
    report_table_begin(&table, page, "MAPI clients and their DLLs", status ? note : "", COLUMNS(columns), 5);
    static const struct {
        enum fix_state fix;
        enum severity severity;
    } order[] = {{FIX_MISSING, SEVERITY_ERROR},
                 {FIX_UNKNOWN, SEVERITY_WARNING},
                 {FIX_PRESENT, SEVERITY_INFORMATION},
                 {FIX_NOT_APPLICABLE, SEVERITY_INFORMATION}};
    for (size_t o = 0; o < ARRAY_COUNT(order); o++)
        dll_rows(row, &table, status, order[o].fix, order[o].severity);
    report_table_end(&table, status
                                 ? "No watched program had a DLL of MAPI loaded."
                                 : "Not known: the service has not kept its status with this history yet.");
}

/* ---- who makes it grow ---- */

/* Of bytes and handles what grew. */
static void add_grown(struct text *text, const json_t *culprit)
{
    double bytes = json_number_get(culprit, "growth_bytes"),
           handles = json_number_get(culprit, "growth_handles");
    if (bytes > 0 || !(handles > 0))
        text_add_quantity(text, UNIT_BYTES, bytes);
    if (handles > 0) {
        text_add(text, bytes > 0 ? "\n" : "");
        text_add_quantity(text, UNIT_HANDLES, handles);
    }
}

static void add_share(struct text *text, const json_t *culprit)
{
    struct culprit known = {.share = json_number_get(culprit, "share"),
                            .share_low = json_number_get(culprit, "share_low"),
                            .share_high = json_number_get(culprit, "share_high")};
    double in_step = json_number_get(culprit, "in_step");
    if (!isnan(known.share) && !isnan(known.share_low) && !isnan(known.share_high))
        text_add_culprit_share(text, &known);
    else if (!isnan(in_step)) /* what is held in the store is accounted to nobody */
        text_add(text, "in step with it: %.2f", in_step);
    else
        text_add(text, "not known");
}

static void add_lead(struct text *text, const json_t *culprit)
{
    int64_t lead_ms;
    if (!json_ms_get(culprit, "lead_ms", &lead_ms)) {
        text_add(text, "not known");
    } else if (json_number_get(culprit, "lead_low_ms") <= 0 &&
               json_number_get(culprit, "lead_high_ms") >= 0) {
        text_add(text, "with it");
    } else {
        text_add_duration(text, lead_ms >= 0 ? lead_ms : -lead_ms);
        text_add(text, lead_ms >= 0 ? " before it" : " after it");
    }
}

static bool is_suspected(const json_t *culprit)
{
    return strcmp(json_words_get(culprit, "confidence", ""), culprit_confidence_name(CULPRIT_NOBODY)) != 0;
}

static void culprit_row(struct row *row, const struct incident *incident, const json_t *culprit)
{
    char what[160];
    report_name_growth(incident, what, sizeof what);
    struct text text = cell(row);
    text_add(&text, incident->state == INCIDENT_CLOSED ? "%s\nended " : "%s\nnot ended", what);
    if (incident->state == INCIDENT_CLOSED)
        text_add_time_human(&text, incident->closed_utc_ms);
    text = cell(row);
    const char *service = json_words_get(culprit, "service", "");
    text_add(&text, "%s (%s, pid %d", json_words_get(culprit, "image", "unknown"),
             json_words_get(culprit, "kind", "?"), (int)json_integer_value(json_object_get(culprit, "pid")));
    const int processes = (int)json_integer_value(json_object_get(culprit, "processes"));
    text_add(&text, processes > 1 ? ", %d processes)" : ")", processes); /* an older version wrote none */
    if (service[0])
        text_add(&text, "\nservice %s", service);
    text = cell(row);
    add_grown(&text, culprit);
    text = cell(row);
    add_share(&text, culprit);
    text = cell(row);
    add_lead(&text, culprit);
    /* Of the ranking "nobody stands out", of one of many: */
    cell_words(row, is_suspected(culprit) ? json_words_get(culprit, "confidence", "unknown")
                                          : "does not stand out");
    text = cell(row);
    const json_t *doubts = json_object_get(culprit, "doubts");
    for (size_t i = 0; i < json_array_size(doubts); i++) {
        const char *doubt = json_string_value(json_array_get(doubts, i));
        text_add(&text, "%s%s", i ? "; " : "", doubt ? doubt : "unknown");
    }
}

/* Of an incident that has ended only those that were suspected, or the first. */
static void culprit_rows(struct row *row, struct report_table *table, const struct incident *incident,
                         const json_t *culprits)
{
    const json_t *list = json_object_get(culprits, "items");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *culprit = json_array_get(list, i);
        bool suspected = is_suspected(culprit);
        if (incident->state == INCIDENT_CLOSED && i > 0 && !suspected)
            break;
        culprit_row(row, incident, culprit);
        row_end(row, table, suspected ? SEVERITY_WARNING : SEVERITY_INFORMATION);
    }
}

static json_t *status_culprits(const json_t *status, int64_t incident_id)
{
    const json_t *incidents = json_object_get(status, "incidents");
    for (size_t i = 0; i < json_array_size(incidents); i++) {
        const json_t *incident = json_array_get(incidents, i);
        if (json_integer_value(json_object_get(incident, "id")) == incident_id)
            return json_object_get(incident, "culprits");
    }
    return NULL;
}

/* As the kept status has it; where that knows nobody, and of an incident that has ended, as the history keeps
 * it. A new reference; NULL = none. */
static json_t *culprits_of(const struct history *history, const json_t *status,
                           const struct incident *incident)
{
    json_t *culprits = incident->state == INCIDENT_CLOSED ? NULL : status_culprits(status, incident->id);
    if (json_array_size(json_object_get(culprits, "items")) > 0)
        return json_incref(culprits);
    json_t *record = culprit_record_read(history->store, incident->id);
    culprits = json_incref(json_object_get(record, "culprits"));
    json_decref(record);
    return culprits;
}

static void add_culprits(struct buffer *page, const struct history *history, const json_t *status,
                         struct row *row)
{
    static const char *const columns[] = {"what grew", "who",        "grew by", "part of the growth",
                                          "began",     "the cause?", "doubts"};
    struct report_table table;
    report_table_begin(&table, page, "Who made it grow", "", COLUMNS(columns), 5);
    for (int ended = 0; ended < 2; ended++)
        for (size_t i = 0; i < history->incident_count; i++) {
            const struct incident *incident = &history->incidents[i];
            if ((incident->state == INCIDENT_CLOSED) != ended)
                continue;
            json_t *culprits = culprits_of(history, status, incident);
            culprit_rows(row, &table, incident, culprits);
            json_decref(culprits);
        }
    report_table_end(
        &table, "Nobody to tell of: a program that grows by itself is named with its incident; who else is "
                "behind it is asked when the machine or the Information Store grows.");
}

/* ---- what happened ---- */

/* How fast, and from what to what until the incident was opened. */
static void add_growth(struct text *text, const struct incident *incident)
{
    enum unit unit = metric_unit(incident->metric);
    text_add_rate_interval(text, unit, incident->slope_per_hour, incident->slope_low_per_hour,
                           incident->slope_high_per_hour);
    text_add(text, "\nfrom ");
    text_add_quantity(text, unit, incident->level_at_onset);
    text_add(text, " to ");
    text_add_quantity(text, unit, incident->level_at_open);
    text_add(text, "\nsince ");
    text_add_time_human(text, incident->onset_utc_ms);
}

/* What was done, and what came of it. */
static void add_end(struct text *text, const struct history *history, const struct incident *incident)
{
    for (size_t i = history->restart_count; i-- > 0;) {
        const struct restart_journal *restart = &history->restarts[i];
        if (restart->incident_id != incident->id)
            continue;
        text_add(text, "restart of %s: %s\n", restart->target, report_restart_result(restart));
    }
    text_add(text, incident->state == INCIDENT_CLOSED ? "ended at " : "not ended: now ");
    text_add_quantity(text, metric_unit(incident->metric), incident->level_now);
    text_add(text, "\n%s", incident->reason);
}

static void add_incidents(struct buffer *page, const struct history *history, struct row *row)
{
    static const char *const columns[] = {"opened", "lasted", "what", "how it grew", "how it ended, and why"};
    struct report_table table;
    report_table_begin(&table, page, "Incidents", "", COLUMNS(columns), 2);
    for (size_t i = 0; i < history->incident_count; i++) {
        const struct incident *incident = &history->incidents[i];
        cell_time(row, incident->opened_utc_ms);
        cell_lasted(row, incident->opened_utc_ms, incident->closed_utc_ms);
        struct text text = cell(row);
        add_subject(&text, incident);
        text = cell(row);
        add_growth(&text, incident);
        text = cell(row);
        add_end(&text, history, incident);
        row_end(row, &table, incident->state == INCIDENT_CLOSED ? SEVERITY_INFORMATION : SEVERITY_WARNING);
    }
    report_table_end(&table, NULL);
}

static void add_restarts(struct buffer *page, const struct history *history, struct row *row)
{
    static const char *const columns[] = {"begun", "took", "restart of",
                                          "services, in the order of the stops", "because"};
    struct report_table table;
    report_table_begin(&table, page, "Controlled restarts", "", COLUMNS(columns), 2);
    for (size_t i = 0; i < history->restart_count; i++) {
        const struct restart_journal *restart = &history->restarts[i];
        bool ended = restart->phase == RESTART_ENDED;
        cell_time(row, restart->begun_utc_ms);
        cell_lasted(row, restart->begun_utc_ms, restart->ended_utc_ms);
        struct text text = cell(row);
        text_add(&text, "%s\n%s", restart->target, report_restart_result(restart));
        text = cell(row);
        for (size_t s = 0; s < restart->plan.count; s++)
            text_add(&text, "%s%s", s ? ", " : "", restart->plan.services[s].name);
        cell_words(row, restart->reason);
        row_end(row, &table,
                ended && restart->outcome == RESTART_SUCCEEDED ? SEVERITY_INFORMATION : SEVERITY_WARNING);
    }
    report_table_end(&table, NULL);
}

static void mail_row(struct row *row, const struct outbox_entry *mail)
{
    cell_time(row, mail->queued_utc_ms);
    cell_words(row, mail->mail.subject);
    struct text text = cell(row);
    if (mail->state == MAIL_PENDING) {
        text_add(&text, "waits");
    } else {
        int64_t after_ms = mail->done_utc_ms - mail->queued_utc_ms;
        text_add(&text, "%s ", history_mail_state(mail->state));
        text_add(&text, after_ms >= MS_PER_SECOND ? "after " : "at once");
        if (after_ms >= MS_PER_SECOND)
            text_add_duration(&text, after_ms);
    }
    text_add(&text, ", %u attempt%s", mail->attempts, mail->attempts == 1 ? "" : "s");
    cell_words(row, mail->last_answer);
}

/* ---- together ---- */

json_t *report_status(const struct history *history)
{
    char *words = malloc(STORE_STATUS_BYTES_MAX);
    json_t *status = NULL;
    if (words && store_get_setting(history->store, STORE_SETTING_STATUS, words, STORE_STATUS_BYTES_MAX,
                                   NULL) == STATUS_OK)
        status = json_loads(words, 0, NULL);
    free(words);
    return status;
}

/* Of the open incident that ends first, of those of which somebody is suspected. */
static void add_who(struct text *text, const struct history *history, const json_t *status)
{
    for (const struct incident *incident = NULL;
         (incident = report_next_to_end(history, incident)) != NULL;) {
        json_t *culprits = culprits_of(history, status, incident);
        const json_t *first = json_array_get(json_object_get(culprits, "items"), 0);
        bool suspected = first && is_suspected(first);
        if (suspected)
            text_add(text, "\nWho makes it grow: %s", json_words_get(culprits, "text", "unknown"));
        json_decref(culprits);
        if (suspected)
            return;
    }
}

/* Two programs at the most; `doctor` and the table have them all. */
static void add_missing_fixes(struct text *text, const json_t *status)
{
    const json_t *watched = json_object_get(status, "watched");
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(watched); i++) {
        const json_t *dlls = json_object_get(json_array_get(watched, i), "dlls");
        for (size_t d = 0; d < json_array_size(dlls); d++)
            if (fix_of(json_array_get(dlls, d)) == FIX_MISSING && ++count <= 2)
                text_add(text, "\n%s.", json_words_get(json_array_get(dlls, d), "text", "A fix is missing"));
    }
    if (count > 2)
        text_add(text, "\n%zu more DLL%s that fix.", count - 2, count == 3 ? " lacks" : "s lack");
}

void report_summary_add(struct text *text, const struct history *history, const json_t *status)
{
    add_who(text, history, status);
    add_missing_fixes(text, status);
}

void report_tables_add(struct buffer *page, const struct history *history, const json_t *status,
                       int64_t now_utc_ms)
{
    struct row *row = calloc(1, sizeof *row);
    if (!row) {
        page->failed = true;
        return;
    }
    add_forecasts(page, history, now_utc_ms, row);
    add_culprits(page, history, status, row);
    add_dlls(page, status, row);
    add_incidents(page, history, row);
    add_restarts(page, history, row);
    free(row);
}

void report_mails_add(struct buffer *page, const struct history *history)
{
    static const char *const columns[] = {"written", "subject", "delivery", "the relay's last answer"};
    struct row *row = calloc(1, sizeof *row);
    if (!row) {
        page->failed = true;
        return;
    }
    struct report_table table;
    report_table_begin(&table, page, "Mails", "", COLUMNS(columns), 1);
    for (size_t i = 0; i < history->mail_count; i++) {
        mail_row(row, &history->mails[i]);
        row_end(row, &table, history->mails[i].severity);
    }
    report_table_end(&table, NULL);
    free(row);
}

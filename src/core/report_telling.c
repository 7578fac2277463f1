/* report_telling.c - the words of an alert: who grows how fast and how long there is, the first line, the
 * facts, the subject.
 *
 * Written for somebody who is woken by it: the subject and the first line say which machine, which process,
 * how fast and how long; then the facts. */
#include "report_telling.h"

#include <inttypes.h>
#include <string.h>

/* Of the limit, used when the growth has ended: then there is still something to say of it. */
#define MUCH_OF_LIMIT 0.5

/* ---- what is talked about ---- */

void report_clean(char *out, size_t capacity, const char *from_outside)
{
    struct text text = text_on(out, capacity);
    report_add_line(&text, from_outside);
}

static struct text fact_begin(struct report_telling *telling, const char *label)
{
    struct report_fact *fact =
        &telling
             ->facts[telling->fact_count < REPORT_FACTS_MAX ? telling->fact_count++ : REPORT_FACTS_MAX - 1];
    fact->label = label;
    return text_on(fact->value, sizeof(fact->value));
}

static bool is_foreseeable(int64_t utc_ms)
{
    return utc_ms > 0 && utc_ms != INT64_MAX;
}

bool report_is_growing(const struct report_telling *telling)
{
    static const enum alert_kind kinds[] = {ALERT_OPENED, ALERT_REMINDER, ALERT_ESCALATED, ALERT_RESTART_HELD,
                                            ALERT_RESTART_ABANDONED};
    bool growing = false;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        growing = growing || telling->alert->kind == kinds[i];
    return growing && telling->incident != NULL;
}

/* How the target stands whose restart was abandoned. */
static const char *abandoned_as(const struct alert *alert)
{
    switch (alert->service_state) {
    case SERVICE_STATE_STOPPED:
        return "it is STOPPED, not by storewatch";
    case SERVICE_STATE_ABSENT:
        return "it is DELETED, not by storewatch";
    default:
        return "nothing is down";
    }
}

bool report_is_over(const struct report_telling *telling)
{
    const enum alert_kind kind = telling->alert->kind;
    return (kind == ALERT_RECOVERED || kind == ALERT_ENDED || kind == ALERT_UNWATCHED) &&
           telling->incident != NULL;
}

static void tell_rate(struct report_telling *telling)
{
    static const char handles[] = " handles";
    const double per_hour = telling->incident->slope_per_hour;
    struct words words = words_rate(telling->unit, per_hour);
    char *word = strstr(words.s, handles); /* "handles +320 handles/h" says it twice */
    if (telling->unit == UNIT_HANDLES && word != NULL)
        memmove(word, word + strlen(handles), strlen(word + strlen(handles)) + 1);
    struct text text = text_on(telling->rate, sizeof(telling->rate));
    text_add(&text, "%s%s", isnan(per_hour) ? "rate " : per_hour > 0.0 ? "+" : "", words.s);
}

static void tell_left(struct report_telling *telling)
{
    const int64_t left_ms = telling->incident->exhaustion_utc_ms - telling->alert->utc_ms;
    struct text text = text_on(telling->left, sizeof(telling->left));
    if (!is_foreseeable(telling->incident->exhaustion_utc_ms))
        return;
    if (left_ms <= 0)
        text_add(&text, "limit reached");
    else
        text_add(&text, "%s left", words_left(left_ms).s);
}

/* ---- the first line ---- */

/* "BESAgent.exe on EX1", "EX1 as a whole" */
static void add_who(struct text *text, const struct report_telling *telling)
{
    if (telling->image[0] != '\0')
        text_add(text, "%s on %s", telling->image, telling->host);
    else
        text_add(text, "%s as a whole", telling->host);
}

static void add_growth(struct text *text, const struct report_telling *telling)
{
    text_add(text, "%s %s", telling->metric, telling->rate);
    text_add(text, telling->left[0] != '\0' ? ", %s" : ", no end foreseeable", telling->left);
}

/* When the growth began, on the clock as it is now; 0 = not known. */
static int64_t onset_utc_ms(const struct report_telling *telling)
{
    const int64_t noted_ms = telling->incident->onset_utc_ms;
    return noted_ms > 0 ? noted_ms + telling->alert->clock_moved_ms : 0;
}

/* What was foreseen has come: it stands where there is nothing left to grow into. (What is configured may be passed.) */
static bool is_at_limit(const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    const int64_t late_utc_ms = incident->exhaustion_late_utc_ms;
    if (alert->read_utc_ms || !is_foreseeable(late_utc_ms) || late_utc_ms > alert->utc_ms)
        return false;
    const bool told = alert->kind == ALERT_REMINDER && !incident_limit_reached(incident);
    const bool news =
        alert->kind == ALERT_OPENED || alert->kind == ALERT_REMINDER || alert->kind == ALERT_ESCALATED;
    /* or, measured over the growth and the standstill after it, perhaps does not grow */
    return told || (news && (alert->hardly_grows || incident->slope_low_per_hour <= 0.0));
}

static const char *at_limit(const struct report_telling *telling)
{
    return side_of_limit(telling->incident->level_now, telling->incident->limit);
}

/* A restart did not bring the level down, and the new process has not been seen to grow. */
static bool is_no_better(const struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    return telling->alert->kind == ALERT_REMINDER && incident->recovering_utc_ms != 0 &&
           isnan(incident->slope_per_hour);
}

/* What ends in weeks at the earliest, and what hardly grows, can wait for the morning, and that is said. */
static bool is_calm(const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const int64_t early_utc_ms = telling->incident->exhaustion_early_utc_ms;
    const bool far = (alert->kind == ALERT_OPENED || alert->kind == ALERT_REMINDER) &&
                     !is_no_better(telling) && is_foreseeable(early_utc_ms) &&
                     early_utc_ms - alert->utc_ms > REPORT_CALM_MS;
    return alert_tells_pause(alert) || (far && !telling->incident->escalated);
}

/* Is it urgent by what is known of it, rather than by its kind? */
static bool is_urgent(const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const bool near_end = telling->incident->escalated && report_is_growing(telling);
    const bool down = alert->kind == ALERT_ENDED && telling->incident->target_kind != TARGET_HOST &&
                      alert->service_state == SERVICE_STATE_STOPPED;
    return near_end || down;
}

static void tell_severity(struct report_telling *telling)
{
    if (telling->incident != NULL && is_urgent(telling))
        telling->severity = SEVERITY_ERROR;
    else if (telling->incident != NULL && is_calm(telling))
        telling->severity = SEVERITY_INFORMATION;
}

/* "private bytes now 1.73 GiB" */
static void add_level(struct text *text, const struct report_telling *telling)
{
    text_add(text, "%s now %s", telling->metric, words_level(telling->unit, telling->incident->level_now).s);
}

/* " hardly grows any more: private bytes now 1.73 GiB". False, and nothing, when its growth is the news. */
static bool add_standstill(struct text *text, const struct report_telling *telling)
{
    if (is_no_better(telling))
        text_add(text, " is no better after the restart: ");
    else if (alert_tells_pause(telling->alert))
        text_add(text, " hardly grows any more: ");
    else if (is_at_limit(telling))
        text_add(text, " stands %s its limit: ", at_limit(telling));
    else
        return false;
    add_level(text, telling);
    return true;
}

/* " The cause: nearly certainly BESAgent.exe." Nothing when nobody is named. */
static void add_cause(struct text *text, const struct alert *alert)
{
    const struct culprit_ranking *ranking = &alert->ranking;
    if (!alert->has_ranking || !culprit_is_named(ranking, 0))
        return;
    const bool certain = culprit_named_confidence(ranking) == CULPRIT_NEARLY_CERTAIN;
    text_add(text, " %s: %s", culprit_is_part(ranking) ? "A part of the cause" : "The cause",
             certain ? "nearly certainly " : "likely ");
    for (size_t i = 0; culprit_is_named(ranking, i); i++) {
        if (i > 0 && i >= ranking->together)
            break;
        text_add(text, "%s", i == 0 ? "" : ranking->either ? " or " : " and ");
        report_add_line(text, ranking->items[i].image);
        text_add(text, "%s", culprit_is_gone(&ranking->items[i]) ? ", which has ended" : "");
    }
    text_add(text, ".");
}

static const char *service_or(const struct report_telling *telling, const char *unknown)
{
    return telling->service[0] != '\0' ? telling->service : unknown;
}

/* "BESAgent.exe on EX1 grows without bound: private bytes +14.2 MiB/h, 5 h 10 min left." */
static void lead_growth(struct report_telling *telling, struct text *text)
{
    const struct alert *alert = telling->alert;
    add_who(text, telling);
    const bool grows = !add_standstill(text, telling);
    if (grows) {
        text_add(text, "%s%s: ",
                 alert->kind == ALERT_OPENED          ? " grows without bound"
                 : alert->kind == ALERT_ESCALATED     ? " is near exhaustion"
                 : alert->read_utc_ms                 ? " grew when it was last read"
                 : alert->sooner_than_ms == INT64_MAX ? " grows, and its end is in sight now"
                 : alert->sooner_than_ms              ? " ends much sooner than was told"
                                                      : " still grows",
                 telling->severity == SEVERITY_INFORMATION ? ", but there is time" : "");
        add_growth(text, telling);
        if (alert->sooner_than_ms && alert->sooner_than_ms != INT64_MAX)
            text_add(text, " instead of %s", words_left(alert->sooner_than_ms).s);
    }
    text_add(text, ".");
    add_cause(text, alert);
    /* "still growing" beside it would deny any other news */
    telling->lead_is_headline =
        alert->kind == ALERT_REMINDER && (alert->read_utc_ms || alert->sooner_than_ms || !grows);
}

/* Of an incident; nothing when the kind is about something else. */
static void lead_incident(struct report_telling *telling, struct text *text)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    switch (alert->kind) {
    case ALERT_OPENED:
    case ALERT_REMINDER:
    case ALERT_ESCALATED:
        lead_growth(telling, text);
        break;
    case ALERT_RECOVERED:
        add_who(text, telling);
        text_add(text, " has recovered");
        if (!isnan(incident->level_now)) {
            text_add(text, ": ");
            add_level(text, telling);
        }
        text_add(text, ".");
        break;
    case ALERT_ENDED:
        if (incident->target_kind == TARGET_HOST) {
            text_add(text, "%s was started anew, and with that the growth of its %s has ended.",
                     telling->host, telling->metric);
            break;
        }
        add_who(text, telling);
        text_add(text, " has ended (pid %" PRIu32 "), and with it the growth of its %s",
                 incident->process.pid, telling->metric);
        if (alert->service_state == SERVICE_STATE_STOPPED)
            text_add(text, "; %s is STOPPED%s", service_or(telling, "a service"),
                     alert->cluster_node ? " on this node" : "");
        text_add(text, ".");
        break;
    case ALERT_UNWATCHED:
        add_who(text, telling);
        text_add(text, " is no longer watched; its %s may go on growing.", telling->metric);
        break;
    case ALERT_RESTART_HELD:
        add_who(text, telling);
        text_add(text, " needs a restart, which is held back.");
        break;
    default:
        break;
    }
}

/* Of a restart, of a service, of storewatch itself. */
static void lead_other(struct report_telling *telling, struct text *text)
{
    const struct alert *alert = telling->alert;
    const char *host = telling->host;
    const char *service = service_or(telling, "a service");
    const char *down = service_or(telling, "A service"); /* begins a sentence */
    switch (alert->kind) {
    case ALERT_RESTART_BEGUN:
        text_add(text, "A controlled restart of %s on %s has begun.", service, host);
        break;
    case ALERT_RESTART_PROGRESS:
        text_add(text, "The controlled restart of %s on %s goes on.", service, host);
        break;
    case ALERT_RESTART_DONE:
        text_add(text, "The controlled restart of %s on %s is done and being verified.", service, host);
        break;
    case ALERT_RESTART_ABANDONED:
        text_add(text, "The controlled restart of %s on %s was abandoned; %s.", service, host,
                 abandoned_as(alert));
        break;
    case ALERT_SERVICE_DOWN:
        if (alert->service_state == SERVICE_STATE_STOP_PENDING)
            text_add(text,
                     "%s on %s is DOWN: it hangs in its stop, and can be started again only when its process "
                     "has ended.",
                     down, host);
        else
            text_add(text, "%s on %s is DOWN after a restart; storewatch keeps trying to start it.", down,
                     host);
        break;
    case ALERT_SERVICE_UP_AGAIN:
        text_add(text, "%s on %s runs again.", down, host);
        break;
    case ALERT_GAVE_UP:
        if (alert->given_up == GIVEN_UP_PERHAPS_BY_ITSELF)
            text_add(
                text,
                "%s on %s is STOPPED: it ran again, and stopped without an error. Whether %s stopped it or "
                "it ended by itself cannot be seen, so storewatch leaves it so.",
                down, host, alert->cluster_node ? "the cluster or a person" : "a person");
        else
            text_add(text, "storewatch stopped trying to start %s on %s: %s.", service, host,
                     alert->given_up == GIVEN_UP_WITH_NEED ? "what it needs is left as it is"
                                                           : "a person changed the service");
        break;
    case ALERT_SPACE_LOW:
    case ALERT_SPACE_CRITICAL:
    case ALERT_SPACE_BACK:
        text_add(text, "%s on %s: %s.", service, host, telling->wording->headline);
        break;
    case ALERT_TERMINATED:
        text_add(text, "%s on %s hangs in its stop; its process is terminated.", service, host);
        break;
    case ALERT_DIGEST: { /* its first line is the news of the day */
        char news[REPORT_FACT_MAX];
        telling->rest = report_next_line(alert->text, news, sizeof(news));
        if (telling->rest != NULL)
            text_add(text, "%s: %s.", host, news);
        else
            telling->rest = "";
        break;
    }
    case ALERT_TEST:
        text_add(text, "This is a test alert from storewatch on %s. Nothing is wrong.", host);
        break;
    default:
        break;
    }
}

static void tell_lead(struct report_telling *telling)
{
    struct text text = text_on(telling->lead, sizeof(telling->lead));
    if (telling->incident != NULL)
        lead_incident(telling, &text);
    if (text.length == 0)
        lead_other(telling, &text);
    if (text.length == 0) { /* the headline of the wording table says it */
        telling->lead_is_headline = true;
        text_add(&text, "%s: %s.", telling->host, telling->wording->headline);
    }
}

/* ---- facts ---- */

static void fact_what(struct report_telling *telling)
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
        report_clean(service, sizeof(service), incident->service);
        text_add(&text, " (service %s)", service);
    } else {
        text_add(&text, " (no service to restart)");
    }
}

/* Which end that is, where it is one of the address space. */
static void add_which_end(struct text *text, const struct alert *alert)
{
    const struct space *space = &alert->space;
    if (!alert->has_space)
        return;
    if (strcmp(alert->incident.limit_name, SPACE_LIMIT_NAME) == 0) {
        text_add(text, ": the end of its %s address space (largest free block now %s)",
                 words_quantity(UNIT_BYTES, space->limit_bytes).s,
                 words_quantity(UNIT_BYTES, space->largest_bytes).s);
    } else if (strcmp(alert->incident.limit_name, SPACE_BLOCK_LIMIT_NAME) == 0) {
        text_add(text, ": its largest free block, now %s, is down to 16 MiB then",
                 words_quantity(UNIT_BYTES, space->largest_bytes).s);
    }
}

/* " (between 2026-11-22 07:44:05 and 2026-11-22 09:16:05 UTC)" */
static void add_between(struct text *text, const struct incident *incident, int64_t now_utc_ms)
{
    const int64_t early_ms = incident->exhaustion_early_utc_ms;
    const int64_t late_ms = incident->exhaustion_late_utc_ms;
    const struct words early = words_foreseen(early_ms, now_utc_ms);
    const struct words late = words_foreseen(late_ms, now_utc_ms);
    const bool one_zone = strlen(early.s) == strlen(late.s); /* which is said once then */
    if (!is_foreseeable(early_ms))
        return;
    if (!is_foreseeable(late_ms))
        text_add(text, early_ms > now_utc_ms ? " (not before %s)" : " (perhaps at once)", early.s);
    else if (strcmp(early.s, late.s) != 0)
        text_add(text, " (between %.*s and %s)", one_zone ? 19 : (int)strlen(early.s), early.s, late.s);
}

static void fact_rate(struct report_telling *telling, const char *label)
{
    const struct incident *incident = telling->incident;
    const double slope = incident->slope_per_hour;
    struct text text = fact_begin(telling, label);
    if (isnan(slope)) {
        text_add(&text, "rate unknown");
    } else if (report_is_growing(telling) && slope > 0.0 && incident->slope_low_per_hour <= 0.0) {
        /* it swings: an interval from shrinking to growing would deny what the verdict is sure of */
        text_add(&text, "about +%s", words_rate(telling->unit, slope).s);
    } else {
        text_add(&text, "%s%s", slope > 0.0 ? "+" : "",
                 words_rate_interval(telling->unit, slope, incident->slope_low_per_hour,
                                     incident->slope_high_per_hour)
                     .s);
    }
}

bool report_grows_at(const struct report_telling *telling, int64_t utc_ms)
{
    return report_is_growing(telling) && onset_utc_ms(telling) > 0 && utc_ms >= onset_utc_ms(telling);
}

static void fact_limit(struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    if (!(incident->limit > 0.0))
        return;
    struct text text = fact_begin(telling, "Limit");
    text_add(&text, "%s", words_quantity(telling->unit, incident->limit).s);
    if (incident->limit_name[0] != '\0') {
        char name[sizeof(incident->limit_name) * 2];
        report_clean(name, sizeof(name), incident->limit_name);
        text_add(&text, " (%s)", name);
    }
    if (incident->level_now >= 0.0)
        text_add(&text, ", %s of it used", words_share(incident->level_now / incident->limit).s);
}

static void fact_since(struct report_telling *telling)
{
    const int64_t onset_ms = onset_utc_ms(telling), now_ms = telling->alert->utc_ms;
    if (onset_ms <= 0)
        return;
    struct text text = fact_begin(telling, "Since");
    text_add(&text, "%s", words_time(onset_ms).s);
    if (now_ms > onset_ms)
        text_add(&text, ", %s ago", words_duration(now_ms - onset_ms).s);
}

static void fact_level(struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    struct text text = fact_begin(telling, "Level");
    text_add(&text, "%s ", words_quantity(telling->unit, incident->level_now).s);
    if (alert->read_utc_ms)
        text_add(&text, "when it was last read, %s", words_time(alert->read_utc_ms).s);
    else
        text_add(&text, "now");
    if (!isnan(incident->level_at_onset))
        text_add(&text, ", %s when it began", words_quantity(telling->unit, incident->level_at_onset).s);
}

static void fact_end(struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    struct text text = fact_begin(telling, "Ends");
    if (alert_tells_pause(alert)) {
        text_add(&text, "not foreseeable while it hardly grows");
        return;
    }
    if (!is_foreseeable(incident->exhaustion_utc_ms)) {
        text_add(&text, isnan(incident->limit) ? "not foreseeable: no limit is known" : "not foreseeable");
        return;
    }
    /* Foreseen for no time after what was read last: then it is that limit itself that was read. */
    const int64_t read_utc_ms = alert->read_utc_ms ? alert->read_utc_ms : alert->utc_ms;
    if (incident->exhaustion_late_utc_ms <= read_utc_ms && is_foreseeable(incident->exhaustion_late_utc_ms)) {
        text_add(&text, "the limit is reached");
        return;
    }
    if (incident->exhaustion_utc_ms > alert->utc_ms)
        text_add(&text, "in %s, ", words_left(incident->exhaustion_utc_ms - alert->utc_ms).s);
    text_add(&text, "%s", words_foreseen(incident->exhaustion_utc_ms, alert->utc_ms).s);
    add_between(&text, incident, alert->utc_ms);
    add_which_end(&text, alert);
}

static void fact_space(struct report_telling *telling)
{
    if (!telling->alert->has_space)
        return;
    struct text text = fact_begin(telling, "Space");
    text_add_space(&text, &telling->alert->space);
}

static void facts_of_growth(struct report_telling *telling)
{
    if (!is_at_limit(telling))
        fact_rate(telling, telling->incident->slope_per_hour < 0.0 ? "Rate" : "Grows");
    fact_since(telling);
    fact_level(telling);
    fact_limit(telling);
    fact_end(telling);
    fact_space(telling);
}

static bool ended_by_itself(const struct report_telling *telling)
{
    return telling->alert->kind == ALERT_RECOVERED && telling->incident->recovering_utc_ms == 0;
}

/* The rate is that of the last look at growth. When that ended by itself, it no longer grew then: the rate says
 * nothing of what was told before. (After a restart the level is that of a new process.) */
static void fact_grew(struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    const int64_t end_ms = incident->closed_utc_ms > 0 ? incident->closed_utc_ms : telling->alert->utc_ms;
    const double growth = incident->level_now - incident->level_at_onset;
    const int64_t onset_ms = onset_utc_ms(telling);
    if (!ended_by_itself(telling) || !(incident->slope_low_per_hour <= 0.0) || !(growth > 0.0) ||
        onset_ms <= 0 || end_ms <= onset_ms) {
        fact_rate(telling, "Grew");
        return;
    }
    struct text text = fact_begin(telling, "Grew");
    text_add(&text, "by %s in %s", words_quantity(telling->unit, growth).s,
             words_duration(end_ms - onset_ms).s);
}

static void facts_of_end(struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    fact_grew(telling);
    struct text text = fact_begin(telling, "Level");
    text_add(&text, "%s at the alert", words_quantity(telling->unit, incident->level_at_open).s);
    if (!isnan(incident->level_now)) {
        text_add(&text, telling->alert->kind == ALERT_RECOVERED ? ", %s now" : ", %s last",
                 words_quantity(telling->unit, incident->level_now).s);
    }
    if (ended_by_itself(telling) && incident->level_now >= MUCH_OF_LIMIT * incident->limit)
        fact_limit(telling);
    if (incident->opened_utc_ms > 0) {
        const int64_t end_ms = incident->closed_utc_ms > 0 ? incident->closed_utc_ms : telling->alert->utc_ms;
        const int64_t opened_utc_ms = incident->opened_utc_ms + telling->alert->clock_moved_ms;
        text = fact_begin(telling, "Lasted");
        text_add(&text, "%s since the alert of %s",
                 words_duration(end_ms > opened_utc_ms ? end_ms - opened_utc_ms : 0).s,
                 words_time(opened_utc_ms).s);
    }
}

static void tell_facts(struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    if (incident == NULL)
        return;
    fact_what(telling);
    if (report_is_growing(telling)) {
        facts_of_growth(telling);
    } else { /* of a restart: why it was begun is in the alert's text */
        if (report_is_over(telling))
            facts_of_end(telling);
        return;
    }
    if (telling->alert->has_ranking) {
        struct text text = fact_begin(telling, "Who");
        report_add_line(&text, telling->alert->ranking.words);
    }
    if (incident->reason[0] != '\0') {
        struct text text = fact_begin(telling, "Why");
        report_add_line(&text, incident->reason);
    }
}

void report_telling_init(struct report_telling *telling, const struct alert *alert)
{
    *telling = (struct report_telling){
        .alert = alert,
        .incident = alert->has_incident ? &alert->incident : NULL,
        .wording = alert_wording_get(alert->kind),
        .rest = alert->text,
        .severity = alert_wording_get(alert->kind)->severity,
    };
    const struct incident *incident = telling->incident;
    report_clean(telling->host, sizeof(telling->host),
                 alert->host_name[0] != '\0' ? alert->host_name : "this machine");
    report_clean(telling->service, sizeof(telling->service), alert->service);
    if (incident != NULL) {
        const bool host = incident->target_kind == TARGET_HOST;
        report_clean(telling->target, sizeof(telling->target), incident->target);
        report_clean(telling->image, sizeof(telling->image),
                     host                         ? ""
                     : incident->image[0] != '\0' ? incident->image
                                                  : incident->target);
        telling->metric = metric_name(incident->metric);
        telling->unit = metric_unit(incident->metric);
        tell_rate(telling);
        tell_left(telling);
    }
    tell_severity(telling);
    tell_lead(telling);
    tell_facts(telling);
}

/* ---- lines of an alert ---- */

const char *report_next_line(const char *lines, char *out_line, size_t capacity)
{
    while (*lines == '\n' || *lines == '\r')
        lines++;
    if (*lines == '\0')
        return NULL;
    const size_t length = strcspn(lines, "\n");
    char raw[sizeof(((struct alert *)0)->text)];
    struct text part = text_on(raw, sizeof(raw));
    text_add_bytes(&part, lines, length);
    report_clean(out_line, capacity, raw);
    return lines + length;
}

const char *report_done_heading(const struct alert *alert)
{
    return alert->kind == ALERT_DIGEST ? "What is watched" : "What was done";
}

/* ---- the subject ---- */

/* "5 h 10 min left, perhaps 1 h 20 min": what is urgent may end far sooner than it is likely to. */
static void subject_left(struct text *text, const struct report_telling *telling)
{
    const struct incident *incident = telling->incident;
    const int64_t now_ms = telling->alert->utc_ms, left_ms = incident->exhaustion_utc_ms - now_ms;
    const int64_t early_ms = incident->exhaustion_early_utc_ms - now_ms;
    if (telling->left[0] == '\0') {
        text_add(text, "no end foreseeable");
        return;
    }
    text_add(text, "%s", telling->left);
    if (telling->severity == SEVERITY_ERROR && left_ms > 0 && early_ms < left_ms / 2)
        text_add(text, ", perhaps %s", early_ms < MS_PER_MINUTE ? "none" : words_left(early_ms).s);
}

/* "BESAgent.exe private bytes +14.2 MiB/h, 5 h 10 min left"; `what`: "BESAgent.exe private bytes" */
static void subject_growth(struct text *text, const struct report_telling *telling, const char *urgent,
                           const char *what)
{
    const enum alert_kind kind = telling->alert->kind;
    const struct incident *incident = telling->incident;
    const struct words level = words_level(telling->unit, incident->level_now);
    if (is_no_better(telling)) {
        text_add(text, "no better after the restart: %s now %s", what, level.s);
    } else if (alert_tells_pause(telling->alert)) {
        text_add(text, "hardly grows any more: %s now %s", what, level.s);
    } else if (is_at_limit(telling)) {
        text_add(text, "%s%s its limit: %s now %s", urgent, at_limit(telling), what, level.s);
    } else {
        text_add(text, "%s%s%s %s, ", telling->severity == SEVERITY_INFORMATION ? "no hurry: " : "",
                 urgent[0] != '\0' || kind != ALERT_REMINDER ? urgent
                 : telling->alert->read_utc_ms               ? "last seen growing: "
                 : telling->alert->sooner_than_ms            ? "ends much sooner: "
                                                             : "still growing: ",
                 what, telling->rate);
        subject_left(text, telling);
    }
}

static void subject_recovered(struct text *text, const struct report_telling *telling, const char *what)
{
    const struct incident *incident = telling->incident;
    text_add(text, "recovered");
    if (incident != NULL) {
        text_add(text, ": %s", what);
        if (!isnan(incident->level_now))
            text_add(text, " now %s", words_level(telling->unit, incident->level_now).s);
    }
}

static void subject_ended(struct text *text, const struct report_telling *telling, const char *urgent,
                          const char *service)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    if (incident == NULL) {
        text_add(text, "%s", telling->wording->headline);
    } else if (incident->target_kind == TARGET_HOST) {
        text_add(text, "started anew (%s %s)", telling->metric, telling->rate);
    } else if (alert->service_state == SERVICE_STATE_STOPPED) {
        text_add(text, "%s%s has ended, %s is STOPPED%s", urgent, telling->image, service,
                 alert->cluster_node ? " on this node" : "");
    } else {
        text_add(text, "%s has ended (pid %" PRIu32 ", %s %s)", telling->image, incident->process.pid,
                 telling->metric, telling->rate);
    }
}

void report_add_subject(struct text *text, const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct incident *incident = telling->incident;
    const char *service = service_or(telling, "a service");
    char what[192]; /* "BESAgent.exe private bytes" */
    const char *urgent = telling->severity == SEVERITY_ERROR ? "URGENT: " : "";
    struct text what_text = text_on(what, sizeof(what));
    text_add(text, "%s: ", telling->host);
    if (incident != NULL)
        text_add(&what_text, "%s%s%s", telling->image, telling->image[0] != '\0' ? " " : "", telling->metric);
    switch (alert->kind) {
    case ALERT_OPENED:
    case ALERT_REMINDER:
    case ALERT_ESCALATED:
        if (incident == NULL)
            text_add(text, "%s", telling->wording->headline);
        else
            subject_growth(text, telling, urgent, what);
        return;
    case ALERT_RECOVERED:
        subject_recovered(text, telling, what);
        return;
    case ALERT_ENDED:
        subject_ended(text, telling, urgent, service);
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
        text_add(text, "%srestart of %s abandoned, %s", urgent, service, abandoned_as(alert));
        break;
    case ALERT_RESTART_HELD:
        text_add(text, "%srestart of %s held back", urgent, service);
        break;
    case ALERT_SERVICE_DOWN:
        text_add(text, "%s%s is DOWN%s", urgent, service,
                 alert->service_state == SERVICE_STATE_STOP_PENDING
                     ? ", it hangs in its stop"
                     : " after a restart, storewatch keeps trying");
        return;
    case ALERT_SERVICE_UP_AGAIN:
        text_add(text, "%s runs again", service);
        return;
    case ALERT_GAVE_UP:
        if (alert->given_up == GIVEN_UP_PERHAPS_BY_ITSELF)
            text_add(text, "%s%s is STOPPED after a restart, by %s or by itself, and is left so", urgent,
                     service, alert->cluster_node ? "the cluster, a person" : "a person");
        else
            text_add(text, "%sstorewatch stopped trying to start %s: %s", urgent, service,
                     alert->given_up == GIVEN_UP_WITH_NEED ? "what it needs is left as it is"
                                                           : "a person changed it");
        return;
    case ALERT_TERMINATED:
        text_add(text, "hung process of %s terminated", service);
        return;
    case ALERT_DIGEST: {
        char news[320];
        if (report_next_line(alert->text, news, sizeof(news)) != NULL)
            text_add(text, "%s (%s)", news, telling->wording->headline);
        else
            text_add(text, "%s", telling->wording->headline);
        return;
    }
    case ALERT_SPACE_LOW:
    case ALERT_SPACE_CRITICAL:
    case ALERT_SPACE_BACK:
        text_add(text, "%s%s: %s", urgent, service, telling->wording->headline);
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

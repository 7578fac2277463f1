/* status_view.c - see status_view.h. Reads the object that agent_status_json wrote, of this or another
 * version: what is missing is shown as unknown. */
#include "status_view.h"

#include "json_values.h"

#include "storewatch/incident.h"
#include "storewatch/space.h"
#include "storewatch/units.h"

#include <jansson.h>

#include <string.h>

static enum unit unit_of(const json_t *metric)
{
    const char *name = json_words_get(metric, "unit", "");
    return strcmp(name, "bytes") == 0 ? UNIT_BYTES : strcmp(name, "handles") == 0 ? UNIT_HANDLES : UNIT_OTHER;
}

static bool is_unbounded(const json_t *metric)
{
    return strcmp(json_words_get(metric, "verdict", ""), "unbounded") == 0;
}

static bool is_under_way(const json_t *restart)
{
    return json_is_true(json_object_get(restart, "under_way"));
}

/* A restart has left a service down, and ops were told; while everything runs again it is only watched. */
static bool left_a_service_down(const json_t *restart)
{
    return is_under_way(restart) && json_is_true(json_object_get(restart, "told_down")) &&
           strcmp(json_words_get(restart, "phase", ""), "verifying") != 0;
}

static const char *space_level(const json_t *item)
{
    return json_words_get(json_object_get(item, "address_space"), "level", "");
}

/* Is the address space of any as short as that? */
static bool any_space_is(const json_t *watched, const char *level)
{
    size_t i;
    const json_t *item;
    json_array_foreach(watched, i, item)
    {
        if (strcmp(space_level(item), level) == 0)
            return true;
    }
    return false;
}

/* "in 3 h 30 min, 2026-11-22 14:05:22 UTC" */
static void add_end(struct text *text, const json_t *metric, int64_t at_utc_ms)
{
    int64_t end_utc_ms;
    if (time_parse_iso(json_words_get(metric, "exhaustion_at", ""), &end_utc_ms) != STATUS_OK) {
        text_add(text, "at an unknown time");
        return;
    }
    if (end_utc_ms > at_utc_ms) {
        text_add(text, "in ");
        text_add_duration(text, end_utc_ms - at_utc_ms);
        text_add(text, ", ");
    }
    text_add_time_foreseen(text, end_utc_ms, at_utc_ms);
}

static void add_metric(struct buffer *out, const json_t *metric, int64_t at_utc_ms)
{
    char storage[512];
    struct text text = text_on(storage, sizeof storage);
    text_add_quantity(&text, unit_of(metric), json_number_get(metric, "now"));
    buffer_add(out, "    %-15s %-9s %16s", json_words_get(metric, "metric", "?"),
               json_words_get(metric, "verdict", "?"), storage);
    double limit = json_number_get(metric, "limit");
    if (!isnan(limit)) {
        text_clear(&text);
        text_add_quantity(&text, unit_of(metric), limit);
        buffer_add(out, " of %s (%s)", storage, json_words_get(metric, "limit_name", "limit"));
    }
    if (is_unbounded(metric)) {
        text_clear(&text);
        text_add_rate_interval(&text, unit_of(metric), json_number_get(metric, "slope_per_hour"),
                               json_number_get(metric, "slope_low"), json_number_get(metric, "slope_high"));
        buffer_add(out, "; %s", storage);
        if (json_number_get(metric, "now") >= limit) {
            buffer_add(out, "; the limit is reached");
        } else {
            text_clear(&text);
            add_end(&text, metric, at_utc_ms);
            buffer_add(out, "; ends %s", storage);
        }
    }
    buffer_add(out, "\n        %s\n", json_words_get(metric, "reason", ""));
}

/* How it was found when it is not registered, and what it has loaded. */
static void add_program(struct buffer *out, const json_t *item)
{
    size_t i;
    const json_t *dll;
    const char *client = json_words_get(item, "client", NULL);
    if (client)
        buffer_add(out, "    not registered: it %s. To register it, add under \"clients\": %s\n",
                   json_words_get(item, "how", "is a MAPI client"), client);
    json_array_foreach(json_object_get(item, "dlls"), i, dll)
    {
        buffer_add(out, "    %s (%s)\n", json_words_get(dll, "text", "?"), json_words_get(dll, "path", "?"));
    }
}

/* Of a 32-bit process: how much address space is left. What could not be read is said. */
static void add_space(struct buffer *out, const json_t *item)
{
    const json_t *space = json_object_get(item, "address_space");
    struct space now = {json_number_get(space, "limit"), json_number_get(space, "free"),
                        json_number_get(space, "largest_block"), json_number_get(space, "free_blocks")};
    const char *why = json_words_get(space, "why", NULL), *level = json_words_get(space, "level", "fine");
    char storage[256];
    struct text text = text_on(storage, sizeof storage);
    if (!json_is_object(space))
        return;
    if (!isnan(now.limit_bytes)) {
        text_add_space(&text, &now);
        buffer_add(out, "    address space: %s, read %s%s\n", storage, json_words_get(space, "read_at", "?"),
                   strcmp(level, "error") == 0     ? "; BELOW 16 MiB"
                   : strcmp(level, "warning") == 0 ? "; BELOW 32 MiB"
                                                   : "");
    }
    if (why)
        buffer_add(out, "    address space not read: %s\n", why);
}

static void add_watched(struct buffer *out, const json_t *watched, int64_t at_utc_ms)
{
    size_t i, j;
    const json_t *item, *metric;
    buffer_add(out, "\nwatched\n");
    json_array_foreach(watched, i, item)
    {
        json_int_t pid = json_integer_value(json_object_get(item, "pid"));
        if (pid)
            buffer_add(out, "  %s: %s, pid %lld\n", json_words_get(item, "target", "?"),
                       json_words_get(item, "image", "?"), (long long)pid);
        else
            buffer_add(out, "  %s\n", json_words_get(item, "target", "?"));
        add_program(out, item);
        add_space(out, item);
        json_array_foreach(json_object_get(item, "metrics"), j, metric)
        {
            add_metric(out, metric, at_utc_ms);
        }
    }
}

static size_t add_incidents(struct buffer *out, const json_t *incidents)
{
    size_t i;
    const json_t *incident;
    buffer_add(out, "\nincidents%s\n", json_array_size(incidents) ? "" : ": none open");
    json_array_foreach(incidents, i, incident)
    {
        buffer_add(out, "  %lld %s, %s of %s since %s: %s\n",
                   (long long)json_integer_value(json_object_get(incident, "id")),
                   json_words_get(incident, "state", "?"), json_words_get(incident, "metric", "?"),
                   json_words_get(incident, "target", "?"), json_words_get(incident, "opened_at", "?"),
                   json_words_get(incident, "reason", ""));
        const char *culprit = json_words_get(json_object_get(incident, "culprits"), "text", NULL);
        if (culprit)
            buffer_add(out, "    who: %s\n", culprit);
        const char *held = json_words_get(incident, "held_because", NULL);
        if (held)
            buffer_add(out, "    no restart: %s\n", held);
    }
    return json_array_size(incidents);
}

/* Only when the clock was set: times and windows go by it. */
static void add_clock(struct buffer *out, const json_t *clock)
{
    const json_int_t jumps = json_integer_value(json_object_get(clock, "jumps"));
    int64_t by_ms = 0;
    char by[64];
    struct text text = text_on(by, sizeof by);
    if (jumps < 1 || !json_ms_get(clock, "last_jump_ms", &by_ms))
        return;
    text_add_duration(&text, by_ms < 0 ? -by_ms : by_ms);
    buffer_add(out, "clock      set %s by %s at %s", by_ms > 0 ? "forward" : "back", by,
               json_words_get(clock, "last_jump_at", "?"));
    if (jumps > 1)
        buffer_add(out, ", the last of %lld times", (long long)jumps);
    buffer_add(out, "\n");
}

/* A whole number; "?" when there is none: another version's answer may lack it. */
static void add_count(struct buffer *out, const char *before, const json_t *object, const char *key,
                      const char *after)
{
    const json_t *value = json_object_get(object, key);
    char count[32];
    struct text text = text_on(count, sizeof count);
    if (json_is_integer(value))
        text_add_count(&text, (double)json_integer_value(value));
    else
        text_add(&text, "?");
    buffer_add(out, "%s%s%s", before, count, after);
}

/* What storewatch cannot write, the worst first; NULL = nothing. */
static const char *unwritten(const json_t *root)
{
    static const char *const keys[] = {"store_error", "event_error", "metrics_error"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        if (json_is_string(json_object_get(root, keys[i])))
            return json_words_get(root, keys[i], "");
    return NULL;
}

/* Of the restart that is under way. */
static void add_restart(struct buffer *out, const json_t *restart)
{
    if (!is_under_way(restart))
        return;
    buffer_add(out, "\nrestart of %s under way, %s: %s\n", json_words_get(restart, "target", "?"),
               json_words_get(restart, "phase", "?"), json_words_get(restart, "waiting_for", ""));
    if (left_a_service_down(restart))
        buffer_add(out, "  A SERVICE IS DOWN: storewatch keeps trying\n");
    if (json_is_string(json_object_get(restart, "if_hangs")))
        buffer_add(out, "  %s\n", json_words_get(restart, "if_hangs", ""));
    const char *evidence = json_words_get(restart, "evidence", "");
    while (*evidence) { /* sentences, a line each */
        const size_t length = strcspn(evidence, "\n");
        buffer_add(out, "  %.*s\n", (int)length, evidence);
        evidence += length + (evidence[length] == '\n');
    }
}

static void add_state(struct buffer *out, const json_t *root)
{
    const json_t *budget = json_object_get(root, "budget"), *mail = json_object_get(root, "mail");
    const json_t *self = json_object_get(root, "self");
    char period[64];
    struct text text = text_on(period, sizeof period);
    int64_t per_ms;
    if (json_ms_get(budget, "per_ms", &per_ms))
        text_add_duration(&text, per_ms);
    else
        text_add(&text, "?");
    add_restart(out, json_object_get(root, "restart"));
    const json_t *maintenance = json_object_get(root, "maintenance");
    if (json_is_object(maintenance))
        buffer_add(out, "\nmaintenance until %s: %s\n", json_words_get(maintenance, "until", "?"),
                   json_words_get(maintenance, "reason", ""));
    add_count(out, "\nrestarts   ", budget, "spent", "");
    add_count(out, " of ", budget, "max", " in ");
    buffer_add(out, "%s\n", period);
    add_count(out, "mail       ", mail, "sent", " sent, ");
    add_count(out, "", mail, "pending", " waiting, ");
    add_count(out, "", mail, "dead", " given up");
    buffer_add(out, "%s%s\n", json_is_string(json_object_get(mail, "last_answer")) ? "; last answer: " : "",
               json_words_get(mail, "last_answer", ""));
    char own[64];
    text = text_on(own, sizeof own);
    text_add_quantity(&text, UNIT_BYTES, json_number_get(self, "private_bytes"));
    add_count(out, "storewatch ", self, "polls", " polls, ");
    add_count(out, "", self, "failed_polls", " failed, ");
    add_count(out, "", self, "missed_polls", " missed; own private bytes ");
    buffer_add(out, "%s\n", own);
    add_clock(out, json_object_get(root, "clock"));
    if (json_is_string(json_object_get(root, "store_error")))
        buffer_add(out, "the history file cannot be written: %s\n", json_words_get(root, "store_error", ""));
    if (json_is_string(json_object_get(root, "event_error")))
        buffer_add(out, "the event log takes no events: %s\n", json_words_get(root, "event_error", ""));
    if (json_is_string(json_object_get(root, "metrics_error")))
        buffer_add(out, "the metrics file cannot be kept up: %s\n",
                   json_words_get(root, "metrics_error", ""));
    if (json_is_string(json_object_get(root, "look_error")))
        buffer_add(out, "the latest look failed, at least in part: %s\n",
                   json_words_get(root, "look_error", ""));
    if (json_is_true(json_object_get(root, "blind")))
        buffer_add(out, "the counters cannot be read: no leak is seen while this lasts\n");
}

int status_view_text(const char *json, struct buffer *out)
{
    json_t *root = json_loads(json, 0, NULL);
    if (!json_is_object(root) || !json_is_array(json_object_get(root, "watched"))) {
        json_decref(root);
        return -1;
    }
    buffer_add(out, "storewatch %s on %s, %s; mode \"%s\"%s; %s\n", json_words_get(root, "storewatch", "?"),
               json_words_get(root, "host", "?"), json_words_get(root, "at", "?"),
               json_words_get(root, "mode", "?"),
               json_is_true(json_object_get(root, "dry_run")) ? " (dry run)" : "",
               json_words_get(root, "config", ""));
    int64_t at_utc_ms = INT64_MAX; /* unknown: how long until then is not said */
    (void)time_parse_iso(json_words_get(root, "at", ""), &at_utc_ms);
    add_watched(out, json_object_get(root, "watched"), at_utc_ms);
    size_t incidents = add_incidents(out, json_object_get(root, "incidents"));
    add_state(out, root);
    const json_t *watched = json_object_get(root, "watched");
    bool found = incidents > 0 || any_space_is(watched, "error") || any_space_is(watched, "warning") ||
                 is_under_way(json_object_get(root, "restart")) ||
                 json_is_true(json_object_get(root, "blind")) || unwritten(root);
    json_decref(root);
    return found ? 1 : 0;
}

/* ---- Nagios ---- */

/* As the plug-in guidelines want it: a bar ends the words, the line ends all, and in a label ('...'=VALUE) a
 * quotation mark is doubled and no equals sign stands. Programs may be called anything. */
static void add_nagios(struct buffer *out, const char *words, bool in_label)
{
    for (const char *c = words; *c != '\0'; c++) {
        const bool forbidden = (unsigned char)*c < ' ' || *c == '|' || (in_label && *c == '=');
        buffer_add_bytes(out, forbidden ? " " : c, 1);
        if (in_label && *c == '\'')
            buffer_add_bytes(out, c, 1);
    }
}

static void add_performance_data(struct buffer *out, const json_t *watched)
{
    size_t i, j;
    const json_t *item, *metric;
    json_array_foreach(watched, i, item)
    {
        json_array_foreach(json_object_get(item, "metrics"), j, metric)
        {
            double now = json_number_get(metric, "now");
            buffer_add(out, " '");
            add_nagios(out, json_words_get(item, "target", "?"), true);
            buffer_add(out, " %lld ", (long long)json_integer_value(json_object_get(item, "pid")));
            add_nagios(out, json_words_get(metric, "metric", "?"), true);
            buffer_add(out, "'=");
            if (isnan(now))
                buffer_add(out, "U");
            else
                buffer_add(out, "%.0f%s", now, unit_of(metric) == UNIT_BYTES ? "B" : "");
        }
    }
}

/* "; " before all but the first. */
static void begin_part(struct buffer *told)
{
    buffer_add(told, "%s", told->length ? "; " : "");
}

/* Of the first whose address space is as short as that. */
static void tell_space(struct buffer *told, const json_t *watched, const char *level, enum alert_kind kind)
{
    size_t i, count = 0;
    const json_t *item;
    json_array_foreach(watched, i, item)
    {
        if (strcmp(space_level(item), level) != 0 || count++ > 0)
            continue;
        begin_part(told);
        buffer_add(told, "%s, pid %lld: %s", json_words_get(item, "target", "?"),
                   (long long)json_integer_value(json_object_get(item, "pid")),
                   alert_wording_get(kind)->headline);
    }
    if (count > 1)
        buffer_add(told, " (and %zu more)", count - 1);
}

static void tell_incidents(struct buffer *told, const json_t *incidents)
{
    const json_t *first = json_array_get(incidents, 0);
    if (!first)
        return;
    begin_part(told);
    buffer_add(told, "%zu incident%s: %s of %s: %s", json_array_size(incidents),
               json_array_size(incidents) == 1 ? "" : "s", json_words_get(first, "metric", "?"),
               json_words_get(first, "target", "?"), json_words_get(first, "reason", ""));
}

static void tell_restart(struct buffer *told, const json_t *restart)
{
    if (!is_under_way(restart))
        return;
    begin_part(told);
    buffer_add(told, "%srestart of %s under way: %s",
               left_a_service_down(restart) ? "A SERVICE IS DOWN, " : "",
               json_words_get(restart, "target", "?"), json_words_get(restart, "waiting_for", "?"));
}

/* All that there is to tell, what a reader should know first before the rest. */
static void tell_all(struct buffer *told, const json_t *root)
{
    const json_t *restart = json_object_get(root, "restart"), *watched = json_object_get(root, "watched");
    if (json_is_true(json_object_get(root, "blind")))
        buffer_add(told, "the counters cannot be read");
    if (left_a_service_down(restart))
        tell_restart(told, restart);
    tell_incidents(told, json_object_get(root, "incidents"));
    tell_space(told, watched, "error", ALERT_SPACE_CRITICAL);
    tell_space(told, watched, "warning", ALERT_SPACE_LOW);
    if (!left_a_service_down(restart))
        tell_restart(told, restart);
    if (unwritten(root)) {
        begin_part(told);
        buffer_add(told, "%s", unwritten(root));
    }
    if (!told->length)
        buffer_add(told, "nothing grows without bound");
}

/* What is known to be bad counts also while the counters cannot be read. */
static int nagios_code(const json_t *root)
{
    const json_t *restart = json_object_get(root, "restart"), *watched = json_object_get(root, "watched");
    if (json_array_size(json_object_get(root, "incidents")) || left_a_service_down(restart) ||
        any_space_is(watched, "error"))
        return 2;
    if (json_is_true(json_object_get(root, "blind")))
        return 3;
    return any_space_is(watched, "warning") || is_under_way(restart) || unwritten(root) ? 1 : 0;
}

int status_view_nagios(const char *json, struct buffer *out)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    json_t *root = json_loads(json, 0, NULL);
    if (!json_is_array(json_object_get(root, "incidents"))) {
        json_decref(root);
        buffer_add(out, "STOREWATCH UNKNOWN - no status\n");
        return 3;
    }
    const int code = nagios_code(root);
    struct buffer told = {0};
    tell_all(&told, root);
    buffer_add(out, "STOREWATCH %s - ", words[code]);
    add_nagios(out, told.data ? told.data : "", false);
    buffer_deinit(&told);
    buffer_add(out, " |");
    add_performance_data(out, json_object_get(root, "watched"));
    buffer_add(out, "\n");
    json_decref(root);
    return code;
}

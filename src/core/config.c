/* config.c - the one JSON file: text in, validated settings out, or every finding with its place.
 *
 * One table (`rows`) names each key with its type, range and where its value is stored; a generic walk over
 * the parsed JSON follows it, so a new key is one row, one default and one entry of the schema (a test holds
 * the three together). Findings are collected, never thrown: one run tells all of them.
 *
 * jansson forgets where a value stood in the text, but keeps the order of members, and duplicates are
 * refused. So a value is identified by its ordinals - "the third member of the second element of the fourth
 * member" - and only when there is something to say about it a scanner walks the (already valid) text to that
 * place. */
#include "storewatch/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "storewatch/units.h"

#define PLACE_DEPTH_MAX 8
#define ADDRESS_MAX 254     /* RFC 5321, 4.5.3.1.3: a path of 256 bytes with its < and > */
#define QUOTED_MAX 60       /* bytes of a value repeated in a message */
#define KEY_DISTANCE_MAX 64 /* longer keys are not compared: nothing of ours is that long */
#define MIB 1048576.0
#define GIB (1024.0 * MIB)

/* ---- the table ---- */

/* What is wrong with a text, or NULL. The words complete "must ...". */
typedef const char *check_fn(const char *value);

static check_fn check_path;
static check_fn check_file_name;
static check_fn check_service_name;
static check_fn check_address;
static check_fn check_host;
static check_fn check_password;

struct row {
    struct config_key key;
    size_t offset;               /* in struct config, or in the element for "...[].x" */
    size_t size;                 /* of the member; of one element for an array */
    size_t count_offset;         /* arrays: where the number of elements is stored */
    const void *element_default; /* arrays of objects: what an element is before its keys are read */
    check_fn *check;
};

#define MEMBER(struct_, member) offsetof(struct struct_, member), sizeof(((struct struct_ *)NULL)->member)
#define IN_CONFIG(member) MEMBER(config, member)
#define IN_CLIENT(member) MEMBER(config_client, member)
#define IN_WINDOW(member) MEMBER(config_window, member)
#define IN_RELAY(member) MEMBER(config_relay, member)
#define ELEMENTS(member, counter)                                                                            \
    offsetof(struct config, member), sizeof(((struct config *)NULL)->member[0]),                             \
        offsetof(struct config, counter)

/* clang-format off */
#define OBJECT(path)                      {{path, CONFIG_OBJECT, 0, 0, NULL, false, false}, 0, 0, 0, NULL, NULL}
#define ARRAY(path, max, where, fallback) {{path, CONFIG_ARRAY, 0, max, NULL, false, false}, where, fallback, NULL}
#define TEXT(path, min, null, needed, offset, size, check) \
    {{path, CONFIG_STRING, min, (double)(size) - 1, NULL, null, needed}, offset, size, 0, NULL, check}
#define STRING_IN(...)                    TEXT(__VA_ARGS__) /* once more, so that `where` becomes two arguments */
#define STRING(path, min, where, check)   STRING_IN(path, min, false, false, where, check)
#define STRING_OR_NULL(path, where, check) STRING_IN(path, 1, true, false, where, check)
#define STRING_NEEDED(path, where, check) STRING_IN(path, 1, false, true, where, check)
#define CHOICE(path, choices, where)      {{path, CONFIG_CHOICE, 0, 0, choices, false, false}, where, 0, NULL, NULL}
#define DURATION(path, min, max, where)   {{path, CONFIG_DURATION, min, max, NULL, false, false}, where, 0, NULL, NULL}
#define SIZE(path, min, max, null, where) {{path, CONFIG_SIZE, min, max, NULL, null, false}, where, 0, NULL, NULL}
#define TIME(path, max, null, needed, where) {{path, CONFIG_TIME, 0, max, NULL, null, needed}, where, 0, NULL, NULL}
#define DAYS(path, where)                 {{path, CONFIG_DAYS, 0, 0, NULL, false, false}, where, 0, NULL, NULL}
#define INTEGER(path, min, max, null, where) {{path, CONFIG_INTEGER, min, max, NULL, null, false}, where, 0, NULL, NULL}
#define NUMBER(path, min, max, where)     {{path, CONFIG_NUMBER, min, max, NULL, false, false}, where, 0, NULL, NULL}
#define BOOLEAN(path, where)              {{path, CONFIG_BOOLEAN, 0, 0, NULL, false, false}, where, 0, NULL, NULL}
#define NOWHERE                           0, 0
#define ELEMENT(size)                     0, size

#define SECONDS(n) ((double)(n) * 1000.0)
#define MINUTES(n) (60.0 * SECONDS(n))
#define HOURS(n)   (60.0 * MINUTES(n))
#define DAYS_MS(n) (24.0 * HOURS(n))

static const struct config_window window_default = {.days = 0x7F};
static const struct config_relay relay_default = {.port = 25, .tls = TLS_NONE};

static const struct row rows[] = {
    INTEGER("version", 1, 1, false, NOWHERE),
    CHOICE("mode", "alert|act", IN_CONFIG(mode)),
    STRING_OR_NULL("data_dir", IN_CONFIG(data_dir), check_path),
    OBJECT("sampling"),
    DURATION("sampling.interval", 50, HOURS(1), IN_CONFIG(interval_ms)),
    DURATION("sampling.warm_up", 0, DAYS_MS(30), IN_CONFIG(warm_up_ms)),
    OBJECT("information_store"),
    STRING("information_store.service", 1, IN_CONFIG(store_service), check_service_name),
    ARRAY("clients", CONFIG_CLIENTS_MAX, ELEMENTS(clients, client_count), NULL),
    OBJECT("clients[]"),
    STRING_NEEDED("clients[].name", IN_CLIENT(name), NULL),
    STRING_OR_NULL("clients[].service", IN_CLIENT(service), check_service_name),
    STRING_OR_NULL("clients[].image", IN_CLIENT(image), check_file_name),
    BOOLEAN("discover_clients", IN_CONFIG(discover_clients)),
    OBJECT("verdict"),
    DURATION("verdict.min_window", 0, DAYS_MS(90), IN_CONFIG(min_window_ms)),
    NUMBER("verdict.confidence_pct", 60, 99.9, IN_CONFIG(confidence_pct)),
    SIZE("verdict.min_growth", 0, 1024 * GIB, false, IN_CONFIG(min_growth_bytes)),
    INTEGER("verdict.min_handles", 0, 16777216, false, IN_CONFIG(min_handles)),
    OBJECT("limits"),
    SIZE("limits.private_bytes", 65536, 16384 * GIB, true, IN_CONFIG(limit_private_bytes)),
    INTEGER("limits.handles", 100, 16777216, true, IN_CONFIG(limit_handles)),
    OBJECT("actions"),
    ARRAY("actions.ladder", RUNG_COUNT, ELEMENTS(ladder, ladder_count), NULL),
    CHOICE("actions.ladder[]", "alert|restart_client|restart_store", ELEMENT(sizeof(enum rung))),
    OBJECT("actions.budget"),
    INTEGER("actions.budget.max", 1, 1000, false, IN_CONFIG(budget_max)),
    DURATION("actions.budget.per", SECONDS(1), DAYS_MS(365), IN_CONFIG(budget_per_ms)),
    DURATION("actions.budget.min_interval", 0, DAYS_MS(365), IN_CONFIG(budget_min_interval_ms)),
    ARRAY("actions.windows", CONFIG_WINDOWS_MAX, ELEMENTS(windows, window_count), &window_default),
    OBJECT("actions.windows[]"),
    DAYS("actions.windows[].days", IN_WINDOW(days)),
    TIME("actions.windows[].from", 1439, false, true, IN_WINDOW(from_minute)),
    TIME("actions.windows[].to", 1440, false, true, IN_WINDOW(to_minute)),
    DURATION("actions.urgent_before", 0, DAYS_MS(30), IN_CONFIG(urgent_before_ms)),
    ARRAY("actions.veto_processes", CONFIG_VETO_MAX, ELEMENTS(veto_processes, veto_count), NULL),
    STRING("actions.veto_processes[]", 1, ELEMENT(PROCESS_IMAGE_MAX), check_file_name),
    DURATION("actions.stop_timeout", 100, DAYS_MS(1), IN_CONFIG(stop_timeout_ms)),
    DURATION("actions.start_timeout", 100, DAYS_MS(1), IN_CONFIG(start_timeout_ms)),
    DURATION("actions.verify", 0, DAYS_MS(1), IN_CONFIG(verify_ms)),
    CHOICE("actions.on_hang", "wait|terminate_client", IN_CONFIG(on_hang)),
    CHOICE("actions.on_cluster", "alert|act", IN_CONFIG(act_on_cluster)),
    OBJECT("actions.dump"),
    CHOICE("actions.dump.kind", "none|mini|full", IN_CONFIG(dump_kind)),
    INTEGER("actions.dump.keep", 1, 100, false, IN_CONFIG(dump_keep)),
    SIZE("actions.dump.min_free", 0, 16384 * GIB, false, IN_CONFIG(dump_min_free_bytes)),
    DURATION("actions.dump.time", SECONDS(1), DAYS_MS(1) / 24, IN_CONFIG(dump_time_ms)),
    OBJECT("mail"),
    STRING_OR_NULL("mail.from", IN_CONFIG(mail_from), check_address),
    ARRAY("mail.to", CONFIG_RECIPIENTS_MAX, ELEMENTS(mail_to, recipient_count), NULL),
    STRING("mail.to[]", 1, ELEMENT(CONFIG_STRING_MAX), check_address),
    STRING("mail.subject_prefix", 0, IN_CONFIG(subject_prefix), NULL),
    ARRAY("mail.relays", CONFIG_RELAYS_MAX, ELEMENTS(relays, relay_count), &relay_default),
    OBJECT("mail.relays[]"),
    STRING_NEEDED("mail.relays[].host", IN_RELAY(host), check_host),
    INTEGER("mail.relays[].port", 1, 65535, false, IN_RELAY(port)),
    CHOICE("mail.relays[].tls", "none|starttls|implicit", IN_RELAY(tls)),
    STRING_OR_NULL("mail.relays[].user", IN_RELAY(user), NULL),
    STRING_OR_NULL("mail.relays[].password", IN_RELAY(password), check_password),
    DURATION("mail.reminder", SECONDS(1), DAYS_MS(30), IN_CONFIG(reminder_ms)),
    INTEGER("mail.max_per_hour", 1, 1000, false, IN_CONFIG(max_per_hour)),
    TIME("mail.digest", 1439, true, false, IN_CONFIG(digest_minute)),
    STRING_OR_NULL("metrics_textfile", IN_CONFIG(metrics_textfile), check_path),
};
/* clang-format on */

static const struct config defaults = {
    .mode = MODE_ALERT,
    .interval_ms = 15 * MS_PER_SECOND,
    .warm_up_ms = 30 * MS_PER_MINUTE,
    .store_service = "MSExchangeIS",
    .discover_clients = true,
    .min_window_ms = 4 * MS_PER_HOUR,
    .confidence_pct = 99.0,
    .min_growth_bytes = 64 * MIB,
    .min_handles = 500,
    .limit_private_bytes = NAN,
    .limit_handles = NAN,
    .ladder_count = 3,
    .ladder = {RUNG_ALERT, RUNG_RESTART_CLIENT, RUNG_RESTART_STORE},
    .budget_max = 2,
    .budget_per_ms = MS_PER_DAY,
    .budget_min_interval_ms = 4 * MS_PER_HOUR,
    .window_count = 1,
    .windows = {{.days = 0x7F, .from_minute = 60, .to_minute = 300}},
    .urgent_before_ms = 2 * MS_PER_HOUR,
    .veto_count = 3,
    .veto_processes = {"eseutil.exe", "isinteg.exe", "ntbackup.exe"},
    .stop_timeout_ms = 20 * MS_PER_MINUTE,
    .start_timeout_ms = 30 * MS_PER_MINUTE,
    .verify_ms = 10 * MS_PER_MINUTE,
    .dump_kind = DUMP_NONE,
    .dump_keep = 3,
    .dump_min_free_bytes = 10 * GIB,
    .dump_time_ms = 2 * MS_PER_MINUTE,
    .subject_prefix = "[storewatch]",
    .reminder_ms = 4 * MS_PER_HOUR,
    .max_per_hour = 10,
    .digest_minute = -1,
};

void config_default(struct config *out_config)
{
    *out_config = defaults;
}

const struct config_key *config_key_get(size_t index)
{
    return index < ARRAY_COUNT(rows) ? &rows[index].key : NULL;
}

const char *rung_name(enum rung rung)
{
    static const char *const names[RUNG_COUNT] = {"alert", "restart_client", "restart_store"};
    return (size_t)rung < ARRAY_COUNT(names) ? names[rung] : "unknown";
}

/* The part of `path` below `prefix` when it is a key directly in that object, else NULL. */
static const char *child_name(const char *path, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (length > 0) {
        if (strncmp(path, prefix, length) != 0 || path[length] != '.') {
            return NULL;
        }
        path += length + 1;
    }
    return strpbrk(path, ".[") == NULL ? path : NULL;
}

static const struct row *find_child(const char *prefix, const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *child = child_name(rows[i].key.path, prefix);
        if (child != NULL && strcmp(child, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* The row of an array's elements follows the array's own. */
static const struct row *element_row(const struct row *array)
{
    return array + 1;
}

/* ---- where a value stands in the text ---- */

/* A value by its ordinals from the top, and its path in words. */
struct place {
    size_t depth;
    size_t ordinals[PLACE_DEPTH_MAX];
    char key[sizeof(((struct config_finding *)NULL)->key)];
};

struct reader {
    const char *json;
    size_t length;
    json_t *root;
    struct config *config;
    struct config_findings *findings;
};

static struct place place_below(const struct place *parent, size_t ordinal)
{
    struct place place = *parent;
    if (place.depth < PLACE_DEPTH_MAX) {
        place.ordinals[place.depth++] = ordinal;
    }
    return place;
}

/* Copies what may be shown: control characters as '?', since the text goes to consoles and the event log. */
static void add_clean(struct text *text, const char *value)
{
    for (const char *p = value; *p != '\0'; p++) {
        const unsigned char byte = (unsigned char)*p;
        text_add_bytes(text, byte < 0x20 || byte == 0x7F ? "?" : p, 1);
    }
}

/* The text that continues what `key` already holds. */
static struct text text_after(char *key, size_t capacity)
{
    return (struct text){.data = key, .capacity = capacity, .length = strlen(key)};
}

static struct place place_member(const struct place *parent, size_t ordinal, const char *name)
{
    struct place place = place_below(parent, ordinal);
    struct text key = text_after(place.key, sizeof(place.key));
    text_add(&key, "%s", key.length > 0 ? "." : "");
    add_clean(&key, name);
    return place;
}

static struct place place_element(const struct place *parent, size_t index)
{
    struct place place = place_below(parent, index);
    struct text key = text_after(place.key, sizeof(place.key));
    text_add(&key, "[%u]", (unsigned)index);
    return place;
}

/* The place of a member that may be absent: then it is its object's. *object is replaced by the member (NULL
 * when absent), so that calls can be chained. */
static struct place place_find(const struct place *parent, json_t **object, const char *name)
{
    const char *key;
    json_t *value;
    size_t ordinal = 0;
    json_object_foreach(*object, key, value)
    {
        if (strcmp(key, name) == 0) {
            *object = value;
            return place_member(parent, ordinal, name);
        }
        ordinal++;
    }
    struct place place = place_member(parent, 0, name);
    place.depth = parent->depth;
    *object = NULL;
    return place;
}

/* The place of a dotted path of object members, absent or not. */
static struct place place_of(const struct reader *reader, const char *path)
{
    struct place place = {0};
    json_t *value = reader->root;
    while (*path != '\0') {
        char name[64];
        const size_t length = strcspn(path, ".");
        struct text text = text_on(name, sizeof(name));
        text_add_bytes(&text, path, length);
        place = place_find(&place, &value, name);
        path += path[length] == '.' ? length + 1 : length;
    }
    return place;
}

/* The scanner. It only ever sees text that jansson has accepted, so it need not judge it; it still never
 * looks past the end. `at` is an offset into the text. */
static size_t skip_space(const struct reader *reader, size_t at)
{
    while (at < reader->length && strchr(" \t\r\n", reader->json[at]) != NULL) {
        at++;
    }
    return at;
}

static size_t skip_string(const struct reader *reader, size_t at)
{
    for (at++; at < reader->length && reader->json[at] != '"'; at++) {
        if (reader->json[at] == '\\') {
            at++;
        }
    }
    return at + 1;
}

static size_t skip_value(const struct reader *reader, size_t at)
{
    size_t depth = 0;
    while (at < reader->length) {
        const char c = reader->json[at];
        if (c == '"') {
            at = skip_string(reader, at);
        } else if (c == '{' || c == '[') {
            depth++;
            at++;
        } else if (c == '}' || c == ']') {
            depth--;
            at++;
        } else if (depth == 0) { /* a number, true, false, null */
            at += strcspn(reader->json + at, ",}] \t\r\n");
        } else {
            at++;
            continue;
        }
        if (depth == 0) {
            return at;
        }
    }
    return at;
}

/* The offset of the ordinal-th key (or value) of the object or array that begins at `at`. */
static size_t child_offset(const struct reader *reader, size_t at, size_t ordinal, bool want_key)
{
    const bool is_object = reader->json[at] == '{';
    at = skip_space(reader, at + 1);
    for (size_t i = 0;; i++) {
        if (is_object && !(want_key && i == ordinal)) {
            at = skip_space(reader, skip_string(reader, at));
            at = skip_space(reader, at + 1); /* the colon */
        }
        if (i == ordinal || at >= reader->length) {
            return at;
        }
        at = skip_space(reader, skip_value(reader, at));
        at = skip_space(reader, at + 1); /* the comma */
    }
}

static size_t place_offset(const struct reader *reader, const struct place *place, bool want_key)
{
    size_t at = skip_space(reader, 0);
    for (size_t i = 0; i < place->depth && at < reader->length; i++) {
        at = child_offset(reader, at, place->ordinals[i], want_key && i + 1 == place->depth);
    }
    return at < reader->length ? at : reader->length;
}

/* ---- findings ---- */

/* Counts a finding and makes room for its words; NULL when there are too many already. */
static struct config_finding *add_finding(struct config_findings *findings, bool warning)
{
    findings->error_count += !warning;
    if (findings->count == CONFIG_ERRORS_MAX) {
        findings->cut = true;
        return NULL;
    }
    struct config_finding *finding = &findings->items[findings->count++];
    *finding = (struct config_finding){.warning = warning, .line = 1, .column = 1};
    return finding;
}

/* Lines and columns count from 1; columns are characters. */
static void point_at(struct config_finding *finding, const char *json, size_t offset)
{
    for (size_t i = 0; i < offset; i++) {
        const unsigned char byte = (unsigned char)json[i];
        if (byte == '\n') {
            finding->line++;
            finding->column = 1;
        } else if ((byte & 0xC0U) != 0x80U) {
            finding->column++;
        }
    }
}

/* How serious, and whether the key or its value is pointed at. */
enum finding_kind { ERROR_AT_VALUE, ERROR_AT_KEY, WARNING_AT_VALUE };

PRINTF_LIKE(4, 5)
static void report(struct reader *reader, const struct place *place, enum finding_kind kind,
                   const char *format, ...)
{
    struct config_finding *finding = add_finding(reader->findings, kind == WARNING_AT_VALUE);
    if (finding == NULL) {
        return;
    }
    point_at(finding, reader->json, place_offset(reader, place, kind == ERROR_AT_KEY));
    memcpy(finding->key, place->key, sizeof(finding->key));
    struct text text = text_on(finding->text, sizeof(finding->text));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

/* No error so far at this key or below it? What rests on several values is only judged when each is right. */
static bool is_sound(const struct reader *reader, const char *key)
{
    const size_t length = strlen(key);
    for (size_t i = 0; i < reader->findings->count; i++) {
        const struct config_finding *finding = &reader->findings->items[i];
        if (!finding->warning && strncmp(finding->key, key, length) == 0 &&
            (finding->key[length] == '\0' || finding->key[length] == '.' || finding->key[length] == '[')) {
            return false;
        }
    }
    return true;
}

/* Insertion sort by place; equal places keep their order. At most CONFIG_ERRORS_MAX items. */
static void sort_findings(struct config_findings *findings)
{
    for (size_t i = 1; i < findings->count; i++) {
        const struct config_finding moved = findings->items[i];
        size_t at = i;
        while (at > 0 && (findings->items[at - 1].line > moved.line ||
                          (findings->items[at - 1].line == moved.line &&
                           findings->items[at - 1].column > moved.column))) {
            findings->items[at] = findings->items[at - 1];
            at--;
        }
        findings->items[at] = moved;
    }
}

void config_finding_format(struct text *text, const char *path, const struct config_finding *finding)
{
    text_add(text, "%s:%d:%d: %s%s%s%s", path, finding->line, finding->column, finding->key,
             finding->key[0] != '\0' ? ": " : "", finding->warning ? "warning: " : "", finding->text);
}

/* ---- words ---- */

/* The ordinal of `word` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *word)
{
    const size_t length = strlen(word);
    int index = 0;
    for (const char *p = choices;; index++) {
        const size_t span = strcspn(p, "|");
        if (span == length && memcmp(p, word, length) == 0) {
            return index;
        }
        if (p[span] == '\0') {
            return -1;
        }
        p += span + 1;
    }
}

/* What the row allows, as the end of "... must be". */
static void add_allowed(struct text *text, const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_OBJECT:
        text_add(text, "an object: {...}");
        break;
    case CONFIG_ARRAY:
        text_add(text, "a list of at most %.0f: [...]", key->max);
        break;
    case CONFIG_STRING:
        text_add(text, "a text of %.0f to %.0f bytes", key->min, key->max);
        break;
    case CONFIG_CHOICE:
        for (const char *p = key->choices;;) {
            const size_t span = strcspn(p, "|");
            text_add(text, "\"%.*s\"", (int)span, p);
            if (p[span] == '\0') {
                break;
            }
            p += span + 1;
            text_add(text, strchr(p, '|') != NULL ? ", " : " or ");
        }
        break;
    case CONFIG_DURATION:
        text_add(text, "a duration from \"");
        text_add_duration_config(text, (int64_t)key->min);
        text_add(text, "\" to \"");
        text_add_duration_config(text, (int64_t)key->max);
        text_add(text, "\": a whole number and ms, s, m, h or d");
        break;
    case CONFIG_SIZE:
        text_add(text, "a size from ");
        text_add_quantity(text, UNIT_BYTES, key->min);
        text_add(text, " to ");
        text_add_quantity(text, UNIT_BYTES, key->max);
        text_add(text, ": a number and KiB, MiB, GiB or TiB, such as \"1.5GiB\"");
        break;
    case CONFIG_TIME:
        text_add(text, "a time of day from \"00:00\" to \"%s\"", key->max > 1439.0 ? "24:00" : "23:59");
        break;
    case CONFIG_DAYS:
        text_add(text, "days such as \"mon-sun\" or \"mon,wed,fri-sat\"");
        break;
    case CONFIG_INTEGER:
        if (key->min == key->max) {
            text_add(text, "the number %.0f", key->min);
        } else {
            text_add(text, "a whole number from %.0f to %.0f", key->min, key->max);
        }
        break;
    case CONFIG_NUMBER:
        text_add(text, "a number from %g to %g", key->min, key->max);
        break;
    case CONFIG_BOOLEAN:
        text_add(text, "true or false");
        break;
    }
    if (key->nullable) {
        text_add(text, ", or null");
    }
}

/* The beginning of a value, in quotes, for a message. */
static void add_quoted(struct text *text, const char *value)
{
    char storage[QUOTED_MAX];
    struct text quoted = text_on(storage, sizeof(storage));
    add_clean(&quoted, value);
    text_add(text, "\"%s%s\"", storage, quoted.truncated ? "..." : "");
}

static void add_json(struct text *text, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        text_add(text, "an object");
        break;
    case JSON_ARRAY:
        text_add(text, "a list");
        break;
    case JSON_STRING:
        text_add(text, "the text ");
        add_quoted(text, json_string_value(value));
        break;
    case JSON_INTEGER:
        text_add(text, "the number %" PRId64, (int64_t)json_integer_value(value));
        break;
    case JSON_REAL:
        text_add(text, "the number %.10g", json_real_value(value));
        break;
    case JSON_TRUE:
        text_add(text, "true");
        break;
    case JSON_FALSE:
        text_add(text, "false");
        break;
    case JSON_NULL:
        text_add(text, "null");
        break;
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* How many letters must be inserted, removed, changed or swapped with their neighbour to make one of the
 * other (optimal string alignment), without case. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t before[KEY_DISTANCE_MAX + 1], above[KEY_DISTANCE_MAX + 1], now[KEY_DISTANCE_MAX + 1];
    const size_t rows_count = strlen(a);
    const size_t columns = strlen(b);
    if (rows_count > KEY_DISTANCE_MAX || columns > KEY_DISTANCE_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= columns; j++) {
        above[j] = before[j] = j;
    }
    for (size_t i = 1; i <= rows_count; i++) {
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            const bool same = lower(a[i - 1]) == lower(b[j - 1]);
            size_t best = above[j - 1] + !same;
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]) &&
                before[j - 2] + 1 < best) {
                best = before[j - 2] + 1;
            }
            now[j] = best;
        }
        memcpy(before, above, sizeof(before));
        memcpy(above, now, sizeof(above));
    }
    return above[columns];
}

static bool is_near(size_t distance, const char *word)
{
    const size_t third = strlen(word) / 3;
    return distance <= (third > 2 ? third : 2);
}

/* The key that was probably meant: the nearest one of the same object, else one of the same name elsewhere.
 */
static const char *nearest_key(const char *prefix, const char *name)
{
    const char *nearest = NULL;
    size_t distance = SIZE_MAX;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *child = child_name(rows[i].key.path, prefix);
        const size_t d = child != NULL ? edit_distance(name, child) : SIZE_MAX;
        if (d < distance) {
            distance = d;
            nearest = child;
        }
    }
    if (nearest != NULL && is_near(distance, nearest)) {
        return nearest;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *dot = strrchr(rows[i].key.path, '.');
        if (dot != NULL && text_equal_nocase(dot + 1, name)) {
            return rows[i].key.path;
        }
    }
    return NULL;
}

static void report_unknown_key(struct reader *reader, const struct place *place, const char *prefix,
                               const char *name)
{
    if (reader->findings->count == CONFIG_ERRORS_MAX) { /* no need to look for what nobody will read */
        (void)add_finding(reader->findings, false);
        return;
    }
    char storage[320];
    struct text text = text_on(storage, sizeof(storage));
    const char *nearest = nearest_key(prefix, name);
    if (nearest != NULL) {
        text_add(&text, "; did you mean \"%s\"?", nearest);
    }
    text_add(&text, " Allowed here: ");
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *child = child_name(rows[i].key.path, prefix);
        if (child != NULL) {
            text_add(&text, "%s%s", separator, child);
            separator = ", ";
        }
    }
    report(reader, place, ERROR_AT_KEY, "unknown key%s%s", nearest != NULL ? "" : ".", storage);
}

/* ---- single values ---- */

static const char *check_path(const char *value)
{
    const bool drive = ((value[0] >= 'A' && value[0] <= 'Z') || (value[0] >= 'a' && value[0] <= 'z')) &&
                       value[1] == ':' && (value[2] == '\\' || value[2] == '/');
    const bool share = value[0] == '\\' && value[1] == '\\' && value[2] != '\0';
    return drive || share || value[0] == '/'
               ? NULL
               : "must be an absolute path, such as \"C:\\\\ProgramData\\\\storewatch\"";
}

static const char *check_file_name(const char *value)
{
    return strpbrk(value, "\\/:*?\"<>|") == NULL
               ? NULL
               : "must be a file name without a path, such as \"BESAgent.exe\"";
}

static const char *check_service_name(const char *value)
{
    return strpbrk(value, "\\/") == NULL
               ? NULL
               : "must be the name of a service (as \"sc query\" shows it), without / and \\";
}

static const char *check_address(const char *value)
{
    const char *at = strchr(value, '@');
    bool good = at != NULL && at != value && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
                strlen(value) <= ADDRESS_MAX;
    for (const char *p = value; *p != '\0'; p++) {
        good = good && *p > ' ' && *p < 0x7F && strchr("<>()[],;:\\\"", *p) == NULL;
    }
    return good ? NULL : "must be one plain mail address, such as \"ops@example.com\"";
}

static const char *check_host(const char *value)
{
    int colons = 0;
    bool good = true;
    for (const char *p = value; *p != '\0'; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        good = good && (letter || strchr(".-_:[]", *p) != NULL);
        colons += *p == ':';
    }
    /* one colon is a port; an IPv6 address has two or more */
    return good && colons != 1
               ? NULL
               : "must be a host name or address alone, such as \"relay1.example.com\"; the port "
                 "has its own key";
}

static const char *check_password(const char *value)
{
    const bool good = (strncmp(value, "dpapi:", 6) == 0 && value[6] != '\0') ||
                      (strncmp(value, "env:", 4) == 0 && value[4] != '\0');
    return good ? NULL
                : "must be \"dpapi:...\" or \"env:NAME\": a password does not stand in the file in clear";
}

/* "mon-fri,sun" -> bits; a range may run over the end of the week. False when it is not that. */
static bool parse_days(const char *value, uint8_t *out_days)
{
    static const char names[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    unsigned bits = 0;
    for (const char *p = value;;) {
        int ends[2] = {-1, -1};
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < 7; i++) {
                if (p[0] == names[i][0] && p[1] == names[i][1] && p[2] == names[i][2]) {
                    ends[side] = i;
                    break;
                }
            }
            if (ends[side] < 0) {
                return false;
            }
            p += 3;
            if (side == 0 && *p != '-') {
                ends[1] = ends[0];
                break;
            }
            p += side == 0;
        }
        for (int day = ends[0];; day = (day + 1) % 7) {
            bits |= 1U << day;
            if (day == ends[1]) {
                break;
            }
        }
        if (*p == '\0') {
            *out_days = (uint8_t)bits;
            return true;
        }
        if (*p++ != ',') {
            return false;
        }
    }
}

/* "HH:MM" -> minute of the day; 24:00 is 1440. False when it is not that. */
static bool parse_time_of_day(const char *value, int *out_minute)
{
    if (strlen(value) != 5 || strspn(value, "0123456789") != 2 || value[2] != ':' ||
        strspn(value + 3, "0123456789") != 2) {
        return false;
    }
    const int hour = (value[0] - '0') * 10 + value[1] - '0';
    const int minute = (value[3] - '0') * 10 + value[4] - '0';
    *out_minute = hour * 60 + minute;
    return hour <= 24 && minute <= 59;
}

static void store_whole(void *at, size_t size, double value)
{
    const uint64_t whole = (uint64_t)value; /* never negative */
    const uint8_t u8 = (uint8_t)whole;
    const uint16_t u16 = (uint16_t)whole;
    const uint32_t u32 = (uint32_t)whole;
    switch (size) {
    case 1:
        memcpy(at, &u8, size);
        break;
    case 2:
        memcpy(at, &u16, size);
        break;
    case 4:
        memcpy(at, &u32, size);
        break;
    case 8: /* counts that can be unknown are doubles */
        memcpy(at, &value, size);
        break;
    default: /* "version": checked, not kept */
        break;
    }
}

static bool in_range(const struct config_key *key, double value)
{
    return value >= key->min && value <= key->max;
}

/* Stores a text of the row's type; false when it is not one, or out of range. */
static bool store_text(const struct row *row, const char *value, void *at)
{
    switch (row->key.type) {
    case CONFIG_STRING:
        return in_range(&row->key, (double)strlen(value)) && text_copy(at, row->size, value);
    case CONFIG_CHOICE: {
        const int index = choice_index(row->key.choices, value);
        store_whole(at, index >= 0 ? row->size : 0, index >= 0 ? index : 0);
        return index >= 0;
    }
    case CONFIG_DURATION: {
        int64_t ms;
        if (duration_parse(value, &ms) != STATUS_OK || !in_range(&row->key, (double)ms)) {
            return false;
        }
        memcpy(at, &ms, sizeof(ms));
        return true;
    }
    case CONFIG_SIZE: {
        double bytes;
        if (size_parse(value, &bytes) != STATUS_OK || !in_range(&row->key, bytes)) {
            return false;
        }
        memcpy(at, &bytes, sizeof(bytes));
        return true;
    }
    case CONFIG_TIME: {
        int minute;
        if (!parse_time_of_day(value, &minute) || !in_range(&row->key, minute)) {
            return false;
        }
        store_whole(at, row->size, minute % 1440);
        return true;
    }
    case CONFIG_DAYS:
        return parse_days(value, at);
    case CONFIG_OBJECT:
    case CONFIG_ARRAY:
    case CONFIG_INTEGER:
    case CONFIG_NUMBER:
    case CONFIG_BOOLEAN:
        break;
    }
    return false;
}

/* Stores a JSON scalar; false when its type or value is not the row's. */
static bool store_scalar(const struct row *row, const json_t *value, void *at)
{
    switch (row->key.type) {
    case CONFIG_INTEGER: {
        const double number = json_is_number(value) ? json_number_value(value) : NAN;
        const bool good = number == floor(number) && in_range(&row->key, number);
        store_whole(at, good ? row->size : 0, good ? number : 0);
        return good;
    }
    case CONFIG_NUMBER: {
        const double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (!in_range(&row->key, number)) {
            return false;
        }
        memcpy(at, &number, sizeof(number));
        return true;
    }
    case CONFIG_BOOLEAN: {
        const bool flag = json_is_true(value);
        if (json_is_boolean(value)) {
            memcpy(at, &flag, sizeof(flag));
        }
        return json_is_boolean(value);
    }
    default:
        return json_is_string(value) && store_text(row, json_string_value(value), at);
    }
}

/* ---- the walk ---- */

static void read_scalar(struct reader *reader, const struct row *row, const json_t *value,
                        const struct place *place, void *at)
{
    const char *text = json_string_value(value);
    if (json_is_null(value) && row->key.nullable) {
        return; /* the default stays */
    }
    if (text != NULL && row->key.type == CONFIG_STRING) {
        const char *complaint = NULL;
        for (const char *p = text; *p != '\0'; p++) {
            if ((unsigned char)*p < 0x20 || *p == 0x7F) {
                complaint = "must not contain control characters";
            }
        }
        if (complaint == NULL && row->check != NULL && text[0] != '\0') {
            complaint = row->check(text);
        }
        if (complaint != NULL) {
            char storage[2 * QUOTED_MAX];
            struct text quoted = text_on(storage, sizeof(storage));
            add_quoted(&quoted, text);
            report(reader, place, ERROR_AT_VALUE, "%s %s",
                   row->check == check_password ? "the value" : storage,
                   complaint); /* a password is not repeated */
            return;
        }
    }
    if (!store_scalar(row, value, at)) {
        char storage[sizeof(((struct config_finding *)NULL)->text)];
        struct text words = text_on(storage, sizeof(storage));
        add_json(&words, value);
        text_add(&words, " is not allowed; it must be ");
        add_allowed(&words, &row->key);
        report(reader, place, ERROR_AT_VALUE, "%s", storage);
    }
}

static void read_value(struct reader *reader, const struct row *row, json_t *value, const struct place *place,
                       void *base);

static void read_object(struct reader *reader, const char *prefix, json_t *object, const struct place *place,
                        void *base)
{
    const char *name;
    json_t *value;
    size_t ordinal = 0;
    json_object_foreach(object, name, value)
    {
        const struct place member = place_member(place, ordinal++, name);
        const struct row *row = find_child(prefix, name);
        if (row != NULL) {
            read_value(reader, row, value, &member, base);
        } else {
            report_unknown_key(reader, &member, prefix, name);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *child = rows[i].key.required ? child_name(rows[i].key.path, prefix) : NULL;
        json_t *found = object;
        if (child != NULL) {
            const struct place missing = place_find(place, &found, child);
            if (found == NULL) {
                report(reader, &missing, ERROR_AT_VALUE, "this key is missing; every one of %s needs it",
                       prefix);
            }
        }
    }
}

static void read_array(struct reader *reader, const struct row *row, json_t *array, const struct place *place,
                       void *base)
{
    const struct row *element = element_row(row);
    const size_t bound = (size_t)row->key.max;
    const size_t given = json_array_size(array);
    const size_t count = given < bound ? given : bound;
    if (given > bound) {
        report(reader, place, ERROR_AT_VALUE, "has %u elements; at most %u are allowed", (unsigned)given,
               (unsigned)bound);
    }
    for (size_t i = 0; i < count; i++) {
        char *at = (char *)base + row->offset + i * row->size;
        memset(at, 0, row->size);
        if (row->element_default != NULL) {
            memcpy(at, row->element_default, row->size);
        }
        const struct place member = place_element(place, i);
        read_value(reader, element, json_array_get(array, i), &member, at);
    }
    memcpy((char *)base + row->count_offset, &count, sizeof(count));
}

static void read_value(struct reader *reader, const struct row *row, json_t *value, const struct place *place,
                       void *base)
{
    if (row->key.type == CONFIG_OBJECT && json_is_object(value)) {
        read_object(reader, row->key.path, value, place, base);
    } else if (row->key.type == CONFIG_ARRAY && json_is_array(value)) {
        read_array(reader, row, value, place, base);
    } else {
        read_scalar(reader, row, value, place, (char *)base + row->offset);
    }
}

/* ---- what concerns several values ---- */

/* A client is the same target as an earlier one when it watches the same image, or the same service's
 * process. */
static bool same_target(const struct config_client *a, const struct config_client *b)
{
    return a->image[0] != '\0' || b->image[0] != '\0' ? text_equal_nocase(a->image, b->image)
                                                      : text_equal_nocase(a->service, b->service);
}

static void check_clients(struct reader *reader)
{
    const struct config *config = reader->config;
    const struct place clients = place_of(reader, "clients");
    json_t *array = json_object_get(reader->root, "clients");
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        const struct place place = place_element(&clients, i);
        if (!is_sound(reader, place.key)) {
            continue;
        }
        if (client->service[0] == '\0' && client->image[0] == '\0') {
            report(reader, &place, ERROR_AT_VALUE,
                   "has neither \"service\" nor \"image\": give the service that is restarted, the image "
                   "that is "
                   "watched, or both");
            continue;
        }
        json_t *service = json_array_get(array, i);
        const struct place service_place = place_find(&place, &service, "service");
        if (text_equal_nocase(client->service, config->store_service)) {
            report(reader, &service_place, ERROR_AT_VALUE,
                   "\"%s\" is the information store itself, which is watched already", client->service);
        }
        for (size_t j = 0; j < i; j++) {
            const struct config_client *earlier = &config->clients[j];
            json_t *name = json_array_get(array, i);
            const struct place name_place = place_find(&place, &name, "name");
            if (text_equal_nocase(client->name, earlier->name)) {
                report(reader, &name_place, ERROR_AT_VALUE, "\"%s\" is the name of clients[%u] already",
                       client->name, (unsigned)j);
            } else if (same_target(client, earlier)) {
                report(reader, &place, ERROR_AT_VALUE, "watches the same process as clients[%u], \"%s\"",
                       (unsigned)j, earlier->name);
            }
        }
    }
}

static void check_ladder(struct reader *reader)
{
    const struct config *config = reader->config;
    const struct place place = place_of(reader, "actions.ladder");
    if (!is_sound(reader, "actions.ladder")) {
        return;
    }
    if (config->ladder_count == 0 || config->ladder[0] != RUNG_ALERT) {
        report(reader, &place, ERROR_AT_VALUE,
               "must begin with \"alert\": people are told before anything is done");
    }
    for (size_t i = 1; i < config->ladder_count; i++) {
        const struct place element = place_element(&place, i);
        if (config->ladder[i] == config->ladder[i - 1]) {
            report(reader, &element, ERROR_AT_VALUE, "\"%s\" is in the ladder twice",
                   rung_name(config->ladder[i]));
        } else if (config->ladder[i] < config->ladder[i - 1]) {
            report(reader, &element, ERROR_AT_VALUE,
                   "\"%s\" comes after \"%s\"; the order is alert, restart_client, restart_store",
                   rung_name(config->ladder[i]), rung_name(config->ladder[i - 1]));
        }
    }
    if (config->mode == MODE_ACT && config->ladder_count == 1) {
        report(reader, &place, WARNING_AT_VALUE,
               "the ladder has no restart, so mode \"act\" does the same as mode \"alert\"");
    }
}

static void check_budget(struct reader *reader)
{
    const struct config *config = reader->config;
    if (is_sound(reader, "actions.budget") && config->budget_min_interval_ms > config->budget_per_ms) {
        const struct place place = place_of(reader, "actions.budget.min_interval");
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration_config(&text, config->budget_min_interval_ms);
        text_add(&text, ") is longer than actions.budget.per (");
        text_add_duration_config(&text, config->budget_per_ms);
        report(reader, &place, WARNING_AT_VALUE,
               "the time between two restarts (%s): it alone decides, \"max\" is never reached", storage);
    }
}

static void check_relays(struct reader *reader)
{
    const struct config *config = reader->config;
    const struct place relays = place_of(reader, "mail.relays");
    for (size_t i = 0; i < config->relay_count; i++) {
        const struct config_relay *relay = &config->relays[i];
        const struct place place = place_element(&relays, i);
        if (!is_sound(reader, place.key)) {
            continue;
        }
        if ((relay->user[0] == '\0') != (relay->password[0] == '\0')) {
            report(reader, &place, ERROR_AT_VALUE, "has \"%s\" but no \"%s\"; give both or neither",
                   relay->user[0] != '\0' ? "user" : "password",
                   relay->user[0] != '\0' ? "password" : "user");
        } else if (relay->password[0] != '\0' && relay->tls == TLS_NONE) {
            report(
                reader, &place, WARNING_AT_VALUE,
                "the password crosses the network in clear: \"tls\" should be \"starttls\" or \"implicit\"");
        }
        if (relay->tls == TLS_IMPLICIT && relay->port == 25) {
            report(reader, &place, WARNING_AT_VALUE,
                   "\"tls\" is \"implicit\" on port 25; relays expect that on port 465");
        }
    }
}

static void check_mail(struct reader *reader)
{
    const struct config *config = reader->config;
    const bool to = config->recipient_count > 0 || !is_sound(reader, "mail.to");
    const bool relays = config->relay_count > 0 || !is_sound(reader, "mail.relays");
    if (to && relays) {
        return;
    }
    const struct place place = place_of(reader, to ? "mail.relays" : relays ? "mail.to" : "mail");
    report(reader, &place, WARNING_AT_VALUE, "no %s%s%s: alerts go to the event log only",
           to ? "" : "recipient (mail.to)", to || relays ? "" : " and no ",
           relays ? "" : "relay (mail.relays)");
}

/* "storewatch@" and the domain of the first recipient: a domain that the relay knows. */
static void derive_sender(struct config *config)
{
    const char *at = config->recipient_count > 0 ? strchr(config->mail_to[0], '@') : NULL;
    if (config->mail_from[0] == '\0' && at != NULL) {
        struct text from = text_on(config->mail_from, sizeof(config->mail_from));
        text_add(&from, "storewatch%s", at);
    }
}

/* ---- the file ---- */

static const char *syntax_hint(const char *complaint)
{
    static const struct {
        const char *complaint, *hint;
    } hints[] = {
        {"invalid escape", " (a backslash is written twice: \"C:\\\\data\")"},
        {"near '/'", " (JSON has no comments; the schema documents the keys)"},
        {"near '#'", " (JSON has no comments; the schema documents the keys)"},
        {"near '}'", " (is there a comma too many before it, or a bracket that was never opened?)"},
        {"near ']'", " (is there a comma too many before it, or a bracket that was never opened?)"},
        {"near end of file", " (is a closing } or ] missing?)"},
        {"duplicate object key", " (each key may stand once in an object)"},
        {"unable to decode byte", " (the file must be saved as UTF-8)"},
        {"maximum parsing depth", " (the configuration is never that deep)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(hints); i++) {
        if (strstr(complaint, hints[i].complaint) != NULL) {
            return hints[i].hint;
        }
    }
    return "";
}

/* A finding about the file as a whole; the first and only one. */
static void report_file(struct config_findings *findings, const char *complaint, const char *hint)
{
    struct text text = text_on(add_finding(findings, false)->text, sizeof(findings->items[0].text));
    add_clean(&text, complaint);
    text_add(&text, "%s", hint);
}

static void report_syntax(struct config_findings *findings, const json_error_t *error)
{
    char storage[JSON_ERROR_TEXT_LENGTH + 32];
    struct text text = text_on(storage, sizeof(storage));
    text_add(&text, "not JSON: %s", error->text);
    report_file(findings, storage, syntax_hint(error->text));
    findings->items[0].line = error->line > 0 ? error->line : 1;
    findings->items[0].column = error->column > 0 ? error->column : 1;
}

/* jansson takes an allocation that fails for a fault of the text, so they are counted on the way. */
static json_malloc_t allocate_below;
static atomic_uint allocations_failed;

static void *json_allocate(size_t size)
{
    void *memory = allocate_below(size);
    if (memory == NULL) {
        atomic_fetch_add(&allocations_failed, 1);
    }
    return memory;
}

static void count_allocations(void)
{
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    if (allocate != json_allocate) {
        allocate_below = allocate;
        json_set_alloc_funcs(json_allocate, release);
    }
}

enum status config_parse(const char *json, size_t length, struct config *out_config,
                         struct config_findings *out_findings)
{
    out_findings->count = out_findings->error_count = 0;
    out_findings->cut = false;
    if (length >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0) { /* Notepad's byte order mark */
        json += 3;
        length -= 3;
    }
    if (length >= 2 && (json[0] == '\0' || json[1] == '\0' || memcmp(json, "\xFF\xFE", 2) == 0 ||
                        memcmp(json, "\xFE\xFF", 2) == 0)) {
        report_file(out_findings, "the file is UTF-16; save it as UTF-8", "");
        return STATUS_INVALID;
    }
    if (length > CONFIG_BYTES_MAX) {
        report_file(out_findings, "the file is larger than 1 MiB; a configuration is at most that", "");
        return STATUS_INVALID;
    }
    const char *nul = memchr(json, '\0', length);
    if (nul != NULL) {
        report_file(out_findings, "a NUL byte: this is not a text file", "");
        point_at(&out_findings->items[0], json, (size_t)(nul - json));
        return STATUS_INVALID;
    }
    count_allocations();
    const unsigned failed_before = atomic_load(&allocations_failed);
    struct config *config = malloc(sizeof(*config));
    json_error_t error;
    json_t *root = config == NULL ? NULL : json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
    enum status status = STATUS_INVALID;
    if (config == NULL ||
        atomic_load(&allocations_failed) != failed_before) { /* whatever jansson says of the text */
        report_file(out_findings, "out of memory", "");
        status = STATUS_NO_MEMORY;
        goto done;
    }
    if (root == NULL) {
        report_syntax(out_findings, &error);
        goto done;
    }
    config_default(config);
    struct reader reader = {json, length, root, config, out_findings};
    const struct place top = {0};
    if (!json_is_object(root)) {
        report(&reader, &top, ERROR_AT_VALUE, "the file must hold one object: {...}");
    } else {
        read_object(&reader, "", root, &top, config);
        check_clients(&reader);
        check_ladder(&reader);
        check_budget(&reader);
        check_relays(&reader);
        check_mail(&reader);
    }
    sort_findings(out_findings);
    if (out_findings->error_count == 0) {
        derive_sender(config);
        *out_config = *config;
        status = STATUS_OK;
    }
done:
    json_decref(root);
    free(config);
    return status;
}

enum status config_load(const char *path, struct config *out_config, struct config_findings *out_findings,
                        struct err *err)
{
    out_findings->count = out_findings->error_count = 0;
    out_findings->cut = false;
    enum status status = STATUS_OK;
    char *json = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        const int code = errno;
        return err_set(err,
                       code == ENOENT   ? STATUS_NOT_FOUND
                       : code == EACCES ? STATUS_DENIED
                                        : STATUS_IO,
                       "open", (uint32_t)code, "%s: cannot be opened: %s", path, strerror(code));
    }
    const size_t capacity = CONFIG_BYTES_MAX + 4; /* more than is allowed, so that too much is seen */
    json = malloc(capacity);
    if (json == NULL) {
        status = err_set(err, STATUS_NO_MEMORY, "read", 0, "%s: out of memory", path);
        goto done;
    }
    const size_t length = fread(json, 1, capacity, file);
    if (ferror(file)) {
        const int code = errno;
        status =
            err_set(err, STATUS_IO, "read", (uint32_t)code, "%s: cannot be read: %s", path, strerror(code));
        goto done;
    }
    status = config_parse(json, length, out_config, out_findings);
done:
    free(json);
    fclose(file);
    return status;
}

bool config_window_open(const struct config *config, int weekday, int minute_of_day)
{
    for (size_t i = 0; i < config->window_count; i++) {
        const struct config_window *window = &config->windows[i];
        const bool today = (window->days >> weekday & 1) != 0;
        const bool yesterday = (window->days >> (weekday + 6) % 7 & 1) != 0;
        const bool begun = minute_of_day >= window->from_minute;
        const bool not_over = minute_of_day < window->to_minute;
        const bool over_midnight = window->to_minute < window->from_minute;
        if (window->from_minute == window->to_minute ? today
            : over_midnight                          ? (today && begun) || (yesterday && not_over)
                                                     : today && begun && not_over) {
            return true;
        }
    }
    return config->window_count == 0;
}

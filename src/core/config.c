/* config.c - the one JSON file: text in, validated settings out, or every finding with its place.
 *
 * One table (config_keys.c) names each key with its type, range and where its value is stored; the walk below
 * over the parsed JSON follows it, so a new key is one row, one default and one entry of the schema (a test
 * holds the three together). Findings are collected, never thrown: one run tells all of them. */
#include "config_internal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BACKSLASH_HINT " (a backslash is written twice: \"C:\\\\data\")"

/* ---- the walk ---- */

static void read_scalar(struct config_reader *reader, const struct config_row *row, const json_t *value,
                        const struct config_place *place, void *at)
{
    const char *text = json_string_value(value);
    if (json_is_null(value) && row->key.nullable)
        return; /* the default stays */
    if (text != NULL && row->key.type == CONFIG_STRING) {
        const char *complaint = NULL;
        for (const char *p = text; *p != '\0'; p++) {
            if ((unsigned char)*p < 0x20 || *p == 0x7F) {
                complaint = row->check == config_check_path /* "C:\temp" has a tab */
                                ? "must not contain control characters" BACKSLASH_HINT
                                : "must not contain control characters";
            }
        }
        if (complaint == NULL && row->check != NULL && text[0] != '\0')
            complaint = row->check(text);
        if (complaint != NULL) {
            char storage[2 * CONFIG_QUOTED_MAX];
            struct text quoted = text_on(storage, sizeof(storage));
            config_add_quoted(&quoted, text);
            config_report(reader, place, ERROR_AT_VALUE, "%s %s",
                          row->check == config_check_password ? "the value" : storage,
                          complaint); /* a password is not repeated */
            return;
        }
    }
    if (!config_store_scalar(row, value, at)) {
        char storage[sizeof(((struct config_finding *)NULL)->text)];
        struct text words = text_on(storage, sizeof(storage));
        if (row->check == config_check_password) /* is not repeated, whatever it is */
            text_add(&words, "the value");
        else
            config_add_json(&words, value);
        text_add(&words, " is not allowed; it must be ");
        config_add_allowed(&words, &row->key);
        config_report(reader, place, ERROR_AT_VALUE, "%s", storage);
    }
}

static void read_value(struct config_reader *reader, const struct config_row *row, json_t *value,
                       const struct config_place *place, void *base);

static void read_object(struct config_reader *reader, const char *prefix, json_t *object,
                        const struct config_place *place, void *base)
{
    const char *name;
    json_t *value;
    size_t ordinal = 0;
    json_object_foreach(object, name, value)
    {
        const struct config_place member = config_place_member(place, ordinal++, name);
        const struct config_row *row = config_find_child(prefix, name);
        if (row != NULL)
            read_value(reader, row, value, &member, base);
        else
            config_report_unknown_key(reader, &member, prefix, name);
    }
    for (size_t i = 0; i < config_row_count; i++) {
        const char *child =
            config_rows[i].key.required ? config_child_name(config_rows[i].key.path, prefix) : NULL;
        json_t *found = object;
        if (child != NULL) {
            const struct config_place missing = config_place_find(place, &found, child);
            if (found == NULL) {
                config_report(reader, &missing, ERROR_AT_VALUE,
                              "this key is missing; every one of %s needs it", prefix);
            }
        }
    }
}

static void read_array(struct config_reader *reader, const struct config_row *row, json_t *array,
                       const struct config_place *place, void *base)
{
    const struct config_row *element = row + 1; /* of the table */
    const size_t bound = (size_t)row->key.max;
    const size_t given = json_array_size(array);
    const size_t count = given < bound ? given : bound;
    if (given > bound) {
        config_report(reader, place, ERROR_AT_VALUE, "has %u elements; at most %u are allowed",
                      (unsigned)given, (unsigned)bound);
    }
    char *beyond = given > bound ? malloc(row->size) : NULL; /* those are looked at, too, and kept nowhere */
    for (size_t i = 0; i < (beyond != NULL ? given : count); i++) {
        char *at = i < count ? (char *)base + row->offset + i * row->size : beyond;
        memset(at, 0, row->size);
        if (row->element_default != NULL)
            memcpy(at, row->element_default, row->size);
        const struct config_place member = config_place_element(place, i);
        read_value(reader, element, json_array_get(array, i), &member, at);
    }
    free(beyond);
    memcpy((char *)base + row->count_offset, &count, sizeof(count));
}

static void read_value(struct config_reader *reader, const struct config_row *row, json_t *value,
                       const struct config_place *place, void *base)
{
    if (row->key.type == CONFIG_OBJECT && json_is_object(value))
        read_object(reader, row->key.path, value, place, base);
    else if (row->key.type == CONFIG_ARRAY && json_is_array(value))
        read_array(reader, row, value, place, base);
    else
        read_scalar(reader, row, value, place, (char *)base + row->offset);
}

/* "storewatch@" ("s@", if that is too long) and the domain of the first recipient: one that the relay knows. */
static void derive_sender(struct config *config)
{
    const char *at = config->recipient_count > 0 ? strchr(config->mail_to[0], '@') : NULL;
    if (config->mail_from[0] == '\0' && at != NULL) {
        struct text from = text_on(config->mail_from, sizeof(config->mail_from));
        const bool fits = strlen("storewatch") + strlen(at) < CONFIG_ADDRESS_MAX;
        text_add(&from, "%s%s", fits ? "storewatch" : "s", at);
    }
}

/* ---- the file ---- */

static const char *syntax_hint(const char *complaint)
{
    static const struct {
        const char *complaint, *hint;
    } hints[] = {
        {"invalid escape", BACKSLASH_HINT},
        {"near '/'", " (JSON has no comments; the schema documents the keys)"},
        {"near '#'", " (JSON has no comments; the schema documents the keys)"},
        {"near '}'", " (is there a comma too many before it, or a bracket that was never opened?)"},
        {"near ']'", " (is there a comma too many before it, or a bracket that was never opened?)"},
        {"'}' expected near '\"", " (is a comma missing before it?)"},
        {"']' expected near '\"", " (is a comma missing before it?)"},
        {"']' expected near '{'", " (is a comma missing before it?)"},
        {"end of file expected", " (the file holds one object)"},
        {"near end of file", " (is a closing } or ] missing?)"},
        {"duplicate object key", " (each key may stand once in an object)"},
        {"unable to decode byte", " (the file must be saved as UTF-8)"},
        {"maximum parsing depth", " (the configuration is never that deep)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(hints); i++)
        if (strstr(complaint, hints[i].complaint) != NULL)
            return hints[i].hint;
    return "";
}

/* A finding about the file as a whole; there is room for it. */
static struct config_finding *report_file(struct config_findings *findings, const char *complaint,
                                          const char *hint)
{
    struct config_finding *finding = config_add_finding(findings, false);
    struct text text = text_on(finding->text, sizeof(finding->text));
    text_add_clean(&text, complaint);
    text_add(&text, "%s", hint);
    return finding;
}

/* Is this the last part of some key's path? */
static bool is_key_word(const char *word, size_t length)
{
    for (size_t i = 0; i < config_row_count; i++) {
        const char *dot = strrchr(config_rows[i].key.path, '.');
        const char *name = dot != NULL ? dot + 1 : config_rows[i].key.path;
        if (strlen(name) == length && memcmp(name, word, length) == 0)
            return true;
    }
    return false;
}

/* What jansson quotes of the text may be a piece of a password, which goes into no mail and no event. */
static size_t without_secrets(const char *complaint, const char *json, size_t length)
{
    static const char near[] = " near '", secret[] = "password";
    const size_t whole = strlen(complaint);
    const char *quoted = strstr(complaint, near);
    bool has_secrets = false;
    for (size_t i = 0; i + strlen(secret) <= length && !has_secrets; i++)
        has_secrets = text_begins_nocase(json + i, secret);
    if (quoted == NULL || !has_secrets)
        return whole;
    const char *token = quoted + strlen(near);
    size_t token_length = strlen(token) - (whole > 0 && complaint[whole - 1] == '\'');
    if (token_length >= 2 && token[0] == '"' && token[token_length - 1] == '"') {
        token++;
        token_length -= 2;
    }
    return token_length <= 1 || is_key_word(token, token_length) ? whole : (size_t)(quoted - complaint);
}

static void report_syntax(struct config_findings *findings, const json_error_t *error, const char *json,
                          size_t length)
{
    char storage[JSON_ERROR_TEXT_LENGTH + 32];
    struct text text = text_on(storage, sizeof(storage));
    static const char flag[] = " without JSON_ALLOW_NUL"; /* of jansson's, which nobody can give here */
    const char *words = error->text;
    const char *flagged = strstr(words, flag);
    text_add(&text, "not JSON: ");
    if (flagged != NULL) {
        text_add_bytes(&text, words, (size_t)(flagged - words));
        words = flagged + strlen(flag);
    }
    text_add(&text, "%.*s", (int)without_secrets(words, json, length), words);
    struct config_finding *finding = report_file(findings, storage, syntax_hint(error->text));
    finding->line = error->line > 0 ? error->line : 1;
    finding->column = error->column > 0 ? error->column : 1;
}

/* Each key that stands twice is told of, and of two members the first is looked at: *out_blanked, owned by the
 * caller, is the text without the others, NULL as long as there are none. NULL after what cannot be told of
 * such a text, or is told already. */
static json_t *load(const char *json, size_t length, char **out_blanked, struct config_findings *findings)
{
    json_error_t error;
    json_t *root = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
    while (root == NULL && json_error_code(&error) == json_error_duplicate_key) {
        report_syntax(findings, &error, json, length);
        if (*out_blanked == NULL && (*out_blanked = malloc(length)) != NULL)
            memcpy(*out_blanked, json, length);
        if (*out_blanked == NULL || findings->count == CONFIG_ERRORS_MAX ||
            !config_blank_duplicate(*out_blanked, length, (size_t)error.position))
            return NULL;
        root = json_loadb(*out_blanked, length, JSON_REJECT_DUPLICATES, &error);
    }
    if (root == NULL)
        report_syntax(findings, &error, json, length);
    return root;
}

/* jansson takes an allocation that fails for a fault of the text, so they are counted on the way. */
static json_malloc_t allocate_below;
static atomic_uint allocations_failed;

static void *json_allocate(size_t size)
{
    void *memory = allocate_below(size);
    if (memory == NULL)
        atomic_fetch_add(&allocations_failed, 1);
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

/* What is wrong with a text that jansson need not see, and where; NULL: nothing. */
static const char *refused(const char *json, size_t length, size_t *out_at)
{
    *out_at = 0;
    if (length >= 2 && (json[0] == '\0' || json[1] == '\0' || memcmp(json, "\xFF\xFE", 2) == 0 ||
                        memcmp(json, "\xFE\xFF", 2) == 0))
        return "the file is UTF-16; save it as UTF-8";
    if (length > CONFIG_BYTES_MAX)
        return "the file is larger than 1 MiB; a configuration is at most that";
    size_t blank = 0;
    while (blank < length && config_is_space(json[blank]))
        blank++;
    if (blank == length)
        return "the file is empty; it must hold one object: {...}";
    const char *nul = memchr(json, '\0', length);
    *out_at = nul != NULL ? (size_t)(nul - json) : 0;
    return nul != NULL ? "a NUL byte: this is not a text file" : NULL;
}

static enum status parse(const char *path, const char *json, size_t length, struct config *out_config,
                         struct config_findings *out_findings)
{
    out_findings->count = out_findings->error_count = 0;
    if (length >= 3 && memcmp(json, "\xEF\xBB\xBF", 3) == 0) { /* Notepad's byte order mark */
        json += 3;
        length -= 3;
    }
    size_t refused_at;
    const char *complaint = refused(json, length, &refused_at);
    if (complaint != NULL) {
        config_point_at(report_file(out_findings, complaint, ""), json, refused_at);
        return STATUS_INVALID;
    }
    count_allocations();
    const unsigned failed_before = atomic_load(&allocations_failed);
    struct config *config = malloc(sizeof(*config));
    char *blanked = NULL;
    json_t *root = config == NULL ? NULL : load(json, length, &blanked, out_findings);
    enum status status = STATUS_INVALID;
    if (config == NULL ||
        atomic_load(&allocations_failed) != failed_before) { /* whatever jansson says of the text */
        out_findings->count = out_findings->error_count = 0;
        report_file(out_findings, "out of memory", "");
        status = STATUS_NO_MEMORY;
        goto done;
    }
    if (root == NULL)
        goto done;
    config_default(config);
    struct config_reader reader = {path,        blanked != NULL ? blanked : json, length, root, config,
                                   out_findings};
    const struct config_place top = {0};
    if (!json_is_object(root)) {
        config_report(&reader, &top, ERROR_AT_VALUE, "the file must hold one object: {...}");
    } else {
        read_object(&reader, "", root, &top, config);
        config_check(&reader);
    }
    config_sort_findings(out_findings);
    config_tell_cut(out_findings);
    if (out_findings->error_count == 0) {
        derive_sender(config);
        *out_config = *config;
        status = STATUS_OK;
    }
done:
    json_decref(root);
    free(blanked);
    free(config);
    return status;
}

enum status config_parse(const char *json, size_t length, struct config *out_config,
                         struct config_findings *out_findings)
{
    return parse(NULL, json, length, out_config, out_findings);
}

enum status config_load(const char *path, struct config *out_config, struct config_findings *out_findings,
                        struct err *err)
{
    out_findings->count = out_findings->error_count = 0;
    enum status status = STATUS_OK;
    char *json = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return err_set_open(err, path, errno);
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
    status = parse(path, json, length, out_config, out_findings);
done:
    free(json);
    fclose(file);
    return status;
}

/* ---- what others ask of a configuration ---- */

const char *rung_name(enum rung rung)
{
    static const char *const names[RUNG_COUNT] = {"alert", "restart_client", "restart_store"};
    return (size_t)rung < ARRAY_COUNT(names) ? names[rung] : "unknown";
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
                                                     : today && begun && not_over)
            return true;
    }
    return config->window_count == 0;
}

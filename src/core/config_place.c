/* config_place.c - where a value stands in the text, and the findings that point there.
 *
 * jansson forgets where a value stood, but keeps the order of members, and a text in which one stands twice is
 * refused or mended (config_duplicates.c). So a value is identified by its ordinals - "the third member of the
 * second element of the fourth member" - and only when there is something to say about it a scanner walks the
 * (already valid) text to that place. */
#include "config_internal.h"

#include <string.h>

/* ---- places ---- */

static struct config_place place_below(const struct config_place *parent, size_t ordinal)
{
    struct config_place place = *parent;
    if (place.depth < CONFIG_DEPTH_MAX)
        place.ordinals[place.depth++] = ordinal;
    return place;
}

/* The text that continues what `key` already holds. */
static struct text text_after(char *key, size_t capacity)
{
    return (struct text){.data = key, .capacity = capacity, .length = strlen(key)};
}

struct config_place config_place_member(const struct config_place *parent, size_t ordinal, const char *name)
{
    struct config_place place = place_below(parent, ordinal);
    struct text key = text_after(place.key, sizeof(place.key));
    text_add(&key, "%s", key.length > 0 ? "." : "");
    text_add_clean(&key, name);
    return place;
}

struct config_place config_place_element(const struct config_place *parent, size_t index)
{
    struct config_place place = place_below(parent, index);
    struct text key = text_after(place.key, sizeof(place.key));
    text_add(&key, "[%u]", (unsigned)index);
    return place;
}

struct config_place config_place_find(const struct config_place *parent, json_t **object, const char *name)
{
    const char *key;
    json_t *value;
    size_t ordinal = 0;
    json_object_foreach(*object, key, value)
    {
        if (strcmp(key, name) == 0) {
            *object = value;
            return config_place_member(parent, ordinal, name);
        }
        ordinal++;
    }
    struct config_place place = config_place_member(parent, 0, name);
    place.depth = parent->depth;
    *object = NULL;
    return place;
}

struct config_place config_place_of(const struct config_reader *reader, const char *path)
{
    struct config_place place = {0};
    json_t *value = reader->root;
    while (*path != '\0') {
        char name[64];
        const size_t length = strcspn(path, ".");
        struct text text = text_on(name, sizeof(name));
        text_add_bytes(&text, path, length);
        place = config_place_find(&place, &value, name);
        path += path[length] == '.' ? length + 1 : length;
    }
    return place;
}

/* The scanner. It only ever sees text that jansson has accepted, so it need not judge it; it still never
 * looks past the end. `at` is an offset into the text. */
static size_t skip_space(const struct config_reader *reader, size_t at)
{
    while (at < reader->length && config_is_space(reader->json[at]))
        at++;
    return at;
}

static size_t skip_string(const struct config_reader *reader, size_t at)
{
    for (at++; at < reader->length && reader->json[at] != '"'; at++)
        if (reader->json[at] == '\\')
            at++;
    return at + 1;
}

static size_t skip_value(const struct config_reader *reader, size_t at)
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
        if (depth == 0)
            return at;
    }
    return at;
}

/* The offset of the ordinal-th key (or value) of the object or array that begins at `at`. */
static size_t child_offset(const struct config_reader *reader, size_t at, size_t ordinal, bool want_key)
{
    const bool is_object = reader->json[at] == '{';
    at = skip_space(reader, at + 1);
    for (size_t i = 0;; i++) {
        if (is_object && !(want_key && i == ordinal)) {
            at = skip_space(reader, skip_string(reader, at));
            at = skip_space(reader, at + 1); /* the colon */
        }
        if (i == ordinal || at >= reader->length)
            return at;
        at = skip_space(reader, skip_value(reader, at));
        at = skip_space(reader, at + 1); /* the comma */
    }
}

static size_t place_offset(const struct config_reader *reader, const struct config_place *place,
                           bool want_key)
{
    size_t at = skip_space(reader, 0);
    for (size_t i = 0; i < place->depth && at < reader->length; i++)
        at = child_offset(reader, at, place->ordinals[i], want_key && i + 1 == place->depth);
    return at < reader->length ? at : reader->length;
}

/* ---- findings ---- */

struct config_finding *config_add_finding(struct config_findings *findings, bool warning)
{
    findings->error_count += !warning;
    if (findings->count >= CONFIG_ERRORS_MAX)
        return NULL;
    struct config_finding *finding = &findings->items[findings->count++];
    *finding = (struct config_finding){.warning = warning, .line = 1, .column = 1};
    return finding;
}

void config_point_at(struct config_finding *finding, const char *json, size_t offset)
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

void config_report(struct config_reader *reader, const struct config_place *place,
                   enum config_finding_kind kind, const char *format, ...)
{
    struct config_finding *finding = config_add_finding(reader->findings, kind == WARNING_AT_VALUE);
    if (finding == NULL)
        return;
    finding->unknown_key = kind == ERROR_UNKNOWN_KEY;
    config_point_at(finding, reader->json, place_offset(reader, place, finding->unknown_key));
    memcpy(finding->key, place->key, sizeof(finding->key));
    struct text text = text_on(finding->text, sizeof(finding->text));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

bool config_is_sound(const struct config_reader *reader, const char *key)
{
    const size_t length = strlen(key);
    for (size_t i = 0; i < reader->findings->count; i++) {
        const struct config_finding *finding = &reader->findings->items[i];
        if (!finding->warning && strncmp(finding->key, key, length) == 0 &&
            (finding->key[length] == '\0' || finding->key[length] == '.' || finding->key[length] == '['))
            return false;
    }
    return true;
}

/* Insertion sort by place; equal places keep their order. At most CONFIG_ERRORS_MAX items. */
void config_sort_findings(struct config_findings *findings)
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

void config_tell_cut(struct config_findings *findings)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++)
        kept += !findings->items[i].warning;
    if (kept == findings->error_count)
        return;
    struct config_finding *last = &findings->items[findings->count];
    *last = (struct config_finding){.line = last[-1].line, .column = last[-1].column};
    findings->count++;
    struct text text = text_on(last->text, sizeof(last->text));
    text_add(&text, "%zu errors in all: the others are told when these are mended", findings->error_count);
}

void config_finding_format(struct text *text, const char *path, const struct config_finding *finding)
{
    text_add(text, "%s:%d:%d: %s%s%s%s", path, finding->line, finding->column, finding->key,
             finding->key[0] != '\0' ? ": " : "", finding->warning ? "warning: " : "", finding->text);
}

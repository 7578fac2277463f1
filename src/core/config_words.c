/* config_words.c - what is said of a value that is not right: what it is, what is allowed, what was meant. */
#include "config_internal.h"

#include <inttypes.h>
#include <string.h>

#include "storewatch/units.h"

#define KEY_DISTANCE_MAX 64 /* longer keys are not compared: nothing of ours is that long */

/* ---- values ---- */

void config_add_allowed(struct text *text, const struct config_key *key)
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
            if (p[span] == '\0')
                break;
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
        text_add(text, "a size from \"");
        text_add_size_config(text, key->min);
        text_add(text, "\" to \"");
        text_add_size_config(text, key->max);
        text_add(text, "\": a number and KiB, MiB, GiB or TiB, such as \"1.5GiB\"");
        break;
    case CONFIG_TIME:
        text_add(text, "a time of day from \"00:00\" to \"%s\"", key->max > 1439.0 ? "24:00" : "23:59");
        break;
    case CONFIG_DAYS:
        text_add(text, "days such as \"mon-sun\" or \"mon,wed,fri-sat\"");
        break;
    case CONFIG_INTEGER:
        if (key->min == key->max)
            text_add(text, "the number %.0f", key->min);
        else
            text_add(text, "a whole number from %.0f to %.0f", key->min, key->max);
        break;
    case CONFIG_NUMBER:
        text_add(text, "a number from %g to %g", key->min, key->max);
        break;
    case CONFIG_BOOLEAN:
        text_add(text, "true or false");
        break;
    }
    if (key->nullable)
        text_add(text, ", or null");
}

void config_add_quoted(struct text *text, const char *value)
{
    char storage[CONFIG_QUOTED_MAX];
    struct text quoted = text_on(storage, sizeof(storage));
    text_add_clean(&quoted, value);
    text_add(text, "\"%s%s\"", storage, quoted.truncated ? "..." : "");
}

void config_add_json(struct text *text, const json_t *value)
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
        config_add_quoted(text, json_string_value(value));
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

/* How many letters must be inserted, removed, changed or swapped with their neighbour to make one of the
 * other (optimal string alignment), without case. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t before[KEY_DISTANCE_MAX + 1], above[KEY_DISTANCE_MAX + 1], now[KEY_DISTANCE_MAX + 1];
    const size_t rows_count = strlen(a);
    const size_t columns = strlen(b);
    if (rows_count > KEY_DISTANCE_MAX || columns > KEY_DISTANCE_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        above[j] = before[j] = j;
    for (size_t i = 1; i <= rows_count; i++) {
        now[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            const bool same = ascii_lower(a[i - 1]) == ascii_lower(b[j - 1]);
            size_t best = above[j - 1] + !same;
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && ascii_lower(a[i - 1]) == ascii_lower(b[j - 2]) &&
                ascii_lower(a[i - 2]) == ascii_lower(b[j - 1]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
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
    for (size_t i = 0; i < config_row_count; i++) {
        const char *child = config_child_name(config_rows[i].key.path, prefix);
        const size_t d = child != NULL ? edit_distance(name, child) : SIZE_MAX;
        if (d < distance) {
            distance = d;
            nearest = child;
        }
    }
    if (nearest != NULL && is_near(distance, nearest))
        return nearest;
    for (size_t i = 0; i < config_row_count; i++) {
        const char *dot = strrchr(config_rows[i].key.path, '.');
        if (dot != NULL && text_equal_nocase(dot + 1, name))
            return config_rows[i].key.path;
    }
    return NULL;
}

void config_report_unknown_key(struct config_reader *reader, const struct config_place *place,
                               const char *prefix, const char *name)
{
    if (reader->findings->count >= CONFIG_ERRORS_MAX) { /* no need to look for what nobody will read */
        (void)config_add_finding(reader->findings, false);
        return;
    }
    char storage[320];
    struct text text = text_on(storage, sizeof(storage));
    const char *nearest = nearest_key(prefix, name);
    if (nearest != NULL)
        text_add(&text, "; did you mean \"%s\"?", nearest);
    text_add(&text, " Allowed here: ");
    const char *separator = "";
    for (size_t i = 0; i < config_row_count; i++) {
        const char *child = config_child_name(config_rows[i].key.path, prefix);
        if (child != NULL) {
            text_add(&text, "%s%s", separator, child);
            separator = ", ";
        }
    }
    config_report(reader, place, ERROR_UNKNOWN_KEY, "unknown key%s%s", nearest != NULL ? "" : ".", storage);
}

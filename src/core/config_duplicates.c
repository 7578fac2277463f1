/* config_duplicates.c - a key that stands twice in an object. jansson stops there; what comes behind it is to be
 * looked at, too. So the second member is taken out of a copy of the text, in which everything else stays where
 * it was: it becomes blanks. */
#include "config_internal.h"

/* From the closing quote of a key back to the comma before it: a duplicate is never the first. */
static size_t comma_before(const char *json, size_t closing_quote)
{
    size_t at = closing_quote;
    bool opens = false;
    while (at > 0 && !opens) {
        size_t backslashes = 0;
        at--;
        while (backslashes < at && json[at - 1 - backslashes] == '\\')
            backslashes++;
        opens = json[at] == '"' && backslashes % 2 == 0;
    }
    while (at > 0 && config_is_space(json[at - 1]))
        at--;
    return at > 0 && json[at - 1] == ',' ? at - 1 : SIZE_MAX;
}

bool config_blank_duplicate(char *json, size_t length, size_t key_end)
{
    if (key_end == 0 || key_end > length || json[key_end - 1] != '"')
        return false;
    const size_t from = comma_before(json, key_end - 1);
    size_t value = key_end;
    while (value < length && config_is_space(json[value]))
        value++;
    if (from == SIZE_MAX || value == length || json[value++] != ':')
        return false;
    json_error_t error;
    json_t *parsed =
        json_loadb(json + value, length - value, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    if (parsed == NULL)
        return false; /* it ends nobody knows where */
    json_decref(parsed);
    for (size_t i = from; i < value + (size_t)error.position; i++)
        json[i] = config_is_space(json[i]) ? json[i] : ' ';
    return true;
}

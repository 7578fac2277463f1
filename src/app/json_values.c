/* json_values.c - see json_values.h. */
#include "json_values.h"

#include "storewatch/units.h"

json_t *json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_time(int64_t utc_ms)
{
    if (utc_ms <= 0 || utc_ms == INT64_MAX)
        return json_null();
    char storage[40];
    struct text text = text_on(storage, sizeof storage);
    text_add_time_utc(&text, utc_ms);
    return json_string(storage);
}

json_t *json_words(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_null();
}

json_t *json_words_or_null(const char *text)
{
    return text[0] ? json_words(text) : json_null();
}

json_t *json_version(const struct file_version *version)
{
    char storage[32];
    struct text text = text_on(storage, sizeof storage);
    text_add_file_version(&text, version);
    return version->known ? json_string(storage) : json_null();
}

double json_number_get(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

bool json_ms_get(const json_t *object, const char *key, int64_t *out_ms)
{
    const json_t *value = json_object_get(object, key);
    const double ms = json_number_value(value);
    if (!json_is_number(value) || !(fabs(ms) < 9e15)) /* whole numbers up to there */
        return false;
    *out_ms = (int64_t)ms;
    return true;
}

const char *json_words_get(const json_t *object, const char *key, const char *otherwise)
{
    const char *words = json_string_value(json_object_get(object, key));
    return words ? words : otherwise;
}

/* json_values.h - what is unknown is null in everything we print as JSON, never 0 and never "". */
#ifndef STOREWATCH_JSON_VALUES_H
#define STOREWATCH_JSON_VALUES_H

#include "storewatch/base.h"
#include "storewatch/file_version.h"

#include <jansson.h>

/* null for NAN and infinities. */
json_t *json_number(double value);
/* "2026-11-22T03:14:05Z"; null for 0, negative times and INT64_MAX. */
json_t *json_time(int64_t utc_ms);
/* Texts come from other programs (image names): what is no UTF-8 becomes null. */
json_t *json_words(const char *text);
/* The same, and null for "". */
json_t *json_words_or_null(const char *text);
/* "6.5.7638.1"; null when it is not known. */
json_t *json_version(const struct file_version *version);
/* The text at this key, lent; `otherwise` when there is none. */
const char *json_words_get(const json_t *object, const char *key, const char *otherwise);
/* The number at this key; NAN when there is none. */
double json_number_get(const json_t *object, const char *key);
/* The milliseconds at this key; false when there are none, or more than a clock can tell. */
bool json_ms_get(const json_t *object, const char *key, int64_t *out_ms);

#endif

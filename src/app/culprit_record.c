/* culprit_record.c - see culprit_record.h. */
#include "culprit_record.h"

#include "json_values.h"

#include <stdlib.h>
#include <string.h>

static json_t *culprit_json(const struct culprit *culprit)
{
    json_t *doubts = json_array();
    for (size_t d = 0; d < CULPRIT_DOUBT_COUNT; d++)
        if (culprit->doubts >> d & 1u)
            json_array_append_new(doubts, json_string(culprit_doubt_name((enum culprit_doubt)d)));
    bool led = culprit->lead_ms != INT64_MIN;
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o, "
        "s:s, "
        "s:o}",
        "image", json_words(culprit->image), "pid", (json_int_t)culprit->process.pid, "processes",
        (json_int_t)culprit->process_count, "ended", (json_int_t)culprit->ended_count, "target",
        json_words_or_null(culprit->target), "kind",
        culprit->watched ? target_kind_name(culprit->kind) : "unregistered", "service",
        json_words_or_null(culprit->service), "growth_bytes", json_number(culprit->growth[GROWER_BYTES]),
        "growth_handles", json_number(culprit->growth[GROWER_HANDLES]), "bytes_per_hour",
        json_number(culprit->slope_per_hour[GROWER_BYTES]), "handles_per_hour",
        json_number(culprit->slope_per_hour[GROWER_HANDLES]), "share", json_number(culprit->share),
        "share_low", json_number(culprit->share_low), "share_high", json_number(culprit->share_high),
        "lead_ms", json_number(led ? (double)culprit->lead_ms : NAN), "lead_low_ms",
        json_number(led ? (double)culprit->lead_low_ms : NAN), "lead_high_ms",
        json_number(led ? (double)culprit->lead_high_ms : NAN), "in_step", json_number(culprit->in_step),
        "handles_per_mib", json_number(culprit->handles_a_mib), "score", json_number(culprit->score),
        "confidence", culprit_confidence_name(culprit->confidence), "doubts", doubts);
}

json_t *culprit_ranking_json(const struct culprit_ranking *ranking, int64_t shift_ms)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ranking->count; i++)
        json_array_append_new(list, culprit_json(&ranking->items[i]));
    int64_t from_ms = ranking->from_mono_ms ? ranking->from_mono_ms + shift_ms : 0;
    int64_t to_ms = ranking->to_mono_ms ? ranking->to_mono_ms + shift_ms : 0;
    /* The first so many of the items are named together. */
    json_t *together =
        ranking->together == 0
            ? json_null()
            : json_pack("{s:I, s:b, s:o, s:o, s:o, s:s}", "count", (json_int_t)ranking->together, "either",
                        (int)ranking->either, "share", json_number(ranking->together_share), "share_low",
                        json_number(ranking->together_low), "share_high", json_number(ranking->together_high),
                        "confidence", culprit_confidence_name(ranking->together_confidence));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:I, s:o, s:o}", "text", json_words(ranking->words),
                     "from", json_time(from_ms), "to", json_time(to_ms), "growth",
                     json_number(ranking->growth), "explained", json_number(ranking->explained), "pools",
                     json_number(ranking->pool_share), "with_load", (int)ranking->with_load, "left_out",
                     (json_int_t)ranking->left_out, "together", together, "items", list);
}

void culprit_record_name(size_t slot, char out_name[CULPRIT_RECORD_NAME_MAX])
{
    struct text text = text_on(out_name, CULPRIT_RECORD_NAME_MAX);
    text_add(&text, "culprits-%zu", slot);
}

char *culprit_record_make(const struct open_incident *open, int64_t shift_ms)
{
    json_t *record =
        json_pack("{s:I, s:o, s:o}", "incident", (json_int_t)open->incident.id, "named",
                  json_words_or_null(open->who), "culprits", culprit_ranking_json(&open->ranking, shift_ms));
    char *words = record ? json_dumps(record, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(record);
    if (words && strlen(words) >= CULPRIT_RECORD_BYTES_MAX) {
        free(words);
        words = NULL;
    }
    return words;
}

json_t *culprit_record_read(struct store *store, int64_t incident_id)
{
    char name[CULPRIT_RECORD_NAME_MAX];
    char *words = malloc(CULPRIT_RECORD_BYTES_MAX);
    json_t *record = NULL;
    culprit_record_name(culprit_record_slot(incident_id), name);
    if (words && store_get_setting(store, name, words, CULPRIT_RECORD_BYTES_MAX, NULL) == STATUS_OK)
        record = json_loads(words, 0, NULL);
    free(words);
    if (json_integer_value(json_object_get(record, "incident")) == incident_id)
        return record;
    json_decref(record);
    return NULL;
}

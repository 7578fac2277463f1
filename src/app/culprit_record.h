/* culprit_record.h - who made it grow, as JSON: for `status`, and as the history keeps it for the time after
 * the incident, or after a restart of storewatch.
 *
 * A record is a setting of the store (store.h). There is one for each of the latest CULPRIT_RECORDS
 * incidents: a later one takes the place of an earlier one, so they need no upkeep. It is that of the last
 * time at which somebody was named; as long as nobody was, the latest. */
#ifndef STOREWATCH_CULPRIT_RECORD_H
#define STOREWATCH_CULPRIT_RECORD_H

#include "storewatch/engine.h"
#include "storewatch/store.h"

#include <jansson.h>

#define CULPRIT_RECORDS 64
#define CULPRIT_RECORD_BYTES_MAX ((size_t)16 * 1024)
#define CULPRIT_RECORD_NAME_MAX 32

/* The object at incidents[].culprits of `status --json`; `shift_ms`: the wall clock against the monotonic
 * one.
 */
json_t *culprit_ranking_json(const struct culprit_ranking *ranking, int64_t shift_ms);

static inline size_t culprit_record_slot(int64_t incident_id)
{
    return (size_t)((uint64_t)incident_id % CULPRIT_RECORDS);
}
void culprit_record_name(size_t slot, char out_name[CULPRIT_RECORD_NAME_MAX]);

/* {"incident": ID, "named": who, in words, or null, "culprits": as above}; heap, NULL without memory. */
char *culprit_record_make(const struct open_incident *open, int64_t shift_ms);
/* A new reference; NULL when there is none of this incident, or it cannot be read. */
json_t *culprit_record_read(struct store *store, int64_t incident_id);

#endif

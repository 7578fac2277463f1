/* sample.c - the observation's storage and look-ups; everything else in sample.h is plain data. */
#include "storewatch/sample.h"

#include <stdlib.h>
#include <string.h>

#define FILETIME_OF_1970_MS INT64_C(11644473600000)

int64_t process_created_utc_ms(struct process_id process)
{
    return (int64_t)(process.created_100ns / 10000) - FILETIME_OF_1970_MS;
}

uint64_t process_created_100ns(int64_t utc_ms)
{
    return (uint64_t)(utc_ms + FILETIME_OF_1970_MS) * 10000;
}

bool process_image_is(const char *image, const char *configured)
{
    if (!text_begins_nocase(image, configured))
        return false;
    const char *rest = image + strlen(configured);
    return *rest == '\0' || text_equal_nocase(rest, ".exe");
}

struct observation *observation_new(void)
{
    struct observation *observation = calloc(1, sizeof(*observation));
    if (observation == NULL)
        return NULL;
    observation->processes = calloc(OBSERVATION_PROCESSES_MAX, sizeof(*observation->processes));
    observation->services = calloc(OBSERVATION_SERVICES_MAX, sizeof(*observation->services));
    if (observation->processes == NULL || observation->services == NULL) {
        observation_free(observation);
        return NULL;
    }
    observation_clear(observation);
    return observation;
}

void observation_free(struct observation *observation)
{
    if (observation == NULL)
        return;
    free(observation->processes);
    free(observation->services);
    free(observation);
}

void observation_clear(struct observation *observation)
{
    *observation = (struct observation){
        .processes = observation->processes,
        .services = observation->services,
        .host = {READING_UNKNOWN, READING_UNKNOWN, READING_UNKNOWN, READING_UNKNOWN, READING_UNKNOWN,
                 READING_UNKNOWN},
    };
}

const struct service *observation_service(const struct observation *observation, const char *name)
{
    size_t low = 0;
    size_t high = observation->service_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = text_compare_nocase(observation->services[middle].name, name);
        if (order == 0)
            return &observation->services[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct process *observation_process(const struct observation *observation, uint32_t pid)
{
    for (size_t i = 0; i < observation->process_count; i++)
        if (observation->processes[i].id.pid == pid)
            return &observation->processes[i];
    return NULL;
}

const struct service *observation_service_of(const struct observation *observation, uint32_t pid)
{
    const struct service *found = NULL;
    for (size_t i = 0; i < observation->service_count; i++) {
        if (observation->services[i].pid != pid || pid == 0)
            continue;
        if (found)
            return NULL;
        found = &observation->services[i];
    }
    return found;
}

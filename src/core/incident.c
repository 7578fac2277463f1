/* incident.c - names, the wording table, and how a verdict's numbers enter an incident.
 *
 * All headlines stand in ALERT_LIST (incident.h); nothing else of the product words an alert's headline. */
#include "storewatch/incident.h"

static const struct alert_wording wordings[ALERT_KIND_COUNT] = {
#define ALERT_WORDING(name, id, severity, mailed, headline)                                                  \
    {#name, id, SEVERITY_##severity, mailed, headline},
    ALERT_LIST(ALERT_WORDING)
#undef ALERT_WORDING
};

const struct alert_wording *alert_wording_get(enum alert_kind kind)
{
    return &wordings[kind];
}

const char *target_kind_name(enum target_kind kind)
{
    static const char *const names[] = {"store", "client", "discovered", "host"};
    return names[kind];
}

const char *metric_name(enum metric metric)
{
    static const char *const names[METRIC_COUNT] = {
#define METRIC_NAME(name, text, unit) text,
        METRIC_LIST(METRIC_NAME)
#undef METRIC_NAME
    };
    return names[metric];
}

enum unit metric_unit(enum metric metric)
{
    static const enum unit units[METRIC_COUNT] = {
#define METRIC_UNIT(name, text, unit) unit,
        METRIC_LIST(METRIC_UNIT)
#undef METRIC_UNIT
    };
    return units[metric];
}

bool metric_of_host(enum metric metric)
{
    return metric == METRIC_COMMIT || metric == METRIC_PAGED_POOL || metric == METRIC_NONPAGED_POOL;
}

bool metric_of_space(enum metric metric)
{
    return metric == METRIC_ADDRESS_SPACE || metric == METRIC_OUTSIDE_LARGEST || metric == METRIC_FREE_BLOCKS;
}

const char *incident_state_name(enum incident_state state)
{
    static const char *const names[] = {"open", "recovering", "closed"};
    return names[state];
}

bool incident_is_far(const struct verdict *verdict)
{
    return verdict->exhaustion_early_ms != INT64_MAX &&
           verdict->exhaustion_early_ms - verdict->at_ms > INCIDENT_FAR_MS;
}

bool incident_limit_reached(const struct incident *incident)
{
    return incident->level_now >= incident->limit;
}

bool incident_pauses(const struct incident *incident, bool hardly_grows)
{
    return hardly_grows && !incident->escalated && !incident_limit_reached(incident);
}

static int64_t shifted(int64_t time_ms, int64_t by_ms)
{
    return time_ms == INT64_MAX ? INT64_MAX : time_ms + by_ms;
}

int64_t incident_end_mono_ms(const struct incident *incident, int64_t utc_minus_mono_ms)
{
    return shifted(incident->exhaustion_utc_ms, -utc_minus_mono_ms);
}

void incident_take_end(struct incident *incident, const struct verdict *verdict, int64_t utc_minus_mono_ms)
{
    incident->exhaustion_utc_ms = shifted(verdict->exhaustion_ms, utc_minus_mono_ms);
    incident->exhaustion_early_utc_ms = shifted(verdict->exhaustion_early_ms, utc_minus_mono_ms);
    incident->exhaustion_late_utc_ms = shifted(verdict->exhaustion_late_ms, utc_minus_mono_ms);
}

void incident_update(struct incident *incident, const struct verdict *verdict, int64_t utc_minus_mono_ms)
{
    incident->level_now = verdict->value;
    incident->slope_per_hour = verdict->slope_per_hour;
    incident->slope_low_per_hour = verdict->slope_low_per_hour;
    incident->slope_high_per_hour = verdict->slope_high_per_hour;
    incident->limit = verdict->limit;
    text_copy(incident->limit_name, sizeof incident->limit_name,
              verdict->limit_name ? verdict->limit_name : "");
    incident_take_end(incident, verdict, utc_minus_mono_ms);
    text_copy(incident->reason, sizeof incident->reason, verdict->reason);
}

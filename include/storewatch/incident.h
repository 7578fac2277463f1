/* incident.h - one incident from its opening to its close, and the headline of everything that is told.
 *
 * An incident is about one metric of one target (the Information Store, a client, the host). It opens when
 * the verdict turns `unbounded`, is reminded of, escalates when exhaustion comes near, and closes when the
 * growth has ended: by a restart that is verified, because the process is gone, or because the verdict
 * cleared. It survives storewatch itself: store_put_incident writes it after each transition. */
#ifndef STOREWATCH_INCIDENT_H
#define STOREWATCH_INCIDENT_H

#include "storewatch/config.h"
#include "storewatch/sample.h"
#include "storewatch/verdict.h"

enum target_kind { TARGET_STORE, TARGET_CLIENT, TARGET_DISCOVERED, TARGET_HOST };
const char *target_kind_name(enum target_kind kind); /* "store" "client" "discovered" "host" */

/* The series that are watched; see metric_of_host. The three of the address space are of processes with
 * a limited one only, and read seldom (space.h): what is in use of it; all of it but the largest free block;
 * how many free blocks there are. The first two are told from below, so that what a process loses is growth
 * like any other.
 */
#define METRIC_LIST(X)                                                                                       \
    X(PRIVATE_BYTES, "private bytes", UNIT_BYTES)                                                            \
    X(HANDLES, "handles", UNIT_HANDLES)                                                                      \
    X(COMMIT, "system commit", UNIT_BYTES)                                                                   \
    X(PAGED_POOL, "paged pool", UNIT_BYTES)                                                                  \
    X(NONPAGED_POOL, "nonpaged pool", UNIT_BYTES)                                                            \
    X(ADDRESS_SPACE, "address space", UNIT_BYTES)                                                            \
    X(OUTSIDE_LARGEST, "outside largest block", UNIT_BYTES)                                                  \
    X(FREE_BLOCKS, "free blocks", UNIT_OTHER)
enum metric {
#define METRIC_ENUM(name, text, unit) METRIC_##name,
    METRIC_LIST(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};
const char *metric_name(enum metric metric);
enum unit metric_unit(enum metric metric);
bool metric_of_host(enum metric metric);
bool metric_of_space(enum metric metric);

/* <windows.h> has a macro of that name: where both are needed it is included before this header, so that this
 * works. */
#undef SEVERITY_ERROR
enum severity { SEVERITY_INFORMATION, SEVERITY_WARNING, SEVERITY_ERROR };

/* Everything ops can be told. Each is one line of the wording table: Windows event id, severity, whether it
 * is mailed (or only written to the event log), headline for subjects and events. The message table in
 * src/win32 has the same ids (held together by a test). */
#define ALERT_LIST(X)                                                                                        \
    X(STARTED, 1000, INFORMATION, false, "storewatch started")                                               \
    X(STOPPED, 1001, INFORMATION, false, "storewatch stopped")                                               \
    X(CONFIG_RELOADED, 1002, INFORMATION, false, "configuration reloaded")                                   \
    X(CONFIG_REFUSED, 1003, ERROR, true, "configuration refused, the old one stays in force")                \
    X(CONFIG_INVALID, 1004, ERROR, false, "configuration invalid, storewatch cannot start")                  \
    X(CONFIG_UNSAFE, 1005, ERROR, true, "ordinary users may change what storewatch does")                    \
    X(OPENED, 1010, WARNING, true, "unbounded growth")                                                       \
    X(REMINDER, 1011, WARNING, true, "still growing")                                                        \
    X(ESCALATED, 1012, ERROR, true, "exhaustion is near")                                                    \
    X(RECOVERED, 1013, INFORMATION, true, "recovered")                                                       \
    X(ENDED, 1014, INFORMATION, true, "the growing process has ended")                                       \
    X(UNWATCHED, 1015, INFORMATION, true, "no longer watched")                                               \
    X(SPACE_LOW, 1016, WARNING, true, "little address space in one piece (largest free block below 32 MiB)") \
    X(SPACE_CRITICAL, 1017, ERROR, true, "no address space in one piece (largest free block below 16 MiB)")  \
    X(SPACE_BACK, 1018, INFORMATION, true, "enough address space in one piece again")                        \
    X(RESTART_BEGUN, 1020, WARNING, false, "controlled restart begun")                                       \
    X(RESTART_PROGRESS, 1021, INFORMATION, false, "controlled restart goes on")                              \
    X(RESTART_DONE, 1022, INFORMATION, false, "controlled restart done, verifying")                          \
    X(RESTART_ABANDONED, 1023, WARNING, true, "controlled restart abandoned, nothing is down")               \
    X(RESTART_HELD, 1024, WARNING, true, "controlled restart held back")                                     \
    X(SERVICE_DOWN, 1025, ERROR, true, "a service is down after a restart, storewatch keeps trying")         \
    X(SERVICE_UP_AGAIN, 1026, INFORMATION, true, "the service runs again")                                   \
    X(GAVE_UP, 1027, ERROR, true, "a service is left as it is after a restart")                              \
    X(TERMINATED, 1028, WARNING, false, "the process of a client that hangs in its stop is terminated")      \
    X(BLIND, 1030, ERROR, true, "storewatch cannot read the counters")                                       \
    X(SIGHT_BACK, 1031, INFORMATION, true, "storewatch reads the counters again")                            \
    X(STORE_SET_ASIDE, 1032, ERROR, true, "the history file was unreadable and was set aside")               \
    X(STORE_FAILING, 1033, ERROR, true, "the history file cannot be written")                                \
    X(MAINTENANCE_ON, 1034, INFORMATION, false, "maintenance: nothing is restarted")                         \
    X(MAINTENANCE_OFF, 1035, INFORMATION, false, "maintenance has ended")                                    \
    X(SEARCH_HANGS, 1036, WARNING, true, "the search for MAPI clients hangs")                                \
    X(NO_CONTROL, 1037, WARNING, true, "commands do not reach storewatch")                                   \
    X(METRICS_FAILING, 1038, WARNING, false, "the metrics file cannot be kept up")                           \
    X(TEST, 1040, INFORMATION, true, "test alert")                                                           \
    X(DIGEST, 1041, INFORMATION, true, "daily digest")

enum alert_kind {
#define ALERT_ENUM(name, id, severity, mailed, headline) ALERT_##name,
    ALERT_LIST(ALERT_ENUM)
#undef ALERT_ENUM
        ALERT_KIND_COUNT
};

struct alert_wording {
    const char *name; /* "OPENED" */
    uint32_t event_id;
    enum severity severity;
    bool mailed;
    const char *headline;
};
const struct alert_wording *alert_wording_get(enum alert_kind kind);

enum incident_state { INCIDENT_OPEN, INCIDENT_RECOVERING, INCIDENT_CLOSED };
const char *incident_state_name(enum incident_state state);

#define TARGET_NAME_MAX 64
#define INCIDENTS_MAX 64 /* open at once; one more waits until one is closed */

/* Plain data: every member survives in the store. Times are utc_ms, 0 = not yet. */
struct incident {
    int64_t id; /* 1, 2, ...; 0 = free slot */
    enum target_kind target_kind;
    char target[TARGET_NAME_MAX];   /* name in the configuration, "MSExchangeIS", "host" */
    char service[SERVICE_NAME_MAX]; /* what would be restarted; "" = nothing can be */
    char image[PROCESS_IMAGE_MAX];
    struct process_id process; /* the growing incarnation; pid 0 for the host */
    enum metric metric;
    enum incident_state state;
    bool escalated;
    uint32_t told_count;  /* mails about it so far: part of each one's idempotency key */
    uint32_t rungs_tried; /* bit (1 << enum rung) */
    int64_t onset_utc_ms, opened_utc_ms, told_utc_ms, recovering_utc_ms, closed_utc_ms;
    double level_at_onset, level_at_open, level_now; /* in the metric's unit; NAN = not known */
    double slope_per_hour, slope_low_per_hour, slope_high_per_hour;
    double limit; /* where it ends, in the metric's unit; NAN = none is known */
    char limit_name[48];
    int64_t exhaustion_utc_ms, exhaustion_early_utc_ms,
        exhaustion_late_utc_ms; /* INT64_MAX = not foreseeable */
    char reason[VERDICT_REASON_MAX];
    char held_because[256]; /* why no restart is being done; "" = nothing holds it */
};

/* Growth that ends later than this is no incident: no server runs for so long without a restart. `status`,
 * the daily digest and the report tell of it, and once its end comes nearer it becomes one. What such a leak
 * of handles or objects does to the machine before that - to its pools, its commit, the store - is watched by
 * itself. Growth whose end is not known is not far. */
#define INCIDENT_FAR_YEARS 10
#define INCIDENT_FAR_MS (INCIDENT_FAR_YEARS * 365 * MS_PER_DAY)
bool incident_is_far(const struct verdict *verdict);
/* Was it as large as its limit already when it was last read? Then no end is ahead. */
bool incident_limit_reached(const struct incident *incident);
/* It hardly grows any more (verdict_hardly_grows), with room left: nothing is urgent, and of its end nothing is
 * said until it goes on. */
bool incident_pauses(const struct incident *incident, bool hardly_grows);
/* The end foreseen on the monotonic clock, which is utc_minus_mono_ms behind; INT64_MAX = none. */
int64_t incident_end_mono_ms(const struct incident *incident, int64_t utc_minus_mono_ms);

/* Takes the numbers of a verdict over (times shifted from the mono to the utc clock by utc_minus_mono_ms), or
 * only when it ends. */
void incident_update(struct incident *incident, const struct verdict *verdict, int64_t utc_minus_mono_ms);
void incident_take_end(struct incident *incident, const struct verdict *verdict, int64_t utc_minus_mono_ms);

#endif

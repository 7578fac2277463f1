/* alert.h - one thing to tell ops, with every number the mail needs; report.h turns it into words.
 *
 * An alert is made by the engine at a transition and is complete: rendering it needs neither the engine nor
 * the store, so the same alert can be rendered for a mail, an event, `replay` or a test. */
#ifndef STOREWATCH_ALERT_H
#define STOREWATCH_ALERT_H

#include "storewatch/culprit.h"
#include "storewatch/defects.h"
#include "storewatch/incident.h"
#include "storewatch/space.h"

#define ALERT_POINTS_MAX 96
#define ALERT_LINE_MAX 256
#define ALERT_LINES_MAX 24

enum given_up {
    GIVEN_UP_CHANGED,           /* a person disabled or deleted it */
    GIVEN_UP_PERHAPS_BY_ITSELF, /* it has stopped without an error, and perhaps nobody stopped it */
    GIVEN_UP_WITH_NEED          /* what it needs is left as it is */
};

struct alert {
    enum alert_kind kind;
    int64_t utc_ms;
    char host_name[64];
    bool has_incident;
    struct incident incident; /* as after the transition */
    bool hardly_grows;        /* by the verdict that the incident's numbers are of */
    int64_t sooner_than_ms;   /* its end is far nearer than was told last: by that so much would be left now,
                                 INT64_MAX = none was told; 0 = it is not */
    int64_t read_utc_ms;      /* what cannot be read now was read last then; 0 = it was read just now */
    int64_t clock_moved_ms;   /* so far was the clock set since the incident's onset and opening were noted */
    /* The service that a restart kind is about: what is restarted, or for SERVICE_DOWN, SERVICE_UP_AGAIN and
     * GAVE_UP the one that is down, which may be a dependent of it; for ENDED that of the process. "" = not
     * told: the words say "a service". */
    char service[SERVICE_NAME_MAX];
    /* How it was seen just then, for SERVICE_DOWN, GAVE_UP, ENDED and RESTART_ABANDONED; else, and where it could
     * not be, UNKNOWN. */
    enum service_state service_state;
    enum given_up given_up; /* for GAVE_UP */
    /* What makes a restart by hand harmful just then: this is a cluster node (a stop looks like a failure
     * there), or this veto process ("" = none is seen). */
    bool cluster_node;
    char veto_process[PROCESS_IMAGE_MAX];
    /* The MAPI DLLs that a program has loaded, as far as known, and whose they are: of an incident about a
     * program that one's, or its successor's; of growth of the machine or the store those of one that is or
     * was named for it, the first that lacks a fix before the others. */
    struct loaded_dlls dlls;
    char dlls_of[PROCESS_IMAGE_MAX];
    /* Of a program that is not registered the service that it hosts, "" = none. */
    char hosted_by[SERVICE_NAME_MAX];
    /* It has outlived a restart of the service that it is registered with. */
    bool outlived;
    /* The address space of the process, when that is limited and has been read. */
    bool has_space;
    struct space space;
    /* Of growth of the machine or the store: who makes it grow. Its times are of the monotonic clock. */
    bool has_ranking;
    struct culprit_ranking ranking;
    /* What was done, is being done or will be done, one sentence a line: "02:14:05 MSExchangeIS stopped after
     * 41 s". */
    size_t done_count;
    char done[ALERT_LINES_MAX][ALERT_LINE_MAX];
    /* What the reader should do now, most useful first; may be empty ("nothing"). */
    size_t todo_count;
    char todo[4][ALERT_LINE_MAX];
    /* More facts (a configuration error, a relay's words, why a service does not start). One a line. */
    char text[1024];
    /* The metric's recent history for the chart, oldest first. */
    size_t point_count;
    struct series_point points[ALERT_POINTS_MAX];
    /* Idempotency key of the mail, unique for each transition: "i12-3" (incident 12, third telling) or
     * "CONFIG_REFUSED-1763781245123". With what mail_key adds it becomes the Message-ID. */
    char key[64];
};

/* Its news is that the growth hardly goes on: a reminder of what pauses (incident_pauses), just read. */
bool alert_tells_pause(const struct alert *alert);

/* Appends a line to done / todo; drops it when full. */
void alert_add_done(struct alert *alert, const char *format, ...) PRINTF_LIKE(2, 3);
void alert_add_todo(struct alert *alert, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

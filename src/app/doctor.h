/* doctor.h - private to the edge: what `doctor` finds, one line a check, and how it is shown. Portable: what
 * only Windows can be asked (rights, access, relays) is added by doctor.windows.c. */
#ifndef STOREWATCH_APP_DOCTOR_H
#define STOREWATCH_APP_DOCTOR_H

#include "storewatch/config.h"
#include "storewatch/os.h"
#include "storewatch/watch.h"

#include "discovery.h"

#include <jansson.h>

enum doctor_level { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED, DOCTOR_LEVEL_COUNT };

#define DOCTOR_LINES_MAX 200

struct doctor_line {
    enum doctor_level level;
    const char *area; /* static string: "rights" */
    char text[512];
    char todo[512]; /* what to do; "" = nothing */
};

struct doctor {
    struct config config;
    struct os *os;
    struct observation *observation;
    struct watch watch; /* whom the service would watch now */
    struct discovery discovery;
    json_t *status;        /* of the running service; owned. NULL = it does not run, or does not answer */
    size_t series_count;   /* of the history; both from doctor_check_history */
    int64_t newest_utc_ms; /* its newest sample; 0 = none */
    size_t line_count;
    struct doctor_line lines[DOCTOR_LINES_MAX];
};

/* Heap; NULL without memory. `os` is borrowed. */
struct doctor *doctor_new(struct os *os);
void doctor_free(struct doctor *doctor);

/* Who keeps the clock of the machine, beside the service W32Time itself: how that is set up. */
struct doctor_time {
    char type[32];    /* "NT5DS" "NTP" "AllSync" "NoSync"; "" = unknown */
    char server[160]; /* whom it asks, unless the domain */
};

/* Adds a line; what is beyond DOCTOR_LINES_MAX is dropped, but its level counts in the last line, which says
 * so. The text of `todo` is taken as it is: every line that is not ok has one; NULL with DOCTOR_OK only. */
void doctor_add(struct doctor *doctor, enum doctor_level level, const char *area, const char *todo,
                const char *format, ...) PRINTF_LIKE(5, 6);

/* Looks at the machine and searches MAPI clients with doctor->config; may take seconds. False after a FAILED
 * line when the processes cannot be read. */
bool doctor_look(struct doctor *doctor);
/* The checks that need doctor_look: cluster, what vetoes a restart, clients, limits, DLLs, own cost. */
void doctor_check_machine(struct doctor *doctor);
void doctor_check_clients(struct doctor *doctor);
void doctor_check_limits(struct doctor *doctor);
void doctor_check_dlls(struct doctor *doctor);

/* Of the history in `data_dir`: is it there, and how old is its newest sample? */
void doctor_check_history(struct doctor *doctor, const char *data_dir);
/* After doctor_check_history: the clock against the history, its jumps, and who keeps it. */
void doctor_check_clock(struct doctor *doctor, const struct doctor_time *time);
/* How the running service gets on with its polls, and what they cost. */
void doctor_check_polls(struct doctor *doctor);

enum doctor_level doctor_worst(const struct doctor *doctor);
/* The lines and the table of DLLs for people. */
void doctor_text(const struct doctor *doctor, struct buffer *out);
/* The same as one JSON object, heap text owned by the caller; NULL without memory. */
char *doctor_json(const struct doctor *doctor);

#endif

/* watch.h - whom we watch: from one look at the machine to one detector per metric of each incarnation.
 *
 * Targets come from the configuration: the Information Store (its service's process and that process'
 * children), each client (its service's process, or every process of its image), and the host itself. Each
 * incarnation (pid and creation time) has detectors of its own; what one teaches is handed to the next. */
#ifndef STOREWATCH_WATCH_H
#define STOREWATCH_WATCH_H

#include "storewatch/config.h"
#include "storewatch/defects.h"
#include "storewatch/incident.h"
#include "storewatch/sample.h"
#include "storewatch/space.h"
#include "storewatch/verdict.h"

#define WATCHED_MAX 64 /* incarnations at once; more are counted in `left_out` */
#define LEARNED_MAX 160
#define FOUND_MAX 64            /* MAPI clients on one machine */
#define DISCOVERED_ITEMS_MAX 24 /* of WATCHED_MAX: the registered ones always find room */

/* A process that was found to be a MAPI client, registered or not, and what it has loaded. */
struct found_client {
    struct process_id process;
    char image[PROCESS_IMAGE_MAX];
    char how[96]; /* "has Emsmdb32.dll loaded" */
    struct loaded_dlls dlls;
};

/* A walk through a process' address space is due this many polls after the latest, and never so soon that
 * walks take more than a thousandth of one processor: 5 minutes with the default interval. At 1 GiB/h, which
 * is a fast leak, a process loses 85 MiB between two walks; its private bytes, which are read at each poll,
 * tell of what is faster. */
#define SPACE_EVERY_POLLS 20
#define SPACE_COST_FACTOR 1000

/* What is known of a process' address space. Unknown is never zero: without `known` there are no numbers. */
struct watched_space {
    enum status status; /* of the latest walk: OK; UNSUPPORTED: it has no limit, so none of this */
    bool asked;         /* it has been walked at least once, or could not be */
    bool known;         /* `now` and read_mono_ms are of the latest walk that succeeded */
    bool fresh;         /* not pushed yet */
    char why[160];      /* why the latest walk failed; "" = it did not */
    struct space now;
    double private_bytes; /* at the time of `now`; NAN = unknown */
    int64_t read_mono_ms, due_mono_ms;
    enum space_level level, told_level;
    double restored_outside_bytes; /* the latest that was saved before a restart of storewatch; NAN = none */
};

struct watched {
    enum target_kind kind;
    char target[TARGET_NAME_MAX];
    char service[SERVICE_NAME_MAX]; /* what a restart of it would restart; "" = nothing */
    char image[PROCESS_IMAGE_MAX];
    struct process_id process; /* pid 0: the host */
    bool present;              /* seen in the latest look that could see processes */
    bool needed; /* set by the engine: an incident still speaks of it; not forgotten when gone */
    int64_t first_seen_mono_ms, gone_mono_ms;
    double address_limit_bytes; /* NAN = none or not yet known */
    bool address_limit_wanted;  /* the edge should ask os_process_address_limit and tell */
    struct watched_space space;
    int64_t space_unexplained_mono_ms; /* since when no growth of its memory explains its loss of it; 0 = it
                                          does */
    reading now[METRIC_COUNT];         /* latest readings; unknown where the metric does not apply */
    bool pushed[METRIC_COUNT];         /* at the latest watch_push; those of the space are seldom */
    struct detector *detectors[METRIC_COUNT]; /* owned; NULL where the metric does not apply */
};

/* When a walk ended, by both clocks, and how long it kept a processor busy. */
struct watch_moment {
    int64_t mono_ms, utc_ms, cost_ms;
};

/* One metric of one incarnation. */
struct watch_series {
    enum target_kind kind;
    const char *target; /* lent */
    struct process_id process;
    enum metric metric;
    int64_t first_utc_ms;
};

struct watch_learned {
    char target[TARGET_NAME_MAX];
    enum metric metric;
    int64_t ended_utc_ms;             /* the incarnation that taught it last */
    struct verdict_settings settings; /* only the learned_... members count */
};

/* All zero is an empty one. */
struct watch {
    size_t count;
    struct watched items[WATCHED_MAX];
    size_t left_out; /* incarnations beyond WATCHED_MAX at the latest look */
    size_t learned_count;
    struct watch_learned learned[LEARNED_MAX]; /* in the order in which they were taught */
    size_t found_count; /* told by watch_set_found: facts about processes that may have ended meanwhile */
    struct found_client found[FOUND_MAX];
};

/* Takes over what a search for MAPI clients found; the next watch_look begins to watch those that are not
 * registered, if config->discover_clients says so. At most FOUND_MAX. */
void watch_set_found(struct watch *watch, const struct found_client *found, size_t count);
/* Lends; NULL when the process is not known to be a MAPI client. */
const struct found_client *watch_found(const struct watch *watch, struct process_id process);

/* Finds who is present, begins new incarnations (this allocates their detectors) and marks those that are
 * gone. A look that could not see the processes changes nothing. NO_MEMORY leaves the new one out and is
 * tried again at the next look. */
enum status watch_look(struct watch *watch, const struct config *config,
                       const struct observation *observation);

/* Pushes the readings of this look into the detectors, with their limits. Call once per slot of the poll
 * grid. Unknown readings (also of a look that failed altogether) are pushed as unknown. */
void watch_push(struct watch *watch, const struct config *config, const struct observation *observation);

/* The present readings' limits alone: for a history that is taken over before the first push. */
void watch_set_limits(struct watch *watch, const struct config *config,
                      const struct observation *observation);

/* Is a walk through this one's address space due? */
bool watch_space_due(const struct watched *item, int64_t mono_ms);
/* What came of one: `space` counts with STATUS_OK, `why` otherwise. The numbers are pushed by the next
 * watch_push. The first one begins the detectors (this allocates). */
void watch_set_space(struct watch *watch, const struct config *config, struct process_id process,
                     enum status status, const struct space *space, const char *why,
                     struct watch_moment moment);
/* What a metric of an incarnation that is first seen at utc_ms is judged with, before anything was learned
 * from earlier ones. */
struct verdict_settings watch_settings(const struct config *config, enum target_kind kind,
                                       struct process_id process, enum metric metric, int64_t utc_ms);
/* And with what those taught that ended by ended_utc_ms: for a history that is taken over. */
struct verdict_settings watch_settings_then(const struct watch *watch, const struct config *config,
                                            const struct watch_series *series, int64_t ended_utc_ms);
/* Takes it instead of *limit when it is nearer; NAN is none. */
void watch_limit_nearer(struct verdict_limit *limit, double value, const char *name);
/* The limit of a series that has ended: what it was then is not known, and this one is no nearer. So what only
 * grew fast towards a nearer one is not taken for a leak, unless it was told as one. NAN = none. */
struct verdict_limit watch_limit_of_ended(const struct config *config, const struct observation *observation,
                                          enum metric metric);
/* What this detector has seen teaches the next ones of its target. Where there is no room, what was taught
 * longest ago is forgotten. */
void watch_learn(struct watch *watch, const char *target, enum metric metric, const struct detector *detector,
                 int64_t ended_utc_ms);
/* For a history that is taken over before the first walk: begins the detector of a metric that has none yet.
 * NULL without memory, or when the metric cannot be the item's. */
struct detector *watch_begin_detector(struct watch *watch, const struct config *config, struct watched *item,
                                      enum metric metric, int64_t utc_ms);

/* Forgets incarnations that are gone and not needed any more. What they taught was kept when they went. */
void watch_forget_gone(struct watch *watch);
/* The registered client of this name; NULL when there is none. */
const struct config_client *watch_client(const struct config *config, const char *target);
/* Does the configuration name this target? (The host needs no name, discovered programs need
 * discover_clients.) A client is watched by its image when it has one, else by its service: with another one
 * of these the same name is of another program. `service` "" = it has none yet. */
bool watch_names(const struct config *config, enum target_kind kind, const char *target, const char *image,
                 const char *service);
/* Forgets at once the incarnations of targets that `config` no longer names. Those of a client that has only
 * another name there go on under that. */
void watch_drop_unnamed(struct watch *watch, const struct config *config);
/* Frees the detectors; it watches nobody then. */
void watch_deinit(struct watch *watch);

/* Lends; NULL when there is none. */
struct watched *watch_find(struct watch *watch, struct process_id process);

#endif

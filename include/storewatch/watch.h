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
#include "storewatch/verdict.h"

#define WATCHED_MAX 64 /* incarnations at once; more are counted in `left_out` */
#define LEARNED_MAX 64
#define FOUND_MAX 96            /* MAPI clients on one machine */
#define DISCOVERED_ITEMS_MAX 24 /* of WATCHED_MAX: the registered ones always find room */

/* A process that was found to be a MAPI client, registered or not, and what it has loaded. */
struct found_client {
    struct process_id process;
    char image[PROCESS_IMAGE_MAX];
    char how[96]; /* "has Emsmdb32.dll loaded" */
    struct loaded_dlls dlls;
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
    double address_limit_bytes;               /* NAN = none or not yet known */
    bool address_limit_wanted;                /* the edge should ask os_process_address_limit and tell */
    reading now[METRIC_COUNT];                /* latest readings; unknown where the metric does not apply */
    struct detector *detectors[METRIC_COUNT]; /* owned; NULL where the metric does not apply */
};

struct watch_learned {
    char target[TARGET_NAME_MAX];
    enum metric metric;
    struct verdict_settings settings; /* only the learned_... members count */
};

struct watch {
    size_t count;
    struct watched items[WATCHED_MAX];
    size_t left_out; /* incarnations beyond WATCHED_MAX at the latest look */
    size_t learned_count;
    struct watch_learned learned[LEARNED_MAX];
    size_t found_count; /* told by watch_found: facts about processes that may have ended meanwhile */
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

/* Forgets incarnations that are gone and not needed any more. What they taught was kept when they went. */
void watch_forget_gone(struct watch *watch);
/* Does the configuration name this target? (The host needs no name, discovered programs
 * need discover_clients.) */
bool watch_names(const struct config *config, enum target_kind kind, const char *target);
/* Forgets at once the incarnations of targets that `config` no longer names. */
void watch_drop_unnamed(struct watch *watch, const struct config *config);
void watch_deinit(struct watch *watch);

/* Lends; NULL when there is none. */
struct watched *watch_find(struct watch *watch, struct process_id process);
bool watched_has(const struct watched *item, enum metric metric);

#endif

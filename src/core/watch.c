/* watch.c - see watch.h.
 *
 * Invariants: items[0..count) are distinct incarnations; the host, once seen, is one of them (pid 0). An item
 * that is gone keeps its detectors until watch_forget_gone, so that the engine can still word what happened.
 */
#include "storewatch/watch.h"

#include <string.h>

#define HOST_TARGET "host"
#define STORE_WORKER_IMAGE "Microsoft.Exchange.Store.Worker.exe"

/* Windows' bound on the handles of one process (Windows Internals, "handle tables"): 2^24. */
#define PROCESS_HANDLES_LIMIT 16777216.0
/* No address space that is walked (space.h) is larger. */
#define SPACE_BYTES_MAX (4 * GIB)

/* A look at one process that should be watched, before it is known whether it is watched already. */
struct candidate {
    enum target_kind kind;
    const char *target, *service;
    const struct process *process;
};

struct watched *watch_find(struct watch *watch, struct process_id process)
{
    for (size_t i = 0; i < watch->count; i++)
        if (process_id_equal(watch->items[i].process, process))
            return &watch->items[i];
    return NULL;
}

void watch_set_found(struct watch *watch, const struct found_client *found, size_t count)
{
    watch->found_count = count < FOUND_MAX ? count : FOUND_MAX;
    memcpy(watch->found, found, watch->found_count * sizeof found[0]);
}

const struct found_client *watch_found(const struct watch *watch, struct process_id process)
{
    for (size_t i = 0; i < watch->found_count; i++)
        if (process_id_equal(watch->found[i].process, process))
            return &watch->found[i];
    return NULL;
}

/* Where it is, or learned_count. */
static size_t learned_find(const struct watch *watch, const char *target, enum metric metric)
{
    size_t at = 0;
    while (at < watch->learned_count &&
           (watch->learned[at].metric != metric || !text_equal_nocase(watch->learned[at].target, target)))
        at++;
    return at;
}

/* The host has no warm-up. */
static int64_t age_of(enum target_kind kind, struct process_id process, int64_t utc_ms)
{
    int64_t created_utc_ms = process_created_utc_ms(process);
    if (kind == TARGET_HOST)
        return INT64_MAX;
    return utc_ms > created_utc_ms ? utc_ms - created_utc_ms : 0;
}

struct verdict_settings watch_settings(const struct config *config, enum target_kind kind,
                                       struct process_id process, enum metric metric, int64_t utc_ms)
{
    const int64_t age_ms = age_of(kind, process, utc_ms);
    return (struct verdict_settings){
        .unit = metric_unit(metric),
        .warm_up_ms = age_ms < config->warm_up_ms ? config->warm_up_ms - age_ms : 0,
        .min_window_ms = config->min_window_ms,
        .confidence_pct = config->confidence_pct,
        .min_growth = metric_unit(metric) == UNIT_BYTES ? config->min_growth_bytes : config->min_handles,
        .learned_plateau = NAN,
    };
}

static void detectors_free(struct watched *item)
{
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        detector_free(item->detectors[m]);
        item->detectors[m] = NULL;
    }
}

struct verdict_settings watch_settings_then(const struct watch *watch, const struct config *config,
                                            const struct watch_series *series, int64_t ended_utc_ms)
{
    struct verdict_settings settings =
        watch_settings(config, series->kind, series->process, series->metric, series->first_utc_ms);
    const size_t at = learned_find(watch, series->target, series->metric);
    if (at < watch->learned_count && watch->learned[at].ended_utc_ms <= ended_utc_ms) {
        const struct verdict_settings *learned = &watch->learned[at].settings;
        settings.learned_plateau = learned->learned_plateau;
        settings.learned_warm_up_ms = learned->learned_warm_up_ms;
        settings.learned_leak = learned->learned_leak;
    }
    return settings;
}

static bool can_have(const struct watched *item, enum metric metric)
{
    return (item->kind == TARGET_HOST) == metric_of_host(metric);
}

struct detector *watch_begin_detector(struct watch *watch, const struct config *config, struct watched *item,
                                      enum metric metric, int64_t utc_ms)
{
    if (!item->detectors[metric] && can_have(item, metric)) {
        const struct watch_series series = {item->kind, item->target, item->process, metric, utc_ms};
        const struct verdict_settings settings = watch_settings_then(watch, config, &series, INT64_MAX);
        item->detectors[metric] = detector_new(&settings);
    }
    return item->detectors[metric];
}

/* Adds an incarnation with its detectors, or leaves the watch as it was. */
static enum status item_begin(struct watch *watch, const struct config *config,
                              const struct candidate *candidate, const struct observation *observation)
{
    if (watch->count == WATCHED_MAX) {
        watch->left_out++;
        return STATUS_OK;
    }
    struct watched *item = &watch->items[watch->count];
    memset(item, 0, sizeof *item);
    item->kind = candidate->kind;
    text_copy(item->target, sizeof item->target, candidate->target);
    text_copy(item->service, sizeof item->service, candidate->service);
    if (candidate->process) {
        text_copy(item->image, sizeof item->image, candidate->process->image);
        item->process = candidate->process->id;
        item->address_limit_wanted = true;
    }
    item->present = true;
    item->first_seen_mono_ms = observation->mono_ms;
    item->address_limit_bytes = item->space.restored_outside_bytes = NAN;
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        item->now[m] = READING_UNKNOWN;
        if (!can_have(item, (enum metric)m) || metric_of_space((enum metric)m))
            continue; /* those of the space begin when it is known to have one */
        if (!watch_begin_detector(watch, config, item, (enum metric)m, observation->utc_ms)) {
            detectors_free(item);
            return STATUS_NO_MEMORY;
        }
    }
    watch->count++;
    return STATUS_OK;
}

static enum status see(struct watch *watch, const struct config *config, const struct candidate *candidate,
                       const struct observation *observation)
{
    struct process_id id = candidate->process ? candidate->process->id : (struct process_id){0};
    struct watched *item = watch_find(watch, id);
    if (!item)
        return item_begin(watch, config, candidate, observation);
    item->present = true;
    if (item->kind == TARGET_DISCOVERED && candidate->kind != TARGET_DISCOVERED) {
        /* It has been registered meanwhile: what was seen of it goes on under its new name. */
        item->kind = candidate->kind;
        text_copy(item->target, sizeof item->target, candidate->target);
    }
    /* Its service may be named, or be another one, since the configuration was read again. */
    char target[TARGET_NAME_MAX]; /* cut, as the item has it */
    text_copy(target, sizeof target, candidate->target);
    if (item->kind == candidate->kind && text_equal_nocase(item->target, target))
        text_copy(item->service, sizeof item->service, candidate->service);
    return STATUS_OK;
}

/* The service's own process and, for the store, the process' children (2013: Store.Service and its Workers).
 * A parent pid may belong to an earlier process: a child is never older than its parent, but for a worker of
 * the store, which is one by its name: a clock that was set back in between makes it look older. */
static enum status see_service(struct watch *watch, const struct config *config,
                               const struct observation *observation, struct candidate candidate,
                               bool with_children)
{
    const struct service *service = observation_service(observation, candidate.service);
    if (!service || service->pid == 0)
        return STATUS_OK;
    const struct process *own = observation_process(observation, service->pid);
    if (!own)
        return STATUS_OK;
    candidate.process = own;
    enum status status = see(watch, config, &candidate, observation);
    for (size_t i = 0; with_children && i < observation->process_count; i++) {
        const struct process *child = &observation->processes[i];
        if (child->parent_pid != own->id.pid || child->id.pid == own->id.pid ||
            (child->id.created_100ns < own->id.created_100ns &&
             !text_equal_nocase(child->image, STORE_WORKER_IMAGE)))
            continue;
        candidate.process = child;
        enum status one = see(watch, config, &candidate, observation);
        status = status ? status : one;
    }
    return status;
}

static enum status see_image(struct watch *watch, const struct config *config,
                             const struct observation *observation, struct candidate candidate,
                             const char *image)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < observation->process_count; i++) {
        if (!process_image_is(observation->processes[i].image, image))
            continue;
        candidate.process = &observation->processes[i];
        enum status one = see(watch, config, &candidate, observation);
        status = status ? status : one;
    }
    return status;
}

static size_t discovered_count(const struct watch *watch)
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++)
        count += watch->items[i].kind == TARGET_DISCOVERED && watch->items[i].present;
    return count;
}

/* After the registered ones: who is watched already is not discovered. */
static enum status see_found(struct watch *watch, const struct config *config,
                             const struct observation *observation)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < watch->found_count; i++) {
        const struct found_client *found = &watch->found[i];
        const struct process *process = observation_process(observation, found->process.pid);
        if (!process || !process_id_equal(process->id, found->process) || watch_find(watch, found->process))
            continue;
        if (discovered_count(watch) >= DISCOVERED_ITEMS_MAX) {
            watch->left_out++;
            continue;
        }
        struct candidate candidate = {
            .kind = TARGET_DISCOVERED, .target = process->image, .service = "", .process = process};
        enum status one = see(watch, config, &candidate, observation);
        status = status ? status : one;
    }
    return status;
}

void watch_learn(struct watch *watch, const char *target, enum metric metric, const struct detector *detector,
                 int64_t ended_utc_ms)
{
    size_t at = learned_find(watch, target, metric);
    struct watch_learned lesson = {.metric = metric, .settings = {.learned_plateau = NAN}};
    text_copy(lesson.target, sizeof lesson.target, target);
    if (at < watch->learned_count)
        lesson = watch->learned[at];
    else if (watch->learned_count == LEARNED_MAX)
        at = 0;
    lesson.ended_utc_ms = ended_utc_ms;
    detector_learned(detector, &lesson.settings);
    if (at < watch->learned_count) {
        watch->learned_count--;
        memmove(&watch->learned[at], &watch->learned[at + 1],
                (watch->learned_count - at) * sizeof watch->learned[0]);
    }
    watch->learned[watch->learned_count++] = lesson;
}

/* The moment an incarnation goes is the moment the next one may begin: what it taught must be there by then.
 */
static void note_gone(struct watch *watch, struct watched *item, const struct observation *observation)
{
    item->gone_mono_ms = observation->mono_ms;
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (item->detectors[m])
            watch_learn(watch, item->target, (enum metric)m, item->detectors[m], observation->utc_ms);
}

/* Who of the known incarnations still runs; a child of the store is found by its own process. */
static void look_for_known(struct watch *watch, const struct observation *observation)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *item = &watch->items[i];
        const struct process *process = observation_process(observation, item->process.pid);
        if (!process && observation->processes_cut)
            continue; /* it may be among those that found no room */
        item->present =
            item->kind == TARGET_HOST || (process && process_id_equal(process->id, item->process));
        if (item->present)
            item->gone_mono_ms = 0;
        else if (item->gone_mono_ms == 0)
            note_gone(watch, item, observation);
    }
}

enum status watch_look(struct watch *watch, const struct config *config,
                       const struct observation *observation)
{
    if (!observation->processes_known)
        return STATUS_OK;
    watch->left_out = 0;
    look_for_known(watch, observation);

    struct candidate host = {.kind = TARGET_HOST, .target = HOST_TARGET, .service = ""};
    enum status status = see(watch, config, &host, observation);
    struct candidate store = {
        .kind = TARGET_STORE, .target = config->store_service, .service = config->store_service};
    enum status one = see_service(watch, config, observation, store, true);
    status = status ? status : one;
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        struct candidate candidate = {
            .kind = TARGET_CLIENT, .target = client->name, .service = client->service};
        one = client->image[0] ? see_image(watch, config, observation, candidate, client->image)
                               : see_service(watch, config, observation, candidate, false);
        status = status ? status : one;
    }
    if (config->discover_clients) {
        one = see_found(watch, config, observation);
        status = status ? status : one;
    }
    return status;
}

static void read_process(struct watched *item, const struct observation *observation)
{
    const struct process *process =
        observation->processes_known ? observation_process(observation, item->process.pid) : NULL;
    bool same = process && process_id_equal(process->id, item->process);
    item->now[METRIC_PRIVATE_BYTES] = same ? process->private_bytes : READING_UNKNOWN;
    item->now[METRIC_HANDLES] = same ? process->handle_count : READING_UNKNOWN;
}

static void read_host(struct watched *item, const struct observation *observation)
{
    const struct host *host = &observation->host;
    bool known = observation->host_known;
    item->now[METRIC_COMMIT] = known ? host->commit_bytes : READING_UNKNOWN;
    item->now[METRIC_PAGED_POOL] = known ? host->paged_pool_bytes : READING_UNKNOWN;
    item->now[METRIC_NONPAGED_POOL] = known ? host->nonpaged_pool_bytes : READING_UNKNOWN;
}

/* A walk that failed makes the readings unknown until one succeeds again. */
static void read_space(struct watched *item)
{
    const struct watched_space *space = &item->space;
    if (!space->fresh)
        return;
    bool known = space->status == STATUS_OK;
    item->now[METRIC_ADDRESS_SPACE] =
        known ? space->now.limit_bytes - space->now.free_bytes : READING_UNKNOWN;
    item->now[METRIC_OUTSIDE_LARGEST] =
        known ? space->now.limit_bytes - space->now.largest_bytes : READING_UNKNOWN;
    item->now[METRIC_FREE_BLOCKS] = known ? space->now.block_count : READING_UNKNOWN;
}

bool watch_space_due(const struct watched *item, int64_t mono_ms)
{
    return item->present && item->kind != TARGET_HOST &&
           (!item->space.asked || mono_ms >= item->space.due_mono_ms);
}

/* What was told before a restart of storewatch is not told again: the level goes on from the latest reading
 * that was saved. */
static void follow_level(struct watched_space *space)
{
    if (!space->known && !isnan(space->restored_outside_bytes))
        space->level = space->told_level =
            space_level_of(space->now.limit_bytes - space->restored_outside_bytes, SPACE_FINE);
    space->level = space_level_of(space->now.largest_bytes, space->level);
}

void watch_set_space(struct watch *watch, const struct config *config, struct process_id process,
                     enum status status, const struct space *found, const char *why,
                     struct watch_moment moment)
{
    struct watched *item = watch_find(watch, process);
    if (!item || item->kind == TARGET_HOST)
        return;
    struct watched_space *space = &item->space;
    int64_t polls_ms = SPACE_EVERY_POLLS * config->interval_ms;
    int64_t pause_ms = SPACE_COST_FACTOR * moment.cost_ms;
    space->due_mono_ms = moment.mono_ms + (pause_ms > polls_ms ? pause_ms : polls_ms);
    space->asked = space->fresh = true;
    space->status = status;
    text_copy(space->why, sizeof space->why, status == STATUS_OK ? "" : why);
    if (status == STATUS_UNSUPPORTED)
        space->due_mono_ms = INT64_MAX; /* it has none, and never will */
    if (status != STATUS_OK)
        return;
    space->now = *found;
    follow_level(space);
    space->known = true;
    space->private_bytes = item->now[METRIC_PRIVATE_BYTES];
    space->read_mono_ms = moment.mono_ms;
    for (size_t m = 0; m < METRIC_COUNT; m++)
        if (metric_of_space((enum metric)m))
            watch_begin_detector(watch, config, item, (enum metric)m, moment.utc_ms);
}

void watch_limit_nearer(struct verdict_limit *limit, double value, const char *name)
{
    if (isnan(value) || (!isnan(limit->value) && limit->value <= value))
        return;
    limit->value = value;
    limit->name = name;
}

/* What holds for every process alike: what is configured, and Windows' own bound. */
static struct verdict_limit limit_of_any(const struct config *config, enum metric metric)
{
    struct verdict_limit limit = {NAN, NULL};
    if (metric == METRIC_PRIVATE_BYTES)
        watch_limit_nearer(&limit, config->limit_private_bytes, "configured limit");
    if (metric == METRIC_HANDLES) {
        watch_limit_nearer(&limit, config->limit_handles, "configured limit");
        watch_limit_nearer(&limit, PROCESS_HANDLES_LIMIT, "handles one process can have");
    }
    return limit;
}

/* At how many private bytes the address space ends: what is free of it is all that can still be added, since
 * images, mapped files and stacks lie in it too. NAN = it does not, or nothing is known. */
static double space_end_of(const struct watched *item)
{
    const struct watched_space *space = &item->space;
    bool known = space->known && !isnan(space->private_bytes);
    return known ? space->private_bytes + space->now.free_bytes : item->address_limit_bytes;
}

/* The nearest of the limits that apply. The commit limit is shared: what is left of it is what this process
 * can still grow by if nobody else does. */
static struct verdict_limit limit_for(const struct watched *item, const struct config *config,
                                      const struct observation *observation, enum metric metric)
{
    struct verdict_limit limit = limit_of_any(config, metric);
    const struct host *host = &observation->host;
    switch (metric) {
    case METRIC_PRIVATE_BYTES:
        watch_limit_nearer(&limit, space_end_of(item), SPACE_LIMIT_NAME);
        if (observation->host_known)
            watch_limit_nearer(&limit, item->now[metric] + host->commit_limit_bytes - host->commit_bytes,
                               "what the commit limit leaves it");
        break;
    case METRIC_COMMIT:
        if (observation->host_known)
            watch_limit_nearer(&limit, host->commit_limit_bytes, "system commit limit");
        break;
    case METRIC_ADDRESS_SPACE:
        watch_limit_nearer(&limit, item->space.known ? item->space.now.limit_bytes : (double)NAN,
                           SPACE_LIMIT_NAME);
        break;
    case METRIC_OUTSIDE_LARGEST: /* the end is where Exchange itself calls it an error */
        watch_limit_nearer(&limit,
                           item->space.known ? item->space.now.limit_bytes - SPACE_ERROR_BYTES : (double)NAN,
                           SPACE_BLOCK_LIMIT_NAME);
        break;
    case METRIC_HANDLES:
        break;
    case METRIC_PAGED_POOL:
    case METRIC_NONPAGED_POOL: /* their real bounds depend on the version, no driver-less way to read them */
    case METRIC_FREE_BLOCKS:
    case METRIC_COUNT:
        break;
    }
    return limit;
}

struct verdict_limit watch_limit_of_ended(const struct config *config, const struct observation *observation,
                                          enum metric metric)
{
    struct verdict_limit limit = limit_of_any(config, metric);
    switch (metric) {
    case METRIC_PRIVATE_BYTES:
        watch_limit_nearer(&limit, observation->host.commit_limit_bytes, "system commit limit");
        break;
    case METRIC_ADDRESS_SPACE:
        watch_limit_nearer(&limit, SPACE_BYTES_MAX, SPACE_LIMIT_NAME);
        break;
    case METRIC_OUTSIDE_LARGEST:
        watch_limit_nearer(&limit, SPACE_BYTES_MAX - SPACE_ERROR_BYTES, SPACE_BLOCK_LIMIT_NAME);
        break;
    default: /* none of its own, as while it runs */
        break;
    }
    return limit;
}

static void read_item(struct watched *item, const struct observation *observation)
{
    if (item->kind == TARGET_HOST)
        read_host(item, observation);
    else
        read_process(item, observation);
    read_space(item);
}

static void set_limit(struct watched *item, const struct config *config,
                      const struct observation *observation, enum metric metric)
{
    struct verdict_limit limit = limit_for(item, config, observation, metric);
    if (!isnan(limit.value))
        detector_set_limit(item->detectors[metric], limit);
}

void watch_set_limits(struct watch *watch, const struct config *config, const struct observation *observation)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *item = &watch->items[i];
        if (!item->present)
            continue;
        read_item(item, observation);
        for (size_t m = 0; m < METRIC_COUNT; m++)
            if (item->detectors[m])
                set_limit(item, config, observation, (enum metric)m);
    }
}

void watch_push(struct watch *watch, const struct config *config, const struct observation *observation)
{
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *item = &watch->items[i];
        if (!item->present)
            continue;
        read_item(item, observation);
        for (size_t m = 0; m < METRIC_COUNT; m++) {
            item->pushed[m] = item->detectors[m] && (!metric_of_space((enum metric)m) || item->space.fresh);
            if (!item->pushed[m])
                continue;
            set_limit(item, config, observation, (enum metric)m);
            detector_push(item->detectors[m], observation->mono_ms, item->now[m]);
        }
        item->space.fresh = false;
    }
}

const struct config_client *watch_client(const struct config *config, const char *target)
{
    for (size_t i = 0; i < config->client_count; i++)
        if (text_equal_nocase(target, config->clients[i].name))
            return &config->clients[i];
    return NULL;
}

bool watch_names(const struct config *config, enum target_kind kind, const char *target, const char *image,
                 const char *service)
{
    if (kind == TARGET_HOST)
        return true;
    if (kind == TARGET_DISCOVERED)
        return config->discover_clients;
    if (kind == TARGET_STORE) /* `target` is cut: a service may have a longer name */
        return text_equal_nocase(service, config->store_service);
    const struct config_client *client = watch_client(config, target);
    if (!client)
        return false;
    return client->image[0] ? process_image_is(image, client->image)
                            : service[0] == '\0' || text_equal_nocase(service, client->service);
}

/* Closes the gaps that items with freed detectors leave. */
static void compact(struct watch *watch, const bool *keep)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->count; i++)
        if (!keep[i])
            detectors_free(&watch->items[i]);
        else if (kept++ != i)
            watch->items[kept - 1] = watch->items[i];
    watch->count = kept;
}

void watch_forget_gone(struct watch *watch)
{
    bool keep[WATCHED_MAX];
    for (size_t i = 0; i < watch->count; i++)
        keep[i] = watch->items[i].present || watch->items[i].needed;
    compact(watch, keep);
}

/* The client of the configuration whose process this is; NULL when there is none. */
static const struct config_client *client_of(const struct config *config, const struct watched *item)
{
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        if (client->image[0] ? process_image_is(item->image, client->image)
                             : text_equal_nocase(client->service, item->service))
            return client;
    }
    return NULL;
}

/* What was seen of a client goes on under its new name, and what its earlier incarnations taught. False: it has
 * none. */
static bool rename_client(struct watch *watch, const struct config *config, struct watched *item)
{
    const struct config_client *client = item->kind == TARGET_CLIENT ? client_of(config, item) : NULL;
    if (!client)
        return false;
    for (size_t i = 0; i < watch->learned_count && !watch_client(config, item->target); i++)
        if (text_equal_nocase(watch->learned[i].target, item->target))
            text_copy(watch->learned[i].target, sizeof watch->learned[i].target, client->name);
    text_copy(item->target, sizeof item->target, client->name);
    text_copy(item->service, sizeof item->service, client->service);
    return true;
}

void watch_drop_unnamed(struct watch *watch, const struct config *config)
{
    bool keep[WATCHED_MAX];
    for (size_t i = 0; i < watch->count; i++) {
        struct watched *item = &watch->items[i];
        keep[i] = watch_names(config, item->kind, item->target, item->image, item->service) ||
                  rename_client(watch, config, item);
    }
    compact(watch, keep);
}

void watch_deinit(struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++)
        detectors_free(&watch->items[i]);
    watch->count = 0;
}

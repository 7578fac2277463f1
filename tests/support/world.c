/* world.c - the simulated Windows of world.h. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

enum {
    CODE_NO_PROCESS = 87, /* what OpenProcess says */
    CODE_DEPENDENTS_RUNNING = 1051,
    CODE_INVALID_CONTROL = 1052,
    CODE_REQUEST_TIMEOUT = 1053,
    CODE_ALREADY_RUNNING = 1056,
    CODE_DISABLED = 1058,
    CODE_NOT_INSTALLED = 1060,
    CODE_CANNOT_ACCEPT = 1061,
    CODE_PROCESS_ABORTED = 1067,
    CODE_DEPENDENCY_FAILED = 1068,
    CODE_MARKED_FOR_DELETE = 1072,
    CODE_DEPENDENCY_DELETED = 1075,
    CODE_NEVER_STARTED = 1077,
    CODE_SHUTDOWN = 1115
};

static bool is_running(const struct world_service *service)
{
    return service->state == SERVICE_STATE_RUNNING || service->state == SERVICE_STATE_PAUSED;
}

static bool is_active(const struct world_service *service)
{
    return service->exists && service->state != SERVICE_STATE_STOPPED;
}

void world_init(struct world *world)
{
    *world = (struct world){
        .mono_ms = 1000000, .utc_ms = INT64_C(1767225600000), .next_pid = 1000, .enforce = true};
}

static size_t index_of(const struct world *world, const struct world_service *service)
{
    return (size_t)(service - world->services);
}

/* The one whose process it runs in: itself, unless another one's. */
static size_t host_of(const struct world *world, const struct world_service *service)
{
    return service->shares_process_of > 0 ? (size_t)service->shares_process_of - 1 : index_of(world, service);
}

static bool in_one_process(const struct world *world, const struct world_service *a,
                           const struct world_service *b)
{
    return host_of(world, a) == host_of(world, b);
}

static void new_process(struct world *world, struct world_service *service)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *other = &world->services[i];
        if (other != service && other->pid != 0 && in_one_process(world, service, other)) {
            service->pid = other->pid;
            service->created_100ns = other->created_100ns;
            return;
        }
    }
    if (world->reuse_pids && service->last_pid != 0) {
        service->pid = service->last_pid;
    } else {
        service->pid = world->next_pid;
        world->next_pid += 4;
    }
    service->last_pid = service->pid;
    service->created_100ns = process_created_100ns(world->utc_ms) + service->pid;
    service->cpu_ms = 10;
    service->io_count = 5;
}

struct world_service *world_add(struct world *world, const char *name)
{
    if (world->count == WORLD_SERVICES_MAX)
        abort(); /* the test's own mistake */
    struct world_service *service = &world->services[world->count++];
    *service = (struct world_service){.start_type = START_AUTO,
                                      .exists = true,
                                      .start_latency_ms = 500,
                                      .stop_latency_ms = 300,
                                      .pause_latency_ms = 300,
                                      .accepts_stop = true,
                                      .state = SERVICE_STATE_RUNNING,
                                      .running_since_ms = world->mono_ms};
    text_copy(service->name, sizeof(service->name), name);
    new_process(world, service);
    return service;
}

static struct world_service *find(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->count; i++)
        if (text_equal_nocase(world->services[i].name, name))
            return (struct world_service *)&world->services[i];
    return NULL;
}

struct world_service *world_get(struct world *world, const char *name)
{
    return find(world, name);
}

void world_need(struct world *world, const char *dependent, const char *needed)
{
    struct world_service *service = find(world, dependent);
    const struct world_service *other = find(world, needed);
    if (service == NULL || other == NULL || service->need_count == WORLD_NEEDS_MAX)
        abort();
    service->needs[service->need_count++] = index_of(world, other);
}

void world_need_no_more(struct world *world, const char *dependent, const char *needed)
{
    struct world_service *service = find(world, dependent);
    const size_t index = index_of(world, find(world, needed));
    for (size_t n = service->need_count; n-- > 0;)
        if (service->needs[n] == index)
            service->needs[n] = service->needs[--service->need_count];
}

static void become_stopped(struct world_service *service, uint32_t exit_code)
{
    service->state = SERVICE_STATE_STOPPED;
    service->win32_exit_code = exit_code;
    service->pid = 0;
    service->created_100ns = 0;
    service->checkpoint = 0;
    service->stop_due_ms = 0;
    if (service->marked_for_delete)
        service->exists = false;
}

static void become_pending(struct world *world, struct world_service *service, enum service_state state)
{
    service->state = state;
    service->checkpoint = 0;
    service->pending_since_ms = world->mono_ms;
}

void world_put(struct world *world, const char *name, enum service_state state)
{
    struct world_service *service = find(world, name);
    if (state == SERVICE_STATE_STOPPED) {
        become_stopped(service, 0);
        return;
    }
    if (service->pid == 0)
        new_process(world, service);
    become_pending(world, service, state);
    service->running_since_ms = world->mono_ms;
}

static bool needs_run(const struct world *world, const struct world_service *service)
{
    for (size_t i = 0; i < service->need_count; i++) {
        const struct world_service *needed = &world->services[service->needs[i]];
        if (!needed->exists || !is_running(needed))
            return false;
    }
    return true;
}

/* Will the ones it needs come up, or do some run or start? */
static bool needs_coming(const struct world *world, const struct world_service *service)
{
    for (size_t i = 0; i < service->need_count; i++) {
        const struct world_service *needed = &world->services[service->needs[i]];
        if (!needed->exists || needed->state == SERVICE_STATE_STOPPED ||
            needed->state == SERVICE_STATE_STOP_PENDING)
            return false;
    }
    return true;
}

/* By itself: a failure action, or a start that was put off after the boot. Nothing, when it runs by then. */
static void scm_starts(struct world *world, struct world_service *service)
{
    service->start_due_ms = 0;
    if (service->exists && service->state == SERVICE_STATE_STOPPED && service->start_type != START_DISABLED) {
        become_pending(world, service, SERVICE_STATE_START_PENDING);
        new_process(world, service);
    }
}

static void die(struct world *world, struct world_service *service, uint32_t exit_code)
{
    become_stopped(service, exit_code);
    if (!service->recovers || exit_code == 0)
        return;
    service->start_due_ms = world->mono_ms + service->recovers_after_ms;
    if (service->recovers_after_ms == 0)
        scm_starts(world, service);
}

static void begin_late_stop(struct world *world, struct world_service *service)
{
    if (service->stop_due_ms > 0 && world->mono_ms >= service->stop_due_ms) {
        service->stop_due_ms = 0;
        become_pending(world, service, SERVICE_STATE_STOP_PENDING);
    }
}

static void tick(struct world *world, struct world_service *service)
{
    if (service->start_due_ms > 0 && world->mono_ms >= service->start_due_ms)
        scm_starts(world, service);
    const int64_t pending_ms = world->mono_ms - service->pending_since_ms;
    switch (service->state) {
    case SERVICE_STATE_START_PENDING:
        if (service->pid == 0) { /* queued by the SCM until what it needs runs */
            if (world->enforce && !needs_coming(world, service)) {
                become_stopped(service, CODE_DEPENDENCY_FAILED);
            } else if (!world->enforce || needs_run(world, service)) {
                new_process(world, service);
                service->pending_since_ms = world->mono_ms;
            }
            return;
        }
        if (!service->hangs_in_start && pending_ms >= service->start_latency_ms) {
            if (service->fail_start_count > 0) {
                service->fail_start_count--;
                become_stopped(service, CODE_PROCESS_ABORTED);
                return;
            }
            service->state = SERVICE_STATE_RUNNING;
            service->running_since_ms = world->mono_ms;
            return;
        }
        break;
    case SERVICE_STATE_STOP_PENDING:
        if (!service->hangs_in_stop && pending_ms >= service->stop_latency_ms) {
            if (service->dies_in_stop)
                die(world, service, CODE_PROCESS_ABORTED);
            else
                become_stopped(service, 0);
            return;
        }
        break;
    case SERVICE_STATE_PAUSE_PENDING:
        if (pending_ms >= service->pause_latency_ms) {
            service->state = SERVICE_STATE_PAUSED;
            return;
        }
        break;
    case SERVICE_STATE_CONTINUE_PENDING:
        if (pending_ms >= service->pause_latency_ms) {
            service->state = SERVICE_STATE_RUNNING;
            service->running_since_ms = world->mono_ms;
            return;
        }
        break;
    case SERVICE_STATE_RUNNING:
        if (service->dies_after_ms > 0 && service->dies_count > 0 &&
            world->mono_ms - service->running_since_ms >= service->dies_after_ms) {
            service->dies_count--;
            die(world, service, service->ends_cleanly ? 0 : CODE_PROCESS_ABORTED);
            return;
        }
        begin_late_stop(world, service);
        return;
    case SERVICE_STATE_PAUSED:
        begin_late_stop(world, service);
        return;
    case SERVICE_STATE_UNKNOWN:
    case SERVICE_STATE_STOPPED:
    case SERVICE_STATE_ABSENT:
        return;
    }
    if (service->checkpoint_every_ms > 0)
        service->checkpoint = 1 + (uint32_t)(pending_ms / service->checkpoint_every_ms);
    if (service->works_while_pending) {
        service->cpu_ms += 1;
        service->io_count += 3;
    }
}

void world_advance(struct world *world, int64_t ms)
{
    const int64_t until_ms = world->mono_ms + ms;
    while (world->mono_ms < until_ms) {
        const int64_t piece_ms = until_ms - world->mono_ms < 50 ? until_ms - world->mono_ms : 50;
        world->mono_ms += piece_ms;
        world->utc_ms += piece_ms;
        for (size_t i = 0; i < world->count; i++)
            if (world->services[i].exists)
                tick(world, &world->services[i]);
    }
}

/* Does an active service need this one directly? */
static bool is_needed(const struct world *world, const struct world_service *service)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *other = &world->services[i];
        for (size_t n = 0; n < other->need_count; n++)
            if (is_active(other) && &world->services[other->needs[n]] == service)
                return true;
    }
    return false;
}

static void accept_stop(struct world *world, struct world_service *service)
{
    if (service->stops_late_ms > 0) {
        if (service->stop_due_ms == 0)
            service->stop_due_ms = world->mono_ms + service->stops_late_ms;
    } else if (!service->ignores_stop) {
        become_pending(world, service, SERVICE_STATE_STOP_PENDING);
    }
}

uint32_t world_stop(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    if (service != NULL && service->dies_before_stop && world_runs(world, name)) {
        world_kill(world, name, CODE_PROCESS_ABORTED);
        world_put(world, name, SERVICE_STATE_RUNNING);
    }
    if (service == NULL || !service->exists)
        return CODE_NOT_INSTALLED;
    if (service->state == SERVICE_STATE_STOPPED)
        return 0; /* as os_service_stop */
    if (world->shutting_down)
        return CODE_SHUTDOWN;
    if (service->refuse_stop_count > 0) {
        service->refuse_stop_count--;
        if (service->refuse_stop_code == CODE_REQUEST_TIMEOUT && is_running(service))
            accept_stop(world, service); /* it had arrived, only the answer was late */
        return service->refuse_stop_code;
    }
    if (world->enforce && is_needed(world, service))
        return CODE_DEPENDENTS_RUNNING;
    if (!is_running(service))
        return CODE_CANNOT_ACCEPT;
    if (!service->accepts_stop)
        return CODE_INVALID_CONTROL;
    service->stopped_count++;
    accept_stop(world, service);
    return 0;
}

/* StartService, with what it needs first. Does not count. */
static uint32_t start(struct world *world, struct world_service *service, int depth)
{
    if (!service->exists)
        return CODE_NOT_INSTALLED;
    if (service->marked_for_delete)
        return CODE_MARKED_FOR_DELETE;
    if (service->start_type == START_DISABLED)
        return CODE_DISABLED;
    if (service->state != SERVICE_STATE_STOPPED)
        return service->state == SERVICE_STATE_STOP_PENDING ? CODE_CANNOT_ACCEPT : CODE_ALREADY_RUNNING;
    if (service->refuse_start_count > 0) {
        service->refuse_start_count--;
        if (service->refused_exit_code != 0) {
            become_stopped(service, service->refused_exit_code);
            service->service_exit_code = service->refused_own_exit_code;
        }
        return service->refuse_start_code;
    }
    for (size_t i = 0; world->enforce && i < service->need_count; i++) {
        struct world_service *needed = &world->services[service->needs[i]];
        if (!needed->exists)
            return CODE_DEPENDENCY_DELETED;
        const uint32_t code = is_running(needed) || depth == 0 ? 0 : start(world, needed, depth - 1);
        if (code != 0 && code != CODE_ALREADY_RUNNING)
            return CODE_DEPENDENCY_FAILED;
    }
    become_pending(world, service, SERVICE_STATE_START_PENDING);
    service->win32_exit_code = 0;
    service->person_stopped = false;
    if (!world->enforce || needs_run(world, service))
        new_process(world, service);
    return 0;
}

uint32_t world_start(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    const uint32_t code = service == NULL        ? CODE_NOT_INSTALLED
                          : world->shutting_down ? CODE_SHUTDOWN
                                                 : start(world, service, WORLD_NEEDS_MAX);
    if (code == 0) {
        service->started_count++;
        return service->lost_start_code;
    }
    return code == CODE_ALREADY_RUNNING ? 0 : code; /* as os_service_start */
}

uint32_t world_terminate(struct world *world, struct process_id process)
{
    bool found = false;
    for (size_t i = 0; i < world->count; i++) {
        struct world_service *service = &world->services[i];
        if (!service->exists || service->pid != process.pid ||
            service->created_100ns != process.created_100ns || process.pid == 0)
            continue;
        if (service->terminate_code != 0)
            return service->terminate_code;
        found = true;
        die(world, service, CODE_PROCESS_ABORTED);
    }
    return found ? 0 : CODE_NO_PROCESS;
}

enum status world_status(uint32_t code)
{
    switch (code) {
    case 0:
        return STATUS_OK;
    case 5:
        return STATUS_DENIED;
    case CODE_DEPENDENTS_RUNNING:
    case CODE_INVALID_CONTROL:
    case CODE_CANNOT_ACCEPT:
    case CODE_DISABLED:
    case CODE_SHUTDOWN:
        return STATUS_REFUSED;
    case CODE_REQUEST_TIMEOUT:
        return STATUS_TIMEOUT;
    case CODE_NOT_INSTALLED:
    case CODE_NO_PROCESS:
        return STATUS_NOT_FOUND;
    default:
        return STATUS_SYSTEM;
    }
}

static void person_stops(struct world *world, struct world_service *service, int depth)
{
    for (size_t i = 0; depth > 0 && i < world->count; i++) {
        struct world_service *other = &world->services[i];
        for (size_t n = 0; n < other->need_count; n++)
            if (other->needs[n] == index_of(world, service))
                person_stops(world, other, depth - 1);
    }
    /* One that needs it and is just starting takes no stop control, so neither is stopped. */
    if (service->exists && is_running(service) && !(world->enforce && is_needed(world, service))) {
        service->person_stopped = true;
        become_stopped(service, 0); /* the person waited for it */
    }
}

void world_person_stops(struct world *world, const char *name)
{
    person_stops(world, find(world, name), WORLD_NEEDS_MAX);
}

void world_person_starts(struct world *world, const char *name)
{
    (void)start(world, find(world, name), WORLD_NEEDS_MAX);
}

void world_person_pauses(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    if (service->exists && service->state == SERVICE_STATE_RUNNING)
        become_pending(world, service, SERVICE_STATE_PAUSE_PENDING);
}

void world_person_continues(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    if (service->exists && service->state == SERVICE_STATE_PAUSED)
        become_pending(world, service, SERVICE_STATE_CONTINUE_PENDING);
}

void world_person_disables(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    service->start_type = START_DISABLED;
    service->person_disabled = true;
}

void world_person_enables(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    service->start_type = START_AUTO;
    service->person_disabled = false;
}

void world_person_deletes(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    service->person_deleted = true;
    service->marked_for_delete = true;
    if (service->state == SERVICE_STATE_STOPPED)
        service->exists = false;
}

void world_person_installs(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    service->person_deleted = service->marked_for_delete = false;
    if (!service->exists) {
        service->exists = true;
        become_stopped(service, CODE_NEVER_STARTED);
        service->start_type = START_AUTO;
    }
}

void world_kill(struct world *world, const char *name, uint32_t exit_code)
{
    const struct world_service *killed = find(world, name);
    const uint32_t pid = killed->pid;
    if (!killed->exists || killed->state == SERVICE_STATE_STOPPED)
        return;
    bool in_it[WORLD_SERVICES_MAX];
    for (size_t i = 0; i < world->count; i++) {
        struct world_service *service = &world->services[i];
        in_it[i] = service == killed || (pid != 0 && service->pid == pid);
        service->pid = in_it[i] ? 0 : service->pid; /* nobody is started in it again */
    }
    for (size_t i = 0; i < world->count; i++)
        if (in_it[i])
            die(world, &world->services[i], exit_code);
}

void world_unhang(struct world *world, const char *name)
{
    struct world_service *service = find(world, name);
    service->hangs_in_stop = false;
    service->hangs_in_start = false;
}

void world_reboot(struct world *world)
{
    world->mono_ms = 20000; /* since boot */
    world->utc_ms += 120000;
    world->shutting_down = false;
    for (size_t i = 0; i < world->count; i++) {
        become_stopped(&world->services[i], CODE_NEVER_STARTED);
        world->services[i].person_stopped = false;
        world->services[i].start_due_ms = 0;
    }
    for (size_t i = 0; i < world->count; i++) {
        struct world_service *service = &world->services[i];
        if (service->start_type == START_AUTO && service->recovers_after_ms > 0)
            service->start_due_ms = world->mono_ms + service->recovers_after_ms;
        else if (service->exists && service->start_type == START_AUTO)
            (void)start(world, service, WORLD_NEEDS_MAX);
    }
}

bool world_runs(const struct world *world, const char *name)
{
    const struct world_service *service = find(world, name);
    return service != NULL && service->exists && is_running(service);
}

static int by_name(const void *a, const void *b)
{
    const struct service *x = a, *y = b;
    for (size_t i = 0;; i++) {
        const int p = x->name[i] >= 'A' && x->name[i] <= 'Z' ? x->name[i] + 32 : x->name[i];
        const int q = y->name[i] >= 'A' && y->name[i] <= 'Z' ? y->name[i] + 32 : y->name[i];
        if (p != q || p == 0)
            return p - q;
    }
}

void world_observe(const struct world *world, struct observation *out_observation)
{
    struct observation *o = out_observation;
    observation_clear(o);
    o->mono_ms = world->mono_ms;
    o->utc_ms = world->utc_ms;
    o->services_known = !world->services_unreadable;
    o->processes_known = !world->processes_unreadable;
    o->os_shutting_down = world->shutting_down;
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *from = &world->services[i];
        if (o->services_known && from->exists) {
            struct service *to = &o->services[o->service_count++];
            *to = (struct service){.state = from->unreadable ? SERVICE_STATE_UNKNOWN : from->state,
                                   .pid = from->pid,
                                   .checkpoint = from->checkpoint,
                                   .wait_hint_ms = from->wait_hint_ms,
                                   .win32_exit_code = from->win32_exit_code,
                                   .service_exit_code = from->service_exit_code,
                                   .accepts_stop = from->accepts_stop && is_running(from)};
            memcpy(to->name, from->name, sizeof(to->name));
        }
        if (o->processes_known && from->pid != 0 && !from->hidden_process &&
            observation_process(o, from->pid) == NULL) {
            struct process *to = &o->processes[o->process_count++];
            *to = (struct process){.id = {from->pid, from->created_100ns},
                                   .private_bytes = 50e6,
                                   .handle_count = 100,
                                   .working_set_bytes = 60e6,
                                   .thread_count = 10,
                                   .cpu_ms = from->cpu_ms,
                                   .io_count = from->io_count};
            text_copy(to->image, sizeof(to->image), from->name);
        }
    }
    qsort(o->services, o->service_count, sizeof(o->services[0]), by_name);
}

void world_graph(const struct world *world, struct service_graph *out_graph)
{
    struct service_graph graph = {.nodes = calloc(world->count + 1, sizeof(*graph.nodes)),
                                  .edges = calloc(world->count * WORLD_NEEDS_MAX + 1, sizeof(*graph.edges))};
    if (graph.nodes == NULL || graph.edges == NULL)
        abort();
    size_t node_of[WORLD_SERVICES_MAX];
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *service = &world->services[i];
        node_of[i] = SIZE_MAX;
        if (service->exists) {
            node_of[i] = graph.node_count;
            struct service_node *node = &graph.nodes[graph.node_count++];
            memcpy(node->name, service->name, sizeof(node->name));
            node->state = service->state;
            node->start_type = service->start_type;
        }
    }
    for (size_t i = 0; i < world->count; i++) {
        for (size_t n = 0; n < world->services[i].need_count; n++) {
            const size_t needed = world->services[i].needs[n];
            if (node_of[i] != SIZE_MAX && node_of[needed] != SIZE_MAX) {
                graph.edges[graph.edge_count++] =
                    (struct service_edge){(uint16_t)node_of[i], (uint16_t)node_of[needed]};
            }
        }
    }
    *out_graph = graph;
}

uint64_t world_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t world_random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((world_random(state) >> 32) * bound >> 32);
}

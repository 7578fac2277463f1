/* restart.c - the plan of a controlled restart and the machine that carries it out.
 *
 * Invariants, each checked by tests/unit/test_restart.c over random worlds:
 *   - Only the state that the machine shows decides; the journal adds what cannot be seen: which services ran
 * when it began, which phase was reached, and whose stop of ours may still come into effect (stop ==
 * STEP_ASKED). So a kill between any two instructions costs at most a repeated request, which the SCM answers
 * harmlessly.
 *   - The phases only go forward: stopping -> starting <-> verifying -> ended. What turns back from stopping
 * goes through starting like everything else, so there is one way in which services come up again.
 *   - One request at a time, each at least RESTART_BACKOFF_FIRST_MS after the last about the same service.
 *   - Whenever the journal changes, the step that changed it says RESTART_NEWS_STEP.
 *   - What is not known (a failed look, a service that could not be read) decides nothing: the machine waits.
 * But one service that cannot be read holds the others up no longer than its timeout.
 *
 * One service is stopped at a time, in order. Stopping independent dependents side by side would be faster,
 * but a dependent takes seconds where the Information Store takes minutes, and with one at a time the answer
 * to "what is down and what are we waiting for" is always one name. */
#include "storewatch/restart.h"

#include "storewatch/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A stop control that the SCM could not deliver is tried again, with doubling back-off, at least this often.
 */
#define STOP_RETRY_LAST_MS (15 * 1000)
/* A service that accepted the stop and still says "running" is asked again after this: the SCM itself gives a
 * service 30 s to answer a control. */
#define STOP_AGAIN_MS (30 * 1000)
/* The SCM notices within milliseconds that a service's process has ended; this is patience with a busy
 * machine. */
#define SCM_NOTICES_MS (30 * 1000)
/* No sign of life for this long, or for the wait hint if that is longer, is called "hung?". A service must
 * move its checkpoint within its wait hint; 60 s is twice what the SCM grants for a single control. A quarter
 * of a timeout that is itself only seconds, so that trials show the word too. It ends nothing: only the text
 * and the timeout do, so a value that is wrong costs a word. */
#define QUIET_MS (60 * 1000)

/* Codes of winerror.h that have a meaning of their own here. */
enum {
    CODE_FILE_NOT_FOUND = 2,
    CODE_PATH_NOT_FOUND = 3,
    CODE_ACCESS_DENIED = 5,
    CODE_BAD_EXE_FORMAT = 193,
    CODE_BAD_PIPE = 230,
    CODE_DEPENDENTS_RUNNING = 1051,
    CODE_INVALID_CONTROL = 1052,
    CODE_REQUEST_TIMEOUT = 1053,
    CODE_DATABASE_LOCKED = 1055,
    CODE_INVALID_ACCOUNT = 1057,
    CODE_DISABLED = 1058,
    CODE_NOT_INSTALLED = 1060,
    CODE_CANNOT_ACCEPT = 1061,
    CODE_NOT_ACTIVE = 1062,
    CODE_PROCESS_ABORTED = 1067,
    CODE_DEPENDENCY_FAILED = 1068,
    CODE_LOGON_FAILED = 1069,
    CODE_MARKED_FOR_DELETE = 1072,
    CODE_DEPENDENCY_DELETED = 1075,
    CODE_NEVER_STARTED = 1077, /* the exit code of every service that has not been started since the boot */
    CODE_SHUTDOWN = 1115,
    CODE_LOGON_TYPE = 1385
};

/* What the SCM's codes mean for people. `hard`: waiting does not heal it, so ops are told at once. */
static const struct code_words {
    uint32_t code;
    bool hard;
    const char *words;
} code_table[] = {
    {CODE_FILE_NOT_FOUND, true, "its program file was not found"},
    {CODE_PATH_NOT_FOUND, true, "the path of its program was not found"},
    {CODE_ACCESS_DENIED, true, "access denied"},
    {CODE_BAD_EXE_FORMAT, true, "its program file is not a valid executable"},
    {CODE_BAD_PIPE, false, "the service manager's pipe to it is broken"},
    {CODE_DEPENDENTS_RUNNING, false, "services that need it are running"},
    {CODE_INVALID_CONTROL, false, "it takes no stop control now"},
    {CODE_REQUEST_TIMEOUT, false, "it did not answer in time"},
    {CODE_DATABASE_LOCKED, false, "the service database is locked"},
    {CODE_INVALID_ACCOUNT, true, "its account does not exist"},
    {CODE_DISABLED, true, "it is disabled"},
    {CODE_NOT_INSTALLED, true, "it is not installed any more"},
    {CODE_CANNOT_ACCEPT, false, "it cannot take controls now"},
    {CODE_NOT_ACTIVE, false, "it is not running"},
    {CODE_PROCESS_ABORTED, false, "its process ended unexpectedly"},
    {CODE_DEPENDENCY_FAILED, false, "a service it needs did not start"},
    {CODE_LOGON_FAILED, true, "logon failure, see its account and password"},
    {CODE_MARKED_FOR_DELETE, true, "it is being deleted"},
    {CODE_DEPENDENCY_DELETED, true, "a service it needs is not installed"},
    {CODE_SHUTDOWN, false, "the system is shutting down"},
    {CODE_LOGON_TYPE, true, "its account may not log on as a service"},
};

static const struct code_words *code_find(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(code_table); i++) {
        if (code_table[i].code == code) {
            return &code_table[i];
        }
    }
    return NULL;
}

/* Appends "logon failure, see its account and password (1069)"; without a code the status' words. */
static void text_add_code(struct text *text, enum status status, uint32_t code)
{
    const struct code_words *known = code_find(code);
    if (known != NULL) {
        text_add(text, "%s (%" PRIu32 ")", known->words, code);
    } else if (code != 0) {
        text_add(text, "error %" PRIu32, code);
    } else {
        text_add(text, "%s", status_text(status));
    }
}

/* ---- names ---- */

const char *service_state_text(enum service_state state)
{
    static const char *const texts[] = {"unknown",       "stopped", "start pending",
                                        "stop pending",  "running", "continue pending",
                                        "pause pending", "paused",  "not installed"};
    const size_t index = (size_t)state;
    return index < ARRAY_COUNT(texts) ? texts[index] : "unknown";
}

const char *restart_phase_name(enum restart_phase phase)
{
    static const char *const names[] = {"idle", "stopping", "starting", "verifying", "ended"};
    const size_t index = (size_t)phase;
    return index < ARRAY_COUNT(names) ? names[index] : "unknown";
}

const char *restart_outcome_name(enum restart_outcome outcome)
{
    static const char *const names[] = {"none", "succeeded", "restored", "handed over"};
    const size_t index = (size_t)outcome;
    return index < ARRAY_COUNT(names) ? names[index] : "unknown";
}

void service_graph_deinit(struct service_graph *graph)
{
    free(graph->nodes);
    free(graph->edges);
    *graph = (struct service_graph){0};
}

/* ---- what is seen of one service ---- */

struct look {
    enum service_state state;
    const struct service *service; /* NULL unless the observation has it */
    struct process_id process;     /* created 0 when only the pid is known */
    reading cpu_ms, io_count;
};

static bool is_running(enum service_state state)
{
    return state == SERVICE_STATE_RUNNING || state == SERVICE_STATE_PAUSED;
}

static bool is_down(enum service_state state)
{
    return state == SERVICE_STATE_STOPPED || state == SERVICE_STATE_ABSENT;
}

static bool is_pending(enum service_state state)
{
    return state == SERVICE_STATE_START_PENDING || state == SERVICE_STATE_STOP_PENDING ||
           state == SERVICE_STATE_CONTINUE_PENDING || state == SERVICE_STATE_PAUSE_PENDING;
}

static struct look look_at(const struct observation *observation, const char *name)
{
    struct look look = {
        .state = SERVICE_STATE_UNKNOWN, .cpu_ms = READING_UNKNOWN, .io_count = READING_UNKNOWN};
    if (!observation->services_known) {
        return look;
    }
    look.service = observation_service(observation, name);
    if (look.service == NULL) {
        /* Not in a complete list: it is gone. A list that was cut says nothing. */
        look.state = observation->services_cut ? SERVICE_STATE_UNKNOWN : SERVICE_STATE_ABSENT;
        return look;
    }
    look.state = look.service->state;
    look.process.pid = look.service->pid;
    if (look.service->pid != 0) {
        const struct process *process = observation_process(observation, look.service->pid);
        if (process != NULL) {
            look.process = process->id;
            look.cpu_ms = process->cpu_ms;
            look.io_count = process->io_count;
        }
    }
    return look;
}

/* Are these two surely different processes? A pid that is unknown proves nothing, a creation time neither. */
static bool surely_differ(struct process_id a, struct process_id b)
{
    if (a.pid == 0 || b.pid == 0) {
        return false;
    }
    return a.pid != b.pid ||
           (a.created_100ns != 0 && b.created_100ns != 0 && a.created_100ns != b.created_100ns);
}

/* ---- the plan ---- */

/* The nodes of a plan, while it is made. */
struct members {
    size_t count;
    uint16_t nodes[RESTART_SERVICES_MAX];
};

static size_t members_find(const struct members *members, size_t node)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->nodes[i] == node) {
            return i;
        }
    }
    return SIZE_MAX;
}

static size_t graph_find(const struct service_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        if (text_equal_nocase(graph->nodes[i].name, name)) {
            return i;
        }
    }
    return SIZE_MAX;
}

static enum service_state node_state(const struct service_graph *graph, size_t node,
                                     const struct observation *observation)
{
    const struct look look = look_at(observation, graph->nodes[node].name);
    return look.state != SERVICE_STATE_UNKNOWN ? look.state : graph->nodes[node].state;
}

/* When the plan is made the graph was just read: it helps out where the look does not know, and what nobody
 * knows must be assumed to be active. Later it is old, and only what is seen counts. */
static bool counts_as_active(const struct service_graph *graph, size_t node,
                             const struct observation *observation, bool graph_is_fresh)
{
    if (graph_is_fresh) {
        return !is_down(node_state(graph, node, observation));
    }
    const enum service_state seen = look_at(observation, graph->nodes[node].name).state;
    return is_running(seen) || is_pending(seen);
}

/* Adds to the members every active service that needs an active member. The members that were there stay. */
static enum status members_close(const struct service_graph *graph, const struct observation *observation,
                                 bool graph_is_fresh, struct members *members, struct err *err)
{
    for (size_t i = 0; i < members->count; i++) { /* grows while we walk */
        const size_t needed = members->nodes[i];
        if (!counts_as_active(graph, needed, observation, graph_is_fresh)) {
            continue; /* what needs it has lost it already; see restart_plan_make */
        }
        for (size_t e = 0; e < graph->edge_count; e++) {
            const size_t from = graph->edges[e].from;
            if (graph->edges[e].to != needed || members_find(members, from) != SIZE_MAX ||
                !counts_as_active(graph, from, observation, graph_is_fresh)) {
                continue;
            }
            if (members->count == RESTART_SERVICES_MAX) {
                return err_set(err, STATUS_FULL, "plan", 0,
                               "%s: more than %d services would have to be stopped",
                               graph->nodes[needed].name, RESTART_SERVICES_MAX);
            }
            members->nodes[members->count++] = (uint16_t)from;
        }
    }
    return STATUS_OK;
}

/* ASCII order without case; no two services have names that are equal so. */
static bool name_before(const char *a, const char *b)
{
    for (;; a++, b++) {
        const int x = *a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : (unsigned char)*a;
        const int y = *b >= 'A' && *b <= 'Z' ? *b - 'A' + 'a' : (unsigned char)*b;
        if (x != y || x == 0) {
            return x < y;
        }
    }
}

/* Who of `members` needs `node`: the first by name, or SIZE_MAX. */
static size_t first_dependent(const struct service_graph *graph, const struct members *members, size_t node)
{
    size_t found = SIZE_MAX;
    for (size_t e = 0; e < graph->edge_count; e++) {
        const size_t from = graph->edges[e].from;
        if (graph->edges[e].to == node && members_find(members, from) != SIZE_MAX &&
            (found == SIZE_MAX || name_before(graph->nodes[from].name, graph->nodes[found].name))) {
            found = from;
        }
    }
    return found;
}

/* All of `rest` have a dependent in `rest`: follows them until one comes twice and names that circle. */
static enum status cycle_error(const struct service_graph *graph, const struct members *rest, struct err *err)
{
    size_t start = rest->nodes[0];
    for (size_t i = 1; i < rest->count; i++) {
        if (name_before(graph->nodes[rest->nodes[i]].name, graph->nodes[start].name)) {
            start = rest->nodes[i];
        }
    }
    struct members path = {0};
    size_t node = start;
    while (members_find(&path, node) == SIZE_MAX) {
        path.nodes[path.count++] = (uint16_t)node;
        node = first_dependent(graph, rest, node);
    }
    /* path[i + 1] needs path[i]; the circle begins where `node` stands. Told in the direction of "needs". */
    char storage[ERR_TEXT_MAX];
    struct text text = text_on(storage, sizeof(storage));
    text_add(&text, "circular dependency: %s", graph->nodes[node].name);
    const size_t begin = members_find(&path, node);
    for (size_t i = path.count; i-- > begin;) {
        text_add(&text, " needs %s%s", graph->nodes[path.nodes[i]].name, i > begin ? ", which" : "");
    }
    return err_set(err, STATUS_INVALID, "plan", 0, "%s", storage);
}

/* Sorts the members into stop order: again and again the first by name that nobody left needs. */
static enum status members_order(const struct service_graph *graph, struct members *members, struct err *err)
{
    struct members rest = *members;
    struct members order = {0};
    while (rest.count > 0) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < rest.count; i++) {
            if (first_dependent(graph, &rest, rest.nodes[i]) == SIZE_MAX &&
                (next == SIZE_MAX ||
                 name_before(graph->nodes[rest.nodes[i]].name, graph->nodes[rest.nodes[next]].name))) {
                next = i;
            }
        }
        if (next == SIZE_MAX) {
            return cycle_error(graph, &rest, err);
        }
        order.nodes[order.count++] = rest.nodes[next];
        rest.nodes[next] = rest.nodes[--rest.count];
    }
    *members = order;
    return STATUS_OK;
}

/* Can this service be stopped now, and started again afterwards? */
static enum status check_service(const struct service_graph *graph, size_t node,
                                 const struct observation *observation, struct err *err)
{
    const char *name = graph->nodes[node].name;
    const enum service_state state = node_state(graph, node, observation);
    if (!is_running(state)) {
        return err_set(err, STATUS_BUSY, "plan", 0,
                       "%s: its state is \"%s\", not running or paused; try again later", name,
                       service_state_text(state));
    }
    if (graph->nodes[node].start_type == START_DISABLED) {
        return err_set(err, STATUS_REFUSED, "plan", CODE_DISABLED,
                       "%s: it runs but is disabled, so it could not be started again", name);
    }
    const struct look look = look_at(observation, name);
    if (is_running(look.state) && !look.service->accepts_stop) {
        return err_set(err, STATUS_REFUSED, "plan", CODE_INVALID_CONTROL,
                       "%s: it takes no stop control, so it cannot be restarted", name);
    }
    return STATUS_OK;
}

enum status restart_plan_make(const struct service_graph *graph, const struct observation *observation,
                              const char *target, struct restart_plan *out_plan, struct err *err)
{
    const size_t root = graph_find(graph, target);
    if (root == SIZE_MAX) {
        return err_set(err, STATUS_NOT_FOUND, "plan", CODE_NOT_INSTALLED, "%s: no such service", target);
    }
    const enum service_state state = node_state(graph, root, observation);
    if (state == SERVICE_STATE_ABSENT) {
        return err_set(err, STATUS_NOT_FOUND, "plan", CODE_NOT_INSTALLED, "%s: no such service any more",
                       target);
    }
    if (state == SERVICE_STATE_STOPPED) {
        return err_set(err, STATUS_REFUSED, "plan", CODE_NOT_ACTIVE,
                       "%s: it does not run, so there is nothing to restart", target);
    }
    struct members members = {.count = 1, .nodes = {(uint16_t)root}};
    enum status status = members_close(graph, observation, true, &members, err);
    for (size_t i = 0; status == STATUS_OK && i < members.count; i++) {
        status = check_service(graph, members.nodes[i], observation, err);
    }
    if (status == STATUS_OK) {
        status = members_order(graph, &members, err);
    }
    if (status != STATUS_OK) {
        return status;
    }
    *out_plan = (struct restart_plan){.count = members.count};
    for (size_t i = 0; i < members.count; i++) {
        struct restart_service *service = &out_plan->services[i];
        memcpy(service->name, graph->nodes[members.nodes[i]].name, sizeof(service->name));
        service->is_target = members.nodes[i] == root;
        service->process = look_at(observation, service->name).process;
    }
    return STATUS_OK;
}

/* ---- whose process may be ended ---- */

static bool is_registered_client(const struct config *config, const char *service)
{
    for (size_t i = 0; i < config->client_count; i++) {
        if (config->clients[i].service[0] != '\0' && text_equal_nocase(config->clients[i].service, service)) {
            return true;
        }
    }
    return false;
}

/* Is the process, or one that it descends from, that of the Information Store's service? */
static bool belongs_to_store(const struct config *config, const struct observation *observation, uint32_t pid)
{
    const struct service *store = observation_service(observation, config->store_service);
    for (size_t depth = 0; store != NULL && store->pid != 0 && depth < observation->process_count; depth++) {
        const struct process *process = observation_process(observation, pid);
        if (pid == store->pid) {
            return true;
        }
        if (process == NULL || process->parent_pid == pid) {
            return false;
        }
        pid = process->parent_pid;
    }
    return false;
}

/* NULL when nothing about the service and its process forbids it; else what does. */
static const char *termination_forbidden(const struct config *config, const struct observation *observation,
                                         const struct restart_service *planned)
{
    const struct service *service = observation_service(observation, planned->name);
    const struct process *process = observation_process(observation, planned->process.pid);
    if (text_equal_nocase(planned->name, config->store_service)) {
        return "the Information Store is never terminated";
    }
    if (!is_registered_client(config, planned->name)) {
        return "it is not a registered client";
    }
    if (config->on_hang != HANG_TERMINATE_CLIENT) {
        return "actions.on_hang is \"wait\"";
    }
    if (planned->process.pid == 0 || planned->process.created_100ns == 0) {
        return "the plan could not name its process";
    }
    if (!observation->services_known || !observation->processes_known || observation->services_cut ||
        observation->processes_cut || service == NULL || process == NULL) {
        return "its process cannot be seen";
    }
    if (service->pid != planned->process.pid || !process_id_equal(process->id, planned->process)) {
        return "its process is not the one of the plan";
    }
    if (observation_service_of(observation, service->pid) != service) {
        return "its process hosts other services too";
    }
    if (belongs_to_store(config, observation, service->pid)) {
        return "its process belongs to the Information Store";
    }
    return NULL;
}

bool restart_may_terminate(const struct config *config, const struct observation *observation,
                           const struct restart_service *service, char *out_why, size_t why_capacity)
{
    const char *forbidden = termination_forbidden(config, observation, service);
    text_copy(out_why, why_capacity, forbidden != NULL ? forbidden : "");
    return forbidden == NULL;
}

void restart_add_hang_words(struct text *text, const struct config *config,
                            const struct observation *observation, const struct restart_service *service)
{
    char why[96];
    text_add(text, "if %s hangs: ", service->name);
    if (!restart_may_terminate(config, observation, service, why, sizeof(why))) {
        text_add(text, "waits (%s)", why);
        return;
    }
    text_add(text, "its process %" PRIu32 " is terminated after ", service->process.pid);
    text_add_duration(text, config->stop_timeout_ms);
}

/* ---- the machine: small parts ---- */

/* What one step works with. */
struct step {
    const struct observation *observation;
    const struct service_graph *graph; /* may be NULL */
    int64_t mono_ms, utc_ms;
    unsigned news;
    struct restart_request *request; /* filled at most once a step */
    bool spoken;                     /* waiting_for is written: the first reason found is the one shown */
};

static struct restart_service *target_of(struct restart *restart)
{
    return &restart->journal.plan.services[restart->journal.plan.count - 1];
}

static void say(struct restart *restart, struct step *step, const char *format, ...) PRINTF_LIKE(3, 4);
static void say(struct restart *restart, struct step *step, const char *format, ...)
{
    if (step->spoken) {
        return;
    }
    step->spoken = true;
    struct text text = text_on(restart->waiting_for, sizeof(restart->waiting_for));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

static void note(struct restart_service *service, const char *format, ...) PRINTF_LIKE(2, 3);
static void note(struct restart_service *service, const char *format, ...)
{
    struct text text = text_on(service->note, sizeof(service->note));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

/* How a service of the plan stands. When its stop was asked for, the SCM may take a while to notice that a
 * process has ended: once the one that the plan named is missing in a complete list, its service is down. */
static struct look look_at_planned(const struct observation *observation,
                                   const struct restart_service *service)
{
    struct look look = look_at(observation, service->name);
    const bool ours = look.service != NULL && look.service->pid != 0 &&
                      look.service->pid == service->process.pid && service->stop != STEP_WAITING;
    if (ours && (is_running(look.state) || look.state == SERVICE_STATE_STOP_PENDING) &&
        observation->processes_known && !observation->processes_cut &&
        observation_process(observation, look.service->pid) == NULL) {
        look.state = SERVICE_STATE_STOPPED;
    }
    return look;
}

/* Remembers what was seen of the service and since when nothing of it has moved. */
static void follow(struct restart_watch *watch, const struct look *look, int64_t mono_ms)
{
    if (look->state == SERVICE_STATE_UNKNOWN) {
        return;
    }
    const uint32_t checkpoint = look->service != NULL ? look->service->checkpoint : 0;
    const struct {
        bool moved;
        enum restart_sign sign;
    } signs[] = {{watch->seen_state != look->state, SIGN_STATE},
                 {watch->seen_checkpoint != checkpoint, SIGN_CHECKPOINT},
                 {reading_known(look->cpu_ms) && look->cpu_ms != watch->seen_cpu_ms, SIGN_CPU},
                 {reading_known(look->io_count) && look->io_count != watch->seen_io_count, SIGN_IO}};
    for (size_t i = 0; i < ARRAY_COUNT(signs); i++) {
        if (signs[i].moved) {
            watch->progress_mono_ms = mono_ms;
            watch->moved = signs[i].sign;
            break;
        }
    }
    watch->seen_state = look->state;
    watch->seen_checkpoint = checkpoint;
    /* The last *known* values: a reading that fails and comes back is no progress. */
    if (reading_known(look->cpu_ms)) {
        watch->seen_cpu_ms = look->cpu_ms;
    }
    if (reading_known(look->io_count)) {
        watch->seen_io_count = look->io_count;
    }
}

/* How long the present wait for this service has lasted; the first call begins it. */
static int64_t waited_ms(struct restart_watch *watch, int64_t mono_ms)
{
    if (!watch->timed) {
        watch->timed = true;
        watch->since_mono_ms = mono_ms;
    }
    return mono_ms - watch->since_mono_ms;
}

/* What is done when the service that is waited for hangs. */
static void say_if_hangs(struct restart *restart, const struct step *step, size_t index)
{
    const struct restart_service *service = &restart->journal.plan.services[index];
    char why[96];
    if (restart->config == NULL) {
        return;
    }
    struct text text = text_on(restart->if_hangs, sizeof(restart->if_hangs));
    if (restart->watches[index].terminated) {
        text_add(&text, "if %s hangs: waits (its process was to be terminated; that is tried once)",
                 service->name);
    } else if (restart->terminate_held[0] != '\0' &&
               restart_may_terminate(restart->config, step->observation, service, why, sizeof(why))) {
        text_add(&text, "if %s hangs: waits (%s)", service->name, restart->terminate_held);
    } else {
        restart_add_hang_words(&text, restart->config, step->observation, service);
    }
}

/* For how long a pending service may show no sign of life before it is called hung. */
static int64_t quiet_allowed_ms(const struct look *look, int64_t timeout_ms)
{
    int64_t quiet_ms = timeout_ms / 4 < QUIET_MS ? timeout_ms / 4 : QUIET_MS;
    if (look->service != NULL && look->service->wait_hint_ms > quiet_ms) {
        quiet_ms = look->service->wait_hint_ms;
    }
    return quiet_ms;
}

/* "MSExchangeIS: stop pending, checkpoint 7, wait hint 30 s, CPU time moved 12 s ago, 18 min left" */
static void say_pending(struct restart *restart, struct step *step, size_t index, const struct look *look,
                        int64_t timeout_ms)
{
    static const char *const signs[] = {"", "checkpoint ", "CPU time ", "I/O "};
    struct restart_watch *watch = &restart->watches[index];
    const int64_t still_ms = step->mono_ms - watch->progress_mono_ms;
    const bool still = still_ms > quiet_allowed_ms(look, timeout_ms);
    char storage[192];
    struct text text = text_on(storage, sizeof(storage));
    if (look->service != NULL && look->service->checkpoint != 0) {
        text_add(&text, ", checkpoint %" PRIu32, look->service->checkpoint);
    }
    if (look->service != NULL && look->service->wait_hint_ms != 0) {
        text_add(&text, ", wait hint ");
        text_add_duration(&text, look->service->wait_hint_ms);
    }
    text_add(&text, still ? ", hung? no sign of progress for " : ", %smoved ", signs[watch->moved]);
    text_add_duration(&text, still_ms);
    text_add(&text, still ? "" : " ago");
    const int64_t left_ms = timeout_ms - waited_ms(watch, step->mono_ms);
    if (left_ms > 0) {
        text_add(&text, ", ");
        text_add_duration(&text, left_ms);
        text_add(&text, " left");
    } else {
        text_add(&text, ", longer than allowed");
    }
    if (!step->spoken && look->state == SERVICE_STATE_STOP_PENDING) {
        say_if_hangs(restart, step, index);
    }
    say(restart, step, "%s: %s%s", restart->journal.plan.services[index].name,
        service_state_text(look->state), storage);
}

static const char *request_words(enum restart_request_kind kind)
{
    return kind == REQUEST_START ? "start" : kind == REQUEST_STOP ? "stop" : "end with its process";
}

static void say_asked(struct restart *restart, struct step *step)
{
    if (restart->held) {
        say(restart, step, "no answer from the service manager yet to a question about its services");
        return;
    }
    char storage[40];
    struct text text = text_on(storage, sizeof(storage));
    text_add_duration(&text, step->mono_ms - restart->asked_mono_ms);
    say(restart, step, "%s: asked to %s %s ago, no answer from the service manager yet",
        restart->request.service, request_words(restart->request.kind), storage);
}

static void ask(struct restart *restart, struct step *step, enum restart_request_kind kind, size_t index)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    enum restart_step_state *state = kind == REQUEST_START ? &service->start : &service->stop;
    if (*state != STEP_ASKED) {
        *state = STEP_ASKED;
        step->news |= RESTART_NEWS_STEP;
    }
    watch->accepted = false;
    (void)waited_ms(watch, step->mono_ms);
    *step->request = (struct restart_request){.kind = kind};
    if (kind == REQUEST_TERMINATE) {
        step->request->process = service->process;
    }
    memcpy(step->request->service, service->name, sizeof(service->name));
    restart->request = *step->request;
    restart->asked = true;
    restart->asked_mono_ms = step->mono_ms;
    say(restart, step, "%s: asked to %s", service->name, request_words(kind));
}

static bool is_out(const struct restart *restart, const struct restart_service *service)
{
    return restart->asked && text_equal_nocase(restart->request.service, service->name);
}

/* The back-off to wait after this request; doubles with each. */
static int64_t next_backoff(struct restart_watch *watch, int64_t last_ms)
{
    const int64_t backoff_ms = watch->backoff_ms != 0 ? watch->backoff_ms : RESTART_BACKOFF_FIRST_MS;
    watch->backoff_ms = 2 * backoff_ms < last_ms ? 2 * backoff_ms : last_ms;
    return backoff_ms;
}

static void tell_down(struct restart *restart, const struct restart_service *service, unsigned *news)
{
    if (!restart->journal.told_down) {
        restart->journal.told_down = true;
        memcpy(restart->down_service, service->name, sizeof(service->name));
        *news |= RESTART_NEWS_DOWN | RESTART_NEWS_STEP;
    }
}

static void give_up(struct restart *restart, size_t index, unsigned *news)
{
    restart->journal.plan.services[index].start = STEP_GIVEN_UP;
    *news |= RESTART_NEWS_GAVE_UP | RESTART_NEWS_STEP;
}

/* A clean stop that was not ours: a person's, once it has lasted. Called at each look while it lasts. */
static bool stays_stopped(struct restart_watch *watch, int64_t mono_ms)
{
    if (!watch->settling) {
        watch->settling = true;
        watch->stopped_mono_ms = mono_ms;
    }
    return mono_ms - watch->stopped_mono_ms >= RESTART_SETTLE_MS;
}

static unsigned finish(struct restart *restart, int64_t utc_ms)
{
    struct restart_journal *journal = &restart->journal;
    bool handed_over = false;
    for (size_t i = 0; i < journal->plan.count; i++) {
        handed_over |= journal->plan.services[i].start == STEP_GIVEN_UP;
    }
    if (handed_over) {
        journal->outcome = RESTART_HANDED_OVER;
    } else if (journal->stop_failed && target_of(restart)->stop != STEP_REACHED) {
        journal->outcome = RESTART_RESTORED;
    } else {
        journal->outcome = RESTART_SUCCEEDED;
    }
    journal->phase = RESTART_ENDED;
    journal->ended_utc_ms = utc_ms;
    restart->waiting_for[0] = '\0';
    unsigned news = RESTART_NEWS_STEP | RESTART_NEWS_ENDED;
    if (journal->told_down && !handed_over) {
        news |= RESTART_NEWS_UP_AGAIN;
    }
    return news;
}

static void enter_starting(struct restart *restart)
{
    restart->journal.phase = RESTART_STARTING;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        const struct restart_watch seen = restart->watches[i];
        restart->watches[i] = (struct restart_watch){.hanging = seen.hanging,
                                                     .hung_mono_ms = seen.hung_mono_ms,
                                                     .terminated = seen.terminated,
                                                     .progress_mono_ms = seen.progress_mono_ms,
                                                     .moved = seen.moved,
                                                     .seen_state = seen.seen_state,
                                                     .seen_checkpoint = seen.seen_checkpoint,
                                                     .seen_cpu_ms = seen.seen_cpu_ms,
                                                     .seen_io_count = seen.seen_io_count};
    }
}

bool restart_untouched(const struct restart *restart)
{
    if (restart->journal.phase != RESTART_STOPPING) {
        return false;
    }
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        const struct restart_service *service = &restart->journal.plan.services[i];
        if (service->stop != STEP_WAITING || service->start != STEP_WAITING) {
            return false;
        }
    }
    return true;
}

bool restart_nothing_stopped(const struct restart *restart)
{
    if (restart->journal.phase != RESTART_STOPPING || restart->asked) {
        return false;
    }
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        if (restart->journal.plan.services[i].stop == STEP_REACHED || restart->watches[i].accepted) {
            return false;
        }
    }
    return true;
}

/* The stop does not work out: start again what was stopped. Where nothing was, that was all. */
static unsigned turn_back(struct restart *restart, int64_t utc_ms)
{
    const bool untouched = restart_untouched(restart);
    restart->journal.stop_failed = true;
    if (untouched) {
        return finish(restart, utc_ms);
    }
    enter_starting(restart);
    return RESTART_NEWS_STEP;
}

/* ---- stopping ---- */

/* Finds active services that need one of the plan and are not in it: somebody started them meanwhile. They
 * are put into the plan, in order. False when the plan cannot be made to work (the target's note says why).
 */
static bool extend_plan(struct restart *restart, struct step *step)
{
    struct restart_plan *plan = &restart->journal.plan;
    struct members members = {0};
    size_t missing = 0; /* of the plan, and not in the graph any more: deleted */
    for (size_t i = 0; i < plan->count; i++) {
        const size_t node = graph_find(step->graph, plan->services[i].name);
        if (node == SIZE_MAX) {
            missing++;
        } else {
            members.nodes[members.count++] = (uint16_t)node;
        }
    }
    const size_t known = members.count;
    struct err err = {0};
    enum status status = members_close(step->graph, step->observation, false, &members, &err);
    if (status == STATUS_OK && members.count == known) {
        return true;
    }
    if (status == STATUS_OK && members.count + missing > RESTART_SERVICES_MAX) {
        status = err_set(&err, STATUS_FULL, "plan", 0, "more than %d services would have to be stopped",
                         RESTART_SERVICES_MAX);
    }
    for (size_t i = known; status == STATUS_OK && i < members.count; i++) {
        const struct service_node *node = &step->graph->nodes[members.nodes[i]];
        if (node->start_type == START_DISABLED) {
            status = err_set(&err, STATUS_REFUSED, "plan", CODE_DISABLED,
                             "%s was started meanwhile and is disabled, it could not be started again",
                             node->name);
        }
    }
    if (status == STATUS_OK) {
        status = members_order(step->graph, &members, &err);
    }
    if (status == STATUS_OK && !text_equal_nocase(step->graph->nodes[members.nodes[members.count - 1]].name,
                                                  target_of(restart)->name)) {
        status = err_set(&err, STATUS_REFUSED, "plan", 0,
                         "the dependencies of its services were changed meanwhile");
    }
    step->news |= RESTART_NEWS_STEP;
    if (status != STATUS_OK) {
        note(target_of(restart), "%s", err.text);
        return false;
    }
    /* Those deleted stay in front, in their old order; then the new order, old entries with what is known of
     * them. */
    const struct restart_plan old = *plan;
    struct restart_watch old_watches[RESTART_SERVICES_MAX];
    memcpy(old_watches, restart->watches, sizeof(old_watches));
    plan->count = 0;
    for (size_t i = 0; i < old.count; i++) {
        if (graph_find(step->graph, old.services[i].name) == SIZE_MAX) {
            restart->watches[plan->count] = old_watches[i];
            plan->services[plan->count++] = old.services[i];
        }
    }
    for (size_t m = 0; m < members.count; m++) {
        const char *name = step->graph->nodes[members.nodes[m]].name;
        size_t from = 0;
        while (from < old.count && !text_equal_nocase(old.services[from].name, name)) {
            from++;
        }
        if (from < old.count) {
            restart->watches[plan->count] = old_watches[from];
            plan->services[plan->count++] = old.services[from];
            continue;
        }
        struct restart_service *service = &plan->services[plan->count];
        *service = (struct restart_service){.process = look_at(step->observation, name).process};
        memcpy(service->name, step->graph->nodes[members.nodes[m]].name, sizeof(service->name));
        note(service, "somebody started it meanwhile: it is stopped and started again too");
        restart->watches[plan->count] = (struct restart_watch){0};
        plan->count++;
    }
    return true;
}

/* Just before the first stop: is everything still as it was when the plan was made? Says what is not. */
static bool ready_to_begin(struct restart *restart, struct step *step)
{
    const struct restart_plan *plan = &restart->journal.plan;
    for (size_t i = 0; i < plan->count; i++) {
        const struct look look = look_at(step->observation, plan->services[i].name);
        if (look.state == SERVICE_STATE_UNKNOWN || is_pending(look.state)) {
            say(restart, step, "%s: %s, not caused by storewatch; nothing is stopped before that is over",
                plan->services[i].name, service_state_text(look.state));
            return false;
        }
        if (is_running(look.state) && !look.service->accepts_stop) {
            say(restart, step, "%s: takes no stop control now; nothing is stopped before it does",
                plan->services[i].name);
            return false;
        }
    }
    return true;
}

/* Is a service of the plan that runs disabled? It could not be started again. */
static bool disabled_meanwhile(struct restart *restart, struct step *step)
{
    struct restart_plan *plan = &restart->journal.plan;
    for (size_t i = 0; i < plan->count; i++) {
        const size_t node = graph_find(step->graph, plan->services[i].name);
        if (node != SIZE_MAX && step->graph->nodes[node].start_type == START_DISABLED &&
            is_running(look_at(step->observation, plan->services[i].name).state)) {
            note(&plan->services[i], "disabled meanwhile: not stopped, it could not be started again");
            step->news |= RESTART_NEWS_STEP;
            return true;
        }
    }
    return false;
}

/* Since when a stop of ours has been pending: counted from the first sight of it in this life of storewatch.
 */
static void follow_hang(struct restart *restart, const struct step *step, size_t index,
                        const struct look *look)
{
    struct restart_watch *watch = &restart->watches[index];
    const bool hanging =
        look->state == SERVICE_STATE_STOP_PENDING && restart->journal.plan.services[index].stop == STEP_ASKED;
    if (hanging && !watch->hanging) {
        watch->hung_mono_ms = step->mono_ms;
    }
    if (look->state != SERVICE_STATE_UNKNOWN) {
        watch->hanging = hanging;
    }
}

/* Has a stop of ours been pending for longer than allowed, with everything of it standing still, and may its
 * process be ended? Then that is asked for. NEARLY: only the time is not up yet. */
enum hung { HUNG_WAIT, HUNG_NEARLY, HUNG_ASKED };
static enum hung end_hung(struct restart *restart, struct step *step, size_t index, const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const int64_t hung_ms = step->mono_ms - watch->hung_mono_ms;
    /* What cannot be read may be moving. */
    const bool still =
        reading_known(look->cpu_ms) && reading_known(look->io_count) &&
        step->mono_ms - watch->progress_mono_ms > quiet_allowed_ms(look, restart->stop_timeout_ms);
    char why[96];
    if (!watch->hanging || look->state != SERVICE_STATE_STOP_PENDING || watch->terminated || restart->asked ||
        !still || restart->config == NULL || restart->terminate_held[0] != '\0' ||
        !restart_may_terminate(restart->config, step->observation, service, why, sizeof(why))) {
        return HUNG_WAIT;
    }
    if (hung_ms < restart->stop_timeout_ms || restart->held) {
        return HUNG_NEARLY;
    }
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "did not stop for ");
    text_add_duration(&text, hung_ms);
    text_add(&text, ", no sign of progress: its process %" PRIu32 " is terminated", service->process.pid);
    watch->terminated = true;
    step->news |= RESTART_NEWS_STEP | RESTART_NEWS_TERMINATE;
    ask(restart, step, REQUEST_TERMINATE, index);
    return HUNG_ASKED;
}

/* The first service in stop order that is not down; notes which are. plan.count when all are. */
static size_t first_not_down(struct restart *restart, struct step *step, bool *out_insisted)
{
    struct restart_plan *plan = &restart->journal.plan;
    size_t first = plan->count;
    for (size_t i = 0; i < plan->count; i++) {
        struct restart_service *service = &plan->services[i];
        struct restart_watch *watch = &restart->watches[i];
        const struct look look = look_at_planned(step->observation, service);
        follow(watch, &look, step->mono_ms);
        follow_hang(restart, step, i, &look);
        if (is_down(look.state)) {
            /* One that we never asked stays "waiting": it is down, but not by us. One whose request is out
             * stays "asked": it may have died by itself, and the stop may hit what is started after it. */
            if (service->stop == STEP_ASKED && !is_out(restart, service)) {
                service->stop = STEP_REACHED;
                service->start = STEP_WAITING;
                step->news |= RESTART_NEWS_STEP;
            }
            continue;
        }
        /* Gone and back between two looks: a failure action of the SCM, mostly. */
        const bool back_unseen = service->stop == STEP_ASKED && !is_out(restart, service) &&
                                 is_running(look.state) && surely_differ(service->process, look.process) &&
                                 !service->is_target;
        if ((service->stop == STEP_REACHED && look.state != SERVICE_STATE_UNKNOWN) || back_unseen) {
            service->stop = STEP_WAITING;
            service->start = STEP_REACHED; /* by somebody else; and it keeps in mind that we had stopped it */
            note(service, "somebody started it again after it was stopped");
            *watch =
                (struct restart_watch){.rounds = watch->rounds + 1,
                                       .retry_mono_ms = back_unseen ? step->mono_ms + RESTART_BACKOFF_FIRST_MS
                                                                    : watch->retry_mono_ms,
                                       .terminated = watch->terminated,
                                       .seen_state = look.state,
                                       .progress_mono_ms = step->mono_ms};
            step->news |= RESTART_NEWS_STEP;
            *out_insisted |= watch->rounds >= RESTART_STOP_ROUNDS_MAX;
        }
        watch->settling = false;
        if (first == plan->count) {
            first = i;
        }
    }
    return first;
}

static void stopping_step(struct restart *restart, struct step *step)
{
    struct restart_plan *plan = &restart->journal.plan;
    const struct look target_look = look_at_planned(step->observation, target_of(restart));
    if (target_look.state == SERVICE_STATE_ABSENT) {
        restart->journal.stop_failed = true; /* nothing to restart: bring the others back and say so */
        enter_starting(restart);
        step->news |= RESTART_NEWS_STEP;
        return;
    }
    if (!is_down(target_look.state) && surely_differ(target_of(restart)->process, target_look.process)) {
        /* A reboot, a crash with recovery or a person did the job: never stop the new process. */
        if (!is_out(restart, target_of(restart))) {
            target_of(restart)->stop = STEP_REACHED;
        }
        enter_starting(restart);
        step->news |= RESTART_NEWS_STEP;
        return;
    }
    bool insisted = false;
    size_t current = first_not_down(restart, step, &insisted);
    if (target_look.state == SERVICE_STATE_STOPPED) {
        struct restart_watch *watch = &restart->watches[plan->count - 1];
        if (restart_untouched(restart) && target_look.service->win32_exit_code == 0) {
            if (stays_stopped(watch, step->mono_ms)) {
                note(target_of(restart), "stopped cleanly before storewatch did anything: left stopped");
                give_up(restart, plan->count - 1, &step->news);
                step->news |= finish(restart, step->utc_ms);
            } else {
                say(restart, step, "%s: stopped, not by storewatch; is a person at work?",
                    target_of(restart)->name);
            }
            return;
        }
        enter_starting(restart); /* it must come back, and nothing more need go down for it */
        step->news |= RESTART_NEWS_STEP;
        return;
    }
    if (insisted || restart->stop_denied) {
        step->news |= turn_back(restart, step->utc_ms);
        return;
    }
    struct look look = look_at_planned(step->observation, &plan->services[current]);
    if (waited_ms(&restart->watches[current], step->mono_ms) >= restart->stop_timeout_ms) {
        struct restart_service *service = &plan->services[current];
        const enum hung hung = end_hung(restart, step, current, &look);
        if (hung != HUNG_WAIT) {
            say_pending(restart, step, current, &look, restart->stop_timeout_ms);
            return;
        }
        if (restart->asked && restart->request.kind == REQUEST_TERMINATE) {
            say_asked(restart, step);
            return;
        }
        const struct restart_watch *watch = &restart->watches[current];
        if (watch->ended && step->mono_ms - watch->ended_mono_ms < SCM_NOTICES_MS) {
            say(restart, step, "%s: %s; the service manager has not noticed yet", service->name,
                service->note);
            return;
        }
        if (!watch->terminated) { /* else the note says what came of that */
            struct text text = text_on(service->note, sizeof(service->note));
            text_add(&text, "%s after ",
                     service->stop == STEP_WAITING ? "could not be asked to stop" : "did not stop");
            text_add_duration(&text, restart->stop_timeout_ms);
            text_add(&text, ", state \"%s\"", service_state_text(look.state));
        }
        if (look.state == SERVICE_STATE_STOP_PENDING) {
            tell_down(restart, service, &step->news); /* it serves nobody, and nothing of ours can end that */
        }
        step->news |= RESTART_NEWS_STEP | turn_back(restart, step->utc_ms);
        return;
    }
    if (look.state == SERVICE_STATE_UNKNOWN) {
        say(restart, step, "%s: its state could not be read", plan->services[current].name);
        return;
    }
    if (is_pending(look.state)) {
        say_pending(restart, step, current, &look, restart->stop_timeout_ms);
        return;
    }
    if (restart->asked || restart->held) {
        say_asked(restart, step);
        return;
    }
    if (step->mono_ms < restart->watches[current].retry_mono_ms) {
        if (restart->watches[current].accepted) {
            say_pending(restart, step, current, &look, restart->stop_timeout_ms);
        } else {
            say(restart, step, "%s: %s; asked again soon", plan->services[current].name,
                plan->services[current].note);
        }
        return;
    }
    if (step->graph != NULL) {
        if (disabled_meanwhile(restart, step) || !extend_plan(restart, step)) {
            step->news |= turn_back(restart, step->utc_ms);
            return;
        }
        current = first_not_down(restart, step, &insisted);
        look = look_at_planned(step->observation, &plan->services[current]);
    }
    if (restart_nothing_stopped(restart) && !ready_to_begin(restart, step)) {
        return;
    }
    if (!is_running(look.state)) { /* one that somebody is just starting */
        (void)waited_ms(&restart->watches[current], step->mono_ms);
        say_pending(restart, step, current, &look, restart->stop_timeout_ms);
        return;
    }
    if (step->mono_ms >= restart->watches[current].retry_mono_ms) {
        ask(restart, step, REQUEST_STOP, current);
    }
}

/* ---- starting and verifying ---- */

/* A start that did not lead to a running service, for whatever reason (noted before). */
static void start_failed(struct restart *restart, size_t index, unsigned *news)
{
    struct restart_watch *watch = &restart->watches[index];
    watch->attempts++;
    *news |= RESTART_NEWS_STEP;
    if (watch->attempts >= RESTART_ATTEMPTS_QUIET) {
        tell_down(restart, &restart->journal.plan.services[index], news);
    }
}

static void note_exit(struct restart_service *service, const char *what, const struct service *seen)
{
    if (seen->service_exit_code != 0) {
        note(service, "%s, exit code %" PRIu32 " (its own: %" PRIu32 ")", what, seen->win32_exit_code,
             seen->service_exit_code);
    } else {
        note(service, "%s, exit code %" PRIu32, what, seen->win32_exit_code);
    }
}

/* It is stopped, and should run. Finds out why; leaves start == STEP_WAITING when it is to be started
 * (again). */
static void see_stopped(struct restart *restart, struct step *step, size_t index, const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const bool clean = look->service->win32_exit_code == 0;
    if (!clean) {
        watch->settling = false; /* it ran again, unseen, and died */
    }
    if (service->stop == STEP_ASKED && !is_out(restart, service)) {
        service->stop = STEP_REACHED; /* our own stop came into effect, late */
        step->news |= RESTART_NEWS_STEP;
        if (service->start == STEP_REACHED) {
            service->start = STEP_WAITING;
        }
    }
    if (service->start == STEP_ASKED && !is_out(restart, service)) {
        note_exit(service, "stopped again right after its start", look->service);
        service->start = STEP_WAITING;
        start_failed(restart, index, &step->news);
    } else if (service->start == STEP_REACHED && service->stop != STEP_ASKED) {
        if (!clean) {
            service->start = STEP_WAITING;
            step->news |= RESTART_NEWS_STEP;
            if (look->service->win32_exit_code != CODE_NEVER_STARTED) { /* else: the system was booted anew */
                note_exit(service, "ended after it ran again", look->service);
                start_failed(restart, index, &step->news);
            }
        } else if (stays_stopped(watch, step->mono_ms)) {
            note(service, "stopped cleanly after it ran again, not by storewatch: left stopped");
            give_up(restart, index, &step->news);
        }
    }
}

/* Takes in what is seen of a service that should run. */
static void see(struct restart *restart, struct step *step, size_t index, const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    follow(watch, look, step->mono_ms);
    if (is_running(look->state)) {
        watch->settling = false;
        watch->timed = false;
        if (service->start != STEP_REACHED) { /* also one that was given up and that a person started */
            service->start = STEP_REACHED;
            watch->ran_as = look->process;
            step->news |= RESTART_NEWS_STEP;
        } else if (surely_differ(watch->ran_as, look->process)) {
            note(service, "its process ended after it ran again; somebody else started a new one");
            watch->ran_as = look->process;
            restart->verify_mono_ms = step->observation->mono_ms;
            start_failed(restart, index, &step->news);
        } else if (look->process.pid != 0) {
            watch->ran_as = look->process;
        }
        if (service->stop != STEP_REACHED && surely_differ(service->process, look->process) &&
            !is_out(restart, service)) {
            service->stop = STEP_REACHED; /* the process that a stop of ours was meant for is gone */
            step->news |= RESTART_NEWS_STEP;
        }
        return;
    }
    if (service->start == STEP_GIVEN_UP || look->state == SERVICE_STATE_UNKNOWN) {
        return;
    }
    if (look->state == SERVICE_STATE_ABSENT) {
        note(service, "deleted: there is nothing to start any more");
        give_up(restart, index, &step->news);
    } else if (look->state == SERVICE_STATE_STOPPED) {
        see_stopped(restart, step, index, look);
    } else {
        watch->settling = false;
    }
}

/* One that cannot be read is nothing to wait for: the SCM itself starts what a service needs. */
static bool known_not_running(const struct observation *observation, const char *name)
{
    const enum service_state state = look_at(observation, name).state;
    return !is_running(state) && state != SERVICE_STATE_UNKNOWN;
}

/* Does plan.services[index] need another of the plan that does not run? With a graph: directly. Without one
 * all that is known is that everything needs the target. Returns that other one, or NULL. */
static const struct restart_service *missing_need(const struct restart *restart, const struct step *step,
                                                  size_t index)
{
    const struct restart_plan *plan = &restart->journal.plan;
    const struct restart_service *target = &plan->services[plan->count - 1];
    if (!plan->services[index].is_target && known_not_running(step->observation, target->name)) {
        return target;
    }
    const size_t node = step->graph != NULL ? graph_find(step->graph, plan->services[index].name) : SIZE_MAX;
    if (node == SIZE_MAX) {
        return NULL;
    }
    for (size_t e = 0; e < step->graph->edge_count; e++) {
        if (step->graph->edges[e].from != node) {
            continue;
        }
        const char *needed = step->graph->nodes[step->graph->edges[e].to].name;
        for (size_t i = 0; i < plan->count; i++) {
            if (i != index && text_equal_nocase(plan->services[i].name, needed) &&
                known_not_running(step->observation, needed)) {
                return &plan->services[i];
            }
        }
    }
    return NULL;
}

static bool disabled_now(const struct step *step, const char *name)
{
    const size_t node = step->graph != NULL ? graph_find(step->graph, name) : SIZE_MAX;
    return node != SIZE_MAX && step->graph->nodes[node].start_type == START_DISABLED;
}

/* What is done about one service that should run and does not. *open: may it be asked to start in this step?
 * Cleared by whatever those after it in start order have to wait for. */
static void bring_up(struct restart *restart, struct step *step, size_t index, const struct look *look,
                     bool *open)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const struct restart_service *need = missing_need(restart, step, index);
    if (look->state == SERVICE_STATE_STOPPED && service->start == STEP_WAITING) {
        if (need != NULL && need->start == STEP_GIVEN_UP) {
            note(service, "needs %s, which a person took over", need->name);
            give_up(restart, index, &step->news);
            return;
        }
        if (disabled_now(step, service->name)) {
            note(service, "disabled meanwhile: not started again");
            give_up(restart, index, &step->news);
            return;
        }
    }
    if (need != NULL && look->state == SERVICE_STATE_STOPPED) {
        say(restart, step, "%s: waits for %s", service->name, need->name);
        return; /* that one has its own clock */
    }
    if (watch->settling) {
        say(restart, step, "%s: stopped, not by storewatch; is a person at work?", service->name);
        return;
    }
    const bool late = waited_ms(watch, step->mono_ms) >= restart->start_timeout_ms;
    if (late) {
        if (!restart->journal.told_down) {
            struct text text = text_on(service->note, sizeof(service->note));
            text_add(&text, look->state == SERVICE_STATE_UNKNOWN ? "not known to run after "
                                                                 : "does not run after ");
            text_add_duration(&text, restart->start_timeout_ms);
            text_add(&text, ", state \"%s\"", service_state_text(look->state));
        }
        tell_down(restart, service, &step->news);
    }
    if (look->state == SERVICE_STATE_UNKNOWN) {
        say(restart, step, "%s: its state could not be read", service->name);
        return;
    }
    if (look->state == SERVICE_STATE_STOP_PENDING && end_hung(restart, step, index, look) == HUNG_ASKED) {
        return;
    }
    if (is_pending(look->state)) {
        say_pending(restart, step, index, look, restart->start_timeout_ms);
        /* The next one may need it, so it has to wait; but not for ever, and not for a stop that hangs. */
        *open = *open && (late || look->state == SERVICE_STATE_STOP_PENDING);
        return;
    }
    if (restart->asked || restart->held) {
        say_asked(restart, step);
        return;
    }
    if (step->mono_ms < watch->retry_mono_ms) {
        char storage[40];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration(&text, watch->retry_mono_ms - step->mono_ms);
        say(restart, step, "%s: %s; started again in %s", service->name, service->note, storage);
        return;
    }
    if (*open) {
        *open = false;
        ask(restart, step, REQUEST_START, index);
    }
}

static void starting_step(struct restart *restart, struct step *step)
{
    struct restart_journal *journal = &restart->journal;
    bool open = true;
    bool all_run = true, all_known = true, any = false, stop_under_way = false;
    for (size_t i = journal->plan.count; i-- > 0;) {
        const struct restart_service *service = &journal->plan.services[i];
        const struct look look = look_at_planned(step->observation, service);
        see(restart, step, i, &look);
        follow_hang(restart, step, i, &look);
        if (!is_running(look.state) && service->start != STEP_GIVEN_UP) {
            bring_up(restart, step, i, &look, &open);
        }
        if (service->start == STEP_GIVEN_UP) {
            continue;
        }
        any = true;
        all_known = all_known && look.state != SERVICE_STATE_UNKNOWN;
        stop_under_way = stop_under_way || service->stop == STEP_ASKED;
        all_run = all_run && (is_running(look.state) || look.state == SERVICE_STATE_UNKNOWN);
    }
    if (journal->phase == RESTART_VERIFYING && !all_run) {
        journal->phase = RESTART_STARTING;
        step->news |= RESTART_NEWS_STEP;
        return;
    }
    if (!all_run || !all_known || restart->asked) {
        return;
    }
    if (!any) {
        step->news |= finish(restart, step->utc_ms); /* nothing is left to be watched */
        return;
    }
    if (journal->phase == RESTART_STARTING) {
        journal->phase = RESTART_VERIFYING;
        restart->verify_mono_ms = step->observation->mono_ms;
        step->news |= RESTART_NEWS_STEP;
    }
    /* A stop that was accepted, or may have been, cannot be taken back: what runs now may still stop, and has
     * to be started again then. */
    const int64_t watch_ms = restart->verify_ms + (stop_under_way ? restart->stop_timeout_ms : 0);
    const int64_t left_ms = watch_ms - (step->observation->mono_ms - restart->verify_mono_ms);
    if (left_ms <= 0) {
        const struct process_id process = look_at(step->observation, target_of(restart)->name).process;
        if (!journal->stop_failed && process.pid != 0 &&
            process_id_equal(process, target_of(restart)->process)) {
            note(target_of(restart), "runs in the same process as before, which other services share");
        }
        step->news |= finish(restart, step->utc_ms);
        return;
    }
    char storage[40];
    struct text text = text_on(storage, sizeof(storage));
    text_add_duration(&text, left_ms);
    say(restart, step, "everything runs; watched for another %s", storage);
}

/* ---- the machine: its face ---- */

static void restart_load(struct restart *restart, const struct config *config,
                         const struct restart_journal *journal)
{
    *restart = (struct restart){.journal = *journal,
                                .config = config,
                                .stop_timeout_ms = config->stop_timeout_ms,
                                .start_timeout_ms = config->start_timeout_ms,
                                .verify_ms = config->verify_ms};
}

void restart_begin(struct restart *restart, const struct config *config,
                   const struct restart_journal *journal, int64_t mono_ms)
{
    restart_load(restart, config, journal);
    restart->journal.phase = RESTART_STOPPING;
    restart->told_mono_ms = mono_ms; /* a look from before says nothing about what is to begin now */
}

void restart_resume(struct restart *restart, const struct config *config,
                    const struct restart_journal *journal, int64_t mono_ms)
{
    restart_load(restart, config, journal);
    restart->told_mono_ms = mono_ms;
    restart->verify_mono_ms = mono_ms;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        struct restart_service *service = &restart->journal.plan.services[i];
        if (service->start == STEP_ASKED) {
            service->start = STEP_WAITING; /* nobody knows what came of it: look, and ask again if need be */
        }
        restart->watches[i].in_effect = service->stop == STEP_ASKED;
    }
}

unsigned restart_abandon(struct restart *restart, const char *why, int64_t utc_ms)
{
    if (restart->journal.phase != RESTART_STOPPING) {
        return 0;
    }
    note(target_of(restart), "called off: %s", why);
    return RESTART_NEWS_STEP | turn_back(restart, utc_ms);
}

unsigned restart_step(struct restart *restart, const struct observation *observation,
                      const struct service_graph *graph, int64_t mono_ms, int64_t utc_ms,
                      struct restart_request *out_request)
{
    *out_request = (struct restart_request){.kind = REQUEST_NONE};
    struct step step = {.observation = observation,
                        .graph = graph,
                        .mono_ms = mono_ms,
                        .utc_ms = utc_ms,
                        .news = restart->news,
                        .request = out_request};
    restart->news = 0;
    restart->if_hangs[0] = '\0';
    const enum restart_phase phase = restart->journal.phase;
    if (phase == RESTART_IDLE || phase == RESTART_ENDED) {
        return step.news;
    }
    if (observation->os_shutting_down) {
        say(restart, &step, "the system is shutting down; goes on after the boot");
        return step.news;
    }
    if (!observation->services_known || observation->mono_ms < restart->told_mono_ms) {
        return step.news;
    }
    if (phase == RESTART_STOPPING) {
        stopping_step(restart, &step);
    }
    if (restart->journal.phase == RESTART_STARTING || restart->journal.phase == RESTART_VERIFYING) {
        starting_step(restart, &step);
    }
    return step.news;
}

static void stop_told(struct restart *restart, size_t index, enum status status, uint32_t code,
                      int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    watch->accepted = status == STATUS_OK;
    if (status == STATUS_OK) {
        watch->in_effect = true;
        watch->retry_mono_ms = mono_ms + STOP_AGAIN_MS;
        return;
    }
    if (status != STATUS_REFUSED && status != STATUS_DENIED && status != STATUS_NOT_FOUND &&
        status != STATUS_BUSY) {
        watch->in_effect = true; /* an answer that came too late, a broken connection: it may have arrived */
    }
    if (!watch->in_effect && service->stop == STEP_ASKED) {
        service->stop = STEP_WAITING;
    }
    watch->retry_mono_ms = mono_ms + next_backoff(watch, STOP_RETRY_LAST_MS);
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "stop refused: ");
    text_add_code(&text, status, code);
    restart->news |= RESTART_NEWS_STEP;
    restart->stop_denied = status == STATUS_DENIED || code == CODE_ACCESS_DENIED;
}

static void start_told(struct restart *restart, size_t index, enum status status, uint32_t code,
                       int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    watch->retry_mono_ms = mono_ms + next_backoff(watch, RESTART_BACKOFF_LAST_MS);
    if (status == STATUS_OK || service->start != STEP_ASKED) {
        return; /* accepted; or it was seen running or gone meanwhile, whatever the answer says */
    }
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "start refused: ");
    text_add_code(&text, status, code);
    if (code == CODE_DISABLED || code == CODE_NOT_INSTALLED || code == CODE_MARKED_FOR_DELETE ||
        (code == 0 && status == STATUS_NOT_FOUND)) {
        give_up(restart, index, &restart->news);
        return;
    }
    service->start = STEP_WAITING;
    start_failed(restart, index, &restart->news);
    const struct code_words *known = code_find(code);
    if (known != NULL && known->hard) {
        tell_down(restart, service, &restart->news);
    }
}

/* A process that was to be ended. That is tried once: a process that does not die then is a matter for
 * people.
 */
static void terminate_told(struct restart *restart, size_t index, enum status status, uint32_t code,
                           int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    restart->news |= RESTART_NEWS_STEP;
    restart->watches[index].ended = status == STATUS_OK || status == STATUS_NOT_FOUND;
    restart->watches[index].ended_mono_ms = mono_ms;
    if (status == STATUS_OK) {
        note(service, "hung in its stop: its process %" PRIu32 " was terminated", service->process.pid);
        return;
    }
    if (status == STATUS_NOT_FOUND) {
        note(service, "hung in its stop; its process %" PRIu32 " had ended before it was terminated",
             service->process.pid);
        return;
    }
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "hangs in its stop, and its process %" PRIu32, service->process.pid);
    if (status == STATUS_TIMEOUT) {
        text_add(&text, " was terminated and does not end");
        return;
    }
    text_add(&text, " could not be terminated: ");
    text_add_code(&text, status, code);
}

void restart_told(struct restart *restart, const struct restart_request *request, enum status status,
                  uint32_t code, int64_t mono_ms)
{
    if (!restart->asked || request->kind != restart->request.kind ||
        !text_equal_nocase(request->service, restart->request.service)) {
        return;
    }
    restart->asked = false;
    restart->told_mono_ms = mono_ms;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        if (text_equal_nocase(restart->journal.plan.services[i].name, request->service)) {
            if (request->kind == REQUEST_TERMINATE) {
                terminate_told(restart, i, status, code, mono_ms);
            } else if (request->kind == REQUEST_START) {
                start_told(restart, i, status, code, mono_ms);
            } else if (restart->journal.phase == RESTART_STOPPING) {
                stop_told(restart, i, status, code, mono_ms);
            } /* else: we have turned back; what the stop does will be seen (see_stopped) */
        }
    }
}

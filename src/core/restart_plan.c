/* restart_plan.c - the plan of a controlled restart: who has to be stopped, in which order; and what of it
 * changes when somebody starts another service meanwhile. */
#include "restart_internal.h"

#include <stdlib.h>
#include <string.h>

void service_graph_deinit(struct service_graph *graph)
{
    free(graph->nodes);
    free(graph->edges);
    *graph = (struct service_graph){0};
}

/* The nodes of a plan, while it is made. */
struct members {
    size_t count;
    uint16_t nodes[RESTART_SERVICES_MAX];
};

static size_t members_find(const struct members *members, size_t node)
{
    for (size_t i = 0; i < members->count; i++)
        if (members->nodes[i] == node)
            return i;
    return SIZE_MAX;
}

size_t graph_find(const struct service_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->node_count; i++)
        if (text_equal_nocase(graph->nodes[i].name, name))
            return i;
    return SIZE_MAX;
}

const struct restart_service *restart_plan_find(const struct restart_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->count; i++)
        if (text_equal_nocase(plan->services[i].name, name))
            return &plan->services[i];
    return NULL;
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
    if (graph_is_fresh)
        return !state_is_down(node_state(graph, node, observation));
    const enum service_state seen = look_at(observation, graph->nodes[node].name).state;
    return state_is_running(seen) || state_is_pending(seen);
}

/* Adds to the members every active service that needs an active member. The members that were there stay.
 * REFUSED: storewatch itself is one of them. */
static enum status members_close(const struct service_graph *graph, const struct observation *observation,
                                 bool graph_is_fresh, struct members *members, struct err *err)
{
    for (size_t i = 0; i < members->count; i++) { /* grows while we walk */
        const size_t needed = members->nodes[i];
        if (text_equal_nocase(graph->nodes[needed].name, RESTART_OWN_SERVICE)) {
            return err_set(err, STATUS_REFUSED, "plan", 0,
                           "%s would have to be stopped itself, and could start nothing again",
                           RESTART_OWN_SERVICE);
        }
        if (!counts_as_active(graph, needed, observation, graph_is_fresh))
            continue; /* what needs it has lost it already; see restart_plan_make */
        for (size_t e = 0; e < graph->edge_count; e++) {
            const size_t from = graph->edges[e].from;
            if (graph->edges[e].to != needed || members_find(members, from) != SIZE_MAX ||
                !counts_as_active(graph, from, observation, graph_is_fresh))
                continue;
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

/* No two services have names that are equal so. */
static bool name_before(const struct service_graph *graph, size_t a, size_t b)
{
    return text_compare_nocase(graph->nodes[a].name, graph->nodes[b].name) < 0;
}

/* Who of `members` needs `node`: the first by name, or SIZE_MAX. */
static size_t first_dependent(const struct service_graph *graph, const struct members *members, size_t node)
{
    size_t found = SIZE_MAX;
    for (size_t e = 0; e < graph->edge_count; e++) {
        const size_t from = graph->edges[e].from;
        if (graph->edges[e].to == node && members_find(members, from) != SIZE_MAX &&
            (found == SIZE_MAX || name_before(graph, from, found)))
            found = from;
    }
    return found;
}

/* All of `rest` have a dependent in `rest`: follows them until one comes twice and names that circle. */
static enum status cycle_error(const struct service_graph *graph, const struct members *rest, struct err *err)
{
    size_t start = rest->nodes[0];
    for (size_t i = 1; i < rest->count; i++)
        if (name_before(graph, rest->nodes[i], start))
            start = rest->nodes[i];
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
    for (size_t i = path.count; i-- > begin;)
        text_add(&text, " needs %s%s", graph->nodes[path.nodes[i]].name, i > begin ? ", which" : "");
    return err_set(err, STATUS_INVALID, "plan", 0, "%s", storage);
}

/* Sorts the members into stop order: again and again the first by name that nobody left needs. */
static enum status members_order(const struct service_graph *graph, struct members *members, struct err *err)
{
    struct members rest = *members;
    struct members order = {0};
    while (rest.count > 0) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < rest.count; i++)
            if (first_dependent(graph, &rest, rest.nodes[i]) == SIZE_MAX &&
                (next == SIZE_MAX || name_before(graph, rest.nodes[i], rest.nodes[next])))
                next = i;
        if (next == SIZE_MAX)
            return cycle_error(graph, &rest, err);
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
    if (!state_is_running(state)) {
        return err_set(err, STATUS_BUSY, "plan", 0,
                       "%s: its state is \"%s\", not running or paused; try again later", name,
                       service_state_text(state));
    }
    if (graph->nodes[node].start_type == START_DISABLED) {
        return err_set(err, STATUS_REFUSED, "plan", CODE_DISABLED,
                       "%s: it runs but is disabled, so it could not be started again", name);
    }
    const struct look look = look_at(observation, name);
    if (state_is_running(look.state) && !look.service->accepts_stop) {
        return err_set(err, STATUS_REFUSED, "plan", CODE_INVALID_CONTROL,
                       "%s: it takes no stop control, so it cannot be restarted", name);
    }
    return STATUS_OK;
}

enum status restart_plan_make(const struct service_graph *graph, const struct observation *observation,
                              const char *target, struct restart_plan *out_plan, struct err *err)
{
    const size_t root = graph_find(graph, target);
    if (root == SIZE_MAX)
        return err_set(err, STATUS_NOT_FOUND, "plan", CODE_NOT_INSTALLED, "%s: no such service", target);
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
    for (size_t i = 0; status == STATUS_OK && i < members.count; i++)
        status = check_service(graph, members.nodes[i], observation, err);
    if (status == STATUS_OK)
        status = members_order(graph, &members, err);
    if (status != STATUS_OK)
        return status;
    *out_plan = (struct restart_plan){.count = members.count};
    for (size_t i = 0; i < members.count; i++) {
        struct restart_service *service = &out_plan->services[i];
        memcpy(service->name, graph->nodes[members.nodes[i]].name, sizeof(service->name));
        service->is_target = members.nodes[i] == root;
        service->process = look_at(observation, service->name).process;
    }
    return STATUS_OK;
}

/* Those deleted stay in front, in their old order; then the new order, old entries with what is known of
 * them. */
static void plan_rebuild(struct restart *restart, const struct machine_step *step,
                         const struct members *members)
{
    struct restart_plan *plan = &restart->journal.plan;
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
    for (size_t m = 0; m < members->count; m++) {
        const char *name = step->graph->nodes[members->nodes[m]].name;
        size_t from = 0;
        while (from < old.count && !text_equal_nocase(old.services[from].name, name))
            from++;
        if (from < old.count) {
            restart->watches[plan->count] = old_watches[from];
            plan->services[plan->count++] = old.services[from];
            continue;
        }
        struct restart_service *service = &plan->services[plan->count];
        *service = (struct restart_service){.process = look_at(step->observation, name).process};
        memcpy(service->name, step->graph->nodes[members->nodes[m]].name, sizeof(service->name));
        service_note(service, "somebody started it meanwhile: it is stopped and started again too");
        restart->watches[plan->count] = (struct restart_watch){0};
        plan->count++;
    }
}

/* Finds active services that need one of the plan and are not in it: somebody started them meanwhile. They
 * are put into the plan, in order. False when the plan cannot be made to work (the target's note says why).
 */
bool machine_extend_plan(struct restart *restart, struct machine_step *step)
{
    struct restart_plan *plan = &restart->journal.plan;
    struct members members = {0};
    size_t missing = 0; /* of the plan, and not in the graph any more: deleted */
    for (size_t i = 0; i < plan->count; i++) {
        const size_t node = graph_find(step->graph, plan->services[i].name);
        if (node == SIZE_MAX)
            missing++;
        else
            members.nodes[members.count++] = (uint16_t)node;
    }
    const size_t known = members.count;
    struct err err = {0};
    enum status status = members_close(step->graph, step->observation, false, &members, &err);
    if (status == STATUS_OK && members.count == known)
        return true;
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
    if (status == STATUS_OK)
        status = members_order(step->graph, &members, &err);
    if (status == STATUS_OK && !text_equal_nocase(step->graph->nodes[members.nodes[members.count - 1]].name,
                                                  machine_target(restart)->name)) {
        status = err_set(&err, STATUS_REFUSED, "plan", 0,
                         "the dependencies of its services were changed meanwhile");
    }
    step->news |= RESTART_NEWS_STEP;
    if (status != STATUS_OK) {
        service_note(machine_target(restart), "%s", err.text);
        return false;
    }
    plan_rebuild(restart, step, &members);
    return true;
}

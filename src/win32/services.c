/* services.c - the service control manager: all services with their states, their dependencies, stop and
 * start.
 *
 * Dependents come from every service's own configuration: EnumDependentServices hides those that do not run,
 * and Wine's returns none. Each stop and start opens handles of its own, so a hung one blocks nobody else. */
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define GRAPH_SERVICES_MAX 8192
#define GRAPH_EDGES_MAX 65536
#define SERVICE_CONFIG_BYTES 8192 /* QueryServiceConfig's own bound */

DWORD scm_service_open(const wchar_t *name, DWORD access, DWORD scm_access, struct scm_service *out_opened)
{
    *out_opened = (struct scm_service){.scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | scm_access)};
    if (out_opened->scm != NULL)
        out_opened->service = OpenServiceW(out_opened->scm, name, access);
    return out_opened->service != NULL ? ERROR_SUCCESS : GetLastError();
}

void scm_service_close(struct scm_service *opened)
{
    if (opened->service != NULL)
        CloseServiceHandle(opened->service);
    if (opened->scm != NULL)
        CloseServiceHandle(opened->scm);
    *opened = (struct scm_service){0};
}

/* ---- enumeration ---- */

/* Takes one service; false ends the enumeration. */
typedef bool service_sink(void *context, const ENUM_SERVICE_STATUS_PROCESSW *service);

/* A buffer that holds all services is asked for first; where the SCM's bound does not allow that, the rest is
 * fetched in further calls. The caller holds os->look. */
static enum status services_enumerate(struct os *os, service_sink *sink, void *context, struct err *err)
{
    if (!kept_buffer_grow(&os->services, SERVICE_BUFFER_FIRST_BYTES)) {
        return err_set(err, STATUS_NO_MEMORY, "EnumServicesStatusEx", 0,
                       "not enough memory for the list of services");
    }
    if (os->scm == NULL) {
        os->scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_ENUMERATE_SERVICE);
        if (os->scm == NULL) {
            const DWORD code = GetLastError();
            return windows_fail(err, windows_status(code), "OpenSCManager", code,
                                "the service control manager cannot be asked");
        }
    }
    DWORD resume = 0;
    for (;;) {
        const DWORD from = resume;
        const size_t size = os->services.size < os->service_buffer_last_bytes ? os->services.size
                                                                              : os->service_buffer_last_bytes;
        DWORD missing = 0, count = 0, code = ERROR_SUCCESS;
        if (!EnumServicesStatusExW(os->scm, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_STATE_ALL,
                                   os->services.bytes, (DWORD)size, &missing, &count, &resume, NULL))
            code = GetLastError();
        if (code == RPC_X_BAD_STUB_DATA && size > SERVICE_BUFFER_FIRST_BYTES) {
            os->service_buffer_last_bytes = SERVICE_BUFFER_FIRST_BYTES; /* NT 5.2 without a service pack */
            resume = from;
            continue;
        }
        if (code != ERROR_SUCCESS && code != ERROR_MORE_DATA) {
            CloseServiceHandle(os->scm);
            os->scm = NULL;
            return windows_fail(err, windows_status(code), "EnumServicesStatusEx", code,
                                "the services cannot be listed");
        }
        if (code == ERROR_MORE_DATA && from == 0 && size < os->service_buffer_last_bytes) {
            const size_t wanted = size + missing + missing / 4;
            const size_t bounded = wanted > size && wanted < os->service_buffer_last_bytes
                                       ? wanted
                                       : os->service_buffer_last_bytes;
            if (kept_buffer_grow(&os->services, bounded)) {
                resume = 0;
                continue;
            }
        }
        const ENUM_SERVICE_STATUS_PROCESSW *services = os->services.bytes;
        for (DWORD i = 0; i < count; i++)
            if (!sink(context, &services[i]))
                return STATUS_OK;
        if (code == ERROR_SUCCESS)
            return STATUS_OK;
        if (count == 0 || resume == from) { /* it would go on like this for ever */
            return err_set(err, STATUS_FULL, "EnumServicesStatusEx", code,
                           "the list of services does not fit into %lu bytes", (unsigned long)size);
        }
    }
}

static enum service_state state_of(DWORD state)
{
    return state >= SERVICE_STOPPED && state <= SERVICE_PAUSED ? (enum service_state)state
                                                               : SERVICE_STATE_UNKNOWN;
}

static bool observe_one(void *context, const ENUM_SERVICE_STATUS_PROCESSW *service)
{
    struct observation *observation = context;
    if (observation->service_count == OBSERVATION_SERVICES_MAX) {
        observation->services_cut = true;
        return false;
    }
    const SERVICE_STATUS_PROCESS *status = &service->ServiceStatusProcess;
    struct service *out = &observation->services[observation->service_count++];
    utf16z_to_utf8(service->lpServiceName, out->name, sizeof(out->name));
    out->state = state_of(status->dwCurrentState);
    out->pid = status->dwProcessId;
    out->checkpoint = status->dwCheckPoint;
    out->wait_hint_ms = status->dwWaitHint;
    out->win32_exit_code = status->dwWin32ExitCode;
    out->service_exit_code = status->dwServiceSpecificExitCode;
    out->accepts_stop = (status->dwControlsAccepted & SERVICE_ACCEPT_STOP) != 0;
    return true;
}

static int service_order(const void *a, const void *b)
{
    return text_compare_nocase(((const struct service *)a)->name, ((const struct service *)b)->name);
}

enum status services_observe(struct os *os, struct observation *observation, struct err *err)
{
    const enum status status = services_enumerate(os, observe_one, observation, err);
    if (status != STATUS_OK) {
        observation->service_count = 0;
        return status;
    }
    qsort(observation->services, observation->service_count, sizeof(*observation->services), service_order);
    observation->services_known = true;
    return STATUS_OK;
}

/* ---- the graph ---- */

struct node_list {
    struct service_node *nodes;
    size_t count, capacity;
    bool no_memory, full;
};

static bool node_add(void *context, const ENUM_SERVICE_STATUS_PROCESSW *service)
{
    struct node_list *list = context;
    if (list->count == GRAPH_SERVICES_MAX) {
        list->full = true;
        return false;
    }
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity != 0 ? 2 * list->capacity : 256;
        struct service_node *nodes = realloc(list->nodes, capacity * sizeof(*nodes));
        if (nodes == NULL) {
            list->no_memory = true;
            return false;
        }
        list->nodes = nodes;
        list->capacity = capacity;
    }
    struct service_node *node = &list->nodes[list->count++];
    utf16z_to_utf8(service->lpServiceName, node->name, sizeof(node->name));
    node->state = state_of(service->ServiceStatusProcess.dwCurrentState);
    node->start_type = START_UNKNOWN;
    return true;
}

static int node_order(const void *a, const void *b)
{
    return text_compare_nocase(((const struct service_node *)a)->name,
                               ((const struct service_node *)b)->name);
}

static enum service_start_type start_type_of(DWORD type)
{
    switch (type) {
    case SERVICE_BOOT_START:
        return START_BOOT;
    case SERVICE_SYSTEM_START:
        return START_SYSTEM;
    case SERVICE_AUTO_START:
        return START_AUTO;
    case SERVICE_DEMAND_START:
        return START_DEMAND;
    case SERVICE_DISABLED:
        return START_DISABLED;
    default:
        return START_UNKNOWN;
    }
}

/* Where the SCM keeps what it knows of a service; NULL when that may not be read. */
static HKEY service_key_open(const wchar_t *service)
{
    wchar_t path[64 + SERVICE_NAME_MAX] = L"SYSTEM\\CurrentControlSet\\Services\\";
    HKEY key = NULL;
    memcpy(path + wcslen(path), service, (wcslen(service) + 1) * sizeof(*service));
    return RegOpenKeyExW(HKEY_LOCAL_MACHINE, path, 0, KEY_QUERY_VALUE, &key) == ERROR_SUCCESS ? key : NULL;
}

/* What a service needs, from where the SCM keeps it: for services whose configuration may not be asked for,
 * and for Wine, whose QueryServiceConfig leaves it out. Terminated twice in any case; "" when it needs
 * nothing. */
static const wchar_t *dependencies_stored(const wchar_t *service, wchar_t *out, size_t capacity)
{
    DWORD kind = 0, size = (DWORD)((capacity - 2) * sizeof(*out));
    const HKEY key = service_key_open(service);
    memset(out, 0, capacity * sizeof(*out));
    if (key != NULL) {
        if (RegQueryValueExW(key, L"DependOnService", NULL, &kind, (BYTE *)out, &size) != ERROR_SUCCESS ||
            kind != REG_MULTI_SZ)
            out[0] = 0;
        RegCloseKey(key);
    }
    return out;
}

bool service_is_disabled(const wchar_t *service)
{
    DWORD type = 0, kind = 0, size = sizeof(type);
    const HKEY key = service_key_open(service);
    const bool read = key != NULL &&
                      RegQueryValueExW(key, L"Start", NULL, &kind, (BYTE *)&type, &size) == ERROR_SUCCESS &&
                      kind == REG_DWORD;
    if (key != NULL)
        RegCloseKey(key);
    return read && type == SERVICE_DISABLED;
}

/* Adds the edges of one node. A dependency on a driver or on a service that is gone has no node and is left
 * out, and so is one on a load order group ("+name"): any running member satisfies it, so none of them is
 * needed. */
static enum status edges_add(struct service_graph *graph, size_t *capacity, size_t from,
                             const wchar_t *dependencies, struct err *err)
{
    for (const wchar_t *one = dependencies; *one != 0; one += wcslen(one) + 1) {
        struct service_node wanted;
        if (*one == SC_GROUP_IDENTIFIERW || !utf16z_to_utf8(one, wanted.name, sizeof(wanted.name)))
            continue;
        const struct service_node *to =
            bsearch(&wanted, graph->nodes, graph->node_count, sizeof(wanted), node_order);
        if (to == NULL)
            continue;
        if (graph->edge_count == GRAPH_EDGES_MAX) {
            return err_set(err, STATUS_FULL, "os_service_graph", 0,
                           "the services have more than %d dependencies", GRAPH_EDGES_MAX);
        }
        if (graph->edge_count == *capacity) {
            const size_t more = *capacity != 0 ? 2 * *capacity : 256;
            struct service_edge *edges = realloc(graph->edges, more * sizeof(*edges));
            if (edges == NULL) {
                return err_set(err, STATUS_NO_MEMORY, "os_service_graph", 0,
                               "not enough memory for the dependencies of the services");
            }
            graph->edges = edges;
            *capacity = more;
        }
        graph->edges[graph->edge_count++] =
            (struct service_edge){(uint16_t)from, (uint16_t)(to - graph->nodes)};
    }
    return STATUS_OK;
}

enum status os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err)
{
    struct node_list list = {0};
    struct service_graph graph = {0};
    size_t edge_capacity = 0;
    SC_HANDLE scm = NULL;
    QUERY_SERVICE_CONFIGW *config = malloc(SERVICE_CONFIG_BYTES);
    wchar_t *stored = malloc(SERVICE_CONFIG_BYTES);

    EnterCriticalSection(&os->look);
    enum status status = services_enumerate(os, node_add, &list, err);
    LeaveCriticalSection(&os->look);
    graph.nodes = list.nodes;
    graph.node_count = list.count;
    if (status != STATUS_OK)
        goto done;
    if (list.no_memory || config == NULL || stored == NULL) {
        status = err_set(err, STATUS_NO_MEMORY, "os_service_graph", 0,
                         "not enough memory for the list of services");
        goto done;
    }
    if (list.full) {
        status = err_set(err, STATUS_FULL, "os_service_graph", 0, "there are more than %d services",
                         GRAPH_SERVICES_MAX);
        goto done;
    }
    if (graph.node_count > 0)
        qsort(graph.nodes, graph.node_count, sizeof(*graph.nodes), node_order);
    scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (scm == NULL) {
        const DWORD code = GetLastError();
        status = windows_fail(err, windows_status(code), "OpenSCManager", code,
                              "the service control manager cannot be asked");
        goto done;
    }
    for (size_t i = 0; i < graph.node_count && status == STATUS_OK; i++) {
        wchar_t name[SERVICE_NAME_MAX];
        const wchar_t *dependencies = NULL;
        utf16_from_utf8(graph.nodes[i].name, name, ARRAY_COUNT(name));
        const SC_HANDLE service = OpenServiceW(scm, name, SERVICE_QUERY_CONFIG);
        DWORD needed = 0;
        /* One that may not be asked, or that was deleted meanwhile, keeps an unknown start type. */
        if (service != NULL && QueryServiceConfigW(service, config, SERVICE_CONFIG_BYTES, &needed)) {
            graph.nodes[i].start_type = start_type_of(config->dwStartType);
            dependencies = config->lpDependencies;
        }
        if (dependencies == NULL || *dependencies == 0)
            dependencies = dependencies_stored(name, stored, SERVICE_CONFIG_BYTES / sizeof(*stored));
        status = edges_add(&graph, &edge_capacity, i, dependencies, err);
        if (service != NULL)
            CloseServiceHandle(service);
    }
done:
    if (scm != NULL)
        CloseServiceHandle(scm);
    free(stored);
    free(config);
    if (status == STATUS_OK) {
        *out_graph = graph;
    } else {
        free(graph.nodes);
        free(graph.edges);
    }
    return status;
}

/* ---- stop and start ---- */

/* What the SCM's answer means to one who wanted to stop or start a service. */
static enum status scm_status(DWORD code)
{
    switch (code) {
    case ERROR_DEPENDENT_SERVICES_RUNNING:
    case ERROR_INVALID_SERVICE_CONTROL:
    case ERROR_SERVICE_DATABASE_LOCKED:
    case ERROR_SERVICE_ALREADY_RUNNING:
    case ERROR_SERVICE_DISABLED:
    case ERROR_CIRCULAR_DEPENDENCY:
    case ERROR_SERVICE_CANNOT_ACCEPT_CTRL:
    case ERROR_SERVICE_DEPENDENCY_FAIL:
    case ERROR_SERVICE_DEPENDENCY_DELETED:
    case ERROR_SERVICE_LOGON_FAILED:
    case ERROR_SERVICE_MARKED_FOR_DELETE:
    case ERROR_SHUTDOWN_IN_PROGRESS:
        return STATUS_REFUSED;
    case ERROR_INVALID_NAME:
        return STATUS_NOT_FOUND;
    case ERROR_SERVICE_REQUEST_TIMEOUT:
        return STATUS_TIMEOUT;
    default:
        return windows_status(code);
    }
}

static enum status scm_fail(struct os *os, struct err *err, const char *operation, DWORD code,
                            const char *name, const char *what)
{
    if (code == ERROR_SHUTDOWN_IN_PROGRESS)
        os_shutdown_note(os);
    return windows_fail(err, scm_status(code), operation, code, "service %s cannot be %s", name, what);
}

/* Both handles, or none and the reason. */
static enum status service_open(struct os *os, const char *name, DWORD access, const char *what,
                                struct scm_service *out_opened, struct err *err)
{
    wchar_t wide[SERVICE_NAME_MAX];
    if (!utf16_from_utf8(name, wide, ARRAY_COUNT(wide)))
        return scm_fail(os, err, "OpenService", ERROR_SERVICE_DOES_NOT_EXIST, name, what);
    const DWORD code = scm_service_open(wide, access, 0, out_opened);
    if (code != ERROR_SUCCESS) {
        const char *operation = out_opened->scm == NULL ? "OpenSCManager" : "OpenService";
        scm_service_close(out_opened);
        return scm_fail(os, err, operation, code, name, what);
    }
    return STATUS_OK;
}

enum status os_service_stop(struct os *os, const char *name, struct err *err)
{
    struct scm_service opened = {0};
    enum status status = service_open(os, name, SERVICE_STOP, "stopped", &opened, err);
    if (status != STATUS_OK)
        return status;
    SERVICE_STATUS answer;
    if (!ControlService(opened.service, SERVICE_CONTROL_STOP, &answer)) {
        const DWORD code = GetLastError();
        if (code != ERROR_SERVICE_NOT_ACTIVE)
            status = scm_fail(os, err, "ControlService", code, name, "stopped");
    }
    scm_service_close(&opened);
    return status;
}

enum status os_service_start(struct os *os, const char *name, struct err *err)
{
    struct scm_service opened = {0};
    enum status status =
        service_open(os, name, SERVICE_START | SERVICE_QUERY_STATUS, "started", &opened, err);
    if (status != STATUS_OK)
        return status;
    if (!StartServiceW(opened.service, 0, NULL)) {
        const DWORD code = GetLastError();
        SERVICE_STATUS now = {0};
        /* 1056 means "not stopped": a service that is still stopping does not run and has to be started
         * again. */
        if (code != ERROR_SERVICE_ALREADY_RUNNING ||
            (QueryServiceStatus(opened.service, &now) && now.dwCurrentState == SERVICE_STOP_PENDING))
            status = scm_fail(os, err, "StartService", code, name, "started");
    }
    scm_service_close(&opened);
    return status;
}

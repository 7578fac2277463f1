/* probe.c - os.h against the real thing: does what, and then looks whether os_observe saw exactly that.
 *
 *   probe STANDIN.exe      prints "ok TEXT" or "not ok TEXT: WHY" lines; exit code 1 when there was a "not
 * ok"
 *
 * STANDIN.exe is the program of tests/wine/standin/service.c; the probe registers it as a service of its own
 * and removes it again. Runs under Wine and on Windows; needs the right to create services. */
#include "../../src/win32/dump.h"
#include "../../src/win32/win32.h"

#include "storewatch/environment.h"
#include "storewatch/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE "storewatch-probe"
#define NEEDED "Eventlog" /* is there on every Windows and in every Wine prefix */
#define DEADLINE_MS 15000
#define STEADY_LOOKS 2000
#define HANDLES 4000

static struct os *os;
static struct observation *seen;
static int failures;
static bool wine;

static void check(bool good, const char *format, ...) PRINTF_LIKE(2, 3);
static void check(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(good ? "ok " : "not ok ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    failures += good ? 0 : 1;
}

static void look(void)
{
    struct err err = {0};
    const enum status status = os_observe(os, seen, &err);
    if (status != STATUS_OK || err.status != STATUS_OK)
        check(false, "a look: %s: %s", status_text(status), err.text);
}

static const struct process *self_get(void)
{
    return observation_process(seen, GetCurrentProcessId());
}

/* ---- clocks ---- */

static void check_clocks(void)
{
    int64_t last = os_mono_ms(os), furthest = 0;
    bool forward = true;
    for (int i = 0; i < 200000; i++) {
        const int64_t now = os_mono_ms(os), shared = shared_page_mono_ms();
        const int64_t apart = now > shared ? now - shared : shared - now;
        forward = forward && now >= last;
        furthest = apart > furthest ? apart : furthest;
        last = now;
    }
    check(forward, "os_mono_ms never runs backwards");
    check(furthest <= 100, "the clock for NT 5.2 agrees with os_mono_ms within 100 ms: %ld ms apart",
          (long)furthest);
    const int64_t begun = os_mono_ms(os), begun_shared = shared_page_mono_ms();
    Sleep(500);
    const int64_t took = os_mono_ms(os) - begun, took_shared = shared_page_mono_ms() - begun_shared;
    check(took >= 450 && took < 2000 && took_shared >= 450 && took_shared < 2000,
          "500 ms are about 500 ms: %ld, %ld", (long)took, (long)took_shared);
    SYSTEMTIME local;
    int weekday = -1, minute = -1, tries = 0;
    do { /* not over the turn of a minute */
        GetLocalTime(&local);
        os_local_time(os, os_utc_ms(os), &weekday, &minute);
    } while (minute != local.wHour * 60 + local.wMinute && ++tries < 3);
    check(weekday == (local.wDayOfWeek + 6) % 7 && minute == local.wHour * 60 + local.wMinute,
          "os_local_time is the wall clock");
    os_local_time(os, INT64_C(1000) * 1795305600, &weekday, &minute); /* Sunday 2026-11-22 00:00 UTC */
    check(weekday == 6 || weekday == 5, "2026-11-22 is a Sunday (or still Saturday, to the west): %d",
          weekday);
}

/* ---- own process ---- */

static void check_self(void)
{
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    look();
    const struct process *self = self_get();
    check(self != NULL, "the look sees this process");
    if (self == NULL)
        return;
    check(self->id.created_100ns == ((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime),
          "creation time is the kernel's");
    char path[MAX_PATH] = "";
    GetModuleFileNameA(NULL, path, sizeof(path) - 1);
    const char *name = strrchr(path, '\\');
    check(name != NULL && text_equal_nocase(self->image, name + 1), "image name: %s", self->image);
    check(reading_known(self->private_bytes) && self->private_bytes > 100000 &&
              self->private_bytes < 200 * MIB,
          "private bytes are plausible: %.0f", self->private_bytes);
    check(self->thread_count >= 1 && self->working_set_bytes > 0, "threads %.0f, working set %.0f",
          self->thread_count, self->working_set_bytes);

    const double before = self->private_bytes;
    unsigned char *block = VirtualAlloc(NULL, (SIZE_T)32 << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    memset(block, 1, (size_t)32 << 20);
    look();
    self = self_get();
    check(self->private_bytes - before >= 32 * MIB && self->private_bytes - before < 33 * MIB,
          "32 MiB committed show as %.2f MiB", (self->private_bytes - before) / MIB);
    VirtualFree(block, 0, MEM_RELEASE);
    look();
    check(self_get()->private_bytes - before < 1 * MIB, "and are gone when freed");

    static HANDLE handles[HANDLES];
    const double handles_before = self_get()->handle_count;
    for (int i = 0; i < HANDLES; i++)
        handles[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
    look();
    const double opened = self_get()->handle_count - handles_before;
    for (int i = 0; i < HANDLES; i++)
        CloseHandle(handles[i]);
    /* Wine tells the capacity of the table, so the count moves in steps of a factor of up to two. */
    check(opened >= HANDLES * 0.9 && opened <= HANDLES * 2.2, "%d handles opened show as %.0f", HANDLES,
          opened);

    look();
    const double cpu_before = self_get()->cpu_ms;
    const int64_t begun = os_mono_ms(os);
    struct os_self cost;
    do { /* counted in CPU time, not in wall time: the machine may be busy with something else */
        os_self_get(os, &cost);
    } while (cost.cpu_ms - cpu_before < 300 && os_mono_ms(os) - begun < 4 * DEADLINE_MS);
    look();
    const double cpu = self_get()->cpu_ms - cpu_before;
    check(cpu >= 300 && cpu < 600, "300 ms of work show as %.0f ms of CPU", cpu);

    os_self_get(os, &cost);
    check(cost.private_bytes > 0 && cost.cpu_ms > 0, "own cost: %.0f bytes, %.0f handles, %.0f ms",
          cost.private_bytes, cost.handle_count, cost.cpu_ms);
}

static void check_host(void)
{
    struct os_facts facts;
    os_facts_get(os, &facts);
    look();
    const struct host *host = &seen->host;
    check(seen->host_known && host->commit_bytes > 0 && host->commit_limit_bytes > host->commit_bytes,
          "commit %.0f of %.0f MiB", host->commit_bytes / MIB, host->commit_limit_bytes / MIB);
    check(host->physical_bytes > 64 * MIB && host->available_bytes <= host->physical_bytes,
          "available %.0f of %.0f MiB", host->available_bytes / MIB, host->physical_bytes / MIB);
    check(!seen->os_shutting_down && !seen->cluster_node, "neither shutting down nor a cluster node");
    check(facts.host_name[0] != '\0' && strncmp(facts.os_text, "Windows ", 8) == 0, "facts: %s, %s",
          facts.host_name, facts.os_text);
    check(strlen(facts.data_dir) > 14 && facts.data_dir[1] == ':', "data folder: %s", facts.data_dir);
    check(facts.address_space_bytes >= 2048 * MIB, "address space: %.0f MiB",
          facts.address_space_bytes / MIB);
}

/* ---- address space, handles, dumps ---- */

#define HANG "STOREWATCH_PROBE_HANGS"

static void check_space(struct process_id id)
{
    struct err err = {0};
    struct space space = {0};
    const enum status status = os_process_space(os, id, &space, &err);
#ifdef _WIN64
    check(status == STATUS_UNSUPPORTED, "a 64-bit process has no end of its address space: %s", err.text);
#else
    check(status == STATUS_OK && space.limit_bytes == 2048 * MIB && space.largest_bytes > 64 * MIB &&
              space.largest_bytes <= space.free_bytes && space.free_bytes < 2048 * MIB &&
              space.block_count >= 2,
          "its address space: %.0f of %.0f MiB free, %.0f in one piece, %.0f pieces %s",
          space.free_bytes / MIB, space.limit_bytes / MIB, space.largest_bytes / MIB, space.block_count,
          err.text);
    /* Ours is changed and looked at again. */
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    const struct process_id own = {GetCurrentProcessId(),
                                   (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime};
    struct space before = {0}, after = {0};
    os_process_space(os, own, &before, &err);
    void *reserved = VirtualAlloc(NULL, (SIZE_T)(100 * MIB), MEM_RESERVE, PAGE_NOACCESS);
    const int64_t begun_ms = os_mono_ms(os);
    os_process_space(os, own, &after, &err);
    check(reserved != NULL && before.free_bytes - after.free_bytes == 100 * MIB,
          "100 MiB that are reserved are seen, without a byte of them in use: %.0f MiB less, in %lld ms",
          (before.free_bytes - after.free_bytes) / MIB, (long long)(os_mono_ms(os) - begun_ms));
    VirtualFree(reserved, 0, MEM_RELEASE);
#endif
}

static void check_handles(void)
{
    enum { EVENTS = 500 };
    static HANDLE events[EVENTS];
    static struct handle_counts counts;
    struct err err = {0};
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    const struct process_id own = {GetCurrentProcessId(),
                                   (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime};
    for (size_t i = 0; i < EVENTS; i++)
        events[i] = CreateEventW(NULL, TRUE, FALSE, NULL);
    const enum status status = os_process_handles(os, own, &counts, &err);
    check(status == STATUS_OK && counts.type_count > 1 && counts.types[0].count >= EVENTS &&
              counts.total >= counts.types[0].count,
          "500 events are the most of %lu handles: %lu of type %u \"%s\" %s", (unsigned long)counts.total,
          (unsigned long)counts.types[0].count, counts.types[0].number, counts.types[0].name, err.text);
    check(strcmp(counts.types[0].name, "Event") == 0, "and have their name");
    for (size_t i = 0; i < EVENTS; i++)
        CloseHandle(events[i]);
}

static double private_bytes_of(struct process_id id)
{
    look();
    const struct process *process = observation_process(seen, id.pid);
    return process != NULL ? process->private_bytes : (double)NAN;
}

static bool grows_on(struct process_id id)
{
    const double before = private_bytes_of(id);
    for (int i = 0; i < 100; i++) {
        Sleep(100);
        if (private_bytes_of(id) > before)
            return true;
    }
    return false;
}

static bool exists(const char *path)
{
    return GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES;
}

/* The child process leaks: as long as it grows, it is not standing still. */
static void check_dump(struct process_id id)
{
    static const char path[] = "C:\\probe dump.dmp", part[] = "C:\\probe dump.dmp.part";
    struct err err = {0};
    enum status status = os_process_dump(os, id, false, path, 0, 60000, &err);
    check(status == STATUS_OK && GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES, "a small dump: %s",
          err.text);
    check(grows_on(id), "the process goes on after it");
    DeleteFileA(path);
    err = (struct err){0};
    status = os_process_dump(os, id, false, "C:/probe dump.dmp", 0, 60000, &err);
    check(status == STATUS_OK && exists(path), "one into a folder with slashes: %s", err.text);
    DeleteFileA(path);

    err = (struct err){0};
    status = os_process_dump(os, id, true, path, 1e18, 60000, &err);
    check(status == STATUS_FULL && GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES,
          "a disk without room gets none: %s", err.text);

    err = (struct err){0};
    status =
        os_process_dump(os, (struct process_id){id.pid, id.created_100ns + 1}, false, path, 0, 60000, &err);
    check(status == STATUS_NOT_FOUND, "nor does a reused pid: %s", err.text);

    /* A dump that hangs with the process suspended, as in main below. */
    SetEnvironmentVariableA(HANG, "hangs");
    err = (struct err){0};
    const int64_t begun_ms = os_mono_ms(os);
    status = os_process_dump(os, id, true, path, 0, 500, &err);
    SetEnvironmentVariableA(HANG, NULL);
    check(status == STATUS_TIMEOUT, "one that hangs is ended after %lld ms: %s",
          (long long)(os_mono_ms(os) - begun_ms), err.text);
    check(grows_on(id), "and the process, which it had suspended, goes on");
    check(!exists(path) && !exists(part), "nothing of it is left");

    SetEnvironmentVariableA(HANG, "dies");
    err = (struct err){0};
    status = os_process_dump(os, id, true, path, 0, 60000, &err);
    SetEnvironmentVariableA(HANG, NULL);
    check(status != STATUS_OK && err.code == STATUS_ACCESS_VIOLATION, "one that crashes is told of: %s",
          err.text);
    check(grows_on(id), "and the process goes on");
    check(!exists(path) && !exists(part), "with nothing left");
}

/* What the child of os_process_dump does here instead: it writes a little, stops the process and hangs, or
 * crashes. */
static int hang(const char *how, const char *pid, const char *path)
{
    LONG(WINAPI * suspend)(HANDLE) = NULL;
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "NtSuspendProcess");
    memcpy(&suspend, &found, sizeof(found));
    const HANDLE process = OpenProcess(PROCESS_ALL_ACCESS, FALSE, (DWORD)strtoul(pid, NULL, 10));
    FILE *file = fopen(path, "wb");
    if (file == NULL || process == NULL || suspend == NULL || suspend(process) < 0)
        return 1;
    fputs("MDMP", file);
    fflush(file);
    if (strcmp(how, "dies") == 0)
        TerminateProcess(GetCurrentProcess(), (UINT)STATUS_ACCESS_VIOLATION);
    Sleep(INFINITE);
    return 0;
}

/* The header of this very image, changed where it lies in memory: that is where the limit is read from. */
static void check_image_flags(void)
{
    unsigned char *base = (unsigned char *)GetModuleHandleW(NULL);
    IMAGE_NT_HEADERS *nt = (IMAGE_NT_HEADERS *)(base + ((IMAGE_DOS_HEADER *)base)->e_lfanew);
    FILETIME created, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    const struct process_id own = {GetCurrentProcessId(),
                                   (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime};
    const IMAGE_NT_HEADERS kept = *nt;
    struct err err = {0};
    struct space space = {0};
    double with = 0, without = 0;
    DWORD protection = 0;
    if (!VirtualProtect(nt, sizeof(*nt), PAGE_READWRITE, &protection)) {
        check(false, "the own header cannot be made writable: error %lu", (unsigned long)GetLastError());
        return;
    }
    nt->FileHeader.Characteristics |= IMAGE_FILE_LARGE_ADDRESS_AWARE;
    enum status status = os_process_address_limit(os, own, &with, &err);
    nt->FileHeader.Characteristics &= (WORD)~IMAGE_FILE_LARGE_ADDRESS_AWARE;
    if (status == STATUS_OK)
        status = os_process_address_limit(os, own, &without, &err);
    check(status == STATUS_OK && without == 2048 * MIB, "an image without the flag has 2 GiB: %.0f MiB %s",
          without / MIB, err.text);
    status = os_process_space(os, own, &space, &err);
    check(status == STATUS_OK && space.limit_bytes == 2048 * MIB && space.free_bytes > 0 &&
              space.free_bytes < 2048 * MIB,
          "and is walked: %.0f MiB free %s", space.free_bytes / MIB, err.text);
#ifdef _WIN64
    check(!reading_known(with), "a 64-bit one with it has no limit");
    nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress = 0x1000;
    status = os_process_address_limit(os, own, &without, &err);
    check(status == STATUS_OK && !reading_known(without), "nor has a managed one without it: %s", err.text);
    nt->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress = 0;
    nt->OptionalHeader.Magic = IMAGE_NT_OPTIONAL_HDR32_MAGIC;
    status = os_process_address_limit(os, own, &without, &err);
    check(status == STATUS_OK && !reading_known(without), "nor one with a 32-bit header in a 64-bit process");
#else
    struct os_facts facts;
    os_facts_get(os, &facts);
    check(with == facts.address_space_bytes, "with it a 32-bit one has what Windows leaves it: %.0f MiB",
          with / MIB);
#endif
    nt->Signature = 0;
    status = os_process_address_limit(os, own, &without, &err);
    check(status == STATUS_SYSTEM, "a header that is none is no \"no limit\": %s", err.text);
    *nt = kept;
    VirtualProtect(nt, sizeof(*nt), protection, &protection);
}

/* NULL when it cannot be made. */
static HANDLE process_start(char *command, struct process_id *out_id)
{
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION made;
    FILETIME created, ended, kernel, user;
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &made)) {
        check(false, "%s: error %lu", command, (unsigned long)GetLastError());
        return NULL;
    }
    CloseHandle(made.hThread);
    GetProcessTimes(made.hProcess, &created, &ended, &kernel, &user);
    *out_id =
        (struct process_id){made.dwProcessId, (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime};
    return made.hProcess;
}

static void process_end(HANDLE process)
{
    TerminateProcess(process, 1);
    WaitForSingleObject(process, 5000);
    CloseHandle(process);
}

#define DUMPING "dumping"

static int dump_as_service(const char *pid, const char *created, const char *path)
{
    const struct process_id id = {(uint32_t)strtoul(pid, NULL, 10), strtoull(created, NULL, 10)};
    return os_open(&os, NULL) == STATUS_OK &&
                   os_process_dump(os, id, true, path, 0, 4 * DEADLINE_MS, NULL) == STATUS_OK
               ? 0
               : 1;
}

/* The bound is for what never comes: a busy machine may need several times as long as one at rest. */
static bool wait_for_file(const char *path, bool there)
{
    for (int waited_ms = 0; exists(path) != there; waited_ms += 2) {
        if (waited_ms >= 20 * DEADLINE_MS)
            return false;
        Sleep(2);
    }
    return true;
}

/* The process that wants a dump ends while it is written. The target is so large that this takes seconds:
 * Wine writes 4 MiB in one. */
static void check_dump_alone(const char *standin)
{
    static const char path[] = "C:\\probe alone.dmp", part[] = "C:\\probe alone.dmp.part";
    char command[3 * MAX_PATH], self[MAX_PATH] = "";
    struct process_id id, service_id;
    const int size_mib = wine ? 24 : 512;
    snprintf(command, sizeof(command), "\"%s\" service=" SERVICE "-large base=%dM leak=4M", standin,
             size_mib);
    const HANDLE target = process_start(command, &id);
    for (int i = 0; target != NULL && i < 100 && !(private_bytes_of(id) > size_mib * MIB); i++)
        Sleep(100);
    GetModuleFileNameA(NULL, self, sizeof(self) - 1);
    snprintf(command, sizeof(command), "\"%s\" " DUMPING " %lu %llu \"%s\"", self, (unsigned long)id.pid,
             (unsigned long long)id.created_100ns, path);
    const HANDLE service = target != NULL ? process_start(command, &service_id) : NULL;
    if (service == NULL)
        return;
    const bool begun = wait_for_file(part, true) && WaitForSingleObject(service, 200) == WAIT_TIMEOUT;
    process_end(service);
    check(begun && !exists(path), "the service ends while a dump is written");
    const int64_t ended_ms = os_mono_ms(os);
    const bool gone = wait_for_file(part, false);
    check(gone && !exists(path), "it is broken off, and nothing of it is left: %lld ms",
          (long long)(os_mono_ms(os) - ended_ms));
    check(grows_on(id), "and the process goes on");
    process_end(target);
}

static void check_child(const char *standin)
{
    char command[2 * MAX_PATH];
    struct process_id id;
    struct err err = {0};
    double limit = 0;
    snprintf(command, sizeof(command), "\"%s\" service=" SERVICE "-child base=4M leak=4M", standin);
    const HANDLE child = process_start(command, &id);
    if (child == NULL)
        return;
    look();
    const struct process *process = observation_process(seen, id.pid);
    check(process != NULL && process_id_equal(process->id, id),
          "a child process is seen at once, with its creation time");
    check(process != NULL && process->parent_pid == GetCurrentProcessId(), "and its parent");

    Sleep(200); /* the loader has mapped it by then */
    enum status status = os_process_address_limit(os, id, &limit, &err);
#ifdef _WIN64
    check(status == STATUS_OK && !reading_known(limit), "a 64-bit process has no address limit: %s",
          err.text);
#else
    check(status == STATUS_OK && limit == 2048 * MIB,
          "an image that is not large address aware has 2 GiB: %.0f MiB %s", limit / MIB, err.text);
#endif
    err = (struct err){0};
    status = os_process_address_limit(os, (struct process_id){id.pid, id.created_100ns + 1}, &limit, &err);
    check(status == STATUS_NOT_FOUND, "a reused pid is not taken for the process: %s", err.text);

    check_space(id);
    check_handles();
    check_dump(id);

    process_end(child);
    look();
    check(observation_process(seen, id.pid) == NULL, "an ended process is not seen");
    err = (struct err){0};
    status = os_process_address_limit(os, id, &limit, &err);
    check(status == STATUS_NOT_FOUND, "and has no address limit: %s", err.text);
}

/* ---- services ---- */

static const struct service *service_wait(enum service_state state)
{
    const int64_t begun = os_mono_ms(os);
    for (;;) {
        look();
        const struct service *service = observation_service(seen, SERVICE);
        if ((service == NULL ? SERVICE_STATE_ABSENT : service->state) == state ||
            os_mono_ms(os) - begun > DEADLINE_MS)
            return service;
        Sleep(20);
    }
}

static bool service_is(enum service_state state)
{
    const struct service *service = service_wait(state);
    return service != NULL && service->state == state;
}

/* While the machine boots the SCM may have its database locked (1055), and a busy one is slow (1053): as the
 * product does, try again. */
static enum status start_patiently(struct err *err)
{
    const int64_t begun = os_mono_ms(os);
    for (;;) {
        *err = (struct err){0};
        const enum status status = os_service_start(os, SERVICE, err);
        const bool passes =
            err->code == ERROR_SERVICE_DATABASE_LOCKED || err->code == ERROR_SERVICE_REQUEST_TIMEOUT;
        if (!passes || os_mono_ms(os) - begun > 2 * DEADLINE_MS)
            return status;
        Sleep(200);
    }
}

static void service_configure(SC_HANDLE service, const char *standin, const char *settings, DWORD start)
{
    char path[2 * MAX_PATH];
    snprintf(path, sizeof(path), "\"%s\" service=" SERVICE " %s", standin, settings);
    /* Windows leaves what it needs alone when it is not given; Wine forgets it. */
    ChangeServiceConfigA(service, SERVICE_NO_CHANGE, start, SERVICE_NO_CHANGE, path, NULL, NULL, NEEDED "\0",
                         NULL, NULL, NULL);
}

static void process_kill(DWORD pid)
{
    const HANDLE process = OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, pid);
    if (process != NULL) {
        TerminateProcess(process, 1);
        WaitForSingleObject(process, 5000);
        CloseHandle(process);
    }
}

static bool graph_has_edge(const struct service_graph *graph, const char *from, const char *to)
{
    for (size_t i = 0; i < graph->edge_count; i++)
        if (text_equal_nocase(graph->nodes[graph->edges[i].from].name, from) &&
            text_equal_nocase(graph->nodes[graph->edges[i].to].name, to))
            return true;
    return false;
}

static void check_graph(enum service_start_type start)
{
    struct service_graph graph;
    struct err err = {0};
    if (os_service_graph(os, &graph, &err) != STATUS_OK) {
        check(false, "the service graph: %s", err.text);
        return;
    }
    enum service_start_type found = START_UNKNOWN;
    for (size_t i = 0; i < graph.node_count; i++)
        if (text_equal_nocase(graph.nodes[i].name, SERVICE))
            found = graph.nodes[i].start_type;
    check(graph_has_edge(&graph, SERVICE, NEEDED) && !graph_has_edge(&graph, NEEDED, SERVICE),
          "the graph knows the dependency (%lu services, %lu dependencies)", (unsigned long)graph.node_count,
          (unsigned long)graph.edge_count);
    check(found == start, "and the start type");
    service_graph_deinit(&graph);
}

static void check_services(const char *standin)
{
    struct err err = {0};
    check(os_service_stop(os, SERVICE "-none", &err) == STATUS_NOT_FOUND &&
              err.code == ERROR_SERVICE_DOES_NOT_EXIST,
          "a service that is not there: %s", err.text);
    const SC_HANDLE scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    const SC_HANDLE service = CreateServiceA(
        scm, SERVICE, SERVICE, SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS, SERVICE_DEMAND_START,
        SERVICE_ERROR_NORMAL, standin, NULL, NULL, NEEDED "\0", NULL, NULL);
    if (service == NULL) {
        check(false, "CreateService: error %lu", (unsigned long)GetLastError());
        CloseServiceHandle(scm);
        return;
    }
    check(service_is(SERVICE_STATE_STOPPED), "a new service is seen, stopped");
    bool sorted = true;
    for (size_t i = 1; i < seen->service_count; i++)
        sorted = sorted && text_compare_nocase(seen->services[i - 1].name, seen->services[i].name) < 0;
    check(sorted && seen->service_count > 5, "%lu services, in order", (unsigned long)seen->service_count);
    check_graph(START_DEMAND);

    service_configure(service, standin, "stop_ms=3000 hint_ms=3000", SERVICE_DEMAND_START);
    check(start_patiently(&err) == STATUS_OK, "start: %s", err.text);
    check(service_is(SERVICE_STATE_RUNNING), "it runs");
    const struct service *running = observation_service(seen, SERVICE);
    const struct process *process = running != NULL ? observation_process(seen, running->pid) : NULL;
    check(process != NULL && strstr(standin, process->image) != NULL, "its pid is that of %s",
          process != NULL ? process->image : "nobody");
    check(running != NULL && running->accepts_stop, "it takes the stop control");
    const uint32_t first_pid = running != NULL ? running->pid : 0;
    err = (struct err){0};
    check(os_service_start(os, SERVICE, &err) == STATUS_OK, "starting it again is fine: %s", err.text);

    err = (struct err){0};
    check(os_service_stop(os, SERVICE, &err) == STATUS_OK, "stop: %s", err.text);
    check(service_is(SERVICE_STATE_STOP_PENDING), "it is stopping");
    const uint32_t checkpoint = observation_service(seen, SERVICE)->checkpoint;
    check(observation_service(seen, SERVICE)->wait_hint_ms == 3000, "its wait hint is seen");
    err = (struct err){0};
    check(os_service_start(os, SERVICE, &err) == STATUS_REFUSED,
          "a start while it is stopping is no start: %s", err.text);
    const struct service *stopping = NULL;
    do {
        Sleep(50);
        look();
        stopping = observation_service(seen, SERVICE);
    } while (stopping != NULL && stopping->state == SERVICE_STATE_STOP_PENDING &&
             stopping->checkpoint == checkpoint);
    check(stopping != NULL && stopping->checkpoint > checkpoint, "its checkpoint moves");
    check(service_is(SERVICE_STATE_STOPPED) && observation_service(seen, SERVICE)->pid == 0,
          "it has stopped");
    err = (struct err){0};
    check(os_service_stop(os, SERVICE, &err) == STATUS_OK, "stopping it again is fine: %s", err.text);
    check(start_patiently(&err) == STATUS_OK && service_is(SERVICE_STATE_RUNNING) &&
              observation_service(seen, SERVICE)->pid != first_pid,
          "a restart has a new process: %s", err.text);
    const uint32_t second_pid = observation_service(seen, SERVICE)->pid;
    process_kill(second_pid);
    if (!wine) /* its SCM goes on saying RUNNING with the old pid until somebody starts the service */
        check(service_is(SERVICE_STATE_STOPPED), "a service whose process died is seen as stopped");
    check(start_patiently(&err) == STATUS_OK && service_is(SERVICE_STATE_RUNNING) &&
              observation_service(seen, SERVICE)->pid != second_pid,
          "one whose process died can be started: %s", err.text);
    os_service_stop(os, SERVICE, NULL);
    service_wait(SERVICE_STATE_STOPPED);

    service_configure(service, standin, "stop=refuse", SERVICE_DEMAND_START);
    start_patiently(&err);
    service_wait(SERVICE_STATE_RUNNING);
    err = (struct err){0};
    check(os_service_stop(os, SERVICE, &err) == STATUS_REFUSED && err.code != 0, "one that takes no stop: %s",
          err.text);
    const struct service *refusing = observation_service(seen, SERVICE);
    check(refusing != NULL && !refusing->accepts_stop, "and that is seen before");
    process_kill(refusing != NULL ? refusing->pid : 0);

    service_configure(service, standin, "", SERVICE_DISABLED);
    err = (struct err){0};
    check(os_service_start(os, SERVICE, &err) == STATUS_REFUSED && err.code == ERROR_SERVICE_DISABLED,
          "a disabled one: %s", err.text);
    check_graph(START_DISABLED);
    DeleteService(service);
    CloseServiceHandle(service);
    CloseServiceHandle(scm);
    const struct service *gone = service_wait(SERVICE_STATE_ABSENT);
    check(gone == NULL, "a deleted service is gone");
}

/* ---- events and files ---- */

static bool file_is(const char *path, const char *wanted)
{
    char text[256] = "";
    FILE *file = fopen(path, "rb");
    if (file != NULL) {
        text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
        fclose(file);
    }
    return strcmp(text, wanted) == 0;
}

/* What fails without saying why has failed all the same. */
static void check_no_code(void)
{
    struct err err = {0};
    check(windows_fail(&err, windows_status(ERROR_SUCCESS), "GetModuleFileName", ERROR_SUCCESS, "no path") ==
              STATUS_SYSTEM,
          "a failure without a code is one: %s", err.text);
    check(err.status == STATUS_SYSTEM && strcmp(err.text, "no path: Windows does not say why") == 0,
          "and says so: %s", err.text);
}

static void check_file_list(const char *folder, const char *path)
{
    struct err err = {0};
    struct file_entry found[2];
    size_t count = 99;
    const char *name = strrchr(path, '\\') + 1;
    check(os_file_list(os, folder, name, found, 2, &count, &err) == STATUS_OK && count == 0,
          "a file that is not there is not listed: %s", err.text);
    os_file_replace(os, path, "four\n", 5, NULL);
    check(os_file_list(os, folder, name, found, 2, &count, &err) == STATUS_OK && count == 1 &&
              strcmp(found[0].name, name) == 0 && found[0].bytes == 5,
          "a file is listed with its size: %zu, %s", count, err.text);
    check(os_file_remove(os, path, "", &err) == STATUS_OK &&
              GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES,
          "and removed however it begins: %s", err.text);
}

static void check_files(void)
{
    char folder[MAX_PATH], path[2 * MAX_PATH], beside[2 * MAX_PATH + 8];
    struct err err = {0};
    GetTempPathA(sizeof(folder), folder);
    snprintf(path, sizeof(path), "%sprobe-%lu.txt", folder, (unsigned long)GetCurrentProcessId());
    snprintf(beside, sizeof(beside), "%s.new", path);
    check(os_file_replace(os, path, "one\n", 4, &err) == STATUS_OK && file_is(path, "one\n"),
          "a file is written: %s", err.text);
    check(os_file_replace(os, path, "two two\n", 8, &err) == STATUS_OK && file_is(path, "two two\n"),
          "and replaced: %s", err.text);
    check(GetFileAttributesA(beside) == INVALID_FILE_ATTRIBUTES, "nothing is left beside it");
    char other[MAX_PATH];
    snprintf(other, sizeof(other), "%sprobe-%lu-other.txt", folder, (unsigned long)GetCurrentProcessId());
    check(os_file_replace(os, other, "another's\n", 10, &err) == STATUS_OK &&
              CreateHardLinkA(beside, other, NULL) &&
              os_file_replace(os, path, "two two\n", 8, &err) == STATUS_OK && file_is(path, "two two\n"),
          "where somebody has put another file's second name beside it: %s", err.text);
    check(file_is(other, "another's\n"), "that other file is not written into");
    DeleteFileA(other);
    const HANDLE busy = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    check(os_file_replace(os, path, "three\n", 6, &err) != STATUS_OK && file_is(path, "two two\n"),
          "one that is in use stays: %s", err.text);
    check(GetFileAttributesA(beside) == INVALID_FILE_ATTRIBUTES, "and nothing is left then either");
    CloseHandle(busy);
    err = (struct err){0};
    check(os_file_remove(os, path, "three", &err) == STATUS_REFUSED && file_is(path, "two two\n"),
          "one that begins otherwise stays: %s", err.text);
    check(os_file_remove(os, path, "two two\nthree", NULL) == STATUS_REFUSED, "so does a shorter one");
    err = (struct err){0};
    check(os_file_remove(os, path, "two", &err) == STATUS_OK &&
              GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES,
          "one that begins so is removed: %s", err.text);
    check(os_file_remove(os, path, "two", &err) == STATUS_OK, "one that is gone is no error: %s", err.text);
    check_file_list(folder, path);
    err = (struct err){0};
    snprintf(beside, sizeof(beside), "%s-none\\x.txt", folder);
    check(os_file_replace(os, beside, "x", 1, &err) == STATUS_NOT_FOUND && err.code == ERROR_PATH_NOT_FOUND,
          "no folder: %s", err.text);
}

static void check_events(void)
{
    struct err err = {0};
    check(os_event_write(os, ALERT_TEST, SEVERITY_INFORMATION, "probe: 100%1 \xC3\xA4\xE2\x82\xAC", &err) ==
              STATUS_OK,
          "an event: %s", err.text);
    char *text = malloc(100001);
    memset(text, 'x', 100000);
    text[100000] = '\0';
    check(os_event_write(os, ALERT_TEST, SEVERITY_WARNING, text, &err) == STATUS_OK,
          "one of 100,000 characters, cut: %s", err.text);
    free(text);
}

static void check_environment(void)
{
    char value[32];
    struct err err = {0};
    SetEnvironmentVariableW(L"PROBE_SECRET", L"p\u00E4\u0441\u20AC");
    check(environment_get("PROBE_SECRET", value, sizeof(value), &err) == STATUS_OK &&
              strcmp(value, "p\xC3\xA4\xD1\x81\xE2\x82\xAC") == 0,
          "a variable of any letters is UTF-8: %s", err.text);
    check(environment_get("PROBE_SECRET", value, 8, &err) == STATUS_INVALID, "one that is longer: %s",
          err.text);
    err = (struct err){0};
    SetEnvironmentVariableW(L"PROBE_SECRET", L"");
    check(environment_get("PROBE_SECRET", value, sizeof(value), &err) == STATUS_OK && value[0] == '\0',
          "an empty one: %s", err.text);
    SetEnvironmentVariableW(L"PROBE_SECRET", NULL);
    check(environment_get("PROBE_SECRET", value, sizeof(value), &err) == STATUS_INVALID, "none: %s",
          err.text);
}

/* ---- cost ---- */

static DWORD WINAPI look_often(void *unused)
{
    struct observation *own = observation_new();
    (void)unused;
    DWORD good = own != NULL;
    for (int i = 0; i < 100 && good; i++)
        good = os_observe(os, own, NULL) == STATUS_OK && own->services_known && own->process_count > 0;
    observation_free(own);
    return good;
}

static void check_cost(void)
{
    for (int i = 0; i < 200; i++)
        look();
    const void *processes = os->processes.bytes, *services = os->services.bytes;
    const double bytes = self_get()->private_bytes, handles = self_get()->handle_count;
    LARGE_INTEGER frequency, begun, ended;
    QueryPerformanceFrequency(&frequency);
    QueryPerformanceCounter(&begun);
    for (int i = 0; i < STEADY_LOOKS; i++)
        look();
    QueryPerformanceCounter(&ended);
    check(self_get()->private_bytes == bytes && self_get()->handle_count == handles,
          "%d looks leave private bytes and handles as they were: %+.0f bytes, %+.0f handles", STEADY_LOOKS,
          self_get()->private_bytes - bytes, self_get()->handle_count - handles);
    check(processes == os->processes.bytes && services == os->services.bytes,
          "the buffers are kept: %lu and %lu bytes", (unsigned long)os->processes.size,
          (unsigned long)os->services.size);
    printf("a look takes %.3f ms with %lu processes and %lu services\n",
           1000.0 * (double)(ended.QuadPart - begun.QuadPart) / (double)frequency.QuadPart / STEADY_LOOKS,
           (unsigned long)seen->process_count, (unsigned long)seen->service_count);
    HANDLE threads[3];
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        threads[i] = CreateThread(NULL, 0, look_often, NULL, 0, NULL);
    bool good = true;
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++) {
        DWORD code = 0;
        WaitForSingleObject(threads[i], INFINITE);
        GetExitCodeThread(threads[i], &code);
        CloseHandle(threads[i]);
        good = good && code == 1;
    }
    check(good, "three threads look at the same time");
}

/* ---- lanes ---- */

/* As of a system whose pool is empty: the first time and then every other time nothing can be posted. Takes the
 * place of the import, as in nt52.c. */
static BOOL WINAPI post_every_other(HANDLE port, DWORD bytes, ULONG_PTR key, OVERLAPPED *overlapped)
{
    static volatile LONG calls;
    BOOL(WINAPI * real)(HANDLE, DWORD, ULONG_PTR, OVERLAPPED *) = NULL;
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "PostQueuedCompletionStatus");
    memcpy(&real, &found, sizeof(real));
    if (InterlockedIncrement(&calls) % 2 == 1) {
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return FALSE;
    }
    return real(port, bytes, key, overlapped);
}
#ifdef __i386__
#define IMPORTED "__imp__PostQueuedCompletionStatus@16"
#else
#define IMPORTED "__imp_PostQueuedCompletionStatus"
#endif
extern __typeof__(&PostQueuedCompletionStatus) const import_post __asm__(IMPORTED);
__typeof__(&PostQueuedCompletionStatus) const import_post = post_every_other;

/* Libuv makes all its threads with the first job, and keeps them: the service's loop runs and ends at once.
 */
static void check_lanes(void)
{
    static const char folder[] = "C:\\probe lanes";
    static struct config config;
    struct err err = {0};
    struct loop *loop = NULL;
    config_default(&config);
    os_folder_make(os, folder, NULL);
    const struct loop_options options = {.os = os, .config = &config, .agent = {.data_dir = folder}};
    look();
    const double before = self_get()->thread_count;
    if (loop_new(&options, &loop, &err) != STATUS_OK) {
        check(false, "the service's loop: %s", err.text);
        return;
    }
    loop_request_stop(loop, false);
    const bool ended = loop_run(loop);
    look();
    const double made = self_get()->thread_count - before;
    check(ended && made >= LANE_COUNT, "each of %d lanes has a thread of its own: %.0f threads more",
          LANE_COUNT, made);
    loop_free(loop);
}

int main(int argc, char **argv)
{
    struct err err = {0};
    if (argc > 5 && strcmp(argv[1], DUMP_COMMAND) == 0) {
        const char *how = getenv(HANG);
        return how != NULL ? hang(how, argv[2], argv[5])
                           : dump_child((const char *const *)(argv + 2), (size_t)(argc - 2));
    }
    if (argc == 5 && strcmp(argv[1], DUMPING) == 0)
        return dump_as_service(argv[2], argv[3], argv[4]);
    if (argc != 2) {
        fprintf(stderr, "probe STANDIN.exe\n");
        return 2;
    }
    seen = observation_new();
    if (seen == NULL || os_open(&os, &err) != STATUS_OK) {
        printf("not ok os_open: %s\n", err.text);
        return 1;
    }
    wine = GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != NULL;
    check_clocks();
    check_self();
    check_host();
    check_image_flags();
    check_child(argv[1]);
    check_dump_alone(argv[1]);
    check_services(argv[1]);
    check_files();
    check_no_code();
    check_events();
    check_environment();
    check_cost();
    check_lanes();
    os_close(os);
    os_close(NULL);
    observation_free(seen);
    printf("%d not ok\n", failures);
    return failures == 0 ? 0 : 1;
}

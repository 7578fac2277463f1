/* service.c - a stand-in for Store.exe and for MAPI clients: a service whose memory, handles, starting and
 * stopping behave as it is told. Copied and renamed by tests and the demo (Store.exe, ArchiveSvc.exe, ...).
 *
 *   STANDIN.exe key=value ...   as the binary path of a service, or by hand (then it runs until it is killed)
 *
 * The same keys, one a line, in SERVICE.ini beside the program override the command line; the file is read at
 * each start, so a test changes what the next incarnation does. Sizes take K, M or G; in brackets, the default.
 *
 *   service=NAME      the service's name (MSExchangeIS)
 *   log=FILE          append "UTC_MS SERVICE WHAT pid=PID start=N" at start, running, start-failed, leaking,
 *                     stopping, stopped, died: one clock for all, so that a test can check the order
 *   base=SIZE         committed and touched at once (8M)
 *   plateau=SIZE      added on top as 1-exp(-t/warm_up): a cache that warms up (0)
 *   warm_up=MS        time constant of that (5000)
 *   leak=SIZE         added per second, for ever (0)
 *   handles=N         handles leaked per second (0)
 *   leak_starts=N     leak only in the first N starts, 0 = in all (0)
 *   told=SIZE         added per second from user control 128 on, until this process ends (0)
 *   largest=SIZE      of its address space only blocks of this size stay free: the rest is reserved (0: not)
 *   limit=SIZE        nothing grows beyond this (1G)
 *   start_ms=MS       time in START_PENDING, with checkpoints (0)
 *   fail_from=N       starts number fail_from ... (1)
 *   fail_count=N      ... so many of them fail with a service-specific error (0)
 *   stop=normal       stops after stop_ms, with moving checkpoints and a wait hint; not before the file
 *                     SERVICE.hold beside the program is gone
 *        hang         stays in STOP_PENDING for ever, its checkpoint does not move
 *        refuse       does not take the stop control
 *        ignore       takes the control and goes on running
 *        die          the process ends without telling the SCM
 *   stop_ms=MS        (0)
 *   hint_ms=MS        wait hint while starting and stopping (2000)
 *   worker=FILE       another copy of this program, run as a child that does the growing (as Exchange 2013's
 *                     Store.Worker); it ends with its parent
 *   dll=FILE          a DLL that it loads and keeps (an Emsmdb32.dll of our own making)
 *
 * How often a service was started is kept in SERVICE.starts beside the program. */
#include <windows.h>

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS 50
#define COMMIT_BYTES ((SIZE_T)64 * 1024)
#define ARENA_BYTES ((SIZE_T)16 * 1024 * 1024)
#define EXIT_TOLD_TO_FAIL 42
#define CONTROL_LEAK 128 /* the first code that a user may give a meaning */

enum stop_kind { STOP_NORMAL, STOP_HANG, STOP_REFUSE, STOP_IGNORE, STOP_DIE };

static struct {
    char service[64];
    char log[MAX_PATH];
    char worker[MAX_PATH];
    char dll[MAX_PATH];
    double base, plateau, leak, told, limit, largest;
    DWORD warm_up_ms, handles, leak_starts, start_ms, fail_from, fail_count, stop_ms, hint_ms, worker_of;
    enum stop_kind stop;
} settings = {.service = "MSExchangeIS",
              .base = 8 << 20,
              .limit = 1 << 30,
              .warm_up_ms = 5000,
              .fail_from = 1,
              .hint_ms = 2000};

static char folder[MAX_PATH];
static DWORD start_number;
static volatile LONG told_to_leak;
static HANDLE stop_event;
static SERVICE_STATUS_HANDLE status_handle;
static SERVICE_STATUS status = {.dwServiceType = SERVICE_WIN32_OWN_PROCESS};

/* ---- settings ---- */

static double size_of(const char *text)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    return *end == 'K'   ? value * 1024
           : *end == 'M' ? value * 1024 * 1024
           : *end == 'G' ? value * 1024 * 1024 * 1024
                         : value;
}

static void setting_set(const char *key, const char *value)
{
    static const char *const stops[] = {"normal", "hang", "refuse", "ignore", "die"};
    const struct {
        const char *key;
        double *number;
        DWORD *count;
        char *text;
        size_t capacity;
    } known[] = {
        {"base", &settings.base, NULL, NULL, 0},
        {"plateau", &settings.plateau, NULL, NULL, 0},
        {"leak", &settings.leak, NULL, NULL, 0},
        {"told", &settings.told, NULL, NULL, 0},
        {"limit", &settings.limit, NULL, NULL, 0},
        {"largest", &settings.largest, NULL, NULL, 0},
        {"warm_up", NULL, &settings.warm_up_ms, NULL, 0},
        {"handles", NULL, &settings.handles, NULL, 0},
        {"leak_starts", NULL, &settings.leak_starts, NULL, 0},
        {"start_ms", NULL, &settings.start_ms, NULL, 0},
        {"fail_from", NULL, &settings.fail_from, NULL, 0},
        {"fail_count", NULL, &settings.fail_count, NULL, 0},
        {"stop_ms", NULL, &settings.stop_ms, NULL, 0},
        {"hint_ms", NULL, &settings.hint_ms, NULL, 0},
        {"worker_of", NULL, &settings.worker_of, NULL, 0},
        {"service", NULL, NULL, settings.service, sizeof(settings.service)},
        {"log", NULL, NULL, settings.log, sizeof(settings.log)},
        {"worker", NULL, NULL, settings.worker, sizeof(settings.worker)},
        {"dll", NULL, NULL, settings.dll, sizeof(settings.dll)},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(key, known[i].key) != 0)
            continue;
        if (known[i].number != NULL)
            *known[i].number = size_of(value);
        else if (known[i].count != NULL)
            *known[i].count = (DWORD)strtoul(value, NULL, 10);
        else
            snprintf(known[i].text, known[i].capacity, "%s", value);
        return;
    }
    for (size_t i = 0; strcmp(key, "stop") == 0 && i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (strcmp(value, stops[i]) == 0) {
            settings.stop = (enum stop_kind)i;
            return;
        }
    }
    fprintf(stderr, "standin: unknown setting %s=%s\n", key, value);
    exit(2);
}

static void setting_read(char *text)
{
    char *equals = strchr(text, '=');
    text[strcspn(text, "\r\n")] = '\0';
    if (equals == NULL) {
        if (text[0] != '\0' && text[0] != ';') {
            fprintf(stderr, "standin: '%s' is not key=value\n", text);
            exit(2);
        }
        return;
    }
    *equals = '\0';
    setting_set(text, equals + 1);
}

static void beside(char *path, size_t capacity, const char *extension)
{
    snprintf(path, capacity, "%s\\%s.%s", folder, settings.service, extension);
}

static void settings_read_file(void)
{
    char path[2 * MAX_PATH], line[1024];
    beside(path, sizeof(path), "ini");
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        setting_read(line);
    if (file != NULL)
        fclose(file);
}

static DWORD starts_count(void)
{
    char path[2 * MAX_PATH];
    unsigned long count = 0;
    beside(path, sizeof(path), "starts");
    FILE *file = fopen(path, "r");
    if (file != NULL) {
        if (fscanf(file, "%lu", &count) != 1)
            count = 0;
        fclose(file);
    }
    file = fopen(path, "w");
    if (file != NULL) {
        fprintf(file, "%lu\n", ++count);
        fclose(file);
    }
    return (DWORD)count;
}

/* One WriteFile in append mode: lines of several stand-ins never mix. */
static void log_line(const char *what)
{
    char line[256];
    FILETIME now;
    if (settings.log[0] == '\0')
        return;
    GetSystemTimeAsFileTime(&now);
    const uint64_t ticks = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
    const int length = snprintf(line, sizeof(line), "%lld %s %s pid=%lu start=%lu\n",
                                (long long)(ticks / 10000U) - 11644473600000LL, settings.service, what,
                                (unsigned long)GetCurrentProcessId(), (unsigned long)start_number);
    const HANDLE file = CreateFileA(settings.log, FILE_APPEND_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                    OPEN_ALWAYS, 0, NULL);
    DWORD written = 0;
    if (file != INVALID_HANDLE_VALUE) {
        WriteFile(file, line, (DWORD)length, &written, NULL);
        CloseHandle(file);
    }
}

/* ---- growing ---- */

static void grow_to(double bytes)
{
    static double committed;
    static unsigned char *arena;
    static SIZE_T used = ARENA_BYTES;
    while (committed + (double)COMMIT_BYTES <= bytes) {
        if (used == ARENA_BYTES) {
            arena = VirtualAlloc(NULL, ARENA_BYTES, MEM_RESERVE, PAGE_READWRITE);
            used = 0;
        }
        unsigned char *block =
            arena != NULL ? VirtualAlloc(arena + used, COMMIT_BYTES, MEM_COMMIT, PAGE_READWRITE) : NULL;
        if (block == NULL) {
            used = ARENA_BYTES;
            return; /* the machine is full: that is what it is for */
        }
        memset(block, 0xA5, COMMIT_BYTES);
        used += COMMIT_BYTES;
        committed += (double)COMMIT_BYTES;
    }
}

static void handles_to(double wanted)
{
    static double opened;
    while (opened + 1 <= wanted && CreateEventW(NULL, TRUE, FALSE, NULL) != NULL)
        opened += 1;
}

/* Reserves address space until each free block has `size` bytes at the most. */
static void fragment(uintptr_t size)
{
    MEMORY_BASIC_INFORMATION region;
    const uintptr_t granule = 65536;
    for (uintptr_t at = 0; VirtualQuery((const void *)at, &region, sizeof(region)) == sizeof(region);) {
        const uintptr_t base = (uintptr_t)region.BaseAddress, end = base + region.RegionSize;
        const uintptr_t first = ((base + granule - 1) & ~(granule - 1)) + size;
        if (region.State == MEM_FREE && first < end && end - first >= granule &&
            VirtualAlloc((void *)first, (end - first) & ~(granule - 1), MEM_RESERVE, PAGE_NOACCESS) == NULL &&
            end - first > 2 * granule) /* the system keeps some of the last block to itself */
            VirtualAlloc((void *)first, (end - first - granule) & ~(granule - 1), MEM_RESERVE, PAGE_NOACCESS);
        if (end <= at)
            break;
        at = end;
    }
}

/* Grows as told until `until` is signalled. */
static void live(HANDLE until)
{
    const bool leaks = settings.leak_starts == 0 || start_number <= settings.leak_starts;
    const DWORD begun = GetTickCount();
    DWORD told = 0; /* when it was told to leak; 0 = it was not */
    grow_to(settings.base);
    if (settings.largest > 0)
        fragment((uintptr_t)settings.largest);
    do {
        if (told == 0 && told_to_leak)
            told = GetTickCount();
        const double elapsed_ms = GetTickCount() - begun; /* a stand-in does not live for 49 days */
        double bytes = settings.base;
        if (settings.plateau > 0 && settings.warm_up_ms > 0)
            bytes += settings.plateau * (1 - exp(-elapsed_ms / settings.warm_up_ms));
        if (leaks) {
            bytes += settings.leak * elapsed_ms / 1000;
            handles_to(settings.handles * elapsed_ms / 1000);
        }
        if (told != 0)
            bytes += settings.told * (GetTickCount() - told) / 1000;
        grow_to(bytes < settings.limit ? bytes : settings.limit);
    } while (WaitForSingleObject(until, STEP_MS) == WAIT_TIMEOUT);
}

/* The child that does the growing; NULL without one. It watches its parent, so it never stays behind. */
static HANDLE worker_start(void)
{
    char command[4 * MAX_PATH];
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    if (settings.worker[0] == '\0')
        return NULL;
    snprintf(command, sizeof(command),
             "\"%s\" service=%s worker_of=%lu base=%.0f plateau=%.0f warm_up=%lu leak=%.0f handles=%lu "
             "limit=%.0f leak_starts=%lu",
             settings.worker, settings.service, (unsigned long)GetCurrentProcessId(), settings.base,
             settings.plateau, (unsigned long)settings.warm_up_ms, settings.leak,
             (unsigned long)settings.handles, settings.limit,
             (unsigned long)(start_number <= settings.leak_starts ? 0 : settings.leak_starts));
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        return NULL;
    CloseHandle(process.hThread);
    settings.base = 1 << 20;
    settings.plateau = settings.leak = settings.handles = 0;
    return process.hProcess;
}

static int worker_live(void)
{
    const HANDLE parent = OpenProcess(SYNCHRONIZE, FALSE, settings.worker_of);
    if (parent == NULL)
        return 3;
    start_number =
        settings.leak_starts + 1; /* the parent has decided: leak_starts=0 leaks, any other does not */
    live(parent);
    return 0;
}

/* ---- the service ---- */

static void report(DWORD state, DWORD checkpoint, DWORD code)
{
    status.dwCurrentState = state;
    status.dwControlsAccepted = state == SERVICE_RUNNING && settings.stop != STOP_REFUSE
                                    ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN
                                    : 0;
    status.dwWin32ExitCode = code != 0 ? ERROR_SERVICE_SPECIFIC_ERROR : NO_ERROR;
    status.dwServiceSpecificExitCode = code;
    status.dwCheckPoint = checkpoint;
    status.dwWaitHint = checkpoint != 0 ? settings.hint_ms : 0;
    SetServiceStatus(status_handle, &status);
}

/* `ms` in a pending state, the checkpoint moving a few times a second. */
static void pend(DWORD state, DWORD ms)
{
    static DWORD checkpoint;
    const DWORD begun = GetTickCount();
    report(state, ++checkpoint, 0);
    for (DWORD passed = 0; passed < ms; passed = GetTickCount() - begun) {
        Sleep(ms - passed < 200 ? ms - passed : 200);
        report(state, ++checkpoint, 0);
    }
}

static bool is_held(void)
{
    char path[2 * MAX_PATH];
    beside(path, sizeof(path), "hold");
    return GetFileAttributesA(path) != INVALID_FILE_ATTRIBUTES;
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
    (void)type, (void)data, (void)context;
    switch (code) {
    case SERVICE_CONTROL_STOP:
    case SERVICE_CONTROL_SHUTDOWN:
        if (settings.stop == STOP_IGNORE)
            return NO_ERROR;
        if (settings.stop == STOP_DIE) {
            log_line("died");
            TerminateProcess(GetCurrentProcess(), 3);
        }
        report(SERVICE_STOP_PENDING, 1, 0);
        SetEvent(stop_event);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    case CONTROL_LEAK:
        told_to_leak = 1;
        log_line("leaking");
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

static void WINAPI service_main(DWORD argc, LPWSTR *argv)
{
    wchar_t name[64];
    (void)argc, (void)argv;
    MultiByteToWideChar(CP_UTF8, 0, settings.service, -1, name, 64);
    status_handle = RegisterServiceCtrlHandlerExW(name, control, NULL);
    start_number = starts_count();
    log_line("start");
    pend(SERVICE_START_PENDING, settings.start_ms);
    if (start_number >= settings.fail_from && start_number - settings.fail_from < settings.fail_count) {
        log_line("start-failed");
        report(SERVICE_STOPPED, 0, EXIT_TOLD_TO_FAIL);
        return;
    }
    const HANDLE worker = worker_start();
    log_line("running");
    report(SERVICE_RUNNING, 0, 0);
    live(stop_event);
    log_line("stopping");
    if (settings.stop == STOP_HANG)
        Sleep(INFINITE);
    pend(SERVICE_STOP_PENDING, settings.stop_ms);
    while (is_held())
        pend(SERVICE_STOP_PENDING, 200);
    if (worker != NULL) {
        TerminateProcess(worker, 0);
        WaitForSingleObject(worker, 5000);
    }
    log_line("stopped");
    report(SERVICE_STOPPED, 0, 0);
}

int main(int argc, char **argv)
{
    GetModuleFileNameA(NULL, folder, sizeof(folder) - 1);
    *strrchr(folder, '\\') = '\0';
    for (int i = 1; i < argc; i++)
        if (strchr(argv[i], '=') != NULL) /* others are storewatch's, in whose place it may be registered */
            setting_read(argv[i]);
    if (settings.worker_of != 0)
        return worker_live();
    settings_read_file();
    if (settings.dll[0] != '\0' && LoadLibraryA(settings.dll) == NULL) {
        fprintf(stderr, "standin: %s does not load: error %lu\n", settings.dll,
                (unsigned long)GetLastError());
        return 4;
    }
    stop_event = CreateEventW(NULL, TRUE, FALSE, NULL);
    wchar_t empty[] = L"";
    const SERVICE_TABLE_ENTRYW table[] = {{empty, service_main}, {NULL, NULL}};
    if (!StartServiceCtrlDispatcherW(table)) {
        if (GetLastError() != ERROR_FAILED_SERVICE_CONTROLLER_CONNECT)
            return 3;
        start_number = starts_count();
        log_line("start");
        worker_start();
        live(stop_event); /* an ordinary program: nobody signals it */
    }
    return 0;
}

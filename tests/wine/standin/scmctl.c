/* scmctl.c - the service control manager for test scripts: one command, plain lines, an exit code that says.
 *
 *   scmctl create NAME BINARY_PATH [needs=A,B] [start=auto|demand|disabled]
 *   scmctl delete NAME                  config NAME key=value ...   (needs=, start=, path=, account=)
 *   scmctl start NAME                   control NAME CODE           (6 = PARAMCHANGE)
 *   scmctl stop NAME [SECONDS]          SECONDS: and wait until it has stopped
 *   scmctl query NAME                   "NAME running pid=1234 checkpoint=0 hint=0 exit=0/0"
 *   scmctl list                         the same for every service
 *   scmctl show NAME                    configuration: path, start, needs, description, failure actions
 *   scmctl wait NAME STATE SECONDS      STATE: running, stopped, absent, new:PID (running in another process)
 *   scmctl kill PID                     ends one process
 *   scmctl ps [IMAGE]                   "PID IMAGE" of each process
 *   scmctl sleep SECONDS                an ordinary program: while one lives, Wine keeps the services
 *   scmctl event NAME                   signals a named event (then a `scmctl hold NAME` ends)
 *   scmctl hold NAME                    an ordinary program that lives until that
 *
 * Exit code: 0 done, 1 no (it failed: "error CODE" on stdout; or the wait ran out), 2 wrong use. */
#include <windows.h>
#include <tlhelp32.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_UNITS 4096

static SC_HANDLE scm;

static int failed(const char *what, DWORD code)
{
    printf("error %lu %s\n", (unsigned long)code, what);
    return 1;
}

static const wchar_t *value_of(wchar_t **argv, const wchar_t *key)
{
    const size_t length = wcslen(key);
    for (; *argv != NULL; argv++)
        if (wcsncmp(*argv, key, length) == 0 && (*argv)[length] == L'=')
            return *argv + length + 1;
    return NULL;
}

static DWORD start_of(const wchar_t *text, DWORD otherwise)
{
    if (text == NULL)
        return otherwise;
    return wcscmp(text, L"auto") == 0       ? SERVICE_AUTO_START
           : wcscmp(text, L"disabled") == 0 ? SERVICE_DISABLED
                                            : SERVICE_DEMAND_START;
}

/* "A,B" -> "A\0B\0\0" */
static const wchar_t *needs_of(const wchar_t *text, wchar_t out[TEXT_UNITS])
{
    if (text == NULL || wcslen(text) + 2 > TEXT_UNITS)
        return NULL;
    memset(out, 0, TEXT_UNITS * sizeof(*out));
    memcpy(out, text, wcslen(text) * sizeof(*text));
    for (wchar_t *c = out; *c != 0; c++)
        if (*c == L',')
            *c = 0;
    return out;
}

static const char *state_name(DWORD state)
{
    static const char *const names[] = {"unknown", "stopped",          "start-pending", "stop-pending",
                                        "running", "continue-pending", "pause-pending", "paused"};
    return state < sizeof(names) / sizeof(names[0]) ? names[state] : names[0];
}

static void status_print(const wchar_t *name, const SERVICE_STATUS_PROCESS *s)
{
    printf("%ls %s pid=%lu checkpoint=%lu hint=%lu exit=%lu/%lu\n", name, state_name(s->dwCurrentState),
           (unsigned long)s->dwProcessId, (unsigned long)s->dwCheckPoint, (unsigned long)s->dwWaitHint,
           (unsigned long)s->dwWin32ExitCode, (unsigned long)s->dwServiceSpecificExitCode);
}

static bool process_lives(DWORD pid)
{
    const HANDLE process = OpenProcess(SYNCHRONIZE, FALSE, pid);
    const bool lives = process != NULL ? WaitForSingleObject(process, 0) == WAIT_TIMEOUT
                                       : GetLastError() != ERROR_INVALID_PARAMETER;
    if (process != NULL)
        CloseHandle(process);
    return lives;
}

/* Windows says STOPPED (1067) as soon as a service's process has died. Wine goes on saying RUNNING until the
 * next start; so that scripts need not care, it is said here. */
static void status_correct(SERVICE_STATUS_PROCESS *status)
{
    if (status->dwCurrentState != SERVICE_STOPPED &&
        !(status->dwProcessId != 0 && process_lives(status->dwProcessId))) {
        *status = (SERVICE_STATUS_PROCESS){.dwCurrentState = SERVICE_STOPPED,
                                           .dwWin32ExitCode = ERROR_PROCESS_ABORTED};
    }
}

/* The Windows error, 1060 when it does not exist. */
static DWORD status_read(const wchar_t *name, SERVICE_STATUS_PROCESS *out)
{
    const SC_HANDLE service = OpenServiceW(scm, name, SERVICE_QUERY_STATUS);
    DWORD needed = 0, code = service == NULL ? GetLastError() : ERROR_SUCCESS;
    if (service == NULL)
        return code;
    if (!QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, (BYTE *)out, sizeof(*out), &needed))
        code = GetLastError();
    else
        status_correct(out);
    CloseServiceHandle(service);
    return code;
}

static int wait_for(const wchar_t *name, const wchar_t *state, const wchar_t *seconds)
{
    const DWORD begun = GetTickCount(), last = (DWORD)(wcstod(seconds, NULL) * 1000);
    const DWORD old_pid = wcsncmp(state, L"new:", 4) == 0 ? wcstoul(state + 4, NULL, 10) : 0;
    SERVICE_STATUS_PROCESS now = {0};
    for (;;) {
        const DWORD code = status_read(name, &now);
        const bool reached = code == ERROR_SERVICE_DOES_NOT_EXIST ? wcscmp(state, L"absent") == 0
                             : code != ERROR_SUCCESS              ? false
                             : old_pid != 0
                                 ? now.dwCurrentState == SERVICE_RUNNING && now.dwProcessId != old_pid
                             : wcscmp(state, L"running") == 0 ? now.dwCurrentState == SERVICE_RUNNING
                             : wcscmp(state, L"stopped") == 0 ? now.dwCurrentState == SERVICE_STOPPED
                                                              : false;
        if (reached || GetTickCount() - begun >= last) {
            if (code == ERROR_SUCCESS)
                status_print(name, &now);
            else
                printf("%ls absent\n", name);
            return reached ? 0 : 1;
        }
        Sleep(20);
    }
}

static int list(void)
{
    static BYTE buffer[256 * 1024];
    DWORD needed = 0, count = 0, resume = 0;
    if (!EnumServicesStatusExW(scm, SC_ENUM_PROCESS_INFO, SERVICE_WIN32, SERVICE_STATE_ALL, buffer,
                               sizeof(buffer), &needed, &count, &resume, NULL))
        return failed("EnumServicesStatusEx", GetLastError());
    const ENUM_SERVICE_STATUS_PROCESSW *services = (const ENUM_SERVICE_STATUS_PROCESSW *)(const void *)buffer;
    for (DWORD i = 0; i < count; i++)
        status_print(services[i].lpServiceName, &services[i].ServiceStatusProcess);
    return 0;
}

static int show(const wchar_t *name)
{
    static union {
        BYTE bytes[8192];
        QUERY_SERVICE_CONFIGW config;
        SERVICE_DESCRIPTIONW description;
        SERVICE_FAILURE_ACTIONSW actions;
    } buffer;
    DWORD needed = 0;
    const SC_HANDLE service = OpenServiceW(scm, name, SERVICE_QUERY_CONFIG);
    if (service == NULL)
        return failed("OpenService", GetLastError());
    if (!QueryServiceConfigW(service, &buffer.config, sizeof(buffer), &needed))
        return failed("QueryServiceConfig", GetLastError());
    printf("path %ls\nstart %lu\naccount %ls\ndisplay %ls\n", buffer.config.lpBinaryPathName,
           (unsigned long)buffer.config.dwStartType, buffer.config.lpServiceStartName,
           buffer.config.lpDisplayName);
    for (const wchar_t *need = buffer.config.lpDependencies; need != NULL && *need != 0;
         need += wcslen(need) + 1)
        printf("needs %ls\n", need);
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, buffer.bytes, sizeof(buffer), &needed) &&
        buffer.description.lpDescription != NULL)
        printf("description %ls\n", buffer.description.lpDescription);
    if (QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, buffer.bytes, sizeof(buffer),
                             &needed)) {
        printf("reset %lu\n", (unsigned long)buffer.actions.dwResetPeriod);
        for (DWORD i = 0; i < buffer.actions.cActions; i++) {
            printf("failure %d after %lu\n", (int)buffer.actions.lpsaActions[i].Type,
                   (unsigned long)buffer.actions.lpsaActions[i].Delay);
        }
    }
    CloseServiceHandle(service);
    return 0;
}

static int processes(const wchar_t *image)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof(entry)};
    const HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    for (BOOL more = Process32FirstW(snapshot, &entry); more; more = Process32NextW(snapshot, &entry))
        if (image == NULL || lstrcmpiW(image, entry.szExeFile) == 0)
            printf("%lu %ls\n", (unsigned long)entry.th32ProcessID, entry.szExeFile);
    CloseHandle(snapshot);
    return 0;
}

static int process_kill(DWORD pid)
{
    const HANDLE process = OpenProcess(PROCESS_TERMINATE, FALSE, pid);
    if (process == NULL || !TerminateProcess(process, 1))
        return failed("TerminateProcess", GetLastError());
    CloseHandle(process);
    return 0;
}

static int create(wchar_t **argv)
{
    wchar_t needs[TEXT_UNITS];
    const SC_HANDLE service =
        CreateServiceW(scm, argv[0], argv[0], SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
                       start_of(value_of(argv + 2, L"start"), SERVICE_DEMAND_START), SERVICE_ERROR_NORMAL,
                       argv[1], NULL, NULL, needs_of(value_of(argv + 2, L"needs"), needs), NULL, NULL);
    if (service == NULL)
        return failed("CreateService", GetLastError());
    CloseServiceHandle(service);
    return 0;
}

/* Everything that is done with an opened service. */
static int with_service(const char *command, wchar_t **argv)
{
    wchar_t needs[TEXT_UNITS];
    SERVICE_STATUS answer;
    BOOL done = FALSE;
    const SC_HANDLE service = OpenServiceW(scm, argv[0], SERVICE_ALL_ACCESS);
    if (service == NULL)
        return failed("OpenService", GetLastError());
    if (strcmp(command, "delete") == 0) {
        done = DeleteService(service);
    } else if (strcmp(command, "start") == 0) {
        done = StartServiceW(service, 0, NULL);
    } else if (strcmp(command, "stop") == 0) {
        done = ControlService(service, SERVICE_CONTROL_STOP, &answer);
    } else if (strcmp(command, "control") == 0) {
        done = ControlService(service, wcstoul(argv[1], NULL, 10), &answer);
    } else {
        done = ChangeServiceConfigW(
            service, SERVICE_NO_CHANGE, start_of(value_of(argv + 1, L"start"), SERVICE_NO_CHANGE),
            SERVICE_NO_CHANGE, value_of(argv + 1, L"path"), NULL, NULL,
            needs_of(value_of(argv + 1, L"needs"), needs), value_of(argv + 1, L"account"), NULL, NULL);
    }
    const DWORD code = done ? ERROR_SUCCESS : GetLastError();
    CloseServiceHandle(service);
    if (!done)
        return failed(command, code);
    return strcmp(command, "stop") == 0 && argv[1] != NULL ? wait_for(argv[0], L"stopped", argv[1]) : 0;
}

static int hold(const wchar_t *name, bool signal)
{
    const HANDLE event = CreateEventW(NULL, TRUE, FALSE, name);
    if (event == NULL)
        return failed("CreateEvent", GetLastError());
    if (signal) {
        SetEvent(event);
    } else {
        printf("holding\n");
        fflush(stdout);
        WaitForSingleObject(event, INFINITE);
    }
    return 0;
}

extern int __wgetmainargs(int *argc, wchar_t ***argv, wchar_t ***environment, int expand, int *new_mode);

int main(void)
{
    static const struct {
        const char *name;
        int arguments; /* at least */
    } commands[] = {{"create", 2},  {"delete", 1}, {"config", 2}, {"start", 1}, {"stop", 1},
                    {"control", 2}, {"query", 1},  {"list", 0},   {"show", 1},  {"wait", 3},
                    {"kill", 1},    {"ps", 0},     {"sleep", 1},  {"event", 1}, {"hold", 1}};
    int argc = 0, mode = 0;
    wchar_t **argv = NULL, **environment = NULL;
    __wgetmainargs(&argc, &argv, &environment, 0, &mode);
    char command[16] = "";
    snprintf(command, sizeof(command), "%ls", argc > 1 ? argv[1] : L"");
    bool known = false;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        known = known || (strcmp(command, commands[i].name) == 0 && argc - 2 >= commands[i].arguments);
    if (!known) {
        fprintf(stderr, "scmctl: wrong use; see tests/wine/standin/scmctl.c\n");
        return 2;
    }
    argv += 2;
    if (strcmp(command, "sleep") == 0) {
        Sleep((DWORD)(wcstod(argv[0], NULL) * 1000));
        return 0;
    }
    if (strcmp(command, "ps") == 0)
        return processes(argv[0]);
    if (strcmp(command, "kill") == 0)
        return process_kill(wcstoul(argv[0], NULL, 10));
    if (strcmp(command, "event") == 0 || strcmp(command, "hold") == 0)
        return hold(argv[0], strcmp(command, "event") == 0);
    scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_ALL_ACCESS);
    if (scm == NULL)
        return failed("OpenSCManager", GetLastError());
    if (strcmp(command, "create") == 0)
        return create(argv);
    if (strcmp(command, "list") == 0)
        return list();
    if (strcmp(command, "show") == 0)
        return show(argv[0]);
    if (strcmp(command, "wait") == 0)
        return wait_for(argv[0], argv[1], argv[2]);
    if (strcmp(command, "query") == 0) {
        SERVICE_STATUS_PROCESS now;
        const DWORD code = status_read(argv[0], &now);
        if (code != ERROR_SUCCESS)
            return failed("query", code);
        status_print(argv[0], &now);
        return 0;
    }
    return with_service(command, argv);
}

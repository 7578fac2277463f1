/* service.windows.c - see service.h. One process, one service: what the control handler, the console handler
 * and the working thread share is `shared`, under one lock.
 *
 * The state goes START_PENDING -> RUNNING -> STOP_PENDING -> STOPPED and is only ever reported under the
 * lock, so a control that comes late cannot take STOPPED back. */
#include "storewatch/service.h"

#include "../win32/setup.h"
#include "../win32/win32.h"
#include "storewatch/cli.h"
#include "storewatch/loop.h"
#include "unfinished.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_HINT_MS 30000
#define LOCK_WAIT_MS 5000
#define LOCK_STEP_MS 250
#define UNFINISHED_MAX 1024 /* of an event: the names of a few services */
#define STOP_HINT_MS (LOOP_STOP_DEADLINE_MS + 3000)
#define ACCEPT_PRESHUTDOWN 0x00000100 /* NT 6.0 */
#define CONTROL_PRESHUTDOWN 0x0000000F

static struct {
    CRITICAL_SECTION lock;
    SERVICE_STATUS_HANDLE handle; /* NULL in a console */
    bool installed;               /* it is the service that `install` registers */
    SERVICE_STATUS status;
    struct os *os; /* both lent, while the loop can be asked something */
    struct loop *loop;
    bool stop_wanted, shutdown_wanted;
    HANDLE ended; /* signalled when a console's work is done */
    char config_path[SETUP_PATH_MAX];
    bool dry_run;
    int exit_code;
} shared;

/* ---- towards the SCM ---- */

/* The caller holds the lock. What is asked to stop does not go back to starting or running, and STOPPED is
 * final. */
static void report(DWORD state, DWORD hint_ms, DWORD code, enum service_exit specific)
{
    const bool goes_up = state == SERVICE_START_PENDING || state == SERVICE_RUNNING;
    if (shared.handle == NULL || shared.status.dwCurrentState == SERVICE_STOPPED ||
        (goes_up && shared.stop_wanted))
        return;
    shared.status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
    shared.status.dwCheckPoint = hint_ms == 0                            ? 0
                                 : state == shared.status.dwCurrentState ? shared.status.dwCheckPoint + 1
                                                                         : 1;
    shared.status.dwCurrentState = state;
    shared.status.dwControlsAccepted = 0;
    if (goes_up) /* also while starting: a stop is kept and handed to the loop as soon as there is one */
        shared.status.dwControlsAccepted |= SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_SHUTDOWN;
    if (state == SERVICE_RUNNING) {
        shared.status.dwControlsAccepted |= SERVICE_ACCEPT_PARAMCHANGE;
        if (late_is_nt6(&shared.os->late)) /* older systems refuse the bit */
            shared.status.dwControlsAccepted |= ACCEPT_PRESHUTDOWN;
    }
    shared.status.dwWaitHint = hint_ms;
    shared.status.dwWin32ExitCode = code;
    shared.status.dwServiceSpecificExitCode = specific;
    SetServiceStatus(shared.handle, &shared.status);
}

static void report_locked(DWORD state, DWORD hint_ms, DWORD code, enum service_exit specific)
{
    EnterCriticalSection(&shared.lock);
    report(state, hint_ms, code, specific);
    LeaveCriticalSection(&shared.lock);
}

static void request_stop(bool os_shutdown)
{
    EnterCriticalSection(&shared.lock);
    shared.stop_wanted = true;
    shared.shutdown_wanted = shared.shutdown_wanted || os_shutdown;
    report(SERVICE_STOP_PENDING, STOP_HINT_MS, NO_ERROR, 0);
    if (shared.os != NULL && os_shutdown)
        os_shutdown_note(shared.os);
    if (shared.loop != NULL)
        loop_request_stop(shared.loop, os_shutdown);
    LeaveCriticalSection(&shared.lock);
}

static DWORD WINAPI on_control(DWORD control, DWORD type, void *data, void *context)
{
    (void)type, (void)data, (void)context;
    switch (control) {
    case SERVICE_CONTROL_STOP:
        request_stop(false);
        return NO_ERROR;
    case SERVICE_CONTROL_SHUTDOWN:
    case CONTROL_PRESHUTDOWN:
        request_stop(true);
        return NO_ERROR;
    case SERVICE_CONTROL_PARAMCHANGE:
        EnterCriticalSection(&shared.lock);
        if (shared.loop != NULL)
            loop_request_reload(shared.loop);
        LeaveCriticalSection(&shared.lock);
        return NO_ERROR;
    case SERVICE_CONTROL_INTERROGATE:
        return NO_ERROR;
    default:
        return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

/* ---- towards the console ---- */

static BOOL WINAPI on_console(DWORD event)
{
    if (shared.handle != NULL) {
        return event == CTRL_LOGOFF_EVENT ||
               event == CTRL_SHUTDOWN_EVENT; /* nobody's business here: the SCM tells us */
    }
    EnterCriticalSection(&shared.lock);
    const bool again = shared.stop_wanted;
    LeaveCriticalSection(&shared.lock);
    if (again && (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT))
        return FALSE; /* asked twice: Windows ends us at once, the journal is on the disk */
    request_stop(event == CTRL_SHUTDOWN_EVENT);
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT)
        WaitForSingleObject(shared.ended, STOP_HINT_MS); /* the process ends when this returns */
    return TRUE;
}

/* ---- telling why it does not start ---- */

/* To stderr, to the event log, and to the SCM; `text` may have several lines. Returns the exit code. */
static int refuse(struct os *os, enum alert_kind kind, enum service_exit specific, int exit_code,
                  const char *text)
{
    fprintf(stderr, "%s\n", text);
    struct err err = {0};
    if (os != NULL && shared.handle != NULL &&
        os_event_write(os, kind, SEVERITY_ERROR, text, &err) != STATUS_OK)
        fprintf(stderr, "%s\n", err.text);
    report_locked(SERVICE_STOPPED, 0, ERROR_SERVICE_SPECIFIC_ERROR, specific);
    return exit_code;
}

/* A restart waits for this start. */
static void add_unfinished(struct text *out)
{
    char data_dir[SETUP_PATH_MAX];
    if (unfinished_find(shared.config_path, data_dir, sizeof(data_dir)))
        text_add_unfinished(out, data_dir);
}

static int refuse_start(struct os *os, const struct err *err)
{
    char text[ERR_TEXT_MAX + UNFINISHED_MAX];
    struct text out = text_on(text, sizeof(text));
    text_add(&out, "storewatch cannot start: %s", err->text);
    if (err->status != STATUS_BUSY) /* else another one works on that data, and goes on with it */
        add_unfinished(&out);
    return refuse(os, ALERT_STOPPED, SERVICE_EXIT_START, EXIT_COULD_NOT, text);
}

/* Loads it, or tells every finding. EXIT_FINE or the exit code. */
static int load_config(struct os *os, struct config *out_config)
{
    struct err err = {0};
    struct buffer text = {.limit = 256 * 1024};
    int code = EXIT_FINE;
    struct config_findings *findings = calloc(1, sizeof(*findings));
    if (findings == NULL) {
        err_set(&err, STATUS_NO_MEMORY, "config", 0, "not enough memory");
        return refuse_start(os, &err);
    }
    const enum status status = config_load(shared.config_path, out_config, findings, &err);
    buffer_add(&text, "storewatch cannot start: the configuration is not usable.");
    for (size_t i = 0; i < findings->count; i++) {
        char line[1024];
        struct text out = text_on(line, sizeof(line));
        config_finding_format(&out, shared.config_path, &findings->items[i]);
        if (status == STATUS_OK)
            fprintf(stderr, "%s\n", line); /* a warning */
        else
            buffer_add(&text, "\r\n%s", line);
    }
    if (status != STATUS_OK) {
        char storage[UNFINISHED_MAX];
        struct text unfinished = text_on(storage, sizeof(storage));
        if (findings->count == 0)
            buffer_add(&text, "\r\n%s", err.text);
        add_unfinished(&unfinished);
        buffer_add(&text, "%s%s", storage[0] != '\0' ? "\r\n" : "", storage);
        code = refuse(os, ALERT_CONFIG_INVALID, SERVICE_EXIT_CONFIG,
                      status == STATUS_INVALID ? EXIT_USAGE : EXIT_COULD_NOT,
                      text.data != NULL ? text.data
                                        : "storewatch cannot start: the configuration is not usable.");
    }
    buffer_deinit(&text);
    free(findings);
    return code;
}

/* ---- the work ---- */

/* The data directory is there and belongs to this process alone until the handle is closed. */
static HANDLE claim_data_dir(const char *data_dir, struct err *err)
{
    char path[SETUP_PATH_MAX], made[SETUP_PATH_MAX];
    if (setup_folder_make(data_dir, made, err) != STATUS_OK)
        return INVALID_HANDLE_VALUE;
    struct text text = text_on(path, sizeof(path));
    text_add(&text, "%s\\" SERVICE_LOCK_NAME, data_dir);
    wchar_t *wide = utf16_new(path);
    if (wide == NULL) {
        err_set(err, STATUS_NO_MEMORY, "CreateFile", 0, "not enough memory");
        return INVALID_HANDLE_VALUE;
    }
    HANDLE lock = INVALID_HANDLE_VALUE;
    DWORD code = ERROR_SHARING_VIOLATION;
    /* A scanner, or one that is just ending, has it for a moment; what is being deleted is denied meanwhile. */
    for (int waited_ms = 0; lock == INVALID_HANDLE_VALUE && waited_ms <= LOCK_WAIT_MS &&
                            (code == ERROR_SHARING_VIOLATION || code == ERROR_ACCESS_DENIED);
         waited_ms += LOCK_STEP_MS) {
        Sleep(waited_ms > 0 ? LOCK_STEP_MS : 0);
        lock = CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
        code = GetLastError();
    }
    if (lock == INVALID_HANDLE_VALUE && code == ERROR_SHARING_VIOLATION) {
        err_set(err, STATUS_BUSY, "CreateFile", code, "another storewatch works on %s", data_dir);
    } else if (lock == INVALID_HANDLE_VALUE) {
        windows_fail(err, windows_status(code), "CreateFile", code, "the data directory %s cannot be used",
                     data_dir);
    }
    free(wide);
    return lock;
}

/* From here on controls reach the loop; those that came before are handed over. */
static void publish(struct os *os, struct loop *loop)
{
    EnterCriticalSection(&shared.lock);
    shared.os = os;
    shared.loop = loop;
    if (loop != NULL && shared.stop_wanted)
        loop_request_stop(loop, shared.shutdown_wanted);
    else if (loop != NULL)
        report(SERVICE_RUNNING, 0, NO_ERROR, 0);
    LeaveCriticalSection(&shared.lock);
}

static int watch_with(struct os *os, const struct config *config, const char *data_dir)
{
    struct err err = {0};
    struct loop *loop = NULL;
    const HANDLE lock = claim_data_dir(data_dir, &err);
    if (lock == INVALID_HANDLE_VALUE)
        return refuse_start(os, &err);
    report_locked(SERVICE_START_PENDING, START_HINT_MS, NO_ERROR, 0);
    const struct loop_options options = {
        .os = os,
        .config = config,
        .agent = {.config_path = shared.config_path, .data_dir = data_dir, .dry_run = shared.dry_run},
        .with_control_pipe = true,
    };
    if (loop_new(&options, &loop, &err) != STATUS_OK) {
        CloseHandle(lock);
        return refuse_start(os, &err);
    }
    publish(os, loop);
    if (shared.handle == NULL)
        fprintf(stderr, "storewatch: watching with %s; Ctrl-C ends it\n", shared.config_path);
    const bool in_time = loop_run(loop);
    publish(NULL, NULL);
    if (!in_time) {
        /* A worker still waits for an SCM or a relay that does not answer. What had to be saved is saved or
         * in the journal; an orderly end would wait for that worker. */
        report_locked(SERVICE_STOPPED, 0, NO_ERROR, 0);
        TerminateProcess(GetCurrentProcess(), EXIT_FINE);
    }
    loop_free(loop);
    CloseHandle(lock);
    return EXIT_FINE;
}

/* A restart is finished where its record is, also when the configuration leads elsewhere by now. Another one, in a
 * console or registered by hand under another name, has no part in it. */
static void find_unfinished(struct os *os, char data_dir[SETUP_PATH_MAX])
{
    char elsewhere[SETUP_PATH_MAX], text[3 * SETUP_PATH_MAX];
    if (!shared.installed)
        return;
    if (!unfinished_elsewhere(data_dir, elsewhere, sizeof(elsewhere))) {
        setup_data_dir_note(data_dir);
        return;
    }
    struct text out = text_on(text, sizeof(text));
    text_add(
        &out,
        "The configuration names the data directory %s, but a restart was under way when storewatch last "
        "ended, and its record is in %s: storewatch goes on there, and takes over the new one when it is "
        "started after the restart's end.",
        data_dir, elsewhere);
    os_event_write(os, ALERT_STARTED, SEVERITY_WARNING, text, NULL);
    memcpy(data_dir, elsewhere, sizeof(elsewhere));
}

/* Everything from the configuration to the end; has told the SCM STOPPED when it returns. */
static int watch(void)
{
    struct err err = {0};
    struct os *os = NULL;
    char data_dir[SETUP_PATH_MAX];
    struct config *config = malloc(sizeof(*config));
    if (config == NULL || os_open(&os, &err) != STATUS_OK) {
        err_set(&err, STATUS_NO_MEMORY, "watch", 0, "not enough memory");
        free(config);
        return refuse_start(NULL, &err);
    }
    int code = load_config(os, config);
    if (code == EXIT_FINE && !cli_data_dir(config, data_dir, sizeof(data_dir))) {
        err_set(&err, STATUS_FULL, "data_dir", 0, "the path of the data directory is too long");
        code = refuse_start(os, &err);
    } else if (code == EXIT_FINE) {
        find_unfinished(os, data_dir);
        code = watch_with(os, config, data_dir);
    }
    os_close(os);
    free(config);
    report_locked(SERVICE_STOPPED, 0, NO_ERROR, 0);
    return code;
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
    const SERVICE_STATUS_HANDLE handle = RegisterServiceCtrlHandlerExW(STOREWATCH_SERVICE, on_control, NULL);
    if (handle == NULL)
        return; /* the SCM would never hear of us */
    EnterCriticalSection(&shared.lock);
    shared.handle = handle;
    shared.installed = argc > 0 && _wcsicmp(argv[0], STOREWATCH_SERVICE) == 0;
    report(SERVICE_START_PENDING, START_HINT_MS, NO_ERROR, 0);
    LeaveCriticalSection(&shared.lock);
    shared.exit_code = watch();
}

int service_run(const char *config_path, bool dry_run)
{
    struct err err = {0};
    wchar_t name[] = STOREWATCH_SERVICE;
    const SERVICE_TABLE_ENTRYW table[] = {{name, service_main}, {NULL, NULL}};
    if (setup_absolute(config_path, shared.config_path, &err) != STATUS_OK)
        return cli_fail("%s", err.text);
    shared.dry_run = dry_run;
    InitializeCriticalSection(&shared.lock);
    shared.ended = CreateEventW(NULL, TRUE, FALSE, NULL);
    SetConsoleCtrlHandler(on_console, TRUE);
    if (StartServiceCtrlDispatcherW(table))
        return shared.exit_code;
    const DWORD code = GetLastError();
    if (code != ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
        windows_fail(&err, windows_status(code), "StartServiceCtrlDispatcher", code,
                     "the service control manager does not answer");
        return cli_fail("%s", err.text);
    }
    shared.exit_code = watch();
    SetEvent(shared.ended);
    return shared.exit_code;
}

extern int __wgetmainargs(int *argc, wchar_t ***argv, wchar_t ***environment, int expand_wildcards,
                          int *new_mode);

void service_arguments(int *argc, char ***argv)
{
    int count = 0, mode = 0;
    wchar_t **wide = NULL, **environment = NULL;
    __wgetmainargs(&count, &wide, &environment, 0, &mode);
    char **utf8 = calloc((size_t)count + 1, sizeof(*utf8));
    for (int i = 0; utf8 != NULL && i < count; i++) {
        utf8[i] = utf16_to_utf8_new(wide[i]);
        if (utf8[i] == NULL) {
            while (i > 0)
                free(utf8[--i]);
            free(utf8);
            return;
        }
    }
    if (utf8 != NULL) {
        *argc = count;
        *argv = utf8;
    }
}

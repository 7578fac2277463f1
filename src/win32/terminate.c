/* terminate.c - ends the process of one service that hangs in its stop: the only place that ends another
 * process.
 *
 * Everything is compared through the handle that ends it: once a handle is open its process keeps its number,
 * so nothing can slip in between the comparison and the end. What the service manager says is asked last. */
#include "win32.h"

#include <stdlib.h>

#define FAILURE_ACTIONS_BYTES 8192 /* the most that Windows gives */

/* A process that ends without having reported its stop is a failure to the service manager: then it does what
 * the service's failure actions say, and one of them restarts the computer. Wine knows no failure actions. */
static DWORD failure_restarts_computer(SC_HANDLE service, bool *out_restarts)
{
    static const DWORD not_known[] = {ERROR_INVALID_LEVEL, ERROR_CALL_NOT_IMPLEMENTED};
    DWORD needed = 0, code = ERROR_SUCCESS;
    SERVICE_FAILURE_ACTIONSW *actions = malloc(FAILURE_ACTIONS_BYTES);
    *out_restarts = false;
    if (actions == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (!QueryServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, (BYTE *)actions, FAILURE_ACTIONS_BYTES,
                              &needed)) {
        code = GetLastError();
        actions->cActions = 0;
    }
    for (DWORD i = 0; i < actions->cActions; i++)
        *out_restarts |= actions->lpsaActions[i].Type == SC_ACTION_REBOOT;
    free(actions);
    for (size_t i = 0; i < ARRAY_COUNT(not_known); i++)
        code = code == not_known[i] ? ERROR_SUCCESS : code;
    return code;
}

/* The service manager's view of the service: is it stop pending, alone, in this process, and may it fail? */
static enum status service_check(const char *name, uint32_t pid, struct err *err)
{
    wchar_t wide[SERVICE_NAME_MAX];
    SERVICE_STATUS_PROCESS now = {0};
    DWORD needed = 0;
    struct scm_service opened;
    if (!utf16_from_utf8(name, wide, ARRAY_COUNT(wide))) {
        return err_set(err, STATUS_NOT_FOUND, "OpenService", ERROR_SERVICE_DOES_NOT_EXIST,
                       "service %s: there is no such service", name);
    }
    bool restarts_computer = false;
    DWORD code = scm_service_open(wide, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, 0, &opened);
    if (code == ERROR_SUCCESS)
        code = failure_restarts_computer(opened.service, &restarts_computer);
    if (code == ERROR_SUCCESS &&
        !QueryServiceStatusEx(opened.service, SC_STATUS_PROCESS_INFO, (BYTE *)&now, sizeof(now), &needed))
        code = GetLastError();
    scm_service_close(&opened);
    if (code != ERROR_SUCCESS) {
        return windows_fail(err, windows_status(code), "QueryServiceStatusEx", code,
                            "service %s cannot be asked, so its process is not ended", name);
    }
    if (now.dwCurrentState != SERVICE_STOP_PENDING || now.dwProcessId != pid) {
        return err_set(err, STATUS_REFUSED, "QueryServiceStatusEx", 0,
                       "service %s is not stop pending in process %lu any more (state %lu, process %lu)",
                       name, (unsigned long)pid, (unsigned long)now.dwCurrentState,
                       (unsigned long)now.dwProcessId);
    }
    if (restarts_computer) {
        return err_set(err, STATUS_REFUSED, "QueryServiceConfig2", 0,
                       "a failure action of service %s restarts the computer, so its process is not ended",
                       name);
    }
    if ((now.dwServiceType & SERVICE_WIN32_OWN_PROCESS) == 0) {
        return err_set(err, STATUS_REFUSED, "QueryServiceStatusEx", 0,
                       "service %s is registered to share its process with others", name);
    }
    return STATUS_OK;
}

enum status os_process_terminate(struct os *os, const char *service, struct process_id id, struct err *err)
{
    (void)os;
    HANDLE process = NULL;
    if (id.pid == GetCurrentProcessId())
        return err_set(err, STATUS_REFUSED, "TerminateProcess", 0, "storewatch does not end itself");
    enum status status = process_open_as(PROCESS_TERMINATE | SYNCHRONIZE, id, &process, err);
    const DWORD asked_ms = GetTickCount();
    if (status == STATUS_OK)
        status = service_check(service, id.pid, err);
    const DWORD answer_ms = GetTickCount() - asked_ms;
    if (status == STATUS_OK && answer_ms > RESTART_FRESH_MS) {
        status =
            err_set(err, STATUS_BUSY, "QueryServiceStatusEx", RESTART_TOO_LATE,
                    "the service manager took %lu s to answer about service %s, so its process is not ended",
                    (unsigned long)(answer_ms / 1000), service);
    }
    if (status == STATUS_OK && !TerminateProcess(process, ERROR_PROCESS_ABORTED)) {
        const DWORD code = GetLastError();
        status = windows_fail(err, windows_status(code), "TerminateProcess", code,
                              "process %lu of service %s cannot be ended", (unsigned long)id.pid, service);
    }
    if (status == STATUS_OK && WaitForSingleObject(process, PROCESS_END_MS) != WAIT_OBJECT_0) {
        status = err_set(err, STATUS_TIMEOUT, "TerminateProcess", 0,
                         "process %lu of service %s was told to end and is still there",
                         (unsigned long)id.pid, service);
    }
    if (process != NULL)
        CloseHandle(process);
    return status;
}

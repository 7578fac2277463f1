/* setup_start.c - see setup.h: starts our own service and waits until it runs. */
#include "setup.h"

#include "storewatch/service_exit.h"
#include "win32.h"

static enum status start_failed(const SERVICE_STATUS *now, struct err *err)
{
    if (now->dwWin32ExitCode != ERROR_SERVICE_SPECIFIC_ERROR) {
        return windows_fail(err, STATUS_SYSTEM, "StartService", now->dwWin32ExitCode,
                            "the service storewatch stopped again");
    }
    return err_set(
        err, STATUS_SYSTEM, "StartService", now->dwServiceSpecificExitCode,
        "the service storewatch stopped again with its own error %lu: %s (the Application log has the event)",
        (unsigned long)now->dwServiceSpecificExitCode,
        now->dwServiceSpecificExitCode == SERVICE_EXIT_CONFIG
            ? "the configuration is bad or cannot be read"
            : "it could not begin to watch; perhaps another storewatch works on the same data");
}

/* Right after a stop NT 5.2 may answer 230, another installer may hold the database, and of one that is still
 * stopping Windows says that it runs already: all pass. */
static bool passes(SC_HANDLE service, DWORD code)
{
    SERVICE_STATUS now;
    return code == ERROR_BAD_PIPE || code == ERROR_SERVICE_DATABASE_LOCKED ||
           (code == ERROR_SERVICE_ALREADY_RUNNING && QueryServiceStatus(service, &now) &&
            (now.dwCurrentState == SERVICE_STOP_PENDING || now.dwCurrentState == SERVICE_STOPPED));
}

static DWORD start_patiently(SC_HANDLE service, DWORD begun, uint32_t deadline_ms)
{
    for (;;) {
        const DWORD code = StartServiceW(service, 0, NULL) ? ERROR_SUCCESS : GetLastError();
        if (!passes(service, code) || GetTickCount() - begun >= deadline_ms)
            return code;
        Sleep(WAIT_STEP_MS);
    }
}

enum status setup_service_start(uint32_t deadline_ms, struct err *err)
{
    SERVICE_STATUS now;
    enum status status = STATUS_OK;
    struct scm_service opened;
    const DWORD begun = GetTickCount(); /* only a difference of it is used: it may wrap */
    DWORD code = scm_service_open(STOREWATCH_SERVICE, SERVICE_START | SERVICE_QUERY_STATUS, 0, &opened);
    if (code == ERROR_SUCCESS)
        code = start_patiently(opened.service, begun, deadline_ms);
    if (code != ERROR_SUCCESS && code != ERROR_SERVICE_ALREADY_RUNNING) {
        status = windows_fail(err, windows_status(code), "StartService", code,
                              "the service storewatch cannot be started");
        goto done;
    }
    for (;;) {
        if (!QueryServiceStatus(opened.service, &now)) {
            code = GetLastError();
            status = windows_fail(err, windows_status(code), "QueryServiceStatus", code,
                                  "the state of the service storewatch is not known");
            break;
        }
        if (now.dwCurrentState == SERVICE_RUNNING)
            break;
        if (now.dwCurrentState == SERVICE_STOPPED) {
            status = start_failed(&now, err);
            break;
        }
        if (GetTickCount() - begun >= deadline_ms) {
            status = err_set(err, STATUS_TIMEOUT, "StartService", 0,
                             "the service storewatch is still %s after %lu s",
                             now.dwCurrentState == SERVICE_STOP_PENDING ? "stopping" : "starting",
                             (unsigned long)(deadline_ms / 1000));
            break;
        }
        Sleep(WAIT_STEP_MS);
    }
done:
    scm_service_close(&opened);
    return status;
}

enum status setup_service_start_again(uint32_t deadline_ms, struct err *err)
{
    uint32_t type = 0;
    const bool disabled = setup_service_start_type(&type, NULL) == STATUS_OK && type == SERVICE_DISABLED;
    if (disabled)
        setup_service_start_type_set(SERVICE_DEMAND_START, NULL);
    const enum status status = setup_service_start(deadline_ms, err);
    if (disabled)
        setup_service_start_type_set(type, NULL);
    return status;
}

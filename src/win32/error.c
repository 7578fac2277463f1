/* error.c - Windows error codes in English, on every language of Windows.
 *
 * Ops search for the English text, and mails must read the same from every host; FormatMessage has it only
 * where the English resources are. So the codes that storewatch meets in its own work have their words here.
 */
#include "win32.h"

#include <string.h>

static const struct {
    DWORD code;
    const char *text;
} known_errors[] = {
    {ERROR_FILE_NOT_FOUND, "the file does not exist"},
    {ERROR_PATH_NOT_FOUND, "the folder does not exist"},
    {ERROR_ACCESS_DENIED, "access is denied"},
    {ERROR_NOT_ENOUGH_MEMORY, "not enough memory"},
    {ERROR_SHARING_VIOLATION, "another process has the file open"},
    {ERROR_INVALID_PARAMETER, "a parameter is wrong"},
    {ERROR_DISK_FULL, "the disk is full"},
    {ERROR_BAD_PIPE, "the pipe to the service is in the wrong state"},
    {ERROR_DEPENDENT_SERVICES_RUNNING, "services that depend on it are running"},
    {ERROR_INVALID_SERVICE_CONTROL, "the service does not take this control"},
    {ERROR_SERVICE_REQUEST_TIMEOUT, "the service did not answer in time"},
    {ERROR_SERVICE_NO_THREAD, "the service could not make a thread"},
    {ERROR_SERVICE_DATABASE_LOCKED, "the service database is locked"},
    {ERROR_SERVICE_ALREADY_RUNNING, "the service runs already"},
    {ERROR_INVALID_SERVICE_ACCOUNT, "the service's account or password is wrong"},
    {ERROR_SERVICE_DISABLED, "the service is disabled"},
    {ERROR_CIRCULAR_DEPENDENCY, "its dependencies form a circle"},
    {ERROR_SERVICE_DOES_NOT_EXIST, "there is no such service"},
    {ERROR_SERVICE_CANNOT_ACCEPT_CTRL, "the service takes no controls at this time"},
    {ERROR_SERVICE_NOT_ACTIVE, "the service does not run"},
    {ERROR_FAILED_SERVICE_CONTROLLER_CONNECT, "the program was not started by the service control manager"},
    {ERROR_EXCEPTION_IN_SERVICE, "the service failed with an exception"},
    {ERROR_SERVICE_SPECIFIC_ERROR, "the service stopped with an error of its own"},
    {ERROR_PROCESS_ABORTED, "the process ended unexpectedly"},
    {ERROR_SERVICE_DEPENDENCY_FAIL, "a service that it needs could not be started"},
    {ERROR_SERVICE_LOGON_FAILED, "the service's account could not log on"},
    {ERROR_SERVICE_START_HANG, "the service hung while starting"},
    {ERROR_SERVICE_MARKED_FOR_DELETE, "the service is marked for deletion: it goes when it is stopped and no "
                                      "program (services.msc) has it open"},
    {ERROR_SERVICE_EXISTS, "the service exists already"},
    {ERROR_SERVICE_DEPENDENCY_DELETED, "a service that it needs does not exist"},
    {ERROR_SERVICE_NEVER_STARTED, "the service has not been started since the machine was"},
    {ERROR_DUPLICATE_SERVICE_NAME, "a service of that name or display name exists"},
    {ERROR_SHUTDOWN_IN_PROGRESS, "the system is being shut down"},
    {RPC_S_SERVER_UNAVAILABLE, "the service control manager cannot be reached"},
};

/* Appends the English text of a Windows error code, without the full stop. */
static void add_words(struct text *text, DWORD code)
{
    static const DWORD languages[] = {MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), 0};
    for (size_t i = 0; i < ARRAY_COUNT(known_errors); i++) {
        if (known_errors[i].code == code) {
            text_add(text, "%s", known_errors[i].text);
            return;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(languages); i++) {
        wchar_t wide[256];
        char utf8[3 * ARRAY_COUNT(wide)];
        const DWORD flags =
            FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS | FORMAT_MESSAGE_MAX_WIDTH_MASK;
        DWORD length = FormatMessageW(flags, NULL, code, languages[i], wide, ARRAY_COUNT(wide), NULL);
        while (length > 0 && (wide[length - 1] <= L' ' || wide[length - 1] == L'.'))
            length--;
        if (length > 0) {
            utf16_to_utf8(wide, length, utf8, sizeof(utf8));
            text_add(text, "%s", utf8);
            return;
        }
    }
    text_add(text, "Windows has no text for it");
}

enum status windows_status(DWORD code)
{
    switch (code) {
    case ERROR_SUCCESS:
        return STATUS_OK;
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
        return STATUS_DENIED;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NO_SYSTEM_RESOURCES:
        return STATUS_NO_MEMORY;
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_SERVICE_DOES_NOT_EXIST:
        return STATUS_NOT_FOUND;
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
        return STATUS_BUSY;
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return STATUS_FULL;
    case ERROR_SHUTDOWN_IN_PROGRESS:
        return STATUS_REFUSED;
    default:
        return STATUS_SYSTEM;
    }
}

enum status windows_fail(struct err *err, enum status status, const char *operation, DWORD code,
                         const char *format, ...)
{
    char storage[ERR_TEXT_MAX];
    struct text text = text_on(storage, sizeof(storage));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
    if (code == ERROR_SUCCESS) { /* some functions fail without a code: a failure all the same */
        text_add(&text, ": Windows does not say why");
    } else {
        text_add(&text, ": ");
        add_words(&text, code);
        text_add(&text, " (Windows error %lu)", (unsigned long)code);
    }
    return err_set(err, status != STATUS_OK ? status : STATUS_SYSTEM, operation, code, "%s", storage);
}

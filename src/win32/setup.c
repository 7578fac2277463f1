/* setup.c - see setup.h. Everything here works on NT 5.2; what newer systems add to a service's registration
 * is asked for and its refusal ignored. */
#include "setup.h"

#include "access_list.h"
#include "resource.h"
#include "rights.h"
#include "win32.h"

#include <aclapi.h>
#include <sddl.h>

#include <stdlib.h>
#include <string.h>

#define DISPLAY_NAME L"storewatch"
#define DESCRIPTION                                                                                          \
    L"Watches the memory and handles of the Exchange Information Store and of MAPI clients, tells "          \
    L"unbounded growth "                                                                                     \
    L"from healthy growth, alerts people, and restarts the right service if the configuration allows it."

/* Windows repeats the last action as long as it is needed. With a bad configuration that is at every start:
 * an event each minute would fill the log, and half an hour after the file was mended is soon enough. */
#define RESTART_DELAY_MS 60000
#define RESTART_DELAY_LAST_MS (30 * 60000)
#define FAILURES_RESET_S (24 * 60 * 60)
#define OWN_END_MS 10000
#define DELETE_WAIT_MS 5000

static enum status fail(struct err *err, const char *operation, DWORD code, const char *what,
                        const char *which)
{
    return windows_fail(err, windows_status(code), operation, code, "%s%s", what, which);
}

static enum status fail_memory(struct err *err)
{
    return err_set(err, STATUS_NO_MEMORY, "malloc", 0, "not enough memory");
}

/* ---- paths and files ---- */

static enum status path_out(const wchar_t *wide, char out_path[SETUP_PATH_MAX], struct err *err)
{
    char path[SETUP_PATH_MAX];
    if (!utf16z_to_utf8(wide, path, sizeof(path))) {
        return err_set(err, STATUS_FULL, "path", 0, "the path is longer than %d bytes: %s...",
                       SETUP_PATH_MAX - 1, path);
    }
    memcpy(out_path, path, sizeof(path));
    return STATUS_OK;
}

enum status setup_executable(char out_path[SETUP_PATH_MAX], struct err *err)
{
    wchar_t wide[SETUP_PATH_MAX];
    const DWORD length = GetModuleFileNameW(NULL, wide, SETUP_PATH_MAX);
    if (length == 0 || length == SETUP_PATH_MAX)
        return fail(err, "GetModuleFileName", GetLastError(), "the path of this program is not known", "");
    return path_out(wide, out_path, err);
}

enum status setup_absolute(const char *path, char out_path[SETUP_PATH_MAX], struct err *err)
{
    wchar_t absolute[SETUP_PATH_MAX];
    wchar_t *wide = utf16_new(path);
    if (wide == NULL)
        return fail_memory(err);
    const DWORD length = GetFullPathNameW(wide, SETUP_PATH_MAX, absolute, NULL);
    const DWORD code = GetLastError();
    free(wide);
    if (length == 0)
        return fail(err, "GetFullPathName", code, "not a path: ", path);
    if (length >= SETUP_PATH_MAX) {
        return err_set(err, STATUS_FULL, "GetFullPathName", 0, "the path is longer than %d characters: %s",
                       SETUP_PATH_MAX - 1, path);
    }
    return path_out(absolute, out_path, err);
}

enum status setup_drive_of_all(const char *path, struct err *err)
{
    const wchar_t drive[] = {(wchar_t)(unsigned char)path[0], L':', L'\0'};
    const wchar_t root[] = {drive[0], L':', L'\\', L'\0'};
    wchar_t target[MAX_PATH] = L"";
    if (path[0] == '\0' || path[1] != ':')
        return STATUS_OK;
    const bool mapped = GetDriveTypeW(root) == DRIVE_REMOTE;
    const bool substituted =
        QueryDosDeviceW(drive, target, ARRAY_COUNT(target)) != 0 && wcsncmp(target, L"\\??\\", 4) == 0;
    return mapped || substituted
               ? err_set(err, STATUS_INVALID, "drive", 0,
                         "%s: the drive %c: is %s of this logon only, and the service does not see it: use a "
                         "path on a local disk",
                         path, path[0], mapped ? "a share" : "a substitution")
               : STATUS_OK;
}

DWORD setup_attributes(const char *path)
{
    wchar_t *wide = utf16_new(path);
    const DWORD attributes = wide != NULL ? GetFileAttributesW(wide) : INVALID_FILE_ATTRIBUTES;
    free(wide);
    return attributes;
}

bool setup_exists(const char *path)
{
    return setup_attributes(path) != INVALID_FILE_ATTRIBUTES;
}

bool setup_is_folder(const char *path)
{
    const DWORD attributes = setup_attributes(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

bool setup_wrong_bitness(void)
{
    struct late late;
    BOOL wow64 = FALSE;
    return late_bind(&late, NULL) == STATUS_OK && late.IsWow64Process != NULL &&
           late.IsWow64Process(GetCurrentProcess(), &wow64) && wow64;
}

static enum status protection_make(PSECURITY_DESCRIPTOR *out_descriptor, struct err *err)
{
    struct account self = {0};
    char service_sid[ACCOUNT_SID_MAX], sddl[2 * ACCOUNT_SID_MAX + 128];
    wchar_t wide[ARRAY_COUNT(sddl)];
    const enum status status = account_open(0, &self, err);
    if (status != STATUS_OK)
        return status;
    account_close(&self);
    trust_service_sid(service_sid);
    /* The service under another account cannot give away what it makes. */
    const bool may_give = self.administrator || self.local_system;
    access_sddl_closed(may_give, may_give ? "" : self.sid, service_sid, sddl, sizeof(sddl));
    utf16_from_utf8(sddl, wide, ARRAY_COUNT(wide));
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, out_descriptor, NULL)) {
        return fail(err, "ConvertStringSecurityDescriptorToSecurityDescriptor", GetLastError(),
                    "no protection for Administrators only", "");
    }
    return STATUS_OK;
}

/* The folder above, "" when `path` is the top ("C:\\x", "\\\\server") or has none. */
static void path_above(const char *path, char out_above[SETUP_PATH_MAX])
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] != '\\' && path[length - 1] != '/')
        length--;
    length -= length > 0; /* the separator */
    const bool top =
        length == 0 || path[length - 1] == ':' || path[length - 1] == '\\' || path[length - 1] == '/';
    length = top || length >= SETUP_PATH_MAX ? 0 : length;
    memcpy(out_above, path, length);
    out_above[length] = '\0';
}

void setup_folder_missing(const char *path, char out_first[SETUP_PATH_MAX])
{
    char folder[SETUP_PATH_MAX], above[SETUP_PATH_MAX];
    out_first[0] = '\0';
    text_copy(folder, sizeof(folder), path);
    while (folder[0] != '\0' && !setup_exists(folder)) {
        text_copy(out_first, SETUP_PATH_MAX, folder);
        path_above(folder, above);
        memcpy(folder, above, sizeof(folder));
    }
}

enum status setup_folder_make(const char *path, char out_first_made[SETUP_PATH_MAX], struct err *err)
{
    if (setup_exists(path)) {
        if (!setup_is_folder(path))
            return err_set(err, STATUS_INVALID, "CreateDirectory", 0, "%s is a file, not a folder", path);
        out_first_made[0] = '\0';
        return STATUS_OK;
    }
    char above[SETUP_PATH_MAX], first[SETUP_PATH_MAX] = "";
    path_above(path, above);
    enum status status = above[0] != '\0' ? setup_folder_make(above, first, err) : STATUS_OK;
    if (status != STATUS_OK)
        return status;
    wchar_t *wide = utf16_new(path);
    SECURITY_ATTRIBUTES security = {.nLength = sizeof(security)};
    status = wide != NULL ? protection_make(&security.lpSecurityDescriptor, err) : fail_memory(err);
    if (status == STATUS_OK && CreateDirectoryW(wide, &security)) {
        if (first[0] == '\0')
            text_copy(first, sizeof(first), path);
    } else if (status == STATUS_OK && GetLastError() != ERROR_ALREADY_EXISTS) { /* "C:\x\" after "C:\x" */
        status = fail(err, "CreateDirectory", GetLastError(), "the folder cannot be made: ", path);
    }
    if (status == STATUS_OK)
        memcpy(out_first_made, first, sizeof(first));
    else
        setup_folder_remove(above, first);
    if (security.lpSecurityDescriptor != NULL)
        LocalFree(security.lpSecurityDescriptor);
    free(wide);
    return status;
}

enum status setup_open_itself(const char *path, DWORD access, DWORD share, HANDLE *out_file, struct err *err)
{
    wchar_t *wide = utf16_new(path);
    if (wide == NULL)
        return fail_memory(err);
    *out_file = CreateFileW(wide, access | READ_CONTROL | FILE_READ_ATTRIBUTES, share, NULL, OPEN_EXISTING,
                            FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT, NULL);
    const DWORD code = GetLastError();
    free(wide);
    return *out_file != INVALID_HANDLE_VALUE ? STATUS_OK
                                             : fail(err, "CreateFile", code, "cannot be opened: ", path);
}

static enum status protection_set(const char *path, PSECURITY_DESCRIPTOR descriptor, struct err *err)
{
    PSID owner = NULL;
    PACL list = NULL;
    BOOL present = FALSE, defaulted = FALSE;
    wchar_t *wide = utf16_new(path);
    if (wide == NULL)
        return fail_memory(err);
    GetSecurityDescriptorOwner(descriptor, &owner, &defaulted);
    GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted);
    const SECURITY_INFORMATION what = (owner != NULL ? OWNER_SECURITY_INFORMATION : 0u) |
                                      DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION;
    const DWORD code = SetNamedSecurityInfoW(wide, SE_FILE_OBJECT, what, owner, NULL, list, NULL);
    free(wide);
    return code == ERROR_SUCCESS ? STATUS_OK
                                 : fail(err, "SetNamedSecurityInfo", code, "cannot be protected: ", path);
}

enum status setup_protect(const char *path, struct err *err)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    HANDLE itself = INVALID_HANDLE_VALUE;
    enum status status = protection_make(&descriptor, err);
    if (status != STATUS_OK)
        return status;
    /* While it is open for reading, and not shared for deleting, nobody can put something else in its place.
     */
    status = setup_open_itself(path, FILE_READ_DATA, FILE_SHARE_READ | FILE_SHARE_WRITE, &itself, err);
    if (status == STATUS_OK) {
        status = trust_file(itself, path, err);
        status = status == STATUS_OK ? protection_set(path, descriptor, err) : status;
        CloseHandle(itself);
    }
    LocalFree(descriptor);
    return status;
}

/* Administrators and SYSTEM everything, users reading and running it. */
#define PROGRAM_SDDL L"O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)"

enum status setup_program_close(const char *program, struct err *err)
{
    char folder[SETUP_PATH_MAX];
    PSECURITY_DESCRIPTOR descriptor = NULL;
    path_above(program, folder);
    if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(PROGRAM_SDDL, SDDL_REVISION_1, &descriptor,
                                                              NULL)) {
        return fail(err, "ConvertStringSecurityDescriptorToSecurityDescriptor", GetLastError(),
                    "no protection for the program", "");
    }
    const enum status status = protection_set(folder, descriptor, err);
    LocalFree(descriptor);
    return status;
}

enum status setup_take_over(const char *path, struct err *err)
{
    enum status status = setup_trust(path, err);
    status = status == STATUS_OK ? setup_protect(path, err) : status;
    /* Until just now others may have put something into it. */
    return status == STATUS_OK ? setup_trust(path, err) : status;
}

enum status setup_file_make(const char *path, const char *bytes, size_t count, struct err *err)
{
    wchar_t *wide = utf16_new(path);
    if (wide == NULL)
        return fail_memory(err);
    enum status status = STATUS_OK;
    const HANDLE file = CreateFileW(wide, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        status = fail(err, "CreateFile", GetLastError(), "the file cannot be made: ", path);
        goto done;
    }
    DWORD written = 0;
    if (!WriteFile(file, bytes, (DWORD)count, &written, NULL) || written != count ||
        !FlushFileBuffers(file)) {
        const DWORD code = GetLastError();
        status = fail(err, "WriteFile", code != ERROR_SUCCESS ? code : ERROR_DISK_FULL,
                      "the file cannot be written: ", path);
    }
    CloseHandle(file);
    if (status != STATUS_OK)
        DeleteFileW(wide);
done:
    free(wide);
    return status;
}

void setup_folder_remove(const char *path, const char *first_made)
{
    char folder[SETUP_PATH_MAX], above[SETUP_PATH_MAX];
    text_copy(folder, sizeof(folder), first_made[0] != '\0' ? path : "");
    while (folder[0] != '\0') {
        wchar_t *wide = utf16_new(folder);
        const bool removed = wide != NULL && RemoveDirectoryW(wide);
        free(wide);
        path_above(folder, above);
        text_copy(folder, sizeof(folder), removed && strcmp(folder, first_made) != 0 ? above : "");
    }
}

/* The linker's name for the header of the program or library that this code is part of: its handle. */
extern IMAGE_DOS_HEADER __ImageBase;

enum status setup_default_config(const char **out_text, size_t *out_count, struct err *err)
{
    const HMODULE self = (HMODULE)&__ImageBase;
    const HRSRC found =
        FindResourceW(self, MAKEINTRESOURCEW(RESOURCE_DEFAULT_CONFIG), (const wchar_t *)RT_RCDATA);
    const HGLOBAL loaded = found != NULL ? LoadResource(self, found) : NULL;
    const char *text = loaded != NULL ? LockResource(loaded) : NULL;
    if (text == NULL)
        return fail(err, "FindResource", GetLastError(), "this program carries no default configuration", "");
    *out_text = text;
    *out_count = SizeofResource(self, found);
    return STATUS_OK;
}

/* ---- the event source ---- */

enum status setup_event_source_add(const char *executable, bool *out_made, struct err *err)
{
    const DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    DWORD disposition = 0;
    HKEY key = NULL;
    LONG code = ERROR_NOT_ENOUGH_MEMORY;
    wchar_t *wide = utf16_new(executable);
    if (wide != NULL) {
        code = RegCreateKeyExW(HKEY_LOCAL_MACHINE, EVENT_SOURCE_KEY, 0, NULL, 0, KEY_SET_VALUE, NULL, &key,
                               &disposition);
    }
    if (code == ERROR_SUCCESS) {
        code = RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, (const BYTE *)wide,
                              (DWORD)((wcslen(wide) + 1) * sizeof(*wide)));
    }
    if (code == ERROR_SUCCESS)
        code = RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, (const BYTE *)&types, sizeof(types));
    if (key != NULL)
        RegCloseKey(key);
    free(wide);
    if (code != ERROR_SUCCESS) {
        if (disposition == REG_CREATED_NEW_KEY)
            RegDeleteKeyW(HKEY_LOCAL_MACHINE, EVENT_SOURCE_KEY);
        return fail(err, "RegSetValueEx", (DWORD)code, "the event source cannot be registered", "");
    }
    *out_made = disposition == REG_CREATED_NEW_KEY;
    return STATUS_OK;
}

enum status setup_event_source_remove(struct err *err)
{
    const LONG code = RegDeleteKeyW(HKEY_LOCAL_MACHINE, EVENT_SOURCE_KEY);
    if (code != ERROR_SUCCESS && code != ERROR_FILE_NOT_FOUND)
        return fail(err, "RegDeleteKey", (DWORD)code, "the event source cannot be removed", "");
    return STATUS_OK;
}

/* ---- the service ---- */

/* The service is NULL when there is none (then the status is OK). */
static enum status service_open(DWORD scm_access, DWORD access, struct scm_service *out_opened,
                                struct err *err)
{
    const DWORD code = scm_service_open(STOREWATCH_SERVICE, access, scm_access, out_opened);
    if (out_opened->scm == NULL)
        return fail(err, "OpenSCManager", code, "the service control manager cannot be asked", "");
    if (code != ERROR_SUCCESS && code != ERROR_SERVICE_DOES_NOT_EXIST) {
        scm_service_close(out_opened);
        return fail(err, "OpenService", code, "the service storewatch cannot be opened", "");
    }
    return STATUS_OK;
}

enum status setup_may_install(struct err *err)
{
    const SC_HANDLE scm = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE);
    if (scm == NULL)
        return fail(err, "OpenSCManager", GetLastError(), "the service control manager cannot be asked", "");
    CloseServiceHandle(scm);
    return STATUS_OK;
}

void setup_before_deinit(struct setup_before *before)
{
    free(before->config);
    for (size_t i = 0; i < ARRAY_COUNT(before->levels); i++)
        free(before->levels[i]);
    *before = (struct setup_before){0};
}

/* The SCM's record in a block of its own; NULL and the error code on failure. */
static QUERY_SERVICE_CONFIGW *config_read(SC_HANDLE service, DWORD *out_code)
{
    const DWORD size = 8192; /* its documented bound */
    DWORD needed = 0;
    QUERY_SERVICE_CONFIGW *config = malloc(size);
    *out_code = config == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SUCCESS;
    if (config != NULL && !QueryServiceConfigW(service, config, size, &needed)) {
        *out_code = GetLastError();
        free(config);
        config = NULL;
    }
    return config;
}

/* Description, recovery, and what newer systems add. */
static enum status service_describe(SC_HANDLE service, bool local_system, struct err *err)
{
    wchar_t text[] = DESCRIPTION;
    SERVICE_DESCRIPTIONW description = {.lpDescription = text};
    SC_ACTION actions[] = {{SC_ACTION_RESTART, RESTART_DELAY_MS},
                           {SC_ACTION_RESTART, RESTART_DELAY_MS},
                           {SC_ACTION_RESTART, RESTART_DELAY_LAST_MS}};
    SERVICE_FAILURE_ACTIONSW failure = {
        .dwResetPeriod = FAILURES_RESET_S, .cActions = ARRAY_COUNT(actions), .lpsaActions = actions};
    if (!ChangeServiceConfig2W(service, SERVICE_CONFIG_DESCRIPTION, &description) ||
        !ChangeServiceConfig2W(service, SERVICE_CONFIG_FAILURE_ACTIONS, &failure)) {
        return fail(err, "ChangeServiceConfig2", GetLastError(),
                    "the service's description and recovery cannot be set", "");
    }
    service_ask_for_newer(service, local_system);
    return STATUS_OK;
}

static enum status service_update(SC_HANDLE service, const wchar_t *command, struct setup_before *before,
                                  struct err *err)
{
    DWORD code = ERROR_SUCCESS;
    SERVICE_STATUS now = {0};
    QUERY_SERVICE_CONFIGW *config = config_read(service, &code);
    if (config == NULL)
        return fail(err, "QueryServiceConfig", code, "the registered service cannot be read", "");
    before->existed = true;
    before->config = config;
    service_levels_read(service, before->levels);
    before->running = QueryServiceStatus(service, &now) && now.dwCurrentState != SERVICE_STOPPED;
    utf16z_to_utf8(config->lpBinaryPathName, before->command, sizeof(before->command));
    if (!ChangeServiceConfigW(service, SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                              command, NULL, NULL, NULL, NULL, NULL, DISPLAY_NAME)) {
        return fail(err, "ChangeServiceConfig", GetLastError(), "the registered service cannot be changed",
                    "");
    }
    /* Another account was somebody's decision: it stays. */
    const bool local_system =
        config->lpServiceStartName == NULL || _wcsicmp(config->lpServiceStartName, L"LocalSystem") == 0;
    return service_describe(service, local_system, err);
}

enum status setup_service_register(const char *command, struct setup_before *out_before, struct err *err)
{
    struct scm_service opened;
    *out_before = (struct setup_before){0};
    wchar_t *wide = utf16_new(command);
    if (wide == NULL)
        return fail_memory(err);
    /* SERVICE_START: a recovery action that starts it may be set only by one who may start it. */
    const DWORD access =
        SERVICE_QUERY_CONFIG | SERVICE_CHANGE_CONFIG | SERVICE_QUERY_STATUS | SERVICE_START | DELETE;
    enum status status = service_open(SC_MANAGER_CREATE_SERVICE, access, &opened, err);
    if (status != STATUS_OK)
        goto done;
    if (opened.service != NULL) {
        status = service_update(opened.service, wide, out_before, err);
        goto done;
    }
    opened.service =
        CreateServiceW(opened.scm, STOREWATCH_SERVICE, DISPLAY_NAME, access, SERVICE_WIN32_OWN_PROCESS,
                       SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, wide, NULL, NULL, NULL, NULL, NULL);
    if (opened.service == NULL) {
        status = fail(err, "CreateService", GetLastError(), "the service cannot be registered", "");
        goto done;
    }
    status = service_describe(opened.service, true, err);
    if (status != STATUS_OK)
        DeleteService(opened.service);
done:
    scm_service_close(&opened);
    free(wide);
    return status;
}

void setup_service_restore(const struct setup_before *before)
{
    struct scm_service opened;
    /* SERVICE_START: as in setup_service_register */
    const DWORD access = before->existed ? SERVICE_CHANGE_CONFIG | SERVICE_START : DELETE;
    if (service_open(0, access, &opened, NULL) != STATUS_OK)
        return;
    const QUERY_SERVICE_CONFIGW *config = before->config;
    if (opened.service != NULL && !before->existed) {
        DeleteService(opened.service);
    } else if (opened.service != NULL && config != NULL) {
        ChangeServiceConfigW(opened.service, config->dwServiceType, config->dwStartType,
                             config->dwErrorControl, config->lpBinaryPathName, NULL, NULL,
                             config->lpDependencies, NULL, NULL, config->lpDisplayName);
        service_levels_restore(opened.service, before->levels);
    }
    scm_service_close(&opened);
}

uint32_t setup_service_state(const char *name)
{
    SERVICE_STATUS now = {0};
    struct scm_service opened = {0};
    wchar_t *wide = utf16_new(name);
    const bool known = wide != NULL &&
                       scm_service_open(wide, SERVICE_QUERY_STATUS, 0, &opened) == ERROR_SUCCESS &&
                       QueryServiceStatus(opened.service, &now);
    scm_service_close(&opened);
    free(wide);
    return known ? now.dwCurrentState : 0;
}

/* The SCM's record of the service; free() it. */
static enum status registered(QUERY_SERVICE_CONFIGW **out_config, struct err *err)
{
    struct scm_service opened;
    DWORD code = ERROR_SUCCESS;
    enum status status = service_open(0, SERVICE_QUERY_CONFIG, &opened, err);
    if (status != STATUS_OK)
        return status;
    *out_config = opened.service != NULL ? config_read(opened.service, &code) : NULL;
    if (opened.service == NULL) {
        status = err_set(err, STATUS_NOT_FOUND, "OpenService", ERROR_SERVICE_DOES_NOT_EXIST,
                         "the service storewatch is not installed");
    } else if (*out_config == NULL) {
        status = fail(err, "QueryServiceConfig", code, "the registered service cannot be read", "");
    }
    scm_service_close(&opened);
    return status;
}

enum status setup_service_command(char *out_command, size_t capacity, struct err *err)
{
    QUERY_SERVICE_CONFIGW *config = NULL;
    enum status status = registered(&config, err);
    if (config != NULL && !utf16z_to_utf8(config->lpBinaryPathName, out_command, capacity)) {
        status =
            err_set(err, STATUS_FULL, "QueryServiceConfig", 0, "the command line of the service is too long");
    }
    free(config);
    return status;
}

enum status setup_service_account(char *out_account, size_t capacity, struct err *err)
{
    QUERY_SERVICE_CONFIGW *config = NULL;
    enum status status = registered(&config, err);
    const wchar_t *account =
        config != NULL && config->lpServiceStartName != NULL ? config->lpServiceStartName : L"";
    if (config != NULL && !utf16z_to_utf8(account, out_account, capacity))
        status = err_set(err, STATUS_FULL, "QueryServiceConfig", 0, "the service's account is too long");
    free(config);
    return status;
}

#define SERVICE_KEY L"SYSTEM\\CurrentControlSet\\Services\\" STOREWATCH_SERVICE
#define PARAMETERS L"Parameters"
#define DATA_DIR L"DataDir"

void setup_data_dir_noted(char out_path[SETUP_PATH_MAX])
{
    wchar_t wide[SETUP_PATH_MAX];
    DWORD type = REG_NONE, size = sizeof(wide) - sizeof(*wide);
    HKEY key = NULL;
    out_path[0] = '\0';
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, SERVICE_KEY L"\\" PARAMETERS, 0, KEY_QUERY_VALUE, &key) !=
        ERROR_SUCCESS)
        return;
    if (RegQueryValueExW(key, DATA_DIR, NULL, &type, (BYTE *)wide, &size) == ERROR_SUCCESS &&
        type == REG_SZ) {
        wide[size / sizeof(*wide)] = 0;
        path_out(wide, out_path, NULL);
    }
    RegCloseKey(key);
}

bool setup_data_dir_noted_elsewhere(const char *data_dir, char out_path[SETUP_PATH_MAX])
{
    setup_data_dir_noted(out_path);
    return out_path[0] != '\0' && !text_equal_nocase(out_path, data_dir);
}

void setup_data_dir_note(const char *path)
{
    HKEY service = NULL, key = NULL;
    wchar_t *wide = utf16_new(path);
    if (wide != NULL &&
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, SERVICE_KEY, 0, KEY_CREATE_SUB_KEY, &service) == ERROR_SUCCESS) {
        if (RegCreateKeyExW(service, PARAMETERS, 0, NULL, 0, KEY_SET_VALUE, NULL, &key, NULL) ==
            ERROR_SUCCESS) {
            RegSetValueExW(key, DATA_DIR, 0, REG_SZ, (const BYTE *)wide,
                           (DWORD)((wcslen(wide) + 1) * sizeof(*wide)));
            RegCloseKey(key);
        }
        RegCloseKey(service);
    }
    free(wide);
}

enum status setup_service_start_type(uint32_t *out_type, struct err *err)
{
    QUERY_SERVICE_CONFIGW *config = NULL;
    const enum status status = registered(&config, err);
    if (config != NULL)
        *out_type = config->dwStartType;
    free(config);
    return status;
}

enum status setup_service_start_type_set(uint32_t type, struct err *err)
{
    struct scm_service opened;
    enum status status = service_open(0, SERVICE_CHANGE_CONFIG, &opened, err);
    if (status == STATUS_OK &&
        (opened.service == NULL ||
         !ChangeServiceConfigW(opened.service, SERVICE_NO_CHANGE, type, SERVICE_NO_CHANGE, NULL, NULL, NULL,
                               NULL, NULL, NULL, NULL))) {
        status = fail(err, "ChangeServiceConfig",
                      opened.service != NULL ? GetLastError() : ERROR_SERVICE_DOES_NOT_EXIST,
                      "when the service storewatch starts cannot be changed", "");
    }
    scm_service_close(&opened);
    return status;
}

static const char *state_words(DWORD state)
{
    switch (state) {
    case SERVICE_START_PENDING:
        return "starting";
    case SERVICE_STOP_PENDING:
        return "stopping";
    case SERVICE_RUNNING:
        return "running";
    default:
        return "not stopped";
    }
}

enum status setup_service_stop(uint32_t deadline_ms, struct err *err)
{
    struct scm_service opened;
    HANDLE process = NULL;
    SERVICE_STATUS answer;
    SERVICE_STATUS_PROCESS now = {0};
    DWORD needed = 0;
    enum status status = service_open(0, SERVICE_STOP | SERVICE_QUERY_STATUS, &opened, err);
    if (status != STATUS_OK)
        return status;
    if (opened.service == NULL) {
        status = err_set(err, STATUS_NOT_FOUND, "OpenService", ERROR_SERVICE_DOES_NOT_EXIST,
                         "the service storewatch is not installed");
        goto done;
    }
    const DWORD begun = GetTickCount(); /* only a difference of it is used: it may wrap */
    for (;;) {
        if (!QueryServiceStatusEx(opened.service, SC_STATUS_PROCESS_INFO, (BYTE *)&now, sizeof(now),
                                  &needed)) {
            status = fail(err, "QueryServiceStatusEx", GetLastError(),
                          "the state of the service storewatch is not known", "");
            goto done;
        }
        if (now.dwCurrentState == SERVICE_STOPPED)
            break;
        if (process == NULL && now.dwProcessId != 0)
            process = OpenProcess(SYNCHRONIZE, FALSE, now.dwProcessId);
        /* Asked again while it is starting: it does not take the control yet. */
        if (now.dwCurrentState != SERVICE_STOP_PENDING &&
            !ControlService(opened.service, SERVICE_CONTROL_STOP, &answer)) {
            const DWORD code = GetLastError();
            const bool not_yet =
                code == ERROR_SERVICE_CANNOT_ACCEPT_CTRL ||
                (code == ERROR_INVALID_SERVICE_CONTROL && now.dwCurrentState == SERVICE_START_PENDING);
            if (code != ERROR_SERVICE_NOT_ACTIVE && !not_yet) {
                status = fail(err, "ControlService", code, "the service storewatch cannot be stopped", "");
                goto done;
            }
        }
        if (GetTickCount() - begun >= deadline_ms) {
            status = err_set(err, STATUS_TIMEOUT, "ControlService", 0,
                             "the service storewatch is still %s after %lu s",
                             state_words(now.dwCurrentState), (unsigned long)(deadline_ms / 1000));
            goto done;
        }
        Sleep(WAIT_STEP_MS);
    }
    if (process != NULL) /* it says STOPPED before it ends, and its file can be replaced only after that */
        WaitForSingleObject(process, OWN_END_MS);
done:
    if (process != NULL)
        CloseHandle(process);
    scm_service_close(&opened);
    return status;
}

enum status setup_service_delete(bool *out_gone, struct err *err)
{
    struct scm_service opened;
    enum status status = service_open(0, DELETE, &opened, err);
    if (status != STATUS_OK)
        return status;
    bool gone = opened.service == NULL;
    if (opened.service != NULL && !DeleteService(opened.service)) {
        const DWORD code = GetLastError();
        if (code != ERROR_SERVICE_MARKED_FOR_DELETE)
            status = fail(err, "DeleteService", code, "the service storewatch cannot be removed", "");
    }
    scm_service_close(&opened);
    const DWORD begun = GetTickCount();
    while (status == STATUS_OK && !gone) {
        gone = scm_service_open(STOREWATCH_SERVICE, SERVICE_QUERY_STATUS, 0, &opened) ==
               ERROR_SERVICE_DOES_NOT_EXIST;
        scm_service_close(&opened);
        if (gone || GetTickCount() - begun >= DELETE_WAIT_MS)
            break;
        Sleep(WAIT_STEP_MS);
    }
    if (status == STATUS_OK)
        *out_gone = gone;
    return status;
}

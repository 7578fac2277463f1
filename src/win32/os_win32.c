/* os_win32.c - include/storewatch/os.h on Windows: opening, facts, clocks, the look at processes and the
 * host, events, files, own cost. Services are in services.c, address spaces in address_space.c.
 *
 * Works from NT 5.2 (Server 2003) on; nothing here is imported that NT 5.2 does not export (late.c binds the
 * rest). */
#include "process_list.h"
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define FILETIME_AT_1970 INT64_C(116444736000000000)
#define EVENT_TEXT_UNITS_MAX 31000 /* an insertion string may have 31,839 */
#define FILE_REPLACE_TRIES 5
#define FILE_REPLACE_PAUSE_MS 20

static int64_t filetime_100ns(FILETIME time)
{
    return (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime);
}

bool kept_buffer_grow(struct kept_buffer *buffer, size_t size)
{
    if (size <= buffer->size)
        return true;
    void *bytes = malloc(size);
    if (bytes == NULL)
        return false;
    free(buffer->bytes);
    *buffer = (struct kept_buffer){.bytes = bytes, .size = size};
    return true;
}

/* ---- facts ---- */

static void host_name_read(char out_name[64])
{
    wchar_t wide[256] = L"";
    DWORD length = ARRAY_COUNT(wide);
    /* The full form of the name; the NetBIOS one is cut to 15 characters. */
    if (!GetComputerNameExW(ComputerNameDnsHostname, wide, &length) || length == 0) {
        length = ARRAY_COUNT(wide);
        if (!GetComputerNameW(wide, &length))
            wide[0] = 0;
    }
    utf16z_to_utf8(wide[0] != 0 ? wide : L"unknown-host", out_name, 64);
}

static void os_text_make(const struct late *late, bool os_64bit, char *out, size_t capacity)
{
    OSVERSIONINFOEXW version = {.dwOSVersionInfoSize = sizeof(version)};
    char pack[sizeof(version.szCSDVersion) / sizeof(wchar_t) * 3];
    struct text text = text_on(out, capacity);
    late->RtlGetVersion(&version); /* not subject to the manifest, as GetVersionEx is; cannot fail */
    utf16z_to_utf8(version.szCSDVersion, pack, sizeof(pack));
    text_add(&text, "Windows %lu.%lu.%lu%s%s, %s", (unsigned long)version.dwMajorVersion,
             (unsigned long)version.dwMinorVersion, (unsigned long)version.dwBuildNumber,
             pack[0] != '\0' ? " " : "", pack, os_64bit ? "x64" : "x86");
}

/* The common application data folder, from where Explorer publishes it: asking shell32 would load it, and
 * half of the desktop with it, into a service that needs nothing else of it. */
static enum status data_dir_read(char *out, size_t capacity, struct err *err)
{
    wchar_t wide[MAX_PATH + 1] = {0};
    DWORD size = MAX_PATH * sizeof(wchar_t), kind = 0;
    HKEY key = NULL;
    LONG code = RegOpenKeyExW(HKEY_LOCAL_MACHINE,
                              L"SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Shell Folders", 0,
                              KEY_QUERY_VALUE, &key);
    if (code == ERROR_SUCCESS) {
        code = RegQueryValueExW(key, L"Common AppData", NULL, &kind, (BYTE *)wide, &size);
        RegCloseKey(key);
    }
    if (code != ERROR_SUCCESS || kind != REG_SZ || wide[0] == 0) {
        size = GetEnvironmentVariableW(L"ProgramData", wide, MAX_PATH); /* Windows 6.0 and later */
        if (size == 0 || size >= MAX_PATH) {
            return windows_fail(err, STATUS_SYSTEM, "RegQueryValueEx", (DWORD)code,
                                "the common application data folder is not known");
        }
    }
    char folder[3 * MAX_PATH];
    utf16z_to_utf8(wide, folder, sizeof(folder));
    struct text text = text_on(out, capacity);
    text_add(&text, "%s\\storewatch", folder);
    return text.truncated ? err_set(err, STATUS_FULL, "data_dir", 0,
                                    "the common application data folder's path is too long: %s", folder)
                          : STATUS_OK;
}

static enum status facts_read(const struct late *late, struct os_facts *out, struct err *err)
{
    SYSTEM_INFO info;
    BOOL wow64 = FALSE;
    if (late->IsWow64Process != NULL)
        late->IsWow64Process(GetCurrentProcess(), &wow64);
    out->os_64bit = sizeof(void *) == 8 || wow64;
    host_name_read(out->host_name);
    os_text_make(late, out->os_64bit, out->os_text, sizeof(out->os_text));
    GetSystemInfo(&info);
    /* The last usable address is followed by one byte and, below the system's half, by 64 KiB that nobody
     * gets. */
    out->address_space_bytes = (double)(uintptr_t)info.lpMaximumApplicationAddress + 1.0 + 65536.0;
    return data_dir_read(out->data_dir, sizeof(out->data_dir), err);
}

/* ---- opening ---- */

enum status os_open(struct os **out_os, struct err *err)
{
    struct os *os = calloc(1, sizeof(*os));
    if (os == NULL)
        return err_set(err, STATUS_NO_MEMORY, "os_open", 0, "not enough memory");
    enum status status = late_bind(&os->late, err);
    if (status == STATUS_OK)
        status = facts_read(&os->late, &os->facts, err);
    if (status != STATUS_OK) {
        free(os);
        return status;
    }
    InitializeCriticalSection(&os->look);
    InitializeCriticalSection(&os->events);
    os->service_buffer_last_bytes = SERVICE_BUFFER_LAST_BYTES;
    *out_os = os;
    return STATUS_OK;
}

void os_close(struct os *os)
{
    if (os == NULL)
        return;
    if (os->scm != NULL)
        CloseServiceHandle(os->scm);
    if (os->event_source != NULL)
        DeregisterEventSource(os->event_source);
    DeleteCriticalSection(&os->look);
    DeleteCriticalSection(&os->events);
    free(os->processes.bytes);
    free(os->services.bytes);
    free(os);
}

void os_facts_get(struct os *os, struct os_facts *out_facts)
{
    *out_facts = os->facts;
}

/* ---- clocks ---- */

int64_t os_mono_ms(struct os *os)
{
    return os->late.GetTickCount64 != NULL ? (int64_t)os->late.GetTickCount64() : shared_page_mono_ms();
}

int64_t os_utc_ms(struct os *os)
{
    FILETIME now;
    (void)os;
    GetSystemTimeAsFileTime(&now);
    return (filetime_100ns(now) - FILETIME_AT_1970) / 10000;
}

void os_local_time(struct os *os, int64_t utc_ms, int *out_weekday, int *out_minute)
{
    const uint64_t ticks = (uint64_t)(utc_ms * 10000 + FILETIME_AT_1970);
    const FILETIME file_time = {.dwLowDateTime = (DWORD)(ticks & UINT32_MAX),
                                .dwHighDateTime = (DWORD)(ticks >> 32)};
    SYSTEMTIME utc = {.wYear = 1970, .wMonth = 1, .wDay = 1, .wDayOfWeek = 4}, local;
    (void)os;
    FileTimeToSystemTime(&file_time, &utc);
    if (!SystemTimeToTzSpecificLocalTime(NULL, &utc,
                                         &local)) /* with the summer time that held at that moment */
        local = utc;
    *out_weekday = (local.wDayOfWeek + 6) % 7; /* Windows begins with Sunday */
    *out_minute = local.wHour * 60 + local.wMinute;
}

/* ---- the look ---- */

static enum status processes_observe(struct os *os, struct observation *observation, struct err *err)
{
    LONG code = 0;
    ULONG needed = (ULONG)PROCESS_BUFFER_FIRST_BYTES;
    size_t size = os->processes.size != 0 ? os->processes.size : PROCESS_BUFFER_FIRST_BYTES;
    for (;;) {
        if (size > PROCESS_BUFFER_LAST_BYTES || !kept_buffer_grow(&os->processes, size)) {
            return err_set(err, STATUS_NO_MEMORY, "NtQuerySystemInformation", (uint32_t)code,
                           "the list of processes needs %lu bytes, which cannot be had", (unsigned long)size);
        }
        code = os->late.NtQuerySystemInformation(SYSTEM_PROCESS_INFORMATION_KIND, os->processes.bytes,
                                                 (ULONG)os->processes.size, &needed);
        if (code != NTSTATUS_LENGTH_MISMATCH)
            break;
        /* Processes come while we ask: room for more than was needed. */
        size = needed > os->processes.size ? needed + needed / 4 : os->processes.size * 2;
    }
    if (code < 0) {
        return err_set(err, STATUS_SYSTEM, "NtQuerySystemInformation", (uint32_t)code,
                       "the processes cannot be listed: NTSTATUS 0x%08lX", (unsigned long)code);
    }
    const size_t filled = needed != 0 && needed < os->processes.size ? needed : os->processes.size;
    if (process_list_read(os->processes.bytes, filled, observation->processes, OBSERVATION_PROCESSES_MAX,
                          &observation->process_count, &observation->processes_cut) != STATUS_OK) {
        observation->process_count = 0;
        return err_set(err, STATUS_CORRUPT, "NtQuerySystemInformation", 0,
                       "the list of processes that Windows gave is malformed");
    }
    observation->processes_known = true;
    return STATUS_OK;
}

static reading pages(SIZE_T count, SIZE_T page_bytes)
{
    return count != 0 ? (reading)count * (reading)page_bytes
                      : READING_UNKNOWN; /* none of these is ever really 0 */
}

static enum status host_observe(struct os *os, struct observation *observation, struct err *err)
{
    struct performance_information now = {.size_bytes = sizeof(now)};
    if (!os->late.GetPerformanceInfo(&now, sizeof(now))) {
        const DWORD code = GetLastError();
        return windows_fail(err, windows_status(code), "GetPerformanceInfo", code,
                            "the memory of the machine cannot be read");
    }
    observation->host.commit_bytes = pages(now.commit_pages, now.page_bytes);
    observation->host.commit_limit_bytes = pages(now.commit_limit_pages, now.page_bytes);
    observation->host.available_bytes = pages(now.available_pages, now.page_bytes);
    observation->host.physical_bytes = pages(now.physical_pages, now.page_bytes);
    observation->host.paged_pool_bytes = pages(now.paged_pool_pages, now.page_bytes);
    observation->host.nonpaged_pool_bytes = pages(now.nonpaged_pool_pages, now.page_bytes);
    observation->host_known = true;
    return STATUS_OK;
}

/* A node's Cluster service is there and not disabled ([MS-CMRP] 3.1.3.2), whether it runs just now or not. */
static bool is_cluster_node(const struct observation *observation)
{
    const struct service *cluster = observation_service(observation, "ClusSvc");
    return cluster != NULL && (cluster->state != SERVICE_STATE_STOPPED || !service_is_disabled(L"ClusSvc"));
}

void os_shutdown_note(struct os *os)
{
    InterlockedExchange(&os->shutdown_seen, 1);
}

enum status os_observe(struct os *os, struct observation *out_observation, struct err *err)
{
    EnterCriticalSection(&os->look);
    observation_clear(out_observation);
    out_observation->mono_ms = os_mono_ms(os);
    out_observation->utc_ms = os_utc_ms(os);
    struct err other = {0};
    const enum status status = processes_observe(os, out_observation, err);
    services_observe(os, out_observation, &other);
    host_observe(os, out_observation, &other);
    if (other.status != STATUS_OK) /* after the processes' own failure, if there was one */
        err_set(err, other.status, other.operation, other.code, "%s", other.text);
    out_observation->os_shutting_down = os->shutdown_seen != 0 || GetSystemMetrics(SM_SHUTTINGDOWN) != 0;
    out_observation->cluster_node = is_cluster_node(out_observation);
    LeaveCriticalSection(&os->look);
    return status;
}

/* ---- events ---- */

enum status os_event_write(struct os *os, enum alert_kind kind, enum severity severity, const char *text,
                           struct err *err)
{
    static const WORD types[] = {
        [SEVERITY_INFORMATION] = EVENTLOG_INFORMATION_TYPE,
        [SEVERITY_WARNING] = EVENTLOG_WARNING_TYPE,
        [SEVERITY_ERROR] = EVENTLOG_ERROR_TYPE,
    };
    enum status status = STATUS_OK;
    const size_t capacity = 2 * strlen(text) + 1; /* each "%1" gains a space */
    char *safe = malloc(capacity);
    uint16_t *wide = NULL;
    if (safe != NULL) {
        event_text_copy(safe, capacity, text);
        wide = utf16_new(safe);
    }
    if (wide == NULL) {
        status = err_set(err, STATUS_NO_MEMORY, "os_event_write", 0,
                         "not enough memory for an event of %lu bytes", (unsigned long)strlen(text));
        goto done;
    }
    if (wcslen(wide) > EVENT_TEXT_UNITS_MAX)
        wide[EVENT_TEXT_UNITS_MAX] = 0;
    EnterCriticalSection(&os->events);
    if (os->event_source == NULL)
        os->event_source = RegisterEventSourceW(NULL, STOREWATCH_SERVICE);
    const wchar_t *const strings[] = {wide};
    if (os->event_source == NULL ||
        !ReportEventW(os->event_source, types[severity], 0, alert_wording_get(kind)->event_id, NULL,
                      ARRAY_COUNT(strings), 0, (const wchar_t **)strings, NULL)) {
        const DWORD code = GetLastError();
        status = windows_fail(err, windows_status(code),
                              os->event_source == NULL ? "RegisterEventSource" : "ReportEvent", code,
                              "event %lu cannot be written to the Application log",
                              (unsigned long)alert_wording_get(kind)->event_id);
        if (os->event_source !=
            NULL) { /* the event log service may have been restarted: open it anew next time */
            DeregisterEventSource(os->event_source);
            os->event_source = NULL;
        }
    }
    LeaveCriticalSection(&os->events);
done:
    free(wide);
    free(safe);
    return status;
}

/* ---- files ---- */

/* What has the name already - of a write that was cut off; or somebody who may write into the folder has made
 * it a second name of a file that only we may write - is never written into: it goes. */
static HANDLE file_make(const wchar_t *path)
{
    HANDLE file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_EXISTS && DeleteFileW(path))
        file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
    return file;
}

static DWORD file_write(const wchar_t *path, const char *bytes, size_t count)
{
    const HANDLE file = file_make(path);
    if (file == INVALID_HANDLE_VALUE)
        return GetLastError();
    DWORD code = ERROR_SUCCESS;
    while (count > 0 && code == ERROR_SUCCESS) {
        const DWORD part = count > 1024 * 1024 ? 1024 * 1024 : (DWORD)count;
        DWORD written = 0;
        if (!WriteFile(file, bytes, part, &written, NULL))
            code = GetLastError();
        else if (written == 0)
            code = ERROR_DISK_FULL;
        bytes += written;
        count -= written;
    }
    if (code == ERROR_SUCCESS && !FlushFileBuffers(file))
        code = GetLastError();
    if (!CloseHandle(file) && code == ERROR_SUCCESS)
        code = GetLastError();
    return code;
}

enum status os_file_replace(struct os *os, const char *path, const char *bytes, size_t count, struct err *err)
{
    (void)os;
    enum status status = STATUS_OK;
    const char *operation = "CreateFile";
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;
    wchar_t *wide = utf16_new(path);
    wchar_t *beside = NULL;
    struct buffer name = {0};
    buffer_add(&name, "%s.new", path);
    if (wide == NULL || name.failed)
        goto done;
    beside = utf16_new(name.data);
    if (beside == NULL)
        goto done;
    code = file_write(beside, bytes, count);
    for (int i = 0; code == ERROR_SUCCESS; i++) {
        operation = "MoveFileEx";
        if (MoveFileExW(beside, wide, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
            break;
        code = GetLastError();
        /* A reader that has it open just now is gone in a moment. */
        if ((code == ERROR_ACCESS_DENIED || code == ERROR_SHARING_VIOLATION) && i + 1 < FILE_REPLACE_TRIES) {
            code = ERROR_SUCCESS;
            Sleep(FILE_REPLACE_PAUSE_MS);
        }
    }
    if (code != ERROR_SUCCESS)
        DeleteFileW(beside);
done:
    if (code != ERROR_SUCCESS) {
        status = windows_status(code);
        windows_fail(err, status == STATUS_SYSTEM ? STATUS_IO : status, operation, code,
                     "%s cannot be written", path);
        status = status == STATUS_SYSTEM ? STATUS_IO : status;
    }
    buffer_deinit(&name);
    free(beside);
    free(wide);
    return status;
}

enum status os_file_remove(struct os *os, const char *path, const char *begin, struct err *err)
{
    (void)os;
    enum status status = STATUS_OK;
    const char *operation = "CreateFile";
    char bytes[FILE_BEGIN_MAX];
    const DWORD wanted = (DWORD)strlen(begin);
    DWORD got = 0, code = ERROR_NOT_ENOUGH_MEMORY;
    wchar_t *wide = utf16_new(path);
    if (wide == NULL || wanted > sizeof(bytes))
        goto done;
    code = ERROR_SUCCESS;
    const HANDLE file =
        CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                    OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        code = GetLastError();
        goto done;
    }
    operation = "ReadFile";
    if (!ReadFile(file, bytes, wanted, &got, NULL))
        code = GetLastError();
    CloseHandle(file);
    if (code != ERROR_SUCCESS)
        goto done;
    if (got != wanted || memcmp(bytes, begin, wanted) != 0) {
        status = err_set(err, STATUS_REFUSED, "os_file_remove", 0, "%s is not a file of storewatch", path);
        goto done;
    }
    operation = "DeleteFile";
    if (!DeleteFileW(wide))
        code = GetLastError();
done:
    if (code != ERROR_SUCCESS && code != ERROR_FILE_NOT_FOUND && code != ERROR_PATH_NOT_FOUND) {
        status = windows_status(code);
        status = status == STATUS_SYSTEM ? STATUS_IO : status;
        windows_fail(err, status, operation, code, "%s cannot be removed", path);
    }
    free(wide);
    return status;
}

/* ---- own cost ---- */

void os_self_get(struct os *os, struct os_self *out_self)
{
    const HANDLE self = GetCurrentProcess();
    struct process_memory_counters memory = {.size_bytes = sizeof(memory)};
    FILETIME created, ended, kernel, user;
    DWORD handles = 0;
    *out_self = (struct os_self){READING_UNKNOWN, READING_UNKNOWN, READING_UNKNOWN};
    if (os->late.GetProcessMemoryInfo(self, &memory, sizeof(memory))) {
        const SIZE_T bytes = memory.private_bytes != 0 ? memory.private_bytes : memory.pagefile_bytes;
        out_self->private_bytes = bytes != 0 ? (reading)bytes : READING_UNKNOWN;
    }
    if (GetProcessHandleCount(self, &handles) && handles != 0)
        out_self->handle_count = handles;
    if (GetProcessTimes(self, &created, &ended, &kernel, &user))
        out_self->cpu_ms = (reading)(filetime_100ns(kernel) + filetime_100ns(user)) / 10000.0;
}

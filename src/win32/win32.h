/* win32.h - private to the Windows edge: windows.h, what is bound late, and how a Windows error becomes ours.
 *
 * Included by src/win32, src/app/service.windows.c, the packages' action.c and tests/wine, by nobody else: what the rest of
 * src/app needs stands in headers without windows.h. */
#ifndef STOREWATCH_WIN32_H
#define STOREWATCH_WIN32_H

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h> /* before ours: base.h and incident.h take back the macros that are in their way */

#include "storewatch/os.h"
#include "utf16.h"

/* The service, the event source and the folder in the common data folder. */
#define STOREWATCH_SERVICE L"storewatch"
#define EVENT_SOURCE_KEY L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" STOREWATCH_SERVICE
#define WAIT_STEP_MS 100 /* between two looks at whether a service or a process has come or gone */

#define SYSTEM_PROCESS_INFORMATION_KIND 5           /* of NtQuerySystemInformation, */
#define NTSTATUS_LENGTH_MISMATCH ((LONG)0xC0000004) /* and its answer to a buffer that is too small */

/* ---- late binding (late.c): what a supported Windows may lack, or what no import library names ---- */

/* psapi's; declared here because psapi.h renames it on newer systems. */
struct performance_information {
    DWORD size_bytes;
    SIZE_T commit_pages, commit_limit_pages, commit_peak_pages;
    SIZE_T physical_pages, available_pages, cache_pages;
    SIZE_T kernel_pages, paged_pool_pages, nonpaged_pool_pages;
    SIZE_T page_bytes;
    DWORD handle_count, process_count, thread_count;
};

struct process_memory_counters {
    DWORD size_bytes, fault_count;
    SIZE_T working_set_peak_bytes, working_set_bytes;
    SIZE_T paged_pool_peak_bytes, paged_pool_bytes, nonpaged_pool_peak_bytes, nonpaged_pool_bytes;
    SIZE_T pagefile_bytes, pagefile_peak_bytes, private_bytes;
};

struct late {
    /* Always there. */
    LONG(WINAPI *NtQuerySystemInformation)(int kind, void *buffer, ULONG size, ULONG *out_needed);
    LONG(WINAPI *NtQueryInformationProcess)
    (HANDLE process, int kind, void *buffer, ULONG size, ULONG *out_needed);
    LONG(WINAPI *NtQueryObject)(HANDLE handle, int kind, void *buffer, ULONG size, ULONG *out_needed);
    LONG(WINAPI *RtlGetVersion)(OSVERSIONINFOEXW *version);
    BOOL(WINAPI *GetPerformanceInfo)(struct performance_information *information, DWORD size);
    BOOL(WINAPI *GetProcessMemoryInfo)(HANDLE process, struct process_memory_counters *counters, DWORD size);
    /* NULL where the system is too old. */
    ULONGLONG(WINAPI *GetTickCount64)(void);                 /* NT 6.0 */
    BOOL(WINAPI *IsWow64Process)(HANDLE process, BOOL *out); /* NT 5.2 SP1 */
};

/* SYSTEM when a required function is missing (err names it). The libraries stay loaded for the process' life.
 */
enum status late_bind(struct late *out_late, struct err *err);
/* NT 6.0 or later, as GetTickCount64 tells, which came with it. */
bool late_is_nt6(const struct late *late);

/* Milliseconds since boot from the page that the kernel shares with every process. For systems without
 * GetTickCount64, and for the test that compares both. Never backwards, does not wrap, 10-16 ms fine. */
int64_t shared_page_mono_ms(void);

/* ---- errors (error.c) ---- */

/* The status that a code stands for outside the SCM's own calls. */
enum status windows_status(DWORD code);

/* err_set with "WHAT: TEXT OF THE CODE (Windows error CODE)"; returns `status`, or SYSTEM where that is OK because
 * the function that failed left no code. */
enum status windows_fail(struct err *err, enum status status, const char *operation, DWORD code,
                         const char *format, ...) PRINTF_LIKE(5, 6);

/* ---- the process' one `struct os` ---- */

#define PROCESS_BUFFER_FIRST_BYTES ((size_t)256 * 1024)
#define PROCESS_BUFFER_LAST_BYTES ((size_t)64 * 1024 * 1024)
/* The most that EnumServicesStatusEx takes; NT 5.2 without a service pack takes only 64 KiB. */
#define SERVICE_BUFFER_FIRST_BYTES ((size_t)64 * 1024)
#define SERVICE_BUFFER_LAST_BYTES ((size_t)256 * 1024)

struct kept_buffer {
    void *bytes; /* grows and stays: a steady look allocates nothing */
    size_t size;
};

struct os {
    struct late late;
    struct os_facts facts;
    CRITICAL_SECTION look; /* guards what follows: one look at a time */
    struct kept_buffer processes, services;
    size_t service_buffer_last_bytes;
    SC_HANDLE scm; /* for enumerating only; opened when first needed */
    CRITICAL_SECTION events;
    HANDLE event_source; /* opened when first needed */
    volatile LONG shutdown_seen;
};

/* Makes the buffer at least `size` bytes big; what was in it is lost. */
bool kept_buffer_grow(struct kept_buffer *buffer, size_t size);

/* ---- other processes (address_space.c) ---- */

#define PROCESS_BASIC_INFORMATION_KIND 0

struct process_basic_information {
    LONG exit_status;
    const unsigned char *environment_block; /* the PEB, in the other process */
    ULONG_PTR affinity_mask;
    LONG base_priority;
    ULONG_PTR pid, parent_pid;
};

/* Opens the process with PROCESS_QUERY_INFORMATION and `access`, with SeDebugPrivilege where that is needed;
 * the handle is that of the process that `id` names, and it runs. CloseHandle when done. */
enum status process_open_as(DWORD access, struct process_id id, HANDLE *out_process, struct err *err);
/* Opens the process for reading, with SeDebugPrivilege where that is needed, and makes sure that it is still
 * the one `id` names. *out_wow64: a 32-bit process on 64-bit Windows. CloseHandle when done. */
enum status process_open(const struct late *late, struct process_id id, HANDLE *out_process, bool *out_wow64,
                         struct err *err);
/* All of it or false. */
bool process_read(HANDLE process, const void *address, void *out, size_t size);

/* modules.c: the version of the file at `path`; unknown when it has none, cannot be read or is not on a local
 * drive. */
void file_version_of(const wchar_t *path, struct file_version *out_version);

/* services.c: a service, and the manager that it is reached through; NULL is what is not open. */
struct scm_service {
    SC_HANDLE scm, service;
};
/* `scm_access`: more than to connect. Returns the code of what failed; the manager stays open when only the
 * service did. scm_service_close in every case; a second time is fine. */
DWORD scm_service_open(const wchar_t *name, DWORD access, DWORD scm_access, struct scm_service *out_opened);
void scm_service_close(struct scm_service *opened);

/* services.c: fills the services of an observation; the caller holds os->look. */
enum status services_observe(struct os *os, struct observation *observation, struct err *err);
/* Of one that is there; one of which that cannot be read is not. */
bool service_is_disabled(const wchar_t *service);

/* rights.c: the name of an account, or its SID where it has none, and the SID as text. */
void account_name_read(PSID sid, char *out_sid, char *out_name); /* ACCOUNT_SID_MAX, ACCOUNT_NAME_MAX bytes */

/* setup.c: opens a file or folder itself, not what a link of that name leads to. CloseHandle when done. */
enum status setup_open_itself(const char *path, DWORD access, DWORD share, HANDLE *out_file, struct err *err);
DWORD setup_attributes(const char *path);

/* setup_files.c: the entries of a folder, but itself and the one above: {.folder = PATH}, next while it is
 * true, end in every case. end returns why not all were seen, as a folder that cannot be opened. */
struct folder_walk {
    const char *folder; /* lent */
    HANDLE find;
    DWORD code;
    WIN32_FIND_DATAW entry;
};
bool folder_walk_next(struct folder_walk *walk);
DWORD folder_walk_end(struct folder_walk *walk);

/* trust.c: does the file (opened with READ_CONTROL by setup_open_itself), or the pipe, belong to one of those
 * who decide what happens on this machine anyway: Administrators, SYSTEM, this process' account, the
 * service's? The name of a stranger is appended. trust_file: and is it no link? INVALID says what it is. */
bool trust_owner(HANDLE object, bool is_pipe, struct text *stranger);
enum status trust_file(HANDLE file, const char *path, struct err *err);
/* The account that the service is registered with (ACCOUNT_SID_MAX bytes): what it has written belongs to it.
 * "" when that is LocalSystem, or there is none, or its name stands for nobody. */
void trust_service_sid(char *out_sid);

/* rights.c: what newer systems add to the registration of our service; older ones refuse it, and that is
 * ignored. */
void service_ask_for_newer(SC_HANDLE service, bool local_system);
/* Description, recovery and what newer systems add, as they are (setup_before.levels); and back. */
void service_levels_read(SC_HANDLE service, void *out_levels[]);
void service_levels_restore(SC_HANDLE service, void *const before[]);

/* An answer of the SCM that only a machine that is going down gives. */
void os_shutdown_note(struct os *os);

#endif

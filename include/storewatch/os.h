/* os.h - everything the operating system must do for storewatch, in one header.
 *
 * Bound at link time: src/win32 on Windows, tests/support/fake_os.c in tests. `struct os` is whatever the
 * implementation needs; there is one a process. Functions marked [worker] may block (for a hung SCM even for
 * minutes) and are only called from worker jobs; the others return at once. All are safe to call from several
 * threads. Texts are UTF-8. Errors carry the raw Windows code, read on the line after the call. */
#ifndef STOREWATCH_OS_H
#define STOREWATCH_OS_H

#include "storewatch/defects.h"
#include "storewatch/incident.h"
#include "storewatch/restart.h"
#include "storewatch/sample.h"
#include "storewatch/space.h"

struct os;

struct os_facts {
    char host_name[64];
    char os_text[96]; /* "Windows 5.2.3790 Service Pack 2, x86" */
    bool os_64bit;
    double address_space_bytes; /* what one of our own bitness could use; for 32-bit Windows 2 or 3 GiB */
    char data_dir[512];         /* common application data folder + "\storewatch" */
};

enum status os_open(struct os **out_os, struct err *err);
void os_close(struct os *os); /* NULL is fine */
void os_facts_get(struct os *os, struct os_facts *out_facts);

/* Milliseconds since the machine's boot, never backwards, not moved by setting the clock. */
int64_t os_mono_ms(struct os *os);
int64_t os_utc_ms(struct os *os);
/* Local wall clock for restart windows and digests: weekday 0 = Monday, minute of day 0-1439. */
void os_local_time(struct os *os, int64_t utc_ms, int *out_weekday, int *out_minute);

/* [worker] One look at all processes, services and the host. Fills the parts that could be read and marks the
 * others unknown; returns OK when at least the processes were read - then *err may still say what else could
 * not be -, otherwise the first failure. Stamps mono_ms and utc_ms itself when the look begins. One
 * NtQuerySystemInformation, one EnumServicesStatusEx, one GetPerformanceInfo; opens no process. */
enum status os_observe(struct os *os, struct observation *out_observation, struct err *err);

/* [worker] The user address space this process can use: 2, 3 or 4 GiB for a 32-bit image depending on
 * large-address-awareness, /3GB and WOW64; 2 GiB for a native 64-bit image that is not large-address-aware;
 * NAN in *out_bytes for any other 64-bit process (no practical limit). UNSUPPORTED: a 64-bit process asked by
 * a 32-bit one; NOT_FOUND: it has ended; DENIED; SYSTEM otherwise. */
enum status os_process_address_limit(struct os *os, struct process_id id, double *out_bytes, struct err *err);

/* [worker] Walks an address space that has such a limit (VirtualQueryEx): what is free of it. Nothing in it
 * is stopped. UNSUPPORTED: a 64-bit process without a practical bound; NOT_FOUND: it has ended; DENIED; FULL
 * or TIMEOUT: more than SPACE_REGIONS_MAX regions or SPACE_WALK_MS, which says nothing; SYSTEM otherwise. */
#define SPACE_REGIONS_MAX 1000000 /* 4 GiB in pages are 1,048,576 */
#define SPACE_WALK_MS 2000
enum status os_process_space(struct os *os, struct process_id id, struct space *out_space, struct err *err);

/* [worker] The MAPI DLLs that a process has loaded, with their versions; OK with none when it has none. Reads
 * the loader's list in the other process: nothing runs there, and a list that is broken or changes meanwhile
 * ends the walk. Looks at MODULES_MAX modules at most, 32-bit processes on 64-bit Windows too. NOT_FOUND: it
 * has ended; DENIED; UNSUPPORTED: a 64-bit process asked by a 32-bit one; SYSTEM: its list cannot be read. */
#define MODULES_MAX 1024
enum status os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                 struct err *err);

/* ---- evidence: what a process is made of, before it is stopped ---- */

/* [worker] Every module that a process has loaded, in load order, with the version of the image in memory; at
 * most `capacity`. Errors as of os_process_mapi_dlls. */
struct module {
    uint64_t base;
    char path[DLL_PATH_MAX]; /* as the process sees it */
    struct file_version version;
};
enum status os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                               size_t capacity, size_t *out_count, struct err *err);

/* [worker] How many handles a process has, by the type of what they stand for, most first. The names of the
 * types are "" where this Windows does not tell them; then `number` is all that is known of one. */
#define HANDLE_TYPES_MAX 96
struct handle_counts {
    size_t type_count;
    uint32_t total;
    struct handle_type {
        char name[48];
        uint16_t number;
        uint32_t count;
    } types[HANDLE_TYPES_MAX];
};
enum status os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                               struct err *err);

/* [worker] Writes a memory dump of a process to `path`, by way of a temporary name beside it: what has the
 * name is whole. The process stands still meanwhile. FULL: less than `min_free_bytes` of the disk would be,
 * or were, left; TIMEOUT: not done within budget_ms (it returns a little later at the most); UNSUPPORTED: no
 * dbghelp.dll, or a 64-bit process asked by a 32-bit one; DENIED, NOT_FOUND, SYSTEM. In each of these cases
 * nothing is left on the disk and the process goes on. */
enum status os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                            double min_free_bytes, int64_t budget_ms, struct err *err);

/* [worker] Files that ordinary users must not read. */
enum status os_folder_make(struct os *os, const char *path, struct err *err); /* OK when it is there */
#define FOLDER_NAME_MAX 64
/* The folders in a folder, by name; longer names and more than `capacity` are left out. */
enum status os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                           size_t capacity, size_t *out_count, struct err *err);
/* The files in a folder whose names begin with `begin`, in no order; longer names and more than `capacity` are
 * left out. */
struct file_entry {
    char name[FOLDER_NAME_MAX];
    double bytes;
};
enum status os_file_list(struct os *os, const char *path, const char *begin, struct file_entry *out_files,
                         size_t capacity, size_t *out_count, struct err *err);
/* With the files in it; OK when it is not there. */
enum status os_folder_remove(struct os *os, const char *path, struct err *err);
/* What a user of ours can still write on the disk that holds `path`. */
enum status os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err);
struct os_file;
enum status os_file_create(struct os *os, const char *path, struct os_file **out_file, struct err *err);
enum status os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err);
/* Flushes and closes, also after an error. NULL is fine. */
enum status os_file_close(struct os_file *file, struct err *err);

/* [worker] What the registry names, both views of it on 64-bit Windows: the mail programs of
 * HKLM\SOFTWARE\Clients\Mail with the DLL that MAPI calls are handed to, and the programs of
 * HKLM\SOFTWARE\Microsoft\Windows Messaging Subsystem\MSMapiApps. Returns how many; a key that
 * cannot be read names nothing, what is beyond `capacity` is left out. */
enum mapi_source { MAPI_SOURCE_CLIENTS_MAIL, MAPI_SOURCE_MSMAPIAPPS };
#define MAPI_REGISTRATIONS_MAX 64
struct mapi_registration {
    enum mapi_source source;
    char name[128];                /* of the mail program, or of the program's file */
    char image[PROCESS_IMAGE_MAX]; /* the program's file name; "" when the registry does not tell */
    struct loaded_dll dll;         /* path "" when it names none; `loaded` is never known */
};
size_t os_mapi_registrations(struct os *os, struct mapi_registration *out_items, size_t capacity);

/* [worker] All Win32 services with start type and dependencies (EnumServicesStatusEx + QueryServiceConfig:
 * also right where EnumDependentServices is not). *out_graph: service_graph_deinit when done. */
enum status os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err);

/* [worker] Sends the stop control, does not wait for the service to be stopped. OK when it was accepted or
 * the service is stopped already; REFUSED with the code when the SCM said no (1051 dependents running, 1052,
 * 1061...), NOT_FOUND (1060), DENIED (5), TIMEOUT (1053), SYSTEM otherwise. */
enum status os_service_stop(struct os *os, const char *name, struct err *err);
/* [worker] StartService without waiting for RUNNING. OK also when it runs already (1056). Same errors. */
enum status os_service_start(struct os *os, const char *name, struct err *err);

/* [worker] What ordinary users could change and so decide what storewatch does: the configuration, the
 * program, the data directory, the folders they lie in. One line each, as in "C:\\x\\storewatch.json may be
 * changed by Users"; "" = nothing. What cannot be read is left out: `doctor` tells that. */
void os_unsafe_access(struct os *os, const char *config_path, const char *data_dir, char *out_text,
                      size_t capacity);

/* [worker] Ends the process `id` that runs the service `service`, and only that: pid and creation time are
 * compared through the very handle that ends it, and it must be the process of this service alone, which must
 * be stop pending. Waits up to PROCESS_END_MS for its end. OK: it has ended. NOT_FOUND: it had ended before,
 * or its number belongs to another one. REFUSED: the service is not stop pending in it, may share it, or has a
 * failure action that restarts the computer. DENIED. TIMEOUT: it was told to end and is still there. BUSY with
 * code 1460: the service manager took longer than RESTART_FRESH_MS (restart.h) to answer, and nothing was
 * ended. */
#define PROCESS_END_MS 10000
enum status os_process_terminate(struct os *os, const char *service, struct process_id id, struct err *err);

/* [worker] Writes one event to the Application log under source "storewatch". */
enum status os_event_write(struct os *os, enum alert_kind kind, enum severity severity, const char *text,
                           struct err *err);

/* [worker] Replaces a text file atomically (write beside, flush, rename over). */
enum status os_file_replace(struct os *os, const char *path, const char *bytes, size_t count,
                            struct err *err);
/* [worker] Removes a file that begins with `begin` (FILE_BEGIN_MAX bytes at the most; "" = any); OK also when it
 * is not there. REFUSED: it begins otherwise, so it is somebody else's, and stays. */
#define FILE_BEGIN_MAX 64
enum status os_file_remove(struct os *os, const char *path, const char *begin, struct err *err);

/* [any thread] Own cost, for `status`, the self-watch and what a job costs; unknown readings where the system
 * does not tell. */
struct os_self {
    reading private_bytes, handle_count, cpu_ms;
};
void os_self_get(struct os *os, struct os_self *out_self);

#endif

/* dump.c - memory dumps, written by a process of our own.
 *
 * A process of its own, because dbghelp's MiniDumpWriteDump suspends the target, may take gigabytes' time on
 * a slow disk, and has hung and crashed before: whatever it does, the service goes on, and what does not end
 * can be ended. It ends by itself: a second thread in it watches time, disk and whether the service still
 * runs, and breaks the writing off, which lets the target go on and leaves no file. Only when that does not
 * help within GRACE_MS the service ends it (our own process, never another). The target's threads that a
 * child without success may have left suspended are resumed by the service.
 *
 * dbghelp.dll comes from the system's folder and nowhere else, and is loaded in that process only. */
#include "process_list.h"
#include "setup.h"
#include "dump.h"
#include "win32.h"

#include <dbghelp.h>

#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRACE_MS 5000  /* of the service, before it ends the child */
#define CANCEL_MS 1000 /* of the child, for a dbghelp that listens; an old one meets a closed file */
#define WATCH_EVERY_MS 100
#define MINI_BYTES (32.0 * 1024 * 1024) /* what a small dump may come to */

/* Exit codes of the child beside Windows' own error codes; bit 29 is reserved for such. */
#define EXIT_TIME_OVER 0x20000001u
#define EXIT_DISK_FULL 0x20000002u
#define EXIT_NO_DBGHELP 0x20000003u
#define EXIT_BAD_CALL 0x20000004u
#define EXIT_SERVICE_GONE 0x20000005u
#define RENAME_TRIES 20
#define RENAME_PAUSE_MS 250

/* The folder of the file, with the separator, as one asks for its disk; "" when the path names none. Windows
 * takes both separators, and so does the configuration. */
static void folder_of(const char *path, char out_folder[SETUP_PATH_MAX])
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] != '\\' && path[length - 1] != '/')
        length--;
    struct text text = text_on(out_folder, SETUP_PATH_MAX);
    text_add_bytes(&text, path, length);
}

/* ---- the child ---- */

typedef BOOL(WINAPI *write_dump)(HANDLE process, DWORD pid, HANDLE file, MINIDUMP_TYPE type,
                                 MINIDUMP_EXCEPTION_INFORMATION *exception,
                                 MINIDUMP_USER_STREAM_INFORMATION *streams,
                                 MINIDUMP_CALLBACK_INFORMATION *callback);

struct child {
    wchar_t *path;   /* of the file */
    wchar_t *folder; /* whose disk is watched */
    HANDLE file;
    HANDLE service; /* the process that wants the dump; NULL: it may not be opened */
    ULONGLONG min_free_bytes;
    DWORD begun_ms, budget_ms;
    volatile LONG why; /* EXIT_ code: it is to be broken off */
    volatile LONG done;
};

static BOOL CALLBACK on_callback(void *context, const PMINIDUMP_CALLBACK_INPUT input,
                                 PMINIDUMP_CALLBACK_OUTPUT output)
{
    const struct child *child = context;
    if (input->CallbackType == CancelCallback) {
        output->CheckCancel = TRUE;
        output->Cancel = child->why != 0;
        return TRUE;
    }
    /* "More memory?", "memory to leave out?": no. All else as dbghelp would have it. */
    return input->CallbackType != MemoryCallback && input->CallbackType != RemoveMemoryCallback;
}

static bool service_gone(const struct child *child)
{
    return child->service != NULL && WaitForSingleObject(child->service, 0) == 0;
}

static LONG watch_once(const struct child *child)
{
    ULARGE_INTEGER free_bytes = {0};
    if (service_gone(child))
        return (LONG)EXIT_SERVICE_GONE;
    if (GetTickCount() - child->begun_ms >= child->budget_ms)
        return (LONG)EXIT_TIME_OVER;
    return GetDiskFreeSpaceExW(child->folder, &free_bytes, NULL, NULL) &&
                   free_bytes.QuadPart < child->min_free_bytes
               ? (LONG)EXIT_DISK_FULL
               : 0;
}

static unsigned __stdcall watch(void *context)
{
    struct child *child = context;
    DWORD since_ms = 0;
    while (!child->done) {
        if (child->why == 0 && (child->why = watch_once(child)) != 0)
            since_ms = GetTickCount();
        /* dbghelp before 6.x asks no cancel question: the next write fails instead, which it takes as an end
         * like any other. */
        if (child->why != 0 && GetTickCount() - since_ms >= CANCEL_MS && child->file != NULL) {
            const HANDLE file = child->file;
            child->file = NULL;
            CloseHandle(file);
        }
        Sleep(WATCH_EVERY_MS);
    }
    return 0;
}

static write_dump write_dump_find(void)
{
    static const wchar_t name[] = L"\\dbghelp.dll";
    wchar_t path[MAX_PATH];
    const UINT length = GetSystemDirectoryW(path, MAX_PATH);
    write_dump function = NULL;
    if (length == 0 || length + ARRAY_COUNT(name) > MAX_PATH)
        return NULL;
    memcpy(path + length, name, sizeof(name));
    const HMODULE module = LoadLibraryW(path);
    const FARPROC found = module != NULL ? GetProcAddress(module, "MiniDumpWriteDump") : NULL;
    memcpy(&function, &found, sizeof(found));
    return function;
}

/* An HRESULT that is a Windows error is one. */
static DWORD last_error(void)
{
    const DWORD code = GetLastError();
    const DWORD plain = (code & 0xFFFF0000u) == 0x80070000u ? code & 0xFFFFu : code;
    return plain != 0 ? plain : ERROR_GEN_FAILURE;
}

/* What an old dbghelp does not know it refuses, and what the target does not let it see: then with less. */
static DWORD write(struct child *child, HANDLE process, DWORD pid, bool full)
{
    const MINIDUMP_TYPE base = full ? MiniDumpWithFullMemory : MiniDumpNormal;
    const MINIDUMP_TYPE types[] = {base | MiniDumpWithHandleData | MiniDumpWithUnloadedModules |
                                       MiniDumpWithThreadInfo |
                                       (full ? MiniDumpWithFullMemoryInfo : MiniDumpWithProcessThreadData),
                                   base | MiniDumpWithHandleData | MiniDumpWithUnloadedModules, base};
    MINIDUMP_CALLBACK_INFORMATION callback = {on_callback, child};
    const write_dump function = write_dump_find();
    DWORD code = ERROR_SUCCESS;
    if (function == NULL)
        return EXIT_NO_DBGHELP;
    for (size_t i = 0; i < ARRAY_COUNT(types) && child->why == 0; i++) {
        SetFilePointer(child->file, 0, NULL, FILE_BEGIN);
        SetEndOfFile(child->file);
        if (function(process, pid, child->file, types[i], NULL, NULL, &callback))
            return ERROR_SUCCESS;
        code = last_error();
        if (code != ERROR_INVALID_PARAMETER && code != ERROR_NOT_SUPPORTED && code != ERROR_ACCESS_DENIED)
            break;
    }
    return code;
}

/* The file, whole, or none. */
static DWORD child_write(struct child *child, HANDLE process, DWORD pid, bool full)
{
    child->file = CreateFileW(child->path, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS,
                              FILE_ATTRIBUTE_NORMAL, NULL);
    if (child->file == INVALID_HANDLE_VALUE)
        return last_error();
    const HANDLE watcher = (HANDLE)_beginthreadex(NULL, 0, watch, child, 0, NULL);
    DWORD code = watcher == NULL ? (DWORD)ERROR_NOT_ENOUGH_MEMORY : write(child, process, pid, full);
    child->done = 1;
    if (watcher != NULL) {
        WaitForSingleObject(watcher, INFINITE);
        CloseHandle(watcher);
    }
    if (child->why != 0)
        code = (DWORD)child->why;
    if (child->file != NULL) {
        if (code == ERROR_SUCCESS && !FlushFileBuffers(child->file))
            code = last_error();
        CloseHandle(child->file);
    }
    if (code == ERROR_DISK_FULL || code == ERROR_HANDLE_DISK_FULL)
        code = EXIT_DISK_FULL;
    if (code == ERROR_SUCCESS && service_gone(child))
        code = EXIT_SERVICE_GONE; /* nobody would put the file in its place */
    if (code != ERROR_SUCCESS)
        DeleteFileW(child->path);
    return code;
}

/* With the right to copy its handles, without which a dump has none of them, if it lets us. */
static enum status target_open(struct process_id id, HANDLE *out_process, struct err *err)
{
    return process_open_as(PROCESS_VM_READ | PROCESS_DUP_HANDLE, id, out_process, NULL) == STATUS_OK
               ? STATUS_OK
               : process_open_as(PROCESS_VM_READ, id, out_process, err);
}

static DWORD child_run(struct child *child, struct process_id target, struct process_id service, bool full)
{
    HANDLE process = NULL;
    struct err err = {0};
    DWORD code = EXIT_SERVICE_GONE;
    if (target_open(target, &process, &err) != STATUS_OK)
        return err.code != 0 ? err.code : ERROR_INVALID_PARAMETER; /* "no such process" */
    if (process_open_as(SYNCHRONIZE, service, &child->service, NULL) != STATUS_NOT_FOUND)
        code = child_write(child, process, target.pid, full);
    if (child->service != NULL)
        CloseHandle(child->service);
    CloseHandle(process);
    return code;
}

static struct process_id id_of(const char *const *arguments)
{
    return (struct process_id){(uint32_t)strtoul(arguments[0], NULL, 10), strtoull(arguments[1], NULL, 10)};
}

int dump_child(const char *const *arguments, size_t count)
{
    if (count != 8)
        return EXIT_BAD_CALL;
    char folder[SETUP_PATH_MAX];
    folder_of(arguments[3], folder);
    struct child child = {.path = utf16_new(arguments[3]),
                          .folder = utf16_new(folder),
                          .begun_ms = GetTickCount(),
                          .budget_ms = (DWORD)strtoul(arguments[4], NULL, 10),
                          .min_free_bytes = strtoull(arguments[5], NULL, 10)};
    DWORD code = EXIT_BAD_CALL;
    /* A target that does not answer must not make error boxes that nobody sees. */
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    if (child.path != NULL && child.folder != NULL && folder[0] != '\0')
        code = child_run(&child, id_of(arguments), id_of(arguments + 6), strcmp(arguments[2], "full") == 0);
    free(child.path);
    free(child.folder);
    return (int)code;
}

/* ---- the service's side ---- */

/* One of these follows each process' record for each of its threads. */
struct nt_thread {
    int64_t times[3];
    ULONG wait_time;
    const void *start;
    ULONG_PTR pid, tid;
    LONG priority, base_priority;
    ULONG switches, state, wait_reason;
};

#define THREADS_MAX 8192
#define STATE_WAITING 5
#define REASON_SUSPENDED 5

struct thread_list {
    size_t count;
    DWORD tids[THREADS_MAX];
};

/* The threads of a process; only those that are suspended, as far as this system tells it, or all. */
static void threads_read(struct os *os, uint32_t pid, bool suspended_only, struct thread_list *out_list)
{
    out_list->count = 0;
    for (size_t size = PROCESS_BUFFER_FIRST_BYTES; size <= PROCESS_BUFFER_LAST_BYTES; size *= 2) {
        ULONG needed = 0;
        unsigned char *bytes = malloc(size);
        if (bytes == NULL)
            return;
        const LONG code =
            os->late.NtQuerySystemInformation(SYSTEM_PROCESS_INFORMATION_KIND, bytes, (ULONG)size, &needed);
        for (size_t at = 0; code >= 0 && at + sizeof(struct nt_process) <= size;) {
            struct nt_process process;
            memcpy(&process, bytes + at, sizeof(process));
            for (size_t i = 0; process.pid == pid && i < process.thread_count; i++) {
                struct nt_thread thread;
                const size_t place = at + sizeof(process) + i * sizeof(thread);
                if (place + sizeof(thread) > size || out_list->count == THREADS_MAX)
                    break;
                memcpy(&thread, bytes + place, sizeof(thread));
                if (!suspended_only ||
                    (thread.state == STATE_WAITING && thread.wait_reason == REASON_SUSPENDED))
                    out_list->tids[out_list->count++] = (DWORD)thread.tid;
            }
            if (process.next_offset == 0)
                break;
            at += process.next_offset;
        }
        free(bytes);
        if (code >= 0)
            return;
    }
}

/* What the child suspended and did not resume, because it crashed or was ended: once each, but for those that
 * the program itself had suspended before. Resuming a thread that runs does nothing. */
static void threads_resume(struct os *os, uint32_t pid, const struct thread_list *before)
{
    struct thread_list *now = malloc(sizeof(*now));
    if (now == NULL)
        return;
    threads_read(os, pid, false, now);
    for (size_t i = 0; i < now->count; i++) {
        bool own = false;
        for (size_t k = 0; k < before->count && !own; k++)
            own = before->tids[k] == now->tids[i];
        const HANDLE thread = own ? NULL : OpenThread(THREAD_SUSPEND_RESUME, FALSE, now->tids[i]);
        if (thread != NULL) {
            ResumeThread(thread);
            CloseHandle(thread);
        }
    }
    free(now);
}

/* "there is room for it": a full dump has all that is committed, and the images. */
static enum status room_check(struct os *os, HANDLE process, bool full, const char *path,
                              double min_free_bytes, struct err *err)
{
    struct process_memory_counters counters = {.size_bytes = sizeof(counters)};
    char folder[SETUP_PATH_MAX];
    double free_bytes = 0, needed = MINI_BYTES;
    folder_of(path, folder);
    if (full && os->late.GetProcessMemoryInfo(process, &counters, sizeof(counters))) {
        /* PagefileUsage is said to be zero up to Windows 2008 R2; PrivateUsage is, on Wine. */
        const SIZE_T private_bytes =
            counters.private_bytes != 0 ? counters.private_bytes : counters.pagefile_bytes;
        needed +=
            (double)(counters.working_set_bytes > private_bytes ? counters.working_set_bytes : private_bytes);
    }
    const enum status status = os_disk_free(os, folder, &free_bytes, err);
    if (status != STATUS_OK || free_bytes - needed >= min_free_bytes)
        return status;
    return err_set(err, STATUS_FULL, "disk", 0,
                   "it may take %.0f MiB, %.0f MiB are free, and actions.dump.min_free keeps %.0f MiB free",
                   needed / 1048576, free_bytes / 1048576, min_free_bytes / 1048576);
}

static struct process_id own_id(void)
{
    FILETIME created = {0}, ended, kernel, user;
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user);
    return (struct process_id){GetCurrentProcessId(),
                               (uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime};
}

static enum status child_start(struct process_id id, bool full, const char *path, double min_free_bytes,
                               int64_t budget_ms, HANDLE *out_child, struct err *err)
{
    char executable[SETUP_PATH_MAX];
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION made;
    struct buffer line = {0};
    const struct process_id own = own_id();
    enum status status = setup_executable(executable, err);
    if (status != STATUS_OK)
        return status;
    buffer_add(&line, "\"%s\" " DUMP_COMMAND " %lu %llu %s \"%s\" %lld %.0f %lu %llu", executable,
               (unsigned long)id.pid, (unsigned long long)id.created_100ns, full ? "full" : "mini", path,
               (long long)budget_ms, min_free_bytes, (unsigned long)own.pid,
               (unsigned long long)own.created_100ns);
    wchar_t *wide_line = line.failed ? NULL : utf16_new(line.data);
    wchar_t *program = utf16_new(executable);
    if (wide_line == NULL || program == NULL) {
        status = err_set(err, STATUS_NO_MEMORY, "CreateProcess", 0, "not enough memory");
    } else if (!CreateProcessW(program, wide_line, NULL, NULL, FALSE, CREATE_NO_WINDOW, NULL, NULL, &startup,
                               &made)) {
        const DWORD code = GetLastError();
        status = windows_fail(err, windows_status(code), "CreateProcess", code, "%s cannot be started",
                              executable);
    } else {
        CloseHandle(made.hThread);
        *out_child = made.hProcess;
    }
    buffer_deinit(&line);
    free(wide_line);
    free(program);
    return status;
}

static enum status exit_status(DWORD code, uint32_t pid, double min_free_bytes, int64_t budget_ms,
                               struct err *err)
{
    switch (code) {
    case ERROR_SUCCESS:
        return STATUS_OK;
    case EXIT_TIME_OVER:
    case WAIT_TIMEOUT:
        return err_set(err, STATUS_TIMEOUT, "MiniDumpWriteDump", 0, "it was not done within %lld s",
                       (long long)(budget_ms / 1000));
    case EXIT_DISK_FULL:
        return err_set(err, STATUS_FULL, "MiniDumpWriteDump", 0,
                       "it was broken off: less than the %.0f MiB of actions.dump.min_free were left free",
                       min_free_bytes / 1048576);
    case EXIT_NO_DBGHELP:
        return err_set(err, STATUS_UNSUPPORTED, "LoadLibrary", 0, "this Windows has no dbghelp.dll");
    default:
        return windows_fail(err, windows_status(code), "MiniDumpWriteDump", code,
                            "process %lu cannot be dumped", (unsigned long)pid);
    }
}

/* Waits for the child, ends it when it does not end by itself, and reads what it says. */
static enum status child_wait(struct os *os, HANDLE child, struct process_id id,
                              const struct thread_list *before, double min_free_bytes, int64_t budget_ms,
                              struct err *err)
{
    DWORD code = WAIT_TIMEOUT;
    if (WaitForSingleObject(child, (DWORD)(budget_ms + GRACE_MS)) == 0) {
        GetExitCodeProcess(child, &code);
    } else {
        TerminateProcess(child, EXIT_TIME_OVER); /* our own child, by the handle that made it */
        WaitForSingleObject(child, GRACE_MS);
    }
    if (code != ERROR_SUCCESS)
        threads_resume(os, id.pid, before);
    return exit_status(code, id.pid, min_free_bytes, budget_ms, err);
}

/* A scanner that looks at the new file has it open for a while. */
static enum status put_in_place(const char *part, const char *path, struct err *err)
{
    wchar_t *from = utf16_new(part), *to = utf16_new(path);
    enum status status = STATUS_OK;
    DWORD code = from == NULL || to == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SHARING_VIOLATION;
    for (int i = 0; (code == ERROR_SHARING_VIOLATION || code == ERROR_ACCESS_DENIED) && i < RENAME_TRIES;
         i++) {
        Sleep(i > 0 ? RENAME_PAUSE_MS : 0);
        code = MoveFileExW(from, to, MOVEFILE_REPLACE_EXISTING) ? ERROR_SUCCESS : GetLastError();
    }
    if (code != ERROR_SUCCESS)
        status = windows_fail(err, STATUS_IO, "MoveFileEx", code, "%s cannot be written", path);
    free(from);
    free(to);
    return status;
}

enum status os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                            double min_free_bytes, int64_t budget_ms, struct err *err)
{
    HANDLE process = NULL, child = NULL;
    bool wow64 = false;
    struct buffer part = {0};
    struct thread_list *before = malloc(sizeof(*before));
    buffer_add(&part, "%s.part", path);
    if (before == NULL || part.failed) {
        buffer_deinit(&part);
        free(before);
        return err_set(err, STATUS_NO_MEMORY, "dump", 0, "not enough memory");
    }
    enum status status = process_open(&os->late, id, &process, &wow64, err);
    if (status == STATUS_OK && sizeof(void *) == 4 && os->facts.os_64bit && !wow64) {
        status =
            err_set(err, STATUS_UNSUPPORTED, "dump", 0,
                    "process %lu is a 64-bit one: the x64 storewatch.exe can dump it", (unsigned long)id.pid);
    }
    if (status == STATUS_OK)
        status = room_check(os, process, full, path, min_free_bytes, err);
    if (status == STATUS_OK) {
        threads_read(os, id.pid, true, before);
        status = child_start(id, full, part.data, min_free_bytes, budget_ms, &child, err);
    }
    if (status == STATUS_OK) {
        status = child_wait(os, child, id, before, min_free_bytes, budget_ms, err);
        CloseHandle(child);
        if (status == STATUS_OK)
            status = put_in_place(part.data, path, err);
        if (status != STATUS_OK)
            setup_file_remove(part.data); /* a child that was ended left it */
    }
    if (process != NULL)
        CloseHandle(process);
    buffer_deinit(&part);
    free(before);
    return status;
}

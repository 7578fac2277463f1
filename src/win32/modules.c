/* modules.c - the MAPI DLLs in another process, and their versions. Which modules it has is read by
 * module_list.c.
 *
 * The version is that of the image in memory - what really runs -, and besides that of the file at its path,
 * which an update may have replaced since. */
#include "module_list.h"
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define PROCESS_WOW64_INFORMATION_KIND 26
#define WALKS 3 /* a list that changes under the walk is walked again */

struct target {
    HANDLE process;
    bool wow64;
};

static bool read_at(void *context, uint64_t address, void *out, size_t size)
{
    const struct target *target = context;
    return address <= UINTPTR_MAX &&
           process_read(target->process, (const void *)(uintptr_t)address, out, size);
}

/* ---- versions ---- */

struct loaded_image {
    struct target *target;
    uint64_t base;
};

static bool image_read(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    const struct loaded_image *image = context;
    return offset <= UINT64_MAX - image->base &&
           read_at(image->target, image->base + offset, out_bytes, count);
}

static bool file_read(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    OVERLAPPED place = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    DWORD done = 0;
    return ReadFile((HANDLE)context, out_bytes, (DWORD)count, &done, &place) && done == count;
}

/* Another process may have written the path: what it leads to may neither be a device nor act as us. */
static HANDLE file_open(const wchar_t *path)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    const HANDLE file =
        !module_path_is_file(path)
            ? INVALID_HANDLE_VALUE
            : CreateFileW(path, GENERIC_READ, share, NULL, OPEN_EXISTING,
                          FILE_ATTRIBUTE_NORMAL | SECURITY_SQOS_PRESENT | SECURITY_ANONYMOUS, NULL);
    if (file != INVALID_HANDLE_VALUE && GetFileType(file) != FILE_TYPE_DISK) {
        CloseHandle(file);
        return INVALID_HANDLE_VALUE;
    }
    return file;
}

void file_version_of(const wchar_t *path, struct file_version *out_version)
{
    *out_version = (struct file_version){.known = false};
    const HANDLE file = file_open(path);
    if (file == INVALID_HANDLE_VALUE)
        return;
    file_version_read(file_read, file, IMAGE_AS_FILE, out_version, NULL);
    CloseHandle(file);
}

/* To a 32-bit process "system32" is the folder that we see as "SysWOW64". */
static void path_as_we_see_it(bool wow64, wchar_t path[MODULE_PATH_UNITS_MAX])
{
    wchar_t ours[MAX_PATH], theirs[MAX_PATH], whole[MODULE_PATH_UNITS_MAX];
    const UINT length = GetSystemDirectoryW(ours, MAX_PATH);
    const UINT their_length = wow64 ? GetSystemWow64DirectoryW(theirs, MAX_PATH) : 0;
    if (their_length == 0 || their_length >= MAX_PATH || length == 0 || length >= MAX_PATH ||
        _wcsnicmp(path, ours, length) != 0 || path[length] != L'\\')
        return;
    const size_t rest = wcslen(path + length) + 1;
    if (their_length + rest > MODULE_PATH_UNITS_MAX)
        return;
    memcpy(whole, theirs, their_length * sizeof(*whole));
    memcpy(whole + their_length, path + length, rest * sizeof(*whole));
    memcpy(path, whole, (their_length + rest) * sizeof(*whole));
}

/* ---- the process ---- */

static void take(struct target *target, struct module_found *module, struct loaded_dlls *dlls)
{
    struct loaded_dll *dll = &dlls->items[dlls->count++];
    struct loaded_image image = {target, module->base};
    path_as_we_see_it(target->wow64, module->path);
    utf16z_to_name(module->path, dll->path, sizeof(dll->path));
    file_version_read(image_read, &image, IMAGE_AS_LOADED, &dll->loaded, NULL);
    file_version_of(module->path, &dll->on_disk);
}

/* Whose list: the 64-bit part of a 32-bit process holds ntdll and the emulation only. 0 when not known. */
static uint64_t find_peb(const struct late *late, const struct target *target, size_t *out_pointer_bytes)
{
    *out_pointer_bytes = sizeof(void *);
    if (target->wow64 && sizeof(void *) == 8) {
        ULONG_PTR peb = 0;
        *out_pointer_bytes = 4;
        return late->NtQueryInformationProcess(target->process, PROCESS_WOW64_INFORMATION_KIND, &peb,
                                               sizeof(peb), NULL) >= 0
                   ? peb
                   : 0;
    }
    struct process_basic_information basic = {0};
    return late->NtQueryInformationProcess(target->process, PROCESS_BASIC_INFORMATION_KIND, &basic,
                                           sizeof(basic), NULL) >= 0
               ? (uintptr_t)basic.environment_block
               : 0;
}

/* Opens the process (CloseHandle when OK) and lists its modules. */
static enum status list(struct os *os, struct process_id id, enum modules_wanted wanted,
                        struct target *out_target, struct module_found *modules, size_t capacity,
                        size_t *out_count, struct err *err)
{
    struct target *target = out_target;
    enum status status = process_open(&os->late, id, &target->process, &target->wow64, err);
    if (status != STATUS_OK)
        return status;
    bool whole = false;
    size_t count = 0;
    if (sizeof(void *) == 4 && os->facts.os_64bit && !target->wow64) {
        status =
            err_set(err, STATUS_UNSUPPORTED, "modules", 0,
                    "process %lu is a 64-bit one: the x64 storewatch.exe can read it", (unsigned long)id.pid);
        goto done;
    }
    for (int i = 0; i < WALKS && !whole; i++) {
        size_t pointer_bytes = 0;
        const uint64_t peb = find_peb(&os->late, target, &pointer_bytes);
        whole = module_list_read(read_at, target, pointer_bytes, peb, wanted, modules, capacity, &count);
    }
    if (!whole && count == 0) {
        status = windows_fail(err, STATUS_SYSTEM, "ReadProcessMemory", GetLastError(),
                              "the modules of process %lu cannot be read", (unsigned long)id.pid);
    }
done:
    if (status == STATUS_OK)
        *out_count = count;
    else
        CloseHandle(target->process);
    return status;
}

enum status os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                 struct err *err)
{
    struct loaded_dlls dlls = {0};
    struct target target;
    struct module_found modules[LOADED_DLLS_MAX];
    size_t count = 0;
    enum status status = list(os, id, MODULES_OF_MAPI, &target, modules, LOADED_DLLS_MAX, &count, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        take(&target, &modules[i], &dlls);
    CloseHandle(target.process);
    *out_dlls = dlls;
    return STATUS_OK;
}

enum status os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                               size_t capacity, size_t *out_count, struct err *err)
{
    struct target target = {.process = NULL};
    size_t count = 0;
    struct module_found *modules = malloc(capacity * sizeof(*modules));
    enum status status = modules == NULL ? err_set(err, STATUS_NO_MEMORY, "modules", 0, "not enough memory")
                                         : list(os, id, MODULES_ALL, &target, modules, capacity, &count, err);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct loaded_image image = {&target, modules[i].base};
        struct module *module = &out_modules[i];
        *module = (struct module){.base = modules[i].base};
        utf16z_to_name(modules[i].path, module->path, sizeof(module->path));
        file_version_read(image_read, &image, IMAGE_AS_LOADED, &module->version, NULL);
    }
    if (status == STATUS_OK) {
        CloseHandle(target.process);
        *out_count = count;
    }
    free(modules);
    return status;
}

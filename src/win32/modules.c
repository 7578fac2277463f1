/* modules.c - the MAPI DLLs in another process, and their versions.
 *
 * The list is the loader's own (PEB.Ldr), read from outside: one small read a module, where psapi reads the
 * list anew for each module, and the same on every NT, also for 32-bit processes on 64-bit Windows, which
 * psapi learnt with NT 6.0 only. The offsets below have been the same since NT 5.0 (they are in the public
 * symbols of ntdll). The process goes on meanwhile, so whatever is read may be torn: every number is
 * bounded, a bad pointer is a read that fails.
 *
 * The version is that of the image in memory - what really runs -, and besides that of the file at its path,
 * which an update may have replaced since. */
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define PROCESS_WOW64_INFORMATION_KIND 26
#define WALKS 3 /* a list that changes under the walk is walked again */
#define NAME_UNITS_MAX 64
#define PATH_UNITS_MAX 512

/* Where things are, for the two sizes of pointers. */
struct layout {
    size_t pointer;                     /* bytes */
    size_t peb_loader, loader_list;     /* PEB.Ldr; PEB_LDR_DATA.InLoadOrderModuleList */
    size_t entry_base;                  /* LDR_DATA_TABLE_ENTRY.DllBase; its links are its beginning */
    size_t entry_full_name, entry_name; /* UNICODE_STRINGs: length, capacity (words), pointer */
    size_t entry_size;
};

static const struct layout layout_32 = {4, 0x0c, 0x0c, 0x18, 0x24, 0x2c, 0x34};
static const struct layout layout_64 = {8, 0x18, 0x10, 0x30, 0x48, 0x58, 0x68};

#define ENTRY_BYTES_MAX 0x68

struct walk {
    HANDLE process;
    bool wow64;
    const struct layout *layout;
    uint64_t loader; /* PEB_LDR_DATA */
    struct loaded_dlls *dlls;
};

static bool read_at(const struct walk *walk, uint64_t address, void *out, size_t size)
{
    return address != 0 && address <= UINTPTR_MAX &&
           process_read(walk->process, (const void *)(uintptr_t)address, out, size);
}

static uint64_t pointer_at(const struct walk *walk, const unsigned char *bytes)
{
    uint64_t value = 0;
    memcpy(&value, bytes, walk->layout->pointer); /* little-endian, as every NT */
    return value;
}

static bool read_pointer(const struct walk *walk, uint64_t address, uint64_t *out)
{
    unsigned char bytes[8];
    if (!read_at(walk, address, bytes, walk->layout->pointer)) {
        return false;
    }
    *out = pointer_at(walk, bytes);
    return true;
}

/* The text of a UNICODE_STRING; at most `capacity` - 1 units of it, always terminated. */
static bool read_string(const struct walk *walk, const unsigned char *string, uint16_t *out, size_t capacity)
{
    uint16_t length_bytes = 0;
    memcpy(&length_bytes, string, sizeof(length_bytes));
    size_t units = length_bytes / sizeof(*out);
    units = units < capacity - 1 ? units : capacity - 1;
    out[units] = 0;
    return units == 0 ||
           read_at(walk, pointer_at(walk, string + walk->layout->pointer), out, units * sizeof(*out));
}

/* ---- versions ---- */

struct loaded_image {
    const struct walk *walk;
    uint64_t base;
};

static bool image_read(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    const struct loaded_image *image = context;
    return offset <= UINT64_MAX - image->base && read_at(image->walk, image->base + offset, out_bytes, count);
}

static bool file_read(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    OVERLAPPED place = {.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
    DWORD done = 0;
    return ReadFile((HANDLE)context, out_bytes, (DWORD)count, &done, &place) && done == count;
}

/* A file elsewhere could keep us waiting for the network. */
static bool is_local(const wchar_t *path)
{
    return path[0] != 0 && path[1] == L':';
}

void file_version_of(const wchar_t *path, struct file_version *out_version)
{
    *out_version = (struct file_version){.known = false};
    const HANDLE file = !is_local(path) ? INVALID_HANDLE_VALUE
                                        : CreateFileW(path, GENERIC_READ,
                                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                                      NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        return;
    }
    file_version_read(file_read, file, IMAGE_AS_FILE, out_version, NULL);
    CloseHandle(file);
}

/* To a 32-bit process "system32" is the folder that we see as "SysWOW64". */
static void path_as_we_see_it(const struct walk *walk, wchar_t path[PATH_UNITS_MAX])
{
    wchar_t ours[MAX_PATH], theirs[MAX_PATH], whole[PATH_UNITS_MAX];
    const UINT length = GetSystemDirectoryW(ours, MAX_PATH);
    const UINT their_length = walk->wow64 ? GetSystemWow64DirectoryW(theirs, MAX_PATH) : 0;
    if (their_length == 0 || their_length >= MAX_PATH || length == 0 || length >= MAX_PATH ||
        _wcsnicmp(path, ours, length) != 0 || path[length] != L'\\') {
        return;
    }
    const size_t rest = wcslen(path + length) + 1;
    if (their_length + rest > PATH_UNITS_MAX) {
        return;
    }
    memcpy(whole, theirs, their_length * sizeof(*whole));
    memcpy(whole + their_length, path + length, rest * sizeof(*whole));
    memcpy(path, whole, (their_length + rest) * sizeof(*whole));
}

/* ---- the walk ---- */

static bool is_mapi_dll(const uint16_t *wide)
{
    char name[NAME_UNITS_MAX * 3];
    utf16z_to_utf8(wide, name, sizeof(name));
    for (size_t i = 0; i < MAPI_DLL_COUNT; i++) {
        if (text_equal_nocase(name, mapi_dlls[i])) {
            return true;
        }
    }
    return false;
}

static void take_dll(const struct walk *walk, const unsigned char *entry)
{
    wchar_t path[PATH_UNITS_MAX] = L"";
    struct loaded_dlls *dlls = walk->dlls;
    if (dlls->count == LOADED_DLLS_MAX) {
        return;
    }
    struct loaded_dll *dll = &dlls->items[dlls->count];
    memset(dll, 0, sizeof(*dll));
    struct loaded_image image = {walk, pointer_at(walk, entry + walk->layout->entry_base)};
    if (!read_string(walk, entry + walk->layout->entry_full_name, path, PATH_UNITS_MAX)) {
        return; /* it is being unloaded */
    }
    path_as_we_see_it(walk, path);
    utf16z_to_utf8(path, dll->path, sizeof(dll->path));
    file_version_read(image_read, &image, IMAGE_AS_LOADED, &dll->loaded, NULL);
    file_version_of(path, &dll->on_disk);
    dlls->count++;
}

/* True when the list was seen to its end. */
static bool walk_list(const struct walk *walk)
{
    const uint64_t head = walk->loader + walk->layout->loader_list;
    unsigned char entry[ENTRY_BYTES_MAX];
    uint16_t name[NAME_UNITS_MAX];
    uint64_t at = 0;
    walk->dlls->count = 0;
    if (!read_pointer(walk, head, &at)) {
        return false;
    }
    for (size_t i = 0; i < MODULES_MAX && at != head; i++) {
        if (!read_at(walk, at, entry, walk->layout->entry_size) ||
            !read_string(walk, entry + walk->layout->entry_name, name, NAME_UNITS_MAX)) {
            return false;
        }
        if (is_mapi_dll(name)) {
            take_dll(walk, entry);
        }
        at = pointer_at(walk, entry);
    }
    return true;
}

/* Which loader's list: the 64-bit part of a 32-bit process holds ntdll and the emulation only. */
static bool find_loader(const struct late *late, struct walk *walk)
{
    uint64_t peb = 0;
    if (walk->wow64 && sizeof(void *) == 8) {
        ULONG_PTR peb_32 = 0;
        walk->layout = &layout_32;
        if (late->NtQueryInformationProcess(walk->process, PROCESS_WOW64_INFORMATION_KIND, &peb_32,
                                            sizeof(peb_32), NULL) < 0) {
            return false;
        }
        peb = peb_32;
    } else {
        struct process_basic_information basic = {0};
        walk->layout = sizeof(void *) == 8 ? &layout_64 : &layout_32;
        if (late->NtQueryInformationProcess(walk->process, PROCESS_BASIC_INFORMATION_KIND, &basic,
                                            sizeof(basic), NULL) < 0) {
            return false;
        }
        peb = (uintptr_t)basic.environment_block;
    }
    return peb != 0 && read_pointer(walk, peb + walk->layout->peb_loader, &walk->loader) && walk->loader != 0;
}

enum status os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                 struct err *err)
{
    struct loaded_dlls dlls = {0};
    struct walk walk = {.dlls = &dlls};
    enum status status = process_open(&os->late, id, &walk.process, &walk.wow64, err);
    if (status != STATUS_OK) {
        return status;
    }
    if (sizeof(void *) == 4 && os->facts.os_64bit && !walk.wow64) {
        status =
            err_set(err, STATUS_UNSUPPORTED, "modules", 0,
                    "process %lu is a 64-bit one: the x64 storewatch.exe can read it", (unsigned long)id.pid);
        goto done;
    }
    bool whole = false;
    for (int i = 0; i < WALKS && !whole; i++) {
        whole = find_loader(&os->late, &walk) && walk_list(&walk);
    }
    if (!whole && dlls.count == 0) {
        status = windows_fail(err, STATUS_SYSTEM, "ReadProcessMemory", GetLastError(),
                              "the modules of process %lu cannot be read", (unsigned long)id.pid);
    }
done:
    CloseHandle(walk.process);
    if (status == STATUS_OK) {
        *out_dlls = dlls;
    }
    return status;
}

/* address_space.c - how much user address space another process has: the limit that a leak in a 32-bit
 * process runs into long before the machine is out of memory.
 *
 *   64-bit process                                      no practical limit
 *   image without the large-address-aware flag          2 GiB; a 64-bit one, too, unless it is managed code
 *   with it, on 64-bit Windows                          4 GiB
 *   with it, on 32-bit Windows                          what the boot options leave to programs: 2 GiB, or
 *                                                       up to 3 GiB with /3GB and /USERVA
 *
 * The flag is read from the loaded image itself, so no file name has to be found. */
#include "win32.h"

/* PEB.ImageBaseAddress follows four flag bytes and the mutant. */
#define PEB_IMAGE_BASE (2 * sizeof(void *))

/* Administrators have the privilege, but not switched on; LocalSystem has it on. Without it services of other
 * accounts do not open. */
static void debug_privilege_enable(void)
{
    HANDLE token = NULL;
    TOKEN_PRIVILEGES privileges = {.PrivilegeCount = 1};
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token))
        return;
    privileges.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    if (LookupPrivilegeValueW(NULL, L"SeDebugPrivilege", &privileges.Privileges[0].Luid))
        AdjustTokenPrivileges(token, FALSE, &privileges, 0, NULL, NULL);
    CloseHandle(token);
}

static HANDLE process_open_pid(DWORD access, uint32_t pid, DWORD *out_code)
{
    HANDLE process = OpenProcess(access, FALSE, pid);
    *out_code = process == NULL ? GetLastError() : ERROR_SUCCESS;
    if (process == NULL && *out_code == ERROR_ACCESS_DENIED) {
        debug_privilege_enable();
        process = OpenProcess(access, FALSE, pid);
        *out_code = process == NULL ? GetLastError() : ERROR_SUCCESS;
    }
    return process;
}

bool process_read(HANDLE process, const void *address, void *out, size_t size)
{
    SIZE_T done = 0;
    return ReadProcessMemory(process, address, out, size, &done) && done == size;
}

/* Does the image that the process was made from ask for addresses below 2 GiB only? Of a 64-bit process' that
 * is asked of native code only: managed images come without the flag from some compilers and get the whole
 * address space all the same, by way of a PE32 header that the runtime rewrites in memory. False when the
 * header cannot be read. */
static bool image_wants_2gib(const struct late *late, HANDLE process, bool native_64bit, bool *out_wants)
{
    struct process_basic_information basic = {0};
    const unsigned char *base = NULL;
    IMAGE_DOS_HEADER dos;
    IMAGE_NT_HEADERS64 nt = {0}; /* in a 32-bit image it begins the same way */
    const size_t size = native_64bit ? sizeof(nt) : offsetof(IMAGE_NT_HEADERS64, OptionalHeader);
    SetLastError(ERROR_BAD_EXE_FORMAT); /* where what is read is no header; else ReadProcessMemory says why */
    if (late->NtQueryInformationProcess(process, PROCESS_BASIC_INFORMATION_KIND, &basic, sizeof(basic),
                                        NULL) < 0 ||
        basic.environment_block == NULL ||
        !process_read(process, basic.environment_block + PEB_IMAGE_BASE, &base, sizeof(base)) ||
        !process_read(process, base, &dos, sizeof(dos)) || dos.e_magic != IMAGE_DOS_SIGNATURE ||
        dos.e_lfanew <= 0 || !process_read(process, base + dos.e_lfanew, &nt, size) ||
        nt.Signature != IMAGE_NT_SIGNATURE)
        return false;
    const IMAGE_OPTIONAL_HEADER64 *optional = &nt.OptionalHeader;
    const bool managed =
        native_64bit && (optional->Magic != IMAGE_NT_OPTIONAL_HDR64_MAGIC ||
                         (optional->NumberOfRvaAndSizes > IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR &&
                          optional->DataDirectory[IMAGE_DIRECTORY_ENTRY_COM_DESCRIPTOR].VirtualAddress != 0));
    *out_wants = (nt.FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) == 0 && !managed;
    return true;
}

/* Is it still the process that the id was read from? */
static enum status process_check(HANDLE process, struct process_id id, struct err *err)
{
    FILETIME created, ended, kernel, user;
    DWORD exit_code = 0;
    if (!GetProcessTimes(process, &created, &ended, &kernel, &user)) {
        const DWORD code = GetLastError();
        return windows_fail(err, windows_status(code), "GetProcessTimes", code, "process %lu cannot be asked",
                            (unsigned long)id.pid);
    }
    if (((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime) != id.created_100ns) {
        return err_set(err, STATUS_NOT_FOUND, "GetProcessTimes", 0,
                       "process %lu has ended; its number belongs to another one now", (unsigned long)id.pid);
    }
    if (GetExitCodeProcess(process, &exit_code) &&
        exit_code != STILL_ACTIVE) { /* only somebody's handle keeps it */
        return err_set(err, STATUS_NOT_FOUND, "GetExitCodeProcess", 0, "process %lu has ended",
                       (unsigned long)id.pid);
    }
    return STATUS_OK;
}

enum status process_open_as(DWORD access, struct process_id id, HANDLE *out_process, struct err *err)
{
    DWORD code = ERROR_SUCCESS;
    const HANDLE process = process_open_pid(access | PROCESS_QUERY_INFORMATION, id.pid, &code);
    if (process == NULL) {
        /* Windows answers "invalid parameter" to a pid that is not in use. */
        const enum status status = code == ERROR_INVALID_PARAMETER ? STATUS_NOT_FOUND : windows_status(code);
        return windows_fail(err, status, "OpenProcess", code, "process %lu cannot be opened",
                            (unsigned long)id.pid);
    }
    const enum status status = process_check(process, id, err);
    if (status != STATUS_OK) {
        CloseHandle(process);
        return status;
    }
    *out_process = process;
    return STATUS_OK;
}

enum status process_open(const struct late *late, struct process_id id, HANDLE *out_process, bool *out_wow64,
                         struct err *err)
{
    HANDLE process = NULL;
    BOOL wow64 = FALSE;
    enum status status = process_open_as(PROCESS_VM_READ, id, &process, err);
    if (status != STATUS_OK)
        return status;
    if (late->IsWow64Process != NULL && !late->IsWow64Process(process, &wow64)) {
        const DWORD code = GetLastError();
        status = windows_fail(err, windows_status(code), "IsWow64Process", code,
                              "process %lu cannot be asked", (unsigned long)id.pid);
    }
    if (status != STATUS_OK) {
        CloseHandle(process);
        return status;
    }
    *out_process = process;
    *out_wow64 = wow64 != FALSE;
    return STATUS_OK;
}

/* Of an open process; NAN: none. */
static enum status limit_read(struct os *os, HANDLE process, bool wow64, uint32_t pid, double *out_bytes,
                              struct err *err)
{
    const bool native_64bit = os->facts.os_64bit && !wow64;
    bool wants_2gib = false;
    if (native_64bit && sizeof(void *) == 4) {
        return err_set(err, STATUS_UNSUPPORTED, "address space", 0,
                       "process %lu is a 64-bit one: the x64 storewatch.exe can read it", (unsigned long)pid);
    }
    if (!image_wants_2gib(&os->late, process, native_64bit, &wants_2gib)) {
        const DWORD code = GetLastError();
        return windows_fail(err, STATUS_SYSTEM, "ReadProcessMemory", code,
                            "the image header of process %lu cannot be read", (unsigned long)pid);
    }
    if (wants_2gib)
        *out_bytes = 2 * GIB;
    else if (native_64bit)
        *out_bytes = NAN;
    else
        *out_bytes = os->facts.os_64bit ? 4 * GIB : os->facts.address_space_bytes;
    return STATUS_OK;
}

enum status os_process_address_limit(struct os *os, struct process_id id, double *out_bytes, struct err *err)
{
    HANDLE process = NULL;
    bool wow64 = false;
    enum status status = process_open(&os->late, id, &process, &wow64, err);
    if (status != STATUS_OK)
        return status;
    status = limit_read(os, process, wow64, id.pid, out_bytes, err);
    CloseHandle(process);
    return status;
}

/* ---- the walk ---- */

/* Region by region; each call locks the process' address space for an instant only. The process goes on
 * meanwhile, so what is found is a moment's picture, torn where it changed under the walk. */
static enum status walk(struct os *os, HANDLE process, uint32_t pid, struct space *space, struct err *err)
{
    const int64_t begun_ms = os_mono_ms(os);
    const uint64_t limit = (uint64_t)space->limit_bytes;
    MEMORY_BASIC_INFORMATION region;
    uint64_t at = 0;
    for (size_t count = 0; at < limit; count++) {
        if (count == SPACE_REGIONS_MAX) {
            return err_set(err, STATUS_FULL, "VirtualQueryEx", 0,
                           "the address space of process %lu has more than %d regions", (unsigned long)pid,
                           SPACE_REGIONS_MAX);
        }
        if (count % 1024 == 0 && os_mono_ms(os) - begun_ms > SPACE_WALK_MS) {
            return err_set(err, STATUS_TIMEOUT, "VirtualQueryEx", 0,
                           "the address space of process %lu was not walked within %d ms", (unsigned long)pid,
                           SPACE_WALK_MS);
        }
        if (VirtualQueryEx(process, (const void *)(uintptr_t)at, &region, sizeof(region)) < sizeof(region)) {
            if (count > 0 && GetLastError() == ERROR_INVALID_PARAMETER)
                return STATUS_OK; /* above the last address that programs get */
            const DWORD code = GetLastError();
            return windows_fail(err, windows_status(code), "VirtualQueryEx", code,
                                "the address space of process %lu cannot be walked", (unsigned long)pid);
        }
        const uint64_t base = (uintptr_t)region.BaseAddress;
        if (region.State == MEM_FREE)
            space_add_free(space, base, region.RegionSize);
        if (base + region.RegionSize <= at) { /* cannot be; it would not end */
            return err_set(err, STATUS_SYSTEM, "VirtualQueryEx", 0,
                           "the walk through process %lu went in circles", (unsigned long)pid);
        }
        at = base + region.RegionSize;
    }
    return STATUS_OK;
}

enum status os_process_space(struct os *os, struct process_id id, struct space *out_space, struct err *err)
{
    HANDLE process = NULL;
    bool wow64 = false;
    struct space space = {0};
    enum status status = process_open(&os->late, id, &process, &wow64, err);
    if (status != STATUS_OK)
        return status;
    status = limit_read(os, process, wow64, id.pid, &space.limit_bytes, err);
    if (status == STATUS_OK && isnan(space.limit_bytes)) {
        status = err_set(err, STATUS_UNSUPPORTED, "address space", 0, "process %lu is a 64-bit one",
                         (unsigned long)id.pid);
    }
    if (status == STATUS_OK)
        status = walk(os, process, id.pid, &space, err);
    CloseHandle(process);
    if (status == STATUS_OK)
        *out_space = space;
    return status;
}

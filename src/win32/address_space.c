/* address_space.c - how much user address space another process has: the limit that a leak in a 32-bit
 * process runs into long before the machine is out of memory.
 *
 *   64-bit process                                      no practical limit
 *   32-bit image without the large-address-aware flag   2 GiB
 *   with it, on 64-bit Windows                          4 GiB
 *   with it, on 32-bit Windows                          what the boot options leave to programs: 2 GiB, or up
 * to 3 GiB with /3GB and /USERVA
 *
 * The flag is read from the loaded image itself, so no file name has to be found. */
#include "win32.h"

#define GIB (1024.0 * 1024.0 * 1024.0)
#define PROCESS_BASIC_INFORMATION_KIND 0

struct process_basic_information {
    LONG exit_status;
    const unsigned char *environment_block; /* the PEB, in the other process */
    ULONG_PTR affinity_mask;
    LONG base_priority;
    ULONG_PTR pid, parent_pid;
};

/* PEB.ImageBaseAddress follows four flag bytes and the mutant. */
#define PEB_IMAGE_BASE (2 * sizeof(void *))

/* Administrators have the privilege, but not switched on; LocalSystem has it on. Without it services of other
 * accounts do not open. */
static void debug_privilege_enable(void)
{
    HANDLE token = NULL;
    TOKEN_PRIVILEGES privileges = {.PrivilegeCount = 1};
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ADJUST_PRIVILEGES, &token)) {
        return;
    }
    privileges.Privileges[0].Attributes = SE_PRIVILEGE_ENABLED;
    if (LookupPrivilegeValueW(NULL, L"SeDebugPrivilege", &privileges.Privileges[0].Luid)) {
        AdjustTokenPrivileges(token, FALSE, &privileges, 0, NULL, NULL);
    }
    CloseHandle(token);
}

static HANDLE process_open(uint32_t pid, DWORD *out_code)
{
    const DWORD access = PROCESS_QUERY_INFORMATION | PROCESS_VM_READ;
    HANDLE process = OpenProcess(access, FALSE, pid);
    *out_code = process == NULL ? GetLastError() : ERROR_SUCCESS;
    if (process == NULL && *out_code == ERROR_ACCESS_DENIED) {
        debug_privilege_enable();
        process = OpenProcess(access, FALSE, pid);
        *out_code = process == NULL ? GetLastError() : ERROR_SUCCESS;
    }
    return process;
}

static bool read_all(HANDLE process, const void *address, void *out, SIZE_T size)
{
    SIZE_T done = 0;
    return ReadProcessMemory(process, address, out, size, &done) && done == size;
}

/* The Characteristics of the image that the process was made from; false when it cannot be read. */
static bool image_characteristics(const struct late *late, HANDLE process, WORD *out_characteristics)
{
    struct process_basic_information basic = {0};
    const unsigned char *base = NULL;
    IMAGE_DOS_HEADER dos;
    struct {
        DWORD signature;
        IMAGE_FILE_HEADER file;
    } nt;
    if (late->NtQueryInformationProcess(process, PROCESS_BASIC_INFORMATION_KIND, &basic, sizeof(basic),
                                        NULL) < 0 ||
        basic.environment_block == NULL ||
        !read_all(process, basic.environment_block + PEB_IMAGE_BASE, &base, sizeof(base)) ||
        !read_all(process, base, &dos, sizeof(dos)) || dos.e_magic != IMAGE_DOS_SIGNATURE ||
        dos.e_lfanew <= 0 || !read_all(process, base + dos.e_lfanew, &nt, sizeof(nt)) ||
        nt.signature != IMAGE_NT_SIGNATURE) {
        return false;
    }
    *out_characteristics = nt.file.Characteristics;
    return true;
}

enum status os_process_address_limit(struct os *os, struct process_id id, double *out_bytes, struct err *err)
{
    DWORD code = ERROR_SUCCESS;
    const HANDLE process = process_open(id.pid, &code);
    if (process == NULL) {
        /* Windows answers "invalid parameter" to a pid that is not in use. */
        const enum status status = code == ERROR_INVALID_PARAMETER ? STATUS_NOT_FOUND : windows_status(code);
        return windows_fail(err, status, "OpenProcess", code, "process %lu cannot be opened",
                            (unsigned long)id.pid);
    }
    enum status status = STATUS_OK;
    double bytes = NAN;
    FILETIME created, ended, kernel, user;
    BOOL wow64 = FALSE;
    DWORD exit_code = 0;
    WORD characteristics = 0;
    if (!GetProcessTimes(process, &created, &ended, &kernel, &user)) {
        code = GetLastError();
        status = windows_fail(err, windows_status(code), "GetProcessTimes", code,
                              "process %lu cannot be asked", (unsigned long)id.pid);
        goto done;
    }
    if (((uint64_t)created.dwHighDateTime << 32 | created.dwLowDateTime) != id.created_100ns) {
        status =
            err_set(err, STATUS_NOT_FOUND, "GetProcessTimes", 0,
                    "process %lu has ended; its number belongs to another one now", (unsigned long)id.pid);
        goto done;
    }
    if (GetExitCodeProcess(process, &exit_code) &&
        exit_code != STILL_ACTIVE) { /* only somebody's handle keeps it */
        status = err_set(err, STATUS_NOT_FOUND, "GetExitCodeProcess", 0, "process %lu has ended",
                         (unsigned long)id.pid);
        goto done;
    }
    if (os->late.IsWow64Process != NULL && !os->late.IsWow64Process(process, &wow64)) {
        code = GetLastError();
        status = windows_fail(err, windows_status(code), "IsWow64Process", code,
                              "process %lu cannot be asked", (unsigned long)id.pid);
        goto done;
    }
    if (os->facts.os_64bit && !wow64) {
        goto done;
    }
    if (!image_characteristics(&os->late, process, &characteristics)) {
        code = GetLastError();
        status = windows_fail(err, STATUS_SYSTEM, "ReadProcessMemory", code,
                              "the image header of process %lu cannot be read", (unsigned long)id.pid);
        goto done;
    }
    if ((characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) == 0) {
        bytes = 2 * GIB;
    } else {
        bytes = os->facts.os_64bit ? 4 * GIB : os->facts.address_space_bytes;
    }
done:
    CloseHandle(process);
    if (status == STATUS_OK) {
        *out_bytes = bytes;
    }
    return status;
}

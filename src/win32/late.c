/* late.c - every function that is looked up while running, in one place: those that NT 5.2 lacks, those that
 * no import library of ours names (ntdll), and psapi's, which newer headers rename into K32... . */
#include "nt52.h"
#include "win32.h"

#include <string.h>

typedef void (*function)(void);

static function find(HMODULE module, const char *name)
{
    return module != NULL ? (function)GetProcAddress(module, name) : NULL;
}

/* From the system folder only, whatever lies beside the program or on the path. */
static HMODULE system_library(const wchar_t *name)
{
    wchar_t path[MAX_PATH];
    const UINT length = GetSystemDirectoryW(path, MAX_PATH);
    const size_t name_units = wcslen(name) + 1;
    if (length == 0 || length + 1 + name_units > MAX_PATH)
        return NULL;
    path[length] = L'\\';
    memcpy(path + length + 1, name, name_units * sizeof(*name)); /* wcscpy becomes wcscpy_s when fortified */
    return LoadLibraryW(path);
}

enum status late_bind(struct late *out_late, struct err *err)
{
    const HMODULE ntdll = GetModuleHandleW(L"ntdll.dll");
    const HMODULE kernel32 = GetModuleHandleW(L"kernel32.dll");
    const HMODULE psapi = system_library(L"psapi.dll");
    struct late late = {0};
    struct {
        HMODULE module;
        const char *name;
        void *slot;
        bool required;
    } const wanted[] = {
#define FUNCTION(module, name, required) {module, #name, &late.name, required}
        FUNCTION(ntdll, NtQuerySystemInformation, true),
        FUNCTION(ntdll, NtQueryInformationProcess, true),
        FUNCTION(ntdll, RtlGetVersion, true),
        FUNCTION(ntdll, NtQueryObject, true),
        FUNCTION(psapi, GetPerformanceInfo, true),
        FUNCTION(psapi, GetProcessMemoryInfo, true),
        FUNCTION(kernel32, GetTickCount64, false),
        FUNCTION(kernel32, IsWow64Process, false),
#undef FUNCTION
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        const bool as_on_nt52 = !wanted[i].required && nt52_fallback_is_forced();
        const function found = as_on_nt52 ? NULL : find(wanted[i].module, wanted[i].name);
        if (found == NULL && wanted[i].required) {
            return windows_fail(err, STATUS_SYSTEM, "GetProcAddress", GetLastError(),
                                "this Windows has no %s", wanted[i].name);
        }
        memcpy(wanted[i].slot, &found, sizeof(found));
    }
    *out_late = late;
    return STATUS_OK;
}

bool late_is_nt6(const struct late *late)
{
    return late->GetTickCount64 != NULL;
}

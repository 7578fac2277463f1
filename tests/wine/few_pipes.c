/* few_pipes.c - the product, whole, on a Windows that now and then has no room for another named pipe, as when its
 * nonpaged pool is used up. main.c is compiled into this file, and the linker takes all the rest from the library
 * as it is; only CreateNamedPipeW is another one, which refuses while there is a file C:\no-pipes. How often it has
 * refused stands in C:\refused as soon as it makes one again. */
#include "../../src/win32/win32.h"

#include "../../src/app/main.c"

#include <stdio.h>
#include <string.h>

typedef HANDLE(WINAPI *pipe_maker)(const wchar_t *name, DWORD access, DWORD mode, DWORD instances,
                                   DWORD out_bytes, DWORD in_bytes, DWORD timeout_ms,
                                   SECURITY_ATTRIBUTES *security);

static HANDLE WINAPI pipe_make(const wchar_t *name, DWORD access, DWORD mode, DWORD instances,
                               DWORD out_bytes, DWORD in_bytes, DWORD timeout_ms,
                               SECURITY_ATTRIBUTES *security)
{
    const FARPROC found = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), "CreateNamedPipeW");
    static unsigned refused;
    pipe_maker real = NULL;
    memcpy(&real, &found, sizeof(real));
    if (GetFileAttributesW(L"C:\\no-pipes") != INVALID_FILE_ATTRIBUTES) {
        refused++;
        SetLastError(ERROR_NO_SYSTEM_RESOURCES);
        return INVALID_HANDLE_VALUE;
    }
    FILE *file = refused > 0 ? fopen("C:\\refused", "wb") : NULL;
    if (file != NULL) {
        fprintf(file, "%u", refused);
        fclose(file);
    }
    return real(name, access, mode, instances, out_bytes, in_bytes, timeout_ms, security);
}

/* In the place of the import table's. */
#ifdef __i386__
#define IMPORT_SYMBOL "__imp__CreateNamedPipeW@32"
#else
#define IMPORT_SYMBOL "__imp_CreateNamedPipeW"
#endif
extern const pipe_maker import_CreateNamedPipeW __asm__(IMPORT_SYMBOL);
const pipe_maker import_CreateNamedPipeW = pipe_make;

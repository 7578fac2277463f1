/* wow64.c - the product, whole, on a Windows that calls it a 32-bit program on a 64-bit system: no Wine of
 * the tests runs 32-bit programs in a 64-bit Windows. main.c and late.c are compiled into this file, and the
 * linker takes all the rest from the library as it is; only what late_bind finds for IsWow64Process is
 * another one. With STOREWATCH_WOW64=1 in the environment that answers yes for every process, else no. */
#include "../../src/win32/win32.h"

#define late_bind late_bind_as_it_is
enum status late_bind(struct late *out_late, struct err *err);
#include "../../src/win32/late.c"
#undef late_bind

#include "../../src/app/main.c"

#include <stdlib.h>

static BOOL WINAPI says_wow64(HANDLE process, BOOL *out_wow64)
{
    const char *wanted = getenv("STOREWATCH_WOW64");
    (void)process;
    *out_wow64 = wanted != NULL && strcmp(wanted, "1") == 0;
    return TRUE;
}

enum status late_bind(struct late *out_late, struct err *err)
{
    const enum status status = late_bind_as_it_is(out_late, err);
    if (status == STATUS_OK)
        out_late->IsWow64Process = says_wow64;
    return status;
}

/* set_aside.windows.c - renaming a file where names are UTF-16. The C run-time's own function is enough, so
 * that the store needs no windows.h. Its twin is set_aside.posix.c. */
#include "store_internal.h"

#include <stdio.h>
#include <wchar.h>

/* UTF-8 to UTF-16; false when it does not fit or is not UTF-8. */
static bool widen(const char *text, wchar_t *out_wide, size_t capacity)
{
    size_t count = 0;
    for (const unsigned char *byte = (const unsigned char *)text; *byte != 0;) {
        const int more = *byte < 0x80 ? 0 : (*byte & 0xE0) == 0xC0 ? 1 : (*byte & 0xF0) == 0xE0 ? 2 : 3;
        uint32_t point = more == 0 ? *byte : *byte & (0x3FU >> more);
        if (*byte >= 0xF8 || (*byte & 0xC0) == 0x80) {
            return false;
        }
        byte++;
        for (int i = 0; i < more; i++, byte++) {
            if ((*byte & 0xC0) != 0x80) {
                return false;
            }
            point = point << 6 | (*byte & 0x3FU);
        }
        if (count + 3 > capacity) { /* a pair and the NUL */
            return false;
        }
        if (point >= 0x10000) {
            out_wide[count++] = (wchar_t)(0xD800 + ((point - 0x10000) >> 10));
            out_wide[count++] = (wchar_t)(0xDC00 + ((point - 0x10000) & 0x3FF));
        } else {
            out_wide[count++] = (wchar_t)point;
        }
    }
    out_wide[count] = 0;
    return true;
}

bool set_aside_rename(const char *from, const char *to)
{
    wchar_t wide_from[STORE_PATH_MAX + 64], wide_to[STORE_PATH_MAX + 64];
    return widen(from, wide_from, ARRAY_COUNT(wide_from)) && widen(to, wide_to, ARRAY_COUNT(wide_to)) &&
           _wrename(wide_from, wide_to) == 0;
}

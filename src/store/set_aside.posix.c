/* set_aside.posix.c - renaming a file where names are bytes. Its twin is set_aside.windows.c. */
#include "store_internal.h"

#include <stdio.h>

bool set_aside_rename(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

/* set_aside.c - renaming a file; a test has its own. */
#include "store_internal.h"

#include <stdio.h>

bool set_aside_rename(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

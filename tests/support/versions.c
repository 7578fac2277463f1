/* versions.c - see versions.h. */
#include "versions.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct file_version version_of(const char *text)
{
    struct file_version version = {.known = true};
    char end = '\0';
    assert_int_equal(sscanf(text, "%hu.%hu.%hu.%hu%c", &version.part[0], &version.part[1], &version.part[2],
                            &version.part[3], &end),
                     4);
    return version;
}

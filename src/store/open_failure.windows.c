/* open_failure.windows.c - which failures to open or read a file pass. The codes are written down here, so that the
 * store needs no windows.h. Its twin is open_failure.posix.c. */
#include "store_internal.h"

enum {
    ERROR_TOO_MANY_OPEN_FILES = 4,
    ERROR_NOT_ENOUGH_MEMORY = 8,
    ERROR_OUTOFMEMORY = 14,
    ERROR_SHARING_VIOLATION = 32, /* a backup or a scanner has it */
    ERROR_LOCK_VIOLATION = 33,
    ERROR_NO_SYSTEM_RESOURCES = 1450, /* the pools are empty: what is watched for here */
    ERROR_WORKING_SET_QUOTA = 1453,
    ERROR_COMMITMENT_LIMIT = 1455,
    ERROR_NOT_ENOUGH_QUOTA = 1816 /* a buffer cannot be locked in memory */
};

bool open_failure_passes(int system_code)
{
    switch (system_code) {
    case ERROR_TOO_MANY_OPEN_FILES:
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_WORKING_SET_QUOTA:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_NOT_ENOUGH_QUOTA:
        return true;
    default:
        return false;
    }
}

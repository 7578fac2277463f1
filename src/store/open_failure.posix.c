/* open_failure.posix.c - which failures to open or read a file pass. Its twin is open_failure.windows.c. */
#include "store_internal.h"

#include <errno.h>

bool open_failure_passes(int system_code)
{
    switch (system_code) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
    case EBUSY:
    case EINTR:
        return true;
    default:
        return false;
    }
}

/* write_dump.windows.c - the hidden command in which storewatch writes a memory dump: see src/win32/dump.c.
 * Its exit code is not one of cli.h's but what os_process_dump reads. */
#include "../win32/dump.h"

#include "storewatch/cli.h"

int write_dump_run(int argc, char **argv)
{
    return dump_child((const char *const *)(argv + 1), (size_t)(argc - 1));
}

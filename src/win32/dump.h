/* dump.h - private to the Windows edge, without windows.h: the process that writes a memory dump. */
#ifndef STOREWATCH_WIN32_DUMP_H
#define STOREWATCH_WIN32_DUMP_H

#include <stddef.h>

/* The hidden command that os_process_dump starts storewatch with. */
#define DUMP_COMMAND "write-dump"

/* What that command does: "PID CREATED mini|full FILE BUDGET_MS MIN_FREE_BYTES PID CREATED", the last two of the
 * service: without it the dump is broken off. Returns the exit code that os_process_dump reads. */
int dump_child(const char *const *arguments, size_t count);

#endif

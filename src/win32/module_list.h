/* module_list.h - private to the Windows edge, but portable: the loader's own list of modules (PEB.Ldr), read
 * out of another process.
 *
 * One small read a module, where psapi reads the list anew for each module, and the same on every NT, also
 * for 32-bit processes on 64-bit Windows, which psapi learnt with NT 6.0 only. The offsets have been the same
 * since NT 5.0 (they are in the public symbols of ntdll). The process goes on meanwhile, and it may be any
 * program: every number is bounded, a bad pointer is a read that fails. */
#ifndef STOREWATCH_WIN32_MODULE_LIST_H
#define STOREWATCH_WIN32_MODULE_LIST_H

#include "storewatch/base.h"

#define MODULE_PATH_UNITS_MAX 512

/* Reads all of `size` bytes at an address of the process, or nothing and false. */
typedef bool (*memory_reader)(void *context, uint64_t address, void *out, size_t size);

struct module_found {
    uint64_t base;
    uint16_t path[MODULE_PATH_UNITS_MAX]; /* as the process sees it; terminated, cut when longer */
};

enum modules_wanted { MODULES_OF_MAPI, MODULES_ALL };

/* The modules - all, or those with the name of a MAPI DLL (mapi_dlls) -, in load order, at most `capacity`;
 * `peb` is the process' environment block, `pointer_bytes` 4 or 8 what its pointers have. At most MODULES_MAX
 * entries are looked at, two reads each and one more for a MAPI DLL. True when the list was seen to its end
 * or that bound; *out_count is set in any case. */
bool module_list_read(memory_reader reader, void *context, size_t pointer_bytes, uint64_t peb,
                      enum modules_wanted wanted, struct module_found *out_modules, size_t capacity,
                      size_t *out_count);

/* May the path be opened as a file? It must begin with a drive - a file elsewhere could keep us waiting for
 * the network - and its last part must not name a DOS device, which is that in every folder and with every
 * extension ("C:\\Mail\\com1.dll"). */
bool module_path_is_file(const uint16_t *path);

#endif

/* modules.c - libFuzzer on the memory of a foreign process: whatever its loader's list says, the walk ends
 * after a bounded number of reads, and what it found is terminated and within its bounds.
 *
 * The input is the process' memory from address 65536 on; its first two bytes say where the PEB is, the
 * lowest bit of the first whether it is a 64-bit process. */
#include <stdlib.h>
#include <string.h>

#include "../../src/win32/module_list.c"
#include "../../src/win32/utf16.c"

#define BASE UINT64_C(0x10000)
#define FOUND_MOST 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *data;
    size_t size, reads;
};

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool reader(void *context, uint64_t address, void *out, size_t size)
{
    struct memory *memory = context;
    memory->reads++;
    require(size > 0 && size <= MODULE_PATH_UNITS_MAX * sizeof(uint16_t));
    if (address < BASE || address - BASE > memory->size || size > memory->size - (address - BASE))
        return false;
    memcpy(out, memory->data + (address - BASE), size);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct memory memory = {data, size, 0};
    struct module_found *found = malloc(FOUND_MOST * sizeof(*found));
    size_t count = 99;
    require(found != NULL);
    const uint64_t peb = BASE + ((uint64_t)data[1] << 8 | (data[0] & 0xFEU));
    const bool whole = module_list_read(reader, &memory, (data[0] & 1U) != 0 ? 8 : 4, peb, MODULES_OF_MAPI,
                                        found, FOUND_MOST, &count);
    require(count <= FOUND_MOST && memory.reads <= 2 + 3 * MODULES_MAX);
    require(!whole || memory.reads >= 2);
    for (size_t i = 0; i < count; i++) {
        size_t units = 0;
        while (units < MODULE_PATH_UNITS_MAX && found[i].path[units] != 0)
            units++;
        require(units < MODULE_PATH_UNITS_MAX);
        require(!module_path_is_file(found[i].path) || (units >= 2 && found[i].path[1] == ':'));
    }
    free(found);
    return 0;
}

/* module_list.c - see module_list.h. */
#include "module_list.h"

#include "utf16.h"

#include "storewatch/os.h"

#include <string.h>

#define NAME_UNITS_MAX 64

/* Where things are, for the two sizes of pointers. */
struct layout {
    size_t pointer;                     /* bytes */
    size_t peb_loader, loader_list;     /* PEB.Ldr; PEB_LDR_DATA.InLoadOrderModuleList */
    size_t entry_base;                  /* LDR_DATA_TABLE_ENTRY.DllBase; its links are its beginning */
    size_t entry_full_name, entry_name; /* UNICODE_STRINGs: length, capacity (words), pointer */
    size_t entry_size;
};

static const struct layout layout_32 = {4, 0x0c, 0x0c, 0x18, 0x24, 0x2c, 0x34};
static const struct layout layout_64 = {8, 0x18, 0x10, 0x30, 0x48, 0x58, 0x68};

#define ENTRY_BYTES_MAX 0x68

struct walk {
    memory_reader reader;
    void *context;
    const struct layout *layout;
};

static bool read_at(const struct walk *walk, uint64_t address, void *out, size_t size)
{
    return address != 0 && walk->reader(walk->context, address, out, size);
}

static uint64_t pointer_at(const struct walk *walk, const unsigned char *bytes)
{
    uint64_t value = 0;
    memcpy(&value, bytes, walk->layout->pointer); /* little-endian, as every NT */
    return value;
}

static bool read_pointer(const struct walk *walk, uint64_t address, uint64_t *out)
{
    unsigned char bytes[8];
    if (!read_at(walk, address, bytes, walk->layout->pointer))
        return false;
    *out = pointer_at(walk, bytes);
    return true;
}

/* The text of a UNICODE_STRING; at most `capacity` - 1 units of it, always terminated. */
static bool read_string(const struct walk *walk, const unsigned char *string, uint16_t *out, size_t capacity)
{
    uint16_t length_bytes = 0;
    memcpy(&length_bytes, string, sizeof(length_bytes));
    size_t units = length_bytes / sizeof(*out);
    units = units < capacity - 1 ? units : capacity - 1;
    out[units] = 0;
    return units == 0 ||
           read_at(walk, pointer_at(walk, string + walk->layout->pointer), out, units * sizeof(*out));
}

static bool is_mapi_dll(const uint16_t *wide)
{
    char name[NAME_UNITS_MAX * 3];
    utf16z_to_utf8(wide, name, sizeof(name));
    for (size_t i = 0; i < MAPI_DLL_COUNT; i++)
        if (text_equal_nocase(name, mapi_dlls[i]))
            return true;
    return false;
}

/* Without extension: the names below, COM0 to COM9, LPT0 to LPT9. */
static bool is_dos_device(const char *name)
{
    static const char *const devices[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"};
    char letters[4];
    for (size_t i = 0; i < ARRAY_COUNT(devices); i++)
        if (text_equal_nocase(name, devices[i]))
            return true;
    if (strlen(name) != 4 || name[3] < '0' || name[3] > '9')
        return false;
    text_copy(letters, sizeof(letters), name);
    return text_equal_nocase(letters, "COM") || text_equal_nocase(letters, "LPT");
}

bool module_path_is_file(const uint16_t *path)
{
    char name[NAME_UNITS_MAX * 3];
    size_t begin = 2, end = 0;
    if (path[0] == 0 || path[1] != ':')
        return false;
    for (size_t i = begin; path[i] != 0; i++)
        begin = path[i] == '\\' || path[i] == '/' ? i + 1 : begin;
    /* Without extension, stream and the spaces before them, which Windows overlooks. */
    for (end = begin; path[end] != 0 && path[end] != '.' && path[end] != ':'; end++) {
    }
    while (end > begin && path[end - 1] == ' ')
        end--;
    utf16_to_utf8(path + begin, end - begin, name, sizeof(name));
    return !is_dos_device(name);
}

bool module_list_read(memory_reader reader, void *context, size_t pointer_bytes, uint64_t peb,
                      enum modules_wanted wanted, struct module_found *out_modules, size_t capacity,
                      size_t *out_count)
{
    const struct walk walk = {reader, context, pointer_bytes == 8 ? &layout_64 : &layout_32};
    const struct layout *layout = walk.layout;
    unsigned char entry[ENTRY_BYTES_MAX];
    uint16_t name[NAME_UNITS_MAX];
    uint64_t loader = 0, at = 0;
    *out_count = 0;
    if (peb == 0 || !read_pointer(&walk, peb + layout->peb_loader, &loader) || loader == 0 ||
        !read_pointer(&walk, loader + layout->loader_list, &at))
        return false;
    const uint64_t head = loader + layout->loader_list;
    for (size_t i = 0; i < MODULES_MAX && at != head; i++) {
        if (!read_at(&walk, at, entry, layout->entry_size) ||
            !read_string(&walk, entry + layout->entry_name, name, NAME_UNITS_MAX))
            return false;
        if (*out_count == capacity)
            break;
        struct module_found *module = &out_modules[*out_count];
        if ((wanted == MODULES_ALL || is_mapi_dll(name)) &&
            read_string(&walk, entry + layout->entry_full_name, module->path, MODULE_PATH_UNITS_MAX)) {
            module->base = pointer_at(&walk, entry + layout->entry_base);
            (*out_count)++; /* one whose path cannot be read is being unloaded */
        }
        at = pointer_at(&walk, entry);
    }
    return true;
}

/* file_version.c - see file_version.h. Layouts as in Microsoft's "PE Format": DOS header, NT headers, section
 * table, resource folders (type, name, language), VS_VERSIONINFO.
 *
 * The resource tree has exactly three levels, so a folder that names itself as its child leads nowhere. */
#include "storewatch/file_version.h"

#include <string.h>

#define DOS_HEADER_BYTES 64
#define NT_OFFSET_MAX (16u * 1024 * 1024)
#define FILE_HEADER_BYTES 24 /* with the signature */
#define OPTIONAL_BYTES_MAX 240
#define SECTION_BYTES 40
#define SECTIONS_MAX 96
#define FOLDER_BYTES 16
#define ENTRY_BYTES 8
#define ENTRIES_A_READ 64
#define TYPE_VERSION 16u
#define IS_FOLDER 0x80000000u
/* VS_VERSIONINFO: three words, the key in UTF-16 with its NUL, two bytes to a multiple of four; then the
 * fixed part. */
#define FIXED_INFO_AT 40
#define FIXED_INFO_BYTES 52
#define FIXED_INFO_SIGNATURE 0xFEEF04BDu

struct section {
    uint32_t address, file_offset, file_size;
};

struct image {
    image_reader reader;
    void *context;
    enum image_layout layout;
    size_t section_count;
    struct section sections[SECTIONS_MAX];
    uint32_t resources; /* address of the root folder */
    struct err *err;
};

static uint32_t u16_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t u32_at(const uint8_t *bytes)
{
    return u16_at(bytes) | u16_at(bytes + 2) << 16;
}

static enum status broken(struct image *image, const char *what)
{
    return err_set(image->err, STATUS_CORRUPT, "version resource", 0, "%s", what);
}

static enum status read_at(struct image *image, uint64_t offset, void *out, size_t count)
{
    if (image->reader(image->context, offset, out, count))
        return STATUS_OK;
    return err_set(image->err, STATUS_IO, "version resource", 0, "the image cannot be read at offset %llu",
                   (unsigned long long)offset);
}

/* Where the bytes of an address lie in a file; false when no section holds all of them. */
static bool file_offset_of(const struct image *image, uint32_t address, size_t count, uint64_t *out_offset)
{
    for (size_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (address < section->address)
            continue;
        uint32_t into = address - section->address;
        if (into >= section->file_size || count > section->file_size - into)
            continue;
        *out_offset = (uint64_t)section->file_offset + into;
        return true;
    }
    return false;
}

static enum status read_address(struct image *image, uint32_t address, void *out, size_t count)
{
    uint64_t offset = address;
    if (image->layout == IMAGE_AS_FILE && !file_offset_of(image, address, count, &offset))
        return broken(image, "the resources lie outside the sections");
    return read_at(image, offset, out, count);
}

static enum status read_sections(struct image *image, uint64_t table_at, size_t count)
{
    uint8_t bytes[SECTION_BYTES];
    if (count > SECTIONS_MAX)
        return broken(image, "too many sections");
    for (size_t i = 0; i < count; i++) {
        enum status status = read_at(image, table_at + i * SECTION_BYTES, bytes, sizeof bytes);
        if (status)
            return status;
        image->sections[i] = (struct section){.address = u32_at(bytes + 12),
                                              .file_offset = u32_at(bytes + 20),
                                              .file_size = u32_at(bytes + 16)};
    }
    image->section_count = count;
    return STATUS_OK;
}

static enum status read_headers(struct image *image)
{
    uint8_t dos[DOS_HEADER_BYTES], nt[FILE_HEADER_BYTES], optional[OPTIONAL_BYTES_MAX] = {0};
    enum status status = read_at(image, 0, dos, sizeof dos);
    if (status)
        return status;
    uint32_t nt_at = u32_at(dos + 60);
    if (dos[0] != 'M' || dos[1] != 'Z' || nt_at < DOS_HEADER_BYTES || nt_at > NT_OFFSET_MAX)
        return broken(image, "no executable image");
    if ((status = read_at(image, nt_at, nt, sizeof nt)) != STATUS_OK)
        return status;
    size_t optional_size = u16_at(nt + 20);
    if (memcmp(nt, "PE\0\0", 4) != 0 || optional_size < 2)
        return broken(image, "no executable image");
    size_t wanted = optional_size < sizeof optional ? optional_size : sizeof optional;
    if ((status = read_at(image, nt_at + FILE_HEADER_BYTES, optional, wanted)) != STATUS_OK)
        return status;
    /* The directories follow the optional header's own fields; a 64-bit image has 16 bytes more of these. */
    size_t count_at = u16_at(optional) == 0x10b ? 92 : u16_at(optional) == 0x20b ? 108 : 0;
    if (count_at == 0)
        return broken(image, "neither a 32-bit nor a 64-bit image");
    size_t resources_at = count_at + 4 + 2 * 8;
    if (resources_at + 8 > wanted || u32_at(optional + count_at) <= 2 || u32_at(optional + resources_at) == 0)
        return err_set(image->err, STATUS_NOT_FOUND, "version resource", 0, "the image has no resources");
    image->resources = u32_at(optional + resources_at);
    if (image->layout == IMAGE_AS_LOADED)
        return STATUS_OK;
    return read_sections(image, (uint64_t)nt_at + FILE_HEADER_BYTES + optional_size, u16_at(nt + 6));
}

static enum status address_in_tree(struct image *image, uint32_t offset, uint32_t *out_address)
{
    if (offset > UINT32_MAX - image->resources)
        return broken(image, "a resource lies outside the address space");
    *out_address = image->resources + offset;
    return STATUS_OK;
}

/* The entry `wanted` of a folder, or its first one (wanted 0). */
static enum status find_entry(struct image *image, uint32_t folder_offset, uint32_t wanted,
                              uint32_t *out_offset)
{
    uint8_t folder[FOLDER_BYTES], entries[ENTRIES_A_READ * ENTRY_BYTES];
    uint32_t address = 0;
    enum status status = address_in_tree(image, folder_offset, &address);
    if (!status)
        status = read_address(image, address, folder, sizeof folder);
    if (status)
        return status;
    size_t count = u16_at(folder + 12) + u16_at(folder + 14);
    count = count < IMAGE_RESOURCES_MAX ? count : IMAGE_RESOURCES_MAX;
    for (size_t i = 0; i < count; i += ENTRIES_A_READ) {
        size_t part = count - i < ENTRIES_A_READ ? count - i : ENTRIES_A_READ;
        if (address > UINT32_MAX - FOLDER_BYTES - (uint32_t)(i * ENTRY_BYTES))
            return broken(image, "a resource lies outside the address space");
        status = read_address(image, address + FOLDER_BYTES + (uint32_t)(i * ENTRY_BYTES), entries,
                              part * ENTRY_BYTES);
        if (status)
            return status;
        for (size_t k = 0; k < part; k++)
            if (wanted == 0 || u32_at(entries + k * ENTRY_BYTES) == wanted) {
                *out_offset = u32_at(entries + k * ENTRY_BYTES + 4);
                return STATUS_OK;
            }
    }
    return err_set(image->err, STATUS_NOT_FOUND, "version resource", 0, "the image has no version resource");
}

static enum status find_version_data(struct image *image, uint32_t *out_address, uint32_t *out_size)
{
    uint32_t offset = IS_FOLDER, address = 0;
    uint8_t data[16];
    enum status status = STATUS_OK;
    for (int level = 0; !status && level < 3; level++) {
        if (!(offset & IS_FOLDER))
            return broken(image, "a resource where a resource folder should be");
        status = find_entry(image, offset & ~IS_FOLDER, level == 0 ? TYPE_VERSION : 0, &offset);
    }
    if (status)
        return status;
    if (offset & IS_FOLDER)
        return broken(image, "a resource folder where a resource should be");
    status = address_in_tree(image, offset, &address);
    if (!status)
        status = read_address(image, address, data, sizeof data);
    if (status)
        return status;
    *out_address = u32_at(data);
    *out_size = u32_at(data + 4);
    return STATUS_OK;
}

enum status file_version_read(image_reader reader, void *context, enum image_layout layout,
                              struct file_version *out_version, struct err *err)
{
    static const char key[] =
        "V\0S\0_\0V\0E\0R\0S\0I\0O\0N\0_\0I\0N\0F\0O\0"; /* UTF-16; ends in a NUL unit */
    struct image image = {.reader = reader, .context = context, .layout = layout, .err = err};
    uint8_t data[FIXED_INFO_AT + FIXED_INFO_BYTES];
    uint32_t address = 0, size = 0;
    enum status status = read_headers(&image);
    if (!status)
        status = find_version_data(&image, &address, &size);
    if (!status && size < sizeof data)
        status = broken(&image, "the version resource is too short");
    if (!status)
        status = read_address(&image, address, data, sizeof data);
    if (status)
        return status;
    const uint8_t *fixed = data + FIXED_INFO_AT;
    if (u16_at(data) < sizeof data || u16_at(data) > size || u16_at(data + 2) < FIXED_INFO_BYTES ||
        memcmp(data + 6, key, sizeof key - 1) != 0 || u32_at(fixed) != FIXED_INFO_SIGNATURE)
        return broken(&image, "the version resource is no version information");
    *out_version =
        (struct file_version){.known = true,
                              .part = {(uint16_t)u16_at(fixed + 10), (uint16_t)u16_at(fixed + 8),
                                       (uint16_t)u16_at(fixed + 14), (uint16_t)u16_at(fixed + 12)}};
    return STATUS_OK;
}

/* ---- the four numbers ---- */

void text_add_file_version(struct text *text, const struct file_version *version)
{
    if (version->known)
        text_add(text, "%u.%u.%u.%u", version->part[0], version->part[1], version->part[2], version->part[3]);
    else
        text_add(text, "unknown");
}

int file_version_compare(const struct file_version *a, const struct file_version *b)
{
    for (size_t i = 0; i < ARRAY_COUNT(a->part); i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return 0;
}

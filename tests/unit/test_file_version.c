/* test_file_version.c - version resources in images that we build here: right ones of both sizes and layouts,
 * and every way of being wrong: each truncation, each byte changed, folders that name themselves. */
#include "storewatch/file_version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define IMAGE_BYTES 2048
#define NT_AT 64
#define SECTION_ADDRESS 0x1000u
#define SECTION_FILE_AT 512u

struct built {
    uint8_t bytes[SECTION_ADDRESS + IMAGE_BYTES];
    size_t size, reads;
};

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
    put16(at, value);
    put16(at + 2, value >> 16);
}

static void put_folder(uint8_t *at, uint32_t id, uint32_t offset)
{
    put16(at + 14, 1);
    put32(at + 16, id);
    put32(at + 20, offset);
}

/* The tree: type at 0, name at 24, language at 48, data entry at 72, the data at 88. */
static uint8_t *put_resources(uint8_t *tree, const uint16_t part[4])
{
    static const char key[] = "VS_VERSION_INFO";
    put_folder(tree, 16, 0x80000000u | 24);
    put_folder(tree + 24, 1, 0x80000000u | 48);
    put_folder(tree + 48, 1033, 72);
    put32(tree + 72, SECTION_ADDRESS + 88);
    put32(tree + 76, 92);
    uint8_t *data = tree + 88;
    put16(data, 92);
    put16(data + 2, 52);
    for (size_t i = 0; i < sizeof key; i++)
        data[6 + 2 * i] = (uint8_t)key[i];
    put32(data + 40, 0xFEEF04BDu);
    put16(data + 48, part[1]);
    put16(data + 50, part[0]);
    put16(data + 52, part[3]);
    put16(data + 54, part[2]);
    return data;
}

static void build(struct built *built, bool wide, enum image_layout layout)
{
    static const uint16_t part[4] = {6, 5, 7233, 36};
    uint32_t section_at = layout == IMAGE_AS_FILE ? SECTION_FILE_AT : SECTION_ADDRESS;
    uint32_t optional_size = wide ? 240 : 224, count_at = wide ? 108 : 92;
    memset(built, 0, sizeof *built);
    uint8_t *nt = built->bytes + NT_AT, *optional = nt + 24, *section = optional + optional_size;
    memcpy(built->bytes, "MZ", 2);
    put32(built->bytes + 60, NT_AT);
    memcpy(nt, "PE", 2);
    put16(nt + 6, 1);
    put16(nt + 20, optional_size);
    put16(optional, wide ? 0x20b : 0x10b);
    put32(optional + count_at, 16);
    put32(optional + count_at + 20, SECTION_ADDRESS);
    put32(section + 8, 180);
    put32(section + 12, SECTION_ADDRESS);
    put32(section + 16, 180);
    put32(section + 20, SECTION_FILE_AT);
    put_resources(built->bytes + section_at, part);
    built->size = section_at + 180;
}

static bool reader(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    struct built *built = context;
    built->reads++;
    if (offset > built->size || count > built->size - offset)
        return false;
    memcpy(out_bytes, built->bytes + offset, count);
    return true;
}

static void test_right_images(void **state)
{
    (void)state;
    static struct built built;
    for (int i = 0; i < 4; i++) {
        enum image_layout layout = i & 1 ? IMAGE_AS_LOADED : IMAGE_AS_FILE;
        struct file_version version = {0};
        struct err err = {0};
        build(&built, i & 2, layout);
        assert_int_equal(file_version_read(reader, &built, layout, &version, &err), STATUS_OK);
        assert_true(version.known);
        assert_int_equal(version.part[0], 6);
        assert_int_equal(version.part[1], 5);
        assert_int_equal(version.part[2], 7233);
        assert_int_equal(version.part[3], 36);
        assert_true(built.reads <= 14);
    }
}

static enum status read_built(struct built *built, enum image_layout layout)
{
    struct file_version version = {.part = {1, 2, 3, 4}};
    struct err err = {0};
    enum status status = file_version_read(reader, built, layout, &version, &err);
    assert_int_equal(status != STATUS_OK, !version.known); /* written only on success */
    assert_int_equal(status != STATUS_OK, err.text[0] != '\0');
    if (status)
        assert_int_equal(version.part[3], 4);
    return status;
}

static void test_every_truncation_is_told(void **state)
{
    (void)state;
    static struct built built;
    for (int layout = IMAGE_AS_FILE; layout <= IMAGE_AS_LOADED; layout++) {
        build(&built, false, (enum image_layout)layout);
        size_t whole = built.size;
        for (built.size = 0; built.size < whole; built.size++)
            assert_int_not_equal(read_built(&built, (enum image_layout)layout), STATUS_OK);
        assert_int_equal(read_built(&built, (enum image_layout)layout), STATUS_OK);
    }
}

/* Each byte in turn with values that stand for sizes, signs and offsets: no crash, no wild read, and a
 * bounded number of reads (the sanitizers watch). */
static void test_every_byte_may_lie(void **state)
{
    (void)state;
    static const uint8_t lies[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    static struct built built;
    for (int layout = IMAGE_AS_FILE; layout <= IMAGE_AS_LOADED; layout++)
        for (size_t i = 0; i < SECTION_ADDRESS + 180; i++)
            for (size_t k = 0; k < sizeof lies; k++) {
                build(&built, true, (enum image_layout)layout);
                built.bytes[i] = lies[k];
                read_built(&built, (enum image_layout)layout);
                assert_true(built.reads <= 8 + 96 + 3 * IMAGE_RESOURCES_MAX / 64);
            }
}

static void test_each_lie_has_its_words(void **state)
{
    (void)state;
    static struct built built;
    static const struct {
        const char *what;
        size_t at;
        uint32_t value;
        enum status status;
    } cases[] = {
        {"not MZ", 0, 0x5a4e, STATUS_CORRUPT},
        {"headers far away", 60, 0x7fffffff, STATUS_CORRUPT},
        {"headers within the DOS header", 60, 4, STATUS_CORRUPT},
        {"neither PE32 nor PE32+", NT_AT + 24, 0x107, STATUS_CORRUPT},
        {"no directories", NT_AT + 24 + 92, 0, STATUS_NOT_FOUND},
        {"no resources", NT_AT + 24 + 92 + 20, 0, STATUS_NOT_FOUND},
        {"resources outside the sections", NT_AT + 24 + 92 + 20, 0xfffffff0u, STATUS_CORRUPT},
        {"no version among them", SECTION_FILE_AT + 16, 3, STATUS_NOT_FOUND},
        {"a folder that names itself", SECTION_FILE_AT + 20, 0x80000000u, STATUS_CORRUPT},
        {"a resource for a folder", SECTION_FILE_AT + 20, 72, STATUS_CORRUPT},
        {"a folder for a resource", SECTION_FILE_AT + 48 + 20, 0x80000000u | 72, STATUS_CORRUPT},
        {"an empty folder", SECTION_FILE_AT + 12, 0, STATUS_NOT_FOUND},
        {"too short", SECTION_FILE_AT + 76, 91, STATUS_CORRUPT},
        {"data outside the sections", SECTION_FILE_AT + 72, 0x2000, STATUS_CORRUPT},
        {"another signature", SECTION_FILE_AT + 88 + 40, 0xFEEF04BEu, STATUS_CORRUPT},
        {"another key", SECTION_FILE_AT + 88 + 8, 0x530054, STATUS_CORRUPT},
        {"a length beyond the resource", SECTION_FILE_AT + 88, 52u << 16 | 400, STATUS_CORRUPT},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        build(&built, false, IMAGE_AS_FILE);
        put32(built.bytes + cases[i].at, cases[i].value);
        enum status status = read_built(&built, IMAGE_AS_FILE);
        if (status != cases[i].status)
            fail_msg("%s: %s", cases[i].what, status_text(status));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right_images),
        cmocka_unit_test(test_every_truncation_is_told),
        cmocka_unit_test(test_every_byte_may_lie),
        cmocka_unit_test(test_each_lie_has_its_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

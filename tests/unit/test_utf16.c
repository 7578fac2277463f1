/* test_utf16.c - text between Windows and us: whatever comes in, what goes out is valid, terminated and in
 * bounds. The file under test is portable but belongs to the Windows edge, so it is included here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/win32/utf16.c"

/* 'a', e acute, euro sign, U+1F600, and their UTF-8 */
static const uint16_t mixed_wide[] = {'a', 0xE9, 0x20AC, 0xD83D, 0xDE00, 0};
static const char mixed_utf8[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";

static void every_length_of_character_goes_both_ways(void **state)
{
    (void)state;
    char utf8[32];
    uint16_t wide[32];
    assert_true(utf16z_to_utf8(mixed_wide, utf8, sizeof(utf8)));
    assert_string_equal(utf8, mixed_utf8);
    assert_true(utf16_from_utf8(mixed_utf8, wide, ARRAY_COUNT(wide)));
    assert_memory_equal(wide, mixed_wide, sizeof(mixed_wide));
    assert_true(utf16z_to_utf8(mixed_wide + 5, utf8, 1)); /* the empty text fits into one byte */
    assert_string_equal(utf8, "");
    assert_true(utf16_from_utf8("", wide, 1));
    assert_int_equal(wide[0], 0);
}

static void all_characters_come_back(void **state)
{
    (void)state;
    for (uint32_t c = 1; c <= 0x10FFFF; c++) {
        if (c == 0xD800)
            c = 0xE000;
        const uint16_t pair[] = {(uint16_t)(c < 0x10000 ? c : 0xD800 + ((c - 0x10000) >> 10)),
                                 (uint16_t)(c < 0x10000 ? 0 : 0xDC00 + ((c - 0x10000) & 0x3FF)), 0};
        char utf8[5];
        uint16_t wide[3] = {0};
        assert_true(utf16z_to_utf8(pair, utf8, sizeof(utf8)));
        assert_true(utf16_from_utf8(utf8, wide, ARRAY_COUNT(wide)));
        assert_memory_equal(wide, pair, sizeof(pair));
    }
}

/* What a process calls itself is read on a console and in mails. */
static void a_name_breaks_no_line_and_turns_none_around(void **state)
{
    (void)state;
    static const uint16_t evil[] = {'a',    0x1B,   '[',    '2',  'J', '\r', '\n',   0x9B,   0x7F, 0x202E,
                                    0x2028, 0x2066, 0x200F, 0xE9, '<', '=',  0xD83D, 0xDE00, 0};
    char name[64];
    assert_true(utf16z_to_name(evil, name, sizeof(name)));
    assert_string_equal(name, "a?[2J????????\xC3\xA9<=\xF0\x9F\x98\x80");
    assert_true(utf16_to_name(evil, 3, name, sizeof(name)));
    assert_string_equal(name, "a?[");
    assert_false(utf16z_to_name(evil, name, 4));
    assert_string_equal(name, "a?[");
    /* All that Unicode counts among Bidi_Control. */
    static const uint16_t turning[] = {0x061C, 0x200E, 0x200F, 0x202A, 0x202B, 0x202C, 0x202D,
                                       0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0};
    assert_true(utf16z_to_name(turning, name, sizeof(name)));
    assert_string_equal(name, "????????????");
}

/* A path as long as Windows allows. */
static void a_long_path_is_cut_and_terminated(void **state)
{
    (void)state;
    enum { UNITS = 32767 };
    uint16_t *path = calloc(UNITS + 1, sizeof(*path));
    assert_non_null(path);
    for (size_t i = 0; i < UNITS; i++)
        path[i] = 0x20AC;
    char name[1024];
    assert_false(utf16z_to_name(path, name, sizeof(name)));
    assert_int_equal(strlen(name), 1023); /* 341 whole characters */
    free(path);
}

static void a_cut_falls_between_characters(void **state)
{
    (void)state;
    static const size_t whole_bytes[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    static const size_t whole_units[] = {0, 1, 2, 3, 3, 5};
    for (size_t capacity = 1; capacity <= 11; capacity++) {
        char utf8[16];
        memset(utf8, '!', sizeof(utf8));
        assert_int_equal(utf16z_to_utf8(mixed_wide, utf8, capacity), capacity == 11);
        assert_int_equal(strlen(utf8), whole_bytes[capacity - 1]);
        assert_int_equal(utf8[capacity], '!');
    }
    for (size_t capacity = 1; capacity <= 6; capacity++) {
        uint16_t wide[8] = {0};
        memset(wide, '!', sizeof(wide));
        assert_int_equal(utf16_from_utf8(mixed_utf8, wide, capacity), capacity == 6);
        assert_int_equal(wide[whole_units[capacity - 1]], 0);
        assert_int_equal(wide[capacity], '!' * 0x101);
    }
}

static void what_is_not_valid_is_replaced(void **state)
{
    (void)state;
    static const uint16_t lone[] = {0xD83D, 'x', 0xDE00, 0xD83D, 0};
    char utf8[32];
    assert_true(utf16z_to_utf8(lone, utf8, sizeof(utf8)));
    assert_string_equal(utf8, "\xEF\xBF\xBDx\xEF\xBF\xBD\xEF\xBF\xBD");
    static const uint16_t unterminated[] = {'a', 'b', 'c'};
    assert_true(utf16_to_utf8(unterminated, 3, utf8, sizeof(utf8)));
    assert_string_equal(utf8, "abc");

    static const struct {
        const char *utf8;
        uint16_t wide[6];
    } cases[] = {
        {"\x80", {0xFFFD}},                                     /* a continuation without a beginning */
        {"\xC3", {0xFFFD}},                                     /* cut off by the end */
        {"\xE2\x82", {0xFFFD, 0xFFFD}},                         /* likewise */
        {"\xF0\x9F\x98", {0xFFFD, 0xFFFD, 0xFFFD}},             /* likewise */
        {"\xC3x", {0xFFFD, 'x'}},                               /* the next character is kept */
        {"\xC0\xAF", {0xFFFD, 0xFFFD}},                         /* overlong */
        {"\xE0\x80\xAF", {0xFFFD, 0xFFFD, 0xFFFD}},             /* overlong */
        {"\xED\xA0\x80", {0xFFFD, 0xFFFD, 0xFFFD}},             /* a surrogate */
        {"\xF4\x90\x80\x80", {0xFFFD, 0xFFFD, 0xFFFD, 0xFFFD}}, /* beyond U+10FFFF */
        {"\xFF", {0xFFFD}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint16_t wide[8] = {0};
        assert_true(utf16_from_utf8(cases[i].utf8, wide, ARRAY_COUNT(wide)));
        assert_memory_equal(wide, cases[i].wide, sizeof(cases[i].wide));
    }
}

static void the_heap_forms_have_room_for_everything(void **state)
{
    (void)state;
    uint16_t *wide = utf16_new(mixed_utf8);
    assert_memory_equal(wide, mixed_wide, sizeof(mixed_wide));
    char *utf8 = utf16_to_utf8_new(wide);
    assert_string_equal(utf8, mixed_utf8);
    free(wide);
    free(utf8);
    wide = utf16_new("\xFF\xFF\xFF"); /* each byte becomes a unit */
    utf8 = utf16_to_utf8_new(wide);   /* each unit becomes three bytes */
    assert_string_equal(utf8, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    free(wide);
    free(utf8);
}

static void an_event_has_no_insertions_of_its_own(void **state)
{
    (void)state;
    char text[64];
    event_text_copy(text, sizeof(text), "fe80::1%12 grows 5 % (99%)");
    assert_string_equal(text, "fe80::1% 12 grows 5 % (99%)");
    event_text_copy(text, sizeof(text), "%1%2%%3");
    assert_string_equal(text, "% 1% 2%% 3");
    event_text_copy(text, sizeof(text), "");
    assert_string_equal(text, "");
    event_text_copy(text, 4, "abc%1");
    assert_string_equal(text, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_of_character_goes_both_ways),
        cmocka_unit_test(all_characters_come_back),
        cmocka_unit_test(a_name_breaks_no_line_and_turns_none_around),
        cmocka_unit_test(a_long_path_is_cut_and_terminated),
        cmocka_unit_test(a_cut_falls_between_characters),
        cmocka_unit_test(what_is_not_valid_is_replaced),
        cmocka_unit_test(the_heap_forms_have_room_for_everything),
        cmocka_unit_test(an_event_has_no_insertions_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

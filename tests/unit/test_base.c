/* test_base.c - texts are cut, never overrun; the first error wins. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/base.h"

static void status_texts_are_whole(void **state)
{
    (void)state;
    assert_string_equal(status_text(STATUS_OK), "ok");
    assert_string_equal(status_text(STATUS_SYSTEM), "the system call failed");
    for (int i = STATUS_OK; i <= STATUS_SYSTEM; i++)
        assert_true(strlen(status_text((enum status)i)) > 0);
    assert_string_equal(status_text((enum status)(STATUS_SYSTEM + 1)), "unknown status");
}

static void the_first_error_wins(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(err_set(&err, STATUS_IO, "open", 5, "%s: no", "a"), STATUS_IO);
    assert_int_equal(err_set(&err, STATUS_BUSY, "read", 6, "later"), STATUS_BUSY);
    assert_int_equal(err.status, STATUS_IO);
    assert_string_equal(err.operation, "open");
    assert_int_equal(err.code, 5);
    assert_string_equal(err.text, "a: no");
    assert_int_equal(err_set(NULL, STATUS_FULL, "x", 0, "nobody listens"), STATUS_FULL);
}

static void a_long_error_text_is_cut(void **state)
{
    (void)state;
    struct err err = {0};
    char words[2 * ERR_TEXT_MAX];
    memset(words, 'x', sizeof(words) - 1);
    words[sizeof(words) - 1] = '\0';
    err_set(&err, STATUS_IO, "open", 0, "%s", words);
    assert_int_equal(strlen(err.text), ERR_TEXT_MAX - 1);
}

/* How many bytes of "aé€😀" (1 + 2 + 3 + 4) fit whole into a text of each capacity. */
static void a_cut_is_told(void **state)
{
    (void)state;
    char storage[8];
    struct text text = text_on(storage, sizeof storage);
    text_add(&text, "1234567");
    text_tell_cut(&text);
    assert_string_equal(storage, "1234567"); /* nothing was cut */
    text_add(&text, "8");
    text_tell_cut(&text);
    assert_string_equal(storage, "1234...");
    assert_int_equal(text.length, 7);
    text_clear(&text);
    text_add(&text, "123\xc3\xa4 and more");
    text_tell_cut(&text);
    assert_string_equal(storage, "123..."); /* no half of a character */
    text = text_on(storage, 3);
    text_add(&text, "12345");
    text_tell_cut(&text);
    assert_string_equal(storage, "12"); /* no room to say it */
}

static void text_is_cut_between_characters(void **state)
{
    (void)state;
    static const char words[] = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const size_t whole[] = {0, 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
    for (size_t capacity = 1; capacity < ARRAY_COUNT(whole); capacity++) {
        char storage[16];
        struct text text = text_on(storage, capacity);
        text_add(&text, "%s", words);
        assert_int_equal(text.length, whole[capacity]);
        assert_int_equal(strlen(storage), whole[capacity]);
        assert_int_equal(text.truncated, capacity < 11);

        text = text_on(storage, capacity);
        text_add_bytes(&text, words, strlen(words));
        assert_int_equal(text.length, whole[capacity]);
        assert_int_equal(text.truncated, capacity < 11);
        assert_memory_equal(storage, words, whole[capacity]);

        assert_int_equal(text_copy(storage, capacity, words), capacity >= 11);
        assert_int_equal(strlen(storage), whole[capacity]);
    }
}

static void nothing_follows_a_cut(void **state)
{
    (void)state;
    char storage[4];
    struct text text = text_on(storage, sizeof(storage));
    text_add(&text, "%s", "ab\xE2\x82\xAC");
    text_add(&text, "c");
    text_add_bytes(&text, "d", 1);
    assert_string_equal(storage, "ab");
    text_clear(&text);
    assert_string_equal(storage, "");
    text_add(&text, "%d", 123);
    assert_string_equal(storage, "123");
    assert_false(text.truncated);
}

static void stray_continuation_bytes_do_not_run_off_the_front(void **state)
{
    (void)state;
    char storage[3];
    struct text text = text_on(storage, sizeof(storage));
    text_add(&text, "%s", "\x80\x80\x80\x80");
    assert_int_equal(text.length, 2);
}

static void a_buffer_grows_and_is_handed_over(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_null(buffer_take(&buffer));
    for (int i = 0; i < 1000; i++)
        buffer_add(&buffer, "%d,", i);
    buffer_add_bytes(&buffer, "end", 3);
    assert_false(buffer.failed);
    const size_t length = buffer.length;
    char *text = buffer_take(&buffer);
    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    assert_int_equal(length, 10 * 2 + 90 * 3 + 900 * 4 + 3);
    assert_memory_equal(text, "0,1,2,", 6);
    assert_string_equal(text + length - 7, "999,end");
    free(text);
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
}

/* What a spreadsheet would run, and what would end the line. */
static void a_csv_field_is_only_a_text(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"BESAgent.exe", "\"BESAgent.exe\""},
        {"", "\"\""},
        {"a,\"b\"", "\"a,\"\"b\"\"\""},
        {"=cmd|'/C calc'!A0", "\"'=cmd|'/C calc'!A0\""},
        {"+1", "\"'+1\""},
        {"-1", "\"'-1\""},
        {"@SUM(A1)", "\"'@SUM(A1)\""},
        {"\t=1\r\n\x7F", "\"?=1???\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buffer buffer = {0};
        buffer_add_csv(&buffer, cases[i][0]);
        assert_string_equal(buffer.data, cases[i][1]);
        buffer_deinit(&buffer);
    }
}

static void a_buffer_stops_at_its_limit(void **state)
{
    (void)state;
    for (int bytes = 0; bytes < 2; bytes++) {
        struct buffer buffer = {.limit = 8};
        buffer_add(&buffer, "1234567"); /* and the NUL: exactly the limit */
        assert_false(buffer.failed);
        if (bytes)
            buffer_add_bytes(&buffer, "8", 1);
        else
            buffer_add(&buffer, "8");
        assert_true(buffer.failed);
        assert_string_equal(buffer.data, "1234567");
        buffer_add(&buffer, "%s", "");
        assert_true(buffer.failed);
        assert_null(buffer_take(&buffer));
        assert_false(buffer.failed);
        assert_int_equal(buffer.limit, 8);
        buffer_add(&buffer, "again");
        assert_string_equal(buffer.data, "again");
        buffer_deinit(&buffer);
    }
}

static void what_comes_from_outside_is_shown_clean(void **state)
{
    (void)state;
    char storage[40];
    struct text text = text_on(storage, sizeof(storage));
    text_add_clean(&text, "a\x1b[2J\x7f\r\n \xc3\xbc \xc2\xa0\xe2\x82\xac \xc2\x9b"
                          "2J \x9b"
                          "2J \xff\xc3");
    assert_string_equal(storage, "a?[2J??? \xc3\xbc \xc2\xa0\xe2\x82\xac ?2J ?2J ??");
}

static void names_compare_without_case(void **state)
{
    (void)state;
    assert_true(text_equal_nocase("MSExchangeIS", "msexchangeis"));
    assert_false(text_equal_nocase("MSExchangeIS", "MSExchangeI"));
    assert_false(text_equal_nocase("a", "b"));
    assert_true(text_begins_nocase("BESAgent.exe", "besagent"));
    assert_true(text_begins_nocase("a", ""));
    assert_false(text_begins_nocase("bes", "BESAgent"));
    assert_false(text_begins_nocase("xBESAgent", "BESAgent"));
    assert_false(text_equal_nocase("[", "{")); /* not letters, although 32 apart */
    assert_true(text_compare_nocase("Alpha", "beta") < 0);
    assert_true(text_compare_nocase("BETA", "alpha") > 0);
    assert_true(text_compare_nocase("a_b", "aZb") < 0); /* '_' sorts before lower-case letters */
    assert_true(text_compare_nocase("\xC3\xA4", "z") > 0);
    assert_int_equal(text_compare_nocase("", ""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_texts_are_whole),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(a_long_error_text_is_cut),
        cmocka_unit_test(text_is_cut_between_characters),
        cmocka_unit_test(a_cut_is_told),
        cmocka_unit_test(nothing_follows_a_cut),
        cmocka_unit_test(stray_continuation_bytes_do_not_run_off_the_front),
        cmocka_unit_test(a_buffer_grows_and_is_handed_over),
        cmocka_unit_test(a_csv_field_is_only_a_text),
        cmocka_unit_test(a_buffer_stops_at_its_limit),
        cmocka_unit_test(what_comes_from_outside_is_shown_clean),
        cmocka_unit_test(names_compare_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_first_config.c - the configuration that an installation writes is the default one with the recipients
 * and relays that were named, as a configuration that loads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/app/first_config.h"
#include "storewatch/config.h"

static char default_text[16384];
static size_t default_count;

static int read_default(void **state)
{
    (void)state;
    FILE *file = fopen("config/storewatch.json", "rb");
    if (!file)
        return -1;
    default_count = fread(default_text, 1, sizeof default_text, file);
    fclose(file);
    return default_count > 0 && default_count < sizeof default_text ? 0 : -1;
}

static char *make(const char *mail_to, const char *relays)
{
    struct buffer out = {0};
    struct err err = {0};
    assert_int_equal(first_config_make(default_text, default_count, mail_to, relays, &out, &err), STATUS_OK);
    return buffer_take(&out);
}

static void load(const char *text, struct config *config)
{
    struct config_findings *findings = calloc(1, sizeof *findings);
    assert_non_null(findings);
    assert_int_equal(config_parse(text, strlen(text), config, findings), STATUS_OK);
    free(findings);
}

static void without_anybody_it_is_the_default(void **state)
{
    (void)state;
    char *text = make(NULL, "");
    static struct config made, wanted;
    load(text, &made);
    config_default(&wanted);
    assert_memory_equal(&made, &wanted, sizeof made);
    free(text);
}

static void each_line_ends_as_notepad_wants(void **state)
{
    (void)state;
    char *text = make("a@example.com", NULL);
    size_t lines = 0;
    for (const char *at = strchr(text, '\n'); at; at = strchr(at + 1, '\n'), lines++) {
        assert_true(at > text && at[-1] == '\r');
        assert_true(at < text + 2 || at[-2] != '\r');
    }
    assert_true(lines > 20);
    free(text);

    struct buffer out = {0};
    static const char with_both[] = "{\r\n \"to\": [],\n \"relays\": []\r\n}\n";
    assert_int_equal(first_config_make(with_both, strlen(with_both), NULL, NULL, &out, NULL), STATUS_OK);
    assert_string_equal(out.data, "{\r\n \"to\": [],\r\n \"relays\": []\r\n}\r\n");
    buffer_deinit(&out);
}

static void recipients_and_relays_are_filled_in(void **state)
{
    (void)state;
    static struct config config;
    char *text = make(" ops@example.com;night@example.com,\tx@example.com ",
                      "relay1, relay2.example.com:587;[2001:db8::1]:2525 ::1");
    load(text, &config);
    assert_int_equal(config.recipient_count, 3);
    assert_string_equal(config.mail_to[0], "ops@example.com");
    assert_string_equal(config.mail_to[1], "night@example.com");
    assert_string_equal(config.mail_to[2], "x@example.com");
    assert_int_equal(config.relay_count, 4);
    static const struct {
        const char *host;
        int port;
    } wanted[] = {{"relay1", 25}, {"relay2.example.com", 587}, {"2001:db8::1", 2525}, {"::1", 25}};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        assert_string_equal(config.relays[i].host, wanted[i].host);
        assert_int_equal(config.relays[i].port, wanted[i].port);
    }
    free(text);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *mail_to, *relays, *named;
    } cases[] = {
        {"a\"b@example.com", NULL, "a\"b@example.com"},
        {"a\\b@example.com", NULL, "a\\b@example.com"},
        {"a\nb@example.com", NULL, "a\nb@example.com"},
        {NULL, "relay:", "relay:"},
        {NULL, "relay:0", "relay:0"},
        {NULL, "relay:65536", "relay:65536"},
        {NULL, "relay:123456", "relay:123456"},
        {NULL, "relay:smtp", "relay:smtp"},
        {NULL, ":25", ":25"},
        {NULL, "[::1", "[::1"},
        {NULL, "[::1]25", "[::1]25"},
        {NULL, "[]", "[]"},
        {NULL, "ok re\"lay", "re\"lay"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct buffer out = {0};
        struct err err = {0};
        assert_int_equal(
            first_config_make(default_text, default_count, cases[i].mail_to, cases[i].relays, &out, &err),
            STATUS_INVALID);
        assert_non_null(strstr(err.text, cases[i].named));
        buffer_deinit(&out);
    }
}

static void a_default_without_the_lists_is_told(void **state)
{
    (void)state;
    struct buffer out = {0};
    assert_int_equal(first_config_make("{}", 2, "a@example.com", NULL, &out, NULL), STATUS_INVALID);
    buffer_deinit(&out);
    struct buffer small = {.limit = 64};
    assert_int_equal(first_config_make(default_text, default_count, NULL, NULL, &small, NULL),
                     STATUS_NO_MEMORY);
    buffer_deinit(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_anybody_it_is_the_default),
        cmocka_unit_test(each_line_ends_as_notepad_wants),
        cmocka_unit_test(recipients_and_relays_are_filled_in),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_default_without_the_lists_is_told),
    };
    return cmocka_run_group_tests(tests, read_default, NULL);
}

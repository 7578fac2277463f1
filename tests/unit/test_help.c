/* test_help.c - help is asked for in every way that people try, and nothing is done instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "storewatch/cli.h"

#include "capture.h"

#include "../../src/app/command_texts.h"

static const char *const names[] = {
    "install", "uninstall",   "run",    "version",    "check-config", "status", "plan",    "restart",
    "doctor",  "maintenance", "report", "test-alert", "history",      "replay", "analyze",
};

static void assert_usage_of(const char *name, int code)
{
    char first_line[64];
    snprintf(first_line, sizeof(first_line), "usage: storewatch %s", name);
    assert_int_equal(code, EXIT_FINE);
    assert_int_equal(strncmp(out, first_line, strlen(first_line)), 0);
    assert_string_equal(messages, "");
}

static void each_command_has_help(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        assert_usage_of(names[i], RUN(commands_run, "storewatch", names[i], "--help"));
        assert_usage_of(names[i], RUN(commands_run, "storewatch", names[i], "-h"));
        assert_usage_of(names[i], RUN(commands_run, "storewatch", names[i], "/?"));
        assert_usage_of(names[i], RUN(commands_run, "storewatch", "help", names[i]));
        assert_usage_of(names[i], RUN(commands_run, "storewatch", "--help", names[i]));
    }
    assert_usage_of("status", RUN(commands_run, "storewatch", "status", "--json", "--help"));
}

/* The words and the table of who runs what are two. */
static void each_text_is_of_a_command(void **state)
{
    (void)state;
    assert_int_equal(command_text_count, ARRAY_COUNT(names));
    for (size_t i = 0; i < command_text_count; i++)
        assert_usage_of(command_texts[i].name,
                        RUN(commands_run, "storewatch", "help", command_texts[i].name));
}

static void each_option_of_the_help_is_known(void **state)
{
    static const char *const native[] = {"analyze", "replay", "report", "history", "version", "check-config"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(native); i++) {
        char help[4096];
        RUN(commands_run, "storewatch", native[i], "--help");
        text_copy(help, sizeof(help), out);
        for (char *at = strstr(help, "\n  --"); at != NULL; at = strstr(at + 1, "\n  --")) {
            char option[32];
            assert_int_equal(sscanf(at, " %31s", option), 1);
            RUN(commands_run, "storewatch", native[i], option);
            assert_null(strstr(messages, "unknown option"));
            assert_ptr_not_equal(strstr(help, option), strstr(at, option)); /* the usage has it, too */
        }
    }
}

static void the_overview(void **state)
{
    (void)state;
    static const char *const ways[] = {"help", "--help", "-h", "/?"};
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        assert_int_equal(RUN(commands_run, "storewatch", ways[i]), EXIT_FINE);
        for (size_t k = 0; k < ARRAY_COUNT(names); k++)
            assert_non_null(strstr(out, names[k]));
        assert_null(strstr(out, "write-dump"));
        assert_int_equal(RUN(commands_run, "storewatch", "help", ways[i]), EXIT_FINE);
        assert_non_null(strstr(out, names[0]));
    }
    assert_int_equal(RUN(commands_run, "storewatch"), EXIT_USAGE);
    assert_string_equal(out, "");
    assert_non_null(strstr(messages, "check-config"));
}

/* A console of Server 2003 is 80 columns wide, and takes the 80th for the next line. */
static void assert_narrow(const char *text)
{
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
        if (strcspn(line, "\n") > 79)
            fail_msg("too wide: %.*s", (int)strcspn(line, "\n"), line);
}

static void no_line_is_wider_than_a_console(void **state)
{
    (void)state;
    RUN(commands_run, "storewatch", "help");
    assert_narrow(out);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        RUN(commands_run, "storewatch", "help", names[i]);
        assert_narrow(out);
    }
}

static void what_is_no_command(void **state)
{
    (void)state;
    assert_int_equal(RUN(commands_run, "storewatch", "frobnicate"), EXIT_USAGE);
    assert_non_null(strstr(messages, "unknown command \"frobnicate\""));
    assert_int_equal(RUN(commands_run, "storewatch", "help", "frobnicate"), EXIT_USAGE);
    assert_int_equal(RUN(commands_run, "storewatch", "help", "write-dump"), EXIT_USAGE);
    assert_int_equal(RUN(commands_run, "storewatch", "frobnicate", "--help"), EXIT_USAGE);
}

static void the_version(void **state)
{
    (void)state;
    assert_int_equal(RUN(commands_run, "storewatch", "--version"), EXIT_FINE);
    assert_string_equal(out, "storewatch " STOREWATCH_VERSION "\n");
    assert_int_equal(RUN(commands_run, "storewatch", "version"), EXIT_FINE);
    assert_string_equal(out, "storewatch " STOREWATCH_VERSION "\n");
}

static void a_file_of_such_a_name(void **state)
{
    (void)state;
    assert_int_equal(RUN(commands_run, "storewatch", "analyze", "--", "--help"), EXIT_COULD_NOT);
    assert_non_null(strstr(messages, "--help"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_help),
        cmocka_unit_test(each_text_is_of_a_command),
        cmocka_unit_test(each_option_of_the_help_is_known),
        cmocka_unit_test(the_overview),
        cmocka_unit_test(no_line_is_wider_than_a_console),
        cmocka_unit_test(what_is_no_command),
        cmocka_unit_test(the_version),
        cmocka_unit_test(a_file_of_such_a_name),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* test_service_command.c - the command line that `install` writes is the one that `uninstall` and the others
 * read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "storewatch/service.h"

static void what_is_made_is_read(void **state)
{
    (void)state;
    char command[256], path[128];
    assert_true(service_command_make("C:\\Program Files\\storewatch\\storewatch.exe",
                                     "D:\\my mail\\storewatch.json", command, sizeof(command)));
    assert_string_equal(
        command,
        "\"C:\\Program Files\\storewatch\\storewatch.exe\" run --config \"D:\\my mail\\storewatch.json\"");
    assert_true(service_command_config(command, path, sizeof(path)));
    assert_string_equal(path, "D:\\my mail\\storewatch.json");
}

static void what_does_not_fit_is_not_cut(void **state)
{
    (void)state;
    char command[256], path[128] = "untouched";
    assert_true(service_command_make("x.exe", "y.json", command, 30));
    assert_int_equal(strlen(command), 29);
    assert_false(service_command_make("x.exe", "y.json", command, 29));
    assert_true(service_command_make("x.exe", "y.json", command, sizeof(command)));
    assert_false(service_command_config(command, path, 6));
    assert_string_equal(path, "untouched");
    assert_true(service_command_config(command, path, 7));
}

static void other_command_lines_are_not_ours(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "C:\\storewatch.exe run --config C:\\x.json",
        "\"C:\\storewatch.exe\" run",
        "\"C:\\storewatch.exe\" run --config \"\"",
        "\"C:\\storewatch.exe\" run --config \"C:\\x.json",
        "\"C:\\storewatch.exe\" run --config \"C:\\x.json\" --dry-run",
        "\" run --config \"C:\\x.json\"",
        "\"C:\\other.exe\" x\" run --config \"C:\\x.json\"",
    };
    char path[128] = "untouched";
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        assert_false(service_command_config(others[i], path, sizeof(path)));
        assert_string_equal(path, "untouched");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_read),
        cmocka_unit_test(what_does_not_fit_is_not_cut),
        cmocka_unit_test(other_command_lines_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

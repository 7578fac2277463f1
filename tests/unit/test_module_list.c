/* test_module_list.c - which paths of a foreign loader list are opened. The list itself: tests/fuzz/modules.c
 * and, in a real process, the Wine tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "../../src/win32/module_list.c"
#include "../../src/win32/utf16.c"

static bool is_file(const char *path)
{
    uint16_t wide[MODULE_PATH_UNITS_MAX];
    assert_true(utf16_from_utf8(path, wide, MODULE_PATH_UNITS_MAX));
    return module_path_is_file(wide);
}

static void test_a_file_on_a_drive(void **state)
{
    static const char *const good[] = {"C:\\Program Files\\x\\Emsmdb32.dll", "d:/mail/mapi32.dll",
                                       "C:mapi32.dll", "C:\\caf\xC3\xA9\\msmapi32.dll"};
    static const char *const elsewhere[] = {"",
                                            "C",
                                            "mapi32.dll",
                                            "\\\\server\\share\\mapi32.dll",
                                            "\\\\.\\pipe\\x",
                                            "\\\\?\\C:\\mapi32.dll",
                                            "\\mapi32.dll"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(good); i++)
        assert_true(is_file(good[i]));
    for (size_t i = 0; i < ARRAY_COUNT(elsewhere); i++)
        assert_false(is_file(elsewhere[i]));
}

static void test_no_dos_device(void **state)
{
    static const char *const devices[] = {
        "C:\\x\\CON",    "C:\\x\\con.dll",  "C:/x/prn.dll",    "C:aux",         "C:NUL.dll",
        "C:\\nul:",      "C:\\x\\com0",     "C:\\x\\Com9.dll", "C:\\x\\LPT1",   "C:\\x\\lpt0.mapi.x",
        "C:\\nul  .dll", "C:\\com3:stream", "C:\\CONIN$",      "C:\\x\\conout$"};
    static const char *const names[] = {"C:\\con\\mapi32.dll", "C:\\x\\com.dll", "C:\\x\\com10.dll",
                                        "C:\\x\\coma.dll",     "C:\\x\\lpt.dll", "C:\\console.dll",
                                        "C:\\x\\nul1.dll",     "C:\\x nul",      "C:\\x\\.nul"};
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(devices); i++)
        assert_false(is_file(devices[i]));
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        assert_true(is_file(names[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_on_a_drive),
        cmocka_unit_test(test_no_dos_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

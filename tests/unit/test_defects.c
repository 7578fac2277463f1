/* test_defects.c - the KB check: boundaries of the fix, other product lines, versions that are none; and the
 * words. */
#include "versions.h"

#include "storewatch/defects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct loaded_dll dll_of(const char *path, const char *loaded, const char *on_disk)
{
    struct loaded_dll dll = {0};
    text_copy(dll.path, sizeof dll.path, path);
    if (loaded)
        dll.loaded = version_of(loaded);
    if (on_disk)
        dll.on_disk = version_of(on_disk);
    return dll;
}

static struct defect_finding judged(const char *path, const char *loaded, const char *on_disk)
{
    struct loaded_dll dll = dll_of(path, loaded, on_disk);
    struct defect_finding finding;
    defect_judge(&dll, &finding);
    assert_non_null(finding.defect);
    assert_true(strlen(finding.why) > 0);
    return finding;
}

#define EMSMDB "C:\\Exchange\\bin\\EMSMDB32.DLL"

static void test_each_version_has_its_verdict(void **state)
{
    (void)state;
    static const struct {
        const char *version;
        enum fix_state fix;
        const char *why;
    } cases[] = {
        {"6.5.0.0", FIX_MISSING, "below"},
        {"6.5.6944.0", FIX_MISSING, "below"},
        {"6.5.7226.0", FIX_MISSING, "6.5.7226.0 is below 6.5.7233.36"},
        {"6.5.7233.35", FIX_MISSING, "below"},
        {"6.5.7233.36", FIX_PRESENT, "not below"},
        {"6.5.7233.37", FIX_PRESENT, "not below"},
        {"6.5.7234.0", FIX_PRESENT, "not below"},
        {"6.5.7638.1", FIX_PRESENT, "not below"},
        {"6.5.65535.65535", FIX_PRESENT, "not below"},
        {"5.5.2653.12", FIX_NOT_APPLICABLE, "Exchange 5.5"},
        {"6.0.6249.0", FIX_NOT_APPLICABLE, "Exchange 2000"},
        {"10.0.2625.0", FIX_NOT_APPLICABLE, "Outlook 2002"},
        {"11.0.8000.0", FIX_NOT_APPLICABLE, "Outlook 2003"},
        {"12.0.4518.1014", FIX_NOT_APPLICABLE, "Outlook 2007"},
        {"14.0.4734.1000", FIX_NOT_APPLICABLE, "Outlook 2010"},
        {"15.0.4420.1017", FIX_NOT_APPLICABLE, "Outlook 2013"},
        {"16.0.4266.1001", FIX_NOT_APPLICABLE, "Outlook 2016"},
        {"0.0.0.0", FIX_UNKNOWN, "no product line"},
        {"6.4.7233.36", FIX_UNKNOWN, "no product line"},
        {"6.6.0.0", FIX_UNKNOWN, "no product line"},
        {"7.0.0.0", FIX_UNKNOWN, "no product line"},
        {"65535.65535.65535.65535", FIX_UNKNOWN, "no product line"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct defect_finding finding = judged(EMSMDB, cases[i].version, cases[i].version);
        if (finding.fix != cases[i].fix || !strstr(finding.why, cases[i].why))
            fail_msg("%s: %s, %s", cases[i].version, fix_state_name(finding.fix), finding.why);
    }
}

static void test_what_runs_counts_not_the_file(void **state)
{
    (void)state;
    struct defect_finding finding = judged(EMSMDB, "6.5.7226.0", "6.5.7233.36");
    assert_int_equal(finding.fix, FIX_MISSING);
    assert_true(finding.restart_loads_fix);
    assert_non_null(strstr(finding.why, "on disk has the fix already"));

    finding = judged(EMSMDB, "6.5.7233.36", "6.5.7226.0");
    assert_int_equal(finding.fix, FIX_PRESENT);
    assert_false(finding.restart_loads_fix);

    /* A file of Outlook in its place would not be the fix. */
    finding = judged(EMSMDB, "6.5.7226.0", "11.0.8000.0");
    assert_int_equal(finding.fix, FIX_MISSING);
    assert_false(finding.restart_loads_fix);
}

static void test_the_file_stands_in_when_the_image_is_unreadable(void **state)
{
    (void)state;
    struct defect_finding finding = judged(EMSMDB, NULL, "6.5.7226.0");
    assert_int_equal(finding.fix, FIX_MISSING);
    assert_non_null(strstr(finding.why, "read from the file"));
    finding = judged(EMSMDB, NULL, NULL);
    assert_int_equal(finding.fix, FIX_UNKNOWN);
}

static void test_other_dlls_are_not_judged(void **state)
{
    (void)state;
    assert_int_equal(judged("C:\\WINDOWS\\system32\\mapi32.dll", "6.5.7226.0", NULL).fix, FIX_NOT_APPLICABLE);
    assert_int_equal(judged("C:\\emsmdb32.dll\\exmapi32.dll", "6.5.7226.0", NULL).fix, FIX_NOT_APPLICABLE);
    assert_int_equal(judged("emsmdb32.dll", "6.5.7226.0", NULL).fix, FIX_MISSING);
    assert_int_equal(judged("", "6.5.7226.0", NULL).fix, FIX_NOT_APPLICABLE);
}

static void test_the_worst_of_a_process_is_found(void **state)
{
    (void)state;
    struct loaded_dlls dlls = {0};
    struct defect_finding finding;
    size_t index = 99;
    assert_false(defect_judge_all(&dlls, &index, &finding));
    assert_int_equal(index, 99);
    dlls.count = 4;
    dlls.items[0] = dll_of("mapi32.dll", "6.5.7226.0", NULL);
    dlls.items[1] = dll_of("emsmdb32.dll", "6.5.7233.36", NULL);
    dlls.items[2] = dll_of("d:\\other\\emsmdb32.dll", "6.5.7226.0", NULL);
    dlls.items[3] = dll_of("e:\\broken\\emsmdb32.dll", NULL, NULL);
    assert_true(defect_judge_all(&dlls, &index, &finding));
    assert_int_equal(finding.fix, FIX_MISSING);
    assert_int_equal(index, 2);
    dlls.items[0] = dll_of("c:\\first\\emsmdb32.dll", "6.5.7226.0", NULL);
    assert_true(defect_judge_all(&dlls, &index, &finding));
    assert_int_equal(index, 0); /* of two that lack it the first */
    dlls.items[0] = dll_of("mapi32.dll", "6.5.7226.0", NULL);
    dlls.items[2] = dlls.items[1];
    assert_true(defect_judge_all(&dlls, &index, &finding));
    assert_int_equal(finding.fix, FIX_UNKNOWN);
    dlls.count = 2;
    assert_true(defect_judge_all(&dlls, &index, &finding));
    assert_int_equal(finding.fix, FIX_PRESENT);
}

static void test_siblings_have_the_signature_of_what_grows(void **state)
{
    (void)state;
    struct loaded_dll exchange = dll_of("emsmdb32.dll", "6.5.7638.1", NULL);
    struct loaded_dll outlook2002 = dll_of("emsmdb32.dll", "10.0.2625.0", NULL);
    struct loaded_dll outlook2003 = dll_of("emsmdb32.dll", "11.0.8000.0", NULL);
    struct loaded_dll outlook2007 = dll_of("emsmdb32.dll", "12.0.4518.0", NULL);
    struct loaded_dll unknown = dll_of("emsmdb32.dll", NULL, NULL);
    assert_int_equal(defect_sibling(&outlook2002, UNIT_HANDLES, 0)->kb, 893420);
    assert_int_equal(defect_sibling(&outlook2003, UNIT_HANDLES, 0)->kb, 893420);
    assert_null(defect_sibling(&outlook2003, UNIT_HANDLES, 1));
    assert_null(defect_sibling(&outlook2003, UNIT_BYTES, 0));
    assert_null(defect_sibling(&outlook2007, UNIT_HANDLES, 0));
    assert_null(defect_sibling(&exchange, UNIT_HANDLES, 0));
    assert_int_equal(defect_sibling(&exchange, UNIT_BYTES, 0)->kb, 891509);
    assert_int_equal(defect_sibling(&exchange, UNIT_BYTES, 1)->kb, 887828);
    assert_null(defect_sibling(&exchange, UNIT_BYTES, 2));
    assert_null(defect_sibling(&unknown, UNIT_BYTES, 0));
}

static void assert_words(const struct loaded_dll *dll, const char *wanted)
{
    char storage[DLL_TEXT_MAX];
    struct text text = text_on(storage, sizeof storage);
    struct defect_finding finding;
    defect_judge(dll, &finding);
    text_add_defect(&text, "BESAgent.exe", dll, &finding);
    assert_string_equal(storage, wanted);
}

static void test_words(void **state)
{
    (void)state;
    struct loaded_dll dll = dll_of("C:\\bes\\Emsmdb32.dll", "6.5.7226.0", NULL);
    assert_words(&dll,
                 "BESAgent.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is 6.5.7233.36: install it");
    dll = dll_of("C:\\bes\\Emsmdb32.dll", "6.5.7226.0", "6.5.7233.36");
    assert_words(&dll, "BESAgent.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is 6.5.7233.36: it is on "
                       "the disk, restart the program");
    dll = dll_of("C:\\bes\\Emsmdb32.dll", "6.5.7638.1", NULL);
    assert_words(&dll, "BESAgent.exe loads Emsmdb32.dll 6.5.7638.1; KB 898782's fix is in it");
    dll = dll_of("C:\\bes\\Emsmdb32.dll", "11.0.8000.0", NULL);
    assert_words(&dll,
                 "BESAgent.exe loads Emsmdb32.dll 11.0.8000.0; KB 898782 does not apply: 11.0.8000.0 is of "
                 "Outlook 2003; KB 898782 is about Exchange 2003");
    /* Installed under the running program, the fix is in the file and not yet in what runs. */
    dll = dll_of("C:\\bes\\Emsmdb32.dll", NULL, "6.5.7233.36");
    assert_words(&dll,
                 "BESAgent.exe loads Emsmdb32.dll 6.5.7233.36 (the file's version: that of what has been "
                 "loaded could not be read); KB 898782's fix is in it");
    dll = dll_of("C:\\bes\\Emsmdb32.dll", NULL, NULL);
    assert_words(&dll,
                 "BESAgent.exe loads Emsmdb32.dll of unknown version; whether it has KB 898782's fix is "
                 "unknown: it has no readable version");
}

static void test_versions_compare(void **state)
{
    (void)state;
    const struct file_version fixed = version_of("6.5.7233.36"), same = fixed;
    assert_int_equal(file_version_compare(&fixed, &same), 0);
    static const char *const lower[] = {"6.5.7233.4", "6.5.7232.65535", "6.4.65535.65535", "5.65535.7233.36"};
    for (size_t i = 0; i < ARRAY_COUNT(lower); i++) {
        const struct file_version version = version_of(lower[i]);
        assert_true(file_version_compare(&fixed, &version) > 0);
        assert_true(file_version_compare(&version, &fixed) < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_version_has_its_verdict),
        cmocka_unit_test(test_what_runs_counts_not_the_file),
        cmocka_unit_test(test_the_file_stands_in_when_the_image_is_unreadable),
        cmocka_unit_test(test_other_dlls_are_not_judged),
        cmocka_unit_test(test_the_worst_of_a_process_is_found),
        cmocka_unit_test(test_siblings_have_the_signature_of_what_grows),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_versions_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

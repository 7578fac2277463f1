/* test_access_list.c - who may change a file, read from the bytes of its access control list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/win32/access_list.c"

/* A list that is built entry by entry; checked in a block of exactly its size. */
static unsigned char list[1024];
static size_t list_size;

static void put(uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        list[list_size++] = (unsigned char)(i < 4 ? value >> 8 * i : 0);
}

static void begin(void)
{
    list_size = 0;
    put(2, 8); /* revision; size and count follow in `add` */
}

/* `sid`: authority, then the parts, ended by UINT32_MAX. */
static void add(unsigned type, unsigned flags, uint32_t rights, const uint32_t *sid)
{
    size_t parts = 0;
    while (sid[1 + parts] != UINT32_MAX)
        parts++;
    put(type | flags << 8 | (uint32_t)(16 + 4 * parts) << 16, 4);
    put(rights, 4);
    put(1 | (uint32_t)parts << 8, 7);
    put(sid[0], 1);
    for (size_t i = 0; i < parts; i++)
        put(sid[1 + i], 4);
    list[2] = (unsigned char)list_size;
    list[3] = (unsigned char)(list_size >> 8);
    list[4]++;
}

static const uint32_t everyone[] = {1, 0, UINT32_MAX}, system_sid[] = {5, 18, UINT32_MAX},
                      administrators[] = {5, 32, 544, UINT32_MAX}, users[] = {5, 32, 545, UINT32_MAX},
                      authenticated[] = {5, 11, UINT32_MAX}, owner[] = {3, 0, UINT32_MAX},
                      domain_users[] = {5, 21, 1, 2, 3, 513, UINT32_MAX},
                      somebody[] = {5, 21, 1, 2, 3, 1105, UINT32_MAX};

#define FULL 0x001F01FFu
#define READ 0x001200A9u
#define MODIFY 0x001301BFu

static bool read_list(enum access_place place, char who[256])
{
    struct text text = text_on(who, 256);
    unsigned char *exact = malloc(list_size);
    assert_non_null(exact);
    memcpy(exact, list, list_size);
    const bool good = access_list_writers(exact, list_size, place, &text);
    free(exact);
    return good;
}

static void read_crowds(char words[512])
{
    struct text text = text_on(words, 512);
    unsigned char *exact = malloc(list_size);
    assert_non_null(exact);
    memcpy(exact, list, list_size);
    access_list_crowds(exact, list_size, &text);
    free(exact);
}

static void assert_crowds(const char *wanted)
{
    char words[512];
    read_crowds(words);
    assert_string_equal(words, wanted);
}

static void assert_writers(enum access_place place, const char *wanted)
{
    char who[256];
    assert_true(read_list(place, who));
    assert_string_equal(who, wanted);
}

static void what_install_makes_is_closed(void **state)
{
    (void)state;
    begin();
    add(0, 3, FULL, administrators);
    add(0, 3, FULL, system_sid);
    assert_writers(ACCESS_FILE, "");
    assert_writers(ACCESS_FOLDER, "");
    assert_writers(ACCESS_FOLDER_ABOVE, "");
}

static void program_files_is_closed(void **state)
{
    (void)state;
    begin();
    add(0, 3, FULL, system_sid);
    add(0, 3, FULL, administrators);
    add(0, 3, READ, users);
    add(0, 0xB, 0x10000000, owner); /* inherit only */
    assert_writers(ACCESS_FOLDER, "");
    assert_writers(ACCESS_FILE, "");
}

/* As C:\ProgramData is by default: users may add files and folders to it. */
static void program_data_is_open(void **state)
{
    (void)state;
    begin();
    add(0, 3, FULL, administrators);
    add(0, 2, 0x116, users);
    add(0, 3, READ, users);
    assert_writers(ACCESS_FOLDER, "Users");
    assert_writers(ACCESS_FOLDER_ABOVE, ""); /* but nobody else's folder can be taken away */
    assert_writers(ACCESS_FILE, "Users");
}

/* As C:\ is: authenticated users may make folders. */
static void a_new_folder_beside_it_is_no_harm(void **state)
{
    (void)state;
    begin();
    add(0, 0, 0x4, authenticated);
    add(0, 0xB, MODIFY, authenticated);
    assert_writers(ACCESS_FOLDER, "");
    assert_writers(ACCESS_FILE, "Authenticated Users");
}

/* As Server 2003's program files are. */
static void power_users_may_install_programs_beside_it(void **state)
{
    (void)state;
    static const uint32_t power_users[] = {5, 32, 547, UINT32_MAX};
    begin();
    add(0, 3, FULL, administrators);
    add(0, 3, READ, users);
    add(0, 3, MODIFY, power_users);
    assert_writers(ACCESS_FOLDER, "Power Users");
    assert_writers(ACCESS_FOLDER_ABOVE, "Power Users");
    assert_writers(ACCESS_FOLDER_ABOVE_PROTECTED, "");
    add(0, 3, MODIFY, authenticated);
    assert_writers(ACCESS_FOLDER_ABOVE_PROTECTED, "Authenticated Users");
    begin();
    add(0, 3, FULL, power_users); /* with it they may take away also what is protected */
    assert_writers(ACCESS_FOLDER_ABOVE_PROTECTED, "Power Users");
}

static void each_right_that_changes_something_is_seen(void **state)
{
    (void)state;
    static const struct {
        uint32_t rights;
        bool file, folder, above;
    } cases[] = {
        {0x2, true, true, false},          {0x4, true, false, false},
        {0x40, false, true, true},         {0x10000, true, true, true},
        {0x40000, true, true, true},       {0x80000, true, true, true},
        {0x10000000, true, true, true},    {0x40000000, true, true, false},
        {MODIFY, true, true, true},        {READ | 0x110, false, false, false},
        {0x80000000, false, false, false}, {0x20000000, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        begin();
        add(0, 0, cases[i].rights, everyone);
        assert_writers(ACCESS_FILE, cases[i].file ? "Everyone" : "");
        assert_writers(ACCESS_FOLDER, cases[i].folder ? "Everyone" : "");
        assert_writers(ACCESS_FOLDER_ABOVE, cases[i].above ? "Everyone" : "");
    }
}

static void all_crowds_are_named_once(void **state)
{
    (void)state;
    begin();
    add(0, 0, MODIFY, users);
    add(0, 0, FULL, users);
    add(0, 0, MODIFY, domain_users);
    add(0, 0, MODIFY, authenticated);
    add(9, 0, MODIFY, everyone); /* under a condition */
    add(0, 0, MODIFY, somebody); /* an account of its own: somebody's decision */
    assert_writers(ACCESS_FILE, "Everyone, Authenticated Users, Users, Domain Users");
}

static void what_is_denied_first_is_not_allowed(void **state)
{
    (void)state;
    begin();
    add(1, 0, FULL, users);
    add(0, 0, MODIFY, users);
    assert_writers(ACCESS_FILE, "");
    begin();
    add(1, 0, FULL, everyone);
    add(0, 0, MODIFY, users);
    assert_writers(ACCESS_FILE, "");
    begin();
    add(1, 0, 0x2, users); /* not all of it */
    add(0, 0, MODIFY, users);
    assert_writers(ACCESS_FILE, "Users");
    begin();
    add(0, 0, MODIFY, users);
    add(1, 0, FULL, users); /* too late */
    assert_writers(ACCESS_FILE, "Users");
    begin();
    add(1, 8, FULL, users); /* for those that inherit it only */
    add(0, 0, MODIFY, users);
    assert_writers(ACCESS_FILE, "Users");
    begin();
    add(10, 0, FULL, users); /* under a condition only */
    add(0, 0, MODIFY, users);
    assert_writers(ACCESS_FILE, "Users");
}

/* As Windows protects a pipe by default. */
static void a_pipe_is_open_to_readers(void **state)
{
    (void)state;
    begin();
    add(0, 0, FULL, system_sid);
    add(0, 0, FULL, administrators);
    assert_writers(ACCESS_PIPE, "");
    add(0, 0, 0x00120189, everyone);
    assert_writers(ACCESS_PIPE, "Everyone");
    assert_writers(ACCESS_FILE, "");
    begin();
    add(0, 0, 0x80000000, users);
    assert_writers(ACCESS_PIPE, "Users");
    begin();
    add(0, 0, 0x00100080, users); /* to wait for it and to see that it is there */
    assert_writers(ACCESS_PIPE, "");
}

static void an_empty_list_lets_nobody_in(void **state)
{
    (void)state;
    begin();
    list[2] = 8;
    assert_writers(ACCESS_FILE, "");
}

static void bytes_that_are_no_list_tell_nothing(void **state)
{
    (void)state;
    char who[256];
    begin();
    add(0, 0, MODIFY, users);
    const size_t whole = list_size;
    for (list_size = 0; list_size < whole; list_size++) {
        assert_false(read_list(ACCESS_FILE, who)); /* cut */
        assert_string_equal(who, "");
    }
    list_size = whole;
    list[4] = 2; /* an entry that is not there */
    assert_false(read_list(ACCESS_FILE, who));
    list[4] = 1;
    list[10] = 7; /* an entry shorter than its header */
    assert_false(read_list(ACCESS_FILE, who));
    list[10] = (unsigned char)(whole - 8);
    list[17] = 9; /* a SID longer than its entry: skipped, as Windows does */
    assert_writers(ACCESS_FILE, "");
}

static void random_bytes(void **state)
{
    (void)state;
    uint32_t random = 1;
    char who[256], words[512];
    for (int i = 0; i < 200000; i++) {
        begin();
        add(0, 0, MODIFY, users);
        add(0, 0, READ, everyone);
        for (int k = 0; k < 4; k++) {
            random = random * 1664525 + 1013904223;
            list[(random >> 16) % list_size] = (unsigned char)(random >> 8);
        }
        (void)read_list(ACCESS_FILE, who);
        read_crowds(words);
    }
}

/* What is found unsafe is safe after the command: none of those who were found is left in the list. */
static void the_command_takes_out_whoever_was_found(void **state)
{
    (void)state;
    static const uint32_t power_users[] = {5, 32, 547, UINT32_MAX}, local_account[] = {5, 113, UINT32_MAX},
                          other_domain[] = {5, 21, 4, 5, 4294967294, 513, UINT32_MAX},
                          packages[] = {15, 2, 1, UINT32_MAX};
    begin();
    add(0, 0, FULL, administrators);
    add(0, 0, MODIFY, domain_users);
    add(0, 0, MODIFY, local_account);
    add(0, 0, MODIFY, authenticated); /* its SID is the beginning of the one before */
    add(0, 8, MODIFY, power_users);   /* for what will be made in it */
    add(0, 0, READ, users);
    add(1, 0, FULL, everyone); /* denied */
    add(9, 0, MODIFY, packages);
    add(0, 0, MODIFY, other_domain);
    add(0, 0, MODIFY, domain_users);
    add(0, 0, MODIFY, somebody);
    assert_crowds(" *S-1-5-21-1-2-3-513 *S-1-5-113 *S-1-5-11 *S-1-5-32-547 *S-1-5-32-545 *S-1-15-2-1 "
                  "*S-1-5-21-4-5-4294967294-513");
    begin();
    for (size_t i = 0; i < CROWD_COUNT; i++) {
        const uint32_t sid[] = {crowds[i].authority, crowds[i].part_0,
                                crowds[i].part_1 != 0 ? crowds[i].part_1 : UINT32_MAX, UINT32_MAX};
        add(0, 0, MODIFY, sid);
    }
    assert_crowds(" *S-1-1-0 *S-1-5-2 *S-1-5-3 *S-1-5-4 *S-1-5-7 *S-1-5-11 *S-1-5-13 *S-1-5-14 *S-1-5-15 "
                  "*S-1-5-113 *S-1-5-32-545 *S-1-5-32-546 *S-1-5-32-547 *S-1-5-32-555 *S-1-15-2-1");
    begin();
    assert_crowds("");
}

static void a_sid_that_does_not_fit_is_left_out_whole(void **state)
{
    (void)state;
    char words[24];
    struct text text = text_on(words, sizeof(words));
    begin();
    add(0, 0, MODIFY, users);
    add(0, 0, MODIFY, domain_users);
    add(0, 0, MODIFY, everyone);
    access_list_crowds(list, list_size, &text);
    assert_string_equal(words, " *S-1-5-32-545 *S-1-1-0");
}

static void a_command_of_either_system(void **state)
{
    (void)state;
    char words[256];
    struct text text = text_on(words, sizeof(words));
    text_add_icacls(&text, "C:\\a b", true, " *S-1-1-0 *S-1-5-32-547");
    assert_string_equal(words, "icacls \"C:\\a b\" /inheritance:r /grant:r *S-1-5-32-544:(OI)(CI)F "
                               "*S-1-5-18:(OI)(CI)F /remove:g *S-1-1-0 *S-1-5-32-547");
    text_clear(&text);
    text_add_icacls(&text, "C:\\a", false, "");
    assert_string_equal(words, "icacls \"C:\\a\" /inheritance:r /grant:r *S-1-5-32-544:F *S-1-5-18:F");
    text_clear(&text);
    text_add_cacls(&text, "C:\\a b", true, "VORDEFINIERT\\Administratoren", "NT-AUTORIT\xC3\x84T\\SYSTEM");
    assert_string_equal(words, "cacls \"C:\\a b\" /T /G \"VORDEFINIERT\\Administratoren\":F "
                               "\"NT-AUTORIT\xC3\x84T\\SYSTEM\":F");
    text_clear(&text);
    text_add_cacls(&text, "C:\\a", false, "A", "S");
    assert_string_equal(words, "cacls \"C:\\a\" /G \"A\":F \"S\":F");
}

static void a_grant_goes_to_the_end_of_the_list(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)", "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCLCSWRPWPLORC;;;S-1-5-21-7)"},
        {"D:(A;;CC;;;SY)S:(AU;FA;CC;;;WD)",
         "D:(A;;CC;;;SY)(A;;CCLCSWRPWPLORC;;;S-1-5-21-7)S:(AU;FA;CC;;;WD)"},
        {"O:BAG:SYD:PAI(D;;CC;;;BG)S:", "O:BAG:SYD:PAI(D;;CC;;;BG)(A;;CCLCSWRPWPLORC;;;S-1-5-21-7)S:"},
    };
    char out[256];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_true(access_sddl_grant(cases[i].before, "S-1-5-21-7", out, sizeof(out)));
        assert_string_equal(out, cases[i].after);
    }
    assert_false(access_sddl_grant("O:BAG:SY", "S-1-5-21-7", out, sizeof(out)));
    assert_false(access_sddl_grant("", "S-1-5-21-7", out, sizeof(out)));
    assert_false(access_sddl_grant("D:(A;;CC;;;SY)", "S-1-5-21-7", out, 40));
}

/* What storewatch makes and closes: the account that the service runs under keeps it, whoever installs. */
static void what_is_closed_is_left_to_the_service(void **state)
{
    (void)state;
    static const struct {
        bool to_administrators;
        const char *own, *service, *sddl;
    } cases[] = {
        {true, "", "", "O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"},
        {true, "", "S-1-5-21-7", "O:BAD:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-7)"},
        {false, "S-1-5-21-7", "S-1-5-21-7", "D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-7)"},
        {false, "S-1-5-21-8", "", "D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-8)"},
        {false, "S-1-5-21-8", "S-1-5-21-7",
         "D:P(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;OICI;FA;;;S-1-5-21-8)(A;OICI;FA;;;S-1-5-21-7)"},
    };
    char out[128];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_true(
            access_sddl_closed(cases[i].to_administrators, cases[i].own, cases[i].service, out, sizeof(out)));
        assert_string_equal(out, cases[i].sddl);
    }
    assert_false(access_sddl_closed(true, "", "S-1-5-21-7", out, 60));
}

static void the_folders_above_end_at_the_drive_or_the_share(void **state)
{
    (void)state;
    static const char *const ways[][5] = {
        {"C:\\a\\b\\c.json", "C:\\a\\b", "C:\\a", "C:\\"},
        {"C:\\c.json", "C:\\"},
        {"C:\\"},
        {"\\\\server\\share\\a\\c.json", "\\\\server\\share\\a", "\\\\server\\share\\"},
        {"\\\\server\\share\\c.json", "\\\\server\\share\\"},
        {"\\\\server\\share"},
        {"\\\\server\\"},
        {"\\\\server"},
        {"\\\\?\\C:\\a\\c", "\\\\?\\C:\\a", "\\\\?\\C:\\"},
        {"\\x"},
        {"x"},
        {""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(ways); i++) {
        char path[64];
        text_copy(path, sizeof(path), ways[i][0]);
        for (size_t k = 1; ways[i][k] != NULL; k++) {
            assert_true(access_folder_above(path));
            assert_string_equal(path, ways[i][k]);
        }
        assert_false(access_folder_above(path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_install_makes_is_closed),
        cmocka_unit_test(program_files_is_closed),
        cmocka_unit_test(program_data_is_open),
        cmocka_unit_test(a_new_folder_beside_it_is_no_harm),
        cmocka_unit_test(power_users_may_install_programs_beside_it),
        cmocka_unit_test(each_right_that_changes_something_is_seen),
        cmocka_unit_test(all_crowds_are_named_once),
        cmocka_unit_test(what_is_denied_first_is_not_allowed),
        cmocka_unit_test(a_pipe_is_open_to_readers),
        cmocka_unit_test(an_empty_list_lets_nobody_in),
        cmocka_unit_test(bytes_that_are_no_list_tell_nothing),
        cmocka_unit_test(random_bytes),
        cmocka_unit_test(the_command_takes_out_whoever_was_found),
        cmocka_unit_test(a_sid_that_does_not_fit_is_left_out_whole),
        cmocka_unit_test(a_command_of_either_system),
        cmocka_unit_test(a_grant_goes_to_the_end_of_the_list),
        cmocka_unit_test(what_is_closed_is_left_to_the_service),
        cmocka_unit_test(the_folders_above_end_at_the_drive_or_the_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

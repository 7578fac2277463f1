/* test_own_files.c - which files a removal may delete. */
#include "drive.h"

#include "storewatch/store.h"

#include "../../src/app/own_files.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOON INT64_C(1795348800000)

static void what_install_writes_is_ours(void **state)
{
    (void)state;
    static const char *const ours[] = {"storewatch.json", "storewatch.json.before",
                                       "storewatch.json.replaced", "storewatch.json.new",
                                       "storewatch.json.undo"};
    for (size_t i = 0; i < ARRAY_COUNT(ours); i++) {
        assert_true(own_files_has_config(ours[i]));
        assert_false(own_files_has_data(ours[i]));
    }
}

static void what_a_person_keeps_beside_it_is_not(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",
        "storewatch",
        "storewatch.json.mine",
        "storewatch.json.bak",
        "storewatch.json.before2",
        "storewatch.json - Copy.json",
        "storewatch.jsonx",
        "storewatch.db.copy",
        "storewatch.db.zip",
        "storewatch.db-old",
        "storewatch.db.new.keep",
        "storewatch.db.bad-",
        "storewatch.db.bad-20261122T14052",
        "storewatch.db.bad-20261122T140522.zip",
        "storewatch.db.bad-20261122T140522-",
        "storewatch.db.bad-20261122T140522-x",
        "storewatch.db.bad-20261122-140522",
        "storewatch.lock.mine",
        "mystorewatch.db",
    };
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        assert_false(own_files_has_config(others[i]));
        assert_false(own_files_has_data(others[i]));
    }
}

static void what_belongs_to_the_history_is_ours(void **state)
{
    (void)state;
    static const char *const ours[] = {
        "storewatch.db",     "storewatch.db-wal",     "storewatch.db-shm",
        "storewatch.db.new", "storewatch.db.new-wal", "storewatch.db.bad-20261122T140522",
        "storewatch.lock",   "storewatch.db-journal", "storewatch.db.bad-20261122T140522-12-shm",
    };
    for (size_t i = 0; i < ARRAY_COUNT(ours); i++) {
        assert_true(own_files_has_data(ours[i]));
        assert_false(own_files_has_config(ours[i]));
    }
}

static void what_was_set_aside_is_told_from_the_rest(void **state)
{
    (void)state;
    assert_true(own_files_is_aside("storewatch.db.bad-20261122T140522"));
    assert_true(own_files_is_aside("storewatch.db.bad-20261122T140522-12"));
    static const char *const others[] = {"storewatch.db", "storewatch.db.new", "storewatch.lock",
                                         "storewatch.db.bad-20261122T140522-wal",
                                         "storewatch.db.bad-20261122T140522.zip"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        assert_false(own_files_is_aside(others[i]));
}

/* However the store names what it sets aside. */
static void so_is_all_that_the_store_makes(void **state)
{
    (void)state;
    char dir[DRIVE_FOLDER_MAX], path[128];
    drive_folder_make(dir);
    store_path(path, sizeof path, dir);
    for (int i = 0; i < 2; i++) { /* two in one second */
        struct store *store = NULL;
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs("this is no history", file);
        assert_int_equal(fclose(file), 0);
        assert_int_equal(store_open(path, NOON, &store, NULL), STATUS_OK);
        store_close(store);
    }
    int count = 0;
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            assert_true(own_files_has_data(entry->d_name));
            count++;
        }
    }
    closedir(folder);
    assert_true(count >= 3);
    drive_folder_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_install_writes_is_ours),
        cmocka_unit_test(what_a_person_keeps_beside_it_is_not),
        cmocka_unit_test(what_belongs_to_the_history_is_ours),
        cmocka_unit_test(what_was_set_aside_is_told_from_the_rest),
        cmocka_unit_test(so_is_all_that_the_store_makes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

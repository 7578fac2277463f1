/* test_unfinished.c - what a start that is refused tells of a restart that waits for it. */
#include "drive.h"

#include "storewatch/store.h"
#include "storewatch/units.h"

#include "../../src/app/unfinished.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOON INT64_C(1795348800000)

static char dir[DRIVE_FOLDER_MAX], words[1024];

static int setup(void **state)
{
    (void)state;
    drive_folder_make(dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    drive_folder_remove(dir);
    return 0;
}

static const char *unfinished(void)
{
    struct text text = text_on(words, sizeof words);
    text_add_unfinished(&text, dir);
    return words;
}

/* A client and what needs it are stopped, the store not yet; one that needs it runs again. */
static void save(enum restart_phase phase)
{
    static struct restart_journal journal;
    static const char *const names[] = {"FaxSvc", "Sweeper", "ArchiveSvc", "MSExchangeIS"};
    char path[128];
    struct store *store = NULL;
    journal = (struct restart_journal){.id = 1, .begun_utc_ms = NOON, .phase = phase};
    text_copy(journal.target, sizeof journal.target, "MSExchangeIS");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct restart_service *service = &journal.plan.services[journal.plan.count++];
        text_copy(service->name, sizeof service->name, names[i]);
        service->stop = i == 3 ? STEP_WAITING : STEP_REACHED;
        service->start = i == 0 ? STEP_REACHED : STEP_WAITING;
    }
    store_path(path, sizeof path, dir);
    assert_int_equal(store_open(path, NOON, &store, NULL), STATUS_OK);
    assert_int_equal(store_begin(store, NULL), STATUS_OK);
    assert_int_equal(store_put_restart(store, &journal, NULL), STATUS_OK);
    assert_int_equal(store_commit(store, NULL), STATUS_OK);
    store_close(store);
}

static void an_unfinished_restart_is_told(void **state)
{
    (void)state;
    save(RESTART_STARTING);
    assert_string_equal(
        unfinished(),
        " A restart of MSExchangeIS was under way when storewatch last ended, and nobody goes on "
        "with it until it runs again. See that these run: ArchiveSvc, Sweeper.");
}

static void one_that_has_ended_is_not(void **state)
{
    (void)state;
    assert_string_equal(unfinished(), ""); /* no file */
    save(RESTART_ENDED);
    assert_string_equal(unfinished(), "");
}

static void what_may_be_down_can_be_asked_for(void **state)
{
    (void)state;
    static struct restart_journal journal;
    assert_false(unfinished_read(dir, &journal)); /* no file */
    save(RESTART_STOPPING);
    assert_true(unfinished_read(dir, &journal));
    assert_int_equal(journal.plan.count, 4);
    assert_false(unfinished_may_be_down(&journal.plan.services[0])); /* runs again */
    assert_true(unfinished_may_be_down(&journal.plan.services[1]));
    assert_true(unfinished_may_be_down(&journal.plan.services[2]));
    assert_false(unfinished_may_be_down(&journal.plan.services[3])); /* was not stopped */
    save(RESTART_ENDED);
    assert_false(unfinished_read(dir, &journal));
}

static void a_bad_configuration_still_names_its_data(void **state)
{
    (void)state;
    char path[128], found[64] = "";
    snprintf(path, sizeof path, "%s/bad.json", dir);
    assert_false(unfinished_data_dir(path, found, sizeof found));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("{\"data_dir\": \"D:\\\\sw\", \"nonsense\": 1}", file);
    assert_int_equal(fclose(file), 0);
    assert_true(unfinished_data_dir(path, found, sizeof found));
    assert_string_equal(found, "D:\\sw");
    assert_non_null(file = fopen(path, "wb")); /* as Notepad saves it */
    fputs("\xEF\xBB\xBF{\"data_dir\": \"E:\\\\sw\"}", file);
    assert_int_equal(fclose(file), 0);
    assert_true(unfinished_data_dir(path, found, sizeof found));
    assert_string_equal(found, "E:\\sw");
    assert_non_null(file = fopen(path, "wb"));
    fputs("{\"data_dir\": 7", file);
    assert_int_equal(fclose(file), 0);
    assert_false(unfinished_data_dir(path, found, sizeof found));
}

/* Relative to the folder one happens to be in, or cut, it would be the folder of somebody else. */
static void a_folder_that_could_not_be_the_data_directory_is_not_named(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "C:data",
                                        "/a/folder/whose/name/is/longer/than/there/is/room/for/it"};
    char path[128], found[32] = "";
    snprintf(path, sizeof path, "%s/bad.json", dir);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fprintf(file, "{\"data_dir\": \"%s\"}", names[i]);
        assert_int_equal(fclose(file), 0);
        assert_false(unfinished_data_dir(path, found, sizeof found));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_unfinished_restart_is_told),
        TEST(one_that_has_ended_is_not),
        TEST(what_may_be_down_can_be_asked_for),
        TEST(a_bad_configuration_still_names_its_data),
        TEST(a_folder_that_could_not_be_the_data_directory_is_not_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

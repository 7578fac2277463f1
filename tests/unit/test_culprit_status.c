/* test_culprit_status.c - who makes it grow, through the agent: in `status`, as text and JSON, and in the
 * mail. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/culprit_record.h"
#include "../../src/app/status_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static void run_for(struct os *os, struct agent *agent, const struct config *config, int64_t ms)
{
    for (int64_t end_ms = os->world.mono_ms + ms; os->world.mono_ms < end_ms;) {
        fake_advance(os, config->interval_ms);
        agent_poll(agent);
        drive_lanes(agent);
    }
}

struct machine {
    struct os *os;
    struct config *config;
    struct fake_program *store, *archive;
    char folder[DRIVE_FOLDER_MAX];
    struct agent *agent;
};

static void start(struct machine *machine)
{
    struct agent_options options = {.data_dir = machine->folder};
    assert_int_equal(agent_new(machine->os, machine->config, &options, &machine->agent, NULL), STATUS_OK);
}

/* A client leaks into the store until it is named. */
static int set_up(void **state)
{
    struct machine *machine = calloc(1, sizeof *machine);
    struct os *os = machine->os = calloc(1, sizeof *os);
    struct config *config = machine->config = calloc(1, sizeof *config);
    fake_init(os);
    machine->store = fake_add_service(os, "MSExchangeIS", "store.exe", 1.2e9);
    machine->archive = fake_add_service(os, "ArchiveSvc", "archive.exe", 1.5e8);
    fake_add_service(os, "FaxSvc", "fax.exe", 8e7);
    config_default(config);
    config->client_count = 1;
    config->clients[0] = (struct config_client){.name = "archive", .service = "ArchiveSvc"};
    drive_folder_make(machine->folder);
    start(machine);
    run_for(os, machine->agent, config, 20 * MS_PER_HOUR);
    fake_grow(os, machine->archive, FAKE_OBJECTS);
    machine->archive->handles_per_hour = 30;
    machine->archive->holder = machine->store;
    machine->archive->object_bytes = 2 * MIB;
    run_for(os, machine->agent, config, 15 * MS_PER_HOUR);
    *state = machine;
    return 0;
}

static int tear_down(void **state)
{
    struct machine *machine = *state;
    agent_free(machine->agent);
    drive_folder_remove(machine->folder);
    fake_deinit(machine->os);
    free(machine->config);
    free(machine->os);
    free(machine);
    return 0;
}

static void test_status_tells_who(void **state)
{
    struct machine *machine = *state;
    char *text = agent_status_json(machine->agent);
    json_t *root = json_loads(text, 0, NULL);
    const json_t *incident = json_array_get(json_object_get(root, "incidents"), 0);
    assert_string_equal(json_string_value(json_object_get(incident, "target")), "MSExchangeIS");
    const json_t *culprits = json_object_get(incident, "culprits");
    const json_t *first = json_array_get(json_object_get(culprits, "items"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "image")), "archive.exe");
    assert_string_equal(json_string_value(json_object_get(first, "target")), "archive");
    assert_string_equal(json_string_value(json_object_get(first, "service")), "ArchiveSvc");
    assert_true(json_is_null(json_object_get(first, "share")));
    assert_true(json_real_value(json_object_get(first, "in_step")) > 0.5);
    assert_true(json_real_value(json_object_get(first, "score")) >= CULPRIT_SCORE_LIKELY);
    assert_true(json_is_string(json_object_get(culprits, "from")));
    assert_true(json_is_null(json_object_get(culprits, "together")));
    json_decref(root);
    struct buffer view = {0};
    assert_int_equal(status_view_text(text, &view), 1);
    const char *who = strstr(view.data, "    who: ");
    assert_non_null(who);
    assert_non_null(strstr(who, "archive.exe (pid "));
    buffer_deinit(&view);
    free(text);
}

/* Is this in the line about who makes it grow? */
static bool says_who(const struct machine *machine, const char *words)
{
    char *text = agent_status_json(machine->agent);
    struct buffer view = {0};
    assert_int_equal(status_view_text(text, &view), 1);
    const char *who = strstr(view.data, "    who: ");
    bool says = who && strstr(who, words);
    buffer_deinit(&view);
    free(text);
    return says;
}

/* storewatch ends while the store grows, as if killed. Of the past that it compared the history has what it
 * needs. */
static void test_a_restart_of_storewatch_costs_no_name(void **state)
{
    struct machine *machine = *state;
    assert_true(says_who(machine, "archive.exe (pid "));
    agent_free(machine->agent);
    start(machine);
    run_for(machine->os, machine->agent, machine->config, 10 * MS_PER_MINUTE);
    assert_true(says_who(machine, "ertainly archive.exe (pid ")); /* at once, and as surely */
    assert_false(says_who(machine, "before"));
}

/* It has ended, and storewatch is restarted: it is named all the same, and not forgotten when the growth has ended. */
static void test_who_was_named_survives_a_restart_of_storewatch(void **state)
{
    struct machine *machine = *state;
    world_kill(&machine->os->world, "ArchiveSvc", 1067);
    run_for(machine->os, machine->agent, machine->config, MS_PER_HOUR / 2);
    static const char named[] =
        "ertainly archive.exe (pid 1004, the client \"archive\", which has ended): it grew ";
    assert_true(says_who(machine, named));
    agent_free(machine->agent);
    start(machine);
    run_for(machine->os, machine->agent, machine->config, MS_PER_HOUR / 2);
    assert_true(says_who(machine, named));

    world_kill(&machine->os->world, "MSExchangeIS", 1067);
    run_for(machine->os, machine->agent, machine->config, MS_PER_HOUR / 2);
    agent_free(machine->agent);
    machine->agent = NULL;
    char path[DRIVE_FOLDER_MAX + 32];
    store_path(path, sizeof path, machine->folder);
    struct store *store = NULL;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    struct incident incident;
    size_t count = 0;
    assert_int_equal(store_get_incidents(store, false, &incident, 1, &count, NULL), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(incident.state, INCIDENT_CLOSED);
    assert_non_null(strstr(incident.reason, ". It was archive.exe (pid "));
    /* with the figures of that time, for `report` */
    json_t *record = culprit_record_read(store, incident.id);
    const json_t *first = json_array_get(json_object_get(json_object_get(record, "culprits"), "items"), 0);
    assert_string_equal(json_string_value(json_object_get(first, "image")), "archive.exe");
    assert_true(json_real_value(json_object_get(first, "growth_handles")) > 100);
    json_decref(record);
    assert_null(culprit_record_read(store, incident.id + CULPRIT_RECORDS)); /* of another incident */
    store_close(store);
}

/* The text of the latest mail; free it. */
static char *latest_mail(const struct machine *machine)
{
    char path[DRIVE_FOLDER_MAX + 32];
    store_path(path, sizeof path, machine->folder);
    struct store *store = NULL;
    struct outbox_entry entry;
    char *plain = NULL;
    assert_int_equal(store_open_readonly(path, &store, NULL), STATUS_OK);
    for (int64_t id = 0; store_next_mail(store, id, 0, &entry, NULL) == STATUS_OK; id = entry.id) {
        free(plain);
        plain = strdup(entry.mail.plain);
        outbox_entry_deinit(&entry);
    }
    store_close(store);
    assert_non_null(plain);
    return plain;
}

/* The client is restarted; the mail that says that it is over says what the new process loads, and what ends
 * that. */
static void test_the_last_mail_says_what_the_new_process_loads(void **state)
{
    struct machine *machine = *state;
    struct loaded_dll *dll = &machine->archive->dlls.items[0];
    agent_free(machine->agent);
    machine->archive->dlls.count = 1;
    text_copy(dll->path, DLL_PATH_MAX, "C:\\archive\\Emsmdb32.dll");
    dll->loaded = (struct file_version){.known = true, .part = {6, 5, 7226, 0}};
    fake_mail(machine->config);
    machine->config->mode = MODE_ACT;
    machine->config->window_count = 0;
    machine->os->relays[0] = RELAY_UNREACHABLE; /* they stay in the outbox */
    start(machine);
    run_for(machine->os, machine->agent, machine->config, 3 * MS_PER_HOUR);
    char *mail = latest_mail(machine);
    if (!strstr(mail, " has recovered: ") ||
        !strstr(mail, "archive.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's"))
        fail_msg("%s", mail);
    free(mail);
}

/* Slots of the last three hours in which it is known what this one had. */
static size_t known_slots(const struct machine *machine, const struct fake_program *program)
{
    const struct growers *growers = &machine->agent->engine->growers;
    const struct grower *row = growers_find(growers, program->process);
    const struct growers_window window =
        growers_window_from(growers, machine->os->world.mono_ms - 3 * MS_PER_HOUR);
    size_t known = 0;
    for (size_t i = 0; row && i < window.count; i++)
        known += isnan(growers_value(row, &window, GROWER_HANDLES, i)) ? 0 : 1;
    return known;
}

/* A client that was found is small, and there are more processes than are followed: its past is told again all the
 * same. */
static void test_a_small_client_keeps_its_past(void **state)
{
    struct machine *machine = *state = calloc(1, sizeof *machine);
    struct os *os = machine->os = calloc(1, sizeof *os);
    machine->config = calloc(1, sizeof *machine->config);
    fake_init(os);
    fake_add_service(os, "MSExchangeIS", "store.exe", 1.2e9);
    for (int i = 0; i < GROWERS_MAX + 20; i++)
        fake_add_program(os, "other.exe", 2e7, true);
    struct fake_program *small = fake_add_program(os, "fax.exe", 4e6, true);
    small->dlls.count = 1;
    text_copy(small->dlls.items[0].path, DLL_PATH_MAX, "C:\\fax\\Mapi32.dll");
    config_default(machine->config);
    drive_folder_make(machine->folder);
    start(machine);
    run_for(os, machine->agent, machine->config, 4 * MS_PER_HOUR);
    assert_true(known_slots(machine, small) > 30);
    agent_free(machine->agent);
    start(machine);
    run_for(os, machine->agent, machine->config, 20 * MS_PER_MINUTE);
    assert_true(known_slots(machine, small) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_status_tells_who, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_restart_of_storewatch_costs_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_last_mail_says_what_the_new_process_loads, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_who_was_named_survives_a_restart_of_storewatch, set_up,
                                        tear_down),
        cmocka_unit_test_teardown(test_a_small_client_keeps_its_past, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_discovery.c - from the DLLs of a process to the words of an alert: who is found, how often anybody is
 * looked into, what is watched and never restarted, what an alert and `doctor` say. */
#include "drive.h"
#include "fake_os.h"
#include "versions.h"

#include "storewatch/advice.h"
#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"
#include "../../src/app/discovery.h"
#include "../../src/app/doctor.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct os os;
    struct discovery discovery;
    struct observation *observation;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent *agent;
};

static struct fake_program *program(struct fixture *f, const char *image, const char *dll,
                                    const char *version)
{
    struct fake_program *made = fake_add_program(&f->os, image, 5e7, true);
    if (!dll)
        return made;
    made->dlls.count = 1;
    text_copy(made->dlls.items[0].path, DLL_PATH_MAX, dll);
    if (version)
        made->dlls.items[0].loaded = version_of(version);
    return made;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fake_init(&f->os);
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    f->observation = observation_new();
    config_default(&f->config);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    agent_free(f->agent);
    fake_deinit(&f->os);
    observation_free(f->observation);
    if (f->dir[0])
        drive_folder_remove(f->dir);
    free(f);
    return 0;
}

/* ---- the search ---- */

static void search(struct fixture *f, bool again, int64_t budget_ms)
{
    assert_int_equal(os_observe(&f->os, f->observation, NULL), STATUS_OK);
    discovery_scan(&f->discovery, &f->os, f->observation->processes, f->observation->process_count, again,
                   budget_ms);
}

static const struct found_client *found(const struct fixture *f, const char *image)
{
    for (size_t i = 0; i < f->discovery.found_count; i++)
        if (text_equal_nocase(f->discovery.found[i].image, image))
            return &f->discovery.found[i];
    return NULL;
}

static void test_who_has_a_mapi_dll_is_found(void **state)
{
    struct fixture *f = *state;
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    program(f, "notepad.exe", NULL, NULL);
    struct fake_program *closed = program(f, "protected.exe", "C:\\x\\mapi32.dll", NULL);
    closed->closed = true;
    search(f, true, 1000);
    assert_int_equal(f->discovery.found_count, 1);
    assert_non_null(found(f, "BESAgent.exe"));
    assert_string_equal(found(f, "BESAgent.exe")->how, "has Emsmdb32.dll loaded");
    assert_int_equal(f->discovery.closed_count, 1);
    assert_int_equal(f->discovery.looked_count, f->observation->process_count);
    assert_int_equal(f->discovery.waiting, 0);
}

/* Who opens the memory of lsass.exe for reading is taken for a thief of passwords. */
static void test_the_keepers_of_passwords_are_left_alone(void **state)
{
    struct fixture *f = *state;
    program(f, "notepad.exe", NULL, NULL);
    search(f, true, 1000);
    const uint64_t reads = f->os.modules_reads;
    program(f, "LSASS.EXE", "C:\\x\\mapi32.dll", NULL);
    search(f, false, 1000);
    assert_int_equal(f->os.modules_reads, reads);
    assert_int_equal(f->discovery.found_count, 0);
    assert_int_equal(f->discovery.looked_count, f->observation->process_count);
}

static void test_only_new_processes_cost_anything_in_between(void **state)
{
    struct fixture *f = *state;
    struct fake_program *bes = program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    search(f, true, 1000);
    uint64_t reads = f->os.modules_reads;
    search(f, false, 1000);
    assert_int_equal(f->os.modules_reads, reads);
    struct fake_program *later = program(f, "fax.exe", "C:\\fax\\mapi32.dll", NULL);
    search(f, false, 1000);
    assert_int_equal(f->os.modules_reads, reads + 1);
    assert_int_equal(f->discovery.found_count, 2);

    /* One that logs on late is found by the next search through all. */
    struct fake_program *late = program(f, "late.exe", NULL, NULL);
    search(f, false, 1000);
    late->dlls = later->dlls;
    search(f, false, 1000);
    assert_null(found(f, "late.exe"));
    search(f, true, 1000);
    assert_non_null(found(f, "late.exe"));

    /* Who ends or lets MAPI go is forgotten; who is only unreadable is not. */
    fake_program_run(&f->os, bes, false);
    later->closed = true;
    late->dlls.count = 0;
    search(f, true, 1000);
    assert_null(found(f, "BESAgent.exe"));
    assert_non_null(found(f, "fax.exe"));
    assert_null(found(f, "late.exe"));
}

static void test_the_time_is_bounded_and_the_rest_is_caught_up(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 40; i++)
        program(f, "other.exe", NULL, NULL);
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    f->os.modules_cost_ms = 100; /* each one hangs a little */
    int64_t begun_ms = os_mono_ms(&f->os);
    search(f, true, 2000);
    assert_true(os_mono_ms(&f->os) - begun_ms <= 2100);
    assert_true(f->discovery.waiting > 0);
    for (int i = 0; i < 5 && f->discovery.waiting > 0; i++)
        search(f, false, 2000);
    assert_int_equal(f->discovery.waiting, 0);
    assert_non_null(found(f, "BESAgent.exe"));
    assert_int_equal(f->discovery.looked_count, f->observation->process_count);
}

static void test_what_the_registry_names_is_found_while_it_runs(void **state)
{
    struct fixture *f = *state;
    f->os.registration_count = 3;
    f->os.registrations[0] = (struct mapi_registration){
        .source = MAPI_SOURCE_MSMAPIAPPS, .name = "ccmail.exe", .image = "ccmail.exe"};
    f->os.registrations[1] = (struct mapi_registration){
        .source = MAPI_SOURCE_CLIENTS_MAIL, .name = "Some Mail", .image = "rundll32.exe"};
    f->os.registrations[2] =
        (struct mapi_registration){.source = MAPI_SOURCE_CLIENTS_MAIL, .name = "Post", .image = "post.exe"};
    program(f, "CCMAIL.EXE", NULL, NULL);
    program(f, "rundll32.exe", NULL, NULL);
    program(f, "post.exe", NULL, NULL);
    search(f, true, 1000);
    assert_int_equal(f->discovery.found_count, 2);
    assert_non_null(strstr(found(f, "ccmail.exe")->how, "MSMapiApps"));
    assert_non_null(strstr(found(f, "post.exe")->how, "Clients\\Mail"));
}

static void test_more_clients_than_there_is_room_for_are_counted(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < FOUND_MAX + 7; i++)
        program(f, "many.exe", "C:\\m\\mapi32.dll", NULL);
    search(f, true, 1000);
    assert_int_equal(f->discovery.found_count, FOUND_MAX);
    assert_int_equal(f->discovery.left_out, 7);
}

/* ---- the watch ---- */

static size_t watched_of_kind(const struct watch *watch, enum target_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++)
        count += watch->items[i].kind == kind;
    return count;
}

static void test_the_unregistered_are_watched_and_may_be_registered_later(void **state)
{
    struct fixture *f = *state;
    struct watch *watch = calloc(1, sizeof *watch);
    struct fake_program *bes = program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    search(f, true, 1000);
    watch_set_found(watch, f->discovery.found, f->discovery.found_count);
    f->config.discover_clients = false;
    watch_look(watch, &f->config, f->observation);
    assert_null(watch_find(watch, bes->process));
    f->config.discover_clients = true;
    watch_look(watch, &f->config, f->observation);
    struct watched *item = watch_find(watch, bes->process);
    assert_non_null(item);
    assert_int_equal(item->kind, TARGET_DISCOVERED);
    assert_string_equal(item->target, "BESAgent.exe");
    assert_string_equal(item->service, "");
    const struct detector *detector = item->detectors[METRIC_PRIVATE_BYTES];

    /* Registered: it keeps what was seen of it. */
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, 64, "bes");
    text_copy(f->config.clients[0].image, PROCESS_IMAGE_MAX, "BESAgent.exe");
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "ArchiveSvc");
    watch_drop_unnamed(watch, &f->config);
    watch_look(watch, &f->config, f->observation);
    item = watch_find(watch, bes->process);
    assert_int_equal(item->kind, TARGET_CLIENT);
    assert_string_equal(item->target, "bes");
    assert_string_equal(item->service, "ArchiveSvc");
    assert_ptr_equal(item->detectors[METRIC_PRIVATE_BYTES], detector);

    /* No longer registered: it is dropped and found again. */
    f->config.client_count = 0;
    watch_drop_unnamed(watch, &f->config);
    assert_null(watch_find(watch, bes->process));
    watch_look(watch, &f->config, f->observation);
    assert_int_equal(watch_find(watch, bes->process)->kind, TARGET_DISCOVERED);

    f->config.discover_clients = false;
    watch_drop_unnamed(watch, &f->config);
    assert_null(watch_find(watch, bes->process));
    watch_deinit(watch);
    free(watch);
}

static void test_the_registered_always_find_room(void **state)
{
    struct fixture *f = *state;
    struct watch *watch = calloc(1, sizeof *watch);
    for (int i = 0; i < 60; i++)
        program(f, "many.exe", "C:\\m\\mapi32.dll", NULL);
    search(f, true, 1000);
    watch_set_found(watch, f->discovery.found, f->discovery.found_count);
    watch_look(watch, &f->config, f->observation);
    assert_int_equal(watched_of_kind(watch, TARGET_DISCOVERED), DISCOVERED_ITEMS_MAX);
    assert_int_equal(watch->left_out, 60 - DISCOVERED_ITEMS_MAX);
    assert_int_equal(watched_of_kind(watch, TARGET_STORE), 1);
    watch_deinit(watch);
    free(watch);
}

/* ---- the service ---- */

static void polls(struct fixture *f, int count)
{
    for (int i = 0; i < count; i++) {
        fake_advance(&f->os, f->config.interval_ms);
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
}

static void start_agent(struct fixture *f)
{
    struct agent_options options = {.data_dir = f->dir};
    assert_int_equal(agent_new(&f->os, &f->config, &options, &f->agent, NULL), STATUS_OK);
}

static void begin_agent(struct fixture *f)
{
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 10 * MS_PER_MINUTE;
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    start_agent(f);
}

static json_t *status_of(struct fixture *f, const char *image)
{
    char *text = agent_status_json(f->agent);
    json_t *root = json_loads(text, 0, NULL), *found_item = NULL, *item;
    size_t i;
    free(text);
    json_array_foreach(json_object_get(root, "watched"), i, item)
    {
        if (strcmp(json_string_value(json_object_get(item, "image")), image) == 0)
            found_item = json_deep_copy(item);
    }
    json_decref(root);
    return found_item;
}

static void test_an_unregistered_leak_is_told_of_and_never_restarted(void **state)
{
    struct fixture *f = *state;
    struct fake_program *bes = program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    begin_agent(f);
    polls(f, 8);
    json_t *item = status_of(f, "BESAgent.exe");
    assert_non_null(item);
    assert_string_equal(json_string_value(json_object_get(item, "kind")), "discovered");
    assert_string_equal(json_string_value(json_object_get(item, "how")), "has Emsmdb32.dll loaded");
    assert_string_equal(json_string_value(json_object_get(item, "client")),
                        "{ \"name\": \"besagent\", \"image\": \"BESAgent.exe\" }");
    json_t *dll = json_array_get(json_object_get(item, "dlls"), 0);
    assert_string_equal(json_string_value(json_object_get(dll, "kb898782")), "missing");
    json_decref(item);

    fake_grow(&f->os, bes, FAKE_LEAK);
    bes->bytes_per_hour = 2e9;
    polls(f, 600);
    assert_non_null(strstr(f->os.log_storage, "BESAgent.exe private bytes"));
    assert_null(strstr(f->os.log_storage, "stop "));
}

/* A service that is not registered, and leaks until its incident is open. */
static void leaking_service(struct fixture *f)
{
    struct fake_program *bes = fake_add_service(&f->os, "BesSvc", "BESAgent.exe", 5e7);
    bes->dlls.count = 1;
    text_copy(bes->dlls.items[0].path, DLL_PATH_MAX, "C:\\bes\\Emsmdb32.dll");
    f->os.log_events = true;
    begin_agent(f);
    polls(f, 8);
    fake_grow(&f->os, bes, FAKE_LEAK);
    bes->bytes_per_hour = 2e9;
    for (int i = 0; i < 600 && !strstr(f->os.log_storage, "event OPENED"); i++)
        polls(f, 1);
    assert_non_null(strstr(f->os.log_storage, "event OPENED"));
    polls(f, 20);
    assert_null(strstr(f->os.log_storage, "stop BesSvc"));
}

static void test_once_registered_its_incident_goes_up_the_ladder(void **state)
{
    struct fixture *f = *state;
    leaking_service(f);
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, 64, "bes");
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "BesSvc");
    engine_configure(f->agent->engine, &f->config);
    polls(f, 20);
    assert_non_null(strstr(f->os.log_storage, "stop BesSvc"));
    assert_non_null(strstr(f->os.log_storage, "start BesSvc"));
    assert_null(strstr(f->os.log_storage, "event UNWATCHED"));
    const char *first = strstr(f->os.log_storage, "event OPENED");
    assert_null(strstr(first + 1, "event OPENED")); /* the same incident */
}

static void test_its_incident_outlives_storewatch(void **state)
{
    struct fixture *f = *state;
    leaking_service(f);
    agent_free(f->agent);
    start_agent(f);
    polls(f, 100);
    assert_null(strstr(f->os.log_storage, "event ENDED"));
    world_put(&f->os.world, "BesSvc", SERVICE_STATE_STOPPED);
    polls(f, 20);
    assert_non_null(strstr(f->os.log_storage, "event ENDED"));
}

/* "40 min that a verdict needs" */
static void what_a_verdict_needs(struct fixture *f, char out_words[VERDICT_REASON_MAX])
{
    struct watch *watch = &f->agent->engine->watch;
    struct verdict verdict = {0};
    for (size_t i = 0; i < watch->count; i++)
        if (strcmp(watch->items[i].image, "BESAgent.exe") == 0)
            detector_verdict(watch->items[i].detectors[METRIC_HANDLES], &verdict);
    const char *words = strstr(verdict.reason, " of the ");
    assert_non_null(words);
    text_copy(out_words, VERDICT_REASON_MAX, words + strlen(" of the "));
}

/* Found first and registered later, it has two series, and was as young as the first one says. */
static void test_a_warm_up_outlives_a_registration(void **state)
{
    struct fixture *f = *state;
    char before[VERDICT_REASON_MAX], after[VERDICT_REASON_MAX];
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    begin_agent(f);
    f->config.warm_up_ms = 30 * MS_PER_MINUTE;
    engine_configure(f->agent->engine, &f->config);
    polls(f, 20);
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, sizeof f->config.clients[0].name, "bes");
    text_copy(f->config.clients[0].image, sizeof f->config.clients[0].image, "BESAgent.exe");
    engine_configure(f->agent->engine, &f->config);
    polls(f, 40);
    what_a_verdict_needs(f, before);
    agent_free(f->agent);
    start_agent(f);
    polls(f, 1);
    what_a_verdict_needs(f, after);
    assert_string_equal(after, before);
}

static void test_the_service_searches_seldom(void **state)
{
    struct fixture *f = *state;
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    begin_agent(f);
    polls(f, 3);
    uint64_t reads = f->os.modules_reads;
    polls(f, 36);
    assert_int_equal(f->os.modules_reads, reads); /* nobody new */
    program(f, "new.exe", NULL, NULL);
    polls(f, 1);
    assert_int_equal(f->os.modules_reads, reads + 1);
    polls(f, 10); /* ten minutes are over: all of them */
    assert_true(f->os.modules_reads >= reads + 1 + 4);
}

static void test_without_discovery_only_the_registered_are_looked_into(void **state)
{
    struct fixture *f = *state;
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    struct fake_program *archive = fake_program_find(&f->os, "ArchiveSvc");
    archive->dlls.count = 1;
    text_copy(archive->dlls.items[0].path, DLL_PATH_MAX, "C:\\a\\emsmdb32.dll");
    archive->dlls.items[0].loaded = version_of("6.5.7638.1");
    f->config.discover_clients = false;
    f->config.client_count = 1;
    text_copy(f->config.clients[0].name, 64, "archive");
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "ArchiveSvc");
    begin_agent(f);
    polls(f, 5);
    assert_null(status_of(f, "BESAgent.exe"));
    json_t *item = status_of(f, "archive.exe");
    json_t *dll = json_array_get(json_object_get(item, "dlls"), 0);
    assert_string_equal(json_string_value(json_object_get(dll, "kb898782")), "present");
    json_decref(item);
    assert_int_equal(f->os.modules_reads, 2); /* the store and the client */
}

/* ---- words ---- */

static struct alert *advised(enum target_kind kind, enum metric metric, const char *version)
{
    struct config *config = calloc(1, sizeof *config);
    struct alert *alert = calloc(1, sizeof *alert);
    config_default(config);
    alert->kind = ALERT_OPENED;
    alert->has_incident = true;
    alert->incident.target_kind = kind;
    alert->incident.metric = metric;
    alert->incident.exhaustion_early_utc_ms = INT64_MAX;
    text_copy(alert->incident.image, PROCESS_IMAGE_MAX, "BESAgent.exe");
    if (version) {
        alert->dlls.count = 1;
        text_copy(alert->dlls.items[0].path, DLL_PATH_MAX, "C:\\bes\\Emsmdb32.dll");
        alert->dlls.items[0].loaded = version_of(version);
        text_copy(alert->dlls_of, PROCESS_IMAGE_MAX, "BESAgent.exe");
    }
    text_copy(alert->hosted_by, SERVICE_NAME_MAX, "BlackBerry Agent");
    advice_add(alert, config, false);
    free(config);
    return alert;
}

static bool advises(const struct alert *alert, const char *words)
{
    for (size_t i = 0; i < alert->todo_count; i++)
        if (strstr(alert->todo[i], words))
            return true;
    return false;
}

/* A client without a service has no rung of its own: registered as it is, the store would be restarted for it. */
static void test_who_is_no_service_is_not_promised_a_restart(void **state)
{
    (void)state;
    struct config *config = calloc(1, sizeof *config);
    struct alert *alert = advised(TARGET_DISCOVERED, METRIC_PRIVATE_BYTES, NULL);
    assert_true(advises(alert,
                        "To have it restarted by storewatch when it leaks, register it under \"clients\": "
                        "{ \"name\": \"besagent\", \"image\": \"BESAgent.exe\", \"service\": "
                        "\"BlackBerry Agent\" }"));
    alert->todo_count = 0;
    alert->hosted_by[0] = '\0';
    config_default(config);
    advice_add(alert, config, false);
    assert_false(advises(alert, "To have it restarted by storewatch"));
    assert_true(advises(alert,
                        "storewatch restarts services only, and it is none by itself. Register it with the "
                        "one whose restart restarts it, under \"clients\": { \"name\": \"besagent\", "
                        "\"image\": \"BESAgent.exe\", \"service\": \"THE SERVICE\" }"));
    free(alert);
    free(config);
}

static void test_the_alert_names_the_dll(void **state)
{
    (void)state;
    static const struct {
        enum metric metric;
        const char *version;
        const char *wanted[2];
    } cases[] = {
        {METRIC_PRIVATE_BYTES,
         "6.5.7226.0",
         {"BESAgent.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is 6.5.7233.36: install it.", NULL}},
        {METRIC_PRIVATE_BYTES, "6.5.7638.1", {"KB 898782's fix is in it", "KB 891509"}},
        {METRIC_PRIVATE_BYTES, "11.0.8000.0", {"KB 898782 does not apply", NULL}},
        {METRIC_HANDLES, "11.0.8000.0", {"two registry handles", "KB 893420"}},
        {METRIC_PRIVATE_BYTES, NULL, {"check the version of the Emsmdb32.dll", NULL}},
        {METRIC_HANDLES, "6.5.7226.0", {"Ask the program's vendor", NULL}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alert *alert = advised(TARGET_CLIENT, cases[i].metric, cases[i].version);
        for (size_t k = 0; k < 2; k++)
            if (cases[i].wanted[k] && !advises(alert, cases[i].wanted[k]))
                fail_msg("case %zu lacks \"%s\"", i, cases[i].wanted[k]);
        assert_false(advises(alert, "register it"));
        free(alert);
    }
    struct alert *alert = advised(TARGET_DISCOVERED, METRIC_PRIVATE_BYTES, "6.5.7226.0");
    assert_true(advises(alert,
                        "{ \"name\": \"besagent\", \"image\": \"BESAgent.exe\", \"service\": \"BlackBerry "
                        "Agent\" }"));
    free(alert);
}

/* Of the machine's or the store's growth the DLLs are those of who is named for it. */
static void test_the_mail_says_by_which_defect_the_named_one_leaks(void **state)
{
    (void)state;
    static const struct {
        enum target_kind kind;
        enum metric metric;
        const char *version, *wanted;
    } cases[] = {
        {TARGET_HOST, METRIC_COMMIT, "6.5.7226.0",
         "Fax.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is"},
        {TARGET_HOST, METRIC_COMMIT, "6.5.7233.36", "KB 898782's fix is in it"},
        {TARGET_HOST, METRIC_NONPAGED_POOL, "11.0.8000.0", "two registry handles"},
        {TARGET_STORE, METRIC_PRIVATE_BYTES, "6.5.7226.0", "Fax.exe loads Emsmdb32.dll 6.5.7226.0"},
        {TARGET_STORE, METRIC_HANDLES, "11.0.8000.0", "two registry handles"},
    };
    struct config *config = calloc(1, sizeof *config);
    config_default(config);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alert *alert = advised(cases[i].kind, cases[i].metric, NULL); /* nobody is named */
        assert_false(advises(alert, "KB"));
        free(alert);
        alert = advised(cases[i].kind, cases[i].metric, cases[i].version);
        alert->todo_count = 0;
        alert->has_ranking = true;
        alert->ranking.count = 1;
        alert->ranking.items[0].confidence = CULPRIT_LIKELY;
        alert->ranking.items[0].kind = TARGET_CLIENT;
        text_copy(alert->ranking.items[0].image, PROCESS_IMAGE_MAX, "Fax.exe");
        text_copy(alert->dlls_of, PROCESS_IMAGE_MAX, "Fax.exe");
        advice_add(alert, config, false);
        if (!advises(alert, cases[i].wanted))
            fail_msg("case %zu lacks \"%s\"", i, cases[i].wanted);
        free(alert);
    }
    free(config);
}

static void test_a_hostile_name_stays_one_json_line(void **state)
{
    (void)state;
    char storage[256];
    struct text text = text_on(storage, sizeof storage);
    text_add_client_line(&text, "a\"b\\.exe", "");
    json_t *line = json_loads(storage, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "image")), "a\"b\\.exe");
    json_decref(line);
}

/* ---- doctor ---- */

static const struct doctor_line *line_with(const struct doctor *doctor, const char *words)
{
    for (size_t i = 0; i < doctor->line_count; i++)
        if (strstr(doctor->lines[i].text, words))
            return &doctor->lines[i];
    return NULL;
}

static struct doctor *examined(struct fixture *f)
{
    struct doctor *doctor = doctor_new(&f->os);
    doctor->config = f->config;
    assert_true(doctor_look(doctor));
    doctor_check_machine(doctor);
    doctor_check_clients(doctor);
    doctor_check_limits(doctor);
    doctor_check_dlls(doctor);
    return doctor;
}

static void test_doctor_of_a_healthy_machine(void **state)
{
    struct fixture *f = *state;
    struct doctor *doctor = examined(f);
    for (size_t i = 0; i < doctor->line_count; i++)
        if (doctor->lines[i].level != DOCTOR_OK)
            fail_msg("%s", doctor->lines[i].text);
    assert_non_null(line_with(doctor, "no MAPI client runs that is not registered"));
    assert_non_null(line_with(doctor, "MSExchangeIS: store.exe"));
    doctor_free(doctor);
}

static void test_doctor_finds_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7226.0");
    program(f, "odd.exe", "C:\\odd\\Emsmdb32.dll", NULL);
    program(f, "eseutil.exe", NULL, NULL);
    f->os.cluster = true;
    f->config.act_on_cluster = true;
    f->config.client_count = 2;
    text_copy(f->config.clients[0].name, 64, "gone");
    text_copy(f->config.clients[0].image, PROCESS_IMAGE_MAX, "gone.exe");
    text_copy(f->config.clients[1].name, 64, "typo");
    text_copy(f->config.clients[1].service, SERVICE_NAME_MAX, "ArchivSvc");
    struct doctor *doctor = examined(f);
    assert_int_equal(doctor_worst(doctor), DOCTOR_FAILED);
    static const struct {
        const char *words;
        enum doctor_level level;
    } wanted[] = {
        {"BESAgent.exe loads Emsmdb32.dll 6.5.7226.0", DOCTOR_FAILED},
        {"odd.exe loads Emsmdb32.dll of unknown version", DOCTOR_WARNING},
        {"there is no service \"ArchivSvc\"", DOCTOR_FAILED},
        {"gone: no process of gone.exe runs", DOCTOR_WARNING},
        {"eseutil.exe", DOCTOR_WARNING},
        {"cluster node", DOCTOR_WARNING},
        {"BESAgent.exe, pid", DOCTOR_WARNING},
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        const struct doctor_line *line = line_with(doctor, wanted[i].words);
        if (!line || line->level != wanted[i].level || !line->todo[0])
            fail_msg("%s: %s", wanted[i].words, line ? line->todo : "no such line");
    }
    struct buffer out = {0};
    doctor_text(doctor, &out);
    assert_non_null(strstr(out.data, "C:\\bes\\Emsmdb32.dll"));
    buffer_deinit(&out);
    char *text = doctor_json(doctor);
    json_t *root = json_loads(text, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(root, "worst")), "failed");
    assert_int_equal(json_array_size(json_object_get(root, "clients")), 2);
    json_decref(root);
    free(text);
    doctor_free(doctor);
}

/* A 32-bit program with so much in one piece, and one MAPI DLL. */
static void test_doctor_says_how_urgent_the_address_space_is(void **state)
{
    struct fixture *f = *state;
    static const struct {
        double largest_bytes;
        enum doctor_level level;
        const char *todo;
    } cases[] = {
        {256.0 * 1024 * 1024, DOCTOR_OK, ""},
        {24.0 * 1024 * 1024, DOCTOR_WARNING, "Restart it in a quiet hour: below 16 MiB requests fail."},
        {4.0 * 1024 * 1024, DOCTOR_FAILED, "Restart it now: requests for a larger block fail."},
    };
    struct fake_program *bes = program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7233.36");
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        bes->space = (struct space){2147483648.0, 3e8, cases[i].largest_bytes, 1204};
        struct doctor *doctor = examined(f);
        const struct doctor_line *line = line_with(doctor, "largest free block");
        assert_non_null(line);
        assert_int_equal(line->level, cases[i].level);
        assert_string_equal(line->todo, cases[i].todo);
        assert_non_null(line_with(doctor, "1 loaded MAPI DLL was compared with KB 898782"));
        doctor_free(doctor);
    }
}

/* The nearer of two ends is the one that counts. */
static void test_doctor_names_the_limit_that_comes_first(void **state)
{
    struct fixture *f = *state;
    struct fake_program *bes = program(f, "BESAgent.exe", "C:\\bes\\Emsmdb32.dll", "6.5.7233.36");
    bes->space = (struct space){2147483648.0, 3e8, 256.0 * 1024 * 1024, 1204};
    struct doctor *doctor = examined(f);
    assert_non_null(line_with(doctor, ": 2.00 GiB, its address space"));
    doctor_free(doctor);
    f->config.limit_private_bytes = 1073741824.0;
    doctor = examined(f);
    assert_null(line_with(doctor, "its address space"));
    assert_non_null(line_with(doctor, ": 1.00 GiB, from the configuration"));
    doctor_free(doctor);
}

static void test_doctor_with_more_to_say_than_it_has_lines(void **state)
{
    struct fixture *f = *state;
    struct doctor *doctor = doctor_new(&f->os);
    for (int i = 0; i < DOCTOR_LINES_MAX + 10; i++)
        doctor_add(doctor, DOCTOR_OK, "x", NULL, "line %d", i);
    assert_int_equal(doctor_worst(doctor), DOCTOR_OK);
    doctor_add(doctor, DOCTOR_FAILED, "x", "Mend it.", "the last");
    assert_int_equal(doctor_worst(doctor), DOCTOR_FAILED); /* a failure is never lost */
    assert_string_equal(doctor->lines[DOCTOR_LINES_MAX - 1].text,
                        "more was found than there is room for; this is the worst of it");
    assert_int_equal(doctor->line_count, DOCTOR_LINES_MAX);
    doctor_free(doctor);
}

static void test_doctor_that_sees_nothing(void **state)
{
    struct fixture *f = *state;
    f->os.world.processes_unreadable = true;
    struct doctor *doctor = doctor_new(&f->os);
    assert_false(doctor_look(doctor));
    assert_int_equal(doctor_worst(doctor), DOCTOR_FAILED);
    doctor_free(doctor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_has_a_mapi_dll_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_keepers_of_passwords_are_left_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_new_processes_cost_anything_in_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_time_is_bounded_and_the_rest_is_caught_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_registry_names_is_found_while_it_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_more_clients_than_there_is_room_for_are_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_unregistered_are_watched_and_may_be_registered_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_registered_always_find_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unregistered_leak_is_told_of_and_never_restarted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_once_registered_its_incident_goes_up_the_ladder, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_its_incident_outlives_storewatch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_warm_up_outlives_a_registration, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_service_searches_seldom, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_discovery_only_the_registered_are_looked_into, setup,
                                        teardown),
        cmocka_unit_test(test_who_is_no_service_is_not_promised_a_restart),
        cmocka_unit_test(test_the_alert_names_the_dll),
        cmocka_unit_test(test_the_mail_says_by_which_defect_the_named_one_leaks),
        cmocka_unit_test(test_a_hostile_name_stays_one_json_line),
        cmocka_unit_test_setup_teardown(test_doctor_of_a_healthy_machine, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doctor_finds_what_is_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doctor_says_how_urgent_the_address_space_is, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doctor_names_the_limit_that_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doctor_with_more_to_say_than_it_has_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_doctor_that_sees_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

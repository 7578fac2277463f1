/* test_culprit_status.c - who makes it grow, through the agent: in `status`, as text and JSON, and in the
 * mail. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"

#include "../../src/app/status_view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#define MIB (1024.0 * 1024.0)

static void run_for(struct os *os, struct agent *agent, const struct config *config, int64_t ms)
{
    for (int64_t end_ms = os->world.mono_ms + ms; os->world.mono_ms < end_ms;) {
        fake_advance(os, config->interval_ms);
        agent_poll(agent);
        drive_lanes(agent);
    }
}

static void test_status_tells_who(void **state)
{
    (void)state;
    struct os *os = calloc(1, sizeof *os);
    struct config *config = calloc(1, sizeof *config);
    fake_init(os);
    struct fake_program *store = fake_add_service(os, "MSExchangeIS", "store.exe", 1.2e9);
    struct fake_program *archive = fake_add_service(os, "ArchiveSvc", "archive.exe", 1.5e8);
    fake_add_service(os, "FaxSvc", "fax.exe", 8e7);
    config_default(config);
    config->client_count = 1;
    config->clients[0] = (struct config_client){.name = "archive", .service = "ArchiveSvc"};
    char dir[] = "/dev/shm/storewatch-culprit-XXXXXX";
    assert_non_null(mkdtemp(dir));
    struct agent_options options = {.data_dir = dir};
    struct agent *agent = NULL;
    assert_int_equal(agent_new(os, config, &options, &agent, NULL), STATUS_OK);
    run_for(os, agent, config, 20 * MS_PER_HOUR);
    fake_grow(os, archive, FAKE_OBJECTS);
    archive->handles_per_hour = 30;
    archive->holder = store;
    archive->object_bytes = 2 * MIB;
    run_for(os, agent, config, 15 * MS_PER_HOUR);

    char *text = agent_status_json(agent);
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

    agent_free(agent);
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
    free(config);
    free(os);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_status_tells_who)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

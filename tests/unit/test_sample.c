/* test_sample.c - unknown is never zero; look-ups find what is there and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "storewatch/sample.h"

static void assert_all_unknown(const struct observation *o)
{
    const reading *values = &o->host.commit_bytes;
    for (size_t i = 0; i < sizeof(o->host) / sizeof(reading); i++)
        assert_false(reading_known(values[i]));
    assert_false(o->processes_known || o->services_known || o->host_known || o->processes_cut ||
                 o->services_cut || o->os_shutting_down || o->cluster_node);
    assert_int_equal(o->process_count, 0);
    assert_int_equal(o->service_count, 0);
}

static void a_new_and_a_cleared_observation_know_nothing(void **state)
{
    (void)state;
    struct observation *o = observation_new();
    assert_non_null(o);
    assert_all_unknown(o);
    struct process *processes = o->processes;
    struct service *services = o->services;
    o->host.paged_pool_bytes = 1;
    o->process_count = 3;
    o->processes_known = o->cluster_node = true;
    observation_clear(o);
    assert_all_unknown(o);
    assert_ptr_equal(o->processes, processes);
    assert_ptr_equal(o->services, services);
    observation_free(o);
    observation_free(NULL);
}

static void an_unknown_reading_spreads(void **state)
{
    (void)state;
    assert_true(reading_known(0.0));
    assert_false(reading_known(READING_UNKNOWN + 1.0));
}

static void identity_is_pid_and_creation_time(void **state)
{
    (void)state;
    const struct process_id a = {4, 100};
    assert_true(process_id_equal(a, (struct process_id){4, 100}));
    assert_false(process_id_equal(a, (struct process_id){4, 101}));
    assert_false(process_id_equal(a, (struct process_id){5, 100}));
}

static void services_are_found_without_case_in_any_number(void **state)
{
    (void)state;
    struct observation *o = observation_new();
    assert_non_null(o);
    assert_null(observation_service(o, "svc000"));
    for (size_t count = 1; count <= 33; count++) {
        o->service_count = count;
        for (size_t i = 0; i < count; i++) {
            snprintf(o->services[i].name, sizeof(o->services[i].name), i % 2 ? "SVC%03zu" : "svc%03zu",
                     2 * i + 1);
        }
        for (size_t n = 0; n <= 2 * count; n++) {
            char name[32];
            snprintf(name, sizeof(name), "Svc%03zu", n);
            const struct service *found = observation_service(o, name);
            assert_ptr_equal(found, n % 2 ? &o->services[n / 2] : NULL);
        }
    }
    observation_free(o);
}

static void processes_are_found_by_pid(void **state)
{
    (void)state;
    struct observation *o = observation_new();
    assert_non_null(o);
    o->process_count = 2;
    o->processes[0].id.pid = 8;
    o->processes[1].id.pid = 4;
    assert_ptr_equal(observation_process(o, 4), &o->processes[1]);
    assert_null(observation_process(o, 12));
    observation_free(o);
}

static void an_image_may_be_configured_without_its_end(void **state)
{
    (void)state;
    assert_true(process_image_is("BESAgent.exe", "besagent.EXE"));
    assert_true(process_image_is("BESAgent.exe", "besagent"));
    assert_true(process_image_is("System", "system"));
    assert_false(process_image_is("BESAgent.exe", "BES"));
    assert_false(process_image_is("BESAgent", "BESAgent.exe"));
    assert_false(process_image_is("BESAgent.exe.exe", "BESAgent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_and_a_cleared_observation_know_nothing),
        cmocka_unit_test(an_unknown_reading_spreads),
        cmocka_unit_test(identity_is_pid_and_creation_time),
        cmocka_unit_test(services_are_found_without_case_in_any_number),
        cmocka_unit_test(processes_are_found_by_pid),
        cmocka_unit_test(an_image_may_be_configured_without_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

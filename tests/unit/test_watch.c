/* test_watch.c - who is watched: incarnations, reused pids, children, images, looks that failed. */
#include "storewatch/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BORN_100NS UINT64_C(133800000000000000)

struct fixture {
    struct config config;
    struct observation *observation;
    struct watch watch;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    config_default(&f->config);
    f->config.client_count = 2;
    text_copy(f->config.clients[0].name, 64, "archive");
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "ArchiveSvc");
    text_copy(f->config.clients[1].name, 64, "bes");
    text_copy(f->config.clients[1].image, PROCESS_IMAGE_MAX, "BESAgent");
    f->observation = observation_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    watch_deinit(&f->watch);
    observation_free(f->observation);
    free(f);
    return 0;
}

static void begin_look(struct fixture *f)
{
    int64_t mono_ms = f->observation->mono_ms + 15000;
    observation_clear(f->observation);
    f->observation->mono_ms = mono_ms;
    f->observation->utc_ms = INT64_C(1767225600000) + mono_ms;
    f->observation->processes_known = f->observation->services_known = true;
}

static struct process *process(struct fixture *f, const char *image, uint32_t pid, uint64_t created,
                               double bytes)
{
    struct process *p = &f->observation->processes[f->observation->process_count++];
    *p = (struct process){.id = {pid, created}, .private_bytes = bytes, .handle_count = 100};
    text_copy(p->image, sizeof p->image, image);
    return p;
}

/* Services must be added in the order of their names. */
static void service(struct fixture *f, const char *name, uint32_t pid)
{
    struct service *s = &f->observation->services[f->observation->service_count++];
    *s = (struct service){.state = pid ? SERVICE_STATE_RUNNING : SERVICE_STATE_STOPPED, .pid = pid};
    text_copy(s->name, sizeof s->name, name);
}

static void look(struct fixture *f)
{
    assert_int_equal(watch_look(&f->watch, &f->config, f->observation), STATUS_OK);
    watch_push(&f->watch, &f->config, f->observation);
}

static void test_targets_are_found_by_service_child_and_image(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "Microsoft.Exchange.Store.Service.exe", 10, BORN_100NS, 1e8);
    process(f, "Microsoft.Exchange.Store.Worker.exe", 11, BORN_100NS + 5, 1e9)->parent_pid = 10;
    process(f, "older.exe", 12, BORN_100NS - 5, 1e9)->parent_pid = 10; /* its parent was an earlier pid 10 */
    /* the clock was set back after the service had started */
    process(f, "Microsoft.Exchange.Store.Worker.exe", 13, BORN_100NS - 5, 1e9)->parent_pid = 10;
    process(f, "archive.exe", 20, BORN_100NS, 1e8);
    process(f, "BESAgent.exe", 30, BORN_100NS, 1e8);
    process(f, "besagent.EXE", 31, BORN_100NS, 1e8);
    process(f, "BESAgentX.exe", 32, BORN_100NS, 1e8);
    service(f, "ArchiveSvc", 20);
    service(f, "MSExchangeIS", 10);
    look(f);
    assert_int_equal(f->watch.count, 7); /* with the host */
    assert_int_equal(watch_find(&f->watch, (struct process_id){11, BORN_100NS + 5})->kind, TARGET_STORE);
    assert_null(watch_find(&f->watch, (struct process_id){12, BORN_100NS - 5}));
    assert_int_equal(watch_find(&f->watch, (struct process_id){13, BORN_100NS - 5})->kind, TARGET_STORE);
    assert_string_equal(watch_find(&f->watch, (struct process_id){20, BORN_100NS})->service, "ArchiveSvc");
    assert_string_equal(watch_find(&f->watch, (struct process_id){31, BORN_100NS})->target, "bes");
    assert_null(watch_find(&f->watch, (struct process_id){32, BORN_100NS}));
}

static void test_a_reused_pid_is_another_incarnation(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 10);
    look(f);
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS + 70000000, 1e8);
    service(f, "MSExchangeIS", 10);
    look(f);
    struct watched *old = watch_find(&f->watch, (struct process_id){10, BORN_100NS});
    struct watched *new = watch_find(&f->watch, (struct process_id){10, BORN_100NS + 70000000});
    assert_non_null(old);
    assert_false(old->present);
    assert_true(new->present);
    assert_ptr_not_equal(old->detectors[METRIC_PRIVATE_BYTES], new->detectors[METRIC_PRIVATE_BYTES]);
    watch_forget_gone(&f->watch);
    assert_null(watch_find(&f->watch, (struct process_id){10, BORN_100NS}));
    assert_int_equal(f->watch.count, 2);
}

static void test_one_that_is_needed_is_not_forgotten(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 10);
    look(f);
    watch_find(&f->watch, (struct process_id){10, BORN_100NS})->needed = true;
    begin_look(f);
    service(f, "MSExchangeIS", 0);
    look(f);
    watch_forget_gone(&f->watch);
    assert_non_null(watch_find(&f->watch, (struct process_id){10, BORN_100NS}));
}

static void test_a_look_that_failed_is_unknown_not_gone_and_not_zero(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 10);
    look(f);
    begin_look(f);
    f->observation->processes_known = f->observation->services_known = false;
    look(f);
    struct watched *store = watch_find(&f->watch, (struct process_id){10, BORN_100NS});
    assert_true(store->present);
    assert_false(reading_known(store->now[METRIC_PRIVATE_BYTES]));
    struct verdict verdict;
    detector_verdict(store->detectors[METRIC_PRIVATE_BYTES], &verdict);
    assert_int_equal(verdict.unknown_count, 1);
}

static void test_a_process_without_its_service_stays_while_it_runs(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 10);
    look(f);
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 0); /* STOPPED was reported before the process ended */
    look(f);
    assert_true(watch_find(&f->watch, (struct process_id){10, BORN_100NS})->present);
}

static void test_more_than_the_bound_is_counted(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    for (uint32_t i = 0; i < WATCHED_MAX + 10; i++)
        process(f, "BESAgent.exe", 100 + i, BORN_100NS, 1e8);
    look(f);
    assert_int_equal(f->watch.count, WATCHED_MAX);
    assert_int_equal(f->watch.left_out, 11); /* the host took one place */
}

static void test_the_nearest_limit_counts(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "store.exe", 10, BORN_100NS, 1e9);
    service(f, "MSExchangeIS", 10);
    f->observation->host_known = true;
    f->observation->host = (struct host){.commit_bytes = 3e9, .commit_limit_bytes = 4e9};
    look(f);
    struct watched *store = watch_find(&f->watch, (struct process_id){10, BORN_100NS});
    struct verdict verdict;
    detector_verdict(store->detectors[METRIC_PRIVATE_BYTES], &verdict);
    assert_string_equal(verdict.limit_name, "what the commit limit leaves it");
    assert_true(verdict.limit == 2e9); /* what it has and what is left for all */
    store->address_limit_bytes = 1.9e9;
    watch_push(&f->watch, &f->config, f->observation);
    detector_verdict(store->detectors[METRIC_PRIVATE_BYTES], &verdict);
    assert_string_equal(verdict.limit_name, "address space");
    f->config.limit_private_bytes = 1.8e9;
    watch_push(&f->watch, &f->config, f->observation);
    detector_verdict(store->detectors[METRIC_PRIVATE_BYTES], &verdict);
    assert_string_equal(verdict.limit_name, "configured limit");
}

static void test_targets_no_longer_named_are_dropped(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "archive.exe", 20, BORN_100NS, 1e8);
    process(f, "BESAgent.exe", 30, BORN_100NS, 1e8);
    service(f, "ArchiveSvc", 20);
    look(f);
    f->config.client_count = 1;
    watch_drop_unnamed(&f->watch, &f->config);
    assert_non_null(watch_find(&f->watch, (struct process_id){20, BORN_100NS}));
    assert_null(watch_find(&f->watch, (struct process_id){30, BORN_100NS}));
    assert_int_equal(f->watch.count, 2);
}

/* The target of the store is its service, cut: a service may have a name of 256 characters. */
static void test_a_store_with_a_long_name_stays_named(void **state)
{
    struct fixture *f = *state;
    const struct process_id store = {10, BORN_100NS};
    memset(f->config.store_service, 'S', 200);
    f->config.store_service[200] = '\0';
    f->watch.found_count = 1; /* it was discovered first, and registered then */
    f->watch.found[0].process = store;
    for (int times = 0; times < 2; times++) {
        begin_look(f);
        process(f, "store.exe", 10, BORN_100NS, 1e9);
        if (times)
            service(f, f->config.store_service, 10);
        look(f);
        watch_drop_unnamed(&f->watch, &f->config);
        const struct watched *item = watch_find(&f->watch, store);
        assert_non_null(item);
        assert_int_equal(item->kind, times ? TARGET_STORE : TARGET_DISCOVERED);
        assert_string_equal(item->service, times ? f->config.store_service : "");
        assert_int_equal(strlen(item->target), times ? TARGET_NAME_MAX - 1 : strlen("store.exe"));
    }
    f->config.store_service[199] = '\0'; /* another one, which begins alike */
    watch_drop_unnamed(&f->watch, &f->config);
    assert_null(watch_find(&f->watch, store));
}

/* The configuration was read again: of a client that is watched by its image the service is another one; one
 * that is watched by its service is another program then. */
static void test_a_client_gets_another_service(void **state)
{
    struct fixture *f = *state;
    const struct process_id archive = {20, BORN_100NS}, bes = {30, BORN_100NS};
    for (int times = 0; times < 2; times++) {
        begin_look(f);
        process(f, "archive.exe", 20, BORN_100NS, 1e8);
        process(f, "BESAgent.exe", 30, BORN_100NS, 1e8);
        service(f, "ArchiveSvc", 20);
        look(f);
        assert_string_equal(watch_find(&f->watch, bes)->service, times ? "BES" : "");
        text_copy(f->config.clients[1].service, SERVICE_NAME_MAX, "BES");
        watch_drop_unnamed(&f->watch, &f->config);
        assert_non_null(watch_find(&f->watch, archive));
        assert_non_null(watch_find(&f->watch, bes));
    }
    text_copy(f->config.clients[0].service, SERVICE_NAME_MAX, "Archive2");
    text_copy(f->config.clients[1].image, PROCESS_IMAGE_MAX, "bes2.exe");
    watch_drop_unnamed(&f->watch, &f->config);
    assert_null(watch_find(&f->watch, archive));
    assert_null(watch_find(&f->watch, bes));
}

/* What the incarnations of a client taught goes with its new name, unless another program has the old one now. */
static void test_a_client_gets_another_name(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "archive.exe", 20, BORN_100NS, 1e8);
    service(f, "ArchiveSvc", 20);
    look(f);
    f->watch.learned_count = 1;
    text_copy(f->watch.learned[0].target, TARGET_NAME_MAX, "archive");
    text_copy(f->config.clients[0].name, 64, "vault");
    watch_drop_unnamed(&f->watch, &f->config);
    assert_string_equal(watch_find(&f->watch, (struct process_id){20, BORN_100NS})->target, "vault");
    assert_string_equal(f->watch.learned[0].target, "vault");
    text_copy(f->config.clients[0].name, 64, "archive");
    text_copy(f->config.clients[1].name, 64, "vault");
    watch_drop_unnamed(&f->watch, &f->config);
    assert_string_equal(watch_find(&f->watch, (struct process_id){20, BORN_100NS})->target, "archive");
    assert_string_equal(f->watch.learned[0].target, "vault");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* More processes than a look has room for: who is not in the list need not have ended. */
static void test_what_was_cut_off_has_not_ended(void **state)
{
    struct fixture *f = *state;
    begin_look(f);
    process(f, "BESAgent.exe", 40, BORN_100NS, 1e8);
    look(f);
    begin_look(f);
    f->observation->processes_cut = true;
    process(f, "cmd.exe", 41, BORN_100NS, 1e6);
    look(f);
    struct watched *item = watch_find(&f->watch, (struct process_id){40, BORN_100NS});
    assert_non_null(item);
    assert_true(item->present);
    assert_false(reading_known(item->now[METRIC_PRIVATE_BYTES]));
    begin_look(f); /* its number is another one's: that it has ended is known */
    f->observation->processes_cut = true;
    process(f, "cmd.exe", 40, BORN_100NS + 1, 1e6);
    look(f);
    assert_false(item->present);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_targets_are_found_by_service_child_and_image),
        TEST(test_a_reused_pid_is_another_incarnation),
        TEST(test_one_that_is_needed_is_not_forgotten),
        TEST(test_a_look_that_failed_is_unknown_not_gone_and_not_zero),
        TEST(test_a_process_without_its_service_stays_while_it_runs),
        TEST(test_more_than_the_bound_is_counted),
        TEST(test_the_nearest_limit_counts),
        TEST(test_targets_no_longer_named_are_dropped),
        TEST(test_a_client_gets_another_service),
        TEST(test_a_client_gets_another_name),
        TEST(test_a_store_with_a_long_name_stays_named),
        TEST(test_what_was_cut_off_has_not_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

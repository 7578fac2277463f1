/* test_restart_plan.c - the plan of a restart: in which order what is stopped, or why there is none (a table). */
#include "restart_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void plan_text(const struct restart_plan *plan, char *out, size_t capacity)
{
    struct text text = text_on(out, capacity);
    for (size_t i = 0; i < plan->count; i++) {
        text_add(&text, "%s%s", i > 0 ? " " : "", plan->services[i].name);
        assert_int_equal(plan->services[i].is_target, i + 1 == plan->count);
    }
}

static void test_plan(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        const char *target;
        enum status status;
        const char *expected; /* the stop order, or a part of the error's text */
    } cases[] = {
        {"T", "T", STATUS_OK, "T"},
        {"T", "t", STATUS_OK, "T"},
        {"T Other", "T", STATUS_OK, "T"},
        {"T Needed", "T", STATUS_OK, "T"},
        {"T>Needed Needed A>T", "T", STATUS_OK, "A T"}, /* what it needs itself goes on */
        {"T A>T B>A C>B", "T", STATUS_OK, "C B A T"},   /* chain */
        {"C>B B>A A>T T", "B", STATUS_OK, "C B"},
        {"T B>T a>T C>T", "T", STATUS_OK, "a B C T"},   /* equals by name, without case */
        {"T A>T B>T C>A,B", "T", STATUS_OK, "C A B T"}, /* diamond */
        {"T Z>T Y>Z A>T", "T", STATUS_OK, "A Y Z T"},   /* deeper ones first only where they must be */
        {"T A>T B>T C>A,B D>C,T", "T", STATUS_OK, "D C A B T"},
        {"T A>T A2>T,T,T", "T", STATUS_OK, "A A2 T"}, /* the same edge several times */
        {"T A=stopped>T B>T", "T", STATUS_OK, "B T"}, /* inactive dependents stay out of it */
        {"T A=stopped>T B>A", "T", STATUS_OK, "T"},   /* and what needs only them */
        {"T A=paused>T", "T", STATUS_OK, "A T"},      /* paused is active */
        {"T=paused A>T", "T", STATUS_OK, "A T"},
        {"T", "X", STATUS_NOT_FOUND, "X: no such service"},
        {"T=stopped A>T", "T", STATUS_REFUSED, "T: it does not run"},
        {"T=starting", "T", STATUS_BUSY, "T: its state is \"start pending\""},
        {"T=stopping", "T", STATUS_BUSY, "T: its state is \"stop pending\""},
        {"T A=starting>T", "T", STATUS_BUSY, "A: its state is \"start pending\""},
        {"T A=stopping>T", "T", STATUS_BUSY, "A: its state is \"stop pending\""},
        {"T A=pausing>T", "T", STATUS_BUSY, "A: its state is \"pause pending\""},
        {"T A=continuing>T", "T", STATUS_BUSY, "A: its state is \"continue pending\""},
        {"T=disabled A>T", "T", STATUS_REFUSED, "T: it runs but is disabled"},
        {"T A=disabled>T", "T", STATUS_REFUSED, "A: it runs but is disabled"},
        {"T=deaf A>T", "T", STATUS_REFUSED, "T: it takes no stop control"},
        {"T A=deaf>T", "T", STATUS_REFUSED, "A: it takes no stop control"},
        {"storewatch", "storewatch", STATUS_REFUSED, "storewatch would have to be stopped itself"},
        {"T A>T Storewatch>A", "T", STATUS_REFUSED, "storewatch would have to be stopped itself"},
        {"T storewatch=stopped>T", "T", STATUS_OK, "T"},
        {"T>storewatch storewatch", "T", STATUS_OK, "T"},
        {"T>T", "T", STATUS_INVALID, "circular dependency: T needs T"},
        {"T>A A>T", "T", STATUS_INVALID, "circular dependency: A needs T, which needs A"},
        {"T A>T,C B>A C>B", "T", STATUS_INVALID,
         "circular dependency: A needs C, which needs B, which needs A"},
        {"T A>T,B B>T,A D>A", "T", STATUS_INVALID, "circular dependency: A needs B, which needs A"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct world world;
        world_from(&world, cases[i].spec);
        look(&world);
        static struct restart_plan plan;
        plan = (struct restart_plan){.count = 77};
        struct err err = {0};
        const enum status status = restart_plan_make(&graph, observation, cases[i].target, &plan, &err);
        char got[512];
        if (status == STATUS_OK) {
            plan_text(&plan, got, sizeof(got));
        } else {
            assert_int_equal(plan.count, 77); /* written only on success */
            assert_int_equal(err.status, status);
            text_copy(got, sizeof(got), err.text);
        }
        if (status != cases[i].status || (status == STATUS_OK && strcmp(got, cases[i].expected) != 0) ||
            strstr(got, cases[i].expected) == NULL) {
            fail_msg("%s, %s: status %d \"%s\", expected %d \"%s\"", cases[i].spec, cases[i].target,
                     (int)status, got, (int)cases[i].status, cases[i].expected);
        }
        service_graph_deinit(&graph);
        assert_null(graph.nodes);
    }
}

static void test_plan_sources_of_state(void **state)
{
    (void)state;
    struct world world;
    static struct restart_plan plan;
    char got[256];
    struct err err = {0};

    /* The observation knows better than the older graph. */
    world_from(&world, "T A>T B=stopped>T");
    look(&world);
    world_put(&world, "A", SERVICE_STATE_STOPPED);
    world_put(&world, "B", SERVICE_STATE_RUNNING);
    world_observe(&world, observation);
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_OK);
    plan_text(&plan, got, sizeof(got));
    assert_string_equal(got, "B T");
    assert_int_equal(plan.services[1].process.pid, world_get(&world, "T")->pid);
    assert_int_equal(plan.services[1].process.created_100ns, world_get(&world, "T")->created_100ns);
    assert_int_equal(plan.services[0].stop, STEP_WAITING);
    assert_int_equal(plan.services[0].start, STEP_WAITING);

    /* A look without services: the graph alone, and no process. */
    world_from(&world, "T A>T");
    world.services_unreadable = true;
    look(&world);
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_OK);
    plan_text(&plan, got, sizeof(got));
    assert_string_equal(got, "A T");
    assert_int_equal(plan.services[1].process.pid, 0);

    /* Unknown on both sides is neither running nor stopped. */
    world_from(&world, "T A=unreadable>T");
    look(&world);
    graph.nodes[1].state = SERVICE_STATE_UNKNOWN;
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_BUSY);
    assert_non_null(strstr(err.text, "A: its state is \"unknown\""));

    /* In the graph and not in a complete list of services: deleted meanwhile. In a list that was cut: who
     * knows. */
    world_from(&world, "T A>T");
    look(&world);
    world_person_deletes(&world, "A");
    world_put(&world, "A", SERVICE_STATE_STOPPED);
    world_observe(&world, observation);
    err = (struct err){0};
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_OK);
    plan_text(&plan, got, sizeof(got));
    assert_string_equal(got, "T");
    observation->services_cut = true;
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_OK);
    plan_text(&plan, got, sizeof(got));
    assert_string_equal(got, "A T");
    world_person_deletes(&world, "T");
    world_put(&world, "T", SERVICE_STATE_STOPPED);
    world_observe(&world, observation);
    assert_int_equal(restart_plan_make(&graph, observation, "T", &plan, &err), STATUS_NOT_FOUND);
}

static void test_plan_bound(void **state)
{
    (void)state;
    static struct restart_plan plan;
    for (size_t extra = 0; extra < 2; extra++) {
        struct world world;
        world_init(&world);
        world_add(&world, "T");
        for (size_t i = 1; i < RESTART_SERVICES_MAX + extra; i++) {
            char name[16];
            struct text text = text_on(name, sizeof(name));
            text_add(&text, "D%03zu", i);
            world_add(&world, name);
            world_need(&world, name, "T");
        }
        look(&world);
        struct err err = {0};
        const enum status status = restart_plan_make(&graph, observation, "T", &plan, &err);
        assert_int_equal(status, extra == 0 ? STATUS_OK : STATUS_FULL);
        if (extra == 0) {
            assert_int_equal(plan.count, RESTART_SERVICES_MAX);
            assert_string_equal(plan.services[0].name, "D001");
            assert_string_equal(plan.services[62].name, "D063");
        } else {
            assert_non_null(strstr(err.text, "more than 64 services"));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_plan_sources_of_state),
        cmocka_unit_test(test_plan_bound),
    };
    return cmocka_run_group_tests(tests, run_set_up, run_tear_down);
}

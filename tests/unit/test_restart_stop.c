/* test_restart_stop.c - the way down: who is stopped and when, and what can come of a stop but that. */
#include "restart_run.h"

#include "storewatch/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_slow_stop(void **state)
{
    (void)state;
    run_begin("T A>T");
    struct world_service *t = world_get(&run.world, "T");
    t->stop_latency_ms = 14 * MS_PER_MINUTE;
    t->checkpoint_every_ms = 30 * MS_PER_SECOND;
    run_for(7 * MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A; stop T"); /* asked once, however long it takes */
    assert_non_null(strstr(run.restart.waiting_for, "T: stop pending, checkpoint "));
    assert_non_null(strstr(run.restart.waiting_for, ", checkpoint moved "));
    assert_non_null(strstr(run.restart.waiting_for, " left"));
    assert_null(strstr(run.restart.waiting_for, "hung"));
    assert_string_equal(run.restart.if_hangs, "if T hangs: waits (it is not a registered client)");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; succeeded");
}

static void test_quiet_stop_is_called_hung(void **state)
{
    (void)state;
    run_begin("T");
    struct world_service *t = world_get(&run.world, "T");
    t->stop_latency_ms = 19 * MS_PER_MINUTE;
    t->wait_hint_ms = 20000;
    run_for(50 * MS_PER_SECOND);
    assert_null(strstr(run.restart.waiting_for, "hung?"));
    run_for(5 * MS_PER_MINUTE);
    assert_non_null(
        strstr(run.restart.waiting_for, "T: stop pending, wait hint 20 s, hung? no sign of progress for "));
    run.world.processes_unreadable = true; /* a reading that fails and comes back is no progress */
    run_for(2 * MS_PER_SECOND);
    run.world.processes_unreadable = false;
    run_for(2 * MS_PER_SECOND);
    assert_non_null(strstr(run.restart.waiting_for, "hung?"));
    t->works_while_pending = true; /* CPU time moves: not hung after all */
    run_for(2 * MS_PER_SECOND);
    assert_null(strstr(run.restart.waiting_for, "hung?"));
    assert_non_null(strstr(run.restart.waiting_for, "wait hint 20 s, CPU time moved "));
    t->works_while_pending = false;
    t->wait_hint_ms = 5 * 60 * 1000; /* it asked for patience */
    run_for(3 * MS_PER_MINUTE);
    assert_null(strstr(run.restart.waiting_for, "hung?"));
    run_for(3 * MS_PER_MINUTE);
    assert_non_null(strstr(run.restart.waiting_for, "hung?"));
    run_to_end();
    assert_string_equal(run.log.data, "stop T; start T; succeeded"); /* the word ended nothing */
}

/* The SCM has not noticed yet that the process has ended, or never does (Wine). */
static void test_process_gone_before_its_service(void **state)
{
    (void)state;
    run_begin("T A>T");
    run.world.enforce = false;
    hang("A");
    run_for(2000);
    world_get(&run.world, "A")->hidden_process = true;
    run_for(2000);
    assert_string_equal(run.log.data, "stop A; stop T; start T");
    world_kill(&run.world, "A", 1067);
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T; start T; start A; succeeded");
}

static void test_hung_stop_turns_back(void **state)
{
    (void)state;
    run_begin(FOUR);
    world_get(&run.world, "A")->hangs_in_stop = true;
    run_for(22 * MS_PER_MINUTE);
    assert_true(run.restart.journal.stop_failed);
    assert_int_equal(run.restart.journal.phase, RESTART_STARTING);
    /* A can neither be stopped nor started: ops know. C needs it and waits, B does not; T was never touched.
     */
    assert_string_equal(run.log.data, "stop B; stop C; stop A; DOWN A; start B");
    assert_non_null(strstr(planned("A")->note, "did not stop after 20 min"));
    run_for(MS_PER_HOUR);
    world_unhang(&run.world, "A");
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop B; stop C; stop A; DOWN A; start B; start A; start C; UP AGAIN; restored");
    assert_int_equal(world_get(&run.world, "T")->stopped_count, 0);
}

static void test_hung_stop_does_not_hold_the_others(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    world_get(&run.world, "B")->hangs_in_stop = true;
    run_for(22 * MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A; stop B; DOWN B; start A"); /* A does not need B */
    assert_true(world_runs(&run.world, "A"));
}

static void test_hung_target_ends_late(void **state)
{
    (void)state;
    run_begin("T A>T");
    world_get(&run.world, "T")->hangs_in_stop = true;
    run_for(30 * MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A; stop T; DOWN T");
    world_unhang(&run.world, "T");
    run_to_end();
    /* It did end in the end, and a new one runs: that is what was wanted. */
    assert_string_equal(run.log.data, "stop A; stop T; DOWN T; start T; start A; UP AGAIN; succeeded");
}

static void test_shared_process_ends_late(void **state)
{
    (void)state;
    /* Where the process cannot tell (it is shared), having been seen stopped after our stop does. */
    run_prepare("Host T");
    struct world_service *t = world_get(&run.world, "T");
    t->shares_process_of = 1;
    t->pid = world_get(&run.world, "Host")->pid;
    t->created_100ns = world_get(&run.world, "Host")->created_100ns;
    t->hangs_in_stop = true;
    run_begin(NULL);
    run_for(25 * MS_PER_MINUTE);
    world_unhang(&run.world, "T");
    run_to_end();
    assert_string_equal(run.log.data, "stop T; DOWN T; start T; UP AGAIN; succeeded");
}

static void test_stop_ignored(void **state)
{
    (void)state;
    run_prepare("T A>T");
    run.config.stop_timeout_ms = 100 * MS_PER_SECOND;
    run.config.verify_ms = 10 * MS_PER_SECOND;
    run_begin(NULL);
    world_get(&run.world, "T")->ignores_stop = true;
    run_for(105 * MS_PER_SECOND);
    assert_string_equal(run.log.data,
                        "stop A; stop T; stop T; stop T; stop T; start A"); /* each 30 s; T runs on */
    /* The stop was accepted and may still come into effect: that is no person's doing. */
    run_for(30 * MS_PER_SECOND);
    assert_int_equal(run.restart.journal.phase, RESTART_VERIFYING);
    world_put(&run.world, "A", SERVICE_STATE_STOPPED);
    world_get(&run.world, "A")->win32_exit_code = 1067;
    world_put(&run.world, "T", SERVICE_STATE_STOPPED);
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop T; stop T; stop T; stop T; start A; start T; start A; succeeded");
}

static void test_stop_refused(void **state)
{
    (void)state;
    /* Not now (1061), and the control is invalid in this state (1052): again, with growing pauses, then it
     * works. */
    run_begin("T A>T");
    world_get(&run.world, "A")->refuse_stop_code = 1061;
    world_get(&run.world, "A")->refuse_stop_count = 2;
    world_get(&run.world, "T")->refuse_stop_code = 1052;
    world_get(&run.world, "T")->refuse_stop_count = 1;
    run_step();
    assert_true(restart_untouched(&run.restart)); /* a refusal touched nothing */
    assert_non_null(strstr(planned("A")->note, "stop refused: it cannot take controls now (1061)"));
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A (1061); stop A (1061); stop A; stop T (1052); stop T; start T; start A; "
                        "succeeded");

    /* For ever: turned back after stop_timeout, at most one request in 15 s. */
    run_begin("T A>T");
    world_get(&run.world, "T")->refuse_stop_code = 1052;
    world_get(&run.world, "T")->refuse_stop_count = 100000;
    run_to_end();
    assert_true(run.restart.journal.stop_failed);
    assert_int_equal(run.restart.journal.outcome, RESTART_RESTORED);
    assert_true(world_get(&run.world, "T")->refuse_stop_count > 100000 - 20 * 4 - 5);
    assert_int_equal(run.down_count, 0);
    assert_true(world_runs(&run.world, "A"));

    /* Nothing was stopped yet: there is nothing to bring back or to watch. */
    run_begin("T");
    world_get(&run.world, "T")->refuse_stop_code = 1052;
    world_get(&run.world, "T")->refuse_stop_count = 100000;
    const int64_t begun_ms = run.world.mono_ms;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_RESTORED);
    assert_true(run.world.mono_ms - begun_ms <= run.config.stop_timeout_ms + 2000);

    /* Denied: waiting does not help. */
    run_begin("T A>T");
    world_get(&run.world, "T")->refuse_stop_code = 5;
    world_get(&run.world, "T")->refuse_stop_count = 100000;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T (5); start A; restored");
    run_begin("T A>T"); /* nor is that decided by a look that saw nothing */
    world_get(&run.world, "T")->refuse_stop_code = 5;
    world_get(&run.world, "T")->refuse_stop_count = 100000;
    run_for(2000);
    assert_string_equal(run.log.data, "stop A; stop T (5)");
    run.world.services_unreadable = true;
    run_for(2000);
    assert_int_equal(run.restart.journal.phase, RESTART_STOPPING);
    run.world.services_unreadable = false;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop T (5); start A; restored");
    assert_non_null(strstr(planned("T")->note, "access denied"));

    /* 1053: the answer is late, and the stop is on its way nevertheless. */
    run_begin("T A>T");
    world_get(&run.world, "A")->refuse_stop_code = 1053;
    world_get(&run.world, "A")->refuse_stop_count = 1;
    run_to_end();
    assert_string_equal(run.log.data, "stop A (1053); stop T; start T; start A; succeeded");
}

static void test_dependent_started_meanwhile(void **state)
{
    (void)state;
    /* One that was stopped at the time of the plan is started by somebody: it joins the plan, in order. */
    run_begin("T A>T N=stopped>T M=stopped>N");
    run_step();                           /* stop A */
    world_person_starts(&run.world, "M"); /* and with it N */
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop M; stop N; stop T; start T; start N; start M; start A; succeeded");
    assert_int_equal(run.restart.journal.plan.count, 4);
    assert_true(planned("T")->is_target);
    assert_string_equal(run.restart.journal.plan.services[3].name, "T");

    /* Between the look and the stop: the SCM refuses with 1051, then the same. */
    run_begin("T A>T N=stopped>T");
    run_for(1000);
    assert_string_equal(run.log.data, "stop A");
    look(&run.world);
    world_person_starts(&run.world, "N");
    struct restart_request request;
    run_news(restart_step(&run.restart, observation, &graph, run.world.mono_ms, run.world.utc_ms, &request));
    assert_string_equal(request.service, "T");
    const uint32_t code = world_stop(&run.world, "T");
    assert_int_equal(code, 1051);
    restart_told(&run.restart, &request, world_status(code), code, run.world.mono_ms);
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop N; stop T; start T; start N; start A; succeeded");

    /* What is known of the others stays known: A was stopped by us, and comes back when it is called off. */
    run_begin("T A>T N=stopped>T");
    run_for(1000);
    assert_false(world_runs(&run.world, "A"));
    world_person_starts(&run.world, "N");
    world_advance(&run.world, 1000);
    world_get(&run.world, "N")->refuse_stop_code = 1061;
    world_get(&run.world, "N")->refuse_stop_count = 1;
    run_step();
    run_news(restart_abandon(&run.restart, "an operator", run.world.utc_ms));
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop N (1061); start A; restored");

    /* Without a graph it cannot be found: turned back. */
    run_begin("T A>T N=stopped>T");
    run.blind_graph = true;
    run_step();
    world_person_starts(&run.world, "N");
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_RESTORED);
    assert_true(world_runs(&run.world, "A"));

    /* One that is just starting has to arrive before it can be stopped. */
    run_begin("T A>T N=stopped>T");
    world_get(&run.world, "N")->start_latency_ms = 20000;
    run_step();
    world_person_starts(&run.world, "N");
    run_for(5000);
    assert_string_equal(run.log.data, "stop A");
    assert_non_null(strstr(run.restart.waiting_for, "N: start pending"));
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop N; stop T; start T; start N; start A; succeeded");

    /* One of the plan is deleted in the same breath: it stays in the plan, as lost. */
    run_begin("T A>T B>T N=stopped>T");
    run_step(); /* stop A */
    world_person_deletes(&run.world, "A");
    world_advance(&run.world, 1000);
    assert_false(world_get(&run.world, "A")->exists);
    world_person_starts(&run.world, "N");
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop N; stop T; GAVE UP; start T; start N; start B; handed over");
    assert_int_equal(run.restart.journal.plan.count, 4);

    /* The dependencies themselves are changed, so that the target would not come last: nothing to be done. */
    run_begin("T Y>T Z>T N=stopped>T");
    run_step(); /* stop Y */
    world_get(&run.world, "Z")->need_count = 0;
    world_person_starts(&run.world, "N");
    run_to_end();
    assert_string_equal(run.log.data, "stop Y; start Y; restored");
    assert_non_null(strstr(planned("T")->note, "dependencies of its services were changed meanwhile"));

    /* One that could not be started again must not be stopped. */
    run_begin("T A>T N=stopped>T");
    run_step();
    world_person_starts(&run.world, "N");
    world_person_disables(&run.world, "N");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; start A; restored");
    assert_non_null(strstr(planned("T")->note, "N was started meanwhile and is disabled"));
    assert_true(world_runs(&run.world, "N"));

    /* Somebody makes storewatch itself depend on the target: it would stop itself. */
    run_begin("T A>T storewatch N=stopped>T");
    run_step();
    world_need(&run.world, "storewatch", "T");
    world_person_starts(&run.world, "N");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; start A; restored");
    assert_non_null(strstr(planned("T")->note, "storewatch would have to be stopped itself"));
}

static void test_plan_grows_to_its_bound_only(void **state)
{
    (void)state;
    run_prepare("T Last>T");
    for (size_t i = 0; i < RESTART_SERVICES_MAX - 1; i++) {
        char name[16];
        struct text text = text_on(name, sizeof(name));
        text_add(&text, "N%02zu", i);
        world_add(&run.world, name);
        world_need(&run.world, name, "T");
        world_put(&run.world, name, SERVICE_STATE_STOPPED);
    }
    run_begin(NULL);
    run_step();
    for (size_t i = 0; i < run.world.count; i++)
        world_person_starts(&run.world, run.world.services[i].name);
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_RESTORED);
    assert_non_null(strstr(planned("T")->note, "more than 64 services"));
    assert_true(world_runs(&run.world, "Last"));
    assert_int_equal(run.restart.journal.plan.count, 2);

    /* A full plan of which one was deleted has no room either: what was lost is told at the end. */
    run_prepare("T A>T N=stopped>T");
    for (size_t i = 2; i < RESTART_SERVICES_MAX; i++) {
        char name[16];
        struct text text = text_on(name, sizeof(name));
        text_add(&text, "N%02zu", i);
        world_add(&run.world, name);
        world_need(&run.world, name, "T");
    }
    run_begin(NULL);
    assert_int_equal(run.restart.journal.plan.count, RESTART_SERVICES_MAX);
    run_step(); /* stop A */
    world_person_deletes(&run.world, "A");
    world_advance(&run.world, 1000);
    world_person_starts(&run.world, "N");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; GAVE UP; handed over");
    assert_non_null(strstr(planned("T")->note, "more than 64 services"));
}

static void test_dependency_of_an_old_one_joins(void **state)
{
    (void)state;
    /* A needs T and N; N had died when the plan was made, and somebody repairs it meanwhile. A first, then N.
     */
    run_begin("B>T A>T,N N=stopped>T T");
    run_step(); /* stop A */
    world_get(&run.world, "A")->hangs_in_stop = true;
    world_person_starts(&run.world, "N");
    run_for(5000);
    world_unhang(&run.world, "A");
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop N; stop T; start T; start N; start B; start A; succeeded");
}

static void test_somebody_insists(void **state)
{
    (void)state;
    /* A is started again each time it was stopped: after RESTART_STOP_ROUNDS_MAX stops that is respected. */
    run_begin("T A>T");
    world_get(&run.world, "T")->hangs_in_stop = true; /* leaves time for it */
    run.world.enforce = false;
    for (int i = 0; i < 20 && run.restart.journal.phase == RESTART_STOPPING; i++) {
        run_for(20 * MS_PER_SECOND);
        world_person_starts(&run.world, "A");
    }
    assert_int_equal(world_get(&run.world, "A")->stopped_count, RESTART_STOP_ROUNDS_MAX);
    assert_true(run.restart.journal.stop_failed);
    assert_true(world_runs(&run.world, "A"));
    assert_non_null(strstr(planned("A")->note, "somebody started it again"));
}

/* One that somebody started again and that takes its time with our stop is not started again and again: and when
 * that stop comes into effect after we have turned back, it is ours. */
static void test_started_again_and_slow_to_stop(void **state)
{
    (void)state;
    for (int turns_back = 0; turns_back < 2; turns_back++) {
        run_begin("T A>T B>T");
        world_get(&run.world, "B")->stop_latency_ms = 10 * MS_PER_SECOND;
        run_for(4 * MS_PER_SECOND);
        assert_string_equal(run.log.data, "stop A; stop B");
        world_person_starts(&run.world, "A");
        world_get(&run.world, "A")->stops_late_ms = 20 * MS_PER_SECOND;
        run_for(35 * MS_PER_SECOND);
        assert_string_equal(run.log.data, "stop A; stop B; stop A");
        if (turns_back) {
            run_news(restart_abandon(&run.restart, "a person said so", run.world.utc_ms));
            run_crash();
        }
        run_to_end();
        assert_int_equal(run.restart.journal.outcome, turns_back ? RESTART_RESTORED : RESTART_SUCCEEDED);
        assert_true(world_runs(&run.world, "A"));
        assert_int_equal(run.world.services[1].stopped_count, 2);
        assert_int_equal(world_get(&run.world, "A")->started_count, 1);
    }
}

/* Between the look and the stop it dies, and the service manager starts it again. */
static void recover_unseen(const char *name)
{
    struct world_service *service = world_get(&run.world, name);
    service->recovers = true;
    service->start_latency_ms = 50;
    service->stops_late_ms = run.config.verify_ms + MS_PER_MINUTE;
    world_kill(&run.world, name, 1067);
    world_advance(&run.world, 200);
    assert_true(world_runs(&run.world, name));
}

static void recover_target(void)
{
    recover_unseen("T");
}

static void recover_dependent(void)
{
    recover_unseen("A");
}

/* A stop that hits a process younger than the look it was decided on may still come into effect, as long as a stop may
 * take: then it is ours. */
static void test_stop_hits_a_new_process(void **state)
{
    (void)state;
    for (int of_target = 0; of_target < 2; of_target++) {
        for (int crash = 0; crash < 2; crash++) {
            run_begin("T A>T");
            run_for(of_target ? 1000 : 0);
            run.before_request = of_target ? recover_target : recover_dependent;
            run_for(1000);
            assert_string_equal(run.log.data, of_target ? "stop A; stop T" : "stop A");
            if (!of_target)
                run_news(restart_abandon(&run.restart, "a person said so", run.world.utc_ms));
            run_for(crash ? 2000 : 0);
            if (crash)
                run_crash();
            run_to_end();
            world_advance(&run.world, run.config.stop_timeout_ms);
            assert_true(world_runs(&run.world, "T") && world_runs(&run.world, "A"));
            assert_int_equal(run.restart.journal.outcome, of_target ? RESTART_SUCCEEDED : RESTART_RESTORED);
        }
    }
}

static void test_dies_instead_of_stopping(void **state)
{
    (void)state;
    run_begin(FOUR);
    world_get(&run.world, "A")->dies_in_stop = true;
    world_get(&run.world, "T")->dies_in_stop = true;
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop B; stop C; stop A; stop T; start T; start A; start C; start B; succeeded");

    /* The target dies while its dependents are being stopped: it must come back at once; those that still run
     * stay. */
    run_begin(FOUR);
    run_for(2000);
    world_kill(&run.world, "T", 1067);
    run_to_end();
    assert_string_equal(run.log.data, "stop B; stop C; start T; start C; start B; succeeded");
    assert_true(world_runs(&run.world, "A"));

    /* The same before anything was touched. But a clean stop is a person's, who wants it so (or is just
     * restarting it by hand, which takes less than RESTART_SETTLE_MS and does the whole job): then nothing was
     * tried. */
    run_begin("T A>T");
    world_kill(&run.world, "T", 1067);
    run_to_end();
    assert_string_equal(run.log.data, "start T; succeeded");
    run_begin("T A>T");
    world_person_stops(&run.world, "T");
    run_to_end();
    assert_string_equal(run.log.data, "called off");
    assert_non_null(strstr(planned("T")->note, "stopped cleanly before storewatch did anything"));
    run_begin("T A>T");
    world_person_stops(&run.world, "T");
    run_for(5000);
    world_person_starts(&run.world, "T");
    run_to_end();
    assert_string_equal(run.log.data, "start A; succeeded");

    /* And one whose failure action has started it again: its new process is not stopped. */
    run_begin(FOUR);
    run_for(2000);
    world_get(&run.world, "T")->recovers = true;
    world_kill(&run.world, "T", 1067);
    run_to_end();
    assert_string_equal(run.log.data, "stop B; stop C; start C; start B; succeeded");
}

static void test_vanishes(void **state)
{
    (void)state;
    /* A dependent is deleted while stopping: gone is stopped; it cannot come back, and that is said. */
    run_begin("T A>T B>T");
    run_step(); /* stop A */
    world_person_deletes(&run.world, "A");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop B; stop T; GAVE UP; start T; start B; handed over");
    assert_non_null(strstr(planned("A")->note, "deleted"));

    /* Deleted later, marked while it is still open somewhere: the start says so (1072). */
    run_begin("T A>T B>T");
    run_to_phase(RESTART_STARTING);
    world_get(&run.world, "A")->marked_for_delete = true;
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop T; start T; start B; start A (1072); GAVE UP; handed over");

    /* The target itself: the others need it, so they go with it; what runs is left alone. */
    run_begin("T A>T B>T");
    run_for(1000);
    world_get(&run.world, "T")->exists = false;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);
    assert_non_null(strstr(planned("T")->note, "deleted"));
    assert_non_null(strstr(planned("A")->note, "needs T"));
    assert_true(world_runs(&run.world, "B"));

    /* Before anything was touched nobody took anything over, and nothing is to be started. */
    run_begin("T A>T");
    world_get(&run.world, "T")->exists = false;
    run_to_end();
    assert_string_equal(run.log.data, "called off");
    assert_string_equal(planned("T")->note, "called off: deleted before storewatch did anything");
    assert_true(world_runs(&run.world, "A"));
    assert_true(restart_plan_untouched(&run.restart.journal.plan));

    /* The stop of its dependent was refused, which touches nothing. */
    run_begin("T A>T");
    world_get(&run.world, "A")->refuse_stop_code = 1061;
    world_get(&run.world, "A")->refuse_stop_count = 100;
    run_for(1500);
    world_get(&run.world, "T")->exists = false;
    run_to_end();
    assert_non_null(strstr(run.log.data, "called off"));
    assert_true(world_runs(&run.world, "A"));
}

static void test_disabled_meanwhile(void **state)
{
    (void)state;
    /* Before its stop: not stopped at all, everything back. */
    run_begin("T A>T B>T");
    run_step();
    world_person_disables(&run.world, "T");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; start A; restored");
    assert_non_null(strstr(planned("T")->note, "disabled meanwhile"));

    /* After its stop: given up, the others come back. */
    run_begin("T A>T B>T");
    run_to_phase(RESTART_STARTING);
    world_person_disables(&run.world, "B");
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop B; stop T; start T; GAVE UP; start A; handed over");
    assert_int_equal(planned("B")->start, STEP_GIVEN_UP);

    /* The same found by the SCM's answer alone. */
    run_begin("T A>T B>T");
    run_to_phase(RESTART_STARTING);
    run.blind_graph = true;
    world_person_disables(&run.world, "B");
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop T; start T; start B (1058); GAVE UP; start A; handed over");
    assert_non_null(strstr(planned("B")->note, "start refused: it is disabled (1058)"));

    /* The target is disabled and stopped: nobody can start what needs it, and that is said once for all. */
    run_begin("T A>T B>T");
    run_to_phase(RESTART_STARTING);
    look(&run.world);
    world_person_disables(&run.world, "T");
    world_put(&run.world, "T", SERVICE_STATE_STOPPED);
    run.blind_graph = true;
    run_to_end();
    assert_int_equal(run.restart.journal.outcome, RESTART_HANDED_OVER);
    assert_int_equal(planned("A")->start, STEP_GIVEN_UP);
    assert_int_equal(planned("B")->start, STEP_GIVEN_UP);
    assert_int_equal(world_get(&run.world, "A")->started_count, 0);
}

/* What was read long ago says of nobody that he may be stopped, nor that he is disabled still. */
static void test_old_graph(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    run_step();
    assert_string_equal(run.log.data, "stop A");
    run.restart.graph_old = true;
    run_for(MS_PER_MINUTE);
    assert_string_equal(run.log.data, "stop A");
    assert_true(run.restart.graph_wanted);
    assert_non_null(strstr(run.restart.waiting_for, "B: before it is stopped"));
    run.restart.graph_old = false;
    run_to_phase(RESTART_STARTING);
    assert_string_equal(run.log.data, "stop A; stop B; stop T; start T");
    assert_false(run.restart.graph_wanted);
    run.restart.graph_old = true;
    world_person_disables(&run.world, "B"); /* the service manager is asked: it knows */
    run_to_end();
    assert_string_equal(run.log.data,
                        "stop A; stop B; stop T; start T; start B (1058); GAVE UP; start A; handed over");

    /* It is not read: in the end everything is as it was. */
    run_begin("T A>T B>T");
    run_step();
    run.restart.graph_old = true;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; start A; restored");
}

static void test_pending_before_the_first_stop(void **state)
{
    (void)state;
    run_begin("T A>T B>T");
    world_put(&run.world, "B", SERVICE_STATE_STOP_PENDING); /* a person's own stop, after the plan was made */
    world_get(&run.world, "B")->hangs_in_stop = true;
    run_for(60 * MS_PER_SECOND);
    assert_string_equal(run.log.data, "");
    assert_non_null(strstr(run.restart.waiting_for, "B: stop pending, not caused by storewatch"));
    assert_true(restart_untouched(&run.restart));
    run_to_end();
    assert_string_equal(run.log.data, "restored"); /* after stop_timeout, without having touched anything */

    run_begin("T A>T B>T");
    world_get(&run.world, "B")->accepts_stop = false;
    run_for(60 * MS_PER_SECOND);
    assert_string_equal(run.log.data, "");
    assert_non_null(strstr(run.restart.waiting_for, "B: takes no stop control now"));
    world_get(&run.world, "B")->accepts_stop = true;
    run_to_end();
    assert_string_equal(run.log.data, "stop A; stop B; stop T; start T; start B; start A; succeeded");
}

static void test_late_answer_to_a_stop(void **state)
{
    (void)state;
    /* The SCM does not answer the stop of T for longer than stop_timeout; the answer, and the stop, come
     * later. */
    run_begin("T A>T");
    run_for(1000);
    look(&run.world);
    struct restart_request request, second;
    run_news(restart_step(&run.restart, observation, &graph, run.world.mono_ms, run.world.utc_ms, &request));
    assert_string_equal(request.service, "T");
    for (int i = 0; i < 25 * 60; i++) {
        world_advance(&run.world, 1000);
        look(&run.world);
        run_news(
            restart_step(&run.restart, observation, &graph, run.world.mono_ms, run.world.utc_ms, &second));
        assert_int_equal(second.kind, REQUEST_NONE);
    }
    assert_true(run.restart.journal.stop_failed);
    assert_int_equal(world_stop(&run.world, "T"), 0);
    restart_told(&run.restart, &request, STATUS_OK, 0, run.world.mono_ms);
    run_to_end();
    assert_true(world_runs(&run.world, "T"));
    assert_true(world_runs(&run.world, "A"));
    assert_int_equal(run.restart.journal.outcome, RESTART_SUCCEEDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slow_stop),
        cmocka_unit_test(test_quiet_stop_is_called_hung),
        cmocka_unit_test(test_process_gone_before_its_service),
        cmocka_unit_test(test_hung_stop_turns_back),
        cmocka_unit_test(test_hung_stop_does_not_hold_the_others),
        cmocka_unit_test(test_hung_target_ends_late),
        cmocka_unit_test(test_shared_process_ends_late),
        cmocka_unit_test(test_stop_ignored),
        cmocka_unit_test(test_stop_refused),
        cmocka_unit_test(test_dependent_started_meanwhile),
        cmocka_unit_test(test_plan_grows_to_its_bound_only),
        cmocka_unit_test(test_dependency_of_an_old_one_joins),
        cmocka_unit_test(test_somebody_insists),
        cmocka_unit_test(test_started_again_and_slow_to_stop),
        cmocka_unit_test(test_stop_hits_a_new_process),
        cmocka_unit_test(test_dies_instead_of_stopping),
        cmocka_unit_test(test_vanishes),
        cmocka_unit_test(test_disabled_meanwhile),
        cmocka_unit_test(test_pending_before_the_first_stop),
        cmocka_unit_test(test_late_answer_to_a_stop),
        cmocka_unit_test(test_old_graph),
    };
    return cmocka_run_group_tests(tests, run_set_up, run_tear_down);
}

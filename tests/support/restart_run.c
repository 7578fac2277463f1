/* restart_run.c - see restart_run.h. */
#include "restart_run.h"

#include "storewatch/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void world_from(struct world *world, const char *spec)
{
    static const struct {
        const char *word;
        enum service_state state;
    } states[] = {{"stopped", SERVICE_STATE_STOPPED},
                  {"paused", SERVICE_STATE_PAUSED},
                  {"starting", SERVICE_STATE_START_PENDING},
                  {"stopping", SERVICE_STATE_STOP_PENDING},
                  {"pausing", SERVICE_STATE_PAUSE_PENDING},
                  {"running", SERVICE_STATE_RUNNING},
                  {"continuing", SERVICE_STATE_CONTINUE_PENDING}};
    world_init(world);
    for (int pass = 0; pass < 2; pass++) { /* all names first: needs may point forward */
        char copy[512];
        assert_true(text_copy(copy, sizeof(copy), spec));
        char *rest = NULL;
        for (char *token = strtok_r(copy, " ", &rest); token != NULL; token = strtok_r(NULL, " ", &rest)) {
            char *needs = strchr(token, '>');
            if (needs != NULL)
                *needs++ = '\0';
            char *state = strchr(token, '=');
            if (state != NULL)
                *state++ = '\0';
            if (pass == 0) {
                struct world_service *service = world_add(world, token);
                for (size_t i = 0; state != NULL && i < ARRAY_COUNT(states); i++)
                    if (strcmp(states[i].word, state) == 0)
                        world_put(world, token, states[i].state);
                if (state != NULL && strcmp(state, "disabled") == 0)
                    service->start_type = START_DISABLED;
                else if (state != NULL && strcmp(state, "deaf") == 0)
                    service->accepts_stop = false;
                else if (state != NULL && strcmp(state, "unreadable") == 0)
                    service->unreadable = true;
                continue;
            }
            char *more = NULL;
            for (char *need = needs != NULL ? strtok_r(needs, ",", &more) : NULL; need != NULL;
                 need = strtok_r(NULL, ",", &more))
                world_need(world, token, need);
        }
    }
}

struct observation *observation;
struct service_graph graph;

void look(const struct world *world)
{
    world_observe(world, observation);
    service_graph_deinit(&graph);
    world_graph(world, &graph);
}

struct run run;

static void run_log(const char *format, ...) PRINTF_LIKE(1, 2);
static void run_log(const char *format, ...)
{
    if (run.log.length > 0)
        text_add(&run.log, "; ");
    va_list args;
    va_start(args, format);
    text_add_v(&run.log, format, args);
    va_end(args);
    assert_false(run.log.truncated);
}

void run_prepare(const char *spec)
{
    memset(&run, 0, sizeof(run));
    world_from(&run.world, spec);
    run.log = text_on(run.log_storage, sizeof(run.log_storage));
    run.step_ms = 1000;
    run.config.stop_timeout_ms = 20 * MS_PER_MINUTE;
    run.config.start_timeout_ms = 30 * MS_PER_MINUTE;
    run.config.verify_ms = 10 * MS_PER_MINUTE;
}

void run_begin(const char *spec)
{
    if (spec != NULL)
        run_prepare(spec);
    look(&run.world);
    static struct restart_journal journal;
    journal = (struct restart_journal){.id = 1, .begun_utc_ms = run.world.utc_ms, .target = "T"};
    struct err err = {0};
    if (restart_plan_make(&graph, observation, "T", &journal.plan, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    restart_begin(&run.restart, &run.config, &journal, run.world.mono_ms);
    run.saved = run.restart.journal;
}

void run_news(unsigned news)
{
    run.news |= news;
    if (news & RESTART_NEWS_DOWN) {
        run.down_count++;
        run_log("DOWN %s", run.restart.down_service);
    }
    if (news & RESTART_NEWS_GAVE_UP)
        run_log("GAVE UP");
    if (news & RESTART_NEWS_UP_AGAIN)
        run_log("UP AGAIN");
    if (news & RESTART_NEWS_ENDED)
        run_log("%s", restart_outcome_name(run.restart.journal.outcome));
    if (news & RESTART_NEWS_STEP)
        run.saved = run.restart.journal;
    assert_memory_equal(&run.saved, &run.restart.journal, sizeof(run.saved)); /* whatever changed was told */
}

void run_step(void)
{
    look(&run.world);
    world_advance(&run.world, run.look_takes_ms);
    struct restart_request request;
    run_news(restart_step(&run.restart, observation, run.blind_graph ? NULL : &graph, run.world.mono_ms,
                          run.world.utc_ms, &request));
    if (request.kind != REQUEST_NONE) {
        static const char *const verbs[] = {
            [REQUEST_STOP] = "stop", [REQUEST_START] = "start", [REQUEST_TERMINATE] = "terminate"};
        if (run.before_request != NULL) {
            run.before_request();
            run.before_request = NULL;
        }
        const uint32_t code = request.kind == REQUEST_STOP    ? world_stop(&run.world, request.service)
                              : request.kind == REQUEST_START ? world_start(&run.world, request.service)
                                                              : world_terminate(&run.world, request.process);
        char answer[32] = "";
        struct text text = text_on(answer, sizeof(answer));
        if (code != 0)
            text_add(&text, " (%u)", (unsigned)code);
        run_log("%s %s%s", verbs[request.kind], request.service, answer);
        restart_told(&run.restart, &request, world_status(code), code, run.world.mono_ms);
    }
}

void run_for(int64_t ms)
{
    for (int64_t end_ms = run.world.mono_ms + ms; run.world.mono_ms < end_ms;) {
        run_step();
        world_advance(&run.world, run.step_ms);
    }
}

void run_to_end(void)
{
    for (int i = 0; i < 100000 && run.restart.journal.phase != RESTART_ENDED; i++) {
        run_step();
        world_advance(&run.world, run.step_ms);
    }
    assert_int_equal(run.restart.journal.phase, RESTART_ENDED);
    assert_int_not_equal(run.restart.journal.ended_utc_ms, 0);
    struct restart_request request;
    look(&run.world);
    assert_int_equal(
        restart_step(&run.restart, observation, &graph, run.world.mono_ms, run.world.utc_ms, &request), 0);
    assert_int_equal(request.kind, REQUEST_NONE);
}

void run_to_phase(enum restart_phase phase)
{
    for (int i = 0; i < 10000 && run.restart.journal.phase != phase; i++) {
        run_step();
        world_advance(&run.world, run.step_ms);
    }
    assert_int_equal(run.restart.journal.phase, phase);
}

void run_crash(void)
{
    const struct restart_journal saved = run.saved;
    memset(&run.restart, 0xEE, sizeof(run.restart)); /* nothing of it may be needed */
    restart_resume(&run.restart, &run.config, &saved, run.world.mono_ms);
    run.saved = run.restart.journal; /* what resume changes may be lost at no cost: it changes it again */
}

const struct restart_service *planned(const char *name)
{
    for (size_t i = 0; i < run.restart.journal.plan.count; i++)
        if (strcmp(run.restart.journal.plan.services[i].name, name) == 0)
            return &run.restart.journal.plan.services[i];
    fail_msg("%s is not in the plan", name);
    return NULL;
}

void hang(const char *name)
{
    world_get(&run.world, name)->hangs_in_stop = true;
}

int run_set_up(void **state)
{
    (void)state;
    observation = observation_new();
    return observation == NULL;
}

int run_tear_down(void **state)
{
    (void)state;
    observation_free(observation);
    service_graph_deinit(&graph);
    return 0;
}

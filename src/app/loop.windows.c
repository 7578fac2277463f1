/* loop.windows.c - see loop.h.
 *
 * The poll grid is kept on the monotonic clock: slot k is at start + k * interval, whatever the work takes.
 * Work in the lanes runs on libuv's pool, which is given a thread for each lane, so that no lane ever waits
 * for another. */
#include "storewatch/loop.h"

#include "storewatch/mailer.h"

#include "control_pipe.h"

#include <stdlib.h>

struct lane_work {
    uv_work_t work;
    struct loop *loop;
    struct job *job;
    bool running;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t grid, wake, deadline;
    uv_async_t requests;
    struct agent *agent;
    struct os *os;
    struct control_server *control;
    struct lane_work lanes[LANE_COUNT];
    int64_t interval_ms, next_slot_mono_ms;
    int stop_wanted, shutdown_wanted, reload_wanted; /* __atomic, set from any thread */
    bool stopping, ended, timed_out;
};

static void arm_grid(struct loop *loop);
static void pump(struct loop *loop);

static void on_work(uv_work_t *work)
{
    job_run(((struct lane_work *)work->data)->job);
}

static void on_work_done(uv_work_t *work, int code)
{
    (void)code; /* work is never cancelled */
    struct lane_work *lane = work->data;
    lane->running = false;
    agent_job_done(lane->loop->agent, lane->job);
    pump(lane->loop);
}

static void close_all(struct loop *loop)
{
    loop->ended = true;
    control_server_close(loop->control);
    loop->control = NULL;
    uv_close((uv_handle_t *)&loop->grid, NULL);
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->deadline, NULL);
    uv_close((uv_handle_t *)&loop->requests, NULL);
}

/* A lane that is still at work (a relay that does not answer, an SCM that hangs) is not waited for. */
static void end_loop(struct loop *loop)
{
    for (size_t lane = 0; lane < LANE_COUNT; lane++)
        loop->timed_out |= loop->lanes[lane].running;
    close_all(loop);
    if (loop->timed_out)
        uv_stop(&loop->uv);
}

static void on_wake(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    agent_wake(loop->agent);
    pump(loop);
}

static void arm_wake(struct loop *loop)
{
    int64_t at_ms = agent_next_wake_mono_ms(loop->agent);
    if (at_ms == INT64_MAX) {
        uv_timer_stop(&loop->wake);
        return;
    }
    int64_t in_ms = at_ms - os_mono_ms(loop->os);
    uv_timer_start(&loop->wake, on_wake, in_ms > 0 ? (uint64_t)in_ms : 1, 0);
}

/* Gives each idle lane its next job, then sees when to come back. */
static void pump(struct loop *loop)
{
    if (loop->ended)
        return;
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        struct job *job = agent_take_job(loop->agent, (enum lane)lane);
        if (!job)
            continue;
        loop->lanes[lane].job = job;
        loop->lanes[lane].running = true;
        uv_queue_work(&loop->uv, &loop->lanes[lane].work, on_work, on_work_done);
    }
    if (loop->stopping && agent_is_quiet(loop->agent)) {
        end_loop(loop);
        return;
    }
    uv_update_time(&loop->uv);
    arm_wake(loop);
    if (agent_interval_ms(loop->agent) != loop->interval_ms) {
        loop->interval_ms = agent_interval_ms(loop->agent);
        loop->next_slot_mono_ms = os_mono_ms(loop->os);
        arm_grid(loop);
    }
}

/* After a sleep of the machine or a long stall the slots in between are gone: the grid goes on from now, in
 * phase.
 */
static void on_grid(uv_timer_t *timer)
{
    struct loop *loop = timer->data;
    int64_t late_ms = os_mono_ms(loop->os) - loop->next_slot_mono_ms;
    loop->next_slot_mono_ms += loop->interval_ms * (1 + (late_ms > 0 ? late_ms / loop->interval_ms : 0));
    agent_poll(loop->agent);
    pump(loop);
    if (!loop->ended)
        arm_grid(loop);
}

static void arm_grid(struct loop *loop)
{
    uv_update_time(&loop->uv);
    int64_t in_ms = loop->next_slot_mono_ms - os_mono_ms(loop->os);
    uv_timer_start(&loop->grid, on_grid, in_ms > 0 ? (uint64_t)in_ms : 0, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    end_loop(timer->data);
}

static void on_requests(uv_async_t *async)
{
    struct loop *loop = async->data;
    if (loop->ended)
        return;
    if (__atomic_exchange_n(&loop->reload_wanted, 0, __ATOMIC_ACQ_REL))
        agent_reload(loop->agent);
    if (__atomic_load_n(&loop->stop_wanted, __ATOMIC_ACQUIRE) && !loop->stopping) {
        loop->stopping = true;
        uv_timer_stop(&loop->grid);
        uv_timer_start(&loop->deadline, on_deadline, LOOP_STOP_DEADLINE_MS, 0);
        agent_stop(loop->agent, __atomic_load_n(&loop->shutdown_wanted, __ATOMIC_ACQUIRE) != 0);
    }
    pump(loop);
}

/* Libuv reads it when the first work is queued; a lane that hangs (an SCM that does not answer) holds its own
 * thread only. One more than lanes, for libuv's own use. Libuv asks the C library's copy of the environment,
 * which uv_os_setenv does not change. */
static enum status pool_size_set(struct err *err)
{
    char setting[32];
    struct text text = text_on(setting, sizeof setting);
    text_add(&text, "UV_THREADPOOL_SIZE=%d", LANE_COUNT + 1);
    return _putenv(setting) == 0 ? STATUS_OK
                                 : err_set(err, STATUS_NO_MEMORY, "loop_new", 0, "no memory to start");
}

enum status loop_new(const struct loop_options *options, struct loop **out_loop, struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (!loop)
        return err_set(err, STATUS_NO_MEMORY, "loop_new", 0, "no memory to start");
    enum status status = pool_size_set(err);
    if (!status)
        status = mailer_global_init(err);
    if (!status) {
        status = agent_new(options->os, options->config, &options->agent, &loop->agent, err);
        if (status)
            mailer_global_deinit();
    }
    const int code = status ? 0 : uv_loop_init(&loop->uv);
    if (code != 0) { /* no handle for its port is left, or no memory */
        status = err_set(err, STATUS_NO_MEMORY, "uv_loop_init", (uint32_t)-code, "no loop to start: %s",
                         uv_strerror(code));
        agent_free(loop->agent);
        mailer_global_deinit();
    }
    if (status) {
        free(loop);
        return status;
    }
    loop->os = options->os;
    loop->interval_ms = agent_interval_ms(loop->agent);
    uv_timer_init(&loop->uv, &loop->grid);
    uv_timer_init(&loop->uv, &loop->wake);
    uv_timer_init(&loop->uv, &loop->deadline);
    uv_async_init(&loop->uv, &loop->requests, on_requests);
    loop->grid.data = loop->wake.data = loop->deadline.data = loop->requests.data = loop;
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        loop->lanes[lane].loop = loop;
        loop->lanes[lane].work.data = &loop->lanes[lane];
    }
    /* Without the pipe storewatch still does its job. */
    struct err unreachable = {0};
    if (options->with_control_pipe && control_server_open(&loop->uv, loop->agent, &loop->requests,
                                                          &loop->control, &unreachable) != STATUS_OK)
        agent_tell_no_control(loop->agent, unreachable.text);
    *out_loop = loop;
    return STATUS_OK;
}

bool loop_run(struct loop *loop)
{
    loop->next_slot_mono_ms = os_mono_ms(loop->os);
    arm_grid(loop);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return !loop->timed_out;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    if (!loop->ended) { /* never run */
        close_all(loop);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
    }
    uv_loop_close(&loop->uv);
    agent_free(loop->agent);
    mailer_global_deinit();
    free(loop);
}

void loop_request_stop(struct loop *loop, bool os_shutdown)
{
    __atomic_store_n(&loop->shutdown_wanted, os_shutdown ? 1 : 0, __ATOMIC_RELEASE);
    __atomic_store_n(&loop->stop_wanted, 1, __ATOMIC_RELEASE);
    uv_async_send(&loop->requests);
}

void loop_request_reload(struct loop *loop)
{
    __atomic_store_n(&loop->reload_wanted, 1, __ATOMIC_RELEASE);
    uv_async_send(&loop->requests);
}

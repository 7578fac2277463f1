/* loop.h - drives an agent: the poll grid, the worker lanes and the control pipe, on one libuv loop. */
#ifndef STOREWATCH_LOOP_H
#define STOREWATCH_LOOP_H

#include "storewatch/agent.h"

/* A stop waits this long for what is to be saved; then the process may end (the journal is on disk anyway).
 */
#define LOOP_STOP_DEADLINE_MS 5000

struct loop;

struct loop_options {
    struct os *os; /* borrowed, must outlive the loop */
    const struct config *config;
    struct agent_options agent;
    bool with_control_pipe; /* answer `status` and its like on the local pipe */
};

/* Makes the agent and the loop; nothing runs yet. */
enum status loop_new(const struct loop_options *options, struct loop **out_loop, struct err *err);
/* Runs until a stop was requested and what is to be saved is saved, or the deadline has passed. Returns
 * whether everything ended in time: if not, jobs may still be running, and the caller ends the process
 * without loop_free. */
bool loop_run(struct loop *loop);
void loop_free(struct loop *loop);

/* From any thread, also before loop_run. */
void loop_request_stop(struct loop *loop, bool os_shutdown);
void loop_request_reload(struct loop *loop);

#endif

/* control_pipe.h - the control pipe's server on the loop's libuv loop; shared by loop.windows.c and
 * control.windows.c only, because it speaks libuv. */
#ifndef STOREWATCH_CONTROL_PIPE_H
#define STOREWATCH_CONTROL_PIPE_H

#include "storewatch/control.h"

#include <uv.h>

struct control_server;

/* Listens. The agent is borrowed until control_server_close, and so is `asked`, which is sent after each
 * request: the agent may have work now, that shall not wait for the next slot. */
enum status control_server_open(uv_loop_t *uv, struct agent *agent, uv_async_t *asked,
                                struct control_server **out_server, struct err *err);
/* Closes all handles; the memory is freed when libuv has run their close callbacks. NULL is fine. */
void control_server_close(struct control_server *server);

#endif

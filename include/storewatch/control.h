/* control.h - the local control pipe: one line asks, one JSON text answers, then the connection is closed.
 *
 * A line is one JSON object:
 *   {"request": "status"}
 *   {"request": "maintenance", "for_ms": 7200000, "reason": "..."}     for_ms 0 ends it
 *   {"request": "restart", "service": "...", "reason": "..."}
 * The answer is the status object, or {"error": "..."}. Only Administrators, SYSTEM and
 * the account of the service can connect to the pipe. At most CONTROL_CLIENTS_MAX are served
 * at a time, each for at most CONTROL_TIMEOUT_MS. */
#ifndef STOREWATCH_CONTROL_H
#define STOREWATCH_CONTROL_H

#include "storewatch/agent.h"

#define CONTROL_PIPE_NAME "\\\\.\\pipe\\storewatch"
#define CONTROL_LINE_MAX 4096
#define CONTROL_CLIENTS_MAX 8
#define CONTROL_TIMEOUT_MS 10000
#define CONTROL_ANSWER_MAX (8 * 1024 * 1024)

/* What a line is answered with: heap text owned by the caller, NULL without memory. Portable: tested and
 * fuzzed natively. */
char *control_answer(struct agent *agent, const char *line, size_t length);

/* The client's side: asks and waits for the whole answer. NOT_FOUND when no service listens. */
enum status control_ask(const char *line, char **out_answer, struct err *err);
/* Between two questions. */
void control_pause(unsigned int ms);

#endif

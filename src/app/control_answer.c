/* control_answer.c - the lines of the control pipe and their answers. Portable; the pipe itself is in
 * control.windows.c. */
#include "storewatch/control.h"

#include <stdlib.h>
#include <string.h>

static char *copy_of(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

char *control_answer(struct agent *agent, const char *line, size_t length)
{
    while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    if (length == strlen("status") && memcmp(line, "status", length) == 0)
        return agent_status_json(agent);
    return copy_of("{\"error\": \"unknown request; known: status\"}");
}

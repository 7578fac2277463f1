/* control_answer.c - the requests of the control pipe and their answers. Portable; the pipe itself is in
 * control.windows.c. What comes in is untrusted: parsed by jansson, every member checked. */
#include "storewatch/control.h"

#include <jansson.h>

#include <string.h>

static char *error_answer(const char *text)
{
    json_t *root = json_pack("{s:s}", "error", text);
    char *answer = root ? json_dumps(root, 0) : NULL;
    json_decref(root);
    return answer;
}

static char *answer_or_status(struct agent *agent, enum status status, const struct err *err)
{
    return status ? error_answer(err->text) : agent_status_json(agent);
}

static char *maintenance(struct agent *agent, const json_t *request, int64_t utc_ms)
{
    const json_t *for_ms = json_object_get(request, "for_ms");
    const char *reason = json_string_value(json_object_get(request, "reason"));
    if (!json_is_integer(for_ms) || json_integer_value(for_ms) < 0)
        return error_answer("for_ms: a whole number of milliseconds from 0 on is wanted");
    json_int_t duration_ms = json_integer_value(for_ms);
    if (duration_ms > 0 && (!reason || !reason[0]))
        return error_answer("reason: a text is wanted");
    if (duration_ms > MAINTENANCE_MAX_MS)
        duration_ms = MAINTENANCE_MAX_MS + 1; /* refused there, with the bound; the sum cannot overflow */
    struct err err = {0};
    enum status status =
        agent_maintenance(agent, duration_ms ? utc_ms + duration_ms : 0, reason ? reason : "", &err);
    return answer_or_status(agent, status, &err);
}

static char *restart(struct agent *agent, const json_t *request)
{
    const char *service = json_string_value(json_object_get(request, "service"));
    const char *reason = json_string_value(json_object_get(request, "reason"));
    if (!service || !service[0] || strlen(service) >= SERVICE_NAME_MAX)
        return error_answer("service: the name of a service is wanted");
    if (!reason || !reason[0])
        return error_answer("reason: a text is wanted");
    struct err err = {0};
    return answer_or_status(agent, agent_restart(agent, service, reason, &err), &err);
}

char *control_answer(struct agent *agent, const char *line, size_t length)
{
    json_error_t error;
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(request, "request"));
    char *answer;
    if (!name)
        answer = error_answer("a request is wanted: {\"request\": \"status\"}");
    else if (strcmp(name, "status") == 0)
        answer = agent_status_json(agent);
    else if (strcmp(name, "maintenance") == 0)
        answer = maintenance(agent, request, agent_utc_ms(agent));
    else if (strcmp(name, "restart") == 0)
        answer = restart(agent, request);
    else
        answer = error_answer("unknown request; known are status, maintenance, restart");
    json_decref(request);
    return answer;
}

/* alert.c - lines of an alert. A line is cut at its bound, and says so; a line too many is dropped: an alert
 * never fails.
 */
#include "storewatch/alert.h"

bool alert_tells_pause(const struct alert *alert)
{
    return alert->kind == ALERT_REMINDER && alert->has_incident && alert->read_utc_ms == 0 &&
           incident_pauses(&alert->incident, alert->hardly_grows);
}

static void add_line(char lines[][ALERT_LINE_MAX], size_t capacity, size_t *count, const char *format,
                     va_list args)
{
    if (*count >= capacity)
        return;
    struct text line = text_on(lines[*count], ALERT_LINE_MAX);
    text_add_v(&line, format, args);
    text_tell_cut(&line);
    (*count)++;
}

void alert_add_done(struct alert *alert, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(alert->done, ARRAY_COUNT(alert->done), &alert->done_count, format, args);
    va_end(args);
}

void alert_add_todo(struct alert *alert, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_line(alert->todo, ARRAY_COUNT(alert->todo), &alert->todo_count, format, args);
    va_end(args);
}

/* report_timeline.c - what happened, at a glance: a bar for each incident, a line for each restart. */
#include "report_internal.h"

#include <string.h>

#define ROW_HEIGHT 36 /* CSS pixels: the name, and the bars below it */
#define BAR_TOP 18
#define BAR_HEIGHT 10

static void add_bar(struct buffer *page, const struct report_timeline *timeline, int64_t from_ms,
                    int64_t to_ms, int y, const char *class_name)
{
    from_ms = from_ms > timeline->from_utc_ms ? from_ms : timeline->from_utc_ms;
    to_ms = to_ms < timeline->to_utc_ms ? to_ms : timeline->to_utc_ms;
    if (to_ms < from_ms)
        return;
    const double x = report_percent(timeline->from_utc_ms, timeline->to_utc_ms, from_ms);
    buffer_add(page, "<rect class=\"%s\" x=\"%.3f%%\" width=\"%.3f%%\" y=\"%d\" height=\"%d\"/>\n",
               class_name, x, report_percent(timeline->from_utc_ms, timeline->to_utc_ms, to_ms) - x, y,
               BAR_HEIGHT);
}

/* Spans of one name, which follow each other, share a row. */
static int count_rows(const struct report_timeline *timeline)
{
    int rows = 0;
    for (size_t i = 0; i < timeline->span_count; i++)
        rows += i == 0 || strcmp(timeline->spans[i].name, timeline->spans[i - 1].name) != 0;
    return rows;
}

void report_page_timeline(struct buffer *page, const struct report_timeline *timeline)
{
    const int top = timeline->mark_count > 0 ? 8 + REPORT_MARK_ROWS * REPORT_MARK_ROW_HEIGHT : 0;
    const int bottom = top + count_rows(timeline) * ROW_HEIGHT;
    if (timeline->to_utc_ms <= timeline->from_utc_ms || timeline->span_count + timeline->mark_count == 0)
        return;
    bool any_grew = false, any_closed = false, any_open = false;
    buffer_add(
        page,
        "<section>\n<h2>What happened</h2>\n<figure><svg class=\"chart wide\" height=\"%d\" role=\"img\" "
        "aria-label=\"incidents and restarts\"><line class=\"axis\" x1=\"0\" x2=\"100%%\" y1=\"%d\" "
        "y2=\"%d\"/>\n",
        bottom + REPORT_TIME_AXIS_HEIGHT, bottom, bottom);
    report_add_time_axis(page, timeline->from_utc_ms, timeline->to_utc_ms, bottom);
    int y = top - ROW_HEIGHT;
    for (size_t i = 0; i < timeline->span_count; i++) {
        const struct report_span *span = &timeline->spans[i];
        const bool is_open = span->end_utc_ms == INT64_MAX;
        if (i == 0 || strcmp(span->name, timeline->spans[i - 1].name) != 0) {
            y += ROW_HEIGHT;
            buffer_add(page, "<text class=\"name\" x=\"0\" y=\"%d\">", y + BAR_TOP - 6);
            report_add_escaped(page, span->name);
            buffer_add(page, "</text>\n");
        }
        any_grew = any_grew || span->onset_utc_ms < span->opened_utc_ms;
        any_open = any_open || is_open;
        any_closed = any_closed || !is_open;
        add_bar(page, timeline, span->onset_utc_ms, span->opened_utc_ms, y + BAR_TOP, "grew");
        add_bar(page, timeline, span->opened_utc_ms, span->end_utc_ms, y + BAR_TOP,
                is_open ? "open" : "closed");
    }
    report_add_marks(page, timeline->from_utc_ms, timeline->to_utc_ms, timeline->marks, timeline->mark_count,
                     bottom);
    buffer_add(page, "</svg>\n<figcaption><ul class=\"key\">\n");
    report_add_key_item(page, any_grew, "grew", REPORT_KEY_AREA, "it grew, as known later");
    report_add_key_item(page, any_closed, "closed", REPORT_KEY_AREA, "incident, ended");
    report_add_key_item(page, any_open, "open", REPORT_KEY_AREA, "incident, still open");
    buffer_add(page, "</ul></figcaption></figure>\n");
    report_add_mark_list(page, timeline->marks, timeline->mark_count);
    buffer_add(page, "</section>\n");
}

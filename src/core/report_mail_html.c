/* report_mail_html.c - the HTML part of an alert's mail.
 *
 * It is what both Outlook 2003 (Internet Explorer 6) and Word-based Outlooks draw: nested tables with width,
 * height and bgcolor attributes, inline styles, nothing positioned, no image, no script, no reference. The
 * chart's columns are table cells of a given height; a conditional comment gives those clients, which know no
 * max-width, their 600 pixels. */
#include "report_culprit.h"
#include "report_telling.h"

#include <inttypes.h>
#include <string.h>

#define SLOTS 48
#define CHART_HEIGHT 110
#define FONT "font-family:'Segoe UI',Tahoma,Arial,sans-serif;"
#define TABLE "<table width=\"100%%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\">"
#define SMALL "style=\"" FONT "font-size:12px;line-height:16px;color:#5a6270\""
#define CELL_EXACT "font-size:1px;line-height:1px;mso-line-height-rule:exactly"

#define BODY "<body bgcolor=\"#ffffff\" style=\"margin:0;padding:0;background-color:#ffffff\">\n"

struct colours {
    const char *strong, *pale;
};
static const struct colours colours_quiet = {"#6b7686", "#d6dce4"};

static struct colours colours_of(const struct report_telling *telling)
{
    static const struct colours error = {"#b3261e", "#f4c9c5"};
    static const struct colours warning = {"#b25e09", "#f6d9b8"};
    static const struct colours good = {"#1b7344", "#bfe3cd"};
    static const struct colours neutral = {"#1f5fa8", "#c5daf2"};
    switch (telling->severity) {
    case SEVERITY_ERROR:
        return error;
    case SEVERITY_WARNING:
        return warning;
    case SEVERITY_INFORMATION:
        break;
    }
    return telling->alert->kind == ALERT_RECOVERED || telling->alert->kind == ALERT_SERVICE_UP_AGAIN ||
                   telling->alert->kind == ALERT_SIGHT_BACK
               ? good
               : neutral;
}

static void add_heading(struct buffer *out, const char *heading)
{
    buffer_add(out,
               "<tr><td style=\"" FONT
               "font-size:13px;line-height:18px;font-weight:bold;color:#3a414c;padding:18px 0 4px 0\">"
               "%s</td></tr>\n",
               heading);
}

static void add_number_cell(struct buffer *out, const char *label, const char *value, const char *colour)
{
    buffer_add(out,
               "<td width=\"33%%\" valign=\"top\" bgcolor=\"#f5f6f8\" style=\"" FONT
               "padding:10px 6px 10px 12px;"
               "font-size:12px;line-height:16px;color:#5a6270\">%s<br><b "
               "style=\"font-size:17px;line-height:24px;color:%s\">",
               label, colour);
    report_add_escaped(out, value);
    buffer_add(out, "</b></td>\n");
}

/* Rate, time left and level, side by side. */
static void add_numbers(struct buffer *out, const struct report_telling *telling, struct colours colours)
{
    if (!report_is_growing(telling))
        return;
    static const char ink[] = "#1a1d21";
    static const char suffix[] = " left";
    char left[sizeof(telling->left)];
    text_copy(left, sizeof(left), telling->left[0] != '\0' ? telling->left : "unknown");
    char *end = strstr(left, suffix);
    if (end != NULL)
        *end = '\0'; /* the label says so */
    buffer_add(out, "<tr><td style=\"padding:14px 0 0 0\">" TABLE "<tr>\n");
    add_number_cell(out, telling->incident->slope_per_hour < 0.0 ? "rate" : "grows by", telling->rate, ink);
    add_number_cell(out, "time left", left, colours.strong);
    add_number_cell(out, telling->metric, words_level(telling->unit, telling->incident->level_now).s, ink);
    buffer_add(out, "</tr></table></td></tr>\n");
}

/* How much of the limit is used, as a bar. */
static void add_usage(struct buffer *out, const struct report_telling *telling, struct colours colours)
{
    if (!report_is_growing(telling))
        return;
    const struct incident *incident = telling->incident;
    const double part = incident->level_now / incident->limit;
    if (!(part >= 0.0) || !(incident->limit > 0.0))
        return; /* one of them is unknown */
    const int used = part >= 1.0 ? 100 : part < 0.01 ? 1 : (int)(part * 100.0);
    buffer_add(out,
               "<tr><td style=\"padding:12px 0 0 0\">" TABLE "<tr>"
               "<td width=\"%d%%\" height=\"10\" bgcolor=\"%s\" style=\"height:10px;" CELL_EXACT
               "\">&nbsp;</td>",
               used, colours.strong);
    if (used < 100) {
        buffer_add(out,
                   "<td width=\"%d%%\" height=\"10\" bgcolor=\"#e6e9ee\" style=\"height:10px;" CELL_EXACT
                   "\">&nbsp;</td>",
                   100 - used);
    }
    buffer_add(out, "</tr></table></td></tr>\n<tr><td " SMALL ">%s of %s used", words_share(part).s,
               words_quantity(telling->unit, incident->limit).s);
    if (incident->limit_name[0] != '\0') {
        buffer_add(out, ": ");
        report_add_escaped(out, incident->limit_name);
    }
    buffer_add(out, "</td></tr>\n");
}

static void add_facts(struct buffer *out, const struct report_telling *telling)
{
    for (size_t i = 0; i < telling->fact_count; i++) {
        const struct report_fact *fact = &telling->facts[i];
        buffer_add(out, i == 0 ? "<tr><td style=\"padding:14px 0 0 0\">" TABLE "\n" : "");
        buffer_add(out,
                   "<tr><td width=\"76\" valign=\"top\" style=\"" FONT
                   "font-size:13px;line-height:19px;color:#5a6270;"
                   "padding:3px 8px 3px 0\">%s</td><td valign=\"top\" style=\"" FONT
                   "font-size:13px;line-height:19px;color:#1a1d21;padding:3px 0 3px 0\">",
                   fact->label);
        report_add_escaped(out, fact->value);
        buffer_add(out, "</td></tr>\n");
    }
    buffer_add(out, telling->fact_count > 0 ? "</table></td></tr>\n" : "");
}

static void add_lines(struct buffer *out, const char lines[][ALERT_LINE_MAX], size_t count, bool numbered)
{
    buffer_add(out, "<tr><td>" TABLE "\n");
    for (size_t i = 0; i < count; i++) {
        buffer_add(out, "<tr><td width=\"20\" valign=\"top\" style=\"" FONT
                        "font-size:14px;line-height:20px;color:#1a1d21\">");
        if (numbered)
            buffer_add(out, "%u.", (unsigned)i + 1);
        else
            buffer_add(out, "&#8226;");
        buffer_add(out, "</td><td valign=\"top\" style=\"" FONT
                        "font-size:14px;line-height:20px;color:#1a1d21;padding:0 0 3px 0\">");
        report_add_escaped(out, lines[i]);
        buffer_add(out, "</td></tr>\n");
    }
    buffer_add(out, "</table></td></tr>\n");
}

/* One column of the chart: a pale cell with a strong one on top. Its height is in the markup, since neither
 * Word nor Internet Explorer 6 draws a percentage of a height. */
static void add_column(struct buffer *out, int height, struct colours colours)
{
    buffer_add(out, "<td width=\"2%%\" height=\"%d\" valign=\"bottom\" style=\"" CELL_EXACT "\">",
               CHART_HEIGHT);
    if (height > 0) {
        buffer_add(out,
                   TABLE "<tr><td height=\"3\" bgcolor=\"%s\" style=\"height:3px;" CELL_EXACT
                         "\">&nbsp;</td></tr>",
                   colours.strong);
        if (height > 3) {
            buffer_add(out,
                       "<tr><td height=\"%d\" bgcolor=\"%s\" style=\"height:%dpx;" CELL_EXACT
                       "\">&nbsp;</td></tr>",
                       height - 3, colours.pale, height - 3);
        }
        buffer_add(out, "</table>");
    } else {
        buffer_add(out, "&nbsp;");
    }
    buffer_add(out, "</td>\n");
}

static void add_html_chart(struct buffer *out, const struct report_telling *telling, struct colours colours)
{
    const struct alert *alert = telling->alert;
    double slots[SLOTS];
    if ((!report_is_growing(telling) && !report_is_over(telling)) ||
        !report_slots(alert->points, alert->point_count, slots, SLOTS))
        return;
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < SLOTS; i++) {
        low = fmin(low, slots[i]);
        high = fmax(high, slots[i]);
    }
    if (!isfinite(low) || !isfinite(high))
        return; /* nothing known in it */
    const struct report_axis axis = report_axis_make(telling->unit, low, high, 4);
    const int64_t from_ms = alert->points[0].t_ms;
    const int64_t span_ms = alert->points[alert->point_count - 1].t_ms - from_ms;
    char heading[256];
    struct text text = text_on(heading, sizeof(heading));
    text_add(&text, "History of the %s, %s", telling->metric, report_axis_label(&axis, axis.low).s);
    text_add(&text, " to %s", report_axis_label(&axis, axis.high).s);
    add_heading(out, heading);
    buffer_add(out, "<tr><td style=\"border-top:1px solid #d6dce4;border-bottom:1px solid #6b7686\">"
                    "<table width=\"100%%\" border=\"0\" cellspacing=\"1\" cellpadding=\"0\" "
                    "style=\"table-layout:fixed\"><tr>\n");
    for (size_t i = 0; i < SLOTS; i++) {
        const int64_t middle_ms = from_ms + (int64_t)((double)span_ms * ((double)i + 0.5) / SLOTS);
        const double part = (slots[i] - axis.low) / (axis.high - axis.low);
        const int height = isnan(part) ? 0 : 3 + (int)lround(part * (CHART_HEIGHT - 3));
        add_column(out, height, report_grows_at(telling, middle_ms) ? colours : colours_quiet);
    }
    buffer_add(out, "</tr></table></td></tr>\n<tr><td>" TABLE "<tr><td " SMALL ">%s UTC</td>",
               words_clock(from_ms, span_ms).s);
    buffer_add(out, "<td align=\"right\" valign=\"top\" " SMALL ">%s UTC</td></tr></table></td></tr>\n",
               words_clock(from_ms + span_ms, span_ms).s);
}

char *report_mail_html(const struct report_telling *telling)
{
    const struct alert *alert = telling->alert;
    const struct colours colours = colours_of(telling);
    struct buffer out = {0};
    char line[REPORT_LINE_MAX];
    buffer_add(&out,
               "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01 Transitional//EN\">\n<html lang=\"en\"><head>"
               "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">"
               "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "
               "content=\"light\"><title>");
    report_add_escaped(&out, telling->lead);
    buffer_add(&out,
               "</title></head>\n" BODY
               "<!--[if mso | IE]><table width=\"600\" border=\"0\" cellspacing=\"0\" "
               "cellpadding=\"0\"><tr><td><![endif]-->\n"
               "<table width=\"100%%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\" bgcolor=\"#ffffff\" "
               "style=\"max-width:600px;background-color:#ffffff\">\n");
    buffer_add(&out,
               "<tr><td height=\"6\" bgcolor=\"%s\" style=\"height:6px;" CELL_EXACT "\">&nbsp;</td></tr>\n"
               "<tr><td style=\"padding:16px 16px 20px 16px\">" TABLE "\n"
               "<tr><td style=\"" FONT "font-size:12px;line-height:16px;font-weight:bold;color:%s\">",
               colours.strong, colours.strong);
    report_add_escaped(&out, telling->host);
    if (!telling->lead_is_headline)
        buffer_add(&out, " &#183; %s", telling->wording->headline);
    buffer_add(&out, "</td></tr>\n<tr><td style=\"" FONT
                     "font-size:19px;line-height:26px;font-weight:bold;color:#1a1d21;padding:2px 0 0 0\">");
    report_add_escaped(&out, telling->lead);
    buffer_add(&out, "</td></tr>\n");
    for (const char *rest = telling->rest; (rest = report_next_line(rest, line, sizeof(line))) != NULL;) {
        buffer_add(&out, "<tr><td style=\"" FONT
                         "font-size:14px;line-height:20px;color:#1a1d21;padding:8px 0 0 0\">");
        report_add_escaped(&out, line);
        buffer_add(&out, "</td></tr>\n");
    }
    add_numbers(&out, telling, colours);
    add_usage(&out, telling, colours);
    add_facts(&out, telling);
    if (alert->has_ranking && report_is_growing(telling) && report_culprits_shown(&alert->ranking) > 0) {
        add_heading(&out, "Who grew in the same time");
        report_culprits_html(&out, &alert->ranking);
    }
    if (alert->done_count > 0) {
        add_heading(&out, report_done_heading(alert));
        add_lines(&out, alert->done, alert->done_count, false);
    }
    add_heading(&out, "What to do now");
    if (alert->todo_count > 0) {
        add_lines(&out, alert->todo, alert->todo_count, true);
    } else {
        buffer_add(&out, "<tr><td style=\"" FONT
                         "font-size:14px;line-height:20px;color:#1a1d21\">Nothing.</td></tr>\n");
    }
    add_html_chart(&out, telling, colours);
    buffer_add(&out, "<tr><td style=\"" FONT
                     "font-size:12px;line-height:16px;color:#5a6270;padding:20px 0 0 0\">storewatch on ");
    report_add_escaped(&out, telling->host);
    buffer_add(&out, ", %s", words_time(alert->utc_ms).s);
    if (telling->incident != NULL)
        buffer_add(&out, ", incident %" PRId64, telling->incident->id);
    buffer_add(&out, "</td></tr>\n</table></td></tr>\n</table>\n<!--[if mso | "
                     "IE]></td></tr></table><![endif]-->\n</body></html>\n");
    return buffer_take(&out);
}

void report_html_with_notice(struct buffer *out, const char *html, const char *notice)
{
    const char *body = notice != NULL ? strstr(html, BODY) : NULL;
    const char *rest = body != NULL ? body + strlen(BODY) : html;
    buffer_add_bytes(out, html, (size_t)(rest - html));
    if (body != NULL) {
        buffer_add(out, "<p style=\"" FONT "font-size:14px;line-height:20px;color:#1a1d21;padding:0 16px\">");
        while (*notice != '\0') {
            notice = report_add_escaped_line(out, notice);
            buffer_add(out, "<br>\n");
        }
        buffer_add(out, "</p>\n");
    }
    buffer_add(out, "%s", rest);
}

/* report_culprit.c - see report_culprit.h. A row says who, how much it grew, which part of the growth that is
 * or how it moved with it, when it began, and how surely it is the cause. Attributes and inline styles only,
 * as in report_mail_html.c. */
#include "report_culprit.h"

#include "report_internal.h"

size_t report_culprits_shown(const struct culprit_ranking *ranking)
{
    size_t shown = 0;
    while (shown < ranking->count && ranking->items[shown].confidence >= CULPRIT_POSSIBLE)
        shown++;
    return shown == 0 && ranking->count > 0 ? 1 : shown;
}

struct cells {
    char who[224], grew[160], part[96], began[96];
    const char *sure;
};

static void cells_make(const struct culprit *culprit, struct cells *cells)
{
    *cells = (struct cells){.sure = culprit->confidence == CULPRIT_NOBODY
                                        ? "does not stand out"
                                        : culprit_confidence_name(culprit->confidence)};
    struct text who = text_on(cells->who, sizeof(cells->who));
    report_add_line(&who, culprit->image);
    if (culprit->process_count > 1)
        text_add(&who, ", %zu processes", culprit->process_count);
    text_add(&who, ", ");
    text_add_culprit_pids(&who, culprit);
    text_add(&who, "%s%s", culprit->watched && culprit->kind != TARGET_DISCOVERED ? "" : ", not registered",
             culprit_is_gone(culprit) ? ", ended" : "");
    struct text grew = text_on(cells->grew, sizeof(cells->grew));
    const bool handles = culprit->slope_per_hour[GROWER_HANDLES] > 0.0;
    if (!handles || culprit->slope_per_hour[GROWER_BYTES] > 0.0) {
        text_add(&grew, "%s%s", words_quantity(UNIT_BYTES, culprit->growth[GROWER_BYTES]).s,
                 handles ? ", " : "");
    }
    if (handles)
        text_add(&grew, "%s", words_quantity(UNIT_HANDLES, culprit->growth[GROWER_HANDLES]).s);
    struct text part = text_on(cells->part, sizeof(cells->part));
    if (!isnan(culprit->share)) {
        /* Of what is accounted to nobody it is an estimate. */
        text_add(&part, "%s", isnan(culprit->in_step) ? "" : "about ");
        text_add_culprit_share(&part, culprit);
    } else if (!isnan(culprit->in_step)) {
        text_add(&part, "in step %.2f", culprit->in_step);
    } else {
        text_add(&part, "not known");
    }
    struct text began = text_on(cells->began, sizeof(cells->began));
    const int64_t apart_ms = culprit->lead_ms < 0 ? -culprit->lead_ms : culprit->lead_ms;
    if (culprit->lead_ms == INT64_MIN) {
        text_add(&began, "not known");
    } else if (culprit->lead_low_ms <= 0 && culprit->lead_high_ms >= 0) {
        text_add(&began, "with it");
    } else {
        text_add(&began, "%s %s", words_duration(apart_ms).s,
                 culprit->lead_ms < 0 ? "after it" : "before it");
    }
}

void report_culprits_plain(struct buffer *out, const struct culprit_ranking *ranking)
{
    const size_t shown = report_culprits_shown(ranking);
    for (size_t i = 0; i < shown; i++) {
        struct cells cells;
        cells_make(&ranking->items[i], &cells);
        buffer_add(out, "%s", i == 0 ? "\nWho grew in the same time\n" : "");
        buffer_add(out, "  - %s: %s\n    by %s; %s; began: %s\n", cells.who, cells.sure, cells.grew,
                   cells.part, cells.began);
    }
}

static void add_cell(struct buffer *out, const char *text, bool heading)
{
    buffer_add(out,
               "<td valign=\"top\" style=\"font-family:'Segoe UI',Tahoma,Arial,sans-serif;font-size:12px;"
               "line-height:17px;color:%s;padding:3px 8px 3px 0;border-bottom:1px solid #e6e9ee\">",
               heading ? "#5a6270" : "#1a1d21");
    report_add_escaped(out, text);
    buffer_add(out, "</td>");
}

static void add_row(struct buffer *out, const char *const cells[5], bool heading)
{
    buffer_add(out, "<tr>");
    for (size_t i = 0; i < 5; i++)
        add_cell(out, cells[i], heading);
    buffer_add(out, "</tr>\n");
}

void report_culprits_html(struct buffer *out, const struct culprit_ranking *ranking)
{
    static const char *const heads[5] = {"process", "grew by", "part of the growth", "began", "the cause?"};
    buffer_add(out, "<tr><td><table width=\"100%%\" border=\"0\" cellspacing=\"0\" cellpadding=\"0\">\n");
    add_row(out, heads, true);
    const size_t shown = report_culprits_shown(ranking);
    for (size_t i = 0; i < shown; i++) {
        struct cells cells;
        cells_make(&ranking->items[i], &cells);
        add_row(out, (const char *const[5]){cells.who, cells.grew, cells.part, cells.began, cells.sure},
                false);
    }
    buffer_add(out, "</table></td></tr>\n");
}

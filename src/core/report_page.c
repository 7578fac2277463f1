/* report_page.c - the HTML report: one self-contained page, a chart for each series as inline SVG
 * (report_chart.c), no script.
 *
 * Colours are CSS variables with a set for dark displays; print is always light. A content security policy in
 * the page makes sure that no text from outside could ever load or run anything, should escaping fail. */
#include "report_internal.h"

/* clang-format off */
static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--card:#fff;--ink:#1a1d21;--muted:#59616e;--line:#dfe3e9;--axis:#8a93a0;--series:#1f5fa8;--fit:#c2570c;--bad:#b3261e;--warn:#8f4a06;--good:#1b7344;--pale:#f4f6f8}\n"
    "@media (prefers-color-scheme:dark){"
        ":root{--bg:#121519;--card:#181c21;--ink:#e8ebef;--muted:#a0a8b4;--line:#2b323b;--axis:#6b7686;--series:#6cabf2;--fit:#f2a65e;--bad:#f5897f;--warn:#eeb15c;--good:#70d09a;--pale:#20262d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,'Segoe UI',Tahoma,Arial,sans-serif}\n"
    "main{max-width:1100px;margin:0 auto;padding:24px 20px 40px}\n"
    "h1{font-size:24px;line-height:1.25;margin:0}"
    "h2{font-size:17px;line-height:1.35;margin:0;overflow-wrap:anywhere}\n"
    "p{margin:6px 0}.muted,figcaption,footer{color:var(--muted);font-size:13px}\n"
    ".summary{margin:14px 0 20px;padding:12px 16px;background:var(--pale);border-left:4px solid var(--series);border-radius:4px}\n"
    "section{margin:0 0 20px;padding:16px 18px;background:var(--card);border:1px solid var(--line);border-radius:10px}\n"
    ".badge{display:inline-block;padding:1px 9px;border-radius:10px;border:1px solid;font-size:13px;font-weight:600}\n"
    ".unbounded,.error{color:var(--bad)}.warning{color:var(--warn)}"
    ".bounded,.information{color:var(--good)}.learning{color:var(--muted)}\n"
    "dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:8px 18px;margin:10px 0 0}\n"
    "dt{color:var(--muted);font-size:12px}"
    "dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}\n"
    "figure{margin:14px 0 0}"
    ".chart{display:block;margin-left:76px;width:calc(100% - 98px);overflow:visible;font-size:12px}\n"
    ".plot{overflow:hidden}.plot path{vector-effect:non-scaling-stroke;fill:none}"
    ".chart text{fill:var(--muted)}\n"
    ".chart .grid{stroke:var(--line)}.chart .axis{stroke:var(--axis)}\n"
    ".plot .band{fill:var(--series);opacity:.2}"
    ".plot .mean{stroke:var(--series);stroke-width:1.8;stroke-linejoin:round}\n"
    ".plot .dot{stroke:var(--series);stroke-width:5;stroke-linecap:round}\n"
    ".plot .fan{fill:var(--fit);opacity:.2}.plot .fit{stroke:var(--fit);stroke-width:4;opacity:.55}"
    ".plot .forecast{stroke:var(--fit);stroke-width:2;stroke-dasharray:6 5}\n"
    ".chart .limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:8 4}"
    ".chart text.limit{fill:var(--bad);stroke:var(--card);stroke-width:4;stroke-dasharray:none;stroke-linejoin:round;paint-order:stroke}\n"
    ".chart .change{stroke:var(--muted);stroke-dasharray:1 4;stroke-linecap:round;stroke-width:1.5}\n"
    ".mark line{stroke:currentColor;stroke-width:1;opacity:.75}.mark circle{fill:currentColor}"
    ".chart .mark text{fill:var(--card);font-size:10.5px;font-weight:600}\n"
    ".chart.wide{margin-left:0;width:100%}.chart .name{fill:var(--ink)}"
    ".chart .grew,.key .grew{fill:var(--warn);opacity:.35}.chart .closed,.key .closed{fill:var(--warn)}"
    ".chart .open,.key .open{fill:var(--bad)}.chart .closed{stroke:var(--warn)}"
    ".chart .open{stroke:var(--bad)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:2px 16px;margin:8px 0 0;padding:0;list-style:none;color:var(--muted);font-size:13px}\n"
    ".key svg{width:22px;height:12px;margin-right:5px;vertical-align:-1px}.key path{fill:none}\n"
    ".key .band{fill:var(--series);opacity:.25}.key .mean{stroke:var(--series);stroke-width:2}"
    ".key .fan{fill:var(--fit);opacity:.25}\n"
    ".key .fit{stroke:var(--fit);stroke-width:4;opacity:.55}"
    ".key .forecast{stroke:var(--fit);stroke-width:2;stroke-dasharray:5 4}\n"
    ".key .limit{stroke:var(--bad);stroke-width:2;stroke-dasharray:6 3}"
    ".key .change{stroke:var(--muted);stroke-width:2;stroke-dasharray:1 4;stroke-linecap:round}\n"
    ".marks{margin:8px 0 0;padding-left:24px;font-size:13px}"
    ".marks time,td time{font-variant-numeric:tabular-nums}.marks span{color:var(--ink)}\n"
    "table{border-collapse:collapse;width:100%;margin-top:8px;font-size:14px}td p{margin:0}"
    "th{text-align:left;color:var(--muted);font-size:12px;font-weight:600}\n"
    "th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}"
    "td{overflow-wrap:break-word;max-width:420px}"
    ".piece{white-space:nowrap;font-variant-numeric:tabular-nums}.word{font-weight:600}\n"
    "@media (max-width:1100px){"
        "p.piece{white-space:normal}}\n"
    "@media (max-width:640px){"
        "main{padding:14px 10px 30px}section{padding:12px;border-radius:8px}h1{font-size:20px}\n"
        ".chart{margin-left:60px;width:calc(100% - 76px);font-size:11px}.minor{display:none}"
        "dl{grid-template-columns:1fr 1fr}\n"
        "table,tbody,tr,td{display:block}thead{display:none}td{border:0;padding:1px 0}"
        "tr{padding:8px 0;border-bottom:1px solid var(--line)}td{max-width:none}.piece{white-space:normal}"
        "td::before{content:attr(data-label);display:block;color:var(--muted);font-size:12px}"
        "td:empty{display:none}}\n"
    "@media print{"
        ":root{--bg:#fff;--card:#fff;--ink:#000;--muted:#444;--line:#ccc;--axis:#777;--series:#1f5fa8;--fit:#c2570c;--bad:#b3261e;--warn:#8f4a06;--good:#1b7344;--pale:#f4f6f8}"
        "*{print-color-adjust:exact;-webkit-print-color-adjust:exact}\n"
        "body{font-size:11px}h1{font-size:18px}h2{font-size:13px}.summary{margin:8px 0 10px;padding:6px 10px}"
        "section{margin-bottom:10px;padding:8px 10px}"
        "dl{grid-template-columns:repeat(auto-fill,minmax(100px,1fr));gap:2px 10px;margin-top:3px}"
        "p{margin:2px 0}dt,.muted,figcaption,footer,.key,.marks,table,th{font-size:10.5px}"
        "main{max-width:none;padding:0}figure{zoom:.6;margin-top:6px}.chart{font-size:15px}"
        "figcaption,.key{font-size:16px}.marks{columns:2;margin-top:3px}"
        "section{break-inside:avoid;border-color:#ccc}.words{break-inside:auto}h2{break-after:avoid}"
        "tr{break-inside:avoid}}\n"
    "@page{margin:14mm}\n";
/* clang-format on */

/* ---- the page ---- */

void report_page_begin(struct buffer *page, const char *title, const char *host_name, int64_t utc_ms,
                       const char *summary)
{
    buffer_add(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
                     "'unsafe-inline'\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    report_add_escaped(page, title);
    buffer_add(page, "</title>\n<style>\n%s</style></head>\n<body><main>\n<header><h1>", style);
    report_add_escaped(page, title);
    buffer_add(page, "</h1>\n<p class=\"muted\">");
    if (host_name[0] != '\0') {
        report_add_escaped(page, host_name);
        buffer_add(page, " &middot; ");
    }
    buffer_add(page, "made %s &middot; all times are UTC</p></header>\n", words_time(utc_ms).s);
    if (summary[0] != '\0') {
        buffer_add(page, "<div class=\"summary\">");
        while (*summary != '\0') {
            buffer_add(page, "<p>");
            summary = report_add_escaped_line(page, summary);
            buffer_add(page, "</p>");
        }
        buffer_add(page, "</div>\n");
    }
}

void report_page_end(struct buffer *page)
{
    buffer_add(page, "<footer>Made by storewatch.</footer>\n</main></body></html>\n");
}

void report_add_mark_list(struct buffer *page, const struct report_mark *marks, size_t count)
{
    if (count == 0)
        return;
    buffer_add(page, "<ol class=\"marks\">\n");
    for (size_t i = 0; i < count; i++) {
        const struct report_mark *mark = &marks[i];
        buffer_add(page, "<li class=\"%s\"><span><time>%s</time> ", report_severity_class(mark->severity),
                   words_time(mark->utc_ms).s);
        report_add_escaped(page, mark->text);
        buffer_add(page, "</span></li>\n");
    }
    buffer_add(page, "</ol>\n");
}

/* ---- a series in words ---- */

static void add_fact(struct buffer *page, const char *label, const char *value)
{
    buffer_add(page, "<div><dt>%s</dt><dd>", label);
    report_add_escaped(page, value);
    buffer_add(page, "</dd></div>\n");
}

static void add_exhaustion(struct buffer *page, const struct verdict *verdict)
{
    if (verdict->exhaustion_ms == INT64_MAX)
        return;
    if (verdict_limit_reached(verdict)) { /* since when is not known */
        add_fact(page, "limit reached", "already");
        return;
    }
    if (verdict->exhaustion_ms > verdict->at_ms)
        add_fact(page, "time left", words_left(verdict->exhaustion_ms - verdict->at_ms).s);
    const int64_t late_ms = verdict->exhaustion_late_ms;
    add_fact(page, "limit reached", words_foreseen(verdict->exhaustion_ms, verdict->at_ms).s);
    if (verdict->exhaustion_early_ms != INT64_MAX) {
        add_fact(page, "at the earliest", words_foreseen(verdict->exhaustion_early_ms, verdict->at_ms).s);
        add_fact(page, "at the latest",
                 late_ms != INT64_MAX ? words_foreseen(late_ms, verdict->at_ms).s : "not foreseeable");
    }
}

static void add_verdict(struct buffer *page, const struct report_series *series)
{
    const struct verdict *verdict = series->verdict;
    const char *state = verdict_state_name(verdict->state);
    char words[512];
    struct text text = text_on(words, sizeof(words));
    buffer_add(page, "<p><span class=\"badge %s\">%s</span> %s</p>\n<p>", state, state,
               verdict->shape != SHAPE_UNKNOWN ? shape_name(verdict->shape) : "");
    report_add_escaped(page, verdict->reason);
    buffer_add(page, "</p>\n<dl>\n");
    if (isfinite(verdict->slope_per_hour)) {
        text_add_rate_interval(&text, series->unit, verdict->slope_per_hour, verdict->slope_low_per_hour,
                               verdict->slope_high_per_hour);
        add_fact(page, "slope (interval)", words);
    }
    if (isfinite(verdict->value)) {
        add_fact(page, series->ended ? "last level" : "level now",
                 words_quantity(series->unit, verdict->value).s);
    }
    if (verdict->state == VERDICT_UNBOUNDED) {
        add_fact(page, "growth", words_quantity(series->unit, verdict->growth).s);
        add_fact(page, "since", words_time(verdict->onset_ms).s);
    }
    if (isfinite(verdict->limit)) {
        text_clear(&text);
        text_add_quantity(&text, series->unit, verdict->limit);
        text_add(&text, verdict->limit_name != NULL && verdict->limit_name[0] != '\0' ? " (%s)" : "%s",
                 verdict->limit_name != NULL ? verdict->limit_name : "");
        add_fact(page, "limit", words);
    }
    if (!series->ended)
        add_exhaustion(page, verdict);
    text_clear(&text);
    text_add_count(&text, (double)verdict->sample_count);
    if (verdict->unknown_count > 0) {
        text_add(&text, ", and ");
        text_add_count(&text, (double)verdict->unknown_count);
        text_add(&text, " unknown");
    }
    add_fact(page, "samples", words);
    buffer_add(page, "</dl>\n");
}

void report_page_series(struct buffer *page, const struct report_series *series)
{
    buffer_add(page, "<section>\n<h2>");
    report_add_escaped(page, series->title);
    buffer_add(page, "</h2>\n");
    if (series->subtitle[0] != '\0') {
        buffer_add(page, "<p class=\"muted\">");
        report_add_escaped(page, series->subtitle);
        buffer_add(page, "</p>\n");
    }
    if (series->verdict != NULL)
        add_verdict(page, series);
    if (!report_add_figure(page, series))
        buffer_add(page, "<p class=\"muted\">No known sample: nothing to draw.</p>\n");
    report_add_mark_list(page, series->marks, series->mark_count);
    buffer_add(page, "</section>\n");
}

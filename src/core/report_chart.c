/* report_chart.c - the chart of a series, as inline SVG.
 *
 * It is as wide as its page and keeps its letters readable at any width, because only the curves are scaled:
 * the outer <svg> has no viewBox, so its letters are CSS pixels and its horizontal positions percentages,
 * while the curves live in a nested <svg> of 1000 x 1000 units that is stretched over the plot with strokes
 * of constant width. Value labels hang out to the left into the margin of the outer one. Every second time
 * label is left away on a phone. */
#include "report_internal.h"

#include <stdlib.h>
#include <string.h>

#define PLOT_UNITS 1000.0
#define PLOT_HEIGHT 240      /* CSS pixels */
#define MARK_CLOSE_PCT 5.0   /* nearer than this to the one before, a mark's number goes into the next row */
#define MARK_AFTER_SHARE 0.1 /* of the time with samples: a mark so little after it is still shown */
#define POINTS_DRAWN_MAX 1200
#define TIME_MARKS_MAX 8
#define TIME_MARKS_PHONE 5
#define VALUE_MARKS 5

/* ---- a chart's geometry ---- */

struct chart {
    const struct report_series *series;
    const struct verdict *verdict; /* NULL = none */
    double from_ms, to_ms;         /* what the time axis shows */
    struct report_axis axis;
    int top; /* CSS pixels above the plot, for the marks' numbers */
    bool has_fit, has_fan, has_forecast, has_limit, has_band, has_changes;
    double forecast_to_ms;
};

/* Positions in the stretched plot. Bounded: far outside is clipped anyway, and renderers calculate in floats.
 */
static double bounded(double units)
{
    return units < -1e6 ? -1e6 : units > 1e6 ? 1e6 : units;
}

static double plot_x(const struct chart *chart, double t_ms)
{
    return bounded((t_ms - chart->from_ms) / (chart->to_ms - chart->from_ms) * PLOT_UNITS);
}

static double plot_y(const struct chart *chart, double value)
{
    return bounded((chart->axis.high - value) / (chart->axis.high - chart->axis.low) * PLOT_UNITS);
}

double report_percent(int64_t from_ms, int64_t to_ms, int64_t t_ms)
{
    return (double)(t_ms - from_ms) / (double)(to_ms - from_ms) * 100.0;
}

static double percent_x(const struct chart *chart, double t_ms)
{
    return plot_x(chart, t_ms) / PLOT_UNITS * 100.0;
}

static double pixel_y(const struct chart *chart, double value)
{
    return chart->top + plot_y(chart, value) / PLOT_UNITS * PLOT_HEIGHT;
}

static void include(double *low, double *high, double value)
{
    if (isfinite(value)) {
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}

/* How far the forecast is shown: to the limit when that comes within the time that is shown anyway, else a
 * fifth. */
static void chart_forecast(struct chart *chart, double *low, double *high)
{
    const struct verdict *verdict = chart->verdict;
    const double span_ms = chart->to_ms - chart->from_ms;
    const double at_ms = (double)verdict->at_ms;
    chart->has_forecast = true;
    chart->forecast_to_ms = at_ms + span_ms / 5.0;
    if (verdict->exhaustion_ms != INT64_MAX && (double)verdict->exhaustion_ms - at_ms <= span_ms &&
        isfinite(verdict->limit)) {
        double end_ms = (double)verdict->exhaustion_ms;
        if (verdict->exhaustion_late_ms != INT64_MAX &&
            (double)verdict->exhaustion_late_ms - at_ms <= 1.3 * span_ms)
            end_ms = fmax(end_ms, (double)verdict->exhaustion_late_ms);
        chart->forecast_to_ms = fmax(at_ms, end_ms) + span_ms / 25.0;
        chart->has_limit = true;
        include(low, high, verdict->limit);
    } else {
        include(low, high,
                verdict->fit_to +
                    verdict->slope_per_hour * (chart->forecast_to_ms - at_ms) / (double)MS_PER_HOUR);
    }
    chart->to_ms = fmax(chart->to_ms, chart->forecast_to_ms);
}

/* What ended a series, and what came of it, comes a little after its last sample. */
static void include_marks(struct chart *chart)
{
    const double end_ms = chart->to_ms + MARK_AFTER_SHARE * (chart->to_ms - chart->from_ms);
    for (size_t i = 0; i < chart->series->mark_count; i++) {
        const double at_ms = (double)chart->series->marks[i].utc_ms;
        if (at_ms > chart->to_ms && at_ms <= end_ms)
            chart->to_ms = at_ms;
    }
}

/* False when there is nothing to draw. */
static bool chart_init(struct chart *chart, const struct report_series *series)
{
    *chart = (struct chart){.series = series, .verdict = series->verdict, .top = 8};
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < series->point_count; i++) {
        const struct series_point *point = &series->points[i];
        include(&low, &high, point->low);
        include(&low, &high, point->mean);
        include(&low, &high, point->high);
        chart->has_band = chart->has_band || point->high > point->low;
    }
    if (low > high)
        return false;
    chart->from_ms = (double)series->points[0].t_ms;
    chart->to_ms = (double)series->points[series->point_count - 1].t_ms;
    if (chart->to_ms <= chart->from_ms)
        chart->to_ms = chart->from_ms + (double)MS_PER_SECOND;
    include_marks(chart);
    const struct verdict *verdict = chart->verdict;
    /* A line whose slope cannot be told from 0 shows a trend where there is none. */
    const bool is_level = verdict != NULL && verdict->state == VERDICT_BOUNDED &&
                          verdict->slope_low_per_hour <= 0.0 && verdict->slope_high_per_hour >= 0.0;
    if (verdict != NULL && !is_level && verdict->state != VERDICT_LEARNING && isfinite(verdict->fit_from) &&
        isfinite(verdict->fit_to) && verdict->fit_from_ms < verdict->at_ms) {
        chart->has_fit = true;
        chart->to_ms = fmax(chart->to_ms, (double)verdict->at_ms);
        include(&low, &high, verdict->fit_from);
        include(&low, &high, verdict->fit_to);
        if (verdict->state == VERDICT_UNBOUNDED && isfinite(verdict->slope_per_hour)) {
            /* of a bounded series the slope means little, and its interval would cover the plot */
            chart->has_fan = isfinite(verdict->slope_low_per_hour) && isfinite(verdict->slope_high_per_hour);
            if (!series->ended)
                chart_forecast(chart, &low, &high);
        }
    }
    if (verdict != NULL && isfinite(verdict->limit) &&
        verdict->limit <= high + 0.25 * (high - fmin(low, 0.5 * high))) {
        chart->has_limit = true; /* it is near what is shown */
        include(&low, &high, verdict->limit);
    }
    chart->axis = report_axis_make(series->unit, low, high, VALUE_MARKS);
    if (series->mark_count > 0)
        chart->top = 8 + REPORT_MARK_ROWS * REPORT_MARK_ROW_HEIGHT;
    return true;
}

/* ---- axes ---- */

static void add_value_axis(struct buffer *page, const struct chart *chart)
{
    const struct report_axis *axis = &chart->axis;
    const int steps = (int)lround((axis->high - axis->low) / axis->step);
    for (int i = 0; i <= steps; i++) {
        const double value = axis->low + axis->step * i;
        const double y = pixel_y(chart, value);
        buffer_add(page,
                   "<line class=\"%s\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
                   "<text x=\"-8\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                   i == 0 ? "axis" : "grid", y, y, y + 4.0, report_axis_label(axis, value).s);
    }
}

/* The distance of time marks: the first of these that needs no more than TIME_MARKS_MAX of them. */
static int64_t time_step(int64_t span_ms)
{
    static const int64_t steps_ms[] = {
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        MS_PER_SECOND,
        2 * MS_PER_SECOND,
        5 * MS_PER_SECOND,
        10 * MS_PER_SECOND,
        15 * MS_PER_SECOND,
        30 * MS_PER_SECOND,
        MS_PER_MINUTE,
        2 * MS_PER_MINUTE,
        5 * MS_PER_MINUTE,
        10 * MS_PER_MINUTE,
        15 * MS_PER_MINUTE,
        30 * MS_PER_MINUTE,
        MS_PER_HOUR,
        2 * MS_PER_HOUR,
        3 * MS_PER_HOUR,
        6 * MS_PER_HOUR,
        12 * MS_PER_HOUR,
        MS_PER_DAY,
        2 * MS_PER_DAY,
        5 * MS_PER_DAY,
        10 * MS_PER_DAY,
        20 * MS_PER_DAY,
        50 * MS_PER_DAY,
    };
    for (size_t i = 0; i < ARRAY_COUNT(steps_ms); i++)
        if (span_ms / steps_ms[i] <= TIME_MARKS_MAX)
            return steps_ms[i];
    int64_t step_ms = 100 * MS_PER_DAY;
    while (span_ms / step_ms > TIME_MARKS_MAX)
        step_ms *= 2;
    return step_ms;
}

/* "03:14", "03:14:05", "03:14:05.250" or, for days, "22 Nov"; `out_below`: the day, or the year for days. */
static void time_label(int64_t utc_ms, int64_t step_ms, struct words *out_label, struct words *out_below)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const struct words time = words_time(utc_ms); /* "YYYY-MM-DD HH:MM:SS UTC", a year may have more digits */
    const char *dash = strchr(time.s + 1, '-');
    const char *space = strchr(time.s, ' ');
    const long month = strtol(dash + 1, NULL, 10);
    char day[16];
    struct text day_text = text_on(day, sizeof(day));
    text_add(&day_text, "%ld %s", strtol(dash + 4, NULL, 10), months[month - 1]);
    struct text label = text_on(out_label->s, sizeof(out_label->s));
    struct text below = text_on(out_below->s, sizeof(out_below->s));
    if (step_ms >= MS_PER_DAY) {
        text_add(&label, "%s", day);
        text_add(&below, "%.*s", (int)(dash - time.s), time.s);
        return;
    }
    text_add(&label, "%.*s", step_ms >= MS_PER_MINUTE ? 5 : 8, space + 1);
    if (step_ms < MS_PER_SECOND)
        text_add(&label, ".%03d", (int)((utc_ms % MS_PER_SECOND + MS_PER_SECOND) % MS_PER_SECOND));
    text_add(&below, "%s", day);
}

void report_add_time_axis(struct buffer *page, int64_t from_ms, int64_t to_ms, int bottom)
{
    const int64_t step_ms = time_step(to_ms - from_ms);
    int64_t first_ms = from_ms - (from_ms % step_ms + step_ms) % step_ms;
    first_ms += first_ms < from_ms ? step_ms : 0;
    const bool many = (to_ms - first_ms) / step_ms + 1 > TIME_MARKS_PHONE;
    struct words before = {""};
    size_t index = 0;
    for (int64_t t_ms = first_ms; t_ms <= to_ms; t_ms += step_ms, index++) {
        struct words label;
        struct words below;
        time_label(t_ms, step_ms, &label, &below);
        const double x = report_percent(from_ms, to_ms, t_ms);
        buffer_add(page,
                   "<g%s><line class=\"axis\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"/>"
                   "<text x=\"%.3f%%\" y=\"%d\" text-anchor=\"middle\">%s</text>",
                   many && index % 2 == 1 ? " class=\"minor\"" : "", x, x, bottom, bottom + 5, x, bottom + 18,
                   label.s);
        if (strcmp(before.s, below.s) != 0) {
            buffer_add(page, "<text x=\"%.3f%%\" y=\"%d\" text-anchor=\"middle\">%s</text>", x, bottom + 33,
                       below.s);
        }
        before = below;
        buffer_add(page, "</g>\n");
    }
}

/* ---- curves ---- */

/* Joins up to `group` points, but never over a gap, so that a page does not grow with what nobody can see.
 * Returns how many points of the series went into *out_point. */
static size_t joined_point(const struct report_series *series, size_t first, size_t group,
                           struct series_point *out_point)
{
    struct series_point joined = series->points[first];
    double mean_sum = joined.mean;
    double t_sum = (double)joined.t_ms;
    size_t count = 1;
    while (count < group && first + count < series->point_count &&
           !report_gap_after(series->points, series->point_count, first + count - 1)) {
        const struct series_point *point = &series->points[first + count];
        joined.low = fmin(joined.low, point->low);
        joined.high = fmax(joined.high, point->high);
        mean_sum += point->mean;
        t_sum += (double)point->t_ms;
        count++;
    }
    joined.mean = mean_sum / (double)count;
    joined.t_ms = (int64_t)(t_sum / (double)count);
    *out_point = joined;
    return count;
}

/* One run without a gap: the band from low to high, then the mean. */
static void add_run(struct buffer *page, const struct chart *chart, const struct series_point *run,
                    size_t count)
{
    if (count == 1) {
        buffer_add(page, "<path class=\"dot\" d=\"M%.1f %.1fh.01\"/>\n", plot_x(chart, (double)run[0].t_ms),
                   plot_y(chart, run[0].mean));
        return;
    }
    bool band = false;
    for (size_t i = 0; i < count; i++)
        band = band || run[i].high > run[i].low;
    if (band) {
        buffer_add(page, "<path class=\"band\" d=\"");
        for (size_t i = 0; i < count; i++) {
            buffer_add(page, "%c%.1f %.1f", i == 0 ? 'M' : 'L', plot_x(chart, (double)run[i].t_ms),
                       plot_y(chart, run[i].high));
        }
        for (size_t i = count; i-- > 0;)
            buffer_add(page, "L%.1f %.1f", plot_x(chart, (double)run[i].t_ms), plot_y(chart, run[i].low));
        buffer_add(page, "Z\"/>\n");
    }
    buffer_add(page, "<path class=\"mean\" d=\"");
    for (size_t i = 0; i < count; i++) {
        buffer_add(page, "%c%.1f %.1f", i == 0 ? 'M' : 'L', plot_x(chart, (double)run[i].t_ms),
                   plot_y(chart, run[i].mean));
    }
    buffer_add(page, "\"/>\n");
}

static void add_curves(struct buffer *page, const struct chart *chart)
{
    const struct report_series *series = chart->series;
    const size_t group = (series->point_count + POINTS_DRAWN_MAX - 1) / POINTS_DRAWN_MAX;
    struct series_point *run = malloc((series->point_count + 1) * sizeof(*run));
    if (run == NULL) {
        page->failed = true;
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < series->point_count;) {
        const size_t taken = joined_point(series, i, group, &run[count]);
        const bool known = isfinite(run[count].mean) && isfinite(run[count].low) && isfinite(run[count].high);
        count += known ? 1 : 0;
        i += taken;
        const bool gap = i >= series->point_count || !known ||
                         report_gap_after(series->points, series->point_count, i - 1);
        if (gap && count > 0) {
            add_run(page, chart, run, count);
            count = 0;
        }
    }
    free(run);
}

/* The fan of slopes that the interval allows, around the middle of what the line was fitted to, where it is
 * known best; prolonged as the forecast. */
static void add_fan(struct buffer *page, const struct chart *chart)
{
    const struct verdict *verdict = chart->verdict;
    const double from_ms = (double)verdict->fit_from_ms;
    const double to_ms = chart->has_forecast ? chart->forecast_to_ms : (double)verdict->at_ms;
    const double middle_ms = from_ms + ((double)verdict->at_ms - from_ms) / 2.0;
    const double middle = verdict->fit_from + (verdict->fit_to - verdict->fit_from) / 2.0;
    const double before = (from_ms - middle_ms) / (double)MS_PER_HOUR;
    const double after = (to_ms - middle_ms) / (double)MS_PER_HOUR;
    const double low = verdict->slope_low_per_hour;
    const double high = verdict->slope_high_per_hour;
    buffer_add(page, "<path class=\"fan\" d=\"M%.1f %.1fL%.1f %.1fV%.1fL%.1f %.1fZ\"/>\n",
               plot_x(chart, from_ms), plot_y(chart, middle + low * before), plot_x(chart, to_ms),
               plot_y(chart, middle + low * after), plot_y(chart, middle + high * after),
               plot_x(chart, from_ms), plot_y(chart, middle + high * before));
}

static void add_fit(struct buffer *page, const struct chart *chart)
{
    const struct verdict *verdict = chart->verdict;
    const double at_ms = (double)verdict->at_ms;
    buffer_add(page, "<path class=\"fit\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n",
               plot_x(chart, (double)verdict->fit_from_ms), plot_y(chart, verdict->fit_from),
               plot_x(chart, at_ms), plot_y(chart, verdict->fit_to));
    if (chart->has_forecast) {
        const double hours = (chart->forecast_to_ms - at_ms) / (double)MS_PER_HOUR;
        buffer_add(page, "<path class=\"forecast\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", plot_x(chart, at_ms),
                   plot_y(chart, verdict->fit_to), plot_x(chart, chart->forecast_to_ms),
                   plot_y(chart, verdict->fit_to + verdict->slope_per_hour * hours));
    }
}

static void add_limit(struct buffer *page, const struct chart *chart)
{
    const struct verdict *verdict = chart->verdict;
    const double y = pixel_y(chart, verdict->limit);
    buffer_add(page,
               "<line class=\"limit\" x1=\"0\" x2=\"100%%\" y1=\"%.1f\" y2=\"%.1f\"/>"
               "<text class=\"limit\" x=\"4\" y=\"%.1f\">limit %s",
               y, y, y < chart->top + 20 ? y + 15.0 : y - 6.0,
               words_quantity(chart->series->unit, verdict->limit).s);
    if (verdict->limit_name != NULL && verdict->limit_name[0] != '\0') {
        buffer_add(page, ", ");
        report_add_escaped(page, verdict->limit_name);
    }
    buffer_add(page, "</text>\n");
}

static bool is_shown(const struct chart *chart, int64_t utc_ms)
{
    return (double)utc_ms >= chart->from_ms && (double)utc_ms <= chart->to_ms;
}

static void add_changes(struct buffer *page, struct chart *chart)
{
    for (size_t i = 0; chart->verdict != NULL && i < chart->verdict->change_count; i++) {
        const double x = percent_x(chart, (double)chart->verdict->change_ms[i]);
        if (is_shown(chart, chart->verdict->change_ms[i])) {
            chart->has_changes = true;
            buffer_add(page, "<line class=\"change\" x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"/>\n", x,
                       x, chart->top, chart->top + PLOT_HEIGHT);
        }
    }
}

void report_add_marks(struct buffer *page, int64_t from_ms, int64_t to_ms, const struct report_mark *marks,
                      size_t count, int bottom)
{
    double before = -100.0;
    int row = 0;
    for (size_t i = 0; i < count; i++) {
        const struct report_mark *mark = &marks[i];
        if (mark->utc_ms < from_ms || mark->utc_ms > to_ms)
            continue; /* it is in the list below the chart */
        const double x = report_percent(from_ms, to_ms, mark->utc_ms);
        row = fabs(x - before) < MARK_CLOSE_PCT ? (row + 1) % REPORT_MARK_ROWS : 0;
        before = x;
        const int y = 10 + row * REPORT_MARK_ROW_HEIGHT;
        buffer_add(page,
                   "<g class=\"mark %s\"><line x1=\"%.3f%%\" x2=\"%.3f%%\" y1=\"%d\" y2=\"%d\"/>"
                   "<circle cx=\"%.3f%%\" cy=\"%d\" r=\"9\"/><text x=\"%.3f%%\" y=\"%d\" "
                   "text-anchor=\"middle\">%u</text></g>\n",
                   report_severity_class(mark->severity), x, x, y, bottom, x, y, x, y + 4, (unsigned)i + 1);
    }
}

void report_add_key_item(struct buffer *page, bool shown, const char *class_name, const char *path,
                         const char *words)
{
    if (shown) {
        buffer_add(page,
                   "<li><svg viewBox=\"0 0 22 12\" aria-hidden=\"true\"><path class=\"%s\" "
                   "d=\"%s\"/></svg>%s</li>\n",
                   class_name, path, words);
    }
}

static void add_key(struct buffer *page, const struct chart *chart)
{
    buffer_add(page, "<ul class=\"key\">\n");
    report_add_key_item(page, true, "mean", REPORT_KEY_LINE, "mean");
    report_add_key_item(page, chart->has_band, "band", REPORT_KEY_AREA, "lowest to highest");
    report_add_key_item(page, chart->has_fit, "fit", REPORT_KEY_LINE, "fit");
    report_add_key_item(page, chart->has_fan, "fan", REPORT_KEY_AREA, "interval of the slope");
    report_add_key_item(page, chart->has_forecast, "forecast", REPORT_KEY_LINE, "forecast");
    report_add_key_item(page, chart->has_limit, "limit", REPORT_KEY_LINE, "limit");
    report_add_key_item(page, chart->has_changes, "change", REPORT_KEY_LINE, "change point");
    buffer_add(page, "</ul>\n");
}

/* ---- the figure ---- */

bool report_add_figure(struct buffer *page, const struct report_series *series)
{
    struct chart chart;
    if (!chart_init(&chart, series))
        return false;
    buffer_add(page, "<figure><svg class=\"chart\" height=\"%d\" role=\"img\" aria-label=\"",
               chart.top + PLOT_HEIGHT + REPORT_TIME_AXIS_HEIGHT);
    report_add_escaped(page, series->title);
    buffer_add(page, ", %s", words_quantity(series->unit, chart.axis.low).s);
    buffer_add(page, " to %s\">\n", words_quantity(series->unit, chart.axis.high).s);
    add_value_axis(page, &chart);
    report_add_time_axis(page, (int64_t)chart.from_ms, (int64_t)chart.to_ms, chart.top + PLOT_HEIGHT);
    add_changes(page, &chart);
    buffer_add(page,
               "<svg class=\"plot\" x=\"0\" y=\"%d\" width=\"100%%\" height=\"%d\" viewBox=\"0 0 %.0f %.0f\" "
               "preserveAspectRatio=\"none\">\n",
               chart.top, PLOT_HEIGHT, PLOT_UNITS, PLOT_UNITS);
    if (chart.has_fan)
        add_fan(page, &chart);
    if (chart.has_fit) /* below what was measured, which it is about */
        add_fit(page, &chart);
    add_curves(page, &chart);
    buffer_add(page, "</svg>\n");
    if (chart.has_limit)
        add_limit(page, &chart);
    report_add_marks(page, (int64_t)chart.from_ms, (int64_t)chart.to_ms, series->marks, series->mark_count,
                     chart.top + PLOT_HEIGHT);
    buffer_add(page, "</svg>\n<figcaption>");
    add_key(page, &chart);
    const bool is_told = series->from_ms != 0 || series->to_ms != 0;
    buffer_add(page, "%s to %s</figcaption></figure>\n",
               words_time(is_told ? series->from_ms : series->points[0].t_ms).s,
               words_time(is_told ? series->to_ms : series->points[series->point_count - 1].t_ms).s);
    return true;
}

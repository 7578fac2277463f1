/* report.c - the parts of reports that mail, message and page share: words, clean text, the shape of a chart.
 *
 * Nothing that comes from outside (process and service names, a relay's words, a file's column names) is
 * trusted: it passes report_add_line or report_add_escaped, which let no control character, no broken UTF-8
 * and no markup through. */
#include "report_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words words_quantity(enum unit unit, double value)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_quantity(&text, unit, value);
    return words;
}

struct words words_level(enum unit unit, double value)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_level(&text, unit, value);
    return words;
}

struct words words_rate(enum unit unit, double per_hour)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_rate(&text, unit, per_hour);
    return words;
}

struct words words_rate_interval(enum unit unit, double per_hour, double low, double high)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_rate_interval(&text, unit, per_hour, low, high);
    return words;
}

struct words words_share(double part)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    if (part > 0.0 && part < 0.01)
        text_add(&text, "less than 1 %%");
    else if (part >= 0.995 && part < 1.0)
        text_add(&text, "more than 99 %%");
    else
        text_add(&text, "%.0f %%", 100.0 * part);
    return words;
}

struct words words_duration(int64_t ms)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_duration(&text, ms);
    return words;
}

struct words words_left(int64_t ms)
{
    const bool in_minutes =
        ms >= 10 * MS_PER_MINUTE && ms < MS_PER_HOUR; /* from there on it has no seconds */
    return words_duration(in_minutes ? (ms + MS_PER_MINUTE / 2) / MS_PER_MINUTE * MS_PER_MINUTE : ms);
}

struct words words_foreseen(int64_t utc_ms, int64_t now_utc_ms)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_time_foreseen(&text, utc_ms, now_utc_ms);
    return words;
}

struct words words_time(int64_t utc_ms)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    text_add_time_human(&text, utc_ms);
    return words;
}

struct words words_clock(int64_t utc_ms, int64_t span_ms)
{
    const struct words whole = words_time(utc_ms); /* YYYY-MM-DD HH:MM:SS UTC; a year may have more digits */
    const char *date = strchr(whole.s + 1, '-');
    const char *clock = strchr(whole.s, ' ');
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    if (span_ms > 20 * MS_PER_HOUR)
        text_add(&text, "%.5s %.5s", date + 1, clock + 1);
    else
        text_add(&text, "%.*s", span_ms < 10 * MS_PER_MINUTE ? 8 : 5, clock + 1);
    return words;
}

size_t report_character(const char *text, bool *out_valid)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const size_t length = utf8_length(text);
    const bool is_c0 = (bytes[0] < 0x20 && bytes[0] != '\n' && bytes[0] != '\t') || bytes[0] == 0x7F;
    const bool is_c1 = bytes[0] == 0xC2 && bytes[1] < 0xA0;
    *out_valid = (length > 0 && !is_c0 && !is_c1) || bytes[0] == '\0';
    return bytes[0] == '\0' ? 0 : *out_valid ? length : 1;
}

void report_add_line(struct text *text, const char *from_outside)
{
    bool valid;
    for (size_t step; (step = report_character(from_outside, &valid)) > 0; from_outside += step) {
        const unsigned char byte = (unsigned char)from_outside[0];
        if (byte < 0x20 || byte == 0x7F)
            text_add_bytes(text, " ", 1);
        else if (valid)
            text_add_bytes(text, from_outside, step);
        else
            text_add(text, REPORT_REPLACEMENT);
    }
}

/* Up to its end or the first `stop`; returns where. */
static const char *add_escaped(struct buffer *page, const char *text, char stop)
{
    bool valid;
    for (size_t step; text[0] != stop && (step = report_character(text, &valid)) > 0; text += step) {
        switch (text[0]) {
        case '&':
            buffer_add(page, "&amp;");
            break;
        case '<':
            buffer_add(page, "&lt;");
            break;
        case '>':
            buffer_add(page, "&gt;");
            break;
        case '"':
            buffer_add(page, "&quot;");
            break;
        case '\'':
            buffer_add(page, "&#39;");
            break;
        case '\r': /* of a CRLF: the line feed is enough */
            break;
        default:
            if (valid)
                buffer_add_bytes(page, text, step);
            else
                buffer_add(page, REPORT_REPLACEMENT);
        }
    }
    return text;
}

void report_add_escaped(struct buffer *page, const char *text)
{
    (void)add_escaped(page, text, '\0');
}

const char *report_add_escaped_line(struct buffer *page, const char *lines)
{
    const char *rest = add_escaped(page, lines, '\n');
    return rest[0] == '\n' ? rest + 1 : rest;
}

/* ---- charts ---- */

/* The usual distance of up to this many points on one side of a gap. */
#define GAP_NEIGHBOURS 5

static int compare_distances(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The median distance between neighbours among points[first .. first + count]; 0 when there is none. */
static int64_t usual_distance(const struct series_point *points, size_t first, size_t count)
{
    int64_t distances[GAP_NEIGHBOURS];
    for (size_t k = 0; k < count; k++)
        distances[k] = points[first + k + 1].t_ms - points[first + k].t_ms;
    qsort(distances, count, sizeof(distances[0]), compare_distances);
    return count > 0 ? distances[count / 2] : 0;
}

bool report_gap_after(const struct series_point *points, size_t count, size_t i)
{
    if (i + 1 >= count)
        return false;
    if (isnan(points[i].mean) || isnan(points[i + 1].mean))
        return true;
    const size_t before = i < GAP_NEIGHBOURS ? i : GAP_NEIGHBOURS;
    const size_t after = count - i - 2 < GAP_NEIGHBOURS ? count - i - 2 : GAP_NEIGHBOURS;
    const int64_t left = usual_distance(points, i - before, before);
    const int64_t right = usual_distance(points, i + 1, after);
    const int64_t usual = left > right ? left : right;
    const int64_t distance = points[i + 1].t_ms - points[i].t_ms;
    return usual > 0 && (double)distance >= 1.9 * (double)usual;
}

bool report_slots(const struct series_point *points, size_t count, double *out_slots, size_t slot_count)
{
    if (count < 2 || points[count - 1].t_ms <= points[0].t_ms)
        return false;
    const double from = (double)points[0].t_ms;
    const double width = ((double)points[count - 1].t_ms - from) / (double)slot_count;
    size_t next = 0; /* the first point of this slot or a later one */
    for (size_t slot = 0; slot < slot_count; slot++) {
        const double end = from + width * (double)(slot + 1);
        double sum = 0.0;
        size_t known = 0;
        for (; next < count && ((double)points[next].t_ms < end || slot + 1 == slot_count); next++) {
            if (!isnan(points[next].mean)) {
                sum += points[next].mean;
                known++;
            }
        }
        out_slots[slot] = NAN;
        if (known > 0) {
            out_slots[slot] = sum / (double)known;
        } else if (next > 0 && next < count && !report_gap_after(points, count, next - 1)) {
            const struct series_point *a = &points[next - 1];
            const struct series_point *b = &points[next];
            const double part = (end - width / 2.0 - (double)a->t_ms) / (double)(b->t_ms - a->t_ms);
            out_slots[slot] = a->mean + (b->mean - a->mean) * part;
        }
    }
    return true;
}

struct report_axis report_axis_make(enum unit unit, double low, double high, int mark_count)
{
    static const char *const prefixes[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    const double magnitude = fmax(fabs(low), fabs(high));
    const double least = fmax(magnitude * 0.02, unit == UNIT_OTHER ? magnitude * 1e-6 : 4.0);
    const bool positive = low >= 0.0;
    if (high - low < least) {
        const double middle = low + (high - low) / 2.0;
        low = middle - least / 2.0;
        high = middle + least / 2.0;
    }
    if (!(high > low)) { /* all zero, of an unknown unit */
        low = 0.0;
        high = 1.0;
    }
    if (positive && (low < 0.0 || low < high / 2.0))
        low = 0.0;
    struct report_axis axis = {.divisor = 1.0, .word = unit == UNIT_BYTES ? prefixes[0] : ""};
    for (size_t i = 1; unit == UNIT_BYTES && i < ARRAY_COUNT(prefixes) && magnitude / axis.divisor >= 1024.0;
         i++) {
        axis.divisor *= 1024.0;
        axis.word = prefixes[i];
    }
    const double raw = (high - low) / axis.divisor / mark_count;
    const double power = floor(log10(raw));
    const double mantissa = raw / pow(10.0, power);
    const double nice = mantissa <= 1.0 ? 1.0 : mantissa <= 2.0 ? 2.0 : mantissa <= 5.0 ? 5.0 : 10.0;
    const double digits = power + (nice >= 10.0 ? 1.0 : 0.0);
    axis.decimals = digits < 0.0 ? (int)fmin(-digits, 9.0) : 0;
    axis.step = nice * pow(10.0, power) * axis.divisor;
    axis.low = floor(low / axis.step * (1.0 + 1e-12)) * axis.step;
    axis.high = ceil(high / axis.step * (1.0 - 1e-12)) * axis.step;
    return axis;
}

struct words report_axis_label(const struct report_axis *axis, double value)
{
    struct words words;
    struct text text = text_on(words.s, sizeof(words.s));
    const double shown = fabs(value) < axis->step / 1e6 ? 0.0 : value / axis->divisor;
    if (fabs(shown) >= 1e7) {
        text_add(&text, "%.4g", shown);
    } else {
        char digits[64];
        const int length = snprintf(digits, sizeof(digits), "%.*f", axis->decimals, fabs(shown));
        const int whole = axis->decimals > 0 ? length - axis->decimals - 1 : length;
        text_add(&text, "%s", shown < 0.0 ? "-" : "");
        for (int i = 0; i < length; i++)
            text_add(&text, i > 0 && i < whole && (whole - i) % 3 == 0 ? ",%c" : "%c", digits[i]);
    }
    text_add(&text, axis->word[0] != '\0' ? " %s" : "%s", axis->word);
    return words;
}

/* ---- keys ---- */

static bool kind_from_name(const char *name, size_t length, enum alert_kind *out_kind)
{
    for (size_t kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        const char *known = alert_wording_get((enum alert_kind)kind)->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0) {
            *out_kind = (enum alert_kind)kind;
            return true;
        }
    }
    return false;
}

/* An incident's mail that warns by its kind may only inform, or be an error. */
static const char *const marks[] = {
    [SEVERITY_INFORMATION] = "-calm", [SEVERITY_WARNING] = "", [SEVERITY_ERROR] = "-urgent"};

const char *report_key_mark(enum alert_kind kind, enum severity severity)
{
    return severity == alert_wording_get(kind)->severity ? "" : marks[severity];
}

/* "REMINDER", "REMINDER-urgent" */
static void parse_kind(const char *words, size_t length, struct report_key *parsed)
{
    const char *dash = memchr(words, '-', length);
    const size_t name = dash != NULL ? (size_t)(dash - words) : length;
    parsed->has_kind = kind_from_name(words, name, &parsed->kind);
    if (!parsed->has_kind)
        return;
    parsed->severity = alert_wording_get(parsed->kind)->severity;
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++)
        if (name < length && strlen(marks[i]) == length - name && memcmp(dash, marks[i], length - name) == 0)
            parsed->severity = (enum severity)i;
}

enum severity mail_severity(const struct mail *mail, enum alert_kind kind)
{
    const struct report_key key = report_key_parse(mail->key);
    return key.has_kind ? key.severity : alert_wording_get(kind)->severity;
}

struct report_key report_key_parse(const char *key)
{
    struct report_key parsed = {0};
    text_copy(parsed.unique, sizeof(parsed.unique), key);
    char *end = NULL;
    const int64_t id = key[0] == 'i' && key[1] >= '0' && key[1] <= '9' ? strtoll(key + 1, &end, 10) : 0;
    if (id > 0 && end[0] == '-') { /* iID-TELLING.KIND.OPENED */
        const char *kind = strchr(end, '.');
        const char *opened = kind != NULL ? strchr(kind + 1, '.') : NULL;
        parsed.incident_id = id;
        if (opened != NULL) {
            parse_kind(kind + 1, (size_t)(opened - kind - 1), &parsed);
            snprintf(parsed.unique, sizeof(parsed.unique), "%.*s%s", (int)(kind - key), key, opened);
            snprintf(parsed.first, sizeof(parsed.first), "i%" PRId64 "-1%s", id, opened);
        }
    } else { /* KIND-... */
        const char *dash = strchr(key, '-');
        if (dash != NULL)
            parse_kind(key, (size_t)(dash - key), &parsed);
    }
    return parsed;
}

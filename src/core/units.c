/* units.c - numbers to words and words to numbers.
 *
 * Nothing here depends on the locale or the time zone: the program never calls setlocale, and calendar
 * arithmetic is done by hand on the proleptic Gregorian calendar. */
#include "storewatch/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAYS_PER_ERA 146097 /* 400 Gregorian years */
#define EPOCH_DAY 719468    /* days from 0000-03-01 to 1970-01-01 */
#define FORESEEN_TO_THE_SECOND_MS (7 * MS_PER_DAY)

const char *unit_name(enum unit unit)
{
    switch (unit) {
    case UNIT_BYTES:
        return "bytes";
    case UNIT_HANDLES:
        return "handles";
    case UNIT_OTHER:
        break;
    }
    return "other";
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Durations and sizes as a configuration has them, from the smallest on. */
static const struct {
    const char *suffix;
    int64_t ms;
} duration_units[] = {
    {"ms", 1}, {"s", MS_PER_SECOND}, {"m", MS_PER_MINUTE}, {"h", MS_PER_HOUR}, {"d", MS_PER_DAY}};
static const struct {
    const char *suffix;
    double bytes;
} size_units[] = {{"", 1.0},   {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}, {"TiB", 1024.0 * GIB},
                  {"KB", 1e3}, {"MB", 1e6},  {"GB", 1e9}};
enum { SIZE_TIB = 4 }; /* the largest of the binary ones */

enum status duration_parse(const char *text, int64_t *out_ms)
{
    const char *p = text;
    int64_t number = 0;
    bool overflow = false;
    for (; is_digit(*p); p++) {
        const int64_t digit = *p - '0';
        overflow = overflow || number > (INT64_MAX - digit) / 10;
        number = overflow ? 0 : number * 10 + digit;
    }
    if (p == text)
        return STATUS_INVALID;
    for (size_t i = 0; i < ARRAY_COUNT(duration_units); i++) {
        if (strcmp(p, duration_units[i].suffix) == 0) {
            if (overflow || number > INT64_MAX / duration_units[i].ms)
                return STATUS_FULL;
            *out_ms = number * duration_units[i].ms;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

enum status size_parse(const char *text, double *out_bytes)
{
    /* Up to 15 digits in all: then both the digits and the power of ten are exact and the quotient is the
     * double nearest to what was written. */
    enum { DIGITS_MAX = 15 };
    const char *p = text;
    double mantissa = 0.0;
    double divisor = 1.0;
    int digits = 0;
    for (; is_digit(*p); p++, digits++)
        mantissa = mantissa * 10.0 + (*p - '0');
    if (digits == 0)
        return STATUS_INVALID;
    if (*p == '.' && is_digit(p[1])) {
        for (p++; is_digit(*p); p++, digits++) {
            mantissa = mantissa * 10.0 + (*p - '0');
            divisor *= 10.0;
        }
    }
    if (digits > DIGITS_MAX)
        return STATUS_INVALID;
    for (size_t i = 0; i < ARRAY_COUNT(size_units); i++) {
        if (strcmp(p, size_units[i].suffix) == 0) {
            *out_bytes = mantissa / divisor * size_units[i].bytes;
            return STATUS_OK;
        }
    }
    return STATUS_INVALID;
}

/* How numbers of one line are shown: divided, with this many decimals. */
struct scale {
    double divisor;
    int decimals;
    const char *word; /* "GiB", "handles", "" */
};

/* Decimals that make three significant digits of a magnitude. */
static int decimals_of(double magnitude)
{
    return magnitude >= 99.95 ? 0 : magnitude >= 9.995 ? 1 : 2;
}

static struct scale scale_of(enum unit unit, double value)
{
    static const char *const prefixes[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double magnitude = fabs(value);
    if (unit == UNIT_BYTES) {
        struct scale scale = {.divisor = 1.0, .word = prefixes[0]};
        for (size_t i = 1; i < ARRAY_COUNT(prefixes) && magnitude >= 999.5; i++) {
            magnitude /= 1024.0;
            scale.divisor *= 1024.0;
            scale.word = prefixes[i];
        }
        const bool whole = scale.divisor == 1.0 && magnitude == floor(magnitude);
        /* 1000 to 1023 of a prefix are shown as 0.977 to 0.999 of the next */
        scale.decimals = whole ? 0 : magnitude < 0.9995 && scale.divisor > 1.0 ? 3 : decimals_of(magnitude);
        return scale;
    }
    const bool whole = magnitude == floor(magnitude);
    return (struct scale){.divisor = 1.0,
                          .decimals = whole ? 0 : decimals_of(magnitude),
                          .word = unit == UNIT_HANDLES ? (magnitude == 1.0 ? "handle" : "handles") : ""};
}

#define FIXED_MIN 0.005 /* less than this is shown in exponent form, for want of digits */

/* "-1,234.50": fixed decimals, thousands grouped; exponent form where digits would mean nothing. */
static void add_number(struct text *text, double value, int decimals)
{
    const double magnitude = fabs(value);
    if (magnitude >= 1e15 || (magnitude > 0.0 && magnitude < FIXED_MIN)) {
        text_add(text, "%.3g", value);
        return;
    }
    char digits[40];
    const int length = snprintf(digits, sizeof(digits), "%.*f", decimals, magnitude);
    const int whole = decimals > 0 ? length - decimals - 1 : length;
    const bool zero = strspn(digits, "0.") == (size_t)length;
    if (value < 0.0 && !zero)
        text_add_bytes(text, "-", 1);
    for (int i = 0; i < length; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            text_add_bytes(text, ",", 1);
        text_add_bytes(text, &digits[i], 1);
    }
}

static void add_word(struct text *text, const char *word)
{
    if (word[0] != '\0')
        text_add(text, " %s", word);
}

void text_add_quantity(struct text *text, enum unit unit, double value)
{
    if (isnan(value)) {
        text_add(text, "unknown");
        return;
    }
    if (isinf(value)) {
        text_add(text, value > 0 ? "unlimited" : "-unlimited");
        return;
    }
    if (unit == UNIT_OTHER) {
        /* its unit is not known, so neither is the sensible rounding: four digits, whole above that */
        const double magnitude = fabs(value);
        if (magnitude >= 9999.5)
            add_number(text, value, 0);
        else
            text_add(text, "%.4g", value == 0.0 ? 0.0 : value);
        return;
    }
    const struct scale scale = scale_of(unit, value);
    add_number(text, value / scale.divisor, scale.decimals);
    add_word(text, scale.word);
}

void text_add_level(struct text *text, enum unit unit, double value)
{
    if (unit != UNIT_HANDLES || !isfinite(value)) {
        text_add_quantity(text, unit, value);
        return;
    }
    const struct scale scale = scale_of(unit, value);
    add_number(text, value / scale.divisor, scale.decimals);
}

void text_add_count(struct text *text, double count)
{
    add_number(text, count, 0);
}

const char *side_of_limit(double level, double limit)
{
    return level >= 1.005 * limit ? "above" : "at";
}

/* The period in which a rate is told, and what part of the hourly rate falls into it. */
struct period {
    double hours;
    const char *word;
};

static struct period period_of(enum unit unit, double per_hour)
{
    static const struct period day = {24.0, "/day"};
    static const struct period hour = {1.0, "/h"};
    static const struct period minute = {1.0 / 60.0, "/min"};
    static const struct period second = {1.0 / 3600.0, "/s"};
    const double magnitude = fabs(per_hour);
    const double slow = unit == UNIT_BYTES ? MIB : 1.0;
    const double fast = unit == UNIT_BYTES ? 10.0 * GIB : 1e5;
    if (magnitude == 0.0)
        return hour;
    if (magnitude < slow)
        return day;
    return magnitude < fast ? hour : magnitude < fast * 60.0 ? minute : second;
}

void text_add_rate(struct text *text, enum unit unit, double per_hour)
{
    if (!isfinite(per_hour)) {
        text_add(text, "unknown");
        return;
    }
    const struct period period = period_of(unit, per_hour);
    text_add_quantity(text, unit, per_hour * period.hours);
    text_add(text, "%s", period.word);
}

/* One of several numbers that are led by another: digits that the leading one does not have mean nothing. */
static void add_led_number(struct text *text, double value, double leading, int decimals)
{
    const bool is_nothing = fabs(value) < FIXED_MIN && fabs(leading) >= FIXED_MIN;
    add_number(text, is_nothing ? 0.0 : value, decimals);
}

void text_add_rate_interval(struct text *text, enum unit unit, double per_hour, double low, double high)
{
    if (!isfinite(per_hour) || !isfinite(low) || !isfinite(high)) {
        text_add_rate(text, unit, per_hour);
        if (isfinite(per_hour))
            text_add(text, " (interval unknown)");
        return;
    }
    /* One scale for the three. The rate sets it, unless it is next to nothing beside its interval. */
    const double widest = fmax(fabs(low), fabs(high));
    const double leading = fabs(per_hour) >= widest / 100.0 ? per_hour : widest;
    const struct period period = period_of(unit, leading);
    const struct scale scale = scale_of(unit, leading * period.hours);
    const double factor = period.hours / scale.divisor;
    const int decimals =
        unit == UNIT_BYTES && scale.divisor > 1.0 ? scale.decimals : decimals_of(fabs(leading * factor));
    add_led_number(text, per_hour * factor, leading * factor, decimals);
    add_word(text, unit == UNIT_HANDLES ? "handles" : scale.word);
    text_add(text, "%s (", period.word);
    add_led_number(text, low * factor, leading * factor, decimals);
    text_add(text, " to ");
    add_led_number(text, high * factor, leading * factor, decimals);
    text_add(text, ")");
}

void text_add_duration(struct text *text, int64_t ms)
{
    static const struct {
        const char *word;
        int64_t ms;
    } units[] = {{"d", MS_PER_DAY}, {"h", MS_PER_HOUR}, {"min", MS_PER_MINUTE}, {"s", MS_PER_SECOND}};
    if (ms < 0) {
        text_add(text, "unknown");
        return;
    }
    if (ms < MS_PER_SECOND) {
        text_add(text, "%" PRId64 " ms", ms);
        return;
    }
    if (ms < 10 * MS_PER_SECOND) {
        const int64_t tenths = (ms + 50) / 100;
        text_add(text, tenths % 10 != 0 ? "%" PRId64 ".%" PRId64 " s" : "%" PRId64 " s", tenths / 10,
                 tenths % 10);
        return;
    }
    if (ms >= 3653 * MS_PER_DAY) { /* nor days beside tens of years */
        const int64_t days = ms / MS_PER_DAY;
        add_number(text, (double)days / 365.2425, 0);
        text_add(text, " years");
        return;
    }
    if (ms >= 100 * MS_PER_DAY) { /* hours mean nothing beside hundreds of days */
        const int64_t days = ms / MS_PER_DAY;
        add_number(text, (double)days, 0);
        text_add(text, " d");
        return;
    }
    /* Round to the smaller of the two units shown; that may carry into a larger first unit. */
    size_t first = 0;
    int64_t rounded = ms;
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        const int64_t grain = i + 1 < ARRAY_COUNT(units) ? units[i + 1].ms : units[i].ms;
        rounded = (ms + grain / 2) / grain * grain;
        first = i;
        if (rounded >= units[i].ms)
            break;
    }
    text_add(text, "%" PRId64 " %s", rounded / units[first].ms, units[first].word);
    if (first + 1 < ARRAY_COUNT(units)) {
        const int64_t rest = rounded % units[first].ms / units[first + 1].ms;
        if (rest > 0)
            text_add(text, " %" PRId64 " %s", rest, units[first + 1].word);
    }
}

void text_add_duration_config(struct text *text, int64_t ms)
{
    size_t unit = ms == 0 ? 1 : ARRAY_COUNT(duration_units) - 1; /* "0s" */
    while (ms % duration_units[unit].ms != 0)
        unit--;
    text_add(text, "%" PRId64 "%s", ms / duration_units[unit].ms, duration_units[unit].suffix);
}

void text_add_size_config(struct text *text, double bytes)
{
    size_t unit = bytes == 0.0 ? 0 : SIZE_TIB;
    while (unit > 0 && fmod(bytes, size_units[unit].bytes) != 0.0)
        unit--;
    text_add(text, "%.0f%s", bytes / size_units[unit].bytes, size_units[unit].suffix);
}

struct civil {
    int64_t year;
    int month, day, hour, minute, second, millisecond;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Years are counted from March, so that the leap day is the last of the year: month m (0 = March) begins at
 * day (153 m + 2) / 5 of it. */
int64_t days_from_civil(int64_t year, int month, int day)
{
    const int64_t march_year = month <= 2 ? year - 1 : year;
    const int64_t march_month = (month + 9) % 12;
    const int64_t leap_days =
        floor_div(march_year, 4) - floor_div(march_year, 100) + floor_div(march_year, 400);
    return march_year * 365 + leap_days + (153 * march_month + 2) / 5 + (day - 1) - EPOCH_DAY;
}

static struct civil civil_from_ms(int64_t utc_ms)
{
    const int64_t days = floor_div(utc_ms, MS_PER_DAY);
    const int64_t rest = (utc_ms % MS_PER_DAY + MS_PER_DAY) % MS_PER_DAY;
    const int64_t shifted = days + EPOCH_DAY;
    const int64_t era = floor_div(shifted, DAYS_PER_ERA);
    const int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    /* take the leap days out, so that every year has 365 days */
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t march_month = (5 * day_of_year + 2) / 153;
    const int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    return (struct civil){
        .year = era * 400 + year_of_era + (month <= 2),
        .month = (int)month,
        .day = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
        .hour = (int)(rest / MS_PER_HOUR),
        .minute = (int)(rest / MS_PER_MINUTE % 60),
        .second = (int)(rest / MS_PER_SECOND % 60),
        .millisecond = (int)(rest % MS_PER_SECOND),
    };
}

void text_add_time_utc(struct text *text, int64_t utc_ms)
{
    const struct civil c = civil_from_ms(utc_ms);
    text_add(text, "%04" PRId64 "-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
             c.second);
    if (c.millisecond != 0)
        text_add(text, ".%03d", c.millisecond);
    text_add(text, "Z");
}

void text_add_time_human(struct text *text, int64_t utc_ms)
{
    const struct civil c = civil_from_ms(utc_ms);
    text_add(text, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d UTC", c.year, c.month, c.day, c.hour, c.minute,
             c.second);
}

void text_add_time_foreseen(struct text *text, int64_t utc_ms, int64_t now_utc_ms)
{
    if (utc_ms - now_utc_ms <= FORESEEN_TO_THE_SECOND_MS) {
        text_add_time_human(text, utc_ms);
        return;
    }
    const struct civil c = civil_from_ms(utc_ms);
    text_add(text, "%04" PRId64 "-%02d-%02d", c.year, c.month, c.day);
}

/* Exactly `count` digits; moves *p past them. */
static bool take_digits(const char **p, int count, int *out_number)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        if (!is_digit((*p)[i]))
            return false;
        number = number * 10 + ((*p)[i] - '0');
    }
    *p += count;
    *out_number = number;
    return true;
}

static bool take_char(const char **p, const char *allowed)
{
    if (**p == '\0' || strchr(allowed, **p) == NULL)
        return false;
    (*p)++;
    return true;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* "Z", "", "+02:00", "+0200", "+02" at the end of a time. */
static bool take_offset(const char **p, int *out_minutes)
{
    int hours = 0;
    int minutes = 0;
    const char sign = **p;
    if (take_char(p, "+-")) {
        if (!take_digits(p, 2, &hours) || hours > 23)
            return false;
        const bool colon = take_char(p, ":");
        if ((colon || is_digit(**p)) && (!take_digits(p, 2, &minutes) || minutes > 59))
            return false;
    } else {
        (void)take_char(p, "Zz");
    }
    *out_minutes = (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
    return **p == '\0';
}

/* "2026-11-22" or "20261122". */
static bool take_date(const char **p, int64_t *out_ms)
{
    int year, month, day;
    if (!take_digits(p, 4, &year))
        return false;
    const bool dashes = take_char(p, "-");
    if (!take_digits(p, 2, &month) || (dashes && !take_char(p, "-")) || !take_digits(p, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *out_ms = days_from_civil(year, month, day) * MS_PER_DAY;
    return true;
}

/* "03:14:05.123", "03:14:05", "03:14", or without the colons. */
static bool take_time(const char **p, int64_t *out_ms)
{
    int hour, minute, second = 0;
    if (!take_digits(p, 2, &hour))
        return false;
    const bool colons = take_char(p, ":");
    if (!take_digits(p, 2, &minute))
        return false;
    const bool seconds = colons ? take_char(p, ":") : is_digit(**p);
    if ((seconds && !take_digits(p, 2, &second)) || hour > 23 || minute > 59 || second > 59)
        return false;
    *out_ms = hour * MS_PER_HOUR + minute * MS_PER_MINUTE + second * MS_PER_SECOND;
    if (!seconds || !take_char(p, ".,"))
        return true;
    if (!is_digit(**p))
        return false;
    for (int64_t weight = 100; is_digit(**p); (*p)++, weight /= 10)
        *out_ms += (**p - '0') * weight; /* what is finer than a millisecond is dropped */
    return true;
}

enum status time_parse_iso(const char *text, int64_t *out_utc_ms)
{
    const char *p = text;
    int64_t date_ms, time_ms = 0;
    int offset_minutes = 0;
    if (!take_date(&p, &date_ms))
        return STATUS_INVALID;
    if (*p != '\0' &&
        (!take_char(&p, "Tt ") || !take_time(&p, &time_ms) || !take_offset(&p, &offset_minutes)))
        return STATUS_INVALID;
    *out_utc_ms = date_ms + time_ms - offset_minutes * MS_PER_MINUTE;
    return STATUS_OK;
}

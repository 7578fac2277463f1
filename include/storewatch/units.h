/* units.h - the only place where numbers become words and words become numbers: durations, sizes, rates,
 * times.
 *
 * Sizes are binary and say so ("1.50 GiB"); handles are counts ("12,480 handles"). Durations in configuration
 * are "500ms" "15s" "4h" "2d"; for people "2 h 14 min". Times are UTC, ISO 8601, unless said otherwise. */
#ifndef STOREWATCH_UNITS_H
#define STOREWATCH_UNITS_H

#include "storewatch/base.h"

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)
#define KIB 1024.0
#define MIB 1048576.0
#define GIB 1073741824.0
#define TIME_ISO_LAST_MS INT64_C(253402300799999) /* the end of 9999: ISO 8601 has four digits for a year */
#define MINUTES_PER_DAY (24 * 60)

enum unit { UNIT_BYTES, UNIT_HANDLES, UNIT_OTHER /* a number of unknown scale */ };

/* "bytes", "handles", "other": the words of `analyze --json`. */
const char *unit_name(enum unit unit);

/* "500ms" "15s" "10m" "4h" "2d" -> ms. No fraction, no space, no sign; INVALID otherwise, FULL on overflow.
 */
enum status duration_parse(const char *text, int64_t *out_ms);
/* "4096" "64KiB" "1.5GiB" (KiB MiB GiB TiB; KB MB GB accepted as decimal) -> bytes. At most 15 digits in all, so
 * that they are exact. INVALID otherwise. */
enum status size_parse(const char *text, double *out_bytes);

/* Appends "1.21 GiB", "12,480 handles" or "3.2"; "unknown" for NAN, "unlimited" for INFINITY. Three significant
 * digits for bytes, four for an unknown scale, where whole numbers above that stay whole. */
void text_add_quantity(struct text *text, enum unit unit, double value);
/* The same behind the metric's name, which says "handles" already: "12,480". */
void text_add_level(struct text *text, enum unit unit, double value);
/* A whole number of what the words beside it name: "57,600". */
void text_add_count(struct text *text, double count);
/* Where a level stands that has come to its limit: "at" it, or "above", by half a percent and more: less may be the
 * rounding of the words. */
const char *side_of_limit(double level, double limit);
/* Appends "14.2 MiB/h", "320 handles/h"; scale picks per second, minute, hour or day so that it reads well
 * and `per_hour` is the quantity; "unknown" for NAN. */
void text_add_rate(struct text *text, enum unit unit, double per_hour);
/* Appends "14.2 MiB/h (13.8 to 14.6)" with one scale and prefix for all three. */
void text_add_rate_interval(struct text *text, enum unit unit, double per_hour, double low, double high);
/* Appends "45 s", "2 h 14 min", "3 d 4 h", "64 years"; at most two leading units; "unknown" for a negative
 * value. */
void text_add_duration(struct text *text, int64_t ms);
/* Append the shortest configuration form, which the parsers take back: 14400000 -> "4h", 67108864 (a whole number) ->
 * "64MiB". */
void text_add_duration_config(struct text *text, int64_t ms);
void text_add_size_config(struct text *text, double bytes);
/* Appends "2026-11-22T03:14:05Z" (with milliseconds ".250" only if they are not 0). utc_ms since 1970; any is
 * fine, a year after 9999 has more digits, one before 0 a sign. */
void text_add_time_utc(struct text *text, int64_t utc_ms);
/* Appends "2026-11-22 03:14:05 UTC" for people. */
void text_add_time_human(struct text *text, int64_t utc_ms);
/* Appends a time that is projected: "2026-11-22 03:14:05 UTC", or "2027-01-14" when it is more than a week ahead: no
 * forecast knows the second of that. */
void text_add_time_foreseen(struct text *text, int64_t utc_ms, int64_t now_utc_ms);

/* Days since 1970-01-01 of a proleptic Gregorian date; months 1-12, days 1-31 are not validated. */
int64_t days_from_civil(int64_t year, int month, int day);
/* ISO 8601 UTC ("2026-11-22T03:14:05.250Z", seconds fraction and Z optional, ' ' for 'T' accepted, an offset
 * "+02:00" honoured) -> utc_ms. INVALID when it is not a real date and time. */
enum status time_parse_iso(const char *text, int64_t *out_utc_ms);

#endif

/* server.c - see server.h. Sizes are MiB until they are handed out. */
#include "server.h"

#include <math.h>
#include <stdlib.h>

#include "storewatch/base.h"

#define STEP_HOURS (SERVER_STEP_MS / 3.6e6)
#define DAY 24.0
#define WEEK (7 * DAY)

const char *server_text(enum server_kind kind)
{
    switch (kind) {
#define SERVER_CASE(name, text)                                                                              \
    case SERVER_##name:                                                                                      \
        return text;
        SERVER_LIST(SERVER_CASE)
#undef SERVER_CASE
    default:
        return "unknown";
    }
}

double server_limit(enum server_kind kind)
{
    return kind == SERVER_MACHINE ? 48000 * MIB : kind == SERVER_COUNT ? 16777216 : 2047 * MIB;
}

struct verdict_settings server_settings(enum server_kind kind)
{
    return (struct verdict_settings){.unit = kind == SERVER_COUNT ? UNIT_HANDLES : UNIT_BYTES,
                                     .warm_up_ms = 30 * MS_PER_MINUTE,
                                     .min_window_ms = 4 * MS_PER_HOUR,
                                     .confidence_pct = 99,
                                     .min_growth = kind == SERVER_COUNT ? 500 : 64 * MIB,
                                     .learned_plateau = NAN};
}

struct detector *server_detector(enum server_kind kind, const struct verdict_settings *settings)
{
    struct detector *detector = detector_new(settings);
    if (detector == NULL)
        exit(3);
    detector_set_limit(detector, (struct verdict_limit){server_limit(kind), "limit"});
    return detector;
}

static double between(struct server *s, double low, double high)
{
    return low + (high - low) * random_uniform(&s->random);
}

/* Each factor of it is as likely as another. */
static double about(struct server *s, double low, double high)
{
    return exp(between(s, log(low), log(high)));
}

static bool happens(struct server *s, double per_hour)
{
    return random_uniform(&s->random) < per_hour * STEP_HOURS;
}

static void process_begin(struct server *s, bool warm)
{
    s->born_hour = s->hour - (warm ? 10 * DAY : 0);
    s->cache = !warm ? 0 : s->kind == SERVER_MACHINE ? 20000 : s->kind == SERVER_STORE ? s->cache_most : 0;
    s->seen = warm ? s->full_load_hours : 0;
    s->queue = s->teeth = s->leaked = 0;
}

void server_begin(struct server *s, enum server_kind kind, uint64_t seed)
{
    *s = (struct server){.kind = kind, .random = random_seeded(seed * 64 + (uint64_t)kind), .day_load = 1};
    s->begin_hour = floor(between(s, 0, WEEK));
    s->lives_hours = kind == SERVER_RECYCLED ? 29 : DAY * between(s, 10, 40);
    s->base = between(s, 120, 260);
    s->cache_most = between(s, 450, 900);
    s->cache_hours = between(s, 3, 12);
    s->swing = between(s, 40, 200);
    s->night_job = between(s, 10, 80);
    s->backup = between(s, 20, 100);
    s->fragments = between(s, 10, 50);
    s->noise = between(s, 0.001, 0.008);
    s->load_growth = between(s, 0, 0.3);
    s->tooth = between(s, 40, 250);
    s->tooth_hours = about(s, 0.15, 6);
    s->job_size = between(s, 150, 700);
    s->job_hours = between(s, 8, 30);
    s->exponent = between(s, 0.35, 0.65);
    s->full_load_hours = between(s, 4, 60) * 7;
    s->next_storm = DAY * between(s, 5, 40);
    s->line_down_until = -1;
    process_begin(s, true);
}

/* Share of the most that people work, at this hour of the week: from nine to five with a break for lunch. */
static double load_of(const struct server *s)
{
    const double week_hour = fmod(s->begin_hour + s->hour, WEEK), hour = fmod(week_hour, DAY);
    const double growth = 1 + s->load_growth * s->hour / (52 * WEEK);
    if (week_hour >= 5 * DAY)
        return (hour > 9 && hour < 21 ? 0.12 : 0.06) * s->day_load * growth;
    const double work = exp(-pow((hour - 13) / 3.2, 4) / 6) * (hour >= 12 && hour < 13 ? 0.8 : 1);
    return (0.05 + 0.95 * work) * s->day_load * growth;
}

void server_leak(struct server *s, double per_hour, bool with_load)
{
    double mean = 1;
    if (with_load) {
        struct server week = {.day_load = 1};
        for (mean = 0; week.hour < WEEK; week.hour++)
            mean += load_of(&week) / WEEK;
    }
    s->leak_per_hour = per_hour / mean;
    s->leaks_with_load = with_load;
}

/* What comes over it every week or two, rises for hours and is worked off. */
static double storm(struct server *s, double low, double high)
{
    if (s->hour >= s->next_storm) {
        s->storm_from = s->hour;
        s->storm_rises = between(s, 0.5, 8);
        s->storm_falls = between(s, 0.2, 6);
        s->storm_size = between(s, low, high);
        s->next_storm = s->hour + DAY * between(s, 8, 40);
    }
    if (s->storm_size == 0)
        return 0;
    const double since = s->hour - s->storm_from;
    return s->storm_size * (since < s->storm_rises ? since / s->storm_rises
                                                   : exp(-(since - s->storm_rises) / s->storm_falls));
}

static double store_level(struct server *s, double load, double hour)
{
    s->cache += (s->cache_most - s->cache) * load * STEP_HOURS / s->cache_hours;
    if (happens(s, 1 / (180 * DAY)))
        s->steps += between(s, 15, 60); /* mailboxes are moved here */
    const double night = hour >= 1 && hour < 5 ? s->night_job * fmin(1, (hour - 1) * 2) : 0;
    return s->base + s->cache + s->swing * load + night + (hour >= 22 ? s->backup : 0) +
           s->fragments * log1p((s->hour - s->born_hour) / 72) + s->steps + storm(s, 40, 300) + 2 * s->drift;
}

static double managed_level(struct server *s, double load)
{
    s->teeth += s->tooth * STEP_HOURS / s->tooth_hours * (0.15 + load);
    if (s->teeth > s->tooth * between(s, 0.8, 1.2)) {
        s->teeth = 0;
        s->held = 0.7 * s->held + 0.3 * random_uniform(&s->random);
    }
    const double warm = 1 - exp((s->born_hour - s->hour) / 30);
    return 60 + s->fragments + s->teeth + 80 * s->held + 0.4 * s->swing * warm + s->drift;
}

static double backlog_level(struct server *s, double load)
{
    if (s->line_down_until < s->hour && happens(s, 1 / (20 * DAY)))
        s->line_down_until = s->hour + about(s, 1, 40);
    const double rate = s->hour < s->line_down_until ? 15 * load : -40;
    s->queue = fmax(0, s->queue + rate * STEP_HOURS);
    return 120 + s->queue + 0.3 * s->swing * load + s->drift;
}

static double machine_level(struct server *s, double load, double hour)
{
    s->cache += (20000 - s->cache) * (0.02 + 0.15 * load) * STEP_HOURS / 2;
    s->sessions +=
        (6000 * load - s->sessions) * 0.7 * STEP_HOURS + 160 * sqrt(STEP_HOURS) * random_normal(&s->random);
    return 6000 + s->cache + s->sessions + (hour >= 1 && hour < 5 ? 1500 : 0) + storm(s, 500, 5000) +
           40 * s->drift;
}

static double crawl_level(struct server *s, double load)
{
    const double since = fmod(s->begin_hour + s->hour, WEEK) - 5 * DAY - 2; /* from two o'clock on Saturday */
    const bool runs = since >= 0 && since < s->job_hours;
    return 150 + (runs ? s->job_size * since / s->job_hours : 0) + 0.2 * s->swing * load + s->drift;
}

static double recycled_level(struct server *s, double load)
{
    s->cache += 2.5 * s->cache_hours * (load + 0.02) * STEP_HOURS;
    return 110 + s->cache + 0.4 * s->swing * load + s->drift;
}

static double count_level(struct server *s, double load, double hour)
{
    const double warm = 1 - exp((s->born_hour - s->hour) / 20);
    return 3000 + 30 * s->swing * load + 800 * warm + (hour >= 22 ? 5 * s->backup : 0) + 10 * s->drift;
}

/* Of what comes in ever less is new. */
static double hoard_level(struct server *s, double load)
{
    s->seen += load * STEP_HOURS;
    const double full = pow(fmin(1, s->seen / s->full_load_hours), s->exponent);
    return 80 + 0.5 * s->cache_most * full + 0.2 * s->swing * load + s->drift;
}

static double level_of(struct server *s, double load)
{
    const double hour = fmod(s->begin_hour + s->hour, DAY);
    switch (s->kind) {
    case SERVER_STORE:
        return store_level(s, load, hour);
    case SERVER_MANAGED:
        return managed_level(s, load);
    case SERVER_BACKLOG:
        return backlog_level(s, load);
    case SERVER_MACHINE:
        return machine_level(s, load, hour);
    case SERVER_CRAWL:
        return crawl_level(s, load);
    case SERVER_RECYCLED:
        return recycled_level(s, load);
    case SERVER_COUNT:
        return count_level(s, load, hour);
    default:
        return hoard_level(s, load);
    }
}

double server_next(struct server *s, bool *out_born)
{
    const bool ends = s->hour - s->born_hour >= s->lives_hours;
    if (ends) /* (warm: it was born ten days before the begin) */
        process_begin(s, false);
    *out_born = ends && s->kind != SERVER_MACHINE;
    if (fmod(s->hour, DAY) < STEP_HOURS / 2)
        s->day_load = exp(0.12 * random_normal(&s->random));
    s->drift = 0.995 * s->drift + 0.1 * random_normal(&s->random);
    const double load = load_of(s), level = level_of(s, load);
    s->hour += STEP_HOURS;
    s->leaked += s->leak_per_hour * (s->leaks_with_load ? load : 1) * STEP_HOURS;
    if (s->kind == SERVER_COUNT)
        return floor(level + s->leaked);
    return level * (1 + s->noise * random_normal(&s->random)) * MIB + s->leaked;
}

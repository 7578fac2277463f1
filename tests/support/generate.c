/* generate.c - see generate.h. */
#include "generate.h"

#include <math.h>

struct random random_seeded(uint64_t seed)
{
    return (struct random){.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

static uint64_t random_bits(struct random *random)
{
    uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double random_uniform(struct random *random)
{
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

double random_normal(struct random *random)
{
    const double radius = sqrt(-2 * log(1 - random_uniform(random)));
    return radius * cos(2 * 3.14159265358979323846 * random_uniform(random));
}

const char *family_name(enum family family)
{
    static const char *const names[] = {
#define FAMILY_NAME(name, leak, text) #name,
        FAMILY_LIST(FAMILY_NAME)
#undef FAMILY_NAME
    };
    return family < FAMILY_COUNT ? names[family] : "?";
}

bool family_leaks(enum family family)
{
    static const bool leaks[] = {
#define FAMILY_LEAKS(name, leak, text) leak,
        FAMILY_LIST(FAMILY_LEAKS)
#undef FAMILY_LEAKS
    };
    return family < FAMILY_COUNT && leaks[family];
}

bool family_counts(enum family family)
{
    return family == FAMILY_HANDLES || family == FAMILY_QUANTISED || family == FAMILY_DOUBLINGS ||
           family == FAMILY_SMALL_COUNTS;
}

/* Height of the shape at x = i / n, in units of the amplitude; `since` = how far into the leak, 0..1. */
struct scene {
    enum family family;
    double onset, period, at[3], tau;
};

static double fraction(double x)
{
    return x - floor(x);
}

static double day_wave(double x)
{
    const double day = x * 10, weekday = fraction(day / 7) < 5.0 / 7 ? 1.0 : 0.5;
    return weekday * 0.5 * (1 - cos(2 * 3.14159265358979323846 * day));
}

/* The load from 0 to x: a tenth of the day's height at rest, and the wave of the day. */
static double load_before(double x)
{
    double sum = 0.1 * x;
    for (int day = 0; day < 10 * x; day++) {
        const double end = fmin(10 * x, day + 1) - day, weekday = fraction(day / 7.0) < 5.0 / 7 ? 1.0 : 0.5;
        const double turn = 2 * 3.14159265358979323846;
        sum += 0.1 * weekday * 0.5 * (end - sin(turn * end) / turn);
    }
    return sum;
}

static double shape_at(const struct scene *s, double x)
{
    const double since = x > s->onset ? (x - s->onset) / (1 - s->onset) : 0;
    switch (s->family) {
    case FAMILY_WARM_UP:
        return 1 - exp(-x / s->tau);
    case FAMILY_PLATEAU_MOVES:
        return 0.5 * (1 - exp(-x / s->tau)) + (x > s->at[1] ? 0.5 * (1 - exp(-(x - s->at[1]) / s->tau)) : 0);
    case FAMILY_CYCLE:
    case FAMILY_GAPS_CYCLE:
        return day_wave(x);
    case FAMILY_WEEKLY: {
        const double week = fraction(4 * x), workday = 5.0 / 7;
        return week < workday ? week / workday : fmax(0, 1 - (week - workday) * 14);
    }
    case FAMILY_SAWTOOTH:
        return fraction(x / s->period);
    case FAMILY_TALLER_SAWTOOTH:
        return fraction(x / s->period) * (0.3 + 0.7 * x);
    case FAMILY_STEP_UP:
        return x > s->at[1] ? 1 : 0;
    case FAMILY_STEPS_UP:
        return ((x > s->at[0]) + (x > s->at[1]) + (x > s->at[2])) / 3.0;
    case FAMILY_STEP_DOWN:
        return x > s->at[1] ? 0 : 1;
    case FAMILY_NIGHTLY_JOB:
        return fraction(x * 10 + 0.3) < 0.08 ? 1 : 0;
    case FAMILY_LOAD_RISE: {
        const double u = (x - s->at[0]) / 0.12;
        return u < 0 ? 0 : u > 1 ? 1 : u * u * (3 - 2 * u);
    }
    case FAMILY_DOUBLINGS:
        return (pow(2, (x > s->at[0]) + (x > s->at[1]) + (x > s->at[2])) - 1) / 7;
    case FAMILY_HUMP:
        return exp(-pow((x - s->at[1]) / 0.05, 2) / 2);
    case FAMILY_SHRINKING:
        return 1 - x;
    case FAMILY_LINEAR:
    case FAMILY_LINEAR_NOISE:
    case FAMILY_FROM_BIRTH:
    case FAMILY_HANDLES:
    case FAMILY_GAPS:
    case FAMILY_LATE:
    case FAMILY_HEAVY_TAIL_LEAK:
    case FAMILY_SMALL_COUNTS:
        return since;
    case FAMILY_SLOW: /* ten days */
        return 0.1 * since;
    case FAMILY_RESET:
        return since < 0.6 ? since : since - 0.6;
    case FAMILY_LOAD_LEAK:
        return load_before(x) - load_before(s->onset) > 0
                   ? (load_before(x) - load_before(s->onset)) / (load_before(1) - load_before(s->onset))
                   : 0;
    case FAMILY_CYCLE_LEAK:
        return since + 0.2 * day_wave(x);
    case FAMILY_RISING_FLOOR:
        return since + 0.3 * fraction(x / s->period);
    case FAMILY_STAIRS:
        return floor(since * 16) / 16;
    case FAMILY_ACCELERATING:
        return expm1(2.3 * since) / expm1(2.3);
    case FAMILY_INTERMITTENT: {
        const double u = since * 25;
        const double part = fraction(u) < 0.4 ? fraction(u) / 0.4 : 1;
        return (floor(u) + part) / 25;
    }
    case FAMILY_OFFICE_HOURS: {
        const double u = (x - s->onset) * 10;
        const double part = fraction(u) < 8.0 / 24 ? fraction(u) * 3 : 1;
        return u > 0 ? (floor(u) + part) / ((1 - s->onset) * 10) : 0;
    }
    case FAMILY_TWO_RATES:
        return since < 0.6 ? since / 3.0 : 0.2 + (since - 0.6) * 2;
    case FAMILY_WARM_UP_LEAK:
        return 0.3 * (1 - exp(-x / s->tau)) + since;
    default:
        return 0;
    }
}

static struct scene scene_make(enum family family, struct random *random)
{
    struct scene scene = {.family = family};
    scene.onset = 0.15 + 0.35 * random_uniform(random);
    if (family == FAMILY_FROM_BIRTH)
        scene.onset = 0;
    if (family == FAMILY_LATE)
        scene.onset = 0.75;
    if (family == FAMILY_OFFICE_HOURS)
        scene.onset = 0.1 * floor(scene.onset * 10);
    scene.period = 1 / (12 + 20 * random_uniform(random));
    scene.tau = 0.02 + 0.03 * random_uniform(random);
    for (size_t k = 0; k < 3; k++)
        scene.at[k] = 0.15 + 0.25 * (double)k + 0.2 * random_uniform(random);
    return scene;
}

static struct random random_of(enum family family, uint64_t seed)
{
    return random_seeded(seed * 1000 + (uint64_t)family);
}

double generate_level(enum family family, uint64_t seed, double amplitude, double x)
{
    struct random random = random_of(family, seed);
    const struct scene scene = scene_make(family, &random);
    const double height = amplitude * shape_at(&scene, x);
    if (family == FAMILY_SMALL_COUNTS)
        return 40 + 40 * height;
    return GENERATE_LEVEL * (1 + height) * (family_counts(family) ? 1e-6 : 1);
}

void generate_series(enum family family, uint64_t seed, double amplitude, double *out, size_t n,
                     size_t *out_onset)
{
    struct random random = random_of(family, seed);
    const struct scene scene = scene_make(family, &random);
    double noise = 0.01;
    if (family == FAMILY_NOISE)
        noise = 0.1 * amplitude;
    if (family == FAMILY_LINEAR_NOISE)
        noise = 0.15 * amplitude;
    if (family == FAMILY_QUANTISED || family == FAMILY_DOUBLINGS)
        noise = 0;
    if (family == FAMILY_SLOW)
        noise = 0.002;
    const bool gaps = family == FAMILY_GAPS || family == FAMILY_GAPS_CYCLE;
    const bool spikes = family == FAMILY_HEAVY_TAIL || family == FAMILY_HEAVY_TAIL_LEAK;
    const double gap_from = 0.6 + 0.1 * random_uniform(&random);
    double drift = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = (double)i / (double)(n - 1);
        drift = 0.97 * drift + 0.2 * random_normal(&random);
        double v = 1 + amplitude * shape_at(&scene, x) + noise * random_normal(&random);
        if (family == FAMILY_DRIFT)
            v += 0.1 * amplitude * drift;
        if (spikes && random_uniform(&random) < 0.01)
            v += amplitude * random_uniform(&random);
        v *= GENERATE_LEVEL;
        if (family_counts(family))
            v = floor(v * 1e-6);
        if (family == FAMILY_QUANTISED)
            v = 40 + floor(3 * random_uniform(&random));
        if (family == FAMILY_SMALL_COUNTS)
            v = 40 + floor(40 * amplitude * shape_at(&scene, x) + 3 * random_uniform(&random));
        if (family == FAMILY_DOUBLINGS)
            v = 64 * pow(2, (x > scene.at[0]) + (x > scene.at[1]) + (x > scene.at[2]));
        if (gaps && (random_uniform(&random) < 0.1 || (x > gap_from && x < gap_from + 0.08)))
            v = NAN;
        out[i] = v;
    }
    *out_onset = family_leaks(family) ? (size_t)(scene.onset * (double)n) : n;
}

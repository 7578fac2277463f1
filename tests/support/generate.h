/* generate.h - seeded series with known truth: what healthy and leaking processes do. The same seed gives the
 * same series on every machine (own generator, no libc rand). Used by unit tests and by the verdict bench. */
#ifndef STOREWATCH_TESTS_GENERATE_H
#define STOREWATCH_TESTS_GENERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};
struct random random_seeded(uint64_t seed);
double random_uniform(struct random *random); /* 0 <= x < 1 */
double random_normal(struct random *random);  /* mean 0, variance 1 */

/* Name, leak or not, what it is. */
#define FAMILY_LIST(X)                                                                                       \
    X(FLAT, false, "flat with small noise")                                                                  \
    X(NOISE, false, "independent noise of a tenth of the level")                                             \
    X(HEAVY_TAIL, false, "mostly quiet, with spikes of many times the noise")                                \
    X(DRIFT, false, "autocorrelated noise (AR(1), phi 0.97)")                                                \
    X(WARM_UP, false, "rises from the start and levels off for good")                                        \
    X(PLATEAU_MOVES, false, "levels off, and later once more at a higher load")                              \
    X(CYCLE, false, "daily cycle, weaker at weekends")                                                       \
    X(SAWTOOTH, false, "ramps that are given back")                                                          \
    X(TALLER_SAWTOOTH, false, "sawtooth whose peaks rise and whose floor does not")                          \
    X(STEP_UP, false, "one step up")                                                                         \
    X(STEPS_UP, false, "three steps up")                                                                     \
    X(STEP_DOWN, false, "one step down")                                                                     \
    X(NIGHTLY_JOB, false, "a job each night takes memory and gives it back")                                 \
    X(LOAD_RISE, false, "grows while the load grows, and stops with it")                                     \
    X(QUANTISED, false, "small counts that flicker between neighbours")                                      \
    X(DOUBLINGS, false, "a table capacity that doubled a few times")                                         \
    X(HUMP, false, "rises and comes back")                                                                   \
    X(SHRINKING, false, "gives memory back slowly")                                                          \
    X(LINEAR, true, "straight leak from a healthy past")                                                     \
    X(LINEAR_NOISE, true, "straight leak under noise half as wide as its growth")                            \
    X(FROM_BIRTH, true, "straight leak from the first sample on")                                            \
    X(CYCLE_LEAK, true, "daily cycle on top of a straight leak")                                             \
    X(RISING_FLOOR, true, "sawtooth on a rising floor")                                                      \
    X(STAIRS, true, "leak in many steps")                                                                    \
    X(ACCELERATING, true, "leak whose rate grows tenfold")                                                   \
    X(INTERMITTENT, true, "leaks 40 % of the time, in stretches")                                            \
    X(OFFICE_HOURS, true, "leaks from nine to five")                                                         \
    X(TWO_RATES, true, "slow, then four times faster")                                                       \
    X(WARM_UP_LEAK, true, "warms up, levels off, then leaks")                                                \
    X(LATE, true, "leak in the last quarter of a long healthy life")                                         \
    X(HANDLES, true, "handle leak: whole numbers under flicker")                                             \
    X(GAPS, true, "straight leak with a tenth of the samples missing and a long gap")                        \
    X(WEEKLY, false, "takes from Monday to Friday and gives back at the weekend, four weeks")                \
    X(GAPS_CYCLE, false, "daily cycle with a tenth of the samples missing and a long gap")                   \
    X(LOAD_LEAK, true, "leaks with the load: by day more than by night, at weekends less")                   \
    X(HEAVY_TAIL_LEAK, true, "straight leak under spikes of many times the noise")                           \
    X(SMALL_COUNTS, true, "count that grows from 40 by single steps, under flicker")                         \
    X(RESET, true, "leak that is given back once, without a restart, and goes on")                           \
    X(SLOW, true, "leak of 1 % of the level a day")

enum family {
#define FAMILY_ENUM(name, leak, text) FAMILY_##name,
    FAMILY_LIST(FAMILY_ENUM)
#undef FAMILY_ENUM
        FAMILY_COUNT
};

const char *family_name(enum family family); /* "LINEAR" */
bool family_leaks(enum family family);
bool family_counts(enum family family); /* handles rather than bytes */

/* The healthy level; counts are a millionth of it (SMALL_COUNTS begins at 40). */
#define GENERATE_LEVEL 500e6

/* The level at x = 0..1 of the record, without noise, spikes and gaps. */
double generate_level(enum family family, uint64_t seed, double amplitude, double x);

/* Fills out[0..n) (NAN = a missing sample). `amplitude` is the growth of a leak, or the height of a harmless
 * shape, in parts of the level. *out_onset is the index at which a leak begins (n for a harmless series). A
 * day is n / 10 samples. */
void generate_series(enum family family, uint64_t seed, double amplitude, double *out, size_t n,
                     size_t *out_onset);

#endif

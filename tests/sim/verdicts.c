/* verdicts.c - in most worlds what the detectors say is drawn, not computed.
 *
 * How good the verdicts are is measured elsewhere (make bench-verdict); here counts what is made of them. A
 * drawn detector sees growth after a few samples instead of some sixty, so a world of an hour has as many
 * restarts as one of a day, and it errs as the real one seldom does: it takes its word back, is alarmed by
 * what does not grow, falls silent. A world with sim->computed has the real detectors.
 *
 * Linked with --wrap: what the product calls detector_X is here, the real one is __real_detector_X. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define RECENT 16

/* Stands where a struct detector is expected. */
struct drawn {
    struct verdict_settings settings;
    struct verdict_limit limit;
    uint64_t chance;
    size_t patience; /* samples over which it looks for growth */
    enum verdict_state state;
    int64_t t_ms[RECENT];
    double value[RECENT];
    size_t count; /* of samples; the latest RECENT are kept */
    uint64_t unknown_count;
    int64_t first_ms, since_ms, onset_ms;
    size_t whim_left; /* so many samples more it says `whim`, whatever they are */
    enum verdict_state whim;
};

struct detector *__real_detector_new(const struct verdict_settings *settings);
void __real_detector_free(struct detector *detector);
enum verdict_state __real_detector_push(struct detector *detector, int64_t t_ms, double value);
void __real_detector_set_limit(struct detector *detector, struct verdict_limit limit);
void __real_detector_set_settings(struct detector *detector, const struct verdict_settings *settings);
enum verdict_state __real_detector_settle(struct detector *detector);
enum verdict_state __real_detector_state(const struct detector *detector);
void __real_detector_verdict(const struct detector *detector, struct verdict *out_verdict);
void __real_detector_learned(const struct detector *detector, struct verdict_settings *settings);
size_t __real_detector_points(const struct detector *detector, struct series_point *out_points,
                              size_t capacity);

struct detector *__wrap_detector_new(const struct verdict_settings *settings);
void __wrap_detector_free(struct detector *detector);
enum verdict_state __wrap_detector_push(struct detector *detector, int64_t t_ms, double value);
void __wrap_detector_set_limit(struct detector *detector, struct verdict_limit limit);
void __wrap_detector_set_settings(struct detector *detector, const struct verdict_settings *settings);
enum verdict_state __wrap_detector_settle(struct detector *detector);
enum verdict_state __wrap_detector_state(const struct detector *detector);
void __wrap_detector_verdict(const struct detector *detector, struct verdict *out_verdict);
void __wrap_detector_learned(const struct detector *detector, struct verdict_settings *settings);
size_t __wrap_detector_points(const struct detector *detector, struct series_point *out_points,
                              size_t capacity);

static struct drawn *drawn_of(struct detector *detector)
{
    return (struct drawn *)(void *)detector;
}

static const struct drawn *drawn_of_const(const struct detector *detector)
{
    return (const struct drawn *)(const void *)detector;
}

struct detector *__wrap_detector_new(const struct verdict_settings *settings)
{
    if (sim->computed)
        return __real_detector_new(settings);
    struct drawn *drawn = calloc(1, sizeof *drawn);
    if (!drawn)
        return NULL;
    drawn->settings = *settings;
    drawn->limit.value = NAN;
    drawn->chance = sim->seed * UINT64_C(0xA24BAED4963EE407) + ++sim->detectors;
    drawn->patience = 3 + world_random_below(&drawn->chance, RECENT - 4);
    return (struct detector *)(void *)drawn;
}

void __wrap_detector_free(struct detector *detector)
{
    if (sim->computed)
        __real_detector_free(detector);
    else
        free(drawn_of(detector));
}

static double value_before(const struct drawn *drawn, size_t samples)
{
    return drawn->value[(drawn->count - 1 - samples) % RECENT];
}

static int64_t time_before(const struct drawn *drawn, size_t samples)
{
    return drawn->t_ms[(drawn->count - 1 - samples) % RECENT];
}

/* Growth over `patience` samples: more than the noise of two readings, and a share of the slowest leak. */
static enum verdict_state state_seen(const struct drawn *drawn)
{
    if (drawn->count <= drawn->patience)
        return VERDICT_LEARNING;
    double before = value_before(drawn, drawn->patience), growth = value_before(drawn, 0) - before;
    double needed = before * (0.004 + 0.002 * (double)drawn->patience);
    if (drawn->state == VERDICT_UNBOUNDED)
        needed /= 2;
    return growth > needed ? VERDICT_UNBOUNDED : VERDICT_BOUNDED;
}

static void draw_whim(struct drawn *drawn)
{
    if (sim->healed)
        drawn->whim_left = 0;
    else if (drawn->whim_left > 0)
        drawn->whim_left--;
    else if (sim->whims_in && world_random_below(&drawn->chance, sim->whims_in) == 0) {
        drawn->whim_left = 1 + world_random_below(&drawn->chance, 25);
        drawn->whim = (enum verdict_state)world_random_below(&drawn->chance, 3);
    }
}

enum verdict_state __wrap_detector_push(struct detector *detector, int64_t t_ms, double value)
{
    if (sim->computed)
        return __real_detector_push(detector, t_ms, value);
    struct drawn *drawn = drawn_of(detector);
    if (drawn->count > 0 && t_ms <= time_before(drawn, 0))
        return drawn->state;
    if (!isfinite(value)) {
        drawn->unknown_count++;
        return drawn->state;
    }
    if (drawn->count == 0)
        drawn->first_ms = t_ms;
    drawn->value[drawn->count % RECENT] = value;
    drawn->t_ms[drawn->count % RECENT] = t_ms;
    drawn->count++;
    draw_whim(drawn);
    enum verdict_state state = drawn->whim_left ? drawn->whim : state_seen(drawn);
    if (state != drawn->state) {
        drawn->since_ms = t_ms;
        drawn->onset_ms =
            drawn->count > drawn->patience ? time_before(drawn, drawn->patience) : drawn->first_ms;
    }
    drawn->state = state;
    return state;
}

void __wrap_detector_set_limit(struct detector *detector, struct verdict_limit limit)
{
    if (sim->computed)
        __real_detector_set_limit(detector, limit);
    else
        drawn_of(detector)->limit = limit;
}

void __wrap_detector_set_settings(struct detector *detector, const struct verdict_settings *settings)
{
    if (sim->computed) /* one that is drawn goes by none */
        __real_detector_set_settings(detector, settings);
}

enum verdict_state __wrap_detector_state(const struct detector *detector)
{
    return sim->computed ? __real_detector_state(detector) : drawn_of_const(detector)->state;
}

enum verdict_state __wrap_detector_settle(struct detector *detector)
{
    return sim->computed ? __real_detector_settle(detector) : drawn_of(detector)->state;
}

static int64_t reach_ms(const struct verdict *verdict, double slope_per_hour)
{
    double hours = (verdict->limit - verdict->value) / slope_per_hour;
    if (!(slope_per_hour > 0) || !isfinite(hours) || hours > 1e6)
        return INT64_MAX;
    return verdict->at_ms + (hours > 0 ? (int64_t)(hours * (double)MS_PER_HOUR) : 0);
}

void __wrap_detector_verdict(const struct detector *detector, struct verdict *out_verdict)
{
    if (sim->computed) {
        __real_detector_verdict(detector, out_verdict);
        return;
    }
    const struct drawn *drawn = drawn_of_const(detector);
    struct verdict *verdict = out_verdict;
    *verdict = (struct verdict){.state = drawn->state,
                                .shape = drawn->state == VERDICT_UNBOUNDED ? SHAPE_GROWTH : SHAPE_NOISY,
                                .value = NAN,
                                .slope_per_hour = NAN,
                                .slope_low_per_hour = NAN,
                                .slope_high_per_hour = NAN,
                                .growth = NAN,
                                .onset_level = NAN,
                                .limit = drawn->limit.value,
                                .limit_name = drawn->limit.name,
                                .exhaustion_ms = INT64_MAX,
                                .exhaustion_early_ms = INT64_MAX,
                                .exhaustion_late_ms = INT64_MAX,
                                .fit_from = NAN,
                                .fit_to = NAN,
                                .sample_count = drawn->count,
                                .unknown_count = drawn->unknown_count};
    text_copy(verdict->reason, sizeof verdict->reason, "as drawn");
    verdict->reach_at = strlen(verdict->reason);
    if (drawn->count == 0)
        return;
    size_t back = drawn->count > drawn->patience ? drawn->patience : drawn->count - 1;
    verdict->at_ms = time_before(drawn, 0);
    verdict->since_ms = drawn->since_ms;
    verdict->value = verdict->fit_to = value_before(drawn, 0);
    verdict->fit_from = value_before(drawn, back);
    verdict->onset_ms = drawn->state == VERDICT_UNBOUNDED ? drawn->onset_ms : time_before(drawn, back);
    verdict->fit_from_ms = time_before(drawn, back);
    verdict->growth = verdict->fit_to - verdict->fit_from;
    if (back == 0)
        return;
    verdict->slope_per_hour =
        verdict->growth * (double)MS_PER_HOUR / (double)(verdict->at_ms - verdict->fit_from_ms);
    verdict->slope_low_per_hour = verdict->slope_per_hour * 0.8;
    verdict->slope_high_per_hour = verdict->slope_per_hour * 1.3;
    if (drawn->state != VERDICT_UNBOUNDED)
        return;
    verdict->exhaustion_ms = reach_ms(verdict, verdict->slope_per_hour);
    verdict->exhaustion_early_ms = reach_ms(verdict, verdict->slope_high_per_hour);
    verdict->exhaustion_late_ms = reach_ms(verdict, verdict->slope_low_per_hour);
}

void __wrap_detector_learned(const struct detector *detector, struct verdict_settings *settings)
{
    if (sim->computed)
        __real_detector_learned(detector, settings);
    else
        settings->learned_leak = drawn_of_const(detector)->state == VERDICT_UNBOUNDED;
}

size_t __wrap_detector_points(const struct detector *detector, struct series_point *out_points,
                              size_t capacity)
{
    if (sim->computed)
        return __real_detector_points(detector, out_points, capacity);
    const struct drawn *drawn = drawn_of_const(detector);
    size_t count = drawn->count < RECENT ? drawn->count : RECENT;
    count = count < capacity ? count : capacity;
    for (size_t i = 0; i < count; i++) {
        double value = value_before(drawn, count - 1 - i);
        out_points[i] = (struct series_point){time_before(drawn, count - 1 - i), value, value, value};
    }
    return count;
}

/* test_verdict_days.c - the verdict of a service that has seen days: what each day does, what a week does, and what
 * earlier processes of the program did is no leak, and hides none. */
#include "../../src/core/verdict_internal.h"
#include "server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define STEPS_OF(ms) ((ms) / SERVER_STEP_MS)
#define WEEK_MS (7 * MS_PER_DAY)

static bool push(struct detector *detector, int64_t step, double value)
{
    const enum verdict_state was = detector_state(detector);
    return detector_push(detector, step * SERVER_STEP_MS, value) == VERDICT_UNBOUNDED &&
           was != VERDICT_UNBOUNDED;
}

static void show(const struct detector *detector, enum server_kind kind, uint64_t seed, const char *what)
{
    struct verdict verdict;
    detector_verdict(detector, &verdict);
    print_message("%s, seed %d: %s: %s\n", server_text(kind), (int)seed, what, verdict.reason);
}

/* Eight weeks of a server without a leak. Returns the alarms. */
static size_t alarms_of(enum server_kind kind, uint64_t seed)
{
    struct server server;
    struct verdict_settings settings = server_settings(kind);
    struct detector *detector = server_detector(kind, &settings);
    size_t alarms = 0;
    server_begin(&server, kind, seed);
    for (int64_t step = 0; step < STEPS_OF(8 * WEEK_MS); step++) {
        bool born;
        const double value = server_next(&server, &born);
        if (born) {
            detector_learned(detector, &settings);
            detector_free(detector);
            detector = server_detector(kind, &settings);
        }
        if (push(detector, step, value)) {
            show(detector, kind, seed, "alarm");
            alarms++;
        }
    }
    detector_free(detector);
    return alarms;
}

static void weeks_without_a_leak_are_quiet(void **state)
{
    (void)state;
    static const enum server_kind kinds[] = {SERVER_STORE,   SERVER_MANAGED, SERVER_BACKLOG,
                                             SERVER_MACHINE, SERVER_COUNT,   SERVER_HOARD};
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++)
        for (uint64_t seed = 1; seed <= 2; seed++)
            assert_int_equal(alarms_of(kinds[i], seed), 0);
}

/* How a leak was told. */
struct telling {
    double share;           /* of the room, gone by then; more than 1: it never was */
    double per_hour;        /* its rate */
    struct verdict verdict; /* then */
    int64_t end_ms;         /* when the room was gone */
};

/* After three weeks it leaks at a rate that takes what is left up to `end` in `days`. */
static struct telling leak_told(enum server_kind kind, uint64_t seed, double end, double days)
{
    struct server server;
    const struct verdict_settings settings = server_settings(kind);
    struct detector *detector = server_detector(kind, &settings);
    struct telling telling = {.share = 2};
    double value = 0;
    int64_t step = 0;
    server_begin(&server, kind, seed);
    server.lives_hours = INFINITY;
    for (; telling.per_hour == 0 || value < end; step++) {
        bool born;
        value = server_next(&server, &born);
        if (step == STEPS_OF(3 * WEEK_MS)) {
            telling.per_hour = (end - value) / (days * 24);
            server_leak(&server, telling.per_hour, false);
        }
        if (push(detector, step, value) && telling.per_hour > 0 && telling.share > 1) {
            telling.share = server.leaked / (telling.per_hour * days * 24);
            detector_verdict(detector, &telling.verdict);
        }
    }
    telling.end_ms = step * SERVER_STEP_MS;
    if (telling.share > 1)
        show(detector, kind, seed, "never told");
    detector_free(detector);
    return telling;
}

static double share_gone_when_told(enum server_kind kind, uint64_t seed, double end, double days)
{
    return leak_told(kind, seed, end, days).share;
}

/* A leak that ends in three days, begun after three weeks: its rate when it is told is its own, without the day's, and
 * its end within a quarter of what is left. */
static void a_leak_told_by_the_days_has_its_own_rate(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        const struct telling telling = leak_told(SERVER_STORE, seed, server_limit(SERVER_STORE), 3);
        const struct verdict *told = &telling.verdict;
        print_message("%s\n", told->reason);
        assert_int_equal(told->state, VERDICT_UNBOUNDED);
        assert_true(fabs(told->slope_per_hour / telling.per_hour - 1) < 0.15);
        const double left_ms = (double)(telling.end_ms - told->at_ms);
        assert_true(fabs((double)(told->exhaustion_ms - told->at_ms) / left_ms - 1) < 0.25);
    }
}

/* What each day does is more than what the leak adds in one. */
static void a_leak_beneath_what_the_days_do_is_told(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        assert_true(share_gone_when_told(SERVER_STORE, seed, server_limit(SERVER_STORE), 10) < 0.75);
        assert_true(share_gone_when_told(SERVER_STORE, seed, server_limit(SERVER_STORE), 3) < 0.75);
        assert_true(share_gone_when_told(SERVER_MACHINE, seed, server_limit(SERVER_MACHINE), 3) < 0.9);
    }
}

/* The system allows sixteen million: who leaks thousands an hour is told long before. */
static void a_leak_of_handles_does_not_wait_for_millions(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        assert_true(share_gone_when_told(SERVER_COUNT, seed, 100e3, 1) < 0.75);
        assert_true(share_gone_when_told(SERVER_COUNT, seed, 100e3, 3) < 0.5);
    }
}

/* From birth on, towards a limit that is configured: what would be thrice its level is above that. */
static void a_leak_of_handles_does_not_wait_for_more_than_is_left(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_COUNT);
    struct detector *detector = server_detector(SERVER_COUNT, &settings);
    detector_set_limit(detector, (struct verdict_limit){10000, "limit"});
    struct random random = random_seeded(3);
    double hour = 0;
    for (int64_t step = 0; hour < 15; step++) {
        hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        if (push(detector, step, floor(4000 + 400 * hour + 240 * random_normal(&random))))
            break;
    }
    assert_true(hour < 9); /* of 15; half of what was left is gone after 7.5 */
    detector_free(detector);
}

/* A process that is born with empty caches: they fill in working hours, towards 700 MiB, beside 150 MiB that the load
 * takes. Its first two days, a weekend, have none of either. */
static double level_of_life(double hour, double leak_per_hour)
{
    const double worked = hour < 48 ? 0 : floor((hour - 48) / 24) * 8 + fmin(fmax(fmod(hour, 24) - 9, 0), 8);
    const bool works = hour >= 48 && fmod(hour, 24) >= 9 && fmod(hour, 24) < 17;
    return (200 + 700 * (1 - exp(-worked / 40)) + (works ? 150 : 0) + leak_per_hour * hour) * MIB;
}

/* The hour of the first alarm in the first ten days of such a life; more than that without one. *out_then is the verdict
 * after 160 hours, if it came so far. */
static double first_alarm(const struct verdict_settings *settings, double leak_per_hour,
                          struct verdict *out_then)
{
    struct detector *detector = server_detector(SERVER_STORE, settings);
    struct random random = random_seeded(3);
    double hour = 0;
    for (int64_t step = 0; hour < 240; step++) {
        hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        if (push(detector, step, level_of_life(hour, leak_per_hour) + 2 * MIB * random_normal(&random)))
            break;
        if (hour == 160)
            detector_verdict(detector, out_then);
    }
    detector_free(detector);
    return hour;
}

static void a_process_may_go_where_the_one_before_was(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    struct verdict then;
    assert_true(first_alarm(&settings, 0, &then) < 240); /* for all that is known it leaks */
    settings.learned_plateau = 1050 * MIB;
    assert_true(first_alarm(&settings, 0, &then) >= 240);
    print_message("%s\n", then.reason);
    assert_non_null(strstr(then.reason, ", as an earlier process of it did without harm, up to 1.03 GiB"));
    const double leak = first_alarm(&settings, 5, &then);
    assert_in_range((long)leak, 100, 150); /* of 1160 MiB after 125 h */
    settings.learned_leak = true;          /* from there on */
    assert_true(first_alarm(&settings, 0, &then) >= 240);
    assert_true(first_alarm(&settings, 5, &then) <= leak);
    settings.learned_plateau = NAN;
    assert_true(first_alarm(&settings, 5, &then) < leak / 2);
}

/* A leak was told, and its process restarted as the mail says: the new one has its caches to fill, up to where the leak
 * had begun. When it leaks again that is told sooner. */
static void after_a_leak_was_mended_caches_fill_again(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    struct random random = random_seeded(12);
    double leaks[2] = {25, 0};
    for (size_t life = 0; life < ARRAY_COUNT(leaks); life++) {
        struct detector *detector = server_detector(SERVER_STORE, &settings);
        double told = 0;
        for (int64_t step = 0; step < STEPS_OF(14 * MS_PER_DAY) && told == 0; step++) {
            const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
            const double level = 200 + 700 * (1 - exp(-hour / 6)) + leaks[life] * fmax(0, hour - 240);
            if (push(detector, step, (level + 3 * random_normal(&random)) * MIB))
                told = hour;
        }
        assert_true(leaks[life] > 0 ? told > 240 : told == 0);
        detector_learned(detector, &settings);
        assert_int_equal(settings.learned_leak, leaks[life] > 0);
        assert_true(settings.learned_plateau > 880 * MIB && settings.learned_plateau < 950 * MIB);
        detector_free(detector);
    }
}

/* What has kept to its level for weeks is not on its way to a higher one of an earlier process: what is urgent then is
 * told where it would be without that. */
static void an_old_process_does_not_go_where_the_one_before_was(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    settings.learned_plateau = 1400 * MIB;
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(8);
    double value = 0;
    for (int64_t step = 0; value < server_limit(SERVER_STORE); step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        value = (500 + 60 * fmax(0, hour - 500) + 5 * random_normal(&random)) * MIB;
        if (push(detector, step, value))
            break;
    }
    assert_true(value < 1000 * MIB);
    detector_free(detector);
}

/* A lesson of the level that was held in so many days. */
static void learn(struct verdict_settings *settings, double level, int days)
{
    struct detector *detector = server_detector(SERVER_STORE, settings);
    for (int64_t step = 0; step < STEPS_OF(days * MS_PER_DAY); step++)
        detector_push(detector, step * SERVER_STEP_MS, step % 240 == 7 ? 2 * level : level);
    detector_learned(detector, settings);
    detector_free(detector);
}

/* The level that was held counts, not a peak; and a life that saw no whole week takes nothing back. */
static void a_short_life_teaches_only_more(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    learn(&settings, 500 * MIB, 2);
    assert_true(fabs(settings.learned_plateau / MIB - 502) <
                3); /* the means of half hours have a part of the peaks */
    learn(&settings, 900 * MIB, 8);
    learn(&settings, 300 * MIB, 2);
    assert_true(fabs(settings.learned_plateau / MIB - 904) < 6);
    learn(&settings, 300 * MIB, 8);
    assert_true(fabs(settings.learned_plateau / MIB - 301) < 3);
    const struct verdict_settings before = settings;
    learn(&settings, 900 * MIB, 0); /* it saw nothing */
    assert_memory_equal(&settings, &before, sizeof settings);
}

/* It took most of a long life to reach its usual level, by moves of mailboxes: no warm-up of weeks for the next one, in
 * which a leak is not told before it has taken half of a large machine. */
static void what_took_months_was_no_warm_up(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    struct random random = random_seeded(7);
    double told_at = 0;
    for (int life = 0; life < 2; life++) {
        struct detector *detector = server_detector(SERVER_STORE, &settings);
        detector_set_limit(detector, (struct verdict_limit){30000 * MIB, "limit"});
        for (int64_t step = 0; step < STEPS_OF(60 * MS_PER_DAY) && told_at == 0; step++) {
            const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
            const double more = life == 0 ? (hour < 1000 ? 0 : 30) : 20 * fmax(0, hour - 200);
            const double value = 300 + more + 2 * random_normal(&random);
            if (push(detector, step, value * MIB))
                told_at = value;
        }
        detector_learned(detector, &settings);
        detector_free(detector);
    }
    assert_true(told_at > 0 && told_at < 4000);
}

/* What was leaked and given back is no level where the next process may go. */
static void a_leak_that_was_told_is_no_lesson(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(9);
    bool told = false;
    for (int64_t step = 0; step < STEPS_OF(9 * MS_PER_DAY); step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        const double leaked = hour > 120 && hour < 144 ? 25 * (hour - 120) : 0;
        told |= push(detector, step, (500 + leaked + random_normal(&random)) * MIB);
    }
    assert_true(told);
    assert_int_equal(detector_state(detector), VERDICT_BOUNDED);
    detector_learned(detector, &settings);
    assert_false(settings.learned_leak);
    assert_true(settings.learned_plateau < 550 * MIB);
    detector_free(detector);
}

/* Works from five in the morning to one at night, five days a week: most of its life it is high, at 1200 MiB. */
static double level_of_shifts(double hour)
{
    const double time = fmod(hour, 24);
    return (fmod(hour, 168) >= 120 ? 480 : time > 5 || time < 1 ? 1200 : 640) * MIB;
}

/* Nights and weekends are far below where the growth began, and give nothing of it back. */
static void a_leak_told_by_the_days_stays_told_at_the_weekend(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(5);
    size_t alarms = 0;
    double value = 0;
    for (int64_t step = 0; value < server_limit(SERVER_STORE); step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        const double leaked = 8 * fmax(0, hour - 619); /* from a Friday evening on */
        value = level_of_shifts(hour) + (leaked + 2 * random_normal(&random)) * MIB;
        if (push(detector, step, value)) {
            show(detector, SERVER_STORE, 5, "alarm");
            alarms++;
        }
    }
    assert_int_equal(alarms, 1);
    assert_int_equal(detector_state(detector), VERDICT_UNBOUNDED);
    detector_free(detector);
}

/* Growth that was found by the days, and is gone the next, is told no longer than it takes to see that by night and
 * by day. */
static void a_leak_told_by_the_days_that_is_gone_is_cleared(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(6);
    double told = 0, cleared = 0;
    for (int64_t step = 0; step < STEPS_OF(5 * WEEK_MS) && cleared == 0; step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        const double leaked = told > 0 && hour > told + 12 ? 0 : 8 * fmax(0, hour - 504);
        if (push(detector, step,
                 level_of_shifts(hour) - 400 * MIB + (leaked + 2 * random_normal(&random)) * MIB))
            told = hour;
        if (told > 0 && detector_state(detector) == VERDICT_BOUNDED)
            cleared = hour;
    }
    assert_true(told > 504 && cleared > told);
    assert_true(cleared - told < 12 + 36);
    detector_free(detector);
}

/* What a program leaks from eight to six, five days a week; the first hour is a Monday's. MiB. */
static double leaked_by_work(double hour, double per_hour)
{
    const double days = floor(hour / 24), weeks = floor(days / 7);
    const double worked = 5 * weeks + fmin(5, days - 7 * weeks);
    const double today = fmod(days, 7) < 5 ? fmin(10, fmax(0, fmod(hour, 24) - 8)) : 0;
    return per_hour * (10 * worked + today);
}

/* Shows a program that leaks so from an hour of its second week on, up to the limit or that hour. Returns the alarms. */
static size_t alarms_of_work(struct detector *detector, double begin, double per_hour, double limit,
                             double until, double *out_hour)
{
    struct random random = random_seeded(8);
    size_t alarms = 0;
    double level = 0;
    int64_t step = 0;
    for (; level < limit && (double)step < until * MS_PER_HOUR / SERVER_STEP_MS; step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        const double leaked = leaked_by_work(fmax(begin, hour), per_hour) - leaked_by_work(begin, per_hour);
        level = (1000 + leaked + 4 * random_normal(&random)) * MIB;
        alarms += push(detector, step, level);
    }
    *out_hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
    return alarms;
}

/* It pauses each night, and over a weekend: one telling, which holds until the room is gone. */
static void a_leak_of_working_hours_stays_told(void **state)
{
    (void)state;
    static const double per_hour[] = {120, 40};
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    for (size_t i = 0; i < ARRAY_COUNT(per_hour); i++) {
        struct detector *detector = detector_new(&settings);
        assert_non_null(detector);
        detector_set_limit(detector, (struct verdict_limit){.value = 4096 * MIB, .name = "limit"});
        double end;
        assert_int_equal(alarms_of_work(detector, 168, per_hour[i], 4096 * MIB, INFINITY, &end), 1);
        assert_int_equal(detector_state(detector), VERDICT_UNBOUNDED);
        detector_free(detector);
    }
}

/* In the pause it hardly grows; what ends in one has neither leaked nor shown where it may go; and when nothing comes
 * after it for a day it is over. */
static void a_leak_that_pauses_for_a_day_is_over(void **state)
{
    (void)state;
    struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = detector_new(&settings);
    assert_non_null(detector);
    detector_set_limit(detector, (struct verdict_limit){.value = 4096 * MIB, .name = "limit"});
    double hour;
    assert_int_equal(alarms_of_work(detector, 168, 120, 4096 * MIB, 168 + 24, &hour), 1);
    assert_int_equal(detector_state(detector), VERDICT_UNBOUNDED);
    struct verdict verdict;
    detector_verdict(detector, &verdict);
    assert_true(verdict_hardly_grows(&verdict));
    assert_int_equal(strncmp(verdict.reason, "hardly grows over the last 6 h", 30), 0);
    detector_learned(detector, &settings);
    assert_true(!settings.learned_leak && isnan(settings.learned_plateau));
    struct random random = random_seeded(9);
    const double level = 1000 + leaked_by_work(24, 120);
    int64_t step = (int64_t)(hour * MS_PER_HOUR / SERVER_STEP_MS);
    for (; detector_state(detector) == VERDICT_UNBOUNDED; step++)
        push(detector, step, (level + 4 * random_normal(&random)) * MIB);
    hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
    assert_true(hour > 168 + 18 + 23 && hour < 168 + 18 + 27);
    detector_free(detector);
}

/* In its first day nobody knows whether a leak rests by night, nor by night or over its first weekend whether it is over:
 * the end on the next working day may still be it. */
static void the_first_rest_is_left_open(void **state)
{
    (void)state;
    static const struct {
        double begin, asked, end;
    } leaks[] = {{168, 168 + 17, 168 + 24 + 13},
                 {168, 168 + 24, 168 + 24 + 13}, /* in its first day and night, */
                 {264, 336 - 12, 336 + 12},      /* on the Sunday after it began, on a Friday, */
                 {216, 336 - 56, 336 + 10}};     /* and on a Friday */
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    for (size_t i = 0; i < ARRAY_COUNT(leaks); i++) {
        const double leaked = leaked_by_work(leaks[i].end, 120) - leaked_by_work(leaks[i].begin, 120);
        const double limit = (1000 + leaked) * MIB;
        struct detector *detector = server_detector(SERVER_STORE, &settings);
        detector_set_limit(detector, (struct verdict_limit){limit, "limit"});
        double hour;
        assert_int_equal(alarms_of_work(detector, leaks[i].begin, 120, limit, leaks[i].asked, &hour), 1);
        struct verdict verdict;
        detector_verdict(detector, &verdict);
        print_message("%s\n", verdict.reason);
        assert_int_equal(verdict.state, VERDICT_UNBOUNDED);
        const int64_t end_ms = (int64_t)(leaks[i].end * MS_PER_HOUR);
        assert_true(verdict.exhaustion_early_ms <= end_ms && end_ms <= verdict.exhaustion_late_ms);
        detector_free(detector);
    }
}

/* It has rested over one weekend: in the week after that its end is foreseen by its days, to hours, by day and by night,
 * in which it does not seem to have stopped. */
static void the_end_of_a_leak_of_working_hours_is_foreseen(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(8);
    const double end_hour = 2 * 168 + 4 * 24 + 13; /* a Friday's */
    const double limit = (1000 + leaked_by_work(end_hour - 168, 10)) * MIB;
    detector_set_limit(detector, (struct verdict_limit){limit, "limit"});
    for (int64_t step = 0; (double)step < end_hour * MS_PER_HOUR / SERVER_STEP_MS; step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        const double leaked = leaked_by_work(fmax(0, hour - 168), 10);
        push(detector, step, 1000 * MIB + (leaked + random_normal(&random)) * MIB);
        if (hour < 2 * 168 + 12 || step % STEPS_OF(MS_PER_HOUR) != 0)
            continue;
        struct verdict verdict;
        detector_verdict(detector, &verdict);
        print_message("hour %.0f: %s\n", hour, verdict.reason);
        assert_int_equal(verdict.state, VERDICT_UNBOUNDED);
        assert_true(fabs(verdict.slope_per_hour / MIB - 100 / 24.0) < 0.15);
        assert_non_null(strstr(verdict.reason, "days with hours of rest"));
        const int64_t end_ms = (int64_t)(end_hour * MS_PER_HOUR);
        assert_true(verdict.exhaustion_early_ms <= end_ms && end_ms <= verdict.exhaustion_late_ms);
        assert_in_range(verdict.exhaustion_ms, end_ms - 2 * MS_PER_HOUR, end_ms + 2 * MS_PER_HOUR);
    }
    detector_free(detector);
}

/* A leak beneath a day's swing of far more is told, and all of it comes back at ten in the morning: in two hours that is
 * seen, and no end is foreseen; who asks whether it still grows restarts nothing. Before that it was never seen. */
static void what_was_given_back_beneath_a_day_is_seen(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    struct random random = random_seeded(3);
    double told = 0, freed = 0;
    int64_t step = 0;
    for (; step < STEPS_OF(8 * WEEK_MS) && !(freed > 0); step++) {
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR, time = fmod(hour, 24);
        const double day = 250 * exp(-pow((time - 13) / 4, 2)), leaked = 4 * fmax(0, hour - 504);
        if (push(detector, step, (700 + day + leaked + 3 * random_normal(&random)) * MIB))
            told = hour;
        if (told > 0) {
            assert_false(detector_fell(detector));
            freed = hour > told + 48 && time >= 10 && time < 10.1 ? hour : 0;
        }
    }
    assert_true(told > 504);
    for (; (double)step * SERVER_STEP_MS / MS_PER_HOUR < freed + 2; step++) {
        const double time = fmod((double)step * SERVER_STEP_MS / MS_PER_HOUR, 24);
        push(detector, step, (700 + 250 * exp(-pow((time - 13) / 4, 2)) + 3 * random_normal(&random)) * MIB);
    }
    struct verdict verdict;
    detector_verdict(detector, &verdict);
    print_message("%s\n", verdict.reason);
    assert_true(detector_state(detector) == VERDICT_BOUNDED || verdict.given_back);
    assert_null(strstr(verdict.reason, "reaches"));
    detector_free(detector);
}

/* What a store did by itself before it leaked, it goes on to do: nine intervals of ten hold the end, also when that is
 * near. */
static void the_end_may_come_by_what_the_level_does_anyway(void **state)
{
    (void)state;
    size_t held = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const struct telling telling = leak_told(SERVER_STORE, seed, server_limit(SERVER_STORE), 1);
        const struct verdict *told = &telling.verdict;
        print_message("%.1f h before its end: %s\n", (double)(telling.end_ms - told->at_ms) / MS_PER_HOUR,
                      told->reason);
        held += told->exhaustion_early_ms <= telling.end_ms && telling.end_ms <= told->exhaustion_late_ms;
    }
    assert_true(held >= 9);
}

/* The clock may be set, and storewatch may have been away: what the days did is still held against their own times. */
static void silences_shift_no_day(void **state)
{
    (void)state;
    struct server server;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    bool told = false, born;
    double value = 0;
    server_begin(&server, SERVER_STORE, 2);
    server.lives_hours = INFINITY;
    for (int64_t step = 0; step < STEPS_OF(5 * WEEK_MS) && value < server_limit(SERVER_STORE); step++) {
        if (step == STEPS_OF(3 * WEEK_MS))
            server_leak(&server, (server_limit(SERVER_STORE) - value) / 72, false);
        value = server_next(&server, &born);
        const double hour = (double)step * SERVER_STEP_MS / MS_PER_HOUR;
        if (fmod(hour, 100) < 90) /* away for ten hours, each four days */
            told |= push(detector, step, value) && hour > 3 * 168;
    }
    assert_true(told);
    detector_free(detector);
}

/* The half hour in which a silence ended begins within it: it is not of after all that was seen since. */
static void no_half_hour_is_of_a_time_to_come(void **state)
{
    (void)state;
    const struct verdict_settings settings = server_settings(SERVER_STORE);
    struct detector *detector = server_detector(SERVER_STORE, &settings);
    const int64_t silence = STEPS_OF(10 * MS_PER_DAY + 20 * MS_PER_MINUTE), from = STEPS_OF(WEEK_MS);
    int64_t step = 0;
    for (; step < from + silence + STEPS_OF(MS_PER_HOUR); step += step == from ? silence : 1)
        push(detector, step, 500 * MIB);
    int64_t before_ms = 0;
    for (int64_t at = from - 480; at < step; at += 60) { /* each quarter of an hour */
        const int64_t seen_ms = detector_seen(detector, at * SERVER_STEP_MS);
        assert_true(seen_ms >= before_ms && seen_ms <= detector->last_ms);
        before_ms = seen_ms;
    }
    detector_free(detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weeks_without_a_leak_are_quiet),
        cmocka_unit_test(a_leak_told_by_the_days_has_its_own_rate),
        cmocka_unit_test(a_leak_beneath_what_the_days_do_is_told),
        cmocka_unit_test(a_leak_of_handles_does_not_wait_for_millions),
        cmocka_unit_test(a_leak_of_handles_does_not_wait_for_more_than_is_left),
        cmocka_unit_test(a_process_may_go_where_the_one_before_was),
        cmocka_unit_test(after_a_leak_was_mended_caches_fill_again),
        cmocka_unit_test(an_old_process_does_not_go_where_the_one_before_was),
        cmocka_unit_test(a_short_life_teaches_only_more),
        cmocka_unit_test(what_took_months_was_no_warm_up),
        cmocka_unit_test(a_leak_that_was_told_is_no_lesson),
        cmocka_unit_test(a_leak_told_by_the_days_stays_told_at_the_weekend),
        cmocka_unit_test(a_leak_told_by_the_days_that_is_gone_is_cleared),
        cmocka_unit_test(a_leak_of_working_hours_stays_told),
        cmocka_unit_test(a_leak_that_pauses_for_a_day_is_over),
        cmocka_unit_test(the_first_rest_is_left_open),
        cmocka_unit_test(the_end_of_a_leak_of_working_hours_is_foreseen),
        cmocka_unit_test(what_was_given_back_beneath_a_day_is_seen),
        cmocka_unit_test(the_end_may_come_by_what_the_level_does_anyway),
        cmocka_unit_test(silences_shift_no_day),
        cmocka_unit_test(no_half_hour_is_of_a_time_to_come),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

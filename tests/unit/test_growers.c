/* test_growers.c - the rows of the growers against their definition: means, gaps, who has a place, and a past that is told. */
#include "culprit_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_same_past(const struct growers *a, const struct growers *b, const struct grower *row_a,
                             const struct grower *row_b)
{
    for (int64_t back_ms = MS_PER_HOUR; back_ms < 400 * MS_PER_HOUR; back_ms *= 3) {
        int64_t from_ms = a->origin_mono_ms + a->slot * a->slot_ms - back_ms;
        struct growers_window in_a = growers_window_from(a, from_ms), in_b = growers_window_from(b, from_ms);
        assert_int_equal(in_a.count, in_b.count);
        assert_int_equal(in_a.level, in_b.level);
        for (size_t i = 0; i < in_a.count; i++)
            for (int c = 0; c < GROWER_COLUMNS; c++) {
                double first = growers_value(row_a, &in_a, (enum grower_column)c, i);
                double second = growers_value(row_b, &in_b, (enum grower_column)c, i);
                assert_int_equal(isnan(first), isnan(second));
                if (!isnan(first) && fabs(first - second) > 1e-5 * fabs(first))
                    fail_msg("level %zu, slot %zu of %zu, column %d: %.0f, %.0f", in_a.level, i, in_a.count,
                             c, first, second);
            }
    }
}

/* What a history tells of the time before a restart of storewatch is as good as having been there. */
static void test_a_past_that_is_told_is_as_one_that_was_seen(void **state)
{
    struct fixture *f = *state;
    enum { POLLS = 40 * POLLS_A_HOUR, MORE = 3 * POLLS_A_HOUR };
    const struct actor actors[] = {
        {.image = "a.exe", .bytes = 90 * MIB, .handles = 600, .bytes_leaked = 9 * MIB},
        {.image = "b.exe", .bytes = 60 * MIB, .handles = 500}};
    struct growers *told = calloc(1, sizeof *told);
    struct config config;
    config_default(&config);
    growers_init(told, config.interval_ms, config.min_window_ms);
    assert_int_equal(told->slot_ms, f->growers.slot_ms);
    reading(*seen)[3] = calloc(POLLS, sizeof *seen);
    for (int poll = 0; poll < POLLS; poll++) {
        play_poll(f, actors, ARRAY_COUNT(actors), poll);
        seen[poll][0] = f->observation->processes[1].private_bytes;
        seen[poll][1] = f->observation->processes[1].handle_count;
        seen[poll][2] = f->observation->host.commit_bytes;
        growers_push(&f->growers, f->observation);
    }
    play_poll(f, actors, ARRAY_COUNT(actors), POLLS);
    growers_begin_at(told, f->observation, 0);
    struct grower *row = told->rows;
    while (!process_id_equal(row->process, f->observation->processes[1].id))
        row++;
    for (size_t k = 0; k < 3; k++) {
        struct growers_past past = {.row = k == 2 ? &told->commit : row,
                                    .column = k == 1 ? GROWER_HANDLES : GROWER_BYTES};
        growers_past_add(told, &past, -1, 1e18); /* before the begin */
        for (int poll = 0; poll < POLLS; poll++) {
            growers_past_add(told, &past, (int64_t)poll * POLL_MS, seen[poll][k]);
            growers_past_add(told, &past, (int64_t)poll * POLL_MS, NAN);
        }
        growers_past_add(told, &past, (int64_t)POLLS * POLL_MS, 1e18); /* of the slot that is open now */
        growers_past_end(told, &past);
    }
    for (int poll = POLLS; poll < POLLS + MORE; poll++) {
        if (poll > POLLS)
            play_poll(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
        growers_push(told, f->observation);
        if (poll > POLLS + POLLS_A_HOUR && poll % 97 == 0) {
            const struct grower *b = growers_find(&f->growers, f->observation->processes[1].id);
            assert_same_past(&f->growers, told, b, growers_find(told, b->process));
            assert_same_past(&f->growers, told, &f->growers.commit, &told->commit);
        }
    }
    free(seen);
    free(told);
}

static void test_a_slot_is_the_mean_of_its_polls_at_every_level(void **state)
{
    struct fixture *f = *state;
    static double sums[6400];
    memset(sums, 0, sizeof sums);
    for (int poll = 0; poll < 6400 * 5; poll++) { /* five polls a slot */
        begin_look(f, poll * POLL_MS);
        double bytes = 1e6 + 1000 * (poll % 97) + poll;
        add_process(f, "a.exe", 100, bytes, 10);
        growers_push(&f->growers, f->observation);
        sums[poll / 5] += bytes / 5;
    }
    const struct grower *row = growers_find(&f->growers, f->observation->processes[0].id);
    assert_non_null(row);
    for (size_t level = 0, factor = 1; level < GROWERS_LEVELS; level++, factor *= GROWERS_FACTOR) {
        int64_t back_ms = (int64_t)(GROWERS_SLOTS - 2) * (int64_t)factor * f->growers.slot_ms;
        struct growers_window w = growers_window_from(&f->growers, f->observation->mono_ms - back_ms);
        assert_int_equal(w.level, level);
        assert_int_equal(w.width_ms, (int64_t)factor * f->growers.slot_ms);
        assert_in_range(w.count, GROWERS_SLOTS - 3, GROWERS_SLOTS);
        for (size_t i = 0; i + 1 < w.count; i++) { /* the last may be of fewer slots */
            double mean = 0;
            for (size_t k = 0; k < factor; k++)
                mean += sums[(size_t)(w.first + (int64_t)i) * factor + k] / (double)factor;
            assert_true(fabs(growers_value(row, &w, GROWER_BYTES, i) - mean) < 1);
        }
    }
}

static void test_a_gap_stays_one(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < 200; poll++) {
        begin_look(f, poll * POLL_MS);
        if (poll >= 50 && poll < 60)
            f->observation->processes_known = false;
        else
            add_process(f, "a.exe", 100, 1e6, 10);
        growers_push(&f->growers, f->observation);
    }
    struct growers_window w = growers_window_from(&f->growers, 0);
    const struct grower *row = &f->growers.rows[0];
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(isnan(growers_value(row, &w, GROWER_BYTES, i)), i == 10 || i == 11);
    begin_look(f, 40000 * POLL_MS); /* the machine slept for four weeks */
    add_process(f, "a.exe", 100, 1e6, 10);
    growers_push(&f->growers, f->observation);
    begin_look(f, 40010 * POLL_MS);
    add_process(f, "a.exe", 100, 1e6, 10);
    growers_push(&f->growers, f->observation);
    w = growers_window_from(&f->growers, 39000 * POLL_MS);
    size_t known = 0;
    for (size_t i = 0; i < w.count; i++)
        known += isnan(growers_value(&f->growers.rows[0], &w, GROWER_BYTES, i)) ? 0 : 1;
    assert_int_equal(known, 1);
}

static void test_who_ends_goes_and_a_reused_pid_is_another(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < 20; poll++) {
        begin_look(f, poll * POLL_MS);
        add_process(f, "a.exe", 100, 1e6, 10);
        add_process(f, "b.exe", 104, 2e6, 20);
        add_process(f, "c.exe", 108, 3e6, 30);
        if (poll >= 10) {
            f->observation->processes[0] = f->observation->processes[1];
            f->observation->processes[1] = f->observation->processes[2];
            f->observation->processes[1].id.created_100ns += 5;
            f->observation->process_count = 2;
        }
        growers_push(&f->growers, f->observation);
    }
    assert_int_equal(f->growers.count, 2);
    assert_string_equal(f->growers.rows[0].image, "b.exe");
    struct growers_window w = growers_window_from(&f->growers, 0);
    assert_true(growers_value(&f->growers.rows[0], &w, GROWER_BYTES, w.count - 1) == 2e6);
    assert_true(isnan(growers_value(&f->growers.rows[1], &w, GROWER_BYTES, 0)));
}

static void test_the_small_make_room_for_the_large(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < 30; poll++) {
        begin_look(f, poll * POLL_MS);
        for (uint32_t i = 0; i < GROWERS_MAX + 20; i++)
            add_process(f, "p.exe", 100 + 4 * i, 1e6 + i, 10);
        if (poll >= 10)
            f->observation->processes[GROWERS_MAX + 3].private_bytes = 9e6;
        growers_push(&f->growers, f->observation);
    }
    assert_int_equal(f->growers.count, GROWERS_MAX);
    assert_int_equal(f->growers.left_out, 20);
    assert_non_null(growers_find(&f->growers, f->observation->processes[GROWERS_MAX + 3].id));
    assert_null(growers_find(&f->growers, f->observation->processes[0].id)); /* the smallest */
    for (size_t i = 1; i < GROWERS_MAX; i++) /* to all others nobody is new who is twice as large */
        assert_non_null(growers_find(&f->growers, f->observation->processes[i].id));
}

static bool is_among_ended(const struct growers *growers, struct process_id id)
{
    for (size_t i = 0; i < growers->ended_count; i++)
        if (process_id_equal(growers->ended[i].process, id))
            return true;
    return false;
}

/* One who is kept before the others, of these the latest; one that lived too short does not count. */
static void test_who_has_ended_has_a_place_while_there_is_one(void **state)
{
    struct fixture *f = *state;
    struct process_id first[4];
    for (uint32_t poll = 0; poll < GROWERS_ENDED_MAX + 4; poll++) {
        begin_look(f, poll * POLL_MS);
        for (uint32_t i = poll; i < GROWERS_ENDED_MAX + 3; i++) {
            struct process *p = add_process(f, "p.exe", 100 + 4 * i, 1e6, 10);
            if (i == 0) /* just begun */
                p->id.created_100ns += (uint64_t)(3 * MS_PER_HOUR) * 10000;
            if (i < ARRAY_COUNT(first))
                first[i] = p->id;
        }
        growers_keep(&f->growers, &first[1], 1);
        growers_push(&f->growers, f->observation);
        assert_false(is_among_ended(&f->growers, first[0]));
    }
    assert_int_equal(f->growers.ended_count, GROWERS_ENDED_MAX);
    assert_true(is_among_ended(&f->growers, first[1]));
    assert_false(is_among_ended(&f->growers, first[2]));
    assert_false(is_among_ended(&f->growers, first[3]));
}

/* A client that holds megabytes in the store for each handle is small itself. */
static void test_who_is_watched_is_followed_however_small(void **state)
{
    struct fixture *f = *state;
    struct process_id kept[2];
    for (int poll = 0; poll < 30; poll++) {
        begin_look(f, poll * POLL_MS);
        for (uint32_t i = 0; i < GROWERS_MAX + 20; i++)
            add_process(f, "p.exe", 100 + 4 * i, 9e6 + i, 10);
        for (uint32_t i = 0; i < 2; i++)
            kept[i] = add_process(f, "client.exe", 1000 + 4 * i, 1e6, 10)->id;
        if (poll >= 20) /* so many that are much larger */
            for (size_t i = 0; i < GROWERS_MAX + 20; i += 2)
                f->observation->processes[i].private_bytes = 90e6;
        growers_keep(&f->growers, kept, poll < 10 ? 0 : 2);
        growers_push(&f->growers, f->observation);
        assert_int_equal(f->growers.count, GROWERS_MAX);
        for (size_t i = 0; i < 2; i++) /* from the slot on that begins next */
            assert_true((growers_find(&f->growers, kept[i]) != NULL) == (poll >= 10));
        assert_int_equal(f->growers.left_out, 22);
        for (size_t i = 0; i < f->growers.count; i++)
            assert_true(growers_find(&f->growers, f->growers.rows[i].process) == &f->growers.rows[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, culprit_setup, culprit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_slot_is_the_mean_of_its_polls_at_every_level),
        TEST(test_a_gap_stays_one),
        TEST(test_who_ends_goes_and_a_reused_pid_is_another),
        TEST(test_the_small_make_room_for_the_large),
        TEST(test_who_has_ended_has_a_place_while_there_is_one),
        TEST(test_who_is_watched_is_followed_however_small),
        TEST(test_a_past_that_is_told_is_as_one_that_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

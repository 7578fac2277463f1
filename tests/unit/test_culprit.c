/* test_culprit.c - the rows of the growers against their definition; who is named, how surely and in which
 * words; and what the engine makes of it. The figures over many machines are bench_culprit's. */
#include "generate.h"

#include "storewatch/advice.h"
#include "storewatch/culprit.h"
#include "storewatch/engine.h"
#include "storewatch/report.h"

#include "../../src/core/culprit_internal.h"
#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (1024.0 * 1024.0)
#define BOOT_UTC_MS INT64_C(1767225600000)
#define POLL_MS INT64_C(60000)
#define POLLS_A_HOUR 60
#define FROM (6 * POLLS_A_HOUR) /* where leaks begin */

static void configure(struct config *config);

/* The first of the ranking when it is at least `likely` by itself; NULL when nobody is. */
static const struct culprit *first_by_itself(const struct culprit_ranking *ranking)
{
    return ranking->count && ranking->items[0].confidence >= CULPRIT_LIKELY ? &ranking->items[0] : NULL;
}

/* ---- a machine by hand ---- */

struct actor {
    const char *image;
    double bytes, handles;               /* level */
    double bytes_leaked, handles_leaked; /* an hour, from FROM on */
    double with_burst;                   /* in the rhythm of the calls */
    double own_burst;                    /* so much of that rhythm is its own */
    int begins, ends;                    /* polls; 0 = it was there before, and stays */
};

struct fixture {
    struct observation *observation;
    struct growers growers;
    struct random random;
    double calls; /* since FROM, in hours at the usual rate */
    double its_calls[32], calls_at_begin[32];
    int halts; /* poll from which on nobody calls; 0 = none */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->observation = observation_new();
    f->random = random_seeded(7);
    growers_init(&f->growers, 15000, 4 * MS_PER_HOUR);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    observation_free(f->observation);
    free(f);
    return 0;
}

static struct process *process(struct fixture *f, const char *image, uint32_t pid, double bytes,
                               double handles)
{
    struct process *p = &f->observation->processes[f->observation->process_count++];
    /* all of them were born three hours before the first look */
    uint64_t created = process_created_100ns(BOOT_UTC_MS - 3 * MS_PER_HOUR);
    *p = (struct process){.id = {pid, created}, .private_bytes = bytes, .handle_count = handles};
    text_copy(p->image, sizeof p->image, image);
    return p;
}

static void begin_look(struct fixture *f, int64_t mono_ms)
{
    observation_clear(f->observation);
    f->observation->mono_ms = mono_ms;
    f->observation->utc_ms = BOOT_UTC_MS + mono_ms;
    f->observation->processes_known = f->observation->services_known = f->observation->host_known = true;
    f->observation->host = (struct host){.commit_bytes = 500 * MIB,
                                         .commit_limit_bytes = 16384 * MIB,
                                         .available_bytes = 4096 * MIB,
                                         .physical_bytes = 8192 * MIB,
                                         .paged_pool_bytes = 120 * MIB,
                                         .nonpaged_pool_bytes = 50 * MIB};
}

/* The actors have the pids 100, 104, ...; commit is their sum. */
static void look(struct fixture *f, const struct actor *actors, size_t count, int poll)
{
    begin_look(f, poll * POLL_MS);
    const bool calling = !f->halts || poll < f->halts;
    double hours = poll > FROM ? (double)((calling ? poll : f->halts) - FROM) / POLLS_A_HOUR : 0;
    if (poll > FROM && calling)
        f->calls += (1 + 0.9 * sin(poll / 11.0)) / POLLS_A_HOUR;
    for (size_t i = 0; i < count; i++) {
        const struct actor *a = &actors[i];
        if (poll == a->begins)
            f->calls_at_begin[i % ARRAY_COUNT(f->calls_at_begin)] = f->calls;
        if (poll < a->begins || (a->ends && poll >= a->ends))
            continue;
        if (poll > FROM)
            f->its_calls[i % ARRAY_COUNT(f->its_calls)] +=
                (1 + 0.9 * sin(poll / (7.0 + 5.0 * (double)i))) / POLLS_A_HOUR;
        double calls =
            a->own_burst * f->its_calls[i % ARRAY_COUNT(f->its_calls)] +
            (1 - a->own_burst) * (f->calls - f->calls_at_begin[i % ARRAY_COUNT(f->calls_at_begin)]);
        double leaked = a->with_burst * calls + (1 - a->with_burst) * hours;
        double bytes = a->bytes * (1 + 0.002 * random_normal(&f->random)) + a->bytes_leaked * leaked;
        double handles =
            floor(a->handles * (1 + 0.003 * random_normal(&f->random)) + a->handles_leaked * leaked);
        process(f, a->image, 100 + 4 * (uint32_t)i, bytes, handles)->id.created_100ns +=
            (uint64_t)(a->begins ? 3 * MS_PER_HOUR + a->begins * POLL_MS : 0) * 10000;
        f->observation->host.commit_bytes += bytes;
    }
}

static void live(struct fixture *f, const struct actor *actors, size_t count, int polls)
{
    for (int poll = 0; poll < polls; poll++) {
        look(f, actors, count, poll);
        growers_push(&f->growers, f->observation);
    }
}

/* The store grows in the rhythm of the calls of the client "archive". */
static const struct actor with_archive[] = {{.image = "store.exe",
                                             .bytes = 800 * MIB,
                                             .handles = 4000,
                                             .bytes_leaked = 60 * MIB,
                                             .handles_leaked = 20,
                                             .with_burst = 0.9},
                                            {.image = "archive.exe",
                                             .bytes = 90 * MIB,
                                             .handles = 600,
                                             .handles_leaked = 20, /* no leak by its own verdict for a day */
                                             .with_burst = 0.9},
                                            {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};

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
        look(f, actors, ARRAY_COUNT(actors), poll);
        seen[poll][0] = f->observation->processes[1].private_bytes;
        seen[poll][1] = f->observation->processes[1].handle_count;
        seen[poll][2] = f->observation->host.commit_bytes;
        growers_push(&f->growers, f->observation);
    }
    look(f, actors, ARRAY_COUNT(actors), POLLS);
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
            look(f, actors, ARRAY_COUNT(actors), poll);
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

static struct culprit_known known_as(const struct fixture *f, size_t actor, enum target_kind kind,
                                     const char *target)
{
    struct culprit_known known = {.process = f->observation->processes[actor].id, .kind = kind};
    text_copy(known.target, sizeof known.target, target);
    text_copy(known.service, sizeof known.service, kind == TARGET_CLIENT ? "ArchiveSvc" : "MSExchangeIS");
    return known;
}

static struct culprit_question about(const struct fixture *f, enum metric metric)
{
    struct culprit_question question = {
        .metric = metric, .onset_mono_ms = FROM * POLL_MS, .warm_up_ms = 30 * MS_PER_MINUTE};
    if (metric == METRIC_PRIVATE_BYTES || metric == METRIC_HANDLES)
        question.process = f->observation->processes[0].id;
    return question;
}

/* ---- growers ---- */

static void test_a_slot_is_the_mean_of_its_polls_at_every_level(void **state)
{
    struct fixture *f = *state;
    static double sums[6400];
    memset(sums, 0, sizeof sums);
    for (int poll = 0; poll < 6400 * 5; poll++) { /* five polls a slot */
        begin_look(f, poll * POLL_MS);
        double bytes = 1e6 + 1000 * (poll % 97) + poll;
        process(f, "a.exe", 100, bytes, 10);
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
            process(f, "a.exe", 100, 1e6, 10);
        growers_push(&f->growers, f->observation);
    }
    struct growers_window w = growers_window_from(&f->growers, 0);
    const struct grower *row = &f->growers.rows[0];
    for (size_t i = 0; i < w.count; i++)
        assert_int_equal(isnan(growers_value(row, &w, GROWER_BYTES, i)), i == 10 || i == 11);
    begin_look(f, 40000 * POLL_MS); /* the machine slept for four weeks */
    process(f, "a.exe", 100, 1e6, 10);
    growers_push(&f->growers, f->observation);
    begin_look(f, 40010 * POLL_MS);
    process(f, "a.exe", 100, 1e6, 10);
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
        process(f, "a.exe", 100, 1e6, 10);
        process(f, "b.exe", 104, 2e6, 20);
        process(f, "c.exe", 108, 3e6, 30);
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
            process(f, "p.exe", 100 + 4 * i, 1e6 + i, 10);
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
            struct process *p = process(f, "p.exe", 100 + 4 * i, 1e6, 10);
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
            process(f, "p.exe", 100 + 4 * i, 9e6 + i, 10);
        for (uint32_t i = 0; i < 2; i++)
            kept[i] = process(f, "client.exe", 1000 + 4 * i, 1e6, 10)->id;
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

/* ---- onset ---- */

static void test_an_onset_is_found_with_an_interval_that_holds_it(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    int held = 0, runs = 200;
    for (int run = 0; run < runs; run++) {
        double t[80], v[80], at = 20 + 30 * random_uniform(&random);
        for (int i = 0; i < 80; i++) {
            t[i] = i;
            v[i] = 100 + random_normal(&random) + 0.5 * fmax(0, i - at);
        }
        struct culprit_onset onset = culprit_onset_find(t, v, 80);
        assert_true(onset.known);
        held += onset.low <= at && at <= onset.high;
    }
    assert_in_range(held, runs * 88 / 100, runs);
    double t[40], flat[40], straight[40];
    for (int i = 0; i < 40; i++) {
        t[i] = i;
        flat[i] = 5;
        straight[i] = i;
    }
    assert_false(culprit_onset_find(t, flat, 40).known);
    assert_false(culprit_onset_find(t, straight, 40).known); /* it grew before it was seen */
}

/* ---- rankings ---- */

static void test_a_client_is_named_with_its_share(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.7},
        {.image = "inetinfo.exe", .bytes = 200 * MIB, .handles = 900},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 6 * MIB}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->confidence, CULPRIT_NEARLY_CERTAIN);
    assert_string_equal(first->image, "BESAgent.exe");
    assert_string_equal(first->service, "ArchiveSvc");
    double truth = 60.0 / 66.0;
    assert_true(first->share_low <= truth && truth <= first->share_high);
    assert_true(first->share_high - first->share_low < 0.4);
    assert_true(fabs(first->slope_per_hour[GROWER_BYTES] / MIB - 60) < 12);
    assert_true(ranking.explained > 0.8 && ranking.explained < 1.2);
    assert_true(ranking.pool_share < 0.05);
    assert_non_null(
        strstr(ranking.words, "Nearly certainly BESAgent.exe (pid 104, the client \"bes\"): it grew "));
    assert_int_equal(ranking.items[1].confidence, CULPRIT_NOBODY);
}

static void test_an_unregistered_process_is_named_as_such(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "foo.exe", .bytes = 40 * MIB, .handles = 200, .bytes_leaked = 200 * MIB}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 5 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_false(ranking.items[0].watched);
    assert_non_null(strstr(ranking.words, "an unregistered process foo.exe (pid 104): it grew "));
}

static void test_a_share_in_words(void **state)
{
    (void)state;
    static const struct {
        double share, low, high;
        const char *words;
    } cases[] = {{0.6, 0.45, 0.75, "60 % (45 to 75 %)"},
                 {0.05, -0.1, 0.2, "5 % (0 to 20 %)"},
                 {0.95, 0.8, 1.1, "95 % (80 to 100 %)"},
                 {1.2, 1.1, 1.3, "all of it"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct culprit culprit = {
            .share = cases[i].share, .share_low = cases[i].low, .share_high = cases[i].high};
        char words[64];
        struct text text = text_on(words, sizeof words);
        text_add_culprit_share(&text, &culprit);
        assert_string_equal(words, cases[i].words);
    }
}

/* The store takes memory for its cache while there is some: alone it is possibly the cause of the machine's growth, and
 * likely once its own verdict says so, but never more. */
static void test_the_store_may_grow_by_its_cache(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000, .bytes_leaked = 200 * MIB},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    const struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    known.state[GROWER_BYTES] = VERDICT_BOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_string_equal(ranking.items[0].image, "store.exe");
    assert_int_equal(ranking.items[0].confidence, CULPRIT_POSSIBLE);
    known.state[GROWER_BYTES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_int_equal(ranking.items[0].confidence, CULPRIT_LIKELY);
}

/* KB 898782's kind: calls of a client, and the store's bytes and handles grow. */
static void live_with_objects(struct fixture *f, double handles_an_hour, double mib_an_hour)
{
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = mib_an_hour * MIB,
         .handles_leaked = 60,
         .with_burst = 0.9},
        {.image = "archive.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .handles_leaked = handles_an_hour,
         .with_burst = 0.9},
        {.image = "fax.exe", .bytes = 30 * MIB, .handles = 300, .handles_leaked = 20},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 7 * POLLS_A_HOUR);
}

static void test_a_client_is_named_for_the_growth_of_the_store(void **state)
{
    struct fixture *f = *state;
    live_with_objects(f, 60, 90);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive"),
                                    known_as(f, 2, TARGET_CLIENT, "fax")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 3, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "archive.exe");
    assert_true(isnan(first->share)); /* what the store holds is accounted to nobody */
    assert_true(first->in_step > 0.5);
    assert_true(fabs(first->bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, "in step with it"));
    assert_true(first->growth[GROWER_HANDLES] ==
                round(first->growth[GROWER_HANDLES])); /* there are no parts of one */
    for (size_t i = 1; i < ranking.count; i++)
        assert_true(ranking.items[i].confidence < CULPRIT_LIKELY);
    for (size_t i = 0; i < ranking.count; i++)
        assert_string_not_equal(ranking.items[i].image, "store.exe");

    known[1].lacks_fix = true; /* what the DLL's version says counts too */
    struct culprit_ranking surer;
    culprit_rank(&f->growers, &question, known, 3, &surer);
    assert_true(surer.items[0].score > ranking.items[0].score);
    known[1].lacks_fix = false; /* and that it leaks by its own verdict */
    known[1].state[GROWER_HANDLES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, known, 3, &surer);
    assert_true(surer.items[0].score > ranking.items[0].score);
}

/* A quarter of the growth, of which the kernel's pools have the rest. */
static void test_who_leaks_by_its_own_verdict_needs_less(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .bytes_leaked = 30 * MIB},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    for (int poll = 0; poll < FROM + 6 * POLLS_A_HOUR; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        f->observation->host.commit_bytes += poll > FROM ? 90 * MIB * (poll - FROM) / POLLS_A_HOUR : 0;
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_as(f, 1, TARGET_CLIENT, "archive");
    const struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_null(first_by_itself(&ranking));
    known.state[GROWER_BYTES] = VERDICT_UNBOUNDED;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_string_equal(ranking.items[0].image, "archive.exe");
}

/* A client that was started in the middle (nothing is known of the one before it) has done what the last half shows,
 * and is measured by that. */
static void test_one_that_was_started_in_the_middle_is_measured_since_then(void **state)
{
    struct fixture *f = *state;
    enum { HOURS = 14, MIDDLE = FROM + 7 * POLLS_A_HOUR };
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = 90 * MIB,
         .handles_leaked = 60,
         .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 60, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    double before = 0;
    for (int poll = 0; poll < FROM + HOURS * POLLS_A_HOUR; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        struct process *archive = &f->observation->processes[1];
        if (poll == MIDDLE)
            before = archive->handle_count - 600;
        if (poll >= MIDDLE) {
            archive->id.created_100ns += (uint64_t)(MIDDLE + 3 * POLLS_A_HOUR) * POLL_MS * 10000;
            archive->handle_count -= before;
        } else {
            f->observation->processes[1] = f->observation->processes[--f->observation->process_count];
        }
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_true(ranking.count > 0);
    assert_string_equal(ranking.items[0].image, "archive.exe");
    assert_true(fabs(ranking.items[0].bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, " handles in the last "));
}

enum { AGENTS = 6, BESIDE_MAX = 18 };

/* The store, a client that runs as several processes whose leak shows in it, and others that rest. */
static void make_agents(struct actor actors[1 + AGENTS + BESIDE_MAX])
{
    actors[0] = (struct actor){.image = "store.exe",
                               .bytes = 800 * MIB,
                               .handles = 4000,
                               .bytes_leaked = 90 * MIB,
                               .handles_leaked = 60,
                               .with_burst = 0.9};
    for (size_t i = 1; i <= AGENTS + BESIDE_MAX; i++)
        actors[i] = (struct actor){.image = "svchost.exe", .bytes = 20 * MIB, .handles = 500};
    for (size_t i = 1; i <= AGENTS; i++)
        actors[i] = (struct actor){.image = i % 2 ? "BESAgent.exe" : "besagent.exe",
                                   .bytes = 60 * MIB,
                                   .handles = 400,
                                   .handles_leaked = 10,
                                   .with_burst = 0.9,
                                   .own_burst = 0.6};
}

/* `store`: its place; the agents come next. */
static void rank_agents(struct fixture *f, size_t store, struct culprit_ranking *out)
{
    struct culprit_known known[AGENTS + 1] = {known_as(f, store, TARGET_STORE, "MSExchangeIS")};
    for (size_t i = 0; i < AGENTS; i++)
        known[1 + i] = known_as(f, store + 1 + i, TARGET_CLIENT, "bes");
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    question.process = f->observation->processes[store].id;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), out);
}

/* A client that runs as several processes: each is in step with a part of it only, none stands out. */
static void test_the_processes_of_one_client_are_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    struct culprit_ranking ranking;
    make_agents(actors);
    live(f, actors, ARRAY_COUNT(actors), FROM + 8 * POLLS_A_HOUR);
    rank_agents(f, 0, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process_count, AGENTS);
    assert_string_equal(first->target, "bes");
    assert_string_equal(first->service, "ArchiveSvc"); /* known_as */
    assert_true(fabs(first->bytes_a_handle / MIB - 1.5) < 0.4);
    assert_non_null(strstr(ranking.words, "ertainly 6 processes "));
    assert_non_null(strstr(ranking.words, " and others, the client \"bes\"): they grew "));
    for (size_t i = 1; i < ranking.count; i++) /* none of them has a place of its own beside it */
        assert_false(text_equal_nocase(ranking.items[i].image, "besagent.exe"));

    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->has_incident = alert->has_ranking = true;
    alert->ranking = ranking;
    alert->incident.target_kind = TARGET_STORE;
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms = INT64_MAX;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 2);
    assert_non_null(strstr(alert->todo[0], "gent.exe (6 processes, pid "));
    free(alert);
}

/* The onset of one of them agrees a little better by chance: that is no reason to name it, or two of them. */
static void test_the_processes_of_one_client_stay_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    make_agents(actors);
    for (size_t i = 1; i <= AGENTS; i++) {
        actors[i].handles_leaked = 7;
        actors[i].own_burst = 0.3;
    }
    f->random = random_seeded(2);
    for (int poll = 0; poll < FROM + 13 * POLLS_A_HOUR; poll++) {
        struct culprit_ranking ranking;
        look(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
        if (poll < FROM + 8 * POLLS_A_HOUR || poll % POLLS_A_HOUR != 0)
            continue;
        rank_agents(f, 0, &ranking);
        assert_int_equal(ranking.together, 0);
        assert_int_equal(ranking.items[0].process_count, AGENTS);
    }
}

/* Where few others run, it is still one program that grows, and not everybody. */
static void test_the_processes_of_one_client_are_no_load(void **state)
{
    struct fixture *f = *state;
    struct actor actors[1 + AGENTS + BESIDE_MAX];
    struct culprit_ranking ranking;
    make_agents(actors);
    live(f, actors, 1 + AGENTS + 8, FROM + 8 * POLLS_A_HOUR);
    rank_agents(f, 0, &ranking);
    assert_false(ranking.with_load);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process_count, AGENTS);
}

/* However many others grow a little. */
static void test_the_processes_of_one_client_are_seen_behind_others(void **state)
{
    struct fixture *f = *state;
    static const char *const images[] = {"a.exe", "b.exe", "c.exe", "d.exe",
                                         "e.exe", "f.exe", "g.exe", "h.exe"};
    struct actor actors[ARRAY_COUNT(images) + 1 + AGENTS + BESIDE_MAX];
    struct actor *agents = actors + ARRAY_COUNT(images);
    make_agents(agents);
    for (size_t i = 0; i < ARRAY_COUNT(images); i++)
        actors[i] =
            (struct actor){.image = images[i], .bytes = 50 * MIB, .handles = 500, .bytes_leaked = 0.1 * MIB};
    live(f, actors, ARRAY_COUNT(actors), FROM + 8 * POLLS_A_HOUR);
    struct culprit_ranking ranking;
    rank_agents(f, ARRAY_COUNT(images), &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process_count, AGENTS);
}

/* The store rests, and so many MiB an hour go to the five worker processes of a web server. */
static void rank_workers(struct fixture *f, const double mib[5], struct culprit_ranking *out)
{
    struct actor actors[21] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000}};
    for (size_t i = 1; i < ARRAY_COUNT(actors); i++)
        actors[i] = (struct actor){.image = "svchost.exe", .bytes = 20 * MIB, .handles = 500};
    for (int i = 0; i < 5; i++)
        actors[1 + i] = (struct actor){.image = "w3wp.exe",
                                       .bytes = 60 * MIB,
                                       .handles = 400,
                                       .bytes_leaked = mib[i] * MIB,
                                       .with_burst = 0.9,
                                       .own_burst = 0.6};
    f->calls = 0;
    memset(f->its_calls, 0, sizeof f->its_calls);
    memset(&f->growers, 0, sizeof f->growers);
    growers_init(&f->growers, 15000, 4 * MS_PER_HOUR);
    live(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_as(f, 0, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_COMMIT);
    culprit_rank(&f->growers, &question, &known, 1, out);
}

/* Of a sum: each has a fifth. And of several that do not grow, or hardly, one is that one. */
static void test_the_processes_of_a_program_have_their_share_together(void **state)
{
    static const struct {
        double mib[5];
        size_t named;
    } cases[] = {{{18, 18, 18, 18, 18}, 5}, {{90, 0, 0, 0, 0}, 1}, {{90, 3, 3, 3, 3}, 1}};
    for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
        struct culprit_ranking ranking;
        rank_workers(*state, cases[c].mib, &ranking);
        const struct culprit *first = first_by_itself(&ranking);
        assert_non_null(first);
        assert_int_equal(first->process_count, cases[c].named);
        assert_true(first->share_high >= (c == 2 ? 0.88 : 1) && first->share_low > 0.7);
        assert_non_null(strstr(ranking.words, cases[c].named == 5
                                                  ? "5 unregistered processes w3wp.exe (pid "
                                                  : "an unregistered process w3wp.exe (pid 104): it"));
        assert_true(ranking.explained < 1.2); /* nothing was counted twice */
    }
}

/* Two of five are not the program. */
static void test_a_few_of_a_program_are_named_by_themselves(void **state)
{
    struct culprit_ranking ranking;
    rank_workers(*state, (const double[5]){45, 45, 0, 0, 0}, &ranking);
    assert_int_equal(ranking.together, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(ranking.items[i].image, "w3wp.exe");
        assert_int_equal(ranking.items[i].process_count, 1);
    }
}

static void test_two_are_named_together_with_their_shares(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 30 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.5},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 4 * MIB}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "fax"),
                                    known_as(f, 2, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 3, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_false(ranking.either);
    assert_string_equal(ranking.items[0].image, "BESAgent.exe"); /* the larger share */
    assert_string_equal(ranking.items[1].image, "Fax.exe");
    assert_true(culprit_is_named(&ranking, 0) && culprit_is_named(&ranking, 1));
    assert_false(culprit_is_named(&ranking, 2));
    assert_true(fabs(ranking.items[0].share - 60 / 94.0) < 0.06);
    assert_true(fabs(ranking.items[1].share - 30 / 94.0) < 0.06);
    assert_true(ranking.together_low <= 90 / 94.0 && 90 / 94.0 <= ranking.together_high);
    assert_non_null(
        strstr(ranking.words, "Nearly certainly BESAgent.exe (pid 108, the client \"bes\") with about 6"));
    assert_non_null(strstr(ranking.words, " and Fax.exe (pid 104, the client \"fax\") with about 3"));
    assert_non_null(strstr(ranking.words, " % together: they grew "));
    assert_non_null(strstr(ranking.words, "of the growth."));
}

/* Of two that are named together one was started in the middle. */
static void test_of_two_each_is_told_with_its_time(void **state)
{
    struct fixture *f = *state;
    enum { HOURS = 14, MIDDLE = FROM + 6 * POLLS_A_HOUR };
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 30 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe", .bytes = 90 * MIB, .handles = 600, .bytes_leaked = 40 * MIB}};
    double before = 0;
    for (int poll = 0; poll < FROM + HOURS * POLLS_A_HOUR; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        struct process *agent = &f->observation->processes[2];
        if (poll == MIDDLE)
            before = agent->private_bytes - 90 * MIB;
        if (poll >= MIDDLE) {
            agent->id.created_100ns += (uint64_t)(MIDDLE + 3 * POLLS_A_HOUR) * POLL_MS * 10000;
            agent->private_bytes -= before;
            f->observation->host.commit_bytes -= before;
        }
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 1, TARGET_CLIENT, "fax"),
                                    known_as(f, 2, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_non_null(strstr(ranking.words, "MiB in the same 13 h 40 min and "));
    assert_non_null(strstr(ranking.words, "MiB in the last "));
}

/* Whose doubt it is: two processes may have one image. */
static void test_a_doubt_says_whose_it_is(void **state)
{
    (void)state;
    struct culprit_ranking ranking = {.metric = METRIC_PRIVATE_BYTES,
                                      .count = 2,
                                      .together = 2,
                                      .together_confidence = CULPRIT_LIKELY,
                                      .explained = NAN,
                                      .together_share = NAN};
    for (size_t i = 0; i < 2; i++) {
        ranking.items[i] = (struct culprit){.process = {i ? 2004 : 2000, 1},
                                            .process_count = 1,
                                            .image = "agent.exe",
                                            .share = NAN,
                                            .in_step = 0.9,
                                            .doubts = 1u << CULPRIT_DOUBT_LATER};
    }
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words,
                           "; but agent.exe (pid 2000) began later; but agent.exe (pid 2004) began later."));
    text_copy(ranking.items[1].image, sizeof ranking.items[1].image, "fax.exe");
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, "; but agent.exe began later; but fax.exe began later."));
}

/* Who took more of the machine's growth may be the victim of who took less: the words say so. */
static void test_a_part_is_told_as_a_part(void **state)
{
    (void)state;
    struct culprit_ranking ranking = {
        .metric = METRIC_COMMIT, .count = 2, .explained = 1, .together_share = NAN};
    ranking.items[0] = (struct culprit){.process_count = 1,
                                        .image = "archive.exe",
                                        .share = 0.33,
                                        .share_low = 0.2,
                                        .share_high = 0.47,
                                        .confidence = CULPRIT_NEARLY_CERTAIN};
    ranking.items[1] = (struct culprit){.process_count = 1,
                                        .image = "store.exe",
                                        .watched = true,
                                        .kind = TARGET_STORE,
                                        .share = 0.67,
                                        .confidence = CULPRIT_POSSIBLE};
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(
        strstr(ranking.words, "A part of it: Nearly certainly an unregistered process archive.exe"));
    assert_non_null(strstr(ranking.words, "33 % (20 to 47 %) of the growth. A larger part, 67 %, is that of "
                                          "store.exe, which a client may make grow."));
    ranking.items[1].confidence = CULPRIT_NOBODY;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, "A larger part, 67 %, is that of store.exe, which a client may"));
    ranking.items[1].watched = false;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_null(strstr(ranking.words, "A larger part"));
    ranking.items[1].confidence = CULPRIT_POSSIBLE;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_non_null(strstr(ranking.words, " is that of store.exe, possibly a cause, too."));
    ranking.items[0].share = 0.8;
    culprit_add_words(&ranking, CULPRIT_RANKED);
    assert_int_equal(strncmp(ranking.words, "Nearly certainly an", strlen("Nearly certainly an")), 0);
}

/* Under pressure the store gives its cache back: what two leak is more than the machine grows by. */
static void test_no_part_is_more_than_all_of_it(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 1200 * MIB, .handles = 4000, .bytes_leaked = -42 * MIB},
        {.image = "Fax.exe", .bytes = 40 * MIB, .handles = 300, .bytes_leaked = 34 * MIB, .with_burst = 0.7},
        {.image = "BESAgent.exe",
         .bytes = 90 * MIB,
         .handles = 600,
         .bytes_leaked = 60 * MIB,
         .with_burst = 0.5}};
    live(f, actors, ARRAY_COUNT(actors), FROM + 6 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "fax"),
                                    known_as(f, 2, TARGET_CLIENT, "bes")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 3, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_true(ranking.items[0].share > 1 && ranking.together_low > 1);
    assert_non_null(
        strstr(ranking.words, "BESAgent.exe (pid 108, the client \"bes\") with all of it and Fax.exe"));
    assert_non_null(strstr(ranking.words, ", together all of the growth and what others gave back."));
    assert_null(strstr(ranking.words, " 100 %"));
}

/* Two clients' objects lie in the store, which has `part` of its growth from the first of them. */
static void live_with_two(struct fixture *f, double own_burst, double part)
{
    const double total = 120;
    for (int poll = 0; poll < FROM + 9 * POLLS_A_HOUR; poll++) {
        const struct actor clients[] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
                                        {.image = "archive.exe",
                                         .bytes = 90 * MIB,
                                         .handles = 600,
                                         .handles_leaked = 240 * part,
                                         .with_burst = 0.9,
                                         .own_burst = own_burst},
                                        {.image = "fax.exe",
                                         .bytes = 30 * MIB,
                                         .handles = 300,
                                         .handles_leaked = 300 * (1 - part),
                                         .with_burst = 0.9,
                                         .own_burst = own_burst},
                                        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
        look(f, clients, ARRAY_COUNT(clients), poll);
        double hours = poll > FROM ? (double)(poll - FROM) / POLLS_A_HOUR : 0, fed = 0;
        for (size_t i = 1; i <= 2; i++)
            fed += (i == 1 ? part : 1 - part) *
                   (0.9 * (own_burst * f->its_calls[i] + (1 - own_burst) * f->calls) + 0.1 * hours);
        f->observation->processes[0].private_bytes += total * fed * MIB;
        f->observation->processes[0].handle_count += floor(240 * fed);
        growers_push(&f->growers, f->observation);
    }
}

static void ask_about_the_store(struct fixture *f, struct culprit_ranking *out_ranking)
{
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive"),
                                    known_as(f, 2, TARGET_CLIENT, "fax")};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, known, 3, out_ranking);
}

static void test_two_clients_are_named_together_for_the_store(void **state)
{
    struct fixture *f = *state;
    live_with_two(f, 1, 0.6);
    struct culprit_ranking ranking;
    ask_about_the_store(f, &ranking);
    assert_int_equal(ranking.together, 2);
    assert_false(ranking.either);
    assert_string_equal(ranking.items[0].image, "archive.exe");
    assert_string_equal(ranking.items[1].image, "fax.exe");
    assert_true(fabs(ranking.items[0].share - 0.6) < 0.1);
    assert_true(fabs(ranking.items[1].share - 0.4) < 0.1);
    assert_non_null(strstr(ranking.words, "archive.exe (pid 104, the client \"archive\") with about "));
    assert_non_null(strstr(ranking.words, " together: they grew "));
}

static void test_two_that_move_alike_are_not_told_apart(void **state)
{
    struct fixture *f = *state;
    live_with_two(f, 0, 0.5); /* one rhythm */
    struct culprit_ranking ranking;
    ask_about_the_store(f, &ranking);
    assert_null(first_by_itself(&ranking)); /* neither is accused by itself */
    assert_int_equal(ranking.together, 2);
    assert_true(ranking.either);
    assert_true(culprit_is_named(&ranking, 0) && culprit_is_named(&ranking, 1));
    assert_true(isnan(ranking.together_share));
    assert_non_null(strstr(ranking.words, "or both: they grew "));
    assert_non_null(strstr(ranking.words, "cannot be told apart"));
}

/* The nonpaged pool takes `a_handle` bytes for each handle, and a driver `driver_mib` an hour. The actor
 * `store` is the Information Store. */
static void live_with_pool_of(struct fixture *f, size_t store, double handles_leaked, double a_handle,
                              double driver_mib, struct culprit_ranking *out_ranking)
{
    const struct actor actors[] = {{.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
                                   {.image = "foo.exe",
                                    .bytes = 40 * MIB,
                                    .handles = 300,
                                    .handles_leaked = handles_leaked,
                                    .with_burst = 0.8},
                                   {.image = "inetinfo.exe", .bytes = 200 * MIB, .handles = 900}};
    for (int poll = 0; poll < FROM + 7 * POLLS_A_HOUR; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        double all = 0;
        for (size_t i = 0; i < f->observation->process_count; i++)
            all += f->observation->processes[i].handle_count;
        f->observation->host.nonpaged_pool_bytes += a_handle * all;
        if (poll > FROM)
            f->observation->host.nonpaged_pool_bytes += driver_mib * MIB * (poll - FROM) / POLLS_A_HOUR;
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_as(f, store, TARGET_STORE, "MSExchangeIS");
    struct culprit_question question = about(f, METRIC_NONPAGED_POOL);
    culprit_rank(&f->growers, &question, &known, 1, out_ranking);
}

static void live_with_pool(struct fixture *f, double handles_leaked, double a_handle, double driver_mib,
                           struct culprit_ranking *out_ranking)
{
    live_with_pool_of(f, 0, handles_leaked, a_handle, driver_mib, out_ranking);
}

/* It makes up the store's growth, but of the pools it is a part as all others. */
static void test_the_store_can_hold_the_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool_of(f, 1, 3000, 700, 0, &ranking);
    assert_non_null(first_by_itself(&ranking));
    assert_int_equal(first_by_itself(&ranking)->kind, TARGET_STORE);
}

static void test_who_holds_handles_is_named_for_the_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 3000, 700, 0, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "foo.exe");
    assert_true(isnan(first->share));
    assert_true(fabs(first->bytes_a_handle - 700) < 70);
    assert_int_equal(first->doubts, 0);
    assert_non_null(strstr(ranking.words, "an unregistered process foo.exe (pid 104): it grew "));
    assert_non_null(strstr(ranking.words, " B for each handle."));
    assert_null(strstr(ranking.words, "unknown"));
}

static void advise_on_pool(const struct culprit_ranking *ranking, const char *advice)
{
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    *alert =
        (struct alert){.kind = ALERT_OPENED, .has_incident = true, .has_ranking = true, .ranking = *ranking};
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_NONPAGED_POOL;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 1);
    if (strncmp(alert->todo[0], advice, strlen(advice)) != 0)
        fail_msg("%s", alert->todo[0]);
    free(alert);
}

static void test_nobody_is_named_for_a_driver_s_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 0, 700, 20, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_non_null(strstr(ranking.words, "Nobody stands out"));
    if (ranking.count)
        assert_non_null(strstr(ranking.words, ": it grew "));
    assert_non_null(strstr(ranking.words,
                           "Who holds it is unknown: what drivers take of the pool belongs to no process"));
    /* Nobody is sent to look for what was looked for. */
    advise_on_pool(&ranking,
                   "No process has opened handles that could hold it, so it is a driver's, as likely as not: "
                   "poolmon of the Windows support tools shows whose tag grows.");
    ranking.left_out = 20; /* among these there may be one */
    advise_on_pool(&ranking, "Find the program whose handles grow ");
}

static void test_few_handles_do_not_hold_a_driver_s_pool(void **state)
{
    struct fixture *f = *state;
    struct culprit_ranking ranking;
    live_with_pool(f, 30, 700, 20, &ranking); /* 20 MiB an hour beside 30 handles */
    assert_null(first_by_itself(&ranking));
    assert_true(ranking.count > 0);
    assert_string_equal(ranking.items[0].image, "foo.exe");
    assert_true(ranking.items[0].doubts & (1u << CULPRIT_DOUBT_FEW_HANDLES));
    assert_non_null(strstr(ranking.words, "has too few handles for it"));
    assert_non_null(strstr(ranking.words, "Who holds it is unknown"));
}

static void test_nobody_is_named_for_a_cache(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < FROM + 10 * POLLS_A_HOUR; poll++) {
        double filled = poll > FROM ? 1 - exp(-(poll - FROM) / (3.0 * POLLS_A_HOUR)) : 0;
        const struct actor actors[] = {
            {.image = "store.exe", .bytes = 800 * MIB + 600 * MIB * filled, .handles = 4000},
            {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600},
            {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
        look(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_true(ranking.items[0].doubts & (1u << CULPRIT_DOUBT_LEVELS_OFF));
    assert_non_null(strstr(ranking.words, "levels off"));
    question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, known, 2, &ranking);
    assert_null(first_by_itself(&ranking));
}

static void test_nobody_is_named_for_load(void **state)
{
    struct fixture *f = *state;
    for (int poll = 0; poll < FROM + 6 * POLLS_A_HOUR; poll++) {
        double load = poll > FROM ? (double)(poll - FROM) / (6 * POLLS_A_HOUR) : 0;
        static const char *const images[] = {"store.exe",   "mad.exe",    "lsass.exe",    "w3wp.exe",
                                             "svchost.exe", "emsmta.exe", "inetinfo.exe", "services.exe",
                                             "av.exe",      "dns.exe"};
        struct actor actors[ARRAY_COUNT(images)];
        for (size_t i = 0; i < ARRAY_COUNT(actors); i++)
            actors[i] = (struct actor){.image = images[i],
                                       .bytes = (i ? 40 + 25 * (double)i : 700) * MIB *
                                                (1 + (0.2 + 0.02 * (double)i) * load),
                                       .handles = 500 * (1 + 0.1 * load)};
        look(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_as(f, 0, TARGET_STORE, "MSExchangeIS"),
                                    known_as(f, 1, TARGET_CLIENT, "archive")};
    for (enum metric metric = METRIC_PRIVATE_BYTES; metric <= METRIC_COMMIT;
         metric = metric == METRIC_PRIVATE_BYTES ? METRIC_COMMIT : METRIC_COUNT) {
        struct culprit_question question = about(f, metric);
        struct culprit_ranking ranking;
        culprit_rank(&f->growers, &question, known, 2, &ranking);
        assert_true(ranking.with_load);
        assert_null(first_by_itself(&ranking));
        assert_non_null(strstr(ranking.words, "it may be the load"));
    }
}

static void test_too_short_a_past_names_nobody(void **state)
{
    struct fixture *f = *state;
    struct culprit_question question = about(f, METRIC_COMMIT);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
    assert_non_null(strstr(ranking.words, "Nobody can be named yet"));
    const struct actor actor = {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000};
    live(f, &actor, 1, FROM + 2 * POLLS_A_HOUR); /* flat */
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
    assert_non_null(strstr(ranking.words, "Nobody"));
    question.metric = METRIC_PRIVATE_BYTES;
    question.process = (struct process_id){4711, 1}; /* it has no row */
    culprit_rank(&f->growers, &question, NULL, 0, &ranking);
    assert_int_equal(ranking.count, 0);
}

/* ---- who has ended ---- */

/* The store grows in the rhythm of the calls of a client that has ended, or was recycled. */
static struct culprit_known known_of_pid(uint32_t pid, int begins)
{
    struct culprit_known known = {.kind = TARGET_CLIENT, .target = "archive", .service = "ArchiveSvc"};
    const int64_t born_ms = BOOT_UTC_MS + (begins ? begins * POLL_MS : -3 * MS_PER_HOUR);
    known.process = (struct process_id){pid, process_created_100ns(born_ms)};
    return known;
}

enum { ENDS = FROM + 10 * POLLS_A_HOUR };

/* Nobody else has to be restarted: what it made the store hold is there still. */
static void test_one_that_has_ended_is_named_for_the_store(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    actors[1].ends = ENDS;
    struct culprit_ranking ranking;
    for (int poll = 0; poll < ENDS + 20; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known = known_of_pid(104, 0);
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process.pid, 104);
    assert_true(culprit_is_gone(first));
    assert_non_null(
        strstr(ranking.words, "archive.exe (pid 104, the client \"archive\", which has ended): it grew "));
    assert_non_null(strstr(ranking.words, " and ended 19 min ago, "));
    /* What it had of the machine's commit was given back. */
    question.metric = METRIC_COMMIT;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    for (size_t i = 0; i < ranking.count; i++)
        assert_int_not_equal(ranking.items[i].process.pid, 104);
}

static void test_nobody_is_named_for_what_goes_on_after_its_end(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    actors[1].ends = ENDS;
    live(f, actors, ARRAY_COUNT(actors), ENDS + 6 * POLLS_A_HOUR);
    struct culprit_known known = known_of_pid(104, 0);
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, &known, 1, &ranking);
    assert_null(first_by_itself(&ranking));
    assert_int_equal(ranking.items[0].process.pid, 104);
    assert_non_null(strstr(ranking.words, "; but it ended, and the growth went on."));
}

/* That it goes on says nothing against one whose successor may be what goes on, and is too young to be asked. */
static void test_a_young_successor_does_not_acquit(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1]};
    actors[1].ends = ENDS;
    actors[3].begins = ENDS + 2;
    live(f, actors, ARRAY_COUNT(actors), ENDS + 60);
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, actors[3].begins)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    if (!first || first->process.pid != 104 || first->doubts)
        fail_msg("%s", ranking.words);
}

/* The next one only fills its caches: its restart was what had to be done, and need not be done again. */
static void test_the_next_one_is_not_blamed_for_its_warm_up(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1]};
    enum { BEGINS = ENDS + 5 };
    actors[1].ends = f->halts = ENDS;
    actors[3].begins = BEGINS;
    actors[3].handles_leaked = 0;
    for (int poll = 0; poll < BEGINS + 120; poll++) {
        look(f, actors, ARRAY_COUNT(actors), poll);
        if (poll >= BEGINS)
            f->observation->processes[2].handle_count -= floor(400 * exp((BEGINS - poll) / 15.0));
        growers_push(&f->growers, f->observation);
    }
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, BEGINS)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    if (first->process.pid != 104 || !culprit_is_gone(first))
        fail_msg("%s", ranking.words);
}

static void test_those_of_one_client_that_was_recycled_are_one(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2], with_archive[1],
                             with_archive[1]};
    actors[1].ends = FROM + 5 * POLLS_A_HOUR;
    actors[3].begins = FROM + 5 * POLLS_A_HOUR + 10;
    actors[3].ends = ENDS;
    actors[4].begins = ENDS + 10;
    live(f, actors, ARRAY_COUNT(actors), ENDS + 5 * POLLS_A_HOUR);
    struct culprit_known known[] = {known_of_pid(104, 0), known_of_pid(112, actors[3].begins),
                                    known_of_pid(116, actors[4].begins)};
    struct culprit_question question = about(f, METRIC_PRIVATE_BYTES);
    struct culprit_ranking ranking;
    culprit_rank(&f->growers, &question, known, ARRAY_COUNT(known), &ranking);
    const struct culprit *first = first_by_itself(&ranking);
    assert_non_null(first);
    assert_int_equal(first->process.pid, 116);
    assert_int_equal(first->process_count, 3);
    assert_false(culprit_is_gone(first));
    assert_non_null(
        strstr(ranking.words,
               " 3 processes archive.exe (pid 116 and 2 before it, the client \"archive\"): they grew 2"));
}

/* ---- the engine ---- */

static void add_service(struct fixture *f, const char *name, uint32_t pid)
{
    struct service *service = &f->observation->services[f->observation->service_count++];
    *service = (struct service){.state = SERVICE_STATE_RUNNING, .pid = pid, .accepts_stop = true};
    text_copy(service->name, sizeof service->name, name);
}

/* Runs until an alert of this kind; false when none came. */
static bool run_until(struct fixture *f, struct engine *engine, const struct actor *actors, size_t count,
                      enum alert_kind kind, struct actions *actions, struct alert *out_alert)
{
    for (int poll = 0; poll < FROM + 30 * POLLS_A_HOUR; poll++) {
        look(f, actors, count, poll);
        add_service(f, "ArchiveSvc", 104);
        add_service(f, "MSExchangeIS", 100);
        struct clock clock = {f->observation->mono_ms, f->observation->utc_ms, 0, 600};
        engine_step(engine, f->observation, clock, true, actions);
        for (size_t i = 0; i < actions->alert_count; i++)
            if (actions->alerts[i].kind == kind) {
                *out_alert = actions->alerts[i];
                return true;
            }
    }
    return false;
}

static void configure(struct config *config)
{
    config_default(config);
    config->mode = MODE_ACT;
    config->interval_ms = POLL_MS;
    config->window_count = 0;
    config->client_count = 1;
    text_copy(config->clients[0].name, sizeof config->clients[0].name, "archive");
    text_copy(config->clients[0].service, sizeof config->clients[0].service, "ArchiveSvc");
}

static void test_the_store_s_alert_names_the_client_and_the_ladder_begins_with_it(void **state)
{
    struct fixture *f = *state;
    struct config config;
    configure(&config);
    struct engine *engine = engine_new(&config, "EX1");
    engine->journal_writable = true;
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    look(f, with_archive, ARRAY_COUNT(with_archive), 0);
    struct found_client found = {.process = f->observation->processes[1].id, .dlls = {.count = 1}};
    text_copy(found.image, sizeof found.image, "archive.exe");
    text_copy(found.dlls.items[0].path, DLL_PATH_MAX, "C:\\archive\\Emsmdb32.dll");
    found.dlls.items[0].loaded = (struct file_version){.known = true, .part = {6, 5, 7226, 0}};
    watch_set_found(&engine->watch, &found, 1);
    assert_true(run_until(f, engine, with_archive, ARRAY_COUNT(with_archive), ALERT_OPENED, actions, alert));
    assert_int_equal(alert->incident.target_kind, TARGET_STORE);
    assert_true(alert->has_ranking);
    assert_non_null(first_by_itself(&alert->ranking));
    assert_string_equal(first_by_itself(&alert->ranking)->target, "archive");
    assert_non_null(strstr(alert->done[0], "storewatch restarts ArchiveSvc now (rung \"restart_client\")"));
    assert_int_equal(engine->wanted.rung, RUNG_RESTART_CLIENT);
    assert_string_equal(engine->wanted.target, "ArchiveSvc");
    assert_non_null(strstr(engine->wanted.reason, "archive is "));

    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    /* The first line, which previews and the event show, and status. */
    const char *cause = first_by_itself(&alert->ranking)->confidence == CULPRIT_NEARLY_CERTAIN
                            ? " left. The cause: nearly certainly archive.exe.\n"
                            : " left. The cause: likely archive.exe.\n";
    assert_non_null(strstr(mail.plain, cause));
    assert_ptr_equal(strstr(mail.plain, cause), strchr(mail.plain, '\n') - strlen(cause) + 1);
    assert_non_null(strstr(mail.plain, "\nWho "));
    assert_non_null(strstr(mail.plain, "Who grew in the same time\n  - archive.exe, pid 104: "));
    assert_non_null(strstr(mail.html, "Who grew in the same time"));
    assert_non_null(strstr(mail.html, "archive.exe, pid 104"));
    mail_deinit(&mail);

    /* By which defect, and what ends it: whether storewatch acts or not. */
    static const char fix[] =
        "archive.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is 6.5.7233.36: install it.";
    assert_string_equal(alert->todo[1], fix);

    /* When storewatch does not act, the reader is told to begin with the client. */
    alert->todo_count = 0;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 3);
    assert_string_equal(alert->todo[2], fix);
    assert_non_null(
        strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104)"));

    /* What the history keeps when the incident ends. */
    f->observation->mono_ms += POLL_MS;
    f->observation->utc_ms += POLL_MS;
    assert_string_equal(f->observation->processes[0].image, "store.exe");
    f->observation->processes[0] = f->observation->processes[--f->observation->process_count];
    engine_step(engine, f->observation,
                (struct clock){f->observation->mono_ms, f->observation->utc_ms, 0, 600}, true, actions);
    assert_int_equal(actions->alerts[0].kind, ALERT_ENDED);
    assert_int_equal(actions->incidents[0].state, INCIDENT_CLOSED);
    assert_non_null(
        strstr(actions->incidents[0].reason, ". It was archive.exe (pid 104, the client \"archive\"), "));
    free(alert);
    free(actions);
    engine_free(engine);
}

/* A client that has ended before the alert is named in it. Nobody is sent to restart what is gone, and the ladder waits
 * for what its end has done to the growth. */
static void test_the_store_waits_when_who_is_named_has_ended(void **state)
{
    struct fixture *f = *state;
    struct config config;
    configure(&config);
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    void *first_life = NULL;
    assert_int_equal(setup(&first_life), 0);
    struct engine *engine = engine_new(&config, "EX1");
    assert_true(run_until(first_life, engine, actors, ARRAY_COUNT(actors), ALERT_OPENED, actions, alert));
    actors[1].ends = (int)(((struct fixture *)first_life)->observation->mono_ms / POLL_MS) - 30;
    engine_free(engine);
    teardown(&first_life);

    engine = engine_new(&config, "EX1");
    engine->journal_writable = true;
    assert_true(run_until(f, engine, actors, ARRAY_COUNT(actors), ALERT_OPENED, actions, alert));
    const struct culprit *named = first_by_itself(&alert->ranking);
    assert_non_null(named);
    assert_true(culprit_is_gone(named));
    assert_string_equal(named->target, "archive");
    assert_int_equal(engine->wanted.rung, RUNG_ALERT);
    assert_non_null(strstr(alert->incident.held_because, "who was named for it was restarted or has ended"));
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    assert_non_null(strstr(mail.plain, "archive.exe, which has ended.\n"));
    assert_non_null(strstr(mail.plain, "  - archive.exe, pid 104, ended: "));
    assert_null(strstr(mail.plain, "First restart"));
    mail_deinit(&mail);
    free(alert);
    free(actions);
    engine_free(engine);
}

/* While it pauses nobody makes it grow: who moves with the noise of the pause is not named for what grew before.
 * A reload with another min_window makes the past of the processes begin anew: who was named stays named, or the
 * store would be restarted instead. */
static void test_a_pause_and_a_reload_forget_nobody(void **state)
{
    struct fixture *f = *state;
    struct config config;
    configure(&config);
    config.mode = MODE_ALERT;
    struct engine *engine = engine_new(&config, "EX1");
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    assert_true(run_until(f, engine, with_archive, ARRAY_COUNT(with_archive), ALERT_OPENED, actions, alert));
    struct open_incident *open = &engine->incidents[0];
    assert_non_null(first_by_itself(&open->ranking));
    struct step step = {
        engine, f->observation, {f->observation->mono_ms, f->observation->utc_ms, 0, 600}, actions};
    const int64_t asked_mono_ms = open->ranking.to_mono_ms--;
    open->ranked_slot--; /* a slot has passed since */
    open->hardly_grows = true;
    step_rank(&step, open, open->ranking.from_mono_ms);
    assert_int_equal(open->ranking.to_mono_ms, asked_mono_ms - 1);
    open->hardly_grows = false;
    step_rank(&step, open, open->ranking.from_mono_ms);
    assert_int_equal(open->ranking.to_mono_ms, asked_mono_ms);
    config.min_window_ms /= 2;
    engine_configure(engine, &config);
    const int from = (int)(f->observation->mono_ms / POLL_MS);
    for (int poll = from + 1; poll < from + 60; poll++) {
        look(f, with_archive, ARRAY_COUNT(with_archive), poll);
        add_service(f, "ArchiveSvc", 104);
        add_service(f, "MSExchangeIS", 100);
        engine_step(engine, f->observation,
                    (struct clock){f->observation->mono_ms, f->observation->utc_ms, 0, 600}, true, actions);
        assert_int_equal(open->incident.state, INCIDENT_OPEN);
        assert_non_null(first_by_itself(&open->ranking));
        assert_string_equal(first_by_itself(&open->ranking)->service, "ArchiveSvc");
    }
    free(alert);
    free(actions);
    engine_free(engine);
}

/* But who has ended is not accused any more, nor restarted for it: a person has done that already. */
static void test_who_has_ended_is_named_no_more(void **state)
{
    struct fixture *f = *state;
    struct config config;
    configure(&config);
    config.mode = MODE_ALERT;
    struct engine *engine = engine_new(&config, "EX1");
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    assert_true(run_until(f, engine, with_archive, ARRAY_COUNT(with_archive), ALERT_OPENED, actions, alert));
    const struct open_incident *open = &engine->incidents[0];
    assert_non_null(first_by_itself(&open->ranking));
    config.min_window_ms /= 2;
    engine_configure(engine, &config);
    const int from = (int)(f->observation->mono_ms / POLL_MS);
    for (int poll = from + 1; poll < from + 30; poll++) {
        look(f, with_archive, ARRAY_COUNT(with_archive), poll);
        f->observation->processes[1].id.pid = 204;
        f->observation->processes[1].id.created_100ns += (uint64_t)from * POLL_MS * 10000;
        add_service(f, "ArchiveSvc", 204);
        add_service(f, "MSExchangeIS", 100);
        engine_step(engine, f->observation,
                    (struct clock){f->observation->mono_ms, f->observation->utc_ms, 0, 600}, true, actions);
        assert_int_equal(open->incident.state, INCIDENT_OPEN);
        assert_null(first_by_itself(&open->ranking));
        assert_non_null(strstr(open->ranking.words, " Named for it before: archive.exe (pid 104, "));
    }
    free(alert);
    free(actions);
    engine_free(engine);
}

static void test_a_pool_s_alert_says_what_to_look_at(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_NONPAGED_POOL;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 1);
    assert_non_null(strstr(alert->todo[0], "Find the program whose handles grow"));
    assert_non_null(strstr(alert->todo[0], "poolmon"));
    free(alert);
}

/* Of Windows Server 2003, which most readers have: its Task Manager knows no "Commit size". */
static void test_the_advice_names_a_column_that_is_there(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_COMMIT;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 1);
    assert_non_null(
        strstr(alert->todo[0], "column \"VM Size\", from Windows Server 2008 on \"Commit size\""));
    free(alert);
}

/* Growth that ended where next to nothing is left is no reason to wait. */
static void test_the_advice_knows_what_is_left(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_RECOVERED;
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_COMMIT;
    alert->incident.level_at_onset = 4.21e9;
    alert->incident.level_at_open = 4.51e9;
    alert->incident.level_now = 4.72e9;
    alert->incident.limit = 4.79e9;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 1);
    assert_non_null(strstr(alert->todo[0], "Little is left up to its limit"));
    assert_null(strstr(alert->todo[0], "Nothing at once"));
    free(alert);
}

/* A service's name may have 256 characters: the line is cut then, and says so. */
static void test_an_advice_that_is_too_long_says_so(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_CLIENT;
    alert->incident.exhaustion_early_utc_ms = INT64_MAX;
    memset(alert->incident.service, 'S', sizeof alert->incident.service - 1);
    advice_add(alert, &config, false);
    assert_int_equal(strlen(alert->todo[0]), ALERT_LINE_MAX - 1);
    assert_string_equal(alert->todo[0] + ALERT_LINE_MAX - 5, "S...");
    free(alert);
}

/* What is being restarted is not to be restarted: while its stop hangs its process is what can be ended. */
static void test_the_advice_knows_a_stop_that_hangs(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_REMINDER;
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_CLIENT;
    text_copy(alert->service, sizeof alert->service, "ArchiveSvc");
    alert->service_state = SERVICE_STATE_STOP_PENDING;
    advice_add(alert, &config, true);
    assert_non_null(strstr(alert->todo[0], "ArchiveSvc can be started only when its process has ended"));
    free(alert);
}

/* "before 2280-01-18 14:03:31 UTC" is no deadline. */
static void test_the_advice_has_a_deadline_only_when_it_is_one(void **state)
{
    (void)state;
    struct config config;
    configure(&config);
    struct alert *alert = calloc(1, sizeof *alert);
    alert->kind = ALERT_OPENED;
    alert->utc_ms = INT64_C(1767225600000);
    alert->has_incident = true;
    alert->incident.target_kind = TARGET_CLIENT;
    alert->incident.metric = METRIC_HANDLES;
    text_copy(alert->incident.service, sizeof alert->incident.service, "ArchiveSvc");
    alert->incident.exhaustion_early_utc_ms = alert->utc_ms + 365 * MS_PER_DAY;
    advice_add(alert, &config, false);
    assert_string_equal(alert->todo[0], "Restart the service \"ArchiveSvc\" before 2027-01-01; the "
                                        "Information Store can stay up.");
    alert->todo_count = 0;
    alert->incident.exhaustion_early_utc_ms += 253 * 365 * MS_PER_DAY;
    advice_add(alert, &config, false);
    assert_string_equal(alert->todo[0], "Restart the service \"ArchiveSvc\" (more than a year is left); the "
                                        "Information Store can stay up.");
    alert->todo_count = 0;
    alert->incident.exhaustion_utc_ms = INT64_MAX; /* it hardly grows */
    advice_add(alert, &config, false);
    assert_string_equal(alert->todo[0],
                        "Restart the service \"ArchiveSvc\"; the Information Store can stay up.");
    free(alert);
}

/* The siblings of KB 898782: objects that the store keeps for a client that forgets them, and hardly a byte.
 */
static void test_the_mail_names_who_makes_the_store_s_handles_grow(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000, .handles_leaked = 240, .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 50, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    struct config config;
    configure(&config);
    config.mode = MODE_ALERT;
    struct engine *engine = engine_new(&config, "EX1");
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    assert_true(run_until(f, engine, actors, ARRAY_COUNT(actors), ALERT_OPENED, actions, alert));
    assert_int_equal(alert->incident.target_kind, TARGET_STORE);
    assert_int_equal(alert->incident.metric, METRIC_HANDLES);
    const struct culprit *first = first_by_itself(&alert->ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "archive.exe");
    assert_true(isnan(first->bytes_a_handle)); /* what grows is handles */
    assert_non_null(strstr(alert->ranking.words, "archive.exe (pid 104, the client \"archive\"): it grew "));
    assert_non_null(strstr(alert->ranking.words, " handles in the same "));
    assert_null(strstr(alert->ranking.words, "for each handle"));
    assert_non_null(
        strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104)"));
    assert_non_null(strstr(alert->done[0], "the suspected client archive comes first, and waits: mode: "));
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    const char *who = strstr(mail.plain, "\nWho ");
    assert_non_null(who);
    assert_non_null(strstr(who, "archive.exe (pid 104, the"));
    who = strstr(mail.plain, "Who grew in the same time\n  - archive.exe, pid 104: ");
    assert_non_null(who);
    assert_non_null(strstr(who, "\n    by "));
    assert_non_null(strstr(who, " handles; in step "));
    mail_deinit(&mail);
    char storage[REPORT_EVENT_MAX];
    struct text event = text_on(storage, sizeof storage);
    report_event(alert, &event);
    assert_non_null(strstr(storage, "\nWho: "));
    assert_non_null(strstr(storage, "archive.exe (pid 104, the client \"archive\"): it grew "));
    free(alert);
    free(actions);
    engine_free(engine);
}

static struct open_incident *incident_of_the_store(struct engine *engine)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id && engine->incidents[i].incident.target_kind == TARGET_STORE)
            return &engine->incidents[i];
    return NULL;
}

/* Two clients of which neither is accused alone: one after the other, the larger part first, is cheaper than
 * the store; who was restarted for it has its turn behind it. */
static void test_of_two_culprits_each_has_its_turn(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = 60 * MIB,
         .handles_leaked = 20,
         .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 20, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    struct config config;
    configure(&config);
    config.client_count = 2;
    text_copy(config.clients[1].name, sizeof config.clients[1].name, "fax");
    text_copy(config.clients[1].service, sizeof config.clients[1].service, "FaxSvc");
    struct engine *engine = engine_new(&config, "EX1");
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    assert_true(run_until(f, engine, actors, ARRAY_COUNT(actors), ALERT_OPENED, actions, alert));
    struct open_incident *open = incident_of_the_store(engine);
    assert_non_null(open);
    /* what culprit_rank says of two (the tests above) */
    struct culprit first = open->ranking.items[0], second = first;
    second.process.pid++;
    text_copy(second.image, sizeof second.image, "fax.exe");
    text_copy(second.target, sizeof second.target, "fax");
    text_copy(second.service, sizeof second.service, "FaxSvc");
    first.confidence = second.confidence = CULPRIT_POSSIBLE;
    struct culprit_ranking *ranking = &open->ranking;
    ranking->items[0] = first;
    ranking->items[1] = second;
    ranking->count = ranking->together = 2;
    ranking->either = true;
    ranking->together_confidence = CULPRIT_LIKELY;
    struct step step = {
        engine, f->observation, {f->observation->mono_ms, f->observation->utc_ms, 0, 600}, actions};
    struct policy_suspect suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "ArchiveSvc");
    assert_string_equal(suspect.surely, "likely");
    assert_false(suspect.another);
    alert->ranking = *ranking;
    alert->todo_count = 0;
    advice_add(alert, &config, false);
    assert_non_null(strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104) "
                                           "likely is the cause, or the other one named, or both"));
    assert_non_null(strstr(
        alert->todo[1], "When it goes on growing then, restart the service \"FaxSvc\": fax.exe (pid 105)"));
    assert_non_null(
        strstr(alert->todo[2], "When it goes on growing then, restart MSExchangeIS in a quiet hour"));

    /* Two processes of one client: its restart restarts both. */
    text_copy(alert->ranking.items[1].service, sizeof second.service, "archivesvc");
    alert->todo_count = 0;
    alert->incident.escalated = true;
    text_copy(alert->veto_process, sizeof alert->veto_process, "eseutil.exe");
    advice_add(alert, &config, false);
    assert_non_null(
        strstr(alert->todo[0],
               "First, when eseutil.exe has ended, restart the service \"ArchiveSvc\": archive.exe"));
    assert_non_null(
        strstr(alert->todo[1], "When it goes on growing then, restart MSExchangeIS at once, at the latest"));

    open->incident.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    ranking->items[0].process.created_100ns =
        process_created_100ns(open->incident.opened_utc_ms + 1000); /* restarted */
    suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "FaxSvc");
    assert_true(suspect.another);
    ranking->items[1].process.created_100ns = ranking->items[0].process.created_100ns;
    suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "");
    assert_false(suspect.another);
    free(alert);
    free(actions);
    engine_free(engine);
}

static void test_the_machine_s_alert_names_the_unregistered(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600},
        {.image = "<foo>.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 90 * MIB}};
    struct config config;
    configure(&config);
    struct engine *engine = engine_new(&config, "EX1");
    struct actions *actions = calloc(1, sizeof *actions);
    struct alert *alert = calloc(1, sizeof *alert);
    assert_true(run_until(f, engine, actors, ARRAY_COUNT(actors), ALERT_OPENED, actions, alert));
    assert_int_equal(alert->incident.target_kind, TARGET_HOST);
    assert_non_null(strstr(alert->ranking.words,
                           "Nearly certainly an unregistered process <foo>.exe (pid 108): it grew "));
    assert_non_null(strstr(alert->todo[0], "Look at <foo>.exe (pid 108)"));
    assert_non_null(strstr(alert->todo[1], "Do that ")); /* by when: the machine has an end, too */
    assert_int_equal(actions->request.kind, ENGINE_NOTHING);
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    assert_non_null(strstr(mail.html, "&lt;foo&gt;.exe, pid 108, not registered"));
    assert_null(strstr(mail.html, "<foo>"));
    mail_deinit(&mail);
    free(alert);
    free(actions);
    engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_slot_is_the_mean_of_its_polls_at_every_level, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_gap_stays_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_ends_goes_and_a_reused_pid_is_another, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_small_make_room_for_the_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_ended_has_a_place_while_there_is_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_watched_is_followed_however_small, setup, teardown),
        cmocka_unit_test(test_an_onset_is_found_with_an_interval_that_holds_it),
        cmocka_unit_test_setup_teardown(test_one_that_has_ended_is_named_for_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_is_named_for_what_goes_on_after_its_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_those_of_one_client_that_was_recycled_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_young_successor_does_not_acquit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_next_one_is_not_blamed_for_its_warm_up, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_store_waits_when_who_is_named_has_ended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_is_named_with_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_unregistered_process_is_named_as_such, setup, teardown),
        cmocka_unit_test(test_a_share_in_words),
        cmocka_unit_test_setup_teardown(test_the_store_may_grow_by_its_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_is_named_for_the_growth_of_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_leaks_by_its_own_verdict_needs_less, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_past_that_is_told_is_as_one_that_was_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_that_was_started_in_the_middle_is_measured_since_then, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_processes_of_one_client_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_processes_of_one_client_stay_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_processes_of_one_client_are_no_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_processes_of_one_client_are_seen_behind_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_processes_of_a_program_have_their_share_together, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_few_of_a_program_are_named_by_themselves, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_are_named_together_with_their_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_two_each_is_told_with_its_time, setup, teardown),
        cmocka_unit_test(test_a_doubt_says_whose_it_is),
        cmocka_unit_test(test_a_part_is_told_as_a_part),
        cmocka_unit_test_setup_teardown(test_no_part_is_more_than_all_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_clients_are_named_together_for_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_that_move_alike_are_not_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_holds_handles_is_named_for_the_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_store_can_hold_the_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pause_and_a_reload_forget_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_has_ended_is_named_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_is_named_for_a_driver_s_pool, setup, teardown),
        cmocka_unit_test(test_a_pool_s_alert_says_what_to_look_at),
        cmocka_unit_test(test_the_advice_knows_what_is_left),
        cmocka_unit_test(test_an_advice_that_is_too_long_says_so),
        cmocka_unit_test(test_the_advice_names_a_column_that_is_there),
        cmocka_unit_test(test_the_advice_has_a_deadline_only_when_it_is_one),
        cmocka_unit_test(test_the_advice_knows_a_stop_that_hangs),
        cmocka_unit_test_setup_teardown(test_few_handles_do_not_hold_a_driver_s_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_is_named_for_a_cache, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nobody_is_named_for_load, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_short_a_past_names_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_store_s_alert_names_the_client_and_the_ladder_begins_with_it,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_mail_names_who_makes_the_store_s_handles_grow, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_of_two_culprits_each_has_its_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_machine_s_alert_names_the_unregistered, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_report_page.c - the HTML report: well-formed whatever the numbers and names are, gaps stay gaps, what
 * is drawn is what was given. How it looks is for people's eyes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/report.h"

#define NOW INT64_C(1795317245000) /* 2026-11-22 03:14:05 UTC */
#define DEPTH_MAX 32

/* Every element is closed in order (the void <meta> and self-closed ones apart), attributes are quoted, no
 * number is none. */
static void assert_page(const char *page)
{
    char open[DEPTH_MAX][16];
    size_t depth = 0;
    for (const char *at = page; (at = strchr(at, '<')) != NULL;) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        const size_t name = strcspn(at + 1, " />\n");
        if (at[1] == '!') {
            at = end;
        } else if (at[1] == '/') {
            const size_t length = (size_t)(end - at - 2);
            assert_true(depth > 0 && strlen(open[depth - 1]) == length &&
                        memcmp(open[depth - 1], at + 2, length) == 0);
            depth--;
            at = end;
        } else {
            size_t quotes = 0;
            for (const char *c = at; c < end; c++)
                quotes += *c == '"' ? 1 : 0;
            assert_int_equal(quotes % 2, 0);
            if (end[-1] != '/' && memcmp(at + 1, "meta", 4) != 0) {
                assert_true(depth < DEPTH_MAX && name < sizeof(open[0]));
                memcpy(open[depth], at + 1, name);
                open[depth++][name] = '\0';
            }
            at = end;
        }
    }
    assert_int_equal(depth, 0);
    static const char *const never[] = {"<script", "javascript:", "nan",    "inf%", "inf\"",
                                        "inf ",    "http:",       "https:", "\x01"};
    for (size_t i = 0; i < ARRAY_COUNT(never); i++)
        if (strstr(page, never[i]) != NULL)
            fail_msg("%s in the page: %.200s", never[i], strstr(page, never[i]));
}

static size_t count_of(const char *page, const char *what)
{
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, what)) != NULL; at++)
        count++;
    return count;
}

static char *page_of(const struct report_series *series)
{
    struct buffer page = {0};
    report_page_begin(&page, "Report", "EX1", NOW, "all is well");
    report_page_series(&page, series);
    report_page_end(&page);
    char *text = buffer_take(&page);
    assert_non_null(text);
    assert_page(text);
    return text;
}

static struct verdict growth(void)
{
    struct verdict verdict = {
        .state = VERDICT_UNBOUNDED,
        .shape = SHAPE_GROWTH,
        .at_ms = NOW,
        .onset_ms = NOW - 10 * MS_PER_HOUR,
        .value = 1.5 * GIB,
        .slope_per_hour = 50.0 * MIB,
        .slope_low_per_hour = 45.0 * MIB,
        .slope_high_per_hour = 55.0 * MIB,
        .growth = 500.0 * MIB,
        .limit = 2.0 * GIB,
        .limit_name = "address space",
        .exhaustion_ms = NOW + 10 * MS_PER_HOUR,
        .exhaustion_early_ms = NOW + 9 * MS_PER_HOUR,
        .exhaustion_late_ms = NOW + 11 * MS_PER_HOUR,
        .fit_from_ms = NOW - 10 * MS_PER_HOUR,
        .fit_from = 1.0 * GIB,
        .fit_to = 1.5 * GIB,
        .change_count = 2,
        .change_ms = {NOW - 10 * MS_PER_HOUR, NOW - 90 * MS_PER_DAY}, /* the second is out of sight */
        .sample_count = 5760,
        .unknown_count = 3,
        .reason = "it grows",
    };
    return verdict;
}

#define POINTS 41
static void rising(struct series_point *points)
{
    for (int i = 0; i < POINTS; i++) {
        const double level = 1.0 * GIB + i * 12.0 * MIB;
        points[i] = (struct series_point){NOW - (POINTS - 1 - i) * 15 * MS_PER_MINUTE, level - MIB, level,
                                          level + MIB};
    }
}

static void a_leak(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    const struct verdict verdict = growth();
    const struct report_mark marks[] = {{NOW - MS_PER_HOUR, "incident 12 opened", SEVERITY_WARNING},
                                        {NOW - MS_PER_HOUR + 1, "restart <1>", SEVERITY_ERROR},
                                        {NOW - 90 * MS_PER_DAY, "long ago", SEVERITY_INFORMATION}};
    char *page = page_of(&(struct report_series){"store.exe", "since yesterday", UNIT_BYTES, points, POINTS,
                                                 &verdict, marks, 3, false, 0, 0});
    assert_non_null(strstr(page, "<span class=\"badge unbounded\">unbounded</span> growth"));
    assert_non_null(strstr(page, "<dt>slope (interval)</dt><dd>50.0 MiB/h (45.0 to 55.0)</dd>"));
    assert_non_null(strstr(page, "<dt>limit</dt><dd>2.00 GiB (address space)</dd>"));
    assert_non_null(strstr(page, "<dt>time left</dt><dd>10 h</dd>"));
    assert_non_null(strstr(page, "<dt>limit reached</dt><dd>2026-11-22 13:14:05 UTC</dd>"));
    assert_non_null(strstr(page, "<dt>samples</dt><dd>5,760, and 3 unknown</dd>"));
    /* what was measured lies above the line that was laid through it */
    assert_true(strstr(page, "<path class=\"mean\"") > strstr(page, "<path class=\"fit\""));
    /* one run of the mean with its band, one fit, fan, forecast and limit, the one change point in sight */
    assert_int_equal(count_of(page, "<path class=\"mean\" d=\"M0.0 "), 1);
    assert_int_equal(count_of(page, "<path class=\"band\" d=\"M0.0 "), 1);
    assert_int_equal(count_of(page, "<path class=\"fit\" d=\"M0.0 "), 1);
    assert_int_equal(count_of(page, "<path class=\"fan\" d=\"M0.0 "), 1);
    assert_int_equal(count_of(page, "<line class=\"limit\""), 1);
    assert_int_equal(count_of(page, "<line class=\"change\""), 1);
    /* the time axis goes on to where the limit is reached at the latest: 21 h and a bit, so now is at 46.5 %
     */
    assert_non_null(strstr(page, "<path class=\"forecast\" d=\"M467.3 "));
    assert_non_null(strstr(page, ">2.0 GiB</text>"));
    /* two marks in sight in different rows, all three in the list */
    assert_int_equal(count_of(page, "<g class=\"mark "), 2);
    assert_int_equal(count_of(page, "cy=\"10\""), 1);
    assert_int_equal(count_of(page, "cy=\"30\""), 1);
    assert_int_equal(
        count_of(page, "<li class=\"warning\"><span><time>2026-11-22 02:14:05 UTC</time> incident 12 opened"),
        1);
    assert_non_null(strstr(page, "restart &lt;1&gt;"));
    assert_non_null(strstr(page, "long ago"));
    free(page);
}

static void a_limit_that_is_reached(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    struct verdict verdict = growth();
    verdict.exhaustion_ms = verdict.exhaustion_early_ms = verdict.exhaustion_late_ms = verdict.at_ms;
    char *page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_non_null(strstr(page, "<dt>limit reached</dt><dd>already</dd>"));
    assert_null(strstr(page, "at the earliest"));
    free(page);
}

/* Of a process that is no longer there nothing is foreseen; what ended it stands at the edge of its chart. */
static void a_leak_that_was_ended(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    const struct verdict verdict = growth();
    const struct report_mark marks[] = {{NOW + 2 * MS_PER_MINUTE, "restart", SEVERITY_WARNING},
                                        {NOW + 5 * MS_PER_HOUR, "long after", SEVERITY_INFORMATION}};
    char *page = page_of(&(struct report_series){"store.exe", "ended", UNIT_BYTES, points, POINTS, &verdict,
                                                 marks, 2, true, 0, 0});
    assert_non_null(strstr(page, "<dt>last level</dt>"));
    assert_non_null(strstr(page, "<path class=\"fit\""));
    assert_null(strstr(page, "<path class=\"forecast\""));
    assert_null(strstr(page, "<dt>time left</dt>"));
    assert_null(strstr(page, "<dt>limit reached</dt>"));
    assert_int_equal(count_of(page, "<g class=\"mark "), 1);
    assert_non_null(strstr(page, "long after")); /* in the list */
    free(page);
}

static void a_far_limit_does_not_flatten_the_curve(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    struct verdict verdict = growth();
    verdict.limit = 64.0 * GIB;
    verdict.exhaustion_ms = NOW + 1000 * MS_PER_HOUR;
    verdict.exhaustion_early_ms = NOW + 900 * MS_PER_HOUR;
    verdict.exhaustion_late_ms = INT64_MAX;
    char *page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_int_equal(count_of(page, "<line class=\"limit\""), 0);
    assert_int_equal(count_of(page, "<path class=\"forecast\" d=\"M833.3 "),
                     1); /* a fifth of the time is forecast */
    assert_non_null(strstr(page, "<dd>not foreseeable</dd>"));
    free(page);
}

/* Nor does a late bound that is far: the axis ends after the limit is reached, 10 h and a little after 10 h. */
static void a_far_late_bound_does_not_flatten_the_curve(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    struct verdict verdict = growth();
    verdict.exhaustion_late_ms = NOW + 100 * MS_PER_HOUR;
    char *page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_non_null(strstr(page, "<path class=\"forecast\" d=\"M490.2 "));
    free(page);
}

/* Of many time marks a phone shows every second one, of few all. */
static void time_marks_on_a_phone(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    for (size_t count = 10; count <= 30; count += 20) { /* half hours, then hours */
        char *page = page_of(
            &(struct report_series){"store.exe", "", UNIT_BYTES, points, count, NULL, NULL, 0, false, 0, 0});
        assert_int_equal(strstr(page, "<g class=\"minor\">") != NULL, count == 30);
        free(page);
    }
}

static void a_bounded_series_has_no_forecast(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    struct verdict verdict = growth();
    verdict.state = VERDICT_BOUNDED;
    verdict.shape = SHAPE_PLATEAU;
    verdict.exhaustion_ms = INT64_MAX;
    char *page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_non_null(strstr(page, "<span class=\"badge bounded\">bounded</span> plateau"));
    assert_null(strstr(page, "class=\"fan\" d=\"M0.0"));
    assert_null(strstr(page, "class=\"forecast\" d=\"M"));
    assert_null(strstr(page, "limit reached"));
    assert_non_null(strstr(page, "class=\"fit\" d=\"M0.0"));
    free(page);
    verdict.slope_low_per_hour = -5.0 * MIB; /* a trend that may be none is not drawn */
    page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_null(strstr(page, "class=\"fit\" d=\"M0.0"));
    free(page);
    verdict.state = VERDICT_LEARNING;
    verdict.shape = SHAPE_UNKNOWN;
    page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, &verdict, NULL, 0, false, 0, 0});
    assert_null(strstr(page, "class=\"fit\" d=\"M0.0"));
    assert_non_null(strstr(page, "<span class=\"badge learning\">learning</span> </p>"));
    free(page);
}

static void gaps_stay_gaps(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    for (int i = 20; i < POINTS; i++)
        points[i].t_ms += 15 * MS_PER_MINUTE;                 /* one missing */
    points[30].low = points[30].mean = points[30].high = NAN; /* one unknown */
    points[32].mean = NAN;                                    /* leaves 31 alone: a dot */
    char *page = page_of(
        &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS, NULL, NULL, 0, false, 0, 0});
    assert_int_equal(count_of(page, "<path class=\"mean\" d=\"M"), 3 + 1); /* and the one of the key */
    assert_int_equal(count_of(page, "<path class=\"dot\""), 1);
    free(page);
}

static void a_page_is_bounded(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    struct series_point *points = calloc(MANY, sizeof(*points));
    assert_non_null(points);
    for (int i = 0; i < MANY; i++) {
        const double level = 1e9 + (i % 97) * 1e6;
        points[i] = (struct series_point){NOW + i * 1000, level, level, level};
    }
    points[50000].low = points[50000].mean = 5e7; /* one outlier, which must not get lost */
    char *page =
        page_of(&(struct report_series){"many", "", UNIT_BYTES, points, MANY, NULL, NULL, 0, false, 0, 0});
    assert_in_range(strlen(page), 10000, 150000);
    assert_non_null(strstr(page, " 969.0L")); /* 5e7 on an axis from 0 to 1.5 GiB */
    free(page);
    for (int i = 60001; i < MANY; i++)
        points[i].t_ms += MS_PER_HOUR; /* among points that are drawn as one */
    page = page_of(&(struct report_series){"many", "", UNIT_BYTES, points, MANY, NULL, NULL, 0, false, 0, 0});
    assert_int_equal(count_of(page, "<path class=\"mean\" d=\"M"), 2 + 1); /* and the one of the key */
    free(page);
    free(points);
}

static void empty_and_odd(void **state)
{
    (void)state;
    struct series_point points[POINTS] = {{NOW, NAN, NAN, NAN}};
    struct verdict verdict = {.state = VERDICT_LEARNING,
                              .value = NAN,
                              .slope_per_hour = NAN,
                              .limit = NAN,
                              .exhaustion_ms = INT64_MAX};
    char *page =
        page_of(&(struct report_series){"none", "", UNIT_BYTES, points, 0, &verdict, NULL, 0, false, 0, 0});
    assert_non_null(strstr(page, "No known sample"));
    free(page);
    page = page_of(&(struct report_series){"unknown", "", UNIT_BYTES, points, 1, NULL, NULL, 0, false, 0, 0});
    assert_non_null(strstr(page, "No known sample"));
    free(page);
    points[0] = (struct series_point){NOW, 5, 5, 5};
    page = page_of(&(struct report_series){"one", "", UNIT_HANDLES, points, 1, NULL, NULL, 0, false, 0, 0});
    assert_int_equal(count_of(page, "<path class=\"dot\""), 1);
    free(page);
}

/* Numbers of any size in every place. */
static void random_numbers(void **state)
{
    (void)state;
    static const double numbers[] = {NAN,    INFINITY, -INFINITY, 0.0,    1.0, -1.0,
                                     1e-300, 1e300,    -1e300,    4096.0, 1e9, 0.3};
    static const int64_t times[] = {0,
                                    1,
                                    NOW,
                                    NOW + 1,
                                    NOW + 3600000,
                                    NOW + 86400000 * INT64_C(4000),
                                    -1,
                                    -62135596800000,
                                    253402300799000};
    srand(4711);
    for (int round = 0; round < 3000; round++) {
#define NUMBER() numbers[(size_t)rand() % ARRAY_COUNT(numbers)]
#define TIME() times[(size_t)rand() % ARRAY_COUNT(times)]
        struct series_point points[6];
        int64_t t_ms = TIME();
        const size_t count = (size_t)rand() % (ARRAY_COUNT(points) + 1);
        for (size_t i = 0; i < count; i++) {
            points[i] = (struct series_point){t_ms, NUMBER(), NUMBER(), NUMBER()};
            t_ms += rand() % 100000;
        }
        struct verdict verdict = {
            .state = (enum verdict_state)(rand() % 3),
            .at_ms = TIME(),
            .onset_ms = TIME(),
            .value = NUMBER(),
            .slope_per_hour = NUMBER(),
            .slope_low_per_hour = NUMBER(),
            .slope_high_per_hour = NUMBER(),
            .limit = NUMBER(),
            .limit_name = rand() % 2 ? NULL : "%s<",
            .exhaustion_ms = rand() % 2 ? INT64_MAX : TIME(),
            .exhaustion_early_ms = TIME(),
            .exhaustion_late_ms = INT64_MAX,
            .fit_from_ms = TIME(),
            .fit_from = NUMBER(),
            .fit_to = NUMBER(),
            .change_count = 1,
            .change_ms = {TIME()},
        };
        const struct report_mark mark = {TIME(), "mark", SEVERITY_ERROR};
        free(page_of(&(struct report_series){"odd", "", (enum unit)(rand() % 3), points, count, &verdict,
                                             &mark, 1, rand() % 2 == 0, 0, 0}));
    }
}

static void hostile_texts(void **state)
{
    (void)state;
    struct buffer page = {0};
    const char evil[] = "</title></style><script>x</script>\"'&\r\n\x01\xFF";
    const struct series_point points[2] = {{NOW, 1, 1, 1}, {NOW + 1000, 2, 2, 2}};
    struct verdict verdict = growth();
    verdict.limit = 2.0;
    verdict.limit_name = evil;
    text_copy(verdict.reason, sizeof(verdict.reason), evil);
    const char *const evils[] = {evil, evil};
    struct report_table table;
    struct report_mark mark = {NOW, "", SEVERITY_ERROR};
    text_copy(mark.text, sizeof(mark.text), evil);
    report_page_begin(&page, evil, evil, NOW, evil);
    report_page_series(
        &page, &(struct report_series){evil, evil, UNIT_OTHER, points, 2, &verdict, &mark, 1, false, 0, 0});
    report_table_begin(&table, &page, evil, evil, evils, 2, 1);
    report_table_row(&table, evils, SEVERITY_ERROR);
    report_table_end(&table, evil);
    report_page_end(&page);
    char *text = buffer_take(&page);
    assert_page(text);
    assert_int_equal(count_of(text, "</style>"), 1);
    assert_int_equal(count_of(text, "</title>"), 1);
    free(text);
}

/* A row for each name, bars within the time shown, a line for each restart. */
static void timeline(void **state)
{
    (void)state;
    static const struct report_span spans[] = {
        {"handles of <b>", NOW, NOW + 1000, NOW + 2000},
        {"handles of <b>", NOW + 4000, NOW + 5000, INT64_MAX},
        {"system commit", NOW - 9000, NOW - 8000, NOW - 7000}, /* before the time shown */
        {"paged pool", NOW - 9000, NOW - 8000, NOW + 10000},
    };
    static const struct report_mark marks[] = {{NOW + 3000, "restart of <b>", SEVERITY_WARNING}};
    struct buffer page = {0};
    report_page_timeline(&page,
                         &(struct report_timeline){NOW, NOW + 10000, spans, ARRAY_COUNT(spans), marks, 1});
    static const char *const wanted[] = {
        "height=\"194\"", /* 48 for the marks, 3 rows, the axis */
        ">handles of &lt;b&gt;</text>\n<rect class=\"grew\" x=\"0.000%\" width=\"10.000%\"",
        "<rect class=\"closed\" x=\"10.000%\" width=\"10.000%\" y=\"66\"",
        "<rect class=\"open\" x=\"50.000%\" width=\"50.000%\" y=\"66\"",
        ">system commit</text>\n<text",
        ">paged pool</text>\n<rect class=\"closed\" x=\"0.000%\" width=\"100.000%\"",
        "x1=\"30.000%\"",
        "restart of &lt;b&gt;</span>",
        "incident, ended</li>",
        "incident, still open</li>",
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        if (strstr(page.data, wanted[i]) == NULL)
            fail_msg("%s is not in %s", wanted[i], page.data);
    page.length = 0;
    page.data[0] = '\0';
    report_page_timeline(&page, &(struct report_timeline){.from_utc_ms = NOW, .to_utc_ms = NOW + 10000});
    report_page_timeline(&page, &(struct report_timeline){NOW, NOW, spans, 1, marks, 1});
    assert_string_equal(page.data, "");
    buffer_deinit(&page);
}

static void tables(void **state)
{
    (void)state;
    struct buffer page = {0};
    static const char *const columns[] = {"when", "what", "where"};
    static const char *const first[] = {"2026-11-22 03:14:05 UTC", "restart 3", "here\nthere"};
    struct report_table table;
    report_page_begin(&page, "t", "", NOW, "one\ntwo");
    report_table_begin(&table, &page, "Incidents", "since then", columns, 3, 1);
    report_table_row(&table, first, SEVERITY_WARNING);
    report_table_end(&table, "nothing");
    report_table_begin(&table, &page, "Restarts", "", columns, 3, SIZE_MAX);
    report_table_end(&table, NULL);
    report_table_begin(&table, &page, "Mails", "", columns, 3, SIZE_MAX);
    report_table_end(&table, "Not a single one.");
    report_page_end(&page);
    char *text = buffer_take(&page);
    assert_page(text);
    assert_non_null(strstr(text, "<p>one</p><p>two</p>"));
    assert_non_null(strstr(text, "<h2>Incidents</h2>\n<p class=\"muted\">since then</p>"));
    assert_non_null(strstr(text, "<tr><th>when</th><th>what</th><th>where</th></tr>"));
    assert_non_null(strstr(text, "<td data-label=\"when\" class=\"piece\">2026-11-22 03:14:05 UTC</td>"
                                 "<td data-label=\"what\" class=\"word warning\">restart 3</td>"
                                 "<td data-label=\"where\" class=\"piece\"><p class=\"piece\">here</p><p "
                                 "class=\"piece\">there</p></td>"));
    assert_null(strstr(text, "nothing"));
    assert_non_null(strstr(text, "<h2>Restarts</h2>\n<p class=\"muted\">None.</p>"));
    assert_non_null(strstr(text, "<h2>Mails</h2>\n<p class=\"muted\">Not a single one.</p>"));
    free(text);
}

static void long_lines_stay_whole(void **state)
{
    (void)state;
    struct buffer page = {0};
    char words[2000];
    memset(words, 'w', sizeof(words));
    text_copy(&words[sizeof(words) - 8], 8, "end\nof");
    static const char *const columns[] = {"what"};
    const char *const row[] = {words};
    struct report_table table;
    report_page_begin(&page, "t", "", NOW, words);
    report_table_begin(&table, &page, "Long", "", columns, 1, SIZE_MAX);
    report_table_row(&table, row, SEVERITY_WARNING);
    report_table_end(&table, NULL);
    report_page_end(&page);
    char *text = buffer_take(&page);
    assert_page(text);
    assert_non_null(strstr(text, "wend</p><p>of</p></div>"));
    assert_non_null(strstr(text, "wend</p><p class=\"piece\">of</p></td>"));
    free(text);
}

/* A buffer that is full fails and stays what it is: no crash, no half-written page taken for a whole one. */
static void a_full_buffer_fails(void **state)
{
    (void)state;
    struct series_point points[POINTS];
    rising(points);
    const struct verdict verdict = growth();
    for (size_t limit = 1; limit < 30000; limit += 977) {
        struct buffer page = {.limit = limit};
        report_page_begin(&page, "Report", "EX1", NOW, "all is well");
        report_page_series(&page, &(struct report_series){"store.exe", "", UNIT_BYTES, points, POINTS,
                                                          &verdict, NULL, 0, false, 0, 0});
        report_page_end(&page);
        char *text = buffer_take(&page);
        if (text != NULL)
            assert_page(text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak),
        cmocka_unit_test(a_limit_that_is_reached),
        cmocka_unit_test(a_leak_that_was_ended),
        cmocka_unit_test(a_far_limit_does_not_flatten_the_curve),
        cmocka_unit_test(a_far_late_bound_does_not_flatten_the_curve),
        cmocka_unit_test(time_marks_on_a_phone),
        cmocka_unit_test(a_bounded_series_has_no_forecast),
        cmocka_unit_test(gaps_stay_gaps),
        cmocka_unit_test(a_page_is_bounded),
        cmocka_unit_test(empty_and_odd),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(hostile_texts),
        cmocka_unit_test(timeline),
        cmocka_unit_test(tables),
        cmocka_unit_test(long_lines_stay_whole),
        cmocka_unit_test(a_full_buffer_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

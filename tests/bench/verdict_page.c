/* verdict_page SET PAGE.html SUMMARY: charts of series of a set (see verdict_alarms.c) by the product's own
 * report, one for each line of standard input: number of the series, title, subtitle, then marks
 * ("MILLISECONDS SEVERITY TEXT"), parted by tabs. tests/bench/verdict shows the failures of the verdict so.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storewatch/config.h"
#include "storewatch/report.h"

#define LINE_MAX_BYTES 16384
#define POINTS 512

struct sample_read {
    int64_t t_ms;
    double value;
};

static void fail(const char *what)
{
    fprintf(stderr, "verdict_page: %s\n", what);
    exit(3);
}

/* Puts the file at the samples of series `number`. */
static void find(FILE *set, size_t number, int32_t out_head[2], double *out_limit)
{
    rewind(set);
    for (size_t i = 0;; i++) {
        if (fread(out_head, sizeof *out_head, 2, set) != 2 ||
            fread(out_limit, sizeof *out_limit, 1, set) != 1 || out_head[0] < 0)
            fail("the set has no such series");
        if (i == number)
            return;
        if (fseek(set, (long)((size_t)out_head[0] * sizeof(struct sample_read)), SEEK_CUR) != 0)
            fail("the set ends early");
    }
}

static size_t marks_parse(char *text, struct report_mark out[REPORT_MARKS_MAX])
{
    size_t count = 0;
    for (char *mark = strtok(text, "\t"); mark != NULL && count < REPORT_MARKS_MAX;
         mark = strtok(NULL, "\t")) {
        char severity[16];
        int at = 0;
        struct report_mark *m = &out[count++];
        if (sscanf(mark, "%" SCNd64 " %15s %n", &m->utc_ms, severity, &at) != 2)
            fail("a mark is malformed");
        text_copy(m->text, sizeof m->text, mark + at);
        m->severity = strcmp(severity, "error") == 0 ? SEVERITY_ERROR : SEVERITY_WARNING;
    }
    return count;
}

static void chart(struct buffer *page, FILE *set, char *line)
{
    char *fields[3];
    for (size_t i = 0; i < 3; i++) {
        fields[i] = line;
        line = strchr(line, '\t');
        if (line == NULL && i < 2)
            fail("a line is malformed");
        if (line != NULL)
            *line++ = '\0';
    }
    int32_t head[2];
    double limit;
    find(set, strtoul(fields[0], NULL, 10), head, &limit);
    struct config defaults;
    config_default(&defaults);
    const struct verdict_settings settings = {
        .unit = (enum unit)head[1], .confidence_pct = defaults.confidence_pct, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    if (detector == NULL)
        fail("out of memory");
    if (!isnan(limit))
        detector_set_limit(detector, (struct verdict_limit){.value = limit, .name = "the given limit"});
    for (int32_t i = 0; i < head[0]; i++) {
        struct sample_read sample;
        if (fread(&sample, sizeof sample, 1, set) != 1)
            fail("the set ends early");
        detector_push(detector, sample.t_ms, sample.value);
    }
    static struct series_point points[POINTS];
    struct report_mark marks[REPORT_MARKS_MAX];
    struct verdict verdict;
    detector_verdict(detector, &verdict);
    const struct report_series series = {.title = fields[1],
                                         .subtitle = fields[2],
                                         .unit = settings.unit,
                                         .points = points,
                                         .point_count = detector_points(detector, points, POINTS),
                                         .verdict = &verdict,
                                         .marks = marks,
                                         .mark_count = line != NULL ? marks_parse(line, marks) : 0};
    report_page_series(page, &series);
    detector_free(detector);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        fail("SET PAGE.html SUMMARY wanted");
    FILE *set = fopen(argv[1], "rb"), *out = fopen(argv[2], "w");
    if (set == NULL || out == NULL)
        fail("a file cannot be opened");
    static char line[LINE_MAX_BYTES];
    struct buffer page = {0};
    report_page_begin(&page, "The failures of the verdict", "make bench-verdict",
                      (int64_t)time(NULL) * MS_PER_SECOND, argv[3]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        chart(&page, set, line);
    }
    report_page_end(&page);
    if (page.failed || fwrite(page.data, 1, page.length, out) != page.length || fclose(out) != 0)
        fail("the page cannot be written");
    buffer_deinit(&page);
    fclose(set);
    return 0;
}

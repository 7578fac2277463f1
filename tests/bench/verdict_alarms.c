/* verdict_alarms SET METHOD... : what storewatch (as `analyze` would) and the baselines raise on a set of
 * series, in one process: tests/bench/verdict makes the set and scores the answers.
 *
 * SET is a file of series: int32 samples, int32 unit, double limit (NAN = none), then for each sample int64
 * milliseconds and a double (NAN = missing). METHOD is storewatch or a name of baselines.h. PART=k/n in the
 * environment takes each n-th series from the k-th on. A line for each series and method: number, method,
 * state, times of the alarms, reason, parted by tabs.
 *
 * With -DTUNED, the constants of a verdict.c made for that are in verdict_tuned, and TUNED=a,b,... sets them.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baselines.h"
#include "storewatch/config.h"
#include "storewatch/verdict.h"

struct sample_read {
    int64_t t_ms;
    double value;
};

static void fail(const char *what)
{
    fprintf(stderr, "verdict_alarms: %s\n", what);
    exit(3);
}

static void storewatch(size_t number, const struct sample_read *sample, size_t n, enum unit unit,
                       double limit)
{
    struct config defaults;
    config_default(&defaults);
    const struct verdict_settings settings = {
        .unit = unit, .confidence_pct = defaults.confidence_pct, .learned_plateau = NAN};
    struct detector *detector = detector_new(&settings);
    if (detector == NULL)
        fail("out of memory");
    if (!isnan(limit))
        detector_set_limit(detector, (struct verdict_limit){.value = limit, .name = "the given limit"});
    printf("%zu\tstorewatch\t", number);
    enum verdict_state was = VERDICT_LEARNING;
    size_t alarms = 0;
    for (size_t i = 0; i < n; i++) {
        const enum verdict_state state = detector_push(detector, sample[i].t_ms, sample[i].value);
        if (state == VERDICT_UNBOUNDED && was != VERDICT_UNBOUNDED)
            printf("%s%" PRId64, alarms++ > 0 ? "," : "", sample[i].t_ms);
        was = state;
    }
    struct verdict verdict;
    detector_verdict(detector, &verdict);
    printf("\t%s\t%s\n", verdict_state_name(verdict.state), verdict.reason);
    detector_free(detector);
}

static void baseline(enum baseline which, size_t number, const struct sample_read *sample, size_t n,
                     double limit)
{
    double *t = malloc(n * sizeof *t), *v = malloc(n * sizeof *v), alarms[BASELINE_ALARMS_MAX];
    if (t == NULL || v == NULL)
        fail("out of memory");
    size_t known = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(sample[i].value)) {
            t[known] = (double)sample[i].t_ms / 1000;
            v[known++] = sample[i].value;
        }
    const size_t count = baseline_alarms(which, t, v, known, limit, alarms);
    printf("%zu\t%s\t", number, baseline_name(which));
    for (size_t i = 0; i < count; i++)
        printf("%s%.0f", i > 0 ? "," : "", alarms[i] * 1000);
    puts("\t\t");
    free(t);
    free(v);
}

#ifdef TUNED
extern double verdict_tuned[];

static void tune(const char *values)
{
    for (size_t k = 0; values != NULL && *values != '\0'; k++) {
        char *end;
        verdict_tuned[k] = strtod(values, &end);
        values = *end == ',' ? end + 1 : end;
    }
}
#endif

int main(int argc, char **argv)
{
    if (argc < 3)
        fail("SET METHOD... wanted");
#ifdef TUNED
    tune(getenv("TUNED"));
#endif
    FILE *file = fopen(argv[1], "rb");
    if (file == NULL)
        fail("the set cannot be read");
    unsigned part = 0, parts = 1;
    const char *wanted = getenv("PART");
    if (wanted != NULL && (sscanf(wanted, "%u/%u", &part, &parts) != 2 || part >= parts))
        fail("PART is k/n");
    int32_t head[2];
    double limit;
    for (size_t number = 0; fread(head, sizeof head, 1, file) == 1; number++) {
        const size_t n = (size_t)head[0];
        if (fread(&limit, sizeof limit, 1, file) != 1)
            fail("the set ends early");
        if (number % parts != part) {
            if (fseek(file, (long)(n * sizeof(struct sample_read)), SEEK_CUR) != 0)
                fail("the set ends early");
            continue;
        }
        struct sample_read *sample = malloc(n * sizeof *sample);
        if (sample == NULL || fread(sample, sizeof *sample, n, file) != n)
            fail("the set ends early");
        for (int k = 2; k < argc; k++) {
            int which = 0;
            while (which < BASELINE_COUNT && strcmp(argv[k], baseline_name((enum baseline)which)) != 0)
                which++;
            if (which < BASELINE_COUNT)
                baseline((enum baseline)which, number, sample, n, limit);
            else if (strcmp(argv[k], "storewatch") == 0)
                storewatch(number, sample, n, (enum unit)head[1], limit);
            else
                fail("a method is unknown");
        }
        free(sample);
    }
    fclose(file);
    return 0;
}

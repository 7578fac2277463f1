/* parse_rate.c FILE.csv - reads a counter log and does nothing with it; prints
 * "SECONDS ROWS COLUMNS CHECKSUM". Used by bench_analyze. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "storewatch/perfmon.h"

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: parse_rate FILE.csv\n");
        return 2;
    }
    const double begin_s = now_s();
    struct perfmon *reader = NULL;
    struct err err = {0};
    enum status status = perfmon_open(argv[1], &reader, &err);
    uint64_t rows = 0;
    double sum = 0.0; /* so that no value can be left unread */
    while (status == STATUS_OK) {
        int64_t utc_ms;
        const double *values;
        status = perfmon_next(reader, &utc_ms, &values, &err);
        for (size_t i = 0; status == STATUS_OK && i < perfmon_column_count(reader); i++)
            sum += reading_known(values[i]) ? values[i] : 0.0;
        rows += status == STATUS_OK;
    }
    if (status != STATUS_NOT_FOUND) {
        fprintf(stderr, "%s\n", err.text);
        perfmon_close(reader);
        return 2;
    }
    printf("%.6f %" PRIu64 " %u %.17g\n", now_s() - begin_s, rows, (unsigned)perfmon_column_count(reader),
           sum);
    perfmon_close(reader);
    return 0;
}

/* perfmon.c - libFuzzer on counter logs: any bytes give rows whose time rises and whose values are numbers or
 * unknown, or an error that names the line. */
#define _GNU_SOURCE /* memfd_create: a file without a disk */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "storewatch/perfmon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int file = -1;
    static char path[64];
    if (file < 0) {
        file = memfd_create("perfmon", 0);
        require(file >= 0);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    }
    require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);

    struct perfmon *reader = NULL;
    struct err err = {0};
    enum status status = perfmon_open(path, &reader, &err);
    int64_t last_ms = INT64_MIN;
    while (status == STATUS_OK) {
        int64_t utc_ms = 0;
        const double *values = NULL;
        status = perfmon_next(reader, &utc_ms, &values, &err);
        if (status == STATUS_OK) {
            require(utc_ms > last_ms);
            last_ms = utc_ms;
            for (size_t i = 0; i < perfmon_column_count(reader); i++) {
                require(!isinf(values[i]));
                require(perfmon_column_get(reader, i)->name[0] != '\0');
            }
        } else if (status == STATUS_NOT_FOUND) {
            status = perfmon_next_section(reader, &err);
            last_ms = INT64_MIN;
        }
    }
    require(status == STATUS_NOT_FOUND ||
            (err.status == status && strncmp(err.text, path, strlen(path)) == 0));
    perfmon_close(reader);
    return 0;
}

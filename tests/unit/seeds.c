/* seeds.c - the main of build/test/unit/seeds_NAME: feeds tests/fuzz/NAME.c each of tests/fuzz/NAME.seeds, a
 * test each. What a fuzzer once found stays mended, and the fuzz programs stay compiled, without a fuzzer. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a fuzz program has: the second one if it needs to. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Exactly as long as the file: a byte read beyond it is seen. False when it cannot be read. */
static bool feed(const char *folder, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    fseek(file, 0, SEEK_END);
    const long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    const bool whole = size >= 0 && data != NULL && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (whole)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    free(data);
    return whole;
}

static int is_seed(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    FILE *tap = fdopen(dup(STDOUT_FILENO), "w"); /* some programs close theirs, to be quiet */
    if (tap == NULL || (LLVMFuzzerInitialize != NULL && LLVMFuzzerInitialize(&argc, &argv) != 0))
        return 1;
    const char *name = strstr(argv[0], "seeds_");
    char folder[300];
    snprintf(folder, sizeof folder, "tests/fuzz/%s.seeds", name == NULL ? "" : name + strlen("seeds_"));
    struct dirent **seeds = NULL;
    const int count = scandir(folder, &seeds, is_seed, alphasort);
    if (count <= 0) {
        fprintf(tap, "not ok 1 - no seeds in %s\n", folder);
        return 1;
    }
    fprintf(tap, "1..%d\n", count);
    int failed = 0;
    for (int i = 0; i < count; i++) {
        fflush(tap); /* what went well is counted when the next one ends it all */
        const bool fed = feed(folder, seeds[i]->d_name);
        failed += !fed;
        fprintf(tap, "%sok %d - %s\n", fed ? "" : "not ", i + 1, seeds[i]->d_name);
        free(seeds[i]);
    }
    free(seeds);
    fclose(tap);
    return failed != 0;
}

/* cli_files.c - the recordings that a command line names; see cli.h. */
#include "storewatch/cli.h"

#include <stdlib.h>
#include <string.h>

bool cli_files_add(struct cli_files *files, const char *path)
{
    if (files->count == files->capacity) {
        const size_t capacity = files->capacity ? 2 * files->capacity : 16;
        char **paths = realloc(files->paths, capacity * sizeof *paths);
        if (!paths)
            return false;
        files->paths = paths;
        files->capacity = capacity;
    }
    const size_t size = strlen(path) + 1; /* of strdup, gcc's analyzer loses sight in the list */
    char *copy = malloc(size);
    if (!copy)
        return false;
    memcpy(copy, path, size);
    files->paths[files->count++] = copy;
    return true;
}

void cli_files_deinit(struct cli_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->paths[i]);
    free(files->paths);
    *files = (struct cli_files){0};
}

/* A whole character of UTF-8. */
static const char *after_character(const char *text)
{
    do
        text++;
    while (((unsigned char)*text & 0xC0U) == 0x80U);
    return text;
}

static bool same_letter(const char *a, const char *b)
{
    const char one[] = {*a, '\0'}, other[] = {*b, '\0'};
    return text_equal_nocase(one, other);
}

bool cli_name_matches(const char *name, const char *pattern)
{
    const char *star = NULL, *tried = NULL; /* the latest star, and from where on in the name it ends */
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            tried = name;
        } else if (*pattern == '?') {
            pattern++;
            name = after_character(name);
        } else if (*pattern && same_letter(pattern, name)) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = tried = after_character(tried);
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

/* own_files.c - see own_files.h. */
#include "own_files.h"

#include "storewatch/service.h"
#include "storewatch/store.h"

#include <string.h>

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Behind `begin`; NULL when the name begins otherwise. */
static const char *behind(const char *name, const char *begin)
{
    const size_t length = strlen(begin);
    return strncmp(name, begin, length) == 0 ? name + length : NULL;
}

bool own_files_has_config(const char *name)
{
    static const char *const suffixes[] = {"", CONFIG_BEFORE_SUFFIX, CONFIG_REPLACED_SUFFIX,
                                           CONFIG_NEW_SUFFIX, CONFIG_UNDO_SUFFIX};
    const char *suffix = behind(name, CONFIG_FILE_NAME);
    return suffix != NULL && is_one_of(suffix, suffixes, ARRAY_COUNT(suffixes));
}

/* ".bad-20261122T140522", or with a number behind it; NULL when it is not that. */
static const char *behind_aside(const char *name)
{
    static const char pattern[] = ".bad-########T######";
    for (size_t i = 0; pattern[i] != '\0'; i++)
        if (pattern[i] == '#' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
            return NULL;
    name += sizeof(pattern) - 1;
    const size_t digits = name[0] == '-' ? strspn(name + 1, "0123456789") : 0;
    return digits > 0 ? name + 1 + digits : name;
}

bool own_files_is_aside(const char *name)
{
    const char *rest = behind(name, STORE_FILE_NAME);
    const char *end = rest != NULL ? behind_aside(rest) : NULL;
    return end != NULL && *end == '\0';
}

bool own_files_has_data(const char *name)
{
    static const char *const companions[] = {"", "-wal", "-shm", "-journal"};
    const char *rest = behind(name, STORE_FILE_NAME);
    if (rest == NULL)
        return strcmp(name, SERVICE_LOCK_NAME) == 0;
    const char *aside = behind_aside(rest), *new_one = behind(rest, ".new");
    rest = aside != NULL ? aside : new_one != NULL ? new_one : rest;
    return is_one_of(rest, companions, ARRAY_COUNT(companions));
}

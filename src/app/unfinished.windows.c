/* unfinished.windows.c - see unfinished.h: the restart that waits for the service, and not where its
 * configuration leads now. */
#include "unfinished.h"

#include "../win32/setup.h"
#include "storewatch/cli.h"
#include "storewatch/store.h"

#include <stdlib.h>

bool unfinished_read_trusted(const char *data_dir, struct restart_journal *out_journal)
{
    char path[SETUP_PATH_MAX];
    store_path(path, sizeof(path), data_dir);
    return setup_trust_itself(data_dir, NULL) == STATUS_OK && setup_trust_itself(path, NULL) == STATUS_OK &&
           unfinished_read(data_dir, out_journal);
}

bool unfinished_elsewhere(const char *data_dir, char *out_path, size_t capacity)
{
    char noted[SETUP_PATH_MAX];
    if (!setup_data_dir_noted_elsewhere(data_dir, noted))
        return false;
    struct restart_journal *journal = malloc(sizeof(*journal));
    const bool waits =
        journal != NULL && unfinished_read_trusted(noted, journal) && text_copy(out_path, capacity, noted);
    free(journal);
    return waits;
}

bool unfinished_named(const char *config_path, char *out_path, size_t capacity)
{
    return unfinished_data_dir(config_path, out_path, capacity) || cli_default_data_dir(out_path, capacity);
}

bool unfinished_find(const char *config_path, char *out_path, size_t capacity)
{
    char named[SETUP_PATH_MAX];
    return unfinished_named(config_path, named, sizeof(named)) &&
           (unfinished_elsewhere(named, out_path, capacity) || text_copy(out_path, capacity, named));
}

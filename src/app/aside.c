/* aside.c - see aside.h. A disk, or a controller, that spoils the file spoils the next one, too, seconds later:
 * what is set aside must not fill the disk, which may be Exchange's. Each holds samples that are nowhere else;
 * the first mostly those of a year, the others of seconds. So the largest are kept. */
#include "aside.h"

#include "own_files.h"

#include "storewatch/store.h"

#include <stdlib.h>
#include <string.h>

#define FILES_MAX 64 /* with what SQLite kept beside them; what is beyond is met the next time */

/* The largest first; of two alike the later one. */
static int by_worth(const void *one, const void *other)
{
    const struct file_entry *a = one, *b = other;
    return a->bytes != b->bytes ? (a->bytes < b->bytes ? 1 : -1) : strcmp(b->name, a->name);
}

/* And not as the begin of a longer one: "...140522-2". */
static bool names(const char *told, const char *name)
{
    const char *at = strstr(told, name);
    return at != NULL && at[strlen(name)] != '-';
}

static bool remove_with_companions(struct os *os, const char *store_path, const char *name)
{
    static const char *const companions[] = {"", "-wal", "-shm"};
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(companions); i++) {
        char path[1024];
        struct text text = text_on(path, sizeof(path));
        text_add(&text, "%s%s%s", store_path, name + strlen(STORE_FILE_NAME), companions[i]);
        status = os_file_remove(os, path, "", NULL);
    }
    return status == STATUS_OK;
}

size_t aside_forget(struct os *os, const char *data_dir, const char *store_path, const char *told)
{
    struct file_entry *files = calloc(FILES_MAX, sizeof(*files));
    size_t count = 0, kept = 0, removed = 0;
    if (files != NULL)
        os_file_list(os, data_dir, STORE_FILE_NAME, files, FILES_MAX, &count, NULL);
    if (count > 0)
        qsort(files, count, sizeof(*files), by_worth);
    for (size_t i = 0; i < count; i++) {
        const char *name = files[i].name;
        if (!own_files_is_aside(name) || names(told, name))
            continue;
        if (kept < ASIDE_KEPT_MAX)
            kept++;
        else
            removed += remove_with_companions(os, store_path, name);
    }
    free(files);
    return removed;
}

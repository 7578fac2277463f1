/* evidence_old.c - which folders of evidence are ours, and their removal. Apart from evidence.c, because the
 * packages' custom actions need it without the history. */
#include "evidence.h"

#include <stdlib.h>

#define AT_ONCE 64

/* "20261122T140522Z-..." */
bool evidence_is_ours(const char *name)
{
    static const char pattern[] = "ddddddddTddddddZ-";
    for (size_t i = 0; pattern[i]; i++)
        if (pattern[i] == 'd' ? name[i] < '0' || name[i] > '9' : name[i] != pattern[i])
            return false;
    return true;
}

static void folder_in(char out[EVIDENCE_PATH_MAX], const char *folder, const char *name)
{
    struct text text = text_on(out, EVIDENCE_PATH_MAX);
    text_add(&text, "%s\\%s", folder, name);
}

void evidence_remove_all(struct os *os, const char *data_dir, struct err *err)
{
    char root[EVIDENCE_PATH_MAX], path[EVIDENCE_PATH_MAX];
    char(*names)[FOLDER_NAME_MAX] = calloc(AT_ONCE, sizeof *names);
    size_t count = 0, removed = 1;
    folder_in(root, data_dir, EVIDENCE_FOLDER_NAME);
    while (names && removed > 0 && os_folder_list(os, root, names, AT_ONCE, &count, err) == STATUS_OK) {
        removed = 0;
        for (size_t i = 0; i < count; i++) {
            folder_in(path, root, names[i]);
            removed += evidence_is_ours(names[i]) && os_folder_remove(os, path, err) == STATUS_OK;
        }
    }
    free(names);
}

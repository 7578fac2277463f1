/* unfinished.c - see unfinished.h. */
#include "unfinished.h"

#include "storewatch/store.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool unfinished_data_dir(const char *config_path, char *out_path, size_t capacity)
{
    static const char mark[] = {'\xEF', '\xBB', '\xBF'}; /* Notepad's byte order mark */
    char first[sizeof mark];
    FILE *file = fopen(config_path, "rb");
    if (file == NULL)
        return false;
    if (fread(first, 1, sizeof first, file) != sizeof first || memcmp(first, mark, sizeof mark) != 0)
        fseek(file, 0, SEEK_SET);
    json_t *root = json_loadf(file, 0, NULL);
    fclose(file);
    const char *path = json_string_value(json_object_get(root, "data_dir"));
    const bool named = path != NULL && config_check_path(path) == NULL && text_copy(out_path, capacity, path);
    json_decref(root);
    return named;
}

bool unfinished_read(const char *data_dir, struct restart_journal *out_journal)
{
    char path[1100];
    struct store *store = NULL;
    size_t count = 0;
    store_path(path, sizeof path, data_dir);
    const bool waits = store_open_readonly(path, &store, NULL) == STATUS_OK &&
                       store_get_restarts(store, out_journal, 1, &count, NULL) == STATUS_OK && count > 0 &&
                       out_journal->phase != RESTART_ENDED;
    store_close(store);
    return waits;
}

bool unfinished_may_be_down(const struct restart_service *service)
{
    return service->stop != STEP_WAITING && service->start != STEP_REACHED && service->start != STEP_GIVEN_UP;
}

static void add_services(struct text *text, const struct restart_plan *plan)
{
    bool any = false;
    for (size_t i = plan->count; i-- > 0;) {
        if (!unfinished_may_be_down(&plan->services[i]))
            continue;
        text_add(text, "%s %s", any ? "," : "", plan->services[i].name);
        any = true;
    }
    if (!any)
        text_add(text, " all of its services");
}

void text_add_unfinished(struct text *text, const char *data_dir)
{
    struct restart_journal *journal = malloc(sizeof *journal);
    if (journal != NULL && unfinished_read(data_dir, journal)) {
        text_add(
            text,
            " A restart of %s was under way when storewatch last ended, and nobody goes on with it until it "
            "runs again. See that these run:",
            journal->target);
        add_services(text, &journal->plan);
        text_add(text, ".");
    }
    free(journal);
}

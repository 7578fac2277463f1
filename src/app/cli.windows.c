/* cli.windows.c - the Windows build's side of cli.h: its defaults, and the patterns of files. */
#include "storewatch/cli.h"
#include "storewatch/os.h"
#include "storewatch/service.h"
#include "storewatch/store.h"

#include "../win32/access.h"
#include "../win32/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_default_data_dir(char *out_path, size_t capacity)
{
    struct os *os = NULL;
    if (os_open(&os, NULL) != STATUS_OK)
        return false;
    struct os_facts facts;
    os_facts_get(os, &facts);
    os_close(os);
    return facts.data_dir[0] && text_copy(out_path, capacity, facts.data_dir);
}

bool cli_default_config(char *out_path, size_t capacity)
{
    if (service_installed_config(out_path, capacity))
        return true;
    char dir[512];
    if (!cli_default_data_dir(dir, sizeof dir))
        return false;
    struct text path = text_on(out_path, capacity);
    text_add(&path, "%s\\storewatch.json", dir);
    return !path.truncated;
}

bool cli_works_elsewhere(const char *config_path, const char *data_dir, char *out_path, size_t capacity)
{
    char installed[SETUP_PATH_MAX], noted[SETUP_PATH_MAX], history[SETUP_PATH_MAX + 32];
    const bool elsewhere = setup_data_dir_noted_elsewhere(data_dir, noted);
    store_path(history, sizeof history, noted);
    const bool is_its_own =
        !config_path ||
        (service_installed_config(installed, sizeof installed) &&
         (text_equal_nocase(config_path, installed) || setup_same_file(config_path, installed)));
    return is_its_own && elsewhere && setup_exists(history) && text_copy(out_path, capacity, noted);
}

void cli_warn_of_access(const char *config_path, const struct config *config)
{
    char data_dir[512] = "";
    struct unsafe_places *places = malloc(sizeof *places);
    if (!places)
        return;
    cli_data_dir(config, data_dir, sizeof data_dir);
    access_unsafe_places(config_path, data_dir, places);
    for (size_t i = 0; i < places->count; i++) {
        char words[3 * SETUP_PATH_MAX];
        struct text text = text_on(words, sizeof words);
        text_add_unsafe_place(&text, &places->items[i]);
        text_add(&text, ", and so decide which services are restarted: ");
        text_add_unsafe_remedy(&text, &places->items[i]);
        fprintf(stderr, "%s: warning: %s\n", config_path, words);
    }
    if (places->unread_count)
        fprintf(stderr, "%s: warning: %s\n", config_path, places->unread.text);
    free(places);
}

bool cli_may_replace(const char *path)
{
    return setup_may_replace(path);
}

enum status cli_file_move(const char *from, const char *to, struct err *err)
{
    return setup_file_move(from, to, err);
}

/* Those of one pattern. */
struct matching {
    struct cli_files *files;
    const char *argument;
    size_t folder_length; /* of the argument, with its separator */
    bool failed;
};

static void add_matching(void *context, const char *path)
{
    struct matching *matching = context;
    const char *name = strrchr(path, '\\') + 1;
    if (!cli_name_matches(name, matching->argument + matching->folder_length))
        return;
    struct buffer named = {0}; /* as it was named: with its folder, or without one */
    buffer_add_bytes(&named, matching->argument, matching->folder_length);
    buffer_add(&named, "%s", name);
    matching->failed |= named.failed || !cli_files_add(matching->files, named.data);
    buffer_deinit(&named);
}

static int by_name(const void *a, const void *b)
{
    return text_compare_nocase(*(char *const *)a, *(char *const *)b);
}

bool cli_files_find(struct cli_files *files, const char *const *arguments, size_t count)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++) {
        size_t length = strlen(arguments[i]);
        while (length > 0 && !strchr("\\/:", arguments[i][length - 1]))
            length--;
        const size_t before = files->count;
        struct matching matching = {.files = files, .argument = arguments[i], .folder_length = length};
        if (strpbrk(arguments[i] + length, "*?")) {
            char folder[SETUP_PATH_MAX];
            struct text text = text_on(folder, sizeof folder);
            text_add_bytes(&text, arguments[i], length);
            text_add(&text, "."); /* "logs\." is that folder, "C:." the one at hand there */
            setup_files_each(folder, "", add_matching, &matching);
            qsort(files->paths + before, files->count - before, sizeof *files->paths, by_name);
        }
        good = !matching.failed && (files->count > before || cli_files_add(files, arguments[i]));
    }
    return good;
}

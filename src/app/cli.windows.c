/* cli.windows.c - the Windows build's defaults of cli.h. */
#include "storewatch/cli.h"
#include "storewatch/os.h"
#include "storewatch/service.h"

#include "../win32/access.h"

#include <stdio.h>
#include <stdlib.h>

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

/* cli.windows.c - the Windows build's defaults of cli.h. */
#include "storewatch/cli.h"
#include "storewatch/os.h"
#include "storewatch/service.h"

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

void cli_arguments(int *argc, char ***argv)
{
    service_arguments(argc, argv);
}

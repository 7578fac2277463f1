/* service_installed.windows.c - what the SCM knows of an installed storewatch. Apart from service.windows.c,
 * because the packages' custom actions need it without the agent. */
#include "storewatch/service.h"

#include "../win32/setup.h"

bool service_installed_config(char *out_path, size_t capacity)
{
    char command[2 * SETUP_PATH_MAX];
    return setup_service_command(command, sizeof(command), NULL) == STATUS_OK &&
           service_command_config(command, out_path, capacity);
}

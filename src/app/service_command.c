/* service_command.c - the command line that the service is registered with, written and read in one place:
 *
 *     "C:\Program Files\storewatch\storewatch.exe" run --config "D:\mail\storewatch.json"
 *
 * Windows allows no quotation mark in a file name, so nothing has to be escaped. */
#include "storewatch/service.h"

#include <string.h>

#define RUN_CONFIG "\" run --config \""

bool service_command_make(const char *executable, const char *config_path, char *out_command, size_t capacity)
{
    struct text command = text_on(out_command, capacity);
    text_add(&command, "\"%s" RUN_CONFIG "%s\"", executable, config_path);
    return !command.truncated;
}

bool service_command_config(const char *command, char *out_path, size_t capacity)
{
    const size_t program = command[0] == '"' ? strcspn(command + 1, "\"") : 0;
    const char *config = command + 1 + program;
    if (program == 0 || strncmp(config, RUN_CONFIG, strlen(RUN_CONFIG)) != 0)
        return false;
    config += strlen(RUN_CONFIG);
    const size_t length = strcspn(config, "\"");
    if (length == 0 || length >= capacity || strcmp(config + length, "\"") != 0)
        return false; /* somebody added to it */
    memcpy(out_path, config, length);
    out_path[length] = '\0';
    return true;
}

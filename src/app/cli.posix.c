/* cli.posix.c - the native build's side of cli.h: no defaults, the shell's own patterns, and commands that need
 * Windows say so. */
#include "storewatch/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_default_data_dir(char *out_path, size_t capacity)
{
    (void)out_path;
    (void)capacity;
    return false;
}

bool cli_default_config(char *out_path, size_t capacity)
{
    (void)out_path;
    (void)capacity;
    return false;
}

bool cli_works_elsewhere(const char *config_path, const char *data_dir, char *out_path, size_t capacity)
{
    (void)config_path;
    (void)data_dir;
    (void)out_path;
    (void)capacity;
    return false;
}

void cli_warn_of_access(const char *config_path, const struct config *config)
{
    (void)config_path; /* who may change it matters where the service runs */
    (void)config;
}

void cli_arguments(int *argc, char ***argv)
{
    (void)argc; /* UTF-8 already */
    (void)argv;
}

bool cli_files_find(struct cli_files *files, const char *const *arguments, size_t count)
{
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = cli_files_add(files, arguments[i]);
    return good;
}

bool cli_may_replace(const char *path)
{
    struct stat now;
    return lstat(path, &now) == 0 ? S_ISREG(now.st_mode) && access(path, W_OK) == 0 : errno == ENOENT;
}

enum status cli_file_move(const char *from, const char *to, struct err *err)
{
    return rename(from, to) == 0 ? STATUS_OK
                                 : err_set(err, STATUS_IO, "rename", (uint32_t)errno,
                                           "%s: cannot be written: %s", to, strerror(errno));
}

#define NEEDS_WINDOWS(function)                                                                              \
    int function(int argc, char **argv)                                                                      \
    {                                                                                                        \
        (void)argc;                                                                                          \
        return cli_needs_windows(argv[0]);                                                                   \
    }

NEEDS_WINDOWS(install_run)
NEEDS_WINDOWS(uninstall_run)
NEEDS_WINDOWS(run_run)
NEEDS_WINDOWS(status_run)
NEEDS_WINDOWS(plan_run)
NEEDS_WINDOWS(doctor_run)
NEEDS_WINDOWS(restart_run)
NEEDS_WINDOWS(maintenance_run)
NEEDS_WINDOWS(test_alert_run)
NEEDS_WINDOWS(write_dump_run)

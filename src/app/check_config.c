/* check_config.c - `check-config [FILE]`: is the configuration right? Every finding with its place.
 *
 * Errors and warnings go to stderr as FILE:LINE:COLUMN: key.path: text; when there is no error one line on
 * stdout says what the file makes storewatch do. On Windows who else may change the file is a warning too.
 * Exit code 0 (warnings allowed), 2 with errors, 3 when the file cannot be read. */
#include "storewatch/cli.h"

#include <stdio.h>

int check_config_run(int argc, char **argv)
{
    const char *path = NULL;
    size_t count = 0;
    if (!cli_parse(argc, argv, NULL, 0, &path, 1, &count))
        return EXIT_USAGE;
    char default_path[1024];
    if (count == 0) {
        if (!cli_default_config(default_path, sizeof(default_path)))
            return cli_wrong_use(argv[0], "name the file");
        path = default_path;
    }
    struct config config;
    const int code = cli_load_config(path, &config);
    if (code == EXIT_FINE) {
        printf("%s: good; mode \"%s\", %u registered client%s, mail to %u recipient%s through %u relay%s\n",
               path, config.mode == MODE_ACT ? "act" : "alert", (unsigned)config.client_count,
               config.client_count == 1 ? "" : "s", (unsigned)config.recipient_count,
               config.recipient_count == 1 ? "" : "s", (unsigned)config.relay_count,
               config.relay_count == 1 ? "" : "s");
        cli_warn_of_access(path, &config);
    }
    return code;
}

/* run.windows.c - `run`: the service when the SCM has started it, otherwise the same in this console. */
#include "storewatch/cli.h"
#include "storewatch/service.h"

int run_run(int argc, char **argv)
{
    const char *config_path = NULL;
    bool dry_run = false;
    char default_path[1024];
    const struct cli_option options[] = {{"--config", &config_path, NULL}, {"--dry-run", NULL, &dry_run}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    if (config_path == NULL) {
        if (!cli_default_config(default_path, sizeof(default_path)))
            return cli_fail("the default configuration's place is not known; name one with --config FILE");
        config_path = default_path;
    }
    return service_run(config_path, dry_run);
}

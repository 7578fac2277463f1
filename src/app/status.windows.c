/* status.windows.c - `status`: asks the running service over the control pipe. */
#include "status_view.h"

#include "storewatch/cli.h"
#include "storewatch/control.h"

#include <stdio.h>
#include <stdlib.h>

#define WATCH_EVERY_MS 2000

static int show(bool as_json, bool nagios)
{
    struct err err = {0};
    char *json = NULL;
    if (control_ask("{\"request\": \"status\"}", &json, &err) != STATUS_OK) {
        if (nagios) {
            printf("STOREWATCH UNKNOWN - %s\n", err.text);
            return 3;
        }
        return cli_fail("%s", err.text);
    }
    struct buffer out = {0};
    int code = nagios ? status_view_nagios(json, &out) : status_view_text(json, &out);
    if (as_json)
        puts(json);
    else if (out.data)
        fputs(out.data, stdout);
    fflush(stdout);
    buffer_deinit(&out);
    free(json);
    if (code < 0)
        return cli_fail("the service's answer is no status object");
    return code;
}

int status_run(int argc, char **argv)
{
    bool as_json = false, watch = false, nagios = false;
    const struct cli_option options[] = {
        {"--json", NULL, &as_json}, {"--watch", NULL, &watch}, {"--nagios", NULL, &nagios}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    if (as_json && nagios) {
        fprintf(stderr, "storewatch status: --json and --nagios are two forms of one answer: choose one\n");
        return EXIT_USAGE;
    }
    int code = show(as_json, nagios);
    /* An error of the output: whoever read it ("| more") has ended. */
    while (watch && code != EXIT_COULD_NOT && !ferror(stdout)) {
        control_pause(WATCH_EVERY_MS);
        code = show(as_json, nagios);
    }
    return code;
}

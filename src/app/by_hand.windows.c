/* by_hand.windows.c - `maintenance` and `restart`: what a person asks of the running service. */
#include "json_values.h"

#include "storewatch/cli.h"
#include "storewatch/control.h"
#include "storewatch/units.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOW_EVERY_MS 500
/* A commit takes milliseconds. */
#define SAVED_WITHIN_LOOKS 20
/* The service must show within this time that it has begun, or why not. */
#define BEGIN_WITHIN_LOOKS 60

/* What the history and the mails keep of a reason; a longer one would be cut there. */
#define REASON_BYTES_MAX (RESTART_REASON_MAX - 1)

static bool reason_fits(const char *command, const char *reason)
{
    const bool fits = strlen(reason) <= REASON_BYTES_MAX;
    if (!fits)
        fprintf(stderr, "storewatch %s: --reason: the text has more than %d bytes\n", command,
                REASON_BYTES_MAX);
    return fits;
}

/* Sends one request. *out_status is the status object (json_decref it). An exit code. */
static int ask(json_t *request, json_t **out_status)
{
    char *line = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!line)
        return cli_fail("the request could not be built: texts must be UTF-8");
    if (strlen(line) >= CONTROL_LINE_MAX) { /* with the line's end it has to fit */
        free(line);
        fputs("storewatch: the texts are too long\n", stderr);
        return EXIT_USAGE;
    }
    struct err err = {0};
    char *answer = NULL;
    enum status status = control_ask(line, &answer, &err);
    free(line);
    if (status)
        return cli_fail("%s", err.text);
    json_t *root = json_loads(answer, 0, NULL);
    free(answer);
    const char *error = json_string_value(json_object_get(root, "error"));
    if (!root || error) {
        cli_fail("%s", error ? error : "the service's answer cannot be read");
        json_decref(root);
        return EXIT_COULD_NOT;
    }
    *out_status = root;
    return EXIT_FINE;
}

/* ---- maintenance ---- */

/* Waits until the disk has it. *status is replaced by the latest. An exit code. */
static int wait_until_saved(json_t **status)
{
    for (int looks = 0; looks < SAVED_WITHIN_LOOKS; looks++) {
        if (json_is_true(json_object_get(*status, "maintenance_saved")))
            return EXIT_FINE;
        control_pause(FOLLOW_EVERY_MS);
        json_t *later = NULL;
        int code = ask(json_pack("{s:s}", "request", "status"), &later);
        if (code != EXIT_FINE)
            return code;
        json_decref(*status);
        *status = later;
    }
    return cli_fail("it holds now, but could not be saved: it ends when storewatch is restarted");
}

int maintenance_run(int argc, char **argv)
{
    const char *for_text = NULL, *reason = NULL, *what = NULL;
    const struct cli_option options[] = {{"--for", &for_text, NULL}, {"--reason", &reason, NULL}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), &what, 1, NULL))
        return EXIT_USAGE;
    bool on = what && strcmp(what, "on") == 0, off = what && strcmp(what, "off") == 0;
    int64_t for_ms = 0;
    if ((!on && !off) || (on && (!for_text || !reason)))
        return cli_wrong_use(argv[0], "\"on\" with --for and --reason, or \"off\", is wanted");
    if (off && for_text)
        return cli_wrong_use(argv[0], "\"off\" ends it now: --for goes with \"on\"");
    if (on && (duration_parse(for_text, &for_ms) != STATUS_OK || for_ms <= 0)) {
        fprintf(
            stderr,
            "storewatch maintenance: --for \"%s\": a duration such as \"30m\", \"2h\" or \"1d\" is wanted\n",
            for_text);
        return EXIT_USAGE;
    }
    if (for_ms > MAINTENANCE_MAX_MS) {
        fprintf(stderr, "storewatch maintenance: --for \"%s\": 30 days are the most\n", for_text);
        return EXIT_USAGE;
    }
    if (on && !reason_fits(argv[0], reason))
        return EXIT_USAGE;
    json_t *status = NULL;
    int code = ask(json_pack("{s:s, s:I, s:s}", "request", "maintenance", "for_ms", (json_int_t)for_ms,
                             "reason", reason ? reason : ""),
                   &status);
    if (code != EXIT_FINE)
        return code;
    code = wait_until_saved(&status);
    const char *until = json_string_value(json_object_get(json_object_get(status, "maintenance"), "until"));
    if (until)
        printf("maintenance until %s: nothing is restarted; alerts are still sent\n", until);
    else
        puts("no maintenance: storewatch restarts again what its configuration allows");
    json_decref(status);
    return code;
}

/* ---- restart ---- */

/* Shows each new thing the restart waits for until it has ended. */
static int follow(const char *service, json_int_t id_before)
{
    char shown[256] = "";
    for (int looks = 0;; looks++) {
        json_t *status = NULL;
        int code = ask(json_pack("{s:s}", "request", "status"), &status);
        if (code != EXIT_FINE)
            return code;
        const json_t *restart = json_object_get(status, "restart");
        bool begun = json_integer_value(json_object_get(restart, "id")) > id_before;
        bool under_way = begun && json_is_true(json_object_get(restart, "under_way"));
        const char *refused = json_words_get(status, "refused", ""),
                   *waiting = json_words_get(restart, "waiting_for", "");
        if (under_way && strcmp(waiting, shown) != 0) {
            text_copy(shown, sizeof shown, waiting);
            puts(shown);
            fflush(stdout);
        }
        code = -1;
        if (begun && !under_way) {
            const char *outcome = json_words_get(restart, "outcome", ""),
                       *called_off = json_words_get(restart, "called_off", "");
            printf("restart of %s: %s%s%s\n", service, outcome, *called_off ? ": " : "", called_off);
            code = strcmp(outcome, "succeeded") == 0 ? EXIT_FINE : EXIT_FOUND;
        } else if (!begun && *refused) {
            printf("restart of %s: not begun: %s\n", service, refused);
            code = EXIT_FOUND;
        } else if (!begun && looks >= BEGIN_WITHIN_LOOKS) {
            code = cli_fail("the restart was not begun in time: see \"storewatch status\"");
        }
        json_decref(status);
        if (code >= 0)
            return code;
        control_pause(FOLLOW_EVERY_MS);
    }
}

int restart_run(int argc, char **argv)
{
    const char *service = NULL, *reason = NULL;
    const struct cli_option options[] = {{"--reason", &reason, NULL}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), &service, 1, NULL))
        return EXIT_USAGE;
    if (!service || !reason)
        return cli_wrong_use(argv[0], "a service and a --reason are wanted");
    if (!reason_fits(argv[0], reason))
        return EXIT_USAGE;
    json_t *status = NULL;
    int code = ask(json_pack("{s:s}", "request", "status"), &status);
    if (code != EXIT_FINE)
        return code;
    json_int_t id_before = json_integer_value(json_object_get(json_object_get(status, "restart"), "id"));
    json_decref(status);
    code = ask(json_pack("{s:s, s:s, s:s}", "request", "restart", "service", service, "reason", reason),
               &status);
    if (code != EXIT_FINE)
        return code;
    json_decref(status);
    return follow(service, id_before);
}

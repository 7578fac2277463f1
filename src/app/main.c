/* main.c - finds the command and runs it. */
#include "storewatch/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *usage, *help;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"install", "install [--mail-to LIST --relay LIST] [--start] ...",
     "register the service and start it with Windows", install_run},
    {"uninstall", "uninstall [--delete-data]", "remove the service", uninstall_run},
    {"run", "run [--config FILE] [--dry-run]", "watch now, in this console; Ctrl-C ends it", run_run},
    {"version", "version", "print the version", version_run},
    {"check-config", "check-config [FILE]", "is the configuration right? every error with its place",
     check_config_run},
    {"status", "status [--json] [--watch] [--nagios]", "what the running service sees and does", status_run},
    {"plan", "plan [--config FILE] [SERVICE]", "the restart that would be done now; changes nothing",
     plan_run},
    {"restart", "restart SERVICE --reason TEXT", "a controlled restart by hand, by the running service",
     restart_run},
    {"maintenance", "maintenance on --for 2h --reason TEXT | off", "restart nothing for a while",
     maintenance_run},
    {"doctor", "doctor [--config FILE] [--json]", "is everything in order? what to do where it is not",
     doctor_run},
    {"test-alert", "test-alert [--config FILE]", "one mail through every relay, and what each answered",
     test_alert_run},
    {"history", "history [--csv] [--json]", "samples, incidents, restarts and mails", history_run},
    {"report", "report [--html FILE]", "charts of the history", report_run},
    {"analyze", "analyze [--json] [--html FILE] [--limit SIZE] FILE.csv...",
     "the verdict on recorded counters", analyze_run},
    {"replay", "replay --config FILE [--act] [--json] [--mails] FILE.csv...",
     "what the watchdog would have done", replay_run},
    /* Not for people, last and not in the help: storewatch runs itself so, to write a memory dump. */
    {"write-dump", NULL, NULL, write_dump_run},
};

static void print_usage(FILE *out)
{
    fputs("storewatch: watches Exchange's Information Store and its MAPI clients for unbounded growth\n\n",
          out);
    for (size_t i = 0; i < ARRAY_COUNT(commands) && commands[i].usage; i++)
        fprintf(out, "  storewatch %-58s %s\n", commands[i].usage, commands[i].help);
    fputs("\nexit codes: 0 fine, 1 found something, 2 wrong use or bad input, 3 could not\n", out);
}

/* An answer that could not be written (a full disk behind a redirection) is none. */
static int finished(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return cli_fail("the answer could not be written: %s", errno ? strerror(errno) : "the output failed");
}

int main(int argc, char **argv)
{
    cli_arguments(&argc, &argv);
    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        print_usage(stdout);
        return finished(EXIT_FINE);
    }
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            return finished(commands[i].run(argc - 1, argv + 1));
    fprintf(stderr, "storewatch: unknown command \"%s\"; \"storewatch help\" lists them\n", name);
    return EXIT_USAGE;
}

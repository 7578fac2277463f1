/* commands.c - the table of commands: what each is called, its help, and who runs it. */
#include "storewatch/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *usage, *help;
    const char *more; /* a line for each option, or what else is to be said */
    int (*run)(int argc, char **argv);
} commands[] = {
    {"install", "install [--config FILE | --import FILE | --mail-to LIST --relay LIST] [--start] [--check]",
     "register the service; it starts with Windows",
     "  --mail-to LIST  for the first configuration: who gets the alerts\n"
     "  --relay LIST    ... and through which mail servers: HOST, HOST:PORT or [IPV6]:PORT\n"
     "  --import FILE   take a copy of FILE as the configuration; one that is there is kept as .before\n"
     "  --config FILE   use FILE where it is\n"
     "  --start         start the service (again), and undo everything if it does not run\n"
     "  --check         only say what would keep it from being installed\n"
     "Without --config, --import and --mail-to: the configuration that is there, else the default one, "
     "which\n"
     "tells the event log only. LIST: separated by commas or semicolons, in quotation marks.\n",
     install_run},
    {"uninstall", "uninstall [--delete-data]", "stop and remove the service",
     "  --delete-data   also delete configuration and history\n", uninstall_run},
    {"run", "run [--config FILE] [--dry-run]", "watch now, in this console; Ctrl-C ends it",
     "  --config FILE   this configuration\n"
     "  --dry-run       decide as always, but only tell what would be restarted\n",
     run_run},
    {"version", "version", "print the version", "", version_run},
    {"check-config", "check-config [FILE]", "is the configuration right? every error with its place",
     "FILE: if not the one that the service uses.\n", check_config_run},
    {"status", "status [--json] [--watch] [--nagios]", "what the running service sees and does",
     "  --json          one JSON object\n"
     "  --watch         again every two seconds; Ctrl-C ends it\n"
     "  --nagios        one line, and the exit code of a Nagios plugin\n",
     status_run},
    {"plan", "plan [--config FILE] [SERVICE]", "the restart that would be done now; changes nothing",
     "  --config FILE   if not the configuration that the service uses\n"
     "SERVICE: the Information Store when none is named.\n",
     plan_run},
    {"restart", "restart SERVICE --reason TEXT", "a controlled restart by hand, by the running service",
     "  --reason TEXT   why; it goes into the history and the mails\n", restart_run},
    {"maintenance", "maintenance on --for DURATION --reason TEXT | off", "restart nothing for a while",
     "  --for DURATION  such as 30m, 2h or 1d\n"
     "  --reason TEXT   why; it goes into the history\n",
     maintenance_run},
    {"doctor", "doctor [--config FILE] [--json]", "is everything in order? what to do where it is not",
     "  --config FILE   if not the configuration that the service uses\n"
     "  --json          one JSON object\n",
     doctor_run},
    {"test-alert", "test-alert [--config FILE]", "one mail through every relay, and what each answered",
     "  --config FILE   if not the configuration that the service uses\n", test_alert_run},
    {"history", "history [--csv | --json] [--config FILE | --data DIR]",
     "samples, incidents, restarts and mails",
     "  --csv           the samples as CSV\n"
     "  --json          one JSON object\n"
     "  --config FILE   if not the configuration that the service uses\n"
     "  --data DIR      the history in this folder\n",
     history_run},
    {"report", "report [--html FILE] [--days N] [--config FILE | --data DIR]", "charts of the history",
     "  --html FILE     the page to write\n"
     "  --days N        the last N days\n"
     "  --config FILE   if not the configuration that the service uses\n"
     "  --data DIR      the history in this folder\n",
     report_run},
    {"analyze", "analyze [--json] [--html FILE] [--limit SIZE] FILE.csv...",
     "the verdict on recorded counters; no service needed",
     "  --json          one JSON object\n"
     "  --html FILE     a page with charts\n"
     "  --limit SIZE    when growth would end, such as 2GiB\n",
     analyze_run},
    {"replay", "replay --config FILE [--act] [--json] [--mails] FILE.csv...",
     "what the watchdog would have done on recorded counters",
     "  --config FILE   the configuration to try\n"
     "  --act           as if its mode were \"act\"\n"
     "  --mails         each mail as it would have come\n"
     "  --json          one JSON object\n",
     replay_run},
    /* Not for people, last and not in the help: storewatch runs itself so, to write a memory dump. */
    {"write-dump", NULL, NULL, NULL, write_dump_run},
};

static void print_overview(FILE *out)
{
    fputs("storewatch: watches Exchange's Information Store and its MAPI clients for unbounded growth\n\n",
          out);
    for (size_t i = 0; i < ARRAY_COUNT(commands) && commands[i].usage; i++)
        fprintf(out, "  storewatch %-13s %s\n", commands[i].name, commands[i].help);
    fputs("\n\"storewatch COMMAND --help\" tells the options of a command.\n"
          "Exit codes: 0 fine, 1 found something, 2 wrong use or bad input, 3 could not\n",
          out);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "/?") == 0;
}

/* Looked for before the command runs: who asks for help gets it, and nothing is done. */
static bool wants_help(int argc, char **argv)
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_help(argv[i]))
            return true;
    return false;
}

/* An answer that could not be written (a full disk behind a redirection) is none. */
static int finished(int code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    return cli_fail("the answer could not be written: %s", errno ? strerror(errno) : "the output failed");
}

static int unknown(const char *name)
{
    fprintf(stderr, "storewatch: unknown command \"%s\"; \"storewatch help\" lists them\n", name);
    return EXIT_USAGE;
}

int commands_run(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    bool help = is_help(name) || strcmp(name, "help") == 0;
    if (help && argc == 2) {
        print_overview(stdout);
        return finished(EXIT_FINE);
    }
    if (help)
        name = argv[2];
    else if (strcmp(name, "--version") == 0)
        name = "version";
    size_t i = 0;
    while (i < ARRAY_COUNT(commands) && strcmp(commands[i].name, name) != 0)
        i++;
    if (i == ARRAY_COUNT(commands) || (help && !commands[i].usage))
        return unknown(name);
    if (!help && (!commands[i].usage || !wants_help(argc, argv)))
        return finished(commands[i].run(argc - 1, argv + 1));
    printf("usage: storewatch %s\n\n%s\n%s", commands[i].usage, commands[i].help, commands[i].more);
    return finished(EXIT_FINE);
}

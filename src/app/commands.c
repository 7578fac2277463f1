/* commands.c - the table of commands: who runs each, or shows its help. */
#include "command_texts.h"

#include "storewatch/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"install", install_run},
    {"uninstall", uninstall_run},
    {"run", run_run},
    {"version", version_run},
    {"check-config", check_config_run},
    {"status", status_run},
    {"plan", plan_run},
    {"restart", restart_run},
    {"maintenance", maintenance_run},
    {"doctor", doctor_run},
    {"test-alert", test_alert_run},
    {"history", history_run},
    {"report", report_run},
    {"analyze", analyze_run},
    {"replay", replay_run},
    /* Not for people: storewatch runs itself so, to write a memory dump. */
    {"write-dump", write_dump_run},
};

static void print_overview(FILE *out)
{
    fputs("storewatch: watches Exchange's Information Store and its MAPI clients for\nunbounded growth\n\n",
          out);
    for (size_t i = 0; i < command_text_count; i++)
        fprintf(out, "  storewatch %-13s %s\n", command_texts[i].name, command_texts[i].help);
    fputs("\n\"storewatch COMMAND --help\" tells the options of a command.\n"
          "Exit codes: 0 fine, 1 found something, 2 wrong use or bad input, 3 could not\n",
          out);
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "/?") == 0;
}

/* In a command's place. */
static bool is_help_command(const char *word)
{
    return is_help(word) || strcmp(word, "help") == 0;
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
    bool help = is_help_command(name);
    if (help && (argc == 2 || is_help_command(argv[2]))) {
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
    const struct command_text *text = command_text_find(name);
    if (i == ARRAY_COUNT(commands) || (help && !text))
        return unknown(name);
    if (!help && (!text || !wants_help(argc, argv)))
        return finished(commands[i].run(argc - 1, argv + 1));
    printf("usage: storewatch %s\n\n%s\n%s", text->usage, text->help, text->more);
    return finished(EXIT_FINE);
}

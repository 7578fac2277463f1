/* command_texts.c - what each command is called and its help. See commands.c for who runs it. */
#include "command_texts.h"

#include <string.h>

const struct command_text command_texts[] = {
    {"install",
     "install [--config FILE | --import FILE |\n"
     "                          --mail-to LIST --relay LIST] [--start] [--check]",
     "register the service; it starts with Windows",
     "  --mail-to LIST  for the first configuration: who gets the alerts\n"
     "  --relay LIST    ... and the mail servers: HOST, HOST:PORT or [IPV6]:PORT\n"
     "  --import FILE   take a copy of FILE as the configuration; one that is there\n"
     "                  is kept as .before\n"
     "  --config FILE   use FILE where it is\n"
     "  --start         start the service (again); undo everything if it does not run\n"
     "  --check         only say what would keep it from being installed\n"
     "Without --config, --import and --mail-to: the configuration that is there, else\n"
     "the default one, which tells the event log only. LIST: separated by commas or\n"
     "semicolons, in quotation marks.\n"},
    {"uninstall", "uninstall [--delete-data]", "stop and remove the service",
     "  --delete-data   also delete configuration and history\n"},
    {"run", "run [--config FILE] [--dry-run]", "watch now, in this console; Ctrl-C ends it",
     "  --config FILE   this configuration\n"
     "  --dry-run       decide as always, but only tell what would be restarted\n"},
    {"version", "version", "print the version", ""},
    {"check-config", "check-config [FILE]", "is the configuration right? each error and its place",
     "FILE: if not the one that the service uses.\n"},
    {"status", "status [--json] [--watch] [--nagios]", "what the running service sees and does",
     "  --json          one JSON object\n"
     "  --watch         again every two seconds; Ctrl-C ends it\n"
     "  --nagios        one line, and the exit code of a Nagios plugin\n"},
    {"plan", "plan [--config FILE] [SERVICE]", "the restart that would be done now; changes nothing",
     "  --config FILE   if not the configuration that the service uses\n"
     "SERVICE: the Information Store when none is named.\n"},
    {"restart", "restart SERVICE --reason TEXT", "a controlled restart by hand, by the running service",
     "  --reason TEXT   why; it goes into the history and the mails\n"},
    {"maintenance", "maintenance on --for DURATION --reason TEXT | off", "restart nothing for a while",
     "  --for DURATION  such as 30m, 2h or 1d\n"
     "  --reason TEXT   why; it goes into the history\n"},
    {"doctor", "doctor [--config FILE] [--json]", "is everything in order? what to do where it is not",
     "  --config FILE   if not the configuration that the service uses\n"
     "  --json          one JSON object\n"},
    {"test-alert", "test-alert [--config FILE]", "one mail through every relay, and what each answered",
     "  --config FILE   if not the configuration that the service uses\n"},
    {"history", "history [--csv | --json] [--config FILE | --data DIR]",
     "samples, incidents, restarts and mails",
     "  --csv           the samples, a line each: raw ones, and older ones as buckets\n"
     "                  (width_ms) of known_count and unknown_count samples with\n"
     "                  their lowest, mean and highest value\n"
     "  --json          series, incidents, restarts and mails as one object\n"
     "  --config FILE   if not the configuration that the service uses\n"
     "  --data DIR      the history in this folder\n"},
    {"report", "report [--html FILE] [--days N] [--config FILE | --data DIR]", "charts of the history",
     "  --html FILE     a page with charts; without it, a table\n"
     "  --days N        how far back from the latest sample (default 7)\n"
     "  --config FILE   if not the configuration that the service uses\n"
     "  --data DIR      the history in this folder\n"},
    {"analyze", "analyze [--json] [--html FILE] [--limit SIZE] FILE.csv...",
     "the verdict on recorded counters; no service needed",
     "  --json          one object for scripts instead of the table\n"
     "  --html FILE     also a page with a chart of each series\n"
     "  --limit SIZE    what growth runs into (2GiB): holds for columns in bytes, and\n"
     "                  in a file without any for columns of unknown unit\n"
     "FILE.csv may be a pattern such as C:\\PerfLogs\\*.csv.\n"
     "Exit code: 0 no leak, 1 a leak found, 2 a file is malformed, 3 a file cannot\n"
     "be read; the highest counts.\n"},
    {"replay", "replay --config FILE [--act] [--json] [--mails] FILE.csv...",
     "what would have been done on recorded counters",
     "  --config FILE   the configuration to try\n"
     "  --act           as if its mode were \"act\"\n"
     "  --mails         each mail as it would have come\n"
     "  --json          one JSON object\n"
     "FILE.csv may be a pattern such as C:\\PerfLogs\\*.csv.\n"},
};

const size_t command_text_count = ARRAY_COUNT(command_texts);

const struct command_text *command_text_find(const char *name)
{
    for (size_t i = 0; i < command_text_count; i++)
        if (strcmp(command_texts[i].name, name) == 0)
            return &command_texts[i];
    return NULL;
}

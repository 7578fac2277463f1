/* cli.h - the commands and what they share.
 *
 * Each command is `int NAME_run(int argc, char **argv)` with argv[0] = the command's name; it returns the
 * exit code. Answers go to stdout, messages to stderr. */
#ifndef STOREWATCH_CLI_H
#define STOREWATCH_CLI_H

#include "storewatch/base.h"
#include "storewatch/config.h"

enum exit_code {
    EXIT_FINE = 0,
    EXIT_FOUND = 1,     /* found something: a leak, a failed pre-flight */
    EXIT_USAGE = 2,     /* wrong use or bad input */
    EXIT_COULD_NOT = 3, /* could not; the message says why */
};

/* Runs the command that argv[1] names, or shows its help ("COMMAND --help", "help COMMAND"), or all commands.
 * Returns the exit code. */
int commands_run(int argc, char **argv);

/* ---- commands that need no Windows ---- */
int analyze_run(int argc, char **argv);
int replay_run(int argc, char **argv);
int check_config_run(int argc, char **argv);
int report_run(int argc, char **argv);
int history_run(int argc, char **argv);
int version_run(int argc, char **argv);

/* ---- commands of the Windows builds; the native build answers with cli_needs_windows ---- */
int install_run(int argc, char **argv);
int uninstall_run(int argc, char **argv);
int run_run(int argc, char **argv);
int status_run(int argc, char **argv);
int plan_run(int argc, char **argv);
int doctor_run(int argc, char **argv);
int restart_run(int argc, char **argv);
int maintenance_run(int argc, char **argv);
int test_alert_run(int argc, char **argv);
int write_dump_run(int argc, char **argv);

/* ---- shared ---- */

/* main's arguments as UTF-8, whatever the system hands over. */
void cli_arguments(int *argc, char ***argv);

/* One option: with `value`, it takes an argument; with `flag`, it takes none. */
struct cli_option {
    const char *name; /* "--config" */
    const char **value;
    bool *flag;
};

/* Parses argv[1..]; what is no option goes to positional[0..*out_count), at most `capacity`. False after
 * cli_wrong_use when something is unknown, missing or too much; then the command returns EXIT_USAGE. "--"
 * ends the options. */
bool cli_parse(int argc, char **argv, const struct cli_option *options, size_t option_count,
               const char **positional, size_t capacity, size_t *out_count);
/* "storewatch COMMAND: ", the text, and how the command is used, on stderr; returns EXIT_USAGE. */
int cli_wrong_use(const char *command, const char *format, ...) PRINTF_LIKE(2, 3);

/* The common application data folder + "\storewatch" on Windows; false where there is no such default. */
bool cli_default_data_dir(char *out_path, size_t capacity);
/* The configuration that a command without --config uses: what the service was installed with, else
 * storewatch.json in the default data directory. False when there is no default (native build). */
bool cli_default_config(char *out_path, size_t capacity);
/* Loads a configuration and prints every finding on stderr. EXIT_FINE, EXIT_USAGE (bad content) or
 * EXIT_COULD_NOT (unreadable). `path` NULL = the default. */
int cli_load_config(const char *path, struct config *out_config);
/* The data directory of a loaded configuration: its data_dir, else the default. */
bool cli_data_dir(const struct config *config, char *out_path, size_t capacity);
/* Does the service of this configuration (NULL = the default one), as it was last started, work in another data
 * directory? The configuration was edited since. Never in the native build. */
bool cli_works_elsewhere(const char *config_path, const char *data_dir, char *out_path, size_t capacity);
/* Where the history of a loaded configuration is: that other one after a message on stderr, else its data
 * directory. */
bool cli_history_dir(const char *config_path, const struct config *config, char *out_path, size_t capacity);

/* Warns on stderr of what ordinary users may change: this configuration, the program, the data directory.
 * Says nothing in the native build: who may change a file matters where the service runs. */
void cli_warn_of_access(const char *config_path, const struct config *config);

/* The recordings that a command line names. */
struct cli_files {
    char **paths; /* owned */
    size_t count, capacity;
};

/* Adds the files that the arguments stand for. On Windows, whose shells leave that to the program, a last part
 * with * or ? stands for the files of its folder that match it, in the order of their names; what matches none
 * stands for itself, and cannot be opened. Elsewhere the shell has done it. False without memory. Free with
 * cli_files_deinit in any case. */
bool cli_files_find(struct cli_files *files, const char *const *arguments, size_t count);
bool cli_files_add(struct cli_files *files, const char *path);
void cli_files_deinit(struct cli_files *files);
/* Is it one of the names that a pattern stands for? Without case; * is any text, ? one character. */
bool cli_name_matches(const char *name, const char *pattern);

/* May a page be written into the file that --html names (NULL: none is)? Not into an input of the command, nor
 * into what its name tells to be a recording, a history or a configuration: FILE is easily taken for what the page
 * is made from. False after a message; then the command returns EXIT_USAGE. */
bool cli_may_write_page(const char *command, const char *path, const char *const *inputs, size_t input_count);

/* Writes the parts into one file. EXIT_FINE, or EXIT_COULD_NOT after a message; then nothing half is left, and a
 * file that was there is as it was. What is no plain file (a device, a link) is never replaced or removed: it is
 * written into. */
int cli_write_file(const char *path, const struct buffer *const *parts, size_t count);
/* For that, as the system has it. May another file take the path's place: is it a plain file that may be written,
 * or nothing yet? And the taking. */
bool cli_may_replace(const char *path);
enum status cli_file_move(const char *from, const char *to, struct err *err);

struct perfmon;
/* Says on stderr which rows of a recording that was read to its end did not count, and what else it lacks. */
void cli_say_left_out(const char *path, const struct perfmon *reader);

int cli_needs_windows(const char *command);
/* "storewatch: " and the text on stderr; returns EXIT_COULD_NOT. */
int cli_fail(const char *format, ...) PRINTF_LIKE(1, 2);

#endif

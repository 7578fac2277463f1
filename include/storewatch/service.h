/* service.h - storewatch as a Windows service, and the same program in a console.
 *
 * The SCM is always answered first: START_PENDING before the configuration is read, so that a bad one ends in
 * a service-specific error with an event that says file, line and key, never in error 1053. */
#ifndef STOREWATCH_SERVICE_H
#define STOREWATCH_SERVICE_H

#include "storewatch/base.h"
#include "storewatch/service_exit.h"

/* In the data directory: held by the one process that works on it. */
#define SERVICE_LOCK_NAME "storewatch.lock"

/* `run`: watches until it is told to stop. Started by the SCM it is the service: STOP, SHUTDOWN (PRESHUTDOWN
 * where the system has it) and PARAMCHANGE (reload) are forwarded to the loop. Otherwise it runs in this
 * console until Ctrl-C, Ctrl-Break, or the console's end. `config_path` is made absolute here. Only one such
 * process works on a data directory at a time. Returns the exit code of the command (cli.h). */
int service_run(const char *config_path, bool dry_run);

/* The configuration that the installed service is started with; false when it is not installed, or not by us.
 */
bool service_installed_config(char *out_path, size_t capacity);

/* The --config of a service's command line as `install` writes it: "EXE" run --config "FILE". Portable. */
bool service_command_config(const char *command, char *out_path, size_t capacity);
/* And the other way round. False when it does not fit. */
bool service_command_make(const char *executable, const char *config_path, char *out_command,
                          size_t capacity);

/* main's arguments as UTF-8 in place of the ANSI code page's. Call it first. The texts live as long as the
 * process. Leaves the arguments as they are without memory. */
void service_arguments(int *argc, char ***argv);

#endif

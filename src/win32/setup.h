/* setup.h - private to the Windows edge, without windows.h: what `install` and `uninstall` do to the machine,
 * one small reversible step each. The order of the steps, their undoing and all words are in
 * src/app/install.windows.c.
 *
 * Texts are UTF-8, paths absolute unless said otherwise. Errors as in os.h. */
#ifndef STOREWATCH_WIN32_SETUP_H
#define STOREWATCH_WIN32_SETUP_H

#include "storewatch/base.h"

#define SETUP_PATH_MAX 1024 /* bytes with NUL; a longer path is FULL */

/* ---- paths and files ---- */

/* The executable of this process. */
enum status setup_executable(char out_path[SETUP_PATH_MAX], struct err *err);
/* INVALID: the path begins with a drive letter of this logon only (a mapped share, `subst`), which the service
 * does not have. */
enum status setup_drive_of_all(const char *path, struct err *err);
/* `path` against the current folder. */
enum status setup_absolute(const char *path, char out_path[SETUP_PATH_MAX], struct err *err);
bool setup_exists(const char *path);
bool setup_is_folder(const char *path);
/* Do both paths lead to one file, whatever they call it? False when one of them is not there. */
bool setup_same_file(const char *one, const char *other);
/* A 32-bit process on 64-bit Windows sees neither sizes above 4 GiB nor 64-bit modules: it must not be
 * installed there. */
bool setup_wrong_bitness(void);

/* Makes a folder, and those above it that are missing. What is made is open to Administrators and SYSTEM
 * (and to this process' and the service's accounts when they are none of them) alone: they only may read the
 * history and write the configuration of a service that runs as LocalSystem. What exists is left alone.
 * out_first_made: the uppermost that was made, "" when all were there. */
enum status setup_folder_make(const char *path, char out_first_made[SETUP_PATH_MAX], struct err *err);
/* Gives an existing folder or file, with all that inherits from it, the same protection. INVALID, and nothing
 * is done, when it is a link or belongs to a stranger (setup_trust). */
enum status setup_protect(const char *path, struct err *err);
/* The folder of a program that runs as LocalSystem becomes Administrators', who only may change what is in
 * it; users may read and run it. */
enum status setup_program_close(const char *program, struct err *err);
/* INVALID when `path` (a folder) or something in it is a link to elsewhere, or belongs to somebody else than
 * Administrators, SYSTEM, this process' account and the service's: whoever owns it can change it at any time,
 * however it is closed. Says what it is, and what to do. OK when it does not exist. */
enum status setup_trust(const char *path, struct err *err);
enum status setup_trust_itself(const char *path, struct err *err); /* without what is in it */
/* An existing folder is taken over with what is in it, if it can be trusted, and closed to all others. */
enum status setup_take_over(const char *path, struct err *err);
/* Writes a file that does not exist yet. */
enum status setup_file_make(const char *path, const char *bytes, size_t count, struct err *err);
/* Copies a file to a name that is free; moves one, over what has the new name. */
enum status setup_file_copy(const char *from, const char *to, struct err *err);
enum status setup_file_move(const char *from, const char *to, struct err *err);
/* Is it a plain file that may be written, or nothing yet? No device, link or folder. */
bool setup_may_replace(const char *path);
/* For undoing: also a file that is marked read-only; what is not there is left alone. */
void setup_file_remove(const char *path);
/* Calls `each` with the path of every file of a folder whose name begins with `prefix`; no folders, no links.
 */
void setup_files_each(const char *folder, const char *prefix, void (*each)(void *context, const char *path),
                      void *context);
/* Deletes those whose names are ours; err has the first that cannot be. */
void setup_files_remove(const char *folder, bool (*is_ours)(const char *name), struct err *err);
/* The uppermost of `path` and the folders above it that does not exist; "" when all do. */
void setup_folder_missing(const char *path, char out_first[SETUP_PATH_MAX]);
/* Removes `path` and those above it up to `first_made`; nothing when that is "". */
void setup_folder_remove(const char *path, const char *first_made);

/* The default configuration (config/storewatch.json) that this program or library carries; lent. */
enum status setup_default_config(const char **out_text, size_t *out_count, struct err *err);

/* ---- the event source ---- */

/* Registers the message table of `executable`; *out_made tells that there was no source before. */
enum status setup_event_source_add(const char *executable, bool *out_made, struct err *err);
enum status setup_event_source_remove(struct err *err); /* OK when there is none */

/* ---- the service ---- */

/* May this process create services? OK or DENIED (or why it cannot be told). */
enum status setup_may_install(struct err *err);

/* What was registered before: to be restored, or to be compared with. */
#define SETUP_LEVEL_COUNT 7
struct setup_before {
    bool existed;
    bool running;
    void *config;                    /* the SCM's own record; free with setup_before_deinit */
    void *levels[SETUP_LEVEL_COUNT]; /* and what it keeps beside that (rights.c); NULL where it knows none */
    char command[2 * SETUP_PATH_MAX];
};
void setup_before_deinit(struct setup_before *before);

/* Registers the service, or brings the one that exists up to date: command line, automatic start,
 * description, restart after a failure, and where the system knows them delayed start, a service SID, a time
 * for the system's end, only the privileges that are needed (rights.h). A new one runs as LocalSystem, one
 * that exists keeps its account. *out_before is filled also on failure as far as
 * something was changed, so that setup_service_restore can undo it. */
enum status setup_service_register(const char *command, struct setup_before *out_before, struct err *err);
void setup_service_restore(const struct setup_before *before);

/* The state of any service as the SCM numbers it; 0: there is none of that name, or it cannot be asked. */
#define SETUP_STATE_STOPPED 1
#define SETUP_STATE_STOPPING 3
uint32_t setup_service_state(const char *name);

/* The command line and the account that the service is registered with. NOT_FOUND when it is not. */
enum status setup_service_command(char *out_command, size_t capacity, struct err *err);
enum status setup_service_account(char *out_account, size_t capacity, struct err *err);
/* The data directory that the service last worked in, noted beside its registration and gone with it: "" when
 * there is none, or no service. An account that may not note it notes nothing. */
void setup_data_dir_noted(char out_path[SETUP_PATH_MAX]);
/* Is one noted, and another one than that? */
bool setup_data_dir_noted_elsewhere(const char *data_dir, char out_path[SETUP_PATH_MAX]);
void setup_data_dir_note(const char *path);
/* When it starts, as the SCM numbers it: 2 with the system, 3 by hand, 4 never. */
#define SETUP_START_BY_HAND 3
#define SETUP_START_NEVER 4
enum status setup_service_start_type(uint32_t *out_type, struct err *err);
enum status setup_service_start_type_set(uint32_t type, struct err *err);
/* Starts it, if it does not run, and waits until it does, at most `deadline_ms`: TIMEOUT. SYSTEM says with
 * which error it stopped again. */
enum status setup_service_start(uint32_t deadline_ms, struct err *err);
/* Likewise, one that ran before, even if somebody has disabled it meanwhile: it stays disabled. */
enum status setup_service_start_again(uint32_t deadline_ms, struct err *err);
/* Stops it and waits until its process has ended, at most `deadline_ms`: TIMEOUT names the state it is in. OK
 * when it does not run. NOT_FOUND when there is none. */
enum status setup_service_stop(uint32_t deadline_ms, struct err *err);
/* Deletes it; *out_gone tells that the SCM has really let go of it (others may still hold handles). */
enum status setup_service_delete(bool *out_gone, struct err *err);

#endif

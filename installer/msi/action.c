/* action.c - the custom actions of the MSI packages. They call the very code of `storewatch install` and
 * `uninstall` (this DLL is linked with the library): how the service, its event source, the data directory
 * and the first configuration are made is written down once. The tables of the package know files and the
 * PATH.
 *
 * In the order in which Windows Installer runs them (storewatch.wxs has the numbers):
 *
 *   Begin      first of the script: can what is asked for be done? Asks whether to keep the history. When it
 *              says no, nothing has been touched. Notes in a journal how everything was
 *   Remove     uninstall: service and event source
 *   Halt       else: stops the service and waits until its process has ended. Windows Installer itself
 *              waits for the service only, and would find the file in use
 *   Install    closes the program's folder (Server 2003 lets Power Users write into what lies in the program
 *              files); service, event source, data directory, configuration; starts the service
 *   HaltAgain  rollback: so that the files of before can be put back
 *   Undo       last of a rollback: everything as the journal says; starts what ran
 *   Finish     commit: the journal goes; after an uninstall without KEEPDATA=1 the data too
 *
 * All of them are scripted and run as LocalSystem. No code of ours runs as the caller, who may be anybody
 * when it is a repair: what they are handed over (lines of NAME=VALUE) is put together by Windows Installer
 * itself, of properties only when it is a first installation or an upgrade.
 *
 * The journal lies in the data directory, because Wine hands Undo and Finish no data of their own. Before
 * anything is read from that folder it is taken over: any user may have made it, and put into it what Undo
 * would do as LocalSystem. The same is asked of the journal before it is believed. */
#include "storewatch/cli.h"
#include "storewatch/service.h"

#include "../../src/app/install.h"
#include "../../src/app/own_files.h"
#include "../../src/win32/setup.h"
#include "../../src/win32/win32.h"

#include <msi.h>
#include <msiquery.h>

#include <fcntl.h>
#include <io.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ACTION __declspec(dllexport) UINT WINAPI
#define DATA_MAX 8192
#define WORDS_BYTES_MAX (256 * 1024)
#define STOP_DEADLINE_MS 60000
#define START_DEADLINE_MS 120000
#define UI_LEVEL_BASIC 3

ACTION Begin(MSIHANDLE session);
ACTION Remove(MSIHANDLE session);
ACTION Install(MSIHANDLE session);
ACTION Halt(MSIHANDLE session);
ACTION Undo(MSIHANDLE session);
ACTION Finish(MSIHANDLE session);

/* ---- talking with Windows Installer ---- */

/* One line for the log, or with an error, a question: for the person as well. What was answered, 0 without
 * one. */
static int say_to(MSIHANDLE session, UINT kind, const char *line)
{
    int answer = 0;
    wchar_t *wide = utf16_new(line);
    const MSIHANDLE record = MsiCreateRecord(1);
    if (wide != NULL && record != 0) {
        MsiRecordSetStringW(record, 0, L"[1]");
        MsiRecordSetStringW(record, 1, wide);
        answer = MsiProcessMessage(session, (INSTALLMESSAGE)kind, record);
    }
    if (record != 0)
        MsiCloseHandle(record);
    free(wide);
    return answer;
}

static UINT failed(MSIHANDLE session, const struct err *err)
{
    char line[ERR_TEXT_MAX + 32];
    struct text text = text_on(line, sizeof(line));
    text_add(&text, "storewatch: %s", err->text);
    say_to(session, INSTALLMESSAGE_ERROR, line);
    return ERROR_INSTALL_FAILURE;
}

/* ---- lines of NAME=VALUE: what is handed over, and the journal ---- */

/* False when the value cannot stand on a line: then nobody's next line can be forged with it. */
static bool lines_add(struct text *lines, const char *name, const char *value)
{
    const bool stands = strpbrk(value, "\r\n") == NULL;
    if (stands)
        text_add(lines, "%s=%s\n", name, value);
    return stands && !lines->truncated;
}

/* False when the value does not fit; "" when there is none. */
static bool lines_get(const char *lines, const char *name, char *out_value, size_t capacity)
{
    const size_t length = strlen(name);
    struct text text = text_on(out_value, capacity);
    for (const char *line = lines; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, length) == 0 && line[length] == '=') {
            text_add_bytes(&text, line + length + 1, strcspn(line + length + 1, "\n"));
            break;
        }
    }
    return !text.truncated;
}

static enum status handed_over(MSIHANDLE session, char out_lines[DATA_MAX], struct err *err)
{
    static wchar_t wide[DATA_MAX];
    DWORD count = DATA_MAX;
    if (MsiGetPropertyW(session, L"CustomActionData", wide, &count) != ERROR_SUCCESS ||
        !utf16z_to_utf8(wide, out_lines, DATA_MAX)) {
        return err_set(err, STATUS_FULL, "CustomActionData", 0,
                       "the properties are longer than %d characters together", DATA_MAX - 1);
    }
    return STATUS_OK;
}

/* ---- the journal: how everything was ---- */

struct journal {
    char command[2 * SETUP_PATH_MAX]; /* of the service; "" = there was none */
    char data_dir[SETUP_PATH_MAX],
        data_dir_missing[SETUP_PATH_MAX]; /* the uppermost folder that was not there */
    char data_dir_noted[SETUP_PATH_MAX];  /* where the service worked */
    char default_dir_missing[SETUP_PATH_MAX];
    char start_type[2]; /* of the service, a digit */
    char account[256];
    char running[2], config_existed[2], removing[2], purge[2]; /* "1" = yes */
};

static const struct {
    const char *name;
    size_t offset, capacity;
} journal_fields[] = {
#define FIELD(name)                                                                                          \
    {                                                                                                        \
#name, offsetof(struct journal, name), sizeof(((struct journal *)0)->name)                           \
    }
    FIELD(command), FIELD(data_dir),       FIELD(data_dir_missing), FIELD(default_dir_missing),
    FIELD(running), FIELD(config_existed), FIELD(removing),         FIELD(purge),
    FIELD(account), FIELD(start_type),     FIELD(data_dir_noted),
#undef FIELD
};

struct places {
    char folder[SETUP_PATH_MAX], config[SETUP_PATH_MAX], config_copy[SETUP_PATH_MAX], journal[SETUP_PATH_MAX];
};

static enum status find_places(struct places *out, struct err *err)
{
    *out = (struct places){0};
    struct text config = text_on(out->config, sizeof(out->config));
    struct text copy = text_on(out->config_copy, sizeof(out->config_copy));
    struct text journal = text_on(out->journal, sizeof(out->journal));
    const bool known = cli_default_data_dir(out->folder, sizeof(out->folder));
    text_add(&config, "%s\\" CONFIG_FILE_NAME, out->folder);
    text_add(&copy, "%s" CONFIG_UNDO_SUFFIX, out->config);
    text_add(&journal, "%s\\storewatch.setup", out->folder);
    if (!known || copy.truncated || journal.truncated)
        return err_set(err, STATUS_SYSTEM, "data_dir", 0, "the common application data folder is not known");
    return STATUS_OK;
}

static enum status journal_write(const char *path, const struct journal *journal, struct err *err)
{
    static char lines[DATA_MAX];
    struct text text = text_on(lines, sizeof(lines));
    bool fits = true;
    for (size_t i = 0; i < ARRAY_COUNT(journal_fields); i++) {
        fits = lines_add(&text, journal_fields[i].name, (const char *)journal + journal_fields[i].offset) &&
               fits;
    }
    return fits ? setup_file_make(path, lines, text.length, err)
                : err_set(err, STATUS_FULL, "journal", 0, "the paths are too long");
}

/* False when there is none that Begin has written: then nothing was done that could be undone. */
static bool journal_read(const struct places *places, struct journal *out)
{
    static char lines[DATA_MAX];
    const bool ours = setup_trust_itself(places->folder, NULL) == STATUS_OK &&
                      setup_trust_itself(places->journal, NULL) == STATUS_OK;
    FILE *file = ours ? fopen(places->journal, "rb") : NULL;
    if (file == NULL)
        return false;
    lines[fread(lines, 1, sizeof(lines) - 1, file)] = '\0';
    fclose(file);
    for (size_t i = 0; i < ARRAY_COUNT(journal_fields); i++) {
        lines_get(lines, journal_fields[i].name, (char *)out + journal_fields[i].offset,
                  journal_fields[i].capacity);
    }
    return true;
}

/* ---- storewatch's own commands, run in here ---- */

/* A program without a console has no place for what a command prints: it goes to a pipe that is large enough.
 */
static int run_captured(int (*command)(int, char **), int argc, char **argv, struct buffer *words)
{
    int ends[2];
    char bytes[4096];
    if (_pipe(ends, WORDS_BYTES_MAX, _O_BINARY | _O_NOINHERIT) != 0)
        return cli_fail("no pipe for what is said");
    if (freopen("NUL", "w", stdout) == NULL || freopen("NUL", "w", stderr) == NULL ||
        _dup2(ends[1], _fileno(stdout)) != 0 || _dup2(ends[1], _fileno(stderr)) != 0)
        buffer_add(words, "storewatch: what is said here cannot be shown\n");
    const int code = command(argc, argv);
    fflush(stdout);
    fflush(stderr);
    if (freopen("NUL", "w", stdout) == NULL || freopen("NUL", "w", stderr) == NULL)
        buffer_add(words, "storewatch: there is no NUL\n");
    _close(ends[1]); /* the last writing end */
    for (int count = _read(ends[0], bytes, sizeof(bytes)); count > 0;
         count = _read(ends[0], bytes, sizeof(bytes)))
        buffer_add_bytes(words, bytes, (size_t)count);
    _close(ends[0]);
    return code;
}

/* Runs it, its words into the log, on failure for the person: what keeps it from working is in them. */
static UINT run(MSIHANDLE session, int (*command)(int, char **), int argc, char **argv)
{
    struct buffer words = {.limit = WORDS_BYTES_MAX};
    const int code = run_captured(command, argc, argv, &words);
    char *text = buffer_take(&words);
    const char *shown = text != NULL ? text : "storewatch: failed without a word";
    say_to(session, code == EXIT_FINE ? INSTALLMESSAGE_INFO : INSTALLMESSAGE_ERROR, shown);
    free(text);
    return code == EXIT_FINE ? ERROR_SUCCESS : ERROR_INSTALL_FAILURE;
}

/* `install` with what was handed over. */
static UINT run_install(MSIHANDLE session, const char *lines, bool check)
{
    static char command[] = "install", check_option[] = "--check", start_option[] = "--start";
    static char names[][16] = {"--program", "--import", "--mail-to", "--relay"};
    static char values[ARRAY_COUNT(names)][SETUP_PATH_MAX];
    static const char *const keys[] = {"program", "config", "mailto", "relay"};
    char *argv[2 + 2 * ARRAY_COUNT(names)];
    struct err err = {0};
    int argc = 0;
    argv[argc++] = command;
    argv[argc++] = check ? check_option : start_option;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (!lines_get(lines, keys[i], values[i], sizeof(values[i]))) {
            err_set(&err, STATUS_FULL, "CustomActionData", 0, "%s: longer than %d bytes", keys[i],
                    SETUP_PATH_MAX - 1);
            return failed(session, &err);
        }
        if (values[i][0] != '\0') {
            argv[argc++] = names[i];
            argv[argc++] = values[i];
        }
    }
    return run(session, install_run, argc, argv);
}

/* ---- the actions ---- */

/* Whether configuration and history go with an uninstall: KEEPDATA says it; without it who can be asked does,
 * and otherwise they go. */
static enum status find_purge(MSIHANDLE session, const char *lines, bool *out_purge, struct err *err)
{
    char keep[64], level[16];
    lines_get(lines, "keepdata", keep, sizeof(keep));
    lines_get(lines, "uilevel", level, sizeof(level));
    if (keep[0] != '\0' && strcmp(keep, "0") != 0 && strcmp(keep, "1") != 0) {
        return err_set(err, STATUS_INVALID, "KEEPDATA", 0,
                       "KEEPDATA=%s: 1 keeps configuration and history, 0 deletes them", keep);
    }
    *out_purge = strcmp(keep, "1") != 0;
    if (keep[0] == '\0' && strtol(level, NULL, 10) >= UI_LEVEL_BASIC) {
        *out_purge = say_to(session, INSTALLMESSAGE_USER | MB_YESNO | MB_ICONQUESTION,
                            "Keep the history and the configuration of storewatch? With Yes the next "
                            "installation goes on from them, with No they are deleted.") == IDNO;
    }
    return STATUS_OK;
}

/* The data directory of the configuration that will be in force, and which part of its path is missing. */
static void note_data_dir(const char *config_path, struct journal *journal)
{
    struct config_findings *findings = calloc(1, sizeof(*findings));
    struct config *config = calloc(1, sizeof(*config));
    if (findings != NULL && config != NULL) {
        if (config_load(config_path, config, findings, NULL) != STATUS_OK)
            config_default(config); /* there is none yet */
        if (cli_data_dir(config, journal->data_dir, sizeof(journal->data_dir)))
            setup_folder_missing(journal->data_dir, journal->data_dir_missing);
    }
    free(config);
    free(findings);
}

static enum status begin(const char *lines, const struct places *places, bool removing, bool purge,
                         struct err *err)
{
    struct journal journal = {.removing = {removing ? '1' : '0'}, .purge = {purge ? '1' : '0'}};
    char config[SETUP_PATH_MAX], first_made[SETUP_PATH_MAX] = "";
    uint32_t start_type = 0;
    lines_get(lines, "config", config, sizeof(config));
    setup_service_command(journal.command, sizeof(journal.command), NULL);
    setup_service_account(journal.account, sizeof(journal.account), NULL);
    if (setup_service_start_type(&start_type, NULL) == STATUS_OK)
        journal.start_type[0] = (char)('0' + start_type);
    journal.running[0] = setup_service_state("storewatch") > SERVICE_STOPPED ? '1' : '0';
    journal.config_existed[0] = setup_exists(places->config) ? '1' : '0';
    if (config[0] == '\0' && !service_command_config(journal.command, config, sizeof(config)))
        text_copy(config, sizeof(config), places->config);
    note_data_dir(config, &journal);
    setup_data_dir_noted(journal.data_dir_noted);
    setup_folder_missing(places->folder, journal.default_dir_missing);
    enum status status = setup_folder_make(places->folder, first_made, err);
    if (status == STATUS_OK && first_made[0] != '\0')
        status = setup_take_over(places->folder, err); /* somebody may have been faster */
    if (status == STATUS_OK && journal.config_existed[0] == '1' && !removing) {
        setup_file_remove(places->config_copy);
        status = setup_file_copy(places->config, places->config_copy, err);
    }
    if (status == STATUS_OK)
        status = journal_write(places->journal, &journal, err);
    if (status != STATUS_OK) {
        setup_file_remove(places->config_copy);
        setup_folder_remove(places->folder, first_made);
    }
    return status;
}

/* The executable that is to be installed. Without it `install` would take the one that it runs in, which is
 * Windows Installer's. */
static enum status find_program(const char *lines, char out_program[SETUP_PATH_MAX], struct err *err)
{
    return lines_get(lines, "program", out_program, SETUP_PATH_MAX) && strchr(out_program, '\\') != NULL
               ? STATUS_OK
               : err_set(err, STATUS_INVALID, "CustomActionData", 0,
                         "the package does not say where storewatch.exe is (\"%s\")", out_program);
}

/* No program is started that lay in its folder before: Windows Installer keeps a file of a higher version, and
 * what lies beside an executable is loaded with it. */
static enum status trust_program(const char *lines, struct err *err)
{
    char folder[SETUP_PATH_MAX];
    enum status status = find_program(lines, folder, err);
    if (status == STATUS_OK) {
        *strrchr(folder, '\\') = '\0';
        status = setup_exists(folder) ? setup_trust(folder, err) : STATUS_OK;
    }
    return status;
}

ACTION Begin(MSIHANDLE session)
{
    static char lines[DATA_MAX];
    char removing[2];
    bool purge = false;
    struct err err = {0};
    struct places places;
    enum status status = find_places(&places, &err);
    if (status == STATUS_OK)
        status = handed_over(session, lines, &err);
    lines_get(lines, "removing", removing, sizeof(removing));
    if (status == STATUS_OK && removing[0] == '1')
        status = install_may_remove(&err);
    if (status == STATUS_OK && removing[0] == '1')
        status = find_purge(session, lines, &purge, &err);
    if (status == STATUS_OK && setup_exists(places.folder)) {
        /* What is in it does not keep storewatch from being removed. */
        status =
            removing[0] == '1' ? setup_protect(places.folder, &err) : setup_take_over(places.folder, &err);
    }
    if (status == STATUS_OK && removing[0] != '1')
        status = trust_program(lines, &err);
    if (status != STATUS_OK)
        return failed(session, &err);
    setup_file_remove(places.journal); /* of one that was cut off */
    if (removing[0] != '1' && run_install(session, lines, true) != ERROR_SUCCESS)
        return ERROR_INSTALL_FAILURE;
    status = begin(lines, &places, removing[0] == '1', purge, &err);
    return status == STATUS_OK ? ERROR_SUCCESS : failed(session, &err);
}

ACTION Install(MSIHANDLE session)
{
    static char lines[DATA_MAX];
    char program[SETUP_PATH_MAX];
    struct err err = {0};
    enum status status = handed_over(session, lines, &err);
    if (status == STATUS_OK)
        status = find_program(lines, program, &err);
    if (status == STATUS_OK)
        status = setup_program_close(program, &err);
    return status == STATUS_OK ? run_install(session, lines, false) : failed(session, &err);
}

ACTION Remove(MSIHANDLE session)
{
    static char command[] = "uninstall";
    char *argv[] = {command};
    return run(session, uninstall_run, 1, argv);
}

ACTION Halt(MSIHANDLE session)
{
    struct err err = {0};
    const enum status status = setup_service_stop(STOP_DEADLINE_MS, &err);
    return status == STATUS_OK || status == STATUS_NOT_FOUND ? ERROR_SUCCESS : failed(session, &err);
}

/* The service and its event source as they were. What ran is started whatever else fails: `err` has the first
 * failure. */
static void service_as_before(const struct journal *journal, struct err *err)
{
    bool done = false;
    struct setup_before before;
    char program[SETUP_PATH_MAX];
    if (journal->command[0] == '\0') {
        setup_service_delete(&done, err);
        setup_event_source_remove(err);
        return;
    }
    setup_service_register(journal->command, &before, err);
    if (!before.existed && strcmp(journal->account, "") != 0 &&
        !text_equal_nocase(journal->account, "LocalSystem")) { /* nobody tells its password */
        err_set(err, STATUS_DENIED, "CreateService", 0,
                "the service storewatch runs as LocalSystem now; it was %s: set that in services.msc",
                journal->account);
    }
    setup_before_deinit(&before);
    struct text text = text_on(program, sizeof(program));
    text_add_bytes(&text, journal->command + 1, strcspn(journal->command + 1, "\""));
    setup_event_source_add(program, &done, err);
    if (journal->running[0] == '1')
        setup_service_start(START_DEADLINE_MS, err);
    /* Last: what is disabled could not be started. */
    if (journal->start_type[0] >= '0' + SERVICE_AUTO_START &&
        journal->start_type[0] <= '0' + SERVICE_DISABLED)
        setup_service_start_type_set((uint32_t)(journal->start_type[0] - '0'), err);
}

ACTION Undo(MSIHANDLE session)
{
    struct err err = {0};
    struct places places;
    static struct journal journal;
    if (find_places(&places, &err) != STATUS_OK || !journal_read(&places, &journal))
        return ERROR_SUCCESS;
    setup_service_stop(STOP_DEADLINE_MS, NULL);
    if (setup_exists(places.config_copy))
        setup_file_move(places.config_copy, places.config, &err);
    else if (journal.config_existed[0] != '1')
        setup_file_remove(places.config);
    if (journal.data_dir_missing[0] != '\0') {
        setup_files_remove(journal.data_dir, own_files_has_data, NULL);
        setup_folder_remove(journal.data_dir, journal.data_dir_missing);
    }
    setup_file_remove(places.journal);
    setup_folder_remove(places.folder, journal.default_dir_missing);
    service_as_before(&journal, &err);
    if (err.status != STATUS_OK)
        say_to(session, INSTALLMESSAGE_ERROR, err.text);
    return ERROR_SUCCESS;
}

ACTION Finish(MSIHANDLE session)
{
    struct places places;
    static struct journal journal;
    char config[SETUP_PATH_MAX] = "";
    struct err err = {0};
    if (find_places(&places, NULL) != STATUS_OK || !journal_read(&places, &journal))
        return ERROR_SUCCESS;
    setup_file_remove(places.journal);
    setup_file_remove(places.config_copy);
    if (journal.purge[0] == '1') {
        service_command_config(journal.command, config, sizeof(config));
        if (install_delete_data(config, journal.data_dir_noted, &err) != STATUS_OK)
            failed(session, &err); /* only told: all else is removed */
    }
    if (journal.removing[0] == '1')
        setup_folder_remove(places.folder, places.folder); /* if nothing is left in it */
    return ERROR_SUCCESS;
}

/* install.windows.c - `install` and `uninstall`: the order of the steps, what is undone when one fails, and
 * what people are told. The steps themselves are in src/win32/setup.c.
 *
 * Both can be repeated: installing again brings the registration up to date and keeps the configuration
 * unless another one is named; uninstalling twice is no error. */
#include "storewatch/agent.h"
#include "storewatch/cli.h"
#include "storewatch/control.h"
#include "storewatch/service.h"
#include "storewatch/store.h"

#include "../win32/inspect.h"
#include "../win32/setup.h"
#include "evidence.h"
#include "first_config.h"
#include "install.h"
#include "own_files.h"
#include "unfinished.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STOP_DEADLINE_MS 60000
#define START_DEADLINE_MS 120000

struct request {
    const char *config;           /* the service is to use this file, where it is */
    const char *import;           /* ... a copy of this file */
    const char *mail_to, *relays; /* for the first configuration */
    const char *program; /* the executable to register; NULL = this one. Only installer/msi knows of it */
    bool start, check;
};

/* What was done so far, for undoing it backwards. */
struct installation {
    char executable[SETUP_PATH_MAX];
    char config_path[SETUP_PATH_MAX];
    const char *import;                 /* to be copied there, lent; NULL = nothing is */
    char config_before[SETUP_PATH_MAX]; /* where the one that was replaced is; "" = none was */
    char default_dir[SETUP_PATH_MAX];
    char data_dir[SETUP_PATH_MAX];
    char command[2 * SETUP_PATH_MAX + 64];
    struct buffer first_config; /* to be written; empty when there is one */
    bool config_is_ours;        /* it is the file that `install` writes, in the default data directory */
    bool config_kept;           /* it was there */
    char default_dir_made[SETUP_PATH_MAX], data_dir_made[SETUP_PATH_MAX]; /* "" = it was there */
    bool config_made, registered, source_made;
    char source_before[SETUP_PATH_MAX]; /* the message file that the event source named; "" = none */
    bool started;                       /* asked to start: perhaps it still does */
    struct setup_before before;
};

static void undo(const struct installation *in)
{
    bool made = false;
    if (in->started) /* or it would go on in what is taken away from under it here */
        setup_service_stop(STOP_DEADLINE_MS, NULL);
    if (in->source_made)
        setup_event_source_remove(NULL);
    else if (in->source_before[0] != '\0') /* or events had no texts once this program is gone */
        setup_event_source_add(in->source_before, &made, NULL);
    if (in->registered)
        setup_service_restore(&in->before);
    setup_folder_remove(in->data_dir, in->data_dir_made);
    if (in->config_before[0] != '\0') /* over the new one: there is always one */
        setup_file_move(in->config_before, in->config_path, NULL);
    else if (in->config_made)
        setup_file_remove(in->config_path);
    setup_folder_remove(in->default_dir, in->default_dir_made);
}

static int could_not(const char *command, const struct err *err)
{
    if (err->status == STATUS_DENIED)
        return cli_fail("%s must be run as an Administrator: %s", command, err->text);
    return cli_fail("%s: %s", command, err->text);
}

/* The path of the configuration that `install` writes, or of one of the files beside it. */
static enum status beside_config(const struct installation *in, const char *suffix,
                                 char out_path[SETUP_PATH_MAX], struct err *err)
{
    struct text path = text_on(out_path, SETUP_PATH_MAX);
    text_add(&path, "%s\\" CONFIG_FILE_NAME "%s", in->default_dir, suffix);
    return path.truncated ? err_set(err, STATUS_FULL, "path", 0, "the path is too long: %s...", out_path)
                          : STATUS_OK;
}

/* The file to copy, which may lie beside its copy. The configuration itself stays where it is; what an
 * installation writes and removes on its way cannot be its source. */
static enum status find_import(struct installation *in, const char *import, struct err *err)
{
    static const char *const on_the_way[] = {CONFIG_NEW_SUFFIX, CONFIG_REPLACED_SUFFIX, CONFIG_UNDO_SUFFIX};
    char path[SETUP_PATH_MAX];
    in->import = import != NULL && !setup_same_file(import, in->config_path) ? import : NULL;
    for (size_t i = 0; in->import != NULL && i < ARRAY_COUNT(on_the_way); i++) {
        const enum status status = beside_config(in, on_the_way[i], path, err);
        if (status != STATUS_OK)
            return status;
        if (setup_same_file(import, path)) {
            return err_set(err, STATUS_INVALID, "import", 0,
                           "%s: an installation uses that name itself: copy the file to another one first",
                           import);
        }
    }
    return STATUS_OK;
}

/* Where everything is, before anything is changed. */
static enum status find_places(struct installation *in, const struct request *wanted, struct err *err)
{
    char ours[SETUP_PATH_MAX] = "";
    enum status status = wanted->program != NULL ? setup_absolute(wanted->program, in->executable, err)
                                                 : setup_executable(in->executable, err);
    if (status == STATUS_OK && !cli_default_data_dir(in->default_dir, sizeof(in->default_dir))) {
        status =
            err_set(err, STATUS_SYSTEM, "data_dir", 0, "the common application data folder is not known");
    }
    if (status == STATUS_OK)
        status = beside_config(in, "", ours, err);
    if (status == STATUS_OK && wanted->config != NULL)
        status = setup_absolute(wanted->config, in->config_path, err);
    else if (wanted->import != NULL || !service_installed_config(in->config_path, sizeof(in->config_path)))
        memcpy(in->config_path, ours, sizeof(ours));
    if (status == STATUS_OK)
        status = setup_drive_of_all(in->executable, err);
    if (status == STATUS_OK)
        status = setup_drive_of_all(in->config_path, err);
    in->config_is_ours = text_equal_nocase(in->config_path, ours);
    if (status == STATUS_OK &&
        !service_command_make(in->executable, in->config_path, in->command, sizeof(in->command)))
        status = err_set(err, STATUS_FULL, "command line", 0, "the paths are too long");
    return status == STATUS_OK ? find_import(in, wanted->import, err) : status;
}

/* The first configuration in memory, and its findings on stderr. */
static int make_first(struct installation *in, const struct request *wanted, struct config *out_config)
{
    const char *text = NULL;
    size_t count = 0;
    struct err err = {0};
    enum status status = setup_default_config(&text, &count, &err);
    if (status == STATUS_OK)
        status = first_config_make(text, count, wanted->mail_to, wanted->relays, &in->first_config, &err);
    if (status != STATUS_OK) {
        cli_fail("%s: %s", err.operation, err.text);
        return status == STATUS_INVALID ? EXIT_USAGE : EXIT_COULD_NOT;
    }
    struct config_findings *findings = calloc(1, sizeof(*findings));
    if (findings == NULL)
        return cli_fail("out of memory");
    status = config_parse(in->first_config.data, in->first_config.length, out_config, findings);
    for (size_t i = 0; status != STATUS_OK && i < findings->count; i++) {
        const struct config_finding *finding = &findings->items[i];
        if (!finding->warning)
            cli_fail("%s: %s", finding->key, finding->text);
    }
    free(findings);
    return status == STATUS_OK ? EXIT_FINE : EXIT_USAGE;
}

/* The configuration that will be in force: is it good? Still nothing is changed. */
static int check_config(struct installation *in, const struct request *wanted, struct config *out_config)
{
    if (in->import != NULL)
        return cli_load_config(in->import, out_config);
    in->config_kept = setup_exists(in->config_path);
    if (in->config_is_ours && !in->config_kept)
        return make_first(in, wanted, out_config);
    return cli_load_config(in->config_path, out_config);
}

/* As far as it can still be read; else the default. */
static void load_or_default(const char *config_path, struct config *out_config)
{
    struct config_findings *findings = calloc(1, sizeof(*findings));
    if (findings == NULL || config_path[0] == '\0' ||
        config_load(config_path, out_config, findings, NULL) != STATUS_OK)
        config_default(out_config);
    free(findings);
}

/* Of a restart that is under way only its journal knows, which lies with the data: the service must not be led away
 * from there. */
static enum status check_move(const struct config *config, struct err *err)
{
    char before[SETUP_PATH_MAX], then[SETUP_PATH_MAX], now[SETUP_PATH_MAX];
    const bool stays = !service_installed_config(before, sizeof(before)) ||
                       !unfinished_named(before, then, sizeof(then)) ||
                       !cli_data_dir(config, now, sizeof(now)) || text_equal_nocase(then, now);
    return stays ? STATUS_OK : install_may_remove(err);
}

/* The copy takes the place of the configuration, if there is one. It is whole before anything else is touched:
 * what is copied may be the very file that the one before is kept as. */
static enum status import_config(struct installation *in, struct err *err)
{
    char copy[SETUP_PATH_MAX] = "", replaced[SETUP_PATH_MAX] = "";
    enum status status = beside_config(in, CONFIG_NEW_SUFFIX, copy, err);
    if (status == STATUS_OK)
        status = beside_config(in, CONFIG_REPLACED_SUFFIX, replaced, err);
    if (status != STATUS_OK)
        return status;
    setup_file_remove(copy); /* of one that was cut off */
    status = setup_file_copy(in->import, copy, err);
    if (status == STATUS_OK && setup_exists(in->config_path)) { /* which is never away, whatever happens */
        setup_file_remove(replaced);
        status = setup_file_copy(in->config_path, replaced, err);
        if (status == STATUS_OK)
            memcpy(in->config_before, replaced, sizeof(replaced));
    }
    if (status == STATUS_OK)
        status = setup_file_move(copy, in->config_path, err);
    in->config_made = status == STATUS_OK;
    if (status != STATUS_OK)
        setup_file_remove(copy);
    return status;
}

/* Last of an installation, when nothing is undone any more: until now the one that an earlier one has kept is
 * there, too. One that cannot be replaced stays, and the other where it is. */
static void keep_config_before(struct installation *in)
{
    char before[SETUP_PATH_MAX];
    if (in->config_before[0] != '\0' && beside_config(in, CONFIG_BEFORE_SUFFIX, before, NULL) == STATUS_OK &&
        setup_file_move(in->config_before, before, NULL) == STATUS_OK)
        memcpy(in->config_before, before, sizeof(before));
}

/* Our own folder and the configuration in it. Whoever can write there owns the machine, and any user may make
 * a folder in the common data folder: so it is taken over with what is in it, or refused. */
static enum status prepare_ours(struct installation *in, struct err *err)
{
    enum status status = setup_folder_make(in->default_dir, in->default_dir_made, err);
    if (status == STATUS_OK) /* also when it was made just now: somebody may have been faster */
        status = setup_take_over(in->default_dir, err);
    if (status == STATUS_OK && in->import != NULL) {
        status = import_config(in, err);
    } else if (status == STATUS_OK && !in->config_kept) {
        status = setup_file_make(in->config_path, in->first_config.data, in->first_config.length, err);
        in->config_made = status == STATUS_OK;
    }
    return status == STATUS_OK ? setup_protect(in->config_path, err) : status;
}

static void print_installed(const struct installation *in, const struct request *wanted,
                            const struct config *config)
{
    const bool moved = in->before.existed && strcmp(in->before.command, in->command) != 0;
    const char *how = in->import != NULL       ? " (taken over now)"
                      : wanted->import != NULL ? " (it is that file already)"
                      : !in->config_made       ? ""
                      : config->recipient_count == 0 || config->relay_count == 0
                          ? " (written now: it only tells, and mails nobody yet)"
                          : " (written now: it only tells)";
    printf("storewatch is %s\n", !in->before.existed ? "installed"
                                 : moved             ? "installed anew"
                                                     : "installed already; its registration was renewed");
    printf("  program        %s\n", in->executable);
    printf("  configuration  %s%s\n", in->config_path, how);
    if (in->config_before[0] != '\0')
        printf("  the one before %s\n", in->config_before);
    printf("  data           %s%s\n", in->data_dir, in->data_dir_made[0] != '\0' ? " (made now)" : "");
    if (moved)
        printf("  it was         %s\n", in->before.command);
    if (in->config_kept && (wanted->mail_to != NULL || wanted->relays != NULL)) {
        printf("That configuration was there and is kept as it is: recipients and relays are for a first "
               "one.\n");
    }
    if (wanted->start) {
        printf("The service is running, and starts with Windows.\n");
    } else if (in->before.running) {
        printf(
            "The service is running; restart it to use this:  net stop storewatch && net start storewatch\n");
    } else {
        printf("It starts with Windows. Start it now:  net start storewatch\n");
    }
}

static enum status make_data_dir(struct installation *in, const struct config *config, struct err *err)
{
    enum status status = STATUS_OK;
    if (!cli_data_dir(config, in->data_dir, sizeof(in->data_dir)))
        status = err_set(err, STATUS_FULL, "data_dir", 0, "the path of the data directory is too long");
    if (status == STATUS_OK)
        status = setup_drive_of_all(in->data_dir, err);
    if (status == STATUS_OK)
        status = setup_folder_make(in->data_dir, in->data_dir_made, err);
    return status;
}

static enum status register_all(struct installation *in, const struct config *config, struct err *err)
{
    enum status status = make_data_dir(in, config, err);
    if (status == STATUS_OK && text_equal_nocase(in->data_dir, in->default_dir))
        status = setup_take_over(in->data_dir, err);
    if (status == STATUS_OK) {
        status = setup_service_register(in->command, &in->before, err);
        in->registered = status == STATUS_OK || in->before.existed;
    }
    if (status == STATUS_OK) {
        inspect_event_source(in->source_before, sizeof(in->source_before), NULL);
        status = setup_event_source_add(in->executable, &in->source_made, err);
    }
    return status;
}

static enum status start(struct installation *in, struct err *err)
{
    enum status status = in->before.running ? setup_service_stop(STOP_DEADLINE_MS, err) : STATUS_OK;
    if (status == STATUS_OK) {
        in->started = true;
        status = setup_service_start(START_DEADLINE_MS, err);
    }
    return status;
}

static int install(struct installation *in, const struct request *wanted)
{
    struct err err = {0};
    struct config config;
    enum status status = setup_may_install(&err);
    if (status == STATUS_OK)
        status = find_places(in, wanted, &err);
    if (status == STATUS_OK && in->config_is_ours)
        status = setup_trust(in->default_dir, &err); /* before anything in it is read */
    if (status != STATUS_OK)
        return could_not("install", &err);
    int code = check_config(in, wanted, &config);
    if (code == EXIT_FINE && check_move(&config, &err) != STATUS_OK)
        code = could_not("install", &err);
    if (code != EXIT_FINE) {
        fprintf(stderr, "storewatch: nothing was installed\n");
        return code;
    }
    if (wanted->check) {
        if (make_data_dir(in, &config, &err) != STATUS_OK)
            return could_not("install", &err);
        setup_folder_remove(in->data_dir, in->data_dir_made);
        printf("storewatch can be installed, with the configuration %s\n", in->config_path);
        return EXIT_FINE;
    }
    if (in->config_is_ours)
        status = prepare_ours(in, &err);
    if (status == STATUS_OK)
        status = register_all(in, &config, &err);
    if (status == STATUS_OK && wanted->start)
        status = start(in, &err);
    if (status != STATUS_OK) {
        struct err again = {0};
        undo(in);
        const int failed = could_not("install", &err);
        if (wanted->start && in->before.running && /* as it was */
            setup_service_start_again(START_DEADLINE_MS, &again) != STATUS_OK)
            cli_fail("the service that ran before does not start again: %s", again.text);
        return failed;
    }
    keep_config_before(in);
    print_installed(in, wanted, &config);
    return EXIT_FINE;
}

int install_run(int argc, char **argv)
{
    struct request wanted = {0};
    const struct cli_option options[] = {
        {"--config", &wanted.config, NULL},   {"--import", &wanted.import, NULL},
        {"--mail-to", &wanted.mail_to, NULL}, {"--relay", &wanted.relays, NULL},
        {"--program", &wanted.program, NULL}, {"--start", NULL, &wanted.start},
        {"--check", NULL, &wanted.check},
    };
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    const bool first = wanted.mail_to != NULL || wanted.relays != NULL;
    if ((wanted.config != NULL) + (wanted.import != NULL) + first > 1) {
        return cli_wrong_use(argv[0],
                             "--config names a configuration to use, --import one to copy, --mail-to and "
                             "--relay are for one that is written: only one of the three");
    }
    if (setup_wrong_bitness()) {
        return cli_fail("this is the 32-bit storewatch on 64-bit Windows, where it cannot see everything; "
                        "install the x64 one");
    }
    struct installation *in = calloc(1, sizeof(*in));
    if (in == NULL)
        return cli_fail("out of memory");
    const int code = install(in, &wanted);
    setup_before_deinit(&in->before);
    buffer_deinit(&in->first_config);
    free(in);
    return code;
}

/* The configuration of the service; when it is removed already, the one that `install` writes, unless somebody
 * else may have put it there: "". */
static void find_config(char out_path[SETUP_PATH_MAX])
{
    if (!service_installed_config(out_path, SETUP_PATH_MAX) &&
        (!cli_default_config(out_path, SETUP_PATH_MAX) || setup_trust_itself(out_path, NULL) != STATUS_OK))
        out_path[0] = '\0';
}

/* A collector would go on reading the last values for ever. A file that is not ours - nothing has run since
 * the configuration names it - stays. */
static void delete_metrics(const char *config_path)
{
    struct os *os = NULL;
    struct config config;
    load_or_default(config_path, &config);
    if (config.metrics_textfile[0] == '\0' || os_open(&os, NULL) != STATUS_OK)
        return;
    os_file_remove(os, config.metrics_textfile, METRICS_BEGIN, NULL);
    os_close(os);
}

static void delete_evidence(const char *data_dir, struct err *err)
{
    struct os *os = NULL;
    char folder[SETUP_PATH_MAX];
    struct text path = text_on(folder, sizeof(folder));
    text_add(&path, "%s\\" EVIDENCE_FOLDER_NAME, data_dir);
    if (path.truncated || os_open(&os, NULL) != STATUS_OK)
        return;
    evidence_remove_all(os, data_dir, err);
    os_close(os);
    setup_folder_remove(folder, folder);
}

static void delete_history(const char *data_dir, struct err *err)
{
    setup_files_remove(data_dir, own_files_has_data, err);
    delete_evidence(data_dir, err);
    setup_folder_remove(data_dir, data_dir);
}

enum status install_delete_data(const char *config_path, const char *noted, struct err *err)
{
    char data_dir[SETUP_PATH_MAX], default_dir[SETUP_PATH_MAX];
    char found[SETUP_PATH_MAX];
    struct err first = {0};
    if (config_path[0] == '\0') {
        find_config(found);
        config_path = found;
    }
    if (unfinished_named(config_path, data_dir, sizeof(data_dir)))
        delete_history(data_dir, &first);
    if (noted[0] != '\0')
        delete_history(noted, &first);
    if (cli_default_data_dir(default_dir, sizeof(default_dir))) {
        setup_files_remove(default_dir, own_files_has_config, &first);
        setup_folder_remove(default_dir, default_dir);
    }
    return first.status == STATUS_OK
               ? STATUS_OK
               : err_set(err, first.status, first.operation, first.code, "%s", first.text);
}

/* Once the service is gone, only the configuration that `install` writes can be found again. */
static void print_kept_data(const char *data_dir, bool deleted)
{
    char config_path[SETUP_PATH_MAX], again[SETUP_PATH_MAX] = "", history[SETUP_PATH_MAX + 32];
    find_config(config_path);
    unfinished_named(config_path, again, sizeof(again));
    store_path(history, sizeof(history), data_dir);
    const char *how = deleted                  ? ": it is not empty"
                      : !setup_exists(history) ? ""
                      : text_equal_nocase(again, data_dir)
                          ? " with the history; \"uninstall --delete-data\" deletes it"
                          : " with the history";
    if (data_dir[0] != '\0' && setup_exists(data_dir))
        printf("  kept  %s%s\n", data_dir, how);
}

static bool read_unfinished(struct restart_journal *out_journal, char out_path[SETUP_PATH_MAX])
{
    char config_path[SETUP_PATH_MAX] = "", data_dir[SETUP_PATH_MAX];
    service_installed_config(config_path, sizeof(config_path));
    if (!unfinished_find(config_path, data_dir, sizeof(data_dir)))
        return false;
    store_path(out_path, SETUP_PATH_MAX, data_dir);
    return unfinished_read_trusted(data_dir, out_journal);
}

/* Of a restart that waits for a storewatch which does not run: which of its services are down now? */
static enum status check_unfinished(struct err *err)
{
    char path[SETUP_PATH_MAX], down[256] = "";
    struct text names = text_on(down, sizeof(down));
    struct restart_journal *journal = malloc(sizeof(*journal));
    const size_t count = journal != NULL && read_unfinished(journal, path) ? journal->plan.count : 0;
    for (size_t i = count; i-- > 0;) {
        const struct restart_service *service = &journal->plan.services[i];
        const uint32_t state = unfinished_may_be_down(service) ? setup_service_state(service->name) : 0;
        if (state == SETUP_STATE_STOPPED || state == SETUP_STATE_STOPPING)
            text_add(&names, "%s%s", names.length > 0 ? ", " : "", service->name);
    }
    free(journal);
    text_tell_cut(&names);
    return names.length == 0
               ? STATUS_OK
               : err_set(err, STATUS_BUSY, "restart", 0,
                         "a restart was under way when storewatch last ended, and what it has stopped only "
                         "storewatch starts again: start the service storewatch and wait for the restart's "
                         "end, or start these yourself: %s. If they are to stay down, rename %s first",
                         down, path);
}

/* It takes no further stop then; its process may wait for a disk or a service manager that does not answer. */
static enum status stops_still(struct err *err)
{
    return err_set(
        err, STATUS_BUSY, "restart", 0,
        "the service storewatch is stopping and cannot say any more whether it has stopped others: wait "
        "until it has ended, or end its process storewatch.exe yourself");
}

static enum status no_answer(const char *why, struct err *err)
{
    return err_set(err, STATUS_BUSY, "restart", 0,
                   "the service storewatch runs and does not say whether it has stopped others (%s): stop it "
                   "first (net stop storewatch)",
                   why);
}

/* What a running storewatch says. */
static enum status check_answer(const char *answer, struct err *err)
{
    json_t *status = json_loads(answer, 0, NULL);
    const json_t *restart = json_object_get(status, "restart");
    const char *phase = json_string_value(json_object_get(restart, "phase"));
    const char *target = json_string_value(json_object_get(restart, "target"));
    const bool verifying = phase != NULL && strcmp(phase, restart_phase_name(RESTART_VERIFYING)) == 0;
    enum status result = restart != NULL ? STATUS_OK : no_answer("its answer is not understood", err);
    if (json_is_true(json_object_get(restart, "under_way")) && !verifying) {
        result =
            err_set(err, STATUS_BUSY, "restart", 0,
                    "a restart of %s is under way, and what it has stopped only storewatch starts again: "
                    "wait until \"storewatch status\" says that it has ended, or stop the service "
                    "storewatch and start the others yourself",
                    target != NULL ? target : "a service");
    }
    json_decref(status);
    return result;
}

enum status install_may_remove(struct err *err)
{
    char *answer = NULL;
    struct err why = {0};
    enum status status = control_ask("{\"request\": \"status\"}", &answer, &why);
    const uint32_t state = setup_service_state("storewatch");
    if (status == STATUS_OK)
        status = check_answer(answer, err);
    else if (state == SETUP_STATE_STOPPED)
        status = check_unfinished(err);
    else if (state == SETUP_STATE_STOPPING)
        status = stops_still(err);
    else
        status = state != 0 ? no_answer(why.text, err) : STATUS_OK; /* there is none */
    free(answer);
    return status;
}

/* Once more when the service has stopped: a restart may have begun after it was asked, and then it goes on. */
static enum status check_stopped(struct err *err)
{
    struct err why = {0};
    if (check_unfinished(&why) == STATUS_OK)
        return STATUS_OK;
    if (setup_service_start(START_DEADLINE_MS, NULL) != STATUS_OK)
        return err_set(err, why.status, why.operation, why.code, "%s", why.text);
    return err_set(
        err, STATUS_BUSY, why.operation, 0,
        "a restart has begun meanwhile, and the service storewatch, started again, goes on with it: wait "
        "until \"storewatch status\" says that it has ended");
}

int uninstall_run(int argc, char **argv)
{
    struct err err = {0};
    bool gone = false, delete_data = false;
    const struct cli_option options[] = {{"--delete-data", NULL, &delete_data}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    char config_path[SETUP_PATH_MAX], data_dir[SETUP_PATH_MAX] = "", noted[SETUP_PATH_MAX];
    find_config(config_path);
    unfinished_named(config_path, data_dir, sizeof(data_dir)); /* while a configuration says it, */
    setup_data_dir_noted(noted); /* and a service that may have worked elsewhere */
    enum status status = setup_may_install(&err);
    if (status == STATUS_OK)
        status = install_may_remove(&err);
    if (status != STATUS_OK)
        return could_not("uninstall", &err);
    status = setup_service_stop(STOP_DEADLINE_MS, &err);
    const bool absent = status == STATUS_NOT_FOUND;
    if (status == STATUS_OK)
        status = check_stopped(&err);
    if (status != STATUS_OK && !absent) {
        fprintf(stderr, "storewatch: nothing was removed\n");
        return could_not("uninstall", &err);
    }
    err = (struct err){0};
    status = setup_service_delete(&gone, &err);
    if (status == STATUS_OK)
        status = setup_event_source_remove(&err);
    if (status != STATUS_OK)
        return could_not("uninstall", &err);
    delete_metrics(config_path);
    printf("storewatch is %s\n", absent ? "not installed" : "uninstalled");
    if (!gone) {
        printf("Windows deletes the service when the last program that has it open (services.msc?) is "
               "closed.\n");
    }
    if (delete_data)
        status = install_delete_data(config_path, noted, &err);
    if (config_path[0] != '\0' && setup_exists(config_path))
        printf("  kept  %s\n", config_path);
    print_kept_data(data_dir, delete_data);
    if (!text_equal_nocase(noted, data_dir))
        print_kept_data(noted, delete_data);
    return status == STATUS_OK ? EXIT_FINE : cli_fail("%s", err.text);
}

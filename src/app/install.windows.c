/* install.windows.c - `install` and `uninstall`: the order of the steps, what is undone when one fails, and
 * what people are told. The steps themselves are in src/win32/setup.c.
 *
 * Both can be repeated: installing again brings the registration up to date and keeps the configuration
 * unless another one is named; uninstalling twice is no error. */
#include "storewatch/cli.h"
#include "storewatch/service.h"

#include "../win32/setup.h"

#include <stdio.h>
#include <string.h>

#define STOP_DEADLINE_MS 60000

/* What was done so far, for undoing it backwards. */
struct installation {
    char executable[SETUP_PATH_MAX];
    char config_path[SETUP_PATH_MAX];
    char default_dir[SETUP_PATH_MAX];
    char data_dir[SETUP_PATH_MAX];
    char command[2 * SETUP_PATH_MAX + 64];
    bool config_is_default; /* neither named nor known from an earlier installation */
    char default_dir_made[SETUP_PATH_MAX], data_dir_made[SETUP_PATH_MAX]; /* "" = it was there */
    bool config_made, registered, source_made;
    struct setup_before before;
};

static void undo(const struct installation *in)
{
    if (in->source_made) {
        setup_event_source_remove(NULL);
    }
    if (in->registered) {
        setup_service_restore(&in->before);
    }
    setup_folder_remove(in->data_dir, in->data_dir_made);
    if (in->config_made) {
        setup_file_remove(in->config_path);
    }
    setup_folder_remove(in->default_dir, in->default_dir_made);
}

static int could_not(const char *command, const struct err *err)
{
    if (err->status == STATUS_DENIED) {
        return cli_fail("%s must be run as an Administrator: %s", command, err->text);
    }
    return cli_fail("%s: %s", command, err->text);
}

/* Where everything is, before anything is changed. */
static enum status find_places(struct installation *in, const char *config_option, struct err *err)
{
    enum status status = setup_executable(in->executable, err);
    if (status == STATUS_OK && !cli_default_data_dir(in->default_dir, sizeof(in->default_dir))) {
        status =
            err_set(err, STATUS_SYSTEM, "data_dir", 0, "the common application data folder is not known");
    }
    if (status == STATUS_OK && config_option != NULL) {
        status = setup_absolute(config_option, in->config_path, err);
    } else if (status == STATUS_OK && !service_installed_config(in->config_path, sizeof(in->config_path))) {
        struct text path = text_on(in->config_path, sizeof(in->config_path));
        text_add(&path, "%s\\storewatch.json", in->default_dir);
        in->config_is_default = true;
    }
    if (status == STATUS_OK &&
        !service_command_make(in->executable, in->config_path, in->command, sizeof(in->command))) {
        status = err_set(err, STATUS_FULL, "command line", 0, "the paths are too long");
    }
    return status;
}

/* The default folder and, where there is none yet, the default configuration in it. Whoever can write there
 * owns the machine, and any user may make a folder in the common data folder: so it is taken over, with what
 * is in it. */
static enum status prepare_default(struct installation *in, struct err *err)
{
    const char *text = NULL;
    size_t count = 0;
    enum status status = setup_folder_make(in->default_dir, in->default_dir_made, err);
    if (status == STATUS_OK && in->default_dir_made[0] == '\0') {
        status = setup_protect(in->default_dir, err);
    }
    if (status == STATUS_OK && setup_exists(in->config_path)) {
        return setup_protect(in->config_path, err);
    }
    if (status == STATUS_OK) {
        status = setup_default_config(&text, &count, err);
    }
    if (status == STATUS_OK) {
        status = setup_file_make(in->config_path, text, count, err);
        in->config_made = status == STATUS_OK;
    }
    return status;
}

static void print_installed(const struct installation *in)
{
    const bool moved = in->before.existed && strcmp(in->before.command, in->command) != 0;
    printf("storewatch is %s\n", !in->before.existed ? "installed"
                                 : moved             ? "installed anew"
                                                     : "installed already; its registration was renewed");
    printf("  program        %s\n", in->executable);
    printf("  configuration  %s%s\n", in->config_path,
           in->config_made ? " (written now: it only tells, and mails nobody yet)" : "");
    printf("  data           %s%s\n", in->data_dir, in->data_dir_made[0] != '\0' ? " (made now)" : "");
    if (moved) {
        printf("  it was         %s\n", in->before.command);
    }
    if (in->before.running) {
        printf(
            "The service is running; restart it to use this:  net stop storewatch && net start storewatch\n");
    } else {
        printf("It starts with Windows. Start it now:  net start storewatch\n");
    }
}

static int install(struct installation *in, const char *config_option)
{
    struct err err = {0};
    struct config config;
    enum status status = setup_may_install(&err);
    if (status == STATUS_OK) {
        status = find_places(in, config_option, &err);
    }
    if (status == STATUS_OK && in->config_is_default) {
        status = prepare_default(in, &err);
    }
    if (status != STATUS_OK) {
        undo(in);
        return could_not("install", &err);
    }
    const int code = cli_load_config(in->config_path, &config);
    if (code != EXIT_FINE) {
        undo(in);
        fprintf(stderr, "storewatch: nothing was installed\n");
        return code;
    }
    if (!cli_data_dir(&config, in->data_dir, sizeof(in->data_dir))) {
        status = err_set(&err, STATUS_FULL, "data_dir", 0, "the path of the data directory is too long");
    }
    if (status == STATUS_OK) {
        status = setup_folder_make(in->data_dir, in->data_dir_made, &err);
    }
    if (status == STATUS_OK) {
        status = setup_service_register(in->command, &in->before, &err);
        in->registered = status == STATUS_OK || in->before.existed;
    }
    if (status == STATUS_OK) {
        status = setup_event_source_add(in->executable, &in->source_made, &err);
    }
    if (status != STATUS_OK) {
        undo(in);
        return could_not("install", &err);
    }
    print_installed(in);
    return EXIT_FINE;
}

int install_run(int argc, char **argv)
{
    const char *config_option = NULL;
    const struct cli_option options[] = {{"--config", &config_option, NULL}};
    if (!cli_parse(argc, argv, "install [--config FILE]", options, ARRAY_COUNT(options), NULL, 0, NULL)) {
        return EXIT_USAGE;
    }
    if (setup_wrong_bitness()) {
        return cli_fail("this is the 32-bit storewatch on 64-bit Windows, where it cannot see everything; "
                        "install the x64 one");
    }
    static struct installation in;
    const int code = install(&in, config_option);
    setup_before_deinit(&in.before);
    return code;
}

/* Where the history is: as the configuration says, if it can still be read, else the default. */
static void print_kept(const char *config_path)
{
    struct config_findings findings;
    struct config config;
    char data_dir[SETUP_PATH_MAX];
    if (config_path[0] == '\0' || config_load(config_path, &config, &findings, NULL) != STATUS_OK) {
        config_default(&config);
    }
    if (config_path[0] != '\0' && setup_exists(config_path)) {
        printf("  kept  %s\n", config_path);
    }
    if (cli_data_dir(&config, data_dir, sizeof(data_dir)) && setup_exists(data_dir)) {
        printf("  kept  %s with the history; delete it by hand if it is not wanted\n", data_dir);
    }
}

int uninstall_run(int argc, char **argv)
{
    struct err err = {0};
    bool gone = false;
    if (!cli_parse(argc, argv, "uninstall", NULL, 0, NULL, 0, NULL)) {
        return EXIT_USAGE;
    }
    char config_path[SETUP_PATH_MAX] = "";
    service_installed_config(config_path, sizeof(config_path));
    enum status status = setup_may_install(&err);
    if (status != STATUS_OK) {
        return could_not("uninstall", &err);
    }
    status = setup_service_stop(STOP_DEADLINE_MS, &err);
    const bool absent = status == STATUS_NOT_FOUND;
    if (status != STATUS_OK && !absent) {
        fprintf(stderr, "storewatch: nothing was removed\n");
        return could_not("uninstall", &err);
    }
    err = (struct err){0};
    status = setup_service_delete(&gone, &err);
    if (status == STATUS_OK) {
        status = setup_event_source_remove(&err);
    }
    if (status != STATUS_OK) {
        return could_not("uninstall", &err);
    }
    printf("storewatch is %s\n", absent ? "not installed" : "uninstalled");
    if (!gone) {
        printf("Windows deletes the service when the last program that has it open (services.msc?) is "
               "closed.\n");
    }
    print_kept(config_path);
    return EXIT_FINE;
}

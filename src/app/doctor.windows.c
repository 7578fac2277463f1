/* doctor.windows.c - `doctor`: is everything in order, line by line, and what to do where it is not. Changes
 * nothing and sends no mail. Needs no running service. */
#include "storewatch/cli.h"
#include "storewatch/control.h"
#include "storewatch/mailer.h"
#include "storewatch/service.h"

#include "../win32/access.h"
#include "../win32/inspect.h"
#include "../win32/rights.h"
#include "../win32/setup.h"
#include "doctor.h"
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISK_FREE_MIN_BYTES (256.0 * 1024 * 1024)

/* What helps where something could not be asked. */
static const char *as_administrator_or(const struct err *err, const char *otherwise)
{
    return err->status == STATUS_DENIED ? "Run doctor as an Administrator." : otherwise;
}

/* ---- rights and registration ---- */

static void check_rights(struct doctor *doctor)
{
    struct account own = {0};
    struct err err = {0};
    if (account_open(0, &own, &err) != STATUS_OK)
        doctor_add(doctor, DOCTOR_FAILED, "rights", "Run doctor as an Administrator.", "%s", err.text);
    else if (own.administrator && !own.missing[0])
        doctor_add(doctor, DOCTOR_OK, "rights", NULL, "doctor runs as %s, an Administrator, with %s",
                   own.name, needed_privileges[0].name);
    else
        doctor_add(doctor, DOCTOR_WARNING, "rights",
                   "Run doctor as an Administrator: what it cannot read it cannot check.",
                   "doctor runs as %s, %s, %s %s", own.name,
                   own.administrator ? "an Administrator" : "no Administrator",
                   own.missing[0] ? "without" : "with", needed_privileges[0].name);
    account_close(&own);
    if (setup_wrong_bitness())
        doctor_add(doctor, DOCTOR_FAILED, "program", "Use the x64 storewatch.exe.",
                   "this is the 32-bit program on 64-bit Windows: it sees no 64-bit modules");
}

static void check_privileges(struct doctor *doctor, const struct account *account)
{
    bool any = false;
    for (size_t i = 0; i < NEEDED_PRIVILEGE_COUNT; i++) {
        const struct needed_privilege *needed = &needed_privileges[i];
        if (!account->missing[i])
            continue;
        any = true;
        char todo[512];
        struct text text = text_on(todo, sizeof todo);
        text_add(
            &text,
            "secpol.msc, Local Policies, User Rights Assignment, \"%s\": add %s (or, with the Resource Kit: "
            "ntrights +r %s -u \"%s\"); then net stop storewatch && net start storewatch",
            needed->policy, account->name, needed->name, account->name);
        doctor_add(doctor, DOCTOR_WARNING, "account", todo, "%s has no %s: %s", account->name, needed->name,
                   needed->why);
    }
    if (!any)
        doctor_add(doctor, DOCTOR_OK, "account", NULL,
                   "the service runs as %s with %zu privileges, %s among them", account->name,
                   account->privilege_count, needed_privileges[0].name);
}

static void check_control_of(struct doctor *doctor, const struct account *account, const char *service)
{
    char missing[128] = "", sddl[1024] = "", todo[512];
    struct err err = {0};
    struct text text = text_on(todo, sizeof todo);
    if (account_service_check(account, service, missing, sizeof missing, sddl, sizeof sddl, &err) !=
        STATUS_OK) {
        doctor_add(doctor, DOCTOR_WARNING, "account", "Run doctor as an Administrator.", "%s", err.text);
        return;
    }
    if (!missing[0]) {
        doctor_add(doctor, DOCTOR_OK, "account", NULL, "%s may ask, start and stop %s", account->name,
                   service);
        return;
    }
    text_add(&text, "sc sdset \"%s\" \"%s\"", service, sddl);
    if (!sddl[0] || text.truncated) { /* a command that is cut must not be run */
        text_clear(&text);
        text_add(
            &text,
            "sc sdshow \"%s\"; put (A;;CCLCSWRPWPLORC;;;%s) at the end of its D: part, and give the whole to "
            "sc sdset \"%s\"",
            service, account->sid, service);
    }
    doctor_add(doctor, doctor->config.mode == MODE_ACT ? DOCTOR_FAILED : DOCTOR_WARNING, "account", todo,
               "%s may not, of %s: %s", account->name, service, missing);
}

/* What a restart of this service would stop and start again, or only itself when that is not known. */
static void check_control(struct doctor *doctor, const struct account *account,
                          const struct service_graph *graph, const char *service)
{
    struct restart_plan *plan = calloc(1, sizeof *plan);
    if (!service[0] || !observation_service(doctor->observation, service)) {
        free(plan);
        return;
    }
    if (plan && restart_plan_make(graph, doctor->observation, service, plan, NULL) == STATUS_OK)
        for (size_t i = 0; i < plan->count; i++)
            check_control_of(doctor, account, plan->services[i].name);
    else
        check_control_of(doctor, account, service);
    free(plan);
}

static const struct {
    const char *words, *icacls, *cacls;
} file_uses[] = {
    [FILE_USE_READ] = {"read", "R", "R"},
    [FILE_USE_CHANGE] = {"write into", "(OI)(CI)M", "C"},
    [FILE_USE_CLOSE] = {"write into and close", "(OI)(CI)F", "F"},
};

/* What is closed takes nothing over from the folder above: hence each by itself. */
static void add_grant(struct text *text, const char *account, const char *path, enum file_use use)
{
    const bool whole = use == FILE_USE_CLOSE;
    text_add(text, "icacls \"%s\" /grant \"%s\":%s%s (on Server 2003: cacls \"%s\" /E%s /G \"%s\":%s)", path,
             account, file_uses[use].icacls, whole ? " /t" : "", path, whole ? " /T" : "", account,
             file_uses[use].cacls);
}

static void check_use_of(struct doctor *doctor, const struct account *account, const char *path,
                         enum file_use use)
{
    char todo[2 * SETUP_PATH_MAX + 1024];
    struct err err = {0};
    bool may = false;
    struct text text = text_on(todo, sizeof todo);
    add_grant(&text, account->name, path, use);
    if (account_file_check(account, path, use, &may, &err) != STATUS_OK)
        doctor_add(doctor, DOCTOR_WARNING, "account", "Run doctor as an Administrator.", "%s", err.text);
    else if (!may)
        doctor_add(doctor, DOCTOR_FAILED, "account", todo, "%s may not %s %s", account->name,
                   file_uses[use].words, path);
}

/* "" when the configuration names no metrics file. */
static void metrics_folder(const struct config *config, char *out_folder, size_t capacity)
{
    size_t length = strlen(config->metrics_textfile);
    while (length > 0 && config->metrics_textfile[length] != '\\' && config->metrics_textfile[length] != '/')
        length--;
    struct text text = text_on(out_folder, capacity);
    text_add_bytes(&text, config->metrics_textfile, length);
    if (length > 0 && config->metrics_textfile[length - 1] == ':') /* of a drive: its root */
        text_add(&text, "\\");
}

/* What the service uses, as far as it is there. */
struct used_file {
    char path[SETUP_PATH_MAX];
    enum file_use use;
};
#define USED_FILES_MAX 4

static size_t find_used_files(const struct doctor *doctor, const char *config_path,
                              struct used_file out_files[USED_FILES_MAX])
{
    struct used_file all[USED_FILES_MAX] = {
        {.use = FILE_USE_READ}, {.use = FILE_USE_CHANGE}, {.use = FILE_USE_CLOSE}, {.use = FILE_USE_CHANGE}};
    struct text text = text_on(all[2].path, sizeof all[2].path);
    size_t count = 0;
    text_copy(all[0].path, sizeof all[0].path, config_path);
    if (cli_data_dir(&doctor->config, all[1].path, sizeof all[1].path))
        text_add(&text, "%s\\" EVIDENCE_FOLDER_NAME, all[1].path);
    metrics_folder(&doctor->config, all[3].path, sizeof all[3].path);
    for (size_t i = 0; i < USED_FILES_MAX; i++)
        if (all[i].path[0] && setup_exists(all[i].path))
            out_files[count++] = all[i];
    return count;
}

/* A service that does not run has no token to be looked at: told is how its account gets in. */
static void check_stopped(struct doctor *doctor, const struct account *own, const char *config_path)
{
    char name[ACCOUNT_NAME_MAX];
    struct used_file files[USED_FILES_MAX];
    if (setup_service_account(name, sizeof name, NULL) != STATUS_OK || !name[0] ||
        text_equal_nocase(name, "LocalSystem") || text_equal_nocase(name, own->name))
        return;
    const char *account = strncmp(name, ".\\", 2) == 0 ? name + 2 : name; /* of this machine */
    const size_t count = find_used_files(doctor, config_path, files);
    doctor_add(
        doctor, DOCTOR_WARNING, "account",
        "storewatch install opens the usual places to it; then net start storewatch, and doctor again.",
        "the service does not run, so what its account %s may do cannot be seen", account);
    for (size_t i = 0; i < count; i++) {
        char todo[2 * SETUP_PATH_MAX + 1024];
        struct text text = text_on(todo, sizeof todo);
        add_grant(&text, account, files[i].path, files[i].use);
        doctor_add(doctor, DOCTOR_WARNING, "account", todo, "%s must be able to %s %s", account,
                   file_uses[files[i].use].words, files[i].path);
    }
}

/* LocalSystem has it all. Another account is looked at through the token of the running service; where that
 * is closed to us, or it does not run, through our own: so doctor can be run as that account. */
static void check_account(struct doctor *doctor, const char *config_path)
{
    struct account account = {0};
    struct service_graph graph = {0};
    struct err err = {0};
    const struct service *service = observation_service(doctor->observation, "storewatch");
    const uint32_t pid = service && service->state == SERVICE_STATE_RUNNING ? service->pid : 0;
    if (account_open(pid, &account, &err) != STATUS_OK) {
        doctor_add(doctor, DOCTOR_WARNING, "account",
                   "To see what that account may do: runas /user:ACCOUNT \"cmd /k storewatch doctor\"", "%s",
                   err.text);
        return;
    }
    if (pid)
        check_privileges(doctor, &account);
    if (!account.local_system && (pid || !account.administrator)) {
        struct used_file files[USED_FILES_MAX];
        const size_t count = find_used_files(doctor, config_path, files);
        for (size_t i = 0; i < count; i++)
            check_use_of(doctor, &account, files[i].path, files[i].use);
        os_service_graph(doctor->os, &graph, NULL);
        check_control(doctor, &account, &graph, doctor->config.store_service);
        for (size_t i = 0; i < doctor->config.client_count; i++)
            check_control(doctor, &account, &graph, doctor->config.clients[i].service);
        service_graph_deinit(&graph);
    }
    if (!pid)
        check_stopped(doctor, &account, config_path);
    account_close(&account);
}

/* Somebody set it so for a while, and forgot. */
static void check_next_boot(struct doctor *doctor, uint32_t start_type, bool running)
{
    if (start_type == SETUP_START_BY_HAND || (start_type == SETUP_START_NEVER && running))
        doctor_add(doctor, DOCTOR_WARNING, "service", "sc config storewatch start= auto",
                   "it %s: after the next boot of the machine nothing is watched",
                   start_type == SETUP_START_NEVER ? "is disabled" : "starts by hand only");
}

static void check_service(struct doctor *doctor)
{
    char command[2 * SETUP_PATH_MAX];
    uint32_t start_type = 0;
    struct err err = {0};
    enum status status = setup_service_command(command, sizeof command, &err);
    const struct service *service = observation_service(doctor->observation, "storewatch");
    const bool running = service && service->state == SERVICE_STATE_RUNNING;
    setup_service_start_type(&start_type, NULL);
    if (status == STATUS_NOT_FOUND)
        doctor_add(doctor, DOCTOR_FAILED, "service", "storewatch install, then net start storewatch",
                   "the service \"storewatch\" is not installed");
    else if (status != STATUS_OK)
        doctor_add(doctor, DOCTOR_WARNING, "service", "Run doctor as an Administrator.", "%s", err.text);
    else if (running)
        doctor_add(doctor, DOCTOR_OK, "service", NULL, "installed and running, pid %u: %s",
                   (unsigned)service->pid, command);
    else if (start_type == SETUP_START_NEVER)
        doctor_add(doctor, DOCTOR_FAILED, "service",
                   "sc config storewatch start= auto, then net start storewatch",
                   "installed, but it is disabled and does not run: %s", command);
    else
        doctor_add(doctor, DOCTOR_FAILED, "service", "net start storewatch",
                   "installed, but it does not run: %s", command);
    check_next_boot(doctor, start_type, running);
}

static void check_event_source(struct doctor *doctor)
{
    char file[SETUP_PATH_MAX];
    struct err err = {0};
    if (inspect_event_source(file, sizeof file, &err) != STATUS_OK)
        doctor_add(doctor, DOCTOR_FAILED, "events", "storewatch install", "%s", err.text);
    else if (!setup_exists(file))
        doctor_add(doctor, DOCTOR_FAILED, "events", "storewatch install, from where the program lies now",
                   "the event source names %s, which is not there: events show no text", file);
    else
        doctor_add(doctor, DOCTOR_OK, "events", NULL, "the event source is registered: %s", file);
}

/* ---- files ---- */

static void check_access(struct doctor *doctor, const char *config_path, const char *data_dir)
{
    struct unsafe_places *places = calloc(1, sizeof *places);
    if (!places)
        return;
    access_unsafe_places(config_path, data_dir, places);
    for (size_t i = 0; i < places->count; i++) {
        char words[SETUP_PATH_MAX + 256], todo[2 * SETUP_PATH_MAX];
        struct text text = text_on(words, sizeof words), todo_text = text_on(todo, sizeof todo);
        text_add_unsafe_place(&text, &places->items[i]);
        text_add_unsafe_remedy(&todo_text, &places->items[i]);
        doctor_add(doctor, DOCTOR_FAILED, "access", todo, "%s, and so decide which services are restarted",
                   words);
    }
    if (places->unread_count)
        doctor_add(doctor, DOCTOR_WARNING, "access", "Run doctor as an Administrator.", "%s",
                   places->unread.text);
    else if (!places->count)
        doctor_add(doctor, DOCTOR_OK, "access", NULL,
                   "the configuration, the program and the data directory are closed to ordinary users");
    free(places);
}

/* An owner opens what is his to himself again, however it is closed. So what another account has left keeps
 * an upgrade from going on and evidence from being written. Only an Administrator can look at all of it. */
static void check_owners(struct doctor *doctor, const char *data_dir)
{
    struct account own = {0};
    struct err err = {0};
    char ours[SETUP_PATH_MAX], folder[SETUP_PATH_MAX], todo[SETUP_PATH_MAX + 256];
    struct text text = text_on(folder, sizeof folder), todo_text = text_on(todo, sizeof todo);
    const bool is_ours = cli_default_data_dir(ours, sizeof ours) && text_equal_nocase(ours, data_dir);
    text_add(&text, "%s%s", data_dir, is_ours ? "" : "\\" EVIDENCE_FOLDER_NAME);
    const bool sees_all = account_open(0, &own, NULL) == STATUS_OK && own.administrator;
    account_close(&own);
    if (!sees_all || setup_trust(folder, &err) == STATUS_OK)
        return;
    text_add(&todo_text,
             "What the service itself has written under another account: takeown /a /r /f \"%s\". Anything "
             "else: rename or delete it.",
             folder);
    doctor_add(doctor, DOCTOR_FAILED, "access", todo, "%s", err.text);
}

static void check_pipe(struct doctor *doctor)
{
    char who[160];
    struct err err = {0};
    enum status status = access_pipe_users(CONTROL_PIPE_NAME, who, sizeof who, &err);
    if (status == STATUS_NOT_FOUND)
        return; /* the service does not run, which has a line of its own */
    if (status != STATUS_OK)
        doctor_add(doctor, DOCTOR_WARNING, "access",
                   as_administrator_or(&err, "Run doctor again when the service answers."), "%s", err.text);
    else if (who[0])
        doctor_add(doctor, DOCTOR_FAILED, "access", "Restart storewatch; is it its own pipe?",
                   "the control pipe may be used by %s", who);
    else
        doctor_add(doctor, DOCTOR_OK, "access", NULL, "the control pipe is closed to ordinary users");
}

static void check_disk(struct doctor *doctor, const char *dir)
{
    double bytes = NAN;
    char words[64];
    struct err err = {0};
    struct text text = text_on(words, sizeof words);
    if (os_disk_free(doctor->os, dir, &bytes, &err) != STATUS_OK) {
        doctor_add(doctor, DOCTOR_WARNING, "disk", "See that the disk of the data directory is there.", "%s",
                   err.text);
        return;
    }
    text_add_quantity(&text, UNIT_BYTES, bytes);
    bool little = bytes < DISK_FREE_MIN_BYTES;
    doctor_add(doctor, little ? DOCTOR_WARNING : DOCTOR_OK, "disk",
               little ? "Free space: without a history storewatch restarts nothing." : NULL,
               "%s free for the data directory", words);
    if (doctor->config.dump_kind != DUMP_NONE && bytes < doctor->config.dump_min_free_bytes)
        doctor_add(doctor, DOCTOR_WARNING, "disk", "Free space, or lower actions.dump.min_free.",
                   "%s free: less than actions.dump.min_free, so no dump would be written", words);
}

/* A configuration with errors is told, and the checks go on with the defaults. */
static void check_config(struct doctor *doctor, const char *path, char out_path[SETUP_PATH_MAX])
{
    char default_path[SETUP_PATH_MAX];
    struct config_findings *findings = calloc(1, sizeof *findings);
    struct err err = {0};
    if (!path)
        path = cli_default_config(default_path, sizeof default_path) ? default_path : NULL;
    if (!findings || !path) {
        doctor_add(doctor, DOCTOR_FAILED, "config", "Give --config FILE.", "there is no configuration");
        free(findings);
        return;
    }
    enum status status = config_load(path, &doctor->config, findings, &err);
    for (size_t i = 0; i < findings->count; i++) {
        char words[1024];
        struct text text = text_on(words, sizeof words);
        config_finding_format(&text, path, &findings->items[i]);
        doctor_add(doctor, findings->items[i].warning ? DOCTOR_WARNING : DOCTOR_FAILED, "config",
                   "Mend the file, then: sc control storewatch paramchange (or net start storewatch, when it "
                   "does not run)",
                   "%s", words);
    }
    if (status == STATUS_OK)
        doctor_add(doctor, DOCTOR_OK, "config", NULL, "%s is valid; mode \"%s\"", path,
                   doctor->config.mode == MODE_ACT ? "act" : "alert");
    else if (findings->count == 0)
        doctor_add(doctor, DOCTOR_FAILED, "config",
                   status == STATUS_NOT_FOUND
                       ? "storewatch install writes a first one; or give --config FILE."
                       : as_administrator_or(&err, "Give --config FILE."),
                   "%s", err.text);
    if (status != STATUS_OK)
        doctor_add(doctor, DOCTOR_WARNING, "config", "First mend what stands above.",
                   "what follows is asked of the default configuration: it knows no client and no relay");
    text_copy(out_path, SETUP_PATH_MAX, path);
    free(findings);
}

static void check_metrics(struct doctor *doctor)
{
    char folder[CONFIG_STRING_MAX];
    metrics_folder(&doctor->config, folder, sizeof folder);
    if (folder[0] && !setup_exists(folder))
        doctor_add(doctor, DOCTOR_FAILED, "metrics", "Make the folder, or correct metrics_textfile.",
                   "the folder of the metrics file is not there: %s", folder);
}

static void check_folder(struct doctor *doctor, const char *config_path, const char *dir)
{
    if (!setup_exists(dir))
        doctor_add(doctor, DOCTOR_WARNING, "access", "storewatch install makes it.",
                   "the data directory is not there: %s", dir);
    else if (!setup_is_folder(dir))
        doctor_add(doctor, DOCTOR_FAILED, "access", "Rename it, or correct data_dir.",
                   "the data directory %s is a file: the service cannot start", dir);
    check_access(doctor, config_path, dir);
    check_owners(doctor, dir);
    if (setup_is_folder(dir))
        check_disk(doctor, dir);
}

/* out_dir: where the history is. False: nobody knows. */
static bool check_files(struct doctor *doctor, const char *config_path, char out_dir[SETUP_PATH_MAX])
{
    char dir[SETUP_PATH_MAX];
    check_metrics(doctor);
    if (!cli_data_dir(&doctor->config, dir, sizeof dir)) {
        doctor_add(doctor, DOCTOR_FAILED, "access", "Set data_dir.", "there is no data directory");
        return false;
    }
    check_folder(doctor, config_path, dir);
    if (!cli_works_elsewhere(config_path, dir, out_dir, SETUP_PATH_MAX))
        return text_copy(out_dir, SETUP_PATH_MAX, dir);
    check_folder(doctor, config_path, out_dir);
    doctor_add(
        doctor, DOCTOR_WARNING, "history",
        "Nothing, if that is meant; to take the history along: net stop storewatch, move storewatch.db "
        "there, net start storewatch.",
        "the service works in %s since it was last started; the configuration names %s, which it takes "
        "over at its next start",
        out_dir, dir);
    return true;
}

/* ---- the running service, its history, the clock ---- */

/* What `status --json` says. A service that runs and does not answer has a line of its own. */
static void ask_service(struct doctor *doctor)
{
    const struct service *service = observation_service(doctor->observation, "storewatch");
    char *json = NULL;
    struct err err = {0};
    if (!service || service->state != SERVICE_STATE_RUNNING)
        return;
    if (control_ask("{\"request\": \"status\"}", &json, &err) != STATUS_OK)
        doctor_add(doctor, DOCTOR_WARNING, "service",
                   as_administrator_or(&err, "Restart the service; then run doctor again."),
                   "the service runs, but does not answer: %s", err.text);
    else if (!(doctor->status = json_loads(json, 0, NULL)))
        doctor_add(doctor, DOCTOR_WARNING, "service", "Restart the service; then run doctor again.",
                   "the service runs, but its answer is not JSON");
    free(json);
}

/* data_dir: NULL = not known */
static void check_clock(struct doctor *doctor, const char *data_dir)
{
    struct doctor_time time;
    inspect_time_service(time.type, sizeof time.type, time.server, sizeof time.server);
    if (data_dir)
        doctor_check_history(doctor, data_dir);
    doctor_check_clock(doctor, &time);
}

/* ---- relays ---- */

static void check_relays(struct doctor *doctor)
{
    const struct config *config = &doctor->config;
    struct os_facts facts;
    struct err init = {0};
    os_facts_get(doctor->os, &facts);
    if (config->recipient_count == 0 || config->relay_count == 0) {
        doctor_add(doctor, DOCTOR_WARNING, "relay", "Set mail.to and mail.relays.",
                   "no mail is configured: alerts go to the event log only");
        return;
    }
    if (mailer_global_init(&init) != STATUS_OK) {
        doctor_add(doctor, DOCTOR_FAILED, "relay", "Close other programs, and ask again.", "%s", init.text);
        return;
    }
    for (size_t i = 0; i < config->relay_count; i++) {
        const struct config_relay *relay = &config->relays[i];
        char answer[256] = "";
        struct err err = {0};
        bool answers = mailer_probe(relay, facts.host_name, answer, sizeof answer, &err) == STATUS_OK;
        doctor_add(doctor, answers ? DOCTOR_OK : DOCTOR_FAILED, "relay",
                   answers ? NULL
                           : "Correct its entry under mail.relays, or mend it; then storewatch test-alert.",
                   "%s:%u %s: %s", relay->host, relay->port, answers ? "answers" : "cannot be used",
                   answers ? answer : err.text);
    }
    mailer_global_deinit();
}

/* ---- the command ---- */

static int show(const struct doctor *doctor, bool json)
{
    struct buffer out = {0};
    char *text = NULL;
    if (json) {
        text = doctor_json(doctor);
    } else {
        doctor_text(doctor, &out);
        text = buffer_take(&out);
    }
    if (!text)
        return cli_fail("out of memory");
    fputs(text, stdout);
    if (json)
        fputs("\n", stdout);
    free(text);
    return doctor_worst(doctor) == DOCTOR_FAILED ? EXIT_FOUND : EXIT_FINE;
}

int doctor_run(int argc, char **argv)
{
    const char *config_path = NULL;
    bool json = false;
    const struct cli_option options[] = {{"--config", &config_path, NULL}, {"--json", NULL, &json}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    struct os *os = NULL;
    struct err err = {0};
    if (os_open(&os, &err) != STATUS_OK)
        return cli_fail("%s", err.text);
    struct doctor *doctor = doctor_new(os);
    if (!doctor) {
        os_close(os);
        return cli_fail("out of memory");
    }
    check_rights(doctor);
    char used_path[SETUP_PATH_MAX] = "", data_dir[SETUP_PATH_MAX];
    check_config(doctor, config_path, used_path);
    const bool knows_data = check_files(doctor, used_path, data_dir);
    check_event_source(doctor);
    if (doctor_look(doctor)) {
        check_service(doctor);
        ask_service(doctor);
        doctor_check_polls(doctor);
        check_clock(doctor, knows_data ? data_dir : NULL);
        check_account(doctor, used_path);
        check_pipe(doctor);
        doctor_check_machine(doctor);
        doctor_check_clients(doctor);
        doctor_check_limits(doctor);
        doctor_check_dlls(doctor);
    }
    check_relays(doctor);
    int code = show(doctor, json);
    doctor_free(doctor);
    os_close(os);
    return code;
}

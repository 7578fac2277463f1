/* doctor.c - see doctor.h. Everything here works on what os.h tells, so that it is tested against the fake.
 */
#include "doctor.h"

#include "json_values.h"

#include "storewatch/advice.h"
#include "storewatch/units.h"

#include <stdlib.h>
#include <string.h>

/* A person waits for the answer: longer than the service's searches may take, but bounded. */
#define SEARCH_BUDGET_MS (30 * MS_PER_SECOND)
#define COST_LOOKS 20

static const char *const level_names[DOCTOR_LEVEL_COUNT] = {
    [DOCTOR_OK] = "ok", [DOCTOR_WARNING] = "warning", [DOCTOR_FAILED] = "failed"};

struct doctor *doctor_new(struct os *os)
{
    struct doctor *doctor = calloc(1, sizeof *doctor);
    if (!doctor)
        return NULL;
    doctor->os = os;
    doctor->observation = observation_new();
    config_default(&doctor->config);
    if (doctor->observation)
        return doctor;
    free(doctor);
    return NULL;
}

void doctor_free(struct doctor *doctor)
{
    if (!doctor)
        return;
    json_decref(doctor->status);
    watch_deinit(&doctor->watch);
    observation_free(doctor->observation);
    free(doctor);
}

/* A service that is in two plans is asked twice. */
static bool is_told(const struct doctor *doctor, const struct doctor_line *line)
{
    for (size_t i = 0; i < doctor->line_count; i++) {
        const struct doctor_line *told = &doctor->lines[i];
        if (told->level == line->level && strcmp(told->area, line->area) == 0 &&
            strcmp(told->text, line->text) == 0)
            return true;
    }
    return false;
}

void doctor_add(struct doctor *doctor, enum doctor_level level, const char *area, const char *todo,
                const char *format, ...)
{
    if (doctor->line_count >= DOCTOR_LINES_MAX - 1) {
        struct doctor_line *last = &doctor->lines[DOCTOR_LINES_MAX - 1];
        if (doctor->line_count < DOCTOR_LINES_MAX)
            *last =
                (struct doctor_line){.area = "doctor",
                                     .text = "more was found than there is room for; this is the worst of it",
                                     .todo = "Mend what is above, and ask again."};
        doctor->line_count = DOCTOR_LINES_MAX;
        last->level = level > last->level ? level : last->level;
        return;
    }
    struct doctor_line *line = &doctor->lines[doctor->line_count];
    line->level = level;
    line->area = area;
    struct text text = text_on(line->text, sizeof line->text);
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
    text_copy(line->todo, sizeof line->todo, todo ? todo : "");
    doctor->line_count += !is_told(doctor, line);
}

enum doctor_level doctor_worst(const struct doctor *doctor)
{
    enum doctor_level worst = DOCTOR_OK;
    for (size_t i = 0; i < doctor->line_count; i++)
        worst = doctor->lines[i].level > worst ? doctor->lines[i].level : worst;
    return worst;
}

/* ---- looking ---- */

bool doctor_look(struct doctor *doctor)
{
    struct err err = {0};
    if (os_observe(doctor->os, doctor->observation, &err) != STATUS_OK) {
        doctor_add(doctor, DOCTOR_FAILED, "counters", "Run doctor as an Administrator.",
                   "the processes cannot be read: %s", err.text);
        return false;
    }
    if (err.status != STATUS_OK)
        doctor_add(doctor, DOCTOR_FAILED, "counters", "Run doctor as an Administrator.",
                   "a part of the machine cannot be read: %s", err.text);
    else
        doctor_add(doctor, DOCTOR_OK, "counters", NULL, "%zu processes and %zu services can be read",
                   doctor->observation->process_count, doctor->observation->service_count);
    discovery_scan(&doctor->discovery, doctor->os, doctor->observation->processes,
                   doctor->observation->process_count, true, SEARCH_BUDGET_MS);
    watch_set_found(&doctor->watch, doctor->discovery.found, doctor->discovery.found_count);
    if (watch_look(&doctor->watch, &doctor->config, doctor->observation) != STATUS_OK)
        doctor_add(doctor, DOCTOR_FAILED, "counters", "Close other programs, and ask again.",
                   "not enough memory to watch every client");
    watch_push(&doctor->watch, &doctor->config, doctor->observation);
    return true;
}

/* ---- the machine ---- */

static void check_veto(struct doctor *doctor)
{
    const struct config *config = &doctor->config;
    bool any = false;
    for (size_t i = 0; i < doctor->observation->process_count; i++) {
        const struct process *process = &doctor->observation->processes[i];
        for (size_t k = 0; k < config->veto_count; k++) {
            if (!process_image_is(process->image, config->veto_processes[k]))
                continue;
            doctor_add(doctor, DOCTOR_WARNING, "veto", "Nothing, if that is meant to run now.",
                       "%s (pid %u) runs: no restart begins while it does", process->image,
                       (unsigned)process->id.pid);
            any = true;
        }
    }
    if (any)
        return;
    char names[256] = "";
    struct text text = text_on(names, sizeof names);
    for (size_t k = 0; k < config->veto_count; k++)
        text_add(&text, "%s%s", k ? ", " : "", config->veto_processes[k]);
    if (config->veto_count)
        doctor_add(doctor, DOCTOR_OK, "veto", NULL,
                   "no backup or repair runs that holds a restart (actions.veto_processes: %s%s)", names,
                   text.truncated ? "..." : "");
    else
        doctor_add(doctor, DOCTOR_OK, "veto", NULL,
                   "no backup or repair holds a restart (actions.veto_processes is empty)");
}

static void check_cost(struct doctor *doctor)
{
    struct os_self before, after;
    os_self_get(doctor->os, &before);
    int64_t begun_ms = os_mono_ms(doctor->os);
    for (int i = 0; i < COST_LOOKS; i++)
        if (os_observe(doctor->os, doctor->observation, NULL) != STATUS_OK)
            return; /* told by doctor_look, should it happen there */
    double wall_ms = (double)(os_mono_ms(doctor->os) - begun_ms) / COST_LOOKS;
    os_self_get(doctor->os, &after);
    double cpu_ms = (after.cpu_ms - before.cpu_ms) / COST_LOOKS;
    double share = cpu_ms / (double)doctor->config.interval_ms;
    const char *too_much = share > 0.01 ? "Make sampling.interval longer." : NULL;
    char cpu[64];
    struct text text = text_on(cpu, sizeof cpu);
    if (reading_known(cpu_ms))
        text_add(&text, ", %.1f ms of CPU: %.3f %% of one processor", cpu_ms, share * 100);
    doctor_add(doctor, too_much ? DOCTOR_WARNING : DOCTOR_OK, "cost", too_much, "one look takes %.1f ms%s",
               wall_ms, cpu);
}

void doctor_check_machine(struct doctor *doctor)
{
    const struct config *config = &doctor->config;
    if (!doctor->observation->cluster_node)
        doctor_add(doctor, DOCTOR_OK, "cluster", NULL, "this is no cluster node");
    else if (config->act_on_cluster)
        doctor_add(
            doctor, DOCTOR_WARNING, "cluster",
            "Set actions.on_cluster to \"alert\", unless fail-overs are wanted.",
            "this is a cluster node and actions.on_cluster is \"act\": a restart may look like a failure "
            "and fail over");
    else
        doctor_add(doctor, DOCTOR_OK, "cluster", NULL,
                   "this is a cluster node: storewatch only tells (actions.on_cluster)");
    check_veto(doctor);
    check_cost(doctor);
}

/* ---- clients ---- */

static size_t check_items(struct doctor *doctor, enum target_kind kind, const char *target)
{
    size_t count = 0;
    for (size_t i = 0; i < doctor->watch.count; i++) {
        const struct watched *item = &doctor->watch.items[i];
        if (item->kind != kind || !text_equal_nocase(item->target, target))
            continue;
        count++;
        char bytes[64];
        struct text text = text_on(bytes, sizeof bytes);
        text_add_quantity(&text, UNIT_BYTES, item->now[METRIC_PRIVATE_BYTES]);
        bool known = reading_known(item->now[METRIC_PRIVATE_BYTES]);
        doctor_add(doctor, known ? DOCTOR_OK : DOCTOR_WARNING, target_kind_name(kind),
                   known ? NULL : "Run doctor as an Administrator.", "%s: %s, pid %u, private bytes %s",
                   target, item->image, (unsigned)item->process.pid, bytes);
    }
    return count;
}

/* False after a line: there is no such service. */
static bool check_service(struct doctor *doctor, const char *area, const char *service)
{
    const struct observation *observation = doctor->observation;
    if (!service[0] || !observation->services_known || observation_service(observation, service))
        return true;
    doctor_add(doctor, DOCTOR_FAILED, area,
               "Write the service's name as \"sc query\" shows it, not its display name.",
               "there is no service \"%s\" on this machine", service);
    return false;
}

static void check_registered(struct doctor *doctor)
{
    const struct config *config = &doctor->config;
    if (check_service(doctor, "store", config->store_service) &&
        check_items(doctor, TARGET_STORE, config->store_service) == 0)
        doctor_add(doctor, DOCTOR_WARNING, "store",
                   "Start it, or name the right one in information_store.service.", "%s does not run",
                   config->store_service);
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        bool missing = !check_service(doctor, "client", client->service);
        if (check_items(doctor, TARGET_CLIENT, client->name) == 0 && !(missing && !client->image[0]))
            doctor_add(doctor, DOCTOR_WARNING, "client", "Start it, or correct its entry under \"clients\".",
                       "%s: no process of %s%s runs", client->name, client->image[0] ? "" : "the service ",
                       client->image[0] ? client->image : client->service);
    }
}

/* "": it is that of no service, or of several. */
static const char *service_of(const struct doctor *doctor, const struct found_client *found)
{
    const struct service *service = observation_service_of(doctor->observation, found->process.pid);
    return service ? service->name : "";
}

static bool is_registered(const struct doctor *doctor, struct process_id process)
{
    for (size_t i = 0; i < doctor->watch.count; i++)
        if (process_id_equal(doctor->watch.items[i].process, process))
            return doctor->watch.items[i].kind != TARGET_DISCOVERED;
    return false;
}

static void check_found(struct doctor *doctor)
{
    size_t unregistered = 0;
    for (size_t i = 0; i < doctor->discovery.found_count; i++) {
        const struct found_client *found = &doctor->discovery.found[i];
        if (is_registered(doctor, found->process))
            continue;
        char todo[512];
        struct text text = text_on(todo, sizeof todo);
        text_add_registering(&text, found->image, service_of(doctor, found));
        unregistered++;
        doctor_add(doctor, DOCTOR_WARNING, "discovered", todo, "%s, pid %u, %s and is not registered%s",
                   found->image, (unsigned)found->process.pid, found->how,
                   doctor->config.discover_clients ? "" : "; discover_clients is off: it is not watched");
    }
    const struct discovery *discovery = &doctor->discovery;
    if (unregistered == 0)
        doctor_add(doctor, DOCTOR_OK, "discovered", NULL, "no MAPI client runs that is not registered");
    if (discovery->left_out > 0)
        doctor_add(doctor, DOCTOR_WARNING, "discovered", "Register those that matter under \"clients\".",
                   "%zu more MAPI client%s not listed", discovery->left_out,
                   discovery->left_out == 1 ? " is" : "s are");
    if (discovery->waiting > 0)
        doctor_add(doctor, DOCTOR_WARNING, "discovered", "Run doctor again when the machine is less busy.",
                   "%zu process%s not looked into for want of time", discovery->waiting,
                   discovery->waiting == 1 ? " was" : "es were");
    if (discovery->closed_count > 0)
        doctor_add(doctor, DOCTOR_OK, "discovered", NULL,
                   "%zu of %zu processes cannot be looked into (protected ones, or not enough rights)",
                   discovery->closed_count, discovery->looked_count);
}

static void check_registry(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->discovery.registration_count; i++) {
        const struct mapi_registration *item = &doctor->discovery.registrations[i];
        if (item->source == MAPI_SOURCE_MSMAPIAPPS) {
            doctor_add(doctor, DOCTOR_OK, "registry", NULL, "MSMapiApps names %s", item->name);
            continue;
        }
        char version[32];
        struct text text = text_on(version, sizeof version);
        text_add_file_version(&text, &item->dll.on_disk);
        if (item->dll.path[0])
            doctor_add(doctor, DOCTOR_OK, "registry", NULL,
                       "Clients\\Mail names %s: MAPI goes to %s, version %s", item->name, item->dll.path,
                       version);
        else
            doctor_add(doctor, DOCTOR_OK, "registry", NULL, "Clients\\Mail names %s, without a MAPI DLL",
                       item->name);
    }
}

void doctor_check_clients(struct doctor *doctor)
{
    check_registered(doctor);
    check_found(doctor);
    check_registry(doctor);
}

/* ---- limits ---- */

/* Where there is a limit: how much of its address space is left, in one piece. */
static void check_space_of(struct doctor *doctor, const struct watched *item)
{
    struct err err = {0};
    struct space space;
    char storage[256];
    struct text text = text_on(storage, sizeof storage);
    enum status status = os_process_space(doctor->os, item->process, &space, &err);
    if (status == STATUS_UNSUPPORTED || status == STATUS_NOT_FOUND)
        return; /* a 64-bit one has no practical end; one that has just ended is told elsewhere */
    if (status != STATUS_OK) {
        doctor_add(doctor, DOCTOR_WARNING, "space", "Run doctor as an Administrator.",
                   "%s, pid %u: what is free of its address space is not known: %s", item->image,
                   (unsigned)item->process.pid, err.text);
        return;
    }
    text_add_space(&text, &space);
    enum space_level level = space_level_of(space.largest_bytes, SPACE_FINE);
    doctor_add(doctor,
               level == SPACE_ERROR     ? DOCTOR_FAILED
               : level == SPACE_WARNING ? DOCTOR_WARNING
                                        : DOCTOR_OK,
               "space",
               level == SPACE_ERROR     ? "Restart it now: requests for a larger block fail."
               : level == SPACE_WARNING ? "Restart it in a quiet hour: below 16 MiB requests fail."
                                        : NULL,
               "%s, pid %u: %s", item->image, (unsigned)item->process.pid, storage);
}

static void check_limit_of(struct doctor *doctor, struct watched *item)
{
    const struct config *config = &doctor->config;
    struct err err = {0};
    char bytes[64];
    struct text text = text_on(bytes, sizeof bytes);
    double limit = NAN;
    enum status status = os_process_address_limit(doctor->os, item->process, &limit, &err);
    if (status != STATUS_OK) {
        doctor_add(doctor, DOCTOR_WARNING, "limit", "Run doctor as an Administrator.",
                   "%s, pid %u: its address space is not known: %s", item->image, (unsigned)item->process.pid,
                   err.text);
        return;
    }
    text_add_quantity(&text, UNIT_BYTES, isnan(limit) ? config->limit_private_bytes : limit);
    if (!isnan(limit) && (isnan(config->limit_private_bytes) || limit <= config->limit_private_bytes))
        doctor_add(doctor, DOCTOR_OK, "limit", NULL, "%s, pid %u: %s, its address space", item->image,
                   (unsigned)item->process.pid, bytes);
    else if (!isnan(config->limit_private_bytes)) {
        text_clear(&text);
        text_add_quantity(&text, UNIT_BYTES, config->limit_private_bytes);
        doctor_add(doctor, DOCTOR_OK, "limit", NULL, "%s, pid %u: %s, from the configuration", item->image,
                   (unsigned)item->process.pid, bytes);
    } else
        doctor_add(doctor, DOCTOR_OK, "limit", NULL,
                   "%s, pid %u: none of its own (64-bit), only what is left of the commit limit", item->image,
                   (unsigned)item->process.pid);
}

void doctor_check_limits(struct doctor *doctor)
{
    const struct host *host = &doctor->observation->host;
    char used[64], limit[64];
    struct text text = text_on(used, sizeof used), limit_text = text_on(limit, sizeof limit);
    text_add_quantity(&text, UNIT_BYTES, host->commit_bytes);
    text_add_quantity(&limit_text, UNIT_BYTES, host->commit_limit_bytes);
    if (!doctor->observation->host_known)
        doctor_add(doctor, DOCTOR_FAILED, "limit", "Run doctor as an Administrator.",
                   "the memory of the machine cannot be read");
    else if (host->commit_bytes > 0.9 * host->commit_limit_bytes)
        doctor_add(doctor, DOCTOR_WARNING, "limit",
                   "Find out what uses the memory, or make the paging file larger.",
                   "%s of the system commit limit of %s are used", used, limit);
    else
        doctor_add(doctor, DOCTOR_OK, "limit", NULL, "%s of the system commit limit of %s are used", used,
                   limit);
    for (size_t i = 0; i < doctor->watch.count; i++)
        if (doctor->watch.items[i].kind != TARGET_HOST) {
            check_limit_of(doctor, &doctor->watch.items[i]);
            check_space_of(doctor, &doctor->watch.items[i]);
        }
}

/* ---- DLLs ---- */

void doctor_check_dlls(struct doctor *doctor)
{
    size_t count = 0;
    for (size_t i = 0; i < doctor->discovery.found_count; i++) {
        const struct found_client *found = &doctor->discovery.found[i];
        for (size_t k = 0; k < found->dlls.count; k++) {
            const struct loaded_dll *dll = &found->dlls.items[k];
            struct defect_finding finding;
            char words[DLL_TEXT_MAX];
            struct text text = text_on(words, sizeof words);
            defect_judge(dll, &finding);
            text_add_defect(&text, found->image, dll, &finding);
            count++;
            if (finding.fix == FIX_MISSING)
                doctor_add(
                    doctor, DOCTOR_FAILED, "fix",
                    finding.restart_loads_fix
                        ? "Restart the program: the fixed file is on the disk already."
                        : "Install the hotfix of KB 898782 (or a later Emsmdb32.dll of Exchange 2003), then "
                          "restart the program.",
                    "%s (pid %u, %s)", words, (unsigned)found->process.pid, dll->path);
            else if (finding.fix == FIX_UNKNOWN)
                doctor_add(doctor, DOCTOR_WARNING, "fix",
                           "Look at the file's properties: which version is it?", "%s (pid %u, %s)", words,
                           (unsigned)found->process.pid, dll->path);
        }
    }
    if (count == 0)
        doctor_add(doctor, DOCTOR_OK, "fix", NULL, "no process has a MAPI DLL loaded");
    else
        doctor_add(doctor, DOCTOR_OK, "fix", NULL, "%zu loaded MAPI DLL%s compared with KB 898782", count,
                   count == 1 ? " was" : "s were");
}

/* ---- showing ---- */

static void add_table(const struct doctor *doctor, struct buffer *out)
{
    bool any = false;
    for (size_t i = 0; i < doctor->discovery.found_count; i++) {
        const struct found_client *found = &doctor->discovery.found[i];
        for (size_t k = 0; k < found->dlls.count; k++) {
            const struct loaded_dll *dll = &found->dlls.items[k];
            struct defect_finding finding;
            char loaded[32], on_disk[32];
            struct text text = text_on(loaded, sizeof loaded), disk_text = text_on(on_disk, sizeof on_disk);
            text_add_file_version(&text, &dll->loaded);
            text_add_file_version(&disk_text, &dll->on_disk);
            defect_judge(dll, &finding);
            if (!any)
                buffer_add(out, "\n%-20s %6s  %-16s %-16s %-14s %s\n", "process", "pid", "loaded", "on disk",
                           "KB 898782", "path");
            any = true;
            buffer_add(out, "%-20s %6u  %-16s %-16s %-14s %s\n", found->image, (unsigned)found->process.pid,
                       loaded, on_disk, fix_state_name(finding.fix), dll->path);
        }
    }
}

void doctor_text(const struct doctor *doctor, struct buffer *out)
{
    size_t counts[DOCTOR_LEVEL_COUNT] = {0};
    for (size_t i = 0; i < doctor->line_count; i++) {
        const struct doctor_line *line = &doctor->lines[i];
        counts[line->level]++;
        buffer_add(out, "%-8s %-13s %s\n", level_names[line->level], line->area, line->text);
        if (line->todo[0])
            buffer_add(out, "%23s-> %s\n", "", line->todo);
    }
    add_table(doctor, out);
    buffer_add(out, "\n%zu ok, %zu warning%s, %zu failed\n", counts[DOCTOR_OK], counts[DOCTOR_WARNING],
               counts[DOCTOR_WARNING] == 1 ? "" : "s", counts[DOCTOR_FAILED]);
}

static json_t *client_json(const struct doctor *doctor, const struct found_client *found)
{
    char line[512];
    struct text text = text_on(line, sizeof line);
    text_add_client_line(&text, found->image, service_of(doctor, found));
    json_t *dlls = json_array();
    for (size_t k = 0; k < found->dlls.count; k++) {
        const struct loaded_dll *dll = &found->dlls.items[k];
        struct defect_finding finding;
        defect_judge(dll, &finding);
        json_array_append_new(dlls, json_pack("{s:o, s:o, s:o, s:s, s:o}", "path", json_words(dll->path),
                                              "loaded", json_version(&dll->loaded), "on_disk",
                                              json_version(&dll->on_disk), "kb898782",
                                              fix_state_name(finding.fix), "why", json_words(finding.why)));
    }
    return json_pack("{s:o, s:I, s:o, s:b, s:o, s:o}", "image", json_words(found->image), "pid",
                     (json_int_t)found->process.pid, "how", json_words(found->how), "registered",
                     is_registered(doctor, found->process), "client", json_words(line), "dlls", dlls);
}

char *doctor_json(const struct doctor *doctor)
{
    json_t *lines = json_array(), *clients = json_array();
    for (size_t i = 0; i < doctor->line_count; i++) {
        const struct doctor_line *line = &doctor->lines[i];
        json_array_append_new(lines, json_pack("{s:s, s:s, s:o, s:o}", "level", level_names[line->level],
                                               "area", line->area, "text", json_words(line->text), "todo",
                                               json_words_or_null(line->todo)));
    }
    for (size_t i = 0; i < doctor->discovery.found_count; i++)
        json_array_append_new(clients, client_json(doctor, &doctor->discovery.found[i]));
    json_t *root = json_pack("{s:i, s:s, s:s, s:o, s:o}", "version", 1, "storewatch", STOREWATCH_VERSION,
                             "worst", level_names[doctor_worst(doctor)], "lines", lines, "clients", clients);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    return text;
}

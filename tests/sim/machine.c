/* machine.c - draws a world from a seed, and is its operating system: os.h, mailer.h, and the store's rename.
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VETO_IMAGE "eseutil.exe"
#define VETO_PID 3u

static uint32_t below(uint64_t *state, uint32_t bound)
{
    return world_random_below(state, bound);
}

static bool chance(uint64_t *state, uint32_t percent)
{
    return below(state, 100) < percent;
}

/* ---- drawing ---- */

/* Whoever needs whom; the clients and the Information Store are what storewatch may restart. */
static const struct blueprint {
    const char *name, *image;
    const char *needs[3];
    uint32_t present_pct;
} blueprints[] = {
    {"MSExchangeSA", "mad.exe", {NULL}, 50},
    {"MSExchangeIS", "store.exe", {"MSExchangeSA"}, 100},
    {"POP3Svc", "inetinfo.exe", {"MSExchangeIS"}, 60},
    {"Connector", "connector.exe", {"MSExchangeIS", "POP3Svc"}, 50},
    {"ArchiveSvc", "archive.exe", {NULL}, 100},
    {"Sweeper", "sweeper.exe", {"ArchiveSvc", "Connector"}, 60},
    {"SweeperUI", "sweeperui.exe", {"Sweeper"}, 40},
    {"BESAgent", "besagent.exe", {"MSExchangeIS"}, 60},
    {"Spooler", "spoolsv.exe", {NULL}, 60},
};

const char *target_service(size_t index)
{
    static const char *const names[] = {"ArchiveSvc", "MSExchangeIS", "BESAgent"};
    while (index < ARRAY_COUNT(names) && service_index(names[index]) == SIZE_MAX)
        index++;
    return index < ARRAY_COUNT(names) ? names[index] : NULL;
}

size_t service_index(const char *name)
{
    const struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        if (text_equal_nocase(world->services[i].name, name))
            return i;
    return SIZE_MAX;
}

bool service_needs(size_t dependent, size_t needed)
{
    const struct world_service *service = &sim->os.world.services[dependent];
    if (dependent == needed)
        return true;
    for (size_t n = 0; n < service->need_count; n++)
        if (service_needs(service->needs[n], needed))
            return true;
    return false;
}

static bool ever_needed(size_t dependent, size_t needed, uint32_t walked)
{
    if (dependent == needed)
        return true;
    for (size_t n = 0; n < sim->os.world.count; n++)
        if ((sim->os.ever_needed[dependent] >> n & 1u) && !(walked >> n & 1u) &&
            ever_needed(n, needed, walked | 1u << n))
            return true;
    return false;
}

bool service_ever_needed(size_t dependent, size_t needed)
{
    for (size_t i = 0; i < sim->os.world.count; i++)
        for (size_t n = 0; n < sim->os.world.services[i].need_count; n++)
            sim->os.ever_needed[i] |= 1u << sim->os.world.services[i].needs[n];
    return ever_needed(dependent, needed, 1u << dependent);
}

static void share_process(const char *guest, const char *host)
{
    size_t from = service_index(guest), to = service_index(host);
    if (from == SIZE_MAX || to == SIZE_MAX)
        return;
    struct world_service *services = sim->os.world.services;
    services[from].shares_process_of = 1 + (int)to;
    services[from].pid = services[to].pid;
    services[from].created_100ns = services[to].created_100ns;
    text_copy(sim->os.programs[from].image, PROCESS_IMAGE_MAX, sim->os.programs[to].image);
}

static void draw_services(uint64_t *random)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < ARRAY_COUNT(blueprints); i++) {
        if (!chance(random, blueprints[i].present_pct))
            continue;
        struct world_service *service = world_add(world, blueprints[i].name);
        struct program *program = &sim->os.programs[world->count - 1];
        text_copy(program->image, sizeof program->image, blueprints[i].image);
        program->base_bytes = (60 + below(random, 900)) * MIB;
        program->growth = chance(random, 20) ? GROWTH_PLATEAU : chance(random, 15) ? GROWTH_SAW : GROWTH_FLAT;
        program->top_bytes = program->base_bytes * 1.5;
        program->bytes_per_hour = program->base_bytes * 0.2;
        program->tau_ms = (int64_t)(10 + below(random, 60)) * sim->settings.interval_ms;
        service->start_type = chance(random, 70) ? START_AUTO : START_DEMAND;
        service->start_latency_ms = 100 + below(random, chance(random, 20) ? 40000 : 3000);
        service->stop_latency_ms = 50 + below(random, chance(random, 20) ? 60000 : 3000);
        service->pause_latency_ms = 50 + below(random, chance(random, 50) ? 40000 : 3000);
        service->checkpoint_every_ms = chance(random, 70) ? 1000 : 0;
        service->wait_hint_ms = below(random, 20000);
        service->recovers = chance(random, 20);
        service->recovers_after_ms = chance(random, 30) ? 1000 + below(random, 120000) : 0;
        for (size_t n = 0; n < ARRAY_COUNT(blueprints[i].needs) && blueprints[i].needs[n]; n++)
            if (service_index(blueprints[i].needs[n]) != SIZE_MAX)
                world_need(world, service->name, blueprints[i].needs[n]);
    }
    /* Those of one program, as inetinfo.exe, and a client in the process of another service. */
    if (!sim->calm && chance(random, 15))
        share_process("Connector", "POP3Svc");
    if (!sim->calm && chance(random, 8))
        share_process("Spooler", "ArchiveSvc");
    /* Some do not run; what needs them does not either. */
    for (size_t i = 0; i < world->count; i++)
        if (!sim->calm && chance(random, 8))
            world_person_stops(world, world->services[i].name);
}

void growth_begin(size_t service, bool mended_by_restart, double factor)
{
    struct program *program = &sim->os.programs[service];
    program->growth = GROWTH_LEAK;
    program->mended_by_restart = mended_by_restart;
    program->from_ms = true_ms();
    /* a slot of the grid sees about a percent more, whatever the interval is */
    story("%s leaks%s", sim->os.world.services[service].name,
          mended_by_restart ? " until it is restarted" : "");
    program->bytes_per_hour =
        program->base_bytes * 0.01 * factor * (double)MS_PER_HOUR / (double)sim->settings.interval_ms;
}

void draw_budget(uint64_t *random)
{
    struct settings *settings = &sim->settings;
    uint32_t scale = sim->computed ? 10 : 2;
    settings->budget_max = 1 + below(random, 3);
    settings->per_ms = settings->interval_ms * (8 * scale + below(random, 40 * scale));
    settings->min_interval_ms = settings->interval_ms * below(random, 8 * scale);
}

void draw_timeouts(uint64_t *random)
{
    struct settings *settings = &sim->settings;
    /* In seconds; some as by default, some as in a trial. */
    const uint32_t size = sim->calm ? 1 : below(random, 12);
    const int64_t scale_ms = size == 0 ? 50 : size == 2 ? 10000 : 1000;
    settings->verify_ms = scale_ms * (10 + below(random, 60));
    settings->stop_timeout_ms = scale_ms * (60 + below(random, 120));
    settings->start_timeout_ms = scale_ms * (60 + below(random, 120));
}

static void draw_settings(uint64_t *random)
{
    static const int64_t intervals_ms[] = {15000, 30000, 60000};
    struct settings *settings = &sim->settings;
    settings->interval_ms = intervals_ms[below(random, 3)];
    int64_t slot_ms = settings->interval_ms;
    settings->act = sim->calm || chance(random, 90);
    settings->on_cluster_act = chance(random, 10);
    settings->windows = !sim->calm && chance(random, 35);
    settings->window_from = (int)below(random, 1440);
    settings->window_to = (settings->window_from + 30 + (int)below(random, 300)) % 1440;
    /* Verdicts that are drawn come ten times as early: so does everything else. */
    uint32_t scale = sim->computed ? 10 : 2;
    settings->min_window_ms = sim->computed ? slot_ms * (25 + below(random, 15)) : slot_ms * below(random, 6);
    draw_timeouts(random);
    draw_budget(random);
    settings->urgent_ms = slot_ms * below(random, 12 * scale);
    settings->reminder_ms = slot_ms * (2 * scale + below(random, 20 * scale));
    settings->mails_per_hour = chance(random, 75) ? 1000 : 3 + below(random, 6);
    settings->limit_bytes = chance(random, 50) ? 2 * GIB : 0;
    settings->on_hang_terminate = sim->seed % 4 != 0; /* calm worlds: never */
    settings->archive_named = settings->client_rung = settings->bes_served = true;
}

bool config_write(void)
{
    const struct settings *s = &sim->settings;
    char windows[120] = "";
    if (s->windows)
        snprintf(windows, sizeof windows,
                 "{\"days\":\"mon-sun\",\"from\":\"%02d:%02d\",\"to\":\"%02d:%02d\"}", s->window_from / 60,
                 s->window_from % 60, s->window_to / 60, s->window_to % 60);
    char limit[40] = "null";
    if (s->limit_bytes > 0)
        snprintf(limit, sizeof limit, "\"%.0f\"", s->limit_bytes);
    FILE *file = fopen(sim->config_path, "w");
    if (!file)
        return false;
    fprintf(file,
            "{\"version\":1,\"mode\":\"%s\",\n"
            "\"sampling\":{\"interval\":\"%lldms\",\"warm_up\":\"0s\"},\n"
            "\"information_store\":{\"service\":\"%s\"},\n"
            "\"clients\":[%s{\"name\":\"bes\",\"image\":\"besagent.exe\"%s}],\n"
            "\"verdict\":{\"min_window\":\"%lldms\",\"min_growth\":\"4MiB\"},\n"
            "\"limits\":{\"private_bytes\":%s},\n"
            "\"actions\":{\"ladder\":[\"alert\",%s\"restart_store\"],\"budget\":{\"max\":%u,\"per\":\"%"
            "lldms\",\"min_interval\":\"%lldms\"},\n"
            "\"windows\":[%s],\"urgent_before\":\"%lldms\",\"veto_processes\":[\"" VETO_IMAGE "\"],\n"
            "\"stop_timeout\":\"%lldms\",\"start_timeout\":\"%lldms\",\"verify\":\"%lldms\",\"on_cluster\":"
            "\"%s\",\"on_hang\":\"%s\",\"dump\":{\"kind\":\"%s\",\"time\":\"20s\"}},\n"
            "\"mail\":{\"to\":[\"ops@example.com\"],\"relays\":[{\"host\":\"relay1\",\"port\":25},"
            "{\"host\":\"relay2\",\"port\":26}],\"reminder\":\"%lldms\",\"max_per_hour\":%u}}\n",
            s->act ? "act" : "alert", (long long)s->interval_ms,
            sim->seed % 5 == 1 ? "msexchangeis" : "MSExchangeIS",
            !s->archive_named    ? ""
            : sim->seed % 5 == 2 ? "{\"name\":\"archive\",\"service\":\"ARCHIVESVC\"},"
                                 : "{\"name\":\"archive\",\"service\":\"ArchiveSvc\"},",
            s->bes_served ? ",\"service\":\"BESAgent\"" : "", (long long)s->min_window_ms, limit,
            s->client_rung ? "\"restart_client\"," : "", s->budget_max, (long long)s->per_ms,
            (long long)s->min_interval_ms, windows, (long long)s->urgent_ms, (long long)s->stop_timeout_ms,
            (long long)s->start_timeout_ms, (long long)s->verify_ms, s->on_cluster_act ? "act" : "alert",
            s->on_hang_terminate ? "terminate_client" : "wait", sim->seed % 3 ? "none" : "full",
            (long long)s->reminder_ms, s->mails_per_hour);
    return fclose(file) == 0;
}

/* Everything about the world that is not a fault. */
void world_draw(void)
{
    uint64_t random = sim->seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    sim->calm = sim->seed % 16 == 0;
    sim->computed = sim->seed % 64 == 0 || sim->seed % 32 == 8;
    sim->whims_in = sim->calm || chance(&random, 50) ? 0 : 100 + below(&random, 900);
    sim->os.noise = world_random(&random);
    sim->latency = world_random(&random);
    sim->kill_lane = -1;
    world_init(&sim->os.world);
    sim->os.world.mono_ms = 1000 + below(&random, 10 * 1000 * 1000);
    sim->os.world.utc_ms += (int64_t)below(&random, 7 * 24 * 60) * MS_PER_MINUTE;
    sim->os.world.reuse_pids = chance(&random, 20);
    sim->os.boot_ms = -sim->os.world.mono_ms;
    sim->os.host = (struct host){.commit_bytes = 3 * GIB,
                                 .commit_limit_bytes = 32 * GIB,
                                 .available_bytes = 6 * GIB,
                                 .physical_bytes = 8 * GIB,
                                 .paged_pool_bytes = 200 * MIB,
                                 .nonpaged_pool_bytes = 60 * MIB};
    draw_settings(&random);
    draw_services(&random);
    sim->dry_run = !sim->calm && chance(&random, 4);
    int64_t slots = sim->computed ? sim->calm ? 400 : 150 + below(&random, 220) : 40 + below(&random, 80);
    sim->heal_ms = slots * sim->settings.interval_ms;
    /* Who leaks: mostly one from early on. */
    const char *leaks = target_service(chance(&random, 60) ? 0 : 1 + below(&random, sim->calm ? 1 : 2));
    if (leaks && (sim->calm || chance(&random, 92)))
        growth_begin(service_index(leaks), sim->calm || chance(&random, 40), 0.5 + below(&random, 40) / 10.0);
}

/* ---- time ---- */

int64_t true_ms(void)
{
    return sim->os.boot_ms + sim->os.world.mono_ms;
}

/* Does a service change by itself as time passes? */
static bool world_moves(const struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *service = &world->services[i];
        if (service->exists &&
            (service->state == SERVICE_STATE_START_PENDING || service->state == SERVICE_STATE_STOP_PENDING ||
             service->state == SERVICE_STATE_PAUSE_PENDING ||
             service->state == SERVICE_STATE_CONTINUE_PENDING || service->stop_due_ms > 0 ||
             service->start_due_ms > 0 || (service->dies_after_ms > 0 && service->dies_count > 0)))
            return true;
    }
    return false;
}

/* A world at rest is simply later. */
void machine_advance(int64_t ms)
{
    struct world *world = &sim->os.world;
    while (ms > 0) {
        int64_t piece_ms = ms;
        if (!world_moves(world)) {
            world->mono_ms += ms;
            world->utc_ms += ms;
        } else {
            piece_ms = ms < 250 ? ms : 250;
            world_advance(world, piece_ms);
        }
        judge_world(piece_ms);
        ms -= piece_ms;
    }
}

/* Nothing of it moves, and its clocks have gone on: a virtual one was held, or it slept. */
void machine_stands_still(int64_t ms)
{
    struct world *world = &sim->os.world;
    world->mono_ms += ms;
    world->utc_ms += ms;
    for (size_t i = 0; i < world->count; i++) {
        world->services[i].pending_since_ms += ms;
        world->services[i].running_since_ms += ms;
        world->services[i].stop_due_ms += world->services[i].stop_due_ms > 0 ? ms : 0;
        world->services[i].start_due_ms += world->services[i].start_due_ms > 0 ? ms : 0;
    }
    sim->next_slot_ms += ms;
    for (size_t lane = 0; lane < LANE_COUNT; lane++) {
        sim->lanes[lane].run_ms += ms;
        sim->lanes[lane].done_ms += ms;
    }
    judge_stood_still(ms);
    story("the machine stood still for %lld s", (long long)(ms / 1000));
}

void machine_boot(void)
{
    struct world *world = &sim->os.world;
    int64_t before_ms = true_ms();
    world_reboot(world);
    sim->os.boot_ms =
        before_ms + 120000 - world->mono_ms; /* the two minutes that world_reboot's clock passes */
    for (size_t i = 0; i < world->count; i++)
        world_unhang(world, world->services[i].name);
    judge_world(120000);
    story("the system has booted");
}

/* ---- memory ---- */

static double memory_of(struct program *program, const struct world_service *service)
{
    if (program->born_100ns != service->created_100ns) {
        if (program->growth == GROWTH_LEAK && program->mended_by_restart && program->born_100ns &&
            program->born_ms <= program->from_ms)
            program->growth = GROWTH_FLAT;
        program->born_100ns = service->created_100ns;
        program->born_ms = true_ms();
    }
    int64_t from_ms = program->born_ms > program->from_ms ? program->born_ms : program->from_ms;
    double hours = (double)(true_ms() - from_ms) / (double)MS_PER_HOUR;
    double bytes = program->base_bytes;
    switch (program->growth) {
    case GROWTH_FLAT:
        break;
    case GROWTH_LEAK:
        bytes += program->bytes_per_hour * hours;
        break;
    case GROWTH_PLATEAU:
        bytes +=
            (program->top_bytes - bytes) * (1 - exp(-hours * (double)MS_PER_HOUR / (double)program->tau_ms));
        break;
    case GROWTH_SAW:
        bytes += fmod(program->bytes_per_hour * hours, program->top_bytes - program->base_bytes);
        break;
    }
    double unit = (double)below(&sim->os.noise, 2000001) / 1000000.0 - 1.0;
    return floor(bytes + program->base_bytes * 0.002 * unit);
}

/* ---- os.h ---- */

struct world *seam_world(struct os *os)
{
    return &os->world;
}

void seam_note(struct os *os, const char *line)
{
    (void)os;
    story("%s", line);
}

void os_local_time(struct os *os, int64_t utc_ms, int *out_weekday, int *out_minute)
{
    (void)os;
    *out_minute = (int)(utc_ms / MS_PER_MINUTE % 1440);
    *out_weekday = (int)((utc_ms / MS_PER_DAY + 3) % 7); /* 1970 began on a Thursday */
}

/* The last third of each. */
static void cut_lists(struct observation *observation)
{
    observation->services_cut = observation->services_known;
    observation->processes_cut = observation->processes_known;
    observation->service_count -= observation->service_count / 3;
    observation->process_count -= observation->process_count / 3;
}

enum status os_observe(struct os *os, struct observation *out_observation, struct err *err)
{
    struct world *world = &os->world;
    sim->looks++;
    world_observe(world, out_observation);
    out_observation->cluster_node = os->cluster;
    double commit = os->host.commit_bytes;
    for (size_t p = 0; p < out_observation->process_count; p++) {
        struct process *process = &out_observation->processes[p];
        for (size_t i = 0; i < world->count; i++) {
            if (world->services[i].pid != process->id.pid)
                continue;
            text_copy(process->image, sizeof process->image, os->programs[i].image);
            process->private_bytes = memory_of(&os->programs[i], &world->services[i]);
            process->working_set_bytes = process->private_bytes * 0.9;
            commit += process->private_bytes;
        }
    }
    if (os->lists_cut)
        cut_lists(out_observation);
    if (os->veto_runs && out_observation->processes_known) {
        struct process *veto = &out_observation->processes[out_observation->process_count++];
        *veto = (struct process){.id = {VETO_PID, 1}, .private_bytes = MIB, .handle_count = 10};
        text_copy(veto->image, sizeof veto->image, VETO_IMAGE);
    }
    out_observation->host_known = !os->host_unreadable;
    out_observation->host = os->host;
    out_observation->host.commit_bytes = commit;
    judge_look_run(out_observation);
    return out_observation->processes_known ? STATUS_OK
                                            : err_set(err, STATUS_SYSTEM, "NtQuerySystemInformation",
                                                      0xc0000001u, "the processes cannot be read");
}

/* Every fourth service is a 32-bit program that loses address space as it grows. */
enum status os_process_address_limit(struct os *os, struct process_id id, double *out_bytes, struct err *err)
{
    (void)os;
    (void)id;
    (void)err;
    *out_bytes = NAN;
    return STATUS_OK;
}

enum status os_process_space(struct os *os, struct process_id id, struct space *out_space, struct err *err)
{
    for (size_t i = 0; i < os->world.count; i += 4) {
        const struct world_service *service = &os->world.services[i];
        if (service->pid != id.pid || service->created_100ns != id.created_100ns)
            continue;
        double bytes = memory_of(&os->programs[i], service);
        double free_bytes = fmax(2 * GIB - 2 * bytes, 0);
        *out_space = (struct space){2 * GIB, free_bytes, free_bytes / 2, 20};
        return STATUS_OK;
    }
    return err_set(err, STATUS_UNSUPPORTED, "address space", 0, "process %u is a 64-bit one", id.pid);
}

enum status os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                 struct err *err)
{
    (void)os;
    (void)id;
    (void)out_dlls;
    return err_set(err, STATUS_DENIED, "OpenProcess", 5, "access denied");
}

/* ---- evidence: nothing is kept; now and then something fails, which must not matter ---- */

static enum status evidence_fails(const char *operation, struct err *err)
{
    return chance(&sim->os.noise, 15) ? err_set(err, STATUS_DENIED, operation, 5, "access denied")
                                      : STATUS_OK;
}

enum status os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                               size_t capacity, size_t *out_count, struct err *err)
{
    (void)os;
    (void)id;
    (void)out_modules;
    (void)capacity;
    *out_count = 0;
    return evidence_fails("OpenProcess", err);
}

enum status os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                               struct err *err)
{
    (void)os;
    (void)id;
    *out_counts = (struct handle_counts){0};
    return evidence_fails("NtQuerySystemInformation", err);
}

enum status os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                            double min_free_bytes, int64_t budget_ms, struct err *err)
{
    (void)os;
    (void)id;
    (void)full;
    (void)path;
    (void)min_free_bytes;
    (void)budget_ms;
    return evidence_fails("MiniDumpWriteDump", err);
}

enum status os_folder_make(struct os *os, const char *path, struct err *err)
{
    (void)os;
    (void)path;
    return evidence_fails("CreateDirectory", err);
}

enum status os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                           size_t capacity, size_t *out_count, struct err *err)
{
    (void)os;
    (void)path;
    (void)out_names;
    (void)capacity;
    *out_count = 0;
    return evidence_fails("FindFirstFile", err);
}

enum status os_folder_remove(struct os *os, const char *path, struct err *err)
{
    (void)os;
    (void)path;
    (void)err;
    return STATUS_OK;
}

enum status os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err)
{
    (void)os;
    (void)path;
    *out_bytes = chance(&sim->os.noise, 10) ? MIB : 100 * GIB;
    return evidence_fails("GetDiskFreeSpaceEx", err);
}

enum status os_file_create(struct os *os, const char *path, struct os_file **out_file, struct err *err)
{
    (void)os;
    (void)path;
    *out_file = NULL;
    return evidence_fails("CreateFile", err);
}

enum status os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err)
{
    (void)file;
    (void)bytes;
    (void)count;
    return evidence_fails("WriteFile", err);
}

enum status os_file_close(struct os_file *file, struct err *err)
{
    (void)file;
    return evidence_fails("FlushFileBuffers", err);
}

size_t os_mapi_registrations(struct os *os, struct mapi_registration *out_items, size_t capacity)
{
    (void)os;
    (void)out_items;
    (void)capacity;
    return 0;
}

enum status os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err)
{
    if (os->graph_unreadable)
        return err_set(err, STATUS_SYSTEM, "EnumServicesStatusEx", 8,
                       "the service configuration cannot be read");
    world_graph(&os->world, out_graph);
    return STATUS_OK;
}

/* Later than a stop may take storewatch watches for nothing. */
static void bound_lateness(const char *name)
{
    struct world_service *service = world_get(&sim->os.world, name);
    if (service == NULL)
        return;
    service->stops_late_ms = smaller(service->stops_late_ms, sim->settings.stop_timeout_ms);
}

enum status os_service_stop(struct os *os, const char *name, struct err *err)
{
    sim->stops++;
    judge_stop(name);
    bound_lateness(name);
    uint32_t code = world_stop(&os->world, name);
    judge_stopped(name, code);
    return seam_answer(os, "stop", name, code, err);
}

enum status os_service_start(struct os *os, const char *name, struct err *err)
{
    sim->starts++;
    judge_start(name);
    return seam_answer(os, "start", name, world_start(&os->world, name), err);
}

/* Its end frees the number of a process, and the next one to be made may get it. */
static void pid_reuse(struct world *world, const char *name, struct process_id id)
{
    struct world_service *service = world_get(world, name);
    size_t other = (service_index(name) + 1) % world->count;
    if (service == NULL || service->pid != id.pid || service->created_100ns != id.created_100ns)
        return;
    story("process %u ends, and its number goes to another one", id.pid);
    service->last_pid = 0; /* the number is taken now, also where services get theirs again */
    world_kill(world, name, 1067);
    if (world->services[other].pid)
        world->services[other].pid = id.pid;
}

enum status os_process_terminate(struct os *os, const char *service, struct process_id id, struct err *err)
{
    judge_terminate(service, id);
    if (os->pid_reused)
        pid_reuse(&os->world, service, id);
    uint32_t code = world_terminate(&os->world, id);
    sim->terminations += code == 0;
    return seam_answer(os, "end the process of", service, code, err);
}

enum status os_event_write(struct os *os, enum alert_kind kind, enum severity severity, const char *text,
                           struct err *err)
{
    (void)os;
    (void)severity;
    (void)err;
    judge_event(kind);
    story("event %s: %.*s", alert_wording_get(kind)->name, (int)strcspn(text, "\n"), text);
    return STATUS_OK;
}

void os_unsafe_access(struct os *os, const char *config_path, const char *data_dir, char *out_text,
                      size_t capacity)
{
    (void)os;
    (void)config_path;
    (void)data_dir;
    text_copy(out_text, capacity, "");
}

/* ---- mailer.h and the store's rename ---- */

/* Every fourth mail, always the same ones. */
static bool is_swallowed(const char *message)
{
    const char *key = strstr(message, "\r\nX-Storewatch-Key: ");
    uint64_t random = sim->seed;
    for (const char *c = key ? key + 2 : ""; *c && *c != '\r'; c++)
        random = random * 31 + (unsigned char)*c;
    return below(&random, 4) == 0;
}

enum status mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                        struct err *err)
{
    enum relay_mood mood = sim->os.relays[(request->relay->port - 25) % SIM_RELAYS];
    if (mood == RELAY_DEFERS && chance(&sim->os.noise, 10))
        mood = RELAY_WORKS; /* it defers some mails, not all */
    if (mood == RELAY_SWALLOWS && !is_swallowed(request->message))
        mood = RELAY_WORKS;
    sim->mails += mood == RELAY_WORKS;
    if (mood == RELAY_WORKS || mood == RELAY_REFUSES)
        judge_mail(request->message, mood == RELAY_REFUSES);
    else if (mood == RELAY_DEFERS || mood == RELAY_SWALLOWS)
        judge_mail_is_put_off(request->message);
    return seam_relay(mood, out_result, err);
}

bool set_aside_rename(const char *from, const char *to);
bool set_aside_rename(const char *from, const char *to)
{
    const bool done = vfs_fault_rename(from, to);
    if (done && strcmp(from, SIM_STORE_PATH) == 0)
        judge_set_aside();
    return done;
}

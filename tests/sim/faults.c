/* faults.c - what goes wrong. All faults of a world are drawn at its begin, each with a stream of chances of
 * its own, so that leaving one out (to shrink a failure) moves none of the others. Two thirds wait for a
 * restart to begin: there they hurt most. */
#include "sim.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* What storewatch takes for a time that it has not seen. */
#define STOOD_STILL_MS (61 * MS_PER_SECOND)

static const char *const names[] = {
#define FAULT_NAME(name, text) text,
    FAULT_LIST(FAULT_NAME)
#undef FAULT_NAME
};

const char *fault_name(enum fault_kind kind)
{
    return names[kind];
}

static uint32_t below(uint64_t *state, uint32_t bound)
{
    return world_random_below(state, bound);
}

/* Mostly short, sometimes long: `scale_ms` is what is usual. */
static int64_t some_time(uint64_t *random, int64_t scale_ms)
{
    int64_t ms = 1 + (int64_t)(world_random(random) % (uint64_t)scale_ms);
    return below(random, 10) == 0 ? ms * 10 : ms;
}

/* One that a restart touches: what needs a target, or a target itself. */
static size_t draw_touched(uint64_t *random)
{
    size_t touched[SIM_SERVICES_MAX], count = 0, target = service_index(target_service(below(random, 2)));
    for (size_t i = 0; i < sim->os.world.count; i++)
        if (service_needs(i, target))
            touched[count++] = i;
    return touched[below(random, (uint32_t)count)];
}

/* Whoever needs it directly; itself: nobody. */
static size_t dependent_of(size_t needed)
{
    const struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        for (size_t n = 0; n < world->services[i].need_count; n++)
            if (world->services[i].needs[n] == needed)
                return i;
    return needed;
}

/* Half of those who change who needs whom in a restart turn a dependency on its target round, while the dependent
 * stops, slowly: the configuration is read again before the target's turn comes. */
static bool rewires_target(const struct fault *fault)
{
    return fault->kind == FAULT_PERSON_REWIRES && fault->restart_nth > 0 && fault->random % 2 == 0;
}

/* Two thirds of the files that are damaged are so soon after a restart, while something goes on leaking: what was
 * known of the budget is all that would hold the next one back. */
static bool damages_between_restarts(const struct fault *fault)
{
    return fault->kind == FAULT_FILE_DAMAGED && fault->restart_nth > 0;
}

void faults_draw(void)
{
    uint64_t random = sim->seed * UINT64_C(0xD1342543DE82EF95) + 7;
    sim->fault_count = sim->calm ? 0 : 1 + below(&random, SIM_FAULTS_MAX);
    for (size_t i = 0; i < sim->fault_count; i++) {
        struct fault *fault = &sim->faults[i];
        memset(fault, 0, sizeof *fault);
        fault->kind = (enum fault_kind)below(&random, FAULT_KIND_COUNT);
        fault->random = world_random(&random);
        uint64_t own = fault->random;
        fault->service = below(&own, (uint32_t)sim->os.world.count);
        fault->person_undoes = below(&own, 2) != 0;
        if (below(&own, 3) != 0) {
            fault->restart_nth = 1 + below(&own, 2);
            static const int64_t scales_ms[] = {500, 5000, 60000};
            size_t scale = below(&own, ARRAY_COUNT(scales_ms));
            fault->at_ms = some_time(&own, scales_ms[scale]);
            if (below(&own, 2))
                fault->service = draw_touched(&own);
            uint32_t when = below(&own, 6);
            fault->when = when == 0   ? SERVICE_STATE_START_PENDING
                          : when == 1 ? SERVICE_STATE_STOP_PENDING
                                      : SERVICE_STATE_UNKNOWN;
            if (fault->when != SERVICE_STATE_UNKNOWN)
                fault->at_ms = 0;
            else
                fault->in_plan = below(&own, 2) != 0;
        } else {
            fault->at_ms = (int64_t)(world_random(&own) % (uint64_t)sim->heal_ms);
        }
        if (rewires_target(fault)) {
            fault->service = dependent_of(service_index(target_service(below(&own, 2))));
            fault->when = SERVICE_STATE_STOP_PENDING;
            fault->at_ms = 0;
            fault->in_plan = false;
        }
        if (damages_between_restarts(fault)) {
            fault->when = SERVICE_STATE_UNKNOWN;
            fault->in_plan = false;
            fault->at_ms += sim->settings.verify_ms;
        }
        fault->for_ms = some_time(&own, below(&own, 2) ? 30 * 1000 : 20 * MS_PER_MINUTE);
        if (fault->kind == FAULT_STATE_UNREADABLE) /* an access list does not mend itself */
            fault->for_ms += 5 * MS_PER_MINUTE;
        /* Whenever they are stopped: a client that hangs, some programs that never stop. */
        bool never_stops = (fault->kind == FAULT_STOP_REFUSED || fault->kind == FAULT_NO_STOP_ACCEPTED) &&
                           fault->random % 2 == 0;
        if (fault->kind == FAULT_CLIENT_HANGS || never_stops) {
            fault->restart_nth = 0;
            fault->at_ms = 0;
            fault->for_ms = sim->heal_ms;
        }
    }
}

static struct world_service *service_of(const struct fault *fault)
{
    return &sim->os.world.services[fault->service];
}

/* ---- people ---- */

/* Who was taken over: what a person stopped, and what needed it. */
static void person_stops(const char *name)
{
    struct world *world = &sim->os.world;
    bool ran[SIM_SERVICES_MAX];
    for (size_t i = 0; i < world->count; i++)
        ran[i] = world_runs(world, world->services[i].name);
    world_person_stops(world, name);
    for (size_t i = 0; i < world->count; i++)
        if (ran[i] && !world_runs(world, world->services[i].name))
            judge_person(world->services[i].name);
}

/* One service, or all that it has to do with. */
static void person_pauses(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    const bool all = fault->random % 3 != 0;
    for (size_t i = 0; i < world->count; i++)
        if (i == fault->service ||
            (all && (service_needs(i, fault->service) || service_needs(fault->service, i))))
            world_person_pauses(world, world->services[i].name);
}

static void person_continues(void)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        world_person_continues(world, world->services[i].name);
}

/* `dependent` needs the other one no more; and that one needs it, where this makes no circle. */
static void untie(size_t dependent, size_t needed, bool round)
{
    struct world *world = &sim->os.world;
    const char *from = world->services[dependent].name, *to = world->services[needed].name;
    world_need_no_more(world, from, to);
    story("%s needs %s no more", from, to);
    if (!round || service_needs(dependent, needed) || world->services[needed].need_count == WORLD_NEEDS_MAX)
        return;
    world_need(world, to, from);
    story("%s needs %s", to, from);
}

/* Turns one of its dependencies round, or takes one away, or adds one. */
static void person_rewires(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    struct world_service *service = service_of(fault);
    const size_t other = (size_t)(fault->random / 7 % world->count);
    (void)service_ever_needed(fault->service, other); /* takes down what is so until now */
    if (rewires_target(fault) && service->need_count > 0) {
        service->stop_latency_ms += RESTART_FRESH_MS;
        untie(fault->service, service->needs[0], true);
    } else if (service->need_count > 0 && fault->random % 3 != 0) {
        untie(fault->service, service->needs[fault->random / 3 % service->need_count],
              fault->random % 3 != 1);
    } else if (!service_needs(other, fault->service) && service->need_count < WORLD_NEEDS_MAX) {
        world_need(world, service->name, world->services[other].name);
        story("%s needs %s", service->name, world->services[other].name);
    }
}

/* Again: storewatch may have seen only that it was gone. */
static void person_installs(const struct fault *fault)
{
    world_person_installs(&sim->os.world, service_of(fault)->name);
    judge_person(service_of(fault)->name);
}

/* ---- people, a setup, a tool at work: theirs takes its time ---- */

#define WORK_MS 500

static bool takes_time(enum fault_kind kind)
{
    return kind == FAULT_PERSON_STOPS_SLOWLY || kind == FAULT_PERSON_RESTARTS || kind == FAULT_SETUP ||
           kind == FAULT_ANOTHER_STARTS;
}

static void work_begins(struct fault *fault)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++) {
        const char *name = world->services[i].name;
        if (!service_needs(i, fault->service) || !world_runs(world, name))
            continue;
        fault->ran |= 1u << i;
        if (fault->kind != FAULT_SETUP)
            continue;
        world_person_disables(world, name);
        judge_person(name);
    }
}

/* As `net stop` does it: what needs it first, one after the other. Are all down? */
static bool work_stops(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    bool all_down = true;
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *service = &world->services[i];
        if (!(fault->ran >> i & 1u) || !service->exists || service->state == SERVICE_STATE_STOPPED)
            continue;
        all_down = false;
        if (world_runs(world, service->name) && world_stop(world, service->name) == 0)
            judge_person(service->name);
    }
    return all_down;
}

static void work_starts(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        if (fault->ran >> i & 1u)
            world_person_starts(world, world->services[i].name);
}

static void work_goes_on(struct fault *fault)
{
    if (fault->kind == FAULT_ANOTHER_STARTS) {
        if (true_ms() / WORK_MS % (1 + (int64_t)(fault->random % 60)) == 0)
            work_starts(fault);
        return;
    }
    if (fault->stopped)
        return;
    fault->stopped = work_stops(fault);
    if (fault->stopped && fault->kind == FAULT_PERSON_RESTARTS)
        work_starts(fault);
}

static void work_ends(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; fault->kind == FAULT_SETUP && i < world->count; i++)
        if (fault->ran >> i & 1u)
            world_person_enables(world, world->services[i].name);
    if (fault->kind != FAULT_PERSON_STOPS_SLOWLY || fault->person_undoes)
        work_starts(fault);
}

static void people_begin(const struct fault *fault)
{
    struct world *world = &sim->os.world;
    const char *name = service_of(fault)->name;
    switch (fault->kind) {
    case FAULT_PERSON_STOPS:
        person_stops(name);
        break;
    case FAULT_PERSON_STARTS:
        world_person_starts(world, name);
        break;
    case FAULT_PERSON_PAUSES:
        person_pauses(fault);
        break;
    case FAULT_PERSON_DISABLES:
        world_person_disables(world, name);
        judge_person(name);
        break;
    case FAULT_PERSON_DELETES:
        world_person_deletes(world, name);
        judge_person(name);
        break;
    case FAULT_PERSON_REWIRES:
        person_rewires(fault);
        break;
    default:
        break;
    }
}

/* ---- services ---- */

/* One service refuses, or all that a restart touches do while a neighbour is on its way up. */
static void refuse_stops(const struct fault *fault, uint64_t *own)
{
    static const uint32_t codes[] = {1051, 1052, 1053, 1061, 5, 230};
    struct world *world = &sim->os.world;
    const uint32_t code = codes[below(own, ARRAY_COUNT(codes))], count = 1 + below(own, 6);
    const bool all = below(own, 2) == 0, late = below(own, 2) == 0;
    const size_t neighbour = draw_touched(own);
    for (size_t i = 0; i < world->count; i++) {
        if (i != fault->service && !(all && (service_needs(i, neighbour) || service_needs(neighbour, i))))
            continue;
        world->services[i].refuse_stop_code = code;
        world->services[i].refuse_stop_count = count;
        if (code == 1053 && late)
            world->services[i].stops_late_ms = 1 + below(own, (uint32_t)sim->settings.stop_timeout_ms);
    }
    if (!all)
        return;
    struct world_service *other = &world->services[neighbour];
    other->recovers = true;
    other->start_latency_ms += 1000 + below(own, 40000);
    world_kill(world, other->name, 1067);
}

static void fail_dependents(size_t needed)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        if (i != needed && service_needs(i, needed))
            world->services[i].fail_start_count = 12;
}

static void services_begin(const struct fault *fault, uint64_t *own)
{
    static const uint32_t start_codes[] = {1053, 1055, 1069, 2, 230, 1068};
    struct world_service *service = service_of(fault);
    switch (fault->kind) {
    case FAULT_SERVICE_DIES:
        service->recovers = below(own, 2) != 0;
        world_kill(&sim->os.world, service->name, 1067);
        if (below(own, 10) == 0) /* its failure action restarts the computer */
            storewatch_stop(true, 1000);
        break;
    case FAULT_DIES_AFTER_START:
        service->dies_after_ms = some_time(own, 20000);
        service->dies_count = 1 + below(own, 4);
        break;
    case FAULT_ENDS_AFTER_START:
        service->dies_after_ms = some_time(own, 20000);
        service->dies_count = 1 + below(own, 4);
        service->ends_cleanly = true;
        break;
    case FAULT_STOP_HANGS:
        service->hangs_in_stop = true;
        break;
    case FAULT_CLIENT_HANGS:
        service = &sim->os.world.services[service_index("ArchiveSvc")];
        service->hangs_in_stop = true;
        service->checkpoint_every_ms = 0;
        break;
    case FAULT_NOT_ENDED:
        service->terminate_code = below(own, 2) ? 5 : 1053;
        break;
    case FAULT_START_HANGS:
        service->hangs_in_start = true;
        break;
    case FAULT_STOP_REFUSED:
        refuse_stops(fault, own);
        break;
    case FAULT_START_REFUSED:
        service->refuse_start_code = start_codes[below(own, ARRAY_COUNT(start_codes))];
        service->refuse_start_count = 1 + below(own, 8);
        break;
    case FAULT_START_FAILS:
        service->fail_start_count = 1 + below(own, 8);
        if (below(own, 2)) /* and those of what needs it, once it runs */
            fail_dependents(fault->service);
        break;
    case FAULT_START_ANSWER_LOST:
        service->lost_start_code = start_codes[below(own, ARRAY_COUNT(start_codes))];
        break;
    case FAULT_STOP_IGNORED:
        service->ignores_stop = true;
        break;
    case FAULT_STOP_LATE: /* what comes later than a stop may take is nothing that storewatch can watch for */
        service->stops_late_ms = 1 + below(own, (uint32_t)sim->settings.stop_timeout_ms);
        service->dies_before_stop = below(own, 3) == 0;
        break;
    case FAULT_STOP_DIES:
        service->dies_in_stop = true;
        service->recovers = below(own, 2) != 0;
        break;
    case FAULT_NO_STOP_ACCEPTED:
        service->accepts_stop = false;
        break;
    case FAULT_STATE_UNREADABLE:
        service->unreadable = true;
        break;
    case FAULT_ANOTHER_LEAKS:
        growth_begin(fault->service, below(own, 2) != 0, 0.5 + below(own, 40) / 10.0);
        break;
    default:
        break;
    }
}

static void service_mend(struct world_service *service)
{
    world_unhang(&sim->os.world, service->name);
    service->dies_count = 0;
    service->ends_cleanly = false;
    service->lost_start_code = 0;
    service->stops_late_ms = 0;
    service->refuse_stop_count = service->refuse_start_count = service->fail_start_count = 0;
    service->ignores_stop = service->dies_in_stop = service->dies_before_stop = false;
    service->accepts_stop = true;
    service->unreadable = false;
    service->terminate_code = 0;
}

/* ---- storewatch itself and the machine ---- */

void maintenance_begin(int64_t for_ms)
{
    if (!sim->agent || sim->stopping)
        return;
    sim->judge.maintenance_until_utc_ms = sim->os.world.utc_ms + for_ms;
    sim->judge.maintenance_until_ms = true_ms() + for_ms;
    agent_maintenance(sim->agent, sim->judge.maintenance_until_utc_ms, "a test", NULL);
}

static void head_damage(const char *path, unsigned char mask)
{
    for (int64_t i = 0; i < smaller(16, vfs_fault_file_bytes(path)); i++)
        vfs_fault_flip(path, i, mask);
}

/* Its head, so that nothing can be read, or that of one of its pages. What SQLite cannot notice, the inside
 * of a value, stays as it is. Its log has the head again, mostly; between restarts that is of no use. */
static void file_damage(const struct fault *fault, uint64_t *own)
{
    const bool log_too = damages_between_restarts(fault);
    /* No other fault's: damaged likewise once more, the head would be sound again, and its log alone damaged. */
    const unsigned char mask = (unsigned char)(fault - sim->faults + 1);
    int64_t pages = vfs_fault_file_bytes(SIM_STORE_PATH) / 4096;
    if (pages == 0)
        return;
    sim->damaged = true;
    int64_t page = below(own, 3) == 0 ? below(own, (uint32_t)pages) : 0;
    sim->unreadable = page == 0;
    if (page > 0)
        vfs_fault_flip(SIM_STORE_PATH, page * 4096, 0xFF);
    else
        head_damage(SIM_STORE_PATH, mask);
    if (page == 0 && log_too)
        head_damage(SIM_STORE_PATH "-wal", mask);
}

static void all_end(void)
{
    struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        if (world->services[i].exists)
            world_put(world, world->services[i].name, SERVICE_STATE_STOPPED);
}

static void storewatch_begin(struct fault *fault, uint64_t *own)
{
    enum vfs_survival survival = below(own, 2) ? VFS_KEEP_RANDOM : VFS_LOSE_ALL;
    int64_t down_ms = some_time(own, below(own, 2) ? 5000 : 10 * MS_PER_MINUTE);
    switch (fault->kind) {
    case FAULT_KILL_NOW:
        storewatch_kill(false, VFS_KEEP_ALL, down_ms);
        break;
    case FAULT_KILL_AT_JOB:
        sim->kill_lane = (int)below(own, LANE_COUNT);
        sim->kill_when = (int)below(own, 2);
        break;
    case FAULT_KILL_IN_COMMIT:
    case FAULT_POWER_CUT_IN_COMMIT:
        sim->kill_change = 1 + below(own, 24);
        sim->kill_cuts_power = fault->kind == FAULT_POWER_CUT_IN_COMMIT;
        break;
    case FAULT_POWER_CUT:
        storewatch_kill(true, survival, down_ms);
        break;
    case FAULT_REBOOT:
        storewatch_stop(true, down_ms);
        if (below(own, 2)) /* the others are gone before storewatch is */
            all_end();
        break;
    case FAULT_STOP_STOREWATCH:
        storewatch_stop(false, down_ms);
        break;
    case FAULT_RELOAD:
        sim->settings.windows = below(own, 3) == 0;
        sim->settings.act = below(own, 3) != 0;
        draw_budget(own);
        sim->settings.archive_named = below(own, 4) != 0;
        sim->settings.client_rung = below(own, 2) != 0;
        sim->settings.bes_served = below(own, 2) != 0;
        sim->settings.on_hang_terminate = below(own, 2) != 0;
        draw_timeouts(own);
        if (sim->agent && config_write())
            agent_reload(sim->agent);
        break;
    case FAULT_AT_START:
        sim->at_start = 1 + below(own, 3);
        storewatch_kill(false, VFS_KEEP_ALL, down_ms);
        break;
    case FAULT_FILE_DAMAGED:
        storewatch_kill(false, VFS_KEEP_ALL, down_ms);
        file_damage(fault, own);
        if (damages_between_restarts(fault))
            growth_begin(service_index(target_service(below(own, 2))), false, 0.5 + below(own, 40) / 10.0);
        break;
    case FAULT_MAINTENANCE:
        if (below(own, 2))
            maintenance_begin(fault->for_ms);
        else
            sim->hold_for_ms = fault->for_ms;
        break;
    case FAULT_BY_HAND:
        if (sim->agent && sim->agent->opened && !sim->stopping)
            agent_restart(sim->agent, below(own, 4) ? target_service(below(own, 2)) : service_of(fault)->name,
                          "a test", NULL);
        break;
    case FAULT_STANDS_STILL:
        machine_stands_still(STOOD_STILL_MS + some_time(own, below(own, 2) ? MS_PER_MINUTE : MS_PER_HOUR));
        break;
    case FAULT_CLOCK_JUMP:
        sim->os.world.utc_ms += (int64_t)(some_time(own, below(own, 2) ? MS_PER_MINUTE : 10 * MS_PER_HOUR)) *
                                (below(own, 2) ? 1 : -1);
        break;
    default:
        break;
    }
}

static void disk_begin(const struct fault *fault, uint64_t *own)
{
    static const int codes[] = {SQLITE_IOERR_WRITE, SQLITE_IOERR_FSYNC, SQLITE_FULL, SQLITE_IOERR_SHMMAP,
                                SQLITE_CORRUPT};
    if (fault->kind == FAULT_DISK_FULL) {
        vfs_fault_set_quota(vfs_fault_used_bytes() + below(own, 40000));
        return;
    }
    uint64_t nth = 1 + below(own, 20);
    int code = codes[below(own, ARRAY_COUNT(codes))];
    sim->damaged |= code == SQLITE_CORRUPT; /* while in use: it is opened anew, and mostly found sound */
    vfs_fault_arm(VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_SYNC), nth, code, below(own, 2) != 0);
}

/* One of them, or all in the same way. */
static void relays_begin(uint64_t *own)
{
    enum relay_mood mood = (enum relay_mood)(1 + below(own, RELAY_MOODS - 1));
    size_t only = below(own, 2 * SIM_RELAYS);
    for (size_t i = 0; i < SIM_RELAYS; i++)
        if (only == i || only >= SIM_RELAYS)
            sim->os.relays[i] = mood;
}

/* ---- begin and end ---- */

static int slow_lane(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_SLOW_LOOK:
        return LANE_LOOK;
    case FAULT_SLOW_STORE:
        return LANE_STORE;
    case FAULT_SLOW_CONTROL:
        return LANE_CONTROL;
    case FAULT_SLOW_MAIL:
        return LANE_MAIL;
    case FAULT_SLOW_EVENT:
        return LANE_EVENT;
    default:
        return -1;
    }
}

/* What is simply on or off. */
static bool *switch_of(const struct fault *fault)
{
    switch (fault->kind) {
    case FAULT_SERVICES_UNREADABLE:
        return &sim->os.world.services_unreadable;
    case FAULT_PROCESSES_UNREADABLE:
        return &sim->os.world.processes_unreadable;
    case FAULT_HOST_UNREADABLE:
        return &sim->os.host_unreadable;
    case FAULT_GRAPH_UNREADABLE:
        return &sim->os.graph_unreadable;
    case FAULT_LISTS_CUT:
        return &sim->os.lists_cut;
    case FAULT_PID_REUSED:
        return &sim->os.pid_reused;
    case FAULT_VETO:
        return &sim->os.veto_runs;
    case FAULT_CLUSTER:
        return &sim->os.cluster;
    default:
        return NULL;
    }
}

static void aim_at_plan(struct fault *fault)
{
    if (!fault->in_plan || !sim->agent || !engine_restarting(sim->agent->engine))
        return;
    const struct restart_plan *plan = &sim->agent->engine->restart.journal.plan;
    size_t service = service_index(plan->services[fault->random % plan->count].name);
    if (service != SIZE_MAX)
        fault->service = service;
}

static bool is_of_the_disk(const struct fault *fault)
{
    return fault->kind == FAULT_DISK_FULL || fault->kind == FAULT_DISK_FAILS;
}

/* What the disk hangs on, the relays hang on too: a mail can neither be saved nor sent. */
static bool takes_the_relays(const struct fault *fault)
{
    return fault->random % 4 == 0;
}

static void fault_begin(struct fault *fault)
{
    uint64_t own = fault->random + 1;
    aim_at_plan(fault);
    fault->begun = true;
    fault->until_ms = true_ms() + fault->for_ms;
    sim->injected[fault->kind]++;
    story("FAULT %zu: %s (%s, %lld s)", (size_t)(fault - sim->faults), fault_name(fault->kind),
          service_of(fault)->name, (long long)(fault->for_ms / 1000));
    bool *is_on = switch_of(fault);
    int lane = slow_lane(fault->kind);
    if (is_on)
        *is_on = true;
    else if (lane >= 0)
        sim->slow_ms[lane] =
            lane == LANE_LOOK ? some_time(&own, 3 * sim->settings.interval_ms) : fault->for_ms;
    else if (fault->kind == FAULT_RELAY)
        relays_begin(&own);
    else if (is_of_the_disk(fault))
        disk_begin(fault, &own);
    if (is_of_the_disk(fault) && takes_the_relays(fault))
        relays_begin(&own);
    if (takes_time(fault->kind))
        work_begins(fault);
    people_begin(fault);
    services_begin(fault, &own);
    storewatch_begin(fault, &own);
}

static void fault_end(struct fault *fault)
{
    struct world *world = &sim->os.world;
    fault->over = true;
    if (is_of_the_disk(fault))
        sim->disk_mended_ms = true_ms();
    if (is_of_the_disk(fault) && takes_the_relays(fault))
        memset(sim->os.relays, 0, sizeof sim->os.relays);
    bool *is_on = switch_of(fault);
    int lane = slow_lane(fault->kind);
    if (is_on)
        *is_on = false;
    else if (lane >= 0)
        sim->slow_ms[lane] = 0;
    else if (takes_time(fault->kind))
        work_ends(fault);
    else if (fault->kind == FAULT_RELAY)
        memset(sim->os.relays, 0, sizeof sim->os.relays);
    else if (fault->kind == FAULT_DISK_FULL)
        vfs_fault_set_quota(0);
    else if (fault->kind == FAULT_DISK_FAILS)
        vfs_fault_disarm();
    else if (fault->kind == FAULT_PERSON_STOPS && fault->person_undoes)
        world_person_starts(world, service_of(fault)->name);
    else if (fault->kind == FAULT_PERSON_PAUSES && fault->person_undoes)
        person_continues();
    else if (fault->kind == FAULT_PERSON_DISABLES && fault->person_undoes)
        world_person_enables(world, service_of(fault)->name);
    else if (fault->kind == FAULT_PERSON_DELETES && fault->person_undoes)
        person_installs(fault);
    else if (fault->kind >= FAULT_STOP_HANGS && fault->kind <= FAULT_STATE_UNREADABLE)
        service_mend(fault->kind == FAULT_CLIENT_HANGS ? &world->services[service_index("ArchiveSvc")]
                                                       : service_of(fault));
}

static int64_t begin_ms(const struct fault *fault)
{
    if (fault->restart_nth == 0)
        return fault->at_ms;
    if (fault->restart_nth > sim->restarts_seen)
        return INT64_MAX;
    if (fault->when != SERVICE_STATE_UNKNOWN && service_of(fault)->state != fault->when)
        return INT64_MAX;
    return sim->restart_began_ms[fault->restart_nth - 1] + fault->at_ms;
}

static bool left_out(size_t index)
{
    return (sim->dropped >> index) & 1u;
}

void faults_step(void)
{
    for (size_t i = 0; i < sim->fault_count && !sim->healed; i++) {
        struct fault *fault = &sim->faults[i];
        if (!left_out(i) && !fault->begun && true_ms() >= begin_ms(fault))
            fault_begin(fault);
        if (fault->begun && !fault->over && takes_time(fault->kind))
            work_goes_on(fault);
        if (fault->begun && !fault->over && true_ms() >= fault->until_ms)
            fault_end(fault);
    }
}

int64_t faults_next_ms(void)
{
    int64_t next_ms = INT64_MAX;
    for (size_t i = 0; i < sim->fault_count && !sim->healed; i++) {
        const struct fault *fault = &sim->faults[i];
        int64_t at_ms = left_out(i) || fault->over ? INT64_MAX
                        : fault->begun && takes_time(fault->kind) && !fault->stopped
                            ? smaller(fault->until_ms, true_ms() + WORK_MS)
                        : fault->begun ? fault->until_ms
                                       : begin_ms(fault);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}

/* Nothing goes wrong any more, and nothing grows: now all must come right. */
void faults_heal(void)
{
    story("everything is mended");
    for (size_t i = 0; i < sim->fault_count; i++)
        if (sim->faults[i].begun && !sim->faults[i].over)
            fault_end(&sim->faults[i]);
    sim->healed = true;
    sim->kill_lane = -1;
    sim->hold_for_ms = 0;
    sim->kill_change = 0;
    memset(sim->slow_ms, 0, sizeof sim->slow_ms);
    if (sim->hooks->healed)
        sim->hooks->healed();
    else
        vfs_fault_disarm();
    vfs_fault_set_quota(0);
    for (size_t i = 0; i < sim->os.world.count; i++) {
        service_mend(&sim->os.world.services[i]);
        sim->os.programs[i].growth = GROWTH_FLAT;
    }
}

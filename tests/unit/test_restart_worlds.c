/* test_restart_worlds.c - one restart in each of thousands of seeded random worlds with faults, people, reboots and crashes of
 * storewatch at every point, whose invariants are checked at every step.
 *
 * One seed makes a world, a target, faults, people and accidents, and drives the machine with crashes between
 * any two calls: after a step and before the save, after the save and before the request, after the request
 * and before its answer. A request may be carried out late, also after the death of the storewatch that made
 * it. When the time of trouble is over everything heals, and the restart has to come to its end.
 *
 *   RESTART_SEEDS=N   random worlds (default 1500)      RESTART_SEED=N   only this one, telling its story */
#include "restart_run.h"

#include "storewatch/units.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIM_SERVICES_MAX 10

struct sim {
    uint64_t seed, random;
    bool story; /* print what happens */
    bool failed;
    char failure[512];

    struct world world;
    struct config config;
    struct restart restart;
    struct restart_journal saved;
    bool alive;       /* storewatch runs */
    bool use_graph;   /* else it works without one */
    bool fresh_graph; /* read at each look; else only at the beginning, in a new life and after a refusal */
    bool read_graph;
    int64_t step_max_ms;
    int steps;

    struct restart_request out; /* what the SCM has been asked and has not answered */
    bool executed;
    uint32_t code;
    int64_t execute_at_ms, answer_at_ms;

    /* what happened */
    bool ran[SIM_SERVICES_MAX];         /* when it began */
    bool touched[SIM_SERVICES_MAX];     /* a person stopped, disabled or deleted it, ever */
    bool person_owns[SIM_SERVICES_MAX]; /* a person stopped it after it ran again: not to be started by us */
    bool told_down, told_up;
    bool ended, was_starting;

    /* of the present life of storewatch */
    int64_t start_asked_ms[SIM_SERVICES_MAX], stop_asked_ms[SIM_SERVICES_MAX]; /* 0 = not yet */
    uint32_t start_asked_count[SIM_SERVICES_MAX];
    int64_t down_since_ms[SIM_SERVICES_MAX];  /* seen down while starting, without a break; 0 = not */
    int64_t alone_since_ms[SIM_SERVICES_MAX]; /* ... and nothing else was */
    uint32_t told_count[SIM_SERVICES_MAX];    /* SERVICE_DOWN about it */

    uint64_t faults, crashes, reboots, persons;
};

static void tell(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
static void tell(struct sim *sim, const char *format, ...)
{
    if (sim->story) {
        printf("  %10.3f s  ", (double)sim->world.mono_ms / 1000.0);
        va_list args;
        va_start(args, format);
        vprintf(format, args);
        va_end(args);
        printf("\n");
    }
}

static void broken(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
static void broken(struct sim *sim, const char *format, ...)
{
    if (!sim->failed) {
        sim->failed = true;
        struct text text = text_on(sim->failure, sizeof(sim->failure));
        va_list args;
        va_start(args, format);
        text_add_v(&text, format, args);
        va_end(args);
        tell(sim, "BROKEN: %s", sim->failure);
    }
}

static uint32_t below(struct sim *sim, uint32_t bound)
{
    return world_random_below(&sim->random, bound);
}

static bool chance(struct sim *sim, uint32_t one_in)
{
    return below(sim, one_in) == 0;
}

static size_t sim_index(const struct sim *sim, const char *name)
{
    for (size_t i = 0; i < sim->world.count; i++)
        if (text_equal_nocase(sim->world.services[i].name, name))
            return i;
    return SIZE_MAX;
}

static const struct restart_service *journal_service(const struct restart_journal *journal, const char *name)
{
    for (size_t i = 0; i < journal->plan.count; i++)
        if (text_equal_nocase(journal->plan.services[i].name, name))
            return &journal->plan.services[i];
    return NULL;
}

static bool sim_needs(const struct sim *sim, size_t from, size_t to)
{
    for (size_t n = 0; n < sim->world.services[from].need_count; n++)
        if (sim->world.services[from].needs[n] == to ||
            sim_needs(sim, sim->world.services[from].needs[n], to))
            return true;
    return false;
}

/* Would the SCM start `to` when asked to start `from`? */
static bool sim_would_start(const struct sim *sim, size_t from, size_t to)
{
    for (size_t n = 0; sim->world.enforce && n < sim->world.services[from].need_count; n++) {
        const size_t need = sim->world.services[from].needs[n];
        if (sim->world.services[need].state == SERVICE_STATE_STOPPED &&
            (need == to || sim_would_start(sim, need, to)))
            return true;
    }
    return false;
}

static bool sim_needed(const struct sim *sim, size_t index)
{
    for (size_t i = 0; i < sim->world.count; i++)
        if (i != index && sim_needs(sim, i, index))
            return true;
    return false;
}

static void sim_build(struct sim *sim)
{
    static const int64_t timeouts[] = {3000, 20000, 120000, 1200000};
    static const int64_t verifies[] = {0, 2000, 30000, 600000};
    sim->config.stop_timeout_ms = timeouts[below(sim, 4)];
    sim->config.start_timeout_ms = timeouts[below(sim, 4)];
    sim->config.verify_ms = verifies[below(sim, 4)];
    sim->step_max_ms = sim->config.stop_timeout_ms <= 20000 ? 1500 : 15000;
    sim->use_graph = !chance(sim, 8);
    sim->fresh_graph = sim->use_graph && chance(sim, 2);
    struct world *world = &sim->world;
    world_init(world);
    world->enforce = !chance(sim, 6);
    world->reuse_pids = chance(sim, 3);
    const size_t count = 1 + below(sim, SIM_SERVICES_MAX);
    for (size_t i = 0; i < count; i++) {
        char name[8] = {(char)((chance(sim, 2) ? 'A' : 'a') + (char)i), '0', '\0'};
        struct world_service *service = world_add(world, name);
        for (size_t n = 0; n < i && service->need_count < 3; n++)
            if (chance(sim, i == 1 ? 1 : 3))
                world_need(world, name, world->services[n].name);
        const bool needs_all_run =
            service->need_count == 0 || world_runs(world, world->services[service->needs[0]].name);
        if (chance(sim, 5) || !needs_all_run) {
            world_put(world, name, SERVICE_STATE_STOPPED);
            service->start_type = START_DEMAND;
        }
        for (size_t n = 0; n < service->need_count; n++) {
            if (world->services[service->needs[n]].state == SERVICE_STATE_STOPPED) {
                world_put(world, name, SERVICE_STATE_STOPPED);
                service->start_type = START_DEMAND;
            }
        }
        if (service->state == SERVICE_STATE_RUNNING && chance(sim, 12))
            world_put(world, name, SERVICE_STATE_PAUSED);
        if (service->start_type == START_AUTO && chance(sim, 4))
            service->start_type = START_DEMAND;
        if (i > 0 && chance(sim, 10) && service->pid != 0 && world->services[0].pid != 0) {
            service->shares_process_of = 1;
            service->pid = world->services[0].pid;
            service->created_100ns = world->services[0].created_100ns;
        }
        service->start_latency_ms = below(sim, chance(sim, 4) ? 60000 : 2000);
        service->stop_latency_ms = below(sim, chance(sim, 4) ? 60000 : 2000);
        service->checkpoint_every_ms = chance(sim, 2) ? 500 : 0;
        service->recovers = chance(sim, 4);
    }
}

/* Something that makes a service difficult. */
static void sim_fault(struct sim *sim, struct world_service *service)
{
    static const uint32_t stop_codes[] = {1051, 1052, 1053, 1061, 1055, 5};
    static const uint32_t start_codes[] = {230, 1053, 1068, 1069, 2, 3, 1055, 1455};
    sim->faults++;
    switch (below(sim, 8)) {
    case 0:
        service->refuse_stop_code = stop_codes[below(sim, ARRAY_COUNT(stop_codes))];
        service->refuse_stop_count = 1 + below(sim, chance(sim, 4) ? 1000 : 3);
        tell(sim, "fault: %s refuses %u stops (%u)", service->name, (unsigned)service->refuse_stop_count,
             (unsigned)service->refuse_stop_code);
        break;
    case 1:
        service->refuse_start_code = start_codes[below(sim, ARRAY_COUNT(start_codes))];
        service->refuse_start_count = 1 + below(sim, chance(sim, 4) ? 1000 : 5);
        tell(sim, "fault: %s refuses %u starts (%u)", service->name, (unsigned)service->refuse_start_count,
             (unsigned)service->refuse_start_code);
        break;
    case 2:
        service->hangs_in_stop = true;
        tell(sim, "fault: %s will hang in its stop", service->name);
        break;
    case 3:
        service->hangs_in_start = true;
        tell(sim, "fault: %s will hang in its start", service->name);
        break;
    case 4:
        service->dies_in_stop = !service->dies_in_stop;
        break;
    case 5:
        service->fail_start_count = 1 + below(sim, 6);
        tell(sim, "fault: %s fails %u starts", service->name, (unsigned)service->fail_start_count);
        break;
    case 6:
        service->dies_after_ms = 200 + below(sim, 20000);
        service->dies_count = 1 + below(sim, 6);
        tell(sim, "fault: %s dies after %d ms, %u times", service->name, (int)service->dies_after_ms,
             (unsigned)service->dies_count);
        break;
    default:
        service->ignores_stop = true;
        tell(sim, "fault: %s ignores stops", service->name);
        break;
    }
}

/* A person's own stop of a service that our journal says runs again by our hand: it is the person's from now
 * on. */
static void note_ownership(struct sim *sim)
{
    const bool starting = sim->saved.phase == RESTART_STARTING || sim->saved.phase == RESTART_VERIFYING;
    for (size_t i = 0; i < sim->world.count; i++) {
        const struct world_service *service = &sim->world.services[i];
        const struct restart_service *entry = journal_service(&sim->saved, service->name);
        if (service->person_stopped)
            sim->touched[i] = true;
        if (service->state != SERVICE_STATE_STOPPED || !service->person_stopped)
            sim->person_owns[i] = false; /* somebody started it again, or a boot did away with it */
        else if (!sim->person_owns[i] && starting && entry != NULL && entry->start == STEP_REACHED &&
                 entry->stop != STEP_ASKED)
            sim->person_owns[i] = true;
    }
}

static void sim_person(struct sim *sim, struct world_service *service)
{
    const size_t index = (size_t)(service - sim->world.services);
    sim->persons++;
    switch (below(sim, 6)) {
    case 0:
    case 1:
        tell(sim, "person stops %s", service->name);
        world_person_stops(&sim->world, service->name);
        break;
    case 2:
    case 3:
        tell(sim, "person starts %s", service->name);
        world_person_starts(&sim->world, service->name);
        break;
    case 4:
        if (chance(sim, 2) && service->person_disabled) {
            tell(sim, "person enables %s", service->name);
            world_person_enables(&sim->world, service->name);
        } else {
            tell(sim, "person disables %s", service->name);
            world_person_disables(&sim->world, service->name);
            sim->touched[index] = true;
        }
        break;
    default:
        /* Not one that others need: they would be tried for ever, which is right, but not an end. */
        if (chance(sim, 2) && !sim_needed(sim, index)) {
            tell(sim, "person deletes %s", service->name);
            world_person_deletes(&sim->world, service->name);
            sim->touched[index] = true;
        }
        break;
    }
}

static void sim_execute(struct sim *sim)
{
    const bool stop = sim->out.kind == REQUEST_STOP;
    sim->code = stop ? world_stop(&sim->world, sim->out.service) : world_start(&sim->world, sim->out.service);
    sim->executed = true;
    tell(sim, "%s %s -> %u%s", stop ? "stop" : "start", sim->out.service, (unsigned)sim->code,
         sim->alive ? "" : " (asked by one that is dead)");
}

static void sim_new_life(struct sim *sim)
{
    memset(sim->start_asked_ms, 0, sizeof(sim->start_asked_ms));
    memset(sim->stop_asked_ms, 0, sizeof(sim->stop_asked_ms));
    memset(sim->start_asked_count, 0, sizeof(sim->start_asked_count));
    memset(sim->down_since_ms, 0, sizeof(sim->down_since_ms));
    memset(sim->alone_since_ms, 0, sizeof(sim->alone_since_ms));
    memset(sim->told_count, 0, sizeof(sim->told_count));
}

/* storewatch is killed now; sometimes the whole machine goes down with it. */
static void sim_crash(struct sim *sim, const char *where)
{
    sim->crashes++;
    sim->alive = false;
    tell(sim, "storewatch is killed %s", where);
    if (sim->out.kind != REQUEST_NONE && !sim->executed) {
        if (chance(sim, 2)) {
            sim->out.kind = REQUEST_NONE; /* never reached the SCM */
        } else if (chance(sim, 2)) {
            sim_execute(sim);
            sim->out.kind = REQUEST_NONE;
        } /* else: lies with the SCM and is carried out before anything else it is asked */
    } else {
        sim->out.kind = REQUEST_NONE;
    }
    if (chance(sim, 5)) {
        sim->reboots++;
        sim->out.kind = REQUEST_NONE;
        world_reboot(&sim->world);
        tell(sim, "the machine boots");
    }
    world_advance(&sim->world, below(sim, chance(sim, 3) ? 120000 : 3000));
    if (sim->out.kind != REQUEST_NONE) {
        sim_execute(sim);
        sim->out.kind = REQUEST_NONE;
    }
    note_ownership(sim);
    memset(&sim->restart, 0xEE, sizeof(sim->restart));
    restart_resume(&sim->restart, &sim->config, &sim->saved, sim->world.mono_ms);
    sim->alive = true;
    sim->read_graph = true;
    sim_new_life(sim);
    tell(sim, "storewatch runs again: %s%s", restart_phase_name(sim->saved.phase),
         sim->saved.stop_failed ? ", on the way back" : "");
}

/* The regular end of the system: the SCM stops what it likes, the flag may come late. */
static void sim_shutdown(struct sim *sim)
{
    sim->reboots++;
    tell(sim, "the system shuts down");
    for (size_t i = sim->world.count; i-- > 0;)
        if (chance(sim, 2) && sim->world.services[i].exists)
            world_put(&sim->world, sim->world.services[i].name, SERVICE_STATE_STOPPED);
    sim->world.shutting_down = true;
}

static bool seen_running(const char *name)
{
    const struct service *seen = observation_service(observation, name);
    return seen != NULL && (seen->state == SERVICE_STATE_RUNNING || seen->state == SERVICE_STATE_PAUSED);
}

/* What must hold of a request, judged by the very look it was decided on. */
static void check_request(struct sim *sim, const struct restart_request *request, bool untouched)
{
    const struct restart_journal *journal = &sim->restart.journal;
    const struct restart_service *entry = journal_service(journal, request->service);
    const size_t index = sim_index(sim, request->service);
    if (entry == NULL || index == SIZE_MAX) {
        broken(sim, "asks about %s, which is not in the plan", request->service);
        return;
    }
    if (observation->os_shutting_down || !observation->services_known)
        broken(sim, "asks about %s while the system shuts down or is not seen", request->service);
    if (sim->out.kind != REQUEST_NONE)
        broken(sim, "asks about %s while the request about %s is out", request->service, sim->out.service);
    const struct service *seen = observation_service(observation, request->service);
    int64_t *last_ms =
        request->kind == REQUEST_STOP ? &sim->stop_asked_ms[index] : &sim->start_asked_ms[index];
    int64_t gap_ms = RESTART_BACKOFF_FIRST_MS;
    if (request->kind == REQUEST_STOP) {
        if (journal->phase != RESTART_STOPPING)
            broken(sim, "stops %s in phase %s", request->service, restart_phase_name(journal->phase));
        if (seen == NULL || (seen->state != SERVICE_STATE_RUNNING && seen->state != SERVICE_STATE_PAUSED))
            broken(sim, "stops %s, which does not run", request->service);
        for (size_t i = 0; i < sim->world.count; i++) { /* R4, and the order */
            const struct world_service *other = &sim->world.services[i];
            const struct service *other_seen = observation_service(observation, other->name);
            const struct restart_service *other_entry = journal_service(journal, other->name);
            if (other_seen == NULL || other_seen->state == SERVICE_STATE_STOPPED ||
                other_seen->state == SERVICE_STATE_UNKNOWN)
                continue;
            for (size_t n = 0; n < other->need_count; n++) {
                if (other->needs[n] == index && (sim->use_graph || other_entry != NULL)) {
                    broken(sim, "stops %s while %s, which needs it, is active", request->service,
                           other->name);
                }
            }
            if (untouched && other_entry != NULL && other_seen->state != SERVICE_STATE_RUNNING &&
                other_seen->state != SERVICE_STATE_PAUSED) {
                broken(sim, "begins with %s while %s is %s", request->service, other->name,
                       service_state_text(other_seen->state));
            }
        }
        if (sim->fresh_graph && sim->world.services[index].start_type == START_DISABLED)
            broken(sim, "stops %s, which is disabled and could not be started again", request->service);
        const struct process *process = seen != NULL ? observation_process(observation, seen->pid) : NULL;
        if (entry->is_target && process != NULL && !process_id_equal(process->id, entry->process))
            broken(sim, "stops the target in a process that is not the one of the plan"); /* R3 */
    } else {
        if (journal->phase != RESTART_STARTING && journal->phase != RESTART_VERIFYING)
            broken(sim, "starts %s in phase %s", request->service, restart_phase_name(journal->phase));
        if (seen == NULL || seen->state != SERVICE_STATE_STOPPED)
            broken(sim, "starts %s, which is not stopped", request->service);
        if (entry->start == STEP_GIVEN_UP)
            broken(sim, "starts %s, which was given up", request->service);
        for (size_t i = 0; i < sim->world.count; i++) {
            if (sim->person_owns[i] && !seen_running(sim->world.services[i].name) &&
                (i == index || (sim->use_graph && sim_would_start(sim, index, i)))) {
                broken(sim, "starts %s, and so %s, which a person has stopped", request->service,
                       sim->world.services[i].name);
            }
        }
        const uint32_t count = sim->start_asked_count[index]++;
        for (uint32_t i = 1; i < count && gap_ms < RESTART_BACKOFF_LAST_MS; i++)
            gap_ms *= 2;
        gap_ms = gap_ms < RESTART_BACKOFF_LAST_MS ? gap_ms : RESTART_BACKOFF_LAST_MS;
    }
    if (*last_ms != 0 && sim->world.mono_ms - *last_ms < gap_ms) {
        broken(sim, "asks %s again after %d ms, not before %d", request->service,
               (int)(sim->world.mono_ms - *last_ms), (int)gap_ms);
    }
    *last_ms = sim->world.mono_ms;
}

/* Something is down for long, nobody took it over: ops must know. */
static void check_told(struct sim *sim)
{
    const struct restart_journal *journal = &sim->restart.journal;
    const int64_t allowed_ms =
        (int64_t)journal->plan.count * (sim->config.start_timeout_ms + 2 * sim->step_max_ms) + 60000;
    size_t down_count = 0;
    bool downs[SIM_SERVICES_MAX];
    for (size_t i = 0; i < sim->world.count; i++) {
        const struct restart_service *entry = journal_service(journal, sim->world.services[i].name);
        const struct service *seen = observation_service(observation, sim->world.services[i].name);
        const bool down = downs[i] =
            entry != NULL && entry->start != STEP_GIVEN_UP && seen != NULL &&
            seen->state != SERVICE_STATE_RUNNING && seen->state != SERVICE_STATE_PAUSED &&
            (journal->phase == RESTART_STARTING || journal->phase == RESTART_VERIFYING) &&
            observation->services_known && !observation->os_shutting_down &&
            seen->state != SERVICE_STATE_UNKNOWN;
        if (!down) {
            sim->down_since_ms[i] = 0;
        } else if (sim->down_since_ms[i] == 0) {
            sim->down_since_ms[i] = sim->world.mono_ms;
        } else if (sim->world.mono_ms - sim->down_since_ms[i] > allowed_ms && !journal->told_down) {
            broken(sim, "%s is down for %d s and nobody was told", sim->world.services[i].name,
                   (int)((sim->world.mono_ms - sim->down_since_ms[i]) / 1000));
        }
        down_count += down;
    }
    for (size_t i = 0; i < sim->world.count; i++)
        if (!downs[i] || down_count > 1)
            sim->alone_since_ms[i] = 0;
        else if (sim->alone_since_ms[i] == 0)
            sim->alone_since_ms[i] = sim->world.mono_ms;
        else if (sim->world.mono_ms - sim->alone_since_ms[i] > allowed_ms && sim->told_count[i] == 0)
            broken(sim, "%s alone is down, and only others were told of", sim->world.services[i].name);
}

/* The end, judged by the look it was decided on. */
static void check_end(struct sim *sim)
{
    const struct restart_journal *journal = &sim->saved;
    bool given_up = false, told_runs = false;
    for (size_t i = 0; i < journal->plan.count; i++) {
        const struct restart_service *entry = &journal->plan.services[i];
        const size_t index = sim_index(sim, entry->name);
        told_runs |= sim->told_count[index] > 0 && entry->start != STEP_GIVEN_UP;
        if (entry->start == STEP_GIVEN_UP) {
            given_up = true;
            bool excused = false;
            for (size_t w = 0; w < sim->world.count; w++)
                excused |= sim->touched[w] && (w == index || sim_needs(sim, index, w) || !sim->use_graph);
            if (!excused)
                broken(sim, "%s was given up and no person had touched it: %s", entry->name, entry->note);
            if (entry->note[0] == '\0')
                broken(sim, "%s was given up without a word", entry->name);
        } else if (sim->was_starting && !seen_running(entry->name)) { /* else: nothing was touched */
            broken(sim, "%s does not run at the end (%s)", entry->name,
                   restart_outcome_name(journal->outcome)); /* R1 */
        }
    }
    for (size_t i = 0; i < sim->world.count; i++)
        if (sim->ran[i] && journal_service(journal, sim->world.services[i].name) == NULL)
            broken(sim, "%s has left the plan", sim->world.services[i].name);
    const struct restart_service *target = &journal->plan.services[journal->plan.count - 1];
    const struct world_service *real = world_get(&sim->world, target->name);
    const bool new_process =
        real->pid != target->process.pid || real->created_100ns != target->process.created_100ns;
    switch (journal->outcome) {
    case RESTART_SUCCEEDED:
        if (given_up ||
            (!new_process && real->shares_process_of == 0 && sim->world.services[0].pid != real->pid))
            broken(sim, "called a success and the target is the old one");
        break;
    case RESTART_RESTORED:
        if (given_up || !journal->stop_failed)
            broken(sim, "called restored without reason");
        break;
    case RESTART_CALLED_OFF:
        if (given_up || !journal->stop_failed || !restart_plan_untouched(&journal->plan))
            broken(sim, "called off for free, and something was touched");
        break;
    case RESTART_HANDED_OVER:
        if (!given_up)
            broken(sim, "called handed over and nobody took anything over");
        break;
    case RESTART_OUTCOME_NONE:
        broken(sim, "ended without an outcome");
        break;
    }
    if (sim->told_up != (sim->told_down && (!given_up || told_runs)))
        broken(sim, "told down %d, up again %d", sim->told_down, sim->told_up);
    if (sim->told_down != journal->told_down)
        broken(sim, "told down %d, and the journal says %d", sim->told_down, journal->told_down);
}

/* SERVICE_DOWN: once about each service, in each life of storewatch. */
static void count_told(struct sim *sim, unsigned news)
{
    for (size_t i = 0; (news & RESTART_NEWS_DOWN) && i < sim->world.count; i++) {
        sim->told_count[i] += text_equal_nocase(sim->world.services[i].name, sim->restart.down_service);
        if (sim->told_count[i] > 1) {
            broken(sim, "told %u times that %s is down", (unsigned)sim->told_count[i],
                   sim->world.services[i].name);
        }
    }
}

/* One look and step of storewatch, killed in between if the dice say so. */
static void sim_step(struct sim *sim, bool trouble)
{
    if (sim->out.kind != REQUEST_NONE && !sim->executed && sim->world.mono_ms >= sim->execute_at_ms)
        sim_execute(sim);
    if (sim->out.kind != REQUEST_NONE && sim->executed && sim->world.mono_ms >= sim->answer_at_ms) {
        const struct restart_request answered = sim->out;
        sim->out.kind = REQUEST_NONE;
        sim->read_graph = sim->read_graph || sim->code != 0;
        restart_told(&sim->restart, &answered, world_status(sim->code), sim->code, sim->world.mono_ms);
    }
    /* Now and then the look of the last step is late and stepped (again): it must do no harm. */
    if (!(trouble && chance(sim, 12) && sim->steps > 0)) {
        sim->world.services_unreadable = trouble && chance(sim, 15);
        sim->world.processes_unreadable = trouble && chance(sim, 15);
        struct world_service *odd = &sim->world.services[below(sim, (uint32_t)sim->world.count)];
        odd->unreadable = trouble && chance(sim, 15);
        if (sim->fresh_graph || sim->read_graph) {
            look(&sim->world);
            sim->read_graph = false;
        } else {
            world_observe(&sim->world, observation);
        }
        odd->unreadable = false;
    }
    sim->steps++;
    const bool untouched = restart_untouched(&sim->restart);
    static struct restart_journal before;
    before = sim->restart.journal;
    const bool told_before = (sim->restart.news & RESTART_NEWS_STEP) != 0;
    struct restart_request request;
    unsigned news = 0;
    if (trouble && before.phase == RESTART_STOPPING && chance(sim, 200)) {
        tell(sim, "called off");
        news = restart_abandon(&sim->restart, "the pre-flight says no", sim->world.utc_ms);
    }
    news |= restart_step(&sim->restart, observation, sim->use_graph ? &graph : NULL, sim->world.mono_ms,
                         sim->world.utc_ms, &request);
    if (news != 0) {
        tell(sim, "news:%s%s%s%s%s -> %s; %s", news & RESTART_NEWS_STEP ? " step" : "",
             news & RESTART_NEWS_DOWN ? " DOWN" : "", news & RESTART_NEWS_UP_AGAIN ? " UP AGAIN" : "",
             news & RESTART_NEWS_GAVE_UP ? " GAVE UP" : "", news & RESTART_NEWS_ENDED ? " ENDED" : "",
             restart_phase_name(sim->restart.journal.phase), sim->restart.waiting_for);
    }
    if (memcmp(&before, &sim->restart.journal, sizeof(before)) != 0 && !(news & RESTART_NEWS_STEP))
        broken(sim, "the journal changed and no news said so");
    if (told_before && !(news & RESTART_NEWS_STEP))
        broken(sim, "what restart_told changed was not told on");
    if (before.phase > sim->restart.journal.phase &&
        !(before.phase == RESTART_VERIFYING && sim->restart.journal.phase == RESTART_STARTING)) {
        broken(sim, "phase %s after %s", restart_phase_name(sim->restart.journal.phase),
               restart_phase_name(before.phase));
    }
    if (strlen(sim->restart.waiting_for) >= sizeof(sim->restart.waiting_for))
        broken(sim, "waiting_for without an end");
    if (request.kind != REQUEST_NONE)
        check_request(sim, &request, untouched);
    if (trouble && chance(sim, 60)) {
        sim_crash(sim, "before it saved");
        return;
    }
    if (news & RESTART_NEWS_STEP) {
        sim->saved = sim->restart.journal;
        count_told(sim, news);
        sim->told_down |= (news & RESTART_NEWS_DOWN) != 0;
        sim->told_up |= (news & RESTART_NEWS_UP_AGAIN) != 0;
        sim->ended = sim->saved.phase == RESTART_ENDED;
        sim->was_starting |= sim->saved.phase == RESTART_STARTING || sim->saved.phase == RESTART_VERIFYING;
        if (((news & RESTART_NEWS_ENDED) != 0) != sim->ended)
            broken(sim, "ended and not said, or said and not ended");
    }
    check_told(sim);
    if (trouble && !sim->ended && chance(sim, 60)) {
        sim_crash(sim, "before its request went out");
        return;
    }
    if (request.kind != REQUEST_NONE) {
        const int64_t slow_ms = trouble && chance(sim, 30) ? 2 * sim->config.stop_timeout_ms : 300;
        sim->out = request;
        sim->executed = false;
        sim->execute_at_ms =
            sim->world.mono_ms + (chance(sim, 2) ? 0 : (int64_t)below(sim, (uint32_t)slow_ms));
        sim->answer_at_ms = sim->execute_at_ms + (chance(sim, 2) ? 0 : (int64_t)below(sim, 300));
        if (sim->world.mono_ms >= sim->execute_at_ms)
            sim_execute(sim);
        if (trouble && chance(sim, 40))
            sim_crash(sim, "before it knew the answer");
    }
}

/* All faults are over. */
static void sim_heal(struct sim *sim)
{
    for (size_t i = 0; i < sim->world.count; i++) {
        struct world_service *healed = &sim->world.services[i];
        world_unhang(&sim->world, healed->name);
        healed->refuse_stop_count = healed->refuse_start_count = healed->fail_start_count = 0;
        healed->dies_count = 0;
        healed->ignores_stop = false;
        if (journal_service(&sim->saved, healed->name) == NULL || !sim->use_graph) {
            /* What the plan's services need and storewatch does not manage: without it they would be tried
             * for ever, which is right, but not an end. */
            world_person_enables(&sim->world, healed->name);
        }
    }
}

static void sim_run(struct sim *sim)
{
    sim->random = sim->seed * UINT64_C(0x2545F4914F6CDD1D);
    sim_build(sim);
    look(&sim->world);
    static struct restart_journal journal;
    journal = (struct restart_journal){.id = (int64_t)sim->seed, .begun_utc_ms = sim->world.utc_ms};
    size_t root = below(sim, chance(sim, 2) ? 1 : (uint32_t)sim->world.count);
    for (size_t i = 0; i < sim->world.count && !world_runs(&sim->world, sim->world.services[root].name); i++)
        root = (root + 1) % sim->world.count;
    if (restart_plan_make(&graph, observation, sim->world.services[root].name, &journal.plan, NULL) !=
        STATUS_OK)
        return; /* it does not run */
    memcpy(journal.target, sim->world.services[root].name, sizeof(journal.target));
    for (size_t i = 0; i < journal.plan.count; i++)
        sim->ran[sim_index(sim, journal.plan.services[i].name)] = true;
    for (size_t i = 0; i < sim->world.count; i++) { /* exactly the active closure */
        const bool wanted =
            world_runs(&sim->world, sim->world.services[i].name) && (i == root || sim_needs(sim, i, root));
        if (wanted != sim->ran[i]) {
            broken(sim, "%s %s the plan", sim->world.services[i].name,
                   wanted ? "is missing in" : "must not be in");
        }
    }
    restart_begin(&sim->restart, &sim->config, &journal, sim->world.mono_ms);
    sim->saved = sim->restart.journal;
    sim->alive = true;
    tell(sim, "target %s, %d services in the plan, stop %d s, start %d s, verify %d s%s%s",
         sim->world.services[root].name, (int)journal.plan.count, (int)(sim->config.stop_timeout_ms / 1000),
         (int)(sim->config.start_timeout_ms / 1000), (int)(sim->config.verify_ms / 1000),
         sim->use_graph ? "" : ", no graph", sim->world.enforce ? "" : ", dependencies not enforced");
    const uint32_t fault_every = 10 + below(sim, 80),
                   person_every = chance(sim, 3) ? 0 : 20 + below(sim, 100);
    const int trouble_steps = (int)below(sim, 400);
    const int64_t count = (int64_t)journal.plan.count + 4;
    for (int step = 0; !sim->ended && !sim->failed; step++) {
        const bool trouble = step < trouble_steps;
        world_advance(&sim->world, 50 + (int64_t)below(sim, (uint32_t)sim->step_max_ms));
        struct world_service *service = &sim->world.services[below(sim, (uint32_t)sim->world.count)];
        if (trouble && chance(sim, fault_every))
            sim_fault(sim, service);
        if (trouble && person_every > 0 && chance(sim, person_every))
            sim_person(sim, service);
        if (trouble && chance(sim, 80)) {
            tell(sim, "%s is killed", service->name);
            world_kill(&sim->world, service->name, 1067);
        }
        if (trouble && chance(sim, 400))
            sim_shutdown(sim);
        if (sim->world.shutting_down && (!trouble || chance(sim, 10))) {
            sim->out.kind = REQUEST_NONE;
            world_reboot(&sim->world);
            sim_crash(sim, "by the end of the system");
        }
        if (step == trouble_steps) {
            tell(sim, "all faults are over");
            sim_heal(sim);
        }
        note_ownership(sim);
        sim_step(sim, trouble);
        const int64_t bound_steps =
            (count * (2 * sim->config.stop_timeout_ms + 700000) + sim->config.verify_ms) * 2 /
            sim->step_max_ms;
        if (step > trouble_steps + (int)bound_steps) {
            broken(sim, "does not end: %s, %s", restart_phase_name(sim->restart.journal.phase),
                   sim->restart.waiting_for);
        }
    }
    if (sim->ended) {
        if (sim->out.kind != REQUEST_NONE)
            broken(sim, "ended while a request was out");
        check_end(sim);
        /* What we began must not come into effect after the end. */
        sim_heal(sim);
        bool runs[SIM_SERVICES_MAX];
        for (size_t i = 0; i < sim->world.count; i++)
            runs[i] = world_runs(&sim->world, sim->world.services[i].name);
        world_advance(&sim->world, 130000);
        for (size_t i = 0; i < sim->world.count; i++)
            if (runs[i] && !world_runs(&sim->world, sim->world.services[i].name))
                broken(sim, "%s stopped after the end", sim->world.services[i].name);
    }
}

static void test_random_worlds(void **state)
{
    (void)state;
    static struct sim sim;
    const char *only = getenv("RESTART_SEED");
    const char *many = getenv("RESTART_SEEDS");
    const uint64_t first = only != NULL ? strtoull(only, NULL, 10) : 1;
    const uint64_t last = only != NULL ? first : many != NULL ? strtoull(many, NULL, 10) : 1500;
    uint64_t steps = 0, faults = 0, crashes = 0, reboots = 0, persons = 0,
             outcomes[RESTART_CALLED_OFF + 1] = {0}, down = 0, none = 0;
    double hours = 0;
    for (uint64_t seed = first; seed <= last; seed++) {
        memset(&sim, 0, sizeof(sim));
        sim.seed = seed;
        sim.story = only != NULL;
        sim_run(&sim);
        if (sim.failed) {
            static struct sim again;
            memset(&again, 0, sizeof(again));
            again.seed = seed;
            again.story = true;
            printf("seed %" PRIu64 ":\n", seed);
            sim_run(&again);
            fail_msg("seed %" PRIu64 ": %s (again with RESTART_SEED=%" PRIu64 ")", seed, sim.failure, seed);
        }
        steps += (uint64_t)sim.steps;
        faults += sim.faults;
        crashes += sim.crashes;
        reboots += sim.reboots;
        persons += sim.persons;
        down += sim.told_down;
        none += !sim.ended;
        outcomes[sim.saved.outcome]++;
        hours += (double)(sim.world.utc_ms - INT64_C(1767225600000)) / (double)MS_PER_HOUR;
    }
    printf("random worlds %" PRIu64 ": %" PRIu64 " steps, %.0f simulated hours, faults %" PRIu64
           ", acts of people %" PRIu64 ", crashes %" PRIu64 ", reboots %" PRIu64 "; succeeded %" PRIu64
           ", restored %" PRIu64 ", called off %" PRIu64 ", handed over %" PRIu64 ", told down %" PRIu64
           ", target not running %" PRIu64 "\n",
           last - first + 1, steps, hours, faults, persons, crashes, reboots, outcomes[RESTART_SUCCEEDED],
           outcomes[RESTART_RESTORED], outcomes[RESTART_CALLED_OFF], outcomes[RESTART_HANDED_OVER], down,
           none);
    /* Enough of them were played to their end for their silence to say something. */
    assert_true(only != NULL || outcomes[RESTART_SUCCEEDED] > (last - first + 1) / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_worlds),
    };
    return cmocka_run_group_tests(tests, run_set_up, run_tear_down);
}

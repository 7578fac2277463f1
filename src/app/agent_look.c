/* agent_look.c - looks at the machine, and the search for MAPI clients in it. See agent.c for the invariants.
 */
#include "agent_internal.h"

#include <stdlib.h>
#include <string.h>

void agent_take_look_job(struct agent *agent, struct job *job)
{
    agent->look_begun_mono_ms = os_mono_ms(agent->os);
    agent->look_due = false;
    job->kind = agent->opened ? JOB_LOOK : JOB_OPEN;
    job->observation = agent->observations[1 - agent->latest];
    job->sample_due = agent->look_is_sample && agent->opened;
    agent->look_is_sample = false;
    job->limit_count = 0;
    for (size_t i = 0; i < agent->engine->watch.count && job->limit_count < LIMITS_PER_LOOK; i++)
        if (agent->engine->watch.items[i].address_limit_wanted)
            job->limits[job->limit_count++] =
                (struct limit_question){agent->engine->watch.items[i].process, NAN};
}

/* Between two looks a time service only bends the clock: what is more than that was a jump. */
#define CLOCK_JUMP_MS (5 * MS_PER_SECOND)

static void take_clock(struct agent *agent, const struct observation *observation)
{
    int64_t shift_ms = observation->utc_ms - observation->mono_ms;
    int64_t jump_ms = shift_ms - agent->clock_shift_ms;
    if (agent->looked && (jump_ms >= CLOCK_JUMP_MS || jump_ms <= -CLOCK_JUMP_MS)) {
        agent->clock_jumps++;
        agent->clock_jump_utc_ms = observation->utc_ms;
        agent->clock_jump_ms = jump_ms;
    }
    agent->clock_shift_ms = shift_ms;
    agent->looked = true;
}

static void take_limits(struct agent *agent, const struct job *job)
{
    for (size_t i = 0; i < job->limit_count; i++) {
        struct watched *item = watch_find(&agent->engine->watch, job->limits[i].process);
        if (!item)
            continue;
        item->address_limit_wanted = false;
        item->address_limit_bytes = job->limits[i].bytes;
    }
}

/* ---- the search for MAPI clients ---- */

/* 40 slots: 10 minutes with the default interval, and never more seldom. */
#define SEARCH_EVERY_SLOTS 40
#define SEARCH_EVERY_MAX_MS (10 * MS_PER_MINUTE)

/* Changes when a process comes or goes, whatever their order. */
static uint64_t population_of(const struct observation *observation)
{
    uint64_t sum = observation->process_count;
    for (size_t i = 0; i < observation->process_count; i++) {
        const struct process_id *id = &observation->processes[i].id;
        sum += (id->created_100ns ^ id->pid) * UINT64_C(0x9E3779B97F4A7C15);
    }
    return sum;
}

static bool search_all_due(const struct agent *agent)
{
    int64_t every_ms = SEARCH_EVERY_SLOTS * agent->engine->config.interval_ms;
    every_ms = every_ms < SEARCH_EVERY_MAX_MS ? every_ms : SEARCH_EVERY_MAX_MS;
    return !agent->searched || os_mono_ms(agent->os) - agent->searched_mono_ms >= every_ms;
}

static void see_whether_to_search(struct agent *agent)
{
    const struct observation *observation = agent->observations[agent->latest];
    if (observation->processes_known)
        agent->search_due = agent->search.waiting > 0 || search_all_due(agent) ||
                            population_of(observation) != agent->population;
}

/* Grows and stays: a steady search allocates nothing. */
static bool room_for_processes(struct job *job, size_t count)
{
    if (count <= job->process_capacity)
        return true;
    struct process *larger = realloc(job->processes, (count + 32) * sizeof *larger);
    if (!larger)
        return false;
    job->processes = larger;
    job->process_capacity = count + 32;
    return true;
}

/* Who is not registered counts only with discover_clients; what the registered ones have loaded always. */
bool agent_take_modules_job(struct agent *agent, struct job *job)
{
    const struct observation *observation = agent->observations[agent->latest];
    if (!agent->search_due || agent->stopping)
        return false;
    agent->search_due = false;
    if (!room_for_processes(job, observation->process_count))
        return false; /* the next slot tries again */
    job->process_count = 0;
    for (size_t i = 0; i < observation->process_count; i++)
        if (agent->engine->config.discover_clients ||
            watch_find(&agent->engine->watch, observation->processes[i].id))
            job->processes[job->process_count++] = observation->processes[i];
    job->kind = JOB_MODULES;
    job->discovery = agent->discovery;
    job->again = search_all_due(agent);
    if (job->again)
        agent->searched_mono_ms = os_mono_ms(agent->os);
    agent->searched = true;
    agent->population = population_of(observation);
    return true;
}

static bool found_others(const struct watch *watch, const struct discovery *discovery)
{
    if (watch->found_count != discovery->found_count)
        return true;
    for (size_t i = 0; i < watch->found_count; i++)
        if (!process_id_equal(watch->found[i].process, discovery->found[i].process))
            return true;
    return false;
}

void agent_modules_done(struct agent *agent, struct job *job)
{
    const struct discovery *discovery = agent->discovery;
    agent->snapshot_due |= found_others(&agent->engine->watch, discovery);
    agent->search = (struct agent_search){.took_ms = job->took_ms,
                                          .looked = discovery->looked_count,
                                          .closed = discovery->closed_count,
                                          .waiting = discovery->waiting,
                                          .left_out = discovery->left_out};
    watch_set_found(&agent->engine->watch, discovery->found, discovery->found_count);
}

/* ---- address spaces ---- */

bool agent_take_spaces_job(struct agent *agent, struct job *job)
{
    const struct watch *watch = &agent->engine->watch;
    int64_t mono_ms = os_mono_ms(agent->os);
    if (!agent->opened || agent->stopping) /* until opened JOB_OPEN has the watch */
        return false;
    job->space_count = 0;
    for (size_t i = 0; i < watch->count && job->space_count < SPACES_PER_JOB; i++)
        if (watch_space_due(&watch->items[i], mono_ms))
            job->spaces[job->space_count++] = (struct space_question){.process = watch->items[i].process};
    job->kind = JOB_SPACES;
    return job->space_count > 0;
}

void agent_spaces_done(struct agent *agent, struct job *job)
{
    int64_t shift_ms = os_utc_ms(agent->os) - os_mono_ms(agent->os);
    for (size_t i = 0; i < job->space_count; i++) {
        const struct space_question *found = &job->spaces[i];
        struct watch_moment moment = {.mono_ms = found->ended_mono_ms,
                                      .utc_ms = found->ended_mono_ms + shift_ms,
                                      .cost_ms = found->cost_ms};
        watch_set_space(&agent->engine->watch, &agent->engine->config, found->process, found->status,
                        &found->space, found->why, moment);
    }
}

/* A look has returned: in time, or late? */
static void follow_overdue(struct agent *agent)
{
    const int64_t mono_ms = os_mono_ms(agent->os);
    if (!agent->look_overdue && sight_seen(&agent->look_sight, mono_ms, agent->engine->config.reminder_ms)) {
        sight_told(&agent->look_sight, false, mono_ms);
        agent_tell(agent, ALERT_SIGHT_BACK, "Looks return in time again.");
    }
    agent->look_overdue = false;
}

void agent_look_done(struct agent *agent, struct job *job)
{
    agent->latest = 1 - agent->latest;
    agent->looked_mono_ms = job->observation->mono_ms;
    agent->look_took_ms = os_mono_ms(agent->os) - agent->look_begun_mono_ms;
    take_clock(agent, job->observation);
    agent_follow_boot(agent);
    follow_overdue(agent);
    agent_follow_sight(agent);
    take_limits(agent, job);
    text_copy(agent->look_error, sizeof agent->look_error,
              job->err.text); /* a look in part may succeed and say so */
    if (agent->stopping)
        return;
    agent->engine->journal_writable = !agent->store_failing && agent->store;
    engine_step(agent->engine, job->observation, agent_clock_now(agent), job->sample_due, agent->actions);
    if (job->sample_due) {
        agent_put_samples(agent, job->observation->utc_ms);
        see_whether_to_search(agent);
    }
    agent_take_actions(agent);
    agent_follow_sight(agent);
    agent->metrics_due |= job->sample_due && agent->engine->config.metrics_textfile[0];
}

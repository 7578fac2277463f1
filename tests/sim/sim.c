/* sim.c - drives the agent through a world.
 *
 * A job is taken at one moment, takes effect at a second and is reported at a third, so everything else can
 * happen in between: another lane, a fault, the end of storewatch. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MIN_MS (4 * MS_PER_MINUTE)
#define SETTLE_QUIET_MS (3 * MS_PER_MINUTE)
#define SETTLE_MAX_MS (36 * MS_PER_HOUR) /* a low cap lets few mails out in an hour */
#define STOP_DEADLINE_MS (20 * MS_PER_SECOND)

struct sim *sim;

void story(const char *format, ...)
{
    char line[512];
    int64_t ms = true_ms();
    int begin = snprintf(line, sizeof line, "%3lld:%02lld:%02lld.%03lld ", (long long)(ms / 3600000),
                         (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), (long long)(ms % 1000));
    va_list args;
    va_start(args, format);
    vsnprintf(line + begin, sizeof line - (size_t)begin - 1, format, args);
    va_end(args);
    size_t length = strlen(line);
    line[length++] = '\n';
    if (sim->story_length + length + 1 > sim->story_capacity) {
        sim->story_capacity = 2 * sim->story_capacity + 65536;
        sim->story = realloc(sim->story, sim->story_capacity);
        if (!sim->story)
            abort();
    }
    memcpy(sim->story + sim->story_length, line, length);
    sim->story_length += length;
    sim->story[sim->story_length] = '\0';
}

/* ---- storewatch's life ---- */

/* Only for want of memory, and with words. */
static void not_begun(enum status status, const char *why)
{
    story("storewatch does not start: %s", why);
    if (!sim->may_fail) {
        fprintf(stderr, "sim: storewatch does not start: %s\n", why);
        exit(3);
    }
    if (status != STATUS_NO_MEMORY || !strstr(why, "memory"))
        judge_fail("R6", "storewatch does not start (%s): %s", status_text(status), why);
    sim->start_ms = true_ms() + MS_PER_MINUTE;
}

static void life_begins(void)
{
    struct config config;
    struct config_findings *findings = calloc(1, sizeof *findings);
    struct err err = {0};
    struct agent_options options = {
        .config_path = sim->config_path, .data_dir = "/sim", .dry_run = sim->dry_run};
    if (!findings || !config_write())
        abort();
    enum status status = config_load(sim->config_path, &config, findings, &err);
    if (status == STATUS_OK)
        status = agent_new(&sim->os, &config, &options, &sim->agent, &err);
    if (status != STATUS_OK) {
        not_begun(status, findings->count ? findings->items[0].text : err.text);
        free(findings);
        return;
    }
    free(findings);
    memset(sim->lanes, 0, sizeof sim->lanes);
    sim->next_slot_ms = true_ms();
    sim->stopping = false;
    sim->lives++;
    judge_life_begins();
    story("storewatch starts");
}

static void life_ends(void)
{
    judge_life_ends();
    agent_free(sim->agent);
    sim->agent = NULL;
}

void storewatch_kill(bool power, enum vfs_survival survival, int64_t down_ms)
{
    if (sim->agent) {
        story("storewatch is killed");
        vfs_fault_power_cut(); /* its closing writes nothing */
        life_ends();
        vfs_fault_power_on(power ? survival : VFS_KEEP_ALL, world_random(&sim->latency));
    }
    if (power) {
        sim->stopping = sim->boot_after = false;
        machine_boot();
    }
    sim->start_ms = true_ms() + down_ms;
}

void storewatch_stop(bool shutdown, int64_t down_ms)
{
    sim->start_ms = true_ms() + down_ms;
    sim->os.world.shutting_down = shutdown;
    sim->boot_after = shutdown;
    sim->stopping = true;
    sim->stop_until_ms = true_ms() + STOP_DEADLINE_MS;
    if (!sim->agent)
        return;
    story("storewatch is asked to stop");
    agent_stop(sim->agent, shutdown);
}

/* The end of a stop in order: quiet, or out of time. */
static void stop_step(void)
{
    if (!sim->stopping || (sim->agent && !agent_is_quiet(sim->agent) && true_ms() < sim->stop_until_ms))
        return;
    if (sim->agent && agent_is_quiet(sim->agent))
        life_ends();
    else
        storewatch_kill(false, VFS_KEEP_ALL, 0);
    sim->stopping = false;
    if (sim->boot_after)
        machine_boot();
    sim->boot_after = false;
    if (sim->start_ms < true_ms() + 1000)
        sim->start_ms = true_ms() + 1000;
}

/* ---- jobs ---- */

static int64_t chance_ms(int64_t max_ms)
{
    return max_ms > 0 ? (int64_t)(world_random(&sim->latency) % (uint64_t)max_ms) : 0;
}

static void schedule(struct lane_state *state, enum lane lane)
{
    static const int64_t usual_ms[LANE_COUNT] = {60, 40, 800, 2500, 30, 30, 300, 12000};
    int64_t takes_ms = 1 + chance_ms(usual_ms[lane]) + chance_ms(sim->slow_ms[lane]);
    if (lane == LANE_EVIDENCE && !sim->calm && chance_ms(6) == 0)
        takes_ms += 20 * MS_PER_MINUTE; /* it hangs: a restart must not wait for it */
    state->ran = false;
    state->run_ms = true_ms() + chance_ms(takes_ms);
    state->done_ms = true_ms() + takes_ms;
}

/* Is storewatch to be killed at this job? */
static bool killed_at(enum lane lane, int when)
{
    if (sim->kill_lane != (int)lane || sim->kill_when != when)
        return false;
    sim->kill_lane = -1;
    storewatch_kill(false, VFS_KEEP_ALL, 1000 + chance_ms(20000));
    return true;
}

/* A commit in the middle of which storewatch or the machine dies. */
static bool killed_in_commit(struct lane_state *state)
{
    uint64_t change = sim->kill_change;
    if (change == 0 || state->job->kind != JOB_COMMIT)
        return false;
    sim->kill_change = 0;
    vfs_fault_arm_power_cut(VFS_MASK_CHANGES, change);
    job_run(state->job);
    bool power = sim->kill_cuts_power;
    enum vfs_survival survival = chance_ms(2) ? VFS_KEEP_RANDOM : VFS_LOSE_ALL;
    storewatch_kill(power, survival, 1000 + chance_ms(20000));
    return true;
}

/* One turn of one lane. Returns whether anything happened. */
static bool lane_step(enum lane lane)
{
    struct lane_state *state = &sim->lanes[lane];
    if (!state->job) {
        state->job = agent_take_job(sim->agent, lane);
        if (!state->job)
            return false;
        judge_taken(state->job);
        schedule(state, lane);
        return true;
    }
    if (!state->ran && true_ms() >= state->run_ms) {
        if (killed_at(lane, 0) || killed_in_commit(state))
            return true;
        if (lane == LANE_LOOK)
            sim->judge.disk_was_bad = judge_disk_is_bad();
        job_run(state->job);
        state->ran = true;
        killed_at(lane, 1);
        return true;
    }
    if (!state->ran || true_ms() < state->done_ms)
        return false;
    struct job *job = state->job;
    state->job = NULL;
    agent_job_done(sim->agent, job);
    judge_job_done(lane);
    return true;
}

/* A person switches maintenance on just when a stop, or the end of a process, waits for its commit. */
static void hold_a_stop(void)
{
    const enum engine_request_kind kind = sim->agent->request.kind;
    if (sim->hold_for_ms == 0 || sim->lanes[LANE_CONTROL].job ||
        (kind != ENGINE_STOP_SERVICE && kind != ENGINE_TERMINATE_PROCESS))
        return;
    maintenance_begin(sim->hold_for_ms);
    sim->hold_for_ms = 0;
}

static void lanes_step(void)
{
    size_t first = (size_t)chance_ms(LANE_COUNT);
    for (bool any = true; any && sim->agent && !judge_failed();) {
        any = false;
        for (size_t i = 0; i < LANE_COUNT && sim->agent; i++)
            any |= lane_step((enum lane)((first + i) % LANE_COUNT));
        if (sim->agent && !sim->stopping)
            hold_a_stop();
    }
}

/* ---- time ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_ms(int64_t end_ms)
{
    int64_t next = earlier(end_ms, faults_next_ms());
    if (sim->stopping)
        next = earlier(next, sim->stop_until_ms);
    if (!sim->agent)
        return sim->stopping ? next : earlier(next, sim->start_ms);
    if (!sim->stopping)
        next = earlier(next, sim->next_slot_ms);
    int64_t wake_ms = agent_next_wake_mono_ms(sim->agent);
    if (wake_ms != INT64_MAX)
        next = earlier(next, wake_ms + sim->os.boot_ms);
    for (size_t lane = 0; lane < LANE_COUNT; lane++)
        if (sim->lanes[lane].job)
            next = earlier(next, sim->lanes[lane].ran ? sim->lanes[lane].done_ms : sim->lanes[lane].run_ms);
    return next;
}

static void agent_turn(void)
{
    if (!sim->stopping && true_ms() >= sim->next_slot_ms) {
        sim->next_slot_ms += agent_interval_ms(sim->agent);
        judge_polled(sim->lanes[LANE_LOOK].job != NULL);
        agent_poll(sim->agent);
    } else {
        agent_wake(sim->agent);
    }
    lanes_step();
}

/* Just after the start: the history file is not open yet. */
static void speak_at_start(void)
{
    uint64_t what = sim->at_start;
    sim->at_start = 0;
    if (what == 1)
        storewatch_stop(false, 3000);
    else if (what == 2)
        maintenance_begin(20 * MS_PER_MINUTE);
    else
        agent_reload(sim->agent);
}

/* One moment, and then on to the next. */
static void moment(int64_t end_ms)
{
    faults_step();
    stop_step();
    if (!sim->agent && !sim->stopping && true_ms() >= sim->start_ms)
        life_begins();
    if (sim->hooks->moment)
        sim->hooks->moment();
    if (sim->agent)
        agent_turn();
    if (sim->agent && sim->at_start && !sim->stopping)
        speak_at_start();
    int64_t next = next_ms(end_ms);
    machine_advance(next > true_ms() ? next - true_ms() : 1);
}

static bool at_rest(void)
{
    const struct agent *agent = sim->agent;
    if (!agent || !agent->store || agent->store_failing || agent->engine->deciding)
        return false;
    sim->judge.hopeless = engine_restarting(agent->engine) && judge_hopeless();
    return (!engine_restarting(agent->engine) || sim->judge.hopeless) && agent->mails_pending == 0 &&
           !agent->mail_may_wait && agent->unwritten_count == 0 && !agent->mail_ready &&
           !sim->lanes[LANE_MAIL].job && agent->pending->mail_count == 0;
}

/* Has every look returned, and is what it found out saved? A mail that is only being saved is not pending
 * yet. */
static bool all_saved(void)
{
    const struct agent *agent = sim->agent;
    return agent && !agent->pending_dirty && !sim->lanes[LANE_STORE].job && !sim->lanes[LANE_LOOK].job;
}

static void settle(void)
{
    int64_t begun_ms = true_ms(), rest_ms = true_ms();
    faults_heal();
    while (!judge_failed()) {
        moment(true_ms() + MS_PER_MINUTE);
        const bool rests = at_rest();
        if (!rests && !sim->judge.hopeless) /* what stays down is told of each reminder, without an end */
            rest_ms = true_ms();
        if (rests && true_ms() - begun_ms >= SETTLE_MIN_MS && true_ms() - rest_ms >= SETTLE_QUIET_MS &&
            all_saved())
            break;
        if (true_ms() - begun_ms > SETTLE_MAX_MS) {
            const struct agent *agent = sim->agent;
            if (agent && engine_restarting(agent->engine))
                judge_fail("R1", "the restart of %s does not end: %s", agent->engine->restart.journal.target,
                           agent->engine->restart.waiting_for);
            else if (agent && (!agent->store || agent->store_failing))
                judge_fail("R6", "the history file is not used again: %s", agent->store_error);
            else
                judge_fail("R5", "mails are left although the relays work again");
        }
    }
    if (judge_failed())
        return;
    sim->end_utc_ms = sim->os.world.utc_ms;
    storewatch_stop(false, SETTLE_MAX_MS);
    while (sim->agent && !judge_failed())
        moment(true_ms() + MS_PER_SECOND);
}

/* ---- a world ---- */

/* Plays one world to its end or to its first failure. */
void play_with(uint64_t seed, uint64_t dropped, const char *config_path, const struct play_hooks *hooks)
{
    char *told = sim->story;
    size_t capacity = sim->story_capacity;
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->dropped = dropped;
    sim->hooks = hooks;
    sim->story = told;
    sim->story_capacity = capacity;
    if (told)
        told[0] = '\0';
    text_copy(sim->config_path, sizeof sim->config_path, config_path);
    vfs_fault_install();
    world_draw();
    faults_draw();
    if (hooks->begun)
        hooks->begun();
    while (true_ms() < sim->heal_ms && !judge_failed())
        moment(sim->heal_ms);
    if (!judge_failed())
        settle();
    if (hooks->ends)
        hooks->ends();
    if (!judge_failed())
        judge_end();
    if (sim->agent) {
        vfs_fault_power_cut();
        life_ends();
        vfs_fault_power_on(VFS_KEEP_ALL, 0);
    }
    vfs_fault_uninstall();
}

void play(uint64_t seed, uint64_t dropped, const char *config_path)
{
    static const struct play_hooks none = {NULL, NULL, NULL, NULL};
    play_with(seed, dropped, config_path, &none);
}

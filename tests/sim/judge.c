/* judge.c - the invariants, and what each check looks at.
 *
 *   R1  every service that a stop of storewatch's took down is owed, until it has run for `verify` without
 *       a break, or a person has taken it (or what it needs) over. Nothing is owed at the end; one that
 *       storewatch, alive and seeing, has known down for longer than all its timeouts together was told of
 *       (by its own name, and within its own timeout, when it alone is down), and where it cannot know,
 *       because the file of its last life cannot be read, that was told. When all others of the plan run
 *       and its back-off is over, it is asked to start. Each start is of a service of the plan that ran
 *       when the restart began or later, and that no person stopped after storewatch had seen it run again;
 *       the pauses between its starts double
 *
 *   R2  the true times at which restarts began of which a stop was accepted: in each period no more than
 *       the budget, between two at least the minimum interval, as configured when the first stop was asked
 *       for; none while a budget that was lost with the file counts as spent. One asked for by hand only
 *       counts. Of those of one service for one incident no more than POLICY_ATTEMPTS_MAX were turned back
 *
 *   R3  the moment a stop takes effect: the service is the target or needs it (by the world's
 *       dependencies), the target is one of the configuration, and its process was not already another one
 *       than planned in the look that the stop was decided on. The moment a process is to be ended: that is
 *       configured, in mode "act" and no dry run; it is a registered client's, never the Information
 *       Store's; by pid and creation time the one that the plan names, and in the look that it was decided
 *       on the service was stop pending in it, with no other service in it; it has been so for stop_timeout
 *       and its checkpoint stands still; nothing of R4 but the window forbids it; the journal on the disk
 *       says it
 *
 *   R4  the moment a restart asks for its first stop (until one was accepted, and in each life of
 *       storewatch again): mode, dry run, maintenance, veto, cluster, shutdown, sight, window against
 *       urgency and pending states, as that look showed them; its incident is open, its target and rung are
 *       those of the configuration. The moment it first asks for the stop of the target itself: mode,
 *       maintenance, veto. The moment any stop takes effect: it was not decided on long ago. The
 *       moment a lane takes a first stop, or the end of a process: mode and maintenance as they are then
 *
 *   R5  the keys of the delivered mails: an incident's numbers rise (but for those that leave from memory,
 *       while the disk fails, past what lies in the outbox, and those behind one that the relays put off
 *       PUT_OFF_MAX times), duplicates are at most as many as lives of
 *       storewatch that ended with a mail on its way; at the end no number up to the incident's count is
 *       missing, the outbox is empty, and of each restart that the file calls down, handed over, turned
 *       back or called off a mail has come; not more than CALLED_OFF_MAX were called off for one incident;
 *       that a service is down is mailed within MAILED_MAX_MS of its event while disk and relays work. One that
 *       the file calls replaced is not missing when the later one that it names has arrived and says of as many that it
 *       stands for them. A
 *       mail that a relay refused for good counts as arrived. Where memory fails on and on (tests/torture),
 *       as many may miss as were dropped, never the first
 *
 *   R6  the journal on the disk knows of a stop, and of the end of a process, when it takes effect; a
 *       start of storewatch on a sound disk opens the file; only one that was damaged is set aside, and that
 *       is told (then what it owed and the mails in it may be lost, its budget not); at the end the file is sound and no
 *       restart is left unended, unless a person took away what it needs
 *
 *   R7  each slot of the grid became a sample, unless a look was still under way
 *
 *   R8  the agent's queues, its files and the outbox within their bounds; a failing disk is told of once a
 *       reminder
 *
 *   W1  where nothing goes wrong, the leak is ended by a restart */
#include "sim.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGHTLESS_LOOKS_MAX 10
#define BACKOFFS_MS (20 * MS_PER_MINUTE)
#define ALONE_SLACK_MS (2 * MS_PER_MINUTE) /* the settling of a person's stop, some looks */
#define UNREAD_MAX_MS (20 * MS_PER_MINUTE)
#define IDLE_MAX_MS (75 * MS_PER_SECOND) /* some looks; there is one every few seconds in a restart */
#define FRESH_MS (20 * MS_PER_SECOND)    /* a look that takes longer is slow, and storewatch knows nothing */

bool judge_failed(void)
{
    return sim->judge.invariant[0] != '\0';
}

void judge_fail(const char *invariant, const char *format, ...)
{
    if (judge_failed())
        return;
    text_copy(judge()->invariant, sizeof judge()->invariant, invariant);
    va_list args;
    va_start(args, format);
    vsnprintf(judge()->failure, sizeof judge()->failure, format, args);
    va_end(args);
    story("BROKEN %s: %s", judge()->invariant, judge()->failure);
}

bool judge_disk_is_bad(void)
{
    /* What came of it just before it was mended may be told only now. */
    if (sim->may_fail || (sim->disk_mended_ms && true_ms() - sim->disk_mended_ms < 2 * MS_PER_MINUTE))
        return true;
    for (size_t i = 0; i < sim->fault_count; i++)
        if ((sim->faults[i].kind == FAULT_DISK_FULL || sim->faults[i].kind == FAULT_DISK_FAILS) &&
            sim->faults[i].begun && !sim->faults[i].over)
            return true;
    return false;
}

static struct judge_restart *restart_known(const struct restart_journal *journal)
{
    for (size_t i = 0; i < judge()->restart_count; i++)
        if (judge()->restarts[i].id == journal->id &&
            judge()->restarts[i].begun_utc_ms == journal->begun_utc_ms)
            return &judge()->restarts[i];
    return NULL;
}

/* ---- R1 ---- */

static bool is_taken_over(size_t index)
{
    const struct world_service *service = &sim->os.world.services[index];
    return judge()->services[index].person || !service->exists || service->start_type == START_DISABLED;
}

/* It, or what it needs, or did before a person changed that: storewatch need not know of that. */
static bool taken_over(size_t index)
{
    const struct world *world = &sim->os.world;
    if (is_taken_over(index))
        return true;
    for (size_t n = 0; n < world->count; n++)
        if (n != index && service_ever_needed(index, n) && is_taken_over(n))
            return true;
    return false;
}

static bool sees(void)
{
    return sim->agent && sim->agent->opened && !sim->stopping && judge()->look_seen.services_known &&
           sim->slow_ms[LANE_LOOK] == 0 && sim->slow_ms[LANE_CONTROL] == 0 && sim->slow_ms[LANE_STORE] == 0 &&
           !sim->os.graph_unreadable;
}

static bool runs(size_t index)
{
    const struct world_service *service = &sim->os.world.services[index];
    return service->exists &&
           (service->state == SERVICE_STATE_RUNNING || service->state == SERVICE_STATE_PAUSED);
}

/* Or is about to, because somebody started it. */
static bool is_active(size_t index)
{
    const struct world_service *service = &sim->os.world.services[index];
    return service->exists && service->state != SERVICE_STATE_STOPPED;
}

/* All others of the plan run, also those that storewatch cannot read: nothing is to be waited for but its own
 * back-off and a person who may be at work. */
static bool could_start(size_t index)
{
    const struct restart *restart = &sim->agent->engine->restart;
    const struct restart_plan *plan = &restart->journal.plan;
    bool mine = false;
    if (restart->asked || restart->held || sim->os.world.shutting_down ||
        true_ms() - judge()->seen_ms > FRESH_MS ||
        (restart->journal.phase != RESTART_STARTING && restart->journal.phase != RESTART_VERIFYING))
        return false;
    for (size_t i = 0; i < plan->count; i++) {
        size_t other = service_index(plan->services[i].name);
        if (other == index) {
            mine = plan->services[i].start == STEP_WAITING && !restart->watches[i].settling &&
                   (sim->os.world.mono_ms >= restart->watches[i].retry_mono_ms ||
                    true_ms() - judge()->services[index].asked_ms > RESTART_BACKOFF_LAST_MS);
        } else if (other == SIZE_MAX || !runs(other)) {
            return false;
        }
    }
    return mine && sim->os.world.services[index].state == SERVICE_STATE_STOPPED;
}

static void follow_idle(size_t index, int64_t elapsed_ms)
{
    struct judge_service *service = &judge()->services[index];
    if (!could_start(index) || taken_over(index)) {
        service->idle_ms = 0;
        return;
    }
    service->idle_ms += elapsed_ms;
    if (service->idle_ms > IDLE_MAX_MS)
        judge_fail("R1", "%s is down, everything else of the plan runs, and for %lld s it was not started",
                   sim->os.world.services[index].name, (long long)(service->idle_ms / 1000));
}

/* Nothing else that storewatch has stopped is down, nor what it needs of the plan: for that it rightly waits. */
static bool is_down_alone(size_t index)
{
    const struct world_service *service = &sim->os.world.services[index];
    const struct restart_plan *plan = &sim->agent->engine->restart.journal.plan;
    for (size_t i = 0; i < sim->os.world.count; i++)
        if (i != index && judge()->services[i].owed && !runs(i))
            return false;
    for (size_t n = 0; n < service->need_count; n++)
        for (size_t p = 0; p < plan->count; p++)
            if (service_index(plan->services[p].name) == service->needs[n] &&
                plan->services[p].start != STEP_GIVEN_UP && !runs(service->needs[n]))
                return false;
    return true;
}

/* Was SERVICE_DOWN told of this one, in this life of storewatch? */
static bool told_of(size_t index)
{
    const struct restart *restart = &sim->agent->engine->restart;
    for (size_t i = 0; i < restart->journal.plan.count; i++)
        if (service_index(restart->journal.plan.services[i].name) == index)
            return restart->watches[i].told_down;
    return false;
}

/* A stop that hangs, the end of its process included, or a start: there is nothing else to wait for. */
static int64_t alone_limit_ms(void)
{
    const struct engine *engine = sim->agent->engine;
    return ALONE_SLACK_MS + (engine->restart.journal.phase == RESTART_STOPPING
                                 ? 3 * engine->config.stop_timeout_ms
                                 : engine->config.start_timeout_ms);
}

static void follow_down(size_t index, int64_t elapsed_ms)
{
    struct judge_service *service = &judge()->services[index];
    const struct settings *settings = &sim->settings;
    if (!sees() || judge()->look_seen.states[index] == SERVICE_STATE_UNKNOWN)
        return;
    if (!sim->agent->engine->file_known) { /* what lies in a file that cannot be read: that is told instead */
        if (judge()->store_failing_told == 0 && true_ms() - judge()->life_begun_ms > UNREAD_MAX_MS &&
            sim->slow_ms[LANE_EVENT] == 0)
            judge_fail("R1", "%s is down, and nobody was told that the file which knows why cannot be read",
                       sim->os.world.services[index].name);
        return;
    }
    service->down_seen_ms += elapsed_ms;
    follow_idle(index, elapsed_ms);
    int64_t limit_ms =
        (int64_t)sim->os.world.count * (settings->stop_timeout_ms + settings->start_timeout_ms) + BACKOFFS_MS;
    if (service->down_seen_ms > limit_ms && !sim->agent->engine->restart.journal.told_down &&
        !taken_over(index))
        judge_fail("R1", "%s has been down for %lld s of sight and nobody was told",
                   sim->os.world.services[index].name, (long long)(service->down_seen_ms / 1000));
    const enum restart_phase phase = sim->agent->engine->restart.journal.phase;
    const bool goes_on = phase == service->alone_phase && is_down_alone(index);
    const bool fresh = true_ms() - judge()->seen_ms <= FRESH_MS; /* else a look is under way still */
    service->alone_ms = goes_on ? service->alone_ms + (fresh ? elapsed_ms : 0) : 0;
    service->alone_phase = phase;
    const int64_t alone_max_ms = alone_limit_ms();
    /* A reload has just made it shorter: no look knows that yet. */
    if (alone_max_ms < service->alone_limit_ms && service->alone_ms > alone_max_ms - ALONE_SLACK_MS)
        service->alone_ms = alone_max_ms - ALONE_SLACK_MS;
    service->alone_limit_ms = alone_max_ms;
    if (service->alone_ms > alone_max_ms && !told_of(index) && !taken_over(index))
        judge_fail("R1", "%s alone has been down for %lld s of sight, and only others were told of",
                   sim->os.world.services[index].name, (long long)(service->alone_ms / 1000));
}

static bool is_stopped_cleanly(size_t index)
{
    const struct world_service *service = &sim->os.world.services[index];
    return service->exists && service->state == SERVICE_STATE_STOPPED && service->win32_exit_code == 0;
}

/* Or it has ended by itself before. */
static void late_stop_begins(size_t index)
{
    const bool is_stopping = sim->os.world.services[index].state == SERVICE_STATE_STOP_PENDING;
    judge()->services[index].stops_late = false;
    judge()->services[index].owed |= is_stopping || is_stopped_cleanly(index);
}

void judge_stood_still(int64_t ms)
{
    judge()->down_told_ms += ms;
}

void judge_world(int64_t elapsed_ms)
{
    struct world *world = &sim->os.world;
    int64_t now_ms = true_ms();
    judge_follow_news();
    for (size_t i = 0; i < world->count; i++) {
        struct judge_service *service = &judge()->services[i];
        if (is_active(i) && judge()->restart_count)
            judge()->restarts[judge()->restart_count - 1].ran |= 1u << i;
        if (service->stops_late && world->services[i].stop_due_ms == 0)
            late_stop_begins(i);
        if (!runs(i)) {
            /* Whoever did that: mostly nobody can tell it from a person's stop. */
            if (service->run_since_ms >= 0 && world->services[i].ends_cleanly && is_stopped_cleanly(i))
                service->person = true;
            service->run_since_ms = -1;
            if (service->owed)
                follow_down(i, elapsed_ms);
            continue;
        }
        if (service->run_since_ms < 0)
            service->run_since_ms = now_ms;
        service->down_seen_ms = service->alone_ms = service->idle_ms = 0;
        service->hands_off = false;
        if (service->owed && now_ms - service->run_since_ms >= sim->settings.verify_ms)
            service->owed = false;
    }
}

static const struct restart_service *planned(const struct restart_journal *journal, const char *name)
{
    for (size_t i = 0; i < journal->plan.count; i++)
        if (text_equal_nocase(journal->plan.services[i].name, name))
            return &journal->plan.services[i];
    return NULL;
}

/* Of one service, in one life of storewatch, the pauses between starts double up to their bound. */
static void check_backoff(const char *name, struct judge_service *service, int64_t restart_id)
{
    bool again = service->asked_in == sim->lives && service->asked_for == restart_id;
    if (again && true_ms() - service->asked_ms < service->pause_ms)
        judge_fail("R1", "%s is started again after %lld ms, not before %lld ms are over", name,
                   (long long)(true_ms() - service->asked_ms), (long long)service->pause_ms);
    service->pause_ms = again ? 2 * service->pause_ms : RESTART_BACKOFF_FIRST_MS;
    if (service->pause_ms > RESTART_BACKOFF_LAST_MS)
        service->pause_ms = RESTART_BACKOFF_LAST_MS;
    service->asked_in = sim->lives;
    service->asked_for = restart_id;
}

void judge_start(const char *name)
{
    const struct engine *engine = sim->agent->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    const struct judge_restart *restart = restart_known(journal);
    size_t index = service_index(name);
    judge()->checks++;
    if (index == SIZE_MAX)
        return; /* deleted meanwhile */
    struct judge_service *service = &judge()->services[index];
    if (!engine_restarting(engine) || !restart || !planned(journal, name))
        judge_fail("R3", "a start of %s, which the restart of \"%s\" has nothing to do with", name,
                   journal->target);
    else if (!(restart->ran >> index & 1u))
        judge_fail("R1", "%s is started, which did not run when the restart began nor later", name);
    else if (service->hands_off && service->hands_off_ms <= service->wanted_ms &&
             sim->os.world.services[index].win32_exit_code == 0)
        judge_fail("R1", "%s is started, which a person had stopped after it ran again", name);
    check_backoff(name, service, journal->id);
    service->idle_ms = 0;
    service->asked_ms = true_ms();
}

/* A person stopped it. One that storewatch had seen running again is to be left alone from then on. */
void judge_person(const char *name)
{
    struct judge_service *service = &judge()->services[service_index(name)];
    service->person = true;
    service->stops_late = false;
    if (!sim->agent)
        return;
    const struct restart *restart = &sim->agent->engine->restart;
    const struct restart_service *own = planned(&restart->journal, name);
    service->hands_off = own && engine_restarting(sim->agent->engine) &&
                         restart->journal.phase != RESTART_STOPPING && own->start == STEP_REACHED &&
                         own->stop != STEP_ASKED &&
                         sim->os.world.services[service_index(name)].state != SERVICE_STATE_RUNNING;
    service->hands_off_ms = true_ms();
}

/* What storewatch has given up because a person took it over is nobody's debt any more. */
static void follow_given_up(void)
{
    const struct restart_plan *plan = &sim->agent->engine->restart.journal.plan;
    for (size_t i = 0; i < plan->count; i++) {
        size_t index = service_index(plan->services[i].name);
        if (plan->services[i].start == STEP_GIVEN_UP && index != SIZE_MAX && taken_over(index))
            judge()->services[index].owed = false;
    }
}

/* Is storewatch right to go on trying without an end? Whatever is down needs what a person took away. */
bool judge_hopeless(void)
{
    const struct restart_journal *journal = &sim->agent->engine->restart.journal;
    for (size_t i = 0; i < journal->plan.count; i++) {
        size_t index = service_index(journal->plan.services[i].name);
        if (index != SIZE_MAX && !world_runs(&sim->os.world, journal->plan.services[i].name) &&
            !taken_over(index))
            return false;
    }
    return journal->told_down;
}

/* ---- looks ---- */

void judge_look_run(const struct observation *observation)
{
    const struct world *world = &sim->os.world;
    struct judge_look *look = &judge()->look_run;
    *look = (struct judge_look){.services_known = observation->services_known,
                                .processes_known = observation->processes_known,
                                .shutting_down = observation->os_shutting_down,
                                .veto = sim->os.veto_runs,
                                .sighted_ms =
                                    observation->processes_known ? true_ms() : judge()->look_run.sighted_ms,
                                .cluster = sim->os.cluster};
    for (size_t i = 0; i < world->count; i++) {
        const struct world_service *service = &world->services[i];
        look->states[i] = !service->exists ? SERVICE_STATE_ABSENT
                          : observation->services_cut && !observation_service(observation, service->name)
                              ? SERVICE_STATE_UNKNOWN
                          : service->unreadable ? SERVICE_STATE_UNKNOWN
                                                : service->state;
        look->pids[i] = service->pid;
        look->created[i] = service->created_100ns;
    }
}

/* ---- R2, R4: a restart begins, and asks for its first stop ---- */

static void follow_restarts(void)
{
    const struct engine *engine = sim->agent->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    if (!engine_restarting(engine) || restart_known(journal))
        return;
    if (judge()->restart_count == JUDGE_RESTARTS_MAX) {
        judge_fail("R2", "more than %d restarts were begun", JUDGE_RESTARTS_MAX);
        return;
    }
    judge()->restarts[judge()->restart_count++] =
        (struct judge_restart){.id = journal->id,
                               .begun_utc_ms = journal->begun_utc_ms,
                               .begun_ms = true_ms(),
                               .by_hand = journal->incident_id == 0};
    for (size_t i = 0; i < sim->os.world.count; i++)
        if (is_active(i) || (judge()->look_seen.states[i] != SERVICE_STATE_STOPPED &&
                             judge()->look_seen.states[i] != SERVICE_STATE_ABSENT))
            judge()->restarts[judge()->restart_count - 1].ran |= 1u << i;
    sim->restart_began_ms[sim->restarts_seen++] = true_ms();
    story("restart %lld of %s begins", (long long)journal->id, journal->target);
}

/* Counts the restart that is about to stop its first service, by the budget that was in force when it asked.
 */
/* Then nothing of what a file knew was carried over (what its log holds is, though its head is damaged). */
static bool id_is_used_again(const struct judge_restart *restart)
{
    for (size_t i = 0; i < judge()->restart_count; i++)
        if (judge()->restarts[i].begun_ms < restart->begun_ms && judge()->restarts[i].id >= restart->id)
            return true;
    return false;
}

static void check_budget(const struct judge_restart *restart)
{
    uint32_t within = 0;
    if (restart->by_hand)
        return; /* a person's own choice; but it counts for those that follow */
    const int64_t since_ms = restart->begun_ms - judge()->budget_lost_ms;
    if (judge()->budget_lost && id_is_used_again(restart) && since_ms >= 0 && since_ms < restart->per_ms)
        judge_fail("R2", "restart %lld began %lld s after the budget was lost, which counts as spent",
                   (long long)restart->id, (long long)since_ms / 1000);
    for (size_t i = 0; i < judge()->restart_count; i++) {
        const struct judge_restart *other = &judge()->restarts[i];
        int64_t apart_ms = restart->begun_ms - other->begun_ms;
        if (!other->stop_sent || apart_ms < 0)
            continue;
        within += apart_ms < restart->per_ms;
        if (other != restart && apart_ms < restart->min_interval_ms)
            judge_fail("R2", "restart %lld began %lld s after restart %lld, %lld s must lie between",
                       (long long)restart->id, (long long)apart_ms / 1000, (long long)other->id,
                       (long long)restart->min_interval_ms / 1000);
    }
    if (within > restart->budget_max)
        judge_fail("R2", "restart %lld is the %u. within %lld s, %u are allowed", (long long)restart->id,
                   within, (long long)restart->per_ms / 1000, restart->budget_max);
}

/* By the configuration in force: a reload that waits behind a slow event log is not in force yet. */
static bool window_open(void)
{
    const struct config *config = &sim->agent->engine->config;
    int minute = (int)(sim->os.world.utc_ms / MS_PER_MINUTE % 1440);
    int from = config->windows[0].from_minute, to = config->windows[0].to_minute;
    if (config->window_count == 0 || from == to)
        return true;
    return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

/* The incident's own end is near, or that of the store, which waits for its client. */
static bool urgent(const struct restart_journal *journal)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *incident = &sim->agent->engine->incidents[i].incident;
        bool counts = incident->id == journal->incident_id ||
                      (journal->rung == RUNG_RESTART_CLIENT && incident->target_kind == TARGET_STORE);
        if (incident->id && counts && incident->exhaustion_early_utc_ms != INT64_MAX &&
            incident->exhaustion_early_utc_ms - sim->os.world.utc_ms < sim->settings.urgent_ms)
            return true;
    }
    return false;
}

static bool is_pending(enum service_state state)
{
    return state == SERVICE_STATE_START_PENDING || state == SERVICE_STATE_STOP_PENDING ||
           state == SERVICE_STATE_PAUSE_PENDING || state == SERVICE_STATE_CONTINUE_PENDING;
}

static bool in_maintenance(void)
{
    return judge()->maintenance_until_utc_ms > sim->os.world.utc_ms &&
           judge()->maintenance_until_ms > true_ms();
}

/* What of R4 forbids a deed at any time, by what the look showed; NULL = nothing. */
static const char *forbidden_now(const struct judge_look *look)
{
    return sim->dry_run                                      ? "in a dry run"
           : in_maintenance()                                ? "in maintenance"
           : look->veto                                      ? "while a veto process runs"
           : look->cluster && !sim->settings.on_cluster_act  ? "on a cluster node"
           : look->shutting_down                             ? "while the system shuts down"
           : !look->services_known || !look->processes_known ? "without sight"
                                                             : NULL;
}

/* By the configuration in force: is it a target, and its rung one of the ladder? */
static bool is_configured(const struct restart_journal *journal)
{
    const struct config *config = &sim->agent->engine->config;
    bool named = text_equal_nocase(journal->target, config->store_service), in_ladder = false;
    for (size_t i = 0; i < config->client_count; i++)
        named |= text_equal_nocase(journal->target, config->clients[i].service);
    for (size_t i = 0; i < config->ladder_count; i++)
        in_ladder |= config->ladder[i] == journal->rung;
    return named && in_ladder;
}

static bool incident_open(int64_t id)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (sim->agent->engine->incidents[i].incident.id == id)
            return true;
    return false;
}

static void check_first_stop(const struct restart_journal *journal, bool goes_on)
{
    const struct judge_look *look = &judge()->look_seen;
    bool by_hand = journal->incident_id == 0;
    const char *why = forbidden_now(look);
    if (!by_hand && sim->agent->engine->config.mode != MODE_ACT)
        why = "in mode \"alert\"";
    else if (!why && !by_hand && !window_open() && !urgent(journal))
        why = "outside the windows";
    else if (!why && !by_hand && !goes_on && !is_configured(journal))
        why = "which is not configured any more";
    else if (!why && !by_hand && !goes_on && !incident_open(journal->incident_id))
        why = "for growth that has ended";
    if (why)
        judge_fail("R4", "restart %lld of %s asks for its first stop %s", (long long)journal->id,
                   journal->target, why);
    for (size_t i = 0; !goes_on && i < journal->plan.count; i++) {
        size_t index = service_index(journal->plan.services[i].name);
        if (index != SIZE_MAX && is_pending(look->states[index]))
            judge_fail("R4", "restart %lld of %s asks for its first stop while %s is pending",
                       (long long)journal->id, journal->target, journal->plan.services[i].name);
    }
}

/* What needs the target has stopped, and meanwhile a person, or a tool, may have come. (One that came while the
 * processes cannot be read is not seen; several such looks in a row are no sight.) */
static void check_target_stop(const struct restart_journal *journal)
{
    const bool by_hand = journal->incident_id == 0;
    const struct judge_look *look = &judge()->look_seen;
    const bool sightless = true_ms() - look->sighted_ms > SIGHTLESS_LOOKS_MAX * sim->settings.interval_ms;
    const char *why = !by_hand && sim->agent->engine->config.mode != MODE_ACT ? "in mode \"alert\""
                      : in_maintenance()                                      ? "in maintenance"
                      : look->veto && look->processes_known                   ? "while a veto process runs"
                      : look->veto && sightless
                          ? "while a veto process runs and nothing has been seen for long"
                          : NULL;
    if (why)
        judge_fail("R4", "restart %lld asks for the stop of %s itself %s", (long long)journal->id,
                   journal->target, why);
}

/* A service manager that is slow carries a start out when much has changed since it was decided on. */
static void follow_starts(const struct restart *restart)
{
    const size_t index = service_index(restart->request.service);
    if (index == SIZE_MAX || (judge()->start_mono_ms == restart->asked_mono_ms &&
                              text_equal_nocase(judge()->start_service, restart->request.service)))
        return;
    judge()->start_mono_ms = restart->asked_mono_ms;
    text_copy(judge()->start_service, sizeof judge()->start_service, restart->request.service);
    judge()->services[index].wanted_ms = true_ms();
}

/* It died, and storewatch has to believe that its stop had arrived. */
static bool one_seems_stopped(const struct judge_restart *restart)
{
    for (size_t i = 0; i < sim->os.world.count; i++)
        if ((restart->unclear >> i & 1u) && judge()->look_seen.states[i] == SERVICE_STATE_STOPPED)
            return true;
    return false;
}

static void follow_asks(void)
{
    const struct restart *restart = &sim->agent->engine->restart;
    const enum engine_request_kind kind = sim->agent->request.kind;
    if (kind == ENGINE_START_SERVICE)
        follow_starts(restart);
    if ((kind != ENGINE_STOP_SERVICE && kind != ENGINE_TERMINATE_PROCESS) ||
        (judge()->asked_mono_ms == restart->asked_mono_ms &&
         text_equal_nocase(judge()->asked_service, restart->request.service)))
        return;
    judge()->asked_mono_ms = restart->asked_mono_ms;
    text_copy(judge()->asked_service, sizeof judge()->asked_service, restart->request.service);
    judge()->look_asked = judge()->look_seen;
    judge()->forbidden_asked = sim->agent->engine->config.mode != MODE_ACT
                                   ? "in mode \"alert\""
                                   : forbidden_now(&judge()->look_asked);
    struct judge_restart *known = restart_known(&restart->journal);
    if (!known || kind != ENGINE_STOP_SERVICE)
        return;
    const struct config *config = &sim->agent->engine->config;
    if (!known->stop_sent) {
        known->budget_max = config->budget_max;
        known->per_ms = config->budget_per_ms;
        known->min_interval_ms = config->budget_min_interval_ms;
    }
    if ((!known->stop_sent && !one_seems_stopped(known)) || known->asked_in != sim->lives)
        check_first_stop(&restart->journal, known->stop_sent);
    known->asked_in = sim->lives;
    if (text_equal_nocase(restart->request.service, restart->journal.target)) {
        if (!known->target_asked)
            check_target_stop(&restart->journal);
        known->target_asked = true;
    }
}

/* Whatever was decided on when: what a person, or a new configuration, has forbidden meanwhile is not begun.
 */
void judge_taken(const struct job *job)
{
    const struct restart_journal *journal = &sim->agent->engine->restart.journal;
    if (job->kind != JOB_CONTROL ||
        (job->request.kind != ENGINE_STOP_SERVICE && job->request.kind != ENGINE_TERMINATE_PROCESS))
        return;
    const struct judge_restart *known = restart_known(journal);
    const bool first = job->request.kind == ENGINE_TERMINATE_PROCESS || (known && !known->stop_sent);
    const bool may_act = sim->agent->engine->config.mode == MODE_ACT ||
                         (journal->incident_id == 0 && job->request.kind == ENGINE_STOP_SERVICE);
    if (first && (!may_act || in_maintenance()))
        judge_fail("R4", "the stop of %s is begun %s", job->request.service,
                   may_act ? "in maintenance" : "in mode \"alert\"");
}

/* ---- R3, R6: a stop takes effect ---- */

static void check_process(const struct restart_journal *journal, const char *name)
{
    const struct restart_service *service = planned(journal, name);
    const struct judge_look *look = &judge()->look_asked;
    size_t index = service_index(name);
    if (!service || !service->is_target || service->process.pid == 0 || !look->services_known)
        return;
    bool other_pid = look->pids[index] && look->pids[index] != service->process.pid;
    bool other_time = look->processes_known && look->created[index] && service->process.created_100ns &&
                      look->created[index] != service->process.created_100ns;
    if (look->states[index] != SERVICE_STATE_UNKNOWN && (other_pid || other_time))
        judge_fail("R3", "the stop of %s hits process %u, the plan named %u, and the look had shown it", name,
                   look->pids[index], service->process.pid);
}

/* The store's own words for its file would not tell that they have become wrong. */
static void check_journal(const struct restart_journal *journal, const char *name)
{
    static const char sql[] = "SELECT s.stop FROM restart AS r JOIN restart_service AS s ON s.restart = r.id"
                              " WHERE r.id = ?1 AND s.name = ?2 AND r.phase <> 'ended'";
    if (judge_disk_is_bad() || sim->kill_change)
        return;
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    const char *stop = NULL;
    if (sqlite3_open_v2(SIM_STORE_PATH, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 1, journal->id) != SQLITE_OK ||
        sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC) != SQLITE_OK)
        judge_fail("R6", "the journal cannot be read: %s", sqlite3_errmsg(db));
    else if (sqlite3_step(statement) == SQLITE_ROW)
        stop = (const char *)sqlite3_column_text(statement, 0);
    if (!stop || strcmp(stop, "waiting") == 0)
        judge_fail("R6", "%s is stopped, but the journal on the disk %s", name,
                   stop ? "says it was not asked" : "does not know of it");
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

/* What a deed rests on is not older than that; a second is for the rounding of looks. */
static bool is_fresh(void)
{
    return sim->os.world.mono_ms - sim->agent->engine->restart.asked_mono_ms <=
           RESTART_FRESH_MS + MS_PER_SECOND;
}

static void check_termination_journal(const struct restart_journal *journal, const char *name,
                                      struct process_id id)
{
    static const char sql[] =
        "SELECT 1 FROM restart AS r JOIN restart_service AS s ON s.restart = r.id"
        " WHERE r.id = ?1 AND s.name = ?2 AND r.phase <> 'ended' AND s.stop = 'asked' AND s.pid = ?3"
        " AND s.created_100ns = ?4 AND s.note LIKE '%is terminated'";
    if (judge_disk_is_bad() || sim->kill_change)
        return;
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_open_v2(SIM_STORE_PATH, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 1, journal->id) != SQLITE_OK ||
        sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 3, id.pid) != SQLITE_OK ||
        sqlite3_bind_int64(statement, 4, (int64_t)id.created_100ns) != SQLITE_OK)
        judge_fail("R6", "the journal cannot be read: %s", sqlite3_errmsg(db));
    else if (sqlite3_step(statement) != SQLITE_ROW)
        judge_fail("R6", "the process of %s is ended, and the journal on the disk does not say so", name);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

void judge_terminate(const char *name, struct process_id id)
{
    const struct engine *engine = sim->agent->engine;
    const struct restart_service *service = planned(&engine->restart.journal, name);
    const struct judge_look *look = &judge()->look_asked;
    const struct world_service *real = world_get(&sim->os.world, name);
    size_t index = service_index(name), in_process = 0;
    judge()->checks++;
    for (size_t i = 0; i < sim->os.world.count; i++)
        in_process += look->pids[i] == id.pid;
    const char *why = judge()->forbidden_asked;
    if (!sim->settings.on_hang_terminate)
        why = "which is not configured";
    else if (!text_equal_nocase(name, "ArchiveSvc") && !text_equal_nocase(name, "BESAgent"))
        why = "which is not a client's";
    else if (!service || !process_id_equal(service->process, id) || !id.pid || !id.created_100ns)
        why = "which is not the one of the plan";
    else if (look->states[index] != SERVICE_STATE_STOP_PENDING || look->pids[index] != id.pid ||
             look->created[index] != id.created_100ns || in_process != 1)
        why = "which did not hang in its stop, alone, when that was decided";
    else if (real->state == SERVICE_STATE_STOP_PENDING && real->pid == id.pid &&
             (real->checkpoint_every_ms || real->works_while_pending ||
              sim->os.world.mono_ms - real->pending_since_ms < engine->config.stop_timeout_ms))
        why = "which is slow, not hung";
    else if (!is_fresh())
        why = "which was decided on too long ago";
    if (why)
        judge_fail("R3", "process %u of %s is to be ended %s", id.pid, name, why);
    else
        check_termination_journal(&engine->restart.journal, name, id);
}

static bool ran_before;

void judge_stop(const char *name)
{
    const struct restart_journal *journal = &sim->agent->engine->restart.journal;
    size_t index = service_index(name), target = service_index(journal->target);
    judge()->checks++;
    ran_before = index != SIZE_MAX && world_runs(&sim->os.world, name);
    bool configured = false;
    for (size_t i = 0; target_service(i); i++)
        configured |= text_equal_nocase(journal->target, target_service(i));
    configured |= journal->incident_id == 0; /* a person named it */
    if (!engine_restarting(sim->agent->engine) || index == SIZE_MAX || target == SIZE_MAX || !configured ||
        !service_ever_needed(index, target)) {
        judge_fail("R3", "a stop of %s, which the restart of \"%s\" has nothing to do with", name,
                   journal->target);
        return;
    }
    if (!is_fresh())
        judge_fail("R4", "the stop of %s was decided on too long ago", name);
    check_process(journal, name);
    check_journal(journal, name);
}

void judge_stopped(const char *name, uint32_t code)
{
    const bool accepted = code == 0;
    size_t index = service_index(name);
    struct judge_restart *restart = restart_known(&sim->agent->engine->restart.journal);
    /* One that was accepted counts also when it had died just before: storewatch cannot know. */
    if (restart && !restart->stop_sent && (accepted || (ran_before && !world_runs(&sim->os.world, name)))) {
        restart->stop_sent = true;
        check_budget(restart);
    }
    const enum status answer = world_status(code);
    if (restart && index != SIZE_MAX && (answer == STATUS_SYSTEM || answer == STATUS_TIMEOUT))
        restart->unclear |= 1u << index;
    if (!ran_before || index == SIZE_MAX)
        return;
    judge()->services[index].stops_late = sim->os.world.services[index].stop_due_ms > 0;
    if (world_runs(&sim->os.world, name))
        return;
    judge()->services[index] = (struct judge_service){
        .owed = true,
        .person = sim->os.world.services[index].start_type == START_DISABLED,
        .run_since_ms = -1,
        .asked_ms = true_ms(),
    };
}

/* ---- R6, R7, R8 ---- */

/* What it was owing may be forgotten, and ops are told to look; the budget is not (R2). */
void judge_set_aside(void)
{
    judge()->set_aside = true;
    if (sim->unreadable) { /* nothing of it is carried over */
        judge()->budget_lost = true;
        judge()->budget_lost_ms = true_ms();
        sim->unreadable = false;
    }
    if (!sim->damaged)
        judge_fail("R6", "a history file that nobody damaged was set aside");
    for (size_t i = 0; i < sim->os.world.count; i++)
        judge()->services[i].owed = judge()->services[i].hands_off = false;
    judge()->maintenance_until_utc_ms = 0;
}

void judge_event(enum alert_kind kind)
{
    judge()->checks++;
    if (kind == ALERT_STORE_FAILING)
        judge()->store_failing_told++;
    judge()->downs_told += kind == ALERT_SERVICE_DOWN;
    int64_t life_ms = true_ms() - judge()->life_begun_ms;
    if (judge()->store_failing_told > 1 + life_ms / sim->settings.reminder_ms)
        judge_fail("R8", "the failing disk was told of %lld times in %lld s, a reminder is due each %lld s",
                   (long long)judge()->store_failing_told, (long long)life_ms / 1000,
                   (long long)sim->settings.reminder_ms / 1000);
}

void judge_life_begins(void)
{
    judge()->polls = judge()->polls_while_looking = 0;
    judge()->life_begun_ms = true_ms();
    judge()->store_failing_told = 0;
    judge()->look_seen = (struct judge_look){0};
    for (size_t i = 0; i < sim->os.world.count; i++) {
        judge()->services[i].down_seen_ms = judge()->services[i].alone_ms = 0;
        judge()->services[i].hands_off = false; /* it may not have been saved that it was seen running */
    }
}

void judge_life_ends(void)
{
    const struct job *mail = sim->lanes[LANE_MAIL].job;
    judge()->duplicates_allowed +=
        mail || sim->agent->pending->outcome_count > 0 || sim->agent->flying->outcome_count > 0;
    judge()->dropped += sim->agent->mails_dropped;
    judge()->downs_told = judge()->downs_mailed = 0; /* the next tells again what this one has not saved */
    if (sim->agent->pending->has_maintenance || sim->agent->flying->has_maintenance)
        judge()->maintenance_until_utc_ms = 0; /* lost with the process, if the disk did not have it yet */
    if (mail)
        judge_mail_is_cut_off(mail);
}

void judge_polled(bool looking)
{
    const struct agent *agent = sim->agent;
    if (agent->opened && !agent->stopping) {
        uint64_t pending = (uint64_t)(agent->look_due && agent->look_is_sample) +
                           (uint64_t)(agent->jobs[LANE_LOOK].busy && agent->jobs[LANE_LOOK].sample_due);
        uint64_t accounted = agent->engine->look_count + agent->missed_slots + pending + 1; /* + JOB_OPEN's */
        judge()->checks++;
        if (judge()->polls > accounted || agent->missed_slots > judge()->polls_while_looking)
            judge_fail("R7",
                       "%" PRIu64 " slots, but %" PRIu64 " samples, %" PRIu64 " missed, of these %" PRIu64
                       " while a look was under way",
                       judge()->polls, agent->engine->look_count, agent->missed_slots,
                       judge()->polls_while_looking);
    }
    judge()->polls++;
    judge()->polls_while_looking += looking;
}

static void check_bounds(void)
{
    const struct agent *agent = sim->agent;
    int64_t disk_bytes = vfs_fault_used_bytes();
    if (agent->pending->mail_count > TRANSACTION_MAILS_MAX || agent->event_count > EVENTS_MAX ||
        agent->mails_pending > STORE_PENDING_MAX + TRANSACTION_MAILS_MAX ||
        agent->engine->budget_count > BUDGET_ENTRIES_MAX ||
        disk_bytes > STORE_BYTES_MAX + INT64_C(6) * 1024 * 1024)
        judge_fail(
            "R8", "a bound is passed: %zu mails in a transaction, %zu events, %zu mails wait, %lld bytes",
            agent->pending->mail_count, agent->event_count, agent->mails_pending, (long long)disk_bytes);
    if (agent->events_dropped && sim->injected[FAULT_SLOW_EVENT] == 0)
        judge_fail("R8", "%" PRIu64 " events were dropped", agent->events_dropped);
}

void judge_job_done(enum lane lane)
{
    judge()->checks++;
    if (lane == LANE_LOOK) {
        judge()->look_seen = judge()->look_run;
        if (judge()->look_seen.services_known)
            judge()->seen_ms = true_ms();
        if (sim->agent->opened && !sim->agent->store && !judge()->disk_was_bad && !judge_disk_is_bad() &&
            sim->agent->engine->look_count == 0)
            judge_fail("R6", "storewatch could not open its file: %s", sim->agent->store_error);
    }
    follow_restarts();
    follow_asks();
    follow_given_up();
    check_bounds();
}

/* ---- the end ---- */

void judge_end(void)
{
    const struct world *world = &sim->os.world;
    for (size_t i = 0; i < world->count; i++)
        if (judge()->services[i].owed && !world_runs(world, world->services[i].name) && !taken_over(i))
            judge_fail("R1", "%s was stopped by storewatch and is left down", world->services[i].name);
    judge_file();
}

/* restart_start.c - the way up, of a restart that worked and of one that turned back: everything that ran
 * runs again, and stays so for verify. */
#include "restart_internal.h"

#include "storewatch/units.h"

#include <inttypes.h>

/* So much of a time that nobody saw counts as watched: else there were no end where each look takes longer. */
#define UNSEEN_COUNTS_MS (UNSEEN_MS / 2)

/* A start that did not lead to a running service, for whatever reason (noted before). */
static void start_failed(struct restart *restart, size_t index, unsigned *news)
{
    struct restart_watch *watch = &restart->watches[index];
    watch->attempts++;
    *news |= RESTART_NEWS_STEP;
    if (watch->attempts >= RESTART_ATTEMPTS_QUIET)
        machine_tell_down(restart, &restart->journal.plan.services[index], news);
}

/* Does the request to end its process lie with the service manager? Then nothing else is decided about the
 * service before the answer, and its note stays: a process may end at any moment now, and the journal on the
 * disk has to say until then that this was storewatch's doing. Only that it is down for long is told. */
static bool end_is_out(struct restart *restart, struct machine_step *step, size_t index,
                       const struct look *look)
{
    const struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    if (!machine_is_out(restart, service) || restart->request.kind != REQUEST_TERMINATE)
        return false;
    signs_follow(&watch->signs, look, step->mono_ms);
    if (watch_waited_ms(watch, step->mono_ms) >= restart->config->start_timeout_ms)
        machine_tell_down(restart, service, &step->news);
    machine_say_asked(restart, step);
    return true;
}

static void add_exit(struct text *text, const struct service *seen)
{
    const char *words = code_words(seen->win32_exit_code);
    text_add(text, ", exit code %" PRIu32, seen->win32_exit_code);
    if (seen->service_exit_code != 0)
        text_add(text, " (its own: %" PRIu32 ")", seen->service_exit_code);
    else if (words != NULL)
        text_add(text, ": %s", words);
}

static void note_exit(struct restart_service *service, const char *what, const struct service *seen)
{
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "%s", what);
    add_exit(&text, seen);
}

static void note_refusal(struct restart_service *service, enum status status, uint32_t code,
                         const struct service *ended)
{
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "start refused: ");
    text_add_code(&text, status, code);
    if (ended != NULL)
        add_exit(&text, ended);
}

/* Its latest start was refused, and this look, which began after that, shows it stopped. One that began and ended
 * while the service manager waited for it has left its exit code there; the manager's own answer names no cause. */
static void see_refused(struct restart *restart, struct machine_step *step, size_t index,
                        const struct service *seen)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const uint32_t code = watch->refusal_code;
    const bool began = code == CODE_REQUEST_TIMEOUT || code == CODE_PROCESS_ABORTED;
    const uint32_t exit_code = seen->win32_exit_code;
    if (began && exit_code != 0 && exit_code != code && exit_code != SERVICE_NEVER_STARTED)
        note_refusal(service, STATUS_REFUSED, code, seen);
    watch->unstarted = false;
    start_failed(restart, index, &step->news);
    if (code_is_hard(code))
        machine_tell_down(restart, service, &step->news);
}

/* A service that needs it and runs; NULL = none is known. */
static const char *running_dependent(const struct machine_step *step, const char *name)
{
    const struct service_graph *graph = step->graph;
    const size_t node = graph != NULL ? graph_find(graph, name) : SIZE_MAX;
    for (size_t e = 0; node != SIZE_MAX && e < graph->edge_count; e++) {
        const char *dependent = graph->nodes[graph->edges[e].from].name;
        if (graph->edges[e].to == node && state_is_running(look_at(step->observation, dependent).state))
            return dependent;
    }
    return NULL;
}

/* It ran again, and has stopped without an error: by a person, or by itself? The service manager stops nobody whom an
 * active service needs. With such a one running beside it in each look, by what is configured now, nobody stopped it. */
static void see_stopped_cleanly(struct restart *restart, struct machine_step *step, size_t index)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const char *dependent = running_dependent(step, service->name);
    watch->needed = dependent != NULL && (watch->needed || !watch->settling);
    if (!watch_stays_stopped(watch, step->mono_ms))
        return;
    if (!watch->needed) {
        service_note(service, RESTART_NOTE_STOPPED_CLEANLY);
        machine_give_up(restart, index, &step->news);
    } else if (restart->graph_old) {
        restart->graph_wanted = !restart->asked && !restart->held;
    } else {
        service_note(service,
                     "ended without an error after it ran again; nobody stopped it: %s, which needs it, runs",
                     dependent);
        service->start = STEP_WAITING;
        watch->settling = false;
        start_failed(restart, index, &step->news);
    }
}

/* It is stopped, and should run. Finds out why; leaves start == STEP_WAITING when it is to be started
 * (again). */
static void see_stopped(struct restart *restart, struct machine_step *step, size_t index,
                        const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const bool clean = look->service->win32_exit_code == 0;
    if (!clean)
        watch->settling = false; /* it ran again, unseen, and died */
    if (service->stop == STEP_ASKED && !machine_is_out(restart, service)) {
        service->stop = STEP_REACHED; /* our own stop came into effect, late */
        step->news |= RESTART_NEWS_STEP;
        if (service->start == STEP_REACHED)
            service->start = STEP_WAITING;
    }
    if (watch->unstarted) {
        see_refused(restart, step, index, look->service);
    } else if (service->start == STEP_ASKED && !machine_is_out(restart, service)) {
        note_exit(service, "stopped again right after its start", look->service);
        service->start = STEP_WAITING;
        start_failed(restart, index, &step->news);
    } else if (service->start == STEP_REACHED && service->stop != STEP_ASKED) {
        if (!clean) {
            service->start = STEP_WAITING;
            step->news |= RESTART_NEWS_STEP;
            /* Else the system was booted anew. */
            if (look->service->win32_exit_code != SERVICE_NEVER_STARTED) {
                note_exit(service, "ended after it ran again", look->service);
                start_failed(restart, index, &step->news);
            }
        } else {
            see_stopped_cleanly(restart, step, index);
        }
    }
}

/* Takes in what is seen of a service that should run. */
static void see(struct restart *restart, struct machine_step *step, size_t index, const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    bool hit;
    const bool anew = machine_is_anew(restart, step, index, look, &hit);
    signs_follow(&watch->signs, look, step->mono_ms);
    if (state_is_running(look->state)) {
        watch->settling = watch->unstarted = false;
        watch->timed = false;
        if (service->start != STEP_REACHED) { /* also one that was given up and that a person started */
            service->start = STEP_REACHED;
            watch->ran_as = look->process;
            step->news |= RESTART_NEWS_STEP;
        } else if (processes_surely_differ(watch->ran_as, look->process)) {
            service_note(service, "its process ended after it ran again; somebody else started a new one");
            watch->ran_as = look->process;
            restart->verify_mono_ms = step->observation->mono_ms;
            start_failed(restart, index, &step->news);
        } else if (look->process.pid != 0) {
            watch->ran_as = look->process;
        }
        if (anew && !hit && service->stop != STEP_REACHED && !machine_is_out(restart, service)) {
            service->stop = STEP_REACHED; /* the process that a stop of ours was meant for is gone */
            step->news |= RESTART_NEWS_STEP;
        }
        return;
    }
    if (service->start == STEP_GIVEN_UP || look->state == SERVICE_STATE_UNKNOWN)
        return;
    if (look->state == SERVICE_STATE_ABSENT) {
        service_note(service, "deleted: there is nothing to start any more");
        machine_give_up(restart, index, &step->news);
    } else if (look->state == SERVICE_STATE_STOPPED) {
        see_stopped(restart, step, index, look);
    } else {
        watch->settling = false;
    }
}

/* One that cannot be read is nothing to wait for: the SCM itself starts what a service needs. But a person's stop that
 * was seen before holds. */
static bool known_not_running(const struct restart *restart, const struct observation *observation,
                              size_t index)
{
    const struct restart_service *service = &restart->journal.plan.services[index];
    const enum service_state state = look_at(observation, service->name).state;
    if (state == SERVICE_STATE_UNKNOWN &&
        (restart->watches[index].settling || service->start == STEP_GIVEN_UP))
        return true;
    return !state_is_running(state) && state != SERVICE_STATE_UNKNOWN;
}

/* Does plan.services[index] need another of the plan that does not run? With a graph: directly, or through such as
 * cannot be read, which would be started with it (*asked: a bit for each of whom this was asked). Without one all that
 * is known is that everything needs the target. That one waits for nobody: when a person made it need one that waits
 * for it, the service manager starts both. Returns that other one, or NULL. */
_Static_assert(RESTART_SERVICES_MAX <= 64, "each has a bit");
static const struct restart_service *
missing_need(const struct restart *restart, const struct machine_step *step, size_t index, uint64_t *asked)
{
    const struct restart_plan *plan = &restart->journal.plan;
    const struct restart_service *target = &plan->services[plan->count - 1];
    *asked |= UINT64_C(1) << index;
    if (plan->services[index].is_target)
        return NULL;
    if (known_not_running(restart, step->observation, plan->count - 1))
        return target;
    const size_t node = step->graph != NULL ? graph_find(step->graph, plan->services[index].name) : SIZE_MAX;
    if (node == SIZE_MAX)
        return NULL;
    for (size_t e = 0; e < step->graph->edge_count; e++) {
        if (step->graph->edges[e].from != node)
            continue;
        const char *needed = step->graph->nodes[step->graph->edges[e].to].name;
        for (size_t i = 0; i < plan->count; i++) {
            if ((*asked >> i & 1) != 0 || !text_equal_nocase(plan->services[i].name, needed))
                continue;
            const struct restart_service *missing = NULL;
            if (known_not_running(restart, step->observation, i))
                missing = &plan->services[i];
            else if (look_at(step->observation, needed).state == SERVICE_STATE_UNKNOWN)
                missing = missing_need(restart, step, i, asked);
            if (missing != NULL)
                return missing;
        }
    }
    return NULL;
}

/* What was read long ago does not count: giving up is for good, and the refusal of the start tells, too. */
static bool disabled_now(const struct restart *restart, const struct machine_step *step, const char *name)
{
    if (restart->graph_old)
        return false;
    const size_t node = step->graph != NULL ? graph_find(step->graph, name) : SIZE_MAX;
    return node != SIZE_MAX && step->graph->nodes[node].start_type == START_DISABLED;
}

/* What is done about one service that should run and does not. *open: may it be asked to start in this step?
 * Cleared by whatever those after it in start order have to wait for. */
static void bring_up(struct restart *restart, struct machine_step *step, size_t index,
                     const struct look *look, bool *open)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    uint64_t asked = 0;
    const struct restart_service *need = missing_need(restart, step, index, &asked);
    if (look->state == SERVICE_STATE_STOPPED && service->start == STEP_WAITING) {
        if (need != NULL && need->start == STEP_GIVEN_UP) {
            service_note(service, "needs %s, %s", need->name, RESTART_NOTE_NEED_LEFT);
            machine_give_up(restart, index, &step->news);
            return;
        }
        if (disabled_now(restart, step, service->name)) {
            service_note(service, "disabled meanwhile: not started again");
            machine_give_up(restart, index, &step->news);
            return;
        }
    }
    if (need != NULL && look->state == SERVICE_STATE_STOPPED) {
        machine_say(restart, step, "%s: waits for %s", service->name, need->name);
        return; /* that one has its own clock */
    }
    if (watch->settling) {
        machine_say(restart, step, "%s: stopped, not by storewatch; is a person at work?", service->name);
        return;
    }
    if (!*open && !watch->timed && look->state == SERVICE_STATE_STOPPED)
        return; /* its turn has not come: so has not its clock begun */
    const bool late = watch_waited_ms(watch, step->mono_ms) >= restart->config->start_timeout_ms;
    if (late) {
        if (!watch->told_down) {
            struct text text = text_on(service->note, sizeof(service->note));
            text_add(&text, look->state == SERVICE_STATE_UNKNOWN ? "not known to run after "
                                                                 : "does not run after ");
            text_add_duration(&text, restart->config->start_timeout_ms);
            text_add(&text, ", state \"%s\"", service_state_text(look->state));
        }
        machine_tell_down(restart, service, &step->news);
    }
    if (look->state == SERVICE_STATE_UNKNOWN) {
        machine_say(restart, step, "%s: its state could not be read", service->name);
        return;
    }
    if (look->state == SERVICE_STATE_STOP_PENDING && hang_end(restart, step, index, look) == HUNG_ASKED)
        return;
    if (state_is_pending(look->state)) {
        machine_say_pending(restart, step, index, look, restart->config->start_timeout_ms);
        /* The next one may need it, so it has to wait; but not for ever, and not for a stop that hangs. */
        *open = *open && (late || look->state == SERVICE_STATE_STOP_PENDING);
        return;
    }
    if (restart->asked || restart->held) {
        machine_say_asked(restart, step);
        return;
    }
    if (step->mono_ms < watch->retry_mono_ms) {
        char storage[40];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration(&text, watch->retry_mono_ms - step->mono_ms);
        machine_say(restart, step, "%s: %s; started again in %s", service->name, service->note, storage);
        return;
    }
    if (*open) {
        *open = false;
        machine_ask(restart, step, REQUEST_START, index);
    }
}

/* What a look at all services of the plan has shown. */
struct seen {
    bool all_run, all_known; /* of those that are to run: one that is not known does not count as down */
    bool any;                /* that is to run, or to end first */
    bool stop_under_way;     /* asked for, and not seen */
    bool complete;           /* none was given up */
};

/* Does it stay so? Ends the restart when everything has run for long enough. */
static void verify_step(struct restart *restart, struct machine_step *step, const struct seen *seen)
{
    struct restart_journal *journal = &restart->journal;
    const int64_t looked_mono_ms = step->observation->mono_ms;
    if (!seen->all_run || !seen->all_known || restart->asked)
        return;
    if (!seen->any) {
        step->news |= machine_finish(restart, step->utc_ms); /* nothing is left to be watched */
        return;
    }
    if (journal->phase == RESTART_STARTING) {
        journal->phase = RESTART_VERIFYING;
        restart->verify_mono_ms = looked_mono_ms;
        step->news |= RESTART_NEWS_STEP;
    } else if (looked_mono_ms - restart->verify_seen_mono_ms > UNSEEN_MS) {
        restart->verify_mono_ms += looked_mono_ms - restart->verify_seen_mono_ms - UNSEEN_COUNTS_MS;
    }
    restart->verify_seen_mono_ms = looked_mono_ms;
    /* A stop that was accepted, or may have been, cannot be taken back: what runs now may still stop, and has
     * to be started again then. */
    const int64_t watch_ms =
        restart->config->verify_ms + (seen->stop_under_way ? restart->config->stop_timeout_ms : 0);
    const int64_t left_ms = watch_ms - (looked_mono_ms - restart->verify_mono_ms);
    if (left_ms <= 0) {
        const struct process_id process = look_at(step->observation, machine_target(restart)->name).process;
        if (!journal->stop_failed && process.pid != 0 &&
            process_id_equal(process, machine_target(restart)->process)) {
            service_note(machine_target(restart),
                         "runs in the same process as before, which other services share");
        }
        step->news |= machine_finish(restart, step->utc_ms);
        return;
    }
    char storage[40];
    struct text text = text_on(storage, sizeof(storage));
    text_add_duration(&text, left_ms);
    machine_say(restart, step, "%s; watched for another %s",
                seen->complete ? "everything runs" : "everything runs that is not left as it is", storage);
}

void start_step(struct restart *restart, struct machine_step *step)
{
    struct restart_journal *journal = &restart->journal;
    struct seen seen = {.all_run = true, .all_known = true, .complete = true};
    bool open = true;
    for (size_t i = journal->plan.count; i-- > 0;) {
        const struct restart_service *service = &journal->plan.services[i];
        const struct look look = look_at_planned(step->observation, service);
        if (end_is_out(restart, step, i, &look)) {
            seen.any = true;
            seen.all_run = false;
            continue;
        }
        see(restart, step, i, &look);
        hang_follow(restart, step, i, &look);
        if (!state_is_running(look.state) && service->start != STEP_GIVEN_UP)
            bring_up(restart, step, i, &look, &open);
        if (service->start == STEP_GIVEN_UP) {
            seen.complete = false;
            continue;
        }
        seen.any = true;
        seen.all_known = seen.all_known && look.state != SERVICE_STATE_UNKNOWN;
        seen.stop_under_way = seen.stop_under_way || service->stop == STEP_ASKED;
        seen.all_run = seen.all_run && (state_is_running(look.state) || look.state == SERVICE_STATE_UNKNOWN);
    }
    if (journal->phase == RESTART_VERIFYING && !seen.all_run) {
        journal->phase = RESTART_STARTING;
        step->news |= RESTART_NEWS_STEP;
        return;
    }
    verify_step(restart, step, &seen);
}

void start_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    watch->retry_mono_ms = mono_ms + watch_next_backoff(watch, RESTART_BACKOFF_LAST_MS);
    if (status == STATUS_OK || service->start != STEP_ASKED)
        return; /* accepted; or it was seen running or gone meanwhile, whatever the answer says */
    note_refusal(service, status, code, NULL);
    if (code == CODE_DISABLED || code == CODE_NOT_INSTALLED || code == CODE_MARKED_FOR_DELETE ||
        (code == 0 && status == STATUS_NOT_FOUND)) {
        machine_give_up(restart, index, &restart->news);
        return;
    }
    service->start = STEP_WAITING;
    watch->unstarted = true; /* what came of it the next look tells (see_refused) */
    watch->refusal_code = code;
    restart->news |= RESTART_NEWS_STEP;
}

/* restart_stop.c - the way down: one service at a time, in order, until the target is stopped or the stop
 * does not work out. */
#include "restart_internal.h"

#include "storewatch/units.h"

/* A stop control that the SCM could not deliver is tried again, with doubling back-off, at least this often.
 */
#define STOP_RETRY_LAST_MS (15 * 1000)
/* A service that accepted the stop and still says "running" is asked again after this: the SCM itself gives a
 * service 30 s to answer a control. */
#define STOP_AGAIN_MS (30 * 1000)
/* For the end of a process that hangs the others stay down no longer than so many stop_timeouts: its patience
 * begins when the stop is seen pending, and anew when it came to the end too late, or nobody saw the service
 * for long. Then the way up; it may be ended there too. */
#define END_TIMEOUTS 3
/* The SCM notices within milliseconds that a service's process has ended; this is patience with a busy
 * machine. */
#define SCM_NOTICES_MS (30 * 1000)

/* Just before the first stop: is everything still as it was when the plan was made? Says what is not. */
static bool ready_to_begin(struct restart *restart, struct machine_step *step)
{
    const struct restart_plan *plan = &restart->journal.plan;
    for (size_t i = 0; i < plan->count; i++) {
        const struct look look = look_at(step->observation, plan->services[i].name);
        if (look.state == SERVICE_STATE_UNKNOWN || state_is_pending(look.state)) {
            machine_say(restart, step,
                        "%s: %s, not caused by storewatch; nothing is stopped before that is over",
                        plan->services[i].name, service_state_text(look.state));
            return false;
        }
        if (state_is_running(look.state) && !look.service->accepts_stop) {
            machine_say(restart, step, "%s: takes no stop control now; nothing is stopped before it does",
                        plan->services[i].name);
            return false;
        }
    }
    return true;
}

/* Is a service of the plan that runs disabled? It could not be started again. */
static bool disabled_meanwhile(struct restart *restart, struct machine_step *step)
{
    struct restart_plan *plan = &restart->journal.plan;
    for (size_t i = 0; i < plan->count; i++) {
        const size_t node = graph_find(step->graph, plan->services[i].name);
        if (node != SIZE_MAX && step->graph->nodes[node].start_type == START_DISABLED &&
            state_is_running(look_at(step->observation, plan->services[i].name).state)) {
            service_note(&plan->services[i],
                         "disabled meanwhile: not stopped, it could not be started again");
            step->news |= RESTART_NEWS_STEP;
            return true;
        }
    }
    return false;
}

/* The first service in stop order that is not down; notes which are. plan.count when all are. */
static size_t first_not_down(struct restart *restart, struct machine_step *step, bool *out_insisted)
{
    struct restart_plan *plan = &restart->journal.plan;
    size_t first = plan->count;
    for (size_t i = 0; i < plan->count; i++) {
        struct restart_service *service = &plan->services[i];
        struct restart_watch *watch = &restart->watches[i];
        const struct look look = look_at_planned(step->observation, service);
        signs_follow(&watch->signs, &look, step->mono_ms);
        hang_follow(restart, step, i, &look);
        if (state_is_down(look.state)) {
            /* One that we never asked stays "waiting": it is down, but not by us. One whose request is out
             * stays "asked": it may have died by itself, and the stop may hit what is started after it. */
            if (service->stop == STEP_ASKED && !machine_is_out(restart, service)) {
                service->stop = STEP_REACHED;
                service->start = STEP_WAITING;
                step->news |= RESTART_NEWS_STEP;
            }
            continue;
        }
        /* Gone and back between two looks: a failure action of the SCM, mostly. */
        bool hit;
        const bool back_unseen = machine_is_anew(restart, step, i, &look, &hit) &&
                                 service->stop == STEP_ASKED && !machine_is_out(restart, service) &&
                                 state_is_running(look.state) && !service->is_target;
        if ((service->stop == STEP_REACHED && look.state != SERVICE_STATE_UNKNOWN) || back_unseen) {
            service->stop = hit ? STEP_ASKED : STEP_WAITING;
            service->start = STEP_REACHED; /* by somebody else; and it keeps in mind that we had stopped it */
            /* The one to be stopped now, and what is to be gone before its stop is over. Without a creation time: it is
             * not what the plan has named, and nothing of ours ends it. */
            service->process = (struct process_id){.pid = look.process.pid};
            service_note(service, "somebody started it again after it was stopped");
            *watch =
                (struct restart_watch){.rounds = watch->rounds + 1,
                                       .retry_mono_ms = back_unseen ? step->mono_ms + RESTART_BACKOFF_FIRST_MS
                                                                    : watch->retry_mono_ms,
                                       .in_effect = hit,
                                       .met = hit,
                                       .hang.terminated = watch->hang.terminated,
                                       .signs = {.state = look.state, .moved_mono_ms = step->mono_ms}};
            step->news |= RESTART_NEWS_STEP;
            *out_insisted |= watch->rounds >= RESTART_STOP_ROUNDS_MAX;
        }
        watch->settling = false;
        if (first == plan->count)
            first = i;
    }
    return first;
}

/* What the administrator needs to know of a stop that did not work: the service manager's last answer, or
 * where it hangs. */
static void note_timeout(const struct restart *restart, struct restart_service *service,
                         const struct restart_watch *watch, enum service_state state)
{
    char refusal[sizeof(service->note)];
    text_copy(refusal, sizeof(refusal), service->note);
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "%s after ",
             service->stop == STEP_WAITING ? "could not be asked to stop" : "did not stop");
    text_add_duration(&text, restart->config->stop_timeout_ms);
    if (watch->refused && state_is_running(state))
        text_add(&text, ": %s", refusal);
    else
        text_add(&text, ", state \"%s\"", service_state_text(state));
}

/* The target is deleted, or runs anew already: nothing of it is stopped any more. */
static bool target_is_another(struct restart *restart, struct machine_step *step, const struct look *look)
{
    struct restart_service *target = machine_target(restart);
    bool hit;
    if (look->state == SERVICE_STATE_ABSENT && restart_untouched(restart)) {
        step->news |= restart_abandon(restart, "deleted before storewatch did anything", step->utc_ms);
        return true;
    }
    if (look->state == SERVICE_STATE_ABSENT) {
        restart->journal.stop_failed = true; /* nothing to restart: bring the others back and say so */
    } else if (!state_is_down(look->state) &&
               machine_is_anew(restart, step, restart->journal.plan.count - 1, look, &hit)) {
        /* A reboot, a crash with recovery or a person did the job: never stop the new process. */
        if (!hit && !machine_is_out(restart, target))
            target->stop = STEP_REACHED;
    } else {
        return false;
    }
    machine_enter_starting(restart);
    step->news |= RESTART_NEWS_STEP;
    return true;
}

static void target_is_stopped(struct restart *restart, struct machine_step *step, const struct look *look)
{
    struct restart_service *target = machine_target(restart);
    const size_t index = restart->journal.plan.count - 1;
    if (!restart_untouched(restart) || look->service->win32_exit_code != 0) {
        machine_enter_starting(restart); /* it must come back, and nothing more need go down for it */
        step->news |= RESTART_NEWS_STEP;
    } else if (watch_stays_stopped(&restart->watches[index], step->mono_ms)) {
        step->news |= restart_abandon(restart, "stopped cleanly before storewatch did anything: left stopped",
                                      step->utc_ms);
    } else {
        machine_say(restart, step, "%s: stopped, not by storewatch; is a person at work?", target->name);
    }
}

/* The stop of this one has taken stop_timeout: its process is ended where that is allowed, else back. */
static void timed_out(struct restart *restart, struct machine_step *step, size_t current,
                      const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[current];
    const struct restart_watch *watch = &restart->watches[current];
    const enum hung hung = hang_end(restart, step, current, look);
    const bool patient = watch_waited_ms(&restart->watches[current], step->mono_ms) <
                         END_TIMEOUTS * restart->config->stop_timeout_ms;
    if (hung == HUNG_ASKED || (hung == HUNG_NEARLY && patient)) {
        machine_say_pending(restart, step, current, look, restart->config->stop_timeout_ms);
        return;
    }
    if (restart->asked && restart->request.kind == REQUEST_TERMINATE) {
        machine_say_asked(restart, step);
        return;
    }
    if (watch->ended && step->mono_ms - watch->ended_mono_ms < SCM_NOTICES_MS) {
        machine_say(restart, step, "%s: %s; the service manager has not noticed yet", service->name,
                    service->note);
        return;
    }
    if (!watch->hang.terminated) /* else the note says what came of that */
        note_timeout(restart, service, watch, look->state);
    if (look->state == SERVICE_STATE_STOP_PENDING) /* it serves nobody, and nothing of ours can end that */
        machine_tell_down(restart, service, &step->news);
    step->news |= RESTART_NEWS_STEP | machine_turn_back(restart, step->utc_ms);
}

/* Is there something to wait for before this one can be asked to stop? Says what. */
static bool must_wait(struct restart *restart, struct machine_step *step, size_t current,
                      const struct look *look)
{
    const struct restart_service *service = &restart->journal.plan.services[current];
    const struct restart_watch *watch = &restart->watches[current];
    const bool asked_lately = step->mono_ms < watch->retry_mono_ms;
    if (look->state == SERVICE_STATE_UNKNOWN) {
        machine_say(restart, step, "%s: its state could not be read", service->name);
    } else if (state_is_pending(look->state)) {
        machine_say_pending(restart, step, current, look, restart->config->stop_timeout_ms);
    } else if (restart->asked || restart->held) {
        machine_say_asked(restart, step);
    } else if (asked_lately && watch->accepted) {
        machine_say_pending(restart, step, current, look, restart->config->stop_timeout_ms);
    } else if (asked_lately) {
        machine_say(restart, step, "%s: %s; asked again soon", service->name, service->note);
    } else if (restart->graph_old) {
        restart->graph_wanted = true;
        machine_say(restart, step, "%s: before it is stopped the service configuration is read again",
                    service->name);
    } else {
        return false;
    }
    return true;
}

/* Whose turn it is is asked to stop, once the plan fits the service configuration as it was read. */
static void ask_to_stop(struct restart *restart, struct machine_step *step, size_t current)
{
    if (step->graph != NULL) {
        if (disabled_meanwhile(restart, step) || !machine_extend_plan(restart, step)) {
            step->news |= machine_turn_back(restart, step->utc_ms);
            return;
        }
        bool insisted = false; /* would have been found before */
        current = first_not_down(restart, step, &insisted);
    }
    if (restart_nothing_stopped(restart) && !ready_to_begin(restart, step))
        return;
    struct restart_watch *watch = &restart->watches[current];
    const struct look look = look_at_planned(step->observation, &restart->journal.plan.services[current]);
    if (!state_is_running(look.state)) { /* one that somebody is just starting */
        (void)watch_waited_ms(watch, step->mono_ms);
        machine_say_pending(restart, step, current, &look, restart->config->stop_timeout_ms);
    } else if (step->mono_ms >= watch->retry_mono_ms) {
        machine_ask(restart, step, REQUEST_STOP, current);
    }
}

void stop_step(struct restart *restart, struct machine_step *step)
{
    const struct look target_look = look_at_planned(step->observation, machine_target(restart));
    if (target_is_another(restart, step, &target_look))
        return;
    bool insisted = false;
    const size_t current = first_not_down(restart, step, &insisted);
    if (target_look.state == SERVICE_STATE_STOPPED) {
        target_is_stopped(restart, step, &target_look);
        return;
    }
    if (insisted || restart->stop_denied) {
        step->news |= machine_turn_back(restart, step->utc_ms);
        return;
    }
    const struct look look = look_at_planned(step->observation, &restart->journal.plan.services[current]);
    if (watch_waited_ms(&restart->watches[current], step->mono_ms) >= restart->config->stop_timeout_ms)
        timed_out(restart, step, current, &look);
    else if (!must_wait(restart, step, current, &look))
        ask_to_stop(restart, step, current);
}

void stop_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    watch->accepted = status == STATUS_OK;
    watch->refused = status != STATUS_OK;
    if (status == STATUS_OK) {
        watch->in_effect = true;
        watch->retry_mono_ms = mono_ms + STOP_AGAIN_MS;
        return;
    }
    if (status != STATUS_REFUSED && status != STATUS_DENIED && status != STATUS_NOT_FOUND &&
        status != STATUS_BUSY)
        watch->in_effect = true; /* an answer that came too late, a broken connection: it may have arrived */
    if (!watch->in_effect && service->stop == STEP_ASKED)
        service->stop = STEP_WAITING;
    watch->retry_mono_ms = mono_ms + watch_next_backoff(watch, STOP_RETRY_LAST_MS);
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "stop refused: ");
    text_add_code(&text, status, code);
    restart->news |= RESTART_NEWS_STEP;
    restart->stop_denied = status == STATUS_DENIED || code == CODE_ACCESS_DENIED;
}

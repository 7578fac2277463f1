/* restart.c - the machine that carries a controlled restart out: its entries, and what the way down
 * (restart_stop.c, restart_hang.c) and the way up (restart_start.c) share. The plan is made in
 * restart_plan.c.
 *
 * Invariants, each checked by tests/unit/test_restart_worlds.c over random worlds:
 *   - Only the state that the machine shows decides; the journal adds what cannot be seen: which services ran
 *     when it began, which phase was reached, and whose stop of ours may still come into effect (stop ==
 *     STEP_ASKED). So a kill between any two instructions costs at most a repeated request, which the SCM
 *     answers harmlessly.
 *   - The phases only go forward: stopping -> starting <-> verifying -> ended. What turns back from stopping
 *     goes through starting like everything else, so there is one way in which services come up again.
 *   - One request at a time, each at least RESTART_BACKOFF_FIRST_MS after the last about the same service.
 *   - Whenever the journal changes, the step that changed it says RESTART_NEWS_STEP.
 *   - What is not known (a failed look, a service that could not be read) decides nothing: the machine waits.
 *     But one service that cannot be read holds the others up no longer than its timeout.
 *
 * One service is stopped at a time, in order. Stopping independent dependents side by side would be faster,
 * but a dependent takes seconds where the Information Store takes minutes, and with one at a time the answer
 * to "what is down and what are we waiting for" is always one name. */
#include "restart_internal.h"

#include <string.h>

/* ---- what the ways down and up share ---- */

struct restart_service *machine_target(struct restart *restart)
{
    return &restart->journal.plan.services[restart->journal.plan.count - 1];
}

void machine_ask(struct restart *restart, struct machine_step *step, enum restart_request_kind kind,
                 size_t index)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    enum restart_step_state *state = kind == REQUEST_START ? &service->start : &service->stop;
    if (*state != STEP_ASKED) {
        *state = STEP_ASKED;
        step->news |= RESTART_NEWS_STEP;
    }
    watch->accepted = false;
    watch->met = watch->met && kind != REQUEST_STOP;
    (void)watch_waited_ms(watch, step->mono_ms);
    *step->request = (struct restart_request){.kind = kind};
    if (kind == REQUEST_TERMINATE)
        step->request->process = service->process;
    memcpy(step->request->service, service->name, sizeof(service->name));
    restart->request = *step->request;
    restart->asked = true;
    restart->asked_mono_ms = step->mono_ms;
    machine_say(restart, step, "%s: asked to %s", service->name, request_words(kind));
}

bool machine_is_out(const struct restart *restart, const struct restart_service *service)
{
    return restart->asked && text_equal_nocase(restart->request.service, service->name);
}

/* A stop goes to the process that the service has when it gets there: when the one that was looked at has died
 * meanwhile, and the service manager has started another, to that one. It went to the old one only if that was still
 * there after it. The one that it may have hit is noted without a creation time: it is not what the plan has named, and
 * nothing of ours ends it. */
bool machine_is_anew(struct restart *restart, struct machine_step *step, size_t index,
                     const struct look *look, bool *out_hit)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const bool asked = service->stop == STEP_ASKED && !machine_is_out(restart, service);
    *out_hit = false;
    if (!processes_surely_differ(service->process, look->process)) {
        watch->met |= asked && look->process.pid != 0;
        return false;
    }
    *out_hit = asked && !watch->met && look->state != SERVICE_STATE_START_PENDING;
    if (*out_hit) {
        step->news |= RESTART_NEWS_STEP;
        watch->met = true;
        service->process = (struct process_id){.pid = look->process.pid};
    }
    return true;
}

void machine_tell_down(struct restart *restart, const struct restart_service *service, unsigned *news)
{
    struct restart_watch *watch = &restart->watches[service - restart->journal.plan.services];
    if (!watch->told_down && !(*news & RESTART_NEWS_DOWN)) { /* the other of two at once has its own step */
        watch->told_down = restart->journal.told_down = true;
        memcpy(restart->down_service, service->name, sizeof(service->name));
        *news |= RESTART_NEWS_DOWN | RESTART_NEWS_STEP;
    }
}

void machine_give_up(struct restart *restart, size_t index, unsigned *news)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    service->start = STEP_GIVEN_UP;
    if (!(*news & RESTART_NEWS_GAVE_UP)) /* the others of the step need this one, mostly */
        memcpy(restart->given_up_service, service->name, sizeof(service->name));
    *news |= RESTART_NEWS_GAVE_UP | RESTART_NEWS_STEP;
}

/* Whom the end is good news of: told down in this life of storewatch, and not given up since; of several the
 * target first. NULL: none. */
static const struct restart_service *runs_again(const struct restart *restart)
{
    const struct restart_plan *plan = &restart->journal.plan;
    for (size_t i = plan->count; i-- > 0;)
        if (restart->watches[i].told_down && plan->services[i].start != STEP_GIVEN_UP)
            return &plan->services[i];
    return NULL;
}

unsigned machine_finish(struct restart *restart, int64_t utc_ms)
{
    struct restart_journal *journal = &restart->journal;
    bool handed_over = false;
    for (size_t i = 0; i < journal->plan.count; i++)
        handed_over |= journal->plan.services[i].start == STEP_GIVEN_UP;
    if (handed_over)
        journal->outcome = RESTART_HANDED_OVER;
    else if (journal->stop_failed && machine_target(restart)->stop != STEP_REACHED)
        journal->outcome = RESTART_RESTORED;
    else
        journal->outcome = RESTART_SUCCEEDED;
    journal->phase = RESTART_ENDED;
    journal->ended_utc_ms = utc_ms;
    restart->waiting_for[0] = '\0';
    unsigned news = RESTART_NEWS_STEP | RESTART_NEWS_ENDED;
    const struct restart_service *up = runs_again(restart);
    if (journal->told_down && (up != NULL || !handed_over)) {
        news |= RESTART_NEWS_UP_AGAIN;
        text_copy(restart->up_service, sizeof(restart->up_service), up != NULL ? up->name : "");
    }
    return news;
}

void machine_enter_starting(struct restart *restart)
{
    restart->journal.phase = RESTART_STARTING;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        struct restart_watch *watch = &restart->watches[i];
        *watch = (struct restart_watch){
            .told_down = watch->told_down, .hang = watch->hang, .signs = watch->signs, .met = watch->met};
    }
}

bool restart_plan_untouched(const struct restart_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->services[i].stop != STEP_WAITING || plan->services[i].start != STEP_WAITING)
            return false;
    return true;
}

bool restart_untouched(const struct restart *restart)
{
    return restart->journal.phase == RESTART_STOPPING && restart_plan_untouched(&restart->journal.plan);
}

bool restart_nothing_stopped(const struct restart *restart)
{
    if (restart->journal.phase != RESTART_STOPPING || restart->asked)
        return false;
    for (size_t i = 0; i < restart->journal.plan.count; i++)
        if (restart->journal.plan.services[i].stop == STEP_REACHED || restart->watches[i].accepted)
            return false;
    return true;
}

bool restart_target_waits(const struct restart *restart)
{
    const struct restart_plan *plan = &restart->journal.plan;
    return restart->journal.phase == RESTART_STOPPING && !restart->asked &&
           plan->services[plan->count - 1].stop == STEP_WAITING;
}

const char *restart_service_down(const struct restart *restart)
{
    if (restart->journal.phase == RESTART_IDLE || restart->journal.phase == RESTART_ENDED)
        return NULL;
    for (size_t i = restart->journal.plan.count; i-- > 0;) {
        const struct restart_service *service = &restart->journal.plan.services[i];
        if (restart->watches[i].told_down && service->start != STEP_REACHED &&
            service->start != STEP_GIVEN_UP)
            return service->name;
    }
    return NULL;
}

/* The stop does not work out: start again what was stopped. Where nothing was, that was all. */
unsigned machine_turn_back(struct restart *restart, int64_t utc_ms)
{
    const bool untouched = restart_untouched(restart);
    restart->journal.stop_failed = true;
    if (untouched)
        return machine_finish(restart, utc_ms);
    machine_enter_starting(restart);
    return RESTART_NEWS_STEP;
}

/* ---- the machine: its face ---- */

void restart_begin(struct restart *restart, const struct config *config,
                   const struct restart_journal *journal, int64_t mono_ms)
{
    *restart = (struct restart){.journal = *journal, .config = config};
    restart->journal.phase = RESTART_STOPPING;
    restart->told_mono_ms = mono_ms; /* a look from before says nothing about what is to begin now */
}

/* Out of a damaged file a plan may come without its end. What is left of it is brought up, and the target,
 * which is the last: its stop may have been asked for. Nothing more is stopped for such a plan. */
static void mend_plan(struct restart_journal *journal)
{
    struct restart_plan *plan = &journal->plan;
    if (plan->count > 0 && plan->services[plan->count - 1].is_target)
        return;
    if (plan->count == RESTART_SERVICES_MAX)
        plan->count--;
    struct restart_service *target = &plan->services[plan->count++];
    *target = (struct restart_service){.is_target = true, .stop = STEP_ASKED};
    memcpy(target->name, journal->target, sizeof(target->name));
    journal->stop_failed = true;
    journal->phase = RESTART_STARTING;
}

void restart_resume(struct restart *restart, const struct config *config,
                    const struct restart_journal *journal, int64_t mono_ms)
{
    *restart = (struct restart){.journal = *journal, .config = config};
    mend_plan(&restart->journal);
    restart->told_mono_ms = mono_ms;
    restart->verify_mono_ms = restart->verify_seen_mono_ms = mono_ms;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        struct restart_service *service = &restart->journal.plan.services[i];
        if (service->start == STEP_ASKED)
            service->start = STEP_WAITING; /* nobody knows what came of it: look, and ask again if need be */
        restart->watches[i].in_effect = service->stop == STEP_ASKED;
    }
}

unsigned restart_abandon(struct restart *restart, const char *why, int64_t utc_ms)
{
    if (restart->journal.phase != RESTART_STOPPING)
        return 0;
    const bool untouched = restart_untouched(restart);
    service_note(machine_target(restart), RESTART_NOTE_CALLED_OFF "%s", why);
    const unsigned news = RESTART_NEWS_STEP | machine_turn_back(restart, utc_ms);
    if (untouched)
        restart->journal.outcome = RESTART_CALLED_OFF;
    return news;
}

unsigned restart_step(struct restart *restart, const struct observation *observation,
                      const struct service_graph *graph, int64_t mono_ms, int64_t utc_ms,
                      struct restart_request *out_request)
{
    *out_request = (struct restart_request){.kind = REQUEST_NONE};
    struct machine_step step = {.observation = observation,
                                .graph = graph,
                                .mono_ms = mono_ms,
                                .utc_ms = utc_ms,
                                .news = restart->news,
                                .request = out_request};
    restart->news = 0;
    restart->graph_wanted = false;
    restart->if_hangs[0] = '\0';
    const enum restart_phase phase = restart->journal.phase;
    if (phase == RESTART_IDLE || phase == RESTART_ENDED)
        return step.news;
    if (observation->os_shutting_down) {
        machine_say(restart, &step, "the system is shutting down; goes on after the boot");
        return step.news;
    }
    if (!observation->services_known || observation->mono_ms < restart->told_mono_ms)
        return step.news;
    if (phase == RESTART_STOPPING)
        stop_step(restart, &step);
    if (restart->journal.phase == RESTART_STARTING || restart->journal.phase == RESTART_VERIFYING)
        start_step(restart, &step);
    return step.news;
}

void restart_told(struct restart *restart, const struct restart_request *request, enum status status,
                  uint32_t code, int64_t mono_ms)
{
    if (!restart->asked || request->kind != restart->request.kind ||
        !text_equal_nocase(request->service, restart->request.service))
        return;
    restart->asked = false;
    restart->told_mono_ms = mono_ms;
    for (size_t i = 0; i < restart->journal.plan.count; i++) {
        if (text_equal_nocase(restart->journal.plan.services[i].name, request->service)) {
            if (request->kind == REQUEST_TERMINATE) {
                hang_told(restart, i, status, code, mono_ms);
            } else if (request->kind == REQUEST_START) {
                start_told(restart, i, status, code, mono_ms);
            } else if (restart->journal.phase == RESTART_STOPPING) {
                stop_told(restart, i, status, code, mono_ms);
            } /* else: we have turned back; what the stop does will be seen (see_stopped) */
        }
    }
}

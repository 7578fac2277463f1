/* restart_hang.c - a stop that hangs: whose process may be ended, since when it stands still, and its end. */
#include "restart_internal.h"

#include "storewatch/units.h"

#include <inttypes.h>

/* No sign of life for this long, or for the wait hint if that is longer, is called "hung?". A service must
 * move its checkpoint within its wait hint; 60 s is twice what the SCM grants for a single control. A quarter
 * of a timeout that is itself only seconds, so that trials show the word too. By itself it ends nothing: a
 * process is ended only after stop_timeout, when it has been still for this long as well. */
#define QUIET_MS MS_PER_MINUTE

/* ---- whose process may be ended ---- */

static bool is_registered_client(const struct config *config, const char *service)
{
    for (size_t i = 0; i < config->client_count; i++)
        if (config->clients[i].service[0] != '\0' && text_equal_nocase(config->clients[i].service, service))
            return true;
    return false;
}

/* Is the process, or one that it descends from, that of the Information Store's service? */
static bool belongs_to_store(const struct config *config, const struct observation *observation, uint32_t pid)
{
    const struct service *store = observation_service(observation, config->store_service);
    for (size_t depth = 0; store != NULL && store->pid != 0 && depth < observation->process_count; depth++) {
        const struct process *process = observation_process(observation, pid);
        if (pid == store->pid)
            return true;
        if (process == NULL || process->parent_pid == pid)
            return false;
        pid = process->parent_pid;
    }
    return false;
}

/* NULL when nothing about the service and its process forbids it; else what does. */
static const char *termination_forbidden(const struct config *config, const struct observation *observation,
                                         const struct restart_service *planned)
{
    const struct service *service = observation_service(observation, planned->name);
    const struct process *process = observation_process(observation, planned->process.pid);
    if (text_equal_nocase(planned->name, config->store_service))
        return "the Information Store is never terminated";
    if (!is_registered_client(config, planned->name))
        return "it is not a registered client";
    if (config->on_hang != HANG_TERMINATE_CLIENT)
        return "actions.on_hang is \"wait\"";
    if (planned->process.pid == 0 || planned->process.created_100ns == 0)
        return "the plan could not name its process";
    if (!observation->services_known || !observation->processes_known || observation->services_cut ||
        observation->processes_cut || service == NULL || process == NULL)
        return "its process cannot be seen";
    if (service->pid != planned->process.pid || !process_id_equal(process->id, planned->process))
        return "its process is not the one of the plan";
    if (observation_service_of(observation, service->pid) != service)
        return "its process hosts other services too";
    if (belongs_to_store(config, observation, service->pid))
        return "its process belongs to the Information Store";
    return NULL;
}

bool restart_may_terminate(const struct config *config, const struct observation *observation,
                           const struct restart_service *service, char *out_why, size_t why_capacity)
{
    const char *forbidden = termination_forbidden(config, observation, service);
    text_copy(out_why, why_capacity, forbidden != NULL ? forbidden : "");
    return forbidden == NULL;
}

void restart_add_hang_words(struct text *text, const struct config *config,
                            const struct observation *observation, const struct restart_service *service)
{
    char why[96];
    text_add(text, "if %s hangs: ", service->name);
    if (!restart_may_terminate(config, observation, service, why, sizeof(why))) {
        text_add(text, "waits (%s)", why);
        return;
    }
    text_add(text, "its process %" PRIu32 " is terminated after ", service->process.pid);
    text_add_duration(text, config->stop_timeout_ms);
}

/* ---- since when, and its end ---- */

/* For how long a pending service may show no sign of life before it is called hung. */
int64_t hang_quiet_allowed_ms(const struct look *look, int64_t timeout_ms)
{
    int64_t quiet_ms = smaller(timeout_ms / 4, QUIET_MS);
    if (look->service != NULL && look->service->wait_hint_ms > quiet_ms)
        quiet_ms = look->service->wait_hint_ms;
    return quiet_ms;
}

/* Since when a stop of ours has been pending: counted from the first sight of it in this life of storewatch,
 * and anew after a time that nobody saw.
 */
void hang_follow(struct restart *restart, const struct machine_step *step, size_t index,
                 const struct look *look)
{
    struct restart_watch *watch = &restart->watches[index];
    const bool hanging =
        look->state == SERVICE_STATE_STOP_PENDING && restart->journal.plan.services[index].stop == STEP_ASKED;
    if (hanging &&
        (!watch->hang.pending || step->observation->mono_ms - watch->hang.seen_mono_ms > UNSEEN_MS))
        watch->hang.since_mono_ms = step->mono_ms;
    if (look->state != SERVICE_STATE_UNKNOWN) {
        watch->hang.pending = hanging;
        watch->hang.seen_mono_ms = step->observation->mono_ms;
    }
}

/* Has a stop of ours been pending for longer than allowed, with everything of it standing still, and may its
 * process be ended? Then that is asked for. NEARLY: only the time is not up yet.
 *
 * Times run up to the begin of the look: one that took a minute may show what was a minute ago. */
enum hung hang_end(struct restart *restart, struct machine_step *step, size_t index, const struct look *look)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    struct restart_watch *watch = &restart->watches[index];
    const int64_t looked_mono_ms = step->observation->mono_ms;
    const int64_t hung_ms = looked_mono_ms - watch->hang.since_mono_ms;
    /* What cannot be read may be moving. */
    const bool still = reading_known(look->cpu_ms) && reading_known(look->io_count) &&
                       looked_mono_ms - watch->signs.moved_mono_ms >
                           hang_quiet_allowed_ms(look, restart->config->stop_timeout_ms);
    char why[96];
    if (!watch->hang.pending || look->state != SERVICE_STATE_STOP_PENDING || watch->hang.terminated ||
        restart->asked || !still || restart->terminate_held[0] != '\0' ||
        !restart_may_terminate(restart->config, step->observation, service, why, sizeof(why)))
        return HUNG_WAIT;
    if (hung_ms < restart->config->stop_timeout_ms || restart->held)
        return HUNG_NEARLY;
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "did not stop for ");
    text_add_duration(&text, hung_ms);
    text_add(&text, ", no sign of progress: its process %" PRIu32 " is terminated", service->process.pid);
    watch->hang.terminated = true;
    step->news |= RESTART_NEWS_STEP | RESTART_NEWS_TERMINATE;
    machine_ask(restart, step, REQUEST_TERMINATE, index);
    return HUNG_ASKED;
}

/* A process that was to be ended. That is tried once: a process that does not die then is a matter for
 * people. Busy is storewatch itself, before it did anything: that was not tried.
 */
void hang_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms)
{
    struct restart_service *service = &restart->journal.plan.services[index];
    restart->news |= RESTART_NEWS_STEP;
    if (status == STATUS_BUSY) {
        restart->watches[index].hang.terminated = false;
        const bool anew = code == RESTART_TOO_LATE || code == RESTART_WITHDRAWN;
        if (anew) /* that look is too old: all patience anew */
            restart->watches[index].hang.pending = false;
        service_note(service, "hangs in its stop; its process %" PRIu32 " was not terminated: %s",
                     service->process.pid,
                     anew ? code_words(code) : "the restart journal could not be written");
        return;
    }
    restart->watches[index].ended = status == STATUS_OK || status == STATUS_NOT_FOUND;
    restart->watches[index].ended_mono_ms = mono_ms;
    if (status == STATUS_OK) {
        service_note(service, "hung in its stop: its process %" PRIu32 " was terminated",
                     service->process.pid);
        return;
    }
    if (status == STATUS_NOT_FOUND) {
        service_note(service, "hung in its stop; its process %" PRIu32 " had ended before it was terminated",
                     service->process.pid);
        return;
    }
    struct text text = text_on(service->note, sizeof(service->note));
    text_add(&text, "hangs in its stop, and its process %" PRIu32, service->process.pid);
    if (status == STATUS_TIMEOUT) {
        text_add(&text, " was terminated and does not end");
        return;
    }
    text_add(&text, " could not be terminated: ");
    text_add_code(&text, status, code);
}

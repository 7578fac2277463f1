/* restart_look.c - what one look shows of a service, and what is remembered of it from look to look. */
#include "restart_internal.h"

bool state_is_running(enum service_state state)
{
    return state == SERVICE_STATE_RUNNING || state == SERVICE_STATE_PAUSED;
}

bool state_is_down(enum service_state state)
{
    return state == SERVICE_STATE_STOPPED || state == SERVICE_STATE_ABSENT;
}

bool state_is_pending(enum service_state state)
{
    return state == SERVICE_STATE_START_PENDING || state == SERVICE_STATE_STOP_PENDING ||
           state == SERVICE_STATE_CONTINUE_PENDING || state == SERVICE_STATE_PAUSE_PENDING;
}

struct look look_at(const struct observation *observation, const char *name)
{
    struct look look = {
        .state = SERVICE_STATE_UNKNOWN, .cpu_ms = READING_UNKNOWN, .io_count = READING_UNKNOWN};
    if (!observation->services_known)
        return look;
    look.service = observation_service(observation, name);
    if (look.service == NULL) {
        /* Not in a complete list: it is gone. A list that was cut says nothing. */
        look.state = observation->services_cut ? SERVICE_STATE_UNKNOWN : SERVICE_STATE_ABSENT;
        return look;
    }
    look.state = look.service->state;
    look.process.pid = look.service->pid;
    if (look.service->pid != 0) {
        const struct process *process = observation_process(observation, look.service->pid);
        if (process != NULL) {
            look.process = process->id;
            look.cpu_ms = process->cpu_ms;
            look.io_count = process->io_count;
        }
    }
    return look;
}

/* Are these two surely different processes? A pid that is unknown proves nothing, a creation time neither. */
bool processes_surely_differ(struct process_id a, struct process_id b)
{
    if (a.pid == 0 || b.pid == 0)
        return false;
    return a.pid != b.pid ||
           (a.created_100ns != 0 && b.created_100ns != 0 && a.created_100ns != b.created_100ns);
}

/* How a service of the plan stands. When its stop was asked for, the SCM may take a while to notice that a
 * process has ended: once the one that the plan named is missing in a complete list, its service is down. */
struct look look_at_planned(const struct observation *observation, const struct restart_service *service)
{
    struct look look = look_at(observation, service->name);
    const bool ours = look.service != NULL && look.service->pid != 0 &&
                      look.service->pid == service->process.pid && service->stop != STEP_WAITING;
    if (ours && (state_is_running(look.state) || look.state == SERVICE_STATE_STOP_PENDING) &&
        observation->processes_known && !observation->processes_cut &&
        observation_process(observation, look.service->pid) == NULL)
        look.state = SERVICE_STATE_STOPPED;
    return look;
}

/* Remembers what this look shows of it, and since when nothing of that has moved. */
void signs_follow(struct restart_signs *signs, const struct look *look, int64_t mono_ms)
{
    if (look->state == SERVICE_STATE_UNKNOWN)
        return;
    const struct restart_signs before = *signs;
    signs->state = look->state;
    signs->checkpoint = look->service != NULL ? look->service->checkpoint : 0;
    signs->cpu_ms = reading_known(look->cpu_ms) ? look->cpu_ms : before.cpu_ms;
    signs->io_count = reading_known(look->io_count) ? look->io_count : before.io_count;
    const struct {
        bool moved;
        enum restart_sign sign;
    } all[] = {{signs->state != before.state, SIGN_STATE},
               {signs->checkpoint != before.checkpoint, SIGN_CHECKPOINT},
               {signs->cpu_ms != before.cpu_ms, SIGN_CPU},
               {signs->io_count != before.io_count, SIGN_IO}};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        if (all[i].moved) {
            signs->moved_mono_ms = mono_ms;
            signs->moved = all[i].sign;
            return;
        }
    }
}

/* How long the present wait for this service has lasted; the first call begins it. */
int64_t watch_waited_ms(struct restart_watch *watch, int64_t mono_ms)
{
    if (!watch->timed) {
        watch->timed = true;
        watch->since_mono_ms = mono_ms;
    }
    return mono_ms - watch->since_mono_ms;
}

/* The back-off to wait after this request; doubles with each. */
int64_t watch_next_backoff(struct restart_watch *watch, int64_t last_ms)
{
    const int64_t backoff_ms = watch->backoff_ms != 0 ? watch->backoff_ms : RESTART_BACKOFF_FIRST_MS;
    watch->backoff_ms = smaller(2 * backoff_ms, last_ms);
    return backoff_ms;
}

/* A clean stop that was not ours: a person's, once it has lasted. Called at each look while it lasts. */
bool watch_stays_stopped(struct restart_watch *watch, int64_t mono_ms)
{
    if (!watch->settling) {
        watch->settling = true;
        watch->stopped_mono_ms = mono_ms;
    }
    return mono_ms - watch->stopped_mono_ms >= RESTART_SETTLE_MS;
}

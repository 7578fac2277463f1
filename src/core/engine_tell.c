/* engine_tell.c - what a step saves and tells: every transition of an incident goes into actions->incidents
 * together with the alert that tells it. See engine.h. */
#include "engine_internal.h"

#include <string.h>

/* Reserve for the alerts of a restart when many incidents open in one step; */
#define ALERTS_RESERVED 8
/* and of these for what is mailed, when many services come up in one step. */
#define ALERTS_OF_NEWS 6

void step_save_incident(struct step *step, const struct incident *incident)
{
    struct actions *actions = step->actions;
    for (size_t i = 0; i < actions->incident_count; i++)
        if (actions->incidents[i].id == incident->id) {
            actions->incidents[i] = *incident;
            return;
        }
    if (actions->incident_count < INCIDENTS_MAX)
        actions->incidents[actions->incident_count++] = *incident;
}

const struct service *step_service(const struct step *step, const char *name)
{
    return step->observation->services_known ? observation_service(step->observation, name) : NULL;
}

bool step_room_to_tell(const struct step *step)
{
    return step->actions->alert_count < ACTIONS_ALERTS_MAX - ALERTS_RESERVED;
}

struct alert *step_alert_begin(struct step *step, enum alert_kind kind)
{
    struct actions *actions = step->actions;
    size_t room = ACTIONS_ALERTS_MAX - (kind == ALERT_RESTART_PROGRESS ? ALERTS_OF_NEWS : 0);
    if (actions->alert_count >= room)
        return NULL;
    struct alert *alert = &actions->alerts[actions->alert_count++];
    memset(alert, 0, sizeof *alert);
    alert->kind = kind;
    alert->utc_ms = step->clock.utc_ms;
    text_copy(alert->host_name, sizeof alert->host_name, step->engine->host_name);
    const char *veto = policy_veto_running(&step->engine->config, step->observation);
    text_copy(alert->veto_process, sizeof alert->veto_process, veto ? veto : "");
    alert->cluster_node = step->observation->cluster_node;
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld", alert_wording_get(kind)->name, (long long)step->clock.utc_ms);
    return alert;
}

static void add_points(struct alert *alert, const struct watched *item, enum metric metric, size_t capacity,
                       int64_t shift_ms)
{
    if (!item || !item->detectors[metric])
        return;
    struct series_point *points = alert->points + alert->point_count;
    size_t count = detector_points(item->detectors[metric], points, capacity);
    for (size_t i = 0; i < count; i++)
        points[i].t_ms += shift_ms;
    alert->point_count += count;
}

/* Was it there only when the old one was gone? Another process of the client may have begun beside the old
 * one, and later than that. Of an old one that is not watched only the time of creation is known. */
static bool came_after(const struct watched *item, const struct watched *old, struct process_id old_process)
{
    if (old)
        return old->gone_mono_ms && item->first_seen_mono_ms >= old->gone_mono_ms;
    return item->process.created_100ns > old_process.created_100ns;
}

/* The incarnation that took the place of the incident's; NULL while there is none. */
struct watched *engine_successor(struct engine *engine, const struct incident *incident)
{
    const struct watched *old = watch_find(&engine->watch, incident->process);
    for (size_t i = 0; i < engine->watch.count; i++) {
        struct watched *item = &engine->watch.items[i];
        if (item->present && item->kind == incident->target_kind &&
            text_equal_nocase(item->target, incident->target) &&
            text_equal_nocase(item->image, incident->image) && came_after(item, old, incident->process))
            return item;
    }
    return NULL;
}

/* The growth, and after a restart what came of it, in one chart. */
static void add_chart(struct step *step, struct alert *alert, const struct incident *incident)
{
    int64_t shift_ms = clock_shift_ms(step->clock);
    struct watched *item = watch_find(&step->engine->watch, incident->process);
    struct watched *next = item && !item->present ? engine_successor(step->engine, incident) : NULL;
    add_points(alert, item, incident->metric, next ? ALERT_POINTS_MAX * 3 / 4 : ALERT_POINTS_MAX, shift_ms);
    add_points(alert, next, incident->metric, ALERT_POINTS_MAX - alert->point_count, shift_ms);
}

static void add_dlls(struct alert *alert, const struct found_client *found)
{
    if (!found || !found->dlls.count)
        return;
    alert->dlls = found->dlls;
    text_copy(alert->dlls_of, sizeof alert->dlls_of, found->image);
}

/* Is a program of this name among those of open_incident.who? */
static bool was_named(const char *who, const char *image)
{
    static const char after[] = " (pid ";
    size_t length = strlen(image);
    for (const char *at = who; length && (at = strstr(at, image)) != NULL; at += length)
        if ((at == who || at[-1] == ' ') && strncmp(at + length, after, sizeof after - 1) == 0)
            return true;
    return false;
}

/* Of who is named for the growth of the machine or the store, or was when nobody is. Where that one has ended
 * the process that took its place counts. The first that lacks a fix, or the first. */
static void add_dlls_of_named(struct step *step, struct alert *alert, const struct open_incident *open)
{
    const struct watch *watch = &step->engine->watch;
    const struct culprit_ranking *ranking = &open->ranking;
    bool is_named = open->ranked && culprit_is_named(ranking, 0);
    for (size_t i = 0; i < watch->found_count; i++) {
        const struct found_client *found = &watch->found[i];
        struct defect_finding finding;
        size_t index;
        bool counts = !is_named && was_named(open->who, found->image);
        for (size_t k = 0; is_named && k < ranking->count; k++)
            counts |= culprit_is_named(ranking, k) &&
                      (process_id_equal(ranking->items[k].process, found->process) ||
                       (culprit_is_gone(&ranking->items[k]) &&
                        text_equal_nocase(ranking->items[k].image, found->image)));
        bool lacks = defect_judge_all(&found->dlls, &index, &finding) && finding.fix == FIX_MISSING;
        if (counts && (!alert->dlls.count || lacks))
            add_dlls(alert, found);
        if (counts && lacks)
            return;
    }
}

/* Of the growing program; when it has ended, of the process that took its place. */
static void add_dlls_of_program(struct step *step, struct alert *alert, const struct incident *incident)
{
    const struct watched *next = engine_successor(step->engine, incident);
    add_dlls(alert, watch_found(&step->engine->watch, incident->process));
    if (!alert->dlls.count && next)
        add_dlls(alert, watch_found(&step->engine->watch, next->process));
}

/* What else is known of the growing program. */
static void add_program(struct step *step, struct alert *alert, const struct incident *incident)
{
    const struct watched *item = watch_find(&step->engine->watch, incident->process);
    alert->has_space = item && item->space.known;
    if (alert->has_space)
        alert->space = item->space.now;
    const struct service *service = observation_service_of(step->observation, incident->process.pid);
    if (service && incident->target_kind == TARGET_DISCOVERED)
        text_copy(alert->hosted_by, sizeof alert->hosted_by, service->name);
}

/* The numbers of what cannot be read now are old: since when? */
static void add_age(struct step *step, struct alert *alert, const struct incident *incident)
{
    const struct watched *item = watch_find(&step->engine->watch, incident->process);
    if (!item || !item->present || !item->detectors[incident->metric] ||
        reading_known(item->now[incident->metric]))
        return;
    struct verdict verdict;
    detector_verdict(item->detectors[incident->metric], &verdict);
    if (verdict.sample_count)
        alert->read_utc_ms = verdict.known_ms + clock_shift_ms(step->clock);
}

/* Begins an alert about an incident. Each mailed one is a telling of its own: its number makes the mail's
 * key. */
struct alert *step_alert_incident(struct step *step, enum alert_kind kind, struct open_incident *open)
{
    struct alert *alert = step_alert_begin(step, kind);
    if (!alert)
        return NULL;
    struct incident *incident = &open->incident;
    if (alert_wording_get(kind)->mailed) {
        incident->told_count++;
        incident->told_utc_ms = step->clock.utc_ms;
        open->told_mono_ms = step->clock.mono_ms;
        open->restart_untold = false;
        open->told_end_mono_ms = incident_end_mono_ms(incident, clock_shift_ms(step->clock));
    }
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "i%lld-%u", (long long)incident->id, incident->told_count);
    alert->has_incident = true;
    alert->incident = *incident;
    alert->clock_moved_ms = open->clock_moved_ms;
    alert->hardly_grows = open->hardly_grows;
    alert->outlived = open->outlived;
    add_chart(step, alert, incident);
    add_age(step, alert, incident);
    add_program(step, alert, incident);
    /* Of a pause it would be old: who was named is said instead (say_who_was_named). */
    alert->has_ranking = open->ranked && !incident_pauses(incident, open->hardly_grows);
    if (alert->has_ranking)
        alert->ranking = open->ranking;
    if (incident->target_kind == TARGET_HOST || incident->target_kind == TARGET_STORE)
        add_dlls_of_named(step, alert, open);
    else
        add_dlls_of_program(step, alert, incident);
    step_save_incident(step, incident);
    return alert;
}

void engine_add_story(const struct engine *engine, struct alert *alert)
{
    for (size_t i = 0; i < engine->story_count; i++)
        alert_add_done(alert, "%s", engine->story[i]);
}

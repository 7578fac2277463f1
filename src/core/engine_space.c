/* engine_space.c - the address space of 32-bit processes: what is told of it, and what it does to incidents.
 * See engine.h and space.h.
 *
 * A process that leaks loses address space too. That is one leak and one incident, of its private bytes; the
 * address space has an incident of its own only where the memory does not explain what it loses: reserved
 * memory, mapped files, fragmentation. Its free total and its largest free block share that one. */
#include "engine_internal.h"

#include "storewatch/advice.h"

/* ---- the levels of event 9582 ---- */

static void say_space(struct alert *alert, const struct watched *item)
{
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text, "%s, pid %u%s%s%s: ", item->image, (unsigned)item->process.pid,
             item->service[0] ? " (service " : "", item->service, item->service[0] ? ")" : "");
    text_add_space(&text, &item->space.now);
    text_add(&text, ".");
}

static void advise_new_process(struct alert *alert, const struct watched *item)
{
    char storage[ALERT_LINE_MAX];
    struct text restart = text_on(storage, sizeof storage);
    const char *when = item->space.level != SPACE_ERROR ? " in a quiet hour"
                       : alert->veto_process[0]         ? " at once"
                                                        : " now";
    text_add_restart(&restart, alert, item->kind, item->service, item->image);
    alert_add_todo(alert, "%s%s: only a new process has its address space in one piece again.", storage,
                   item->service[0] ? when : "");
}

static void advise_space(struct alert *alert, const struct watched *item)
{
    if (item->space.level == SPACE_FINE)
        return;
    if (item->space.level == SPACE_ERROR)
        alert_add_todo(alert,
                       "A request for a larger block fails now. Exchange logs event 9582 as an error at "
                       "this point, and event 12800 when messages fail.");
    else
        alert_add_todo(alert,
                       "At 16 MiB requests begin to fail. Exchange itself logs event 9582 at 32 MB and "
                       "at 16 MB.");
    advise_new_process(alert, item);
    if (item->kind == TARGET_STORE && item->space.now.limit_bytes <= 2.0 * 1024 * 1024 * 1024)
        alert_add_todo(alert, "Exchange 2003 with 1 GB of memory or more: start Windows with /3GB and "
                              "/USERVA=3030.");
}

/* Each crossing is told once; space_level_of keeps a swing around a threshold from being many. */
static void follow_level(struct step *step, struct watched *item)
{
    static const enum alert_kind kinds[] = {ALERT_SPACE_BACK, ALERT_SPACE_LOW, ALERT_SPACE_CRITICAL};
    struct watched_space *space = &item->space;
    if (!space->known || space->level == space->told_level || !step_room_to_tell(step))
        return;
    /* Back from the error to the warning is better, but not well: nothing new to tell. */
    bool better = space->told_level == SPACE_ERROR && space->level == SPACE_WARNING;
    struct alert *alert = better ? NULL : step_alert_begin(step, kinds[space->level]);
    if (!alert && !better)
        return;
    space->told_level = space->level;
    if (!alert)
        return;
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld-%u", alert_wording_get(alert->kind)->name, (long long)step->clock.utc_ms,
             (unsigned)item->process.pid);
    text_copy(alert->service, sizeof alert->service, item->service[0] ? item->service : item->image);
    say_space(alert, item);
    advise_space(alert, item);
}

static bool is_lost(const struct watched *item, enum metric metric)
{
    return item->detectors[metric] && detector_state(item->detectors[metric]) == VERDICT_UNBOUNDED;
}

/* What is lost later has its own time to be explained. */
static void forget_what_was_given_back(struct watched *item)
{
    if (!is_lost(item, METRIC_ADDRESS_SPACE) && !is_lost(item, METRIC_OUTSIDE_LARGEST))
        item->space_unexplained_mono_ms = 0;
}

void step_follow_spaces(struct step *step)
{
    for (size_t i = 0; i < step->engine->watch.count; i++) {
        struct watched *item = &step->engine->watch.items[i];
        if (!item->present)
            continue;
        follow_level(step, item);
        forget_what_was_given_back(item);
    }
}

/* ---- incidents ---- */

/* The verdict on its memory may come a little later than that on its address space: as long as a verdict
 * takes, unless it is urgent. */
bool step_space_is_explained(struct step *step, struct watched *item, enum metric metric,
                             const struct verdict *verdict)
{
    struct engine *engine = step->engine;
    if (!metric_of_space(metric))
        return false;
    if (metric == METRIC_FREE_BLOCKS)
        return true; /* a symptom without a limit: shown, never told by itself */
    const enum metric other =
        metric == METRIC_OUTSIDE_LARGEST ? METRIC_ADDRESS_SPACE : METRIC_OUTSIDE_LARGEST;
    if (engine_incident_of(engine, item->process, NULL, METRIC_PRIVATE_BYTES) ||
        engine_incident_of(engine, item->process, NULL, other) || engine_restarting(engine)) {
        item->space_unexplained_mono_ms = 0;
        return true;
    }
    if (item->space_unexplained_mono_ms == 0)
        item->space_unexplained_mono_ms = step->clock.mono_ms;
    return !step_is_urgent(step, verdict) &&
           step->clock.mono_ms - item->space_unexplained_mono_ms < engine->config.min_window_ms / 2;
}

/* ---- the nearest end ---- */

/* Takes the end of `metric` over when it comes before the one that the incident has. Returns whether. */
static bool take_nearer(struct incident *incident, const struct watched *item, enum metric metric,
                        int64_t shift_ms)
{
    struct verdict verdict;
    if (!item->detectors[metric])
        return false;
    detector_verdict(item->detectors[metric], &verdict);
    if (verdict.state != VERDICT_UNBOUNDED || verdict.exhaustion_ms == INT64_MAX ||
        verdict.exhaustion_ms + shift_ms >= incident->exhaustion_utc_ms)
        return false;
    incident_take_end(incident, &verdict, shift_ms);
    /* In the incident's own unit: where it will stand by then. */
    double hours = (double)(verdict.exhaustion_ms - verdict.at_ms) / (double)MS_PER_HOUR;
    incident->limit = incident->level_now + incident->slope_per_hour * (hours > 0 ? hours : 0);
    text_copy(incident->limit_name, sizeof incident->limit_name, verdict.limit_name);
    return true;
}

void step_name_nearest_end(struct step *step, struct incident *incident, const struct verdict *own)
{
    const struct watched *item = watch_find(&step->engine->watch, incident->process);
    if (!item || item->kind == TARGET_HOST || metric_unit(incident->metric) != UNIT_BYTES)
        return;
    int64_t shift_ms = clock_shift_ms(step->clock);
    bool taken = false;
    if (incident->metric == METRIC_PRIVATE_BYTES)
        taken |= take_nearer(incident, item, METRIC_ADDRESS_SPACE, shift_ms);
    if (incident->metric != METRIC_OUTSIDE_LARGEST)
        taken |= take_nearer(incident, item, METRIC_OUTSIDE_LARGEST, shift_ms);
    if (taken)
        incident->reason[own->reach_at] = '\0'; /* what it says of another end is not the one that counts */
}

/* ---- the end that has come ---- */

bool step_stands_at_end(const struct step *step, const struct watched *item, const struct open_incident *open,
                        struct verdict *verdict)
{
    const struct incident *incident = &open->incident;
    const bool no_block_left = item->space.known && item->space.level == SPACE_ERROR;
    if (!no_block_left || verdict->state != VERDICT_BOUNDED || metric_unit(incident->metric) != UNIT_BYTES)
        return false;
    verdict->state = VERDICT_UNBOUNDED;
    verdict->onset_ms = incident->onset_utc_ms + open->clock_moved_ms - clock_shift_ms(step->clock);
    verdict_stands_at_end(verdict);
    verdict->limit = verdict->value;
    verdict->limit_name = SPACE_BLOCK_LIMIT_NAME;
    struct text reason = text_on(verdict->reason, sizeof verdict->reason);
    text_add(&reason, "it grows no further: no block of its address space is left for it");
    verdict->reach_at = reason.length;
    return true;
}

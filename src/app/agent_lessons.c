/* agent_lessons.c - what the history teaches of programs whose processes have ended: their usual plateau and
 * warm-up, and whether the last one leaked. While storewatch runs each incarnation teaches it as it ends
 * (watch.c); at a start it is read back from the series that are kept, also of those that ended meanwhile.
 *
 * What cannot be read here costs the next verdict some patience, and nothing else. */
#include "agent_internal.h"

#include <stdlib.h>

/* The latest incarnation of a program tells whether it leaked, the one before what it does when it does not. */
#define INCARNATIONS_MAX 2
/* So long at the most: a restart that was under way waits for it. */
#define LESSONS_MS (2 * MS_PER_SECOND)

/* Of one metric of one program: the series of its latest incarnations that have ended, oldest first. */
struct lesson {
    char target[TARGET_NAME_MAX];
    enum metric metric;
    size_t count;
    int64_t series_ids[INCARNATIONS_MAX];
};

struct lessons {
    size_t count;
    struct lesson items[LEARNED_MAX];
};

static bool has_ended(const struct observation *observation, struct process_id id)
{
    const struct process *process = observation_process(observation, id.pid);
    return process ? !process_id_equal(process->id, id) : !observation->processes_cut;
}

/* The machine has no incarnations. */
static bool teaches(const struct config *config, const struct observation *observation,
                    const struct store_series_key *key)
{
    const char *service = key->target_kind == TARGET_STORE ? key->target : "";
    return key->target_kind != TARGET_HOST && has_ended(observation, key->process) &&
           watch_names(config, key->target_kind, key->target, key->image, service);
}

static struct lesson *lesson_of(struct lessons *lessons, const struct store_series_key *key)
{
    for (size_t i = 0; i < lessons->count; i++)
        if (lessons->items[i].metric == key->metric &&
            text_equal_nocase(lessons->items[i].target, key->target))
            return &lessons->items[i];
    return NULL;
}

static void note(struct lessons *lessons, const struct store_series_key *key, int64_t series_id)
{
    struct lesson *lesson = lesson_of(lessons, key);
    if (!lesson && lessons->count == LEARNED_MAX)
        return;
    if (!lesson) {
        lesson = &lessons->items[lessons->count++];
        *lesson = (struct lesson){.metric = key->metric};
        text_copy(lesson->target, sizeof lesson->target, key->target);
    }
    if (lesson->count == INCARNATIONS_MAX) {
        lesson->count--;
        for (size_t i = 0; i < lesson->count; i++)
            lesson->series_ids[i] = lesson->series_ids[i + 1];
    }
    lesson->series_ids[lesson->count++] = series_id;
}

static bool is_noted(struct lessons *lessons, const struct store_series_key *key, int64_t series_id)
{
    const struct lesson *lesson = lesson_of(lessons, key);
    for (size_t i = 0; lesson && i < lesson->count; i++)
        if (lesson->series_ids[i] == series_id)
            return true;
    return false;
}

static void learn(struct agent *agent, struct store *store, const struct store_series_key *key,
                  int64_t series_id, int64_t first_utc_ms)
{
    struct watch *watch = &agent->engine->watch;
    struct store_cursor *cursor = NULL;
    struct series_point point;
    struct detector *detector = watch_new_detector(watch, &agent->engine->config, key->target_kind,
                                                   key->target, key->process, key->metric, first_utc_ms);
    if (!detector)
        return;
    enum status status = store_samples_begin(store, series_id, INT64_MIN, INT64_MAX, &cursor, NULL);
    while (!status && (status = store_samples_next(cursor, &point, NULL)) == STATUS_OK)
        detector_push(detector, point.t_ms, point.mean);
    if (status == STATUS_NOT_FOUND)
        watch_learn(watch, key->target, key->metric, detector);
    store_cursor_free(cursor);
    detector_free(detector);
}

/* In the order in which they were first seen: each teaches the next one of its target. */
static void go_through(struct agent *agent, struct store *store, const struct observation *observation,
                       struct lessons *lessons, bool noting)
{
    const int64_t begun_mono_ms = os_mono_ms(agent->os);
    int64_t id, first_utc_ms, last_utc_ms;
    struct store_series_key key;
    struct store_cursor *cursor = NULL;
    enum status status = store_series_begin(store, &cursor, NULL);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, NULL)) == STATUS_OK) {
        if (os_mono_ms(agent->os) - begun_mono_ms >= LESSONS_MS)
            break;
        if (noting && teaches(&agent->engine->config, observation, &key))
            note(lessons, &key, id);
        else if (!noting && is_noted(lessons, &key, id))
            learn(agent, store, &key, id, first_utc_ms);
    }
    store_cursor_free(cursor);
}

void agent_learn_from_history(struct agent *agent, struct store *store, const struct observation *observation)
{
    struct lessons *lessons = observation->processes_known ? calloc(1, sizeof *lessons) : NULL;
    if (!lessons)
        return;
    go_through(agent, store, observation, lessons, true);
    go_through(agent, store, observation, lessons, false);
    free(lessons);
}

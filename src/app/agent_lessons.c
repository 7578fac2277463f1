/* agent_lessons.c - what the history teaches of programs whose processes have ended: their usual plateau and
 * warm-up, and whether the last one leaked. While storewatch runs each incarnation teaches it as it ends
 * (watch.c); at a start it is read back from the series that are kept, also of those that ended meanwhile.
 *
 * Invariant: of one metric of one program either all that is noted here teaches, or nothing. Nothing costs the
 * next incarnation what was known of it; half of it could have a healthy one taken for one that leaks. */
#include "agent_internal.h"

#include <stdlib.h>
#include <string.h>

/* The latest incarnation of a program tells whether it leaked, the one before what it does when it does not. */
#define INCARNATIONS_MAX 2
/* After so long none is begun any more: a restart that was under way waits for it. */
#define LESSONS_MS (2 * MS_PER_SECOND)

/* A series of an incarnation that has ended. */
struct ended {
    int64_t series_id, first_utc_ms, last_utc_ms;
    enum target_kind kind;
    struct process_id process;
};

/* Of one metric of one program: its latest ones, in the order in which they ended. */
struct lesson {
    char target[TARGET_NAME_MAX];
    enum metric metric;
    size_t count;
    struct ended items[INCARNATIONS_MAX];
};

struct lessons {
    size_t count;
    struct lesson items[LEARNED_MAX];
    size_t told_count; /* the newest incidents */
    struct incident told[INCIDENTS_MAX];
};

bool agent_has_ended(const struct observation *observation, struct process_id id)
{
    const struct process *process = observation_process(observation, id.pid);
    return process ? !process_id_equal(process->id, id) : !observation->processes_cut;
}

/* The machine has no incarnations. One that ended before anything is said of it teaches nothing, and must not stand
 * in the place of one that does: a night of updates has several. */
static bool teaches(const struct config *config, const struct observation *observation,
                    const struct store_series_key *key, int64_t lasted_ms)
{
    char store[TARGET_NAME_MAX]; /* cut, as the key has it */
    text_copy(store, sizeof store, config->store_service);
    const bool is_store = key->target_kind == TARGET_STORE && text_equal_nocase(key->target, store);
    const char *service = is_store ? config->store_service : "";
    return key->target_kind != TARGET_HOST && lasted_ms >= config->min_window_ms &&
           agent_has_ended(observation, key->process) &&
           watch_names(config, key->target_kind, key->target, key->image, service);
}

static int64_t ended_utc_ms(const struct lesson *lesson)
{
    return lesson->count ? lesson->items[lesson->count - 1].last_utc_ms : INT64_MIN;
}

/* Where there is no room for another, the one whose program ended longest ago gives way. */
static struct lesson *lesson_of(struct lessons *lessons, const struct store_series_key *key)
{
    struct lesson *lesson = NULL;
    for (size_t i = 0; i < lessons->count; i++) {
        struct lesson *other = &lessons->items[i];
        if (other->metric == key->metric && text_equal_nocase(other->target, key->target))
            return other;
        if (!lesson || ended_utc_ms(other) < ended_utc_ms(lesson))
            lesson = other;
    }
    if (lessons->count < LEARNED_MAX)
        lesson = &lessons->items[lessons->count++];
    *lesson = (struct lesson){.metric = key->metric};
    text_copy(lesson->target, sizeof lesson->target, key->target);
    return lesson;
}

static void note(struct lesson *lesson, const struct ended *ended)
{
    size_t at = lesson->count;
    while (at > 0 && lesson->items[at - 1].last_utc_ms > ended->last_utc_ms)
        at--;
    if (lesson->count < INCARNATIONS_MAX) {
        memmove(&lesson->items[at + 1], &lesson->items[at], (lesson->count - at) * sizeof lesson->items[0]);
        lesson->count++;
    } else if (at-- > 0) { /* the first one goes */
        memmove(&lesson->items[0], &lesson->items[1], at * sizeof lesson->items[0]);
    } else {
        return;
    }
    lesson->items[at] = *ended;
}

static enum status note_all(struct agent *agent, struct store *store, const struct observation *observation,
                            struct lessons *lessons)
{
    int64_t id, first_utc_ms, last_utc_ms;
    struct store_series_key key;
    struct store_cursor *cursor = NULL;
    enum status status = store_series_begin(store, &cursor, NULL);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, NULL)) == STATUS_OK)
        if (teaches(&agent->engine->config, observation, &key, last_utc_ms - first_utc_ms)) {
            const struct ended ended = {id, first_utc_ms, last_utc_ms, key.target_kind, key.process};
            note(lesson_of(lessons, &key), &ended);
        }
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Where its growth was told, the limit that it went for is known: what was told because of that is no level that did no
 * harm. */
static struct verdict_limit limit_of(const struct config *config, const struct observation *observation,
                                     const struct lessons *lessons, const struct ended *ended,
                                     enum metric metric)
{
    struct verdict_limit limit = watch_limit_of_ended(config, observation, metric);
    for (size_t i = 0; i < lessons->told_count; i++) {
        const struct incident *told = &lessons->told[i];
        if (told->metric == metric && process_id_equal(told->process, ended->process))
            watch_limit_nearer(&limit, told->limit, told->limit_name);
    }
    return limit;
}

/* One after the other: what one taught, the next is judged with. */
static bool learn(struct agent *agent, struct store *store, const struct observation *observation,
                  const struct lessons *lessons, const struct lesson *lesson, const struct ended *ended)
{
    struct watch *watch = &agent->engine->watch;
    const struct config *config = &agent->engine->config;
    const struct watch_series series = {ended->kind, lesson->target, ended->process, lesson->metric,
                                        ended->first_utc_ms};
    const struct verdict_settings settings = watch_settings_then(watch, config, &series, ended->first_utc_ms);
    struct detector *detector = detector_new(&settings);
    if (!detector)
        return false;
    detector_set_limit(detector, limit_of(config, observation, lessons, ended, lesson->metric));
    struct store_cursor *cursor = NULL;
    struct series_point point;
    enum status status = store_samples_begin(store, ended->series_id, INT64_MIN, INT64_MAX, &cursor, NULL);
    while (!status && (status = store_samples_next(cursor, &point, NULL)) == STATUS_OK)
        detector_push(detector, point.t_ms, point.mean);
    if (status == STATUS_NOT_FOUND)
        watch_learn(watch, lesson->target, lesson->metric, detector, ended->last_utc_ms);
    store_cursor_free(cursor);
    detector_free(detector);
    return status == STATUS_NOT_FOUND;
}

void agent_learn_from_history(struct agent *agent, struct store *store, const struct observation *observation)
{
    const int64_t begun_mono_ms = os_mono_ms(agent->os);
    struct watch *watch = &agent->engine->watch;
    struct lessons *lessons =
        observation->processes_known && observation->host_known ? calloc(1, sizeof *lessons) : NULL;
    if (!lessons)
        return;
    bool goes_on = note_all(agent, store, observation, lessons) == STATUS_OK && lessons->count > 0 &&
                   store_get_incidents(store, false, lessons->told, INCIDENTS_MAX, &lessons->told_count,
                                       NULL) == STATUS_OK;
    for (size_t i = 0; goes_on && i < lessons->count; i++) {
        const struct lesson *lesson = &lessons->items[i];
        const size_t learned_before = watch->learned_count;
        for (size_t j = 0; goes_on && j < lesson->count; j++)
            goes_on = learn(agent, store, observation, lessons, lesson, &lesson->items[j]);
        if (!goes_on)
            watch->learned_count = learned_before; /* nothing was known of it before */
        goes_on = goes_on && os_mono_ms(agent->os) - begun_mono_ms < LESSONS_MS;
    }
    free(lessons);
}

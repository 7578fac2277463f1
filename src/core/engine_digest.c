/* engine_digest.c - once a day, at mail.digest, one mail that says that storewatch lives and what it sees. A
 * morning without it is a sign in itself. See engine.h. */
#include "engine_internal.h"

/* At most this often, whatever the wall clock does. */
#define DIGEST_APART_MS (12 * MS_PER_HOUR)

/* Has the wall clock passed the minute of the digest since the step before? A clock that is set by more than
 * half a day passes nothing. */
static bool digest_is_due(struct step *step)
{
    struct engine_digest *digest = &step->engine->digest;
    int before = digest->minute_before;
    bool knows_before = digest->has_minute_before;
    int now = step->clock.minute_of_day;
    digest->minute_before = now;
    digest->has_minute_before = true;
    int wanted = step->engine->config.digest_minute;
    if (wanted < 0 || !knows_before)
        return false;
    int passed = (now - before + MINUTES_PER_DAY) % MINUTES_PER_DAY;
    int to_wanted = (wanted - before + MINUTES_PER_DAY) % MINUTES_PER_DAY;
    if (passed >= MINUTES_PER_DAY / 2 || to_wanted == 0 || to_wanted > passed)
        return false;
    return !digest->told || step->clock.mono_ms - digest->told_mono_ms >= DIGEST_APART_MS;
}

static size_t open_incidents(const struct engine *engine)
{
    size_t count = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        count += engine->incidents[i].incident.id != 0;
    return count;
}

static bool ends_far(const struct detector *detector, struct verdict *out_verdict)
{
    detector_verdict(detector, out_verdict);
    return out_verdict->state == VERDICT_UNBOUNDED && incident_is_far(out_verdict);
}

static bool any_ends_far(const struct engine *engine)
{
    struct verdict verdict;
    for (size_t i = 0; i < engine->watch.count; i++)
        for (size_t m = 0; m < METRIC_COUNT; m++)
            if (engine->watch.items[i].present && engine->watch.items[i].detectors[m] &&
                ends_far(engine->watch.items[i].detectors[m], &verdict))
                return true;
    return false;
}

/* "archive (archive.exe, pid 4711): private bytes 151 MiB, bounded (flat); handles 812, bounded (flat)" */
static void add_item(struct alert *alert, const struct watched *item)
{
    char storage[2 * ALERT_LINE_MAX]; /* the alert cuts it, and says so */
    struct text line = text_on(storage, sizeof storage);
    text_add(&line, "%s", item->target);
    if (item->kind != TARGET_HOST)
        text_add(&line, " (%s, pid %u)", item->image, (unsigned)item->process.pid);
    const char *mark = ":";
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        if (!item->detectors[m])
            continue;
        struct verdict verdict;
        bool far = ends_far(item->detectors[m], &verdict);
        text_add(&line, "%s %s ", mark, metric_name((enum metric)m));
        text_add_level(&line, metric_unit((enum metric)m), item->now[m]);
        text_add(&line, ", %s", verdict_state_name(verdict.state));
        if (verdict.state != VERDICT_LEARNING)
            text_add(&line, " (%s", shape_name(verdict.shape));
        if (far)
            text_add(&line, ", but its end is more than %d years away", INCIDENT_FAR_YEARS);
        text_add(&line, verdict.state != VERDICT_LEARNING ? ")" : "");
        mark = ";";
    }
    alert_add_done(alert, "%s", storage);
}

/* What is said of those that find no room. */
#define MORE_FORMAT "\n... and %zu more: \"storewatch status\" shows all."
#define MORE_MAX (sizeof MORE_FORMAT + 8)

/* Whole lines only: as many as there is room for. */
static void add_incidents(struct text *text, const struct engine *engine, size_t open)
{
    for (size_t i = 0, said = 0; i < INCIDENTS_MAX; i++) {
        const struct open_incident *one = &engine->incidents[i];
        const struct incident *incident = &one->incident;
        char storage[VERDICT_REASON_MAX + TARGET_NAME_MAX + ENGINE_WHO_MAX + 96];
        struct text line = text_on(storage, sizeof storage);
        if (!incident->id)
            continue;
        text_add(&line, "\nIncident %lld: %s of %s, %s", (long long)incident->id,
                 metric_name(incident->metric), incident->target, incident->reason);
        if (one->who[0])
            text_add(&line, ". Named for it: %s", one->who);
        size_t after = said + 1 < open ? MORE_MAX : 0;
        if (text->length + line.length + after >= text->capacity) {
            text_add(text, MORE_FORMAT, open - said);
            return;
        }
        text_add(text, "%s", storage);
        said++;
    }
}

static void say_summary(struct step *step, struct alert *alert)
{
    struct engine *engine = step->engine;
    struct text text = text_on(alert->text, sizeof alert->text);
    size_t open = open_incidents(engine), present = 0;
    for (size_t i = 0; i < engine->watch.count; i++)
        present += engine->watch.items[i].present && engine->watch.items[i].kind != TARGET_HOST;
    const char *down = restart_service_down(&engine->restart);
    if (down)
        text_add(&text, "%s is DOWN after a restart, storewatch keeps trying\n", down);
    if (open)
        text_add(&text, "%zu incident%s open", open, open == 1 ? " is" : "s are");
    else if (engine->blind)
        text_add(&text, "The counters cannot be read");
    else if (any_ends_far(engine))
        text_add(&text, "Nothing grows towards an end within %d years", INCIDENT_FAR_YEARS);
    else
        text_add(&text, "Nothing grows without bound");
    text_add(&text, "\n%zu program%s watched.", present, present == 1 ? " is" : "s are");
    if (engine->watch.left_out)
        text_add(&text, " %zu more found no room.", engine->watch.left_out);
    text_add(&text, " ");
    text_add_count(&text, (double)engine->look_count);
    text_add(&text, " look%s since storewatch started, ", engine->look_count == 1 ? "" : "s");
    if (engine->failed_look_count) {
        text_add(&text, "of which ");
        text_add_count(&text, (double)engine->failed_look_count);
    } else {
        text_add(&text, "none");
    }
    text_add(&text, " failed.");
    if (engine->maintenance_until_utc_ms > step->clock.utc_ms) {
        text_add(&text, "\nMaintenance until ");
        text_add_time_human(&text, engine->maintenance_until_utc_ms);
        text_add(&text, ": nothing is restarted.");
    }
    add_incidents(&text, engine, open);
}

/* What is open was told, each with what to do: no digest of it says "nothing". */
static void say_what_to_do(const struct engine *engine, struct alert *alert)
{
    size_t open = open_incidents(engine) + (restart_service_down(&engine->restart) != NULL) + engine->blind;
    if (open)
        alert_add_todo(alert,
                       "Do what the latest alert of %s says. \"storewatch status\" shows how it stands now.",
                       open == 1 ? "it" : "each of these");
}

/* The number of the local day. Clocks are up to 10 h behind UTC or less than 14 h before it; the few others
 * have no summer time, and count a day more or less all the year. */
static int64_t local_day(const struct clock *clock)
{
    int64_t ahead_min = clock->minute_of_day - clock->utc_ms / MS_PER_MINUTE % MINUTES_PER_DAY;
    ahead_min += ahead_min < -10 * 60 ? MINUTES_PER_DAY : ahead_min >= 14 * 60 ? -MINUTES_PER_DAY : 0;
    return (clock->utc_ms + ahead_min * MS_PER_MINUTE) / MS_PER_DAY;
}

void step_follow_digest(struct step *step)
{
    struct engine *engine = step->engine;
    /* Without room the minute has not passed yet: the next step tells it. */
    if (!step_room_to_tell(step) || !digest_is_due(step))
        return;
    struct alert *alert = step_alert_begin(step, ALERT_DIGEST);
    if (!alert)
        return;
    engine->digest.told = true;
    engine->digest.told_mono_ms = step->clock.mono_ms;
    /* The day is the key: a clock that is set back, or a restart of storewatch, sends no second one. */
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld", alert_wording_get(ALERT_DIGEST)->name, (long long)local_day(&step->clock));
    say_summary(step, alert);
    say_what_to_do(engine, alert);
    size_t present = 0;
    for (size_t i = 0; i < engine->watch.count; i++)
        present += engine->watch.items[i].present;
    for (size_t i = 0, added = 0; i < engine->watch.count; i++) {
        if (!engine->watch.items[i].present)
            continue;
        if (added + 1 == ALERT_LINES_MAX && present > ALERT_LINES_MAX) {
            alert_add_done(alert, "... and %zu more: \"storewatch status\" shows all.", present - added);
            break;
        }
        add_item(alert, &engine->watch.items[i]);
        added++;
    }
}

/* engine_evidence.c - evidence before the first stop of a restart: when it is asked for, how long it is
 * waited for, and what is told of it. See engine.h.
 *
 * It is a courtesy to whoever looks for the cause, never a condition: it is asked for once the restart is in
 * the journal and before anything has been stopped, the pre-flight goes on meanwhile, and when its time is
 * over, or it fails, the restart goes on without it. After a crash of storewatch in between it is not asked
 * for again: the growth does not wait. */
#include "engine_internal.h"

#include <string.h>

/* For the text bundle: module lists, handle counts, a day of samples. */
#define EVIDENCE_TEXT_MS (30 * MS_PER_SECOND)
/* With less than this nothing useful can be gathered. */
#define EVIDENCE_MIN_MS (5 * MS_PER_SECOND)

/* Until the last whole minute of the window that is open now; INT64_MAX when it stays open long enough. */
static int64_t left_of_window_ms(const struct config *config, struct clock clock, int64_t enough_ms)
{
    int64_t minutes = enough_ms / MS_PER_MINUTE + 1;
    if (!config_window_open(config, clock.weekday, clock.minute_of_day))
        return INT64_MAX; /* it is urgent, or a person asked: the window does not matter */
    for (int64_t i = 1; i <= minutes; i++) {
        int64_t minute = clock.minute_of_day + i;
        if (!config_window_open(config, (int)((clock.weekday + minute / MINUTES_PER_DAY) % 7),
                                (int)(minute % MINUTES_PER_DAY)))
            return (i - 1) * MS_PER_MINUTE;
    }
    return INT64_MAX;
}

int64_t engine_evidence_budget_ms(const struct config *config, struct clock clock,
                                  int64_t exhaustion_early_utc_ms)
{
    int64_t budget_ms = EVIDENCE_TEXT_MS + (config->dump_kind == DUMP_NONE ? 0 : config->dump_time_ms);
    if (exhaustion_early_utc_ms != INT64_MAX) /* at most half of what is left */
        budget_ms = smaller(budget_ms, (exhaustion_early_utc_ms - clock.utc_ms) / 2);
    budget_ms = smaller(budget_ms, left_of_window_ms(config, clock, budget_ms));
    return budget_ms < EVIDENCE_MIN_MS ? 0 : budget_ms;
}

static void say_waiting(struct engine *engine, int64_t mono_ms)
{
    struct text text = text_on(engine->restart.waiting_for, sizeof engine->restart.waiting_for);
    text_add(&text, "evidence is gathered before the first stop, for ");
    text_add_duration(&text, engine->evidence_until_mono_ms - mono_ms);
    text_add(&text, " at the most");
}

void step_drop_evidence(struct step *step)
{
    struct engine *engine = step->engine;
    engine->evidence = EVIDENCE_NONE;
    if (engine->out.kind == ENGINE_GATHER_EVIDENCE)
        engine->out.kind = ENGINE_NOTHING;
}

static void ask(struct step *step)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    const struct open_incident *open = engine_incident_by_id(engine, journal->incident_id);
    int64_t budget_ms = engine_evidence_budget_ms(&engine->config, step->clock,
                                                  engine_deadline_utc_ms(engine, open, journal->rung));
    if (budget_ms == 0) {
        step_drop_evidence(step);
        step_tell_story(step, "no evidence is gathered: the restart cannot wait for it");
        return;
    }
    engine->evidence = EVIDENCE_ASKED;
    engine->evidence_until_mono_ms = step->clock.mono_ms + budget_ms;
    engine->out = (struct engine_request){.kind = ENGINE_GATHER_EVIDENCE, .restart_id = journal->id};
    text_copy(engine->out.service, sizeof engine->out.service, journal->target);
    step->actions->request = engine->out;
}

bool step_waits_for_evidence(struct step *step)
{
    struct engine *engine = step->engine;
    if (!restart_untouched(&engine->restart)) {
        step_drop_evidence(step);
        return false;
    }
    if (engine->evidence == EVIDENCE_WANTED && engine->out.kind == ENGINE_NOTHING)
        ask(step);
    if (engine->evidence == EVIDENCE_ASKED && step->clock.mono_ms >= engine->evidence_until_mono_ms) {
        step_drop_evidence(step);
        step_tell_story(step, "the evidence took too long; the restart goes on without waiting for it");
    }
    if (engine->evidence != EVIDENCE_NONE) {
        say_waiting(engine, step->clock.mono_ms);
        return true;
    }
    /* Time has passed: what is decided now rests on a look that began after it. */
    return step->observation->mono_ms < engine->evidence_done_mono_ms;
}

/* A line of the answer is a line of the story. */
static void tell_lines(struct step *step, const char *words)
{
    while (*words) {
        size_t length = strcspn(words, "\n");
        step_tell_story(step, "%.*s", (int)length, words);
        words += length + (words[length] == '\n');
    }
}

void step_evidence_told(struct step *step, const struct engine_request *request, enum status status,
                        const struct err *err)
{
    struct engine *engine = step->engine;
    if (engine->evidence != EVIDENCE_ASKED || request->restart_id != engine->restart.journal.id)
        return; /* it came too late, or the restart was called off: what was gathered lies where it lies */
    step_drop_evidence(step);
    engine->evidence_done_mono_ms = step->clock.mono_ms;
    if (status == STATUS_OK)
        tell_lines(step, err ? err->text : "");
    else
        step_tell_story(step, "no evidence: %s", err && err->text[0] ? err->text : status_text(status));
}

/* engine_culprit.c - asks who makes the machine or the store grow, once a slot of the growers while an
 * incident about it is open, and what the ladder may make of the answer. See culprit.h. */
#include "engine_internal.h"

#include <string.h>

/* After the client's restart the store is left alone until its growth has shown that it goes on: it has grown
 * by what counts as growth, and by so much of what its rate foretells, */
#define GOES_ON 0.5
/* over this part of the verdict's window, or of the time that is left when that is shorter. */
#define PROOF_WINDOW 0.5
#define PROOF_LEFT 0.25

static bool is_asked(const struct incident *incident)
{
    if (incident->target_kind == TARGET_HOST)
        return incident->metric == METRIC_COMMIT || incident->metric == METRIC_PAGED_POOL ||
               incident->metric == METRIC_NONPAGED_POOL;
    return incident->target_kind == TARGET_STORE &&
           (incident->metric == METRIC_PRIVATE_BYTES || incident->metric == METRIC_HANDLES);
}

/* What the history keeps of the ranking when the incident ends, which may be long after a restart: who was
 * named last. Saved at once, because storewatch itself may end. */
static void remember_who(struct step *step, struct open_incident *open)
{
    const struct culprit_ranking *ranking = &open->ranking;
    char who[ENGINE_WHO_MAX];
    struct text text = text_on(who, sizeof who);
    for (size_t i = 0; i < ranking->count; i++)
        if (culprit_is_named(ranking, i)) {
            text_add(&text, "%s", i == 0 ? "" : ranking->either ? " or " : " and ");
            text_add_culprit(&text, &ranking->items[i]);
        }
    text_add(&text, ", %s", culprit_confidence_name(culprit_named_confidence(ranking)));
    text_tell_cut(&text);
    if (strcmp(open->who, who) == 0)
        return;
    text_copy(open->who, sizeof open->who, who);
    step_save_incident(step, &open->incident);
}

/* After a restart of storewatch, or of the one that was named, nobody may stand out. */
static void add_who_was_named(struct open_incident *open)
{
    struct culprit_ranking *ranking = &open->ranking;
    struct text text = {
        .data = ranking->words, .capacity = sizeof ranking->words, .length = strlen(ranking->words)};
    text_add(&text, " Named for it before: %s.", open->who);
    text_tell_cut(&text);
}

void engine_restore_who(struct engine *engine, int64_t incident_id, const char *who)
{
    struct open_incident *open = engine_incident_by_id(engine, incident_id);
    if (open && !open->who[0])
        text_copy(open->who, sizeof open->who, who);
}

/* What had been seen may be gone (a reload with another min_window, a younger onset): who was named by it
 * stays named until there is as much again, or somebody else is. */
static bool knows_less(const struct culprit_ranking *now, const struct culprit_ranking *before)
{
    return culprit_is_named(before, 0) && !culprit_is_named(now, 0) &&
           now->to_mono_ms - now->from_mono_ms < before->to_mono_ms - before->from_mono_ms;
}

/* Has one of those named ended meanwhile: by hand, as the mail advises, or by itself? */
static bool has_named_one_ended(const struct step *step, const struct open_incident *open)
{
    const struct observation *observation = step->observation;
    if (!observation->processes_known || observation->processes_cut)
        return false;
    for (size_t i = 0; open->ranked && i < open->ranking.count; i++) {
        const struct culprit *culprit = &open->ranking.items[i];
        const struct process *process = observation_process(observation, culprit->process.pid);
        if (culprit_is_named(&open->ranking, i) && !culprit_is_gone(culprit) &&
            !(process && process_id_equal(process->id, culprit->process)))
            return true;
    }
    return false;
}

void step_rank(struct step *step, struct open_incident *open, int64_t onset_mono_ms)
{
    struct engine *engine = step->engine;
    const bool ended = has_named_one_ended(step, open);
    /* While it pauses nobody makes it grow: who was named when it did stays so. */
    const bool is_old = open->ranked && open->ranked_slot != engine->growers.slot &&
                        !incident_pauses(&open->incident, open->hardly_grows);
    if (!is_asked(&open->incident) || (open->ranked && !is_old && !ended))
        return;
    open->named_one_ended |= ended;
    struct culprit_question question = {.metric = open->incident.metric,
                                        .process = open->incident.process,
                                        .onset_mono_ms = onset_mono_ms,
                                        .warm_up_ms = engine->config.warm_up_ms};
    struct culprit_known known[CULPRIT_KNOWN_MAX];
    size_t count = culprit_known_of(&engine->watch, &engine->ended, known);
    struct culprit_ranking ranking;
    culprit_rank(&engine->growers, &question, known, count, &ranking);
    if (!open->ranked || ended || !knows_less(&ranking, &open->ranking))
        open->ranking = ranking;
    for (size_t i = 0; i < open->ranking.count; i++)
        open->named_one_ended |=
            culprit_is_named(&open->ranking, i) && culprit_is_gone(&open->ranking.items[i]);
    open->ranked = true;
    open->ranked_slot = engine->growers.slot;
    if (culprit_is_named(&open->ranking, 0))
        remember_who(step, open);
    else if (open->who[0])
        add_who_was_named(open);
}

/* Was one restarted for the store, or is about to be? */
static bool is_client_tried(const struct open_incident *open)
{
    return open->incident.target_kind == TARGET_STORE &&
           open->incident.rungs_tried & (1u << RUNG_RESTART_CLIENT);
}

/* Or was it restarted by hand, or has ended by itself? Only the first time counts: one that ends again and
 * again would keep the ladder waiting for ever. */
static bool is_suspect_gone(const struct open_incident *open)
{
    return is_client_tried(open) || (open->incident.target_kind == TARGET_STORE && open->named_one_ended);
}

/* The verdict's level is behind, by an hour after days of growth: what was added meanwhile is none of what is
 * added from now on. */
static double reading_or_level(struct engine *engine, const struct incident *incident)
{
    const struct watched *item = watch_find(&engine->watch, incident->process);
    return item ? fmax(item->now[incident->metric], incident->level_now) : incident->level_now;
}

void step_follow_tried_client(struct step *step, struct open_incident *open)
{
    struct engine *engine = step->engine;
    const struct restart_journal *journal = &engine->restart.journal;
    /* On its way up. One that is turned back, of the next suspect, says nothing about the growth. */
    bool under_way = engine_restarting(engine) && journal->incident_id == open->incident.id &&
                     journal->phase != RESTART_STOPPING && !journal->stop_failed;
    if (!is_suspect_gone(open)) {
        open->client_tried_mono_ms = 0;
    } else if (open->client_tried_mono_ms == 0 || under_way) {
        open->client_tried_mono_ms = step->clock.mono_ms;
        open->client_tried_level = reading_or_level(engine, &open->incident);
    }
}

/* What the store has to grow by to have grown at all since then: less when less is left, or it would end
 * before. Its rate alone proves nothing: once the growth has ended the rate sinks to nothing, and so does what
 * it foretells, long before the verdict says that it is over. */
static double least_proof(const struct config *config, const struct open_incident *open)
{
    const struct incident *incident = &open->incident;
    double least =
        metric_unit(incident->metric) == UNIT_BYTES ? config->min_growth_bytes : config->min_handles;
    return fmin(least, PROOF_LEFT * (incident->limit - open->client_tried_level)); /* NAN: no limit */
}

/* Is it still open whether the client's restart has ended the store's growth? */
static bool is_proof_awaited(const struct step *step, const struct open_incident *open)
{
    const struct incident *incident = &open->incident;
    if (!is_suspect_gone(open) || open->client_tried_mono_ms == 0)
        return false;
    int64_t since_ms = step->clock.mono_ms - open->client_tried_mono_ms;
    double wanted_ms = PROOF_WINDOW * (double)step->engine->config.min_window_ms;
    if (incident->exhaustion_early_utc_ms != INT64_MAX)
        wanted_ms = fmin(wanted_ms, PROOF_LEFT * (double)(incident->exhaustion_early_utc_ms -
                                                          step->clock.utc_ms + since_ms));
    double foretold = incident->slope_low_per_hour * (double)since_ms / (double)MS_PER_HOUR;
    double proof = fmax(GOES_ON * foretold, least_proof(&step->engine->config, open));
    return (double)since_ms < wanted_ms || incident->level_now - open->client_tried_level < proof;
}

/* Was it there before its incident was opened? Who was restarted for it, or for one just before, was not. */
static bool is_older(const struct culprit *culprit, const struct incident *incident)
{
    return process_created_utc_ms(culprit->process) < incident->opened_utc_ms;
}

/* The registered client to be restarted first: of those named, at least likely, the first that can be
 * restarted by itself. Once one was tried, only one that was not. */
static const struct culprit *client_of(const struct engine *engine, const struct open_incident *open)
{
    bool tried = is_client_tried(open);
    for (size_t i = 0; open->ranked && i < open->ranking.count; i++) {
        const struct culprit *culprit = &open->ranking.items[i];
        if (culprit_is_named(&open->ranking, i) && !culprit_is_gone(culprit) && culprit->watched &&
            culprit->kind == TARGET_CLIENT && culprit->service[0] &&
            !text_equal_nocase(culprit->service, engine->config.store_service) &&
            !engine_had_turn(open, culprit->service) && (!tried || is_older(culprit, &open->incident)))
            return culprit;
    }
    return NULL;
}

struct policy_suspect step_suspect(const struct step *step, const struct open_incident *open)
{
    const struct culprit *client = client_of(step->engine, open);
    const struct culprit_ranking *ranking = &open->ranking;
    const char *surely = "";
    bool waits =
        !policy_is_urgent(&step->engine->config, step->clock, open->incident.exhaustion_early_utc_ms);
    bool attempted = client && step_attempts(step, open, RUNG_RESTART_CLIENT, client->service).count > 0;
    if (client)
        surely = culprit_confidence_name(culprit_how_surely(ranking, client));
    return (struct policy_suspect){.target = client ? client->target : "",
                                   .service = client ? client->service : "",
                                   .surely = surely,
                                   .another = client && is_client_tried(open) && (waits || !attempted),
                                   .proof_awaited = is_proof_awaited(step, open)};
}

/* engine_internal.h - what engine.c (the entries), engine_tell.c, engine_incidents.c, engine_attempts.c,
 * engine_restart.c and others share. step_ functions are parts of one step; engine_ functions here only look
 * something up or keep it. */
#ifndef STOREWATCH_ENGINE_INTERNAL_H
#define STOREWATCH_ENGINE_INTERNAL_H

#include "storewatch/engine.h"

/* One call of an entry: what it was given and where its answer goes. */
struct step {
    struct engine *engine;
    const struct observation *observation;
    struct clock clock;
    struct actions *actions;
};

/* engine_tell.c */
void step_save_incident(struct step *step, const struct incident *incident);
/* The service as this look shows it; NULL when it shows none of that name, or no services at all. */
const struct service *step_service(const struct step *step, const char *name);
bool step_room_to_tell(const struct step *step);
struct alert *step_alert_begin(struct step *step, enum alert_kind kind);
struct watched *engine_successor(struct engine *engine, const struct incident *incident);
struct alert *step_alert_incident(struct step *step, enum alert_kind kind, struct open_incident *open);
void engine_add_story(const struct engine *engine, struct alert *alert);

/* engine_culprit.c */
/* Asks who makes it grow, when its incident is one of those and a slot has passed since the last time. */
void step_rank(struct step *step, struct open_incident *open, int64_t onset_mono_ms);
/* Remembers when the restart of a client for the store's incident was over. Once a sample. */
void step_follow_tried_client(struct step *step, struct open_incident *open);
/* What the ranking has to say to the ladder; lends from the incident. */
struct policy_suspect step_suspect(const struct step *step, const struct open_incident *open);

/* engine_digest.c */
void step_follow_digest(struct step *step);

/* engine_incidents.c */
/* The open one about this metric of this process; `target` NULL: under whatever name. NULL: none. */
struct open_incident *engine_incident_of(struct engine *engine, struct process_id process, const char *target,
                                         enum metric metric);
struct open_incident *engine_free_slot(struct engine *engine);
struct open_incident *engine_incident_by_id(struct engine *engine, int64_t id);
struct ladder_memory *engine_ladder_memory(struct engine *engine, const char *target);
void engine_remember_ladder(struct engine *engine, const struct incident *incident, int64_t mono_ms);
/* Is the growth over, now that the verdict is `bounded`? The detector has hysteresis of its own. But one that
 * was rebuilt after a restart of storewatch and has not seen the growth itself must say so for as long as a
 * verdict takes before it is believed, and the level must not rise on meanwhile. */
bool engine_growth_is_over(const struct engine *engine, struct open_incident *open,
                           const struct verdict *verdict, int64_t mono_ms);
/* May its end be nearer than urgent_before? */
bool step_is_urgent(const struct step *step, const struct verdict *verdict);
void step_adopt_registered(struct step *step);
void step_follow_gone(struct step *step);
void step_follow_unnamed(struct step *step);
void step_follow_incidents(struct step *step);
void engine_mark_needed(struct engine *engine);

/* engine_stopped.c */
/* The alert tells that its incident's service is STOPPED. */
void engine_note_stopped(struct engine *engine, const struct alert *alert, struct actions *actions);
void step_follow_stopped(struct step *step);
/* Of what a person took over from a restart. Saves the journal of that one: at the end of a step, when no other goes on. */
void step_follow_handed_over(struct step *step);
/* Was it told that a person took the service over from a restart, and not yet that it runs again? */
bool engine_gave_up(const struct engine *engine, const char *service);

/* engine_space.c */
void step_follow_spaces(struct step *step);
/* Is what a process loses of its address space told already, or about to be, by another incident? */
bool step_space_is_explained(struct step *step, struct watched *item, enum metric metric,
                             const struct verdict *verdict);
/* Has growth that was told stopped because its process has no block of address space left to grow into? That is the end
 * that was foreseen and no recovery: then `verdict`, which says `bounded`, is made to say so. */
bool step_stands_at_end(const struct step *step, const struct watched *item, const struct open_incident *open,
                        struct verdict *verdict);
/* Of the limits that the process' growth runs into, the incident, as its `own` verdict has just updated it,
 * names the nearest. */
void step_name_nearest_end(struct step *step, struct incident *incident, const struct verdict *own);

/* engine_evidence.c */
bool step_waits_for_evidence(struct step *step);
void step_drop_evidence(struct step *step);
void step_evidence_told(struct step *step, const struct engine_request *request, enum status status,
                        const struct err *err);

/* engine_attempts.c */
bool engine_turned_back_or_called_off(const struct restart_journal *journal);
/* One more attempt to restart this service was turned back, or could not be planned: `why`. After the last
 * one its rung counts as used; a suspect of the store has had its turn. */
void engine_count_attempt(struct open_incident *open, enum rung rung, const char *service, const char *why,
                          int64_t mono_ms);
/* The restart that has just ended was called off or turned back: what it leaves behind in incident and
 * budget. */
void step_settle_attempt(struct step *step);
/* What became of the stop, and when the next attempt is made. */
void step_add_attempt_words(const struct step *step, struct alert *alert);
struct policy_attempts step_attempts(const struct step *step, const struct open_incident *open,
                                     enum rung rung, const char *service);
/* A store whose end is near does not wait for a client whose restart was turned back or cannot be planned. */
struct incident step_as_the_ladder_sees(const struct open_incident *other, bool store_is_urgent);
void engine_restore_attempts(struct engine *engine, const struct restart_journal *journals, size_t count,
                             int64_t mono_ms);
/* Of the store's growth: this client was restarted for it, or no plan can be made for that. */
void engine_end_turn(struct open_incident *open, const char *service);
/* Has the client had its turn, or is there none left? */
bool engine_had_turn(const struct open_incident *open, const char *service);

/* engine_restart.c */
/* An alert about this restart, and its incident where that is open. `service`: which the alert is about. */
struct alert *step_alert_of_restart(struct step *step, enum alert_kind kind,
                                    const struct restart_journal *journal, const char *service);

/* engine_decide.c */
/* What the policy is asked with, but for plan and attempts. */
void engine_policy_facts(const struct engine *engine, int64_t exhaustion_early_utc_ms,
                         struct policy_facts *facts);
/* The early bound of the end that a restart for this incident has to come before; INT64_MAX = not foreseeable
 * (or `open` NULL). The store waits for its leaking client, so that one's own has no more time than the
 * store. */
int64_t engine_deadline_utc_ms(const struct engine *engine, const struct open_incident *open, enum rung rung);
/* Would a restart for this incident be allowed now? If not, incident.held_because says why, and *out_failed
 * which check holds it back, if it is one. *out_wanted is the restart that is due, held back or not. */
bool step_consider(struct step *step, struct open_incident *open, struct restart_journal *out_wanted,
                   enum check *out_failed);
/* It is seen to grow right now: what has stopped, or was given back, wants no restart, and what grew before
 * storewatch was restarted is not acted on before it is seen to grow again. False of a free slot. */
bool engine_grows_now(const struct open_incident *open);
void step_decide(struct step *step);
void step_refuse_plan(struct step *step, enum check failed, const char *why);
void step_decide_with_graph(struct step *step);

/* engine_restart.c */
/* A sentence for the mails and an event for the log. */
void step_tell_story(struct step *step, const char *format, ...) PRINTF_LIKE(2, 3);
/* An alert about the restart, in its incident's thread when it has one that is still open. */
struct alert *step_alert_restart(struct step *step, enum alert_kind kind);
/* One request at a time is out. */
void step_ask(struct step *step, enum engine_request_kind kind, const char *service);
void step_follow_restart(struct step *step);
void step_tell_terminated(struct step *step, const char *service);

#endif

/* policy.h - may we restart now, and what? Pure answers with their reasons.
 *
 * The pre-flight is a fixed list of checks, each with a reason in words: `plan` prints it, the engine obeys
 * it and re-checks it just before the first stop, and the alert quotes the first check that holds a restart
 * back. */
#ifndef STOREWATCH_POLICY_H
#define STOREWATCH_POLICY_H

#include "storewatch/config.h"
#include "storewatch/incident.h"
#include "storewatch/restart.h"
#include "storewatch/sample.h"
#include "storewatch/watch.h"

/* The time, as an argument: nothing in core reads a clock. weekday 0 = Monday, minute_of_day 0-1439, local.
 */
struct clock {
    int64_t mono_ms, utc_ms;
    int weekday, minute_of_day;
};
/* What a time of the monotonic clock has to be shifted by to be one of the wall clock, as that is set now. */
static inline int64_t clock_shift_ms(struct clock clock)
{
    return clock.utc_ms - clock.mono_ms;
}

/* In the order in which they are shown; the first that fails is the reason given. */
#define CHECK_LIST(X)                                                                                        \
    X(MODE, "mode")                                                                                          \
    X(DRY_RUN, "dry run")                                                                                    \
    X(MAINTENANCE, "maintenance")                                                                            \
    X(SHUTDOWN, "system shutdown")                                                                           \
    X(CLUSTER, "cluster")                                                                                    \
    X(SIGHT, "sight of the services")                                                                        \
    X(VETO, "veto processes")                                                                                \
    X(BUDGET, "budget")                                                                                      \
    X(INTERVAL, "minimum interval")                                                                          \
    X(WINDOW, "window")                                                                                      \
    X(JOURNAL, "restart journal")                                                                            \
    X(PLAN, "plan")

enum check {
#define CHECK_ENUM(name, text) CHECK_##name,
    CHECK_LIST(CHECK_ENUM)
#undef CHECK_ENUM
        CHECK_COUNT
};
const char *check_name(enum check check);

struct check_result {
    bool passed;
    char text[200]; /* why, in words; also for a check that passed */
};

struct preflight {
    bool passed;
    enum check first_failed; /* meaningful unless passed */
    struct check_result results[CHECK_COUNT];
};

/* The attempts to restart this service that were turned back before it was stopped; count 0 = none. */
struct policy_attempts {
    uint32_t count;
    uint32_t called_off; /* how many were, besides those */
    int64_t age_ms;      /* of the last one's end */
    const char *why;     /* lent */
};

struct policy_facts {
    bool by_hand; /* asked for by a person: mode, window and budget do not hold it back, and are only told */
    bool dry_run;
    bool journal_writable;
    bool blind; /* several looks in a row, or for as long as several take, did not see what runs */
    int64_t maintenance_until_utc_ms; /* 0 = none */
    const struct budget_entry *budget;
    size_t budget_count;
    int64_t exhaustion_early_utc_ms; /* of the incident; INT64_MAX = not foreseeable */
    const struct restart_plan *plan; /* NULL: not made (see plan_error) */
    const struct err *plan_error;    /* status OK: not tried yet, the check passes as "not made yet" */
    struct policy_attempts attempts; /* with CHECK_INTERVAL */
};

void policy_preflight(const struct config *config, const struct observation *observation, struct clock clock,
                      const struct policy_facts *facts, struct preflight *out_preflight);

/* May the process of a hung client be ended now (see restart_may_terminate for whose)? The restart goes on
 * already, so its budget, interval and window hold no more; all that forbids a stop does, and so does mode
 * "alert", even when a person asked for the restart. *out_why (>= 160 bytes): what forbids it, "" = nothing.
 */
bool policy_may_terminate(const struct config *config, const struct observation *observation,
                          struct clock clock, const struct policy_facts *facts, char *out_why,
                          size_t why_capacity);

/* May the target of a restart that goes on still be stopped, now that services that need it are stopping or have
 * stopped? What was chosen meanwhile (mode, maintenance) and what began meanwhile (a veto process) keeps it up,
 * and they are started again; budget, interval and window were paid when it began, and what cannot be seen at
 * one look is no reason to turn back: only when no look in a row of several sees the processes, one of them may
 * be a veto process by now. *out_why (>= 256 bytes): what forbids it. */
bool policy_may_go_on(const struct config *config, const struct observation *observation, struct clock clock,
                      const struct policy_facts *facts, char *out_why, size_t why_capacity);

/* Of the store's growth: the registered client that the ranking of culprits names at least as likely ("" =
 * none), with the ranking's word for how surely; whether it is another one than those that were restarted for
 * it before; and whether one was and it is still open what came of that. */
struct policy_suspect {
    const char *target, *service, *surely;
    bool another;
    bool proof_awaited;
};

/* The next rung that applies to an open incident, and the service it would restart. RUNG_ALERT when there is
 * none; *out_why (>= 200 bytes) says why not. `others` are all incidents (a store waits for its leaking
 * client). A store whose growth a client is suspected of has that client restarted first. */
enum rung policy_next_rung(const struct config *config, const struct incident *incident,
                           const struct incident *others, size_t other_count,
                           const struct policy_suspect *suspect, const char **out_service, char *out_why,
                           size_t why_capacity);

/* A restart that was turned back before its target was stopped (RESTART_RESTORED: the stop was refused or
 * hung, or somebody started its dependents again and again) has not tried its rung: nobody knows whether it
 * would have ended the growth, and the next rung is the Information Store, with everybody on it. So the rung
 * is free again, and the restart is attempted again, but
 *   - not at once: what stood in the way (a backup, a locked service database, a person at work) needs time
 *     to pass. An hour, or the minimum interval if that is shorter; when the end is near half of what is
 *     left of the time, so that there is an attempt after this one; never sooner than
 *     policy_soonest_retry_ms.
 *   - not for ever: POLICY_ATTEMPTS_MAX times for a service, in one incident. What could not be stopped so
 *     often will not be, and the store cannot wait for its client without end: then the rung counts as used;
 *     of the store's suspects it has had its turn.
 *   - and within the budget: an attempt that stopped anything was a pause for somebody and counts like every
 *     restart, towards the minimum interval too. One that stopped nothing disturbed nobody: it is taken out
 *     of the budget, else refusals of one night would leave none for the restart that is needed.
 *
 * One that was called off before anything was stopped (a veto process came) is no attempt, and is begun again
 * at once. But evidence was gathered for it, and it was mailed: from the POLICY_CALL_OFFS_MAXth on, in one
 * incident, the next waits as after an attempt.
 *
 * A service that cannot be planned for because it is disabled, takes no stop control or does not run is an
 * attempt too: only people can change that, and they are told.
 *
 * While the store's own end is nearer than urgent_before, it does not wait for a client whose restart was
 * turned back or cannot be planned. A person's restart is not held back by any of this. */
#define POLICY_ATTEMPTS_MAX 3
#define POLICY_CALL_OFFS_MAX 3
int64_t policy_attempt_wait_ms(const struct config *config, struct clock clock,
                               int64_t exhaustion_early_utc_ms);
/* After a restart that could not be begun the decision is taken anew after some polls, a minute at the most.
 */
int64_t policy_soonest_retry_ms(const struct config *config);

/* What is open is told of again after `mail.reminder`. What is not urgent and ends later than ten times that needs
 * no second mail so soon: it is told again when a tenth of the time up to this early bound of its end has passed,
 * but once a day at least; so it is when no end is foreseen (INT64_MAX). A longer `mail.reminder` stays as it is. */
#define POLICY_REMINDER_PART 10
#define POLICY_REMINDER_MAX_MS MS_PER_DAY
int64_t policy_reminder_wait_ms(const struct config *config, struct clock clock,
                                int64_t exhaustion_early_utc_ms);

/* The veto process that this look shows; NULL = none. Lent by the configuration. */
const char *policy_veto_running(const struct config *config, const struct observation *observation);

/* Is the early bound of the exhaustion (INT64_MAX = not foreseeable) nearer than urgent_before? */
bool policy_is_urgent(const struct config *config, struct clock clock, int64_t exhaustion_early_utc_ms);

/* Ages the budget by observed time and drops entries that no configuration can ask for (a reload may make the
 * period longer). */
void policy_age_budget(struct budget_entry *entries, size_t *count, int64_t elapsed_ms);
/* How many restarts count now. *out_known: none of them only because a lost budget counts as spent. */
uint32_t policy_spent(const struct config *config, const struct budget_entry *entries, size_t count,
                      bool *out_known);
/* Puts one in; where there is no room the oldest goes. */
void policy_put_budget(struct budget_entry *entries, size_t *count, const struct budget_entry *entry);

/* Does the configuration know this rung, and the service as one that is restarted on it? */
bool policy_knows_rung(const struct config *config, enum rung rung, const char *service);
/* What needs a client stops with it, and that may be the Information Store: then the restart is one of the
 * store, whatever the rung is called, and wants that in the ladder. Returns what forbids the plan on this
 * rung; NULL = nothing does. */
const char *policy_plan_forbidden(const struct config *config, enum rung rung,
                                  const struct restart_plan *plan);

/* When a restart for an incident with this early bound of its exhaustion is planned: minutes from now, 0 =
 * now. Every restart costs users a pause and many leaks last for weeks, so it is the last window that opens
 * before the early bound less urgent_before, and an unknown bound (INT64_MAX) means the next window. Beyond
 * PLAN_AHEAD_MAX_MS nothing is planned: asked again and again, as each poll does, a bound that is further off
 * is answered with another window about so far ahead, until it is nearer. */
#define PLAN_AHEAD_MAX_MS (7 * MS_PER_DAY)
int64_t policy_minutes_to_restart(const struct config *config, struct clock clock,
                                  int64_t exhaustion_early_utc_ms);

/* Minutes until a window opens; 0 = open now or none configured. */
int64_t policy_minutes_to_window(const struct config *config, int weekday, int minute_of_day);

#endif

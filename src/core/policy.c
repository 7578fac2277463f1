/* policy.c - see policy.h. */
#include "storewatch/policy.h"

#include <string.h>

#define MINUTES_PER_WEEK (7 * MINUTES_PER_DAY)
#define ATTEMPT_WAIT_MS MS_PER_HOUR
#define RETRY_POLLS 10
#define RETRY_MS MS_PER_MINUTE

const char *check_name(enum check check)
{
    static const char *const names[CHECK_COUNT] = {
#define CHECK_NAME(name, text) text,
        CHECK_LIST(CHECK_NAME)
#undef CHECK_NAME
    };
    return names[check];
}

/* The minute of its days at which it opens. */
static int opens_at(const struct config_window *window)
{
    return window->from_minute == window->to_minute ? 0 : window->from_minute; /* the same: the whole day */
}

int64_t policy_minutes_to_window(const struct config *config, int weekday, int minute_of_day)
{
    int64_t next = MINUTES_PER_WEEK; /* a configured window opens at least once a week */
    if (config_window_open(config, weekday, minute_of_day))
        return 0;
    for (size_t w = 0; w < config->window_count; w++)
        for (int day = 0; day < 7; day++) {
            const struct config_window *window = &config->windows[w];
            int64_t ahead = (day - weekday) * MINUTES_PER_DAY + opens_at(window) - minute_of_day;
            ahead = (ahead + MINUTES_PER_WEEK) % MINUTES_PER_WEEK;
            if (window->days >> day & 1 && ahead > 0 && ahead < next)
                next = ahead;
        }
    return next;
}

const char *policy_veto_running(const struct config *config, const struct observation *observation)
{
    for (size_t p = 0; p < observation->process_count; p++)
        for (size_t v = 0; v < config->veto_count; v++)
            if (process_image_is(observation->processes[p].image, config->veto_processes[v]))
                return config->veto_processes[v];
    return NULL;
}

/* The youngest counted restart; NULL without any. */
static const struct budget_entry *youngest_of(const struct policy_facts *facts)
{
    const struct budget_entry *youngest = NULL;
    for (size_t i = 0; i < facts->budget_count; i++)
        if (!youngest || facts->budget[i].age_ms < youngest->age_ms)
            youngest = &facts->budget[i];
    return youngest;
}

/* As it will be after that time. */
static uint32_t spent_in(const struct config *config, const struct budget_entry *entries, size_t count,
                         int64_t ms, bool *out_known)
{
    uint32_t spent = 0;
    *out_known = true;
    for (size_t i = 0; i < count; i++)
        if (entries[i].age_ms + ms < config->budget_per_ms) {
            spent++;
            *out_known = *out_known && entries[i].restart_id > 0;
        }
    return *out_known || spent < config->budget_max ? spent : config->budget_max;
}

uint32_t policy_spent(const struct config *config, const struct budget_entry *entries, size_t count,
                      bool *out_known)
{
    return spent_in(config, entries, count, 0, out_known);
}

/* When a spent budget has room again: when so many of its entries are out of the time it counts. */
static int64_t next_room_ms(const struct config *config, const struct budget_entry *entries, size_t count)
{
    int64_t soonest_ms = config->budget_per_ms;
    bool known;
    for (size_t i = 0; i < count; i++) {
        const int64_t wait_ms = config->budget_per_ms - entries[i].age_ms;
        if (wait_ms > 0 && wait_ms < soonest_ms &&
            spent_in(config, entries, count, wait_ms, &known) < config->budget_max)
            soonest_ms = wait_ms;
    }
    return soonest_ms;
}

struct judge {
    const struct config *config;
    const struct observation *observation;
    const struct policy_facts *facts;
    struct clock clock;
};

bool policy_is_urgent(const struct config *config, struct clock clock, int64_t exhaustion_early_utc_ms)
{
    return exhaustion_early_utc_ms != INT64_MAX &&
           exhaustion_early_utc_ms - clock.utc_ms < config->urgent_before_ms;
}

int64_t policy_soonest_retry_ms(const struct config *config)
{
    return smaller(RETRY_POLLS * config->interval_ms, RETRY_MS);
}

int64_t policy_attempt_wait_ms(const struct config *config, struct clock clock,
                               int64_t exhaustion_early_utc_ms)
{
    int64_t wait_ms = smaller(ATTEMPT_WAIT_MS, config->budget_min_interval_ms);
    if (exhaustion_early_utc_ms != INT64_MAX)
        wait_ms = smaller(wait_ms, (exhaustion_early_utc_ms - clock.utc_ms) / 2);
    int64_t soonest_ms = policy_soonest_retry_ms(config);
    return wait_ms < soonest_ms ? soonest_ms : wait_ms;
}

int64_t policy_reminder_wait_ms(const struct config *config, struct clock clock,
                                int64_t exhaustion_early_utc_ms)
{
    int64_t part_ms = POLICY_REMINDER_MAX_MS;
    if (policy_is_urgent(config, clock, exhaustion_early_utc_ms))
        return config->reminder_ms;
    if (exhaustion_early_utc_ms != INT64_MAX)
        part_ms = smaller(part_ms, (exhaustion_early_utc_ms - clock.utc_ms) / POLICY_REMINDER_PART);
    return part_ms > config->reminder_ms ? part_ms : config->reminder_ms;
}

static bool check_budget(const struct judge *judge, struct text *why)
{
    const struct config *config = judge->config;
    bool known;
    uint32_t spent = policy_spent(config, judge->facts->budget, judge->facts->budget_count, &known);
    text_add(why, "%u of %u restarts in the last ", spent, config->budget_max);
    text_add_duration(why, config->budget_per_ms);
    if (spent < config->budget_max)
        return true;
    text_add(why, ": the budget is spent%s; the next restart is possible in ",
             known ? "" : ", or counts so, because the history file that knew it was set aside");
    text_add_duration(why, next_room_ms(config, judge->facts->budget, judge->facts->budget_count));
    return judge->facts->by_hand;
}

static bool check_interval(const struct judge *judge, struct text *why)
{
    const struct policy_attempts *attempts = &judge->facts->attempts;
    int64_t early_utc_ms = judge->facts->exhaustion_early_utc_ms;
    const struct budget_entry *youngest = youngest_of(judge->facts);
    int64_t wait_ms = policy_attempt_wait_ms(judge->config, judge->clock, early_utc_ms) - attempts->age_ms;
    const bool often_called_off = attempts->called_off >= POLICY_CALL_OFFS_MAX;
    if ((attempts->count > 0 || often_called_off) && wait_ms > 0) {
        if (often_called_off)
            text_add(why, "it was begun and called off %u times, the next attempt is made in ",
                     attempts->called_off);
        else
            text_add(why, "attempt %u of %d was turned back, the next is made in ", attempts->count,
                     POLICY_ATTEMPTS_MAX);
        text_add_duration(why, wait_ms);
        text_add(why, " at the earliest: %s", attempts->why);
        return judge->facts->by_hand;
    }
    if (!youngest) {
        text_add(why, "no restart on record");
        return true;
    }
    text_add(why, youngest->restart_id > 0 ? "the last restart began "
                                           : "the last restart is not known and counts as begun ");
    text_add_duration(why, youngest->age_ms);
    text_add(why, " ago; at least ");
    text_add_duration(why, judge->config->budget_min_interval_ms);
    text_add(why, " must lie between two");
    return youngest->age_ms >= judge->config->budget_min_interval_ms || judge->facts->by_hand;
}

/* Minutes from now to the last opening of any window in (0, horizon]; 0 when there is none. */
static int64_t last_opening_within(const struct config *config, int64_t minute_of_week, int64_t horizon)
{
    int64_t last = 0;
    for (size_t w = 0; w < config->window_count; w++)
        for (int day = 0; day < 7; day++) {
            if (!(config->windows[w].days >> day & 1))
                continue;
            int64_t opens = day * MINUTES_PER_DAY + opens_at(&config->windows[w]);
            int64_t ahead = (opens - minute_of_week + MINUTES_PER_WEEK) % MINUTES_PER_WEEK;
            ahead += (horizon - ahead) / MINUTES_PER_WEEK * MINUTES_PER_WEEK;
            if (ahead > 0 && ahead <= horizon && ahead > last)
                last = ahead;
        }
    return last;
}

int64_t policy_minutes_to_restart(const struct config *config, struct clock clock,
                                  int64_t exhaustion_early_utc_ms)
{
    int64_t next = policy_minutes_to_window(config, clock.weekday, clock.minute_of_day);
    if (config->window_count == 0 || exhaustion_early_utc_ms == INT64_MAX)
        return next;
    int64_t slack_ms =
        smaller(exhaustion_early_utc_ms - clock.utc_ms - config->urgent_before_ms, PLAN_AHEAD_MAX_MS);
    int64_t minute_of_week = clock.weekday * MINUTES_PER_DAY + clock.minute_of_day;
    int64_t last = slack_ms > 0 ? last_opening_within(config, minute_of_week, slack_ms / MS_PER_MINUTE) : 0;
    return last ? last : next;
}

static void add_local_time(struct text *text, struct clock clock, int64_t minutes_ahead)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    int64_t minute = clock.weekday * MINUTES_PER_DAY + clock.minute_of_day + minutes_ahead;
    text_add(text, "%s %02lld:%02lld local time", days[minute / MINUTES_PER_DAY % 7],
             (long long)(minute / 60 % 24), (long long)(minute % 60));
}

/* Will the restart that is planned come in time, and what if not? Where nothing is urgent (urgent_before 0s)
 * before the exhaustion may be there, nothing comes before that. */
static void add_in_time(const struct judge *judge, struct text *why, int64_t minutes)
{
    const struct config *config = judge->config;
    const int64_t early_utc_ms = judge->facts->exhaustion_early_utc_ms;
    if (early_utc_ms - judge->clock.utc_ms - config->urgent_before_ms >= minutes * MS_PER_MINUTE) {
        text_add(why, ", the last window to be counted on before the projected exhaustion");
        return;
    }
    text_add(why, ", which is too late to be counted on before the projected exhaustion");
    if (config->urgent_before_ms > 0)
        text_add(why, ": it comes outside the windows then");
    else if (!policy_is_urgent(config, judge->clock, early_utc_ms))
        text_add(why, "; none comes outside the windows before that");
}

static void add_urgency(const struct config *config, struct text *why)
{
    if (config->urgent_before_ms == 0) {
        text_add(why, "; but that may have come");
        return;
    }
    text_add(why, "; but exhaustion is nearer than ");
    text_add_duration(why, config->urgent_before_ms);
}

static bool check_window(const struct judge *judge, struct text *why)
{
    static const char not_needed[] = "not needed yet, though one is open";
    const struct config *config = judge->config;
    int64_t early_utc_ms = judge->facts->exhaustion_early_utc_ms;
    bool far = early_utc_ms != INT64_MAX &&
               early_utc_ms - judge->clock.utc_ms > PLAN_AHEAD_MAX_MS + config->urgent_before_ms;
    int64_t minutes = policy_minutes_to_restart(config, judge->clock, early_utc_ms);
    bool open = policy_minutes_to_window(config, judge->clock.weekday, judge->clock.minute_of_day) == 0;
    if (config->window_count == 0) {
        text_add(why, "no windows configured: at any time");
    } else if (minutes == 0) {
        text_add(why, "a window is open");
    } else if (far) { /* planned anew until then: a time told now would not be kept */
        text_add(why, "%s; more than ", open ? not_needed : "outside the windows");
        text_add_duration(why, PLAN_AHEAD_MAX_MS);
        text_add(why,
                 " are left until the projected exhaustion: the restart is planned once fewer are, for the "
                 "last window to be counted on before it");
    } else {
        text_add(why, "%s; the restart is planned in ", open ? not_needed : "outside the windows");
        text_add_duration(why, minutes * MS_PER_MINUTE);
        text_add(why, ", ");
        add_local_time(why, judge->clock, minutes);
        if (early_utc_ms != INT64_MAX)
            add_in_time(judge, why, minutes);
    }
    if (minutes == 0)
        return true;
    if (policy_is_urgent(config, judge->clock, early_utc_ms)) {
        add_urgency(config, why);
        return true;
    }
    return judge->facts->by_hand;
}

static bool check_maintenance(const struct judge *judge, struct text *why)
{
    int64_t until = judge->facts->maintenance_until_utc_ms;
    if (until <= judge->clock.utc_ms) {
        text_add(why, "none");
        return true;
    }
    text_add(why, "on until ");
    text_add_time_human(why, until);
    return false;
}

static bool check_cluster(const struct judge *judge, struct text *why)
{
    if (!judge->observation->cluster_node) {
        text_add(why, "this is no cluster node");
        return true;
    }
    text_add(why, "this is a cluster node: a stop looks like a failure and moves the group");
    return judge->config->act_on_cluster;
}

static bool check_veto(const struct judge *judge, struct text *why)
{
    const char *veto = policy_veto_running(judge->config, judge->observation);
    const bool unknown = !veto && judge->config->veto_count > 0 && judge->observation->processes_cut;
    if (veto)
        text_add(why, "%s is running", veto);
    else if (unknown)
        text_add(why, "one may be running: there are more processes than the %d that are looked at",
                 OBSERVATION_PROCESSES_MAX);
    else
        text_add(why, "none is running");
    return !veto && !unknown;
}

static bool check_plan(const struct judge *judge, struct text *why)
{
    const struct policy_facts *facts = judge->facts;
    if (facts->plan_error && facts->plan_error->status != STATUS_OK) {
        text_add(why, "%s", facts->plan_error->text);
        return false;
    }
    if (!facts->plan)
        text_add(why, "not made yet");
    else
        text_add(why, "%zu service%s", facts->plan->count, facts->plan->count == 1 ? "" : "s");
    return true;
}

static bool judge_one(const struct judge *judge, enum check check, struct text *why)
{
    const struct observation *observation = judge->observation;
    switch (check) {
    case CHECK_MODE:
        text_add(why, judge->config->mode == MODE_ACT ? "\"act\"" : "\"alert\": storewatch only tells");
        return judge->config->mode == MODE_ACT || judge->facts->by_hand;
    case CHECK_DRY_RUN:
        text_add(why, judge->facts->dry_run ? "storewatch runs with --dry-run" : "no");
        return !judge->facts->dry_run;
    case CHECK_MAINTENANCE:
        return check_maintenance(judge, why);
    case CHECK_SHUTDOWN:
        text_add(why, observation->os_shutting_down ? "the system is shutting down" : "no");
        return !observation->os_shutting_down;
    case CHECK_CLUSTER:
        return check_cluster(judge, why);
    case CHECK_SIGHT:
        text_add(why, observation->services_known && observation->processes_known
                          ? "services and processes can be read"
                          : "services or processes cannot be read");
        return observation->services_known && observation->processes_known;
    case CHECK_VETO:
        return check_veto(judge, why);
    case CHECK_BUDGET:
        return check_budget(judge, why);
    case CHECK_INTERVAL:
        return check_interval(judge, why);
    case CHECK_WINDOW:
        return check_window(judge, why);
    case CHECK_JOURNAL:
        text_add(why, judge->facts->journal_writable
                          ? "can be written"
                          : "cannot be written: see the disk and the data directory");
        return judge->facts->journal_writable;
    case CHECK_PLAN:
        return check_plan(judge, why);
    case CHECK_COUNT:
        break;
    }
    return false;
}

void policy_preflight(const struct config *config, const struct observation *observation, struct clock clock,
                      const struct policy_facts *facts, struct preflight *out_preflight)
{
    struct judge judge = {config, observation, facts, clock};
    out_preflight->passed = true;
    out_preflight->first_failed = CHECK_COUNT;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        struct check_result *result = &out_preflight->results[i];
        struct text why = text_on(result->text, sizeof result->text);
        result->passed = judge_one(&judge, (enum check)i, &why);
        text_tell_cut(&why);
        if (!result->passed && out_preflight->passed) {
            out_preflight->passed = false;
            out_preflight->first_failed = (enum check)i;
        }
    }
}

/* The first of some checks that fails; true when none does. */
static bool passes(const struct preflight *preflight, const enum check *checks, size_t count, char *out_why,
                   size_t why_capacity)
{
    struct text why = text_on(out_why, why_capacity);
    for (size_t i = 0; i < count; i++)
        if (!preflight->results[checks[i]].passed) {
            text_add(&why, "%s: %s", check_name(checks[i]), preflight->results[checks[i]].text);
            return false;
        }
    return true;
}

bool policy_may_terminate(const struct config *config, const struct observation *observation,
                          struct clock clock, const struct policy_facts *facts, char *out_why,
                          size_t why_capacity)
{
    static const enum check checks[] = {CHECK_MODE,    CHECK_DRY_RUN, CHECK_MAINTENANCE, CHECK_SHUTDOWN,
                                        CHECK_CLUSTER, CHECK_SIGHT,   CHECK_VETO,        CHECK_JOURNAL};
    struct policy_facts strict = *facts;
    strict.by_hand = false;
    struct preflight preflight;
    policy_preflight(config, observation, clock, &strict, &preflight);
    return passes(&preflight, checks, ARRAY_COUNT(checks), out_why, why_capacity);
}

bool policy_may_go_on(const struct config *config, const struct observation *observation, struct clock clock,
                      const struct policy_facts *facts, char *out_why, size_t why_capacity)
{
    static const enum check checks[] = {CHECK_MODE, CHECK_MAINTENANCE};
    struct preflight preflight;
    policy_preflight(config, observation, clock, facts, &preflight);
    if (!passes(&preflight, checks, ARRAY_COUNT(checks), out_why, why_capacity))
        return false;
    struct text why = text_on(out_why, why_capacity);
    const char *veto = policy_veto_running(config, observation);
    if (veto) {
        text_add(&why, "%s: %s is running", check_name(CHECK_VETO), veto);
        return false;
    }
    if (facts->blind && !observation->processes_known && config->veto_count > 0) {
        text_add(&why, "%s: the processes cannot be read, one of these may be running",
                 check_name(CHECK_VETO));
        return false;
    }
    return true;
}

static bool tried(const struct incident *incident, enum rung rung)
{
    return (incident->rungs_tried >> rung) & 1u;
}

static bool in_ladder(const struct config *config, enum rung rung)
{
    for (size_t i = 0; i < config->ladder_count; i++)
        if (config->ladder[i] == rung)
            return true;
    return false;
}

/* The client that is suspected of the store's growth, unless its restart has been tried for its own. */
static bool suspect_applies(const struct policy_suspect *suspect, const struct incident *others, size_t count)
{
    bool applies = suspect->service[0] != '\0';
    for (size_t i = 0; i < count && applies; i++)
        if (others[i].state != INCIDENT_CLOSED && others[i].target_kind == TARGET_CLIENT &&
            text_equal_nocase(others[i].service, suspect->service))
            applies = !tried(&others[i], RUNG_RESTART_CLIENT);
    return applies;
}

/* A leaking client that can still be restarted by itself: cheaper than the store, and the likelier cause. */
static const struct incident *client_first(const struct config *config, const struct incident *others,
                                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct incident *other = &others[i];
        if (other->id && other->state != INCIDENT_CLOSED && other->target_kind == TARGET_CLIENT &&
            other->service[0] && !tried(other, RUNG_RESTART_CLIENT) && in_ladder(config, RUNG_RESTART_CLIENT))
            return other;
    }
    return NULL;
}

static bool rung_applies(const struct config *config, const struct incident *incident, enum rung rung,
                         const char **out_service)
{
    switch (rung) {
    case RUNG_RESTART_CLIENT:
        *out_service = incident->service;
        return incident->target_kind == TARGET_CLIENT && incident->service[0];
    case RUNG_RESTART_STORE:
        *out_service = config->store_service;
        return incident->target_kind == TARGET_CLIENT || incident->target_kind == TARGET_STORE;
    case RUNG_ALERT:
    case RUNG_COUNT:
        break;
    }
    return false;
}

enum rung policy_next_rung(const struct config *config, const struct incident *incident,
                           const struct incident *others, size_t other_count,
                           const struct policy_suspect *suspect, const char **out_service, char *out_why,
                           size_t why_capacity)
{
    struct text why = text_on(out_why, why_capacity);
    if (incident->target_kind == TARGET_DISCOVERED || incident->target_kind == TARGET_HOST) {
        text_add(
            &why, "%s",
            incident->target_kind == TARGET_HOST
                ? "the growth is the machine's; a watched process that causes it gets an alert of its own"
                : "the program is not registered in the configuration");
        return RUNG_ALERT;
    }
    if (incident->target_kind == TARGET_STORE) {
        const struct incident *client = client_first(config, others, other_count);
        if (client) {
            text_add(&why, "the leaking client %s comes first%s%s", client->target,
                     client->held_because[0] ? ", and waits: " : "", client->held_because);
            return RUNG_ALERT;
        }
        if (suspect->proof_awaited) {
            text_add(&why,
                     "who was named for it was restarted or has ended; whether that ended the growth is not "
                     "known yet");
            return RUNG_ALERT;
        }
        if (in_ladder(config, RUNG_RESTART_CLIENT) &&
            (suspect->another || !tried(incident, RUNG_RESTART_CLIENT)) &&
            suspect_applies(suspect, others, other_count)) {
            *out_service = suspect->service;
            return RUNG_RESTART_CLIENT;
        }
    }
    for (size_t i = 0; i < config->ladder_count; i++) {
        enum rung rung = config->ladder[i];
        if (!tried(incident, rung) && rung_applies(config, incident, rung, out_service))
            return rung;
    }
    text_add(&why, "%s",
             incident->rungs_tried & ~(1u << RUNG_ALERT)
                 ? "every rung of the ladder has been tried, or cannot be"
                 : "no acting rung of the ladder applies");
    return RUNG_ALERT;
}

bool policy_knows_rung(const struct config *config, enum rung rung, const char *service)
{
    bool known = rung == RUNG_RESTART_STORE && text_equal_nocase(service, config->store_service);
    for (size_t i = 0; i < config->client_count; i++)
        known |= rung == RUNG_RESTART_CLIENT && text_equal_nocase(service, config->clients[i].service);
    return known && in_ladder(config, rung);
}

const char *policy_plan_forbidden(const struct config *config, enum rung rung,
                                  const struct restart_plan *plan)
{
    if (rung != RUNG_RESTART_CLIENT || in_ladder(config, RUNG_RESTART_STORE))
        return NULL;
    return restart_plan_find(plan, config->store_service) == NULL
               ? NULL
               : "the Information Store needs it and would be stopped, too, and actions.ladder has no "
                 "\"restart_store\"";
}

void policy_put_budget(struct budget_entry *entries, size_t *count, const struct budget_entry *entry)
{
    size_t at = *count;
    if (*count < BUDGET_ENTRIES_MAX)
        (*count)++;
    else
        for (size_t i = at = 0; i < *count; i++)
            if (entries[i].age_ms > entries[at].age_ms)
                at = i;
    entries[at] = *entry;
}

void policy_age_budget(struct budget_entry *entries, size_t *count, int64_t elapsed_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        entries[i].age_ms += elapsed_ms;
        if (entries[i].age_ms < CONFIG_BUDGET_MAX_MS)
            entries[kept++] = entries[i];
    }
    *count = kept;
}

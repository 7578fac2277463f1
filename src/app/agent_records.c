/* agent_records.c - what a step leaves behind: records into the pending transaction, events and mails into
 * their queues. See agent.c for the invariants. */
#include "agent_internal.h"

#include "storewatch/advice.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static void put_sample(struct agent *agent, const struct watched *item, enum metric metric, int64_t utc_ms)
{
    struct transaction *pending = agent->pending;
    if (pending->sample_count == TRANSACTION_SAMPLES_MAX) {
        size_t dropped = TRANSACTION_SAMPLES_MAX / 4;
        memmove(pending->samples, pending->samples + dropped,
                (TRANSACTION_SAMPLES_MAX - dropped) * sizeof pending->samples[0]);
        pending->sample_count -= dropped;
        agent->samples_dropped += dropped;
    }
    struct pending_sample *sample = &pending->samples[pending->sample_count++];
    sample->key.target_kind = item->kind;
    text_copy(sample->key.target, sizeof sample->key.target, item->target);
    text_copy(sample->key.image, sizeof sample->key.image, item->image);
    sample->key.process = item->process;
    sample->key.metric = metric;
    sample->utc_ms = utc_ms;
    sample->value = item->now[metric];
    agent->pending_dirty = true;
}

void agent_put_samples(struct agent *agent, int64_t utc_ms)
{
    const struct watch *watch = &agent->engine->watch;
    for (size_t i = 0; i < watch->count; i++)
        for (size_t m = 0; m < METRIC_COUNT; m++)
            if (watch->items[i].present && watch->items[i].pushed[m])
                put_sample(agent, &watch->items[i], (enum metric)m, utc_ms);
}

bool transaction_set_capacity(struct transaction *transaction, size_t capacity)
{
    if (transaction->incident_capacity == capacity)
        return true;
    struct incident *resized = realloc(transaction->incidents, capacity * sizeof transaction->incidents[0]);
    if (!resized)
        return false;
    transaction->incidents = resized;
    transaction->incident_capacity = capacity;
    return true;
}

static bool room_for_incident(struct transaction *transaction)
{
    return transaction->incident_count < transaction->incident_capacity ||
           (transaction_set_capacity(transaction, TRANSACTION_INCIDENTS_MAX) &&
            transaction->incident_count < TRANSACTION_INCIDENTS_MAX);
}

/* The oldest that has ended and is in no file yet: only the history lacks it then. Of one that is in the file
 * the next life would tell the end again. There is one: no more can be open than find room. */
static struct incident *incident_worth_least(const struct agent *agent, struct transaction *transaction)
{
    struct incident *least = transaction->incidents;
    int least_rank = INT_MAX;
    for (size_t i = 0; i < transaction->incident_count; i++) {
        struct incident *incident = &transaction->incidents[i];
        const int rank = incident->state != INCIDENT_CLOSED         ? 2
                         : incident->id <= agent->saved_incident_id ? 1
                                                                    : 0;
        if (rank < least_rank || (rank == least_rank && incident->id < least->id)) {
            least = incident;
            least_rank = rank;
        }
    }
    return least;
}

static void tell_incidents_dropped(struct agent *agent)
{
    agent->incidents_dropped++;
    if (agent->incidents_told)
        return;
    agent->incidents_told = true;
    agent_tell(
        agent, ALERT_STORE_FAILING,
        "More incidents than there is room for wait for the history file. Of those that have ended the "
        "oldest will be missing in it; that they began and ended was told all the same.");
}

void agent_put_incident(struct agent *agent, struct transaction *transaction, const struct incident *incident)
{
    for (size_t i = 0; i < transaction->incident_count; i++)
        if (transaction->incidents[i].id == incident->id) {
            transaction->incidents[i] = *incident;
            return;
        }
    if (room_for_incident(transaction)) {
        transaction->incidents[transaction->incident_count++] = *incident;
        return;
    }
    *incident_worth_least(agent, transaction) = *incident;
    tell_incidents_dropped(agent);
}

/* Who makes it grow, with each transition of its incident while it is open. Nobody never takes the place of
 * who was named before. Without memory the next transition will do. */
void agent_put_culprits(struct agent *agent, int64_t incident_id)
{
    const struct open_incident *open = agent->engine->incidents, *end = open + INCIDENTS_MAX;
    while (open < end && open->incident.id != incident_id)
        open++;
    if (open == end || !open->ranked)
        return;
    bool named = culprit_is_named(&open->ranking, 0);
    char *words = named || !open->who[0]
                      ? culprit_record_make(open, os_utc_ms(agent->os) - os_mono_ms(agent->os))
                      : NULL;
    if (!words)
        return;
    char **slot = &agent->pending->culprits[culprit_record_slot(incident_id)];
    free(*slot);
    *slot = words;
}

/* The event log does not take them: the oldest that only informs goes, else the oldest. */
static void drop_an_event(struct agent *agent)
{
    size_t victim = 0;
    for (size_t i = 0; i < agent->event_count; i++)
        if (alert_wording_get(agent->events[i].kind)->severity == SEVERITY_INFORMATION) {
            victim = i;
            break;
        }
    agent->events_dropped++;
    agent->event_count--;
    memmove(agent->events + victim, agent->events + victim + 1,
            (agent->event_count - victim) * sizeof agent->events[0]);
}

static void put_event(struct agent *agent, const struct alert *alert)
{
    if (agent->event_count == EVENTS_MAX)
        drop_an_event(agent);
    struct event_line *line = &agent->events[agent->event_count++];
    line->kind = alert->kind;
    struct text text = text_on(line->text, sizeof line->text);
    report_event(alert, &text);
    struct recent_event *recent = &agent->recent[agent->recent_next++ % RECENT_EVENTS_MAX];
    recent->utc_ms = alert->utc_ms;
    recent->kind = alert->kind;
    /* Progress says it in its own words; the first line of the others says it all. */
    struct text words = text_on(recent->text, sizeof recent->text);
    const char *said = alert->kind == ALERT_RESTART_PROGRESS ? alert->text : line->text;
    text_add(&words, "%.*s", (int)strcspn(said, "\n"), said);
}

/* The newer record of the same restart wins; where there is no room for another one the oldest goes. */
void transaction_put_restart(struct transaction *transaction, const struct restart_journal *journal)
{
    size_t at = 0;
    while (at < transaction->restart_count && transaction->restarts[at].id != journal->id)
        at++;
    if (at == TRANSACTION_RESTARTS_MAX) {
        memmove(transaction->restarts, transaction->restarts + 1, --at * sizeof transaction->restarts[0]);
        transaction->restart_count--;
    }
    transaction->restarts[at] = *journal;
    if (at == transaction->restart_count)
        transaction->restart_count++;
}

static void take_mail_out(struct transaction *transaction, size_t at)
{
    mail_deinit(&transaction->mails[at].mail);
    transaction->mail_count--;
    memmove(transaction->mails + at, transaction->mails + at + 1,
            (transaction->mail_count - at) * sizeof transaction->mails[0]);
}

/* NULL: it is not there. */
static struct pending_mail *find_pending_mail(struct transaction *transaction, const char *key)
{
    for (size_t i = 0; i < transaction->mail_count; i++)
        if (strcmp(transaction->mails[i].mail.key, key) == 0)
            return &transaction->mails[i];
    return NULL;
}

void transaction_note_outcome(struct transaction *flying, const struct mail_outcome *outcome)
{
    struct pending_mail *mail = find_pending_mail(flying, outcome->key);
    if (!mail)
        return;
    mail->attempts = outcome->attempts;
    mail->refused_utc_ms = outcome->refused_utc_ms;
    mail->lets_pass = outcome->lets_pass;
    mail->done = outcome->state != MAIL_PENDING;
}

/* Of a mail that waits there still, because it left from memory, nothing needs to be noted for the file: it is
 * in none. */
static bool note_in_memory(struct transaction *transaction, const struct mail_outcome *outcome)
{
    struct pending_mail *mail = find_pending_mail(transaction, outcome->key);
    if (!mail)
        return false;
    if (outcome->state != MAIL_PENDING) {
        take_mail_out(transaction, (size_t)(mail - transaction->mails));
        return true;
    }
    transaction_note_outcome(transaction, outcome);
    return true;
}

/* The newer one of a mail wins. agent_take_mail_job sees to it that there is room. */
void transaction_put_outcome(struct transaction *transaction, const struct mail_outcome *outcome)
{
    if (note_in_memory(transaction, outcome))
        return;
    size_t at = 0;
    while (at < transaction->outcome_count && strcmp(transaction->outcomes[at].key, outcome->key) != 0)
        at++;
    if (at == TRANSACTION_OUTCOMES_MAX)
        return;
    transaction->outcomes[at] = *outcome;
    transaction->outcome_count += at == transaction->outcome_count;
}

/* Where there is no room for all, what only repeats goes first, then what informs (an end, too: it is told
 * in no other mail), then the oldest. */
static int worth(enum alert_kind kind)
{
    if (kind == ALERT_REMINDER || kind == ALERT_DIGEST)
        return 0;
    return alert_wording_get(kind)->severity == SEVERITY_INFORMATION ? 1 : 2;
}

/* The oldest of those that are worth least; `count` > 0. */
static size_t mail_worth_least(const struct transaction *transaction)
{
    size_t least = 0;
    for (size_t i = 1; i < transaction->mail_count; i++)
        if (worth(transaction->mails[i].kind) < worth(transaction->mails[least].kind))
            least = i;
    return least;
}

static size_t unwritten_worth_least(const struct agent *agent)
{
    size_t least = 0;
    for (size_t i = 1; i < agent->unwritten_count; i++)
        if (worth(agent->unwritten[i].kind) < worth(agent->unwritten[least].kind))
            least = i;
    return least;
}

/* Neither the store nor a relay has taken anything for long: of both together one goes. */
void agent_drop_a_mail(struct agent *agent, struct transaction *older, struct transaction *newer)
{
    struct transaction *from = older->mail_count ? older : newer;
    if (older->mail_count && newer->mail_count &&
        worth(newer->mails[mail_worth_least(newer)].kind) < worth(older->mails[mail_worth_least(older)].kind))
        from = newer;
    take_mail_out(from, mail_worth_least(from));
    agent->mails_dropped++;
}

static bool mail_configured(const struct config *config)
{
    return config->recipient_count > 0 && config->relay_count > 0;
}

/* False without memory for a mail. */
static bool put_mail(struct agent *agent, const struct alert *alert)
{
    struct transaction *pending = agent->pending;
    struct mail mail;
    if (report_mail(alert, agent->engine->config.subject_prefix, &mail) != STATUS_OK)
        return false;
    if (pending->mail_count == TRANSACTION_MAILS_MAX) {
        if (worth(alert->kind) < worth(pending->mails[mail_worth_least(pending)].kind)) {
            agent->mails_dropped++;
            mail_deinit(&mail);
            return true;
        }
        agent_drop_a_mail(agent, pending, pending);
    }
    struct pending_mail *queued = &pending->mails[pending->mail_count++];
    *queued = (struct pending_mail){.mail = mail,
                                    .kind = alert->kind,
                                    .incident_id = alert->has_incident ? alert->incident.id : 0,
                                    .utc_ms = alert->utc_ms};
    agent->pending_dirty = true;
    agent->mail_may_wait = true;
    if (mail_severity(&queued->mail, alert->kind) == SEVERITY_ERROR)
        agent_hurry_mail(agent, queued->incident_id);
    return true;
}

void agent_write_mails(struct agent *agent)
{
    size_t written = 0;
    while (written < agent->unwritten_count && put_mail(agent, &agent->unwritten[written]))
        written++;
    if (written == 0)
        return;
    agent->unwritten_count -= written;
    memmove(agent->unwritten, agent->unwritten + written,
            agent->unwritten_count * sizeof agent->unwritten[0]);
}

/* There has been no memory for a mail for long. False when what comes now is worth less than any of them. */
static bool drop_an_unwritten(struct agent *agent, enum alert_kind coming)
{
    size_t victim = unwritten_worth_least(agent);
    agent->mails_dropped++;
    if (worth(coming) < worth(agent->unwritten[victim].kind))
        return false;
    agent->unwritten_count--;
    memmove(agent->unwritten + victim, agent->unwritten + victim + 1,
            (agent->unwritten_count - victim) * sizeof agent->unwritten[0]);
    return true;
}

void agent_put_alert(struct agent *agent, const struct alert *alert)
{
    put_event(agent, alert);
    if (!alert_wording_get(alert->kind)->mailed || !mail_configured(&agent->engine->config))
        return;
    agent_write_mails(agent); /* order: those from before go first */
    if (agent->unwritten_count == 0 && put_mail(agent, alert))
        return;
    if (agent->unwritten_count == UNWRITTEN_MAX && !drop_an_unwritten(agent, alert->kind))
        return;
    agent->unwritten[agent->unwritten_count++] = *alert;
}

static void tell(struct agent *agent, enum alert_kind kind, const char *text, long long unique)
{
    struct alert *alert = agent->own;
    memset(alert, 0, sizeof *alert);
    alert->kind = kind;
    alert->utc_ms = os_utc_ms(agent->os);
    text_copy(alert->host_name, sizeof alert->host_name, agent->facts.host_name);
    text_copy(alert->text, sizeof alert->text, text);
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "%s-%lld", alert_wording_get(kind)->name, unique);
    advice_add(alert, &agent->engine->config, false);
    agent_put_alert(agent, alert);
}

/* An alert of the agent's own: about itself, not about the machine. */
void agent_tell(struct agent *agent, enum alert_kind kind, const char *text)
{
    tell(agent, kind, text, (long long)os_utc_ms(agent->os));
}

/* The same, but the same text is mailed once only, however often the service starts: the outbox takes a key
 * once (FNV-1a, 63 bits of it). The event is written each time. */
void agent_tell_once(struct agent *agent, enum alert_kind kind, const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *c = text; *c; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    tell(agent, kind, text, (long long)(hash >> 1));
}

void transaction_put_stopped(struct transaction *transaction, const struct engine *engine)
{
    transaction->has_stopped = true;
    for (size_t i = 0; i < TOLD_STOPPED_MAX; i++)
        transaction->stopped_ids[i] = engine->stopped[i].incident.id;
}

void transaction_put_budget(struct transaction *transaction, const struct engine *engine)
{
    transaction->has_budget = true;
    transaction->budget_count = engine->budget_count;
    memcpy(transaction->budget, engine->budget, engine->budget_count * sizeof engine->budget[0]);
}

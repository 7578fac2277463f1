/* agent_mail.c - which mail goes next, and what came of it: one at a time, those of an incident in order. See
 * agent.c for the invariants. */
#include "agent_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAIL_BACKOFF_FIRST_MS (5 * MS_PER_SECOND)
#define MAIL_BACKOFF_LAST_MS (10 * MS_PER_MINUTE)

/* Is the MAIL lane free for a mail that may lie in the outbox? */
bool agent_wants_a_mail(const struct agent *agent, int64_t mono_ms)
{
    return agent->mail_may_wait && !agent->mail_ready && !agent->jobs[LANE_MAIL].busy &&
           (mono_ms >= agent->mail_retry_mono_ms || agent->mail_hurry) && !agent->stopping;
}

static bool is_among(const int64_t *incidents, size_t count, int64_t incident_id)
{
    for (size_t i = 0; incident_id && i < count; i++)
        if (incidents[i] == incident_id)
            return true;
    return false;
}

/* Each once; also 0, for all mails that are of no incident. False when there is no room. */
static bool put_among(int64_t incidents[MAIL_INCIDENTS_MAX], size_t *count, int64_t incident_id)
{
    size_t at = 0;
    while (at < *count && incidents[at] != incident_id)
        at++;
    if (at == MAIL_INCIDENTS_MAX)
        return false;
    incidents[at] = incident_id;
    *count += at == *count;
    return true;
}

void agent_hurry_mail(struct agent *agent, int64_t incident_id)
{
    agent->mail_hurry = true;
    put_among(agent->hurried_incidents, &agent->hurried_count, incident_id);
}

static void begin_mail_round(struct agent *agent)
{
    agent->mail_round++;
    agent->mail_after_id = 0;
    agent->held_count = 0;
}

static void follow_hurry(struct agent *agent)
{
    if (!agent->mail_hurry)
        return;
    agent->mail_hurry = false;
    agent->mail_retry_mono_ms = 0; /* for the whole round: the error may not be the first of it */
    begin_mail_round(agent);
}

int64_t agent_next_mail_after(struct agent *agent)
{
    follow_hurry(agent);
    return agent->mail_after_id;
}

/* A round over the outbox, or over what leaves from memory, ends with something left in it: the next begins
 * when the back-off has passed. */
void agent_end_mail_round(struct agent *agent)
{
    begin_mail_round(agent);
    agent->mail_may_wait = true;
    agent->mail_backoff_ms = agent->mail_backoff_ms ? agent->mail_backoff_ms * 2 : MAIL_BACKOFF_FIRST_MS;
    if (agent->mail_backoff_ms > MAIL_BACKOFF_LAST_MS)
        agent->mail_backoff_ms = MAIL_BACKOFF_LAST_MS;
    agent->mail_retry_mono_ms = os_mono_ms(agent->os) + agent->mail_backoff_ms;
}

/* An error that was queued in an earlier life of storewatch, behind what the cap holds back: this life did not
 * know of its hurry. Once for each incident: it may be a relay that keeps what comes before it. */
static void hurry_skipped_mail(struct agent *agent, const struct outbox_entry *entry)
{
    if (entry->severity == SEVERITY_ERROR &&
        !is_among(agent->hurried_incidents, agent->hurried_count, entry->incident_id) &&
        put_among(agent->hurried_incidents, &agent->hurried_count, entry->incident_id))
        agent->mail_hurry = true;
}

void agent_take_loaded_mail(struct agent *agent, struct job *job)
{
    agent->mails_pending = job->mails_pending;
    if (job->after_id != agent->mail_after_id || agent->pending->outcome_count > 0) {
        /* A round ended while this one was loaded, and with it what of the earlier mails is held back. Or it
         * left from memory while the commit hung. */
        if (job->mail_found)
            outbox_entry_deinit(&job->entry);
        job->mail_found = false;
        agent->mail_may_wait = true;
        return;
    }
    if (!job->mail_found) {
        if (agent->held_count > 0 || job->load_failed) {
            agent_end_mail_round(agent);
            return;
        }
        agent->mail_after_id = 0;
        /* Before the last one that was sent there is none, unless the file is another one meanwhile. */
        agent->mail_may_wait = agent->pending->mail_count > 0 || job->after_id > 0;
        if (!agent->mail_may_wait)
            agent->hurried_count = 0;
        return;
    }
    job->mail_found = false;
    if (is_among(agent->held_incidents, agent->held_count, job->entry.incident_id)) {
        agent->mail_after_id = job->entry.id; /* its incident has an earlier mail to be tried again: order */
        hurry_skipped_mail(agent, &job->entry);
        outbox_entry_deinit(&job->entry);
        return;
    }
    agent->next_mail = job->entry;
    agent->mail_ready = true;
}

/* The cap of mails an hour never delays an error: it exists against floods, not against news. Nor does an
 * error use it up: a flood of errors would keep back what tells of a leak. */
static bool cap_applies(const struct agent *agent, enum severity severity, int64_t incident_id)
{
    return severity != SEVERITY_ERROR &&
           !is_among(agent->hurried_incidents, agent->hurried_count, incident_id);
}

static bool cap_allows(const struct agent *agent, enum severity severity, int64_t incident_id)
{
    uint32_t max = agent->engine->config.max_per_hour;
    if (max == 0 || !cap_applies(agent, severity, incident_id))
        return true;
    size_t ring = ARRAY_COUNT(agent->sent_mono_ms);
    int64_t hour_ago = os_mono_ms(agent->os) - MS_PER_HOUR;
    uint32_t sent = 0;
    for (size_t i = 0; i < ring; i++)
        sent += agent->sent_mono_ms[i] != 0 && agent->sent_mono_ms[i] > hour_ago;
    return sent < max && sent < ring;
}

static bool copy_text(const char *text, char **out_copy)
{
    *out_copy = text ? strdup(text) : NULL;
    return !text || *out_copy;
}

/* While the history file cannot be written, or is not open yet, mails leave from memory: news of a full or
 * hanging disk must not wait for it. They keep their place among those to be saved until they have arrived:
 * the disk may work again before that. */
static bool mails_leave_from_memory(const struct agent *agent)
{
    return agent->store_failing || !agent->opened;
}

/* Those of a commit that does not return come before those that were queued since. */
static struct pending_mail *mail_in_memory(struct agent *agent, size_t at)
{
    const size_t older = agent->flying->mail_count;
    return at < older ? &agent->flying->mails[at] : &agent->pending->mails[at - older];
}

/* Does an earlier mail of its incident wait, and it has to come first? */
static bool waits_behind_another(struct agent *agent, size_t at)
{
    const int64_t incident_id = mail_in_memory(agent, at)->incident_id;
    for (size_t i = 0; incident_id && i < at; i++) {
        const struct pending_mail *earlier = mail_in_memory(agent, i);
        if (earlier->incident_id == incident_id && !earlier->lets_pass && !earlier->done)
            return true;
    }
    return false;
}

/* The first that is due: as with those in the outbox, one that is to be tried again, or that the cap holds
 * back, keeps only what its own incident says next. NULL: none; *out_tried: some were tried in this round. */
static struct pending_mail *find_mail_in_memory(struct agent *agent, bool *out_tried)
{
    const size_t count = agent->flying->mail_count + agent->pending->mail_count;
    *out_tried = false;
    for (size_t i = 0; i < count; i++) {
        struct pending_mail *waiting = mail_in_memory(agent, i);
        if (waiting->done)
            continue;
        if (waiting->tried_round == agent->mail_round)
            *out_tried = true;
        else if (!waits_behind_another(agent, i) &&
                 cap_allows(agent, mail_severity(&waiting->mail, waiting->kind), waiting->incident_id))
            return waiting;
    }
    return NULL;
}

static bool take_mail_from_memory(struct agent *agent)
{
    if (!mails_leave_from_memory(agent) || agent->flying->mail_count + agent->pending->mail_count == 0)
        return false;
    follow_hurry(agent);
    if (os_mono_ms(agent->os) < agent->mail_retry_mono_ms)
        return false;
    bool tried;
    struct pending_mail *found = find_mail_in_memory(agent, &tried);
    if (!found && tried)
        agent_end_mail_round(agent);
    if (!found)
        return false;
    struct outbox_entry entry = {.incident_id = found->incident_id,
                                 .kind = found->kind,
                                 .severity = mail_severity(&found->mail, found->kind),
                                 .attempts = found->attempts,
                                 .queued_utc_ms = found->utc_ms,
                                 .refused_utc_ms = found->refused_utc_ms,
                                 .mail = found->mail};
    bool copied = copy_text(found->mail.plain, &entry.mail.plain);
    copied &= copy_text(found->mail.html, &entry.mail.html);
    if (!copied) {
        outbox_entry_deinit(&entry);
        return false;
    }
    found->tried_round = agent->mail_round;
    agent->next_mail = entry;
    agent->mail_ready = true;
    return true;
}

/* What came of the mail before is not in the file yet, and the one that was loaded may be the same: it is
 * loaded again, behind that. */
static void unload_mail(struct agent *agent)
{
    bool noted = agent->pending->outcome_count > 0 || agent->flying->outcome_count > 0;
    if (!agent->mail_ready || !noted)
        return;
    outbox_entry_deinit(&agent->next_mail);
    agent->mail_ready = false;
    agent->mail_may_wait = true;
}

/* Behind a mail that the cap holds back there may be an error, which it does not hold back. Later mails of
 * the same incident wait behind it: order. */
static void pass_over_mail(struct agent *agent)
{
    if (agent->next_mail.id == 0)
        return; /* from memory: tried again at the next look */
    agent->mail_after_id = agent->next_mail.id;
    agent->mail_may_wait = true;
    if (!put_among(agent->held_incidents, &agent->held_count, agent->next_mail.incident_id))
        agent_end_mail_round(agent);
    outbox_entry_deinit(&agent->next_mail);
    agent->mail_ready = false;
}

bool agent_take_mail_job(struct agent *agent, struct job *job)
{
    unload_mail(agent);
    if (agent->pending->outcome_count + agent->flying->outcome_count >= TRANSACTION_OUTCOMES_MAX)
        return false; /* what came of it could not be noted */
    if (agent->stopping || (!agent->mail_ready && !take_mail_from_memory(agent)))
        return false;
    if (!cap_allows(agent, agent->next_mail.severity, agent->next_mail.incident_id)) {
        pass_over_mail(agent);
        return false;
    }
    job->kind = JOB_MAIL;
    job->sending = agent->next_mail;
    job->config = agent->mail_config;
    agent->mail_ready = false;
    return true;
}

void agent_mail_done(struct agent *agent, struct job *job)
{
    const struct mail_outcome *outcome = &job->outcome;
    bool from_memory = job->sending.id == 0;
    text_copy(agent->mail_answer, sizeof agent->mail_answer, outcome->answer);
    transaction_note_outcome(agent->flying, outcome);
    transaction_put_outcome(agent->pending, outcome);
    agent->pending_dirty = true;
    if (outcome->state == MAIL_PENDING && from_memory) {
        if (!job->relay_answered || !mails_leave_from_memory(agent))
            agent_end_mail_round(agent);
        outbox_entry_deinit(&job->sending);
        return;
    }
    agent->mail_may_wait = true;
    if (outcome->state == MAIL_PENDING) {
        agent->mail_after_id = job->sending.id;
        /* When no relay can be reached the others need not be tried either. */
        if (!job->relay_answered || !put_among(agent->held_incidents, &agent->held_count,
                                               outcome->lets_pass ? 0 : job->sending.incident_id))
            agent_end_mail_round(agent);
    } else {
        agent->mail_after_id = job->sending.id;
        agent->mail_backoff_ms = 0;
        agent->mails_sent += outcome->state == MAIL_SENT;
        agent->mails_dead += outcome->state == MAIL_DEAD;
        if (outcome->state == MAIL_SENT &&
            cap_applies(agent, job->sending.severity, job->sending.incident_id))
            agent->sent_mono_ms[agent->sent_next++ % ARRAY_COUNT(agent->sent_mono_ms)] =
                os_mono_ms(agent->os);
    }
    outbox_entry_deinit(&job->sending);
}

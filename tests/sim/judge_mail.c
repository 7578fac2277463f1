/* judge_mail.c - the judge of R5: the mails as they come, and at the end what the file says of them, of the
 * restarts and of itself (R6). What each check looks at stands at the top of judge.c. */
#include "sim.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAILED_MAX_MS (20 * MS_PER_MINUTE) /* twice the longest back-off */
#define PUT_OFF_MAX 10                     /* tries of a mail that the next of its incident wait for */
#define CALLED_OFF_MAX 12 /* restarts for one incident; a reload or a person calls off one or two */

/* ---- what arrives ---- */

static struct judge_key *key_find(const char *key)
{
    for (size_t i = 0; i < judge()->key_count; i++)
        if (strcmp(judge()->keys[i].key, key) == 0)
            return &judge()->keys[i];
    return NULL;
}

/* "i12-3.REMINDER.1763781245123" */
static bool key_parse(const char *key, long long *out_incident, unsigned *out_number, long long *out_opened)
{
    const char *dot = strrchr(key, '.');
    return dot && sscanf(key, "i%lld-%u.", out_incident, out_number) == 2 &&
           sscanf(dot + 1, "%lld", out_opened) == 1;
}

/* Of those that left from the outbox. */
static unsigned highest_number(long long incident, long long opened)
{
    unsigned highest = 0;
    for (size_t i = 0; i < judge()->key_count; i++) {
        long long other = 0, other_opened = 0;
        unsigned number = 0;
        if (!judge()->keys[i].from_memory &&
            key_parse(judge()->keys[i].key, &other, &number, &other_opened) && other == incident &&
            other_opened == opened && number > highest)
            highest = number;
    }
    return highest;
}

static void check_order(const char *key)
{
    long long incident = 0, opened = 0;
    unsigned number = 0;
    if (!key_parse(key, &incident, &number, &opened))
        return;
    unsigned before = highest_number(incident, opened);
    if (number <= before)
        judge_fail("R5", "mail %s comes after mail %u of its incident", key, before);
}

/* The mail with that key is known from here on: its place among those of its incident is judged now. NULL when
 * there is no room. */
static struct judge_key *key_know(const char *key)
{
    struct judge_key *known = key_find(key);
    if (known)
        return known;
    if (judge()->key_count == JUDGE_KEYS_MAX) {
        judge_fail("R8", "more than %d mails", JUDGE_KEYS_MAX);
        return NULL;
    }
    check_order(key);
    known = &judge()->keys[judge()->key_count++];
    *known = (struct judge_key){.delivered = 0};
    text_copy(known->key, sizeof known->key, key);
    return known;
}

static bool key_of(const char *message, char key[MAIL_KEY_MAX])
{
    static const char header[] = "\r\nX-Storewatch-Key: ";
    const char *at = strstr(message, header);
    if (!at) {
        judge_fail("R5", "a mail without a key");
        return false;
    }
    at += strlen(header);
    snprintf(key, MAIL_KEY_MAX, "%.*s", (int)strcspn(at, "\r"), at);
    return true;
}

/* A relay answers, but does not take it. After so many tries those behind it may overtake it. (From memory it has
 * overtaken those before it in the outbox itself: that is no place of its own.) */
void judge_mail_is_put_off(const char *message)
{
    const struct outbox_entry *sending = &sim->lanes[LANE_MAIL].job->sending;
    char key[MAIL_KEY_MAX];
    if (key_of(message, key) && sending->id != 0 && sending->attempts + 1 >= PUT_OFF_MAX)
        key_know(key);
}

/* For so many earlier ones it says that it stands. */
static int replaces_of(const char *message)
{
    static const char header[] = "\r\nX-Storewatch-Replaces: ";
    const char *at = strstr(message, header);
    return at ? atoi(at + strlen(header)) : 0;
}

void judge_mail(const char *message, bool refused)
{
    char key[MAIL_KEY_MAX];
    judge()->checks++;
    if (!key_of(message, key))
        return;
    story("mail %s%s", key, refused ? " is refused" : "");
    judge()->downs_mailed += strstr(key, "SERVICE_DOWN") != NULL;
    struct judge_key *known = key_know(key);
    if (!known)
        return;
    known->from_memory |= sim->lanes[LANE_MAIL].job->sending.id == 0;
    if (refused) {
        known->refused = true;
        return;
    }
    known->replaces = replaces_of(message);
    if (known->delivered++ == 0 || known->from_memory)
        return; /* the failed commit of one that left from memory may be found done after a power cut */
    judge()->duplicates++;
    if (judge()->duplicates > judge()->duplicates_allowed)
        judge_fail("R5",
                   "mail %s comes a second time, and storewatch ended only %u times with a mail on its way",
                   key, judge()->duplicates_allowed);
}

/* storewatch ends while a mail is on its way. One that left from memory, because the disk failed, may be in
 * no file. */
void judge_mail_is_cut_off(const struct job *job)
{
    if (job->sending.id != 0 || key_find(job->sending.mail.key) || judge()->key_count == JUDGE_KEYS_MAX)
        return;
    struct judge_key *lost = &judge()->keys[judge()->key_count++];
    *lost = (struct judge_key){.refused = true, .from_memory = true};
    text_copy(lost->key, sizeof lost->key, job->sending.mail.key);
}

static bool number_arrived(int64_t incident, int64_t opened_utc_ms, unsigned wanted)
{
    for (size_t i = 0; i < judge()->key_count; i++) {
        const struct judge_key *known = &judge()->keys[i];
        long long id = 0, opened = 0;
        unsigned number = 0;
        if ((known->delivered > 0 || known->refused) && key_parse(known->key, &id, &number, &opened) &&
            id == incident && opened == opened_utc_ms && number == wanted)
            return true;
    }
    return false;
}

/* ---- what has to arrive soon ---- */

/* Also by a job that began while it was slow, and takes its time. */
static bool is_slow(enum lane lane)
{
    const struct lane_state *state = &sim->lanes[lane];
    return sim->slow_ms[lane] > 0 || (state->job && state->done_ms - true_ms() > MS_PER_MINUTE);
}

/* Is something wrong with the way of a mail, from storewatch to its relay? */
static bool mails_are_held_up(void)
{
    bool held_up =
        !sim->agent || sim->stopping || judge_disk_is_bad() || is_slow(LANE_STORE) || is_slow(LANE_MAIL);
    for (size_t i = 0; i < SIM_RELAYS; i++)
        held_up |= sim->os.relays[i] != RELAY_WORKS;
    return held_up;
}

/* R5: that a service is down is mailed soon, whatever else there was to tell. */
void judge_follow_news(void)
{
    if (judge()->downs_mailed >= judge()->downs_told || mails_are_held_up())
        judge()->down_told_ms = true_ms();
    else if (true_ms() - judge()->down_told_ms > MAILED_MAX_MS)
        judge_fail("R5", "that a service is down is not mailed for %lld min",
                   (long long)MAILED_MAX_MS / MS_PER_MINUTE);
}

/* ---- the end: the file is read with SQLite alone, not with the code that wrote it ---- */

static sqlite3_stmt *ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        judge_fail("R6", "the history cannot be read: %s", sqlite3_errmsg(db));
    return statement;
}

static void asked(sqlite3 *db, sqlite3_stmt *statement)
{
    if (sqlite3_finalize(statement) != SQLITE_OK)
        judge_fail("R6", "the history cannot be read: %s", sqlite3_errmsg(db));
}

static void check_file(sqlite3 *db)
{
    sqlite3_stmt *statement = ask(db, "PRAGMA integrity_check(1)");
    if (sqlite3_step(statement) != SQLITE_ROW ||
        strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        judge_fail("R6", "the file is not sound: %s", sqlite3_errmsg(db));
    asked(db, statement);
}

/* The file says of a mail that a later one stands for it: that one has arrived, and says so of as many at least. */
static void check_replaced(sqlite3 *db)
{
    sqlite3_stmt *statement = ask(
        db,
        "SELECT (SELECT key FROM outbox AS later WHERE instr(earlier.last_answer, later.key) AND later.id >"
        " earlier.id AND later.incident_id = earlier.incident_id ORDER BY length(key) DESC), count(*)"
        " FROM outbox AS earlier WHERE state = 'replaced' GROUP BY 1");
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        const struct judge_key *later = key ? key_find(key) : NULL;
        if (!later || later->delivered == 0 || later->replaces < sqlite3_column_int(statement, 1))
            judge_fail("R5", "%d mails were replaced by %s, which %s", sqlite3_column_int(statement, 1),
                       key ? key : "nothing", later && later->delivered ? "does not say so" : "never came");
    }
    asked(db, statement);
}

static bool is_replaced(sqlite3 *db, int64_t incident, int64_t opened_utc_ms, unsigned number)
{
    char glob[80];
    snprintf(glob, sizeof glob, "i%lld-%u.*.%lld", (long long)incident, number, (long long)opened_utc_ms);
    sqlite3_stmt *statement = ask(db, "SELECT 1 FROM outbox WHERE state = 'replaced' AND key GLOB ?");
    sqlite3_bind_text(statement, 1, glob, -1, SQLITE_STATIC);
    const bool found = sqlite3_step(statement) == SQLITE_ROW;
    asked(db, statement);
    judge()->replaced += found;
    return found;
}

static void check_mails(sqlite3 *db)
{
    /* What was found out only while it stopped is for its next life to mail. */
    sqlite3_stmt *statement =
        ask(db, "SELECT count(*) FROM outbox WHERE state = 'pending' AND queued_utc_ms < ?");
    sqlite3_bind_int64(statement, 1, sim->end_utc_ms);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) > 0)
        judge_fail("R5", "%d mails are left in the outbox", sqlite3_column_int(statement, 0));
    asked(db, statement);
    check_replaced(db);
    if (sim->damaged) /* with mails that waited in it */
        return;
    /* With no memory for long some reminders were dropped; how it began is never among them. */
    uint64_t missing_allowed = sim->may_fail ? judge()->dropped : 0;
    statement = ask(db, "SELECT id, opened_utc_ms, told_count, target FROM incident");
    while (sqlite3_step(statement) == SQLITE_ROW) {
        int64_t id = sqlite3_column_int64(statement, 0), opened = sqlite3_column_int64(statement, 1);
        unsigned told = (unsigned)sqlite3_column_int(statement, 2);
        for (unsigned number = 1; number <= told; number++) {
            if (number_arrived(id, opened, number) || is_replaced(db, id, opened, number))
                continue;
            if (number > 1 && missing_allowed > 0)
                missing_allowed--;
            else
                judge_fail("R5", "mail %u of incident %lld (%s, %u in all) never came", number, (long long)id,
                           (const char *)sqlite3_column_text(statement, 3), told);
        }
    }
    asked(db, statement);
}

/* Distinct mails of a kind that arrived. */
static int mails_of(const char *kind)
{
    int count = 0;
    for (size_t i = 0; i < judge()->key_count; i++)
        count += strstr(judge()->keys[i].key, kind) != NULL;
    return count;
}

/* What a restart came to is told in the transaction that says it: of each such restart a mail has arrived. */
static void check_told(sqlite3 *db, const char *which, const char *kind)
{
    char sql[120];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM restart WHERE %s", which);
    sqlite3_stmt *statement = ask(db, sql);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) > mails_of(kind) &&
        !sim->may_fail && !sim->damaged)
        judge_fail("R5", "%d restarts have %s, but only %d mails say %s", sqlite3_column_int(statement, 0),
                   which, mails_of(kind), kind);
    asked(db, statement);
}

/* Which incident had more restarts of a kind than `most`, and how many: what `sql` asks for. */
static void check_repeated(sqlite3 *db, int most, const char *invariant, const char *what, const char *sql)
{
    sqlite3_stmt *statement = ask(db, sql);
    sqlite3_bind_int(statement, 1, most);
    if (sqlite3_step(statement) == SQLITE_ROW)
        judge_fail(invariant, "%d restarts for incident %lld %s", sqlite3_column_int(statement, 1),
                   (long long)sqlite3_column_int64(statement, 0), what);
    asked(db, statement);
}

static void check_restarts(sqlite3 *db)
{
    if (judge()->set_aside && mails_of("STORE_SET_ASIDE") == 0 && !sim->may_fail)
        judge_fail("R6", "a file was set aside, and nobody was told");
    check_told(db, "told_down = 1", "SERVICE_DOWN");
    check_told(db, "outcome = 'handed_over'", "GAVE_UP");
    check_told(db, "outcome IN ('restored', 'called_off')", "RESTART_ABANDONED");
    sqlite3_stmt *statement = ask(db, "SELECT id, target, phase, outcome FROM restart");
    size_t succeeded = 0;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *phase = (const char *)sqlite3_column_text(statement, 2);
        bool ended = strcmp(phase, "ended") == 0;
        succeeded += ended && strcmp((const char *)sqlite3_column_text(statement, 3), "succeeded") == 0;
        if (!ended && !judge()->hopeless)
            judge_fail("R6", "restart %lld of %s has never ended (%s)",
                       (long long)sqlite3_column_int64(statement, 0),
                       (const char *)sqlite3_column_text(statement, 1), phase);
    }
    asked(db, statement);
    check_repeated(db, POLICY_ATTEMPTS_MAX, "R2", "and one service were turned back, one after the other",
                   "SELECT incident_id, count(*) FROM restart WHERE incident_id <> 0 AND outcome = 'restored'"
                   " GROUP BY incident_id, target HAVING count(*) > ?");
    check_repeated(db, CALLED_OFF_MAX, "R5", "were begun and called off: that is a mail each",
                   "SELECT incident_id, count(*) FROM restart WHERE outcome = 'called_off'"
                   " GROUP BY incident_id HAVING count(*) > ?");
    if (sim->calm && sim->settings.act && succeeded == 0)
        judge_fail("W1", "nothing went wrong, and the leak was not ended");
}

void judge_file(void)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(SIM_STORE_PATH, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        check_mails(db);
        check_restarts(db);
        check_file(db);
    } else {
        judge_fail("R6", "the history cannot be opened at the end: %s", sqlite3_errmsg(db));
    }
    sqlite3_close(db);
}

/* test_mails.c - which mails are kept where there is no memory to write them, and that an error waits behind
 * nothing but what its relay refuses. Stands before report_mail.c: a mail here is its key. */
#include "agent_fixture.h"

#include "storewatch/agent.h"

#include "../../src/app/agent_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static bool no_memory;

enum status report_mail(const struct alert *alert, const char *subject_prefix, struct mail *out_mail)
{
    (void)subject_prefix;
    if (no_memory)
        return STATUS_NO_MEMORY;
    *out_mail = (struct mail){.plain = strdup(""), .html = strdup("")};
    text_copy(out_mail->key, sizeof out_mail->key, alert->key);
    text_copy(out_mail->subject, sizeof out_mail->subject, alert->key);
    return STATUS_OK;
}

void report_event(const struct alert *alert, struct text *text)
{
    text_add(text, "%s", alert->key);
}

static int setup(void **state)
{
    struct fixture *f = fixture_new();
    f->config.max_per_hour = 1;
    live(f);
    no_memory = false;
    drive_lanes(f->agent);
    *state = f;
    return 0;
}

static void put(struct fixture *f, enum alert_kind kind, int64_t incident_id, const char *key)
{
    struct alert *alert = calloc(1, sizeof *alert);
    assert_non_null(alert);
    alert->kind = kind;
    alert->utc_ms = f->os.world.utc_ms;
    alert->has_incident = incident_id != 0;
    alert->incident.id = incident_id;
    text_copy(alert->key, sizeof alert->key, key);
    agent_put_alert(f->agent, alert);
    free(alert);
}

/* How many of the kind wait for memory. */
static size_t unwritten(const struct fixture *f, enum alert_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->agent->unwritten_count; i++)
        count += f->agent->unwritten[i].kind == kind;
    return count;
}

static void poll_for(struct fixture *f, int64_t ms)
{
    for (; ms > 0; ms -= 15 * MS_PER_SECOND) {
        fake_advance(&f->os, 15 * MS_PER_SECOND);
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
}

static bool mailed(const struct fixture *f, const char *key)
{
    char line[80];
    snprintf(line, sizeof line, " mail %s\n", key);
    return strstr(f->os.log_storage, line) != NULL;
}

/* No memory for long: as with no room in the transaction, what repeats goes first, then what informs, then
 * the oldest; and what is left comes in order once there is memory. */
static void test_without_memory_repetitions_go_first(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.max_per_hour = 0;
    no_memory = true;
    put(f, ALERT_RECOVERED, 0, "recovered");
    put(f, ALERT_REMINDER, 0, "reminder");
    put(f, ALERT_OPENED, 0, "oldest");
    for (int i = 3; i < UNWRITTEN_MAX; i++) {
        char key[24];
        snprintf(key, sizeof key, "opened-%02d", i);
        put(f, ALERT_OPENED, 0, key);
    }
    assert_int_equal(f->agent->unwritten_count, UNWRITTEN_MAX);
    put(f, ALERT_ESCALATED, 0, "first");
    assert_int_equal(unwritten(f, ALERT_REMINDER), 0);
    put(f, ALERT_DIGEST, 0, "digest"); /* worth less than all that wait */
    assert_int_equal(unwritten(f, ALERT_DIGEST), 0);
    assert_int_equal(unwritten(f, ALERT_RECOVERED), 1);
    put(f, ALERT_ESCALATED, 0, "second");
    assert_int_equal(unwritten(f, ALERT_RECOVERED), 0);
    put(f, ALERT_ESCALATED, 0, "third");
    assert_int_equal(f->agent->unwritten_count, UNWRITTEN_MAX);
    assert_int_equal(f->agent->mails_dropped, 4);
    no_memory = false;
    poll_for(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->unwritten_count, 0);
    assert_false(mailed(f, "oldest"));
    assert_true(mailed(f, "opened-03") && mailed(f, "first") && mailed(f, "third"));
    assert_true(strstr(f->os.log_storage, "opened-23") < strstr(f->os.log_storage, "first"));
    assert_true(strstr(f->os.log_storage, "first") < strstr(f->os.log_storage, "third"));
}

/* The cap is reached, and rounds that find nothing to send have become rare: a service that is down is told
 * at once all the same, after what its incident has said before. */
static void test_an_error_does_not_wait_for_the_cap(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_OPENED, 6, "i6-1");
    poll_for(f, 31 * MS_PER_MINUTE);
    put(f, ALERT_SERVICE_DOWN, 5, "i5-2");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1") && mailed(f, "i5-2"));
    assert_true(strstr(f->os.log_storage, "mail i5-1") < strstr(f->os.log_storage, "mail i5-2"));
    assert_false(mailed(f, "i6-1"));
    poll_for(f, 2 * MS_PER_HOUR);
    assert_true(mailed(f, "i6-1"));
}

/* Mails wait for a relay that is away, and storewatch is started anew meanwhile: in the next life, too, an error
 * waits for the cap neither itself nor behind what its incident said before. */
static void test_an_error_of_an_earlier_life_does_not_wait_for_the_cap(void **state)
{
    struct fixture *f = *state;
    f->os.relays[0] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_OPENED, 6, "i6-1");
    put(f, ALERT_SERVICE_DOWN, 6, "i6-2");
    poll_for(f, MS_PER_MINUTE);
    live(f);
    f->os.relays[0] = RELAY_WORKS;
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1") && mailed(f, "i6-1") && mailed(f, "i6-2"));
    assert_true(strstr(f->os.log_storage, "mail i6-1") < strstr(f->os.log_storage, "mail i6-2"));
    assert_false(mailed(f, "i5-1"));
}

/* Growth that is near its end is no error by its kind, but no less pressing. */
static void test_urgent_growth_does_not_wait_for_the_cap(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_OPENED, 6, "i6-1.OPENED-urgent.5");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i6-1.OPENED-urgent.5"));
    assert_false(mailed(f, "i5-1"));
}

static void use_two_relays(struct fixture *f)
{
    struct config *config = &f->agent->engine->config;
    config->max_per_hour = 0;
    config->relay_count = 2;
    config->relays[1] = config->relays[0];
    config->relays[1].port = 26;
    *f->agent->mail_config = *config;
}

/* What the cap does not hold back takes no room of what it does. */
static void test_errors_do_not_use_the_cap_up(void **state)
{
    struct fixture *f = *state;
    for (int i = 1; i <= 3; i++) {
        char key[24];
        snprintf(key, sizeof key, "blind-%d", i);
        put(f, ALERT_BLIND, 0, key);
        poll_for(f, MS_PER_MINUTE);
        assert_true(mailed(f, key));
    }
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_OPENED, 6, "i6-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
    assert_false(mailed(f, "i6-1"));
}

/* A relay that does not relay for us refuses for good what the next one takes. Only what all refuse is given
 * up at once. */
static void test_a_relay_that_refuses_is_not_the_last(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = RELAY_REFUSES;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));

    f->os.relays[1] = RELAY_UNREACHABLE;
    put(f, ALERT_REMINDER, 4, "i4-2");
    poll_for(f, 5 * MS_PER_MINUTE);
    assert_int_equal(f->agent->mails_dead, 0);
    f->os.relays[1] = RELAY_WORKS;
    poll_for(f, 10 * MS_PER_MINUTE);
    assert_true(mailed(f, "i4-2"));

    f->os.relays[1] = RELAY_REFUSES;
    put(f, ALERT_RECOVERED, 4, "i4-3");
    poll_for(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->mails_dead, 1);
    assert_false(mailed(f, "i4-3"));
}

/* The relay that takes our mails is away for hours, the other one refuses them: none is lost, and they come in
 * order. After a day a mail is given up. */
static void test_what_one_relay_refuses_waits_a_day_for_the_other(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = RELAY_UNREACHABLE;
    f->os.relays[1] = RELAY_REFUSES;
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_SERVICE_DOWN, 4, "i4-2");
    poll_for(f, 3 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    f->os.relays[0] = RELAY_WORKS;
    poll_for(f, 15 * MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1") && mailed(f, "i4-2"));
    assert_true(strstr(f->os.log_storage, "mail i4-1") < strstr(f->os.log_storage, "mail i4-2"));

    f->os.relays[0] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 5, "i5-1");
    poll_for(f, 23 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    poll_for(f, 2 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 1);
}

/* Nobody could be reached for more than a day: the day begins with the first refusal, and goes on in the next
 * life of storewatch. */
static void wait_a_day_for_the_other_after_an_outage(struct fixture *f, bool another_life)
{
    use_two_relays(f);
    f->os.relays[0] = f->os.relays[1] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, 30 * MS_PER_HOUR);
    f->os.relays[1] = RELAY_REFUSES;
    poll_for(f, 12 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    if (another_life) {
        live(f);
        use_two_relays(f);
    }
    poll_for(f, 11 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    poll_for(f, 2 * MS_PER_HOUR);
    assert_true(f->agent->mails_dead > 0);
}

static void test_the_day_begins_with_the_first_refusal(void **state)
{
    wait_a_day_for_the_other_after_an_outage(*state, false);
}

static void test_the_day_of_a_refusal_outlives_storewatch(void **state)
{
    wait_a_day_for_the_other_after_an_outage(*state, true);
}

/* The clock was a month ahead when the mail was refused first: a day is a day all the same. */
static void test_a_clock_set_back_keeps_no_refused_mail(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = RELAY_UNREACHABLE;
    f->os.relays[1] = RELAY_REFUSES;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, 3 * MS_PER_HOUR);
    f->os.world.utc_ms -= 30 * MS_PER_DAY;
    poll_for(f, 23 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    poll_for(f, 3 * MS_PER_HOUR);
    assert_true(f->agent->mails_dead > 0);
}

/* It may be the mail that one relay refuses, while it would take the next one: after half an hour what its
 * incident says next waits behind it no more. */
static void test_what_one_relay_refuses_keeps_its_incident_half_an_hour(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = RELAY_UNREACHABLE;
    f->os.relays[1] = RELAY_REFUSES;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_HOUR);
    put(f, ALERT_SERVICE_DOWN, 4, "i4-2");
    while (!mailed(f, "i4-2")) { /* the other one is taken by the relay that refused the first */
        bool sends = f->agent->mail_ready && strcmp(f->agent->next_mail.mail.key, "i4-2") == 0;
        f->os.relays[1] = sends ? RELAY_WORKS : RELAY_REFUSES;
        assert_true(drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_MAIL));
    }
    assert_int_equal(f->agent->mails_dead, 0);
    assert_false(mailed(f, "i4-1"));
}

/* So many mails an hour are for people to read: what no relay took does not count. */
static void test_what_was_given_up_does_not_count(void **state)
{
    struct fixture *f = *state;
    f->os.relays[0] = RELAY_REFUSES;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    assert_int_equal(f->agent->mails_dead, 1);
    f->os.relays[0] = RELAY_WORKS;
    put(f, ALERT_OPENED, 5, "i5-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
}

/* A filter or a narrow line swallows one mail, and the relay says nothing to it: it keeps only what its own
 * incident says next, and that for some minutes: it takes others. */
static void test_a_mail_that_none_answers_keeps_no_other(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.max_per_hour = 0;
    f->os.swallowed = "i4-1";
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_SERVICE_DOWN, 4, "i4-2");
    poll_for(f, 2 * MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
    assert_false(mailed(f, "i4-2"));
    poll_for(f, MS_PER_HOUR);
    assert_true(mailed(f, "i4-2"));
    assert_false(mailed(f, "i4-1"));
    f->os.swallowed = NULL;
    poll_for(f, 30 * MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));
    assert_int_equal(f->agent->mails_dead, 0);
}

/* The same where the relay says "not now", to each mail: they come in order, but for what it takes meanwhile. */
static void test_a_mail_that_is_deferred_keeps_its_incident_half_an_hour(void **state)
{
    struct fixture *f = *state;
    f->os.relays[0] = RELAY_DEFERS;
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_SERVICE_DOWN, 4, "i4-2");
    poll_for(f, 20 * MS_PER_MINUTE);
    f->os.relays[0] = RELAY_WORKS;
    poll_for(f, 10 * MS_PER_MINUTE);
    assert_true(strstr(f->os.log_storage, "mail i4-1") < strstr(f->os.log_storage, "mail i4-2"));

    f->os.relays[0] = RELAY_DEFERS;
    put(f, ALERT_REMINDER, 4, "i4-3");
    poll_for(f, MS_PER_HOUR);
    put(f, ALERT_SERVICE_DOWN, 4, "i4-4");
    while (!mailed(f, "i4-4")) {
        bool sends = f->agent->mail_ready && strcmp(f->agent->next_mail.mail.key, "i4-4") == 0;
        f->os.relays[0] = sends ? RELAY_WORKS : RELAY_DEFERS;
        assert_true(drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_MAIL));
    }
    assert_false(mailed(f, "i4-3"));
}

/* Errors that belong to no incident take none of the room for those that do. */
static void test_errors_of_no_incident_crowd_none_out(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    put(f, ALERT_OPENED, 5, "i5-1");
    poll_for(f, MS_PER_MINUTE);
    char key[24];
    for (int i = 0; i < MAIL_INCIDENTS_MAX + 4; i++) {
        snprintf(key, sizeof key, "down-%02d", i);
        put(f, ALERT_SERVICE_DOWN, 0, key);
        if (i % 20 == 0)
            drive_lanes(f->agent);
    }
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, key));
    assert_false(mailed(f, "i5-1"));
    put(f, ALERT_SERVICE_DOWN, 5, "i5-2");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1") && mailed(f, "i5-2"));
}

/* The outbox was found empty a moment before the error and what its incident had said came into it. */
static void test_an_error_comes_while_the_outbox_is_looked_at(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    while (!mailed(f, "i4-1"))
        assert_true(drive_lane(f->agent, LANE_STORE) || drive_lane(f->agent, LANE_MAIL));
    struct job *look = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(look);
    assert_true(look->load_mail);
    put(f, ALERT_OPENED, 5, "i5-1");
    put(f, ALERT_SERVICE_DOWN, 5, "i5-2");
    job_run(look);
    agent_job_done(f->agent, look);
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1") && mailed(f, "i5-2"));
}

/* Behind a mail that the cap holds back, and behind one that is sent now: neither ends the hurry. */
static void test_an_error_does_not_wait_for_those_before_it(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));
    put(f, ALERT_OPENED, 6, "i6-1");
    poll_for(f, 22 * MS_PER_MINUTE);
    assert_true(f->agent->mail_retry_mono_ms - f->os.world.mono_ms > 5 * MS_PER_MINUTE);
    put(f, ALERT_OPENED, 7, "i7-1");
    put(f, ALERT_SERVICE_DOWN, 7, "i7-2");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i7-1") && mailed(f, "i7-2"));
    assert_false(mailed(f, "i6-1"));
}

/* The relay has been away for long. The commit in which the error would have been looked for fails: it is
 * looked for with the next, not when the back-off has passed. */
static void test_an_error_does_not_wait_for_a_commit_that_failed(void **state)
{
    struct fixture *f = *state;
    f->os.relays[0] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, 22 * MS_PER_MINUTE);
    assert_true(f->agent->mail_retry_mono_ms - f->os.world.mono_ms > 5 * MS_PER_MINUTE);
    f->os.relays[0] = RELAY_WORKS;
    put(f, ALERT_SERVICE_DOWN, 5, "i5-1");
    struct job *commit = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(commit);
    commit->status = STATUS_FULL;
    agent_job_done(f->agent, commit);
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
}

static size_t times_mailed(const struct fixture *f, const char *key)
{
    char line[80];
    size_t count = 0;
    snprintf(line, sizeof line, " mail %s\n", key);
    for (const char *at = f->os.log_storage; (at = strstr(at, line)) != NULL; at += strlen(line))
        count++;
    return count;
}

/* The disk hangs in the very commit that the news are in: they leave all the same, in order, and once, whatever
 * becomes of the commit. */
static void news_in_a_commit_that_hangs(struct fixture *f, enum status ends)
{
    f->agent->engine->config.max_per_hour = 0;
    for (int i = 1; i <= 7; i++) {
        char key[24];
        snprintf(key, sizeof key, "i4-%d", i);
        put(f, ALERT_SERVICE_DOWN, 4, key);
    }
    struct job *commit = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(commit);
    poll_for(f, 30 * MS_PER_SECOND);
    assert_true(mailed(f, "i4-1") && mailed(f, "i4-7"));
    f->os.relays[0] = RELAY_UNREACHABLE;
    put(f, ALERT_SERVICE_DOWN, 4, "i4-8");
    poll_for(f, 30 * MS_PER_SECOND);
    f->os.relays[0] = RELAY_WORKS;
    if (ends == STATUS_OK)
        job_run(commit);
    commit->status = ends;
    agent_job_done(f->agent, commit);
    poll_for(f, 5 * MS_PER_MINUTE);
    for (int i = 1; i <= 8; i++) {
        char key[24];
        snprintf(key, sizeof key, "i4-%d", i);
        assert_int_equal(times_mailed(f, key), 1);
    }
    assert_true(strstr(f->os.log_storage, "mail i4-1") < strstr(f->os.log_storage, "mail i4-7"));
    struct store *store = f->agent->store;
    size_t pending = 1, sent = 0;
    assert_int_equal(store_count_mails(store, MAIL_PENDING, 0, &pending, NULL), STATUS_OK);
    assert_int_equal(pending, 0);
    assert_int_equal(store_count_mails(store, MAIL_SENT, 0, &sent, NULL), STATUS_OK);
    assert_true(ends != STATUS_OK || sent >= 8);
}

static void test_news_do_not_wait_for_a_commit_that_hangs(void **state)
{
    news_in_a_commit_that_hangs(*state, STATUS_OK);
}

static void test_news_of_a_commit_that_hung_and_failed_come_once(void **state)
{
    news_in_a_commit_that_hangs(*state, STATUS_IO);
}

/* The file is found damaged while a mail is on its way, and the new one in its place knows nothing of that
 * mail: what came of it is told of no other mail, and holds nothing else back. */
static void test_a_mail_on_its_way_is_lost_with_its_file(void **state)
{
    struct fixture *f = *state;
    f->agent->engine->config.max_per_hour = 0;
    for (int i = 0; i < 3; i++) {
        char key[24];
        snprintf(key, sizeof key, "i4-%d", i);
        put(f, ALERT_OPENED, 4, key);
    }
    poll_for(f, MS_PER_MINUTE);
    put(f, ALERT_OPENED, 5, "i5-1");
    struct job *mail = NULL;
    while (!(mail = agent_take_job(f->agent, LANE_MAIL)))
        assert_true(drive_lane(f->agent, LANE_STORE));
    job_run(mail);
    put(f, ALERT_OPENED, 6, "i6-1");
    struct job *commit = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(commit);
    commit->status = STATUS_CORRUPT;
    agent_job_done(f->agent, commit);
    char path[DRIVE_FOLDER_MAX + 16];
    snprintf(path, sizeof path, "%s/storewatch.db", f->dir);
    store_close(commit->broken); /* before the damage: it cannot make the file whole again then */
    commit->broken = NULL;
    assert_int_equal(truncate(path, 5000), 0);
    fake_advance(&f->os, MS_PER_MINUTE);
    assert_true(drive_lane(f->agent, LANE_STORE)); /* sets it aside and opens a new one */
    assert_true(drive_lane(f->agent, LANE_STORE));
    agent_job_done(f->agent, mail);
    for (int i = 2; i < 4; i++) {
        char key[24];
        snprintf(key, sizeof key, "i6-%d", i);
        put(f, ALERT_OPENED, 6, key);
    }
    poll_for(f, 2 * MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
    assert_true(mailed(f, "i6-1") && mailed(f, "i6-2") && mailed(f, "i6-3"));
    assert_non_null(strstr(f->os.log_storage, "mail STORE_SET_ASIDE"));
    assert_false(f->agent->store_failing);
    assert_false(f->agent->mail_may_wait);
}

static void break_the_disk(struct fixture *f)
{
    struct job *commit = agent_take_job(f->agent, LANE_STORE);
    assert_non_null(commit);
    commit->status = STATUS_IO;
    agent_job_done(f->agent, commit);
    assert_true(f->agent->store_failing);
}

/* While the disk takes nothing a mail leaves from memory, and no relay takes it: it has kept its place, and
 * goes for nothing that is worth less. */
static void test_a_mail_that_comes_back_has_a_place(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    put(f, ALERT_SERVICE_DOWN, 0, "down");
    break_the_disk(f);
    f->os.relays[0] = RELAY_UNREACHABLE;
    struct job *mail = agent_take_job(agent, LANE_MAIL);
    assert_non_null(mail);
    while (agent->pending->mail_count < TRANSACTION_MAILS_MAX)
        put(f, ALERT_REMINDER, 0, "again");
    put(f, ALERT_OPENED, 0, "opened");
    job_run(mail);
    agent_job_done(agent, mail);
    assert_int_equal(agent->pending->mail_count, TRANSACTION_MAILS_MAX);
    assert_string_equal(agent->pending->mails[0].mail.key, "down");
    assert_int_equal(agent->mails_dropped, 1);
}

/* The disk goes on failing: only the relays are tried. */
static void mail_for(struct fixture *f, int64_t ms)
{
    for (; ms > 0; ms -= 15 * MS_PER_SECOND) {
        fake_advance(&f->os, 15 * MS_PER_SECOND);
        while (drive_lane(f->agent, LANE_MAIL))
            ;
    }
}

/* The disk takes nothing, and no relay answers one mail: it keeps only what its own incident says next, and that
 * for some minutes: the relay takes others. */
static void test_from_memory_a_mail_that_none_answers_keeps_no_other(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    agent->engine->config.max_per_hour = 0;
    f->os.swallowed = "i4-1";
    put(f, ALERT_OPENED, 4, "i4-1");
    break_the_disk(f);
    mail_for(f, MS_PER_MINUTE);
    put(f, ALERT_REMINDER, 4, "i4-2");
    put(f, ALERT_SERVICE_DOWN, 5, "i5-1");
    mail_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i5-1"));
    assert_false(mailed(f, "i4-2"));
    mail_for(f, MS_PER_HOUR);
    assert_true(mailed(f, "i4-2"));
    const uint32_t attempts = agent->pending->mails[0].attempts;
    assert_in_range(attempts, 5, 30); /* the back-off holds */
    f->os.swallowed = NULL;
    mail_for(f, 15 * MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));
    assert_int_equal(agent->pending->mail_count, 0);
}

/* One relay refuses it for good, the other cannot be reached: after half an hour it keeps nothing that its
 * incident says next, after a day it is given up, as it would be with a file. */
static void test_from_memory_what_is_refused_is_given_up(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = RELAY_REFUSES;
    f->os.relays[1] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_REMINDER, 4, "i4-2");
    break_the_disk(f);
    mail_for(f, 10 * MS_PER_MINUTE);
    assert_int_equal(f->agent->pending->mails[1].attempts, 0);
    mail_for(f, 22 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    assert_true(f->agent->pending->mails[1].attempts > 0);
    mail_for(f, 3 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 3); /* with the one that tells of the disk */
    assert_int_equal(f->agent->pending->mail_count, 0);
}

static void test_from_memory_the_day_begins_with_the_first_refusal(void **state)
{
    struct fixture *f = *state;
    use_two_relays(f);
    f->os.relays[0] = f->os.relays[1] = RELAY_UNREACHABLE;
    put(f, ALERT_OPENED, 4, "i4-1");
    break_the_disk(f);
    mail_for(f, 30 * MS_PER_HOUR);
    f->os.relays[1] = RELAY_REFUSES;
    mail_for(f, 23 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 0);
    mail_for(f, 2 * MS_PER_HOUR);
    assert_int_equal(f->agent->mails_dead, 2); /* with the one that tells of the disk */
}

/* The cap is reached, or rounds have become rare: an error waits for neither, and takes with it what its
 * incident has said before. */
static void test_from_memory_an_error_does_not_wait(void **state)
{
    struct fixture *f = *state;
    put(f, ALERT_OPENED, 4, "i4-1");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1"));
    put(f, ALERT_OPENED, 5, "i5-1");
    break_the_disk(f);
    put(f, ALERT_OPENED, 6, "i6-1");
    put(f, ALERT_SERVICE_DOWN, 7, "i7-1");
    mail_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i7-1"));
    assert_false(mailed(f, "i5-1") || mailed(f, "i6-1"));
    put(f, ALERT_SERVICE_DOWN, 6, "i6-2");
    mail_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i6-1") && mailed(f, "i6-2"));
    assert_true(strstr(f->os.log_storage, "mail i6-1") < strstr(f->os.log_storage, "mail i6-2"));
    assert_false(mailed(f, "i5-1"));

    f->os.relays[0] = RELAY_UNREACHABLE;
    put(f, ALERT_SERVICE_DOWN, 8, "i8-1");
    mail_for(f, 22 * MS_PER_MINUTE);
    assert_true(f->agent->mail_retry_mono_ms - f->os.world.mono_ms > 5 * MS_PER_MINUTE);
    f->os.relays[0] = RELAY_WORKS;
    put(f, ALERT_SERVICE_DOWN, 9, "i9-1");
    mail_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "i8-1") && mailed(f, "i9-1"));
}

/* The disk works again while a mail that left from memory is on its way: it is saved like the others, in
 * order, and what came of it too. */
static void test_a_mail_on_its_way_is_saved(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    agent->engine->config.max_per_hour = 0;
    for (int sent = 0; sent < 2; sent++) {
        char first[24], next[24];
        snprintf(first, sizeof first, "i%d-1", 5 + sent);
        snprintf(next, sizeof next, "i%d-2", 5 + sent);
        put(f, ALERT_OPENED, 5 + sent, first);
        break_the_disk(f);
        struct job *mail = agent_take_job(agent, LANE_MAIL);
        assert_non_null(mail);
        assert_int_equal(mail->sending.id, 0);
        f->os.relays[0] = sent ? RELAY_WORKS : RELAY_UNREACHABLE;
        job_run(mail);
        fake_advance(&f->os, MS_PER_MINUTE);
        assert_true(drive_lane(agent, LANE_STORE));
        put(f, ALERT_RECOVERED, 5 + sent, next);
        assert_true(drive_lane(agent, LANE_STORE));
        assert_int_equal(agent->pending->mail_count, 0);
        agent_job_done(agent, mail);
        f->os.relays[0] = RELAY_WORKS;
        poll_for(f, 2 * MS_PER_MINUTE);
        assert_true(mailed(f, first) && mailed(f, next));
        const char *at = strstr(f->os.log_storage, first);
        assert_true(at < strstr(f->os.log_storage, next));
        assert_null(strstr(at + 1, first));
    }
}

/* The disk fails before it is saved that a mail was sent, and again while one that leaves from memory is on
 * its way: neither is sent twice when it works again. */
static void test_what_was_sent_is_remembered_until_it_is_saved(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    agent->engine->config.max_per_hour = 0;
    put(f, ALERT_OPENED, 4, "i4-1");
    while (!mailed(f, "i4-1"))
        assert_true(drive_lane(agent, LANE_STORE) || drive_lane(agent, LANE_MAIL));
    put(f, ALERT_OPENED, 5, "i5-1");
    break_the_disk(f);
    struct job *mail = agent_take_job(agent, LANE_MAIL);
    assert_non_null(mail);
    assert_int_equal(mail->sending.id, 0);
    job_run(mail);
    fake_advance(&f->os, MS_PER_MINUTE);
    struct job *commit = agent_take_job(agent, LANE_STORE);
    assert_non_null(commit);
    agent_job_done(agent, mail);
    commit->status = STATUS_IO;
    agent_job_done(agent, commit);
    poll_for(f, 5 * MS_PER_MINUTE);
    assert_false(agent->store_failing);
    static const char *const keys[] = {" mail i4-1\n", " mail i5-1\n"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const char *first = strstr(f->os.log_storage, keys[i]);
        assert_non_null(first);
        assert_null(strstr(first + 1, keys[i]));
    }
}

/* The round over the outbox ends while the next mail is loaded: it does not overtake what that round held. */
static void test_a_mail_that_was_loaded_in_an_earlier_round_waits(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    agent->engine->config.max_per_hour = 0;
    f->os.relays[0] = RELAY_DEFERS;
    put(f, ALERT_OPENED, 4, "i4-1");
    put(f, ALERT_REMINDER, 4, "i4-2");
    assert_true(drive_lane(agent, LANE_STORE));
    while (!agent->mail_ready)
        assert_true(drive_lane(agent, LANE_STORE));
    assert_true(drive_lane(agent, LANE_MAIL));
    struct job *load = agent_take_job(agent, LANE_STORE);
    assert_non_null(load);
    assert_true(load->load_mail);
    job_run(load);
    assert_string_equal(load->entry.mail.key, "i4-2");
    agent_end_mail_round(agent);
    agent_job_done(agent, load);
    f->os.relays[0] = RELAY_WORKS;
    poll_for(f, 2 * MS_PER_MINUTE);
    assert_true(mailed(f, "i4-1") && mailed(f, "i4-2"));
    assert_true(strstr(f->os.log_storage, "mail i4-1") < strstr(f->os.log_storage, "mail i4-2"));
}

/* The cap holds back mails of more incidents than are remembered, and an hour is over in the middle of the
 * round: what an incident says next still waits for what it said first. */
static void test_order_holds_for_however_many_incidents(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    const int last = MAIL_INCIDENTS_MAX + 1;
    char first[24], next[24];
    put(f, ALERT_OPENED, last + 1, "before");
    poll_for(f, MS_PER_MINUTE);
    assert_true(mailed(f, "before"));
    for (int i = 1; i <= last; i++) {
        snprintf(first, sizeof first, "i%d-1", i);
        put(f, ALERT_OPENED, i, first);
        if (i % 10 == 0)
            assert_true(drive_lane(agent, LANE_STORE));
        assert_false(drive_lane(agent, LANE_MAIL));
    }
    snprintf(next, sizeof next, "i%d-2", last);
    put(f, ALERT_RESTART_ABANDONED, last, next); /* which does not stand for what waited for an hour */
    for (int i = 0; i <= 2 * last && agent->mail_after_id <= last; i++) {
        drive_lane(agent, LANE_STORE);
        assert_false(drive_lane(agent, LANE_MAIL));
    }
    fake_advance(&f->os, MS_PER_HOUR);
    agent->engine->config.max_per_hour = 0;
    poll_for(f, MS_PER_HOUR);
    assert_true(mailed(f, first) && mailed(f, next));
    assert_true(strstr(f->os.log_storage, first) < strstr(f->os.log_storage, next));
}

/* No relay for a day: then one mail stands for those before it, and not before it has arrived. */
static void test_one_mail_stands_for_those_that_could_not_be_sent(void **state)
{
    struct fixture *f = *state;
    struct agent *agent = f->agent;
    agent->engine->config.max_per_hour = 0;
    f->os.relays[0] = RELAY_UNREACHABLE;
    const char *keys[] = {"i4-1", "i4-2", "i4-3"};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        put(f, i == 0 ? ALERT_OPENED : ALERT_REMINDER, 4, keys[i]);
        poll_for(f, 8 * MS_PER_HOUR);
    }
    size_t count = 0;
    assert_int_equal(store_count_mails(agent->store, MAIL_PENDING, 0, &count, NULL), STATUS_OK);
    assert_int_equal(count, 3);
    f->os.relays[0] = RELAY_WORKS;
    poll_for(f, MS_PER_HOUR);
    assert_true(!mailed(f, "i4-1") && !mailed(f, "i4-2") && mailed(f, "i4-3"));
    struct outbox_entry entries[4];
    assert_int_equal(store_get_mails(agent->store, entries, 4, &count, NULL), STATUS_OK);
    assert_int_equal(count, 3);
    assert_int_equal(entries[0].state, MAIL_SENT);
    assert_int_equal(entries[1].state, MAIL_REPLACED);
    assert_int_equal(entries[2].state, MAIL_REPLACED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_without_memory_repetitions_go_first),
        TEST(test_an_error_does_not_wait_for_the_cap),
        TEST(test_an_error_of_an_earlier_life_does_not_wait_for_the_cap),
        TEST(test_urgent_growth_does_not_wait_for_the_cap),
        TEST(test_errors_do_not_use_the_cap_up),
        TEST(test_a_relay_that_refuses_is_not_the_last),
        TEST(test_what_one_relay_refuses_waits_a_day_for_the_other),
        TEST(test_the_day_begins_with_the_first_refusal),
        TEST(test_the_day_of_a_refusal_outlives_storewatch),
        TEST(test_a_clock_set_back_keeps_no_refused_mail),
        TEST(test_what_one_relay_refuses_keeps_its_incident_half_an_hour),
        TEST(test_what_was_given_up_does_not_count),
        TEST(test_a_mail_that_is_deferred_keeps_its_incident_half_an_hour),
        TEST(test_a_mail_that_none_answers_keeps_no_other),
        TEST(test_errors_of_no_incident_crowd_none_out),
        TEST(test_an_error_comes_while_the_outbox_is_looked_at),
        TEST(test_an_error_does_not_wait_for_those_before_it),
        TEST(test_an_error_does_not_wait_for_a_commit_that_failed),
        TEST(test_news_do_not_wait_for_a_commit_that_hangs),
        TEST(test_news_of_a_commit_that_hung_and_failed_come_once),
        TEST(test_a_mail_on_its_way_is_lost_with_its_file),
        TEST(test_a_mail_that_comes_back_has_a_place),
        TEST(test_from_memory_a_mail_that_none_answers_keeps_no_other),
        TEST(test_from_memory_what_is_refused_is_given_up),
        TEST(test_from_memory_the_day_begins_with_the_first_refusal),
        TEST(test_from_memory_an_error_does_not_wait),
        TEST(test_a_mail_on_its_way_is_saved),
        TEST(test_what_was_sent_is_remembered_until_it_is_saved),
        TEST(test_a_mail_that_was_loaded_in_an_earlier_round_waits),
        TEST(test_order_holds_for_however_many_incidents),
        TEST(test_one_mail_stands_for_those_that_could_not_be_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

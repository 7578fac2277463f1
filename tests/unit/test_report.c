/* test_report.c - alerts in words: exact subjects and texts, hostile names, events, keys; the shape of
 * charts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/report_internal.h"
#include "storewatch/advice.h"
#include "storewatch/report.h"

#define NOW INT64_C(1795317245000) /* 2026-11-22 03:14:05 UTC */

/* A leak of the client "bes": 412 MiB at 20:00, 1.73 GiB now, the limit is reached at 08:24. */
static struct alert *leak(enum alert_kind kind)
{
    struct alert *alert = calloc(1, sizeof(*alert));
    assert_non_null(alert);
    struct incident *incident = &alert->incident;
    alert->kind = kind;
    alert->utc_ms = NOW;
    text_copy(alert->host_name, sizeof(alert->host_name), "EX1");
    text_copy(alert->key, sizeof(alert->key), "i12-3");
    alert->has_incident = true;
    incident->id = 12;
    incident->target_kind = TARGET_CLIENT;
    text_copy(incident->target, sizeof(incident->target), "bes");
    text_copy(incident->service, sizeof(incident->service), "BlackBerry Agent");
    text_copy(incident->image, sizeof(incident->image), "BESAgent.exe");
    incident->process.pid = 2212;
    incident->metric = METRIC_PRIVATE_BYTES;
    incident->onset_utc_ms = NOW - 7 * MS_PER_HOUR;
    incident->opened_utc_ms = NOW - 4 * MS_PER_HOUR;
    incident->level_at_onset = 412.0 * MIB;
    incident->level_at_open = 1.31 * GIB;
    incident->level_now = 1.73 * GIB;
    incident->slope_per_hour = 62.4 * MIB;
    incident->slope_low_per_hour = 60.1 * MIB;
    incident->slope_high_per_hour = 64.9 * MIB;
    incident->limit = 2.0 * GIB;
    text_copy(incident->limit_name, sizeof(incident->limit_name), "address space");
    incident->exhaustion_utc_ms = NOW + 310 * MS_PER_MINUTE;
    incident->exhaustion_early_utc_ms = NOW + 270 * MS_PER_MINUTE;
    incident->exhaustion_late_utc_ms = NOW + 362 * MS_PER_MINUTE;
    text_copy(incident->reason, sizeof(incident->reason), "it grows in each part of that time");
    return alert;
}

/* cmocka cuts long texts short: where they differ, and how they go on. */
static void assert_text(const char *actual, const char *expected)
{
    size_t same = 0;
    while (actual[same] != '\0' && actual[same] == expected[same])
        same++;
    if (actual[same] != expected[same]) {
        fail_msg("after %u equal bytes:\n%.300s\n--- expected:\n%.300s", (unsigned)same, actual + same,
                 expected + same);
    }
}

static struct mail mail_of(const struct alert *alert)
{
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    return mail;
}

/* Every kind with and without an incident, so that a new kind is noticed here. */
static void subjects(void **state)
{
    (void)state;
    static const struct {
        enum alert_kind kind;
        bool has_incident;
        const char *subject;
    } cases[] = {
        {ALERT_STARTED, false, "EX1: storewatch started"},
        {ALERT_STOPPED, false, "EX1: storewatch stopped"},
        {ALERT_CONFIG_RELOADED, false, "EX1: configuration reloaded"},
        {ALERT_CONFIG_REFUSED, false, "EX1: configuration refused, the old one stays in force"},
        {ALERT_CONFIG_INVALID, false, "EX1: configuration invalid, storewatch cannot start"},
        {ALERT_CONFIG_UNSAFE, false, "EX1: ordinary users may change what storewatch does"},
        {ALERT_OPENED, true, "EX1: BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min left"},
        {ALERT_REMINDER, true, "EX1: still growing: BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min left"},
        {ALERT_ESCALATED, true, "EX1: URGENT: BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min left"},
        {ALERT_RECOVERED, true, "EX1: recovered: BESAgent.exe private bytes now 1.73 GiB"},
        {ALERT_ENDED, true, "EX1: BESAgent.exe has ended (pid 2212, private bytes +62.4 MiB/h)"},
        {ALERT_UNWATCHED, true, "EX1: no longer watched: BESAgent.exe private bytes"},
        {ALERT_SPACE_LOW, false,
         "EX1: MSExchangeIS: little address space in one piece (largest free block below 32 MiB)"},
        {ALERT_SPACE_CRITICAL, false,
         "EX1: URGENT: MSExchangeIS: no address space in one piece (largest free block below 16 MiB)"},
        {ALERT_SPACE_BACK, false, "EX1: MSExchangeIS: enough address space in one piece again"},
        {ALERT_RESTART_BEGUN, true,
         "EX1: controlled restart of MSExchangeIS begun (BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min "
         "left)"},
        {ALERT_RESTART_BEGUN, false, "EX1: controlled restart of MSExchangeIS begun"},
        {ALERT_RESTART_PROGRESS, false, "EX1: controlled restart of MSExchangeIS goes on"},
        {ALERT_RESTART_DONE, false, "EX1: controlled restart of MSExchangeIS done, verifying"},
        {ALERT_RESTART_ABANDONED, false, "EX1: restart of MSExchangeIS abandoned, nothing is down"},
        {ALERT_RESTART_HELD, true,
         "EX1: restart of MSExchangeIS held back (BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min left)"},
        {ALERT_SERVICE_DOWN, true,
         "EX1: URGENT: MSExchangeIS is DOWN after a restart, storewatch keeps trying"},
        {ALERT_SERVICE_UP_AGAIN, true, "EX1: MSExchangeIS runs again"},
        {ALERT_GAVE_UP, true,
         "EX1: URGENT: storewatch stopped trying to start MSExchangeIS: a person changed it"},
        {ALERT_TERMINATED, false, "EX1: hung process of MSExchangeIS terminated"},
        {ALERT_BLIND, false, "EX1: storewatch cannot read the counters"},
        {ALERT_SIGHT_BACK, false, "EX1: storewatch reads the counters again"},
        {ALERT_STORE_SET_ASIDE, false, "EX1: the history file was unreadable and was set aside"},
        {ALERT_STORE_FAILING, false, "EX1: the history file cannot be written"},
        {ALERT_MAINTENANCE_ON, false, "EX1: maintenance: nothing is restarted"},
        {ALERT_MAINTENANCE_OFF, false, "EX1: maintenance has ended"},
        {ALERT_SEARCH_HANGS, false, "EX1: the search for MAPI clients hangs"},
        {ALERT_NO_CONTROL, false, "EX1: commands do not reach storewatch"},
        {ALERT_METRICS_FAILING, false, "EX1: the metrics file cannot be kept up"},
        {ALERT_TEST, false, "EX1: test alert"},
        {ALERT_DIGEST, false, "EX1: daily digest"},
    };
    bool seen[ALERT_KIND_COUNT] = {false};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alert *alert = leak(cases[i].kind);
        seen[cases[i].kind] = true;
        alert->has_incident = cases[i].has_incident;
        text_copy(alert->service, sizeof(alert->service), "MSExchangeIS");
        struct mail mail = mail_of(alert);
        char expected[512];
        snprintf(expected, sizeof(expected), "[storewatch] %s", cases[i].subject);
        assert_string_equal(mail.subject, expected);
        /* the first line and the event say the same to a person */
        assert_non_null(strstr(mail.plain, "EX1"));
        mail_deinit(&mail);
        free(alert);
    }
    for (size_t kind = 0; kind < ALERT_KIND_COUNT; kind++)
        if (!seen[kind])
            fail_msg("no case for %s", alert_wording_get((enum alert_kind)kind)->name);
}

static void a_subject_that_is_cut_says_so(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_RESTART_HELD);
    memset(alert->service, 's', sizeof(alert->service) - 1);
    struct mail mail = mail_of(alert);
    assert_int_equal(strlen(mail.subject), sizeof(mail.subject) - 1);
    assert_string_equal(&mail.subject[sizeof(mail.subject) - 6], "ss...");
    mail_deinit(&mail);
    free(alert);
}

/* "URGENT ... 2 d left" says why it is urgent: the end may come far sooner. */
static void subject_of_an_end_that_may_come_sooner(void **state)
{
    (void)state;
    static const struct {
        enum alert_kind kind;
        int64_t early_ms;
        const char *left;
    } cases[] = {
        {ALERT_ESCALATED, 80 * MS_PER_MINUTE, ", 5 h 10 min left, perhaps 1 h 20 min"},
        {ALERT_ESCALATED, 0, ", 5 h 10 min left, perhaps none"},
        {ALERT_ESCALATED, 3 * MS_PER_HOUR, ", 5 h 10 min left"},
        {ALERT_REMINDER, 80 * MS_PER_MINUTE, ", 5 h 10 min left"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct alert *alert = leak(cases[i].kind);
        alert->incident.exhaustion_early_utc_ms = NOW + cases[i].early_ms;
        struct mail mail = mail_of(alert);
        assert_non_null(strchr(mail.subject, ','));
        assert_string_equal(strchr(mail.subject, ','), cases[i].left);
        mail_deinit(&mail);
        free(alert);
    }
}

static void subject_of_other_metrics(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct incident *incident = &alert->incident;
    incident->metric = METRIC_HANDLES;
    incident->slope_per_hour = 320.0;
    incident->exhaustion_utc_ms = INT64_MAX;
    struct mail mail = mail_of(alert);
    assert_string_equal(mail.subject, "[storewatch] EX1: BESAgent.exe handles +320/h, no end foreseeable");
    mail_deinit(&mail);
    alert->kind = ALERT_RECOVERED;
    incident->level_now = 1304.0; /* handles are not said twice */
    mail = mail_of(alert);
    assert_string_equal(mail.subject, "[storewatch] EX1: recovered: BESAgent.exe handles now 1,304");
    assert_non_null(strstr(mail.plain, "BESAgent.exe on EX1 has recovered: handles now 1,304.\n"));
    assert_non_null(strstr(mail.plain, ", 1,304 handles now\n"));
    mail_deinit(&mail);
    alert->kind = ALERT_OPENED;

    incident->metric = METRIC_COMMIT;
    incident->target_kind = TARGET_HOST;
    text_copy(incident->target, sizeof(incident->target), "host");
    incident->image[0] = '\0';
    incident->slope_per_hour = 1.5 * GIB;
    incident->exhaustion_utc_ms = NOW - 1;
    mail = mail_of(alert);
    assert_string_equal(mail.subject, "[storewatch] EX1: system commit +1.50 GiB/h, limit reached");
    assert_non_null(strstr(
        mail.plain, "EX1 as a whole grows without bound: system commit +1.50 GiB/h, limit reached.\n"));
    assert_non_null(strstr(mail.plain, "What       system commit of the whole machine\n"));
    mail_deinit(&mail);

    incident->slope_per_hour = NAN;
    incident->exhaustion_utc_ms = 0;
    mail = mail_of(alert);
    assert_string_equal(mail.subject, "[storewatch] EX1: system commit rate unknown, no end foreseeable");
    mail_deinit(&mail);
    free(alert);
}

static void plain_text_of_a_leak(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    alert_add_done(alert, "storewatch restarts nothing now: the mode is \"alert\".");
    alert_add_todo(alert,
                   "Restart the service \"BlackBerry Agent\" before 2026-11-22 07:44:05 UTC; the Information "
                   "Store can stay up.");
    alert_add_todo(alert, "Find the cause.");
    for (int i = 0; i <= 20; i++) {
        const double level = 100.0 * MIB * (i < 6 ? 1.0 : 1.0 + (i - 6) / 14.0);
        alert->points[alert->point_count++] =
            (struct series_point){NOW - (20 - i) * 30 * MS_PER_MINUTE, level, level, level};
    }
    struct mail mail = mail_of(alert);
    assert_text(mail.plain,
                "BESAgent.exe on EX1 grows without bound: private bytes +62.4 MiB/h, 5 h 10 min left.\n"
                "\n"
                "What       private bytes of BESAgent.exe, pid 2212, of the MAPI client \"bes\"\n"
                "           (service BlackBerry Agent)\n"
                "Grows      +62.4 MiB/h (60.1 to 64.9)\n"
                "Since      2026-11-21 20:14:05 UTC, 7 h ago\n"
                "Level      1.73 GiB now, 412 MiB when it began\n"
                "Limit      2.00 GiB (address space), 86 % of it used\n"
                "Ends       in 5 h 10 min, 2026-11-22 08:24:05 UTC (between 2026-11-22\n"
                "           07:44:05 and 2026-11-22 09:16:05 UTC)\n"
                "Why        it grows in each part of that time\n"
                "\n"
                "What was done\n"
                "  - storewatch restarts nothing now: the mode is \"alert\".\n"
                "\n"
                "What to do now\n"
                "  1. Restart the service \"BlackBerry Agent\" before 2026-11-22 07:44:05 UTC;\n"
                "     the Information Store can stay up.\n"
                "  2. Find the cause.\n"
                "\n"
                "History of the private bytes (times are UTC)\n"
                "  17:44         100 MiB  -------------------\n"
                "  18:44         100 MiB  -------------------\n"
                "  19:44         100 MiB  -------------------\n"
                "  20:44         104 MiB  ###################\n"
                "  21:44         118 MiB  ######################\n"
                "  22:44         132 MiB  #########################\n"
                "  23:44         146 MiB  ###########################\n"
                "  00:44         161 MiB  ##############################\n"
                "  01:44         175 MiB  #################################\n"
                "  02:44         193 MiB  ####################################\n"
                "  (# since the growth began)\n"
                "\n"
                "-- \n"
                "storewatch on EX1, 2026-11-22 03:14:05 UTC, incident 12\n");
    mail_deinit(&mail);
    free(alert);
}

/* What its subject calls urgent is red, whatever its kind. */
static void what_is_urgent_is_red(void **state)
{
    (void)state;
    static const char red[] = "#b3261e";
    struct alert *alert = leak(ALERT_REMINDER);
    struct mail mail = mail_of(alert);
    assert_null(strstr(mail.html, red));
    assert_non_null(strstr(mail.html, "EX1 &#183; still growing</td>"));
    mail_deinit(&mail);
    alert->incident.escalated = true;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.html, red));
    mail_deinit(&mail);
    alert->kind = ALERT_ENDED;
    alert->service_state = SERVICE_STATE_STOPPED;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.html, red));
    mail_deinit(&mail);
    free(alert);
}

/* Each reminder of a limit that was passed long ago would foresee another end, that moment. */
static void a_limit_that_is_reached_is_no_forecast(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_REMINDER);
    alert->incident.level_now = 2.1 * GIB;
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms =
        alert->incident.exhaustion_late_utc_ms = NOW;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nEnds       the limit is reached\n"));
    assert_non_null(strstr(mail.subject, "still growing: ")); /* past it, and on */
    mail_deinit(&mail);
    alert->incident.level_now = 1.97 * GIB; /* there is nothing left to grow into */
    mail = mail_of(alert);
    assert_string_equal(mail.subject,
                        "[storewatch] EX1: at its limit: BESAgent.exe private bytes now 1.97 GiB");
    assert_non_null(
        strstr(mail.plain, "BESAgent.exe on EX1 stands at its limit: private bytes now 1.97 GiB."));
    assert_null(strstr(mail.html, "still growing"));
    assert_null(strstr(mail.plain, "\nGrows"));
    mail_deinit(&mail);
    alert->incident.level_now = 2.6 * GIB; /* what is configured was passed, and there it stands */
    alert->incident.slope_low_per_hour = -0.1 * MIB;
    mail = mail_of(alert);
    assert_string_equal(mail.subject,
                        "[storewatch] EX1: above its limit: BESAgent.exe private bytes now 2.60 GiB");
    assert_non_null(
        strstr(mail.plain, "BESAgent.exe on EX1 stands above its limit: private bytes now 2.60 GiB."));
    mail_deinit(&mail);
    alert->incident.level_now = 1.97 * GIB;
    alert->incident.slope_low_per_hour = 60.1 * MIB;
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms =
        alert->incident.exhaustion_late_utc_ms = NOW + MS_PER_HOUR; /* no second lies between */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nEnds       in 1 h, 2026-11-22 04:14:05 UTC\n"));
    mail_deinit(&mail);
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms =
        NOW; /* perhaps it is not yet */
    mail = mail_of(alert);
    assert_non_null(
        strstr(mail.plain, "\nEnds       2026-11-22 03:14:05 UTC (between 2026-11-22 03:14:05 and\n"));
    mail_deinit(&mail);
    free(alert);
}

/* What was foreseen when it could still be read has passed since: whether it has come is not known. */
static void an_end_that_passed_unseen_is_not_reached(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_REMINDER);
    alert->read_utc_ms = NOW - 8 * MS_PER_HOUR;
    alert->incident.exhaustion_utc_ms = alert->incident.exhaustion_early_utc_ms =
        alert->incident.exhaustion_late_utc_ms = NOW - 2 * MS_PER_HOUR;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nEnds       2026-11-22 01:14:05 UTC\n"));
    mail_deinit(&mail);
    free(alert);
}

/* The clock was set back by a day since the growth began and was told: for how long it goes on is as it was. */
static void times_go_with_a_clock_that_is_set(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_REMINDER);
    alert->incident.onset_utc_ms += MS_PER_DAY;
    alert->incident.opened_utc_ms += MS_PER_DAY;
    alert->clock_moved_ms = -MS_PER_DAY;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nSince      2026-11-21 20:14:05 UTC, 7 h ago\n"));
    mail_deinit(&mail);
    alert->kind = ALERT_RECOVERED;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nLasted     4 h since the alert of 2026-11-21 23:14:05 UTC\n"));
    mail_deinit(&mail);
    alert->clock_moved_ms = 0; /* nobody saw it being set */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nLasted     0 ms since the alert of 2026-11-22 23:14:05 UTC\n"));
    mail_deinit(&mail);
    free(alert);
}

/* Growth that was told has all but stopped, and the verdict still waits whether it has ended: nobody wants to
 * hear by how little a day it grows, and that it ends in years. What is urgent, or at its limit, stays so. */
static void what_hardly_grows_any_more(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_REMINDER);
    alert->hardly_grows = true; /* as the engine has it of the verdict, whatever the incident's numbers say */
    alert->incident.exhaustion_utc_ms = NOW + 30 * 365 * MS_PER_DAY;
    struct mail mail = mail_of(alert);
    assert_string_equal(mail.subject,
                        "[storewatch] EX1: hardly grows any more: BESAgent.exe private bytes now 1.73 GiB");
    assert_non_null(
        strstr(mail.plain, "BESAgent.exe on EX1 hardly grows any more: private bytes now 1.73 GiB."));
    assert_non_null(strstr(mail.plain, "\nEnds       not foreseeable while it hardly grows\n"));
    assert_int_equal(mail_severity(&mail, alert->kind), SEVERITY_INFORMATION);
    mail_deinit(&mail);
    alert->incident.slope_per_hour = -0.5 * MIB; /* nothing grows by less than nothing */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nRate       -0.5 MiB/h ("));
    assert_null(strstr(mail.html, ">grows by<"));
    mail_deinit(&mail);
    alert->incident.slope_per_hour = 0.01 * MIB;
    alert->read_utc_ms = NOW - MS_PER_HOUR; /* what it does since then nobody knows */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.subject, "last seen growing: "));
    mail_deinit(&mail);
    alert->read_utc_ms = 0;
    alert->incident.level_now = alert->incident.limit;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.subject, "still growing: "));
    mail_deinit(&mail);
    alert->incident.level_now = 1.73 * GIB;
    alert->incident.escalated = true;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.subject, "URGENT: BESAgent.exe private bytes +"));
    mail_deinit(&mail);
    free(alert);
}

/* Who accounts for a third of it is no more than a part of the cause, however sure that is. */
static void who_is_a_part_of_the_cause(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct config config;
    config_default(&config);
    alert->incident.target_kind = TARGET_HOST;
    alert->incident.metric = METRIC_COMMIT;
    alert->incident.image[0] = '\0';
    alert->has_ranking = true;
    alert->ranking.count = 1;
    alert->ranking.items[0] = (struct culprit){.image = "Fax.exe",
                                               .kind = TARGET_DISCOVERED,
                                               .process_count = 1,
                                               .confidence = CULPRIT_NEARLY_CERTAIN,
                                               .share = 0.33};
    advice_add(alert, &config, false);
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, " A part of the cause: nearly certainly Fax.exe."));
    assert_non_null(strstr(alert->todo[0], "nearly certainly is a part of the cause"));
    mail_deinit(&mail);
    alert->ranking.items[0].share = 0.8;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, " The cause: nearly certainly Fax.exe."));
    mail_deinit(&mail);
    free(alert);
}

/* A mail that comes because what was told is true no more says that, and what was told. */
static void what_ends_much_sooner_than_was_told(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_REMINDER);
    alert->sooner_than_ms = 160 * MS_PER_DAY;
    struct mail mail = mail_of(alert);
    assert_string_equal(
        mail.subject,
        "[storewatch] EX1: ends much sooner: BESAgent.exe private bytes +62.4 MiB/h, 5 h 10 min left");
    assert_ptr_equal(strstr(mail.plain, "BESAgent.exe on EX1 ends much sooner than was told: private bytes "
                                        "+62.4 MiB/h, 5 h 10 min left instead of 160 d.\n"),
                     mail.plain);
    assert_null(strstr(mail.html, "still growing"));
    mail_deinit(&mail);
    alert->sooner_than_ms = INT64_MAX;
    mail = mail_of(alert);
    assert_ptr_equal(strstr(mail.plain, "BESAgent.exe on EX1 grows, and its end is in sight now: private "
                                        "bytes +62.4 MiB/h, 5 h 10 min left.\n"),
                     mail.plain);
    mail_deinit(&mail);
    free(alert);
}

/* For what ends in months at the earliest nobody is woken: subject, first sentence and severity say so. */
static void what_ends_in_months_is_no_hurry(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    alert->incident.exhaustion_early_utc_ms = NOW + 380 * MS_PER_DAY;
    alert->incident.exhaustion_utc_ms = NOW + 412 * MS_PER_DAY;
    alert->incident.exhaustion_late_utc_ms = NOW + 450 * MS_PER_DAY;
    struct mail mail = mail_of(alert);
    assert_string_equal(mail.subject,
                        "[storewatch] EX1: no hurry: BESAgent.exe private bytes +62.4 MiB/h, 412 d left");
    assert_ptr_equal(strstr(mail.plain, "BESAgent.exe on EX1 grows without bound, but there is time: private "
                                        "bytes +62.4 MiB/h, 412 d left.\n"),
                     mail.plain);
    assert_int_equal(mail_severity(&mail, alert->kind), SEVERITY_INFORMATION);
    mail_deinit(&mail);
    alert->kind = ALERT_REMINDER;
    mail = mail_of(alert);
    assert_string_equal(
        mail.subject,
        "[storewatch] EX1: no hurry: still growing: BESAgent.exe private bytes +62.4 MiB/h, 412 d left");
    mail_deinit(&mail);
    alert->incident.exhaustion_early_utc_ms = NOW + 29 * MS_PER_DAY; /* perhaps it is sooner */
    mail = mail_of(alert);
    assert_null(strstr(mail.subject, "no hurry"));
    assert_int_equal(mail_severity(&mail, alert->kind), SEVERITY_WARNING);
    mail_deinit(&mail);
    free(alert);
}

/* Growth that ended by itself has at its end the rate of its end: what it did in all is told then. */
static void growth_that_ended_by_itself(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_RECOVERED);
    struct incident *incident = &alert->incident;
    incident->slope_per_hour = 4.25 * MIB;
    incident->slope_low_per_hour = -2.1 * MIB;
    incident->slope_high_per_hour = 23.15 * MIB;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "Grew       by 1.33 GiB in 7 h\n"));
    assert_null(strstr(mail.plain, "4.25"));
    mail_deinit(&mail);

    incident->slope_low_per_hour = 2.1 * MIB; /* it grew when it was looked at last, too */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "Grew       +4.25 MiB/h (2.10 to 23.15)\n"));
    mail_deinit(&mail);
    incident->slope_low_per_hour = -2.1 * MIB;

    incident->recovering_utc_ms = NOW - MS_PER_HOUR; /* its level is that of a new process */
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "Grew       +4.25 MiB/h (-2.10 to 23.15)\n"));
    mail_deinit(&mail);
    free(alert);
}

/* A growth that has ended near its limit is not over for who reads of it; what is far from it needs no word. */
static void growth_that_ended_near_its_limit(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_RECOVERED);
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nLimit      2.00 GiB (address space), 86 % of it used\nLasted"));
    mail_deinit(&mail);
    alert->incident.recovering_utc_ms = NOW - MS_PER_HOUR; /* the process that had taken it has ended */
    mail = mail_of(alert);
    assert_null(strstr(mail.plain, "\nLimit"));
    mail_deinit(&mail);
    free(alert);
}

/* What grows has taken more than nothing, and what is not full is not full. */
static void shares_of_a_limit(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    alert->incident.level_now = 0.003 * GIB;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "(address space), less than 1 % of it used\n"));
    assert_non_null(strstr(mail.html, ">less than 1 % of 2.00 GiB used: address space<"));
    mail_deinit(&mail);
    alert->incident.level_now = 1.995 * GIB;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "(address space), more than 99 % of it used\n"));
    mail_deinit(&mail);
    alert->incident.level_now = 2.0 * GIB;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "(address space), 100 % of it used\n"));
    mail_deinit(&mail);
    free(alert);
}

/* Where swings make the interval reach from shrinking to growing, it would deny that it grows; and what may have come
 * already is not said to be yet to come. */
static void growth_that_swings(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct incident *incident = &alert->incident;
    incident->slope_low_per_hour = -36.4 * MIB;
    incident->exhaustion_early_utc_ms = NOW;
    incident->exhaustion_late_utc_ms = INT64_MAX;
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nGrows      about +62.4 MiB/h\n"));
    assert_non_null(
        strstr(mail.plain, "\nEnds       in 5 h 10 min, 2026-11-22 08:24:05 UTC (perhaps at once)\n"));
    mail_deinit(&mail);
    free(alert);
}

/* No forecast knows the second in which it ends, nor that of a day in weeks. */
static void what_is_foreseen_is_rounded(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct incident *incident = &alert->incident;
    incident->exhaustion_utc_ms = NOW + 52 * MS_PER_MINUTE + 3 * MS_PER_SECOND;
    struct mail mail = mail_of(alert);
    assert_string_equal(mail.subject,
                        "[storewatch] EX1: BESAgent.exe private bytes +62.4 MiB/h, 52 min left");
    assert_non_null(strstr(mail.plain, "\nEnds       in 52 min, 2026-11-22 04:06:08 UTC ("));
    mail_deinit(&mail);
    incident->exhaustion_utc_ms = NOW + 9 * MS_PER_MINUTE + 3 * MS_PER_SECOND;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.subject, " 9 min 3 s left"));
    mail_deinit(&mail);
    incident->exhaustion_utc_ms = NOW + 38 * MS_PER_HOUR - 30 * MS_PER_MINUTE - 20 * MS_PER_SECOND;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.subject, ", 1 d 13 h left")); /* rounded once, and not to minutes before */
    mail_deinit(&mail);
    incident->exhaustion_early_utc_ms = NOW + 6 * MS_PER_DAY;
    incident->exhaustion_utc_ms = NOW + 15 * MS_PER_DAY;
    incident->exhaustion_late_utc_ms = NOW + 78 * MS_PER_DAY;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain,
                           "\nEnds       in 15 d, 2026-12-07 (between 2026-11-28 03:14:05 UTC and\n"
                           "           2027-02-08)\n"));
    mail_deinit(&mail);
    incident->exhaustion_early_utc_ms = NOW + 8 * MS_PER_DAY;
    mail = mail_of(alert);
    assert_non_null(
        strstr(mail.plain, "\nEnds       in 15 d, 2026-12-07 (between 2026-11-30 and 2027-02-08)\n"));
    mail_deinit(&mail);
    incident->exhaustion_late_utc_ms = INT64_MAX;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain, "\nEnds       in 15 d, 2026-12-07 (not before 2026-11-30)\n"));
    mail_deinit(&mail);
    free(alert);
}

/* What took minutes lies within the last of ten rows of two days: its level now has a row of its own. */
static void a_chart_ends_with_what_is_now(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    alert->incident.onset_utc_ms = NOW - MS_PER_HOUR;
    for (int i = 0; i < 96; i++) {
        const double level = (i < 94 ? 100.0 : i == 94 ? 900.0 : 1800.0) * MIB;
        alert->points[alert->point_count++] =
            (struct series_point){NOW - (95 - i) * 30 * MS_PER_MINUTE, level, level, level};
    }
    struct mail mail = mail_of(alert);
    assert_non_null(strstr(mail.plain,
                           "\n  11-22 03:14        1.76 GiB  ####################################\n"
                           "  (# since the growth began)\n"));
    mail_deinit(&mail);
    free(alert);
}

static void plain_text_of_others(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_RECOVERED);
    alert->incident.level_now = 212.0 * MIB;
    struct mail mail = mail_of(alert);
    assert_text(mail.plain, "BESAgent.exe on EX1 has recovered: private bytes now 212 MiB.\n"
                            "\n"
                            "What       private bytes of BESAgent.exe, pid 2212, of the MAPI client \"bes\"\n"
                            "           (service BlackBerry Agent)\n"
                            "Grew       +62.4 MiB/h (60.1 to 64.9)\n"
                            "Level      1.31 GiB at the alert, 212 MiB now\n"
                            "Lasted     4 h since the alert of 2026-11-21 23:14:05 UTC\n"
                            "\n"
                            "What to do now\n"
                            "  Nothing.\n"
                            "\n"
                            "-- \n"
                            "storewatch on EX1, 2026-11-22 03:14:05 UTC, incident 12\n");
    mail_deinit(&mail);

    *alert = (struct alert){.kind = ALERT_CONFIG_REFUSED, .utc_ms = NOW, .key = "CONFIG_REFUSED-1"};
    text_copy(alert->host_name, sizeof(alert->host_name), "EX1");
    text_copy(alert->text, sizeof(alert->text), "a.json:3:1: mode: must be \"alert\" or \"act\"\r\n\nb\n");
    alert_add_todo(alert, "Mend the file.");
    mail = mail_of(alert);
    assert_text(mail.plain, "EX1: configuration refused, the old one stays in force.\n"
                            "\n"
                            "a.json:3:1: mode: must be \"alert\" or \"act\"\n"
                            "b\n"
                            "\n"
                            "What to do now\n"
                            "  1. Mend the file.\n"
                            "\n"
                            "-- \n"
                            "storewatch on EX1, 2026-11-22 03:14:05 UTC\n");
    mail_deinit(&mail);

    /* the first line of a digest is its news, and stands there once */
    alert->kind = ALERT_DIGEST;
    text_copy(alert->text, sizeof(alert->text), "2 incidents are open\n3 programs are watched.");
    mail = mail_of(alert);
    assert_text(mail.plain, "EX1: 2 incidents are open.\n"
                            "\n"
                            "3 programs are watched.\n"
                            "\n"
                            "What to do now\n"
                            "  1. Mend the file.\n"
                            "\n"
                            "-- \n"
                            "storewatch on EX1, 2026-11-22 03:14:05 UTC\n");
    assert_non_null(strstr(mail.html, "EX1 &#183; daily digest</td>"));
    mail_deinit(&mail);

    /* without a service's name the words stay right */
    alert->kind = ALERT_SERVICE_DOWN;
    alert->text[0] = '\0';
    mail = mail_of(alert);
    assert_string_equal(
        mail.subject, "[storewatch] EX1: URGENT: a service is DOWN after a restart, storewatch keeps trying");
    assert_non_null(strstr(
        mail.plain, "A service on EX1 is DOWN after a restart; storewatch keeps trying to start it.\n"));
    mail_deinit(&mail);
    alert->service_state = SERVICE_STATE_STOP_PENDING;
    mail = mail_of(alert);
    assert_non_null(strstr(mail.plain,
                           "A service on EX1 is DOWN: it hangs in its stop, and can be started again "
                           "only when its process has ended.\n"));
    mail_deinit(&mail);
    free(alert);
}

static void events(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    char storage[2048];
    struct text text = text_on(storage, sizeof(storage));
    alert_add_todo(alert, "Find the cause.");
    report_event(alert, &text);
    assert_string_equal(
        storage, "BESAgent.exe on EX1 grows without bound: private bytes +62.4 MiB/h, 5 h 10 min left.\n"
                 "To do: Find the cause.\n"
                 "What: private bytes of BESAgent.exe, pid 2212, of the MAPI client \"bes\" (service "
                 "BlackBerry Agent)\n"
                 "Grows: +62.4 MiB/h (60.1 to 64.9)\n"
                 "Since: 2026-11-21 20:14:05 UTC, 7 h ago\n"
                 "Level: 1.73 GiB now, 412 MiB when it began\n"
                 "Limit: 2.00 GiB (address space), 86 % of it used\n"
                 "Ends: in 5 h 10 min, 2026-11-22 08:24:05 UTC (between 2026-11-22 07:44:05 and "
                 "2026-11-22 09:16:05 UTC)\n"
                 "Why: it grows in each part of that time");
    /* however long the parts are, it says that it was cut, and where a line or a sentence ends */
    alert_add_todo(alert, "Ask the vendor.");
    for (int i = 0; i < ALERT_LINES_MAX + 5; i++)
        alert_add_done(alert, "Sentence %d is the first. %0150d is the second.", i, i);
    text_clear(&text);
    report_event(alert, &text);
    assert_in_range(text.length, 1300, REPORT_EVENT_MAX - 1);
    assert_true(strncmp(storage, "BESAgent.exe on EX1 grows without bound: ", 41) == 0);
    assert_non_null(
        strstr(storage, "left.\nTo do: Find the cause.\nTo do: Ask the vendor.\nDone: Sentence 0 is "));
    const char *cut = strstr(storage, "\n(Cut here: the mail has all of it.)");
    assert_non_null(cut);
    assert_string_equal(strchr(cut, ')'), ")");
    assert_true(cut[-1] == '.');
    /* nothing is in it but whole sentences of what was meant */
    const char *last = cut;
    while (last[-1] != '\n')
        last--;
    int number = -1;
    assert_int_equal(sscanf(last, "Done: Sentence %d is the first.", &number), 1);
    char whole[512];
    snprintf(whole, sizeof(whole), "Done: Sentence %d is the first. %0150d is the second.", number, number);
    assert_true(strncmp(last, whole, (size_t)(cut - last)) == 0);
    /* one sentence without end leaves no half of itself */
    alert->todo_count = alert->done_count = 0;
    memset(alert->text, 'x', sizeof(alert->text) - 1);
    alert->text[sizeof(alert->text) - 1] = '\0';
    alert->kind = ALERT_RESTART_PROGRESS; /* is not mailed */
    for (int i = 0; i < 6; i++)
        alert_add_done(alert, "%0300d", i);
    text_clear(&text);
    report_event(alert, &text);
    cut = strstr(storage, "\n(Cut here.)");
    assert_non_null(cut);
    assert_string_equal(cut, "\n(Cut here.)");
    free(alert);
}

static void hostile_names(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct incident *incident = &alert->incident;
    text_copy(incident->image, sizeof(incident->image), "<script>x()</script>&\"'.exe\r\nBcc: a@b.c");
    text_copy(incident->target, sizeof(incident->target), "b\x01<b>\xFF");
    text_copy(incident->reason, sizeof(incident->reason), "<img src=x>");
    text_copy(incident->limit_name, sizeof(incident->limit_name), "<i>%s%n");
    text_copy(alert->host_name, sizeof(alert->host_name), "E<X>\n1");
    text_copy(alert->text, sizeof(alert->text), "<u>%d");
    text_copy(alert->key, sizeof(alert->key), "i12-3\r\nX: y");
    alert_add_done(alert, "<a href=\"x\">%s", "%s");
    alert_add_todo(alert, "</td></table>\nx");
    struct mail mail;
    assert_int_equal(report_mail(alert, "[<p>\r\n]", &mail), STATUS_OK);
    assert_null(strpbrk(mail.subject, "\r\n"));
    assert_string_equal(
        mail.subject,
        "[<p>  ] E<X> 1: <script>x()</script>&\"'.exe  Bcc: a@b.c private bytes +62.4 MiB/h, 5 h "
        "10 min left");
    static const char *const never[] = {"<script", "<img",    "<i>",  "<u>",  "<a ",
                                        "<p>",     "<b>\xFF", "\xFF", "\x01", "\r"};
    for (size_t i = 0; i < ARRAY_COUNT(never); i++)
        if (strstr(mail.html, never[i]) != NULL)
            fail_msg("%s in the HTML", never[i]);
    assert_non_null(strstr(mail.html, "&lt;script&gt;x()&lt;/script&gt;&amp;&quot;&#39;.exe  Bcc"));
    /* a line of its own in the plain text only where we made one */
    assert_null(strstr(mail.plain, "\nBcc"));
    assert_null(strstr(mail.plain, "\nx"));
    mail_deinit(&mail);
    free(alert);
}

static void html_for_old_clients(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    for (int i = 0; i < 90; i++) {
        alert->points[alert->point_count++] =
            (struct series_point){NOW - (90 - i) * MS_PER_MINUTE, i * MIB, i * MIB, i * MIB};
    }
    struct mail mail = mail_of(alert);
    static const char *const never[] = {"<script", "<img",   "<svg",      "<style", "<link",
                                        "<div",    "class=", "position:", "float:", "display:",
                                        "url(",    "src=",   "href="};
    for (size_t i = 0; i < ARRAY_COUNT(never); i++)
        if (strstr(mail.html, never[i]) != NULL)
            fail_msg("%s in the HTML", never[i]);
    /* tables and cells are closed; the conditional comments have a table of their own, opened and closed */
    static const char *const pairs[][2] = {{"<table", "</table>"}, {"<tr", "</tr>"}, {"<td", "</td>"}};
    for (size_t i = 0; i < ARRAY_COUNT(pairs); i++) {
        int depth = 0;
        for (const char *at = mail.html; (at = strstr(at, pairs[i][0])) != NULL; at++)
            depth++;
        for (const char *at = mail.html; (at = strstr(at, pairs[i][1])) != NULL; at++)
            depth--;
        assert_int_equal(depth, 0);
    }
    assert_in_range(strlen(mail.html), 8000, 60000); /* some clients cut at 100 KiB */
    mail_deinit(&mail);
    free(alert);
}

static void numbers_that_are_none(void **state)
{
    (void)state;
    struct alert *alert = leak(ALERT_OPENED);
    struct incident *incident = &alert->incident;
    static const double odd[] = {NAN, INFINITY, -INFINITY, 0.0, -1.0, 1e300, -1e300};
    for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
        incident->level_at_onset = incident->level_at_open = incident->level_now = odd[i];
        incident->slope_per_hour = incident->slope_low_per_hour = odd[i];
        incident->limit = odd[(i + 1) % ARRAY_COUNT(odd)];
        alert->point_count = 3;
        for (int k = 0; k < 3; k++)
            alert->points[k] = (struct series_point){NOW + k, odd[i], odd[i], odd[i]};
        for (size_t kind = 0; kind < ALERT_KIND_COUNT; kind++) {
            alert->kind = (enum alert_kind)kind;
            struct mail mail = mail_of(alert);
            /* as a word: "maintenance" is none */
            assert_null(strstr(mail.html, " nan"));
            assert_null(strstr(mail.html, ">nan"));
            assert_null(strstr(mail.html, "-nan"));
            assert_null(strstr(mail.html, "inf "));
            mail_deinit(&mail);
        }
    }
    free(alert);
}

static void keys(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        int64_t incident_id;
        const char *kind; /* NULL = none */
        const char *unique, *first;
    } cases[] = {
        {"i12-3.REMINDER.1763781245123", 12, "REMINDER", "i12-3.1763781245123", "i12-1.1763781245123"},
        {"i12-1.OPENED.1763781245123", 12, "OPENED", "i12-1.1763781245123", "i12-1.1763781245123"},
        {"i12-3", 12, NULL, "i12-3", ""},
        {"i12-3.REMINDER-urgent.1763781245123", 12, "REMINDER", "i12-3.1763781245123", "i12-1.1763781245123"},
        {"i12-3.NOSUCH.5", 12, NULL, "i12-3.5", "i12-1.5"},
        {"CONFIG_REFUSED-1763781245123", 0, "CONFIG_REFUSED", "CONFIG_REFUSED-1763781245123", ""},
        {"SERVICE_DOWN-r3-SERVICE_DOWN-17", 0, "SERVICE_DOWN", "SERVICE_DOWN-r3-SERVICE_DOWN-17", ""},
        {"i-3.OPENED.5", 0, NULL, "i-3.OPENED.5", ""},
        {"i99999999999999999999", 0, NULL, "i99999999999999999999", ""},
        {"", 0, NULL, "", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct report_key key = report_key_parse(cases[i].key);
        assert_int_equal(key.incident_id, cases[i].incident_id);
        assert_string_equal(key.has_kind ? alert_wording_get(key.kind)->name : "",
                            cases[i].kind != NULL ? cases[i].kind : "");
        assert_string_equal(key.unique, cases[i].unique);
        assert_string_equal(key.first, cases[i].first);
    }
    /* what report_mail makes */
    struct alert *alert = leak(ALERT_REMINDER);
    alert->incident.opened_utc_ms = 1763781245123;
    struct mail mail = mail_of(alert);
    assert_string_equal(mail.key, "i12-3.REMINDER.1763781245123");
    mail_deinit(&mail);
    alert->incident.escalated = true;
    mail = mail_of(alert);
    assert_string_equal(mail.key, "i12-3.REMINDER-urgent.1763781245123");
    assert_int_equal(mail_severity(&mail, ALERT_REMINDER), SEVERITY_ERROR);
    mail_deinit(&mail);
    alert->has_incident = false;
    alert->kind = ALERT_TEST;
    text_copy(alert->key, sizeof(alert->key), "TEST-5");
    mail = mail_of(alert);
    assert_string_equal(mail.key, "TEST-5");
    mail_deinit(&mail);
    text_copy(alert->key, sizeof(alert->key), "r3-TEST-5");
    mail = mail_of(alert);
    assert_string_equal(mail.key, "TEST-r3-TEST-5");
    mail_deinit(&mail);
    free(alert);
}

/* ---- charts ---- */

static void gaps(void **state)
{
    (void)state;
    /* fine points after coarse ones are no gap; twice the usual distance is one; so is an unknown value */
    static const int64_t times[] = {0, 40, 80, 120, 160, 170, 180, 190, 210, 220, 230, 240};
    static const bool expected[] = {false, false, false, false, false, false,
                                    false, true,  false, true,  true,  false};
    struct series_point points[ARRAY_COUNT(times)];
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        points[i] = (struct series_point){times[i], 1.0, 1.0, 1.0};
    points[10].mean = NAN;
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        assert_int_equal(report_gap_after(points, ARRAY_COUNT(times), i), expected[i]);
    assert_false(report_gap_after(points, 1, 0));
    assert_false(report_gap_after(points, 2, 0)); /* two points: nothing is usual yet */
}

static void slots(void **state)
{
    (void)state;
    struct series_point points[] = {
        {0, 0, 10.0, 0}, {10, 0, 20.0, 0}, {20, 0, 30.0, 0}, {30, 0, 40.0, 0}, {100, 0, 50.0, 0}};
    double out[10];
    assert_false(report_slots(points, 1, out, 10));
    assert_true(report_slots(points, 5, out, 10));
    assert_float_equal(out[0], 10.0, 1e-9);
    assert_float_equal(out[2], 30.0, 1e-9);
    assert_float_equal(out[3], 40.0, 1e-9);
    assert_true(isnan(out[4]) && isnan(out[8])); /* a gap stays a gap */
    assert_float_equal(out[9], 50.0, 1e-9);
    /* more slots than points: the line between them */
    assert_true(report_slots(points, 2, out, 10));
    assert_float_equal(out[4], 14.5, 1e-9);
    points[1].t_ms = 0;
    assert_false(report_slots(points, 2, out, 10)); /* no time passed */
}

static void axes(void **state)
{
    (void)state;
    static const struct {
        enum unit unit;
        double low, high;
        const char *first, *second, *last;
    } cases[] = {
        {UNIT_BYTES, 400.0 * MIB, 1.73 * GIB, "0.0 GiB", "0.5 GiB", "2.0 GiB"},
        {UNIT_BYTES, 1.20 * GIB, 1.31 * GIB, "1.20 GiB", "1.25 GiB", "1.35 GiB"},
        {UNIT_BYTES, 0.0, 700.0, "0 B", "200 B", "800 B"},
        {UNIT_BYTES, 1000.0 * MIB, 1000.0 * MIB, "990 MiB", "995 MiB", "1,010 MiB"},
        {UNIT_HANDLES, 1200.0, 7300.0, "0", "2,000", "8,000"},
        {UNIT_HANDLES, 5.0, 5.0, "0", "2", "8"},
        {UNIT_OTHER, -3.0, 12.0, "-5", "0", "15"},
        {UNIT_OTHER, 0.0, 0.0, "0.0", "0.2", "1.0"},
        {UNIT_OTHER, 0.0, 4e9, "0", "1e+09", "4e+09"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct report_axis axis = report_axis_make(cases[i].unit, cases[i].low, cases[i].high, 5);
        assert_string_equal(report_axis_label(&axis, axis.low).s, cases[i].first);
        assert_string_equal(report_axis_label(&axis, axis.low + axis.step).s, cases[i].second);
        assert_string_equal(report_axis_label(&axis, axis.high).s, cases[i].last);
        const double slack = axis.step * 1e-9;
        assert_true(axis.low <= cases[i].low + slack && axis.high >= cases[i].high - slack);
    }
}

/* Whatever bytes come: one line, valid UTF-8, no markup. */
static void random_bytes(void **state)
{
    (void)state;
    srand(4711);
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t length = (size_t)(rand() % (int)(sizeof(bytes) - 1));
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)(rand() % 255 + 1);
        bytes[length] = '\0';
        char line[128];
        struct text text = text_on(line, sizeof(line));
        report_add_line(&text, bytes);
        bool valid;
        size_t step;
        for (const char *at = line; (step = report_character(at, &valid)) > 0; at += step)
            assert_true(valid && *at != '\n' && *at != '\t');
        struct buffer buffer = {0};
        report_add_escaped(&buffer, bytes);
        for (const char *at = buffer.data != NULL ? buffer.data : "";
             (step = report_character(at, &valid)) > 0; at += step)
            assert_true(valid && strchr("<>\"'", *at) == NULL);
        buffer_deinit(&buffer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(subjects),
        cmocka_unit_test(a_subject_that_is_cut_says_so),
        cmocka_unit_test(subject_of_an_end_that_may_come_sooner),
        cmocka_unit_test(subject_of_other_metrics),
        cmocka_unit_test(plain_text_of_a_leak),
        cmocka_unit_test(what_is_urgent_is_red),
        cmocka_unit_test(a_limit_that_is_reached_is_no_forecast),
        cmocka_unit_test(an_end_that_passed_unseen_is_not_reached),
        cmocka_unit_test(times_go_with_a_clock_that_is_set),
        cmocka_unit_test(what_hardly_grows_any_more),
        cmocka_unit_test(what_ends_in_months_is_no_hurry),
        cmocka_unit_test(what_ends_much_sooner_than_was_told),
        cmocka_unit_test(who_is_a_part_of_the_cause),
        cmocka_unit_test(growth_that_ended_by_itself),
        cmocka_unit_test(growth_that_ended_near_its_limit),
        cmocka_unit_test(shares_of_a_limit),
        cmocka_unit_test(growth_that_swings),
        cmocka_unit_test(what_is_foreseen_is_rounded),
        cmocka_unit_test(a_chart_ends_with_what_is_now),
        cmocka_unit_test(plain_text_of_others),
        cmocka_unit_test(events),
        cmocka_unit_test(hostile_names),
        cmocka_unit_test(html_for_old_clients),
        cmocka_unit_test(numbers_that_are_none),
        cmocka_unit_test(keys),
        cmocka_unit_test(gaps),
        cmocka_unit_test(slots),
        cmocka_unit_test(axes),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

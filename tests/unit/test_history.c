/* test_history.c - `history` and `report` over a file made for the purpose, while its writer still has it
 * open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "storewatch/cli.h"
#include "storewatch/report.h"
#include "storewatch/store.h"
#include "storewatch/units.h"

#include "../../src/app/culprit_record.h"

struct fixture {
    char folder[64], path[128], output[128], page[128];
    struct store *store;
    int64_t begin_utc_ms;
};

#define LEAK_BYTES_PER_SAMPLE 65536.0
#define SAMPLES 2000 /* at one a minute */

static void fill(struct fixture *fixture)
{
    struct err err = {0};
    const struct store_series_key leaking = {.target_kind = TARGET_CLIENT,
                                             .target = "arch<ive",
                                             .image = "archive.exe",
                                             .process = {1234, 77},
                                             .metric = METRIC_PRIVATE_BYTES};
    const struct store_series_key flat = {
        .target_kind = TARGET_HOST, .target = "host", .metric = METRIC_COMMIT};
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    for (int i = 0; i < SAMPLES; i++) {
        const int64_t utc_ms = fixture->begin_utc_ms + i * MS_PER_MINUTE;
        const double noise = (double)(i * 7919 % 101) * 4096.0;
        store_put_sample(fixture->store, &leaking, utc_ms,
                         i == 5 ? NAN : 1e8 + LEAK_BYTES_PER_SAMPLE * i + noise, &err);
        store_put_sample(fixture->store, &flat, utc_ms, 2e9 + noise, &err);
    }
    struct incident incident = {.id = 3,
                                .target_kind = TARGET_CLIENT,
                                .target = "arch<ive",
                                .service = "ArchiveSvc",
                                .image = "archive.exe",
                                .process = {1234, 77},
                                .metric = METRIC_PRIVATE_BYTES,
                                .reason = "it \"grows\" & grows",
                                .opened_utc_ms = fixture->begin_utc_ms + 10 * MS_PER_HOUR,
                                .slope_per_hour = NAN,
                                .slope_low_per_hour = NAN,
                                .slope_high_per_hour = NAN,
                                .level_at_open = 1.5e8,
                                .level_now = NAN,
                                .exhaustion_utc_ms = INT64_MAX,
                                .exhaustion_early_utc_ms = INT64_MAX,
                                .exhaustion_late_utc_ms = INT64_MAX};
    store_put_incident(fixture->store, &incident, &err);
    static struct restart_journal journal = {.id = 9,
                                             .incident_id = 3,
                                             .rung = RUNG_RESTART_CLIENT,
                                             .target = "ArchiveSvc",
                                             .reason = "incident 3",
                                             .phase = RESTART_ENDED,
                                             .outcome = RESTART_SUCCEEDED};
    journal.begun_utc_ms = fixture->begin_utc_ms + 20 * MS_PER_HOUR;
    journal.ended_utc_ms = journal.begun_utc_ms + MS_PER_MINUTE;
    journal.plan.count = 1;
    strcpy(journal.plan.services[0].name, "ArchiveSvc");
    journal.plan.services[0].process = (struct process_id){1234, 77};
    store_put_restart(fixture->store, &journal, &err);
    struct mail mail = {
        .key = "i3-1", .subject = "archive grows", .plain = (char *)(uintptr_t) "secret body"};
    store_put_mail(fixture->store, &mail, ALERT_OPENED, 3, fixture->begin_utc_ms, &err);
    store_set_mail(fixture->store, mail.key, MAIL_PENDING, 2, "451 later", fixture->begin_utc_ms, &err);
    if (store_commit(fixture->store, &err) != STATUS_OK || err.status != STATUS_OK)
        fail_msg("%s: %s", err.operation, err.text);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct err err = {0};
    memset(&fixture, 0, sizeof(fixture));
    strcpy(fixture.folder, "/tmp/storewatch-test-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    store_path(fixture.path, sizeof(fixture.path), fixture.folder);
    snprintf(fixture.output, sizeof(fixture.output), "%s/output", fixture.folder);
    snprintf(fixture.page, sizeof(fixture.page), "%s/page.html", fixture.folder);
    assert_int_equal(store_open(fixture.path, 0, &fixture.store, &err), STATUS_OK);
    fixture.begin_utc_ms = ((int64_t)time(NULL) - 3 * 86400) / 60 * MS_PER_MINUTE;
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    unlink(fixture->path);
    unlink(fixture->output);
    unlink(fixture->page);
    return rmdir(fixture->folder); /* fails when a command left something behind */
}

/* The whole of a file; free it. */
static char *read_all(const char *path)
{
    struct stat info;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(stat(path, &info), 0);
    char *text = malloc((size_t)info.st_size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)info.st_size, file), (size_t)info.st_size);
    text[info.st_size] = '\0';
    fclose(file);
    return text;
}

/* Runs a command with its answer caught; the last argument is NULL. */
static char *answer(struct fixture *fixture, int (*run)(int, char **), int expected,
                    const char *const *arguments)
{
    char *argv[12];
    int argc = 0;
    for (; arguments[argc] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)arguments[argc];
    fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    assert_non_null(freopen(fixture->output, "wb", stdout));
    const int code = run(argc, argv);
    fflush(stdout);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_int_equal(code, expected);
    return read_all(fixture->output);
}

#define ANSWER(run, expected, ...)                                                                           \
    answer(*state, run, expected, (const char *const[]){#run, __VA_ARGS__, NULL})

static void history_as_text(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    char *text = ANSWER(history_run, EXIT_FINE, "--data", fixture->folder);
    static const char *const wanted[] = {"private bytes of arch<ive (archive.exe, pid 1234), at the end ",
                                         "system commit of host, at the end 1.8",
                                         "incidents: 1",
                                         "it \"grows\" & grows",
                                         "restarts: 1",
                                         "1. ArchiveSvc",
                                         "mails: 1",
                                         "451 later"};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        if (strstr(text, wanted[i]) == NULL)
            fail_msg("\"%s\" is not in\n%s", wanted[i], text);
    assert_non_null(strstr(text, "ArchiveSvc, ended, succeeded\n"));
    assert_null(strstr(text, "secret body"));
    free(text);
    /* one that goes on has no outcome yet, and "none" is none */
    struct restart_journal journal = {.id = 9, .target = "FaxSvc", .phase = RESTART_STOPPING};
    struct err err = {0};
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    assert_int_equal(store_put_restart(fixture->store, &journal, &err), STATUS_OK);
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
    text = ANSWER(history_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "FaxSvc, stopping\n"));
    free(text);
}

static void history_as_csv(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    /* Half of it as rollups. */
    struct err err = {0};
    assert_int_equal(
        store_maintain(fixture->store, fixture->begin_utc_ms + STORE_RAW_MS + 1000 * MS_PER_MINUTE, &err),
        STATUS_OK);
    char *text = ANSWER(history_run, EXIT_FINE, "--csv", "--data", fixture->folder);
    unsigned long lines = 0, known = 0, unknown = 0, leaking = 0;
    char *line = text;
    assert_int_equal(
        strncmp(line, "timestamp,target,image,pid,metric,low,mean,high,width_ms,known_count,unknown_count\n",
                83),
        0);
    for (line = strchr(line, '\n') + 1; *line != '\0'; line = strchr(line, '\n') + 1, lines++) {
        const char *counts = line;
        *strchr(line, '\n') = '\r';
        for (int comma = 0; comma < 9; comma++)
            counts = strchr(counts, ',') + 1;
        unsigned long line_known = 0, line_unknown = 0;
        assert_int_equal(sscanf(counts, "%lu,%lu", &line_known, &line_unknown), 2);
        known += line_known;
        unknown += line_unknown;
        leaking += strstr(line, ",\"arch<ive\",\"archive.exe\",1234,\"private bytes\",") != NULL &&
                   strstr(line, "arch<ive") < strchr(line, '\r');
        *strchr(line, '\r') = '\n';
    }
    assert_int_equal(known, 2 * SAMPLES - 1);
    assert_int_equal(unknown, 1);
    assert_true(lines < 2 * SAMPLES && lines > SAMPLES && leaking == lines / 2);

    /* `analyze` reads it. */
    char csv[160];
    snprintf(csv, sizeof csv, "%s/samples.csv", fixture->folder);
    FILE *file = fopen(csv, "w");
    assert_true(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    char *verdicts = ANSWER(analyze_run, EXIT_FOUND, csv);
    assert_non_null(strstr(verdicts, "private bytes of arch<ive (archive.exe, pid 1234)"));
    assert_non_null(strstr(verdicts, "1 of 2 series grows without bound."));
    assert_int_equal(unlink(csv), 0);
    free(verdicts);
    free(text);
}

static void history_as_json(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    char *text = ANSWER(history_run, EXIT_FINE, "--json", "--data", fixture->folder);
    json_error_t error;
    json_t *root = json_loads(text, 0, &error);
    assert_non_null(root);
    json_t *incident = json_array_get(json_object_get(root, "incidents"), 0);
    assert_string_equal(json_string_value(json_object_get(incident, "reason")), "it \"grows\" & grows");
    assert_true(json_is_null(json_object_get(incident, "slope_per_hour"))); /* unknown is not 0 */
    assert_true(json_is_null(json_object_get(incident, "closed_at")));
    assert_int_equal(json_array_size(json_object_get(root, "series")), 2);
    assert_int_equal(json_array_size(json_object_get(root, "restarts")), 1);
    json_t *mail = json_array_get(json_object_get(root, "mails"), 0);
    assert_string_equal(json_string_value(json_object_get(mail, "state")), "pending");
    assert_int_equal(json_integer_value(json_object_get(mail, "attempts")), 2);
    json_decref(root);
    free(text);
}

/* Of a process that ended long before the others the time of its last sample is told, which is not noted with
 * the series for each of them. */
static void the_end_of_an_old_process_is_its_last_sample(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    const struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                         .target = "bes",
                                         .image = "BESAgent.exe",
                                         .process = {77, 78},
                                         .metric = METRIC_PRIVATE_BYTES};
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    const int minutes = 347;
    for (int i = 0; i <= minutes; i++)
        store_put_sample(fixture->store, &key, fixture->begin_utc_ms + i * MS_PER_MINUTE, 5e7, &err);
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
    fill(fixture);
    const int64_t end_utc_ms = fixture->begin_utc_ms + minutes * MS_PER_MINUTE;
    char wanted[160], iso[40];
    struct text words = text_on(wanted, sizeof(wanted)), at = text_on(iso, sizeof(iso));
    text_add(&words, " to ");
    text_add_time_human(&words, end_utc_ms);
    text_add(&words, "  private bytes of bes (BESAgent.exe, pid 77), at the end 47.7 MiB\n");
    text_add_time_utc(&at, end_utc_ms);
    char *text = ANSWER(history_run, EXIT_FINE, "--data", fixture->folder);
    if (strstr(text, wanted) == NULL)
        fail_msg("\"%s\" is not in\n%s", wanted, text);
    free(text);
    text = ANSWER(history_run, EXIT_FINE, "--json", "--data", fixture->folder);
    json_t *root = json_loads(text, 0, NULL);
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(json_string_value(json_object_get(series, "target")), "bes");
    assert_string_equal(json_string_value(json_object_get(series, "to")), iso);
    json_decref(root);
    free(text);
}

static void report_as_text(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    char *text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "unbounded  arch<ive (archive.exe, pid 1234): private bytes"));
    assert_non_null(strstr(text, "bounded    host: system commit"));
    assert_non_null(strstr(
        text, "At the end 1 of 2 series grows without bound.\n1 incident, 1 open. 1 controlled restart, "));
    free(text);
}

static void report_as_page(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    static const char *const wanted[] = {"<svg",
                                         "arch&lt;ive",
                                         "incident opened",
                                         "restart of ArchiveSvc",
                                         "What happened",
                                         "private bytes of archive.exe (arch&lt;ive)</text>",
                                         "it &quot;grows&quot; &amp; grows",
                                         "archive grows",
                                         "Not known: the service has not kept its status",
                                         "waits, 2 attempts",
                                         "</html>"};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++)
        if (strstr(page, wanted[i]) == NULL)
            fail_msg("\"%s\" is not in the page", wanted[i]);
    char span[80]; /* that of the samples, as history tells it, not of the buckets they are drawn in */
    struct text words = text_on(span, sizeof(span));
    text_add_time_human(&words, fixture->begin_utc_ms);
    text_add(&words, " to ");
    text_add_time_human(&words, fixture->begin_utc_ms + (SAMPLES - 1) * MS_PER_MINUTE);
    text_add(&words, "</figcaption>");
    assert_non_null(strstr(page, span));
    assert_null(strstr(page, "arch<ive"));
    assert_true(strstr(page, "(archive.exe, pid 1234): private bytes</h2>") <
                strstr(page, "host: system commit"));
    free(page);
}

/* What was above its limit when it was last looked at ended then, not at that moment. */
static void report_of_a_limit_that_is_reached(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    fill(fixture);
    const int64_t last_utc_ms = fixture->begin_utc_ms + SAMPLES * MS_PER_MINUTE;
    struct incident incident = {.id = 4,
                                .target_kind = TARGET_CLIENT,
                                .target = "arch<ive",
                                .image = "archive.exe",
                                .process = {1234, 77},
                                .metric = METRIC_PRIVATE_BYTES,
                                .opened_utc_ms = fixture->begin_utc_ms + 11 * MS_PER_HOUR,
                                .level_now = 2.2e9,
                                .limit = 2147483648.0,
                                .limit_name = "address space",
                                .exhaustion_utc_ms = last_utc_ms,
                                .exhaustion_early_utc_ms = last_utc_ms,
                                .exhaustion_late_utc_ms = last_utc_ms};
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
    char *text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "\nThe limit is reached: private bytes of archive.exe (arch<ive).\n"));
    free(text);
    /* each that is there is named, and of the others the one that comes there next */
    struct incident second = incident, third = incident;
    second.id = 5;
    second.metric = METRIC_HANDLES;
    second.limit = 1e4;
    second.level_now = 1e4;
    third.id = 6;
    third.metric = METRIC_ADDRESS_SPACE;
    third.level_now = 1.2e9;
    third.exhaustion_utc_ms = third.exhaustion_late_utc_ms = last_utc_ms + 30 * MS_PER_DAY;
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    assert_int_equal(store_put_incident(fixture->store, &second, &err), STATUS_OK);
    assert_int_equal(store_put_incident(fixture->store, &third, &err), STATUS_OK);
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
    text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text,
                           "\nThe limit is reached: handles of archive.exe (arch<ive), private bytes of "
                           "archive.exe (arch<ive).\nThe nearest end: "));
    assert_non_null(strstr(text, ", address space of archive.exe (arch<ive)."));
    free(text);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    assert_non_null(strstr(page, ">the limit is reached</td>"));
    free(page);

    incident.level_now = 1.2e9; /* perhaps there is an end, but none that is foreseeable */
    incident.exhaustion_utc_ms = incident.exhaustion_late_utc_ms = INT64_MAX;
    for (int days = 2; days <= 20; days += 18) { /* to the second while that means something */
        char early[40], expected[128];
        struct text early_text = text_on(early, sizeof early);
        incident.exhaustion_early_utc_ms = last_utc_ms + days * MS_PER_DAY;
        text_add_time_human(&early_text, incident.exhaustion_early_utc_ms);
        assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
        free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
        page = read_all(fixture->page);
        snprintf(expected, sizeof expected, ">not foreseeable</p><p class=\"piece\">not before %.*s</p>",
                 days == 2 ? 23 : 10, early);
        assert_non_null(strstr(page, expected));
        if (days == 2)
            free(page);
    }
    free(page);
}

/* More restarts than a chart has room for: the latest count. */
static void report_marks_the_latest(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    fill(fixture);
    for (int i = 0; i < REPORT_MARKS_MAX + 6; i++) {
        static struct restart_journal journal = {.phase = RESTART_ENDED, .outcome = RESTART_SUCCEEDED};
        journal.id = 100 + i;
        journal.begun_utc_ms = fixture->begin_utc_ms + 20 * MS_PER_HOUR + i * MS_PER_MINUTE;
        snprintf(journal.target, sizeof(journal.target), "Svc%03d", i);
        assert_int_equal(store_put_restart(fixture->store, &journal, &err), STATUS_OK);
    }
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    const char *earlier = strstr(page, "restart of Svc068: succeeded");
    const char *latest = strstr(page, "restart of Svc069: succeeded");
    assert_true(earlier != NULL && latest != NULL && earlier < latest);
    assert_null(strstr(page, "restart of Svc000: succeeded"));
    free(page);
}

/* What only the running service knows stands in the status that it keeps with the history. */
static void report_shows_the_kept_status(void **state)
{
    struct fixture *fixture = *state;
    static const char kept[] =
        "{\"host\": \"EX<1\", \"at\": \"2026-11-22T03:14:05Z\", \"watched\": [{\"image\": \"BESAgent.exe\", "
        "\"pid\": 2212, \"how\": \"has Emsmdb32.dll loaded\", \"dlls\": [{\"path\": "
        "\"C:\\\\bes\\\\Emsmdb32.dll\", \"loaded\": \"6.5.7226.0\", \"on_disk\": null, \"kb898782\": "
        "\"missing\", \"text\": \"install <it>\"}]}, {\"image\": \"Old.exe\", \"dlls\": [{\"path\": "
        "\"C:\\\\old.dll\", \"kb898782\": \"not applicable\"}, {\"path\": \"C:\\\\odd.dll\", \"kb898782\": "
        "\"a new "
        "word\"}]}], \"incidents\": [{\"id\": 3, \"metric\": \"private bytes\", \"target\": "
        "\"arch<ive\", "
        "\"culprits\": "
        "{\"text\": \"Nearly certainly leaky.exe.\", \"items\": [{\"image\": \"leaky.exe\", \"pid\": 7, "
        "\"kind\": \"client\", \"service\": "
        "\"LeakySvc\", "
        "\"growth_bytes\": 1073741824.0, \"share\": 0.9, \"share_low\": 0.8, \"share_high\": 1.0, "
        "\"lead_ms\": "
        "600000.0, \"confidence\": \"nearly certain\", \"doubts\": [1, \"levels off\"]}]}}]}";
    fill(fixture);
    assert_int_equal(store_put_setting(fixture->store, STORE_SETTING_STATUS, kept, NULL), STATUS_OK);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    assert_non_null(strstr(page, "EX&lt;1"));
    assert_non_null(strstr(page, "<p class=\"piece\">BESAgent.exe</p><p class=\"piece\">pid 2212</p>"));
    assert_non_null(
        strstr(page, "<p class=\"piece\">Emsmdb32.dll</p><p class=\"piece\">C:\\bes\\Emsmdb32.dll</p>"));
    assert_non_null(strstr(page, ">6.5.7226.0</td>"));
    assert_non_null(strstr(page, "class=\"word error\">missing</td>"));
    assert_non_null(strstr(
        page, "<p class=\"piece\">leaky.exe (client, pid 7)</p><p class=\"piece\">service LeakySvc</p>"));
    assert_non_null(strstr(page, ">90 % (80 to 100 %)</td>"));
    assert_non_null(strstr(page, ">10 min before it</td>"));
    assert_non_null(strstr(page, ">unknown; levels off</td>")); /* what is no word, in words */
    assert_non_null(strstr(page, "class=\"word warning\">nearly certain</td>"));
    /* whoever reads only the first lines knows who, and what is missing */
    const char *summary = strstr(page, "class=\"summary\"");
    const char *who = strstr(summary, "Who makes it grow: Nearly certainly leaky.exe.");
    const char *fix = strstr(summary, "install &lt;it&gt;.");
    assert_true(who != NULL && fix != NULL && who < fix && fix < strstr(page, "<h2>"));
    /* what is missing stands first, then what is not known */
    const char *missing = strstr(page, "bes\\Emsmdb32.dll</p>"), *odd = strstr(page, "odd.dll</p>");
    assert_true(missing != NULL && odd != NULL && missing < odd && odd < strstr(page, "old.dll</p>"));
    free(page);
    assert_int_equal(store_put_setting(fixture->store, STORE_SETTING_STATUS, "{\"watched\": 7", NULL),
                     STATUS_OK);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    page = read_all(fixture->page);
    assert_non_null(strstr(page, "Not known: the service has not kept its status"));
    free(page);
}

/* The last days are those of the record: a copy of an old file shows its own. */
/* Who it was stays known when the incident has ended: the history keeps a record for each of the latest ones.
 */
static void report_shows_who_it_was(void **state)
{
    struct fixture *fixture = *state;
    static const char record[] =
        "{\"incident\": 4, \"named\": \"BES<Agent.exe\", \"culprits\": {\"items\": ["
        "{\"image\": \"BES<Agent.exe\", \"pid\": 7, \"kind\": \"client\", \"service\": \"BES\", "
        "\"growth_bytes\": -1764.0, \"growth_handles\": 267.0, \"share\": null, \"in_step\": 0.99, "
        "\"lead_ms\": 60000.0, \"lead_low_ms\": -60000.0, \"lead_high_ms\": 60000.0, \"confidence\": "
        "\"nearly certain\"}, "
        "{\"image\": \"bystander.exe\", \"pid\": 8, \"kind\": \"unregistered\", "
        "\"confidence\": \"nobody stands out\"}]}}";
    struct incident incident = {.id = 4,
                                .target_kind = TARGET_STORE,
                                .target = "MSExchangeIS",
                                .image = "store.exe",
                                .metric = METRIC_PRIVATE_BYTES,
                                .state = INCIDENT_CLOSED,
                                .opened_utc_ms = fixture->begin_utc_ms + 10 * MS_PER_HOUR,
                                .closed_utc_ms = fixture->begin_utc_ms + 12 * MS_PER_HOUR};
    struct err err = {0};
    fill(fixture);
    assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
    incident.id = 4 + CULPRIT_RECORDS; /* finds the record of another one */
    assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
    incident.id = 5; /* and one that is damaged */
    assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
    incident.id = 6; /* of a program that was discovered: its name once is enough */
    strcpy(incident.target, "Store.exe");
    assert_int_equal(store_put_incident(fixture->store, &incident, &err), STATUS_OK);
    assert_int_equal(store_put_setting(fixture->store, "culprits-4", record, &err), STATUS_OK);
    assert_int_equal(store_put_setting(fixture->store, "culprits-5", "{\"incident\": 5, \"culp", &err),
                     STATUS_OK);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    const char *row = strstr(page, "<p class=\"piece\">BES&lt;Agent.exe (client, pid 7)</p>");
    assert_non_null(row);
    assert_null(strstr(row + 40, "BES&lt;Agent.exe (client"));
    assert_non_null(strstr(page, "<p>private bytes of store.exe (MSExchangeIS)</p>"
                                 "<p class=\"piece\">ended 20"));
    assert_non_null(strstr(row, ">267 handles</td>")); /* its bytes hardly moved */
    assert_non_null(strstr(row, ">in step with it: 0.99</td>"));
    assert_non_null(strstr(row, ">with it</td>"));
    assert_non_null(strstr(row, ">nearly certain</td>"));
    assert_null(strstr(page, "bystander.exe"));
    assert_non_null(strstr(page, ">private bytes of store.exe</text>"));
    free(page);
    char *text = ANSWER(history_run, EXIT_FINE, "--json", "--data", fixture->folder);
    json_t *root = json_loads(text, 0, NULL);
    size_t index, with = 0;
    const json_t *entry;
    json_array_foreach(json_object_get(root, "incidents"), index, entry)
    {
        const json_t *culprits = json_object_get(entry, "culprits");
        with += json_is_object(culprits);
        assert_true(json_is_object(culprits) == (json_integer_value(json_object_get(entry, "id")) == 4));
    }
    assert_int_equal(with, 1);
    json_decref(root);
    free(text);
}

static void report_of_an_old_file(void **state)
{
    struct fixture *fixture = *state;
    fixture->begin_utc_ms -= 300 * MS_PER_DAY;
    fill(fixture);
    char *text = ANSWER(report_run, EXIT_FINE, "--days", "2", "--data", fixture->folder);
    assert_non_null(strstr(text, " of 2 series "));
    free(text);
}

static void add_successor(struct fixture *fixture, int minutes)
{
    struct err err = {0};
    const struct store_series_key next = {.target_kind = TARGET_CLIENT,
                                          .target = "arch<ive",
                                          .image = "archive.exe",
                                          .process = {4321, 78},
                                          .metric = METRIC_PRIVATE_BYTES};
    fill(fixture);
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    for (int i = 0; i < minutes; i++)
        assert_int_equal(store_put_sample(fixture->store, &next,
                                          fixture->begin_utc_ms + (SAMPLES + i) * MS_PER_MINUTE, 1e8, &err),
                         STATUS_OK);
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
}

/* Of an incarnation that has ended the page foresees nothing and counts no growth; its successor, judged with
 * the settings of the service, is still too young. */
static void report_of_a_process_that_has_ended(void **state)
{
    struct fixture *fixture = *state;
    add_successor(fixture, 60);
    char *text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "unbounded  arch<ive (archive.exe, pid 1234): private bytes (has ended)\n"));
    assert_non_null(strstr(text,
                           "learning   arch<ive (archive.exe, pid 4321): private bytes\n           learning: "
                           "59 min seen of the 4 h that a verdict needs"));
    assert_non_null(strstr(
        text,
        "At the end nothing grows without bound (3 series).\n1 incident, 1 open. 1 controlled restart, "));
    free(text);
}

/* A restart long after its end is none of its chart, which has no place for the number. */
static void report_of_a_process_marks_no_restart_after_its_end(void **state)
{
    struct fixture *fixture = *state;
    add_successor(fixture, 3 * 60);
    static struct restart_journal journal = {
        .id = 10, .target = "LateSvc", .phase = RESTART_ENDED, .outcome = RESTART_SUCCEEDED};
    journal.begun_utc_ms = fixture->begin_utc_ms + (SAMPLES + 2 * 60) * MS_PER_MINUTE;
    assert_int_equal(store_put_restart(fixture->store, &journal, NULL), STATUS_OK);
    free(ANSWER(report_run, EXIT_FINE, "--html", fixture->page, "--data", fixture->folder));
    char *page = read_all(fixture->page);
    const char *ended = strstr(page, "<h2>arch&lt;ive (archive.exe, pid 1234): private bytes</h2>");
    assert_non_null(ended);
    const char *end = strstr(ended, "</section>");
    assert_non_null(strstr(page, "restart of LateSvc: succeeded"));
    assert_in_range((uintptr_t)strstr(ended, "restart of ArchiveSvc: succeeded"), (uintptr_t)ended,
                    (uintptr_t)end);
    const char *late = strstr(ended, "restart of LateSvc: succeeded");
    assert_true(late == NULL || late > end);
    free(page);
}

/* A moment after its restart already. */
static void report_of_a_process_that_has_just_ended(void **state)
{
    struct fixture *fixture = *state;
    add_successor(fixture, 2);
    char *text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "unbounded  arch<ive (archive.exe, pid 1234): private bytes (has ended)\n"));
    assert_non_null(strstr(text, "At the end nothing grows without bound (3 series).\n"));
    free(text);
}

/* The process before this one warmed up to 400 MB. This one is on its way there; it has an open incident and
 * so is shown first, and is judged by that all the same. */
static void what_an_earlier_process_taught_reaches_the_one_that_is_shown_first(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {0};
    struct store_series_key key = {.target_kind = TARGET_CLIENT,
                                   .target = "fax",
                                   .image = "fax.exe",
                                   .process = {500, 70},
                                   .metric = METRIC_PRIVATE_BYTES};
    struct incident incident = {.id = 1,
                                .target_kind = TARGET_CLIENT,
                                .target = "fax",
                                .image = "fax.exe",
                                .process = {600, 71},
                                .metric = METRIC_PRIVATE_BYTES,
                                .opened_utc_ms = fixture->begin_utc_ms + (SAMPLES + 350) * MS_PER_MINUTE,
                                .slope_per_hour = NAN,
                                .slope_low_per_hour = NAN,
                                .slope_high_per_hour = NAN,
                                .level_now = NAN,
                                .exhaustion_utc_ms = INT64_MAX,
                                .exhaustion_early_utc_ms = INT64_MAX,
                                .exhaustion_late_utc_ms = INT64_MAX};
    assert_int_equal(store_begin(fixture->store, &err), STATUS_OK);
    store_put_incident(fixture->store, &incident, &err);
    for (int i = 0; i < SAMPLES + 360; i++) {
        const int minutes = i < SAMPLES ? i : i - SAMPLES;
        const double noise = (double)(i * 7919 % 101) * 4096.0;
        if (i == SAMPLES)
            key.process = incident.process;
        store_put_sample(fixture->store, &key, fixture->begin_utc_ms + i * MS_PER_MINUTE,
                         1e8 + (minutes < 400 ? 5e5 * minutes : 2e8) + noise, &err);
    }
    assert_int_equal(store_commit(fixture->store, &err), STATUS_OK);
    assert_int_equal(err.status, STATUS_OK);
    char *text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    const char *now = strstr(text, "bounded    fax (fax.exe, pid 600): private bytes\n"),
               *before = strstr(text, "bounded    fax (fax.exe, pid 500): private bytes (has ended)\n");
    assert_true(now && before && now < before);
    assert_true(now == text); /* not "unbounded" */
    free(text);
}

static void nothing_recorded_yet(void **state)
{
    struct fixture *fixture = *state;
    char *text = ANSWER(history_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "nothing yet"));
    free(text);
    text = ANSWER(report_run, EXIT_FINE, "--data", fixture->folder);
    assert_non_null(strstr(text, "0 series"));
    free(text);
}

static void wrong_use(void **state)
{
    struct fixture *fixture = *state;
    free(ANSWER(history_run, EXIT_USAGE, "--csv", "--json", "--data", fixture->folder));
    free(ANSWER(history_run, EXIT_USAGE, "--nonsense"));
    free(ANSWER(report_run, EXIT_USAGE, "--days", "0", "--data", fixture->folder));
    free(ANSWER(report_run, EXIT_USAGE, "--days", "7x", "--data", fixture->folder));
    /* FILE is the page, not what it is made from */
    free(ANSWER(report_run, EXIT_USAGE, "--html", fixture->path, "--data", fixture->folder));
    free(ANSWER(report_run, EXIT_FINE, "--data", fixture->folder));
    free(ANSWER(report_run, EXIT_USAGE, "--html", "storewatch.JSON", "--data", fixture->folder));
    free(ANSWER(history_run, EXIT_COULD_NOT, "--data", "/there/is/no/such/folder"));
    free(ANSWER(report_run, EXIT_COULD_NOT, "--html", "/there/is/no/such/folder/page.html", "--data",
                fixture->folder));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(history_as_text),
        TEST(history_as_csv),
        TEST(history_as_json),
        TEST(the_end_of_an_old_process_is_its_last_sample),
        TEST(report_as_text),
        TEST(report_as_page),
        TEST(report_of_a_limit_that_is_reached),
        TEST(report_marks_the_latest),
        TEST(report_of_an_old_file),
        TEST(report_of_a_process_that_has_ended),
        TEST(report_of_a_process_that_has_just_ended),
        TEST(report_of_a_process_marks_no_restart_after_its_end),
        TEST(report_shows_the_kept_status),
        TEST(report_shows_who_it_was),
        TEST(what_an_earlier_process_taught_reaches_the_one_that_is_shown_first),
        TEST(nothing_recorded_yet),
        TEST(wrong_use),
    };
    return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}

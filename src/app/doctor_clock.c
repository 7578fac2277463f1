/* doctor_clock.c - is the clock plausible, who keeps it, and does the running service still look and write?
 * What there is to hold the clock against: the history's newest sample, and what the service has seen since
 * it was started. */
#include "doctor.h"

#include "history_data.h"
#include "json_values.h"

#include "storewatch/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No storewatch is older: a clock before it has lost its battery or was never set. */
#define MADE_UTC_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
/* Between the look at a sample and this one the clock may have been corrected by a little. */
#define AHEAD_MS MS_PER_MINUTE
#define STALE_POLLS 20
#define STALE_MIN_MS (5 * MS_PER_MINUTE)
#define LOST_SHARE 0.01
#define LOST_POLLS_MIN 100

/* ---- the history ---- */

static enum status read_end(struct doctor *doctor, struct store *store, struct err *err)
{
    struct history_series *series = NULL;
    enum status status = history_read_series(store, &series, &doctor->series_count, err);
    if (!status)
        status = history_newest(store, series, doctor->series_count, INT64_MAX, &doctor->newest_utc_ms, err);
    free(series);
    return status;
}

static void add_history(struct doctor *doctor, const char *path)
{
    const bool runs = doctor->status != NULL;
    const int64_t age_ms = os_utc_ms(doctor->os) - doctor->newest_utc_ms;
    const int64_t polls_ms = STALE_POLLS * doctor->config.interval_ms;
    const bool stale = runs && age_ms > (polls_ms > STALE_MIN_MS ? polls_ms : STALE_MIN_MS);
    char age[64];
    struct text text = text_on(age, sizeof age);
    if (doctor->series_count == 0) {
        doctor_add(doctor, DOCTOR_OK, "history", NULL, "%s holds no samples yet", path);
        return;
    }
    text_add_duration(&text, age_ms);
    doctor_add(
        doctor, stale ? DOCTOR_WARNING : DOCTOR_OK, "history",
        stale ? "See what storewatch status says of the history file; was the clock set forward just now?"
              : NULL,
        "%s holds %zu series, the newest sample is %s%s%s", path, doctor->series_count,
        age_ms < 0 ? "ahead of the clock" : age, age_ms < 0 ? "" : " old",
        stale ? ", although the service runs" : "");
}

void doctor_check_history(struct doctor *doctor, const char *data_dir)
{
    char path[1200];
    struct store *store = NULL;
    struct err err = {0};
    store_path(path, sizeof path, data_dir);
    enum status status = store_open_readonly(path, &store, &err);
    if (status == STATUS_NOT_FOUND) {
        const bool runs = doctor->status != NULL;
        doctor_add(doctor, runs ? DOCTOR_WARNING : DOCTOR_OK, "history",
                   runs ? "storewatch status says whether it can be written." : NULL, "there is no %s yet%s",
                   path, runs ? ", although the service runs" : "");
        return;
    }
    if (!status)
        status = read_end(doctor, store, &err);
    store_close(store);
    if (status)
        doctor_add(
            doctor, DOCTOR_WARNING, "history",
            status == STATUS_CORRUPT || status == STATUS_UNSUPPORTED
                ? "At its next start the service sets it aside and begins a new one; a file of a newer "
                  "version that one reads."
                : "Run doctor as an Administrator; is another program "
                  "(a virus scanner, a backup) holding the file?",
            "%s", err.text);
    else
        add_history(doctor, path);
}

/* ---- the clock ---- */

static void check_against_history(struct doctor *doctor, int64_t utc_ms)
{
    char ahead[64], newest[64];
    struct text text = text_on(ahead, sizeof ahead), newest_text = text_on(newest, sizeof newest);
    if (doctor->newest_utc_ms <= utc_ms + AHEAD_MS)
        return;
    text_add_duration(&text, doctor->newest_utc_ms - utc_ms);
    text_add_time_human(&newest_text, doctor->newest_utc_ms);
    doctor_add(
        doctor, DOCTOR_WARNING, "clock",
        "Set it right (w32tm /resync). When it is right now, leave it: samples from ahead are left out "
        "of restored histories and reports until that time has come.",
        "the history's newest sample is of %s, %s ahead of the clock: it ran ahead then, or was set "
        "back since",
        newest, ahead);
}

static void check_jumps(struct doctor *doctor)
{
    const json_t *clock = json_object_get(doctor->status, "clock");
    const double jumps = json_number_get(clock, "jumps");
    int64_t by_ms = 0;
    char by[64];
    struct text text = text_on(by, sizeof by);
    if (!(jumps >= 1) || !json_ms_get(clock, "last_jump_ms", &by_ms))
        return;
    text_add_duration(&text, by_ms < 0 ? -by_ms : by_ms);
    doctor_add(doctor, DOCTOR_WARNING, "clock",
               "Let one program alone keep the clock: Windows Time, or the tools of the virtual machine, not "
               "both. Windows of restarts and times in mails go by it; verdicts and budgets do not.",
               "the clock was set %.0f time%s since the service was started, the last time %s by %s (%s)",
               jumps, jumps > 1 ? "s" : "", by_ms > 0 ? "forward" : "back", by,
               json_words_get(clock, "last_jump_at", "at an unknown time"));
}

/* "the domain", "time.example.com,0x8"; "" when that is not known. */
static void add_source(struct text *text, const struct doctor_time *time)
{
    const bool domain = text_equal_nocase(time->type, "NT5DS"),
               all = text_equal_nocase(time->type, "AllSync");
    text_add(text, "%s%s", domain || all ? "the domain" : "", all && time->server[0] ? " and " : "");
    if (!domain)
        text_add(text, "%s", time->server);
}

static void check_keeper(struct doctor *doctor, const struct doctor_time *time)
{
    static const char keep[] =
        "Unless another program keeps the clock: sc config w32time start= auto, net start w32time, then "
        "w32tm /resync.";
    const struct service *service = observation_service(doctor->observation, "W32Time");
    char source[sizeof time->server + 32];
    struct text text = text_on(source, sizeof source);
    if (!doctor->observation->services_known)
        return;
    add_source(&text, time);
    if (!service)
        doctor_add(doctor, DOCTOR_WARNING, "clock", "See that another program keeps the clock.",
                   "there is no Windows Time (W32Time) here that would keep the clock right");
    else if (service->state != SERVICE_STATE_RUNNING)
        doctor_add(doctor, DOCTOR_WARNING, "clock", keep,
                   "Windows Time (W32Time) does not run: it does not keep the clock right");
    else if (text_equal_nocase(time->type, "NoSync"))
        doctor_add(doctor, DOCTOR_WARNING, "clock",
                   "Unless another program keeps the clock: w32tm /config /syncfromflags:domhier /update (in "
                   "no domain: /syncfromflags:manual /manualpeerlist:SERVER), then w32tm /resync.",
                   "Windows Time (W32Time) runs, but is told to follow nobody (NoSync)");
    else
        doctor_add(doctor, DOCTOR_OK, "clock", NULL,
                   "Windows Time (W32Time) runs and follows %s; when it last did: w32tm /query /status (on "
                   "Server 2003: w32tm /monitor)",
                   source[0] ? source : "a source that its registry key does not tell");
}

void doctor_check_clock(struct doctor *doctor, const struct doctor_time *time)
{
    static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};
    const int64_t utc_ms = os_utc_ms(doctor->os);
    int weekday = 0, minute = 0;
    char now[64];
    struct text text = text_on(now, sizeof now);
    text_add_time_human(&text, utc_ms);
    os_local_time(doctor->os, utc_ms, &weekday, &minute);
    if (utc_ms < MADE_UTC_MS)
        doctor_add(doctor, DOCTOR_FAILED, "clock",
                   "Set it (w32tm /resync); does the battery of the machine's clock last?",
                   "the clock says %s, which is before storewatch was made", now);
    else
        doctor_add(doctor, DOCTOR_OK, "clock", NULL,
                   "it is %s, here %s %02d:%02d: windows of restarts go by that", now, days[weekday % 7],
                   minute / 60, minute % 60);
    check_against_history(doctor, utc_ms);
    check_jumps(doctor);
    check_keeper(doctor, time);
}

/* ---- the service ---- */

void doctor_check_polls(struct doctor *doctor)
{
    const json_t *self = json_object_get(doctor->status, "self");
    const double polls = json_number_get(self, "polls"), failed = json_number_get(self, "failed_polls");
    const double missed = json_number_get(self, "missed_polls"),
                 took_ms = json_number_get(self, "last_look_ms");
    const double cpu_ms = json_number_get(self, "cpu_ms");
    char cost[128];
    struct text text = text_on(cost, sizeof cost);
    if (!doctor->status)
        return;
    if (json_is_string(json_object_get(doctor->status, "store_error")))
        doctor_add(doctor, DOCTOR_FAILED, "service",
                   "Free space on the disk; is the file held by another program?",
                   "the service cannot write its history and so restarts nothing: %s",
                   json_words_get(doctor->status, "store_error", ""));
    if (json_is_string(json_object_get(doctor->status, "event_error")))
        doctor_add(doctor, DOCTOR_FAILED, "events",
                   "See that the service \"Windows Event Log\" (on Server 2003: \"Event Log\") runs and that "
                   "the Application log is not full (eventvwr).",
                   "the service's latest events were not written: %s",
                   json_words_get(doctor->status, "event_error", ""));
    if (json_is_string(json_object_get(doctor->status, "metrics_error")))
        doctor_add(doctor, DOCTOR_FAILED, "metrics",
                   "See that the folder of metrics_textfile is there and that the service may write into it.",
                   "the service cannot keep the metrics file up: %s",
                   json_words_get(doctor->status, "metrics_error", ""));
    if (json_is_string(json_object_get(doctor->status, "look_error")))
        doctor_add(doctor, DOCTOR_FAILED, "service", "Restart storewatch; does it run as LocalSystem?",
                   "the service's latest look failed, at least in part: %s",
                   json_words_get(doctor->status, "look_error", ""));
    if (isnan(polls) || isnan(failed) || isnan(missed)) {
        doctor_add(doctor, DOCTOR_WARNING, "polls",
                   "Is the running service of the same version as this program? Restart it.",
                   "the service's answer does not tell of its polls");
        return;
    }
    if (polls < 1) {
        doctor_add(doctor, DOCTOR_OK, "polls", NULL, "the service has not looked at the machine yet");
        return;
    }
    if (!isnan(took_ms))
        text_add(&text, "; the last one took %.0f ms", took_ms);
    if (!isnan(cpu_ms))
        text_add(&text, ", all of storewatch %.1f ms of CPU a poll", cpu_ms / polls);
    char counts[3][32];
    const double values[] = {polls, failed, missed};
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        struct text count = text_on(counts[i], sizeof counts[i]);
        text_add_count(&count, values[i]);
    }
    const bool many = polls + missed >= LOST_POLLS_MIN && failed + missed > LOST_SHARE * (polls + missed);
    doctor_add(doctor, many ? DOCTOR_WARNING : DOCTOR_OK, "polls",
               many ? "The machine is too busy, or the counters cannot be read: see the events 1030. Make "
                      "sampling.interval longer when it is too busy."
                    : NULL,
               "%s poll%s since the service was started, %s failed, %s missed%s", counts[0],
               polls > 1 ? "s" : "", counts[1], counts[2], cost);
}

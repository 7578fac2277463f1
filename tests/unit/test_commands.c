/* test_commands.c - `replay` as a script sees it, and the status object in words.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/cli.h"
#include "storewatch/units.h"

#include "../../src/app/status_view.h"

#include "capture.h"

#define START_UTC_MS INT64_C(1772323200000) /* 2026-03-01 00:00 UTC, a Sunday */

static const char config_act[] =
    "{\"version\": 1, \"mode\": \"act\",\n"
    " \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\", \"service\": \"BlackBerry Agent\"}],\n"
    " \"actions\": {\"windows\": [], \"verify\": \"2m\", \"budget\": {\"max\": 1, \"per\": \"24h\", "
    "\"min_interval\": \"1h\"}},\n"
    " \"mail\": {\"to\": [\"ops@example.com\"], \"relays\": [{\"host\": \"relay1\"}], \"reminder\": "
    "\"7d\"}}\n";

/* 30 h at 60 s: the store flat, a client that leaks 100 MB/h from the tenth hour on. */
static void write_recording(const char *name, const char *columns, bool with_client)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fprintf(file, "timestamp,%s\n", columns);
    uint32_t seed = 7;
    for (int i = 0; i < 30 * 60; i++) {
        seed = seed * 1664525u + 1013904223u;
        double noise = (double)(seed >> 8) / (1 << 24) - 0.5, hours = i / 60.0;
        double leak = hours > 10 ? (hours - 10) * 1e8 : 0;
        fprintf(file, "%lld,%.0f", (long long)(START_UTC_MS / 1000 + i * 60),
                with_client ? 1.5e8 + leak + noise * 2e6 : 1.2e9 + noise * 6e6);
        fprintf(file, "\n");
    }
    assert_int_equal(fclose(file), 0);
}

static json_t *parsed(void)
{
    json_t *root = json_loads(out, 0, NULL);
    assert_non_null(root);
    return root;
}

static void replay_tells_alerts_and_restarts(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    write_recording("store.csv", "\\\\EX1\\Process(store)\\Private Bytes", false);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("client.csv"),
                         in_folder("store.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "mail   [storewatch] EX1: BESAgent.exe private bytes +"));
    assert_non_null(
        strstr(out, "plan   storewatch restarts BlackBerry Agent now (rung \"restart_client\").\n"));
    assert_non_null(strstr(out, "stop   BlackBerry Agent"));
    assert_non_null(strstr(out, "start  BlackBerry Agent"));
    assert_non_null(strstr(out, "plan   storewatch restarts nothing now: budget: 1 of 1 restarts "));
    assert_non_null(strstr(out, "recovered: BESAgent.exe"));
    assert_null(strstr(out, "store.exe"));
    /* The budget allows one restart; the leak goes on in the new process and is told, not acted on. */
    char *first = strstr(out, "stop   BlackBerry Agent");
    assert_null(strstr(first + 1, "stop   BlackBerry Agent"));
    assert_non_null(strstr(out,
                           "1 restart in 1 d 6 h\nno restart at the end for the private bytes of "
                           "BESAgent.exe: budget: 1 of 1 restarts in the last 1 d: the budget is spent; the "
                           "next restart is possible in "));
}

/* Whose process it is does not depend on the order in which the columns tell of the services. */
static void replay_of_clients_that_are_known_by_their_service(void **state)
{
    (void)state;
    write_text("services.json",
               "{\"mode\": \"act\", \"clients\": [{\"name\": \"zeta\", \"service\": \"Zeta\"}, "
               "{\"name\": \"alpha\", \"service\": \"Alpha\"}]}");
    write_recording("store.csv", "\\\\EX1\\Process(store)\\Private Bytes", false);
    write_recording("zeta.csv", "\\\\EX1\\Process(Zeta)\\Private Bytes", false);
    write_recording("alpha.csv", "\\\\EX1\\Process(Alpha)\\Private Bytes", true);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("services.json"), in_folder("store.csv"),
                         in_folder("zeta.csv"), in_folder("alpha.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "mail   [storewatch] EX1: Alpha.exe private bytes +"));
    assert_non_null(strstr(out, "stop   Alpha\n"));
    assert_non_null(strstr(out, "start  Alpha\n"));
    assert_non_null(strstr(out, "recovered: Alpha.exe"));
    assert_null(strstr(out, "Zeta"));
    assert_null(strstr(out, "store.exe"));
}

/* perfmon's logs are in local time and tell how far that is from UTC: windows are in it. */
static void replay_keeps_to_the_local_windows(void **state)
{
    (void)state;
    write_text("night.json",
               "{\"mode\": \"act\", \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\", "
               "\"service\": \"BlackBerry Agent\"}], \"actions\": {\"windows\": [{\"days\": "
               "\"mon-sun\", \"from\": \"01:00\", \"to\": \"05:00\"}]}}");
    FILE *file = fopen(in_folder("pacific.csv"), "wb");
    assert_non_null(file);
    fprintf(file,
            "\"(PDH-CSV 4.0) (Pacific Standard Time)(480)\",\"\\\\EX1\\Process(BESAgent)\\Private Bytes\"\n");
    for (int minute = 0; minute < 2 * 1440; minute++)
        fprintf(file, "\"03/%02d/2026 %02d:%02d:00.000\",\"%.0f\"\n", 3 + minute / 1440, minute / 60 % 24,
                minute % 60, 1.5e8 + minute * 1e6);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("night.json"), in_folder("pacific.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "2026-03-04 09:00:00 UTC  stop   BlackBerry Agent"));
}

static void replay_in_json(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    assert_int_equal(
        RUN(replay_run, "replay", "--json", "--config", in_folder("act.json"), in_folder("client.csv")),
        EXIT_FOUND);
    json_t *root = parsed();
    assert_int_equal(json_integer_value(json_object_get(root, "restarts")), 1);
    const json_t *events = json_object_get(root, "events");
    assert_string_equal(json_string_value(json_object_get(json_array_get(events, 0), "kind")), "mail");
    assert_string_equal(json_string_value(json_object_get(json_array_get(events, 0), "name")), "OPENED");
    assert_null(json_object_get(json_array_get(events, 0), "mail"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(events, 0), "decision")),
                        "storewatch restarts BlackBerry Agent now (rung \"restart_client\").");
    json_decref(root);
}

static void replay_with_the_mails(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    assert_int_equal(
        RUN(replay_run, "replay", "--mails", "--config", in_folder("act.json"), in_folder("client.csv")),
        EXIT_FOUND);
    assert_non_null(strstr(out, "\n    | BESAgent.exe on EX1 grows without bound: "));
    assert_non_null(strstr(out, "\n    | What to do now\n    |   1. "));
    assert_int_equal(RUN(replay_run, "replay", "--mails", "--json", "--config", in_folder("act.json"),
                         in_folder("client.csv")),
                     EXIT_FOUND);
    json_t *root = parsed();
    const json_t *first = json_array_get(json_object_get(root, "events"), 0);
    const char *html = json_string_value(json_object_get(json_object_get(first, "mail"), "html"));
    assert_non_null(html);
    assert_non_null(strstr(html, "BESAgent.exe on EX1 grows without bound"));
    json_decref(root);
}

/* A store that leaks and a client that does not, with their pids. In ten rows `what` knows nothing: -1 = none,
 * 0 = the store's counters, and then it is another one, 1 = all of them. */
static void write_with_missing(const char *name, int what)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes,\\\\EX1\\Process(store)\\ID Process,"
          "\\\\EX1\\Process(BESAgent)\\Private Bytes,\\\\EX1\\Process(BESAgent)\\ID Process\n",
          file);
    for (int i = 0; i < 20 * 60; i++) {
        const bool missing = i >= 1000 && i < 1010;
        fprintf(file, "%lld", (long long)(START_UTC_MS / 1000 + i * 60));
        fprintf(file, missing && what >= 0 ? ",," : ",%.0f,%d", 2e8 + 2e6 * i + i * 7919 % 100000,
                what == 0 && i >= 1010 ? 1804 : 1800);
        fprintf(file, missing && what == 1 ? ",,\n" : ",%d,2140\n", 100000000 + i * 7919 % 100000);
    }
    assert_int_equal(fclose(file), 0);
}

/* A recorder that lost sight of the machine writes rows without any value: in them no process has ended. */
static void rows_that_know_nothing_are_a_gap(void **state)
{
    (void)state;
    write_text("alert.json", "{\"version\": 1, \"mail\": {\"reminder\": \"7d\"}}");
    write_with_missing("all.csv", 1);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("all.csv")),
                     EXIT_FOUND);
    assert_null(strstr(out, "has ended"));
    assert_non_null(strstr(out, "\n1 incident and 0 restarts in 19 h 59 min\n"));
    write_with_missing("store.csv", 0); /* the client is there: the store is not */
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("store.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "store.exe has ended"));
}

/* Some recorders write 0 where they know no number: that is nobody's pid. */
static void a_pid_of_zero_is_none(void **state)
{
    (void)state;
    write_text("alert.json", "{\"version\": 1, \"mail\": {\"reminder\": \"7d\"}}");
    FILE *file = fopen(in_folder("zero.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes,\\\\EX1\\Process(store)\\ID Process\n", file);
    for (int i = 0; i < 20 * 60; i++)
        fprintf(file, "%lld,%.0f,%d\n", (long long)(START_UTC_MS / 1000 + i * 60),
                2e8 + 2e6 * i + i * 7919 % 100000, i % 100 == 50 ? 0 : 1800);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("zero.csv")),
                     EXIT_FOUND);
    assert_null(strstr(out, "has ended"));
    assert_non_null(strstr(out, "\n1 incident and 0 restarts in 19 h 59 min\n"));
}

/* 30 h of a client that leaks 25 MiB/h and is restarted every night, the last time with so many MiB, and of the
 * machine's commit beside it. */
static void write_nights(const char *name, double last_mib)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(BESAgent)\\Private Bytes,\\\\EX1\\Process(BESAgent)\\ID Process,"
          "\\\\EX1\\Memory\\Committed Bytes,\\\\EX1\\Memory\\Commit Limit\n",
          file);
    for (int i = 0; i < 30 * 60; i++) {
        const int minutes = i > 120 ? (i + 22 * 60) % 1440 : i + 600; /* since its start */
        const double begin = i < 26 * 60 ? 80 : last_mib;
        const double bes = (begin + 25 * minutes / 60.0) * 1048576 + i * 7919 % 1000003;
        const double others = 1500 * 1048576.0 + 2.0 * (double)((long long)i * 104729 % 1000003);
        fprintf(file, "%lld", (long long)(START_UTC_MS / 1000 + i * 60));
        if (minutes < 2)
            fprintf(file, ",,");
        else
            fprintf(file, ",%.0f,%d", bes, 2000 + (i + 22 * 60) / 1440);
        fprintf(file, ",%.0f,3221225472\n", others + (minutes < 2 ? 0 : bes));
    }
    assert_int_equal(fclose(file), 0);
}

/* A log of less than a day cannot show what would be told after one: that is said, and where to look. */
static void a_short_log_is_told_as_that(void **state)
{
    (void)state;
    write_text("short.json", "{\"version\": 1}");
    write_text("trial.json", "{\"version\": 1, \"verdict\": {\"min_window\": \"50m\"}}");
    FILE *file = fopen(in_folder("short.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes\n", file);
    for (int i = 0; i < 10 * 60; i++)
        fprintf(file, "%lld,%.0f\n", (long long)(START_UTC_MS / 1000 + i * 60),
                (500 + 20 * i / 60.0) * 1048576 + i * 7919 % 1000003);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("short.json"), in_folder("short.csv")),
                     EXIT_FINE);
    assert_non_null(
        strstr(out, "0 incidents and 0 restarts in 9 h 59 min\nIn the first day that a process is seen "));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("trial.json"), in_folder("short.csv")),
                     EXIT_FOUND);
    assert_null(strstr(out, "In the first day"));
}

/* The growth that is told may have been given back in part, when the process that took it has ended: the level it
 * began at is no less than all that was seen since. (It once said 1.10 GiB here, of 1.46 GiB and more.) */
static void the_level_it_began_at_was_seen(void **state)
{
    (void)state;
    write_text("bes.json", "{\"version\": 1, \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\", "
                           "\"service\": \"BES\"}]}");
    write_nights("nights.csv", 400);
    assert_int_equal(
        RUN(replay_run, "replay", "--mails", "--config", in_folder("bes.json"), in_folder("nights.csv")),
        EXIT_FOUND);
    const char *mail = strstr(out, "| EX1 as a whole grows without bound: ");
    assert_non_null(mail);
    const char *level = strstr(mail, "| Level      ");
    assert_non_null(level);
    double now = 0, begin = 0;
    assert_int_equal(sscanf(level, "| Level %lf GiB now, %lf GiB when it began", &now, &begin), 2);
    assert_true(now > 1.5 && begin > 1.45); /* 1.46 is the lowest of all */
    write_nights("all.csv", 80);            /* what was given back at once is not told as growth */
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("bes.json"), in_folder("all.csv")),
                     EXIT_FINE);
}

/* Three days: a pool that grows by 1.2 MB/h, the machine's or what the Server service has of it. */
static void write_pools(const char *name, bool of_machine)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Memory\\Committed Bytes,\\\\EX1\\Memory\\Pool Nonpaged Bytes,"
          "\\\\EX1\\Server\\Pool Nonpaged Bytes\n",
          file);
    for (int i = 0; i < 3 * 1440; i++) {
        const int grown = 100000000 + i * 20000;
        fprintf(file, "%lld,%d,%d,%d\n", (long long)(START_UTC_MS / 1000 + i * 60),
                2000000000 + i * 7919 % 1000003, of_machine ? grown : 100000000,
                of_machine ? 5000000 : grown);
    }
    assert_int_equal(fclose(file), 0);
}

/* Counters of other objects are called alike: they are not the machine's. */
static void the_pool_of_the_machine_is_that_of_its_memory(void **state)
{
    (void)state;
    write_text("alert.json", "{\"version\": 1, \"mail\": {\"reminder\": \"7d\"}}");
    write_pools("machine.csv", true);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("machine.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "mail   [storewatch] EX1: nonpaged pool +1.14 MiB/h"));
    write_pools("server.csv", false);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("server.csv")),
                     EXIT_FINE);
}

/* What runs when the recording begins is past its warm-up, however long that is. */
static void what_runs_at_the_begin_is_warm(void **state)
{
    (void)state;
    write_text("warm.json", "{\"version\": 1, \"sampling\": {\"warm_up\": \"10h\"}, "
                            "\"verdict\": {\"min_window\": \"30m\"}}");
    FILE *file = fopen(in_folder("warm.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes\n", file);
    for (int i = 0; i < 9 * 60; i++)
        fprintf(file, "%lld,%.0f\n", (long long)(START_UTC_MS / 1000 + i * 60),
                1.2e9 + (i > 120 ? (i - 120) * 2e6 : 0) + i * 7919 % 1000003);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("warm.json"), in_folder("warm.csv")),
                     EXIT_FOUND);
}

/* 30 h of a client that leaks, and ten minutes near the end in which nobody has a value, but perhaps the machine. */
static void write_hole(const char *name, bool with_pids, bool with_machine)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fprintf(
        file,
        "timestamp,\\\\EX1\\Process(store)\\Private Bytes,\\\\EX1\\Process(BESAgent)\\Private Bytes%s%s\n",
        with_pids ? ",\\\\EX1\\Process(BESAgent)\\ID Process" : "",
        with_machine ? ",\\\\EX1\\Memory\\Committed Bytes" : "");
    for (int i = 0; i < 30 * 60; i++) {
        fprintf(file, "%lld", (long long)(START_UTC_MS / 1000 + i * 60));
        if (i >= 1500 && i < 1510)
            fputs(with_pids ? ",,," : ",,", file);
        else
            fprintf(file, ",%d,%.0f%s", 1200000000 + i * 7919 % 6000011, 1.5e8 + i * 2e6 + i * 7919 % 1000003,
                    with_pids ? ",1800" : "");
        fputs(with_machine ? ",3000000000\n" : "\n", file);
    }
    assert_int_equal(fclose(file), 0);
}

/* A recorder that lost sight of the machine, where pids tell afterwards that nobody has ended. */
static void rows_without_any_value_are_a_gap_where_pids_are_recorded(void **state)
{
    (void)state;
    write_text("tells.json",
               "{\"version\": 1, \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\"}]}");
    write_hole("with_pids.csv", true, false);
    assert_int_equal(
        RUN(replay_run, "replay", "--config", in_folder("tells.json"), in_folder("with_pids.csv")),
        EXIT_FOUND);
    assert_null(strstr(out, "BESAgent.exe has ended"));
    write_hole("of_processes.csv", true, true); /* it was slow to tell of them */
    assert_int_equal(
        RUN(replay_run, "replay", "--config", in_folder("tells.json"), in_folder("of_processes.csv")),
        EXIT_FOUND);
    assert_null(strstr(out, "BESAgent.exe has ended"));
    write_hole("without_pids.csv", false, false);
    assert_int_equal(
        RUN(replay_run, "replay", "--config", in_folder("tells.json"), in_folder("without_pids.csv")),
        EXIT_FOUND);
    assert_non_null(strstr(out, "BESAgent.exe has ended"));
}

/* 30 h of a client that leaks, and ten minutes near the end in which it alone has no value; then it goes on, with its
 * pid or another one, as the first of its name or as the second. */
static const char *replay_hole_of_one(unsigned pid, bool second)
{
    FILE *file = fopen(in_folder("hole.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes", file);
    for (int i = 0; i < 2; i++)
        fprintf(file, ",\\\\EX1\\Process(BESAgent%s)\\Private Bytes,\\\\EX1\\Process(BESAgent%s)\\ID Process",
                i ? "#1" : "", i ? "#1" : "");
    fputs("\n", file);
    for (int i = 0; i < 30 * 60; i++) {
        fprintf(file, "%lld,%d", (long long)(START_UTC_MS / 1000 + i * 60), 1200000000 + i * 7919 % 6000011);
        if (i >= 1500 && i < 1510)
            fputs(",,,,\n", file);
        else
            fprintf(file, "%s,%.0f,%u%s\n", i >= 1510 && second ? ",," : "",
                    1.5e8 + i * 2e6 + i * 7919 % 1000003, i >= 1510 ? pid : 1800,
                    i >= 1510 && second ? "" : ",,");
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("tells.json"), in_folder("hole.csv")),
                     EXIT_FOUND);
    return out;
}

/* Its pid tells that it was there all along. */
static void a_process_that_comes_back_has_not_ended(void **state)
{
    (void)state;
    write_text("tells.json",
               "{\"version\": 1, \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\"}]}");
    assert_null(strstr(replay_hole_of_one(1800, false), "BESAgent.exe has ended"));
    assert_null(strstr(replay_hole_of_one(1800, true), "BESAgent.exe has ended"));
    assert_non_null(strstr(replay_hole_of_one(1900, false), "BESAgent.exe has ended"));
    assert_non_null(strstr(replay_hole_of_one(1900, true), "BESAgent.exe has ended"));
}

/* What a replayed restart gives back the machine has back, too: its own growth is no news. */
static void a_replayed_restart_gives_back_to_the_machine(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    FILE *file = fopen(in_folder("commit.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(store)\\Private Bytes,\\\\EX1\\Process(BESAgent)\\Private Bytes,"
          "\\\\EX1\\Memory\\Committed Bytes,\\\\EX1\\Memory\\Commit Limit\n",
          file);
    for (int i = 0; i < 40 * 60; i++) {
        const double leak = i > 600 ? (i - 600) * 1e8 / 60 : 0, noise = i * 7919 % 1000003;
        fprintf(file, "%lld,%.0f,%.0f,%.0f,8000000000\n", (long long)(START_UTC_MS / 1000 + i * 60),
                1.2e9 + 6 * noise, 1.5e8 + leak + noise, 3e9 + leak + 7 * noise);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("commit.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "start  BlackBerry Agent\n"));
    assert_null(strstr(out, "system commit"));
}

static void replay_of_a_healthy_store_is_fine(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("store.csv", "\\\\EX1\\Process(store)\\Private Bytes", false);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("store.csv")),
                     EXIT_FINE);
    assert_non_null(strstr(out, "0 incidents and 0 restarts"));
    /* Nothing but what this recording cannot answer. */
    assert_string_equal(
        messages,
        "storewatch: the recording has no counters of the client \"bes\" (BESAgent.exe): it is not "
        "judged\n"
        "storewatch: the recording lacks \\Memory\\Committed Bytes or \\Memory\\Commit Limit: how "
        "long is left until no memory is left cannot be said\n"
        "storewatch: the recording has no \\Process(*)\\ID Process: the pids shown are made up, and a "
        "restart between two rows may not be seen\n");
}

static void replay_says_what_is_wrong(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_text("bad.json", "{\"version\": 1, \"mdoe\": \"act\"}");
    write_text("other.csv", "timestamp,value\n1772323200,5\n");
    write_text("broken.csv",
               "timestamp,\\\\EX1\\Process(store)\\Private Bytes\n1772323200,5\n1772323260,abc\n");
    write_text("noise.csv", "h\x01\xff\x80,\n");
    write_text("header.csv", "timestamp,\\\\EX1\\Process(store)\\Private Bytes\n");
    write_text("german.csv", "timestamp,\\\\EX1\\Prozess(store)\\Private Bytes\n1772323200,5\n");
    write_text("others.csv", "timestamp,\\\\EX1\\Process(sqlservr)\\Private Bytes\n1772323200,5\n");
    assert_int_equal(RUN(replay_run, "replay", in_folder("other.csv")), EXIT_USAGE);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("bad.json"), in_folder("other.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "mdoe"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("none.csv")),
                     EXIT_COULD_NOT);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("broken.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "broken.csv:3"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("other.csv")),
                     EXIT_USAGE); /* no answer is not "0 incidents" */
    assert_non_null(strstr(messages, "no counter of the recording belongs to"));
    assert_non_null(strstr(messages, "and it tells of no process at all"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("german.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "columns with English names like "));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("others.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "and it tells of sqlservr\n"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("header.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "the recording has no rows"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("noise.csv")),
                     EXIT_USAGE);
    assert_non_null(strstr(messages, "the first column is \"h???\""));
}

/* What a pattern stands for on Windows, where no shell says it. */
static void patterns_of_recordings(void **state)
{
    (void)state;
    static const struct {
        const char *name, *pattern;
        bool matches;
    } cases[] = {
        {"monday.csv", "*.csv", true},
        {"MONDAY.CSV", "mon*.csv", true},
        {"monday.csv_bak", "*.csv", false},
        {"monday.csv", "*", true},
        {"a.csv.csv", "a*.csv", true},
        {"a.csv", "a.csv*", true},
        {"a.csv", "?.csv", true},
        {"ab.csv", "?.csv", false},
        {".csv", "?.csv", false},
        {"\xC3\xBC.csv", "?.csv", true},
        {"a1b2c3.csv", "a*b*c?.csv", true},
        {"a1b2d3.csv", "a*b*c?.csv", false},
        {"", "*", true},
        {"", "?", false},
        {"x", "", false},
        {"aaaaaaaaaaaaaaaaaaaaaaab", "*a*a*a*a*a*a*a*c", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        if (cli_name_matches(cases[i].name, cases[i].pattern) != cases[i].matches)
            fail_msg("\"%s\" and \"%s\"", cases[i].name, cases[i].pattern);
}

/* A name that is longer than there is room for ends with a whole character: in the middle of one it would be
 * no text any more, and lost from what is shown as JSON. */
static void replay_cuts_a_long_name_between_characters(void **state)
{
    (void)state;
    char column[512], whole[PROCESS_IMAGE_MAX];
    struct text text = text_on(column, sizeof column), wanted = text_on(whole, sizeof whole);
    text_add(&text, "timestamp,\\\\EX1\\Process(");
    for (size_t i = 0; i < PROCESS_IMAGE_MAX; i++)
        text_add(&text, "\xc3\xbc");
    text_add(&text, ")\\Private Bytes\n1772323200,5\n");
    while (!wanted.truncated)
        text_add(&wanted, "\xc3\xbc");
    write_text("act.json", config_act);
    write_text("long.csv", column);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("long.csv")),
                     EXIT_USAGE);
    char end[PROCESS_IMAGE_MAX + 16];
    struct text line = text_on(end, sizeof end);
    text_add(&line, "tells of %s\n", whole);
    assert_non_null(strstr(messages, end));
}

/* One column from minute `from` to minute `to`, every `every` seconds from `at` seconds after the minute on.
 */
static void write_part(const char *name, const char *column, int from, int to, int every, int at, double base,
                       double leak_per_hour)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fprintf(file, "timestamp,%s\n", column);
    for (int s = from * 60 + at; s < to * 60; s += every) {
        uint32_t noise = (uint32_t)s * 1664525u + 1013904223u;
        fprintf(file, "%lld,%.0f\n", (long long)(START_UTC_MS / 1000 + s),
                base + (double)(noise >> 20) * 512.0 +
                    (s > 36000 ? (s - 36000) / 3600.0 * leak_per_hour : 0.0));
    }
    assert_int_equal(fclose(file), 0);
}

/* A log that begins anew each day tells the same as one log: the process lives on over midnight. */
static void replay_of_logs_that_follow_each_other(void **state)
{
    (void)state;
    static const char column[] = "\\\\EX1\\Process(BESAgent)\\Private Bytes";
    static char whole[sizeof out];
    write_text("act.json", config_act);
    write_part("all.csv", column, 0, 2 * 1440, 60, 0, 1.5e8, 3e7);
    write_part("day1.csv", column, 0, 1440, 60, 0, 1.5e8, 3e7);
    write_part("day2.csv", column, 1440, 2 * 1440, 60, 0, 1.5e8, 3e7);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("all.csv")),
                     EXIT_FOUND);
    text_copy(whole, sizeof whole, out);
    assert_non_null(strstr(whole, "stop   BlackBerry Agent"));
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("day1.csv"),
                         in_folder("day2.csv")),
                     EXIT_FOUND);
    assert_string_equal(out, whole);
}

/* Commit from one file, its limit from another that was begun seconds later and samples more seldom. */
static void replay_of_the_machine_from_several_files(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_part("commit.csv", "\\\\EX1\\Memory\\Committed Bytes", 0, 1800, 60, 0, 2e9, 1e8);
    write_part("limit.csv", "\\\\EX1\\Memory\\Commit Limit", 0, 1800, 900, 7, 8e9, 0);
    write_part("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", 0, 1800, 60, 7, 1.5e8, 0);
    write_part("with_pids.csv", "\\\\EX1\\Process(BESAgent)\\ID Process", 0, 1, 60, 0, 0, 0);
    assert_int_equal(RUN(replay_run, "replay", "--mails", "--config", in_folder("act.json"),
                         in_folder("commit.csv"), in_folder("limit.csv"), in_folder("client.csv"),
                         in_folder("with_pids.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(out, "EX1: system commit +"));
    assert_non_null(strstr(out, "7.45 GiB (system commit limit)"));
    assert_null(strstr(out, "BESAgent.exe private bytes +"));
    assert_null(strstr(messages, "lacks"));
}

/* The number by which people know the process; a replayed start makes another process, with another one. */
static void replay_with_the_pids_that_were_recorded(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    write_recording("store.csv", "\\\\EX1\\Process(store)\\Private Bytes", false);
    FILE *file = fopen(in_folder("with_pids.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(BESAgent)\\ID Process,\\\\EX1\\Process(store)\\ID Process\n", file);
    for (int i = 0; i < 30 * 60; i++)
        fprintf(file, "%lld,3012,1000\n", (long long)(START_UTC_MS / 1000 + i * 60));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(replay_run, "replay", "--mails", "--config", in_folder("act.json"),
                         in_folder("client.csv"), in_folder("store.csv"), in_folder("with_pids.csv")),
                     EXIT_FOUND);
    const char *opened = strstr(out, "grows without bound"), *stop = strstr(out, "stop   BlackBerry Agent");
    assert_non_null(opened);
    assert_non_null(stop);
    const char *pid = strstr(opened, "BESAgent.exe, pid 3012,");
    assert_true(pid && pid < stop);
    assert_non_null(strstr(stop, "BESAgent.exe, pid 1001,"));
    assert_null(strstr(out, "pid 1000,")); /* that is the store's */
    assert_null(strstr(messages, "made up"));
    RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("client.csv"));
    assert_non_null(strstr(messages, "ID Process: the pids shown are made up"));
}

/* When the first of three ends, perfmon calls the others otherwise: they have not ended. */
static void replay_of_instances_that_are_called_otherwise(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    FILE *file = fopen(in_folder("three.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp", file);
    for (int i = 0; i < 3; i++)
        fprintf(file, ",\\EX1\\Process(BESAgent%s)\\Private Bytes,\\EX1\\Process(BESAgent%s)\\ID Process",
                (const char *const[]){"", "#1", "#2"}[i], (const char *const[]){"", "#1", "#2"}[i]);
    fputs("\n", file);
    for (int i = 0; i < 40 * 60; i++) {
        const double leak = 1.5e8 + i / 60.0 * 3e7;
        const bool one_less = i > 36 * 60;
        fprintf(file, "%lld,", (long long)(START_UTC_MS / 1000 + i * 60));
        if (one_less)
            fprintf(file, "%.0f,3013,9e7,3014,,\n", leak);
        else
            fprintf(file, "8e7,3012,%.0f,3013,9e7,3014\n", leak);
    }
    assert_int_equal(fclose(file), 0);
    write_text(
        "tells.json",
        "{\"version\": 1, \"clients\": [{\"name\": \"bes\", \"image\": "
        "\"BESAgent.exe\"}],\n\"mail\": {\"to\": [\"ops@example.com\"], \"relays\": "
        "[{\"host\": \"relay1\"}], \"reminder\": \"1h\"}, \"limits\": {\"private_bytes\": \"1400MiB\"}}\n");
    assert_int_equal(
        RUN(replay_run, "replay", "--mails", "--config", in_folder("tells.json"), in_folder("three.csv")),
        EXIT_FOUND);
    assert_null(strstr(out, "has ended"));
    assert_non_null(strstr(out, "1 incident and 0 restarts"));
    const char *renamed = strstr(out, "2026-03-02 12:");
    assert_non_null(renamed);
    assert_non_null(strstr(renamed, "still growing: BESAgent.exe private bytes +28.6 MiB/h"));
    assert_non_null(strstr(renamed, "BESAgent.exe, pid 3013,"));
    assert_null(strstr(out, "pid 3014"));
}

static void replay_as_if_it_might_act(void **state)
{
    (void)state;
    char config_alert[sizeof config_act + 8];
    const char *rest = strstr(config_act, "\"act\",") + strlen("\"act\",");
    snprintf(config_alert, sizeof config_alert, "{\"version\": 1, \"mode\": \"alert\",%s", rest);
    write_text("alert.json", config_alert);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("alert.json"), in_folder("client.csv")),
                     EXIT_FOUND);
    assert_null(strstr(out, "stop   BlackBerry Agent"));
    assert_non_null(strstr(out, "plan   storewatch restarts nothing now: "));
    assert_non_null(strstr(out, "with --act: what it would have restarted"));
    assert_int_equal(
        RUN(replay_run, "replay", "--act", "--config", in_folder("alert.json"), in_folder("client.csv")),
        EXIT_FOUND);
    assert_non_null(strstr(out, "stop   BlackBerry Agent"));
    assert_null(strstr(out, "with --act"));
}

static void replay_of_two_machines_warns(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("client.csv", "\\\\EX1\\Process(BESAgent)\\Private Bytes", true);
    write_recording("store.csv", "\\\\EX2\\Process(store)\\Private Bytes", false);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("client.csv"),
                         in_folder("store.csv")),
                     EXIT_FOUND);
    assert_non_null(strstr(messages, "the recording is of EX1 and of EX2"));
}

/* ---- status in words ---- */

static void status_of_nothing_is_no_status(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{}", "nonsense", "{\"watched\": 3}"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct buffer words = {0};
        assert_int_equal(status_view_text(texts[i], &words), -1);
        assert_int_equal(status_view_nagios(texts[i], &words), 3);
        buffer_deinit(&words);
    }
}

static void status_shows_what_is_there_and_unknown_for_the_rest(void **state)
{
    (void)state;
    struct buffer words = {0};
    assert_int_equal(
        status_view_text(
            "{\"watched\": [{\"target\": \"MSExchangeIS\", \"pid\": 7, \"metrics\": [{\"metric\": \"private "
            "bytes\", \"unit\": \"bytes\", \"now\": null, \"verdict\": \"learning\"}]}], \"incidents\": []}",
            &words),
        0);
    assert_non_null(strstr(words.data, "MSExchangeIS"));
    assert_non_null(strstr(words.data, "unknown"));
    buffer_deinit(&words);
}

static void status_says_when_growth_ends(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"\"2026-11-22T17:30:00Z\"", "; ends in 3 h 30 min, 2026-11-22 17:30:00 UTC\n"},
        {"\"2027-05-20T18:33:42Z\"", "; ends in 179 d, 2027-05-20\n"}, /* nobody knows the second of that */
        {"\"2026-11-22T13:00:00Z\"", "; ends 2026-11-22 13:00:00 UTC\n"}, /* it should be over already */
        {"null", "; ends at an unknown time\n"},
        {"\"2026-11-22T14:00:00Z\", \"limit\": 812", "; the limit is reached\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        char json[512];
        struct buffer words = {0};
        snprintf(json, sizeof json,
                 "{\"at\": \"2026-11-22T14:00:00Z\", \"watched\": [{\"target\": \"bes\", \"pid\": 7, "
                 "\"metrics\": [{\"metric\": \"handles\", \"unit\": \"handles\", \"now\": 812, \"verdict\": "
                 "\"unbounded\", \"exhaustion_at\": %s}]}], \"incidents\": []}",
                 table[i][0]);
        assert_int_equal(status_view_text(json, &words), 0);
        assert_non_null(strstr(words.data, table[i][1]));
        buffer_deinit(&words);
    }
}

/* Of storewatch itself: a line for each thing that is so, and none else. */
static void status_says_what_holds_for_all(void **state)
{
    (void)state;
    static const char *const table[][2] = {
        {"\"maintenance\": {\"until\": \"2026-11-22T18:00:00Z\", \"reason\": \"new disks\"}",
         "\nmaintenance until 2026-11-22T18:00:00Z: new disks\n"},
        {"\"clock\": {\"jumps\": 1, \"last_jump_ms\": -3600000, \"last_jump_at\": \"noon\"}",
         "clock      set back by 1 h at noon\n"},
        {"\"clock\": {\"jumps\": 3, \"last_jump_ms\": 60000, \"last_jump_at\": \"noon\"}",
         "clock      set forward by 1 min at noon, the last of 3 times\n"},
        {"\"store_error\": \"disk full\"", "the history file cannot be written: disk full\n"},
        {"\"look_error\": \"no services\"", "the latest look failed, at least in part: no services\n"},
        {"\"blind\": true", "the counters cannot be read: no leak is seen while this lasts\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        char json[512];
        struct buffer words = {0};
        snprintf(json, sizeof json, "{\"watched\": [], \"incidents\": [], %s}", table[i][0]);
        (void)status_view_text(json, &words);
        for (size_t k = 0; k < ARRAY_COUNT(table); k++)
            assert_int_equal(strstr(words.data, table[k][1]) != NULL, k == i);
        buffer_deinit(&words);
    }
}

static void nagios_codes(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
        const char *word;
    } table[] = {
        {"{\"incidents\": [], \"watched\": []}", 0, "OK - nothing grows"},
        {"{\"incidents\": [], \"store_error\": \"disk full\"}", 1, "WARNING - disk full"},
        {"{\"incidents\": [], \"store_error\": null, \"event_error\": \"the log is full\"}", 1,
         "WARNING - the log is full"},
        {"{\"incidents\": [], \"metrics_error\": \"C:\\\\m.prom cannot be written\"}", 1,
         "WARNING - C:\\m.prom cannot be written"},
        {"{\"incidents\": [{\"target\": \"bes\", \"metric\": \"handles\", \"reason\": \"grows\"}]}", 2,
         "CRITICAL - 1 incident: handles of bes"},
        {"{\"incidents\": [], \"blind\": true}", 3, "UNKNOWN - the counters cannot be read"},
        {"{\"incidents\": [], \"blind\": true, \"store_error\": \"disk full\"}", 3,
         "UNKNOWN - the counters cannot be read"},
        {"{\"incidents\": [], \"restart\": {\"under_way\": true, \"target\": \"BES\", \"waiting_for\": "
         "\"BES: start pending\"}}",
         1, "WARNING - restart of BES under way: BES: start pending"},
        {"{\"incidents\": [], \"restart\": {\"under_way\": true, \"target\": \"BES\", \"phase\": "
         "\"starting\", \"told_down\": true, \"waiting_for\": \"BES: start refused\"}}",
         2, "CRITICAL - A SERVICE IS DOWN, restart of BES under way: BES: start refused |"},
        {"{\"incidents\": [], \"restart\": {\"under_way\": true, \"target\": \"BES\", \"phase\": "
         "\"verifying\", \"told_down\": true, \"waiting_for\": \"everything runs\"}}",
         1, "WARNING - restart of BES under way: everything runs |"},
        {"{\"incidents\": [], \"restart\": {\"under_way\": false, \"phase\": \"ended\", \"told_down\": "
         "true}}",
         0, "OK - nothing grows without bound |"},
        {"{\"incidents\": [], \"watched\": [{\"target\": \"bes\", \"pid\": 7, \"address_space\": {\"level\": "
         "\"error\"}}, {\"target\": \"fax\", \"pid\": 8, \"address_space\": {\"level\": \"error\"}}]}",
         2,
         "CRITICAL - bes, pid 7: no address space in one piece (largest free block below 16 MiB) (and 1 "
         "more) "
         "|"},
        {"{\"incidents\": [], \"watched\": [{\"target\": \"bes\", \"pid\": 7, \"address_space\": {\"level\": "
         "\"warning\"}}, {\"target\": \"fax\", \"pid\": 8, \"address_space\": {\"level\": null}}]}",
         1, "WARNING - bes, pid 7: little address space in one piece (largest free block below 32 MiB) |"},
        {"{\"blind\": true, \"incidents\": [{\"target\": \"bes\", \"metric\": \"handles\", \"reason\": "
         "\"grows\"}]}",
         2, "CRITICAL - the counters cannot be read; 1 incident: handles of bes: grows |"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        struct buffer words = {0};
        assert_int_equal(status_view_nagios(table[i].json, &words), table[i].code);
        assert_non_null(strstr(words.data, table[i].word));
        buffer_deinit(&words);
    }
}

static void status_finds_what_it_shows(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int code;
        const char *words;
    } table[] = {
        {"{\"watched\": [{\"target\": \"bes\", \"pid\": 7, \"address_space\": {\"level\": \"warning\"}}]}", 1,
         ""},
        {"{\"watched\": [{\"target\": \"bes\", \"pid\": 7, \"address_space\": {\"level\": \"error\"}}]}", 1,
         ""},
        {"{\"watched\": [{\"target\": \"bes\", \"pid\": 7, \"address_space\": {\"level\": \"fine\"}}]}", 0,
         ""},
        {"{\"watched\": [], \"metrics_error\": \"no folder\"}", 1,
         "metrics file cannot be kept up: no folder\n"},
        {"{\"watched\": [], \"event_error\": \"full\"}", 1, "the event log takes no events: full\n"},
        {"{\"watched\": [], \"restart\": {\"under_way\": true, \"target\": \"BES\", \"phase\": \"starting\", "
         "\"told_down\": true, \"waiting_for\": \"BES: start refused\", \"evidence\": \"evidence is in "
         "C:\\\\e\\nnot gathered: dump\"}}",
         1,
         "restart of BES under way, starting: BES: start refused\n  A SERVICE IS DOWN: storewatch keeps "
         "trying\n  evidence is in C:\\e\n  not gathered: dump\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        struct buffer words = {0};
        assert_int_equal(status_view_text(table[i].json, &words), table[i].code);
        assert_non_null(strstr(words.data, table[i].words));
        buffer_deinit(&words);
    }
}

static void status_of_a_clock_that_jumped_by_ages(void **state)
{
    (void)state;
    struct buffer words = {0};
    assert_int_equal(
        status_view_text("{\"watched\": [], \"clock\": {\"jumps\": 1, \"last_jump_ms\": 1e300}}", &words), 0);
    assert_null(strstr(words.data, "clock"));
    buffer_deinit(&words);
}

static void nagios_gets_one_line_whatever_programs_are_called(void **state)
{
    (void)state;
    struct buffer words = {0};
    assert_int_equal(
        status_view_nagios("{\"incidents\": [{\"target\": \"a|b\", \"metric\": \"handles\", "
                           "\"reason\": \"two\\nlines\"}], \"watched\": [{\"target\": \"Bob's=Mail\", "
                           "\"pid\": 7, \"metrics\": [{\"metric\": \"handles\", \"now\": 12}]}]}",
                           &words),
        2);
    assert_string_equal(words.data,
                        "STOREWATCH CRITICAL - 1 incident: handles of a b: two lines | 'Bob''s Mail 7 "
                        "handles'=12\n");
    buffer_deinit(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay_tells_alerts_and_restarts),
        cmocka_unit_test(replay_of_clients_that_are_known_by_their_service),
        cmocka_unit_test(replay_keeps_to_the_local_windows),
        cmocka_unit_test(replay_in_json),
        cmocka_unit_test(replay_with_the_mails),
        cmocka_unit_test(rows_that_know_nothing_are_a_gap),
        cmocka_unit_test(a_pid_of_zero_is_none),
        cmocka_unit_test(a_short_log_is_told_as_that),
        cmocka_unit_test(the_level_it_began_at_was_seen),
        cmocka_unit_test(the_pool_of_the_machine_is_that_of_its_memory),
        cmocka_unit_test(what_runs_at_the_begin_is_warm),
        cmocka_unit_test(rows_without_any_value_are_a_gap_where_pids_are_recorded),
        cmocka_unit_test(a_process_that_comes_back_has_not_ended),
        cmocka_unit_test(a_replayed_restart_gives_back_to_the_machine),
        cmocka_unit_test(replay_of_a_healthy_store_is_fine),
        cmocka_unit_test(replay_says_what_is_wrong),
        cmocka_unit_test(patterns_of_recordings),
        cmocka_unit_test(replay_cuts_a_long_name_between_characters),
        cmocka_unit_test(replay_of_logs_that_follow_each_other),
        cmocka_unit_test(replay_of_the_machine_from_several_files),
        cmocka_unit_test(replay_with_the_pids_that_were_recorded),
        cmocka_unit_test(replay_of_instances_that_are_called_otherwise),
        cmocka_unit_test(replay_as_if_it_might_act),
        cmocka_unit_test(replay_of_two_machines_warns),
        cmocka_unit_test(status_of_nothing_is_no_status),
        cmocka_unit_test(status_shows_what_is_there_and_unknown_for_the_rest),
        cmocka_unit_test(status_of_a_clock_that_jumped_by_ages),
        cmocka_unit_test(status_says_when_growth_ends),
        cmocka_unit_test(status_says_what_holds_for_all),
        cmocka_unit_test(nagios_codes),
        cmocka_unit_test(status_finds_what_it_shows),
        cmocka_unit_test(nagios_gets_one_line_whatever_programs_are_called),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

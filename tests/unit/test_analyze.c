/* test_analyze.c - the commands `analyze` and `check-config` as a script sees them: exit codes, stdout,
 * stderr. Runs in the root of the checkout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "storewatch/cli.h"
#include "storewatch/perfmon.h"
#include "storewatch/units.h"

#include "capture.h"

/* A leak that anybody sees, from 40 % of the time on, beside a level with the same noise; 15 s apart. */
static void write_log(const char *name, int rows, double leak_bytes_per_row)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fprintf(file, "timestamp,Private Bytes,Handle Count\n");
    uint32_t seed = 12345;
    const int onset = rows * 2 / 5;
    for (int r = 0; r < rows; r++) {
        seed = seed * 1664525u + 1013904223u;
        const double noise = (double)(seed >> 8) / 16777216.0;
        const double leak = r > onset ? leak_bytes_per_row * (r - onset) : 0.0;
        fprintf(file, "%d,%.0f,%d\n", 1700000000 + 15 * r, 1e8 + 1e6 * noise + leak,
                500 + (int)(10.0 * noise));
    }
    assert_int_equal(fclose(file), 0);
}

static json_t *parse_output(void)
{
    json_error_t error;
    json_t *root = json_loads(out, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    assert_int_equal(json_integer_value(json_object_get(root, "version")), 1);
    assert_true(json_is_array(json_object_get(root, "series")));
    return root;
}

static const char *string_of(json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "(no text)";
}

/* ---- analyze ---- */

static void wrong_use_is_told(void **state)
{
    (void)state;
    assert_int_equal(RUN(analyze_run, "analyze"), EXIT_USAGE);
    assert_non_null(
        strstr(messages, "storewatch analyze: name at least one file\nusage: storewatch analyze [--json]"));
    assert_int_equal(RUN(analyze_run, "analyze", "--nope", "x.csv"), EXIT_USAGE);
    assert_int_equal(RUN(analyze_run, "analyze", "x.csv", "--limit"), EXIT_USAGE);
    static const char *const sizes[] = {"2 GB", "0", "-1", "x"};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        assert_int_equal(RUN(analyze_run, "analyze", "--limit", sizes[i], "x.csv"), EXIT_USAGE);
        assert_non_null(strstr(messages, "is not a size; it must be like 2GiB, 512MiB or 4096"));
    }
    assert_int_equal(RUN(analyze_run, "analyze", "--html", "a.CSV", "b.csv"), EXIT_USAGE);
    assert_non_null(strstr(messages, "\"a.CSV\" would be overwritten"));
    assert_int_equal(RUN(analyze_run, "analyze", "--html", "log.txt", "log.txt"), EXIT_USAGE);
    assert_non_null(strstr(messages, "\"log.txt\" would be overwritten"));
    assert_int_equal(RUN(analyze_run, "analyze", "--html", "LOG.txt", "log.txt"), EXIT_USAGE);
    assert_non_null(
        strstr(messages, "\"LOG.txt\" would be overwritten")); /* to Windows it is the same file */
    assert_int_equal(RUN(analyze_run, "analyze", "--html", "--json", "x.csv"), EXIT_USAGE);
    assert_non_null(strstr(messages, "a value must follow: --html"));
    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "", "x.csv"), EXIT_USAGE);
    assert_non_null(strstr(messages, "analyze: the value of --limit is empty: is a variable not set?\n"));
    assert_string_equal(out, "");
}

static void a_leak_is_found_and_told(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    const char *path = in_folder("leak.csv");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", path), EXIT_FOUND);
    assert_string_equal(messages, "");
    json_t *root = parse_output();
    json_t *series = json_object_get(root, "series");
    assert_int_equal(json_array_size(series), 2);

    json_t *bytes = json_array_get(series, 0);
    assert_string_equal(string_of(bytes, "file"), path);
    assert_string_equal(string_of(bytes, "name"), "Private Bytes");
    assert_string_equal(string_of(bytes, "unit"), "bytes");
    assert_int_equal(json_integer_value(json_object_get(bytes, "samples")), 2400);
    assert_int_equal(json_integer_value(json_object_get(bytes, "unknown")), 0);
    assert_string_equal(string_of(bytes, "from"), "2023-11-14T22:13:20Z");
    assert_string_equal(string_of(bytes, "to"), "2023-11-15T08:13:05Z");
    assert_string_equal(string_of(bytes, "verdict"), "unbounded");
    assert_true(json_array_size(json_object_get(bytes, "alarms")) >= 1);
    assert_string_equal(string_of(bytes, "detected_at"),
                        json_string_value(json_array_get(json_object_get(bytes, "alarms"), 0)));
    int64_t detected_ms = 0;
    assert_int_equal(time_parse_iso(string_of(bytes, "detected_at"), &detected_ms), STATUS_OK);
    assert_true(detected_ms > INT64_C(1700000000000) + 960 * 15000); /* not before it began */
    const double slope = json_number_value(json_object_get(bytes, "slope_per_hour"));
    assert_true(fabs(slope - 50000.0 * 240.0) < 0.2 * 50000.0 * 240.0);
    assert_true(json_number_value(json_object_get(bytes, "slope_low")) <= slope);
    assert_true(json_number_value(json_object_get(bytes, "slope_high")) >= slope);
    assert_true(json_is_null(json_object_get(bytes, "exhaustion_at"))); /* no limit is known */
    assert_true(strlen(string_of(bytes, "reason")) > 10);
    assert_true(strlen(string_of(bytes, "shape")) > 3);

    json_t *handles = json_array_get(series, 1);
    assert_string_equal(string_of(handles, "unit"), "handles");
    assert_string_equal(string_of(handles, "verdict"), "bounded");
    assert_true(json_is_null(json_object_get(handles, "detected_at")));
    assert_int_equal(json_array_size(json_object_get(handles, "alarms")), 0);
    json_decref(root);
}

/* The first half of a log gives the alarms that the whole log gives in its first half. */
static void no_later_sample_informs_an_alarm(void **state)
{
    (void)state;
    write_log("whole.csv", 2400, 50000.0);
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("whole.csv")), EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    int64_t detected_ms = 0;
    assert_int_equal(time_parse_iso(string_of(series, "detected_at"), &detected_ms), STATUS_OK);
    const int rows = (int)((detected_ms - INT64_C(1700000000000)) / 15000) + 1;
    for (int cut = 0; cut < 2; cut++) { /* up to the alarm, and one sample less */
        read_text(in_folder("whole.csv"), out, sizeof(out));
        char *end = out;
        for (int i = 0; i < 1 + rows - cut; i++)
            end = strchr(end, '\n') + 1;
        *end = '\0';
        write_text("part.csv", out);
        assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("part.csv")),
                         cut == 0 ? EXIT_FOUND : EXIT_FINE);
        json_t *part = parse_output();
        json_t *detected = json_object_get(json_array_get(json_object_get(part, "series"), 0), "detected_at");
        assert_int_equal(json_equal(detected, json_object_get(series, "detected_at")), cut == 0);
        json_decref(part);
    }
    json_decref(root);
}

static void a_healthy_log_is_fine(void **state)
{
    (void)state;
    write_log("flat.csv", 2400, 0.0);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("flat.csv")), EXIT_FINE);
    assert_string_equal(messages, "");
    assert_non_null(strstr(out, "\nNo unbounded growth in 2 series.\n"));
}

static void the_limit_gives_the_time_left(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    write_text("other.csv", "timestamp,value\n1,2\n2,3\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", "--limit", "2GiB", in_folder("leak.csv"),
                         in_folder("other.csv")),
                     EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_object_get(root, "series");
    int64_t exhaustion_ms = 0;
    assert_int_equal(time_parse_iso(string_of(json_array_get(series, 0), "exhaustion_at"), &exhaustion_ms),
                     STATUS_OK);
    assert_true(exhaustion_ms > INT64_C(1700000000000) + 2400 * 15000);
    assert_true(json_is_null(
        json_object_get(json_array_get(series, 1), "exhaustion_at"))); /* handles have no such limit */
    json_decref(root);
    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "2GiB", in_folder("leak.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, "limit reached"));
    /* Passed long ago: the last row is not when. */
    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "120MiB", in_folder("leak.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, " UTC  already  "));
    assert_non_null(strstr(out, "; has reached 120 MiB\n"));
}

/* In a file without bytes the limit holds for what has no known unit. */
static void the_limit_holds_for_unknown_units_alone(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    read_text(in_folder("leak.csv"), out, sizeof(out));
    char *name = strstr(out, "Private Bytes");
    memcpy(name, "percent value", 13);
    write_text("value.csv", out);
    assert_int_equal(RUN(analyze_run, "analyze", "--json", "--limit", "1GB", in_folder("value.csv")),
                     EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "unit"), "other");
    assert_true(json_is_string(json_object_get(series, "exhaustion_at")));
    json_decref(root);
}

static void a_limit_that_holds_for_nothing_is_told(void **state)
{
    (void)state;
    write_text("handles.csv", "timestamp,Handle Count\n1,2\n2,3\n");
    write_text("bytes.csv", "timestamp,Private Bytes\n1,2\n2,3\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "10000", in_folder("handles.csv")), EXIT_FINE);
    assert_string_equal(messages,
                        "storewatch analyze: --limit: no column is in bytes or of unknown unit, so it "
                        "holds for none\n");
    assert_int_equal(
        RUN(analyze_run, "analyze", "--limit", "10000", in_folder("handles.csv"), in_folder("bytes.csv")),
        EXIT_FINE);
    assert_string_equal(messages, "");
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("handles.csv")), EXIT_FINE);
    assert_string_equal(messages, "");
}

/* A history has bytes, whichever of its series is looked at. */
static void the_limit_is_not_one_of_blocks(void **state)
{
    (void)state;
    struct buffer csv = {0};
    buffer_add(&csv, PERFMON_HISTORY_HEADER "\n");
    for (int i = 0; i < 2400; i++) {
        char time[40];
        struct text text = text_on(time, sizeof time);
        text_add_time_utc(&text, INT64_C(1700000000000) + (int64_t)i * 15000);
        const int blocks = 1000 + 10 * i + i * 7919 % 13;
        buffer_add(&csv, "%s,bes,bes.exe,7,free blocks,%d,%d,%d,15000,1,0\n", time, blocks, blocks, blocks);
    }
    write_text("history.csv", csv.data);
    buffer_deinit(&csv);
    assert_int_equal(RUN(analyze_run, "analyze", "--json", "--limit", "2GiB", in_folder("history.csv")),
                     EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "unit"), "other");
    assert_true(json_is_null(json_object_get(series, "exhaustion_at")));
    json_decref(root);
}

static void one_bad_file_does_not_stop_the_others(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    write_log("flat.csv", 2400, 0.0);
    write_text("bad.csv", "timestamp,a\n1,2\n2,x\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("flat.csv"), in_folder("bad.csv"),
                         in_folder("leak.csv")),
                     EXIT_USAGE);
    char expected[256];
    snprintf(expected, sizeof(expected), "%s:3: column 2 (\"a\"): \"x\" is not a number\n",
             in_folder("bad.csv"));
    assert_string_equal(messages, expected);
    json_t *root = parse_output();
    assert_int_equal(json_array_size(json_object_get(root, "series")), 4);
    assert_string_equal(string_of(json_array_get(json_object_get(root, "series"), 2), "verdict"),
                        "unbounded");
    json_decref(root);

    assert_int_equal(
        RUN(analyze_run, "analyze", in_folder("nothing.csv"), in_folder("bad.csv"), in_folder("flat.csv")),
        EXIT_COULD_NOT);
    assert_non_null(strstr(messages, "nothing.csv: cannot be opened: No such file or directory\n"));
    assert_non_null(strstr(out, "flat.csv: Handle Count\n"));
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("bad.csv")), EXIT_USAGE);
    assert_string_equal(out, "No series could be read.\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("bad.csv")), EXIT_USAGE);
    assert_string_equal(out, "{\"version\":1,\"series\":[]}\n");
    assert_int_equal(RUN(analyze_run, "analyze", ""),
                     EXIT_USAGE); /* "%LOG%" of a script that has not set it */
    assert_non_null(strstr(messages, "analyze: an argument is empty: is a variable not set?\n"));
    assert_int_equal(RUN(analyze_run, "analyze", "--html", "", in_folder("flat.csv")), EXIT_USAGE);
    assert_non_null(strstr(messages, "analyze: the value of --html is empty: is a variable not set?\n"));
    assert_int_equal(RUN(history_run, "history", "--config", ""), EXIT_USAGE);
    assert_non_null(strstr(messages, "history: the value of --config is empty: is a variable not set?\n"));
}

static void the_table_begins_with_the_leaks(void **state)
{
    (void)state;
    write_log("flat.csv", 2400, 0.0);
    write_log("leak.csv", 2400, 50000.0);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("flat.csv"), in_folder("leak.csv")), EXIT_FOUND);
    assert_memory_equal(out, "verdict    now ", 15);
    const char *leak = strstr(out, "leak.csv: Private Bytes\n");
    const char *flat = strstr(out, "flat.csv: Private Bytes\n");
    assert_true(leak != NULL && flat != NULL && leak < flat);
    assert_non_null(strstr(out, "\n1 of 4 series grows without bound.\n"));
    /* every line of the table has its name at the same column */
    const char *heading = strstr(out, "series\n");
    const char *first = strchr(out, '\n') + 1;
    assert_int_equal(strstr(first, folder) - first, heading - out);
}

static void little_data_is_learning(void **state)
{
    (void)state;
    write_text("short.csv", "timestamp,a\n1,2\n2,\n3,4\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("short.csv")), EXIT_FINE);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "verdict"), "learning");
    assert_int_equal(json_integer_value(json_object_get(series, "samples")), 3);
    assert_int_equal(json_integer_value(json_object_get(series, "unknown")), 1);
    assert_true(json_is_null(json_object_get(series, "slope_per_hour")));
    json_decref(root);

    write_text("empty.csv", "timestamp,a\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("empty.csv")), EXIT_FINE);
    root = parse_output();
    series = json_array_get(json_object_get(root, "series"), 0);
    assert_int_equal(json_integer_value(json_object_get(series, "samples")), 0);
    assert_true(json_is_null(json_object_get(series, "from")) && json_is_null(json_object_get(series, "to")));
    json_decref(root);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("empty.csv")), EXIT_FINE);
    assert_non_null(strstr(out, "No unbounded growth in 1 series. 1 is too short for a verdict.\n"));
    /* A counter that nobody could read is not too short. */
    write_text("unread.csv", "timestamp,a,b,c\n1,,,1\n2,,,1\n3,,,1\n");
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("unread.csv")), EXIT_FINE);
    assert_non_null(strstr(
        out, "No unbounded growth in 3 series. 1 is too short for a verdict. 2 have no value at all.\n"));
}

static void skipped_rows_are_told(void **state)
{
    (void)state;
    write_text("twice.csv", "timestamp,a\n1,2\n1,2\n2,4\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("twice.csv")), EXIT_FINE);
    assert_non_null(strstr(messages, "twice.csv: 1 row not later than the row before skipped"));
    write_text("words.csv", "\"(PDH-CSV 4.0)\",\"\\\\EX1\\a\"\n\"11/22/2026 03:14:05.000\",\"1\"\n"
                            "Exiting, please wait...     \nThe command completed successfully.\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("words.csv")), EXIT_FINE);
    assert_non_null(strstr(
        messages,
        "words.csv:3: \"Exiting, please wait...\": what the recorder says after its rows was left out\n"));
    assert_non_null(strstr(messages, "words.csv: it does not tell the time zone of its local times: they are "
                                     "taken as UTC\n"));
    write_text("zone.csv", "\"(PDH-CSV 4.0) (W. Europe Standard Time)(-60)\",\"\\\\EX1\\a\"\n"
                           "\"11/22/2026 03:14:05.000\",\"1\"\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("zone.csv")), EXIT_FINE);
    assert_string_equal(messages, "");
}

static void a_page_is_written(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("page.html"), in_folder("leak.csv")),
                     EXIT_FOUND);
    assert_string_equal(messages, "");
    static char page[1 << 20];
    read_text(in_folder("page.html"), page, sizeof(page));
    assert_memory_equal(page, "<!DOCTYPE html>", 15);
    assert_non_null(strstr(page, "Private Bytes"));
    assert_non_null(strstr(page, "1 of 2 series grows without bound."));
    assert_non_null(strstr(page, "unbounded growth detected"));
    assert_non_null(strstr(page, "2023-11-14 22:13:20 UTC to 2023-11-15 08:13:05 UTC</figcaption>"));
    assert_non_null(strstr(page, "</html>"));

    /* Too short for a level, but what was read is known. */
    write_text("short.csv", "timestamp,private bytes\n1,5242880\n2,6291456\n");
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("short.csv")), EXIT_FINE);
    assert_non_null(strstr(out, "\nlearning  6.00 MiB  unknown  private bytes\n"));

    /* What leaks comes first, whichever file has it; of a file that is malformed there is nothing. */
    write_text("short.csv", "timestamp,too short\n1,2\n2,3\n");
    write_text("bad.csv", "timestamp,malformed\n1,2\n2,x\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("page.html"), in_folder("short.csv"),
                         in_folder("bad.csv"), in_folder("leak.csv")),
                     EXIT_USAGE);
    read_text(in_folder("page.html"), page, sizeof(page));
    assert_non_null(strstr(page, "too short</h2>"));
    assert_true(strstr(page, "Private Bytes</h2>") < strstr(page, "too short</h2>"));
    assert_null(strstr(page, "malformed</h2>"));

    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("no/page.html"), in_folder("leak.csv")),
                     EXIT_COULD_NOT);
    assert_non_null(strstr(messages, "no/page.html: cannot be written: No such file or directory"));
}

/* A leak that ended: the process was restarted, and has been healthy for long. */
static void a_leak_that_ended_is_still_found(void **state)
{
    (void)state;
    write_log("leak.csv", 2400, 50000.0);
    FILE *file = fopen(in_folder("leak.csv"), "ab");
    assert_non_null(file);
    for (int r = 2400; r < 12000; r++)
        fprintf(file, "%d,%d,%d\n", 1700000000 + 15 * r, 100000000 + r * 7919 % 1000000, 500 + r % 7);
    fclose(file);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("leak.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, "\n1 series grew without bound for a time, and it ended.\n"));
    assert_memory_equal(strchr(out, '\n') + 1, "bounded ", 8);
}

/* One process that leaks all the time, or one that leaks and is healthy after its restart, as perfmon logs it:
 * the instance is called as before, its process is another one. A minute apart. */
static void write_restart(const char *name, int rows, int restart, bool leaks_on)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs("\"(PDH-CSV 4.0) (X)(0)\",\"\\\\EX1\\Process(bes)\\Private Bytes\",\"\\\\EX1\\Process(bes)\\ID "
          "Process\"\n",
          file);
    for (int r = 0; r < rows; r++) {
        const int age = r < restart ? r : r - restart;
        const double leak = r < restart || leaks_on ? 150000.0 * age : 0.0;
        fprintf(file, "\"11/%02d/2026 %02d:%02d:00.000\",\"%.0f\",\"%d\"\n", 2 + r / 1440, r / 60 % 24,
                r % 60, 8e7 + leak + r * 7919 % 100000, r < restart ? 2140 : 3388);
    }
    assert_int_equal(fclose(file), 0);
}

/* A new process under the old name is judged by what it does itself: it does not take back what the old one
 * took, and its leak is not hidden by the old one's. */
static void a_restarted_process_is_another_one(void **state)
{
    (void)state;
    write_restart("restart.csv", 5760, 2880, true);
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("restart.csv")), EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "verdict"), "unbounded");
    assert_int_equal(json_array_size(json_object_get(series, "alarms")), 2); /* one for each */
    const double slope = json_number_value(json_object_get(series, "slope_per_hour"));
    assert_true(fabs(slope - 9e6) < 1e5);
    assert_int_equal(json_integer_value(json_object_get(series, "samples")), 5760);
    assert_non_null(strstr(string_of(series, "reason"), "; pid 3388 since 2026-11-04 00:00:00 UTC"));
    json_decref(root);

    write_restart("restart.csv", 5760, 2880, false);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("restart.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, "\n1 series grew without bound for a time, and it ended.\n"));
    assert_non_null(strstr(out, "no growth; pid 3388 since 2026-11-04 00:00:00 UTC\n"));
}

/* A process that leaked and has ended before the recording did: it grows no more and reaches nothing. */
static void a_process_that_has_ended_reaches_nothing(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("ended.csv"), "wb");
    assert_non_null(file);
    fputs(
        "\"(PDH-CSV 4.0) (X)(0)\",\"\\\\EX1\\Process(bes)\\Private Bytes\",\"\\\\EX1\\Memory\\Free Bytes\"\n",
        file);
    for (int r = 0; r < 5760; r++) {
        fprintf(file, "\"11/%02d/2026 %02d:%02d:00.000\",", 2 + r / 1440, r / 60 % 24, r % 60);
        fprintf(file, r < 2880 ? "\"%.0f\"," : "\" \",", 8e7 + 150000.0 * r + r * 7919 % 100000);
        fprintf(file, r < 5758 ? "\"4000000\"\n" : "\" \"\n");
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(analyze_run, "analyze", "--json", "--html", in_folder("page.html"), "--limit",
                         "2GiB", in_folder("ended.csv")),
                     EXIT_FOUND);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "verdict"), "unbounded"); /* as it was at its end */
    assert_true(json_is_null(json_object_get(series, "exhaustion_at")));
    assert_null(strstr(string_of(series, "reason"), "reaches"));
    assert_non_null(strstr(string_of(series, "reason"), "; it has ended, last seen 2026-11-03 23:59:00 UTC"));
    /* Two missing rows are no end. */
    series = json_array_get(json_object_get(root, "series"), 1);
    assert_null(strstr(string_of(series, "reason"), "ended"));
    json_decref(root);
    static char page[1 << 20];
    read_text(in_folder("page.html"), page, sizeof(page));
    assert_non_null(strstr(page, "<dt>last level</dt>"));
    assert_null(strstr(page, "limit reached"));
    assert_null(strstr(page, "class=\"forecast\""));

    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "2GiB", in_folder("ended.csv")), EXIT_FOUND);
    assert_null(strstr(out, "limit reached"));
    assert_non_null(strstr(out, "\n1 series grew without bound for a time, and it ended.\n"));
}

/* When "bes" ends, perfmon calls "bes#1", which has leaked for 2,880 rows, so from then on. */
static void write_renamed(const char *name, int rows_after, bool leaks_on)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    fputs("\"(PDH-CSV 4.0) (X)(0)\"", file);
    for (int i = 0; i < 2; i++) {
        fprintf(file, ",\"\\\\EX1\\Process(bes%s)\\Private Bytes\",\"\\\\EX1\\Process(bes%s)\\ID Process\"",
                i == 1 ? "#1" : "", i == 1 ? "#1" : "");
    }
    fputs("\n", file);
    for (int r = 0; r < 2880 + rows_after; r++) {
        const double level = 8e7 + 150000.0 * (r < 2880 || leaks_on ? r : 2880) + r * 7919 % 100000;
        fprintf(file, "\"11/%02d/2026 %02d:%02d:00.000\",", 2 + r / 1440, r / 60 % 24, r % 60);
        fprintf(file,
                r < 2880 ? "\"70000000\",\"3012\",\"%.0f\",\"3388\"\n" : "\"%.0f\",\"3388\",\" \",\" \"\n",
                level);
    }
    assert_int_equal(fclose(file), 0);
}

/* That has not ended, and leaks on. */
static void an_instance_that_is_called_otherwise_goes_on(void **state)
{
    (void)state;
    static const int after[] = {4, 100, 2000};
    for (size_t n = 0; n < ARRAY_COUNT(after); n++) {
        write_renamed("renamed.csv", after[n], true);
        assert_int_equal(RUN(analyze_run, "analyze", "--limit", "2GiB", in_folder("renamed.csv")),
                         EXIT_FOUND);
        assert_non_null(strstr(out, "; it goes on as bes since 2026-11-04 00:00:00 UTC\n"));
        assert_null(strstr(out, "it has ended"));
        assert_non_null(strstr(out, "\n1 of 4 series grows without bound."));
    }
}

/* Half of the growth's duration without any outweighs it, as it clears an alarm. */
static void a_leak_that_stops_under_another_name_has_ended(void **state)
{
    (void)state;
    write_renamed("healed.csv", 600, false);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("healed.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, "\n1 of 4 series grows without bound."));
    write_renamed("healed.csv", 2200, false);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("healed.csv")), EXIT_FOUND);
    assert_non_null(strstr(out, "\n1 series grew without bound for a time, and it ended.\n"));
}

/* Perfmon's ID Process is 0 where it could not be read: the process is the same before and after. */
static void a_pid_of_zero_is_nobodys(void **state)
{
    (void)state;
    FILE *file = fopen(in_folder("zero.csv"), "wb");
    assert_non_null(file);
    fputs("timestamp,\\\\EX1\\Process(bes)\\Private Bytes,\\\\EX1\\Process(bes)\\ID Process\n", file);
    for (int r = 0; r < 2880; r++) {
        fprintf(file, "%d,%.0f,%d\n", 1700000000 + 60 * r, 8e7 + 150000.0 * r + r * 7919 % 100000,
                r % 200 == 100 ? 0 : 2140);
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("zero.csv")), EXIT_FOUND);
    assert_null(strstr(out, "; pid "));
}

/* Rows an hour apart: who has none for two hours has not ended. */
static void a_seldom_written_history_has_seldom_rows(void **state)
{
    (void)state;
    struct buffer csv = {0};
    buffer_add(&csv, PERFMON_HISTORY_HEADER "\n");
    for (int pid = 7; pid < 9; pid++) {
        for (int i = 0; i < 200 - (pid == 7 ? 2 : 0); i++) {
            char time[40];
            struct text text = text_on(time, sizeof time);
            text_add_time_utc(&text, INT64_C(1700000000000) + (int64_t)i * MS_PER_HOUR);
            const int bytes = 100000000 + i * 7919 % 100000;
            buffer_add(&csv, "%s,bes,bes.exe,%d,private bytes,%d,%d,%d,3600000,240,0\n", time, pid, bytes,
                       bytes, bytes);
        }
    }
    write_text("hours.csv", csv.data);
    buffer_deinit(&csv);
    assert_int_equal(RUN(analyze_run, "analyze", in_folder("hours.csv")), EXIT_FINE);
    assert_null(strstr(out, "it has ended"));
}

/* Two processes after each other, as the history has them: the first leaked and has ended. */
static void a_process_of_a_history_that_has_ended(void **state)
{
    (void)state;
    struct buffer csv = {0};
    buffer_add(&csv, PERFMON_HISTORY_HEADER "\n");
    for (int i = 0; i < 4800; i++) {
        char time[40];
        struct text text = text_on(time, sizeof time);
        text_add_time_utc(&text, INT64_C(1700000000000) + (int64_t)i * 15000);
        const int bytes = (i < 2400 ? 100000000 + 20000 * i : 100000000) + i * 7919 % 100000;
        buffer_add(&csv, "%s,bes,bes.exe,%d,private bytes,%d,%d,%d,15000,1,0\n", time, i < 2400 ? 7 : 8,
                   bytes, bytes, bytes);
    }
    write_text("history.csv", csv.data);
    buffer_deinit(&csv);
    assert_int_equal(RUN(analyze_run, "analyze", "--limit", "2GiB", in_folder("history.csv")), EXIT_FOUND);
    assert_null(strstr(out, "limit reached"));
    assert_non_null(strstr(out, "; it has ended, last seen 2023-11-15 08:13:05 UTC\n"));
    assert_non_null(strstr(out, "\n1 series grew without bound for a time, and it ended.\n"));
    const char *second = strstr(out, "private bytes of bes (bes.exe, pid 8)\n");
    assert_non_null(second);
    assert_null(strstr(second, "ended, last seen"));
}

static void a_perfmon_log_names_its_machine(void **state)
{
    (void)state;
    write_text("short.csv", "\"(PDH-CSV 4.0) (X)(-60)\",\"\\\\EX1\\Process(store)\\Private Bytes\"\r\n"
                            "\"11/22/2026 03:14:05.000\",\"1\"\r\n");
    assert_int_equal(
        RUN(analyze_run, "analyze", "--json", "--html", in_folder("page.html"), in_folder("short.csv")),
        EXIT_FINE);
    json_t *root = parse_output();
    json_t *series = json_array_get(json_object_get(root, "series"), 0);
    assert_string_equal(string_of(series, "name"), "\\\\EX1\\Process(store)\\Private Bytes");
    assert_string_equal(string_of(series, "from"), "2026-11-22T02:14:05Z");
    json_decref(root);
    static char page[1 << 20];
    read_text(in_folder("page.html"), page, sizeof(page));
    assert_non_null(strstr(page, ">EX1 &middot; "));
    /* two machines on a page: it is the page of neither */
    write_text("other.csv", "\"(PDH-CSV 4.0) (X)(-60)\",\"\\\\EX2\\Process(store)\\Private Bytes\"\r\n"
                            "\"11/22/2026 03:14:05.000\",\"1\"\r\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("page.html"), in_folder("short.csv"),
                         in_folder("other.csv")),
                     EXIT_FINE);
    read_text(in_folder("page.html"), page, sizeof(page));
    assert_null(strstr(page, ">EX1 &middot; "));
}

static void a_path_that_is_not_utf8_is_told_as_far_as_it_goes(void **state)
{
    (void)state;
    write_text("k\xF6ln.csv", "timestamp,a\n1,2\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--json", in_folder("k\xF6ln.csv")), EXIT_FINE);
    json_t *root = parse_output();
    assert_non_null(
        strstr(string_of(json_array_get(json_object_get(root, "series"), 0), "file"), "/k?ln.csv"));
    json_decref(root);
}

static int run_onto_a_full_disk(int argc, char **argv)
{
    const int saved = dup(1);
    const int full = open("/dev/full", O_WRONLY);
    assert_true(saved >= 0 && full >= 0);
    dup2(full, 1);
    const int code = commands_run(argc, argv);
    clearerr(stdout);
    dup2(saved, 1);
    close(saved);
    close(full);
    return code;
}

/* Told once, whether all of the answer is still to be written at the end or some of it has failed before. */
static void output_that_cannot_be_written_is_an_error(void **state)
{
    static const char *const names[] = {"short.csv", "wide.csv"};
    static const char told[] = "storewatch: the answer could not be written: ";
    (void)state;
    write_text("short.csv", "timestamp,a\n1,2\n2,\n3,4\n");
    FILE *file = fopen(in_folder("wide.csv"), "wb");
    assert_non_null(file);
    fprintf(file, "timestamp");
    for (int i = 0; i < 500; i++)
        fprintf(file, ",column %d", i);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < 2 * ARRAY_COUNT(names); i++) {
        const char *path = in_folder(names[i / 2]);
        assert_int_equal(i % 2 == 0 ? RUN(run_onto_a_full_disk, "storewatch", "analyze", path)
                                    : RUN(run_onto_a_full_disk, "storewatch", "analyze", "--json", path),
                         EXIT_COULD_NOT);
        assert_int_equal(strncmp(messages, told, strlen(told)), 0);
        assert_ptr_equal(strchr(messages, '\n') + 1, messages + strlen(messages));
    }
}

/* A page that cannot be written to its end leaves what stood at its path: once it removed the device. */
static void a_page_on_a_full_device_is_an_error_and_the_device_stays(void **state)
{
    (void)state;
    write_text("short.csv", "timestamp,a\n1,2\n2,\n3,4\n");
    assert_int_equal(symlink("/dev/full", in_folder("full")), 0);
    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("full"), in_folder("short.csv")),
                     EXIT_COULD_NOT);
    assert_int_equal(access(in_folder("full"), W_OK), 0);
}

static size_t files_in_folder(void)
{
    struct dirent *entry;
    size_t count = 0;
    DIR *listing = opendir(in_folder("."));
    assert_non_null(listing);
    while ((entry = readdir(listing)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

/* The disk takes the begin of the page and not the rest. */
static void a_page_that_does_not_fit_leaves_nothing_half(void **state)
{
    char page[4096];
    struct rlimit before, small;
    (void)state;
    write_text("short.csv", "timestamp,a\n1,2\n2,\n3,4\n");
    const size_t files = files_in_folder();
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 1024, .rlim_max = before.rlim_max};
    for (int there = 0; there < 2; there++) {
        if (there)
            write_text("large.html", "the page of yesterday");
        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        const int code =
            RUN(analyze_run, "analyze", "--html", in_folder("large.html"), in_folder("short.csv"));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(code, EXIT_COULD_NOT);
        assert_non_null(strstr(messages, "large.html: cannot be written: File too large\n"));
        assert_int_equal(files_in_folder(), files + (size_t)there);
    }
    read_text(in_folder("large.html"), page, sizeof(page));
    assert_string_equal(page, "the page of yesterday");
}

/* It is written beside first, over nothing that is somebody's. */
static void a_page_beside_a_recording_of_nearly_that_name(void **state)
{
    (void)state;
    write_text("week.new", "timestamp,a\n1,2\n2,\n3,4\n");
    assert_int_equal(RUN(analyze_run, "analyze", "--html", in_folder("week"), in_folder("week.new")),
                     EXIT_FINE);
    assert_int_equal(access(in_folder("week.new"), R_OK), 0);
}

/* ---- check-config ---- */

static void check_config_tells_all_and_its_exit_code(void **state)
{
    (void)state;
    assert_int_equal(RUN(check_config_run, "check-config", "config/act.example.json"), EXIT_FINE);
    assert_string_equal(
        out, "config/act.example.json: good; mode \"act\", 3 registered clients, mail to 2 recipients "
             "through 2 relays\n");
    assert_string_equal(messages, "");

    assert_int_equal(RUN(check_config_run, "check-config", "config/storewatch.json"), EXIT_FINE);
    assert_string_equal(
        out, "config/storewatch.json: good; mode \"alert\", 0 registered clients, mail to 0 recipients "
             "through 0 relays\n");
    assert_non_null(strstr(messages, "config/storewatch.json:28:11: mail: warning: no recipient (mail.to)"));

    write_text("bad.json", "{\"mode\":\"x\",\n\"sampling\":{\"intervall\":1}}\n");
    assert_int_equal(RUN(check_config_run, "check-config", in_folder("bad.json")), EXIT_USAGE);
    assert_string_equal(out, "");
    assert_non_null(strstr(messages, "bad.json:1:9: mode: the text \"x\" is not allowed"));
    assert_non_null(
        strstr(messages, "bad.json:2:13: sampling.intervall: unknown key; did you mean \"interval\"?"));

    assert_int_equal(RUN(check_config_run, "check-config", in_folder("nothing.json")), EXIT_COULD_NOT);
    assert_non_null(strstr(messages, "nothing.json: cannot be opened"));
    assert_int_equal(RUN(check_config_run, "check-config", "a", "b"), EXIT_USAGE);
    assert_int_equal(RUN(check_config_run, "check-config"), EXIT_USAGE);
    assert_non_null(strstr(messages, "name the file\nusage: storewatch check-config [FILE]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_use_is_told),
        cmocka_unit_test(a_leak_is_found_and_told),
        cmocka_unit_test(no_later_sample_informs_an_alarm),
        cmocka_unit_test(a_healthy_log_is_fine),
        cmocka_unit_test(the_limit_gives_the_time_left),
        cmocka_unit_test(the_limit_holds_for_unknown_units_alone),
        cmocka_unit_test(a_limit_that_holds_for_nothing_is_told),
        cmocka_unit_test(the_limit_is_not_one_of_blocks),
        cmocka_unit_test(one_bad_file_does_not_stop_the_others),
        cmocka_unit_test(the_table_begins_with_the_leaks),
        cmocka_unit_test(little_data_is_learning),
        cmocka_unit_test(skipped_rows_are_told),
        cmocka_unit_test(a_page_is_written),
        cmocka_unit_test(a_leak_that_ended_is_still_found),
        cmocka_unit_test(a_restarted_process_is_another_one),
        cmocka_unit_test(a_process_that_has_ended_reaches_nothing),
        cmocka_unit_test(an_instance_that_is_called_otherwise_goes_on),
        cmocka_unit_test(a_leak_that_stops_under_another_name_has_ended),
        cmocka_unit_test(a_pid_of_zero_is_nobodys),
        cmocka_unit_test(a_seldom_written_history_has_seldom_rows),
        cmocka_unit_test(a_process_of_a_history_that_has_ended),
        cmocka_unit_test(a_perfmon_log_names_its_machine),
        cmocka_unit_test(a_path_that_is_not_utf8_is_told_as_far_as_it_goes),
        cmocka_unit_test(output_that_cannot_be_written_is_an_error),
        cmocka_unit_test(a_page_on_a_full_device_is_an_error_and_the_device_stays),
        cmocka_unit_test(a_page_that_does_not_fit_leaves_nothing_half),
        cmocka_unit_test(a_page_beside_a_recording_of_nearly_that_name),
        cmocka_unit_test(check_config_tells_all_and_its_exit_code),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

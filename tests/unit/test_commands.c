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
    assert_non_null(strstr(out, "stop   BlackBerry Agent"));
    assert_non_null(strstr(out, "start  BlackBerry Agent"));
    assert_non_null(strstr(out, "recovered: BESAgent.exe"));
    assert_null(strstr(out, "store.exe"));
    /* The budget allows one restart; the leak goes on in the new process and is told, not acted on. */
    char *first = strstr(out, "stop   BlackBerry Agent");
    assert_null(strstr(first + 1, "stop   BlackBerry Agent"));
    assert_non_null(strstr(out, "1 restart in 1 d 6 h"));
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

static void replay_of_a_healthy_store_is_fine(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_recording("store.csv", "\\\\EX1\\Process(store)\\Private Bytes", false);
    assert_int_equal(RUN(replay_run, "replay", "--config", in_folder("act.json"), in_folder("store.csv")),
                     EXIT_FINE);
    assert_non_null(strstr(out, "0 incidents and 0 restarts"));
    assert_string_equal(messages, "");
}

static void replay_says_what_is_wrong(void **state)
{
    (void)state;
    write_text("act.json", config_act);
    write_text("bad.json", "{\"version\": 1, \"mdoe\": \"act\"}");
    write_text("other.csv", "timestamp,value\n1772323200,5\n");
    write_text("broken.csv", "timestamp,value\n1772323200,5\n1772323260,abc\n");
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
                     EXIT_FINE);
    assert_non_null(strstr(messages, "no counter of the recording belongs to"));
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
        {"{\"incidents\": [{\"target\": \"bes\", \"metric\": \"handles\", \"reason\": \"grows\"}]}", 2,
         "CRITICAL - 1 incident: handles of bes"},
        {"{\"incidents\": [], \"blind\": true}", 3, "UNKNOWN - the counters cannot be read"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        struct buffer words = {0};
        assert_int_equal(status_view_nagios(table[i].json, &words), table[i].code);
        assert_non_null(strstr(words.data, table[i].word));
        buffer_deinit(&words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replay_tells_alerts_and_restarts),
        cmocka_unit_test(replay_in_json),
        cmocka_unit_test(replay_with_the_mails),
        cmocka_unit_test(replay_of_a_healthy_store_is_fine),
        cmocka_unit_test(replay_says_what_is_wrong),
        cmocka_unit_test(status_of_nothing_is_no_status),
        cmocka_unit_test(status_shows_what_is_there_and_unknown_for_the_rest),
        cmocka_unit_test(nagios_codes),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

/* test_config.c - every kind of finding with its place and its words; the schema, the example files and the
 * table in config_keys.c are held together key by key. Runs in the root of the checkout. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/core/config_internal.h"

#include "storewatch/config.h"
#include "storewatch/units.h"

static struct config config;
static struct config_findings findings;

static enum status parse(const char *json)
{
    return config_parse(json, strlen(json), &config, &findings);
}

/* All findings, one a line, as `check-config` prints them for a file "f". */
static const char *all_findings(void)
{
    static char storage[CONFIG_ERRORS_MAX * 600];
    struct text text = text_on(storage, sizeof(storage));
    for (size_t i = 0; i < findings.count; i++) {
        config_finding_format(&text, "f", &findings.items[i]);
        text_add(&text, "\n");
    }
    assert_false(text.truncated);
    return storage;
}

#define MAIL "\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\"}]}"

/* ---- settings ---- */

static void an_empty_object_gives_the_defaults(void **state)
{
    (void)state;
    struct config expected;
    config_default(&expected);
    assert_int_equal(parse("{}"), STATUS_OK);
    assert_memory_equal(&config, &expected, sizeof(config));
    assert_int_equal(expected.mode, MODE_ALERT);
    assert_true(expected.interval_ms == 15000);
    assert_true(expected.warm_up_ms == 1800000);
    assert_string_equal(expected.store_service, "MSExchangeIS");
    assert_true(expected.min_window_ms == 14400000);
    assert_true(expected.confidence_pct == 99.0);
    assert_true(expected.min_growth_bytes == 67108864.0);
    assert_true(expected.min_handles == 500.0);
    assert_true(isnan(expected.limit_private_bytes) && isnan(expected.limit_handles));
    assert_int_equal(expected.budget_max, 2);
    assert_true(expected.budget_per_ms == MS_PER_DAY && expected.budget_min_interval_ms == 4 * MS_PER_HOUR);
    assert_true(expected.dump_min_free_bytes == 10737418240.0);
    assert_int_equal(expected.dump_time_ms, 120000);
    assert_int_equal(expected.digest_minute, -1);
}

static void every_key_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"version\":1,\"mode\":\"act\",\"data_dir\":\"C:\\\\sw\","
              "\"sampling\":{\"interval\":\"100ms\",\"warm_up\":\"2s\"},"
              "\"information_store\":{\"service\":\"Store2\"},"
              "\"clients\":[{\"name\":\"archive\",\"service\":\"ArchiveSvc\"},"
              "{\"name\":\"bes\",\"image\":\"BESAgent.exe\",\"service\":null}],"
              "\"discover_clients\":false,"
              "\"verdict\":{\"min_window\":\"5s\",\"confidence_pct\":95.5,\"min_growth\":\"1.5MiB\",\"min_"
              "handles\":7},"
              "\"limits\":{\"private_bytes\":\"2GiB\",\"handles\":10000},"
              "\"actions\":{\"ladder\":[\"alert\",\"restart_store\"],"
              "\"budget\":{\"max\":3,\"per\":\"1h\",\"min_interval\":\"1m\"},"
              "\"windows\":[{\"days\":\"sat-mon,wed\",\"from\":\"22:30\",\"to\":\"24:00\"}],"
              "\"urgent_before\":\"10s\",\"veto_processes\":[\"x.exe\"],\"stop_timeout\":\"1s\","
              "\"start_timeout\":\"2s\",\"verify\":\"3s\",\"on_hang\":\"terminate_client\","
              "\"on_cluster\":\"act\","
              "\"dump\":{\"kind\":\"full\",\"keep\":5,\"min_free\":\"1GiB\","
              "\"time\":\"45s\"}},"
              "\"mail\":{\"from\":\"me@x\",\"to\":[\"a@x\",\"b@x\"],\"subject_prefix\":\"\","
              "\"relays\":[{\"host\":\"r1\"},{\"host\":\"::1\",\"port\":465,\"tls\":\"implicit\",\"user\":"
              "\"u\","
              "\"password\":\"env:P\"}],\"reminder\":\"30s\",\"max_per_hour\":99,\"digest\":\"07:05\"},"
              "\"metrics_textfile\":\"/m.prom\"}"),
        STATUS_OK);
    assert_string_equal(all_findings(), "");
    assert_int_equal(config.mode, MODE_ACT);
    assert_string_equal(config.data_dir, "C:\\sw");
    assert_true(config.interval_ms == 100 && config.warm_up_ms == 2000);
    assert_string_equal(config.store_service, "Store2");
    assert_int_equal(config.client_count, 2);
    assert_string_equal(config.clients[0].name, "archive");
    assert_string_equal(config.clients[0].service, "ArchiveSvc");
    assert_string_equal(config.clients[0].image, "");
    assert_string_equal(config.clients[1].image, "BESAgent.exe");
    assert_string_equal(config.clients[1].service, "");
    assert_false(config.discover_clients);
    assert_true(config.min_window_ms == 5000 && config.confidence_pct == 95.5);
    assert_true(config.min_growth_bytes == 1572864.0 && config.min_handles == 7.0);
    assert_true(config.limit_private_bytes == 2147483648.0 && config.limit_handles == 10000.0);
    assert_int_equal(config.ladder_count, 2);
    assert_int_equal(config.ladder[0], RUNG_ALERT);
    assert_int_equal(config.ladder[1], RUNG_RESTART_STORE);
    assert_int_equal(config.budget_max, 3);
    assert_true(config.budget_per_ms == MS_PER_HOUR && config.budget_min_interval_ms == MS_PER_MINUTE);
    assert_int_equal(config.window_count, 1);
    assert_int_equal(config.windows[0].days, 0x60 | 0x01 | 0x04);
    assert_int_equal(config.windows[0].from_minute, 22 * 60 + 30);
    assert_int_equal(config.windows[0].to_minute, 0);
    assert_true(config.urgent_before_ms == 10000);
    assert_int_equal(config.veto_count, 1);
    assert_string_equal(config.veto_processes[0], "x.exe");
    assert_true(config.stop_timeout_ms == 1000 && config.start_timeout_ms == 2000 &&
                config.verify_ms == 3000);
    assert_int_equal(config.on_hang, HANG_TERMINATE_CLIENT);
    assert_true(config.act_on_cluster);
    assert_int_equal(config.dump_kind, DUMP_FULL);
    assert_int_equal(config.dump_keep, 5);
    assert_true(config.dump_min_free_bytes == 1073741824.0);
    assert_int_equal(config.dump_time_ms, 45000);
    assert_string_equal(config.mail_from, "me@x");
    assert_int_equal(config.recipient_count, 2);
    assert_string_equal(config.mail_to[1], "b@x");
    assert_string_equal(config.subject_prefix, "");
    assert_int_equal(config.relay_count, 2);
    assert_string_equal(config.relays[0].host, "r1");
    assert_int_equal(config.relays[0].port, 25);
    assert_int_equal(config.relays[0].tls, TLS_NONE);
    assert_int_equal(config.relays[1].port, 465);
    assert_int_equal(config.relays[1].tls, TLS_IMPLICIT);
    assert_string_equal(config.relays[1].password, "env:P");
    assert_true(config.reminder_ms == 30000);
    assert_int_equal(config.max_per_hour, 99);
    assert_int_equal(config.digest_minute, 425);
    assert_string_equal(config.metrics_textfile, "/m.prom");
}

static void shorter_lists_replace_longer_defaults(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"actions\":{\"windows\":[],\"veto_processes\":[],\"ladder\":[\"alert\"]}}"),
                     STATUS_OK);
    assert_int_equal(config.window_count, 0);
    assert_int_equal(config.veto_count, 0);
    assert_int_equal(config.ladder_count, 1);
}

static void the_sender_is_derived_from_the_first_recipient(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"mail\":{\"to\":[\"ops@mail.example.com\",\"x@y\"]}}"), STATUS_OK);
    assert_string_equal(config.mail_from, "storewatch@mail.example.com");
    assert_int_equal(parse("{\"mail\":{\"to\":[\"ops@[10.0.0.1]\"]}}"), STATUS_OK); /* a relay takes that */
    assert_string_equal(config.mail_from, "storewatch@[10.0.0.1]");
}

static void the_output_is_untouched_by_a_bad_file(void **state)
{
    (void)state;
    memset(&config, 0x5A, sizeof(config));
    struct config before = config;
    assert_int_equal(parse("{\"mode\":\"act\",\"version\":2}"), STATUS_INVALID);
    assert_memory_equal(&config, &before, sizeof(config));
}

/* ---- findings ---- */

struct finding_case {
    const char *json;
    enum status status;
    const char *findings;
};

static void check_cases(const struct finding_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const enum status status = parse(cases[i].json);
        assert_string_equal(all_findings(), cases[i].findings);
        assert_int_equal(status, cases[i].status);
    }
}

static void texts_that_are_not_json(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"", STATUS_INVALID, "f:1:1: the file is empty; it must hold one object: {...}\n"},
        {"\xEF\xBB\xBF \t\r\n\n", STATUS_INVALID,
         "f:1:1: the file is empty; it must hold one object: {...}\n"},
        {"{\n  \"mode\": \"act\"", STATUS_INVALID,
         "f:2:15: not JSON: '}' expected near end of file (is a closing } or ] missing?)\n"},
        {"{\n  \"version\": 1\n  \"mode\": \"act\" }", STATUS_INVALID,
         "f:3:8: not JSON: '}' expected near '\"mode\"' (is a comma missing before it?)\n"},
        {"{ \"clients\": [ {} {} ] }", STATUS_INVALID,
         "f:1:19: not JSON: ']' expected near '{' (is a comma missing before it?)\n"},
        {"{\n  \"mode\": \"act\",\n}", STATUS_INVALID,
         "f:3:1: not JSON: string or '}' expected near '}' (is there a comma too many before it, or a "
         "bracket that "
         "was never opened?)\n"},
        {"{\"data_dir\": \"C:\\data\"}", STATUS_INVALID,
         "f:1:18: not JSON: invalid escape near '\"C:\\d' (a backslash is written twice: \"C:\\\\data\")\n"},
        {"{ // the mode\n\"mode\": \"act\"}", STATUS_INVALID,
         "f:1:3: not JSON: string or '}' expected near '/' (JSON has no comments; the schema documents the "
         "keys)\n"},
        {"{\"mode\":\"act\",\n \"mode\":\"alert\"}", STATUS_INVALID,
         "f:1:1: mail: warning: no recipient (mail.to) and no relay (mail.relays): alerts go to the event "
         "log "
         "only\n"
         "f:2:7: not JSON: duplicate object key near '\"mode\"' (each key may stand once in an object)\n"},
        {"{\"mode\":\"\xE4\"}", STATUS_INVALID,
         "f:1:9: not JSON: unable to decode byte 0xe4 near '\"' (the file must be saved as UTF-8)\n"},
        {"{\"mode\":\"\\u0000\"}", STATUS_INVALID,
         "f:1:16: not JSON: \\u0000 is not allowed near '\"\\u0000\"'\n"},
        {"{\"version\":99999999999999999999}", STATUS_INVALID,
         "f:1:31: not JSON: too big integer near '99999999999999999999'\n"},
        {"\xFF\xFE{", STATUS_INVALID, "f:1:1: the file is UTF-16; save it as UTF-8\n"},
        {"\xFE\xFF", STATUS_INVALID, "f:1:1: the file is UTF-16; save it as UTF-8\n"},
        {"[]", STATUS_INVALID, "f:1:1: the file must hold one object: {...}\n"},
        {"{} {}", STATUS_INVALID,
         "f:1:4: not JSON: end of file expected near '{' (the file holds one object)\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

#define DUPLICATE(key)                                                                                       \
    "not JSON: duplicate object key near '\"" key "\"' (each key may stand once in an object)\n"

/* The first one counts; the others are told of, and with them what else is wrong. */
static void duplicate_keys(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{" MAIL ",\n\"mode\":\"act\",\n\"mode\":\"Act\",\n\"limits\":{\"zzz\":1},\n\"mode\":[{}]}",
         STATUS_INVALID,
         "f:3:6: " DUPLICATE("mode") "f:4:11: limits.zzz: unknown key. Allowed here: private_bytes, handles\n"
                                     "f:5:6: " DUPLICATE("mode")},
        {"{" MAIL
         ",\n\"limits\":{\"handles\":900,\"handles\":\"2,}\"},\n\"limits\":{\"a\":{\"b\":1,\"b\":1}},"
         "\n\"mode\":1}",
         STATUS_INVALID,
         "f:2:33: " DUPLICATE("handles") "f:3:8: " DUPLICATE(
             "limits") "f:4:8: mode: the number 1 is not allowed; it must be \"alert\" or \"act\"\n"},
        {"{" MAIL ",\n\"mode\":\"act\",\"mode\":\"act\"\n\"version\": 1}", STATUS_INVALID,
         "f:2:19: " DUPLICATE(
             "mode") "f:3:9: not JSON: '}' expected near '\"version\"' (is a comma missing before it?)\n"},
        {"{" MAIL ",\n\"mode\":\"act\",\"mode\":}", STATUS_INVALID, "f:2:19: " DUPLICATE("mode")},
        {"{" MAIL ",\n\"mode\":\"act\",\"mode\"", STATUS_INVALID, "f:2:19: " DUPLICATE("mode")},
        {"{" MAIL ",\n\"\\\"a\":1,\"\\\"a\" : 1 , \"mode\" :\"act\"}", STATUS_INVALID,
         "f:2:1: \"a: unknown key. Allowed here: version, mode, data_dir, sampling, information_store, "
         "clients, "
         "discover_clients, verdict, limits, actions, mail, metrics_textfile\n"
         "f:2:13: " DUPLICATE("\\\"a")},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

/* As many as there is room for. */
static void very_many_duplicate_keys(void **state)
{
    (void)state;
    char *many = malloc(CONFIG_BYTES_MAX + 1);
    assert_non_null(many);
    size_t length = (size_t)snprintf(many, 16, "{\"mode\":1");
    while (length + 16 < CONFIG_BYTES_MAX)
        length += (size_t)snprintf(many + length, 16, ",\"mode\":1");
    many[length++] = '}';
    assert_int_equal(config_parse(many, length, &config, &findings), STATUS_INVALID);
    assert_int_equal(findings.error_count, CONFIG_ERRORS_MAX);
    free(many);
}

static void nul_bytes_size_and_depth(void **state)
{
    (void)state;
    assert_int_equal(config_parse("{\0}", 3, &config, &findings), STATUS_INVALID);
    assert_string_equal(all_findings(), "f:1:1: the file is UTF-16; save it as UTF-8\n");
    assert_int_equal(config_parse("{  \0}", 5, &config, &findings), STATUS_INVALID);
    assert_string_equal(all_findings(), "f:1:4: a NUL byte: this is not a text file\n");

    char *big = malloc(CONFIG_BYTES_MAX + 1);
    assert_non_null(big);
    memset(big, ' ', CONFIG_BYTES_MAX + 1);
    big[0] = '{';
    big[CONFIG_BYTES_MAX - 1] = '}';
    assert_int_equal(config_parse(big, CONFIG_BYTES_MAX, &config, &findings), STATUS_OK);
    assert_int_equal(config_parse(big, CONFIG_BYTES_MAX + 1, &config, &findings), STATUS_INVALID);
    assert_string_equal(all_findings(),
                        "f:1:1: the file is larger than 1 MiB; a configuration is at most that\n");
    memset(big, '[', CONFIG_BYTES_MAX);
    assert_int_equal(config_parse(big, CONFIG_BYTES_MAX, &config, &findings), STATUS_INVALID);
    assert_non_null(strstr(all_findings(),
                           "maximum parsing depth reached near '[' (the configuration is never that "
                           "deep)"));
    free(big);
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    assert_int_equal(parse("\xEF\xBB\xBF{\"x\":1," MAIL "}"), STATUS_INVALID);
    assert_int_equal(findings.items[0].column, 2);
}

static void unknown_keys(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{" MAIL ",\n \"sampling\": {\"intervall\": \"1s\"}}", STATUS_INVALID,
         "f:2:15: sampling.intervall: unknown key; did you mean \"interval\"? Allowed here: interval, "
         "warm_up\n"},
        {"{" MAIL ",\n\"interval\": \"1s\"}", STATUS_INVALID,
         "f:2:1: interval: unknown key; did you mean \"sampling.interval\"? Allowed here: version, mode, "
         "data_dir, "
         "sampling, information_store, clients, discover_clients, verdict, limits, actions, mail, "
         "metrics_textfile\n"},
        {"{" MAIL ",\n\"limits\":{\"zzz\":1}}", STATUS_INVALID,
         "f:2:11: limits.zzz: unknown key. Allowed here: private_bytes, handles\n"},
        {"{" MAIL ",\n\"actions\":{\"budget\":{\"xma\":1}}}", STATUS_INVALID,
         "f:2:22: actions.budget.xma: unknown key; did you mean \"max\"? Allowed here: max, per, "
         "min_interval\n"},
        {"{" MAIL ",\n\"actions\":{\"windows\":[{\"from\":\"01:00\",\"to\":\"02:00\",\"Day\":1}]}}",
         STATUS_INVALID,
         "f:2:52: actions.windows[0].Day: unknown key; did you mean \"days\"? Allowed here: days, from, "
         "to\n"},
        {"{" MAIL ",\n\"limits\":{\"a\\u0007\\nb.c\":1}}", STATUS_INVALID,
         "f:2:11: limits.a??b.c: unknown key. Allowed here: private_bytes, handles\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

static void wrong_types_and_values(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{" MAIL ",\n\"mode\":\"Act\"}", STATUS_INVALID,
         "f:2:8: mode: the text \"Act\" is not allowed; it must be \"alert\" or \"act\"\n"},
        {"{" MAIL ",\n\"mode\":null}", STATUS_INVALID,
         "f:2:8: mode: null is not allowed; it must be \"alert\" or \"act\"\n"},
        {"{" MAIL ",\n\"version\":2}", STATUS_INVALID,
         "f:2:11: version: the number 2 is not allowed; it must be the number 1\n"},
        {"{" MAIL ",\n\"sampling\":{\"interval\":15}}", STATUS_INVALID,
         "f:2:24: sampling.interval: the number 15 is not allowed; it must be a duration from \"50ms\" to "
         "\"1h\": a "
         "whole number and ms, s, m, h or d\n"},
        {"{" MAIL ",\n\"sampling\":{\"interval\":\"49ms\"}}", STATUS_INVALID,
         "f:2:24: sampling.interval: the text \"49ms\" is not allowed; it must be a duration from \"50ms\" "
         "to \"1h\": a "
         "whole number and ms, s, m, h or d\n"},
        {"{" MAIL ",\n\"verdict\":{\"min_growth\":\"64 MB\"}}", STATUS_INVALID,
         "f:2:25: verdict.min_growth: the text \"64 MB\" is not allowed; it must be a size from \"0\" to "
         "\"1TiB\": a number and KiB, MiB, GiB or TiB, such as \"1.5GiB\"\n"},
        {"{" MAIL ",\n\"limits\":{\"private_bytes\":true}}", STATUS_INVALID,
         "f:2:27: limits.private_bytes: true is not allowed; it must be a size from \"64KiB\" to \"16TiB\": "
         "a "
         "number and "
         "KiB, MiB, GiB or TiB, such as \"1.5GiB\", or null\n"},
        {"{" MAIL ",\n\"actions\":{\"budget\":{\"max\":1.5}}}", STATUS_INVALID,
         "f:2:28: actions.budget.max: the number 1.5 is not allowed; it must be a whole number from 1 to "
         "64\n"},
        {"{" MAIL ",\n\"actions\":{\"budget\":{\"max\":\"2\"}}}", STATUS_INVALID,
         "f:2:28: actions.budget.max: the text \"2\" is not allowed; it must be a whole number from 1 to "
         "64\n"},
        {"{" MAIL ",\n\"verdict\":{\"confidence_pct\":100}}", STATUS_INVALID,
         "f:2:29: verdict.confidence_pct: the number 100 is not allowed; it must be a number from 60 to "
         "99.9\n"},
        {"{" MAIL ",\n\"version\":false}", STATUS_INVALID,
         "f:2:11: version: false is not allowed; it must be the number 1\n"},
        {"{" MAIL
         ",\n\"actions\":{\"windows\":[{\"from\":\"01:00\",\"to\":\"02:00\",\"days\":\"mon;tue\"}]}}",
         STATUS_INVALID,
         "f:2:59: actions.windows[0].days: the text \"mon;tue\" is not allowed; it must be days such as "
         "\"mon-sun\" or "
         "\"mon,wed,fri-sat\"\n"},
        {"{" MAIL ",\n\"discover_clients\":0}", STATUS_INVALID,
         "f:2:20: discover_clients: the number 0 is not allowed; it must be true or false\n"},
        {"{" MAIL ",\n\"sampling\":[]}", STATUS_INVALID,
         "f:2:12: sampling: a list is not allowed; it must be an object: {...}\n"},
        {"{" MAIL ",\n\"clients\":{}}", STATUS_INVALID,
         "f:2:11: clients: an object is not allowed; it must be a list of at most 32: [...]\n"},
        {"{" MAIL ",\n\"information_store\":{\"service\":\"\"}}", STATUS_INVALID,
         "f:2:32: information_store.service: the text \"\" is not allowed; it must be a text of 1 to 256 "
         "bytes\n"},
        {"{" MAIL ",\n\"actions\":{\"windows\":[{\"from\":\"24:00\",\"to\":\"7:00\",\"days\":\"mon-\"}]}}",
         STATUS_INVALID,
         "f:2:31: actions.windows[0].from: the text \"24:00\" is not allowed; it must be a time of day from "
         "\"00:00\" to "
         "\"23:59\"\n"
         "f:2:44: actions.windows[0].to: the text \"7:00\" is not allowed; it must be a time of day from "
         "\"00:00\" to "
         "\"24:00\"\n"
         "f:2:58: actions.windows[0].days: the text \"mon-\" is not allowed; it must be days such as "
         "\"mon-sun\" or "
         "\"mon,wed,fri-sat\"\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\"}],\"digest\":\"24:00\"}}", STATUS_INVALID,
         "f:1:56: mail.digest: the text \"24:00\" is not allowed; it must be a time of day from \"00:00\" to "
         "\"23:59\", "
         "or null\n"},
        {"{" MAIL ",\n\"clients\":[{\"service\":\"a\"},7]}", STATUS_INVALID,
         "f:2:12: clients[0].name: this key is missing; every one of clients[] needs it\n"
         "f:2:28: clients[1]: the number 7 is not allowed; it must be an object: {...}\n"},
        {"{" MAIL ",\n\"actions\":{\"ladder\":[\"alert\",\"restart\"]}}", STATUS_INVALID,
         "f:2:30: actions.ladder[1]: the text \"restart\" is not allowed; it must be \"alert\", "
         "\"restart_client\" or "
         "\"restart_store\"\n"},
        {"{" MAIL ",\n\"actions\":{\"ladder\":[\"alert\",\"alert\",\"alert\",\"alert\"]}}", STATUS_INVALID,
         "f:2:21: actions.ladder: has 4 elements; at most 3 are allowed\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

static void texts_of_special_form(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{" MAIL ",\n\"data_dir\":\"data\"}", STATUS_INVALID,
         "f:2:12: data_dir: \"data\" must be an absolute path, such as "
         "\"C:\\\\ProgramData\\\\storewatch\"\n"},
        {"{" MAIL ",\n\"data_dir\":\"C:data\",\"metrics_textfile\":\"x\\ty\"}", STATUS_INVALID,
         "f:2:12: data_dir: \"C:data\" must be an absolute path, such as "
         "\"C:\\\\ProgramData\\\\storewatch\"\n"
         "f:2:40: metrics_textfile: \"x?y\" must not contain control characters (a backslash is written "
         "twice: "
         "\"C:\\\\data\")\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"image\":\"C:\\\\a.exe\"}]}", STATUS_INVALID,
         "f:2:32: clients[0].image: \"C:\\a.exe\" must be a file name without a path, such as "
         "\"BESAgent.exe\"\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"service\":\"a/b\"}]}", STATUS_INVALID,
         "f:2:34: clients[0].service: \"a/b\" must be the name of a service (as \"sc query\" shows it), "
         "without / and "
         "\\\n"},
        {"{\"mail\":{\"to\":[\"ops\",\"a@b,c@d\",\"a@b\\r\\nBcc: "
         "c@d\",\"@b\",\"a@\"],\"relays\":[{\"host\":\"r\"}]}}",
         STATUS_INVALID,
         "f:1:16: mail.to[0]: \"ops\" must be one plain mail address, such as \"ops@example.com\"\n"
         "f:1:22: mail.to[1]: \"a@b,c@d\" must be one plain mail address, such as \"ops@example.com\"\n"
         "f:1:32: mail.to[2]: \"a@b??Bcc: c@d\" must not contain control characters\n"
         "f:1:50: mail.to[3]: \"@b\" must be one plain mail address, such as \"ops@example.com\"\n"
         "f:1:55: mail.to[4]: \"a@\" must be one plain mail address, such as \"ops@example.com\"\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r:25\"}]}}", STATUS_INVALID,
         "f:1:41: mail.relays[0].host: \"r:25\" must be a host name or address alone, such as "
         "\"relay1.example.com\"; "
         "the port has its own key\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"user\":\"u\",\"password\":\"secret\"}]}}",
         STATUS_INVALID,
         "f:1:67: mail.relays[0].password: the value must be \"dpapi:...\" or \"env:NAME\": a password does "
         "not stand "
         "in the file in clear\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"user\":\"u\",\"password\":271828}]}}",
         STATUS_INVALID,
         "f:1:67: mail.relays[0].password: the value is not allowed; it must be a text of 1 to 511 "
         "bytes, or null\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

static void what_concerns_several_values(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\"}]}", STATUS_INVALID,
         "f:2:12: clients[0]: has neither \"service\" nor \"image\": give the service that is restarted, the "
         "image that "
         "is watched, or both\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"service\":\"x\"},\n{\"service\":\"y\",\"name\":\"A\"}]}",
         STATUS_INVALID, "f:3:23: clients[1].name: \"A\" is the name of clients[0] already\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"service\":\"x\"},{\"service\":\"X\",\"name\":\"b\"}]}",
         STATUS_INVALID, "f:2:39: clients[1]: watches the same process as clients[0], \"a\"\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"image\":\"x\"},{\"name\":\"b\",\"image\":\"X.exe\"}]}",
         STATUS_INVALID, "f:2:37: clients[1]: watches the same process as clients[0], \"a\"\n"},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"service\":\"x\",\"image\":\"i\"},{\"service\":\"X\","
         "\"name\":\"b\"}]}",
         STATUS_OK, ""},
        {"{" MAIL ",\n\"clients\":[{\"name\":\"a\",\"service\":\"msexchangeis\"}]}", STATUS_INVALID,
         "f:2:34: clients[0].service: \"msexchangeis\" is the information store itself, which is watched "
         "already\n"},
        {"{" MAIL ",\n\"actions\":{\"ladder\":[]}}", STATUS_INVALID,
         "f:2:21: actions.ladder: must begin with \"alert\": people are told before anything is done\n"},
        {"{" MAIL ",\n\"actions\":{\"ladder\":[\"restart_store\",\"restart_client\"]}}", STATUS_INVALID,
         "f:2:21: actions.ladder: must begin with \"alert\": people are told before anything is done\n"
         "f:2:38: actions.ladder[1]: \"restart_client\" comes after \"restart_store\"; the order is alert, "
         "restart_client, restart_store\n"},
        {"{" MAIL ",\n\"actions\":{\"ladder\":[\"alert\",\"alert\"]}}", STATUS_INVALID,
         "f:2:30: actions.ladder[1]: \"alert\" is in the ladder twice\n"},
        {"{" MAIL ",\n\"mode\":\"act\",\"actions\":{\"ladder\":[\"alert\"]}}", STATUS_OK,
         "f:2:34: actions.ladder: warning: the ladder has no restart, so mode \"act\" does the same as mode "
         "\"alert\"\n"},
        {"{" MAIL ",\n\"actions\":{\"on_hang\":\"terminate_client\"}}", STATUS_OK,
         "f:2:22: actions.on_hang: warning: \"terminate_client\" has no effect, as nothing is ended in mode "
         "\"alert\": set mode \"act\", or leave \"wait\"\n"},
        {"{" MAIL
         ",\n\"mode\":\"act\",\"actions\":{\"on_hang\":\"terminate_client\"},\"clients\":[{\"name\":\"a\","
         "\"image\":\"a.exe\"}]}",
         STATUS_OK,
         "f:2:35: actions.on_hang: warning: \"terminate_client\" has no effect, as only the process of a "
         "registered "
         "client is ended, and no client has a \"service\": register it under clients, or leave \"wait\"\n"},
        {"{" MAIL
         ",\n\"mode\":\"act\",\"actions\":{\"on_hang\":\"terminate_client\"},\"clients\":[{\"name\":\"a\","
         "\"service\":\"a\"}]}",
         STATUS_OK, ""},
        {"{" MAIL
         ",\n\"mode\":\"act\",\"actions\":{\"on_hang\":\"terminate_client\",\"ladder\":[\"alert\"]}}",
         STATUS_OK,
         "f:2:35: actions.on_hang: warning: \"terminate_client\" has no effect, as nothing is stopped: add "
         "\"restart_client\" to actions.ladder, or leave \"wait\"\n"
         "f:2:63: actions.ladder: warning: the ladder has no restart, so mode \"act\" does the same as mode "
         "\"alert\"\n"},
        {"{" MAIL ",\n\"actions\":{\"budget\":{\"per\":\"1h\"}}}", STATUS_OK,
         "f:2:21: actions.budget.min_interval: warning: the time between two restarts (4h) is longer than "
         "actions.budget.per (1h): it alone decides, \"max\" is never reached\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"user\":\"u\"},{\"host\":\"s\","
         "\"password\":\"env:P\"}]}}",
         STATUS_INVALID,
         "f:1:33: mail.relays[0]: has \"user\" but no \"password\"; give both or neither\n"
         "f:1:57: mail.relays[1]: has \"password\" but no \"user\"; give both or neither\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"user\":\"u\",\"password\":\"env:P\"}]}}",
         STATUS_OK,
         "f:1:33: mail.relays[0]: warning: the password crosses the network in clear: \"tls\" should be "
         "\"starttls\" or "
         "\"implicit\"\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"tls\":\"implicit\"}]}}", STATUS_OK,
         "f:1:33: mail.relays[0]: warning: \"tls\" is \"implicit\" on port 25; relays expect that on port "
         "465\n"},
        {"{" MAIL ",\n\"metrics_textfile\":\"C:\\\\metrics\\\\storewatch.txt\"}", STATUS_OK,
         "f:2:20: metrics_textfile: warning: windows_exporter reads only files whose name ends in "
         "\".prom\"\n"},
        {"{" MAIL ",\n\"metrics_textfile\":\"C:\\\\metrics\\\\storewatch.PROM\"}", STATUS_OK,
         "f:2:20: metrics_textfile: warning: windows_exporter reads only files whose name ends in "
         "\".prom\"\n"},
        {"{" MAIL ",\n\"metrics_textfile\":\"C:\\\\metrics\\\\storewatch.prom\"}", STATUS_OK, ""},
        {"{}", STATUS_OK,
         "f:1:1: mail: warning: no recipient (mail.to) and no relay (mail.relays): alerts go to the event "
         "log only\n"},
        {"{\"mail\":{\"to\":[\"a@b\"],\n\"relays\":[]}}", STATUS_OK,
         "f:2:10: mail.relays: warning: no relay (mail.relays): alerts go to the event log only\n"},
        {"{\"mail\":{\"relays\":[{\"host\":\"r\"}]}}", STATUS_OK,
         "f:1:9: mail.to: warning: no recipient (mail.to): alerts go to the event log only\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
}

/* One error of an element does not hide what else is wrong with it; elements beyond the bound are looked at,
 * too. */
static void one_error_hides_no_other(void **state)
{
    (void)state;
    static const struct finding_case cases[] = {
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"port\":0,\"user\":\"u\"}]}}",
         STATUS_INVALID,
         "f:1:33: mail.relays[0]: has \"user\" but no \"password\"; give both or neither\n"
         "f:1:52: mail.relays[0].port: the number 0 is not allowed; it must be a whole number from 1 to "
         "65535\n"},
        /* perhaps "pasword" is it */
        {"{\"mail\":{\"to\":[\"a@b\"],\"relays\":[{\"host\":\"r\",\"user\":\"u\",\"pasword\":\"env:A\"}]}}",
         STATUS_INVALID,
         "f:1:56: mail.relays[0].pasword: unknown key; did you mean \"password\"? Allowed here: host, port, "
         "tls, user, password\n"},
    };
    check_cases(cases, ARRAY_COUNT(cases));
    struct buffer json = {0};
    buffer_add(&json, "{\"clients\": [");
    for (int i = 0; i < CONFIG_CLIENTS_MAX; i++)
        buffer_add(&json, "{\"name\": \"c%d\", \"service\": \"s%d\"},", i, i);
    buffer_add(&json, "{\"nam\": \"x\", \"service\": \"y\"}]}");
    assert_int_equal(parse(json.data), STATUS_INVALID);
    assert_non_null(strstr(all_findings(), "unknown key; did you mean \"name\"?"));
    buffer_deinit(&json);
}

/* What stands near a syntax error may be a piece of a password: it is not repeated. */
static void syntax_errors_repeat_no_password(void **state)
{
    (void)state;
    static const char *const relays[] = {
        "\"password\": \"S3cret\\d\"", "\"password\": \"S3cret\n\"",   "\"password\": S3cret",
        "\"password\" \"S3cret\"",     "\"password\": \"S3cret\xE4\"", "\"password\": \"S3cret",
    };
    for (size_t i = 0; i < ARRAY_COUNT(relays); i++) {
        char json[200];
        snprintf(json, sizeof json, "{\"mail\": {\"relays\": [{\"host\": \"r\", %s}]}}", relays[i]);
        assert_int_equal(parse(json), STATUS_INVALID);
        assert_null(strstr(all_findings(), "S3cret"));
        assert_non_null(strstr(all_findings(), "not JSON: "));
    }
}

static void all_findings_are_told_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_int_equal(parse("{\n"
                           "  \"clients\": [ {\"name\": \"\xC3\xA4\xE2\x82\xAC\", \"imag\": 1},\n"
                           "               {\"name\": \"b\"} ],\n"
                           "  \"mode\": \"x\",\n"
                           "  \"actions\": {\"ladder\": [\"restart_store\"], \"verify\": 3}\n"
                           "}\n"),
                     STATUS_INVALID);
    assert_int_equal(findings.error_count, 5);
    static const struct {
        int line, column;
        const char *key;
    } expected[] = {
        {1, 1, "mail"},  {2, 31, "clients[0].imag"}, {3, 16, "clients[1]"},
        {4, 11, "mode"}, {5, 25, "actions.ladder"},  {5, 54, "actions.verify"},
    };
    assert_int_equal(findings.count, ARRAY_COUNT(expected));
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        assert_string_equal(findings.items[i].key, expected[i].key);
        assert_int_equal(findings.items[i].line, expected[i].line);
        assert_int_equal(findings.items[i].column, expected[i].column);
    }
}

/* Every kind of token the scanner steps over stands before the one that is looked for. */
static void places_are_found_behind_anything(void **state)
{
    (void)state;
    assert_int_equal(
        parse("{\"a\":[1,{\"]\":\"}\\\"\"},[],{},-1.5e3 ],\r\n\"b\" : \"\\\\\",\"c\"\t:\ttrue ,\"d\":{},"
              "\"e\":12}"),
        STATUS_INVALID);
    static const int columns[] = {2, 1, 12, 24, 31};
    assert_int_equal(findings.error_count, 5);
    for (size_t i = 0; i < 5; i++) {
        const struct config_finding *finding = &findings.items[i + 1]; /* after the warning about mail */
        assert_int_equal(finding->key[0], 'a' + (int)i);
        assert_int_equal(finding->line, i == 0 ? 1 : 2);
        assert_int_equal(finding->column, columns[i]);
    }
}

static void findings_are_bounded(void **state)
{
    (void)state;
    struct buffer json = {0};
    buffer_add(&json, "{\"x\":0");
    for (int i = 0; i < 20000; i++)
        buffer_add(&json, ",\"x%d\":0", i);
    buffer_add(&json, "}");
    assert_int_equal(config_parse(json.data, json.length, &config, &findings), STATUS_INVALID);
    assert_int_equal(findings.count, CONFIG_ERRORS_MAX + 1);
    assert_int_equal(findings.error_count, 20001);
    assert_string_equal(findings.items[CONFIG_ERRORS_MAX].text,
                        "20001 errors in all: the others are told when these are mended");
    assert_int_equal(parse("{" MAIL "}"), STATUS_OK);
    assert_int_equal(findings.count, 0);
    buffer_deinit(&json);
}

static void long_values_are_cut_in_messages(void **state)
{
    (void)state;
    struct buffer json = {0};
    buffer_add(&json, "{" MAIL ",\n\"mode\":\"");
    for (int i = 0; i < 1000; i++)
        buffer_add(&json, "\xE2\x82\xAC");
    buffer_add(&json, "\"}");
    assert_int_equal(config_parse(json.data, json.length, &config, &findings), STATUS_INVALID);
    assert_non_null(
        strstr(findings.items[0].text, "\xE2\x82\xAC...\" is not allowed; it must be \"alert\" or \"act\""));
    buffer_deinit(&json);
}

static void a_long_unknown_key_is_cut(void **state)
{
    (void)state;
    char json[600] = "{\"";
    memset(json + 2, 'k', 500);
    memcpy(json + 502, "\":1}", 5);
    assert_int_equal(parse(json), STATUS_INVALID);
    assert_int_equal(strlen(findings.items[1].key), sizeof(findings.items[1].key) - 1);
    assert_memory_equal(findings.items[1].text, "unknown key. Allowed here: version, ", 36);
}

/* Each of the parser's allocations: told as what it is, though jansson takes some for a fault of the text. */
static size_t allocations_left;

static void *failing_malloc(size_t size)
{
    return allocations_left-- == 0 ? NULL : malloc(size);
}

static void no_memory_is_no_syntax_error(void **state)
{
    (void)state;
    json_malloc_t plain_malloc;
    json_free_t plain_free;
    json_get_alloc_funcs(&plain_malloc, &plain_free);
    json_set_alloc_funcs(failing_malloc, free);
    static const char text[] = "{\"version\":1,\"mode\":\"act\",\"actions\":{\"ladder\":[\"alert\"]}}";
    size_t n = 0;
    enum status status;
    for (allocations_left = 0; (status = parse(text)) != STATUS_OK; allocations_left = ++n) {
        assert_int_equal(status, STATUS_NO_MEMORY);
        assert_string_equal(all_findings(), "f:1:1: out of memory\n");
    }
    assert_true(n > 10);
    allocations_left = SIZE_MAX; /* the parser goes on counting on top of it */
    json_set_alloc_funcs(plain_malloc, plain_free);
}

/* ---- files ---- */

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct err err = {0};
    assert_int_equal(config_load("/nonexistent/x.json", &config, &findings, &err), STATUS_NOT_FOUND);
    assert_string_equal(err.text, "/nonexistent/x.json: cannot be opened: No such file or directory");
    assert_int_equal(findings.count, 0);
    err = (struct err){0};
    assert_int_equal(config_load("/", &config, &findings, &err), STATUS_IO);
    assert_string_equal(err.text, "/: cannot be read: Is a directory");
}

static void a_file_larger_than_allowed_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/test_config.XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (int i = 0; i < CONFIG_BYTES_MAX + 100; i++)
        fputc(i == 0 ? '{' : ' ', file);
    fclose(file);
    struct err err = {0};
    assert_int_equal(config_load(path, &config, &findings, &err), STATUS_INVALID);
    assert_int_equal(err.status, STATUS_OK);
    assert_non_null(strstr(all_findings(), "the file is larger than 1 MiB"));
    unlink(path);
}

/* The file's own name, that of the history and of what SQLite keeps beside it: in any folder, because a folder has many
 * names. */
static void the_metrics_file_is_neither_configuration_nor_history(void **state)
{
    (void)state;
    static const char *const refused[] = {"D:\\\\m\\\\STOREWATCH.DB", "/m/storewatch.db-wal",
                                          "\\\\\\\\s\\\\m/storewatch.db-shm",
                                          "C:\\\\m\\\\storewatch.db-journal"};
    static const char *const taken[] = {"/m/storewatch.prom", "/m/my-storewatch.db", "/storewatch.db/m.prom",
                                        "/m/storewatch.db.prom"};
    char path[] = "/tmp/test_config.XXXXXX", json[512], metrics[64];
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        snprintf(json, sizeof json, "{" MAIL ",\n\"metrics_textfile\":\"%s\"}", refused[i]);
        assert_int_equal(parse(json), STATUS_INVALID);
        assert_non_null(strstr(all_findings(), "f:2:20: metrics_textfile: "));
        assert_non_null(strstr(all_findings(), "is the name of the history, which it would overwrite\n"));
    }
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++) {
        snprintf(json, sizeof json, "{" MAIL ",\n\"metrics_textfile\":\"%s\"}", taken[i]);
        assert_int_equal(parse(json), STATUS_OK);
    }
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    snprintf(metrics, sizeof metrics, "C:\\\\m\\\\%s", path + strlen("/tmp/"));
    fprintf(file, "{" MAIL ",\n\"metrics_textfile\":\"%s\"}", metrics);
    fclose(file);
    assert_int_equal(config_load(path, &config, &findings, NULL), STATUS_INVALID);
    assert_non_null(strstr(all_findings(), "is the name of this configuration, which it would overwrite\n"));
    unlink(path);
}

static void the_default_file_is_the_defaults(void **state)
{
    (void)state;
    struct config expected;
    config_default(&expected);
    assert_int_equal(config_load("config/storewatch.json", &config, &findings, NULL), STATUS_OK);
    assert_memory_equal(&config, &expected, sizeof(config));
    assert_int_equal(findings.count, 1);
    assert_true(findings.items[0].warning);
    assert_non_null(strstr(findings.items[0].text, "alerts go to the event log only"));
}

static void the_examples_are_without_findings(void **state)
{
    (void)state;
    static const char *const files[] = {"config/alert.example.json", "config/act.example.json",
                                        "config/trial.example.json"};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        assert_int_equal(config_load(files[i], &config, &findings, NULL), STATUS_OK);
        assert_string_equal(all_findings(), "");
    }
}

/* ---- the schema ---- */

/* {"a": {"b": value}} for "a.b"; within "clients[].x" an element that has the required keys. Steals value. */
static json_t *wrap(const char *path, json_t *value)
{
    const char *dot = strrchr(path, '.');
    const char *name = dot != NULL ? dot + 1 : path;
    json_t *object = strncmp(path, "clients[].", 10) == 0 ? json_pack("{ssss}", "name", "n", "service", "s")
                     : strncmp(path, "mail.relays[].", 14) == 0
                         ? json_pack("{ssssss}", "host", "h", "user", "u", "password", "env:P")
                     : strncmp(path, "actions.windows[].", 18) == 0
                         ? json_pack("{ssss}", "from", "01:00", "to", "02:00")
                         : json_object();
    assert_non_null(object);
    if (value != NULL)
        assert_int_equal(json_object_set_new(object, name, value), 0);
    if (dot == NULL)
        return object;
    char parent[128];
    struct text text = text_on(parent, sizeof(parent));
    text_add_bytes(&text, path, (size_t)(dot - path));
    if (text.length > 2 && strcmp(parent + text.length - 2, "[]") == 0) {
        parent[text.length - 2] = '\0';
        json_t *array = json_array();
        assert_int_equal(json_array_append_new(array, object), 0);
        return wrap(parent, array);
    }
    return wrap(parent, object);
}

/* Parses a configuration in which only `path` is given (NULL: its object without it). True: no error at it.
 */
static bool accepts(const char *path, json_t *value, struct config *out_config)
{
    json_t *root = wrap(path, value);
    char *json = json_dumps(root, 0);
    assert_non_null(json);
    const enum status status = config_parse(json, strlen(json), out_config, &findings);
    free(json);
    json_decref(root);
    return status == STATUS_OK;
}

static json_t *in_unit(const struct config_key *key, double value)
{
    char storage[64];
    struct text text = text_on(storage, sizeof(storage));
    switch (key->type) {
    case CONFIG_DURATION:
        text_add(&text, "%.0fms", value);
        return json_string(storage);
    case CONFIG_SIZE:
        text_add(&text, "%.0f", value);
        return json_string(storage);
    case CONFIG_INTEGER:
        return json_integer((json_int_t)value);
    case CONFIG_NUMBER:
        return json_real(value);
    default:
        fail_msg("no unit: %s", key->path);
        return NULL;
    }
}

static double schema_bound(const struct config_key *key, json_t *schema, const char *plain,
                           const char *extended)
{
    if (key->type == CONFIG_DURATION) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(json_string_value(json_object_get(schema, extended)), &ms),
                         STATUS_OK);
        return (double)ms;
    }
    if (key->type == CONFIG_SIZE) {
        double bytes = -1;
        assert_int_equal(size_parse(json_string_value(json_object_get(schema, extended)), &bytes), STATUS_OK);
        return bytes;
    }
    json_t *bound = json_object_get(schema, plain);
    assert_true(json_is_number(bound));
    return json_number_value(bound);
}

static void check_bounds(const struct config_key *key, json_t *schema)
{
    const double low = schema_bound(key, schema, "minimum", "x-minimum");
    const double high = schema_bound(key, schema, "maximum", "x-maximum");
    const double step = key->type == CONFIG_NUMBER ? 0.01 : 1.0;
    assert_true(low == key->min && high == key->max);
    assert_true(accepts(key->path, in_unit(key, low), &config));
    assert_true(accepts(key->path, in_unit(key, high), &config));
    assert_false(accepts(key->path, in_unit(key, high + step), &config));
    if (low > 0)
        assert_false(accepts(key->path, in_unit(key, low - step), &config));
}

static void check_choices(const struct config_key *key, json_t *schema)
{
    char joined[128] = "";
    struct text text = text_on(joined, sizeof(joined));
    size_t i;
    json_t *choice;
    json_array_foreach(json_object_get(schema, "enum"), i, choice)
    {
        text_add(&text, "%s%s", i > 0 ? "|" : "", json_string_value(choice));
    }
    assert_string_equal(joined, key->choices);
}

static const char *schema_type(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_OBJECT:
        return "object";
    case CONFIG_ARRAY:
        return "array";
    case CONFIG_INTEGER:
        return "integer";
    case CONFIG_NUMBER:
        return "number";
    case CONFIG_BOOLEAN:
        return "boolean";
    default:
        return "string";
    }
}

static void check_type(const struct config_key *key, json_t *schema)
{
    json_t *type = json_object_get(schema, "type");
    if (key->nullable) {
        assert_int_equal(json_array_size(type), 2);
        assert_string_equal(json_string_value(json_array_get(type, 0)), schema_type(key));
        assert_string_equal(json_string_value(json_array_get(type, 1)), "null");
    } else {
        assert_string_equal(json_string_value(type), schema_type(key));
    }
}

/* A key given with the schema's default makes the same settings as the key left out. */
static void check_default(const struct config_key *key, json_t *schema)
{
    json_t *value = json_object_get(schema, "default");
    const bool element = strlen(key->path) > 2 && strcmp(key->path + strlen(key->path) - 2, "[]") == 0;
    if (key->required || key->type == CONFIG_OBJECT || element) {
        assert_null(value);
        return;
    }
    assert_non_null(value);
    struct config without;
    if (strcmp(key->path, "clients[].service") == 0) {
        assert_true(json_is_null(value)); /* it cannot be left out without an image */
        return;
    }
    if (strcmp(key->path, "mail.relays[].user") == 0 || strcmp(key->path, "mail.relays[].password") == 0) {
        assert_true(json_is_null(value)); /* one does not stand without the other */
        return;
    }
    assert_true(accepts(key->path, NULL, &without));
    assert_true(accepts(key->path, json_incref(value), &config));
    assert_memory_equal(&config, &without, sizeof(config));
}

/* Walks the schema and counts its keys; each must be in the table. */
static size_t count_schema_keys(json_t *schema, const char *prefix)
{
    size_t count = 0;
    const char *name;
    json_t *property;
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        char path[128];
        snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", name);
        count += 1 + count_schema_keys(property, path);
        json_t *items = json_object_get(property, "items");
        if (items != NULL) {
            snprintf(path, sizeof(path), "%s%s%s[]", prefix, prefix[0] != '\0' ? "." : "", name);
            count += 1 + count_schema_keys(items, path);
        }
    }
    return count;
}

/* The schema of a path, and (in *out_object) the schema of the object that it is a member of. */
static json_t *find_schema(json_t *root, const char *path, json_t **out_object)
{
    json_t *schema = root;
    while (*path != '\0') {
        char name[64];
        const size_t length = strcspn(path, ".[");
        struct text text = text_on(name, sizeof(name));
        text_add_bytes(&text, path, length);
        *out_object = schema;
        schema = json_object_get(json_object_get(schema, "properties"), name);
        path += length;
        if (strncmp(path, "[]", 2) == 0) {
            *out_object = NULL;
            schema = json_object_get(schema, "items");
            path += 2;
        }
        path += *path == '.';
    }
    return schema;
}

static void the_schema_and_the_table_say_the_same(void **state)
{
    (void)state;
    json_t *root = json_load_file("config/storewatch.schema.json", JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(root);
    size_t count = 0;
    for (; count < config_row_count; count++) {
        const struct config_key *key = &config_rows[count].key;
        print_message("  %s\n", key->path);
        json_t *object = NULL;
        json_t *schema = find_schema(root, key->path, &object);
        assert_non_null(schema);
        assert_non_null(json_object_get(schema, "description"));
        check_type(key, schema);
        check_default(key, schema);
        bool required = false;
        size_t i;
        json_t *name;
        json_array_foreach(json_object_get(object, "required"), i, name)
        {
            const char *dot = strrchr(key->path, '.');
            required = required || strcmp(json_string_value(name), dot != NULL ? dot + 1 : key->path) == 0;
        }
        assert_int_equal(required, key->required);
        switch (key->type) {
        case CONFIG_OBJECT:
            assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
            break;
        case CONFIG_ARRAY:
            assert_true(json_number_value(json_object_get(schema, "maxItems")) == key->max);
            break;
        case CONFIG_STRING:
            assert_true(json_number_value(json_object_get(schema, "minLength")) == key->min);
            assert_true(json_number_value(json_object_get(schema, "maxLength")) == key->max);
            break;
        case CONFIG_CHOICE:
            check_choices(key, schema);
            break;
        case CONFIG_DURATION:
        case CONFIG_SIZE:
        case CONFIG_INTEGER:
        case CONFIG_NUMBER:
            check_bounds(key, schema);
            break;
        case CONFIG_TIME:
        case CONFIG_DAYS:
            assert_non_null(json_object_get(schema, "pattern"));
            break;
        case CONFIG_BOOLEAN:
            break;
        }
    }
    assert_int_equal(count_schema_keys(root, ""), count);
    json_decref(root);
}

/* ---- windows ---- */

static void windows_open_and_close(void **state)
{
    (void)state;
    static const struct {
        const char *windows;
        int weekday, minute;
        bool open;
    } cases[] = {
        {"", 3, 720, true},
        {"{\"days\":\"mon-fri\",\"from\":\"01:00\",\"to\":\"05:00\"}", 0, 59, false},
        {"{\"days\":\"mon-fri\",\"from\":\"01:00\",\"to\":\"05:00\"}", 0, 60, true},
        {"{\"days\":\"mon-fri\",\"from\":\"01:00\",\"to\":\"05:00\"}", 4, 299, true},
        {"{\"days\":\"mon-fri\",\"from\":\"01:00\",\"to\":\"05:00\"}", 4, 300, false},
        {"{\"days\":\"mon-fri\",\"from\":\"01:00\",\"to\":\"05:00\"}", 5, 120, false},
        /* over midnight: the day is that of `from`; Sunday's runs into Monday */
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 6, 1319, false},
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 6, 1320, true},
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 0, 119, true},
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 0, 120, false},
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 6, 60, false},
        {"{\"days\":\"sun\",\"from\":\"22:00\",\"to\":\"02:00\"}", 0, 1330, false},
        /* the whole day */
        {"{\"days\":\"tue\",\"from\":\"00:00\",\"to\":\"24:00\"}", 1, 0, true},
        {"{\"days\":\"tue\",\"from\":\"00:00\",\"to\":\"24:00\"}", 1, 1439, true},
        {"{\"days\":\"tue\",\"from\":\"00:00\",\"to\":\"24:00\"}", 2, 0, false},
        {"{\"days\":\"tue\",\"from\":\"07:00\",\"to\":\"07:00\"}", 1, 5, true},
        /* any of several */
        {"{\"days\":\"tue\",\"from\":\"01:00\",\"to\":\"02:00\"},{\"from\":\"03:00\",\"to\":\"04:00\"}", 2,
         200, true},
        {"{\"days\":\"tue\",\"from\":\"01:00\",\"to\":\"02:00\"},{\"from\":\"03:00\",\"to\":\"04:00\"}", 2,
         90, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char json[256];
        snprintf(json, sizeof(json), "{\"actions\":{\"windows\":[%s]}}", cases[i].windows);
        assert_int_equal(parse(json), STATUS_OK);
        assert_int_equal(config_window_open(&config, cases[i].weekday, cases[i].minute), cases[i].open);
    }
}

static void rung_names(void **state)
{
    (void)state;
    assert_string_equal(rung_name(RUNG_ALERT), "alert");
    assert_string_equal(rung_name(RUNG_RESTART_STORE), "restart_store");
    assert_string_equal(rung_name(RUNG_COUNT), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_object_gives_the_defaults),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(shorter_lists_replace_longer_defaults),
        cmocka_unit_test(the_sender_is_derived_from_the_first_recipient),
        cmocka_unit_test(the_output_is_untouched_by_a_bad_file),
        cmocka_unit_test(texts_that_are_not_json),
        cmocka_unit_test(duplicate_keys),
        cmocka_unit_test(very_many_duplicate_keys),
        cmocka_unit_test(nul_bytes_size_and_depth),
        cmocka_unit_test(a_byte_order_mark_is_skipped),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(wrong_types_and_values),
        cmocka_unit_test(texts_of_special_form),
        cmocka_unit_test(what_concerns_several_values),
        cmocka_unit_test(one_error_hides_no_other),
        cmocka_unit_test(syntax_errors_repeat_no_password),
        cmocka_unit_test(all_findings_are_told_in_the_order_of_the_file),
        cmocka_unit_test(places_are_found_behind_anything),
        cmocka_unit_test(findings_are_bounded),
        cmocka_unit_test(long_values_are_cut_in_messages),
        cmocka_unit_test(a_long_unknown_key_is_cut),
        cmocka_unit_test(no_memory_is_no_syntax_error),
        cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(a_file_larger_than_allowed_is_refused),
        cmocka_unit_test(the_metrics_file_is_neither_configuration_nor_history),
        cmocka_unit_test(the_default_file_is_the_defaults),
        cmocka_unit_test(the_examples_are_without_findings),
        cmocka_unit_test(the_schema_and_the_table_say_the_same),
        cmocka_unit_test(windows_open_and_close),
        cmocka_unit_test(rung_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

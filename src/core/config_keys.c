/* config_keys.c - the table: each key with its type, its range and where its value is stored, and the
 * defaults.
 */
#include "config_internal.h"

#include <string.h>

#include "storewatch/units.h"

#define MEMBER(struct_, member) offsetof(struct struct_, member), sizeof(((struct struct_ *)NULL)->member)
#define IN_CONFIG(member) MEMBER(config, member)
#define IN_CLIENT(member) MEMBER(config_client, member)
#define IN_WINDOW(member) MEMBER(config_window, member)
#define IN_RELAY(member) MEMBER(config_relay, member)
#define ELEMENTS(member, counter)                                                                            \
    offsetof(struct config, member), sizeof(((struct config *)NULL)->member[0]),                             \
        offsetof(struct config, counter)

/* clang-format off */
#define OBJECT(path)                      {{path, CONFIG_OBJECT, 0, 0, NULL, false, false}, 0, 0, 0, NULL, NULL}
#define ARRAY(path, max, where, fallback) {{path, CONFIG_ARRAY, 0, max, NULL, false, false}, where, fallback, NULL}
#define TEXT(path, min, null, needed, offset, size, check) \
    {{path, CONFIG_STRING, min, (double)(size) - 1, NULL, null, needed}, offset, size, 0, NULL, check}
#define STRING_IN(...)                    TEXT(__VA_ARGS__) /* once more, so that `where` becomes two arguments */
#define STRING(path, min, where, check)   STRING_IN(path, min, false, false, where, check)
#define STRING_OR_NULL(path, where, check) STRING_IN(path, 1, true, false, where, check)
#define STRING_NEEDED(path, where, check) STRING_IN(path, 1, false, true, where, check)
#define CHOICE(path, choices, where)      {{path, CONFIG_CHOICE, 0, 0, choices, false, false}, where, 0, NULL, NULL}
#define DURATION(path, min, max, where)   {{path, CONFIG_DURATION, min, max, NULL, false, false}, where, 0, NULL, NULL}
#define SIZE(path, min, max, null, where) {{path, CONFIG_SIZE, min, max, NULL, null, false}, where, 0, NULL, NULL}
#define TIME(path, max, null, needed, where) {{path, CONFIG_TIME, 0, max, NULL, null, needed}, where, 0, NULL, NULL}
#define DAYS(path, where)                 {{path, CONFIG_DAYS, 0, 0, NULL, false, false}, where, 0, NULL, NULL}
#define INTEGER(path, min, max, null, where) {{path, CONFIG_INTEGER, min, max, NULL, null, false}, where, 0, NULL, NULL}
#define NUMBER(path, min, max, where)     {{path, CONFIG_NUMBER, min, max, NULL, false, false}, where, 0, NULL, NULL}
#define BOOLEAN(path, where)              {{path, CONFIG_BOOLEAN, 0, 0, NULL, false, false}, where, 0, NULL, NULL}
#define NOWHERE                           0, 0
#define ELEMENT(size)                     0, size

static const struct config_window window_default = {.days = 0x7F};
static const struct config_relay relay_default = {.port = 25, .tls = TLS_NONE};

const struct config_row config_rows[] = {
    INTEGER("version", 1, 1, false, NOWHERE),
    CHOICE("mode", "alert|act", IN_CONFIG(mode)),
    STRING_OR_NULL("data_dir", IN_CONFIG(data_dir), config_check_path),
    OBJECT("sampling"),
    DURATION("sampling.interval", 50, MS_PER_HOUR, IN_CONFIG(interval_ms)),
    DURATION("sampling.warm_up", 0, 30 * MS_PER_DAY, IN_CONFIG(warm_up_ms)),
    OBJECT("information_store"),
    STRING("information_store.service", 1, IN_CONFIG(store_service), config_check_service_name),
    ARRAY("clients", CONFIG_CLIENTS_MAX, ELEMENTS(clients, client_count), NULL),
    OBJECT("clients[]"),
    STRING_NEEDED("clients[].name", IN_CLIENT(name), NULL),
    STRING_OR_NULL("clients[].service", IN_CLIENT(service), config_check_service_name),
    STRING_OR_NULL("clients[].image", IN_CLIENT(image), config_check_file_name),
    BOOLEAN("discover_clients", IN_CONFIG(discover_clients)),
    OBJECT("verdict"),
    DURATION("verdict.min_window", 0, 90 * MS_PER_DAY, IN_CONFIG(min_window_ms)),
    NUMBER("verdict.confidence_pct", 60, 99.9, IN_CONFIG(confidence_pct)),
    SIZE("verdict.min_growth", 0, 1024 * GIB, false, IN_CONFIG(min_growth_bytes)),
    INTEGER("verdict.min_handles", 0, 16777216, false, IN_CONFIG(min_handles)),
    OBJECT("limits"),
    SIZE("limits.private_bytes", 65536, 16384 * GIB, true, IN_CONFIG(limit_private_bytes)),
    INTEGER("limits.handles", 100, 16777216, true, IN_CONFIG(limit_handles)),
    OBJECT("actions"),
    ARRAY("actions.ladder", RUNG_COUNT, ELEMENTS(ladder, ladder_count), NULL),
    CHOICE("actions.ladder[]", "alert|restart_client|restart_store", ELEMENT(sizeof(enum rung))),
    OBJECT("actions.budget"),
    INTEGER("actions.budget.max", 1, CONFIG_BUDGET_MAX, false, IN_CONFIG(budget_max)),
    DURATION("actions.budget.per", MS_PER_SECOND, CONFIG_BUDGET_MAX_MS, IN_CONFIG(budget_per_ms)),
    DURATION("actions.budget.min_interval", 0, CONFIG_BUDGET_MAX_MS, IN_CONFIG(budget_min_interval_ms)),
    ARRAY("actions.windows", CONFIG_WINDOWS_MAX, ELEMENTS(windows, window_count), &window_default),
    OBJECT("actions.windows[]"),
    DAYS("actions.windows[].days", IN_WINDOW(days)),
    TIME("actions.windows[].from", 1439, false, true, IN_WINDOW(from_minute)),
    TIME("actions.windows[].to", 1440, false, true, IN_WINDOW(to_minute)),
    DURATION("actions.urgent_before", 0, 30 * MS_PER_DAY, IN_CONFIG(urgent_before_ms)),
    ARRAY("actions.veto_processes", CONFIG_VETO_MAX, ELEMENTS(veto_processes, veto_count), NULL),
    STRING("actions.veto_processes[]", 1, ELEMENT(PROCESS_IMAGE_MAX), config_check_file_name),
    DURATION("actions.stop_timeout", 100, MS_PER_DAY, IN_CONFIG(stop_timeout_ms)),
    DURATION("actions.start_timeout", 100, MS_PER_DAY, IN_CONFIG(start_timeout_ms)),
    DURATION("actions.verify", 0, MS_PER_DAY, IN_CONFIG(verify_ms)),
    CHOICE("actions.on_hang", "wait|terminate_client", IN_CONFIG(on_hang)),
    CHOICE("actions.on_cluster", "alert|act", IN_CONFIG(act_on_cluster)),
    OBJECT("actions.dump"),
    CHOICE("actions.dump.kind", "none|mini|full", IN_CONFIG(dump_kind)),
    INTEGER("actions.dump.keep", 1, 100, false, IN_CONFIG(dump_keep)),
    SIZE("actions.dump.min_free", 0, 16384 * GIB, false, IN_CONFIG(dump_min_free_bytes)),
    DURATION("actions.dump.time", MS_PER_SECOND, MS_PER_HOUR, IN_CONFIG(dump_time_ms)),
    OBJECT("mail"),
    STRING_OR_NULL("mail.from", IN_CONFIG(mail_from), config_check_address),
    ARRAY("mail.to", CONFIG_RECIPIENTS_MAX, ELEMENTS(mail_to, recipient_count), NULL),
    STRING("mail.to[]", 1, ELEMENT(CONFIG_ADDRESS_MAX), config_check_address),
    STRING("mail.subject_prefix", 0, IN_CONFIG(subject_prefix), NULL),
    ARRAY("mail.relays", CONFIG_RELAYS_MAX, ELEMENTS(relays, relay_count), &relay_default),
    OBJECT("mail.relays[]"),
    STRING_NEEDED("mail.relays[].host", IN_RELAY(host), config_check_host),
    INTEGER("mail.relays[].port", 1, 65535, false, IN_RELAY(port)),
    CHOICE("mail.relays[].tls", "none|starttls|implicit", IN_RELAY(tls)),
    STRING_OR_NULL("mail.relays[].user", IN_RELAY(user), NULL),
    STRING_OR_NULL("mail.relays[].password", IN_RELAY(password), config_check_password),
    DURATION("mail.reminder", MS_PER_SECOND, 30 * MS_PER_DAY, IN_CONFIG(reminder_ms)),
    INTEGER("mail.max_per_hour", 1, 1000, false, IN_CONFIG(max_per_hour)),
    TIME("mail.digest", 1439, true, false, IN_CONFIG(digest_minute)),
    STRING_OR_NULL("metrics_textfile", IN_CONFIG(metrics_textfile), config_check_path),
};
/* clang-format on */

const size_t config_row_count = ARRAY_COUNT(config_rows);

static const struct config defaults = {
    .mode = MODE_ALERT,
    .interval_ms = 15 * MS_PER_SECOND,
    .warm_up_ms = 30 * MS_PER_MINUTE,
    .store_service = "MSExchangeIS",
    .discover_clients = true,
    .min_window_ms = 4 * MS_PER_HOUR,
    .confidence_pct = 99.0,
    .min_growth_bytes = 64 * MIB,
    .min_handles = 500,
    .limit_private_bytes = NAN,
    .limit_handles = NAN,
    .ladder_count = 3,
    .ladder = {RUNG_ALERT, RUNG_RESTART_CLIENT, RUNG_RESTART_STORE},
    .budget_max = 2,
    .budget_per_ms = MS_PER_DAY,
    .budget_min_interval_ms = 4 * MS_PER_HOUR,
    .window_count = 1,
    .windows = {{.days = 0x7F, .from_minute = 60, .to_minute = 300}},
    .urgent_before_ms = 2 * MS_PER_HOUR,
    .veto_count = 4,
    .veto_processes = {"eseutil.exe", "isinteg.exe", "ntbackup.exe", "wbengine.exe"},
    .stop_timeout_ms = 20 * MS_PER_MINUTE,
    .start_timeout_ms = 30 * MS_PER_MINUTE,
    .verify_ms = 10 * MS_PER_MINUTE,
    .dump_kind = DUMP_NONE,
    .dump_keep = 3,
    .dump_min_free_bytes = 10 * GIB,
    .dump_time_ms = 2 * MS_PER_MINUTE,
    .subject_prefix = "[storewatch]",
    .reminder_ms = 4 * MS_PER_HOUR,
    .max_per_hour = 10,
    .digest_minute = -1,
};

void config_default(struct config *out_config)
{
    *out_config = defaults;
}

const char *config_child_name(const char *path, const char *prefix)
{
    const size_t length = strlen(prefix);
    if (length > 0) {
        if (strncmp(path, prefix, length) != 0 || path[length] != '.')
            return NULL;
        path += length + 1;
    }
    return strpbrk(path, ".[") == NULL ? path : NULL;
}

const struct config_row *config_find_child(const char *prefix, const char *name)
{
    for (size_t i = 0; i < config_row_count; i++) {
        const char *child = config_child_name(config_rows[i].key.path, prefix);
        if (child != NULL && strcmp(child, name) == 0)
            return &config_rows[i];
    }
    return NULL;
}

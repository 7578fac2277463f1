/* config.h - the one JSON file: text in, validated settings out, or every error with its place.
 *
 * A `struct config` is always complete: each key not given has its default. It is plain data after loading;
 * nothing else of the product parses JSON configuration. config/storewatch.schema.json describes the same
 * keys and is held against the table in src/core/config_keys.c by a test. */
#ifndef STOREWATCH_CONFIG_H
#define STOREWATCH_CONFIG_H

#include "storewatch/base.h"
#include "storewatch/sample.h"
#include "storewatch/units.h"

#define CONFIG_CLIENTS_MAX 32
#define CONFIG_RELAYS_MAX 8
#define CONFIG_RECIPIENTS_MAX 32
#define CONFIG_WINDOWS_MAX 16
#define CONFIG_VETO_MAX 32
#define CONFIG_ERRORS_MAX 64
#define CONFIG_BUDGET_MAX 64                    /* restarts that are counted, */
#define CONFIG_BUDGET_MAX_MS (365 * MS_PER_DAY) /* and for how long */
#define CONFIG_BYTES_MAX (1024 * 1024)
#define CONFIG_STRING_MAX 512
#define CONFIG_ADDRESS_MAX 255 /* RFC 5321, 4.5.3.1.3: a path of 256 bytes with its < and >; and the NUL */

enum config_mode { MODE_ALERT, MODE_ACT };
enum rung { RUNG_ALERT, RUNG_RESTART_CLIENT, RUNG_RESTART_STORE, RUNG_COUNT };
const char *rung_name(enum rung rung); /* "alert" "restart_client" "restart_store" */
/* What is done when a client's service hangs in its stop; see restart.h. */
enum hang_action { HANG_WAIT, HANG_TERMINATE_CLIENT };
enum dump_kind { DUMP_NONE, DUMP_MINI, DUMP_FULL };
enum relay_tls { TLS_NONE, TLS_STARTTLS, TLS_IMPLICIT };

struct config_client {
    char name[64];
    char service[SERVICE_NAME_MAX]; /* "" = none: watched only, cannot be restarted */
    char image[PROCESS_IMAGE_MAX];  /* "" = the service's own process */
};

struct config_relay {
    char host[256];
    uint16_t port;
    enum relay_tls tls;
    char user[256];
    char password[CONFIG_STRING_MAX]; /* as written: "dpapi:..." or "env:NAME"; resolved by the mailer only */
};

/* A weekly window in local time; from == to means the whole day; to < from runs over midnight (the day is
 * that of `from`). */
struct config_window {
    uint8_t days;                    /* bit 0 = Monday ... bit 6 = Sunday */
    uint16_t from_minute, to_minute; /* of the day, 0-1439 */
};

#define STORE_FILE_NAME "storewatch.db" /* the history, in the data directory */

struct config {
    enum config_mode mode;
    char data_dir[CONFIG_STRING_MAX]; /* "" = the system's common application data folder \storewatch */

    int64_t interval_ms;
    int64_t warm_up_ms;

    char store_service[SERVICE_NAME_MAX];
    size_t client_count;
    struct config_client clients[CONFIG_CLIENTS_MAX];
    bool discover_clients;

    int64_t min_window_ms;
    double confidence_pct;
    double min_growth_bytes;
    double min_handles;

    double limit_private_bytes; /* NAN = taken from the system */
    double limit_handles;       /* NAN = none */

    size_t ladder_count;
    enum rung ladder[RUNG_COUNT];
    uint32_t budget_max; /* 1 to CONFIG_BUDGET_MAX */
    int64_t budget_per_ms;
    int64_t budget_min_interval_ms;
    size_t window_count; /* 0 = at any time */
    struct config_window windows[CONFIG_WINDOWS_MAX];
    int64_t urgent_before_ms;
    size_t veto_count;
    char veto_processes[CONFIG_VETO_MAX][PROCESS_IMAGE_MAX];
    int64_t stop_timeout_ms, start_timeout_ms, verify_ms;
    enum hang_action on_hang;
    bool act_on_cluster; /* "on_cluster": "alert" (default) or "act" */
    enum dump_kind dump_kind;
    uint32_t dump_keep;
    double dump_min_free_bytes;
    int64_t dump_time_ms;

    char mail_from[CONFIG_ADDRESS_MAX]; /* not given: "storewatch@" and the domain of the first recipient */
    size_t recipient_count;
    char mail_to[CONFIG_RECIPIENTS_MAX][CONFIG_ADDRESS_MAX];
    char subject_prefix[128];
    size_t relay_count;
    struct config_relay relays[CONFIG_RELAYS_MAX];
    int64_t reminder_ms;
    uint32_t max_per_hour;
    int32_t digest_minute; /* of the local day; -1 = no digest */

    char metrics_textfile[CONFIG_STRING_MAX]; /* "" = none */
};

/* One finding: an error, or a warning (the file is usable, but somebody should know: no mail configured). */
struct config_finding {
    bool warning;
    bool unknown_key; /* `key` is none of ours */
    int line, column; /* 1-based; columns are characters */
    char key[128];    /* "actions.budget.max", "clients[1].image"; "" for the file as a whole */
    char text[384];   /* what is wrong and what is allowed */
};

struct config_findings {
    size_t count; /* errors and warnings, in the order of the file; at most CONFIG_ERRORS_MAX are kept, */
    size_t error_count; /* ... and when errors found no room, a last item says how many there are */
    struct config_finding items[CONFIG_ERRORS_MAX + 1];
};

/* All defaults. */
void config_default(struct config *out_config);

/* Parses `length` bytes, UTF-8 with or without its mark, at most CONFIG_BYTES_MAX. Collects every finding, not
 * only the first. Returns OK when there is no error (there may be warnings), INVALID when there is one, or
 * NO_MEMORY, which is a finding, too; *out_config is written only on OK. */
enum status config_parse(const char *json, size_t length, struct config *out_config,
                         struct config_findings *out_findings);

/* The same from a file. One that cannot be read has no findings, but an err: NOT_FOUND, DENIED, IO (its code is
 * errno) or NO_MEMORY. */
enum status config_load(const char *path, struct config *out_config, struct config_findings *out_findings,
                        struct err *err);

/* Appends "FILE:LINE:COLUMN: key.path: text" (and "warning: " before the text of a warning). */
void config_finding_format(struct text *text, const char *path, const struct config_finding *finding);

/* Is the local time inside a window? weekday 0 = Monday to 6, minute_of_day 0 to 1439. With no windows
 * configured: always. */
bool config_window_open(const struct config *config, int weekday, int minute_of_day);

/* What is wrong with a path, which has to be absolute: the end of "must ...", or NULL. */
const char *config_check_path(const char *value);

/* One address without a name, "local@domain" or "local@[10.0.0.1]": printable ASCII without what has a meaning in
 * a header or an SMTP command, one @. So the configuration takes what can be mailed to, and the mailer takes what
 * is configured. */
bool config_is_mail_address(const char *address, size_t length);

#endif

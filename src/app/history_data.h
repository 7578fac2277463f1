/* history_data.h - the history file as `history` and `report` read it: while the service may be writing it.
 */
#ifndef STOREWATCH_HISTORY_DATA_H
#define STOREWATCH_HISTORY_DATA_H

#include "storewatch/config.h"
#include "storewatch/store.h"

/* All that a file holds: what the store keeps, and what is open or came since it last tidied up. */
#define HISTORY_INCIDENTS_MAX (STORE_INCIDENTS_MAX + 500)
#define HISTORY_RESTARTS_MAX (STORE_RESTARTS_MAX + 500)
#define HISTORY_MAILS_MAX (STORE_MAILS_MAX + STORE_PENDING_MAX + 500)

struct history_series {
    int64_t id;
    struct store_series_key key;
    int64_t first_utc_ms, last_utc_ms; /* the last one may lag by an hour */
};

/* The newest first, but the series; all arrays are owned by it. */
struct history {
    char path[1200];
    struct store *store;
    struct config *config; /* what it was recorded with; defaults when that is not known */
    size_t series_count;
    struct history_series *series;
    size_t incident_count, restart_count, mail_count;
    struct incident *incidents;
    struct restart_journal *restarts;
    struct outbox_entry *mails;
};

/* Opens the file in `data_dir`, or in the data directory of the configuration `config_path`, or in the
 * default one (each may be NULL). EXIT_FINE, or an exit code after a message on stderr. */
int history_open(struct history *out_history, const char *config_path, const char *data_dir);
void history_close(struct history *history);
/* "given up", for people and in `history --json`. */
const char *history_mail_state(enum mail_state state);

/* All series of a store, heap array owned by the caller; NULL when there is none. */
enum status history_read_series(struct store *store, struct history_series **out_items, size_t *out_count,
                                struct err *err);
/* The time of the newest sample; of series that end after `until_utc_ms` (written under a clock that ran
 * ahead) none counts. 0 = there is none. */
enum status history_newest(struct store *store, const struct history_series *items, size_t count,
                           int64_t until_utc_ms, int64_t *out_utc_ms, struct err *err);

/* One sample as a line of `history --csv`, below PERFMON_HISTORY_HEADER. */
void history_add_csv_row(struct buffer *out, const struct store_series_key *key,
                         const struct store_point *row);

#endif

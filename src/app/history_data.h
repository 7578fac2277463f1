/* history_data.h - the history file as `history` and `report` read it: while the service may be writing it.
 */
#ifndef STOREWATCH_HISTORY_DATA_H
#define STOREWATCH_HISTORY_DATA_H

#include "storewatch/store.h"

#define HISTORY_INCIDENTS_MAX 1000
#define HISTORY_RESTARTS_MAX 200
#define HISTORY_MAILS_MAX 1000

/* The newest first; all arrays are owned by it. */
struct history {
    char path[1200];
    struct store *store;
    size_t incident_count, restart_count, mail_count;
    struct incident *incidents;
    struct restart_journal *restarts;
    struct outbox_entry *mails;
};

/* Opens the file in `data_dir`, or in the data directory of the configuration `config_path`, or in the
 * default one (each may be NULL). EXIT_FINE, or an exit code after a message on stderr. */
int history_open(struct history *out_history, const char *config_path, const char *data_dir);
void history_close(struct history *history);

/* One sample as a line of `history --csv`, and the line above them all, without its end. */
#define HISTORY_CSV_HEADER                                                                                   \
    "timestamp,target,image,pid,metric,low,mean,high,width_ms,known_count,unknown_count"
void history_add_csv_row(struct buffer *out, const struct store_series_key *key,
                         const struct store_point *row);

#endif

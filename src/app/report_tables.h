/* report_tables.h - private to `report`: the tables of its page. */
#ifndef STOREWATCH_APP_REPORT_TABLES_H
#define STOREWATCH_APP_REPORT_TABLES_H

#include "history_data.h"

#include "storewatch/base.h"

#include <jansson.h>

/* The status that the service kept with its history (store.h: STORE_SETTING_STATUS); a new reference, NULL
 * when there is none or it cannot be read. */
json_t *report_status(const struct history *history);

/* "private bytes of store.exe (MSExchangeIS)": what grew, of whichever process. */
void report_name_growth(const struct incident *incident, char *out_name, size_t capacity);
/* The open incidents in the order in which they end: the first after `incident`, or of all (NULL). NULL = no
 * more. */
const struct incident *report_next_to_end(const struct history *history, const struct incident *incident);
/* "succeeded", or how far it has come. */
const char *report_restart_result(const struct restart_journal *restart);

/* Appends lines ("\n...") about who makes it grow, and which fix is missing. */
void report_summary_add(struct text *text, const struct history *history, const json_t *status);

/* Appends the tables that stand before the charts. `status` as above; may be NULL. "Now" is when the record ends. */
void report_tables_add(struct buffer *page, const struct history *history, const json_t *status,
                       int64_t now_utc_ms);
/* Appends the table of mails, which is long and comes last. */
void report_mails_add(struct buffer *page, const struct history *history);

#endif

/* report_culprit.h - the table of who grew, for the mail. */
#ifndef STOREWATCH_REPORT_CULPRIT_H
#define STOREWATCH_REPORT_CULPRIT_H

#include "storewatch/culprit.h"

/* How many rows it has: those that are at least possible, else the first alone. */
size_t report_culprits_shown(const struct culprit_ranking *ranking);
/* With its heading; nothing when there is no row. */
void report_culprits_plain(struct buffer *out, const struct culprit_ranking *ranking);
/* One <tr> that holds the table, without heading. */
void report_culprits_html(struct buffer *out, const struct culprit_ranking *ranking);

#endif

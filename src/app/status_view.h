/* status_view.h - the status object as words for people and for Nagios. */
#ifndef STOREWATCH_STATUS_VIEW_H
#define STOREWATCH_STATUS_VIEW_H

#include "storewatch/base.h"

/* Appends the table for people. Returns 1 when something grows without bound, a restart is under way or the
 * watchdog cannot do its job, 0 otherwise, -1 when `json` is no status object. */
int status_view_text(const char *json, struct buffer *out);

/* Appends one line with performance data (Nagios plug-in guidelines). Returns the plug-in's code: 0 ok,
 * 1 warning, 2 critical, 3 unknown. */
int status_view_nagios(const char *json, struct buffer *out);

#endif

/* status_view.h - the status object as words for people and for Nagios. */
#ifndef STOREWATCH_STATUS_VIEW_H
#define STOREWATCH_STATUS_VIEW_H

#include "storewatch/base.h"

/* Appends the table for people. Returns 1 when something grows without bound, address space is short, a
 * restart is under way or the watchdog cannot do its job, 0 otherwise, -1 when `json` is no status object. */
int status_view_text(const char *json, struct buffer *out);

/* Appends one line with performance data (Nagios plug-in guidelines). Returns the plug-in's code: 0 ok;
 * 2 critical: an incident is open, a restart has left a service down, or a process has no address space in
 * one piece; 3 unknown: none of these, but the counters cannot be read; 1 warning: little address space, a
 * restart is under way, or the history, the events or the metrics file cannot be written. */
int status_view_nagios(const char *json, struct buffer *out);

#endif

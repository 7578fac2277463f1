/* advice.h - what the reader of an alert should do, in sentences. The one place for recommendations. */
#ifndef STOREWATCH_ADVICE_H
#define STOREWATCH_ADVICE_H

#include "storewatch/alert.h"

/* Adds to alert->todo what fits its kind and incident. `will_act`: storewatch itself restarts next. */
void advice_add(struct alert *alert, const struct config *config, bool will_act);

/* Appends the line of configuration that registers a program under "clients":
 * { "name": "besagent", "image": "BESAgent.exe", "service": "BlackBerry Agent" }. `service` may be "". */
void text_add_client_line(struct text *text, const char *image, const char *service);

#endif

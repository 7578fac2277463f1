/* advice.h - what the reader of an alert should do, in sentences. The one place for recommendations. */
#ifndef STOREWATCH_ADVICE_H
#define STOREWATCH_ADVICE_H

#include "storewatch/alert.h"

/* Adds to alert->todo what fits its kind and incident. `will_act`: storewatch itself restarts next. */
void advice_add(struct alert *alert, const struct config *config, bool will_act);

/* Appends "Restart MSExchangeIS" (the store), "Restart the service "X"", or of a program without one "Restart
 * the program IMAGE"; and where that does harm what does none: "When eseutil.exe has ended, restart ...", of
 * the store on a cluster node to take its resource offline and online again. */
void text_add_restart(struct text *text, const struct alert *alert, enum target_kind kind,
                      const char *service, const char *image);

/* Appends the line of configuration that registers a program under "clients":
 * { "name": "besagent", "image": "BESAgent.exe", "service": "BlackBerry Agent" }. `service` may be "". */
void text_add_client_line(struct text *text, const char *image, const char *service);

/* Appends what to do to have a program that was discovered restarted, with that line. `service`: the one whose
 * process it is, and whose alone; "" = none. */
void text_add_registering(struct text *text, const char *image, const char *service);

#endif

/* advice.h - what the reader of an alert should do, in sentences. The one place for recommendations. */
#ifndef STOREWATCH_ADVICE_H
#define STOREWATCH_ADVICE_H

#include "storewatch/alert.h"

/* Adds to alert->todo what fits its kind and incident. `will_act`: storewatch itself restarts next. */
void advice_add(struct alert *alert, const struct config *config, bool will_act);

#endif

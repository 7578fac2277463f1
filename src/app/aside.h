/* aside.h - private to the edge: how many of the history files that were set aside are kept. Portable. */
#ifndef STOREWATCH_APP_ASIDE_H
#define STOREWATCH_APP_ASIDE_H

#include "storewatch/os.h"

#define ASIDE_KEPT_MAX 4 /* beside the one that is told of */

/* [worker] Removes what is too many in the folder of the history, those with least in them first, and returns
 * how many. What `told`, which ops are told of the latest, names stays; what cannot be removed, until the next
 * time. */
size_t aside_forget(struct os *os, const char *data_dir, const char *store_path, const char *told);

#endif

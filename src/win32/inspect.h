/* inspect.h - private to the Windows edge, without windows.h: what `doctor` asks the system about our own
 * installation. Only reads. Texts are UTF-8, errors as in os.h. */
#ifndef STOREWATCH_WIN32_INSPECT_H
#define STOREWATCH_WIN32_INSPECT_H

#include "storewatch/base.h"

/* The message file that the event source names. NOT_FOUND: the source is not registered. */
enum status inspect_event_source(char *out_file, size_t capacity, struct err *err);

#endif

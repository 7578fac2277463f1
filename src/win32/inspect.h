/* inspect.h - private to the Windows edge, without windows.h: what `doctor` asks the system about our own
 * installation. Only reads. Texts are UTF-8, errors as in os.h. */
#ifndef STOREWATCH_WIN32_INSPECT_H
#define STOREWATCH_WIN32_INSPECT_H

#include "storewatch/base.h"

/* The message file that the event source names. NOT_FOUND: the source is not registered. */
enum status inspect_event_source(char *out_file, size_t capacity, struct err *err);

/* How Windows Time (W32Time) is set up: "NT5DS", "NTP", "AllSync" or "NoSync", and the servers it asks. "" =
 * not there or not readable. */
void inspect_time_service(char *out_type, size_t type_capacity, char *out_server, size_t server_capacity);

#endif

/* environment.h - a variable of this process' environment, as UTF-8. Implemented in src/win32: the run-time's
 * getenv answers in the ANSI code page, which cannot hold every text. */
#ifndef STOREWATCH_ENVIRONMENT_H
#define STOREWATCH_ENVIRONMENT_H

#include "storewatch/base.h"

/* Writes the value, terminated, into `capacity` bytes (1 to 1024). INVALID: there is no such
 * variable, or it does not fit. The value may be a secret: it is in no err's text, and no other copy is left. */
enum status environment_get(const char *name, char *out_value, size_t capacity, struct err *err);

#endif

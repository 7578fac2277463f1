/* dpapi.h - the one thing of Windows' data protection that storewatch needs. Implemented in src/win32. */
#ifndef STOREWATCH_DPAPI_H
#define STOREWATCH_DPAPI_H

#include "storewatch/base.h"

/* Undoes CryptProtectData on `base64` (line breaks are ignored) and writes the secret's UTF-8 text,
 * terminated, into `capacity` bytes. A secret that was protected as UTF-16 (PowerShell's usual way) becomes
 * UTF-8; a final NUL is dropped. INVALID: no base64, or no text; DENIED: it was protected on another machine
 * or by another account (the code tells); FULL: it does not fit. The err's text never holds any part of the
 * secret. */
enum status dpapi_unprotect(const char *base64, char *out_secret, size_t capacity, struct err *err);

#endif

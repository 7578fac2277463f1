/* first_config.h - the configuration that an installation writes where there is none: the default one
 * (config/storewatch.json), with whom to mail and through what filled in. */
#ifndef STOREWATCH_APP_FIRST_CONFIG_H
#define STOREWATCH_APP_FIRST_CONFIG_H

#include "storewatch/base.h"

/* Adds the text to *out, with CRLF at each line's end: the editor of Server 2003 shows nothing else as lines.
 *
 * default_text   the default configuration, `count` bytes
 * mail_to        addresses, separated by commas, semicolons or blanks; NULL or "" = none
 * relays         HOST, HOST:PORT or [IPV6]:PORT, likewise separated; NULL or "" = none
 *
 * What is no port, or cannot stand in a JSON text as it is, is INVALID; whether the rest is an address or a
 * host is for config_parse to say. NO_MEMORY. */
enum status first_config_make(const char *default_text, size_t count, const char *mail_to, const char *relays,
                              struct buffer *out, struct err *err);

#endif

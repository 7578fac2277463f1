/* utf16.h - private to the Windows edge, but portable: text between UTF-16 (what the W functions speak) and
 * UTF-8 (what everything else here speaks), without any locale.
 *
 * What is not valid (a lone surrogate, a broken or overlong sequence) becomes U+FFFD, one for each bad unit
 * or byte: a service with an odd name is still seen. `uint16_t` is wchar_t on Windows. */
#ifndef STOREWATCH_WIN32_UTF16_H
#define STOREWATCH_WIN32_UTF16_H

#include "storewatch/base.h"

/* `count` units -> UTF-8 in `capacity` bytes (>= 1), always terminated, cut between characters. Returns false
 * when it cut. A NUL unit ends the text early. */
bool utf16_to_utf8(const uint16_t *wide, size_t count, char *out_utf8, size_t capacity);

/* The same for a terminated text. */
bool utf16z_to_utf8(const uint16_t *wide, char *out_utf8, size_t capacity);

/* The same for names that strangers choose - of processes, of modules and where they lie - and people read:
 * on a console, in the event log, in a mail. What would break the line or turn it around is "?". */
bool utf16_to_name(const uint16_t *wide, size_t count, char *out_name, size_t capacity);
bool utf16z_to_name(const uint16_t *wide, char *out_name, size_t capacity);

/* UTF-8 -> terminated UTF-16 in `capacity` units (>= 1), cut between characters. Returns false when it cut.
 */
bool utf16_from_utf8(const char *utf8, uint16_t *out_wide, size_t capacity);

/* On the heap; NULL without memory. The caller frees. */
uint16_t *utf16_new(const char *utf8);
char *utf16_to_utf8_new(const uint16_t *wide);

/* Copies an event's text with every "%1", "%2", ... broken up by a space: the event viewer would take it for
 * an insertion of its own and never end. Cuts like text_copy. */
void event_text_copy(char *destination, size_t capacity, const char *source);

#endif

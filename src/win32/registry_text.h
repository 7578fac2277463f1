/* registry_text.h - private to the Windows edge, but portable: what the texts mean that other programs left
 * in the registry. Any bytes may stand there. */
#ifndef STOREWATCH_WIN32_REGISTRY_TEXT_H
#define STOREWATCH_WIN32_REGISTRY_TEXT_H

#include "storewatch/base.h"

#define REGISTRY_UNITS_MAX 1024 /* of a value, with its NUL; a longer one is not looked at */

/* Terminates a text value of `size_bytes` bytes: what is stored need not be terminated, nor have an even
 * number of bytes. `units` has REGISTRY_UNITS_MAX; at most REGISTRY_UNITS_MAX - 1 of them are filled. */
void registry_text_end(uint16_t *units, size_t size_bytes);

/* The file name of the program in a command line: quoted, or up to the first blank behind ".exe". "" when
 * there is none. */
void registry_command_image(const uint16_t *command, char *out_image, size_t capacity);

#endif

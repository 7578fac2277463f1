/* command_texts.h - the words about each command, in the order of the overview. */
#ifndef STOREWATCH_COMMAND_TEXTS_H
#define STOREWATCH_COMMAND_TEXTS_H

#include "storewatch/base.h"

struct command_text {
    const char *name, *usage, *help;
    const char *more; /* a line for each option, or what else is to be said */
};

extern const struct command_text command_texts[];
extern const size_t command_text_count;

/* NULL: there is no such command, or it is not for people. */
const struct command_text *command_text_find(const char *name);

#endif

/* unfinished.h - for a start that is refused: the restart that nobody goes on with meanwhile. */
#ifndef STOREWATCH_APP_UNFINISHED_H
#define STOREWATCH_APP_UNFINISHED_H

#include "storewatch/base.h"

/* The data directory that the file names, whatever else is wrong with it. False: it names none. */
bool unfinished_data_dir(const char *config_path, char *out_path, size_t capacity);

/* Appends a sentence, after a blank, when the history in the data directory knows of a restart that has not
 * ended: whose, and which services may be down for it. What cannot be read says nothing. */
void text_add_unfinished(struct text *text, const char *data_dir);

#endif

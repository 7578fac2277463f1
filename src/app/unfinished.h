/* unfinished.h - for a start that is refused, and for a removal: the restart that nobody goes on with. */
#ifndef STOREWATCH_APP_UNFINISHED_H
#define STOREWATCH_APP_UNFINISHED_H

#include "storewatch/restart.h"

/* The data directory that the file names, whatever else is wrong with it. False: it names none that
 * could be one. */
bool unfinished_data_dir(const char *config_path, char *out_path, size_t capacity);
/* Windows only. Likewise, else the usual one. False: that is not known. */
bool unfinished_named(const char *config_path, char *out_path, size_t capacity);

/* The restart that has not ended, of the history in the data directory. False: there is none, or it cannot be
 * read. */
bool unfinished_read(const char *data_dir, struct restart_journal *out_journal);
/* Windows only. Likewise, unless somebody else may have put it there: who acts on it may be LocalSystem. */
bool unfinished_read_trusted(const char *data_dir, struct restart_journal *out_journal);
/* Windows only. Did the service last work in another data directory, and does a restart wait there? The
 * configuration was edited while it was under way. */
bool unfinished_elsewhere(const char *data_dir, char *out_path, size_t capacity);
/* Windows only. The data directory in which a restart waits for the service, if one does: that elsewhere, else what
 * the file names, else the usual one. False: none of them is known. */
bool unfinished_find(const char *config_path, char *out_path, size_t capacity);
/* Was it stopped, or about to be, and has not been seen running since? */
bool unfinished_may_be_down(const struct restart_service *service);

/* Appends a sentence, after a blank, when the history in the data directory knows of a restart that has not
 * ended: whose, and which services may be down for it. What cannot be read says nothing. */
void text_add_unfinished(struct text *text, const char *data_dir);

#endif

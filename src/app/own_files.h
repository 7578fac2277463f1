/* own_files.h - which files storewatch makes, by their names: what a removal deletes, and nothing else. Portable.
 *
 * An administrator's copy beside them (storewatch.json.mine, "storewatch.db - Copy") is not ours. The folders
 * of evidence: evidence.h. */
#ifndef STOREWATCH_APP_OWN_FILES_H
#define STOREWATCH_APP_OWN_FILES_H

#include "storewatch/base.h"

/* The configuration that `install` writes, and beside it: */
#define CONFIG_FILE_NAME "storewatch.json"
#define CONFIG_BEFORE_SUFFIX ".before"     /* the one that a copy has replaced, */
#define CONFIG_REPLACED_SUFFIX ".replaced" /* until all is done, */
#define CONFIG_NEW_SUFFIX ".new"           /* and the copy until it is whole; */
#define CONFIG_UNDO_SUFFIX ".undo"         /* what a package keeps of it until all is done */
bool own_files_has_config(const char *name);

/* In the data directory: the history with what SQLite keeps beside it, what was set aside and what was to take
 * its place (store.h); the lock. */
bool own_files_has_data(const char *name);
/* Is it a history that was set aside, and not what SQLite keeps beside one? */
bool own_files_is_aside(const char *name);

#endif

/* install.h - what the packages (installer/msi) need of install.windows.c besides its commands. */
#ifndef STOREWATCH_APP_INSTALL_H
#define STOREWATCH_APP_INSTALL_H

#include "storewatch/base.h"

/* BUSY, with the words for a person, while storewatch has stopped services that it will start again: once it
 * is removed nobody else would. So it is when the service runs and does not say whether it has; of one that
 * does not run the history tells. What cannot be read there, or is not there, keeps nobody. */
enum status install_may_remove(struct err *err);

/* Removes what storewatch wrote (own_files.h): the history in the data directory that this configuration names
 * ("": that the service uses, or without one the configuration that `install` writes) and in the one that the
 * service had noted (setup_data_dir_noted; "": none), and the configuration if it is the one that `install` writes.
 * Folders that hold something else stay. What is not there is no error; err has the first that cannot be deleted. */
enum status install_delete_data(const char *config_path, const char *noted, struct err *err);

#endif

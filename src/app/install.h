/* install.h - what the packages (installer/msi) need of install.windows.c besides its commands. */
#ifndef STOREWATCH_APP_INSTALL_H
#define STOREWATCH_APP_INSTALL_H

#include "storewatch/base.h"

/* Removes what storewatch wrote: the history in the data directory that this configuration names, and the
 * configuration if it is the one that `install` writes. Folders that hold something else stay. What is not
 * there is no error. */
void install_delete_data(const char *config_path);

#endif

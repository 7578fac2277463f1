/* resource.h - the numbers of our own resources, for storewatch.rc and for the code that reads them. */
#ifndef STOREWATCH_WIN32_RESOURCE_H
#define STOREWATCH_WIN32_RESOURCE_H

#define RESOURCE_ICON 1 /* Explorer shows the icon with the lowest number */
#define RESOURCE_DEFAULT_CONFIG 100

#endif

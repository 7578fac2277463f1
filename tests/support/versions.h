/* versions.h - file versions as tests write them. */
#ifndef STOREWATCH_TESTS_VERSIONS_H
#define STOREWATCH_TESTS_VERSIONS_H

#include "storewatch/file_version.h"

/* "6.5.7233.36"; the test fails when it is not four numbers. */
struct file_version version_of(const char *text);

#endif

/* drive.h - an agent as its driver sees it, for unit tests: every lane that has work does it at once. And a
 * folder for its data. */
#ifndef STOREWATCH_TESTS_DRIVE_H
#define STOREWATCH_TESTS_DRIVE_H

#include "storewatch/agent.h"

/* Runs the job that is ready in this lane; false when there is none. */
bool drive_lane(struct agent *agent, enum lane lane);
/* Runs what is ready in any lane until nothing is. */
void drive_lanes(struct agent *agent);

/* A data directory, in memory; and away with it and all that is in it. */
#define DRIVE_FOLDER_MAX 64
void drive_folder_make(char out_path[DRIVE_FOLDER_MAX]);
void drive_folder_remove(const char *path);

#endif

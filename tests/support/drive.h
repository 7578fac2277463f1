/* drive.h - an agent as its driver sees it, for unit tests: every lane that has work does it at once. */
#ifndef STOREWATCH_TESTS_DRIVE_H
#define STOREWATCH_TESTS_DRIVE_H

#include "storewatch/agent.h"

/* Runs the job that is ready in this lane; false when there is none. */
bool drive_lane(struct agent *agent, enum lane lane);
/* Runs what is ready in any lane until nothing is. */
void drive_lanes(struct agent *agent);

#endif

/* drive.c - see drive.h. */
#include "drive.h"

#include <stdio.h>
#include <stdlib.h>

bool drive_lane(struct agent *agent, enum lane lane)
{
    struct job *job = agent_take_job(agent, lane);
    if (!job)
        return false;
    job_run(job);
    agent_job_done(agent, job);
    return true;
}

void drive_lanes(struct agent *agent)
{
    bool any = true;
    while (any) {
        any = false;
        for (size_t lane = 0; lane < LANE_COUNT; lane++)
            any |= drive_lane(agent, (enum lane)lane);
    }
}

void drive_folder_make(char out_path[DRIVE_FOLDER_MAX])
{
    text_copy(out_path, DRIVE_FOLDER_MAX, "/dev/shm/storewatch-test-XXXXXX");
    if (!mkdtemp(out_path))
        abort();
}

void drive_folder_remove(const char *path)
{
    char command[DRIVE_FOLDER_MAX + 8];
    snprintf(command, sizeof command, "rm -rf %s", path);
    if (system(command) != 0)
        abort();
}

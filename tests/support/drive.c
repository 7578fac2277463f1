/* drive.c - see drive.h. */
#include "drive.h"

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

/* discovery.h - private to the edge: which processes are MAPI clients, and what they have loaded. Portable,
 * over os.h; used by the agent's job and by `doctor`. */
#ifndef STOREWATCH_APP_DISCOVERY_H
#define STOREWATCH_APP_DISCOVERY_H

#include "storewatch/os.h"
#include "storewatch/watch.h"

/* A scan opens processes for at most this long; what is left over is looked into by the next one. */
#define DISCOVERY_BUDGET_MS 2000

/* What is kept between two scans. Zero-initialised is a valid empty one. Large: on the heap. */
struct discovery {
    size_t found_count;
    struct found_client found[FOUND_MAX];
    size_t left_out; /* MAPI clients beyond FOUND_MAX */

    size_t looked_count; /* processes that were looked into, sorted */
    struct process_id looked[OBSERVATION_PROCESSES_MAX];
    /* Could not be opened (protected processes, or missing rights) since all were looked into; some may have
     * ended. */
    size_t closed_count;
    size_t waiting; /* not looked into yet: the budget was used up */
    size_t registration_count;
    struct mapi_registration registrations[MAPI_REGISTRATIONS_MAX];
};

/* [worker] Looks into the processes that it does not know yet, with `again` into all of them; forgets those
 * that have ended. `processes` is one look's list, or a part of it. */
void discovery_scan(struct discovery *discovery, struct os *os, const struct process *processes, size_t count,
                    bool again, int64_t budget_ms);

#endif

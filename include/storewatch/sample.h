/* sample.h - what one look at the machine yields: plain values, no behaviour.
 *
 * A reading is a double so that it can be *unknown*: NAN. A failed reading is never 0 ("unknown is not
 * healthy"); whoever does arithmetic on it gets NAN back. Integers up to 2^53 are exact, enough for bytes.
 *
 * A process is identified by pid AND creation time: Windows reuses pids within seconds. */
#ifndef STOREWATCH_SAMPLE_H
#define STOREWATCH_SAMPLE_H

#include "storewatch/base.h"

typedef double reading;
#define READING_UNKNOWN ((reading)NAN)
static inline bool reading_known(reading value)
{
    return !isnan(value);
}

struct process_id {
    uint32_t pid;
    uint64_t created_100ns; /* FILETIME of creation; 0 = no process */
};
static inline bool process_id_equal(struct process_id a, struct process_id b)
{
    return a.pid == b.pid && a.created_100ns == b.created_100ns;
}

/* UTF-8 bytes with NUL of an image name such as "Store.exe"; longer ones are cut. */
#define PROCESS_IMAGE_MAX 64

struct process {
    struct process_id id;
    uint32_t parent_pid;
    char image[PROCESS_IMAGE_MAX];
    reading private_bytes;
    reading handle_count;
    reading working_set_bytes;
    reading thread_count;
    reading cpu_ms;   /* user + kernel time since creation: progress of a slow stop */
    reading io_count; /* read + write + other operations since creation: likewise */
};

/* Is this image the one that the configuration names? "BESAgent" there means BESAgent.exe, too. */
bool process_image_is(const char *image, const char *configured);

/* Values as in the SCM's SERVICE_STATUS; ABSENT = no such service, UNKNOWN = could not be read. */
enum service_state {
    SERVICE_STATE_UNKNOWN = 0,
    SERVICE_STATE_STOPPED = 1,
    SERVICE_STATE_START_PENDING = 2,
    SERVICE_STATE_STOP_PENDING = 3,
    SERVICE_STATE_RUNNING = 4,
    SERVICE_STATE_CONTINUE_PENDING = 5,
    SERVICE_STATE_PAUSE_PENDING = 6,
    SERVICE_STATE_PAUSED = 7,
    SERVICE_STATE_ABSENT = 8
};

#define SERVICE_NAME_MAX 257 /* 256 characters is the SCM's bound; UTF-8, longer ones (non-ASCII) are cut */

/* The exit code of a service that was not started since the boot. Windows: ERROR_SERVICE_NEVER_STARTED. */
#define SERVICE_NEVER_STARTED 1077

struct service {
    char name[SERVICE_NAME_MAX];
    enum service_state state;
    uint32_t pid; /* 0 = none */
    uint32_t checkpoint;
    uint32_t wait_hint_ms;
    uint32_t win32_exit_code;
    uint32_t service_exit_code;
    bool accepts_stop;
};

/* The machine. The seed's leak (KB 898782) ends when *system* memory does, so this is watched too. */
struct host {
    reading commit_bytes;
    reading commit_limit_bytes;
    reading available_bytes;
    reading physical_bytes;
    reading paged_pool_bytes;
    reading nonpaged_pool_bytes;
};

#define OBSERVATION_PROCESSES_MAX 2048
#define OBSERVATION_SERVICES_MAX 768

/* One look. Arrays are owned by the observation and allocated once (observation_new). A part that could not
 * be read has its `..._known` false and its count 0; a machine with more than the bound sets `..._cut`. */
struct observation {
    int64_t mono_ms; /* when the look began */
    int64_t utc_ms;
    bool processes_known, services_known, host_known;
    bool processes_cut, services_cut;
    bool os_shutting_down;
    bool cluster_node; /* by its configuration, whether the Cluster service runs just now or not */
    size_t process_count;
    size_t service_count;
    struct process *processes; /* OBSERVATION_PROCESSES_MAX */
    struct service *services;  /* OBSERVATION_SERVICES_MAX, sorted by name without case */
    struct host host;
};

/* When the process was created, by the wall clock as it was then: the identity's FILETIME counts from 1601,
 * 11644473600 s before 1970. And back. */
int64_t process_created_utc_ms(struct process_id process);
uint64_t process_created_100ns(int64_t utc_ms);

/* Allocates both arrays; NULL without memory. Free with observation_free (NULL is fine). */
struct observation *observation_new(void);
void observation_free(struct observation *observation);
/* Empties it: everything unknown. Keeps the arrays. */
void observation_clear(struct observation *observation);
/* Lends; NULL when absent. Names compare without case. Services by binary search. */
const struct service *observation_service(const struct observation *observation, const char *name);
/* The one service that the process hosts; NULL when it hosts none or several. */
const struct service *observation_service_of(const struct observation *observation, uint32_t pid);
const struct process *observation_process(const struct observation *observation, uint32_t pid);

#endif

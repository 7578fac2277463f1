/* replay_recording.h - several counter logs as one machine, poll by poll: what each process and the machine
 * had just then. Logs may follow each other (perfmon begins a new one each day), run beside each other with
 * other counters, or both. */
#ifndef STOREWATCH_REPLAY_RECORDING_H
#define STOREWATCH_REPLAY_RECORDING_H

#include "storewatch/perfmon.h"
#include "storewatch/sample.h"

#define RECORDING_FILES_MAX 400 /* a year of daily logs; the C run-time of Windows opens 512 */
#define RECORDING_PROCESSES_MAX 512
#define RECORDING_AHEAD 60 /* polls: an hour of a log of minutes */

enum recorded_counter { COUNTER_PRIVATE, COUNTER_HANDLES, COUNTER_PID, COUNTER_COUNT };
enum recorded_host { HOST_COMMIT, HOST_COMMIT_LIMIT, HOST_AVAILABLE, HOST_PAGED, HOST_NONPAGED, HOST_COUNT };

/* One instance of perfmon's Process object, in whatever files: "store", "store#1". */
struct recorded {
    char instance[PROCESS_IMAGE_MAX];
    bool has[COUNTER_COUNT]; /* some file has that column */
    size_t open_files;       /* files with columns of it that have not ended */
};

struct recorded_poll {
    int64_t utc_ms;
    int64_t ahead_ms;        /* local time is so far ahead of UTC; 0 while no log tells */
    double host[HOST_COUNT]; /* as of the latest row that tells; unknown before and when no file goes on */
    struct {
        double values[COUNTER_COUNT]; /* unknown where no row of it tells */
        bool due;                     /* a row of this poll should tell of it, or none ever will again */
    } processes[RECORDING_PROCESSES_MAX];
};

struct recording_file {
    const char *path;
    struct perfmon *perfmon;
    int64_t utc_ms; /* of the row read ahead; INT64_MAX = ended */
    const double *values;
    bool taken;       /* its row is part of this poll */
    uint32_t *owners; /* of each column: counter and process, or counter of the machine; NOBODY */
};

struct recording {
    size_t file_count;
    struct recording_file *files; /* file_count of them */
    size_t process_count;
    struct recorded processes[RECORDING_PROCESSES_MAX];
    size_t left_out; /* columns of processes beyond the bound */
    bool has_host[HOST_COUNT];
    size_t host_open_files[HOST_COUNT];
    char host_name[64];  /* of the machine, "" = no column tells */
    char other_host[64]; /* of another one, "" = none: then this is not one machine */
    int64_t period_ms;   /* between two rows of a file; 0 = not known yet */
    bool knows_local;    /* some log is in local time */
    int64_t next_utc_ms; /* of the next poll; INT64_MAX = this is the last */
    /* This poll and those that are read ahead of it. Until the first one is asked for there is none. */
    const struct recorded_poll *now;
    struct recorded_poll *polls; /* RECORDING_AHEAD + 1 of them, a ring */
    size_t first, count;
    enum status end; /* why there are no more: NOT_FOUND, or what is wrong, and where */
    struct err end_err;
};

/* Opens all files, at most RECORDING_FILES_MAX; errors as of perfmon_open. recording_close in any case. `paths` are borrowed. */
enum status recording_open(struct recording *recording, const char *const *paths, size_t count,
                           struct err *err);
void recording_close(struct recording *recording);

/* The next poll; NOT_FOUND at the end. Says on stderr what was left out of a file that ends. */
enum status recording_poll(struct recording *recording, struct err *err);
/* Has one of the polls that are read ahead a process of this instance's program with that pid? */
bool recording_tells_later(const struct recording *recording, size_t process, double pid);

/* Are they of one program? */
bool recording_same_program(const struct recording *recording, size_t process, size_t other);
/* How much of an instance's name is its program's: "store" of "store#1". */
size_t recording_base_length(const char *instance);

#endif

/* evidence.h - private to the edge: what is gathered about a process before a restart stops it. Portable,
 * over os.h; run by the agent's EVIDENCE lane.
 *
 * One folder a restart, DATA_DIR\evidence\TIME-incident-N, that only Administrators and SYSTEM may read:
 *
 *     summary.txt       why, the plan, every verdict; at its end what could not be gathered, and why
 *     modules-PID.csv   what the process has loaded, with versions
 *     handles-PID.csv   its handles by type
 *     samples.csv       the last 24 hours of all series
 *     IMAGE-PID.dmp     with actions.dump
 */
#ifndef STOREWATCH_APP_EVIDENCE_H
#define STOREWATCH_APP_EVIDENCE_H

#include "storewatch/os.h"

#define EVIDENCE_FOLDER_NAME "evidence" /* in the data directory */
#define EVIDENCE_PATH_MAX 768
#define EVIDENCE_PROCESSES_MAX 2
#define EVIDENCE_SAMPLES_MS MS_PER_DAY
/* The text may use the disk down to here, or to actions.dump.min_free when that is less: the history file
 * needs what is left. */
#define EVIDENCE_TEXT_MIN_FREE_BYTES (256.0 * 1024 * 1024)
#define EVIDENCE_SAMPLES_BYTES_MAX (64.0 * 1024 * 1024)

struct evidence_process {
    struct process_id id;
    char image[PROCESS_IMAGE_MAX];
};

struct evidence_task {
    char data_dir[EVIDENCE_PATH_MAX], store_path[EVIDENCE_PATH_MAX];
    char label[24]; /* "incident-12" */
    int64_t utc_ms, budget_ms, dump_time_ms;
    size_t process_count; /* the first is the one that is dumped */
    struct evidence_process processes[EVIDENCE_PROCESSES_MAX];
    enum dump_kind dump;
    char dump_refused[128]; /* why there is none although one is configured; "" = it is not refused */
    double min_free_bytes;
    uint32_t keep;
    char *summary; /* heap, owned */
};
void evidence_task_deinit(struct evidence_task *task);

/* [worker] Gathers. OK: a line that says where it is and, when something is missing, a second one that says
 * what and why. Otherwise there is nothing, and *err says why; then `out_said` is "". */
enum status evidence_gather(struct os *os, const struct evidence_task *task, char *out_said, size_t capacity,
                            struct err *err);

#define EVIDENCE_TIME_LENGTH 16 /* of a folder's name, by which they are sorted: "20261122T140522Z" */

/* Is a folder of this name in it one of ours? Whatever else somebody has put there is not ours to remove. */
bool evidence_is_ours(const char *name);
/* Removes all that is ours, for an uninstallation; what is not there is no error. err has the first that cannot
 * be removed. */
void evidence_remove_all(struct os *os, const char *data_dir, struct err *err);

#endif

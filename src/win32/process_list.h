/* process_list.h - private to the Windows edge, but portable: what NtQuerySystemInformation(
 * SystemProcessInformation) writes, declared by us, because the published headers leave most of it unnamed.
 *
 * The layout has been the same since NT 5 for every member named here; newer systems gave some of the
 * reserved ones a meaning. Sizes follow the reader's own bitness (a 32-bit reader on 64-bit Windows sees
 * 32-bit values). */
#ifndef STOREWATCH_WIN32_PROCESS_LIST_H
#define STOREWATCH_WIN32_PROCESS_LIST_H

#include "storewatch/sample.h"

struct nt_string {
    uint16_t length_bytes; /* without a terminator, of which there may be none */
    uint16_t capacity_bytes;
    const uint16_t *text; /* inside the same buffer, after the threads; NULL for the idle process */
};

struct nt_process {
    uint32_t next_offset; /* 0 in the last one */
    uint32_t thread_count;
    int64_t reserved[3];
    int64_t created_100ns, user_100ns, kernel_100ns;
    struct nt_string image;
    int32_t base_priority;
    uintptr_t pid, parent_pid;
    uint32_t handle_count;
    uint32_t session;
    uintptr_t page_directory;
    uintptr_t virtual_peak_bytes, virtual_bytes;
    uint32_t fault_count;
    uintptr_t working_set_peak_bytes, working_set_bytes;
    uintptr_t paged_pool_peak_bytes, paged_pool_bytes, nonpaged_pool_peak_bytes, nonpaged_pool_bytes;
    uintptr_t pagefile_bytes, pagefile_peak_bytes;
    uintptr_t private_bytes; /* "PrivatePageCount", but in bytes */
    int64_t read_count, write_count, other_count;
    int64_t read_bytes, write_bytes, other_bytes;
};

_Static_assert(sizeof(void *) == 4 || sizeof(struct nt_process) == 256, "64-bit layout");
_Static_assert(sizeof(void *) == 4 || offsetof(struct nt_process, pid) == 80, "64-bit layout");
_Static_assert(sizeof(void *) == 4 || offsetof(struct nt_process, private_bytes) == 200, "64-bit layout");
_Static_assert(sizeof(void *) == 8 || sizeof(struct nt_process) == 184, "32-bit layout");
_Static_assert(sizeof(void *) == 8 || offsetof(struct nt_process, pid) == 68, "32-bit layout");
_Static_assert(sizeof(void *) == 8 || offsetof(struct nt_process, private_bytes) == 132, "32-bit layout");

/* Reads `size` bytes of that into at most `capacity` processes; the idle process and those that have ended
 * already (no thread; somebody still holds a handle) are left out. *out_cut tells that there were more.
 * CORRUPT when an offset points out of the buffer: nothing is written then but the array. */
enum status process_list_read(const void *buffer, size_t size, struct process *out_processes, size_t capacity,
                              size_t *out_count, bool *out_cut);

#endif

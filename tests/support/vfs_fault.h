/* vfs_fault.h - a disk in memory for SQLite, that can fail, fill up, lose power and tear what was not synced.
 *
 * Installed, it is SQLite's default VFS, so the product's own sqlite3_open_v2 lands on it. One disk a
 * process; not for several threads. Everything is deterministic: the same calls with the same seed give the
 * same bytes.
 *
 * Model of the medium: what was synced is there for ever. Of what was written since, each 512-byte sector may
 * or may not have arrived when the power goes, and so may a truncation; sectors of a file are independent.
 * Creating and deleting a file is durable at once. A killed process (no power loss) leaves all that it wrote.
 */
#ifndef TESTS_VFS_FAULT_H
#define TESTS_VFS_FAULT_H

#include <stdbool.h>
#include <stdint.h>

enum vfs_operation {
    VFS_OPEN,
    VFS_READ,
    VFS_WRITE,
    VFS_SYNC,
    VFS_TRUNCATE,
    VFS_DELETE,
    VFS_SIZE,
    VFS_LOCK,
    VFS_SHM,
    VFS_OPERATION_COUNT
};
#define VFS_MASK(operation) (1U << (operation))
#define VFS_MASK_ALL ((1U << VFS_OPERATION_COUNT) - 1)
/* What changes the medium: a power cut between any two of these makes a different disk. */
#define VFS_MASK_CHANGES                                                                                     \
    (VFS_MASK(VFS_WRITE) | VFS_MASK(VFS_SYNC) | VFS_MASK(VFS_TRUNCATE) | VFS_MASK(VFS_DELETE))

enum vfs_survival {
    VFS_KEEP_ALL,    /* the process was killed, the machine goes on */
    VFS_LOSE_ALL,    /* nothing that was not synced has arrived */
    VFS_KEEP_RANDOM, /* each sector by chance */
};

/* An empty disk, made the default VFS. */
void vfs_fault_install(void);
/* Forgets all files (every connection must be closed) and gives the default back. */
void vfs_fault_uninstall(void);

/* From the n-th operation (1-based, counted from now) of the kinds in `mask` on, calls fail with the SQLite
 * code; `once`: only that one. */
void vfs_fault_arm(unsigned mask, uint64_t nth, int code, bool once);
/* The power goes off instead of the n-th operation: it and everything after it fails, until
 * vfs_fault_power_on. */
void vfs_fault_arm_power_cut(unsigned mask, uint64_t nth);
/* What the system says of the failure that is armed (errno); disarming sets it back to 0. */
void vfs_fault_system_code(int code);
void vfs_fault_disarm(void);
/* While paused nothing fails and nothing is counted (a dead disk stays dead): the test itself reads. */
void vfs_fault_pause(bool paused);
/* Operations of the kinds in `mask` since the last arm or disarm. */
uint64_t vfs_fault_count(unsigned mask);
/* Has an armed fault struck? */
bool vfs_fault_struck(void);

/* Cuts the power now. Open connections are dead: close them (nothing reaches the disk), then power on. */
void vfs_fault_power_cut(void);
/* The disk as it is found again. */
void vfs_fault_power_on(enum vfs_survival survival, uint64_t seed);

/* The disk holds at most this many bytes in all files; 0 = no bound. Writing beyond is SQLITE_FULL. */
void vfs_fault_set_quota(int64_t bytes);
/* How often the quota has refused something. */
uint64_t vfs_fault_refusals(void);
int64_t vfs_fault_used_bytes(void);
/* 0 when there is no such file. */
int64_t vfs_fault_file_bytes(const char *path);
/* For a test that defines set_aside_rename. False when there is no such file. */
bool vfs_fault_rename(const char *from, const char *to);
/* Changes a byte on the medium; false beyond the end. */
bool vfs_fault_flip(const char *path, int64_t offset, unsigned char mask);

#endif

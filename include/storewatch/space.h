/* space.h - the address space of a process that has one of a few GiB, as 32-bit ones do: how much of it can
 * still be had, and in what pieces.
 *
 * Such a process runs out of address space long before the machine runs out of memory, and it fails earlier
 * still when what is free lies in small pieces. Exchange tells it with event 9582: a warning when the largest
 * free block is below 32 MB, an error below 16 MB (KB 324118); the same thresholds hold here for each such
 * process that is watched. */
#ifndef STOREWATCH_SPACE_H
#define STOREWATCH_SPACE_H

#include "storewatch/units.h"

#define SPACE_WARNING_BYTES (32 * MIB)
#define SPACE_ERROR_BYTES (16 * MIB)
/* A level is left when the largest block is this much above its threshold: a value that swings around the
 * threshold is told once. */
#define SPACE_CLEAR_FACTOR 1.5
/* VirtualAlloc reserves from addresses that are multiples of this; a smaller hole is of no use to anybody. */
#define SPACE_GRANULE_BYTES UINT64_C(65536)

/* What one walk found. */
struct space {
    double limit_bytes;   /* what the process can use in all: 2, 3 or 4 GiB */
    double free_bytes;    /* what can still be reserved */
    double largest_bytes; /* in one piece */
    double block_count;   /* in so many pieces */
};

/* Adds a free region [base, base + size) that a walk met to what is zero but for its limit_bytes at the begin:
 * only the whole granules in it count. Regions beyond the limit do not. */
void space_add_free(struct space *space, uint64_t base, uint64_t size);

/* The names of the limits that come from it (verdict_limit.name). */
#define SPACE_LIMIT_NAME "address space"
#define SPACE_BLOCK_LIMIT_NAME "largest free block of 16 MiB"

enum space_level { SPACE_FINE, SPACE_WARNING, SPACE_ERROR };
/* The level for a largest free block, given the level before. */
enum space_level space_level_of(double largest_bytes, enum space_level before);

/* Appends "largest free block 48.0 MiB, 213 MiB free in 1,204 blocks of 2.00 GiB". */
void text_add_space(struct text *text, const struct space *space);

#endif

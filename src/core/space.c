/* space.c - see space.h. */
#include "storewatch/space.h"

#include "storewatch/units.h"

void space_add_free(struct space *space, uint64_t base, uint64_t size)
{
    const uint64_t limit = (uint64_t)space->limit_bytes;
    const uint64_t mask = SPACE_GRANULE_BYTES - 1;
    if (base >= limit)
        return;
    const uint64_t end = size < limit - base ? base + size : limit;
    const uint64_t first = (base + mask) & ~mask;
    const uint64_t whole = end > first ? (end - first) & ~mask : 0;
    if (whole == 0)
        return;
    space->free_bytes += (double)whole;
    space->block_count++;
    if ((double)whole > space->largest_bytes)
        space->largest_bytes = (double)whole;
}

enum space_level space_level_of(double largest_bytes, enum space_level before)
{
    const double error_bytes = SPACE_ERROR_BYTES * (before == SPACE_ERROR ? SPACE_CLEAR_FACTOR : 1);
    const double warning_bytes = SPACE_WARNING_BYTES * (before != SPACE_FINE ? SPACE_CLEAR_FACTOR : 1);
    if (largest_bytes < error_bytes)
        return SPACE_ERROR;
    return largest_bytes < warning_bytes ? SPACE_WARNING : SPACE_FINE;
}

void text_add_space(struct text *text, const struct space *space)
{
    text_add(text, "largest free block ");
    text_add_quantity(text, UNIT_BYTES, space->largest_bytes);
    text_add(text, ", ");
    text_add_quantity(text, UNIT_BYTES, space->free_bytes);
    text_add(text, " free in ");
    text_add_count(text, space->block_count);
    text_add(text, " block%s of ", space->block_count == 1 ? "" : "s");
    text_add_quantity(text, UNIT_BYTES, space->limit_bytes);
}

/* growers.c - see growers.h.
 *
 * Invariants: rows[0..count) are distinct processes that were there at the latest look that could tell, and
 * ended[0..ended_count) such as are not. In each ring the slots (head - GROWERS_SLOTS, head] are valid, head
 * being the latest closed slot's number at that level; a coarser slot is the mean of the known finer ones in it
 * that have been closed so far. */
#include "storewatch/growers.h"

#include <string.h>

/* With very short windows a slot is still the mean of a few polls. */
#define POLLS_A_SLOT_MIN 4
/* One that lived for less left nothing behind that could be compared. */
#define ENDED_SLOTS_MIN 8

static void row_clear(struct grower *row)
{
    for (size_t k = 0; k < GROWERS_LEVELS; k++)
        for (size_t i = 0; i < GROWERS_SLOTS; i++)
            for (size_t c = 0; c < GROWER_COLUMNS; c++)
                row->value[k][i][c] = NAN;
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        row->sum[c] = 0;
        row->count[c] = 0;
    }
}

void growers_init(struct growers *growers, int64_t interval_ms, int64_t min_window_ms)
{
    int64_t slot_ms = min_window_ms / GROWERS_PER_WINDOW;
    if (slot_ms < POLLS_A_SLOT_MIN * interval_ms)
        slot_ms = POLLS_A_SLOT_MIN * interval_ms;
    if (growers->slot_ms == slot_ms)
        return;
    /* The rows are cleared as they are begun: what no process needs is never touched, and costs no memory. */
    growers->slot_ms = slot_ms;
    growers->origin_mono_ms = 0;
    growers->slot = -1;
    growers->left_out = 0;
    growers->kept_count = 0;
    growers->count = growers->ended_count = 0;
    row_clear(&growers->commit);
    row_clear(&growers->pools);
}

const struct grower *growers_find(const struct growers *growers, struct process_id process)
{
    for (size_t i = 0; i < growers->count; i++)
        if (process_id_equal(growers->rows[i].process, process))
            return &growers->rows[i];
    return NULL;
}

/* ---- the rings ---- */

static float mean_of_finer(const struct grower *row, size_t level, int64_t number, int64_t last_finer,
                           size_t column)
{
    double sum = 0;
    unsigned count = 0;
    for (int64_t j = number * GROWERS_FACTOR; j < (number + 1) * GROWERS_FACTOR && j <= last_finer; j++) {
        float value = row->value[level - 1][j % GROWERS_SLOTS][column];
        if (isnan(value))
            continue;
        sum += (double)value;
        count++;
    }
    return count ? (float)(sum / count) : NAN;
}

/* Closes slot `was`, and makes room up to (not with) `now`: slots in between without any poll are gaps. */
static void row_close(struct grower *row, int64_t was, int64_t now)
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        row->value[0][was % GROWERS_SLOTS][c] = row->count[c] ? (float)(row->sum[c] / row->count[c]) : NAN;
        row->sum[c] = 0;
        row->count[c] = 0;
        int64_t number = was, latest = was;
        for (size_t k = 1; k < GROWERS_LEVELS; k++) {
            number /= GROWERS_FACTOR;
            row->value[k][number % GROWERS_SLOTS][c] = mean_of_finer(row, k, number, latest, c);
            latest = number;
        }
        int64_t from = was, to = now - 1;
        for (size_t k = 0; k < GROWERS_LEVELS; k++) {
            for (int64_t b = from + 1; b <= to && b <= from + GROWERS_SLOTS; b++)
                row->value[k][b % GROWERS_SLOTS][c] = NAN;
            from /= GROWERS_FACTOR;
            to /= GROWERS_FACTOR;
        }
    }
}

static void column_add(struct grower *row, enum grower_column column, reading value)
{
    if (!reading_known(value))
        return;
    row->sum[column] += value;
    row->count[column]++;
}

/* ---- who has a row ---- */

/* Processes keep their order between two looks, and those that end move the later ones down. */
static const struct process *process_of(struct grower *row, const struct observation *observation)
{
    size_t at = row->seen_at < observation->process_count ? row->seen_at : observation->process_count;
    for (size_t i = at + 1; i-- > 0;)
        if (i < observation->process_count && process_id_equal(observation->processes[i].id, row->process)) {
            row->seen_at = i;
            return &observation->processes[i];
        }
    for (size_t i = at + 1; i < observation->process_count; i++)
        if (process_id_equal(observation->processes[i].id, row->process)) {
            row->seen_at = i;
            return &observation->processes[i];
        }
    return NULL;
}

static void rows_read(struct growers *growers, const struct observation *observation)
{
    for (size_t i = 0; i < growers->count; i++) {
        struct grower *row = &growers->rows[i];
        const struct process *process = process_of(row, observation);
        if (!process) { /* it found no room in the list */
            row->seen_at = observation->process_count;
            continue;
        }
        column_add(row, GROWER_BYTES, process->private_bytes);
        column_add(row, GROWER_HANDLES, process->handle_count);
    }
}

/* ---- who has ended ---- */

static bool gives_way_before(const struct grower *a, const struct grower *b)
{
    return a->is_kept != b->is_kept ? b->is_kept : a->ended_mono_ms < b->ended_mono_ms;
}

/* NULL when there is none, or it lived too short. */
static struct grower *place_for_ended(struct growers *growers, const struct grower *row)
{
    struct grower *place = growers->ended;
    if (row->ended_mono_ms - row->born_mono_ms < ENDED_SLOTS_MIN * growers->slot_ms)
        return NULL;
    if (growers->ended_count < GROWERS_ENDED_MAX)
        return &growers->ended[growers->ended_count++];
    for (size_t i = 1; i < GROWERS_ENDED_MAX; i++)
        if (gives_way_before(&growers->ended[i], place))
            place = &growers->ended[i];
    return gives_way_before(place, row) ? place : NULL;
}

void growers_follow_ends(struct growers *growers, const struct observation *observation)
{
    if (!observation->processes_known || observation->processes_cut)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < growers->count; i++) {
        struct grower *row = &growers->rows[i];
        if (!process_of(row, observation)) {
            row->ended_mono_ms = observation->mono_ms;
            struct grower *place = place_for_ended(growers, row);
            if (place)
                *place = *row;
            continue;
        }
        if (kept != i)
            growers->rows[kept] = *row;
        kept++;
    }
    growers->count = kept;
}

/* ---- who is let in ---- */

static void row_begin(struct grower *row, const struct process *process, size_t at,
                      const struct observation *observation)
{
    row_clear(row);
    row->process = process->id;
    text_copy(row->image, sizeof row->image, process->image);
    row->seen_at = at;
    /* By a clock that was set back meanwhile it may seem to be born later than it was seen. */
    int64_t age_ms = observation->utc_ms - process_created_utc_ms(process->id);
    row->born_mono_ms = observation->mono_ms - (age_ms > 0 ? age_ms : 0);
    row->ended_mono_ms = INT64_MAX;
    row->is_kept = false;
    column_add(row, GROWER_BYTES, process->private_bytes);
    column_add(row, GROWER_HANDLES, process->handle_count);
}

static bool is_kept(const struct growers *growers, struct process_id process)
{
    for (size_t i = 0; i < growers->kept_count; i++)
        if (process_id_equal(growers->kept[i], process))
            return true;
    return false;
}

/* The row of the smallest process that is not kept, by what it has in the open slot. Without one (all that were kept
 * have just been replaced by as many others) the first. */
static struct grower *smallest(struct growers *growers, double *out_bytes)
{
    struct grower *found = growers->rows;
    *out_bytes = INFINITY;
    for (size_t i = 0; i < growers->count; i++) {
        struct grower *row = &growers->rows[i];
        if (row->is_kept || is_kept(growers, row->process))
            continue;
        double bytes = row->count[GROWER_BYTES] ? row->sum[GROWER_BYTES] / row->count[GROWER_BYTES] : 0;
        if (bytes < *out_bytes) {
            *out_bytes = bytes;
            found = row;
        }
    }
    return found;
}

/* Somebody new must be twice as large as the smallest to take its row: two of a size would change places at
 * each slot. */
#define DISPLACES 2.0

static void rows_admit_kept(struct growers *growers, const struct observation *observation, bool *has_row)
{
    for (size_t k = 0; k < growers->kept_count; k++) {
        const struct process *process = observation_process(observation, growers->kept[k].pid);
        size_t at = process ? (size_t)(process - observation->processes) : 0;
        double ignored;
        if (!process || has_row[at] || !process_id_equal(process->id, growers->kept[k]))
            continue;
        const bool full = growers->count == GROWERS_MAX;
        struct grower *row = full ? smallest(growers, &ignored) : &growers->rows[growers->count++];
        if (full)
            has_row[row->seen_at] = false;
        row_begin(row, process, at, observation);
        row->is_kept = has_row[at] = true;
    }
}

static void rows_admit(struct growers *growers, const struct observation *observation)
{
    bool has_row[OBSERVATION_PROCESSES_MAX + 1] = {false};
    for (size_t i = 0; i < growers->count; i++)
        has_row[growers->rows[i].seen_at] = true;
    rows_admit_kept(growers, observation, has_row);
    growers->left_out = 0;
    double least = 0;
    struct grower *least_row = NULL;
    for (size_t i = 0; i < observation->process_count; i++) {
        const struct process *process = &observation->processes[i];
        if (has_row[i] || process->id.pid == 0)
            continue; /* pid 0 is what idles */
        if (growers->count < GROWERS_MAX) {
            row_begin(&growers->rows[growers->count++], process, i, observation);
            continue;
        }
        growers->left_out++;
        if (!least_row)
            least_row = smallest(growers, &least);
        if (!(process->private_bytes > DISPLACES * least))
            continue;
        row_begin(least_row, process, i, observation);
        least_row = NULL;
    }
}

void growers_keep(struct growers *growers, const struct process_id *processes, size_t count)
{
    growers->kept_count = count < GROWERS_KEPT_MAX ? count : GROWERS_KEPT_MAX;
    memcpy(growers->kept, processes, growers->kept_count * sizeof growers->kept[0]);
}

void growers_keep_also(struct growers *growers, struct process_id process)
{
    if (growers->kept_count < GROWERS_KEPT_MAX && !is_kept(growers, process))
        growers->kept[growers->kept_count++] = process;
}

void growers_push(struct growers *growers, const struct observation *observation)
{
    bool first = growers->slot < 0;
    if (first) {
        growers->origin_mono_ms = observation->mono_ms;
        growers->slot = 0;
    }
    int64_t slot = (observation->mono_ms - growers->origin_mono_ms) / growers->slot_ms;
    bool next = slot > growers->slot;
    growers_follow_ends(growers, observation);
    if (next) {
        for (size_t i = 0; i < growers->count; i++)
            row_close(&growers->rows[i], growers->slot, slot);
        for (size_t i = 0; i < growers->ended_count; i++)
            row_close(&growers->ended[i], growers->slot, slot);
        row_close(&growers->commit, growers->slot, slot);
        row_close(&growers->pools, growers->slot, slot);
        growers->slot = slot;
    }
    growers->looked_mono_ms = observation->mono_ms;
    if (observation->processes_known) {
        rows_read(growers, observation);
        if (first || next)
            rows_admit(growers, observation);
        for (size_t i = 0; next && i < growers->count; i++)
            growers->rows[i].is_kept = is_kept(growers, growers->rows[i].process);
    }
    if (observation->host_known) {
        column_add(&growers->commit, GROWER_BYTES, observation->host.commit_bytes);
        column_add(&growers->pools, GROWER_BYTES, observation->host.paged_pool_bytes);
        column_add(&growers->pools, GROWER_HANDLES, observation->host.nonpaged_pool_bytes);
    }
}

/* ---- what was before the first push ---- */

void growers_begin_at(struct growers *growers, const struct observation *observation, int64_t from_mono_ms)
{
    int64_t reach_ms = GROWERS_SLOTS * growers->slot_ms;
    for (size_t k = 1; k < GROWERS_LEVELS; k++)
        reach_ms *= GROWERS_FACTOR;
    if (growers->slot >= 0 || from_mono_ms > observation->mono_ms)
        return;
    if (from_mono_ms < observation->mono_ms - reach_ms)
        from_mono_ms = observation->mono_ms - reach_ms;
    growers->origin_mono_ms = from_mono_ms;
    growers->slot = (observation->mono_ms - from_mono_ms) / growers->slot_ms;
    if (observation->processes_known)
        rows_admit(growers, observation);
    for (size_t i = 0; i < growers->count; i++) /* this look is not one of the grid */
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            growers->rows[i].sum[c] = 0;
            growers->rows[i].count[c] = 0;
        }
}

void growers_begin_ended(struct growers *growers, struct process_id process, const char *image,
                         int64_t born_mono_ms, int64_t ended_mono_ms)
{
    for (size_t i = 0; i < growers->ended_count; i++)
        if (process_id_equal(growers->ended[i].process, process))
            return;
    struct grower row = {
        .process = process, .born_mono_ms = born_mono_ms, .ended_mono_ms = ended_mono_ms, .is_kept = true};
    struct grower *place = place_for_ended(growers, &row);
    if (!place)
        return;
    row_clear(&row);
    text_copy(row.image, sizeof row.image, image);
    *place = row;
}

static void past_close(const struct growers *growers, struct growers_past *past, size_t level)
{
    int64_t head = growers->slot - 1;
    for (size_t k = 0; k < level; k++)
        head /= GROWERS_FACTOR;
    if (past->count[level] && past->number[level] > head - GROWERS_SLOTS)
        past->row->value[level][past->number[level] % GROWERS_SLOTS][past->column] =
            (float)(past->sum[level] / past->count[level]);
    past->sum[level] = 0;
    past->count[level] = 0;
}

void growers_past_add(const struct growers *growers, struct growers_past *past, int64_t mono_ms,
                      reading value)
{
    int64_t number = (mono_ms - growers->origin_mono_ms) / growers->slot_ms;
    if (!reading_known(value) || mono_ms < growers->origin_mono_ms || number >= growers->slot)
        return;
    for (size_t k = 0; k < GROWERS_LEVELS; k++) {
        if (past->count[k] && past->number[k] != number)
            past_close(growers, past, k);
        past->number[k] = number;
        past->sum[k] += value;
        past->count[k]++;
        number /= GROWERS_FACTOR;
    }
}

void growers_past_end(const struct growers *growers, struct growers_past *past)
{
    for (size_t k = 0; k < GROWERS_LEVELS; k++)
        past_close(growers, past, k);
}

/* ---- reading ---- */

struct growers_window growers_window_from(const struct growers *growers, int64_t from_mono_ms)
{
    struct growers_window window = {.width_ms = growers->slot_ms};
    int64_t from = (from_mono_ms - growers->origin_mono_ms) / growers->slot_ms;
    int64_t last = growers->slot - 1;
    if (from < 0)
        from = 0;
    if (last < 0)
        return window;
    while (window.level + 1 < GROWERS_LEVELS && last - from >= GROWERS_SLOTS) {
        window.level++;
        window.width_ms *= GROWERS_FACTOR;
        from /= GROWERS_FACTOR;
        last /= GROWERS_FACTOR;
    }
    if (from > last)
        from = last;
    if (last - from >= GROWERS_SLOTS)
        from = last - GROWERS_SLOTS + 1;
    window.first = from;
    window.count = (size_t)(last - from + 1);
    return window;
}

int64_t growers_time(const struct growers *growers, const struct growers_window *window, size_t i)
{
    return growers->origin_mono_ms + (window->first + (int64_t)i) * window->width_ms + window->width_ms / 2;
}

double growers_value(const struct grower *grower, const struct growers_window *window,
                     enum grower_column column, size_t i)
{
    return (double)grower->value[window->level][(window->first + (int64_t)i) % GROWERS_SLOTS][column];
}

double growers_highest_before(const struct growers *growers, const struct grower *grower,
                              enum grower_column column, int64_t before_mono_ms)
{
    double highest = NAN;
    int64_t last = growers->slot - 1, width_ms = growers->slot_ms;
    for (size_t k = 0; k < GROWERS_LEVELS && last >= 0; k++) {
        for (int64_t b = last; b >= 0 && b > last - GROWERS_SLOTS; b--) {
            double value = (double)grower->value[k][b % GROWERS_SLOTS][column];
            if (growers->origin_mono_ms + (b + 1) * width_ms <= before_mono_ms && !(value <= highest))
                highest = isnan(value) ? highest : value;
        }
        last /= GROWERS_FACTOR;
        width_ms *= GROWERS_FACTOR;
    }
    return highest;
}

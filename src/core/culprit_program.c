/* culprit_program.c - the processes of one program as one suspect. See culprit.h.
 *
 * What a program leaks in each call it leaks in each of its processes: a client that runs as six agents, the
 * worker processes of a web server. Each has a sixth of the growth then, or is in step with a sixth of it, and
 * none stands out. So those of one program (the same image, and registered as the same client or not at all)
 * that grow are added up to one row, which is asked as any other. It takes their place when it explains the
 * growth better than the best of them does: that one of many leaks is the more usual case. What makes the store
 * grow is what they did one after the other as well: of each that was begun or has ended meanwhile the sum holds
 * what it grew by. */
#include "culprit_internal.h"

#include <string.h>

/* It is not the program when fewer of its processes grow than this part: a few of many do by chance. */
#define GROW_PART 0.5
/* One that has so much of what its program grew by is the one. */
#define ONE_OF_IT 0.8

/* ---- who belongs together ---- */

static const char *target_of(const struct suspect *suspect)
{
    return suspect->known ? suspect->known->target : "";
}

bool culprit_same_program(const struct suspect *a, const struct suspect *b)
{
    return text_equal_nocase(a->row->image, b->row->image) && text_equal_nocase(target_of(a), target_of(b));
}

/* Of what the store holds its processes count one after the other, too, as they were recycled: one that ended by what
 * it had then, though it may have lived too short for its growth to be sure. What ends gives back what it had of a sum,
 * and one that began later adds its level to that as if it were growth. */
static bool may_belong(const struct culprit_work *work, const struct suspect *suspect)
{
    const struct grower *row = suspect->row;
    const bool is_later = row->born_mono_ms > growers_time(work->growers, &work->window, work->onset);
    if (suspect->known && suspect->known->kind == TARGET_STORE)
        return false;
    if (culprit_has_ended(row) && suspect->known)
        return true;
    return (suspect->grows[GROWER_BYTES] || suspect->grows[GROWER_HANDLES]) &&
           (!is_later || (culprit_of_store(work) && culprit_leaks_on(work, row)));
}

static void know_too(struct culprit_known *known, const struct culprit_known *its)
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++)
        if (its->state[c] == VERDICT_UNBOUNDED)
            known->state[c] = VERDICT_UNBOUNDED;
        else if (known->state[c] != VERDICT_UNBOUNDED && its->state[c] != known->state[c])
            known->state[c] = VERDICT_LEARNING;
    known->lacks_fix |= its->lacks_fix;
}

static void begin(struct culprit_program *program, const struct suspect *first)
{
    *program = (struct culprit_program){.first = first};
    program->known = first->known ? *first->known : (struct culprit_known){.kind = TARGET_DISCOVERED};
    program->is_known = first->known != NULL;
}

static void join(struct culprit_program *program, const struct suspect *next)
{
    program->rows[program->count++] = next->row;
    program->ended += culprit_has_ended(next->row) ? 1 : 0;
    if (next->known)
        know_too(&program->known, next->known);
}

static bool has_another(const struct culprit_work *work, const struct suspect *suspects, size_t count,
                        size_t i)
{
    for (size_t k = i + 1; k < count; k++)
        if (may_belong(work, &suspects[k]) && culprit_same_program(&suspects[i], &suspects[k]))
            return true;
    return false;
}

/* ---- added up ---- */

/* One column of one that was begun, or has ended, within the window: what it added to what the store holds. What its
 * own warm-up adds to it is not known. */
struct part {
    int64_t settled_mono_ms; /* from here on what it has beyond `base`; INT64_MIN: it was there all along */
    double base, last;       /* what it had then, and at its end */
};

static struct part part_of(const struct culprit_work *work, const struct grower *row,
                           enum grower_column column)
{
    struct part part = {.settled_mono_ms = INT64_MIN, .base = 0, .last = NAN};
    if (culprit_of_store(work) && row->born_mono_ms > growers_time(work->growers, &work->window, 0)) {
        part.settled_mono_ms = row->born_mono_ms + work->question->warm_up_ms;
        part.base = NAN;
    }
    for (size_t i = 0; i < work->window.count; i++) {
        double value = growers_value(row, &work->window, column, i);
        if (isnan(value))
            continue;
        part.last = value;
        if (isnan(part.base) && growers_time(work->growers, &work->window, i) >= part.settled_mono_ms)
            part.base = value;
    }
    if (isnan(part.base)) /* it ended in its warm-up */
        part.base = part.last;
    return part;
}

/* Slots of all levels, as rings have them. */
static void add_column(const struct culprit_work *work, const struct grower *row, enum grower_column column,
                       struct grower *sum)
{
    const struct part part = part_of(work, row, column);
    const struct growers *growers = work->growers;
    int64_t number = growers->slot - 1, width_ms = growers->slot_ms;
    for (size_t k = 0; k < GROWERS_LEVELS; k++) {
        for (int64_t b = number; b >= 0 && b > number - GROWERS_SLOTS; b--) {
            const int64_t at_mono_ms = growers->origin_mono_ms + b * width_ms + width_ms / 2;
            const bool is_later = part.settled_mono_ms != INT64_MIN;
            double added = (double)row->value[k][b % GROWERS_SLOTS][column] - part.base;
            if (at_mono_ms >= sum->ended_mono_ms || (is_later && at_mono_ms < part.settled_mono_ms))
                added = is_later && at_mono_ms < row->born_mono_ms ? 0 : (double)NAN;
            else if (at_mono_ms >= row->ended_mono_ms)
                added = part.last - part.base;
            sum->value[k][b % GROWERS_SLOTS][column] += (float)added;
        }
        number /= GROWERS_FACTOR;
        width_ms *= GROWERS_FACTOR;
    }
}

/* What is not known of one is not known of all. */
static void add_up(const struct culprit_work *work, struct culprit_program *program)
{
    struct grower *sum = &program->sum;
    *sum = *program->rows[0];
    memset(sum->value, 0, sizeof sum->value);
    for (size_t r = 1; r < program->count; r++) {
        const struct grower *row = program->rows[r];
        sum->born_mono_ms = row->born_mono_ms < sum->born_mono_ms ? row->born_mono_ms : sum->born_mono_ms;
        sum->ended_mono_ms =
            row->ended_mono_ms > sum->ended_mono_ms ? row->ended_mono_ms : sum->ended_mono_ms;
    }
    for (size_t r = 0; r < program->count; r++)
        for (size_t c = 0; c < GROWER_COLUMNS; c++)
            add_column(work, program->rows[r], (enum grower_column)c, sum);
}

void culprit_programs_make(struct culprit_work *work, const struct suspect *suspects, size_t count)
{
    work->program_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        if (!may_belong(work, &suspects[i]))
            continue;
        while (p < work->program_count && !culprit_same_program(work->programs[p].first, &suspects[i]))
            p++;
        if (p == work->program_count) {
            if (p == CULPRIT_PROGRAMS_MAX || !has_another(work, suspects, count, i))
                continue;
            begin(&work->programs[work->program_count++], &suspects[i]);
        }
        join(&work->programs[p], &suspects[i]);
    }
    for (size_t p = 0; p < work->program_count; p++)
        add_up(work, &work->programs[p]);
}

bool culprit_program_grows(const struct culprit_program *program, const struct suspect *suspects,
                           size_t count)
{
    size_t all = 0;
    for (size_t i = 0; i < count; i++)
        all += culprit_same_program(program->first, &suspects[i]) ? 1 : 0;
    return (double)program->count >= GROW_PART * (double)all;
}

static bool has(const struct culprit_program *program, const struct grower *row)
{
    for (size_t i = 0; i < program->count; i++)
        if (program->rows[i] == row)
            return true;
    return false;
}

/* ---- does it explain the growth better than one of them? ---- */

/* Odds have a largest value; how far both are in step tells beyond it, of those that were there at the same time. The
 * best of several onsets agrees well by chance, as often better as there are several. */
static bool is_better(const struct suspect *whole, const struct suspect *best, enum grower_column column)
{
    const bool has_successor = culprit_has_ended(best->row) && !culprit_has_ended(whole->row);
    if (best->rise[column] >= ONE_OF_IT * whole->rise[column] && !has_successor)
        return false;
    const double chosen_of = (double)whole->program->count;
    if (!isnan(whole->share))
        return whole->score >= best->score;
    return whole->odds * chosen_of >= best->odds &&
           (whole->step.z > best->step.z || whole->program->ended > 0);
}

/* The pid that is told is that of one who is there, when one of them is. */
static bool is_told_before(const struct suspect *a, const struct suspect *b, enum grower_column column)
{
    return culprit_has_ended(a->row) != culprit_has_ended(b->row) ? culprit_has_ended(b->row)
                                                                  : a->rise[column] > b->rise[column];
}

bool culprit_program_stands(const struct culprit_program *program, struct suspect *whole,
                            struct suspect *suspects, size_t count)
{
    enum grower_column column = isnan(whole->share) ? whole->step.own : GROWER_BYTES;
    const struct suspect *best = NULL, *largest = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct suspect *one = &suspects[i];
        if (!has(program, one->row))
            continue;
        if (!best || (isnan(whole->share) ? one->odds > best->odds : one->share > best->share))
            best = one;
        if (!largest || is_told_before(one, largest, column))
            largest = one;
    }
    if (!best || !is_better(whole, best, column))
        return false;
    whole->process = largest->row->process;
    for (size_t i = 0; i < count; i++)
        if (has(program, suspects[i].row))
            suspects[i].odds = suspects[i].score = 0;
    return true;
}

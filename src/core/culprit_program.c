/* culprit_program.c - the processes of one program as one suspect. See culprit.h.
 *
 * What a program leaks in each call it leaks in each of its processes: a client that runs as six agents, the
 * worker processes of a web server. Each has a sixth of the growth then, or is in step with a sixth of it, and
 * none stands out. So those of one program (the same image, and registered as the same client or not at all)
 * that grow are added up to one row, which is asked as any other. It takes their place when it explains the
 * growth better than the best of them does: that one of many leaks is the more usual case. */
#include "culprit_internal.h"

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

/* One that began later adds its level to the sum as if that were growth. */
static bool may_belong(const struct culprit_work *work, const struct suspect *suspect)
{
    return (suspect->grows[GROWER_BYTES] || suspect->grows[GROWER_HANDLES]) &&
           !(suspect->known && suspect->known->kind == TARGET_STORE) &&
           suspect->row->born_mono_ms <= growers_time(work->growers, &work->window, work->onset);
}

static void know_too(struct culprit_known *known, const struct culprit_known *its)
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        if (its->state[c] == VERDICT_UNBOUNDED)
            known->state[c] = VERDICT_UNBOUNDED;
        else if (known->state[c] != VERDICT_UNBOUNDED && its->state[c] != known->state[c])
            known->state[c] = VERDICT_LEARNING;
    }
    known->lacks_fix |= its->lacks_fix;
}

static void begin(struct culprit_program *program, const struct suspect *first)
{
    program->sum = *first->row;
    program->count = 1;
    program->first = first;
    program->rows[0] = first->row;
    program->known = first->known ? *first->known : (struct culprit_known){.kind = TARGET_DISCOVERED};
    program->is_known = first->known != NULL;
}

/* What is not known of one is not known of all. */
static void join(struct culprit_program *program, const struct suspect *next)
{
    struct grower *sum = &program->sum;
    for (size_t k = 0; k < GROWERS_LEVELS; k++)
        for (size_t i = 0; i < GROWERS_SLOTS; i++)
            for (size_t c = 0; c < GROWER_COLUMNS; c++)
                sum->value[k][i][c] += next->row->value[k][i][c];
    if (next->row->born_mono_ms > sum->born_mono_ms)
        sum->born_mono_ms = next->row->born_mono_ms;
    program->rows[program->count++] = next->row;
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

void culprit_programs_make(struct culprit_work *work, const struct suspect *suspects, size_t count)
{
    work->program_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t p = 0;
        if (!may_belong(work, &suspects[i]))
            continue;
        while (p < work->program_count && !culprit_same_program(work->programs[p].first, &suspects[i]))
            p++;
        if (p < work->program_count)
            join(&work->programs[p], &suspects[i]);
        else if (p < CULPRIT_PROGRAMS_MAX && has_another(work, suspects, count, i))
            begin(&work->programs[work->program_count++], &suspects[i]);
    }
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

/* Odds have a largest value; how far both are in step tells beyond it. The best of several onsets agrees well by
 * chance, as often better as there are several. */
static bool is_better(const struct suspect *whole, const struct suspect *best, enum grower_column column)
{
    if (best->rise[column] >= ONE_OF_IT * whole->rise[column])
        return false;
    const double chosen_of = (double)whole->program->count;
    return isnan(whole->share) ? whole->odds * chosen_of >= best->odds && whole->step.z > best->step.z
                               : whole->score >= best->score;
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
        if (!largest || one->rise[column] > largest->rise[column])
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

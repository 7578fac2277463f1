/* culprit_known.c - what the watch knows of the processes that may be the culprit. See culprit.h. */
#include "storewatch/culprit.h"

static void know(const struct watch *watch, const struct watched *item, struct culprit_known *known)
{
    static const enum metric metrics[GROWER_COLUMNS] = {METRIC_PRIVATE_BYTES, METRIC_HANDLES};
    const struct found_client *found = watch_found(watch, item->process);
    struct defect_finding finding;
    size_t index;
    *known = (struct culprit_known){.process = item->process, .kind = item->kind};
    text_copy(known->target, sizeof known->target, item->target);
    text_copy(known->service, sizeof known->service, item->service);
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        struct verdict verdict;
        detector_verdict(item->detectors[metrics[c]], &verdict);
        known->state[c] = verdict.state;
        known->shape[c] = verdict.shape;
    }
    known->lacks_fix =
        found && defect_judge_all(&found->dlls, &index, &finding) && finding.fix == FIX_MISSING;
}

void culprit_note_ended(struct culprit_ended *ended, const struct growers *growers, const struct watch *watch)
{
    for (size_t i = 0; i < watch->count; i++) {
        const struct watched *item = &watch->items[i];
        for (size_t k = 0; !item->present && k < growers->ended_count; k++)
            if (process_id_equal(growers->ended[k].process, item->process) &&
                !process_id_equal(ended->items[k].process, item->process))
                know(watch, item, &ended->items[k]);
    }
}

size_t culprit_known_of(const struct watch *watch, const struct culprit_ended *ended,
                        struct culprit_known out_known[CULPRIT_KNOWN_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++)
        if (watch->items[i].kind != TARGET_HOST && watch->items[i].present)
            know(watch, &watch->items[i], &out_known[count++]);
    for (size_t k = 0; k < GROWERS_ENDED_MAX; k++)
        if (ended->items[k].process.pid)
            out_known[count++] = ended->items[k];
    return count;
}

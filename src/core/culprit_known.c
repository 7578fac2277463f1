/* culprit_known.c - what the watch knows of the processes that may be the culprit. See culprit.h. */
#include "storewatch/culprit.h"

size_t culprit_known_of(const struct watch *watch, struct culprit_known out_known[WATCHED_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++) {
        const struct watched *item = &watch->items[i];
        if (item->kind == TARGET_HOST || !item->present)
            continue;
        struct culprit_known *known = &out_known[count++];
        *known = (struct culprit_known){.process = item->process, .kind = item->kind};
        text_copy(known->target, sizeof known->target, item->target);
        text_copy(known->service, sizeof known->service, item->service);
        static const enum metric metrics[GROWER_COLUMNS] = {METRIC_PRIVATE_BYTES, METRIC_HANDLES};
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            struct verdict verdict;
            detector_verdict(item->detectors[metrics[c]], &verdict);
            known->state[c] = verdict.state;
            known->shape[c] = verdict.shape;
        }
        const struct found_client *found = watch_found(watch, item->process);
        struct defect_finding finding;
        size_t index;
        known->lacks_fix =
            found && defect_judge_all(&found->dlls, &index, &finding) && finding.fix == FIX_MISSING;
    }
    return count;
}

/* culprit_words.c - a ranking in words: who, how surely, and what speaks for and against. See culprit.h. */
#include "culprit_internal.h"

#include "storewatch/units.h"

#include <stdio.h>
#include <string.h>

/* Who was seen for less of the growth than this was not there at its begin. */
#define SEEN_MOST 0.9

const char *culprit_confidence_name(enum culprit_confidence confidence)
{
    static const char *const names[] = {"nobody stands out", "possible", "likely", "nearly certain"};
    return names[confidence];
}

const char *culprit_doubt_name(enum culprit_doubt doubt)
{
    static const char *const names[CULPRIT_DOUBT_COUNT] = {
#define CULPRIT_DOUBT_NAME(name, text) text,
        CULPRIT_DOUBT_LIST(CULPRIT_DOUBT_NAME)
#undef CULPRIT_DOUBT_NAME
    };
    return names[doubt];
}

bool culprit_is_gone(const struct culprit *culprit)
{
    return culprit->ended_count > 0 && culprit->ended_count == culprit->process_count;
}

bool culprit_is_part(const struct culprit_ranking *ranking)
{
    return ranking->count > 0 && ranking->together == 0 && ranking->items[0].share < 0.5;
}

void text_add_culprit_pids(struct text *text, const struct culprit *culprit)
{
    const size_t others = culprit->process_count > 1 ? culprit->process_count - 1 : 0;
    text_add(text, "pid %u", (unsigned)culprit->process.pid);
    if (others > 0 && culprit->ended_count == others)
        text_add(text, " and %zu before it", others);
    else if (others > 0)
        text_add(text, others == 1 ? " and another" : " and others");
}

void text_add_culprit(struct text *text, const struct culprit *culprit)
{
    const bool several = culprit->process_count > 1;
    if (several)
        text_add(text, "%zu %sprocesses ", culprit->process_count, culprit->watched ? "" : "unregistered ");
    else if (!culprit->watched)
        text_add(text, "an unregistered process ");
    text_add(text, "%s (", culprit->image[0] ? culprit->image : "a process");
    text_add_culprit_pids(text, culprit);
    if (culprit->watched && culprit->kind == TARGET_STORE)
        text_add(text, ", the Information Store");
    else if (culprit->watched && culprit->kind == TARGET_CLIENT)
        text_add(text, ", the client \"%s\"", culprit->target);
    else if (culprit->watched)
        text_add(text, ", a MAPI client that is not registered");
    text_add(text, culprit_is_gone(culprit) ? ", which %s ended)" : ")", several ? "have" : "has");
}

static int percent(double part)
{
    return (int)lround(100 * part);
}

void text_add_culprit_share(struct text *text, const struct culprit *culprit)
{
    int share = percent(culprit->share), low = percent(culprit->share_low);
    if (share > 100) { /* the others gave back */
        text_add(text, "all of it");
        return;
    }
    int high = percent(culprit->share_high);
    text_add(text, "%d %% (%d to %d %%)", share, low > 0 ? low : 0, high < 100 ? high : 100);
}

static const char *they_or_it(const struct culprit *culprit)
{
    return culprit->process_count > 1 ? "they" : "it";
}

static int64_t time_of(const struct culprit_ranking *ranking)
{
    return ranking->to_mono_ms - ranking->from_mono_ms;
}

/* Was it not there at the begin of the growth? */
static bool is_later(const struct culprit_ranking *ranking, const struct culprit *culprit)
{
    return (double)culprit->seen_ms < SEEN_MOST * (double)time_of(ranking);
}

/* " in the same 1 d 16 h", or " in the last 23 h of 1 d 16 h" of one that came later, or " in 9 h 20 min and ended
 * 2 h ago". */
static void add_time(struct text *text, const struct culprit_ranking *ranking, const struct culprit *culprit)
{
    if (culprit_is_gone(culprit)) {
        text_add(text, " in ");
        text_add_duration(text, culprit->seen_ms);
        text_add(text, culprit->ended_ms < MS_PER_MINUTE ? " and ended just now" : " and ended ");
        if (culprit->ended_ms >= MS_PER_MINUTE) {
            text_add_duration(text, culprit->ended_ms);
            text_add(text, " ago");
        }
        return;
    }
    const bool later = is_later(ranking, culprit);
    text_add(text, later ? " in the last " : " in the same ");
    if (later) {
        text_add_duration(text, culprit->seen_ms);
        text_add(text, " of ");
    }
    text_add_duration(text, time_of(ranking));
}

static void add_evidence(struct text *text, const struct culprit_ranking *ranking,
                         const struct culprit *culprit)
{
    bool handles = culprit->slope_per_hour[GROWER_HANDLES] > 0;
    text_add(text, "%s grew ", they_or_it(culprit));
    text_add_quantity(text, handles ? UNIT_HANDLES : UNIT_BYTES,
                      culprit->growth[handles ? GROWER_HANDLES : GROWER_BYTES]);
    add_time(text, ranking, culprit);
    if (culprit->lead_ms != INT64_MIN) {
        bool apart = culprit->lead_low_ms > 0 || culprit->lead_high_ms < 0;
        text_add(text, ", beginning ");
        if (apart) {
            text_add_duration(text, culprit->lead_ms < 0 ? -culprit->lead_ms : culprit->lead_ms);
            text_add(text, culprit->lead_ms < 0 ? " later" : " earlier");
        } else {
            text_add(text, "at the same time");
        }
    }
    if (culprit->in_step > 0.3)
        text_add(text, ", in step with it (correlation of the increments %.2f)", culprit->in_step);
    if (!isnan(culprit->bytes_a_handle)) {
        text_add(text, ", ");
        text_add_quantity(text, UNIT_BYTES, culprit->bytes_a_handle);
        text_add(text, " for each handle");
    }
}

static void add_case(struct text *text, const struct culprit_ranking *ranking, const struct culprit *culprit)
{
    text_add_culprit(text, culprit);
    text_add(text, ": ");
    if (isnan(culprit->share)) {
        add_evidence(text, ranking, culprit);
        return;
    }
    text_add(text, "%s grew ", they_or_it(culprit));
    text_add_quantity(text, UNIT_BYTES, culprit->growth[GROWER_BYTES]);
    add_time(text, ranking, culprit);
    text_add(text, ", ");
    if (percent(culprit->share) <= 100)
        text_add_culprit_share(text, culprit);
    else
        text_add(text, "all");
    text_add(text, " of the growth");
}

static void add_doubts(struct text *text, const struct culprit *culprit, const char *who)
{
    char separator[PROCESS_IMAGE_MAX + 32];
    snprintf(separator, sizeof separator, "; but %s ", who);
    for (size_t d = 0; d < CULPRIT_DOUBT_COUNT; d++) {
        if (!(culprit->doubts >> d & 1u))
            continue;
        text_add(text, "%s%s", d == CULPRIT_DOUBT_LOAD ? "; and " : separator,
                 culprit_doubt_name((enum culprit_doubt)d));
        snprintf(separator, sizeof separator, ", it ");
    }
}

/* Of one of those named together. */
static void add_doubts_of_one(struct text *text, const struct culprit_ranking *ranking, size_t one)
{
    const struct culprit *culprit = &ranking->items[one];
    char storage[PROCESS_IMAGE_MAX + 24];
    struct text who = text_on(storage, sizeof storage);
    text_add(&who, "%s", culprit->image);
    for (size_t i = 0; i < ranking->together; i++)
        if (i != one && text_equal_nocase(ranking->items[i].image, culprit->image)) {
            text_add(&who, " (pid %u)", (unsigned)culprit->process.pid);
            break;
        }
    add_doubts(text, culprit, storage);
}

static void add_growth(struct text *text, const struct culprit *culprit)
{
    /* Of the store's or the pools' growth it is the handles that tell; of commit, bytes. */
    bool handles =
        (isnan(culprit->share) || !isnan(culprit->in_step)) && culprit->slope_per_hour[GROWER_HANDLES] > 0;
    text_add_quantity(text, handles ? UNIT_HANDLES : UNIT_BYTES,
                      culprit->growth[handles ? GROWER_HANDLES : GROWER_BYTES]);
}

/* "BESAgent.exe (...) with about 60 % and Fax.exe (...) with about 30 % together: they grew ..." */
static void add_together(struct text *text, const struct culprit_ranking *ranking)
{
    size_t count = ranking->together;
    for (size_t i = 0; i < count; i++) {
        const struct culprit *culprit = &ranking->items[i];
        text_add(text, "%s", i == 0 ? "" : i + 1 < count ? ", " : ranking->either ? " or " : " and ");
        text_add_culprit(text, culprit);
        if (!isnan(culprit->share) && percent(culprit->share) > 100)
            text_add(text, " with all of it");
        else if (!isnan(culprit->share))
            text_add(text, " with about %d %%", percent(culprit->share));
    }
    text_add(text, ranking->either ? ", or both: they grew " : " together: they grew ");
    bool some_later = false;
    for (size_t i = 0; i < count; i++)
        some_later |= is_later(ranking, &ranking->items[i]);
    for (size_t i = 0; i < count; i++) {
        text_add(text, "%s", i == 0 ? "" : i + 1 < count ? ", " : " and ");
        add_growth(text, &ranking->items[i]);
        if (some_later || i + 1 == count)
            add_time(text, ranking, &ranking->items[i]);
    }
    if (ranking->together_low > 1) {
        /* Of the machine's it is known why they can have grown by more than that. */
        text_add(text, ", together all of the growth%s",
                 ranking->metric == METRIC_COMMIT ? " and what others gave back" : "");
    } else if (!isnan(ranking->together_share)) {
        int low = percent(ranking->together_low), high = percent(ranking->together_high);
        text_add(text, ", together %d to %d %% of the growth", low > 0 ? low : 0, high < 100 ? high : 100);
    } else {
        text_add(text, "%s",
                 ranking->either ? ", so much alike that they cannot be told apart"
                                 : ", each in step with it by itself; the parts cannot be told");
    }
    for (size_t i = 0; i < count; i++)
        add_doubts_of_one(text, ranking, i);
    text_add(text, ".");
}

/* Of a sum: what those that were seen to grow do not account for together. Of one that was not seen at its
 * begin nothing is known. */
static void add_rest(struct text *text, const struct culprit_ranking *ranking)
{
    if (isnan(ranking->explained) || ranking->explained > 0.6)
        return;
    text_add(text, " Those that were seen to grow account for %d %%", percent(fmax(0, ranking->explained)));
    if (ranking->pool_share > 0.2)
        text_add(text, ", the kernel's pools for %d %%: a driver, or handles",
                 percent(fmin(1, ranking->pool_share)));
    text_add(text, ".");
}

/* Who is named for a part is so because of how it grew; that another took more does not make it the cause. */
static void add_larger_part(struct text *text, const struct culprit_ranking *ranking)
{
    for (size_t i = 1; i < ranking->count && culprit_is_part(ranking); i++) {
        const struct culprit *other = &ranking->items[i];
        const bool is_store = other->watched && other->kind == TARGET_STORE;
        if ((other->confidence < CULPRIT_POSSIBLE && !is_store) || !(other->share > ranking->items[0].share))
            continue;
        text_add(text, " A larger part, %d %%, is that of %s, %s.", percent(other->share), other->image,
                 is_store ? "which a client may make grow" : "possibly a cause, too");
        return;
    }
}

/* What cannot be known of the pools, and who can tell. */
static void add_unseen(struct text *text, const struct culprit_ranking *ranking)
{
    if ((ranking->metric != METRIC_PAGED_POOL && ranking->metric != METRIC_NONPAGED_POOL) ||
        culprit_is_named(ranking, 0))
        return;
    text_add(text,
             " Who holds it is unknown: what drivers take of the pool belongs to no process; poolmon (of the "
             "Windows support tools) shows it by tag.");
}

static void add_words(struct text *text, const struct culprit_ranking *ranking, enum culprit_outcome outcome)
{
    static const char *const begins[] = {"Nobody stands out; the first would be ", "Possibly ", "Likely ",
                                         "Nearly certainly "};
    if (outcome == CULPRIT_TOO_SHORT) {
        text_add(text, "Nobody can be named yet: too little was seen of this growth.");
        return;
    }
    if (outcome == CULPRIT_NO_GROWTH || ranking->count == 0) {
        text_add(text, outcome == CULPRIT_NO_GROWTH
                           ? "Nobody can be named yet: what of this growth shows above its own swings is too "
                             "little to compare anybody with."
                           : "Nobody stands out: no process that runs now grew with it.");
        add_rest(text, ranking);
        if (outcome == CULPRIT_RANKED)
            add_unseen(text, ranking);
        return;
    }
    const struct culprit *first = &ranking->items[0];
    if (ranking->together) {
        text_add(text, "%s", begins[ranking->together_confidence]);
        add_together(text, ranking);
    } else {
        if (culprit_is_part(ranking) && first->confidence > CULPRIT_NOBODY)
            text_add(text, "A part of it: ");
        text_add(text, "%s", begins[first->confidence]);
        add_case(text, ranking, first);
        add_doubts(text, first, first->process_count > 1 ? first->image : "it");
        text_add(text, ".");
        add_larger_part(text, ranking);
    }
    add_rest(text, ranking);
    add_unseen(text, ranking);
    if (ranking->with_load && first->confidence < CULPRIT_LIKELY)
        text_add(text, " Many processes grew at the time: it may be the load.");
}

void culprit_add_words(struct culprit_ranking *ranking, enum culprit_outcome outcome)
{
    struct text text = text_on(ranking->words, sizeof ranking->words);
    add_words(&text, ranking, outcome);
    text_tell_cut(&text);
}

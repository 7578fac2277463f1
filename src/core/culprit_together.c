/* culprit_together.c - when it takes more than one: processes that explain a growth together. See culprit.h.
 *
 * Of a sum: two with 55 and 34 % are no crowd of which each has a little. The few largest whose common share
 * is at least SET_SHARE are a set, and of a set each needs only its part of what one alone would need.
 *
 * Of what is accounted to nobody: pairs are hypotheses beside the single ones and nobody. The second of a
 * pair has to be in step with what the first leaves over (culprit_step_odds_beside); who only moves as the
 * culprit does adds nothing to it. */
#include "culprit_internal.h"

#include <string.h>

/* Twice the share that makes one alone material. */
#define SET_SHARE (2 * CULPRIT_MATERIAL_SHARE)
/* Pairs are looked for among so many, the best ones, and these odds of being in step with what the other
 * leaves over are chance: they come by twice in a hundred pairs. */
#define PAIRED_MAX 6
#define SECOND_ODDS 2
/* Beside one that is named the store's growth is its cache, or that one's doing. */
#define KEEPS_STORE_BESIDE 0.57
/* A regression's shares are told when they are known so well (half an interval), from so many points. */
#define ESTIMATE_KNOWN 0.3
#define ESTIMATE_POINTS_MIN 24
#define ESTIMATE_PARTS 8

double culprit_normal_below(double z)
{
    return 0.5 * erfc(-z / sqrt(2));
}

static bool is_store(const struct suspect *suspect)
{
    return suspect->known && suspect->known->kind == TARGET_STORE;
}

/* ---- of a sum ---- */

double culprit_share_sigma(const struct culprit_work *work, const struct suspect *const *members,
                           size_t count, double share, double whole_rise)
{
    double rest[GROWERS_SLOTS], sorted[GROWERS_SLOTS];
    size_t n = 0;
    for (size_t i = work->onset; i < work->window.count; i++) {
        double left = -share * growers_value(work->whole, &work->window, work->column, i);
        for (size_t k = 0; k < count; k++)
            left += growers_value(members[k]->row, &work->window, GROWER_BYTES, i);
        if (!isnan(left))
            rest[n++] = left;
    }
    memcpy(sorted, rest, n * sizeof sorted[0]);
    double middle = trend_median(sorted, n);
    for (size_t i = 0; i < n; i++)
        rest[i] = fabs(rest[i] - middle);
    /* 1.4826: the median deviation in sigmas of a normal distribution. */
    double sigma = sqrt(2) * 1.4826 * trend_median(rest, n) / whole_rise;
    return sigma > CULPRIT_SHARE_SIGMA_MIN ? sigma : CULPRIT_SHARE_SIGMA_MIN;
}

static bool may_join(const struct suspect *suspect)
{
    unsigned alone = 1u << CULPRIT_DOUBT_WAS_THERE | 1u << CULPRIT_DOUBT_LOAD | 1u << CULPRIT_DOUBT_NEW;
    return suspect->score > 0 && !(suspect->doubts & alone);
}

static double sum_of_shares(const struct suspect *const *members, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += members[k]->share;
    return sum;
}

/* The largest shares first. */
static size_t largest(struct suspect *suspects, size_t count, struct suspect *out[CULPRIT_SET_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = found;
        if (!may_join(&suspects[i]))
            continue;
        while (at > 0 && out[at - 1]->share < suspects[i].share)
            at--;
        if (at == CULPRIT_SET_MAX)
            continue;
        found += found < CULPRIT_SET_MAX ? 1 : 0;
        for (size_t k = found - 1; k > at; k--)
            out[k] = out[k - 1];
        out[at] = &suspects[i];
    }
    return found;
}

void culprit_together_share(const struct culprit_work *work, double whole_rise, struct suspect *suspects,
                            size_t count)
{
    struct suspect *members[CULPRIT_SET_MAX];
    size_t most = work->with_load ? 0 : largest(suspects, count, members);
    for (size_t k = 2; k <= most; k++) {
        double share = sum_of_shares((const struct suspect *const *)members, k);
        if (share < SET_SHARE)
            continue;
        double sigma =
            culprit_share_sigma(work, (const struct suspect *const *)members, k, share, whole_rise);
        double explains = culprit_normal_below((share - SET_SHARE) / sigma);
        for (size_t i = 0; i < k; i++) {
            double part = CULPRIT_MATERIAL_SHARE / (double)k;
            double its = culprit_normal_below((members[i]->share - part) / members[i]->sigma);
            members[i]->score = fmax(members[i]->score, explains * its * members[i]->kept);
        }
        break;
    }
    const struct suspect *named = NULL;
    for (size_t i = 0; i < count; i++)
        if (!is_store(&suspects[i]) && suspects[i].score >= CULPRIT_SCORE_LIKELY)
            named = &suspects[i];
    for (size_t i = 0; i < count && named; i++)
        if (is_store(&suspects[i]))
            suspects[i].score *= KEEPS_STORE_BESIDE;
}

/* ---- of what is accounted to nobody ---- */

/* Odds of the second of a pair, by what it adds to the first; 0 when it adds nothing. */
static double odds_beside(const struct culprit_work *work, const struct suspect *suspect,
                          const struct suspect *beside)
{
    double odds = culprit_step_odds_beside(work, suspect, beside);
    if (work->with_load)
        odds = fmin(odds, CULPRIT_LOAD_STEP_ODDS_MAX);
    /* A doubt counts twice: without this one the growth is explained already. */
    return odds > SECOND_ODDS ? suspect->odds * suspect->kept * odds / suspect->step_odds : 0;
}

static size_t most_odds(struct suspect *suspects, size_t count, struct suspect *out[PAIRED_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = found;
        if (!(suspects[i].odds > 0))
            continue;
        while (at > 0 && out[at - 1]->odds < suspects[i].odds)
            at--;
        if (at == PAIRED_MAX)
            continue;
        found += found < PAIRED_MAX ? 1 : 0;
        for (size_t k = found - 1; k > at; k--)
            out[k] = out[k - 1];
        out[at] = &suspects[i];
    }
    return found;
}

void culprit_together_odds(const struct culprit_work *work, struct suspect *suspects, size_t count)
{
    double all = 1;
    for (size_t i = 0; i < count; i++) {
        suspects[i].score = suspects[i].odds;
        all += suspects[i].odds;
    }
    struct suspect *best[PAIRED_MAX];
    size_t paired = most_odds(suspects, count, best);
    for (size_t i = 0; i < paired; i++)
        for (size_t j = i + 1; j < paired; j++) {
            /* Either order gives an estimate of the same thing: the more careful one counts. */
            double both = fmin(best[i]->odds * odds_beside(work, best[j], best[i]),
                               best[j]->odds * odds_beside(work, best[i], best[j]));
            best[i]->score += both;
            best[j]->score += both;
            all += both;
        }
    for (size_t i = 0; i < count; i++)
        suspects[i].score /= all;
}

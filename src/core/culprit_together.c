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
/* Pairs are looked for among so many, the best ones. Up to these odds of being in step with what the other
 * one leaves over it is chance (p about 0.07). */
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

static bool shares_more(const struct suspect *a, const struct suspect *b)
{
    return a->share > b->share;
}

static size_t largest(struct suspect *suspects, size_t count, struct suspect *out[CULPRIT_SET_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (may_join(&suspects[i]))
            culprit_insert(&suspects[i], shares_more, out, CULPRIT_SET_MAX, &found);
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

static bool has_more_odds(const struct suspect *a, const struct suspect *b)
{
    return a->odds > b->odds;
}

static size_t most_odds(struct suspect *suspects, size_t count, struct suspect *out[PAIRED_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        if (suspects[i].odds > 0)
            culprit_insert(&suspects[i], has_more_odds, out, PAIRED_MAX, &found);
    return found;
}

void culprit_together_odds(const struct culprit_work *work, struct suspect *suspects, size_t count,
                           double *out_either)
{
    double all = 1, both_first = 0;
    for (size_t i = 0; i < count; i++) {
        suspects[i].score = suspects[i].odds;
        all += suspects[i].odds;
    }
    struct suspect *best[PAIRED_MAX];
    double both[PAIRED_MAX][PAIRED_MAX] = {{0}};
    size_t paired = most_odds(suspects, count, best);
    for (size_t i = 0; i < paired; i++)
        for (size_t j = i + 1; j < paired; j++) {
            /* Either order gives an estimate of the same thing: the more careful one counts. */
            both[i][j] = fmin(best[i]->odds * odds_beside(work, best[j], best[i]),
                              best[j]->odds * odds_beside(work, best[i], best[j]));
            best[i]->score += both[i][j];
            best[j]->score += both[i][j];
            all += both[i][j];
        }
    for (size_t i = 0; i < count; i++)
        suspects[i].score /= all;
    for (size_t i = 0; i < paired; i++)
        for (size_t j = i + 1; j < paired; j++) {
            double sum = best[i]->score + best[j]->score;
            if (sum > both_first) {
                both_first = sum;
                *out_either = sum - both[i][j] / all;
            }
        }
}

/* ---- who is named together ---- */

struct joint {
    size_t n;
    double x[2][GROWERS_SLOTS], y[GROWERS_SLOTS];
};

/* Least squares of y on both and a constant, without the points [from, to). */
static bool slopes_of(const struct joint *joint, size_t from, size_t to, double out_slope[2])
{
    double n = 0, sx[2] = {0, 0}, sy = 0, sxx[2] = {0, 0}, sxy[2] = {0, 0}, cross = 0;
    for (size_t i = 0; i < joint->n; i++) {
        if (i >= from && i < to)
            continue;
        /* less the first point, so that squares of what is large do not swamp what is small */
        double y = joint->y[i] - joint->y[0], x[2];
        for (size_t k = 0; k < 2; k++) {
            x[k] = joint->x[k][i] - joint->x[k][0];
            sx[k] += x[k];
            sxx[k] += x[k] * x[k];
            sxy[k] += x[k] * y;
        }
        cross += x[0] * x[1];
        sy += y;
        n++;
    }
    for (size_t k = 0; k < 2; k++) {
        sxx[k] -= sx[k] * sx[k] / n;
        sxy[k] -= sx[k] * sy / n;
    }
    cross -= sx[0] * sx[1] / n;
    double determinant = sxx[0] * sxx[1] - cross * cross;
    if (!(determinant > 1e-9 * sxx[0] * sxx[1]))
        return false;
    out_slope[0] = (sxy[0] * sxx[1] - sxy[1] * cross) / determinant;
    out_slope[1] = (sxy[1] * sxx[0] - sxy[0] * cross) / determinant;
    return true;
}

/* Which part of the whole's growth each of the two explains, with the other one's taken into account. The
 * interval is that of a jackknife over ESTIMATE_PARTS parts of the time, as the points hang together. False
 * when that is not known well. */
static bool estimate(const struct culprit_work *work, double whole_rise, struct suspect *const two[2],
                     struct culprit_ranking *ranking)
{
    struct joint joint = {.n = 0};
    for (size_t i = work->onset; i < work->window.count; i++) {
        double y = growers_value(work->whole, &work->window, work->column, i), known = y;
        for (size_t k = 0; k < 2; k++) {
            size_t lag = two[k]->step.lag > 0 ? (size_t)two[k]->step.lag * work->block_slots : 0;
            joint.x[k][joint.n] =
                i >= lag ? growers_value(two[k]->row, &work->window, two[k]->step.own, i - lag) : NAN;
            known += joint.x[k][joint.n];
        }
        joint.y[joint.n] = y;
        joint.n += isnan(known) ? 0 : 1;
    }
    double slope[2], share[3], left_out[ESTIMATE_PARTS][3], sigma[3];
    if (joint.n < ESTIMATE_POINTS_MIN || !slopes_of(&joint, 0, 0, slope))
        return false;
    for (size_t k = 0; k < 2; k++)
        share[k] = slope[k] * two[k]->rise[two[k]->step.own] / whole_rise;
    share[2] = share[0] + share[1];
    for (size_t p = 0; p < ESTIMATE_PARTS; p++) {
        if (!slopes_of(&joint, p * joint.n / ESTIMATE_PARTS, (p + 1) * joint.n / ESTIMATE_PARTS, slope))
            return false;
        for (size_t k = 0; k < 2; k++)
            left_out[p][k] = slope[k] * two[k]->rise[two[k]->step.own] / whole_rise;
        left_out[p][2] = left_out[p][0] + left_out[p][1];
    }
    for (size_t k = 0; k < 3; k++) {
        double mean = 0, square = 0;
        for (size_t p = 0; p < ESTIMATE_PARTS; p++)
            mean += left_out[p][k] / ESTIMATE_PARTS;
        for (size_t p = 0; p < ESTIMATE_PARTS; p++)
            square += (left_out[p][k] - mean) * (left_out[p][k] - mean);
        sigma[k] = fmax(sqrt(square * (ESTIMATE_PARTS - 1) / ESTIMATE_PARTS), CULPRIT_SHARE_SIGMA_MIN);
        if (!(share[k] > 0) || !(CULPRIT_SIGMAS * sigma[k] < ESTIMATE_KNOWN))
            return false;
    }
    for (size_t k = 0; k < 2; k++) {
        two[k]->share = share[k];
        two[k]->sigma = sigma[k];
    }
    ranking->together_share = share[2];
    ranking->together_low = share[2] - CULPRIT_SIGMAS * sigma[2];
    ranking->together_high = share[2] + CULPRIT_SIGMAS * sigma[2];
    return true;
}

static void larger_first(struct suspect **members, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && members[k]->share > members[k - 1]->share; k--) {
            struct suspect *swap = members[k];
            members[k] = members[k - 1];
            members[k - 1] = swap;
        }
}

void culprit_together_name(const struct culprit_work *work, double either, double whole_rise,
                           struct suspect *listed[CULPRITS_LISTED], struct culprit_ranking *ranking)
{
    size_t named = 0;
    while (named < ranking->count && named < CULPRIT_SET_MAX && listed[named]->score >= CULPRIT_SCORE_LIKELY)
        named++;
    if (named == 0 && ranking->count > 1 && listed[1]->score >= CULPRIT_SCORE_POSSIBLE &&
        either >= CULPRIT_SCORE_LIKELY) {
        ranking->together = 2;
        ranking->either = true;
        ranking->together_confidence = culprit_confidence_of(either);
        return;
    }
    if (named < 2)
        return;
    ranking->together = named;
    ranking->together_confidence = culprit_confidence_of(listed[named - 1]->score);
    if (culprit_of_commit(work)) {
        const struct suspect *const *members = (const struct suspect *const *)listed;
        double share = sum_of_shares(members, named),
               sigma = culprit_share_sigma(work, members, named, share, whole_rise);
        ranking->together_share = share;
        ranking->together_low = share - CULPRIT_SIGMAS * sigma;
        ranking->together_high = share + CULPRIT_SIGMAS * sigma;
        larger_first(listed, named);
    } else if (named == 2 && estimate(work, whole_rise, listed, ranking)) {
        larger_first(listed, named);
    }
}

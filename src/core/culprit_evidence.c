/* culprit_evidence.c - what links two series that no sum joins: when each began, and whether they move in
 * step. See culprit.h. */
#include "culprit_internal.h"

#include "storewatch/trend.h"

#include <string.h>

#define ONSET_ODDS_MAX 15.0
#define ONSET_ODDS_MIN 0.05
#define ONSET_UNTOLD_ODDS 0.5 /* the store has an onset in the window, the process grew all along */
#define STEP_ODDS_MAX 1000.0
#define STEP_ODDS_NONE 0.5 /* steady leaks have no increments to compare: absence is weak evidence */
#define BLOCKS_MIN 12
#define LAG_BACK 1 /* blocks by which the effect may seem to come first: slots do not tell finer */
#define LAG_AHEAD 3

/* ---- onset: a broken line ---- */

/* Sum of squares about a + b max(0, t - t[k]), least squares. */
static double broken_line(const struct culprit_curve *curve, size_t k, double *out_slope)
{
    double n = (double)curve->n, sx = 0, sxx = 0, sy = 0, sxy = 0, syy = 0;
    double base = curve->v[0];
    for (size_t i = 0; i < curve->n; i++) {
        double x = i > k ? curve->t[i] - curve->t[k] : 0, y = curve->v[i] - base;
        sx += x;
        sxx += x * x;
        sy += y;
        sxy += x * y;
        syy += y * y;
    }
    double spread = sxx - sx * sx / n, covariance = sxy - sx * sy / n, all = syy - sy * sy / n;
    *out_slope = spread > 0 ? covariance / spread : 0;
    double rest = spread > 0 ? all - covariance * covariance / spread : all;
    return rest > 0 ? rest : 0;
}

/* How much the residuals about the best broken line hang together: these are fewer points than they seem. */
static double effective_count(const struct culprit_curve *curve, size_t k, double slope)
{
    double residue[GROWERS_SLOTS], mean = 0, lagged = 0, square = 0;
    for (size_t i = 0; i < curve->n; i++) {
        residue[i] = curve->v[i] - slope * (i > k ? curve->t[i] - curve->t[k] : 0);
        mean += residue[i] / (double)curve->n;
    }
    for (size_t i = 0; i < curve->n; i++) {
        residue[i] -= mean;
        square += residue[i] * residue[i];
        lagged += i ? residue[i] * residue[i - 1] : 0;
    }
    double r = square > 0 ? lagged / square : 0;
    r = r < 0 ? 0 : r > 0.9 ? 0.9 : r;
    return (double)curve->n * (1 - r) / (1 + r);
}

/* 95 % of chi-squared with one degree of freedom: the likelihood profile of where the line breaks. */
#define CHI_SQUARED 3.84

struct culprit_onset culprit_onset_find(const double *t, const double *v, size_t n)
{
    struct culprit_curve curve = {.n = n < GROWERS_SLOTS ? n : GROWERS_SLOTS};
    struct culprit_onset onset = {.known = false};
    if (n < CULPRIT_POINTS_MIN)
        return onset;
    memcpy(curve.t, t, curve.n * sizeof t[0]);
    memcpy(curve.v, v, curve.n * sizeof v[0]);
    double rest[GROWERS_SLOTS], best_slope = 0;
    size_t best = 0, last = curve.n - 3;
    for (size_t k = 0; k < last; k++) {
        double slope;
        rest[k] = broken_line(&curve, k, &slope);
        if (k == 0 || rest[k] < rest[best]) {
            best = k;
            best_slope = slope;
        }
    }
    double worth = effective_count(&curve, best, best_slope) - 3;
    double bound = rest[best] * (1 + CHI_SQUARED / (worth > 1 ? worth : 1));
    size_t low = best, high = best;
    while (low > 0 && rest[low - 1] <= bound)
        low--;
    while (high + 1 < last && rest[high + 1] <= bound)
        high++;
    double step = (curve.t[curve.n - 1] - curve.t[0]) / (double)(curve.n - 1);
    /* A break at the very begin is none that was seen. */
    onset.known = low > 0 && best_slope > 0;
    onset.at = curve.t[best];
    onset.low = curve.t[low] - step / 2;
    onset.high = curve.t[high] + step / 2;
    return onset;
}

/* ---- in step ---- */

static double block_level(const struct culprit_work *work, const struct grower *row,
                          enum grower_column column, size_t block)
{
    double in_block[GROWERS_SLOTS];
    size_t n = 0;
    for (size_t i = 0; i < work->block_slots; i++) {
        size_t slot = work->onset + block * work->block_slots + i;
        double value = growers_value(row, &work->window, column, slot);
        if (!isnan(value))
            in_block[n++] = value;
    }
    return n ? trend_median(in_block, n) : NAN;
}

/* Average ranks of the increments, centred; NAN where either block is not known. Returns how many are. */
static size_t increments(const struct culprit_work *work, const struct grower *row, enum grower_column column,
                         double out_rank[CULPRIT_BLOCKS_MAX])
{
    double step[CULPRIT_BLOCKS_MAX];
    double before = work->blocks ? block_level(work, row, column, 0) : NAN;
    size_t known = 0;
    for (size_t b = 0; b + 1 < work->blocks; b++) {
        double after = block_level(work, row, column, b + 1);
        step[b] = after - before;
        known += isnan(step[b]) ? 0 : 1;
        before = after;
    }
    double middle = ((double)known - 1) / 2;
    for (size_t b = 0; b + 1 < work->blocks; b++) {
        double below = 0, equal = 0;
        for (size_t c = 0; c + 1 < work->blocks; c++) {
            below += step[c] < step[b];
            equal += step[c] == step[b];
        }
        out_rank[b] = isnan(step[b]) ? NAN : below + (equal - 1) / 2 - middle;
    }
    return known;
}

/* Pearson's of a[i] and b[i + lag] over what is known of both, and how many pairs that are. */
static double correlation(const double *a, const double *b, size_t n, int lag, size_t *out_pairs)
{
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0, pairs = 0;
    for (size_t i = 0; i < n; i++) {
        long j = (long)i + lag;
        if (j < 0 || j >= (long)n || isnan(a[i]) || isnan(b[j]))
            continue;
        sa += a[i];
        sb += b[j];
        saa += a[i] * a[i];
        sbb += b[j] * b[j];
        sab += a[i] * b[j];
        pairs++;
    }
    *out_pairs = (size_t)pairs;
    if (pairs < 2)
        return 0;
    double va = saa - sa * sa / pairs, vb = sbb - sb * sb / pairs;
    return va > 0 && vb > 0 ? (sab - sa * sb / pairs) / sqrt(va * vb) : 0;
}

/* Pairs of series that each hang together are worth fewer (M. S. Bartlett 1935). */
static double effective_pairs(const double *a, const double *b, size_t n, size_t pairs)
{
    size_t ignored;
    double r = correlation(a, a, n, 1, &ignored) * correlation(b, b, n, 1, &ignored);
    return r > 0 ? (double)pairs * (1 - r) / (1 + r) : (double)pairs;
}

static double partial(double ab, double ac, double bc)
{
    double rest = (1 - ac * ac) * (1 - bc * bc);
    return rest > 1e-6 ? (ab - ac * bc) / sqrt(rest) : 0;
}

/* What all processes but these two have in common: the sum of the ranks of their increments. */
static void others_make(const struct culprit_work *work, const struct grower *row,
                        double out_sum[CULPRIT_BLOCKS_MAX])
{
    const struct grower *apart[] = {row, work->whole == &work->growers->pools ? NULL : work->whole};
    memcpy(out_sum, work->common, sizeof work->common);
    for (size_t i = 0; i < ARRAY_COUNT(apart) && apart[i]; i++)
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double rank[CULPRIT_BLOCKS_MAX];
            increments(work, apart[i], (enum grower_column)c, rank);
            for (size_t b = 0; b + 1 < work->blocks; b++)
                out_sum[b] -= isnan(rank[b]) ? 0 : rank[b];
        }
}

/* The best of the lags for one column of each. */
static void try_lags(const double *own, const double *whole, const double *others, size_t steps,
                     struct culprit_step *found)
{
    for (int lag = -LAG_BACK; lag <= LAG_AHEAD; lag++) {
        size_t pairs, ignored;
        double with_whole = correlation(own, whole, steps, lag, &pairs);
        double r = partial(with_whole, correlation(own, others, steps, lag, &ignored),
                           correlation(whole, others, steps, 0, &ignored));
        found->tried++;
        if (pairs < BLOCKS_MIN - 2 || fabs(r) >= 1)
            continue;
        /* Fisher's z; 1.06 for ranks (E. C. Fieller, H. O. Hartley, E. S. Pearson 1957); one degree less for
         * what was taken out. */
        double worth = effective_pairs(own, whole, steps, pairs) - 4;
        double z = atanh(r) * sqrt((worth > 3 ? worth : 3) / 1.06);
        if (isnan(found->r) || z > found->z)
            *found = (struct culprit_step){.r = r, .z = z, .lag = lag, .tried = found->tried};
    }
}

/* A leak in the store may show in its bytes or its handles, and in those of the client. */
struct culprit_step culprit_in_step(const struct culprit_work *work, const struct grower *row)
{
    struct culprit_step found = {.r = NAN};
    double others[CULPRIT_BLOCKS_MAX];
    others_make(work, row, others);
    for (size_t w = 0; w < GROWER_COLUMNS; w++) {
        double whole[CULPRIT_BLOCKS_MAX];
        if ((w != work->column && work->whole == &work->growers->pools) ||
            increments(work, work->whole, (enum grower_column)w, whole) < BLOCKS_MIN - 1)
            continue;
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double own[CULPRIT_BLOCKS_MAX];
            if (increments(work, row, (enum grower_column)c, own) >= BLOCKS_MIN - 1)
                try_lags(own, whole, others, work->blocks - 1, &found);
        }
    }
    found.p = isnan(found.r) ? 1 : fmin(1, 0.5 * erfc(found.z / sqrt(2)) * found.tried);
    return found;
}

double culprit_step_odds(const struct culprit_step *found)
{
    const double e = 2.718281828459045;
    if (isnan(found->r) || found->p >= 1 / e)
        return STEP_ODDS_NONE;
    double odds = -1 / (e * found->p * log(found->p));
    return odds < STEP_ODDS_MAX ? odds : STEP_ODDS_MAX;
}

/* How much denser two onsets agree than one thrown into the window by chance would. */
double culprit_onset_odds(const struct culprit_work *work, const struct culprit_onset *own, bool *out_later)
{
    const struct culprit_onset *whole = &work->whole_onset;
    *out_later = false;
    if (!whole->known)
        return 1;
    if (!own->known)
        return ONSET_UNTOLD_ODDS;
    double a = (whole->high - whole->low) / (2 * CULPRIT_SIGMAS),
           b = (own->high - own->low) / (2 * CULPRIT_SIGMAS);
    double sigma = sqrt(a * a + b * b), apart = own->at - whole->at;
    *out_later = apart > 2 * sigma;
    double span = (double)work->window.count * (double)work->window.width_ms / 1000;
    double odds = span / (2.5066 * sigma) * exp(-apart * apart / (2 * sigma * sigma));
    return odds > ONSET_ODDS_MAX ? ONSET_ODDS_MAX : odds < ONSET_ODDS_MIN ? ONSET_ODDS_MIN : odds;
}

/* ---- the blocks ---- */

void culprit_blocks_make(struct culprit_work *work)
{
    size_t slots = work->window.count - work->onset;
    work->block_slots = (slots + CULPRIT_BLOCKS_MAX - 1) / CULPRIT_BLOCKS_MAX;
    work->blocks = slots / work->block_slots;
    memset(work->common, 0, sizeof work->common);
    for (size_t i = 0; i < work->growers->count; i++)
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double rank[CULPRIT_BLOCKS_MAX];
            increments(work, &work->growers->rows[i], (enum grower_column)c, rank);
            for (size_t b = 0; b + 1 < work->blocks; b++)
                work->common[b] += isnan(rank[b]) ? 0 : rank[b];
        }
}

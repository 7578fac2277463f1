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

double culprit_worth(const double *rest, size_t n)
{
    double square = 0, lagged = 0;
    for (size_t i = 0; i < n; i++) {
        square += rest[i] * rest[i];
        lagged += i ? rest[i] * rest[i - 1] : 0;
    }
    double r = square > 0 && lagged > 0 ? fmin(lagged / square, CULPRIT_HANGS_MAX) : 0;
    return (double)n * (1 - r) / (1 + r);
}

/* What the points are worth about this broken line. */
static double worth_about(const struct culprit_curve *curve, size_t k, double slope)
{
    double rest[GROWERS_SLOTS], mean = 0;
    for (size_t i = 0; i < curve->n; i++) {
        rest[i] = curve->v[i] - slope * (i > k ? curve->t[i] - curve->t[k] : 0);
        mean += rest[i] / (double)curve->n;
    }
    for (size_t i = 0; i < curve->n; i++)
        rest[i] -= mean;
    return culprit_worth(rest, curve->n);
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
    double worth = worth_about(&curve, best, best_slope) - 3;
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
                          enum grower_column column, long block)
{
    double in_block[GROWERS_SLOTS];
    size_t n = 0;
    for (size_t i = 0; i < work->block_slots; i++) {
        size_t slot = (size_t)((long)work->onset + block * (long)work->block_slots) + i;
        double value = growers_value(row, &work->window, column, slot);
        if (!isnan(value))
            in_block[n++] = value;
    }
    return n ? trend_median(in_block, n) : NAN;
}

/* From block to block; NAN where either is not known. Returns how many are. */
static size_t increments_of(const struct culprit_work *work, const struct grower *row,
                            enum grower_column column, double out_step[CULPRIT_BLOCKS_MAX])
{
    double before = work->blocks ? block_level(work, row, column, 0) : NAN;
    size_t known = 0;
    for (size_t b = 0; b + 1 < work->blocks; b++) {
        double after = block_level(work, row, column, (long)b + 1);
        out_step[b] = after - before;
        known += isnan(out_step[b]) ? 0 : 1;
        before = after;
    }
    return known;
}

/* Average ranks, centred; NAN where it is not known. */
static void ranks_of(const double *step, size_t steps, double *out_rank)
{
    size_t known = 0;
    for (size_t b = 0; b < steps; b++)
        known += isnan(step[b]) ? 0 : 1;
    double middle = ((double)known - 1) / 2;
    for (size_t b = 0; b < steps; b++) {
        double below = 0, equal = 0;
        for (size_t c = 0; c < steps; c++) {
            below += step[c] < step[b];
            equal += step[c] == step[b];
        }
        out_rank[b] = isnan(step[b]) ? NAN : below + (equal - 1) / 2 - middle;
    }
}

/* Ranks of the increments. Returns how many are known. */
static size_t increments(const struct culprit_work *work, const struct grower *row, enum grower_column column,
                         double out_rank[CULPRIT_BLOCKS_MAX])
{
    double step[CULPRIT_BLOCKS_MAX];
    size_t known = increments_of(work, row, column, step);
    ranks_of(step, work->blocks ? work->blocks - 1 : 0, out_rank);
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

static void take_from(const struct culprit_work *work, const struct grower *row,
                      double sum[CULPRIT_BLOCKS_MAX])
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        double rank[CULPRIT_BLOCKS_MAX];
        increments(work, row, (enum grower_column)c, rank);
        for (size_t b = 0; b + 1 < work->blocks; b++)
            sum[b] -= isnan(rank[b]) ? 0 : rank[b];
    }
}

/* The program whose row this is; NULL = it is a process'. */
static const struct culprit_program *program_of(const struct culprit_work *work, const struct grower *row)
{
    for (size_t p = 0; p < work->program_count; p++)
        if (row == &work->programs[p].sum)
            return &work->programs[p];
    return NULL;
}

/* What all processes but these and the whole have in common: the sum of the ranks of their increments. */
static void others_make(const struct culprit_work *work, const struct grower *row,
                        const struct grower *beside, double out_sum[CULPRIT_BLOCKS_MAX])
{
    const struct grower *apart[] = {row, beside, culprit_of_pools(work) ? NULL : work->whole};
    memcpy(out_sum, work->common, sizeof work->common);
    for (size_t i = 0; i < ARRAY_COUNT(apart); i++) {
        const struct culprit_program *program = apart[i] ? program_of(work, apart[i]) : NULL;
        if (apart[i] && !program)
            take_from(work, apart[i], out_sum);
        for (size_t k = 0; program && k < program->count; k++)
            take_from(work, program->rows[k], out_sum);
    }
}

/* Fisher's z; 1.06 for ranks (E. C. Fieller, H. O. Hartley, E. S. Pearson 1957); one degree less for each
 * series that was taken out. */
static double step_z(double r, double pairs, unsigned taken_out)
{
    double worth = pairs - 3 - taken_out;
    return atanh(r) * sqrt((worth > 3 ? worth : 3) / 1.06);
}

/* The best of the lags for one column of each; true when it is better than what was found before. */
static bool try_lags(const double *own, const double *whole, const double *others, size_t steps,
                     struct culprit_step *found)
{
    bool better = false;
    for (int lag = -LAG_BACK; lag <= LAG_AHEAD; lag++) {
        size_t pairs, ignored;
        double with_whole = correlation(own, whole, steps, lag, &pairs);
        double r = partial(with_whole, correlation(own, others, steps, lag, &ignored),
                           correlation(whole, others, steps, 0, &ignored));
        found->tried++;
        if (pairs < BLOCKS_MIN - 2 || fabs(r) >= 1)
            continue;
        double z = step_z(r, effective_pairs(own, whole, steps, pairs), 1);
        if (isnan(found->r) || z > found->z) {
            *found = (struct culprit_step){.r = r, .z = z, .lag = lag, .tried = found->tried};
            better = true;
        }
    }
    return better;
}

static double step_p(double z, unsigned tried)
{
    return fmin(1, 0.5 * erfc(z / sqrt(2)) * tried);
}

struct culprit_step culprit_in_step(const struct culprit_work *work, const struct grower *row)
{
    struct culprit_step found = {.r = NAN};
    double others[CULPRIT_BLOCKS_MAX];
    others_make(work, row, NULL, others);
    for (size_t w = 0; w < GROWER_COLUMNS; w++) {
        double whole[CULPRIT_BLOCKS_MAX];
        if ((w != work->column && culprit_of_pools(work)) ||
            increments(work, work->whole, (enum grower_column)w, whole) < BLOCKS_MIN - 1)
            continue;
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double own[CULPRIT_BLOCKS_MAX];
            if (increments(work, row, (enum grower_column)c, own) >= BLOCKS_MIN - 1 &&
                try_lags(own, whole, others, work->blocks - 1, &found)) {
                found.own = (enum grower_column)c;
                found.whole = (enum grower_column)w;
            }
        }
    }
    found.p = isnan(found.r) ? 1 : step_p(found.z, found.tried);
    return found;
}

double culprit_step_odds(const struct culprit_step *found)
{
    const double e = 2.718281828459045;
    if (isnan(found->r) || found->p >= 1 / e)
        return STEP_ODDS_NONE;
    return fmin(-1 / (e * found->p * log(found->p)), STEP_ODDS_MAX);
}

/* Moves a series so that what it did `lag` blocks ago stands beside what is now. */
static void shift(double series[CULPRIT_BLOCKS_MAX], size_t steps, int lag)
{
    double shifted[CULPRIT_BLOCKS_MAX];
    for (size_t b = 0; b < steps; b++) {
        long from = (long)b - lag;
        shifted[b] = from >= 0 && from < (long)steps ? series[from] : NAN;
    }
    memcpy(series, shifted, steps * sizeof shifted[0]);
}

/* Which part of the variance of a process' increments is what it really did, and not the noise of its
 * readings. Without this a second one that does exactly as the first would seem to add what noise hides of
 * the first (C. Spearman 1904, correction for attenuation). What its increments did before the growth began
 * is such noise: laid over those since, it shows by how much noise changes their ranks. Nothing is known
 * better than to a hundredth; where too little was seen before, a twentieth. */
#define RELIABLE_MIN 0.5
#define RELIABLE_MAX 0.99
#define RELIABLE_UNKNOWN 0.95
#define NOISES_MIN 4

static double reliability(const struct culprit_work *work, const struct grower *row,
                          enum grower_column column)
{
    double noise[CULPRIT_BLOCKS_MAX], step[CULPRIT_BLOCKS_MAX], shaken[CULPRIT_BLOCKS_MAX];
    double rank[CULPRIT_BLOCKS_MAX], rank_shaken[CULPRIT_BLOCKS_MAX];
    size_t steps = work->blocks - 1, noises = 0, pairs;
    long before = (long)(work->onset / work->block_slots);
    for (long b = -before; b + 1 < 0 && noises < CULPRIT_BLOCKS_MAX; b++) {
        noise[noises] = block_level(work, row, column, b + 1) - block_level(work, row, column, b);
        noises += isnan(noise[noises]) ? 0 : 1;
    }
    if (noises < NOISES_MIN)
        return RELIABLE_UNKNOWN;
    increments_of(work, row, column, step);
    for (size_t b = 0; b < steps; b++)
        shaken[b] = step[b] + noise[b % noises];
    ranks_of(step, steps, rank);
    ranks_of(shaken, steps, rank_shaken);
    double r = correlation(rank, rank_shaken, steps, 0, &pairs);
    return fmin(RELIABLE_MAX, fmax(RELIABLE_MIN, r * r));
}

static void centre(double *series, size_t n)
{
    double mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += series[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        series[i] -= mean;
}

static double product(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* Takes out of a centred series what a line on another one explains. */
static void take_out(double *series, const double *what, size_t n)
{
    double square = product(what, what, n), slope = square > 0 ? product(what, series, n) / square : 0;
    for (size_t i = 0; i < n; i++)
        series[i] -= slope * what[i];
}

/* Keeps the blocks that are known of all four. */
static size_t known_of_all(double *const series[4], size_t steps)
{
    size_t kept = 0;
    for (size_t b = 0; b < steps; b++) {
        bool known = true;
        for (size_t s = 0; s < 4; s++)
            known &= !isnan(series[s][b]);
        for (size_t s = 0; known && s < 4; s++)
            series[s][kept] = series[s][b];
        kept += known ? 1 : 0;
    }
    return kept;
}

/* z of what is left of the process and of the whole; NAN = too little is known. */
static double z_beside(const struct culprit_work *work, const struct suspect *suspect,
                       const struct suspect *beside, enum grower_column column, enum grower_column of_whole)
{
    double own[CULPRIT_BLOCKS_MAX], other[CULPRIT_BLOCKS_MAX], whole[CULPRIT_BLOCKS_MAX],
        rest[CULPRIT_BLOCKS_MAX];
    size_t steps = work->blocks - 1;
    others_make(work, suspect->row, beside->row, rest);
    increments(work, suspect->row, column, own);
    increments(work, beside->row, beside->step.own, other);
    increments(work, work->whole, of_whole, whole);
    shift(own, steps, suspect->step.lag);
    shift(other, steps, beside->step.lag);
    double *const all[4] = {rest, other, own, whole};
    size_t n = known_of_all(all, steps);
    if (n < BLOCKS_MIN - 2)
        return NAN;
    for (size_t s = 0; s < 4; s++)
        centre(all[s], n);
    for (size_t s = 1; s < 4; s++)
        take_out(all[s], rest, n);
    double variance = product(other, other, n);
    double both = product(own, whole, n) -
                  (variance > 0 ? product(own, other, n) * product(whole, other, n) / variance /
                                      reliability(work, beside->row, beside->step.own)
                                : 0);
    take_out(own, other, n);
    take_out(whole, other, n);
    double r = both / sqrt(product(own, own, n) * product(whole, whole, n));
    return fabs(r) < 1 ? step_z(r, effective_pairs(own, whole, n, n), 2) : NAN;
}

double culprit_step_odds_beside(const struct culprit_work *work, const struct suspect *suspect,
                                const struct suspect *beside)
{
    struct culprit_step best = {.r = NAN};
    if (isnan(suspect->step.r) || isnan(beside->step.r))
        return STEP_ODDS_NONE;
    for (size_t w = 0; w < GROWER_COLUMNS; w++) {
        if (w != work->column && culprit_of_pools(work))
            continue;
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double z = z_beside(work, suspect, beside, (enum grower_column)c, (enum grower_column)w);
            best.tried++;
            if (!isnan(z) && (isnan(best.r) || z > best.z))
                best = (struct culprit_step){.r = 0, .z = z, .tried = best.tried};
        }
    }
    /* The lags were chosen by what all have in common, not by this. */
    best.p = isnan(best.r) ? 1 : step_p(best.z, best.tried);
    return culprit_step_odds(&best);
}

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
    /* The normal density (2.5066 = sqrt(2 pi)) against an even one over the window. */
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
    for (size_t i = 0; i < work->row_count; i++)
        for (size_t c = 0; c < GROWER_COLUMNS; c++) {
            double rank[CULPRIT_BLOCKS_MAX];
            increments(work, work->rows[i], (enum grower_column)c, rank);
            for (size_t b = 0; b + 1 < work->blocks; b++)
                work->common[b] += isnan(rank[b]) ? 0 : rank[b];
        }
}

/* trend_slope.c - the robust slope and its interval; see trend.h.
 *
 * Slope selection. The pair (i, j), i < j, has a slope below x exactly when point j lies below point i once
 * the line of slope x is taken off. So the points sorted by value - x * time are sorted from the order of
 * time by turning round the pairs whose slope is below x, and from the order at x to that at y by turning
 * round those with a slope in between: a sort that counts what it turns round counts slopes, and one that
 * stops at a few of these pairs samples them. The k-th slope is approached by such counts, guided by how
 * dense the slopes are, until so few are left between two of them that they can be made and selected from.
 *
 * A point is sorted as one 64-bit number: its key as a share of the range of all keys (48 bits, as fine as
 * the rounding of the keys themselves), and its index. */
#include "storewatch/trend.h"

#include <string.h>

#define INDEX_MASK UINT64_C(0xffff)
#define KEY_MAX 281474976710655.0 /* 2^48 - 1 */
#define REACH_MIN 1e-290          /* of keys: below they count as equal, */
#define REACH_MAX 1e290           /* above they would overflow */
_Static_assert(TREND_POINTS_MAX <= 0xffff, "an index has 16 bits");

#define RUN 8   /* points sorted by insertion: a merge costs more there */
#define NEAR 16 /* pairs to turn round a point, from which on merges cost less than insertion */

/* The points, and the order they are in. */
struct slopes {
    const double *time, *value;
    size_t n;
    uint64_t pairs;
    union trend_word *order, *spare; /* n each; behind spare the rest of the scratch */
    size_t rest;
    double at;           /* `order` is that of the keys at this slope, */
    uint64_t below;      /* and so many slopes are below it */
    double extreme[2];   /* the lowest slope and the highest */
    double step, height; /* shortest time between points; largest distance from the first value */
};

/* What a sort does with the pairs it turns round: takes every stride-th. */
struct tap {
    union trend_word *out;
    size_t count, capacity;
    uint64_t seen, next, stride;
};

static double slope_of(const struct slopes *s, union trend_word a, union trend_word b)
{
    const size_t i = (size_t)(a.key & INDEX_MASK), j = (size_t)(b.key & INDEX_MASK);
    return (s->value[j] - s->value[i]) / (s->time[j] - s->time[i]);
}

/* `point` was put before the `count` ones at `passed`. */
static void tap_pass(struct tap *tap, const struct slopes *s, union trend_word point,
                     const union trend_word *passed, size_t count)
{
    tap->seen += count;
    for (; tap->next < tap->seen && tap->count < tap->capacity; tap->next += tap->stride)
        tap->out[tap->count++].slope = slope_of(s, point, passed[count - (size_t)(tap->seen - tap->next)]);
}

/* By the key alone: points of equal key keep their order. */
static bool is_before(union trend_word later, union trend_word earlier)
{
    return later.key < (earlier.key & ~INDEX_MASK);
}

/* Sorts until more than `most` pairs were turned round; returns how many were. */
static uint64_t insertion_sort(const struct slopes *s, union trend_word *order, size_t n, uint64_t most,
                               struct tap *tap)
{
    uint64_t turned = 0;
    for (size_t i = 1; i < n && turned <= most; i++) {
        const union trend_word point = order[i];
        size_t j = i;
        for (; j > 0 && is_before(point, order[j - 1]); j--)
            order[j] = order[j - 1];
        order[j] = point;
        turned += i - j;
        if (tap != NULL && j < i)
            tap_pass(tap, s, point, order + j + 1, i - j);
    }
    return turned;
}

/* Merges two neighbouring runs, and returns how many pairs that turned round. Without a tap from both ends at
 * once: as long as each end has taken no more than the shorter run holds, neither can run out of a side, the
 * two chains of loads do not wait for each other, and which side is next, which nothing could predict, is
 * arithmetic instead of a branch. A point of the right run that is taken at the front passes the left ones
 * still there; one that is taken at the back those already taken there. */
static uint64_t merge(const struct slopes *s, const union trend_word *from, union trend_word *to,
                      size_t left_count, size_t right_count, struct tap *tap)
{
    size_t left = 0, right = left_count, left_end = left_count, right_end = left_count + right_count;
    size_t out = 0;
    uint64_t turned = 0;
    const size_t both = tap != NULL ? 0 : left_count < right_count ? left_count : right_count;
    for (size_t out_end = right_end; out < both; out++) {
        const union trend_word l = from[left], r = from[right];
        const union trend_word back_l = from[left_end - 1], back_r = from[right_end - 1];
        const size_t take_right = is_before(r, l), take_left = is_before(back_r, back_l);
        to[out] = take_right ? r : l;
        to[--out_end] = take_left ? back_l : back_r;
        turned += ((left_count - left) & (0 - take_right)) + ((left_count - left_end) & (take_left - 1));
        right += take_right;
        left += 1 - take_right;
        left_end -= take_left;
        right_end -= 1 - take_left;
    }
    while (left < left_end && right < right_end) {
        if (is_before(from[right], from[left])) {
            turned += left_count - left;
            if (tap != NULL)
                tap_pass(tap, s, from[right], from + left, left_count - left);
            to[out++] = from[right++];
        } else {
            to[out++] = from[left++];
        }
    }
    while (left < left_end)
        to[out++] = from[left++];
    for (; right < right_end; right++) {
        turned += left_count - left_end;
        to[out++] = from[right];
    }
    return turned;
}

static uint64_t merge_sort(struct slopes *s, struct tap *tap)
{
    size_t runs = 1;
    while (s->n > runs * RUN)
        runs *= 2;
    uint64_t turned = 0;
    for (size_t k = 0; k < runs; k++) {
        const size_t begin = s->n * k / runs, end = s->n * (k + 1) / runs;
        turned += insertion_sort(s, s->order + begin, end - begin, UINT64_MAX, tap);
    }
    union trend_word *from = s->order, *to = s->spare;
    for (; runs > 1; runs /= 2) {
        for (size_t k = 0; k < runs; k += 2) {
            const size_t begin = s->n * k / runs, middle = s->n * (k + 1) / runs, end = s->n * (k + 2) / runs;
            turned += merge(s, from + begin, to + begin, middle - begin, end - middle, tap);
        }
        union trend_word *const swap = from;
        from = to;
        to = swap;
    }
    if (from != s->order)
        memcpy(s->order, from, s->n * sizeof *from);
    return turned;
}

/* No key, value - x * time of a point less that of the first, is further from 0. */
static double reach_of(const struct slopes *s, double x)
{
    return s->height + fabs(x) * (s->time[s->n - 1] - s->time[0]);
}

/* Brings the points into the order at x. `expected` pairs to turn round, more or less, choose the sort. */
static void move_to(struct slopes *s, double x, uint64_t expected, struct tap *tap)
{
    const double low = -reach_of(s, x), scale = low < -REACH_MIN ? KEY_MAX / (-2 * low) : 0;
    for (size_t k = 0; k < s->n; k++) {
        const uint64_t i = s->order[k].key & INDEX_MASK;
        const double key = s->value[i] - s->value[0] - x * (s->time[i] - s->time[0]);
        s->order[k].key = (uint64_t)(int64_t)((key - low) * scale) << 16 | i;
    }
    /* A sort by insertion that turns out to be the wrong choice leaves less to the merges, and what it turned
     * round is turned round. */
    const uint64_t most = NEAR * (uint64_t)s->n;
    uint64_t turned = 0;
    if (expected <= most)
        turned = insertion_sort(s, s->order, s->n, 2 * most, tap);
    if (expected > most || turned > 2 * most) /* merges need `spare`, where all are collected */
        turned += merge_sort(s, tap != NULL && tap->stride > 1 ? tap : NULL);
    s->below = x > s->at ? s->below + turned : s->below - turned;
    s->at = x;
}

/* Two slopes nearer than this cannot be told apart by their keys: the rounding of keys over the shortest
 * step. Cuts keep that distance from the slope they are made at, so that equal slopes (quantised values have
 * many) stay on one side. */
static double resolution(const struct slopes *s, double x)
{
    return 4 / KEY_MAX * reach_of(s, x) / s->step;
}

/* Between these two the wanted slope lies; so many are below each. */
struct bracket {
    double low, high;
    uint64_t below_low, below_high;
};

static struct bracket everything(const struct slopes *s)
{
    return (struct bracket){.low = s->extreme[0] - 2 * resolution(s, s->extreme[0]),
                            .high = s->extreme[1] + 2 * resolution(s, s->extreme[1]),
                            .below_high = s->pairs};
}

static struct slopes slopes_on(const double *time, const double *value, size_t n, union trend_word *scratch)
{
    struct slopes s = {.time = time,
                       .value = value,
                       .n = n,
                       .pairs = (uint64_t)n * (n - 1) / 2,
                       .order = scratch,
                       .spare = scratch + n,
                       .rest = TREND_SCRATCH_WORDS(n) - 2 * n,
                       .extreme = {HUGE_VAL, -HUGE_VAL},
                       .step = HUGE_VAL};
    for (size_t i = 0; i < n; i++) {
        s.order[i].key = i;
        s.height = fmax(s.height, fabs(value[i] - value[0]));
        if (i == 0)
            continue;
        /* Every slope is a mean of those between neighbours: so the extreme ones are among these. */
        const double step = time[i] - time[i - 1], slope = (value[i] - value[i - 1]) / step;
        s.step = fmin(s.step, step);
        s.extreme[0] = fmin(s.extreme[0], slope);
        s.extreme[1] = fmax(s.extreme[1], slope);
    }
    s.at = everything(&s).low;
    return s;
}

/* The bracket's side on which the present order shows the wanted rank not to be. */
static void bracket_cut(struct bracket *b, const struct slopes *s, uint64_t rank)
{
    if (s->below <= rank && s->at > b->low) {
        b->low = s->at;
        b->below_low = s->below;
    } else if (s->below > rank && s->at < b->high) {
        b->high = s->at;
        b->below_high = s->below;
    }
}

/* How many slopes insertion can collect: it leaves `spare` free. */
static size_t few(const struct slopes *s)
{
    return s->n + s->rest;
}

/* Moves to x, and returns whether the wanted slope was among the few passed on the way: then it is
 * *out_slope. *out_lower is that of the rank before when it was among them too, else NAN. */
static bool collect(struct slopes *s, double x, uint64_t expected, uint64_t rank, double *out_slope,
                    double *out_lower)
{
    struct tap tap = {.out = s->spare, .capacity = few(s), .stride = 1};
    uint64_t below = s->below;
    move_to(s, x, expected, &tap);
    /* A slope equal to the one that the order was at stays where it was, below or not. */
    below = s->below < below ? s->below : below;
    if (tap.seen > tap.capacity || rank < below || rank - below >= tap.count)
        return false;
    const size_t k = (size_t)(rank - below);
    double *const slope = &tap.out->slope;
    *out_slope = trend_rank(slope, tap.count, k);
    *out_lower = NAN;
    for (size_t i = 0; i < k; i++) /* none of these is above it */
        *out_lower = i > 0 && slope[i] < *out_lower ? *out_lower : slope[i];
    return true;
}

static uint64_t distance_of(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* From a first guess of the slope and of the number of slopes in each unit of it, some steps that should end
 * with the wanted slope collected (true), and narrow the bracket if they do not. */
#define APPROACH_STEPS 5

static bool approach(struct slopes *s, uint64_t rank, double guess, double density, struct bracket *b,
                     double *out_slope, double *out_lower)
{
    const double room = (double)few(s) / 3;
    double x = guess - 2 * resolution(s, guess); /* it is one of the slopes: these stay on one side */
    bool near = false;
    for (int step = 0; step < APPROACH_STEPS && x > b->low && x < b->high; step++) {
        const double from = s->at, from_below = (double)s->below;
        const uint64_t expected = distance_of(s->below, rank);
        if (near && collect(s, x, 2 * few(s), rank, out_slope, out_lower))
            return true;
        if (!near)
            move_to(s, x, expected, NULL);
        bracket_cut(b, s, rank);
        if (step > 0 && fabs((double)s->below - from_below) > room)
            density = ((double)s->below - from_below) / (x - from);
        /* Far off: up to short of it. Near: beyond it, so that it is passed. */
        const double gap = (double)rank + 0.5 - (double)s->below;
        near = fabs(gap) + room < (double)few(s);
        x += (gap + copysign(near ? room : -room, gap)) / density;
    }
    return false;
}

/* Is it one of many equal slopes (quantised values have them)? Else the bracket is narrower. */
static bool is_tied(struct slopes *s, uint64_t rank, double slope, struct bracket *b, double *out_lower)
{
    const double distance = 2 * resolution(s, slope);
    uint64_t below[2];
    for (size_t i = 0; i < 2; i++) {
        const double x = i == 0 ? slope - distance : slope + distance;
        move_to(s, x, i == 0 ? distance_of(s->below, rank) : s->pairs, NULL);
        bracket_cut(b, s, rank);
        below[i] = s->below;
    }
    *out_lower = below[0] < rank ? slope : NAN;
    return below[0] <= rank && rank < below[1];
}

/* Each round leaves about a square root of the slopes: four do for the largest n. A bound against what
 * rounding may still do: the middle of what is left is within rounding of the wanted slope by then. */
#define SELECT_ROUNDS_MAX 200

/* The slope of 0-based `rank`, from a bracket around it. */
static double select_between(struct slopes *s, uint64_t rank, struct bracket b, double *out_lower)
{
    *out_lower = NAN;
    for (int round = 0; round < SELECT_ROUNDS_MAX; round++) {
        if (fabs(s->at - b.low) > 0 && fabs(s->at - b.high) > 0)
            move_to(s, b.low, distance_of(s->below, b.below_low), NULL);
        const double other = fabs(s->at - b.high) > 0 ? b.high : b.low;
        const uint64_t inside = b.below_high - b.below_low;
        if (inside <= few(s)) {
            double slope;
            return collect(s, other, inside, rank, &slope, out_lower) ? slope : b.low;
        }
        struct tap tap = {.out = s->spare + s->n, .capacity = s->rest, .stride = inside / s->rest + 1};
        tap.next = tap.stride / 2;
        move_to(s, other, inside, &tap);
        if (tap.count == 0)
            break;
        double *const slope = &tap.out->slope;
        /* The wanted rank among the samples, and 2.2 standard deviations to each side. */
        const double count = (double)tap.count, share = ((double)(rank - b.below_low) + 0.5) / (double)inside;
        const double at = share * count, margin = 2.2 * sqrt(count * share * (1 - share)) + 2;
        const size_t from = at > margin ? (size_t)(at - margin) : 0;
        const size_t to = at + margin < count - 1 ? (size_t)(at + margin) : tap.count - 1;
        double low = trend_rank(slope, tap.count, from), high = trend_rank(slope, tap.count, to);
        const double distance = resolution(s, fmax(fabs(low), fabs(high)));
        /* Assigned before they are compared: x87 registers hold more bits than a double, and a cut that
         * differs from b.low only in those would be taken for progress for ever. */
        double cut_low = low - distance, cut_high = high + distance;
        if (cut_low <= b.low && cut_high >= b.high) {
            /* The margin spans the whole bracket: halve it at the wanted sample instead. */
            low = high = trend_rank(slope, tap.count, at < count ? (size_t)at : tap.count - 1);
            cut_low = low - distance;
            cut_high = high + distance;
            if (cut_low <= b.low && cut_high >= b.high)
                return low; /* as narrow as rounding allows */
        }
        bool within = true;
        if (cut_low > b.low) {
            move_to(s, cut_low, inside, NULL);
            within = s->below <= rank;
            bracket_cut(&b, s, rank);
        }
        if (within && cut_high < b.high) {
            move_to(s, cut_high, inside, NULL);
            within = s->below > rank;
            bracket_cut(&b, s, rank);
        }
        if (within && high - low <= 2 * distance)
            return low + (high - low) / 2;
    }
    return b.low + (b.high - b.low) / 2;
}

/* ---- slope with interval ---- */

/* Least squares slope. */
static double line_rate(const double *time, const double *value, size_t n)
{
    double mean_t = 0, mean_v = 0, tt = 0, tv = 0;
    for (size_t i = 0; i < n; i++) {
        mean_t += time[i] / (double)n;
        mean_v += value[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++) {
        tt += (time[i] - mean_t) * (time[i] - mean_t);
        tv += (time[i] - mean_t) * (value[i] - mean_v);
    }
    return tv / tt;
}

/* Lag-1 autocorrelation of the residuals about the line, by neighbours in order. The estimate from n
 * detrended points is too small by about (2 + 4 phi) / n (F. H. C. Marriott, J. A. Pope 1954; M. G. Kendall
 * 1954), which decides over coverage when phi is near 1. */
static double residual_autocorrelation(const double *time, const double *value, size_t n, double slope)
{
    double previous = 0, cross = 0, square = 0, mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += value[i] - slope * time[i];
    mean /= (double)n;
    for (size_t i = 0; i < n; i++) {
        const double r = value[i] - slope * time[i] - mean;
        if (i > 0)
            cross += previous * r;
        square += r * r;
        previous = r;
    }
    if (!(square > 0))
        return 0;
    const double phi = cross / square, m = (double)n;
    const double corrected = (phi * m + 2) / (m - 4);
    return corrected < 0 ? 0 : corrected > 0.99 ? 0.99 : corrected;
}

#define RANKS 3
#define SAMPLE_MARGIN 1.5 /* of a sample's standard deviation of a rank: where its density is measured */

/* First guesses: the slopes of pairs in which each point occurs as often as any other, and each distance (the
 * golden ratio's multiples leave no gaps): what the single points contribute to the scatter of a random
 * sample cancels. Puts for each rank the guess and the density of slopes about it, infinite when many are
 * equal. */
static void guess(const struct slopes *s, const uint64_t rank[RANKS], double out_guess[RANKS],
                  double out_density[RANKS])
{
    /* The order is still that of time, and is lent meanwhile. */
    const size_t count = 2 * s->n;
    double *const sample = &s->order->slope;
    for (size_t k = 0, i = 0; k < count; k++, i++) {
        i = i < s->n ? i : 0;
        const uint64_t golden = (uint32_t)k * UINT32_C(2654435769);
        size_t j = i + 1 + (size_t)((golden & UINT32_MAX) * (s->n - 1) >> 32);
        j = j < s->n ? j : j - s->n;
        sample[k] = (s->value[j] - s->value[i]) / (s->time[j] - s->time[i]);
    }
    const double spread = SAMPLE_MARGIN * sqrt((double)count);
    size_t at[RANKS][3];
    for (size_t k = 0; k < RANKS; k++) {
        const double middle = (double)rank[k] / (double)s->pairs * (double)count;
        at[k][0] = middle > spread ? (size_t)(middle - spread) : 0;
        at[k][1] = (size_t)middle;
        at[k][2] = middle + spread < (double)(count - 1) ? (size_t)(middle + spread) : count - 1;
    }
    /* The outermost first: all others lie between. */
    const size_t first = at[0][0], last = at[RANKS - 1][2];
    trend_rank(sample, count, last);
    trend_rank(sample, last + 1, first);
    for (size_t k = 0; k < RANKS; k++) {
        double q[3];
        for (size_t i = 0; i < 3; i++)
            q[i] = trend_rank(sample + first, last + 1 - first, at[k][i] - first);
        out_guess[k] = q[1];
        const bool equal = !(q[0] < q[1] && q[1] < q[2]);
        out_density[k] =
            equal ? HUGE_VAL
                  : (double)(at[k][2] - at[k][0]) / (double)count * (double)s->pairs / (q[2] - q[0]);
    }
    for (size_t i = 0; i < s->n; i++)
        s->order[i].key = i;
}

static double select_from(struct slopes *s, uint64_t rank, double first, double density, double *out_lower)
{
    *out_lower = NAN;
    if (rank == 0 || rank == s->pairs - 1)
        return s->extreme[rank == 0 ? 0 : 1];
    struct bracket b = everything(s);
    double slope;
    if (isinf(density) && is_tied(s, rank, first, &b, out_lower))
        return first;
    if (approach(s, rank, first, density, &b, &slope, out_lower))
        return slope;
    return select_between(s, rank, b, out_lower);
}

enum status trend_slope(const double *time, const double *value, size_t n, double confidence_pct,
                        union trend_word *scratch, struct trend_slope *out_slope)
{
    if (n < TREND_POINTS_MIN || n > TREND_POINTS_MAX || !(confidence_pct > 50 && confidence_pct < 100))
        return STATUS_INVALID;
    for (size_t i = 1; i < n; i++)
        if (!(time[i] > time[i - 1]))
            return STATUS_INVALID;
    const double m = (double)n;
    const double phi = residual_autocorrelation(time, value, n, line_rate(time, value, n));
    double effective = m * (1 - phi) / (1 + phi);
    if (effective < 3)
        effective = 3;
    /* Sen's interval: the ranks within which S could have come from no trend; its variance grows by n /
     * effective. */
    struct slopes s = slopes_on(time, value, n, scratch);
    if (!(fmax(reach_of(&s, s.extreme[0]), reach_of(&s, s.extreme[1])) < REACH_MAX))
        return STATUS_INVALID;
    const double pairs = (double)s.pairs;
    const double quantile = trend_student_quantile(confidence_pct, effective - 1);
    const double spread = quantile * sqrt(m * (m - 1) * (2 * m + 5) / 18 * (m / effective));
    const uint64_t rank[RANKS] = {(uint64_t)fmax((pairs - spread) / 2, 0), s.pairs / 2,
                                  (uint64_t)ceil(fmin((pairs + spread) / 2, pairs - 1))};
    double first[RANKS], density[RANKS], slope[RANKS], lower = NAN, shift = 0;
    guess(&s, rank, first, density);
    for (size_t k = 0; k < RANKS; k++) {
        slope[k] = select_from(&s, rank[k], first[k] + shift, density[k], &lower);
        shift = slope[k] - first[k];              /* the ranks' guesses err together */
        if (k == RANKS / 2 && s.pairs % 2 == 0) { /* the median of an even number */
            if (isnan(lower))
                lower = select_from(&s, rank[k] - 1, slope[k], density[k], &(double){0});
            slope[k] = lower + (slope[k] - lower) / 2;
        }
    }
    double *const residual = &scratch->slope;
    for (size_t i = 0; i < n; i++)
        residual[i] = value[i] - slope[1] * time[i];
    out_slope->intercept = trend_median(residual, n);
    out_slope->low = slope[0];
    out_slope->slope = slope[1];
    out_slope->high = slope[2];
    out_slope->effective_n = effective;
    return STATUS_OK;
}

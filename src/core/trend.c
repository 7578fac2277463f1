/* trend.c - see trend.h.
 *
 * Slope selection. The pair (i, j), i < j, has a slope below x exactly when point j lies below point i once
 * the line of slope x is taken off: so the slopes below x are the inversions of value - x * time, counted by
 * a merge sort. The k-th slope is bracketed from random samples of the slopes still inside the bracket (two
 * counts shrink it to about 5 / sqrt(samples) of its content) until so few are left that they fit the scratch
 * and are selected from directly. The generator is seeded by n and k: the same input takes the same path. */
#include "storewatch/trend.h"

#include <string.h>

#define RANK_SORTED 16 /* an insertion sort finishes below this: a partition costs more there */

double trend_rank(double *array, size_t n, size_t k)
{
    size_t low = 0, high = n;
    while (high - low > RANK_SORTED) {
        const double a = array[low], b = array[low + (high - low) / 2], c = array[high - 1];
        const double pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
        /* Without a branch: on which side of the pivot a value lies cannot be predicted. */
        size_t end = low;
        for (size_t i = low; i < high; i++) {
            const double v = array[i];
            array[i] = array[end];
            array[end] = v;
            end += (size_t)(v < pivot);
        }
        if (k < end) {
            high = end;
            continue;
        }
        low = end;
        for (size_t i = low; i < high; i++) { /* equal values (quantised series) are done with at once */
            const double v = array[i];
            array[i] = array[end];
            array[end] = v;
            end += (size_t)(v <= pivot);
        }
        if (k < end)
            return pivot;
        low = end;
    }
    for (size_t i = low + 1; i < high; i++) {
        const double v = array[i];
        size_t j = i;
        for (; j > low && array[j - 1] > v; j--)
            array[j] = array[j - 1];
        array[j] = v;
    }
    return array[k];
}

double trend_median(double *array, size_t n)
{
    if (n == 0)
        return NAN;
    const double upper = trend_rank(array, n, n / 2);
    if (n % 2 == 1)
        return upper;
    double lower = array[0];
    for (size_t i = 1; i < n / 2; i++)
        if (array[i] > lower)
            lower = array[i];
    return lower + (upper - lower) / 2;
}

/* ---- quantiles ---- */

/* Inverse of the normal distribution: rational start (Abramowitz & Stegun 26.2.23), then Newton on erfc. */
static double normal_upper_quantile(double tail)
{
    const double t = sqrt(-2 * log(tail));
    double x =
        t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 3; i++) {
        const double density = exp(-x * x / 2) / sqrt(2 * 3.14159265358979323846);
        x += (0.5 * erfc(x / sqrt(2.0)) - tail) / density;
    }
    return x;
}

double trend_normal_quantile(double confidence_pct)
{
    return normal_upper_quantile((1 - confidence_pct / 100) / 2);
}

/* G. W. Hill 1970, "Algorithm 396: Student's t-quantiles", CACM 13. */
double trend_student_quantile(double confidence_pct, double degrees)
{
    const double pi = 3.14159265358979323846, p = 1 - confidence_pct / 100;
    if (degrees < 1)
        degrees = 1;
    if (degrees < 1.5)
        return 1 / tan(p * pi / 2);
    if (degrees < 2.5)
        return sqrt(2 / (p * (2 - p)) - 2);
    const double a = 1 / (degrees - 0.5), b = 48 / (a * a);
    double c = ((20700 * a / b - 98) * a - 16) * a + 96.36;
    const double d = ((94.5 / (b + c) - 3) / b + 1) * sqrt(a * pi / 2) * degrees;
    double x = d * p, y = pow(x, 2 / degrees);
    if (y > 0.05 + a) {
        x = -trend_normal_quantile(confidence_pct);
        y = x * x;
        if (degrees < 5)
            c += 0.3 * (degrees - 4.5) * (x + 0.6);
        c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
        y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
        y = expm1(a * y * y);
    } else {
        y = ((1 / (((degrees + 6) / (degrees * y) - 0.089 * d - 0.822) * (degrees + 2) * 3) +
              0.5 / (degrees + 4)) *
                 y -
             1) *
                (degrees + 1) / (degrees + 2) +
            1 / y;
    }
    return sqrt(degrees * y);
}

/* ---- inversions ---- */

#define RUN 8 /* insertion sort below this: a merge costs more there */

/* Sorts `key` ascending (buffer: n more) and returns the number of pairs that were in strictly descending
 * order. */
static uint64_t inversions_sort(double *key, double *buffer, size_t n)
{
    uint64_t inversions = 0;
    for (size_t start = 0; start < n; start += RUN) {
        const size_t end = start + RUN < n ? start + RUN : n;
        for (size_t i = start + 1; i < end; i++) {
            const double v = key[i];
            size_t j = i;
            for (; j > start && key[j - 1] > v; j--)
                key[j] = key[j - 1];
            key[j] = v;
            inversions += i - j;
        }
    }
    double *from = key, *to = buffer;
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = start + width < n ? start + width : n;
            const size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t left = start, right = middle, out = start;
            while (left < middle && right < end) {
                /* Without a branch: which side is next cannot be predicted. */
                const double l = from[left], r = from[right];
                const size_t take_right = (size_t)(r < l);
                to[out++] = take_right ? r : l;
                inversions += (middle - left) & (0 - take_right);
                right += take_right;
                left += 1 - take_right;
            }
            memcpy(to + out, from + left, (middle - left) * sizeof *to);
            out += middle - left;
            memcpy(to + out, from + right, (end - right) * sizeof *to);
        }
        double *swap = from;
        from = to;
        to = swap;
    }
    if (from != key)
        memcpy(key, from, n * sizeof *key);
    return inversions;
}

/* The scratch of trend_slope, laid out for n points. */
struct workspace {
    double *key;                    /* n */
    double *buffer;                 /* capacity: n + n / 3 */
    uint16_t *order, *order_buffer; /* n each */
    size_t capacity;
};

size_t trend_scratch_bytes(size_t n)
{
    return n * sizeof(double) + (n + n / 3 + 4) * sizeof(double) + 2 * (n + 4) * sizeof(uint16_t);
}

static struct workspace workspace_on(void *scratch, size_t n)
{
    struct workspace w;
    w.capacity = n + n / 3 + 4;
    w.key = scratch;
    w.buffer = w.key + n;
    w.order = (uint16_t *)(w.buffer + w.capacity);
    w.order_buffer = w.order + n + 4;
    return w;
}

/* How many pair slopes are below x. */
static uint64_t slopes_below(const double *time, const double *value, size_t n, double x, struct workspace *w)
{
    for (size_t i = 0; i < n; i++)
        w->key[i] = value[i] - x * time[i];
    return inversions_sort(w->key, w->buffer, n);
}

/* Stable merge sort of `order` by w->key; with `visit_*`, collects slopes of the pairs it inverts. */
struct collector {
    const double *time, *value;
    double *out;
    size_t count, capacity;
    uint64_t seen;   /* inverted pairs met so far */
    uint64_t next;   /* the next pair (counted by `seen`) to take */
    uint64_t stride; /* 1 = take all; else every stride-th from a random start */
};

static void collect(struct collector *c, uint16_t right, const uint16_t *left, size_t left_count)
{
    const uint64_t end = c->seen + left_count;
    while (c->next < end && c->count < c->capacity) {
        const uint16_t l = left[c->next - c->seen];
        const size_t a = l < right ? l : right, b = l < right ? right : l;
        c->out[c->count++] = (c->value[b] - c->value[a]) / (c->time[b] - c->time[a]);
        c->next += c->stride;
    }
    c->seen = end;
}

static void order_sort(struct workspace *w, size_t n, struct collector *c)
{
    uint16_t *from = w->order, *to = w->order_buffer;
    const double *key = w->key;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = start + width < n ? start + width : n;
            const size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t left = start, right = middle, out = start;
            while (left < middle && right < end) {
                if (key[from[right]] < key[from[left]]) {
                    if (c != NULL)
                        collect(c, from[right], from + left, middle - left);
                    to[out++] = from[right++];
                } else {
                    to[out++] = from[left++];
                }
            }
            while (left < middle)
                to[out++] = from[left++];
            while (right < end)
                to[out++] = from[right++];
        }
        uint16_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != w->order)
        memcpy(w->order, from, n * sizeof *from);
}

/* Slopes of the pairs with low <= slope < high into w->buffer: all of them (stride 1) or every stride-th.
 * Sorting by the keys at `low` and from there by the keys at `high` inverts exactly these pairs. */
static size_t slopes_between(const double *time, const double *value, size_t n, double low, double high,
                             uint64_t first, uint64_t stride, struct workspace *w)
{
    for (size_t i = 0; i < n; i++) {
        w->order[i] = (uint16_t)i;
        w->key[i] = low > -HUGE_VAL ? value[i] - low * time[i] : 0;
    }
    if (low > -HUGE_VAL) /* at minus infinity the order is that of time */
        order_sort(w, n, NULL);
    for (size_t i = 0; i < n; i++)
        w->key[i] = high < HUGE_VAL ? value[i] - high * time[i] : -time[i];
    struct collector c = {.time = time,
                          .value = value,
                          .out = w->buffer,
                          .capacity = w->capacity,
                          .next = first,
                          .stride = stride};
    order_sort(w, n, &c);
    return c.count;
}

static uint64_t random_next(uint64_t *state)
{
    /* splitmix64 (Steele, Lea, Flood 2014): enough for choosing samples. */
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Each round leaves about a square root of the slopes: four do for the largest n. A bound against what
 * rounding may still do: the middle of what is left is within rounding of the wanted slope by then. */
#define SELECT_ROUNDS_MAX 200

double trend_select_slope(const double *time, const double *value, size_t n, uint64_t k, void *scratch)
{
    struct workspace w = workspace_on(scratch, n);
    uint64_t state = n * UINT64_C(0x2545f4914f6cdd1d) + k;
    double low = -HUGE_VAL, high = HUGE_VAL;
    uint64_t below_low = 0, below_high = (uint64_t)n * (n - 1) / 2;
    /* Two slopes nearer than this cannot be told apart by value - slope * time: the rounding of a key over
     * the shortest step. Cuts keep that distance from the sample they are made at, so that equal slopes
     * (quantised values have many) stay on one side. */
    double step = HUGE_VAL, largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && time[i] - time[i - 1] < step)
            step = time[i] - time[i - 1];
        const double size = fabs(value[i]);
        largest = size > largest ? size : largest;
    }
    const double reach = fabs(time[0]) > fabs(time[n - 1]) ? fabs(time[0]) : fabs(time[n - 1]);
    for (int round = 0; below_high - below_low > w.capacity; round++) {
        if (round == SELECT_ROUNDS_MAX)
            return low > -HUGE_VAL && high < HUGE_VAL ? low + (high - low) / 2 : 0;
        const uint64_t inside = below_high - below_low;
        size_t count = 0;
        if (low > -HUGE_VAL || high < HUGE_VAL) {
            const uint64_t stride = inside / w.capacity + 1;
            count = slopes_between(time, value, n, low, high, random_next(&state) % stride, stride, &w);
        } else {
            while (count < w.capacity) {
                const size_t a = (size_t)(random_next(&state) % n), b = (size_t)(random_next(&state) % n);
                if (a != b)
                    w.buffer[count++] = (value[b] - value[a]) / (time[b] - time[a]);
            }
        }
        /* The wanted rank among the samples, and 2.2 standard deviations to each side. */
        const double share = ((double)(k - below_low) + 0.5) / (double)inside;
        const double at = share * (double)count, margin = 2.2 * sqrt((double)count * share * (1 - share)) + 2;
        size_t from = at > margin ? (size_t)(at - margin) : 0;
        size_t to = at + margin < (double)count - 1 ? (size_t)(at + margin) : count - 1;
        double sample_low = trend_rank(w.buffer, count, from), sample_high = trend_rank(w.buffer, count, to);
        const double size = fabs(sample_low) > fabs(sample_high) ? fabs(sample_low) : fabs(sample_high);
        const double distance = 8 * 2.2e-16 * (largest + size * reach) / step;
        /* Assigned before they are compared: x87 registers hold more bits than a double, and a cut that
         * differs from `low` only in those would be taken for progress for ever. */
        double cut_low = sample_low - distance, cut_high = sample_high + distance;
        if (cut_low <= low && cut_high >= high) {
            /* The margin spans the whole bracket: halve it at the wanted sample instead. */
            from = to = at < (double)count ? (size_t)at : count - 1;
            sample_low = sample_high = trend_rank(w.buffer, count, from);
            cut_low = sample_low - distance;
            cut_high = sample_high + distance;
            if (cut_low <= low && cut_high >= high)
                return sample_low; /* as narrow as rounding allows */
        }
        const double middle = sample_low + (sample_high - sample_low) / 2;
        const bool narrow = sample_high - sample_low <= 2 * distance;
        bool between = true;
        if (cut_low > low) {
            const uint64_t below = slopes_below(time, value, n, cut_low, &w);
            between = below <= k;
            if (between) {
                low = cut_low;
                below_low = below;
            } else {
                high = cut_low;
                below_high = below;
            }
        }
        if (between && cut_high < high) {
            const uint64_t below = slopes_below(time, value, n, cut_high, &w);
            between = below > k;
            if (between) {
                high = cut_high;
                below_high = below;
            } else {
                low = cut_high;
                below_low = below;
            }
        }
        if (between && narrow)
            return middle;
    }
    /* Few enough are left: make them. */
    const size_t count = slopes_between(time, value, n, low, high, 0, 1, &w);
    if (count == 0)
        return low;
    const uint64_t rank = k - below_low;
    return trend_rank(w.buffer, count, rank < count ? (size_t)rank : count - 1);
}

/* ---- several ranks at once ---- */

/* Merges two runs of `width` from both ends at once: each end takes exactly `width` of the elements, so
 * neither can run out of a side, and the two chains of loads do not wait for each other. Returns the pairs
 * turned round: for an element of the right run taken at the front the left ones still there, at the back the
 * left ones already taken there. */
static uint64_t merge_both_ends(const double *key, const uint16_t *from, uint16_t *to, size_t width)
{
    size_t left = 0, right = width, back_left = width - 1, back_right = 2 * width - 1;
    uint64_t inversions = 0;
    for (size_t i = 0; i < width; i++) {
        const uint16_t l = from[left], r = from[right], bl = from[back_left], br = from[back_right];
        const size_t take_right = (size_t)(key[r] < key[l]), take_left = (size_t)(key[br] < key[bl]);
        to[i] = take_right ? r : l;
        to[2 * width - 1 - i] = take_left ? bl : br;
        inversions += ((width - left) & (0 - take_right)) + ((width - 1 - back_left) & (take_left - 1));
        right += take_right;
        left += 1 - take_right;
        back_left -= take_left;
        back_right -= 1 - take_left;
    }
    return inversions;
}

/* Sorts `order` by w->key and returns the number of pairs that it turned round. */
static uint64_t order_count(struct workspace *w, size_t n)
{
    uint16_t *from = w->order, *to = w->order_buffer;
    const double *key = w->key;
    uint64_t inversions = 0;
    for (size_t start = 0; start < n; start += RUN) {
        const size_t end = start + RUN < n ? start + RUN : n;
        for (size_t i = start + 1; i < end; i++) {
            const uint16_t o = from[i];
            size_t j = i;
            for (; j > start && key[from[j - 1]] > key[o]; j--)
                from[j] = from[j - 1];
            from[j] = o;
            inversions += i - j;
        }
    }
    for (size_t width = RUN; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = start + width < n ? start + width : n;
            const size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t left = start, right = middle, out = start;
            if (end - start == 2 * width) {
                inversions += merge_both_ends(key, from + start, to + start, width);
                continue;
            }
            while (left < middle && right < end) {
                const uint16_t l = from[left], r = from[right];
                const size_t take_right = (size_t)(key[r] < key[l]);
                to[out++] = take_right ? r : l;
                inversions += (middle - left) & (0 - take_right);
                right += take_right;
                left += 1 - take_right;
            }
            memcpy(to + out, from + left, (middle - left) * sizeof *to);
            out += middle - left;
            memcpy(to + out, from + right, (end - right) * sizeof *to);
        }
        uint16_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != w->order)
        memcpy(w->order, from, n * sizeof *from);
    return inversions;
}

static void keys_at(const double *time, const double *value, size_t n, double x, struct workspace *w)
{
    for (size_t i = 0; i < n; i++)
        w->key[i] = value[i] - x * time[i];
}

/* Sorts by the keys at `high` what is sorted by the keys at `low`, and counts in `bin` every stride-th of the
 * slopes in between, by where it lies in [low, high). Returns how many slopes lie there. */
static uint64_t slopes_histogram(const double *time, const double *value, size_t n, double low, double high,
                                 uint64_t stride, uint32_t *bin, size_t bins, struct workspace *w)
{
    uint16_t *from = w->order, *to = w->order_buffer;
    const double *key = w->key;
    const double scale = (double)bins / (high - low);
    uint64_t seen = 0, next = stride / 2;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t start = 0; start < n; start += 2 * width) {
            const size_t middle = start + width < n ? start + width : n;
            const size_t end = start + 2 * width < n ? start + 2 * width : n;
            size_t left = start, right = middle, out = start;
            while (left < middle && right < end) {
                const uint16_t l = from[left], r = from[right];
                if (key[r] < key[l]) {
                    for (seen += middle - left; next < seen; next += stride) {
                        const uint16_t other = from[middle - (size_t)(seen - next)];
                        const size_t a = other < r ? other : r, b = other < r ? r : other;
                        const double at = ((value[b] - value[a]) / (time[b] - time[a]) - low) * scale;
                        bin[at <= 0 ? 0 : at >= (double)(bins - 1) ? bins - 1 : (size_t)at]++;
                    }
                    to[out++] = r;
                    right++;
                } else {
                    to[out++] = l;
                    left++;
                }
            }
            memcpy(to + out, from + left, (middle - left) * sizeof *to);
            out += middle - left;
            memcpy(to + out, from + right, (end - right) * sizeof *to);
        }
        uint16_t *swap = from;
        from = to;
        to = swap;
    }
    return seen;
}

/* Few pairs are out of order: an insertion sort turns round just these, and each is a slope wanted. Returns
 * how many, or more than w->capacity when they do not fit. */
static size_t slopes_few(const double *time, const double *value, size_t n, struct workspace *w)
{
    uint16_t *order = w->order;
    const double *key = w->key;
    size_t count = 0;
    for (size_t i = 1; i < n; i++) {
        const uint16_t o = order[i];
        size_t j = i;
        for (; j > 0 && key[order[j - 1]] > key[o]; j--) {
            if (count == w->capacity)
                return count + 1;
            const uint16_t other = order[j - 1];
            const size_t a = other < o ? other : o, b = other < o ? o : other;
            w->buffer[count++] = (value[b] - value[a]) / (time[b] - time[a]);
            order[j] = other;
        }
        order[j] = o;
    }
    return count;
}

#define RANKS 3
#define SAMPLES_PER_POINT 20 /* of the histogram: then the cuts hold less than n slopes, whatever n */

/* The slopes of three ranks, rising and not far apart (the ends of an interval and its middle): they share a
 * first bracket and one histogram of it, after which each is cut out with few enough neighbours for an
 * insertion sort. `middle_pair` averages the middle one with its lower neighbour (the median of an even
 * number). False when chance or ties spoil it: then each is selected on its own. */
static bool select_together(const double *time, const double *value, size_t n, const uint64_t rank[RANKS],
                            bool middle_pair, double out[RANKS], void *scratch)
{
    struct workspace w = workspace_on(scratch, n);
    const double pairs = (double)n * (double)(n - 1) / 2;
    uint64_t state = n;
    for (size_t i = 0; i < w.capacity;) {
        const size_t a = (size_t)(random_next(&state) % n), b = (size_t)(random_next(&state) % n);
        if (a != b)
            w.buffer[i++] = (value[b] - value[a]) / (time[b] - time[a]);
    }
    const double m = (double)w.capacity, margin = 1.5 * sqrt(m) + 2;
    const double from = (double)rank[0] / pairs * m - margin,
                 to = (double)rank[RANKS - 1] / pairs * m + margin;
    if (from < 0 || to >= m)
        return false;
    const double low = trend_rank(w.buffer, w.capacity, (size_t)from);
    const double high = trend_rank(w.buffer, w.capacity, (size_t)to);
    for (size_t i = 0; i < n; i++)
        w.order[i] = (uint16_t)i;
    keys_at(time, value, n, low, &w);
    const uint64_t below_low = order_count(&w, n);
    if (!(high > low) || below_low > rank[0])
        return false;
    keys_at(time, value, n, high, &w);
    uint32_t *bin = (uint32_t *)w.buffer;
    const size_t bins = w.capacity;
    memset(bin, 0, bins * sizeof *bin);
    const uint64_t stride = (uint64_t)((to - from) / m * pairs) / (SAMPLES_PER_POINT * n) + 1;
    const uint64_t inside = slopes_histogram(time, value, n, low, high, stride, bin, bins, &w);
    if (below_low + inside <= rank[RANKS - 1])
        return false;
    double cut[RANKS][2];
    const double samples = (double)inside / (double)stride, width = (high - low) / (double)bins;
    for (size_t k = 0; k < RANKS; k++) {
        const double at = (double)(rank[k] - below_low) / (double)stride;
        const double spread = stride > 1 ? 1.5 * sqrt(at * (1 - at / samples)) + 2 : 2;
        double sum = 0;
        size_t b = 0;
        while (b < bins && sum + bin[b] < at - spread)
            sum += bin[b++];
        cut[k][0] = low + width * (double)b;
        while (b < bins && sum < at + spread)
            sum += bin[b++];
        cut[k][1] = low + width * (double)b;
    }
    for (size_t k = 0; k < RANKS; k++) {
        for (size_t i = 0; i < n; i++)
            w.order[i] = (uint16_t)i;
        keys_at(time, value, n, cut[k][0], &w);
        const uint64_t below = order_count(&w, n);
        keys_at(time, value, n, cut[k][1], &w);
        const bool pair = middle_pair && k == RANKS / 2;
        if (below > rank[k] - (pair ? 1 : 0))
            return false;
        const size_t count = slopes_few(time, value, n, &w);
        if (count > w.capacity || rank[k] - below >= count)
            return false;
        out[k] = trend_rank(w.buffer, count, (size_t)(rank[k] - below));
        if (pair)
            out[k] = (out[k] + trend_rank(w.buffer, count, (size_t)(rank[k] - below - 1))) / 2;
    }
    return true;
}

#define ALL_MAX 64 /* points: up to here all slopes are made, and fit on the stack */

/* The same of all slopes: for a few points nothing is faster. */
static void select_among_all(const double *time, const double *value, size_t n, const uint64_t rank[RANKS],
                             bool middle_pair, double out[RANKS])
{
    double slope[ALL_MAX * (ALL_MAX - 1) / 2];
    size_t count = 0;
    for (size_t b = 1; b < n; b++)
        for (size_t a = 0; a < b; a++)
            slope[count++] = (value[b] - value[a]) / (time[b] - time[a]);
    const size_t first = (size_t)rank[0], middle = (size_t)rank[1], last = (size_t)rank[2];
    out[1] = trend_rank(slope, count, middle);
    if (middle_pair) {
        double lower = slope[0];
        for (size_t i = 1; i < middle; i++)
            lower = slope[i] > lower ? slope[i] : lower;
        out[1] = (out[1] + lower) / 2;
    }
    out[0] = trend_rank(slope, middle + 1, first);
    out[2] = trend_rank(slope + middle, count - middle, last - middle);
}

/* ---- Kendall ---- */

enum status trend_kendall(const double *value, size_t n, void *scratch, struct trend_kendall *out_kendall)
{
    if (n < TREND_POINTS_MIN || n > TREND_POINTS_MAX)
        return STATUS_INVALID;
    struct workspace w = workspace_on(scratch, n);
    memcpy(w.key, value, n * sizeof *value);
    const double pairs = (double)n * (double)(n - 1) / 2;
    const uint64_t discordant = inversions_sort(w.key, w.buffer, n);
    double tied = 0, correction = 0;
    for (size_t i = 0; i < n;) {
        size_t j = i + 1;
        while (j < n && !(w.key[j] > w.key[i]))
            j++;
        const double run = (double)(j - i);
        tied += run * (run - 1) / 2;
        correction += run * (run - 1) * (2 * run + 5);
        i = j;
    }
    const double s = pairs - tied - 2 * (double)discordant;
    const double m = (double)n;
    out_kendall->s = (int64_t)s;
    out_kendall->variance = (m * (m - 1) * (2 * m + 5) - correction) / 18;
    out_kendall->z = 0;
    if (out_kendall->variance > 0 && fabs(s) > 0.5)
        out_kendall->z = (s > 0 ? s - 1 : s + 1) / sqrt(out_kendall->variance);
    return STATUS_OK;
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

enum status trend_slope(const double *time, const double *value, size_t n, double confidence_pct,
                        void *scratch, struct trend_slope *out_slope)
{
    if (n < TREND_POINTS_MIN || n > TREND_POINTS_MAX || !(confidence_pct > 50 && confidence_pct < 100))
        return STATUS_INVALID;
    for (size_t i = 1; i < n; i++)
        if (!(time[i] > time[i - 1]))
            return STATUS_INVALID;
    size_t same = 1;
    while (same < n && value[same] == value[0])
        same++;
    if (same == n) { /* most handle counts, most of the time */
        *out_slope = (struct trend_slope){.intercept = value[0], .effective_n = (double)n};
        return STATUS_OK;
    }
    const uint64_t pairs = (uint64_t)n * (n - 1) / 2;
    const double m = (double)n;
    /* The autocorrelation is that about the least squares line: it is needed before the ranks are known. */
    const double phi = residual_autocorrelation(time, value, n, line_rate(time, value, n));
    double effective = m * (1 - phi) / (1 + phi);
    if (effective < 3)
        effective = 3;
    /* Sen's interval: the ranks within which S could have come from no trend; its variance grows by n /
     * effective. */
    const double quantile = trend_student_quantile(confidence_pct, effective - 1);
    const double spread = quantile * sqrt(m * (m - 1) * (2 * m + 5) / 18 * (m / effective));
    const double low_rank = fmax(((double)pairs - spread) / 2, 0);
    const double high_rank = fmin(((double)pairs + spread) / 2, (double)pairs - 1);
    const uint64_t rank[RANKS] = {(uint64_t)low_rank, pairs / 2, (uint64_t)ceil(high_rank)};
    const bool even = pairs % 2 == 0;
    double slopes[RANKS];
    if (n <= ALL_MAX) {
        select_among_all(time, value, n, rank, even, slopes);
    } else if (!select_together(time, value, n, rank, even, slopes, scratch)) {
        for (size_t k = 0; k < RANKS; k++)
            slopes[k] = trend_select_slope(time, value, n, rank[k], scratch);
        if (even)
            slopes[1] = (slopes[1] + trend_select_slope(time, value, n, rank[1] - 1, scratch)) / 2;
    }
    const double slope = slopes[1];
    struct workspace w = workspace_on(scratch, n);
    for (size_t i = 0; i < n; i++)
        w.key[i] = value[i] - slope * time[i];
    const double intercept = trend_median(w.key, n);
    out_slope->low = slopes[0];
    out_slope->high = slopes[2];
    out_slope->slope = slope;
    out_slope->intercept = intercept;
    out_slope->autocorrelation = phi;
    out_slope->effective_n = effective;
    return STATUS_OK;
}

/* ---- shapes ---- */

double trend_line_residue(const double *time, const double *value, size_t n)
{
    double mean_t = 0, mean_v = 0;
    for (size_t i = 0; i < n; i++) {
        mean_t += time[i];
        mean_v += value[i];
    }
    mean_t /= (double)n;
    mean_v /= (double)n;
    double tt = 0, tv = 0, vv = 0;
    for (size_t i = 0; i < n; i++) {
        const double t = time[i] - mean_t, v = value[i] - mean_v;
        tt += t * t;
        tv += t * v;
        vv += v * v;
    }
    const double residue = tt > 0 ? vv - tv * tv / tt : vv;
    return residue > 0 ? residue : 0;
}

double trend_saturating_residue(const double *time, const double *value, size_t n, double *out_level,
                                double *out_tau)
{
    const double span = time[n - 1] - time[0];
    double best = HUGE_VAL;
    *out_level = value[n - 1];
    *out_tau = span;
    for (int step = 0; step <= 8; step++) {
        const double tau = span * 0.125 * pow(2, step * 0.5); /* 1/8 .. 2 */
        double mean_x = 0, mean_v = 0, xx = 0, xv = 0, vv = 0;
        for (size_t i = 0; i < n; i++) {
            mean_x += -expm1(-(time[i] - time[0]) / tau);
            mean_v += value[i];
        }
        mean_x /= (double)n;
        mean_v /= (double)n;
        for (size_t i = 0; i < n; i++) {
            const double x = -expm1(-(time[i] - time[0]) / tau) - mean_x, v = value[i] - mean_v;
            xx += x * x;
            xv += x * v;
            vv += v * v;
        }
        const double b = xx > 0 ? xv / xx : 0;
        const double residue = vv - b * xv > 0 ? vv - b * xv : 0;
        if (residue < best) {
            best = residue;
            *out_level = mean_v + b * (1 - mean_x);
            *out_tau = tau;
        }
    }
    return best;
}

double trend_stairs_residue(const double *value, size_t n, size_t jumps,
                            size_t out_at[TREND_STAIRS_JUMPS_MAX])
{
    /* cost[k][j]: least residue of the first j values with k jumps; from[k][j]: where its last level begins.
     */
    double cost[TREND_STAIRS_JUMPS_MAX + 1][TREND_STAIRS_POINTS_MAX + 1];
    uint8_t from[TREND_STAIRS_JUMPS_MAX + 1][TREND_STAIRS_POINTS_MAX + 1];
    double sum[TREND_STAIRS_POINTS_MAX + 1] = {0}, square[TREND_STAIRS_POINTS_MAX + 1] = {0};
    for (size_t i = 0; i < n; i++) {
        const double v = value[i] - value[0];
        sum[i + 1] = sum[i] + v;
        square[i + 1] = square[i] + v * v;
    }
    for (size_t k = 0; k <= jumps; k++) {
        for (size_t j = 0; j <= n; j++) {
            cost[k][j] = j == 0 ? 0 : HUGE_VAL;
            from[k][j] = 0;
            const size_t first = k == 0 ? 0 : 1, last = k == 0 ? 0 : j == 0 ? 0 : j - 1;
            for (size_t i = first; j > 0 && i <= last; i++) {
                const double s = sum[j] - sum[i];
                const double level = square[j] - square[i] - s * s / (double)(j - i);
                const double c = (k == 0 ? 0 : cost[k - 1][i]) + (level > 0 ? level : 0);
                if (c < cost[k][j]) {
                    cost[k][j] = c;
                    from[k][j] = (uint8_t)i;
                }
            }
        }
    }
    size_t best = 0;
    for (size_t k = 1; k <= jumps; k++)
        if (cost[k][n] < cost[best][n])
            best = k;
    if (out_at != NULL) {
        size_t end = n;
        for (size_t k = 0; k < TREND_STAIRS_JUMPS_MAX; k++)
            out_at[k] = n;
        for (size_t k = best; k > 0; k--) {
            end = from[k][end];
            out_at[k - 1] = end;
        }
    }
    return cost[best][n];
}

double trend_aicc(double residue, double floor, size_t n, size_t parameters)
{
    const double m = (double)n, p = (double)parameters;
    const double r = residue > floor ? residue : floor;
    if (m - p - 1 <= 0)
        return HUGE_VAL;
    return m * log(r > 0 ? r / m : 1e-300) + 2 * p + 2 * p * (p + 1) / (m - p - 1);
}

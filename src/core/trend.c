/* trend.c - order statistics, quantiles, shapes: see trend.h. The slope is in trend_slope.c. */
#include "storewatch/trend.h"

#include <string.h>

/* Moves what is below the pivot (or not above it) to the front of array[low..high) and returns where it ends.
 * Without a branch: which way a value goes cannot be predicted. */
static inline size_t partition(double *array, size_t low, size_t high, double pivot, bool or_equal)
{
    size_t end = low;
    for (size_t i = low; i < high; i++) {
        const double v = array[i];
        array[i] = array[end];
        array[end] = v;
        end += (size_t)((v < pivot) | (or_equal & (v <= pivot)));
    }
    return end;
}

#define SORTED_MAX 12 /* values: so few are sorted faster */

double trend_rank(double *array, size_t n, size_t k)
{
    size_t low = 0, high = n;
    while (high - low > SORTED_MAX) {
        const double a = array[low], b = array[low + (high - low) / 2], c = array[high - 1];
        const double pivot = a < b ? (b < c ? b : (a < c ? c : a)) : (a < c ? a : (b < c ? c : b));
        size_t end = partition(array, low, high, pivot, false);
        if (end == low) { /* the pivot is the lowest, perhaps of many equal ones (quantised series) */
            end = partition(array, low, high, pivot, true);
            if (k < end || end == low)
                return pivot;
        }
        if (k < end)
            high = end;
        else
            low = end;
    }
    /* By insertion, and without a branch too: the value passes what is not above it, and then each the next one up. */
    for (size_t i = low + 1; i < high; i++) {
        double carried = array[i];
        for (size_t j = low; j < i; j++) {
            const double there = array[j];
            array[j] = carried < there ? carried : there;
            carried = carried < there ? there : carried;
        }
        array[i] = carried;
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

/* ---- shapes ---- */

/* Sums of squares and products about the means. */
struct moments {
    double tt, tv, vv;
};

static struct moments moments_of(const double *time, const double *value, size_t n)
{
    double mean_t = 0, mean_v = 0;
    for (size_t i = 0; i < n; i++) {
        mean_t += time[i];
        mean_v += value[i];
    }
    mean_t /= (double)n;
    mean_v /= (double)n;
    struct moments sum = {0};
    for (size_t i = 0; i < n; i++) {
        const double t = time[i] - mean_t, v = value[i] - mean_v;
        sum.tt += t * t;
        sum.tv += t * v;
        sum.vv += v * v;
    }
    return sum;
}

static double residue_of(struct moments sum)
{
    const double residue = sum.tt > 0 ? sum.vv - sum.tv * sum.tv / sum.tt : sum.vv;
    return residue > 0 ? residue : 0;
}

double trend_line_residue(const double *time, const double *value, size_t n)
{
    return residue_of(moments_of(time, value, n));
}

double trend_step_residue(const double *time, const double *value, size_t n, size_t at)
{
    const struct moments a = moments_of(time, value, at), b = moments_of(time + at, value + at, n - at);
    return residue_of((struct moments){a.tt + b.tt, a.tv + b.tv, a.vv + b.vv});
}

double trend_hinge_residue(const double *time, const double *value, size_t n, size_t at)
{
    double bent[TREND_HINGE_POINTS_MAX];
    for (size_t i = 0; i < n; i++)
        bent[i] = fmax(time[i], time[at]);
    return trend_line_residue(bent, value, n);
}

void trend_parabola(const double *time, const double *value, size_t n, struct trend_parabola *out)
{
    const double middle = (time[0] + time[n - 1]) / 2, half = (time[n - 1] - time[0]) / 2, m = (double)n;
    double x1 = 0, x2 = 0, x3 = 0, x4 = 0, v0 = 0, v1 = 0, v2 = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - middle) / half, v = value[i] - value[0];
        x1 += x;
        x2 += x * x;
        x3 += x * x * x;
        x4 += x * x * x * x;
        v0 += v;
        v1 += v * x;
        v2 += v * x * x;
    }
    /* Normal equations with x and x^2 centred. */
    const double s11 = x2 - x1 * x1 / m, s12 = x3 - x1 * x2 / m, s22 = x4 - x2 * x2 / m;
    const double s1v = v1 - x1 * v0 / m, s2v = v2 - x2 * v0 / m;
    const double determinant = s11 * s22 - s12 * s12;
    const double bend = determinant > 0 ? (s11 * s2v - s12 * s1v) / determinant : 0;
    const double slope = s11 > 0 ? (s1v - bend * s12) / s11 : 0;
    const double level = (v0 - slope * x1 - bend * x2) / m;
    double residue = 0;
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - middle) / half;
        const double rest = value[i] - value[0] - level - slope * x - bend * x * x;
        residue += rest * rest;
    }
    *out = (struct trend_parabola){.middle = middle,
                                   .half = half,
                                   .level = value[0] + level,
                                   .slope = slope,
                                   .bend = bend,
                                   .line_slope = s11 > 0 ? s1v / s11 : 0,
                                   .residue = residue};
}

double trend_parabola_rest(const struct trend_parabola *curve, double time, double value)
{
    const double x = (time - curve->middle) / curve->half;
    return value - curve->level - curve->slope * x - curve->bend * x * x;
}

/* What a parabola leaves of the values, less what of it lies along what a parabola leaves of the cube. */
double trend_cubic_residue(const double *time, const double *value, size_t n)
{
    struct trend_parabola curve, of_cube;
    double cube[TREND_CUBIC_POINTS_MAX];
    trend_parabola(time, value, n, &curve);
    for (size_t i = 0; i < n; i++) {
        const double x = (time[i] - curve.middle) / curve.half;
        cube[i] = x * x * x;
    }
    trend_parabola(time, cube, n, &of_cube);
    double cc = 0, cv = 0;
    for (size_t i = 0; i < n; i++) {
        const double rest = trend_parabola_rest(&of_cube, time[i], cube[i]);
        cc += rest * rest;
        cv += rest * trend_parabola_rest(&curve, time[i], value[i]);
    }
    return cc > 0 ? fmax(0, curve.residue - cv * cv / cc) : curve.residue;
}

#define TAUS 9

double trend_saturating_residue(const double *time, const double *value, size_t n, double *out_level,
                                double *out_tau)
{
    const double span = time[n - 1] - time[0], m = (double)n;
    double mean = 0, vv = 0;
    for (size_t i = 0; i < n; i++)
        mean += value[i] / m;
    /* tau[k] = 2 span / sqrt(2)^k. Two of them halve it, and half the tau squares the exponential. */
    double x1[TAUS] = {0}, xx[TAUS] = {0}, xv[TAUS] = {0};
    for (size_t i = 0; i < n; i++) {
        const double v = value[i] - mean, t = (time[i] - time[0]) / (2 * span);
        double left[TAUS] = {exp(-t), exp(-t * sqrt(2.0))};
        vv += v * v;
        for (size_t k = 0; k < TAUS; k++) {
            if (k >= 2)
                left[k] = left[k - 2] * left[k - 2];
            const double x = 1 - left[k];
            x1[k] += x;
            xx[k] += x * x;
            xv[k] += x * v;
        }
    }
    double best = HUGE_VAL;
    *out_level = value[n - 1];
    *out_tau = span;
    for (size_t k = TAUS; k-- > 0;) {
        const double square = xx[k] - x1[k] * x1[k] / m;
        const double b = square > 0 ? xv[k] / square : 0;
        const double residue = vv - b * xv[k] > 0 ? vv - b * xv[k] : 0;
        if (residue < best) {
            best = residue;
            *out_level = mean + b * (1 - x1[k] / m);
            *out_tau = 2 * span * pow(2, -0.5 * (double)k);
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

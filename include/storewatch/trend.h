/* trend.h - the estimators: robust slope with an honest interval, monotonic trend, shape against shape.
 *
 * All of them are exact, deterministic and work in memory the caller lends; none allocates. Times are in any
 * unit (the slope is per that unit) and strictly increasing; values are finite.
 *
 * Sources: H. Theil 1950, "A rank-invariant method of linear and polynomial regression analysis"; P. K. Sen
 * 1968, "Estimates of the regression coefficient based on Kendall's tau" (median of the pair slopes; interval
 * from the ranks that Kendall's S allows). W. R. Knight 1966 (Kendall's S by counting inversions in a merge
 * sort). J. Matousek 1991, "Randomized optimal algorithm for slope selection" (the k-th of n(n-1)/2 slopes
 * without making them). K. H. Hamed, A. R. Rao 1998 (autocorrelation inflates the variance of S). C. M.
 * Hurvich, C.-L. Tsai 1989 (AICc). B. Jackson et al. 2005 (exact segmentation by dynamic programming,
 * "optimal partitioning"). */
#ifndef STOREWATCH_TREND_H
#define STOREWATCH_TREND_H

#include "storewatch/base.h"

#define TREND_POINTS_MIN 4
#define TREND_POINTS_MAX 65535

/* What the selection of slopes works in: so many words for n points, under 23 n + 64 bytes. */
union trend_word {
    uint64_t key;
    double slope;
};
#define TREND_SCRATCH_WORDS(n) (2 * (n) + 5 * (n) / 6 + 8)

struct trend_slope {
    double slope;       /* median of the pair slopes */
    double low, high;   /* the interval of the given confidence, widened for autocorrelation */
    double intercept;   /* of the line at time 0: median of value - slope * time */
    double effective_n; /* how many independent points these are worth */
};

/* Theil-Sen slope with Sen's interval, exact, in O(n log n) expected time. confidence_pct is 50 < x < 100.
 * `scratch` has TREND_SCRATCH_WORDS(n). INVALID when n is outside TREND_POINTS_MIN..TREND_POINTS_MAX, times
 * do not increase, or differences of the values overflow. */
enum status trend_slope(const double *time, const double *value, size_t n, double confidence_pct,
                        union trend_word *scratch, struct trend_slope *out_slope);

/* Two-sided standard normal and Student quantiles: the x with P(|X| <= x) = confidence_pct / 100. */
double trend_normal_quantile(double confidence_pct);
double trend_student_quantile(double confidence_pct, double degrees);

/* Least squares: sums of squared residuals of some shapes, to be compared by trend_aicc. */
double trend_line_residue(const double *time, const double *value, size_t n);
/* One slope with a step before point `at`: 0 < at < n. */
double trend_step_residue(const double *time, const double *value, size_t n, size_t at);
/* A level up to time[at], and one slope from there on: at < n <= TREND_HINGE_POINTS_MAX. */
#define TREND_HINGE_POINTS_MAX 256
double trend_hinge_residue(const double *time, const double *value, size_t n, size_t at);
/* value = a + b (1 - exp(-(time - time[0]) / tau)), b of the sign of the fit, tau from a logarithmic grid of
 * 1/8 to 2 of the time spanned. out_level is the level it heads for. */
double trend_saturating_residue(const double *time, const double *value, size_t n, double *out_level,
                                double *out_tau);
/* The least squares parabola value = level + slope x + bend x^2 with x = (time - middle) / half: -1 at the
 * first time, 1 at the last. residue is its sum of squares, line_slope the slope of the straight line in the
 * same x. n >= 3; without three different times bend is 0. */
struct trend_parabola {
    double middle, half;
    double level, slope, bend;
    double line_slope;
    double residue;
};
void trend_parabola(const double *time, const double *value, size_t n, struct trend_parabola *out_parabola);
/* What it leaves of this point's value. */
double trend_parabola_rest(const struct trend_parabola *parabola, double time, double value);
/* Sum of squares that the least squares cubic leaves: a flank that is steepest in its middle has one far
 * better than its line. n <= TREND_CUBIC_POINTS_MAX, at least 4. */
#define TREND_CUBIC_POINTS_MAX 64
double trend_cubic_residue(const double *time, const double *value, size_t n);
#define TREND_STAIRS_POINTS_MAX 64
#define TREND_STAIRS_JUMPS_MAX 3
/* The best piecewise constant fit with at most `jumps` jumps (exact, by dynamic programming, O(jumps n^2)).
 * n <= TREND_STAIRS_POINTS_MAX; out_at (may be NULL) gets the index at which each new level begins. */
double trend_stairs_residue(const double *value, size_t n, size_t jumps,
                            size_t out_at[TREND_STAIRS_JUMPS_MAX]);

/* Akaike's criterion with the small sample correction, for Gaussian residuals of unknown variance;
 * `parameters` counts the variance too. Smaller is better. A residue below `floor` counts as `floor` (nothing
 * is known better than the quantisation of the values). */
double trend_aicc(double residue, double floor, size_t n, size_t parameters);

/* Order statistics in place: the value of 0-based rank k; array is permuted. */
double trend_rank(double *array, size_t n, size_t k);
double trend_median(double *array, size_t n); /* NAN for n = 0; mean of the two middle ones for even n */

#endif

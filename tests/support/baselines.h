/* baselines.h - the rules that people use today, to measure the verdict beside them on the same work.
 *
 * Each sees only the past, is evaluated at up to 100 instants of a record, raises after 3 true evaluations
 * running and clears after 3 false ones. Without a known limit exhaustion is twice the median of the first
 * tenth. The verdict bench compares these with the corpus' own program of the same rules. */
#ifndef STOREWATCH_TESTS_BASELINES_H
#define STOREWATCH_TESTS_BASELINES_H

#include <stddef.h>

/* STATIC: the value is over 90 % of the limit.
 * PREDICT, Prometheus' predict_linear: the line through the last 60 samples reaches the limit within 240 more.
 * MKSEN: Mann-Kendall, one-sided p < 0.01, variance by Hamed and Rao, and Sen's slope reaches the limit within 7
 * times the time seen.
 * LBR, linear backward regression (Precog, untrained): a window that ends now fits with R2 > 0.8 and reaches
 * the limit within 7 times the time seen. */
#define BASELINE_LIST(X)                                                                                     \
    X(STATIC, "static")                                                                                      \
    X(PREDICT, "predict")                                                                                    \
    X(MKSEN, "mksen")                                                                                        \
    X(LBR, "lbr")

enum baseline {
#define BASELINE_ENUM(name, text) BASELINE_##name,
    BASELINE_LIST(BASELINE_ENUM)
#undef BASELINE_ENUM
        BASELINE_COUNT
};

#define BASELINE_ALARMS_MAX 40

const char *baseline_name(enum baseline baseline);

/* Times in seconds, rising; values finite (missing samples left out). limit NAN = unknown. Writes the times
 * of the alarms and returns how many. */
size_t baseline_alarms(enum baseline baseline, const double *time, const double *value, size_t n,
                       double limit, double out_alarms[BASELINE_ALARMS_MAX]);

#endif

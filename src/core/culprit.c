/* culprit.c - see culprit.h. In the order of the work: the window, who moved in it, load, then of each suspect
 * doubts, onset, in step and score, then the order of all. The words are in culprit_words.c. */
#include "storewatch/culprit.h"

#include "culprit_internal.h"
#include "storewatch/trend.h"
#include "storewatch/units.h"

#include <string.h>

/* ---- constants, each with its argument ---- */

#define CONFIDENCE_PCT 95.0
/* The window begins this part of the growth's duration before its onset, so that it shows who was flat. */
#define LEAD_IN 0.5
#define LEAD_IN_SLOTS 12
/* "It grew": of the pairs of PARTS parts so much more rise than fall, and by so many usual jumps from slot to
 * slot. */
#define PARTS 8
#define TAU_LEAST 0.5
#define NOISE_FACTOR 3.0
/* Who is known to grow without bound needs less than CULPRIT_MATERIAL_SHARE. */
#define MATERIAL_SHARE_UNBOUNDED 0.15
/* Whoever grew by less than this part of the growth, and by fewer handles than that, is no suspect. */
#define SHARE_LEAST 0.01
#define HANDLES_LEAST 12.0

/* What each doubt leaves of a score, and of odds: about a half or a third, so none alone acquits and two do.
 */
#define KEEPS_LEVELLING 0.4
#define KEEPS_WAS_THERE 0.3
#define KEEPS_NEW 0.5
#define KEEPS_LOAD 0.35
/* After its end it goes on at half of the rate, or faster: another one makes it grow. */
#define KEEPS_OUTLIVED 0.1
#define GOES_ON_RATE 0.5
/* A kernel object and its handle take some hundred bytes to a few KiB of pool; with a socket's or a pipe's
 * buffers more. Beyond this the handles are not what holds it. */
#define POOL_A_HANDLE_MAX (64 * KIB)
#define KEEPS_FEW_HANDLES 0.1
/* Up to POOL_A_HANDLE_USUAL the handles alone explain all of it, and what is ten times as much is one reason
 * among others: odds in proportion, as a driver's leak knows nothing of handles. */
#define POOL_HANDLES_ODDS 20.0
/* The store takes memory for its cache while there is some, and gives it back: until its detector says
 * `unbounded` its growth is that, and even then it may be. */
#define KEEPS_CACHE 0.4
#define KEEPS_CACHE_UNBOUNDED 0.7

/* A curve bends when the exponential approach explains it so much better than the line (Akaike: 2 for its
 * parameter, and 4), and levels off when less than this part of its rise is still to come. */
#define BENT_EVIDENCE 6.0
#define TO_COME_MOST 0.5
/* It "was as large before" when it has gone beyond what it had before the onset by less than this part of its rise. */
#define BEYOND_LEAST 0.1
/* Load: so many others, and so large a part of those that matter, grow at the same time. Theil-Sen's interval
 * lets some drift through: a third is beyond chance. */
#define LOAD_COUNT 3
#define LOAD_PART 0.33
#define LOAD_LEVEL_BYTES (8 * MIB)
#define LOAD_RELATIVE 0.02
/* Load takes everybody by a similar factor; three times the usual one is still load. */
#define LOAD_FACTOR 3.0

/* Indirect evidence. Prior probability that one process makes the store grow: a handful of MAPI clients on a
 * machine, any one of them rarely; of a program that is not known to use MAPI still more so. */
#define PRIOR_CLIENT 0.3
#define PRIOR_OTHER 0.06
/* Of the pools: whose handles grow, MAPI client or not, as each holds some. */
#define PRIOR_HANDLES 0.15
#define UNBOUNDED_ODDS 3.0
#define LACKS_FIX_ODDS 3.0

/* ---- the window ---- */

static void curve_make(const struct growers_window *window, const struct grower *row,
                       enum grower_column column, size_t from, struct culprit_curve *curve)
{
    curve->n = 0;
    for (size_t i = from; i < window->count; i++) {
        double value = growers_value(row, window, column, i);
        if (isnan(value))
            continue;
        curve->t[curve->n] = (double)i * (double)window->width_ms / 1000;
        curve->v[curve->n++] = value;
    }
}

static double median_of(const double *values, size_t n)
{
    double copy[GROWERS_SLOTS];
    memcpy(copy, values, n * sizeof copy[0]);
    return trend_median(copy, n);
}

/* Level at the end less level at the begin, each of a few points. */
static double rise_of(const struct culprit_curve *curve)
{
    size_t few = curve->n / 12 + 3;
    if (curve->n < 2 * few)
        return curve->n > 1 ? curve->v[curve->n - 1] - curve->v[0] : 0;
    return median_of(curve->v + curve->n - few, few) - median_of(curve->v, few);
}

/* Does it rise all the way, in whatever rhythm? Kendall's tau of PARTS medians: at noon and at night a leak
 * grows at different rates, which makes any straight line's interval useless, but it does not come back. */
static bool rises(const struct culprit_curve *curve, double least, double least_tau)
{
    double part[PARTS], jumps[GROWERS_SLOTS];
    if (curve->n < CULPRIT_POINTS_MIN || !(rise_of(curve) > least))
        return false;
    for (size_t p = 0; p < PARTS; p++) {
        size_t from = p * curve->n / PARTS, to = (p + 1) * curve->n / PARTS;
        part[p] = median_of(curve->v + from, to - from);
    }
    int concordant = 0;
    for (size_t p = 0; p < PARTS; p++)
        for (size_t q = p + 1; q < PARTS; q++)
            concordant += (part[q] > part[p]) - (part[q] < part[p]);
    for (size_t i = 0; i + 1 < curve->n; i++)
        jumps[i] = fabs(curve->v[i + 1] - curve->v[i]);
    return concordant >= least_tau * PARTS * (PARTS - 1) / 2 &&
           rise_of(curve) > NOISE_FACTOR * trend_median(jumps, curve->n - 1);
}

static bool slope_of(const struct culprit_curve *curve, struct trend_slope *out_slope)
{
    union trend_word scratch[TREND_SCRATCH_WORDS(GROWERS_SLOTS)];
    return curve->n >= CULPRIT_POINTS_MIN &&
           trend_slope(curve->t, curve->v, curve->n, CONFIDENCE_PCT, scratch, out_slope) == STATUS_OK;
}

/* ---- who moved ---- */

static const struct culprit_known *known_of(const struct culprit_known *known, size_t count,
                                            struct process_id process)
{
    for (size_t i = 0; i < count; i++)
        if (process_id_equal(known[i].process, process))
            return &known[i];
    return NULL;
}

/* By the finest slots that reach back so far: a long window has few since then. */
static void curve_since(const struct culprit_work *work, const struct grower *row, enum grower_column column,
                        int64_t from_mono_ms, struct culprit_curve *curve)
{
    const struct growers_window since = growers_window_from(work->growers, from_mono_ms);
    curve_make(&since, row, column, 0, curve);
}

bool culprit_leaks_on(const struct culprit_work *work, const struct grower *row)
{
    struct culprit_curve whole, bytes, handles;
    const int64_t warm_mono_ms = row->born_mono_ms + work->question->warm_up_ms;
    curve_since(work, work->whole, work->column, row->born_mono_ms, &whole);
    curve_since(work, row, GROWER_BYTES, warm_mono_ms, &bytes);
    curve_since(work, row, GROWER_HANDLES, warm_mono_ms, &handles);
    return rises(&whole, 0, TAU_LEAST) && (rises(&bytes, 0, TAU_LEAST) || rises(&handles, 0, TAU_LEAST));
}

static void suspect_measure(const struct culprit_work *work, struct suspect *suspect)
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        struct culprit_curve curve;
        curve_make(&work->window, suspect->row, (enum grower_column)c, work->onset, &curve);
        if (curve.n < CULPRIT_POINTS_MIN && culprit_of_store(work))
            curve_since(work, suspect->row, (enum grower_column)c, suspect->row->born_mono_ms, &curve);
        suspect->rise[c] = curve.n ? rise_of(&curve) : NAN;
        suspect->level[c] = curve.n ? curve.v[0] : NAN;
        double least = c == GROWER_HANDLES       ? HANDLES_LEAST
                       : culprit_of_commit(work) ? SHARE_LEAST * rise_of(&work->whole_curve)
                                                 : 0.001 * suspect->level[c];
        suspect->grows[c] = rises(&curve, least, TAU_LEAST) && slope_of(&curve, &suspect->slope[c]);
    }
}

/* The most of these that are of one program. */
static size_t most_of_one_program(const struct suspect *const *growing, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t its = 0;
        for (size_t k = 0; k < count; k++)
            its += culprit_same_program(growing[i], growing[k]) ? 1 : 0;
        most = its > most ? its : most;
    }
    return most;
}

/* The processes that matter: do many of them grow, and by what factor? */
static void find_load(struct culprit_work *work, const struct suspect *suspects, size_t count)
{
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        const struct suspect *growing[GROWERS_MAX];
        double relative[GROWERS_MAX];
        size_t n = 0, matter = 0;
        for (size_t i = 0; i < count; i++) {
            const struct suspect *suspect = &suspects[i];
            if (!(suspect->level[GROWER_BYTES] >= LOAD_LEVEL_BYTES))
                continue;
            matter++;
            double part = suspect->rise[c] / suspect->level[c];
            if (!suspect->grows[c] || !(part >= LOAD_RELATIVE))
                continue;
            growing[n] = suspect;
            relative[n++] = part;
        }
        work->load_growth[c] = n ? trend_median(relative, n) : 0;
        /* What is asked about is no witness: one process, or a program with all of its. */
        size_t asked = most_of_one_program(growing, n);
        work->with_load |=
            n - asked >= LOAD_COUNT && (double)(n - asked) >= LOAD_PART * (double)(matter - asked);
    }
}

/* ---- doubts ---- */

/* What these points are worth about the curve a exp(-t / tau) + level (1 - exp(-t / tau)). */
static double worth_about(const double *t, const double *v, size_t n, double level, double tau)
{
    double rest[GROWERS_SLOTS], ee = 0, ev = 0;
    for (size_t i = 0; i < n; i++) {
        double e = exp((t[0] - t[i]) / tau);
        ee += e * e;
        ev += e * (v[i] - level * (1 - e));
    }
    for (size_t i = 0; i < n; i++) {
        double e = exp((t[0] - t[i]) / tau);
        rest[i] = v[i] - level - (ev / ee - level) * e;
    }
    return culprit_worth(rest, n);
}

/* A curve on the way to a bound, from its own begin on: the exponential approach explains it better than the
 * line, and most of the way is behind it. */
static bool levels_off(const struct culprit_work *work, const struct suspect *suspect,
                       enum grower_column column)
{
    struct culprit_curve curve;
    curve_make(&work->window, suspect->row, column, work->onset, &curve);
    size_t from = 0;
    while (suspect->onset.known && from < curve.n && curve.t[from] < suspect->onset.at)
        from++;
    size_t n = curve.n - from;
    if (n < CULPRIT_POINTS_MIN)
        return false;
    const double *t = curve.t + from, *v = curve.v + from;
    double level, tau, floor = 1e-12 * (double)n * v[0] * v[0];
    double line = trend_line_residue(t, v, n);
    double bent = trend_saturating_residue(t, v, n, &level, &tau);
    double rise = median_of(v + n - 3, 3) - median_of(v, 3);
    if (!(bent > floor))
        bent = floor;
    return worth_about(t, v, n, level, tau) * log(line / bent) > BENT_EVIDENCE &&
           level - v[n - 1] < TO_COME_MOST * rise;
}

static bool is_bounded_shape(enum shape shape)
{
    return shape == SHAPE_WARM_UP || shape == SHAPE_PLATEAU || shape == SHAPE_PERIODIC ||
           shape == SHAPE_SAWTOOTH || shape == SHAPE_SHRINKING;
}

/* Has it a successor of which it cannot be told yet whether it is what goes on? */
static bool has_young_successor(const struct culprit_work *work, const struct grower *row)
{
    const int64_t young_ms = work->question->warm_up_ms + CULPRIT_POINTS_MIN * work->growers->slot_ms;
    for (size_t i = 0; i < work->present_count; i++)
        if (text_equal_nocase(work->rows[i]->image, row->image) &&
            work->rows[i]->born_mono_ms >= row->ended_mono_ms - work->growers->slot_ms &&
            work->growers->looked_mono_ms - work->rows[i]->born_mono_ms < young_ms)
            return true;
    return false;
}

/* Did what grows surely go on as before when this one had ended? */
static bool is_outlived(const struct culprit_work *work, const struct grower *row)
{
    struct culprit_curve before = work->whole_curve, after;
    struct trend_slope slope_before, slope_after;
    if (!culprit_has_ended(row) || has_young_successor(work, row))
        return false;
    curve_since(work, work->whole, work->column, row->ended_mono_ms, &after);
    while (before.n > 0 &&
           growers_time(work->growers, &work->window, 0) + (int64_t)(1000 * before.t[before.n - 1]) >
               row->ended_mono_ms)
        before.n--;
    return rises(&after, 0, TAU_LEAST) && slope_of(&before, &slope_before) &&
           slope_of(&after, &slope_after) && slope_after.slope > GOES_ON_RATE * slope_before.slope;
}

static unsigned doubts_of(const struct culprit_work *work, const struct suspect *suspect,
                          enum grower_column column)
{
    unsigned doubts = 0;
    const struct culprit_known *known = suspect->known;
    bool unbounded = known && known->state[column] == VERDICT_UNBOUNDED;
    int64_t now_ms = growers_time(work->growers, &work->window, work->window.count - 1);
    int64_t onset_ms = growers_time(work->growers, &work->window, work->onset);
    bool judged_bounded =
        known && known->state[column] == VERDICT_BOUNDED && is_bounded_shape(known->shape[column]);
    /* The store's verdict may be about its cache: its curve is looked at all the same. */
    bool believed = unbounded && known->kind != TARGET_STORE;
    if (!believed && (judged_bounded || levels_off(work, suspect, column)))
        doubts |= 1u << CULPRIT_DOUBT_LEVELS_OFF;
    double before = growers_highest_before(work->growers, suspect->row, column, onset_ms);
    double now = suspect->level[column] + suspect->rise[column];
    if (before >= now - BEYOND_LEAST * suspect->rise[column])
        doubts |= 1u << CULPRIT_DOUBT_WAS_THERE;
    /* Load deceives a verdict too. */
    if (work->with_load &&
        suspect->rise[column] < LOAD_FACTOR * work->load_growth[column] * suspect->level[column])
        doubts |= 1u << CULPRIT_DOUBT_LOAD;
    if (!unbounded && now_ms - suspect->row->born_mono_ms < work->question->warm_up_ms)
        doubts |= 1u << CULPRIT_DOUBT_NEW;
    if (is_outlived(work, suspect->row))
        doubts |= 1u << CULPRIT_DOUBT_OUTLIVED;
    return doubts;
}

static double kept(unsigned doubts)
{
    static const double keeps[CULPRIT_DOUBT_COUNT] = {
        [CULPRIT_DOUBT_LEVELS_OFF] = KEEPS_LEVELLING,
        [CULPRIT_DOUBT_WAS_THERE] = KEEPS_WAS_THERE,
        [CULPRIT_DOUBT_LOAD] = KEEPS_LOAD,
        [CULPRIT_DOUBT_NEW] = KEEPS_NEW,
        [CULPRIT_DOUBT_LATER] = 1, /* the odds of the onset say it */
        [CULPRIT_DOUBT_FEW_HANDLES] = KEEPS_FEW_HANDLES,
        [CULPRIT_DOUBT_OUTLIVED] = KEEPS_OUTLIVED,
    };
    double product = 1;
    for (size_t d = 0; d < CULPRIT_DOUBT_COUNT; d++)
        product *= doubts >> d & 1u ? keeps[d] : 1;
    return product;
}

/* ---- scores ---- */

static void find_onset(const struct culprit_work *work, struct suspect *suspect, enum grower_column column)
{
    struct culprit_curve curve;
    curve_make(&work->window, suspect->row, column, 0, &curve);
    suspect->onset = culprit_onset_find(curve.t, curve.v, curve.n);
    double born = (double)(suspect->row->born_mono_ms - growers_time(work->growers, &work->window, 0)) / 1000;
    bool seen = curve.n && curve.t[0] - born <= 2 * (double)work->window.width_ms / 1000;
    if (!suspect->onset.known && seen && born > 0) /* it has grown since its birth, and that was seen */
        suspect->onset = (struct culprit_onset){
            .known = true, .at = born, .low = born, .high = born + (double)work->window.width_ms / 500};
}

/* Of a sum: the share. */
static void score_share(const struct culprit_work *work, struct suspect *suspect)
{
    double whole_rise = rise_of(&work->whole_curve);
    suspect->share = suspect->rise[GROWER_BYTES] / whole_rise;
    const struct suspect *self = suspect;
    suspect->sigma = culprit_share_sigma(work, &self, 1, suspect->share, whole_rise);
    find_onset(work, suspect, GROWER_BYTES);
    suspect->doubts = doubts_of(work, suspect, GROWER_BYTES);
    suspect->kept = kept(suspect->doubts);
    const struct culprit_known *known = suspect->known;
    bool unbounded = known && known->state[GROWER_BYTES] == VERDICT_UNBOUNDED;
    double material = unbounded && !work->with_load ? MATERIAL_SHARE_UNBOUNDED : CULPRIT_MATERIAL_SHARE;
    if (known && known->kind == TARGET_STORE)
        suspect->kept *= unbounded ? KEEPS_CACHE_UNBOUNDED : KEEPS_CACHE;
    suspect->score = culprit_normal_below((suspect->share - material) / suspect->sigma) * suspect->kept;
}

/* Of the pools: what the process' new handles can hold of the growth. */
static double handles_odds(const struct culprit_work *work, struct suspect *suspect)
{
    double a_handle = rise_of(&work->whole_curve) / suspect->rise[GROWER_HANDLES];
    if (!suspect->grows[GROWER_HANDLES] || a_handle > POOL_A_HANDLE_MAX) {
        suspect->doubts |= 1u << CULPRIT_DOUBT_FEW_HANDLES;
        return PRIOR_OTHER / (1 - PRIOR_OTHER);
    }
    double odds = POOL_HANDLES_ODDS * fmin(1, POOL_A_HANDLE_USUAL / a_handle);
    return PRIOR_HANDLES / (1 - PRIOR_HANDLES) * fmax(odds, 1);
}

/* Of what is accounted to nobody: evidence. */
static void score_evidence(const struct culprit_work *work, struct suspect *suspect)
{
    const struct culprit_known *known = suspect->known;
    /* Handles when they grow: bytes of a client have more reasons to. */
    enum grower_column column = suspect->grows[GROWER_HANDLES] ? GROWER_HANDLES : GROWER_BYTES;
    find_onset(work, suspect, column);
    suspect->step = culprit_in_step(work, suspect->row);
    suspect->doubts = doubts_of(work, suspect, column);
    bool later;
    double client = known ? PRIOR_CLIENT : PRIOR_OTHER;
    double prior = culprit_of_pools(work) ? handles_odds(work, suspect) : client / (1 - client);
    double onset = culprit_onset_odds(work, &suspect->onset, &later),
           step = culprit_step_odds(&suspect->step);
    /* It begins with everybody's, and moves with it; or with what made it move, too. */
    const bool moves_along = work->with_load || suspect->doubts & 1u << CULPRIT_DOUBT_OUTLIVED;
    if (moves_along)
        onset = fmin(onset, 1);
    if (moves_along || suspect->doubts & 1u << CULPRIT_DOUBT_FEW_HANDLES)
        step = fmin(step, CULPRIT_LOAD_STEP_ODDS_MAX);
    double odds = prior * onset * step;
    if (later)
        suspect->doubts |= 1u << CULPRIT_DOUBT_LATER;
    if (known && (known->state[GROWER_BYTES] == VERDICT_UNBOUNDED ||
                  known->state[GROWER_HANDLES] == VERDICT_UNBOUNDED))
        odds *= UNBOUNDED_ODDS;
    if (known && known->lacks_fix)
        odds *= LACKS_FIX_ODDS;
    suspect->kept = kept(suspect->doubts);
    suspect->odds = odds * suspect->kept;
    suspect->step_odds = step;
}

/* ---- all together ---- */

static bool whole_find(struct culprit_work *work)
{
    work->column = GROWER_BYTES;
    switch (work->question->metric) {
    case METRIC_COMMIT:
        work->whole = &work->growers->commit;
        return true;
    case METRIC_PAGED_POOL:
    case METRIC_NONPAGED_POOL:
        work->whole = &work->growers->pools;
        work->column = work->question->metric == METRIC_PAGED_POOL ? GROWER_BYTES : GROWER_HANDLES;
        return true;
    case METRIC_HANDLES:
        work->column = GROWER_HANDLES;
        break;
    default:
        break;
    }
    work->whole = growers_find(work->growers, work->question->process);
    return work->whole != NULL;
}

/* A leak in the store shows in its bytes and in its handles. Its cache and the load move the bytes too; so
 * the onset that is told more sharply counts. */
static void sharpen_onset(struct culprit_work *work)
{
    enum grower_column other = work->column == GROWER_BYTES ? GROWER_HANDLES : GROWER_BYTES;
    struct culprit_curve since, all;
    curve_make(&work->window, work->whole, other, work->onset, &since);
    curve_make(&work->window, work->whole, other, 0, &all);
    if (!rises(&since, 0, TAU_LEAST))
        return;
    struct culprit_onset found = culprit_onset_find(all.t, all.v, all.n);
    const struct culprit_onset *own = &work->whole_onset;
    if (found.known && (!own->known || found.high - found.low < own->high - own->low))
        work->whole_onset = found;
}

static bool window_make(struct culprit_work *work)
{
    const struct growers *growers = work->growers;
    int64_t onset_ms = work->question->onset_mono_ms;
    int64_t end_ms = growers->origin_mono_ms + growers->slot * growers->slot_ms;
    int64_t lead_in_ms = (int64_t)(LEAD_IN * (double)(end_ms - onset_ms));
    if (lead_in_ms < LEAD_IN_SLOTS * growers->slot_ms)
        lead_in_ms = LEAD_IN_SLOTS * growers->slot_ms;
    if (growers->slot <= 0)
        return false;
    work->window = growers_window_from(growers, onset_ms - lead_in_ms);
    work->onset = 0;
    while (work->onset < work->window.count &&
           growers_time(growers, &work->window, work->onset) + work->window.width_ms / 2 <= onset_ms)
        work->onset++;
    return work->window.count - work->onset >= CULPRIT_POINTS_MIN;
}

/* What the store holds for one that has ended it holds on; what is the machine's was given back. */
static void rows_make(struct culprit_work *work)
{
    const struct growers *growers = work->growers;
    const int64_t onset_ms = growers_time(growers, &work->window, work->onset);
    for (size_t i = 0; i < growers->count; i++)
        work->rows[work->row_count++] = &growers->rows[i];
    work->present_count = work->row_count;
    for (size_t i = 0; culprit_of_store(work) && i < growers->ended_count; i++)
        if (growers->ended[i].ended_mono_ms > onset_ms)
            work->rows[work->row_count++] = &growers->ended[i];
}

/* For how long of the growth it was seen, 0 = at no time: one that was started in the middle has a part of it
 * only. */
static int64_t seen_ms(const struct culprit_work *work, const struct suspect *suspect)
{
    struct culprit_curve curve;
    curve_make(&work->window, suspect->row, GROWER_BYTES, work->onset, &curve);
    return curve.n ? (int64_t)(1000 * (curve.t[curve.n - 1] - curve.t[0])) : 0;
}

/* What the whole grew by while this one was seen. */
static double whole_rise_beside(const struct culprit_work *work, const struct suspect *suspect)
{
    struct culprit_curve curve, own;
    curve_make(&work->window, suspect->row, GROWER_HANDLES, work->onset, &own);
    size_t from = work->onset;
    if (own.n)
        from = (size_t)(own.t[0] * 1000 / (double)work->window.width_ms + 0.5);
    curve_make(&work->window, work->whole, work->column, from, &curve);
    return rise_of(&curve);
}

static int64_t ended_ms(const struct culprit_work *work, const struct grower *row)
{
    return culprit_has_ended(row) ? work->growers->looked_mono_ms - row->ended_mono_ms : 0;
}

static void suspect_tell(const struct culprit_work *work, const struct suspect *suspect, struct culprit *out)
{
    const struct culprit_known *known = suspect->known;
    *out = (struct culprit){.process = suspect->process,
                            .seen_ms = seen_ms(work, suspect),
                            .process_count = suspect->program ? suspect->program->count : 1,
                            .ended_count = suspect->program                  ? suspect->program->ended
                                           : culprit_has_ended(suspect->row) ? 1
                                                                             : 0,
                            .ended_ms = ended_ms(work, suspect->row),
                            .watched = known != NULL,
                            .kind = known ? known->kind : TARGET_DISCOVERED,
                            .share = NAN,
                            .share_low = NAN,
                            .share_high = NAN,
                            .lead_ms = INT64_MIN,
                            .lead_low_ms = INT64_MIN,
                            .lead_high_ms = INT64_MIN,
                            .in_step = NAN,
                            .bytes_a_handle = NAN,
                            .handles_a_mib = NAN,
                            .doubts = suspect->doubts,
                            .score = suspect->score};
    text_copy(out->image, sizeof out->image, suspect->row->image);
    text_copy(out->target, sizeof out->target, known ? known->target : "");
    text_copy(out->service, sizeof out->service, known ? known->service : "");
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        out->growth[c] = c == GROWER_HANDLES ? round(suspect->rise[c]) : suspect->rise[c];
        out->slope_per_hour[c] = suspect->grows[c] ? suspect->slope[c].slope * 3600 : 0;
    }
    if (!isnan(suspect->share)) {
        out->share = suspect->share;
        out->share_low = fmax(0, suspect->share - CULPRIT_SIGMAS * suspect->sigma);
        out->share_high = suspect->share + CULPRIT_SIGMAS * suspect->sigma;
    }
    if (!culprit_of_commit(work))
        out->in_step = suspect->step.r;
    if (work->whole_onset.known && suspect->onset.known) {
        out->lead_ms = (int64_t)(1000 * (work->whole_onset.at - suspect->onset.at));
        out->lead_low_ms = (int64_t)(1000 * (work->whole_onset.low - suspect->onset.high));
        out->lead_high_ms = (int64_t)(1000 * (work->whole_onset.high - suspect->onset.low));
    }
    double handles = suspect->rise[GROWER_HANDLES], mib = suspect->rise[GROWER_BYTES] / MIB;
    if (suspect->grows[GROWER_HANDLES] && mib > 0)
        out->handles_a_mib = handles / mib;
    double growth = whole_rise_beside(work, suspect);
    if (suspect->grows[GROWER_HANDLES] && !culprit_of_commit(work) && growth > 0 &&
        metric_unit(work->question->metric) == UNIT_BYTES)
        out->bytes_a_handle = growth / handles;
    out->confidence = culprit_confidence_of(out->score);
}

/* Best first, by score and among equals by share or growth. */
static bool ranks_higher(const struct suspect *a, const struct suspect *b)
{
    if (fabs(a->score - b->score) > 1e-9)
        return a->score > b->score;
    return a->rise[GROWER_BYTES] > b->rise[GROWER_BYTES];
}

void culprit_insert(struct suspect *suspect,
                    bool (*stands_before)(const struct suspect *, const struct suspect *),
                    struct suspect **list, size_t capacity, size_t *count)
{
    size_t at = *count;
    while (at > 0 && stands_before(suspect, list[at - 1]))
        at--;
    if (at == capacity)
        return;
    size_t last = *count < capacity ? (*count)++ : capacity - 1;
    for (size_t i = last; i > at; i--)
        list[i] = list[i - 1];
    list[at] = suspect;
}

static double pool_share(const struct culprit_work *work)
{
    double sum = 0;
    for (size_t c = 0; c < GROWER_COLUMNS; c++) {
        struct culprit_curve curve;
        struct trend_slope slope;
        curve_make(&work->window, &work->growers->pools, (enum grower_column)c, work->onset, &curve);
        if (slope_of(&curve, &slope) && work->whole_slope.slope > 0)
            sum += slope.slope / work->whole_slope.slope;
    }
    return sum;
}

static struct suspect suspect_of(const struct grower *row, const struct culprit_known *known)
{
    return (struct suspect){.row = row, .process = row->process, .known = known, .share = NAN, .sigma = NAN};
}

/* Returns whether it grew: else it is no suspect. */
static bool suspect_score(const struct culprit_work *work, struct suspect *suspect)
{
    if (!suspect->grows[GROWER_BYTES] && (culprit_of_commit(work) || !suspect->grows[GROWER_HANDLES]))
        return false;
    if (culprit_of_commit(work))
        score_share(work, suspect);
    else
        score_evidence(work, suspect);
    return true;
}

/* Under load everybody grows: then it tells nothing that all processes of a program do. Returns how many
 * suspects there are with them. */
static size_t add_programs(struct culprit_work *work, struct suspect *suspects, size_t count)
{
    size_t all = count;
    if (work->with_load)
        return count;
    culprit_programs_make(work, suspects, count);
    for (size_t p = 0; p < work->program_count; p++) {
        const struct culprit_program *program = &work->programs[p];
        if (!culprit_program_grows(program, suspects, count))
            continue;
        struct suspect *whole = &suspects[all];
        *whole = suspect_of(&program->sum, program->is_known ? &program->known : NULL);
        whole->program = program;
        suspect_measure(work, whole);
        if (suspect_score(work, whole) && culprit_program_stands(program, whole, suspects, count))
            all++;
    }
    return all;
}

static void rank(struct culprit_work *work, const struct culprit_known *known, size_t known_count,
                 struct culprit_ranking *out)
{
    struct suspect suspects[CULPRIT_ROWS_MAX + CULPRIT_PROGRAMS_MAX];
    struct culprit_program programs[CULPRIT_PROGRAMS_MAX];
    size_t count = 0;
    work->programs = programs;
    for (size_t i = 0; i < work->row_count; i++) {
        const struct grower *row = work->rows[i];
        const struct culprit_known *its = known_of(known, known_count, row->process);
        if (i == work->present_count) /* load is of those who are there */
            find_load(work, suspects, count);
        /* The store's own processes make up the store; of the machine they are parts as all others. */
        if (culprit_of_store(work) && ((its && its->kind == TARGET_STORE) || row == work->whole))
            continue;
        suspects[count] = suspect_of(row, its);
        suspect_measure(work, &suspects[count++]);
    }
    if (work->row_count == work->present_count)
        find_load(work, suspects, count);
    out->with_load = work->with_load;
    double explained = 0, either = 0, whole_rise = rise_of(&work->whole_curve);
    for (size_t i = 0; i < count; i++)
        if (suspect_score(work, &suspects[i]) && culprit_of_commit(work))
            explained += suspects[i].share;
    count = add_programs(work, suspects, count);
    if (culprit_of_commit(work)) {
        culprit_together_share(work, whole_rise, suspects, count);
        out->explained = explained;
        out->pool_share = pool_share(work);
    } else {
        culprit_together_odds(work, suspects, count, &either);
    }
    struct suspect *listed[CULPRITS_LISTED];
    size_t listed_count = 0;
    for (size_t i = 0; i < count; i++)
        if (suspects[i].score > 0)
            culprit_insert(&suspects[i], ranks_higher, listed, CULPRITS_LISTED, &listed_count);
    out->count = listed_count;
    culprit_together_name(work, either, whole_rise, listed, out);
    for (size_t i = 0; i < listed_count; i++)
        suspect_tell(work, listed[i], &out->items[i]);
    work->programs = NULL; /* they were lent, and end here with the suspects */
    work->program_count = 0;
}

void culprit_rank(const struct growers *growers, const struct culprit_question *question,
                  const struct culprit_known *known, size_t known_count, struct culprit_ranking *out_ranking)
{
    struct culprit_ranking *out = out_ranking;
    *out = (struct culprit_ranking){.metric = question->metric,
                                    .growth = NAN,
                                    .explained = NAN,
                                    .pool_share = NAN,
                                    .together_share = NAN,
                                    .together_low = NAN,
                                    .together_high = NAN,
                                    .left_out = growers->left_out};
    struct culprit_work work = {.growers = growers, .question = question};
    if (!whole_find(&work) || !window_make(&work)) {
        culprit_add_words(out, CULPRIT_TOO_SHORT);
        return;
    }
    out->from_mono_ms = growers_time(growers, &work.window, work.onset);
    out->to_mono_ms = growers_time(growers, &work.window, work.window.count - 1);
    curve_make(&work.window, work.whole, work.column, 0, &work.whole_curve);
    work.whole_onset = culprit_onset_find(work.whole_curve.t, work.whole_curve.v, work.whole_curve.n);
    if (culprit_of_store(&work))
        sharpen_onset(&work);
    curve_make(&work.window, work.whole, work.column, work.onset, &work.whole_curve);
    if (!slope_of(&work.whole_curve, &work.whole_slope)) {
        culprit_add_words(out, CULPRIT_TOO_SHORT);
        return;
    }
    out->growth = rise_of(&work.whole_curve);
    if (!rises(&work.whole_curve, 0, 0)) {
        culprit_add_words(out, CULPRIT_NO_GROWTH);
        return;
    }
    out->compared = true;
    rows_make(&work);
    culprit_blocks_make(&work);
    rank(&work, known, known_count, out);
    culprit_add_words(out, CULPRIT_RANKED);
}

enum culprit_confidence culprit_confidence_of(double score)
{
    return score >= CULPRIT_SCORE_NEARLY_CERTAIN ? CULPRIT_NEARLY_CERTAIN
           : score >= CULPRIT_SCORE_LIKELY       ? CULPRIT_LIKELY
           : score >= CULPRIT_SCORE_POSSIBLE     ? CULPRIT_POSSIBLE
                                                 : CULPRIT_NOBODY;
}

bool culprit_is_named(const struct culprit_ranking *ranking, size_t i)
{
    return i < ranking->count && (ranking->items[i].confidence >= CULPRIT_LIKELY ||
                                  (i < ranking->together && ranking->together_confidence >= CULPRIT_LIKELY));
}

enum culprit_confidence culprit_how_surely(const struct culprit_ranking *ranking, const struct culprit *named)
{
    return named->confidence >= CULPRIT_LIKELY ? named->confidence : ranking->together_confidence;
}

enum culprit_confidence culprit_named_confidence(const struct culprit_ranking *ranking)
{
    return ranking->together ? ranking->together_confidence : ranking->items[0].confidence;
}

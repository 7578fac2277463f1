/* verdict_words.c - the verdict in numbers and in words. */
#include "verdict_internal.h"

#include <string.h>

#define GIVEN_BACK_SHARE 0.25 /* of the growth, given back, is worth a word */
#define WORDS_MAX 64          /* of a duration */

/* What was seen, and what is still lacking. */
static void add_learning(struct text *text, const struct detector *d)
{
    const int64_t seen_ms = d->last_ms - d->first_ms;
    const int64_t needed_ms = d->settings.warm_up_ms + d->settings.min_window_ms;
    text_add(text, "learning: ");
    if (d->sample_count == 0) {
        text_add(text, "nothing seen yet");
        return;
    }
    if (seen_ms < needed_ms) {
        text_add_duration(text, seen_ms);
        text_add(text, " seen of the ");
        text_add_duration(text, needed_ms);
        text_add(text, " that a verdict needs");
        return;
    }
    text_add(text, "%llu sample%s", (unsigned long long)d->sample_count, d->sample_count == 1 ? "" : "s");
    if (seen_ms > 0) {
        text_add(text, " in ");
        text_add_duration(text, seen_ms);
    }
    text_add(text, ", too little for a verdict");
}

void verdict_stands_at_end(struct verdict *v)
{
    v->exhaustion_ms = v->exhaustion_early_ms = v->exhaustion_late_ms = v->at_ms;
    v->slope_per_hour = v->slope_low_per_hour = v->slope_high_per_hour = 0;
}

double verdict_mean_per_hour(const struct verdict *v)
{
    return v->growth / ((double)(v->at_ms - v->onset_ms) / (double)MS_PER_HOUR);
}

bool verdict_hardly_grows(const struct verdict *v)
{
    return v->slope_per_hour < VERDICT_HARDLY * verdict_mean_per_hour(v);
}

bool verdict_limit_reached(const struct verdict *v)
{
    return v->exhaustion_late_ms <= v->at_ms;
}

/* "; reaches 2.00 GiB in 31 h to 35 h"; "; reaches 2.00 GiB within 25 min"; "; has reached 2.00 GiB". */
static void add_reach(struct text *text, enum unit unit, const struct verdict *v)
{
    char early[WORDS_MAX], late[WORDS_MAX];
    struct text early_text = text_on(early, sizeof early), late_text = text_on(late, sizeof late);
    if (verdict_limit_reached(v)) {
        text_add(text, "; has reached ");
        text_add_quantity(text, unit, v->limit);
        return;
    }
    const bool now = v->exhaustion_early_ms <= v->at_ms, ever = v->exhaustion_late_ms == INT64_MAX;
    text_add_duration(&early_text, v->exhaustion_early_ms - v->at_ms);
    text_add_duration(&late_text, ever ? 0 : v->exhaustion_late_ms - v->at_ms);
    text_add(text, "; reaches ");
    text_add_quantity(text, unit, v->limit);
    if (now) {
        text_add(text, ever ? " now or later" : " within %s", late);
        return;
    }
    text_add(text, " in %s", early);
    if (ever) {
        text_add(text, " or later");
        return;
    }
    if (strcmp(early, late) != 0)
        text_add(text, " to %s", late);
}

static int64_t lasted_ms(const struct detector *d)
{
    return detector_clock(d, d->last_ms) - detector_clock(d, d->told_onset_ms);
}

/* " over the last 57 min, before that 10.0 MiB/h; by 3.30 GiB in 12 d 5 h in all" */
static void add_turn(struct text *text, const struct detector *d, const struct verdict *v)
{
    const enum unit unit = d->settings.unit;
    text_add(text, " over the last ");
    text_add_duration(text, d->last_ms - d->fit_from_ms);
    if (d->turned && d->rate_before > 0) {
        text_add(text, ", before that ");
        text_add_rate(text, unit, d->rate_before * 3600);
    }
    text_add(text, "; by ");
    text_add_quantity(text, unit, v->growth);
    text_add(text, " in ");
    text_add_duration(text, lasted_ms(d));
    text_add(text, " in all");
}

/* " for 26 h, by 370 MiB, faster and faster" */
static void add_course(struct text *text, const struct detector *d, const struct verdict *v)
{
    text_add(text, " for ");
    text_add_duration(text, lasted_ms(d));
    text_add(text, ", by ");
    text_add_quantity(text, d->settings.unit, v->growth);
    if (d->finding.clause == CLAUSE_GUARD)
        text_add(text, ", in one rise from a level it never left before");
    else if (d->accelerates)
        text_add(text, ", faster and faster");
    else if (d->finding.urgent)
        text_add(text, ", %s, and %s",
                 d->finding.daily ? "above the same hours of the days before" : "straight",
                 detector_is_open(d, d->onset_level) ? "much against the level it began at"
                                                     : "a good part of what was left");
    else if (d->shape == SHAPE_RISING_FLOOR)
        text_add(text, ", the lowest values too, straight rather than levelling off");
    else
        text_add(text, ", in each third of that time, straight rather than levelling off");
}

static void add_growth(struct text *text, const struct detector *d, enum pace pace, const struct verdict *v)
{
    const enum unit unit = d->settings.unit;
    if (pace == PACE_HARDLY) {
        text_add(text, "hardly grows");
    } else if (v->slope_low_per_hour > 0) {
        text_add(text, "grows ");
        text_add_rate_interval(text, unit, v->slope_per_hour, v->slope_low_per_hour, v->slope_high_per_hour);
    } else { /* swings make the interval too wide to be of use */
        text_add(text, "grows about ");
        text_add_rate(text, unit, v->slope_per_hour);
    }
    if (ahead_repeats(d))
        text_add(text, ", as a mean of days with hours of rest,");
    if (d->turned || pace == PACE_HARDLY)
        add_turn(text, d, v);
    else
        add_course(text, d, v);
}

/* "has grown by 370 MiB in 26 h; stands at its limit, 2.00 GiB"; "above", where that is one that can be passed */
static void add_used_up(struct text *text, const struct detector *d, struct verdict *v)
{
    text_add(text, "has grown by ");
    text_add_quantity(text, d->settings.unit, v->growth);
    text_add(text, " in ");
    text_add_duration(text, lasted_ms(d));
    v->reach_at = text->length;
    text_add(text, "; stands %s its limit, ", side_of_limit(v->value, v->limit));
    text_add_quantity(text, d->settings.unit, v->limit);
}

static void add_unbounded(struct text *text, const struct detector *d, enum pace pace, struct verdict *v)
{
    const enum unit unit = d->settings.unit;
    if (pace == PACE_AT_LIMIT) {
        add_used_up(text, d, v);
        return;
    }
    add_growth(text, d, pace, v);
    const double height = v->given_back ? fmin(d->height, d->last_value) : d->height;
    if (height < fmin(d->held, d->peak - GIVEN_BACK_SHARE * v->growth)) {
        text_add(text, "; given back of it ");
        text_add_quantity(text, unit, d->peak - height);
    }
    if (v->exhaustion_ms != INT64_MAX && !v->given_back) {
        v->reach_at = text->length;
        add_reach(text, unit, v);
    }
}

/* The clause that says most of what was seen: a shape says more than that a part of it was seen in few samples. */
static enum clause decisive(const struct detector *d)
{
    const enum clause clause = d->finding.clause;
    const enum clause parts = clause == CLAUSE_FEW && d->shape != SHAPE_GROWTH ? CLAUSE_PARTS : clause;
    return parts == CLAUSE_PARTS && d->shape == SHAPE_FLAT ? CLAUSE_LEVEL : parts;
}

static void add_bounded(struct text *text, const struct detector *d)
{
    const struct finding *f = &d->finding;
    const enum unit unit = d->settings.unit;
    text_add(text, "%s at ", shape_name(d->shape));
    text_add_quantity(text, unit, d->value);
    text_add(text, ": ");
    switch (decisive(d)) {
    case CLAUSE_FLAT:
    case CLAUSE_LEARNING:
        text_add(text, "no growth");
        break;
    case CLAUSE_LEVEL:
    case CLAUSE_MINIMUM:
        text_add(text, "growth of ");
        text_add_quantity(text, unit, f->growth);
        text_add(text, " is too small to matter");
        break;
    case CLAUSE_PARTS:
        text_add(text, "%s",
                 d->shape == SHAPE_PLATEAU    ? "grew and levelled off"
                 : d->shape == SHAPE_PERIODIC ? "what it takes it gives back, again and again"
                 : d->shape == SHAPE_STEP     ? "one step, and level before and since"
                                              : "no growth that went on through every part of the time seen");
        break;
    case CLAUSE_SCATTER:
        text_add(text, "growth of ");
        text_add_quantity(text, unit, f->growth);
        text_add(text, " is within the usual scatter");
        break;
    case CLAUSE_RANGE:
        text_add(text, d->value > f->range_high ? "not yet clearly above the range seen before, up to "
                                                : "within the range seen before, up to ");
        text_add_quantity(text, unit, f->range_high);
        break;
    case CLAUSE_FALL:
        text_add(text, "grows by ");
        text_add_quantity(text, unit, f->growth);
        text_add(text, ", not yet twice the ");
        text_add_quantity(text, unit, f->fall);
        text_add(text, " that it once came down by itself");
        break;
    case CLAUSE_PRIOR:
        text_add(text, d->shape == SHAPE_GROWTH
                           ? "grew at this rate before, too, and in all by too little to tell"
                           : "levelling off");
        break;
    case CLAUSE_SATURATING:
        text_add(text, "levelling off");
        if (!isnan(f->plateau) && f->plateau > f->onset_level) {
            const double way = (d->value - f->onset_level) / (f->plateau - f->onset_level);
            text_add(text, ", %.0f %% of the way to ", 100 * fmin(fmax(way, 0), 1));
            text_add_quantity(text, unit, f->plateau);
        }
        break;
    case CLAUSE_STAIRS:
        text_add(text, "rose in a few steps, not steadily");
        break;
    case CLAUSE_FLOOR:
        text_add(text, "the lowest values do not rise");
        break;
    case CLAUSE_FEW:
    case CLAUSE_TIME:
    case CLAUSE_BIRTH:
    case CLAUSE_BENDS:
    case CLAUSE_USUAL:
    case CLAUSE_GROWS:
    case CLAUSE_GUARD:
        text_add(text, "grows by ");
        text_add_quantity(text, unit, f->growth);
        text_add(text, " in ");
        text_add_duration(text, d->last_ms - f->onset_ms);
        if (f->hold == CLAUSE_USUAL) {
            text_add(text, ", as an earlier process of it did without harm, up to ");
            text_add_quantity(text, unit, d->settings.learned_plateau);
        } else {
            text_add(text, f->clause == CLAUSE_FEW   ? ", too few samples to tell yet"
                           : f->hold == CLAUSE_BENDS ? ", but slower of late"
                                                     : ", too short to tell yet");
        }
        break;
    }
}

static void reason_write(const struct detector *d, enum pace pace, struct verdict *v)
{
    struct text text = text_on(v->reason, sizeof v->reason);
    if (d->state == VERDICT_LEARNING)
        add_learning(&text, d);
    else if (d->state == VERDICT_UNBOUNDED)
        add_unbounded(&text, d, pace, v);
    else
        add_bounded(&text, d);
    if (v->reach_at == 0)
        v->reach_at = text.length;
}

/* Since the onset. What has just left its line is counted as it is. */
static double growth_told(const struct detector *d)
{
    const double line = d->finding.daily && d->slope_known ? forecast_now(d) - d->days.week_mean : 0;
    const double height = fmax(fmax(d->held, d->height), d->told_from + line);
    return (d->level_of_line || d->turned ? fmax(height, d->value) : height) - d->told_from;
}

void detector_verdict(const struct detector *d, struct verdict *v)
{
    *v = (struct verdict){.state = d->state,
                          .shape = d->shape,
                          .at_ms = d->last_ms,
                          .known_ms = d->known_ms,
                          .since_ms = d->since_ms,
                          .onset_ms = d->state == VERDICT_UNBOUNDED ? d->told_onset_ms : d->fit_from_ms,
                          .value = d->value,
                          .slope_per_hour = NAN,
                          .slope_low_per_hour = NAN,
                          .slope_high_per_hour = NAN,
                          .growth = NAN,
                          .onset_level = d->state == VERDICT_UNBOUNDED ? d->told_from : NAN,
                          .given_back = detector_fell(d),
                          .limit = d->limit.value,
                          .limit_name = d->limit.name,
                          .exhaustion_ms = INT64_MAX,
                          .exhaustion_early_ms = INT64_MAX,
                          .exhaustion_late_ms = INT64_MAX,
                          .fit_from_ms = d->fit_from_ms,
                          .fit_from = NAN,
                          .fit_to = NAN,
                          .sample_count = d->sample_count,
                          .unknown_count = d->unknown_count};
    enum pace pace = PACE_GROWS;
    v->change_count = d->change_count;
    memcpy(v->change_ms, d->change_ms, sizeof v->change_ms);
    if (d->slope_known) {
        v->slope_per_hour = d->slope.slope * 3600;
        v->slope_low_per_hour = d->slope.low * 3600;
        v->slope_high_per_hour = d->slope.high * 3600;
        if (d->state == VERDICT_UNBOUNDED && ahead_repeats(d)) {
            v->slope_per_hour = ahead_rate(d) * 3600;
            v->slope_low_per_hour = v->slope_per_hour * (1 - ahead_varies(d));
            v->slope_high_per_hour = v->slope_per_hour * (1 + ahead_varies(d));
        }
        v->fit_from = forecast_line(d, d->fit_from_ms) - d->fit_moved;
        v->fit_to = forecast_line(d, d->last_ms);
        v->growth = d->state == VERDICT_UNBOUNDED ? growth_told(d) : v->fit_to - v->fit_from;
        if (d->state == VERDICT_UNBOUNDED) {
            pace = forecast_pace(d, v);
            forecast_reach(d, pace, v);
        }
    }
    reason_write(d, pace, v);
    int64_t *const times[] = {&v->at_ms,
                              &v->known_ms,
                              &v->since_ms,
                              &v->onset_ms,
                              &v->fit_from_ms,
                              &v->exhaustion_ms,
                              &v->exhaustion_early_ms,
                              &v->exhaustion_late_ms};
    for (size_t i = 0; i < ARRAY_COUNT(times); i++)
        *times[i] = detector_clock(d, *times[i]);
    for (size_t i = 0; i < v->change_count; i++)
        v->change_ms[i] = detector_clock(d, v->change_ms[i]);
}

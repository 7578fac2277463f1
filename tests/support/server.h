/* server.h - made-up weeks of a mail server: what its programs' metrics do by the hour, the day and the week, and
 * beginning anew with each process. The same seed gives the same weeks on every machine. Sizes and rates are guesses. */
#ifndef STOREWATCH_TESTS_SERVER_H
#define STOREWATCH_TESTS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "generate.h"
#include "storewatch/verdict.h"

#define SERVER_STEP_MS 15000

/* Name, what it is. None of them leaks by itself. */
#define SERVER_LIST(X)                                                                                       \
    X(STORE, "the store: a cache that the load fills, the load's own, jobs by night, mail storms")           \
    X(MANAGED, "a program with a garbage collector: teeth of minutes to hours")                              \
    X(BACKLOG, "a gateway whose queue fills for hours when its line is down")                                \
    X(MACHINE, "the machine's commit: all of them, sessions, and jobs; goes on when it is booted")           \
    X(CRAWL, "an index that is made anew each weekend, in 8 to 30 hours")                                    \
    X(RECYCLED, "a worker that grows with the load and is recycled every 29 hours")                          \
    X(COUNT, "handles of a client, which follow the load")                                                   \
    X(HOARD, "a cache of all that was ever seen: it grows ever more slowly, and for weeks")

enum server_kind {
#define SERVER_ENUM(name, text) SERVER_##name,
    SERVER_LIST(SERVER_ENUM)
#undef SERVER_ENUM
        SERVER_KINDS
};

const char *server_text(enum server_kind kind);
double server_limit(enum server_kind kind); /* bytes, or handles of COUNT */
/* As watch.c makes them of a configuration that leaves all to the defaults. */
struct verdict_settings server_settings(enum server_kind kind);
/* One that knows the limit. Without memory it ends the program with 3. */
struct detector *server_detector(enum server_kind kind, const struct verdict_settings *settings);

struct server {
    enum server_kind kind;
    struct random random;
    double hour, begin_hour;       /* since the begin; that one of the week */
    double lives_hours, born_hour; /* of the process */
    double day_load;               /* of this day, against others */
    double base, cache_most, cache_hours, swing, night_job, backup, fragments, noise, load_growth;
    double tooth, tooth_hours, job_size, job_hours, exponent,
        full_load_hours;                                            /* what they are by kind: server.c */
    double cache, sessions, queue, teeth, held, seen, steps, drift; /* where it stands now */
    double line_down_until;
    double storm_from, storm_rises, storm_falls, storm_size, next_storm;
    double leak_per_hour, leaked;
    bool leaks_with_load;
};

/* As on a server that has run for a while: its caches are filled. */
void server_begin(struct server *server, enum server_kind kind, uint64_t seed);
/* From the next sample on it leaks, too; a new process begins at nothing again. At an even rate, or at one that follows
 * the load, with that mean over the week: hardly by night and on weekends. */
void server_leak(struct server *server, double per_hour, bool with_load);
/* The next sample, SERVER_STEP_MS after the one before. *out_born: it is a new process' first. */
double server_next(struct server *server, bool *out_born);

#endif

/* culprit_fixture.h - a machine by hand, for unit tests of who makes it grow: processes that play their part, poll by poll, and the
 * growers that follow them. */
#ifndef STOREWATCH_TESTS_CULPRIT_FIXTURE_H
#define STOREWATCH_TESTS_CULPRIT_FIXTURE_H

#include "generate.h"

#include "storewatch/culprit.h"

#define BOOT_UTC_MS INT64_C(1767225600000)
#define POLL_MS INT64_C(60000)
#define POLLS_A_HOUR 60
#define FROM (6 * POLLS_A_HOUR) /* where leaks begin */

struct actor {
    const char *image;
    double bytes, handles;               /* level */
    double bytes_leaked, handles_leaked; /* an hour, from FROM on */
    double with_burst;                   /* in the rhythm of the calls */
    double own_burst;                    /* so much of that rhythm is its own */
    int begins, ends;                    /* polls; 0 = it was there before, and stays */
};

struct fixture {
    struct observation *observation;
    struct growers growers;
    struct random random;
    double calls; /* since FROM, in hours at the usual rate */
    double its_calls[32], calls_at_begin[32];
    int halts; /* poll from which on nobody calls; 0 = none */
};

int culprit_setup(void **state);
int culprit_teardown(void **state);

/* A look of the test's own: without processes, and with one more, which is born three hours before the first look. */
void begin_look(struct fixture *f, int64_t mono_ms);
struct process *add_process(struct fixture *f, const char *image, uint32_t pid, double bytes, double handles);

/* What the actors do in this poll. They have the pids 100, 104, ...; commit is their sum. */
void play_poll(struct fixture *f, const struct actor *actors, size_t count, int poll);
/* So many polls, which the growers see. */
void play(struct fixture *f, const struct actor *actors, size_t count, int polls);

/* The store grows in the rhythm of the calls of the client "archive". */
extern const struct actor with_archive[3];

/* What is known of an actor that is watched. */
struct culprit_known known_as(const struct fixture *f, size_t actor, enum target_kind kind,
                              const char *target);
/* Who makes the machine grow since FROM? Of private bytes and handles: the first actor. */
struct culprit_question about(const struct fixture *f, enum metric metric);
/* The first of the ranking when it is at least `likely` by itself; NULL when nobody is. */
const struct culprit *first_by_itself(const struct culprit_ranking *ranking);

/* In mode "act" at any time, with the client "archive". */
void culprit_config(struct config *config);

#endif

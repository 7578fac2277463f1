/* restart_run.h - one restart of "T" in a world.h, driven as the edge does it: look, step, save, do, tell. For unit tests of the
 * machine; `run` is the one there is, and run.log what came of it. */
#ifndef STOREWATCH_TESTS_RESTART_RUN_H
#define STOREWATCH_TESTS_RESTART_RUN_H

#include "storewatch/restart.h"

#include "world.h"

struct run {
    struct world world;
    struct config config;
    struct restart restart;
    struct restart_journal saved;
    bool blind_graph;             /* give no graph */
    void (*before_request)(void); /* once: what happens between the look and the request */
    int64_t step_ms;
    int64_t look_takes_ms; /* from its begin, when all is seen, to the step that is told of it */
    unsigned news;         /* all so far */
    uint32_t down_count;
    char log_storage[4096];
    struct text log; /* "stop A; start T (1058); DOWN; ..." */
};
extern struct run run;

/* The latest look at a world, and the graph that was read with it. */
extern struct observation *observation;
extern struct service_graph graph;
void look(const struct world *world);

/* A world of services "NAME=state>need,need"; without a state it runs. Other words for a state: disabled, deaf (takes no stop
 * control), unreadable. */
void world_from(struct world *world, const char *spec);

/* T with dependents A and B, and C that needs A: stop order B C A T. */
#define FOUR "T A>T B>T C>A"

/* A world, with the timeouts that the tests count on. */
void run_prepare(const char *spec);
/* And a restart in it; `spec` NULL: in what was prepared. */
void run_begin(const char *spec);
/* One look and step; the request, if any, is carried out and answered at once. */
void run_step(void);
/* Takes over what a step, or an answer, had to tell. */
void run_news(unsigned news);
void run_for(int64_t ms);
void run_to_end(void);
void run_to_phase(enum restart_phase phase);
/* storewatch is killed and starts again. */
void run_crash(void);
/* A service of the plan, which must be in it. */
const struct restart_service *planned(const char *name);
/* From now on it stays stop pending. */
void hang(const char *name);

/* What a group of tests begins and ends with. */
int run_set_up(void **state);
int run_tear_down(void **state);

#endif

/* agent_fixture.h - an agent at the fake Windows with a data directory of its own, for unit tests: it lives and is killed, polls,
 * and what it did is looked up in the fake's log. */
#ifndef STOREWATCH_TESTS_AGENT_FIXTURE_H
#define STOREWATCH_TESTS_AGENT_FIXTURE_H

#include "drive.h"
#include "fake_os.h"

struct fixture {
    struct os os;
    struct config config;
    char dir[DRIVE_FOLDER_MAX];
    struct agent_options options; /* dir */
    struct agent *agent;          /* NULL while storewatch does not run */
};

/* A store and all defaults, with a relay to mail through; storewatch does not run yet. For a setup of cmocka; freed by
 * teardown. */
struct fixture *fixture_new(void);
/* Makes it one that restarts what grows at any time of the day, with short times, and adds "ArchiveSvc". */
void fixture_acts(struct fixture *f);
int teardown(void **state);
/* One that acts, whose client needs the store, and storewatch runs. */
int setup_acting(void **state);

/* storewatch starts; when it ran, it was killed before. */
void live(struct fixture *f);
void die(struct fixture *f);

/* The next slot of the grid; what is to be done then waits for drive_lanes. */
void poll_once(struct fixture *f);
/* With all that is to be done done at once. */
void poll_often(struct fixture *f, int polls);
/* So long, and as in a restart storewatch wakes every second. */
void run_by_seconds(struct fixture *f, int64_t ms);

/* The store leaks 2 GB an hour. */
void leak(struct fixture *f);
void leak_until_mailed(struct fixture *f);

/* Does the log hold it, and how often? */
bool did(const struct fixture *f, const char *deed);
size_t times_done(const struct fixture *f, const char *deed);

/* What the control pipe answers to a line: heap text. */
char *ask(struct fixture *f, const char *line);
/* It must hold `wanted`. */
void assert_answer(struct fixture *f, const char *line, const char *wanted);

void write_file(const char *path, const char *text);

#endif

/* parallel.h - jobs that need nothing of each other, by as many processes as there are processors. */
#ifndef STOREWATCH_TESTS_PARALLEL_H
#define STOREWATCH_TESTS_PARALLEL_H

#include <stddef.h>

typedef void parallel_job_fn(void *shared, size_t job);

/* Does jobs 0 to `jobs` - 1 and returns the `bytes` that they share, zeroed before, for the rest of the program. Ends the
 * program with 3 when a process cannot be had or fails. */
void *parallel_do(size_t bytes, size_t jobs, parallel_job_fn *job);

#endif

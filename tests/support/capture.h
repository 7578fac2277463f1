/* capture.h - a command as a script sees it: its exit code, stdout and stderr, and a folder for its files. */
#ifndef STOREWATCH_TESTS_CAPTURE_H
#define STOREWATCH_TESTS_CAPTURE_H

#include "storewatch/base.h"

extern char out[1 << 20];      /* what the last command wrote to stdout */
extern char messages[1 << 14]; /* and to stderr */
extern char folder[];

/* Makes the folder; the matching removal takes it away with everything in it. Return 0, as cmocka wants. */
int make_folder(void **state);
int remove_folder(void **state);
/* A path in the folder; good for the next few calls. */
const char *in_folder(const char *name);
void write_text(const char *name, const char *text);
void read_text(const char *path, char *text, size_t capacity);

/* Runs a command with its output in `out` and `messages`; `words` ends with NULL. Returns the exit code. */
int capture_run(int (*command)(int, char **), const char *const *words);
#define RUN(command, ...) capture_run(command, (const char *const[]){__VA_ARGS__, NULL})

#endif

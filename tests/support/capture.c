/* capture.c - see capture.h. */
#include "capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char folder[] = "/tmp/storewatch-test.XXXXXX";
char out[1 << 20];
char messages[1 << 14];

const char *in_folder(const char *name)
{
    static char paths[8][320]; /* any name a folder can hold */
    static size_t next;
    char *path = paths[next++ % ARRAY_COUNT(paths)];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

void write_text(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void read_text(const char *path, char *text, size_t capacity)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t length = fread(text, 1, capacity - 1, file);
    assert_true(length < capacity - 1);
    text[length] = '\0';
    fclose(file);
}

/* Runs a command with its output in `out` and `messages`; returns the exit code. */
int capture_run(int (*command)(int, char **), const char *const *words)
{
    char *argv[16];
    int argc = 0;
    for (; words[argc] != NULL; argc++) {
        argv[argc] = strdup(words[argc]);
        assert_non_null(argv[argc]);
    }
    argv[argc] = NULL;
    fflush(stdout);
    fflush(stderr);
    const int saved[] = {dup(1), dup(2)};
    const int files[] = {open(in_folder("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600),
                         open(in_folder("messages"), O_WRONLY | O_CREAT | O_TRUNC, 0600)};
    assert_true(dup2(files[0], 1) == 1 && dup2(files[1], 2) == 2);
    const int code = command(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    for (int i = 0; i < 2; i++) {
        close(saved[i]);
        close(files[i]);
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    read_text(in_folder("out"), out, sizeof(out));
    read_text(in_folder("messages"), messages, sizeof(messages));
    return code;
}

int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

int remove_folder(void **state)
{
    (void)state;
    DIR *entries = opendir(folder);
    if (!entries)
        return 1;
    struct dirent *entry;
    while ((entry = readdir(entries)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlink(in_folder(entry->d_name));
    closedir(entries);
    return rmdir(folder);
}

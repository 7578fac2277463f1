/* access.h - private to the Windows edge, without windows.h: what ordinary users could change and so decide
 * what a service does that runs as LocalSystem and restarts others. */
#ifndef STOREWATCH_WIN32_ACCESS_H
#define STOREWATCH_WIN32_ACCESS_H

#include "access_list.h"
#include "setup.h"

#define UNSAFE_PLACES_MAX 16

struct unsafe_place {
    enum access_place place;
    char path[SETUP_PATH_MAX];
    char who[160];  /* "Users, Everyone" */
    char sids[512]; /* these, and others that are to be taken out with them: access_list_crowds */
};

struct unsafe_places {
    size_t count; /* what is beyond UNSAFE_PLACES_MAX is left out */
    struct unsafe_place items[UNSAFE_PLACES_MAX];
    size_t unread_count; /* places whose list cannot be read */
    struct err unread;   /* why, of the first one */
};

/* Looks at the configuration, this program, the data directory (either "" = not known) with our files in it,
 * and at the folders that these lie in up to the drive. What does not exist is left out. Large: not on the
 * stack. */
void access_unsafe_places(const char *config_path, const char *data_dir, struct unsafe_places *out_places);

/* Leaves a pipe that we serve to Administrators, SYSTEM and our own account, where Windows' default lets
 * everybody connect for reading. `pipe` is the handle of one of its instances, opened with WRITE_DAC; it
 * counts for all. */
enum status access_pipe_close(void *pipe, struct err *err);
/* Connects to the pipe, as one that its server may name but not act as. INVALID: it was made by a stranger
 * (see setup_trust), who wants to be taken for the service; NOT_FOUND: nobody has made one; TIMEOUT: all its
 * instances are taken. The handle is for overlapped use; CloseHandle. */
enum status access_pipe_open(const char *name, uint32_t deadline_ms, void **out_pipe, struct err *err);
/* Ordinary users that may connect to the pipe, "" = none. Connects to it for a moment. NOT_FOUND: there is
 * none. */
enum status access_pipe_users(const char *name, char *out_who, size_t capacity, struct err *err);

/* Appends "files in C:\\x may be replaced by Users". */
void text_add_unsafe_place(struct text *text, const struct unsafe_place *place);
/* Appends the command that leaves it to Administrators and SYSTEM; for a folder above nothing is certain but
 * that what lies in it should lie elsewhere. */
void text_add_unsafe_remedy(struct text *text, const struct unsafe_place *place);

#endif

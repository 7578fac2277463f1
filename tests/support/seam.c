/* seam.c - see seam.h. The functions of os.h that are not here depend on what the stand-in simulates. */
#include "seam.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int64_t os_mono_ms(struct os *os)
{
    struct world *world = seam_world(os);
    world->mono_ms += world->mono_read_ms;
    return world->mono_ms;
}

int64_t os_utc_ms(struct os *os)
{
    return seam_world(os)->utc_ms;
}

void os_facts_get(struct os *os, struct os_facts *out_facts)
{
    (void)os;
    memset(out_facts, 0, sizeof *out_facts);
    text_copy(out_facts->host_name, sizeof out_facts->host_name, "EX1");
    text_copy(out_facts->os_text, sizeof out_facts->os_text, "a simulated Windows");
}

enum status os_file_replace(struct os *os, const char *path, const char *bytes, size_t count, struct err *err)
{
    (void)bytes;
    (void)count;
    uint32_t code = seam_world(os)->refuse_file_code;
    return code ? err_set(err, world_status(code), "replace", code, "%s: code %u", path, code) : STATUS_OK;
}

enum status os_file_remove(struct os *os, const char *path, const char *begin, struct err *err)
{
    (void)begin;
    enum status status = seam_answer(os, "remove", path, seam_world(os)->refuse_file_code, err);
    if (!status)
        remove(path); /* of the folder that the history lies in */
    return status;
}

enum status os_file_list(struct os *os, const char *path, const char *begin, struct file_entry *out_files,
                         size_t capacity, size_t *out_count, struct err *err)
{
    (void)os;
    (void)err;
    DIR *folder = opendir(path);
    *out_count = 0;
    for (struct dirent *entry; folder && *out_count < capacity && (entry = readdir(folder));) {
        struct stat found;
        if (strncmp(entry->d_name, begin, strlen(begin)) == 0 && strlen(entry->d_name) < FOLDER_NAME_MAX &&
            fstatat(dirfd(folder), entry->d_name, &found, 0) == 0 && S_ISREG(found.st_mode)) {
            struct file_entry *file = &out_files[(*out_count)++];
            text_copy(file->name, sizeof file->name, entry->d_name);
            file->bytes = (double)found.st_size;
        }
    }
    if (folder)
        closedir(folder);
    return STATUS_OK;
}

void os_self_get(struct os *os, struct os_self *out_self)
{
    const struct world *world = seam_world(os);
    *out_self = (struct os_self){READING_UNKNOWN, READING_UNKNOWN,
                                 world->tells_cpu ? world->cpu_ms : READING_UNKNOWN};
}

enum status seam_answer(struct os *os, const char *verb, const char *name, uint32_t code, struct err *err)
{
    char storage[128];
    struct text line = text_on(storage, sizeof storage);
    text_add(&line, "%s %s", verb, name);
    if (code)
        text_add(&line, ": refused with %u", code);
    seam_note(os, storage);
    enum status status = world_status(code);
    return status ? err_set(err, status, verb, code, "%s %s: code %u", verb, name, code) : STATUS_OK;
}

enum status seam_relay(enum relay_mood mood, struct mailer_result *out_result, struct err *err)
{
    static const struct {
        enum mailer_outcome outcome;
        int smtp_code;
        enum status status;
        const char *answer;
    } moods[] = {
        [RELAY_WORKS] = {MAILER_SENT, 250, STATUS_OK, "250 queued"},
        [RELAY_UNREACHABLE] = {MAILER_LATER, 0, STATUS_IO, ""},
        [RELAY_DEFERS] = {MAILER_LATER, 451, STATUS_BUSY, "451 try later"},
        [RELAY_REFUSES] = {MAILER_REFUSED, 550, STATUS_REFUSED, "550 no such user"},
        [RELAY_SWALLOWS] = {MAILER_LATER, 0, STATUS_TIMEOUT, "content: the relay took too long"},
    };
    *out_result = (struct mailer_result){.outcome = moods[mood].outcome,
                                         .smtp_code = moods[mood].smtp_code,
                                         .swallowed = mood == RELAY_SWALLOWS};
    text_copy(out_result->answer, sizeof out_result->answer, moods[mood].answer);
    if (mood == RELAY_UNREACHABLE)
        return err_set(err, STATUS_IO, "connect", 7, "connection refused");
    return mood == RELAY_WORKS ? STATUS_OK
                               : err_set(err, moods[mood].status, "smtp", (uint32_t)moods[mood].smtp_code,
                                         "%s", moods[mood].answer);
}

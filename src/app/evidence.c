/* evidence.c - see evidence.h.
 *
 * What is quick and small comes first and the dump last, so that a time that is over costs the most expensive
 * part. Each part stands alone: one that fails is noted, and the next one is tried. */
#include "evidence.h"

#include "history_data.h"

#include "storewatch/perfmon.h"
#include "storewatch/units.h"

#include <stdlib.h>
#include <string.h>

#define OLD_MAX 256
#define CHUNK_BYTES ((size_t)64 * 1024)
/* So long before the restart stops waiting, the dump must have ended: what is said of it is to reach the
 * mail. */
#define MARGIN_MS (3 * MS_PER_SECOND)
#define ROOM_EVERY_CHUNKS 16

struct gathering {
    struct os *os;
    const struct evidence_task *task;
    char separator;
    char root[EVIDENCE_PATH_MAX], folder[EVIDENCE_PATH_MAX];
    int64_t begun_mono_ms;
    struct buffer missing; /* "what: why", "; " between */
};

void evidence_task_deinit(struct evidence_task *task)
{
    free(task->summary);
    task->summary = NULL;
}

static void miss(struct gathering *g, const char *what, const char *why)
{
    buffer_add(&g->missing, "%s%s: %s", g->missing.length ? "; " : "", what, why);
}

static int64_t left_ms(const struct gathering *g)
{
    return g->task->budget_ms - (os_mono_ms(g->os) - g->begun_mono_ms);
}

static void path_of(const struct gathering *g, char out[EVIDENCE_PATH_MAX], const char *folder,
                    const char *name)
{
    struct text text = text_on(out, EVIDENCE_PATH_MAX);
    text_add(&text, "%s%c%s", folder, g->separator, name);
}

/* ---- room ---- */

static double floor_bytes(const struct evidence_task *task)
{
    return task->min_free_bytes < EVIDENCE_TEXT_MIN_FREE_BYTES ? task->min_free_bytes
                                                               : EVIDENCE_TEXT_MIN_FREE_BYTES;
}

/* What cannot be asked is not known to be full. */
static enum status has_room(const struct gathering *g, double bytes, struct err *err)
{
    double free_bytes = 0;
    if (os_disk_free(g->os, g->root, &free_bytes, NULL) != STATUS_OK ||
        free_bytes - bytes >= floor_bytes(g->task))
        return STATUS_OK;
    return err_set(err, STATUS_FULL, "evidence", 0, "only %.0f MiB are free on the disk of %s",
                   free_bytes / 1048576, g->root);
}

/* ---- old ones ---- */

/* Named by a clock that has been put back since. */
static bool is_of_the_future(const struct gathering *g, const char *name)
{
    const char *now = strrchr(g->folder, g->separator) + 1;
    return strncmp(name, now, EVIDENCE_TIME_LENGTH) > 0;
}

/* One that cannot be removed is told of, and stays. */
static void remove_one(struct gathering *g, const char *name)
{
    char path[EVIDENCE_PATH_MAX];
    struct err err = {0};
    path_of(g, path, g->root, name);
    if (os_folder_remove(g->os, path, &err) != STATUS_OK)
        miss(g, "the removal of old evidence", err.text);
}

/* So many that with the new one `keep` are left; those of the future first, or what is gathered now would be
 * the oldest next time. */
static void remove_old(struct gathering *g)
{
    char(*names)[FOLDER_NAME_MAX] = calloc(OLD_MAX, sizeof *names);
    size_t count = 0, ours = 0;
    struct err err = {0};
    if (!names || os_folder_list(g->os, g->root, names, OLD_MAX, &count, &err) != STATUS_OK) {
        miss(g, "the removal of old evidence", names ? err.text : "out of memory");
        free(names);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ours += evidence_is_ours(names[i]);
    for (int future = 1; future >= 0; future--)
        for (size_t i = 0; i < count && ours >= g->task->keep; i++) /* by name, which is by time */
            if (evidence_is_ours(names[i]) && is_of_the_future(g, names[i]) == future) {
                remove_one(g, names[i]);
                ours--;
            }
    free(names);
}

/* ---- the parts ---- */

static enum status write_whole(const struct gathering *g, const char *name, const struct buffer *bytes,
                               struct err *err)
{
    char path[EVIDENCE_PATH_MAX];
    struct os_file *file = NULL;
    path_of(g, path, g->folder, name);
    if (bytes->failed)
        return err_set(err, STATUS_NO_MEMORY, "evidence", 0, "out of memory");
    enum status status = has_room(g, (double)bytes->length, err);
    if (!status)
        status = os_file_create(g->os, path, &file, err);
    if (!status)
        status = os_file_write(file, bytes->data ? bytes->data : "", bytes->length, err);
    enum status closed = os_file_close(file, status ? NULL : err);
    return status ? status : closed;
}

static void add_version(struct buffer *out, const struct file_version *version)
{
    char storage[32];
    struct text text = text_on(storage, sizeof storage);
    text_add_file_version(&text, version);
    buffer_add(out, "%s", storage);
}

static enum status gather_modules(struct gathering *g, const struct evidence_process *process,
                                  const char *name, struct err *err)
{
    struct module *modules = calloc(MODULES_MAX, sizeof *modules);
    struct buffer out = {0};
    size_t count = 0;
    if (!modules)
        return err_set(err, STATUS_NO_MEMORY, "evidence", 0, "out of memory");
    enum status status = os_process_modules(g->os, process->id, modules, MODULES_MAX, &count, err);
    buffer_add(&out, "base,version,path\n");
    for (size_t i = 0; !status && i < count; i++) {
        buffer_add(&out, "0x%llx,", (unsigned long long)modules[i].base);
        add_version(&out, &modules[i].version);
        buffer_add(&out, ",");
        buffer_add_csv(&out, modules[i].path);
        buffer_add(&out, "\n");
    }
    if (!status)
        status = write_whole(g, name, &out, err);
    buffer_deinit(&out);
    free(modules);
    return status;
}

static enum status gather_handles(struct gathering *g, const struct evidence_process *process,
                                  const char *name, struct err *err)
{
    struct handle_counts *counts = calloc(1, sizeof *counts);
    struct buffer out = {0};
    if (!counts)
        return err_set(err, STATUS_NO_MEMORY, "evidence", 0, "out of memory");
    enum status status = os_process_handles(g->os, process->id, counts, err);
    buffer_add(&out, "type,number,count\n");
    for (size_t i = 0; !status && i < counts->type_count; i++) {
        const struct handle_type *type = &counts->types[i];
        buffer_add_csv(&out, type->name[0] ? type->name : "unknown");
        buffer_add(&out, ",%u,%u\n", (unsigned)type->number, (unsigned)type->count);
    }
    buffer_add(&out, "\"total\",,%u\n", (unsigned)counts->total);
    if (!status)
        status = write_whole(g, name, &out, err);
    buffer_deinit(&out);
    free(counts);
    return status;
}

/* What has been added so far goes to the file. */
static enum status drain(struct os_file *file, struct buffer *rows, double *written_bytes, struct err *err)
{
    enum status status = rows->failed ? err_set(err, STATUS_NO_MEMORY, "evidence", 0, "out of memory")
                                      : os_file_write(file, rows->data, rows->length, err);
    *written_bytes += (double)rows->length;
    rows->length = 0;
    return status;
}

struct samples {
    struct gathering *g;
    struct store *store;
    struct os_file *file;
    struct buffer rows;
    double written_bytes;
    unsigned chunks;
};

static enum status may_go_on(struct samples *samples, struct err *err)
{
    if (samples->written_bytes > EVIDENCE_SAMPLES_BYTES_MAX)
        return err_set(err, STATUS_FULL, "evidence", 0, "cut at %.0f MiB",
                       EVIDENCE_SAMPLES_BYTES_MAX / 1048576);
    if (left_ms(samples->g) < MARGIN_MS)
        return err_set(err, STATUS_TIMEOUT, "evidence", 0, "cut: the time was over");
    return samples->chunks++ % ROOM_EVERY_CHUNKS ? STATUS_OK : has_room(samples->g, 0, err);
}

static enum status add_series(struct samples *samples, int64_t series_id, const struct store_series_key *key,
                              struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct store_point point;
    int64_t to_utc_ms = samples->g->task->utc_ms;
    enum status status = store_samples_begin(samples->store, series_id, to_utc_ms - EVIDENCE_SAMPLES_MS,
                                             to_utc_ms, &cursor, err);
    while (!status && (status = store_points_next(cursor, &point, err)) == STATUS_OK) {
        history_add_csv_row(&samples->rows, key, &point);
        if (samples->rows.length < CHUNK_BYTES)
            continue;
        status = drain(samples->file, &samples->rows, &samples->written_bytes, err);
        if (!status)
            status = may_go_on(samples, err);
    }
    store_cursor_free(cursor);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

static enum status add_all_series(struct samples *samples, struct err *err)
{
    struct store_cursor *cursor = NULL;
    struct store_series_key key;
    int64_t id, first_utc_ms, last_utc_ms;
    buffer_add(&samples->rows, PERFMON_HISTORY_HEADER "\n");
    enum status status = store_series_begin(samples->store, &cursor, err);
    while (!status &&
           (status = store_series_next(cursor, &id, &key, &first_utc_ms, &last_utc_ms, err)) == STATUS_OK)
        if (last_utc_ms >= samples->g->task->utc_ms - EVIDENCE_SAMPLES_MS)
            status = add_series(samples, id, &key, err);
    store_cursor_free(cursor);
    status = status == STATUS_NOT_FOUND ? STATUS_OK : status;
    enum status drained = drain(samples->file, &samples->rows, &samples->written_bytes, status ? NULL : err);
    return status ? status : drained;
}

/* Read through a connection of its own, while the service goes on writing. */
static enum status gather_samples(struct gathering *g, struct err *err)
{
    struct samples samples = {.g = g};
    char path[EVIDENCE_PATH_MAX];
    path_of(g, path, g->folder, "samples.csv");
    enum status status = has_room(g, (double)CHUNK_BYTES, err);
    if (!status)
        status = store_open_readonly(g->task->store_path, &samples.store, err);
    if (!status)
        status = os_file_create(g->os, path, &samples.file, err);
    if (!status)
        status = add_all_series(&samples, err);
    enum status closed = os_file_close(samples.file, status ? NULL : err);
    store_close(samples.store);
    buffer_deinit(&samples.rows);
    return status ? status : closed;
}

static void gather_dump(struct gathering *g)
{
    const struct evidence_task *task = g->task;
    const struct evidence_process *process = &task->processes[0];
    char name[PROCESS_IMAGE_MAX + 24], path[EVIDENCE_PATH_MAX];
    struct text text = text_on(name, sizeof name);
    struct err err = {0};
    if (task->dump == DUMP_NONE || task->process_count == 0)
        return;
    if (task->dump_refused[0]) {
        miss(g, "dump", task->dump_refused);
        return;
    }
    int64_t time_ms = left_ms(g) - MARGIN_MS;
    time_ms = time_ms < task->dump_time_ms ? time_ms : task->dump_time_ms;
    if (time_ms <= 0) {
        miss(g, "dump", "no time was left for it");
        return;
    }
    text_add(&text, "%s-%u.dmp", process->image, (unsigned)process->id.pid);
    path_of(g, path, g->folder, name);
    if (os_process_dump(g->os, process->id, task->dump == DUMP_FULL, path, task->min_free_bytes, time_ms,
                        &err) != STATUS_OK)
        miss(g, "dump", err.text);
}

static void gather_process(struct gathering *g, const struct evidence_process *process)
{
    char name[48], what[PROCESS_IMAGE_MAX + 32];
    struct text text = text_on(name, sizeof name), words = text_on(what, sizeof what);
    struct err err = {0};
    text_add(&text, "modules-%u.csv", (unsigned)process->id.pid);
    text_add(&words, "modules of %s", process->image);
    if (gather_modules(g, process, name, &err) != STATUS_OK)
        miss(g, what, err.text);
    text_clear(&text);
    text_clear(&words);
    err = (struct err){0};
    text_add(&text, "handles-%u.csv", (unsigned)process->id.pid);
    text_add(&words, "handles of %s", process->image);
    if (gather_handles(g, process, name, &err) != STATUS_OK)
        miss(g, what, err.text);
}

/* First, and once more at the end: then it says what is missing. */
static enum status write_summary(struct gathering *g, bool at_the_end, struct err *err)
{
    struct buffer out = {0};
    buffer_add(&out, "%s\n", g->task->summary ? g->task->summary : "");
    if (!at_the_end)
        buffer_add(&out, "the gathering goes on; where this line stays it did not come to its end\n");
    else if (g->missing.length)
        buffer_add(&out, "not gathered: %s\n", g->missing.data);
    else
        buffer_add(&out, "everything was gathered\n");
    enum status status = write_whole(g, "summary.txt", &out, err);
    buffer_deinit(&out);
    return status;
}

/* ---- all of it ---- */

static void name_folders(struct gathering *g)
{
    const struct evidence_task *task = g->task;
    char time[40], name[80];
    struct text text = text_on(time, sizeof time), whole = text_on(name, sizeof name);
    text_add_time_utc(&text, task->utc_ms - task->utc_ms % MS_PER_SECOND);
    for (const char *at = time; *at; at++)
        if (*at != '-' && *at != ':')
            text_add_bytes(&whole, at, 1);
    text_add(&whole, "-%s", task->label);
    g->separator = strchr(task->data_dir, '\\') ? '\\' : '/';
    path_of(g, g->root, task->data_dir, EVIDENCE_FOLDER_NAME);
    path_of(g, g->folder, g->root, name);
}

enum status evidence_gather(struct os *os, const struct evidence_task *task, char *out_said, size_t capacity,
                            struct err *err)
{
    struct gathering g = {.os = os, .task = task, .begun_mono_ms = os_mono_ms(os)};
    struct err why = {0};
    out_said[0] = '\0';
    name_folders(&g);
    enum status status = os_folder_make(os, g.root, err);
    if (!status)
        remove_old(&g);
    if (!status)
        status = has_room(&g, 0, err);
    if (!status)
        status = os_folder_make(os, g.folder, err);
    if (!status)
        status = write_summary(&g, false, err); /* now, for whatever comes in between */
    if (status)
        goto done;
    for (size_t i = 0; i < task->process_count; i++)
        gather_process(&g, &task->processes[i]);
    if (gather_samples(&g, &why) != STATUS_OK)
        miss(&g, "samples", why.text);
    gather_dump(&g);
    why = (struct err){0};
    if (write_summary(&g, true, &why) != STATUS_OK) /* all the rest is there */
        miss(&g, "the end of summary.txt", why.text);
    struct text said = text_on(out_said, capacity);
    text_add(&said, "evidence is in %s", g.folder);
    if (g.missing.length)
        text_add(&said, "\nnot gathered: %s", g.missing.data);
done:
    buffer_deinit(&g.missing);
    return status;
}

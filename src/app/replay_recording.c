/* replay_recording.c - see replay_recording.h. A poll is a moment of the earliest row that is left, and with
 * it the rows of other files within half a period. */
#include "replay_recording.h"

#include "storewatch/cli.h"

#include <stdlib.h>
#include <string.h>

/* A column's owner: PROCESS_OWNER + process * COUNTER_COUNT + counter, or the counter of the machine. */
#define NOBODY UINT32_MAX
#define PROCESS_OWNER ((uint32_t)HOST_COUNT)

/* ---- whose column is it? ---- */

/* RECORDING_PROCESSES_MAX when there are too many. */
static size_t process_for(struct recording *recording, const char *instance)
{
    size_t i = 0;
    while (i < recording->process_count && strcmp(recording->processes[i].instance, instance) != 0)
        i++;
    if (i == recording->process_count && i < RECORDING_PROCESSES_MAX) {
        struct recorded *process = &recording->processes[recording->process_count++];
        *process = (struct recorded){.open_files = 0};
        text_copy(process->instance, sizeof process->instance, instance);
    }
    return i;
}

static uint32_t owner_of_process(struct recording *recording, const struct perfmon_process *named)
{
    char instance[PROCESS_IMAGE_MAX];
    struct text text = text_on(instance, sizeof instance);
    text_add_bytes(&text, named->instance, named->instance_length);
    static const char *const names[COUNTER_COUNT] = {"Private Bytes", "Handle Count", "ID Process"};
    if (text_equal_nocase(instance, "_Total") || text_equal_nocase(instance, "Idle"))
        return NOBODY;
    for (uint32_t c = 0; c < COUNTER_COUNT; c++) {
        if (!text_equal_nocase(named->counter, names[c]))
            continue;
        const size_t process = process_for(recording, instance);
        if (process < RECORDING_PROCESSES_MAX) {
            recording->processes[process].has[c] = true;
            return PROCESS_OWNER + (uint32_t)process * COUNTER_COUNT + c;
        }
        recording->left_out++;
    }
    return NOBODY;
}

/* Other objects have counters of the same names: Server and Terminal Services Session have pool bytes, too. */
static uint32_t owner_of_host(struct recording *recording, const char *name)
{
    static const char *const names[HOST_COUNT] = {"Committed Bytes", "Commit Limit", "Available Bytes",
                                                  "Pool Paged Bytes", "Pool Nonpaged Bytes"};
    static const char object[] = "\\Memory";
    const char *counter = strrchr(name, '\\');
    if (!counter || (size_t)(counter - name) < strlen(object) ||
        !text_begins_nocase(counter - strlen(object), object))
        return NOBODY;
    for (uint32_t c = 0; c < HOST_COUNT; c++)
        if (text_equal_nocase(counter + 1, names[c])) {
            recording->has_host[c] = true;
            return c;
        }
    return NOBODY;
}

/* Perfmon's names begin with the machine's: "\\\\EX1\\Process(store)\\Private Bytes". */
static void take_host_name(struct recording *recording, const char *column)
{
    size_t length = strncmp(column, "\\\\", 2) == 0 ? strcspn(column + 2, "\\") : 0;
    char storage[sizeof recording->host_name];
    if (length == 0 || column[2 + length] == '\0')
        return;
    struct text name = text_on(storage, sizeof storage);
    text_add_bytes(&name, column + 2, length);
    if (!recording->host_name[0])
        text_copy(recording->host_name, sizeof recording->host_name, storage);
    else if (!text_equal_nocase(recording->host_name, storage))
        text_copy(recording->other_host, sizeof recording->other_host, storage);
}

/* Counts a file in (or out, with -1) for each process and counter of the machine that it tells of. */
static void count_file(struct recording *recording, const struct recording_file *file, size_t by)
{
    bool counted[RECORDING_PROCESSES_MAX] = {false};
    for (size_t i = 0; i < perfmon_column_count(file->perfmon); i++) {
        const uint32_t owner = file->owners[i];
        const size_t process = owner >= PROCESS_OWNER ? (owner - PROCESS_OWNER) / COUNTER_COUNT : 0;
        if (owner == NOBODY)
            continue;
        if (owner < PROCESS_OWNER) {
            recording->host_open_files[owner] += by;
        } else if (!counted[process]) {
            counted[process] = true;
            recording->processes[process].open_files += by;
        }
    }
}

static enum status map_columns(struct recording *recording, struct recording_file *file, struct err *err)
{
    if (perfmon_is_history(file->perfmon))
        return err_set(
            err, STATUS_INVALID, "replay", 0,
            "%s: this is what `history --csv` writes, one series after the other: analyze reads it; "
            "replay needs a log with all counters in each row, as perfmon writes it",
            file->path);
    const size_t count = perfmon_column_count(file->perfmon);
    file->owners = calloc(count + 1, sizeof *file->owners);
    if (!file->owners)
        return err_set(err, STATUS_NO_MEMORY, "replay", 0, "%s: out of memory", file->path);
    for (size_t i = 0; i < count; i++) {
        const char *name = perfmon_column_get(file->perfmon, i)->name;
        struct perfmon_process process;
        take_host_name(recording, name);
        file->owners[i] = perfmon_split_process(name, &process) ? owner_of_process(recording, &process)
                                                                : owner_of_host(recording, name);
    }
    count_file(recording, file, 1);
    return STATUS_OK;
}

/* ---- rows ---- */

static enum status read_ahead(struct recording *recording, struct recording_file *file, struct err *err)
{
    const int64_t before_ms = file->utc_ms;
    enum status status = perfmon_next(file->perfmon, &file->utc_ms, &file->values, err);
    if (status == STATUS_NOT_FOUND) {
        file->utc_ms = INT64_MAX;
        count_file(recording, file, (size_t)-1);
        cli_say_left_out(file->path, file->perfmon);
        return STATUS_OK;
    }
    if (!status && before_ms != INT64_MIN && recording->period_ms == 0)
        recording->period_ms = file->utc_ms - before_ms;
    return status;
}

/* When the earliest row that is left is of; INT64_MAX: there is none. */
static int64_t next_row_utc_ms(const struct recording *recording)
{
    int64_t next_utc_ms = INT64_MAX;
    for (size_t i = 0; i < recording->file_count; i++)
        if (recording->files[i].utc_ms < next_utc_ms)
            next_utc_ms = recording->files[i].utc_ms;
    return next_utc_ms;
}

enum status recording_open(struct recording *recording, const char *const *paths, size_t count,
                           struct err *err)
{
    recording->files = calloc(count + 1, sizeof *recording->files);
    recording->polls = calloc(RECORDING_AHEAD + 1, sizeof *recording->polls);
    if (!recording->files || !recording->polls)
        return err_set(err, STATUS_NO_MEMORY, "replay", 0, "out of memory");
    for (size_t c = 0; c < HOST_COUNT; c++)
        recording->polls[RECORDING_AHEAD].host[c] = READING_UNKNOWN; /* before the first */
    for (size_t i = 0; i < count; i++) {
        struct recording_file *file = &recording->files[i];
        *file = (struct recording_file){.path = paths[i], .utc_ms = INT64_MIN};
        enum status status = perfmon_open(paths[i], &file->perfmon, err);
        if (status)
            return status;
        recording->file_count = i + 1;
        recording->knows_local |=
            perfmon_local_ahead(file->perfmon, &recording->polls[RECORDING_AHEAD].ahead_ms);
        status = map_columns(recording, file, err);
        if (!status)
            status = read_ahead(recording, file, err);
        if (status)
            return status;
    }
    recording->next_utc_ms = next_row_utc_ms(recording);
    return STATUS_OK;
}

void recording_close(struct recording *recording)
{
    for (size_t i = 0; i < recording->file_count; i++) {
        perfmon_close(recording->files[i].perfmon);
        free(recording->files[i].owners);
    }
    free(recording->files);
    free(recording->polls);
}

/* Of two files that tell of the same the later one named counts, unless it does not know: pid 0 is nobody's. */
static void take_row(const struct recording_file *file, struct recorded_poll *poll)
{
    for (size_t i = 0; i < perfmon_column_count(file->perfmon); i++) {
        const uint32_t owner = file->owners[i];
        if (owner == NOBODY)
            continue;
        if (owner < PROCESS_OWNER) {
            poll->host[owner] = file->values[i];
            continue;
        }
        const size_t process = (owner - PROCESS_OWNER) / COUNTER_COUNT;
        const uint32_t counter = (owner - PROCESS_OWNER) % COUNTER_COUNT;
        poll->processes[process].due = true;
        if (reading_known(file->values[i]) && (counter != COUNTER_PID || file->values[i] >= 1))
            poll->processes[process].values[counter] = file->values[i];
    }
}

/* What holds from the poll before on, if nothing tells otherwise. */
static void begin_poll(struct recording *recording, const struct recorded_poll *before,
                       struct recorded_poll *poll)
{
    poll->utc_ms = next_row_utc_ms(recording);
    poll->ahead_ms = before->ahead_ms;
    for (size_t p = 0; p < recording->process_count; p++) {
        poll->processes[p].due = recording->processes[p].open_files == 0;
        for (size_t c = 0; c < COUNTER_COUNT; c++)
            poll->processes[p].values[c] = READING_UNKNOWN;
    }
    for (size_t c = 0; c < HOST_COUNT; c++)
        poll->host[c] = recording->host_open_files[c] > 0 ? before->host[c] : READING_UNKNOWN;
    for (size_t i = 0; i < recording->file_count; i++)
        recording->files[i].taken = false;
}

/* The period may only be known once the first row was taken: hence the rounds. */
static enum status take_rows(struct recording *recording, struct recorded_poll *poll, bool *out_any,
                             struct err *err)
{
    *out_any = false;
    for (size_t i = 0; i < recording->file_count; i++) {
        struct recording_file *file = &recording->files[i];
        if (file->taken || file->utc_ms == INT64_MAX ||
            file->utc_ms > poll->utc_ms + recording->period_ms / 2)
            continue;
        take_row(file, poll);
        perfmon_local_ahead(file->perfmon, &poll->ahead_ms); /* autumn changes it */
        file->taken = *out_any = true;
        enum status status = read_ahead(recording, file, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static struct recorded_poll *poll_at(const struct recording *recording, size_t place)
{
    return &recording->polls[(recording->first + place) % (RECORDING_AHEAD + 1)];
}

/* One more behind those that are read already. */
static enum status read_poll(struct recording *recording, struct err *err)
{
    struct recorded_poll *poll = poll_at(recording, recording->count);
    enum status status = STATUS_OK;
    if (next_row_utc_ms(recording) == INT64_MAX)
        return STATUS_NOT_FOUND;
    begin_poll(recording, poll_at(recording, recording->count + RECORDING_AHEAD), poll);
    for (bool any = true; any && !status;)
        status = take_rows(recording, poll, &any, err);
    recording->count += !status;
    return status;
}

enum status recording_poll(struct recording *recording, struct err *err)
{
    if (recording->now) {
        recording->first = (recording->first + 1) % (RECORDING_AHEAD + 1);
        recording->count--;
    }
    while (!recording->end && recording->count <= RECORDING_AHEAD)
        recording->end = read_poll(recording, &recording->end_err);
    recording->now = recording->count > 0 ? poll_at(recording, 0) : NULL;
    recording->next_utc_ms = recording->count > 1 ? poll_at(recording, 1)->utc_ms : INT64_MAX;
    if (recording->now)
        return STATUS_OK;
    return recording->end == STATUS_NOT_FOUND
               ? STATUS_NOT_FOUND
               : err_set(err, recording->end, recording->end_err.operation, recording->end_err.code, "%s",
                         recording->end_err.text);
}

size_t recording_base_length(const char *instance)
{
    return perfmon_base_length(instance, strlen(instance));
}

bool recording_same_program(const struct recording *recording, size_t process, size_t other)
{
    const char *one = recording->processes[process].instance, *two = recording->processes[other].instance;
    const size_t length = recording_base_length(one);
    return recording_base_length(two) == length && strncmp(two, one, length) == 0;
}

bool recording_tells_later(const struct recording *recording, size_t process, double pid)
{
    for (size_t i = 0; i < recording->process_count; i++) {
        if (!recording_same_program(recording, process, i))
            continue;
        for (size_t place = 1; place < recording->count; place++)
            if (poll_at(recording, place)->processes[i].values[COUNTER_PID] == pid)
                return true;
    }
    return false;
}

/* replay.c - libFuzzer on recordings of another machine: whatever counter logs are laid beside each other,
 * their rows are all taken, in the order of time, each value by whom it belongs to; and `replay` ends with
 * one JSON object or with words, which a console can show.
 *
 * The input is up to three logs with RS (0x1E) between them. */
#define _GNU_SOURCE /* memfd_create: a file without a disk */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <jansson.h>

#include "storewatch/cli.h"

#include "../../src/app/replay_recording.h"

#define FILES_MAX 3
#define SEPARATOR 0x1E

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything is near: a few rows are enough for a verdict and a restart. */
static const char config[] =
    "{\"version\": 1, \"mode\": \"act\", \"sampling\": {\"interval\": \"1s\", \"warm_up\": \"1s\"},\n"
    " \"clients\": [{\"name\": \"bes\", \"image\": \"BESAgent.exe\", \"service\": \"BlackBerry Agent\"}],\n"
    " \"verdict\": {\"min_window\": \"5s\", \"min_growth\": \"1MiB\", \"min_handles\": 10},\n"
    " \"actions\": {\"windows\": [], \"verify\": \"3s\", \"budget\": {\"max\": 2, \"per\": \"1h\", "
    "\"min_interval\": \"0ms\"}},\n"
    " \"mail\": {\"to\": [\"ops@example.com\"], \"relays\": [{\"host\": \"relay1\"}]}}\n";

static int files[FILES_MAX + 1];
static char paths[FILES_MAX + 1][64];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void file_write(size_t i, const void *bytes, size_t count)
{
    require(ftruncate(files[i], 0) == 0 && pwrite(files[i], bytes, count, 0) == (ssize_t)count);
}

static void make_files(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        files[i] = memfd_create("replay", 0);
        require(files[i] >= 0);
        snprintf(paths[i], sizeof(paths[i]), "/proc/self/fd/%d", files[i]);
    }
    file_write(FILES_MAX, config, strlen(config));
}

/* Separates the logs; how many there are. */
static size_t take_logs(const uint8_t *data, size_t size)
{
    size_t count = 0;
    for (const uint8_t *next; count < FILES_MAX; data = next, count++) {
        const uint8_t *end = size > 0 && count + 1 < FILES_MAX ? memchr(data, SEPARATOR, size) : NULL;
        file_write(count, data, end != NULL ? (size_t)(end - data) : size);
        if (end == NULL)
            return count + 1;
        next = end + 1;
        size -= (size_t)(next - data);
    }
    return count;
}

/* The rows of a log, read by themselves; 0 when it is refused. */
static uint64_t rows_of(const char *path)
{
    struct perfmon *reader = NULL;
    uint64_t rows = 0;
    int64_t utc_ms = 0;
    const double *values = NULL;
    if (perfmon_open(path, &reader, NULL) == STATUS_OK)
        while (perfmon_next(reader, &utc_ms, &values, NULL) == STATUS_OK)
            rows++;
    perfmon_close(reader);
    return rows;
}

static void require_text(const char *text)
{
    json_t *string = json_string(text); /* NULL when it is no UTF-8 */
    require(string != NULL);
    json_decref(string);
}

static void require_poll(const struct recording *recording)
{
    for (size_t p = 0; p < recording->process_count; p++) {
        const struct recorded *process = &recording->processes[p];
        for (size_t c = 0; c < COUNTER_COUNT; c++) {
            const double value = recording->now->processes[p].values[c];
            require(!isinf(value));
            require(!reading_known(value) || (process->has[c] && recording->now->processes[p].due));
        }
        require(process->open_files <= recording->file_count);
    }
    for (size_t c = 0; c < HOST_COUNT; c++) {
        require(!isinf(recording->now->host[c]));
        require(!reading_known(recording->now->host[c]) || recording->has_host[c]);
        require(recording->host_open_files[c] <= recording->file_count);
    }
}

static void require_recording(const char *const *logs, size_t count)
{
    struct recording *recording = calloc(1, sizeof(*recording));
    struct err err = {0};
    require(recording != NULL);
    enum status status = recording_open(recording, logs, count, &err);
    for (size_t p = 0; p < recording->process_count; p++) {
        require(recording->processes[p].instance[0] != '\0');
        require_text(recording->processes[p].instance);
    }
    require_text(recording->host_name);
    require_text(recording->other_host);
    int64_t last_ms = INT64_MIN;
    uint64_t polls = 0;
    while (status == STATUS_OK) {
        status = recording_poll(recording, &err);
        if (status == STATUS_OK) {
            require(recording->now->utc_ms > last_ms && recording->next_utc_ms > recording->now->utc_ms);
            last_ms = recording->now->utc_ms;
            polls++;
            require_poll(recording);
        }
    }
    if (status == STATUS_NOT_FOUND) { /* no row twice, and none left */
        uint64_t most = 0, all = 0;
        for (size_t i = 0; i < count; i++) {
            const uint64_t rows = rows_of(logs[i]);
            most = rows > most ? rows : most;
            all += rows;
            require(recording->files[i].utc_ms == INT64_MAX);
        }
        require(polls >= most && polls <= all);
    } else {
        require(err.status == status && err.text[0] != '\0');
    }
    recording_close(recording);
    free(recording);
}

static void require_json(const char *words)
{
    json_t *root = json_loads(words, JSON_REJECT_DUPLICATES, NULL);
    const json_t *events = json_object_get(root, "events");
    size_t i;
    json_t *event;
    require(json_is_array(events));
    json_array_foreach(events, i, event)
    {
        require(json_is_string(json_object_get(event, "at")));
        require(json_is_string(json_object_get(event, "text")) ||
                json_is_string(json_object_get(event, "service")));
        require(json_object_get(event, "subject") == NULL ||
                json_is_string(json_object_get(json_object_get(event, "mail"), "html")));
    }
    json_decref(root);
}

/* What a recording says goes to a console: nothing of it is a control character there. */
static void require_lines(const char *words)
{
    require_text(words);
    for (const char *c = words; *c != '\0'; c++)
        require(((unsigned char)*c >= ' ' && *c != 0x7F) || *c == '\n');
}

static void require_replay(size_t count, bool as_json)
{
    char command[] = "replay", json[] = "--json", act[] = "--act", with_mails[] = "--mails",
         option[] = "--config";
    char *argv[5 + FILES_MAX] = {command, as_json ? json : act, with_mails, option, paths[FILES_MAX]};
    char *words = NULL, *complaints = NULL;
    size_t length = 0, complaint_length = 0;
    FILE *real_out = stdout, *real_err = stderr;
    for (size_t i = 0; i < count; i++)
        argv[5 + i] = paths[i];
    stdout = open_memstream(&words, &length);
    stderr = open_memstream(&complaints, &complaint_length);
    require(stdout != NULL && stderr != NULL);
    const int code = replay_run(5 + (int)count, argv);
    fclose(stdout);
    fclose(stderr);
    stdout = real_out, stderr = real_err;
    const bool went = code == EXIT_FINE || code == EXIT_FOUND;
    require(went ? length > 0 : complaint_length > 0 && (length == 0 || !as_json));
    if (!as_json)
        require_lines(words);
    else if (went)
        require_json(words);
    require_lines(complaints);
    free(words);
    free(complaints);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *logs[FILES_MAX];
    if (paths[0][0] == '\0')
        make_files();
    const size_t count = take_logs(data, size);
    for (size_t i = 0; i < count; i++)
        logs[i] = paths[i];
    require_recording(logs, count);
    require_replay(count, true);
    require_replay(count, false);
    return 0;
}

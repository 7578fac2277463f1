/* fake_os.c - see fake_os.h. */
#include "fake_os.h"

#include "storewatch/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct os *current; /* mailer_send has no context: there is one world a test process */

void fake_init(struct os *os)
{
    memset(os, 0, sizeof *os);
    world_init(&os->world);
    os->host = (struct host){.commit_bytes = 3 * GIB,
                             .commit_limit_bytes = 16 * GIB,
                             .available_bytes = 6 * GIB,
                             .physical_bytes = 8 * GIB,
                             .paged_pool_bytes = 200 * MIB,
                             .nonpaged_pool_bytes = 60 * MIB};
    os->disk_free_bytes = 100 * GIB;
    os->dump_bytes = 40 * MIB;
    os->random = 1;
    os->next_pid = 50000; /* beside the world's own pids */
    os->log = text_on(os->log_storage, sizeof os->log_storage);
    current = os;
}

void fake_log(struct os *os, const char *format, ...)
{
    int64_t seconds = (os->log_before_ms + os->world.mono_ms) / 1000;
    text_add(&os->log, "%lld+%02lld:%02lld:%02lld ", (long long)(seconds / 86400),
             (long long)(seconds / 3600 % 24), (long long)(seconds / 60 % 60), (long long)(seconds % 60));
    va_list args;
    va_start(args, format);
    text_add_v(&os->log, format, args);
    va_end(args);
    text_add(&os->log, "\n");
}

static struct fake_program *add(struct os *os, const char *image, double base_bytes)
{
    struct fake_program *program = &os->programs[os->program_count++];
    memset(program, 0, sizeof *program);
    text_copy(program->image, sizeof program->image, image);
    program->base_bytes = base_bytes;
    program->base_handles = 300;
    program->noise_bytes = base_bytes * 0.002;
    return program;
}

struct fake_program *fake_add_service(struct os *os, const char *service, const char *image,
                                      double base_bytes)
{
    world_add(&os->world, service);
    struct fake_program *program = add(os, image, base_bytes);
    text_copy(program->service, sizeof program->service, service);
    return program;
}

void fake_grow(struct os *os, struct fake_program *program, enum fake_growth growth)
{
    program->growth = growth;
    program->grows_from_mono_ms = os->world.mono_ms;
}

void fake_halt(struct os *os, struct fake_program *program)
{
    const int64_t from_ms = program->born_mono_ms > program->grows_from_mono_ms ? program->born_mono_ms
                                                                                : program->grows_from_mono_ms;
    if (program->growth == FAKE_LEAK) {
        program->kept_of_100ns = program->born_100ns;
        program->kept_bytes =
            program->bytes_per_hour * (double)(os->world.mono_ms - from_ms) / (double)MS_PER_HOUR;
    }
    fake_grow(os, program, FAKE_FLAT);
}

void fake_boot(struct os *os)
{
    const int64_t before_ms = os->world.mono_ms, utc_ms = os->world.utc_ms;
    world_reboot(&os->world);
    const int64_t passed_ms = before_ms + os->world.utc_ms - utc_ms - os->world.mono_ms;
    os->log_before_ms += passed_ms;
    os->minute_of_day += (int)(passed_ms / MS_PER_MINUTE); /* local time goes on */
    for (size_t i = 0; i < os->program_count; i++) {
        os->programs[i].running = false;
        os->programs[i].grows_from_mono_ms = os->programs[i].objects_mono_ms = 0;
    }
}

void fake_program_run(struct os *os, struct fake_program *program, bool running)
{
    program->running = running;
    if (running)
        program->process = (struct process_id){os->next_pid++, process_created_100ns(os->world.utc_ms)};
}

struct fake_program *fake_add_program(struct os *os, const char *image, double base_bytes, bool running)
{
    struct fake_program *program = add(os, image, base_bytes);
    fake_program_run(os, program, running);
    return program;
}

struct fake_program *fake_program_find(struct os *os, const char *service_or_image)
{
    for (size_t i = 0; i < os->program_count; i++)
        if (text_equal_nocase(os->programs[i].service, service_or_image) ||
            text_equal_nocase(os->programs[i].image, service_or_image))
            return &os->programs[i];
    return NULL;
}

void fake_advance(struct os *os, int64_t ms)
{
    world_advance(&os->world, ms);
}

/* ---- memory ---- */

static double noise(struct os *os, const struct fake_program *program)
{
    double unit = (double)world_random_below(&os->random, 2000001) / 1000000.0 - 1.0;
    return program->noise_bytes * unit;
}

/* Calls come in waves of 50 minutes. They end with the process that opened them. */
static double objects_open(struct os *os, struct fake_program *program, int64_t from_ms)
{
    const double wave_ms = 50.0 * (double)MS_PER_MINUTE;
    if (program->growth != FAKE_OBJECTS)
        return 0;
    if (program->objects_mono_ms < from_ms) {
        program->objects = 0;
        program->objects_mono_ms = from_ms;
    }
    double rate = 1 + 0.9 * sin(6.283185307 * (double)os->world.mono_ms / wave_ms);
    program->objects += program->handles_per_hour * rate *
                        (double)(os->world.mono_ms - program->objects_mono_ms) / (double)MS_PER_HOUR;
    program->objects_mono_ms = os->world.mono_ms;
    return program->objects;
}

static void behave(struct os *os, struct fake_program *program, struct process *process)
{
    if (program->born_100ns != process->id.created_100ns) {
        program->born_100ns = process->id.created_100ns;
        program->born_mono_ms = os->world.mono_ms;
    }
    int64_t from_ms = program->born_mono_ms > program->grows_from_mono_ms ? program->born_mono_ms
                                                                          : program->grows_from_mono_ms;
    double age_ms = (double)(os->world.mono_ms - from_ms);
    double hours = age_ms / (double)MS_PER_HOUR;
    double bytes = program->base_bytes;
    if (program->kept_of_100ns == process->id.created_100ns)
        bytes += program->kept_bytes;
    switch (program->growth) {
    case FAKE_FLAT:
    case FAKE_OBJECTS:
        break;
    case FAKE_LEAK:
        bytes += program->bytes_per_hour * hours;
        break;
    case FAKE_PLATEAU:
        bytes += (program->top_bytes - program->base_bytes) * (1 - exp(-age_ms / (double)program->tau_ms));
        break;
    case FAKE_SAWTOOTH:
        bytes += fmod(program->bytes_per_hour * hours, program->top_bytes - program->base_bytes);
        break;
    }
    double objects = objects_open(os, program, from_ms);
    for (size_t i = 0; i < os->program_count; i++)
        if (os->programs[i].holder == program) {
            bytes += os->programs[i].objects * os->programs[i].object_bytes;
            objects += os->programs[i].objects;
        }
    process->private_bytes = floor(bytes + noise(os, program));
    process->working_set_bytes = process->private_bytes * 0.9;
    process->handle_count = floor(program->base_handles + objects +
                                  (program->growth == FAKE_OBJECTS ? 0 : program->handles_per_hour * hours));
    process->thread_count = 20;
}

static void add_processes_without_service(struct os *os, struct observation *observation)
{
    for (size_t i = 0; i < os->program_count; i++) {
        const struct fake_program *program = &os->programs[i];
        if (program->service[0] || !program->running ||
            observation->process_count == OBSERVATION_PROCESSES_MAX)
            continue;
        struct process *process = &observation->processes[observation->process_count++];
        memset(process, 0, sizeof *process);
        process->id = program->process;
        process->cpu_ms = process->io_count = 0;
    }
}

static const struct fake_program *program_of(struct os *os, const struct observation *observation,
                                             const struct process *process)
{
    for (size_t i = 0; i < os->program_count; i++) {
        const struct fake_program *program = &os->programs[i];
        if (!program->service[0]) {
            if (process_id_equal(program->process, process->id))
                return program;
            continue;
        }
        const struct service *service = observation_service(observation, program->service);
        if (service && service->pid == process->id.pid)
            return program;
    }
    return NULL;
}

/* ---- os.h ---- */

struct world *seam_world(struct os *os)
{
    return &os->world;
}

void seam_note(struct os *os, const char *line)
{
    fake_log(os, "%s", line);
}

void os_local_time(struct os *os, int64_t utc_ms, int *out_weekday, int *out_minute)
{
    (void)utc_ms;
    int64_t minute = os->minute_of_day + os->world.mono_ms / MS_PER_MINUTE;
    *out_minute = (int)(minute % 1440);
    *out_weekday = (int)((os->weekday + minute / 1440) % 7);
}

enum status os_observe(struct os *os, struct observation *out_observation, struct err *err)
{
    os->observe_count++;
    world_observe(&os->world, out_observation);
    out_observation->cluster_node = os->cluster;
    add_processes_without_service(os, out_observation);
    double commit = os->host.commit_bytes;
    for (size_t i = 0; i < out_observation->process_count; i++) {
        struct process *process = &out_observation->processes[i];
        struct fake_program *program =
            (struct fake_program *)(uintptr_t)program_of(os, out_observation, process);
        if (!program)
            continue;
        text_copy(process->image, sizeof process->image, program->image);
        behave(os, program, process);
        commit += process->private_bytes;
    }
    out_observation->host_known = !os->host_unreadable;
    out_observation->host = os->host;
    out_observation->host.commit_bytes = commit;
    if (!out_observation->processes_known)
        return err_set(err, STATUS_SYSTEM, "NtQuerySystemInformation", 0xc0000001u,
                       "the processes cannot be read");
    return STATUS_OK;
}

static const struct fake_program *program_running_as(struct os *os, struct process_id id);

enum status os_process_address_limit(struct os *os, struct process_id id, double *out_bytes, struct err *err)
{
    const struct fake_program *program = program_running_as(os, id);
    if (!program)
        return err_set(err, STATUS_NOT_FOUND, "OpenProcess", 87, "process %u has ended", id.pid);
    *out_bytes = program->space.limit_bytes > 0 ? program->space.limit_bytes : (double)NAN;
    return STATUS_OK;
}

enum status os_process_space(struct os *os, struct process_id id, struct space *out_space, struct err *err)
{
    os->space_walks++;
    fake_advance(os, os->space_cost_ms);
    os->world.cpu_ms += os->space_cpu_ms;
    const struct fake_program *program = program_running_as(os, id);
    if (!program)
        return err_set(err, STATUS_NOT_FOUND, "OpenProcess", 87, "process %u has ended", id.pid);
    if (program->closed)
        return err_set(err, STATUS_DENIED, "OpenProcess", 5, "process %u cannot be opened", id.pid);
    if (program->space.limit_bytes <= 0)
        return err_set(err, STATUS_UNSUPPORTED, "address space", 0, "process %u is a 64-bit one", id.pid);
    *out_space = program->space;
    double hours = (double)(os->world.mono_ms - program->born_mono_ms) / (double)MS_PER_HOUR;
    double lost = program->space_lost_per_hour * hours;
    out_space->free_bytes = fmax(out_space->free_bytes - lost, 0);
    out_space->largest_bytes = fmin(fmax(out_space->largest_bytes - lost, 0), out_space->free_bytes);
    return STATUS_OK;
}

static const struct fake_program *program_running_as(struct os *os, struct process_id id)
{
    for (size_t i = 0; i < os->program_count; i++) {
        const struct fake_program *program = &os->programs[i];
        struct process_id process = program->process;
        if (program->service[0]) {
            const struct world_service *service = world_get(&os->world, program->service);
            process = (struct process_id){service ? service->pid : 0, service ? service->created_100ns : 0};
        }
        if (process_id_equal(process, id))
            return program;
    }
    return NULL;
}

enum status os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                 struct err *err)
{
    os->modules_reads++;
    fake_advance(os, os->modules_cost_ms);
    const struct fake_program *program = program_running_as(os, id);
    if (!program)
        return err_set(err, STATUS_NOT_FOUND, "OpenProcess", 87, "process %u has ended", id.pid);
    if (program->closed)
        return err_set(err, STATUS_DENIED, "OpenProcess", 5, "process %u cannot be opened", id.pid);
    *out_dlls = program->dlls;
    return STATUS_OK;
}

/* ---- evidence ---- */

static enum status evidence_mood(struct os *os, const char *operation, struct err *err)
{
    return os->evidence == EVIDENCE_FAILS ? err_set(err, STATUS_DENIED, operation, 5, "access denied")
                                          : STATUS_OK;
}

enum status os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                               size_t capacity, size_t *out_count, struct err *err)
{
    const struct fake_program *program = program_running_as(os, id);
    if (!program)
        return err_set(err, STATUS_NOT_FOUND, "OpenProcess", 87, "process %u has ended", id.pid);
    if (program->closed)
        return err_set(err, STATUS_DENIED, "OpenProcess", 5, "process %u cannot be opened", id.pid);
    size_t count = 0;
    for (; count < program->dlls.count && count < capacity; count++) {
        out_modules[count] =
            (struct module){.base = 0x400000 + count * 0x10000, .version = program->dlls.items[count].loaded};
        text_copy(out_modules[count].path, DLL_PATH_MAX, program->dlls.items[count].path);
    }
    *out_count = count;
    return evidence_mood(os, "ReadProcessMemory", err);
}

enum status os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                               struct err *err)
{
    (void)id;
    *out_counts =
        (struct handle_counts){.type_count = 2, .total = 307, .types = {{"Key", 19, 300}, {"", 7, 7}}};
    return evidence_mood(os, "NtQuerySystemInformation", err);
}

static double files_bytes(const struct os *os)
{
    double bytes = 0;
    for (size_t i = 0; i < os->file_count; i++)
        bytes += (double)os->files[i]->bytes.length;
    return bytes;
}

void fake_mail(struct config *config)
{
    config->relay_count = config->recipient_count = 1;
    config->relays[0].port = 25;
    text_copy(config->mail_from, CONFIG_ADDRESS_MAX, "storewatch@example.com");
    text_copy(config->mail_to[0], CONFIG_ADDRESS_MAX, "ops@example.com");
}

const struct fake_file *fake_file_find(const struct os *os, const char *path_end)
{
    size_t end = strlen(path_end);
    for (size_t i = 0; i < os->file_count; i++) {
        size_t length = strlen(os->files[i]->path);
        if (length >= end && strcmp(os->files[i]->path + length - end, path_end) == 0)
            return os->files[i];
    }
    return NULL;
}

static void file_forget(struct os *os, size_t index)
{
    buffer_deinit(&os->files[index]->bytes);
    free(os->files[index]);
    os->files[index] = os->files[--os->file_count];
}

void fake_deinit(struct os *os)
{
    while (os->file_count)
        file_forget(os, 0);
}

static bool lies_in(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/';
}

enum status os_folder_make(struct os *os, const char *path, struct err *err)
{
    for (size_t i = 0; i < os->folder_count; i++)
        if (strcmp(os->folders[i], path) == 0)
            return STATUS_OK;
    if (evidence_mood(os, "CreateDirectory", err) || os->folder_count == FAKE_FILES_MAX)
        return STATUS_DENIED;
    text_copy(os->folders[os->folder_count++], sizeof os->folders[0], path);
    return STATUS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum status os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                           size_t capacity, size_t *out_count, struct err *err)
{
    (void)err;
    *out_count = 0;
    for (size_t i = 0; i < os->folder_count && *out_count < capacity; i++)
        if (lies_in(os->folders[i], path))
            text_copy(out_names[(*out_count)++], FOLDER_NAME_MAX, os->folders[i] + strlen(path) + 1);
    qsort(out_names, *out_count, sizeof *out_names, by_name);
    return STATUS_OK;
}

enum status os_folder_remove(struct os *os, const char *path, struct err *err)
{
    if (os->unremovable && strstr(path, os->unremovable))
        return err_set(err, STATUS_BUSY, "DeleteFile", 32, "%s is in use", path);
    for (size_t i = os->file_count; i-- > 0;)
        if (lies_in(os->files[i]->path, path))
            file_forget(os, i);
    for (size_t i = os->folder_count; i-- > 0;)
        if (strcmp(os->folders[i], path) == 0)
            memmove(os->folders[i], os->folders[i + 1], (--os->folder_count - i) * sizeof os->folders[0]);
    return STATUS_OK;
}

enum status os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err)
{
    (void)path;
    (void)err;
    *out_bytes = os->disk_free_bytes - files_bytes(os);
    return STATUS_OK;
}

struct os_file {
    struct os *os;
    struct fake_file *file;
};

enum status os_file_create(struct os *os, const char *path, struct os_file **out_file, struct err *err)
{
    for (size_t i = os->file_count; i-- > 0;)
        if (strcmp(os->files[i]->path, path) == 0)
            file_forget(os, i);
    if (os->file_count == FAKE_FILES_MAX)
        return err_set(err, STATUS_FULL, "CreateFile", 112, "%s: too many files for the fake", path);
    struct os_file *file = calloc(1, sizeof *file);
    file->os = os;
    file->file = os->files[os->file_count++] = calloc(1, sizeof *file->file);
    text_copy(file->file->path, sizeof file->file->path, path);
    *out_file = file;
    return STATUS_OK;
}

enum status os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err)
{
    if (file->os->disk_free_bytes - files_bytes(file->os) < (double)count)
        return err_set(err, STATUS_FULL, "WriteFile", 112, "%s: the disk is full", file->file->path);
    buffer_add_bytes(&file->file->bytes, bytes, count);
    return STATUS_OK;
}

enum status os_file_close(struct os_file *file, struct err *err)
{
    (void)err;
    free(file);
    return STATUS_OK;
}

enum status os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                            double min_free_bytes, int64_t budget_ms, struct err *err)
{
    struct os_file *file = NULL;
    os->dumps++;
    if (evidence_mood(os, "MiniDumpWriteDump", err))
        return STATUS_DENIED;
    if (!program_running_as(os, id))
        return err_set(err, STATUS_NOT_FOUND, "OpenProcess", 87, "process %u has ended", id.pid);
    if (os->disk_free_bytes - files_bytes(os) - os->dump_bytes < min_free_bytes)
        return err_set(err, STATUS_FULL, "disk", 0, "not enough disk space");
    if (os->dump_cost_ms > budget_ms) {
        fake_advance(os, budget_ms);
        return err_set(err, STATUS_TIMEOUT, "MiniDumpWriteDump", 0, "it was not done in time");
    }
    fake_advance(os, os->dump_cost_ms);
    enum status status = os_file_create(os, path, &file, err);
    if (!status)
        status = os_file_write(file, full ? "full" : "mini", 4, err);
    os_file_close(file, NULL);
    return status;
}

size_t os_mapi_registrations(struct os *os, struct mapi_registration *out_items, size_t capacity)
{
    size_t count = os->registration_count < capacity ? os->registration_count : capacity;
    memcpy(out_items, os->registrations, count * sizeof out_items[0]);
    return count;
}

enum status os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err)
{
    (void)err;
    world_graph(&os->world, out_graph);
    return STATUS_OK;
}

enum status os_service_stop(struct os *os, const char *name, struct err *err)
{
    return seam_answer(os, "stop", name, world_stop(&os->world, name), err);
}

enum status os_service_start(struct os *os, const char *name, struct err *err)
{
    return seam_answer(os, "start", name, world_start(&os->world, name), err);
}

enum status os_process_terminate(struct os *os, const char *service, struct process_id id, struct err *err)
{
    return seam_answer(os, "terminate the process of", service, world_terminate(&os->world, id), err);
}

enum status os_event_write(struct os *os, enum alert_kind kind, enum severity severity, const char *text,
                           struct err *err)
{
    (void)severity;
    if (os->events_closed)
        return err_set(err, STATUS_DENIED, "event", 5, "event %s: code 5", alert_wording_get(kind)->name);
    if (os->log_events)
        fake_log(os, "event %s: %.*s", alert_wording_get(kind)->name, (int)strcspn(text, "\n"), text);
    return STATUS_OK;
}

void os_unsafe_access(struct os *os, const char *config_path, const char *data_dir, char *out_text,
                      size_t capacity)
{
    (void)config_path;
    (void)data_dir;
    text_copy(out_text, capacity, os->unsafe_access);
}

/* ---- mailer.h ---- */

/* The subject as it stands in the message, for the log. */
static void log_mail(struct os *os, const char *message)
{
    char subject[MAIL_SUBJECT_MAX] = "";
    const char *at = strstr(message, "\r\nSubject: ");
    if (at) {
        at += strlen("\r\nSubject: ");
        size_t length = 0; /* a folded line goes on behind CRLF and a space */
        while (*at && length + 1 < sizeof subject && !(at[0] == '\r' && at[1] == '\n' && at[2] != ' ')) {
            if (at[0] == '\r' || at[0] == '\n') {
                at++;
                continue;
            }
            subject[length++] = *at++;
        }
        subject[length] = '\0';
    }
    fake_log(os, "mail %s", subject);
}

/* The plain part, as it was before it was made quoted-printable. */
static void log_body(struct os *os, const char *message)
{
    const char *at = strstr(message, "quoted-printable\r\n\r\n");
    for (at = at ? at + 20 : ""; *at && strncmp(at, "\r\n--=_", 6) != 0; at++) {
        unsigned byte = (unsigned char)*at;
        if (at[0] == '=' && at[1] == '\r')
            at += 2; /* a line that goes on */
        else if (at[0] == '=' && sscanf(at + 1, "%2X", &byte) == 1)
            at += 2;
        if (byte == '=' || byte == '\r' || (at[0] == '\n' && at[-2] == '='))
            continue;
        text_add(&os->log, "%c", (char)byte);
        text_add(&os->log, "%s", byte == '\n' ? "    | " : "");
    }
    text_add(&os->log, "\n");
}

enum status mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                        struct err *err)
{
    enum relay_mood mood = current->relays[(request->relay->port - 25) % CONFIG_RELAYS_MAX];
    if (current->swallowed && strstr(request->message, current->swallowed))
        mood = RELAY_SWALLOWS;
    if (mood == RELAY_WORKS) {
        current->mails_delivered++;
        log_mail(current, request->message);
        if (current->log_bodies)
            log_body(current, request->message);
    }
    return seam_relay(mood, out_result, err);
}

/* torture.c - one world of the simulation, again and again, each time with another thing that fails.
 *
 *   torture [--every K] [--kind KIND]     all of them; of the allocations each K-th
 *   torture --kind KIND --nth N [--on] [--story]     one run
 *
 * The world is calm: a program leaks, ops are told, it is restarted with all that needs it, watched, and
 * recovers; on the way somebody asks for the status, sets maintenance and reloads the configuration. Then the
 * n-th allocation fails (of ours, of jansson's, of SQLite's), or the n-th call of SQLite's file system, or
 * the n-th call of the seam (os.h, mailer.h) - before or after it has had its effect -, for each n: once
 * only, and from the n-th on until everything is mended. Never a crash, never a leak, never a broken
 * invariant: the judge of the simulation is at work in each run, and where one thing fails once the leak is
 * ended all the same.
 *
 * The product and its libraries are linked with their allocations and their seam renamed (Makefile), so
 * nothing of the harness fails. Each batch of runs is a process of its own: a crash ends only that one. */
#include "../sim/sim.h"

#include "storewatch/control.h"
#include "storewatch/mailer.h"

#include <inttypes.h>
#include <sanitizer/lsan_interface.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 200 /* runs a process; leaks are looked for at its end */

#define KIND_LIST(X) X(MALLOC, "malloc") X(VFS, "vfs") X(SEAM, "seam") X(SEAM_AFTER, "seam-after")
enum kind {
#define KIND_ENUM(name, text) KIND_##name,
    KIND_LIST(KIND_ENUM)
#undef KIND_ENUM
        KIND_COUNT
};
static const char *const kind_names[] = {
#define KIND_NAME(name, text) text,
    KIND_LIST(KIND_NAME)
#undef KIND_NAME
};

static struct {
    enum kind kind;
    uint64_t nth; /* 0 = nothing fails */
    bool from_on, armed, struck;
    int harness; /* > 0: within the harness: nothing fails and nothing is counted */
    uint64_t counts[KIND_COUNT];
} torture;

/* Counts a call; is it the one that has to fail? */
static bool strikes(enum kind kind)
{
    if (!torture.armed || torture.harness > 0)
        return false;
    uint64_t count = ++torture.counts[kind];
    bool hit = torture.nth && torture.kind == kind &&
               (torture.from_on ? count >= torture.nth : count == torture.nth);
    torture.struck |= hit;
    return hit;
}

/* ---- memory ---- */

void *torture_malloc(size_t size);
void *torture_calloc(size_t count, size_t size);
void *torture_realloc(void *memory, size_t size);
char *torture_strdup(const char *text);

void *torture_malloc(size_t size)
{
    return strikes(KIND_MALLOC) ? NULL : malloc(size);
}

void *torture_calloc(size_t count, size_t size)
{
    return strikes(KIND_MALLOC) ? NULL : calloc(count, size);
}

void *torture_realloc(void *memory, size_t size)
{
    return strikes(KIND_MALLOC) ? NULL : realloc(memory, size);
}

char *torture_strdup(const char *text)
{
    return strikes(KIND_MALLOC) ? NULL : strdup(text);
}

/* ---- the seam ---- */

static void harness_begins(void)
{
    if (torture.harness++ == 0)
        vfs_fault_pause(true);
}

static void harness_ends(void)
{
    if (--torture.harness == 0)
        vfs_fault_pause(false);
}

/* A call of the seam that can fail: before it has done anything, or with its answer lost. */
#define SEAM(call, fail)                                                                                     \
    do {                                                                                                     \
        bool lost = strikes(KIND_SEAM_AFTER);                                                                \
        if (strikes(KIND_SEAM))                                                                              \
            return fail;                                                                                     \
        harness_begins();                                                                                    \
        enum status status = call;                                                                           \
        harness_ends();                                                                                      \
        return lost && status == STATUS_OK ? fail : status;                                                  \
    } while (0)
#define FAILED(operation)                                                                                    \
    err_set(err, STATUS_SYSTEM, operation, 1450, "%s: not enough system resources", operation)

enum status torture_os_observe(struct os *os, struct observation *out_observation, struct err *err);
enum status torture_os_observe(struct os *os, struct observation *out_observation, struct err *err)
{
    if (strikes(KIND_SEAM)) {
        observation_clear(out_observation); /* as the real one: stamped, and nothing is known */
        out_observation->mono_ms = os_mono_ms(os);
        out_observation->utc_ms = os_utc_ms(os);
        harness_begins();
        judge_look_run(out_observation);
        harness_ends();
        return FAILED("NtQuerySystemInformation");
    }
    harness_begins();
    enum status status = os_observe(os, out_observation, err);
    harness_ends();
    return status;
}

enum status torture_os_process_address_limit(struct os *os, struct process_id id, double *out_bytes,
                                             struct err *err);
enum status torture_os_process_address_limit(struct os *os, struct process_id id, double *out_bytes,
                                             struct err *err)
{
    SEAM(os_process_address_limit(os, id, out_bytes, err), FAILED("OpenProcess"));
}

enum status torture_os_process_space(struct os *os, struct process_id id, struct space *out_space,
                                     struct err *err);
enum status torture_os_process_space(struct os *os, struct process_id id, struct space *out_space,
                                     struct err *err)
{
    SEAM(os_process_space(os, id, out_space, err), FAILED("VirtualQueryEx"));
}

enum status torture_os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                         struct err *err);
enum status torture_os_process_mapi_dlls(struct os *os, struct process_id id, struct loaded_dlls *out_dlls,
                                         struct err *err)
{
    SEAM(os_process_mapi_dlls(os, id, out_dlls, err), FAILED("ReadProcessMemory"));
}

enum status torture_os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err);
enum status torture_os_service_graph(struct os *os, struct service_graph *out_graph, struct err *err)
{
    if (strikes(KIND_SEAM))
        return FAILED("EnumServicesStatusEx");
    harness_begins();
    enum status status = os_service_graph(os, out_graph, err);
    harness_ends();
    return status;
}

enum status torture_os_service_stop(struct os *os, const char *name, struct err *err);
enum status torture_os_service_stop(struct os *os, const char *name, struct err *err)
{
    SEAM(os_service_stop(os, name, err), FAILED("ControlService"));
}

enum status torture_os_service_start(struct os *os, const char *name, struct err *err);
enum status torture_os_service_start(struct os *os, const char *name, struct err *err)
{
    SEAM(os_service_start(os, name, err), FAILED("StartService"));
}

enum status torture_os_process_terminate(struct os *os, const char *service, struct process_id id,
                                         struct err *err);
enum status torture_os_process_terminate(struct os *os, const char *service, struct process_id id,
                                         struct err *err)
{
    SEAM(os_process_terminate(os, service, id, err), FAILED("TerminateProcess"));
}

enum status torture_os_event_write(struct os *os, enum alert_kind kind, enum severity severity,
                                   const char *text, struct err *err);
enum status torture_os_event_write(struct os *os, enum alert_kind kind, enum severity severity,
                                   const char *text, struct err *err)
{
    SEAM(os_event_write(os, kind, severity, text, err), FAILED("ReportEvent"));
}

enum status torture_os_file_replace(struct os *os, const char *path, const char *bytes, size_t count,
                                    struct err *err);
enum status torture_os_file_replace(struct os *os, const char *path, const char *bytes, size_t count,
                                    struct err *err)
{
    SEAM(os_file_replace(os, path, bytes, count, err), FAILED("MoveFileEx"));
}

enum status torture_os_file_remove(struct os *os, const char *path, const char *begin, struct err *err);
enum status torture_os_file_remove(struct os *os, const char *path, const char *begin, struct err *err)
{
    SEAM(os_file_remove(os, path, begin, err), FAILED("DeleteFile"));
}

/* Evidence: what cannot be had is left out. */
enum status torture_os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                                       size_t capacity, size_t *out_count, struct err *err);
enum status torture_os_process_modules(struct os *os, struct process_id id, struct module *out_modules,
                                       size_t capacity, size_t *out_count, struct err *err)
{
    SEAM(os_process_modules(os, id, out_modules, capacity, out_count, err), FAILED("OpenProcess"));
}

enum status torture_os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                                       struct err *err);
enum status torture_os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                                       struct err *err)
{
    SEAM(os_process_handles(os, id, out_counts, err), FAILED("NtQuerySystemInformation"));
}

enum status torture_os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                                    double min_free_bytes, int64_t budget_ms, struct err *err);
enum status torture_os_process_dump(struct os *os, struct process_id id, bool full, const char *path,
                                    double min_free_bytes, int64_t budget_ms, struct err *err)
{
    SEAM(os_process_dump(os, id, full, path, min_free_bytes, budget_ms, err), FAILED("MiniDumpWriteDump"));
}

enum status torture_os_folder_make(struct os *os, const char *path, struct err *err);
enum status torture_os_folder_make(struct os *os, const char *path, struct err *err)
{
    SEAM(os_folder_make(os, path, err), FAILED("CreateDirectory"));
}

enum status torture_os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                                   size_t capacity, size_t *out_count, struct err *err);
enum status torture_os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                                   size_t capacity, size_t *out_count, struct err *err)
{
    SEAM(os_folder_list(os, path, out_names, capacity, out_count, err), FAILED("FindFirstFile"));
}

enum status torture_os_file_list(struct os *os, const char *path, const char *begin,
                                 struct file_entry *out_files, size_t capacity, size_t *out_count,
                                 struct err *err);
enum status torture_os_file_list(struct os *os, const char *path, const char *begin,
                                 struct file_entry *out_files, size_t capacity, size_t *out_count,
                                 struct err *err)
{
    SEAM(os_file_list(os, path, begin, out_files, capacity, out_count, err), FAILED("FindFirstFile"));
}

enum status torture_os_folder_remove(struct os *os, const char *path, struct err *err);
enum status torture_os_folder_remove(struct os *os, const char *path, struct err *err)
{
    SEAM(os_folder_remove(os, path, err), FAILED("RemoveDirectory"));
}

enum status torture_os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err);
enum status torture_os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err)
{
    SEAM(os_disk_free(os, path, out_bytes, err), FAILED("GetDiskFreeSpaceEx"));
}

enum status torture_os_file_create(struct os *os, const char *path, struct os_file **out_file,
                                   struct err *err);
enum status torture_os_file_create(struct os *os, const char *path, struct os_file **out_file,
                                   struct err *err)
{
    return strikes(KIND_SEAM) ? FAILED("CreateFile") : os_file_create(os, path, out_file, err);
}

enum status torture_os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err);
enum status torture_os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err)
{
    SEAM(os_file_write(file, bytes, count, err), FAILED("WriteFile"));
}

/* Closed it is in any case. */
enum status torture_os_file_close(struct os_file *file, struct err *err);
enum status torture_os_file_close(struct os_file *file, struct err *err)
{
    enum status status = os_file_close(file, err);
    return strikes(KIND_SEAM) ? FAILED("CloseHandle") : status;
}

enum status torture_mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                                struct err *err);
enum status torture_mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                                struct err *err)
{
    bool lost = strikes(KIND_SEAM_AFTER);
    if (!strikes(KIND_SEAM)) {
        harness_begins();
        enum status status = mailer_send(request, out_result, err);
        harness_ends();
        if (!lost)
            return status;
        sim->judge.duplicates_allowed++; /* the relay has it, and storewatch cannot know */
    }
    *out_result = (struct mailer_result){.outcome = MAILER_LATER};
    return err_set(err, STATUS_IO, "connect", 7, "connection reset");
}

/* ---- somebody asks, on the way ---- */

static struct {
    int64_t at_ms;
    const char *line; /* NULL: a reload */
} const questions[] = {
    {20000, "{\"request\":\"status\"}"},
    {25000, "{\"request\":\"maintenance\",\"for_ms\":20000,\"reason\":\"a test\"}"},
    {35000, "{\"request\":\"maintenance\",\"for_ms\":0}"},
    {50000, NULL},
    {150000, "{\"request\":\"status\"}"},
    {300000, "{\"request\":\"restart\",\"service\":\"nobody\",\"reason\":\"a test\"}"},
};
static size_t asked;

static size_t incidents_open(void)
{
    size_t count = 0;
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        count += sim->agent->engine->incidents[i].incident.id != 0;
    return count;
}

static void ask_next(void)
{
    /* All is told and done: the story is over. */
    if (sim->agent && sim->restarts_seen > 0 && sim->mails >= 2 && !engine_restarting(sim->agent->engine) &&
        sim->agent->mails_pending == 0 && incidents_open() == 0 && !sim->healed)
        sim->heal_ms = true_ms();
    if (asked == ARRAY_COUNT(questions) || true_ms() < questions[asked].at_ms || !sim->agent)
        return;
    const char *line = questions[asked++].line;
    if (line)
        free(control_answer(sim->agent, line, strlen(line)));
    else
        agent_reload(sim->agent);
}

/* ---- one run ---- */

static char config_path[] = "/dev/shm/storewatch-torture-XXXXXX";
static uint64_t world_seed;

/* Everything is mended; what fails only once may still do so. */
static void healed(void)
{
    if (!torture.from_on)
        return;
    torture.nth = 0;
    torture.struck |= vfs_fault_struck();
    vfs_fault_disarm();
}

/* The judge speaks: nothing fails any more. */
static void ends(void)
{
    torture.armed = false;
    torture.counts[KIND_VFS] = vfs_fault_count(VFS_MASK_ALL);
    vfs_fault_pause(true);
}

static void begun(void)
{
    torture.armed = true;
    memset(torture.counts, 0, sizeof torture.counts);
    asked = 0;
    sim->may_fail = torture.nth > 0 && (torture.kind == KIND_MALLOC || torture.kind == KIND_VFS);
    if (torture.nth && torture.from_on)
        sim->calm = false; /* the leak may still be there at the end */
    if (torture.nth && torture.kind == KIND_VFS)
        vfs_fault_arm(VFS_MASK_ALL, torture.nth, SQLITE_IOERR, !torture.from_on);
    else
        vfs_fault_disarm(); /* counts from here */
    /* What was not saved for want of memory leaves from memory as well. */
}

/* Plays the world with what `torture` says; false when an invariant broke. */
static bool run(void)
{
    torture.struck = false;
    static const struct play_hooks hooks = {begun, ask_next, healed, ends};
    play_with(world_seed, 0, config_path, &hooks);
    sqlite3_shutdown();
    return !judge_failed();
}

/* ---- all runs ---- */

struct task {
    enum kind kind;
    bool from_on;
    uint64_t count, every; /* n is 1, 1 + every, ... up to count */
};

/* What a batch tells its parent; survives its crash. */
static struct {
    uint64_t n, runs, struck, broken;
} * shared;

static void tell(const struct task *task, uint64_t n, const char *what)
{
    printf("FAILED %s %" PRIu64 "%s: %s\n    again: torture --kind %s --nth %" PRIu64 "%s --story\n",
           kind_names[task->kind], n, task->from_on ? " and on" : "", what, kind_names[task->kind], n,
           task->from_on ? " --on" : "");
    fflush(stdout);
}

static void run_batch(const struct task *task, uint64_t from)
{
    for (uint64_t n = from, runs = 0; n <= task->count && runs < BATCH; n += task->every, runs++) {
        shared->n = n;
        torture.kind = task->kind;
        torture.nth = n;
        torture.from_on = task->from_on;
        bool held = run();
        shared->runs++;
        shared->struck += torture.struck || vfs_fault_struck();
        if (!held) {
            char what[700];
            struct text text = text_on(what, sizeof what);
            text_add(&text, "%s: %s", sim->judge.invariant, sim->judge.failure);
            tell(task, n, what);
            shared->broken++;
        }
    }
    if (__lsan_do_recoverable_leak_check()) {
        char what[100];
        struct text text = text_on(what, sizeof what);
        text_add(&text, "a leak in one of the runs from %" PRIu64 " on", from);
        tell(task, shared->n, what);
        shared->broken++;
    }
}

static void run_task(const struct task *task)
{
    uint64_t runs = shared->runs, struck = shared->struck, broken = shared->broken;
    for (uint64_t from = 1; from <= task->count;) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            run_batch(task, from);
            fflush(stdout);
            _exit(0);
        }
        int status = 0;
        if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status) ||
            WEXITSTATUS(status) != 0) {
            tell(task, shared->n, "it crashed");
            shared->runs++;
            shared->broken++;
        }
        from = shared->n + task->every;
    }
    printf("%s%s: %" PRIu64 " of %" PRIu64 ", %" PRIu64 " struck, %" PRIu64 " failed\n",
           kind_names[task->kind], task->from_on ? " and on" : "", shared->runs - runs, task->count,
           shared->struck - struck, shared->broken - broken);
    if (shared->struck == struck) {
        printf("FAILED %s: nothing of it was made to fail\n", kind_names[task->kind]);
        shared->broken++;
    }
    fflush(stdout);
}

/* The world with the fewest looks in which a restart stops three services at least. */
static bool choose_world(void)
{
    uint64_t best = 0;
    torture.nth = 0;
    for (uint64_t seed = 16; seed <= 16 * 40; seed += 16) {
        world_seed = seed;
        if (run() && !sim->computed && sim->stops >= 3 && (best == 0 || sim->looks < best)) {
            best = sim->looks;
            world_seed = 0;
            shared->n = seed;
        }
    }
    world_seed = shared->n;
    return best > 0 && run();
}

static int play_one(enum kind kind, uint64_t nth, bool from_on, bool whole)
{
    torture.kind = kind;
    torture.nth = nth;
    torture.from_on = from_on;
    bool held = run();
    if (whole)
        fputs(sim->story ? sim->story : "", stdout);
    printf("%s %" PRIu64 "%s: %s %s\n", kind_names[kind], nth, from_on ? " and on" : "",
           held ? "held" : sim->judge.invariant, sim->judge.failure);
    return held && !__lsan_do_recoverable_leak_check() ? 0 : 1;
}

int main(int argc, char **argv)
{
    uint64_t every = 1, nth = 0;
    int only = -1;
    bool one = false, from_on = false, whole = false;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--every") == 0 && more) {
            every = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--nth") == 0 && more) {
            nth = strtoull(argv[++i], NULL, 10);
            one = true;
        } else if (strcmp(argv[i], "--kind") == 0 && more) {
            i++;
            for (int kind = 0; kind < KIND_COUNT; kind++)
                if (strcmp(argv[i], kind_names[kind]) == 0)
                    only = kind;
        } else if (strcmp(argv[i], "--on") == 0) {
            from_on = true;
        } else if (strcmp(argv[i], "--story") == 0) {
            whole = true;
        } else {
            fputs("usage: torture [--every K] [--kind KIND [--nth N [--on] [--story]]]\n", stderr);
            return 2;
        }
    }
    char shared_path[] = "/dev/shm/storewatch-torture-XXXXXX";
    int file = mkstemp(config_path), memory = mkstemp(shared_path);
    sim = calloc(1, sizeof *sim);
    if (file < 0 || memory < 0 || unlink(shared_path) || ftruncate(memory, sizeof *shared) || !sim ||
        every == 0) {
        perror("torture");
        return 3;
    }
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (shared == MAP_FAILED) {
        perror("torture");
        return 3;
    }
    close(file);
    if (!choose_world()) {
        printf("FAILED: without any fault: %s %s\n", sim->judge.invariant, sim->judge.failure);
        return 1;
    }
    uint64_t counts[KIND_COUNT];
    memcpy(counts, torture.counts, sizeof counts);
    int failed = 0;
    if (one) {
        failed = play_one((enum kind)only, nth, from_on, whole);
    } else {
        printf("world %" PRIu64 ": %" PRIu64 " looks, %" PRIu64 " stops, %" PRIu64 " starts, %" PRIu64
               " mails; %" PRIu64 " allocations, %" PRIu64 " calls of the file system, %" PRIu64
               " of the seam\n",
               world_seed, sim->looks, sim->stops, sim->starts, sim->mails, counts[KIND_MALLOC],
               counts[KIND_VFS], counts[KIND_SEAM]);
        for (int kind = 0; kind < KIND_COUNT; kind++)
            for (int on = 0; on < 2; on++) {
                struct task task = {(enum kind)kind, on != 0, counts[kind], kind == KIND_MALLOC ? every : 1};
                if (only < 0 || only == kind)
                    run_task(&task);
            }
        printf("%" PRIu64 " runs, %" PRIu64 " failed\n", shared->runs, shared->broken);
        failed = shared->broken > 0;
    }
    unlink(config_path);
    free(sim->story);
    free(sim);
    return failed;
}

/* bench_poll.c - what a poll costs, by its parts, and what storewatch holds in memory.
 *
 * Twice: at rest, 21 series on a machine with 200 processes; there is the goal (issue "The main job"): under
 * 1 ms of CPU beyond the system's own call. And busy: 20 watched processes on a machine with 500, two of them
 * leaking all the time, so incidents are open and culprits are ranked.
 *
 * The machine is the fake's: what it takes to make an observation is measured apart and not counted. The
 * store is the real one in a temporary directory. CPU time of the process: a disk that is waited for is not
 * in it. Linked with --wrap=engine_step (Makefile), so that its time can be told from the records'. */
#include "fake_os.h"

#include "storewatch/agent.h"
#include "storewatch/engine.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 7
#define POLLS_A_ROUND 2000
#define WARM_POLLS 6000 /* a day at 15 s: the detectors hold history, SQLite's cache is full */
#define BUSY_POLLS 6000
#define GOAL_MS 1.0
#define GOAL_MIB 8.0
#define GOAL_EXE_MIB 3.0
/* At rest: 8 processes of 2 series each, the store's 2, and the host's 3 are 21 series. */
#define REST_CLIENTS 8
#define REST_PROCESSES 199
#define BUSY_CLIENTS 19
#define BUSY_PROCESSES 500

enum part { PART_LOOK, PART_ENGINE, PART_RECORDS, PART_COMMIT, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"the look (the fake's, not counted)",
                                                   "engine: watch, verdicts, incidents",
                                                   "records: samples, events, status", "store: commit"};

static double engine_cost_ms; /* of the poll that is measured */

static double cpu_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void __real_engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                        bool sample_due, struct actions *out_actions);
void __wrap_engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                        bool sample_due, struct actions *out_actions);
void __wrap_engine_step(struct engine *engine, const struct observation *observation, struct clock clock,
                        bool sample_due, struct actions *out_actions)
{
    double begun = cpu_ms();
    __real_engine_step(engine, observation, clock, sample_due, out_actions);
    engine_cost_ms += cpu_ms() - begun;
}

static void run_lane(struct agent *agent, enum lane lane, double *run_cost_ms, double *loop_cost_ms)
{
    double begun = cpu_ms();
    struct job *job = agent_take_job(agent, lane);
    double taken = cpu_ms();
    if (!job)
        return;
    job_run(job);
    double run = cpu_ms();
    agent_job_done(agent, job);
    double done = cpu_ms();
    *run_cost_ms += run - taken;
    *loop_cost_ms += (taken - begun) + (done - run);
}

static void poll_once(struct os *os, struct agent *agent, double cost[PART_COUNT])
{
    double loop = 0, ignored = 0;
    memset(cost, 0, PART_COUNT * sizeof cost[0]);
    engine_cost_ms = 0;
    fake_advance(os, 15000);
    agent_poll(agent);
    run_lane(agent, LANE_LOOK, &cost[PART_LOOK], &loop);
    run_lane(agent, LANE_STORE, &cost[PART_COMMIT], &loop);
    run_lane(agent, LANE_EVENT, &ignored, &ignored);
    cost[PART_ENGINE] = engine_cost_ms;
    cost[PART_RECORDS] = loop - engine_cost_ms;
}

static void warm_up(struct os *os, struct agent *agent)
{
    double ignored[PART_COUNT];
    for (int i = 0; i < WARM_POLLS; i++)
        poll_once(os, agent, ignored);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], ascending);
    return values[count / 2];
}

static void build_machine(struct os *os, struct config *config, size_t clients, size_t processes)
{
    fake_init(os);
    fake_add_service(os, "MSExchangeIS", "store.exe", 1.2e9);
    config_default(config);
    for (size_t i = 0; i < clients; i++) {
        struct config_client *client = &config->clients[config->client_count++];
        snprintf(client->name, sizeof client->name, "client%zu", i);
        snprintf(client->service, sizeof client->service, "Client%zu", i);
        fake_add_service(os, client->service, "client.exe", 1e8);
    }
    while (os->program_count < processes)
        fake_add_program(os, "other.exe", 1e7, true);
}

static size_t heap_in_use(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Is the goal met? */
static bool print_executables(void)
{
    bool met = true;
    static const char *const paths[] = {"build/x64/storewatch.exe", "build/x86/storewatch.exe"};
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++) {
        struct stat file;
        if (stat(paths[i], &file) != 0) {
            printf("  %-44s  not built\n", paths[i]);
            met = false;
            continue;
        }
        const double mib = (double)file.st_size / (1024.0 * 1024.0);
        printf("  %-44s %8.2f   goal: under %.1f MiB, %s\n", paths[i], mib, GOAL_EXE_MIB,
               mib < GOAL_EXE_MIB ? "met" : "MISSED");
        met = met && mib < GOAL_EXE_MIB;
    }
    return met;
}

/* Are the goals met? */
static bool at_rest(struct os *os, struct agent *agent, size_t heap_before)
{
    double part[PART_COUNT][ROUNDS] = {{0}}, sum[ROUNDS] = {0};
    for (int i = 0; i < ROUNDS; i++)
        for (int poll = 0; poll < POLLS_A_ROUND; poll++) {
            double cost[PART_COUNT];
            poll_once(os, agent, cost);
            for (int p = 0; p < PART_COUNT; p++) {
                part[p][i] += cost[p] / POLLS_A_ROUND;
                sum[i] += p == PART_LOOK ? 0 : cost[p] / POLLS_A_ROUND;
            }
        }
    double total = median(sum, ROUNDS);
    printf("a poll of %zu processes and 21 series, ms of CPU, median of %d rounds of %d polls\n",
           os->program_count, ROUNDS, POLLS_A_ROUND);
    for (int p = 0; p < PART_COUNT; p++)
        printf("  %-44s %8.3f\n", part_names[p], median(part[p], ROUNDS));
    printf("  %-44s %8.3f   goal: under %.1f, %s\n", "beyond the system call", total, GOAL_MS,
           total < GOAL_MS ? "met" : "MISSED");
    double heap_mib = (double)(heap_in_use() - heap_before) / (1024.0 * 1024.0);
    printf("  %-44s %8.2f   goal: under %.1f MiB of private bytes in all, %s\n",
           "heap of the agent, engine, store and SQLite, MiB", heap_mib, GOAL_MIB,
           heap_mib < GOAL_MIB ? "met" : "MISSED");
    return total < GOAL_MS && heap_mib < GOAL_MIB;
}

static void busy(struct os *os, struct agent *agent)
{
    static double part[PART_COUNT][BUSY_POLLS], sum[BUSY_POLLS];
    for (int poll = 0; poll < BUSY_POLLS; poll++) {
        double cost[PART_COUNT];
        poll_once(os, agent, cost);
        for (int p = 0; p < PART_COUNT; p++) {
            part[p][poll] = cost[p];
            sum[poll] += p == PART_LOOK ? 0 : cost[p];
        }
    }
    printf("a poll of %zu processes, %d watched, two of them leaking, ms of CPU, %d polls\n",
           os->program_count, BUSY_CLIENTS + 1, BUSY_POLLS);
    printf("  %-44s %8s %8s %8s\n", "", "median", "99 %", "max");
    for (int p = 0; p <= PART_COUNT; p++) {
        double *values = p < PART_COUNT ? part[p] : sum;
        double middle = median(values, BUSY_POLLS);
        printf("  %-44s %8.3f %8.3f %8.3f\n", p < PART_COUNT ? part_names[p] : "beyond the system call",
               middle, values[BUSY_POLLS * 99 / 100], values[BUSY_POLLS - 1]);
    }
}

static void let_leak(struct os *os)
{
    static const char *const leaking[] = {"MSExchangeIS", "Client0"};
    for (size_t i = 0; i < ARRAY_COUNT(leaking); i++) {
        struct fake_program *program = fake_program_find(os, leaking[i]);
        fake_grow(os, program, FAKE_LEAK);
        program->bytes_per_hour = program->base_bytes * 0.02;
    }
}

/* An agent on a machine of its own, in the directory. */
static struct agent *begin(struct os *os, struct config *config, const char *dir)
{
    struct agent_options options = {.data_dir = dir};
    struct agent *agent = NULL;
    config->mode = MODE_ALERT;
    if (agent_new(os, config, &options, &agent, NULL) != STATUS_OK)
        exit(3);
    warm_up(os, agent);
    return agent;
}

int main(void)
{
    struct os *os = calloc(1, sizeof *os);
    struct config *config = calloc(1, sizeof *config);
    char rest_dir[] = "/tmp/storewatch-bench-XXXXXX", busy_dir[] = "/tmp/storewatch-bench-XXXXXX";
    if (!os || !config || !mkdtemp(rest_dir) || !mkdtemp(busy_dir))
        return 3;
    build_machine(os, config, REST_CLIENTS, REST_PROCESSES);
    size_t heap_before = heap_in_use();
    struct agent *agent = begin(os, config, rest_dir);
    bool met = at_rest(os, agent, heap_before);
    met = print_executables() && met;
    agent_free(agent);
    fake_deinit(os);

    build_machine(os, config, BUSY_CLIENTS, BUSY_PROCESSES);
    let_leak(os);
    agent = begin(os, config, busy_dir);
    busy(os, agent);
    agent_free(agent);
    fake_deinit(os);
    char command[120];
    snprintf(command, sizeof command, "rm -rf %s %s", rest_dir, busy_dir);
    int left = system(command);
    free(config);
    free(os);
    return left || !met;
}

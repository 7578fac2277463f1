/* bench_culprit.c - how often is the right one named? The ranking of culprits on simulated machines whose
 * truth is known, beside what people do without it: the largest process, the largest growth, the highest
 * correlation with what grows.
 *
 *   bench_culprit [MACHINES] [FIRST_SEED] [KIND]      200 machines a kind from seed 1001 on; KIND: only this
 *                                                   one, each told
 *
 * A machine is a store, four to eight registered clients, some discovered ones and two or three dozen other
 * processes, each with its own level, noise, drift and part in the daily load, seen for two days
 * through the real watch and detectors. It is asked when the detector of what grows turns `unbounded`, and
 * where it never does, all the same at the latest moment of growth: that is harsher than the service, which
 * does not ask then. Where somebody has ended it is asked up to four hours after that. */
#include "generate.h"

#include "storewatch/culprit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MACHINES 200
#define FIRST_SEED 1001 /* the constants of culprit.c were chosen looking at 1 to 40 */
#define POLLS_A_HOUR 36 /* three a slot: the means of a service's twenty are smoother still */
#define INTERVAL_MS (MS_PER_HOUR / POLLS_A_HOUR)
#define POLLS (48 * POLLS_A_HOUR)
#define PROCESSES_MAX 96
#define MANY_MAX 8 /* processes of one client */
#define PIDS 1000U /* a program's processes one after the other are so far apart */
#define BOOT_UTC_MS INT64_C(1767225600000)
/* What the baselines need before they accuse. */
#define GROWTH_ACCUSES 0.5
#define CORRELATION_ACCUSES 0.9
/* The bench fails beyond these. */
#define GOAL_FIRST 0.9
#define GOAL_ACCUSED 0.05

#define KIND_LIST(X)                                                                                         \
    X(ONE, COMMIT, "one client leaks")                                                                       \
    X(TWO, COMMIT, "two clients leak")                                                                       \
    X(UNREGISTERED, COMMIT, "an unregistered process leaks")                                                 \
    X(WITH_CACHE, COMMIT, "one leaks while the store's cache grows")                                         \
    X(CHANCE, COMMIT, "one leaks, another starts at that time by chance")                                    \
    X(LEAK_AND_LOAD, COMMIT, "one leaks while the load rises for all")                                       \
    X(CACHE, COMMIT, "none: only the store's cache grows")                                                   \
    X(LOAD, COMMIT, "none: everybody grows by day")                                                          \
    X(STORE_SIDE, PRIVATE_BYTES, "a client's leak shows in the store")                                       \
    X(STORE_SIDE_QUIET, PRIVATE_BYTES, "likewise at a steady rate, under the store's cache")                 \
    X(STORE_SIDE_CHANCE, PRIVATE_BYTES, "likewise, another starts at that time by chance")                   \
    X(STORE_SIDE_LOAD, PRIVATE_BYTES, "likewise while the load rises for all")                               \
    X(STORE_OWN, PRIVATE_BYTES, "none: the store leaks by itself")                                           \
    X(STORE_CACHE, PRIVATE_BYTES, "none: the store's cache grows")                                           \
    X(STORE_LOAD, PRIVATE_BYTES, "none: everybody grows by day")                                             \
    X(STORE_SIDE_TWO, PRIVATE_BYTES, "two clients' leaks show in the store")                                 \
    X(STORE_SIDE_SAME, PRIVATE_BYTES, "one does, another leaks handles of its own in that rhythm")           \
    X(POOL, NONPAGED_POOL, "one process leaks handles, the pool grows")                                      \
    X(POOL_BESIDE, NONPAGED_POOL, "likewise, another opens handles at that time")                            \
    X(POOL_DRIVER, NONPAGED_POOL, "none: a driver leaks pool, a process opens handles")                      \
    X(MANY, COMMIT, "each of several processes of one program leaks")                                        \
    X(STORE_SIDE_MANY, PRIVATE_BYTES, "such a client's leak shows in the store")                             \
    X(STORE_SIDE_ONE_OF_MANY, PRIVATE_BYTES, "one of such a client's processes leaks into the store")        \
    X(STORE_SIDE_ENDED, PRIVATE_BYTES, "the client has ended, so has another that began with it")            \
    X(STORE_SIDE_RECYCLED, PRIVATE_BYTES, "the client is recycled every few hours")                          \
    X(STORE_SIDE_OTHER_ENDED, PRIVATE_BYTES, "one that leaked handles of its own in that rhythm has ended")
enum kind {
#define KIND_ENUM(name, metric, text) KIND_##name,
    KIND_LIST(KIND_ENUM)
#undef KIND_ENUM
        KIND_COUNT
};
static const struct {
    const char *name, *text;
    enum metric metric;
} kinds[KIND_COUNT] = {
#define KIND_ROW(name, metric, text) {#name, text, METRIC_##metric},
    KIND_LIST(KIND_ROW)
#undef KIND_ROW
};

/* ---- a machine ---- */

struct program {
    char image[PROCESS_IMAGE_MAX];
    uint32_t pid;
    bool service;      /* the store or a registered client */
    int begins, ends;  /* polls; 0 = none */
    int recycle_polls; /* a new process so often; 0 = never */
    int incarnation_from;
    double leaked_before;                        /* by the processes before */
    double level, noise, drift_size, phi, drift; /* of private bytes */
    double load_part;                            /* of the level, at full load */
    double saw_height;
    int saw_polls;
    double handles, handle_noise;
    /* a warm-up or a cache: height, time constant in polls, from its begin */
    double warm_bytes, warm_handles, warm_polls;
    int warm_from;
    /* a leak */
    bool leaks;
    int leak_from;
    bool with_calls; /* in the rhythm of the calls, not steady */
    bool own_calls;  /* which are half its own and half everybody's */
    double own_burst;
    double leak_bytes, leak_handles;
    double leaked; /* 0 .. 1 over the rest of the two days */
};

struct machine {
    enum kind kind;
    struct random random;
    size_t count, clients; /* programs[0] is the store, then the registered clients */
    struct program programs[PROCESSES_MAX];
    double begin_of_day; /* hour of the day at poll 0 */
    double busy;         /* of the load */
    double load, burst;
    double fed_bytes, fed_handles; /* what leaks of programs[1] and [2] make the store grow by */
    double fed_part[2];            /* of it by each */
    size_t many, many_from;        /* or these, processes of one client, feed it instead of programs[1] */
    int fed_lag;                   /* polls */
    double pool_a_handle, driver_pool, pool_drift; /* nonpaged, bytes; the driver's from driver_from on */
    int driver_from;
    double leaked_past[2][64];
    int64_t onset_ms;
    int asked_at; /* poll; 0 = when it is told */
};

static double between(struct machine *m, double low, double high)
{
    return low + (high - low) * random_uniform(&m->random);
}

static double log_between(struct machine *m, double low, double high)
{
    return exp(between(m, log(low), log(high)));
}

static struct program *add_program(struct machine *m, const char *image, double low, double high)
{
    struct program *p = &m->programs[m->count];
    *p = (struct program){.pid = 400 + 4 * (uint32_t)m->count};
    snprintf(p->image, sizeof p->image, "%s", image);
    p->level = log_between(m, low, high);
    p->noise = p->level * log_between(m, 0.0005, 0.01);
    p->phi = 1 - log_between(m, 0.002, 0.05);
    p->drift_size = p->level * log_between(m, 0.002, 0.04);
    p->handles = log_between(m, 80, 2500);
    p->handle_noise = p->handles * log_between(m, 0.001, 0.02);
    p->load_part = random_uniform(&m->random) < 0.4 ? between(m, 0.01, 0.12) : 0;
    if (random_uniform(&m->random) < 0.15) {
        p->saw_height = p->level * between(m, 0.02, 0.2);
        p->saw_polls = (int)log_between(m, 3, 240);
    }
    m->count++;
    return p;
}

static void begin_leak(struct machine *m, struct program *p, double bytes, double handles, int from)
{
    p->leaks = true;
    p->leak_from = from;
    p->leak_bytes = bytes;
    p->leak_handles = handles;
    p->with_calls = random_uniform(&m->random) < 0.6;
    m->onset_ms = (int64_t)from * INTERVAL_MS;
}

static void begin_cache(struct machine *m, double height, int from)
{
    struct program *store = &m->programs[0];
    store->warm_bytes = height;
    store->warm_from = from;
    store->warm_polls = log_between(m, 2, 8) * POLLS_A_HOUR;
    m->onset_ms = (int64_t)from * INTERVAL_MS;
}

/* Everybody's part in the load is large, and the day's load rises from `from` on. */
static void load_for_all(struct machine *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (random_uniform(&m->random) < 0.75 || i <= m->clients)
            m->programs[i].load_part = between(m, 0.1, 0.6);
}

/* A client that runs as several processes, of which `leaking` leak; its calls are theirs together. */
static void leak_of_many(struct machine *m, double bytes, double handles, size_t leaking, int from)
{
    double parts[MANY_MAX], sum = 0;
    for (size_t i = 0; i < leaking; i++)
        sum += parts[i] = between(m, 0.6, 1.4);
    for (size_t i = 0; i < m->many; i++) {
        struct program *p = &m->programs[m->many_from + i];
        snprintf(p->image, sizeof p->image, "agent.exe");
        if (i >= leaking)
            continue;
        begin_leak(m, p, bytes * parts[i] / sum, handles * parts[i] / sum, from);
        p->with_calls = p->own_calls = true;
    }
}

static void machine_make(struct machine *m, enum kind kind, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->kind = kind;
    m->random = random_seeded(seed * 1000 + (uint64_t)kind);
    m->begin_of_day = between(m, 0, 24);
    m->busy = 1;
    m->fed_part[0] = 1;
    add_program(m, "store.exe", 300 * MIB, 1200 * MIB)->service = true;
    m->clients = 4 + (size_t)(5 * random_uniform(&m->random));
    for (size_t i = 0; i < m->clients; i++) {
        char image[PROCESS_IMAGE_MAX];
        snprintf(image, sizeof image, "client%zu.exe", i);
        add_program(m, image, 15 * MIB, 250 * MIB)->service = true;
    }
    size_t others = 20 + (size_t)(25 * random_uniform(&m->random));
    for (size_t i = 0; i < others; i++) { /* everybody is many programs */
        char image[PROCESS_IMAGE_MAX];
        snprintf(image, sizeof image, "other%zu.exe", i);
        add_program(m, image, 2 * MIB, 300 * MIB);
    }

    struct program *store = &m->programs[0], *culprit = &m->programs[1], *second = &m->programs[2];
    int from = (int)(POLLS * between(m, 0.35, 0.7));
    double leak = log_between(m, 200 * MIB, 2500 * MIB);
    switch (kind) {
    case KIND_ONE:
        begin_leak(m, culprit, leak, between(m, 0, 2000), from);
        break;
    case KIND_TWO: {
        double part = between(m, 0.35, 0.65);
        begin_leak(m, culprit, leak * part, 0, from);
        begin_leak(m, second, leak * (1 - part), between(m, 0, 2000),
                   from + (int)(between(m, -1, 1) * POLLS_A_HOUR));
        break;
    }
    case KIND_UNREGISTERED:
        begin_leak(m, &m->programs[m->clients + 1], leak, 0, from);
        break;
    case KIND_WITH_CACHE:
        begin_leak(m, culprit, leak, 0, from);
        begin_cache(m, leak * between(m, 0.2, 0.8), from - (int)(between(m, 0, 3) * POLLS_A_HOUR));
        m->onset_ms = (int64_t)from * INTERVAL_MS;
        break;
    case KIND_CHANCE:
        begin_leak(m, culprit, leak, 0, from);
        second->begins = from + (int)between(m, -3, 3);
        second->warm_from = second->begins;
        second->warm_bytes = leak * between(m, 0.1, 0.4);
        second->warm_handles = 800;
        second->warm_polls = log_between(m, 0.2, 2) * POLLS_A_HOUR;
        break;
    case KIND_LEAK_AND_LOAD:
        load_for_all(m);
        begin_leak(m, culprit, log_between(m, 800 * MIB, 2500 * MIB), 0, from);
        break;
    case KIND_CACHE:
    case KIND_STORE_CACHE:
        begin_cache(m, store->level * between(m, 0.3, 1.5), from);
        break;
    case KIND_LOAD:
    case KIND_STORE_LOAD:
        load_for_all(m);
        break;
    case KIND_STORE_SIDE:
    case KIND_STORE_SIDE_QUIET:
    case KIND_STORE_SIDE_CHANCE:
    case KIND_STORE_SIDE_LOAD:
        if (kind == KIND_STORE_SIDE_LOAD)
            load_for_all(m);
        begin_leak(m, culprit, between(m, 0, 20 * MIB), log_between(m, 1500, 30000), from);
        culprit->with_calls = kind != KIND_STORE_SIDE_QUIET;
        m->fed_bytes = leak;
        m->fed_handles = culprit->leak_handles * between(m, 0.5, 2);
        m->fed_lag = (int)between(m, 0, 5);
        if (kind == KIND_STORE_SIDE_QUIET)
            begin_cache(m, leak * between(m, 0.2, 0.6), from - (int)(between(m, 0, 5) * POLLS_A_HOUR));
        if (kind == KIND_STORE_SIDE_CHANCE) {
            second->begins = from + (int)between(m, -3, 3);
            second->warm_from = second->begins;
            second->warm_bytes = 40 * MIB;
            second->warm_handles = log_between(m, 500, 5000);
            second->warm_polls = log_between(m, 0.2, 2) * POLLS_A_HOUR;
        }
        m->onset_ms = (int64_t)from * INTERVAL_MS;
        break;
    case KIND_STORE_SIDE_TWO: {
        double handles = log_between(m, 1500, 30000);
        m->fed_part[0] = between(m, 0.35, 0.65);
        m->fed_part[1] = 1 - m->fed_part[0];
        begin_leak(m, culprit, between(m, 0, 20 * MIB), handles * m->fed_part[0], from);
        begin_leak(m, second, between(m, 0, 20 * MIB), handles * m->fed_part[1] * between(m, 0.5, 2),
                   from + (int)(between(m, -1, 1) * POLLS_A_HOUR));
        culprit->with_calls = second->with_calls = culprit->own_calls = second->own_calls = true;
        m->fed_bytes = leak;
        m->fed_handles = handles * between(m, 0.5, 2);
        m->fed_lag = (int)between(m, 0, 5);
        break;
    }
    case KIND_STORE_SIDE_SAME:
        begin_leak(m, second, 0, log_between(m, 300, 3000),
                   from +
                       (int)(between(m, 1, 6) * POLLS_A_HOUR) * (random_uniform(&m->random) < 0.5 ? 1 : -1));
        begin_leak(m, culprit, between(m, 0, 20 * MIB), log_between(m, 1500, 30000), from);
        culprit->with_calls = second->with_calls = true;
        m->fed_bytes = leak;
        m->fed_handles = culprit->leak_handles * between(m, 0.5, 2);
        m->fed_lag = (int)between(m, 0, 5);
        break;
    case KIND_POOL:
    case KIND_POOL_BESIDE:
    case KIND_POOL_DRIVER:
        if (kind != KIND_POOL) {
            second->warm_from = from + (int)between(m, -3, 3);
            second->warm_handles = log_between(m, 300, 3000);
            second->warm_polls = log_between(m, 1, 6) * POLLS_A_HOUR;
        }
        if (kind == KIND_POOL_DRIVER) {
            m->driver_pool = log_between(m, 20 * MIB, 200 * MIB);
            m->driver_from = from;
        } else {
            begin_leak(m, random_uniform(&m->random) < 0.5 ? culprit : &m->programs[m->clients + 1], 0,
                       log_between(m, 10000, 80000), from);
        }
        m->pool_a_handle = log_between(m, 300, 3000);
        m->onset_ms = (int64_t)from * INTERVAL_MS;
        break;
    case KIND_MANY:
    case KIND_STORE_SIDE_MANY:
    case KIND_STORE_SIDE_ONE_OF_MANY: {
        double handles = log_between(m, 1500, 30000);
        m->many_from = m->clients + 1;
        m->many = 2 + (size_t)((MANY_MAX - 1) * random_uniform(&m->random));
        if (kind == KIND_MANY) {
            leak_of_many(m, leak, 0, m->many, from);
            break;
        }
        leak_of_many(m, between(m, 0, 20 * MIB), handles, kind == KIND_STORE_SIDE_MANY ? m->many : 1, from);
        m->fed_bytes = leak;
        m->fed_handles = handles * between(m, 0.5, 2);
        m->fed_lag = (int)between(m, 0, 5);
        break;
    }
    case KIND_STORE_SIDE_ENDED:
    case KIND_STORE_SIDE_RECYCLED:
    case KIND_STORE_SIDE_OTHER_ENDED: {
        const int ends = from + (int)(between(m, 6, 12) * POLLS_A_HOUR);
        begin_leak(m, second, 0, log_between(m, 300, 3000), from);
        begin_leak(m, culprit, between(m, 0, 20 * MIB), log_between(m, 1500, 30000), from);
        culprit->with_calls = second->with_calls = true;
        m->fed_bytes = leak;
        m->fed_handles = culprit->leak_handles * between(m, 0.5, 2);
        m->fed_lag = (int)between(m, 0, 5);
        if (kind != KIND_STORE_SIDE_OTHER_ENDED)
            second->leaks = false;
        if (kind == KIND_STORE_SIDE_RECYCLED) {
            culprit->recycle_polls = (int)(between(m, 4, 12) * POLLS_A_HOUR);
            break;
        }
        second->ends = ends - (int)(between(m, 0, 2) * POLLS_A_HOUR);
        m->asked_at = ends + (int)(between(m, 0.1, 4) * POLLS_A_HOUR);
        if (kind == KIND_STORE_SIDE_ENDED) {
            culprit->ends = ends;
            second->warm_from = from + (int)between(m, -3, 3);
            second->warm_handles = log_between(m, 500, 5000);
            second->warm_polls = log_between(m, 0.2, 2) * POLLS_A_HOUR;
        }
        break;
    }
    case KIND_STORE_OWN:
        begin_leak(m, store, leak, random_uniform(&m->random) < 0.5 ? 5000 : 0, from);
        break;
    case KIND_COUNT:
        break;
    }
}

static bool is_culprit(const struct machine *m, size_t program)
{
    bool of_commit = kinds[m->kind].metric == METRIC_COMMIT;
    if (!m->programs[program].leaks)
        return false;
    return of_commit || m->pool_a_handle > 0 || m->many > 0 ||
           ((program == 1 || program == 2) && m->fed_part[program - 1] > 0 && m->fed_bytes > 0);
}

static bool has_culprit(const struct machine *m)
{
    bool has = false;
    for (size_t i = 0; i < m->count; i++)
        has |= is_culprit(m, i);
    return has;
}

/* ---- its life ---- */

static double day_load(double hour)
{
    double x = (hour - 7) / 11; /* seven to six */
    return x > 0 && x < 1 ? sin(3.14159265 * x) : 0;
}

static bool has_ended(const struct program *p, int poll)
{
    return p->ends && poll >= p->ends;
}

static void advance(struct machine *m, int poll)
{
    double hour = fmod(m->begin_of_day + poll / (double)POLLS_A_HOUR, 24);
    m->load = m->busy * day_load(hour);
    m->burst = 0.97 * m->burst + 0.243 * random_normal(&m->random); /* stationary, sigma 1 */
    double calls = (0.25 + m->load) * exp(0.7 * m->burst);
    for (size_t i = 0; i < m->count; i++) {
        struct program *p = &m->programs[i];
        p->drift = p->phi * p->drift + sqrt(1 - p->phi * p->phi) * p->drift_size * random_normal(&m->random);
        double its_calls = calls;
        if (p->own_calls) {
            p->own_burst = 0.97 * p->own_burst + 0.243 * random_normal(&m->random);
            its_calls = (0.25 + m->load) * exp(0.5 * m->burst + 0.5 * p->own_burst);
        }
        if (p->recycle_polls && poll % p->recycle_polls == 0) {
            p->incarnation_from = poll;
            p->leaked_before = p->leaked;
        }
        if (p->leaks && poll >= p->leak_from && !has_ended(p, poll))
            p->leaked += (p->with_calls ? its_calls / 0.9 : 1) / (POLLS - p->leak_from);
    }
    for (size_t k = 0; k < ARRAY_COUNT(m->fed_part); k++)
        m->leaked_past[k][poll % 64] = m->programs[1 + k].leaked;
    double of_many = 0, parts = 0; /* by what each leaks of its own */
    for (size_t i = m->many_from; i < m->many_from + m->many; i++) {
        of_many += m->programs[i].leak_handles * m->programs[i].leaked;
        parts += m->programs[i].leak_handles;
    }
    if (parts > 0)
        m->leaked_past[0][poll % 64] = of_many / parts;
}

static void read_program(struct machine *m, size_t i, int poll, struct process *out)
{
    struct program *p = &m->programs[i];
    double warm =
        p->warm_polls > 0 && poll > p->warm_from ? 1 - exp(-(poll - p->warm_from) / p->warm_polls) : 0;
    /* A new process fills its own caches in the first half hour. */
    double filled =
        p->incarnation_from ? 1 - 0.5 * exp((p->incarnation_from - poll) / (0.15 * POLLS_A_HOUR)) : 1;
    double saw = p->saw_polls ? p->saw_height * (poll % p->saw_polls) / p->saw_polls : 0;
    double leaked = p->leaked - p->leaked_before;
    double bytes = filled * p->level * (1 + p->load_part * m->load) + p->drift +
                   p->noise * random_normal(&m->random) + saw + warm * p->warm_bytes + leaked * p->leak_bytes;
    double handles = filled * p->handles * (1 + 0.5 * p->load_part * m->load) +
                     p->handle_noise * random_normal(&m->random) + warm * p->warm_handles +
                     leaked * p->leak_handles;
    if (i == 0 && m->fed_bytes > 0) {
        double fed = 0;
        for (size_t k = 0; k < ARRAY_COUNT(m->fed_part); k++)
            fed += m->fed_part[k] * m->leaked_past[k][(poll - m->fed_lag + 64) % 64];
        bytes += fed * m->fed_bytes;
        handles += fed * m->fed_handles;
    }
    *out = (struct process){.private_bytes = fmax(4096, bytes), .handle_count = floor(fmax(10, handles))};
    const int begins = p->incarnation_from ? p->incarnation_from : p->begins;
    out->id.pid = p->pid + PIDS * (uint32_t)(p->recycle_polls ? p->incarnation_from / p->recycle_polls : 0);
    int64_t born_utc_ms = BOOT_UTC_MS + begins * INTERVAL_MS - (begins ? 0 : 3 * MS_PER_HOUR);
    out->id.created_100ns = process_created_100ns(born_utc_ms);
    text_copy(out->image, sizeof out->image, p->image);
}

static int program_of(const struct machine *m, uint32_t pid)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->programs[i].pid == pid % PIDS)
            return (int)i;
    return -1;
}

static void add_service(struct observation *o, const char *name, uint32_t pid)
{
    struct service *service = &o->services[o->service_count++];
    *service = (struct service){.state = SERVICE_STATE_RUNNING, .pid = pid};
    text_copy(service->name, sizeof service->name, name);
}

static void observe(struct machine *m, int poll, struct observation *o)
{
    observation_clear(o);
    o->mono_ms = poll * INTERVAL_MS;
    o->utc_ms = BOOT_UTC_MS + o->mono_ms;
    o->processes_known = o->services_known = o->host_known = true;
    double commit = 800 * MIB + 3 * MIB * random_normal(&m->random);
    double handles = 0;
    for (size_t i = 0; i < m->count; i++) {
        struct process process;
        read_program(m, i, poll, &process);
        if (poll < m->programs[i].begins || has_ended(&m->programs[i], poll))
            continue;
        o->processes[o->process_count++] = process;
        commit += process.private_bytes;
        handles += process.handle_count;
    }
    double nonpaged = 60 * MIB;
    if (m->pool_a_handle > 0) {
        m->pool_drift = 0.995 * m->pool_drift + 0.1 * 0.5 * MIB * random_normal(&m->random);
        nonpaged += m->pool_a_handle * handles + m->pool_drift + 4 * MIB * m->load;
        if (poll > m->driver_from)
            nonpaged += m->driver_pool * (poll - m->driver_from) / (POLLS - m->driver_from);
    }
    for (size_t i = 1; i <= m->clients; i++) {
        char name[16];
        snprintf(name, sizeof name, "Client%zu", i);
        for (size_t k = 0; k < o->process_count; k++)
            if (program_of(m, o->processes[k].id.pid) == (int)i)
                add_service(o, name, o->processes[k].id.pid);
    }
    add_service(o, "MSExchangeIS", m->programs[0].pid);
    o->host = (struct host){.commit_bytes = commit,
                            .commit_limit_bytes = 40960 * MIB,
                            .available_bytes = READING_UNKNOWN,
                            .physical_bytes = 16384 * MIB,
                            .paged_pool_bytes = 150 * MIB,
                            .nonpaged_pool_bytes = nonpaged};
}

/* ---- asking ---- */

struct answer {
    bool by_alarm, none;
    int first; /* program; -1 = nobody listed */
    enum culprit_confidence confidence;
    bool accused_wrong,
        accused_client; /* anybody at likely or above; a registered client, as the ladder may */
    bool named_all;     /* each culprit at likely or above */
    enum { SET_NONE, SET_ALL, SET_SOME, SET_WRONG } set; /* named together: each culprit and nobody else */
    int baseline[3];
    bool baseline_accuses[3];
};

struct bench {
    struct config config;
    struct observation *observation;
    struct watch watch;
    struct growers growers;
    struct culprit_ended ended;
    struct machine machine;
};

/* What an administrator does with Task Manager and perfmon. */
static void ask_baselines(struct bench *b, const struct culprit_question *question, struct answer *answer)
{
    const struct growers *g = &b->growers;
    struct growers_window w = growers_window_from(g, question->onset_mono_ms);
    bool of_commit = question->metric == METRIC_COMMIT, of_pool = question->metric == METRIC_NONPAGED_POOL;
    const struct grower *whole = of_commit ? &g->commit
                                 : of_pool ? &g->pools
                                           : growers_find(g, question->process);
    /* Of the pool they look at handles. The pools' row has the nonpaged pool in that column. */
    enum grower_column column = of_pool ? GROWER_HANDLES : GROWER_BYTES;
    double best[3] = {0, 0, 0}, growth_of_whole = growers_value(whole, &w, column, w.count - 1) -
                                                  growers_value(whole, &w, column, 0);
    for (int k = 0; k < 3; k++)
        answer->baseline[k] = -1;
    for (size_t i = 0; i < g->count; i++) {
        const struct grower *row = &g->rows[i];
        if (!of_commit && row == whole)
            continue;
        double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0, first = NAN, last = NAN;
        for (size_t s = 0; s < w.count; s++) {
            double x = growers_value(row, &w, column, s), y = growers_value(whole, &w, column, s);
            if (isnan(x) || isnan(y))
                continue;
            first = isnan(first) ? x : first;
            last = x;
            x -= first;
            y -= growers_value(whole, &w, column, w.count - 1);
            n++;
            sx += x, sy += y, sxx += x * x, syy += y * y, sxy += x * y;
        }
        double vx = sxx - sx * sx / n, vy = syy - sy * sy / n;
        double score[3] = {last, last - first, vx > 0 && vy > 0 ? (sxy - sx * sy / n) / sqrt(vx * vy) : 0};
        for (int k = 0; k < 3; k++)
            if (score[k] > best[k]) {
                best[k] = score[k];
                answer->baseline[k] = program_of(&b->machine, row->process.pid);
            }
    }
    answer->baseline_accuses[0] = true;
    answer->baseline_accuses[1] = of_pool || best[1] > GROWTH_ACCUSES * growth_of_whole;
    answer->baseline_accuses[2] = best[2] > CORRELATION_ACCUSES;
}

static void judge(struct bench *b, const struct culprit_ranking *ranking, struct answer *answer)
{
    const struct machine *m = &b->machine;
    size_t culprits = 0, named = 0;
    for (size_t i = 0; i < m->count; i++)
        culprits += is_culprit(m, i) ? 1 : 0;
    answer->none = culprits == 0;
    answer->first = ranking->count ? program_of(m, ranking->items[0].process.pid) : -1;
    answer->confidence = ranking->count ? ranking->items[0].confidence : CULPRIT_NOBODY;
    for (size_t i = 0; i < ranking->count; i++) {
        int program = program_of(m, ranking->items[i].process.pid);
        if (program < 0 || ranking->items[i].confidence < CULPRIT_LIKELY)
            continue;
        if (is_culprit(m, (size_t)program)) {
            named += m->many ? ranking->items[i].process_count : 1;
            continue;
        }
        answer->accused_wrong = true;
        answer->accused_client |= ranking->items[i].kind == TARGET_CLIENT;
    }
    answer->named_all = culprits > 0 && named == culprits;
    size_t in_set = 0;
    for (size_t i = 0; i < ranking->together; i++) {
        int program = program_of(m, ranking->items[i].process.pid);
        in_set += program >= 0 && is_culprit(m, (size_t)program) ? 1 : 0;
    }
    answer->set = ranking->together == 0                              ? SET_NONE
                  : in_set == 0                                       ? SET_WRONG
                  : in_set == culprits && in_set == ranking->together ? SET_ALL
                                                                      : SET_SOME;
    answer->accused_wrong |= answer->set == SET_WRONG;
}

static void ask(struct bench *b, int64_t onset_ms, struct answer *answer, bool tell)
{
    static struct culprit_known known[CULPRIT_KNOWN_MAX];
    const struct machine *m = &b->machine;
    bool of_store = kinds[m->kind].metric == METRIC_PRIVATE_BYTES;
    struct culprit_question question = {
        .metric = kinds[m->kind].metric, .onset_mono_ms = onset_ms, .warm_up_ms = b->config.warm_up_ms};
    if (of_store)
        question.process = b->observation->processes[0].id;
    struct culprit_ranking ranking;
    culprit_rank(&b->growers, &question, known, culprit_known_of(&b->watch, &b->ended, known), &ranking);
    judge(b, &ranking, answer);
    ask_baselines(b, &question, answer);
    if (!tell)
        return;
    printf("  asked %s at %.1f h, onset %.1f h (truth %.1f h), growth %.0f MiB\n  %s\n",
           answer->by_alarm ? "by alarm" : "anyway", (double)b->observation->mono_ms / 3.6e6,
           (double)onset_ms / 3.6e6, (double)m->onset_ms / 3.6e6, ranking.growth / MIB, ranking.words);
    for (size_t i = 0; i < ranking.count; i++) {
        const struct culprit *c = &ranking.items[i];
        printf("    %-12s pid %4u%s score %.3f share %.2f (%.2f-%.2f) lead %lld (%lld..%lld) s in step %.2f "
               "doubts %x\n",
               c->image, c->process.pid, is_culprit(m, (size_t)program_of(m, c->process.pid)) ? "*" : " ",
               c->score, c->share, c->share_low, c->share_high, (long long)c->lead_ms / 1000,
               (long long)c->lead_low_ms / 1000, (long long)c->lead_high_ms / 1000, c->in_step, c->doubts);
    }
}

static const struct detector *asked_detector(const struct bench *b)
{
    enum metric metric = kinds[b->machine.kind].metric;
    for (size_t i = 0; i < b->watch.count; i++) {
        const struct watched *item = &b->watch.items[i];
        if (item->kind == (metric == METRIC_PRIVATE_BYTES ? TARGET_STORE : TARGET_HOST))
            return item->detectors[metric];
    }
    return NULL;
}

/* Where nothing raised the alarm: at the end; where the load moves all, at two in the afternoon of the second
 * day (without culprit as if it had begun at seven). */
static int forced_at(const struct machine *m, int64_t *out_onset_ms)
{
    *out_onset_ms = m->onset_ms;
    bool none = m->kind == KIND_LOAD || m->kind == KIND_STORE_LOAD;
    if (!none && m->kind != KIND_LEAK_AND_LOAD && m->kind != KIND_STORE_SIDE_LOAD)
        return POLLS - 1;
    int poll = POLLS - 1;
    while (fabs(fmod(m->begin_of_day + poll / (double)POLLS_A_HOUR, 24) - 14) > 0.03)
        poll--;
    if (none)
        *out_onset_ms = (poll - 7 * POLLS_A_HOUR) * INTERVAL_MS;
    else if (poll * INTERVAL_MS < m->onset_ms + 4 * MS_PER_HOUR)
        return POLLS - 1;
    return poll;
}

static struct answer run(struct bench *b, enum kind kind, uint64_t seed, bool tell)
{
    struct answer answer = {0};
    machine_make(&b->machine, kind, seed);
    watch_deinit(&b->watch);
    memset(&b->watch, 0, sizeof b->watch);
    memset(&b->growers, 0, sizeof b->growers);
    memset(&b->ended, 0, sizeof b->ended);
    growers_init(&b->growers, 15000, b->config.min_window_ms);
    int64_t forced_onset_ms;
    int last = forced_at(&b->machine, &forced_onset_ms);
    if (b->machine.asked_at) {
        last = b->machine.asked_at < POLLS ? b->machine.asked_at : POLLS - 1;
        forced_onset_ms = b->machine.onset_ms;
    }
    if (tell)
        printf("%s, seed %llu\n", kinds[kind].name, (unsigned long long)seed);
    for (int poll = 0; poll <= last; poll++) {
        advance(&b->machine, poll);
        observe(&b->machine, poll, b->observation);
        watch_look(&b->watch, &b->config, b->observation);
        watch_push(&b->watch, &b->config, b->observation);
        growers_push(&b->growers, b->observation);
        culprit_note_ended(&b->ended, &b->growers, &b->watch);
        watch_forget_gone(&b->watch);
        struct verdict verdict;
        detector_verdict(asked_detector(b), &verdict);
        /* An alarm from before the leak is about something else: there is nobody to be named yet. */
        if (verdict.state == VERDICT_UNBOUNDED && !b->machine.asked_at &&
            (verdict.since_ms > b->machine.onset_ms || !has_culprit(&b->machine))) {
            answer.by_alarm = true;
            ask(b, verdict.onset_ms, &answer, tell);
            return answer;
        }
    }
    ask(b, forced_onset_ms, &answer, tell);
    return answer;
}

/* ---- tables ---- */

#define WORDS 4
struct sums {
    unsigned machines, alarms, first, named, accused, accused_client, listed;
    unsigned baseline_first[3], baseline_accused[3];
};

static double part(unsigned count, unsigned of)
{
    return of ? 100.0 * count / of : 0;
}

static void add(const struct machine *m, const struct answer *answer, struct sums *sums)
{
    sums->machines++;
    sums->alarms += answer->by_alarm;
    sums->first += answer->first >= 0 && is_culprit(m, (size_t)answer->first);
    sums->named += answer->named_all;
    sums->accused += answer->accused_wrong;
    sums->accused_client += answer->accused_client;
    for (int k = 0; k < 3; k++) {
        int first = answer->baseline[k];
        bool right = first >= 0 && is_culprit(m, (size_t)first);
        sums->baseline_first[k] += right;
        sums->baseline_accused[k] += first >= 0 && !right && answer->baseline_accuses[k];
    }
}

static void print_row(const char *text, const struct sums *s, bool none)
{
    if (none)
        printf("%-56s %5u %6.0f      -      -  %6.1f %6.1f |      - %5.0f |      - %5.0f |      - %5.0f\n",
               text, s->machines, part(s->alarms, s->machines), part(s->accused, s->machines),
               part(s->accused_client, s->machines), part(s->baseline_accused[0], s->machines),
               part(s->baseline_accused[1], s->machines), part(s->baseline_accused[2], s->machines));
    else
        printf("%-56s %5u %6.0f %6.1f %6.1f  %6.1f %6.1f | %6.0f %5.0f | %6.0f %5.0f | %6.0f %5.0f\n", text,
               s->machines, part(s->alarms, s->machines), part(s->first, s->machines),
               part(s->named, s->machines), part(s->accused, s->machines),
               part(s->accused_client, s->machines), part(s->baseline_first[0], s->machines),
               part(s->baseline_accused[0], s->machines), part(s->baseline_first[1], s->machines),
               part(s->baseline_accused[1], s->machines), part(s->baseline_first[2], s->machines),
               part(s->baseline_accused[2], s->machines));
}

static void sum_up(struct sums *all, const struct sums *one)
{
    const unsigned *from = (const unsigned *)one;
    unsigned *to = (unsigned *)all;
    for (size_t i = 0; i < sizeof *one / sizeof *from; i++)
        to[i] += from[i];
}

int main(int argc, char **argv)
{
    unsigned long machines = argc > 1 ? strtoul(argv[1], NULL, 10) : MACHINES;
    unsigned long first_seed = argc > 2 ? strtoul(argv[2], NULL, 10) : FIRST_SEED;
    const char *only = argc > 3 ? argv[3] : NULL;
    struct bench *b = calloc(1, sizeof *b);
    if (!b || !(b->observation = observation_new()))
        return 3;
    config_default(&b->config);
    b->config.interval_ms = INTERVAL_MS;
    for (size_t i = 1; i <= 8; i++) {
        struct config_client *client = &b->config.clients[b->config.client_count++];
        snprintf(client->name, sizeof client->name, "client%zu", i);
        snprintf(client->service, sizeof client->service, "Client%zu", i);
    }
    struct config_client *agents = &b->config.clients[b->config.client_count++];
    snprintf(agents->name, sizeof agents->name, "agents");
    snprintf(agents->image, sizeof agents->image, "agent.exe");
    snprintf(agents->service, sizeof agents->service, "AgentSvc");
    struct sums with = {0}, without = {0};
    unsigned words[WORDS] = {0}, right[WORDS] = {0}, sets[SET_WRONG + 1] = {0};
    printf("%-56s %5s %6s %6s %6s  %6s %6s | %-12s | %-12s | %-12s\n", "in percent of the machines of a kind",
           "", "asked", "first", "all", "by-", "a", "largest", "largest", "highest");
    printf("%-56s %5s %6s %6s %6s  %6s %6s | %-12s | %-12s | %-12s\n", "", "n", "alarm", "right", "named",
           "stander", "client", "process", "growth", "correlation");
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        if (only && strcmp(only, kinds[kind].name) != 0)
            continue;
        struct sums sums = {0};
        bool none = false;
        for (unsigned long seed = first_seed; seed < first_seed + machines; seed++) {
            struct answer answer = run(b, (enum kind)kind, seed, only != NULL);
            add(&b->machine, &answer, &sums);
            none = answer.none;
            words[answer.confidence]++;
            sets[answer.set]++;
            right[answer.confidence] += answer.first >= 0 && is_culprit(&b->machine, (size_t)answer.first);
        }
        print_row(kinds[kind].text, &sums, none);
        fflush(stdout);
        sum_up(none ? &without : &with, &sums);
    }
    if (with.machines)
        print_row("all with a culprit", &with, false);
    if (without.machines)
        print_row("all without", &without, true);
    printf(
        "each baseline: first right, bystander accused (the largest process always accuses; growth from %.0f "
        "%% of the whole, correlation from %.1f on)\n\nhow right the words are about the first\n",
        100 * GROWTH_ACCUSES, CORRELATION_ACCUSES);
    for (int w = WORDS; w-- > 0;)
        printf("  %-18s %5u times, right %5.1f %%\n", culprit_confidence_name((enum culprit_confidence)w),
               words[w], part(right[w], words[w]));
    printf("several named together: %u times the culprits and nobody else, %u times with somebody else or "
           "without "
           "one of them, %u times nobody of them\n",
           sets[SET_ALL], sets[SET_SOME], sets[SET_WRONG]);
    unsigned machines_all = with.machines + without.machines, accused = with.accused + without.accused;
    bool met = (!with.machines || with.first >= GOAL_FIRST * with.machines) &&
               accused <= GOAL_ACCUSED * machines_all;
    printf(
        "goal: the culprit first in %.0f %%, a bystander accused in at most %.0f %%: %s (%.1f %%, %.1f %%)\n",
        100 * GOAL_FIRST, 100 * GOAL_ACCUSED, met ? "met" : "MISSED", part(with.first, with.machines),
        part(accused, machines_all));
    watch_deinit(&b->watch);
    observation_free(b->observation);
    free(b);
    return met ? 0 : 1;
}

/* culprit_fixture.c - see culprit_fixture.h. */
#include "culprit_fixture.h"

#include <stdlib.h>

int culprit_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->observation = observation_new();
    f->random = random_seeded(7);
    growers_init(&f->growers, 15000, 4 * MS_PER_HOUR);
    *state = f;
    return 0;
}

int culprit_teardown(void **state)
{
    struct fixture *f = *state;
    observation_free(f->observation);
    free(f);
    return 0;
}

void begin_look(struct fixture *f, int64_t mono_ms)
{
    observation_clear(f->observation);
    f->observation->mono_ms = mono_ms;
    f->observation->utc_ms = BOOT_UTC_MS + mono_ms;
    f->observation->processes_known = f->observation->services_known = f->observation->host_known = true;
    f->observation->host = (struct host){.commit_bytes = 500 * MIB,
                                         .commit_limit_bytes = 16384 * MIB,
                                         .available_bytes = 4096 * MIB,
                                         .physical_bytes = 8192 * MIB,
                                         .paged_pool_bytes = 120 * MIB,
                                         .nonpaged_pool_bytes = 50 * MIB};
}

struct process *add_process(struct fixture *f, const char *image, uint32_t pid, double bytes, double handles)
{
    struct process *p = &f->observation->processes[f->observation->process_count++];
    /* all of them were born three hours before the first look */
    uint64_t created = process_created_100ns(BOOT_UTC_MS - 3 * MS_PER_HOUR);
    *p = (struct process){.id = {pid, created}, .private_bytes = bytes, .handle_count = handles};
    text_copy(p->image, sizeof p->image, image);
    return p;
}

void play_poll(struct fixture *f, const struct actor *actors, size_t count, int poll)
{
    begin_look(f, poll * POLL_MS);
    const bool calling = !f->halts || poll < f->halts;
    double hours = poll > FROM ? (double)((calling ? poll : f->halts) - FROM) / POLLS_A_HOUR : 0;
    if (poll > FROM && calling)
        f->calls += (1 + 0.9 * sin(poll / 11.0)) / POLLS_A_HOUR;
    for (size_t i = 0; i < count; i++) {
        const struct actor *a = &actors[i];
        if (poll == a->begins)
            f->calls_at_begin[i % ARRAY_COUNT(f->calls_at_begin)] = f->calls;
        if (poll < a->begins || (a->ends && poll >= a->ends))
            continue;
        if (poll > FROM)
            f->its_calls[i % ARRAY_COUNT(f->its_calls)] +=
                (1 + 0.9 * sin(poll / (7.0 + 5.0 * (double)i))) / POLLS_A_HOUR;
        double calls =
            a->own_burst * f->its_calls[i % ARRAY_COUNT(f->its_calls)] +
            (1 - a->own_burst) * (f->calls - f->calls_at_begin[i % ARRAY_COUNT(f->calls_at_begin)]);
        double leaked = a->with_burst * calls + (1 - a->with_burst) * hours;
        double bytes = a->bytes * (1 + 0.002 * random_normal(&f->random)) + a->bytes_leaked * leaked;
        double handles =
            floor(a->handles * (1 + 0.003 * random_normal(&f->random)) + a->handles_leaked * leaked);
        add_process(f, a->image, 100 + 4 * (uint32_t)i, bytes, handles)->id.created_100ns +=
            (uint64_t)(a->begins ? 3 * MS_PER_HOUR + a->begins * POLL_MS : 0) * 10000;
        f->observation->host.commit_bytes += bytes;
    }
}

void play(struct fixture *f, const struct actor *actors, size_t count, int polls)
{
    for (int poll = 0; poll < polls; poll++) {
        play_poll(f, actors, count, poll);
        growers_push(&f->growers, f->observation);
    }
}

const struct actor with_archive[3] = {{.image = "store.exe",
                                       .bytes = 800 * MIB,
                                       .handles = 4000,
                                       .bytes_leaked = 60 * MIB,
                                       .handles_leaked = 20,
                                       .with_burst = 0.9},
                                      {.image = "archive.exe",
                                       .bytes = 90 * MIB,
                                       .handles = 600,
                                       .handles_leaked = 20, /* no leak by its own verdict for a day */
                                       .with_burst = 0.9},
                                      {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};

struct culprit_known known_as(const struct fixture *f, size_t actor, enum target_kind kind,
                              const char *target)
{
    struct culprit_known known = {.process = f->observation->processes[actor].id, .kind = kind};
    text_copy(known.target, sizeof known.target, target);
    text_copy(known.service, sizeof known.service, kind == TARGET_CLIENT ? "ArchiveSvc" : "MSExchangeIS");
    return known;
}

struct culprit_question about(const struct fixture *f, enum metric metric)
{
    struct culprit_question question = {
        .metric = metric, .onset_mono_ms = FROM * POLL_MS, .warm_up_ms = 30 * MS_PER_MINUTE};
    if (metric == METRIC_PRIVATE_BYTES || metric == METRIC_HANDLES)
        question.process = f->observation->processes[0].id;
    return question;
}

const struct culprit *first_by_itself(const struct culprit_ranking *ranking)
{
    return ranking->count && ranking->items[0].confidence >= CULPRIT_LIKELY ? &ranking->items[0] : NULL;
}

void culprit_config(struct config *config)
{
    config_default(config);
    config->mode = MODE_ACT;
    config->interval_ms = POLL_MS;
    config->window_count = 0;
    config->client_count = 1;
    text_copy(config->clients[0].name, sizeof config->clients[0].name, "archive");
    text_copy(config->clients[0].service, sizeof config->clients[0].service, "ArchiveSvc");
}

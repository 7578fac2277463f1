/* main.c - finds the seeds whose worlds break an invariant.
 *
 *   sim [--first N] [--count N] [--quiet]    worlds N, N+1, ...; stops at the first that breaks something
 *   sim --seed N [--story] [--drop BITS]     one world; BITS: faults left out */
#include "sim.h"

#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STORY_LINES 60

struct totals {
    uint64_t worlds, lives, restarts, mails, stops, starts, terminations, looks, duplicates, replaced, checks,
        injected[FAULT_KIND_COUNT];
    double hours;
};

static void count(struct totals *totals)
{
    totals->worlds++;
    totals->lives += sim->lives;
    totals->restarts += sim->restarts_seen;
    totals->mails += sim->mails;
    totals->stops += sim->stops;
    totals->starts += sim->starts;
    totals->terminations += sim->terminations;
    totals->looks += sim->looks;
    totals->duplicates += sim->judge.duplicates;
    totals->replaced += sim->judge.replaced;
    totals->checks += sim->judge.checks;
    totals->hours += (double)true_ms() / (double)MS_PER_HOUR;
    for (size_t i = 0; i < FAULT_KIND_COUNT; i++)
        totals->injected[i] += sim->injected[i];
}

/* Leaves faults out as long as the same invariant breaks. Returns the bits of those left out. */
static uint64_t shrink(uint64_t seed, uint64_t dropped, const char *config_path)
{
    char invariant[sizeof sim->judge.invariant];
    text_copy(invariant, sizeof invariant, sim->judge.invariant);
    size_t fault_count = sim->fault_count;
    for (size_t i = 0; i < fault_count; i++) {
        uint64_t tried = dropped | UINT64_C(1) << i;
        if (tried == dropped)
            continue;
        play(seed, tried, config_path);
        if (strcmp(sim->judge.invariant, invariant) == 0)
            dropped = tried;
    }
    play(seed, dropped, config_path);
    return dropped;
}

static void print_story(bool whole)
{
    const char *text = sim->story ? sim->story : "";
    const char *from = text + strlen(text);
    for (int lines = 0; from > text && (whole || lines <= STORY_LINES); from--)
        lines += from[-1] == '\n';
    fputs(from > text ? from + 1 : text, stdout);
}

static void print_totals(const struct totals *totals, bool with_faults)
{
    printf("%" PRIu64 " worlds, %.0f simulated hours, %" PRIu64 " lives of storewatch, %" PRIu64
           " restarts, %" PRIu64 " stops, %" PRIu64 " starts, %" PRIu64 " processes ended, %" PRIu64
           " mails (%" PRIu64 " twice, %" PRIu64 " replaced), %" PRIu64 " looks, %" PRIu64 " checks\n",
           totals->worlds, totals->hours, totals->lives, totals->restarts, totals->stops, totals->starts,
           totals->terminations, totals->mails, totals->duplicates, totals->replaced, totals->looks,
           totals->checks);
    for (size_t i = 0; with_faults && i < FAULT_KIND_COUNT; i++)
        printf("%8" PRIu64 "  %s\n", totals->injected[i], fault_name((enum fault_kind)i));
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, worlds = 100, dropped = 0;
    bool whole = false, quiet = false, one = false;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && more) {
            first = strtoull(argv[++i], NULL, 10);
            worlds = 1;
            one = true;
        } else if (strcmp(argv[i], "--first") == 0 && more)
            first = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--count") == 0 && more)
            worlds = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--drop") == 0 && more)
            dropped = strtoull(argv[++i], NULL, 16);
        else if (strcmp(argv[i], "--story") == 0)
            whole = true;
        else if (strcmp(argv[i], "--quiet") == 0)
            quiet = true;
        else {
            fputs("usage: sim [--first N] [--count N] [--quiet] | --seed N [--drop BITS] [--story]\n",
                  stderr);
            return 2;
        }
    }
    char config_path[] = "/dev/shm/storewatch-sim-XXXXXX";
    int file = mkstemp(config_path);
    sim = calloc(1, sizeof *sim);
    if (!sim || file < 0) {
        perror("sim");
        return 3;
    }
    close(file);
    struct totals totals = {0};
    bool failed = false;
    /* One thread, and nobody asks how much memory is used. */
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 512, 256);
    signal(SIGINT, interrupt); /* ends after the world that is being played, and says what there was */
    signal(SIGTERM, interrupt);
    for (uint64_t seed = first; seed < first + worlds && !failed && !interrupted; seed++) {
        play(seed, dropped, config_path);
        count(&totals);
        failed = judge_failed();
        if (!failed)
            continue;
        if (!quiet && !one)
            dropped = shrink(seed, dropped, config_path);
        print_story(whole);
        printf("FAILED seed %" PRIu64 " %s: %s\n    again: sim --seed %" PRIu64 " --drop %" PRIx64
               " --story\n",
               seed, sim->judge.invariant, sim->judge.failure, seed, dropped);
    }
    if (one && whole && !failed)
        print_story(true);
    print_totals(&totals, !quiet && !one);
    unlink(config_path);
    free(sim->story);
    free(sim);
    return failed ? 1 : 0;
}

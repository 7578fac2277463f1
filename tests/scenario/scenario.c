/* scenario.c - runs one case: a script of days in a simulated Windows, through the real agent, engine and
 * store.
 *
 *   scenario CASE_DIR [SCRATCH_DIR]   prints what storewatch did to the world, a line each
 *
 * CASE_DIR/script is a line a command ("#" begins a comment); other files of the case are configurations.
 * What is printed is held against CASE_DIR/expected by tests/scenario/run. Lines "expect ..." are checked
 * here.
 *
 *   clock DAY HH:MM                       local time at the beginning (default: mon 00:00)
 *   service NAME IMAGE BASE [needs A B]   a running service and its process' private bytes
 *   program IMAGE BASE                    a process without service; does not run yet
 *   grow NAME flat | leak RATE | plateau TOP TAU | sawtooth RATE TOP       RATE is per hour
 *   grow NAME halts                       keeps, as long as it runs, what it has leaked, and leaks no more
 *   grow NAME objects RATE HOLDER SIZE    opens objects in HOLDER's process, SIZE each there, and closes none
 *   set NAME stop_latency D | start_latency D | fail_starts N | refuse_starts CODE N | refuse_stops CODE N
 *   set NAME hang_in_stop | unhang NAME   until then its stop does not end
 *   begin PROGRAM | end PROGRAM           a program without service starts or ends
 *   person stops NAME | starts NAME | disables NAME | enables NAME
 *   kill NAME                             its process ends with an error
 *   relay N works | unreachable | defers | refuses         N = 1 is port 25
 *   rename NAME IMAGE                     the image of its next process
 *   mails in full                         from here on the text of each mail is printed, too
 *   counters readable | unreadable
 *   cluster yes                           this is a cluster node
 *   evidence works | fails | hangs        what is gathered before a restart; hangs: its job is never done
 *   config FILE                           what storewatch is started with
 *   start | stop | crash | reload FILE    storewatch itself; crash: nothing is saved any more
 *   boot                                  of the machine; storewatch is started again
 *   clock ahead D | clock back D          the clock is set, not the time of day
 *   run DURATION
 *   jump forward DURATION | back DURATION the wall clock is set
 *   suspend DURATION                      the machine sleeps: the clocks go on, and nothing else
 *   log TEXT                              a line of its own in the output
 *   expect runs NAME... | expect stopped NAME... | expect incidents N
 *   expect mails MIN MAX | expect evidence N
 *   sweep                                 first line: the whole script once for each moment at which
 *                                         storewatch can be killed (before and after each job); then only
 *                                         "expect" lines count */
#include "fake_os.h"

#include "storewatch/agent.h"
#include "storewatch/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 24
#define DOWN_AFTER_CRASH_MS 3000

struct player {
    const char *case_dir;
    char data_dir[512], config_path[512];
    struct os os;
    struct agent *agent;
    int64_t next_slot_ms;
    uint64_t boundary, crash_at; /* job boundaries passed; the one at which storewatch is killed, 0 = none */
    bool crashed;
    int failures;
    int line;
};

static void fail(struct player *player, const char *format, ...) PRINTF_LIKE(2, 3);
static void fail(struct player *player, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s/script:%d: ", player->case_dir, player->line);
    vfprintf(stderr, format, args);
    if (player->crash_at)
        fprintf(stderr, " (killed at boundary %llu)", (unsigned long long)player->crash_at);
    fputc('\n', stderr);
    va_end(args);
    player->failures++;
}

static void require(struct player *player, bool ok, const char *what)
{
    if (ok)
        return;
    fail(player, "%s", what);
    exit(2);
}

/* ---- storewatch ---- */

static void start(struct player *player)
{
    require(player, !player->agent, "storewatch runs already");
    struct config config;
    struct config_findings *findings = calloc(1, sizeof *findings);
    struct err err = {0};
    if (config_load(player->config_path, &config, findings, &err) != STATUS_OK) {
        fail(player, "%s: %s", player->config_path, findings->count ? findings->items[0].text : err.text);
        exit(2);
    }
    free(findings);
    struct agent_options options = {.config_path = player->config_path, .data_dir = player->data_dir};
    require(player, agent_new(&player->os, &config, &options, &player->agent, &err) == STATUS_OK, err.text);
    player->next_slot_ms = player->os.world.mono_ms;
}

static void crash(struct player *player)
{
    agent_free(player->agent);
    player->agent = NULL;
}

/* One more moment at which a kill is possible. True when this is the one. */
static bool killed_here(struct player *player)
{
    if (++player->boundary != player->crash_at)
        return false;
    crash(player);
    player->crashed = true;
    return true;
}

static void pump(struct player *player)
{
    bool any = true;
    while (any && player->agent) {
        any = false;
        for (size_t lane = 0; lane < LANE_COUNT && player->agent; lane++) {
            struct job *job = agent_take_job(player->agent, (enum lane)lane);
            if (!job)
                continue;
            any = true;
            if (killed_here(player))
                return;
            if (lane == LANE_EVIDENCE && player->os.evidence == EVIDENCE_HANGS)
                continue; /* its lane stays busy for ever */
            job_run(job);
            if (killed_here(player))
                return;
            agent_job_done(player->agent, job);
        }
    }
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void run(struct player *player, int64_t ms)
{
    int64_t end_ms = player->os.world.mono_ms + ms;
    while (player->os.world.mono_ms < end_ms) {
        if (player->crashed) {
            player->crashed = false;
            fake_advance(&player->os, DOWN_AFTER_CRASH_MS);
            start(player);
        }
        int64_t now_ms = player->os.world.mono_ms;
        if (!player->agent) {
            fake_advance(&player->os, end_ms - now_ms);
            return;
        }
        if (now_ms >= player->next_slot_ms) {
            player->next_slot_ms += agent_interval_ms(player->agent);
            agent_poll(player->agent);
        } else {
            agent_wake(player->agent);
        }
        pump(player);
        if (!player->agent)
            continue;
        int64_t next_ms = min64(min64(player->next_slot_ms, agent_next_wake_mono_ms(player->agent)), end_ms);
        fake_advance(&player->os, next_ms > now_ms ? next_ms - now_ms : 1);
    }
}

static void suspend(struct player *player, int64_t ms)
{
    player->os.world.mono_ms += ms;
    player->os.world.utc_ms += ms;
    player->next_slot_ms += ms;
}

static void stop(struct player *player)
{
    require(player, player->agent != NULL, "storewatch does not run");
    agent_stop(player->agent, false);
    pump(player);
    if (player->agent && !agent_is_quiet(player->agent))
        fail(player, "storewatch is not quiet after a stop");
    crash(player);
}

/* ---- script ---- */

static int64_t duration(struct player *player, const char *word)
{
    int64_t ms = 0;
    require(player, word && duration_parse(word, &ms) == STATUS_OK, "a duration is wanted");
    return ms;
}

static double size(struct player *player, const char *word)
{
    double bytes = 0;
    require(player, word && size_parse(word, &bytes) == STATUS_OK, "a size is wanted");
    return bytes;
}

static uint32_t whole(struct player *player, const char *word)
{
    char *end = NULL;
    unsigned long value = word ? strtoul(word, &end, 10) : 0;
    require(player, word && *end == '\0', "a whole number is wanted");
    return (uint32_t)value;
}

static struct fake_program *program(struct player *player, const char *word)
{
    struct fake_program *found = word ? fake_program_find(&player->os, word) : NULL;
    require(player, found != NULL, "no such service or program");
    return found;
}

static void grow(struct player *player, char **words)
{
    struct fake_program *who = program(player, words[1]);
    require(player, words[2] != NULL, "how does it grow?");
    if (strcmp(words[2], "flat") == 0) {
        fake_grow(&player->os, who, FAKE_FLAT);
    } else if (strcmp(words[2], "halts") == 0) {
        fake_halt(&player->os, who);
    } else if (strcmp(words[2], "leak") == 0) {
        fake_grow(&player->os, who, FAKE_LEAK);
        who->bytes_per_hour = size(player, words[3]);
    } else if (strcmp(words[2], "plateau") == 0) {
        fake_grow(&player->os, who, FAKE_PLATEAU);
        who->top_bytes = size(player, words[3]);
        who->tau_ms = duration(player, words[4]);
    } else if (strcmp(words[2], "sawtooth") == 0) {
        fake_grow(&player->os, who, FAKE_SAWTOOTH);
        who->bytes_per_hour = size(player, words[3]);
        who->top_bytes = size(player, words[4]);
    } else if (strcmp(words[2], "objects") == 0) {
        fake_grow(&player->os, who, FAKE_OBJECTS);
        who->handles_per_hour = size(player, words[3]);
        who->holder = program(player, words[4]);
        who->object_bytes = size(player, words[5]);
    } else {
        require(player, false, "unknown growth");
    }
}

static void set(struct player *player, char **words)
{
    struct world_service *service = words[1] ? world_get(&player->os.world, words[1]) : NULL;
    require(player, service && words[2], "set NAME WHAT");
    if (strcmp(words[2], "stop_latency") == 0) {
        service->stop_latency_ms = duration(player, words[3]);
        service->checkpoint_every_ms = 1000;
    } else if (strcmp(words[2], "start_latency") == 0) {
        service->start_latency_ms = duration(player, words[3]);
        service->checkpoint_every_ms = 1000;
    } else if (strcmp(words[2], "fail_starts") == 0) {
        service->fail_start_count = whole(player, words[3]);
    } else if (strcmp(words[2], "refuse_starts") == 0) {
        service->refuse_start_code = whole(player, words[3]);
        service->refuse_start_count = whole(player, words[4]);
    } else if (strcmp(words[2], "refuse_stops") == 0) {
        service->refuse_stop_code = whole(player, words[3]);
        service->refuse_stop_count = whole(player, words[4]);
    } else if (strcmp(words[2], "hang_in_stop") == 0) {
        service->hangs_in_stop = true;
    } else {
        require(player, false, "unknown setting");
    }
}

static void person(struct player *player, char **words)
{
    require(player, words[1] && words[2], "person VERB NAME");
    struct world *world = &player->os.world;
    if (strcmp(words[1], "stops") == 0)
        world_person_stops(world, words[2]);
    else if (strcmp(words[1], "starts") == 0)
        world_person_starts(world, words[2]);
    else if (strcmp(words[1], "disables") == 0)
        world_person_disables(world, words[2]);
    else if (strcmp(words[1], "enables") == 0)
        world_person_enables(world, words[2]);
    else
        require(player, false, "unknown deed");
}

static void relay(struct player *player, char **words)
{
    static const char *const names[] = {"works", "unreachable", "defers", "refuses"};
    uint32_t number = whole(player, words[1]);
    require(player, number >= 1 && number <= CONFIG_RELAYS_MAX && words[2], "relay N HOW");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (strcmp(words[2], names[i]) == 0) {
            player->os.relays[number - 1] = (enum relay_mood)i;
            return;
        }
    require(player, false, "unknown relay behaviour");
}

static void evidence(struct player *player, const char *how)
{
    static const char *const names[] = {"works", "fails", "hangs"};
    for (size_t i = 0; how && i < ARRAY_COUNT(names); i++)
        if (strcmp(how, names[i]) == 0) {
            player->os.evidence = (enum fake_evidence)i;
            return;
        }
    require(player, false, "evidence HOW");
}

static void add_service(struct player *player, char **words)
{
    require(player, words[1] && words[2], "service NAME IMAGE BASE");
    fake_add_service(&player->os, words[1], words[2], size(player, words[3]));
    if (!words[4])
        return;
    require(player, strcmp(words[4], "needs") == 0, "\"needs\" is wanted");
    for (size_t i = 5; words[i]; i++)
        world_need(&player->os.world, words[1], words[i]);
}

static void set_clock(struct player *player, char **words)
{
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    int hour = 0, minute = 0;
    if (words[1] && (strcmp(words[1], "ahead") == 0 || strcmp(words[1], "back") == 0)) {
        player->os.world.utc_ms += (words[1][0] == 'a' ? 1 : -1) * duration(player, words[2]);
        return;
    }
    require(player, words[1] && words[2] && sscanf(words[2], "%d:%d", &hour, &minute) == 2,
            "clock DAY HH:MM");
    for (int i = 0; i < 7; i++)
        if (strcmp(words[1], days[i]) == 0)
            player->os.weekday = i;
    player->os.minute_of_day = hour * 60 + minute;
}

static void boot(struct player *player)
{
    crash(player);
    fake_boot(&player->os);
    start(player);
}

static size_t open_incidents(struct player *player)
{
    char path[600];
    snprintf(path, sizeof path, "%s/storewatch.db", player->data_dir);
    struct store *store = NULL;
    static struct incident incidents[INCIDENTS_MAX];
    size_t count = 0;
    struct err err = {0};
    if (store_open_readonly(path, &store, &err) != STATUS_OK ||
        store_get_incidents(store, false, incidents, INCIDENTS_MAX, &count, &err) != STATUS_OK)
        fail(player, "the history cannot be read: %s", err.text);
    store_close(store);
    return count;
}

static void expect(struct player *player, char **words)
{
    require(player, words[1] != NULL, "expect what?");
    if (strcmp(words[1], "runs") == 0 || strcmp(words[1], "stopped") == 0) {
        bool wanted = words[1][0] == 'r';
        for (size_t i = 2; words[i]; i++)
            if (world_runs(&player->os.world, words[i]) != wanted)
                fail(player, "%s %s", words[i], wanted ? "does not run" : "runs");
    } else if (strcmp(words[1], "incidents") == 0) {
        size_t count = open_incidents(player);
        if (count != whole(player, words[2]))
            fail(player, "%zu incidents in the history, not %s", count, words[2]);
    } else if (strcmp(words[1], "mails") == 0) {
        uint32_t count = player->os.mails_delivered;
        if (count < whole(player, words[2]) || count > whole(player, words[3]))
            fail(player, "%u mails delivered, not %s to %s", count, words[2], words[3]);
    } else if (strcmp(words[1], "evidence") == 0) {
        size_t count = 0;
        for (size_t i = 0; i < player->os.file_count; i++)
            count += strstr(player->os.files[i]->path, "/summary.txt") != NULL;
        if (count != whole(player, words[2]))
            fail(player, "there is evidence of %zu restarts, not of %s", count, words[2]);
    } else {
        require(player, false, "unknown expectation");
    }
}

static void choose_config(struct player *player, const char *word)
{
    require(player, word != NULL, "config FILE");
    snprintf(player->config_path, sizeof player->config_path, "%s/%s", player->case_dir, word);
}

/* A reload reads the path storewatch was started with: the file is put there. */
static void reload(struct player *player, const char *word)
{
    require(player, word && player->agent, "reload FILE, while storewatch runs");
    char from[600], to[600], block[65536];
    snprintf(from, sizeof from, "%s/%s", player->case_dir, word);
    snprintf(to, sizeof to, "%s", player->config_path);
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    require(player, in && out, "the configuration cannot be copied");
    fwrite(block, 1, fread(block, 1, sizeof block, in), out);
    fclose(in);
    fclose(out);
    agent_reload(player->agent);
    pump(player);
}

/* Configurations are copied to the scratch directory, so that a reload can replace them. */
static void copy_config(struct player *player, const char *word)
{
    char to[600], block[65536];
    choose_config(player, word);
    FILE *in = fopen(player->config_path, "rb");
    require(player, in != NULL, "no such configuration");
    snprintf(to, sizeof to, "%s/config.json", player->data_dir);
    FILE *out = fopen(to, "wb");
    require(player, out != NULL, "the scratch directory is not writable");
    fwrite(block, 1, fread(block, 1, sizeof block, in), out);
    fclose(in);
    fclose(out);
    text_copy(player->config_path, sizeof player->config_path, to);
}

static void command(struct player *player, char **words, const char *rest)
{
    const char *verb = words[0];
    struct os *os = &player->os;
    if (strcmp(verb, "service") == 0)
        add_service(player, words);
    else if (strcmp(verb, "program") == 0)
        fake_add_program(os, words[1], size(player, words[2]), false);
    else if (strcmp(verb, "grow") == 0)
        grow(player, words);
    else if (strcmp(verb, "set") == 0)
        set(player, words);
    else if (strcmp(verb, "begin") == 0 || strcmp(verb, "end") == 0)
        fake_program_run(os, program(player, words[1]), verb[0] == 'b');
    else if (strcmp(verb, "person") == 0)
        person(player, words);
    else if (strcmp(verb, "unhang") == 0)
        world_unhang(&os->world, words[1]);
    else if (strcmp(verb, "kill") == 0)
        world_kill(&os->world, words[1], 1067);
    else if (strcmp(verb, "relay") == 0)
        relay(player, words);
    else if (strcmp(verb, "counters") == 0)
        os->world.processes_unreadable = strcmp(words[1], "unreadable") == 0;
    else if (strcmp(verb, "cluster") == 0)
        os->cluster = true;
    else if (strcmp(verb, "evidence") == 0)
        evidence(player, words[1]);
    else if (strcmp(verb, "clock") == 0)
        set_clock(player, words);
    else if (strcmp(verb, "config") == 0)
        copy_config(player, words[1]);
    else if (strcmp(verb, "start") == 0)
        start(player);
    else if (strcmp(verb, "stop") == 0)
        stop(player);
    else if (strcmp(verb, "crash") == 0)
        crash(player);
    else if (strcmp(verb, "boot") == 0)
        boot(player);
    else if (strcmp(verb, "rename") == 0 && words[1] && words[2])
        text_copy(program(player, words[1])->image, sizeof os->programs[0].image, words[2]);
    else if (strcmp(verb, "mails") == 0)
        os->log_bodies = true;
    else if (strcmp(verb, "reload") == 0)
        reload(player, words[1]);
    else if (strcmp(verb, "run") == 0)
        run(player, duration(player, words[1]));
    else if (strcmp(verb, "jump") == 0)
        os->world.utc_ms += (strcmp(words[1], "back") == 0 ? -1 : 1) * duration(player, words[2]);
    else if (strcmp(verb, "suspend") == 0)
        suspend(player, duration(player, words[1]));
    else if (strcmp(verb, "log") == 0)
        fake_log(os, "-- %s", rest);
    else if (strcmp(verb, "expect") == 0)
        expect(player, words);
    else
        require(player, false, "unknown command");
}

static void play(struct player *player, FILE *script, bool *out_sweep)
{
    char line[1024];
    while (fgets(line, sizeof line, script)) {
        player->line++;
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '#' || line[strspn(line, " ")] == '\0')
            continue;
        if (strcmp(line, "sweep") == 0) {
            *out_sweep = true;
            continue;
        }
        const char *space = strchr(line, ' ');
        char rest[1024];
        text_copy(rest, sizeof rest, space ? space + 1 : "");
        char *words[WORDS_MAX] = {NULL};
        char *next = line;
        for (size_t i = 0; i + 1 < WORDS_MAX && next; i++) {
            words[i] = next;
            next = strchr(next, ' ');
            if (next)
                *next++ = '\0';
        }
        command(player, words, rest);
    }
}

static void remove_history(const struct player *player)
{
    static const char *const names[] = {"storewatch.db", "storewatch.db-wal", "storewatch.db-shm",
                                        "config.json"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", player->data_dir, names[i]);
        unlink(path);
    }
}

/* Plays the whole script. Returns the number of boundaries it passed. */
static uint64_t play_once(struct player *player, uint64_t crash_at, bool *out_sweep)
{
    char path[600];
    snprintf(path, sizeof path, "%s/script", player->case_dir);
    FILE *script = fopen(path, "r");
    require(player, script != NULL, "no script");
    remove_history(player);
    fake_init(&player->os);
    player->line = 0;
    player->boundary = 0;
    player->crash_at = crash_at;
    play(player, script, out_sweep);
    fclose(script);
    agent_free(player->agent);
    player->agent = NULL;
    fake_deinit(&player->os);
    remove_history(player);
    return player->boundary;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fputs("usage: scenario CASE_DIR [SCRATCH_DIR]\n", stderr);
        return 2;
    }
    struct player *player = calloc(1, sizeof *player);
    if (!player)
        return 3;
    player->case_dir = argv[1];
    char template[] = "/dev/shm/storewatch-scenario-XXXXXX";
    const char *dir = argc > 2 ? argv[2] : mkdtemp(template);
    require(player, dir != NULL, "no scratch directory");
    text_copy(player->data_dir, sizeof player->data_dir, dir);
    mkdir(dir, 0700);
    bool sweep = false;
    uint64_t boundaries = play_once(player, 0, &sweep);
    if (!sweep) {
        fputs(player->os.log_storage, stdout);
    } else {
        for (uint64_t at = 1; at <= boundaries && player->failures < 10; at++)
            play_once(player, at, &sweep);
        printf("killed at %s job boundary, one run each\n", player->failures ? "some" : "every");
        fprintf(stderr, "%s: %llu kills\n", argv[1], (unsigned long long)boundaries);
    }
    if (argc <= 2)
        rmdir(dir);
    int failures = player->failures;
    free(player);
    return failures ? 1 : 0;
}

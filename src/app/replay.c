/* replay.c - `replay`: the whole engine over recorded counters, printing each alert, decision and restart
 * with the time at which it would have come.
 *
 * Each row of the recording is one poll. A restart that the engine asks for succeeds at once; from then on
 * the recorded growth goes on from the level the recording began with, because a new process leaks like the
 * old one. A recording knows no other services than the configured ones: a plan holds the service itself
 * only. Windows of the configuration are taken to be in UTC. */
#include "storewatch/cli.h"
#include "storewatch/engine.h"
#include "storewatch/perfmon.h"
#include "storewatch/report.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USAGE "replay --config FILE [--json] [--mails] FILE.csv..."
#define FILES_MAX 64
#define PROCESSES_MAX 512
#define SERVICES_MAX (CONFIG_CLIENTS_MAX + 1)
/* A process whose counters are missing in so many rows of its file has ended. */
#define GONE_AFTER_ROWS 3

enum counter { COUNTER_PRIVATE, COUNTER_HANDLES, COUNTER_PID, COUNTER_COUNT };

/* One instance of perfmon's Process object: "store", "store#1". */
struct recorded {
    char instance[PROCESS_IMAGE_MAX];
    size_t file;
    size_t columns[COUNTER_COUNT]; /* index + 1; 0 = not recorded */
    double values[COUNTER_COUNT];  /* of the latest row; unknown between rows of its file */
    double first[2],
        offset[2]; /* private bytes and handles: first value; what a replayed restart took away */
    int missing_rows;
    bool present;
    int service; /* index + 1 of the service it belongs to */
    struct process_id id;
};

struct replayed_service {
    char name[SERVICE_NAME_MAX];
    bool stopped; /* by a replayed stop */
};

struct host_columns {
    size_t file, commit, commit_limit, available, paged, nonpaged; /* columns: index + 1 */
};

struct reader {
    const char *path;
    struct perfmon *perfmon;
    int64_t utc_ms; /* of the row read ahead; INT64_MAX = ended */
    const double *values;
};

struct replay {
    struct config config;
    struct engine *engine;
    struct actions *actions;
    struct observation *observation;
    struct engine_request request; /* asked for and not yet answered */
    size_t reader_count;
    struct reader readers[FILES_MAX];
    size_t process_count;
    struct recorded processes[PROCESSES_MAX];
    size_t service_count;
    struct replayed_service services[SERVICES_MAX];
    struct host_columns host;
    struct host host_now;
    int64_t period_ms, first_utc_ms, now_utc_ms;
    uint32_t next_pid;
    bool as_json, with_mails;
    json_t *events;
    size_t incidents, restarts;
};

/* ---- telling ---- */

static void print_time(const struct replay *replay)
{
    char storage[40];
    struct text text = text_on(storage, sizeof storage);
    text_add_time_human(&text, replay->now_utc_ms);
    printf("%s  ", storage);
}

static json_t *event_new(const struct replay *replay, const char *kind)
{
    char storage[40];
    struct text text = text_on(storage, sizeof storage);
    text_add_time_utc(&text, replay->now_utc_ms);
    return json_pack("{s:s, s:s}", "at", storage, "kind", kind);
}

/* The mail as it would have come, under its line. */
static void print_mail(const struct mail *mail)
{
    for (const char *line = mail->plain; *line;) {
        size_t length = strcspn(line, "\n");
        printf("%s%.*s\n", length ? "    | " : "    |", (int)length, line);
        line += length + (line[length] == '\n');
    }
}

static void tell_alert(struct replay *replay, const struct alert *alert)
{
    const struct alert_wording *wording = alert_wording_get(alert->kind);
    struct mail mail = {0};
    bool mailed = wording->mailed && report_mail(alert, replay->config.subject_prefix, &mail) == STATUS_OK;
    char storage[1024];
    struct text text = text_on(storage, sizeof storage);
    report_event(alert, &text);
    if (replay->as_json) {
        json_t *event = event_new(replay, mailed ? "mail" : "event");
        json_object_set_new(event, "name", json_string(wording->name));
        if (mailed)
            json_object_set_new(event, "subject", json_string(mail.subject));
        if (mailed && replay->with_mails)
            json_object_set_new(event, "mail",
                                json_pack("{s:s, s:s}", "plain", mail.plain, "html", mail.html));
        json_object_set_new(event, "text", json_string(storage));
        json_array_append_new(replay->events, event);
    } else {
        /* People get a line each; progress says it in its own words, the others in their headline. */
        const char *words = mailed                                  ? mail.subject
                            : alert->kind == ALERT_RESTART_PROGRESS ? alert->text
                                                                    : storage;
        print_time(replay);
        printf("%-5s  %.*s\n", mailed ? "mail" : "event", (int)strcspn(words, "\n"), words);
        if (mailed && replay->with_mails)
            print_mail(&mail);
    }
    mail_deinit(&mail);
    replay->incidents += alert->kind == ALERT_OPENED;
    replay->restarts += alert->kind == ALERT_RESTART_BEGUN;
}

static void tell_deed(struct replay *replay, const char *verb, const char *service)
{
    if (replay->as_json) {
        json_t *event = event_new(replay, verb);
        json_object_set_new(event, "service", json_string(service));
        json_array_append_new(replay->events, event);
        return;
    }
    print_time(replay);
    printf("%-5s  %s\n", verb, service);
}

/* ---- whose column is it? ---- */

/* "store#1" is the second instance of "store". */
static size_t base_length(const char *instance)
{
    const char *hash = strrchr(instance, '#');
    return hash ? (size_t)(hash - instance) : strlen(instance);
}

static bool is_instance_of(const char *instance, const char *image)
{
    char base[PROCESS_IMAGE_MAX], wanted[PROCESS_IMAGE_MAX];
    text_copy(base, sizeof base, instance);
    size_t length = base_length(base);
    base[length < sizeof base ? length : sizeof base - 1] = '\0';
    text_copy(wanted, sizeof wanted, image);
    size_t image_length = strlen(wanted);
    if (image_length > 4 && text_equal_nocase(wanted + image_length - 4, ".exe"))
        wanted[image_length - 4] = '\0';
    return text_equal_nocase(base, wanted);
}

static bool is_store(const char *instance)
{
    return is_instance_of(instance, "store") ||
           is_instance_of(instance, "Microsoft.Exchange.Store.Service") ||
           is_instance_of(instance, "Microsoft.Exchange.Store.Worker");
}

static int service_index(struct replay *replay, const char *name)
{
    for (size_t i = 0; i < replay->service_count; i++)
        if (text_equal_nocase(replay->services[i].name, name))
            return (int)i + 1;
    if (!name[0] || replay->service_count == SERVICES_MAX)
        return 0;
    text_copy(replay->services[replay->service_count].name, SERVICE_NAME_MAX, name);
    return (int)++replay->service_count;
}

/* The service whose process this instance is, as far as the configuration tells. */
static int service_of(struct replay *replay, const char *instance)
{
    if (is_store(instance))
        return service_index(replay, replay->config.store_service);
    for (size_t i = 0; i < replay->config.client_count; i++) {
        const struct config_client *client = &replay->config.clients[i];
        bool by_image = client->image[0] && is_instance_of(instance, client->image);
        bool by_name = !client->image[0] &&
                       (is_instance_of(instance, client->service) || is_instance_of(instance, client->name));
        if (by_image || by_name)
            return service_index(replay, client->service);
    }
    return 0;
}

/* Where `word` begins in `text`, without case; NULL when it is not there. */
static const char *find_nocase(const char *text, const char *word)
{
    char candidate[32];
    size_t length = strlen(word);
    for (; strlen(text) >= length; text++) {
        memcpy(candidate, text, length);
        candidate[length] = '\0';
        if (text_equal_nocase(candidate, word))
            return text;
    }
    return NULL;
}

/* Splits "\\HOST\Process(store#1)\Private Bytes" into instance and counter. The host part is optional. */
static bool split_process_counter(const char *name, char *out_instance, size_t capacity,
                                  const char **out_counter)
{
    static const char object[] = "Process(";
    const char *begin = find_nocase(name, object);
    begin = begin ? begin + strlen(object) : NULL;
    const char *end = begin ? strstr(begin, ")\\") : NULL;
    if (!end || end == begin)
        return false;
    size_t length = (size_t)(end - begin);
    if (length >= capacity)
        length = capacity - 1;
    memcpy(out_instance, begin, length);
    out_instance[length] = '\0';
    *out_counter = end + 2;
    return true;
}

static struct recorded *process_for(struct replay *replay, size_t file, const char *instance)
{
    for (size_t i = 0; i < replay->process_count; i++)
        if (replay->processes[i].file == file && strcmp(replay->processes[i].instance, instance) == 0)
            return &replay->processes[i];
    if (replay->process_count == PROCESSES_MAX)
        return NULL;
    struct recorded *process = &replay->processes[replay->process_count++];
    *process = (struct recorded){.file = file, .first = {NAN, NAN}};
    text_copy(process->instance, sizeof process->instance, instance);
    process->service = service_of(replay, instance);
    return process;
}

static void map_process_column(struct replay *replay, size_t file, size_t column, const char *instance,
                               const char *counter)
{
    static const char *const names[COUNTER_COUNT] = {"Private Bytes", "Handle Count", "ID Process"};
    if (text_equal_nocase(instance, "_Total") || text_equal_nocase(instance, "Idle"))
        return;
    for (size_t c = 0; c < COUNTER_COUNT; c++) {
        if (!text_equal_nocase(counter, names[c]))
            continue;
        struct recorded *process = process_for(replay, file, instance);
        if (process)
            process->columns[c] = column + 1;
    }
}

static void map_host_column(struct replay *replay, size_t file, size_t column, const char *name)
{
    const char *counter = strrchr(name, '\\');
    const struct {
        const char *name;
        size_t *column;
    } table[] = {{"Committed Bytes", &replay->host.commit},
                 {"Commit Limit", &replay->host.commit_limit},
                 {"Available Bytes", &replay->host.available},
                 {"Pool Paged Bytes", &replay->host.paged},
                 {"Pool Nonpaged Bytes", &replay->host.nonpaged}};
    for (size_t i = 0; counter && i < ARRAY_COUNT(table); i++)
        if (text_equal_nocase(counter + 1, table[i].name) && *table[i].column == 0) {
            *table[i].column = column + 1;
            replay->host.file = file;
        }
}

/* Perfmon's names begin with the machine's: "\\\\EX1\\Process(store)\\Private Bytes". */
static void take_host_name(struct replay *replay, const char *column)
{
    size_t length = strncmp(column, "\\\\", 2) == 0 ? strcspn(column + 2, "\\") : 0;
    if (length == 0 || column[2 + length] == '\0')
        return;
    struct text name = text_on(replay->engine->host_name, sizeof replay->engine->host_name);
    text_add_bytes(&name, column + 2, length);
}

static void map_columns(struct replay *replay, size_t file)
{
    struct perfmon *perfmon = replay->readers[file].perfmon;
    for (size_t i = 0; i < perfmon_column_count(perfmon); i++) {
        const char *name = perfmon_column_get(perfmon, i)->name, *counter = NULL;
        char instance[PROCESS_IMAGE_MAX];
        take_host_name(replay, name);
        if (split_process_counter(name, instance, sizeof instance, &counter))
            map_process_column(replay, file, i, instance, counter);
        else
            map_host_column(replay, file, i, name);
    }
}

/* ---- from rows to what the engine sees ---- */

static double value_in(const double *row, size_t column)
{
    return column ? row[column - 1] : READING_UNKNOWN;
}

static uint64_t filetime(int64_t utc_ms)
{
    return (uint64_t)(utc_ms + INT64_C(11644473600000)) * 10000;
}

static void begin_incarnation(struct replay *replay, struct recorded *process)
{
    process->present = true;
    bool from_the_start = replay->now_utc_ms == replay->first_utc_ms;
    /* What runs when the recording begins is taken to be past its warm-up. */
    int64_t born_ms = from_the_start ? replay->now_utc_ms - replay->config.warm_up_ms : replay->now_utc_ms;
    process->id = (struct process_id){replay->next_pid++, filetime(born_ms)};
}

static bool stopped_now(const struct replay *replay, const struct recorded *process)
{
    return process->service && replay->services[process->service - 1].stopped;
}

static void take_process_row(struct replay *replay, struct recorded *process, const double *row)
{
    double before_pid = process->values[COUNTER_PID];
    for (size_t c = 0; c < COUNTER_COUNT; c++)
        process->values[c] = value_in(row, process->columns[c]);
    bool any =
        reading_known(process->values[COUNTER_PRIVATE]) || reading_known(process->values[COUNTER_HANDLES]);
    process->missing_rows = any ? 0 : process->missing_rows + 1;
    if (process->missing_rows >= GONE_AFTER_ROWS)
        process->present = false;
    double pid = process->values[COUNTER_PID];
    bool other_process = reading_known(pid) && reading_known(before_pid) && pid != before_pid;
    if (any && (!process->present || other_process) && !stopped_now(replay, process)) {
        process->offset[0] = process->offset[1] = 0;
        begin_incarnation(replay, process);
    }
    for (size_t c = 0; c < 2; c++)
        if (!reading_known(process->first[c]))
            process->first[c] = process->values[c];
}

static void take_host_row(struct replay *replay, const double *row)
{
    replay->host_now = (struct host){.commit_bytes = value_in(row, replay->host.commit),
                                     .commit_limit_bytes = value_in(row, replay->host.commit_limit),
                                     .available_bytes = value_in(row, replay->host.available),
                                     .physical_bytes = READING_UNKNOWN,
                                     .paged_pool_bytes = value_in(row, replay->host.paged),
                                     .nonpaged_pool_bytes = value_in(row, replay->host.nonpaged)};
}

static int by_name(const void *a, const void *b)
{
    return text_compare_nocase(((const struct service *)a)->name, ((const struct service *)b)->name);
}

static void look(struct replay *replay)
{
    struct observation *observation = replay->observation;
    observation_clear(observation);
    observation->mono_ms = replay->now_utc_ms - replay->first_utc_ms + MS_PER_DAY;
    observation->utc_ms = replay->now_utc_ms;
    observation->processes_known = observation->services_known = true;
    observation->host_known = replay->host.commit != 0;
    observation->host = replay->host_now;
    for (size_t i = 0; i < replay->service_count; i++) {
        struct service *service = &observation->services[observation->service_count++];
        memset(service, 0, sizeof *service);
        text_copy(service->name, sizeof service->name, replay->services[i].name);
        service->state = SERVICE_STATE_STOPPED;
        service->accepts_stop = true;
    }
    for (size_t i = 0; i < replay->process_count; i++) {
        const struct recorded *process = &replay->processes[i];
        if (!process->present || stopped_now(replay, process))
            continue;
        struct process *seen = &observation->processes[observation->process_count++];
        memset(seen, 0, sizeof *seen);
        seen->id = process->id;
        struct text image = text_on(seen->image, sizeof seen->image);
        text_add(&image, "%.*s.exe", (int)base_length(process->instance), process->instance);
        seen->private_bytes = process->values[COUNTER_PRIVATE] - process->offset[0];
        observation->host.commit_bytes -= process->offset[0]; /* what the replayed restart gave back */
        seen->handle_count = process->values[COUNTER_HANDLES] - process->offset[1];
        seen->working_set_bytes = seen->thread_count = seen->cpu_ms = seen->io_count = READING_UNKNOWN;
        if (process->service == 0)
            continue;
        struct service *service = &observation->services[process->service - 1];
        if (service->pid == 0) {
            service->state = SERVICE_STATE_RUNNING;
            service->pid = process->id.pid;
        } else {
            seen->parent_pid = service->pid; /* Store.Worker beside Store.Service */
        }
    }
    qsort(observation->services, observation->service_count, sizeof observation->services[0], by_name);
}

static struct clock clock_at(const struct replay *replay)
{
    int64_t minutes = replay->now_utc_ms / MS_PER_MINUTE;
    int64_t days = minutes / 1440;
    return (struct clock){.mono_ms = replay->now_utc_ms - replay->first_utc_ms + MS_PER_DAY,
                          .utc_ms = replay->now_utc_ms,
                          .weekday = (int)((days + 3) % 7), /* 1970-01-01 was a Thursday */
                          .minute_of_day = (int)(minutes % 1440)};
}

/* ---- the replayed SCM ---- */

static enum status read_graph(const struct replay *replay, struct service_graph *out_graph)
{
    struct service_node *nodes = calloc(replay->service_count ? replay->service_count : 1, sizeof *nodes);
    if (!nodes)
        return STATUS_NO_MEMORY;
    for (size_t i = 0; i < replay->service_count; i++) {
        text_copy(nodes[i].name, sizeof nodes[i].name, replay->services[i].name);
        nodes[i].start_type = START_AUTO;
        nodes[i].state = replay->services[i].stopped ? SERVICE_STATE_STOPPED : SERVICE_STATE_RUNNING;
    }
    *out_graph = (struct service_graph){.node_count = replay->service_count, .nodes = nodes};
    return STATUS_OK;
}

static void stop_service(struct replay *replay, int service)
{
    replay->services[service - 1].stopped = true;
}

static void start_service(struct replay *replay, int service)
{
    replay->services[service - 1].stopped = false;
    for (size_t i = 0; i < replay->process_count; i++) {
        struct recorded *process = &replay->processes[i];
        if (process->service != service || !process->present)
            continue;
        for (size_t c = 0; c < 2; c++)
            if (reading_known(process->values[c]) && reading_known(process->first[c]))
                process->offset[c] = process->values[c] - process->first[c];
        begin_incarnation(replay, process);
    }
}

static void take_actions(struct replay *replay)
{
    for (size_t i = 0; i < replay->actions->alert_count; i++)
        tell_alert(replay, &replay->actions->alerts[i]);
    replay->request = replay->actions->request;
}

/* Carries a request out and tells the engine, which may ask for the next one. */
static void answer(struct replay *replay)
{
    while (replay->request.kind != ENGINE_NOTHING) {
        struct engine_request request = replay->request;
        struct service_graph graph = {0};
        enum status status = STATUS_OK;
        int service = service_index(replay, request.service);
        if (request.kind == ENGINE_READ_GRAPH) {
            status = read_graph(replay, &graph);
        } else if (request.kind == ENGINE_STOP_SERVICE) {
            tell_deed(replay, "stop", request.service);
            stop_service(replay, service);
        } else if (request.kind == ENGINE_START_SERVICE) {
            tell_deed(replay, "start", request.service);
            start_service(replay, service);
        }
        engine_told(replay->engine, &request, status, NULL, &graph, replay->observation, clock_at(replay),
                    replay->actions);
        service_graph_deinit(&graph);
        take_actions(replay);
    }
}

static void step(struct replay *replay, bool sample_due)
{
    look(replay);
    engine_step(replay->engine, replay->observation, clock_at(replay), sample_due, replay->actions);
    take_actions(replay);
    answer(replay);
}

/* Between two rows a restart goes on at its own pace. */
static void step_until(struct replay *replay, int64_t next_utc_ms)
{
    int64_t every_ms = engine_look_every_ms(replay->engine);
    while (every_ms != INT64_MAX && replay->now_utc_ms + every_ms < next_utc_ms) {
        replay->now_utc_ms += every_ms;
        step(replay, false);
        every_ms = engine_look_every_ms(replay->engine);
    }
}

/* ---- reading several files as one machine ---- */

static enum status read_ahead(struct reader *reader, struct err *err)
{
    enum status status = perfmon_next(reader->perfmon, &reader->utc_ms, &reader->values, err);
    if (status == STATUS_NOT_FOUND) {
        reader->utc_ms = INT64_MAX;
        cli_say_left_out(reader->path, reader->perfmon);
        return STATUS_OK;
    }
    return status;
}

static int64_t next_time(const struct replay *replay)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < replay->reader_count; i++)
        if (replay->readers[i].utc_ms < next)
            next = replay->readers[i].utc_ms;
    return next;
}

/* Rows of different files that lie within half a period are one poll. */
static enum status take_poll(struct replay *replay, int64_t utc_ms, struct err *err)
{
    for (size_t p = 0; p < replay->process_count; p++)
        replay->processes[p].values[COUNTER_PRIVATE] = replay->processes[p].values[COUNTER_HANDLES] =
            READING_UNKNOWN;
    replay->now_utc_ms = utc_ms;
    for (size_t i = 0; i < replay->reader_count; i++) {
        struct reader *reader = &replay->readers[i];
        if (reader->utc_ms == INT64_MAX || reader->utc_ms > utc_ms + replay->period_ms / 2)
            continue;
        for (size_t p = 0; p < replay->process_count; p++)
            if (replay->processes[p].file == i)
                take_process_row(replay, &replay->processes[p], reader->values);
        if (replay->host.file == i)
            take_host_row(replay, reader->values);
        enum status status = read_ahead(reader, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static enum status play(struct replay *replay, struct err *err)
{
    replay->first_utc_ms = next_time(replay);
    int64_t utc_ms = replay->first_utc_ms;
    while (utc_ms != INT64_MAX) {
        enum status status = take_poll(replay, utc_ms, err);
        if (status)
            return status;
        int64_t next_ms = next_time(replay);
        if (replay->period_ms == 0 && next_ms != INT64_MAX)
            replay->period_ms = next_ms - utc_ms;
        step(replay, true);
        step_until(replay, next_ms);
        utc_ms = next_ms;
    }
    return STATUS_OK;
}

static enum status open_files(struct replay *replay, const char *const *paths, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct reader *reader = &replay->readers[i];
        reader->path = paths[i];
        enum status status = perfmon_open(paths[i], &reader->perfmon, err);
        if (status)
            return status;
        replay->reader_count = i + 1;
        map_columns(replay, i);
        status = read_ahead(reader, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static void warn_of_unmatched(const struct replay *replay)
{
    bool any = false;
    for (size_t i = 0; i < replay->process_count; i++)
        any |= replay->processes[i].service != 0;
    if (!any)
        fputs("storewatch: no counter of the recording belongs to the Information Store or a registered "
              "client; columns "
              "like \\\\HOST\\Process(store)\\Private Bytes are wanted\n",
              stderr);
}

static void print_end(const struct replay *replay)
{
    char span[64];
    struct text text = text_on(span, sizeof span);
    text_add_duration(&text, replay->now_utc_ms - replay->first_utc_ms);
    if (replay->as_json) {
        json_t *root =
            json_pack("{s:i, s:I, s:I, s:O}", "version", 1, "incidents", (json_int_t)replay->incidents,
                      "restarts", (json_int_t)replay->restarts, "events", replay->events);
        json_dumpf(root, stdout, JSON_INDENT(1));
        putchar('\n');
        json_decref(root);
        return;
    }
    printf("%zu incident%s and %zu restart%s in %s\n", replay->incidents, replay->incidents == 1 ? "" : "s",
           replay->restarts, replay->restarts == 1 ? "" : "s", span);
}

static int run(struct replay *replay, const char *const *paths, size_t count)
{
    struct err err = {0};
    replay->engine = engine_new(&replay->config, "recording"); /* until a column names the machine */
    replay->actions = calloc(1, sizeof *replay->actions);
    replay->observation = observation_new();
    replay->events = json_array();
    replay->next_pid = 1000;
    if (!replay->engine || !replay->actions || !replay->observation || !replay->events)
        return cli_fail("out of memory");
    service_index(replay, replay->config.store_service);
    enum status status = open_files(replay, paths, count, &err);
    if (!status) {
        warn_of_unmatched(replay);
        status = play(replay, &err);
    }
    if (status) {
        cli_fail("%s", err.text);
        return status == STATUS_INVALID ? EXIT_USAGE : EXIT_COULD_NOT;
    }
    print_end(replay);
    return replay->incidents ? EXIT_FOUND : EXIT_FINE;
}

int replay_run(int argc, char **argv)
{
    const char *config_path = NULL;
    const char *paths[FILES_MAX];
    size_t count = 0;
    struct replay *replay = calloc(1, sizeof *replay);
    if (!replay)
        return cli_fail("out of memory");
    const struct cli_option options[] = {{"--config", &config_path, NULL},
                                         {"--json", NULL, &replay->as_json},
                                         {"--mails", NULL, &replay->with_mails}};
    int code = EXIT_USAGE;
    if (!cli_parse(argc, argv, USAGE, options, ARRAY_COUNT(options), paths, FILES_MAX, &count))
        goto done;
    if (!config_path || count == 0) {
        fprintf(stderr,
                "storewatch replay: a configuration and at least one recording are wanted\nusage: storewatch "
                "%s\n",
                USAGE);
        goto done;
    }
    code = cli_load_config(config_path, &replay->config);
    if (code == EXIT_FINE)
        code = run(replay, paths, count);
done:
    for (size_t i = 0; i < replay->reader_count; i++)
        perfmon_close(replay->readers[i].perfmon);
    engine_free(replay->engine);
    observation_free(replay->observation);
    json_decref(replay->events);
    free(replay->actions);
    free(replay);
    return code;
}

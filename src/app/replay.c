/* replay.c - `replay`: the whole engine over recorded counters, printing each alert, decision and restart
 * with the time at which it would have come.
 *
 * Each row of the recording is one poll. A restart that the engine asks for succeeds at once; from then on
 * the recorded growth goes on from the level the recording began with, because a new process leaks like the
 * old one. A recording knows no other services than the configured ones: a plan holds the service itself
 * only. The local time of windows and digest is the recorder's; where no log tells it, UTC. */
#include "json_values.h"
#include "replay_recording.h"

#include "storewatch/cli.h"
#include "storewatch/engine.h"
#include "storewatch/perfmon.h"
#include "storewatch/report.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX (CONFIG_CLIENTS_MAX + 1)
#define NAMES_SHOWN 12

/* What is made of a process of the recording. */
struct replayed {
    double first[2],
        offset[2]; /* private bytes and handles: first value; what a replayed restart took away */
    double pid;    /* the latest one that was recorded */
    int missing_rows;
    bool present;
    int service; /* index + 1 of the service it belongs to */
    struct process_id id;
};

struct replayed_service {
    char name[SERVICE_NAME_MAX];
    bool stopped; /* by a replayed stop */
};

struct replay {
    struct config config;
    struct engine *engine;
    struct actions *actions;
    struct observation *observation;
    struct engine_request request; /* asked for and not yet answered */
    struct recording recording;
    struct replayed processes[RECORDING_PROCESSES_MAX]; /* as in the recording */
    struct replayed before[RECORDING_PROCESSES_MAX];    /* as they were when instances changed hands last */
    size_t service_count;
    struct replayed_service services[SERVICES_MAX];
    int64_t first_utc_ms, now_utc_ms;
    uint32_t next_pid;
    bool as_json, with_mails, act;
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

/* What storewatch makes of the growth that is told: the last of the sentences about what it does. NULL: of
 * the others nothing is decided. */
static const char *decision_of(const struct alert *alert)
{
    bool decides = alert->kind == ALERT_OPENED || alert->kind == ALERT_REMINDER ||
                   alert->kind == ALERT_ESCALATED || alert->kind == ALERT_RESTART_HELD;
    return decides && alert->done_count ? alert->done[alert->done_count - 1] : NULL;
}

/* Who is named for the growth of the machine or the store; NULL = nobody. */
static const char *who_of(const struct alert *alert)
{
    bool named = alert->has_ranking && culprit_is_named(&alert->ranking, 0);
    return named && decision_of(alert) ? alert->ranking.words : NULL;
}

static void print_line(struct replay *replay, const char *verb, const char *words)
{
    if (!words)
        return;
    print_time(replay);
    printf("%-5s  %.*s\n", verb, (int)strcspn(words, "\n"), words);
}

static void tell_alert(struct replay *replay, const struct alert *alert)
{
    const struct alert_wording *wording = alert_wording_get(alert->kind);
    struct mail mail = {0};
    bool mailed = wording->mailed && report_mail(alert, replay->config.subject_prefix, &mail) == STATUS_OK;
    char storage[REPORT_EVENT_MAX];
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
        if (decision_of(alert))
            json_object_set_new(event, "decision", json_words(decision_of(alert)));
        if (who_of(alert))
            json_object_set_new(event, "who", json_words(who_of(alert)));
        json_array_append_new(replay->events, event);
    } else {
        /* People get a line each; progress says it in its own words, the others in their headline. */
        const char *words = mailed                                  ? mail.subject
                            : alert->kind == ALERT_RESTART_PROGRESS ? alert->text
                                                                    : storage;
        print_line(replay, mailed ? "mail" : "event", words);
        print_line(replay, "who", who_of(alert));
        print_line(replay, "plan", decision_of(alert));
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

static bool is_instance_of(const char *instance, const char *image)
{
    char base[PROCESS_IMAGE_MAX], wanted[PROCESS_IMAGE_MAX];
    text_copy(base, sizeof base, instance);
    size_t length = recording_base_length(base);
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

/* A new one is put where its name belongs: the services are in the order that an observation has them in. */
static int service_index(struct replay *replay, const char *name)
{
    size_t at = 0;
    int order = -1;
    while (at < replay->service_count && (order = text_compare_nocase(replay->services[at].name, name)) < 0)
        at++;
    if (order == 0)
        return (int)at + 1;
    if (!name[0] || replay->service_count == SERVICES_MAX)
        return 0;
    memmove(&replay->services[at + 1], &replay->services[at],
            (replay->service_count++ - at) * sizeof replay->services[0]);
    replay->services[at] = (struct replayed_service){.stopped = false};
    text_copy(replay->services[at].name, SERVICE_NAME_MAX, name);
    for (size_t i = 0; i < replay->recording.process_count; i++)
        replay->processes[i].service += replay->processes[i].service > (int)at;
    return (int)at + 1;
}

static bool is_client(const struct config_client *client, const char *instance)
{
    return client->image[0]
               ? is_instance_of(instance, client->image)
               : is_instance_of(instance, client->service) || is_instance_of(instance, client->name);
}

/* The service whose process this instance is, as far as the configuration tells. */
static int service_of(struct replay *replay, const char *instance)
{
    if (is_store(instance))
        return service_index(replay, replay->config.store_service);
    for (size_t i = 0; i < replay->config.client_count; i++)
        if (is_client(&replay->config.clients[i], instance))
            return service_index(replay, replay->config.clients[i].service);
    return 0;
}

/* ---- from rows to what the engine sees ---- */

static bool is_taken(const struct replay *replay, const struct replayed *process, uint32_t pid)
{
    for (size_t i = 0; i < replay->recording.process_count; i++) {
        const struct replayed *other = &replay->processes[i];
        if (other != process && other->present && other->id.pid == pid)
            return true;
    }
    return false;
}

/* The number that was recorded, so that people find the process again; without one, and for the process of a
 * replayed start, one that is made up. */
static uint32_t pid_for(struct replay *replay, const struct replayed *process, double recorded)
{
    if (recorded <= UINT32_MAX && !is_taken(replay, process, (uint32_t)recorded))
        return (uint32_t)recorded;
    while (is_taken(replay, process, replay->next_pid))
        replay->next_pid++;
    return replay->next_pid++;
}

static void begin_incarnation(struct replay *replay, struct replayed *process, double pid)
{
    process->present = true;
    bool from_the_start = replay->now_utc_ms == replay->first_utc_ms;
    /* What runs when the recording begins is taken to be past its warm-up. */
    int64_t born_ms = from_the_start ? replay->now_utc_ms - replay->config.warm_up_ms : replay->now_utc_ms;
    process->id = (struct process_id){pid_for(replay, process, pid), process_created_100ns(born_ms)};
}

static bool stopped_now(const struct replay *replay, const struct replayed *process)
{
    return process->service && replay->services[process->service - 1].stopped;
}

static void take_process(struct replay *replay, size_t index)
{
    const double *values = replay->recording.now->processes[index].values;
    struct replayed *process = &replay->processes[index];
    const double pid = values[COUNTER_PID];
    const bool any = reading_known(values[COUNTER_PRIVATE]) || reading_known(values[COUNTER_HANDLES]);
    if (!replay->recording.now->processes[index].due)
        return; /* between two rows of its file */
    process->missing_rows = any ? 0 : process->missing_rows + 1;
    process->present = process->present && (process->missing_rows < PERFMON_GONE_AFTER_ROWS ||
                                            recording_tells_later(&replay->recording, index, process->pid));
    const bool other_process = reading_known(pid) && reading_known(process->pid) && pid != process->pid;
    process->pid = reading_known(pid) ? pid : process->pid;
    if (any && (!process->present || other_process) && !stopped_now(replay, process)) {
        process->offset[0] = process->offset[1] = 0;
        begin_incarnation(replay, process, process->pid);
    }
    for (size_t c = 0; c < 2; c++)
        if (!reading_known(process->first[c]))
            process->first[c] = values[c];
}

/* The instance that the process of this one was recorded as until now: when "store" ends, "store#1" is called
 * "store" from then on. RECORDING_PROCESSES_MAX when it was called so before, or is another one. */
static size_t was_recorded_as(const struct replay *replay, size_t index)
{
    const struct recorded_poll *now = replay->recording.now;
    const double pid = now->processes[index].values[COUNTER_PID];
    const bool is_another =
        now->processes[index].due && reading_known(pid) && replay->processes[index].pid != pid;
    for (size_t i = 0; is_another && i < replay->recording.process_count; i++)
        if (i != index && replay->processes[i].present && replay->processes[i].pid == pid &&
            now->processes[i].due && now->processes[i].values[COUNTER_PID] != pid &&
            recording_same_program(&replay->recording, index, i))
            return i;
    return RECORDING_PROCESSES_MAX;
}

/* Whose instance is called otherwise from now on stays the process it is. */
static void follow_renamed(struct replay *replay)
{
    const size_t count = replay->recording.process_count;
    size_t from[RECORDING_PROCESSES_MAX];
    bool moved[RECORDING_PROCESSES_MAX] = {false}, any = false;
    for (size_t i = 0; i < count; i++) {
        from[i] = was_recorded_as(replay, i);
        any |= from[i] < count;
    }
    if (!any) /* as at nearly every poll */
        return;
    memcpy(replay->before, replay->processes, count * sizeof *replay->before);
    for (size_t i = 0; i < count; i++)
        if (from[i] < count) {
            replay->processes[i] = replay->before[from[i]];
            moved[from[i]] = true;
        }
    for (size_t i = 0; i < count; i++)
        if (moved[i] && from[i] >= count)
            replay->processes[i] =
                (struct replayed){.first = {NAN, NAN}, .pid = NAN, .service = replay->before[i].service};
}

static void look(struct replay *replay)
{
    struct observation *observation = replay->observation;
    observation_clear(observation);
    observation->mono_ms = replay->now_utc_ms - replay->first_utc_ms + MS_PER_DAY;
    observation->utc_ms = replay->now_utc_ms;
    observation->processes_known = observation->services_known = true;
    const double *host = replay->recording.now->host;
    observation->host_known = replay->recording.has_host[HOST_COMMIT];
    observation->host = (struct host){.commit_bytes = host[HOST_COMMIT],
                                      .commit_limit_bytes = host[HOST_COMMIT_LIMIT],
                                      .available_bytes = host[HOST_AVAILABLE],
                                      .physical_bytes = READING_UNKNOWN,
                                      .paged_pool_bytes = host[HOST_PAGED],
                                      .nonpaged_pool_bytes = host[HOST_NONPAGED]};
    for (size_t i = 0; i < replay->service_count; i++) {
        struct service *service = &observation->services[observation->service_count++];
        memset(service, 0, sizeof *service);
        text_copy(service->name, sizeof service->name, replay->services[i].name);
        service->state = SERVICE_STATE_STOPPED;
        service->accepts_stop = true;
    }
    for (size_t i = 0; i < replay->recording.process_count; i++) {
        const char *instance = replay->recording.processes[i].instance;
        const double *values = replay->recording.now->processes[i].values;
        const struct replayed *process = &replay->processes[i];
        if (!process->present || stopped_now(replay, process))
            continue;
        struct process *seen = &observation->processes[observation->process_count++];
        memset(seen, 0, sizeof *seen);
        seen->id = process->id;
        struct text image = text_on(seen->image, sizeof seen->image);
        text_add_bytes(&image, instance, recording_base_length(instance));
        text_add_bytes(&image, ".exe", strlen(".exe"));
        seen->private_bytes = values[COUNTER_PRIVATE] - process->offset[0];
        observation->host.commit_bytes -= process->offset[0]; /* what the replayed restart gave back */
        seen->handle_count = values[COUNTER_HANDLES] - process->offset[1];
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
}

static struct clock clock_at(const struct replay *replay)
{
    const int64_t local_ms = replay->now_utc_ms + replay->recording.now->ahead_ms;
    int64_t days = local_ms / MS_PER_DAY, rest_ms = local_ms % MS_PER_DAY;
    if (rest_ms < 0) {
        days--;
        rest_ms += MS_PER_DAY;
    }
    return (struct clock){.mono_ms = replay->now_utc_ms - replay->first_utc_ms + MS_PER_DAY,
                          .utc_ms = replay->now_utc_ms,
                          .weekday = (int)(((days + 3) % 7 + 7) % 7), /* 1970-01-01 was a Thursday */
                          .minute_of_day = (int)(rest_ms / MS_PER_MINUTE)};
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
    for (size_t i = 0; i < replay->recording.process_count; i++) {
        const double *values = replay->recording.now->processes[i].values;
        struct replayed *process = &replay->processes[i];
        if (process->service != service || !process->present)
            continue;
        for (size_t c = 0; c < 2; c++)
            if (reading_known(values[c]) && reading_known(process->first[c]))
                process->offset[c] = values[c] - process->first[c];
        begin_incarnation(replay, process, READING_UNKNOWN);
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

/* No value of any process: a recorder that lost sight of them, and not the end of all at once. Only where pids are
 * recorded, which tell afterwards who is another one; and of one process alone, while the machine goes on being
 * recorded, it is its end that is more likely. */
static bool lost_sight(const struct replay *replay)
{
    const struct recording *recording = &replay->recording;
    bool pids = false, has_host = false, host_known = false;
    size_t present = 0;
    for (size_t i = 0; i < recording->process_count; i++) {
        pids |= recording->processes[i].has[COUNTER_PID];
        present += replay->processes[i].present;
        for (size_t c = 0; c < COUNTER_COUNT; c++)
            if (reading_known(recording->now->processes[i].values[c]))
                return false;
    }
    for (size_t c = 0; c < HOST_COUNT; c++) {
        has_host |= recording->has_host[c];
        host_known |= reading_known(recording->now->host[c]);
    }
    return pids && (present > 1 || (has_host && !host_known));
}

static enum status play(struct replay *replay, struct err *err)
{
    struct recording *recording = &replay->recording;
    enum status status;
    replay->first_utc_ms = recording->next_utc_ms;
    while ((status = recording_poll(recording, err)) == STATUS_OK) {
        replay->now_utc_ms = recording->now->utc_ms;
        if (!lost_sight(replay)) {
            follow_renamed(replay);
            for (size_t i = 0; i < recording->process_count; i++)
                take_process(replay, i);
        }
        step(replay, true);
        step_until(replay, recording->next_utc_ms);
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- is it the right recording? ---- */

static bool is_judged(const struct replay *replay, size_t process)
{
    const struct recorded *recorded = &replay->recording.processes[process];
    return recorded->has[COUNTER_PRIVATE] || recorded->has[COUNTER_HANDLES];
}

static bool has_counters_of(const struct replay *replay, const struct config_client *client)
{
    for (size_t i = 0; i < replay->recording.process_count; i++)
        if (is_judged(replay, i) && is_client(client, replay->recording.processes[i].instance))
            return true;
    return false;
}

static void add_instances(struct text *text, const struct recording *recording)
{
    for (size_t i = 0; i < recording->process_count && i < NAMES_SHOWN; i++)
        text_add(text, "%s%s", i ? ", " : "", recording->processes[i].instance);
    if (recording->process_count == 0)
        text_add(text, "no process at all");
    if (recording->process_count > NAMES_SHOWN)
        text_add(text, " and %zu more", recording->process_count - NAMES_SHOWN);
}

/* False when nothing of it can be judged: then there is no answer, and no answer is not "0 incidents". */
static bool is_of_use(const struct replay *replay)
{
    const struct recording *recording = &replay->recording;
    bool store = false, any = recording->has_host[HOST_COMMIT], any_pid = recording->process_count == 0;
    char names[1024] = "";
    struct text text = text_on(names, sizeof names);
    for (size_t i = 0; i < recording->process_count; i++) {
        store |= is_judged(replay, i) && is_store(recording->processes[i].instance);
        any |= is_judged(replay, i) && replay->processes[i].service != 0;
        any_pid |= recording->processes[i].has[COUNTER_PID];
    }
    for (size_t i = 0; i < replay->config.client_count; i++)
        any |= has_counters_of(replay, &replay->config.clients[i]);
    add_instances(&text, recording);
    if (!any) {
        cli_fail(
            "no counter of the recording belongs to the Information Store, a registered client or the memory "
            "of the machine; columns with English names like \\\\HOST\\Process(store)\\Private Bytes are "
            "wanted, and it tells of %s",
            names);
        return false;
    }
    if (recording->next_utc_ms == INT64_MAX) {
        cli_fail("the recording has no rows");
        return false;
    }
    if (recording->other_host[0])
        fprintf(stderr,
                "storewatch: the recording is of %s and of %s: it is taken for one machine, so replay each "
                "by itself\n",
                recording->host_name, recording->other_host);
    if (!store)
        fputs("storewatch: the recording has no counters of the Information Store: it is not judged\n",
              stderr);
    for (size_t i = 0; i < replay->config.client_count; i++) {
        const struct config_client *client = &replay->config.clients[i];
        if (!has_counters_of(replay, client))
            fprintf(stderr,
                    "storewatch: the recording has no counters of the client \"%s\" (%s): it is not judged\n",
                    client->name, client->image[0] ? client->image : client->service);
    }
    if (!recording->has_host[HOST_COMMIT] || !recording->has_host[HOST_COMMIT_LIMIT])
        fputs("storewatch: the recording lacks \\Memory\\Committed Bytes or \\Memory\\Commit Limit: how long "
              "is "
              "left until no memory is left cannot be said\n",
              stderr);
    if (!any_pid)
        fputs("storewatch: the recording has no \\Process(*)\\ID Process: the pids shown are made up, and a "
              "restart between two rows may not be seen\n",
              stderr);
    if (!recording->knows_local && replay->config.mode == MODE_ACT && replay->config.window_count > 0)
        fputs("storewatch: no log tells the local time of its machine: the windows are taken in UTC\n",
              stderr);
    if (recording->left_out)
        fprintf(stderr, "storewatch: %zu column%s of processes beyond the first %d %s left out\n",
                recording->left_out, recording->left_out == 1 ? "" : "s", RECORDING_PROCESSES_MAX,
                recording->left_out == 1 ? "was" : "were");
    return true;
}

/* What still grows at the end, and why nothing is restarted for it. */
static void print_held(const struct replay *replay)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++) {
        const struct incident *incident = &replay->engine->incidents[i].incident;
        if (incident->id && incident->held_because[0])
            printf("no restart at the end for the %s of %s: %s\n", metric_name(incident->metric),
                   incident->image[0] ? incident->image : replay->engine->host_name, incident->held_because);
    }
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
    if (replay->incidents == 0 && replay->config.min_window_ms >= VERDICT_DAYS_WINDOW_MS &&
        replay->now_utc_ms - replay->first_utc_ms < replay->config.warm_up_ms + MS_PER_DAY)
        puts("In the first day that a process is seen its growth is told when half of the room up to its "
             "limit is "
             "gone; analyze says what it looks like.");
    if (replay->config.mode == MODE_ACT)
        print_held(replay);
    if (replay->config.mode == MODE_ALERT && replay->incidents > 0)
        puts("The configuration only tells (mode \"alert\"); with --act: what it would have restarted.");
}

/* Once the columns are known. */
static void begin(struct replay *replay)
{
    const struct recording *recording = &replay->recording;
    if (recording->host_name[0])
        text_copy(replay->engine->host_name, sizeof replay->engine->host_name, recording->host_name);
    for (size_t i = 0; i < recording->process_count; i++)
        replay->processes[i] = (struct replayed){
            .first = {NAN, NAN}, .pid = NAN, .service = service_of(replay, recording->processes[i].instance)};
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
    enum status status = recording_open(&replay->recording, paths, count, &err);
    if (!status) {
        begin(replay);
        if (!is_of_use(replay))
            return EXIT_USAGE;
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
    size_t count = 0;
    struct cli_files files = {0};
    struct replay *replay = calloc(1, sizeof *replay);
    const char **named = calloc((size_t)argc, sizeof *named);
    if (!replay || !named) {
        free(replay);
        free(named);
        return cli_fail("out of memory");
    }
    const struct cli_option options[] = {{"--config", &config_path, NULL},
                                         {"--act", NULL, &replay->act},
                                         {"--json", NULL, &replay->as_json},
                                         {"--mails", NULL, &replay->with_mails}};
    int code = EXIT_USAGE;
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), named, (size_t)argc, &count))
        goto done;
    if (!config_path || count == 0) {
        code = cli_wrong_use(argv[0], "a configuration and at least one recording are wanted");
        goto done;
    }
    if (!cli_files_find(&files, named, count)) {
        code = cli_fail("out of memory");
        goto done;
    }
    if (files.count > RECORDING_FILES_MAX) {
        code = cli_wrong_use(argv[0], "%zu recordings; %d at a time are possible", files.count,
                             RECORDING_FILES_MAX);
        goto done;
    }
    code = cli_load_config(config_path, &replay->config);
    if (replay->act)
        replay->config.mode = MODE_ACT;
    if (code == EXIT_FINE)
        code = run(replay, (const char *const *)files.paths, files.count);
done:
    recording_close(&replay->recording);
    engine_free(replay->engine);
    observation_free(replay->observation);
    json_decref(replay->events);
    free(replay->actions);
    free(replay);
    cli_files_deinit(&files);
    free(named);
    return code;
}

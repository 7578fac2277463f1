/* plan.windows.c - `plan`: the restart that would be done now, with every pre-flight check; changes nothing.
 */
#include "storewatch/cli.h"
#include "storewatch/control.h"
#include "storewatch/os.h"
#include "storewatch/policy.h"
#include "storewatch/store.h"
#include "storewatch/units.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

struct plan_inputs {
    struct config config;
    struct os *os;
    struct observation *observation;
    struct service_graph graph;
    struct budget_entry budget[BUDGET_ENTRIES_MAX];
    size_t budget_count;
    bool running, dry_run, journal_fails; /* as the running service says */
    int64_t maintenance_until_utc_ms;
    struct restart_plan plan;
    struct err plan_error;
    struct preflight preflight;
};

/* Without a history file there were no restarts; of one that cannot be read nothing is known. An exit code.
 */
static int read_budget(struct plan_inputs *in, const char *config_path)
{
    char dir[1024], path[1100];
    if (!cli_history_dir(config_path, &in->config, dir, sizeof dir))
        return cli_fail("no plan: the data directory is not known");
    store_path(path, sizeof path, dir);
    struct store *store = NULL;
    struct err err = {0};
    enum status status = store_open_readonly(path, &store, &err);
    if (!status)
        status = store_get_budget(store, in->budget, BUDGET_ENTRIES_MAX, &in->budget_count, &err);
    store_close(store);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return cli_fail("no plan: how many restarts there were is not known: %s", err.text);
    return EXIT_FINE;
}

/* What only the running service knows. */
static void ask_service(struct plan_inputs *in)
{
    char *answer = NULL;
    if (control_ask("{\"request\": \"status\"}", &answer, NULL) != STATUS_OK)
        return;
    json_t *status = json_loads(answer, 0, NULL);
    const char *until = json_string_value(json_object_get(json_object_get(status, "maintenance"), "until"));
    in->running = json_is_object(status);
    in->dry_run = json_is_true(json_object_get(status, "dry_run"));
    in->journal_fails = json_is_string(json_object_get(status, "store_error"));
    if (!until || time_parse_iso(until, &in->maintenance_until_utc_ms) != STATUS_OK)
        in->maintenance_until_utc_ms = 0;
    json_decref(status);
    free(answer);
}

static void judge(struct plan_inputs *in, const char *service)
{
    struct clock clock = {.mono_ms = os_mono_ms(in->os), .utc_ms = os_utc_ms(in->os)};
    os_local_time(in->os, clock.utc_ms, &clock.weekday, &clock.minute_of_day);
    enum status made = restart_plan_make(&in->graph, in->observation, service, &in->plan, &in->plan_error);
    const bool is_store = text_equal_nocase(service, in->config.store_service);
    const char *forbidden =
        policy_plan_forbidden(&in->config, is_store ? RUNG_RESTART_STORE : RUNG_RESTART_CLIENT, &in->plan);
    if (made == STATUS_OK && forbidden)
        err_set(&in->plan_error, STATUS_INVALID, "plan", 0, "%s: %s", service, forbidden);
    struct policy_facts facts = {.journal_writable = !in->journal_fails,
                                 .dry_run = in->dry_run,
                                 .maintenance_until_utc_ms = in->maintenance_until_utc_ms,
                                 .budget = in->budget,
                                 .budget_count = in->budget_count,
                                 .exhaustion_early_utc_ms = INT64_MAX,
                                 .plan = made == STATUS_OK ? &in->plan : NULL,
                                 .plan_error = &in->plan_error};
    policy_preflight(&in->config, in->observation, clock, &facts, &in->preflight);
}

static void print_stop(const struct plan_inputs *in, size_t index)
{
    const struct restart_service *service = &in->plan.services[index];
    char words[512];
    struct text text = text_on(words, sizeof words);
    restart_add_hang_words(&text, &in->config, in->observation, service);
    printf("  %zu. %s (pid %u)\n       %s\n", index + 1, service->name, service->process.pid, words);
}

static void print_plan(const struct plan_inputs *in, const char *service)
{
    printf("controlled restart of %s\n\npre-flight\n", service);
    for (size_t i = 0; i < CHECK_COUNT; i++)
        printf("  %-6s %-24s %s\n", in->preflight.results[i].passed ? "ok" : "HOLDS",
               check_name((enum check)i), in->preflight.results[i].text);
    if (in->plan.count > 0) {
        char stop[64], start[64];
        struct text text = text_on(stop, sizeof stop);
        text_add_duration(&text, in->config.stop_timeout_ms);
        text = text_on(start, sizeof start);
        text_add_duration(&text, in->config.start_timeout_ms);
        printf("\nstop, one after the other, at most %s each\n", stop);
        for (size_t i = 0; i < in->plan.count; i++)
            print_stop(in, i);
        printf("\nstart, one after the other; ops are told when one takes longer than %s\n", start);
        for (size_t i = in->plan.count; i-- > 0;)
            printf("  %zu. %s\n", in->plan.count - i, in->plan.services[i].name);
    }
    printf("\n%s\n", in->preflight.passed ? "This restart would be done now if an incident asked for it."
                                          : "No restart would be done now.");
    if (!in->running)
        puts("The storewatch service does not answer: nothing is restarted until it runs. Its dry run, its "
             "maintenance and "
             "whether its journal can be written are not known here.");
}

static int run_plan(struct plan_inputs *in, const char *config_path, const char *service)
{
    struct err err = {0};
    in->observation = observation_new();
    if (!in->observation)
        return cli_fail("out of memory");
    if (os_open(&in->os, &err) != STATUS_OK || os_observe(in->os, in->observation, &err) != STATUS_OK ||
        os_service_graph(in->os, &in->graph, &err) != STATUS_OK)
        return cli_fail("%s", err.text);
    const int code = read_budget(in, config_path);
    if (code != EXIT_FINE)
        return code;
    ask_service(in);
    judge(in, service);
    print_plan(in, service);
    return in->preflight.passed ? EXIT_FINE : EXIT_FOUND;
}

int plan_run(int argc, char **argv)
{
    const char *config_path = NULL, *service = NULL;
    const struct cli_option options[] = {{"--config", &config_path, NULL}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), &service, 1, NULL))
        return EXIT_USAGE;
    if (service && !service[0])
        return cli_wrong_use(argv[0], "the name of a service is wanted, or none");
    struct plan_inputs *in = calloc(1, sizeof *in);
    if (!in)
        return cli_fail("out of memory");
    int code = cli_load_config(config_path, &in->config);
    if (code == EXIT_FINE)
        code = run_plan(in, config_path, service ? service : in->config.store_service);
    service_graph_deinit(&in->graph);
    observation_free(in->observation);
    os_close(in->os);
    free(in);
    return code;
}

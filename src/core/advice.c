/* advice.c - see advice.h. */
#include "storewatch/advice.h"

#include <stdio.h>
#include <string.h>

static void add_quoted(struct text *text, const char *words, bool lower)
{
    text_add(text, "\"");
    for (; *words; words++) {
        char c = lower ? ascii_lower(*words) : *words;
        if (c == '"' || c == '\\')
            text_add(text, "\\");
        text_add_bytes(text, &c, 1);
    }
    text_add(text, "\"");
}

void text_add_client_line(struct text *text, const char *image, const char *service)
{
    char name[PROCESS_IMAGE_MAX];
    text_copy(name, sizeof name, image);
    size_t length = strlen(name);
    if (length > 4 && text_equal_nocase(name + length - 4, ".exe"))
        name[length - 4] = '\0';
    text_add(text, "{ \"name\": ");
    add_quoted(text, name, true);
    text_add(text, ", \"image\": ");
    add_quoted(text, image, false);
    if (service[0]) {
        text_add(text, ", \"service\": ");
        add_quoted(text, service, false);
    }
    text_add(text, " }");
}

/* What another restart comes first for. */
#define NEXT_TO_TRY "When it goes on growing then,"

/* Without a service the ladder would pass such a client over and restart the store for it. */
void text_add_registering(struct text *text, const char *image, const char *service)
{
    text_add(text, "%s",
             service[0] ? "To have it restarted by storewatch when it leaks, register it under \"clients\": "
                        : "storewatch restarts services only, and it is none by itself. Register it with "
                          "the one whose restart restarts it, under \"clients\": ");
    text_add_client_line(text, image, service[0] ? service : "THE SERVICE");
}

/* `then`: it is the next thing to try, after another restart. */
static void add_restart(struct text *text, const struct alert *alert, enum target_kind kind,
                        const char *service, const char *image, bool then)
{
    const bool waits = then || alert->veto_process[0] != '\0';
    if (then)
        text_add(text, NEXT_TO_TRY " ");
    else if (waits)
        text_add(text, "When %s has ended, ", alert->veto_process);
    if (kind == TARGET_STORE && alert->cluster_node)
        text_add(text,
                 "%s the cluster's resource of %s offline and online again (Cluster Administrator, from "
                 "Windows Server 2008 on Failover Cluster Manager)",
                 waits ? "take" : "Take", service);
    else if (kind == TARGET_STORE)
        text_add(text, "%s %s", waits ? "restart" : "Restart", service);
    else if (service[0])
        text_add(text, "%s the service \"%s\"", waits ? "restart" : "Restart", service);
    else
        text_add(text, "%s the program %s", waits ? "restart" : "Restart", image);
}

void text_add_restart(struct text *text, const struct alert *alert, enum target_kind kind,
                      const char *service, const char *image)
{
    add_restart(text, alert, kind, service, image, false);
}

/* Beyond this a date to the second tells nobody anything. */
#define DEADLINE_MAX_MS (365 * MS_PER_DAY)

/* Returns whether that is now: its end is near or has come. `waits`: for something that comes before it. */
static bool add_deadline(struct text *text, const struct alert *alert, bool waits)
{
    const int64_t early_utc_ms = alert->incident.exhaustion_early_utc_ms;
    if (early_utc_ms == INT64_MAX)
        return false;
    if (alert->incident.escalated || early_utc_ms <= alert->utc_ms) {
        text_add(text, waits ? " at once" : " now");
        if (early_utc_ms > alert->utc_ms) {
            text_add(text, ", at the latest before ");
            text_add_time_foreseen(text, early_utc_ms, alert->utc_ms);
        }
        return true;
    }
    if (early_utc_ms - alert->utc_ms > DEADLINE_MAX_MS) {
        if (alert->incident.exhaustion_utc_ms != INT64_MAX) /* else no end is foreseen at all */
            text_add(text, " (more than a year is left)");
        return false;
    }
    text_add(text, " before ");
    text_add_time_foreseen(text, early_utc_ms, alert->utc_ms);
    return false;
}

/* One of those that are likely to cause the growth; `then`: after the one before it. */
static void advise_culprit(struct alert *alert, const struct culprit *culprit, const char *is_cause,
                           bool then)
{
    char storage[ALERT_LINE_MAX / 2], who_storage[PROCESS_IMAGE_MAX + 48];
    struct text who = text_on(who_storage, sizeof who_storage);
    struct text first = text_on(storage, sizeof storage);
    text_add(&who, "%s (", culprit->image);
    if (culprit->process_count > 1)
        text_add(&who, "%zu processes, ", culprit->process_count);
    text_add_culprit_pids(&who, culprit);
    text_add(&who, ")");
    text_add(&first, then ? NEXT_TO_TRY : "First");
    if (!then && alert->veto_process[0])
        text_add(&first, ", when %s has ended,", alert->veto_process);
    if (culprit_is_gone(culprit))
        alert_add_todo(
            alert,
            "See whether it still grows: %s %s, and has ended. The Information Store keeps what it "
            "holds for it until its own restart.",
            who_storage, is_cause);
    else if (culprit->service[0])
        alert_add_todo(alert, "%s restart the service \"%s\": %s %s; the Information Store can stay up.",
                       storage, culprit->service, who_storage, is_cause);
    else if (culprit->watched && culprit->kind == TARGET_CLIENT)
        alert_add_todo(alert, "%s restart the program %s: it %s; the Information Store can stay up.", storage,
                       who_storage, is_cause);
    else
        alert_add_todo(alert,
                       "Look at %s: it %s, and it is not registered, so storewatch will never restart "
                       "it. Restart it by its own means; the Information Store can stay up.",
                       who_storage, is_cause);
}

/* Does the restart of one before it in the list restart this one, too? */
static bool is_restarted_before(const struct culprit_ranking *ranking, size_t i)
{
    const char *service = ranking->items[i].service;
    for (size_t k = 0; k < i && service[0]; k++)
        if (culprit_is_named(ranking, k) && text_equal_nocase(ranking->items[k].service, service))
            return true;
    return false;
}

/* Of growth that programs are likely to cause: the cheapest thing that can end it comes first, and of several
 * the one with the larger part. */
static bool advise_suspect(struct alert *alert)
{
    const struct culprit_ranking *ranking = &alert->ranking;
    size_t count = alert->has_ranking && ranking->count ? (ranking->together ? ranking->together : 1) : 0;
    bool advised = false;
    for (size_t i = 0; i < count; i++) {
        const struct culprit *culprit = &ranking->items[i];
        enum culprit_confidence sure = culprit_how_surely(ranking, culprit);
        if (!culprit_is_named(ranking, i) || culprit->kind == TARGET_STORE || is_restarted_before(ranking, i))
            continue;
        char is_cause[96];
        snprintf(is_cause, sizeof is_cause, "%s is %s",
                 sure == CULPRIT_NEARLY_CERTAIN ? "nearly certainly" : "likely",
                 culprit_is_part(ranking) ? "a part of the cause"
                 : ranking->together == 0 ? "the cause"
                 : ranking->either        ? "the cause, or the other one named, or both"
                                          : "a part of the cause");
        advise_culprit(alert, culprit, is_cause, advised);
        advised = true;
    }
    return advised;
}

static void advise_restart(struct alert *alert, const struct config *config)
{
    const struct incident *incident = &alert->incident;
    const bool store = incident->target_kind == TARGET_STORE;
    char deadline_storage[64], restart_storage[ALERT_LINE_MAX];
    struct text deadline = text_on(deadline_storage, sizeof deadline_storage);
    struct text restart = text_on(restart_storage, sizeof restart_storage);
    const bool suspected = store && advise_suspect(alert);
    const bool now = add_deadline(&deadline, alert, suspected || alert->veto_process[0]);
    add_restart(&restart, alert, incident->target_kind,
                store             ? config->store_service
                : alert->outlived ? ""
                                  : incident->service,
                incident->image, suspected);
    if (store && alert->cluster_node)
        alert_add_todo(alert, "%s%s%s.", restart_storage, now ? "" : " in a quiet hour", deadline.data);
    else if (store)
        alert_add_todo(alert, "%s%s%s. \"storewatch plan %s\" shows what stops with it and in which order.",
                       restart_storage, now ? "" : " in a quiet hour", deadline.data, config->store_service);
    else
        alert_add_todo(alert, "%s%s; the Information Store can stay up.%s", restart_storage, deadline.data,
                       alert->cluster_node && incident->service[0]
                           ? " Where it is a resource of the cluster, take that offline and online instead."
                           : "");
    const bool is_ours = incident->target_kind != TARGET_DISCOVERED && incident->service[0] &&
                         config->mode == MODE_ACT && !alert->cluster_node;
    if (alert->veto_process[0] && is_ours)
        alert_add_todo(alert,
                       "storewatch does that itself then, unless something else holds it back: look at "
                       "\"storewatch status\" before you do.");
    if (alert->outlived)
        alert_add_todo(
            alert,
            "It has not ended with the restart of %s: register it with the service that runs it, or with "
            "none.",
            incident->service);
}

/* What leaks in the program whose DLLs these are: of the pools a process holds what its handles do. */
static enum unit leaking_unit(enum metric metric)
{
    return metric == METRIC_PAGED_POOL || metric == METRIC_NONPAGED_POOL ? UNIT_HANDLES : metric_unit(metric);
}

/* What is known of the DLL that leaks in this unit; false when nothing is. */
static bool advise_dll(struct alert *alert)
{
    enum unit unit = leaking_unit(alert->incident.metric);
    char storage[2 * ALERT_LINE_MAX]; /* the alert cuts it, and says so */
    struct text line = text_on(storage, sizeof storage);
    struct defect_finding finding;
    size_t index = 0;
    if (unit == UNIT_BYTES && defect_judge_all(&alert->dlls, &index, &finding)) {
        text_add_defect(&line, alert->dlls_of, &alert->dlls.items[index], &finding);
        text_add(&line, ".");
        alert_add_todo(alert, "%s", storage);
        if (finding.fix == FIX_MISSING)
            return true;
    }
    for (size_t i = 0; i < alert->dlls.count; i++) {
        const struct loaded_dll *dll = &alert->dlls.items[i];
        const struct defect *sibling = defect_sibling(dll, unit, 0);
        if (!sibling)
            continue;
        alert_add_todo(alert, "%s of this product line also leaks %s (KB %u): %s.", sibling->dll,
                       sibling->leak, (unsigned)sibling->kb, sibling->remedy);
        return true;
    }
    return line.length > 0;
}

static void advise_cause(struct alert *alert)
{
    const struct incident *incident = &alert->incident;
    if (incident->target_kind == TARGET_HOST || incident->target_kind == TARGET_STORE) {
        advise_dll(alert); /* of who is or was named */
        return;
    }
    if (incident->target_kind != TARGET_CLIENT && incident->target_kind != TARGET_DISCOVERED)
        return;
    if (advise_dll(alert))
        return;
    if (incident->metric == METRIC_HANDLES)
        alert_add_todo(
            alert, "Find the cause: a MAPI program that leaks handles on each store it opens is described in "
                   "Microsoft KB 893420. Ask the program's vendor.");
    else
        alert_add_todo(alert,
                       "Find the cause: check the version of the Emsmdb32.dll it loads. Below 6.5.7233.36 "
                       "(Exchange 2003) it lacks the fix of Microsoft KB 898782.");
}

static void advise_registering(struct alert *alert)
{
    const struct incident *incident = &alert->incident;
    if (incident->target_kind != TARGET_DISCOVERED)
        return;
    char storage[ALERT_LINE_MAX];
    struct text text = text_on(storage, sizeof storage);
    text_add_registering(&text, incident->image, alert->hosted_by);
    alert_add_todo(alert, "%s", storage);
}

/* Do the pools account for most of what the machine grows by? */
static bool is_of_the_kernel(const struct alert *alert)
{
    return alert->has_ranking && alert->ranking.pool_share > 0.5;
}

/* Of the pools: everybody was asked, and there is none whose new handles could hold it. */
static bool is_of_nobody(const struct alert *alert)
{
    const struct culprit_ranking *ranking = &alert->ranking;
    bool nobody = alert->has_ranking && ranking->compared && ranking->left_out == 0;
    for (size_t i = 0; i < ranking->count; i++)
        nobody &= (ranking->items[i].doubts & 1u << CULPRIT_DOUBT_FEW_HANDLES) != 0;
    return nobody;
}

static void advise_hung_stop(struct alert *alert)
{
    alert_add_todo(alert,
                   "%s can be started only when its process has ended. While its CPU time or the disk moves "
                   "it still works: wait. If nothing moves, end its process in Task Manager; storewatch "
                   "then starts it and what needs it.",
                   alert->service);
}

/* Who is named for the growth of the machine: the end is that of the machine, not his own. */
static void advise_by_when(struct alert *alert)
{
    char storage[64];
    struct text deadline = text_on(storage, sizeof storage);
    add_deadline(&deadline, alert, alert->veto_process[0]);
    if (deadline.length)
        alert_add_todo(alert, "Do that%s.%s", storage,
                       culprit_is_part(&alert->ranking)
                           ? " It ends a part of the growth: look then how much goes on."
                           : "");
}

static void advise_growth(struct alert *alert, const struct config *config, bool will_act)
{
    const struct incident *incident = &alert->incident;
    if (alert_tells_pause(alert) && !will_act) {
        alert_add_todo(alert,
                       "Nothing at once. That it has ended is told once that is sure, and so is that it "
                       "goes on.");
        return;
    }
    if (incident->target_kind == TARGET_HOST) {
        if (advise_suspect(alert)) {
            advise_by_when(alert);
            advise_cause(alert);
            return;
        }
        if (incident->metric == METRIC_COMMIT && is_of_the_kernel(alert))
            alert_add_todo(alert,
                           "It is memory of the kernel: poolmon of the Windows support tools shows whose tag "
                           "grows (a driver of an antivirus, a backup, a filter).");
        else if (incident->metric == METRIC_COMMIT)
            alert_add_todo(
                alert,
                "Find the program whose private bytes grow (Task Manager, column \"VM Size\", from Windows "
                "Server 2008 on \"Commit size\"), and register it under \"clients\" if it uses MAPI.");
        else if (is_of_nobody(alert))
            alert_add_todo(
                alert, "No process has opened handles that could hold it, so it is a driver's, as likely as "
                       "not: poolmon of the Windows support tools shows whose tag grows.");
        else
            alert_add_todo(
                alert,
                "Find the program whose handles grow (Task Manager, column \"Handles\"). When none does "
                "it is a driver: poolmon of the Windows support tools shows whose tag grows.");
        return;
    }
    if (will_act && alert->service_state == SERVICE_STATE_STOP_PENDING)
        advise_hung_stop(alert);
    else if (will_act)
        alert_add_todo(
            alert, "Nothing at once: storewatch acts. To hold further restarts back: \"storewatch "
                   "maintenance on --for 4h --reason ...\". Do not stop the storewatch service meanwhile: "
                   "what it has stopped would stay stopped.");
    else
        advise_restart(alert, config);
    advise_cause(alert);
    advise_registering(alert);
}

#define NEAR_LIMIT 0.9

/* It has stopped growing and keeps most of what it had taken when it was told. */
static bool holds_what_it_took(const struct incident *incident)
{
    const double taken = incident->level_at_open - incident->level_at_onset;
    return taken > 0 && incident->level_now - incident->level_at_onset > taken / 2;
}

static void advise_recovered(struct alert *alert)
{
    if (alert->has_incident && alert->incident.rungs_tried & ~(1u << RUNG_ALERT)) {
        alert_add_todo(alert, "A restart ends the symptom, not the cause.");
        advise_cause(alert);
        if (alert->incident.target_kind == TARGET_STORE)
            alert_add_todo(alert, "\"storewatch doctor\" shows which MAPI DLLs the clients have loaded, and "
                                  "which of them lack a fix.");
    } else if (alert->has_incident && holds_what_it_took(&alert->incident)) {
        const bool little_left = alert->incident.level_now >= NEAR_LIMIT * alert->incident.limit;
        alert_add_todo(
            alert, "%s. What it took it still has, and it may grow again: find the cause before it does.",
            little_left ? "Little is left up to its limit: restart what took it in the next quiet hour"
                        : "Nothing at once");
        advise_cause(alert);
    }
}

/* It is STOPPED, and not by a restart of ours. */
static void advise_stopped(struct alert *alert, const char *then)
{
    alert_add_todo(
        alert,
        "Start %s (services.msc), unless it is meant to stay stopped: storewatch starts only what it "
        "has stopped itself.%s",
        alert->service, then);
}

static void advise_abandoned(struct alert *alert, const struct config *config)
{
    if (alert->service_state == SERVICE_STATE_STOPPED) {
        advise_stopped(alert, "");
        return;
    }
    if (alert->service_state == SERVICE_STATE_ABSENT) {
        alert_add_todo(alert,
                       "If %s is meant to be gone, take it out of the configuration and reload; else "
                       "install it again.",
                       alert->service);
        return;
    }
    if (alert->has_incident)
        advise_growth(alert, config, false);
}

/* A process of an incident has ended, by itself or by somebody's hand. */
static void advise_ended(struct alert *alert)
{
    if (alert->service_state == SERVICE_STATE_STOPPED && alert->cluster_node &&
        alert->incident.target_kind == TARGET_STORE)
        alert_add_todo(
            alert,
            "See whether its group is online on another node (Cluster Administrator, from Windows "
            "Server 2008 on Failover Cluster Manager): then nothing is wrong. Else bring it online "
            "there, and do not start %s by itself.",
            alert->service);
    else if (alert->service_state == SERVICE_STATE_STOPPED)
        advise_stopped(alert, " Then look in the Application log why it ended.");
    else
        alert_add_todo(alert, "If nobody restarted it, look in the Application log why it ended.");
}

static void advise_gave_up(struct alert *alert)
{
    const char *service = alert->service[0] ? alert->service : "the service";
    static const char then[] = "and then what needs it: storewatch starts none of them any more.";
    if (alert->service_state == SERVICE_STATE_ABSENT)
        alert_add_todo(alert, "If this was not intended, install %s again and start it, %s", service, then);
    else
        alert_add_todo(alert,
                       "If this was not intended, start %s by hand (services.msc; enable it first if it is "
                       "disabled), %s",
                       service, then);
}

void advice_add(struct alert *alert, const struct config *config, bool will_act)
{
    switch (alert->kind) {
    case ALERT_OPENED:
    case ALERT_REMINDER:
    case ALERT_ESCALATED:
        advise_growth(alert, config, will_act);
        break;
    case ALERT_RECOVERED:
        advise_recovered(alert);
        break;
    case ALERT_RESTART_ABANDONED:
        advise_abandoned(alert, config);
        break;
    case ALERT_RESTART_HELD:
        if (alert->has_incident)
            advise_growth(alert, config, false);
        break;
    case ALERT_ENDED:
        advise_ended(alert);
        break;
    case ALERT_SERVICE_DOWN:
        if (alert->service_state == SERVICE_STATE_STOP_PENDING) {
            advise_hung_stop(alert);
            break;
        }
        alert_add_todo(
            alert, "Look at the service's own events in the Application and System logs and start it by hand "
                   "(services.msc). storewatch goes on trying until it runs or you set it to Disabled.");
        break;
    case ALERT_GAVE_UP:
        advise_gave_up(alert);
        break;
    case ALERT_BLIND:
        alert_add_todo(alert, "Check that the storewatch service runs as LocalSystem; restart it. While this "
                              "lasts no leak is seen.");
        break;
    case ALERT_SEARCH_HANGS:
        alert_add_todo(alert, "Restart the storewatch service when it suits: what is watched already goes on "
                              "being watched meanwhile, but new clients are not found.");
        break;
    case ALERT_NO_CONTROL:
        alert_add_todo(alert, "End the other storewatch (Task Manager: storewatch.exe), then restart the "
                              "service.");
        break;
    case ALERT_METRICS_FAILING:
        alert_add_todo(alert, "See that the folder of metrics_textfile is there and that the service may "
                              "write into it. What the file shows until then is old.");
        break;
    case ALERT_CONFIG_REFUSED:
        alert_add_todo(alert,
                       "Mend the file and check it with \"storewatch check-config\"; then reload again.");
        break;
    case ALERT_CONFIG_UNSAFE:
        alert_add_todo(alert,
                       "Take that right away from them, then reload: who may write there decides which "
                       "services are restarted. \"storewatch doctor\" shows the commands.");
        break;
    case ALERT_STORE_SET_ASIDE:
        alert_add_todo(alert, "See that all services run: if the old file was in the middle of a restart and "
                              "that was not carried over, storewatch does not know what it had stopped.");
        alert_add_todo(alert, "Check the disk that holds the data directory.");
        break;
    case ALERT_STORE_FAILING:
        alert_add_todo(alert, "Free space on the disk of the data directory. Until then storewatch only "
                              "tells and restarts nothing.");
        break;
    default:
        break;
    }
}

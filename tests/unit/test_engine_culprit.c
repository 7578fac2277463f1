/* test_engine_culprit.c - what the engine makes of who is named: the alert, the ladder that begins with a client, and whose turn it is. */
#include "culprit_fixture.h"

#include "storewatch/advice.h"
#include "storewatch/engine.h"
#include "storewatch/report.h"

#include "../../src/core/engine_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct engine *engine; /* each test's own */
static struct actions *actions;
static struct alert *alert; /* the one that run_until waited for */

static int setup(void **state)
{
    culprit_config(&config);
    actions = calloc(1, sizeof *actions);
    alert = calloc(1, sizeof *alert);
    return culprit_setup(state);
}

static int teardown(void **state)
{
    engine_free(engine);
    engine = NULL;
    free(actions);
    free(alert);
    return culprit_teardown(state);
}

static void add_service(struct fixture *f, const char *name, uint32_t pid)
{
    struct service *service = &f->observation->services[f->observation->service_count++];
    *service = (struct service){.state = SERVICE_STATE_RUNNING, .pid = pid, .accepts_stop = true};
    text_copy(service->name, sizeof service->name, name);
}

static void step(struct fixture *f)
{
    const struct clock clock = {f->observation->mono_ms, f->observation->utc_ms, 0, 600};
    engine_step(engine, f->observation, clock, true, actions);
}

/* Runs until an alert of this kind; false when none came. */
static bool run_until(struct fixture *f, const struct actor *actors, size_t count, enum alert_kind kind)
{
    for (int poll = 0; poll < FROM + 30 * POLLS_A_HOUR; poll++) {
        play_poll(f, actors, count, poll);
        add_service(f, "ArchiveSvc", 104);
        add_service(f, "MSExchangeIS", 100);
        step(f);
        for (size_t i = 0; i < actions->alert_count; i++)
            if (actions->alerts[i].kind == kind) {
                *alert = actions->alerts[i];
                return true;
            }
    }
    return false;
}

static void test_the_store_s_alert_names_the_client_and_the_ladder_begins_with_it(void **state)
{
    struct fixture *f = *state;
    engine = engine_new(&config, "EX1");
    engine->journal_writable = true;
    play_poll(f, with_archive, ARRAY_COUNT(with_archive), 0);
    struct found_client found = {.process = f->observation->processes[1].id, .dlls = {.count = 1}};
    text_copy(found.image, sizeof found.image, "archive.exe");
    text_copy(found.dlls.items[0].path, DLL_PATH_MAX, "C:\\archive\\Emsmdb32.dll");
    found.dlls.items[0].loaded = (struct file_version){.known = true, .part = {6, 5, 7226, 0}};
    watch_set_found(&engine->watch, &found, 1);
    assert_true(run_until(f, with_archive, ARRAY_COUNT(with_archive), ALERT_OPENED));
    assert_int_equal(alert->incident.target_kind, TARGET_STORE);
    assert_true(alert->has_ranking);
    assert_non_null(first_by_itself(&alert->ranking));
    assert_string_equal(first_by_itself(&alert->ranking)->target, "archive");
    assert_non_null(strstr(alert->done[0], "storewatch restarts ArchiveSvc now (rung \"restart_client\")"));
    assert_int_equal(engine->wanted.rung, RUNG_RESTART_CLIENT);
    assert_string_equal(engine->wanted.target, "ArchiveSvc");
    assert_non_null(strstr(engine->wanted.reason, "archive is "));

    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    /* The first line, which previews and the event show, and status. */
    const char *cause = first_by_itself(&alert->ranking)->confidence == CULPRIT_NEARLY_CERTAIN
                            ? " left. The cause: nearly certainly archive.exe.\n"
                            : " left. The cause: likely archive.exe.\n";
    assert_non_null(strstr(mail.plain, cause));
    assert_ptr_equal(strstr(mail.plain, cause), strchr(mail.plain, '\n') - strlen(cause) + 1);
    assert_non_null(strstr(mail.plain, "\nWho "));
    assert_non_null(strstr(mail.plain, "Who grew in the same time\n  - archive.exe, pid 104: "));
    assert_non_null(strstr(mail.html, "Who grew in the same time"));
    assert_non_null(strstr(mail.html, "archive.exe, pid 104"));
    mail_deinit(&mail);

    /* By which defect, and what ends it: whether storewatch acts or not. */
    static const char fix[] =
        "archive.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is 6.5.7233.36: install it.";
    assert_string_equal(alert->todo[1], fix);

    /* When storewatch does not act, the reader is told to begin with the client. */
    alert->todo_count = 0;
    advice_add(alert, &config, false);
    assert_int_equal(alert->todo_count, 3);
    assert_string_equal(alert->todo[2], fix);
    assert_non_null(
        strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104)"));

    /* What the history keeps when the incident ends. */
    f->observation->mono_ms += POLL_MS;
    f->observation->utc_ms += POLL_MS;
    assert_string_equal(f->observation->processes[0].image, "store.exe");
    f->observation->processes[0] = f->observation->processes[--f->observation->process_count];
    step(f);
    assert_int_equal(actions->alerts[0].kind, ALERT_ENDED);
    assert_int_equal(actions->incidents[0].state, INCIDENT_CLOSED);
    assert_non_null(
        strstr(actions->incidents[0].reason, ". It was archive.exe (pid 104, the client \"archive\"), "));
}

/* A client that has ended before the alert is named in it. Nobody is sent to restart what is gone, and the ladder waits
 * for what its end has done to the growth. */
static void test_the_store_waits_when_who_is_named_has_ended(void **state)
{
    struct fixture *f = *state;
    struct actor actors[] = {with_archive[0], with_archive[1], with_archive[2]};
    void *first_life = NULL;
    assert_int_equal(culprit_setup(&first_life), 0);
    engine = engine_new(&config, "EX1");
    assert_true(run_until(first_life, actors, ARRAY_COUNT(actors), ALERT_OPENED));
    actors[1].ends = (int)(((struct fixture *)first_life)->observation->mono_ms / POLL_MS) - 30;
    engine_free(engine);
    culprit_teardown(&first_life);

    engine = engine_new(&config, "EX1");
    engine->journal_writable = true;
    assert_true(run_until(f, actors, ARRAY_COUNT(actors), ALERT_OPENED));
    const struct culprit *named = first_by_itself(&alert->ranking);
    assert_non_null(named);
    assert_true(culprit_is_gone(named));
    assert_string_equal(named->target, "archive");
    assert_int_equal(engine->wanted.rung, RUNG_ALERT);
    assert_non_null(strstr(alert->incident.held_because, "who was named for it was restarted or has ended"));
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    assert_non_null(strstr(mail.plain, "archive.exe, which has ended.\n"));
    assert_non_null(strstr(mail.plain, "  - archive.exe, pid 104, ended: "));
    assert_null(strstr(mail.plain, "First restart"));
    mail_deinit(&mail);
}

static struct open_incident *name_client(struct fixture *f)
{
    config.mode = MODE_ALERT;
    engine = engine_new(&config, "EX1");
    assert_true(run_until(f, with_archive, ARRAY_COUNT(with_archive), ALERT_OPENED));
    struct open_incident *open = &engine->incidents[0];
    assert_non_null(first_by_itself(&open->ranking));
    return open;
}

/* And with the reload the past of the processes begins anew. */
static const struct open_incident *name_and_reload(struct fixture *f)
{
    const struct open_incident *open = name_client(f);
    config.min_window_ms /= 2;
    engine_configure(engine, &config);
    return open;
}

/* While it pauses nobody makes it grow: who moves with the noise of the pause is not named for what grew before. */
static void test_a_pause_names_nobody_else(void **state)
{
    struct fixture *f = *state;
    struct open_incident *open = name_client(f);
    struct step step = {
        engine, f->observation, {f->observation->mono_ms, f->observation->utc_ms, 0, 600}, actions};
    const int64_t asked_mono_ms = open->ranking.to_mono_ms--;
    open->ranked_slot--; /* a slot has passed since */
    open->hardly_grows = true;
    step_rank(&step, open, open->ranking.from_mono_ms);
    assert_int_equal(open->ranking.to_mono_ms, asked_mono_ms - 1);
    open->hardly_grows = false;
    step_rank(&step, open, open->ranking.from_mono_ms);
    assert_int_equal(open->ranking.to_mono_ms, asked_mono_ms);
}

/* A reload with another min_window makes the past of the processes begin anew: who was named stays named, or
 * the store would be restarted instead. */
static void test_a_reload_forgets_nobody(void **state)
{
    struct fixture *f = *state;
    const struct open_incident *open = name_and_reload(f);
    const int from = (int)(f->observation->mono_ms / POLL_MS);
    for (int poll = from + 1; poll < from + 60; poll++) {
        play_poll(f, with_archive, ARRAY_COUNT(with_archive), poll);
        add_service(f, "ArchiveSvc", 104);
        add_service(f, "MSExchangeIS", 100);
        step(f);
        assert_int_equal(open->incident.state, INCIDENT_OPEN);
        assert_non_null(first_by_itself(&open->ranking));
        assert_string_equal(first_by_itself(&open->ranking)->service, "ArchiveSvc");
    }
}

/* But who has ended is not accused any more, nor restarted for it: a person has done that already. */
static void test_who_has_ended_is_named_no_more(void **state)
{
    struct fixture *f = *state;
    const struct open_incident *open = name_and_reload(f);
    const int from = (int)(f->observation->mono_ms / POLL_MS);
    for (int poll = from + 1; poll < from + 30; poll++) {
        play_poll(f, with_archive, ARRAY_COUNT(with_archive), poll);
        f->observation->processes[1].id.pid = 204;
        f->observation->processes[1].id.created_100ns += (uint64_t)from * POLL_MS * 10000;
        add_service(f, "ArchiveSvc", 204);
        add_service(f, "MSExchangeIS", 100);
        step(f);
        assert_int_equal(open->incident.state, INCIDENT_OPEN);
        assert_null(first_by_itself(&open->ranking));
        assert_non_null(strstr(open->ranking.words, " Named for it before: archive.exe (pid 104, "));
    }
}

/* The siblings of KB 898782: objects that the store keeps for a client that forgets them, and hardly a byte.
 */
static void test_the_mail_names_who_makes_the_store_s_handles_grow(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000, .handles_leaked = 240, .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 50, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    config.mode = MODE_ALERT;
    engine = engine_new(&config, "EX1");
    assert_true(run_until(f, actors, ARRAY_COUNT(actors), ALERT_OPENED));
    assert_int_equal(alert->incident.target_kind, TARGET_STORE);
    assert_int_equal(alert->incident.metric, METRIC_HANDLES);
    const struct culprit *first = first_by_itself(&alert->ranking);
    assert_non_null(first);
    assert_string_equal(first->image, "archive.exe");
    assert_true(isnan(first->bytes_a_handle)); /* what grows is handles */
    assert_non_null(strstr(alert->ranking.words, "archive.exe (pid 104, the client \"archive\"): it grew "));
    assert_non_null(strstr(alert->ranking.words, " handles in the same "));
    assert_null(strstr(alert->ranking.words, "for each handle"));
    assert_non_null(
        strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104)"));
    assert_non_null(strstr(alert->done[0], "the suspected client archive comes first, and waits: mode: "));
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    const char *who = strstr(mail.plain, "\nWho ");
    assert_non_null(who);
    assert_non_null(strstr(who, "archive.exe (pid 104, the"));
    who = strstr(mail.plain, "Who grew in the same time\n  - archive.exe, pid 104: ");
    assert_non_null(who);
    assert_non_null(strstr(who, "\n    by "));
    assert_non_null(strstr(who, " handles; in step "));
    mail_deinit(&mail);
    char storage[REPORT_EVENT_MAX];
    struct text event = text_on(storage, sizeof storage);
    report_event(alert, &event);
    assert_non_null(strstr(storage, "\nWho: "));
    assert_non_null(strstr(storage, "archive.exe (pid 104, the client \"archive\"): it grew "));
}

static struct open_incident *incident_of_the_store(void)
{
    for (size_t i = 0; i < INCIDENTS_MAX; i++)
        if (engine->incidents[i].incident.id && engine->incidents[i].incident.target_kind == TARGET_STORE)
            return &engine->incidents[i];
    return NULL;
}

/* Two clients of which neither is accused alone: one after the other, the larger part first, is cheaper than
 * the store; who was restarted for it has its turn behind it. */
static void test_of_two_culprits_each_has_its_turn(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe",
         .bytes = 800 * MIB,
         .handles = 4000,
         .bytes_leaked = 60 * MIB,
         .handles_leaked = 20,
         .with_burst = 0.9},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600, .handles_leaked = 20, .with_burst = 0.9},
        {.image = "mad.exe", .bytes = 60 * MIB, .handles = 500}};
    config.client_count = 2;
    text_copy(config.clients[1].name, sizeof config.clients[1].name, "fax");
    text_copy(config.clients[1].service, sizeof config.clients[1].service, "FaxSvc");
    engine = engine_new(&config, "EX1");
    assert_true(run_until(f, actors, ARRAY_COUNT(actors), ALERT_OPENED));
    struct open_incident *open = incident_of_the_store();
    assert_non_null(open);
    /* what culprit_rank says of two (the tests above) */
    struct culprit first = open->ranking.items[0], second = first;
    second.process.pid++;
    text_copy(second.image, sizeof second.image, "fax.exe");
    text_copy(second.target, sizeof second.target, "fax");
    text_copy(second.service, sizeof second.service, "FaxSvc");
    first.confidence = second.confidence = CULPRIT_POSSIBLE;
    struct culprit_ranking *ranking = &open->ranking;
    ranking->items[0] = first;
    ranking->items[1] = second;
    ranking->count = ranking->together = 2;
    ranking->either = true;
    ranking->together_confidence = CULPRIT_LIKELY;
    struct step step = {
        engine, f->observation, {f->observation->mono_ms, f->observation->utc_ms, 0, 600}, actions};
    struct policy_suspect suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "ArchiveSvc");
    assert_string_equal(suspect.surely, "likely");
    assert_false(suspect.another);
    alert->ranking = *ranking;
    alert->todo_count = 0;
    advice_add(alert, &config, false);
    assert_non_null(strstr(alert->todo[0], "First restart the service \"ArchiveSvc\": archive.exe (pid 104) "
                                           "likely is the cause, or the other one named, or both"));
    assert_non_null(strstr(
        alert->todo[1], "When it goes on growing then, restart the service \"FaxSvc\": fax.exe (pid 105)"));
    assert_non_null(
        strstr(alert->todo[2], "When it goes on growing then, restart MSExchangeIS in a quiet hour"));

    /* Two processes of one client: its restart restarts both. */
    text_copy(alert->ranking.items[1].service, sizeof second.service, "archivesvc");
    alert->todo_count = 0;
    alert->incident.escalated = true;
    text_copy(alert->veto_process, sizeof alert->veto_process, "eseutil.exe");
    advice_add(alert, &config, false);
    assert_non_null(
        strstr(alert->todo[0],
               "First, when eseutil.exe has ended, restart the service \"ArchiveSvc\": archive.exe"));
    assert_non_null(
        strstr(alert->todo[1], "When it goes on growing then, restart MSExchangeIS at once, at the latest"));

    open->incident.rungs_tried |= 1u << RUNG_RESTART_CLIENT;
    ranking->items[0].process.created_100ns =
        process_created_100ns(open->incident.opened_utc_ms + 1000); /* restarted */
    suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "FaxSvc");
    assert_true(suspect.another);
    ranking->items[1].process.created_100ns = ranking->items[0].process.created_100ns;
    suspect = step_suspect(&step, open);
    assert_string_equal(suspect.service, "");
    assert_false(suspect.another);
}

static void test_the_machine_s_alert_names_the_unregistered(void **state)
{
    struct fixture *f = *state;
    const struct actor actors[] = {
        {.image = "store.exe", .bytes = 800 * MIB, .handles = 4000},
        {.image = "archive.exe", .bytes = 90 * MIB, .handles = 600},
        {.image = "<foo>.exe", .bytes = 60 * MIB, .handles = 500, .bytes_leaked = 90 * MIB}};
    engine = engine_new(&config, "EX1");
    assert_true(run_until(f, actors, ARRAY_COUNT(actors), ALERT_OPENED));
    assert_int_equal(alert->incident.target_kind, TARGET_HOST);
    assert_non_null(strstr(alert->ranking.words,
                           "Nearly certainly an unregistered process <foo>.exe (pid 108): it grew "));
    assert_non_null(strstr(alert->todo[0], "Look at <foo>.exe (pid 108)"));
    assert_non_null(strstr(alert->todo[1], "Do that ")); /* by when: the machine has an end, too */
    assert_int_equal(actions->request.kind, ENGINE_NOTHING);
    struct mail mail;
    assert_int_equal(report_mail(alert, "[storewatch]", &mail), STATUS_OK);
    assert_non_null(strstr(mail.html, "&lt;foo&gt;.exe, pid 108, not registered"));
    assert_null(strstr(mail.html, "<foo>"));
    mail_deinit(&mail);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_store_waits_when_who_is_named_has_ended),
        TEST(test_a_pause_names_nobody_else),
        TEST(test_a_reload_forgets_nobody),
        TEST(test_who_has_ended_is_named_no_more),
        TEST(test_the_store_s_alert_names_the_client_and_the_ladder_begins_with_it),
        TEST(test_the_mail_names_who_makes_the_store_s_handles_grow),
        TEST(test_of_two_culprits_each_has_its_turn),
        TEST(test_the_machine_s_alert_names_the_unregistered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

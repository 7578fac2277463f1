/* test_advice.c - what the reader of an alert is told to do. */
#include "storewatch/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct config config;
static struct alert alert;

/* Anew for each test. */
static void about(enum alert_kind kind, enum target_kind target_kind, enum metric metric)
{
    config_default(&config);
    alert = (struct alert){
        .kind = kind, .has_incident = true, .incident = {.target_kind = target_kind, .metric = metric}};
}

static void test_a_pool_s_alert_says_what_to_look_at(void **state)
{
    (void)state;
    about(ALERT_OPENED, TARGET_HOST, METRIC_NONPAGED_POOL);
    advice_add(&alert, &config, false);
    assert_int_equal(alert.todo_count, 1);
    assert_non_null(strstr(alert.todo[0], "Find the program whose handles grow"));
    assert_non_null(strstr(alert.todo[0], "poolmon"));
}

/* Of Windows Server 2003, which most readers have: its Task Manager knows no "Commit size". */
static void test_the_advice_names_a_column_that_is_there(void **state)
{
    (void)state;
    about(ALERT_OPENED, TARGET_HOST, METRIC_COMMIT);
    advice_add(&alert, &config, false);
    assert_int_equal(alert.todo_count, 1);
    assert_non_null(strstr(alert.todo[0], "column \"VM Size\", from Windows Server 2008 on \"Commit size\""));
}

/* Growth that ended where next to nothing is left is no reason to wait. */
static void test_the_advice_knows_what_is_left(void **state)
{
    (void)state;
    about(ALERT_RECOVERED, TARGET_HOST, METRIC_COMMIT);
    alert.incident.level_at_onset = 4.21e9;
    alert.incident.level_at_open = 4.51e9;
    alert.incident.level_now = 4.72e9;
    alert.incident.limit = 4.79e9;
    advice_add(&alert, &config, false);
    assert_int_equal(alert.todo_count, 1);
    assert_non_null(strstr(alert.todo[0], "Little is left up to its limit"));
    assert_null(strstr(alert.todo[0], "Nothing at once"));
}

/* A service's name may have 256 characters: the line is cut then, and says so. */
static void test_an_advice_that_is_too_long_says_so(void **state)
{
    (void)state;
    about(ALERT_OPENED, TARGET_CLIENT, METRIC_PRIVATE_BYTES);
    alert.incident.exhaustion_early_utc_ms = INT64_MAX;
    memset(alert.incident.service, 'S', sizeof alert.incident.service - 1);
    advice_add(&alert, &config, false);
    assert_int_equal(strlen(alert.todo[0]), ALERT_LINE_MAX - 1);
    assert_string_equal(alert.todo[0] + ALERT_LINE_MAX - 5, "S...");
}

/* What is being restarted is not to be restarted: while its stop hangs its process is what can be ended. */
static void test_the_advice_knows_a_stop_that_hangs(void **state)
{
    (void)state;
    about(ALERT_REMINDER, TARGET_CLIENT, METRIC_PRIVATE_BYTES);
    text_copy(alert.service, sizeof alert.service, "ArchiveSvc");
    alert.service_state = SERVICE_STATE_STOP_PENDING;
    advice_add(&alert, &config, true);
    assert_non_null(strstr(alert.todo[0], "ArchiveSvc can be started only when its process has ended"));
}

/* "before 2280-01-18 14:03:31 UTC" is no deadline. */
static void test_the_advice_has_a_deadline_only_when_it_is_one(void **state)
{
    (void)state;
    about(ALERT_OPENED, TARGET_CLIENT, METRIC_HANDLES);
    alert.utc_ms = INT64_C(1767225600000);
    text_copy(alert.incident.service, sizeof alert.incident.service, "ArchiveSvc");
    alert.incident.exhaustion_early_utc_ms = alert.utc_ms + 365 * MS_PER_DAY;
    advice_add(&alert, &config, false);
    assert_string_equal(alert.todo[0], "Restart the service \"ArchiveSvc\" before 2027-01-01; the "
                                       "Information Store can stay up.");
    alert.todo_count = 0;
    alert.incident.exhaustion_early_utc_ms += 253 * 365 * MS_PER_DAY;
    advice_add(&alert, &config, false);
    assert_string_equal(alert.todo[0], "Restart the service \"ArchiveSvc\" (more than a year is left); the "
                                       "Information Store can stay up.");
    alert.todo_count = 0;
    alert.incident.exhaustion_utc_ms = INT64_MAX; /* it hardly grows */
    advice_add(&alert, &config, false);
    assert_string_equal(alert.todo[0],
                        "Restart the service \"ArchiveSvc\"; the Information Store can stay up.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pool_s_alert_says_what_to_look_at),
        cmocka_unit_test(test_the_advice_knows_what_is_left),
        cmocka_unit_test(test_an_advice_that_is_too_long_says_so),
        cmocka_unit_test(test_the_advice_names_a_column_that_is_there),
        cmocka_unit_test(test_the_advice_has_a_deadline_only_when_it_is_one),
        cmocka_unit_test(test_the_advice_knows_a_stop_that_hangs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_messages.c - the event log's message table and ALERT_LIST name the same events. Reads
 * src/win32/messages.mc from the top of the repository, where the tests run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/incident.h"

#define MESSAGES_MAX 128

struct message {
    unsigned long id;
    char name[64];
    char severity[16], facility[16];
    char text[64];
};

static size_t messages_read(struct message messages[MESSAGES_MAX])
{
    size_t count = 0;
    char line[256];
    bool in_text = false;
    FILE *file = fopen("src/win32/messages.mc", "r");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        struct message *message = count > 0 ? &messages[count - 1] : NULL;
        if (strncmp(line, "MessageId=", 10) == 0) {
            assert_true(count < MESSAGES_MAX);
            messages[count++] = (struct message){.id = strtoul(line + 10, NULL, 10)};
        } else if (strncmp(line, "SymbolicName=EVENT_", 19) == 0) {
            text_copy(message->name, sizeof(message->name), line + 19);
        } else if (strncmp(line, "Severity=", 9) == 0) {
            text_copy(message->severity, sizeof(message->severity), line + 9);
        } else if (strncmp(line, "Facility=", 9) == 0) {
            text_copy(message->facility, sizeof(message->facility), line + 9);
        } else if (strcmp(line, "Language=English") == 0) {
            in_text = true;
        } else if (in_text && strcmp(line, ".") == 0) {
            in_text = false;
        } else if (in_text) {
            assert_string_equal(message->text, ""); /* one line each */
            text_copy(message->text, sizeof(message->text), line);
        }
    }
    fclose(file);
    assert_false(in_text);
    return count;
}

static void each_alert_has_its_message_and_the_other_way_round(void **state)
{
    (void)state;
    static struct message messages[MESSAGES_MAX];
    const size_t count = messages_read(messages);
    assert_int_equal(count, ALERT_KIND_COUNT);
    for (size_t i = 0; i < count; i++) {
        const struct alert_wording *wording = alert_wording_get((enum alert_kind)i);
        assert_string_equal(messages[i].name, wording->name);
        assert_int_equal(messages[i].id, wording->event_id);
        assert_string_equal(messages[i].text, "%1"); /* all of it is said by the one insertion string */
        assert_string_equal(messages[i].severity, "None");
        assert_string_equal(messages[i].facility, "Storewatch");
    }
}

static void no_two_events_have_the_same_number(void **state)
{
    (void)state;
    for (int i = 0; i < ALERT_KIND_COUNT; i++) {
        const uint32_t id = alert_wording_get((enum alert_kind)i)->event_id;
        assert_in_range(id, 1, 65535); /* the viewer shows 16 bits */
        for (int k = 0; k < i; k++)
            assert_int_not_equal(alert_wording_get((enum alert_kind)k)->event_id, id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_has_its_message_and_the_other_way_round),
        cmocka_unit_test(no_two_events_have_the_same_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

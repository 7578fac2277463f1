/* test_mail_dialogue.c - what an SMTP dialogue meant. The real relays are in tests/wine/test_relays.sh; here
 * are the answers that no sane relay gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "../../src/app/mail_dialogue.h"

static const char addresses[2][MAIL_ADDRESS_MAX] = {"ops@example.com", "b@example.com"};

/* Plays a dialogue, lines as in tests/fuzz/smtp.c, and returns what came of it. */
static struct mailer_result play(struct mail_dialogue *dialogue, const char *lines, enum mail_end end,
                                 enum status wanted)
{
    struct mailer_result result = {.outcome = MAILER_LATER};
    mail_dialogue_begin(dialogue, addresses, ARRAY_COUNT(addresses));
    for (const char *at = lines; *at != '\0';) {
        const size_t length = strcspn(at, "\n") + 1;
        if (*at == '>')
            mail_dialogue_sent(dialogue, at + 1, length - 1);
        else
            mail_dialogue_received(dialogue, at, length);
        at += length;
    }
    assert_int_equal(mail_dialogue_outcome(dialogue, end, "library's words", &result), wanted);
    return result;
}

#define BEFORE_RECIPIENTS "220 mx\r\n>EHLO x\r\n250 mx\r\n>MAIL FROM:<a@b>\r\n250 ok\r\n"

static void a_mail_taken_for_one_of_two_is_sent_and_names_the_other(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result = play(&dialogue,
                                             BEFORE_RECIPIENTS ">RCPT TO:<ops@example.com>\r\n250 ok\r\n"
                                                               ">RCPT TO:<b@example.com>\r\n550 who?\r\n"
                                                               ">DATA\r\n354 go\r\n250 queued\r\n>QUIT\r\n",
                                             MAIL_END_ORDERLY, STATUS_OK);
    assert_int_equal(result.outcome, MAILER_SENT);
    assert_int_equal(result.refused_count, 1);
    assert_string_equal(result.answer, "250 queued; refused: b@example.com (550 who?)");
}

/* Found by the fuzzer's rule: two answers to one RCPT were two refused recipients. */
static void a_relay_that_answers_twice_refuses_one_recipient(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result =
        play(&dialogue,
             BEFORE_RECIPIENTS ">RCPT TO:<ops@example.com>\r\n550 no\r\n550 no\r\n550 no\r\n"
                               ">RCPT TO:<b@example.com>\r\n451 later\r\n550 no\r\n",
             MAIL_END_ORDERLY, STATUS_BUSY);
    assert_int_equal(dialogue.refused_count, 2);
    assert_int_equal(result.outcome, MAILER_LATER);
    assert_string_equal(result.answer, "ops@example.com (550 no), b@example.com (451 later)");
}

static void more_recipients_than_we_have_are_none_of_ours(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result = play(&dialogue,
                                             BEFORE_RECIPIENTS ">RCPT a\r\n250 ok\r\n>RCPT b\r\n250 ok\r\n"
                                                               ">RCPT c\r\n550 no\r\n",
                                             MAIL_END_ORDERLY, STATUS_REFUSED);
    assert_int_equal(dialogue.refused_count, 0);
    assert_string_equal(result.answer, "550 no");
}

static void what_a_relay_says_becomes_one_line_of_ascii(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result =
        play(&dialogue, "554-\x01\xC3\xA4\tno\r\n554 never\r\n", MAIL_END_ORDERLY, STATUS_DENIED);
    assert_string_equal(result.answer, "554  ?? no never");
    assert_int_equal(result.smtp_code, 554);
}

static void without_an_answer_the_library_and_the_stage_tell(void **state)
{
    (void)state;
    static const struct {
        enum mail_end end;
        enum status status;
        const char *answer;
    } cases[] = {
        {MAIL_END_TIMEOUT, STATUS_TIMEOUT, "EHLO: library's words"},
        {MAIL_END_LOST, STATUS_IO, "EHLO: library's words"},
        {MAIL_END_CLOSED, STATUS_IO, "EHLO: the relay closed the connection without an answer"},
        {MAIL_END_TLS, STATUS_DENIED, "EHLO: library's words"},
        {MAIL_END_NO_TLS, STATUS_DENIED,
         "EHLO: no STARTTLS there, which the configuration requires; nothing was sent"},
        {MAIL_END_LOGON, STATUS_DENIED, "EHLO: library's words"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct mail_dialogue dialogue;
        const struct mailer_result result =
            play(&dialogue, "220 mx\r\n>EHLO x\r\n", cases[i].end, cases[i].status);
        assert_string_equal(result.answer, cases[i].answer);
        assert_int_equal(result.outcome, MAILER_LATER);
        assert_int_equal(result.smtp_code, 0);
    }
}

/* "Log on first" (RFC 4954) is about this relay's settings, whatever it was asked: not the mail is given up. */
static void what_wants_a_log_on_is_no_refusal_of_the_mail(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result =
        play(&dialogue, "220 mx\r\n>EHLO x\r\n250 mx\r\n>MAIL FROM:<a@b>\r\n530 5.7.1 log on first\r\n",
             MAIL_END_ORDERLY, STATUS_DENIED);
    assert_int_equal(result.outcome, MAILER_LATER);
    assert_int_equal(result.smtp_code, 530);
}

/* Behind STARTTLS the relay is greeted again: what ends there ends in what STARTTLS began. */
static void the_second_greeting_belongs_to_starttls(void **state)
{
    (void)state;
    struct mail_dialogue dialogue;
    const struct mailer_result result =
        play(&dialogue, "220 mx\r\n>EHLO x\r\n250 mx\r\n>STARTTLS\r\n220 go\r\n>EHLO x\r\n", MAIL_END_CLOSED,
             STATUS_IO);
    assert_string_equal(result.answer, "STARTTLS: the relay closed the connection without an answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_taken_for_one_of_two_is_sent_and_names_the_other),
        cmocka_unit_test(a_relay_that_answers_twice_refuses_one_recipient),
        cmocka_unit_test(more_recipients_than_we_have_are_none_of_ours),
        cmocka_unit_test(what_a_relay_says_becomes_one_line_of_ascii),
        cmocka_unit_test(without_an_answer_the_library_and_the_stage_tell),
        cmocka_unit_test(what_wants_a_log_on_is_no_refusal_of_the_mail),
        cmocka_unit_test(the_second_greeting_belongs_to_starttls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* test_report_message.c - the message on the wire: quoted-printable, encoded words, folding, addresses,
 * injection. A small decoder of our own turns messages back, so that what is encoded is held against what was
 * meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/core/report_telling.h"

#define NOW INT64_C(1795317245000) /* 2026-11-22 03:14:05 UTC, a Sunday */

static const char *const one[] = {"ops@example.com"};

static char *message_of(const char *subject, const char *plain)
{
    struct mail mail = {.key = "i12-3.REMINDER.1763781245123"};
    char *message = NULL;
    text_copy(mail.subject, sizeof(mail.subject), subject);
    mail.plain = (char *)(uintptr_t)plain;
    assert_int_equal(report_message(&mail, "sw@example.com", one, 1, "EX1", NOW, NOW, &message), STATUS_OK);
    assert_non_null(message);
    return message;
}

/* The rules every message keeps: CRLF only, ASCII, no line above 78 characters, one empty line before the
 * body, no line that begins with a dot. */
static void assert_wire(const char *message)
{
    size_t column = 0;
    for (const char *c = message; *c != '\0'; c++) {
        if (*c == '\r' || *c == '\n') {
            assert_true(*c == '\r' ? c[1] == '\n' : c > message && c[-1] == '\r');
            column = 0;
            continue;
        }
        assert_true(*c == '\t' || (*c >= 0x20 && *c < 0x7F));
        assert_true(column > 0 || *c != '.');
        column++;
        assert_in_range(column, 1, 78);
    }
    assert_non_null(strstr(message, "\r\n\r\n"));
}

/* The value of a header field, unfolded; encoded words are decoded. */
static void header(const char *message, const char *name, char *out, size_t capacity)
{
    char start[64];
    struct text text = text_on(out, capacity);
    snprintf(start, sizeof(start), "\r\n%s: ", name);
    const char *at = strstr(message, start);
    if (at == NULL || at > strstr(message, "\r\n\r\n"))
        return;
    bool after_word = false;
    for (at += strlen(start); at[0] != '\r' || at[2] == ' '; at++) {
        if (at[0] == '\r') {
            at++; /* and the space that follows stays */
            continue;
        }
        if (strncmp(at, "=?utf-8?Q?", 10) == 0) {
            if (after_word) { /* white space between two encoded words is not part of the text */
                text.length--;
                text.data[text.length] = '\0';
            }
            size_t width = 12;
            for (at += 10; strncmp(at, "?=", 2) != 0; at++, width++) {
                unsigned byte = (unsigned char)*at;
                if (*at == '=') {
                    assert_int_equal(sscanf(at + 1, "%2X", &byte), 1);
                    at += 2;
                    width += 2;
                }
                text_add(&text, "%c", *at == '_' ? ' ' : (char)byte);
            }
            assert_in_range(width, 13, 75); /* RFC 2047, section 2 */
            at++;
            after_word = true;
        } else {
            text_add(&text, "%c", *at);
            after_word = after_word && *at == ' ';
        }
    }
}

/* The first part's body, quoted-printable undone, with LF. */
static void body(const char *message, char *out, size_t capacity)
{
    struct text text = text_on(out, capacity);
    const char *at = strstr(message, "quoted-printable\r\n\r\n");
    assert_non_null(at);
    at += strlen("quoted-printable\r\n\r\n");
    const char *end = strstr(at, "\r\n--=_storewatch");
    assert_non_null(end);
    for (; at < end; at++) {
        unsigned byte = (unsigned char)*at;
        if (at[0] == '=' && at[1] == '\r') {
            at += 2;
            continue;
        }
        if (at[0] == '=') {
            assert_int_equal(sscanf(at + 1, "%2X", &byte), 1);
            at += 2;
        }
        if (at[0] != '\r') {
            const char c = (char)byte;
            text_add_bytes(&text, &c, 1);
        }
    }
    assert_false(text.truncated);
}

static void whole_message(void **state)
{
    (void)state;
    struct mail mail = {.key = "i12-3.ESCALATED.1763781245123",
                        .subject = "[storewatch] EX1: URGENT: it grows"};
    static const char *const to[] = {"ops@example.com", "Night Shift <night@example.com>"};
    char plain[] = "Hello\n";
    char html[] = "<b a=1>x</b>\n";
    char *message = NULL;
    mail.plain = plain;
    mail.html = html;
    assert_int_equal(report_message(&mail, "storewatch <sw@example.com>", to, 2, "EX1", NOW, NOW, &message),
                     STATUS_OK);
    assert_string_equal(message, "Date: Sun, 22 Nov 2026 03:14:05 +0000\r\n"
                                 "From: \"storewatch\" <sw@example.com>\r\n"
                                 "To: ops@example.com,\r\n"
                                 " \"Night Shift\" <night@example.com>\r\n"
                                 "Subject: [storewatch] EX1: URGENT: it grows\r\n"
                                 "Message-ID: <i12-3.1763781245123.storewatch@EX1>\r\n"
                                 "In-Reply-To: <i12-1.1763781245123.storewatch@EX1>\r\n"
                                 "References: <i12-1.1763781245123.storewatch@EX1>\r\n"
                                 "Auto-Submitted: auto-generated\r\n"
                                 "Importance: high\r\n"
                                 "X-Priority: 1\r\n"
                                 "X-Storewatch-Kind: ESCALATED\r\n"
                                 "X-Storewatch-Incident: 12\r\n"
                                 "X-Storewatch-Host: EX1\r\n"
                                 "X-Storewatch-Key: i12-3.ESCALATED.1763781245123\r\n"
                                 "MIME-Version: 1.0\r\n"
                                 "Content-Type: multipart/alternative; boundary=\"=_storewatch\"\r\n"
                                 "\r\n"
                                 "--=_storewatch\r\n"
                                 "Content-Type: text/plain; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n"
                                 "\r\n"
                                 "Hello\r\n"
                                 "\r\n"
                                 "--=_storewatch\r\n"
                                 "Content-Type: text/html; charset=utf-8\r\n"
                                 "Content-Transfer-Encoding: quoted-printable\r\n"
                                 "\r\n"
                                 "<b a=3D1>x</b>\r\n"
                                 "\r\n"
                                 "--=_storewatch--\r\n");
    assert_wire(message);
    free(message);

    /* the first mail of an incident begins the thread; another kind has none */
    text_copy(mail.key, sizeof(mail.key), "i12-1.OPENED-urgent.1763781245123");
    assert_int_equal(report_message(&mail, "sw@example.com", to, 1, "EX1", NOW, NOW, &message), STATUS_OK);
    assert_non_null(strstr(message, "\r\nMessage-ID: <i12-1.1763781245123.storewatch@EX1>\r\n"));
    assert_null(strstr(message, "References"));
    assert_non_null(strstr(message, "\r\nImportance: high\r\n")); /* whatever its subject */
    free(message);
    text_copy(mail.key, sizeof(mail.key), "i12-1.OPENED-calm.1763781245123");
    assert_int_equal(report_message(&mail, "sw@example.com", to, 1, "EX1", NOW, NOW, &message), STATUS_OK);
    assert_non_null(strstr(message, "\r\nMessage-ID: <i12-1.1763781245123.storewatch@EX1>\r\n"));
    assert_non_null(strstr(message, "\r\nImportance: low\r\nX-Priority: 5\r\n"));
    free(message);
    text_copy(mail.key, sizeof(mail.key), "i12-1.OPENED.1763781245123");
    assert_int_equal(report_message(&mail, "sw@example.com", to, 1, "EX1", NOW, NOW, &message), STATUS_OK);
    assert_null(strstr(message, "Importance"));
    free(message);
    text_copy(mail.key, sizeof(mail.key), "TEST-5");
    mail.html = NULL;
    assert_int_equal(report_message(&mail, "sw@example.com", to, 1, "my host", NOW, NOW, &message),
                     STATUS_OK);
    assert_non_null(strstr(message, "\r\nMessage-ID: <TEST-5.storewatch@my=20host>\r\n"));
    assert_non_null(strstr(message, "\r\nX-Storewatch-Kind: TEST\r\n"));
    assert_null(strstr(message, "X-Storewatch-Incident"));
    assert_null(strstr(message, "text/html"));
    free(message);
}

/* Before all else the reader hears how old it is, and which others he did not get. */
static void late_mails_say_so(void **state)
{
    (void)state;
    char plain[] = "It grows.\n", page[] = "<b>x</b>";
    char a_line[] = "2026-11-21 12:00:00 UTC  a <b> & c\n", two[] = "first\nsecond\n";
    const struct {
        int64_t late_ms;
        char *earlier;
        size_t count;
        const char *body;
    } cases[] = {
        {MAIL_LATE_MS - 1, NULL, 0, "It grows.\n"},
        {-MS_PER_DAY, NULL, 0, "It grows.\n"},
        {2 * MS_PER_HOUR, NULL, 0,
         "This mail could not be sent for 2 h.\nIt tells how it was at 2026-11-22 03:14:05 UTC.\n\nIt "
         "grows.\n"},
        {0, a_line, 1,
         "It stands for an earlier one that could not be sent:\n2026-11-21 12:00:00 UTC  a <b> & c\n\nIt "
         "grows.\n"},
        {2 * MS_PER_HOUR, two, 2,
         "This mail could not be sent for 2 h.\nIt tells how it was at 2026-11-22 03:14:05 UTC.\n"
         "It stands for 2 earlier ones that could not be sent either:\nfirst\nsecond\n\nIt grows.\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct mail mail = {.key = "i12-3.REMINDER.5", .subject = "x", .plain = plain, .html = page};
        mail.earlier = cases[i].earlier;
        mail.earlier_count = cases[i].count;
        char *message = NULL, back[1000];
        assert_int_equal(
            report_message(&mail, "sw@example.com", one, 1, "EX1", NOW, NOW + cases[i].late_ms, &message),
            STATUS_OK);
        assert_wire(message);
        body(message, back, sizeof(back));
        assert_string_equal(back, cases[i].body);
        header(message, "X-Storewatch-Replaces", back, sizeof(back));
        assert_int_equal(atoi(back), cases[i].count);
        free(message);
    }
    struct alert alert = {.kind = ALERT_TEST, .utc_ms = NOW, .key = "TEST-5", .host_name = "EX1"};
    struct mail mail;
    struct buffer html = {0};
    assert_int_equal(report_mail(&alert, "", &mail), STATUS_OK);
    report_html_with_notice(&html, mail.html, a_line);
    assert_non_null(strstr(html.data, "UTC  a &lt;b&gt; &amp; c<br>"));
    assert_true(strstr(html.data, "<body") < strstr(html.data, "UTC  a"));
    assert_true(strstr(html.data, "UTC  a") < strstr(html.data, "<table"));
    buffer_deinit(&html);
    mail_deinit(&mail);
}

static void dates(void **state)
{
    (void)state;
    static const struct {
        int64_t utc_ms;
        const char *date;
    } cases[] = {
        {0, "Thu, 1 Jan 1970 00:00:00 +0000"},          {951782400000, "Tue, 29 Feb 2000 00:00:00 +0000"},
        {NOW + 999, "Sun, 22 Nov 2026 03:14:05 +0000"}, {-5, "Thu, 1 Jan 1970 00:00:00 +0000"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000"},
    };
    struct mail mail = {.key = "TEST-1", .subject = "x"};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *message = NULL;
        char expected[64];
        assert_int_equal(
            report_message(&mail, "a@b.c", one, 1, "EX1", cases[i].utc_ms, cases[i].utc_ms, &message),
            STATUS_OK);
        snprintf(expected, sizeof(expected), "Date: %s\r\n", cases[i].date);
        assert_memory_equal(message, expected, strlen(expected));
        free(message);
    }
}

static void quoted_printable(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *encoded;
    } cases[] = {
        {"abc", "abc"},
        {"a=b", "a=3Db"},
        {"caf\xC3\xA9", "caf=C3=A9"},
        {"line\nline\r\nline", "line\r\nline\r\nline"},
        {"blank \nat end\t\n", "blank=20\r\nat end=09\r\n"},
        {"  two  blanks", "  two  blanks"},
        {"-- \nx", "--=20\r\nx"},
        {".\n..a\n b.", "=2E\r\n=2E.a\r\n b."},
        {"From here\nFrom\nxFrom x", "=46rom here\r\nFrom\r\nxFrom x"},
        {"bell\x07 cr\rx \x7F", "bell=EF=BF=BD cr=EF=BF=BDx =EF=BF=BD"},
        {"bad \xFF\xC3(", "bad =EF=BF=BD=EF=BF=BD("},
        /* 76 characters fit, the 77th makes a soft break after 75 */
        {"1234567890123456789012345678901234567890123456789012345678901234567890123456",
         "1234567890123456789012345678901234567890123456789012345678901234567890123456"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567",
         "123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n67"},
        /* a character is not divided; a dot that comes to a line's begin is encoded */
        {"1234567890123456789012345678901234567890123456789012345678901234567890\xC3\xA9x",
         "1234567890123456789012345678901234567890123456789012345678901234567890=\r\n=C3=A9x"},
        {"123456789012345678901234567890123456789012345678901234567890123456789012345.x",
         "123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n=2Ex"},
        {"123456789012345678901234567890123456789012345678901234567890123456789012345 \nx",
         "123456789012345678901234567890123456789012345678901234567890123456789012345=\r\n=20\r\nx"},
        {"", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *message = message_of("x", cases[i].plain);
        char expected[512];
        snprintf(expected, sizeof(expected), "quoted-printable\r\n\r\n%s\r\n--=_storewatch",
                 cases[i].encoded);
        if (strstr(message, expected) == NULL)
            fail_msg("not as %s:\n%s", expected, strstr(message, "quoted-printable"));
        assert_wire(message);
        free(message);
    }
}

static void subject_lines(void **state)
{
    (void)state;
    static const struct {
        const char *subject, *line; /* NULL: only that it comes back */
    } cases[] = {
        {"short", "Subject: short\r\n"},
        {"[storewatch] EX1: BESAgent.exe private bytes +14.2 MiB/h, 5 h 10 min left",
         "Subject: [storewatch] EX1: BESAgent.exe private bytes +14.2 MiB/h, 5 h 10\r\n min left\r\n"},
        {"caf\xC3\xA9 1", "Subject: =?utf-8?Q?caf=C3=A9_1?=\r\n"},
        {"looks =?utf-8?Q?encoded?= itself",
         "Subject: =?utf-8?Q?looks_=3D=3Futf-8=3FQ=3Fencoded=3F=3D_itself?=\r\n"},
        {"\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82"
         "\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82\xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82 "
         "end of it",
         NULL},
        {"one-word-of-more-than-sixty-characters-cannot-be-folded-at-a-space-so-it-is-encoded-instead", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *message = message_of(cases[i].subject, "x\n");
        char back[1024] = "";
        assert_wire(message);
        header(message, "Subject", back, sizeof(back));
        assert_string_equal(back, cases[i].subject);
        if (cases[i].line != NULL)
            assert_non_null(strstr(message, cases[i].line));
        free(message);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const struct {
        const char *mailbox;
        const char *address; /* NULL = INVALID */
        const char *line;    /* the header "To" */
    } cases[] = {
        {"a@b.c", "a@b.c", "To: a@b.c\r\n"},
        {"<a@b.c>", "a@b.c", "To: a@b.c\r\n"},
        {" a@b.c ", "a@b.c", "To: a@b.c\r\n"},
        {"Ops <a@b.c>", "a@b.c", "To: \"Ops\" <a@b.c>\r\n"},
        {"\"Ops, night\" <a@b.c>", "a@b.c", "To: \"Ops, night\" <a@b.c>\r\n"},
        {"Op\"s\\ <a@b.c>", "a@b.c", "To: =?utf-8?Q?Op=22s=5C?= <a@b.c>\r\n"},
        {"J\xC3\xBCrgen <a@b.c>", "a@b.c", "To: =?utf-8?Q?J=C3=BCrgen?= <a@b.c>\r\n"},
        {"a+b=c/d@[10.0.0.1]", "a+b=c/d@[10.0.0.1]", "To: a+b=c/d@[10.0.0.1]\r\n"},
        {"Ops\r\nBcc: x@y.z <a@b.c>", "a@b.c", "To: \"Ops  Bcc: x@y.z\" <a@b.c>\r\n"},
        {"", NULL, NULL},
        {"a", NULL, NULL},
        {"@b", NULL, NULL},
        {"a@", NULL, NULL},
        {"<>", NULL, NULL},
        {"<a@b.c", NULL, NULL},
        {"a@b.c> SIZE=1", NULL, NULL},
        {"a@b.c\r\nBcc: x@y.z", NULL, NULL},
        {"a@b.c, d@e.f", NULL, NULL},
        {"a b@c", NULL, NULL},
        {"a@b@c", NULL, NULL},
        {"mailto:a@b.c", NULL, NULL},
        {"a@[10.0.0.1", NULL, NULL},
        {"caf\xC3\xA9@b.c", NULL, NULL},
    };
    struct mail mail = {.key = "TEST-1", .subject = "x"};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char address[64] = "untouched";
        char *message = NULL;
        const enum status expected = cases[i].address != NULL ? STATUS_OK : STATUS_INVALID;
        assert_int_equal(mail_address_get(cases[i].mailbox, address, sizeof(address)), expected);
        assert_string_equal(address, expected == STATUS_OK ? cases[i].address : "untouched");
        assert_int_equal(
            report_message(&mail, "sw@example.com", &cases[i].mailbox, 1, "EX1", NOW, NOW, &message),
            expected);
        if (expected == STATUS_OK) {
            assert_non_null(strstr(message, cases[i].line));
            assert_wire(message);
        } else {
            assert_null(message);
            assert_int_equal(report_message(&mail, cases[i].mailbox, one, 1, "EX1", NOW, NOW, &message),
                             STATUS_INVALID);
        }
        free(message);
    }
    char small[5], longest[260], address[260];
    memset(longest, 'a', sizeof(longest)); /* RFC 5321 allows 254 */
    memcpy(longest, "x@", 2);
    longest[254] = '\0';
    assert_int_equal(mail_address_get(longest, address, sizeof(address)), STATUS_OK);
    longest[254] = 'a';
    longest[255] = '\0';
    assert_int_equal(mail_address_get(longest, address, sizeof(address)), STATUS_INVALID);
    assert_int_equal(mail_address_get("a@b.c", small, sizeof(small)), STATUS_INVALID);
    char *message = NULL;
    assert_int_equal(report_message(&mail, "sw@example.com", one, 0, "EX1", NOW, NOW, &message),
                     STATUS_INVALID);
}

static void many_recipients_are_folded(void **state)
{
    (void)state;
    const char *to[32];
    char names[32][80];
    for (int i = 0; i < 32; i++) {
        snprintf(names[i], sizeof(names[i]),
                 i % 3 == 0 ? "Name number %d of them <person%d@mail.example.com>"
                            : "%dperson%d@mail.example.com",
                 i, i);
        to[i] = names[i];
    }
    struct mail mail = {.key = "TEST-1", .subject = "x"};
    char *message = NULL;
    assert_int_equal(report_message(&mail, "sw@example.com", to, 32, "EX1", NOW, NOW, &message), STATUS_OK);
    assert_wire(message);
    char back[4096] = "";
    header(message, "To", back, sizeof(back));
    size_t count = 0;
    for (const char *at = back; (at = strstr(at, "person")) != NULL; at++)
        count++;
    assert_int_equal(count, 32);
    free(message);
}

static void nothing_is_injected(void **state)
{
    (void)state;
    struct mail mail = {.plain = NULL};
    text_copy(mail.key, sizeof(mail.key), "x\r\nX-Evil: 1");
    text_copy(mail.subject, sizeof(mail.subject), "x\r\nX-Evil: 1\r\n\r\nbody\n--=_storewatch--\n");
    char plain[] = "--=_storewatch--\r\n\r\nX-Evil: 1\n--=_storewatch\n";
    mail.plain = plain;
    mail.html = plain;
    char *message = NULL;
    assert_int_equal(
        report_message(&mail, "sw@example.com", one, 1, "E\r\nX-Evil: 1\r\n\r\n", NOW, NOW, &message),
        STATUS_OK);
    assert_wire(message);
    const char *end = strstr(message, "\r\n\r\n");
    const char *evil = strstr(message, "\r\nX-Evil");
    assert_true(evil != NULL && evil > end); /* only in the body's text */
    size_t parts = 0;
    for (const char *at = message; (at = strstr(at, "\r\n--=_storewatch")) != NULL; at++)
        parts++;
    assert_int_equal(parts, 3); /* two begin, one ends: "=_" of the text is encoded */
    free(message);
}

/* Any bytes come back as they were, but for those that are no text. */
static void random_bytes(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a",
                                         "=",
                                         " ",
                                         "\n",
                                         ".",
                                         "\t",
                                         "From ",
                                         "\xC3\xA9",
                                         "\xE2\x82\xAC",
                                         "\xF0\x9F\x94\xA5",
                                         "_?",
                                         "=?x",
                                         "\r\n",
                                         "word",
                                         "12345678",
                                         "<",
                                         "--=_storewatch"};
    srand(4711);
    for (int round = 0; round < 3000; round++) {
        char text_storage[600];
        struct text text = text_on(text_storage, sizeof(text_storage));
        char expected[600];
        struct text unfolded = text_on(expected, sizeof(expected));
        for (int n = rand() % 60; n > 0; n--) {
            const char *piece = pieces[(size_t)rand() % ARRAY_COUNT(pieces)];
            text_add(&text, "%s", piece);
            text_add(&unfolded, "%s", strcmp(piece, "\r\n") == 0 ? "\n" : piece);
        }
        char *message = message_of("x", text_storage);
        char back[2000];
        assert_wire(message);
        body(message, back, sizeof(back));
        assert_string_equal(back, expected);
        free(message);
    }
    for (int round = 0; round < 3000; round++) {
        char bytes[200];
        const size_t length = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < length; i++)
            bytes[i] = (char)(rand() % 255 + 1);
        bytes[length > 0 ? length - 1 : 0] = '\0';
        char *message = message_of(bytes, bytes);
        assert_wire(message);
        free(message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_message),       cmocka_unit_test(dates),
        cmocka_unit_test(quoted_printable),    cmocka_unit_test(subject_lines),
        cmocka_unit_test(addresses),           cmocka_unit_test(many_recipients_are_folded),
        cmocka_unit_test(nothing_is_injected), cmocka_unit_test(random_bytes),
        cmocka_unit_test(late_mails_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

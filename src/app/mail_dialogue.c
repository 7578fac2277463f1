/* mail_dialogue.c - see mail_dialogue.h. */
#include "mail_dialogue.h"

#include <string.h>

static const char *const stage_words[] = {"connecting", "EHLO",      "STARTTLS", "log-on",
                                          "sender",     "recipient", "DATA",     "content"};

void text_add_ascii(struct text *text, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        const char shown = byte < 0x20 ? ' ' : byte >= 0x7F ? '?' : (char)byte;
        text_add_bytes(text, &shown, 1);
    }
}

void mail_dialogue_begin(struct mail_dialogue *dialogue, const char (*addresses)[MAIL_ADDRESS_MAX],
                         size_t address_count)
{
    memset(dialogue, 0, sizeof(*dialogue));
    dialogue->addresses = addresses;
    dialogue->address_count = address_count;
    dialogue->refused = text_on(dialogue->refused_storage, sizeof(dialogue->refused_storage));
    dialogue->line = text_on(dialogue->line_storage, sizeof(dialogue->line_storage));
    dialogue->awaiting = true; /* the greeting */
}

void mail_dialogue_sent(struct mail_dialogue *dialogue, const char *command, size_t length)
{
    static const struct {
        const char *verb;
        enum mail_stage stage;
    } verbs[] = {{"EHLO", MAIL_STAGE_HELLO}, {"HELO", MAIL_STAGE_HELLO},  {"STARTTLS", MAIL_STAGE_TLS},
                 {"AUTH", MAIL_STAGE_LOGON}, {"MAIL", MAIL_STAGE_SENDER}, {"RCPT", MAIL_STAGE_RECIPIENT},
                 {"DATA", MAIL_STAGE_DATA}};
    if (length >= 4 && length <= 6 && memcmp(command, "QUIT\r\n", length) == 0) {
        dialogue->farewell = true;
        return;
    }
    dialogue->awaiting = true;
    dialogue->recipient_asked = false;
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        const size_t verb = strlen(verbs[i].verb);
        const char next = length > verb ? command[verb] : ' ';
        const bool whole = length >= verb && (next == ' ' || next == '\r' || next == '\n');
        /* the rest belongs to a log-on: base64, which may begin like a command but not with a whole one */
        if (whole && memcmp(command, verbs[i].verb, verb) == 0 && dialogue->stage <= verbs[i].stage) {
            dialogue->stage = verbs[i].stage;
            dialogue->recipient_asked = verbs[i].stage == MAIL_STAGE_RECIPIENT;
            dialogue->recipient += dialogue->recipient_asked ? 1 : 0;
            return;
        }
    }
}

static void answered(struct mail_dialogue *dialogue)
{
    const int code = dialogue->code;
    const bool about_recipient = dialogue->recipient_asked && dialogue->recipient <= dialogue->address_count;
    dialogue->awaiting = dialogue->recipient_asked = false; /* a relay that answers twice says one thing */
    if (dialogue->stage == MAIL_STAGE_DATA && code == 354) {
        dialogue->stage = MAIL_STAGE_CONTENT;
        dialogue->awaiting = true;
        return;
    }
    dialogue->taken = dialogue->stage == MAIL_STAGE_CONTENT && code / 100 == 2;
    if (!about_recipient || code / 100 == 2)
        return;
    text_add(&dialogue->refused, "%s%s (%s)", dialogue->refused_count > 0 ? ", " : "",
             dialogue->addresses[dialogue->recipient - 1], dialogue->answer);
    dialogue->refused_count++;
    dialogue->refused_for_good_count += code / 100 == 5 ? 1 : 0;
}

/* "250-more follows" or "250 the last one". */
void mail_dialogue_received(struct mail_dialogue *dialogue, const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
        length--;
    bool digits = length >= 3;
    for (size_t i = 0; digits && i < 3; i++)
        digits = line[i] >= '0' && line[i] <= '9';
    if (dialogue->farewell || !digits)
        return;
    const size_t words = length > 4 ? 4 : length;
    text_add_ascii(&dialogue->line, dialogue->line.length > 0 ? " " : line,
                   dialogue->line.length > 0 ? 1 : words);
    text_add_ascii(&dialogue->line, line + words, length - words);
    if (length > 3 && line[3] == '-')
        return;
    dialogue->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (dialogue->line.length > 3)
        dialogue->line.data[3] = ' '; /* the first line of several had a '-' */
    text_copy(dialogue->answer, sizeof(dialogue->answer), dialogue->line.data);
    text_clear(&dialogue->line);
    answered(dialogue);
}

/* ---- what came of it ---- */

/* The relay said nothing about it: not reached, not secure, silent, gone. */
static enum status no_answer(const struct mail_dialogue *dialogue, enum mail_end end,
                             const char *library_words, struct text *answer)
{
    const char *words = end == MAIL_END_NO_TLS
                            ? "no STARTTLS there, which the configuration requires; nothing was sent"
                        : end == MAIL_END_CLOSED ? "the relay closed the connection without an answer"
                                                 : library_words;
    text_add(answer, "%s: ", stage_words[dialogue->stage]);
    text_add_ascii(answer, words, strlen(words));
    if (dialogue->code >= 400)
        text_add(answer, " (last answer: %s)", dialogue->answer);
    switch (end) {
    case MAIL_END_TIMEOUT:
        return STATUS_TIMEOUT;
    case MAIL_END_TLS:
    case MAIL_END_NO_TLS:
    case MAIL_END_LOGON:
        return STATUS_DENIED;
    case MAIL_END_ORDERLY:
    case MAIL_END_LOST:
    case MAIL_END_CLOSED:
        break;
    }
    return STATUS_IO;
}

enum status mail_dialogue_outcome(const struct mail_dialogue *dialogue, enum mail_end end,
                                  const char *library_words, struct mailer_result *result)
{
    struct text answer = text_on(result->answer, sizeof(result->answer));
    if (dialogue->taken) { /* whatever happened to the farewell */
        result->outcome = MAILER_SENT;
        result->smtp_code = dialogue->code;
        result->refused_count = dialogue->refused_count;
        text_add(&answer, "%s", dialogue->answer);
        if (dialogue->refused_count > 0)
            text_add(&answer, "; refused: %s", dialogue->refused.data);
        return STATUS_OK;
    }
    const bool answered_badly = !dialogue->awaiting && dialogue->code >= 400;
    result->outcome = MAILER_LATER;
    result->smtp_code = answered_badly ? dialogue->code : 0;
    result->swallowed = !answered_badly && dialogue->stage == MAIL_STAGE_CONTENT;
    if (!answered_badly || end == MAIL_END_TLS || end == MAIL_END_NO_TLS)
        return no_answer(dialogue, end, library_words, &answer);
    bool for_good = dialogue->code / 100 == 5;
    if (dialogue->stage == MAIL_STAGE_RECIPIENT && dialogue->refused_count > 0) {
        /* nobody was accepted, else the dialogue had gone on */
        for_good = dialogue->refused_for_good_count == dialogue->refused_count;
        text_add(&answer, "%s", dialogue->refused.data);
    } else {
        text_add(&answer, "%s", dialogue->answer);
    }
    if (!for_good)
        return STATUS_BUSY;
    /* Before the sender, and with 530 ("log on first", RFC 4954), it is about this relay's settings, not the
     * mail. */
    if (dialogue->stage < MAIL_STAGE_SENDER || dialogue->code == 530)
        return STATUS_DENIED;
    result->outcome = MAILER_REFUSED;
    return STATUS_REFUSED;
}

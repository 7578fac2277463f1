/* smtp.c - libFuzzer on SMTP dialogues: whatever a relay answers, what is told of it is one line of ASCII
 * that names no more refusals than there are recipients, and a mail is sent only when the relay said so.
 *
 * Each line of the input is one line of the dialogue: ">" and what we sent, else what the relay said. The
 * last byte of the input is how the connection ended. */
#include "../../src/app/mail_dialogue.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char addresses[3][MAIL_ADDRESS_MAX] = {"ops@example.com", "b@example.com", "c@example.com"};
    static struct mail_dialogue dialogue;
    if (size == 0)
        return 0;
    mail_dialogue_begin(&dialogue, addresses, ARRAY_COUNT(addresses));
    const char *at = (const char *)data, *end = at + size - 1;
    bool taken = false;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const size_t length = (size_t)((newline != NULL ? newline + 1 : end) - at);
        /* A copy of just that size: the sanitizer sees a read beyond it. */
        char *line = malloc(length);
        require(line != NULL);
        memcpy(line, at, length);
        if (*at == '>')
            mail_dialogue_sent(&dialogue, line + 1, length - 1);
        else
            mail_dialogue_received(&dialogue, line, length);
        free(line);
        at += length;
        taken = dialogue.taken;
    }
    require(dialogue.refused_count <= ARRAY_COUNT(addresses));
    require(dialogue.refused_for_good_count <= dialogue.refused_count);

    struct mailer_result result = {.outcome = MAILER_LATER};
    const enum status status = mail_dialogue_outcome(
        &dialogue, (enum mail_end)(data[size - 1] % (MAIL_END_LOGON + 1)), "words\r\n\x80", &result);
    require((result.outcome == MAILER_SENT) == taken && (status == STATUS_OK) == taken);
    require(result.outcome != MAILER_REFUSED || result.smtp_code / 100 == 5 || dialogue.refused_count > 0);
    require(result.answer[0] != '\0' || taken);
    for (const char *c = result.answer; *c != '\0'; c++)
        require(*c >= 0x20 && *c < 0x7F);
    return 0;
}

/* mail_dialogue.h - private to the edge: what an SMTP dialogue meant, read off the lines that went either
 * way.
 *
 * A mail library's result code leaves open at which step it ended, what the relay said, which recipients it
 * refused. Portable and without any library: what comes from a relay is untrusted, so this is fuzzed. */
#ifndef STOREWATCH_APP_MAIL_DIALOGUE_H
#define STOREWATCH_APP_MAIL_DIALOGUE_H

#include "storewatch/mailer.h"

#define MAIL_ADDRESS_MAX 256

/* Where we are; the order of SMTP. An answer belongs to the stage in which it comes. */
enum mail_stage {
    MAIL_STAGE_GREETING,
    MAIL_STAGE_HELLO,
    MAIL_STAGE_TLS,
    MAIL_STAGE_LOGON,
    MAIL_STAGE_SENDER,
    MAIL_STAGE_RECIPIENT,
    MAIL_STAGE_DATA,
    MAIL_STAGE_CONTENT
};

struct mail_dialogue {
    const char (*addresses)[MAIL_ADDRESS_MAX]; /* as they are sent, in this order; lent */
    size_t address_count;

    enum mail_stage stage;
    bool farewell;        /* QUIT was sent: what comes now does not count */
    size_t recipient;     /* 1, 2, ... while in MAIL_STAGE_RECIPIENT */
    bool recipient_asked; /* the answer that is due is about that one */
    size_t refused_count, refused_for_good_count;
    struct text refused; /* "ops@example.com (550 no such user)" */
    char refused_storage[256];

    bool awaiting; /* an answer is due: what code and answer hold is an earlier one */
    bool taken;    /* the relay has said that it has the mail */
    int code;      /* of the last whole answer before the farewell */
    char answer[256];
    struct text line; /* the answer that is being read */
    char line_storage[1024];
};

/* A connection has been asked for: the greeting is due. Do not copy the dialogue afterwards. */
void mail_dialogue_begin(struct mail_dialogue *dialogue, const char (*addresses)[MAIL_ADDRESS_MAX],
                         size_t address_count);

/* A command that was sent. Log-on data may be passed too: no more than the first word is looked at. */
void mail_dialogue_sent(struct mail_dialogue *dialogue, const char *command, size_t length);

/* One line that the relay sent, with or without its end; any bytes. */
void mail_dialogue_received(struct mail_dialogue *dialogue, const char *line, size_t length);

/* How the library says that the connection ended. */
enum mail_end {
    MAIL_END_ORDERLY, /* also: as the relay's last answer says */
    MAIL_END_LOST,
    MAIL_END_CLOSED, /* by the relay, without an answer */
    MAIL_END_TIMEOUT,
    MAIL_END_TLS,
    MAIL_END_NO_TLS, /* the relay offers none */
    MAIL_END_LOGON
};

/* What came of it: fills outcome, smtp_code, answer (one line of ASCII) and refused_count; the status as of
 * mailer_send. `library_words` may be anything. */
enum status mail_dialogue_outcome(const struct mail_dialogue *dialogue, enum mail_end end,
                                  const char *library_words, struct mailer_result *result);

/* Appends bytes as ASCII on one line. */
void text_add_ascii(struct text *text, const char *bytes, size_t count);

#endif

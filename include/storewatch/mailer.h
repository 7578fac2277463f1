/* mailer.h - one message to one relay over SMTP. Blocking: called on a worker only, never on the sampling
 * path.
 *
 * No call takes longer than MAILER_TOTAL_TIMEOUT_MS until the relay has the message, MAILER_ANSWER_TIMEOUT_MS
 * more until it says that it takes it, and a few seconds for the farewell, whatever the relay does. With
 * TLS_STARTTLS and TLS_IMPLICIT nothing of the mail and no password is sent before the relay's certificate
 * has been verified against the machine's trusted roots and the relay's name; there is no silent way back to
 * plain text. */
#ifndef STOREWATCH_MAILER_H
#define STOREWATCH_MAILER_H

#include "storewatch/base.h"
#include "storewatch/config.h"

#define MAILER_CONNECT_TIMEOUT_MS (15 * 1000)
#define MAILER_TOTAL_TIMEOUT_MS (60 * 1000)
/* RFC 5321 grants ten minutes; meanwhile no other mail leaves, and the next relay may be quicker. */
#define MAILER_ANSWER_TIMEOUT_MS (120 * 1000)

struct mailer_request {
    const struct config_relay *relay; /* its password is resolved here: "env:NAME", "dpapi:BASE64" */
    const char *from;                 /* "local@domain" or "Name <local@domain>"; so are the recipients */
    const char *const *to;
    size_t to_count;
    const char *message; /* RFC 5322, CRLF (report_message) */
    const char *helo;    /* our host name */
};

enum mailer_outcome {
    MAILER_LATER,  /* not reached, TLS, log-on or time-out, or a 4xx: try again, or another relay */
    MAILER_SENT,   /* taken for at least one recipient */
    MAILER_REFUSED /* a 5xx about the sender, all recipients or the content: this relay will never take it */
};

struct mailer_result {
    enum mailer_outcome outcome;
    int smtp_code;    /* of the relay's last answer that counts; 0 when it gave none */
    char answer[256]; /* its words with the code, or what kept us from getting any; ASCII, one line, never a
                         password */
    bool swallowed; /* it accepted sender and recipients, and says nothing to the content: the trouble is with
                       this mail, a filter or a narrow line */
    size_t refused_count; /* recipients that the relay refused while it took the mail for others; named in
                             answer */
};

/* Once before the first mailer_send and after the last, from one thread. SYSTEM when the library cannot
 * start. */
enum status mailer_global_init(struct err *err);
void mailer_global_deinit(void);

/* Returns OK when sent, otherwise why not; *out_result is filled in every case. INVALID: the request itself
 * (no recipient, an address that is none) or a password that cannot be resolved; BUSY: a 4xx; REFUSED: a 5xx;
 * DENIED: TLS or log-on; TIMEOUT; IO: anything else on the way. err->code is the library's code, err->text
 * repeats the answer. */
enum status mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                        struct err *err);

/* Does the relay answer, with TLS and log-on as configured? Connects, says EHLO, NOOP and QUIT, and sends no
 * mail. Its answer, or why not as from mailer_send. Takes no longer than a mail. */
enum status mailer_probe(const struct config_relay *relay, const char *helo, char *out_answer,
                         size_t capacity, struct err *err);

#endif

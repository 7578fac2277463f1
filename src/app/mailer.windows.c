/* mailer.windows.c - mailer.h with libcurl, the only user of curl.h.
 *
 * What libcurl's result codes leave open - at which step of the dialogue it ended, what the relay said, which
 * recipients it refused - is read off the dialogue itself, which libcurl shows to a debug callback. That
 * callback sees log-on data too: it looks at no more than the first word of what we send.
 *
 * Portable on purpose: no windows.h, so that it can be tried natively against real and misbehaving relays. */
#include "storewatch/mailer.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/dpapi.h"
#include "storewatch/report.h"

#define ADDRESS_MAX 256
#define PASSWORD_MAX 512
#define FAREWELL_POLLS 2 /* of about a second each: how long we wait for the answer to QUIT */

/* ---- the dialogue ---- */

/* Where we are; the order of SMTP. An answer belongs to the stage in which it comes. */
enum stage {
    STAGE_GREETING,
    STAGE_HELLO,
    STAGE_TLS,
    STAGE_LOGON,
    STAGE_SENDER,
    STAGE_RECIPIENT,
    STAGE_DATA,
    STAGE_CONTENT
};
static const char *const stage_words[] = {"connecting", "EHLO",      "STARTTLS", "log-on",
                                          "sender",     "recipient", "DATA",     "content"};

struct dialogue {
    const char *message;
    size_t message_length, message_sent;

    enum stage stage;
    bool farewell;    /* QUIT was sent: what comes now does not count */
    size_t recipient; /* 1, 2, ... while in STAGE_RECIPIENT */
    const char (*addresses)[ADDRESS_MAX];
    size_t refused_count, refused_for_good_count;
    struct text refused; /* "ops@example.com (550 no such user)" */

    bool awaiting; /* an answer is due: what code and answer hold is an earlier one */
    bool taken;    /* the relay has said that it has the mail */
    int code;      /* of the last whole answer before the farewell */
    char answer[256];
    struct text line; /* the answer that is being read */
    int farewell_polls;
};

/* ASCII on one line, whatever the relay sends. */
static void add_ascii(struct text *text, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        const char shown = byte < 0x20 ? ' ' : byte >= 0x7F ? '?' : (char)byte;
        text_add_bytes(text, &shown, 1);
    }
}

static void dialogue_sent(struct dialogue *dialogue, const char *command, size_t length)
{
    static const struct {
        const char *verb;
        enum stage stage;
    } verbs[] = {{"EHLO", STAGE_HELLO}, {"HELO", STAGE_HELLO},  {"STARTTLS", STAGE_TLS},
                 {"AUTH", STAGE_LOGON}, {"MAIL", STAGE_SENDER}, {"RCPT", STAGE_RECIPIENT},
                 {"DATA", STAGE_DATA}};
    if (length >= 4 && length <= 6 && memcmp(command, "QUIT\r\n", length) == 0) {
        dialogue->farewell = true;
        return;
    }
    dialogue->awaiting = true;
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        const size_t verb = strlen(verbs[i].verb);
        const char next = length > verb ? command[verb] : ' ';
        const bool whole = length >= verb && (next == ' ' || next == '\r' || next == '\n');
        /* the rest belongs to a log-on: base64, which may begin like a command but not with a whole one */
        if (whole && memcmp(command, verbs[i].verb, verb) == 0 && dialogue->stage <= verbs[i].stage) {
            dialogue->stage = verbs[i].stage;
            dialogue->recipient += verbs[i].stage == STAGE_RECIPIENT ? 1 : 0;
            return;
        }
    }
}

static void dialogue_answered(struct dialogue *dialogue)
{
    const int code = dialogue->code;
    dialogue->awaiting = false;
    if (dialogue->stage == STAGE_DATA && code == 354) {
        dialogue->stage = STAGE_CONTENT;
        dialogue->awaiting = true;
        return;
    }
    dialogue->taken = dialogue->stage == STAGE_CONTENT && code / 100 == 2;
    if (dialogue->stage != STAGE_RECIPIENT || code / 100 == 2) {
        return;
    }
    text_add(&dialogue->refused, "%s%s (%s)", dialogue->refused_count > 0 ? ", " : "",
             dialogue->addresses[dialogue->recipient - 1], dialogue->answer);
    dialogue->refused_count++;
    dialogue->refused_for_good_count += code / 100 == 5 ? 1 : 0;
}

/* One line of an answer: "250-more follows" or "250 the last one". */
static void dialogue_received(struct dialogue *dialogue, const char *line, size_t length)
{
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r')) {
        length--;
    }
    bool digits = length >= 3;
    for (size_t i = 0; digits && i < 3; i++) {
        digits = line[i] >= '0' && line[i] <= '9';
    }
    if (dialogue->farewell || !digits) {
        return;
    }
    const size_t words = length > 4 ? 4 : length;
    add_ascii(&dialogue->line, dialogue->line.length > 0 ? " " : line, dialogue->line.length > 0 ? 1 : words);
    add_ascii(&dialogue->line, line + words, length - words);
    if (length > 3 && line[3] == '-') {
        return;
    }
    dialogue->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    if (dialogue->line.length > 3) {
        dialogue->line.data[3] = ' '; /* the first line of several had a '-' */
    }
    text_copy(dialogue->answer, sizeof(dialogue->answer), dialogue->line.data);
    text_clear(&dialogue->line);
    dialogue_answered(dialogue);
}

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    (void)easy;
    if (type == CURLINFO_HEADER_OUT) {
        dialogue_sent(context, data, size);
    } else if (type == CURLINFO_HEADER_IN) {
        dialogue_received(context, data, size);
    }
    return 0;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
    struct dialogue *dialogue = context;
    const size_t left = dialogue->message_length - dialogue->message_sent;
    const size_t part = left < size * count ? left : size * count;
    memcpy(buffer, dialogue->message + dialogue->message_sent, part);
    dialogue->message_sent += part;
    return part;
}

static size_t on_write(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count; /* libcurl's default is stdout */
}

/* libcurl's own time-outs do not cover QUIT: without this a relay that takes the mail and then falls silent
 * would hold us for two minutes. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct dialogue *dialogue = context;
    (void)a, (void)b, (void)c, (void)d;
    return dialogue->farewell && dialogue->farewell_polls++ >= FAREWELL_POLLS ? 1 : 0;
}

/* ---- what came of it ---- */

static bool is_tls(CURLcode code)
{
    return code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION ||
           code == CURLE_USE_SSL_FAILED || code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
           code == CURLE_SSL_INVALIDCERTSTATUS;
}

/* The relay said nothing about it: not reached, not secure, silent, gone. */
static enum status no_answer(const struct dialogue *dialogue, CURLcode code, const char *library_words,
                             struct text *answer)
{
    static const char closed[] = "response reading failed"; /* libcurl's words, with a meaningless errno */
    const char *words = library_words;
    if (code == CURLE_USE_SSL_FAILED) {
        words = "no STARTTLS there, which the configuration requires; nothing was sent";
    } else if (code == CURLE_RECV_ERROR && strncmp(words, closed, strlen(closed)) == 0) {
        words = "the relay closed the connection without an answer";
    }
    text_add(answer, "%s: ", stage_words[dialogue->stage]);
    add_ascii(answer, words, strlen(words));
    if (dialogue->code >= 400) {
        text_add(answer, " (last answer: %s)", dialogue->answer);
    }
    return code == CURLE_OPERATION_TIMEDOUT             ? STATUS_TIMEOUT
           : is_tls(code) || code == CURLE_LOGIN_DENIED ? STATUS_DENIED
                                                        : STATUS_IO;
}

static enum status outcome_of(const struct dialogue *dialogue, CURLcode code, const char *library_words,
                              struct mailer_result *result)
{
    struct text answer = text_on(result->answer, sizeof(result->answer));
    if (dialogue->taken) { /* whatever happened to the farewell */
        result->outcome = MAILER_SENT;
        result->smtp_code = dialogue->code;
        result->refused_count = dialogue->refused_count;
        text_add(&answer, "%s", dialogue->answer);
        if (dialogue->refused_count > 0) {
            text_add(&answer, "; refused: %s", dialogue->refused.data);
        }
        return STATUS_OK;
    }
    result->outcome = MAILER_LATER;
    result->smtp_code = dialogue->awaiting || dialogue->code < 400 ? 0 : dialogue->code;
    if (dialogue->awaiting || dialogue->code < 400 || is_tls(code)) {
        return no_answer(dialogue, code, library_words, &answer);
    }
    bool for_good = dialogue->code / 100 == 5;
    if (dialogue->stage == STAGE_RECIPIENT) { /* nobody was accepted, else the dialogue had gone on */
        for_good = dialogue->refused_for_good_count == dialogue->refused_count;
        text_add(&answer, "%s", dialogue->refused.data);
    } else {
        text_add(&answer, "%s", dialogue->answer);
    }
    if (!for_good) {
        return STATUS_BUSY;
    }
    /* Before the sender, and with 530 ("log on first", RFC 4954), it is about this relay's settings, not the
     * mail. */
    if (dialogue->stage < STAGE_SENDER || dialogue->code == 530) {
        return STATUS_DENIED;
    }
    result->outcome = MAILER_REFUSED;
    return STATUS_REFUSED;
}

/* ---- the request ---- */

static enum status resolve_password(const char *written, char *out_password, size_t capacity, struct err *err)
{
    if (strncmp(written, "env:", 4) == 0) {
        const char *value = getenv(written + 4);
        if (value == NULL) {
            return err_set(err, STATUS_INVALID, "password", 0,
                           "the environment of storewatch has no variable %s", written + 4);
        }
        return text_copy(out_password, capacity, value)
                   ? STATUS_OK
                   : err_set(err, STATUS_INVALID, "password", 0,
                             "the value of the variable %s is longer than %u bytes", written + 4,
                             (unsigned)capacity - 1);
    }
    if (strncmp(written, "dpapi:", 6) == 0) {
        return dpapi_unprotect(written + 6, out_password, capacity, err);
    }
    return err_set(err, STATUS_INVALID, "password", 0,
                   "a relay's password is written \"env:NAME\" or \"dpapi:BASE64\"");
}

/* "smtp://host:port/helo", with what has a meaning in a URL escaped. NULL without memory or for an impossible
 * host; curl_free. */
static char *url_of(const struct mailer_request *request)
{
    const struct config_relay *relay = request->relay;
    char port[8];
    char helo[ADDRESS_MAX];
    char host[sizeof(relay->host) + 2];
    struct text path = text_on(helo, sizeof(helo));
    char *whole = NULL;
    snprintf(port, sizeof(port), "%u", (unsigned)relay->port);
    const bool ipv6 = strchr(relay->host, ':') != NULL && relay->host[0] != '[';
    snprintf(host, sizeof(host), ipv6 ? "[%s]" : "%s", relay->host);
    text_add(&path, "/");
    for (const char *c = request->helo; *c != '\0';
         c++) { /* RFC 5321, 4.1.2: letters, digits, hyphens, dots */
        const bool fit =
            (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '.';
        text_add_bytes(&path, fit ? c : "-", 1);
    }
    CURLU *url = curl_url();
    if (url == NULL ||
        curl_url_set(url, CURLUPART_SCHEME, relay->tls == TLS_IMPLICIT ? "smtps" : "smtp", 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_HOST, host, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_PORT, port, 0) != CURLUE_OK ||
        curl_url_set(url, CURLUPART_PATH, helo, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        whole = NULL;
    }
    curl_url_cleanup(url);
    return whole;
}

/* Sets an option and remembers the first failure: only memory can fail here. */
#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, option, value) : code)

static CURLcode set_options(CURL *easy, const struct mailer_request *request, struct dialogue *dialogue,
                            const char *url, const char *from, struct curl_slist *to, const char *password,
                            char *error_words)
{
    const struct config_relay *relay = request->relay;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)MAILER_CONNECT_TIMEOUT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long)MAILER_TOTAL_TIMEOUT_MS);
    SET(CURLOPT_FORBID_REUSE, 1L); /* so that the farewell is part of the transfer, and on_progress ends it */
    SET(CURLOPT_ERRORBUFFER, error_words);

    SET(CURLOPT_USE_SSL, relay->tls == TLS_NONE ? (long)CURLUSESSL_NONE : (long)CURLUSESSL_ALL);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    /* A mail server often has no way to a revocation list of the internet; a certificate known as revoked is
     * refused. */
    SET(CURLOPT_SSL_OPTIONS, (long)CURLSSLOPT_REVOKE_BEST_EFFORT);
    if (relay->user[0] != '\0') {
        SET(CURLOPT_USERNAME, relay->user);
        SET(CURLOPT_PASSWORD, password);
    }

    if (request->message == NULL) { /* a probe: after the log-on nothing but NOOP and QUIT */
        SET(CURLOPT_CUSTOMREQUEST, "NOOP");
    } else {
        SET(CURLOPT_MAIL_FROM, from);
        SET(CURLOPT_MAIL_RCPT, to);
        SET(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, dialogue);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)dialogue->message_length);
    }
    SET(CURLOPT_WRITEFUNCTION, on_write);

    SET(CURLOPT_VERBOSE, 1L); /* turns the callback on; nothing is printed */
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, dialogue);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, dialogue);
    return code;
}

/* A request that cannot be carried out. */
static enum status fail(struct mailer_result *result, struct err *err)
{
    struct text answer = text_on(result->answer, sizeof(result->answer));
    add_ascii(&answer, err->text, strlen(err->text));
    return err->status;
}

static void wipe(char *secret, size_t capacity)
{
    volatile char *bytes = secret; /* a plain memset before the end of a life is optimised away */
    for (size_t i = 0; i < capacity; i++) {
        bytes[i] = '\0';
    }
}

enum status mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                        struct err *err)
{
    struct mailer_result result = {.outcome = MAILER_LATER};
    struct err own = {0};
    enum status status = STATUS_OK;
    char from[ADDRESS_MAX];
    char password[PASSWORD_MAX] = "";
    char error_words[CURL_ERROR_SIZE] = "";
    char line[1024];
    char refused[256];
    char(*addresses)[ADDRESS_MAX] = NULL;
    char *url = NULL;
    CURL *easy = NULL;
    struct curl_slist *to = NULL;

    if (request->to_count == 0 || request->to_count > CONFIG_RECIPIENTS_MAX) {
        status = err_set(&own, STATUS_INVALID, "recipients", 0, "%u recipients; 1 to %u are possible",
                         (unsigned)request->to_count, (unsigned)CONFIG_RECIPIENTS_MAX);
        goto done;
    }
    if (mail_address_get(request->from, from, sizeof(from)) != STATUS_OK) {
        status = err_set(&own, STATUS_INVALID, "sender", 0, "\"%s\" is no mail address", request->from);
        goto done;
    }
    if (request->relay->user[0] != '\0') {
        status = resolve_password(request->relay->password, password, sizeof(password), &own);
        if (status != STATUS_OK) {
            goto done;
        }
    }
    addresses = calloc(request->to_count, sizeof(*addresses));
    for (size_t i = 0; addresses != NULL && i < request->to_count; i++) {
        if (mail_address_get(request->to[i], addresses[i], sizeof(addresses[i])) != STATUS_OK) {
            status =
                err_set(&own, STATUS_INVALID, "recipients", 0, "\"%s\" is no mail address", request->to[i]);
            goto done;
        }
        struct curl_slist *longer = curl_slist_append(to, addresses[i]);
        if (longer == NULL) {
            status = err_set(&own, STATUS_NO_MEMORY, "libcurl", 0, "no memory to send the mail");
            goto done;
        }
        to = longer;
    }
    struct dialogue dialogue = {
        .message = request->message,
        .message_length = strlen(request->message),
        .addresses = (const char(*)[ADDRESS_MAX])addresses,
        .refused = text_on(refused, sizeof(refused)),
        .line = text_on(line, sizeof(line)),
        .awaiting = true, /* the greeting */
    };
    url = url_of(request);
    easy = curl_easy_init();
    if (addresses == NULL || url == NULL || easy == NULL ||
        set_options(easy, request, &dialogue, url, from, to, password, error_words) != CURLE_OK) {
        status =
            url == NULL && easy != NULL
                ? err_set(&own, STATUS_INVALID, "relay", 0, "\"%s\" is no host name", request->relay->host)
                : err_set(&own, STATUS_NO_MEMORY, "libcurl", 0, "no memory to send the mail");
        goto done;
    }
    const CURLcode code = curl_easy_perform(easy);
    const char *words = error_words[0] != '\0' ? error_words : curl_easy_strerror(code);
    status = outcome_of(&dialogue, code, words, &result);
    if (status != STATUS_OK) {
        err_set(&own, status, "smtp", (uint32_t)code, "%s", result.answer);
    }

done:
    if (status != STATUS_OK && result.answer[0] == '\0') {
        fail(&result, &own);
    }
    wipe(password, sizeof(password));
    curl_easy_cleanup(easy);
    curl_slist_free_all(to);
    curl_free(url);
    free(addresses);
    *out_result = result;
    return status == STATUS_OK ? STATUS_OK : err_set(err, status, own.operation, own.code, "%s", own.text);
}

enum status mailer_probe(const struct config_relay *relay, const char *helo, char *out_answer,
                         size_t capacity, struct err *err)
{
    const struct mailer_request request = {.relay = relay, .helo = helo};
    struct mailer_result result = {0};
    struct err own = {0};
    char password[PASSWORD_MAX] = "", error_words[CURL_ERROR_SIZE] = "", line[1024], refused[1];
    struct dialogue dialogue = {
        .refused = text_on(refused, sizeof(refused)), .line = text_on(line, sizeof(line)), .awaiting = true};
    enum status status = STATUS_OK;
    char *url = NULL;
    CURL *easy = NULL;
    if (relay->user[0] != '\0') {
        status = resolve_password(relay->password, password, sizeof(password), &own);
    }
    if (status != STATUS_OK) {
        goto done;
    }
    url = url_of(&request);
    easy = curl_easy_init();
    if (url == NULL || easy == NULL ||
        set_options(easy, &request, &dialogue, url, NULL, NULL, password, error_words) != CURLE_OK) {
        status = err_set(&own, STATUS_INVALID, "relay", 0, "\"%s\" is no host name, or no memory is left",
                         relay->host);
        goto done;
    }
    const CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK) {
        text_copy(out_answer, capacity, dialogue.answer);
    } else {
        const char *words = error_words[0] != '\0' ? error_words : curl_easy_strerror(code);
        status = outcome_of(&dialogue, code, words, &result);
        err_set(&own, status, "smtp", (uint32_t)code, "%s", result.answer);
    }
done:
    wipe(password, sizeof(password));
    curl_easy_cleanup(easy);
    curl_free(url);
    return status == STATUS_OK ? STATUS_OK : err_set(err, status, own.operation, own.code, "%s", own.text);
}

enum status mailer_global_init(struct err *err)
{
    const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    return code == CURLE_OK ? STATUS_OK
                            : err_set(err, STATUS_SYSTEM, "curl_global_init", (uint32_t)code, "%s",
                                      curl_easy_strerror(code));
}

void mailer_global_deinit(void)
{
    curl_global_cleanup();
}

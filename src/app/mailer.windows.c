/* mailer.windows.c - mailer.h with libcurl, the only user of curl.h.
 *
 * What libcurl's result codes leave open - at which step of the dialogue it ended, what the relay said, which
 * recipients it refused - is read off the dialogue itself, which libcurl shows to a debug callback
 * (mail_dialogue.c).
 *
 * Portable on purpose: no windows.h, so that it can be tried natively against real and misbehaving relays. */
#include "storewatch/mailer.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail_dialogue.h"
#include "storewatch/dpapi.h"
#include "storewatch/environment.h"
#include "storewatch/report.h"

#define PASSWORD_MAX 512
#define FAREWELL_POLLS 2 /* of about a second each: how long we wait for the answer to QUIT */

/* ---- the transfer ---- */

struct transfer {
    CURL *easy;
    const char *message;
    size_t message_length, message_sent;
    int farewell_polls;
    bool late; /* it took MAILER_TOTAL_TIMEOUT_MS, and the relay does not even have the whole message */
    struct mail_dialogue dialogue;
};

static int on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *context)
{
    struct transfer *transfer = context;
    (void)easy;
    if (type == CURLINFO_HEADER_OUT)
        mail_dialogue_sent(&transfer->dialogue, data, size);
    else if (type == CURLINFO_HEADER_IN)
        mail_dialogue_received(&transfer->dialogue, data, size);
    return 0;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const size_t left = transfer->message_length - transfer->message_sent;
    const size_t part = left < size * count ? left : size * count;
    memcpy(buffer, transfer->message + transfer->message_sent, part);
    transfer->message_sent += part;
    return part;
}

static size_t on_write(char *data, size_t size, size_t count, void *context)
{
    (void)data;
    (void)context;
    return size * count; /* libcurl's default is stdout */
}

/* libcurl's own time-outs do not cover QUIT: without this a relay that takes the mail and then falls silent
 * would hold us for two minutes. Nor do they know that the answer to a whole message may take longer than all
 * the rest: a filter looks at it, and who does not wait sends it twice (RFC 5321, 4.5.3.2.6). */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct transfer *transfer = context;
    curl_off_t took_us = 0;
    (void)a, (void)b, (void)c, (void)d;
    if (transfer->dialogue.farewell)
        return transfer->farewell_polls++ >= FAREWELL_POLLS ? 1 : 0;
    const bool is_whole =
        transfer->dialogue.stage == MAIL_STAGE_CONTENT && transfer->message_sent == transfer->message_length;
    curl_easy_getinfo(transfer->easy, CURLINFO_TOTAL_TIME_T, &took_us);
    transfer->late = !is_whole && took_us > (curl_off_t)MAILER_TOTAL_TIMEOUT_MS * 1000;
    return transfer->late ? 1 : 0;
}

/* ---- what came of it ---- */

static enum mail_end end_of(const struct transfer *transfer, CURLcode code, const char *words)
{
    static const char closed[] = "response reading failed"; /* libcurl's words, with a meaningless errno */
    if (transfer->late)
        return MAIL_END_TIMEOUT;
    switch (code) {
    case CURLE_OK:
        return MAIL_END_ORDERLY;
    case CURLE_OPERATION_TIMEDOUT:
        return MAIL_END_TIMEOUT;
    case CURLE_USE_SSL_FAILED:
        return MAIL_END_NO_TLS;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return MAIL_END_TLS;
    case CURLE_LOGIN_DENIED:
        return MAIL_END_LOGON;
    default:
        return code == CURLE_RECV_ERROR && strncmp(words, closed, strlen(closed)) == 0 ? MAIL_END_CLOSED
                                                                                       : MAIL_END_LOST;
    }
}

/* ---- the request ---- */

static enum status resolve_password(const char *written, char *out_password, size_t capacity, struct err *err)
{
    if (strncmp(written, "env:", 4) == 0)
        return environment_get(written + 4, out_password, capacity, err);
    if (strncmp(written, "dpapi:", 6) == 0)
        return dpapi_unprotect(written + 6, out_password, capacity, err);
    return err_set(err, STATUS_INVALID, "password", 0,
                   "a relay's password is written \"env:NAME\" or \"dpapi:BASE64\"");
}

/* "smtp://host:port/helo", with what has a meaning in a URL escaped. NULL without memory or for an impossible
 * host; curl_free. */
static char *url_of(const struct mailer_request *request)
{
    const struct config_relay *relay = request->relay;
    char port[8];
    char helo[MAIL_ADDRESS_MAX];
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
        curl_url_get(url, CURLUPART_URL, &whole, 0) != CURLUE_OK)
        whole = NULL;
    curl_url_cleanup(url);
    return whole;
}

/* Sets an option and remembers the first failure: only memory can fail here. */
#define SET(option, value) (code = code == CURLE_OK ? curl_easy_setopt(easy, option, value) : code)

static CURLcode set_options(CURL *easy, const struct mailer_request *request, struct transfer *transfer,
                            const char *url, const char *from, struct curl_slist *to, const char *password,
                            char *error_words)
{
    const struct config_relay *relay = request->relay;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)MAILER_CONNECT_TIMEOUT_MS);
    SET(CURLOPT_TIMEOUT_MS, (long)(MAILER_TOTAL_TIMEOUT_MS + MAILER_ANSWER_TIMEOUT_MS));
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
        SET(CURLOPT_READDATA, transfer);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->message_length);
    }
    SET(CURLOPT_WRITEFUNCTION, on_write);

    SET(CURLOPT_VERBOSE, 1L); /* turns the callback on; nothing is printed */
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, transfer);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, transfer);
    transfer->easy = easy;
    return code;
}

/* What kept it from an orderly end, in libcurl's words where it knows them. */
static const char *words_of(const struct transfer *transfer, CURLcode code, const char *error_words)
{
    return transfer->late           ? "the relay took too long"
           : error_words[0] != '\0' ? error_words
                                    : curl_easy_strerror(code);
}

/* A request that cannot be carried out. */
static enum status fail(struct mailer_result *result, struct err *err)
{
    struct text answer = text_on(result->answer, sizeof(result->answer));
    text_add_ascii(&answer, err->text, strlen(err->text));
    return err->status;
}

static enum status no_memory(struct err *err)
{
    return err_set(err, STATUS_NO_MEMORY, "libcurl", 0, "no memory to send the mail");
}

static void wipe(char *secret, size_t capacity)
{
    volatile char *bytes = secret; /* a plain memset before the end of a life is optimised away */
    for (size_t i = 0; i < capacity; i++)
        bytes[i] = '\0';
}

/* One dialogue with the relay: of the mail from `from` to `to`, or of a probe. OK when that went well,
 * otherwise why not, as mailer_send. */
static enum status transfer_run(const struct mailer_request *request, const char *from, struct curl_slist *to,
                                struct transfer *transfer, struct mailer_result *result, struct err *err)
{
    const struct config_relay *relay = request->relay;
    char password[PASSWORD_MAX] = "", error_words[CURL_ERROR_SIZE] = "";
    char *url = NULL;
    CURL *easy = NULL;
    enum status status = STATUS_OK;
    if (relay->user[0] != '\0')
        status = resolve_password(relay->password, password, sizeof(password), err);
    if (status != STATUS_OK)
        goto done;
    url = url_of(request);
    easy = curl_easy_init();
    if (url == NULL || easy == NULL ||
        set_options(easy, request, transfer, url, from, to, password, error_words) != CURLE_OK) {
        status = url == NULL && easy != NULL
                     ? err_set(err, STATUS_INVALID, "relay", 0, "\"%s\" is no host name", relay->host)
                     : no_memory(err);
        goto done;
    }
    const CURLcode code = curl_easy_perform(easy);
    if (code != CURLE_OK || request->message != NULL) {
        const char *words = words_of(transfer, code, error_words);
        status = mail_dialogue_outcome(&transfer->dialogue, end_of(transfer, code, words), words, result);
    }
    if (status != STATUS_OK)
        err_set(err, status, "smtp", (uint32_t)code, "%s", result->answer);
done:
    wipe(password, sizeof(password));
    curl_easy_cleanup(easy);
    curl_free(url);
    return status;
}

enum status mailer_send(const struct mailer_request *request, struct mailer_result *out_result,
                        struct err *err)
{
    struct mailer_result result = {.outcome = MAILER_LATER};
    struct err own = {0};
    enum status status = STATUS_OK;
    char from[MAIL_ADDRESS_MAX];
    char(*addresses)[MAIL_ADDRESS_MAX] = NULL;
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
    addresses = calloc(request->to_count, sizeof(*addresses));
    if (addresses == NULL) {
        status = no_memory(&own);
        goto done;
    }
    for (size_t i = 0; i < request->to_count; i++) {
        if (mail_address_get(request->to[i], addresses[i], sizeof(addresses[i])) != STATUS_OK) {
            status =
                err_set(&own, STATUS_INVALID, "recipients", 0, "\"%s\" is no mail address", request->to[i]);
            goto done;
        }
        struct curl_slist *longer = curl_slist_append(to, addresses[i]);
        if (longer == NULL) {
            status = no_memory(&own);
            goto done;
        }
        to = longer;
    }
    struct transfer transfer = {.message = request->message, .message_length = strlen(request->message)};
    mail_dialogue_begin(&transfer.dialogue, (const char(*)[MAIL_ADDRESS_MAX])addresses, request->to_count);
    status = transfer_run(request, from, to, &transfer, &result, &own);
done:
    if (status != STATUS_OK && result.answer[0] == '\0')
        fail(&result, &own);
    curl_slist_free_all(to);
    free(addresses);
    *out_result = result;
    return status == STATUS_OK ? STATUS_OK : err_set(err, status, own.operation, own.code, "%s", own.text);
}

enum status mailer_probe(const struct config_relay *relay, const char *helo, char *out_answer,
                         size_t capacity, struct err *err)
{
    const struct mailer_request request = {.relay = relay, .helo = helo};
    struct mailer_result result = {0};
    struct transfer transfer = {0};
    mail_dialogue_begin(&transfer.dialogue, NULL, 0);
    const enum status status = transfer_run(&request, NULL, NULL, &transfer, &result, err);
    if (status == STATUS_OK)
        text_copy(out_answer, capacity, transfer.dialogue.answer);
    return status;
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

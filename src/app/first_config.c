/* first_config.c - see first_config.h. The default text is kept as it is written, with its order and
 * alignment: only the two empty lists are filled. */
#include "first_config.h"

#include <string.h>

#define SEPARATORS ",; \t"
#define PORT_DIGITS_MAX 5
#define PORT_MAX 65535

static const char recipients_empty[] = "\"to\": []";
static const char relays_empty[] = "\"relays\": []";

/* A part of a text; not terminated. */
struct span {
    const char *at;
    size_t length;
};

static struct span span_next(struct span list)
{
    const char *begin = list.at + list.length;
    begin += strspn(begin, SEPARATORS);
    return (struct span){begin, strcspn(begin, SEPARATORS)};
}

static bool stands_in_json(struct span word)
{
    for (size_t i = 0; i < word.length; i++)
        if (word.at[i] == '"' || word.at[i] == '\\' || (unsigned char)word.at[i] < ' ')
            return false;
    return word.length > 0;
}

static enum status add_recipient(struct buffer *out, struct span word, struct err *err)
{
    if (!stands_in_json(word))
        return err_set(
            err, STATUS_INVALID, "mail-to", 0,
            "cannot be given here: %.*s (an address with a quotation mark or a backslash is written "
            "into the configuration)",
            (int)word.length, word.at);
    buffer_add(out, "\"%.*s\"", (int)word.length, word.at);
    return STATUS_OK;
}

/* HOST, HOST:PORT, IPV6, [IPV6], [IPV6]:PORT. port.at is NULL when none is given. */
static void split_relay(struct span word, struct span *out_host, struct span *out_port)
{
    const char *end = word.at + word.length;
    const char *colon = memchr(word.at, ':', word.length);
    *out_host = word;
    *out_port = (struct span){NULL, 0};
    if (word.at[0] == '[') {
        const char *closing = memchr(word.at, ']', word.length);
        if (closing == NULL)
            return;
        *out_host = (struct span){word.at + 1, (size_t)(closing - word.at - 1)};
        colon = closing + 1;
        if (colon == end)
            return;
        if (*colon != ':') {
            *out_host = word;
            return;
        }
    } else if (colon == NULL || memchr(colon + 1, ':', (size_t)(end - colon - 1)) != NULL) {
        return; /* no port, or an IPv6 address without one */
    } else {
        out_host->length = (size_t)(colon - word.at);
    }
    *out_port = (struct span){colon + 1, (size_t)(end - colon - 1)};
}

static bool port_read(struct span digits, unsigned *out_port)
{
    unsigned port = 0;
    if (digits.length == 0 || digits.length > PORT_DIGITS_MAX)
        return false;
    for (size_t i = 0; i < digits.length; i++) {
        if (digits.at[i] < '0' || digits.at[i] > '9')
            return false;
        port = port * 10 + (unsigned)(digits.at[i] - '0');
    }
    *out_port = port;
    return port >= 1 && port <= PORT_MAX;
}

static enum status add_relay(struct buffer *out, struct span word, struct err *err)
{
    struct span host, digits;
    unsigned port = 0;
    split_relay(word, &host, &digits);
    if (!stands_in_json(host) || memchr(host.at, '[', host.length) != NULL ||
        (digits.at != NULL && !port_read(digits, &port)))
        return err_set(err, STATUS_INVALID, "relay", 0,
                       "not a relay: %.*s (HOST, HOST:PORT or [IPV6]:PORT, the port from 1 to %d)",
                       (int)word.length, word.at, PORT_MAX);
    buffer_add(out, "{ \"host\": \"%.*s\"", (int)host.length, host.at);
    if (digits.at != NULL)
        buffer_add(out, ", \"port\": %u", port);
    buffer_add(out, " }");
    return STATUS_OK;
}

/* The empty list's text with the words of `list` in it. */
static enum status add_list(struct buffer *out, const char *empty, const char *list,
                            enum status (*add)(struct buffer *, struct span, struct err *), struct err *err)
{
    const size_t before_bracket = strlen(empty) - 1;
    const char *separator = " ";
    buffer_add_bytes(out, empty, before_bracket);
    for (struct span word = span_next((struct span){list, 0}); word.length > 0; word = span_next(word)) {
        buffer_add(out, "%s", separator);
        const enum status status = add(out, word, err);
        if (status != STATUS_OK)
            return status;
        separator = ", ";
    }
    buffer_add(out, "%s]", *separator == ',' ? " " : "");
    return STATUS_OK;
}

enum status first_config_make(const char *default_text, size_t count, const char *mail_to, const char *relays,
                              struct buffer *out, struct err *err)
{
    const char *end = default_text + count;
    bool recipients_seen = false, relays_seen = false;
    for (const char *at = default_text; at < end;) {
        const size_t left = (size_t)(end - at);
        enum status status = STATUS_OK;
        if (left >= strlen(recipients_empty) && memcmp(at, recipients_empty, strlen(recipients_empty)) == 0) {
            status = add_list(out, recipients_empty, mail_to ? mail_to : "", add_recipient, err);
            recipients_seen = true;
            at += strlen(recipients_empty);
        } else if (left >= strlen(relays_empty) && memcmp(at, relays_empty, strlen(relays_empty)) == 0) {
            status = add_list(out, relays_empty, relays ? relays : "", add_relay, err);
            relays_seen = true;
            at += strlen(relays_empty);
        } else {
            if (*at == '\n' && (at == default_text || at[-1] != '\r'))
                buffer_add_bytes(out, "\r", 1);
            buffer_add_bytes(out, at++, 1);
        }
        if (status != STATUS_OK)
            return status;
    }
    if (!recipients_seen || !relays_seen)
        return err_set(err, STATUS_INVALID, "default configuration", 0,
                       "the default configuration has no empty list of recipients or of relays");
    return out->failed ? err_set(err, STATUS_NO_MEMORY, "malloc", 0, "not enough memory") : STATUS_OK;
}

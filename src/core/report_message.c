/* report_message.c - a mail as RFC 5322 has it on the wire.
 *
 * Only printable ASCII and CRLF leave this file, no line is longer than 78 characters (76 in quoted-printable
 * and in encoded words; but for an address or an id, which cannot be folded), and nothing of what a header is
 * made from can begin a header of its own: addresses with anything but printable ASCII are refused, every
 * other text loses its control characters first. The dot at the begin of a line is the transport's business
 * (libcurl doubles it). */
#include "report_telling.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX 76             /* RFC 2045, 6.7 (5); RFC 2047, section 2 */
#define BOUNDARY "=_storewatch" /* "=_" cannot occur in quoted-printable: RFC 2045, 6.7 */

static bool is_printable(char c)
{
    return c > 0x20 && c < 0x7F;
}

/* ---- quoted-printable (RFC 2045, 6.7) ---- */

static bool is_plain(char c)
{
    return is_printable(c) && c != '=';
}

/* So many characters stand for themselves in the middle of a line that is `column` long: most of a mail, and
 * found at once. */
static size_t plain_run(const char *text, size_t column)
{
    size_t run = 0;
    while (column + run < LINE_MAX - 1 && (is_plain(text[run]) || text[run] == ' ') &&
           is_plain(text[run + 1]))
        run++;
    return run;
}

static void add_quoted_printable(struct buffer *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    char line[LINE_MAX + 2]; /* the line that is being made: added at its end */
    size_t column = 0;
    bool valid;
    for (size_t step; (step = report_character(text, &valid)) > 0; text += step) {
        if (text[0] == '\n' || (text[0] == '\r' && text[1] == '\n')) {
            step = text[0] == '\r' ? 2 : 1;
            line[column] = '\r';
            line[column + 1] = '\n';
            buffer_add_bytes(out, line, column + 2);
            column = 0;
            continue;
        }
        const char *character = valid ? text : REPORT_REPLACEMENT;
        const size_t length = valid ? step : strlen(REPORT_REPLACEMENT);
        const char c = character[0];
        const char next = text[step];
        const bool at_end = next == '\0' || next == '\n' || (next == '\r' && text[step + 1] == '\n');
        /* blanks at the end of a line get lost on the way */
        bool literal = length == 1 && c != '=' && (is_printable(c) || ((c == ' ' || c == '\t') && !at_end));
        const size_t width = literal ? 1 : 3 * length;
        if (column + width > LINE_MAX - (at_end ? 0 : 1)) { /* room for the soft break's "=" */
            buffer_add_bytes(out, line, column);
            buffer_add(out, "=\r\n");
            column = 0;
        }
        /* at the begin of a line "." and "From " mean something to some relays */
        if (column == 0 && (c == '.' || strncmp(text, "From ", 5) == 0))
            literal = false;
        if (literal) {
            line[column++] = c;
            step += plain_run(text + step, column);
            memcpy(line + column, text + 1, step - 1);
            column += step - 1;
            continue;
        }
        for (size_t i = 0; i < length; i++) {
            const unsigned char byte = (unsigned char)character[i];
            line[column++] = '=';
            line[column++] = digits[byte >> 4];
            line[column++] = digits[byte & 0xF];
        }
    }
    buffer_add_bytes(out, line, column);
}

/* ---- header fields ---- */

/* Encoded words (RFC 2047), "Q", as many as it takes; no character is divided. *column is where the line is.
 */
static void add_encoded_words(struct buffer *out, const char *text, size_t *column)
{
    static const char begin[] = "=?utf-8?Q?";
    size_t word = 0; /* length of the open encoded word, 0 = none is open */
    bool valid;
    for (size_t step; (step = report_character(text, &valid)) > 0; text += step) {
        char encoded[13];
        struct text one = text_on(encoded, sizeof(encoded));
        const char c = text[0];
        const bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          c == '-' || c == '!' || c == '*' || c == '+' || c == '/';
        if (safe || c == ' ') {
            text_add(&one, "%c",
                     c == ' ' ? '_' : c); /* section 5 (3): safe also where the word is a phrase */
        } else {
            for (size_t i = 0; i < step; i++)
                text_add(&one, "=%02X", (unsigned)(unsigned char)text[i]);
        }
        if (word > 0 && *column + one.length + 2 > LINE_MAX) {
            buffer_add(out, "?=\r\n ");
            *column = 1;
            word = 0;
        } else if (word == 0 && *column + strlen(begin) + one.length + 2 > LINE_MAX) {
            buffer_add(out, "\r\n ");
            *column = 1;
        }
        if (word == 0) {
            buffer_add(out, "%s", begin);
            word = strlen(begin);
            *column += word;
        }
        buffer_add_bytes(out, one.data, one.length);
        word += one.length;
        *column += one.length;
    }
    if (word > 0) {
        buffer_add(out, "?=");
        *column += 2;
    }
}

/* Is a text fit to stand in a header as it is, folded at its spaces? */
static bool is_plain_ascii(const char *text)
{
    size_t run = 0;
    for (const char *p = text; *p != '\0'; p++) {
        run = *p == ' ' ? 0 : run + 1;
        if ((*p != ' ' && !is_printable(*p)) || run > 60)
            return false;
    }
    return strstr(text, "=?") == NULL;
}

/* Words with single spaces between them, folded before the word that would make the line too long. */
static void add_folded(struct buffer *out, const char *text, size_t *column)
{
    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        if (length > 0) {
            if (*column + 1 + length > LINE_MAX) {
                buffer_add(out, "\r\n");
                *column = 0;
            }
            buffer_add(out, " ");
            buffer_add_bytes(out, text, length);
            *column += 1 + length;
        }
        text += length + strspn(text + length, " ");
    }
}

static void add_text_field(struct buffer *out, const char *name, const char *text)
{
    char clean[4 * MAIL_SUBJECT_MAX];
    struct text cleaned = text_on(clean, sizeof(clean));
    report_add_line(&cleaned, text);
    buffer_add(out, "%s:", name);
    size_t column = strlen(name) + 1;
    if (is_plain_ascii(clean)) {
        add_folded(out, clean, &column);
    } else {
        buffer_add(out, " ");
        column++;
        add_encoded_words(out, clean, &column);
    }
    buffer_add(out, "\r\n");
}

/* ---- addresses ---- */

enum status mail_address_get(const char *mailbox, char *out_address, size_t capacity)
{
    const char *address = mailbox + strspn(mailbox, " ");
    size_t length = strlen(address);
    while (length > 0 && address[length - 1] == ' ')
        length--;
    const char *open = strrchr(address, '<');
    if (open != NULL) {
        if (length == 0 || address[length - 1] != '>')
            return STATUS_INVALID;
        length -= (size_t)(open + 1 - address) + 1;
        address = open + 1;
    }
    if (!config_is_mail_address(address, length) || length >= capacity)
        return STATUS_INVALID;
    memcpy(out_address, address, length);
    out_address[length] = '\0';
    return STATUS_OK;
}

/* The name that stands before "<address>", without quotes; "" when there is none. */
static void display_name(const char *mailbox, char *out_name, size_t capacity)
{
    struct text name = text_on(out_name, capacity);
    const char *open = strrchr(mailbox, '<');
    size_t length = open != NULL ? (size_t)(open - mailbox) : 0;
    while (length > 0 && (mailbox[length - 1] == ' ' || mailbox[length - 1] == '"'))
        length--;
    const size_t skip = strspn(mailbox, " \"");
    if (skip < length) {
        char raw[512];
        struct text part = text_on(raw, sizeof(raw));
        text_add_bytes(&part, mailbox + skip, length - skip);
        report_add_line(&name, raw);
    }
}

/* Appends one mailbox at *column, after ", " unless it is the first. */
static enum status add_mailbox(struct buffer *out, const char *mailbox, bool first, size_t *column)
{
    char address[256];
    char name[512];
    const enum status status = mail_address_get(mailbox, address, sizeof(address));
    if (status != STATUS_OK)
        return status;
    display_name(mailbox, name, sizeof(name));
    buffer_add(out, first ? "" : ",");
    if (name[0] == '\0') {
        if (!first && *column + strlen(address) + 2 > LINE_MAX) {
            buffer_add(out, "\r\n");
            *column = 0;
        }
        buffer_add(out, " %s", address);
        *column += strlen(address) + 2;
        return STATUS_OK;
    }
    if (!first) {
        buffer_add(out, "\r\n");
        *column = 0;
    }
    if (is_plain_ascii(name) && strpbrk(name, "\"\\") == NULL && strlen(name) < 60) {
        buffer_add(out, " \"%s\"", name);
        *column += strlen(name) + 3;
    } else {
        buffer_add(out, " ");
        *column += 1;
        add_encoded_words(out, name, column);
    }
    if (*column + strlen(address) + 4 > LINE_MAX) {
        buffer_add(out, "\r\n");
        *column = 0;
    }
    buffer_add(out, " <%s>", address);
    *column += strlen(address) + 3;
    return STATUS_OK;
}

/* ---- identity ---- */

/* Letters, digits, '-', '_' and inner single dots as they are, everything else as "=XX": a dot-atom (RFC
 * 5322, 3.2.3), and different texts stay different. */
static void add_atom(struct text *text, const char *from)
{
    for (size_t i = 0; from[i] != '\0'; i++) {
        const char c = from[i];
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_';
        const bool dot = c == '.' && i > 0 && from[i - 1] != '.' && from[i + 1] != '\0';
        if (plain || dot)
            text_add_bytes(text, &c, 1);
        else
            text_add(text, "=%02X", (unsigned)(unsigned char)c);
    }
    if (from[0] == '\0')
        text_add(text, "_");
}

static void add_id_field(struct buffer *out, const char *name, const char *unique, const char *host_name)
{
    char id[1024];
    struct text text = text_on(id, sizeof(id));
    text_add(&text, "<");
    add_atom(&text, unique);
    text_add(&text, ".storewatch@");
    add_atom(&text, host_name);
    buffer_add(out, "%s: %s>\r\n", name, id);
}

/* RFC 5322, 3.3. */
static void add_date_field(struct buffer *out, int64_t utc_ms)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"}; /* 1970-01-01 on */
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    /* RFC 5322 knows four digits and nothing before 1900; a clock that is so wrong is shown at the bound */
    const int64_t last_ms = (days_from_civil(10000, 1, 1) * MS_PER_DAY) - 1;
    const int64_t shown_ms = utc_ms < 0 ? 0 : utc_ms > last_ms ? last_ms : utc_ms;
    const struct words time = words_time(shown_ms); /* YYYY-MM-DD HH:MM:SS UTC */
    const long month = strtol(time.s + 5, NULL, 10);
    buffer_add(out, "Date: %s, %ld %s %.4s %.8s +0000\r\n", days[shown_ms / MS_PER_DAY % 7],
               strtol(time.s + 8, NULL, 10), months[month - 1], time.s, time.s + 11);
}

/* ---- the message ---- */

static void add_part(struct buffer *out, const char *type, const char *content)
{
    buffer_add(out,
               "--" BOUNDARY "\r\n"
               "Content-Type: %s; charset=utf-8\r\n"
               "Content-Transfer-Encoding: quoted-printable\r\n"
               "\r\n",
               type);
    add_quoted_printable(out, content);
    buffer_add(out, "\r\n");
}

/* Lines that the reader has to know before all else: how late it is, and what it stands for. Empty: nothing. */
static void add_notice(struct buffer *notice, const struct mail *mail, int64_t date_utc_ms,
                       int64_t sent_utc_ms)
{
    const int64_t late_ms = sent_utc_ms - date_utc_ms;
    if (late_ms >= MAIL_LATE_MS) {
        buffer_add(notice, "This mail could not be sent for %s.\nIt tells how it was at %s.\n",
                   words_duration(late_ms).s, words_time(date_utc_ms).s);
    }
    if (mail->earlier != NULL) {
        buffer_add(notice,
                   mail->earlier_count == 1 ? "It stands for an earlier one"
                                            : "It stands for %zu earlier ones",
                   mail->earlier_count);
        buffer_add(notice, " that could not be sent%s:\n%s", late_ms >= MAIL_LATE_MS ? " either" : "",
                   mail->earlier);
    }
}

static void add_parts(struct buffer *out, const struct mail *mail, int64_t date_utc_ms, int64_t sent_utc_ms)
{
    struct buffer notice = {0}, plain = {0}, html = {0};
    add_notice(&notice, mail, date_utc_ms, sent_utc_ms);
    if (notice.data != NULL)
        buffer_add(&plain, "%s\n", notice.data);
    buffer_add(&plain, "%s", mail->plain != NULL ? mail->plain : "");
    add_part(out, "text/plain", plain.data != NULL ? plain.data : "");
    if (mail->html != NULL) {
        report_html_with_notice(&html, mail->html, notice.data);
        add_part(out, "text/html", html.data != NULL ? html.data : "");
    }
    out->failed |= notice.failed || plain.failed || html.failed;
    buffer_deinit(&notice);
    buffer_deinit(&plain);
    buffer_deinit(&html);
}

enum status report_message(const struct mail *mail, const char *from, const char *const *to, size_t to_count,
                           const char *host_name, int64_t date_utc_ms, int64_t sent_utc_ms,
                           char **out_message)
{
    const struct report_key key = report_key_parse(mail->key);
    struct buffer out = {0};
    enum status status = STATUS_INVALID;
    size_t column = strlen("From:");
    if (to_count == 0)
        goto done;

    add_date_field(&out, date_utc_ms);
    buffer_add(&out, "From:");
    status = add_mailbox(&out, from, true, &column);
    buffer_add(&out, "\r\nTo:");
    column = strlen("To:");
    for (size_t i = 0; i < to_count && status == STATUS_OK; i++)
        status = add_mailbox(&out, to[i], i == 0, &column);
    if (status != STATUS_OK)
        goto done;
    buffer_add(&out, "\r\n");
    add_text_field(&out, "Subject", mail->subject);
    add_id_field(&out, "Message-ID", key.unique, host_name);
    if (key.first[0] != '\0' && strcmp(key.first, key.unique) != 0) {
        add_id_field(&out, "In-Reply-To", key.first, host_name);
        add_id_field(&out, "References", key.first, host_name);
    }
    /* RFC 3834: so that no out-of-office assistant answers */
    buffer_add(&out, "Auto-Submitted: auto-generated\r\n");
    if (key.has_kind) {
        const struct alert_wording *wording = alert_wording_get(key.kind);
        if (key.severity == SEVERITY_ERROR)
            buffer_add(&out, "Importance: high\r\nX-Priority: 1\r\n");
        else if (key.severity < wording->severity)
            buffer_add(&out, "Importance: low\r\nX-Priority: 5\r\n");
        buffer_add(&out, "X-Storewatch-Kind: %s\r\n", wording->name);
    }
    if (key.incident_id > 0)
        buffer_add(&out, "X-Storewatch-Incident: %" PRId64 "\r\n", key.incident_id);
    add_text_field(&out, "X-Storewatch-Host", host_name);
    add_text_field(&out, "X-Storewatch-Key", mail->key);
    if (mail->earlier_count > 0)
        buffer_add(&out, "X-Storewatch-Replaces: %zu\r\n", mail->earlier_count);
    buffer_add(&out, "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n"
                     "\r\n");
    add_parts(&out, mail, date_utc_ms, sent_utc_ms);
    buffer_add(&out, "--" BOUNDARY "--\r\n");

    char *message = buffer_take(&out);
    if (message == NULL) {
        status = STATUS_NO_MEMORY;
        goto done;
    }
    *out_message = message;
done:
    buffer_deinit(&out);
    return status;
}

void mail_deinit(struct mail *mail)
{
    free(mail->plain);
    free(mail->html);
    free(mail->earlier);
    mail->plain = mail->html = mail->earlier = NULL;
}

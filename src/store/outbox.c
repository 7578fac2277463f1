/* outbox.c - mails that wait for a relay. A mail is queued in the transaction of the transition it tells of,
 * once for each key, and leaves the queue in the order it came, so a crash neither loses nor doubles it here.
 * After a long wait one mail stands for those before it that it says anew: nothing is changed for that while they
 * wait, and they leave the queue in the transaction that notes it as sent.
 */
#include "store_internal.h"

#include <stdlib.h>
#include <string.h>

#define EARLIER_LINES_MAX 24 /* of three days of reminders each */

void outbox_entry_deinit(struct outbox_entry *entry)
{
    mail_deinit(&entry->mail);
}

/* Keeps the queue bounded: when it is full, the mail that has waited longest gives up its place to a new one.
 */
static enum status make_place(struct store *store, int64_t utc_ms, struct err *err)
{
    struct query count = query_on(store, STATEMENT_MAIL_PENDING_COUNT);
    int64_t pending = 0;
    enum status status = query_step(store, &count, "put mail", err);
    if (status == STATUS_OK)
        pending = query_integer(&count);
    query_done(&count);
    if (status == STATUS_OK && pending > STORE_PENDING_MAX) {
        struct query give_up = query_on(store, STATEMENT_MAIL_GIVE_UP);
        query_bind_text(&give_up, "given up: too many newer mails were waiting");
        query_bind_integer(&give_up, utc_ms);
        query_bind_integer(&give_up, pending - STORE_PENDING_MAX);
        status = query_run(store, &give_up, "put mail", err);
    }
    return status;
}

static enum status put_mail(struct store *store, const struct mail *mail, enum alert_kind kind,
                            int64_t incident_id, int64_t utc_ms, struct err *err)
{
    const size_t plain_bytes = mail->plain != NULL ? strlen(mail->plain) : 0;
    const size_t html_bytes = mail->html != NULL ? strlen(mail->html) : 0;
    struct query put = query_on(store, STATEMENT_MAIL_PUT);
    query_bind_text(&put, mail->key);
    query_bind_integer(&put, incident_id);
    query_bind_word(&put, &words_alert_kind, (int)kind);
    query_bind_integer(&put, utc_ms);
    query_bind_text(&put, mail->subject);
    query_bind_text_cut(&put, mail->plain, STORE_MAIL_BYTES_MAX);
    query_bind_text(&put, plain_bytes + html_bytes <= STORE_MAIL_BYTES_MAX ? mail->html : NULL);
    const enum status status = query_run(store, &put, "put mail", err);
    return status == STATUS_OK ? make_place(store, utc_ms, err) : status;
}

enum status store_put_mail(struct store *store, const struct mail *mail, enum alert_kind kind,
                           int64_t incident_id, int64_t utc_ms, struct err *err)
{
    const enum status status = group_begin(store, "put mail", err);
    return status != STATUS_OK
               ? status
               : group_end(store, put_mail(store, mail, kind, incident_id, utc_ms, err), "put mail", err);
}

/* All but the bodies. */
static enum status read_entry(struct store *store, struct query *query, struct outbox_entry *out_entry,
                              struct err *err)
{
    memset(out_entry, 0, sizeof(*out_entry));
    out_entry->id = query_integer(query);
    query_text(query, out_entry->mail.key, sizeof(out_entry->mail.key));
    out_entry->incident_id = query_integer(query);
    out_entry->kind = (enum alert_kind)query_word(query, &words_alert_kind);
    out_entry->queued_utc_ms = query_integer(query);
    const int64_t done_utc_ms = query_integer(query);
    out_entry->state = (enum mail_state)query_word(query, &words_mail_state);
    if (out_entry->state == MAIL_PENDING)
        out_entry->refused_utc_ms = done_utc_ms; /* schema.c */
    else
        out_entry->done_utc_ms = done_utc_ms;
    out_entry->attempts = query_uint32(query);
    query_text(query, out_entry->last_answer, sizeof(out_entry->last_answer));
    query_text(query, out_entry->mail.subject, sizeof(out_entry->mail.subject));
    out_entry->severity = mail_severity(&out_entry->mail, out_entry->kind);
    return query_understood(store, query, "get mails", err);
}

/* A heap copy of a text column, NULL of NULL. */
static enum status read_body(struct store *store, struct query *query, char **out_text, struct err *err)
{
    const int column = query->column++;
    if (sqlite3_column_type(query->statement, column) == SQLITE_NULL) {
        *out_text = NULL;
        return STATUS_OK;
    }
    const char *value = (const char *)sqlite3_column_text(query->statement, column);
    const size_t length = value != NULL ? strlen(value) : 0;
    char *copy = value != NULL ? malloc(length + 1) : NULL;
    if (copy == NULL)
        return err_set(err, STATUS_NO_MEMORY, "next mail", 0, "%s: out of memory", store->path);
    memcpy(copy, value, length + 1);
    *out_text = copy;
    return STATUS_OK;
}

/* What the mail stands for, a line each: those that found no room are counted. */
static enum status read_earlier(struct store *store, struct outbox_entry *entry, int64_t before_utc_ms,
                                struct err *err)
{
    struct query query = query_on(store, STATEMENT_MAILS_STOOD_FOR);
    query_bind_text(&query, entry->mail.key);
    query_bind_integer(&query, before_utc_ms);
    struct buffer lines = {0};
    enum status status;
    size_t count = 0;
    while ((status = query_step(store, &query, "next mail", err)) == STATUS_OK) {
        const int64_t queued_utc_ms = query_integer(&query);
        char subject[MAIL_SUBJECT_MAX];
        query_text(&query, subject, sizeof(subject));
        if (count++ < EARLIER_LINES_MAX) {
            char time[40];
            struct text text = text_on(time, sizeof(time));
            text_add_time_human(&text, queued_utc_ms);
            buffer_add(&lines, "%s  %s\n", time, subject);
        }
    }
    query_done(&query);
    if (count > EARLIER_LINES_MAX) {
        buffer_add(&lines, "... and %zu more: \"storewatch history\" lists them.\n",
                   count - EARLIER_LINES_MAX);
    }
    if (status == STATUS_NOT_FOUND && count > 0) {
        entry->mail.earlier = buffer_take(&lines);
        entry->mail.earlier_count = count;
        entry->replaces_before_utc_ms = before_utc_ms;
        return entry->mail.earlier != NULL
                   ? STATUS_OK
                   : err_set(err, STATUS_NO_MEMORY, "next mail", 0, "%s: out of memory", store->path);
    }
    buffer_deinit(&lines);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

enum status store_next_mail(struct store *store, int64_t after_id, int64_t utc_ms,
                            struct outbox_entry *out_entry, struct err *err)
{
    struct outbox_entry entry = {0};
    struct query query = query_on(store, STATEMENT_MAIL_NEXT);
    query_bind_integer(&query, after_id);
    query_bind_integer(&query, utc_ms - MAIL_LATE_MS);
    enum status status = query_step(store, &query, "next mail", err);
    if (status == STATUS_OK)
        status = read_entry(store, &query, &entry, err);
    if (status == STATUS_OK)
        status = read_body(store, &query, &entry.mail.plain, err);
    if (status == STATUS_OK)
        status = read_body(store, &query, &entry.mail.html, err);
    query_done(&query);
    if (status == STATUS_OK)
        status = read_earlier(store, &entry, utc_ms - MAIL_LATE_MS, err);
    if (status == STATUS_OK)
        *out_entry = entry;
    else
        outbox_entry_deinit(&entry);
    return status;
}

enum status store_set_mail(struct store *store, const char *key, enum mail_state state, uint32_t attempts,
                           const char *answer, int64_t utc_ms, struct err *err)
{
    enum status status = store_writable(store, err);
    if (status != STATUS_OK)
        return status;
    char words[sizeof(((struct outbox_entry *)NULL)->last_answer)];
    text_copy(words, sizeof(words), answer);
    struct query set = query_on(store, STATEMENT_MAIL_SET);
    query_bind_word(&set, &words_mail_state, (int)state);
    query_bind_integer(&set, attempts);
    query_bind_text(&set, words);
    query_bind_integer(&set, utc_ms);
    query_bind_text(&set, key);
    status = query_run(store, &set, "set mail", err);
    if (status == STATUS_OK && sqlite3_changes(store->db) == 0)
        status = err_set(err, STATUS_NOT_FOUND, "set mail", 0, "%s: there is no such mail", store->path);
    return status;
}

enum status store_replace_mails(struct store *store, const char *key, int64_t before_utc_ms, int64_t utc_ms,
                                struct err *err)
{
    char words[MAIL_KEY_MAX + 32];
    struct text text = text_on(words, sizeof(words));
    text_add(&text, "told by the later mail %s", key);
    struct query replace = query_on(store, STATEMENT_MAILS_REPLACE);
    query_bind_text(&replace, key);
    query_bind_integer(&replace, before_utc_ms);
    query_bind_text(&replace, words);
    query_bind_integer(&replace, utc_ms);
    return query_run(store, &replace, "replace mails", err);
}

enum status store_count_mails(struct store *store, enum mail_state state, int64_t since_utc_ms,
                              size_t *out_count, struct err *err)
{
    struct query count =
        query_on(store, state == MAIL_PENDING ? STATEMENT_MAILS_QUEUED : STATEMENT_MAILS_DONE);
    query_bind_word(&count, &words_mail_state, (int)state);
    query_bind_integer(&count, since_utc_ms);
    const enum status status = query_step(store, &count, "count mails", err);
    if (status == STATUS_OK)
        *out_count = (size_t)query_integer(&count);
    query_done(&count);
    return status;
}

enum status store_get_mails(struct store *store, struct outbox_entry *out_entries, size_t capacity,
                            size_t *out_count, struct err *err)
{
    struct query query = query_on(store, STATEMENT_MAILS_GET);
    query_bind_integer(&query, (int64_t)capacity);
    size_t count = 0;
    enum status status = STATUS_OK;
    while (count < capacity && (status = query_step(store, &query, "get mails", err)) == STATUS_OK) {
        status = read_entry(store, &query, &out_entries[count++], err);
        if (status != STATUS_OK)
            break;
    }
    return query_list_end(&query, status, count, out_count);
}

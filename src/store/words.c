/* words.c - enums are words in the file. The words are part of the file format: they never change, whatever
 * the texts for people become. A new value gets a new word; a file with a word that is not here is not
 * understood. */
#include "store_internal.h"

#include <string.h>

#define LIST_OF(name, ...)                                                                                   \
    static const char *const name##_list[] = {__VA_ARGS__};                                                  \
    const struct vocabulary words_##name = {name##_list, (int)ARRAY_COUNT(name##_list)}

#define METRIC_WORD(name, text, unit) [METRIC_##name] = #name,
#define ALERT_WORD(name, id, severity, mailed, headline) [ALERT_##name] = #name,

LIST_OF(target_kind, [TARGET_STORE] = "store", [TARGET_CLIENT] = "client", [TARGET_DISCOVERED] = "discovered",
        [TARGET_HOST] = "host");
LIST_OF(metric, METRIC_LIST(METRIC_WORD));
LIST_OF(incident_state, [INCIDENT_OPEN] = "open", [INCIDENT_RECOVERING] = "recovering",
        [INCIDENT_CLOSED] = "closed");
LIST_OF(rung, [RUNG_ALERT] = "alert", [RUNG_RESTART_CLIENT] = "restart_client",
        [RUNG_RESTART_STORE] = "restart_store");
LIST_OF(restart_phase, [RESTART_IDLE] = "idle", [RESTART_STOPPING] = "stopping",
        [RESTART_STARTING] = "starting", [RESTART_VERIFYING] = "verifying", [RESTART_ENDED] = "ended");
LIST_OF(restart_outcome, [RESTART_OUTCOME_NONE] = "none", [RESTART_SUCCEEDED] = "succeeded",
        [RESTART_RESTORED] = "restored", [RESTART_HANDED_OVER] = "handed_over",
        [RESTART_CALLED_OFF] = "called_off");
LIST_OF(restart_step, [STEP_WAITING] = "waiting", [STEP_ASKED] = "asked", [STEP_REACHED] = "reached",
        [STEP_GIVEN_UP] = "given_up");
LIST_OF(alert_kind, ALERT_LIST(ALERT_WORD));
LIST_OF(mail_state, [MAIL_PENDING] = "pending", [MAIL_SENT] = "sent", [MAIL_DEAD] = "dead",
        [MAIL_REPLACED] = "replaced");

void query_bind_word(struct query *query, const struct vocabulary *words, int value)
{
    query_bind_text(query, value >= 0 && value < words->count ? words->words[value] : NULL);
}

int query_word(struct query *query, const struct vocabulary *words)
{
    const char *word = (const char *)sqlite3_column_text(query->statement, query->column++);
    for (int value = 0; word != NULL && value < words->count; value++)
        if (strcmp(words->words[value], word) == 0)
            return value;
    query->strange = true;
    return 0;
}

/* test_alert.windows.c - `test-alert`: one mail through every relay, and what each answered. Needs no running
 * service. */
#include "storewatch/cli.h"
#include "storewatch/mailer.h"
#include "storewatch/os.h"
#include "storewatch/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum status make_message(struct os *os, const struct config *config, const struct config_relay *relay,
                                const char *const *to, char **out_message)
{
    struct os_facts facts;
    os_facts_get(os, &facts);
    struct alert *alert = calloc(1, sizeof *alert);
    struct mail mail = {0};
    if (!alert)
        return STATUS_NO_MEMORY;
    alert->kind = ALERT_TEST;
    alert->utc_ms = os_utc_ms(os);
    text_copy(alert->host_name, sizeof alert->host_name, facts.host_name);
    struct text text = text_on(alert->text, sizeof alert->text);
    text_add(&text,
             "This is a test, sent by hand through %s, port %u. Alerts from storewatch on %s reach you.",
             relay->host, relay->port, facts.host_name);
    struct text key = text_on(alert->key, sizeof alert->key);
    text_add(&key, "TEST-%lld-%u", (long long)alert->utc_ms, relay->port);
    enum status status = report_mail(alert, config->subject_prefix, &mail);
    if (!status)
        status = report_message(&mail, config->mail_from, to, config->recipient_count, facts.host_name,
                                alert->utc_ms, alert->utc_ms, out_message);
    mail_deinit(&mail);
    free(alert);
    return status;
}

static bool send_through(struct os *os, const struct config *config, const struct config_relay *relay)
{
    const char *to[CONFIG_RECIPIENTS_MAX];
    for (size_t i = 0; i < config->recipient_count; i++)
        to[i] = config->mail_to[i];
    char *message = NULL;
    printf("%s:%u ... ", relay->host, relay->port);
    fflush(stdout);
    enum status made = make_message(os, config, relay, to, &message);
    if (made != STATUS_OK) {
        printf("FAILED: the message cannot be made: %s\n", status_text(made));
        return false;
    }
    struct os_facts facts;
    os_facts_get(os, &facts);
    struct mailer_request request = {.relay = relay,
                                     .from = config->mail_from,
                                     .to = to,
                                     .to_count = config->recipient_count,
                                     .message = message,
                                     .helo = facts.host_name};
    struct mailer_result result = {0};
    struct err err = {0};
    bool sent = mailer_send(&request, &result, &err) == STATUS_OK;
    printf("%s: %s\n", sent ? "sent" : "FAILED", result.answer[0] ? result.answer : err.text);
    free(message);
    return sent;
}

static int send_all(const struct config *config)
{
    struct err err = {0};
    struct os *os = NULL;
    if (config->recipient_count == 0 || config->relay_count == 0) {
        fputs("storewatch: mail.to and mail.relays are not set: alerts go to the event log only\n", stderr);
        return EXIT_USAGE;
    }
    if (os_open(&os, &err) != STATUS_OK || mailer_global_init(&err) != STATUS_OK) {
        os_close(os);
        return cli_fail("%s", err.text);
    }
    size_t failed = 0;
    for (size_t i = 0; i < config->relay_count; i++)
        if (strncmp(config->relays[i].password, "env:", 4) == 0)
            fprintf(stderr,
                    "storewatch: the password of relay %s is read from the environment of this console; the "
                    "service has one of its own\n",
                    config->relays[i].host);
    for (size_t i = 0; i < config->relay_count; i++)
        failed += !send_through(os, config, &config->relays[i]);
    mailer_global_deinit();
    os_close(os);
    return failed ? EXIT_FOUND : EXIT_FINE;
}

int test_alert_run(int argc, char **argv)
{
    const char *config_path = NULL;
    const struct cli_option options[] = {{"--config", &config_path, NULL}};
    if (!cli_parse(argc, argv, options, ARRAY_COUNT(options), NULL, 0, NULL))
        return EXIT_USAGE;
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return cli_fail("out of memory");
    int code = cli_load_config(config_path, config);
    if (code == EXIT_FINE)
        code = send_all(config);
    free(config);
    return code;
}

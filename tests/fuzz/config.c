/* config.c - libFuzzer on the configuration: any bytes give settings within their bounds, or findings with a
 * place. */
#include <stdlib.h>
#include <string.h>

#include "storewatch/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    static struct config_findings findings;
    const enum status status = config_parse((const char *)data, size, &config, &findings);
    require((status == STATUS_OK) == (findings.error_count == 0));
    require(findings.count <= CONFIG_ERRORS_MAX + 1);
    for (size_t i = 0; i < findings.count; i++) {
        char storage[1024];
        struct text text = text_on(storage, sizeof(storage));
        config_finding_format(&text, "f", &findings.items[i]);
        require(findings.items[i].line >= 1 && findings.items[i].column >= 1);
        require(findings.items[i].text[0] != '\0');
        require(i == 0 || findings.items[i - 1].line <= findings.items[i].line);
    }
    if (status == STATUS_OK) {
        require(config.interval_ms >= 50 && config.client_count <= CONFIG_CLIENTS_MAX);
        require(config.relay_count <= CONFIG_RELAYS_MAX && config.recipient_count <= CONFIG_RECIPIENTS_MAX);
        require(config.ladder_count >= 1 && config.ladder_count <= RUNG_COUNT &&
                config.ladder[0] == RUNG_ALERT);
        require(config.window_count <= CONFIG_WINDOWS_MAX && config.veto_count <= CONFIG_VETO_MAX);
        for (size_t i = 0; i < config.recipient_count; i++)
            require(strpbrk(config.mail_to[i], "\r\n") == NULL);
        for (int day = 0; day < 7; day++)
            (void)config_window_open(&config, day, 720);
    }
    return 0;
}

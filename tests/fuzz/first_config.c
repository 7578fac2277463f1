/* first_config.c - libFuzzer on the lists that an installer hands over (MAILTO, RELAY): whatever they hold,
 * the first configuration is refused with words, or it is the default one with nothing but recipients and
 * relays in it that were in the lists.
 *
 * The input is both lists with a NUL between them. */
#include "../../src/app/first_config.h"

#include "storewatch/config.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static const char default_text[] = "{\n  \"version\": 1,\n  \"mode\": \"alert\",\n"
                                   "  \"mail\": { \"to\": [], \"relays\": [] }\n}\n";

static bool is_utf8(const char *text)
{
    json_t *string = json_string(text);
    json_decref(string);
    return string != NULL;
}

static void require_default_but_lists(const char *text, size_t length, const char *mail_to,
                                      const char *relays)
{
    size_t i;
    json_t *item, *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *mail = json_object_get(root, "mail");
    if (root == NULL) {
        require(!is_utf8(mail_to) || !is_utf8(relays)); /* else it is JSON, whatever they hold */
        return;
    }
    require(json_object_size(root) == 3 && json_object_size(mail) == 2);
    require(strcmp(json_string_value(json_object_get(root, "mode")), "alert") == 0);
    json_array_foreach(json_object_get(mail, "to"), i, item)
    {
        require(strstr(mail_to, json_string_value(item)) != NULL);
    }
    json_array_foreach(json_object_get(mail, "relays"), i, item)
    {
        const json_t *port = json_object_get(item, "port");
        require(strstr(relays, json_string_value(json_object_get(item, "host"))) != NULL);
        require(json_object_size(item) == (port != NULL ? 2u : 1u));
        require(port == NULL || (json_integer_value(port) > 0 && json_integer_value(port) <= 65535));
    }
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    static struct config_findings findings;
    char *lists = malloc(size + 2);
    struct buffer out = {0};
    struct err err = {0};
    require(lists != NULL);
    memcpy(lists, data, size);
    lists[size] = lists[size + 1] = '\0';
    const char *mail_to = lists, *relays = lists + strlen(lists) + 1;
    const enum status status =
        first_config_make(default_text, strlen(default_text), mail_to, relays, &out, &err);
    require(status == STATUS_OK || err.text[0] != '\0');
    if (status == STATUS_OK) {
        config_parse(out.data, out.length, &config, &findings);
        require_default_but_lists(out.data, out.length, mail_to, relays);
    }
    buffer_deinit(&out);
    free(lists);
    return 0;
}

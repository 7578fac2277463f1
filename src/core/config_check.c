/* config_check.c - what concerns several values: contradictions, and what somebody should know. */
#include "config_internal.h"

#include <string.h>

#include "storewatch/units.h"

/* A client is the same target as an earlier one when it watches the same image, or the same service's
 * process. */
static bool same_target(const struct config_client *a, const struct config_client *b)
{
    return a->image[0] != '\0' || b->image[0] != '\0'
               ? process_image_is(a->image, b->image) || process_image_is(b->image, a->image)
               : text_equal_nocase(a->service, b->service);
}

/* Has this very key an error, and not just a part of what it holds? */
static bool has_error_at(const struct config_reader *reader, const char *key)
{
    for (size_t i = 0; i < reader->findings->count; i++) {
        const struct config_finding *finding = &reader->findings->items[i];
        if (!finding->warning && strcmp(finding->key, key) == 0)
            return true;
    }
    return false;
}

/* Is a key of it not known? Then what seems to be missing may be there under a mistyped name. */
static bool has_unknown_key(const struct config_reader *reader, const struct config_place *place)
{
    const size_t length = strlen(place->key);
    for (size_t i = 0; i < reader->findings->count; i++) {
        const struct config_finding *finding = &reader->findings->items[i];
        if (finding->unknown_key && strncmp(finding->key, place->key, length) == 0 &&
            finding->key[length] == '.')
            return true;
    }
    return false;
}

static bool member_is_sound(const struct config_reader *reader, const struct config_place *place,
                            const char *member)
{
    char key[sizeof(place->key) + 16];
    struct text text = text_on(key, sizeof(key));
    text_add(&text, "%s.%s", place->key, member);
    return !has_error_at(reader, place->key) && config_is_sound(reader, key);
}

static void check_clients(struct config_reader *reader)
{
    const struct config *config = reader->config;
    const struct config_place clients = config_place_of(reader, "clients");
    json_t *array = json_object_get(reader->root, "clients");
    for (size_t i = 0; i < config->client_count; i++) {
        const struct config_client *client = &config->clients[i];
        const struct config_place place = config_place_element(&clients, i);
        /* A member that is wrong says nothing of how the others stand to each other. */
        const bool service_sound = member_is_sound(reader, &place, "service");
        const bool image_sound = member_is_sound(reader, &place, "image");
        if (service_sound && image_sound && !has_unknown_key(reader, &place) && client->service[0] == '\0' &&
            client->image[0] == '\0') {
            config_report(
                reader, &place, ERROR_AT_VALUE,
                "has neither \"service\" nor \"image\": give the service that is restarted, the image "
                "that is "
                "watched, or both");
            continue;
        }
        json_t *service = json_array_get(array, i);
        const struct config_place service_place = config_place_find(&place, &service, "service");
        if (service_sound && text_equal_nocase(client->service, config->store_service)) {
            config_report(reader, &service_place, ERROR_AT_VALUE,
                          "\"%s\" is the information store itself, which is watched already",
                          client->service);
        }
        for (size_t j = 0; j < i; j++) {
            const struct config_client *earlier = &config->clients[j];
            json_t *name = json_array_get(array, i);
            const struct config_place name_place = config_place_find(&place, &name, "name");
            const struct config_place other = config_place_element(&clients, j);
            const bool names_sound =
                member_is_sound(reader, &place, "name") && member_is_sound(reader, &other, "name");
            const bool targets_sound = service_sound && image_sound &&
                                       member_is_sound(reader, &other, "service") &&
                                       member_is_sound(reader, &other, "image");
            if (names_sound && text_equal_nocase(client->name, earlier->name)) {
                config_report(reader, &name_place, ERROR_AT_VALUE,
                              "\"%s\" is the name of clients[%u] already", client->name, (unsigned)j);
            } else if (targets_sound && same_target(client, earlier)) {
                config_report(reader, &place, ERROR_AT_VALUE,
                              "watches the same process as clients[%u], \"%s\"", (unsigned)j, earlier->name);
            }
        }
    }
}

static void check_ladder(struct config_reader *reader)
{
    const struct config *config = reader->config;
    const struct config_place place = config_place_of(reader, "actions.ladder");
    if (!config_is_sound(reader, "actions.ladder"))
        return;
    if (config->ladder_count == 0 || config->ladder[0] != RUNG_ALERT) {
        config_report(reader, &place, ERROR_AT_VALUE,
                      "must begin with \"alert\": people are told before anything is done");
    }
    for (size_t i = 1; i < config->ladder_count; i++) {
        const struct config_place element = config_place_element(&place, i);
        if (config->ladder[i] == config->ladder[i - 1]) {
            config_report(reader, &element, ERROR_AT_VALUE, "\"%s\" is in the ladder twice",
                          rung_name(config->ladder[i]));
        } else if (config->ladder[i] < config->ladder[i - 1]) {
            config_report(reader, &element, ERROR_AT_VALUE,
                          "\"%s\" comes after \"%s\"; the order is alert, restart_client, restart_store",
                          rung_name(config->ladder[i]), rung_name(config->ladder[i - 1]));
        }
    }
    if (config->mode == MODE_ACT && config->ladder_count == 1) {
        config_report(reader, &place, WARNING_AT_VALUE,
                      "the ladder has no restart, so mode \"act\" does the same as mode \"alert\"");
    }
}

/* Ends the process of a registered client that hangs in its stop: what keeps that from ever happening? */
static void check_on_hang(struct config_reader *reader)
{
    const struct config *config = reader->config;
    if (config->on_hang != HANG_TERMINATE_CLIENT || !config_is_sound(reader, "actions.on_hang") ||
        !config_is_sound(reader, "clients") || !config_is_sound(reader, "mode") ||
        !config_is_sound(reader, "actions.ladder"))
        return;
    bool has_service = false;
    for (size_t i = 0; i < config->client_count; i++)
        has_service |= config->clients[i].service[0] != '\0';
    const char *why =
        config->mode == MODE_ALERT  ? "nothing is ended in mode \"alert\": set mode \"act\""
        : config->ladder_count == 1 ? "nothing is stopped: add \"restart_client\" to actions.ladder"
        : !has_service              ? "only the process of a registered client is ended, and no client has a "
                                      "\"service\": register it under clients"
                                    : NULL;
    if (why != NULL) {
        const struct config_place place = config_place_of(reader, "actions.on_hang");
        config_report(reader, &place, WARNING_AT_VALUE,
                      "\"terminate_client\" has no effect, as %s, or leave \"wait\"", why);
    }
}

static void check_budget(struct config_reader *reader)
{
    const struct config *config = reader->config;
    if (config_is_sound(reader, "actions.budget") && config->budget_min_interval_ms > config->budget_per_ms) {
        const struct config_place place = config_place_of(reader, "actions.budget.min_interval");
        char storage[64];
        struct text text = text_on(storage, sizeof(storage));
        text_add_duration_config(&text, config->budget_min_interval_ms);
        text_add(&text, ") is longer than actions.budget.per (");
        text_add_duration_config(&text, config->budget_per_ms);
        config_report(reader, &place, WARNING_AT_VALUE,
                      "the time between two restarts (%s): it alone decides, \"max\" is never reached",
                      storage);
    }
}

static void check_relays(struct config_reader *reader)
{
    const struct config *config = reader->config;
    const struct config_place relays = config_place_of(reader, "mail.relays");
    for (size_t i = 0; i < config->relay_count; i++) {
        const struct config_relay *relay = &config->relays[i];
        const struct config_place place = config_place_element(&relays, i);
        const bool login_sound =
            member_is_sound(reader, &place, "user") && member_is_sound(reader, &place, "password");
        const bool tls_sound = member_is_sound(reader, &place, "tls");
        if (login_sound && !has_unknown_key(reader, &place) &&
            (relay->user[0] == '\0') != (relay->password[0] == '\0')) {
            config_report(reader, &place, ERROR_AT_VALUE, "has \"%s\" but no \"%s\"; give both or neither",
                          relay->user[0] != '\0' ? "user" : "password",
                          relay->user[0] != '\0' ? "password" : "user");
        } else if (login_sound && tls_sound && relay->password[0] != '\0' && relay->tls == TLS_NONE) {
            config_report(
                reader, &place, WARNING_AT_VALUE,
                "the password crosses the network in clear: \"tls\" should be \"starttls\" or \"implicit\"");
        }
        if (tls_sound && member_is_sound(reader, &place, "port") && relay->tls == TLS_IMPLICIT &&
            relay->port == 25) {
            config_report(reader, &place, WARNING_AT_VALUE,
                          "\"tls\" is \"implicit\" on port 25; relays expect that on port 465");
        }
    }
}

static void check_mail(struct config_reader *reader)
{
    const struct config *config = reader->config;
    const bool to = config->recipient_count > 0 || !config_is_sound(reader, "mail.to");
    const bool relays = config->relay_count > 0 || !config_is_sound(reader, "mail.relays");
    if (to && relays)
        return;
    const struct config_place place = config_place_of(reader, to       ? "mail.relays"
                                                              : relays ? "mail.to"
                                                                       : "mail");
    config_report(reader, &place, WARNING_AT_VALUE, "no %s%s%s: alerts go to the event log only",
                  to ? "" : "recipient (mail.to)", to || relays ? "" : " and no ",
                  relays ? "" : "relay (mail.relays)");
}

/* What it must not take the place of. By its name alone, because a folder has many. */
static const char *overwritten_by(const struct config_reader *reader, const char *name)
{
    static const char *const history[] = {STORE_FILE_NAME, STORE_FILE_NAME "-wal", STORE_FILE_NAME "-shm",
                                          STORE_FILE_NAME "-journal"};
    if (reader->path != NULL && text_equal_nocase(name, path_file_name(reader->path)))
        return "this configuration";
    for (size_t i = 0; i < ARRAY_COUNT(history); i++)
        if (text_equal_nocase(name, history[i]))
            return "the history";
    return NULL;
}

static void check_metrics_file(struct config_reader *reader)
{
    static const char ending[] = ".prom"; /* in this case only */
    const char *path = reader->config->metrics_textfile;
    const size_t length = strlen(path), ending_length = sizeof(ending) - 1;
    if (length == 0 || !config_is_sound(reader, "metrics_textfile"))
        return;
    const struct config_place place = config_place_of(reader, "metrics_textfile");
    const char *overwritten = overwritten_by(reader, path_file_name(path));
    if (overwritten != NULL) {
        config_report(reader, &place, ERROR_AT_VALUE, "\"%s\" is the name of %s, which it would overwrite",
                      path_file_name(path), overwritten);
    } else if (length <= ending_length || strcmp(path + length - ending_length, ending) != 0) {
        config_report(reader, &place, WARNING_AT_VALUE,
                      "windows_exporter reads only files whose name ends in \"%s\"", ending);
    }
}

void config_check(struct config_reader *reader)
{
    check_clients(reader);
    check_ladder(reader);
    check_on_hang(reader);
    check_budget(reader);
    check_relays(reader);
    check_mail(reader);
    check_metrics_file(reader);
}

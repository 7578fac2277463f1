/* control.c - libFuzzer on the control pipe's requests, put to an agent that watches programs with any names:
 * every line is answered with one JSON object, a status or an error with words, and the status and the
 * metrics file stay well-formed whatever the machine's programs are called.
 *
 * The input is four texts with a NUL between them: the image of a client, the service of another, the DLL of
 * a discovered one, and the request. */
#include "drive.h"
#include "fake_os.h"

#include "storewatch/agent.h"
#include "storewatch/control.h"

#include "../../src/app/agent_internal.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct os os;
static char dir[64];

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void forget_history(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        char path[128];
        snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME "%s", dir, suffixes[i]);
        unlink(path);
    }
}

static void remove_dir(void)
{
    forget_history();
    rmdir(dir);
}

/* The next text of the input, as Windows would give it to us: valid UTF-8 that fits. */
static const char *next_text(const uint8_t **data, size_t *size, char *out, size_t capacity)
{
    const uint8_t *end = memchr(*data, '\0', *size);
    const size_t length = end != NULL ? (size_t)(end - *data) : *size;
    char *text = strndup((const char *)*data, length);
    json_t *valid = text != NULL ? json_string(text) : NULL;
    text_copy(out, capacity, valid != NULL && text[0] != '\0' ? text : "x");
    json_decref(valid);
    free(text);
    *data += length + (end != NULL);
    *size -= length + (end != NULL);
    return out;
}

/* Behind {LABEL="VALUE",...}; what is told of storewatch itself has none. */
static const char *behind_labels(const char *at)
{
    if (*at != '{')
        return at;
    do {
        const size_t label = strspn(++at, "abcdefghijklmnopqrstuvwxyz");
        require(label > 0 && at[label] == '=' && at[label + 1] == '"');
        at += label + 2;
        for (; *at != '"'; at++) {
            require(*at != '\0' && *at != '\n');
            if (*at == '\\') {
                at++;
                require(*at == '\\' || *at == '"' || *at == 'n');
            }
        }
        at++;
    } while (*at == ',');
    require(*at == '}');
    return at + 1;
}

/* Each line is a comment or NAME{LABEL="VALUE",...} NUMBER, as OpenMetrics' grammar wants it. */
static void require_metrics(const char *text)
{
    const char *at = text;
    while (strncmp(at, "# EOF\n", 6) != 0) {
        if (at[0] == '#') {
            at += strcspn(at, "\n");
        } else {
            const size_t name = strspn(at, "abcdefghijklmnopqrstuvwxyz_");
            require(name > 0);
            at = behind_labels(at + name);
            require(*at == ' ');
            char *end = NULL;
            (void)strtod(at + 1, &end);
            require(end > at + 1);
            at = end;
        }
        require(*at == '\n');
        at++;
    }
    require(strcmp(at, "# EOF\n") == 0);
}

static void require_answer(struct agent *agent, const char *line, size_t length)
{
    char *copy = malloc(length > 0 ? length : 1); /* of just that size: a read beyond it is seen */
    require(copy != NULL);
    memcpy(copy, line, length);
    char *answer = control_answer(agent, copy, length);
    free(copy);
    require(answer != NULL);
    json_t *root = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));
    require(error != NULL ? error[0] != '\0' : json_integer_value(json_object_get(root, "version")) == 1);
    require(error != NULL || json_array_size(json_object_get(root, "watched")) > 0);
    json_decref(root);
    free(answer);
}

static struct agent *agent_with(const uint8_t **data, size_t *size)
{
    static struct config config;
    char image[PROCESS_IMAGE_MAX], service[SERVICE_NAME_MAX], dll[DLL_PATH_MAX];
    fake_init(&os);
    fake_add_service(&os, "MSExchangeIS", "store.exe", 1.2e9);
    fake_add_program(&os, next_text(data, size, image, sizeof(image)), 1e8, true);
    fake_add_service(&os, next_text(data, size, service, sizeof(service)), "client.exe", 1.5e8);
    struct fake_program *found = fake_add_program(&os, "mailer.exe", 1e8, true);
    found->dlls.count = 1;
    text_copy(found->dlls.items[0].path, sizeof(found->dlls.items[0].path),
              next_text(data, size, dll, sizeof(dll)));
    config_default(&config);
    config.mode = MODE_ACT;
    config.client_count = 2;
    config.clients[0] = config.clients[1] = (struct config_client){0};
    text_copy(config.clients[0].name, sizeof(config.clients[0].name), image);
    text_copy(config.clients[0].image, sizeof(config.clients[0].image), image);
    text_copy(config.clients[1].name, sizeof(config.clients[1].name), service);
    text_copy(config.clients[1].service, sizeof(config.clients[1].service), service);
    text_copy(config.metrics_textfile, sizeof(config.metrics_textfile), "metrics.prom");
    struct agent *agent = NULL;
    const struct agent_options options = {.config_path = "storewatch.json", .data_dir = dir};
    require(agent_new(&os, &config, &options, &agent, NULL) == STATUS_OK);
    return agent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (dir[0] == '\0') {
        text_copy(dir, sizeof(dir), "/dev/shm/storewatch-fuzz-XXXXXX");
        require(mkdtemp(dir) != NULL && atexit(remove_dir) == 0);
    }
    struct agent *agent = agent_with(&data, &size);
    for (int i = 0; i < 2; i++) {
        fake_advance(&os, agent_interval_ms(agent));
        agent_poll(agent);
        drive_lanes(agent);
    }
    require_answer(agent, (const char *)data, size);
    drive_lanes(agent);
    require_answer(agent, "{\"request\":\"status\"}", 20);
    char *metrics = agent_metrics_text(agent);
    require(metrics != NULL);
    require_metrics(metrics);
    free(metrics);
    agent_free(agent);
    fake_deinit(&os);
    forget_history();
    return 0;
}

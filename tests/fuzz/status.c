/* status.c - libFuzzer on the answer that `status` and `doctor` get from the control pipe, of this version,
 * another one, or from whoever has made the pipe: people get UTF-8, Nagios one line of words, one bar and
 * well-formed performance data. */
#include "fake_os.h"

#include "../../src/app/doctor.h"
#include "../../src/app/status_view.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

/* 'LABEL'=NUMBER, 'LABEL'=NUMBERB or 'LABEL'=U; a quotation mark in a label is doubled. */
static const char *require_metric(const char *at)
{
    require(at[0] == ' ' && at[1] == '\'');
    for (at += 2; at[0] != '\'' || at[1] == '\''; at += at[0] == '\'' ? 2 : 1)
        require(*at != '\0' && *at != '=');
    require(at[1] == '=');
    at += 2;
    if (*at == 'U')
        return at + 1;
    char *end = NULL;
    (void)strtod(at, &end);
    require(end > at);
    return end + (*end == 'B');
}

static void require_nagios(const char *line)
{
    const char *bar = strchr(line, '|');
    require(strncmp(line, "STOREWATCH ", 11) == 0 && strchr(line, '\n') == line + strlen(line) - 1);
    if (bar != NULL) {
        const char *at = bar + 1;
        while (*at != '\n')
            at = require_metric(at);
    }
}

static void require_utf8(const char *text, size_t length)
{
    json_t *value = json_stringn(text, length); /* refuses what is none */
    require(value != NULL);
    json_decref(value);
}

static void require_doctor(const char *json)
{
    static struct os os;
    static const struct doctor_time time = {.type = "NT5DS"};
    fake_init(&os);
    struct doctor *doctor = doctor_new(&os);
    require(doctor != NULL);
    doctor->status = json_loads(json, 0, NULL);
    doctor_check_clock(doctor, &time);
    doctor_check_polls(doctor);
    for (size_t i = 0; i < doctor->line_count; i++) {
        require(doctor->lines[i].text[0] != '\0');
        require_utf8(doctor->lines[i].text, strlen(doctor->lines[i].text));
    }
    doctor_free(doctor);
    fake_deinit(&os);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = malloc(size + 1);
    struct buffer words = {0};
    require(json != NULL);
    memcpy(json, data, size);
    json[size] = '\0';
    const int code = status_view_text(json, &words);
    require(code >= -1 && code <= 1 && (code >= 0) == (words.length > 0));
    if (words.length > 0) {
        require_utf8(words.data, words.length);
        require_doctor(json);
    }
    buffer_deinit(&words);
    words = (struct buffer){0};
    const int nagios = status_view_nagios(json, &words);
    require(nagios >= 0 && nagios <= 3);
    require_nagios(words.data);
    buffer_deinit(&words);
    free(json);
    return 0;
}

/* cli.c - what the commands share. */
#include "command_texts.h"

#include "storewatch/cli.h"

#include "storewatch/perfmon.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("storewatch: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return EXIT_COULD_NOT;
}

int cli_needs_windows(const char *command)
{
    return cli_fail(
        "\"%s\" needs Windows: this build only has analyze, replay, check-config, report, history and "
        "version",
        command);
}

static const struct cli_option *option_find(const struct cli_option *options, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

int cli_wrong_use(const char *command, const char *format, ...)
{
    const struct command_text *text = command_text_find(command);
    va_list args;
    va_start(args, format);
    fprintf(stderr, "storewatch %s: ", command);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\nusage: storewatch %s\n%s", text ? text->usage : command, text ? text->more : "");
    va_end(args);
    return EXIT_USAGE;
}

bool cli_parse(int argc, char **argv, const struct cli_option *options, size_t option_count,
               const char **positional, size_t capacity, size_t *out_count)
{
    size_t count = 0;
    bool options_ended = false;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '\0') {
            cli_wrong_use(argv[0], "an argument is empty: is a variable not set?");
            return false;
        }
        if (!options_ended && strcmp(argv[i], "--") == 0) {
            options_ended = true;
            continue;
        }
        if (options_ended || argv[i][0] != '-' || argv[i][1] == '\0') {
            if (count == capacity) {
                cli_wrong_use(argv[0], "too many arguments: %s", argv[i]);
                return false;
            }
            positional[count++] = argv[i];
            continue;
        }
        const struct cli_option *option = option_find(options, option_count, argv[i]);
        if (!option) {
            cli_wrong_use(argv[0], "unknown option: %s", argv[i]);
            return false;
        }
        if (option->flag) {
            *option->flag = true;
            continue;
        }
        if (i + 1 == argc || option_find(options, option_count, argv[i + 1])) {
            cli_wrong_use(argv[0], "a value must follow: %s", argv[i]);
            return false;
        }
        if (argv[++i][0] == '\0') {
            cli_wrong_use(argv[0], "the value of %s is empty: is a variable not set?", option->name);
            return false;
        }
        *option->value = argv[i];
    }
    if (out_count)
        *out_count = count;
    return true;
}

int cli_load_config(const char *path, struct config *out_config)
{
    char default_path[1024];
    if (!path) {
        if (!cli_default_config(default_path, sizeof default_path)) {
            fputs("storewatch: name the configuration with --config FILE\n", stderr);
            return EXIT_USAGE;
        }
        path = default_path;
    }
    struct config_findings *findings = calloc(1, sizeof *findings);
    if (!findings)
        return cli_fail("out of memory");
    struct err err = {0};
    enum status status = config_load(path, out_config, findings, &err);
    int code = status == STATUS_OK ? EXIT_FINE : status == STATUS_INVALID ? EXIT_USAGE : EXIT_COULD_NOT;
    for (size_t i = 0; i < findings->count; i++) {
        char line[1024];
        struct text text = text_on(line, sizeof line);
        config_finding_format(&text, path, &findings->items[i]);
        fprintf(stderr, "%s\n", line);
    }
    if (status != STATUS_OK && findings->count == 0)
        cli_fail("%s", err.text);
    free(findings);
    return code;
}

bool cli_data_dir(const struct config *config, char *out_path, size_t capacity)
{
    if (config->data_dir[0])
        return text_copy(out_path, capacity, config->data_dir);
    return cli_default_data_dir(out_path, capacity);
}

bool cli_history_dir(const char *config_path, const struct config *config, char *out_path, size_t capacity)
{
    char named[1024];
    if (!cli_data_dir(config, named, sizeof named))
        return false;
    if (!cli_works_elsewhere(config_path, named, out_path, capacity))
        return text_copy(out_path, capacity, named);
    fprintf(stderr,
            "storewatch: this is what %s holds, where the service works since it was last started; the "
            "configuration names %s, which it takes over at its next start\n",
            out_path, named);
    return true;
}

bool cli_may_write_page(const char *command, const char *path, const char *const *inputs, size_t input_count)
{
    static const char *const endings[] = {".csv", ".blg", ".db", ".db-wal", ".db-shm", ".json"};
    if (!path)
        return true;
    const size_t length = strlen(path);
    bool is_input = false;
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        const size_t ending = strlen(endings[i]);
        is_input |= length >= ending && text_equal_nocase(path + length - ending, endings[i]);
    }
    for (size_t i = 0; i < input_count; i++)
        is_input |= text_equal_nocase(path, inputs[i]);
    if (is_input)
        fprintf(
            stderr,
            "storewatch %s: --html: \"%s\" would be overwritten; name the page that is to be written, such "
            "as page.html\n",
            command, path);
    return !is_input;
}

int cli_write_file(const char *path, const struct buffer *const *parts, size_t count)
{
    const bool replaces = cli_may_replace(path);
    struct err err = {0};
    struct buffer name = {0};
    buffer_add(&name, "%s%s", path, replaces ? ".storewatch-new" : ""); /* no one else's name */
    if (name.failed)
        return cli_fail("out of memory");
    if (replaces)
        remove(name.data); /* of one that was cut off */
    FILE *file = fopen(name.data, "wb");
    bool good = file != NULL;
    for (size_t i = 0; good && i < count; i++)
        good = parts[i]->length == 0 || fwrite(parts[i]->data, 1, parts[i]->length, file) == parts[i]->length;
    if (file)
        good = fclose(file) == 0 && good;
    if (!good)
        err_set(&err, STATUS_IO, "fwrite", (uint32_t)errno, "%s: cannot be written: %s", path,
                strerror(errno));
    else if (replaces)
        good = cli_file_move(name.data, path, &err) == STATUS_OK;
    if (!good && replaces)
        remove(name.data);
    buffer_deinit(&name);
    return good ? EXIT_FINE : cli_fail("%s", err.text);
}

void cli_say_left_out(const char *path, const struct perfmon *reader)
{
    const uint64_t skipped = perfmon_skipped_count(reader);
    if (perfmon_lacks_zone(reader))
        fprintf(stderr, "%s: it does not tell the time zone of its local times: they are taken as UTC\n",
                path);
    if (skipped > 0)
        fprintf(stderr,
                "%s: %" PRIu64 " row%s not later than the row before skipped: was the clock set back?\n",
                path, skipped, skipped == 1 ? "" : "s");
    uint64_t words_line;
    const char *words = perfmon_words_after(reader, &words_line);
    if (words != NULL)
        fprintf(stderr, "%s:%" PRIu64 ": \"%s\": what the recorder says after its rows was left out\n", path,
                words_line, words);
    if (perfmon_unfinished_line(reader) > 0)
        fprintf(stderr,
                "%s:%" PRIu64 ": the last row is not complete and was left out: is it being written?\n", path,
                perfmon_unfinished_line(reader));
}

int version_run(int argc, char **argv)
{
    if (!cli_parse(argc, argv, NULL, 0, NULL, 0, NULL))
        return EXIT_USAGE;
    printf("storewatch %s\n", STOREWATCH_VERSION);
    return EXIT_FINE;
}

/* agent_fixture.c - see agent_fixture.h. */
#include "agent_fixture.h"

#include "storewatch/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    fake_init(&f->os);
    fake_add_service(&f->os, "MSExchangeIS", "store.exe", 1.2e9);
    config_default(&f->config);
    fake_mail(&f->config);
    drive_folder_make(f->dir);
    f->options = (struct agent_options){.data_dir = f->dir};
    return f;
}

void fixture_acts(struct fixture *f)
{
    fake_add_service(&f->os, "ArchiveSvc", "archive.exe", 1.5e8);
    f->config.mode = MODE_ACT;
    f->config.window_count = 0;
    f->config.warm_up_ms = 0;
    f->config.min_window_ms = 10 * MS_PER_MINUTE;
    f->config.verify_ms = MS_PER_MINUTE;
}

int teardown(void **state)
{
    struct fixture *f = *state;
    die(f);
    fake_deinit(&f->os);
    drive_folder_remove(f->dir);
    free(f);
    return 0;
}

int setup_acting(void **state)
{
    struct fixture *f = fixture_new();
    fixture_acts(f);
    world_need(&f->os.world, "ArchiveSvc", "MSExchangeIS");
    live(f);
    *state = f;
    return 0;
}

void live(struct fixture *f)
{
    die(f);
    assert_int_equal(agent_new(&f->os, &f->config, &f->options, &f->agent, NULL), STATUS_OK);
}

void die(struct fixture *f)
{
    agent_free(f->agent);
    f->agent = NULL;
}

void poll_once(struct fixture *f)
{
    fake_advance(&f->os, f->config.interval_ms);
    agent_poll(f->agent);
}

void poll_often(struct fixture *f, int polls)
{
    for (int i = 0; i < polls; i++) {
        poll_once(f);
        drive_lanes(f->agent);
    }
}

void run_by_seconds(struct fixture *f, int64_t ms)
{
    const int64_t end_ms = f->os.world.mono_ms + ms;
    while (f->os.world.mono_ms < end_ms) {
        for (int i = 0; i < 15; i++) {
            fake_advance(&f->os, MS_PER_SECOND);
            agent_wake(f->agent);
            drive_lanes(f->agent);
        }
        agent_poll(f->agent);
        drive_lanes(f->agent);
    }
}

void leak(struct fixture *f)
{
    struct fake_program *store = fake_program_find(&f->os, "MSExchangeIS");
    fake_grow(&f->os, store, FAKE_LEAK);
    store->bytes_per_hour = 2e9;
}

void leak_until_mailed(struct fixture *f)
{
    leak(f);
    while (!did(f, "mail"))
        poll_often(f, 1);
}

bool did(const struct fixture *f, const char *deed)
{
    return times_done(f, deed) > 0;
}

size_t times_done(const struct fixture *f, const char *deed)
{
    size_t count = 0;
    for (const char *at = f->os.log_storage; (at = strstr(at, deed)) != NULL; at += strlen(deed))
        count++;
    return count;
}

char *ask(struct fixture *f, const char *line)
{
    return control_answer(f->agent, line, strlen(line));
}

void assert_answer(struct fixture *f, const char *line, const char *wanted)
{
    char *answer = ask(f, line);
    assert_non_null(answer);
    if (!strstr(answer, wanted))
        fail_msg("%s -> %s, not %s", line, answer, wanted);
    free(answer);
}

void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* history.c - libFuzzer on a history that somebody else has written: `history` and `report` read a copy that
 * was sent (--data), and after a bad disk anything can stand in ours. Each command answers or says what is
 * wrong, with no undefined behaviour; a service that starts with such a history opens it or sets it aside.
 *
 * The input is SQL that is done to a good history: UPDATE, INSERT, DELETE. */
#include "storewatch/cli.h"
#include "storewatch/store.h"
#include "storewatch/units.h"

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define NOW INT64_C(1772323200000)
#define ASIDE ".bad-20260301T000000" /* what a file that is set aside then is called */

static char dir[64], path[128], page[128];
static char *good; /* the bytes of the good history */
static size_t good_size;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void remove_all(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", ASIDE, ASIDE "-wal", ASIDE "-shm"};
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        char name[sizeof(path) + 32];
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
    unlink(page);
}

static void remove_dir(void)
{
    remove_all();
    rmdir(dir);
}

static void make_good(void)
{
    const struct store_series_key key = {.target_kind = TARGET_STORE,
                                         .target = "MSExchangeIS",
                                         .image = "store.exe",
                                         .process = {4, 7},
                                         .metric = METRIC_PRIVATE_BYTES};
    char plain[] = "words", subject[] = "s";
    struct incident incident = {.id = 1, .state = INCIDENT_OPEN, .opened_utc_ms = NOW};
    struct restart_journal journal = {.id = 1, .phase = RESTART_ENDED, .begun_utc_ms = NOW};
    struct mail mail = {.plain = plain};
    struct store *store = NULL;
    text_copy(incident.target, sizeof(incident.target), "MSExchangeIS");
    text_copy(mail.key, sizeof(mail.key), "OPENED-1");
    text_copy(mail.subject, sizeof(mail.subject), subject);
    require(store_open(path, NOW, &store, NULL) == STATUS_OK);
    require(store_begin(store, NULL) == STATUS_OK);
    for (int64_t at = NOW - 12 * MS_PER_HOUR; at <= NOW; at += 2 * MS_PER_MINUTE) /* a leak, charts and all */
        require(store_put_sample(store, &key, at, 2e9 + 20.0 * (double)(at - NOW), NULL) == STATUS_OK);
    require(store_put_incident(store, &incident, NULL) == STATUS_OK);
    require(store_put_restart(store, &journal, NULL) == STATUS_OK);
    require(store_put_mail(store, &mail, ALERT_OPENED, 1, NOW, NULL) == STATUS_OK);
    require(store_put_setting(store, STORE_SETTING_STATUS, "{\"watched\": []}", NULL) == STATUS_OK);
    require(store_commit(store, NULL) == STATUS_OK);
    store_close(store);
}

static void file_read(void)
{
    FILE *file = fopen(path, "rb");
    require(file != NULL && fseek(file, 0, SEEK_END) == 0);
    good_size = (size_t)ftell(file);
    good = malloc(good_size);
    rewind(file);
    require(good != NULL && fread(good, 1, good_size, file) == good_size);
    fclose(file);
}

static void file_write(void)
{
    FILE *file = fopen(path, "wb");
    require(file != NULL && fwrite(good, 1, good_size, file) == good_size && fclose(file) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    text_copy(dir, sizeof(dir), "/dev/shm/storewatch-fuzz-XXXXXX");
    require(mkdtemp(dir) != NULL && atexit(remove_dir) == 0);
    store_path(path, sizeof(path), dir);
    snprintf(page, sizeof(page), "%s/page.html", dir);
    make_good();
    file_read();
    require(freopen("/dev/null", "w", stdout) != NULL);
    return 0;
}

/* No query: what is done takes no longer than there are rows. */
static int only_rows(void *unused, int action, const char *a, const char *b, const char *c, const char *d)
{
    (void)unused, (void)a, (void)b, (void)c, (void)d;
    return action == SQLITE_UPDATE || action == SQLITE_INSERT || action == SQLITE_DELETE ||
                   action == SQLITE_READ
               ? SQLITE_OK
               : SQLITE_DENY;
}

static void change(const uint8_t *data, size_t size)
{
    char *sql = malloc(size + 1);
    sqlite3 *db = NULL;
    require(sql != NULL && sqlite3_open(path, &db) == SQLITE_OK);
    memcpy(sql, data, size);
    sql[size] = '\0';
    sqlite3_set_authorizer(db, only_rows, NULL);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
    free(sql);
}

static void run(int (*command)(int, char **), const char *name, const char *option, const char *value)
{
    char words[5][128] = {{0}};
    char *argv[ARRAY_COUNT(words)];
    int argc = 0;
    const char *const given[] = {name, "--data", dir, option, value};
    for (size_t i = 0; i < ARRAY_COUNT(given) && given[i] != NULL; i++) {
        text_copy(words[argc], sizeof(words[0]), given[i]);
        argv[argc] = words[argc];
        argc++;
    }
    const int code = command(argc, argv);
    require(code == EXIT_FINE || code == EXIT_FOUND || code == EXIT_COULD_NOT);
}

static void start_service(void)
{
    static struct incident incidents[16];
    static struct restart_journal journals[4];
    static struct budget_entry entries[16];
    char words[256];
    struct store *store = NULL;
    struct outbox_entry mail = {0};
    size_t count = 0;
    if (store_open(path, NOW, &store, NULL) != STATUS_OK)
        return;
    store_get_incidents(store, true, incidents, ARRAY_COUNT(incidents), &count, NULL);
    store_get_restarts(store, journals, ARRAY_COUNT(journals), &count, NULL);
    store_get_budget(store, entries, ARRAY_COUNT(entries), &count, NULL);
    store_get_setting(store, "clean_stop", words, sizeof(words), NULL);
    if (store_next_mail(store, 0, 0, &mail, NULL) == STATUS_OK)
        outbox_entry_deinit(&mail);
    store_maintain(store, NOW + STORE_RAW_MS, NULL);
    store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    file_write();
    change(data, size);
    run(history_run, "history", NULL, NULL);
    run(history_run, "history", "--json", NULL);
    run(history_run, "history", "--csv", NULL);
    run(report_run, "report", NULL, NULL);
    run(report_run, "report", "--html", page);
    start_service();
    remove_all();
    return 0;
}

/* test_process_list.c - what the kernel writes about all processes, read without trusting it. Lists are built
 * in the 64-bit layout, which is the native one; the probe under Wine runs the same code in both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/win32/process_list.c"
#include "../../src/win32/utf16.c"

#define ROOM 4096

/* A list in a block of exactly its size, so that the sanitizer sees every byte read beyond it. */
struct list {
    unsigned char *bytes;
    size_t size, last;
};

static struct nt_process *process_at(const struct list *list, size_t offset)
{
    return (struct nt_process *)(void *)(list->bytes + offset);
}

static void list_free(struct list *list)
{
    free(list->bytes);
}

/* Appends a process whose image name follows it, after room for one thread. Returns its offset. */
static size_t list_add(struct list *list, uint32_t pid, const char *image, struct nt_process process)
{
    const size_t name = sizeof(process) + 80, units = strlen(image);
    const size_t size = (name + units * sizeof(uint16_t) + 7) / 8 * 8, offset = list->size;
    assert_true(offset + size <= ROOM);
    if (list->bytes == NULL)
        list->bytes = calloc(1, ROOM);
    if (offset > 0)
        process_at(list, list->last)->next_offset = (uint32_t)(offset - list->last);
    uint16_t *text = (uint16_t *)(void *)(list->bytes + offset + name);
    for (size_t i = 0; i < units; i++)
        text[i] = (uint16_t)(unsigned char)image[i];
    process.pid = pid;
    process.image = (struct nt_string){.length_bytes = (uint16_t)(units * sizeof(uint16_t)),
                                       .text = units != 0 ? text : NULL};
    memcpy(list->bytes + offset, &process, sizeof(process));
    list->last = offset;
    list->size = offset + size;
    return offset;
}

/* Moves the list into a block of its own size; the names move with it. */
static void list_trim(struct list *list)
{
    unsigned char *exact = malloc(list->size);
    memcpy(exact, list->bytes, list->size);
    for (size_t offset = 0;;) {
        struct nt_process *process = (struct nt_process *)(void *)(exact + offset);
        if (process->image.text != NULL) {
            const size_t at = (size_t)((const unsigned char *)process->image.text - list->bytes);
            process->image.text = (const uint16_t *)(const void *)(exact + at);
        }
        if (process->next_offset == 0)
            break;
        offset += process->next_offset;
    }
    free(list->bytes);
    list->bytes = exact;
}

static void numbers_are_read(void **state)
{
    (void)state;
    struct list list = {0};
    list_add(&list, 0, "", (struct nt_process){.thread_count = 2});
    list_add(&list, 1234, "Store.exe",
             (struct nt_process){.thread_count = 40,
                                 .created_100ns = 132000000000000000,
                                 .user_100ns = 30000,
                                 .kernel_100ns = 5000,
                                 .parent_pid = 500,
                                 .handle_count = 9000,
                                 .working_set_bytes = 700,
                                 .pagefile_bytes = 850,
                                 .private_bytes = 900,
                                 .read_count = 1,
                                 .write_count = 10,
                                 .other_count = 100});
    list_trim(&list);
    struct process processes[4];
    size_t count = 0;
    bool cut = true;
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 4, &count, &cut), STATUS_OK);
    assert_int_equal(count, 1); /* the idle process is none */
    assert_false(cut);
    assert_int_equal(processes[0].id.pid, 1234);
    assert_int_equal(processes[0].id.created_100ns, 132000000000000000);
    assert_int_equal(processes[0].parent_pid, 500);
    assert_string_equal(processes[0].image, "Store.exe");
    assert_true(processes[0].private_bytes == 900);
    assert_true(processes[0].handle_count == 9000);
    assert_true(processes[0].working_set_bytes == 700);
    assert_true(processes[0].thread_count == 40);
    assert_true(processes[0].cpu_ms == 3.5);
    assert_true(processes[0].io_count == 111);
    list_free(&list);
}

static void zero_is_unknown_not_zero(void **state)
{
    (void)state;
    struct list list = {0};
    struct process processes[2];
    size_t count = 0;
    bool cut = false;
    list_add(&list, 8, "a.exe", (struct nt_process){.thread_count = 1, .pagefile_bytes = 4096}); /* Wine */
    list_add(&list, 12, "b.exe", (struct nt_process){.thread_count = 1});
    list_trim(&list);
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(processes[0].private_bytes == 4096);
    assert_false(reading_known(processes[1].private_bytes));
    assert_false(reading_known(processes[1].handle_count));
    assert_false(reading_known(processes[1].working_set_bytes));
    assert_true(processes[1].cpu_ms == 0); /* it may really have used none yet */
    list_free(&list);
}

static void a_process_that_has_ended_is_left_out(void **state)
{
    (void)state;
    struct list list = {0};
    struct process processes[2];
    size_t count = 0;
    bool cut = false;
    list_add(&list, 8, "ended.exe", (struct nt_process){.thread_count = 0, .private_bytes = 1});
    list_add(&list, 8, "new.exe", (struct nt_process){.thread_count = 1, .private_bytes = 1});
    list_trim(&list);
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_int_equal(count, 1);
    assert_string_equal(processes[0].image, "new.exe");
    list_free(&list);
}

static void more_than_there_is_room_for_is_told(void **state)
{
    (void)state;
    struct list list = {0};
    struct process processes[2];
    size_t count = 0;
    bool cut = false;
    for (uint32_t pid = 4; pid <= 12; pid += 4)
        list_add(&list, pid, "x.exe", (struct nt_process){.thread_count = 1});
    list_trim(&list);
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_int_equal(count, 2);
    assert_true(cut);
    list_free(&list);
}

static void a_long_name_is_cut_and_a_missing_one_is_empty(void **state)
{
    (void)state;
    struct list list = {0};
    struct process processes[2];
    size_t count = 0;
    bool cut = false;
    list_add(&list, 4, "a-program-with-a-name-that-is-longer-than-any-that-we-have-room-for.exe",
             (struct nt_process){.thread_count = 1});
    list_add(&list, 8, "", (struct nt_process){.thread_count = 1});
    list_trim(&list);
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_int_equal(strlen(processes[0].image), PROCESS_IMAGE_MAX - 1);
    assert_string_equal(processes[1].image, "");
    list_free(&list);
}

static void offsets_that_point_outside_are_refused(void **state)
{
    (void)state;
    struct process processes[4];
    size_t count = 77;
    bool cut = false;
    static const uint32_t bad[] = {UINT32_MAX, 100000, 1, 4000};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct list list = {0};
        list_add(&list, 4, "a.exe", (struct nt_process){.thread_count = 1});
        const size_t second = list_add(&list, 8, "b.exe", (struct nt_process){.thread_count = 1});
        list_trim(&list);
        process_at(&list, second)->next_offset = bad[i];
        assert_int_equal(process_list_read(list.bytes, list.size, processes, 4, &count, &cut),
                         STATUS_CORRUPT);
        assert_int_equal(count, 77);
        list_free(&list);
    }
    const unsigned char few[16] = {0};
    assert_int_equal(process_list_read(few, sizeof(few), processes, 4, &count, &cut), STATUS_CORRUPT);
    assert_int_equal(process_list_read(few, 0, processes, 4, &count, &cut), STATUS_CORRUPT);
}

static void a_name_that_lies_outside_is_not_read(void **state)
{
    (void)state;
    struct process processes[2];
    size_t count = 0;
    bool cut = false;
    struct list list = {0};
    list_add(&list, 4, "a.exe", (struct nt_process){.thread_count = 1});
    const size_t second = list_add(&list, 8, "b.exe", (struct nt_process){.thread_count = 1});
    list_trim(&list);
    process_at(&list, 0)->image.length_bytes = 60000;
    process_at(&list, second)->image.text = (const uint16_t *)(uintptr_t)16;
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_string_equal(processes[0].image, "");
    assert_string_equal(processes[1].image, "");
    /* Nor one at an odd address. */
    process_at(&list, second)->image.text = (const uint16_t *)(const void *)(list.bytes + 1);
    assert_int_equal(process_list_read(list.bytes, list.size, processes, 2, &count, &cut), STATUS_OK);
    assert_string_equal(processes[1].image, "");
    list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read),
        cmocka_unit_test(zero_is_unknown_not_zero),
        cmocka_unit_test(a_process_that_has_ended_is_left_out),
        cmocka_unit_test(more_than_there_is_room_for_is_told),
        cmocka_unit_test(a_long_name_is_cut_and_a_missing_one_is_empty),
        cmocka_unit_test(offsets_that_point_outside_are_refused),
        cmocka_unit_test(a_name_that_lies_outside_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

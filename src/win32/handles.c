/* handles.c - how many handles a process has, by type, from the system's own table of all handles.
 *
 * The table gives each type a number; the list of types gives names, in the order of the numbers, but which
 * number the first one has differs between the versions of Windows. So that is measured: handles of our own,
 * whose types we know, are looked up in the same table. Where that is not conclusive there are no names. */
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define SYSTEM_EXTENDED_HANDLE_INFORMATION_KIND 64 /* NT 5.1 */
#define OBJECT_TYPES_INFORMATION_KIND 3
#define BUFFER_FIRST_BYTES ((size_t)1024 * 1024)
#define BUFFER_LAST_BYTES ((size_t)128 * 1024 * 1024) /* 3.3 million handles on a 64-bit system */
#define TYPES_BYTES ((size_t)64 * 1024)
#define TYPE_NUMBERS_MAX 256

struct handle_entry {
    const void *object;
    ULONG_PTR pid, handle;
    ULONG access;
    USHORT back_trace, type;
    ULONG attributes, reserved;
};

struct handle_table {
    ULONG_PTR count, reserved;
    struct handle_entry entries[];
};

_Static_assert(sizeof(struct handle_entry) == (sizeof(void *) == 8 ? 40 : 28), "layout since NT 5.1");

struct nt_text {
    USHORT length_bytes, capacity_bytes;
    const wchar_t *text;
};

/* The fixed part has the same size in all versions; the name's characters follow, aligned to a pointer. */
struct object_type {
    struct nt_text name;
    ULONG counts[12];
    ULONG invalid_attributes, mapping[4], valid_access;
    UCHAR flags[4];
    ULONG pool, paged_use, nonpaged_use;
};

static enum status table_read(struct os *os, struct handle_table **out_table, size_t *out_count,
                              struct err *err)
{
    LONG code = NTSTATUS_LENGTH_MISMATCH;
    for (size_t size = BUFFER_FIRST_BYTES; size <= BUFFER_LAST_BYTES; size *= 2) {
        ULONG needed = 0;
        struct handle_table *table = malloc(size);
        if (table == NULL) {
            return err_set(err, STATUS_NO_MEMORY, "NtQuerySystemInformation", 0,
                           "no memory for the table of handles");
        }
        code = os->late.NtQuerySystemInformation(SYSTEM_EXTENDED_HANDLE_INFORMATION_KIND, table, (ULONG)size,
                                                 &needed);
        if (code >= 0) {
            const size_t room = (size - sizeof(*table)) / sizeof(table->entries[0]);
            *out_count = table->count < room ? (size_t)table->count : room;
            *out_table = table;
            return STATUS_OK;
        }
        free(table);
        if (code != NTSTATUS_LENGTH_MISMATCH)
            break;
    }
    return err_set(err, STATUS_SYSTEM, "NtQuerySystemInformation", (uint32_t)code,
                   "the system's table of handles cannot be read (0x%08lx)", (unsigned long)code);
}

/* ---- names ---- */

struct type_names {
    size_t count;
    char names[HANDLE_TYPES_MAX][48];
};

/* In the order of their numbers. */
static void names_read(const struct late *late, struct type_names *out_names)
{
    ULONG needed = 0;
    unsigned char *bytes = calloc(1, TYPES_BYTES);
    out_names->count = 0;
    if (bytes != NULL &&
        late->NtQueryObject(NULL, OBJECT_TYPES_INFORMATION_KIND, bytes, (ULONG)TYPES_BYTES, &needed) >= 0) {
        const ULONG_PTR begin = (ULONG_PTR)bytes;
        const size_t alignment = sizeof(void *) - 1;
        ULONG count = 0;
        memcpy(&count, bytes, sizeof(count));
        size_t at = (sizeof(count) + alignment) & ~alignment;
        while (out_names->count < count && out_names->count < HANDLE_TYPES_MAX) {
            struct object_type type;
            if (at > TYPES_BYTES - sizeof(type))
                break;
            memcpy(&type, bytes + at, sizeof(type));
            const ULONG_PTR text = (ULONG_PTR)type.name.text;
            if (text < begin || text - begin > TYPES_BYTES ||
                type.name.capacity_bytes > TYPES_BYTES - (text - begin) ||
                type.name.length_bytes > type.name.capacity_bytes)
                break;
            utf16_to_utf8(type.name.text, type.name.length_bytes / sizeof(wchar_t),
                          out_names->names[out_names->count++], sizeof(out_names->names[0]));
            at = (size_t)(text - begin + type.name.capacity_bytes + alignment) & ~alignment;
        }
    }
    free(bytes);
}

/* Handles of our own, of types that we know. */
struct witness {
    const char *type;
    HANDLE handle;
};

/* The number of the first name: where all witnesses agree, else -1. */
static int first_number(const struct handle_table *table, size_t count, const struct type_names *names,
                        const struct witness *witnesses, size_t witness_count)
{
    int first = -1;
    for (size_t w = 0; w < witness_count; w++) {
        int number = -1, position = -1;
        for (size_t i = 0; i < count && number < 0; i++)
            if (table->entries[i].pid == GetCurrentProcessId() &&
                table->entries[i].handle == (ULONG_PTR)witnesses[w].handle)
                number = table->entries[i].type;
        for (size_t i = 0; i < names->count && position < 0; i++)
            if (strcmp(names->names[i], witnesses[w].type) == 0)
                position = (int)i;
        if (number < 0 || position < 0 || number < position || (first >= 0 && first != number - position))
            return -1;
        first = number - position;
    }
    return first;
}

static int by_count(const void *a, const void *b)
{
    const struct handle_type *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : (int)x->number - (int)y->number;
}

enum status os_process_handles(struct os *os, struct process_id id, struct handle_counts *out_counts,
                               struct err *err)
{
    static const char *const types[] = {"Event", "Mutant", "Semaphore"};
    struct witness witnesses[] = {{types[0], CreateEventW(NULL, TRUE, FALSE, NULL)},
                                  {types[1], CreateMutexW(NULL, FALSE, NULL)},
                                  {types[2], CreateSemaphoreW(NULL, 0, 1, NULL)}};
    struct handle_table *table = NULL;
    struct handle_counts *counts = calloc(1, sizeof(*counts));
    struct type_names *names = calloc(1, sizeof(*names));
    uint32_t by_number[TYPE_NUMBERS_MAX] = {0};
    size_t count = 0;
    HANDLE process = NULL;
    bool wow64 = false;
    enum status status = STATUS_NO_MEMORY;
    if (counts == NULL || names == NULL) {
        err_set(err, status, "handles", 0, "not enough memory");
        goto done;
    }
    status = table_read(os, &table, &count, err);
    /* Is the process that has this number still the one that was meant? */
    if (status == STATUS_OK)
        status = process_open(&os->late, id, &process, &wow64, err);
    if (status != STATUS_OK)
        goto done;
    CloseHandle(process);
    names_read(&os->late, names);
    const int first = first_number(table, count, names, witnesses, ARRAY_COUNT(witnesses));
    for (size_t i = 0; i < count; i++) {
        if (table->entries[i].pid == id.pid) {
            counts->total++;
            by_number[table->entries[i].type % TYPE_NUMBERS_MAX]++;
        }
    }
    for (int number = 0; number < TYPE_NUMBERS_MAX && counts->type_count < HANDLE_TYPES_MAX; number++) {
        if (by_number[number] == 0)
            continue;
        struct handle_type *type = &counts->types[counts->type_count++];
        type->number = (uint16_t)number;
        type->count = by_number[number];
        if (first >= 0 && number >= first && (size_t)(number - first) < names->count)
            text_copy(type->name, sizeof(type->name), names->names[number - first]);
    }
    qsort(counts->types, counts->type_count, sizeof(counts->types[0]), by_count);
    *out_counts = *counts;
done:
    for (size_t i = 0; i < ARRAY_COUNT(witnesses); i++)
        if (witnesses[i].handle != NULL)
            CloseHandle(witnesses[i].handle);
    free(table);
    free(names);
    free(counts);
    return status;
}

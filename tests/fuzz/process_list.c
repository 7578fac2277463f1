/* process_list.c - libFuzzer on the kernel's list of processes: any buffer gives processes with terminated
 * names and readings that are numbers or unknown, or CORRUPT. Read in the layout of the machine that fuzzes.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/win32/process_list.c"
#include "../../src/win32/utf16.c"

#define PROCESSES_MOST 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool fit(reading value)
{
    return isnan(value) || !isinf(value);
}

/* In the input a name's pointer is an offset into it, as it cannot be known where the buffer will lie. */
static void place_names(unsigned char *bytes, size_t size)
{
    for (size_t offset = 0;
         size >= sizeof(struct nt_process) && offset <= size - sizeof(struct nt_process);) {
        struct nt_process nt;
        memcpy(&nt, bytes + offset, sizeof(nt));
        if (nt.image.text != NULL) {
            nt.image.text = (const uint16_t *)((uintptr_t)bytes + (uintptr_t)nt.image.text);
            memcpy(bytes + offset, &nt, sizeof(nt));
        }
        if (nt.next_offset == 0 || nt.next_offset > size - offset)
            return;
        offset += nt.next_offset;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *bytes = malloc(size > 0 ? size : 1);
    struct process *processes = calloc(PROCESSES_MOST, sizeof(*processes));
    size_t count = 99;
    bool cut = false;
    require(bytes != NULL && processes != NULL);
    memcpy(bytes, data, size);
    place_names(bytes, size);
    if (process_list_read(bytes, size, processes, PROCESSES_MOST, &count, &cut) == STATUS_OK) {
        require(count <= PROCESSES_MOST && (!cut || count == PROCESSES_MOST));
        for (size_t i = 0; i < count; i++) {
            const struct process *process = &processes[i];
            require(memchr(process->image, '\0', sizeof(process->image)) != NULL);
            require(process->id.pid != 0 || sizeof(uintptr_t) == 8);
            require(fit(process->private_bytes) && fit(process->handle_count) &&
                    fit(process->working_set_bytes));
            require(process->private_bytes != 0 && process->handle_count != 0);
        }
    } else {
        require(count == 99);
    }
    free(bytes);
    free(processes);
    return 0;
}

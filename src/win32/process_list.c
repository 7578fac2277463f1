/* process_list.c - see process_list.h. The buffer is the kernel's, yet every offset in it is checked: a tool
 * that reads every process of a mail server every few seconds must not be the one that falls over. */
#include "process_list.h"

#include "utf16.h"

#include <string.h>

#define TICKS_PER_MS 10000.0

/* Neither is ever 0 in a live process; a system that does not tell it (Wine, an old NT) writes 0. */
static reading unless_zero(uintptr_t value)
{
    return value != 0 ? (reading)value : READING_UNKNOWN;
}

static void image_read(const struct nt_string *image, const unsigned char *buffer, size_t size,
                       char out[PROCESS_IMAGE_MAX])
{
    const uintptr_t begin = (uintptr_t)buffer, text = (uintptr_t)image->text;
    out[0] = '\0';
    if (text >= begin && text - begin <= size && text % sizeof(uint16_t) == 0 &&
        image->length_bytes <= size - (text - begin))
        utf16_to_name(image->text, image->length_bytes / sizeof(uint16_t), out, PROCESS_IMAGE_MAX);
}

enum status process_list_read(const void *buffer, size_t size, struct process *out_processes, size_t capacity,
                              size_t *out_count, bool *out_cut)
{
    const unsigned char *bytes = buffer;
    size_t count = 0;
    bool cut = false;
    for (size_t offset = 0;;) {
        struct nt_process nt;
        if (size < sizeof(nt) || offset > size - sizeof(nt))
            return STATUS_CORRUPT;
        memcpy(&nt, bytes + offset, sizeof(nt));
        if (nt.pid != 0 && nt.thread_count != 0) {
            if (count == capacity) {
                cut = true;
                break;
            }
            struct process *process = &out_processes[count++];
            process->id.pid = (uint32_t)nt.pid;
            process->id.created_100ns = (uint64_t)nt.created_100ns;
            process->parent_pid = (uint32_t)nt.parent_pid;
            image_read(&nt.image, bytes, size, process->image);
            process->private_bytes =
                unless_zero(nt.private_bytes != 0 ? nt.private_bytes : nt.pagefile_bytes);
            process->handle_count = unless_zero(nt.handle_count);
            process->working_set_bytes = unless_zero(nt.working_set_bytes);
            process->thread_count = nt.thread_count;
            process->cpu_ms = ((reading)nt.user_100ns + (reading)nt.kernel_100ns) / TICKS_PER_MS;
            process->io_count = (reading)nt.read_count + (reading)nt.write_count + (reading)nt.other_count;
        }
        if (nt.next_offset == 0)
            break;
        if (nt.next_offset > size - offset)
            return STATUS_CORRUPT;
        offset += nt.next_offset;
    }
    *out_count = count;
    *out_cut = cut;
    return STATUS_OK;
}

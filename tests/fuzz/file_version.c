/* file_version.c - libFuzzer on executable images, as files and as they lie in memory: any bytes give a
 * version or an error with words, and a bounded number of reads. */
#include <stdlib.h>
#include <string.h>

#include "storewatch/file_version.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *data;
    size_t size, reads;
};

static bool reader(void *context, uint64_t offset, void *out_bytes, size_t count)
{
    struct bytes *bytes = context;
    bytes->reads++;
    if (offset > bytes->size || count > bytes->size - offset)
        return false;
    memcpy(out_bytes, bytes->data + offset, count);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int layout = IMAGE_AS_FILE; layout <= IMAGE_AS_LOADED; layout++) {
        struct bytes bytes = {data, size, 0};
        struct file_version version = {.known = false};
        struct err err = {0};
        const enum status status =
            file_version_read(reader, &bytes, (enum image_layout)layout, &version, &err);
        if (version.known != (status == STATUS_OK) || (status != STATUS_OK) != (err.text[0] != '\0') ||
            bytes.reads > 8 + 96 + 3 * IMAGE_RESOURCES_MAX / 64)
            abort();
    }
    return 0;
}

/* file_version.h - the four numbers of a Windows file version, and how they are found in an executable image.
 *
 * The image may be a file or what a process has loaded; both are read through a callback, a few hundred bytes
 * in all, whatever the image says of itself: hostile headers and resources end in an error, nothing else. */
#ifndef STOREWATCH_FILE_VERSION_H
#define STOREWATCH_FILE_VERSION_H

#include "storewatch/base.h"

struct file_version {
    bool known; /* false: the image has none, or it could not be read */
    uint16_t part[4];
};

/* Appends "6.5.7233.36", or "unknown". */
void text_add_file_version(struct text *text, const struct file_version *version);
/* As of strcmp, by the four numbers; both must be known. */
int file_version_compare(const struct file_version *a, const struct file_version *b);

/* Reads `count` bytes at `offset` of the image, all or false. */
typedef bool (*image_reader)(void *context, uint64_t offset, void *out_bytes, size_t count);

/* A file has its sections where the section table says; a loaded image has them at their addresses. */
enum image_layout { IMAGE_AS_FILE, IMAGE_AS_LOADED };

/* The file version of the fixed part of the version resource, in the first language there is. NOT_FOUND: an
 * image without a version resource; CORRUPT: no image, or one whose headers or resource are broken; IO: the
 * reader said no. At most 8 reads, one for each section of a file (at most 96), and one for each 64 entries
 * of a resource folder, of which at most IMAGE_RESOURCES_MAX are looked at. */
#define IMAGE_RESOURCES_MAX 1024
enum status file_version_read(image_reader reader, void *context, enum image_layout layout,
                              struct file_version *out_version, struct err *err);

#endif

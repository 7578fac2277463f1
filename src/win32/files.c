/* files.c - the files of the evidence: folders that only Administrators and SYSTEM may read, and what is
 * written into them. */
#include "setup.h"
#include "win32.h"

#include <stdlib.h>
#include <string.h>

struct os_file {
    HANDLE handle;
    char path[SETUP_PATH_MAX];
};

static enum status fail(struct err *err, const char *operation, DWORD code, const char *what,
                        const char *path)
{
    const enum status status = windows_status(code);
    return windows_fail(err, status == STATUS_SYSTEM ? STATUS_IO : status, operation, code, "%s %s", path,
                        what);
}

enum status os_folder_make(struct os *os, const char *path, struct err *err)
{
    char first_made[SETUP_PATH_MAX];
    (void)os;
    enum status status = setup_folder_make(path, first_made, err);
    /* One that was there may be open to others. */
    return status == STATUS_OK && first_made[0] == '\0' ? setup_protect(path, err) : status;
}

/* A folder that is not there is an empty one. */
static enum status listed(struct folder_walk *walk, struct err *err)
{
    const DWORD code = folder_walk_end(walk);
    return code == ERROR_SUCCESS || code == ERROR_PATH_NOT_FOUND
               ? STATUS_OK
               : fail(err, "FindFirstFile", code, "cannot be listed", walk->folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum status os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                           size_t capacity, size_t *out_count, struct err *err)
{
    struct folder_walk walk = {.folder = path};
    size_t count = 0;
    (void)os;
    while (folder_walk_next(&walk))
        if ((walk.entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0 && count < capacity &&
            utf16z_to_utf8(walk.entry.cFileName, out_names[count], FOLDER_NAME_MAX))
            count++; /* a name that was cut is another one */
    const enum status status = listed(&walk, err);
    if (status == STATUS_OK) {
        qsort(out_names, count, sizeof(*out_names), by_name);
        *out_count = count;
    }
    return status;
}

enum status os_file_list(struct os *os, const char *path, const char *begin, struct file_entry *out_files,
                         size_t capacity, size_t *out_count, struct err *err)
{
    struct folder_walk walk = {.folder = path};
    size_t count = 0;
    (void)os;
    while (folder_walk_next(&walk)) {
        if ((walk.entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 && count < capacity &&
            utf16z_to_utf8(walk.entry.cFileName, out_files[count].name, FOLDER_NAME_MAX) &&
            strncmp(out_files[count].name, begin, strlen(begin)) == 0) {
            const ULARGE_INTEGER bytes = {.LowPart = walk.entry.nFileSizeLow,
                                          .HighPart = walk.entry.nFileSizeHigh};
            out_files[count++].bytes = (double)bytes.QuadPart;
        }
    }
    const enum status status = listed(&walk, err);
    if (status == STATUS_OK)
        *out_count = count;
    return status;
}

static enum status remove_file(const char *folder, const wchar_t *name, struct err *err)
{
    char utf8[MAX_PATH * 3];
    struct buffer path = {0};
    enum status status = STATUS_OK;
    utf16z_to_utf8(name, utf8, sizeof(utf8));
    buffer_add(&path, "%s\\%s", folder, utf8);
    wchar_t *wide = path.failed ? NULL : utf16_new(path.data);
    if (wide == NULL || !DeleteFileW(wide)) {
        status = fail(err, "DeleteFile", wide == NULL ? ERROR_NOT_ENOUGH_MEMORY : GetLastError(),
                      "cannot be removed", path.failed ? folder : path.data);
    }
    free(wide);
    buffer_deinit(&path);
    return status;
}

/* Folders in it are none of ours: then it is not empty, and stays. */
enum status os_folder_remove(struct os *os, const char *path, struct err *err)
{
    struct folder_walk walk = {.folder = path};
    enum status removed = STATUS_OK;
    (void)os;
    while (folder_walk_next(&walk)) {
        if ((walk.entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) {
            const enum status one = remove_file(path, walk.entry.cFileName, err);
            removed = one != STATUS_OK ? one : removed;
        }
    }
    const enum status status = listed(&walk, err);
    if (status != STATUS_OK || removed != STATUS_OK)
        return status != STATUS_OK ? status : removed;
    wchar_t *wide = utf16_new(path);
    const bool done = wide != NULL && RemoveDirectoryW(wide);
    const DWORD code = done ? ERROR_SUCCESS : wide == NULL ? ERROR_NOT_ENOUGH_MEMORY : GetLastError();
    free(wide);
    return done || code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND
               ? STATUS_OK
               : fail(err, "RemoveDirectory", code, "cannot be removed", path);
}

enum status os_disk_free(struct os *os, const char *path, double *out_bytes, struct err *err)
{
    ULARGE_INTEGER free_bytes = {0};
    (void)os;
    wchar_t *wide = utf16_new(path);
    const bool read = wide != NULL && GetDiskFreeSpaceExW(wide, &free_bytes, NULL, NULL);
    const DWORD code = read ? ERROR_SUCCESS : wide == NULL ? ERROR_NOT_ENOUGH_MEMORY : GetLastError();
    free(wide);
    if (!read)
        return fail(err, "GetDiskFreeSpaceEx", code, "tells no free space", path);
    *out_bytes = (double)free_bytes.QuadPart;
    return STATUS_OK;
}

enum status os_file_create(struct os *os, const char *path, struct os_file **out_file, struct err *err)
{
    (void)os;
    struct os_file *file = calloc(1, sizeof(*file));
    wchar_t *wide = utf16_new(path);
    enum status status = STATUS_OK;
    if (file == NULL || wide == NULL) {
        status = err_set(err, STATUS_NO_MEMORY, "CreateFile", 0, "not enough memory");
        goto done;
    }
    text_copy(file->path, sizeof(file->path), path);
    file->handle =
        CreateFileW(wide, GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file->handle == INVALID_HANDLE_VALUE) {
        status = fail(err, "CreateFile", GetLastError(), "cannot be written", path);
        goto done;
    }
    *out_file = file;
    file = NULL;
done:
    free(file);
    free(wide);
    return status;
}

enum status os_file_write(struct os_file *file, const char *bytes, size_t count, struct err *err)
{
    while (count > 0) {
        const DWORD piece = count < 1024 * 1024 ? (DWORD)count : 1024 * 1024;
        DWORD done = 0;
        if (!WriteFile(file->handle, bytes, piece, &done, NULL) || done == 0)
            return fail(err, "WriteFile", GetLastError(), "cannot be written", file->path);
        bytes += done;
        count -= done;
    }
    return STATUS_OK;
}

enum status os_file_close(struct os_file *file, struct err *err)
{
    if (file == NULL)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (!FlushFileBuffers(file->handle))
        status = fail(err, "FlushFileBuffers", GetLastError(), "cannot be written", file->path);
    CloseHandle(file->handle);
    free(file);
    return status;
}

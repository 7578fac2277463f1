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

/* Calls `visit` with each entry of a folder, but itself and the one above. */
static enum status each_entry(const char *path, void (*visit)(void *context, const WIN32_FIND_DATAW *entry),
                              void *context, struct err *err)
{
    WIN32_FIND_DATAW entry;
    struct buffer pattern = {0};
    buffer_add(&pattern, "%s\\*", path);
    wchar_t *wide = pattern.failed ? NULL : utf16_new(pattern.data);
    buffer_deinit(&pattern);
    if (wide == NULL) {
        return err_set(err, STATUS_NO_MEMORY, "FindFirstFile", 0, "not enough memory");
    }
    const HANDLE find = FindFirstFileW(wide, &entry);
    DWORD code = find == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    free(wide);
    while (code == ERROR_SUCCESS) {
        if (wcscmp(entry.cFileName, L".") != 0 && wcscmp(entry.cFileName, L"..") != 0) {
            visit(context, &entry);
        }
        code = FindNextFileW(find, &entry) ? ERROR_SUCCESS : GetLastError();
    }
    if (find != INVALID_HANDLE_VALUE) {
        FindClose(find);
    }
    return code == ERROR_NO_MORE_FILES || code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND
               ? STATUS_OK
               : fail(err, "FindFirstFile", code, "cannot be listed", path);
}

struct listing {
    char (*names)[FOLDER_NAME_MAX];
    size_t count, capacity;
};

static void take_folder(void *context, const WIN32_FIND_DATAW *entry)
{
    struct listing *listing = context;
    if ((entry->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 || listing->count == listing->capacity ||
        wcslen(entry->cFileName) >= FOLDER_NAME_MAX) {
        return;
    }
    utf16z_to_utf8(entry->cFileName, listing->names[listing->count++], FOLDER_NAME_MAX);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

enum status os_folder_list(struct os *os, const char *path, char (*out_names)[FOLDER_NAME_MAX],
                           size_t capacity, size_t *out_count, struct err *err)
{
    struct listing listing = {out_names, 0, capacity};
    (void)os;
    const enum status status = each_entry(path, take_folder, &listing, err);
    if (status == STATUS_OK) {
        qsort(out_names, listing.count, sizeof(*out_names), by_name);
        *out_count = listing.count;
    }
    return status;
}

struct removal {
    const char *path;
    enum status status;
    struct err *err;
};

/* Folders in it are none of ours: then it is not empty, and stays. */
static void remove_file(void *context, const WIN32_FIND_DATAW *entry)
{
    struct removal *removal = context;
    char name[MAX_PATH * 3];
    struct buffer path = {0};
    if ((entry->dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) {
        return;
    }
    utf16z_to_utf8(entry->cFileName, name, sizeof(name));
    buffer_add(&path, "%s\\%s", removal->path, name);
    wchar_t *wide = path.failed ? NULL : utf16_new(path.data);
    if (wide == NULL || !DeleteFileW(wide)) {
        removal->status =
            fail(removal->err, "DeleteFile", wide == NULL ? ERROR_NOT_ENOUGH_MEMORY : GetLastError(),
                 "cannot be removed", path.failed ? removal->path : path.data);
    }
    free(wide);
    buffer_deinit(&path);
}

enum status os_folder_remove(struct os *os, const char *path, struct err *err)
{
    struct removal removal = {path, STATUS_OK, err};
    (void)os;
    enum status status = each_entry(path, remove_file, &removal, err);
    status = status != STATUS_OK ? status : removal.status;
    if (status != STATUS_OK) {
        return status;
    }
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
    if (!read) {
        return fail(err, "GetDiskFreeSpaceEx", code, "tells no free space", path);
    }
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
        if (!WriteFile(file->handle, bytes, piece, &done, NULL) || done == 0) {
            return fail(err, "WriteFile", GetLastError(), "cannot be written", file->path);
        }
        bytes += done;
        count -= done;
    }
    return STATUS_OK;
}

enum status os_file_close(struct os_file *file, struct err *err)
{
    if (file == NULL) {
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    if (!FlushFileBuffers(file->handle)) {
        status = fail(err, "FlushFileBuffers", GetLastError(), "cannot be written", file->path);
    }
    CloseHandle(file->handle);
    free(file);
    return status;
}

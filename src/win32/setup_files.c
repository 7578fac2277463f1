/* setup_files.c - see setup.h: files that `install` takes over, and those that storewatch makes. */
#include "setup.h"

#include "win32.h"

#include <stdlib.h>
#include <string.h>

/* Of a symbolic link or junction only the link itself may go, and what it names was never ours. */
#define NOT_A_FILE (FILE_ATTRIBUTE_DIRECTORY | FILE_ATTRIBUTE_REPARSE_POINT)

static enum status no_memory(struct err *err)
{
    return err_set(err, STATUS_NO_MEMORY, "malloc", 0, "not enough memory");
}

/* What tells a file from all others; false when it is not there or may not be asked. */
static bool identity_read(const char *path, BY_HANDLE_FILE_INFORMATION *out_information)
{
    wchar_t *wide = utf16_new(path);
    const HANDLE file = wide != NULL
                            ? CreateFileW(wide, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                                          NULL, OPEN_EXISTING, 0, NULL)
                            : INVALID_HANDLE_VALUE;
    free(wide);
    if (file == INVALID_HANDLE_VALUE)
        return false;
    const bool known = GetFileInformationByHandle(file, out_information);
    CloseHandle(file);
    return known;
}

bool setup_same_file(const char *one, const char *other)
{
    BY_HANDLE_FILE_INFORMATION first, second;
    return identity_read(one, &first) && identity_read(other, &second) &&
           first.dwVolumeSerialNumber == second.dwVolumeSerialNumber &&
           first.nFileIndexHigh == second.nFileIndexHigh && first.nFileIndexLow == second.nFileIndexLow;
}

bool setup_may_replace(const char *path)
{
    const DWORD share = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
    BY_HANDLE_FILE_INFORMATION information;
    wchar_t *wide = utf16_new(path);
    const HANDLE file = wide != NULL ? CreateFileW(wide, GENERIC_WRITE, share, NULL, OPEN_EXISTING,
                                                   FILE_FLAG_OPEN_REPARSE_POINT, NULL)
                                     : INVALID_HANDLE_VALUE;
    const DWORD code = GetLastError();
    free(wide);
    if (file == INVALID_HANDLE_VALUE)
        return code == ERROR_FILE_NOT_FOUND;
    const bool plain = GetFileInformationByHandle(file, &information) && /* of a device there is none */
                       (information.dwFileAttributes & NOT_A_FILE) == 0;
    CloseHandle(file);
    return plain;
}

enum status setup_file_copy(const char *from, const char *to, struct err *err)
{
    wchar_t *wide_from = utf16_new(from), *wide_to = utf16_new(to);
    enum status status = STATUS_OK;
    if (wide_from == NULL || wide_to == NULL) {
        status = no_memory(err);
    } else if (!CopyFileW(wide_from, wide_to, TRUE)) {
        const DWORD code = GetLastError();
        status =
            windows_fail(err, windows_status(code), "CopyFile", code, "%s cannot be copied to %s", from, to);
    } else {
        SetFileAttributesW(wide_to, FILE_ATTRIBUTE_NORMAL); /* one that was read-only must stay replaceable */
    }
    free(wide_from);
    free(wide_to);
    return status;
}

/* Windows neither deletes nor replaces what is marked read-only. */
static bool took_read_only_off(const wchar_t *path)
{
    const DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & NOT_A_FILE) == 0 &&
           (attributes & FILE_ATTRIBUTE_READONLY) != 0 && SetFileAttributesW(path, FILE_ATTRIBUTE_NORMAL);
}

/* OK when it is not there. */
static enum status file_delete(const char *path, struct err *err)
{
    wchar_t *wide = utf16_new(path);
    if (wide == NULL)
        return no_memory(err);
    DWORD code = DeleteFileW(wide) ? ERROR_SUCCESS : GetLastError();
    if (code == ERROR_ACCESS_DENIED && took_read_only_off(wide))
        code = DeleteFileW(wide) ? ERROR_SUCCESS : GetLastError();
    free(wide);
    return code == ERROR_SUCCESS || code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND
               ? STATUS_OK
               : windows_fail(err, windows_status(code), "DeleteFile", code, "%s cannot be deleted", path);
}

void setup_file_remove(const char *path)
{
    file_delete(path, NULL);
}

enum status setup_file_move(const char *from, const char *to, struct err *err)
{
    const DWORD flags = MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH;
    wchar_t *wide_from = utf16_new(from), *wide_to = utf16_new(to);
    enum status status = STATUS_OK;
    if (wide_from == NULL || wide_to == NULL) {
        status = no_memory(err);
    } else {
        DWORD code = MoveFileExW(wide_from, wide_to, flags) ? ERROR_SUCCESS : GetLastError();
        if (code == ERROR_ACCESS_DENIED && took_read_only_off(wide_to))
            code = MoveFileExW(wide_from, wide_to, flags) ? ERROR_SUCCESS : GetLastError();
        if (code != ERROR_SUCCESS) {
            status = windows_fail(err, windows_status(code), "MoveFileEx", code, "%s cannot be moved to %s",
                                  from, to);
        }
    }
    free(wide_from);
    free(wide_to);
    return status;
}

/* Opens the folder: its first entry. */
static DWORD walk_begin(struct folder_walk *walk)
{
    struct buffer pattern = {0};
    buffer_add(&pattern, "%s\\*", walk->folder);
    wchar_t *wide = pattern.failed ? NULL : utf16_new(pattern.data);
    buffer_deinit(&pattern);
    if (wide == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    walk->find = FindFirstFileW(wide, &walk->entry);
    const DWORD code = walk->find == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
    free(wide);
    return code;
}

bool folder_walk_next(struct folder_walk *walk)
{
    do {
        walk->code = walk->find == NULL                        ? walk_begin(walk)
                     : FindNextFileW(walk->find, &walk->entry) ? ERROR_SUCCESS
                                                               : GetLastError();
    } while (walk->code == ERROR_SUCCESS &&
             (wcscmp(walk->entry.cFileName, L".") == 0 || wcscmp(walk->entry.cFileName, L"..") == 0));
    return walk->code == ERROR_SUCCESS;
}

DWORD folder_walk_end(struct folder_walk *walk)
{
    if (walk->find != NULL && walk->find != INVALID_HANDLE_VALUE)
        FindClose(walk->find);
    return walk->code == ERROR_NO_MORE_FILES || walk->code == ERROR_FILE_NOT_FOUND ? ERROR_SUCCESS
                                                                                   : walk->code;
}

void setup_files_each(const char *folder, const char *prefix, void (*each)(void *context, const char *path),
                      void *context)
{
    char name[SETUP_PATH_MAX], path[SETUP_PATH_MAX];
    struct folder_walk walk = {.folder = folder};
    while (folder_walk_next(&walk)) {
        /* The names that FindFirstFile's own patterns match include the short ones of strangers. */
        if ((walk.entry.dwFileAttributes & NOT_A_FILE) == 0 &&
            utf16z_to_utf8(walk.entry.cFileName, name, sizeof(name)) &&
            strncmp(name, prefix, strlen(prefix)) == 0) {
            struct text text = text_on(path, sizeof(path));
            text_add(&text, "%s\\%s", folder, name);
            if (!text.truncated)
                each(context, path);
        }
    }
    folder_walk_end(&walk);
}

struct removal {
    bool (*is_ours)(const char *name);
    struct err *err;
};

static void remove_ours(void *context, const char *path)
{
    const struct removal *removal = context;
    if (removal->is_ours(strrchr(path, '\\') + 1))
        file_delete(path, removal->err);
}

void setup_files_remove(const char *folder, bool (*is_ours)(const char *name), struct err *err)
{
    struct removal removal = {is_ours, err};
    setup_files_each(folder, "", remove_ours, &removal);
}

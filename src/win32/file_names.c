/* file_names.c - fopen, rename and remove as they are everywhere else: with UTF-8 names.
 *
 * msvcrt's take names in the ANSI code page, which cannot name every file, and no setting changes that
 * before Windows 10. Everything is linked statically, so every call in the product lands here instead. */
#include "win32.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

static bool is_folder(const wchar_t *path)
{
    const DWORD attributes = GetFileAttributesW(path);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

FILE *fopen(const char *path, const char *mode)
{
    wchar_t wide_mode[16];
    wchar_t *wide = utf16_new(path);
    FILE *file = NULL;
    if (wide == NULL || !utf16_from_utf8(mode, wide_mode, ARRAY_COUNT(wide_mode))) {
        errno = wide == NULL ? ENOMEM : EINVAL;
    } else {
        file = _wfopen(wide, wide_mode);
        /* msvcrt calls a folder a lack of permission, and nobody finds the mistake by that. */
        if (file == NULL && errno == EACCES && is_folder(wide))
            errno = EISDIR;
        /* Nor by "invalid argument" that there is no file of a name that none can have. */
        if (file == NULL && errno == EINVAL && wcspbrk(wide, L"*?") != NULL)
            errno = ENOENT;
    }
    free(wide);
    return file;
}

/* Unlike elsewhere it fails when there is a file of the new name. */
int rename(const char *from, const char *to)
{
    wchar_t *wide_from = utf16_new(from), *wide_to = utf16_new(to);
    int result = -1;
    if (wide_from == NULL || wide_to == NULL)
        errno = ENOMEM;
    else
        result = _wrename(wide_from, wide_to);
    free(wide_from);
    free(wide_to);
    return result;
}

int remove(const char *path)
{
    wchar_t *wide = utf16_new(path);
    const int result = wide != NULL ? _wremove(wide) : -1;
    free(wide);
    return result;
}

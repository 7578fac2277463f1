/* resources.c - what storewatch.exe carries besides code, read as Windows reads it: as the event viewer reads
 * the message table, as Explorer reads the version, and the default configuration byte for byte.
 *
 *   resources STOREWATCH.exe CONFIG.json VERSION     "ok TEXT" or "not ok TEXT" lines; exit code 1 when one
 * was not */
#include "../../src/win32/resource.h"
#include "../../src/win32/win32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool good, const char *format, ...) PRINTF_LIKE(2, 3);
static void check(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(good ? "ok " : "not ok ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    failures += good ? 0 : 1;
}

static void check_messages(HMODULE module)
{
    DWORD_PTR arguments[] = {(DWORD_PTR)L"the text of it"};
    for (int kind = 0; kind < ALERT_KIND_COUNT; kind++) {
        const struct alert_wording *wording = alert_wording_get((enum alert_kind)kind);
        wchar_t text[128] = L"";
        const DWORD flags = FORMAT_MESSAGE_FROM_HMODULE | FORMAT_MESSAGE_ARGUMENT_ARRAY;
        FormatMessageW(flags, module, wording->event_id, 0, text, ARRAY_COUNT(text), (va_list *)arguments);
        check(wcscmp(text, L"the text of it\r\n") == 0, "event %lu (%s) is its text",
              (unsigned long)wording->event_id, wording->name);
    }
}

static const void *resource_find(HMODULE module, WORD name, const wchar_t *type, size_t *out_size)
{
    const HRSRC found = FindResourceW(module, MAKEINTRESOURCEW(name), type);
    *out_size = found != NULL ? SizeofResource(module, found) : 0;
    return found != NULL ? LockResource(LoadResource(module, found)) : NULL;
}

static void check_config(HMODULE module, const char *path)
{
    size_t size = 0;
    const void *carried = resource_find(module, RESOURCE_DEFAULT_CONFIG, (const wchar_t *)RT_RCDATA, &size);
    char *text = calloc(1, CONFIG_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    const size_t count = file != NULL && text != NULL ? fread(text, 1, CONFIG_BYTES_MAX, file) : 0;
    check(count > 100 && size == count && memcmp(carried, text, size) == 0,
          "the default configuration is the file, %lu bytes", (unsigned long)size);
    if (file != NULL)
        fclose(file);
    free(text);
}

static void check_version(HMODULE module, const char *wanted)
{
    unsigned parts[3] = {0};
    size_t size = 0, at = 0;
    const unsigned char *version = resource_find(module, VS_VERSION_INFO, (const wchar_t *)RT_VERSION, &size);
    VS_FIXEDFILEINFO fixed = {0};
    sscanf(wanted, "%u.%u.%u", &parts[0], &parts[1], &parts[2]);
    for (; at + sizeof(fixed) <= size && fixed.dwSignature != VS_FFI_SIGNATURE; at += 4)
        memcpy(&fixed, version + at, sizeof(fixed));
    check(fixed.dwSignature == VS_FFI_SIGNATURE && fixed.dwFileVersionMS == (parts[0] << 16 | parts[1]) &&
              fixed.dwFileVersionLS == parts[2] << 16,
          "the version is %u.%u.%u", parts[0], parts[1], parts[2]);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "resources STOREWATCH.exe CONFIG.json VERSION\n");
        return 2;
    }
    wchar_t *path = utf16_new(argv[1]);
    const HMODULE module = path != NULL ? LoadLibraryExW(path, NULL, LOAD_LIBRARY_AS_DATAFILE) : NULL;
    if (module == NULL) {
        printf("not ok %s cannot be loaded: error %lu\n", argv[1], (unsigned long)GetLastError());
        return 1;
    }
    size_t manifest = 0, icon = 0;
    check_messages(module);
    check_config(module, argv[2]);
    check_version(module, argv[3]);
    resource_find(module, 1, (const wchar_t *)RT_MANIFEST, &manifest);
    check(manifest > 100, "it has a manifest");
    resource_find(module, RESOURCE_ICON, (const wchar_t *)RT_GROUP_ICON, &icon);
    check(icon > 0, "it has an icon");
    FreeLibrary(module);
    free(path);
    return failures == 0 ? 0 : 1;
}

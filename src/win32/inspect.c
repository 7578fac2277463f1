/* inspect.c - see inspect.h. */
#include "win32.h"

#include "inspect.h"

#include <stdlib.h>

static void read_text(HKEY key, const wchar_t *name, char *out, size_t capacity)
{
    wchar_t raw[MAX_PATH];
    DWORD size = sizeof(raw) - sizeof(*raw), type = 0;
    out[0] = '\0';
    if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)raw, &size) == ERROR_SUCCESS && type == REG_SZ) {
        raw[size / sizeof(*raw)] = 0;
        utf16z_to_utf8(raw, out, capacity);
    }
}

void inspect_time_service(char *out_type, size_t type_capacity, char *out_server, size_t server_capacity)
{
    HKEY key = NULL;
    out_type[0] = out_server[0] = '\0';
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, L"SYSTEM\\CurrentControlSet\\Services\\W32Time\\Parameters", 0,
                      KEY_QUERY_VALUE, &key) == ERROR_SUCCESS) {
        read_text(key, L"Type", out_type, type_capacity);
        read_text(key, L"NtpServer", out_server, server_capacity);
        RegCloseKey(key);
    }
}

enum status inspect_event_source(char *out_file, size_t capacity, struct err *err)
{
    wchar_t raw[MAX_PATH * 2], file[MAX_PATH * 2];
    DWORD size = sizeof(raw) - sizeof(*raw), type = 0;
    HKEY key = NULL;
    LONG code = RegOpenKeyExW(HKEY_LOCAL_MACHINE, EVENT_SOURCE_KEY, 0, KEY_READ, &key);
    if (code == ERROR_SUCCESS) {
        code = RegQueryValueExW(key, L"EventMessageFile", NULL, &type, (BYTE *)raw, &size);
        RegCloseKey(key);
    }
    if (code == ERROR_FILE_NOT_FOUND) {
        return err_set(err, STATUS_NOT_FOUND, "RegQueryValueEx", (uint32_t)code,
                       "the event source \"storewatch\" is not registered");
    }
    if (code != ERROR_SUCCESS || (type != REG_SZ && type != REG_EXPAND_SZ)) {
        return windows_fail(err, STATUS_SYSTEM, "RegQueryValueEx", (DWORD)code,
                            "the event source \"storewatch\" cannot be read");
    }
    raw[size / sizeof(*raw)] = 0;
    const DWORD units = ExpandEnvironmentStringsW(raw, file, ARRAY_COUNT(file));
    if (units == 0 || units > ARRAY_COUNT(file)) {
        return err_set(err, STATUS_INVALID, "ExpandEnvironmentStrings", 0,
                       "the event source \"storewatch\" names no usable file");
    }
    utf16z_to_utf8(file, out_file, capacity);
    return STATUS_OK;
}

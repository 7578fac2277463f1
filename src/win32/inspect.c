/* inspect.c - see inspect.h. */
#include "win32.h"

#include "inspect.h"

#include <stdlib.h>

enum status inspect_event_source(char *out_file, size_t capacity, struct err *err)
{
    static const wchar_t key_name[] =
        L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\" STOREWATCH_SERVICE;
    wchar_t raw[MAX_PATH * 2], file[MAX_PATH * 2];
    DWORD size = sizeof(raw) - sizeof(*raw), type = 0;
    HKEY key = NULL;
    LONG code = RegOpenKeyExW(HKEY_LOCAL_MACHINE, key_name, 0, KEY_READ, &key);
    if (code == ERROR_SUCCESS) {
        code = RegQueryValueExW(key, L"EventMessageFile", NULL, &type, (BYTE *)raw, &size);
        RegCloseKey(key);
    }
    if (code != ERROR_SUCCESS || (type != REG_SZ && type != REG_EXPAND_SZ)) {
        return windows_fail(err, code == ERROR_FILE_NOT_FOUND ? STATUS_NOT_FOUND : STATUS_SYSTEM,
                            "RegQueryValueEx", (DWORD)code,
                            "the event source \"storewatch\" is not registered");
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

/* environment.c - see environment.h. */
#include "win32.h"

#include <stdlib.h>

#include "storewatch/environment.h"

#define VALUE_UNITS_MAX 1024

enum status environment_get(const char *name, char *out_value, size_t capacity, struct err *err)
{
    wchar_t value[VALUE_UNITS_MAX];
    wchar_t *wide_name = utf16_new(name);
    if (wide_name == NULL)
        return err_set(err, STATUS_NO_MEMORY, "GetEnvironmentVariable", 0, "not enough memory");
    SetLastError(ERROR_SUCCESS); /* an empty value is 0 units, too */
    const DWORD length = GetEnvironmentVariableW(wide_name, value, VALUE_UNITS_MAX);
    const DWORD code = length == 0 ? GetLastError() : ERROR_SUCCESS;
    free(wide_name);
    if (code != ERROR_SUCCESS) {
        return err_set(err, STATUS_INVALID, "GetEnvironmentVariable", code,
                       "the environment of storewatch has no variable %s", name);
    }
    value[length < VALUE_UNITS_MAX ? length : 0] = 0;
    const bool fits = length < VALUE_UNITS_MAX && utf16z_to_utf8(value, out_value, capacity);
    SecureZeroMemory(value, sizeof(value));
    return fits ? STATUS_OK
                : err_set(err, STATUS_INVALID, "GetEnvironmentVariable", 0,
                          "the value of the variable %s is longer than %u bytes", name,
                          (unsigned)capacity - 1);
}

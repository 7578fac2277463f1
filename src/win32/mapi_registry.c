/* mapi_registry.c - the mail programs and MAPI programs that the registry names. On 64-bit Windows there are
 * two registries; both count. Keys and values come from other programs: every length is bounded, a value of
 * the wrong type is none. */
#include "registry_text.h"
#include "win32.h"

#include <stdlib.h>
#include <string.h>

#define NAME_UNITS_MAX 256
#define SUBKEYS_MAX 256

static const wchar_t clients_mail[] = L"SOFTWARE\\Clients\\Mail";
static const wchar_t mapi_apps[] = L"SOFTWARE\\Microsoft\\Windows Messaging Subsystem\\MSMapiApps";

struct list {
    struct mapi_registration *items;
    size_t count, capacity;
    REGSAM view;
};

/* A text value with its environment variables resolved; false when there is none. */
static bool read_text(HKEY key, const wchar_t *name, wchar_t out[REGISTRY_UNITS_MAX])
{
    wchar_t raw[REGISTRY_UNITS_MAX];
    DWORD type = 0, size = sizeof(raw) - sizeof(*raw);
    if (RegQueryValueExW(key, name, NULL, &type, (BYTE *)raw, &size) != ERROR_SUCCESS ||
        (type != REG_SZ && type != REG_EXPAND_SZ))
        return false;
    registry_text_end(raw, size);
    if (type == REG_EXPAND_SZ) {
        const DWORD units = ExpandEnvironmentStringsW(raw, out, REGISTRY_UNITS_MAX);
        return units > 1 && units <= REGISTRY_UNITS_MAX;
    }
    memcpy(out, raw, sizeof(raw));
    return out[0] != 0;
}

static bool known_already(const struct list *list, const struct mapi_registration *item)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct mapi_registration *other = &list->items[i];
        if (other->source == item->source && text_equal_nocase(other->name, item->name) &&
            text_equal_nocase(other->dll.path, item->dll.path))
            return true;
    }
    return false;
}

static void take(struct list *list, const struct mapi_registration *item)
{
    if (list->count < list->capacity && !known_already(list, item))
        list->items[list->count++] = *item;
}

static void take_mail_program(struct list *list, HKEY mail, const wchar_t *name)
{
    wchar_t value[REGISTRY_UNITS_MAX];
    HKEY key = NULL, command = NULL;
    struct mapi_registration item = {.source = MAPI_SOURCE_CLIENTS_MAIL};
    utf16z_to_utf8(name, item.name, sizeof(item.name));
    if (RegOpenKeyExW(mail, name, 0, KEY_READ | list->view, &key) != ERROR_SUCCESS)
        return;
    /* DLLPathEx: the one for Extended MAPI, which is what the table of defects is about. */
    if (read_text(key, L"DLLPathEx", value) || read_text(key, L"DLLPath", value)) {
        utf16z_to_utf8(value, item.dll.path, sizeof(item.dll.path));
        file_version_of(value, &item.dll.on_disk);
    }
    if (RegOpenKeyExW(key, L"shell\\open\\command", 0, KEY_READ | list->view, &command) == ERROR_SUCCESS) {
        if (read_text(command, NULL, value))
            registry_command_image(value, item.image, sizeof(item.image));
        RegCloseKey(command);
    }
    RegCloseKey(key);
    take(list, &item);
}

static void take_mail_programs(struct list *list)
{
    HKEY mail = NULL;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, clients_mail, 0, KEY_READ | list->view, &mail) != ERROR_SUCCESS)
        return;
    for (DWORD i = 0; i < SUBKEYS_MAX; i++) {
        wchar_t name[NAME_UNITS_MAX];
        DWORD units = NAME_UNITS_MAX;
        const LONG code = RegEnumKeyExW(mail, i, name, &units, NULL, NULL, NULL, NULL);
        if (code == ERROR_SUCCESS)
            take_mail_program(list, mail, name);
        else if (code != ERROR_MORE_DATA) /* a name too long for any key: the next one */
            break;
    }
    RegCloseKey(mail);
}

static void take_programs(struct list *list)
{
    HKEY apps = NULL;
    if (RegOpenKeyExW(HKEY_LOCAL_MACHINE, mapi_apps, 0, KEY_READ | list->view, &apps) != ERROR_SUCCESS)
        return;
    for (DWORD i = 0; i < SUBKEYS_MAX; i++) {
        wchar_t name[NAME_UNITS_MAX];
        DWORD units = NAME_UNITS_MAX;
        const LONG code = RegEnumValueW(apps, i, name, &units, NULL, NULL, NULL, NULL);
        if (code == ERROR_SUCCESS && name[0] != 0) {
            struct mapi_registration item = {.source = MAPI_SOURCE_MSMAPIAPPS};
            utf16z_to_utf8(name, item.name, sizeof(item.name));
            text_copy(item.image, sizeof(item.image), item.name);
            take(list, &item);
        } else if (code != ERROR_SUCCESS && code != ERROR_MORE_DATA) {
            break;
        }
    }
    RegCloseKey(apps);
}

size_t os_mapi_registrations(struct os *os, struct mapi_registration *out_items, size_t capacity)
{
    static const REGSAM views[] = {KEY_WOW64_64KEY, KEY_WOW64_32KEY};
    struct list list = {.items = out_items, .capacity = capacity};
    for (size_t i = 0; i < (os->facts.os_64bit ? ARRAY_COUNT(views) : 1); i++) {
        list.view = os->facts.os_64bit ? views[i] : 0;
        take_mail_programs(&list);
        take_programs(&list);
    }
    return list.count;
}

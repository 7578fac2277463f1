/* config_values.c - single values: is one what its row asks for, and into the configuration with it. */
#include "config_internal.h"

#include <string.h>

#include "storewatch/units.h"

/* ---- texts of a certain kind ---- */

const char *config_check_path(const char *value)
{
    const bool drive = ((value[0] >= 'A' && value[0] <= 'Z') || (value[0] >= 'a' && value[0] <= 'z')) &&
                       value[1] == ':' && (value[2] == '\\' || value[2] == '/');
    const bool share = value[0] == '\\' && value[1] == '\\' && value[2] != '\0';
    return drive || share || value[0] == '/'
               ? NULL
               : "must be an absolute path, such as \"C:\\\\ProgramData\\\\storewatch\"";
}

const char *config_check_file_name(const char *value)
{
    return strpbrk(value, "\\/:*?\"<>|") == NULL
               ? NULL
               : "must be a file name without a path, such as \"BESAgent.exe\"";
}

const char *config_check_service_name(const char *value)
{
    return strpbrk(value, "\\/") == NULL
               ? NULL
               : "must be the name of a service (as \"sc query\" shows it), without / and \\";
}

static bool is_address_part(const char *part, size_t length, const char *refused)
{
    bool good = length > 0;
    for (size_t i = 0; i < length; i++)
        good = good && part[i] > ' ' && part[i] < 0x7F && strchr(refused, part[i]) == NULL;
    return good;
}

bool config_is_mail_address(const char *address, size_t length)
{
    static const char specials[] = "<>()[],;:\\\"@"; /* RFC 5322, 3.2.3 */
    const char *at = memchr(address, '@', length);
    if (at == NULL || length >= CONFIG_ADDRESS_MAX)
        return false;
    const char *domain = at + 1;
    size_t domain_length = length - (size_t)(domain - address);
    const bool literal = domain_length > 2 && domain[0] == '[' && domain[domain_length - 1] == ']';
    return is_address_part(address, (size_t)(at - address), specials) &&
           (literal ? is_address_part(domain + 1, domain_length - 2, "<>()[],;\\\"@")
                    : is_address_part(domain, domain_length, specials));
}

const char *config_check_address(const char *value)
{
    return config_is_mail_address(value, strlen(value))
               ? NULL
               : "must be one plain mail address, such as \"ops@example.com\"";
}

const char *config_check_host(const char *value)
{
    int colons = 0;
    bool good = true;
    for (const char *p = value; *p != '\0'; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
        good = good && (letter || strchr(".-_:[]", *p) != NULL);
        colons += *p == ':';
    }
    /* one colon is a port; an IPv6 address has two or more */
    return good && colons != 1
               ? NULL
               : "must be a host name or address alone, such as \"relay1.example.com\"; the port "
                 "has its own key";
}

const char *config_check_password(const char *value)
{
    const bool good = (strncmp(value, "dpapi:", 6) == 0 && value[6] != '\0') ||
                      (strncmp(value, "env:", 4) == 0 && value[4] != '\0');
    return good ? NULL
                : "must be \"dpapi:...\" or \"env:NAME\": a password does not stand in the file in clear";
}

/* "mon-fri,sun" -> bits; a range may run over the end of the week. False when it is not that. */
static bool parse_days(const char *value, uint8_t *out_days)
{
    static const char names[7][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    unsigned bits = 0;
    for (const char *p = value;;) {
        int ends[2] = {-1, -1};
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < 7; i++) {
                if (p[0] == names[i][0] && p[1] == names[i][1] && p[2] == names[i][2]) {
                    ends[side] = i;
                    break;
                }
            }
            if (ends[side] < 0)
                return false;
            p += 3;
            if (side == 0 && *p != '-') {
                ends[1] = ends[0];
                break;
            }
            p += side == 0;
        }
        for (int day = ends[0];; day = (day + 1) % 7) {
            bits |= 1U << day;
            if (day == ends[1])
                break;
        }
        if (*p == '\0') {
            *out_days = (uint8_t)bits;
            return true;
        }
        if (*p++ != ',')
            return false;
    }
}

/* "HH:MM" -> minute of the day; 24:00 is 1440. False when it is not that. */
static bool parse_time_of_day(const char *value, int *out_minute)
{
    if (strlen(value) != 5 || strspn(value, "0123456789") != 2 || value[2] != ':' ||
        strspn(value + 3, "0123456789") != 2)
        return false;
    const int hour = (value[0] - '0') * 10 + value[1] - '0';
    const int minute = (value[3] - '0') * 10 + value[4] - '0';
    *out_minute = hour * 60 + minute;
    return hour <= 24 && minute <= 59;
}

/* ---- storing ---- */

/* The ordinal of `word` in "a|b|c", or -1. */
static int choice_index(const char *choices, const char *word)
{
    const size_t length = strlen(word);
    int index = 0;
    for (const char *p = choices;; index++) {
        const size_t span = strcspn(p, "|");
        if (span == length && memcmp(p, word, length) == 0)
            return index;
        if (p[span] == '\0')
            return -1;
        p += span + 1;
    }
}

static void store_whole(void *at, size_t size, double value)
{
    const uint64_t whole = (uint64_t)value; /* never negative */
    const uint8_t u8 = (uint8_t)whole;
    const uint16_t u16 = (uint16_t)whole;
    const uint32_t u32 = (uint32_t)whole;
    switch (size) {
    case 1:
        memcpy(at, &u8, size);
        break;
    case 2:
        memcpy(at, &u16, size);
        break;
    case 4:
        memcpy(at, &u32, size);
        break;
    case 8: /* counts that can be unknown are doubles */
        memcpy(at, &value, size);
        break;
    default: /* "version": checked, not kept */
        break;
    }
}

static bool in_range(const struct config_key *key, double value)
{
    return value >= key->min && value <= key->max;
}

/* Stores a text of the row's type; false when it is not one, or out of range. */
static bool store_text(const struct config_row *row, const char *value, void *at)
{
    switch (row->key.type) {
    case CONFIG_STRING:
        return in_range(&row->key, (double)strlen(value)) && text_copy(at, row->size, value);
    case CONFIG_CHOICE: {
        const int index = choice_index(row->key.choices, value);
        store_whole(at, index >= 0 ? row->size : 0, index >= 0 ? index : 0);
        return index >= 0;
    }
    case CONFIG_DURATION: {
        int64_t ms;
        if (duration_parse(value, &ms) != STATUS_OK || !in_range(&row->key, (double)ms))
            return false;
        memcpy(at, &ms, sizeof(ms));
        return true;
    }
    case CONFIG_SIZE: {
        double bytes;
        if (size_parse(value, &bytes) != STATUS_OK || !in_range(&row->key, bytes))
            return false;
        memcpy(at, &bytes, sizeof(bytes));
        return true;
    }
    case CONFIG_TIME: {
        int minute;
        if (!parse_time_of_day(value, &minute) || !in_range(&row->key, minute))
            return false;
        store_whole(at, row->size, minute % 1440);
        return true;
    }
    case CONFIG_DAYS:
        return parse_days(value, at);
    case CONFIG_OBJECT:
    case CONFIG_ARRAY:
    case CONFIG_INTEGER:
    case CONFIG_NUMBER:
    case CONFIG_BOOLEAN:
        break;
    }
    return false;
}

bool config_store_scalar(const struct config_row *row, const json_t *value, void *at)
{
    switch (row->key.type) {
    case CONFIG_INTEGER: {
        const double number = json_is_number(value) ? json_number_value(value) : NAN;
        const bool good = number == floor(number) && in_range(&row->key, number);
        store_whole(at, good ? row->size : 0, good ? number : 0);
        return good;
    }
    case CONFIG_NUMBER: {
        const double number = json_is_number(value) ? json_number_value(value) : NAN;
        if (!in_range(&row->key, number))
            return false;
        memcpy(at, &number, sizeof(number));
        return true;
    }
    case CONFIG_BOOLEAN: {
        const bool flag = json_is_true(value);
        if (json_is_boolean(value))
            memcpy(at, &flag, sizeof(flag));
        return json_is_boolean(value);
    }
    default:
        return json_is_string(value) && store_text(row, json_string_value(value), at);
    }
}

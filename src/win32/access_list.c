/* access_list.c - see access_list.h.
 *
 * The layout is that of winnt.h, the same since NT 4: the list is revision (1 byte), padding (1), size (2),
 * count (2), padding (2); an entry is type (1), flags (1), size (2), rights (4) and a SID: revision (1),
 * count of parts (1), authority (6, big-endian), parts (4 each). All else is little-endian. */
#include "access_list.h"

#include <string.h>

#define LIST_HEADER_BYTES 8
#define ENTRY_HEADER_BYTES 8
#define SID_HEADER_BYTES 8

enum entry_type { ENTRY_ALLOWED = 0, ENTRY_DENIED = 1, ENTRY_ALLOWED_IF = 9 };
#define ENTRY_INHERIT_ONLY 0x08u

/* Rights, from winnt.h. */
#define RIGHT_READ_DATA 0x0001u
#define RIGHT_WRITE_DATA 0x0002u /* of a folder: add a file */
#define RIGHT_APPEND_DATA 0x0004u
#define RIGHT_DELETE_CHILD 0x0040u
#define RIGHT_DELETE 0x00010000u
#define RIGHT_WRITE_DAC 0x00040000u
#define RIGHT_WRITE_OWNER 0x00080000u
#define RIGHT_GENERIC_ALL 0x10000000u
#define RIGHT_GENERIC_WRITE 0x40000000u
#define RIGHT_GENERIC_READ 0x80000000u
#define RIGHTS_TO_TAKE_OVER (RIGHT_DELETE | RIGHT_WRITE_DAC | RIGHT_WRITE_OWNER | RIGHT_GENERIC_ALL)

/* What generic rights stand for in a list of a file or folder. */
#define RIGHTS_OF_GENERIC_WRITE (RIGHT_WRITE_DATA | RIGHT_APPEND_DATA)
#define RIGHTS_OF_GENERIC_ALL 0x001F01FFu

static const uint32_t rights_that_count[] = {
    [ACCESS_PIPE] = RIGHTS_TO_TAKE_OVER | RIGHT_READ_DATA | RIGHT_WRITE_DATA | RIGHT_APPEND_DATA,
    [ACCESS_FILE] = RIGHTS_TO_TAKE_OVER | RIGHT_WRITE_DATA | RIGHT_APPEND_DATA,
    /* A new folder in it (RIGHT_APPEND_DATA) changes nothing of what lies in it. */
    [ACCESS_FOLDER] = RIGHTS_TO_TAKE_OVER | RIGHT_WRITE_DATA | RIGHT_DELETE_CHILD,
    [ACCESS_FOLDER_ABOVE] = RIGHTS_TO_TAKE_OVER | RIGHT_DELETE_CHILD,
};

#define PARTS_MAX 8
struct sid {
    uint64_t authority;
    size_t part_count;
    uint32_t parts[PARTS_MAX];
};

/* Ordinary users; part_1 0 = the SID has one part only. */
static const struct {
    const char *name;
    uint32_t authority, part_0, part_1;
} crowds[] = {
    {"Everyone", 1, 0, 0},
    {"Network", 5, 2, 0},
    {"Batch", 5, 3, 0},
    {"Interactive", 5, 4, 0},
    {"Anonymous", 5, 7, 0},
    {"Authenticated Users", 5, 11, 0},
    {"Terminal Server Users", 5, 13, 0},
    {"Remote Interactive Logon", 5, 14, 0},
    {"This Organization", 5, 15, 0},
    {"Local Account", 5, 113, 0},
    {"Users", 5, 32, 545},
    {"Guests", 5, 32, 546},
    {"Power Users", 5, 32, 547},
    {"Remote Desktop Users", 5, 32, 555},
    {"All Application Packages", 15, 2, 1},
};
#define CROWD_COUNT ARRAY_COUNT(crowds)

/* The groups of a domain (or of this machine) with everybody in it: S-1-5-21-x-y-z-RID. */
static const struct {
    const char *name;
    uint32_t rid;
} domain_crowds[] = {{"Domain Users", 513}, {"Domain Guests", 514}, {"Domain Computers", 515}};
#define DOMAIN_CROWD_COUNT ARRAY_COUNT(domain_crowds)
#define EVERYONE 0
#define NOBODY (CROWD_COUNT + DOMAIN_CROWD_COUNT)

static uint16_t u16_at(const unsigned char *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t u32_at(const unsigned char *bytes)
{
    return (uint32_t)u16_at(bytes) | (uint32_t)u16_at(bytes + 2) << 16;
}

static bool sid_read(const unsigned char *bytes, size_t size, struct sid *out)
{
    if (size < SID_HEADER_BYTES || bytes[0] != 1 || bytes[1] > PARTS_MAX ||
        size < SID_HEADER_BYTES + 4u * bytes[1]) {
        return false;
    }
    *out = (struct sid){.part_count = bytes[1]};
    for (size_t i = 2; i < SID_HEADER_BYTES; i++) {
        out->authority = out->authority << 8 | bytes[i];
    }
    for (size_t i = 0; i < out->part_count; i++) {
        out->parts[i] = u32_at(bytes + SID_HEADER_BYTES + 4 * i);
    }
    return true;
}

/* Index into crowds, then domain_crowds; NOBODY when it is neither. */
static size_t crowd_of(const struct sid *sid)
{
    for (size_t i = 0; i < CROWD_COUNT; i++) {
        const size_t parts = crowds[i].part_1 != 0 ? 2 : 1;
        if (sid->authority == crowds[i].authority && sid->part_count == parts &&
            sid->parts[0] == crowds[i].part_0 && (parts == 1 || sid->parts[1] == crowds[i].part_1)) {
            return i;
        }
    }
    for (size_t i = 0; i < DOMAIN_CROWD_COUNT; i++) {
        if (sid->authority == 5 && sid->part_count == 5 && sid->parts[0] == 21 &&
            sid->parts[4] == domain_crowds[i].rid) {
            return CROWD_COUNT + i;
        }
    }
    return NOBODY;
}

static uint32_t without_generic(uint32_t rights)
{
    return rights | ((rights & RIGHT_GENERIC_READ) != 0 ? RIGHT_READ_DATA : 0) |
           ((rights & RIGHT_GENERIC_WRITE) != 0 ? RIGHTS_OF_GENERIC_WRITE : 0) |
           ((rights & RIGHT_GENERIC_ALL) != 0 ? RIGHTS_OF_GENERIC_ALL : 0);
}

bool access_list_writers(const void *list, size_t size, enum access_place place, struct text *who)
{
    const unsigned char *bytes = list;
    uint32_t denied[NOBODY] = {0};
    bool writers[NOBODY] = {false};
    if (size < LIST_HEADER_BYTES || u16_at(bytes + 2) < LIST_HEADER_BYTES || u16_at(bytes + 2) > size) {
        return false;
    }
    const size_t count = u16_at(bytes + 4), end = u16_at(bytes + 2);
    size_t at = LIST_HEADER_BYTES;
    for (size_t i = 0; i < count; i++) {
        struct sid sid;
        if (end - at < ENTRY_HEADER_BYTES || u16_at(bytes + at + 2) < ENTRY_HEADER_BYTES ||
            u16_at(bytes + at + 2) > end - at) {
            return false;
        }
        const unsigned char *entry = bytes + at;
        const size_t entry_size = u16_at(entry + 2);
        const unsigned char type = entry[0];
        at += entry_size;
        const bool allows = type == ENTRY_ALLOWED || type == ENTRY_ALLOWED_IF;
        /* What is denied under a condition only may be allowed after all. */
        if ((!allows && type != ENTRY_DENIED) || (entry[1] & ENTRY_INHERIT_ONLY) != 0 ||
            !sid_read(entry + ENTRY_HEADER_BYTES, entry_size - ENTRY_HEADER_BYTES, &sid)) {
            continue;
        }
        const size_t crowd = crowd_of(&sid);
        const uint32_t rights = without_generic(u32_at(entry + 4));
        if (crowd != NOBODY && allows) {
            const uint32_t left = rights & ~denied[crowd] & ~denied[EVERYONE];
            writers[crowd] |= (left & rights_that_count[place]) != 0;
        } else if (crowd != NOBODY) {
            denied[crowd] |= rights;
        }
    }
    for (size_t i = 0; i < NOBODY; i++) {
        if (writers[i]) {
            text_add(who, "%s%s", who->length > 0 ? ", " : "",
                     i < CROWD_COUNT ? crowds[i].name : domain_crowds[i - CROWD_COUNT].name);
        }
    }
    return true;
}

/* QUERY_CONFIG CC, QUERY_STATUS LC, ENUMERATE_DEPENDENTS SW, START RP, STOP WP, INTERROGATE LO, READ_CONTROL
 * RC. */
#define SERVICE_ENTRY_FORMAT "(A;;CCLCSWRPWPLORC;;;%s)"

/* The entries of a part end where the next part begins: a letter and a colon outside of parentheses. */
bool access_sddl_grant(const char *sddl, const char *sid, char *out_sddl, size_t capacity)
{
    struct text out = text_on(out_sddl, capacity);
    int depth = 0;
    const char *list = NULL, *end = NULL;
    for (const char *c = sddl; *c != '\0' && end == NULL; c++) {
        depth += *c == '(' ? 1 : *c == ')' ? -1 : 0;
        if (depth == 0 && c[0] != ')' && c[1] == ':') {
            if (list != NULL) {
                end = c;
            } else if (c[0] == 'D') {
                list = c;
            }
        }
    }
    if (list == NULL) {
        return false;
    }
    const size_t before = end != NULL ? (size_t)(end - sddl) : strlen(sddl);
    text_add_bytes(&out, sddl, before);
    text_add(&out, SERVICE_ENTRY_FORMAT, sid);
    text_add(&out, "%s", sddl + before);
    return !out.truncated;
}

#define ACCOUNT_ENTRY_FORMAT "(A;OICI;FA;;;%s)"

bool access_sddl_closed(bool to_administrators, const char *own_sid, const char *service_sid, char *out_sddl,
                        size_t capacity)
{
    struct text out = text_on(out_sddl, capacity);
    text_add(&out, "%sD:P", to_administrators ? "O:BA" : "");
    text_add(&out, ACCOUNT_ENTRY_FORMAT ACCOUNT_ENTRY_FORMAT, "BA", "SY");
    if (own_sid[0] != '\0') {
        text_add(&out, ACCOUNT_ENTRY_FORMAT, own_sid);
    }
    if (service_sid[0] != '\0' && strcmp(service_sid, own_sid) != 0) {
        text_add(&out, ACCOUNT_ENTRY_FORMAT, service_sid);
    }
    return !out.truncated;
}

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
    [ACCESS_FOLDER_ABOVE_PROTECTED] = RIGHTS_TO_TAKE_OVER | RIGHT_DELETE_CHILD,
};

#define PARTS_MAX 8
#define SID_WORD_MAX 128 /* eight parts of ten digits, and the rest */
struct sid {
    uint64_t authority;
    size_t part_count;
    uint32_t parts[PARTS_MAX];
};

#define POWER_USERS 547
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
    {"Power Users", 5, 32, POWER_USERS},
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
        size < SID_HEADER_BYTES + 4u * bytes[1])
        return false;
    *out = (struct sid){.part_count = bytes[1]};
    for (size_t i = 2; i < SID_HEADER_BYTES; i++)
        out->authority = out->authority << 8 | bytes[i];
    for (size_t i = 0; i < out->part_count; i++)
        out->parts[i] = u32_at(bytes + SID_HEADER_BYTES + 4 * i);
    return true;
}

/* Index into crowds, then domain_crowds; NOBODY when it is neither. */
static size_t crowd_of(const struct sid *sid)
{
    for (size_t i = 0; i < CROWD_COUNT; i++) {
        const size_t parts = crowds[i].part_1 != 0 ? 2 : 1;
        if (sid->authority == crowds[i].authority && sid->part_count == parts &&
            sid->parts[0] == crowds[i].part_0 && (parts == 1 || sid->parts[1] == crowds[i].part_1))
            return i;
    }
    for (size_t i = 0; i < DOMAIN_CROWD_COUNT; i++)
        if (sid->authority == 5 && sid->part_count == 5 && sid->parts[0] == 21 &&
            sid->parts[4] == domain_crowds[i].rid)
            return CROWD_COUNT + i;
    return NOBODY;
}

static uint32_t without_generic(uint32_t rights)
{
    return rights | ((rights & RIGHT_GENERIC_READ) != 0 ? RIGHT_READ_DATA : 0) |
           ((rights & RIGHT_GENERIC_WRITE) != 0 ? RIGHTS_OF_GENERIC_WRITE : 0) |
           ((rights & RIGHT_GENERIC_ALL) != 0 ? RIGHTS_OF_GENERIC_ALL : 0);
}

struct entry {
    unsigned char type, flags;
    uint32_t rights;
    struct sid sid;
    size_t crowd;
};

/* Where the entries of a list begin and how many follow; false when the bytes are no list. */
static bool list_open(const void *list, size_t size, size_t *out_at, size_t *out_end, size_t *out_count)
{
    const unsigned char *bytes = list;
    if (size < LIST_HEADER_BYTES || u16_at(bytes + 2) < LIST_HEADER_BYTES || u16_at(bytes + 2) > size)
        return false;
    *out_at = LIST_HEADER_BYTES;
    *out_end = u16_at(bytes + 2);
    *out_count = u16_at(bytes + 4);
    return true;
}

/* The entry at *at, which goes on to the next; NOBODY is its crowd also when its SID cannot be read. False
 * when there is no entry. */
static bool entry_read(const void *list, size_t *at, size_t end, struct entry *out)
{
    const unsigned char *bytes = (const unsigned char *)list + *at;
    const size_t left = end - *at;
    if (left < ENTRY_HEADER_BYTES || u16_at(bytes + 2) < ENTRY_HEADER_BYTES || u16_at(bytes + 2) > left)
        return false;
    const size_t size = u16_at(bytes + 2);
    *at += size;
    *out = (struct entry){.type = bytes[0], .flags = bytes[1], .rights = without_generic(u32_at(bytes + 4))};
    out->crowd = sid_read(bytes + ENTRY_HEADER_BYTES, size - ENTRY_HEADER_BYTES, &out->sid)
                     ? crowd_of(&out->sid)
                     : NOBODY;
    return true;
}

static bool entry_allows(const struct entry *entry)
{
    return entry->type == ENTRY_ALLOWED || entry->type == ENTRY_ALLOWED_IF;
}

/* Server 2003 lets Power Users modify the program files, the folder itself included, which is one right more
 * than they need to install programs: they could only move it away as a whole, which fails while a program in
 * it runs. */
static uint32_t rights_looked_for(size_t crowd, enum access_place place)
{
    const bool power_users = crowd < CROWD_COUNT && crowds[crowd].part_1 == POWER_USERS;
    const bool no_harm = power_users && place == ACCESS_FOLDER_ABOVE_PROTECTED;
    return rights_that_count[place] & (no_harm ? ~RIGHT_DELETE : UINT32_MAX);
}

bool access_list_writers(const void *list, size_t size, enum access_place place, struct text *who)
{
    uint32_t denied[NOBODY] = {0};
    bool writers[NOBODY] = {false};
    size_t at = 0, end = 0, count = 0;
    if (!list_open(list, size, &at, &end, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct entry entry;
        if (!entry_read(list, &at, end, &entry))
            return false;
        if (entry.crowd == NOBODY || (entry.flags & ENTRY_INHERIT_ONLY) != 0)
            continue;
        if (entry_allows(&entry)) {
            const uint32_t left = entry.rights & ~denied[entry.crowd] & ~denied[EVERYONE];
            writers[entry.crowd] |= (left & rights_looked_for(entry.crowd, place)) != 0;
        } else if (entry.type == ENTRY_DENIED) {
            /* What is denied under a condition only may be allowed after all. */
            denied[entry.crowd] |= entry.rights;
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

/* ---- the command that closes it ---- */

/* One of words that each begin with a blank. */
static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word))
        if (at[length] == ' ' || at[length] == '\0')
            return true;
    return false;
}

static void sid_add(struct text *text, const struct sid *sid)
{
    char word[SID_WORD_MAX];
    struct text one = text_on(word, sizeof(word));
    text_add(&one, " *S-1-%llu", (unsigned long long)sid->authority);
    for (size_t i = 0; i < sid->part_count; i++)
        text_add(&one, "-%lu", (unsigned long)sid->parts[i]);
    if (!has_word(text->data, word) && text->length + one.length < text->capacity)
        text_add(text, "%s", word);
}

void access_list_crowds(const void *list, size_t size, struct text *sids)
{
    size_t at = 0, end = 0, count = 0;
    struct entry entry;
    if (!list_open(list, size, &at, &end, &count))
        return;
    for (size_t i = 0; i < count && entry_read(list, &at, end, &entry); i++)
        if (entry.crowd != NOBODY && entry_allows(&entry))
            sid_add(sids, &entry.sid);
}

void text_add_icacls(struct text *text, const char *path, bool folder, const char *crowd_sids)
{
    const char *inherited = folder ? "(OI)(CI)" : "";
    text_add(text, "icacls \"%s\" /inheritance:r /grant:r *S-1-5-32-544:%sF *S-1-5-18:%sF", path, inherited,
             inherited);
    if (crowd_sids[0] != '\0')
        text_add(text, " /remove:g%s", crowd_sids);
}

void text_add_cacls(struct text *text, const char *path, bool folder, const char *administrators,
                    const char *system)
{
    text_add(text, "cacls \"%s\"%s /G \"%s\":F \"%s\":F", path, folder ? " /T" : "", administrators, system);
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
            if (list != NULL)
                end = c;
            else if (c[0] == 'D')
                list = c;
        }
    }
    if (list == NULL)
        return false;
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
    if (own_sid[0] != '\0')
        text_add(&out, ACCOUNT_ENTRY_FORMAT, own_sid);
    if (service_sid[0] != '\0' && strcmp(service_sid, own_sid) != 0)
        text_add(&out, ACCOUNT_ENTRY_FORMAT, service_sid);
    return !out.truncated;
}

/* Of "\\\\server\\share", which a path may begin with; 0: it does not. */
static size_t share_length(const char *path)
{
    if (strncmp(path, "\\\\", 2) != 0)
        return 0;
    const size_t server = 2 + strcspn(path + 2, "\\");
    return path[server] == '\0' ? server : server + 1 + strcspn(path + server + 1, "\\");
}

bool access_folder_above(char *path)
{
    const size_t share = share_length(path);
    size_t length = strlen(path);
    if (length <= share || path[length - 1] == '\\')
        return false;
    while (length > 0 && path[length - 1] != '\\')
        length--;
    if (length < 2)
        return false;
    const bool top = path[length - 2] == ':' || length - 1 == share;
    path[top ? length : length - 1] = '\0';
    return true;
}

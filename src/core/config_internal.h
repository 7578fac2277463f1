/* config_internal.h - what the files of the configuration share, in the order in which a file is read:
 * the table (config_keys.c), where a value stands and what was found (config_place.c), the words of a finding
 * (config_words.c), single values (config_values.c), what concerns several (config_check.c). The walk that
 * leads through them is config.c. */
#ifndef STOREWATCH_CONFIG_INTERNAL_H
#define STOREWATCH_CONFIG_INTERNAL_H

#include "storewatch/config.h"

#include <jansson.h>

#define CONFIG_QUOTED_MAX 60 /* bytes of a value repeated in a message */
#define CONFIG_DEPTH_MAX 8

/* Between the tokens of JSON. */
static inline bool config_is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- the table ---- */

enum config_type {
    CONFIG_OBJECT,
    CONFIG_ARRAY,    /* min, max: number of elements; they are described by the row "PATH[]" */
    CONFIG_STRING,   /* min, max: bytes */
    CONFIG_CHOICE,   /* one of `choices` */
    CONFIG_DURATION, /* "15s"; min, max: ms */
    CONFIG_SIZE,     /* "64MiB"; min, max: bytes */
    CONFIG_TIME,     /* "07:00" */
    CONFIG_DAYS,     /* "mon-fri,sun" */
    CONFIG_INTEGER,  /* min, max: the value */
    CONFIG_NUMBER,
    CONFIG_BOOLEAN
};

struct config_key {
    const char *path; /* "actions.budget.max"; "clients[].image" within every element of an array */
    enum config_type type;
    double min, max;
    const char *choices; /* "alert|act" for CONFIG_CHOICE, else NULL */
    bool nullable;       /* null is allowed and means the default */
    bool required;
};

/* What is wrong with a text, or NULL. The words complete "must ...". */
typedef const char *config_check_fn(const char *value);

struct config_row {
    struct config_key key;
    size_t offset;               /* in struct config, or in the element for "...[].x" */
    size_t size;                 /* of the member; of one element for an array */
    size_t count_offset;         /* arrays: where the number of elements is stored */
    const void *element_default; /* arrays of objects: what an element is before its keys are read */
    config_check_fn *check;
};

/* In the order of the documentation; the row of an array's elements follows the array's own. */
extern const struct config_row config_rows[];
extern const size_t config_row_count;

/* The part of `path` below `prefix` when it is a key directly in that object, else NULL. */
const char *config_child_name(const char *path, const char *prefix);
/* The row of the key `name` of the object `prefix`; NULL: there is none. */
const struct config_row *config_find_child(const char *prefix, const char *name);

/* ---- where a value stands, and what was found there ---- */

struct config_reader {
    const char *path; /* NULL: of no file */
    const char *json;
    size_t length;
    json_t *root;
    struct config *config;
    struct config_findings *findings;
};

/* A value by its ordinals from the top, and its path in words. */
struct config_place {
    size_t depth;
    size_t ordinals[CONFIG_DEPTH_MAX];
    char key[sizeof(((struct config_finding *)NULL)->key)];
};

struct config_place config_place_member(const struct config_place *parent, size_t ordinal, const char *name);
struct config_place config_place_element(const struct config_place *parent, size_t index);
/* The place of a member that may be absent: then it is its object's. *object is replaced by the member (NULL
 * when absent), so that calls can be chained. */
struct config_place config_place_find(const struct config_place *parent, json_t **object, const char *name);
/* The place of a dotted path of object members, absent or not. */
struct config_place config_place_of(const struct config_reader *reader, const char *path);

/* Counts a finding and makes room for its words; NULL when there are too many already. */
struct config_finding *config_add_finding(struct config_findings *findings, bool warning);
/* From an offset into the text. */
void config_point_at(struct config_finding *finding, const char *json, size_t offset);

/* How serious, and whether the key, which is not known, or its value is pointed at. */
enum config_finding_kind { ERROR_AT_VALUE, ERROR_UNKNOWN_KEY, WARNING_AT_VALUE };
void config_report(struct config_reader *reader, const struct config_place *place,
                   enum config_finding_kind kind, const char *format, ...) PRINTF_LIKE(4, 5);

/* No error so far at this key or below it? What rests on several values is only judged when each is right. */
bool config_is_sound(const struct config_reader *reader, const char *key);
/* By place; equal places keep their order. */
void config_sort_findings(struct config_findings *findings);
/* When errors found no room: one item more, after all others, says how many there are. */
void config_tell_cut(struct config_findings *findings);

/* ---- keys that stand twice ---- */

/* Turns the member whose key ends at this offset, and which jansson refused as a duplicate, into blanks. False
 * when it cannot be told where it ends. */
bool config_blank_duplicate(char *json, size_t length, size_t key_end);

/* ---- words ---- */

/* The beginning of a value, in quotes. */
void config_add_quoted(struct text *text, const char *value);
/* What a JSON value is: "the number 7", "a list". */
void config_add_json(struct text *text, const json_t *value);
/* What the row allows, as the end of "... must be". */
void config_add_allowed(struct text *text, const struct config_key *key);
/* Which key was probably meant, and which are allowed in the object `prefix`. */
void config_report_unknown_key(struct config_reader *reader, const struct config_place *place,
                               const char *prefix, const char *name);

/* ---- single values ---- */

config_check_fn config_check_file_name;
config_check_fn config_check_service_name;
config_check_fn config_check_address;
config_check_fn config_check_host;
config_check_fn config_check_password;

/* Stores a JSON scalar; false when its type or value is not the row's. */
bool config_store_scalar(const struct config_row *row, const json_t *value, void *at);

/* ---- what concerns several values ---- */

void config_check(struct config_reader *reader);

#endif

/* base.c - status texts, the error object, bounded and growing text.
 *
 * Everything here cuts rather than fails: a text that is too long ends early, at a UTF-8 boundary, and says
 * so. */
#include "storewatch/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_LIMIT_DEFAULT ((size_t)64 * 1024 * 1024)
#define BUFFER_CAPACITY_FIRST ((size_t)256)

const char *status_text(enum status status)
{
    static const char *const texts[] = {
#define STATUS_WORDS(name, text) text,
        STATUS_LIST(STATUS_WORDS)
#undef STATUS_WORDS
    };
    const size_t index = (size_t)status;
    return index < ARRAY_COUNT(texts) ? texts[index] : "unknown status";
}

enum status err_set(struct err *err, enum status status, const char *operation, uint32_t code,
                    const char *format, ...)
{
    if (err == NULL || err->status != STATUS_OK)
        return status;
    err->status = status;
    err->operation = operation;
    err->code = code;
    struct text text = text_on(err->text, sizeof(err->text));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
    return status;
}

enum status err_set_open(struct err *err, const char *path, int code)
{
    const enum status status = code == ENOENT ? STATUS_NOT_FOUND : code == EACCES ? STATUS_DENIED : STATUS_IO;
    return err_set(err, status, "open", (uint32_t)code, "%s: cannot be opened: %s", path, strerror(code));
}

/* The length of `bytes[0, length)` without a multi-byte character that has only begun at its end. */
static size_t utf8_whole(const char *bytes, size_t length)
{
    for (size_t back = 1; back <= 3 && back <= length; back++) {
        const unsigned char byte = (unsigned char)bytes[length - back];
        if ((byte & 0xC0U) == 0x80U)
            continue; /* a continuation byte: its lead is further back */
        const size_t wanted = byte >= 0xF0U ? 4 : byte >= 0xE0U ? 3 : byte >= 0xC0U ? 2 : 1;
        return wanted > back ? length - back : length;
    }
    return length;
}

size_t utf8_length(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    const size_t length = p[0] < 0x80   ? 1
                          : p[0] < 0xC2 ? 0
                          : p[0] < 0xE0 ? 2
                          : p[0] < 0xF0 ? 3
                          : p[0] < 0xF5 ? 4
                                        : 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xC0U) != 0x80U)
            return 0;
    const bool overlong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
    const bool outside = (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F);
    return overlong || outside ? 0 : length;
}

struct text text_on(char *storage, size_t capacity)
{
    storage[0] = '\0';
    return (struct text){.data = storage, .capacity = capacity};
}

void text_add(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_add_v(text, format, args);
    va_end(args);
}

void text_add_v(struct text *text, const char *format, va_list args)
{
    if (text->truncated)
        return; /* nothing may follow the cut: the text stays a prefix of what was meant */
    const size_t room = text->capacity - text->length; /* at least 1, for the NUL */
    const int wanted = vsnprintf(text->data + text->length, room, format, args);
    if (wanted < 0) { /* an encoding error: keep what was there */
        text->data[text->length] = '\0';
        text->truncated = true;
    } else if ((size_t)wanted < room) {
        text->length += (size_t)wanted;
    } else {
        text->length = utf8_whole(text->data, text->capacity - 1);
        text->data[text->length] = '\0';
        text->truncated = true;
    }
}

void text_add_bytes(struct text *text, const char *bytes, size_t count)
{
    if (text->truncated)
        return;
    const size_t room = text->capacity - text->length - 1;
    const bool fits = count <= room;
    memcpy(text->data + text->length, bytes, fits ? count : room);
    text->length += fits ? count : room;
    if (!fits) {
        text->length = utf8_whole(text->data, text->length);
        text->truncated = true;
    }
    text->data[text->length] = '\0';
}

void text_add_clean(struct text *text, const char *from_outside)
{
    for (const char *p = from_outside; *p != '\0';) {
        const unsigned char *byte = (const unsigned char *)p;
        const size_t length = utf8_length(p);
        const bool is_control =
            byte[0] < 0x20 || byte[0] == 0x7F || (length == 2 && byte[0] == 0xC2 && byte[1] < 0xA0);
        if (length == 0 || is_control)
            text_add_bytes(text, "?", 1);
        else
            text_add_bytes(text, p, length);
        p += length > 0 ? length : 1;
    }
}

void text_tell_cut(struct text *text)
{
    static const char dots[] = "...";
    if (!text->truncated || text->capacity < sizeof dots)
        return;
    const size_t most = text->capacity - sizeof dots;
    if (text->length > most)
        text->length = utf8_whole(text->data, most);
    memcpy(text->data + text->length, dots, sizeof dots);
    text->length += sizeof dots - 1;
}

void text_clear(struct text *text)
{
    text->length = 0;
    text->truncated = false;
    text->data[0] = '\0';
}

/* Makes room for `count` more bytes and the NUL; false (and failed) when that is not possible. */
static bool buffer_reserve(struct buffer *buffer, size_t count)
{
    const size_t limit = buffer->limit != 0 ? buffer->limit : BUFFER_LIMIT_DEFAULT;
    if (buffer->failed || limit <= buffer->length || count > limit - buffer->length - 1) {
        buffer->failed = true;
        return false;
    }
    const size_t wanted = buffer->length + count + 1;
    if (wanted <= buffer->capacity)
        return true;
    /* never above the limit, so that what fits the capacity is allowed */
    size_t capacity = buffer->capacity != 0 ? buffer->capacity : BUFFER_CAPACITY_FIRST;
    while (capacity < wanted)
        capacity = capacity > limit / 2 ? limit : capacity * 2;
    capacity = capacity < limit ? capacity : limit;
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void buffer_add(struct buffer *buffer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const size_t room = buffer->failed ? 0 : buffer->capacity - buffer->length;
    va_list again;
    va_copy(again, args);
    int wanted = vsnprintf(room > 0 ? buffer->data + buffer->length : NULL, room, format, args);
    if (wanted < 0)
        buffer->failed = true;
    else if ((size_t)wanted >= room && buffer_reserve(buffer, (size_t)wanted))
        wanted = vsnprintf(buffer->data + buffer->length, (size_t)wanted + 1, format, again);
    if (!buffer->failed)
        buffer->length += (size_t)wanted;
    else if (buffer->data != NULL)
        buffer->data[buffer->length] = '\0'; /* take the part back that had fitted */
    va_end(again);
    va_end(args);
}

void buffer_add_bytes(struct buffer *buffer, const char *bytes, size_t count)
{
    if (!buffer_reserve(buffer, count))
        return;
    memcpy(buffer->data + buffer->length, bytes, count);
    buffer->length += count;
    buffer->data[buffer->length] = '\0';
}

void buffer_add_csv(struct buffer *buffer, const char *text)
{
    /* The first letters of a formula; an apostrophe makes it a text everywhere. */
    buffer_add(buffer, strchr("=+-@", *text) != NULL && *text != '\0' ? "\"'" : "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"')
            buffer_add_bytes(buffer, text, 1);
        const bool is_control = (unsigned char)*text < ' ' || *text == 0x7F;
        buffer_add_bytes(buffer, is_control ? "?" : text, 1);
    }
    buffer_add_bytes(buffer, "\"", 1);
}

char *buffer_take(struct buffer *buffer)
{
    char *data = NULL;
    if (!buffer->failed && buffer->length > 0) {
        data = buffer->data;
        buffer->data = NULL;
    }
    buffer_deinit(buffer);
    return data;
}

void buffer_deinit(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){.limit = buffer->limit};
}

bool text_copy(char *destination, size_t capacity, const char *source)
{
    struct text text = text_on(destination, capacity);
    text_add_bytes(&text, source, strlen(source));
    return !text.truncated;
}

char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Most are the same as they are: names are compared for each process at each poll. */
static bool same_letter(char a, char b)
{
    return a == b || ascii_lower(a) == ascii_lower(b);
}

int text_compare_nocase(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && same_letter(a[i], b[i]))
        i++;
    return (unsigned char)ascii_lower(a[i]) - (unsigned char)ascii_lower(b[i]);
}

bool text_begins_nocase(const char *text, const char *begin)
{
    size_t i = 0;
    while (begin[i] != '\0' && same_letter(text[i], begin[i]))
        i++;
    return begin[i] == '\0';
}

bool text_equal_nocase(const char *a, const char *b)
{
    return text_compare_nocase(a, b) == 0;
}

const char *path_file_name(const char *path)
{
    const char *name = path;
    for (; *path; path++)
        if (*path == '\\' || *path == '/')
            name = path + 1;
    return name;
}

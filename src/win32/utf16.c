/* utf16.c - see utf16.h. Nothing here asks the system, so the unit tests run it natively. */
#include "utf16.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT UINT32_C(0xFFFD)

/* Takes one character off wide[0, count); returns how many units it had. */
static size_t utf16_take(const uint16_t *wide, size_t count, uint32_t *out_character)
{
    const uint32_t first = wide[0];
    *out_character = first;
    if (first < 0xD800U || first > 0xDFFFU)
        return 1;
    if (first <= 0xDBFFU && count > 1 && wide[1] >= 0xDC00U && wide[1] <= 0xDFFFU) {
        *out_character = 0x10000U + ((first - 0xD800U) << 10) + (wide[1] - 0xDC00U);
        return 2;
    }
    *out_character = REPLACEMENT;
    return 1;
}

/* Writes the character's UTF-8 form into out[4]; returns its length. */
static size_t utf8_put(uint32_t character, char out[4])
{
    if (character < 0x80U) {
        out[0] = (char)character;
        return 1;
    }
    if (character < 0x800U) {
        out[0] = (char)(0xC0U | (character >> 6));
        out[1] = (char)(0x80U | (character & 0x3FU));
        return 2;
    }
    if (character < 0x10000U) {
        out[0] = (char)(0xE0U | (character >> 12));
        out[1] = (char)(0x80U | ((character >> 6) & 0x3FU));
        out[2] = (char)(0x80U | (character & 0x3FU));
        return 3;
    }
    out[0] = (char)(0xF0U | (character >> 18));
    out[1] = (char)(0x80U | ((character >> 12) & 0x3FU));
    out[2] = (char)(0x80U | ((character >> 6) & 0x3FU));
    out[3] = (char)(0x80U | (character & 0x3FU));
    return 4;
}

/* Control characters (C0, DEL, C1), line and paragraph separators, and what turns the direction of writing:
 * "gpj.exe" with one of these before it reads "exe.jpg". */
static bool is_shown_as_it_is(uint32_t c)
{
    return !(c < 0x20U || (c >= 0x7FU && c < 0xA0U) || c == 0x061CU || c == 0x200EU || c == 0x200FU ||
             (c >= 0x2028U && c <= 0x202EU) || (c >= 0x2066U && c <= 0x2069U));
}

static bool convert(const uint16_t *wide, size_t count, bool as_name, char *out_utf8, size_t capacity)
{
    size_t length = 0;
    for (size_t i = 0; i < count && wide[i] != 0;) {
        uint32_t character = 0;
        char bytes[4];
        i += utf16_take(wide + i, count - i, &character);
        if (as_name && !is_shown_as_it_is(character))
            character = '?';
        const size_t size = utf8_put(character, bytes);
        if (size >= capacity - length) {
            out_utf8[length] = '\0';
            return false;
        }
        memcpy(out_utf8 + length, bytes, size);
        length += size;
    }
    out_utf8[length] = '\0';
    return true;
}

bool utf16_to_utf8(const uint16_t *wide, size_t count, char *out_utf8, size_t capacity)
{
    return convert(wide, count, false, out_utf8, capacity);
}

bool utf16_to_name(const uint16_t *wide, size_t count, char *out_name, size_t capacity)
{
    return convert(wide, count, true, out_name, capacity);
}

static size_t utf16_length(const uint16_t *wide)
{
    size_t length = 0;
    while (wide[length] != 0)
        length++;
    return length;
}

bool utf16z_to_utf8(const uint16_t *wide, char *out_utf8, size_t capacity)
{
    return utf16_to_utf8(wide, utf16_length(wide), out_utf8, capacity);
}

bool utf16z_to_name(const uint16_t *wide, char *out_name, size_t capacity)
{
    return utf16_to_name(wide, utf16_length(wide), out_name, capacity);
}

/* Takes one character off a terminated text that is not at its end; returns how many bytes it had. */
static size_t utf8_take(const char *utf8, uint32_t *out_character)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length; below it: overlong */
    const unsigned char first = (unsigned char)utf8[0];
    const size_t size = first < 0x80U   ? 1
                        : first < 0xC0U ? 0
                        : first < 0xE0U ? 2
                        : first < 0xF0U ? 3
                        : first < 0xF8U ? 4
                                        : 0;
    if (size <= 1) {
        *out_character = size == 1 ? first : REPLACEMENT;
        return 1;
    }
    uint32_t character = first & (0xFFU >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        const unsigned char byte =
            (unsigned char)utf8[i]; /* the NUL is no continuation: never read past it */
        if ((byte & 0xC0U) != 0x80U) {
            *out_character = REPLACEMENT;
            return 1;
        }
        character = (character << 6) | (byte & 0x3FU);
    }
    if (character < lowest[size] || character > 0x10FFFFU || (character >= 0xD800U && character <= 0xDFFFU)) {
        *out_character = REPLACEMENT;
        return 1;
    }
    *out_character = character;
    return size;
}

bool utf16_from_utf8(const char *utf8, uint16_t *out_wide, size_t capacity)
{
    size_t length = 0;
    while (*utf8 != '\0') {
        uint32_t character = 0;
        utf8 += utf8_take(utf8, &character);
        const size_t units = character >= 0x10000U ? 2 : 1;
        if (units >= capacity - length) {
            out_wide[length] = 0;
            return false;
        }
        if (units == 2) {
            out_wide[length] = (uint16_t)(0xD800U + ((character - 0x10000U) >> 10));
            out_wide[length + 1] = (uint16_t)(0xDC00U + ((character - 0x10000U) & 0x3FFU));
        } else {
            out_wide[length] = (uint16_t)character;
        }
        length += units;
    }
    out_wide[length] = 0;
    return true;
}

uint16_t *utf16_new(const char *utf8)
{
    const size_t capacity = strlen(utf8) + 1; /* a character never has more units than bytes */
    uint16_t *wide = malloc(capacity * sizeof(*wide));
    if (wide != NULL)
        utf16_from_utf8(utf8, wide, capacity);
    return wide;
}

char *utf16_to_utf8_new(const uint16_t *wide)
{
    const size_t capacity = 3 * utf16_length(wide) + 1; /* a unit never has more than three bytes */
    char *utf8 = malloc(capacity);
    if (utf8 != NULL)
        utf16z_to_utf8(wide, utf8, capacity);
    return utf8;
}

void event_text_copy(char *destination, size_t capacity, const char *source)
{
    struct text text = text_on(destination, capacity);
    for (const char *rest = source; *rest != '\0';) {
        const char *percent = strchr(rest, '%');
        if (percent == NULL) {
            text_add_bytes(&text, rest, strlen(rest));
            break;
        }
        text_add_bytes(&text, rest, (size_t)(percent - rest) + 1);
        rest = percent + 1;
        if (*rest >= '0' && *rest <= '9')
            text_add_bytes(&text, " ", 1);
    }
}

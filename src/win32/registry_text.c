/* registry_text.c - see registry_text.h. */
#include "registry_text.h"

#include "utf16.h"

#include <string.h>

void registry_text_end(uint16_t *units, size_t size_bytes)
{
    const size_t count = size_bytes / sizeof(*units);
    units[count < REGISTRY_UNITS_MAX ? count : REGISTRY_UNITS_MAX - 1] = 0;
}

void registry_command_image(const uint16_t *command, char *out_image, size_t capacity)
{
    char text[REGISTRY_UNITS_MAX * 3];
    utf16z_to_name(command, text, sizeof(text));
    char *begin = text;
    if (*begin == '"') {
        begin++;
        begin[strcspn(begin, "\"")] = '\0';
    } else {
        for (char *at = begin; *at != '\0'; at++) {
            if (*at == ' ' && at - begin > 4) {
                const char end[5] = {at[-4], at[-3], at[-2], at[-1], '\0'};
                if (text_equal_nocase(end, ".exe")) {
                    *at = '\0';
                    break;
                }
            }
        }
    }
    text_copy(out_image, capacity, path_file_name(begin));
}

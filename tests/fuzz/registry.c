/* registry.c - libFuzzer on what other programs leave in the registry and Windows hands us as a command line:
 * any value gives a file name within its bounds, without a folder, valid UTF-8 and terminated. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "storewatch/defects.h"
#include "storewatch/sample.h"
#include "storewatch/service.h"

#include "../../src/win32/registry_text.c"
#include "../../src/win32/utf16.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void require_utf8(const char *text)
{
    json_t *value = json_string(text); /* refuses what is no UTF-8 */
    require(value != NULL);
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint16_t *units = malloc(REGISTRY_UNITS_MAX * sizeof(*units));
    char *text = malloc(REGISTRY_UNITS_MAX * 3);
    char image[PROCESS_IMAGE_MAX], path[64], command[256];
    require(units != NULL && text != NULL);
    memset(units, 0xAA, REGISTRY_UNITS_MAX * sizeof(*units)); /* what the call did not fill */
    const size_t stored =
        size < REGISTRY_UNITS_MAX * sizeof(*units) ? size : REGISTRY_UNITS_MAX * sizeof(*units);
    memcpy(units, data, stored);
    registry_text_end(units, stored);

    registry_command_image(units, image, sizeof(image));
    require(strlen(image) < sizeof(image) && strpbrk(image, "\\/") == NULL);
    require_utf8(image);
    require(utf16z_to_utf8(units, text, REGISTRY_UNITS_MAX * 3));
    require_utf8(text);
    /* There and back: what was valid is the same, and what was not is replaced once and for all. */
    uint16_t *again = utf16_new(text);
    char *text_again = again != NULL ? utf16_to_utf8_new(again) : NULL;
    require(text_again != NULL && strcmp(text, text_again) == 0);
    free(again);
    free(text_again);
    char *event = malloc(strlen(text) * 2 + 1);
    require(event != NULL);
    event_text_copy(event, strlen(text) * 2 + 1, text);
    for (const char *c = event; *c != '\0'; c++)
        require(c[0] != '%' || c[1] < '0' || c[1] > '9');
    free(event);

    if (service_command_config(text, path, sizeof(path))) {
        /* Only what install writes is taken for ours: it can be written again, from its own parts. */
        const size_t program = strcspn(text + 1, "\"");
        require(text[0] == '"' && path[0] != '\0' && strpbrk(path, "\"") == NULL);
        text[1 + program] = '\0';
        require(!service_command_make(text + 1, path, command, sizeof(command)) ||
                (service_command_config(command, text, sizeof(path)) && strcmp(text, path) == 0));
    }
    free(units);
    free(text);
    return 0;
}

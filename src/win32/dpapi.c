/* dpapi.c - dpapi.h with crypt32, which every supported Windows has.
 *
 * Neither the secret nor any part of it enters an error's text, and every copy made here is wiped. */
#include "win32.h"

#include <string.h>
#include <wincrypt.h>

#include "storewatch/dpapi.h"

#define PROTECTED_BYTES_MAX 4096 /* a short secret protected is about 250 bytes */
#define SECRET_UNITS_MAX 512

/* The bytes that were protected -> terminated UTF-8. UTF-8 text holds no zero byte but perhaps a final one;
 * UTF-16 of any Latin text is half zeros. */
static enum status secret_text(const BYTE *bytes, size_t count, char *out_secret, size_t capacity,
                               struct err *err)
{
    const size_t length = count > 0 && bytes[count - 1] == 0 ? count - 1 : count;
    bool fits = length < capacity;
    if (memchr(bytes, 0, length) == NULL) {
        if (fits) {
            memcpy(out_secret, bytes, length);
            out_secret[length] = '\0';
        }
    } else if (count % 2 == 0 && count / 2 <= SECRET_UNITS_MAX) {
        uint16_t wide[SECRET_UNITS_MAX];
        memcpy(wide, bytes, count);
        fits = utf16_to_utf8(wide, count / 2, out_secret, capacity);
        SecureZeroMemory(wide, sizeof(wide));
    } else {
        return err_set(err, STATUS_INVALID, "CryptUnprotectData", 0, "what is protected is no text");
    }
    return fits ? STATUS_OK
                : err_set(err, STATUS_FULL, "CryptUnprotectData", 0,
                          "the protected text is longer than %u bytes", (unsigned)capacity - 1);
}

enum status dpapi_unprotect(const char *base64, char *out_secret, size_t capacity, struct err *err)
{
    BYTE protected_bytes[PROTECTED_BYTES_MAX];
    DWORD count = sizeof(protected_bytes);
    if (!CryptStringToBinaryA(base64, 0, CRYPT_STRING_BASE64, protected_bytes, &count, NULL, NULL)) {
        return windows_fail(err, STATUS_INVALID, "CryptStringToBinary", GetLastError(),
                            "what follows \"dpapi:\" is no base64");
    }
    DATA_BLOB in = {.cbData = count, .pbData = protected_bytes};
    DATA_BLOB plain = {0};
    if (!CryptUnprotectData(&in, NULL, NULL, NULL, NULL, CRYPTPROTECT_UI_FORBIDDEN, &plain)) {
        return windows_fail(err, STATUS_DENIED, "CryptUnprotectData", GetLastError(),
                            "this account on this machine cannot read what follows \"dpapi:\"");
    }
    const BYTE *bytes = plain.pbData != NULL ? plain.pbData : (const BYTE *)""; /* nothing was protected */
    const enum status status = secret_text(bytes, plain.cbData, out_secret, capacity, err);
    if (plain.pbData != NULL) {
        SecureZeroMemory(plain.pbData, plain.cbData);
        LocalFree(plain.pbData);
    }
    return status;
}

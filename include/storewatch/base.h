/* base.h - what every other file stands on: status codes, the error object, bounded text.
 *
 * Status: 0 is success, everything else is a reason. An `enum status` says what kind of thing went wrong so
 * that code can act on it; a `struct err` says it to a person. Functions that can fail take `struct err *err`
 * last; it may be NULL, and the first error written into it wins. Outputs (`out_...`) are written only on
 * success. */
#ifndef STOREWATCH_BASE_H
#define STOREWATCH_BASE_H

#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Windows has macros STATUS_TIMEOUT and STATUS_NO_MEMORY. This keeps them out of a <windows.h> (or <uv.h>,
 * <curl/curl.h>) that follows and takes them back from one that came before. */
#if defined(__MINGW32__)
#ifndef WIN32_NO_STATUS
#define WIN32_NO_STATUS
#endif
#undef STATUS_NO_MEMORY
#undef STATUS_TIMEOUT
#endif

#if defined(__MINGW32__)
#define PRINTF_LIKE(fmt, first) __attribute__((format(gnu_printf, fmt, first)))
#else
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#endif

/* MinGW's macros for these pass a double through a float on paper, which -Wconversion rejects. */
#if defined(__MINGW32__)
#undef isnan
#undef isinf
#undef isfinite
#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#endif

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* One list makes the codes, their names and their texts. */
#define STATUS_LIST(X)                                                                                       \
    X(OK, "ok")                                                                                              \
    X(NO_MEMORY, "out of memory")                                                                            \
    X(INVALID, "invalid input")                                                                              \
    X(NOT_FOUND, "not found")                                                                                \
    X(DENIED, "access denied")                                                                               \
    X(BUSY, "busy, try again")                                                                               \
    X(TIMEOUT, "timed out")                                                                                  \
    X(REFUSED, "refused")                                                                                    \
    X(FULL, "no space left or a bound was reached")                                                          \
    X(CORRUPT, "corrupt")                                                                                    \
    X(IO, "input or output failed")                                                                          \
    X(UNSUPPORTED, "not supported here")                                                                     \
    X(SYSTEM, "the system call failed")

enum status {
#define STATUS_ENUM(name, text) STATUS_##name,
    STATUS_LIST(STATUS_ENUM)
#undef STATUS_ENUM
};

/* Short English text of a status; never NULL. */
const char *status_text(enum status status);

#define ERR_TEXT_MAX 512

/* What went wrong, for a person. Zero-initialise ("{0}"); status OK = no error yet. */
struct err {
    enum status status;
    const char *operation; /* static string: the call or step that failed, e.g. "StartService" */
    uint32_t code;         /* raw Windows, SQLite or libcurl code; 0 when there is none */
    char text[ERR_TEXT_MAX];
};

/* Fills *err unless err is NULL or already holds an error. Returns `status`, so that
 * `return err_set(err, STATUS_IO, "open", code, "%s: ...", path)` reads well. */
enum status err_set(struct err *err, enum status status, const char *operation, uint32_t code,
                    const char *format, ...) PRINTF_LIKE(5, 6);

/* That a file cannot be opened, by its errno: NOT_FOUND, DENIED or IO. */
enum status err_set_open(struct err *err, const char *path, int code);

static inline int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A text of bounded size in caller storage. Always NUL-terminated; what does not fit is dropped (at a UTF-8
 * boundary) and `truncated` is set: a long text is cut, never a crash. `length` excludes the NUL. */
struct text {
    char *data;
    size_t capacity; /* bytes in data, including the NUL; at least 1 */
    size_t length;
    bool truncated;
};

/* Starts an empty text on `storage` of `capacity` bytes (>= 1). Borrowed: the caller keeps the storage alive.
 */
struct text text_on(char *storage, size_t capacity);
void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_v(struct text *text, const char *format, va_list args) PRINTF_LIKE(2, 0);
void text_add_bytes(struct text *text, const char *bytes, size_t count);
void text_clear(struct text *text);
/* When it was cut, its end becomes "...": what people read says that there was more. */
void text_tell_cut(struct text *text);
/* Appends text from outside that goes to a console or the event log: each control character (of ASCII, and those from
 * U+0080 on, with which a terminal begins a command, too) and each byte that is no UTF-8 becomes "?". */
void text_add_clean(struct text *text, const char *from_outside);

/* A text that grows on the heap up to `limit` bytes (reports, mails). Zero-initialised with `limit` set is a
 * valid empty buffer. buffer_* never fail loudly: after a failed allocation or at the limit `failed` stays
 * set and further additions are dropped; check it once at the end. */
struct buffer {
    char *data; /* NUL-terminated, or NULL while empty; owned */
    size_t length;
    size_t capacity;
    size_t limit; /* 0 = 64 MiB */
    bool failed;
};

void buffer_add(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_add_bytes(struct buffer *buffer, const char *bytes, size_t count);
/* Hands the NUL-terminated heap text over (free() it) and empties the buffer; NULL if it failed or is empty.
 */
char *buffer_take(struct buffer *buffer);
void buffer_deinit(struct buffer *buffer);
/* A text as a field of a CSV file: in quotes as RFC 4180 has it, control characters (a new line too) as "?",
 * and an apostrophe before what a spreadsheet would take for a formula. */
void buffer_add_csv(struct buffer *buffer, const char *text);

/* Copies at most capacity-1 bytes, always terminates, cuts at a UTF-8 boundary. Returns false when it cut. */
bool text_copy(char *destination, size_t capacity, const char *source);
/* Bytes, 1 to 4, of the UTF-8 character at the begin of a NUL-terminated text (1 at its end); 0: none begins
 * there (RFC 3629, section 4: also no overlong form, no surrogate, nothing above U+10FFFF). */
size_t utf8_length(const char *text);
/* A to Z as a to z, any other byte as it is. */
char ascii_lower(char c);
/* Comparison without ASCII case (service and image names): does it begin so, equality, and an order as of
 * strcmp on the lower-case forms, which is the one observation.services is sorted in. */
bool text_begins_nocase(const char *text, const char *begin);
bool text_equal_nocase(const char *a, const char *b);
int text_compare_nocase(const char *a, const char *b);
/* The file name of a path; the whole text when there is no backslash or slash. */
const char *path_file_name(const char *path);

#endif

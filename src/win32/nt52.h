/* nt52.h - the functions of newer Windows that our libraries import and that NT 5.2 (Server 2003) lacks, in
 * part only before a service pack.
 *
 * nt52.c defines each under its own name, so that the linker takes ours and the executable imports none of
 * them. Each calls the system's own function where there is one and does the same itself where there is not.
 */
#ifndef STOREWATCH_NT52_H
#define STOREWATCH_NT52_H

#include <windows.h>

#include <stdbool.h>
#include <stdint.h>

/* X(result, name, bytes of parameters on x86, parameters); the headers hide these from a program for NT 5.2.
 * A family is the system's altogether or ours altogether: its functions share a variable. NT 6.0 has slim
 * locks that cannot be tried, so there they are ours. */
#define NT52_LOCK_LIST(X)                                                                                    \
    X(void, InitializeSRWLock, 4, (SRWLOCK * lock))                                                          \
    X(void, AcquireSRWLockExclusive, 4, (SRWLOCK * lock))                                                    \
    X(void, AcquireSRWLockShared, 4, (SRWLOCK * lock))                                                       \
    X(void, ReleaseSRWLockExclusive, 4, (SRWLOCK * lock))                                                    \
    X(void, ReleaseSRWLockShared, 4, (SRWLOCK * lock))                                                       \
    X(BOOLEAN, TryAcquireSRWLockExclusive, 4, (SRWLOCK * lock))                                              \
    X(BOOLEAN, TryAcquireSRWLockShared, 4, (SRWLOCK * lock))

#define NT52_CONDITION_LIST(X)                                                                               \
    X(void, InitializeConditionVariable, 4, (CONDITION_VARIABLE * condition))                                \
    X(void, WakeConditionVariable, 4, (CONDITION_VARIABLE * condition))                                      \
    X(void, WakeAllConditionVariable, 4, (CONDITION_VARIABLE * condition))                                   \
    X(BOOL, SleepConditionVariableCS, 12,                                                                    \
      (CONDITION_VARIABLE * condition, CRITICAL_SECTION * section, DWORD timeout_ms))

#define NT52_OTHER_LIST(X)                                                                                   \
    X(ULONGLONG, GetTickCount64, 0, (void))                                                                  \
    X(BOOL, CancelIoEx, 8, (HANDLE file, OVERLAPPED * request))                                              \
    X(BOOL, CancelSynchronousIo, 4, (HANDLE thread))                                                         \
    X(BOOLEAN, CreateSymbolicLinkW, 12, (const wchar_t *link, const wchar_t *target, DWORD flags))           \
    X(BOOL, GetFileInformationByHandleEx, 16, (HANDLE file, int kind, void *information, DWORD size))        \
    X(DWORD, GetFinalPathNameByHandleW, 16, (HANDLE file, wchar_t * path, DWORD units, DWORD flags))         \
    X(BOOL, SetFileCompletionNotificationModes, 8, (HANDLE file, UCHAR modes))                               \
    X(LONG, RegGetValueW, 28,                                                                                \
      (HKEY key, const wchar_t *sub_key, const wchar_t *value, DWORD flags, DWORD *type, void *data,         \
       DWORD *size))

#define NT52_LIST(X) NT52_LOCK_LIST(X) NT52_CONDITION_LIST(X) NT52_OTHER_LIST(X)

/* The headers do not hide RegGetValueW: there it is imported, here it is not. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wattributes"
#define NT52_PROTOTYPE(result, name, bytes, parameters) result WINAPI name parameters;
NT52_LIST(NT52_PROTOTYPE)
#pragma GCC diagnostic pop

/* For tests: from here on everything is done as on NT 5.2, with `with_events` false also as on one that is
 * out of memory. Before the first call of any of the functions, while the program has one thread; false when
 * it is too late. A program that is built with -DNT52_FORCE_FALLBACK begins so. */
bool nt52_fallback_force(bool with_events);
bool nt52_fallback_is_forced(void);

/* A time as the kernel publishes it, in 100 ns: high_check is written first and high last. */
struct nt52_time {
    volatile uint32_t low;
    volatile int32_t high;
    volatile int32_t high_check;
};

/* The whole of it in milliseconds, also while another processor writes it. 64 bits: it does not wrap. */
int64_t nt52_time_ms(const struct nt52_time *time);

#endif

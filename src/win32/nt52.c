/* nt52.c - what NT 5.2 (Server 2003) lacks of what our libraries call, see nt52.h.
 *
 * How the linker takes ours: code that was compiled with a header's dllimport calls through the pointer
 * __imp_NAME, other code calls NAME. Both are defined here, and this object stands before the import
 * libraries on the command line, so nothing is left that they could resolve; tests/win holds the imports that
 * remain.
 *
 * Slim locks and condition variables, where they are ours
 *
 *   All are guarded by one critical section, the lot. Whoever has to wait stands in one queue of the lot,
 *   with the address of what it waits for and an event of its own, and is woken by whoever takes it out.
 *   - No wake-up is lost: a thread is in the queue before it lets go of the caller's critical section, and a
 *     thread that was taken out has been woken, even when its time is up in the same moment.
 *   - A lock is handed over in the order of arrival: it never becomes free while somebody waits for it, so
 *     nobody starves and nobody overtakes. The price is a switch of threads for each contended lock; libuv
 *     uses them rarely and storewatch not at all.
 *   - Nothing belongs to the variable but its pointer, since nobody ever says that it is no longer needed:
 *     the place in the queue is on the waiting thread's stack, and its event goes back to a store.
 *   - It cannot fail: a thread for which no event can be made looks every few milliseconds. */
#include "nt52.h"
#include "win32.h"

#include <stdatomic.h>
#include <string.h>

#ifndef NT52_FORCE_FALLBACK
#define NT52_FORCE_FALLBACK 0
#endif

#define SPARE_EVENTS_MAX 32
#define POLL_MS 2

/* ---- the system's own functions ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): a declaration's name cannot be in parentheses */
struct real { /* NULL: ours is taken */
#define SLOT(result, name, bytes, parameters) __typeof__(&name) name;
    NT52_LIST(SLOT)
#undef SLOT
};
/* NOLINTEND(bugprone-macro-parentheses) */

enum { NOT_PREPARED, PREPARING, PREPARED };

static atomic_int state = NOT_PREPARED;
static struct real found;    /* written once, before `state` says so */
static CRITICAL_SECTION lot; /* likewise */
static bool forced = NT52_FORCE_FALLBACK, without_events;

/* Both are loaded before any of our code runs: others of their functions are imported. */
static FARPROC find(const char *name)
{
    const FARPROC address = GetProcAddress(GetModuleHandleW(L"kernel32.dll"), name);
    return address != NULL ? address : GetProcAddress(GetModuleHandleW(L"advapi32.dll"), name);
}

/* Each is several statements: by themselves, so that no `if` takes the first of them alone. */
#define DROP(result, name, bytes, parameters) real->name = NULL;
static void drop_locks(struct real *real)
{
    NT52_LOCK_LIST(DROP)
}
static void drop_conditions(struct real *real)
{
    NT52_CONDITION_LIST(DROP)
}
#undef DROP

static void find_all(struct real *real)
{
    FARPROC address = NULL;
#define FIND(result, name, bytes, parameters)                                                                \
    address = find(#name);                                                                                   \
    memcpy(&real->name, &address, sizeof(address));
    NT52_LIST(FIND)
#undef FIND
    bool locks = true, conditions = true;
#define LOCKS(result, name, bytes, parameters) locks = locks && real->name != NULL;
#define CONDITIONS(result, name, bytes, parameters) conditions = conditions && real->name != NULL;
    NT52_LOCK_LIST(LOCKS)
    NT52_CONDITION_LIST(CONDITIONS)
#undef LOCKS
#undef CONDITIONS
    if (!locks)
        drop_locks(real);
    if (!conditions)
        drop_conditions(real);
}

static const struct real *real_get(void)
{
    int expected = NOT_PREPARED;
    if (atomic_load_explicit(&state, memory_order_acquire) == PREPARED)
        return &found;
    if (atomic_compare_exchange_strong(&state, &expected, PREPARING)) {
        if (!forced)
            find_all(&found);
        InitializeCriticalSection(&lot);
        atomic_store_explicit(&state, PREPARED, memory_order_release);
    }
    while (atomic_load_explicit(&state, memory_order_acquire) != PREPARED)
        Sleep(1); /* another thread is at it: a few microseconds, once in the process' life */
    return &found;
}

bool nt52_fallback_force(bool with_events)
{
    if (atomic_load(&state) != NOT_PREPARED)
        return false;
    forced = true;
    without_events = !with_events;
    return true;
}

bool nt52_fallback_is_forced(void)
{
    return forced;
}

/* ---- the lot ---- */

enum waits { WAITS_EXCLUSIVE, WAITS_SHARED, WAITS_CONDITION };

struct waiter {
    struct waiter *next;
    const void *object;
    enum waits kind;
    HANDLE event; /* NULL: none could be made */
    volatile bool woken;
};

static struct waiter *queue;
static struct waiter **queue_end = &queue;
static HANDLE spare_events[SPARE_EVENTS_MAX];
static size_t spare_count;

static HANDLE event_take(void)
{
    if (spare_count > 0)
        return spare_events[--spare_count];
    return without_events ? NULL : CreateEventW(NULL, FALSE, FALSE, NULL);
}

static void event_give(HANDLE event)
{
    if (event == NULL)
        return;
    if (spare_count == SPARE_EVENTS_MAX) {
        CloseHandle(event);
        return;
    }
    ResetEvent(event); /* set when the wake-up came after the time was up */
    spare_events[spare_count++] = event;
}

static void queue_add(struct waiter *waiter)
{
    waiter->event = event_take();
    *queue_end = waiter;
    queue_end = &waiter->next;
}

/* Where the first waiter for `object` hangs, or NULL. */
static struct waiter **queue_find(const void *object)
{
    for (struct waiter **place = &queue; *place != NULL; place = &(*place)->next)
        if ((*place)->object == object)
            return place;
    return NULL;
}

static void queue_remove(struct waiter **place)
{
    struct waiter *waiter = *place;
    *place = waiter->next;
    if (queue_end == &waiter->next)
        queue_end = place;
    waiter->next = NULL;
}

static void queue_remove_self(struct waiter *self)
{
    struct waiter **place = &queue;
    while (*place != self)
        place = &(*place)->next;
    queue_remove(place);
}

/* The waiter may go as soon as the lot is left, which is why its event is set inside. */
static void wake(struct waiter **place)
{
    struct waiter *waiter = *place;
    queue_remove(place);
    waiter->woken = true;
    if (waiter->event != NULL)
        SetEvent(waiter->event);
}

static void poll_until_woken(const struct waiter *self, DWORD timeout_ms)
{
    const DWORD begun = GetTickCount(); /* a difference is right also over the wrap */
    while (!self->woken && (timeout_ms == INFINITE || GetTickCount() - begun < timeout_ms))
        Sleep(POLL_MS);
}

/* Outside of the lot. False: the time is up, and nobody had woken this thread. */
static bool wait_in_queue(struct waiter *self, DWORD timeout_ms)
{
    if (self->event == NULL || WaitForSingleObject(self->event, timeout_ms) == WAIT_FAILED)
        poll_until_woken(self, timeout_ms);
    EnterCriticalSection(&lot);
    const bool woken = self->woken;
    if (!woken)
        queue_remove_self(self);
    event_give(self->event);
    LeaveCriticalSection(&lot);
    return woken;
}

/* ---- slim locks: the pointer is 0 when free, HELD when exclusively held, otherwise the number of sharers
 * --- */

#define HELD UINTPTR_MAX

static uintptr_t holders_get(const SRWLOCK *lock)
{
    return (uintptr_t)lock->Ptr;
}

static void holders_set(SRWLOCK *lock, uintptr_t holders)
{
    lock->Ptr = (void *)holders; /* a number in Windows' own pointer */
}

static bool lock_can(const SRWLOCK *lock, enum waits kind)
{
    return kind == WAITS_SHARED ? holders_get(lock) != HELD : holders_get(lock) == 0;
}

static void lock_grant(SRWLOCK *lock, enum waits kind)
{
    holders_set(lock, kind == WAITS_SHARED ? holders_get(lock) + 1 : HELD);
}

/* Takes it unless that would overtake somebody. Inside the lot. */
static bool lock_take(SRWLOCK *lock, enum waits kind)
{
    if (!lock_can(lock, kind) || queue_find(lock) != NULL)
        return false;
    lock_grant(lock, kind);
    return true;
}

static void lock_acquire(SRWLOCK *lock, enum waits kind)
{
    struct waiter self = {.object = lock, .kind = kind};
    EnterCriticalSection(&lot);
    const bool taken = lock_take(lock, kind);
    if (!taken)
        queue_add(&self);
    LeaveCriticalSection(&lot);
    if (!taken)
        wait_in_queue(&self, INFINITE); /* whoever wakes it has granted it the lock */
}

static BOOLEAN lock_try(SRWLOCK *lock, enum waits kind)
{
    EnterCriticalSection(&lot);
    const bool taken = lock_take(lock, kind);
    LeaveCriticalSection(&lot);
    return taken;
}

static void lock_release(SRWLOCK *lock, enum waits kind)
{
    EnterCriticalSection(&lot);
    holders_set(lock, kind == WAITS_SHARED ? holders_get(lock) - 1 : 0);
    struct waiter **place = queue_find(lock);
    while (place != NULL && lock_can(lock, (*place)->kind)) {
        lock_grant(lock, (*place)->kind);
        wake(place);
        place = queue_find(lock);
    }
    LeaveCriticalSection(&lot);
}

void WINAPI InitializeSRWLock(SRWLOCK *lock)
{
    const struct real *real = real_get();
    if (real->InitializeSRWLock != NULL)
        real->InitializeSRWLock(lock);
    else
        holders_set(lock, 0);
}

void WINAPI AcquireSRWLockExclusive(SRWLOCK *lock)
{
    const struct real *real = real_get();
    if (real->AcquireSRWLockExclusive != NULL)
        real->AcquireSRWLockExclusive(lock);
    else
        lock_acquire(lock, WAITS_EXCLUSIVE);
}

void WINAPI AcquireSRWLockShared(SRWLOCK *lock)
{
    const struct real *real = real_get();
    if (real->AcquireSRWLockShared != NULL)
        real->AcquireSRWLockShared(lock);
    else
        lock_acquire(lock, WAITS_SHARED);
}

void WINAPI ReleaseSRWLockExclusive(SRWLOCK *lock)
{
    const struct real *real = real_get();
    if (real->ReleaseSRWLockExclusive != NULL)
        real->ReleaseSRWLockExclusive(lock);
    else
        lock_release(lock, WAITS_EXCLUSIVE);
}

void WINAPI ReleaseSRWLockShared(SRWLOCK *lock)
{
    const struct real *real = real_get();
    if (real->ReleaseSRWLockShared != NULL)
        real->ReleaseSRWLockShared(lock);
    else
        lock_release(lock, WAITS_SHARED);
}

BOOLEAN WINAPI TryAcquireSRWLockExclusive(SRWLOCK *lock)
{
    const struct real *real = real_get();
    return real->TryAcquireSRWLockExclusive != NULL ? real->TryAcquireSRWLockExclusive(lock)
                                                    : lock_try(lock, WAITS_EXCLUSIVE);
}

BOOLEAN WINAPI TryAcquireSRWLockShared(SRWLOCK *lock)
{
    const struct real *real = real_get();
    return real->TryAcquireSRWLockShared != NULL ? real->TryAcquireSRWLockShared(lock)
                                                 : lock_try(lock, WAITS_SHARED);
}

/* ---- condition variables: the pointer stays NULL, the lot knows who waits ---- */

static void condition_wake(const CONDITION_VARIABLE *condition, bool all)
{
    struct waiter **place = NULL;
    EnterCriticalSection(&lot);
    do {
        place = queue_find(condition);
        if (place != NULL)
            wake(place);
    } while (all && place != NULL);
    LeaveCriticalSection(&lot);
}

static BOOL condition_sleep(const CONDITION_VARIABLE *condition, CRITICAL_SECTION *section, DWORD timeout_ms)
{
    struct waiter self = {.object = condition, .kind = WAITS_CONDITION};
    EnterCriticalSection(&lot);
    queue_add(&self);
    LeaveCriticalSection(&lot);
    LeaveCriticalSection(section);
    const bool woken = wait_in_queue(&self, timeout_ms);
    EnterCriticalSection(section);
    if (!woken)
        SetLastError(ERROR_TIMEOUT);
    return woken;
}

void WINAPI InitializeConditionVariable(CONDITION_VARIABLE *condition)
{
    const struct real *real = real_get();
    if (real->InitializeConditionVariable != NULL)
        real->InitializeConditionVariable(condition);
    else
        condition->Ptr = NULL;
}

void WINAPI WakeConditionVariable(CONDITION_VARIABLE *condition)
{
    const struct real *real = real_get();
    if (real->WakeConditionVariable != NULL)
        real->WakeConditionVariable(condition);
    else
        condition_wake(condition, false);
}

void WINAPI WakeAllConditionVariable(CONDITION_VARIABLE *condition)
{
    const struct real *real = real_get();
    if (real->WakeAllConditionVariable != NULL)
        real->WakeAllConditionVariable(condition);
    else
        condition_wake(condition, true);
}

BOOL WINAPI SleepConditionVariableCS(CONDITION_VARIABLE *condition, CRITICAL_SECTION *section,
                                     DWORD timeout_ms)
{
    const struct real *real = real_get();
    return real->SleepConditionVariableCS != NULL
               ? real->SleepConditionVariableCS(condition, section, timeout_ms)
               : condition_sleep(condition, section, timeout_ms);
}

/* ---- the time since boot ---- */

/* KUSER_SHARED_DATA lies at the same address in every process of every NT, 32 and 64 bits, and its first
 * members have not moved since NT 4: InterruptTime is at offset 8, in 100 ns since boot. */
#define INTERRUPT_TIME ((uintptr_t)0x7FFE0008)

int64_t nt52_time_ms(const struct nt52_time *time)
{
    int32_t high = 0;
    uint32_t low = 0;
    do {
        high = time->high;
        low = time->low;
    } while (high != time->high_check);
    return (int64_t)(((uint64_t)(uint32_t)high << 32 | low) / 10000U);
}

int64_t shared_page_mono_ms(void)
{
    return nt52_time_ms((const struct nt52_time *)INTERRUPT_TIME);
}

/* GetTickCount is 32 bits and starts again after 49.7 days; the time it is made of is 64 bits. */
ULONGLONG WINAPI GetTickCount64(void)
{
    const struct real *real = real_get();
    return real->GetTickCount64 != NULL ? real->GetTickCount64() : (ULONGLONG)shared_page_mono_ms();
}

/* ---- files and requests ---- */

/* NT 5.2 can cancel all that this thread has begun on the file, not one request of it. libuv asks for it in
 * the thread of the loop that began everything, when it stops reading a pipe or closes it, and takes only
 * success or ERROR_NOT_FOUND for an answer. A request that has ended already cancels nothing else. */
BOOL WINAPI CancelIoEx(HANDLE file, OVERLAPPED *request)
{
    const struct real *real = real_get();
    if (real->CancelIoEx != NULL)
        return real->CancelIoEx(file, request);
    if (request != NULL && HasOverlappedIoCompleted(request)) {
        SetLastError(ERROR_NOT_FOUND);
        return FALSE;
    }
    return CancelIo(file);
}

/* Cannot be done on NT 5.2. libuv asks until the other thread has come back by itself and takes only success
 * or ERROR_NOT_FOUND for an answer; it reads in a thread only from pipes that it was given, of which there
 * are none here. */
BOOL WINAPI CancelSynchronousIo(HANDLE thread)
{
    const struct real *real = real_get();
    if (real->CancelSynchronousIo != NULL)
        return real->CancelSynchronousIo(thread);
    SetLastError(ERROR_NOT_FOUND);
    return FALSE;
}

/* The rest serves libuv's file functions, which storewatch does not call: links do not exist on NT 5.2, and
 * the others say that they are not supported, which libuv passes on as ENOTSUP. */
BOOLEAN WINAPI CreateSymbolicLinkW(const wchar_t *link, const wchar_t *target, DWORD flags)
{
    const struct real *real = real_get();
    if (real->CreateSymbolicLinkW != NULL)
        return real->CreateSymbolicLinkW(link, target, flags);
    SetLastError(ERROR_NOT_SUPPORTED);
    return FALSE;
}

BOOL WINAPI GetFileInformationByHandleEx(HANDLE file, int kind, void *information, DWORD size)
{
    const struct real *real = real_get();
    if (real->GetFileInformationByHandleEx != NULL)
        return real->GetFileInformationByHandleEx(file, kind, information, size);
    SetLastError(ERROR_NOT_SUPPORTED);
    return FALSE;
}

DWORD WINAPI GetFinalPathNameByHandleW(HANDLE file, wchar_t *path, DWORD units, DWORD flags)
{
    const struct real *real = real_get();
    if (real->GetFinalPathNameByHandleW != NULL)
        return real->GetFinalPathNameByHandleW(file, path, units, flags);
    SetLastError(ERROR_NOT_SUPPORTED);
    return 0;
}

/* 2003 has it from service pack 2 on. libuv asks when it makes a socket of its own, of which storewatch has
 * none: its loop only serves pipes. */
BOOL WINAPI SetFileCompletionNotificationModes(HANDLE file, UCHAR modes)
{
    const struct real *real = real_get();
    if (real->SetFileCompletionNotificationModes != NULL)
        return real->SetFileCompletionNotificationModes(file, modes);
    SetLastError(ERROR_NOT_SUPPORTED);
    return FALSE;
}

/* 2003 has it from service pack 1 on. libuv asks for the product's name, and goes without it. */
LONG WINAPI RegGetValueW(HKEY key, const wchar_t *sub_key, const wchar_t *value, DWORD flags, DWORD *type,
                         void *data, DWORD *size)
{
    const struct real *real = real_get();
    return real->RegGetValueW != NULL ? real->RegGetValueW(key, sub_key, value, flags, type, data, size)
                                      : ERROR_NOT_SUPPORTED;
}

/* ---- the pointers that take the place of the import table's ---- */

#ifdef __i386__
#define IMPORT_SYMBOL(name, bytes) "__imp__" #name "@" #bytes
#else
#define IMPORT_SYMBOL(name, bytes) "__imp_" #name
#endif
/* NOLINTBEGIN(bugprone-macro-parentheses) */
#define IMPORT(result, name, bytes, parameters)                                                              \
    extern __typeof__(&name) const import_##name __asm__(IMPORT_SYMBOL(name, bytes));                        \
    __typeof__(&name) const import_##name = name;
NT52_LIST(IMPORT)
/* NOLINTEND(bugprone-macro-parentheses) */

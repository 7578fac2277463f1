/* nt52_stress.c - src/win32/nt52.c under load: slim locks, condition variables and the clock, each with
 * several threads that would notice a lost wake-up, a lock held twice, or a torn reading.
 *
 *   nt52_stress real | fallback | polling [ROUNDS]     "ok TEXT" or "not ok TEXT" lines; exit code 1 when
 * there was a "not ok"
 *
 * real: what the system has. fallback: as on NT 5.2. polling: as there, when no event can be made. A hang is
 * reported by a watchdog thread with the name of the test that hung. Runs under Wine and on Windows. */
#include "../../src/win32/nt52.h"
#include "../../src/win32/win32.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS 8
#define HANG_MS 90000
#define RING 16

static int failures;
static long rounds = 20000;
static const char *volatile current = "start";
static volatile LONG steps; /* a test that goes on counts here, now and then */

static void check(bool good, const char *format, ...) PRINTF_LIKE(2, 3);
static void check(bool good, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(good ? "ok " : "not ok ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    failures += good ? 0 : 1;
}

static DWORD WINAPI watchdog(void *unused)
{
    LONG seen = -1;
    (void)unused;
    for (DWORD still_ms = 0; still_ms < HANG_MS; still_ms += 1000) {
        Sleep(1000);
        if (steps != seen) {
            seen = steps;
            still_ms = 0;
        }
    }
    check(false, "%s: nothing moved for %d s", current, HANG_MS / 1000);
    ExitProcess(1);
}

static HANDLE thread_start(LPTHREAD_START_ROUTINE routine, void *argument)
{
    const HANDLE thread = CreateThread(NULL, 256 * 1024, routine, argument, 0, NULL);
    if (thread == NULL) {
        check(false, "CreateThread: error %lu", (unsigned long)GetLastError());
        ExitProcess(1);
    }
    return thread;
}

static void threads_join(const HANDLE *threads, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        CloseHandle(threads[i]);
    }
}

/* Each worker of a test begins with it: a thread that is done before the next one runs meets nobody. */
static atomic_long at_start;

static void start_together(void)
{
    at_start++;
    while (at_start % THREADS != 0)
        SwitchToThread();
}

/* A cheap generator of its own for each thread: which kind of lock comes next. */
static unsigned next_random(unsigned *seed)
{
    *seed = *seed * 1664525U + 1013904223U;
    return *seed >> 16;
}

/* ---- slim locks: two plain numbers that only an unheld promise could bring apart ---- */

static SRWLOCK lock; /* zeroed and never initialised: that is allowed */
static volatile long guarded_a, guarded_b;
static atomic_long writers_inside, readers_inside, readers_most, torn, written, refused, tried;

static void write_once(void)
{
    torn += atomic_fetch_add(&writers_inside, 1) != 0 || readers_inside != 0;
    guarded_a = guarded_a + 1; /* not atomic on purpose */
    if ((guarded_a & 15) == 0)
        SwitchToThread();
    guarded_b = guarded_b + 1;
    torn += guarded_a != guarded_b;
    writers_inside--;
    written++;
}

static void read_once(void)
{
    const long inside = atomic_fetch_add(&readers_inside, 1) + 1;
    const long a = guarded_a;
    if (inside > readers_most)
        readers_most = inside;
    if ((a & 7) == 0)
        SwitchToThread();
    torn += a != guarded_b || writers_inside != 0;
    readers_inside--;
}

static DWORD WINAPI lock_worker(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;
    start_together();
    for (long i = 0; i < rounds; i++) {
        switch (next_random(&seed) % 8) {
        case 0:
        case 1:
            AcquireSRWLockExclusive(&lock);
            write_once();
            ReleaseSRWLockExclusive(&lock);
            break;
        case 2:
            tried++;
            if (TryAcquireSRWLockExclusive(&lock)) {
                write_once();
                ReleaseSRWLockExclusive(&lock);
            } else {
                refused++;
            }
            break;
        case 3:
            tried++;
            if (TryAcquireSRWLockShared(&lock)) {
                read_once();
                ReleaseSRWLockShared(&lock);
            } else {
                refused++;
            }
            break;
        default:
            AcquireSRWLockShared(&lock);
            read_once();
            ReleaseSRWLockShared(&lock);
            break;
        }
        if (i % 100 == 0)
            InterlockedIncrement(&steps);
    }
    return 0;
}

static void test_lock_under_load(void)
{
    HANDLE threads[THREADS];
    const DWORD begun = GetTickCount();
    current = "slim lock under load";
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(lock_worker, (void *)(i + 1));
    threads_join(threads, THREADS);
    check(torn == 0,
          "%d threads took the lock %ld times (%ld ms): never two writers, never a writer with readers",
          THREADS, THREADS * rounds, (long)(GetTickCount() - begun));
    check(guarded_a == written && guarded_b == written, "each of %ld writes counted", (long)written);
    check(refused > 0, "%ld of %ld tries found it taken, up to %ld readers were inside together",
          (long)refused, (long)tried, (long)readers_most);
    check(TryAcquireSRWLockExclusive(&lock), "it is free in the end");
    ReleaseSRWLockExclusive(&lock);
}

/* From another thread, since a lock must not be taken twice by one. */
static DWORD WINAPI try_both(void *argument)
{
    SRWLOCK *tried_lock = argument;
    DWORD got = 0;
    if (TryAcquireSRWLockExclusive(tried_lock)) {
        ReleaseSRWLockExclusive(tried_lock);
        got |= 1;
    }
    if (TryAcquireSRWLockShared(tried_lock)) {
        ReleaseSRWLockShared(tried_lock);
        got |= 2;
    }
    return got;
}

static DWORD try_from_elsewhere(SRWLOCK *tried_lock)
{
    DWORD got = 99;
    const HANDLE thread = thread_start(try_both, tried_lock);
    WaitForSingleObject(thread, INFINITE);
    GetExitCodeThread(thread, &got);
    CloseHandle(thread);
    return got;
}

static void test_lock_states(void)
{
    SRWLOCK own;
    current = "slim lock's states";
    memset(&own, 0xAA, sizeof(own));
    InitializeSRWLock(&own);
    check(try_from_elsewhere(&own) == 3, "free: can be tried for both");
    AcquireSRWLockShared(&own);
    check(try_from_elsewhere(&own) == 2, "shared: can be tried for sharing only");
    AcquireSRWLockShared(&own);
    ReleaseSRWLockShared(&own);
    check(try_from_elsewhere(&own) == 2, "one of two sharers left: still shared");
    ReleaseSRWLockShared(&own);
    AcquireSRWLockExclusive(&own);
    check(try_from_elsewhere(&own) == 0, "exclusive: cannot be tried");
    ReleaseSRWLockExclusive(&own);
    check(try_from_elsewhere(&own) == 3, "and free again");
}

/* Readers that queue behind a writer are let in together: each stays until all are inside. */
static SRWLOCK shared_lock;
static atomic_long came, inside_together;

static DWORD WINAPI meeting_reader(void *unused)
{
    (void)unused;
    came++;
    AcquireSRWLockShared(&shared_lock);
    inside_together++;
    for (int i = 0; i < 5000 && inside_together < THREADS; i++)
        Sleep(1);
    const DWORD met = inside_together == THREADS;
    ReleaseSRWLockShared(&shared_lock);
    return met;
}

static void test_lock_sharing(void)
{
    HANDLE threads[THREADS];
    DWORD met = 0, all_met = 1;
    current = "readers together";
    AcquireSRWLockExclusive(&shared_lock);
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(meeting_reader, NULL);
    while (came < THREADS)
        Sleep(1);
    Sleep(50);
    check(inside_together == 0, "nobody is inside while a writer is");
    ReleaseSRWLockExclusive(&shared_lock);
    for (size_t i = 0; i < THREADS; i++) {
        WaitForSingleObject(threads[i], INFINITE);
        GetExitCodeThread(threads[i], &met);
        all_met &= met;
        CloseHandle(threads[i]);
    }
    check(all_met == 1, "%d readers that waited for it are inside together", THREADS);
}

/* ---- fairness: a writer among readers that never leave the lock alone ---- */

static SRWLOCK crowded;
static atomic_bool crowd_over;

static DWORD WINAPI crowd_reader(void *unused)
{
    (void)unused;
    while (!crowd_over) {
        AcquireSRWLockShared(&crowded);
        Sleep(1);
        ReleaseSRWLockShared(&crowded);
        InterlockedIncrement(&steps);
    }
    return 0;
}

static void test_lock_fairness(void)
{
    HANDLE threads[THREADS];
    const DWORD begun = GetTickCount();
    DWORD longest = 0;
    current = "a writer among readers";
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(crowd_reader, NULL);
    for (int i = 0; i < 50; i++) {
        const DWORD asked = GetTickCount();
        AcquireSRWLockExclusive(&crowded);
        longest = GetTickCount() - asked > longest ? GetTickCount() - asked : longest;
        ReleaseSRWLockExclusive(&crowded);
        Sleep(1);
    }
    crowd_over = true;
    threads_join(threads, THREADS);
    check(longest < 5000,
          "a writer gets in 50 times among %d readers that overlap: %ld ms, at most %ld ms each", THREADS,
          (long)(GetTickCount() - begun), (long)longest);
}

/* ---- condition variables: a ring between producers and consumers ---- */

static CRITICAL_SECTION section;
static CONDITION_VARIABLE not_empty, not_full;
static long ring[RING];
static size_t ring_count, ring_first;
static long long sum_in, sum_out;
static long taken, consumed_all;

static DWORD WINAPI producer(void *argument)
{
    const long base = (long)(uintptr_t)argument * rounds;
    start_together();
    for (long i = 0; i < rounds; i++) {
        EnterCriticalSection(&section);
        while (ring_count == RING)
            if (!SleepConditionVariableCS(&not_full, &section, INFINITE))
                check(false, "a wait without end ends with error %lu", (unsigned long)GetLastError());
        ring[(ring_first + ring_count++) % RING] = base + i;
        sum_in += base + i;
        LeaveCriticalSection(&section);
        WakeConditionVariable(&not_empty); /* outside on purpose: the harder case */
        if (i % 100 == 0)
            InterlockedIncrement(&steps);
    }
    return 0;
}

static DWORD WINAPI consumer(void *argument)
{
    const bool timed = argument != NULL; /* some wait with a time that is often up just when they are woken */
    start_together();
    for (;;) {
        EnterCriticalSection(&section);
        while (ring_count == 0 && taken < consumed_all) {
            if (!SleepConditionVariableCS(&not_empty, &section, timed ? 1 : INFINITE) &&
                (!timed || GetLastError() != ERROR_TIMEOUT)) {
                check(false, "a %s ends with error %lu", timed ? "timed wait" : "wait without end",
                      (unsigned long)GetLastError());
            }
        }
        if (ring_count == 0) {
            LeaveCriticalSection(&section);
            return 0;
        }
        sum_out += ring[ring_first];
        ring_first = (ring_first + 1) % RING;
        ring_count--;
        if (++taken == consumed_all)
            WakeAllConditionVariable(&not_empty);
        LeaveCriticalSection(&section);
        WakeConditionVariable(&not_full);
    }
}

static void ring_run(const char *name, bool timed)
{
    HANDLE threads[THREADS];
    const DWORD begun = GetTickCount();
    current = name;
    ring_count = ring_first = 0;
    sum_in = sum_out = 0;
    taken = 0;
    consumed_all = THREADS / 2 * rounds;
    for (size_t i = 0; i < THREADS; i++) {
        threads[i] = i % 2 == 0 ? thread_start(producer, (void *)(i / 2))
                                : thread_start(consumer, timed && i % 4 == 1 ? (void *)&section : NULL);
    }
    threads_join(threads, THREADS);
    check(taken == consumed_all && ring_count == 0 && sum_in == sum_out,
          "%s: %ld of %ld items came through, %ld ms", name, taken, consumed_all,
          (long)(GetTickCount() - begun));
}

/* ---- one token, passed on with a single wake-up each: one that is lost stops everything ---- */

static CONDITION_VARIABLE turn_of[THREADS];
static size_t turn;
static long turns;

static DWORD WINAPI pass_on(void *argument)
{
    const size_t self = (size_t)(uintptr_t)argument;
    const long wanted = rounds / 4;
    for (long i = 0; i < wanted; i++) {
        EnterCriticalSection(&section);
        while (turn != self)
            SleepConditionVariableCS(&turn_of[self], &section, INFINITE);
        turn = (self + 1) % THREADS;
        turns++;
        WakeConditionVariable(&turn_of[turn]);
        LeaveCriticalSection(&section);
        if (i % 100 == 0)
            InterlockedIncrement(&steps);
    }
    return 0;
}

static void test_turns(void)
{
    HANDLE threads[THREADS];
    const DWORD begun = GetTickCount();
    current = "a token in a circle";
    for (size_t i = 0; i < THREADS; i++) {
        InitializeConditionVariable(&turn_of[i]);
        threads[i] = thread_start(pass_on, (void *)i);
    }
    threads_join(threads, THREADS);
    check(turns == THREADS * (rounds / 4), "a token went %ld times from thread to thread, %ld ms", turns,
          (long)(GetTickCount() - begun));
}

/* ---- broadcast: all of them, each time ---- */

static CONDITION_VARIABLE gate, arrived;
static long generation, waiting, passed;

static DWORD WINAPI gate_waiter(void *unused)
{
    (void)unused;
    for (long i = 1; i <= rounds / 100; i++) {
        EnterCriticalSection(&section);
        waiting++;
        WakeConditionVariable(&arrived);
        while (generation < i)
            SleepConditionVariableCS(&gate, &section, INFINITE);
        passed++;
        LeaveCriticalSection(&section);
        InterlockedIncrement(&steps);
    }
    return 0;
}

static void test_broadcast(void)
{
    HANDLE threads[THREADS];
    current = "broadcast";
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(gate_waiter, NULL);
    for (long i = 1; i <= rounds / 100; i++) {
        EnterCriticalSection(&section);
        while (waiting < THREADS * i)
            SleepConditionVariableCS(&arrived, &section, INFINITE);
        generation = i;
        WakeAllConditionVariable(&gate);
        LeaveCriticalSection(&section);
    }
    threads_join(threads, THREADS);
    check(passed == THREADS * (rounds / 100), "%ld times one wake-up let all %d threads go on", rounds / 100,
          THREADS);
}

/* ---- single wake-up, timeouts ---- */

static CONDITION_VARIABLE counted;
static long asleep, woken;

/* Every second one would wait for a time only, which is not up: it must say that it was woken. */
static DWORD WINAPI sleeper(void *argument)
{
    const DWORD timeout_ms = (uintptr_t)argument % 2 == 0 ? INFINITE : HANG_MS;
    EnterCriticalSection(&section);
    asleep++;
    woken += SleepConditionVariableCS(&counted, &section, timeout_ms) != 0;
    LeaveCriticalSection(&section);
    return 0;
}

static long section_read(const long *number)
{
    EnterCriticalSection(&section);
    const long value = *number;
    LeaveCriticalSection(&section);
    return value;
}

static void test_single_wake(void)
{
    HANDLE threads[THREADS];
    current = "single wake-ups";
    WakeConditionVariable(&counted); /* nobody there: not remembered */
    WakeAllConditionVariable(&counted);
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(sleeper, (void *)i);
    while (section_read(&asleep) < THREADS)
        Sleep(1);
    Sleep(50);
    check(section_read(&woken) == 0, "nobody wakes without being woken");
    for (int i = 0; i < 3; i++)
        WakeConditionVariable(&counted);
    Sleep(300);
    check(section_read(&woken) == 3, "3 wake-ups wake 3 of %d: %ld", THREADS, section_read(&woken));
    WakeAllConditionVariable(&counted);
    threads_join(threads, THREADS);
    check(woken == THREADS, "and then all the others");
}

static DWORD WINAPI section_is_free(void *unused)
{
    (void)unused;
    const DWORD entered = TryEnterCriticalSection(&section) != 0;
    if (entered)
        LeaveCriticalSection(&section);
    return entered;
}

static void test_timeouts(void)
{
    CONDITION_VARIABLE lonely = CONDITION_VARIABLE_INIT;
    const DWORD times_ms[] = {0, 1, 200};
    current = "timeouts";
    for (size_t i = 0; i < ARRAY_COUNT(times_ms); i++) {
        EnterCriticalSection(&section);
        const DWORD begun = GetTickCount();
        SetLastError(ERROR_SUCCESS);
        const BOOL slept = SleepConditionVariableCS(&lonely, &section, times_ms[i]);
        const DWORD code = GetLastError(), took = GetTickCount() - begun;
        DWORD free_elsewhere = 1;
        const HANDLE other = thread_start(section_is_free, NULL);
        WaitForSingleObject(other, INFINITE);
        GetExitCodeThread(other, &free_elsewhere);
        CloseHandle(other);
        LeaveCriticalSection(&section);
        /* GetTickCount moves in steps of up to 16 ms */
        check(!slept && code == ERROR_TIMEOUT && took + 16 >= times_ms[i] && took < times_ms[i] + 5000,
              "a wait of %lu ms ends with ERROR_TIMEOUT after %lu ms", (unsigned long)times_ms[i],
              (unsigned long)took);
        check(free_elsewhere == 0, "and holds the critical section again");
    }
}

/* ---- wake-ups that come when the time is up already: what woke that wait must not wake a later one ---- */

static CONDITION_VARIABLE late_condition;
static SRWLOCK late_lock;
static CRITICAL_SECTION late_section;
static atomic_long late_inside, late_torn, late_woken, late_timed_out, late_sleepers;
static volatile long late_guarded;

/* Sleeps for no time at all while others wake it, then takes a lock that others hold: should the wake-up that
 * came too late be left over, it lets this thread into the lock. */
static DWORD WINAPI late_sleeper(void *unused)
{
    (void)unused;
    start_together();
    for (long i = 0; i < rounds; i++) {
        EnterCriticalSection(&late_section);
        const BOOL slept = SleepConditionVariableCS(&late_condition, &late_section, 0);
        LeaveCriticalSection(&late_section);
        late_woken += slept != FALSE;
        late_timed_out += slept == FALSE;
        AcquireSRWLockExclusive(&late_lock);
        late_torn += atomic_fetch_add(&late_inside, 1) != 0;
        late_guarded = late_guarded + 1;
        if (i % 4 == 0)
            SwitchToThread();
        late_inside--;
        ReleaseSRWLockExclusive(&late_lock);
        if (i % 100 == 0)
            InterlockedIncrement(&steps);
    }
    late_sleepers--;
    return 0;
}

static DWORD WINAPI late_waker(void *unused)
{
    (void)unused;
    start_together();
    while (late_sleepers > 0) {
        WakeAllConditionVariable(&late_condition);
        SwitchToThread();
    }
    return 0;
}

static void test_late_wakeups(void)
{
    HANDLE threads[THREADS];
    const size_t sleepers = THREADS - 2;
    const DWORD begun = GetTickCount();
    current = "late wake-ups";
    InitializeCriticalSection(&late_section);
    late_sleepers = (long)sleepers;
    for (size_t i = 0; i < THREADS; i++)
        threads[i] = thread_start(i < sleepers ? late_sleeper : late_waker, NULL);
    threads_join(threads, THREADS);
    check(
        late_torn == 0 && late_guarded == (long)sleepers * rounds,
        "%ld sleeps without time, %ld of them woken: none of their wake-ups let anybody into a lock, %ld ms",
        (long)(late_woken + late_timed_out), (long)late_woken, (long)(GetTickCount() - begun));
}

/* ---- the clock: a kernel's time that is made here, over every wrap there is ---- */

#define TICK_100NS INT64_C(156250)
#define WRAP_32_MS (INT64_C(1) << 32)

static struct nt52_time made;
static atomic_bool made_over;

static void time_publish(int64_t time_100ns)
{
    made.high_check = (int32_t)(time_100ns >> 32); /* in the kernel's order */
    atomic_thread_fence(memory_order_seq_cst);
    made.low = (uint32_t)(time_100ns & UINT32_MAX);
    atomic_thread_fence(memory_order_seq_cst);
    made.high = (int32_t)(time_100ns >> 32);
}

static DWORD WINAPI time_writer(void *unused)
{
    /* 60 days in steps of 7 s and a tick: the low word wraps every 429 s. */
    const int64_t step = INT64_C(70000000) + TICK_100NS, end = INT64_C(60) * 86400 * 10000000;
    (void)unused;
    for (int64_t now = 0; now < end; now += step) {
        time_publish(now);
        if ((now / step) % 64 == 0)
            SwitchToThread();
        InterlockedIncrement(&steps);
    }
    made_over = true;
    return 0;
}

static void test_clock(void)
{
    current = "the clock";
    static const int64_t moments[] = {
        0, 1, WRAP_32_MS / 2, WRAP_32_MS - 1, WRAP_32_MS, WRAP_32_MS + 1, 3 * WRAP_32_MS + 17};
    bool exact = true;
    for (size_t i = 0; i < ARRAY_COUNT(moments); i++) {
        time_publish(moments[i] * 10000);
        exact = exact && nt52_time_ms(&made) == moments[i];
    }
    check(exact, "before, at and after the 49.7 days after which 32 bits of milliseconds begin anew: exact");
    time_publish(0);
    const HANDLE writer = thread_start(time_writer, NULL);
    long readings = 0, backwards = 0;
    int64_t last = 0;
    while (!made_over) {
        const int64_t now = nt52_time_ms(&made);
        backwards += now < last;
        last = now;
        readings++;
    }
    threads_join(&writer, 1);
    const int64_t end = nt52_time_ms(&made);
    check(backwards == 0 && end >= last, "%ld readings while 60 days went by, %ld of them backwards",
          readings, backwards);
    check(end > WRAP_32_MS, "and they went by");
    const int64_t begun = (int64_t)GetTickCount64();
    int64_t previous = begun, furthest = 0;
    long fell_back = 0;
    for (int i = 0; i < 100000; i++) {
        const int64_t now = (int64_t)GetTickCount64(), apart = now - shared_page_mono_ms();
        fell_back += now < previous;
        furthest = apart > furthest ? apart : -apart > furthest ? -apart : furthest;
        previous = now;
    }
    Sleep(1000);
    const int64_t took = (int64_t)GetTickCount64() - begun;
    check(fell_back == 0, "GetTickCount64 never goes backwards");
    /* A kernel publishes its time every 16 ms; Wine's server does when it gets to it. */
    check(took >= 700 && took < 20000, "and sees a second go by: %ld ms", (long)took);
    check(furthest <= 100, "and is the kernel's time: at most %ld ms apart", (long)furthest);
}

/* ---- requests and files ---- */

#define PIPE_NAME L"\\\\.\\pipe\\nt52-stress"

static void test_cancel(bool as_on_nt52)
{
    OVERLAPPED request = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    char bytes[8];
    DWORD count = 0;
    current = "cancelling";
    const HANDLE server =
        CreateNamedPipeW(PIPE_NAME, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, 1, 64, 64, 0, NULL);
    const HANDLE client =
        CreateFileW(PIPE_NAME, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    check(server != INVALID_HANDLE_VALUE && client != INVALID_HANDLE_VALUE, "a pipe");
    const BOOL read_now = ReadFile(server, bytes, sizeof(bytes), NULL, &request);
    check(!read_now && GetLastError() == ERROR_IO_PENDING, "a read of an empty pipe waits");
    check(CancelIoEx(server, &request), "it can be cancelled");
    const BOOL ended = GetOverlappedResult(server, &request, &count, TRUE);
    check(!ended && GetLastError() == ERROR_OPERATION_ABORTED, "and ends as aborted");
    check(!CancelIoEx(server, &request) && GetLastError() == ERROR_NOT_FOUND,
          "a second time there is nothing to cancel");
    if (as_on_nt52) {
        check(!CancelSynchronousIo(GetCurrentThread()) && GetLastError() == ERROR_NOT_FOUND,
              "no synchronous call is found");
        check(!CreateSymbolicLinkW(L"a", L"b", 0) && GetLastError() == ERROR_NOT_SUPPORTED, "no links");
        check(!GetFileInformationByHandleEx(server, 1, bytes, sizeof(bytes)) &&
                  GetLastError() == ERROR_NOT_SUPPORTED,
              "no file information");
        check(GetFinalPathNameByHandleW(server, NULL, 0, 0) == 0 && GetLastError() == ERROR_NOT_SUPPORTED,
              "no final path");
        check(!SetFileCompletionNotificationModes(server, 1) && GetLastError() == ERROR_NOT_SUPPORTED,
              "no modes of completion");
    }
    CloseHandle(client);
    CloseHandle(server);
    CloseHandle(request.hEvent);
}

/* It is advapi32's, not kernel32's as the others. */
static void test_registry(bool as_on_nt52)
{
    char bytes[512];
    DWORD size = sizeof(bytes);
    current = "the registry";
    const LONG code = RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion",
                                   L"ProductName", 0xFFFF /* of any type */, NULL, bytes, &size);
    check(code == (as_on_nt52 ? ERROR_NOT_SUPPORTED : ERROR_SUCCESS), "a value of the registry: %ld", code);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    const bool fallback = strcmp(mode, "fallback") == 0, polling = strcmp(mode, "polling") == 0;
    if (argc > 2)
        rounds = strtol(argv[2], NULL, 10);
    if ((!fallback && !polling && strcmp(mode, "real") != 0) || rounds < 100) {
        fprintf(stderr, "nt52_stress real | fallback | polling [ROUNDS, at least 100]\n");
        return 2;
    }
    if (fallback || polling)
        check(nt52_fallback_force(fallback), "%s is forced", mode);
    InitializeCriticalSection(&section);
    CloseHandle(thread_start(watchdog, NULL));
    test_clock();
    check(!nt52_fallback_force(true), "after the first use nothing is switched");
    test_lock_states();
    test_lock_under_load();
    test_lock_sharing();
    test_lock_fairness();
    test_timeouts();
    test_late_wakeups();
    test_single_wake();
    ring_run("a ring", false);
    ring_run("a ring with waits of 1 ms", true);
    test_turns();
    test_broadcast();
    test_cancel(fallback || polling);
    test_registry(fallback || polling);
    printf("ok %s came to its end\n", mode);
    return failures == 0 ? 0 : 1;
}

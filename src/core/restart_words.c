/* restart_words.c - the restart in words: what the SCM's codes mean, the names of states, and what is being
 * waited for (restart.waiting_for, restart.if_hangs). */
#include "restart_internal.h"

#include "storewatch/units.h"

#include <inttypes.h>

/* What the SCM's codes mean for people. `hard`: waiting does not heal it, so ops are told at once. */
static const struct code_words {
    uint32_t code;
    bool hard;
    const char *words;
} code_table[] = {
    {CODE_FILE_NOT_FOUND, true, "its program file was not found"},
    {CODE_PATH_NOT_FOUND, true, "the path of its program was not found"},
    {CODE_ACCESS_DENIED, true, "access denied"},
    {CODE_BAD_EXE_FORMAT, true, "its program file is not a valid executable"},
    {CODE_BAD_PIPE, false, "the service manager's pipe to it is broken"},
    {CODE_DEPENDENTS_RUNNING, false, "services that need it are running"},
    {CODE_INVALID_CONTROL, false, "it takes no stop control now"},
    {CODE_REQUEST_TIMEOUT, false, "it did not answer in time"},
    {CODE_DATABASE_LOCKED, false, "the service database is locked"},
    {CODE_INVALID_ACCOUNT, true, "its account does not exist"},
    {CODE_DISABLED, true, "it is disabled"},
    {CODE_NOT_INSTALLED, true, "it is not installed any more"},
    {CODE_CANNOT_ACCEPT, false, "it cannot take controls now"},
    {CODE_NOT_ACTIVE, false, "it is not running"},
    {CODE_PROCESS_ABORTED, false, "its process ended unexpectedly"},
    {CODE_DEPENDENCY_FAILED, false, "a service it needs did not start"},
    {CODE_LOGON_FAILED, true, "logon failure, see its account and password"},
    {CODE_MARKED_FOR_DELETE, true, "it is being deleted"},
    {CODE_DEPENDENCY_DELETED, true, "a service it needs is not installed"},
    {CODE_SHUTDOWN, false, "the system is shutting down"},
    {CODE_LOGON_TYPE, true, "its account may not log on as a service"},
    {CODE_WITHDRAWN, false, "what it was decided on has changed meanwhile"},
    {CODE_TOO_LATE, false, "it came to that only long after it was decided"},
};

static const struct code_words *code_find(uint32_t code)
{
    for (size_t i = 0; i < ARRAY_COUNT(code_table); i++)
        if (code_table[i].code == code)
            return &code_table[i];
    return NULL;
}

const char *code_words(uint32_t code)
{
    const struct code_words *known = code_find(code);
    return known != NULL ? known->words : NULL;
}

bool code_is_hard(uint32_t code)
{
    const struct code_words *known = code_find(code);
    return known != NULL && known->hard;
}

void text_add_code(struct text *text, enum status status, uint32_t code)
{
    const struct code_words *known = code_find(code);
    if (known != NULL)
        text_add(text, "%s (%" PRIu32 ")", known->words, code);
    else if (code != 0)
        text_add(text, "error %" PRIu32, code);
    else
        text_add(text, "%s", status_text(status));
}

/* ---- names ---- */

const char *service_state_text(enum service_state state)
{
    static const char *const texts[] = {"unknown",       "stopped", "start pending",
                                        "stop pending",  "running", "continue pending",
                                        "pause pending", "paused",  "not installed"};
    const size_t index = (size_t)state;
    return index < ARRAY_COUNT(texts) ? texts[index] : "unknown";
}

const char *restart_phase_name(enum restart_phase phase)
{
    static const char *const names[] = {"idle", "stopping", "starting", "verifying", "ended"};
    const size_t index = (size_t)phase;
    return index < ARRAY_COUNT(names) ? names[index] : "unknown";
}

const char *restart_outcome_name(enum restart_outcome outcome)
{
    static const char *const names[] = {"none", "succeeded", "restored", "handed over", "called off"};
    const size_t index = (size_t)outcome;
    return index < ARRAY_COUNT(names) ? names[index] : "unknown";
}

/* ---- what is being waited for ---- */

void machine_say(struct restart *restart, struct machine_step *step, const char *format, ...)
{
    if (step->spoken)
        return;
    step->spoken = true;
    struct text text = text_on(restart->waiting_for, sizeof(restart->waiting_for));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

void service_note(struct restart_service *service, const char *format, ...)
{
    struct text text = text_on(service->note, sizeof(service->note));
    va_list args;
    va_start(args, format);
    text_add_v(&text, format, args);
    va_end(args);
}

/* What is done when the service that is waited for hangs. */
static void say_if_hangs(struct restart *restart, const struct machine_step *step, size_t index)
{
    const struct restart_service *service = &restart->journal.plan.services[index];
    char why[96];
    struct text text = text_on(restart->if_hangs, sizeof(restart->if_hangs));
    if (restart->watches[index].hang.terminated) {
        text_add(&text, "if %s hangs: waits (its process was to be terminated; that is tried once)",
                 service->name);
    } else if (restart->terminate_held[0] != '\0' &&
               restart_may_terminate(restart->config, step->observation, service, why, sizeof(why))) {
        text_add(&text, "if %s hangs: waits (%s)", service->name, restart->terminate_held);
    } else {
        restart_add_hang_words(&text, restart->config, step->observation, service);
    }
}

/* "MSExchangeIS: stop pending, checkpoint 7, wait hint 30 s, CPU time moved 12 s ago, 18 min left" */
void machine_say_pending(struct restart *restart, struct machine_step *step, size_t index,
                         const struct look *look, int64_t timeout_ms)
{
    static const char *const signs[] = {"", "checkpoint ", "CPU time ", "I/O "};
    struct restart_watch *watch = &restart->watches[index];
    const int64_t still_ms = step->mono_ms - watch->signs.moved_mono_ms;
    const bool still = still_ms > hang_quiet_allowed_ms(look, timeout_ms);
    char storage[192];
    struct text text = text_on(storage, sizeof(storage));
    if (look->service != NULL && look->service->checkpoint != 0)
        text_add(&text, ", checkpoint %" PRIu32, look->service->checkpoint);
    if (look->service != NULL && look->service->wait_hint_ms != 0) {
        text_add(&text, ", wait hint ");
        text_add_duration(&text, look->service->wait_hint_ms);
    }
    text_add(&text, still ? ", hung? no sign of progress for " : ", %smoved ", signs[watch->signs.moved]);
    text_add_duration(&text, still_ms);
    text_add(&text, still ? "" : " ago");
    const int64_t left_ms = timeout_ms - watch_waited_ms(watch, step->mono_ms);
    if (left_ms > 0) {
        text_add(&text, ", ");
        text_add_duration(&text, left_ms);
        text_add(&text, " left");
    } else {
        text_add(&text, ", longer than allowed");
    }
    if (!step->spoken && look->state == SERVICE_STATE_STOP_PENDING)
        say_if_hangs(restart, step, index);
    machine_say(restart, step, "%s: %s%s", restart->journal.plan.services[index].name,
                service_state_text(look->state), storage);
}

const char *request_words(enum restart_request_kind kind)
{
    return kind == REQUEST_START ? "start" : kind == REQUEST_STOP ? "stop" : "end with its process";
}

void machine_say_asked(struct restart *restart, struct machine_step *step)
{
    if (restart->held) {
        machine_say(restart, step, "no answer from the service manager yet to a question about its services");
        return;
    }
    char storage[40];
    struct text text = text_on(storage, sizeof(storage));
    text_add_duration(&text, step->mono_ms - restart->asked_mono_ms);
    machine_say(restart, step, "%s: asked to %s %s ago, no answer from the service manager yet",
                restart->request.service, request_words(restart->request.kind), storage);
}

/* restart_internal.h - what restart.c (the entries, and what the ways down and up share), restart_look.c,
 * restart_plan.c, restart_stop.c, restart_hang.c, restart_start.c and restart_words.c share. machine_
 * functions change the restart as a whole, or what it says; what each promises stands where it is defined. */
#ifndef STOREWATCH_RESTART_INTERNAL_H
#define STOREWATCH_RESTART_INTERNAL_H

#include "storewatch/restart.h"

/* Codes of winerror.h that have a meaning of their own here. */
enum {
    CODE_FILE_NOT_FOUND = 2,
    CODE_PATH_NOT_FOUND = 3,
    CODE_ACCESS_DENIED = 5,
    CODE_BAD_EXE_FORMAT = 193,
    CODE_BAD_PIPE = 230,
    CODE_DEPENDENTS_RUNNING = RESTART_DEPENDENTS_RUNNING,
    CODE_INVALID_CONTROL = 1052,
    CODE_REQUEST_TIMEOUT = 1053,
    CODE_DATABASE_LOCKED = 1055,
    CODE_INVALID_ACCOUNT = 1057,
    CODE_DISABLED = 1058,
    CODE_NOT_INSTALLED = 1060,
    CODE_CANNOT_ACCEPT = 1061,
    CODE_NOT_ACTIVE = 1062,
    CODE_PROCESS_ABORTED = 1067,
    CODE_DEPENDENCY_FAILED = 1068,
    CODE_LOGON_FAILED = 1069,
    CODE_MARKED_FOR_DELETE = 1072,
    CODE_DEPENDENCY_DELETED = 1075,
    CODE_SHUTDOWN = 1115,
    CODE_LOGON_TYPE = 1385,
    CODE_WITHDRAWN = RESTART_WITHDRAWN,
    CODE_TOO_LATE = RESTART_TOO_LATE
};

/* Not looked at for longer than this (the machine slept, nothing could be read), a stop is not known to have hung
 * meanwhile, nor what runs to have stayed so: the clock went on, the service need not have. Looks are a second apart. */
#define UNSEEN_MS MS_PER_MINUTE

/* What one step of the machine works with. */
struct machine_step {
    const struct observation *observation;
    const struct service_graph *graph; /* may be NULL */
    int64_t mono_ms, utc_ms;
    unsigned news;
    struct restart_request *request; /* filled at most once a step */
    bool spoken;                     /* waiting_for is written: the first reason found is the one shown */
};

/* restart.c */

struct look; /* below */
struct restart_service *machine_target(struct restart *restart);
/* Fills the step's request, and the journal with it. */
void machine_ask(struct restart *restart, struct machine_step *step, enum restart_request_kind kind,
                 size_t index);
/* Has it another process than the plan named? *out_hit: a stop of ours may have hit that one. At each look. */
bool machine_is_anew(struct restart *restart, struct machine_step *step, size_t index,
                     const struct look *look, bool *out_hit);
/* Is a request about this service under way? */
bool machine_is_out(const struct restart *restart, const struct restart_service *service);
/* Ops are told, once a restart, that this service is down. */
void machine_tell_down(struct restart *restart, const struct restart_service *service, unsigned *news);
/* A person took the service over; its note says how. */
void machine_give_up(struct restart *restart, size_t index, unsigned *news);
void machine_enter_starting(struct restart *restart);
/* Both return news bits. */
unsigned machine_turn_back(struct restart *restart, int64_t utc_ms);
unsigned machine_finish(struct restart *restart, int64_t utc_ms);

/* restart_look.c */

/* What is seen of one service. */
struct look {
    enum service_state state;
    const struct service *service; /* NULL unless the observation has it */
    struct process_id process;     /* created 0 when only the pid is known */
    reading cpu_ms, io_count;
};
bool state_is_running(enum service_state state);
bool state_is_down(enum service_state state);
bool state_is_pending(enum service_state state);
bool processes_surely_differ(struct process_id a, struct process_id b);
struct look look_at(const struct observation *observation, const char *name);
struct look look_at_planned(const struct observation *observation, const struct restart_service *service);
void signs_follow(struct restart_signs *signs, const struct look *look, int64_t mono_ms);
int64_t watch_waited_ms(struct restart_watch *watch, int64_t mono_ms);
int64_t watch_next_backoff(struct restart_watch *watch, int64_t last_ms);
bool watch_stays_stopped(struct restart_watch *watch, int64_t mono_ms);

/* restart_plan.c */

/* The node of this name; SIZE_MAX: none. */
size_t graph_find(const struct service_graph *graph, const char *name);
bool machine_extend_plan(struct restart *restart, struct machine_step *step);

/* restart_stop.c: a step of the way down, and what came of a stop */

void stop_step(struct restart *restart, struct machine_step *step);
void stop_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms);

/* restart_hang.c */

int64_t hang_quiet_allowed_ms(const struct look *look, int64_t timeout_ms);
void hang_follow(struct restart *restart, const struct machine_step *step, size_t index,
                 const struct look *look);
/* What is done about a stop that lasts too long. NEARLY: only the time is not up yet. */
enum hung { HUNG_WAIT, HUNG_NEARLY, HUNG_ASKED };
enum hung hang_end(struct restart *restart, struct machine_step *step, size_t index, const struct look *look);
void hang_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms);

/* restart_start.c: a step of the way up, and what came of a start */

void start_step(struct restart *restart, struct machine_step *step);
void start_told(struct restart *restart, size_t index, enum status status, uint32_t code, int64_t mono_ms);

/* restart_words.c */

/* Appends "logon failure, see its account and password (1069)"; without a code the status' words. */
void text_add_code(struct text *text, enum status status, uint32_t code);
/* NULL: no words for it. */
const char *code_words(uint32_t code);
/* Waiting does not heal it: ops are told at once. */
bool code_is_hard(uint32_t code);
/* What is waited for: the first reason that a step finds is the one shown. */
void machine_say(struct restart *restart, struct machine_step *step, const char *format, ...)
    PRINTF_LIKE(3, 4);
void machine_say_pending(struct restart *restart, struct machine_step *step, size_t index,
                         const struct look *look, int64_t timeout_ms);
void machine_say_asked(struct restart *restart, struct machine_step *step);
const char *request_words(enum restart_request_kind kind);
void service_note(struct restart_service *service, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

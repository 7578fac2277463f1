/* fake_os.h - os.h and mailer.h over the simulated Windows of world.h: processes with memory behaviour,
 * relays that fail, and a record of everything storewatch did to the world. Time moves only in fake_advance.
 */
#ifndef STOREWATCH_TESTS_FAKE_OS_H
#define STOREWATCH_TESTS_FAKE_OS_H

#include "storewatch/store.h"

#include "seam.h"

#define FAKE_PROGRAMS_MAX 512
#define FAKE_LOG_MAX (512 * 1024)
#define FAKE_FILES_MAX 64

/* OBJECTS: opens objects in another program's process, in a rhythm of its own, and closes none of them. */
enum fake_growth { FAKE_FLAT, FAKE_LEAK, FAKE_PLATEAU, FAKE_SAWTOOTH, FAKE_OBJECTS };

/* How the memory of one program behaves; of a service's process, or of a process that belongs to none. */
struct fake_program {
    char service[SERVICE_NAME_MAX]; /* "" = no service */
    char image[PROCESS_IMAGE_MAX];
    bool running; /* of a program without service */
    struct process_id process;
    enum fake_growth growth;
    double kept_bytes; /* of a leak that has ended, as long as this process runs */
    uint64_t kept_of_100ns;
    double base_bytes;
    double bytes_per_hour; /* leak, or slope of the sawtooth */
    double top_bytes;      /* plateau: where it ends; sawtooth: where it drops */
    double noise_bytes;    /* uniform, +- */
    int64_t tau_ms;        /* plateau: time constant */
    double base_handles, handles_per_hour;
    struct fake_program *holder; /* objects: who holds them, */
    double object_bytes;         /* and what each costs there; each is a handle in both */
    double objects;              /* so many are open */
    int64_t objects_mono_ms;     /* as of then */
    struct loaded_dlls dlls;     /* what it has loaded that MAPI clients have */
    bool closed;                 /* its modules cannot be read: access denied */
    struct space space;          /* of an incarnation when it is born; limit_bytes 0: a 64-bit program */
    double space_lost_per_hour;
    uint64_t born_100ns; /* incarnation the values below belong to */
    int64_t born_mono_ms;
    int64_t grows_from_mono_ms; /* set by fake_grow: growth begins then, in later incarnations at birth */
};

/* What evidence is written into; removed folders go with their files. */
struct fake_file {
    char path[300];
    struct buffer bytes;
};
enum fake_evidence { EVIDENCE_WORKS, EVIDENCE_FAILS, EVIDENCE_HANGS };

struct os {
    struct world world;
    size_t program_count;
    struct fake_program programs[FAKE_PROGRAMS_MAX];
    struct host host;
    bool cluster;
    bool host_unreadable;
    int weekday, minute_of_day; /* at mono_ms 0 of the world */
    const char *swallowed;      /* a message that holds this is answered by no relay; NULL = none */
    enum relay_mood relays[CONFIG_RELAYS_MAX]; /* by position in the configuration: found by port - 25 */
    size_t registration_count;                 /* what the registry names */
    struct mapi_registration registrations[8];
    uint64_t modules_reads;      /* processes whose modules were read */
    int64_t modules_cost_ms;     /* simulated time that one of these reads takes */
    uint64_t space_walks;        /* address spaces that were walked */
    int64_t space_cost_ms;       /* simulated time that one walk takes, */
    double space_cpu_ms;         /* and what it uses of the processor, where world.tells_cpu */
    enum fake_evidence evidence; /* EVIDENCE_HANGS: for the driver, which does not run the job */
    size_t file_count, folder_count;
    struct fake_file *files[FAKE_FILES_MAX]; /* fake_deinit */
    char folders[FAKE_FILES_MAX][300];
    const char *unremovable; /* a folder whose name holds this is not removed */
    double disk_free_bytes;  /* less what the files hold */
    int64_t dump_cost_ms;    /* simulated time that a dump takes */
    double dump_bytes;
    uint64_t dumps;
    uint64_t random;
    uint32_t next_pid;
    uint64_t observe_count;
    uint32_t mails_delivered;
    /* One line for each thing that was done to the world, in order: "stop NAME", "mail SUBJECT", "event ...".
     */
    struct text log;
    char log_storage[FAKE_LOG_MAX];
    bool log_events;
    bool log_bodies;                    /* the plain part of each mail below its line, too */
    int64_t log_before_ms;              /* time that passed before the latest boot, for the log's times */
    bool events_closed;                 /* the event log takes none */
    char unsafe_access[ALERT_LINE_MAX]; /* what os_unsafe_access tells */
};

/* The one fake, also what mailer_send delivers to. */
void fake_init(struct os *os);
void fake_deinit(struct os *os); /* frees what evidence was written */
/* Mail from storewatch@example.com to ops@example.com by the fake's first relay. */
void fake_mail(struct config *config);
/* Lends the file whose path ends so; NULL when there is none. */
const struct fake_file *fake_file_find(const struct os *os, const char *path_end);
struct fake_program *fake_add_service(struct os *os, const char *service, const char *image,
                                      double base_bytes);
struct fake_program *fake_add_program(struct os *os, const char *image, double base_bytes, bool running);
struct fake_program *fake_program_find(struct os *os, const char *service_or_image); /* NULL when unknown */
/* From now on it grows so. Set the rates in the program afterwards. */
void fake_grow(struct os *os, struct fake_program *program, enum fake_growth growth);
/* A leak ends: its present process keeps what it has, and grows no more. */
void fake_halt(struct os *os, struct fake_program *program);
void fake_program_run(struct os *os, struct fake_program *program, bool running);
void fake_advance(struct os *os, int64_t ms);
/* The machine is started anew; what grows begins to at its next birth. */
void fake_boot(struct os *os);
/* Appends "D+HH:MM:SS text\n" to the log. */
void fake_log(struct os *os, const char *format, ...) PRINTF_LIKE(2, 3);

#endif

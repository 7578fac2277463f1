/* rights.h - private to the Windows edge, without windows.h: what storewatch may do and what it needs to.
 *
 * The service runs as LocalSystem with all privileges but the needed ones taken out of its token (NT 6.0 and
 * later; older systems know no such list). What else it does - reading the list of processes, asking and
 * controlling services, the event log, its own folder, the network - needs no privilege, only access that
 * LocalSystem has and that another account can be given. */
#ifndef STOREWATCH_WIN32_RIGHTS_H
#define STOREWATCH_WIN32_RIGHTS_H

#include "storewatch/base.h"

struct needed_privilege {
    const char *name;   /* "SeDebugPrivilege" */
    const char *policy; /* its name in secpol.msc, User Rights Assignment */
    const char *why;    /* what does not work without it */
};
#define NEEDED_PRIVILEGE_COUNT 2
extern const struct needed_privilege needed_privileges[NEEDED_PRIVILEGE_COUNT];

#define ACCOUNT_NAME_MAX 320 /* "CONTOSO\\watch" */
#define ACCOUNT_SID_MAX 192

/* Whose rights are looked at. Zero-initialised is closed. */
struct account {
    void *token;
    char name[ACCOUNT_NAME_MAX];
    char sid[ACCOUNT_SID_MAX];
    char owner_sid[ACCOUNT_SID_MAX]; /* whose is what it makes: its own, or a group's (Administrators) */
    bool local_system, administrator;
    bool missing[NEEDED_PRIVILEGE_COUNT]; /* not in the token, on or off */
    size_t privilege_count;               /* in the token */
};

/* The account that the process runs as, 0 = this one. DENIED: its token is closed to us. */
enum status account_open(uint32_t pid, struct account *out_account, struct err *err);
void account_close(struct account *account);

/* May the account ask, start and stop this service? *out_missing: "start, stop", "" = it may. `out_sddl` is
 * what "sc sdset" would have to be given then, "" when it does not fit. An error: not known. */
enum status account_service_check(const struct account *account, const char *service, char *out_missing,
                                  size_t missing_capacity, char *out_sddl, size_t sddl_capacity,
                                  struct err *err);
/* May the account read the file; change what is in the folder; and also close the folder, as is done with
 * that of the evidence? */
enum file_use { FILE_USE_READ, FILE_USE_CHANGE, FILE_USE_CLOSE };
enum status account_file_check(const struct account *account, const char *path, enum file_use use,
                               bool *out_may, struct err *err);

#endif

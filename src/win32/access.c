/* access.c - see access.h. What a list says is decided in access_list.c. */
#include "win32.h"

#include "access.h"
#include "access_list.h"
#include "rights.h"

#include <aclapi.h>
#include <sddl.h>

#include <stdlib.h>
#include <string.h>

/* In the data directory: the history with what belongs to it, the lock. */
#define OUR_FILES "storewatch."

/* Who is in the list of a file or a pipe; `sids` also as icacls takes them (NULL = not asked). */
static enum status writers_in(const ACL *list, enum access_place place, const char *operation,
                              const char *name, struct text *who, struct text *sids, struct err *err)
{
    if (list == NULL) {
        text_add(who, "Everyone"); /* no list at all denies nobody; so it is on FAT */
        return STATUS_OK;
    }
    if (sids != NULL)
        access_list_crowds(list, list->AclSize, sids);
    if (!access_list_writers(list, list->AclSize, place, who))
        return err_set(err, STATUS_CORRUPT, operation, 0, "the access control list of %s is malformed", name);
    return STATUS_OK;
}

/* Ordinary users that may change the place, `who` "" = none. *out_protected: nothing comes from the folder
 * above. */
static enum status writers_of(const char *path, enum access_place place, struct unsafe_place *out,
                              bool *out_protected, struct err *err)
{
    SECURITY_DESCRIPTOR_CONTROL control = 0;
    DWORD revision = 0;
    struct text who = text_on(out->who, sizeof(out->who)), sids = text_on(out->sids, sizeof(out->sids));
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL list = NULL;
    wchar_t *wide = utf16_new(path);
    const DWORD code = wide == NULL ? ERROR_NOT_ENOUGH_MEMORY
                                    : GetNamedSecurityInfoW(wide, SE_FILE_OBJECT, DACL_SECURITY_INFORMATION,
                                                            NULL, NULL, &list, NULL, &descriptor);
    free(wide);
    if (code != ERROR_SUCCESS) {
        return windows_fail(err, windows_status(code), "GetNamedSecurityInfo", code,
                            "who may change %s cannot be read", path);
    }
    const enum status status = writers_in(list, place, "GetNamedSecurityInfo", path, &who, &sids, err);
    *out_protected =
        GetSecurityDescriptorControl(descriptor, &control, &revision) && (control & SE_DACL_PROTECTED) != 0;
    LocalFree(descriptor);
    return status;
}

static bool told_already(const struct unsafe_places *places, const char *path)
{
    for (size_t i = 0; i < places->count; i++)
        if (text_equal_nocase(places->items[i].path, path))
            return true;
    return false;
}

/* True when nothing comes to it from the folder above. */
static bool look_at(struct unsafe_places *places, enum access_place place, const char *path)
{
    bool protected = false;
    struct err err = {0};
    struct unsafe_place found = {.place = place};
    const enum status status = writers_of(path, place, &found, &protected, &err);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        places->unread = places->unread_count == 0 ? err : places->unread;
        places->unread_count++;
    } else if (status == STATUS_OK && found.who[0] != '\0' && places->count < UNSAFE_PLACES_MAX &&
               !told_already(places, path)) {
        text_copy(found.path, sizeof(found.path), path);
        places->items[places->count++] = found;
    }
    return protected;
}

/* A folder and those above it. */
static void look_at_folders(struct unsafe_places *places, const char *folder)
{
    char path[SETUP_PATH_MAX];
    text_copy(path, sizeof(path), folder);
    bool protected = look_at(places, ACCESS_FOLDER, path);
    while (access_folder_above(path)) {
        protected = look_at(places, protected ? ACCESS_FOLDER_ABOVE_PROTECTED : ACCESS_FOLDER_ABOVE, path);
    }
}

static void look_at_file_and_folders(struct unsafe_places *places, const char *file)
{
    char path[SETUP_PATH_MAX];
    text_copy(path, sizeof(path), file);
    look_at(places, ACCESS_FILE, path);
    if (access_folder_above(path))
        look_at_folders(places, path);
}

static void look_at_file(void *places, const char *path)
{
    look_at(places, ACCESS_FILE, path);
}

void access_unsafe_places(const char *config_path, const char *data_dir, struct unsafe_places *out_places)
{
    char path[SETUP_PATH_MAX];
    memset(out_places, 0, sizeof(*out_places));
    if (config_path[0] != '\0' && setup_absolute(config_path, path, NULL) == STATUS_OK)
        look_at_file_and_folders(out_places, path);
    if (setup_executable(path, NULL) == STATUS_OK)
        look_at_file_and_folders(out_places, path);
    if (data_dir[0] != '\0' && setup_absolute(data_dir, path, NULL) == STATUS_OK) {
        look_at_folders(out_places, path);
        setup_files_each(path, OUR_FILES, look_at_file, out_places);
    }
}

/* ---- the pipe ---- */

enum status access_pipe_close(void *pipe, struct err *err)
{
    struct account account = {0};
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL list = NULL;
    BOOL present = FALSE, defaulted = FALSE;
    char sddl[256];
    struct text text = text_on(sddl, sizeof(sddl));
    enum status status = account_open(0, &account, err);
    if (status != STATUS_OK)
        return status;
    /* Ourselves too: each further instance of the pipe is checked against this list. */
    text_add(&text, "D:P(A;;FA;;;BA)(A;;FA;;;SY)(A;;FA;;;%s)", account.sid);
    account_close(&account);
    wchar_t *wide = utf16_new(sddl);
    DWORD code = ERROR_NOT_ENOUGH_MEMORY;
    if (wide != NULL) {
        code =
            ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, &descriptor, NULL) &&
                    GetSecurityDescriptorDacl(descriptor, &present, &list, &defaulted)
                ? ERROR_SUCCESS
                : GetLastError();
    }
    if (code == ERROR_SUCCESS) {
        code = SetSecurityInfo(pipe, SE_KERNEL_OBJECT,
                               DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, NULL, NULL,
                               list, NULL);
    }
    free(wide);
    if (descriptor != NULL)
        LocalFree(descriptor);
    return code == ERROR_SUCCESS ? STATUS_OK
                                 : windows_fail(err, windows_status(code), "SetSecurityInfo", code,
                                                "the control pipe cannot be closed to ordinary users");
}

/* A server may act as whoever it serves, if it is let: ours has no need to, and a stranger's must not. */
#define AS_A_CLIENT (SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION)

/* Until an instance is free, or the time is up. */
static DWORD pipe_open(const wchar_t *name, uint32_t deadline_ms, HANDLE *out_pipe)
{
    const DWORD begun = GetTickCount(); /* only a difference of it is used: it may wrap */
    for (;;) {
        *out_pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                FILE_FLAG_OVERLAPPED | AS_A_CLIENT, NULL);
        const DWORD code = *out_pipe == INVALID_HANDLE_VALUE ? GetLastError() : ERROR_SUCCESS;
        const DWORD gone_ms = GetTickCount() - begun;
        if (code != ERROR_PIPE_BUSY || gone_ms >= deadline_ms)
            return code;
        WaitNamedPipeW(name, deadline_ms - gone_ms); /* another client may be faster: asked again */
    }
}

enum status access_pipe_open(const char *name, uint32_t deadline_ms, void **out_pipe, struct err *err)
{
    char stranger[ACCOUNT_NAME_MAX];
    struct text text = text_on(stranger, sizeof(stranger));
    HANDLE pipe = INVALID_HANDLE_VALUE;
    wchar_t *wide = utf16_new(name);
    const DWORD code = wide != NULL ? pipe_open(wide, deadline_ms, &pipe) : ERROR_NOT_ENOUGH_MEMORY;
    free(wide);
    if (code == ERROR_FILE_NOT_FOUND) {
        return err_set(err, STATUS_NOT_FOUND, "CreateFile", code,
                       "no storewatch service answers on %s: is it running? (\"sc query storewatch\")", name);
    }
    if (code == ERROR_ACCESS_DENIED) {
        return err_set(err, STATUS_DENIED, "CreateFile", code,
                       "%s: access denied: run this as an Administrator", name);
    }
    if (code != ERROR_SUCCESS) {
        return windows_fail(err, code == ERROR_PIPE_BUSY ? STATUS_TIMEOUT : windows_status(code),
                            "CreateFile", code, "%s", name);
    }
    if (!trust_owner(pipe, true, &text)) {
        CloseHandle(pipe);
        return err_set(err, STATUS_INVALID, "GetSecurityInfo", 0,
                       "%s is not the storewatch service's, but belongs to %s: end the program that has made "
                       "it, then restart the service",
                       name, stranger);
    }
    *out_pipe = pipe;
    return STATUS_OK;
}

enum status access_pipe_users(const char *name, char *out_who, size_t capacity, struct err *err)
{
    struct text who = text_on(out_who, capacity);
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PACL list = NULL;
    wchar_t *wide = utf16_new(name);
    const HANDLE pipe = wide != NULL ? CreateFileW(wide, READ_CONTROL | FILE_READ_ATTRIBUTES, 0, NULL,
                                                   OPEN_EXISTING, AS_A_CLIENT, NULL)
                                     : INVALID_HANDLE_VALUE;
    DWORD code = ERROR_SUCCESS;
    if (pipe == INVALID_HANDLE_VALUE)
        code = wide == NULL ? ERROR_NOT_ENOUGH_MEMORY : GetLastError();
    if (code == ERROR_SUCCESS) {
        code = GetSecurityInfo(pipe, SE_KERNEL_OBJECT, DACL_SECURITY_INFORMATION, NULL, NULL, &list, NULL,
                               &descriptor);
        CloseHandle(pipe);
    }
    free(wide);
    if (code != ERROR_SUCCESS) {
        return windows_fail(err, windows_status(code), "GetSecurityInfo", code,
                            "who may use %s cannot be read", name);
    }
    const enum status status = writers_in(list, ACCESS_PIPE, "GetSecurityInfo", name, &who, NULL, err);
    LocalFree(descriptor);
    return status;
}

/* ---- words ---- */

void text_add_unsafe_place(struct text *text, const struct unsafe_place *place)
{
    switch (place->place) {
    case ACCESS_PIPE:
        break; /* no place of a file */
    case ACCESS_FILE:
        text_add(text, "%s may be changed by %s", place->path, place->who);
        break;
    case ACCESS_FOLDER:
        text_add(text, "files in %s may be replaced by %s", place->path, place->who);
        break;
    case ACCESS_FOLDER_ABOVE:
    case ACCESS_FOLDER_ABOVE_PROTECTED:
        text_add(text, "the folders in %s may be replaced by %s", place->path, place->who);
        break;
    }
}

/* As the system's language has it. */
static void account_well_known(WELL_KNOWN_SID_TYPE type, char out_name[ACCOUNT_NAME_MAX])
{
    unsigned char sid[SECURITY_MAX_SID_SIZE];
    char sid_text[ACCOUNT_SID_MAX];
    DWORD size = sizeof(sid);
    if (CreateWellKnownSid(type, NULL, sid, &size))
        account_name_read(sid, sid_text, out_name);
}

void text_add_unsafe_remedy(struct text *text, const struct unsafe_place *place)
{
    struct late late;
    const bool has_icacls = late_bind(&late, NULL) == STATUS_OK && late_is_nt6(&late);
    const bool folder = place->place == ACCESS_FOLDER;
    if (place->place == ACCESS_FOLDER_ABOVE || place->place == ACCESS_FOLDER_ABOVE_PROTECTED) {
        text_add(text,
                 "Move what storewatch uses to a folder that only Administrators may change, or take "
                 "away their right to change %s.",
                 place->path);
    } else if (has_icacls) {
        text_add_icacls(text, place->path, folder, place->sids);
    } else {
        char administrators[ACCOUNT_NAME_MAX] = "Administrators", system[ACCOUNT_NAME_MAX] = "SYSTEM";
        account_well_known(WinBuiltinAdministratorsSid, administrators);
        account_well_known(WinLocalSystemSid, system);
        text_add_cacls(text, place->path, folder, administrators, system);
    }
}

void os_unsafe_access(struct os *os, const char *config_path, const char *data_dir, char *out_text,
                      size_t capacity)
{
    struct text text = text_on(out_text, capacity);
    struct unsafe_places *places = malloc(sizeof(*places));
    (void)os;
    if (places == NULL)
        return; /* asked again with the next configuration */
    access_unsafe_places(config_path, data_dir, places);
    for (size_t i = 0; i < places->count; i++) {
        text_add(&text, "%s", i > 0 ? "\n" : "");
        text_add_unsafe_place(&text, &places->items[i]);
    }
    free(places);
}

/* trust.c - who made what we are about to rely on?
 *
 * The owner of a file, folder or pipe may change who may do what with it at any time, whatever its access
 * list says now; and what was opened before the list was closed stays open. Any user may make a folder in the
 * common data folder, a link to elsewhere in place of one, and a pipe of any name that is free. So what is
 * there already is relied on only when it is what it seems to be, and belongs to one of those who decide what
 * happens on this machine anyway. */
#include "win32.h"

#include "rights.h"
#include "setup.h"

#include <aclapi.h>
#include <sddl.h>

#include <stdlib.h>
#include <string.h>

/* DATA\evidence\RESTART\FILE; nothing that lies deeper is ours. */
#define DEPTH_MAX 3

#define ADMINISTRATORS "S-1-5-32-544"
#define SYSTEM "S-1-5-18"

void trust_service_sid(char *out_sid)
{
    char account[256];
    wchar_t wide[256], domain[256], *text = NULL;
    unsigned char sid[SECURITY_MAX_SID_SIZE];
    DWORD sid_bytes = sizeof(sid), domain_units = ARRAY_COUNT(domain);
    SID_NAME_USE use;
    out_sid[0] = '\0';
    if (setup_service_account(account, sizeof(account), NULL) != STATUS_OK ||
        text_equal_nocase(account, "LocalSystem"))
        return;
    const char *name = strncmp(account, ".\\", 2) == 0 ? account + 2 : account; /* of this machine */
    utf16_from_utf8(name, wide, ARRAY_COUNT(wide));
    if (LookupAccountNameW(NULL, wide, sid, &sid_bytes, domain, &domain_units, &use) &&
        ConvertSidToStringSidW(sid, &text)) {
        utf16z_to_utf8(text, out_sid, ACCOUNT_SID_MAX);
        LocalFree(text);
    }
}

static bool decides_anyway(const char *sid)
{
    struct account self = {0};
    char service_sid[ACCOUNT_SID_MAX];
    bool trusted = strcmp(sid, ADMINISTRATORS) == 0 || strcmp(sid, SYSTEM) == 0;
    if (!trusted && account_open(0, &self, NULL) == STATUS_OK) {
        trusted = sid[0] != '\0' && (strcmp(sid, self.sid) == 0 || strcmp(sid, self.owner_sid) == 0);
        account_close(&self);
    }
    if (!trusted) {
        trust_service_sid(service_sid);
        trusted = service_sid[0] != '\0' && strcmp(sid, service_sid) == 0;
    }
    return trusted;
}

bool trust_owner(HANDLE object, bool is_pipe, struct text *stranger)
{
    PSECURITY_DESCRIPTOR descriptor = NULL;
    PSID owner = NULL;
    char sid[ACCOUNT_SID_MAX], name[ACCOUNT_NAME_MAX];
    const DWORD code = GetSecurityInfo(object, is_pipe ? SE_KERNEL_OBJECT : SE_FILE_OBJECT,
                                       OWNER_SECURITY_INFORMATION, &owner, NULL, NULL, NULL, &descriptor);
    if (code != ERROR_SUCCESS) {
        text_add(stranger, "somebody who cannot be told");
        return false;
    }
    if (owner == NULL) {
        text_copy(sid, sizeof(sid), "");
        text_copy(name, sizeof(name), "nobody");
    } else {
        account_name_read(owner, sid, name);
    }
    const bool trusted = decides_anyway(sid);
    if (!trusted)
        text_add(stranger, "%s", name);
    LocalFree(descriptor);
    return trusted;
}

static enum status not_trusted(struct err *err, const char *path, const char *why)
{
    return err_set(err, STATUS_INVALID, "GetSecurityInfo", 0,
                   "%s %s, so others than Administrators could decide what the service reads and writes: "
                   "rename or delete it, or, if its content is to be kept, make Administrators the owner",
                   path, why);
}

enum status trust_file(HANDLE file, const char *path, struct err *err)
{
    BY_HANDLE_FILE_INFORMATION information;
    char why[400];
    struct text text = text_on(why, sizeof(why));
    if (!GetFileInformationByHandle(file, &information)) {
        const DWORD code = GetLastError();
        return windows_fail(err, windows_status(code), "GetFileInformationByHandle", code,
                            "%s cannot be looked at", path);
    }
    const DWORD by_name = setup_attributes(path); /* Wine tells links only so */
    if ((information.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 ||
        (by_name != INVALID_FILE_ATTRIBUTES && (by_name & FILE_ATTRIBUTE_REPARSE_POINT) != 0))
        return not_trusted(err, path, "is a link to another place");
    if ((information.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0 && information.nNumberOfLinks > 1)
        return not_trusted(err, path, "is a file with several names");
    text_add(&text, "belongs to ");
    return trust_owner(file, false, &text) ? STATUS_OK : not_trusted(err, path, why);
}

static enum status trust_in(const char *folder, int depth, struct err *err);

/* What has gone meanwhile (a running service writes beside us) is no danger. */
static enum status trust_at(const char *path, bool is_folder, int depth, struct err *err)
{
    HANDLE file = INVALID_HANDLE_VALUE;
    enum status status =
        setup_open_itself(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &file, NULL);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return not_trusted(err, path, "is closed to us");
    status = trust_file(file, path, err);
    CloseHandle(file);
    return status == STATUS_OK && is_folder && depth < DEPTH_MAX ? trust_in(path, depth, err) : status;
}

static enum status trust_in(const char *folder, int depth, struct err *err)
{
    char path[SETUP_PATH_MAX], name[3 * MAX_PATH];
    struct folder_walk walk = {.folder = folder};
    enum status status = STATUS_OK;
    while (status == STATUS_OK && folder_walk_next(&walk)) {
        struct text text = text_on(path, sizeof(path));
        utf16z_to_utf8(walk.entry.cFileName, name, sizeof(name));
        text_add(&text, "%s\\%s", folder, name);
        status = text.truncated /* another name would be looked at */
                     ? not_trusted(err, folder, "holds a name that is too long")
                     : trust_at(path, (walk.entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0,
                                depth + 1, err);
    }
    const DWORD code = folder_walk_end(&walk);
    return status != STATUS_OK || code == ERROR_SUCCESS
               ? status
               : windows_fail(err, windows_status(code), "FindFirstFile", code, "%s cannot be listed",
                              folder);
}

enum status setup_trust_itself(const char *path, struct err *err)
{
    return trust_at(path, false, 0, err);
}

enum status setup_trust(const char *path, struct err *err)
{
    return trust_at(path, true, 0, err);
}

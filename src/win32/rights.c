/* rights.c - see rights.h. */
#include "win32.h"

#include "access_list.h"
#include "rights.h"
#include "setup.h"

#include <aclapi.h>
#include <sddl.h>

#include <stdlib.h>
#include <string.h>

#define SECURITY_BYTES_MAX 16384
#define LEVEL_BYTES_MAX 8192 /* the most that QueryServiceConfig2 gives */

/* Newer than the headers' _WIN32_WINNT, and refused by systems that do not know them: levels and structures
 * of ChangeServiceConfig2. All of NT 6.0. */
#define CONFIG_DELAYED_AUTO_START 3   /* BOOL */
#define CONFIG_FAILURE_ACTIONS_FLAG 4 /* BOOL: also restart after a stop with an error */
#define CONFIG_SERVICE_SID 5 /* DWORD: 1 = "NT SERVICE\storewatch" is in the token, for access lists */
#define CONFIG_REQUIRED_PRIVILEGES 6 /* texts, each terminated, and a further NUL */
#define CONFIG_PRESHUTDOWN 7         /* DWORD: how long the system's end waits for us; newer ones: 10 s */
#define SERVICE_SID_UNRESTRICTED 1
#define PRESHUTDOWN_MS 30000

const struct needed_privilege needed_privileges[NEEDED_PRIVILEGE_COUNT] = {
    {"SeDebugPrivilege", "Debug programs",
     "processes of other accounts cannot be looked into: no MAPI clients are found, no versions of their "
     "DLLs, "
     "and the address space of 32-bit ones is not known"},
    {"SeChangeNotifyPrivilege", "Bypass traverse checking",
     "files in folders that the account may not list cannot be opened"},
};

void service_ask_for_newer(SC_HANDLE service, bool local_system)
{
    BOOL yes = TRUE;
    DWORD sid = SERVICE_SID_UNRESTRICTED, preshutdown_ms = PRESHUTDOWN_MS;
    wchar_t list[256] = L"", *privileges = list;
    size_t used = 0;
    for (size_t i = 0; i < NEEDED_PRIVILEGE_COUNT; i++) {
        utf16_from_utf8(needed_privileges[i].name, list + used, ARRAY_COUNT(list) - 1 - used);
        used += wcslen(list + used) + 1;
    }
    list[used] = 0;
    ChangeServiceConfig2W(service, CONFIG_DELAYED_AUTO_START, &yes);
    ChangeServiceConfig2W(service, CONFIG_FAILURE_ACTIONS_FLAG, &yes);
    ChangeServiceConfig2W(service, CONFIG_SERVICE_SID, &sid);
    ChangeServiceConfig2W(service, CONFIG_PRESHUTDOWN, &preshutdown_ms);
    /* A service whose account does not hold them all would not start (error 1297). */
    if (local_system)
        ChangeServiceConfig2W(service, CONFIG_REQUIRED_PRIVILEGES, &privileges);
}

/* All that an installation changes beside the registration itself. */
static const DWORD levels[SETUP_LEVEL_COUNT] = {SERVICE_CONFIG_DESCRIPTION, SERVICE_CONFIG_FAILURE_ACTIONS,
                                                CONFIG_DELAYED_AUTO_START,  CONFIG_FAILURE_ACTIONS_FLAG,
                                                CONFIG_SERVICE_SID,         CONFIG_REQUIRED_PRIVILEGES,
                                                CONFIG_PRESHUTDOWN};

void service_levels_read(SC_HANDLE service, void *out_levels[])
{
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        DWORD needed = 0;
        out_levels[i] = malloc(LEVEL_BYTES_MAX);
        if (out_levels[i] != NULL &&
            !QueryServiceConfig2W(service, levels[i], out_levels[i], LEVEL_BYTES_MAX, &needed)) {
            free(out_levels[i]); /* not known to this system: then it was not changed either */
            out_levels[i] = NULL;
        }
    }
}

void service_levels_restore(SC_HANDLE service, void *const before[])
{
    static wchar_t nothing[2]; /* NULL would leave what there is now; also an empty list of texts */
    static SC_ACTION none;
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        SERVICE_FAILURE_ACTIONSW *failure = before[i];
        wchar_t **text = before[i];
        if (before[i] == NULL)
            continue;
        if (levels[i] == SERVICE_CONFIG_FAILURE_ACTIONS)
            failure->lpsaActions = failure->cActions > 0 ? failure->lpsaActions : &none;
        else if (levels[i] == SERVICE_CONFIG_DESCRIPTION || levels[i] == CONFIG_REQUIRED_PRIVILEGES)
            *text = *text != NULL ? *text : nothing;
        ChangeServiceConfig2W(service, levels[i], before[i]);
    }
}

/* ---- the account ---- */

void account_name_read(PSID sid, char *out_sid, char *out_name)
{
    wchar_t name[256], domain[256];
    DWORD name_units = ARRAY_COUNT(name), domain_units = ARRAY_COUNT(domain);
    SID_NAME_USE use;
    wchar_t *text = NULL;
    char name_utf8[160], domain_utf8[160];
    struct text whole = text_on(out_name, ACCOUNT_NAME_MAX);
    out_sid[0] = '\0';
    if (ConvertSidToStringSidW(sid, &text)) {
        utf16z_to_utf8(text, out_sid, ACCOUNT_SID_MAX);
        LocalFree(text);
    }
    if (LookupAccountSidW(NULL, sid, name, &name_units, domain, &domain_units, &use)) {
        utf16z_to_utf8(name, name_utf8, sizeof(name_utf8));
        utf16z_to_utf8(domain, domain_utf8, sizeof(domain_utf8));
        text_add(&whole, "%s%s%s", domain_utf8, domain_utf8[0] != '\0' ? "\\" : "", name_utf8);
    } else {
        text_add(&whole, "%s", out_sid);
    }
}

static void privileges_read(const TOKEN_PRIVILEGES *held, struct account *account)
{
    account->privilege_count = held->PrivilegeCount;
    for (size_t k = 0; k < NEEDED_PRIVILEGE_COUNT; k++) {
        wchar_t name[64];
        LUID wanted;
        utf16_from_utf8(needed_privileges[k].name, name, ARRAY_COUNT(name));
        account->missing[k] = LookupPrivilegeValueW(NULL, name, &wanted);
        for (DWORD i = 0; account->missing[k] && i < held->PrivilegeCount; i++) {
            const LUID luid = held->Privileges[i].Luid;
            account->missing[k] = luid.LowPart != wanted.LowPart || luid.HighPart != wanted.HighPart;
        }
    }
}

/* Is the group in the token, and switched on? */
static bool is_member(const TOKEN_GROUPS *groups, WELL_KNOWN_SID_TYPE type)
{
    unsigned char sid[SECURITY_MAX_SID_SIZE];
    DWORD size = sizeof(sid);
    if (!CreateWellKnownSid(type, NULL, sid, &size))
        return false;
    for (DWORD i = 0; i < groups->GroupCount; i++)
        if ((groups->Groups[i].Attributes & SE_GROUP_ENABLED) != 0 && EqualSid(groups->Groups[i].Sid, sid))
            return true;
    return false;
}

static enum status token_open(uint32_t pid, HANDLE *out_token, struct err *err)
{
    const HANDLE process =
        pid == 0 ? GetCurrentProcess() : OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, pid);
    DWORD code = process == NULL ? GetLastError() : ERROR_SUCCESS;
    if (code == ERROR_SUCCESS && !OpenProcessToken(process, TOKEN_QUERY | TOKEN_DUPLICATE, out_token) &&
        !OpenProcessToken(process, TOKEN_QUERY, out_token)) /* enough to name it */
        code = GetLastError();
    if (process != NULL && pid != 0)
        CloseHandle(process);
    return code == ERROR_SUCCESS ? STATUS_OK
                                 : windows_fail(err, windows_status(code), "OpenProcessToken", code,
                                                "the rights of process %lu cannot be read",
                                                (unsigned long)(pid != 0 ? pid : GetCurrentProcessId()));
}

/* What a token tells of one kind: in many groups it is long. Heap; NULL, and the error code, on failure. */
static void *token_read(HANDLE token, TOKEN_INFORMATION_CLASS kind, DWORD *out_code)
{
    DWORD size = 0, read = 0;
    *out_code = GetTokenInformation(token, kind, NULL, 0, &size) ? ERROR_SUCCESS : GetLastError();
    void *held = *out_code == ERROR_INSUFFICIENT_BUFFER ? malloc(size) : NULL;
    if (held == NULL) {
        *out_code = *out_code == ERROR_INSUFFICIENT_BUFFER ? ERROR_NOT_ENOUGH_MEMORY : *out_code;
    } else if (!GetTokenInformation(token, kind, held, size, &read)) {
        *out_code = GetLastError();
        free(held);
        held = NULL;
    }
    return held;
}

enum status account_open(uint32_t pid, struct account *out_account, struct err *err)
{
    struct account account = {.token = NULL};
    HANDLE token = NULL;
    DWORD code = ERROR_SUCCESS;
    enum status status = token_open(pid, &token, err);
    if (status != STATUS_OK)
        return status;
    TOKEN_USER *user = token_read(token, TokenUser, &code);
    TOKEN_OWNER *owner = user != NULL ? token_read(token, TokenOwner, &code) : NULL;
    TOKEN_GROUPS *groups = owner != NULL ? token_read(token, TokenGroups, &code) : NULL;
    TOKEN_PRIVILEGES *privileges = groups != NULL ? token_read(token, TokenPrivileges, &code) : NULL;
    if (privileges != NULL) {
        char name[ACCOUNT_NAME_MAX];
        account_name_read(user->User.Sid, account.sid, account.name);
        account_name_read(owner->Owner, account.owner_sid, name);
        account.local_system = IsWellKnownSid(user->User.Sid, WinLocalSystemSid);
        account.administrator = is_member(groups, WinBuiltinAdministratorsSid);
        privileges_read(privileges, &account);
        account.token = token;
        *out_account = account;
    } else {
        CloseHandle(token);
        status =
            windows_fail(err, windows_status(code), "GetTokenInformation", code, "rights cannot be read");
    }
    free(user);
    free(owner);
    free(groups);
    free(privileges);
    return status;
}

void account_close(struct account *account)
{
    if (account->token != NULL)
        CloseHandle(account->token);
    account->token = NULL;
}

/* ---- what it may ---- */

/* What of `wanted` (without generic rights) the descriptor grants to the account. */
static enum status granted(const struct account *account, PSECURITY_DESCRIPTOR descriptor, DWORD wanted,
                           DWORD *out_granted, struct err *err)
{
    GENERIC_MAPPING mapping = {.GenericAll = wanted}; /* nothing generic is asked for */
    HANDLE impersonation = NULL;
    PRIVILEGE_SET used;
    DWORD used_bytes = sizeof(used), rights = 0;
    BOOL may = FALSE;
    bool asked = DuplicateToken(account->token, SecurityIdentification, &impersonation);
    if (asked) {
        asked = AccessCheck(descriptor, impersonation, MAXIMUM_ALLOWED, &mapping, &used, &used_bytes, &rights,
                            &may);
    }
    const DWORD code = GetLastError();
    if (impersonation != NULL)
        CloseHandle(impersonation);
    if (!asked) {
        return windows_fail(err, windows_status(code), "AccessCheck", code, "what %s may do cannot be asked",
                            account->name);
    }
    *out_granted = may ? rights & wanted : 0;
    return STATUS_OK;
}

static void sddl_read(PSECURITY_DESCRIPTOR descriptor, const char *sid, char *out_sddl, size_t capacity)
{
    wchar_t *wide = NULL;
    out_sddl[0] = '\0';
    if (ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1,
                                                             DACL_SECURITY_INFORMATION, &wide, NULL)) {
        char *sddl = utf16_to_utf8_new(wide);
        if (sddl == NULL || !access_sddl_grant(sddl, sid, out_sddl, capacity))
            out_sddl[0] = '\0';
        free(sddl);
        LocalFree(wide);
    }
}

enum status account_service_check(const struct account *account, const char *service, char *out_missing,
                                  size_t missing_capacity, char *out_sddl, size_t sddl_capacity,
                                  struct err *err)
{
    static const struct {
        DWORD right;
        const char *word;
    } rights[] = {{SERVICE_QUERY_CONFIG, "read its settings"},
                  {SERVICE_QUERY_STATUS, "ask its state"},
                  {SERVICE_START, "start"},
                  {SERVICE_STOP, "stop"}};
    union {
        SECURITY_DESCRIPTOR descriptor;
        unsigned char bytes[SECURITY_BYTES_MAX];
    } security;
    DWORD wanted = 0, needed = 0, may = 0;
    PSID owner = NULL;
    BOOL defaulted = FALSE;
    enum status status = STATUS_OK;
    wchar_t *wide = utf16_new(service);
    struct scm_service opened = {0};
    DWORD code = wide != NULL ? scm_service_open(wide, READ_CONTROL, 0, &opened) : ERROR_NOT_ENOUGH_MEMORY;
    if (code == ERROR_SUCCESS &&
        !QueryServiceObjectSecurity(opened.service,
                                    OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                                        DACL_SECURITY_INFORMATION,
                                    &security.descriptor, sizeof(security), &needed))
        code = GetLastError();
    if (code != ERROR_SUCCESS) {
        status = windows_fail(err, windows_status(code), "QueryServiceObjectSecurity", code,
                              "who may control %s cannot be read", service);
        goto done;
    }
    if (!GetSecurityDescriptorOwner(&security.descriptor, &owner, &defaulted) || owner == NULL) {
        status = err_set(err, STATUS_UNSUPPORTED, "QueryServiceObjectSecurity", 0,
                         "this Windows does not tell who may control %s", service);
        goto done;
    }
    for (size_t i = 0; i < ARRAY_COUNT(rights); i++)
        wanted |= rights[i].right;
    status = granted(account, &security.descriptor, wanted, &may, err);
    if (status == STATUS_OK) {
        struct text missing = text_on(out_missing, missing_capacity);
        for (size_t i = 0; i < ARRAY_COUNT(rights); i++)
            if ((may & rights[i].right) == 0)
                text_add(&missing, "%s%s", missing.length > 0 ? ", " : "", rights[i].word);
        sddl_read(&security.descriptor, account->sid, out_sddl, sddl_capacity);
    }
done:
    scm_service_close(&opened);
    free(wide);
    return status;
}

enum status account_file_check(const struct account *account, const char *path, enum file_use use,
                               bool *out_may, struct err *err)
{
    const DWORD wanted = FILE_GENERIC_READ | (use >= FILE_USE_CHANGE ? FILE_GENERIC_WRITE | DELETE : 0) |
                         (use >= FILE_USE_CLOSE ? WRITE_DAC : 0);
    PSECURITY_DESCRIPTOR descriptor = NULL;
    DWORD may = 0;
    wchar_t *wide = utf16_new(path);
    const DWORD code = wide == NULL
                           ? ERROR_NOT_ENOUGH_MEMORY
                           : GetNamedSecurityInfoW(wide, SE_FILE_OBJECT,
                                                   OWNER_SECURITY_INFORMATION | GROUP_SECURITY_INFORMATION |
                                                       DACL_SECURITY_INFORMATION,
                                                   NULL, NULL, NULL, NULL, &descriptor);
    free(wide);
    if (code != ERROR_SUCCESS) {
        return windows_fail(err, windows_status(code), "GetNamedSecurityInfo", code,
                            "who may use %s cannot be read", path);
    }
    const enum status status = granted(account, descriptor, wanted, &may, err);
    LocalFree(descriptor);
    if (status == STATUS_OK)
        *out_may = may == wanted;
    return status;
}

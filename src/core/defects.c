/* defects.c - see defects.h. The sources are Microsoft's articles of these numbers. */
#include "storewatch/defects.h"

const char *const mapi_dlls[MAPI_DLL_COUNT] = {"emsmdb32.dll", "mapi32.dll", "exmapi32.dll", "olmapi32.dll"};

#define VERSION(a, b, c, d)                                                                                  \
    {                                                                                                        \
        .known = true, .part = { a, b, c, d }                                                                \
    }
#define NO_VERSION                                                                                           \
    {                                                                                                        \
        .known = false                                                                                       \
    }

static const struct defect table[] = {
    {898782, "Emsmdb32.dll", 6, 5, 6, VERSION(6, 5, 7233, 36), UNIT_BYTES, "memory on each OpenMsgStore",
     "install it"},
    {891509, "Emsmdb32.dll", 6, 5, 6, NO_VERSION, UNIT_BYTES,
     "memory when a program that impersonates logs on to and off many mailboxes",
     "ask Microsoft for its hotfix; it also needs a registry value"},
    {887828, "Emsmdb32.dll", 6, 5, 6, NO_VERSION, UNIT_BYTES,
     "memory on each incremental change synchronisation", "ask Microsoft for its hotfix"},
    {901014, "Mapi32.dll", 6, 5, 6, NO_VERSION, UNIT_BYTES,
     "memory each time Mapi32.dll is loaded and unloaded",
     "ask Microsoft for its hotfix, or keep Mapi32.dll loaded in the program"},
    {893420, "Emsmdb32.dll", 10, 0, 11, NO_VERSION, UNIT_HANDLES,
     "two registry handles on each message store it opens", "there is no fix; restart the program"},
};

static const struct {
    uint16_t major, minor;
    bool any_minor;
    const char *name;
} product_lines[] = {
    {5, 5, false, "Exchange 5.5"}, {6, 0, false, "Exchange 2000"}, {6, 5, false, "Exchange 2003"},
    {10, 0, true, "Outlook 2002"}, {11, 0, true, "Outlook 2003"},  {12, 0, true, "Outlook 2007"},
    {14, 0, true, "Outlook 2010"}, {15, 0, true, "Outlook 2013"},  {16, 0, true, "Outlook 2016 or later"},
};

const char *fix_state_name(enum fix_state state)
{
    static const char *const names[FIX_STATE_COUNT] = {
        [FIX_UNKNOWN] = "unknown",
        [FIX_MISSING] = "missing",
        [FIX_PRESENT] = "present",
        [FIX_NOT_APPLICABLE] = "not applicable",
    };
    return (unsigned)state < FIX_STATE_COUNT ? names[state] : "unknown";
}

static const char *product_line_name(const struct file_version *version)
{
    for (size_t i = 0; i < ARRAY_COUNT(product_lines); i++)
        if (product_lines[i].major == version->part[0] &&
            (product_lines[i].any_minor || product_lines[i].minor == version->part[1]))
            return product_lines[i].name;
    return NULL;
}

static const struct file_version *version_of(const struct loaded_dll *dll)
{
    return dll->loaded.known ? &dll->loaded : &dll->on_disk;
}

static bool in_line(const struct defect *defect, const struct file_version *version)
{
    if (defect->last_major > defect->major)
        return version->part[0] >= defect->major && version->part[0] <= defect->last_major;
    return version->part[0] == defect->major && version->part[1] == defect->minor;
}

/* The version that counts, against the version of the fix, within the same product line. */
static enum fix_state compare(const struct loaded_dll *dll, const struct defect *defect,
                              bool *out_restart_loads_fix, struct text *why)
{
    const struct file_version *version = version_of(dll);
    bool missing = file_version_compare(version, &defect->fixed) < 0;
    text_add_file_version(why, version);
    text_add(why, missing ? " is below " : " is not below ");
    text_add_file_version(why, &defect->fixed);
    if (!dll->loaded.known)
        text_add(why, " (read from the file; what the process has loaded could not be read)");
    *out_restart_loads_fix = missing && dll->loaded.known && dll->on_disk.known &&
                             in_line(defect, &dll->on_disk) &&
                             file_version_compare(&dll->on_disk, &defect->fixed) >= 0;
    if (*out_restart_loads_fix)
        text_add(why, "; the file on disk has the fix already");
    return missing ? FIX_MISSING : FIX_PRESENT;
}

static enum fix_state judge(const struct loaded_dll *dll, const struct defect *defect,
                            bool *out_restart_loads_fix, struct text *why)
{
    const struct file_version *version = version_of(dll);
    if (!text_equal_nocase(path_file_name(dll->path), defect->dll)) {
        text_add(why, "KB %u is about %s", (unsigned)defect->kb, defect->dll);
        return FIX_NOT_APPLICABLE;
    }
    if (!version->known) {
        text_add(why, "it has no readable version");
        return FIX_UNKNOWN;
    }
    if (in_line(defect, version))
        return compare(dll, defect, out_restart_loads_fix, why);
    const char *line = product_line_name(version);
    text_add_file_version(why, version);
    if (!line) {
        text_add(why, " belongs to no product line of %s that is known", defect->dll);
        return FIX_UNKNOWN;
    }
    text_add(why, " is of %s; KB %u is about Exchange 2003", line, (unsigned)defect->kb);
    return FIX_NOT_APPLICABLE;
}

void defect_judge(const struct loaded_dll *dll, struct defect_finding *out_finding)
{
    struct text why = text_on(out_finding->why, sizeof out_finding->why);
    out_finding->defect = &table[0];
    out_finding->restart_loads_fix = false;
    out_finding->fix = judge(dll, out_finding->defect, &out_finding->restart_loads_fix, &why);
}

bool defect_judge_all(const struct loaded_dlls *dlls, size_t *out_index, struct defect_finding *out_finding)
{
    static const int rank[FIX_STATE_COUNT] = {
        [FIX_MISSING] = 3, [FIX_UNKNOWN] = 2, [FIX_PRESENT] = 1, [FIX_NOT_APPLICABLE] = 0};
    for (size_t i = 0; i < dlls->count; i++) {
        struct defect_finding finding;
        defect_judge(&dlls->items[i], &finding);
        if (i > 0 && rank[finding.fix] <= rank[out_finding->fix])
            continue;
        *out_finding = finding;
        *out_index = i;
    }
    return dlls->count > 0;
}

const struct defect *defect_sibling(const struct loaded_dll *dll, enum unit grows, size_t skip)
{
    const struct file_version *version = version_of(dll);
    for (size_t i = 1; version->known && i < ARRAY_COUNT(table); i++)
        if (table[i].grows == grows && in_line(&table[i], version) &&
            text_equal_nocase(path_file_name(dll->path), table[i].dll) && skip-- == 0)
            return &table[i];
    return NULL;
}

void text_add_defect(struct text *text, const char *image, const struct loaded_dll *dll,
                     const struct defect_finding *finding)
{
    const struct file_version *version = version_of(dll);
    text_add(text, "%s loads %s ", image, path_file_name(dll->path));
    if (version->known)
        text_add_file_version(text, version);
    else
        text_add(text, "of unknown version");
    if (version->known && !dll->loaded.known) /* the fix may have been installed under a running program */
        text_add(text, " (the file's version: that of what has been loaded could not be read)");
    text_add(text, "; ");
    switch (finding->fix) {
    case FIX_MISSING:
        text_add(text, "KB %u's fix is ", (unsigned)finding->defect->kb);
        text_add_file_version(text, &finding->defect->fixed);
        text_add(text, ": %s",
                 finding->restart_loads_fix ? "it is on the disk, restart the program"
                                            : finding->defect->remedy);
        break;
    case FIX_PRESENT:
        text_add(text, "KB %u's fix is in it", (unsigned)finding->defect->kb);
        break;
    case FIX_NOT_APPLICABLE:
        text_add(text, "KB %u does not apply: %s", (unsigned)finding->defect->kb, finding->why);
        break;
    case FIX_UNKNOWN:
    case FIX_STATE_COUNT:
        text_add(text, "whether it has KB %u's fix is unknown: %s", (unsigned)finding->defect->kb,
                 finding->why);
        break;
    }
}

/* defects.h - the known defects of MAPI's DLLs, and what the version of a loaded DLL says about them.
 *
 * A table in defects.c, from Microsoft's Knowledge Base; a new defect is a new line there. Everything here is
 * pure: which DLLs a process has loaded comes in as data (os.h reads it). */
#ifndef STOREWATCH_DEFECTS_H
#define STOREWATCH_DEFECTS_H

#include "storewatch/file_version.h"
#include "storewatch/units.h"

/* A process that has one of these loaded is a MAPI client: "emsmdb32.dll" "mapi32.dll" "exmapi32.dll"
 * "olmapi32.dll". */
#define MAPI_DLL_COUNT 4
extern const char *const mapi_dlls[MAPI_DLL_COUNT];

#define LOADED_DLLS_MAX 6
#define DLL_PATH_MAX 264 /* UTF-8 bytes with NUL; longer paths are cut */
#define DLL_TEXT_MAX 512

/* One of them as a process has it. */
struct loaded_dll {
    char path[DLL_PATH_MAX];
    struct file_version loaded;  /* of the image in the process' memory: what really runs */
    struct file_version on_disk; /* of the file at `path` now: after an update not the one that runs */
};

struct loaded_dlls {
    size_t count;
    struct loaded_dll items[LOADED_DLLS_MAX];
};

/* How a defect shows. */
struct defect {
    uint32_t kb;
    const char *dll;
    uint16_t major, minor; /* the product line, e.g. 6.5 */
    uint16_t last_major;   /* the last one that has it, with any minor; equal to `major`: only major.minor */
    struct file_version fixed; /* of the DLL; unknown: there is no fix, or its version is not in the table */
    enum unit grows;           /* UNIT_BYTES or UNIT_HANDLES */
    const char *leak;          /* "memory on each OpenMsgStore" */
    const char *remedy;
};

enum fix_state {
    FIX_UNKNOWN,
    FIX_MISSING,
    FIX_PRESENT,
    FIX_NOT_APPLICABLE, /* another DLL or another product line */
    FIX_STATE_COUNT
};
const char *fix_state_name(enum fix_state state); /* "unknown" "missing" "present" "not applicable" */

struct defect_finding {
    enum fix_state fix;
    bool restart_loads_fix;      /* missing in what runs, but the file on disk has it */
    const struct defect *defect; /* that of KB 898782; never NULL */
    char why[256];               /* one sentence without full stop: "6.5.7226.0 is below 6.5.7233.36" */
};

/* The KB check of one DLL. `path` may be a bare name. Counts the image that is loaded; only when that could
 * not be read, the file on disk. */
void defect_judge(const struct loaded_dll *dll, struct defect_finding *out_finding);
/* The worst of a process: missing, unknown, present, not applicable. False when there is no DLL at all. */
bool defect_judge_all(const struct loaded_dlls *dlls, size_t *out_index, struct defect_finding *out_finding);

/* A defect other than KB 898782 that leaks in this unit in this DLL's product line, `skip` of them left out;
 * NULL when there is none (more). */
const struct defect *defect_sibling(const struct loaded_dll *dll, enum unit grows, size_t skip);

/* Appends what a person should know: "BESAgent.exe loads Emsmdb32.dll 6.5.7226.0; KB 898782's fix is
 * 6.5.7233.36: install it". */
void text_add_defect(struct text *text, const char *image, const struct loaded_dll *dll,
                     const struct defect_finding *finding);

#endif

/* access_list.h - private to the Windows edge, but portable: what an access control list says, read from its
 * bytes, what has to be put into one to let an account control a service, and what ours are.
 *
 * Asked is about ordinary users: the groups that every user, or every user who is logged on, belongs to. An
 * account of its own that may write is somebody's decision and is not told. */
#ifndef STOREWATCH_WIN32_ACCESS_LIST_H
#define STOREWATCH_WIN32_ACCESS_LIST_H

#include "storewatch/base.h"

/* What the list protects decides which rights would let somebody change what we read from it. */
enum access_place {
    ACCESS_PIPE,         /* it: reading from it or writing to it */
    ACCESS_FILE,         /* its bytes */
    ACCESS_FOLDER,       /* what lies in it: a file may be put into it or taken out of it */
    ACCESS_FOLDER_ABOVE, /* only which folder stands there: it may be moved away and replaced by another */
    ACCESS_FOLDER_ABOVE_PROTECTED /* likewise, when the one that stands there takes nothing over from it */
};

/* Appends "Users, Everyone": the ordinary users that the list (an ACL of `size` bytes, as Windows lays it
 * out) lets change the place; nothing when there are none. Entries that only tell what to inherit do not
 * count; one that denies takes away what comes behind it. False when the bytes are no list: nothing is known
 * then. */
bool access_list_writers(const void *list, size_t size, enum access_place place, struct text *who);

/* Appends " *S-1-1-0 *S-1-5-32-545", as icacls takes them: each of the ordinary users that an entry allows
 * anything, be it to read or to what is made later. None of them is left with what `access_list_writers` is
 * about when all are taken out. */
void access_list_crowds(const void *list, size_t size, struct text *sids);

/* Append the command that leaves a file, or a folder with what is in it, to Administrators and SYSTEM;
 * `crowd_sids` from access_list_crowds. icacls has what it takes since NT 6.0; cacls knows accounts only by
 * their names, which are other ones in each language. */
void text_add_icacls(struct text *text, const char *path, bool folder, const char *crowd_sids);
void text_add_cacls(struct text *text, const char *path, bool folder, const char *administrators,
                    const char *system);

/* Cuts an absolute path to the folder that it lies in: "C:\\" for "C:\\x", "\\\\server\\share\\" for
 * "\\\\server\\share\\x". False, and nothing is done, at the top: nothing is above a drive or a share. */
bool access_folder_above(char *path);

/* SDDL of a service with one entry more: `sid` ("S-1-5-21-...") may ask, start and stop it. `sddl` is what
 * "sc sdshow" prints. False when it has no D: part or does not fit. */
bool access_sddl_grant(const char *sddl, const char *sid, char *out_sddl, size_t capacity);

/* SDDL of a folder or file that Administrators, SYSTEM and these accounts ("" = no other) may use and nobody
 * else, with all that comes into it; nothing comes from the folder above. `to_administrators`: it becomes
 * theirs. False when it does not fit. */
bool access_sddl_closed(bool to_administrators, const char *own_sid, const char *service_sid, char *out_sddl,
                        size_t capacity);

#endif

/* discovery.c - see discovery.h.
 *
 * A process may load MAPI at any time of its life (usually at its first log-on), so the caller looks into all
 * of them again from time to time; in between only new ones cost anything. */
#include "discovery.h"

#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b)
{
    const struct process_id *x = a, *y = b;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    return x->created_100ns < y->created_100ns ? -1 : x->created_100ns > y->created_100ns;
}

static bool among(const struct process_id *sorted, size_t count, struct process_id id)
{
    return count > 0 && bsearch(&id, sorted, count, sizeof id, compare_ids);
}

static bool still_runs(const struct process *processes, size_t count, struct process_id id)
{
    for (size_t i = 0; i < count; i++)
        if (process_id_equal(processes[i].id, id))
            return true;
    return false;
}

static void forget_ended(struct discovery *discovery, const struct process *processes, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < discovery->looked_count; i++)
        if (still_runs(processes, count, discovery->looked[i]))
            discovery->looked[kept++] = discovery->looked[i];
    discovery->looked_count = kept;
    kept = 0;
    for (size_t i = 0; i < discovery->found_count; i++)
        if (still_runs(processes, count, discovery->found[i].process) && kept++ != i)
            discovery->found[kept - 1] = discovery->found[i];
    discovery->found_count = kept;
}

static struct found_client *found_of(struct discovery *discovery, struct process_id id)
{
    for (size_t i = 0; i < discovery->found_count; i++)
        if (process_id_equal(discovery->found[i].process, id))
            return &discovery->found[i];
    return NULL;
}

/* rundll32 runs whatever it is given: that a mail program is started through it says nothing about it. */
static const struct mapi_registration *registration_of(const struct discovery *discovery, const char *image)
{
    for (size_t i = 0; i < discovery->registration_count; i++)
        if (text_equal_nocase(discovery->registrations[i].image, image) &&
            !text_equal_nocase(image, "rundll32.exe"))
            return &discovery->registrations[i];
    return NULL;
}

static void say_how(struct found_client *found, const struct mapi_registration *registration)
{
    struct text how = text_on(found->how, sizeof found->how);
    if (found->dlls.count > 0)
        text_add(&how, "has %s loaded", path_file_name(found->dlls.items[0].path));
    else if (registration)
        text_add(&how, "is named in %s",
                 registration->source == MAPI_SOURCE_MSMAPIAPPS
                     ? "HKLM\\SOFTWARE\\Microsoft\\Windows Messaging Subsystem\\MSMapiApps"
                     : "HKLM\\SOFTWARE\\Clients\\Mail");
}

/* What was found before and is unreadable just now stays. */
static void look_into(struct discovery *discovery, struct os *os, const struct process *process)
{
    struct loaded_dlls dlls = {0};
    enum status status = os_process_mapi_dlls(os, process->id, &dlls, NULL);
    const struct mapi_registration *registration = registration_of(discovery, process->image);
    struct found_client *found = found_of(discovery, process->id);
    discovery->closed_count += status == STATUS_DENIED;
    if (status != STATUS_OK && found)
        return;
    if (dlls.count == 0 && !registration) {
        if (found)
            *found = discovery->found[--discovery->found_count];
        return;
    }
    if (!found && discovery->found_count == FOUND_MAX) {
        discovery->left_out++;
        return;
    }
    if (!found)
        found = &discovery->found[discovery->found_count++];
    memset(found, 0, sizeof *found);
    found->process = process->id;
    text_copy(found->image, sizeof found->image, process->image);
    found->dlls = dlls;
    say_how(found, registration);
}

/* Windows' own, without MAPI: who opens their memory for reading is taken for a thief of passwords. */
static bool is_left_alone(const char *image)
{
    static const char *const images[] = {"lsass.exe", "csrss.exe", "smss.exe", "wininit.exe", "winlogon.exe"};
    for (size_t i = 0; i < ARRAY_COUNT(images); i++)
        if (text_equal_nocase(image, images[i]))
            return true;
    return false;
}

void discovery_scan(struct discovery *discovery, struct os *os, const struct process *processes, size_t count,
                    bool again, int64_t budget_ms)
{
    const int64_t begun_ms = os_mono_ms(os);
    if (again) {
        discovery->looked_count = discovery->closed_count = discovery->left_out = 0;
        discovery->registration_count =
            os_mapi_registrations(os, discovery->registrations, MAPI_REGISTRATIONS_MAX);
    }
    forget_ended(discovery, processes, count);
    size_t known = discovery->looked_count;
    discovery->waiting = 0;
    for (size_t i = 0; i < count && discovery->looked_count < OBSERVATION_PROCESSES_MAX; i++) {
        if (among(discovery->looked, known, processes[i].id))
            continue;
        if (os_mono_ms(os) - begun_ms >= budget_ms) {
            discovery->waiting++;
            continue;
        }
        if (!is_left_alone(processes[i].image))
            look_into(discovery, os, &processes[i]);
        discovery->looked[discovery->looked_count++] = processes[i].id;
    }
    qsort(discovery->looked, discovery->looked_count, sizeof discovery->looked[0], compare_ids);
}

/* seam.h - what both stand-ins for the operating system (fake_os.c, tests/sim/machine.c) answer alike. Each
 * has a struct os of its own around a world. */
#ifndef STOREWATCH_TESTS_SEAM_H
#define STOREWATCH_TESTS_SEAM_H

#include "storewatch/mailer.h"
#include "storewatch/os.h"

#include "world.h"

/* Of the stand-in: its world, and where it notes what was done to it, a line for each deed. */
struct world *seam_world(struct os *os);
void seam_note(struct os *os, const char *line);

/* What os.h makes of the service manager's answer; noted as "stop NAME" or "stop NAME: refused with CODE". */
enum status seam_answer(struct os *os, const char *verb, const char *name, uint32_t code, struct err *err);

enum relay_mood {
    RELAY_WORKS,
    RELAY_UNREACHABLE,
    RELAY_DEFERS,
    RELAY_REFUSES,
    RELAY_SWALLOWS, /* takes what the caller has not picked out; to that it says nothing */
    RELAY_MOODS
};
/* What a relay in this mood does with a mail. */
enum status seam_relay(enum relay_mood mood, struct mailer_result *out_result, struct err *err);

#endif

/* service_exit.h - the codes that the service ends with, for itself and for those that wait for its start. */
#ifndef STOREWATCH_SERVICE_EXIT_H
#define STOREWATCH_SERVICE_EXIT_H

/* Service-specific exit codes (with Windows error 1066). */
enum service_exit {
    SERVICE_EXIT_CONFIG = 1, /* the configuration is bad or cannot be read: see event 1004 */
    SERVICE_EXIT_START = 2   /* it could not start otherwise: see the error event 1001 */
};

#endif

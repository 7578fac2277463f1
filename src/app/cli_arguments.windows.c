/* cli_arguments.windows.c - the arguments as Windows has them. Apart from cli.windows.c, because the
 * packages' custom actions have none. */
#include "storewatch/cli.h"
#include "storewatch/service.h"

void cli_arguments(int *argc, char ***argv)
{
    service_arguments(argc, argv);
}

/* main.c - the arguments as UTF-8, then the command. */
#include "storewatch/cli.h"

int main(int argc, char **argv)
{
    cli_arguments(&argc, &argv);
    return commands_run(argc, argv);
}

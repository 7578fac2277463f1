#!/bin/bash
# `plan` shows the restart that would be done now, in its order, and what stands against it; it changes nothing.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open plan "${1:-x64}"

must "the machine" exchange
must "services that need each other" eval '
    standin FaxSvc FaxSvc.exe needs=ArchiveSvc && scm start FaxSvc && scm wait FaxSvc running 10 &&
    standin CalSvc CalSvc.exe needs=MSExchangeIS'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"'
must "install and start" eval 'storewatch_install && storewatch_start'
log=$(service_log)

words=$(sw plan MSExchangeIS)
check "a plan without obstacles: exit code 0" equals $? 0
check "dependents first, the store last" contains "$(tr '\n' ' ' <<<"$words")" 'FaxSvc.*ArchiveSvc.*MSExchangeIS'
check "what does not run is not in it" lacks "$words" CalSvc
check "a client's plan has the client and what needs it" contains "$(sw plan ArchiveSvc | tr '\n' ' ')" 'FaxSvc.*ArchiveSvc'
check "no such service: nothing that could be done" exits 1 sw plan Nowhere
check "no name of a service: exit code 2" exits 2 sw plan ''

# A running eseutil forbids the restart.
cp "$binaries/$arch/standin-scmctl.exe" "$disk/Exchange/eseutil.exe"
win 'C:\Exchange\eseutil.exe' sleep 30 &
must "eseutil runs" wait_for 10 runs eseutil.exe
words=$(sw plan MSExchangeIS)
check "a plan with an obstacle: exit code 1" equals $? 1
check "which is named" contains "$words" 'eseutil\.exe'

check "no service was touched" equals "$(service_log)" "$log"

# A node of a cluster, also while its Cluster service does not run for a moment; one that has left it keeps the service, disabled.
must "a Cluster service" standin ClusSvc ClusSvc.exe start=disabled
check "a Cluster service that is disabled: no node" contains "$(sw plan ArchiveSvc)" 'this is no cluster node'
must "which is not disabled" eval 'scm config ClusSvc start=auto'
check "and does not run: a node, nothing is restarted" contains "$(sw plan ArchiveSvc)" 'this is a cluster node'
must "and runs" eval 'scm start ClusSvc && scm wait ClusSvc running 10'
check "likewise" contains "$(sw plan ArchiveSvc)" 'this is a cluster node'
finish

#!/bin/bash
# `install --start` when the service is still starting after two minutes: it is stopped before all is undone, or it would run on without
# a registration. And when the one before is slow to stop. A stand-in plays the service that is slow.
# arch: x64
. "$(dirname "$0")/lib.sh"
bed_open install_slow "${1:-x64}"

service_key='HKLM\System\CurrentControlSet\Services\storewatch'

must "storewatch.exe is there" storewatch_copy
mkdir "$disk/slow"
cp "$binaries/$arch/standin-service.exe" "$disk/slow/slow.exe"
printf 'service=storewatch\nlog=C:\\slow\\log.txt\nstart_ms=130000\n' >"$disk/slow/MSExchangeIS.ini"
win_seconds=220
words=$(sw install --program 'C:\slow\slow.exe' --start 2>&1)
check "install waits, and gives up" contains "$words" 'still starting after 120 s'
check "the service was stopped as soon as it could be" contains "$(cat "$disk/slow/log.txt")" 'storewatch stopped '
check "no process is left" wait_for 10 gone slow.exe
check "no service is left" absent "$service_key"

# One that runs, and takes longer to stop than an installation waits: it runs again when that has failed.
printf 'service=storewatch\nlog=C:\\slow\\log.txt\nstop_ms=75000\n' >"$disk/slow/MSExchangeIS.ini"
must "another one is installed and runs" sw install --program 'C:\slow\slow.exe' --start
words=$(sw install --start 2>&1)
check "an installation gives up when it does not stop" contains "$words" 'still stopping after 60 s'
check "and starts it again as soon as it has" lacks "$words" 'does not start again'
check "it runs" service_is storewatch running
must "it is told to stop" eval '! scm stop storewatch 1'
check "uninstall does not say to stop what stops already" contains "$(sw uninstall 2>&1)" 'is stopping and cannot say .* or end its process storewatch\.exe'
finish

#!/bin/bash
# From telling to acting: `run --dry-run` stands in for the service. With the mode "act" it decides and tells as the service would, and
# touches nothing; beside the running service it refuses.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open dry_run "${1:-x64}"

must "an SMTP server" smtp_start
must "a machine with a leaking client" exchange leak=4M leak_starts=1
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' mail.relays="$(relays "$(smtp_port)")"
must "install" storewatch_install
client_pid=$(service_pid ArchiveSvc)
log=$(service_log)

polled() { [ "$(status 'd["self"]["polls"]')" -ge "$1" ]; }
dry_run() { on_wine wine "$home\\storewatch.exe" run --dry-run --config "$home\\storewatch.json"; }
dry_run </dev/null >"$bed/console.log" 2>&1 &
must "the alert mail arrives" wait_for 90 mail_came OPENED
check "status says what would be done, and why it is not" contains "$(sw status)" 'dry run'
check "the pre-flight of a plan says so, too" contains "$(sw plan ArchiveSvc)" 'HOLDS +dry run'
first=$(status 'd["self"]["polls"]')
must "a hundred polls later" wait_for 60 polled $((first + 100))
check "the client was not restarted" equals "$(service_pid ArchiveSvc)" "$client_pid"
check "no service was touched" equals "$(service_log)" "$log"
check "no restart is on record" equals "$(history_of 'len(d["restarts"])')" 0

kill_pids TERM "$(pids_of storewatch.exe)"
must "it ends" wait_for 15 gone storewatch.exe
# (Only telling: a console program that starts at the same time as a service can get that one's start from Wine.)
config_write mail.relays="$(relays "$(smtp_port)")"
must "the service starts in its place" storewatch_start
words=$(dry_run </dev/null 2>&1)
check "beside the service it refuses" equals $? 3
check "and says why" contains "$words" 'another storewatch works on'
finish

#!/bin/bash
# As it comes out of the box, storewatch only tells: a leak brings one mail and touches no service. And watching costs nothing that
# grows: its own memory and handles are the same after a thousand polls.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open alert_only "${1:-x64}"

polls=1000
polled() { [ "$(status 'd["self"]["polls"]')" -ge "$1" ]; }
own() { status 'd["self"]["private_bytes"]'; }
# Wine does not tell a program its own handles; storewatch sees its own as those of any other program it watches.
own_handles() { status '[m["now"] for w in d["watched"] if w["target"] == "self" for m in w["metrics"] if m["metric"] == "handles"]'; }
own_kib() { "$wine_tests/peek" memory "$(pids_of storewatch.exe)" "$binaries/$arch/storewatch.exe"; }

must "an SMTP server" smtp_start
must "a machine with a leaking client" exchange leak=3M
must "storewatch.exe is there" eval 'storewatch_copy && cp "$binaries/$arch/storewatch.exe" "$disk/Exchange/cli.exe"'
config_write sampling.interval='"50ms"' clients='[{"name": "archive", "service": "ArchiveSvc"}, {"name": "self", "image": "storewatch.exe"}]' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'
sw() { win 'C:\Exchange\cli.exe' "$@"; } # from here on under another name than the program that is watched
before=$(scm list | grep -vE '^(storewatch|BITS|wuauserv) ')

must "the alert mail arrives" wait_for 60 mail_came OPENED
first=$(status 'd["self"]["polls"]')
must "a hundred polls later" wait_for 60 polled $((first + 100))
bytes=$(own) handles=$(own_handles) kib=$(own_kib)
must "and $polls more" wait_for 150 polled $((first + 100 + polls))
say "   own private bytes $bytes -> $(own), handles $handles -> $(own_handles), without what is Wine's $kib -> $(own_kib) KiB"
check "own private bytes are flat" at_most "$(own)" $((bytes + (256 << 10)))
check "own handles are flat" at_most "$(own_handles)" "$handles"
check "and so they are without what is Wine's" at_most "$(own_kib)" $((kib + 256))
check "they stay under 8 MiB" at_most "$(own_kib)" 8192
check "no poll failed" equals "$(status 'd["self"]["failed_polls"]')" 0

check "every service is as it was" equals "$(scm list | grep -vE '^(storewatch|BITS|wuauserv) ')" "$before"
check "no restart was made" equals "$(history_of 'len(d["restarts"])')" 0
check "one incident is open" equals "$(status '[i["state"] for i in d["incidents"] if i["target"] == "archive"]')" "open"
check "and one mail told of it" equals "$(mail_count OPENED)" 1
check "status for a monitoring system says so with its exit code" exits 2 sw status --nagios
finish

#!/bin/bash
# The ways in which a restart does not go as planned, each with its words: a slow stop, a service that dies instead of stopping, one
# that is disabled or deleted half way, one that fails to start. (Wine enforces no dependencies and no accounts: what a refused stop
# (1051) and a failed logon (1069) do is in tests/unit/test_restart_stop.c and _start.c.)
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open paths "${1:-x64}"

ini() { printf '%s\n' "${@:2}" >"$disk/Exchange/$1.ini"; }
anew() { scm stop "$1" 20 && scm start "$1" && scm wait "$1" running 20; } # so that it reads its ini
by_hand() { sw restart ArchiveSvc --reason "a test of $1" >"$bed/restart-$1.log" 2>&1; }
# The client does not get beyond stopping until then, however long it takes on this machine to do something meanwhile.
hold() { touch "$disk/Exchange/ArchiveSvc.hold"; }
let_go() { rm "$disk/Exchange/ArchiveSvc.hold"; }
waits_for() { contains "$(sw status)" "$1" >/dev/null; }
outcome_is() { no_restart && equals "$(history_of 'd["restarts"][0]["outcome"]')" "$1"; }
stopping() { service_is ArchiveSvc stop-pending && service_is FaxSvc stopped; }

must "an SMTP server" smtp_start
must "the machine" eval '
    exchange && standin FaxSvc FaxSvc.exe needs=ArchiveSvc && scm start FaxSvc && scm wait FaxSvc running 10'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' actions.verify='"1s"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'

ini ArchiveSvc hint_ms=30000
must "a client that stops slowly" anew ArchiveSvc
hold
by_hand slow &
check "status shows what is waited for: checkpoint, wait hint, and that it moves" \
    wait_for 60 waits_for 'ArchiveSvc: stop pending, checkpoint [0-9]+, wait hint 30 s, (checkpoint|CPU time|I/O) moved .* ago, .* left'
let_go
wait
check "and it was only slow" wait_for 60 outcome_is succeeded

printf '{ "version": 1, "data_dir": "C:\\\\elsewhere" }' >"$disk/elsewhere.json"
hold
by_hand led_away &
must "half way" wait_for 60 stopping
words=$(exits 3 sw install --config 'C:\elsewhere.json' --start 2>&1)
check "meanwhile storewatch is not led away from its journal" contains "$words" 'a restart of ArchiveSvc is under way.*only storewatch starts again'
check "and its registration is as it was" lacks "$words$(scm show storewatch)" 'exit code|elsewhere\.json"'
let_go
wait
check "so it goes on with the restart" wait_for 60 outcome_is succeeded
check "after which it may be" contains "$(sw install --check --config 'C:\elsewhere.json' 2>&1)" 'can be installed'

hold
by_hand disabled &
must "half way" wait_for 60 stopping
must "a person disables what is to be started again" scm config FaxSvc start=disabled needs=ArchiveSvc
let_go
wait
check "it is handed over" wait_for 60 outcome_is "handed over"
check "with the reason" contains "$(mail_text "$(mails GAVE_UP | tail -n 1)" | tr -s '\n ' ' ')" 'FaxSvc: (disabled meanwhile|start refused: it is disabled)'
check "the client runs" service_is ArchiveSvc running
check "and it is left stopped" service_is FaxSvc stopped
must "enabled again" eval 'scm config FaxSvc start=demand needs=ArchiveSvc && scm start FaxSvc && scm wait FaxSvc running 10'

hold
by_hand deleted &
must "half way" wait_for 60 stopping
must "a person deletes it" scm delete FaxSvc
let_go
wait
check "it is handed over" wait_for 60 outcome_is "handed over"
check "with the reason" contains "$(mail_text "$(mails GAVE_UP | tail -n 1)" | tr -s '\n ' ' ')" 'FaxSvc.*(deleted|not installed)'
check "the client runs" service_is ArchiveSvc running

ini ArchiveSvc stop=die
must "a client that dies instead of stopping" anew ArchiveSvc
old=$(service_pid ArchiveSvc)
by_hand dies
check "it runs again in a new process" scm wait ArchiveSvc "new:$old" 60
check "and that is a success" wait_for 60 outcome_is succeeded

starts=$(tr -d '\r' <"$disk/Exchange/ArchiveSvc.starts")
ini ArchiveSvc stop_ms=0 fail_from=$((starts + 2)) fail_count=4
scm kill "$(service_pid ArchiveSvc)"
must "a client whose next starts fail" eval 'scm start ArchiveSvc && scm wait ArchiveSvc running 20'
by_hand fails
check "ops are told after the third" wait_for 60 mail_came SERVICE_DOWN
check "with its exit code" contains "$(mail_text "$(mails SERVICE_DOWN | tail -n 1)" | tr -s '\n ' ' ')" 'ArchiveSvc: .*exit code 1066 \(its own: 42\)'
check "it is tried until it runs" wait_for 60 service_is ArchiveSvc running
check "and that is told" wait_for 60 mail_came SERVICE_UP_AGAIN
check "a success after all" wait_for 60 outcome_is succeeded
finish

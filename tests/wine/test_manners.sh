#!/bin/bash
# How a service behaves that an administrator likes: it answers at once, stops at once, takes a new configuration without a restart,
# refuses a bad one, and runs in a console until Ctrl-C.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open manners "${1:-x64}"

polls() { status 'd["self"]["polls"]'; }
polled_beyond() { [ "$(polls)" -gt "$1" ]; }
mode_is() { [ "$(status 'd["mode"]')" = "$1" ]; }
unread() { # exit code 3, long before it would be ended by force
    (win_seconds=40 && sw status --watch; echo $? >"$bed/unread") | head -n 1
    equals "$(cat "$bed/unread")" 3
}
seconds_of() { # COMMAND...: its wall time must stay below 5 s, three times what Wine itself takes
    local began
    began=$(now_ms)
    "$@" && at_most $(($(now_ms) - began)) 5000
}

must "the machine" exchange
must "an SMTP server" smtp_start
must "storewatch.exe is there" storewatch_copy
config_write mail.relays="$(relays "$(smtp_port)")"
check "status while the service is not there: exit code 3" exits 3 sw status
must "install" storewatch_install

must "start, within 5 s" seconds_of storewatch_start
must "it answers" wait_for 10 polled_beyond 5
check "status is for people too" contains "$(sw status)" 'MSExchangeIS|Store\.exe'
check "status --watch ends when nobody reads it any more" unread
check "it watches the store and the client" equals "$(status '[w["image"].lower() for w in d["watched"] if w["kind"] in ("store", "client")]' | sort | tr '\n' ' ')" "archivesvc.exe store.exe "
check "a reading is what the process has" at_most 16777216 "$(status '[int(m["now"]) for w in d["watched"] if w["image"] == "ArchiveSvc.exe" for m in w["metrics"] if m["metric"] == "private bytes"]')"
count=$(polls)
check "it goes on polling" wait_for 10 polled_beyond $((count + 20))

# PARAMCHANGE, control code 6
config_write mail.relays="$(relays "$(smtp_port)")" mode='"act"'
check "PARAMCHANGE is taken" scm control storewatch 6
check "and the new configuration is in force" wait_for 15 mode_is act
config_write mail.relays="$(relays "$(smtp_port)")" mode='"alert"' sampling.interval='"5 minutes"'
check "PARAMCHANGE with a bad configuration" scm control storewatch 6
check "ops are told that it was refused" wait_for 30 mail_came CONFIG_REFUSED
check "with the line and the key" contains "$(mail_text "$(mails CONFIG_REFUSED | head -n 1)" | tr -d '\n')" 'storewatch\.json:[0-9]+:[0-9]+: sampling\.interval'
check "the old one stays in force" mode_is act
count=$(polls)
check "it goes on polling" wait_for 10 polled_beyond $((count + 20))

# Who may write the configuration decides which services are restarted.
chmod o+w "$disk/Program Files/storewatch/storewatch.json"
config_write mail.relays="$(relays "$(smtp_port)")" mode='"act"'
check "the configuration is open to everybody, and taken" scm control storewatch 6
check "ops are told" wait_for 30 mail_came CONFIG_UNSAFE
check "who may change what" contains "$(mail_text "$(mails CONFIG_UNSAFE | head -n 1)" | tr -d '\n')" 'C:.Program Files.storewatch.storewatch\.json may be changed by Everyone'
chmod o-w "$disk/Program Files/storewatch/storewatch.json"

check "stop, within 5 s" seconds_of scm stop storewatch 5
check "no process is left" wait_for 5 gone storewatch.exe
check "stopped without an error" contains "$(scm query storewatch)" 'stopped .*exit=0/0'
config_write mail.relays="$(relays "$(smtp_port)")"
check "start, stop, start, stop" eval 'storewatch_start && scm stop storewatch 10 && storewatch_start && scm stop storewatch 10'
# While it is starting the SCM itself refuses the stop (error 1052): tried until it is taken, as an administrator would.
check "a stop right after the start" eval 'scm start storewatch; wait_for 15 scm stop storewatch 10 && wait_for 5 gone storewatch.exe'

# In a console. Wine turns SIGINT into Ctrl-C.
win_seconds=120 sw run --config "$home\\storewatch.json" >"$bed/console.log" 2>&1 &
console=$!
check "run in a console watches" wait_for 20 polled_beyond 10
kill_pids INT "$(pids_of storewatch.exe)"
check "Ctrl-C ends it" wait_for 10 gone storewatch.exe
check "with exit code 0" exits 0 wait $console
finish

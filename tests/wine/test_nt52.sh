#!/bin/bash
# What the executable does where Windows lacks what its libraries import (src/win32/nt52.c): locks, condition variables and the clock
# under load, each way; then the main job, done by a storewatch.exe that believes it runs on NT 5.2.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open nt52 "${1:-x64}"

stress() { # MODE ROUNDS
    local before=$((passed + failed)) bad=$failed
    reported "$1: " "$bed/stress.end" win 'C:\stress.exe' "$1" "$2"
    check "$1: came to its end" equals "$(cat "$bed/stress.end")" "exit code $((failed > bad))"
    check "$1: checked something" at_most $((before + 25)) $((passed + failed))
}
cp "$binaries/$arch/test-nt52_stress.exe" "$disk/stress.exe"
win_seconds=200
stress real 20000
stress fallback 5000
stress polling 400

must "an SMTP server" smtp_start
must "the machine, with a client that leaks 4 MiB/s" exchange leak=4M leak_starts=1 stop_ms=300 start_ms=300
must "the storewatch.exe that believes so" eval '
    mkdir -p "$disk/Program Files/storewatch" && cp "$binaries/fallback/$arch/storewatch.exe" "$disk/Program Files/storewatch/"'
config_write mode='"act"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'
client_pid=$(service_pid ArchiveSvc)
must "the alert mail arrives" wait_for 60 mail_came OPENED
check "status answers over the pipe" contains "$(sw status)" ArchiveSvc
must "the client's service is restarted" scm wait ArchiveSvc "new:$client_pid" 60
must "the recovery mail arrives" wait_for 60 mail_came RECOVERED
check "it stops when it is told to" eval 'scm stop storewatch && scm wait storewatch stopped 15'
finish

#!/bin/bash
# storewatch is killed in the middle of a restart, at each of its moments, and started again: the restart is completed, everything
# that ran runs again, nothing is told twice.
# arch: x64
. "$(dirname "$0")/lib.sh"
bed_open crash "${1:-x64}"

# Each round: the client leaks, the store is restarted with its dependents, the watchdog dies as soon as WORD of SERVICE is in the
# services' log. The client leaks in every incarnation, so the next round comes by itself.
count_of() { service_log "$1" | grep -cx "$2"; }
happened() { [ "$(count_of "$1" "$2")" -gt "$3" ]; }
all_run() { service_is MSExchangeIS running && service_is ArchiveSvc running && service_is FaxSvc running; }
no_restart() { [ "$(status 'd["restart"]')" = null ]; }
restarts() { history_of 'len(d["restarts"])'; }
round() { # SERVICE WORD TEXT
    local seen restarts_before
    seen=$(count_of "$1" "$2")
    restarts_before=$(restarts)
    must "$3: it comes to that" wait_for 60 happened "$1" "$2" "$seen"
    must "$3: killed" storewatch_kill
    must "$3: started again" storewatch_start
    must "$3: everything runs again" wait_for 40 eval 'no_restart && all_run'
    check "$3: it was one restart" equals "$(restarts)" $((${restarts_before:-0} + 1))
    check "$3: which succeeded" equals "$(history_of 'd["restarts"][0]["outcome"]')" succeeded
}

must "an SMTP server" smtp_start
must "a machine with a leaking client" exchange leak=6M stop_ms=1200 start_ms=1200
must "a service that needs the client" eval 'standin FaxSvc FaxSvc.exe needs=ArchiveSvc stop_ms=1200 start_ms=1200 && scm start FaxSvc && scm wait FaxSvc running 10'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' actions.ladder='["alert", "restart_store"]' actions.verify='"2s"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'

round FaxSvc stopping "the first dependent stops"
round MSExchangeIS stopping "the store stops"
round MSExchangeIS stopped "the store has stopped"
round MSExchangeIS start "the store starts"
round ArchiveSvc running "a dependent runs again"

check "no mail came twice" equals "$("$wine_tests/peek" mails "$bed/smtp" | cut -f3 | sort | uniq -d)" ""
check "one alert an incident" equals "$(mail_count OPENED)" "$(history_of 'len([i for i in d["incidents"] if i["target"] == "archive"])')"
finish

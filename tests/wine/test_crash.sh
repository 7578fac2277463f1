#!/bin/bash
# storewatch is killed in the middle of a restart, at each of its moments, and started again: the restart is completed, everything
# that ran runs again, nothing is told twice.
# arch: x64
. "$(dirname "$0")/lib.sh"
bed_open crash "${1:-x64}"

# Each round: the client is started anew and leaks; storewatch restarts the store with its dependents, and dies as soon as WORD of
# SERVICE is in the services' log. The client leaks in its first start only, so a round ends in calm.
count_of() { service_log "$1" | grep -cx "$2"; }
happened() { [ "$(count_of "$1" "$2")" -gt "$3" ]; }
all_run() { service_is MSExchangeIS running && service_is ArchiveSvc running && service_is FaxSvc running; }
restarts() { history_of 'len(d["restarts"])'; }
calm() { [ "$(history_of 'len([i for i in d["incidents"] if i["target"] == "archive" and i["state"] != "closed"])')" = 0 ]; }
leak_again() {
    scm stop FaxSvc 10 && scm stop ArchiveSvc 10 && rm -f "$disk/Exchange/ArchiveSvc.starts" &&
        scm start ArchiveSvc && scm wait ArchiveSvc running 10 && scm start FaxSvc && scm wait FaxSvc running 10
}
round() { # SERVICE WORD TEXT
    local seen victim
    rounds=$((rounds + 1))
    must "$3: the client leaks" leak_again
    seen=$(count_of "$1" "$2")
    # At that moment, not after the SCM has been asked who it is.
    victim=$(pids_of storewatch.exe)
    must "$3: it comes to that" wait_for 60 happened "$1" "$2" "$seen"
    must "$3: killed" eval 'kill -KILL $victim && scm wait storewatch stopped 15'
    must "$3: started again" storewatch_start
    must "$3: everything runs again" wait_for 40 eval 'no_restart && all_run'
    check "$3: it was one restart" equals "$(restarts)" $rounds
    check "$3: which succeeded" equals "$(history_of 'd["restarts"][0]["outcome"]')" succeeded
    must "$3: the incident ends" wait_for 30 calm
}
rounds=0

must "an SMTP server" smtp_start
mkdir -p "$disk/Exchange" && printf 'stop_ms=1200\nstart_ms=1200\n' >"$disk/Exchange/MSExchangeIS.ini"
must "the machine" exchange leak=6M leak_starts=1 stop_ms=1200 start_ms=1200
must "a service that needs the client" eval 'standin FaxSvc FaxSvc.exe needs=ArchiveSvc stop_ms=1200 start_ms=1200 && scm start FaxSvc && scm wait FaxSvc running 10'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' actions.ladder='["alert", "restart_store"]' actions.verify='"2s"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'

round FaxSvc stopping "the first dependent stops"
round MSExchangeIS stopping "the store stops"
round MSExchangeIS stopped "the store has stopped"
round MSExchangeIS start "the store starts"
round ArchiveSvc running "a dependent runs again"

# A mail that was on its way when storewatch died goes out again under the same Message-ID: SMTP cannot do better, and lost would
# be worse. Only in the first round does the mail leave at the moment of the kill.
keys() { mail_list | awk -F '\t' -v kind="$1" '$2 == kind { print $3 }' | sort; }
check "one alert a round" equals "$(keys OPENED | uniq | wc -l)" $rounds
check "one recovery a round" equals "$(keys RECOVERED | wc -l)" $rounds
check "at most the mail that was on its way came twice" at_most "$(mail_list | cut -f3 | sort | uniq -d | wc -l)" 1
finish

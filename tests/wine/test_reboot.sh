#!/bin/bash
# The machine loses power in the middle of a restart. After the boot storewatch starts by itself and finishes the job: also what
# Windows does not start by itself runs again.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open reboot "${1:-x64}"


must "an SMTP server" smtp_start
must "a machine with a leaking client" exchange leak=6M leak_starts=1
must "a service that is started by hand" eval 'standin FaxSvc FaxSvc.exe start=demand needs=MSExchangeIS && scm start FaxSvc && scm wait FaxSvc running 10'
# The store takes its time to stop: that is when the power goes.
touch "$disk/Exchange/MSExchangeIS.hold"
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' actions.ladder='["alert", "restart_store"]' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'
stops=$(service_log MSExchangeIS | grep -cx stopping)
must "the restart begins" wait_for 60 eval '[ "$(service_log MSExchangeIS | grep -cx stopping)" -gt $stops ]'

must "the power goes" windows_off
rm "$disk/Exchange/MSExchangeIS.hold"
# And somebody has meanwhile edited the configuration: the record of the restart is not where it leads now.
config_write mode='"act"' actions.ladder='["alert", "restart_store"]' mail.relays="$(relays "$(smtp_port)")" data_dir='"C:\\elsewhere"'
must "the machine boots" windows_on
check "storewatch starts by itself" scm wait storewatch running 20
check "the store runs" scm wait MSExchangeIS running 20
check "the service that Windows does not start runs" scm wait FaxSvc running 30
check "the client runs" scm wait ArchiveSvc running 20
check "the restart is done" wait_for 30 no_restart
check "one incident" equals "$(sw history --json --data 'C:\storewatch-data' | "$wine_tests/peek" json 'len([i for i in d["incidents"] if i["target"] == "archive"])')" 1
# (Where the power goes between the relay's answer and the record of it, that one comes a second time.)
check "and one alert" equals "$(mail_list | awk -F '\t' '$2 == "OPENED" { print $3 }' | sort -u | wc -l)" 1
check "nothing was begun elsewhere" [ ! -e "$disk/elsewhere" ]
# What is asked of the configuration that leads elsewhere is answered from where the service works.
words=$(sw history 2>&1)
check "history shows what the service works with" contains "$words" '^restarts: 1$'
check "and says so" contains "$words" 'what C:\\storewatch-data holds, .* names C:\\elsewhere, .* next start'
check "a report is of that, too" contains "$(sw report 2>&1)" '1 controlled restart, 1 successful'
check "a plan knows what the budget has spent" contains "$(sw plan 2>&1)" 'budget +1 of 20 restarts'
words=$(sw doctor 2>&1)
check "doctor looks there" contains "$words" 'C:\\storewatch-data\\storewatch\.db holds'
check "and says so" contains "$words" 'works in C:\\storewatch-data .* names C:\\elsewhere'
must "storewatch is started once more" eval 'scm stop storewatch 30 && storewatch_start'
check "now it works where the configuration says" wait_for 20 test -s "$disk/elsewhere/storewatch.db"
check "so does history" lacks "$(sw history 2>&1)" 'storewatch-data'
check "with a budget of which nothing is spent" contains "$(sw plan 2>&1)" 'budget +0 of 20 restarts'
must "the history is taken along" eval '
    scm stop storewatch 30 && scm wait storewatch stopped 20 && mv "$disk/storewatch-data/storewatch.db" "$disk/elsewhere/" && storewatch_start'
check "and the budget with it" contains "$(sw plan 2>&1)" 'budget +1 of 20 restarts'
finish

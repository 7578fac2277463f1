#!/bin/bash
# A client leaks and hangs in its stop. With actions.on_hang "terminate_client" its process is ended, and only that: the restart
# goes on and everything runs again. With "wait" nothing is ended and ops are told.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open hang "${1:-x64}"

settings() { # ON_HANG
    config_write mode='"act"' sampling.warm_up='"0s"' verdict.min_window='"3s"' actions.ladder='["alert", "restart_client"]' \
        actions.stop_timeout='"6s"' actions.verify='"2s"' actions.on_hang="\"$1\"" mail.relays="$(relays "$(smtp_port)")"
}
hangs() { contains "$(sw status)" 'ArchiveSvc: stop pending, .*hung\?' >/dev/null; }
ended() { no_restart && [ "$(history_of 'd["restarts"][0]["outcome"]')" = succeeded ]; }

must "an SMTP server" smtp_start
must "the machine: a client that hangs in its stop, a service that needs it, one beside it" eval '
    exchange told=16M stop=hang && standin FaxSvc FaxSvc.exe needs=ArchiveSvc && scm start FaxSvc && scm wait FaxSvc running 10 &&
    standin OtherSvc OtherSvc.exe && scm start OtherSvc && scm wait OtherSvc running 10'
must "storewatch.exe is there" storewatch_copy
settings wait
must "install and start" eval 'storewatch_install && storewatch_start'
client=$(service_pid ArchiveSvc) store=$(service_pid MSExchangeIS) other=$(service_pid OtherSvc)
check "plan says that a hung client is waited for" contains "$(sw plan ArchiveSvc)" 'if ArchiveSvc hangs: waits \(actions\.on_hang is "wait"\)'

# "wait"
must "the client leaks" scm control ArchiveSvc 128
must "its stop hangs, and status says so" wait_for 90 hangs
check "and what is done about it" contains "$(sw status)" 'if ArchiveSvc hangs: waits'
must "ops are told that it is down" wait_for 60 mail_came SERVICE_DOWN
check "its process is left alone" equals "$(service_pid ArchiveSvc)" "$client"
check "storewatch is not removed while it has stopped services" exits 3 sw uninstall
check "nor told to stop for that" service_is storewatch running
printf '{ "data_dir": "C:\\\\storewatch-data", "mode": 1 }' >"$disk/bad.json"
check "a start that is refused tells of the restart that waits for it" contains "$(sw run --config 'C:\bad.json' 2>&1)" \
    'A restart of ArchiveSvc was under way .* See that these run: ArchiveSvc, FaxSvc\.'

# Stopped in the middle.
must "storewatch is stopped" scm stop storewatch 60
check "it is not removed then either" contains "$(sw uninstall 2>&1)" 'start these yourself: ArchiveSvc, FaxSvc\.'
check "and still installed" service_is storewatch stopped

# A restart that nobody has told of is under way when it is stopped: here another storewatch answers for it.
printf '{ "version": 1, "data_dir": "C:\\\\another" }' >"$disk/another.json"
must "another one, which has the pipe" eval 'scm create another "\"$home\\storewatch.exe\" run --config C:\another.json" &&
    scm start another && scm wait another running 20 && wait_for 20 eval "sw status >/dev/null"'
must "it goes on" storewatch_start
check "a restart that is seen only when storewatch has stopped keeps it, too" contains "$(sw uninstall 2>&1)" \
    'a restart has begun meanwhile.* goes on with it'
check "which goes on" service_is storewatch running
must "the other one ends" eval 'scm stop another 30 && scm wait another stopped 20 && scm delete another'
must "storewatch is stopped and started" eval 'scm stop storewatch 60 && storewatch_start'

# "terminate_client", from now on: what hangs in the way of its own start is ended after another stop_timeout
settings terminate_client
must "the configuration is taken over" scm control storewatch 6
# The hang is in this stop only: the next incarnation stops as it should.
must "the client's process is ended and it runs in a new one" scm wait ArchiveSvc "new:$client" 90
must "the restart ends well" wait_for 60 ended
must "ops are told that it runs again" wait_for 60 mail_came SERVICE_UP_AGAIN
check "the mail says what was done" contains "$(mail_text "$(mails SERVICE_UP_AGAIN | head -n 1)" | tr -s '\n ' ' ')" \
    "ArchiveSvc did not stop for .*its process $client is terminated"
check "the service that needs it runs" service_is FaxSvc running
check "the Information Store was not touched" equals "$(service_pid MSExchangeIS)" "$store"
check "nor anything else" equals "$(service_pid OtherSvc)" "$other"
check "one restart" equals "$(history_of 'len(d["restarts"])')" 1
check "plan names the process" contains "$(sw plan ArchiveSvc)" "if ArchiveSvc hangs: its process $(service_pid ArchiveSvc) is terminated after 6 s"
check "the Information Store's is never ended" contains "$(sw plan MSExchangeIS)" 'if MSExchangeIS hangs: waits \(the Information Store is never terminated\)'
check "nor a dependent's that is no registered client" contains "$(sw plan MSExchangeIS)" 'if FaxSvc hangs: waits \(it is not a registered client\)'
finish

#!/bin/bash
# The main job: a client leaks, ops get a mail, the client's service is restarted in a controlled way, everything that ran runs
# again, memory is down, ops get the good news. The store itself is not touched.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open leak "${1:-x64}"

level() { status '[int(m["now"]) for w in d["watched"] if w["target"] == "archive" for m in w["metrics"] if m["metric"] == "private bytes"][0]'; }
level_below() { local now && now=$(level) && [ -n "$now" ] && [ "$now" -lt "$1" ]; }
line_of() { service_log | grep -nx "$1" | tail -n 1 | cut -d: -f1; }
before() { at_most "$(line_of "$1")" "$(line_of "$2")"; }

must "an SMTP server" smtp_start
must "the machine, with a client that leaks 4 MiB/s and whose index needs it" eval '
    exchange leak=4M leak_starts=1 stop_ms=700 start_ms=700 &&
    standin ArchiveIndex ArchiveIndex.exe needs=ArchiveSvc base=8M && scm start ArchiveIndex && scm wait ArchiveIndex running 10 &&
    standin ArchiveMonthly ArchiveMonthly.exe needs=ArchiveSvc base=8M'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'
store_pid=$(service_pid MSExchangeIS)
client_pid=$(service_pid ArchiveSvc)

must "the alert mail arrives" wait_for 60 mail_came OPENED
alert=$(mails OPENED | head -n 1)
text=$(mail_text "$alert")
check "its subject names the process, the rate and the time left" contains "$text" '^Subject: \[storewatch\] .*ArchiveSvc\.exe private bytes \+.*iB/.*, .* left'
check "it says what is the matter" contains "$text" 'grows without bound'
check "it is from and to whom the configuration says" contains "$text" '^From: .*storewatch@example\.com'
check "the rate is near the true 4 MiB/s" contains "$(status '[round(i["slope_per_hour"] / 3600 / 2**20) for i in d["incidents"]]' || true)$(history_of '[round(i["slope_per_hour"] / 3600 / 2**20) for i in d["incidents"]]')" '^[345]'
check "it has an HTML part with a chart of table cells" contains "$("$wine_tests/peek" html "$alert")" '<td[^>]*(bgcolor|background)'

must "the client's service is restarted" scm wait ArchiveSvc "new:$client_pid" 60
must "the recovery mail arrives" wait_for 60 mail_came RECOVERED
check "memory is down again" wait_for 10 level_below $((40 << 20))
check "the dependent was stopped before the client" before "ArchiveIndex stopped" "ArchiveSvc stopping"
check "the client was started before the dependent" before "ArchiveSvc running" "ArchiveIndex start"
check "what ran runs again" service_is ArchiveIndex running
check "what did not run was not started" equals "$(service_log ArchiveMonthly)" ""
check "the Information Store was not touched" equals "$(service_pid MSExchangeIS)" "$store_pid"
check "one incident, closed" equals "$(history_of '[i["state"] for i in d["incidents"] if i["target"] == "archive"]')" "closed"
check "one restart, that succeeded" equals "$(history_of '[r["outcome"] for r in d["restarts"]]')" "succeeded"
check "no mail came twice" equals "$(mail_list | cut -f3 | sort | uniq -d)" ""
check "the mails are in their order" equals "$(mail_list | cut -f2 | grep -xE 'OPENED|RECOVERED' | tr '\n' ' ')" "OPENED RECOVERED "
check "the page of the history has a chart" eval 'sw report --html "Z:${bed//\//\\}\\report.html" && grep -q "<svg" "$bed/report.html"'
finish

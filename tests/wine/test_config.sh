#!/bin/bash
# A configuration that is wrong: `check-config` names every error with its place, and the service tells the SCM at once that it
# cannot start, instead of the silence that Windows reports as error 1053.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open config "${1:-x64}"

file="$disk/Program Files/storewatch/storewatch.json"
check_config() { sw check-config "$home\\storewatch.json" 2>&1; }

must "storewatch.exe is there" storewatch_copy
config_write mail.relays="$(relays 25)"
check "a good configuration: exit code 0" exits 0 check_config

# Without relays alerts go to the event log only: usable, and said.
config_write
words=$(check_config)
check "no relay is a warning, exit code 0" equals $? 0
check "the warning names the key" contains "$words" 'mail'

config_write sampling.interval='"5 minutes"' mode='"restart"' actions.bugdet='{"max": 2}'
words=$(check_config)
check "three errors: exit code 2" equals $? 2
check "FILE:LINE:COLUMN: key: what is wrong and what is allowed" contains "$words" 'storewatch\.json:[0-9]+:[0-9]+: sampling\.interval: '
check "the second error is told too" contains "$words" ':[0-9]+:[0-9]+: mode: .*alert.*act'
check "an unknown key is told with the nearest valid one" contains "$words" 'bugdet.*budget'

must "install with the bad file is refused" exits 2 storewatch_install
check "and registers nothing" exits 1 scm query storewatch

# Good at installation, bad at the next start.
config_write
must "install" storewatch_install
config_write sampling.interval='"5 minutes"'
began=$(now_ms)
scm start storewatch
check "the bad start ends as stopped" scm wait storewatch stopped 15
check "within seconds, not after the SCM's 30 s" at_most $(($(now_ms) - began)) 10000
# exit=1066/N: "service-specific error N"
check "the SCM is told a service-specific error" contains "$(scm query storewatch)" 'exit=1066/[1-9]'
words=$(sw doctor)
check "doctor names the error" contains "$words" 'failed +config .*sampling\.interval'
check "and says that the rest is not about this file" contains "$words" 'warning +config .*default configuration'
rm -f "$file"
scm start storewatch
check "no configuration file at all: the same" scm wait storewatch stopped 15
check "the SCM is told a service-specific error" contains "$(scm query storewatch)" 'exit=1066/[1-9]'
config_write
check "with a good file it starts" storewatch_start
finish

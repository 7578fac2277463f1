#!/bin/bash
# `install` and `uninstall`: what they register is what the documentation says, and afterwards nothing of it is left.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open install "${1:-x64}"

service_key='HKLM\System\CurrentControlSet\Services\storewatch'
source_key='HKLM\System\CurrentControlSet\Services\EventLog\Application\storewatch'
registry() { win reg query "$1" ${2:+/v "$2"}; }

must "storewatch.exe is there" storewatch_copy
mkdir "$disk/metrics"
config_write metrics_textfile='"C:\\metrics\\storewatch.prom"'
before=$(registry 'HKLM\System\CurrentControlSet\Services' | sort)

check "the registry can be read" contains "$before" Eventlog
must "install" storewatch_install
show=$(scm show storewatch)
check "the service runs the installed program, its path quoted" contains "$show" '"C:\\Program Files\\storewatch\\storewatch.exe"'
check "the service uses the configuration it was installed with" contains "$(registry "$service_key" ImagePath)" 'storewatch\.json'
check "the service starts automatically" contains "$show" '^start 2$'
check "the service has a description" contains "$show" '^description .'
# Its failure actions cannot be seen here: Wine takes them and keeps none. Of what newer systems add Wine knows the time for the
# system's end only, and refuses delayed start, service SID and required privileges, which install must not mind.
check "the system's end waits 30 s for it" contains "$(registry "$service_key" PreshutdownTimeout)" 'REG_DWORD.*0x7530'
check "the event source names its message file" contains "$(registry "$source_key" EventMessageFile)" 'REG_EXPAND_SZ.*storewatch\.exe'
check "the event source says which types it has" contains "$(registry "$source_key" TypesSupported)" 'REG_DWORD'

# A second installation over the first: another configuration file, the same service.
check "install once more is no error" storewatch_install
check "there is still one service" service_is storewatch stopped

must "the service starts" storewatch_start
must "it writes its metrics" wait_for 30 test -s "$disk/metrics/storewatch.prom"

# Somebody has registered another one by hand. Where this one works is none of its business.
printf '{ "version": 1, "data_dir": "C:\\\\another" }' >"$disk/another.json"
must "another one, under another name" scm create another '"C:\Program Files\storewatch\storewatch.exe" run --config C:\another.json'
must "runs" eval 'scm start another && scm wait another running 20 && wait_for 20 test -s "$disk/another/storewatch.db"'
check "what is noted of the first one stays" contains "$(registry "$service_key\\Parameters" DataDir)" 'C:\\storewatch-data$'
must "it stops, and is deleted" eval 'scm stop another 30 && scm wait another stopped 20 && scm delete another'
rm -r "$disk/another" "$disk/another.json"

check "uninstall stops the running service and removes it" sw uninstall
check "the service is gone" scm wait storewatch absent 10
check "no registry key of the service is left" absent "$service_key"
check "no event source is left" absent "$source_key"
check "the registry's services are what they were" equals "$(registry 'HKLM\System\CurrentControlSet\Services' | sort)" "$before"
check "its metrics are gone: a collector would read the last ones for ever" equals "$(ls -A "$disk/metrics")" ''
check "no process is left" wait_for 10 gone storewatch.exe
check "uninstall once more is no error and says so" contains "$(sw uninstall)" 'not installed'
echo other_metric 1 >"$disk/metrics/storewatch.prom"
must "install, and do not start" storewatch_install
check "uninstall leaves a file that storewatch has not written" eval 'sw uninstall && test -s "$disk/metrics/storewatch.prom"'
check "the program and its configuration are still there" test -s "$disk/Program Files/storewatch/storewatch.json"
finish

#!/bin/bash
# Who may write the configuration, the program or the data directory decides which services are restarted. What ordinary users may write is
# told by check-config, doctor and the service, with the command that closes it. What another account of the service has left is told by
# doctor. (To Wine a file that everybody on the Unix side may write is one that Everyone may; its Unix owner is its owner.)
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open install_access "${1:-x64}"

config="$disk/Program Files/storewatch/storewatch.json"
check_config() { sw check-config "$home\\storewatch.json" 2>&1; }
unsafe_mails() { [ "$(mail_count CONFIG_UNSAFE)" -eq "$1" ]; }
doctor_access() { sw doctor | grep -A1 -E '^(ok|failed) +access ' | grep -v 'control pipe'; }

must "an SMTP server" smtp_start
must "the machine" exchange
must "storewatch.exe is there" storewatch_copy
config_write mail.relays="$(relays "$(smtp_port)")"
must "install" storewatch_install
words=$(check_config)
check "a configuration that is closed is found good" equals $? 0
check "and not told of" lacks "$words" 'may be changed by'

chmod o+w "$config"
words=$(check_config)
check "check-config warns: who may change what, and what that means" \
    contains "$words" 'warning: C:\\Program Files\\storewatch\\storewatch\.json may be changed by Everyone, and so decide which services are restarted'
check "with the command that closes it" contains "$words" 'icacls "C:\\Program Files\\storewatch\\storewatch\.json" /inheritance:r /grant:r \*S-1-5-32-544:F \*S-1-5-18:F /remove:g \*S-1-1-0'
check "it is no mistake of the configuration" exits 0 sw check-config "$home\\storewatch.json"
cp "$binaries/fallback/$arch/storewatch.exe" "$disk/old.exe"
check "on Server 2003, whose icacls cannot do that, with cacls" contains "$(win 'C:\old.exe' check-config "$home\\storewatch.json" 2>&1)" 'cacls "C:\\Program Files\\storewatch\\storewatch\.json" /G ".*Administrators":F ".*SYSTEM":F'
must "the service starts all the same" storewatch_start
must "and mails it" wait_for 60 unsafe_mails 1
words=$(mail_text "$(mails CONFIG_UNSAFE)")
check "the mail names the file and who" contains "$words" 'storewatch\.json may be changed by Everyone'
check "doctor fails with it" contains "$(doctor_access)" '^failed +access +C:\\Program Files\\storewatch\\storewatch\.json may be changed by Everyone'

chmod o-w "$config"
chmod o+w "$disk/Program Files/storewatch/storewatch.exe" "$disk/storewatch-data"
words=$(doctor_access)
check "the program is looked at" contains "$words" '^failed +access +C:\\Program Files\\storewatch\\storewatch\.exe may be changed by Everyone'
check "and the data directory" contains "$words" '^failed +access +files in C:\\storewatch-data may be replaced by Everyone'
check "with the command that closes it and what is in it" contains "$words" 'icacls "C:\\storewatch-data" /inheritance:r /grant:r \*S-1-5-32-544:\(OI\)\(CI\)F .*/remove:g \*S-1-1-0'
check "on Server 2003, too" contains "$(win 'C:\old.exe' check-config "$home\\storewatch.json" 2>&1)" 'cacls "C:\\storewatch-data" /T /G'
check "the configuration is fine again" lacks "$words" 'storewatch\.json may be changed'

chmod o-w "$disk/Program Files/storewatch/storewatch.exe" "$disk/storewatch-data"
chmod o+w "$disk/storewatch-data/storewatch.db"
check "the history itself is looked at" contains "$(doctor_access)" '^failed +access +C:\\storewatch-data\\storewatch\.db may be changed by Everyone'
chmod o-w "$disk/storewatch-data/storewatch.db"
check "when all is closed doctor says so" contains "$(doctor_access)" '^ok +access +the configuration, the program and the data directory are closed'
check "and one mail was enough" unsafe_mails 1

# ---- the evidence, when the service ran under another account before
evidence="$disk/storewatch-data/evidence"
mkdir -p "$evidence/20261122T140522Z-incident-1"
chmod 700 "$evidence" "$evidence/20261122T140522Z-incident-1"
doctor_evidence() { sw doctor | grep -A1 -E '^(ok|failed|warning) +(access|account) .*evidence'; }
words=$(sw doctor)
check "doctor looks at who may change what" contains "$words" '^ok +access '
check "evidence that the service's account may use is not told of" lacks "$words" '^(ok|failed|warning) +(access|account) .*evidence'
chmod 500 "$evidence"
words=$(doctor_evidence)
check "evidence that it may not write" contains "$words" '^failed +account +.* may not write into and close C:\\storewatch-data\\evidence'
check "with the command for it and all in it" contains "$words" 'icacls "C:\\storewatch-data\\evidence" /grant ".*":\(OI\)\(CI\)F /t \(on Server 2003: cacls "C:\\storewatch-data\\evidence" /E /T /G ".*":F\)'
chmod 700 "$evidence"
chown 65534 "$evidence/20261122T140522Z-incident-1"
words=$(doctor_evidence)
check "evidence that belongs to somebody else" contains "$words" '^failed +access +C:\\storewatch-data\\evidence\\20261122T140522Z-incident-1 belongs to '
check "with the command that makes it Administrators'" contains "$words" 'takeown /a /r /f "C:\\storewatch-data\\evidence"'
finish

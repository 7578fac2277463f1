#!/bin/bash
# The packages, continued: an upgrade that fails in its very last moment, after the old version was removed, and an uninstall that fails.
# Wine's rollback does not bring back the old version's registration, and would delete files (HACKING.md, "Packages"): so these packages
# leave files alone, and what is shown is storewatch's own part, the service.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open msi_rollback "${1:-x64}"
. "$wine_tests/msi.sh"

cp "$disk/packages/new.msi" "$disk/packages/late.msi"
breaks late "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('Broken', 3106, 'TARGETDIR', 'cmd.exe /c exit 1')"
breaks late "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('Broken', 6550)"
for action in RemoveFiles InstallFiles RemoveEnvironmentStrings WriteEnvironmentStrings; do
    breaks late "DELETE FROM \`InstallExecuteSequence\` WHERE \`Action\` = '$action'"
done

# One that installs, but cannot be uninstalled: that fails after the service is gone.
cp "$disk/packages/new.msi" "$disk/packages/stays.msi"
breaks stays "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('Broken', 3106, 'TARGETDIR', 'cmd.exe /c exit 1')"
breaks stays "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Condition\`, \`Sequence\`) VALUES ('Broken', 'REMOVE=\"ALL\"', 1535)"

must "install the older version" msi /i "$old" 'MAILTO=kept@example.com' RELAY=relay1
must "its service runs" runs_version "$previous"
must "it shall be started by hand" scm config storewatch start=demand
first=$(service_pid storewatch)
history=$(stat -c %i "$data/storewatch.db")
check "the upgrade fails" fails msi /i 'C:\packages\late.msi'
words=$(log | grep -E '^Action ended .*(RemoveExistingProducts|Broken|Undo)\.')
check "after it had started the service" contains "$(log)" 'The service is running, and starts with Windows'
check "and removed the old version; then all was undone" contains "$(sed 's/.*: //' <<<"$words" | tr '\n' '|')" \
    'RemoveExistingProducts\. Return value 1\.\|Broken\. Return value 1\.\|Broken\. Return value 0\.\|Undo\. Return value 1\.'
check "the old version's registration had gone" equals "$(product_code)" ''
check "the old version's service runs again" runs_version "$previous"
check "in another process" test "$(service_pid storewatch)" != "$first"
check "it is started by hand, as before" contains "$(scm show storewatch)" '^start 3$'
check "registered as before" contains "$(scm show storewatch)" 'run --config "C:\\ProgramData\\storewatch\\storewatch\.json"'
check "the event source, too" contains "$(win reg query "$source_key" /v EventMessageFile)" 'Program Files\\storewatch\\storewatch\.exe'
check "the configuration is kept" grep -q 'kept@example\.com' "$config"
check "the history is kept" equals "$(stat -c %i "$data/storewatch.db")" "$history"
check "nothing for undoing is left" equals "$(ls "$data" | grep -E 'setup|undo')" ''

must "the next upgrade succeeds" msi /i 'C:\packages\stays.msi'
check "the new version runs" runs_version "$version"
check "with the configuration that was kept" grep -q 'kept@example\.com' "$config"

must "it shall be started by hand, under another account" scm config storewatch start=demand 'account=NT AUTHORITY\LocalService'
check "an uninstall fails" fails msi /x 'C:\packages\stays.msi'
check "after it had removed the service; then all was undone" contains "$(log)" 'storewatch is uninstalled'
check "the service runs again" runs_version "$version"
check "it is started by hand, as before" contains "$(scm show storewatch)" '^start 3$'
check "the event source is there" contains "$(win reg query "$source_key" /v EventMessageFile)" 'Program Files\\storewatch\\storewatch\.exe'
check "the configuration is kept" grep -q 'kept@example\.com' "$config"
check "the account, whose password nobody tells, is LocalSystem, and that is said" \
    contains "$(log)" 'runs as LocalSystem now; it was NT AUTHORITY\\LocalService: set that in services\.msc'
finish

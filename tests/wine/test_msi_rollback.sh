#!/bin/bash
# The packages, continued: an upgrade that fails in its very last moment, after the old version was removed. Wine's rollback does not bring
# back the old version's registration, and would delete files (HACKING.md, "Packages"): so this package leaves files alone, and what is
# shown is storewatch's own part, the service.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open msi_rollback "${1:-x64}"
. "$wine_tests/msi.sh"

breaks() { msibuild "$disk/packages/late.msi" -q "$1"; }
cp "$disk/packages/new.msi" "$disk/packages/late.msi"
breaks "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('Broken', 3106, 'TARGETDIR', 'cmd.exe /c exit 1')"
breaks "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('Broken', 6550)"
for action in RemoveFiles InstallFiles RemoveEnvironmentStrings WriteEnvironmentStrings; do
    breaks "DELETE FROM \`InstallExecuteSequence\` WHERE \`Action\` = '$action'"
done

must "install the older version" msi /i "$old" 'MAILTO=kept@example.com' RELAY=relay1
must "its service runs" runs_version "$previous"
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
check "registered as before" contains "$(scm show storewatch)" 'run --config "C:\\ProgramData\\storewatch\\storewatch\.json"'
check "the event source, too" contains "$(win reg query "$source_key" /v EventMessageFile)" 'Program Files\\storewatch\\storewatch\.exe'
check "the configuration is kept" grep -q 'kept@example\.com' "$config"
check "the history is kept" equals "$(stat -c %i "$data/storewatch.db")" "$history"
check "nothing for undoing is left" equals "$(ls "$data" | grep -E 'setup|undo')" ''

must "the next upgrade succeeds" msi /i "$new"
check "the new version runs" runs_version "$version"
check "with the configuration that was kept" grep -q 'kept@example\.com' "$config"
finish

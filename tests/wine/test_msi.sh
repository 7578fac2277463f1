#!/bin/bash
# The packages: refuse what cannot be, install silently, repair, upgrade, roll back. What is on the disk and in the registry of the machine is
# compared, file by file and key by key, before and after.
#
# What Wine's installer does not do like Windows', and what is therefore not asked of it here, is in HACKING.md ("Packages").
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open msi "${1:-x64}"
. "$wine_tests/msi.sh"

# A package that fails after everything is done, by an action of its own. In the second Windows Installer does
# nothing with files, because Wine's undoing would delete those of the version before instead of putting them back.
cp "$disk/packages/new.msi" "$disk/packages/broken.msi"
breaks broken "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('Broken', 3106, 'TARGETDIR', 'cmd.exe /c exit 1')"
breaks broken "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('Broken', 5825)"
cp "$disk/packages/broken.msi" "$disk/packages/broken-without-files.msi"
for action in ProcessComponents RemoveFiles InstallFiles RemoveEnvironmentStrings WriteEnvironmentStrings PublishFeatures PublishProduct RegisterProduct; do
    breaks broken-without-files "DELETE FROM \`InstallExecuteSequence\` WHERE \`Action\` = '$action'"
done

# ---- refused, with nothing changed
# (Wine shows the words of a launch condition, or of an action that only fails, to nobody when it is silent.)
check "a package says which to take on the other Windows" contains "$(msiinfo export "$disk/packages/other.msi" LaunchCondition)" "take storewatch-$version-$arch\.msi"
if [ "$arch" = x64 ]; then
    check "the x86 package refuses 64-bit Windows" exits 67 msi /i 'C:\packages\other.msi'
    check "by its launch condition" contains "$(log)" 'Action ended .*: LaunchConditions\. Return value 0' # 1 would be success
else
    check "the x64 package refuses 32-bit Windows" exits 97 msi /i 'C:\packages\other.msi' # 1633: another processor
fi
mkdir "$disk/packages/with blank"
printf '{ "version": 1, "mode": "acts" }' >"$disk/packages/with blank/bad.json"
check "a bad CONFIG makes the installation fail" exits 67 msi /i "$new" 'CONFIG=C:\packages\with blank\bad.json'
check "the log says where and why" contains "$(log)" 'bad\.json:1:[0-9]+: mode: '
check "a RELAY that is none makes it fail" exits 67 msi /i "$new" MAILTO=ops@example.com RELAY=relay1:0
check "the log says why" contains "$(log)" 'relay: not a relay: relay1:0'
check "where rollback is switched off it fails" exits 67 msi /i "$new" MAILTO=ops@example.com RELAY=relay1 DISABLEROLLBACK=1
check "by the action that refuses" contains "$(log)" 'Action ended .*: RefuseWithoutRollback\. Return value'
check "whose words say what to change" contains "$(msiinfo export "$disk/packages/new.msi" CustomAction)" 'RefuseWithoutRollback.19..storewatch: .*Leave out DISABLEROLLBACK=1'
check "before anything was begun" lacks "$(log)" 'Action start .*: Begin\.'
check "one that fails at its very end fails" fails msi /i 'C:\packages\broken.msi' MAILTO=ops@example.com RELAY=relay1
check "the service had been installed and started" contains "$(log)" 'The service is running, and starts with Windows'
check "and is undone" contains "$(log)" 'Undo'
snapshot refused
check "no file has come or gone" same files clean refused
check "no key has come, gone or changed" same registry clean refused

# ---- install
must "install the older version silently" msi /i "$old" 'MAILTO=ops@example.com;night@example.com' RELAY=relay1:2525
must "its service runs" runs_version "$previous"
check "status answers" test -n "$(status 'd["at"]')"
check "the service starts automatically, with the configuration in the data directory" contains "$(scm show storewatch)" 'run --config "C:\\ProgramData\\storewatch\\storewatch\.json"'
check "the event source names the program" contains "$(win reg query "$source_key" /v EventMessageFile)" 'Program Files\\storewatch\\storewatch\.exe'
check "recipients and relay are in the configuration" equals "$("$wine_tests/peek" json '[*d["mail"]["to"], d["mail"]["relays"][0]["port"]]' <"$config" | tr '\n' ' ')" 'ops@example.com night@example.com 2525 '
check "the machine's PATH leads to the program" contains "$(machine_path)" ';C:\\Program Files\\storewatch'
check "the program is the one in the package" cmp "$program/storewatch.exe" "build/previous/$arch/storewatch.exe"
snapshot old
files_of() { added files clean "$1" | grep -v 'windows/Installer' | sed 's/ [0-9]*$//' | tr '\n' '|'; }
strange_keys() { added registry clean "$1" | grep -viE '\\(Services\\storewatch|Application\\storewatch|Installer\\|Uninstall\\|Installer\])'; }
check "the files are these" equals "$(files_of old)" \
    './Program Files/storewatch|./Program Files/storewatch/LICENSE.txt|./Program Files/storewatch/README.txt|./Program Files/storewatch/storewatch.default.json|./Program Files/storewatch/storewatch.exe|./Program Files/storewatch/storewatch.schema.json|./ProgramData/storewatch|./ProgramData/storewatch/storewatch.db|./ProgramData/storewatch/storewatch.db-shm|./ProgramData/storewatch/storewatch.db-wal|./ProgramData/storewatch/storewatch.json|./ProgramData/storewatch/storewatch.lock|'
check "all keys are the service's, its event source's and Windows Installer's" equals "$(strange_keys old)" ''
check "nothing of what was there has changed" equals "$(diff "$bed/clean.registry" "$bed/old.registry" | grep '^<')" ''

# ---- repair
code=$(product_code)
must "the service stops" scm stop storewatch
scm wait storewatch stopped 15 >/dev/null
rm -f "$program/storewatch.exe" "$program/README.txt"
win reg delete "$source_key" /f >/dev/null
sed -i 's/night@/kept@/' "$config"
check "repair" msi /i "$code" REINSTALL=ALL REINSTALLMODE=omus MAILTO=other@example.com
check "the deleted program is back" cmp "$program/storewatch.exe" "build/previous/$arch/storewatch.exe"
check "the deleted text is back" test -s "$program/README.txt"
check "the event source is back" win reg query "$source_key" /v EventMessageFile
check "the service runs again" runs_version "$previous"
check "the configuration is as it was edited" grep -q 'kept@example\.com' "$config"

# ---- an upgrade that is refused leaves the old version running
first=$(service_pid storewatch)
snapshot before_upgrade
check "an upgrade with a bad CONFIG fails" exits 67 msi /i "$new" 'CONFIG=C:\packages\with blank\bad.json'
check "the old version runs on, it was never stopped" equals "$(service_pid storewatch)" "$first"
check "so it does where rollback is switched off" exits 67 msi /i "$new" DISABLEROLLBACK=1
check "it runs on here, too" equals "$(service_pid storewatch)" "$first"
snapshot after_upgrade
check "no file has come or gone" same files before_upgrade after_upgrade
check "no key has come, gone or changed" same registry before_upgrade after_upgrade

must "it shall start no more by itself" scm config storewatch start=disabled
check "an upgrade that fails at its very end fails" fails msi /i 'C:\packages\broken-without-files.msi'
check "the service had been stopped and started anew" test "$(service_pid storewatch)" != "$first"
check "the old version runs again" runs_version "$previous"
check "the configuration is as it was edited" grep -q 'kept@example\.com' "$config"
check "nothing for undoing is left" equals "$(ls "$data" | grep -E 'setup|undo')" ''
check "and the service is registered as before" contains "$(scm show storewatch)" 'run --config "C:\\ProgramData\\storewatch\\storewatch\.json"'
check "disabled as before" contains "$(scm show storewatch)" '^start 4$'

# ---- upgrade
history=$(stat -c %i "$data/storewatch.db")
must "upgrade" msi /i "$new"
must "the new version runs" runs_version "$version"
check "it starts automatically" contains "$(scm show storewatch)" '^start 2$'
check "the program is the one in the package" cmp "$program/storewatch.exe" "build/$arch/storewatch.exe"
check "the configuration is kept" grep -q 'kept@example\.com' "$config"
check "the history is kept" equals "$(stat -c %i "$data/storewatch.db")" "$history"
check "one product is installed" equals "$(product_code | wc -l)" 1
check "and it is the new one" test "$(product_code)" != "$code"
check "nothing for undoing is left" equals "$(ls "$data" | grep -E 'setup|undo')" ''
snapshot new
check "the files are those of the old version" equals "$(files_of new)" "$(files_of old)"
check "all keys are the service's, its event source's and Windows Installer's" equals "$(strange_keys new)" ''
check "nothing of what was there has changed" equals "$(diff "$bed/clean.registry" "$bed/new.registry" | grep '^<')" ''

# ---- and out
check "uninstall" msi /x "$new"
snapshot gone
check "no file is left, of neither version" same files clean gone
check "no key is left" same registry clean gone
finish

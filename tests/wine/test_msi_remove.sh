#!/bin/bash
# The packages, continued: uninstall with and without the data, refuse a downgrade, leave nothing of an installation whose service does not
# start. As in test_msi.sh, file by file and key by key.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open msi_remove "${1:-x64}"
. "$wine_tests/msi.sh"

must "install" msi /i "$new" 'MAILTO=kept@example.com' RELAY=relay1
must "it runs" runs_version "$version"

# ---- uninstall, keeping the data
code=$(product_code)
check "where rollback is switched off nothing is removed" exits 67 msi /x "$code" DISABLEROLLBACK=1
check "it runs on" runs_version "$version"
check "uninstall with KEEPDATA=1" msi /x "$code" KEEPDATA=1
check "service and event source are gone" absent "$service_key"
check "the event source too" absent "$source_key"
check "the program is gone" test ! -e "$program"
check "configuration and history are there" test -s "$config" -a -s "$data/storewatch.db"

# ---- install over kept data; a downgrade
must "install the new version" msi /i "$new" MAILTO=other@example.com
must "it runs" runs_version "$version"
check "with the configuration that was kept" grep -q 'kept@example\.com' "$config"
snapshot before_downgrade
check "a downgrade is refused" exits 67 msi /i "$old"
check "because a newer version is there" contains "$(log)" 'WIX_DOWNGRADE_DETECTED = [{]'
snapshot after_downgrade
check "no file has come or gone" same files before_downgrade after_downgrade
check "no key has come, gone or changed" same registry before_downgrade after_downgrade
check "the new version runs on" runs_version "$version"

# ---- uninstall
must "the configuration is marked read-only" win attrib +r 'C:\ProgramData\storewatch\storewatch.json'
check "uninstall" msi /x "$new"
snapshot gone
check "no file is left" same files clean gone
check "no key is left" same registry clean gone
check "no process is left" wait_for 10 gone storewatch.exe
# (Wine leaves the semicolons.)
check "the PATH is what it was" equals "$(machine_path | sed 's/;*$//')" "$path_before"

# ---- uninstall when the configuration is gone: where the history is the service has noted
printf '{ "version": 1, "data_dir": "C:\\\\elsewhere" }' >"$disk/packages/elsewhere.json"
must "install with data elsewhere" msi /i "$new" 'CONFIG=C:\packages\elsewhere.json'
must "it works there" wait_for 20 test -s "$disk/elsewhere/storewatch.db"
rm "$config"
check "uninstall without the configuration" msi /x "$new"
snapshot gone
check "no file is left" same files clean gone

# ---- an installation that fails at its very end, when the service does not start, leaves nothing
mkdir -p "$data" "$disk/packages/second"
printf '{ "version": 1, "data_dir": "C:\\\\packages\\\\data" }' >"$disk/packages/given.json"
cp "build/$arch/storewatch.exe" "$disk/packages/second/"
rmdir "$data"
mkdir "$disk/packages/data"
on_wine wine 'C:\packages\second\storewatch.exe' run --config 'C:\packages\given.json' </dev/null >"$bed/console.log" 2>&1 &
must "another storewatch works on the data" wait_for 30 test -e "$disk/packages/data/storewatch.db"
check "an installation whose service does not start fails" exits 67 msi /i "$new" 'CONFIG=C:\packages\given.json'
check "the log says why" contains "$(log)" 'stopped again'
kill_pids TERM "$(pids_of storewatch.exe)"
wait_for 10 gone storewatch.exe
snapshot failed
check "no file is left" same files clean failed
check "no key is left" same registry clean failed
finish

#!/bin/bash
# The packages and what others have put in the way: any user may make a folder in the common data folder before storewatch is installed. What
# is in such a folder would be believed by a service of LocalSystem, and by the undoing of an installation that fails. So it is refused, with
# nothing done. (To Wine a file belongs to a stranger when its Unix owner is another one, and a Unix link to a folder is a link.)
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open msi_planted "${1:-x64}"
. "$wine_tests/msi.sh"

stranger=65534
cp "build/$arch/standin-service.exe" "$disk/packages/evil.exe"
# What Undo would do, if it believed it: register and start another program as the service.
evil_journal() { printf 'command="C:\\packages\\evil.exe" run --config "C:\\x"\nrunning=1\nconfig_existed=1\nremoving=0\npurge=0\n'; }
must_refuse() { # WORDS TEXT: neither the package nor `install` takes it; nothing is registered, no file has come or gone
    snapshot before
    check "$2: the installation fails" exits 67 msi /i "$new" MAILTO=ops@example.com RELAY=relay1
    check "$2: the log says why and what to do" contains "$(log)" "storewatch: .*ProgramData.storewatch$1.*rename or delete it"
    words=$(win 'C:\packages\storewatch.exe' install --start 2>&1)
    check "$2: \"install\" says the same" contains "$words" "^storewatch: install: .*ProgramData.storewatch$1.*rename or delete it"
    check "$2: so does its --check" exits 3 win 'C:\packages\storewatch.exe' install --check
    snapshot after
    check "$2: no file has come or gone" same files before after
    check "$2: no key has come, gone or changed" same registry clean after
    check "$2: the other program does not run" gone evil.exe
}
cp "build/$arch/storewatch.exe" "$disk/packages/"

mkdir -p "$data"
evil_journal >"$data/storewatch.setup"
chown -R $stranger "$data"
must_refuse ' belongs to .*' "a folder that a user has made"
check "what it holds is left alone" equals "$(cat "$data/storewatch.setup")" "$(evil_journal)"

chown 0 "$data"
must_refuse '.storewatch\.setup belongs to .*' "a file of a user in it"

rm "$data/storewatch.setup"
mkdir -p "$data/evidence/20261122T140522Z-incident-1"
touch "$data/evidence/20261122T140522Z-incident-1/IMAGE-1.dmp"
chown $stranger "$data/evidence/20261122T140522Z-incident-1/IMAGE-1.dmp"
must_refuse '.evidence.20261122T140522Z-incident-1.IMAGE-1\.dmp belongs to .*' "a file of a user deep in it"

rm -r "$data/evidence"
printf '{ "version": 1 }' >"$disk/packages/elsewhere.json"
ln "$disk/packages/elsewhere.json" "$config"
must_refuse '.storewatch\.json is a file with several names' "a configuration that is also another file"

rm -r "$data"
mkdir "$disk/packages/elsewhere"
ln -s "$disk/packages/elsewhere" "$data"
must_refuse ' is a link to another place' "a link in place of the folder"
check "where it leads to nothing was written" equals "$(ls -A "$disk/packages/elsewhere")" ''

# ---- the folder of the program: Windows Installer keeps a file of a higher version, and what lies beside an executable is loaded with it
rm "$data"
mkdir -p "$program"
cp "$disk/packages/evil.exe" "$program/iphlpapi.dll"
chown $stranger "$program/iphlpapi.dll"
snapshot before
check "a user's DLL where the program goes: the installation fails" exits 67 msi /i "$new" MAILTO=ops@example.com RELAY=relay1
check "and says why" contains "$(log)" 'storewatch: .*Program Files.storewatch.iphlpapi\.dll belongs to .*rename or delete it'
snapshot after
check "no file has come or gone" same files before after
rm -r "$program"

# ---- what an administrator has put there is kept
mkdir "$data"
printf '{ "version": 1, "mail": { "to": ["placed@example.com"], "relays": [ { "host": "relay1" } ] } }' >"$config"
must "a configuration that was placed beforehand: install" msi /i "$new"
must "it runs" runs_version "$version"
check "with that configuration" grep -q 'placed@example\.com' "$config"

# ---- words that cannot be meant
check "KEEPDATA=yes is refused" exits 67 msi /x "$new" KEEPDATA=yes
check "the log says what is allowed" contains "$(log)" 'KEEPDATA=yes: 1 keeps configuration and history, 0 deletes them'
check "it runs on" runs_version "$version"
check "the history is there" test -s "$data/storewatch.db"

# A file of a user that came later: the upgrade and the repair leave the service as it is.
touch "$data/note.txt"
chown $stranger "$data/note.txt"
check "doctor tells of it" contains "$(sw doctor)" '^failed +access +.*ProgramData.storewatch.note\.txt belongs to '
first=$(service_pid storewatch)
check "a repair with a user's file in the folder fails" exits 67 msi /i "$(product_code)" REINSTALL=ALL REINSTALLMODE=omus
check "the log names it" contains "$(log)" 'note\.txt belongs to'
check "the service was never stopped" equals "$(service_pid storewatch)" "$first"
check "it can be uninstalled" msi /x "$new" KEEPDATA=0
check "the user's file is left, and nothing else" equals "$(ls -A "$data")" note.txt
rm -r "$data"
snapshot gone
check "no file is left" same files clean gone
check "no key is left" same registry clean gone

long=$(printf 'somebody%d@example.com;' {100..160})
check "a MAILTO that is too long is refused" exits 67 msi /i "$new" "MAILTO=$long" RELAY=relay1
check "the log says so" contains "$(log)" 'mailto: longer than 1023 bytes'
snapshot refused
check "no file has come or gone" same files clean refused
finish

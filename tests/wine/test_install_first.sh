#!/bin/bash
# `install` without a configuration of one's own: it writes one, or takes a copy of one, starts the service, and undoes everything when
# that fails. `uninstall --delete-data` leaves nothing.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open install_first "${1:-x64}"

service_key='HKLM\System\CurrentControlSet\Services\storewatch'
source_key='HKLM\System\CurrentControlSet\Services\EventLog\Application\storewatch'
data="$disk/ProgramData/storewatch"
config="$data/storewatch.json"
# What of the disk and the registry is storewatch's.
traces() { (cd "$disk" && find . -ipath '*storewatch*' | sort) && win reg query 'HKLM\System\CurrentControlSet\Services' | grep -i storewatch; }
refused() { # WORDS OPTIONS...: install fails, says these words, and leaves nothing behind
    local wanted=$1 words before
    shift
    before=$(traces)
    if words=$(sw install "$@" 2>&1); then
        say "it was installed: $words" && return 1
    fi
    contains "$words" "$wanted" && equals "$(traces)" "$before" && absent "$source_key"
}
# How many looks, until there is $bed/enough, found no configuration.
count_away() {
    rm -f "$bed/enough"
    python3 -c '
import os, sys
times = 0
while not os.path.exists(sys.argv[2]):
    times += not os.path.exists(sys.argv[1])
print(times)' "$config" "$bed/enough" >"$bed/away"
}

must "storewatch.exe is there" storewatch_copy
before=$(traces)
check "a port that is none is refused" refused 'relay: not a relay: relay1:0' --mail-to ops@example.com --relay relay1:0
check "an address that is none is refused" refused 'mail\.to.*nobody' --mail-to nobody --relay relay1
check "a configuration that is not there is refused" refused 'no-such\.json' --import 'C:\no-such.json'
check "--config with --mail-to is wrong use" exits 2 sw install --config 'C:\x.json' --mail-to ops@example.com
printf '{ "version": 1, "data_dir": "C:\\\\file.json\\\\data" }' >"$disk/file.json"
words=$(exits 3 sw install --check --config 'C:\file.json' 2>&1)
check "--check says that the data directory cannot be made" contains "$words" 'C:\\file\.json is a file'
check "with an exit code" lacks "$words" 'exit code'
printf '{ "version": 1, "data_dir": "C:\\\\file.json" }' >"$disk/file.json"
check "doctor says that the data directory is none" contains "$(sw doctor --config 'C:\file.json')" '^failed +access +the data directory C:\\file\.json is a file'
printf '{ "version": 1, "data_dir": "C:\\\\not\\\\yet" }' >"$disk/file.json"
check "or that it can, and leaves none behind" eval 'sw install --check --config "C:\file.json" && [ ! -e "$disk/not" ]'
rm "$disk/file.json"
check "--check says that it can be installed" contains "$(sw install --check --mail-to ops@example.com --relay relay1)" 'can be installed'
check "and changes nothing" equals "$(traces)" "$before"

must "install with recipients and relays, and start" sw install --mail-to 'ops@example.com, night@example.com' --relay relay1:2525 --start
check "the service runs" service_is storewatch running
check "the configuration names both recipients" equals "$("$wine_tests/peek" json 'd["mail"]["to"]' <"$config" | tr '\n' ' ')" 'ops@example.com night@example.com '
check "and the relay" equals "$("$wine_tests/peek" json 'd["mail"]["relays"][0]["port"]' <"$config")" 2525
# (It looks every 15 s, and now first.)
check "maintenance is saved at once, not with the next look" sw maintenance on --for 1h --reason "a test"
check "\"off\" for a time is not understood: exit code 2" exits 2 sw maintenance off --for 1h
check "and ends nothing" contains "$(sw status)" '^maintenance until .*: a test'
long=$(printf 'x%.0s' {1..256})
check "a reason that the history would not keep whole is wrong use: exit code 2" exits 2 sw maintenance on --for 1h --reason "$long"
check "also of a restart" exits 2 sw restart MSExchangeIS --reason "$long"
check "the longest one is kept" eval 'sw maintenance on --for 1h --reason "${long#x}" && sw status | grep -q "^maintenance until .*: x\{255\}.\?$"'
check "so is its end" sw maintenance off
check "its lines end as Server 2003's editor wants" equals "$(grep -c $'\r$' "$config")" "$(wc -l <"$config")"

sed 's/ops@/kept@/' "$config" >"$config.new" && mv "$config.new" "$config"
first=$(service_pid storewatch)
must "install once more, with others, and start" sw install --mail-to other@example.com --relay relay2 --start
check "the configuration that was there is kept" grep -q 'kept@example\.com' "$config"
check "the service was restarted" test "$(service_pid storewatch)" != "$first"

printf '{ "version": 1, "mail": { "to": ["taken@example.com"], "relays": [ { "host": "relay3" } ] } }' >"$disk/given.json"
must "install a copy of a file" sw install --import 'C:\given.json' --start
check "the service's configuration is that copy" cmp "$disk/given.json" "$config"
check "the one before is beside it" grep -q 'kept@example\.com' "$config.before"
must "back to the one before" sw install --import 'C:\ProgramData\storewatch\storewatch.json.before'
check "it is the configuration again" grep -q 'kept@example\.com' "$config"
check "and the copy is the one before" cmp "$disk/given.json" "$config.before"
check "the configuration itself is no other one" contains "$(sw install --import 'C:\ProgramData\storewatch\Storewatch.JSON' 2>&1)" 'it is that file already'
check "and stays" grep -q 'kept@example\.com' "$config"
check "as does the one before" cmp "$disk/given.json" "$config.before"
cp "$disk/given.json" "$config.new"
check "what an installation writes on its way cannot be copied" contains "$(sw install --import 'C:\ProgramData\storewatch\storewatch.json.new' 2>&1)" 'another one first'
check "and stays" cmp "$disk/given.json" "$config.new"
rm "$config.new"
must "install the copy once more" sw install --import 'C:\given.json' --start
check "the one before is beside it again" grep -q 'kept@example\.com' "$config.before"
printf '{ "version": 1, "mode": "acts" }' >"$disk/bad.json"
check "a bad one is refused with its place" contains "$(sw install --import 'C:\bad.json' 2>&1)" 'bad\.json:1:[0-9]+: mode: '
check "and the copy stays" cmp "$disk/given.json" "$config"
check "and the service runs on" service_is storewatch running

# A service that runs, though it is disabled by now: an installation that fails leaves it so.
mkdir "$disk/taken"
printf '{ "version": 1, "data_dir": "C:\\\\taken" }' >"$disk/taken.json"
service=$(pids_of storewatch.exe)
on_wine wine "$home\\storewatch.exe" run --config 'C:\taken.json' </dev/null >"$bed/taken.log" 2>&1 &
must "another storewatch works on other data" wait_for 30 test -s "$disk/taken/storewatch.db"
another=$(pids_of storewatch.exe | grep -vxF "$service")
must "the service is disabled" scm config storewatch start=disabled
cp "$disk/Program Files/storewatch/storewatch.exe" "$disk/taken/"
count_away &
counter=$!
check "an installation that would use those fails" contains "$(win 'C:\taken\storewatch.exe' install --import 'C:\taken.json' --start 2>&1)" 'stopped again'
touch "$bed/enough" && wait "$counter"
check "meanwhile the configuration was never away" equals "$(cat "$bed/away")" 0
check "the service runs again" wait_for 10 service_is storewatch running
check "from where it was installed" contains "$(scm show storewatch)" 'Program Files\\storewatch\\storewatch\.exe'
check "whose texts its events have again" contains "$(win reg query "$source_key" /v EventMessageFile)" 'Program Files\\storewatch\\storewatch\.exe'
check "and is disabled as before" contains "$(scm show storewatch)" '^start 4$'
check "doctor says what that means for the next boot" contains "$(sw doctor)" '^warning +service +it is disabled: after the next boot of the machine nothing is watched'
check "with the configuration it had" cmp "$disk/given.json" "$config"
check "and the one before that is still there" grep -q 'kept@example\.com' "$config.before"
kill_pids TERM "$another"
wait_for 10 eval '! kill -0 "$another"'
rm -r "$disk/taken"

# An account that cannot open what is closed: its service ends before it says why.
must "the service stops" scm stop storewatch 30
must "it is to run under another account" scm config storewatch 'account=NT AUTHORITY\LocalService'
words=$(sw doctor)
check "doctor says how one that is disabled starts" contains "$words" '-> sc config storewatch start= auto, then net start storewatch'
check "doctor says what lets that account in" contains "$words" 'storewatch install opens the usual places to it'
check "and the command for each place" contains "$words" 'icacls "C:\\ProgramData\\storewatch\\storewatch\.json" /grant "NT AUTHORITY\\LocalService":R '
check "uninstall keeps configuration and history" sw uninstall
check "the history is there" test -s "$data/storewatch.db"
check "the configuration is there" cmp "$disk/given.json" "$config"

# Two storewatch on one history: the second does not start, and the installation is undone.
on_wine wine "$home\\storewatch.exe" run --config 'C:\ProgramData\storewatch\storewatch.json' </dev/null >"$bed/console.log" 2>&1 &
must "another storewatch works on the data" wait_for 30 sw status
words=$(sw install --start 2>&1)
check "a service that does not start is told" contains "$words" 'stopped again'
check "and is not left behind" absent "$service_key"
check "nor its event source" absent "$source_key"
check "the configuration stays" cmp "$disk/given.json" "$config"
# Over one that is there, how it was registered is put back; of what is kept beside the registration Wine keeps little more than this.
must "one is installed, and not started" sw install
must "somebody describes it otherwise" win sc description storewatch "our own words"
check "installing over it fails" contains "$(sw install --start 2>&1)" 'stopped again'
check "and leaves it as it was" contains "$(scm show storewatch)" '^description our own words$'
words=$(exits 3 sw uninstall --delete-data 2>&1)
check "a history that is open elsewhere is not deleted, and that is told" contains "$words" 'storewatch\.(db|lock)[-a-z]* cannot be deleted: another process has the file open'
check "with an exit code" lacks "$words" 'exit code'
kill_pids TERM "$(pids_of storewatch.exe)"
wait_for 10 gone storewatch.exe

must "install once more" sw install --start
touch "$data/not-ours.txt" "$data/storewatch.json.mine" "$data/storewatch.db.copy" "$data/storewatch.db.bad-20261122T140522"
mkdir -p "$data/evidence/20261122T140522Z-incident-1" && touch "$data/evidence/20261122T140522Z-incident-1/summary.txt"
# Somebody's copy, with a name that is too long in UTF-8 and not in UTF-16.
copy=20261122T140522Z-incident-1$(printf '\u0434%.0s' {1..30})
mkdir "$data/evidence/$copy"
words=$(exits 0 sw uninstall --delete-data)
check "uninstall --delete-data" lacks "$words" 'exit code'
check "says which folder stays, and nothing of a history there" contains "$words" 'kept  C:\\ProgramData\\storewatch: it is not empty$'
check "only what is not storewatch's is left" equals "$(find "$data" -mindepth 1 -printf '%P\n' | sort | tr '\n' ' ')" "evidence evidence/$copy not-ours.txt storewatch.db.copy storewatch.json.mine "
rm -r "${data:?}"/*
must "install once more" sw install --start
must "the configuration is marked read-only" win attrib +r 'C:\ProgramData\storewatch\storewatch.json'
check "uninstall --delete-data once more" sw uninstall --delete-data
check "everything is as before the first installation" equals "$(traces)" "$before"

# Removed first, and only then the data, which is where the configuration says.
printf '{ "version": 1, "data_dir": "C:\\\\elsewhere" }' >"$disk/elsewhere.json"
must "install with data elsewhere" sw install --config 'C:\elsewhere.json' --start
check "uninstall says where it is" contains "$(sw uninstall)" 'kept  C:\\elsewhere with the history$'
must "install with a copy of that configuration" sw install --import 'C:\elsewhere.json' --start
check "uninstall says how it goes" contains "$(sw uninstall)" 'kept  C:\\elsewhere with the history; "uninstall --delete-data" deletes it$'
check "uninstall --delete-data" contains "$(sw uninstall --delete-data)" 'not installed$'
check "deletes it" eval '! test -e "$disk/elsewhere"'
check "everything is as before" equals "$(traces)" "$before"

# The configuration is gone, or has become bad: where the history is tell what the service has noted, and what can still be read.
must "install with data elsewhere" sw install --import 'C:\elsewhere.json' --start
must "it works there" wait_for 20 test -s "$disk/elsewhere/storewatch.db"
count_away &
counter=$!
must "another takes its place" eval '(for i in 1 2 3 4 5; do sw install --import "C:\elsewhere.json" || exit; done)'
touch "$bed/enough" && wait "$counter"
check "meanwhile the configuration was never away" equals "$(cat "$bed/away")" 0
check "the one before is kept" test -s "$config.before"
rm "$config"
words=$(sw uninstall)
check "uninstall without the configuration says where the history is" contains "$words" 'kept  C:\\elsewhere with the history$'
check "which nobody can find later" lacks "$words" 'deletes it'
must "install again" sw install --import 'C:\elsewhere.json' --start
rm "$config"
check "uninstall --delete-data without the configuration" sw uninstall --delete-data
check "deletes the history" eval '! test -e "$disk/elsewhere"'
must "install again" sw install --import 'C:\elsewhere.json' --start
printf '{ "version": 1, "data_dir": "C:\\\\elsewhere", "mode": "acts" }' >"$config"
check "uninstall with a bad one says where it is, too" contains "$(sw uninstall)" 'kept  C:\\elsewhere with the history; "uninstall --delete-data" deletes it$'
check "uninstall --delete-data" contains "$(sw uninstall --delete-data)" 'not installed$'
check "deletes it" eval '! test -e "$disk/elsewhere"'
must "install again" sw install --import 'C:\elsewhere.json' --start
printf '{ "version": 1, "data_dir": "C:\\\\newer" }' >"$config"
check "uninstall of one that works in an older data directory says where the history is" contains "$(sw uninstall)" 'kept  C:\\elsewhere with the history$'
must "install again" sw install --import 'C:\elsewhere.json' --start
printf '{ "version": 1, "data_dir": "C:\\\\newer" }' >"$config"
check "uninstall --delete-data of such a one" sw uninstall --delete-data
check "deletes it" eval '! test -e "$disk/elsewhere"'
check "everything is as before" equals "$(traces)" "$before"
finish

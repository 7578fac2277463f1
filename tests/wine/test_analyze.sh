#!/bin/bash
# The commands that need no service say on Windows what they say elsewhere: same verdicts at the same time, same exit codes.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open analyze "${1:-x64}"

# Two days of perfmon: a leak in a daily load, and a store that warms up; one value is missing.
perfmon() {
    python3 - <<'END'
import datetime, math, random
random.seed(898782)
names = ["\\\\EX1\\Process(besagent)\\Private Bytes", "\\\\EX1\\Process(store)\\Private Bytes"]
print('"(PDH-CSV 4.0) (Coordinated Universal Time)(0)",' + ",".join(f'"{name}"' for name in names), end="\r\n")
begin = datetime.datetime(2026, 3, 2)
for i in range(2 * 24 * 60):
    hours = i / 60
    leak = 2e8 + 6e6 * hours + 2e7 * math.sin(hours / 24 * 2 * math.pi) + random.gauss(0, 1e6)
    store = 3e8 + 9e8 * (1 - math.exp(-hours / 2)) + random.gauss(0, 3e6)
    values = [f"{leak:.0f}", " " if i == 1000 else f"{store:.0f}"]
    print(f'"{begin + datetime.timedelta(minutes=i):%m/%d/%Y %H:%M:%S}.000",' + ",".join(f'"{value}"' for value in values), end="\r\n")
END
}
summary() { "$wine_tests/peek" json '[" ".join(str(s[k]) for k in ("name", "unit", "samples", "unknown", "verdict", "detected_at", "shape")) for s in d["series"]]'; }

must "storewatch.exe is there" storewatch_copy
perfmon >"$disk/two days.csv"
must "analyze finds the leak: exit code 1" exits 1 eval 'sw analyze --json "C:\\two days.csv" >"$bed/windows.json"'
words=$(summary <"$bed/windows.json")
check "the client leaks" contains "$words" 'besagent.* bytes 2880 0 unbounded 2026-03-0'
check "the store does not" contains "$words" 'store\).* bytes 2880 1 bounded None'
build/native/storewatch analyze --json "$disk/two days.csv" >"$bed/native.json"
check "the native build says the same" equals "$(summary <"$bed/native.json")" "$words"
check "a table for people" contains "$(sw analyze "C:\\two days.csv")" 'UNBOUNDED.*besagent'
check "a page with charts" eval 'sw analyze --html "C:\\page.html" "C:\\two days.csv"; grep -q "<svg" "$disk/page.html"'
cp "$disk/page.html" "$bed/before.html"
page() { sw analyze --html "$1" "C:\\two days.csv" >"$bed/page.log" 2>&1; }
check "a page that the disk has no room for: exit code 3" eval '(trap "" XFSZ; ulimit -f 8; exits 3 page "C:\\page.html")'
check "and that is said" contains "$(cat "$bed/page.log")" 'page\.html: cannot be written'
check "the one before is still there" cmp "$disk/page.html" "$bed/before.html"
rm "$disk/page.html" && touch "$disk/page.html"
check "one that it has room for takes its place" eval 'exits 1 page "C:\\page.html" && grep -q "</html>" "$disk/page.html"'
check "a device is written into" exits 1 page NUL
check "nothing half is left" equals "$(cd "$disk" && echo [Pp]age* [Nn][Uu][Ll]*)" 'page.html [Nn][Uu][Ll]*'

printf 'timestamp,handles\n2026-03-02T00:00:00Z,1000\nyesterday,1001\n' >"$disk/bad.csv"
words=$(sw analyze --json 'C:\bad.csv' "C:\\two days.csv" 2>&1 >"$bed/both.json")
check "a malformed file: exit code 2" equals $? 2
check "said with file and line" contains "$words" 'bad\.csv:3'
check "the other file is analysed all the same" contains "$(summary <"$bed/both.json")" 'besagent.* unbounded'
files() { "$wine_tests/peek" json '" ".join(s["file"] for s in d["series"])'; }
mkdir -p "$disk/logs/c.csv"
cp "$disk/two days.csv" "$disk/logs/b.csv"
cp "$disk/two days.csv" "$disk/logs/A.CSV"
cp "$disk/two days.csv" "$disk/logs/a.csv_bak"
check "a pattern stands for the files of its folder, as no shell does it" equals "$(sw analyze --json 'C:\logs\*.csv' | files)" 'C:\logs\A.CSV C:\logs\A.CSV C:\logs\b.csv C:\logs\b.csv'
cp "$disk/two days.csv" "$disk/logs/log.dat"
check "a page over what a pattern stands for: exit code 2" exits 2 sw analyze --html 'C:\logs\LOG.dat' 'C:\logs\*.dat'
check "and the recording is still there" cmp -s "$disk/two days.csv" "$disk/logs/log.dat"
words=$(sw analyze 'C:\logs\*.txt' 2>&1)
check "one that matches none: exit code 3" equals $? 3
check "and that is said" contains "$words" 'logs.\*\.txt: cannot be opened: No such file or directory'
check "no such file: exit code 3" exits 3 sw analyze 'C:\nowhere.csv'
words=$(sw analyze 'C:\Windows' 2>&1)
check "a folder: exit code 3" equals $? 3
check "said to be one" contains "$words" 'C:.Windows: cannot be opened: Is a directory'
check "wrong use: exit code 2" exits 2 sw analyze --frobnicate
check "no such command: exit code 2" exits 2 sw frobnicate
for command in install uninstall run version check-config status plan restart maintenance doctor test-alert history report analyze replay; do
    check "$command --help says how it is used, and nothing else" contains "$(sw "$command" --help 2>&1 | head -n 1)" "^usage: storewatch $command"
done
check "as a batch file asks: /?, exit code 0" exits 0 sw install '/?'
check "nothing was installed" eval '! win reg query "HKLM\System\CurrentControlSet\Services\storewatch"'
check "version" contains "$(sw version)" '^storewatch [0-9]+\.[0-9]+\.[0-9]+'

config_write mode='"act"' sampling.interval='"60s"' sampling.warm_up='"30m"' verdict.min_window='"4h"' clients='[{"name": "bes", "service": "BES", "image": "besagent.exe"}]'
words=$(sw replay --json --config "$home\\storewatch.json" "C:\\two days.csv")
check "replay says what the watchdog would have done: exit code 1" equals $? 1
check "an alert about the client" contains "$words" 'OPENED'
finish

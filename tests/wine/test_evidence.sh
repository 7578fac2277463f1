#!/bin/bash
# Address space and evidence. A 32-bit client with little address space in one piece is told of as Exchange's event 9582 would be;
# a 64-bit one has no such end. Before a restart there is evidence: modules, handles, samples, and by choice a dump that a debugger's
# eyes would take for one; a disk with too little room gets no dump, and the restart goes on.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open evidence "${1:-x64}"

evidence=$disk/storewatch-data/evidence
bundles() { find "$evidence" -mindepth 1 -maxdepth 1 -type d 2>/dev/null | sort; }
latest() { bundles | tail -n 1; }
space() { status "[w['address_space'] and w['address_space']['$1'] for w in d['watched'] if w['target'] == 'archive'][0]"; }
space_known() { [ "$(space largest_block)" != null ] && [ -n "$(space largest_block)" ]; }
row() { tr -d '\r' <"$1" | awk -F, -v type="\"$2\"" '$1 == type { print $3 }'; }
dump_time=300 # seconds; for what hangs: Wine writes a full dump of 30 MiB in 15 s at rest, and on a slow host under load in more than 60
restart() { # waits for its end
    local before
    before=$(service_pid ArchiveSvc)
    sw restart ArchiveSvc --reason "a test" >"$bed/restart.txt" 2>&1
    scm wait ArchiveSvc "new:$before" 90 && wait_for 60 no_restart
}
dump_json() { printf '{"kind": "%s", "keep": 2, "min_free": "%s", "time": "%ss"}' "$1" "$2" "$dump_time"; } # KIND MIN_FREE
# What a minidump begins with, and has in its directory: "MDMP" and the streams of modules and threads.
dump_is_right() {
    python3 - "$1" <<'END'
import struct, sys
data = open(sys.argv[1], "rb").read()
signature, _, count, at = struct.unpack_from("<IIII", data)
assert signature == 0x504d444d, hex(signature)
streams = {struct.unpack_from("<I", data, at + 12 * i)[0]: struct.unpack_from("<II", data, at + 12 * i + 4) for i in range(count)}
assert 3 in streams and 4 in streams, streams
size, place = streams[4]
modules = struct.unpack_from("<I", data, place)[0]
assert modules > 3, modules
assert place + size <= len(data)
names = []
for i in range(modules):
    name = struct.unpack_from("<I", data, place + 4 + 108 * i + 20)[0]
    length = struct.unpack_from("<I", data, name)[0]
    names.append(data[name + 4:name + 4 + length].decode("utf-16-le").lower())
assert any(n.endswith("archivesvc.exe") for n in names), names
print(f"{len(data)} bytes, {modules} modules")
END
}

must "storewatch.exe is there" storewatch_copy
must "an SMTP server" smtp_start
small=()
[ "$arch" = x64 ] || small=(largest=28M)
must "a store, and a client with 20 handles a second" exchange handles=20 "${small[@]}"
config_write mode='"act"' mail.relays="$(relays "$(smtp_port)")" actions.dump="$(dump_json mini 64MiB)"
must "install and start" eval 'storewatch_install && storewatch_start'

# ---- address space
if [ "$arch" = x64 ]; then
    sleep 3
    check "a 64-bit process has no such end" equals "$(space largest_block)" null
    check "its series are not there" equals "$(status "['block' in m['metric'] for w in d['watched'] if w['target'] == 'archive' for m in w['metrics']].count(True)")" 0
else
    must "the address space is read" wait_for 30 space_known
    check "the limit is that of a 32-bit image" equals "$(status "[int(w['address_space']['limit']) for w in d['watched'] if w['target'] == 'archive'][0]")" $((2 << 30))
    check "the largest free block is what it left" at_most "$(status "[int(w['address_space']['largest_block']) for w in d['watched'] if w['target'] == 'archive'][0]")" $((28 << 20))
    check "and no less" at_most $((20 << 20)) "$(status "[int(w['address_space']['largest_block']) for w in d['watched'] if w['target'] == 'archive'][0]")"
    check "it is free in several blocks" at_most 2 "$(status "[int(w['address_space']['free_blocks']) for w in d['watched'] if w['target'] == 'archive'][0]")"
    check "status says it" contains "$(sw status)" 'address space: largest free block 2[0-9.]* MiB, .* free in .* of 2\.00 GiB, read .*BELOW 32 MiB'
    check "doctor says it" contains "$(sw doctor)" 'warning +space +ArchiveSvc\.exe, pid .*largest free block 2'
    must "the mail of 32 MiB comes" wait_for 30 mail_came SPACE_LOW
    check "once" equals "$(mail_count SPACE_LOW)" 1
    check "it says what is free" contains "$(mail_text "$(mails SPACE_LOW)")" 'largest free block 2[0-9.]* MiB'
    check "the history has the series" contains "$(sw history --csv)" '"archive","ArchiveSvc.exe",[0-9]+,"outside largest block",[0-9]+'
fi

# ---- evidence, with a small dump
must "a restart by hand" restart
folder=$(latest)
check "there is a folder for it" contains "${folder##*/}" '^[0-9]{8}T[0-9]{6}Z-restart-1$'
check "the summary: why, the plan, verdicts" eval 'contains "$(cat "$folder/summary.txt")" "why: a test" && contains "$(cat "$folder/summary.txt")" "stop 1 of 1: ArchiveSvc" &&
    contains "$(cat "$folder/summary.txt")" "private bytes +(learning|bounded|unbounded)"'
check "everything was gathered" contains "$(tail -n 2 "$folder/summary.txt")" 'everything was gathered'
check "its modules, with the program itself" contains "$(cat "$folder"/modules-*.csv)" '^0x[0-9a-f]+,.*ArchiveSvc\.exe"'
check "and system modules with versions" contains "$(cat "$folder"/modules-*.csv)" '^0x[0-9a-f]+,[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+,.*(kernel32|ntdll)\.dll"'
check "its handles: the events that leak" at_most 20 "$(row "$(ls "$folder"/handles-*.csv)" Event)"
check "the samples of the last day" contains "$(head -n 3 "$folder/samples.csv")" '^[0-9TZ:.-]+,"'
check "of all series" contains "$(cat "$folder/samples.csv")" '"MSExchangeIS","Store.exe",[0-9]+,"private bytes"'
check "a dump" dump_is_right "$(ls "$folder"/ArchiveSvc.exe-*.dmp)"
check "nothing half written is left" equals "$(find "$evidence" -name '*.part')" ""
check "the story says where it is" contains "$(status '[e["text"] for e in d["events"]]')" 'evidence is in C:\\+storewatch-data\\+evidence'
check "the client was stopped after it" contains "$(service_log ArchiveSvc | tr '\n' ' ')" 'stopped .*running'

if [ "$arch" = x86 ]; then
    printf 'largest=12M\r\n' >"$disk/Exchange/ArchiveSvc.ini"
    must "the next incarnation has less" restart
    must "the mail of 16 MiB comes" wait_for 150 mail_came SPACE_CRITICAL
    check "its subject is urgent" contains "$(mail_text "$(mails SPACE_CRITICAL)")" '^Subject: \[storewatch\] .*URGENT: ArchiveSvc'
    check "doctor fails" contains "$(sw doctor)" 'failed +space +ArchiveSvc\.exe'
fi

# ---- a full dump: it holds what the process had in memory
"$wine_tests/peek" set "$disk/Program Files/storewatch/storewatch.json" actions.dump="$(dump_json full 64MiB)"
must "the configuration is taken over" eval 'scm stop storewatch && scm wait storewatch stopped 30 && storewatch_start'
must "another restart" restart
folder=$(latest)
say "$(tail -n 1 "$folder/summary.txt")"
check "a full dump" dump_is_right "$(ls "$folder"/ArchiveSvc.exe-*.dmp)"
check "with the memory in it" at_most $((16 << 20)) "$(stat -c %s "$folder"/ArchiveSvc.exe-*.dmp)"

# ---- no room, no dump
"$wine_tests/peek" set "$disk/Program Files/storewatch/storewatch.json" actions.dump="$(dump_json full 16TiB)"
must "the configuration is taken over" eval 'scm stop storewatch && scm wait storewatch stopped 30 && storewatch_start'
must "a restart goes on" restart
folder=$(latest)
check "without a dump" equals "$(find "$folder" -name '*.dmp*')" ""
check "and says why" contains "$(tail -n 2 "$folder/summary.txt")" 'not gathered: dump: .*actions\.dump\.min_free'
check "with all the rest" eval '[ -s "$folder/samples.csv" ] && ls "$folder"/modules-*.csv >/dev/null'
check "the oldest is gone, two are kept" equals "$(bundles | wc -l)" 2

# ---- the hidden command that writes a dump (what it does with one that does not end: probe.c)
pid=$(service_pid ArchiveSvc)
check "it refuses nonsense" exits 4 sw write-dump
check "and a process that is another one" exits 87 sw write-dump "$pid" 1 mini 'C:\nothing.dmp' 1000 0 "$pid" 1
finish

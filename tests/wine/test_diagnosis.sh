#!/bin/bash
# The diagnosis: who has MAPI's DLLs loaded, in which version, and what that says. The DLLs are of our own making, with version
# resources that are right, of other product lines, missing and broken; `doctor` and the service read them in running processes.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open diagnosis "${1:-x64}"

[ "$arch" = x64 ] && triple=x86_64-w64-mingw32 || triple=i686-w64-mingw32

# dll_make FOLDER [VERSION]: C:\Mapi\FOLDER\Emsmdb32.dll; without a version it has no resource at all.
dll_make() {
    local folder=$disk/Mapi/$1 version=${2:-} resource=()
    mkdir -p "$folder" "$bed/dll" || return 1
    printf 'int __stdcall MAPIInitialize(void *options) { return options != 0; }\n' >"$bed/dll/mapi.c"
    if [ -n "$version" ]; then
        printf '1 VERSIONINFO\nFILEVERSION %s\nPRODUCTVERSION %s\nFILETYPE 2\nBEGIN\nEND\n' "${version//./,}" "${version//./,}" >"$bed/dll/mapi.rc"
        $triple-windres "$bed/dll/mapi.rc" "$bed/dll/mapi.o" || return 1
        resource=("$bed/dll/mapi.o")
    fi
    $triple-gcc -shared -nostdlib -Wl,-e,0 -o "$folder/Emsmdb32.dll" "$bed/dll/mapi.c" "${resource[@]}"
}

# The bytes of the version resource become noise (seeded): its headers still lead there.
dll_spoil() {
    python3 - "$1" <<'END'
import random, sys
random.seed(898782)
data = bytearray(open(sys.argv[1], "rb").read())
at = data.index("VS_VERSION_INFO".encode("utf-16-le")) - 6
data[at:at + 92] = bytes(random.randrange(256) for _ in range(92))
open(sys.argv[1], "wb").write(data)
END
}

# The resource tree points into nowhere, in circles and at itself.
dll_spoil_tree() {
    python3 - "$1" <<'END'
import struct, sys
data = bytearray(open(sys.argv[1], "rb").read())
nt = struct.unpack_from("<I", data, 60)[0]
sections, optional = struct.unpack_from("<H", data, nt + 6)[0], struct.unpack_from("<H", data, nt + 20)[0]
for i in range(sections):
    at = nt + 24 + optional + 40 * i
    if data[at:at + 8].rstrip(b"\0") == b".rsrc":
        raw = struct.unpack_from("<I", data, at + 20)[0]
        struct.pack_into("<HHII", data, raw + 12, 0xffff, 0xffff, 16, 0x80000000)
open(sys.argv[1], "wb").write(data)
END
}

client() { # NAME: a service NAME with the program NAME.exe that has loaded C:\Mapi\NAME\Emsmdb32.dll
    standin "$1" "$1.exe" base=8M "dll=C:\\Mapi\\$1\\Emsmdb32.dll" "${@:2}" && scm start "$1" && scm wait "$1" running 10
}

must "storewatch.exe is there" storewatch_copy
must "DLLs: without the fix, with it, of Outlook, without a version, broken ones" eval '
    dll_make Unfixed 6.5.7226.0 && dll_make Fixed 6.5.7233.36 && dll_make Outlook 11.0.8000.0 && dll_make None &&
    dll_make Noise 6.5.7226.0 && dll_spoil "$disk/Mapi/Noise/Emsmdb32.dll" &&
    dll_make Circles 6.5.7226.0 && dll_spoil_tree "$disk/Mapi/Circles/Emsmdb32.dll" &&
    dll_make Subsystem 6.5.7226.0 && mv "$disk/Mapi/Subsystem/Emsmdb32.dll" "$disk/Mapi/Subsystem/Mapi32.dll"'
must "an SMTP server" smtp_start
config_write mode='"alert"' discover_clients=true mail.relays="$(relays "$(smtp_port)")" \
    clients='[{"name": "fixed", "service": "Fixed"}, {"name": "nobody", "image": "NoSuch.exe"}]'
must "a machine whose registered client has the fix" eval '
    standin MSExchangeIS Store.exe start=auto base=24M && scm start MSExchangeIS && scm wait MSExchangeIS running 10 && client Fixed'
must "install and start" eval 'storewatch_install && storewatch_start'

doctor() { sw doctor --json | "$wine_tests/peek" json "$1"; }
fix_of() { doctor "[x['kb898782'] for c in d['clients'] if c['image'] == '$1.exe' for x in c['dlls']]"; }
lines() { doctor "[l['level'] + ' ' + l['area'] + ' ' + l['text'] for l in d['lines']]"; }

# ---- nothing wrong
said=$(lines)
check "the control pipe is closed to ordinary users" contains "$said" '^ok access the control pipe is closed'
check "doctor says whose rights the service has, and that the needed ones are there" contains "$said" '^ok account the service runs as .* with [0-9]+ privileges, SeDebugPrivilege among them'
check "doctor knows that the service runs" contains "$said" '^ok service installed and running'
check "how the service gets on with its polls, and what they cost" contains "$said" '^(ok|warning) polls [0-9,]+ polls? since the service was started, 0 failed, [0-9,]+ missed; the last one took [0-9]+ ms'
check "the history is written, its newest sample is fresh" contains "$said" '^ok history C:.storewatch-data.storewatch\.db holds [0-9]+ series, the newest sample is [0-9.]+ m?s old'
check "the clock is told, with this place's time" contains "$said" '^ok clock it is 20[0-9-]+ [0-9:]+ UTC, here [A-Z][a-z]+day [0-9:]+'
check "that nobody keeps the clock is told" contains "$said" '^warning clock there is no Windows Time'
check "the event source is registered" contains "$said" '^ok events '
check "the configuration is valid" contains "$said" '^ok config '
check "the relay answers, without a mail" contains "$said" '^ok relay .* answers: 2'
check "no mail was sent" equals "$(mail_list)" ""
check "the store is found" contains "$said" '^ok store MSExchangeIS: Store\.exe'
check "the registered client is found" contains "$said" '^ok client fixed: Fixed\.exe'
check "a client that does not run is told" contains "$said" '^warning client nobody: no process of NoSuch\.exe'
check "limits are told with their source" contains "$said" '^ok limit .*system commit limit'
check "the registered client has the fix" equals "$(fix_of Fixed)" present
check "nothing failed: exit code 0" exits 0 sw doctor
config_file="$disk/Program Files/storewatch/storewatch.json"
check "configuration, program and data are closed to ordinary users" contains "$said" '^ok access the configuration, the program and the data directory are closed'
chmod o+w "$config_file"
said=$(lines)
check "or doctor tells who may change the configuration" contains "$said" '^failed access C:.Program Files.storewatch.storewatch\.json may be changed by Everyone'
check "with the command that closes it" contains "$(doctor "[l['todo'] for l in d['lines'] if l['area'] == 'access']")" '^icacls "C:.*storewatch\.json" /inheritance:r'
check "check-config warns of it" contains "$(sw check-config 2>&1)" 'storewatch\.json: warning: C:.*storewatch\.json may be changed by Everyone'
check "and finds nothing wrong with it otherwise" exits 0 sw check-config
chmod o-w "$config_file"
chmod o+w "$disk/Program Files/storewatch" "$disk/storewatch-data"
said=$(lines)
check "a folder in which the program could be replaced is told" contains "$said" '^failed access files in C:.Program Files.storewatch may be replaced by Everyone'
check "and a data directory that is open" contains "$said" '^failed access files in C:.storewatch-data may be replaced by Everyone'
chmod o-w "$disk/Program Files/storewatch" "$disk/storewatch-data"
chmod o+w "$disk/Program Files"
check "or a folder above" contains "$(lines)" '^failed access the folders in C:.Program Files may be replaced by Everyone'
chmod o-w "$disk/Program Files"
chmod 000 "$config_file"
check "an account that may not read the configuration is told, with the command that lets it" contains \
    "$(doctor "['%s -> %s' % (l['text'], l['todo']) for l in d['lines'] if l['area'] == 'account']")" 'may not read C:.*storewatch\.json -> icacls "C:.*storewatch\.json" /grant'
chmod 644 "$config_file"
check "once mended nothing is told" contains "$(lines)" '^ok access '
cp "$config_file" "$bed/good.json" && "$wine_tests/peek" set "$config_file" mode='"sometimes"'
check "a bad configuration fails, with its place" contains "$(lines)" '^failed config .*storewatch\.json:[0-9]+:[0-9]+: mode'
cp "$bed/good.json" "$config_file"
win reg add 'HKLM\Software\Microsoft\Windows Messaging Subsystem\MSMapiApps' /v Store.exe /d '' /f >/dev/null
win reg add 'HKLM\Software\Clients\Mail\Post' /v DLLPathEx /d 'C:\Mapi\Unfixed\Emsmdb32.dll' /f >/dev/null
said=$(lines)
check "what the registry names is told" contains "$said" '^ok registry MSMapiApps names Store\.exe'
check "with the version of the DLL that MAPI goes to" contains "$said" 'Clients.Mail names Post: MAPI goes to C:.Mapi.Unfixed.Emsmdb32\.dll, version 6\.5\.7226\.0'

win reg add 'HKLM\System\CurrentControlSet\Services\W32Time\Parameters' /v Type /d NTP /f >/dev/null
win reg add 'HKLM\System\CurrentControlSet\Services\W32Time\Parameters' /v NtpServer /d 'time.example.com,0x8' /f >/dev/null
must "a time service" eval 'standin W32Time svchost.exe && scm start W32Time && scm wait W32Time running 10'
check "or who keeps it, and whom that follows" contains "$(lines)" '^ok clock Windows Time .W32Time. runs and follows time\.example\.com,0x8'

# ---- the DLLs of processes that nobody registered
win reg add 'HKCU\Software\Wine\DllOverrides' /v mapi32 /d native /f >/dev/null # else Wine puts its own in its place
must "clients with every kind of DLL" eval 'for name in Unfixed Outlook None Noise Circles; do client $name || exit 1; done
    client Subsystem "dll=C:\\Mapi\\Subsystem\\Mapi32.dll"'
odd="=1+1'&%n.exe" # a formula, markup and a format
must "and one whose name is meant to do harm" eval 'standin Odd "$odd" base=8M "dll=C:\\Mapi\\Outlook\\Emsmdb32.dll" && scm start Odd && scm wait Odd running 10'
check "below 6.5.7233.36 the fix is missing" equals "$(fix_of Unfixed)" missing
check "another product line: not applicable" equals "$(fix_of Outlook)" "not applicable"
check "no version resource: unknown" equals "$(fix_of None)" unknown
check "a resource full of noise: unknown" equals "$(fix_of Noise)" unknown
check "a resource tree without an end: unknown" equals "$(fix_of Circles)" unknown
check "Mapi32.dll is told with its path and version, and that the fix is not one of it" equals \
    "$(doctor "['%s %s %s' % (x['path'], x['loaded'], x['kb898782']) for c in d['clients'] if c['image'] == 'Subsystem.exe' for x in c['dlls']]")" \
    'C:\Mapi\Subsystem\Mapi32.dll 6.5.7226.0 not applicable'
check "exit code 1" exits 1 sw doctor
words=$(sw doctor)
check "it says what is missing and what to do" contains "$words" 'Unfixed\.exe loads Emsmdb32\.dll 6\.5\.7226\.0; KB 898782.s fix is 6\.5\.7233\.36: install it'
check "with the path that was really loaded" contains "$words" 'C:\\Mapi\\Unfixed\\Emsmdb32\.dll'
check "and the line of configuration that registers it" contains "$words" '\{ "name": "unfixed", "image": "Unfixed\.exe", "service": "Unfixed" \}'
check "a relay that does not answer fails" eval 'config_write discover_clients=true mail.relays="$(relays 1)" && contains "$(lines)" "^failed relay "'

# ---- what runs counts, not the file
cp "$disk/Mapi/Fixed/Emsmdb32.dll" "$bed/new.dll" && mv "$disk/Mapi/Unfixed/Emsmdb32.dll" "$disk/Mapi/Unfixed/old.dll" &&
    cp "$bed/new.dll" "$disk/Mapi/Unfixed/Emsmdb32.dll"
check "the hotfix was installed, the program not restarted: still missing" equals "$(fix_of Unfixed)" missing
check "and it says that a restart is enough" contains "$(sw doctor)" 'it is on the disk, restart the program'
must "the program is restarted" eval 'scm stop Unfixed && scm wait Unfixed stopped 10 && scm start Unfixed && scm wait Unfixed running 10'
check "then the fix is there" equals "$(fix_of Unfixed)" present

# ---- the service
found() { status "[w['how'] for w in d['watched'] if w['kind'] == 'discovered' and w['image'] == 'Outlook.exe']" | grep -q 'has Emsmdb32.dll loaded'; }
must "the service watches what is not registered" wait_for 60 found
check "the registered one is not discovered" equals "$(status "[w['kind'] for w in d['watched'] if w['image'] == 'Fixed.exe']")" client
check "status gives the line that registers it" contains "$(sw status)" '"image": "Outlook\.exe", "service": "Outlook"'
found_odd() { sw status | grep -qF "$odd: $odd, pid"; }
must "the one with the odd name too, and is shown as it is" wait_for 60 found_odd
check "doctor lists it" contains "$(sw doctor)" "^warning +discovered +=1[+]1'&%n[.]exe, pid"
check "in the history's CSV it is a text, no formula" contains "$(sw history --csv)" "\"'=1[+]1'&%n[.]exe\""
check "in the report it is no markup" eval 'sw report --html "C:\\odd.html" >/dev/null && contains "$(cat "$disk/odd.html")" "=1[+]1&#39;&amp;%n[.]exe"'
dll_make Leaker 6.5.7226.0
must "a client that nobody registered leaks" client Leaker leak=4M
told() { local mail && mail=$(mails OPENED | head -n 1) && [ -n "$mail" ]; }
must "a mail tells" wait_for 90 told
text=$(mail_text "$(mails OPENED | head -n 1)" | tr '\n' ' ' | tr -s ' ')
check "who leaks, by which DLL and what ends it" contains "$text" 'Leaker\.exe loads Emsmdb32\.dll 6\.5\.7226\.0; KB 898782.s fix is 6\.5\.7233\.36: install it'
check "and how to register it" contains "$text" '"image": "Leaker\.exe", "service": "Leaker"'

# ---- a service that hangs
hung=$(pids_of storewatch.exe)
must "it hangs" kill -STOP $hung
check "status says so" contains "$(exits 3 sw status 2>&1)" 'the service does not answer: it hangs'
check "doctor says what helps, which is no other account" contains "$(doctor "[l['text'] + ' -> ' + l['todo'] for l in d['lines'] if l['area'] == 'service' and l['level'] == 'warning']")" \
    'the service runs, but does not answer: .* -> Restart the service'
kill -CONT $hung
finish

# shellcheck shell=bash
# tests/wine/lib.sh: what the Wine tests and the demo stand on. Sourced by them; nothing in it runs by itself.
#
# A *bed* is a private Windows for one test: a fresh copy of a Wine prefix that was made once, its own services, its own SMTP
# servers, its own directory build/test/wine/NAME-ARCH. Beds share nothing, so tests run beside each other in any order, and
# whatever happens to one, the next starts clean.
#
#   bed_open NAME ARCH            ARCH x64 or x86; the bed is closed when the script ends, however it ends
#   check TEXT COMMAND...         counts a passed or failed check; the test goes on
#   must TEXT COMMAND...          likewise, but without it the rest means nothing: the test ends
#   wait_for SECONDS COMMAND...   true as soon as COMMAND is; there is no other waiting here
#   win PROGRAM ARGUMENTS...      runs a Windows program, output without carriage returns, its exit code
#   scm COMMAND...                the service control manager (tests/wine/standin/scmctl.c)      sw COMMAND...  storewatch
#   standin NAME IMAGE KEY=VALUE...   a stand-in service (tests/wine/standin/service.c)
#   config_write KEY=VALUE...     a time-lapse configuration, changed where the test needs it
#   finish                        ends each test
set -uo pipefail

wine_tests=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
repo=$(cd "$wine_tests/../.." && pwd -P)
cd "$repo" || exit 3
# What is tested: x64/*.exe and x86/*.exe in this directory.
binaries=${STOREWATCH_BINARIES:-$repo/build}

# No display, no word from Wine's debug channels, no offer to download Mono or Gecko, no menu entries in somebody's home.
unset DISPLAY WAYLAND_DISPLAY
export WINEDEBUG=-all WINEDLLOVERRIDES='winemenubuilder.exe=d;mscoree=d;mshtml=d'
export LC_ALL=C.UTF-8

bed=      # the bed's directory, "" before bed_open
arch=     # x64 or x86
disk=     # its drive C:
passed=0
failed=0

# ---- telling

say() { printf '%s\n' "$*"; }
now_ms() { printf '%s' $((${EPOCHREALTIME/./} / 1000)); }

ok() {
    passed=$((passed + 1))
    say "ok $*"
}
not_ok() {
    failed=$((failed + 1))
    say "FAILED $*"
}

# The command's own words are kept and shown only when it fails.
check() {
    local text=$1 words status
    shift
    words=$bed/check.log
    "$@" >"$words" 2>&1
    status=$?
    if [ $status = 0 ]; then
        ok "$text"
    else
        not_ok "$text"
        say "    $(head -c 200 <<<"$*" | head -n 1) -> $status"
        sed 's/^/    | /' "$words" | tail -n 60
    fi
    return $status
}

must() {
    check "$@" && return 0
    say "    the rest of this test needs that: giving up"
    exit 1
}

equals() { [ "$1" = "$2" ] || { say "got '$1', wanted '$2'" && return 1; }; }
at_most() { [ "$1" -le "$2" ] || { say "got $1, wanted at most $2" && return 1; }; }
contains() { grep -qE -- "$2" <<<"$1" || { say "no match for '$2' in:" && say "$1" && return 1; }; }
lacks() { ! contains "$1" "$2" >/dev/null || { say "unexpected match for '$2' in:" && say "$1" && return 1; }; }
# exits CODE COMMAND...: the command ends with just this code.
exits() {
    local wanted=$1
    shift
    "$@"
    equals "exit code $?" "exit code $wanted"
}

# reported PREFIX END COMMAND...: a program that tells "ok TEXT" and "not ok TEXT" for each of its checks; its exit code goes to the file END.
reported() {
    local prefix=$1 end=$2 line
    shift 2
    while read -r line; do
        case $line in
        "ok "*) ok "$prefix${line#ok }" ;;
        "not ok "*) not_ok "$prefix${line#not ok }" ;;
        *) say "    | $line" ;;
        esac
    done < <("$@"; echo "exit code $?" >"$end")
}

# ---- waiting

# What a test waits for comes within these seconds at rest. The bound is for what never comes: a busy machine has several times as long.
patience=4
wait_for() {
    local seconds=$1
    shift
    within $((seconds * patience)) "$@"
}
# For what has to come so soon. A condition costs what it costs; between two looks there is a tenth of a second.
within() {
    local deadline=$(($(now_ms) + $1 * 1000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(now_ms)" -lt $deadline ] || { say "waited in vain for: $*" && return 1; }
        sleep 0.1
    done
}

# ---- Wine

# on_wine PROGRAM...: a program of the Wine of this architecture (wine, wineserver, wineboot) in the bed's prefix. The mark in the
# environment is inherited by everything Windows starts: bed_processes finds it by that.
on_wine() {
    if [ "$arch" = x86 ]; then
        env STOREWATCH_BED="$bed" "$wine_tests/wine-i386" exec "$@"
    else
        env STOREWATCH_BED="$bed" "$@"
    fi
}

# A command that hangs must not hang the test: it has this long.
win_seconds=120
win() {
    on_wine timeout --foreground -k 5 "$win_seconds" wine "$@" </dev/null | tr -d '\r'
    return "${PIPESTATUS[0]}"
}

# windows_path /unix/path -> Z:\unix\path
windows_path() { printf 'Z:%s' "${1//\//\\}"; }

# The template is a prefix as wineboot makes it, once for each Wine.
make_template() {
    local template=build/wine/prefix-$arch part=build/wine/prefix-$arch.part log=build/log/wineboot-$arch.log version
    mkdir -p build/wine build/log
    # Of several beds that open at the same time one makes it and the others wait.
    exec 8>"$template.lock"
    flock 8
    version=$(on_wine wine --version 2>"$log")
    if [ -z "$version" ]; then
        say "the $arch Wine does not run:" && cat "$log"
        return 1
    fi
    if [ "$(cat "$template/made-by" 2>/dev/null)" != "$version" ]; then
        rm -rf "$template" "$part"
        if ! { WINEPREFIX=$repo/$part on_wine timeout 300 wineboot -i && WINEPREFIX=$repo/$part on_wine timeout 60 wineserver -w; } \
            >"$log" 2>&1 8>&-; then
            say "wineboot -i failed:" && cat "$log"
            return 1
        fi
        forget_wine_tmp "$part"
        printf '%s\n' "$version" >"$part/made-by"
        mv "$part" "$template"
    fi
    exec 8>&-
}

# Debian's Wine keeps its sockets in a directory of /tmp that it makes and notes in the prefix: a copy needs one of its own, and one
# that is done with must not stay.
forget_wine_tmp() {
    local name
    name=$(cat "$1/wineserver" 2>/dev/null)
    case $name in wine-*) rm -rf "$(wine_root)/tmp/$name" ;; esac
    rm -f "$1/wineserver"
}
# What this architecture's Wine sees as "/".
wine_root() { [ "$arch" != x86 ] || "$wine_tests/wine-i386" root; }

# 600 MiB of system files are linked (nothing writes into them); the registry, which Wine rewrites, is copied.
copy_template() {
    local template=build/wine/prefix-$arch
    cp -al "$template" "$bed/prefix" && rm -f "$bed"/prefix/*.reg "$bed/prefix/.update-timestamp" &&
        cp -a "$template"/*.reg "$template/.update-timestamp" "$bed/prefix/"
}

# Windows runs from here on. Wine ends all services when the last ordinary program ends, so this one stays. It reads from a pipe
# that ends with this script: even a script that was killed by force leaves no Windows behind. It is the first program of this
# Windows (two that start at once get into each other's way), and it runs when it has greeted.
windows_on() {
    local words=$bed/windows.log
    : >"$words"
    { tail --pid=$$ -f /dev/null | on_wine wine cmd; } >"$words" 2>&1 &
    disown
    wait_for 60 grep -q Windows "$words" || { cat "$words" && return 1; }
}

# As when the machine loses power: everything is gone at once, the disk stays.
windows_off() {
    on_wine timeout 30 wineserver -k 2>/dev/null
    wait_for 20 windows_is_off
}
windows_is_off() { [ -z "$(bed_processes | grep -v ' exim4$')" ]; }

# "PID NAME" of every process of the bed: what Wine and the SMTP server run and what carries the mark. Only of those is the
# environment read, since for a process in the middle of its exec() that can block.
bed_processes() {
    local pid file
    for pid in $(ls -l /proc/[0-9]*/exe 2>/dev/null | sed -nE 's@.* /proc/([0-9]+)/exe -> .*/(wine[^/]*|exim4)$@\1@p'); do
        file=/proc/$pid
        ! grep -qzxF "STOREWATCH_BED=$bed" "$file/environ" 2>/dev/null || printf '%s %s\n' "$pid" "$(cat "$file/comm" 2>/dev/null)"
    done
}
# The (Unix) pids of a program, e.g. Store.exe.
pids_of() { bed_processes | awk -v name="${1:0:15}" '$2 == name { print $1 }'; }
# kill_pids SIGNAL PIDS: a list as pids_of prints it; nothing on an empty one
kill_pids() { [ -z "$2" ] || xargs kill "-$1" <<<"$2" 2>/dev/null; }
runs() { [ -n "$(pids_of "$1")" ]; }
gone() { ! runs "$1"; }

# ---- the bed

# bed_make NAME ARCH: the directories and the trap; bed_open: Windows runs in them.
bed_make() {
    arch=$2
    case $arch in x64 | x86) ;; *) say "architecture '$arch': x64 or x86" >&2 && exit 2 ;; esac
    bed=$repo/build/test/wine/$1-$arch
    disk=$bed/prefix/drive_c
    export WINEPREFIX=$bed/prefix
    bed_claim
    end_leftovers
    rm -rf --one-file-system "$bed" "$bed.count"
    mkdir -p "$bed" || exit 3
    [ "$arch" = x64 ] && export WINEARCH=win64 || export WINEARCH=win32
    trap bed_close EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Two runs of the same test in one checkout would end each other's Windows.
bed_claim() {
    local other
    mkdir -p "${bed%/*}" || exit 3
    other=$(cat "$bed.pid" 2>/dev/null)
    if [ -n "$other" ] && [ "$other" != $$ ] && tr '\0' ' ' 2>/dev/null <"/proc/$other/cmdline" | grep -qF "${0##*/}"; then
        say "another run of ${0##*/} (process $other) is using ${bed#"$repo"/}" >&2
        exit 3
    fi
    echo $$ >"$bed.pid"
}

# What a run of the same test left behind that was killed by force.
end_leftovers() {
    local left server
    left=$(bed_processes)
    kill_pids KILL "$(cut -d' ' -f1 <<<"$left")"
    for server in "$bed"/smtp*/work; do
        [ ! -e "$server" ] || "$wine_tests/smtp-server" stop "${server%/work}"
    done
    forget_wine_tmp "$bed/prefix"
}

bed_open() {
    bed_make "$@"
    must "a private $arch Windows starts" bed_boot
}
bed_boot() { make_template && copy_template && windows_on; }

# Everything stops, whatever the reason; what does not stop by itself is a failure. A script that wants something of its Windows
# before it goes has a function bed_closing.
bed_close() {
    local status=$? left server
    trap '' INT TERM HUP
    ! wine_failed || : >"$bed/wine-failed"
    ! declare -F bed_closing >/dev/null || bed_closing
    keep_logs
    for server in "$bed"/smtp*/work; do
        [ ! -e "$server" ] || "$wine_tests/smtp-server" stop "${server%/work}"
    done
    [ ! -d "$bed/prefix" ] || windows_off >/dev/null
    left=$(bed_processes)
    if [ -n "$left" ] && ! wait_for 10 bed_is_empty; then
        left=$(bed_processes)
        not_ok "every process of the test ended: $(tr '\n' ',' <<<"$left") had to be killed"
        kill_pids KILL "$(cut -d' ' -f1 <<<"$left")"
    fi
    [ ! -d "$bed/prefix" ] || forget_wine_tmp "$bed/prefix"
    rm -rf --one-file-system "$bed/prefix"
    # A test that ended early without a failed check was interrupted or is broken.
    case $status:$failed in
    130:0 | 143:0) not_ok "interrupted" ;;
    [1-9]*:0) not_ok "ended early with exit code $status" ;;
    esac
    printf '%s %s\n' $passed $failed >"$bed.count"
    rm -f "$bed.pid"
    [ $status != 0 ] || [ $failed = 0 ] || status=1
    exit $status
}
bed_is_empty() { [ -z "$(bed_processes)" ]; }
# What Wine now and then does on a busy machine and storewatch has no part in: its server has died, which it may say, or which leaves
# programs without one (there may be another one, which the next program that was started has brought); or the first program of a
# Windows was never started.
wine_failed() {
    local left
    ! grep -qsE 'wineserver crashed|Application could not be started' "$bed/windows.log" || return 0
    left=$(bed_processes)
    grep -q '\.exe$' <<<"$left" && ! grep -q wineserver <<<"$left"
}

# finish: every test ends with it, so that one which ends anywhere else is seen.
finish() { exit $((failed > 0)); }

# What the bed's directory holds afterwards, and what is shown when a check failed.
keep_logs() {
    local file
    for file in "$disk/Exchange/services.log" "$disk/Program Files/storewatch/storewatch.json"; do
        [ ! -e "$file" ] || cp "$file" "$bed/"
    done
    [ ! -d "$disk/storewatch-data" ] || cp -R "$disk/storewatch-data" "$bed/data"
    [ $failed -gt 0 ] || return 0
    [ ! -s "$bed/services.log" ] || { say "    what the services did:" && tail -n 20 "$bed/services.log" | sed 's/^/    | /'; }
    for file in "$bed"/smtp*/; do
        [ -e "$file" ] || continue
        say "    mails in ${file#"$repo"/}:" && "$wine_tests/peek" mails "$file" | cut -f2- | sed 's/^/    | /'
    done
    windows_is_off || [ ! -d "$bed/data" ] || { say "    storewatch status:" && sw status 2>&1 | tail -n 30 | sed 's/^/    | /'; }
    say "    everything is kept in ${bed#"$repo"/}"
}

# ---- services

# asked PROGRAM ARG...: a program that always says something. One that said nothing was not launched, which happens to Wine now and
# then: then the question was never put, and is put again.
asked() {
    local words errors=$bed/asked.$BASHPID status
    words=$(win "$@" 2>"$errors")
    status=$?
    if [ -z "$words" ] && [ ! -s "$errors" ] && [ $status != 0 ]; then
        words=$(win "$@" 2>"$errors")
        status=$?
    fi
    cat "$errors" >&2
    rm -f "$errors"
    [ -z "$words" ] || printf '%s\n' "$words"
    return $status
}

# scm wait SERVICE STATE SECONDS is a wait_for, too.
scm() {
    local win_seconds=$win_seconds
    if [ "$1" = wait ]; then
        set -- "${@:1:3}" $(($4 * patience))
        win_seconds=$((win_seconds + $4))
    fi
    asked "$binaries/$arch/standin-scmctl.exe" "$@"
}

# standin NAME IMAGE [needs=A,B] [start=auto|demand] [KEY=VALUE]...: registers a stand-in as C:\Exchange\IMAGE; not started.
standin() {
    local name=$1 image=$2 word for_scm=() for_program=()
    shift 2
    for word in "$@"; do
        case $word in
        needs=* | start=*) for_scm+=("$word") ;;
        *) for_program+=("$word") ;;
        esac
    done
    mkdir -p "$disk/Exchange" && cp "$binaries/$arch/standin-service.exe" "$disk/Exchange/$image" &&
        scm create "$name" "C:\\Exchange\\$image service=$name log=C:\\Exchange\\services.log ${for_program[*]}" "${for_scm[@]}"
}

# (No `| grep -q`: it ends at the first match, the program before it then by SIGPIPE, and with pipefail that is a failure.)
service_is() { [[ $(scm query "$1") == "$1 $2 "* ]]; }
service_pid() { scm query "$1" | sed -nE 's/.* pid=([0-9]+).*/\1/p'; }
# service_log [SERVICE]: what it did, one word a line: start running stopping stopped died start-failed
service_log() { awk -v name="${1:-}" 'name == "" || $2 == name { print (name == "" ? $2 " " : "") $3 }' "$disk/Exchange/services.log"; }

# The server that most tests watch: a healthy store, and a client with a leak that needs it.
exchange() { # [KEY=VALUE...] for the client
    standin MSExchangeIS Store.exe start=auto base=24M plateau=16M warm_up=1000 &&
        standin ArchiveSvc ArchiveSvc.exe start=auto needs=MSExchangeIS base=16M "$@" &&
        scm start MSExchangeIS && scm start ArchiveSvc && scm wait MSExchangeIS running 10 && scm wait ArchiveSvc running 10
}

# ---- storewatch

home='C:\Program Files\storewatch' # with a blank: a path that must be quoted
sw() {
    case ${1:-} in
    plan | history | doctor) asked "$home\\storewatch.exe" "$@" ;;
    *) win "$home\\storewatch.exe" "$@" ;;
    esac
}

storewatch_copy() { mkdir -p "$disk/Program Files/storewatch" && cp "$binaries/$arch/storewatch.exe" "$disk/Program Files/storewatch/"; }

# A day in seconds: every window scaled down alike. Keys as a.b.c=JSON.
config_write() {
    local file="$disk/Program Files/storewatch/storewatch.json"
    mkdir -p "${file%/*}"
    cat >"$file" <<END
{
  "version": 1,
  "data_dir": "C:\\\\storewatch-data",
  "sampling": { "interval": "100ms", "warm_up": "2s" },
  "clients": [ { "name": "archive", "service": "ArchiveSvc" } ],
  "discover_clients": false,
  "verdict": { "min_window": "5s", "min_growth": "8MiB" },
  "actions": {
    "ladder": ["alert", "restart_client", "restart_store"],
    "budget": { "max": 20, "per": "1h", "min_interval": "0ms" },
    "windows": [],
    "stop_timeout": "60s", "start_timeout": "60s", "verify": "3s"
  },
  "mail": {
    "from": "storewatch@example.com", "to": ["ops@example.com"], "max_per_hour": 1000, "reminder": "1h",
    "relays": []
  }
}
END
    [ $# = 0 ] || "$wine_tests/peek" set "$file" "$@"
}

storewatch_install() { sw install --config "$home\\storewatch.json"; }
storewatch_start() { scm start storewatch && scm wait storewatch running 15; }
# The process of the service is killed as if it had crashed.
storewatch_kill() {
    local pid
    pid=$(service_pid storewatch)
    [ "${pid:-0}" != 0 ] && scm kill "$pid" && scm wait storewatch stopped 15
}
# status EXPRESSION over d, the object of `status --json` (whose exit code 1 only says that an incident is open)
status() { { sw status --json || true; } | "$wine_tests/peek" json "$1"; }
absent() { ! win reg query "$1"; } # no such key of the registry
no_restart() { [ "$(status 'd["restart"] is None or not d["restart"]["under_way"]')" = true ]; }
history_of() { sw history --json | "$wine_tests/peek" json "$1"; }

# ---- mail

# smtp_start [NAME] [PORT]: a server of its own, in $bed/smtp or $bed/smtpNAME.
smtp_start() { env STOREWATCH_BED="$bed" "$wine_tests/smtp-server" start "$bed/smtp${1:-}" "${2:-0}"; }
smtp_stop() { "$wine_tests/smtp-server" stop "$bed/smtp${1:-}"; }
smtp_port() { cat "$bed/smtp${1:-}/port"; }
# relay [PORT...]: JSON of relays on loopback
relays() {
    local port list=
    for port in "$@"; do list+=${list:+, }"{\"host\": \"127.0.0.1\", \"port\": $port}"; done
    printf '[%s]' "$list"
}
# mail_list [NAME]: FILE, KIND, KEY and SUBJECT of every mail, in the order of arrival. Not those about the memory of the whole
# machine: here that is the memory of a Linux on which other things go on, and they come and go as those do.
mail_list() { "$wine_tests/peek" mails "$bed/smtp${1:-}" | grep -v 'system commit'; }
# mails KIND [NAME]: the files of the mails of a kind (OPENED, RECOVERED ...; ALL)
mails() { mail_list "${2:-}" | awk -F '\t' -v kind="$1" 'kind == "ALL" || $2 == kind { print $1 }'; }
mail_count() { mails "$@" | wc -l; }
mail_came() { [ "$(mail_count "$@")" -ge 1 ]; }
mail_text() { "$wine_tests/peek" mail "$1"; }

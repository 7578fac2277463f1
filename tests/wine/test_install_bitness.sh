#!/bin/bash
# The x86 executable on a 64-bit Windows: `install` refuses, names the one to take and leaves nothing behind. The program is
# tests/wine/wow64.c, storewatch.exe but for the answer of IsWow64Process.
# arch: x86
. "$(dirname "$0")/lib.sh"
bed_open install_bitness "${1:-x86}"

wow64() { # COMMAND...: on a Windows that says so
    STOREWATCH_WOW64=1 win "$home\\storewatch.exe" "$@"
}
# Every file, and the services and event sources.
machine() {
    (cd "$disk" && find . -path ./users -prune -o -path ./windows/temp -prune -o -type f -printf '%p %s\n' -o -print | sort) &&
        for key in Services 'Services\EventLog\Application'; do win reg query "HKLM\\System\\CurrentControlSet\\$key"; done
}
refused() { # OPTIONS...
    local words
    machine >"$bed/before"
    words=$(wow64 install "$@" 2>"$bed/stderr")
    equals "exit code $?" 'exit code 3' && equals "$words" '' &&
        equals "$(tr -d '\r' <"$bed/stderr")" 'storewatch: this is the 32-bit storewatch on 64-bit Windows, where it cannot see everything; install the x64 one' &&
        machine | diff "$bed/before" -
}

mkdir -p "$disk/Program Files/storewatch"
must "the program is there" cp "$binaries/x86/test-wow64.exe" "$disk/Program Files/storewatch/storewatch.exe"
config_write
check "the machine can be read" contains "$(machine)" 'Program Files/storewatch/storewatch\.exe [0-9]{6}'
check "install with recipients and relays is refused" refused --mail-to ops@example.com --relay relay1 --start
check "with a configuration of one's own, too" refused --config "$home\\storewatch.json" --start
check "a copy of a configuration, too" refused --import "$home\\storewatch.json"
check "and the question whether it can be installed is answered" refused --check
words=$(wow64 doctor --config "$home\\storewatch.json")
check "doctor says so" contains "$words" '^failed +program +this is the 32-bit program on 64-bit Windows'
check "and which to use" contains "$words" 'Use the x64 storewatch\.exe'

# It is that answer alone which makes it refuse.
must "where Windows says no the same program installs" storewatch_install
check "the service is registered" service_is storewatch stopped
check "on 64-bit Windows an installation from elsewhere can still be removed" wow64 uninstall
check "the service is gone" scm wait storewatch absent 10
finish

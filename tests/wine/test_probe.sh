#!/bin/bash
# os.h against the real thing: tests/wine/probe.c does what storewatch must be able to see and to do, and looks.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open probe "${1:-x64}"

cp "$binaries/$arch/standin-service.exe" "$disk/standin.exe"
cp "$binaries/$arch/test-probe.exe" "$disk/probe.exe"
win_seconds=540
reported '' "$bed/probe.end" win 'C:\probe.exe' 'C:\standin.exe'
check "the probe came to its end" equals "$(cat "$bed/probe.end")" "exit code $((failed > 0))"
check "and checked something" at_most 10 $((passed + failed))
finish

#!/bin/bash
# What storewatch.exe carries besides code: the event log's message table, the default configuration, version, manifest.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open resources "${1:-x64}"

must "storewatch.exe is there" storewatch_copy
cp "$binaries/$arch/test-resources.exe" "$disk/resources.exe"
cp config/storewatch.json "$disk/default.json"
version=$(sw version)
reported '' "$bed/resources.end" win 'C:\resources.exe' "$home\\storewatch.exe" 'C:\default.json' "${version#storewatch }"
check "the program came to its end" equals "$(cat "$bed/resources.end")" "exit code $((failed > 0))"
check "and checked something" at_most 10 $((passed + failed))
finish

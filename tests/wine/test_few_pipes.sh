#!/bin/bash
# A Windows without room for another named pipe, which is what storewatch is there to tell: the control pipe costs nothing
# meanwhile, and works again afterwards. The program is tests/wine/few_pipes.c, storewatch.exe but for CreateNamedPipe.
# arch: x64
. "$(dirname "$0")/lib.sh"
bed_open few_pipes "${1:-x64}"

mkdir -p "$disk/Program Files/storewatch"
must "the program is there" cp "$binaries/$arch/test-few_pipes.exe" "$disk/Program Files/storewatch/storewatch.exe"
config_write
on_wine wine "$home\\storewatch.exe" run --config "$home\\storewatch.json" </dev/null >"$bed/console.log" 2>&1 &
must "storewatch watches" wait_for 30 sw status
touch "$disk/no-pipes"
check "it answers through an instance that there was" sw status
sleep 5
check "and through another one" sw status
rm "$disk/no-pipes"
for i in 1 2 3 4 5 6 7 8; do
    check "with room again it answers ($i)" wait_for 10 sw status
done
check "it has asked for room now and then, and not all the time" at_most "$(cat "$disk/refused")" 5000
kill_pids TERM "$(pids_of storewatch.exe)"
check "it ends" wait_for 10 gone storewatch.exe
finish

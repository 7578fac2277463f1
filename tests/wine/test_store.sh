#!/bin/bash
# The history file is damaged: it is set aside, a new one begun, ops are told, the watch goes on.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open store "${1:-x64}"

polled_beyond() { [ "$(status 'd["self"]["polls"]')" -gt "$1" ]; }
data="$disk/storewatch-data"
database() { find "$data" -maxdepth 1 -type f ! -name '*-wal' ! -name '*-shm' ! -name '*.bad-*' ! -name '*.bad-*-*' -size +0 | head -n 1; }

must "an SMTP server" smtp_start
must "the machine" exchange
must "storewatch.exe is there" storewatch_copy
config_write mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start'
must "it watches" wait_for 20 polled_beyond 50
must "stop" scm stop storewatch 10
file=$(database)
must "there is a history file" test -s "$file"
check "with an SQLite header" equals "$(head -c 15 "$file")" "SQLite format 3"

rm -f "$file-wal" "$file-shm"
head -c 65536 /dev/urandom >"$file"
must "with garbage in the file it starts" storewatch_start
check "and watches" wait_for 20 polled_beyond 20
check "the damaged file is kept beside it" test -n "$(find "$data" -name '*.bad-*' -size +60k)"
check "ops are told" wait_for 30 mail_came STORE_SET_ASIDE
check "the new file is one" equals "$(head -c 15 "$(database)")" "SQLite format 3"

# A page in the middle is overwritten while the header is good: found out at the latest when it is read.
must "stop again" scm stop storewatch 10
file=$(database)
dd if=/dev/urandom of="$file" bs=4096 seek=1 count=3 conv=notrunc 2>/dev/null
rm -f "$file-wal" "$file-shm"
check "with damaged pages it starts" storewatch_start
check "and watches" wait_for 20 polled_beyond 20
check "ops are told of this one, too" wait_for 60 eval '[ "$(mail_count STORE_SET_ASIDE)" = 2 ]'
check "and the history works again" equals "$(status 'd["store_error"]')" null
finish

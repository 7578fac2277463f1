#!/bin/bash
# Mail that cannot be delivered waits and keeps its order; when a relay is down the next one is used; what each relay says is shown.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open mail "${1:-x64}"

pending() { [ "$(status 'd["mail"]["pending"]')" -ge "$1" ]; }
polled_beyond() { [ "$(status 'd["self"]["polls"]')" -gt "$1" ]; }

# A port on which nothing listens: that of a server which has stopped.
must "an SMTP server" smtp_start
port=$(smtp_port)
must "which is switched off" smtp_stop
must "a machine with a leaking client" exchange leak=4M
must "storewatch.exe is there" storewatch_copy
config_write mail.relays="$(relays "$port")" mail.reminder='"3s"'
must "install and start" eval 'storewatch_install && storewatch_start'

must "two mails wait" wait_for 60 pending 2
count=$(status 'd["self"]["polls"]')
check "the dead relay does not delay the sampling" within 10 polled_beyond $((count + 30))
check "status shows what the relay answered" contains "$(status 'd["mail"]["last_answer"]')" "127\.0\.0\.1"
must "storewatch is killed meanwhile" storewatch_kill
must "and started again" storewatch_start
must "the relay is switched on" smtp_start "" "$port"
must "the mails arrive" wait_for 90 eval '[ "$(mail_count ALL)" -ge 3 ]'
keys=$(mail_list | awk -F '\t' '{ print $3 }')
check "in the order in which they were written" equals "$keys" "$(sort -V <<<"$keys")"
check "the alert first" equals "$(mail_list | awk -F '\t' 'NR == 1 { print $2 }')" OPENED
check "none twice" equals "$(sort <<<"$keys" | uniq -d)" ""

# The first relay dies, a second one lives.
must "stop storewatch" scm stop storewatch 10
must "a second SMTP server" smtp_start 2
must "the first is switched off" smtp_stop
config_write mail.relays="$(relays "$port" "$(smtp_port 2)")" mail.reminder='"3s"'
must "start with two relays" storewatch_start
check "the mail goes through the second" wait_for 60 mail_came REMINDER 2
words=$(sw test-alert 2>&1)
check "test-alert says that one relay of two is dead, exit code 1" equals $? 1
check "and what each answered" contains "$(tr '\n' ' ' <<<"$words")" "$port.*$(smtp_port 2)"
check "its mail arrives" wait_for 15 mail_came TEST 2
finish

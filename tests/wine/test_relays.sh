#!/bin/bash
# Relays that misbehave, each in its own way: test-alert says what every one answered, none of them holds it up for long, and
# nothing is ever sent in plain text where TLS is demanded.
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
bed_open relays "${1:-x64}"

# bad MODE [MORE]: starts a relay and adds it to the list; MORE is JSON to add.
list=
declare -A port_of=()
relay_pids=()
bed_closing() { [ ${#relay_pids[@]} = 0 ] || kill "${relay_pids[@]}" 2>/dev/null; }
bad() {
    local log=$bed/bad-$1.log
    "$wine_tests/bad-relay" "$1" >"$log" &
    relay_pids+=($!)
    wait_for 10 test -s "$log" || return 1
    port_of[$1]=$(head -n 1 "$log")
    list+=${list:+, }"{\"host\": \"127.0.0.1\", \"port\": ${port_of[$1]}${2:+, $2}}"
}
# answers MODE WORDS: the line about that relay matches
answers() { contains "$(grep -F ":${port_of[$1]} " <<<"$told")" "$2"; }
sent_nothing() { ! grep -q taken "$bed/bad-$1.log"; }
ask() {
    config_write mail.to='["ops@example.com", "night@example.com"]' mail.relays="[$list]"
    told=$(SMTP_SECRET='not-for-logs' sw test-alert --config "$home\\storewatch.json" 2>&1)
}

must "storewatch.exe is there" storewatch_copy

must "eight relays, seven of them bad" eval '
    bad good && bad greeting-554 && bad rcpt-first && bad rcpt-mixed && bad end-multi && bad drop-end && bad silent-quit &&
    bad auth-535 "\"user\": \"u\", \"password\": \"env:SMTP_SECRET\""'
started=$SECONDS
ask
check "exit code 1: one did not take it" equals $? 1
check "a silent farewell does not hold it up" at_most $((SECONDS - started)) 12
check "good" answers good 'sent: 250 2\.0\.0 queued'
check "no service: its words" answers greeting-554 'FAILED: 554 no service here'
check "one recipient refused: sent, and the refusal is told" answers rcpt-first 'sent: 250 .*refused: ops@example\.com \(550 no such user\)'
check "nobody accepted: who and why" answers rcpt-mixed 'FAILED: ops@example\.com \(450 .*night@example\.com \(550'
check "several lines that are not ASCII become one that is" answers end-multi 'FAILED: 554 5\.7\.1 spam caf\?\? .*go away'
check "the connection is lost before the mail is taken" answers drop-end 'FAILED: content: the relay closed the connection'
check "it is taken, then nothing" answers silent-quit 'sent: 250'
check "a wrong password: what the relay said" answers auth-535 'FAILED: 535 5\.7\.8'
check "the password is in no word" lacks "$told" 'not-for-logs'

list=
starttls='"tls": "starttls"'
must "four relays without proper TLS, and three others" eval '
    bad no-starttls "$starttls" && bad starttls-454 "$starttls" && bad starttls-inject "$starttls" &&
    bad closed && bad huge && bad endless && bad drop-quit "\"user\": \"u\", \"password\": \"env:NOT_SET\""'
ask
check "no STARTTLS: nothing is sent" answers no-starttls 'FAILED: .*STARTTLS.*nothing was sent'
check "STARTTLS refused: its words" answers starttls-454 'FAILED: .*nothing was sent.*454 no certificate today'
check "an answer slipped in before TLS is not believed" answers starttls-inject 'FAILED: STARTTLS: '
check "closed at once" answers closed 'FAILED: connecting: the relay closed the connection'
check "a megabyte of greeting" answers huge 'FAILED: connecting: .*[Ll]arge'
check "a greeting without end" answers endless 'FAILED: connecting: .*[Ll]arge'
check "a password that is not there: which variable" answers drop-quit 'FAILED: .*NOT_SET'
check "none of them got the mail" eval 'sent_nothing no-starttls && sent_nothing starttls-454 && sent_nothing starttls-inject && sent_nothing drop-quit'
finish

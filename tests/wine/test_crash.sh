#!/bin/bash
# storewatch is killed in the middle of a restart, at each of its moments, and started again: the restart is completed, everything
# that ran runs again, one incident, no mail is lost, none comes twice but the one that was on its way.
#   KILLS=N       so many moments of one restart, spread over it; `make crash-sweep` takes 200. Without it: 12, or as many as a busy
#                 machine manages in two minutes and a half, but 5 at least
#   SHARE=I/N     of these every N-th, from the I-th (0 ...) on: several beds share a sweep (0/1)
#   MOMENTS=FILE  appends "MOMENT <tab> MILLISECONDS <tab> HOW FAR IT HAD COME <tab> VERDICT" for each kill
# arch: x64 x86
. "$(dirname "$0")/lib.sh"
kills=${KILLS:-12}
enough() { [ -z "${KILLS:-}" ] && [ $SECONDS -gt 150 ] && [ "$1" -ge 5 ]; }
share=${SHARE:-0/1}
bed_open "crash$([ "$share" = 0/1 ] || echo "-${share%/*}")" "${1:-x64}"
moments=${MOMENTS:-$bed/moments}

client=ArchiveSvc.exe # what only the mail about the client has in it
# Half of the moments wait for something that is seen from outside, and some time more, so that each round of them comes between the
# words. Neighbours in the list are far from each other in the restart: a short sweep sees all of it.
words=("mail:$client" ArchiveSvc.stopped MSExchangeIS.start FaxSvc.start FaxSvc.stopping MSExchangeIS.stopping ArchiveSvc.start
    FaxSvc.stopped MSExchangeIS.stopped ArchiveSvc.running ArchiveSvc.stopping MSExchangeIS.running FaxSvc.running)
# The other half is spread evenly over the time from the alert to the end of the incident, as the first one took it.
moment_of() { # NUMBER
    local half=$((($1) / 2)) halves=$(((kills + 1) / 2))
    if [ $(($1 % 2)) = 0 ]; then
        printf '%s+%d' "${words[half % ${#words[@]}]}" $((half / ${#words[@]} * 1000 / (halves / ${#words[@]} + 1)))
    else
        printf 'mail:%s+%d' $client $((lasts_ms * (2 * half + 1) / (2 * halves)))
    fi
}

inbox() { printf '%s/smtp/maildir/new' "$bed"; }
# The last word of each service, as its own log says.
all_run() { [ "$(for name in MSExchangeIS ArchiveSvc FaxSvc; do service_log $name | tail -n 1; done | sort -u)" = running ]; }
# What came in this round about an incident: KIND KEY. (That the service manager hung for a while, as Wine's may, is told too.)
came() { mail_list | cut -f2,3 | grep $'\ti[0-9]'; }
told() { [[ $(came) == *RECOVERED* ]]; }
put_away() { mkdir -p "$bed/mails" && find "$(inbox)" -type f -exec mv -t "$bed/mails" {} +; }
archive='[i for i in d["incidents"] if i["target"] == "archive"]'
history_say() { "$wine_tests/peek" json "$1" <"$bed/history.json"; }

# Each transition arrives at least once, at most one mail twice: the one that was on its way when storewatch died. SMTP cannot do
# better, and lost would be worse.
mails_right() {
    local keys
    keys=$(came | sort)
    equals "$(cut -f1 <<<"$keys" | sort -u | tr '\n' ' ')" "OPENED RECOVERED " && equals "$(uniq <<<"$keys" | wc -l)" 2 &&
        at_most "$(wc -l <<<"$keys")" 3
}
# After the round: one incident more, which is closed, and one restart more, which succeeded.
incidents=0 restarts=0
history_take() { sw history --json >"$bed/history.json"; }
history_count() { # what the next round is measured against
    incidents=$(history_say "len($archive)") restarts=$(history_say 'len(d["restarts"])')
}
history_right() {
    history_take && equals "$(history_say "len($archive)")" $((incidents + 1)) && equals "$(history_say "$archive[0][\"state\"]")" closed &&
        equals "$(history_say 'len(d["restarts"])')" $((restarts + 1)) &&
        equals "$(history_say 'd["restarts"][0]["outcome"]')" succeeded
}
ends_well() { wait_for 90 told && wait_for 30 all_run && history_right && mails_right; }
round() { # MOMENT: kills at the moment; the round's line goes to $moments
    local after far verdict=failed
    exec 5< <(exec "$wine_tests/strike" "$(pids_of storewatch.exe)" "$disk/Exchange/services.log" "$(inbox)" "$1" 120)
    read -r after <&5
    equals "$after" ready && scm control ArchiveSvc 128 || return 1
    read -r after <&5 || { say "the moment $1 has not come" && return 1; }
    # The service manager learns of it a little later, and refuses to start what it believes to run.
    wait_for 10 gone storewatch.exe && scm wait storewatch stopped 15 || return 1
    far=$("$wine_tests/journal" "$disk/storewatch-data" archive $incidents $restarts)
    storewatch_start && ends_well && [[ $far == ok$'\t'* ]] && verdict=ok
    printf '%s\t%s\t%s\t%s\n' "$1" "$after" "${far#*$'\t'}" $verdict >>"$moments"
    [ $verdict = ok ] || { say "$1, $far, mails: $(came)" && return 1; }
}
# A round that went wrong must not be the next one's fault: the bed is brought to rest first.
calm_down() {
    runs storewatch.exe || storewatch_start
    sleep 15
    wait_for 60 all_run && history_take
}

must "an SMTP server" smtp_start
must "the machine" eval '
    standin MSExchangeIS Store.exe start=auto base=16M stop_ms=400 start_ms=400 &&
    standin ArchiveSvc ArchiveSvc.exe start=auto needs=MSExchangeIS base=16M told=24M stop_ms=400 start_ms=400 &&
    standin FaxSvc FaxSvc.exe needs=ArchiveSvc base=8M stop_ms=400 start_ms=400 &&
    scm start MSExchangeIS && scm start ArchiveSvc && scm start FaxSvc && wait_for 20 all_run'
must "storewatch.exe is there" storewatch_copy
config_write mode='"act"' sampling.warm_up='"0s"' verdict.min_window='"2s"' actions.ladder='["alert", "restart_store"]' \
    actions.budget='{ "max": 10, "per": "10s", "min_interval": "0ms" }' actions.verify='"1s"' mail.relays="$(relays "$(smtp_port)")"
must "install and start" eval 'storewatch_install && storewatch_start && wait_for 15 eval "[ \"\$(status \"d[\\\"self\\\"][\\\"polls\\\"]\")\" -gt 30 ]"'

# The first restart goes undisturbed and says how long one takes.
must "the client leaks" scm control ArchiveSvc 128
must "an undisturbed restart" ends_well
utc_ms() { date -d "$(history_say "$1")" +%s%3N; }
lasts_ms=$(($(utc_ms "$archive[0][\"closed_at\"]") - $(utc_ms "$archive[0][\"opened_at\"]") + 100))
say "    from the alert to the end of the incident: $lasts_ms ms"
bad_in_row=0
for ((number = ${share%/*}; number < kills; number += ${share#*/})); do
    ! enough $number || { say "    a busy machine: $number moments are enough" && break; }
    history_count
    put_away
    moment=$(moment_of $number)
    if check "killed at $moment: everything runs, one incident, one restart, its mails" round "$moment"; then
        bad_in_row=0
    else
        bad_in_row=$((bad_in_row + 1))
        [ $bad_in_row -lt 3 ] || break
        must "after that the bed comes to rest" calm_down
    fi
done
must "storewatch stops" scm stop storewatch 15
check "the file is sound" "$wine_tests/journal" "$disk/storewatch-data" archive 0 0
say "    kills by how far the restart had come (from the journal that the dead storewatch left):"
cut -f3 "$moments" | sort | uniq -c | sort -k2 | sed 's/^/    /'
finish

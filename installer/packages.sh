#!/bin/bash
# installer/packages.sh GROUP...: installs the Debian packages that a group of targets needs, only those that are missing.
#
# Groups:  build  compilers for the three targets and what fetches and unpacks source packages
#          wine   what the Wine tests and the demo run on: Wine, a real SMTP server, Python, a 32-bit root's bootstrap
#          dist   what makes the packages (MSI, zip)
#          lint   formatter and static analysers; lint-quick: those that take seconds, for the tests
#          bench  what the bench compares with
#          fuzz   a compiler with libFuzzer
#
# Nothing happens, and no root is needed, when all of a group is there. No daemon is started, no package is removed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 3

packages_of() {
    case $1 in
    # The -win32 compilers use the Windows thread model: nothing of winpthreads can get into an executable.
    build) echo gcc libc6-dev make dpkg-dev patch xz-utils bzip2 tcl python3-minimal ca-certificates \
        gcc-mingw-w64-x86-64-win32 gcc-mingw-w64-i686-win32 binutils-mingw-w64-x86-64 binutils-mingw-w64-i686 ;;
    wine) echo wine wine64 libgnutls30 exim4-daemon-light openssl python3 procps debootstrap ;;
    dist) echo wixl msitools faketime zip unzip ;;
    lint-quick) echo clang-format cppcheck python3 ;;
    lint) echo clang-format clang-tidy cppcheck python3 ;;
    bench) echo python3 python3-pandas python3-scipy ;;
    fuzz) echo clang libclang-rt-14-dev ;;
    *) return 1 ;;
    esac
}

say() { printf '== %s\n' "$*"; }
die() {
    printf 'installer/packages.sh: %s\n' "$*" >&2
    exit 3
}

is_installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# A package's own scripts would start the SMTP daemon: Debian's switch against that is /usr/sbin/policy-rc.d. One that is there
# already (containers have one) is put back afterwards; one that a killed run of ours left behind is recognised by its mark.
policy=/usr/sbin/policy-rc.d
saved=$policy.storewatch-saved
mark='# made by storewatch installer/packages.sh for the time of one installation'
guard_up() {
    guard_down
    [ -e $policy ] && mv $policy $saved
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >$policy && chmod 755 $policy
}
guard_down() {
    grep -qsF "$mark" $policy && rm -f $policy
    [ -e $saved ] && mv $saved $policy
    return 0
}

export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -q -y -o DPkg::Lock::Timeout=900 -o Acquire::Retries=3 -o Acquire::http::Timeout=30 "$@" 8>&-; }

# try LOG COMMAND...: three attempts, the last lines of the log shown when all have failed.
try() {
    local log=$1 attempt
    shift
    for attempt in 1 2 3; do
        "$@" >>"$log" 2>&1 && return 0
        [ $attempt = 3 ] || sleep $((attempt * 5))
    done
    tail -n 15 "$log" >&2
    return 1
}

mkdir -p build/log && exec 8>build/log/packages.lock && flock 8 || die "cannot write build/log"
[ "$(id -u)" = 0 ] && guard_down

[ $# -gt 0 ] || die "which group? build, wine, dist, lint, bench or fuzz"
missing=()
for group in "$@"; do
    wanted=$(packages_of "$group") || die "no group '$group': build, wine, dist, lint, bench or fuzz"
    for package in $wanted; do
        is_installed "$package" || missing+=("$package")
    done
done
[ ${#missing[@]} = 0 ] && exit 0

command -v apt-get >/dev/null || die "this needs Debian's apt-get; install by hand: ${missing[*]}"
[ "$(id -u)" = 0 ] || die "must be root to install packages; run once as root: apt-get install ${missing[*]}"

log=build/log/packages.log
: >"$log"

say "installing ${#missing[@]} packages: ${missing[*]}"
# A broken third-party source makes the update fail and leaves the other lists usable: the installation decides.
try "$log" apt update || say "apt-get update reported errors (see $log); going on with the lists there are"

trap guard_down EXIT
trap 'exit 130' INT TERM HUP
guard_up
# An installation that was killed half-way is finished first; apt refuses everything else until then.
dpkg --configure -a >>"$log" 2>&1 8>&-
# --no-remove: another mail server on the machine is somebody's, and exim would push it out.
if ! try "$log" apt install --no-install-recommends --no-remove "${missing[@]}"; then
    die "could not install ${missing[*]}: is the machine offline, or would another package (a mail server?) have to go? The whole text is in $log"
fi
guard_down
trap - EXIT

# Ours alone must not make the machine a mail server at its next boot.
case " ${missing[*]} " in
*" exim4-daemon-light "*)
    update-rc.d exim4 disable >>"$log" 2>&1
    command -v systemctl >/dev/null && systemctl disable exim4.service exim4-base.timer >>"$log" 2>&1
    ;;
esac
for package in "${missing[@]}"; do
    is_installed "$package" || die "apt-get said yes, but $package is not installed; see $log"
done
say "installed"

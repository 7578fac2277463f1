# shellcheck shell=bash
# tests/wine/msi.sh: what the tests of the packages share. Sourced after bed_open: the packages are then in C:\packages (old.msi, new.msi,
# other.msi for the other kind of Windows), and the machine as it was before is the snapshot "clean".

service_key='HKLM\System\CurrentControlSet\Services\storewatch'
source_key='HKLM\System\CurrentControlSet\Services\EventLog\Application\storewatch'
data="$disk/ProgramData/storewatch"
config="$data/storewatch.json"
program="$disk/Program Files/storewatch"
version=$(sed -n 's/^VERSION := //p' Makefile)
previous=$(sed -n 's/^PREVIOUS_VERSION := //p' Makefile)

# Wine hands the last byte of Windows Installer's error on: 1603 is 67.
msi() { win msiexec "$@" /qn /L*v 'C:\packages\msi.log'; }
fails() { ! "$@"; }
# breaks NAME SQL: changes a table of C:\packages\NAME.msi
breaks() { msibuild "$disk/packages/$1.msi" -q "$2"; }
log() { tr -d '\000\r' <"$disk/packages/msi.log"; }
runs_version() { service_is storewatch running && contains "$(win 'C:\Program Files\storewatch\storewatch.exe' version)" "^storewatch $1\$"; }
product_codes() { win reg query 'HKLM\Software\Microsoft\Windows\CurrentVersion\Uninstall' | grep -o '{.*}'; }
product_code() { local code && for code in $(product_codes); do win reg query "HKLM\\Software\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\$code" /v DisplayName | grep -q storewatch && echo "$code"; done; }
machine_path() { win reg query 'HKLM\System\CurrentControlSet\Control\Session Manager\Environment' /v PATH; }

# ---- the machine, as two lists: one line a file with its size, one line a value of the registry
# Not looked at: what Windows itself writes while it runs, how Wine notes hardware, and empty keys of Windows Installer's own (it makes them
# when it is first used; Wine leaves those of components behind after a rollback).
files() {
    (cd "$disk" && find . \( -path ./packages -o -path ./users -o -path ./windows/temp -o -path ./windows/Temp \) -prune -o -type d -print -o -type f -printf '%p %s\n') | sort
}
registry() {
    win regedit /E 'C:\packages\machine.reg' HKEY_LOCAL_MACHINE >/dev/null &&
        iconv -f UTF-16 -t UTF-8 "$disk/packages/machine.reg" | tr -d '\r' | awk '
            /^\[/ { key = $0; print key; next }
            /^ / { value = value $0; next }
            { if (value != "") print key " " value; value = $0 }
            END { print key " " value }' | sort -u |
        grep -vE '^\[.*\\Installer(\\[^"]*)?\]$' | grep -viE '\\(Hardware|Enum|Class|DeviceClasses|Video|Tcpip|ServiceCurrent|Perflib|NetworkCards|RNG|Winmgmt|Eventlog\\(System|Security)|GuidTable)\b|"(PATH)"='
}
snapshot() {
    files >"$bed/$1.files"
    registry >"$bed/$1.registry"
    [ "$(wc -l <"$bed/$1.registry")" -gt 10000 ] || not_ok "the registry is read for the snapshot '$1'"
}
# same WHICH A B: nothing has come, gone or changed
same() { diff "$bed/$2.$1" "$bed/$3.$1"; }
# What is there in B and was not in A.
added() { diff "$bed/$2.$1" "$bed/$3.$1" | sed -n 's/^> //p'; }

bed_closing() { [ ! -e "$disk/packages/msi.log" ] || log >"$bed/msi.log"; }

mkdir -p "$disk/packages"
must "the packages are there" cp "build/dist/storewatch-$version-$arch.msi" "build/previous/$arch/storewatch.msi" "$disk/packages/"
other=$([ "$arch" = x64 ] && echo x86 || echo x64)
cp "build/dist/storewatch-$version-$other.msi" "$disk/packages/other.msi"
mv "$disk/packages/storewatch-$version-$arch.msi" "$disk/packages/new.msi"
mv "$disk/packages/storewatch.msi" "$disk/packages/old.msi"
old='C:\packages\old.msi' new='C:\packages\new.msi'
path_before=$(machine_path)
mkdir -p "$disk/windows/Installer" # Windows Installer makes it when it is first used
snapshot clean

#!/bin/bash
# installer/deps.sh: the libraries storewatch links, from Debian source packages, static, once.
#
#   build/deps/TARGET/{include,lib}   for TARGET x64 and x86 (Windows, MinGW) and native (the tests and the Linux executable)
#   build/deps/download/PACKAGE/      archives as downloaded      build/deps/source/PACKAGE/   unpacked and patched
#   build/deps/ready                  changes when, and only when, a library did: everything built on top depends on it
#
# Invariants: a step's result appears under its name by one rename, and its stamp after it, so a run that was killed at any moment
# leaves nothing that the next run takes for finished. A stamp holds the hash of what the step is made from (pins and recipe):
# it is redone when that hash changes, for that library only. Archives are compared with installer/deps.lock before each unpacking.
# The recipes compile the sources directly, without the packages' own configure or cmake runs: these take longer than the compiler.
#
# JOBS=N limits the compilers at work (default: the number of processors).
set -uo pipefail
cd "$(dirname "$0")/.." || exit 3
unset MAKEFLAGS MFLAGS MAKELEVEL CPATH C_INCLUDE_PATH LIBRARY_PATH CFLAGS CPPFLAGS LDFLAGS
export LC_ALL=C
shopt -s extglob

root=$PWD
lock=$root/installer/deps.lock
deps=$root/build/deps
logs=$root/build/log
jobs=${JOBS:-$(nproc)}

# Longest first, so that no processor idles at the end.
units="curl:x64 sqlite3:native sqlite3:x64 sqlite3:x86 libuv1:x64 curl:x86 libuv1:x86 jansson:native jansson:x64 jansson:x86 cmocka:native"
packages="curl sqlite3 libuv1 jansson cmocka"

say() { printf '== %s\n' "$*"; }
die() {
    printf 'installer/deps.sh: %s\n' "$*" >&2
    exit 3
}

# ---- the pins

pins_of() { awk -v name="$1" '!/^#/ && $1 == name { print $3, $4 }' "$lock"; }
upstream_of() { awk -v name="$1" '!/^#/ && $1 == name { print $2; exit }' "$lock"; }
hash_of() { sha256sum | cut -d' ' -f1; }

# stamped FILE HASH: was the step already done from exactly this?
stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
stamp() {
    printf '%s\n' "$2" >"$1.new" && mv -f "$1.new" "$1" || die "cannot write $1"
}

# ---- fetching

# The machine's apt knows where Debian is but usually reads the lists of binary packages only. This writes the same sources with
# deb-src in place of deb into a private folder; apt's own settings (proxy, keys, certificates) stay in force.
write_source_lists() {
    local parts=$deps/apt/parts file
    rm -rf "$parts" && mkdir -p "$parts" "$deps/apt/lists/partial" "$deps/apt/cache/archives/partial" || die "cannot write $parts"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] || continue
        sed -nE 's/^[[:space:]]*deb(-src)?[[:space:]]+/deb-src /p' "$file" | grep -v 'cdrom:'
    done | awk '!seen[$0]++' >"$parts/machine.list"
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] || continue
        sed -E 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$parts/${file##*/}"
    done
    grep -qsE '^(deb-src|Types:)' "$parts"/* || die "this machine's apt has no sources (/etc/apt/sources.list, /etc/apt/sources.list.d): nowhere to fetch from"
}

# As root apt drops to a user of its own, which need not be able to read this folder.
apt_options() {
    printf '%s\n' -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$deps/apt/parts" -o Dir::State::Lists="$deps/apt/lists" \
        -o Dir::Cache="$deps/apt/cache" -o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::http::Timeout=30 -o Acquire::https::Timeout=30
}

# revision_for PACKAGE: the newest version on offer whose archives are exactly the pinned ones.
revision_for() {
    local best='' version sums pin
    while read -r version sums; do
        while read -r pin; do
            case " $sums " in *" ${pin/ /=} "*) ;; *) continue 2 ;; esac
        done < <(pins_of "$1")
        if [ -z "$best" ] || dpkg --compare-versions "$version" gt "$best"; then best=$version; fi
    done < <(offers_of "$1")
    printf '%s\n' "$best"
}

# offers_of PACKAGE: a line per version on offer: VERSION SHA256=FILE ...
offers_of() {
    apt-cache "${apt[@]}" showsrc --only-source "$1" 2>>"$log" | awk -v RS= '{
        line = ""; version = ""; count = split($0, rows, "\n")
        for (i = 1; i <= count; i++) {
            if (rows[i] ~ /^Version: /) version = substr(rows[i], 10)
            n = split(rows[i], word, " ")
            if (n == 3 && length(word[1]) == 64) line = line " " word[1] "=" word[3]
        }
        if (version != "") print version line }'
}

lists_are_fresh=
refresh_source_lists() {
    [ -n "$lists_are_fresh" ] && return
    lists_are_fresh=1
    mapfile -t apt < <(apt_options)
    write_source_lists
    say "reading the list of source packages"
    # One bad third-party source makes this fail and leaves the others' lists in place: what counts is what is found in them.
    apt-get "${apt[@]}" update >"$logs/source-lists.log" 2>&1 || say "apt-get update reported errors, going on with the lists it got (see build/log/source-lists.log)"
}

# verified PACKAGE DIR: are the archives in DIR the pinned ones? One that is not is set aside, so that the next run fetches it anew.
verified() {
    local sum file got
    while read -r sum file; do
        [ -e "$2/$file" ] || return 1
        got=$(sha256sum <"$2/$file" | cut -d' ' -f1)
        [ "$got" = "$sum" ] && continue
        mv -f "$2/$file" "$2/$file.refused"
        rm -f "$2/complete"
        die "$file is not the pinned archive and is refused.
    expected SHA-256 $sum  (installer/deps.lock)
    got      SHA-256 $got  (set aside as ${2#"$root"/}/$file.refused)
  Run again to fetch it anew. If it is refused again, do not change the pin before you know why."
    done < <(pins_of "$1")
}

# refuse_offer PACKAGE: says why no version will do: there is none, or its archives are others than the pinned ones.
refuse_offer() {
    local offers upstream
    offers=$(offers_of "$1") upstream=$(upstream_of "$1")
    if [ -z "$offers" ]; then
        tail -n 8 "$logs/source-lists.log" >&2
        die "apt offers no source package '$1' (above: what it said about its lists). Is the machine offline?"
    fi
    die "no version of $1 on offer consists of the pinned archives.
$(pins_of "$1" | sed -E 's/^(\S+) (\S+)/    expected SHA-256 \1  \2  (installer\/deps.lock)/')
$(awk '{ for (i = 2; i <= NF; i++) if ($i ~ /\.orig/) { split($i, a, "="); print "    offered  SHA-256 " a[1] "  " a[2] "  (version " $1 ")" } }' <<<"$offers")
  storewatch is built from $1 $upstream, which Debian 12 has. Do not change the pin before you know why it differs."
}

fetch() {
    local name=$1 pins dir=$deps/download/$1 version attempt
    pins=$(pins_of "$name" | hash_of)
    stamped "$dir/complete" "$pins" && verified "$name" "$dir" && return

    refresh_source_lists
    log=$logs/fetch-$name.log
    : >"$log"
    version=$(revision_for "$name")
    [ -n "$version" ] || refuse_offer "$name"
    say "fetching $name $version"
    # Another revision's description may be left here; the archive itself, also half of it, is kept and completed.
    mkdir -p "$dir" && rm -f "$dir"/*.dsc "$dir"/*.debian.tar.* "$dir"/*.diff.* || die "cannot write $dir"
    for attempt in 1 2 3; do
        (cd "$dir" && apt-get "${apt[@]}" source --download-only "$name=$version") >>"$log" 2>&1 && break
        if [ $attempt = 3 ]; then
            tail -n 12 "$log" >&2
            die "could not fetch $name $version (above: what apt said). What has arrived is kept: run again to go on."
        fi
        sleep $((attempt * 3))
    done
    verified "$name" "$dir" || die "apt fetched $name $version, but not every archive that installer/deps.lock pins"
    stamp "$dir/complete" "$pins"
}

unpack() {
    local name=$1 tree=$deps/source/$1 made_from
    made_from=$({ pins_of "$name"; declare -f "prepare_$name"; } | hash_of)
    stamped "$tree/.complete" "$made_from" && return
    verified "$name" "$deps/download/$name" || die "an archive of $name has vanished from ${deps#"$root"/}/download: run again"
    log=$logs/unpack-$name.log
    rm -rf "$tree" "$tree.new" && mkdir -p "$deps/source" || die "cannot write $tree"
    dpkg-source --no-copy --no-check -x "$deps/download/$name"/*.dsc "$tree.new" >"$log" 2>&1 && (cd "$tree.new" && "prepare_$name") >>"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        die "could not unpack $name; the whole text is in ${log#"$root"/}"
    }
    stamp "$tree.new/.complete" "$made_from"
    mv "$tree.new" "$tree" || die "cannot write $tree"
}

# ---- compiling

# settings TARGET: cc, ar and flags. 0x0502 is Windows Server 2003; PSAPI_VERSION=1 keeps psapi.dll's names (K32... is newer).
settings() {
    # Not -fdata-sections: for Windows it would store zero-filled variables byte by byte in the file.
    flags="-O2 -ffunction-sections -fstack-protector-strong -w -Werror=implicit-function-declaration"
    case $1 in
    native) cc=gcc ar=ar flags="$flags -D_FORTIFY_SOURCE=2" ;;
    x64) cc=x86_64-w64-mingw32-gcc-win32 ar=x86_64-w64-mingw32-ar ;;
    x86) cc=i686-w64-mingw32-gcc-win32 ar=i686-w64-mingw32-ar flags="$flags -march=i686 -mtune=generic" ;;
    esac
    [ "$1" = native ] || flags="$flags -D_WIN32_WINNT=0x0502 -DWINVER=0x0502 -DPSAPI_VERSION=1"
}

# archive NAME "FLAGS" SOURCE...: compiles the sources and makes $out/lib/libNAME.a of them.
archive() {
    local library=$1 extra=$2 source object
    shift 2
    for source in "$@"; do
        object=$out/obj/${source//\//_}
        $cc $flags $extra -c "$source" -o "${object%.c}.o" || return 1
    done
    $ar rcs "$out/lib/lib$library.a" "$out"/obj/*.o
}

prepare_libuv1() {
    # A table for files opened with UV_FS_O_FILEMAP, of which storewatch has none: 2.6 MB of static memory become 10 KB.
    sed -i 's/^#define UV__FD_HASH_SIZE 256$/#define UV__FD_HASH_SIZE 1/' src/win/fs-fd-hash-inl.h && grep -q 'FD_HASH_SIZE 1$' src/win/fs-fd-hash-inl.h &&
        # A performance counter that steps back (KB 895980: old machines, and guests) stops the loop's clock for that moment, not the service.
        sed -i 's/^  assert(new_time >= loop->time);$/  if (new_time < loop->time) return;/' src/win/core.c && grep -q 'if (new_time < loop->time) return;' src/win/core.c &&
        # To post that a job is done takes of the system's pool. When that is empty storewatch waits, and is not ended by libuv.
        sed -i '/^#define POST_COMPLETION_FOR_REQ/,/^  }/{s/if (!Post/while (!Post/;s/uv_fatal_error(GetLastError(), "PostQueuedCompletionStatus")/Sleep(10)/}' src/win/req-inl.h &&
        grep -A5 'define POST_COMPLETION_FOR_REQ' src/win/req-inl.h | grep -c 'while (!Post\|Sleep(10);' | grep -qx 2
}
build_libuv1() {
    # 0x0600: libuv's own structures need condition variables, whatever the caller asks for.
    archive uv "-D_WIN32_WINNT=0x0600 -DWIN32_LEAN_AND_MEAN -D_CRT_DECLARE_NONSTDC_NAMES=0 -Iinclude -Isrc" src/*.c src/win/*.c || return 1
    cp -r include/uv.h include/uv "$out/include"
}

prepare_jansson() {
    sed -e 's/@json_inline@/inline/' -e 's/@json_have_long_long@/1/' -e 's/@json_have_localeconv@/1/' \
        -e 's/@json_have_atomic_builtins@/1/' -e 's/@json_have_sync_builtins@/1/' src/jansson_config.h.in >src/jansson_config.h
    # No source of randomness is named: hashes are seeded from the clock and the pid, enough for a configuration file.
    local have
    for have in STDINT_H INTTYPES_H SYS_TYPES_H LOCALE_H GETPID UNISTD_H GETTIMEOFDAY SYS_TIME_H SETLOCALE STRTOLL; do
        echo "#define HAVE_$have 1"
    done >src/jansson_private_config.h
    echo '#define INITIAL_HASHTABLE_ORDER 3' >>src/jansson_private_config.h
}
build_jansson() {
    archive jansson "-DHAVE_CONFIG_H -Isrc" src/*.c || return 1
    cp src/jansson.h src/jansson_config.h "$out/include"
}

prepare_curl() {
    # Debian's fix of CVE-2023-38039 lets pingpong.c, which SMTP needs, call a function of http.c, which a build without HTTP
    # leaves out (upstream too, at first): that one function goes where it is called.
    grep -q Curl_bump_headersize lib/pingpong.c || return 0
    { grep '^#define MAX_HTTP_RESP_HEADER_SIZE' lib/http.h && sed -n '/^CURLcode Curl_bump_headersize/,/^}/p' lib/http.c; } >lib/bump_headersize.h &&
        sed -i '/^#include "memdebug.h"/a #include "bump_headersize.h"' lib/pingpong.c
}
build_curl() {
    # lib/config-win32.h is curl's own hand-made configuration for this way of building. SMTP and SMTPS only; Windows does TLS and NTLM/Kerberos.
    local without protocols="HTTP FTP FILE LDAP LDAPS TELNET DICT TFTP RTSP POP3 IMAP GOPHER MQTT SMB"
    local parts="PROXY COOKIES HTTP_AUTH ALTSVC HSTS DOH NETRC SOCKETPAIR GETOPTIONS LIBCURL_OPTION"
    without=$(printf ' -DCURL_DISABLE_%s' $protocols $parts)
    # Files that these switches leave empty would cost half of the time: each reads all of windows.h.
    local empty='altsvc|amigaos|asyn-ares|c-hyper|cf-http|cookie|curl_@(fnmatch|get_line|gssapi|ntlm_wb|path|range|rtmp)|dict|doh|file|fileinfo|fopen|ftp|'
    empty+='ftplistparser|gopher|h2h3|hostip4|hostsyn|hsts|http|http_*|imap|krb5|ldap|memdebug|mqtt|netrc|noproxy|openldap|pop3|psl|rename|rtsp|smb|'
    empty+='socketpair|socks|socks_*|strtok|telnet|tftp|wildcard|*_gssapi|gsasl|ntlm|bearssl|gskit|gtls|mbedtls*|nss|openssl|rustls|sectransp|wolfssl'
    archive curl "-DBUILDING_LIBCURL -DCURL_STATICLIB -DUSE_SCHANNEL -DUSE_WINDOWS_SSPI -DENABLE_IPV6 -DUSE_THREADS_WIN32 $without
        -DHAVE_SNPRINTF -Iinclude -Ilib" lib/!($empty).c lib/vauth/!($empty).c lib/vtls/!($empty).c || return 1
    mkdir "$out/include/curl" && cp include/curl/*.h "$out/include/curl"
}

prepare_sqlite3() { sh ./configure --disable-tcl --disable-readline --disable-shared && make sqlite3.c sqlite3.h; }
build_sqlite3() {
    local options="THREADSAFE=1 DQS=0 DEFAULT_MEMSTATUS=0 DEFAULT_WAL_SYNCHRONOUS=2 LIKE_DOESNT_MATCH_BLOBS MAX_EXPR_DEPTH=0 OMIT_DEPRECATED
        OMIT_LOAD_EXTENSION OMIT_SHARED_CACHE OMIT_PROGRESS_CALLBACK OMIT_DECLTYPE TEMP_STORE=3"
    archive sqlite3 "$(printf ' -DSQLITE_%s' $options)" sqlite3.c || return 1
    cp sqlite3.h "$out/include"
}

prepare_cmocka() {
    local have
    for have in ASSERT_H DLFCN_H INTTYPES_H MALLOC_H MEMORY_H SETJMP_H SIGNAL_H STDARG_H STDDEF_H STDINT_H STDIO_H STDLIB_H STRINGS_H STRING_H \
        SYS_STAT_H SYS_TYPES_H TIME_H UNISTD_H STRUCT_TIMESPEC CALLOC EXIT FPRINTF SNPRINTF VSNPRINTF FREE LONGJMP SIGLONGJMP MALLOC MEMCPY MEMSET \
        PRINTF SETJMP SIGNAL STRCMP STRCPY STRSIGNAL CLOCK_GETTIME GCC_THREAD_LOCAL_STORAGE CLOCK_REALTIME; do
        echo "#define HAVE_$have 1"
    done >config.h
    echo '#define WORDS_SIZEOF_VOID_P 8' >>config.h
}
build_cmocka() {
    archive cmocka "-DHAVE_CONFIG_H -I. -Iinclude" src/cmocka.c || return 1
    cp include/cmocka.h include/cmocka_pbc.h "$out/include" 2>/dev/null || cp include/cmocka.h "$out/include"
}

# made_from PACKAGE TARGET: the hash of all that goes into that library.
made_from() { { pins_of "$1"; declare -f "prepare_$1" "build_$1" archive settings; echo "$2"; } | hash_of; }

# build PACKAGE TARGET: into a folder of its own, then moved in place of the old one.
build() {
    local name=$1 target=$2 log=$logs/build-$1-$2.log started=$SECONDS
    out=$deps/$target/.$name.new
    rm -rf "$out" && mkdir -p "$out/obj" "$out/lib" "$out/include" || die "cannot write $out"
    settings "$target"
    (cd "$deps/source/$name" && "build_$name") >"$log" 2>&1 || {
        tail -n 25 "$log" >&2
        die "could not build $name for $target; the whole text is in ${log#"$root"/}"
    }
    mkdir -p "$deps/$target/lib" "$deps/$target/include" "$deps/$target/stamps"
    rm -rf "$out/obj"
    (cd "$out/include" && rm -rf $(printf "$deps/$target/include/%s " *) && mv -- * "$deps/$target/include/") && mv -f "$out"/lib/* "$deps/$target/lib/" || die "cannot write $deps/$target"
    rm -rf "$out"
    stamp "$deps/$target/stamps/$name" "$(made_from "$name" "$target")"
    say "built $name $(upstream_of "$name") for $target ($((SECONDS - started)) s)"
}

# ---- the run

mkdir -p "$deps/download" "$logs" || die "cannot write $deps"
exec 9>"$deps/.lock"
flock -n 9 || { say "another run is at work here; waiting for it" && flock 9; }
for name in $packages; do
    [ -n "$(pins_of "$name")" ] || die "installer/deps.lock has no line for $name"
done

todo=()
for unit in $units; do
    stamped "$deps/${unit#*:}/stamps/${unit%:*}" "$(made_from "${unit%:*}" "${unit#*:}")" || todo+=("$unit")
done
for name in $packages; do
    case " ${todo[*]-} " in *" $name:"*) fetch "$name" && unpack "$name" ;; esac
done

running=0 failed=0
for unit in "${todo[@]-}"; do
    [ -n "$unit" ] || continue
    if [ "$running" -ge "$jobs" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
    [ $failed = 0 ] || break
    # It inherits the lock: should this script be killed, the next run waits for what is still compiling.
    (build "${unit%:*}" "${unit#*:}") &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
[ $failed = 0 ] || die "a library could not be built"

ready=$(cat "$deps"/*/stamps/* | hash_of)
stamped "$deps/ready" "$ready" || stamp "$deps/ready" "$ready"

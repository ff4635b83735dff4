#!/bin/sh
# Makes this machine a volunteer: a few workers that join a Muster coordinator, compute for it and stay out of the way.
#
#   curl -fsSL URL/install.sh | sh                       4 workers; again: update
#   curl -fsSL URL/install.sh | sh -s -- --workers 2     as many as you like
#   curl -fsSL URL/install.sh | sh -s -- --uninstall     no trace stays
#
# They are containers where Docker or Podman may be used, else processes of yours. They connect out only, run Muster's own
# kernels and nothing that others send. The coordinator fills in the next four lines.
url='@URL@'
token='@TOKEN@'
architecture='@ARCHITECTURE@'
version='@VERSION@'

set -u
umask 077

workers=4
percent=100
kind=
uninstall=false
# Containers, their volume and their image are called so.
name=${MUSTER_VOLUNTEER_NAME:-muster-volunteer}
place=
undo=

say() { printf '%s\n' "$*"; }
# With an exit code of sysexits.h.
die() {
    code=$1
    shift
    printf 'install.sh: %s\n' "$*" >&2
    exit "$code"
}
has() { command -v "$1" >/dev/null 2>&1; }
# Of what the last command said; some engines end with where to read on.
last_word() { grep -vE "^$|^(Run|See) '" "$place/said" | tail -n 1; }

usage() {
    cat <<'END'
usage: sh install.sh [--workers N] [--cpu-percent P] [--native | --container] [--uninstall]
  --workers N      how many workers to have, 1 to 256; 4
  --cpu-percent P  the share of all processors that they may take, 1 to 100; 100, after everything else
  --native         processes, also where there is a container engine
  --container      containers or nothing
  --uninstall      remove the workers and every trace of them; asks nobody
END
}

workers() { if [ "$1" -eq 1 ]; then say "1 worker runs"; else say "$1 workers run"; fi; }

number() { # NAME VALUE MAX
    case $2 in
    '' | *[!0-9]* | ????*) die 64 "$1: '$2' is no number from 1 to $3" ;;
    esac
    { [ "$2" -ge 1 ] && [ "$2" -le "$3" ]; } || die 64 "$1: $2 is not from 1 to $3"
}

arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --workers | --cpu-percent) [ $# -gt 1 ] || die 64 "$1 needs a number" ;;
        esac
        case $1 in
        --workers) number "$1" "$2" 256 && workers=$2 && shift ;;
        --cpu-percent) number "$1" "$2" 100 && percent=$2 && shift ;;
        --native) kind=native ;;
        --container) kind=container ;;
        --uninstall) uninstall=true ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            die 64 "unknown: $1"
            ;;
        esac
        shift
    done
}

# --- Leaving nothing behind -------------------------------------------------------------------------------------------------

# Steps that take back what was done so far, newest first; none once all is well.
on_exit() {
    result=$?
    trap '' HUP INT TERM
    if [ -n "$undo" ]; then
        eval "$undo"
        undo=
        printf 'install.sh: nothing was left behind\n' >&2
    fi
    [ -z "$place" ] || rm -rf "$place"
    exit "$result"
}
later_undo() { undo="$1; $undo"; }

# One folder for all that is temporary. What an installer that was killed left is removed: its process is gone.
temporary() {
    base=${TMPDIR:-/tmp}
    sweep "$base"
    place=$base/muster-install.$$
    mkdir "$place" 2>/dev/null || {
        place=
        die 73 "cannot make a folder in $base: set TMPDIR to a place with 200 MB to spare"
    }
}
sweep() {
    for old in "$1"/muster-install.*; do
        if [ ! -d "$old" ] || [ ! -O "$old" ]; then continue; fi
        kill -0 "${old##*.}" 2>/dev/null || rm -rf "$old"
    done
}

# --- Fetching ---------------------------------------------------------------------------------------------------------------

choose_getter() {
    if has curl; then
        getter=curl
    elif has wget; then
        # Not every wget knows a limit of time, and one crashes over it.
        if wget --version 2>/dev/null | grep -q GNU; then getter='wget -T 60'; else getter=wget; fi
    elif has busybox && busybox wget --help >/dev/null 2>&1; then
        getter='busybox wget'
    else
        die 69 "neither curl nor wget is here: install one of them"
    fi
}

# fetch PATH FILE. With `bearer` set, as whoever has that token.
fetch() {
    set -- "$url$1" "$2"
    if [ "$getter" = curl ]; then
        if [ -n "${bearer:-}" ]; then set -- "$@" -H "Authorization: Bearer $bearer"; fi
        from=$1 to=$2
        shift 2
        curl -fsSL --connect-timeout 15 --speed-limit 1 --speed-time 60 "$@" -o "$to" "$from"
    else
        if [ -n "${bearer:-}" ]; then set -- "$@" --header "Authorization: Bearer $bearer"; fi
        from=$1 to=$2
        shift 2
        # shellcheck disable=SC2086 # words on purpose
        $getter -q "$@" -O "$to" "$from"
    fi
}

sha256() {
    if has sha256sum; then
        sha256sum "$1"
    elif has shasum; then
        shasum -a 256 "$1"
    elif has openssl; then
        openssl dgst -sha256 -r "$1"
    else
        die 69 "no sha256sum, shasum or openssl is here: what is fetched could not be checked"
    fi | cut -d ' ' -f 1
}

# checksum KIND: what the coordinator says of its image or archive; empty when it has none.
checksum() {
    fetch "/v1/$1.sha256" "$place/$1.sha256" 2>/dev/null || return 0
    cut -d ' ' -f 1 "$place/$1.sha256"
}

# fetch_checked PATH CHECKSUM: to $place/file.
fetch_checked() {
    fetch "$1" "$place/file" ||
        die 74 "$url$1 could not be fetched whole: is there room in ${TMPDIR:-/tmp} (else set TMPDIR), does the coordinator run?"
    found=$(sha256 "$place/file")
    [ "$found" = "$2" ] ||
        die 65 "$url$1 came with a wrong checksum ($found instead of $2): somebody or something changed it; nothing of it was run"
}

# Whether a token is still good there.
is_good() {
    [ -n "$1" ] || return 1
    bearer=$1
    fetch /v1/tokens/own /dev/null 2>/dev/null
    code=$?
    bearer=
    return "$code"
}

# --- The machine ------------------------------------------------------------------------------------------------------------

# quota_of FOLDER: microseconds in a period, and the period, of that control group; nothing where it has no quota.
quota_of() {
    if [ -r "$1/cpu.max" ]; then
        cat "$1/cpu.max"
    elif [ -r "$1/cpu.cfs_quota_us" ]; then
        cat "$1/cpu.cfs_quota_us" "$1/cpu.cfs_period_us"
    fi
}

# How many processors may be used: by affinity, and by the control groups' quotas, rounded up.
processors() {
    count=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
    for base in /sys/fs/cgroup /sys/fs/cgroup/cpu; do
        case $base in
        */cpu) group=$(sed -n 's/^[0-9]*:\([^:]*,\)*cpu\(,[^:]*\)*:\//\//p' /proc/self/cgroup 2>/dev/null) ;;
        *) group=$(sed -n 's/^0::\//\//p' /proc/self/cgroup 2>/dev/null) ;;
        esac
        case $group in *..*) group= ;; esac
        while :; do
            # shellcheck disable=SC2046 # words on purpose
            set -- $(quota_of "$base$group")
            case ${1:-max}${2:-max} in
            *[!0-9]*) ;;
            *)
                most=$((($1 + $2 - 1) / $2))
                [ "$most" -ge "$count" ] || count=$most
                ;;
            esac
            [ -n "$group" ] || break
            group=${group%/*}
        done
    done
    [ "$count" -ge 1 ] || count=1
    say "$count"
}

# --- Containers -------------------------------------------------------------------------------------------------------------

# Why each engine that is here is not used, for the summary.
refused=

engine_answers() {
    has "$1" || return 1
    if "$1" version >/dev/null 2>"$place/said"; then return 0; fi
    case $(cat "$place/said") in
    *ermission\ denied*) why="you may not use it (on your own machine: join the group docker)" ;;
    *) why="it does not answer" ;;
    esac
    refused="$refused; $1 is here, but $why"
    return 1
}

image_is_here() { "$1" image inspect "$2" >/dev/null 2>&1; }

# Loads the image under a name of our own. Other names that it brings are taken away again, unless they were here before.
load_image() {
    before=$("$engine" images --format '{{.Repository}}:{{.Tag}}')
    loaded=$("$engine" load -i "$place/file" 2>"$place/said" | sed -n 's/^Loaded image[^:]*: *//p' | tail -n 1)
    rm -f "$place/file"
    [ -n "$loaded" ] || {
        refused="$refused; $engine could not load the image: $(last_word)"
        return 1
    }
    "$engine" tag "$loaded" "$image" || return 1
    case $loaded in
    sha256:*) ;;
    *) printf '%s\n' "$before" | grep -qxF -- "$loaded" || "$engine" rmi "$loaded" >/dev/null 2>&1 || : ;;
    esac
}

# Takes what limits and networks the engine can do, by running a container that asks the coordinator.
probe() {
    # shellcheck disable=SC2086 # words on purpose
    "$engine" run --rm --label "$name=1" $1 $2 "$image" health "$url" >"$place/said" 2>&1
}

networks() {
    case $url in
    *//127.* | *//localhost[:/]* | *//localhost | *//\[::1\]*) say host ;;
    *)
        say default
        # Inside a container that has its engine's socket: what reaches the coordinator from here does from its network.
        # shellcheck disable=SC2016 # the engine's variables
        "$engine" inspect --format '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' "$(hostname 2>/dev/null || cat /etc/hostname)" 2>/dev/null |
            tr ' ' '\n' | grep -vE '^(bridge|host|none|)$'
        say host
        ;;
    esac
}

settle() {
    processors=$(processors)
    safe="--no-healthcheck --read-only --tmpfs /tmp:rw,nosuid,nodev,size=64m --cap-drop ALL --security-opt no-new-privileges"
    limits="--cpu-shares 2 --memory 512m --memory-swap 512m --pids-limit 256"
    if [ "$percent" -lt 100 ]; then
        # Hundredths of a processor for each worker, at least one of them.
        share=$((processors * percent / workers))
        [ "$share" -ge 1 ] || share=1
        limits="$limits --cpus $((share / 100)).$(printf %02d $((share % 100)))"
    fi
    # An engine that was given little itself may not raise what it would by default.
    low="--ulimit nofile=1024:1024 --ulimit nproc=16384:16384"
    for one in "$limits" "$limits $low" "--memory 512m --pids-limit 256" ""; do
        for network in $(networks); do
            reach=
            [ "$network" = default ] || reach="--network $network"
            if probe "$safe $one" "$reach"; then
                limits=$one
                return 0
            fi
        done
    done
    refused="$refused; $engine runs no container that reaches $url: $(last_word)"
    return 1
}

own_containers() { "$1" ps -aq --filter "label=$name=1"; }
# As the coordinator calls what it hands out, too: an engine may have loaded it when its installer was killed.
own_images() {
    "$1" images --format '{{.Repository}}:{{.Tag}}' | grep -E "^(localhost/|docker.io/library/)?($name|muster-volunteer):" || :
}

remove_containers() {
    # shellcheck disable=SC2046 # words on purpose
    set -- "$1" $(own_containers "$1")
    [ $# -gt 1 ] || return 0
    tool=$1
    shift
    # Asked first, so that what they hold is handed back.
    "$tool" stop -t 8 "$@" >/dev/null 2>&1 || :
    "$tool" rm -f -v "$@" >/dev/null 2>&1 || :
}

remove_images() { # ENGINE [BUT]
    for one in $(own_images "$1"); do
        [ "${one#localhost/}" = "${2:-}" ] || "$1" rmi "$one" >/dev/null 2>&1 || :
    done
}

# The token that containers here were given by this coordinator; what they did stays in its name.
container_token() {
    for one in $(own_containers "$engine"); do
        "$engine" inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$one" 2>/dev/null >"$place/env"
        if grep -qxF "MUSTER_JOIN=$url" "$place/env"; then
            sed -n 's/^MUSTER_TOKEN=//p' "$place/env"
            return
        fi
    done
}

keep_token() {
    if [ -n "$1" ] && [ "$1" != "$token" ] && is_good "$1"; then token=$1; fi
}

start_containers() {
    MUSTER_TOKEN=$token MUSTER_JOIN=$url
    export MUSTER_TOKEN MUSTER_JOIN
    host=$(hostname 2>/dev/null || cat /etc/hostname 2>/dev/null || echo volunteer)
    i=1
    while [ "$i" -le "$workers" ]; do
        # shellcheck disable=SC2086 # words on purpose
        "$engine" run -d --name "$name-$i" --label "$name=1" --restart unless-stopped $safe $limits $reach \
            --log-opt max-size=1m -v "$name:/data" -e MUSTER_TOKEN -e MUSTER_JOIN "$image" \
            worker --slots 1 --docker-socket none --name "$host-$i" >/dev/null 2>"$place/said" ||
            die 71 "$engine could not start a worker: $(last_word)"
        i=$((i + 1))
    done
}

# For a day on which the coordinator is gone: this script, where workers that are processes would be.
keep_copy() {
    homes >"$place/homes"
    read -r home <"$place/homes"
    find_top "$home"
    [ -d "$home" ] || { mkdir -p "$home" && say "$top" >"$home/top"; } 2>/dev/null || return 0
    fetch /install.sh "$home/install.sh" 2>/dev/null || rm -f "$home/install.sh"
}

# Answers false where containers cannot be had, with the reasons in `refused`.
install_containers() {
    sum=$(checksum image)
    if [ -z "$sum" ]; then
        refused="$refused; the coordinator has no image to give"
        return 1
    fi
    image=$name:$(printf %.12s "$sum")
    for engine in docker podman; do
        engine_answers "$engine" || continue
        if ! image_is_here "$engine" "$image"; then
            later_undo "remove_images $engine"
            [ -z "$(own_images "$engine")" ] || undo="\"$engine\" rmi \"$image\" >/dev/null 2>&1"
            fetch_checked /v1/image.tar "$sum"
            load_image || {
                eval "$undo"
                undo=
                continue
            }
        fi
        settle || {
            eval "$undo"
            undo=
            continue
        }
        keep_token "$(container_token)"
        "$engine" volume inspect "$name" >/dev/null 2>&1 || later_undo "\"$engine\" volume rm -f \"$name\" >/dev/null 2>&1"
        later_undo "remove_containers \"$engine\""
        remove_containers "$engine"
        start_containers
        undo=
        remove_images "$engine" "$image"
        return 0
    done
    return 1
}

summary_containers() {
    say "$(workers "$workers") for $url, as containers of $engine: $name-1 and on, image $image, results kept in the volume $name."
    case $limits in
    *cpu-shares*) say "Each has 512 MB of memory, no privileges, a root it cannot write to, and a processor when nobody else wants it." ;;
    *) say "Each has no privileges and a root it cannot write to. This engine cannot set all limits; set are: ${limits:-none}." ;;
    esac
    if [ "$engine" = podman ]; then
        say "After a reboot Podman starts them only with its service: systemctl --user enable podman-restart"
    else
        say "They start again with the machine."
    fi
}

# --- Processes --------------------------------------------------------------------------------------------------------------

homes() {
    [ -z "${XDG_DATA_HOME:-}" ] || say "$XDG_DATA_HOME/muster"
    [ -z "${HOME:-}" ] || say "$HOME/.local/share/muster"
    say "/var/tmp/muster-$(id -u)"
}

# Makes, of the folders that may be, the first that can be written to and run from. Which of its parents are new is kept in it.
make_home() {
    homes >"$place/homes"
    while read -r home; do
        find_top "$home"
        if [ -d "$home" ]; then was_here=true; else was_here=false; fi
        if try_home; then
            home=$(cd "$home" && pwd -P)
            $was_here || later_undo "rm -rf '$home'; remove_empty '$(dirname "$home")' '$top'"
            return 0
        fi
        rm -f "$home/try" 2>/dev/null
        $was_here || rm -rf "$home"
        $was_here || remove_empty "$(dirname "$home")" "$top"
        say "$home cannot be used: it is read-only, full, another's, or nothing may be run from it" >&2
    done <"$place/homes"
    die 73 "there is no place for the workers; set XDG_DATA_HOME to a folder of yours that can be written to"
}

try_home() {
    case $home in *\'*) return 1 ;; esac
    { mkdir -p "$home" && [ -O "$home" ] && [ ! -L "$home" ]; } 2>/dev/null || return 1
    { $was_here || say "$top" >"$home/top"; } 2>/dev/null || return 1
    { printf '#!/bin/sh\n' >"$home/try" && chmod 700 "$home/try" && "$home/try"; } 2>/dev/null || return 1
    rm -f "$home/try"
}

# Sets top: of a folder and those around it, the outermost that would have to be made.
find_top() {
    top=$1
    while [ ! -d "$(dirname "$top")" ]; do top=$(dirname "$top"); done
}

# Folders from the inside out, as far as they are empty and were made by this script.
remove_empty() { # FROM TOP
    folder=$1
    while case $folder in "$2" | "$2"/*) true ;; *) false ;; esac do
        rmdir "$folder" 2>/dev/null || return 0
        folder=$(dirname "$folder")
    done
}

# Numbers of the processes of the installation in a folder.
processes() {
    for process in /proc/[0-9]*; do
        [ -O "$process" ] || continue
        case $(tr '\0' ' ' <"$process/cmdline" 2>/dev/null) in
        "/bin/sh $1/run "* | "$1/app/lib/"*) say "${process#/proc/}" ;;
        esac
    done
}

stop_native() {
    if has systemctl && [ -f "$(unit)" ]; then systemctl --user stop "$name.service" >/dev/null 2>&1 || :; fi
    tries=0
    while running=$(processes "$1") && [ -n "$running" ]; do
        signal=TERM
        [ "$tries" -lt 12 ] || signal=KILL
        # Once asked, they take their time to hand back what they hold.
        # shellcheck disable=SC2086 # words on purpose
        case $tries in 0 | 12 | 13 | 14) kill -"$signal" $running 2>/dev/null || : ;; esac
        [ "$tries" -lt 15 ] || return 0
        sleep 1
        tries=$((tries + 1))
    done
}

unit() { say "${XDG_CONFIG_HOME:-${HOME:-/nonexistent}/.config}/systemd/user/$name.service"; }

write_run() {
    cat >"$home/run" <<'END'
#!/bin/sh
# Keeps the volunteer's workers of this folder going, until it is told to end.
set -u
umask 077
# Of memory, for each worker: half a gigabyte of its own.
ulimit -d 524288 2>/dev/null || :
home=$(cd "$(dirname "$0")" && pwd -P) || exit 71
cd "$home" || exit 71
# Also after a reboot, when another process may have that number.
if read -r other 2>/dev/null <run.pid && [ "$other" != $$ ] &&
    tr '\0' ' ' <"/proc/$other/cmdline" 2>/dev/null | grep -qF "$home/run"; then
    exit 0
fi
echo $$ >run.pid
# shellcheck disable=SC1091
. ./settings
export MUSTER_TOKEN MUSTER_JOIN
low=
! nice -n 19 true 2>/dev/null || low="nice -n 19"
! ionice -c 3 true 2>/dev/null || low="$low ionice -c 3"
host=$(hostname 2>/dev/null || cat /etc/hostname 2>/dev/null || echo volunteer)
keep() {
    child=
    trap '[ -z "$child" ] || kill "$child" 2>/dev/null; wait; exit 0' TERM INT HUP
    pause=1
    while :; do
        began=$(date +%s)
        $low ./app/muster worker --slots 1 --docker-socket none --data ./data --name "$host-$1" --log-level error >"log-$1" 2>&1 &
        child=$!
        wait "$child"
        if [ $(($(date +%s) - began)) -ge 60 ]; then pause=1; else pause=$((pause * 2)); fi
        [ "$pause" -le 300 ] || pause=300
        sleep "$pause" &
        child=$!
        wait "$child"
    done
}
children=
trap 'trap "" TERM INT HUP; kill $children 2>/dev/null; wait; rm -f run.pid; exit 0' TERM INT HUP
i=1
while [ "$i" -le "$WORKERS" ]; do
    keep "$i" &
    children="$children $!"
    i=$((i + 1))
done
wait
END
    chmod 700 "$home/run"
}

write_settings() {
    run_workers=$workers
    processors=$(processors)
    if [ "$percent" -lt 100 ]; then
        # A worker takes one processor at most: fewer of them take no more than that share.
        most=$((processors * percent / 100))
        [ "$most" -ge 1 ] || most=1
        [ "$run_workers" -le "$most" ] || run_workers=$most
    fi
    printf "MUSTER_JOIN='%s'\nMUSTER_TOKEN='%s'\nWORKERS=%s\n" "$url" "$token" "$run_workers" >"$home/settings"
}

native_token() {
    [ -f "$home/settings" ] && grep -qxF "MUSTER_JOIN='$url'" "$home/settings" || return 0
    sed -n "s/^MUSTER_TOKEN='\(.*\)'\$/\1/p" "$home/settings"
}

start_with_systemd() {
    has systemctl && [ -n "${HOME:-}" ] && systemctl --user show-environment >/dev/null 2>&1 || return 1
    file=$(unit)
    folder=$(dirname "$file")
    if [ ! -d "$folder" ]; then
        find_top "$folder"
        say "$top" >"$home/unit-top"
    fi
    mkdir -p "$folder" || return 1
    cat >"$file" <<END
[Unit]
Description=Volunteer workers for $url
[Service]
ExecStart=/bin/sh "$home/run"
Restart=always
RestartSec=10
Nice=19
IOSchedulingClass=idle
CPUWeight=1
MemoryMax=$((run_workers * 512))M
CPUQuota=$((percent * processors))%
NoNewPrivileges=true
[Install]
WantedBy=default.target
END
    if systemctl --user daemon-reload && systemctl --user enable "$name.service" && systemctl --user restart "$name.service"; then
        if lingers; then
            linger=
        elif loginctl enable-linger && lingers; then
            linger=
            say yes >"$home/linger"
        else
            linger=" once you log in"
        fi
        how="A service of yours, $name, starts them with the machine$linger."
        return 0
    fi >/dev/null 2>&1
    rm -f "$file"
    remove_unit_folders "$home"
    return 1
}
# As far as they were made for the unit, and nothing else is in them.
remove_unit_folders() { # HOME
    [ -f "$1/unit-top" ] || return 0
    folder=$(dirname "$(unit)")
    rmdir "$folder/default.target.wants" 2>/dev/null || :
    remove_empty "$folder" "$(cat "$1/unit-top")"
}
# Whether services of this user run while nobody is logged in.
lingers() { loginctl show-user "$(id -un)" -p Linger 2>/dev/null | grep -q =yes; }

cron_runs() {
    has crontab || return 1
    for process in /proc/[0-9]*/comm; do
        case $(cat "$process" 2>/dev/null) in cron | crond | fcron | busybox-crond) return 0 ;; esac
    done
    return 1
}

crontab_without() { crontab -l 2>/dev/null | grep -vF "# $name" || :; }

start_native() {
    if start_with_systemd; then return 0; fi
    if cron_runs && { crontab_without && say "@reboot /bin/sh '$home/run' # $name"; } | crontab - 2>/dev/null; then
        how="Cron starts them with the machine."
    else
        how="Nothing here starts them again after a reboot (no systemd of yours, no cron that runs): run this line again then."
    fi
    if has setsid; then
        setsid /bin/sh "$home/run" </dev/null >/dev/null 2>&1 &
    else
        nohup /bin/sh "$home/run" </dev/null >/dev/null 2>&1 &
    fi
}

install_native() {
    [ "$(uname -s)" = Linux ] ||
        die 69 "this is $(uname -s): without a container engine only Linux can be a volunteer (install Docker or Podman)$refused"
    [ "$(uname -m)" = "$architecture" ] ||
        die 69 "this is a $(uname -m), the coordinator's program is for $architecture: a coordinator on such a machine is needed$refused"
    sum=$(checksum archive)
    [ -n "$sum" ] || die 69 "$url has no program to give: $(fetch /v1/archive.sha256 /dev/null 2>&1 | tail -n 1)"
    make_home
    rm -rf "$home"/app.*
    later_undo "rm -rf '$home'/app.*"
    fetch_checked /v1/archive.tar.gz "$sum"
    stage=$home/app.$$
    if ! mkdir "$stage" || ! gzip -dc "$place/file" | (cd "$stage" && tar -xf -) 2>"$place/said"; then
        die 74 "the program could not be unpacked into $home, which needs 100 MB: $(last_word)"
    fi
    rm -f "$place/file"
    "$stage/muster-native/muster" --version >"$place/said" 2>&1 ||
        die 71 "the program does not run here: $(last_word)"
    keep_token "$(native_token)"
    stop_native "$home"
    rm -rf "$home/app"
    if ! mv "$stage/muster-native" "$home/app" || ! write_run || ! write_settings; then die 74 "cannot write to $home"; fi
    fetch /install.sh "$home/install.sh" 2>/dev/null || rm -f "$home/install.sh"
    rm -rf "$stage"
    start_native
    undo=
}

summary_native() {
    say "$(workers "$run_workers") for $url, as processes, in $home (results are kept there, too)."
    say "Each takes a processor when nobody else wants it. $how"
}

# --- Both -------------------------------------------------------------------------------------------------------------------

uninstall_native() { # HOME
    if [ ! -d "$1" ] || [ ! -O "$1" ]; then return 0; fi
    if [ ! -f "$1/settings" ] && [ ! -f "$1/top" ]; then return 0; fi
    stop_native "$(cd "$1" && pwd -P)"
    top=$(cat "$1/top" 2>/dev/null || say "$1")
    [ ! -f "$1/linger" ] || loginctl disable-linger >/dev/null 2>&1 || :
    remove_unit_folders "$1"
    rm -rf "$1"
    case $1 in "$top"/*) remove_empty "$(dirname "$1")" "$top" ;; esac
    say "removed $1"
}

uninstall_service() {
    file=$(unit)
    if [ -f "$file" ]; then
        systemctl --user disable --now "$name.service" >/dev/null 2>&1 || :
        rm -f "$file"
        systemctl --user daemon-reload >/dev/null 2>&1 || :
        say "removed $file"
    fi
    if has crontab && crontab -l 2>/dev/null | grep -qF "# $name"; then
        left=$(crontab_without)
        if [ -n "$left" ]; then printf '%s\n' "$left" | crontab -; else crontab -r; fi
        say "removed a line of your crontab"
    fi
}

uninstall_containers() {
    for engine in docker podman; do
        if ! has "$engine" || ! "$engine" version >/dev/null 2>&1; then continue; fi
        [ -z "$(own_containers "$engine")$(own_images "$engine")$("$engine" volume ls -q --filter "name=^$name\$")" ] && continue
        remove_containers "$engine"
        "$engine" volume rm -f "$name" >/dev/null 2>&1 || :
        remove_images "$engine"
        say "removed the containers, the volume and the image of $engine"
    done
}

uninstall_all() {
    uninstall_containers
    uninstall_service
    place=${TMPDIR:-/tmp}/muster-install.$$
    homes | while read -r each; do uninstall_native "$each"; done
    sweep "${TMPDIR:-/tmp}"
    place=
    say "No workers of $name are left here."
}

main() {
    arguments "$@"
    trap on_exit EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if $uninstall; then
        uninstall_all
        return 0
    fi
    case $url in http*) ;; *) die 78 "this is the template; fetch the script itself: curl -fsSL http://COORDINATOR/install.sh" ;; esac
    choose_getter
    temporary
    if [ "$kind" != native ] && install_containers; then
        # Were they processes before, these end.
        uninstall_service >/dev/null
        homes | while read -r each; do uninstall_native "$each"; done >/dev/null
        keep_copy
        summary_containers
    else
        [ "$kind" != container ] || die 69 "no workers as containers: ${refused#; }"
        [ -z "$refused" ] || say "No containers: ${refused#; }."
        install_native
        summary_native
    fi
    say "Muster $version. To remove all of it: curl -fsSL $url/install.sh | sh -s -- --uninstall"
    [ ! -f "${home:-}/install.sh" ] || say "Without the coordinator: sh $home/install.sh --uninstall"
}

main "$@"

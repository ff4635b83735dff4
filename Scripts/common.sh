# Sourced by every script here: one place for messages, the package's root and the way programs are installed.
# shellcheck shell=bash
set -euo pipefail

MUSTER_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export MUSTER_ROOT
cd "$MUSTER_ROOT"

say() { printf '%s\n' "$*" >&2; }

# Exit codes are those of sysexits.h, as Muster's own commands use them.
die() {
    local code=$1
    shift
    say "$(basename "$0"): $*"
    exit "$code"
}

# Tries a command until it succeeds, for three minutes at most: `eventually WHAT COMMAND [ARGUMENT...]`.
eventually() {
    local what=$1
    shift
    for _ in $(seq 900); do
        ! "$@" || return 0
        sleep 0.2
    done
    die 1 "not within three minutes: $what"
}

# Whether a Debian package is installed. Asks the local database only, so it works offline.
has_package() {
    [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs the Debian packages that are missing of those named; does nothing, at once, when none is.
install_packages() {
    local missing=() package prefix=()
    if ! command -v dpkg-query >/dev/null; then
        die 69 "this is not Debian or Ubuntu, so nothing was installed." \
            "Install the equivalents of these packages with your own tools: $*"
    fi
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null ||
            die 77 "these packages are missing: ${missing[*]}. As root, run: apt-get install ${missing[*]}"
        prefix=(sudo)
    fi
    say "installing: ${missing[*]}"
    local apt=("${prefix[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends)
    # A fresh machine has no package lists; an old one has stale ones. So try, refresh, try again.
    "${apt[@]}" install "${missing[@]}" >/dev/null 2>&1 </dev/null && return 0
    "${apt[@]}" update >&2 </dev/null || say "apt-get update failed; trying to install with the lists at hand"
    "${apt[@]}" install "${missing[@]}" >&2 </dev/null ||
        die 69 "apt-get could not install: ${missing[*]}. Its own message is above; install them and try again."
}

# Has Podman read settings from this new file: what it wants by itself is more than a process in a container may set, and its
# first runtime knows no mixed control groups.
podman_settings() {
    local files
    files=$(ulimit -Hn)
    {
        echo "[containers]"
        [ "$files" = unlimited ] || echo "default_ulimits = [\"nofile=$files:$files\", \"nproc=16384:16384\"]"
        echo "[engine]"
        echo 'cgroup_manager = "cgroupfs"'
        [ ! -d /sys/fs/cgroup/unified ] || ! command -v runc >/dev/null || echo 'runtime = "runc"'
    } >"$1"
    export CONTAINERS_CONF=$1
}

# Runs a command as root: by itself, or with sudo's help.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# The version that the program gives itself.
muster_version() {
    sed -nE 's/.*current = "([^"]+)".*/\1/p' "$MUSTER_ROOT/Sources/Commands/MusterCommandLine/MusterVersion.swift"
}

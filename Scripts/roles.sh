# Sourced behind common.sh by what tries the roles of a built program from outside: `source roles.sh [MUSTER]`. Sets $muster, the
# program, and $place, a folder that goes at the end, after all processes in `started`.
# shellcheck shell=bash
muster=${1:-.build/release/muster}
[ -x "$muster" ] || die 66 "there is no $muster; run: make build"
place=$(mktemp -d)
started=()

# shellcheck disable=SC2317 # the trap below calls it
finish() {
    local code=$? pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$place"
    exit "$code"
}
trap finish EXIT

# A role in the background: `start NAME ARGUMENT...` puts its address into $address.
start() {
    local name=$1
    shift
    # The process that writes it may not have begun when it is read first.
    : >"$place/$name.log"
    "$muster" "$name" --data "$place/$name" --port 0 --log-level warning "$@" >"$place/$name.log" 2>&1 &
    started+=($!)
    for _ in $(seq 600); do
        address=$(sed -nE 's/^listening on (.*)/\1/p' "$place/$name.log")
        [ -z "$address" ] || return 0
        kill -0 "${started[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    die 1 "$name did not start: $(cat "$place/$name.log")"
}

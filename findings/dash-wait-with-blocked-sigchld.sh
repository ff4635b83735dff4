#!/usr/bin/env bash
# Found with: dash 0.5.12 (Debian 12: dash 0.5.12-2), the /bin/sh of Debian and Ubuntu; compared with bash 5.2.15.
#
# What is done: a shell that inherits a blocked SIGCHLD, as it does from a thread of a server that blocks signals and calls popen(3) or
# system(3), starts a job in the background and waits for it.
# Expected: `wait` returns when the job has ended, as it does in bash, which unblocks the signal as it starts. POSIX's `wait` says nothing of
# signals.
# Real: dash keeps the mask that it inherited, and its `wait` sleeps until a SIGCHLD comes, which never does: the script waits for ever,
# while the job has long ended. Commands in the foreground are waited for well, so that most scripts work.
# Seen: dash, foreground: ends; dash, wait: still waiting after 3 s; bash, wait: ends
#
# A program that starts shells should give them an empty mask (posix_spawnattr_setsigmask); popen and system do not.
#
# Exits 0 while it is so, 1 when it has changed. Needs apt-get and coreutils 8.31 or newer; writes to a temporary folder only.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download dash=0.5.12-2 bash >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
dash=$(find root -name dash -type f -perm -u+x | head -n 1) bash=$(find root -name bash -type f -perm -u+x | head -n 1)

# What becomes of a script, in a shell that inherits a blocked SIGCHLD.
outcome() {
    if timeout -s KILL 3 env --block-signal=CHLD "$1" -c "$2" >out 2>&1 && grep -qx "done" out; then
        echo "ends"
    else
        echo "still waiting after 3 s"
    fi
}

foreground=$(outcome "$dash" 'sleep 0.2; echo done')
background=$(outcome "$dash" 'sleep 0.2 & wait; echo done')
other=$(outcome "$bash" 'sleep 0.2 & wait; echo done')
echo "dash, foreground: $foreground; dash, wait: $background; bash, wait: $other"
[ "$foreground, $background, $other" = "ends, still waiting after 3 s, ends" ]

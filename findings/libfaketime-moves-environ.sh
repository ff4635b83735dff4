#!/usr/bin/env bash
# Found with: libfaketime 0.9.10 (Debian 12: libfaketime 0.9.10-2.1), glibc 2.36; met by programs of Swift 6.3 on Linux.
#
# What is done: a program runs under libfaketime (LD_PRELOAD), with a shifted clock or with none.
# Expected: the program sees another clock, and is otherwise as without it.
# Real: the library sets a variable of its own before main begins. By that the C library moves the list of variables to the heap, so that
# `environ` no longer stands behind `argv`, where the system put both. A runtime that finds the arguments from there finds others, or none:
# the same program in Swift tells 3 arguments without the library and 0 with it, and takes each call for one without any flag.
# Seen: without: behind argv; with libfaketime: elsewhere
#
# For tests of clocks with such programs: a small library that replaces clock_gettime and sets no variable.
#
# Exits 0 while it is so, 1 when it has changed. Needs apt-get and a C compiler; writes to a temporary folder only.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download libfaketime=0.9.10-2.1 >/dev/null 2>&1
dpkg-deb -x libfaketime_*.deb root
library=$(find "$PWD/root" -name libfaketime.so.1)
cat >places.c <<'C'
#include <stdio.h>
extern char **environ;
int main(int argc, char **argv) {
    puts(environ == argv + argc + 1 ? "behind argv" : "elsewhere");
    return 0;
}
C
cc places.c -o places

without=$(./places one two)
with=$(LD_PRELOAD=$library ./places one two)
echo "without: $without; with libfaketime: $with"
[ "$without, $with" = "behind argv, elsewhere" ]

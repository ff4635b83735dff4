#!/usr/bin/env bash
# Found with: libmicrohttpd 0.9.75 (Debian 12: libmicrohttpd12 0.9.75-6), a server library in C.
#
# What is done: MHD_add_response_header(response, "X-Empty", ""), as a proxy does that passes on what its upstream sent.
# Expected: the field goes out with an empty value, which is a good one (RFC 9110, 5.5: field-value may be nothing at all).
# Real: the call answers MHD_NO and the field is left out; a server that does not look at what the call says loses it without a
# word. One blank as the value is taken, and means the same, as white space around a value is no part of it.
# Seen: empty: 0, blank: 1
#
# Exits 0 while it is so, 1 when it has changed. Needs apt-get and a C compiler; writes to a temporary folder only.
set -euo pipefail
version=0.9.75-6
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download "libmicrohttpd12=$version" "libmicrohttpd-dev=$version" >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
cat >try.c <<'C'
#include <microhttpd.h>
#include <stdio.h>

int main(void) {
    struct MHD_Response *made = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
    int empty = MHD_add_response_header(made, "X-Empty", "");
    int blank = MHD_add_response_header(made, "X-Blank", " ");
    printf("empty: %d, blank: %d\n", empty, blank);
    return empty == MHD_NO && blank == MHD_YES ? 0 : 1;
}
C
libraries=$(dirname "$(find "$place/root" -name 'libmicrohttpd.so.12' | head -n 1)")
cc -o try try.c -I "$place/root/usr/include" "$libraries/libmicrohttpd.so.12" -Wl,--allow-shlib-undefined
LD_LIBRARY_PATH=$libraries ./try

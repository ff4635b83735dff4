#!/usr/bin/env bash
# Found with: libmicrohttpd 0.9.75 (Debian 12: libmicrohttpd12 0.9.75-6), a server library in C.
#
# What is done: a server answers with MHD_create_response_from_callback and MHD_SIZE_UNKNOWN, as one does for a body that is made
# while it is sent. A client sends HEAD, and behind it GET, on one connection.
# Expected: the answer to HEAD ends with its head (RFC 9110, 9.3.2; RFC 9112, 6.3): the next bytes are the answer to GET.
# Real: the head announces "Transfer-Encoding: chunked", and behind it comes the last chunk, "0" and an empty line, though HEAD has
# no body. A client that keeps the connection reads "0" where the next answer's status line should be.
# Seen: 'HTTP/1.1 200 OK' ... 'Transfer-Encoding: chunked' '' '0' '' 'HTTP/1.1 200 OK' ...
# What helps: a size where there is one, or MHD_RF_HTTP_1_0_COMPATIBLE_STRICT on that answer, which then sends neither.
#
# Exits 0 while it is so, 1 when it has changed. Needs apt-get, a C compiler and Python 3; writes to a temporary folder only.
set -euo pipefail
version=0.9.75-6
place=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download "libmicrohttpd12=$version" "libmicrohttpd-dev=$version" >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
cat >server.c <<'C'
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static ssize_t piece(void *sent, uint64_t at, char *room, size_t size) {
    (void)sent;
    if (at > 0 || size < 5) return MHD_CONTENT_READER_END_OF_STREAM;
    memcpy(room, "hello", 5);
    return 5;
}

static enum MHD_Result answer(void *none, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *count, void **state) {
    (void)none, (void)url, (void)method, (void)version, (void)data, (void)count;
    if (*state == NULL) return *state = connection, MHD_YES;
    struct MHD_Response *made = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1024, piece, NULL, NULL);
    enum MHD_Result queued = MHD_queue_response(connection, 200, made);
    MHD_destroy_response(made);
    return queued;
}

int main(void) {
    struct MHD_Daemon *server =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_END);
    if (server == NULL) return 1;
    printf("%d\n", MHD_get_daemon_info(server, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    pause();
}
C
libraries=$(dirname "$(find "$place/root" -name 'libmicrohttpd.so.12' | head -n 1)")
cc -o server server.c -I "$place/root/usr/include" "$libraries/libmicrohttpd.so.12" -Wl,--allow-shlib-undefined
LD_LIBRARY_PATH=$libraries ./server >port &
for _ in $(seq 50); do
    [ -s port ] && break
    sleep 0.1
done
python3 - "$(cat port)" <<'P'
import socket
import sys

client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)
client.sendall(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
seen = b""
while piece := client.recv(65536):
    seen += piece
head, rest = seen.split(b"\r\n\r\n", 1)
print(head.decode(), "", rest.decode(), sep="\n")
if b"Transfer-Encoding: chunked" in head and rest.startswith(b"0\r\n\r\nHTTP/1.1 200"):
    sys.exit(0)
sys.exit("it is so no more")
P

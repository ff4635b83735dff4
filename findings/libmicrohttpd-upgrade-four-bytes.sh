#!/usr/bin/env bash
# Found with: libmicrohttpd 0.9.75 (Debian 12: libmicrohttpd12 0.9.75-6), a server library in C, whose connections can be handed over to
# another protocol (MHD_create_response_for_upgrade), with TLS as well.
#
# What is done: a client asks for an upgrade over TLS. Behind the 101 the program writes 64 bytes at once to the socket that it was given.
# The same in the body of a usual answer, to compare. The client counts TLS records.
# Expected: one record for the 64 bytes, either way.
# Real: the body is one. The upgraded connection brings 16 records of four bytes, each with some 22 bytes of TLS around it: what is passed on
# waits in memory of the connection that is left, and the head of the 101 took all of that, whatever MHD_OPTION_CONNECTION_MEMORY_LIMIT is.
# Only eight bytes that are set aside remain, four for each way.
# Seen: body: 1 record, upgraded: 16 records
#
# Exits 0 while it is so, 1 when it has changed. Needs apt-get, a C compiler, OpenSSL and Python 3; writes to a temporary folder only.
set -euo pipefail
version=0.9.75-6
place=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
cd "$place"
apt-get -qq download "libmicrohttpd12=$version" "libmicrohttpd-dev=$version" >/dev/null
for package in ./*.deb; do dpkg-deb -x "$package" root; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 \
    -keyout key.pem -out certificate.pem 2>/dev/null
cat >try.c <<'C'
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char text[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void upgraded(void *context, struct MHD_Connection *connection, void *request, const char *early, size_t count, MHD_socket app,
                     struct MHD_UpgradeResponseHandle *handle) {
    (void) context, (void) connection, (void) request, (void) early, (void) count, (void) handle;
    if (write(app, text, 64) != 64) perror("write");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *body, size_t *size, void **request) {
    static int begun;
    (void) context, (void) method, (void) version, (void) body, (void) size;
    if (!*request) {
        *request = &begun;
        return MHD_YES;
    }
    int is_upgrade = strcmp(path, "/upgrade") == 0;
    struct MHD_Response *response = is_upgrade ? MHD_create_response_for_upgrade(upgraded, NULL)
                                               : MHD_create_response_from_buffer(64, (void *) text, MHD_RESPMEM_PERSISTENT);
    if (is_upgrade) MHD_add_response_header(response, "Upgrade", "other");
    enum MHD_Result result = MHD_queue_response(connection, is_upgrade ? 101 : 200, response);
    MHD_destroy_response(response);
    return result;
}

static char *read_all(const char *path) {
    static char room[2][8192];
    static int used;
    FILE *file = fopen(path, "r");
    room[used][fread(room[used], 1, sizeof room[used] - 1, file)] = 0;
    fclose(file);
    return room[used++];
}

int main(void) {
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_UPGRADE, 0, NULL, NULL, answer, NULL,
        MHD_OPTION_HTTPS_MEM_CERT, read_all("certificate.pem"), MHD_OPTION_HTTPS_MEM_KEY, read_all("key.pem"),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) 1 << 20, MHD_OPTION_END);
    printf("%d\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sleep(30);
}
C
cat >count.py <<'PY'
import socket
import ssl
import sys

TEXT = b"0123456789abcdef" * 4


def records(path, extra):
    """How many TLS records bring the 64 bytes behind the head."""
    context = ssl._create_unverified_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing)
    raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
    waiting = b""

    def one_record():
        nonlocal waiting
        while len(waiting) < 5 or len(waiting) < 5 + int.from_bytes(waiting[3:5], "big"):
            waiting += raw.recv(65536) or sys.exit("the server closed")
        size = 5 + int.from_bytes(waiting[3:5], "big")
        incoming.write(waiting[:size])
        waiting = waiting[size:]

    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            raw.sendall(outgoing.read())
            one_record()
    session.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n{extra}\r\n".encode())
    raw.sendall(outgoing.read())
    plain, count = b"", 0
    while not plain.endswith(TEXT):
        one_record()
        try:
            piece = session.read(65536)
        except ssl.SSLWantReadError:
            continue
        plain += piece
        count += 1 if plain.partition(b"\r\n\r\n")[2] else 0
    return count


body, upgraded = records("/", ""), records("/upgrade", "Connection: Upgrade\r\nUpgrade: other\r\n")
print(f"body: {body} record{'s' * (body != 1)}, upgraded: {upgraded} record{'s' * (upgraded != 1)}")
sys.exit(0 if (body, upgraded) == (1, 16) else 1)
PY
libraries=$(dirname "$(find "$place/root" -name 'libmicrohttpd.so.12' | head -n 1)")
cc -o try try.c -I "$place/root/usr/include" "$libraries/libmicrohttpd.so.12" -Wl,--allow-shlib-undefined
LD_LIBRARY_PATH=$libraries ./try >port &
server=$!
until [ -s port ]; do sleep 0.05; done
python3 count.py "$(cat port)"

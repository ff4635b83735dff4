#!/usr/bin/env bash
# Found with: libmicrohttpd 0.9.75 (Debian 12: libmicrohttpd12 0.9.75-6), a server library in C, with epoll on a thread of its own.
#
# What is done: 128 clients with open connections each send a small request while the server's thread is busy for a moment; the
# same with 127 and with 129 of them. Connections may be idle for 4 seconds (MHD_OPTION_CONNECTION_TIMEOUT).
# Expected: all are answered as soon as the thread is free, however many they are.
# Real: 127 and 129 are. Exactly 128 (or another multiple) wait until some other event comes, or a connection's time is up: the
# library asks epoll for up to 128 events at a time, and where it gets as many it waits for more, with its full timeout, before
# it looks at those that it has.
# Seen: 127: at once, 128: after seconds, 129: at once
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
#include <arpa/inet.h>
#include <microhttpd.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static sem_t is_busy, may_go;

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *path, const char *method,
                              const char *version, const char *body, size_t *size, void **request) {
    static int begun;
    (void) context, (void) method, (void) version, (void) body, (void) size;
    if (!*request) {
        *request = &begun;
        return MHD_YES;
    }
    if (strcmp(path, "/busy") == 0) {
        sem_post(&is_busy);
        sem_wait(&may_go);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(2, "ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static int client(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {.tv_sec = 20};
    int made = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connect(made, (struct sockaddr *) &to, sizeof to);
    return made;
}

static void ask(int from, const char *path) { dprintf(from, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path); }

/* Whether an answer came, however short the wait. */
static int hear(int from) {
    char text[4096];
    size_t count = 0;
    while (count < sizeof text - 1) {
        ssize_t got = recv(from, text + count, sizeof text - 1 - count, 0);
        if (got <= 0) return 0;
        count += got;
        text[count] = 0;
        if (strstr(text, "\r\n\r\nok")) return 1;
    }
    return 0;
}

/* Seconds until the first of so many heard. */
static double waited(int port, int many) {
    int clients[129];
    for (int i = 0; i < many; i++) {
        clients[i] = client(port);
        ask(clients[i], "/");
        hear(clients[i]);
    }
    int busy = client(port);
    ask(busy, "/busy");
    sem_wait(&is_busy);
    for (int i = 0; i < many; i++) ask(clients[i], "/");
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    sem_post(&may_go);
    hear(clients[0]);
    clock_gettime(CLOCK_MONOTONIC, &to);
    for (int i = 0; i < many; i++) close(clients[i]);
    close(busy);
    sleep(1);
    return to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
}

int main(void) {
    sem_init(&is_busy, 0, 0);
    sem_init(&may_go, 0, 0);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 4u,
        MHD_OPTION_CONNECTION_LIMIT, 1000u, MHD_OPTION_END);
    int port = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    double times[3];
    for (int i = 0; i < 3; i++) {
        times[i] = waited(port, 127 + i);
        printf("%s%d: %s", i ? ", " : "", 127 + i, times[i] < 1 ? "at once" : "after seconds");
    }
    printf("\n");
    MHD_stop_daemon(daemon);
    return times[0] < 1 && times[1] >= 1 && times[2] < 1 ? 0 : 1;
}
C
libraries=$(dirname "$(find "$place/root" -name 'libmicrohttpd.so.12' | head -n 1)")
cc -o try try.c -I "$place/root/usr/include" "$libraries/libmicrohttpd.so.12" -Wl,--allow-shlib-undefined -lpthread
LD_LIBRARY_PATH=$libraries ./try

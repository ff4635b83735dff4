#pragma once
#include <microhttpd.h>
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What Swift cannot call: libmicrohttpd's variadic functions and its flag arithmetic on closed enums. */

struct muster_mhd_settings {
    const struct sockaddr *address;
    int socket; /* to listen on, made elsewhere; -1: the address is bound */
    int takes_both; /* an IPv6 address of all is served over IPv4, too */
    unsigned int connections_max;
    unsigned int idle_seconds;
    size_t connection_bytes_max;
    const char *tls_certificate; /* PEM text, or NULL for plain HTTP */
    const char *tls_key;
    const char *tls_priorities; /* as GnuTLS reads them */
    void *context; /* handed to every callback */
    MHD_AcceptPolicyCallback on_arrival;
    MHD_AccessHandlerCallback on_access;
    MHD_RequestCompletedCallback on_completed;
    MHD_NotifyConnectionCallback on_connection;
    void *(*on_target)(void *, const char *, struct MHD_Connection *);
    size_t (*unescape)(void *, struct MHD_Connection *, char *);
};

static inline struct MHD_Daemon *muster_mhd_start(const struct muster_mhd_settings *s) {
    unsigned int flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ITC;
    if (s->address->sa_family == AF_INET6) flags |= s->takes_both ? MHD_USE_DUAL_STACK : MHD_USE_IPv6;
    if (s->tls_certificate) flags |= MHD_USE_TLS;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *) s->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *) s->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *) s->tls_priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem taken[] = {
        {MHD_OPTION_LISTEN_SOCKET, s->socket, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    return MHD_start_daemon(
        flags, 0, s->on_arrival, s->context, s->on_access, s->context,
        MHD_OPTION_SOCK_ADDR, s->address,
        MHD_OPTION_CONNECTION_LIMIT, s->connections_max,
        MHD_OPTION_CONNECTION_TIMEOUT, s->idle_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->connection_bytes_max,
        MHD_OPTION_LISTEN_BACKLOG_SIZE, (unsigned int) 4096,
        MHD_OPTION_NOTIFY_COMPLETED, s->on_completed, s->context,
        MHD_OPTION_NOTIFY_CONNECTION, s->on_connection, s->context,
        MHD_OPTION_URI_LOG_CALLBACK, s->on_target, s->context,
        MHD_OPTION_UNESCAPE_CALLBACK, s->unescape, s->context,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, s->tls_certificate ? tls : tls + 3,
        MHD_OPTION_ARRAY, s->socket >= 0 ? taken : taken + 1,
        MHD_OPTION_END);
}

static inline int muster_mhd_bound_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

static inline int muster_mhd_listening_socket(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_LISTEN_FD);
    return info ? info->listen_fd : -1;
}

static inline unsigned int muster_mhd_connections(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

/* Of the answer that is under way or was just sent; 0: there is none. */
static inline unsigned int muster_mhd_status(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_HTTP_STATUS);
    return info ? info->http_status : 0;
}

/* From the method to the empty line; 0 before it is all in. */
static inline size_t muster_mhd_head_size(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info ? info->header_size : 0;
}

static inline int muster_mhd_header_count(struct MHD_Connection *connection) {
    return MHD_get_connection_values(connection, MHD_HEADER_KIND, NULL, NULL);
}

static inline void muster_mhd_set_idle(struct MHD_Connection *connection, unsigned int seconds) {
    MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* Of several that listen to one socket, one is woken for a connection. libmicrohttpd itself wakes all. */
static inline void muster_mhd_share_socket(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int socket = muster_mhd_listening_socket(daemon);
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = daemon};
    if (!info || epoll_ctl(info->epoll_fd, EPOLL_CTL_DEL, socket, NULL) != 0) return;
    if (epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, socket, &event) == 0) return;
    event.events = EPOLLIN;
    epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, socket, &event);
}

/* The system ends a connection whose other side takes nothing for so long. */
static inline void muster_bound_sending(int socket, unsigned int milliseconds) {
    setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &milliseconds, sizeof milliseconds);
}

/* The end of a connection that went over to another protocol. */
static inline void muster_mhd_end_upgrade(struct MHD_UpgradeResponseHandle *upgrade) {
    MHD_upgrade_action(upgrade, MHD_UPGRADE_ACTION_CLOSE);
}

/* What goes out over TLS of a connection that was handed over. libmicrohttpd would take four bytes at a time (0.9.75: no more is left of the
   connection's memory), each a record of TLS. A session may be sent over by one thread while another receives (GnuTLS, "Sharing a session
   between threads"), and libmicrohttpd sends nothing by itself as long as nobody gives it anything to pass on. */
struct muster_tls_out {
    gnutls_session_t session;
    int waits; /* what was taken is not all sent */
};

static inline struct muster_tls_out muster_tls_out_of(struct MHD_Connection *connection) {
    struct muster_tls_out out = {
        (gnutls_session_t) MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session, 0};
    return out;
}

static inline int muster_tls_is_later(ssize_t result) { return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED; }

/* 1: all that was taken is sent; 0: the system takes nothing more now; -1: it is broken. */
static inline int muster_tls_flush(struct muster_tls_out *out) {
    if (!out->waits) return 1;
    ssize_t sent = gnutls_record_send(out->session, NULL, 0);
    if (muster_tls_is_later(sent)) return 0;
    out->waits = 0;
    return sent < 0 ? -1 : 1;
}

/* How many bytes were taken; -1: it is broken. */
static inline ssize_t muster_tls_send(struct muster_tls_out *out, const void *bytes, size_t count) {
    size_t taken = 0, most = gnutls_record_get_max_size(out->session);
    while (taken < count) {
        int is_free = muster_tls_flush(out);
        if (is_free < 0) return -1;
        if (!is_free) break;
        size_t part = count - taken < most ? count - taken : most;
        ssize_t sent = gnutls_record_send(out->session, (const char *) bytes + taken, part);
        out->waits = muster_tls_is_later(sent);
        if (sent < 0 && !out->waits) return -1;
        taken += out->waits ? part : (size_t) sent;
    }
    return (ssize_t) taken;
}

/* Whose it is. */
static inline struct MHD_Daemon *muster_mhd_daemon(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_DAEMON);
    return info ? info->daemon : NULL;
}

static inline int muster_mhd_socket(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

static inline const struct sockaddr *muster_mhd_peer(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info ? info->client_addr : NULL;
}

/* Socket addresses are filled here: several modules bring the same structs along, and Swift cannot tell whose they are.
   Returns 0 for what is not a numeric IPv4 or IPv6 address. */
static inline int muster_parse_address(const char *host, uint16_t port, struct sockaddr_storage *out) {
    struct sockaddr_in *four = (struct sockaddr_in *) out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *) out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(port);
        return 1;
    }
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(port);
        return 1;
    }
    return 0;
}

/* Whether it is an IPv6 address for all of the machine's. */
static inline int muster_is_any_six(const struct sockaddr *address) {
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) address;
    return address->sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

/* Why nobody could listen there now, an errno value; 0: nothing is in the way. Listening, not binding, is what fails beside
   another that may share the address. Here, since a static build does not know a socket's type by its name. */
static inline int muster_failure_to_listen(const struct sockaddr *address) {
    socklen_t size = address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int yes = 1, failure = 0, probe = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return errno;
    setsockopt(probe, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(probe, address, size) != 0 || listen(probe, 1) != 0) failure = errno;
    close(probe);
    return failure;
}

/* The address in text; IPv4 looks alike whether it came over a socket of IPv4 or of both. 0: it cannot be told. */
static inline int muster_address_text(const struct sockaddr *address, char *text, socklen_t size) {
    if (address->sa_family == AF_INET)
        return inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, text, size) != NULL;
    if (address->sa_family != AF_INET6) return 0;
    const struct in6_addr *six = &((const struct sockaddr_in6 *) address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(six)) return inet_ntop(AF_INET, six->s6_addr + 12, text, size) != NULL;
    return inet_ntop(AF_INET6, six, text, size) != NULL;
}

/* An IPv4 address, or the first 64 bits of an IPv6 one, as numbers that do not meet: no peer's IPv6 address begins with 32 ones. */
static inline uint64_t muster_network_key(const struct sockaddr *address) {
    uint64_t key = 0;
    uint32_t four = 0;
    if (address->sa_family == AF_INET) {
        memcpy(&four, &((const struct sockaddr_in *) address)->sin_addr, 4);
        return 0xffffffff00000000ull | ntohl(four);
    }
    if (address->sa_family != AF_INET6) return 0;
    const struct in6_addr *six = &((const struct sockaddr_in6 *) address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(six)) {
        memcpy(&four, six->s6_addr + 12, 4);
        return 0xffffffff00000000ull | ntohl(four);
    }
    for (int i = 0; i < 8; i++) key = key << 8 | six->s6_addr[i];
    return key;
}

/* The pointer that the connection callback stored for this connection. */
static inline void *muster_mhd_connection_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static inline struct MHD_Response *muster_mhd_copied_response(size_t count, const void *bytes) {
    return MHD_create_response_from_buffer(count, (void *) bytes, MHD_RESPMEM_MUST_COPY);
}

static inline int muster_mhd_queue(struct MHD_Connection *connection, unsigned int status, struct MHD_Response *r) {
    return MHD_queue_response(connection, status, r) == MHD_YES;
}

static inline int muster_mhd_add_header(struct MHD_Response *r, const char *name, const char *value) {
    return MHD_add_response_header(r, name, value) == MHD_YES;
}

/* What has no length ends with its connection then. */
static inline void muster_mhd_forbid_chunks(struct MHD_Response *r) {
    MHD_set_response_options(r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

static const ssize_t muster_mhd_end_of_stream = MHD_CONTENT_READER_END_OF_STREAM;
static const ssize_t muster_mhd_end_with_error = MHD_CONTENT_READER_END_WITH_ERROR;
static const uint64_t muster_mhd_size_unknown = MHD_SIZE_UNKNOWN;

/* Several modules bring epoll's structs along, and Swift cannot tell whose fields they are; eventfd it lacks. */
/* Bytes that ever came in over a TCP connection; 0 where the kernel does not tell. `struct tcp_info` of linux/tcp.h, which
   cannot be included beside the C library's shorter one of the same name: `tcpi_bytes_received` is its 17th 64-bit word. */
static inline uint64_t muster_bytes_received(int socket) {
    uint64_t info[17] = {0};
    socklen_t size = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, 11 /* TCP_INFO */, info, &size) != 0 || size < sizeof info) return 0;
    return info[16];
}

/* Bytes that the other end of a TCP connection ever acknowledged: `tcpi_bytes_acked`, the 16th word. */
static inline uint64_t muster_bytes_acknowledged(int socket) {
    uint64_t info[16] = {0};
    socklen_t size = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, 11 /* TCP_INFO */, info, &size) != 0 || size < sizeof info) return 0;
    return info[15];
}

/* Among a daemon's events, which passes over what has no pointer: each write to it is one. -1: there is none. */
static inline int muster_mhd_add_event(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    if (poked >= 0 && info && epoll_ctl(info->epoll_fd, EPOLL_CTL_ADD, poked, &event) == 0) return poked;
    if (poked >= 0) close(poked);
    return -1;
}

static inline int muster_watch_create(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int muster_watch_wake_up(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

/* Once, when the peer closes or breaks the connection. */
static inline void muster_watch_peer(int watch, int socket, uint64_t token) {
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.u64 = token};
    epoll_ctl(watch, EPOLL_CTL_ADD, socket, &event);
}

static inline void muster_watch_input(int watch, int descriptor, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    epoll_ctl(watch, EPOLL_CTL_ADD, descriptor, &event);
}

static inline void muster_watch_remove(int watch, int socket) { epoll_ctl(watch, EPOLL_CTL_DEL, socket, NULL); }

/* Fills in up to 64 tokens and returns how many. Waits for ever with a negative limit. */
static inline int muster_watch_wait(int watch, uint64_t tokens[64], int limit_ms) {
    struct epoll_event events[64];
    int count = epoll_wait(watch, events, 64, limit_ms);
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

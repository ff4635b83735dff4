#pragma once
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wslay/wslay.h>

/* Framing without input or output of its own: bytes are handed in and taken out. libwslay's callbacks, which Swift would have to make for
   each connection. */

/* A message that is whole; one of text or data has no bytes here: they came in pieces before. */
typedef void (*muster_ws_take)(void *owner, int opcode);
typedef void (*muster_ws_piece)(void *owner, const uint8_t *bytes, size_t count);

struct muster_ws {
    wslay_event_context_ptr context;
    const uint8_t *input;
    size_t input_left;
    uint8_t *output;
    size_t output_room, output_used;
    void *owner;
    muster_ws_take take;
    muster_ws_piece piece;
    int opcode; /* of the frame whose pieces come */
    /* Where the frame at hand stands (RFC 6455, 5.2): libwslay says nothing of one before its first byte behind the head. */
    uint8_t head[14];
    unsigned head_bytes;
    uint64_t payload_left;
    /* Of the message at hand, with all of a frame that has begun; libwslay bounds single frames only where it does not keep them. */
    uint64_t message_bytes, message_bytes_max;
    int is_in_message; /* frames of it came, and not the last */
    int fault;         /* the code that a head is worth (7.4.1); 0: none */
    unsigned wholes;   /* times that nothing was incomplete, ever */
};

static inline void muster_ws_frame_is_in(struct muster_ws *ws) {
    if (!ws->is_in_message) ws->wholes++;
}

static inline void muster_ws_head_is_in(struct muster_ws *ws) {
    uint64_t count = ws->head[1] & 0x7f;
    unsigned bytes = count == 126 ? 2 : count == 127 ? 8 : 0;
    int is_last = ws->head[0] & 0x80, is_control = ws->head[0] & 0x08, opcode = ws->head[0] & 0x0f;
    if (bytes) count = 0;
    for (unsigned i = 0; i < bytes; i++) count = count << 8 | ws->head[2 + i];
    ws->payload_left = count;
    ws->head_bytes = 0;
    /* libwslay 1.1.1 closes without a code for a ping in pieces, and for a length that is not written in its shortest form. */
    int is_short = (bytes == 2 && count < 126) || (bytes == 8 && count < 65536);
    if (is_short || count >> 63 || (is_control && (bytes || !is_last))) ws->fault = 1002;
    if (!ws->fault && !is_control) {
        if (opcode != 0) ws->message_bytes = 0;
        if (count > ws->message_bytes_max - ws->message_bytes) {
            ws->fault = 1009;
            return;
        }
        ws->message_bytes += count;
        ws->is_in_message = !is_last;
    }
    if (count == 0) muster_ws_frame_is_in(ws);
}

/* How many bytes are before a frame with a fault. */
static inline size_t muster_ws_follow(struct muster_ws *ws, const uint8_t *bytes, size_t count) {
    const uint8_t *start = bytes;
    size_t before = 0;
    while (count > 0 && !ws->fault) {
        if (ws->payload_left > 0) {
            size_t part = ws->payload_left < count ? (size_t) ws->payload_left : count;
            ws->payload_left -= part;
            bytes += part;
            count -= part;
            if (ws->payload_left == 0) muster_ws_frame_is_in(ws);
            continue;
        }
        if (ws->head_bytes == 0) before = (size_t) (bytes - start);
        ws->head[ws->head_bytes++] = *bytes++;
        count--;
        if (ws->head_bytes < 2) continue;
        unsigned length = ws->head[1] & 0x7f;
        unsigned wanted = 2 + (length == 126 ? 2 : length == 127 ? 8 : 0) + (ws->head[1] & 0x80 ? 4 : 0);
        if (ws->head_bytes == wanted) muster_ws_head_is_in(ws);
    }
    return ws->fault ? before : (size_t) (bytes - start);
}

static inline ssize_t muster_ws_receive_callback(
    wslay_event_context_ptr context, uint8_t *bytes, size_t room, int flags, void *user) {
    struct muster_ws *ws = (struct muster_ws *) user;
    (void) flags;
    if (ws->input_left == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    size_t count = room < ws->input_left ? room : ws->input_left;
    memcpy(bytes, ws->input, count);
    ws->input += count;
    ws->input_left -= count;
    return (ssize_t) count;
}

static inline ssize_t muster_ws_send_callback(
    wslay_event_context_ptr context, const uint8_t *bytes, size_t count, int flags, void *user) {
    struct muster_ws *ws = (struct muster_ws *) user;
    (void) flags;
    size_t room = ws->output_room - ws->output_used;
    if (room == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    if (count > room) count = room;
    memcpy(ws->output + ws->output_used, bytes, count);
    ws->output_used += count;
    return (ssize_t) count;
}

/* Of a client: RFC 6455, 5.3 wants masks that cannot be foretold. */
static inline int muster_ws_mask_callback(wslay_event_context_ptr context, uint8_t *bytes, size_t count, void *user) {
    (void) context;
    (void) user;
    return getrandom(bytes, count, 0) == (ssize_t) count ? 0 : -1;
}

static inline void muster_ws_start_callback(
    wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_start_arg *frame, void *user) {
    (void) context;
    ((struct muster_ws *) user)->opcode = frame->opcode;
}

static inline void muster_ws_piece_callback(
    wslay_event_context_ptr context, const struct wslay_event_on_frame_recv_chunk_arg *piece, void *user) {
    struct muster_ws *ws = (struct muster_ws *) user;
    (void) context;
    if (!(ws->opcode & 0x08) && piece->data_length > 0) ws->piece(ws->owner, piece->data, piece->data_length);
}

static inline void muster_ws_message_callback(
    wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *message, void *user) {
    struct muster_ws *ws = (struct muster_ws *) user;
    (void) context;
    ws->take(ws->owner, message->opcode);
}

/* NULL: there is no memory. */
static inline struct muster_ws *muster_ws_make(
    int is_client, uint64_t message_bytes_max, void *owner, muster_ws_take take, muster_ws_piece piece) {
    struct wslay_event_callbacks callbacks = {
        muster_ws_receive_callback, muster_ws_send_callback, muster_ws_mask_callback, muster_ws_start_callback,
        muster_ws_piece_callback, NULL, muster_ws_message_callback};
    struct muster_ws *ws = (struct muster_ws *) calloc(1, sizeof *ws);
    if (!ws) return NULL;
    ws->owner = owner;
    ws->take = take;
    ws->piece = piece;
    int failure = is_client ? wslay_event_context_client_init(&ws->context, &callbacks, ws)
                            : wslay_event_context_server_init(&ws->context, &callbacks, ws);
    if (failure) {
        free(ws);
        return NULL;
    }
    ws->message_bytes_max = message_bytes_max;
    wslay_event_config_set_max_recv_msg_length(ws->context, message_bytes_max);
    /* It would keep each frame in a block of its own: a message of one-byte frames in fifty times its size. */
    wslay_event_config_set_no_buffering(ws->context, 1);
    return ws;
}

static inline void muster_ws_free(struct muster_ws *ws) {
    wslay_event_context_free(ws->context);
    free(ws);
}

/* 0, or that the connection is of no more use (what is to be sent still may be). Messages are taken meanwhile. */
static inline int muster_ws_receive(struct muster_ws *ws, const uint8_t *bytes, size_t count) {
    if (ws->fault) return 0;
    ws->input = bytes;
    ws->input_left = muster_ws_follow(ws, bytes, count);
    int failure = 0;
    while (ws->input_left > 0 && !failure && wslay_event_want_read(ws->context)) failure = wslay_event_recv(ws->context);
    ws->input = NULL;
    ws->input_left = 0;
    return failure;
}

/* How many bytes of what waits were put there; -1: there will be no more. */
static inline ssize_t muster_ws_send(struct muster_ws *ws, uint8_t *room, size_t count) {
    ws->output = room;
    ws->output_room = count;
    ws->output_used = 0;
    int failure = 0;
    while (wslay_event_want_write(ws->context) && ws->output_used < count && !failure) failure = wslay_event_send(ws->context);
    ssize_t used = (ssize_t) ws->output_used;
    ws->output = NULL;
    ws->output_room = ws->output_used = 0;
    return failure ? -1 : used;
}

static inline int muster_ws_queue(struct muster_ws *ws, int opcode, const uint8_t *bytes, size_t count) {
    struct wslay_event_msg message = {(uint8_t) opcode, bytes, count};
    return wslay_event_queue_msg(ws->context, &message);
}

static inline int muster_ws_queue_close(struct muster_ws *ws, uint16_t code, const uint8_t *reason, size_t count) {
    return wslay_event_queue_close(ws->context, code, reason, count);
}

/* The beginning of a frame or of a message is here, and not its end. */
static inline int muster_ws_is_incomplete(struct muster_ws *ws) {
    return ws->head_bytes > 0 || ws->payload_left > 0 || ws->is_in_message;
}
/* Nothing that comes counts any more: a close came, or what is worth one. */
static inline int muster_ws_is_deaf(struct muster_ws *ws) { return ws->fault || !wslay_event_want_read(ws->context); }
/* Nothing more is to be read, nor sent. */
static inline int muster_ws_is_over(struct muster_ws *ws) {
    return muster_ws_is_deaf(ws) && !wslay_event_want_write(ws->context);
}
/* It could as well be a new one. */
static inline int muster_ws_is_idle(struct muster_ws *ws) {
    return !muster_ws_is_incomplete(ws) && !muster_ws_is_deaf(ws) && !wslay_event_want_write(ws->context) &&
           !wslay_event_get_close_sent(ws->context);
}
static inline int muster_ws_wants_to_send(struct muster_ws *ws) { return wslay_event_want_write(ws->context); }
static inline size_t muster_ws_queued_messages(struct muster_ws *ws) { return wslay_event_get_queued_msg_count(ws->context); }
static inline int muster_ws_code_sent(struct muster_ws *ws) {
    return wslay_event_get_close_sent(ws->context) ? wslay_event_get_status_code_sent(ws->context) : 0;
}
static inline int muster_ws_code_received(struct muster_ws *ws) {
    return wslay_event_get_close_received(ws->context) ? wslay_event_get_status_code_received(ws->context) : 0;
}

/* What is sent is sent now: whoever has more to say says it at once. Nothing comes of it where there is no TCP. */
#include <netinet/in.h>
#include <netinet/tcp.h>

static inline void muster_ws_no_delay(int descriptor) {
    int yes = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/* What many connections wait in. Edges would have to be remembered where not all is read; levels need not. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

static inline int muster_loop_make(void) { return epoll_create1(EPOLL_CLOEXEC); }
static inline int muster_loop_wake_up(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
static inline int muster_loop_set(int loop, int operation, int descriptor, int writes, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (writes ? EPOLLOUT : 0), .data.u64 = token};
    return epoll_ctl(loop, operation, descriptor, &event);
}
static inline int muster_loop_add(int loop, int descriptor, uint64_t token) {
    return muster_loop_set(loop, EPOLL_CTL_ADD, descriptor, 0, token);
}
static inline int muster_loop_change(int loop, int descriptor, int writes, uint64_t token) {
    return muster_loop_set(loop, EPOLL_CTL_MOD, descriptor, writes, token);
}
/* Of a descriptor that is waited for by itself, and only as long as there is no room: its end would be news all the time. */
static inline int muster_loop_wait_for_room(int loop, int descriptor, int waits, uint64_t token) {
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = token};
    return epoll_ctl(loop, waits ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, descriptor, &event);
}
static inline void muster_loop_remove(int loop, int descriptor) { epoll_ctl(loop, EPOLL_CTL_DEL, descriptor, NULL); }
/* Up to 256 tokens, and whether each may read; the rest may only write. Returns how many. */
static inline int muster_loop_wait(int loop, uint64_t tokens[256], uint8_t reads[256], int limit_ms) {
    struct epoll_event events[256];
    int count = epoll_wait(loop, events, 256, limit_ms);
    for (int i = 0; i < count; i++) {
        tokens[i] = events[i].data.u64;
        reads[i] = (events[i].events & ~EPOLLOUT) != 0;
    }
    return count;
}

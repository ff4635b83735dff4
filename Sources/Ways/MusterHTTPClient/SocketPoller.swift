internal import CCurl
internal import Glibc

/// The client thread's epoll: libcurl's sockets, and a wake-up for the other threads. `wake` is for any thread, the rest for one.
final class SocketPoller: Sendable {
    private let epoll: CInt
    private let waker: CInt

    init() {
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        waker = eventfd(0, CInt(EFD_CLOEXEC | EFD_NONBLOCK))
        precondition(
            epoll >= 0 && waker >= 0, "no descriptors for the HTTP client: \(String(cString: strerror(errno)))")
        control(EPOLL_CTL_ADD, waker, EPOLLIN.rawValue)
    }

    deinit {
        close(epoll)
        close(waker)
    }

    func wake() {
        var one: UInt64 = 1
        write(waker, &one, 8)
    }

    /// Follows libcurl's wish (`CURL_POLL_…`) for a socket. True: it was not watched before and is now.
    func watch(_ socket: curl_socket_t, _ interest: CInt, isKnown: Bool) -> Bool {
        guard interest != CURL_POLL_REMOVE else {
            control(EPOLL_CTL_DEL, socket, 0)
            return false
        }
        var events: UInt32 = 0
        if interest & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
        if interest & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
        control(isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, events)
        return !isKnown
    }

    private func control(_ operation: CInt, _ descriptor: CInt, _ events: UInt32) {
        var event = epoll_event()
        event.events = events
        event.data.fd = descriptor
        epoll_ctl(epoll, operation, descriptor, &event)
    }

    /// Waits for events and hands each on as libcurl's `CURL_CSELECT_…` bits.
    func wait(milliseconds: CInt, _ handle: (curl_socket_t, CInt) -> Void) {
        withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: 64) { events in
            let count = epoll_wait(epoll, events.baseAddress, CInt(events.count), milliseconds)
            guard count > 0 else { return }
            for event in events[..<Int(count)] {
                if event.data.fd == waker {
                    var number: UInt64 = 0
                    read(waker, &number, 8)
                } else {
                    handle(event.data.fd, SocketPoller.selection(event.events))
                }
            }
        }
    }

    private static func selection(_ events: UInt32) -> CInt {
        var bits: CInt = 0
        if events & EPOLLIN.rawValue != 0 { bits |= CURL_CSELECT_IN }
        if events & EPOLLOUT.rawValue != 0 { bits |= CURL_CSELECT_OUT }
        // A hang-up is found by reading: what arrived before it is still to be had.
        if events & EPOLLHUP.rawValue != 0 { bits |= CURL_CSELECT_IN }
        if events & EPOLLERR.rawValue != 0 { bits |= CURL_CSELECT_ERR }
        return bits
    }
}

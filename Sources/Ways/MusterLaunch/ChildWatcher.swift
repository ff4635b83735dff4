internal import CSpawn
internal import Glibc
internal import MusterSystem
internal import Synchronization

/// The one thread that serves all children: reads their output, notices their ends. Starts with the first child, never ends.
final class ChildWatcher: Sendable {
    static let shared = ChildWatcher()

    private enum Source {
        case exit(ChildProcess, readers: [OutputReader])
        case output(OutputReader)
        /// The end of a process that is not this one's child.
        case stranger(@Sendable () -> Void)
    }

    private let epoll: CInt
    /// By descriptor; an entry holds what the descriptor belongs to.
    private let sources = Mutex<[CInt: Source]>([:])

    private init() {
        epoll = epoll_create1(CInt(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "no descriptor to watch children: \(String(cString: strerror(errno)))")
        let failure = startThread { [self] in run() }
        precondition(failure == 0, "no thread to watch children: \(String(cString: strerror(failure)))")
    }

    /// Takes the descriptor `exit` as its own.
    func watch(_ child: ChildProcess, exit: CInt, readers: [OutputReader]) {
        for reader in readers { add(reader.descriptor, .output(reader)) }
        add(exit, .exit(child, readers: readers))
    }

    /// Takes the descriptor `exit` as its own.
    func watch(exit: CInt, _ handler: @escaping @Sendable () -> Void) { add(exit, .stranger(handler)) }

    /// Children that are not known to have ended.
    var children: [ChildProcess] {
        sources.withLock { $0.values.compactMap { if case .exit(let child, _) = $0 { child } else { nil } } }
    }

    private func add(_ descriptor: CInt, _ source: Source) {
        sources.withLock { $0[descriptor] = source }
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.fd = descriptor
        let code = epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event)
        precondition(code == 0, "cannot watch a child: \(String(cString: strerror(errno)))")
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while true {
            let count = Int(epoll_wait(epoll, &events, CInt(events.count), -1))
            for index in 0..<max(0, count) { handle(events[index].data.fd) }
        }
    }

    private func handle(_ descriptor: CInt) {
        // None: an event of this batch has removed it.
        guard let source = sources.withLock({ $0[descriptor] }) else { return }
        switch source {
        case .output(let reader): drain(reader)
        case .stranger(let handler):
            guard isReadable(descriptor) else { return }
            forget(descriptor)
            close(descriptor)
            handler()
        case .exit(let child, let readers):
            // The event may have been for another descriptor of this number, closed since.
            guard isReadable(descriptor) else { return }
            // What it wrote comes before its end.
            for reader in readers { drain(reader) }
            forget(descriptor)
            close(descriptor)
            child.reap()
        }
    }

    private func isReadable(_ descriptor: CInt) -> Bool {
        var query = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&query, 1, 0) == 1
    }

    private func drain(_ reader: OutputReader) {
        guard reader.isOpen else { return }
        reader.drain()
        if !reader.isOpen { forget(reader.descriptor) }
    }

    private func forget(_ descriptor: CInt) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil)
        sources.withLock { $0[descriptor] = nil }
    }
}

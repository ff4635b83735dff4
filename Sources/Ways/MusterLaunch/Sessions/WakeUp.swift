internal import CSpawn
internal import Glibc

/// A descriptor that is readable once somebody has called, for a thread that waits in poll(2).
package final class WakeUp: Sendable {
    package let descriptor: Int32

    package init() throws(Session.Fault) {
        descriptor = eventfd(0, CInt(EFD_CLOEXEC) | CInt(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw Session.Fault(code: errno) }
    }

    deinit { close(descriptor) }

    package func call() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }

    package func clear() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}

internal import Glibc

/// The reader of standard output went away. The runner ends quietly, with exit code 0.
package struct BrokenPipe: Error {}

/// Buffered standard output. It lives on the main thread, where a slow reader may block it without holding up the rest.
@MainActor package final class StandardOutput {
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferBytesMax = 64 << 10

    package init(descriptor: Int32 = STDOUT_FILENO) { self.descriptor = descriptor }

    /// Appends the text as it is. Throws `BrokenPipe`, or a `CommandError` with exit code 74.
    package func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Appends the bytes as they are. Throws `BrokenPipe`, or a `CommandError` with exit code 74.
    package func write(_ bytes: some Collection<UInt8>) throws {
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytesMax { try flush() }
    }

    /// Appends the text and a newline.
    package func line(_ text: String) throws { try write(text + "\n") }

    /// Hands everything to the reader. What could not be written is dropped, so that a second failure is not reported.
    package func flush() throws {
        let pending = buffer
        buffer.removeAll(keepingCapacity: true)
        var rest = pending[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody who shares the terminal made it non-blocking.
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&ready, 1, -1)
            } else if errno == EPIPE {
                throw BrokenPipe()
            } else if errno != EINTR {
                throw CommandError.system(.inputOutput, "cannot write to standard output", errno: errno)
            }
        }
    }
}

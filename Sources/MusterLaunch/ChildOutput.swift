internal import Glibc

extension ChildProcess {
    /// Where a child's standard output and error go. Its standard input is always empty.
    package enum Output: Sendable {
        /// Where this process's own go.
        case inherit
        case discard
        /// Both appended to one file, made if need be (mode 0644).
        case file(path: String)
        /// Each line to a callback, on the thread that serves all children: it must not block. Lines of one stream come in order;
        /// between the two streams there is none. A line longer than `bytesMax` (1 or more) is cut there.
        case lines(bytesMax: Int = 64 << 10, onLine: @Sendable (Line) -> Void)
    }

    package enum Stream: Sendable, Hashable { case output, error }

    package struct Line: Sendable, Hashable {
        package let stream: Stream
        /// Without its line feed; bytes that are not UTF-8 are replaced by U+FFFD.
        package let text: String
        /// How many bytes of the line were cut off.
        package let droppedBytes: Int
    }
}

/// Cuts a stream of bytes into lines of bounded length.
struct LineSplitter {
    let bytesMax: Int
    private var line: [UInt8] = []
    private var dropped = 0

    init(bytesMax: Int) {
        precondition(bytesMax >= 1)
        self.bytesMax = bytesMax
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ each: (String, Int) -> Void) {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            extend(rest[..<end])
            give(each)
            rest = rest[(end + 1)...]
        }
        extend(rest)
    }

    /// The last line, if it has no line feed.
    mutating func finish(_ each: (String, Int) -> Void) {
        if !line.isEmpty || dropped > 0 { give(each) }
    }

    private mutating func extend(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = bytesMax - line.count
        line.append(contentsOf: bytes.prefix(room))
        dropped += max(0, bytes.count - room)
    }

    private mutating func give(_ each: (String, Int) -> Void) {
        each(String(decoding: line, as: UTF8.self), dropped)
        line.removeAll(keepingCapacity: true)
        dropped = 0
    }
}

/// The reading end of a child's pipe. `@unchecked Sendable`: after its making, only the watcher's thread touches it.
final class OutputReader: @unchecked Sendable {
    let descriptor: CInt
    private let stream: ChildProcess.Stream
    private let onLine: @Sendable (ChildProcess.Line) -> Void
    private var splitter: LineSplitter
    private(set) var isOpen = true

    /// Takes the descriptor, which must not block, as its own.
    init(
        _ descriptor: CInt, _ stream: ChildProcess.Stream, bytesMax: Int,
        onLine: @escaping @Sendable (ChildProcess.Line) -> Void
    ) {
        self.descriptor = descriptor
        self.stream = stream
        self.onLine = onLine
        splitter = LineSplitter(bytesMax: bytesMax)
    }

    deinit { close(descriptor) }

    /// Reads what is there, 1 MiB at most, so that a child that writes without end cannot starve the others.
    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { room in
            for _ in 0..<16 where isOpen {
                let count = read(descriptor, room.baseAddress, room.count)
                if count > 0 {
                    splitter.take(UnsafeRawBufferPointer(rebasing: room[..<count]), give)
                } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                    isOpen = false
                    splitter.finish(give)
                } else if errno == EAGAIN {
                    return
                }
            }
        }
    }

    private func give(_ text: String, _ dropped: Int) {
        onLine(ChildProcess.Line(stream: stream, text: text, droppedBytes: dropped))
    }
}

internal import Glibc

extension ChildProcess {
    /// Where a child's standard output and error go. Its standard input is always empty.
    package enum Output: Sendable {
        /// Where this process's own go.
        case inherit
        case discard
        /// Both appended to one file, made if need be (mode 0644).
        case file(path: String)
        /// Errors appended to a file, as above; the output goes where this process's own does.
        case errorFile(path: String)
        /// Each line to a callback, on the thread that serves all children: it must not block. Lines of one stream come in order;
        /// between the two streams there is none. A line longer than `bytesMax` (1 or more) is cut there.
        case lines(bytesMax: Int = 64 << 10, onLine: @Sendable (Line) -> Void)
    }

    package enum Stream: Sendable, Hashable { case output, error }

    package struct Line: Sendable, Hashable {
        package let stream: Stream
        /// Without its line feed; bytes that are not UTF-8 are replaced by U+FFFD.
        package let text: String
        /// How many bytes of the line were cut off behind the text.
        package let droppedBytes: Int
        /// False: the line goes on, and is told of again when so much more of it has been cut off, or it ends.
        package let isWhole: Bool
    }
}

/// Cuts a stream of bytes into lines of bounded length.
struct LineSplitter {
    let bytesMax: Int
    private var line: [UInt8] = []
    private var dropped = 0
    /// Of this line something was given already.
    private var isRest = false
    /// After so many a line is told of before its end: whoever counts bytes must hear of a line without one.
    private static let droppedMax = 1 << 20

    init(bytesMax: Int) {
        precondition(bytesMax >= 1)
        self.bytesMax = bytesMax
    }

    mutating func take(_ bytes: UnsafeRawBufferPointer, _ each: (String, Int, Bool) -> Void) {
        var rest = bytes[...]
        while let end = Self.lineEnd(in: rest) {
            extend(rest[..<end])
            give(each, isWhole: true)
            rest = rest[(end + 1)...]
        }
        extend(rest)
        if dropped >= Self.droppedMax { give(each, isWhole: false) }
    }

    private static func lineEnd(in bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let whole = UnsafeRawBufferPointer(rebasing: bytes)
        guard let base = whole.baseAddress, let found = memchr(base, 0x0A, whole.count) else { return nil }
        return bytes.startIndex + (UnsafeRawPointer(found) - base)
    }

    /// The last line, if it has no line feed.
    mutating func finish(_ each: (String, Int, Bool) -> Void) {
        if !line.isEmpty || dropped > 0 || isRest { give(each, isWhole: true) }
    }

    private mutating func extend(_ bytes: Slice<UnsafeRawBufferPointer>) {
        let room = isRest ? 0 : bytesMax - line.count
        if room > 0 { line.append(contentsOf: bytes.prefix(room)) }
        dropped += max(0, bytes.count - room)
    }

    private mutating func give(_ each: (String, Int, Bool) -> Void, isWhole: Bool) {
        each(String(decoding: line, as: UTF8.self), dropped, isWhole)
        line.removeAll(keepingCapacity: true)
        dropped = 0
        isRest = !isWhole
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

    private func give(_ text: String, _ dropped: Int, _ isWhole: Bool) {
        onLine(ChildProcess.Line(stream: stream, text: text, droppedBytes: dropped, isWhole: isWhole))
    }
}

internal import MusterCore

/// What one member has not acknowledged, oldest first, by places in `OpenCommands`; the first of them are on their way.
struct CommandQueue: Sendable {
    /// Beyond so many, room that was needed once is given back.
    private static let roomKept = 64

    private var entries: [Int32] = []
    private var head = 0
    private(set) var sent = 0
    private(set) var sentBytes = 0
    private(set) var isConnected = false
    /// The last command that is over for the member, where the store does not know that.
    private var unsaved: CommandID?

    var count: Int { entries.count - head }
    var first: Int? { head < entries.count ? Int(entries[head]) : nil }
    var last: Int? { entries.last.map { Int($0) } }
    var waiting: LazyMapSequence<ArraySlice<Int32>, Int> { entries[head...].lazy.map { Int($0) } }
    var unsent: LazyMapSequence<ArraySlice<Int32>, Int> { entries[(head + sent)...].lazy.map { Int($0) } }

    mutating func append(_ command: Int) { entries.append(Int32(command)) }

    mutating func send(_ count: Int, bytes: Int) {
        sent += count
        sentBytes += bytes
    }

    /// No matter any more. Where it is on its way, it has these bytes.
    mutating func removeFirst(bytes: Int) {
        if sent > 0 {
            sent -= 1
            sentBytes -= bytes
        }
        head += 1
        // Now and then, so that it costs nothing on the whole.
        if head == entries.count {
            entries.removeAll(keepingCapacity: entries.capacity <= Self.roomKept)
            head = 0
        } else if head > Self.roomKept, head * 2 > entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    mutating func reconnect() {
        disconnect()
        isConnected = true
    }

    mutating func disconnect() { (isConnected, sent, sentBytes) = (false, 0, 0) }

    /// Whether it is the first since the last was taken.
    mutating func note(unsaved cursor: CommandID) -> Bool {
        defer { unsaved = max(cursor, unsaved ?? cursor) }
        return unsaved == nil
    }

    mutating func takeUnsaved() -> CommandID? {
        defer { unsaved = nil }
        return unsaved
    }
}

/// How long one connection's client has been at the body of its request, and how much of it came. An idle time bounds the pause
/// between two bytes; this is a floor for their speed.
struct SlowBody {
    struct Look {
        /// Which request of the connection is sending its body; nil: none.
        var request: Int?
        /// How often the server has held its client back so far; nil: it does now.
        var holds: Int?
        /// Bytes that ever came in over the connection.
        var bytes: UInt64
        /// Milliseconds.
        var at: Int
    }

    private var last: Look?
    private var bytesAtFirst: UInt64 = 0
    /// While the server was ready to take more, milliseconds.
    private var waitedMs = 0

    /// To be called again and again. Whether the body has taken longer than `limitMs` and a second more for each `bytesPerSecond`
    /// that came.
    mutating func isOverdue(_ look: Look, limitMs: Int, bytesPerSecond: Int) -> Bool {
        defer { last = look }
        guard let request = look.request else { return false }
        guard let last, last.request == request else {
            (bytesAtFirst, waitedMs) = (look.bytes, 0)
            return false
        }
        if let holds = look.holds, holds == last.holds { waitedMs += look.at - last.at }
        let came = look.bytes > bytesAtFirst ? look.bytes - bytesAtFirst : 0
        return Double(waitedMs) > Double(limitMs) + Double(came) / Double(bytesPerSecond) * 1_000
    }
}

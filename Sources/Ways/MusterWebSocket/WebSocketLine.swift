internal import Synchronization

/// One connection, as its loop's thread knows it.
final class WebSocketLine {
    let socket: WebSocket
    let token: UInt64
    /// Lent while something is under way: what comes in pieces, what answers a ping, a close. Most have none, as it takes 9 KB.
    var framing: WebSocketFraming?
    var frames = OutgoingFrames()
    /// Pongs and closes that the system did not take yet.
    var answers: [UInt8] = []
    /// Its client did what it may not.
    var fault: (code: Int, reason: String)?
    /// Since when something is incomplete.
    var beganMs: Int?
    var closeBeganMs: Int?
    /// Pings and pongs that came since the last look.
    var controls = 0
    /// And messages.
    var messages = 0
    var waitsForRoom = false
    /// Among those that are sent to at the end of this turn.
    var isDue = false
    /// Among those that are looked at once a second.
    var isWatched = false
    /// All is sent, and nothing that comes counts: its close is on the way, and a reset would overtake it.
    var isDraining = false
    var isGone = false

    init(_ socket: WebSocket, _ token: UInt64) { (self.socket, self.token) = (socket, token) }

    /// Somebody ended it, or it ends for what came.
    var isEnding: Bool {
        if isClosing || fault != nil { return true }
        guard let framing else { return false }
        return framing.codeSent != nil || framing.isDeaf
    }

    /// Something that may take too long.
    var isRunning: Bool { beganMs != nil || closeBeganMs != nil || controls > 0 || messages > 0 }

    // What others want of it, when `refill` asked last.
    private(set) var isCut = false
    private(set) var isClosing = false
    private var hasMore = true

    /// All that was written is sent, as far as it knows.
    var isUpToDate: Bool { frames.isEmpty && !hasMore }

    /// Takes of what others wrote so much as is sent next; the rest waits in its socket, where it counts.
    func refill(atMost bytesMax: Int) {
        let messages = socket.outbox.withLock { outbox in
            outbox.isTold = false
            (isCut, isClosing) = (outbox.isCut, outbox.closing != nil)
            let messages = frames.isEmpty ? outbox.take(atMost: bytesMax) : []
            hasMore = !outbox.messages.isEmpty
            return messages
        }
        if !messages.isEmpty { frames.add(messages) }
    }

    /// What others ended it with.
    var closing: (code: UInt16, reason: String)? { socket.outbox.withLock { $0.closing } }
}

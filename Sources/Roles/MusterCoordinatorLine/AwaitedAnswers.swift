package import MusterWire

/// What became of a message that wants an answer.
package enum LineOutcome: Sendable {
    /// By this JSON object.
    case answered([UInt8])
    case refused(Problem)
    /// Its WebSocket broke before an answer came.
    case lost
}

/// Messages that were sent over a WebSocket and whose answers are awaited, by number.
struct AwaitedAnswers {
    typealias Handler = @Sendable (LineOutcome) -> Void

    /// A client has one at a time, as a rule; a worker a heartbeat, two asks, and as many deliveries as there are to be made.
    static let countMax = 64
    /// Of the heartbeat that asks whether anything gets through.
    static let firstNumber = 1

    private var last = Self.firstNumber
    private var awaited: [Int: (until: ContinuousClock.Instant, handler: Handler)] = [:]

    /// The number to send; nil: too many wait.
    mutating func add(until: ContinuousClock.Instant, _ handler: @escaping Handler) -> Int? {
        guard awaited.count < Self.countMax else { return nil }
        last += 1
        awaited[last] = (until, handler)
        return last
    }

    mutating func take(_ number: Int) -> Handler? { awaited.removeValue(forKey: number)?.handler }

    var handlers: [Handler] { awaited.values.map(\.handler) }

    func isOverdue(_ now: ContinuousClock.Instant) -> Bool { awaited.values.contains { $0.until <= now } }
}

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

    /// A client has one at a time, as a rule; a worker a heartbeat, two asks and a delivery.
    static let countMax = 64
    /// Of the heartbeat that asks whether anything gets through.
    static let firstNumber = 1

    private var last = Self.firstNumber
    private var awaited: [Int: (until: ContinuousClock.Instant, isVital: Bool, handler: Handler)] = [:]

    /// The number to send; nil: too many wait. `isVital`: without the answer nothing gets through.
    mutating func add(until: ContinuousClock.Instant, isVital: Bool = true, _ handler: @escaping Handler) -> Int? {
        guard awaited.count < Self.countMax else { return nil }
        last += 1
        awaited[last] = (until, isVital, handler)
        return last
    }

    mutating func take(_ number: Int) -> Handler? { awaited.removeValue(forKey: number)?.handler }

    var handlers: [Handler] { awaited.values.map(\.handler) }

    /// Those whose time is up, and whether a vital one is.
    mutating func takeOverdue(_ now: ContinuousClock.Instant) -> (handlers: [Handler], isBroken: Bool) {
        let overdue = awaited.filter { $0.value.until <= now }
        for number in overdue.keys { awaited[number] = nil }
        return (overdue.values.map(\.handler), overdue.values.contains(where: \.isVital))
    }
}

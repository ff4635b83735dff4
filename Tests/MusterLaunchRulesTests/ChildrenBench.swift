import MusterCore
import MusterSimulation

@testable import MusterLaunchRules

/// Children with a clock that tests move, and shorthand for what they do to them.
struct ChildrenBench {
    var children: Children
    var now = Moment.zero + .seconds(1_000)

    init(seed: UInt64 = 1, _ change: (inout Children.Settings) -> Void = { _ in }) {
        var settings = Children.Settings()
        change(&settings)
        children = Children(settings: settings, random: SimRandom(seed: seed))
    }

    /// Nothing runs from before.
    static func ready(_ change: (inout Children.Settings) -> Void = { _ in }) -> ChildrenBench {
        var bench = ChildrenBench(change)
        _ = bench.handle(.adopted([]))
        return bench
    }

    static func record(_ id: Int64, wanted: Int = 100) -> ChildRecord {
        ChildRecord(id: ChildID(id), key: nil, wanted: wanted, createdMs: 0)
    }

    mutating func handle(_ event: Children.Event) -> [Children.Effect] { children.handle(event, now: now) }

    mutating func ask(_ ids: ClosedRange<Int64>) -> [Children.Effect] {
        handle(.asked(ids.map { Self.record($0) }))
    }

    mutating func pass(_ time: Duration) -> [Children.Effect] {
        now = now + time
        return handle(.ticked)
    }

    mutating func exit(_ id: Int64, _ reason: String = "signal 9") -> [Children.Effect] {
        handle(.exited(ChildID(id), reason: reason))
    }

    mutating func launchFails(_ id: Int64, _ reason: String = "no", isRetryable: Bool) -> [Children.Effect] {
        handle(.launchFailed(ChildID(id), reason: reason, isRetryable: isRetryable))
    }

    mutating func deliver(_ id: Int64, _ received: Int, rejected: Int = 0, isLast: Bool = false) -> [Children.Effect] {
        handle(.recorded(ChildID(id), received: received, rejected: rejected, isLast: isLast))
    }

    static func launches(_ effects: [Children.Effect]) -> [ChildRecord] {
        effects.compactMap { if case .launch(let record) = $0 { record } else { nil } }
    }

    static func saves(_ effects: [Children.Effect]) -> [ChildRecord] {
        effects.compactMap { if case .save(let record) = $0 { record } else { nil } }
    }

    static func stops(_ effects: [Children.Effect]) -> [Int64] {
        effects.compactMap { if case .stop(let id) = $0 { id.rawValue } else { nil } }
    }

    /// The ids of what is launched, in order.
    static func ids(_ effects: [Children.Effect]) -> [Int64] { launches(effects).map(\.id.rawValue) }
}

internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// The origin of simulated edges: images by version, told to whoever listens, in order.
final class EdgeOrigin {
    struct Change {
        var image: Int64
        var version: UInt64
        var isDeletion: Bool
    }

    /// What an edge holds open to hear of changes.
    final class Stream {
        var isOpen = true
        var lastArrival = Moment.zero
    }

    private let clock: SimClock
    private var random: SimRandom
    private var version: UInt64 = 0
    /// The latest change of each image.
    private(set) var latest: [Int64: Change] = [:]
    private var listeners: [EdgeID: (stream: Stream, hear: (Change) -> Void)] = [:]
    var delayMsMax: Int

    init(_ clock: SimClock, delayMsMax: Int, seed: UInt64) {
        (self.clock, self.delayMsMax) = (clock, delayMsMax)
        random = SimRandom(seed: seed)
    }

    /// Nil: there is no such image.
    func versionNow(of image: Int64) -> UInt64? {
        guard let change = latest[image], !change.isDeletion else { return nil }
        return change.version
    }

    func change(_ image: Int64, isDeletion: Bool) {
        version += 1
        let change = Change(image: image, version: version, isDeletion: isDeletion)
        latest[image] = change
        for id in listeners.keys.sorted() { tell(change, listeners[id]!) }
    }

    func follow(_ id: EdgeID, since position: UInt64, _ hear: @escaping (Change) -> Void) {
        hangUp(id)
        let listener = (stream: Stream(), hear: hear)
        listeners[id] = listener
        for change in latest.values.sorted(by: { $0.version < $1.version }) where change.version > position {
            tell(change, listener)
        }
    }

    func hangUp(_ id: EdgeID) { listeners.removeValue(forKey: id)?.stream.isOpen = false }

    func isFollowed(by id: EdgeID) -> Bool { listeners[id] != nil }

    private func tell(_ change: Change, _ listener: (stream: Stream, hear: (Change) -> Void)) {
        let arrival = max(listener.stream.lastArrival, clock.now + random.milliseconds(0...delayMsMax))
        listener.stream.lastArrival = arrival
        clock.after(arrival - clock.now) { if listener.stream.isOpen { listener.hear(change) } }
    }
}

import MusterCore
import MusterSimulation
import Testing

@testable import MusterLaunchRules

/// A coordinator's children as a generator wants them: they deliver, die, hang, report late, cannot be launched, and see
/// coordinators come and go. What `Children` promises is checked at every effect.
struct ChildrenWorld {
    static let wanted = 100
    private struct Delivery {
        var id: ChildID
        var received: Int
        var isLast: Bool
    }

    let liveMax: Int
    private var random: SimRandom
    private var bench: ChildrenBench
    /// As a store holds them; `received` and `done` by deliveries alone.
    private(set) var stored: [ChildID: ChildRecord] = [:]
    private var launching: [ChildID] = []
    private var running: [ChildID] = []
    private var hanging: Set<ChildID> = []
    /// Told to end, and not gone yet.
    private var stopped: Set<ChildID> = []
    /// Durable, and `Children` does not know of it yet; one of a child at a time.
    private var untold: [Delivery] = []
    /// What `Children` knows to be recorded.
    private var told: [ChildID: Int] = [:]
    /// How often each was over, by kind.
    private(set) var done: [ChildID: Int] = [:]
    private(set) var failed: [ChildID: Int] = [:]
    private(set) var restarts = 0

    init(seed: UInt64, liveMax: Int) {
        self.liveMax = liveMax
        random = SimRandom(seed: seed)
        bench = Self.coordinator(seed, liveMax)
        handle(.adopted([]))
    }

    private static func coordinator(_ seed: UInt64, _ liveMax: Int) -> ChildrenBench {
        ChildrenBench(seed: seed) {
            $0.liveMax = liveMax
            $0.deathsMax = 3
            $0.lifeTime = .seconds(5)
        }
    }

    var unfinishedCount: Int { bench.children.unfinishedCount }
    var isEmpty: Bool { bench.children.liveCount == 0 && bench.children.waitingCount == 0 && unfinishedCount == 0 }

    mutating func ask(_ ids: Range<Int64>) {
        let records = ids.map { ChildrenBench.record($0, wanted: Self.wanted) }
        for record in records { (stored[record.id], told[record.id]) = (record, 0) }
        handle(.asked(records))
    }

    /// A few milliseconds of everything that may happen.
    mutating func step() {
        bench.now = bench.now + random.milliseconds(1...20)
        for id in launching where random.chance(0.5) { answerLaunch(id) }
        if let id = running.randomElement(using: &random) { live(id) }
        for id in stopped.sorted() where random.chance(0.3) { exit(id, "signal 15") }
        if random.chance(0.3) { tellDelivery() }
        if random.chance(0.0005) { restart() }
        handle(.ticked)
    }

    private mutating func answerLaunch(_ id: ChildID) {
        launching.removeAll { $0 == id }
        switch Int.random(in: 0..<20, using: &random) {
        case 0: handle(.launchFailed(id, reason: "no such file", isRetryable: false))
        case 1: handle(.launchFailed(id, reason: "no memory", isRetryable: true))
        default:
            running.append(id)
            if random.chance(0.02) { hanging.insert(id) }
            handle(.launched(id))
        }
    }

    private mutating func live(_ id: ChildID) {
        if hanging.contains(id) { return }
        if stored[id]!.state == .done || random.chance(0.1) { return exit(id, "exit code 1") }
        guard bench.children[id] != nil, !untold.contains(where: { $0.id == id }) else { return }
        let rest = Self.wanted - stored[id]!.received
        stored[id]!.received += random.chance(0.5) ? rest : Int.random(in: 1...rest, using: &random)
        let isLast = stored[id]!.received == Self.wanted
        if isLast { stored[id]!.state = .done }
        untold.append(Delivery(id: id, received: stored[id]!.received, isLast: isLast))
    }

    private mutating func exit(_ id: ChildID, _ reason: String) {
        running.removeAll { $0 == id }
        hanging.remove(id)
        stopped.remove(id)
        handle(.exited(id, reason: reason))
    }

    /// Often of a child that has ended meanwhile, waits again, or runs again.
    private mutating func tellDelivery() {
        let ready = untold.indices.filter { !launching.contains(untold[$0].id) }
        guard let index = ready.randomElement(using: &random) else { return }
        let delivery = untold.remove(at: index)
        if let record = bench.children[delivery.id] {
            told[delivery.id] = delivery.received
            if delivery.isLast, record.state != .done { done[delivery.id, default: 0] += 1 }
        }
        handle(.recorded(delivery.id, received: delivery.received, rejected: 0, isLast: delivery.isLast))
    }

    /// The next coordinator knows what is stored, and what runs.
    private mutating func restart() {
        restarts += 1
        for id in launching where random.chance(0.5) { running.append(id) }
        for delivery in untold where delivery.isLast && bench.children[delivery.id] != nil {
            done[delivery.id, default: 0] += 1
        }
        (launching, untold, stopped) = ([], [], [])
        let now = bench.now
        bench = Self.coordinator(random.next(), liveMax)
        bench.now = now
        for record in stored.values.sorted(by: { $0.id < $1.id }) where !record.state.isFinal {
            told[record.id] = record.received
            handle(.restored(record))
        }
        handle(.adopted(Set(running)))
    }

    private mutating func handle(_ event: Children.Event) {
        for effect in bench.handle(event) {
            switch effect {
            case .save(let record): save(record)
            case .stop(let id):
                #expect(running.contains(id) && stopped.insert(id).inserted, "stops \(id), which does not run")
            case .launch(let record): launch(record)
            }
        }
        #expect(bench.children.liveCount <= liveMax)
    }

    private mutating func save(_ record: ChildRecord) {
        if record.state == .failed {
            failed[record.id, default: 0] += 1
            #expect(record.attempt >= bench.children.settings.deathsMax && !record.reason.isEmpty)
        }
        guard stored[record.id]!.state != .done else { return }
        let received = stored[record.id]!.received
        stored[record.id] = record
        stored[record.id]!.received = received
    }

    private mutating func launch(_ record: ChildRecord) {
        let id = record.id
        #expect(!running.contains(id) && !launching.contains(id), "\(id) runs twice")
        #expect(done[id] == nil && failed[id] == nil, "\(id) is over and launched again")
        #expect(record.received == told[id] && record.state == .running)
        launching.append(id)
        #expect(launching.count + running.count(where: { bench.children[$0] != nil }) <= liveMax)
    }
}

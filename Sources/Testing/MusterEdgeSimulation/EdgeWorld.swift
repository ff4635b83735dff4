internal import MusterCore
internal import MusterElection
internal import MusterSimulation

/// Simulated edges that elect a leader, and what goes wrong between them.
final class EdgeWorld: FaultyWorld {
    let clock = SimClock()
    let checker: EdgeChecker
    let bug: EdgeBug?
    let faults: EdgeFaults
    private(set) var network: EdgeNetwork! = nil
    private(set) var origin: EdgeOrigin! = nil
    private(set) var copies: EdgeCopyChecker! = nil
    /// In the order of ids.
    private(set) var nodes: [EdgeNode] = []
    /// Ids that have joined, alive or not.
    private(set) var known: [EdgeID] = []
    private(set) var isDiskFull = false
    private(set) var isHealed = false
    var random: SimRandom
    private let trace: ((String) -> Void)?

    /// Ids have gaps.
    private static let idStep = 3
    /// After healing, all live edges must know the one leader within so many virtual milliseconds.
    static let settlingMs = 12_000

    /// 3…8 edges with faults drawn from the seed.
    convenience init(seed: UInt64, bug: EdgeBug? = nil, trace: ((String) -> Void)? = nil) {
        var random = SimRandom(seed: seed)
        let faults = EdgeFaults.drawn(from: &random)
        let count = Int.random(in: 3...8, using: &random)
        self.init(count: count, faults, random, bug: bug, trace: trace)
    }

    init(count: Int, _ faults: EdgeFaults, _ random: SimRandom, bug: EdgeBug?, trace: ((String) -> Void)? = nil) {
        (self.random, self.faults, self.bug, self.trace) = (random, faults, bug, trace)
        checker = EdgeChecker(clock)
        network = EdgeNetwork(clock, faults, seed: self.random.next())
        origin = EdgeOrigin(clock, delayMsMax: faults.originDelayMsMax, seed: self.random.next())
        copies = EdgeCopyChecker(clock) { [checker] in checker.fail($0) }
        for number in 1...count {
            nodes.append(EdgeNode(self, EdgeID(number * Self.idStep)!, seed: self.random.next()))
        }
    }

    var live: [EdgeNode] { nodes.filter(\.isUp) }
    var storeMsMax: Int { isHealed ? EdgeFaults.none.storeMsMax : faults.storeMsMax }

    func node(_ id: EdgeID) -> EdgeNode { nodes[Int(id.rawValue) / Self.idStep - 1] }

    func note(_ words: @autoclosure () -> String) { trace?("\(clock.now.nanoseconds / 1_000_000) ms: \(words())") }

    /// The highest live id leads, all live edges know it, in one term.
    var isSettled: Bool {
        guard let highest = live.last else { return true }
        return live.allSatisfy { $0.leader == highest.id && $0.term == highest.term }
    }

    func join(_ node: EdgeNode) {
        guard !known.contains(node.id) else { return }
        note("edge \(node.id) joins")
        known.append(node.id)
        node.start()
        for other in nodes where other !== node {
            clock.after(random.milliseconds(0...500)) { [self] in other.handle(.peers(Set(known))) }
        }
    }

    // MARK: Running

    /// Faults first, then none; the edges must come to rest under one leader. Returns the violation, if any.
    func run() -> String? {
        startAll()
        scheduleFaults()
        scheduleClients()
        clock.after(.milliseconds(faults.healAtMs)) { [self] in heal() }
        let healed = Moment.zero + .milliseconds(faults.healAtMs)
        run(until: healed)
        // Some runs go on for long, so that a late change would be seen.
        if random.chance(0.1) {
            run(until: healed + .milliseconds(Self.settlingMs))
            let settled = clock.now
            run(until: settled + .seconds(10))
            if checker.violation == nil, !isSettled || checker.lastChange > settled { failToSettle() }
        } else {
            runToRest(until: healed + .milliseconds(Self.settlingMs))
        }
        // What was pulled at the last moment may wait for what was purged or changed meanwhile.
        run(until: clock.now + .seconds(4))
        if checker.violation == nil { copies.checkEnd(live.map(\.replica), origin) }
        return checker.violation
    }

    /// All at once, or one after the other; some join late.
    private func startAll() {
        let spreadMs = random.chance(0.5) ? 0 : 1_000
        for node in nodes.shuffled(using: &random) {
            if random.chance(faults.lateJoin) {
                clock.after(random.milliseconds(500...faults.healAtMs)) { [self] in join(node) }
            } else {
                known.append(node.id)
                clock.after(random.milliseconds(0...spreadMs)) { node.start() }
            }
        }
    }

    func run(until end: Moment) { while checker.violation == nil, clock.step(until: end) {} }

    /// At rest: settled for a second.
    private func runToRest(until end: Moment) {
        var calm = 0
        while checker.violation == nil, clock.now < end {
            run(until: clock.now + .milliseconds(100))
            calm = isSettled ? calm + 1 : 0
            if calm > 10 { return }
        }
        if checker.violation == nil { failToSettle() }
    }

    private func failToSettle() {
        let words = live.map { "\($0.id): \($0.leader.map(\.description) ?? "none")" }.joined(separator: ", ")
        checker.fail("not settled \(Self.settlingMs) ms after healing; leaders by edge: \(words)")
    }

    // MARK: Clients

    private static let images: ClosedRange<Int64> = 1...6

    func delay() -> Duration { .nanoseconds(Int.random(in: 50_000...3_000_000, using: &random)) }

    private func scheduleClients() {
        every(60) { [self] in
            origin.change(Int64.random(in: Self.images, using: &random), isDeletion: random.chance(0.3))
        }
        every(15) { [self] in
            let image = Int64.random(in: Self.images, using: &random)
            let node = nodes.randomElement(using: &random)!
            _ = node.reach { node.replica.get(image) }
        }
        every(80) { [self] in race() }
    }

    /// A fetch and a purge of one image, at edges of their own, within a few milliseconds; then somebody asks for it everywhere.
    private func race() {
        let image = Int64.random(in: Self.images, using: &random)
        let (filler, purger) = (nodes.randomElement(using: &random)!, nodes.randomElement(using: &random)!)
        copies.raced()
        clock.after(random.milliseconds(0...8)) { _ = filler.reach { filler.replica.fetch(image) } }
        clock.after(random.milliseconds(0...8)) { _ = purger.reach { purger.replica.purgeEverywhere(image) } }
        for node in nodes {
            clock.after(random.milliseconds(5...60)) { _ = node.reach { node.replica.get(image) } }
        }
    }

    // MARK: Faults

    private func scheduleFaults() {
        every(faults.crashMs) { [self] in crashOne() }
        every(faults.pauseMs) { [self] in
            let node = nodes.randomElement(using: &random)!
            let time = random.milliseconds(50...3_000)
            note("freeze edge \(node.id) for \(time)")
            node.freeze(for: time)
        }
        every(faults.partitionMs) { [self] in
            let links = network.partition(nodes.map(\.id))
            note("cut \(links.map { "\($0.from)-\($0.to)" }.joined(separator: " "))")
            clock.after(random.milliseconds(200...5_000)) { [self] in network.mend(links) }
        }
        every(faults.linkBreakMs) { [self] in nodes.randomElement(using: &random)!.breakLink() }
        every(faults.originCutMs) { [self] in cutOrigin(nodes.randomElement(using: &random)!.id) }
        every(faults.diskFullMs) { [self] in
            isDiskFull = true
            clock.after(random.milliseconds(50...2_000)) { [self] in isDiskFull = false }
        }
    }

    private func cutOrigin(_ id: EdgeID) {
        origin.hangUp(id)
        clock.after(random.milliseconds(100...4_000)) { [self] in
            let node = node(id)
            if node.isUp, !origin.isFollowed(by: id) { node.replica.followOrigin() }
        }
    }

    /// The leader more often than others. Most are started again.
    private func crashOne() {
        let leaders = nodes.filter { $0.isUp && $0.leader == $0.id }
        let node = random.chance(0.5) ? leaders.randomElement(using: &random) : nil
        crash(node ?? nodes.randomElement(using: &random)!)
    }

    private func crash(_ node: EdgeNode) {
        let isSilent = random.chance(faults.silentCrash)
        note("crash edge \(node.id)\(isSilent ? " silently" : "")")
        guard node.isUp else { return }
        node.crash(silently: isSilent)
        guard random.chance(0.85) else { return }
        let losesDisk = random.chance(faults.diskLoss)
        clock.after(random.milliseconds(5...3_000)) { node.start(losingDisk: losesDisk) }
    }

    private func heal() {
        note("heal")
        isHealed = true
        isDiskFull = false
        network.heal()
        origin.delayMsMax = EdgeFaults.none.originDelayMsMax
        for node in live where !origin.isFollowed(by: node.id) { node.replica.followOrigin() }
    }
}

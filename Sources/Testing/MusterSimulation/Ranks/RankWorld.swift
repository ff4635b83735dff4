internal import MusterCore
internal import MusterMembership

/// One simulated fleet of members that command each other, and what goes wrong between them.
final class RankWorld: FaultyWorld {
    let clock = SimClock()
    let checker: RankChecker
    let bug: RankBug?
    let faults: RankFaults
    private(set) var store: RankStore! = nil
    private(set) var network: RankNetwork! = nil
    private(set) var coordinator: RankCoordinator! = nil
    private(set) var clients: [RankClient] = []
    private(set) var isHealed = false
    var random: SimRandom
    private var connections: UInt64 = 0
    private let trace: ((String) -> Void)?

    init(seed: UInt64, bug: RankBug? = nil, trace: ((String) -> Void)? = nil) {
        random = SimRandom(seed: seed)
        faults = RankFaults.drawn(from: &random)
        checker = RankChecker(mayOverflow: faults.queueMax < Commands.Settings().queueMax)
        self.bug = bug
        self.trace = trace
        store = RankStore(clock, checker, seed: random.next())
        network = RankNetwork(clock, faults, seed: random.next())
        coordinator = RankCoordinator(self)
        for number in 0..<Int.random(in: 3...12, using: &random) {
            clients.append(RankClient(self, number, seed: random.next()))
        }
    }

    func newConnection() -> UInt64 {
        connections += 1
        return connections
    }

    func note(_ words: @autoclosure () -> String) { trace?("\(clock.now.nanoseconds / 1_000_000) ms: \(words())") }

    /// Faults first, then none; everybody that stayed must have what went to it. Returns the violation, if any.
    func run() -> String? {
        coordinator.start()
        for client in clients { clock.after(random.milliseconds(0...2_000)) { client.start() } }
        scheduleFaults()
        every(2_000) { [self] in
            let text = "command at \(clock.now.nanoseconds) of the operator"
            coordinator.receive(.send(nil, text)) { _ in }
        }
        every(400) { [self] in coordinator.tellOutcomes() }
        clock.after(.milliseconds(faults.healAtMs)) { [self] in heal() }
        // The last of the dead are silent for 5 s; the last joinings take as long.
        let end = Moment.zero + .milliseconds(faults.healAtMs) + .seconds(15)
        while checker.violation == nil, clock.step(until: end) {}
        if checker.violation == nil { checker.checkEnd(store.all) }
        if checker.violation == nil, coordinator.openCount > 0 {
            checker.fail("\(coordinator.openCount) are still open")
        }
        return checker.violation
    }

    private func scheduleFaults() {
        every(faults.coordinatorCrashMs) { [self] in crashCoordinator() }
        every(faults.coordinatorPauseMs) { [self] in
            let time = random.milliseconds(50...3_000)
            note("pause the coordinator for \(time)")
            coordinator.pause(for: time)
        }
        every(faults.killMs) { [self] in end("kill") { $0.kill() } }
        every(faults.leaveMs) { [self] in end("leave") { $0.leave() } }
        every(faults.pauseMs) { [self] in
            let client = clients.randomElement(using: &random)!
            let time = random.chance(0.6) ? random.milliseconds(100...2_000) : random.milliseconds(2_000...9_000)
            note("pause client \(client.number) for \(time)")
            client.pause(for: time)
        }
        every(faults.cutMs) { [self] in
            let client = clients.randomElement(using: &random)!.number
            note("cut client \(client) off")
            network.cutOff(client)
            clock.after(random.milliseconds(200...9_000)) { [self] in network.mend(client) }
        }
    }

    private func crashCoordinator() {
        guard !isHealed else { return }
        note("crash the coordinator")
        coordinator.crash()
        clock.after(random.milliseconds(20...4_000)) { [self] in if !coordinator.isUp { coordinator.start() } }
    }

    /// Some crashes come while a removal is on its way to the store.
    func sawRemoval() {
        guard faults.coordinatorCrashMs > 0, random.chance(0.2) else { return }
        clock.after(random.milliseconds(0...15)) { [self] in crashCoordinator() }
    }

    /// Most are started again.
    private func end(_ how: String, _ action: (RankClient) -> Void) {
        let client = clients.randomElement(using: &random)!
        note("\(how): client \(client.number)")
        action(client)
        guard random.chance(0.8) else { return }
        clock.after(random.milliseconds(0...3_000)) { client.start() }
    }

    private func heal() {
        note("heal")
        isHealed = true
        network.heal()
        for client in clients { client.resume() }
        if !coordinator.isUp { coordinator.start() }
    }
}

/// The simulation of ranks and commands as a whole: a seed in, an outcome out, the same for ever.
package enum RankSimulation {
    package struct Outcome: Hashable, Sendable {
        package var seed: UInt64
        /// Nil: every promise was kept.
        package var violation: String?
        package var events: UInt64
        /// Commands that members took.
        package var deliveries: Int
    }

    package static func run(seed: UInt64, bug: RankBug? = nil, trace: ((String) -> Void)? = nil) -> Outcome {
        let world = RankWorld(seed: seed, bug: bug, trace: trace)
        let violation = world.run()
        return Outcome(
            seed: seed, violation: violation, events: world.clock.eventCount, deliveries: world.checker.deliveries)
    }
}

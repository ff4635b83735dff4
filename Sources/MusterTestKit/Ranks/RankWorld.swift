import MusterCore

/// Mistakes in the duties of the core's driver, planted to prove the checkers.
package enum RankBug: String, CaseIterable, Sendable {
    /// Commands go to every rank.
    case sendsToAll = "sends-to-all"
    /// Who comes back is taken to have everything.
    case forgetsReplay = "forgets-replay"
    /// What was written to a connection counts as received.
    case acknowledgesUnsent = "acknowledges-unsent"
    /// Accepted commands are answered before they are durable.
    case answersEarly = "answers-early"
    /// A member is told again what it says to have.
    case repeats = "repeats"
}

/// A coordinator and some clients that join, send, acknowledge, pause, die and come back, over connections that break, with a
/// store that loses what was not durable.
package final class RankWorld {
    let clock = SimClock()
    let checker = RankChecker()
    let bug: RankBug?
    var random: SimRandom
    var coordinator: RankCoordinator!
    var clients: [RankClient] = []
    /// While it is true, things break.
    private(set) var isStormy = true
    private let storm: Duration = .seconds(60)
    private let calm: Duration = .seconds(60)

    package init(seed: UInt64, bug: RankBug?) {
        random = SimRandom(seed: seed ^ 0x52_616E_6B73)
        self.bug = bug
    }

    package struct Outcome: Sendable {
        package var violation: String?
        package var events: UInt64
        package var deliveries: Int
    }

    package static func run(seed: UInt64, bug: RankBug? = nil) -> Outcome {
        let world = RankWorld(seed: seed, bug: bug)
        world.live()
        return Outcome(
            violation: world.checker.violation, events: world.clock.eventCount, deliveries: world.checker.deliveries)
    }

    private func live() {
        coordinator = RankCoordinator(self)
        coordinator.start()
        clients = (0..<Int.random(in: 3...8, using: &random)).map { RankClient(self, number: $0) }
        for client in clients { clock.after(random.milliseconds(0...3_000)) { client.start() } }
        disturb()
        let end = Moment.zero + storm
        while checker.violation == nil, clock.step(until: end) {}
        isStormy = false
        coordinator.startIfDown()
        for client in clients { client.heal() }
        while checker.violation == nil, clock.step(until: end + calm) {}
        checker.checkEnd(coordinator.membersNow)
    }

    private func disturb() {
        clock.after(random.milliseconds(200...4_000)) { [self] in
            guard isStormy else { return }
            let client = clients[Int.random(in: 0..<clients.count, using: &random)]
            switch Int.random(in: 0..<10, using: &random) {
            case 0: coordinator.crash()
            case 1, 2: client.kill()
            case 3: client.leave()
            case 4, 5: client.pause(random.milliseconds(100...2_000))
            case 6: client.pause(random.milliseconds(5_000...9_000))
            default: client.breakConnection()
            }
            disturb()
        }
    }
}

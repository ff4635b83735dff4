import MusterCore

/// Hours in which nobody dies: each heartbeat, ping and answer is lost by itself with a chance of 5 %, members pause for up to two
/// seconds now and then. Nobody may be taken for dead.
package enum SilenceWorld {
    private struct Client {
        var beatAt: Moment
        var pausedUntil = Moment.zero
        /// When answers that are on their way arrive.
        var arrivals: [Moment] = []
    }

    private static let loss = 0.05
    private static let tick: Duration = .milliseconds(100)

    /// Why a promise was broken; nil: nobody was removed.
    package static func run(seed: UInt64, hours: Int) -> String? {
        var random = SimRandom(seed: seed ^ 0x51_1E_4C_E5)
        var membership = Membership()
        var now = Moment.zero
        var clients: [Client] = []
        for number in 0..<6 {
            let id = MemberID(Int64(number + 1))
            let record = MemberRecord(
                id: id, name: "m\(id)", role: .client, joinOrder: id.rawValue, address: "", slots: 1, labels: [:],
                version: "", joinedMs: 0, incarnation: "")
            _ = membership.handle(.joined(record), now: now)
            _ = membership.handle(.connectionOpened(id, connection: UInt64(number + 1)), now: now)
            clients.append(Client(beatAt: now + random.milliseconds(0...1_000)))
        }
        let end = now + .seconds(3_600 * hours)
        while now < end {
            now = now + tick
            for place in clients.indices { step(&clients[place], place, now, &membership, &random) }
            for effect in membership.handle(.ticked, now: now) {
                switch effect {
                case .ping(let id): ping(&clients[Int(id.rawValue) - 1], now, &random)
                case .removed(let record, let departure):
                    return "member \(record.id) was taken for \(departure.rawValue) at \(now) and was there"
                default: break
                }
            }
        }
        return nil
    }

    private static func step(
        _ client: inout Client, _ place: Int, _ now: Moment, _ membership: inout Membership, _ random: inout SimRandom
    ) {
        if now >= client.pausedUntil, random.chance(0.002) { client.pausedUntil = now + random.milliseconds(0...2_000) }
        if client.beatAt <= now, now >= client.pausedUntil {
            client.beatAt = now + .seconds(1)
            if !random.chance(loss) { client.arrivals.append(now + random.milliseconds(0...50)) }
        }
        guard client.arrivals.contains(where: { $0 <= now }) else { return }
        client.arrivals.removeAll { $0 <= now }
        _ = membership.handle(.seen(MemberID(Int64(place + 1))), now: now)
    }

    /// One that pauses answers when it goes on.
    private static func ping(_ client: inout Client, _ now: Moment, _ random: inout SimRandom) {
        guard !random.chance(loss) else { return }
        let answered = max(now, client.pausedUntil) + random.milliseconds(0...50)
        if !random.chance(loss) { client.arrivals.append(answered) }
    }
}

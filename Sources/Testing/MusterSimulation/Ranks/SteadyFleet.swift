internal import MusterCore
internal import MusterMembership

/// Members that live, on a network that loses a twentieth of what they say, each paused now and then: nobody may be removed.
///
/// The shipping `Membership` beside a bare loop of 100 ms, the coordinator's own tick, so that a day takes a second.
package enum SteadyFleet {
    package struct Outcome: Hashable, Sendable {
        /// Nil: nobody was removed.
        package var removal: String?
        package var pauses: Int
        package var pings: Int
    }

    private struct Member {
        var nextBeat: Int
        var nextPause: Int
        /// Asleep before this tick; what asked it meanwhile is answered then.
        var wakesAt = 0
        var isAsked = false
        /// When signs of life that are on their way arrive.
        var arrivals: [Int] = []
    }

    private static let tickMs = 100
    private static let loss = 0.05
    /// Each member by itself: for up to 2 s, mostly as long; 10 to 20 s pass before the next. Two in a row would be one of 4 s.
    private static let pauseTicks = 20
    private static let pauseGap = 100...200

    package static func run(seed: UInt64, hours: Int, members count: Int = 5) -> Outcome {
        var random = SimRandom(seed: seed)
        var membership = Membership()
        var outcome = Outcome(removal: nil, pauses: 0, pings: 0)
        var members: [Member] = []
        for number in 0..<count {
            let id = MemberID(Int64(number + 1))
            let record = MemberRecord(
                id: id, name: "m\(number)", role: .client, joinOrder: id.rawValue, address: "", slots: 1, labels: [:],
                version: "", joinedMs: 0, incarnation: "\(number)")
            _ = membership.handle(.joined(record), now: .zero)
            _ = membership.handle(.connectionOpened(id, connection: UInt64(number)), now: .zero)
            members.append(
                Member(
                    nextBeat: Int.random(in: 1...10, using: &random),
                    nextPause: Int.random(in: pauseGap, using: &random)))
        }
        for tick in 1...hours * 3_600_000 / tickMs {
            let now = Moment(nanoseconds: Int64(tick * tickMs) * 1_000_000)
            for number in 0..<count {
                live(&members[number], tick, &outcome, &random)
                guard members[number].arrivals.contains(where: { $0 <= tick }) else { continue }
                members[number].arrivals.removeAll { $0 <= tick }
                _ = membership.handle(.seen(MemberID(Int64(number + 1))), now: now)
            }
            for effect in membership.handle(.ticked, now: now) {
                switch effect {
                case .ping(let id):
                    outcome.pings += 1
                    if !random.chance(loss) { members[Int(id.rawValue) - 1].isAsked = true }
                case .removed(let record, let departure):
                    outcome.removal = "\(record.name) was removed after \(now.nanoseconds / 1_000_000) ms: \(departure)"
                    return outcome
                default: break
                }
            }
        }
        return outcome
    }

    /// A heartbeat each second, and an answer to what asked it, each of which may be lost, or come with the next tick.
    private static func live(
        _ member: inout Member, _ tick: Int, _ outcome: inout Outcome, _ random: inout SimRandom
    ) {
        if tick == member.nextPause {
            let ticks = random.chance(0.7) ? pauseTicks : Int.random(in: 1...pauseTicks, using: &random)
            member.wakesAt = tick + ticks
            member.nextPause = member.wakesAt + Int.random(in: pauseGap, using: &random)
            outcome.pauses += 1
        }
        guard member.wakesAt <= tick else { return }
        func say() { if !random.chance(loss) { member.arrivals.append(tick + Int.random(in: 0...1, using: &random)) } }
        if member.nextBeat <= tick {
            member.nextBeat = tick + 10
            say()
        }
        if member.isAsked {
            member.isAsked = false
            say()
        }
    }
}

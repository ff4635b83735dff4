internal import MusterCore
internal import MusterMembership
internal import MusterTestKit

/// Watches ranks and commands from outside: who was where, who was told what. It knows nothing of the core's inside.
final class RankChecker {
    private struct Sent {
        var recipients: [MemberID]
        /// How often each of them had gone by then.
        var departures: [MemberID: Int]
    }

    private(set) var violation: String?
    /// Members in the order of joining, by what is stored and who was removed.
    private var ranks: [MemberID] = []
    private var joinOrders: [MemberID: Int64] = [:]
    private var departures: [MemberID: Int] = [:]
    /// By text, which no two commands share.
    private var sent: [String: Sent] = [:]
    private var numbers: [String: Int] = [:]
    /// What each process took, and the last number of it; what any process of a member took.
    private var taken: [String: (texts: Set<String>, last: Int)] = [:]
    private var takenByMember: [MemberID: Set<String>] = [:]
    private var refusedByMember: [MemberID: Set<String>] = [:]
    /// Commands whose senders were told that they are accepted.
    private var answered: Set<String> = []
    /// What was told of a command at a member, once and for all.
    private var told: [String: [MemberID: MusterCore.CommandOutcome]] = [:]
    /// Outcomes told, for whoever wants to know that some were.
    private(set) var tellings = 0
    /// Whether members that stay may be passed over.
    private let mayOverflow: Bool

    init(mayOverflow: Bool) { self.mayOverflow = mayOverflow }
    private(set) var deliveries = 0

    func fail(_ words: String) { if violation == nil { violation = words } }

    // MARK: Ranks

    func restored(_ members: [MemberRecord]) {
        ranks = []
        joinOrders = [:]
        for member in members { joined(member) }
    }

    func joined(_ member: MemberRecord) {
        guard joinOrders[member.id] == nil else { return }
        joinOrders[member.id] = member.joinOrder
        ranks.append(member.id)
        ranks.sort { joinOrders[$0]! < joinOrders[$1]! }
    }

    func removed(_ member: MemberID) {
        joinOrders[member] = nil
        ranks.removeAll { $0 == member }
    }

    /// A removal is stored: without that a crash undoes it, and the member has stayed.
    func departed(_ member: MemberID) { departures[member, default: 0] += 1 }

    func check(_ membership: Membership) {
        let ranked = membership.ranked.map(\.record.id)
        if ranked != ranks { fail("the ranks are \(ranked), but by joining \(ranks)") }
        for (place, member) in ranks.enumerated() where membership.rank(of: member) != place {
            fail(
                "member \(member) is at \(place), but has rank \(membership.rank(of: member).map(String.init) ?? "none")"
            )
        }
    }

    // MARK: Commands

    /// Nil: the operator.
    func accepted(_ text: String, from sender: MemberID?) {
        let place = sender.map { ranks.firstIndex(of: $0).map { $0 + 1 } ?? ranks.count } ?? 0
        let recipients = Array(ranks[place...])
        if sent[text] != nil { fail("command \(text) was accepted twice") }
        numbers[text] = sent.count
        sent[text] = Sent(recipients: recipients, departures: departures)
    }

    /// One connection brings ids in growing order, before anything is dropped.
    func arrived(_ id: CommandID, after last: CommandID, at member: MemberID) {
        if id <= last { fail("member \(member) got command \(id) after \(last) over one connection") }
    }

    func took(_ text: String, _ member: MemberID, process: String, isStored: Bool) {
        deliveries += 1
        guard let command = sent[text], let number = numbers[text] else { return fail("\(text) was never sent") }
        if !isStored { fail("\(text) reached member \(member) before it was durable") }
        if !command.recipients.contains(member) {
            fail("\(text) reached member \(member), which is not below its sender")
        }
        let before = taken[process] ?? ([], -1)
        if before.texts.contains(text) { fail("\(text) reached one process of member \(member) twice") }
        if number < before.last { fail("\(text) reached member \(member) out of order") }
        taken[process] = (before.texts.union([text]), max(number, before.last))
        takenByMember[member, default: []].insert(text)
        if let outcome = told[text]?[member], outcome == .overflow {
            fail("\(text) reached member \(member) after it was told as \(outcome.rawValue)")
        }
    }

    func refused(_ text: String, _ member: MemberID) { refusedByMember[member, default: []].insert(text) }

    func answered(_ text: String) { answered.insert(text) }

    // MARK: Outcomes as told

    func told(_ outcome: MusterCore.CommandOutcome, of text: String, at member: MemberID) {
        tellings += 1
        if let before = told[text]?[member], before != outcome {
            fail("\(text) was told as \(before.rawValue) at member \(member), then as \(outcome.rawValue)")
        }
        if outcome == .pending { return }
        told[text, default: [:]][member] = outcome
        switch outcome {
        case .delivered where takenByMember[member]?.contains(text) != true:
            fail("\(text) was told as delivered at member \(member), which never took it")
        case .refused where refusedByMember[member]?.contains(text) != true:
            fail("\(text) was told as refused by member \(member), which did not")
        case .gone where departures[member] == sent[text]?.departures[member]:
            fail("\(text) was told as gone at member \(member), which stayed")
        case .overflow where !mayOverflow: fail("\(text) was told as overflow at member \(member)")
        default: break
        }
    }

    /// A sign of life of it waited to be heard.
    func removedUnheard(_ member: MemberID) {
        fail("member \(member) was removed because the coordinator was paused")
    }

    /// After the faults: everybody that stayed has what went to it, and each command has ended, as it was told.
    func checkEnd(_ commands: [StoredCommand]) {
        let stored = Set(commands.map(\.record.text))
        for text in answered.subtracting(stored).sorted() {
            fail("\(text) was answered as accepted, and is not stored")
        }
        for command in commands {
            let text = command.record.text
            guard let sent = sent[text] else { return fail("\(text) is stored, but was never sent") }
            guard let end = command.end else { return fail("\(text) never ended") }
            for member in sent.recipients {
                let outcome = end.exceptions[member] ?? .delivered
                told(outcome, of: text, at: member)
                if outcome == .overflow || outcome == .refused { continue }
                if departures[member] == sent.departures[member], takenByMember[member]?.contains(text) != true {
                    fail("\(text) never reached member \(member), which stayed")
                }
            }
        }
    }
}

package import MusterCore

/// What an outsider sees of ranks and commands, held against what is promised.
package final class RankChecker {
    package private(set) var violation: String?
    /// Ranked members of each view of each life of the coordinator.
    private var views: [ViewKey: [MemberID]] = [:]
    /// Commands whose sender was told that they are accepted, and what was removed when by then.
    private var accepted: [CommandID: (record: CommandRecord, life: Int)] = [:]
    /// The last command there was when a member was removed, the latest removal only.
    private var removedAfter: [MemberID: CommandID] = [:]
    /// By member and process, in the order of arrival.
    private var received: [Receiver: [CommandID]] = [:]
    package private(set) var deliveries = 0

    private struct ViewKey: Hashable {
        var life: Int
        var view: UInt64
    }
    package struct Receiver: Hashable {
        package var member: MemberID
        package var process: Int
        package init(member: MemberID, process: Int) { (self.member, self.process) = (member, process) }
    }

    package init() {}

    private func fail(_ words: String) { if violation == nil { violation = words } }

    package func sawView(_ membership: Membership, life: Int) {
        let ranked = membership.ranked.map(\.record.id)
        views[ViewKey(life: life, view: membership.view)] = ranked
        for (place, id) in ranked.enumerated() where membership.rank(of: id) != place {
            fail("member \(id) stands at \(place) and has rank \(String(describing: membership.rank(of: id)))")
        }
        if Set(ranked).count != ranked.count { fail("a member stands twice in view \(membership.view)") }
    }

    package func wasAccepted(_ record: CommandRecord, life: Int) { accepted[record.id] = (record, life) }
    package func wasRemoved(_ id: MemberID, lastCommand: CommandID) { removedAfter[id] = lastCommand }

    /// A client has taken a command for a new one.
    package func wasReceived(_ command: CommandRecord, by receiver: Receiver, sentInLife life: Int) {
        deliveries += 1
        if let last = received[receiver]?.last, command.id <= last {
            fail("command \(command.id) came to member \(receiver.member) after \(last)")
        }
        received[receiver, default: []].append(command.id)
        guard let ranked = views[ViewKey(life: life, view: command.view)] else { return }
        let sender = command.sender.flatMap { ranked.firstIndex(of: $0) } ?? -1
        let place = ranked.firstIndex(of: receiver.member)
        if command.sender != nil && sender < 0 {
            fail("command \(command.id) was sent by a member without a rank")
        } else if place == nil || place! <= sender {
            fail("command \(command.id) of rank \(sender) came to rank \(place.map { "\($0)" } ?? "none")")
        }
    }

    /// At the end, when nothing is disturbed any more: whoever stayed has everything.
    package func checkEnd(_ alive: [MemberID]) {
        let got = received.reduce(into: [MemberID: Set<CommandID>]()) {
            $0[$1.key.member, default: []].formUnion($1.value)
        }
        for (id, command) in accepted.sorted(by: { $0.key < $1.key }) {
            guard let ranked = views[ViewKey(life: command.life, view: command.record.view)] else { continue }
            let sender = command.record.sender.flatMap { ranked.firstIndex(of: $0) } ?? -1
            for member in ranked.dropFirst(sender + 1) where alive.contains(member) {
                if let last = removedAfter[member], last >= id { continue }
                if got[member]?.contains(id) != true {
                    fail("command \(id) never came to member \(member), who stayed")
                }
            }
        }
    }
}

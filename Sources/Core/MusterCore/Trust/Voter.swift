/// Names a machine as far as votes go: one of them has one vote on a task, however many workers it runs.
package struct MachineID: RawRepresentable, Hashable, Comparable, Sendable {
    /// `machine-…` as members tell it, `token-N` for all who joined by one volunteer's token, `member-N` for who told none.
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package init(_ rawValue: String) { self.rawValue = rawValue }
    package static func < (a: MachineID, b: MachineID) -> Bool { a.rawValue < b.rawValue }
}

extension MachineID {
    /// A machine that a member told.
    package init(told machine: String) { self.init("machine-\(machine)") }
    package var isToldMachine: Bool { rawValue.hasPrefix("machine-") }

    /// A worker that counts for itself.
    package init(worker member: MemberID) { self.init("member-\(member)") }

    /// That worker's.
    package var worker: MemberID? {
        rawValue.hasPrefix("member-") ? Int64(rawValue.dropFirst(7)).map { MemberID($0) } : nil
    }
}

extension MachineID: CustomStringConvertible {
    package var description: String { rawValue }
}

/// On whose behalf a member computes, and whether that one is trusted.
package struct Voter: Hashable, Sendable {
    /// Whose reliability it is.
    package var machine: MachineID
    /// Whose vote it is: of all machines in one circle together there is one.
    package var circle: MachineID
    /// It joined by a volunteer's token: what it says counts when others say the same.
    package var isVolunteer: Bool

    package init(machine: MachineID, isVolunteer: Bool, circle: MachineID? = nil) {
        self.machine = machine
        self.circle = circle ?? machine
        self.isVolunteer = isVolunteer
    }

    /// All who came by this volunteer's token. `circle` is empty for those of a token that an operator made, who vouches that
    /// they are nobody else; else it names where the token was fetched: ten fetches do not make ten voters.
    package init(token: Int64, circle: String = "") {
        self.init(
            machine: MachineID("token-\(token)"), isVolunteer: true,
            circle: circle.isEmpty ? nil : MachineID("circle-\(circle)"))
    }

    /// Who told no machine is one.
    package init(unknown member: MemberID) { self.init(machine: MachineID(worker: member), isVolunteer: false) }
}

/// Whose votes a job counts, once each.
package enum Electorate: Hashable, Sendable {
    /// Machines; volunteers always.
    case machines
    /// The fleet's own workers, each: where there are not machines enough, and never were.
    case workers
}

extension MemberID {
    /// The coordinator's own worker, which computes again what nobody else can confirm. Ids of members are positive.
    package static let referee = MemberID(0)
}

/// How many different machines must agree on a task's result: `needed` of at first at most `voters`.
package struct Quorum: Hashable, Sendable {
    /// k of k/n. More than half of `voters`.
    package let needed: Int
    /// n of k/n. 1…`votersMax`.
    package let voters: Int
    package static let votersMax = 15

    /// What a volunteer's result has to pass that is to be confirmed: two that agree.
    package static let confirmation = Quorum(needed: 2, voters: 3)!

    /// Nil unless 1 ≤ needed ≤ voters ≤ 15 and needed > voters / 2.
    package init?(needed: Int, voters: Int) {
        guard (1...Self.votersMax).contains(voters), (1...voters).contains(needed), 2 * needed > voters
        else { return nil }
        self.needed = needed
        self.voters = voters
    }

    /// Reads `k/n`.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count == 2, let needed = Self.number(parts[0]), let voters = Self.number(parts[1])
        else { return nil }
        self.init(needed: needed, voters: voters)
    }

    /// Where `voters` machines do not agree, more are asked, up to so many; then the task has failed.
    package var votesMax: Int { 2 * voters }

    /// Digits only: `Int` would take a sign, too.
    private static func number(_ text: Substring.UTF8View) -> Int? {
        guard (1...2).contains(text.count), text.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(Substring(text))
    }
}

extension Quorum: CustomStringConvertible {
    package var description: String { "\(needed)/\(voters)" }
}

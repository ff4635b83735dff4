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

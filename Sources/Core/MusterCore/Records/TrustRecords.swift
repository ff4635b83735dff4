/// What one machine says of the tasks `result.first..<result.first + result.count` of a job: as good as a result, once
/// enough others say the same. A machine has one vote on a task.
package struct VoteRecord: Hashable, Sendable {
    /// Who has this vote, and no other on these tasks.
    package var machine: MachineID
    /// Who answers for it; the same, but for volunteers of one circle.
    package var owner: MachineID
    package var isVolunteer: Bool
    /// `job`, tasks, worker, attempt and outcome, as they become the result should this vote win.
    package var result: ResultRecord

    package init(machine: MachineID, owner: MachineID? = nil, isVolunteer: Bool, result: ResultRecord) {
        self.machine = machine
        self.owner = owner ?? machine
        self.isVolunteer = isVolunteer
        self.result = result
    }
}

/// What a machine did, of one report or of many.
package struct Contribution: Hashable, Sendable {
    package var machine: MachineID
    package var tasks: Int
    /// Of computing.
    package var seconds: Double
    package var atMs: WallClockMs

    package init(machine: MachineID, tasks: Int, seconds: Double, atMs: WallClockMs) {
        self.machine = machine
        self.tasks = tasks
        self.seconds = seconds
        self.atMs = atMs
    }
}

/// All that is kept of a machine, which outlives its members.
package struct MachineRecord: Hashable, Sendable {
    package var id: MachineID
    /// The volunteer's token that it came by; nil for the fleet's own.
    package var token: Int64?
    /// Joinings of its workers so far.
    package var joins: Int
    package var tasks: Int
    package var seconds: Double
    package var firstSeenMs: WallClockMs
    package var lastSeenMs: WallClockMs
    /// Of the program, at its last joining.
    package var version: String
    /// Of its last worker.
    package var name: String
    package var standing: Reliability.Standing

    package init(
        id: MachineID, token: Int64?, joins: Int = 0, tasks: Int = 0, seconds: Double = 0, firstSeenMs: WallClockMs,
        lastSeenMs: WallClockMs, version: String, name: String, standing: Reliability.Standing = .init()
    ) {
        self.id = id
        self.token = token
        self.joins = joins
        self.tasks = tasks
        self.seconds = seconds
        self.firstSeenMs = firstSeenMs
        self.lastSeenMs = lastSeenMs
        self.version = version
        self.name = name
        self.standing = standing
    }
}

/// A volunteer's join token. What proves it is not kept, only a code of it.
package struct JoinTokenRecord: Hashable, Sendable {
    package var id: Int64
    /// A code of the token under the coordinator's key.
    package var code: String
    package var label: String
    package var createdMs: WallClockMs
    /// Nil while it is good.
    package var revokedMs: WallClockMs?
    /// From where it was fetched; empty for one that an operator made.
    package var circle: String

    package init(
        id: Int64, code: String, label: String, createdMs: WallClockMs, revokedMs: WallClockMs? = nil,
        circle: String = ""
    ) {
        self.circle = circle
        self.id = id
        self.code = code
        self.label = label
        self.createdMs = createdMs
        self.revokedMs = revokedMs
    }
}

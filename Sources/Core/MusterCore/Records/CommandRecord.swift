/// One command as it was accepted: who sent it, in which view, and to whom it goes.
package struct CommandRecord: Hashable, Sendable {
    package var id: CommandID
    /// Nil: the operator, who stands above rank 0.
    package var sender: MemberID?
    /// As it was then; empty for the operator.
    package var senderName: String
    /// The sender's rank in `view`; nil for the operator.
    package var rank: Int?
    package var view: UInt64
    package var text: String
    /// Every member of lower rank in `view`, by rank.
    package var recipients: [MemberID]
    package var createdMs: WallClockMs

    package init(
        id: CommandID, sender: MemberID?, senderName: String, rank: Int?, view: UInt64, text: String,
        recipients: [MemberID], createdMs: WallClockMs
    ) {
        self.id = id
        self.sender = sender
        self.senderName = senderName
        self.rank = rank
        self.view = view
        self.text = text
        self.recipients = recipients
        self.createdMs = createdMs
    }
}

/// What became of a command at one of its recipients.
package enum CommandOutcome: String, CaseIterable, Sendable {
    /// Not yet there; tried until it is, or the member is gone.
    case pending
    case delivered
    /// It left, or was removed, before it had it.
    case gone
    /// Its callback answered with an error.
    case refused
    /// So many commands waited for it that this one was not kept for it.
    case overflow
}

/// A command that is over, as the store keeps it: recipients that are not named here have it.
package struct CommandEnd: Hashable, Sendable {
    package var id: CommandID
    package var exceptions: [MemberID: CommandOutcome]
    package var endedMs: WallClockMs

    package init(id: CommandID, exceptions: [MemberID: CommandOutcome], endedMs: WallClockMs) {
        self.id = id
        self.exceptions = exceptions
        self.endedMs = endedMs
    }
}

/// A command as the store knows it; `end` is nil while it is open.
package struct StoredCommand: Hashable, Sendable {
    package var record: CommandRecord
    package var end: CommandEnd?

    package init(record: CommandRecord, end: CommandEnd?) {
        self.record = record
        self.end = end
    }
}

/// How far a member is with its commands, as the store keeps it.
package struct CommandCursor: Hashable, Sendable {
    package var member: MemberID
    /// All that went to it up to this one is over for it: delivered, but for its exceptions.
    package var acknowledged: CommandID

    package init(member: MemberID, acknowledged: CommandID) {
        self.member = member
        self.acknowledged = acknowledged
    }
}

/// Commands that one member will never have, as the store keeps them for as long as one of them is open.
package struct CommandExceptions: Hashable, Sendable {
    package var member: MemberID
    /// Of these ids, those that went to the member. Where two overlap, one lies within the other, and the inner one holds.
    package var commands: ClosedRange<CommandID>
    /// `gone`, `refused` or `overflow`.
    package var outcome: CommandOutcome

    package init(member: MemberID, commands: ClosedRange<CommandID>, outcome: CommandOutcome) {
        self.member = member
        self.commands = commands
        self.outcome = outcome
    }
}

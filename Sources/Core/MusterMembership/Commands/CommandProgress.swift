package import MusterCore

/// What members have and will never have, to be made durable in one group: a cursor moves over exceptions, and without
/// them it would say that those are delivered.
package struct CommandProgress: Hashable, Sendable {
    /// At most one a member.
    package var cursors: [CommandCursor]
    package var exceptions: [CommandExceptions]

    package init(cursors: [CommandCursor] = [], exceptions: [CommandExceptions] = []) {
        self.cursors = cursors
        self.exceptions = exceptions
    }

    /// The progress among these writes.
    package init(in writes: [StoreWrite]) {
        self.init()
        for write in writes {
            if case .saveCursors(let some) = write { cursors += some }
            if case .saveExceptions(let some) = write { exceptions.append(some) }
        }
    }

    package var isEmpty: Bool { cursors.isEmpty && exceptions.isEmpty }

    package var writes: [StoreWrite] {
        exceptions.map { .saveExceptions($0) } + (cursors.isEmpty ? [] : [.saveCursors(cursors)])
    }

    /// Cursors before the oldest command that is open say nothing: its end tells of each of the others. Nil: none is open.
    package mutating func keepCursors(from oldest: CommandID?) {
        guard let oldest else {
            cursors = []
            return
        }
        cursors.removeAll { $0.acknowledged < oldest }
    }
}

/// What the store says of members, until the commands that it is needed for are restored.
struct RestoredProgress: Sendable {
    private var cursors: [MemberID: CommandID] = [:]
    /// The narrower before the wider.
    private var exceptions: [MemberID: [CommandExceptions]] = [:]

    mutating func add(_ progress: CommandProgress) {
        func width(_ some: CommandExceptions) -> Int64 {
            some.commands.upperBound.rawValue - some.commands.lowerBound.rawValue
        }
        for cursor in progress.cursors { cursors[cursor.member] = cursor.acknowledged }
        exceptions.merge(Dictionary(grouping: progress.exceptions, by: \.member)) { $0 + $1 }
        for member in Set(progress.exceptions.map(\.member)) { exceptions[member]!.sort { width($0) < width($1) } }
    }

    /// Nil: not over for this member, as far as the store knows.
    func outcome(of id: CommandID, at member: MemberID) -> CommandOutcome? {
        if let exception = exceptions[member]?.first(where: { $0.commands.contains(id) }) { return exception.outcome }
        return cursors[member].flatMap { $0 >= id ? .delivered : nil }
    }
}

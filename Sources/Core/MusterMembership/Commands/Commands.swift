package import MusterCore

/// Carries commands to the members of lower rank: in the order of their ids at each receiver, until each has acknowledged them.
///
/// The duties of its driver: give ids in growing order, choose the recipients by `Membership.recipients(of:)` in the same moment,
/// and pass in `sent` once the record is durable, in the order of ids; tell it of every connection that a member opens or
/// loses, with the last command that the member says to have; perform `deliver` in order; make
/// `newProgress` durable now and then, and say by `saved` or `notSaved` what became of it. A receiver that comes back gets what it
/// has not acknowledged and, by what it says it has, nothing twice. An outcome is final once the progress is durable that was
/// new when it was read: until then a crash of the coordinator can undo it.
package struct Commands: Sendable {
    private struct Open: Sendable {
        var record: CommandRecord
        var unresolved: Int
        var exceptions: [MemberID: CommandOutcome] = [:]
    }

    private struct Queue: Sendable {
        /// Not acknowledged, oldest first; the first `sent` of them are on their way.
        var waiting: [CommandID] = []
        var head = 0
        var sent = 0
        var sentBytes = 0
        var isConnected = false

        var count: Int { waiting.count - head }
        var first: CommandID? { head < waiting.count ? waiting[head] : nil }

        mutating func popFirst() {
            head += 1
            // Now and then, so that it costs nothing on the whole.
            if head == waiting.count || (head > 64 && head * 2 > waiting.count) {
                waiting.removeFirst(head)
                head = 0
            }
        }
    }

    let settings: Settings
    private var open: [CommandID: Open] = [:]
    private var queues: [MemberID: Queue] = [:]
    /// Progress that is not in the store: the last command that is over for a member, and its exceptions in the order of ids.
    private var unsavedCursors: [MemberID: CommandID] = [:]
    private var unsavedExceptions: [MemberID: [CommandExceptions]] = [:]
    private var restored = RestoredProgress()
    /// Commands that a member was passed over with, until that is durable: what comes after the first of them waits. For a
    /// member says what it has by the last command that came, and after a crash would be taken to have these.
    private var heldBehind: [MemberID: [CommandID]] = [:]
    package private(set) var counters = Counters()

    package init(settings: Settings = Settings()) { self.settings = settings }

    package var openCount: Int { open.count }
    package var hasRoom: Bool { open.count < settings.openMax }
    package subscript(id: CommandID) -> CommandRecord? { open[id]?.record }

    /// Nil for a command that is over, or for a stranger to it.
    package func outcome(of id: CommandID, at member: MemberID) -> CommandOutcome? {
        guard let command = open[id], command.record.recipients.contains(member) else { return nil }
        return standing(of: id, command, member)
    }

    /// By rank. Nil for a command that is over.
    package func outcomes(of id: CommandID) -> [(MemberID, CommandOutcome)]? {
        open[id].map { command in command.record.recipients.map { ($0, standing(of: id, command, $0)) } }
    }

    private func standing(of id: CommandID, _ command: Open, _ member: MemberID) -> CommandOutcome {
        if let exception = command.exceptions[member] { return exception }
        guard let queue = queues[member], let first = queue.first else { return .delivered }
        return first <= id ? .pending : .delivered
    }

    /// Since the last call, by member.
    package mutating func newProgress() -> CommandProgress {
        guard !unsavedCursors.isEmpty || !unsavedExceptions.isEmpty else { return CommandProgress() }
        defer { (unsavedCursors, unsavedExceptions) = ([:], [:]) }
        return CommandProgress(
            cursors: unsavedCursors.sorted { $0.key < $1.key }.map {
                CommandCursor(member: $0.key, acknowledged: $0.value)
            },
            exceptions: unsavedExceptions.sorted { $0.key < $1.key }.flatMap(\.value))
    }

    /// `isMember` says who is in the fleet at this moment.
    package mutating func handle(_ event: Event, isMember: (MemberID) -> Bool) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .restoredProgress(let progress): restored.add(progress)
        case .restored(let record): restore(record, isMember, &effects)
        case .sent(let record):
            restored = RestoredProgress()
            counters.sent += 1
            enqueue(record, isMember, &effects)
        case .connected(let id, let seen): connected(id, seen, &effects)
        case .disconnected(let id): disconnected(id)
        case .acknowledged(let id, let through): acknowledged(id, through, &effects)
        case .refused(let id, let command): refused(id, command, &effects)
        case .removed(let id): removed(id, &effects)
        case .saved(let progress): saved(progress, &effects)
        case .notSaved(let progress): takeBack(progress)
        }
        return effects
    }

    private mutating func enqueue(
        _ record: CommandRecord, _ isMember: (MemberID) -> Bool, _ effects: inout [Effect]
    ) {
        var command = Open(record: record, unresolved: record.recipients.count)
        var reached: [MemberID] = []
        for id in record.recipients {
            if !isMember(id) {
                except(record.id, .gone, at: id, of: &command)
            } else if queues[id, default: Queue()].count >= settings.queueMax {
                except(record.id, .overflow, at: id, of: &command)
            } else {
                queues[id, default: Queue()].waiting.append(record.id)
                reached.append(id)
            }
        }
        open(command, reached, &effects)
    }

    /// What was over for a recipient stays as it was; all else waits again, however much that is.
    private mutating func restore(
        _ record: CommandRecord, _ isMember: (MemberID) -> Bool, _ effects: inout [Effect]
    ) {
        var command = Open(record: record, unresolved: record.recipients.count)
        var reached: [MemberID] = []
        for id in record.recipients {
            switch restored.outcome(of: record.id, at: id) {
            case .delivered: command.unresolved -= 1
            case let outcome?:
                command.exceptions[id] = outcome
                command.unresolved -= 1
            case nil where isMember(id):
                queues[id, default: Queue()].waiting.append(record.id)
                reached.append(id)
            case nil: except(record.id, .gone, at: id, of: &command)
            }
        }
        open(command, reached, &effects)
    }

    private mutating func open(_ command: Open, _ reached: [MemberID], _ effects: inout [Effect]) {
        open[command.record.id] = command
        if command.unresolved == 0 { end(command.record.id, &effects) }
        for id in reached { advance(id, &effects) }
    }

    /// A new command that never gets into the member's queue.
    private mutating func except(
        _ id: CommandID, _ outcome: CommandOutcome, at member: MemberID, of command: inout Open
    ) {
        command.exceptions[member] = outcome
        command.unresolved -= 1
        if outcome == .gone { counters.gone += 1 } else { counters.overflowed += 1 }
        // One run of them as long as nothing was queued in between.
        if outcome == .overflow, let last = unsavedExceptions[member]?.last, last.outcome == .overflow,
            let queued = queues[member]?.waiting.last, queued < last.commands.lowerBound
        {
            let place = unsavedExceptions[member]!.count - 1
            unsavedExceptions[member]![place].commands = last.commands.lowerBound...id
        } else {
            note(id...id, outcome, at: member)
            heldBehind[member, default: []].append(id)
        }
    }

    private mutating func saved(_ progress: CommandProgress, _ effects: inout [Effect]) {
        for some in progress.exceptions {
            guard let place = heldBehind[some.member]?.firstIndex(of: some.commands.lowerBound) else { continue }
            heldBehind[some.member]!.remove(at: place)
            if heldBehind[some.member]!.isEmpty { heldBehind[some.member] = nil }
            advance(some.member, &effects)
        }
    }

    private mutating func note(_ ids: ClosedRange<CommandID>, _ outcome: CommandOutcome, at member: MemberID) {
        unsavedExceptions[member, default: []].append(
            CommandExceptions(member: member, commands: ids, outcome: outcome))
    }

    private mutating func takeBack(_ progress: CommandProgress) {
        for cursor in progress.cursors {
            unsavedCursors[cursor.member] = max(cursor.acknowledged, unsavedCursors[cursor.member] ?? CommandID(0))
        }
        let newer = unsavedExceptions
        unsavedExceptions = Dictionary(grouping: progress.exceptions, by: \.member)
        unsavedExceptions.merge(newer) { $0 + $1 }
    }

    private mutating func end(_ id: CommandID, _ effects: inout [Effect]) {
        guard let command = open.removeValue(forKey: id) else { return }
        effects.append(.ended(id, createdMs: command.record.createdMs, exceptions: command.exceptions))
    }

    private mutating func connected(_ id: MemberID, _ seen: CommandID, _ effects: inout [Effect]) {
        queues[id, default: Queue()].isConnected = true
        queues[id]!.sent = 0
        queues[id]!.sentBytes = 0
        take(id, through: seen, of: queues[id]!.count, &effects)
        advance(id, &effects)
    }

    private mutating func disconnected(_ id: MemberID) {
        queues[id]?.isConnected = false
        queues[id]?.sent = 0
        queues[id]?.sentBytes = 0
    }

    private mutating func acknowledged(_ id: MemberID, _ through: CommandID, _ effects: inout [Effect]) {
        guard let queue = queues[id] else { return }
        // Nobody acknowledges what never went out.
        take(id, through: through, of: queue.sent, &effects)
        advance(id, &effects)
    }

    /// Of the first `count` in line, those up to `through` are delivered.
    private mutating func take(_ id: MemberID, through: CommandID, of count: Int, _ effects: inout [Effect]) {
        var left = count
        while left > 0, let first = queues[id]!.first, first <= through {
            left -= 1
            leaveQueue(id, first)
            counters.delivered += 1
            resolve(first, &effects)
        }
    }

    /// The first in line is no matter any more.
    private mutating func leaveQueue(_ id: MemberID, _ command: CommandID) {
        queues[id]!.popFirst()
        if queues[id]!.sent > 0 {
            queues[id]!.sent -= 1
            queues[id]!.sentBytes -= open[command]?.record.text.utf8.count ?? 0
        }
        unsavedCursors[id] = command
    }

    private mutating func resolve(_ command: CommandID, _ effects: inout [Effect]) {
        guard open[command] != nil else { return }
        open[command]!.unresolved -= 1
        if open[command]!.unresolved == 0 { end(command, &effects) }
    }

    private mutating func refused(_ id: MemberID, _ command: CommandID, _ effects: inout [Effect]) {
        guard let queue = queues[id], queue.sent > 0, queue.first == command else { return }
        leaveQueue(id, command)
        open[command]?.exceptions[id] = .refused
        note(command...command, .refused, at: id)
        counters.refused += 1
        resolve(command, &effects)
        advance(id, &effects)
    }

    private mutating func removed(_ id: MemberID, _ effects: inout [Effect]) {
        let queue = queues.removeValue(forKey: id) ?? Queue()
        // It can come back only once its removal, and with that these, are durable.
        heldBehind[id] = nil
        let waiting = queue.waiting[queue.head...]
        if let first = waiting.first, let last = waiting.last { note(first...last, .gone, at: id) }
        let progress = CommandProgress(
            cursors: unsavedCursors.removeValue(forKey: id).map { [CommandCursor(member: id, acknowledged: $0)] } ?? [],
            exceptions: unsavedExceptions.removeValue(forKey: id) ?? [])
        if !progress.isEmpty { effects.append(.save(progress)) }
        for command in waiting {
            open[command]?.exceptions[id] = .gone
            counters.gone += 1
            resolve(command, &effects)
        }
    }

    /// Sends as much as the window lets.
    private mutating func advance(_ id: MemberID, _ effects: inout [Effect]) {
        guard let queue = queues[id], queue.isConnected, queue.sent < queue.count else { return }
        var next: [CommandID] = []
        var bytes = queue.sentBytes
        let held = heldBehind[id]?.first
        for command in queue.waiting[(queue.head + queue.sent)...] {
            if let held, command > held { break }
            let size = open[command]?.record.text.utf8.count ?? 0
            let isFirst = queue.sent + next.count == 0
            guard isFirst || (bytes + size <= settings.windowBytes && queue.sent + next.count < settings.windowCount)
            else { break }
            bytes += size
            next.append(command)
        }
        guard !next.isEmpty else { return }
        queues[id]!.sent += next.count
        queues[id]!.sentBytes = bytes
        effects.append(.deliver(id, next))
    }
}

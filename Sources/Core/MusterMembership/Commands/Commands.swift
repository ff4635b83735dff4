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
    let settings: Settings
    private var open = OpenCommands()
    private var queues = MemberTable<CommandQueue>()
    /// Whose cursors are not in the store as they are.
    private var unsaved: [MemberID] = []
    /// The same of those who are gone.
    private var cursorsOfGone: [MemberID: CommandID] = [:]
    /// Exceptions that are not in the store, in the order of ids.
    private var unsavedExceptions: [MemberID: [CommandExceptions]] = [:]
    private var restored = RestoredProgress()
    /// Commands that a member was passed over with, until that is durable: what comes after the first of them waits. For a
    /// member says what it has by the last command that came, and after a crash would be taken to have these.
    private var heldBehind: [MemberID: [CommandID]] = [:]
    /// What the last delivery carried: one array for all members that get the same.
    private var latest: [CommandID] = []
    package private(set) var counters = Counters()

    package init(settings: Settings = Settings()) { self.settings = settings }

    package var openCount: Int { open.count }
    package var oldestOpen: CommandID? { open.oldest }
    package var hasRoom: Bool { open.count < settings.openMax }
    package subscript(id: CommandID) -> CommandRecord? { open[id]?.record }

    /// Nil for a command that is over, or for a stranger to it.
    package func outcome(of id: CommandID, at member: MemberID) -> CommandOutcome? {
        guard let command = open[id], command.record.recipients.contains(member) else { return nil }
        return standing(of: command, member)
    }

    /// By rank. Nil for a command that is over.
    package func outcomes(of id: CommandID) -> [(MemberID, CommandOutcome)]? {
        open[id].map { command in command.record.recipients.map { ($0, standing(of: command, $0)) } }
    }

    private func standing(of command: OpenCommands.Command, _ member: MemberID) -> CommandOutcome {
        if let exception = command.exceptions[member] { return exception }
        guard let place = queues.place(of: member), let first = queues.rows[place].first else { return .delivered }
        return open[first].record.id <= command.record.id ? .pending : .delivered
    }

    /// Since the last call, by member.
    package mutating func newProgress() -> CommandProgress {
        guard !unsaved.isEmpty || !unsavedExceptions.isEmpty || !cursorsOfGone.isEmpty else { return CommandProgress() }
        defer { (unsaved, unsavedExceptions, cursorsOfGone) = ([], [:], [:]) }
        var cursors = cursorsOfGone.map { CommandCursor(member: $0.key, acknowledged: $0.value) }
        cursors.reserveCapacity(cursors.count + unsaved.count)
        for id in unsaved { if let cursor = takeCursor(of: id) { cursors.append(cursor) } }
        return CommandProgress(
            cursors: cursors.sorted { $0.member < $1.member },
            exceptions: unsavedExceptions.sorted { $0.key < $1.key }.flatMap(\.value))
    }

    /// Its place in `unsaved` says nothing more.
    private mutating func takeCursor(of id: MemberID) -> CommandCursor? {
        guard let place = queues.place(of: id) else { return nil }
        return queues.rows[place].takeUnsaved().map { CommandCursor(member: id, acknowledged: $0) }
    }

    /// `isMember` says who is in the fleet at this moment.
    package mutating func handle(_ event: Event, isMember: (MemberID) -> Bool) -> [Effect] {
        var effects: [Effect] = []
        switch event {
        case .restoredProgress(let progress): restored.add(progress)
        case .restored(let record): restore(record, isMember, &effects)
        case .sent(let records):
            restored = RestoredProgress()
            counters.sent += records.count
            enqueue(records, isMember, &effects)
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

    // MARK: New commands

    private mutating func enqueue(
        _ records: [CommandRecord], _ isMember: (MemberID) -> Bool, _ effects: inout [Effect]
    ) {
        let places = records.map { open.add($0) }
        var reached: [Int] = []
        var rest = places[...]
        // Commands to the same members: each of those is looked up once.
        while let first = rest.first {
            let recipients = open[first].record.recipients
            let alike = rest.prefix { open[$0].record.recipients == recipients }
            rest = rest[alike.endIndex...]
            for id in recipients {
                if let queue = enqueue(alike, at: id, isMember(id)) { reached.append(queue) }
            }
        }
        for place in places where open[place].unresolved == 0 { end(place, &effects) }
        for queue in reached { advance(queue, &effects) }
    }

    /// The member's place, if it is to be looked at.
    private mutating func enqueue(_ commands: ArraySlice<Int>, at id: MemberID, _ isMember: Bool) -> Int? {
        guard isMember else {
            for command in commands { except(command, .gone, at: id) }
            return nil
        }
        let place = placeInQueues(of: id)
        for command in commands {
            if queues.rows[place].count >= settings.queueMax {
                except(command, .overflow, at: id)
            } else {
                queues.rows[place].append(command)
            }
        }
        return place
    }

    private mutating func placeInQueues(of id: MemberID) -> Int {
        if let place = queues.place(of: id) { return place }
        let place = queues.add(id, CommandQueue())
        if !cursorsOfGone.isEmpty, let cursor = cursorsOfGone.removeValue(forKey: id) { note(cursor, at: place) }
        return place
    }

    /// What was over for a recipient stays as it was; all else waits again, however much that is.
    private mutating func restore(
        _ record: CommandRecord, _ isMember: (MemberID) -> Bool, _ effects: inout [Effect]
    ) {
        let command = open.add(record)
        var reached: [Int] = []
        for id in record.recipients {
            switch restored.outcome(of: record.id, at: id) {
            case .delivered: open[command].unresolved -= 1
            case let outcome?:
                open[command].exceptions[id] = outcome
                open[command].unresolved -= 1
            case nil where isMember(id):
                let place = placeInQueues(of: id)
                queues.rows[place].append(command)
                reached.append(place)
            case nil: except(command, .gone, at: id)
            }
        }
        if open[command].unresolved == 0 { end(command, &effects) }
        for queue in reached { advance(queue, &effects) }
    }

    /// A new command that never gets into the member's queue.
    private mutating func except(_ command: Int, _ outcome: CommandOutcome, at member: MemberID) {
        let id = open[command].record.id
        open[command].exceptions[member] = outcome
        open[command].unresolved -= 1
        if outcome == .gone { counters.gone += 1 } else { counters.overflowed += 1 }
        // One run of them as long as nothing was queued in between.
        if outcome == .overflow, let last = unsavedExceptions[member]?.last, last.outcome == .overflow,
            let queued = lastQueued(at: member), queued < last.commands.lowerBound
        {
            let place = unsavedExceptions[member]!.count - 1
            unsavedExceptions[member]![place].commands = last.commands.lowerBound...id
        } else {
            note(id...id, outcome, at: member)
            heldBehind[member, default: []].append(id)
        }
    }

    private func lastQueued(at member: MemberID) -> CommandID? {
        queues.place(of: member).flatMap { queues.rows[$0].last }.map { open[$0].record.id }
    }

    // MARK: What is durable

    private mutating func saved(_ progress: CommandProgress, _ effects: inout [Effect]) {
        for some in progress.exceptions {
            guard let place = heldBehind[some.member]?.firstIndex(of: some.commands.lowerBound) else { continue }
            heldBehind[some.member]!.remove(at: place)
            if heldBehind[some.member]!.isEmpty { heldBehind[some.member] = nil }
            if let queue = queues.place(of: some.member) { advance(queue, &effects) }
        }
    }

    private mutating func note(_ ids: ClosedRange<CommandID>, _ outcome: CommandOutcome, at member: MemberID) {
        unsavedExceptions[member, default: []].append(
            CommandExceptions(member: member, commands: ids, outcome: outcome))
    }

    /// All up to this one is over for the member.
    private mutating func note(_ cursor: CommandID, at place: Int) {
        if queues.rows[place].note(unsaved: cursor) { unsaved.append(queues.ids[place]) }
    }

    private mutating func takeBack(_ progress: CommandProgress) {
        for cursor in progress.cursors {
            if let place = queues.place(of: cursor.member) {
                note(cursor.acknowledged, at: place)
            } else {
                cursorsOfGone[cursor.member] = max(
                    cursor.acknowledged, cursorsOfGone[cursor.member] ?? CommandID(0))
            }
        }
        let newer = unsavedExceptions
        unsavedExceptions = Dictionary(grouping: progress.exceptions, by: \.member)
        unsavedExceptions.merge(newer) { $0 + $1 }
    }

    // MARK: What members have

    private mutating func end(_ command: Int, _ effects: inout [Effect]) {
        let over = open.remove(command)
        effects.append(.ended(over.record.id, createdMs: over.record.createdMs, exceptions: over.exceptions))
    }

    private mutating func connected(_ id: MemberID, _ seen: CommandID, _ effects: inout [Effect]) {
        let place = placeInQueues(of: id)
        queues.rows[place].reconnect()
        take(place, through: seen, of: queues.rows[place].count, &effects)
        advance(place, &effects)
    }

    private mutating func disconnected(_ id: MemberID) {
        if let place = queues.place(of: id) { queues.rows[place].disconnect() }
    }

    private mutating func acknowledged(_ id: MemberID, _ through: CommandID, _ effects: inout [Effect]) {
        guard let place = queues.place(of: id) else { return }
        // Nobody acknowledges what never went out.
        take(place, through: through, of: queues.rows[place].sent, &effects)
        advance(place, &effects)
    }

    /// Of the first `count` in line, those up to `through` are delivered.
    private mutating func take(_ place: Int, through: CommandID, of count: Int, _ effects: inout [Effect]) {
        var last: CommandID?
        for _ in 0..<count {
            guard let command = queues.rows[place].first, open[command].record.id <= through else { break }
            last = open[command].record.id
            queues.rows[place].removeFirst(bytes: open[command].bytes)
            counters.delivered += 1
            resolve(command, &effects)
        }
        if let last { note(last, at: place) }
    }

    private mutating func resolve(_ command: Int, _ effects: inout [Effect]) {
        open[command].unresolved -= 1
        if open[command].unresolved == 0 { end(command, &effects) }
    }

    private mutating func refused(_ id: MemberID, _ command: CommandID, _ effects: inout [Effect]) {
        guard let place = queues.place(of: id), queues.rows[place].sent > 0, let first = queues.rows[place].first,
            open[first].record.id == command
        else { return }
        queues.rows[place].removeFirst(bytes: open[first].bytes)
        note(command, at: place)
        open[first].exceptions[id] = .refused
        note(command...command, .refused, at: id)
        counters.refused += 1
        resolve(first, &effects)
        advance(place, &effects)
    }

    private mutating func removed(_ id: MemberID, _ effects: inout [Effect]) {
        let cursor = takeCursor(of: id)?.acknowledged ?? cursorsOfGone.removeValue(forKey: id)
        let waiting = (queues.remove(id)?.row ?? CommandQueue()).waiting
        // It can come back only once its removal, and with that these, are durable.
        heldBehind[id] = nil
        if let first = waiting.first, let last = waiting.last {
            note(open[first].record.id...open[last].record.id, .gone, at: id)
        }
        let progress = CommandProgress(
            cursors: cursor.map { [CommandCursor(member: id, acknowledged: $0)] } ?? [],
            exceptions: unsavedExceptions.removeValue(forKey: id) ?? [])
        if !progress.isEmpty { effects.append(.save(progress)) }
        for command in waiting {
            open[command].exceptions[id] = .gone
            counters.gone += 1
            resolve(command, &effects)
        }
    }

    // MARK: Delivery

    /// Sends as much as the window lets.
    private mutating func advance(_ place: Int, _ effects: inout [Effect]) {
        guard queues.rows[place].isConnected, queues.rows[place].sent < queues.rows[place].count else { return }
        let (count, bytes) = room(at: place)
        guard count > 0 else { return }
        let next = queues.rows[place].unsent.prefix(count)
        if !next.elementsEqual(latest, by: { open[$0].record.id == $1 }) { latest = next.map { open[$0].record.id } }
        queues.rows[place].send(count, bytes: bytes)
        effects.append(.deliver(queues.ids[place], latest))
    }

    /// How many of those that wait may go out, and their bytes.
    private func room(at place: Int) -> (count: Int, bytes: Int) {
        let held = heldBehind.isEmpty ? nil : heldBehind[queues.ids[place]]?.first
        let sent = queues.rows[place].sent
        var (count, bytes) = (0, 0)
        for command in queues.rows[place].unsent {
            if let held, open[command].record.id > held { break }
            let isFirst = sent + count == 0
            let size = open[command].bytes
            guard
                isFirst
                    || (queues.rows[place].sentBytes + bytes + size <= settings.windowBytes
                        && sent + count < settings.windowCount)
            else { break }
            bytes += size
            count += 1
        }
        return (count, bytes)
    }
}

internal import MusterAPI
internal import MusterCallbacks
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// Who sends commands for others, and waits for what became of them.
protocol CommandSending: Sendable {
    /// Durable when `then` hears of it, which must not block. `sender`: nil is the operator.
    func accept(
        _ text: String, from sender: MemberID?, then: @escaping @Sendable (Result<CommandRecord, Problem>) -> Void)
    /// Returns when each recipient has the command or never will, or the time is up.
    func end(of id: CommandID, within limit: Duration) async
    /// What became of it at each recipient by rank, once that is durable. Nil when there is none of this id.
    func outcomes(of id: CommandID) async throws -> (StoredCommand, [(MemberID, CommandOutcome)])?
    /// What recipients are called, or were.
    func names(of ids: [MemberID]) async throws -> [MemberID: MemberName]
}

/// Commands: taken, stored, handed on, and told of.
final class CommandService: Service, CommandSending {
    private struct State {
        var lastID: Int64
        /// Of open commands, as members get them over their lines.
        var notices: [CommandID: MemberNotice] = [:]
        /// Commands that everybody has or never will, and how long they took in all.
        var ended = 0
        var milliseconds = 0
        /// What went to a member last: many get the same.
        var delivery: (ids: [CommandID], notices: MemberNotices) = ([], MemberNotices([]))
        /// What the store did not take.
        var endsToRetry: [CommandEnd] = []
        /// Old clients that wait for a command's end.
        var waiters: [CommandID: CheckedContinuation<Void, Never>] = [:]

        mutating func newID() -> CommandID {
            lastID += 1
            return CommandID(lastID)
        }
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let health: StoreHealth
    private let authenticator: Authenticator
    private let events: EventHub
    private let callers: Callers
    private let callbacks: Callbacks
    private let lines: any MemberLines
    /// Durable commands that are about to go out, those of one commit together.
    private let durable = Mutex<[Accepted]>([])

    private struct Accepted: Sendable {
        var record: CommandRecord
        /// Of the fleet, when it was accepted.
        var members: Int
        var then: @Sendable (Result<CommandRecord, Problem>) -> Void
    }

    init(_ common: Common, callbacks: Callbacks, lines: any MemberLines, lastID: Int64) {
        (lock, store, health) = (common.lock, common.store, common.health)
        (authenticator, events, callers) = (common.authenticator, common.events, Callers(common))
        (self.callbacks, self.lines) = (callbacks, lines)
        slice = Slice(State(lastID: lastID), of: lock)
        callbacks.onAnswer { [lock] member, command, answer in
            switch answer {
            case .delivered: lock.handle(.command(.acknowledged(member, through: command)))
            case .refused: lock.handle(.command(.refused(member, command)))
            }
        }
    }

    /// Once all members are known: what each of them has not acknowledged is still to come.
    static func restore(from store: any Store, _ restoring: inout Restoring) async throws {
        var events: [Commands.Event] = [.restoredProgress(try await store.commandProgress())]
        events += try await store.openCommands().map { .restored($0) }
        events += restoring.core.membership.ranked.filter { !$0.record.callback.isEmpty }
            .map { .connected($0.record.id, seen: CommandID(0)) }
        for event in events { restoring.handle(.command(event)) }
        restoring.store([.forgetProgress])
    }

    var routes: [RouteName: RouteHandler] {
        [
            .sendCommand: { [unowned self] in try sendCommand($0) },
            .commands: { [unowned self] in try listCommands($0) },
            .command: { [unowned self] in try getCommand($0) },
        ]
    }

    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        let commands = fleet.core.commands.counters
        page.add("commands_total", "counter", "Commands accepted.", commands.sent)
        page.add(
            "commands_open", "gauge", "Commands that somebody still waits for.", fleet.core.commands.openCount)
        page.add(
            "commands_ended_total", "counter", "Commands that everybody has or never will.",
            fleet[slice].ended)
        page.add(
            "command_seconds_total", "counter", "From accepting a command to its end, of all that ended.",
            milliseconds: fleet[slice].milliseconds)
        page.add("deliveries_total", "counter", "Commands at their receivers.", commands.delivered)
        page.add("deliveries_gone_total", "counter", "Receivers that left before they had it.", commands.gone)
        page.add("deliveries_refused_total", "counter", "Callbacks that answered with an error.", commands.refused)
        page.add("deliveries_overflow_total", "counter", "Receivers with too many waiting.", commands.overflowed)
    }

    /// It is no member any more.
    func forget(_ member: MemberID) { callbacks.forget(member) }

    func sendCommand(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try CommandRequest(body: request.body)
        let sender = try commandSender(request, asked)
        return .hold { [self] held in
            accept(asked.text, from: sender) { result in
                switch result {
                case .success(let record):
                    let receipt = CommandReceipt(id: record.id, recipients: record.recipients.count)
                    held.respond(.json(receipt.body, status: 202))
                case .failure(let problem): held.respond(.problem(problem))
                }
            }
        }
    }

    /// Nil: the operator.
    private func commandSender(_ request: HTTPRequest, _ asked: CommandRequest) throws(Problem) -> MemberID? {
        if case .member = authenticator.principal(of: request) {
            let id = try callers.sender(of: request)
            let (name, isVolunteer) = lock.withLock { fleet in
                let record = fleet.core.membership[id]?.record
                return (record?.name, record?.isVolunteer ?? false)
            }
            guard !isVolunteer else {
                throw Problem(403, "Member \(id) is a volunteer's, which commands nobody.", code: "rights")
            }
            guard asked.from.map({ $0 == name || $0 == "\(id)" }) ?? true else {
                throw Problem(403, "Member \(id) cannot send for \"\(asked.from!.prefix(80))\".", code: "rights")
            }
            return id
        }
        guard let from = asked.from else { return nil }
        let named = lock.withLock { fleet in
            fleet.core.membership.named(from) ?? Int64(from).flatMap { fleet.core.membership[MemberID($0)] }
        }
        guard let named else { throw Problem(404, "There is no member \"\(from.prefix(80))\".") }
        return named.record.id
    }

    /// Durable when `then` hears of it, which is on the store's thread and must not block.
    func accept(
        _ text: String, from sender: MemberID?,
        then: @escaping @Sendable (Result<CommandRecord, Problem>) -> Void
    ) {
        let record: CommandRecord? = lock.withLock { fleet in
            guard fleet.core.commands.hasRoom else { return nil }
            let membership = fleet.core.membership
            let record = CommandRecord(
                id: fleet[slice].newID(), sender: sender,
                senderName: sender.flatMap { membership[$0]?.record.name } ?? "",
                rank: sender.flatMap { membership.rank(of: $0) }, view: membership.view, text: text,
                recipients: membership.recipients(of: sender), createdMs: SystemTime.wallClockMs())
            let members = membership.rankedCount
            // Under the lock, so that they are durable in the order of their ids.
            store.commit([.saveCommand(record)]) { [weak self] result in
                guard let self else { return }
                health.note(result.failureReason)
                if case .failure(let error) = result { return then(.failure(Problem.notStored(error))) }
                let accepted = Accepted(record: record, members: members, then: then)
                let isFirst = durable.withLock {
                    $0.append(accepted)
                    return $0.count == 1
                }
                if isFirst { store.afterCompletions { [weak self] in self?.sendDurable() } }
            }
            return record
        }
        if record == nil {
            then(
                .failure(Problem(503, "Too many commands are not yet with everybody.", retryAfter: 1, limit: .commands))
            )
        }
    }

    private func sendDurable() {
        let accepted = durable.withLock { durable in
            defer { durable = [] }
            return durable
        }
        lock.handle(.command(.sent(accepted.map(\.record))))
        for command in accepted {
            announce(command.record, members: command.members)
            command.then(.success(command.record))
        }
    }

    /// The log and the fleet's events: who sent what to how many, and of how many.
    private func announce(_ record: CommandRecord, members: Int) {
        Log.info(
            "command",
            [
                "id": "\(record.id)", "command": record.text,
                "from": record.sender == nil ? "operator" : record.senderName,
                "rank": record.rank.map { "\($0)" } ?? "-", "recipients": "\(record.recipients.count)",
                "members": "\(members)",
            ])
        events.publish("command", CommandAnnouncement(record, members: members).body)
    }

    func perform(_ effect: Commands.Effect, _ fleet: inout Fleet) {
        switch effect {
        case .deliver(let member, let ids): deliver(ids, to: member, &fleet)
        case .ended(let id, let createdMs, let exceptions):
            fleet[slice].notices[id] = nil
            let end = CommandEnd(id: id, exceptions: exceptions, endedMs: SystemTime.wallClockMs())
            fleet[slice].ended += 1
            fleet[slice].milliseconds += Int(max(0, end.endedMs - createdMs))
            commit(end)
            fleet[slice].waiters.removeValue(forKey: id)?.resume()
        // Stored together with the removal that it belongs to.
        case .save: break
        }
    }

    private func deliver(_ ids: [CommandID], to member: MemberID, _ fleet: inout Fleet) {
        guard let callback = fleet.core.membership.callback(of: member) else { return }
        if !callback.isEmpty, let record = fleet.core.membership[member]?.record {
            return callbacks.send(ids.compactMap { fleet.core.commands[$0] }, to: record)
        }
        guard let line = lines.line(of: member, fleet) else { return }
        if fleet[slice].delivery.ids != ids { fleet[slice].delivery = (ids, notices(of: ids, &fleet)) }
        line.tell(&fleet[slice].delivery.notices)
    }

    /// As receivers get them. Each is made once.
    private func notices(of ids: [CommandID], _ fleet: inout Fleet) -> MemberNotices {
        MemberNotices(
            ids.compactMap { fleet.core.commands[$0] }.map { command in
                let known = fleet[slice].notices[command.id] ?? MemberNotice(command)
                fleet[slice].notices[command.id] = known
                return known
            })
    }

    /// What members have is tried again at the next tick when the store refuses it.
    func commit(_ writes: [StoreWrite]) {
        store.commit(writes) { [weak self] result in
            self?.health.note(result.failureReason)
            let progress = CommandProgress(in: writes)
            if case .failure = result, !progress.isEmpty { self?.lock.handle(.command(.notSaved(progress))) }
        }
    }

    /// What members have by now becomes durable.
    func tick(_ now: Moment, _ fleet: inout Fleet) {
        let ends = fleet[slice].endsToRetry
        fleet[slice].endsToRetry = []
        for end in ends { commit(end) }
        let progress = fleet.newProgress()
        if !progress.isEmpty { commit(progress) { _ in } }
        // It may be large.
        fleet[slice].delivery = ([], MemberNotices([]))
    }

    /// Tried again at the next tick when the store refuses it: with it go the cursors that it makes needless.
    private func commit(_ end: CommandEnd) {
        store.commit([.endCommand(end)]) { [weak self] result in
            guard let self else { return }
            health.note(result.failureReason)
            if case .failure = result { lock.withLock { $0[slice].endsToRetry.append(end) } }
        }
    }

    private func commit(_ progress: CommandProgress, then: @escaping @Sendable (Result<Void, StoreError>) -> Void) {
        store.commit(progress.writes) { [self] result in
            health.note(result.failureReason)
            switch result {
            case .failure: if !progress.isEmpty { lock.handle(.command(.notSaved(progress))) }
            // Nothing waits for cursors.
            case .success: if !progress.exceptions.isEmpty { lock.handle(.command(.saved(progress))) }
            }
            then(result)
        }
    }

    /// What `read` finds, once it is durable: nobody is told an outcome that a crash could change.
    private func durable<Value: Sendable>(
        _ read: @escaping @Sendable (borrowing Fleet) -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { (waiter: CheckedContinuation<Value, any Error>) in
            lock.withLock { fleet in
                let value = read(fleet)
                // Without progress it waits for the ends of commands that are on their way to the store.
                commit(fleet.newProgress()) { waiter.resume(with: $0.map { value }.mapError(Problem.notStored)) }
            }
        }
    }

    /// A command, its end, and what became of it at each recipient by rank. Nil when there is none of this id.
    func outcomes(of id: CommandID) async throws -> (StoredCommand, [(MemberID, CommandOutcome)])? {
        let open: (StoredCommand, [(MemberID, CommandOutcome)])? = try await durable { fleet in
            fleet.core.commands[id].map {
                (StoredCommand(record: $0, end: nil), fleet.core.commands.outcomes(of: id) ?? [])
            }
        }
        if let open { return open }
        return try await store.command(id).map { ($0, Self.outcomes(of: $0)) }
    }

    /// Returns when each recipient has the command or never will, or the time is up.
    func end(of id: CommandID, within limit: Duration) async {
        let timer = Task {
            try? await Task.sleep(for: limit)
            lock.withLock { $0[slice].waiters.removeValue(forKey: id) }?.resume()
        }
        defer { timer.cancel() }
        await withCheckedContinuation { continuation in
            let isOver = lock.withLock { fleet in
                if fleet.core.commands[id] == nil { return true }
                fleet[slice].waiters[id] = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    func getCommand(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = CommandID(try request.number("id", of: "command"))
        return .task { [self] in
            guard let (command, outcomes) = try await outcomes(of: id) else {
                throw Problem(404, "There is no command \(id).")
            }
            let names = try await names(of: outcomes.map(\.0))
            return .json(Self.status(of: command, outcomes, names))
        }
    }

    private static func outcomes(of stored: StoredCommand) -> [(MemberID, CommandOutcome)] {
        stored.record.recipients.map { ($0, stored.end.map { $0.exceptions } ?? [:]) }
            .map { ($0.0, $0.1[$0.0] ?? (stored.end == nil ? .pending : .delivered)) }
    }

    /// What recipients are called, or were: who has left since is named all the same.
    func names(of ids: [MemberID]) async throws -> [MemberID: MemberName] {
        var names = lock.withLock { fleet in
            Dictionary(
                uniqueKeysWithValues: ids.compactMap { id in
                    (fleet.core.membership[id]?.record).map {
                        (id, MemberName(name: $0.name, callback: $0.callback))
                    }
                })
        }
        let left = ids.filter { names[$0] == nil }
        guard !left.isEmpty else { return names }
        // Their removal may be on its way to the store.
        try await store.commit([])
        names.merge(try await store.names(of: left)) { $1 }
        return names
    }

    private static func status(
        of command: StoredCommand, _ outcomes: [(MemberID, CommandOutcome)], _ names: [MemberID: MemberName]
    ) -> [UInt8] {
        let status = CommandStatus(command.record, endedMs: command.end?.endedMs, outcomes: outcomes)
        return WholeCommand(status, outcomes) { names[$0]?.name }.body
    }

    func listCommands(_ request: HTTPRequest) throws -> HTTPOutcome {
        let limit = try request.queryInt("limit", in: 1...1_000) ?? 100
        let before = try request.queryInt("before", in: 1...Int.max).map { CommandID(Int64($0)) }
        return .task { [self] in
            let stored = try await commands(before: before, limit: limit)
            let statuses = stored.map { command, outcomes in
                CommandStatus(command.record, endedMs: command.end?.endedMs, outcomes: outcomes)
            }
            return .json(ListAnswer(statuses).body)
        }
    }

    private func commands(before: CommandID?, limit: Int) async throws -> [(
        StoredCommand, [(MemberID, CommandOutcome)]
    )] {
        let stored = try await store.commands(before: before, limit: limit)
        let open = try await durable { fleet in stored.map { fleet.core.commands.outcomes(of: $0.record.id) } }
        var found: [(StoredCommand, [(MemberID, CommandOutcome)])] = []
        for (command, outcomes) in zip(stored, open) {
            if let outcomes, command.end == nil {
                found.append((command, outcomes))
            } else if command.end != nil {
                found.append((command, Self.outcomes(of: command)))
            } else if let ended = try await store.command(command.record.id) {
                // It ended between the two looks.
                found.append((ended, Self.outcomes(of: ended)))
            }
        }
        return found
    }

    /// Each second: who is known by a callback only lives as long as it accepts connections.
    func lookAtCallbacks() async {
        let members = lock.withLock { fleet in
            fleet.core.membership.ranked.filter { !$0.record.callback.isEmpty }
                .map { (id: $0.record.id, url: $0.record.callback) }
        }
        if members.isEmpty { return }
        for id in await callbacks.reachable(members) { lock.handle(.membership(.seen(id))) }
    }
}

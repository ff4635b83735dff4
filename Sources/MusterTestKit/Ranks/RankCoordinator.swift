import MusterCore

/// The driver of the shipping core, as the coordinator is one.
final class RankCoordinator {
    /// What is durable.
    private struct Stored {
        var members: [MemberID: MemberRecord] = [:]
        var open: [CommandID: CommandRecord] = [:]
        var cursors: [MemberID: CommandCursor] = [:]
        var lastMember: Int64 = 0
        var lastOrder: Int64 = 0
        var lastCommand: Int64 = 0
    }

    private unowned let world: RankWorld
    private var stored = Stored()
    private var fleet: FleetCore?
    private(set) var life = 0
    private var queue: [(writes: [StoreWrite], then: () -> Void)] = []
    private var isCommitting = false
    private var connections: [MemberID: (number: UInt64, client: RankClient)] = [:]
    private var lastNumber: UInt64 = 0
    /// Of accepted commands, in which life that was.
    private var lives: [CommandID: Int] = [:]

    init(_ world: RankWorld) { self.world = world }

    var isUp: Bool { fleet != nil }
    var membersNow: [MemberID] { fleet?.membership.ranked.map(\.record.id) ?? [] }

    func start() {
        life += 1
        var core = FleetCore(sealer: SimSealer(bug: nil))
        for member in stored.members.values.sorted(by: { $0.joinOrder < $1.joinOrder }) {
            _ = core.handle(.membership(.restored(member)), now: world.clock.now, wallClockMs: 0)
        }
        fleet = core
        world.checker.sawView(core.membership, life: life)
        for cursor in stored.cursors.values.sorted(by: { $0.member < $1.member }) {
            handle(.command(.restoredCursor(cursor)))
        }
        for command in stored.open.values.sorted(by: { $0.id < $1.id }) { handle(.command(.restored(command))) }
        tick(life)
    }

    func startIfDown() { if !isUp { start() } }

    func crash() {
        guard isUp else { return }
        fleet = nil
        // Of what was on its way some is durable, and nobody was told.
        for group in queue.prefix(Int.random(in: 0...queue.count, using: &world.random)) { keep(group.writes) }
        queue = []
        isCommitting = false
        let broken = connections.values
        connections = [:]
        for connection in broken.sorted(by: { $0.number < $1.number }) { connection.client.lost(connection.number) }
        let current = life
        world.clock.after(world.random.milliseconds(50...3_000)) { [self] in if !isUp, life == current { start() } }
    }

    private func tick(_ current: Int) {
        world.clock.after(.milliseconds(100)) { [self] in
            guard life == current, isUp else { return }
            handle(.ticked)
            let cursors = fleet!.newCursors()
            if !cursors.isEmpty { commit(cursors.map { .saveCursor($0) }) {} }
            tick(current)
        }
    }

    // MARK: What clients ask

    func join(_ identity: MemberID?, incarnation: String, then: @escaping (MemberID) -> Void) {
        guard isUp else { return }
        let id: MemberID
        if let identity {
            id = identity
        } else {
            stored.lastMember += 1
            id = MemberID(stored.lastMember)
        }
        let known = fleet!.membership[id]?.record
        if known == nil { stored.lastOrder += 1 }
        let record = MemberRecord(
            id: id, name: "m\(id)", role: .client, joinOrder: known?.joinOrder ?? stored.lastOrder, address: "",
            slots: 1, labels: [:], version: "", joinedMs: 0, incarnation: incarnation)
        commit([.saveMember(record)]) { [self] in
            handle(.membership(.joined(record)))
            then(id)
        }
    }

    /// Nil: it does not know the member.
    func connect(_ id: MemberID, seen: CommandID, _ client: RankClient) -> UInt64? {
        guard isUp, fleet!.membership[id] != nil else { return nil }
        lastNumber += 1
        connections[id] = (lastNumber, client)
        let number = lastNumber
        handle(.membership(.connectionOpened(id, connection: number)))
        let said =
            switch world.bug {
            case .forgetsReplay: CommandID(.max)
            case .repeats: CommandID(0)
            default: seen
            }
        handle(.command(.connected(id, seen: said)))
        return number
    }

    func disconnected(_ id: MemberID, _ number: UInt64) {
        guard isUp else { return }
        if connections[id]?.number == number { connections[id] = nil }
        handle(.membership(.connectionBroken(id, connection: number)))
    }

    /// False: it does not know the member.
    func beat(_ id: MemberID, acknowledged: CommandID?) -> Bool {
        guard isUp else { return true }
        guard fleet!.membership[id] != nil else { return false }
        handle(.membership(.seen(id)))
        if let acknowledged { handle(.command(.acknowledged(id, through: acknowledged))) }
        return true
    }

    func left(_ id: MemberID) { if isUp { handle(.membership(.left(id))) } }

    func send(from id: MemberID) {
        guard isUp, let sender = fleet!.membership[id] else { return }
        stored.lastCommand += 1
        let membership = fleet!.membership
        let record = CommandRecord(
            id: CommandID(stored.lastCommand), sender: id, senderName: sender.record.name,
            rank: membership.rank(of: id), view: membership.view, text: "GO",
            recipients: membership.recipients(of: world.bug == .sendsToAll ? nil : id), createdMs: 0)
        lives[record.id] = life
        if world.bug == .answersEarly { world.checker.wasAccepted(record, life: life) }
        commit([.saveCommand(record)]) { [self] in
            handle(.command(.sent(record)))
            if world.bug != .answersEarly { world.checker.wasAccepted(record, life: life) }
        }
    }

    // MARK: Effects

    private func handle(_ event: FleetEvent) {
        let effects = fleet!.handle(event, now: world.clock.now, wallClockMs: 0)
        for effect in effects { perform(effect) }
    }

    private func perform(_ effect: FleetEffect) {
        switch effect {
        case .work, .membership(.suspected), .membership(.returned), .membership(.restarted): break
        case .membership(.viewChanged): world.checker.sawView(fleet!.membership, life: life)
        case .membership(.removed(let record, _)):
            connections[record.id] = nil
            world.checker.wasRemoved(record.id, lastCommand: CommandID(stored.lastCommand))
        case .membership(.ping(let id)):
            if let (number, client) = connections[id] { client.ask(number) }
        case .store(let writes): commit(writes) {}
        case .command(.deliver(let id, let ids)):
            let commands = ids.compactMap { id in fleet!.commands[id].map { ($0, lives[id] ?? 0) } }
            if let (number, client) = connections[id] { client.deliver(commands, number) }
            if world.bug == .acknowledgesUnsent, let last = ids.last {
                handle(.command(.acknowledged(id, through: last)))
            }
        case .command(.ended(let id, _, let exceptions)):
            commit([.endCommand(CommandEnd(id: id, exceptions: exceptions, endedMs: 0))]) {}
        case .command(.save): break
        }
    }

    // MARK: The store

    private func commit(_ writes: [StoreWrite], then: @escaping () -> Void) {
        queue.append((writes, then))
        advance()
    }

    private func advance() {
        guard !isCommitting, !queue.isEmpty else { return }
        isCommitting = true
        let (current, count) = (life, queue.count)
        world.clock.after(world.random.milliseconds(0...20)) { [self] in
            guard life == current, isUp else { return }
            let groups = queue.prefix(count)
            queue.removeFirst(count)
            isCommitting = false
            for group in groups { keep(group.writes) }
            for group in groups where isUp { group.then() }
            advance()
        }
    }

    private func keep(_ writes: [StoreWrite]) {
        for write in writes {
            switch write {
            case .saveMember(let member): stored.members[member.id] = member
            case .removeMember(let id): stored.members[id] = nil
            case .saveCommand(let command): stored.open[command.id] = command
            case .endCommand(let end): stored.open[end.id] = nil
            case .saveCursor(let cursor): stored.cursors[cursor.member] = cursor
            default: break
            }
        }
    }
}

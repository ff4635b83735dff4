internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership

/// The coordinator's driver as far as ranks and commands go: the shipping `FleetCore`, and a process that may die.
final class RankCoordinator {
    let world: RankWorld
    var fleet: FleetCore?
    var connections: [MemberID: RankConnection] = [:]
    private var callbacks: RankCallbacks?
    /// Processes whose joining is on its way to the store.
    var joining: [String: MemberID] = [:]
    var lastIDs = LargestIDs(job: 0, member: 0, joinOrder: 0, child: 0)
    private var ended: Set<CommandID> = []
    private var view: UInt64 = 0
    /// Counts processes; what an earlier one asked for finds nobody.
    private var life = 0
    private var isRestoring = false
    private(set) var crashes = 0
    /// What came while it was paused, and of whom it was a sign of life.
    private var held: [(member: MemberID?, action: () -> Void)] = []
    private var pausedSince: Moment?
    private var pausedUntil = Moment.zero
    /// Of whom something waits after a pause that is long enough to be noticed.
    private var unheard: Set<MemberID> = []

    init(_ world: RankWorld) { self.world = world }

    var isUp: Bool { fleet != nil }
    var openCount: Int { fleet?.commands.openCount ?? 0 }

    func start() {
        let bug = crashes > 0 ? world.bug : nil
        lastIDs = world.store.lastIDs
        if bug == .reusesCommandIDs { lastIDs.command = 0 }
        let members = world.store.members.values.sorted { $0.joinOrder < $1.joinOrder }
        world.checker.restored(members)
        fleet = newCore()
        callbacks = newCallbacks()
        (ended, view) = ([], 0)
        isRestoring = true
        for member in members where bug != .forgetsMember || member.id != members[members.count / 2].id {
            handle(.membership(.restored(member)))
        }
        isRestoring = false
        world.checker.check(fleet!.membership)
        if bug != .forgetsOpen { restoreCommands(bug) }
        for member in members where !member.callback.isEmpty {
            handle(.command(.connected(member.id, seen: CommandID(0))))
        }
        tick(life)
        probe(life)
    }

    private func newCallbacks() -> RankCallbacks {
        RankCallbacks(world) { [self, life] member, command, isRefused in
            guard life == self.life else { return }
            whenAwake(member) { [self] in
                handle(.command(isRefused ? .refused(member, command) : .acknowledged(member, through: command)))
            }
        }
    }

    /// A look each second at who takes calls.
    private func probe(_ current: Int) {
        world.clock.after(.seconds(1)) { [self] in
            guard life == current else { return }
            if pausedSince == nil {
                for member in fleet!.membership.ranked {
                    guard let client = Int(member.record.callback) else { continue }
                    world.network.send(client) { [self] in
                        guard world.clients[client].isThere(member.record.id) else { return }
                        world.network.send(client) { [self] in
                            if life == current {
                                whenAwake(member.record.id) { [self] in handle(.membership(.seen(member.record.id))) }
                            }
                        }
                    }
                }
            }
            probe(current)
        }
    }

    private func newCore() -> FleetCore {
        var (membership, commands) = (Membership.Settings(), Commands.Settings())
        if world.bug == .blamesOthers { (membership.ownGap, membership.lateTick) = (.seconds(60), .seconds(60)) }
        commands.queueMax = world.faults.queueMax
        return FleetCore(membership: membership, commands: commands, sealer: SimSealer(bug: nil))
    }

    private func restoreCommands(_ bug: RankBug?) {
        var progress = world.store.progress
        if bug == .forgetsExceptions { progress.exceptions = [] }
        handle(.command(.restoredProgress(progress)))
        for command in world.store.openCommands { handle(.command(.restored(command))) }
        world.store.commit([.forgetProgress])
    }

    func crash() {
        guard isUp else { return }
        crashes += 1
        life += 1
        callbacks?.forgetAll()
        (fleet, callbacks) = (nil, nil)
        (held, pausedSince, pausedUntil) = ([], nil, .zero)
        joining = [:]
        world.store.crash()
        for connection in connections.sorted(by: { $0.key < $1.key }).map(\.value) { close(connection) }
        connections = [:]
    }

    func close(_ connection: RankConnection) {
        connection.isOver = true
        world.network.notice(connection.client) { [world] in world.clients[connection.client].broke(connection) }
    }

    // MARK: Pauses

    func pause(for time: Duration) {
        guard isUp, pausedSince == nil else { return }
        pausedSince = world.clock.now
        pausedUntil = world.clock.now + time
        let life = life
        world.clock.after(time) { [self] in if self.life == life { wake() } }
    }

    /// A paused process does everything later. Its timer may be the first to run.
    func whenAwake(_ member: MemberID? = nil, _ action: @escaping () -> Void) {
        guard isUp else { return }
        if pausedSince == nil { return action() }
        held.append((member, action))
    }

    private func wake() {
        guard let since = pausedSince else { return }
        pausedSince = nil
        let actions = held
        held = []
        if world.clock.now - since > .milliseconds(400) { unheard = Set(actions.compactMap(\.member)) }
        beat()
        unheard = []
        let life = life
        for entry in actions where self.life == life { entry.action() }
    }

    private func tick(_ current: Int) {
        world.clock.after(.milliseconds(100)) { [self] in
            guard life == current else { return }
            if pausedSince == nil { beat() }
            tick(current)
        }
    }

    private func beat() {
        handle(.ticked)
        let progress = fleet!.newProgress()
        if !progress.isEmpty { commit(progress) }
    }

    /// Completions that an earlier process waited for are nobody's business.
    func commit(_ writes: [StoreWrite], _ completion: @escaping () -> Void) {
        world.store.commit(writes) { [self, life] in if life == self.life { whenAwake(nil, completion) } }
    }

    private func commit(_ progress: CommandProgress, _ completion: @escaping () -> Void = {}) {
        commit(progress.writes) { [self] in
            handle(.command(.saved(progress)))
            completion()
        }
    }

    /// As `GET /v1/commands/{id}` answers, of all that are open.
    func tellOutcomes() {
        whenAwake { [self] in
            let commands = fleet!.commands
            let outcomes = world.store.openCommands.flatMap { record in
                (commands.outcomes(of: record.id) ?? []).map { (record.text, $0.0, $0.1) }
            }
            let tell = { [world] in
                for (text, member, outcome) in outcomes where world.store.isOpen(text) {
                    world.checker.told(outcome, of: text, at: member)
                }
            }
            if world.bug == .tellsEarly { return tell() }
            commit(fleet!.newProgress(), tell)
        }
    }

    func handle(_ event: FleetEvent) {
        guard isUp else { return }
        let effects = fleet!.handle(event, now: world.clock.now, wallClockMs: 0)
        for effect in effects { perform(effect) }
        if !isRestoring { world.checker.check(fleet!.membership) }
    }

    private func perform(_ effect: FleetEffect) {
        switch effect {
        case .store(let writes): world.store.commit(writes)
        case .command(.deliver(let member, let ids)): deliver(ids, to: member)
        case .command(.ended(let id, _, let exceptions)):
            if !ended.insert(id).inserted { world.checker.fail("the end of command \(id) was told twice") }
            world.store.commit([.endCommand(CommandEnd(id: id, exceptions: exceptions, endedMs: 0))])
        case .membership(.ping(let member)): write(.ping, to: member)
        case .membership(.removed(let record, let departure)):
            world.note("member \(record.id) is removed: \(departure.rawValue)")
            if unheard.contains(record.id) { world.checker.removedUnheard(record.id) }
            world.checker.removed(record.id)
            world.sawRemoval()
            callbacks?.forget(record.id)
            if let connection = connections.removeValue(forKey: record.id) { close(connection) }
        case .membership(.viewChanged(let number)):
            if number != view + 1 { world.checker.fail("view \(number) follows view \(view)") }
            view = number
        case .membership, .work, .command(.save): break
        }
    }

    private func deliver(_ ids: [CommandID], to member: MemberID) {
        if let client = fleet?.membership[member].flatMap({ Int($0.record.callback) }) {
            callbacks?.send(ids.compactMap { fleet?.commands[$0] }, to: member, client)
        }
        for id in world.bug == .reversesOrder ? ids.reversed() : ids {
            guard let command = fleet?.commands[id] else { continue }
            write(.command(command), to: member)
        }
        if world.bug == .acknowledgesUnread, let last = ids.last {
            world.clock.after(.zero) { [self, life] in
                if life == self.life { handle(.command(.acknowledged(member, through: last))) }
            }
        }
    }

    private func write(_ message: RankMessage, to member: MemberID) {
        guard let connection = connections[member] else { return }
        world.network.write(connection) { [world] in
            world.clients[connection.client].receive(message, over: connection)
        } broken: { [self, life] in
            if life == self.life { whenAwake { [self] in broke(member, connection) } }
            world.clients[connection.client].broke(connection)
        }
    }

    /// Its far end is no more, as this end's kernel says.
    func hearOfBreak(_ member: MemberID, _ connection: RankConnection) {
        whenAwake { [self] in broke(member, connection) }
    }

    private func broke(_ member: MemberID, _ connection: RankConnection) {
        if connections[member] === connection { connections[member] = nil }
        handle(.membership(.connectionBroken(member, connection: connection.number)))
    }
}

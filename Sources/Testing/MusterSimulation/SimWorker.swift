internal import MusterCore
internal import MusterScheduling

/// A worker's driver, simulated: the shipping `WorkerAgent`, a disk that outlives the process, a process that may die,
/// freeze, be slow, or (a hostile one) lie.
final class SimWorker {
    /// Its reason for what it cannot run.
    static let ownFault = "not here"

    private let world: SimWorld
    let number: Int
    private var agent: WorkerAgent?
    private var random: SimRandom
    private let slowness: Int
    let isHostile: Bool
    /// Its disk.
    private var identity: MemberID?
    private var outbox: [OutboxID: TaskReport] = [:]
    private var nextOutboxID: UInt64 = 1
    /// Counts processes.
    private var life = 0
    private var offers: [LeaseKey: Grant] = [:]
    private var abandoned: Set<LeaseKey> = []
    /// What the coordinator has not heard of yet.
    private var returned: [ReturnedTasks] = []
    private var connection: UInt64?
    private var pausedUntil = Moment.zero

    init(_ world: SimWorld, _ number: Int, slowness: Int, isHostile: Bool, seed: UInt64) {
        self.world = world
        self.number = number
        self.slowness = slowness
        self.isHostile = isHostile
        random = SimRandom(seed: seed)
    }

    var isUp: Bool { agent != nil }
    func runningBatches(of job: JobID) -> Int { agent?.runningBatches.count { $0.job == job } ?? 0 }
    private var has: Resources { world.means(of: number) }
    /// What dies with it, in its own eyes and in the coordinator's.
    var held: Set<LeaseKey> {
        let running = agent?.runningBatches ?? []
        return identity.map { running.union(world.coordinator.leases(of: $0)) } ?? running
    }

    func start() {
        guard !isUp else { return }
        var settings = WorkerAgent.Settings()
        (settings.slots, settings.memory) = (has.amounts.cpus, has.amounts.memory)
        (settings.gpus, settings.counts) = (Array([0, 3, 7].prefix(has.amounts.gpus)), has.amounts.counts)
        settings.drainTime = .milliseconds(500)
        agent = WorkerAgent(settings: settings, random: SimRandom(seed: random.next()))
        handle(.started(outbox: outbox.keys.sorted().map { ($0, bytes: 100) }))
        tick(life)
    }

    /// kill -9: the disk stays.
    func kill() {
        guard isUp else { return }
        end()
        world.clock.after(random.milliseconds(50...2_500)) { [self] in start() }
    }

    private func end() {
        if let identity { world.checker.processEnded(identity, at: world.clock.now) }
        life += 1
        agent = nil
        (offers, abandoned, returned) = ([:], [], [])
        if let connection, let identity {
            world.network.notice(number, .up) { [world] in world.coordinator.connectionBroke(identity, connection) }
        }
        connection = nil
    }

    func terminate() { handle(.terminated) }
    func pause(for time: Duration) { pausedUntil = max(pausedUntil, world.clock.now + time) }

    private func tick(_ current: Int) {
        world.clock.after(.milliseconds(100)) { [self] in
            whenAwake(current) { [self] in
                openStreamIfNeeded()
                handle(.ticked)
                tick(current)
            }
        }
    }

    private func whenAwake(_ current: Int, _ action: @escaping () -> Void) {
        guard life == current else { return }
        let wait = pausedUntil - world.clock.now
        if wait > .zero {
            world.clock.after(wait) { [self] in whenAwake(current, action) }
        } else {
            action()
        }
    }

    private func handle(_ event: WorkerAgent.Event) {
        guard isUp else { return }
        let current = life
        for effect in agent!.handle(event, now: world.clock.now) {
            guard life == current else { return }
            perform(effect)
        }
    }

    // MARK: The coordinator, far away

    /// One exchange: a reply, or nil when it broke or took too long.
    private func call(_ request: SimRequest, patience: Duration, _ then: @escaping (SimReply?) -> Void) {
        let current = life
        var isOver = false
        func finish(_ reply: SimReply?) {
            whenAwake(current) {
                guard !isOver else { return }
                isOver = true
                then(reply)
            }
        }
        if !world.coordinator.isUp {
            return world.clock.after(.milliseconds(2)) { finish(nil) }
        }
        world.clock.after(patience) { finish(nil) }
        let crashes = world.coordinator.crashes
        world.network.send(number, .up) { [world, number] in
            guard world.coordinator.isUp else { return finish(nil) }
            world.coordinator.receive(request) { reply in
                world.network.send(number, .down) { finish(reply) }
            }
        }
        watchForCrash(crashes) { finish(nil) }
    }

    /// A coordinator that dies breaks the connections of those that wait for it.
    private func watchForCrash(_ crashes: Int, _ then: @escaping () -> Void) {
        world.afterCrash(beyond: crashes) { [world, number] in world.network.notice(number, .down, then) }
    }

    private func openStreamIfNeeded() {
        guard connection == nil, agent?.isJoined == true, let identity else { return }
        let opened = world.newConnection()
        connection = opened
        call(.openStream(identity, worker: number, connection: opened), patience: .seconds(5)) { [self] reply in
            if case .fine = reply { return }
            if connection == opened { connection = nil }
            if case .stranger = reply { handle(.estranged) }
        }
    }

    func streamBroke(_ broken: UInt64) {
        whenAwake(life) { [self] in if connection == broken { connection = nil } }
    }

    func revoked(_ keys: [LeaseKey]) { whenAwake(life) { [self] in handle(.revoked(keys)) } }

    func finish(_ keys: [LeaseKey]) { whenAwake(life) { [self] in handle(.finishAsked(keys)) } }

    // MARK: Effects

    private func perform(_ effect: WorkerAgent.Effect) {
        switch effect {
        case .join: join()
        case .ask(let ask): self.ask(ask)
        case .run(let grant, _): run(grant)
        case .deliver(let ids): deliver(ids)
        case .discard(let id, _): outbox[id] = nil
        case .heartbeat(let keys):
            guard let identity else { return }
            let told = returned
            call(.heartbeat(identity, keys, told), patience: .seconds(5)) { [self] reply in
                switch reply {
                case .fine:
                    returned.removeAll { told.contains($0) }
                    handle(.heartbeatAnswered)
                case .stranger: handle(.heartbeatFailed(isStranger: true))
                default: handle(.heartbeatFailed(isStranger: false))
                }
            }
        case .abandon(let key):
            abandoned.insert(key)
            handle(.abandoned(key))
        // Its batches go on as wholes.
        case .giveUpUnbegun(_, let waiting): returned += waiting.map { ReturnedTasks(key: $0, from: $0.first) }
        case .leaveAndExit: leave()
        }
    }

    private func join() {
        let incarnation = "\(number)-\(life)"
        call(.join(identity, name: "worker-\(number)", incarnation: incarnation), patience: .seconds(5)) {
            [self] reply in
            guard case .joined(let id) = reply else { return handle(.joinFailed(retryAfter: nil)) }
            identity = id
            handle(.joined(id))
            openStreamIfNeeded()
        }
    }

    private func ask(_ ask: WorkerAsk) {
        guard let identity else { return }
        call(.ask(identity, free: ask.free), patience: .seconds(8)) { [self] reply in
            switch reply {
            case .grants(let grants):
                world.seen(grants)
                for grant in grants { offers[grant.key] = grant }
                handle(.leased(ask: ask.number, grants.map(read)))
            case .merged: handle(.leased(ask: ask.number, [], isMerged: true))
            case .stranger: handle(.askFailed(ask: ask.number, isStranger: true))
            default: handle(.askFailed(ask: ask.number, isStranger: false))
            }
        }
    }

    private func read(_ grant: Grant) -> Grant {
        var grant = grant
        if world.bug == .forgetsNeeds { grant.needs = nil }
        return grant
    }

    private func run(_ grant: Grant) {
        guard let plan = world.checker.plans[grant.key.job] else {
            return world.checker.fail("a grant of an unknown job")
        }
        let (key, current) = (grant.key, life)
        abandoned.remove(key)
        world.checkRunning(key.job)
        world.checker.checkRoom(agent!.shares, at: "worker-\(number)", has: has.amounts)
        let deadly = plan.poison.flatMap { key.tasks.contains($0) ? $0 : nil }
        let tasks = deadly.map { $0 - key.first + 1 } ?? key.count
        let time = Duration.milliseconds(max(1, tasks * plan.taskMs * slowness))
        if random.chance(0.5) {
            world.clock.after(time * Int.random(in: 0...9, using: &random) / 10) { [self] in
                whenAwake(current) { [self] in handle(.nearlyFinished(key)) }
            }
        }
        world.clock.after(time) { [self] in
            whenAwake(current) { [self] in
                guard !abandoned.contains(key) else { return }
                if deadly != nil { return kill() }
                let id = OutboxID(nextOutboxID)
                nextOutboxID += 1
                outbox[id] = report(grant, plan)
                handle(.finished(key, id, bytes: 100))
            }
        }
    }

    private func report(_ grant: Grant, _ plan: SimChecker.Plan) -> TaskReport {
        let key = grant.key
        var values = LineColumn()
        var seconds = LineColumn()
        var failures: [TaskReport.Failure] = []
        for task in key.tasks {
            if plan.isPicky, number == world.bareWorker {
                failures.append(.init(task: task, reason: Self.ownFault, isOwnFault: true))
                values.append(line: "null".utf8)
                seconds.append(line: "0".utf8)
                continue
            }
            let fails = plan.fails(task, attempt: key.attempt)
            if fails, !world.lies(number) || !plan.isDeterministic {
                failures.append(.init(task: task, reason: "as planned"))
            }
            let isLie = plan.isDeterministic && world.lies(number)
            values.append(line: (isLie ? "\"lie\"" : fails ? "null" : SimChecker.value(key.job, task)).utf8)
            seconds.append(line: "0.01".utf8)
        }
        return TaskReport(
            key: key, ticket: grant.ticket, start: key.first, values: values, seconds: seconds, failures: failures,
            secondsTotal: Double(key.count * plan.taskMs * slowness) / 1_000)
    }

    private func deliver(_ ids: [OutboxID]) {
        guard let identity else { return }
        var reports = ids.compactMap { outbox[$0] }
        let honest = reports.count
        if isHostile { reports += lies() }
        call(.report(identity, reports), patience: .seconds(5)) { [self] reply in
            switch reply {
            case .verdicts(let verdicts): handle(.delivered(Array(zip(ids, verdicts.prefix(honest)))))
            case .stranger: handle(.deliveryFailed(ids, isStranger: true))
            default: handle(.deliveryFailed(ids, isStranger: false))
            }
        }
    }

    /// Reports of tasks that were never given to this worker, with others' tickets, changed tickets, or stretched ones.
    private func lies() -> [TaskReport] {
        guard let grant = world.lastGrants.randomElement(using: &random), grant.key.member != identity else {
            return []
        }
        var key = grant.key
        switch Int.random(in: 0..<3, using: &random) {
        case 0: break
        case 1: key.count += 1
        default: key.first += key.count
        }
        var (values, seconds) = (LineColumn(), LineColumn())
        for _ in key.tasks {
            values.append(line: "\"forged\"".utf8)
            seconds.append(line: "0".utf8)
        }
        return [
            TaskReport(
                key: key, ticket: grant.ticket, start: key.first, values: values, seconds: seconds, failures: [],
                secondsTotal: 0)
        ]
    }

    private func leave() {
        let isUnbegun = agent?.hasBegunNothingElse == true
        if let identity { call(.leave(identity, isUnbegun: isUnbegun), patience: .seconds(1)) { _ in } }
        end()
        world.clock.after(random.milliseconds(200...3_000)) { [self] in start() }
    }
}

internal import MusterCore
internal import MusterFleetCore
internal import MusterLaunchRules
internal import MusterMembership
internal import MusterScheduling
internal import MusterSimulation

/// A coordinator's part of the simulation: the shipping fleet core, pool and autoscaler, driven as the real one drives them.
final class ScaleCoordinator {
    private unowned let world: ScaleWorld
    private var fleet: FleetCore?
    private var pool: WorkerPool
    private var autoscaler: Autoscaler
    private var deliveries: [DeliveryID: (process: ScaleProcess, keys: [LeaseKey])] = [:]
    private var life = 0
    private var ticks = 0
    private var connections: [MemberID: UInt64] = [:]
    private var launched = LaunchedMembers()
    private var unheard = UnheardWorkers()
    private var members: [Int: Membership.Member] = [:]

    init(_ world: ScaleWorld) {
        self.world = world
        pool = WorkerPool(random: SimRandom(seed: 0))
        autoscaler = Autoscaler(Autoscaler.Settings(most: 1), random: SimRandom(seed: 0))
    }

    var isUp: Bool { fleet != nil }
    private(set) var reason = ""

    private var settings: Autoscaler.Settings {
        let least = world.bug == .forgetsLeast ? 0 : world.faults.least
        var settings = Autoscaler.Settings(least: least, most: world.most)
        if world.bug == .hastyDown { settings.idleTimeMin = .zero }
        if world.bug == .neverLearns {
            (settings.vainTime, settings.vainTimeMax) = (.milliseconds(1), .milliseconds(1))
        }
        return settings
    }

    func start(running: [Int]) {
        var scheduler = Scheduler.Settings()
        (scheduler.isQuorumStrict, scheduler.crashLimit) = (true, 100)
        fleet = FleetCore(scheduler: scheduler, sealer: PlainSealer(), dice: SimRandom(seed: world.random.next()))
        let most = world.bug == .forgetsStopping ? WorkerPool.workersMax : world.most
        pool = WorkerPool(most: most, triesOthers: true, random: SimRandom(seed: world.random.next()))
        autoscaler = Autoscaler(settings, random: SimRandom(seed: world.random.next()))
        (launched, unheard, members) = (LaunchedMembers(), UnheardWorkers(), [:])
        for record in world.store.members.values.sorted(by: { $0.joinOrder < $1.joinOrder }) {
            handle(.membership(.restored(record)))
        }
        for job in world.store.unfinished { add(job) }
        let adopted = world.bug == .forgetsLaunched ? [] : running
        resize(.adopted(adopted, wanted: max(world.faults.least, adopted.count)))
        tick(life)
    }

    func crash() {
        life += 1
        (fleet, deliveries, connections) = (nil, [:], [:])
    }

    func add(_ job: RestoredJob) {
        let record = job.job.record
        if !record.after.isEmpty {
            let ended = record.after.all.reduce(into: [:]) { $0[$1] = world.store.jobs[$1]?.job.state }
            handle(.jobAnnounced(record.id, record.after, ended: ended.filter { $0.value.isFinal }))
        }
        handle(.work(.jobAdded(job)))
    }

    func handle(_ event: FleetEvent) {
        guard fleet != nil else { return }
        for effect in fleet!.handle(event, now: world.clock.now, wallClockMs: 0) { perform(effect) }
    }

    private func tick(_ current: Int) {
        world.clock.after(.milliseconds(100)) { [self] in
            guard life == current else { return }
            handle(.ticked)
            ticks += 1
            if ticks % 2 == 0 { look() }
            resize(.ticked)
            tick(current)
        }
    }

    // MARK: Members

    /// False: it is away.
    func join(_ process: ScaleProcess) -> Bool {
        guard isUp else { return false }
        var record = MemberRecord(
            id: process.id, name: freeName(process), role: .worker, joinOrder: Int64(world.newNumber()), address: "",
            slots: world.faults.slots, labels: [:], version: "", joinedMs: 0, incarnation: process.incarnation,
            machine: process.machine)
        record.resources = Amounts()
        world.store.members[record.id] = record
        handle(.membership(.joined(record)))
        connections[process.id] = world.newNumber()
        handle(.membership(.connectionOpened(process.id, connection: connections[process.id]!)))
        return true
    }

    /// As a coordinator gives them.
    private func freeName(_ process: ScaleProcess) -> String {
        func isTaken(_ name: String) -> Bool {
            fleet?.membership.named(name).map { $0.record.id != process.id } ?? false
        }
        var (name, number) = (process.name, 2)
        while isTaken(name) { (name, number) = ("\(process.name)-\(number)", number + 1) }
        return name
    }

    func isMember(_ process: ScaleProcess) -> Bool {
        fleet?.membership[process.id]?.record.incarnation == process.incarnation
    }

    func broke(_ process: ScaleProcess) {
        guard let connection = connections[process.id], isMember(process) else { return }
        handle(.membership(.connectionBroken(process.id, connection: connection)))
    }

    /// False: it is away, or does not know the sender.
    func report(_ process: ScaleProcess, _ grant: Grant) -> Bool {
        guard isMember(process) else { return false }
        let key = grant.key
        var (values, seconds) = (LineColumn(), LineColumn())
        let each = Double(world.taskMs(key.job)) / 1_000
        for task in key.tasks {
            values.append(line: "\(task)".utf8)
            seconds.append(line: "\(each)".utf8)
        }
        let report = TaskReport(
            key: key, ticket: grant.ticket, start: key.first, values: values, seconds: seconds, failures: [],
            secondsTotal: each * Double(key.count))
        let id = DeliveryID(world.newNumber())
        deliveries[id] = (process, [key])
        handle(.work(.reported(id, from: process.id, worker: process.name, [report], wallClockMs: 0)))
        return true
    }

    // MARK: As many as the queue needs

    private func look() {
        var places = pool.places
        if world.bug == .forgetsStopping { places.removeAll { $0.state == .stopping } }
        findMembers(places)
        var look = fleet!.scaleLook(
            of: places, members: members, within: autoscaler.startTime, now: world.clock.now, unheard: &unheard)
        let means = world.bug == .ignoresNeeds ? 1_000 : world.faults.slots
        look.launchable = [TaskRoom(means: Resources(Amounts(cpus: means)))]
        corrupt(&look)
        tellChecker(look)
        var decision = autoscaler.decide(look, now: world.clock.now)
        if world.bug == .neverDown { (decision.wanted, decision.going) = (max(pool.wanted, decision.wanted), []) }
        reason = decision.reason
        let before = pool.wanted
        resize(.scaled(decision.wanted, first: decision.going))
        if before != decision.wanted { world.note("\(before) → \(decision.wanted): \(decision.reason)") }
    }

    private func findMembers(_ places: [WorkerPool.Place]) {
        members = launched.find(places, in: fleet!.membership, name: ScaleWorld.name)
        for number in launched.joined { resize(.joined(number)) }
        guard world.bug == .findsByName else { return }
        members = Dictionary(
            uniqueKeysWithValues: places.compactMap { place in
                fleet!.membership.named(ScaleWorld.name(place.number)).map { (place.number, $0) }
            })
    }

    private func corrupt(_ look: inout Autoscaler.Look) {
        switch world.bug {
        case .neverUp: look.work = []
        case .timidUp:
            if look.workers.count > 1 || look.workers.contains(where: { !Self.isBusy($0) }) { look.work = [] }
        case .stopsBusy:
            look.workers = look.workers.map { worker in
                guard case .member(_, let room) = worker.state else { return worker }
                return Autoscaler.Worker(
                    number: worker.number, launched: worker.launched, state: .member(hasWork: false, room: room))
            }
        case .trustsLedger:
            look.workers = look.workers.map { worker in
                guard case .member(true, let room) = worker.state, let id = members[worker.number]?.record.id else {
                    return worker
                }
                let hasWork = !fleet!.scheduler.leases(of: id).isEmpty
                return Autoscaler.Worker(
                    number: worker.number, launched: worker.launched, state: .member(hasWork: hasWork, room: room))
            }
        case .oneSpeaksForAll:
            if look.workers.contains(where: Self.isIdle) { look.work.removeAll { $0.voters != nil } }
        default: break
        }
    }

    private static func isIdle(_ worker: Autoscaler.Worker) -> Bool {
        if case .member(false, .some) = worker.state { true } else { false }
    }

    private static func isBusy(_ worker: Autoscaler.Worker) -> Bool {
        if case .member(true, _) = worker.state { true } else { false }
    }

    private func tellChecker(_ look: Autoscaler.Look) {
        let present = look.workers.count { $0.state != .stopping }
        let busy = look.workers.count(where: Self.isBusy)
        world.checker.looked(busy: busy, world.clock.now)
        world.lookAtWaiting(present: present)
    }

    func resize(_ event: WorkerPool.Event) {
        var stopped: [Int] = []
        for effect in pool.handle(event, now: world.clock.now) {
            switch effect {
            case .launch(let number): world.launch(number)
            case .stop(let number): stopped.append(number)
            }
        }
        for number in stopped { stop(number, isScaled: { if case .scaled = event { true } else { false } }()) }
    }

    private func stop(_ number: Int, isScaled: Bool) {
        if let member = members[number] { handle(.work(.memberDraining(member.record.id))) }
        guard let process = world.processes[number], !world.isUnseen(number) else { return }
        if isScaled {
            let staying = world.living.count { !$0.isLeaving }
            let isBeyond = staying > world.most
            world.checker.toldToStop(
                process, left: staying - 1, world.clock.now, idleTime: Autoscaler.Settings(most: 1).idleTimeMin,
                isBeyond: isBeyond)
        }
        if world.bug == .killsAtOnce { process.die(isKilled: true) } else { process.stop() }
    }

    // MARK: Effects

    private func perform(_ effect: FleetEffect) {
        switch effect {
        case .work(let effect): perform(effect)
        case .membership(.removed(let record, _)):
            world.store.members[record.id] = nil
            world.process(of: record.id)?.lostCoordinator()
        case .store(let writes): world.store.keep(writes)
        case .membership, .command: break
        }
    }

    private func perform(_ effect: SchedulerEffect) {
        switch effect {
        case .grant(let call, let member, let grants):
            world.granted(grants)
            if world.process(of: member)?.granted(call, grants) != true {
                world.clock.after(.zero) { [self] in handle(.work(.grantUndelivered(grants.map(\.key)))) }
            }
        case .dismiss(let call): for process in world.living { process.dismissed(call) }
        case .merged(let call): for process in world.living { process.merged(call) }
        case .commit(let id, let writes):
            world.clock.after(.milliseconds(2)) { [self, life] in
                guard life == self.life else { return }
                world.store.keep(writes)
                handle(.work(.committed(id)))
            }
        case .answer(let id, _):
            guard let (process, keys) = deliveries.removeValue(forKey: id) else { return }
            for key in keys { process.reported(key) }
        case .revoke(let member, let keys):
            for key in keys { world.process(of: member)?.reported(key) }
        default: break
        }
    }
}

internal import MusterCore
internal import MusterScheduling

/// One simulated fleet: a coordinator, workers, clients, a network, a store, and what goes wrong between them.
final class SimWorld: FaultyWorld {
    let clock = SimClock()
    let checker = SimChecker()
    let bug: PlantedBug?
    let faults: SimFaults
    private(set) var store: SimStore! = nil
    private(set) var network: SimNetwork! = nil
    private(set) var coordinator: SimCoordinator! = nil
    private(set) var workers: [SimWorker] = []
    /// Grants as anybody on the network could have seen them.
    private(set) var lastGrants: [Grant] = []
    var random: SimRandom
    private var connections: UInt64 = 0
    private var crashWaiters: [(crashes: Int, action: () -> Void)] = []
    private(set) var isHealed = false
    let diceSeed: UInt64
    private let hasVolunteer: Bool
    /// It lacks what some jobs need.
    let bareWorker: Int?
    private let workerCount: Int
    /// All workers say that they are on one machine, and each counts by itself.
    let isOneMachine: Bool
    private let trace: ((String) -> Void)?
    private let jobs: Int
    /// One job fills all workers for a while, and another needs a whole one.
    private let isCrowded: Bool

    init(seed: UInt64, bug: PlantedBug? = nil, trace: ((String) -> Void)? = nil) {
        var random = SimRandom(seed: seed)
        let drawn = SimFaults.drawn(from: &random)
        faults = bug?.isSeenInCalm == true ? .none : drawn
        checker.isCalm = faults.isCalm
        self.bug = bug
        self.trace = trace
        jobs = Int.random(in: 2...5, using: &random)
        workerCount = Int.random(in: 2...6, using: &random)
        isOneMachine = random.chance(0.2)
        hasVolunteer = !isOneMachine && workerCount >= 4 && random.chance(0.5)
        // Not beside a volunteer, which may lie: where all other machines are one, a quorum of two rightly waits for another.
        bareWorker = workerCount >= 3 && random.chance(0.4) && !hasVolunteer ? 1 : nil
        isCrowded = faults.isCalm && workerCount >= 3 && random.chance(0.5)
        diceSeed = random.next()
        store = SimStore(clock, checker, bug: bug, seed: random.next())
        network = SimNetwork(clock, faults, seed: random.next())
        self.random = random
        checker.machineOf = { [unowned self] in machine(named: $0) }
        checker.endOf = { [unowned self] in store.jobs[$0]?.state }
        coordinator = SimCoordinator(self)
        for number in 0..<workerCount {
            let slowness = self.random.chance(faults.slowWorker) ? Self.slowness : 1
            workers.append(
                SimWorker(
                    self, number, slowness: slowness, isHostile: number < faults.hostileWorkers,
                    seed: self.random.next()))
        }
    }

    /// In whose name each worker counts: a machine of its own, but where there are four or more the third is on the first's.
    func machine(named name: String) -> Int {
        let number = Int(name.dropFirst("worker-".count)) ?? 0
        return !isOneMachine && workerCount >= 4 && number == 2 ? 0 : number
    }

    /// The machine that a worker of this name tells.
    func toldMachine(named name: String) -> String {
        bug == .votesPerWorker ? "" : isOneMachine ? "0" : "\(machine(named: name))"
    }

    /// The last worker may be a volunteer's; in a world with faults it lies whenever others could tell.
    func isVolunteer(named name: String) -> Bool { hasVolunteer && machine(named: name) == workerCount - 1 }
    func lies(_ number: Int) -> Bool { !faults.isCalm && isVolunteer(named: "worker-\(number)") }

    /// What a worker has: every third has four slots, every third two.
    func means(of number: Int) -> Resources {
        let slots = [1, 2, 4][number % 3]
        return Resources(
            Amounts(
                cpus: slots, memory: 1_000 * slots, gpus: number % 3, counts: number % 2 == 0 ? ["licences": 1] : [:]),
            labels: ["site": number % 2 == 0 ? "a" : "b"])
    }

    func means(named name: String) -> Resources { means(of: Int(name.dropFirst("worker-".count)) ?? 0) }

    /// What some trusted worker has at least.
    private func drawnNeeds() -> Needs {
        let worker = means(of: Int.random(in: 0..<workerCount - (hasVolunteer ? 1 : 0), using: &random))
        var needs = Needs(Amounts(cpus: Int.random(in: 1...worker.amounts.cpus, using: &random)))
        if random.chance(0.4) { needs.amounts.memory = Int.random(in: 1...worker.amounts.memory, using: &random) }
        if random.chance(0.3) { needs.amounts.gpus = Int.random(in: 0...worker.amounts.gpus, using: &random) }
        if random.chance(0.3) { needs.amounts.counts = worker.amounts.counts }
        if random.chance(0.3) { needs.labels = worker.labels }
        return needs
    }

    func checkRunning(_ job: JobID) {
        checker.checkRunning(workers.reduce(0) { $0 + $1.runningBatches(of: job) }, of: job)
    }

    func newConnection() -> UInt64 {
        connections += 1
        return connections
    }

    func seen(_ grants: [Grant]) {
        lastGrants = Array((lastGrants + grants).suffix(8))
    }

    func afterCrash(beyond crashes: Int, _ action: @escaping () -> Void) {
        crashWaiters.append((crashes, action))
        if crashWaiters.count > 4_096 { crashWaiters.removeFirst(2_048) }
    }

    // MARK: Running

    /// A slow worker takes so many times as long.
    private static let slowness = 20
    /// Beside its work, for what has to be found out by waiting.
    private static let patience: Duration = .seconds(600)
    /// One slow worker may be the only one that a job fits.
    private var slowestWork: Duration {
        checker.plans.values.filter { $0.needs != nil }.reduce(.zero) { sum, plan in
            let attempts = plan.failures > 0 ? Limits.attemptsDefault : 1
            return sum + .milliseconds(plan.count * plan.taskMs * Self.slowness * attempts)
        }
    }

    /// Faults first, then none; the fleet must come to rest with every promise kept. Returns the violation, if any.
    func run() -> String? {
        coordinator.start()
        for worker in workers { worker.start() }
        for _ in 0..<jobs { clock.after(random.milliseconds(0...faults.healAtMs / 2)) { [self] in submit() } }
        if isCrowded { crowd() }
        scheduleFaults()
        clock.after(.milliseconds(faults.healAtMs)) { [self] in heal() }
        let healed = Moment.zero + .milliseconds(faults.healAtMs) + Self.patience
        while checker.violation == nil, !isAtRest, clock.step(until: healed) {}
        let end = healed + slowestWork
        while checker.violation == nil, !isAtRest, clock.step(until: end) {}
        if checker.violation == nil { checker.checkBegun(at: clock.now) }
        if checker.violation == nil { checker.checkEnd(store) }
        if checker.violation == nil, faults.isCalm { checker.checkShares(store) }
        return checker.violation
    }

    private var isAtRest: Bool {
        isHealed && checker.acknowledged.allSatisfy { store.jobs[$0]?.state != nil }
    }

    private func submit() {
        var plan = SimChecker.Plan(count: Int.random(in: 1...400, using: &random))
        plan.taskMs = Int.random(in: 1...40, using: &random)
        if random.chance(0.3) {
            plan.failEvery = Int.random(in: 3...20, using: &random)
            plan.failures = [1, 2, 1_000].randomElement(using: &random)!
        }
        if plan.isDeterministic, random.chance(0.4) { plan.quorum = Quorum(random.chance(0.5) ? "2/2" : "2/3") }
        plan.isDealt = plan.quorum == nil && random.chance(0.4)
        plan.isPicky = random.chance(0.3)
        if random.chance(0.3) {
            let needs = drawnNeeds()
            (plan.quorum, plan.isDealt, plan.isPicky) = (nil, false, false)
            plan.needs = needs.areUsual ? nil : needs
        }
        if random.chance(0.2) { plan.atMost = Int.random(in: 1...3, using: &random) }
        if !plan.isDealt, random.chance(0.3), let other = checker.acknowledged.sorted().randomElement(using: &random) {
            plan.after = random.chance(0.7) ? Prerequisites(done: [other]) : Prerequisites(ended: [other])
        }
        if faults.isCalm { return send(plan) }
        if random.chance(0.15) { plan.poison = Int.random(in: 0..<plan.count, using: &random) }
        if random.chance(0.2) { plan.cancelAfterMs = Int.random(in: 1...6_000, using: &random) }
        send(plan)
    }

    private func crowd() {
        var plain = SimChecker.Plan(count: 20_000)
        plain.taskMs = 10
        send(plain)
        var large = SimChecker.Plan(count: 30)
        (large.taskMs, large.needs) = (10, Needs(means(of: 2).amounts))
        clock.after(.seconds(1)) { [self] in send(large, mustBegin: true) }
    }

    /// A client that asks until it is answered. An attempt whose answer was lost may have made a job too.
    private func send(_ plan: SimChecker.Plan, mustBegin: Bool = false) {
        guard coordinator.isUp else { return clock.after(.milliseconds(200)) { [self] in send(plan) } }
        var isAnswered = false
        coordinator.receive(.submit(plan)) { [self] reply in
            isAnswered = true
            guard case .submitted(let id) = reply else {
                return clock.after(.milliseconds(300)) { [self] in send(plan) }
            }
            checker.jobAcknowledged(id)
            if mustBegin { checker.mustBegin(id, until: clock.now + .seconds(10)) }
            note("job \(id): \(plan)")
            if let delay = plan.cancelAfterMs {
                clock.after(.milliseconds(delay)) { [self] in
                    guard coordinator.isUp else { return }
                    coordinator.receive(delay % 4 == 0 ? .halt(id) : .cancel(id)) { _ in }
                }
            }
        }
        let crashes = coordinator.crashes
        afterCrash(beyond: crashes) { [self] in if !isAnswered { send(plan) } }
    }

    func note(_ words: @autoclosure () -> String) { trace?("\(clock.now.nanoseconds / 1_000_000) ms: \(words())") }

    // MARK: Faults

    private func scheduleFaults() {
        every(faults.coordinatorCrashMs) { [self] in crashCoordinator() }
        every(faults.workerKillMs) { [self] in
            let worker = workers.randomElement(using: &random)!
            if mayDie(worker) {
                note("kill worker \(worker.number)")
                worker.kill()
            }
        }
        every(faults.terminateMs) { [self] in
            let worker = workers.randomElement(using: &random)!
            if mayDie(worker) {
                note("terminate worker \(worker.number)")
                worker.terminate()
            }
        }
        every(faults.workerPauseMs) { [self] in
            let time = random.milliseconds(100...9_000)
            if random.chance(0.15) {
                note("pause the coordinator for \(time)")
                coordinator.pause(for: time)
            } else {
                let worker = workers.randomElement(using: &random)!
                note("pause worker \(worker.number) for \(time)")
                worker.pause(for: time)
            }
        }
        every(faults.partitionMs) { [self] in
            let worker = workers.randomElement(using: &random)!.number
            note("cut worker \(worker) off")
            network.partition(worker)
            clock.after(random.milliseconds(200...9_000)) { [self] in network.mend(worker) }
        }
        every(faults.diskFullMs) { [self] in
            note("disk full")
            store.isFull = true
            clock.after(random.milliseconds(50...2_000)) { [self] in store.isFull = false }
        }
    }

    private func crashCoordinator() {
        guard coordinator.isUp else { return }
        note("crash the coordinator")
        coordinator.crash()
        let waiters = crashWaiters
        crashWaiters = []
        for waiter in waiters { if waiter.crashes < coordinator.crashes { waiter.action() } }
        clock.after(random.milliseconds(20...4_000)) { [self] in
            if !coordinator.isUp { coordinator.start() }
        }
    }

    /// A task that loses its worker too often counts as poison; the dice must not make an innocent one look so.
    private func mayDie(_ worker: SimWorker) -> Bool {
        let limit = Scheduler.Settings().crashLimit
        for key in worker.held {
            for task in key.tasks where checker.deaths(blamedOn: task, of: key.job) + 1 >= limit { return false }
        }
        return true
    }

    private func heal() {
        note("heal")
        isHealed = true
        network.heal()
        store.isFull = false
        if !coordinator.isUp { coordinator.start() }
    }
}

internal import MusterCore
internal import MusterFleetCore
internal import MusterLaunchRules
internal import MusterMembership
internal import MusterScheduling
internal import MusterSimulation

/// One simulated fleet that has as many workers as its queue needs: jobs that come, processes that are launched, and what goes wrong.
final class ScaleWorld: FaultyWorld {
    let clock = SimClock()
    let faults: ScaleFaults
    let bug: ScaleBug?
    let checker: ScaleChecker
    let store = ScaleStore()
    private(set) var coordinator: ScaleCoordinator! = nil
    /// The process of each number; of several, which only a bug makes, the last.
    private(set) var processes: [Int: ScaleProcess] = [:]
    private(set) var living: [ScaleProcess] = []
    private(set) var isHealed = false
    private(set) var launches = 0
    /// So many at most, now.
    private(set) var most: Int
    var random: SimRandom
    private var jobs: [JobID: ScaleJob] = [:]
    private var waitingSince: [JobID: Moment] = [:]
    private var number: UInt64 = 0
    private let trace: ((String) -> Void)?

    init(seed: UInt64, bug: ScaleBug? = nil, trace: ((String) -> Void)? = nil) {
        random = SimRandom(seed: seed)
        faults = ScaleFaults.drawn(from: &random)
        most = faults.most
        checker = ScaleChecker(faults)
        (self.bug, self.trace) = (bug, trace)
        coordinator = ScaleCoordinator(self)
    }

    static func name(_ number: Int) -> String { "worker-\(number)" }
    func process(of member: MemberID) -> ScaleProcess? { living.last { $0.id == member } }
    func taskMs(_ id: JobID) -> Int { jobs[id]?.taskMs ?? 1 }

    func newNumber() -> UInt64 {
        number += 1
        return number
    }

    func note(_ words: @autoclosure () -> String) { trace?("\(clock.now.nanoseconds / 1_000_000) ms: \(words())") }

    /// Jobs come while things go wrong; then nothing does, until all that can end has; then there is time to come down.
    func run() -> String? {
        note("\(faults)")
        coordinator.start(running: [])
        scheduleFaults()
        let arrivals = (1...faults.jobs).map { _ in Int.random(in: 0...faults.healAtMs, using: &random) }.sorted()
        var previous: ScaleJob?
        for (place, arrival) in arrivals.enumerated() {
            let job = ScaleJob.drawn(JobID(Int64(place + 1)), after: previous, faults, &random)
            previous = job
            clock.after(.milliseconds(arrival)) { [self] in submit(job) }
        }
        giveSigns()
        clock.after(.milliseconds(faults.healAtMs)) { [self] in heal() }
        let end = Moment.zero + .milliseconds(faults.healAtMs) + .seconds(900)
        while checker.violation == nil, !(isHealed && isDone), clock.step(until: end) {}
        if checker.violation == nil, !isDone {
            checker.require(false, "jobs never ended: \(openJobs.map(\.record.id)), \(coordinator.reason)")
        }
        // Workers are launched in vain now and then, as long as something waits.
        let later = clock.now + .milliseconds(3 * faults.startMs.upperBound) + .seconds(hasVainJob ? 300 : 40)
        while checker.violation == nil, clock.step(until: later) {}
        if checker.violation == nil { rest() }
        return checker.violation
    }

    private var openJobs: [ScaleJob] {
        jobs.values.filter { $0.ends && store.jobs[$0.record.id]?.job.state.isFinal != true }
    }
    private var isDone: Bool { jobs.count == faults.jobs && openJobs.isEmpty }

    private func rest() {
        let present = living.count { !$0.isLeaving }
        checker.rested(present: present, wantsWork: hasVainJob)
    }

    private var hasVainJob: Bool { jobs.values.contains { $0.kind == .voted && !$0.ends } }

    private func scheduleFaults() {
        every(faults.coordinatorCrashMs) { [self] in
            guard coordinator.isUp else { return }
            note("crash the coordinator")
            coordinator.crash()
            for process in living { process.lostCoordinator() }
            clock.after(random.milliseconds(50...3_000)) { [self] in restart() }
        }
        every(faults.workerKillMs) { [self] in
            guard let process = living.randomElement(using: &random) else { return }
            note("kill \(process.name)")
            faulty.insert(ObjectIdentifier(process))
            process.die(isKilled: true, isSilent: random.chance(faults.silentKills))
        }
    }
    private var faulty: Set<ObjectIdentifier> = []

    private func restart() {
        guard !coordinator.isUp else { return }
        most = most == faults.most ? faults.mostLater ?? most : faults.most
        unseen = []
        let isAway = random.chance(faults.engineAway)
        engineAwayUntil = isAway ? clock.now + random.milliseconds(100...8_000) : clock.now
        if isAway {
            note("the engine is away")
            unseen = Set(living.map(\.number))
            clock.after(engineAwayUntil - clock.now + random.milliseconds(0...500)) { [self] in takeUp() }
        }
        coordinator.start(running: living.map(\.number).filter { !unseen.contains($0) }.sorted())
        for process in living where process.isEstranged {
            clock.after(random.milliseconds(0...1_000)) { if process.isEstranged { process.join() } }
        }
    }

    /// Numbers of processes that the launcher does not know, and until when it cannot.
    private var unseen: Set<Int> = []
    private var engineAwayUntil = Moment.zero
    func isUnseen(_ number: Int) -> Bool { unseen.contains(number) }

    private func takeUp() {
        guard coordinator.isUp, clock.now >= engineAwayUntil else { return }
        for number in unseen.sorted() {
            note("found \(Self.name(number))")
            unseen.remove(number)
            coordinator.resize(.found(number, isWanted: true))
        }
    }

    private func heal() {
        note("heal")
        isHealed = true
        restart()
    }

    /// Each second, of all that have joined; who is known no more joins again.
    private func giveSigns() {
        clock.after(.seconds(1)) { [self] in
            if coordinator.isUp { for process in living { giveSign(process) } }
            giveSigns()
        }
    }

    private func giveSign(_ process: ScaleProcess) {
        if process.isEstranged { return process.join() }
        guard process.hasJoined else { return }
        coordinator.handle(.membership(.seen(process.id)))
        let held = process.running.keys.sorted { ($0.job, $0.first) < ($1.job, $1.first) }
        coordinator.handle(.work(.renewed(process.id, held)))
    }

    // MARK: Work

    private func submit(_ job: ScaleJob) {
        note("job \(job.record.id): \(job.kind), \(job.record.count) tasks of \(job.taskMs) ms")
        jobs[job.record.id] = job
        store.add(job.record)
        if job.isFree { waitingSince[job.record.id] = clock.now }
        if coordinator.isUp { coordinator.add(store.jobs[job.record.id]!) }
    }

    func granted(_ grants: [Grant]) {
        checker.granted()
        for grant in grants { waitingSince[grant.key.job] = nil }
    }

    func lookAtWaiting(present: Int) {
        for (id, since) in waitingSince.sorted(by: { $0.key < $1.key }) {
            checker.waits(id, since: since, present: present, clock.now)
        }
        let open = openJobs.filter(\.isFree).map { (job: $0, tasks: $0.record.count - store.recorded($0.record.id)) }
        let time = open.reduce(0) { $0 + $1.tasks * $1.job.taskMs * ($1.job.record.needs?.amounts.cpus ?? 1) }
        checker.lies(
            tasks: open.reduce(0) { $0 + $1.tasks }, slotTime: .milliseconds(time), present: present, clock.now)
    }

    // MARK: Processes

    func launch(_ number: Int) {
        let fails = !isHealed && random.chance(faults.launchFailure)
        clock.after(random.milliseconds(1...20)) { [self] in
            guard coordinator.isUp else { return }
            takeUp()
            if let process = processes[number], process.isAlive, !isUnseen(number) {
                return coordinator.resize(.launched(number))
            }
            if fails || clock.now < engineAwayUntil { return coordinator.resize(.launchFailed(number)) }
            let process = ScaleProcess(self, number)
            processes[number] = process
            living.append(process)
            launches += 1
            checker.launched(alive: living.count)
            coordinator.resize(.launched(number))
            clock.after(random.milliseconds(faults.startMs)) { process.join() }
        }
    }

    func ended(_ process: ScaleProcess) {
        living.removeAll { $0 === process }
        checker.ended(process, isFault: faulty.contains(ObjectIdentifier(process)))
        if processes[process.number] === process { processes[process.number] = nil }
        if unseen.remove(process.number) != nil { return }
        clock.after(.milliseconds(5)) { [self] in if coordinator.isUp { coordinator.resize(.exited(process.number)) } }
    }
}

/// The simulation of fleets that have as many workers as their queue needs: a seed in, an outcome out, the same for ever.
package enum ScaleSimulation {
    package struct Outcome: Hashable, Sendable {
        package var seed: UInt64
        /// Nil: every promise was kept.
        package var violation: String?
        package var events: UInt64
        package var launches: Int
    }

    package static func run(seed: UInt64, bug: ScaleBug? = nil, trace: ((String) -> Void)? = nil) -> Outcome {
        let world = ScaleWorld(seed: seed, bug: bug, trace: trace)
        let violation = world.run()
        return Outcome(
            seed: seed, violation: violation, events: world.clock.eventCount, launches: world.launches)
    }
}

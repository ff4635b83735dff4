internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership
internal import MusterScheduling

/// What workers and clients say to the coordinator, and what it answers.
enum SimRequest {
    case join(MemberID?, name: String, incarnation: String)
    case ask(MemberID, free: Amounts)
    case report(MemberID, [TaskReport])
    case heartbeat(MemberID, [LeaseKey], [ReturnedTasks])
    case openStream(MemberID, worker: Int, connection: UInt64)
    case leave(MemberID, isUnbegun: Bool)
    case submit(SimChecker.Plan)
    case cancel(JobID)
    case halt(JobID)
}

enum SimReply {
    case joined(MemberID)
    case grants([Grant])
    case merged
    case verdicts([ReportVerdict])
    case fine
    /// The member is not known (any more).
    case stranger
    /// Not now.
    case unavailable
    case submitted(JobID)
}

/// A small keyed hash in place of the real code.
struct SimSealer: TicketSealer {
    let bug: PlantedBug?
    private let secret: UInt64 = 0x5EA1

    func seal(_ key: LeaseKey) -> String {
        var mixed = SimRandom(seed: secret)
        var sum: UInt64 = 0
        let member = bug == .anySender ? 0 : key.member.rawValue
        for part in [key.job.rawValue, Int64(key.first), Int64(key.count), Int64(key.attempt), member] {
            sum = (sum ^ UInt64(bitPattern: part)) &* 0x100_0000_01B3 ^ mixed.next()
        }
        return String(sum, radix: 16)
    }

    func isGenuine(_ ticket: String, for key: LeaseKey) -> Bool { bug == .anyTicket || ticket == seal(key) }
}

/// The coordinator's driver, simulated: the shipping `FleetCore`, a store that may fail, a process that may die.
final class SimCoordinator {
    private let world: SimWorld
    private var fleet: FleetCore?
    private var calls: [LeaseCallID: (SimReply) -> Void] = [:]
    private var deliveries: [DeliveryID: (reply: (SimReply) -> Void, reports: [TaskReport])] = [:]
    private var streams: [MemberID: (worker: Int, connection: UInt64)] = [:]
    /// Processes whose joining is on its way to the store.
    private var joining: [String: MemberID] = [:]
    private var lastIDs: (job: Int64, member: Int64, joinOrder: Int64) = (0, 0, 0)
    private var nextNumber: UInt64 = 1
    private var pausedUntil = Moment.zero
    /// Counts processes; what an earlier one asked for finds nobody.
    private var life = 0
    private(set) var crashes = 0

    init(_ world: SimWorld) { self.world = world }

    var isUp: Bool { fleet != nil }
    func leases(of member: MemberID) -> Set<LeaseKey> { fleet?.scheduler.leases(of: member) ?? [] }

    func start() {
        var settings = Scheduler.Settings()
        settings.leaseTime = .seconds(5)
        settings.isQuorumStrict = !world.isOneMachine
        if world.bug == .neverReserves { settings.reservationTime = .seconds(86_400) }
        var fleet = FleetCore(
            scheduler: settings, sealer: SimSealer(bug: world.bug), dice: SimRandom(seed: world.diceSeed))
        lastIDs = world.bug == .reusesIDs && crashes > 0 ? (0, lastIDs.member, lastIDs.joinOrder) : world.store.lastIDs
        var effects: [FleetEffect] = []
        for (machine, standing) in world.store.standings.sorted(by: { $0.key < $1.key }) {
            effects += fleet.handle(.work(.standingRestored(machine, standing)), now: world.clock.now, wallClockMs: 0)
        }
        for member in world.store.members.values.sorted(by: { $0.joinOrder < $1.joinOrder }) {
            effects += fleet.handle(.membership(.restored(member)), now: world.clock.now, wallClockMs: 0)
        }
        for job in world.store.unfinishedJobs {
            if job.isHeld, world.bug != .forgetsOrder {
                effects += fleet.handle(announcement(of: job.job.record), now: world.clock.now, wallClockMs: 0)
            }
            effects += fleet.handle(.work(.jobAdded(job)), now: world.clock.now, wallClockMs: 0)
        }
        self.fleet = fleet
        perform(effects)
        tick(life)
    }

    func crash() {
        guard isUp else { return }
        crashes += 1
        life += 1
        fleet = nil
        (calls, deliveries) = ([:], [:])
        let broken = streams
        streams = [:]
        joining = [:]
        world.store.crash()
        for (_, stream) in broken.sorted(by: { $0.key < $1.key }) {
            world.network.notice(stream.worker, .down) { [world] in
                world.workers[stream.worker].streamBroke(stream.connection)
            }
        }
    }

    func pause(for time: Duration) { pausedUntil = max(pausedUntil, world.clock.now + time) }

    private func tick(_ current: Int) {
        world.clock.after(.milliseconds(100)) { [self] in
            guard life == current else { return }
            whenAwake(current) { [self] in
                if world.bug == .noTicks { handle(.membership(.ticked)) } else { handle(.ticked) }
                tick(current)
            }
        }
    }

    /// A paused process does everything later.
    private func whenAwake(_ current: Int, _ action: @escaping () -> Void) {
        guard life == current else { return }
        let wait = pausedUntil - world.clock.now
        if wait > .zero {
            world.clock.after(wait) { [self] in whenAwake(current, action) }
        } else {
            action()
        }
    }

    private func handle(_ event: FleetEvent) {
        guard isUp else { return }
        let effects = fleet!.handle(event, now: world.clock.now, wallClockMs: 0)
        if case .membership = event { world.checker.checkRanks(fleet!.membership) }
        perform(effects)
    }

    // MARK: Requests

    func receive(_ request: SimRequest, _ reply: @escaping (SimReply) -> Void) {
        whenAwake(life) { [self] in answer(request, reply) }
    }

    private func newNumber() -> UInt64 {
        defer { nextNumber += 1 }
        return nextNumber
    }

    private func answer(_ request: SimRequest, _ reply: @escaping (SimReply) -> Void) {
        switch request {
        case .join(let id, let name, let incarnation): join(id, name, incarnation, reply)
        case .submit(let plan): submit(plan, reply)
        case .cancel(let id): cancel(id, reply)
        case .halt(let id):
            handle(.work(.haltAsked(id, wallClockMs: 0)))
            reply(.fine)
        case .ask(let id, let free):
            guard isKnown(id) else { return reply(.stranger) }
            let call = LeaseCallID(newNumber())
            calls[call] = reply
            handle(
                .work(
                    .workAsked(LeaseCall(id: call, member: id, free: free, kernels: ["sim"], isMergeable: true))))
            world.clock.after(.seconds(3)) { [self, life] in
                guard life == self.life, let held = calls.removeValue(forKey: call) else { return }
                held(.grants([]))
                handle(.work(.callEnded(call)))
            }
        case .report(let id, let reports):
            guard let name = fleet?.membership[id]?.record.name else { return reply(.stranger) }
            handle(.membership(.seen(id)))
            let delivery = DeliveryID(newNumber())
            deliveries[delivery] = (reply, reports)
            handle(.work(.reported(delivery, from: id, worker: name, claimed(reports, by: id), wallClockMs: 0)))
        case .heartbeat(let id, let keys, let returned):
            guard isKnown(id) else { return reply(.stranger) }
            handle(.work(.renewed(id, keys)))
            if !returned.isEmpty { handle(.work(.returned(id, returned))) }
            reply(.fine)
        case .openStream(let id, let worker, let connection):
            guard isKnown(id) else { return reply(.stranger) }
            streams[id] = (worker, connection)
            handle(.membership(.connectionOpened(id, connection: connection)))
            reply(.fine)
        case .leave(let id, let isUnbegun):
            if isUnbegun { handle(.work(.unbegun(id))) }
            handle(.membership(.left(id)))
            reply(.fine)
        }
    }

    /// As the real driver does, the key's member is the one whose secret came with the request.
    private func claimed(_ reports: [TaskReport], by id: MemberID) -> [TaskReport] {
        reports.map { report in
            var report = report
            report.key.member = id
            if world.bug == .blamesTasks {
                for place in report.failures.indices { report.failures[place].isOwnFault = false }
            }
            return report
        }
    }

    private func isKnown(_ id: MemberID) -> Bool {
        guard fleet?.membership[id] != nil else { return false }
        handle(.membership(.seen(id)))
        return true
    }

    func connectionBroke(_ id: MemberID, _ connection: UInt64) {
        whenAwake(life) { [self] in
            if streams[id]?.connection == connection { streams[id] = nil }
            handle(.membership(.connectionBroken(id, connection: connection)))
        }
    }

    private func join(_ asked: MemberID?, _ name: String, _ incarnation: String, _ reply: @escaping (SimReply) -> Void)
    {
        let back = asked ?? joining[incarnation] ?? fleet?.membership.member(incarnation: incarnation)?.record.id
        if back == nil { lastIDs.member += 1 }
        let id = back ?? MemberID(lastIDs.member)
        joining[incarnation] = id
        let known = fleet?.membership[id]?.record
        if known == nil { lastIDs.joinOrder += 1 }
        let means = world.means(named: name)
        var record = MemberRecord(
            id: id, name: name, role: .worker, joinOrder: known?.joinOrder ?? lastIDs.joinOrder, address: "",
            slots: means.amounts.cpus, labels: means.labels, version: "", joinedMs: 0, incarnation: incarnation,
            machine: world.toldMachine(named: name),
            token: world.isVolunteer(named: name) ? 1 : nil)
        record.resources = means.amounts
        world.store.commit([.saveMember(record)]) { [self, life, record] trouble in
            guard life == self.life else { return }
            joining[incarnation] = nil
            if trouble != nil { return reply(.unavailable) }
            handle(.membership(.joined(record)))
            reply(.joined(id))
        }
    }

    /// What it waits for, as the store has it.
    private func announcement(of record: JobRecord) -> FleetEvent {
        .jobAnnounced(
            record.id, record.after,
            ended: record.after.all.reduce(into: [:]) {
                $0[$1] = world.store.jobs[$1]?.state
            })
    }

    private func submit(_ plan: SimChecker.Plan, _ reply: @escaping (SimReply) -> Void) {
        lastIDs.job += 1
        var record = JobRecord(
            id: JobID(lastIDs.job), kernel: "sim", params: Array("{}".utf8), count: plan.count,
            priority: plan.count < 20 ? .interactive : .batch, hasInputs: false, attemptsMax: Limits.attemptsDefault,
            createdMs: 0, quorum: plan.quorum, isDeterministic: plan.isDeterministic,
            atMost: world.bug == .ignoresAtMost ? nil : plan.atMost)
        (record.needs, record.after) = (plan.needs, plan.after)
        if !record.after.isEmpty { handle(announcement(of: record)) }
        // A number whose job was lost before it was durable is given out again.
        world.checker.plans[record.id] = plan
        world.store.commit([.createJob(record)]) { [self, life, record] trouble in
            guard life == self.life else { return }
            if trouble != nil {
                handle(.jobUnannounced(record.id))
                return reply(.unavailable)
            }
            let stored = StoredJob(record: record, state: .queued, endedMs: nil, done: 0, failed: 0, workers: [:])
            handle(.work(.jobAdded(RestoredJob(job: stored, recorded: RangeSet()), dealtTo: hands(plan, record.id))))
            reply(.submitted(record.id))
        }
    }

    /// The workers that the job is dealt to.
    private func hands(_ plan: SimChecker.Plan, _ id: JobID) -> [MemberID] {
        guard plan.isDealt, let fleet else { return [] }
        let live = fleet.membership.liveWorkers
        world.checker.dealt(id, to: live.map(\.name))
        return (world.bug == .dealsToFirst ? live.prefix(1) : live[...]).map(\.id)
    }

    private func cancel(_ id: JobID, _ reply: @escaping (SimReply) -> Void) {
        if world.bug == .cancelsInStoreOnly {
            if world.store.jobs[id]?.state == nil {
                world.store.commit([.endJob(id, .cancelled, endedMs: 0)]) { _ in }
            }
        } else {
            handle(.work(.cancelAsked(id, wallClockMs: 0)))
        }
        reply(.fine)
    }

    // MARK: Effects

    private func perform(_ effects: [FleetEffect]) {
        for effect in effects {
            switch effect {
            case .work(let effect): perform(effect)
            // Commands have a simulation of their own.
            case .command: break
            case .store(let writes): world.store.commit(writes) { _ in }
            case .membership(.removed(let record, _)):
                guard let stream = streams.removeValue(forKey: record.id) else { continue }
                world.network.notice(stream.worker, .down) { [world] in
                    world.workers[stream.worker].streamBroke(stream.connection)
                }
            case .membership: break
            }
        }
    }

    private func perform(_ effect: SchedulerEffect) {
        switch effect {
        case .grant(let id, let member, let grants):
            guard let holder = fleet!.membership[member], holder.standing == .alive else {
                return world.checker.fail("\(grants.map(\.key)) were granted to a member that is suspected or gone")
            }
            let name = holder.record.name
            for grant in grants { world.checker.granted(grant.key, to: name, at: world.clock.now) }
            guard let reply = calls.removeValue(forKey: id) else {
                return world.checker.fail("a held call was answered twice")
            }
            reply(.grants(grants))
        case .dismiss(let id): calls.removeValue(forKey: id)?(.grants([]))
        case .merged(let id): calls.removeValue(forKey: id)?(.merged)
        // Transient jobs have nothing that a crash could lose: none are asked for here.
        case .produced: break
        case .commit(let id, let writes):
            world.store.commit(writes) { [self, life] trouble in
                guard life == self.life else { return }
                if let trouble {
                    if world.bug != .swallowsFailure { handle(.work(.commitFailed(id, reason: trouble))) }
                } else {
                    handle(.work(.committed(id)))
                }
            }
        case .answer(let id, let verdicts):
            guard let delivery = deliveries.removeValue(forKey: id) else {
                return world.checker.fail("a delivery was answered twice")
            }
            for (report, verdict) in zip(delivery.reports, verdicts) {
                if case .recorded(let count) = verdict { world.checker.checkAcknowledged(report, count, world.store) }
            }
            delivery.reply(.verdicts(verdicts))
        case .revoke(let member, let keys):
            guard let stream = streams[member] else { return }
            world.network.send(stream.worker, .down) { [world] in world.workers[stream.worker].revoked(keys) }
        case .finish(let member, let keys):
            guard let stream = streams[member] else { return }
            world.network.send(stream.worker, .down) { [world] in world.workers[stream.worker].finish(keys) }
        case .distrust(_, let writes): world.store.commit(writes) { _ in }
        case .progressed, .ended, .cancelFailed, .refused: break
        }
    }
}

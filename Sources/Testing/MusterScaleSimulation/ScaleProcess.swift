internal import MusterCore
internal import MusterFleetCore
internal import MusterMembership
internal import MusterScheduling
internal import MusterSimulation

/// A launched worker's process: it starts, joins, computes, and ends when it is told to and has nothing any more.
final class ScaleProcess {
    let number: Int
    /// As a member.
    let id: MemberID
    let incarnation: String
    private unowned let world: ScaleWorld
    private(set) var isAlive = true
    private(set) var hasJoined = false
    private(set) var isLeaving = false
    /// The coordinator does not know it any more, or did not answer.
    var isEstranged = false
    /// Its batches, each until its report was answered; and those of them that are not reported.
    private(set) var running: [LeaseKey: Amounts] = [:]
    private(set) var computing: Set<LeaseKey> = []
    private var calls: [LeaseCallID: Amounts] = [:]

    init(_ world: ScaleWorld, _ number: Int) {
        (self.world, self.number) = (world, number)
        let own = world.newNumber()
        id = MemberID(world.faults.areContainers ? Int64(own) + 1_000_000 : Int64(number))
        incarnation = LaunchMark.incarnation(of: ScaleWorld.name(number), "\(own)")
    }

    var name: String { ScaleWorld.name(number) }
    var machine: String { world.faults.areContainers ? name : "one" }

    /// A second time, where the coordinator has lost it.
    func join() {
        guard isAlive else { return }
        isEstranged = !world.coordinator.join(self)
        guard !isEstranged else { return }
        hasJoined = true
        ask()
        leaveIfDone()
    }

    /// Whoever it asked is no more, or knows it no more. One that has not joined yet joins in its time.
    func lostCoordinator() {
        guard hasJoined else { return }
        (calls, hasJoined, isEstranged) = ([:], false, true)
    }

    private func ask() {
        guard isAlive, hasJoined, !isLeaving else { return }
        var free = Amounts(cpus: world.faults.slots)
        for taken in running.values { free -= taken }
        for asked in calls.values { free -= asked }
        guard free.cpus > 0 else { return }
        let call = LeaseCallID(world.newNumber())
        calls[call] = free
        world.coordinator.handle(
            .work(.workAsked(LeaseCall(id: call, member: id, free: free, kernels: ["sim"], isMergeable: true))))
    }

    func merged(_ call: LeaseCallID) {
        guard let asked = calls.removeValue(forKey: call), let other = calls.keys.max(by: { $0.rawValue < $1.rawValue })
        else { return }
        calls[other]! += asked
    }

    func dismissed(_ call: LeaseCallID) {
        guard calls.removeValue(forKey: call) != nil else { return }
        world.clock.after(.milliseconds(50)) { [self] in ask() }
    }

    /// False: it takes nothing any more.
    func granted(_ call: LeaseCallID, _ grants: [Grant]) -> Bool {
        // What the process before it asked for comes too late.
        guard calls.removeValue(forKey: call) != nil, isAlive, !isLeaving else { return false }
        for grant in grants {
            running[grant.key] = grant.needs?.amounts ?? .oneCPU
            computing.insert(grant.key)
            let time = world.taskMs(grant.key.job) * grant.key.count
            world.clock.after(.milliseconds(time + 1)) { [self] in computed(grant) }
        }
        ask()
        return true
    }

    private func computed(_ grant: Grant) {
        guard isAlive, running[grant.key] != nil else { return }
        guard hasJoined, world.coordinator.report(self, grant) else {
            // Nobody answers: later.
            return world.clock.after(.milliseconds(200)) { [self] in computed(grant) }
        }
        computing.remove(grant.key)
    }

    /// What of it was wanted is durable.
    func reported(_ key: LeaseKey) {
        running[key] = nil
        computing.remove(key)
        ask()
        leaveIfDone()
    }

    /// As SIGTERM does.
    func stop() {
        guard isAlive, !isLeaving else { return }
        isLeaving = true
        for call in calls.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            world.coordinator.handle(.work(.callEnded(call)))
        }
        calls = [:]
        leaveIfDone()
    }

    private func leaveIfDone() {
        guard isAlive, isLeaving, running.isEmpty else { return }
        world.clock.after(.milliseconds(10)) { [self] in
            guard isAlive else { return }
            if hasJoined { world.coordinator.handle(.membership(.left(id))) }
            hasJoined = false
            world.clock.after(world.random.milliseconds(10...world.faults.endMs)) { [self] in die(isKilled: false) }
        }
    }

    /// `isKilled`: its connection breaks, unless it is silent.
    func die(isKilled: Bool, isSilent: Bool = false) {
        guard isAlive else { return }
        isAlive = false
        if isKilled, !isSilent, hasJoined { world.coordinator.broke(self) }
        world.ended(self)
    }
}

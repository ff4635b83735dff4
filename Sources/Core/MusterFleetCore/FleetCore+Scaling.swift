package import MusterCore
package import MusterLaunchRules
package import MusterMembership
internal import MusterScheduling

/// Workers of which nobody knows what some of their slots do: they neither ask for work for them nor have a lease. For a moment that is so
/// after each report; later it means that they compute something which this coordinator does not know of, or take nothing.
package struct UnheardWorkers: Sendable {
    /// After so long nothing more is expected of them.
    private static let time: Duration = .seconds(1)
    private var since: [MemberID: Moment] = [:]
    private var before: [MemberID: Moment] = [:]

    package init() {}

    /// A look begins: whoever is not seen in it is forgotten.
    mutating func begin() { (before, since) = (since, [:]) }

    /// Whether what the member is not known to hold counts as free.
    mutating func isHeard(_ id: MemberID, unheardSlots: Int, _ now: Moment) -> Bool {
        guard unheardSlots > 0 else { return true }
        let began = before[id] ?? now
        since[id] = began
        return now - began < Self.time
    }
}

/// What the number of launched workers is decided by.
extension FleetCore {
    /// Of workers that others launched, so many, those of highest rank.
    static let othersMax = 1_000

    /// `places`: what the pool knows of launched workers; `members`: which members these are, by number; `time`: what will be free so soon
    /// counts as free.
    package func scaleLook(
        of places: [WorkerPool.Place], members: [Int: Membership.Member], within time: Duration, now: Moment,
        unheard: inout UnheardWorkers
    ) -> Autoscaler.Look {
        var look = Autoscaler.Look()
        look.work = scheduler.waitingWork(now)
        look.isWaiting = !look.work.isEmpty || scheduler.hasWaitingTasks
        // Whoever asks has been given what it can have.
        let asked = scheduler.asked
        var own: Set<MemberID> = []
        unheard.begin()
        look.workers = places.map { place in
            let member = members[place.number]
            if let member { own.insert(member.record.id) }
            let asks = member.flatMap { asked[$0.record.id] }
            return Autoscaler.Worker(
                number: place.number, launched: place.launched,
                state: state(place, member, asks, time, now, &unheard))
        }
        guard !look.work.isEmpty else { return look }
        for id in membership.liveWorkers(atMost: Self.othersMax)
        where !own.contains(id) && membership[id]?.record.launchedAs == nil {
            let load = scheduler.load(of: id, asking: nil, within: time, now)
            guard asked[id] == nil else {
                // What it could run is no work that nobody can.
                look.others.append(TaskRoom(means: load.means, free: Amounts(), kernels: load.kernels))
                continue
            }
            if let room = room(load, of: id, now, &unheard) { look.others.append(room) }
        }
        return look
    }

    private func state(
        _ place: WorkerPool.Place, _ member: Membership.Member?, _ asks: Amounts?, _ time: Duration, _ now: Moment,
        _ unheard: inout UnheardWorkers
    ) -> Autoscaler.Worker.State {
        switch place.state {
        case .stopping: return .stopping
        case .resting(let until): return .resting(until: until)
        case .running:
            guard let member, member.record.role == .worker else { return .starting }
            let id = member.record.id
            // Its process runs, but nobody knows what it does.
            guard member.standing == .alive else { return .member(hasWork: true, room: nil) }
            let load = scheduler.load(of: id, asking: asks, within: time, now)
            return .member(hasWork: !load.isIdle, room: room(load, of: id, now, &unheard))
        }
    }

    private func room(
        _ load: WorkerLoad, of id: MemberID, _ now: Moment, _ unheard: inout UnheardWorkers
    ) -> TaskRoom? {
        let isHeard = unheard.isHeard(id, unheardSlots: load.unheardSlots, now)
        return load.room(isHeard: isHeard).map {
            TaskRoom(means: load.means, free: $0, kernels: load.kernels, asks: load.asks)
        }
    }
}

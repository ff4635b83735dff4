internal import MusterCore
package import MusterLaunchRules
package import MusterMembership

/// Which members launched workers are: by what their launches told them. A name can be a stranger's, and whoever is launched again before the
/// death of the one before is known has another. Those that know of no such thing, as an older image's, are found by their names.
package struct LaunchedMembers: Sendable {
    private struct Process: Sendable {
        let launched: Moment?
        let incarnation: String
    }
    private struct Launch: Sendable {
        let at: Moment
        /// Whoever joined later may be its worker.
        let newest: Int64
    }
    private var launches: [Int: Launch] = [:]
    /// Who had joined last, at the look before.
    private var newest: Int64?
    /// The latest of each number that was seen as a member.
    private var processes: [Int: Process] = [:]
    /// Numbers of those that were seen as members for the first time, this time.
    package private(set) var joined: [Int] = []

    package init() {}

    /// Of those that run, by number. `name`: what the worker of a number was launched as.
    package mutating func find(
        _ places: [WorkerPool.Place], in membership: borrowing Membership, name: (Int) -> String
    ) -> [Int: Membership.Member] {
        var (found, kept): ([Int: Membership.Member], [Int: Process]) = ([:], [:])
        joined = []
        noteLaunches(places, newest: membership.ranked.last?.record.joinOrder ?? 0)
        for place in places {
            let before = processes[place.number]
            kept[place.number] = before
            guard place.hasProcess, case .running(let launched) = place.state,
                let member = member(name(place.number), place, membership)
            else { continue }
            let incarnation = member.record.incarnation
            let isKnown = before.map { $0.launched == launched && $0.incarnation == incarnation } ?? false
            // The one before, of whose end the fleet has not heard; not one that was found to run.
            if launched != nil, let before, before.launched != launched, before.incarnation == incarnation { continue }
            found[place.number] = member
            kept[place.number] = Process(launched: launched, incarnation: incarnation)
            if !isKnown { joined.append(place.number) }
        }
        processes = kept
        return found
    }

    private mutating func noteLaunches(_ places: [WorkerPool.Place], newest now: Int64) {
        let before = launches
        launches = [:]
        for place in places {
            guard let at = place.launched else { continue }
            let known = before[place.number].flatMap { $0.at == at ? $0 : nil }
            launches[place.number] = known ?? Launch(at: at, newest: newest ?? now)
        }
        newest = now
    }

    /// One that was told nothing, by its name: it is from before, or joined after the launch.
    private func member(
        _ name: String, _ place: WorkerPool.Place, _ membership: borrowing Membership
    ) -> Membership.Member? {
        if let member = membership.member(launchedAs: name) { return member }
        guard let named = membership.named(name), named.record.launchedAs == nil, !named.record.isVolunteer else {
            return nil
        }
        return launches[place.number].map { named.record.joinOrder > $0.newest } ?? true ? named : nil
    }
}

internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterKernels
internal import MusterLaunchRules
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterSpawning
internal import MusterSystem
internal import MusterWire
internal import Synchronization

/// How many launched workers there are: as many as people ask for, or as the queue needs, as `Autoscaler` decides.
final class ScaleService: Service, ComingWorkers {
    private struct State {
        var autoscaler: Autoscaler?
        var nextLook = Moment.zero
        /// What launched workers can run, as the last that joined said; nil: none did yet.
        var kernels: Set<String>?
        var unheard = UnheardWorkers()
        var members = LaunchedMembers()
    }

    /// Between two looks at the queue; longer after one that took long, so that all of them take a small share of the time.
    private static let lookEvery: Duration = .milliseconds(200)
    private static let restPerLook = 20
    private static let restMax: Duration = .seconds(2)

    private let lock: FleetLock
    private let slice: Slice<State>
    private let events: EventHub
    private let spawner: Spawner
    private let launchable: [Resources]
    /// Of launched workers, until one has said it.
    private let presumedKernels: Set<String>
    private let latest = Mutex<ScaleReply?>(nil)

    init(_ common: Common, spawner: Spawner) {
        (lock, events, self.spawner) = (common.lock, common.events, spawner)
        launchable = spawner.launchable
        let hasEngine = spawner.workersHaveEngine
        presumedKernels = Set(
            KernelTable.names.filter { name in
                switch name {
                case ExecKernel.name: spawner.configuration.allowsExec
                case ContainerKernel.name: hasEngine
                default: true
                }
            })
        var state = State()
        state.autoscaler = spawner.configuration.autoscaling.map {
            Autoscaler($0, random: SystemRandomNumberGenerator())
        }
        slice = Slice(state, of: lock)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .scale: { [unowned self] in try scaleWorkers($0) },
            .scaled: { [unowned self] _ in .respond(.json(reply().body)) },
        ]
    }

    /// Where there are as many as the queue needs: how many, and why.
    var told: ScaleReply? { latest.withLock { $0 } }

    var reason: String? { told?.reason }

    func couldRun(_ kernel: String, _ needs: Needs, _ fleet: borrowing Fleet) -> Bool {
        guard !launchable.isEmpty, (fleet[slice].kernels ?? presumedKernels).contains(kernel) else { return false }
        return launchable.contains { needs.areMet(by: $0) }
    }

    // MARK: As many as the queue needs

    func tick(_ now: Moment, _ fleet: inout Fleet) {
        guard now >= fleet[slice].nextLook else { return }
        let began = SystemTime.now()
        look(now, &fleet)
        let rest = min(Self.restMax, (SystemTime.now() - began) * Self.restPerLook)
        fleet[slice].nextLook = now + max(Self.lookEvery, rest)
    }

    private func look(_ now: Moment, _ fleet: inout Fleet) {
        let members = findMembers(&fleet)
        guard var autoscaler = fleet[slice].autoscaler else { return }
        leaveToTheirEnd(members, fleet)
        var unheard = fleet[slice].unheard
        var look = fleet.core.scaleLook(
            of: spawner.workerPlaces, members: members, within: autoscaler.startTime, now: now, unheard: &unheard)
        fleet[slice].unheard = unheard
        fleet[slice].kernels = Self.kernels(in: look) ?? fleet[slice].kernels
        let kernels = fleet[slice].kernels ?? presumedKernels
        look.launchable = launchable.map { TaskRoom(means: $0, kernels: kernels) }
        look.trouble = spawner.workerTrouble
        let decision = autoscaler.decide(look, now: now)
        fleet[slice].autoscaler = autoscaler
        for number in spawner.resize(to: decision.wanted, first: decision.going) { drain(members[number], &fleet) }
        tell(decision, look, autoscaler.settings)
    }

    private func findMembers(_ fleet: inout Fleet) -> [Int: Membership.Member] {
        var launched = fleet[slice].members
        let members = launched.find(spawner.workerPlaces, in: fleet.core.membership, name: Spawner.workerName)
        for number in launched.joined { spawner.workerJoined(number) }
        fleet[slice].members = launched
        return members
    }

    /// Whom somebody drained by hand: it is not launched again when it ends, unless it is needed.
    private func leaveToTheirEnd(_ members: [Int: Membership.Member], _ fleet: borrowing Fleet) {
        for place in spawner.workerPlaces {
            guard case .running = place.state, let member = members[place.number],
                fleet.core.scheduler.isDraining(member.record.id)
            else { continue }
            spawner.workerLeaves(place.number)
        }
    }

    /// It is granted nothing from now on; that its process is to end it hears by itself.
    private func drain(_ member: Membership.Member?, _ fleet: inout Fleet) {
        guard let member, !fleet.core.scheduler.isDraining(member.record.id) else { return }
        fleet.handle(.work(.memberDraining(member.record.id)))
        events.publishMember("member-draining", member.record, fleet.core)
    }

    private static func kernels(in look: Autoscaler.Look) -> Set<String>? {
        look.workers.lazy.compactMap { worker in
            if case .member(_, let room?) = worker.state { room.kernels } else { nil }
        }.first
    }

    private func tell(_ decision: Autoscaler.Decision, _ look: Autoscaler.Look, _ bounds: Autoscaler.Settings) {
        let joined = look.workers.count { if case .member = $0.state { true } else { false } }
        var reply = ScaleReply(workers: decision.wanted, running: spawner.runningWorkers, joined: joined)
        (reply.least, reply.most, reply.reason) = (bounds.least, bounds.most, decision.reason)
        let before = latest.withLock { latest in
            defer { latest = reply }
            return latest?.workers
        }
        guard before != reply.workers else { return }
        Log.info("as many workers as the queue needs", ["workers": "\(reply.workers)", "reason": decision.reason])
    }

    // MARK: As many as people ask for

    func scaleWorkers(_ request: HTTPRequest) throws -> HTTPOutcome {
        let count = try ScaleRequest(body: request.body).workers
        return .task { [self] in
            do {
                try await spawner.scale(to: count)
            } catch {
                throw Problem.of(error)
            }
            return .json(reply().body, status: 202)
        }
    }

    private func reply() -> ScaleReply {
        if let told { return told }
        let names = spawner.launchedWorkers
        let joined = lock.withLock { fleet in
            fleet.core.membership.liveWorkers.count { names.contains($0.launchedAs ?? $0.name) }
        }
        return ScaleReply(workers: spawner.wantedWorkers, running: spawner.runningWorkers, joined: joined)
    }
}

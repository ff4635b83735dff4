internal import MusterAPI
internal import MusterCore
internal import MusterFeeds
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWebSocket
internal import MusterWire

/// The two hot ways of the road: leases go out, results come back; by requests, and over workers' WebSockets.
final class WorkService: Service {
    private struct HeldCall {
        let caller: WorkCaller
        let until: Moment
    }

    private struct KeptGrants {
        var grants: [Grant]
        /// Then it did not ask, and others get them.
        let until: Moment
    }

    private struct State {
        /// Of workers that wait for work.
        var calls: [LeaseCallID: HeldCall] = [:]
        /// Of workers that wait until their results are durable.
        var deliveries: [DeliveryID: WorkCaller] = [:]
        /// Of `calls` those that came over a WebSocket.
        var callsOfSockets: [ObjectIdentifier: Set<LeaseCallID>] = [:]
        /// How many of `deliveries` came over each.
        var deliveriesOfSockets: [ObjectIdentifier: Int] = [:]
        /// What was granted to a member and is too long for a message: its next request gets it.
        var kept: [MemberID: KeptGrants] = [:]

        mutating func take(_ id: LeaseCallID) -> WorkCaller? {
            guard let call = calls.removeValue(forKey: id) else { return nil }
            if let socket = call.caller.socket { callsOfSockets[socket]?.remove(id) }
            return call.caller
        }

        mutating func take(_ id: DeliveryID) -> WorkCaller? {
            guard let caller = deliveries.removeValue(forKey: id) else { return nil }
            if let socket = caller.socket { deliveriesOfSockets[socket]? -= 1 }
            return caller
        }

        mutating func add(_ call: HeldCall, _ id: LeaseCallID) {
            calls[id] = call
            if let socket = call.caller.socket { callsOfSockets[socket, default: []].insert(id) }
        }
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let health: StoreHealth
    private let callers: Callers
    private let signals: JobSignals

    init(_ common: Common, signals: JobSignals) {
        (lock, store, health) = (common.lock, common.store, common.health)
        (callers, self.signals) = (Callers(common), signals)
        slice = Slice(State(), of: lock)
    }

    var routes: [RouteName: RouteHandler] {
        [
            .leases: { [unowned self] in try askForWork($0) },
            .results: { [unowned self] in try deliver($0) },
        ]
    }

    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        let counters = fleet.core.scheduler.counters
        page.add("tasks_granted_total", "counter", "Tasks handed out, repeats included.", counters.granted)
        page.add("tasks_recorded_total", "counter", "Tasks with a value recorded.", counters.recorded)
        page.add("tasks_failed_total", "counter", "Tasks recorded as failed for good.", counters.failed)
        page.add("tasks_parked_total", "counter", "Tasks that killed too many workers.", counters.parked)
        page.add("tasks_copied_total", "counter", "Leases given to an idle worker as well.", counters.copied)
        page.add("tasks_retried_total", "counter", "Tasks that failed and were tried again.", counters.retried)
        page.add(
            "tasks_refused_total", "counter", "Tasks that a worker could not run, by its own fault.",
            counters.refused)
        page.add("leases_expired_total", "counter", "Leases that were not renewed in time.", counters.expired)
        page.add("votes_total", "counter", "Votes on tasks that were stored.", counters.votes)
        page.add("votes_confirmed_total", "counter", "Votes that others confirmed.", counters.confirmed)
        page.add("votes_refuted_total", "counter", "Votes that others refuted.", counters.refuted)
        page.add("reports_stale_total", "counter", "Reports of which nothing was wanted any more.", counters.stale)
        page.add("reports_forged_total", "counter", "Reports without a genuine ticket.", counters.forged)
        page.add("tasks_waiting", "gauge", "Tasks in line.", fleet.core.scheduler.waitingTaskCount)
        page.add("tasks_leased", "gauge", "Tasks under a lease.", fleet.core.scheduler.leasedTaskCount)
        page.add("lease_calls_held", "gauge", "Workers that wait for work.", fleet[slice].calls.count)
    }

    func tick(_ now: Moment, _ fleet: inout Fleet) {
        for (id, call) in fleet[slice].calls where call.until <= now {
            fleet.handle(.work(.callEnded(id)), now: now)
            dismiss(id, &fleet)
        }
        for (member, kept) in fleet[slice].kept where kept.until <= now {
            fleet[slice].kept[member] = nil
            fleet.handle(.work(.grantUndelivered(kept.grants.map(\.key))), now: now)
        }
    }

    func close(_ fleet: inout Fleet) {
        for id in fleet[slice].calls.keys {
            fleet.handle(.work(.callEnded(id)))
            dismiss(id, &fleet)
        }
    }

    // MARK: Requests

    private func askForWork(_ request: HTTPRequest) throws -> HTTPOutcome {
        let member = try callers.sender(of: request)
        let asked = try LeaseRequest(body: request.body)
        return .hold { held in
            let id = self.lock.withLock { fleet -> LeaseCallID? in
                if let kept = fleet[self.slice].kept.removeValue(forKey: member) {
                    self.hand(kept.grants, of: member, to: .request(held), &fleet)
                    return nil
                }
                return self.ask(asked, of: member, by: .request(held), &fleet)
            }
            guard let id else { return }
            held.onDisconnect { [weak self] in self?.forget(call: id) }
        }
    }

    private func forget(call id: LeaseCallID) {
        lock.withLock { fleet in
            _ = fleet[slice].take(id)
            fleet.handle(.work(.callEnded(id)))
        }
    }

    private func deliver(_ request: HTTPRequest) throws -> HTTPOutcome {
        let member = try callers.sender(of: request)
        let isBinary = request.header("content-type") == ReportWire.binaryType
        if request.isLarge {
            return .hold { held in
                Task {
                    do throws(Problem) {
                        let reports = try ReportWire.reports(in: request.body, isBinary: isBinary, from: member)
                        self.lock.withLock { self.deliver(reports, from: member, by: .request(held), &$0) }
                    } catch {
                        held.respond(.problem(error))
                    }
                }
            }
        }
        let reports = try ReportWire.reports(in: request.body, isBinary: isBinary, from: member)
        return .hold { held in self.lock.withLock { self.deliver(reports, from: member, by: .request(held), &$0) } }
    }

    @discardableResult
    private func ask(
        _ asked: LeaseRequest, of member: MemberID, by caller: WorkCaller, _ fleet: inout Fleet
    ) -> LeaseCallID {
        let id = LeaseCallID(fleet.newNumber())
        let now = SystemTime.now()
        fleet[slice].add(HeldCall(caller: caller, until: now + Duration(seconds: asked.waitSeconds)), id)
        let call = LeaseCall(
            id: id, member: member, free: asked.free, kernels: Set(asked.kernels),
            // Who speaks over a WebSocket understands it, and is held one call at most.
            isMergeable: asked.resources != nil || caller.socket != nil)
        fleet.handle(.work(.workAsked(call)), now: now)
        return id
    }

    private func deliver(
        _ reports: [TaskReport], from member: MemberID, by caller: WorkCaller, _ fleet: inout Fleet
    ) {
        let id = DeliveryID(fleet.newNumber())
        fleet[slice].deliveries[id] = caller
        let name = fleet.core.membership[member]?.record.name ?? "member-\(member)"
        let event = SchedulerEvent.reported(
            id, from: member, worker: name, reports, wallClockMs: SystemTime.wallClockMs())
        fleet.handle(.work(event))
    }

    // MARK: What the core decided

    /// There is nothing for this call.
    func dismiss(_ id: LeaseCallID, _ fleet: inout Fleet) {
        fleet[slice].take(id)?.dismiss()
    }

    /// A later call of the same worker speaks for this one.
    func merged(_ id: LeaseCallID, _ fleet: inout Fleet) {
        fleet[slice].take(id)?.dismiss(isMerged: true)
    }

    /// What became of a delivery, once that is durable.
    func answer(_ id: DeliveryID, _ verdicts: [ReportVerdict], _ fleet: inout Fleet) {
        fleet[slice].take(id)?.answer(verdicts)
    }

    func commit(_ id: CommitID, _ writes: [StoreWrite]) {
        store.commit(writes) { [weak self] result in
            guard let self else { return }
            health.note(result.failureReason)
            switch result {
            case .success:
                offerResults(in: writes)
                lock.handle(.work(.committed(id)))
            case .failure(let error): lock.handle(.work(.commitFailed(id, reason: error.message)))
            }
        }
    }

    private func offerResults(in writes: [StoreWrite]) {
        let records = writes.compactMap { if case .addResults(let record) = $0 { record } else { nil } }
        if let first = records.first { signals.offer(records, of: first.job) }
    }

    func granted(
        _ id: LeaseCallID, _ member: MemberID, _ grants: [Grant], _ fleet: inout Fleet
    ) {
        guard let caller = fleet[slice].take(id) else { return returnLater(grants) }
        hand(grants, of: member, to: caller, &fleet)
    }

    private func hand(_ grants: [Grant], of member: MemberID, to caller: WorkCaller, _ fleet: inout Fleet) {
        guard grants.contains(where: \.hasInputs) else {
            return offer(grants.map { LeaseOffer(grant: $0, inputs: nil) }, of: grants, of: member, to: caller, &fleet)
        }
        // Inputs come from the store: the call stays held while they are read.
        Task { await readInputs(grants, of: member, to: caller) }
    }

    private func readInputs(_ grants: [Grant], of member: MemberID, to caller: WorkCaller) async {
        do {
            var offers: [LeaseOffer] = []
            var bytes = 0
            for grant in grants where bytes < caller.inputsBytesMax {
                let inputs = grant.hasInputs ? try await store.inputs(of: grant.key) : nil
                bytes += inputs?.bytes.count ?? 0
                // One alone may be larger.
                if bytes > caller.inputsBytesMax, !offers.isEmpty { break }
                offers.append(LeaseOffer(grant: grant, inputs: inputs))
            }
            lock.withLock { offer(offers, of: grants, of: member, to: caller, &$0) }
        } catch {
            Log.error("inputs cannot be read", ["error": "\(error)"])
            lock.handle(.work(.grantUndelivered(grants.map(\.key))))
            caller.refuse(Problem(503, "The store cannot be read: \(error)", code: "store", retryAfter: 5))
        }
    }

    /// As much as one answer holds. What is left of a request's goes back into the line; of a message's it is kept for the member's next
    /// request, unless some is kept for it already.
    private func offer(
        _ offers: [LeaseOffer], of grants: [Grant], of member: MemberID, to caller: WorkCaller, _ fleet: inout Fleet
    ) {
        let isMore = offers.count < grants.count && caller.socket != nil
        guard let count = caller.answer(offers, isMore: isMore) else { return returnLater(grants) }
        let rest = Array(grants.dropFirst(count))
        if rest.isEmpty { return }
        // The worker's request comes behind this lock.
        guard caller.socket != nil, fleet[slice].kept[member] == nil else { return returnLater(rest) }
        fleet[slice].kept[member] = KeptGrants(grants: rest, until: SystemTime.now() + Self.keptTime)
    }

    /// Their worker never hears of them. Not from here: effects are performed under the lock.
    private func returnLater(_ grants: [Grant]) {
        Task { [lock] in lock.handle(.work(.grantUndelivered(grants.map(\.key)))) }
    }

    private static let keptTime: Duration = .seconds(3)
}

/// Workers on WebSockets, which ask and deliver by messages.
extension WorkService: WorkMessages {
    func ask(_ asked: LeaseRequest, number: Int, of member: MemberID, _ socket: WebSocket, _ fleet: inout Fleet) {
        // Nobody would forget what is asked behind its end.
        guard !socket.isClosed else { return }
        ask(asked, of: member, by: .socket(socket, number: number), &fleet)
    }

    func deliver(
        _ reports: [TaskReport], number: Int, from member: MemberID, _ socket: WebSocket, _ fleet: inout Fleet
    ) {
        guard !socket.isClosed else { return }
        let caller = WorkCaller.socket(socket, number: number)
        let under = fleet[slice].deliveriesOfSockets[ObjectIdentifier(socket)] ?? 0
        guard under < Limits.memberDeliveriesMax else {
            return caller.refuse(
                Problem(429, "\(under) deliveries of member \(member) are under way.", code: "busy", retryAfter: 1))
        }
        fleet[slice].deliveriesOfSockets[ObjectIdentifier(socket)] = under + 1
        deliver(reports, from: member, by: caller, &fleet)
    }

    func forget(_ socket: WebSocket) {
        lock.withLock { fleet in
            let id = ObjectIdentifier(socket)
            fleet[slice].deliveriesOfSockets[id] = nil
            for call in fleet[slice].callsOfSockets.removeValue(forKey: id) ?? [] {
                _ = fleet[slice].take(call)
                fleet.handle(.work(.callEnded(call)))
            }
        }
    }
}

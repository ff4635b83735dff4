internal import MusterAPI
package import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterJSON
internal import MusterLog
internal import MusterMembership
internal import MusterRole
package import MusterRoutes
internal import MusterScheduling
package import MusterServices
package import MusterStore
internal import MusterSystem
internal import MusterWire

/// Volunteers' tokens, and what is known of machines.
package final class TrustService: Service {
    private let lock: FleetLock
    private let store: any Store
    private let health: StoreHealth
    private let authenticator: Authenticator
    private let events: EventHub

    package init(_ common: Common) {
        (lock, store, health) = (common.lock, common.store, common.health)
        (authenticator, events) = (common.authenticator, common.events)
    }

    /// What is known of machines. Of one that was last seen before `sinceMs` it is forgotten, unless it is out.
    package static func restore(from store: any Store, sinceMs: WallClockMs, _ restoring: inout Restoring) async throws
    {
        for machine in try await store.machines() where machine.standing.isOut || machine.lastSeenMs >= sinceMs {
            restoring.handle(.work(.standingRestored(machine.id, machine.standing)))
        }
    }

    package var routes: [RouteName: RouteHandler] {
        [
            .createToken: { [unowned self] in try createToken($0) },
            .tokens: { [unowned self] _ in listTokens() },
            .revokeToken: { [unowned self] in try revokeToken($0) },
            .machines: { [unowned self] _ in listMachines() },
            // Who comes so far has a good one.
            .ownToken: { _ in .respond(.json(StatusWord("good").body)) },
        ]
    }

    /// A machine gets no more work.
    package func distrust(_ machine: MachineID, _ writes: [StoreWrite]) {
        store.commit(writes) { [health] in health.note($0.failureReason) }
        Log.warning("a machine is out: it gets no more work", ["machine": machine.rawValue])
        var data = JSONWriter()
        data.beginObject()
        data.field("machine", machine.rawValue)
        data.endObject()
        events.publish("machine-distrusted", data)
    }

    func createToken(_ request: HTTPRequest) throws -> HTTPOutcome {
        let asked = try TokenRequest(body: request.body)
        return .task {
            let (record, token) = try await self.newVolunteerToken(label: asked.label)
            let body = TokenStatus(record: record, token: token).body
            return .json(body, status: 201, headers: [("Location", "/v1/tokens/\(record.id)")])
        }
    }

    /// A token for one volunteer, durable before it is told. Throws a `Problem` when there are too many, or the store refuses.
    func newVolunteerToken(label: String) async throws -> (record: JoinTokenRecord, token: String) {
        let nowMs = SystemTime.wallClockMs()
        guard let (record, token) = authenticator.volunteers.make(label: label, nowMs: nowMs) else {
            throw Problem(
                503, "There are \(Limits.joinTokensMax) volunteers' tokens already.", retryAfter: 3_600,
                limit: .volunteersTokens)
        }
        try await keep(record)
        return (record, token)
    }

    private func keep(_ record: JoinTokenRecord) async throws {
        do {
            try await store.commit([.saveToken(record)])
        } catch let error as StoreError {
            health.note(error.message)
            throw Problem.notStored(error)
        }
        authenticator.volunteers.put(record)
    }

    func listTokens() -> HTTPOutcome {
        let members = lock.withLock { fleet in
            fleet.core.membership.ranked.reduce(into: [Int64: Int]()) { counts, member in
                if let token = member.record.token { counts[token, default: 0] += 1 }
            }
        }
        let statuses = authenticator.volunteers.all(nowMs: SystemTime.wallClockMs()).map {
            TokenStatus(record: $0, members: members[$0.id] ?? 0)
        }
        return .respond(.json(ListAnswer(statuses).body))
    }

    /// Revoking again changes nothing.
    func revokeToken(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try request.number("id", of: "token")
        guard let known = authenticator.volunteers[id] else { throw Problem(404, "There is no token \(id).") }
        return .task {
            var record = known
            if record.revokedMs == nil {
                record.revokedMs = SystemTime.wallClockMs()
                try await self.keep(record)
                Log.notice("volunteer's token revoked", ["token": "\(id)"])
                self.lock.handle(.tokenRevoked(id))
            }
            return .json(TokenStatus(record: record).body)
        }
    }

    func listMachines() -> HTTPOutcome {
        .task {
            let records = try await self.store.machines()
            let statuses = self.lock.withLock { fleet in
                let members = fleet.core.membership.ranked.reduce(into: [MachineID: Int]()) { counts, member in
                    if member.record.role == .worker { counts[member.record.voter.machine, default: 0] += 1 }
                }
                let reliability = fleet.core.scheduler.reliability
                return records.prefix(Limits.machinesListedMax).map {
                    Self.status(of: $0, reliability, members: members[$0.id] ?? 0)
                }
            }
            return .json(ListAnswer(statuses).body)
        }
    }

    private static func status(
        of record: MachineRecord, _ reliability: Reliability, members: Int
    ) -> MachineStatus {
        let isOut = reliability.isOut(record.id) || record.standing.isOut
        let state: MachineStatus.State =
            isOut
            ? .distrusted
            : record.token == nil ? .trusted : reliability.isProven(record.id) ? .proven : .new
        return MachineStatus(
            record: record, state: state,
            checked: record.token == nil ? 0 : reliability.checkProbability(of: record.id),
            members: members)
    }
}

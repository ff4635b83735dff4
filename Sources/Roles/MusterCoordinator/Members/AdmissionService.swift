internal import MusterAPI
internal import MusterCallbacks
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterServices
internal import MusterStore
internal import MusterSystem
internal import MusterWire

/// Lets members of any kind into the fleet.
protocol Admitting: Sendable {
    /// `then` must not block.
    func admit(
        _ join: JoinRequest, from address: String, token: Int64?,
        then: @escaping @Sendable (Result<JoinReply, Problem>) -> Void)
}

/// Who joins, by which name and number.
final class AdmissionService: Service, Admitting {
    /// Joinings on their way to the store, and what names and numbers are given out.
    private struct State {
        var lastID: Int64
        var lastOrder: Int64
        /// Names that are taken, and processes that have an id already.
        var names: [String: MemberID] = [:]
        var ids: [String: MemberID] = [:]
        /// Where the search for a free number behind a name goes on; at most `Limits.membersMax` names.
        var nameNumbers: [String: Int] = [:]

        mutating func newMemberID() -> MemberID {
            lastID += 1
            return MemberID(lastID)
        }

        mutating func newJoinOrder() -> Int64 {
            lastOrder += 1
            return lastOrder
        }

        /// The member that this process is already, or is about to be: its first answer was lost. A short incarnation could be
        /// guessed, and with it the member's secret had.
        func member(joiningAs incarnation: String, among membership: borrowing Membership) -> MemberID? {
            guard incarnation.utf8.count >= JoinRequest.incarnationBytesMin else { return nil }
            return ids[incarnation] ?? membership.member(incarnation: incarnation)?.record.id
        }

        mutating func endJoining(_ record: MemberRecord) {
            names[record.name] = nil
            ids[record.incarnation] = nil
        }

        /// The name asked for, with a number behind it when another member has it.
        mutating func freeName(_ wanted: String, for id: MemberID, among membership: Membership) -> String {
            let base = wanted.isEmpty ? "member-\(id)" : wanted
            func isTaken(_ name: String) -> Bool {
                (names[name] ?? membership.named(name)?.record.id).map { $0 != id } ?? false
            }
            if !isTaken(base) { return base }
            var number = nameNumbers[base] ?? 2
            while isTaken("\(base)-\(number)") { number += 1 }
            if nameNumbers.count >= Limits.membersMax { nameNumbers = [:] }
            nameNumbers[base] = number + 1
            return "\(base)-\(number)"
        }
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let store: any Store
    private let health: StoreHealth
    private let authenticator: Authenticator
    private let events: EventHub
    private let rules: CallbackRules

    init(_ common: Common, rules: CallbackRules, lastIDs: LargestIDs) {
        (lock, store, health) = (common.lock, common.store, common.health)
        (authenticator, events, self.rules) = (common.authenticator, common.events, rules)
        slice = Slice(State(lastID: lastIDs.member, lastOrder: lastIDs.joinOrder), of: lock)
    }

    var routes: [RouteName: RouteHandler] { [.joinFleet: { [unowned self] in try joinFleet($0) }] }

    func joinFleet(_ request: HTTPRequest) throws -> HTTPOutcome {
        let join = try JoinRequest(body: request.body)
        if let identity = join.identity, authenticator.member(secret: identity.secret) != identity.id {
            throw Problem(
                403, "This secret is not that of member \(identity.id); join without id and secret.", code: "identity")
        }
        let token = try volunteerToken(request, join)
        if !join.callback.isEmpty, let problem = rules.refusal(ofCallback: join.callback) { throw problem }
        let address = request.peer.address
        return .hold { [self] held in
            admit(join, from: address, token: token) { result in
                switch result {
                case .success(let reply): held.respond(.json(reply.body, status: 201))
                case .failure(let problem): held.respond(.problem(problem))
                }
            }
        }
    }

    /// The number of the volunteer's token by which it joins; nil for the fleet's own.
    private func volunteerToken(_ request: HTTPRequest, _ join: JoinRequest) throws(Problem) -> Int64? {
        guard case .volunteer(let token) = authenticator.principal(of: request)
        else { return nil }
        guard join.role == .worker, join.callback.isEmpty else {
            throw Problem(
                403,
                "A volunteer's token is for workers that hold a stream, not for a \(join.role.rawValue)"
                    + "\(join.callback.isEmpty ? "" : " with a callback").", code: "rights")
        }
        return token
    }

    /// Stores the member, then lets it in and answers. A known identity comes back to the rank it still has. `then` must not block.
    func admit(
        _ join: JoinRequest, from address: String, token: Int64?,
        then: @escaping @Sendable (Result<JoinReply, Problem>) -> Void
    ) {
        let record: MemberRecord? = lock.withLock { fleet in
            let membership = fleet.core.membership
            guard membership.count + fleet[slice].names.count < Limits.membersMax else { return nil }
            let id =
                join.identity?.id ?? fleet[slice].member(joiningAs: join.incarnation, among: membership)
                ?? fleet[slice].newMemberID()
            let known = membership[id]?.record
            let name = fleet[slice].freeName(join.name, for: id, among: membership)
            fleet[slice].names[name] = id
            fleet[slice].ids[join.incarnation] = id
            var record = MemberRecord(
                id: id, name: name, role: join.role, joinOrder: known?.joinOrder ?? fleet[slice].newJoinOrder(),
                address: address, slots: join.slots, labels: join.labels, version: join.version,
                joinedMs: known?.joinedMs ?? SystemTime.wallClockMs(),
                incarnation: join.incarnation, callback: join.callback, machine: join.machine, token: token,
                circle: token.flatMap { authenticator.volunteers[$0]?.circle } ?? "")
            record.resources = join.resources
            return record
        }
        guard let record else {
            return then(
                .failure(
                    Problem(503, "The fleet has \(Limits.membersMax) members already.", retryAfter: 60, limit: .members)
                ))
        }
        // The first by an invitation: the token is as durable as who came by it.
        let invitation = token.flatMap { authenticator.volunteers.unstored($0) }
        let writes = (invitation.map { [.saveToken($0)] } ?? []) + [.saveMember(record)] + Self.machineWrites(record)
        store.commit(writes) { [weak self] in
            guard let self else { return }
            if let invitation, case .success = $0, authenticator.volunteers.unstored(invitation.id) != nil {
                authenticator.volunteers.put(invitation)
            }
            // Revoked while the joining was on its way to the store.
            if let token, authenticator.volunteers[token]?.revokedMs != nil {
                lock.withLock { $0[slice].endJoining(record) }
                store.commit([.removeMember(record.id)]) { _ in }
                return then(.failure(Problem(401, "The token was revoked.", code: "token")))
            }
            then(joined(record, $0))
        }
    }

    private func joined(_ record: MemberRecord, _ result: Result<Void, StoreError>) -> Result<JoinReply, Problem> {
        health.note(result.failureReason)
        if case .failure(let error) = result {
            lock.withLock { $0[slice].endJoining(record) }
            return .failure(Problem.notStored(error))
        }
        return lock.withLock { fleet in
            fleet[slice].endJoining(record)
            fleet.handle(.membership(.joined(record)))
            events.publishMember("member-joined", record, fleet.core)
            return .success(
                JoinReply(
                    identity: MemberIdentity(id: record.id, secret: authenticator.secret(of: record.id)),
                    name: record.name, rank: fleet.core.membership.rank(of: record.id),
                    fleetTokens: [.origin, .edge].contains(record.role) ? authenticator.tokenCodes : nil))
        }
    }

    /// What is kept of the machine that a worker joins from.
    private static func machineWrites(_ record: MemberRecord) -> [StoreWrite] {
        guard record.role == .worker else { return [] }
        let now = SystemTime.wallClockMs()
        return [
            .sawMachine(
                MachineRecord(
                    id: record.voter.machine, token: record.token, firstSeenMs: now, lastSeenMs: now,
                    version: record.version, name: record.name))
        ]
    }
}

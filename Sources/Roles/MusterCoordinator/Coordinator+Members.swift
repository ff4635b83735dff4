internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterScheduling
internal import MusterStore
internal import MusterSystem
internal import Synchronization

extension Coordinator {
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
        _ join: JoinRequest, from address: String, token: Int64? = nil,
        then: @escaping @Sendable (Result<JoinReply, Problem>) -> Void
    ) {
        let record: MemberRecord? = lock.withLock { fleet in
            let membership = fleet.core.membership
            guard membership.count + fleet[slice].joiningNames.count < Limits.membersMax else { return nil }
            let id =
                join.identity?.id ?? fleet[slice].member(joiningAs: join.incarnation, among: membership)
                ?? fleet[slice].newMemberID()
            let known = membership[id]?.record
            let name = fleet[slice].freeName(join.name, for: id, among: membership)
            fleet[slice].joiningNames[name] = id
            fleet[slice].joiningIDs[join.incarnation] = id
            return MemberRecord(
                id: id, name: name, role: join.role, joinOrder: known?.joinOrder ?? fleet[slice].newJoinOrder(),
                address: address, slots: join.slots, labels: join.labels, version: join.version,
                joinedMs: known?.joinedMs ?? SystemTime.wallClockMs(),
                incarnation: join.incarnation, callback: join.callback, machine: join.machine, token: token,
                circle: token.flatMap { authenticator.volunteers[$0]?.circle } ?? "")
        }
        guard let record else {
            return then(
                .failure(Problem(503, "The fleet has \(Limits.membersMax) members already.", retryAfter: 60)))
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
            publishMember("member-joined", record, &fleet)
            return .success(
                JoinReply(
                    identity: MemberIdentity(id: record.id, secret: authenticator.secret(of: record.id)),
                    name: record.name, rank: fleet.core.membership.rank(of: record.id),
                    fleetTokens: [.origin, .edge].contains(record.role) ? authenticator.tokenCodes : nil))
        }
    }

    func leaveFleet(_ request: HTTPRequest) throws -> HTTPOutcome {
        let isAdmin = authenticator.principal(of: request) == .admin
        let id = isAdmin ? MemberID(try request.number("id", of: "member")) : try callers.sender(named: request)
        let isKnown = lock.withLock { fleet in
            guard fleet.core.membership[id] != nil else { return false }
            fleet.handle(.membership(.left(id)))
            return true
        }
        guard isKnown else { throw Problem(404, "There is no member \(id).") }
        return .respond(.json(Array("{\"success\":true}".utf8)))
    }

    func heartbeat(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try callers.sender(named: request)
        let beat = try Heartbeat(body: request.body, member: id)
        if !beat.leases.isEmpty { lock.handle(.work(.renewed(id, beat.leases))) }
        if let through = beat.acknowledged { lock.handle(.command(.acknowledged(id, through: through))) }
        let (rank, count, edges) = lock.withLock { fleet in
            let membership = fleet.core.membership
            return (membership.rank(of: id), membership.count, otherEdges(than: id, membership))
        }
        if let leadership = beat.leadership { learn(leadership) }
        var json = JSONWriter()
        json.beginObject()
        json.field("success", true)
        if let rank { json.field("rank", rank) }
        json.field("members", count)
        if let edges {
            json.key("edges")
            json.beginArray()
            for url in edges { json.value(url) }
            json.endArray()
        }
        json.endObject()
        return .respond(.json(json.bytes))
    }

    /// Where the other edges are, for one of them; nil for anybody else.
    private func otherEdges(than id: MemberID, _ membership: Membership) -> [String]? {
        guard membership[id]?.record.role == .edge else { return nil }
        return membership.unranked.filter { $0.record.role == .edge && $0.record.id != id }
            .compactMap { $0.record.labels["url"] }
    }

    /// An edge told who leads the edges: news, if its term is newer than any that was told.
    private func learn(_ leadership: EdgeLeadership) {
        let isNews = lock.withLock { fleet in
            guard leadership.term > fleet[slice].edgeTerm else { return false }
            fleet[slice].edgeTerm = leadership.term
            return true
        }
        guard isNews else { return }
        Log.notice("edges follow", ["leader": "\(leadership.leader)", "term": "\(leadership.term)"])
        events.publish("leader", leadership.json)
    }

    /// The connection whose break says at once that the member is gone.
    func streamMember(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try callers.sender(named: request)
        let seen = request.header("last-event-id").flatMap { Int64($0) }.map { CommandID($0) } ?? CommandID(0)
        // Thousands may be held.
        let stream = HTTPStream(pieceBytes: 2 << 10)
        _ = stream.write(Array(": open\n\n".utf8))
        let connection = lock.withLock { fleet in
            let connection = fleet.newNumber()
            fleet[slice].streams.updateValue((connection, stream), forKey: id)?.stream.finish()
            fleet.handle(.membership(.connectionOpened(id, connection: connection)))
            fleet[slice].toldRanks[id] = nil
            if let rank = fleet.core.membership.rank(of: id) {
                tell(id, rank, fleet.core.membership.ranked.count, &fleet)
            }
            fleet.handle(.command(.connected(id, seen: seen)))
            if fleet.core.scheduler.isDraining(id) { _ = stream.write(Self.drainEvent) }
            return connection
        }
        stream.onDisconnect { [weak self] in
            guard let self else { return }
            lock.withLock { if $0[slice].streams[id]?.connection == connection { $0[slice].streams[id] = nil } }
            lock.handle(.membership(.connectionBroken(id, connection: connection)))
        }
        return .respond(.eventStream(stream))
    }

    func listMembers(liveWorkersOnly: Bool) -> HTTPOutcome {
        let statuses = lock.withLock { fleet in
            fleet.core.membership.ranked.enumerated().map { rank, member in
                MemberStatus(
                    record: member.record, rank: rank, standing: member.standing,
                    isDistrusted: fleet.core.scheduler.isBarred(member.record.id),
                    isDraining: fleet.core.scheduler.isDraining(member.record.id))
            }
                + fleet.core.membership.unranked.map { member in
                    MemberStatus(record: member.record, rank: nil, standing: member.standing)
                }
        }
        var json = JSONWriter(reserving: 64 + statuses.count * 200)
        json.beginObject()
        json.key("members")
        json.beginArray()
        for status in statuses where !liveWorkersOnly || (status.record.role == .worker && status.standing == .alive) {
            status.write(to: &json)
        }
        json.endArray()
        json.endObject()
        return .respond(.json(json.bytes))
    }

    func getMember(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = MemberID(try request.number("id", of: "member"))
        let status: MemberStatus? = lock.withLock { fleet in
            guard let member = fleet.core.membership[id] else { return nil }
            return self.status(of: member, fleet)
        }
        guard let status else { throw Problem(404, "There is no member \(id).") }
        var json = JSONWriter()
        status.write(to: &json)
        return .respond(.json(json.bytes))
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

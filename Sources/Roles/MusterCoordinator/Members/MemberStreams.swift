internal import MusterAPI
internal import MusterCore
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterHTTPClient
internal import MusterJSON
internal import MusterLiveOutput
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterWire

/// Where a member hears what it is told.
protocol MemberLines: Sendable {
    /// Its held stream; nil: it has none now.
    func stream(of member: MemberID, _ fleet: borrowing Fleet) -> HTTPStream?
}

/// Members' held streams, and what is told over them: pings, ranks, leases that are taken back, that a worker is to go.
///
/// Changes of the ranks are printed, published, and told to those whose rank is another now, at each tick: a crowd that joins
/// at once is one change.
final class MemberStreams: Service, MemberLines, FollowLines {
    private struct State {
        /// The newest of each.
        var streams: [MemberID: (connection: UInt64, stream: HTTPStream)] = [:]
        /// The rank that each stream told last.
        var toldRanks: [MemberID: Int] = [:]
        var ranksChanged = false
        /// Jobs whose output somebody reads while it runs.
        var followed: [JobID] = []
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let events: EventHub
    private let callers: Callers

    init(_ common: Common) {
        lock = common.lock
        slice = Slice(State(), of: lock)
        (events, callers) = (common.events, Callers(common))
    }

    var routes: [RouteName: RouteHandler] {
        [
            .memberStream: { [unowned self] in try streamMember($0) },
            .drainMember: { [unowned self] in try drainMember($0) },
        ]
    }

    func stream(of member: MemberID, _ fleet: borrowing Fleet) -> HTTPStream? { fleet[slice].streams[member]?.stream }

    func perform(_ effect: Membership.Effect, _ fleet: inout Fleet) {
        switch effect {
        case .suspected(let id): events.publishMember("member-suspected", fleet.core.membership[id]?.record, fleet.core)
        case .returned(let id): events.publishMember("member-returned", fleet.core.membership[id]?.record, fleet.core)
        case .restarted(let id): events.publishMember("member-restarted", fleet.core.membership[id]?.record, fleet.core)
        case .removed(let record, let departure):
            fleet[slice].streams.removeValue(forKey: record.id)?.stream.finish()
            fleet[slice].toldRanks[record.id] = nil
            events.publishMember("member-\(departure.rawValue)", record, fleet.core)
        case .ping(let id): _ = fleet[slice].streams[id]?.stream.write(Self.ping)
        case .viewChanged: fleet[slice].ranksChanged = true
        }
    }

    private static let ping = ServerSentEvent.bytes("ping", id: nil, data: Array("{}".utf8))

    /// These leases are no longer the member's.
    func revoke(_ keys: [LeaseKey], from member: MemberID, _ fleet: inout Fleet) {
        tell("revoke", Revocation(leases: keys).body, member, &fleet)
    }

    /// Nothing more of these leases is to be begun. A worker that does not know of it does what it has.
    func finish(_ keys: [LeaseKey], at member: MemberID, _ fleet: inout Fleet) {
        tell("finish", Revocation(leases: keys).body, member, &fleet)
    }

    /// Workers hand on what these jobs' commands print while they run, and no others'.
    func tellFollowed(_ jobs: [JobID], _ fleet: inout Fleet) {
        guard jobs != fleet[slice].followed else { return }
        fleet[slice].followed = jobs
        let body = FollowedJobs(jobs).body
        for worker in fleet.core.membership.liveWorkers { tell("follow", body, worker.id, &fleet) }
    }

    private func tell(_ name: String, _ data: [UInt8], _ member: MemberID, _ fleet: inout Fleet) {
        guard let stream = fleet[slice].streams[member]?.stream else { return }
        // One that does not read its stream is cut off and learns by its renewals.
        if stream.isFull {
            stream.abort()
        } else {
            _ = stream.write(ServerSentEvent.bytes(name, id: nil, data: data))
        }
    }

    func close(_ fleet: inout Fleet) {
        for entry in fleet[slice].streams.values { entry.stream.finish() }
        fleet[slice].streams = [:]
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
            if !fleet[slice].followed.isEmpty { tell("follow", FollowedJobs(fleet[slice].followed).body, id, &fleet) }
            return connection
        }
        stream.onDisconnect { [weak self] in
            guard let self else { return }
            lock.withLock { if $0[slice].streams[id]?.connection == connection { $0[slice].streams[id] = nil } }
            lock.handle(.membership(.connectionBroken(id, connection: connection)))
        }
        return .respond(.eventStream(stream))
    }

    /// What a worker that is to go is told over its stream.
    private static let drainEvent = ServerSentEvent.bytes("drain", id: nil, data: Array("{}".utf8))

    /// The worker gets nothing more from now on; told to, it finishes what it has and leaves by itself.
    func drainMember(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = MemberID(try request.number("id", of: "member"))
        let status: MemberStatus? = try lock.withLock { fleet in
            guard let member = fleet.core.membership[id] else { return nil }
            guard member.record.role == .worker else {
                throw Problem(
                    409, "\(member.record.name) is a \(member.record.role.rawValue): only workers can be drained.",
                    code: "state")
            }
            if !fleet.core.scheduler.isDraining(id) {
                fleet.handle(.work(.memberDraining(id)))
                events.publishMember("member-draining", member.record, fleet.core)
            }
            _ = fleet[slice].streams[id]?.stream.write(Self.drainEvent)
            return MemberStatus(member, in: fleet.core)
        }
        guard let status else { throw Problem(404, "There is no member \(id).") }
        var json = JSONWriter()
        status.write(to: &json)
        return .respond(.json(json.bytes, status: 202))
    }

    // MARK: Ranks

    /// A longer list is cut here; `GET /v1/members` has it whole.
    private static let listedMax = 30

    func tick(_ now: Moment, _ fleet: inout Fleet) {
        guard fleet[slice].ranksChanged else { return }
        fleet[slice].ranksChanged = false
        let ranked = fleet.core.membership.ranked
        let view = fleet.core.membership.view
        for (rank, member) in ranked.enumerated() { tell(member.record.id, rank, ranked.count, &fleet) }
        var list = ranked.prefix(Self.listedMax).enumerated().map { "\($0) \($1.record.name)" }.joined(separator: ", ")
        if ranked.count > Self.listedMax { list += ", and \(ranked.count - Self.listedMax) more" }
        Log.notice("ranks", ["view": "\(view)", "members": "\(ranked.count)", "list": list.isEmpty ? "nobody" : list])
        var json = JSONWriter()
        json.beginObject()
        json.field("view", Int(view))
        json.field("members", ranked.count)
        json.key("names")
        json.beginArray()
        for member in ranked.prefix(Self.listedMax) { json.value(member.record.name) }
        json.endArray()
        json.endObject()
        events.publish("view", json)
    }

    /// Only what it does not know yet.
    private func tell(_ id: MemberID, _ rank: Int, _ members: Int, _ fleet: inout Fleet) {
        guard fleet[slice].toldRanks[id] != rank, let stream = fleet[slice].streams[id]?.stream else { return }
        fleet[slice].toldRanks[id] = rank
        if stream.isFull { return stream.abort() }
        let notice = RankNotice(rank: rank, view: fleet.core.membership.view, members: members)
        _ = stream.write(ServerSentEvent.bytes("rank", id: nil, data: notice.body.bytes))
    }
}

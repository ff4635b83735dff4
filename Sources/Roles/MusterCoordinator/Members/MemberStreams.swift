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
    /// The connection that it holds; nil: it has none now.
    func line(of member: MemberID, _ fleet: borrowing Fleet) -> MemberLine?
}

/// Who takes new connections of members.
protocol LineHolder: Sendable {
    /// The member holds this one from now on, in the place of any before. `seen`: the last command that it has.
    func open(_ line: MemberLine, of id: MemberID, seen: CommandID)
}

/// Members' held connections, and what is told over them: pings, ranks, leases that are taken back, that a worker is to go.
///
/// Changes of the ranks are printed, published, and told to those whose rank is another now, at each tick: a crowd that joins
/// at once is one change.
final class MemberStreams: Service, MemberLines, LineHolder, FollowLines {
    private struct State {
        /// The newest of each.
        var lines: [MemberID: (connection: UInt64, line: MemberLine)] = [:]
        /// The rank that each was told last.
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

    func line(of member: MemberID, _ fleet: borrowing Fleet) -> MemberLine? { fleet[slice].lines[member]?.line }

    func perform(_ effect: Membership.Effect, _ fleet: inout Fleet) {
        switch effect {
        case .suspected(let id): events.publishMember("member-suspected", fleet.core.membership[id]?.record, fleet.core)
        case .returned(let id): events.publishMember("member-returned", fleet.core.membership[id]?.record, fleet.core)
        case .restarted(let id): events.publishMember("member-restarted", fleet.core.membership[id]?.record, fleet.core)
        case .removed(let record, let departure):
            fleet[slice].lines.removeValue(forKey: record.id)?.line.end(.gone)
            fleet[slice].toldRanks[record.id] = nil
            events.publishMember("member-\(departure.rawValue)", record, fleet.core)
        case .ping(let id): fleet[slice].lines[id]?.line.tell(Self.ping)
        case .viewChanged: fleet[slice].ranksChanged = true
        }
    }

    private static let ping = MemberNotice("ping", data: Array("{}".utf8))
    /// What a worker that is to go is told.
    private static let drain = MemberNotice("drain", data: Array("{}".utf8))

    /// These leases are no longer the member's.
    func revoke(_ keys: [LeaseKey], from member: MemberID, _ fleet: inout Fleet) {
        fleet[slice].lines[member]?.line.tell(MemberNotice("revoke", data: Revocation(leases: keys).body))
    }

    /// Nothing more of these leases is to be begun. A worker that does not know of it does what it has.
    func finish(_ keys: [LeaseKey], at member: MemberID, _ fleet: inout Fleet) {
        fleet[slice].lines[member]?.line.tell(MemberNotice("finish", data: Revocation(leases: keys).body))
    }

    /// Workers hand on what these jobs' commands print while they run, and no others'.
    func tellFollowed(_ jobs: [JobID], _ fleet: inout Fleet) {
        guard jobs != fleet[slice].followed else { return }
        fleet[slice].followed = jobs
        var notices = MemberNotices([MemberNotice("follow", data: FollowedJobs(jobs).body)])
        for worker in fleet.core.membership.liveWorkers { fleet[slice].lines[worker.id]?.line.tell(&notices) }
    }

    func close(_ fleet: inout Fleet) {
        for entry in fleet[slice].lines.values { entry.line.end(.shutdown) }
        fleet[slice].lines = [:]
    }

    /// The connection whose break says at once that the member is gone.
    func streamMember(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try callers.sender(named: request)
        // Thousands may be held.
        let stream = HTTPStream(pieceBytes: 2 << 10)
        _ = stream.write(Array(": open\n\n".utf8))
        open(.stream(stream), of: id, seen: try request.lastSeenCommand())
        return .respond(.eventStream(stream))
    }

    func open(_ line: MemberLine, of id: MemberID, seen: CommandID) {
        let connection: UInt64? = lock.withLock { fleet in
            // It may have gone since it asked.
            guard fleet.core.membership.contains(id) else { return nil }
            let connection = fleet.newNumber()
            fleet[slice].lines.updateValue((connection, line), forKey: id)?.line.end(.replaced)
            fleet.handle(.membership(.connectionOpened(id, connection: connection)))
            fleet[slice].toldRanks[id] = nil
            if let rank = fleet.core.membership.rank(of: id) {
                tell(id, rank, fleet.core.membership.rankedCount, &fleet)
            }
            fleet.handle(.command(.connected(id, seen: seen)))
            if fleet.core.scheduler.isDraining(id) { line.tell(Self.drain) }
            let followed = fleet[slice].followed
            if !followed.isEmpty { line.tell(MemberNotice("follow", data: FollowedJobs(followed).body)) }
            return connection
        }
        guard let connection else { return line.end(.gone) }
        line.onDisconnect { [weak self] in
            guard let self else { return }
            lock.withLock { if $0[slice].lines[id]?.connection == connection { $0[slice].lines[id] = nil } }
            lock.handle(.membership(.connectionBroken(id, connection: connection)))
        }
    }

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
            fleet[slice].lines[id]?.line.tell(Self.drain)
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
        for (rank, id) in ranked.ids.enumerated() { tell(id, rank, ranked.count, &fleet) }
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
        guard fleet[slice].toldRanks[id] != rank, let line = fleet[slice].lines[id]?.line else { return }
        fleet[slice].toldRanks[id] = rank
        let notice = RankNotice(rank: rank, view: fleet.core.membership.view, members: members)
        line.tell(MemberNotice("rank", data: notice.body.bytes))
    }
}

extension HTTPRequest {
    /// The last command that a member says to have: a browser's WebSocket cannot send a header.
    func lastSeenCommand() throws(Problem) -> CommandID {
        if let text = header("last-event-id") { return CommandID(Int64(text) ?? 0) }
        return CommandID(Int64(try queryInt("seen", in: 0...Int.max) ?? 0))
    }
}

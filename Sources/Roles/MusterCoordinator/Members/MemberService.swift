internal import MusterAPI
internal import MusterCore
internal import MusterElection
internal import MusterFleetCore
internal import MusterHTTP
internal import MusterLog
internal import MusterMembership
internal import MusterRole
internal import MusterRoutes
internal import MusterScheduling
internal import MusterServices
internal import MusterStore
internal import MusterWire

/// Who is in the fleet, who leaves, and what members say of themselves.
final class MemberService: Service {
    private struct State {
        /// The newest term of a leader of the edges that an edge told.
        var edgeTerm = Term.zero
    }

    private let lock: FleetLock
    private let slice: Slice<State>
    private let authenticator: Authenticator
    private let events: EventHub
    private let callers: Callers

    init(_ common: Common) {
        lock = common.lock
        slice = Slice(State(), of: lock)
        (authenticator, events, callers) = (common.authenticator, common.events, Callers(common))
    }

    /// Every stored member gets a full silence time. `revoked`: tokens whose members may not have been removed in time.
    static func restore(from store: any Store, revoked: [Int64], _ restoring: inout Restoring) async throws {
        let members = try await store.members()
        for member in members { restoring.handle(.membership(.restored(member))) }
        for token in Set(members.compactMap(\.token)).intersection(revoked).sorted() {
            restoring.handle(.tokenRevoked(token))
        }
    }

    var routes: [RouteName: RouteHandler] {
        [
            .members: { [unowned self] _ in listMembers(liveWorkersOnly: false) },
            .servers: { [unowned self] _ in listMembers(liveWorkersOnly: true) },
            .member: { [unowned self] in try getMember($0) },
            .leaveFleet: { [unowned self] in try leaveFleet($0) },
            .heartbeat: { [unowned self] in try heartbeat($0) },
        ]
    }

    func addMetrics(to page: inout MetricsPage, _ fleet: borrowing Fleet) {
        page.add("members", "gauge", "Members of the fleet.", fleet.core.membership.count)
        page.add("view", "gauge", "Number of the latest state of the ranks.", Int(fleet.core.membership.view))
        page.add(
            "suspicions_total", "counter", "Members whose connection broke.", fleet.core.membership.suspicions)
    }

    func leaveFleet(_ request: HTTPRequest) throws -> HTTPOutcome {
        let isAdmin = authenticator.principal(of: request) == .admin
        let id = isAdmin ? MemberID(try request.number("id", of: "member")) : try callers.sender(named: request)
        let isUnbegun = try request.queryBool("unbegun") == true
        let isKnown = lock.withLock { fleet in
            guard fleet.core.membership[id] != nil else { return false }
            if isUnbegun, !isAdmin { fleet.handle(.work(.unbegun(id))) }
            fleet.handle(.membership(.left(id)))
            return true
        }
        guard isKnown else { throw Problem(404, "There is no member \(id).") }
        return .respond(.json(Success().body))
    }

    func heartbeat(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = try callers.sender(named: request)
        let beat = try Heartbeat(body: request.body, member: id)
        if !beat.leases.isEmpty { lock.handle(.work(.renewed(id, beat.leases))) }
        if !beat.returned.isEmpty { lock.handle(.work(.returned(id, beat.returned))) }
        if let through = beat.acknowledged { lock.handle(.command(.acknowledged(id, through: through))) }
        let (rank, count, edges) = lock.withLock { fleet in
            let membership = fleet.core.membership
            return (membership.rank(of: id), membership.count, otherEdges(than: id, membership))
        }
        if let leadership = beat.leadership { learn(leadership) }
        return .respond(.json(HeartbeatAnswer(rank: rank, members: count, edges: edges).body))
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

    func listMembers(liveWorkersOnly: Bool) -> HTTPOutcome {
        @Sendable func isListed(_ member: Membership.Member) -> Bool {
            !liveWorkersOnly || (member.record.role == .worker && member.standing == .alive)
        }
        let statuses = lock.withLock { fleet in
            fleet.core.membership.ranked.enumerated().filter { isListed($0.element) }.map { rank, member in
                MemberStatus(
                    record: member.record, rank: rank, standing: member.standing,
                    isDistrusted: fleet.core.scheduler.isBarred(member.record.id),
                    isDraining: fleet.core.scheduler.isDraining(member.record.id))
            }
                + fleet.core.membership.unranked.filter(isListed).map { member in
                    MemberStatus(record: member.record, rank: nil, standing: member.standing)
                }
        }
        return .respond(.json(ListAnswer(statuses).body))
    }

    func getMember(_ request: HTTPRequest) throws -> HTTPOutcome {
        let id = MemberID(try request.number("id", of: "member"))
        let status: MemberStatus? = lock.withLock { fleet in
            guard let member = fleet.core.membership[id] else { return nil }
            return MemberStatus(member, in: fleet.core)
        }
        guard let status else { throw Problem(404, "There is no member \(id).") }
        return .respond(.json(status.body))
    }
}

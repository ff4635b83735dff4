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

/// What members say of themselves, over whichever line.
protocol Heartbeats: Sendable {
    /// Of somebody who is a member, and was seen.
    func take(_ beat: Heartbeat, of id: MemberID, _ fleet: inout Fleet)
    func answer(to beat: Heartbeat, of id: MemberID, _ fleet: borrowing Fleet) -> HeartbeatAnswer
}

/// Who is in the fleet, who leaves, and what members say of themselves.
final class MemberService: Service, Heartbeats {
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
            guard fleet.core.membership.contains(id) else { return false }
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
        let answer = lock.withLock { fleet in
            take(beat, of: id, &fleet)
            return self.answer(to: beat, of: id, fleet)
        }
        return .respond(.json(answer.body))
    }

    func take(_ beat: Heartbeat, of id: MemberID, _ fleet: inout Fleet) {
        if !beat.leases.isEmpty { fleet.handle(.work(.renewed(id, beat.leases))) }
        if !beat.returned.isEmpty { fleet.handle(.work(.returned(id, beat.returned))) }
        if let through = beat.acknowledged { fleet.handle(.command(.acknowledged(id, through: through))) }
        if let leadership = beat.leadership { learn(leadership, &fleet) }
    }

    func answer(to beat: Heartbeat, of id: MemberID, _ fleet: borrowing Fleet) -> HeartbeatAnswer {
        var answer = HeartbeatAnswer(
            rank: fleet.core.membership.rank(of: id), members: fleet.core.membership.count,
            edges: otherEdges(than: id, fleet.core.membership))
        answer.number = beat.number
        return answer
    }

    /// Where the other edges are, for one of them; nil for anybody else.
    private func otherEdges(than id: MemberID, _ membership: borrowing Membership) -> [String]? {
        guard membership.role(of: id) == .edge else { return nil }
        return membership.unranked.filter { $0.record.role == .edge && $0.record.id != id }
            .compactMap { $0.record.labels["url"] }
    }

    /// An edge told who leads the edges: news, if its term is newer than any that was told.
    private func learn(_ leadership: EdgeLeadership, _ fleet: inout Fleet) {
        guard leadership.term > fleet[slice].edgeTerm else { return }
        fleet[slice].edgeTerm = leadership.term
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

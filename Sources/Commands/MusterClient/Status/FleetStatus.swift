package import MusterAPI
internal import MusterCommandLine
internal import MusterCore
internal import MusterMembership
package import MusterWire

/// The whole fleet at one moment, from what its processes answered.
package struct FleetStatus: Sendable {
    package struct Member: Hashable, Sendable {
        package var name: String
        package var role: String
        /// Nil: it has none.
        package var rank: Int?
        package var state: String
        package var slots: Int
        /// In seconds since 1970.
        package var joined: Double
        /// Of an origin or an edge: where it says that it is.
        package var url: String?
        /// Of an edge.
        package var number: Int?
        /// Of an edge: below which its own routes are; empty: at the root.
        package var ownPaths = ""

        var isAlive: Bool { state == Membership.Standing.alive.rawValue }
    }

    /// An edge that is listed at the coordinator, and what it told, or why it did not.
    package struct Edge: Hashable, Sendable {
        package var member: Member
        package var report: EdgeState?
        package var problem: String?

        package init(member: Member, report: EdgeState?, problem: String?) {
            (self.member, self.report, self.problem) = (member, report, problem)
        }
    }

    package var url: String
    /// Whether it takes calls; it does not while it ends.
    var isReady: Bool
    package var members: [Member]
    /// The unfinished ones that were asked for, the oldest first.
    package var jobs: [JobStatus]
    /// Numbers of the coordinator's `/metrics`, without `muster_`.
    package var metrics: [String: Double]
    package var numbers: NumbersProgress
    package var edges: [Edge]
    /// The coordinator's bounds that somebody met, the latest first; none of one that is older than that.
    package var limits: [LimitStatus] = []
    /// Launched workers, where there are as many as the queue needs.
    package var scale: ScaleReply?
    /// Tasks that are recorded a second, over the time between two looks; nil at the first.
    package var perSecond: Double?

    init(
        url: String, isReady: Bool, members: [Member], jobs: [JobStatus], metrics: [String: Double],
        numbers: NumbersProgress, edges: [Edge], perSecond: Double? = nil
    ) {
        self.url = url
        self.isReady = isReady
        self.members = members
        self.jobs = jobs
        self.metrics = metrics
        self.numbers = numbers
        self.edges = edges
        self.perSecond = perSecond
    }

    package func metric(_ name: String) -> Int { metrics[name].flatMap { Int(exactly: $0) } ?? 0 }

    /// Live workers, and how many tasks they take at one time.
    var workers: [Member] { members.filter { $0.role == MemberRole.worker.rawValue && $0.isAlive } }
    var slots: Int { workers.map(\.slots).reduce(0, +) }

    /// How many there are of each role, roles that are at work first.
    var roles: [(role: String, count: Int)] {
        let order = MemberRole.allCases.map(\.rawValue)
        let counts = Dictionary(grouping: members, by: \.role).mapValues(\.count)
        let known = order.compactMap { role in counts[role].map { (role, $0) } }
        return known + counts.filter { !order.contains($0.key) }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The edge that most of those that answered follow.
    var leader: (edge: Int, term: Int)? {
        let told = edges.compactMap(\.report).compactMap { report in report.leader.map { ($0, report.term) } }
        let votes = Dictionary(grouping: told, by: \.0)
        let most = votes.max { ($0.value.count, $0.key) < ($1.value.count, $1.key) }
        return most.map { ($0.key, $0.value.map(\.1).max() ?? 0) }
    }

    var hits: Int { edges.compactMap(\.report?.hits).reduce(0, +) }
    var misses: Int { edges.compactMap(\.report?.misses).reduce(0, +) }
}

extension FleetStatus {
    /// Of `GET /v1/members`. Throws a `Problem` for what is no such answer.
    package static func members(of body: [UInt8]) throws(Problem) -> [Member] {
        try ListAnswer<MemberStatus>(body: body).items.map { member in
            Member(
                name: member.name, role: member.role, rank: member.rank, state: member.state, slots: member.slots,
                joined: member.joined,
                // What a member says of itself is not believed where it is no URL.
                url: member.labels["url"].flatMap { ValueKind.serverURL($0) },
                number: member.labels["id"].flatMap { Int($0) },
                ownPaths: member.labels["paths"].flatMap { EdgePaths.isValid($0) ? $0 : nil } ?? "")
        }
    }

    /// Of `GET /metrics`: samples without labels.
    package static func metrics(of page: String) -> [String: Double] {
        var found: [String: Double] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("muster_") {
            let parts = line.dropFirst(7).split(separator: " ")
            guard parts.count == 2, let value = Double(parts[1]) else { continue }
            found[String(parts[0])] = value
        }
        return found
    }
}

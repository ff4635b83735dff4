internal import MusterAPI
package import MusterCommandLine
internal import MusterCore
internal import MusterHTTPClient
internal import MusterWire

/// Asks the processes of a fleet how they are.
@MainActor package struct StatusProbe {
    private let url: String
    private let client: CoordinatorClient
    /// For edges, which tell without a token: what they say of where they are is their own word, so no token goes there.
    private let open: HTTPClient

    /// So many edges are asked, and so long each.
    nonisolated static let edgesMax = 64
    private nonisolated static let patience = Duration.seconds(3)
    private nonisolated static let answerBytesMax = 1 << 20
    private static let jobsMax = 50

    /// Throws a `CommandError`.
    package init(_ invocation: Invocation) throws {
        url = invocation[CommonFlags.coordinator]
        client = try CoordinatorClient(invocation)
        open = HTTPClient(HTTPClient.Configuration(tlsCAFile: invocation[CommonFlags.tlsCA]))
    }

    /// Throws a `CommandError` where the coordinator does not answer, or what is no answer of one.
    package func look() async throws -> FleetStatus {
        do {
            let members = try FleetStatus.members(of: await client.call("GET", "/v1/members"))
            let jobs = try await unfinished()
            let page = String(decoding: try await client.call("GET", "/metrics"), as: UTF8.self)
            let numbers = try NumbersProgress(body: await client.call("GET", "/progress"))
            var status = FleetStatus(
                url: url, isReady: await isReady(), members: members, jobs: jobs,
                metrics: FleetStatus.metrics(of: page), numbers: numbers, edges: await edges(members))
            // A coordinator of an earlier version has no such answer.
            if let limits = try? await client.call("GET", "/v1/limits") {
                status.limits = try ListAnswer<LimitStatus>(body: limits).items
            }
            if let scale = try? await client.call("GET", "/v1/scale") {
                status.scale = try ScaleReply(body: scale)
                if status.scale?.most == nil { status.scale = nil }
            }
            return status
        } catch let problem as Problem {
            throw CommandError(.internalError, "\(url) answers what makes no sense: \(problem.detail)")
        }
    }

    /// The oldest first: they are served first.
    private func unfinished() async throws -> [JobStatus] {
        var jobs: [JobStatus] = []
        for state in [JobState.running, .queued] {
            let body = try await client.call("GET", "/v1/jobs?limit=\(Self.jobsMax)&state=\(state.rawValue)")
            jobs += try ListAnswer<JobStatus>(body: body).items.sorted { $0.id < $1.id }
        }
        return jobs
    }

    private func isReady() async -> Bool {
        let answer = try? await open.send(HTTPClientRequest("GET", url + "/readyz", timeout: Self.patience))
        return answer?.status == 200
    }

    /// All at once; in the order of their numbers.
    private func edges(_ members: [FleetStatus.Member]) async -> [FleetStatus.Edge] {
        let listed = members.filter { $0.role == MemberRole.edge.rawValue }
            .sorted { ($0.number ?? .max, $0.name) < ($1.number ?? .max, $1.name) }.prefix(Self.edgesMax)
        let open = open
        return await withTaskGroup(of: (Int, FleetStatus.Edge).self) { group in
            for (place, member) in listed.enumerated() {
                group.addTask { (place, await Self.ask(member, open)) }
            }
            var found: [(Int, FleetStatus.Edge)] = []
            for await edge in group { found.append(edge) }
            return found.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    private nonisolated static func ask(_ member: FleetStatus.Member, _ client: HTTPClient) async -> FleetStatus.Edge {
        guard let url = member.url else {
            return FleetStatus.Edge(member: member, report: nil, problem: "it does not say where it is")
        }
        let target = url + member.ownPaths + "/v1/edge"
        var request = HTTPClientRequest("GET", target, timeout: patience)
        request.responseBytesMax = answerBytesMax
        do {
            let answer = try await client.send(request)
            guard answer.status == 200, let report = try? EdgeState(body: answer.body) else {
                let why = "\(target) answers \(answer.status), and nothing of an edge's"
                return FleetStatus.Edge(member: member, report: nil, problem: why)
            }
            return FleetStatus.Edge(member: member, report: report, problem: nil)
        } catch {
            let reason = (error as? HTTPClientError)?.message ?? "\(error)"
            return FleetStatus.Edge(member: member, report: nil, problem: "\(url): \(reason)")
        }
    }
}
